//! What a row of bad ends, by order of sending, says about the whole lane.
//!
//! Replies arrive out of order; they are counted in the order in which their calls were sent, so that one slow call cannot make
//! a streak look longer or shorter than it is, nor hide one that lies wholly behind it.

use std::collections::BTreeMap;

/// A lane whose first replies are all rejected is asking the wrong thing.
const REJECTED_FROM_THE_START: u64 = 50;
/// So is one with so many rejections in a row later on.
const REJECTED_IN_A_ROW: u64 = 200;

/// How one call ended, as far as streaks care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Throttled, out of quota, in maintenance, not sent, withdrawn: says nothing about the number.
    Nothing,
    /// Answered, or no record.
    Served,
    /// To be asked again: neither good nor the end of the number.
    Retried,
    Rejected,
    /// In doubt or failed.
    Broken,
}

/// Why a lane stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trip {
    Rejected,
    Breaker,
}

#[derive(Debug)]
pub(super) struct Streaks {
    breaker: u64,
    next: u64,
    early: BTreeMap<u64, Mark>,
    replies: u64,
    rejected: u64,
    broken: u64,
}

impl Streaks {
    pub(super) fn new(breaker: u32) -> Self {
        Streaks { breaker: u64::from(breaker), next: 0, early: BTreeMap::new(), replies: 0, rejected: 0, broken: 0 }
    }

    /// The call that was the `seq`-th to be sent (from 0) ended so. Says whether the lane has to stop.
    pub(super) fn record(&mut self, seq: u64, mark: Mark) -> Option<Trip> {
        self.early.insert(seq, mark);
        let mut trip = None;
        while let Some(mark) = self.early.remove(&self.next) {
            self.next += 1;
            trip = trip.or(self.count(mark));
        }
        trip.or_else(|| self.row_around(seq))
    }

    /// A row behind a call that is still out is a row, whatever becomes of that call: while one call hangs, those behind it must
    /// not fall into doubt by the hundred.
    fn row_around(&self, seq: u64) -> Option<Trip> {
        let mark = *self.early.get(&seq)?;
        let (enough, trip) = match mark {
            Mark::Broken => (self.breaker, Trip::Breaker),
            Mark::Rejected => (REJECTED_IN_A_ROW, Trip::Rejected),
            Mark::Nothing | Mark::Served | Mark::Retried => return None,
        };
        let goes_on = |other: &&Mark| match other {
            Mark::Nothing => true,
            Mark::Retried => mark == Mark::Broken,
            other => **other == mark,
        };
        let row = |seqs: &mut dyn Iterator<Item = u64>| {
            let known = seqs.map_while(|seq| self.early.get(&seq)).take_while(goes_on);
            known.filter(|other| **other == mark).zip(0..enough).count() as u64
        };
        (row(&mut (0..seq).rev()) + 1 + row(&mut (seq + 1..)) >= enough).then_some(trip)
    }

    fn count(&mut self, mark: Mark) -> Option<Trip> {
        match mark {
            Mark::Nothing => return None,
            Mark::Served => (self.rejected, self.broken) = (0, 0),
            Mark::Retried => self.rejected = 0,
            Mark::Rejected => (self.rejected, self.broken) = (self.rejected + 1, 0),
            Mark::Broken => (self.rejected, self.broken) = (0, self.broken + 1),
        }
        self.replies += 1;
        let from_the_start = self.rejected == REJECTED_FROM_THE_START && self.replies == REJECTED_FROM_THE_START;
        if from_the_start || self.rejected >= REJECTED_IN_A_ROW {
            Some(Trip::Rejected)
        } else if self.broken >= self.breaker {
            Some(Trip::Breaker)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trip_at(marks: impl Iterator<Item = Mark>) -> Option<(usize, Trip)> {
        let mut streaks = Streaks::new(20);
        marks.enumerate().find_map(|(i, mark)| streaks.record(i as u64, mark).map(|trip| (i + 1, trip)))
    }

    #[test]
    fn fifty_rejections_from_the_start_or_two_hundred_later() {
        use std::iter::{once, repeat};
        assert_eq!(trip_at(repeat(Mark::Rejected)), Some((50, Trip::Rejected)));
        assert_eq!(trip_at(once(Mark::Served).chain(repeat(Mark::Rejected))), Some((201, Trip::Rejected)));
        assert_eq!(trip_at(once(Mark::Nothing).chain(repeat(Mark::Rejected))), Some((51, Trip::Rejected)));
    }

    #[test]
    fn the_breaker_counts_doubts_and_failures_in_a_row() {
        let broken = |n| std::iter::repeat_n(Mark::Broken, n);
        assert_eq!(trip_at(broken(30)), Some((20, Trip::Breaker)));
        let interrupted = broken(19).chain([Mark::Served]).chain(broken(19));
        assert_eq!(trip_at(interrupted), None);
        let with_nothing = broken(10).chain([Mark::Nothing, Mark::Retried]).chain(broken(10));
        assert_eq!(trip_at(with_nothing), Some((22, Trip::Breaker)), "neither feeds the breaker nor resets it");
    }

    #[test]
    fn order_is_that_of_sending() {
        let mut streaks = Streaks::new(3);
        assert_eq!(streaks.record(1, Mark::Broken), None);
        assert_eq!(streaks.record(3, Mark::Broken), None);
        assert_eq!(streaks.record(4, Mark::Broken), None, "the call between them is still out");
        assert_eq!(streaks.record(2, Mark::Served), None);
        assert_eq!(streaks.record(0, Mark::Broken), None);
        assert_eq!(streaks.record(5, Mark::Broken), Some(Trip::Breaker));
    }

    #[test]
    fn a_row_behind_a_call_that_hangs_counts() {
        let mut streaks = Streaks::new(3);
        assert_eq!(streaks.record(5, Mark::Broken), None);
        assert_eq!(streaks.record(3, Mark::Broken), None);
        assert_eq!(streaks.record(4, Mark::Retried), None);
        assert_eq!(streaks.record(6, Mark::Nothing), None);
        assert_eq!(streaks.record(7, Mark::Broken), Some(Trip::Breaker));
        let mut streaks = Streaks::new(3);
        let rejected = (1..=200).find_map(|seq| streaks.record(seq, Mark::Rejected).map(|trip| (seq, trip)));
        assert_eq!(rejected, Some((200, Trip::Rejected)));
    }
}
