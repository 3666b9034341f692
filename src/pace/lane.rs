//! The slots of one lane: pure arithmetic over nanoseconds, told the time from outside.
//!
//! Invariants: slots of a lane are due at least one interval apart, across changes of the rate too; a fresh lane starts as if a
//! call had just been made, so that a restart does not bunch; a slot is good for [`TOLERANCE`] after its due time. Since an
//! interval is (1 s + [`MARGIN`]) / rate, calls that start within the tolerance never exceed the rate in any sliding second.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::spacing::StartLog;
use crate::domain::ports::Slot;
use crate::domain::rate::Rate;

/// How far ahead a slot may be reserved, in nanoseconds.
pub(super) const AHEAD: u64 = 50_000_000;
/// How late a slot may still be used, in nanoseconds: tokio's timer works in milliseconds.
pub(super) const TOLERANCE: u64 = 4_000_000;
/// How much longer than a second a second's worth of slots takes, in nanoseconds. Beyond the tolerance it leaves three milliseconds
/// for what lies between a call's start and the vendor's clock; without them the vendor saw 2,002 calls at 2,000/s now and then.
const MARGIN: u64 = TOLERANCE + 3_000_000;
/// After a throttle a lane creeps back to its configured rate in so many steps.
const CREEP_STEPS: f64 = 30.0;
/// At most one such step in this time, in nanoseconds.
const CREEP_EVERY: u64 = 1_000_000_000;
/// Throttles never bring a lane below this part of its configured rate.
const SLOWEST: f64 = 1.0 / 64.0;

/// The time that governor sees: that of the slot under consideration, not the wall's.
#[derive(Clone, Debug, Default)]
struct Cursor(Arc<AtomicU64>);

impl Cursor {
    fn set(&self, nanos: u64) {
        self.0.store(nanos, Ordering::Relaxed);
    }
}

impl Clock for Cursor {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, Cursor, NoOpMiddleware<Nanos>>;

/// What a wish for slots came to.
pub(super) enum Reservation {
    Slots(Vec<Slot>),
    /// None is near enough yet: ask again at this time.
    NotBefore(u64),
}

pub(super) struct LanePace {
    configured: f64,
    current: f64,
    limiter: Limiter,
    cursor: Cursor,
    /// No slot of this limiter is due earlier.
    earliest: u64,
    last_due: u64,
    last_creep: u64,
    epoch: u64,
    returned: BTreeSet<u64>,
    pub(super) log: StartLog,
}

fn interval(hertz: f64) -> u64 {
    ((1_000_000_000 + MARGIN) as f64 / hertz).ceil() as u64
}

fn limiter(hertz: f64, cursor: &Cursor) -> Limiter {
    let quota = Quota::with_period(Duration::from_nanos(interval(hertz)))
        .unwrap_or(Quota::per_second(NonZeroU32::MIN))
        .allow_burst(NonZeroU32::MIN);
    RateLimiter::direct_with_clock(quota, cursor.clone())
}

impl LanePace {
    pub(super) fn new(rate: Rate, now: u64) -> Self {
        let cursor = Cursor::default();
        let hertz = rate.hertz();
        LanePace {
            configured: hertz,
            current: hertz,
            limiter: limiter(hertz, &cursor),
            cursor,
            // The invocation before this one may have called a moment ago. A second is all that the promise speaks of.
            earliest: now + interval(hertz).min(1_000_000_000) + TOLERANCE,
            last_due: 0,
            last_creep: now,
            epoch: 0,
            returned: BTreeSet::new(),
            log: StartLog::default(),
        }
    }

    /// Up to `n` slots that are due at `now` or at most [`AHEAD`] later.
    pub(super) fn reserve(&mut self, now: u64, n: usize) -> Reservation {
        let mut slots = Vec::new();
        self.returned = self.returned.split_off(&now);
        let mut at = self.earliest.max(now);
        while slots.len() < n {
            if let Some(due) = self.returned.pop_first() {
                slots.push(Slot { due, epoch: self.epoch });
                continue;
            }
            if at > now + AHEAD {
                break;
            }
            self.cursor.set(at);
            match self.limiter.check() {
                Ok(()) => {
                    self.last_due = at;
                    slots.push(Slot { due: at, epoch: self.epoch });
                }
                Err(not_until) => at = not_until.earliest_possible().as_u64(),
            }
        }
        if slots.is_empty() { Reservation::NotBefore(at - AHEAD) } else { Reservation::Slots(slots) }
    }

    /// Whether the lane paused or slowed down since the slot was reserved.
    pub(super) fn is_void(&self, slot: Slot) -> bool {
        slot.epoch != self.epoch
    }

    pub(super) fn give_back(&mut self, slots: &[Slot]) {
        self.returned.extend(slots.iter().filter(|slot| slot.epoch == self.epoch).map(|slot| slot.due));
    }

    /// Voids the slots that are out.
    pub(super) fn pause(&mut self) {
        self.epoch += 1;
        self.returned.clear();
    }

    pub(super) fn throttle(&mut self, now: u64) {
        self.pause();
        self.last_creep = now;
        self.set_rate((self.current / 2.0).max(self.configured * SLOWEST));
    }

    pub(super) fn creep_back(&mut self, now: u64) {
        if self.current < self.configured && now >= self.last_creep + CREEP_EVERY {
            self.last_creep = now;
            self.set_rate((self.current + self.configured / CREEP_STEPS).min(self.configured));
        }
    }

    fn set_rate(&mut self, hertz: f64) {
        self.current = hertz;
        // A fresh limiter lets its first call through at once; the slots already given out must not be crowded by it.
        self.limiter = limiter(hertz, &self.cursor);
        self.earliest = self.earliest.max(self.last_due + interval(hertz));
    }
}
