//! What is said about a file before it is opened, and what opening it finds, whatever kind of file it is.

use super::format::Format;

/// What the user says about a file; the rest is found.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    pub encoding: Option<String>,
    pub delimiter: Option<String>,
    /// Title lines above the header.
    pub skip_lines: usize,
    /// The sheet of a workbook, by name or 1-based position.
    pub sheet: Option<String>,
}

/// What opening finds, whatever the file is.
pub(super) struct Found {
    pub(super) digest: [u8; 32],
    pub(super) format: Format,
    pub(super) header: Vec<String>,
}
