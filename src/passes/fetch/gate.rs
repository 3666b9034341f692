//! Whether a lane may send: open, closed for a while, or one probe at a time.
//!
//! A throttle closes the gate once and opens it again by itself. Quota, maintenance and an unreachable host close it, let single
//! probes through at growing intervals, and either one passes or the lane's patience ends. Replies to calls that were sent before
//! the gate closed decide nothing, also when they arrive after it has opened again.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::settings::{Patience, QuotaPolicy};

/// How long a throttle without Retry-After closes the gate.
const THROTTLE_PAUSE: Duration = Duration::from_secs(3);
/// Longest Retry-After that is honoured (CONTRACT: throttle).
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);
/// The first pause before a probe, and the longest one.
const FIRST_PAUSE: Duration = Duration::from_secs(3);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// A lane that sleeps over the end of a quota probes at least so long before it sleeps again.
const SHORTEST_WAIT: Duration = Duration::from_secs(60);

/// What closes a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Throttled { retry_after: Option<Duration> },
    Quota,
    Maintenance,
    Unreachable { reason: String },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Throttled { .. } => f.write_str("the vendor says: slower"),
            Trouble::Quota => f.write_str("the vendor's quota is used up"),
            Trouble::Maintenance => f.write_str("the vendor is in maintenance"),
            Trouble::Unreachable { reason } => write!(f, "the vendor cannot be reached ({reason})"),
        }
    }
}

/// How many calls may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permit {
    Any,
    /// One, and only while no other probe is out.
    Probe,
    None,
}

/// What a reply did to the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing new.
    Unchanged,
    /// It closed: what was reserved is void.
    Closed(Trouble),
    /// A probe passed.
    Opened(Trouble),
    /// Patience is at its end.
    Exhausted(Trouble),
}

/// When each kind of trouble first showed since the gate was last open: each has patience of its own, and one that comes and goes
/// does not get it anew.
#[derive(Clone, Copy, Debug, Default)]
struct Onsets {
    quota: Option<Instant>,
    maintenance: Option<Instant>,
    unreachable: Option<Instant>,
}

impl Onsets {
    /// The trouble shows at `now`; says when it first did.
    fn note(&mut self, trouble: &Trouble, now: Instant) -> Instant {
        let onset = match trouble {
            Trouble::Throttled { .. } => return now,
            Trouble::Quota => &mut self.quota,
            Trouble::Maintenance => &mut self.maintenance,
            Trouble::Unreachable { .. } => &mut self.unreachable,
        };
        *onset.get_or_insert(now)
    }
}

#[derive(Debug)]
enum State {
    Open,
    Closed { trouble: Trouble, onsets: Onsets, pause: Duration, until: Instant },
    Probing { trouble: Trouble, onsets: Onsets, pause: Duration, probe: Option<u64> },
}

/// The gate of one lane.
#[derive(Debug)]
pub(super) struct Gate {
    state: State,
    patience: Patience,
    /// The number of the next call to be sent.
    next: u64,
    /// Calls with a lower number were sent before the gate last opened.
    news_from: u64,
}

impl Gate {
    pub(super) fn new(patience: Patience) -> Self {
        Gate { state: State::Open, patience, next: 0, news_from: 0 }
    }

    pub(super) fn permit(&self) -> Permit {
        match &self.state {
            State::Open => Permit::Any,
            State::Probing { probe: None, .. } => Permit::Probe,
            State::Probing { .. } | State::Closed { .. } => Permit::None,
        }
    }

