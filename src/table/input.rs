//! The input: a file with a phone column.

use std::path::Path;

use super::column::PHONE;
use super::error::InputError;
use super::format::Format;
use super::opened::Table;
use super::reading::ReadOptions;
use super::rows::Rows;

/// What the user says about the input; the rest is found.
#[derive(Clone, Debug, Default)]
pub struct InputOptions {
    /// The phone column, by name or 1-based position.
    pub column: Option<String>,
    pub encoding: Option<String>,
    pub delimiter: Option<String>,
    /// Title lines above the header.
    pub skip_lines: usize,
    /// The sheet of a workbook, by name or 1-based position.
    pub sheet: Option<String>,
}

/// An open input file.
#[derive(Debug)]
pub struct Input {
    table: Table,
    phone_column: usize,
}

impl Input {
    /// Opens a file, or standard input for `-`.
    pub fn open(path: &Path, options: &InputOptions) -> Result<Self, InputError> {
        let InputOptions { column, encoding, delimiter, skip_lines, sheet } = options;
        let read = ReadOptions {
            encoding: encoding.clone(),
            delimiter: delimiter.clone(),
            skip_lines: *skip_lines,
            sheet: sheet.clone(),
        };
        let table = Table::open(path, &read, |header| PHONE.is_known(header))?;
        let phone_column = PHONE.find_numbers(&table, column.as_deref(), &[])?;
        let phone_column = phone_column.ok_or_else(|| PHONE.missing(&table))?;
        Ok(Input { table, phone_column })
    }

    /// What the user named it.
    pub fn name(&self) -> &str {
        self.table.name()
    }

    /// SHA-256 of the raw bytes.
    pub fn digest(&self) -> [u8; 32] {
        self.table.digest()
    }

    pub fn format(&self) -> &Format {
        self.table.format()
    }

    pub fn header(&self) -> &[String] {
        self.table.header()
    }

    /// The place of the phone column, counted from 0.
    pub fn phone_column(&self) -> usize {
        self.phone_column
    }

    /// A new pass from the first data record on.
    pub fn rows(&self) -> Result<Rows, InputError> {
        self.table.rows(Some(self.phone_column))
    }

    pub(super) fn identity(&self) -> Option<(u64, u64)> {
        self.table.identity()
    }
}
