//! The output: the input's rows with new columns behind them, in the input's own dress, as text or as a sheet.
//!
//! A file appears under its name all at once and complete: it is written beside its target (0600), flushed to the disk, given its
//! mode, renamed, and the folder is flushed. Dropped before [`Output::finish`] it leaves nothing. Standard output and pipes are
//! written straight through; a reader that hangs up early is no error.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::encode::CannotEncode;
use super::end::End;
use super::error::OutputError;
use super::format::{Charset, asks_for_bom, parse_delimiter};
use super::input::Input;
use super::place::{Place, Target};
use super::row::{Form, Row};
use super::sheet_sink::{self, SheetSink};
use super::sink::Sink;
use super::text_sink::{Dress, TextSink};
use crate::crash;

/// How the output differs from the input.
#[derive(Clone, Debug)]
pub struct OutputOptions {
    pub encoding: Option<String>,
    pub delimiter: Option<String>,
    /// The permission bits of the finished file.
    pub mode: u32,
    /// New columns take the place of input columns of the same name.
    pub replace_columns: bool,
}

impl Default for OutputOptions {
    fn default() -> Self {
        OutputOptions { encoding: None, delimiter: None, mode: 0o600, replace_columns: false }
    }
}

/// The options held against the input.
struct Plan {
    /// A file is a sheet if its name ends in `.xlsx`, and zipped if it ends in `.gz`, whatever the input was; a pipe never is.
    is_sheet: bool,
    dress: Dress,
    /// Input columns that are left out, since new ones replace them.
    dropped: Vec<bool>,
    /// None is standard output.
    place: Option<Place>,
}

impl Plan {
    fn new(
        target: &Target,
        input: &Input,
        options: &OutputOptions,
        new_columns: &[String],
    ) -> Result<Self, OutputError> {
        let format = input.format();
        let (charset, bom) = match &options.encoding {
            None => (format.charset, format.bom),
            Some(label) => {
                let charset =
                    Charset::of_label(label).ok_or_else(|| OutputError::UnknownEncoding { label: label.clone() })?;
                let kept = charset == format.charset && format.bom;
                // UTF-16 without a mark is not found by its readers, ours included.
                (charset, kept || charset.is_utf16() || asks_for_bom(label))
            }
        };
        let delimiter = match &options.delimiter {
            None => format.delimiter,
            Some(text) => parse_delimiter(text).ok_or_else(|| OutputError::BadDelimiter { text: text.clone() })?,
        };
        let dropped: Vec<bool> = input.header().iter().map(|name| new_columns.contains(name)).collect();
        let taken: Vec<&str> = input
            .header()
            .iter()
            .zip(&dropped)
            .filter(|(_, dropped)| **dropped)
            .map(|(name, _)| name.as_str())
            .collect();
        if !taken.is_empty() && !options.replace_columns {
            return Err(OutputError::ColumnsExist { columns: taken.join(", ") });
        }
        if dropped[input.phone_column()] {
            return Err(OutputError::DropsPhoneColumn { column: input.header()[input.phone_column()].clone() });
        }
        let place = match target {
            Target::Path(path) => Some(Place::of(path, input)?),
            Target::Stdout => {
                let stdout = io::stdout().as_fd().try_clone_to_owned().and_then(|fd| File::from(fd).metadata());
                if stdout.is_ok_and(|it| it.is_file() && input.identity() == Some((it.dev(), it.ino()))) {
                    return Err(OutputError::IsInput { path: target.name().into() });
                }
                None
            }
        };
        let ending = match target {
            Target::Path(path) => ending(path)?,
            Target::Stdout => Ending::Other,
        };
        let (is_sheet, gz) = (ending == Ending::Xlsx, ending == Ending::Gz);
        let dress = Dress { charset, bom, delimiter, terminator: format.terminator, gz };
        Ok(Plan { is_sheet, dress, dropped, place })
    }
}

/// What the name of a target asks for.
#[derive(PartialEq)]
enum Ending {
    Xlsx,
    Gz,
    Other,
}

fn ending(path: &Path) -> Result<Ending, OutputError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    // A text file of such a name would be opened as what it is not.
    let others = [".xls", ".xlsm", ".xlsb", ".ods", ".xlsx.gz"];
    match name {
        name if others.iter().any(|other| name.ends_with(other)) => {
            Err(OutputError::UnknownEnding { path: path.to_owned() })
        }
        name if name.ends_with(".xlsx") => Ok(Ending::Xlsx),
        name if name.ends_with(".gz") => Ok(Ending::Gz),
        _ => Ok(Ending::Other),
    }
}

