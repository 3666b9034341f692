//! A rate of calls, as the flags and the config write it: `50/s`, `90/m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// So many calls in a second or a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    calls: u32,
    per: Duration,
}

impl Rate {
    pub const fn per_second(calls: u32) -> Self {
        Rate { calls, per: Duration::from_secs(1) }
    }

    /// Calls per second.
    pub fn hertz(self) -> f64 {
        f64::from(self.calls) / self.per.as_secs_f64()
    }

    /// How long so many calls take at this rate.
    pub fn duration(self, calls: u64) -> Duration {
        Duration::from_secs_f64(calls as f64 / self.hertz())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.per.as_secs() == 1 { 's' } else { 'm' };
        write!(f, "{}/{unit}", self.calls)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("'{text}' is not a rate: write calls per second or minute, such as 50/s or 90/m (1 to 100000)");
        let (calls, unit) = text.split_once('/').ok_or_else(wrong)?;
        let calls = calls.trim().parse().map_err(|_| wrong())?;
        if !(1..=100_000).contains(&calls) {
            return Err(wrong());
        }
        let per = match unit.trim() {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            _ => return Err(wrong()),
        };
        Ok(Rate { calls, per })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_and_shows_the_same() {
        for text in ["50/s", "90/m", "1/m", "2000/s"] {
            assert_eq!(text.parse::<Rate>().expect(text).to_string(), text);
        }
        assert_eq!("90/m".parse::<Rate>().expect("a rate").hertz(), 1.5);
        for wrong in ["50", "0/s", "-1/s", "50/h", "fast", "1.5/s", "/s", ""] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
