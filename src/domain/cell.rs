//! The normaliser: what a cell holds, however it is spelt.
//!
//! A cell is folded first (white space, invisible marks, full-width forms, dashes, brackets), then judged. Money depends on the
//! judgement: where two readings are possible the cell is refused with a reason, never repaired by a guess. So a digit is never
//! dropped from a long number, a decimal fraction is never read as a grouping, and `+1 731 234 5678` stays American.
//!
//! Pure and total: any text gives an [`Identity`] or an [`Invalid`]. A plain number takes a path without allocation.

use std::fmt;

use crate::domain::subject::{Identity, Number, Subject};
use crate::domain::text::is_invisible;

/// Why a cell cannot be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invalid {
    Empty,
    TooShort {
        digits: usize,
    },
    TooLong {
        digits: usize,
    },
    /// `173****5678`
    Masked,
    TwoNumbers,
    /// `1.73123E+10`
    LostDigits,
    /// A landline, a foreign number, a date.
    NotMobile,
    /// Hex digits, but not 64 of them.
    WrongDigest {
        digits: usize,
    },
    Letters,
    /// A digest, where the API takes plain numbers only. Never found by [`judge`], which knows no API.
    NeedsNumber,
}

impl Invalid {
    /// The words of all reasons, in the order of reports.
    pub const ALL_WORDS: [&'static str; 10] = [
        "empty",
        "too_short",
        "too_long",
        "masked",
        "two_numbers",
        "lost_digits",
        "not_mobile",
        "wrong_digest",
        "letters",
        "needs_number",
    ];

    /// The place of the reason in [`Invalid::ALL_WORDS`].
    pub const fn index(self) -> usize {
        match self {
            Invalid::Empty => 0,
            Invalid::TooShort { .. } => 1,
            Invalid::TooLong { .. } => 2,
            Invalid::Masked => 3,
            Invalid::TwoNumbers => 4,
            Invalid::LostDigits => 5,
            Invalid::NotMobile => 6,
            Invalid::WrongDigest { .. } => 7,
            Invalid::Letters => 8,
            Invalid::NeedsNumber => 9,
        }
    }

    /// A stable word for scripts and reports.
    pub const fn word(self) -> &'static str {
        Self::ALL_WORDS[self.index()]
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Invalid::Empty => f.write_str("empty"),
            Invalid::TooShort { digits } => write!(f, "too short: {digits} of 11 digits"),
            Invalid::TooLong { digits } => write!(f, "too long: {digits} digits instead of 11"),
            Invalid::Masked => f.write_str("masked digits: the whole number is needed"),
            Invalid::TwoNumbers => f.write_str("two numbers in one cell: keep one of them"),
            Invalid::LostDigits => {
                f.write_str("scientific notation lost digits: format the column as text and export again")
            }
            Invalid::NotMobile => f.write_str("not a mainland mobile number: 11 digits from 13 to 19 are needed"),
            Invalid::WrongDigest { digits } => {
                write!(f, "a digest of {digits} hex digits; a SHA-256 digest has 64 (MD5 and SHA-1 are not taken)")
            }
            Invalid::Letters => f.write_str("contains letters or other text"),
            Invalid::NeedsNumber => f.write_str("a digest where this API needs the number"),
        }
    }
}

/// What the cell holds.
pub fn judge(cell: &str) -> Result<Identity, Invalid> {
    if let Some(number) = Number::from_digits(cell.as_bytes()) {
        return Ok(Identity::Number(number));
    }
    if let Some(digest) = digest(cell.as_bytes()) {
        return Ok(Identity::Digest(digest));
    }
    let folded = fold(cell);
    let text = undecorated(&folded);
    if !text.iter().any(|b| b.is_ascii_digit() || is_text(*b)) {
        return Err(Invalid::Empty);
    }
    if let Some(digest) = digest(text) {
        return Ok(Identity::Digest(digest));
    }
    if text.len() >= SHORTEST_DIGEST
        && text.iter().all(u8::is_ascii_hexdigit)
        && text.iter().any(u8::is_ascii_alphabetic)
    {
        return Err(Invalid::WrongDigest { digits: text.len() });
    }
    if let Some(written_out) = scientific(text) {
        return plain(&written_out?, false);
    }
    if is_masked(text) {
        return Err(Invalid::Masked);
    }
    if holds_two(text) {
        return Err(Invalid::TwoNumbers);
    }
    if text.iter().any(|b| is_text(*b)) {
        return Err(Invalid::Letters);
    }
    grouped(text)
}

