//! A workbook's sheet as a file with a table in it: read whole, once, and the passes over what is kept of it.
//!
//! A workbook cannot be read in a stream. The rules are those of text files: title rows above the header, blank rows that do not
//! count, rows that are padded. A pass reads the memory, so it always gives the same rows; it still watches the file, and at its
//! end holds its digest against the first one, since an output must not claim to be that of a file which is another by now.

use std::io;
use std::sync::Arc;

use super::error::InputError;
use super::fault::fault;
use super::format::{Charset, Format, Terminator};
use super::reading::{Found, ReadOptions};
use super::row::{Form, Row};
use super::sheet::Sheet;
use super::source::{Pass, Source};
use super::workbook::read_sheet;

/// Rows between two looks at the file.
const WATCH: usize = 1024;

/// A sheet with its header found.
#[derive(Debug)]
pub(super) struct SheetFile {
    name: Arc<str>,
    source: Arc<Source>,
    digest: [u8; 32],
    sheet: Arc<Sheet>,
    /// The place of the header among the rows that are not blank.
    header: usize,
}

impl SheetFile {
    /// Reads the whole workbook and keeps the sheet.
    pub(super) fn open(source: &Arc<Source>, options: &ReadOptions) -> Result<(Self, Found), InputError> {
        // A workbook says by itself how its text is written down.
        let ReadOptions { encoding: _, delimiter: _, skip_lines, sheet } = options;
        let name = source.name.clone();
        let (bytes, digest) = whole(source).map_err(|error| fault(error, &name, "the file", "bytes", None))?;
        let sheet = read_sheet(&name, bytes, sheet.as_deref())?;
        let header = sheet.rows.partition_point(|start| (start.row as usize) < *skip_lines);
        if header == sheet.rows.len() {
            return Err(InputError::NothingAfterSkipped { name, lines: *skip_lines });
        }
        let format = Format {
            charset: Charset::UTF_8,
            bom: false,
            delimiter: b',',
            terminator: Terminator::Lf,
            gz: false,
            preamble: titles(&sheet, header, *skip_lines),
            sheet: Some(sheet.name.clone()),
        };
        let found = Found { digest, format, header: sheet.texts(header) };
        let file =
            SheetFile { name: Arc::from(name), source: Arc::clone(source), digest, sheet: Arc::new(sheet), header };
        Ok((file, found))
    }

    /// A new pass from the first data record on.
    pub(super) fn records(&self) -> SheetRecords {
        SheetRecords {
            name: Arc::clone(&self.name),
            sheet: Arc::clone(&self.sheet),
            next: self.header + 1,
            pass: Pass::new(Arc::clone(&self.source), Some(self.digest)),
        }
    }
}

fn whole(source: &Arc<Source>) -> io::Result<(Vec<u8>, [u8; 32])> {
    let mut pass = Pass::new(Arc::clone(source), None);
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut pass, &mut bytes)?;
    let digest = pass.finish()?;
    Ok((bytes, digest))
}

/// The title rows as lines of a CSV, which is what a preamble is.
fn titles(sheet: &Sheet, header: usize, skip_lines: usize) -> String {
    let mut lines = vec![Vec::new(); skip_lines];
    for at in 0..header {
        lines[sheet.rows[at].row as usize] = sheet.texts(at);
    }
    let mut titles = String::new();
    for cells in lines {
        let cells: Vec<String> = cells.into_iter().map(|cell| title_cell(&cell)).collect();
        titles += &cells.join(",");
        titles.push('\n');
    }
    titles
}

/// A title stays on its line: a reader skips lines, not records.
fn title_cell(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.contains([',', '"']) { format!("\"{}\"", line.replace('"', "\"\"")) } else { line }
}

/// A pass over the records of a sheet.
pub(super) struct SheetRecords {
    name: Arc<str>,
    sheet: Arc<Sheet>,
    next: usize,
    pass: Pass,
}

impl SheetRecords {
    pub(super) fn sheet_name(&self) -> &str {
        &self.sheet.name
    }

    /// Reads the next record as it is; false at the end, once the digest is found unchanged.
    pub(super) fn next_into(&mut self, row: &mut Row) -> Result<bool, InputError> {
        let changed = |error| fault(error, &self.name, "the file", "bytes", None);
        let Some(start) = self.sheet.rows.get(self.next) else {
            self.pass.finish().map_err(changed)?;
            return Ok(false);
        };
        if self.next.is_multiple_of(WATCH) {
            self.pass.watch().map_err(changed)?;
        }
        row.fields.clear();
        row.forms.clear();
        row.sheet_row = start.row + 1;
        for (place, text, form) in self.sheet.row(self.next) {
            while row.forms.len() < place {
                row.fields.push_field(b"");
                row.forms.push(Form::Text);
            }
            row.fields.push_field(text.as_bytes());
            row.forms.push(form);
        }
        self.next += 1;
        Ok(true)
    }
}
