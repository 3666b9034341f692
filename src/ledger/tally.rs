//! Where a call stands in the totals, and the only way to move it.
//!
//! Invariant: a call is counted in exactly one place, and its price lies in at most one; [`Totals::calls`] is the sum of the
//! places. [`check`] holds this in release builds too: books that do not add up must not go on granting calls. How it fails: by
//! a panic of the writer thread, which rolls back what it was about to commit.

use crate::domain::call::Totals;
use crate::domain::money::Money;
use crate::ledger::rows::State;

/// One of the places that a call can be counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Open,
    /// Settled; `assumed` only matters where the call is taken for unbilled.
    Closed {
        state: State,
        assumed: bool,
    },
}

impl Place {
    /// Its count and, where money is bound there, its sum.
    fn of(self, totals: &mut Totals) -> (&mut u64, Option<&mut Money>) {
        match self {
            Place::Open => (&mut totals.open, Some(&mut totals.reserved)),
            Place::Closed { state, assumed } => match state {
                State::Paid => (&mut totals.billed, Some(&mut totals.spent)),
                State::Lost => (&mut totals.lost, Some(&mut totals.spent)),
                State::InDoubt => (&mut totals.in_doubt, Some(&mut totals.at_stake)),
                State::Released => (&mut totals.released, Some(&mut totals.held)),
                State::WrittenOff => (&mut totals.written_off, Some(&mut totals.held)),
                State::NoRecord | State::Rejected | State::Failed | State::Unpaid if assumed => {
                    (&mut totals.unbilled_assumed, Some(&mut totals.held))
                }
                State::NoRecord | State::Rejected | State::Failed | State::Unpaid => (&mut totals.unbilled, None),
            },
        }
    }

    pub(super) fn enter(self, totals: &mut Totals, price: Money) {
        let (count, sum) = self.of(totals);
        *count += 1;
        if let Some(sum) = sum {
            *sum += price;
        }
    }

    pub(super) fn leave(self, totals: &mut Totals, price: Money) {
        let (count, sum) = self.of(totals);
        *count -= 1;
        if let Some(sum) = sum {
            *sum -= price;
        }
    }
}

/// Panics unless every call is counted exactly once and no sum is negative.
pub(super) fn check(totals: &Totals) {
    let counted = totals.open
        + totals.billed
        + totals.lost
        + totals.unbilled
        + totals.unbilled_assumed
        + totals.in_doubt
        + totals.written_off
        + totals.released;
    assert!(totals.calls == counted, "the ledger's totals do not add up: {totals:?}");
    let sums = [totals.spent, totals.at_stake, totals.held, totals.reserved];
    assert!(sums.iter().all(|sum| *sum >= Money::ZERO), "the ledger's money does not add up: {totals:?}");
}
