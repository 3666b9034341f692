//! One round at the ledger: ends of calls and openings of new ones, handed in together so that they share a commit.
//!
//! Invariants: ends are handed in before openings, and the ledger takes requests up in that order. So a place is free as soon as
//! its end is handed in: whatever the power does, the ledger never holds more open calls than the lane has places. How it
//! fails: an end that could not be stored is in the rescue file by then, see [`Ledger::settle`]; all lanes are told at once, not
//! only when the openings of the round are answered too.

use tokio::join;
use tokio_util::sync::CancellationToken;

use super::call::Candidate;
use crate::domain::call::{Opened, Opening, Settlement};
use crate::domain::ids::{ApiId, CallId, RunId};
use crate::domain::ports::{Ledger, LedgerError, Slot};
use crate::domain::status::Status;

/// Ends that the ledger does not hold yet.
#[derive(Default)]
pub(super) struct Ends {
    pub(super) settlements: Vec<Settlement>,
    pub(super) withdrawals: Vec<CallId>,
}

impl Ends {
    pub(super) fn is_empty(&self) -> bool {
        self.settlements.is_empty() && self.withdrawals.is_empty()
    }
}

/// Wishes for calls, each with the slot that it would be sent at.
pub(super) struct Wishes {
    pub(super) run: RunId,
    pub(super) candidates: Vec<Candidate>,
    pub(super) openings: Vec<Opening>,
    pub(super) slots: Vec<Slot>,
}

/// What a round came to.
pub(super) struct Outturn {
    /// Of the settlements that are durable: what they mean for their rows; none where the number is to be asked again.
    pub(super) settled: Result<Vec<Option<Status>>, LedgerError>,
    /// How many withdrawals are durable.
    pub(super) withdrawn: Result<usize, LedgerError>,
    pub(super) opened: Result<Vec<Opened>, LedgerError>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) slots: Vec<Slot>,
}

/// Hands everything in and waits until it is durable. Cancels `broken` where an end cannot be stored.
pub(super) async fn hand_in<L: Ledger>(
    ledger: L,
    api: ApiId,
    broken: CancellationToken,
    ends: Ends,
    wishes: Wishes,
) -> Outturn {
    let Ends { settlements, withdrawals } = ends;
    let Wishes { run, candidates, openings, slots } = wishes;
    let settle = async {
        let statuses = settlements.iter().map(|end| end.outcome.status()).collect();
        if !settlements.is_empty() {
            ledger.settle(settlements).await.inspect_err(|_| broken.cancel())?;
        }
        Ok(statuses)
    };
    let withdraw = async {
        let count = withdrawals.len();
        if count > 0 {
            ledger.withdraw(withdrawals).await.inspect_err(|_| broken.cancel())?;
        }
        Ok(count)
    };
    let open = async { if openings.is_empty() { Ok(Vec::new()) } else { ledger.open(run, api, openings).await } };
    // In this order, and no other.
    let (settled, withdrawn, opened) = join!(biased; settle, withdraw, open);
    Outturn { settled, withdrawn, opened, candidates, slots }
}
