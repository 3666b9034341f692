//! What an error means for the exit code.

use std::io;

use crate::catalog::CatalogueError;
use crate::domain::exit::Exit;
use crate::domain::ports::LedgerError;
use crate::ledger::{LockError, OpenError};
use crate::settings::{ConfigError, SettingsError};
use crate::table::InputError;

/// A mistake of whoever runs payonce, to be mended by them: exit 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// The exit code that an error asks for.
pub(super) fn exit_of(error: &anyhow::Error) -> Exit {
    error.chain().find_map(of_cause).unwrap_or(Exit::Unexpected)
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Exit> {
    if cause.is::<Usage>()
        || cause.is::<ConfigError>()
        || cause.is::<SettingsError>()
        || cause.is::<CatalogueError>()
        || cause.is::<InputError>()
    {
        return Some(Exit::Usage);
    }
    if let Some(error) = cause.downcast_ref() {
        return Some(match error {
            LockError::Held { .. } => Exit::TryLater,
            LockError::Failed { .. } => Exit::Usage,
        });
    }
    if let Some(error) = cause.downcast_ref() {
        return Some(match error {
            OpenError::DiskFull { .. } | OpenError::Failed { .. } | OpenError::Rescue { .. } => Exit::Unexpected,
            _ => Exit::Usage,
        });
    }
    cause.downcast_ref().map(|error| match error {
        LedgerError::ClockBehind { .. } => Exit::TryLater,
        LedgerError::NoSuchRun(_)
        | LedgerError::NoRunOf(_)
        | LedgerError::OtherRun { .. }
        | LedgerError::Forgotten(_)
        | LedgerError::NoSuchDoubt(_) => Exit::Usage,
        LedgerError::Failed(_) => Exit::Unexpected,
    })
}

/// Whether nobody reads any more, which is no failure.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe))
}
