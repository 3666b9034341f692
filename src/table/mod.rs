//! The room for files: the input CSV, the output CSV, the vendor's statement, and the sorter that spills to disk.
//!
//! Nothing outside knows about encodings, delimiters or compression: an [`Input`] hands out rows in UTF-8 as often as asked,
//! always the same ones, and an [`Output`] writes them back as they came. Memory is flat in the number of rows.

mod column;
mod decode;
mod encode;
mod error;
mod format;
mod input;
mod opened;
mod output;
mod place;
mod rows;
mod scan;
mod sort;
mod source;
mod statement;

pub use error::{InputError, OutputError};
pub use format::{Charset, Format, Terminator};
pub use input::{Input, InputOptions};
pub use opened::ReadOptions;
pub use output::{Output, OutputOptions, check};
pub use place::{Target, default_output, write_whole};
pub use rows::{Row, Rows};
pub use sort::{Entry, Sorted, Sorter};
pub use statement::{Amount, Line, Lines, Statement, StatementOptions};

#[cfg(test)]
mod tests;
