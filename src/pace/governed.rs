//! The pace of all lanes of this process.
//!
//! Each lane is guarded by a lock of its own that is never held across a wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::lane::{LanePace, Reservation, TOLERANCE};
use crate::domain::ids::ApiId;
use crate::domain::ports::{Arrival, Pace, Signal, Slot, Spacing};
use crate::domain::rate::Rate;

/// A pace for each lane of a run, by governor and tokio's clock.
#[derive(Clone)]
pub struct GovernedPace {
    origin: Instant,
    lanes: Arc<HashMap<ApiId, Mutex<LanePace>>>,
}

impl GovernedPace {
    /// Begins now. To be made inside a tokio runtime.
    pub fn new(rates: impl IntoIterator<Item = (ApiId, Rate)>) -> Self {
        let lanes = rates.into_iter().map(|(api, rate)| (api, Mutex::new(LanePace::new(rate, 0)))).collect();
        GovernedPace { origin: Instant::now(), lanes: Arc::new(lanes) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    async fn sleep_until(&self, nanos: u64) {
        tokio::time::sleep_until(self.origin + Duration::from_nanos(nanos)).await;
    }

    fn lane(&self, api: &ApiId) -> MutexGuard<'_, LanePace> {
        let lane = self.lanes.get(api).unwrap_or_else(|| panic!("the pace was made without the lane {api}"));
        lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pace for GovernedPace {
    async fn reserve(&self, api: &ApiId, n: usize) -> Vec<Slot> {
        loop {
            let wake = match self.lane(api).reserve(self.now(), n.max(1)) {
                Reservation::Slots(slots) => return slots,
                Reservation::NotBefore(wake) => wake,
            };
            self.sleep_until(wake).await;
        }
    }

    async fn arrive(&self, api: &ApiId, slot: Slot) -> Arrival {
        if self.now() < slot.due {
            self.sleep_until(slot.due).await;
        }
        let mut lane = self.lane(api);
        let now = self.now();
        if lane.is_void(slot) {
            return Arrival::Void;
        }
        if now > slot.due + TOLERANCE {
            return Arrival::Missed;
        }
        lane.log.start(now);
        Arrival::Go
    }

    fn give_back(&self, api: &ApiId, slots: &[Slot]) {
        self.lane(api).give_back(slots);
    }

    fn report(&self, api: &ApiId, signal: Signal) {
        let now = self.now();
        let mut lane = self.lane(api);
        match signal {
            Signal::Answered => lane.creep_back(now),
            Signal::Throttled => lane.throttle(now),
            Signal::Paused => lane.pause(),
        }
    }

    fn spacing(&self, api: &ApiId) -> Spacing {
        self.lane(api).log.spacing()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn pace(rate: &str) -> (GovernedPace, ApiId) {
        let api = ApiId::new("a");
        (GovernedPace::new([(api.clone(), rate.parse().expect("a rate"))]), api)
    }

    /// Start times of the calls that one dispatcher makes in `seconds`, asking for `batch` slots at a time.
    async fn starts(pace: &GovernedPace, api: &ApiId, seconds: u64, batch: usize) -> Vec<u64> {
        let end = pace.now() + seconds * SECOND;
        let mut starts = Vec::new();
        while pace.now() < end {
            for slot in pace.reserve(api, batch).await {
                if pace.arrive(api, slot).await == Arrival::Go {
                    starts.push(pace.now());
                }
            }
        }
        starts
    }

    fn worst_second(starts: &[u64]) -> usize {
        let in_window = |i: usize| starts[..=i].iter().rev().take_while(|start| **start + SECOND > starts[i]).count();
        (0..starts.len()).map(in_window).max().unwrap_or_default()
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_reached_and_never_exceeded() {
        for (rate, hertz, batch) in
            [("50/s", 50, 1), ("500/s", 500, 8), ("500/s", 500, 64), ("2000/s", 2000, 64), ("90/m", 1, 4)]
        {
            let (pace, api) = pace(rate);
            let starts = starts(&pace, &api, 20, batch).await;
            assert!(worst_second(&starts) <= hertz + usize::from(rate == "90/m"), "{rate}: {}", worst_second(&starts));
            if rate != "90/m" {
                assert!(starts.len() * 100 >= hertz * 20 * 99, "{rate}: {} in 20 s", starts.len());
            }
            assert_eq!(pace.spacing(&api).worst_window as usize, worst_second(&starts));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slots_are_at_most_50_ms_ahead() {
        let (pace, api) = pace("2000/s");
        for _ in 0..200 {
            let slots = pace.reserve(&api, 1000).await;
            assert!(slots.iter().all(|slot| slot.due <= pace.now() + 50_000_000));
            for slot in slots {
                pace.arrive(&api, slot).await;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_missed_slot_is_not_sent_late() {
        let (pace, api) = pace("50/s");
        let slots = pace.reserve(&api, 2).await;
        // A commit that took half a second.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(pace.arrive(&api, slots[0]).await, Arrival::Missed);
        assert_eq!(pace.arrive(&api, slots[1]).await, Arrival::Missed);
        let mut starts = starts(&pace, &api, 2, 4).await;
        assert!(worst_second(&starts) <= 50);
        starts.dedup();
        assert!(starts.len() > 95, "it goes on at its rate");
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_does_not_burst() {
        let (first, api) = pace("50/s");
        let mut starts_of_both = starts(&first, &api, 3, 4).await;
        let offset = first.now();
        let (second, api) = pace("50/s");
        starts_of_both.extend(starts(&second, &api, 3, 4).await.into_iter().map(|start| start + offset));
        assert!(worst_second(&starts_of_both) <= 50);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_voids_what_is_out_halves_the_rate_and_creeps_back() {
        let (pace, api) = pace("100/s");
        let slots = pace.reserve(&api, 4).await;
        pace.report(&api, Signal::Throttled);
        assert_eq!(pace.arrive(&api, slots[0]).await, Arrival::Void);
        let halved = starts(&pace, &api, 5, 4).await.len();
        assert!((245..=251).contains(&halved), "{halved} in 5 s");
        let mut per_second = Vec::new();
        for _ in 0..30 {
            pace.report(&api, Signal::Answered);
            per_second.push(starts(&pace, &api, 1, 4).await.len());
        }
        assert!(per_second.is_sorted_by(|a, b| *a <= b + 1), "{per_second:?}");
        assert!((98..=101).contains(&per_second[29]), "{per_second:?}");
        assert!(pace.spacing(&api).worst_window <= 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_given_back_is_used_again() {
        let (pace, api) = pace("50/s");
        let slots = pace.reserve(&api, 2).await;
        pace.give_back(&api, &slots);
        assert_eq!(pace.reserve(&api, 2).await, slots);
    }
}
