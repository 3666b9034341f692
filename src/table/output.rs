//! The output: the input's rows with new columns behind them, in the input's own dress.
//!
//! A file appears under its name all at once and complete: it is written beside its target (0600), flushed to the disk, given its
//! mode, renamed, and the folder is flushed. Dropped before [`Output::finish`] it leaves nothing. Standard output and pipes are
//! written straight through; a reader that hangs up early is no error.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::encode::{CannotEncode, Encode};
use super::error::OutputError;
use super::format::{Charset, Terminator, asks_for_bom, parse_delimiter};
use super::input::Input;
use super::place::{Made, Place, Target};
use super::rows::Row;
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
    charset: Charset,
    bom: bool,
    delimiter: u8,
    /// A file is zipped if its name ends in `.gz`, whatever the input was; a pipe never is.
    gz: bool,
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
        let gz = match target {
            Target::Path(path) => path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz")),
            Target::Stdout => false,
        };
        Ok(Plan { charset, bom, delimiter, gz, dropped, place })
    }
}

/// Whether [`Output::create`] would succeed. Leaves nothing behind.
pub fn check(
    target: &Target,
    input: &Input,
    options: &OutputOptions,
    new_columns: &[String],
) -> Result<(), OutputError> {
    match Plan::new(target, input, options, new_columns)?.place {
        Some(place) => place.try_out(),
        None => Ok(()),
    }
}

/// An output being written.
pub struct Output {
    name: String,
    charset: Charset,
    dropped: Vec<bool>,
    writer: csv::Writer<Encode<Sink>>,
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
        let sink = match &plan.place {
            Some(place) => place.create()?.into(),
            None => End::Stdout(io::stdout()),
        };
        let path = match plan.place {
            Some(Place::File { path, folder }) => Some((path, folder)),
            _ => None,
        };
        let format = input.format();
        let mut encode = Encode::new(Sink::new(sink, plan.gz), plan.charset);
        let preamble = if plan.bom { format!("\u{FEFF}{}", format.preamble) } else { format.preamble.clone() };
        let started = encode.write_all(preamble.as_bytes());
        let writer = csv::WriterBuilder::new()
            .delimiter(plan.delimiter)
            .terminator(match format.terminator {
                Terminator::Lf => csv::Terminator::Any(b'\n'),
                Terminator::CrLf => csv::Terminator::CRLF,
            })
            .buffer_capacity(64 << 10)
            .from_writer(encode);
        let mut output = Output {
            name: target.name(),
            charset: plan.charset,
            dropped: plan.dropped,
            writer,
            path,
            mode: options.mode,
            closed: false,
        };
        output.settle(started)?;
        let header = input.header().iter().map(String::as_bytes);
        output.record(header, new_columns.iter().map(String::as_str))?;
        Ok(output)
    }

    /// Writes a row with its new fields, one for each new column.
    pub fn write<'a>(&mut self, row: &Row, extra: impl Iterator<Item = &'a str>) -> Result<(), OutputError> {
        self.record(row.fields(), extra)
    }

    /// The reader of standard output is gone: nothing that is written arrives any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Makes the output durable and visible under its name.
    pub fn finish(self) -> Result<(), OutputError> {
        let Output { name, charset, writer, path, mode, closed, .. } = self;
        match complete(writer, path, mode) {
            Err(error) if !closed && error.kind() != io::ErrorKind::BrokenPipe => Err(explain(error, &name, charset)),
            _ => Ok(()),
        }
    }

    fn record<'a, 'b>(
        &mut self,
        fields: impl Iterator<Item = &'a [u8]>,
        extra: impl Iterator<Item = &'b str>,
    ) -> Result<(), OutputError> {
        if self.closed {
            return Ok(());
        }
        let written = self.try_record(fields, extra);
        self.settle(written)
    }

    fn try_record<'a, 'b>(
        &mut self,
        fields: impl Iterator<Item = &'a [u8]>,
        extra: impl Iterator<Item = &'b str>,
    ) -> io::Result<()> {
        for (field, _) in fields.zip(&self.dropped).filter(|(_, dropped)| !**dropped) {
            self.writer.write_field(field).map_err(into_io)?;
        }
        for field in extra {
            self.writer.write_field(field).map_err(into_io)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(into_io)
    }

    /// A reader that hung up is success: it has seen all that it wanted.
    fn settle(&mut self, result: io::Result<()>) -> Result<(), OutputError> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            result => result.map_err(|error| explain(error, &self.name, self.charset)),
        }
    }
}

fn complete(mut writer: csv::Writer<Encode<Sink>>, path: Option<(PathBuf, PathBuf)>, mode: u32) -> io::Result<()> {
    writer.flush()?;
    let encode = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    let (End::Temporary(file), Some((path, folder))) = (encode.finish()?.finish()?, path) else { return Ok(()) };
    crash::point("export.written");
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    crash::point("export.synced");
    file.persist(path).map_err(|error| error.error)?;
    crash::point("export.renamed");
    File::open(folder)?.sync_all()
}

fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
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

/// Where the bytes end up.
enum End {
    Temporary(tempfile::NamedTempFile),
    Stream(File),
    Stdout(io::Stdout),
}

impl From<Made> for End {
    fn from(made: Made) -> Self {
        match made {
            Made::Temporary(file) => End::Temporary(file),
            Made::Stream(file) => End::Stream(file),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            End::Temporary(file) => file.write(bytes),
            End::Stream(file) => file.write(bytes),
            End::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            End::Temporary(file) => file.flush(),
            End::Stream(file) => file.flush(),
            End::Stdout(stdout) => stdout.flush(),
        }
    }
}

/// Zips where the target's name says so.
enum Sink {
    Plain(BufWriter<End>),
    Gz(GzEncoder<BufWriter<End>>),
}

impl Sink {
    fn new(end: End, gz: bool) -> Self {
        let buffered = BufWriter::with_capacity(128 << 10, end);
        if gz { Sink::Gz(GzEncoder::new(buffered, Compression::default())) } else { Sink::Plain(buffered) }
    }

    fn finish(self) -> io::Result<End> {
        let mut buffered = match self {
            Sink::Plain(buffered) => buffered,
            Sink::Gz(encoder) => encoder.finish()?,
        };
        buffered.flush()?;
        buffered.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Plain(buffered) => buffered.write(bytes),
            Sink::Gz(encoder) => encoder.write(bytes),
        }
    }

    /// The CSV writer flushes its own buffer in the end; ours goes out in [`Sink::finish`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
