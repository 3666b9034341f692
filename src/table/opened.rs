//! A CSV file: opened and understood once, read as often as needed.
//!
//! Opening reads the whole file (digest, encoding), then its start (delimiter, line ends, header). After that nothing is guessed
//! any more: every pass gives the same rows or an error. What its columns mean is for those who ask: [`super::Input`] and
//! [`super::Statement`].

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::decode::{Bytes, MalformedAt, Text};
use super::error::InputError;
use super::format::{Charset, Format, Terminator, detect_delimiter, detect_terminator, parse_delimiter};
use super::rows::{Rows, Shape};
use super::scan::{is_gz, is_workbook, sample, scan};
use super::source::{HasChanged, Pass, Source};

/// How much of the start is looked at for delimiter and line ends.
const SAMPLE: usize = 64 << 10;

/// What the user says about a file; the rest is found.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    pub encoding: Option<String>,
    pub delimiter: Option<String>,
    /// Title lines above the header.
    pub skip_lines: usize,
}

/// An open CSV file.
#[derive(Debug)]
pub(super) struct Table {
    name: Arc<str>,
    source: Arc<Source>,
    digest: [u8; 32],
    format: Format,
    not_utf8: Option<u64>,
    skip_lines: usize,
    header: Vec<String>,
}

impl Table {
    /// Opens a file, or standard input for `-`. A header that `is_known` tells the right delimiter from others.
    pub(super) fn open(
        path: &Path,
        options: &ReadOptions,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Self, InputError> {
        let given = options
            .encoding
            .as_ref()
            .map(|label| Charset::of_label(label).ok_or_else(|| InputError::UnknownEncoding { label: label.clone() }));
        let given = given.transpose()?;
        let delimiter = options
            .delimiter
            .as_ref()
            .map(|text| parse_delimiter(text).ok_or_else(|| InputError::BadDelimiter { text: text.clone() }));
        let delimiter = delimiter.transpose()?;

        let source = Arc::new(Source::open(path)?);
        let name: Arc<str> = Arc::from(source.name.as_str());
        let magic = source.magic().map_err(|error| InputError::Read { name: name.to_string(), error })?;
        if source.is_empty() {
            return Err(InputError::Empty { name: name.to_string() });
        }
        if is_workbook(&magic) {
            return Err(InputError::Workbook { name: name.to_string() });
        }
        let gz = is_gz(&magic);
        let found = scan(&source, gz, given)?;
        let mut table = Table {
            name,
            source,
            digest: found.digest,
            format: Format {
                charset: found.charset,
                bom: found.bom,
                delimiter: b',',
                terminator: Terminator::Lf,
                gz,
                preamble: String::new(),
            },
            not_utf8: found.not_utf8,
            skip_lines: options.skip_lines,
            header: Vec::new(),
        };
        table.look_at_start(delimiter, is_known)?;
        Ok(table)
    }

    /// What the user named it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the raw bytes.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.digest
    }

    pub(super) fn format(&self) -> &Format {
        &self.format
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// A new pass from the first data record on. The phone cells are those of `column`.
    pub(super) fn rows(&self, column: Option<usize>) -> Result<Rows, InputError> {
        let (text, _) = self.text()?;
        let mut rows = self.rows_of(text);
        rows.header()?;
        rows.select(column);
        Ok(rows)
    }

    pub(super) fn identity(&self) -> Option<(u64, u64)> {
        self.source.identity
    }

    /// Preamble, delimiter, line ends and header.
    fn look_at_start(&mut self, delimiter: Option<u8>, is_known: impl Fn(&str) -> bool) -> Result<(), InputError> {
        let (mut text, preamble) = self.text()?;
        let start = sample(&mut text, SAMPLE);
        self.format.preamble = preamble;
        self.format.delimiter = delimiter.unwrap_or_else(|| detect_delimiter(&start, is_known));
        self.format.terminator = detect_terminator(&start, self.format.delimiter);

        let (text, _) = self.text()?;
        let header = match self.rows_of(text).header()? {
            Some(header) => header,
            None if self.skip_lines > 0 => {
                return Err(InputError::NothingAfterSkipped { name: self.name.to_string(), lines: self.skip_lines });
            }
            None => return Err(InputError::Empty { name: self.name.to_string() }),
        };
        self.header = header.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
        Ok(())
    }

    /// The text from the header line on, and the title lines above it.
    fn text(&self) -> Result<(BufReader<Text>, String), InputError> {
        let pass = Pass::new(Arc::clone(&self.source), Some(self.digest));
        let bytes = Bytes::new(pass, self.format.gz);
        let mut text = BufReader::new(Text::new(bytes, self.format.charset, self.format.bom));
        let mut preamble = Vec::new();
        for _ in 0..self.skip_lines {
            text.read_until(b'\n', &mut preamble).map_err(|error| {
                fault(error, &self.name, "the title lines", self.format.charset.name(), self.not_utf8)
            })?;
        }
        Ok((text, String::from_utf8_lossy(&preamble).into_owned()))
    }

    fn rows_of(&self, text: BufReader<Text>) -> Rows {
        Rows::new(
            text,
            Shape {
                name: Arc::clone(&self.name),
                encoding: self.format.charset.name(),
                not_utf8: self.not_utf8,
                delimiter: self.format.delimiter,
            },
        )
    }
}

/// What went wrong below, in words: the readers pass their findings up inside an [`io::Error`].
pub(super) fn fault(
    error: io::Error,
    name: &str,
    place: &str,
    encoding: &'static str,
    not_utf8: Option<u64>,
) -> InputError {
    let name = name.to_owned();
    let inner = error.get_ref();
    if inner.is_some_and(|inner| inner.is::<HasChanged>()) {
        return InputError::Changed { name };
    }
    if let Some(MalformedAt { offset }) = inner.and_then(|inner| inner.downcast_ref()) {
        let guess = not_utf8.map(|at| format!(" (nor is the file UTF-8: that breaks off at {at})")).unwrap_or_default();
        return InputError::Malformed { name, place: place.to_owned(), offset: *offset, encoding, guess };
    }
    InputError::Read { name, error }
}
