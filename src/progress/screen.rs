//! Standard error, shared by bars, log lines and messages, so that none tears the others.

use std::io::{self, IsTerminal, Write};

use indicatif::MultiProgress;

/// Standard error. Cheap to clone.
#[derive(Clone)]
pub struct Screen {
    pub(super) bars: MultiProgress,
    pub(super) is_terminal: bool,
}

impl Screen {
    pub fn stderr() -> Self {
        Screen { bars: MultiProgress::new(), is_terminal: io::stderr().is_terminal() }
    }

    /// Whether somebody is likely to be watching.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Writes whole lines above the bars. A closed standard error is nobody's loss.
    pub fn say(&self, text: &str) {
        self.bars.suspend(|| {
            let _ = writeln!(io::stderr(), "{text}");
        });
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
