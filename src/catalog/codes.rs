//! The vendor's codes: what each means and what payonce does about it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::verdict::CodeClass;

/// One documented code.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    pub class: CodeClass,
    /// The class where the API's document does not say that only code 0 is billed.
    pub class_if_assumed: Option<CodeClass>,
    /// The document's words.
    pub meaning: String,
    /// The code of the older envelope (`resultcode`).
    pub old: Option<i64>,
    /// For codes that stop a lane: which setting to look at.
    pub look_at: Option<String>,
}

impl Code {
    /// The class under a billing rule.
    pub fn class(&self, assumed: bool) -> CodeClass {
        match self.class_if_assumed {
            Some(class) if assumed => class,
            _ => self.class,
        }
    }
}

/// Whose fault a code names. The first digit of a six-digit code is 2 for the service; system codes have five digits and a
/// leading 1 (documents: 错误码格式说明).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Success,
    System,
    Service,
    Unknown,
}

impl Level {
    pub fn of(code: i64) -> Self {
        match code {
            0 => Level::Success,
            10_000..=19_999 => Level::System,
            200_000..=299_999 => Level::Service,
            _ => Level::Unknown,
        }
    }

    /// The service module (the data ID) that a service code names.
    pub fn module(code: i64) -> Option<i64> {
        (Level::of(code) == Level::Service).then_some(code / 100 % 1000)
    }
}

/// Codes by number, keyed in TOML by their digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeTable {
    codes: BTreeMap<i64, Code>,
    /// Old code to new code.
    old: BTreeMap<i64, i64>,
}

/// What is known about one code that somebody saw.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    pub number: i64,
    /// The code asked for was the older envelope's.
    pub asked_as_old: bool,
    pub code: &'a Code,
}

impl CodeTable {
    pub fn get(&self, code: i64) -> Option<&Code> {
        self.codes.get(&code)
    }

    /// The code that replaced an old `resultcode`.
    pub fn from_old(&self, old: i64) -> Option<i64> {
        self.old.get(&old).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = (i64, &Code)> {
        self.codes.iter().map(|(number, code)| (*number, code))
    }

    /// These codes, and those of `base` that they do not redefine.
    pub fn over(mut self, base: &CodeTable) -> CodeTable {
        for (number, code) in base.iter() {
            self.insert(number, code.clone());
        }
        self
    }

    fn insert(&mut self, number: i64, code: Code) {
        if self.codes.contains_key(&number) {
            return;
        }
        if let Some(old) = code.old {
            self.old.entry(old).or_insert(number);
        }
        self.codes.insert(number, code);
    }

    /// A code as either envelope writes it.
    pub fn explain(&self, seen: i64) -> Option<Explanation<'_>> {
        let number = if self.codes.contains_key(&seen) { seen } else { self.from_old(seen)? };
        self.get(number).map(|code| Explanation { number, asked_as_old: number != seen, code })
    }
}

impl<'de> Deserialize<'de> for CodeTable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let by_text = BTreeMap::<String, Code>::deserialize(deserializer)?;
        let mut table = CodeTable::default();
        for (text, code) in by_text {
            let number =
                text.parse().map_err(|_| serde::de::Error::custom(format!("code '{text}' is not a whole number")))?;
            table.insert(number, code);
        }
        Ok(table)
    }
}
