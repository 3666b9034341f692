//! Numbers, times and reasons as people read them, in the language of this process.
//!
//! The texts are in `locales/`, one file per language. Errors, logs and everything that machines read stay English.

use std::time::Duration;

use rust_i18n::t;
use unicode_width::UnicodeWidthStr;

use crate::domain::cell::Invalid;
use crate::domain::status::Status;

/// The languages that there are texts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    English,
    Chinese,
}

impl Language {
    /// The one that a locale name such as `zh_CN.UTF-8` asks for.
    pub fn of_locale(locale: &str) -> Self {
        if locale.starts_with("zh") { Language::Chinese } else { Language::English }
    }

    /// From now on people are spoken to in this language.
    pub fn speak(self) {
        rust_i18n::set_locale(match self {
            Language::English => "en",
            Language::Chinese => "zh",
        });
    }
}

/// `1234567` as `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A length of time in its two largest units: `45 s`, `12 min 5 s`, `3 h 20 min`.
pub fn hours(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    match seconds {
        0..60 => t!("number.seconds", s = seconds),
        60..3600 => t!("number.minutes", m = seconds / 60, s = seconds % 60),
        _ => t!("number.hours", h = seconds / 3600, m = seconds % 3600 / 60),
    }
    .into_owned()
}

/// Why a cell cannot be asked about.
pub fn reason(invalid: Invalid) -> String {
    let digits = match invalid {
        Invalid::TooShort { digits } | Invalid::TooLong { digits } | Invalid::WrongDigest { digits } => digits,
        _ => 0,
    };
    t!(format!("reason.{}", invalid.word()), digits = digits).into_owned()
}

/// A status as the summary's table names it.
pub(super) fn status(status: &str) -> String {
    match status.parse::<Status>() {
        Ok(status) => t!(format!("status.{status}")).into_owned(),
        Err(_) => status.to_owned(),
    }
}

/// `text` padded on its right to a width in columns; Chinese characters take two.
pub(super) fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// `text` padded on its left.
pub(super) fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let seconds = [0, 59, 60, 3599, 3600, 90_000].map(|s| hours(Duration::from_secs(s)));
        assert_eq!(seconds, ["0 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "25 h 0 min"]);
        assert_eq!(right("次/秒", 7), "  次/秒");
    }

    /// Every key of a language file with the variables that its text names.
    fn keys(text: &str) -> BTreeSet<String> {
        let sections: toml::Table = toml::from_str(text).expect("a language file");
        let mut keys = BTreeSet::new();
        for (section, texts) in sections {
            for (key, text) in texts.as_table().expect("a section") {
                let text = text.as_str().expect("a text");
                let mut variables: Vec<_> =
                    text.split("%{").skip(1).filter_map(|rest| rest.split('}').next()).collect();
                variables.sort_unstable();
                keys.insert(format!("{section}.{key} {variables:?}"));
            }
        }
        keys
    }

    #[test]
    fn no_text_is_missing_in_either_language() {
        let english = keys(include_str!("../../locales/en.toml"));
        assert_eq!(english, keys(include_str!("../../locales/zh.toml")));
        assert!(english.len() > 60);
    }

    #[test]
    fn every_reason_and_status_has_its_words() {
        for word in Invalid::ALL_WORDS {
            assert_ne!(t!(format!("reason.{word}")), format!("reason.{word}"));
        }
        for status in Status::ALL {
            assert_ne!(t!(format!("status.{status}")), format!("status.{status}"));
        }
    }

    #[test]
    fn english_reasons_are_those_of_the_errors() {
        for invalid in
            [Invalid::Empty, Invalid::TooShort { digits: 10 }, Invalid::WrongDigest { digits: 32 }, Invalid::Letters]
        {
            assert_eq!(
                t!(
                    format!("reason.{}", invalid.word()),
                    locale = "en",
                    digits = match invalid {
                        Invalid::TooShort { digits } | Invalid::WrongDigest { digits } => digits,
                        _ => 0,
                    }
                ),
                invalid.to_string()
            );
        }
    }
}
