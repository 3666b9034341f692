//! The vocabulary of payonce: pure values, no input or output, no clock.
//!
//! Everything else speaks in these words. The three traits of [`ports`] are the seams behind which a shared ledger and a
//! shared pace can stand one day; nothing in this folder knows SQLite, HTTP, CSV or a terminal.

pub mod call;
pub mod cell;
pub mod exit;
pub mod freshness;
pub mod ids;
pub mod moment;
pub mod money;
pub mod ports;
pub mod rate;
pub mod review;
pub mod run;
pub mod status;
pub mod subject;
pub mod text;
pub mod verdict;
