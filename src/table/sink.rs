//! Where the records of an output go: the seam of the room on the side of the output, and the ends behind it.

use std::fs::File;
use std::io::{self, Write};

use super::place::Made;
use super::rows::Form;
use super::sheet_sink::SheetSink;
use super::text_sink::TextSink;

/// Takes records and knows how they are written down.
pub(super) enum Sink {
    Text(Box<TextSink>),
    Sheet(Box<SheetSink>),
}

impl Sink {
    /// Writes a record: the input's cells, then the new ones, which are text.
    pub(super) fn record<'a, 'b>(
        &mut self,
        cells: impl Iterator<Item = (&'a [u8], Form)>,
        extra: impl Iterator<Item = &'b str>,
    ) -> io::Result<()> {
        match self {
            Sink::Text(sink) => sink.record(cells, extra),
            Sink::Sheet(sink) => sink.record(cells, extra),
        }
    }

    /// Writes what is left and gives back the end, which holds the whole output.
    pub(super) fn finish(self) -> io::Result<End> {
        match self {
            Sink::Text(sink) => sink.finish(),
            Sink::Sheet(sink) => sink.finish(),
        }
    }
}

/// Where the bytes end up.
pub(super) enum End {
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
