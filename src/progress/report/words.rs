//! Figures and texts as the page shows them.

use rust_i18n::t;

use crate::domain::freshness::Stamp;
use crate::domain::text::for_terminal;
use crate::progress::words::count;

/// Text from outside: nothing that repaints, nothing endless, and no phone number or digest, whoever put it there.
pub(super) fn outside(text: &str) -> String {
    const LONGEST: usize = 200;
    let clean = without_numbers(&for_terminal(text));
    match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

/// A command to copy, whole; a file that is named after a number has to be named by the reader.
pub(super) fn command(text: &str) -> String {
    without_numbers(&for_terminal(text))
}

/// Mainland numbers and long runs of hex digits become stars.
fn without_numbers(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let hex = chars[i..].iter().take_while(|c| c.is_ascii_hexdigit()).count();
        let digits = chars[i..].iter().take_while(|c| plain_digit(**c).is_some()).count();
        if hex >= 32 {
            out.push_str("****");
            i += hex;
        } else if digits >= 11 && holds_number(&chars[i..i + digits]) {
            out.push_str("***********");
            i += digits;
        } else {
            // The rest of a run of digits is not looked at again: 20 digits that hold no number are an order, not a number.
            let step = digits.max(1);
            out.extend(&chars[i..i + step]);
            i += step;
        }
    }
    out
}

/// A digit's value, full-width digits too.
fn plain_digit(c: char) -> Option<u32> {
    match c {
        '０'..='９' => Some(c as u32 - '０' as u32),
        c => c.to_digit(10),
    }
}

/// Whether a run of digits is a mainland number, with or without what may stand in front of it.
fn holds_number(digits: &[char]) -> bool {
    let text: String = digits.iter().filter_map(|c| char::from_digit(plain_digit(*c)?, 10)).collect();
    ["", "0", "86", "086", "0086"].iter().any(|front| {
        text.strip_prefix(front).is_some_and(|number| {
            number.len() == 11 && number.starts_with('1') && matches!(number.as_bytes()[1], b'3'..=b'9')
        })
    })
}

/// `part` of `whole` as people read it: `12.3 %`; never a false 0 or 100.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    if part == whole {
        return "100 %".to_owned();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    match percent {
        small if small < 0.1 => "< 0.1 %".to_owned(),
        large if large > 99.9 => "> 99.9 %".to_owned(),
        other => format!("{other:.1} %"),
    }
}

/// The width of a bar in an SVG of unknown width; what is there at all is seen.
pub(super) fn width(part: u64, largest: u64) -> String {
    match part {
        0 => "0".to_owned(),
        part => format!("{:.2}%", (part as f64 * 100.0 / largest.max(1) as f64).clamp(0.5, 100.0)),
    }
}

/// A length of time of a call.
pub(super) fn milliseconds(ms: u32) -> String {
    match ms {
        0 => t!("report.ms", n = "< 1"),
        1..1000 => t!("report.ms", n = ms),
        _ => t!("report.s", n = format!("{:.2}", f64::from(ms) / 1000.0)),
    }
    .into_owned()
}

/// A rate or count with a fraction, rounded for people.
pub(super) fn rounded(number: f64) -> String {
    if number < 10.0 && number.fract() > 0.0 { format!("{number:.1}") } else { count(number.round() as u64) }
}

/// `03:04`, or with seconds where time is divided finely.
pub(super) fn clock(stamp: Stamp, seconds: bool) -> String {
    let text = stamp.for_people();
    text.get(11..if seconds { 19 } else { 16 }).unwrap_or(&text).to_owned()
}

/// `2026-11-21`
pub(super) fn date(stamp: Stamp) -> String {
    let text = stamp.for_people();
    text.get(..10).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_and_no_digest_gets_through() {
        let digest = "b2252bd167eee0f29aeb474ca8473f8b137888d8af80151edcdcbbacf1b94fdc";
        for (text, expected) in [
            ("number 17312345678 is wrong", "number *********** is wrong"),
            ("+8617312345678", "+***********"),
            ("01731234567８", "***********"),
            ("１７３１２３４５６７８号", "***********号"),
            ("customers-20261121.csv", "customers-20261121.csv"),
            ("order 20261121220000001234", "order 20261121220000001234"),
            ("error 10012", "error 10012"),
        ] {
            assert_eq!(outside(text), expected);
        }
        assert_eq!(outside(digest), "****");
        assert_eq!(outside(&format!("<{}>", digest.to_uppercase())), "<****>");
    }

    #[test]
    fn text_from_outside_has_an_end_and_no_tricks() {
        assert_eq!(outside(&"长".repeat(1000)).chars().count(), 201);
        assert_eq!(outside("a\u{202e}b\u{0}c\n"), "abc");
    }

    #[test]
    fn percentages_are_never_falsely_none_or_all() {
        assert_eq!(percent(0, 0), "0 %");
        assert_eq!(percent(1, 1_000_000), "< 0.1 %");
        assert_eq!(percent(999_999, 1_000_000), "> 99.9 %");
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!([width(0, 10), width(1, 100_000), width(10, 10)], ["0", "0.50%", "100.00%"]);
    }
}
