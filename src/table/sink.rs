//! Where the records of an output go: the seam of the room on the side of the output.

use std::io;

use super::end::End;
use super::row::Form;
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
