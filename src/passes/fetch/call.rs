//! One call, from its slot to the verdict on its reply.
//!
//! The intent is durable before this begins. Whatever happens to the power afterwards, the ledger holds the intent, so the call
//! is a doubt at worst.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::catalog::Profile;
use crate::crash;
use crate::domain::call::{Outcome, Settlement};
use crate::domain::ids::{ApiId, CallId};
use crate::domain::ports::{Arrival, Client, Ledger, Pace, Slot};
use crate::domain::subject::Subject;
use crate::domain::verdict::{Billing, Class, Verdict};
use crate::progress::Gauge;
use crate::replies;

/// A number that is to be asked about.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) subject: Subject,
    /// The number or its digest, in the form that the API takes.
    pub(super) value: String,
    /// The first input record that asks for it.
    pub(super) record: u64,
    /// Attempts made in this invocation, this one included.
    pub(super) attempt: u32,
}

/// What every call of a lane needs.
pub(super) struct Tools<L, P, C> {
    pub(super) api: ApiId,
    pub(super) profile: Arc<Profile>,
    /// Attempts before a number is given up.
    pub(super) attempts: u32,
    pub(super) ledger: L,
    pub(super) pace: P,
    pub(super) client: C,
    pub(super) gauge: Arc<Gauge>,
    /// Cancelled when the lane's end is decided: what is not on the wire is withdrawn.
    pub(super) drain: CancellationToken,
    /// The ledger has failed in one of the run's lanes: none sends any more.
    pub(super) broken: CancellationToken,
}

/// A granted call with its slot.
pub(super) struct Flight {
    pub(super) candidate: Candidate,
    pub(super) call: CallId,
    /// The lane's count of calls, in the order of their slots.
    pub(super) seq: u64,
    pub(super) slot: Slot,
}

/// A call that is over, but for its end in the ledger.
pub(super) struct Landed {
    pub(super) candidate: Candidate,
    pub(super) call: CallId,
    pub(super) seq: u64,
    pub(super) fate: Fate,
}

pub(super) enum Fate {
    /// To be settled.
    Judged { class: Class, settlement: Settlement },
    /// Proven not to have reached the vendor: to be withdrawn.
    NotSent { why: String },
    /// Its slot is void, so it was not sent: to be withdrawn.
    Void,
}

/// Carries a granted call out.
pub(super) async fn carry_out<L: Ledger, P: Pace, C: Client>(tools: Arc<Tools<L, P, C>>, flight: Flight) -> Landed {
    crash::point("fetch.granted");
    let Flight { candidate, call, seq, slot } = flight;
    let fate = if wait_for_turn(&tools, slot).await { ask(&tools, call, &candidate).await } else { Fate::Void };
    Landed { candidate, call, seq, fate }
}

/// Waits until the call may start; false where the lane has paused or drains.
async fn wait_for_turn<L: Ledger, P: Pace, C: Client>(tools: &Tools<L, P, C>, mut slot: Slot) -> bool {
    let epoch = slot.epoch;
    loop {
        match tools.pace.arrive(&tools.api, slot).await {
            Arrival::Go => return !tools.broken.is_cancelled(),
            Arrival::Void => return false,
            Arrival::Missed => {
                // At a slow rate the next slot may be a minute away, and a lane that stops does not wait for it.
                let slots = tokio::select! {
                    biased;
                    () = tools.drain.cancelled() => return false,
                    slots = tools.pace.reserve(&tools.api, 1) => slots,
                };
                match slots.first() {
                    Some(next) if next.epoch == epoch => slot = *next,
                    // The lane paused in between; a slot of the time after is not for this call.
                    _ => {
                        tools.pace.give_back(&tools.api, &slots);
                        return false;
                    }
                }
            }
        }
    }
}

async fn ask<L: Ledger, P: Pace, C: Client>(tools: &Tools<L, P, C>, call: CallId, candidate: &Candidate) -> Fate {
    tools.gauge.sent();
    crash::point("fetch.due");
    let sent = Instant::now();
    let reply = tools.client.ask(candidate.value.clone()).await;
    let took = sent.elapsed();
    crash::point("fetch.replied");
    let verdict = replies::judge(&tools.profile, &reply);
    let Some(outcome) = outcome(&verdict, candidate.attempt >= tools.attempts) else {
        return Fate::NotSent { why: verdict.reason };
    };
    let settlement = Settlement {
        call,
        outcome,
        assumed: verdict.billing == Billing::UnpaidAssumed,
        code: verdict.code,
        reason: verdict.reason,
        order_id: verdict.order_id,
        fields: verdict.fields,
        took_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
    };
    Fate::Judged { class: verdict.class, settlement }
}

/// How the ledger keeps a verdict; none for a call that was not sent.
fn outcome(verdict: &Verdict, last_attempt: bool) -> Option<Outcome> {
    let outcome = match verdict.class {
        Class::Answer => Outcome::Paid,
        Class::NoRecord => Outcome::NoRecord,
        Class::Rejected => Outcome::Rejected,
        Class::Retry if !last_attempt => Outcome::Unpaid,
        Class::Retry | Class::Unknown => Outcome::Failed,
        Class::Throttle { .. } | Class::Quota | Class::Maintenance | Class::Halt => Outcome::Unpaid,
        Class::Doubt => Outcome::Doubt,
        Class::NotSent => return None,
    };
    // Stopping is far better than paying wrongly.
    assert_eq!(outcome == Outcome::Paid, verdict.billing == Billing::Paid, "a paid reply is settled as paid");
    assert_eq!(outcome == Outcome::Doubt, verdict.billing == Billing::Doubt, "a doubtful reply is settled as doubt");
    Some(outcome)
}