/// Whether [`Output::create`] would succeed. Leaves nothing behind.
pub fn check(
    target: &Target,
    input: &Input,
    options: &OutputOptions,
    new_columns: &[String],
) -> Result<(), OutputError> {
    let plan = Plan::new(target, input, options, new_columns)?;
    if let Some(place) = &plan.place {
        place.try_out()?;
    }
    if plan.is_sheet {
        sheet_sink::check(&target.name(), input, new_columns.len())?;
    }
    Ok(())
}

/// An output being written.
pub struct Output {
    name: String,
    charset: Charset,
    dropped: Vec<bool>,
    sink: Sink,
    /// Where the temporary file goes in the end; none for a stream.
    path: Option<(PathBuf, PathBuf)>,
    mode: u32,
    /// The reader of the stream has hung up.
    closed: bool,
}

impl Output {
    /// Starts an output with its header; `new_columns` stand behind the input's.
    pub fn create(
        target: &Target,
        input: &Input,
        options: &OutputOptions,
        new_columns: &[String],
    ) -> Result<Self, OutputError> {
        let plan = Plan::new(target, input, options, new_columns)?;
        let end = match &plan.place {
            Some(place) => place.create()?.into(),
            None => End::Stdout(io::stdout()),
        };
        let path = match plan.place {
            Some(Place::File { path, folder }) => Some((path, folder)),
            _ => None,
        };
        let (name, charset, format) = (target.name(), plan.dress.charset, input.format());
        let sink = if plan.is_sheet {
            let folder = path.as_ref().map(|(_, folder)| folder.as_path());
            let sheet = format.sheet.as_deref();
            SheetSink::new(end, folder, sheet, &format.preamble, format.delimiter)
                .map(|sink| Sink::Sheet(Box::new(sink)))
        } else {
            TextSink::new(end, &plan.dress, &format.preamble).map(|sink| Sink::Text(Box::new(sink)))
        };
        let sink = sink.map_err(|error| explain(error, &name, charset))?;
        let mut output = Output { name, charset, dropped: plan.dropped, sink, path, mode: options.mode, closed: false };
        let header = input.header().iter().map(|name| (name.as_bytes(), Form::Text));
        output.record(header, new_columns.iter().map(String::as_str))?;
        Ok(output)
    }

    /// Writes a row with its new fields, one for each new column.
    pub fn write<'a>(&mut self, row: &Row, extra: impl Iterator<Item = &'a str>) -> Result<(), OutputError> {
        self.record(row.cells(), extra)
    }

    /// The reader of standard output is gone: nothing that is written arrives any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Makes the output durable and visible under its name.
    pub fn finish(self) -> Result<(), OutputError> {
        let Output { name, charset, sink, path, mode, closed, .. } = self;
        match complete(sink, path, mode) {
            Err(error) if !closed && error.kind() != io::ErrorKind::BrokenPipe => Err(explain(error, &name, charset)),
            _ => Ok(()),
        }
    }

    fn record<'a, 'b>(
        &mut self,
        cells: impl Iterator<Item = (&'a [u8], Form)>,
        extra: impl Iterator<Item = &'b str>,
    ) -> Result<(), OutputError> {
        if self.closed {
            return Ok(());
        }
        let kept = cells.zip(&self.dropped).filter(|(_, dropped)| !**dropped).map(|(cell, _)| cell);
        match self.sink.record(kept, extra) {
            // A reader that hung up is success: it has seen all that it wanted.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            result => result.map_err(|error| explain(error, &self.name, self.charset)),
        }
    }
}

fn complete(sink: Sink, path: Option<(PathBuf, PathBuf)>, mode: u32) -> io::Result<()> {
    let (End::Temporary(file), Some((path, folder))) = (sink.finish()?, path) else { return Ok(()) };
    crash::point("export.written");
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    crash::point("export.synced");
    file.persist(path).map_err(|error| error.error)?;
    crash::point("export.renamed");
    File::open(folder)?.sync_all()
}

fn explain(error: io::Error, name: &str, charset: Charset) -> OutputError {
    let name = name.to_owned();
    if let Some(CannotEncode(character)) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return OutputError::Unmappable { name, character: *character, encoding: charset.name() };
    }
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => OutputError::DiskFull { name },
        _ => OutputError::Write { name, error },
    }
}
