//! One pass over the records, each read into the same buffer, whatever kind of file they stand in.
//!
//! Every row has as many fields as the header: short ones are padded, surplus empty ones dropped, surplus filled ones are an
//! error. This is the seam of the room on the side of the input: behind it a text file or a sheet, before it no difference.

use std::sync::Arc;

use super::error::InputError;
use super::row::Row;
use super::sheet::column_letters;
use super::sheet_file::SheetRecords;
use super::text::TextRecords;

/// Where records come from.
pub(super) enum Records {
    Text(Box<TextRecords>),
    Sheet(SheetRecords),
}

/// A pass over the data records. At its end the content is proven to be that of the first pass.
pub struct Rows {
    records: Records,
    name: Arc<str>,
    columns: usize,
    column: Option<usize>,
    record: u64,
    done: bool,
}

impl Rows {
    /// `records` stand behind the header, which has so many columns. The phone cell is that of `column`.
    pub(super) fn new(records: Records, name: Arc<str>, columns: usize, column: Option<usize>) -> Self {
        Rows { records, name, columns, column, record: 0, done: false }
    }

    /// Reads the next row; false at the end, once the digest is found unchanged.
    pub fn next_into(&mut self, row: &mut Row) -> Result<bool, InputError> {
        if self.done {
            return Ok(false);
        }
        let more = match &mut self.records {
            Records::Text(records) => records.next_into(row)?,
            Records::Sheet(records) => records.next_into(row)?,
        };
        if !more {
            self.done = true;
            return Ok(false);
        }
        self.record += 1;
        row.record = self.record;
        row.column = self.column;
        if let Records::Text(records) = &self.records
            && records.swallowed_a_row(&row.fields, self.column)
        {
            return Err(InputError::SwallowedRow { name: self.name.to_string(), record: self.record });
        }
        self.fit(row)?;
        if let Some(cell) = self.column.and_then(|column| row.fields.get(column))
            && std::str::from_utf8(cell).is_err()
        {
            // The first pass found no such bytes.
            return Err(InputError::Changed { name: self.name.to_string() });
        }
        Ok(true)
    }

    /// Gives a record the header's length.
    fn fit(&self, row: &mut Row) -> Result<(), InputError> {
        while row.fields.len() < self.columns {
            row.fields.push_field(b"");
        }
        if row.fields.len() > self.columns {
            let filled = |field: &[u8]| !field.trim_ascii().is_empty();
            if let Some(at) = row.fields.iter().skip(self.columns).position(filled) {
                return Err(self.surplus(row, self.columns + at));
            }
            row.fields.truncate(self.columns);
        }
        Ok(())
    }

    fn surplus(&self, row: &Row, at: usize) -> InputError {
        let (name, record) = (self.name.to_string(), self.record);
        match &self.records {
            Records::Text(_) => {
                InputError::TooManyFields { name, record, fields: row.fields.len(), columns: self.columns }
            }
            Records::Sheet(records) => InputError::NoHeaderAbove {
                name,
                sheet: records.sheet_name().to_owned(),
                record,
                cell: format!("{}{}", column_letters(at), row.sheet_row),
            },
        }
    }
}
