//! Whether a ledger could be worked with, found out without changing it.
//!
//! Invariant: no file is made, no schema changed; the only traces are those of opening a file, and of a temporary file without a
//! name in the ledger's folder. How it fails: with the error that a run would meet.

use std::fs::{File, OpenOptions};
use std::path::Path;

use crate::domain::run::LedgerKind;
use crate::ledger::lock::LockError;
use crate::ledger::store::{self, OpenError, beside};

/// What a run would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    Ready,
    /// A run would make it.
    WouldBeMade,
}

/// Holds a ledger against what a run needs: ours, readable by this version, of the right kind, writable.
pub fn probe(path: &Path, kind: LedgerKind) -> Result<Probe, OpenError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let exists = std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
    if exists {
        let (_, identity) = store::open_for_reading(path)?;
        if identity.kind != kind {
            let found = identity.kind.to_string();
            return Err(OpenError::WrongKind { path: path.to_owned(), found, wanted: kind });
        }
        OpenOptions::new().write(true).open(path).map_err(|error| OpenError::io(path, &error))?;
    }
    // The write-ahead log, the lock and the rescue file are made beside it. A folder that is not there yet would be made.
    let nearest = folder.ancestors().find(|folder| folder.as_os_str().is_empty() || folder.exists());
    let nearest = nearest.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(nearest).map_err(|error| OpenError::io(path, &error))?;
    Ok(if exists { Probe::Ready } else { Probe::WouldBeMade })
}

/// Whether the run lock is free. Makes no lock file.
pub fn probe_lock(ledger: &Path) -> Result<(), LockError> {
    match File::open(beside(ledger, "lock")) {
        Ok(_) => super::lock::RunLock::look(ledger),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::freshness::Stamp;
    use crate::domain::ports::Clock;
    use crate::ledger::{RunLock, SqliteLedger};

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Stamp {
            Stamp(1_795_233_600_000)
        }
    }

    #[test]
    fn what_a_run_would_find() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/calls.db");
        assert_eq!(probe(&path, LedgerKind::Live).unwrap(), Probe::WouldBeMade);
        assert!(!path.parent().unwrap().exists());
        drop(SqliteLedger::open(&path, LedgerKind::Sandbox, Arc::new(Noon)).unwrap());
        assert_eq!(probe(&path, LedgerKind::Sandbox).unwrap(), Probe::Ready);
        assert!(matches!(probe(&path, LedgerKind::Live), Err(OpenError::WrongKind { .. })));
        let text = folder.path().join("input.csv");
        std::fs::write(&text, "phone\n17312345678\n".repeat(99)).unwrap();
        assert!(matches!(probe(&text, LedgerKind::Live), Err(OpenError::NotALedger { .. })));
        assert!(probe(&text.join("calls.db"), LedgerKind::Live).is_err());
    }

    #[test]
    fn a_lock_is_looked_at_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls.db");
        assert!(probe_lock(&path).is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let held = RunLock::acquire(&path).unwrap();
        assert!(matches!(probe_lock(&path), Err(LockError::Held { .. })));
        drop(held);
        assert!(probe_lock(&path).is_ok());
        assert!(RunLock::acquire(&path).is_ok());
    }
}
