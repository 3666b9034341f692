//! Reads a sheet out of an Excel workbook (`.xlsx`, `.xlsm`).
//!
//! Cells become text without loss: a number in plain decimal digits, never in scientific notation; a date in ISO form; a boolean
//! as TRUE or FALSE; an error such as #N/A as it is shown; a formula as its value. How it fails: kinds of files that only look like
//! it are told apart by what stands in them, each with its own remedy.

use std::io::Cursor;

use calamine::{DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx, XlsxError};

use super::error::InputError;
use super::row::Form;
use super::sheet::Sheet;
use crate::domain::text::for_terminal;

/// Rows of a sheet.
pub(super) const MOST_ROWS: u32 = 1_048_576;
/// Columns of a sheet.
pub(super) const MOST_COLUMNS: u32 = 16_384;
/// The first date that Excel does not know, as its serial number.
const END_OF_DATES: f64 = 2_958_466.0;

/// Reads the sheet that `wanted` names, or the first one that is shown.
pub(super) fn read_sheet(name: &str, bytes: Vec<u8>, wanted: Option<&str>) -> Result<Sheet, InputError> {
    let kind = other_kind(&bytes);
    let mut workbook: Xlsx<_> = match Xlsx::new(Cursor::new(bytes)) {
        Ok(workbook) => workbook,
        Err(error) => return Err(explain(name, kind, &error)),
    };
    let sheets: Vec<(String, bool)> = workbook
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet)
        .map(|sheet| (sheet.name.clone(), sheet.visible == SheetVisible::Visible))
        .collect();
    let chosen = choose(name, &sheets, wanted)?.to_owned();
    let damaged = |error: XlsxError| InputError::Damaged { name: name.to_owned(), problem: error.to_string() };
    let mut sheet = Sheet::new(chosen.clone());
    let mut cells = workbook.worksheet_cells_reader(&chosen).map_err(damaged)?;
    let mut filled = false;
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        let (text, form) = text_of(cell.get_value());
        if text.is_empty() {
            continue;
        }
        let (row, column) = cell.get_position();
        let column = u16::try_from(column).ok().filter(|at| u32::from(*at) < MOST_COLUMNS && row < MOST_ROWS);
        if !column.is_some_and(|column| sheet.push(row, column, &text, form)) {
            let problem = format!("sheet '{}': the cells are out of order", for_terminal(&chosen));
            return Err(InputError::Damaged { name: name.to_owned(), problem });
        }
        filled = true;
    }
    if !filled {
        return Err(InputError::EmptySheet {
            name: name.to_owned(),
            sheet: for_terminal(&chosen),
            sheets: list(&sheets),
        });
    }
    sheet.shrink();
    Ok(sheet)
}

/// By exact name, else by position, else by a name that differs only in case or white space.
fn choose<'a>(name: &str, sheets: &'a [(String, bool)], wanted: Option<&str>) -> Result<&'a str, InputError> {
    let found = match wanted {
        None => sheets.iter().find(|(_, shown)| *shown).or(sheets.first()),
        Some(wanted) => {
            let plain = |name: &str| name.trim().to_lowercase();
            let exact = sheets.iter().find(|(name, _)| name == wanted);
            let position =
                wanted.trim().parse::<usize>().ok().and_then(|position| sheets.get(position.checked_sub(1)?));
            exact.or(position).or_else(|| sheets.iter().find(|(name, _)| plain(name) == plain(wanted)))
        }
    };
    found.map(|(name, _)| name.as_str()).ok_or_else(|| match wanted {
        Some(wanted) => {
            InputError::NoSuchSheet { name: name.to_owned(), wanted: for_terminal(wanted), sheets: list(sheets) }
        }
        None => InputError::Damaged { name: name.to_owned(), problem: "it has no worksheet".to_owned() },
    })
}

/// `1 '客户', 2 '字典' (hidden)`: names and positions, either of which is taken.
fn list(sheets: &[(String, bool)]) -> String {
    let one = |(at, (name, shown)): (usize, &(String, bool))| {
        format!("{} '{}'{}", at + 1, for_terminal(name), if *shown { "" } else { " (hidden)" })
    };
    sheets.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
}

/// What a file is that begins like a workbook and cannot be read as one.
#[derive(Clone, Copy)]
enum Other {
    /// In the container of Excel 97-2003, which also holds what is encrypted.
    Protected,
    Xls,
    Xlsb,
    Ods,
    Zip,
    /// A workbook, as far as can be seen.
    None,
}

