//! Times as people and spreadsheets write them, taken no more exactly than they were written.
//!
//! Where no zone is written it is Asia/Shanghai, as everywhere in this vendor's world. Pure and total: a text that can be read in
//! two ways (`10/5/2026`) is no time.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::domain::freshness::{DAY_MS, Stamp};
use crate::domain::text::is_invisible;

/// A stretch of time: the second, the minute or the day that was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    pub from: Stamp,
    /// Not part of it any more.
    pub until: Stamp,
}

impl Moment {
    /// Milliseconds between a stamp and the nearest edge; 0 inside.
    pub fn distance(self, stamp: Stamp) -> i64 {
        (self.from.0 - stamp.0).max(stamp.0 - self.until.0).max(0)
    }

    fn of(from: Timestamp, length: i64) -> Moment {
        let from = from.as_millisecond();
        Moment { from: Stamp(from), until: Stamp(from + length) }
    }
}

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;

impl FromStr for Moment {
    type Err = String;

    /// `2026-10-05 02:11:09`, `2026/10/5 2:11`, `2026年10月5日`, `20261005021109`, RFC 3339.
    fn from_str(text: &str) -> Result<Self, String> {
        let folded = fold(text);
        let wrong = || format!("'{}' is not a time: write one such as 2026-10-05 02:11:09", text.trim());
        // With a zone of its own.
        if let Ok(stamp) = folded.parse::<Timestamp>() {
            return Ok(Moment::of(stamp, SECOND_MS));
        }
        let (date, time) = match folded.split_once([' ', 'T']) {
            Some((date, time)) => (date, Some(time.trim())),
            None if folded.len() == 14 && folded.bytes().all(|byte| byte.is_ascii_digit()) => {
                (&folded[..8], Some(&folded[8..]))
            }
            None => (folded.as_str(), None),
        };
        let date = date_of(date).ok_or_else(wrong)?;
        let (time, length) = match time.filter(|time| !time.is_empty()) {
            Some(time) => time_of(time).ok_or_else(wrong)?,
            None => (Time::midnight(), DAY_MS),
        };
        let shanghai = TimeZone::fixed(jiff::tz::offset(8));
        let zoned = date.to_datetime(time).to_zoned(shanghai).map_err(|_| wrong())?;
        Ok(Moment::of(zoned.timestamp(), length))
    }
}

/// One spelling for what Chinese spreadsheets and full-width keyboards write.
fn fold(text: &str) -> String {
    let visible = text.chars().filter(|c| !is_invisible(*c));
    let folded: String = visible
        .map(|c| match c {
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
            '年' | '月' => '-',
            '日' | '\t' | '\u{A0}' | '\u{3000}' => ' ',
            c => c,
        })
        .collect();
    folded.trim().trim_start_matches('\'').trim().to_owned()
}

fn date_of(text: &str) -> Option<Date> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Date::new(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?).ok();
    }
    let mut parts = text.split(['-', '/', '.']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let short = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || year.len() != 4 || !short(month) || !short(day) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// The time of day, and how much of it was written down.
fn time_of(text: &str) -> Option<(Time, i64)> {
    let digits = |part: &str| !part.is_empty() && part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let time = Time::new(text[..2].parse().ok()?, text[2..4].parse().ok()?, text[4..].parse().ok()?, 0).ok()?;
        return Some((time, SECOND_MS));
    }
    let parts: Vec<&str> = text.split(':').collect();
    let (hour, minute, second) = match parts[..] {
        [hour, minute] => (hour, minute, None),
        // A fraction of a second is of no use to anybody here.
        [hour, minute, second] => (hour, minute, Some(second.split('.').next().unwrap_or_default())),
        _ => return None,
    };
    if !digits(hour) || !digits(minute) || !second.is_none_or(digits) {
        return None;
    }
    let whole = second.unwrap_or("0").parse().ok()?;
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, whole, 0).ok()?;
    Some((time, if second.is_some() { SECOND_MS } else { MINUTE_MS }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_many_spellings() {
        // text, its start in RFC 3339, its length in milliseconds
        for (text, from, length) in [
            ("2026-10-05 02:11:09", "2026-10-05T02:11:09+08:00", 1000),
            (" 2026/10/5 2:11 ", "2026-10-05T02:11:00+08:00", 60_000),
            ("2026-10-05T02:11:09+08:00", "2026-10-05T02:11:09+08:00", 1000),
            ("2026-10-04T18:11:09Z", "2026-10-05T02:11:09+08:00", 1000),
            ("2026-10-05T02:11:09", "2026-10-05T02:11:09+08:00", 1000),
            ("2026-10-05 02:11:09.123", "2026-10-05T02:11:09+08:00", 1000),
            ("2026/10/05", "2026-10-05T00:00:00+08:00", DAY_MS),
            ("2026年10月5日", "2026-10-05T00:00:00+08:00", DAY_MS),
            ("2026年10月5日 2：11", "2026-10-05T02:11:00+08:00", 60_000),
            ("20261005021109", "2026-10-05T02:11:09+08:00", 1000),
            ("20261005", "2026-10-05T00:00:00+08:00", DAY_MS),
            ("'2026-10-05 02:11:09", "2026-10-05T02:11:09+08:00", 1000),
            ("2026.10.5 2:11:9", "2026-10-05T02:11:09+08:00", 1000),
        ] {
            let moment: Moment = text.parse().unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!((moment.from.rfc3339().as_str(), moment.until.0 - moment.from.0), (from, length), "{text}");
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in
            ["", "合计", "10/5/2026", "5.10.2026", "2026-13-01", "2026-10-05 25:00", "46300.09", "2026-10", "2:11"]
        {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }

    #[test]
    fn distance_is_to_the_nearest_edge() {
        let moment = Moment { from: Stamp(100), until: Stamp(200) };
        for (stamp, distance) in [(90, 10), (100, 0), (150, 0), (200, 0), (230, 30)] {
            assert_eq!(moment.distance(Stamp(stamp)), distance);
        }
    }
}