/// Half an MD5, the shortest digest that is in use.
const SHORTEST_DIGEST: usize = 16;
/// Stands for any character that has no part in a number.
const OTHER: u8 = 0x01;
/// Stands for whatever people put between two numbers.
const BETWEEN: u8 = b'/';

fn digest(text: &[u8]) -> Option<Subject> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(Subject::from_bytes(bytes))
}

/// The cell in ASCII: one byte per character that is seen, each kind of decoration in one spelling.
fn fold(cell: &str) -> Vec<u8> {
    cell.chars().filter(|c| !is_invisible(*c)).map(fold_char).collect()
}

fn fold_char(c: char) -> u8 {
    // Full-width forms mirror ASCII, one by one.
    let c = match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        _ => c,
    };
    match c {
        c if c.is_whitespace() => b' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' => b'-',
        '‘' | '’' => b'\'',
        '[' | '{' | '【' | '〔' | '﹙' => b'(',
        ']' | '}' | '】' | '〕' | '﹚' => b')',
        '、' | ';' | ',' | '|' | '\\' | '&' | '或' | '和' | '及' => BETWEEN,
        '#' | '?' | '_' | '●' | '•' | '○' | '×' | '∗' | '■' | '□' | '█' => b'*',
        c if c.is_ascii() && !c.is_ascii_control() => c as u8,
        _ => OTHER,
    }
}

/// Without the white space around it and the apostrophe by which a spreadsheet is told that this is text.
fn undecorated(folded: &[u8]) -> &[u8] {
    let text = folded.trim_ascii();
    text.strip_prefix(b"'").unwrap_or(text).trim_ascii()
}

/// Neither a digit nor a decoration.
fn is_text(byte: u8) -> bool {
    !(byte.is_ascii_digit() || matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'+'))
}

/// `173****5678`, `173XXXX5678`: digits, decoration and place-holders, nothing else.
fn is_masked(text: &[u8]) -> bool {
    let is_mask = |b: &u8| matches!(b, b'*' | b'x' | b'X');
    let masks = text.iter().filter(|b| is_mask(b)).count();
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    masks > 0 && masks + digits > 2 && text.iter().all(|b| is_mask(b) || !is_text(*b) || *b == BETWEEN)
}

/// Two numbers: two pieces that each could be one, or two runs of 11 digits, or 22 digits that are two mobile numbers.
fn holds_two(text: &[u8]) -> bool {
    let digits = |piece: &[u8]| piece.iter().filter(|b| b.is_ascii_digit()).count();
    let pieces = text.split(|b| *b == b' ' || *b == b'+' || is_text(*b)).filter(|piece| digits(piece) >= 7).count();
    let runs = text.split(|b| !b.is_ascii_digit()).filter(|run| run.len() >= 11).count();
    if pieces >= 2 || runs >= 2 {
        return true;
    }
    let all: Vec<u8> = text.iter().copied().filter(u8::is_ascii_digit).collect();
    all.len() == 22 && Number::from_digits(&all[..11]).is_some() && Number::from_digits(&all[11..]).is_some()
}

