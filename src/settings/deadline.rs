//! When a run stops sending: `--until HH:MM` in the local zone, or `--max-runtime`.

use std::fmt;
use std::time::Duration;

use jiff::{ToSpan, Zoned};

use super::scalars::{Span, TimeOfDay};

/// A time more than this ahead is taken for one that has just passed: cron started the run too late.
const FURTHEST: Duration = Duration::from_secs(12 * 3600);

/// The end of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// From the start of the process. Zero: send nothing.
    pub after: Duration,
    pub rule: Rule,
}

/// What set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `--until`, with the name of the local zone.
    Until { time: TimeOfDay, zone: String },
    /// `--max-runtime`
    MaxRuntime(Span),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Until { time, zone } => write!(f, "until {time} {zone}"),
            Rule::MaxRuntime(span) => write!(f, "for at most {span}"),
        }
    }
}

impl Deadline {
    /// The next time that a clock in the local zone shows `time`.
    pub(super) fn until(time: TimeOfDay, now: &Zoned) -> Self {
        let zone = now.time_zone().iana_name().unwrap_or("local time").to_owned();
        let rule = Rule::Until { time, zone };
        let today = now.with().hour(time.hour).minute(time.minute).second(0).subsec_nanosecond(0).build();
        let next = today.and_then(|today| if today > *now { Ok(today) } else { today.checked_add(1.day()) });
        let ahead = next.ok().and_then(|next| Duration::try_from(now.duration_until(&next)).ok()).unwrap_or_default();
        Deadline { after: if ahead > FURTHEST { Duration::ZERO } else { ahead }, rule }
    }

    pub(super) fn max_runtime(after: Duration) -> Self {
        Deadline { after, rule: Rule::MaxRuntime(Span(after)) }
    }

    /// The one that comes first.
    pub(super) fn earlier(self, other: Deadline) -> Deadline {
        if other.after < self.after { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(now: &str, time: &str) -> Duration {
        let now: Zoned = now.parse().expect("a zoned time");
        Deadline::until(time.parse().expect("a time of day"), &now).after
    }

    #[test]
    fn the_next_such_time_counts_unless_it_has_just_passed() {
        let hours = |n: u64| Duration::from_secs(n * 3600);
        assert_eq!(until("2026-11-21T22:00:00+08:00[Asia/Shanghai]", "07:00"), hours(9));
        assert_eq!(until("2026-11-21T06:00:00+08:00[Asia/Shanghai]", "07:00"), hours(1));
        assert_eq!(until("2026-11-21T08:00:00+08:00[Asia/Shanghai]", "07:00"), hours(0), "23 h ahead: it has passed");
        assert_eq!(until("2026-11-21T07:00:00+08:00[Asia/Shanghai]", "07:00"), hours(0));
    }

    #[test]
    fn the_zone_is_named() {
        let now: Zoned = "2026-11-21T22:00:00+08:00[Asia/Shanghai]".parse().expect("a zoned time");
        assert_eq!(
            Deadline::until(TimeOfDay { hour: 7, minute: 5 }, &now).rule.to_string(),
            "until 07:05 Asia/Shanghai"
        );
    }
}
