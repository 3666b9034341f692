//! The room for files: the input, the output, the vendor's statement, and the sorter that spills to disk.
//!
//! Nothing outside knows about encodings, delimiters, compression or workbooks: an [`Input`] hands out rows in UTF-8 as often as
//! asked, always the same ones, and an [`Output`] writes them back as they came. Text files and sheets meet at two seams: `rows`
//! on the way in, `sink` on the way out. Memory is flat in the number of rows, but for workbooks that are read.

mod column;
mod decode;
mod encode;
mod end;
mod error;
mod fault;
mod format;
mod input;
mod opened;
mod output;
mod place;
mod reading;
mod row;
mod rows;
mod scan;
mod sheet;
mod sheet_file;
mod sheet_sink;
mod sink;
mod sort;
mod source;
mod statement;
mod text;
mod text_file;
mod text_sink;
mod workbook;

pub use error::{InputError, OutputError};
pub use format::{Charset, Format, Terminator};
pub use input::{Input, InputOptions};
pub use output::{Output, OutputOptions, check};
pub use place::{Target, default_output, write_whole};
pub use reading::ReadOptions;
pub use row::Row;
pub use rows::Rows;
pub use sort::{Entry, Sorted, Sorter};
pub use statement::{Amount, Line, Lines, Statement, StatementOptions};

#[cfg(test)]
mod tests;
