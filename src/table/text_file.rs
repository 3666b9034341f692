//! A text file with delimited records: understood once, read as often as needed.
//!
//! Opening reads the whole file (digest, encoding), then its start (delimiter, line ends, header). After that nothing is guessed
//! any more. How it fails: in the words of [`InputError`], with the record or the byte where it stands.

use std::io::{BufRead, BufReader};
use std::sync::Arc;

use super::decode::{Bytes, Text};
use super::error::InputError;
use super::fault::fault;
use super::format::{Charset, Format, detect_delimiter, detect_terminator, parse_delimiter};
use super::reading::{Found, ReadOptions};
use super::scan::{is_gz, sample, scan};
use super::source::{Pass, Source};
use super::text::{Shape, TextRecords};

/// How much of the start is looked at for delimiter and line ends.
const SAMPLE: usize = 64 << 10;

/// What must be known to read the file once more.
#[derive(Debug)]
pub(super) struct TextFile {
    name: Arc<str>,
    source: Arc<Source>,
    digest: [u8; 32],
    charset: Charset,
    bom: bool,
    gz: bool,
    delimiter: u8,
    not_utf8: Option<u64>,
    skip_lines: usize,
}

impl TextFile {
    /// A header that `is_known` tells the right delimiter from others.
    pub(super) fn open(
        source: &Arc<Source>,
        magic: &[u8],
        options: &ReadOptions,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<(Self, Found), InputError> {
        let ReadOptions { encoding, delimiter, skip_lines, sheet } = options;
        let name: Arc<str> = Arc::from(source.name.as_str());
        if sheet.is_some() {
            return Err(InputError::NoSheets { name: name.to_string() });
        }
        let given = encoding
            .as_ref()
            .map(|label| Charset::of_label(label).ok_or_else(|| InputError::UnknownEncoding { label: label.clone() }));
        let given = given.transpose()?;
        let delimiter = delimiter
            .as_ref()
            .map(|text| parse_delimiter(text).ok_or_else(|| InputError::BadDelimiter { text: text.clone() }));
        let delimiter = delimiter.transpose()?;

        let gz = is_gz(magic);
        let found = scan(source, gz, given)?;
        let mut file = TextFile {
            name,
            source: Arc::clone(source),
            digest: found.digest,
            charset: found.charset,
            bom: found.bom,
            gz,
            delimiter: b',',
            not_utf8: found.not_utf8,
            skip_lines: *skip_lines,
        };
        let (mut text, preamble) = file.text()?;
        let start = sample(&mut text, SAMPLE);
        file.delimiter = delimiter.unwrap_or_else(|| detect_delimiter(&start, is_known));
        let terminator = detect_terminator(&start, file.delimiter);
        let format = Format {
            charset: file.charset,
            bom: file.bom,
            delimiter: file.delimiter,
            terminator,
            gz,
            preamble,
            sheet: None,
        };
        let header = file.header()?;
        let digest = file.digest;
        Ok((file, Found { digest, format, header }))
    }

    /// A new pass from the first data record on.
    pub(super) fn records(&self) -> Result<TextRecords, InputError> {
        let mut records = self.records_with_header()?;
        records.header()?;
        Ok(records)
    }

    fn header(&self) -> Result<Vec<String>, InputError> {
        match self.records_with_header()?.header()? {
            Some(header) => Ok(header.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()),
            None if self.skip_lines > 0 => {
                Err(InputError::NothingAfterSkipped { name: self.name.to_string(), lines: self.skip_lines })
            }
            None => Err(InputError::Empty { name: self.name.to_string() }),
        }
    }

    fn records_with_header(&self) -> Result<TextRecords, InputError> {
        let (text, _) = self.text()?;
        let shape = Shape {
            name: Arc::clone(&self.name),
            encoding: self.charset.name(),
            not_utf8: self.not_utf8,
            delimiter: self.delimiter,
        };
        Ok(TextRecords::new(text, shape))
    }

    /// The text from the header line on, and the title lines above it.
    fn text(&self) -> Result<(BufReader<Text>, String), InputError> {
        let pass = Pass::new(Arc::clone(&self.source), Some(self.digest));
        let bytes = Bytes::new(pass, self.gz);
        let mut text = BufReader::new(Text::new(bytes, self.charset, self.bom));
        let mut preamble = Vec::new();
        for _ in 0..self.skip_lines {
            text.read_until(b'\n', &mut preamble)
                .map_err(|error| fault(error, &self.name, "the title lines", self.charset.name(), self.not_utf8))?;
        }
        Ok((text, String::from_utf8_lossy(&preamble).into_owned()))
    }
}
