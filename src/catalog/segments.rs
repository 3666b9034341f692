//! Carriers by the leading digits of a number: a hint for the survey, since numbers are portable.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::subject::Number;

const SEGMENTS: &str = include_str!("segments.toml");

/// A mainland carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    Telecom,
    Unicom,
    Mobile,
    Broadnet,
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Carrier::Telecom => "China Telecom",
            Carrier::Unicom => "China Unicom",
            Carrier::Mobile => "China Mobile",
            Carrier::Broadnet => "China Broadnet",
        })
    }
}

/// The table of segments. Indexed by the four leading digits.
#[derive(Clone, Debug)]
pub struct Segments(Vec<Option<Carrier>>);

impl Segments {
    /// The embedded table.
    pub fn built_in() -> Self {
        let lists: HashMap<Carrier, Vec<String>> = toml::from_str(SEGMENTS)
            .unwrap_or_else(|e| panic!("the embedded segments.toml is not as it should be: {e}"));
        let mut entries: Vec<(String, Carrier)> = lists
            .into_iter()
            .flat_map(|(carrier, prefixes)| prefixes.into_iter().map(move |prefix| (prefix, carrier)))
            .collect();
        // Shorter prefixes first, so that the longer ones overwrite their part.
        entries.sort_by_key(|(prefix, _)| prefix.len());
        let mut table = vec![None; 10_000];
        for (prefix, carrier) in entries {
            let width = 10_usize.pow(4 - prefix.len() as u32);
            let start = prefix.parse::<usize>().unwrap_or_default() * width;
            table[start..start + width].fill(Some(carrier));
        }
        Segments(table)
    }

    /// The carrier that the number's segment was issued to, where it is known.
    pub fn carrier(&self, number: &Number) -> Option<Carrier> {
        let leading = number.as_str()[..4].parse::<usize>().ok()?;
        self.0[leading]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_counts() {
        let segments = Segments::built_in();
        for (number, carrier) in [
            ("17312345678", Some(Carrier::Telecom)),
            ("13491234567", Some(Carrier::Telecom)),
            ("13481234567", Some(Carrier::Mobile)),
            ("17041234567", Some(Carrier::Unicom)),
            ("17051234567", Some(Carrier::Mobile)),
            ("18612345678", Some(Carrier::Unicom)),
            ("19212345678", Some(Carrier::Broadnet)),
            ("14012345678", None),
        ] {
            let number = Number::from_digits(number.as_bytes()).expect(number);
            assert_eq!(segments.carrier(&number), carrier, "{number:?}");
        }
    }
}
