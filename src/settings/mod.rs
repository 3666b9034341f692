//! From flags, environment and file to one resolved job.
//!
//! The command line hands over [`Overrides`] (flags and environment, already one); the config file fills what they leave open;
//! defaults fill the rest. Past [`resolve`] nothing is optional that a run needs, and every mistake has been named.

mod config;
mod deadline;
mod error;
mod job;
mod keys;
mod places;
mod resolve;
mod scalars;
#[cfg(test)]
mod tests;

pub use config::{Config, ConfigError, Loaded, LogFormat};
pub use deadline::{Deadline, Rule};
pub use error::SettingsError;
pub use job::{Job, LaneJob, LedgerPlace, Patience, QuotaPolicy};
pub use places::default_ledger;
pub(crate) use resolve::is_loopback;
pub use resolve::{Overrides, configured_profile, ledger_place, resolve};
pub use scalars::{FileMode, Span, TimeOfDay};
