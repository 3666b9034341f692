//! How calls were really spaced: the proof of the promise about the rate, kept for the summary.

use std::collections::VecDeque;

use crate::domain::ports::Spacing;

const SECOND: u64 = 1_000_000_000;

/// The starts of the last second, and what they came to. Memory is bounded by the rate.
#[derive(Debug, Default)]
pub(super) struct StartLog {
    last_second: VecDeque<u64>,
    first: u64,
    last: u64,
    started: u64,
    worst: usize,
}

impl StartLog {
    /// A call starts at `now` (nanoseconds, never decreasing).
    pub(super) fn start(&mut self, now: u64) {
        if self.started == 0 {
            self.first = now;
        }
        self.started += 1;
        self.last = now;
        self.last_second.push_back(now);
        while self.last_second.front().is_some_and(|earliest| earliest + SECOND <= now) {
            self.last_second.pop_front();
        }
        self.worst = self.worst.max(self.last_second.len());
    }

    pub(super) fn spacing(&self) -> Spacing {
        let seconds = (self.last - self.first) as f64 / SECOND as f64;
        let intervals = self.started.saturating_sub(1) as f64;
        Spacing {
            started: self.started,
            worst_window: self.worst as u64,
            achieved: if seconds > 0.0 { intervals / seconds } else { 0.0 },
        }
    }
}
