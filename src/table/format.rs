//! How a file is written down: its character encoding, delimiter, line ends, and what stands around the records.

use encoding_rs::{Encoding, GB18030, GBK, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, X_USER_DEFINED};

/// For error texts; every label of the WHATWG standard is taken.
pub(super) const KNOWN_LABELS: &str =
    "utf-8, utf-8-bom, gb18030, gbk, gb2312, big5, utf-16le, utf-16be, shift_jis, euc-kr, windows-1252";

/// A character encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(pub(super) &'static Encoding);

impl Charset {
    pub const UTF_8: Charset = Charset(UTF_8);
    pub const GB18030: Charset = Charset(GB18030);
    pub const UTF_16LE: Charset = Charset(UTF_16LE);
    pub const UTF_16BE: Charset = Charset(UTF_16BE);

    /// The encoding of that label. GBK is taken as GB18030, which contains it and can hold every character.
    pub fn of_label(label: &str) -> Option<Self> {
        let label = label.trim();
        if asks_for_bom(label) {
            return Some(Self::UTF_8);
        }
        let encoding = Encoding::for_label(label.as_bytes())?;
        if encoding == REPLACEMENT || encoding == X_USER_DEFINED {
            return None;
        }
        Some(Charset(if encoding == GBK { GB18030 } else { encoding }))
    }

    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The byte order mark, in those encodings that have one.
    pub(super) fn bom(self) -> &'static [u8] {
        const MARKS: [(Charset, &[u8]); 3] = [
            (Charset::UTF_8, &[0xEF, 0xBB, 0xBF]),
            (Charset::UTF_16LE, &[0xFF, 0xFE]),
            (Charset::UTF_16BE, &[0xFE, 0xFF]),
        ];
        MARKS.iter().find(|(charset, _)| *charset == self).map_or(&[], |(_, mark)| mark)
    }

    /// The encoding whose byte order mark stands at the start.
    pub(super) fn of_bom(start: &[u8]) -> Option<Self> {
        [Self::UTF_8, Self::UTF_16LE, Self::UTF_16BE].into_iter().find(|charset| start.starts_with(charset.bom()))
    }

    pub(super) fn is_utf16(self) -> bool {
        self == Self::UTF_16LE || self == Self::UTF_16BE
    }
}

/// The label by which Python and others ask for UTF-8 with a byte order mark.
pub(super) fn asks_for_bom(label: &str) -> bool {
    ["utf-8-bom", "utf-8-sig", "utf8-bom"].iter().any(|known| known.eq_ignore_ascii_case(label.trim()))
}

/// How records end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminator {
    Lf,
    CrLf,
}

/// How a file is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    pub charset: Charset,
    /// A byte order mark stands at the start.
    pub bom: bool,
    pub delimiter: u8,
    pub terminator: Terminator,
    pub gz: bool,
    /// The title lines above the header, with their line ends.
    pub preamble: String,
    /// The sheet that was read, where the file is a workbook; what stands above is then how its text would be written down.
    pub sheet: Option<String>,
}

/// A delimiter as a flag or a config gives it.
pub(super) fn parse_delimiter(text: &str) -> Option<u8> {
    match text {
        "tab" | "TAB" | "\\t" | "\t" => Some(b'\t'),
        _ => match text.as_bytes() {
            [byte] if (byte.is_ascii_punctuation() || *byte == b' ') && *byte != b'"' => Some(*byte),
            _ => None,
        },
    }
}

/// The delimiter of the sample, the start of a file's text: that which splits the header, and then the records into as many
/// fields as the header has. A header that `is_known` to hold phone numbers settles it.
pub(super) fn detect_delimiter(sample: &[u8], is_known: impl Fn(&str) -> bool) -> u8 {
    let mut best = (b',', None);
    for delimiter in [b',', b'\t', b';', b'|'] {
        let score = score(sample, delimiter, &is_known);
        if score > best.1 {
            best = (delimiter, score);
        }
    }
    best.0
}

