//! The records of a text file.
//!
//! A quote that is never closed, or closed by a stray one further down, would swallow rows in silence. Three guards prevent
//! that: a record is bounded in size; behind the file's last byte stands a sentinel that no text can hold, and a record that
//! swallowed it was not closed; and a field with a whole row in it, phone number in its place, is not taken for a note.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use csv::ByteRecord;

use crate::domain::cell::judge;

use super::decode::Text;
use super::error::InputError;
use super::fault::fault;
use super::row::Row;

/// Most bytes of one record.
const LONGEST: usize = 1 << 20;
/// Most lines of one record.
const MOST_LINES: usize = 1_000;
/// In narrower files a note may well look like a row.
const NARROWEST: usize = 4;
/// No UTF-8 text holds this byte.
const SENTINEL: u8 = 0xFF;

/// What a pass must know about its input.
pub(super) struct Shape {
    pub(super) name: Arc<str>,
    pub(super) encoding: &'static str,
    pub(super) not_utf8: Option<u64>,
    pub(super) delimiter: u8,
}

/// A pass over the records of a text file.
pub(super) struct TextRecords {
    reader: csv::Reader<Guarded>,
    shape: Shape,
    /// 0 as long as the header is not read.
    columns: usize,
    record: u64,
}

impl TextRecords {
    /// `text` stands at the header line.
    pub(super) fn new(text: BufReader<Text>, shape: Shape) -> Self {
        let guarded = Guarded { text, left: LONGEST, sentinel: 0 };
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(shape.delimiter)
            .buffer_capacity(64 << 10)
            .from_reader(guarded);
        TextRecords { reader, shape, columns: 0, record: 0 }
    }

    /// Reads the header, which fixes the number of columns. None where there is no line at all.
    pub(super) fn header(&mut self) -> Result<Option<ByteRecord>, InputError> {
        let mut header = ByteRecord::new();
        if !self.read(&mut header)? {
            return Ok(None);
        }
        self.columns = header.len();
        Ok(Some(header))
    }

    /// Reads the next record as it is; false at the end, once the digest is found unchanged.
    pub(super) fn next_into(&mut self, row: &mut Row) -> Result<bool, InputError> {
        row.forms.clear();
        row.sheet_row = 0;
        if !self.read(&mut row.fields)? {
            let pass = self.reader.get_mut().text.get_mut().pass();
            pass.finish().map_err(|error| self.explain(error))?;
            return Ok(false);
        }
        self.record += 1;
        Ok(true)
    }

    /// A field of the record has a whole row in it.
    pub(super) fn swallowed_a_row(&self, fields: &ByteRecord, column: Option<usize>) -> bool {
        let Some(column) = column else { return false };
        if self.columns < NARROWEST || !fields.as_slice().contains(&b'\n') {
            return false;
        }
        let is_row = |line: &[u8]| {
            let mut cells = line.split(|byte| *byte == self.shape.delimiter);
            let number = cells.nth(column).and_then(|cell| std::str::from_utf8(cell).ok());
            number.is_some_and(|cell| judge(cell).is_ok()) && column + 1 + cells.count() >= self.columns
        };
        fields.iter().any(|field| field.split(|byte| *byte == b'\n').skip(1).any(is_row))
    }

    fn read(&mut self, fields: &mut ByteRecord) -> Result<bool, InputError> {
        self.reader.get_mut().left = LONGEST;
        match self.reader.read_byte_record(fields) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => {
                let error = match error.into_kind() {
                    csv::ErrorKind::Io(error) => error,
                    kind => io::Error::other(format!("{kind:?}")),
                };
                return Err(self.explain(error));
            }
        }
        let content = fields.as_slice();
        if content.last() == Some(&SENTINEL) {
            if content.len() == 1 {
                return Ok(false);
            }
            return Err(InputError::OpenQuote { name: self.shape.name.to_string(), place: self.place() });
        }
        if content.len() > MOST_LINES && content.iter().filter(|byte| **byte == b'\n').count() > MOST_LINES {
            return Err(self.too_long("1,000 lines"));
        }
        Ok(true)
    }

    /// Where the record stands that is being read.
    fn place(&self) -> String {
        if self.columns == 0 { "the header".to_owned() } else { format!("record {}", self.record + 1) }
    }

    fn too_long(&self, limit: &'static str) -> InputError {
        InputError::LongRecord { name: self.shape.name.to_string(), place: self.place(), limit }
    }

    fn explain(&self, error: io::Error) -> InputError {
        if error.get_ref().is_some_and(|inner| inner.is::<TooLong>()) {
            return self.too_long("1 MiB");
        }
        fault(error, &self.shape.name, &self.place(), self.shape.encoding, self.shape.not_utf8)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a record is too long")]
struct TooLong;

/// The text, bounded between two records and closed by the sentinel.
struct Guarded {
    text: BufReader<Text>,
    left: usize,
    /// How much of [`Guarded::END`] has been handed out.
    sentinel: usize,
}

impl Guarded {
    const END: [u8; 2] = [b'\n', SENTINEL];
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other(TooLong));
        }
        let room = buffer.len().min(self.left);
        let read = self.text.read(&mut buffer[..room])?;
        self.left -= read;
        if read > 0 {
            return Ok(read);
        }
        let rest = &Self::END[self.sentinel..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.sentinel += length;
        Ok(length)
    }
}
