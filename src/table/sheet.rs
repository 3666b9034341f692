//! One sheet of a workbook, held in memory as text with what each cell is, and the passes over it.
//!
//! A workbook cannot be read in a stream: it is read whole, once, and the sheet that is wanted is kept packed. The rules are those
//! of text files: title rows above the header, blank rows that do not count, rows that are padded. A pass reads the memory, so it
//! always gives the same rows; it still watches the file, and at its end holds its digest against the first one, since an output
//! must not claim to be that of a file which is another by now.

use std::io;
use std::sync::Arc;

use super::error::InputError;
use super::format::{Charset, Format, Terminator};
use super::opened::{Found, ReadOptions};
use super::rows::{Form, Row};
use super::source::{Pass, Source};
use super::text_file::fault;
use super::workbook::read_sheet;

/// Rows between two looks at the file.
const WATCH: usize = 1024;

/// A filled cell.
#[derive(Clone, Copy, Debug)]
struct Cell {
    column: u16,
    form: Form,
    /// Of its text, in bytes.
    length: u32,
}

/// A row that is not blank.
#[derive(Clone, Copy, Debug)]
struct Start {
    /// Counted from 0.
    row: u32,
    cell: usize,
    byte: usize,
}

/// The filled cells of a sheet, row by row.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) name: String,
    text: String,
    cells: Vec<Cell>,
    rows: Vec<Start>,
}

impl Sheet {
    pub(super) fn new(name: String) -> Self {
        Sheet { name, ..Sheet::default() }
    }

    /// Appends a filled cell. False where it does not stand behind the one before it.
    pub(super) fn push(&mut self, row: u32, column: u16, text: &str, form: Form) -> bool {
        let Ok(length) = u32::try_from(text.len()) else { return false };
        match self.rows.last() {
            Some(last) if last.row > row => return false,
            Some(last) if last.row == row => {
                if self.cells.last().is_some_and(|cell| cell.column >= column) {
                    return false;
                }
            }
            _ => self.rows.push(Start { row, cell: self.cells.len(), byte: self.text.len() }),
        }
        self.cells.push(Cell { column, form, length });
        self.text.push_str(text);
        true
    }

    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.cells.shrink_to_fit();
        self.rows.shrink_to_fit();
    }

    /// The cells of the `at`-th row that is not blank: place, text, form.
    fn row(&self, at: usize) -> impl Iterator<Item = (usize, &str, Form)> {
        let Start { cell, byte, .. } = self.rows[at];
        let end = self.rows.get(at + 1).map_or(self.cells.len(), |next| next.cell);
        let mut from = byte;
        self.cells[cell..end].iter().map(move |cell| {
            let start = from;
            from += cell.length as usize;
            (usize::from(cell.column), &self.text[start..from], cell.form)
        })
    }

    /// The texts of that row, blank cells included.
    fn texts(&self, at: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for (place, text, _) in self.row(at) {
            texts.resize(place, String::new());
            texts.push(text.to_owned());
        }
        texts
    }
}

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

/// A column as people find it in a sheet: `A`, `B`, …, `AA`. Counted from 0.
pub(super) fn column_letters(mut column: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + u8::try_from(column % 26).unwrap_or_default()));
        if column < 26 {
            return letters.into_iter().rev().collect();
        }
        column = column / 26 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_letters() {
        for (column, letters) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")] {
            assert_eq!(column_letters(column), letters);
        }
    }

    #[test]
    fn cells_come_in_order_or_not_at_all() {
        let mut sheet = Sheet::default();
        assert!(
            sheet.push(1, 2, "a", Form::Text) && sheet.push(1, 4, "b", Form::Text) && sheet.push(5, 0, "c", Form::Text)
        );
        assert_eq!(sheet.texts(0), ["", "", "a", "", "b"]);
        assert_eq!(sheet.texts(1), ["c"]);
        assert!(!sheet.push(5, 0, "d", Form::Text) && !sheet.push(4, 0, "d", Form::Text));
    }
}
