//! An output as an Excel sheet: the header frozen and filterable, text as text, numbers as what they were.
//!
//! Rows go to a temporary file without a name as they come, so memory is flat; the workbook is put together in the end. Text is
//! never read as a number or a formula: order IDs keep their 22 digits, phone numbers their form. How it fails: what does not fit
//! into a sheet is found by [`check`] before anything is paid. The library panics where its temporary file cannot be written (a
//! full disk); such a panic is caught here, silently, and is an error like any other.

use std::any::Any;
use std::cell::Cell;
use std::io::{self, BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;

use rust_xlsxwriter::{ExcelDateTime, Format as Style, IgnoreError, Workbook, Worksheet, XlsxError};
use unicode_width::UnicodeWidthStr;

use super::end::End;
use super::error::{InputError, OutputError};
use super::input::Input;
use super::row::{Form, Row};
use super::workbook::{MOST_COLUMNS, MOST_ROWS};

/// Characters of a cell.
const LONGEST_CELL: usize = 32_767;
/// Rows that are measured for the widths of the columns.
const MEASURED: u32 = 500;
const NARROWEST: usize = 9;
const WIDEST: usize = 48;
/// The filter's button takes the room of so many characters.
const BUTTON: usize = 3;
/// From here on Excel shows a number in scientific notation unless it is told otherwise.
const LONG_NUMBER: f64 = 1e11;

/// A sheet being written.
pub(super) struct SheetSink {
    workbook: Workbook,
    end: End,
    /// Where the next record goes, counted from 0.
    row: u32,
    header_row: u32,
    /// Of the columns, in characters.
    widths: Vec<usize>,
    styles: Styles,
}

struct Styles {
    header: Style,
    long_number: Style,
    date: Style,
    moment: Style,
    time: Style,
}

impl SheetSink {
    /// Starts with the title lines, each as a row. `folder` is where the temporary file goes.
    pub(super) fn new(
        end: End,
        folder: Option<&Path>,
        name: Option<&str>,
        titles: &str,
        delimiter: u8,
    ) -> io::Result<Self> {
        let mut workbook = Workbook::new();
        if let Some(folder) = folder {
            workbook.set_tempdir(folder).map_err(into_io)?;
        }
        let sheet = workbook.add_worksheet_with_constant_memory().map_err(into_io)?;
        if let Some(name) = name {
            // Its name is the one thing that a sheet can do without.
            let _ = sheet.set_name(name);
        }
        let style = |format: &str| Style::new().set_num_format(format);
        let styles = Styles {
            header: Style::new().set_bold(),
            long_number: style("0"),
            date: style("yyyy-mm-dd"),
            moment: style("yyyy-mm-dd hh:mm:ss"),
            time: style("hh:mm:ss"),
        };
        let mut sink = SheetSink { workbook, end, row: 0, header_row: 0, widths: Vec::new(), styles };
        for line in titles.lines() {
            sink.title(line, delimiter)?;
        }
        sink.header_row = sink.row;
        Ok(sink)
    }

    fn title(&mut self, line: &str, delimiter: u8) -> io::Result<()> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(line.as_bytes());
        let row = self.row;
        let sheet = self.workbook.worksheet_from_index(0).map_err(into_io)?;
        for record in reader.records().map_while(Result::ok) {
            for (column, cell) in (0..).zip(&record) {
                guarded(|| sheet.write_string(row, column, short(cell)).map(drop))?;
            }
        }
        self.row += 1;
        Ok(())
    }

    /// Writes a record; the first one is the header.
    pub(super) fn record<'a, 'b>(
        &mut self,
        cells: impl Iterator<Item = (&'a [u8], Form)>,
        extra: impl Iterator<Item = &'b str>,
    ) -> io::Result<()> {
        let SheetSink { workbook, row, header_row, widths, styles, .. } = self;
        let sheet = workbook.worksheet_from_index(0).map_err(into_io)?;
        let is_header = row == header_row;
        let own = cells.map(|(cell, form)| std::str::from_utf8(cell).map(|text| (text, form)).map_err(|_| not_utf8()));
        let new = extra.map(|cell| Ok((short(cell), Form::Text)));
        for (column, cell) in (0..).zip(own.chain(new)) {
            let (text, form) = cell?;
            if *row - *header_row < MEASURED {
                measure(widths, usize::from(column), text, is_header);
            }
            guarded(|| write(sheet, *row, column, text, form, styles, is_header))?;
        }
        *row += 1;
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<End> {
        let last_row = self.row.saturating_sub(1).max(self.header_row);
        let last_column = u16::try_from(self.widths.len().saturating_sub(1)).unwrap_or(u16::MAX);
        let sheet = self.workbook.worksheet_from_index(0).map_err(into_io)?;
        dress(sheet, self.header_row, last_row, last_column, &self.widths).map_err(into_io)?;
        let mut remember = Remember { inner: BufWriter::with_capacity(128 << 10, self.end), error: None };
        let saved = guarded(|| self.workbook.save_to_writer(&mut remember)).and_then(|()| remember.flush());
        match (saved, remember.error) {
            (Err(error), Some(kind)) => Err(io::Error::new(kind, error)),
            (Err(error), None) => Err(error),
            (Ok(()), _) => remember.inner.into_inner().map_err(io::IntoInnerError::into_error),
        }
    }
}

/// What makes a sheet pleasant to work with.
fn dress(
    sheet: &mut Worksheet,
    header_row: u32,
    last_row: u32,
    last_column: u16,
    widths: &[usize],
) -> Result<(), XlsxError> {
    sheet.set_freeze_panes(header_row + 1, 0)?;
    sheet.autofilter(header_row, 0, last_row, last_column)?;
    // Without it every phone number and order ID gets a green corner.
    sheet.ignore_error_range(header_row, 0, last_row, last_column, IgnoreError::NumberStoredAsText)?;
    for (column, width) in (0..).zip(widths) {
        sheet.set_column_width(column, (*width).clamp(NARROWEST, WIDEST) as f64)?;
    }
    Ok(())
}

fn measure(widths: &mut Vec<usize>, column: usize, text: &str, is_header: bool) {
    if widths.len() <= column {
        widths.resize(column + 1, 0);
    }
    let line = text.lines().map(UnicodeWidthStr::width).max().unwrap_or_default();
    widths[column] = widths[column].max(line + if is_header { BUTTON } else { 1 });
}

fn write(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    text: &str,
    form: Form,
    styles: &Styles,
    is_header: bool,
) -> Result<(), XlsxError> {
    let dated = |style: &Style, sheet: &mut Worksheet| match ExcelDateTime::parse_from_str(text) {
        Ok(moment) => sheet.write_datetime_with_format(row, column, &moment, style).map(drop),
        Err(_) => sheet.write_string(row, column, text).map(drop),
    };
    match form {
        _ if is_header => sheet.write_string_with_format(row, column, text, &styles.header).map(drop),
        Form::Number => match text.parse::<f64>() {
            Ok(number) if number.abs() >= LONG_NUMBER && number.fract() == 0.0 => {
                sheet.write_number_with_format(row, column, number, &styles.long_number).map(drop)
            }
            Ok(number) => sheet.write_number(row, column, number).map(drop),
            Err(_) => sheet.write_string(row, column, text).map(drop),
        },
        Form::Bool => sheet.write_boolean(row, column, text == "TRUE").map(drop),
        Form::Date => dated(&styles.date, sheet),
        Form::Moment => dated(&styles.moment, sheet),
        Form::Time => dated(&styles.time, sheet),
        Form::Text => sheet.write_string(row, column, text).map(drop),
    }
}

/// As much of a text of ours as a cell holds.
fn short(text: &str) -> &str {
    // No text has more units than bytes.
    if text.len() <= LONGEST_CELL {
        return text;
    }
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > LONGEST_CELL
    });
    end.map_or(text, |(at, _)| &text[..at])
}

