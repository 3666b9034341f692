//! Subjects: who is asked about, however a cell spells it.
//!
//! A subject's ledger key is the SHA-256 of its 11 digits, so a plain number and its digest are one subject. Plain numbers are
//! shown masked; a mask never stands beside a digest, since together they give the number away.

use std::fmt;

use sha2::{Digest, Sha256};

/// The ledger key of a phone number: the SHA-256 of its 11 digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject([u8; 32]);

impl Subject {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Subject(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 lower-case hex digits, the form in which APIs take it.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({}…)", hex::encode(&self.0[..4]))
    }
}

/// A mainland mobile number: 11 ASCII digits, `1[3-9]` first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number([u8; 11]);

impl Number {
    /// `digits` if they are a mainland mobile number: 1, 3 to 9, and nine more digits.
    pub fn from_digits(digits: &[u8]) -> Option<Self> {
        let number: [u8; 11] = digits.try_into().ok()?;
        let valid = number.iter().all(u8::is_ascii_digit) && number[0] == b'1' && (b'3'..=b'9').contains(&number[1]);
        valid.then_some(Number(number))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub fn subject(&self) -> Subject {
        Subject(Sha256::digest(self.0).into())
    }

    /// `173****5678`, for logs and messages.
    pub fn masked(&self) -> String {
        let digits = self.as_str();
        format!("{}****{}", &digits[..3], &digits[7..])
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({})", self.masked())
    }
}

/// What a valid cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    Number(Number),
    /// A SHA-256 digest, good for APIs that take digests, and elsewhere for subjects that are already answered.
    Digest(Subject),
}

impl Identity {
    pub fn subject(&self) -> Subject {
        match self {
            Identity::Number(number) => number.subject(),
            Identity::Digest(subject) => *subject,
        }
    }
}
