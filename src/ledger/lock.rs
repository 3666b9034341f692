//! "One run at a time": a lock on a file beside the ledger that dies with its process.
//!
//! Invariants: the lock is the operating system's, not the file's presence, so a stale file is harmless and is never deleted
//! (deleting would let two processes lock two files of one name). What stands in the file is for people only. How it fails:
//! [`LockError::Held`] says who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::crash;
use crate::ledger::host::host;
use crate::ledger::store::{beside, make_folder};

/// Holds the ledger for one invocation, until it is dropped or the process ends.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "another payonce (process {pid}, since {since}) is working with this ledger: wait for it, pass --wait, or try again later"
    )]
    Held { pid: u32, since: String },
    #[error("the lock file {path} cannot be used: {error}")]
    Failed { path: PathBuf, error: io::Error },
}

/// What the holder writes about itself.
#[derive(Default, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    host: String,
    since: String,
}

impl RunLock {
    /// Takes the lock if it is free.
    pub fn acquire(ledger: &Path) -> Result<RunLock, LockError> {
        let (path, mut file) = open(ledger)?;
        match file.try_lock() {
            Ok(()) => RunLock::sign(path, file),
            Err(TryLockError::WouldBlock) => Err(held(&mut file)),
            Err(TryLockError::Error(error)) => Err(LockError::Failed { path, error }),
        }
    }

    /// Whether the lock is free just now. What the last holder wrote stays.
    pub(super) fn look(ledger: &Path) -> Result<(), LockError> {
        let (path, mut file) = open(ledger)?;
        match file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(held(&mut file)),
            Err(TryLockError::Error(error)) => Err(LockError::Failed { path, error }),
        }
    }

    /// Waits until the lock is free, blocking this thread.
    pub fn acquire_waiting(ledger: &Path) -> Result<RunLock, LockError> {
        let (path, file) = open(ledger)?;
        match file.lock() {
            Ok(()) => RunLock::sign(path, file),
            Err(error) => Err(LockError::Failed { path, error }),
        }
    }

    fn sign(path: PathBuf, mut file: File) -> Result<RunLock, LockError> {
        let holder = Holder {
            pid: std::process::id(),
            host: host(),
            since: jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        };
        let written = serde_json::to_string(&holder).map_err(io::Error::from).and_then(|text| {
            file.set_len(0)?;
            crash::point("lock.signing");
            file.rewind()?;
            writeln!(file, "{text}")
        });
        crash::point("lock.taken");
        match written {
            Ok(()) => Ok(RunLock { _file: file }),
            Err(error) => Err(LockError::Failed { path, error }),
        }
    }
}

fn held(file: &mut File) -> LockError {
    let mut text = String::new();
    // The holder may be about to write: a lock that is held is the answer, whatever the file says.
    let _ = file.read_to_string(&mut text);
    let unknown = Holder { since: "just now".to_owned(), ..Holder::default() };
    let holder: Holder = serde_json::from_str(&text).unwrap_or(unknown);
    LockError::Held { pid: holder.pid, since: holder.since }
}

fn open(ledger: &Path) -> Result<(PathBuf, File), LockError> {
    let path = beside(ledger, "lock");
    if let Err(error) = make_folder(&path) {
        return Err(LockError::Failed { path, error });
    }
    match OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path) {
        Ok(file) => Ok((path, file)),
        Err(error) => Err(LockError::Failed { path, error }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_names_its_holder_and_dies_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("calls.db");
        let first = RunLock::acquire(&ledger).unwrap();
        match RunLock::acquire(&ledger) {
            Err(LockError::Held { pid, since }) => {
                assert_eq!(pid, std::process::id());
                assert!(since.parse::<jiff::Timestamp>().is_ok(), "{since}");
            }
            other => panic!("{other:?}"),
        }
        drop(first);
        assert!(beside(&ledger, "lock").exists());
        let waiting = std::thread::spawn({
            let second = RunLock::acquire(&ledger).unwrap();
            let ledger = ledger.clone();
            move || {
                drop(second);
                RunLock::acquire_waiting(&ledger).map(drop)
            }
        });
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn a_lock_where_no_folder_can_be_says_where() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let error = RunLock::acquire(&folder.path().join("file/calls.db")).unwrap_err();
        assert!(error.to_string().contains("file/calls.db.lock"), "{error}");
    }
}
