//! Numbers that wait to be asked again. Waiting holds no place among the calls in flight.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tokio::time::Instant;

use super::call::Candidate;

/// The vendor is never asked about one number sooner than this again.
const SHORTEST: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(60);

/// How long to wait after the attempt with this number (1 is the first): doubling, with up to half of it as jitter on top.
pub(super) fn backoff(attempt: u32) -> Duration {
    let base = SHORTEST.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX)).min(LONGEST);
    base + base.mul_f64(fastrand::f64() / 2.0)
}

struct Waiting {
    due: Instant,
    candidate: Candidate,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

#[derive(Default)]
pub(super) struct Retries(BinaryHeap<Reverse<Waiting>>);

impl Retries {
    pub(super) fn push(&mut self, due: Instant, candidate: Candidate) {
        self.0.push(Reverse(Waiting { due, candidate }));
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse(waiting)| waiting.due)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Candidate> {
        self.next_due().filter(|due| *due <= now)?;
        self.0.pop().map(|Reverse(waiting)| waiting.candidate)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_never_shorter_than_three_seconds() {
        for attempt in 1..100 {
            let pause = backoff(attempt);
            assert!(pause >= SHORTEST && pause <= LONGEST * 3 / 2, "attempt {attempt}: {pause:?}");
        }
        assert!(backoff(4) > backoff(1));
    }
}
