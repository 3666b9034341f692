//! Where the bytes of an output end up.

use std::fs::File;
use std::io::{self, Write};

use super::place::Made;

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
