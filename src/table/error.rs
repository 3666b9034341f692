//! What can be wrong with the files, each with the place and the remedy in its text.

use std::io;
use std::path::PathBuf;

/// Why an input cannot be read. [`InputError::Changed`] is the one that callers tell apart.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("{name}: no such file{nearest}")]
    NotFound { name: String, nearest: String },
    #[error("{name} is a folder; name a CSV or .xlsx file, or - for standard input")]
    Folder { name: String },
    #[error("{name}: permission denied; the file must be readable by the user who runs payonce")]
    Denied { name: String },
    #[error("{name} is empty; a file with a header line is needed")]
    Empty { name: String },
    #[error(
        "{name} is {what}, which payonce does not read; save it as .xlsx or as CSV (\"CSV UTF-8\") and pass that file"
    )]
    OtherWorkbook { name: String, what: &'static str },
    #[error("{name} is protected by a password; save a copy of it without one and pass that file")]
    Protected { name: String },
    #[error("{name} is a zip file, and no Excel workbook; unzip it and pass the file that is in it")]
    Zip { name: String },
    #[error("{name} is an Excel workbook within a gzip file; gunzip it and pass the workbook")]
    ZippedWorkbook { name: String },
    #[error(
        "{name} looks like an Excel workbook, but is damaged ({problem}); open it in Excel and save it again, or save it as CSV"
    )]
    Damaged { name: String, problem: String },
    #[error("{name}: there is no sheet '{wanted}'; pass --sheet with a name or a position of these: {sheets}")]
    NoSuchSheet { name: String, wanted: String, sheets: String },
    #[error("{name}: sheet '{sheet}' is empty; pass --sheet with another one of these: {sheets}")]
    EmptySheet { name: String, sheet: String, sheets: String },
    #[error("{name} is a text file, which has no sheets; leave out --sheet (and PAYONCE_SHEET)")]
    NoSheets { name: String },
    #[error(
        "{name}: sheet '{sheet}', record {record}: cell {cell} is filled, and the header has nothing above it; name that column in the header, clear the cell, or pass --skip-lines where title lines stand above the header"
    )]
    NoHeaderAbove { name: String, sheet: String, record: u64, cell: String },
    #[error("{name}: cannot read it: {error}{remedy}", remedy = remedy(error))]
    Read { name: String, error: io::Error },
    #[error("{name}: cannot keep a copy of it in {}: {error}; set TMPDIR to a folder with room", folder.display())]
    Spool { name: String, folder: PathBuf, error: io::Error },
    #[error("'{label}' is not an encoding that payonce knows; known: {known}", known = super::format::KNOWN_LABELS)]
    UnknownEncoding { label: String },
    #[error("'{text}' is not a delimiter; give one ASCII character such as , ; | or the word tab")]
    BadDelimiter { text: String },
    #[error(
        "{name}: {place}: the bytes at {offset} are not {encoding}{guess}; pass the right --encoding, or repair the file"
    )]
    Malformed { name: String, place: String, offset: u64, encoding: &'static str, guess: String },
    #[error("{name} looks like UTF-16 without a byte order mark; pass --encoding {label}")]
    LooksUtf16 { name: String, label: &'static str },
    #[error("{name}: --skip-lines {lines} leaves no header line; there are not so many lines: pass a smaller number")]
    NothingAfterSkipped { name: String, lines: usize },
    #[error(
        "{name}: the first line holds a phone number in column {column}, so it is no header; add a header line, or skip title lines with --skip-lines"
    )]
    NoHeader { name: String, column: usize },
    #[error("{name}: there is no column '{wanted}'{nearest}; there are: {columns}")]
    NoSuchColumn { name: String, wanted: String, nearest: String, columns: String },
    #[error("{name}: column '{wanted}' occurs more than once: {columns}; pass {flag} with its position")]
    AmbiguousColumn { name: String, wanted: String, columns: String, flag: &'static str },
    #[error(
        "{name}: no column is known to hold {what}; pass {flag} with a name or a position (and --skip-lines where title lines stand above the header); there are: {columns}"
    )]
    NoColumn { name: String, columns: String, what: &'static str, flag: &'static str },
    #[error("{name}: more than one column could hold the {what}: {columns}; pass {flag} with one of them")]
    TwoColumns { name: String, columns: String, what: &'static str, flag: &'static str },
    #[error(
        "{name}: record {record} has {fields} fields, the header has {columns}; quote a field that holds the delimiter, or pass --delimiter, or --skip-lines where title lines stand above the header"
    )]
    TooManyFields { name: String, record: u64, fields: usize, columns: usize },
    #[error(
        "{name}: {place}: a quote that opens here is never closed; close it, or double a quote that is meant as such"
    )]
    OpenQuote { name: String, place: String },
    #[error(
        "{name}: {place} is longer than {limit}; most likely a quote that opens here is never closed: close it, or double a quote that is meant as such"
    )]
    LongRecord { name: String, place: String, limit: &'static str },
    #[error(
        "{name}: record {record}: a quote that opens here runs over the rows below it; close it, or double a quote that is meant as such"
    )]
    SwallowedRow { name: String, record: u64 },
    #[error("{name} changed while it was being read; run the same command again when nothing writes to it any more")]
    Changed { name: String },
}