    /// When a closed gate is to be looked at again.
    pub(super) fn wake(&self) -> Option<Instant> {
        match &self.state {
            State::Closed { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// The pause is over: a throttle is forgotten, everything else is probed.
    pub(super) fn wake_up(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Open) {
            State::Closed { trouble: Trouble::Throttled { .. }, .. } => {
                self.news_from = self.next;
                State::Open
            }
            State::Closed { trouble, onsets, pause, .. } => State::Probing { trouble, onsets, pause, probe: None },
            other => other,
        };
    }

    /// The call `seq` goes off; it is the probe if [`Permit::Probe`] allowed it.
    pub(super) fn sent(&mut self, seq: u64) {
        self.next = seq + 1;
        if let State::Probing { probe, .. } = &mut self.state {
            *probe = Some(seq);
        }
    }

    /// The call `seq` was withdrawn before it was sent.
    pub(super) fn withdrawn(&mut self, seq: u64) {
        if let State::Probing { probe, .. } = &mut self.state
            && *probe == Some(seq)
        {
            *probe = None;
        }
    }

    /// The call `seq` ended in doubt at `now`. A probe that did so has not passed: the next one comes after a longer pause, as
    /// after a refusal, since a vendor who charges and drops the line would be paid with every probe.
    pub(super) fn unclear(&mut self, seq: u64, now: Instant) -> Turn {
        match &self.state {
            State::Probing { trouble, probe: Some(probe), .. } if *probe == seq => {
                self.refused(seq, trouble.clone(), now)
            }
            _ => Turn::Unchanged,
        }
    }

    /// The vendor dealt with the call `seq`.
    pub(super) fn passed(&mut self, seq: u64) -> Turn {
        match std::mem::replace(&mut self.state, State::Open) {
            State::Probing { trouble, probe: Some(probe), .. } if probe == seq => {
                self.news_from = self.next;
                Turn::Opened(trouble)
            }
            other => {
                self.state = other;
                Turn::Unchanged
            }
        }
    }

    /// The call `seq` met trouble at `now`.
    pub(super) fn refused(&mut self, seq: u64, trouble: Trouble, now: Instant) -> Turn {
        match &self.state {
            // A call sent before the gate closed cannot close it again, but what it says about the time to wait is heard.
            State::Closed { trouble: Trouble::Throttled { .. }, .. }
                if matches!(trouble, Trouble::Throttled { retry_after: Some(_) }) =>
            {
                self.stay_closed(now + throttle_pause(&trouble));
                Turn::Unchanged
            }
            State::Open if seq < self.news_from => Turn::Unchanged,
            State::Open => self.close(trouble, Onsets::default(), FIRST_PAUSE, now),
            State::Closed { trouble: Trouble::Throttled { .. }, .. }
                if !matches!(trouble, Trouble::Throttled { .. }) =>
            {
                self.close(trouble, Onsets::default(), FIRST_PAUSE, now)
            }
            State::Probing { probe: Some(probe), onsets, pause, trouble: before } if *probe == seq => {
                // A throttled probe proves nothing about the quota; the older trouble and its patience go on.
                let trouble = if matches!(trouble, Trouble::Throttled { .. }) { before.clone() } else { trouble };
                let (onsets, pause) = (*onsets, (*pause * 2).min(LONGEST_PAUSE));
                self.close(trouble, onsets, pause, now)
            }
            State::Closed { .. } | State::Probing { .. } => Turn::Unchanged,
        }
    }

    /// Closes for good reason until `until`, then probes with fresh patience.
    pub(super) fn sleep(&mut self, trouble: Trouble, until: Instant) {
        let mut onsets = Onsets::default();
        onsets.note(&trouble, until);
        self.state = State::Closed { trouble, onsets, pause: FIRST_PAUSE, until };
    }

    fn stay_closed(&mut self, at_least_until: Instant) {
        if let State::Closed { until, .. } = &mut self.state {
            *until = (*until).max(at_least_until);
        }
    }

    fn close(&mut self, trouble: Trouble, mut onsets: Onsets, pause: Duration, now: Instant) -> Turn {
        let since = onsets.note(&trouble, now);
        let until = match &trouble {
            Trouble::Throttled { .. } => now + throttle_pause(&trouble),
            Trouble::Quota | Trouble::Maintenance | Trouble::Unreachable { .. } => {
                let end = since + self.patience_with(&trouble);
                if now >= end {
                    return Turn::Exhausted(trouble);
                }
                (now + pause).min(end)
            }
        };
        self.state = State::Closed { trouble: trouble.clone(), onsets, pause, until };
        Turn::Closed(trouble)
    }

    fn patience_with(&self, trouble: &Trouble) -> Duration {
        match trouble {
            Trouble::Throttled { .. } => Duration::MAX,
            // A vendor that counts anew a little after its own midnight must not cost the whole next day.
            Trouble::Quota if self.patience.quota_policy != QuotaPolicy::Stop => self.patience.quota.max(SHORTEST_WAIT),
            Trouble::Quota => self.patience.quota,
            Trouble::Maintenance => self.patience.maintenance,
            Trouble::Unreachable { .. } => self.patience.unreachable,
        }
    }
}

/// How long a throttle closes the gate.
fn throttle_pause(trouble: &Trouble) -> Duration {
    match trouble {
        Trouble::Throttled { retry_after: Some(wait) } => {
            (*wait).clamp(Duration::from_millis(100), LONGEST_RETRY_AFTER)
        }
        _ => THROTTLE_PAUSE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        let minute = Duration::from_secs(60);
        Gate::new(Patience { quota: minute, maintenance: minute, unreachable: minute, quota_policy: QuotaPolicy::Stop })
    }

    /// The seconds after which a gate is probed when every probe is refused, and when it gives up.
    fn probes(trouble: &Trouble) -> (Vec<u64>, u64) {
        let (mut gate, start) = (gate(), Instant::now());
        let mut now = start;
        let mut turn = gate.refused(0, trouble.clone(), now);
        let mut times = Vec::new();
        let mut seq = 0;
        while let Turn::Closed(_) = turn {
            now = gate.wake().expect("closed");
            times.push((now - start).as_secs());
            gate.wake_up();
            assert_eq!(gate.permit(), Permit::Probe);
            seq += 1;
            gate.sent(seq);
            assert_eq!(gate.permit(), Permit::None, "one probe at a time");
            turn = gate.refused(seq, trouble.clone(), now);
        }
        assert_eq!(turn, Turn::Exhausted(trouble.clone()));
        (times, (now - start).as_secs())
    }

    #[test]
    fn probes_at_growing_intervals_until_patience_ends() {
        assert_eq!(probes(&Trouble::Quota), (vec![3, 9, 21, 45, 60], 60));
        assert_eq!(probes(&Trouble::Maintenance), (vec![3, 9, 21, 45, 60], 60));
    }

    #[test]
    fn a_throttle_opens_by_itself_after_retry_after_or_three_seconds() {
        for (retry_after, seconds) in [(None, 3), (Some(7), 7), (Some(10_000), 300)] {
            let (mut gate, now) = (gate(), Instant::now());
            let trouble = Trouble::Throttled { retry_after: retry_after.map(Duration::from_secs) };
            assert_eq!(gate.refused(0, trouble.clone(), now), Turn::Closed(trouble.clone()));
            assert_eq!(gate.refused(1, trouble, now), Turn::Unchanged, "calls sent before decide nothing");
            assert_eq!(gate.wake(), Some(now + Duration::from_secs(seconds)));
            gate.wake_up();
            assert_eq!(gate.permit(), Permit::Any);
        }
    }

    #[test]
    fn each_trouble_has_patience_of_its_own() {
        let (mut gate, start) = (gate(), Instant::now());
        gate.refused(0, Trouble::Maintenance, start);
        let mut probe = |seq, trouble: &Trouble, seconds| {
            gate.wake_up();
            gate.sent(seq);
            gate.refused(seq, trouble.clone(), start + Duration::from_secs(seconds))
        };
        assert_eq!(probe(1, &Trouble::Quota, 55), Turn::Closed(Trouble::Quota));
        assert_eq!(probe(2, &Trouble::Quota, 110), Turn::Closed(Trouble::Quota), "a minute from when it first showed");
        assert_eq!(probe(3, &Trouble::Maintenance, 112), Turn::Exhausted(Trouble::Maintenance), "since the start");
    }

    #[test]
    fn old_news_does_not_close_a_gate_that_has_opened_since() {
        let (mut gate, now) = (gate(), Instant::now());
        let throttle = Trouble::Throttled { retry_after: None };
        for seq in 0..5 {
            gate.sent(seq);
        }
        gate.refused(0, throttle.clone(), now);
        gate.wake_up();
        assert_eq!(gate.refused(4, throttle.clone(), now), Turn::Unchanged);
        gate.sent(5);
        assert_eq!(gate.refused(5, throttle.clone(), now), Turn::Closed(throttle));
    }

    #[test]
    fn only_the_probe_itself_opens_the_gate() {
        let (mut gate, now) = (gate(), Instant::now());
        gate.refused(5, Trouble::Quota, now);
        gate.wake_up();
        gate.sent(9);
        assert_eq!(gate.passed(4), Turn::Unchanged, "sent before the gate closed");
        assert_eq!(gate.passed(9), Turn::Opened(Trouble::Quota));
        assert_eq!(gate.permit(), Permit::Any);
    }

    #[test]
    fn no_patience_means_the_first_refusal_ends_it() {
        let zero = Duration::ZERO;
        let patience = Patience { quota: zero, maintenance: zero, unreachable: zero, quota_policy: QuotaPolicy::Stop };
        let mut gate = Gate::new(patience);
        assert_eq!(gate.refused(0, Trouble::Quota, Instant::now()), Turn::Exhausted(Trouble::Quota));
    }
}
