//! A file with a table in it: opened and understood once, read as often as needed.
//!
//! Whether it is a text file or a sheet is known here and nowhere above. Every pass gives the same rows or an error. What the
//! columns mean is for those who ask: [`super::Input`] and [`super::Statement`].

use std::path::Path;
use std::sync::Arc;

use super::error::InputError;
use super::format::Format;
use super::reading::{Found, ReadOptions};
use super::rows::{Records, Rows};
use super::scan::is_workbook;
use super::sheet_file::SheetFile;
use super::source::Source;
use super::text_file::TextFile;

/// An open file with a header.
#[derive(Debug)]
pub(super) struct Table {
    name: Arc<str>,
    source: Arc<Source>,
    digest: [u8; 32],
    format: Format,
    header: Vec<String>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Text(TextFile),
    Sheet(SheetFile),
}

impl Table {
    /// Opens a file, or standard input for `-`. A header that `is_known` tells the right delimiter from others.
    pub(super) fn open(
        path: &Path,
        options: &ReadOptions,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Self, InputError> {
        let source = Arc::new(Source::open(path)?);
        let name: Arc<str> = Arc::from(source.name.as_str());
        let magic = source.magic().map_err(|error| InputError::Read { name: name.to_string(), error })?;
        if source.is_empty() {
            return Err(InputError::Empty { name: name.to_string() });
        }
        let (body, found) = if is_workbook(&magic) {
            let (file, found) = SheetFile::open(&source, options)?;
            (Body::Sheet(file), found)
        } else {
            let (file, found) = TextFile::open(&source, &magic, options, is_known)?;
            (Body::Text(file), found)
        };
        let Found { digest, format, header } = found;
        Ok(Table { name, source, digest, format, header, body })
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
        let records = match &self.body {
            Body::Text(file) => Records::Text(Box::new(file.records()?)),
            Body::Sheet(file) => Records::Sheet(file.records()),
        };
        Ok(Rows::new(records, Arc::clone(&self.name), self.header.len(), column))
    }

    pub(super) fn identity(&self) -> Option<(u64, u64)> {
        self.source.identity
    }
}
