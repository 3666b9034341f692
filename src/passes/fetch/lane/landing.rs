//! What a call that is over means for its lane: an end for the ledger, a turn of the gate, a mark for the streaks.
//!
//! Invariants: every call that landed as it should leaves exactly one end; a number whose call brought nothing goes back to the
//! queue or waits for its retry. How it fails: a call that ended unexpectedly leaves no end, so it is a doubt at the next start;
//! the lane stops.

use tokio::task::JoinError;
use tokio::time::Instant;

use super::super::call::{Candidate, Fate, Landed};
use super::super::gate::{Trouble, Turn};
use super::super::retries::backoff;
use super::super::streaks::{Mark, Trip};
use super::Lane;
use crate::domain::call::{Outcome, Settlement};
use crate::domain::ports::{Client, Ledger, Pace, Signal};
use crate::domain::run::LaneEnd;
use crate::domain::verdict::Class;
use crate::progress::Pause;
use crate::settings::{QuotaPolicy, Span};

impl<L: Ledger, P: Pace, C: Client> Lane<L, P, C> {
    /// A call is over.
    pub(super) fn land(&mut self, landed: Result<Landed, JoinError>) {
        let Landed { candidate, call, seq, fate } = match landed {
            Ok(landed) => landed,
            Err(error) => return self.stop(LaneEnd::Broken { reason: format!("a call ended unexpectedly: {error}") }),
        };
        let mark = match fate {
            Fate::Judged { class, settlement } => self.judged(candidate, seq, class, settlement),
            Fate::NotSent { why } => {
                self.ends.withdrawals.push(call);
                self.refused(candidate, seq, Trouble::Unreachable { reason: why })
            }
            Fate::Void => {
                self.ends.withdrawals.push(call);
                self.gate.withdrawn(seq);
                self.queue.push_front(candidate);
                Mark::Nothing
            }
        };
        match self.streaks.record(seq, mark) {
            Some(Trip::Rejected) => self.stop(LaneEnd::Rejected),
            Some(Trip::Breaker) => self.stop(LaneEnd::Breaker),
            None => {}
        }
    }

    fn judged(&mut self, candidate: Candidate, seq: u64, class: Class, settlement: Settlement) -> Mark {
        let trouble = match class {
            Class::Throttle { retry_after } => Some(Trouble::Throttled { retry_after }),
            Class::Quota => Some(Trouble::Quota),
            Class::Maintenance => Some(Trouble::Maintenance),
            _ => None,
        };
        let mark = match trouble {
            Some(trouble) => self.refused(candidate, seq, trouble),
            None => self.dealt_with(candidate, seq, &class, &settlement),
        };
        self.ends.settlements.push(settlement);
        mark
    }

    /// A reply, or none, that is about the lane's pace and not about the number, which is asked again.
    fn refused(&mut self, candidate: Candidate, seq: u64, trouble: Trouble) -> Mark {
        self.queue.push_front(candidate);
        let turn = self.gate.refused(seq, trouble, Instant::now());
        self.turn(turn);
        Mark::Nothing
    }

    /// A reply that is about the number, not about the lane's pace.
    fn dealt_with(&mut self, mut candidate: Candidate, seq: u64, class: &Class, end: &Settlement) -> Mark {
        match class {
            // It does not show that the vendor serves again.
            Class::Doubt => {
                tracing::info!(api = %self.tools.api, record = candidate.record, reason = %end.reason, "in doubt");
                let turn = self.gate.unclear(seq, Instant::now());
                self.turn(turn);
            }
            Class::Halt => self.stop(LaneEnd::Halted { code: end.code, reason: end.reason.clone() }),
            _ => {
                let turn = self.gate.passed(seq);
                self.turn(turn);
                self.tools.pace.report(&self.tools.api, Signal::Answered);
            }
        }
        match end.outcome {
            Outcome::Paid | Outcome::NoRecord => Mark::Served,
            Outcome::Rejected => Mark::Rejected,
            Outcome::Failed | Outcome::Doubt => Mark::Broken,
            Outcome::Unpaid if *class == Class::Halt => Mark::Nothing,
            Outcome::Unpaid => {
                let due = Instant::now() + backoff(candidate.attempt);
                candidate.attempt += 1;
                self.retries.push(due, candidate);
                Mark::Retried
            }
        }
    }

    fn turn(&mut self, turn: Turn) {
        let (api, pace, gauge) = (&self.tools.api, &self.tools.pace, &self.tools.gauge);
        match turn {
            Turn::Unchanged => {}
            Turn::Closed(trouble) => {
                let throttled = matches!(trouble, Trouble::Throttled { .. });
                pace.report(api, if throttled { Signal::Throttled } else { Signal::Paused });
                tracing::info!(%api, "pausing: {trouble}");
                gauge.pausing(Some(pause(&trouble)));
            }
            Turn::Opened(trouble) => {
                tracing::info!(%api, "going on");
                gauge.pausing(None);
                if matches!(trouble, Trouble::Quota | Trouble::Maintenance) {
                    pace.report(api, Signal::Throttled);
                }
            }
            Turn::Exhausted(trouble) => self.give_up(trouble),
        }
    }

    fn give_up(&mut self, trouble: Trouble) {
        match (&trouble, self.orders.patience.quota_policy) {
            (Trouble::Quota, QuotaPolicy::WaitUntil(reset)) => {
                let wait = reset.next_in_shanghai(self.orders.clock.now());
                tracing::info!(api = %self.tools.api, "the quota is used up: sleeping for {}", Span(wait));
                self.gate.sleep(trouble, Instant::now() + wait);
                self.tools.pace.report(&self.tools.api, Signal::Paused);
                self.tools.gauge.pausing(Some(Pause::QuotaUntil(reset.to_string())));
            }
            (Trouble::Quota | Trouble::Throttled { .. }, _) => self.stop(LaneEnd::Quota),
            (Trouble::Maintenance, _) => self.stop(LaneEnd::Maintenance),
            (Trouble::Unreachable { reason }, _) => self.stop(LaneEnd::Unreachable { reason: reason.clone() }),
        }
    }
}

/// What the watcher is told about a closed gate.
fn pause(trouble: &Trouble) -> Pause {
    match trouble {
        Trouble::Throttled { .. } => Pause::Throttled,
        Trouble::Quota => Pause::Quota,
        Trouble::Maintenance => Pause::Maintenance,
        Trouble::Unreachable { .. } => Pause::Unreachable,
    }
}
