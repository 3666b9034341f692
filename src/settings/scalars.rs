//! The small values of config and flags: durations, times of day, file modes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::domain::freshness::{DAY_MS, Stamp};

/// A length of time as people write it: `500ms`, `3s`, `30m`, `8h`, `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a duration: write one such as \"500ms\", \"3s\", \"30m\" or \"8h\"");
        let duration: jiff::SignedDuration = text.trim().parse().map_err(|_| wrong())?;
        Duration::try_from(duration).map(Span).map_err(|_| wrong())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::SignedDuration::try_from(self.0) {
            Ok(duration) => write!(f, "{duration:#}"),
            Err(_) => write!(f, "{:?}", self.0),
        }
    }
}

/// A time of day, `HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    pub hour: i8,
    pub minute: i8,
}

impl TimeOfDay {
    /// How long from `now` until a clock in Asia/Shanghai shows this time next.
    pub fn next_in_shanghai(self, now: Stamp) -> Duration {
        let time_of_day = (i64::from(self.hour) * 60 + i64::from(self.minute)) * 60_000;
        let today = now.day().start().0 + time_of_day;
        let next = if today > now.0 { today } else { today + DAY_MS };
        Duration::from_millis(u64::try_from(next - now.0).unwrap_or_default())
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a time of day: write one such as 07:00");
        let (hour, minute) = text.trim().split_once(':').ok_or_else(wrong)?;
        let (hour, minute) = (hour.parse().map_err(|_| wrong())?, minute.parse().map_err(|_| wrong())?);
        if (0..24).contains(&hour) && (0..60).contains(&minute) { Ok(TimeOfDay { hour, minute }) } else { Err(wrong()) }
    }
}

/// Permission bits of a file, in octal: `0600`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMode(pub u32);

impl FromStr for FileMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match u32::from_str_radix(text.trim().trim_start_matches("0o"), 8) {
            Ok(mode) if mode <= 0o777 && mode & 0o600 == 0o600 => Ok(FileMode(mode)),
            _ => Err(format!("'{text}' is not a file mode: write octal digits such as \"0600\" or \"0640\"")),
        }
    }
}

/// Reads a config string through its `FromStr`, so that file and flag accept the same text and refuse it with the same words.
pub(super) fn parsed<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: fmt::Display,
{
    String::deserialize(deserializer)?.parse().map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, ms) in [("500ms", 500), ("3s", 3_000), ("30m", 1_800_000), ("8h", 28_800_000), ("1h30m", 5_400_000)]
        {
            assert_eq!(text.parse::<Span>().expect(text).0, Duration::from_millis(ms));
        }
        for wrong in ["", "3", "-3s", "soon"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_vendors_midnight_is_that_of_shanghai() {
        let midnight = TimeOfDay { hour: 0, minute: 0 };
        let at = |text: &str| Stamp(text.parse::<jiff::Timestamp>().expect("a time stamp").as_millisecond());
        assert_eq!(midnight.next_in_shanghai(at("2026-11-21T15:00:00Z")), Duration::from_secs(3600));
        assert_eq!(midnight.next_in_shanghai(at("2026-11-21T16:00:00Z")), Duration::from_secs(86_400));
    }

    #[test]
    fn a_file_mode_is_octal_and_lets_its_owner_in() {
        assert_eq!("0640".parse(), Ok(FileMode(0o640)));
        for wrong in ["", "0999", "0400", "rw-------", "01777"] {
            assert!(wrong.parse::<FileMode>().is_err(), "{wrong}");
        }
    }
}
