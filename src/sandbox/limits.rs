//! Sliding windows: how many requests arrived within any one second, exactly.

use std::collections::VecDeque;

const SECOND: u64 = 1_000_000_000;

/// The arrivals of the last second and the most that any second ever held. Exact at any rate; its memory is one word per
/// arrival of the last second. Two arrivals exactly one second apart are not in the same second.
#[derive(Debug, Default)]
pub(super) struct SlidingSecond {
    arrivals: VecDeque<u64>,
    worst: usize,
}

impl SlidingSecond {
    /// Counts an arrival, in nanoseconds of a clock that never goes back, and says how many the second up to it holds.
    pub(super) fn arrive(&mut self, now: u64) -> usize {
        while self.arrivals.front().is_some_and(|first| now.saturating_sub(*first) >= SECOND) {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(now);
        self.worst = self.worst.max(self.arrivals.len());
        self.arrivals.len()
    }

    pub(super) fn worst(&self) -> u64 {
        self.worst as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_second_slides() {
        let mut second = SlidingSecond::default();
        // Half a second apart from the seconds of a clock: three at the end of one, three at the start of the next.
        for at in [0, 900, 950, 990, 1_010, 1_050, 1_890, 1_900] {
            second.arrive(at * 1_000_000);
        }
        assert_eq!(second.worst(), 6, "900, 950, 990, 1010, 1050 and 1890 ms; 1900 is a whole second after 900");
        assert_eq!(second.arrive(5_000_000_000), 1);
        assert_eq!(second.worst(), 6);
    }

    #[test]
    fn it_is_exact_at_high_rates() {
        let mut second = SlidingSecond::default();
        for n in 0..100_000_u64 {
            second.arrive(n * 20_000);
        }
        assert_eq!(second.worst(), 50_000);
    }
}