/// Whether the input with its new columns fits into a sheet. Reads the input once.
pub(super) fn check(name: &str, input: &Input, new_columns: usize) -> Result<(), OutputError> {
    let columns = input.header().len() + new_columns;
    if columns > MOST_COLUMNS as usize {
        return Err(OutputError::TooManyColumns { name: name.to_owned(), columns, most: MOST_COLUMNS });
    }
    let failed = |error: InputError| OutputError::Input(Box::new(error));
    let (mut rows, mut row) = (input.rows().map_err(failed)?, Row::new());
    let mut count = input.format().preamble.lines().count() as u64 + 1;
    while rows.next_into(&mut row).map_err(failed)? {
        count += 1;
        let long = |cell: &[u8]| std::str::from_utf8(cell).is_ok_and(|text| short(text).len() < text.len());
        if let Some(at) = row.fields().position(long) {
            let column = input.header()[at].clone();
            return Err(OutputError::LongCell { name: name.to_owned(), record: row.record, column });
        }
    }
    if count > u64::from(MOST_ROWS) {
        return Err(OutputError::TooManyRows { name: name.to_owned(), rows: count });
    }
    Ok(())
}

/// Keeps the kind of an error that the library turns into words.
struct Remember<W> {
    inner: W,
    error: Option<io::ErrorKind>,
}

impl<W: Write> Write for Remember<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes).inspect_err(|error| self.error = Some(error.kind()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().inspect_err(|error| self.error = Some(error.kind()))
    }
}

thread_local! {
    /// This thread is in the library, whose panics nobody is to see.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Calls into the library. A panic there is an error here; afterwards the sheet is of no use any more.
fn guarded(work: impl FnOnce() -> Result<(), XlsxError>) -> io::Result<()> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                usual(info);
            }
        }));
    });
    GUARDED.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    match result {
        Ok(result) => result.map_err(into_io),
        Err(panic) => Err(of_panic(panic.as_ref())),
    }
}

fn of_panic(panic: &(dyn Any + Send)) -> io::Error {
    let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let words = words.unwrap_or("the sheet's temporary file cannot be written");
    // The library shows the error in its words, and nowhere else.
    let kind = if words.contains("StorageFull") {
        io::ErrorKind::StorageFull
    } else if words.contains("QuotaExceeded") {
        io::ErrorKind::QuotaExceeded
    } else {
        io::ErrorKind::Other
    };
    io::Error::new(kind, words.to_owned())
}

fn into_io(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) => error,
        error => io::Error::other(error.to_string()),
    }
}

/// The first pass has judged the whole input: such bytes can only come from a file that changed since.
fn not_utf8() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a field is not UTF-8: the input changed while it was being read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_library_is_an_error() {
        let error = guarded(|| panic!("no: Os {{ code: 28, kind: StorageFull }}")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(guarded(|| Ok(())).is_ok() && !GUARDED.get());
    }

    #[test]
    fn our_own_texts_are_cut_to_what_a_cell_holds() {
        assert_eq!(short("查无记录"), "查无记录");
        assert_eq!(short(&"录".repeat(40_000)).chars().count(), LONGEST_CELL);
        assert_eq!(short(&"𠮷".repeat(40_000)).chars().count(), LONGEST_CELL / 2);
    }
}