/// The digits of a number in scientific notation, or that it lost some; nothing where it is not in that notation.
fn scientific(text: &[u8]) -> Option<Result<Vec<u8>, Invalid>> {
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let at = text.iter().position(|b| b.eq_ignore_ascii_case(&b'e'))?;
    let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
    let exponent = exponent.strip_prefix(b"+").unwrap_or(exponent);
    let point = mantissa.iter().position(|b| *b == b'.').unwrap_or(mantissa.len());
    let (whole, fraction) = (&mantissa[..point], mantissa.get(point + 1..).unwrap_or_default());
    let all_digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let plausible = all_digits(whole) && all_digits(fraction) && all_digits(exponent);
    if !plausible || whole.is_empty() || exponent.is_empty() || exponent.len() > 3 {
        return None;
    }
    let shift = exponent.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    // A leading zero would be read as the trunk prefix, and digits beyond the point would be cut off.
    let whole_number = fraction.len() >= shift && fraction[shift..].iter().all(|digit| *digit == b'0');
    if whole[0] == b'0' || !whole_number {
        return Some(Err(Invalid::LostDigits));
    }
    Some(Ok([whole, &fraction[..shift]].concat()))
}

/// Digits with separators between them.
fn grouped(text: &[u8]) -> Result<Identity, Invalid> {
    let plus = text.iter().position(|b| *b == b'+');
    let first = text.iter().position(u8::is_ascii_digit).unwrap_or_default();
    if plus.is_some_and(|at| at > first || text[at + 1..].contains(&b'+')) {
        return Err(Invalid::Letters);
    }
    let text = without_zero_fraction(text);
    let groups: Vec<&[u8]> = text.split(|b| !b.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    if is_dated(&groups) || !dots_separate(text, &groups) {
        return Err(Invalid::NotMobile);
    }
    plain(&groups.concat(), plus.is_some())
}

/// Drops what a number gains on its way through a float: `.0`, `.00`, and more zeros only behind a whole number of 11 digits or
/// more, since `173.1234.0000` ends in a group of its own.
fn without_zero_fraction(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b".").unwrap_or(text);
    let Some(point) = text.iter().rposition(|b| *b == b'.') else { return text };
    let (whole, zeros) = (&text[..point], &text[point + 1..]);
    let all_zeros = !zeros.is_empty() && zeros.iter().all(|b| *b == b'0');
    let long = whole.iter().rev().take_while(|b| b.is_ascii_digit()).count() >= 11;
    if all_zeros && (zeros.len() <= 2 || long) { whole } else { text }
}

/// `1985-01-01 123` has the digits of a mobile number.
fn is_dated(groups: &[&[u8]]) -> bool {
    let [year, month, day, ..] = groups else { return false };
    year.len() == 4 && (year.starts_with(b"19") || year.starts_with(b"20")) && month.len() <= 2 && day.len() <= 2
}

/// Dots only stand between the groups 3-4-4: other dotted things are decimal fractions and network addresses.
fn dots_separate(text: &[u8], groups: &[&[u8]]) -> bool {
    if !text.contains(&b'.') {
        return true;
    }
    let [.., a, b, c] = groups else { return false };
    (a.len(), b.len(), c.len()) == (3, 4, 4)
}

/// Nothing but digits: takes the prefix off and judges what is left.
fn plain(digits: &[u8], plus: bool) -> Result<Identity, Invalid> {
    let national = match digits {
        [b'8', b'6', rest @ ..] if plus || digits.len() > 11 => rest,
        [b'0', b'0', b'8', b'6', rest @ ..] if !plus => rest,
        [b'0', b'0', ..] if digits.len() > 11 => return Err(Invalid::NotMobile),
        _ if plus => return Err(Invalid::NotMobile),
        rest => rest,
    };
    let national = match national {
        [b'0', rest @ ..] if rest.len() == 11 => rest,
        rest => rest,
    };
    if let Some(number) = Number::from_digits(national) {
        return Ok(Identity::Number(number));
    }
    let prefixed = national.len() < digits.len();
    let landline = match national {
        [b'0', ..] => (10..=12).contains(&national.len()),
        [b'4' | b'8', b'0', b'0', ..] => national.len() == 10,
        [first, ..] => *first != b'1' && prefixed && (9..=11).contains(&national.len()),
        [] => false,
    };
    match national.len() {
        11 => Err(Invalid::NotMobile),
        _ if landline => Err(Invalid::NotMobile),
        digits if digits < 11 => Err(Invalid::TooShort { digits }),
        digits => Err(Invalid::TooLong { digits }),
    }
}

#[cfg(test)]
mod tests;