/// Why an output cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error("{}: the output would overwrite the input; give another name with -o", path.display())]
    IsInput { path: PathBuf },
    #[error("{}: the output is a folder; give the name of a file in it", path.display())]
    Folder { path: PathBuf },
    #[error("{}: the output's folder {} does not exist; create it, or give another name with -o", path.display(), folder.display())]
    NoFolder { path: PathBuf, folder: PathBuf },
    #[error("{}: cannot write into {}: {error}", path.display(), folder.display())]
    NotWritable { path: PathBuf, folder: PathBuf, error: io::Error },
    #[error("the input already has the columns {columns}; pass --replace-columns to replace them")]
    ColumnsExist { columns: String },
    #[error("--replace-columns would drop '{column}', the column that the phone numbers come from")]
    DropsPhoneColumn { column: String },
    #[error(
        "{}: payonce writes text files such as .csv, zipped ones (.csv.gz), and .xlsx; give a name with such an ending with -o",
        path.display()
    )]
    UnknownEnding { path: PathBuf },
    #[error(
        "{name}: an Excel sheet holds 1,048,576 rows, and this output has {rows}; name one that ends in .csv, or split the input"
    )]
    TooManyRows { name: String, rows: u64 },
    #[error("{name}: an Excel sheet holds {most} columns, and this output has {columns}; name one that ends in .csv")]
    TooManyColumns { name: String, columns: usize, most: u32 },
    #[error(
        "{name}: record {record}: the cell in column '{column}' has more than the 32,767 characters that an Excel cell holds; shorten it, or name an output that ends in .csv"
    )]
    LongCell { name: String, record: u64, column: String },
    /// Boxed: by far the largest.
    #[error(transparent)]
    Input(Box<InputError>),
    #[error("'{label}' is not an encoding that payonce knows; known: {known}", known = super::format::KNOWN_LABELS)]
    UnknownEncoding { label: String },
    #[error("'{text}' is not a delimiter; give one ASCII character such as , ; | or the word tab")]
    BadDelimiter { text: String },
    #[error(
        "{name}: '{character}' (U+{code:04X}) cannot be written in {encoding}; choose utf-8 or gb18030 as the output's encoding",
        code = u32::from(*character)
    )]
    Unmappable { name: String, character: char, encoding: &'static str },
    #[error(
        "{name}: no space left on the disk; no answer is lost, they are all in the ledger: make room, then write the output with `payonce export`"
    )]
    DiskFull { name: String },
    #[error("{name}: cannot write the output: {error}; no answer is lost: write it again with `payonce export`")]
    Write { name: String, error: io::Error },
}

/// What to do about a file that the system, or its own zip, would not let us read.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "; it ends too early: copy or fetch it again",
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => "; it is damaged: copy or fetch it again",
        _ => "",
    }
}
