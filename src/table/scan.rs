//! The first pass: the whole file once, before anything is known about it. It finds the digest, and the encoding by the rule
//! byte order mark, else strict UTF-8, else GB18030; a sample would miss the one Chinese name in row 90,000.

use std::io::Read;
use std::sync::Arc;

use super::decode::Bytes;
use super::error::InputError;
use super::fault::fault;
use super::format::Charset;
use super::source::{Pass, Source};

/// What the first pass found.
pub(super) struct Scan {
    pub(super) digest: [u8; 32],
    pub(super) charset: Charset,
    pub(super) bom: bool,
    /// Where the file stops being UTF-8, where GB18030 is only what is left.
    pub(super) not_utf8: Option<u64>,
}

/// Reads everything. `given` is the encoding that the user names.
pub(super) fn scan(source: &Arc<Source>, gz: bool, given: Option<Charset>) -> Result<Scan, InputError> {
    let name = &source.name;
    let failed = |error| fault(error, name, "the file", "bytes", None);
    let mut bytes = Bytes::new(Pass::new(Arc::clone(source), None), gz);
    let mut chunk = vec![0; 64 << 10];
    let mut start = Vec::new();
    let mut utf8 = Utf8::default();
    loop {
        let read = bytes.read(&mut chunk).map_err(failed)?;
        if read == 0 {
            break;
        }
        if start.len() < START {
            start.extend_from_slice(&chunk[..read.min(START - start.len())]);
        }
        utf8.feed(&chunk[..read]);
    }
    let digest = bytes.pass().finish().map_err(failed)?;
    if start.is_empty() {
        return Err(InputError::Empty { name: name.clone() });
    }
    if is_workbook(&start) {
        return Err(InputError::ZippedWorkbook { name: name.clone() });
    }
    let broken = utf8.finish();
    let marked = Charset::of_bom(&start);
    let charset = match (given, marked) {
        // The mark says which of the two the file is, if the user only says that it is UTF-16.
        (Some(given), Some(marked)) if given.is_utf16() && marked.is_utf16() => marked,
        (Some(given), _) => given,
        (None, Some(marked)) => marked,
        (None, None) => {
            if let Some(label) = unmarked_utf16(&start) {
                return Err(InputError::LooksUtf16 { name: name.clone(), label });
            }
            if broken.is_none() { Charset::UTF_8 } else { Charset::GB18030 }
        }
    };
    if charset == Charset::UTF_8
        && let Some((offset, line)) = broken
    {
        return Err(InputError::Malformed {
            name: name.clone(),
            place: format!("line {line}"),
            offset,
            encoding: "UTF-8",
            guess: String::new(),
        });
    }
    let guessed = given.is_none() && marked.is_none();
    let not_utf8 = broken.filter(|_| guessed).map(|(offset, _)| offset);
    Ok(Scan { digest, charset, bom: marked == Some(charset), not_utf8 })
}

const START: usize = 4096;

/// ASCII in UTF-16 is every other byte zero, which strict UTF-8 would let through.
fn unmarked_utf16(start: &[u8]) -> Option<&'static str> {
    let zeros = |from: usize| start.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let enough = start.len() / 16;
    match () {
        () if odd > enough && odd > 4 * even => Some("utf-16le"),
        () if even > enough && even > 4 * odd => Some("utf-16be"),
        () => None,
    }
}

/// Strict UTF-8 over chunks that may split a character.
#[derive(Default)]
struct Utf8 {
    /// The start of a character whose rest is in the next chunk.
    split: Vec<u8>,
    offset: u64,
    lines: u64,
    broken: Option<(u64, u64)>,
}

impl Utf8 {
    fn feed(&mut self, mut chunk: &[u8]) {
        while !self.split.is_empty() && self.broken.is_none() {
            let [first, rest @ ..] = chunk else { return };
            self.split.push(*first);
            chunk = rest;
            match std::str::from_utf8(&self.split) {
                Ok(_) => {
                    self.offset += self.split.len() as u64;
                    self.split.clear();
                }
                Err(error) if error.error_len().is_some() => self.break_off(),
                Err(_) => {}
            }
        }
        if self.broken.is_some() {
            return;
        }
        let (valid, error) = match std::str::from_utf8(chunk) {
            Ok(_) => (chunk.len(), None),
            Err(error) => (error.valid_up_to(), Some(error)),
        };
        self.offset += valid as u64;
        self.lines += chunk[..valid].iter().filter(|byte| **byte == b'\n').count() as u64;
        match error {
            Some(error) if error.error_len().is_some() => self.break_off(),
            Some(_) => self.split.extend_from_slice(&chunk[valid..]),
            None => {}
        }
    }

    fn break_off(&mut self) {
        self.broken = Some((self.offset, self.lines + 1));
    }

    /// Offset and line of the first bytes that are not UTF-8.
    fn finish(mut self) -> Option<(u64, u64)> {
        if self.broken.is_none() && !self.split.is_empty() {
            self.break_off();
        }
        self.broken
    }
}

/// The file starts like an Excel workbook, new or old.
pub(super) fn is_workbook(magic: &[u8]) -> bool {
    magic.starts_with(b"PK\x03\x04") || magic.starts_with(&[0xD0, 0xCF, 0x11, 0xE0])
}

pub(super) fn is_gz(magic: &[u8]) -> bool {
    magic.starts_with(&[0x1F, 0x8B])
}

/// Reads up to `limit` bytes, to the end, or to the first error: the pass that follows meets it again, and knows the record.
pub(super) fn sample(from: &mut impl Read, limit: usize) -> Vec<u8> {
    let mut sample = Vec::new();
    let _ = from.take(limit as u64).read_to_end(&mut sample);
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_is_judged_over_any_split() {
        let text = "客户编号,姓名\n1,𠮷\n".repeat(3);
        for size in 1..9 {
            let mut utf8 = Utf8::default();
            text.as_bytes().chunks(size).for_each(|chunk| utf8.feed(chunk));
            assert_eq!(utf8.finish(), None, "chunks of {size}");

            let mut utf8 = Utf8::default();
            let mut bad = text.clone().into_bytes();
            let at = bad.len();
            bad.extend_from_slice(b"\xE5\xAE,x");
            bad.chunks(size).for_each(|chunk| utf8.feed(chunk));
            assert_eq!(utf8.finish(), Some((at as u64, 7)), "chunks of {size}");

            let mut utf8 = Utf8::default();
            bad[..at + 2].chunks(size).for_each(|chunk| utf8.feed(chunk));
            assert_eq!(utf8.finish(), Some((at as u64, 7)), "cut off, chunks of {size}");
        }
    }

    #[test]
    fn utf16_without_a_mark_is_noticed() {
        let le: Vec<u8> = "手机号,name\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = "手机号,name\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(unmarked_utf16(&le), Some("utf-16le"));
        assert_eq!(unmarked_utf16(&be), Some("utf-16be"));
        assert_eq!(unmarked_utf16("手机号,name\n".as_bytes()), None);
    }
}
