//! The ledger on SQLite: the checkpoint store of runs, calls, order IDs and money.
//!
//! Invariants:
//! - An intent is committed (WAL, `synchronous=FULL`) before `open` grants it; a settlement before `settle` returns. What is
//!   queued at one moment shares one commit; there is no timer.
//! - One thread owns the only connection that writes. What it keeps in memory (`books`) is a copy of what is on disk and is
//!   read anew whenever a commit fails.
//! - The caller holds the [`RunLock`] while it has the ledger open for writing: every other owner of calls is therefore dead.
//! - No plain number, key or raw reply is stored.
//!
//! How it fails: whatever the disk refuses ends the whole group of requests with an error that names the file and the remedy;
//! from then on nothing more is granted, settlements may be tried again, and those that fail go to a `rescue` file that the
//! next start takes in before anything else.
//!
//! Reading order: `store` opens the file, `schema` shapes it, `handle` is what the passes hold, `writer` and `reader`
//! are the two threads behind it, `transact` is what happens inside a transaction, `judge` decides what is still fresh.

mod books;
mod handle;
mod host;
mod judge;
mod lock;
mod probe;
mod reader;
mod reports;
mod rescue;
mod review;
mod rows;
mod schema;
mod store;
mod tally;
mod transact;
mod worker;
mod writer;

#[cfg(test)]
mod tests;

pub use handle::SqliteLedger;
pub use lock::{LockError, RunLock};
pub use probe::{Probe, probe, probe_lock};
pub use rescue::Absorbed;
pub use store::OpenError;