fn other_kind(bytes: &[u8]) -> Other {
    let start = &bytes[..bytes.len().min(256)];
    // Names within a zip file are not compressed, and stand at its end as well.
    let end = &bytes[bytes.len().saturating_sub(64 << 10)..];
    let holds = |part: &[u8], name: &str| part.windows(name.len()).any(|window| window == name.as_bytes());
    match () {
        () if !bytes.starts_with(b"PK") => {
            let marker: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
            let protected = bytes.windows(marker.len()).any(|window| window == marker);
            if protected { Other::Protected } else { Other::Xls }
        }
        () if holds(start, "opendocument.spreadsheet") => Other::Ods,
        () if holds(end, "xl/workbook.bin") => Other::Xlsb,
        () if !holds(start, "xl/") && !holds(end, "xl/") && !holds(start, "[Content_Types].xml") => Other::Zip,
        () => Other::None,
    }
}

fn explain(name: &str, kind: Other, error: &XlsxError) -> InputError {
    let name = name.to_owned();
    let other = |what| InputError::OtherWorkbook { name: name.clone(), what };
    match kind {
        Other::Protected => InputError::Protected { name },
        Other::Xls => other("a workbook of Excel 97-2003 (.xls)"),
        Other::Xlsb => other("a binary workbook (.xlsb)"),
        Other::Ods => other("an OpenDocument sheet (.ods)"),
        Other::Zip => InputError::Zip { name },
        Other::None => InputError::Damaged { name, problem: error.to_string() },
    }
}

fn text_of(value: &DataRef<'_>) -> (String, Form) {
    match value {
        DataRef::Empty => (String::new(), Form::Text),
        DataRef::Int(number) => (number.to_string(), Form::Number),
        DataRef::Float(number) => (decimal(*number), Form::Number),
        DataRef::String(text) => (text.clone(), Form::Text),
        DataRef::SharedString(text) => ((*text).to_owned(), Form::Text),
        DataRef::Bool(value) => (if *value { "TRUE" } else { "FALSE" }.to_owned(), Form::Bool),
        DataRef::DateTime(moment) => date(moment),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => (text.clone(), Form::Text),
        DataRef::Error(error) => (error.to_string(), Form::Text),
    }
}

/// The shortest digits that stand for this number alone; `Display` of a float never uses an exponent.
fn decimal(number: f64) -> String {
    if number == 0.0 { "0".to_owned() } else { number.to_string() }
}

fn date(moment: &ExcelDateTime) -> (String, Form) {
    let serial = moment.as_f64();
    if !(0.0..END_OF_DATES).contains(&serial) {
        // Excel shows hashes; what is stored is a number.
        return (decimal(serial), Form::Number);
    }
    if moment.is_duration() {
        let seconds = (serial * 86_400.0).round() as u64;
        return (format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60), Form::Text);
    }
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let fraction = if milli == 0 { String::new() } else { format!(".{milli:03}") };
    let time = format!("{hour:02}:{minute:02}:{second:02}{fraction}");
    match (serial < 1.0, time.as_str()) {
        (true, _) => (time, Form::Time),
        (false, "00:00:00") => (format!("{year:04}-{month:02}-{day:02}"), Form::Date),
        (false, _) => (format!("{year:04}-{month:02}-{day:02} {time}"), Form::Moment),
    }
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;

    use super::*;

    #[test]
    fn numbers_keep_every_digit_and_get_no_exponent() {
        for (number, text) in [
            (17_312_345_678.0, "17312345678"),
            (0.1, "0.1"),
            (-12.5, "-12.5"),
            (1e21, "1000000000000000000000"),
            (1.5e-7, "0.00000015"),
            (-0.0, "0"),
            (9_007_199_254_740_991.0, "9007199254740991"),
        ] {
            assert_eq!(decimal(number), text);
        }
    }

    #[test]
    fn dates_are_iso() {
        let text = |serial, kind| date(&ExcelDateTime::new(serial, kind, false));
        let day = ExcelDateTimeType::DateTime;
        assert_eq!(text(45_943.0, day), ("2025-10-13".to_owned(), Form::Date));
        assert_eq!(text(45_943.541, day), ("2025-10-13 12:59:02.400".to_owned(), Form::Moment));
        assert_eq!(text(0.5, day), ("12:00:00".to_owned(), Form::Time));
        assert_eq!(text(17_312_345_678.0, day), ("17312345678".to_owned(), Form::Number));
        assert_eq!(text(1.25, ExcelDateTimeType::TimeDelta), ("30:00:00".to_owned(), Form::Text));
    }

    #[test]
    fn a_sheet_is_chosen_by_name_or_position() {
        let sheets = [("字典", false), ("客户", true), ("2", true)].map(|(name, shown)| (name.to_owned(), shown));
        let choose = |wanted| choose("a.xlsx", &sheets, wanted).map_err(|error| error.to_string());
        assert_eq!(choose(None), Ok("客户"));
        assert_eq!(choose(Some("2")), Ok("2"));
        assert_eq!(choose(Some("1")), Ok("字典"));
        assert_eq!(choose(Some(" 客户")), Ok("客户"));
        for wrong in ["0", "4", "x", ""] {
            let error = choose(Some(wrong)).unwrap_err();
            assert!(error.contains("1 '字典' (hidden), 2 '客户', 3 '2'"), "{error}");
        }
    }
}
