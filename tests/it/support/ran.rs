//! A command that ran, and what can be held against it. Every failure shows the whole of it.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;

use super::table::Table;

pub struct Ran {
    command: String,
    folder: PathBuf,
    status: Option<ExitStatus>,
    pub stdout: String,
    pub stdout_bytes: Vec<u8>,
    pub stderr: String,
}

impl Ran {
    pub(super) fn new(
        command: String,
        folder: PathBuf,
        status: Option<ExitStatus>,
        stdout: Vec<u8>,
        stderr: Vec<u8>,
    ) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { command, folder, status, stdout: text(&stdout), stdout_bytes: stdout, stderr: text(&stderr) }
    }

    /// It ended with this exit code; whatever the code, nobody was shown a panic or a backtrace.
    #[track_caller]
    pub fn exit(self, code: i32) -> Self {
        assert_eq!(
            self.status.and_then(|status| status.code()),
            Some(code),
            "\nanother exit code was expected:\n{self}"
        );
        for word in ["panicked", "backtrace", "stack trace", "RUST_BACKTRACE"] {
            assert!(!self.stderr.contains(word), "\na user must never see this:\n{self}");
        }
        self
    }

    /// The exit code; none where a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.and_then(|status| std::os::unix::process::ExitStatusExt::signal(&status))
    }

    #[track_caller]
    pub fn stderr_has(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "\nstandard error lacks '{text}':\n{self}");
        self
    }

    #[track_caller]
    pub fn stderr_lacks(self, text: &str) -> Self {
        assert!(!self.stderr.contains(text), "\nstandard error holds '{text}':\n{self}");
        self
    }

    #[track_caller]
    pub fn stdout_has(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "\nstandard output lacks '{text}':\n{self}");
        self
    }

    /// Nothing was printed, to nowhere.
    #[track_caller]
    pub fn silent(self) -> Self {
        assert!(self.stdout.is_empty() && self.stderr.is_empty(), "\nnothing was to be printed:\n{self}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("\nstandard output is no JSON ({error}):\n{self}"))
    }

    /// Standard output as a CSV.
    pub fn table(&self) -> Table {
        Table::parse(&self.stdout)
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map_or_else(|| "still running".to_owned(), |status| status.to_string());
        writeln!(f, "command: {}\nfolder:  {}\nstatus:  {status}", self.command, self.folder.display())?;
        writeln!(f, "--- stdout\n{}--- stderr\n{}---", self.stdout, self.stderr)
    }
}