/// Whether the header is known, how many of 100 records have its width, and the width.
fn score(sample: &[u8], delimiter: u8, is_known: impl Fn(&str) -> bool) -> Option<(bool, usize, usize)> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(sample);
    let mut records = reader.byte_records().map_while(Result::ok);
    let header = records.next()?;
    if header.len() < 2 {
        return None;
    }
    let known = header.iter().filter_map(|cell| std::str::from_utf8(cell).ok()).any(is_known);
    let (mut same, mut all) = (0, 0);
    for record in records.take(200) {
        all += 1;
        same += usize::from(record.len() == header.len());
    }
    Some((known, same * 100 / all.max(1), header.len()))
}

/// How the header record of the sample ends. Not simply the first line end: a quoted header may hold others.
pub(super) fn detect_terminator(sample: &[u8], delimiter: u8) -> Terminator {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(sample);
    let mut header = csv::ByteRecord::new();
    if reader.read_byte_record(&mut header).is_err() {
        return Terminator::Lf;
    }
    // The reader may stop between the two characters of CRLF.
    let end = usize::try_from(reader.position().byte()).unwrap_or(sample.len()).min(sample.len());
    let carriage_return = sample[..end].ends_with(b"\r") && sample[end..].starts_with(b"\n");
    if carriage_return || sample[..end].ends_with(b"\r\n") { Terminator::CrLf } else { Terminator::Lf }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiter(sample: &str) -> char {
        detect_delimiter(sample.as_bytes(), |name| name == "手机号").into()
    }

    #[test]
    fn the_delimiter_is_found() {
        assert_eq!(delimiter("a,b,c\n1,2,3\n"), ',');
        assert_eq!(delimiter("a;b;c\n1,5;2;3\n"), ';');
        assert_eq!(delimiter("a\tb\n1,2\t3\n"), '\t');
        assert_eq!(delimiter("a|b\n1|3\n"), '|');
        assert_eq!(delimiter("\"x;y;z\",b\n\"1;2\",3\n"), ',');
        assert_eq!(delimiter("name, first;手机号\nx, y;1\n"), ';');
        assert_eq!(delimiter("手机号\n17312345678\n"), ',');
        assert_eq!(delimiter(""), ',');
        // Ragged rows under one, whole rows under the other.
        assert_eq!(delimiter("a,b;c\n1;2\n3;4\n5;6\n"), ';');
    }

    #[test]
    fn the_terminator_is_that_of_the_record() {
        assert_eq!(detect_terminator(b"a,b\r\n1,2\r\n", b','), Terminator::CrLf);
        assert_eq!(detect_terminator(b"a,b\n1,2\n", b','), Terminator::Lf);
        assert_eq!(detect_terminator(b"\"a\nx\",b\r\n1,2\r\n", b','), Terminator::CrLf);
        assert_eq!(detect_terminator(b"\"a\r\nx\",b\n1,2\n", b','), Terminator::Lf);
        assert_eq!(detect_terminator(b"a", b','), Terminator::Lf);
    }

    #[test]
    fn labels() {
        assert_eq!(Charset::of_label("GBK"), Some(Charset::GB18030));
        assert_eq!(Charset::of_label("gb2312"), Some(Charset::GB18030));
        assert_eq!(Charset::of_label(" utf8 "), Some(Charset::UTF_8));
        assert_eq!(Charset::of_label("utf-8-sig"), Some(Charset::UTF_8));
        assert_eq!(Charset::of_label("utf-16"), Some(Charset::UTF_16LE));
        assert_eq!(Charset::of_label("hz-gb-2312"), None);
        assert_eq!(Charset::of_label("klingon"), None);
        for label in KNOWN_LABELS.split(", ") {
            assert!(Charset::of_label(label).is_some(), "{label}");
        }
    }

    #[test]
    fn delimiters_by_name() {
        assert_eq!(parse_delimiter("tab"), Some(b'\t'));
        assert_eq!(parse_delimiter("\\t"), Some(b'\t'));
        assert_eq!(parse_delimiter(";"), Some(b';'));
        for bad in ["", "ab", "\"", "，", "1", "\n"] {
            assert_eq!(parse_delimiter(bad), None, "{bad:?}");
        }
    }
}
