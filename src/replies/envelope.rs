//! Reads from a JSON body the few places that a profile names, byte for byte.
//!
//! Numbers keep the form the vendor gave them (an order ID of 20 digits is not a float), and a key that is given twice with two
//! values is noticed. Depth does not matter: what is not named is skipped without recursion.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Longest text that is kept of one place, in characters: order IDs, labels and reasons are short.
const MAX_TEXT: usize = 512;

/// Why a body cannot be taken at its word.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Not JSON, or not an object.
    NotAnObject,
    /// A key is given twice with two values.
    Contradiction(String),
}

/// Keys for which there is room from the start; the documented objects have at most four.
const USUAL: usize = 8;

/// A key, copied only where it is written with escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// A JSON object whose values are not looked into yet.
struct Object<'a>(Vec<(Key<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(USUAL);
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl<'a> Object<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn get(&self, key: &str) -> Result<Option<&'a RawValue>, Unreadable> {
        let mut found: Option<&RawValue> = None;
        for (_, value) in self.0.iter().filter(|(name, _)| name.0 == key) {
            match found {
                Some(earlier) if earlier.get() != value.get() => return Err(Unreadable::Contradiction(key.to_owned())),
                _ => found = Some(value),
            }
        }
        Ok(found)
    }
}

/// A reply's body, known to be a JSON object.
pub(super) struct Envelope<'a> {
    root: Object<'a>,
}

impl<'a> Envelope<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(body).map_err(|_| Unreadable::NotAnObject)?;
        let text = text.trim_start_matches('\u{feff}');
        Object::parse(text).map(|root| Envelope { root }).ok_or(Unreadable::NotAnObject)
    }

    /// The scalar at a dotted path, as text; none where the path leads nowhere, to null, or through something that is no object.
    pub(super) fn text(&self, path: &str) -> Result<Option<String>, Unreadable> {
        let mut keys = path.split('.');
        let mut value = match keys.next() {
            Some(key) => self.root.get(key)?,
            None => None,
        };
        for key in keys {
            value = match value.and_then(|raw| Object::parse(raw.get())) {
                Some(object) => object.get(key)?,
                None => None,
            };
        }
        Ok(value.and_then(|raw| scalar(raw.get())))
    }
}

/// A string's content or a number's digits; structures are kept as they were written, so that nothing paid for is lost.
fn scalar(raw: &str) -> Option<String> {
    if raw == "null" {
        return None;
    }
    let text = if raw.starts_with('"') { serde_json::from_str(raw).ok()? } else { raw.to_owned() };
    Some(if text.len() > MAX_TEXT { text.chars().take(MAX_TEXT).collect() } else { text })
}

/// A code as the vendor may write it: 10012, "10012", " 10012 ", 10012.0. Anything else is no code.
pub(super) fn code(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|b| b == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let plain = !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Whether the body is JSON at all, of whatever shape.
pub(super) fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}
