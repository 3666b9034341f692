//! The second pass: one lane per API, each with its own reader, pace and places in flight.
//!
//! subject -> open (the judge) -> at its slot, send -> reply -> verdict -> settle. A lane that stops does not stop the others.

mod call;
mod gate;
mod lane;
mod retries;
mod round;
#[cfg(test)]
mod scenarios;
mod source;
mod streaks;

use std::sync::Arc;

use roaring::RoaringBitmap;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::call::Tools;
use self::lane::{Lane, Orders};
use crate::domain::ids::RunId;
use crate::domain::money::Money;
use crate::domain::ports::{Client, Clock, Ledger, Pace};
use crate::domain::run::LaneEnd;
use crate::progress::Gauge;
use crate::settings::LaneJob;
use crate::table::Input;

/// What the lanes of a run share.
pub struct Shared<L, P> {
    pub run: RunId,
    pub input: Arc<Input>,
    pub ledger: L,
    pub pace: P,
    pub deadline: Option<Instant>,
    pub cancel: CancellationToken,
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the ledger fails in one of the lanes.
    pub broken: CancellationToken,
}

/// Asks the records of `to_ask` about one API. Returns when the lane has ended and nothing of it is in flight any more.
pub async fn fetch<L: Ledger, P: Pace, C: Client>(
    shared: &Shared<L, P>,
    job: LaneJob,
    client: C,
    to_ask: RoaringBitmap,
    gauge: Arc<Gauge>,
) -> LaneEnd {
    if to_ask.is_empty() {
        return LaneEnd::Finished;
    }
    let source = source::read(shared.input.clone(), job.profile.subject.form, to_ask);
    let orders = Orders {
        run: shared.run,
        price: job.price.unwrap_or(Money::ZERO),
        concurrency: job.concurrency,
        patience: job.patience,
        breaker: job.breaker,
        deadline: shared.deadline,
        cancel: shared.cancel.clone(),
        clock: shared.clock.clone(),
    };
    let tools = Tools {
        api: job.profile.id.clone(),
        profile: job.profile,
        attempts: job.attempts,
        ledger: shared.ledger.clone(),
        pace: shared.pace.clone(),
        client,
        gauge,
        drain: CancellationToken::new(),
        broken: shared.broken.clone(),
    };
    Lane::new(tools, orders, source).run().await
}
