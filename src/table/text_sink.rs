//! An output as a text file: records with delimiters, encoded and zipped on the way out.

use std::io::{self, BufWriter, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::encode::Encode;
use super::end::End;
use super::format::{Charset, Terminator};
use super::row::Form;

/// How the text is written down.
pub(super) struct Dress {
    pub(super) charset: Charset,
    pub(super) bom: bool,
    pub(super) delimiter: u8,
    pub(super) terminator: Terminator,
    pub(super) gz: bool,
}

/// A text file being written.
pub(super) struct TextSink {
    writer: csv::Writer<Encode<Zip>>,
}

impl TextSink {
    /// Starts with the title lines, as they are.
    pub(super) fn new(end: End, dress: &Dress, preamble: &str) -> io::Result<Self> {
        let mut encode = Encode::new(Zip::new(end, dress.gz), dress.charset);
        if dress.bom {
            encode.write_all("\u{FEFF}".as_bytes())?;
        }
        encode.write_all(preamble.as_bytes())?;
        let writer = csv::WriterBuilder::new()
            .delimiter(dress.delimiter)
            .terminator(match dress.terminator {
                Terminator::Lf => csv::Terminator::Any(b'\n'),
                Terminator::CrLf => csv::Terminator::CRLF,
            })
            .buffer_capacity(64 << 10)
            .from_writer(encode);
        Ok(TextSink { writer })
    }

    pub(super) fn record<'a, 'b>(
        &mut self,
        cells: impl Iterator<Item = (&'a [u8], Form)>,
        extra: impl Iterator<Item = &'b str>,
    ) -> io::Result<()> {
        for (cell, _) in cells {
            self.writer.write_field(cell).map_err(into_io)?;
        }
        for cell in extra {
            self.writer.write_field(cell).map_err(into_io)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(into_io)
    }

    pub(super) fn finish(mut self) -> io::Result<End> {
        self.writer.flush()?;
        let encode = self.writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        encode.finish()?.finish()
    }
}

fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

/// Zips where the target's name says so.
enum Zip {
    Plain(BufWriter<End>),
    Gz(Box<GzEncoder<BufWriter<End>>>),
}

impl Zip {
    fn new(end: End, gz: bool) -> Self {
        let buffered = BufWriter::with_capacity(128 << 10, end);
        if gz { Zip::Gz(Box::new(GzEncoder::new(buffered, Compression::default()))) } else { Zip::Plain(buffered) }
    }

    fn finish(self) -> io::Result<End> {
        let mut buffered = match self {
            Zip::Plain(buffered) => buffered,
            Zip::Gz(encoder) => encoder.finish()?,
        };
        buffered.flush()?;
        buffered.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl Write for Zip {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Zip::Plain(buffered) => buffered.write(bytes),
            Zip::Gz(encoder) => encoder.write(bytes),
        }
    }

    /// The CSV writer flushes its own buffer in the end; ours goes out in [`Zip::finish`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
