//! Time as the vendor's calendar sees it, and what still counts as a fresh answer.
//!
//! Answers belong to a month of Asia/Shanghai, which has no daylight saving and is taken as +08:00 throughout. A run's window
//! opens when its month began (or N days before the run); what was asked inside it is fresh. The window is fixed when the run
//! begins, so that a run resumed after the turn of the month keeps what it paid for.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

/// Milliseconds of one day.
pub const DAY_MS: i64 = 86_400_000;

/// A moment as the ledger stamps it: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub i64);

/// A calendar day in Asia/Shanghai, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

/// A calendar month in Asia/Shanghai.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    pub year: i16,
    /// 1 to 12.
    pub month: i8,
}

const SHANGHAI: Offset = jiff::tz::offset(8);

impl Stamp {
    fn shanghai(self) -> jiff::Zoned {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::fixed(SHANGHAI))
    }

    pub fn day(self) -> Day {
        Day::of(self.shanghai().date())
    }

    pub fn month(self) -> Month {
        let date = self.shanghai().date();
        Month { year: date.year(), month: date.month() }
    }

    /// `2026-11-21T03:04:05+08:00`, the form of `P_queried_at`.
    pub fn rfc3339(self) -> String {
        self.shanghai().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// `2026-11-21 03:04:05`, for people, in Asia/Shanghai.
    pub fn for_people(self) -> String {
        self.shanghai().strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

impl Day {
    fn of(date: Date) -> Day {
        let days = date.duration_since(jiff::civil::date(1970, 1, 1)).as_hours() / 24;
        Day(i32::try_from(days).unwrap_or(i32::MAX))
    }

    /// The day's first moment.
    pub fn start(self) -> Stamp {
        Stamp(i64::from(self.0) * DAY_MS - i64::from(SHANGHAI.seconds()) * 1000)
    }

    pub fn next(self) -> Day {
        Day(self.0 + 1)
    }
}

impl Month {
    /// The month's first day.
    pub fn first_day(self) -> Day {
        Day::of(jiff::civil::date(self.year, self.month, 1))
    }

    pub fn start(self) -> Stamp {
        self.first_day().start()
    }

    pub fn previous(self) -> Month {
        if self.month == 1 {
            Month { year: self.year - 1, month: 12 }
        } else {
            Month { year: self.year, month: self.month - 1 }
        }
    }

    pub fn next(self) -> Month {
        if self.month == 12 {
            Month { year: self.year + 1, month: 1 }
        } else {
            Month { year: self.year, month: self.month + 1 }
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start().shanghai().strftime("%Y-%m-%d").to_string())
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let date = text.trim().parse::<Date>().ok().filter(|date| date.strftime("%Y-%m-%d").to_string() == text.trim());
        date.map(Day::of).ok_or_else(|| format!("'{text}' is not a day: write one such as 2026-10-01"))
    }
}

/// How long an answer is reused by later runs (`--reuse`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reuse {
    /// Within the calendar month (Asia/Shanghai) in which the run began.
    #[default]
    Month,
    /// Within so many days before the run began.
    Days(u32),
}

impl Reuse {
    /// When the window of a run that began at `began` opens.
    pub fn window(self, began: Stamp) -> Window {
        match self {
            Reuse::Month => Window { opens: began.month().start(), doubts_outlive_it: false },
            Reuse::Days(days) => Window { opens: Stamp(began.0 - i64::from(days) * DAY_MS), doubts_outlive_it: true },
        }
    }
}

impl fmt::Display for Reuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reuse::Month => f.write_str("month"),
            Reuse::Days(days) => write!(f, "days:{days}"),
        }
    }
}

impl FromStr for Reuse {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is neither \"month\" nor \"days:N\" (N from 1 to 3650)");
        match text.strip_prefix("days:") {
            None if text == "month" => Ok(Reuse::Month),
            None => Err(wrong()),
            Some(days) => match days.parse() {
                Ok(days @ 1..=3650) => Ok(Reuse::Days(days)),
                _ => Err(wrong()),
            },
        }
    }
}

/// The time from which on an answer counts as fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub opens: Stamp,
    /// With `days:N` an undecided doubt blocks its subject however old it is; with `month` a doubt about another month's
    /// data says nothing about this month's.
    pub doubts_outlive_it: bool,
}

impl Window {
    /// Whether something asked at `at` lies inside.
    pub fn holds(self, at: Stamp) -> bool {
        at >= self.opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Stamp {
        Stamp(text.parse::<Timestamp>().expect("a time stamp").as_millisecond())
    }

    #[test]
    fn a_day_is_written_in_one_way() {
        let day: Day = "2026-10-01".parse().expect("a day");
        assert_eq!((day.to_string().as_str(), day.start()), ("2026-10-01", at("2026-09-30T16:00:00Z")));
        for wrong in ["2026-10", "2026-13-01", "2026-02-30", "20261001", "01.10.2026", "2026-10-01T00:00", ""] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_month_turns_at_midnight_in_shanghai() {
        let last = at("2026-10-31T15:59:59.999Z");
        let first = at("2026-10-31T16:00:00Z");
        assert_eq!(last.month().to_string(), "2026-10");
        assert_eq!(first.month().to_string(), "2026-11");
        assert_eq!(Reuse::Month.window(first).opens, first);
        assert!(!Reuse::Month.window(first).holds(last));
        assert_eq!(first.rfc3339(), "2026-11-01T00:00:00+08:00");
        assert_eq!(first.month().previous().to_string(), "2026-10");
        assert_eq!(at("2026-01-05T00:00:00Z").month().previous().to_string(), "2025-12");
    }

    #[test]
    fn reuse_reads_both_forms_and_nothing_else() {
        assert_eq!("month".parse(), Ok(Reuse::Month));
        assert_eq!("days:30".parse(), Ok(Reuse::Days(30)));
        for wrong in ["", "Month", "days:", "days:0", "days:-1", "30", "days:4000"] {
            assert!(wrong.parse::<Reuse>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_run_is_inside_its_own_window(ms in 0_i64..4_000_000_000_000, days in 1_u32..3650) {
            let began = Stamp(ms);
            prop_assert!(Reuse::Month.window(began).holds(began));
            prop_assert!(Reuse::Days(days).window(began).holds(began));
            // A run resumed later keeps what it already had.
            prop_assert!(Reuse::Month.window(began).holds(Stamp(ms + 40 * DAY_MS)));
        }

        #[test]
        fn a_day_starts_at_or_before_its_moments(ms in 0_i64..4_000_000_000_000) {
            let day = Stamp(ms).day();
            prop_assert!(day.start() <= Stamp(ms) && Stamp(ms) < day.next().start());
            let month = Stamp(ms).month();
            prop_assert!(month.start() <= day.start() && day.start() < month.next().start());
        }
    }
}
