//! The ledger's file: made, recognised, opened with the settings that durability rests on.
//!
//! Invariants: a file that is not ours is never written to; a new one and its folders are readable by their owner alone; WAL and
//! `synchronous=FULL` are set and read back, since WAL with less can lose a committed intent on power loss, which is paying
//! twice. How it fails: every refusal is a typed [`OpenError`] that names the file and what to do.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, params};

use crate::crash;
use crate::domain::freshness::Stamp;
use crate::domain::run::LedgerKind;
use crate::ledger::schema;

/// How long to wait for another process that holds the file for a moment, such as a backup.
const PATIENCE: Duration = Duration::from_secs(10);

/// Page caches in KiB: the whole process has 32 MiB.
const WRITER_CACHE: i64 = 4096;
const READER_CACHE: i64 = 2048;

/// Pages in the write-ahead log before it is folded back: random index pages written again and again in between are folded
/// back once, at the price of so many times 4 KiB of disk.
const CHECKPOINT: i64 = 4000;

/// Why a ledger could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("there is no ledger at {path}; `payonce run` makes one, --ledger names another")]
    Missing { path: PathBuf },
    #[error(
        "{path} is not a payonce ledger, or it is damaged ({why}): pass --ledger another file, or restore it from a backup"
    )]
    NotALedger { path: PathBuf, why: String },
    #[error("{path} was made by a newer payonce (schema {found}, this one knows {known}): use that one")]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("the ledger {path} is stamped {found}; this run is {wanted}: pass --ledger another file")]
    WrongKind { path: PathBuf, found: String, wanted: LedgerKind },
    #[error("the ledger {path} cannot be written ({why}): allow it, or pass --ledger another file")]
    Unwritable { path: PathBuf, why: String },
    #[error("the disk of the ledger {path} is full: free some space, then run the same command again")]
    DiskFull { path: PathBuf },
    #[error("the rescue file {path} cannot be taken in: {why}")]
    Rescue { path: PathBuf, why: String },
    #[error("the ledger {path} cannot be opened: {why}")]
    Failed { path: PathBuf, why: String },
}

impl OpenError {
    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, why) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::NotALedger { path, why },
            Some(ErrorCode::DiskFull) => OpenError::DiskFull { path },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                OpenError::Unwritable { path, why }
            }
            _ => OpenError::Failed { path, why },
        }
    }

    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        let (path, why) = (path.to_owned(), error.to_string());
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::NotADirectory => {
                OpenError::Unwritable { path, why }
            }
            io::ErrorKind::StorageFull => OpenError::DiskFull { path },
            _ => OpenError::Failed { path, why },
        }
    }
}

/// What SQLite refused while the ledger was open, with the remedy.
pub(super) fn failure(path: &Path, error: &rusqlite::Error) -> String {
    let remedy = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full: free some space, then run the same command again",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds it: end that one, then run the same command again"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => "allow writing to it and to its folder",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "it is damaged: restore it from a backup",
        _ => "check that disk, then run the same command again",
    };
    format!("the ledger {} failed ({error}); {remedy}", path.display())
}

/// What SQLite says when the disk is full, for tests that let a commit fail.
pub(super) fn disk_full() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None)
}

/// The file of that ending beside the ledger.
pub(super) fn beside(ledger: &Path, ending: &str) -> PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// Makes the names in a file's folder durable.
pub(super) fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Makes the folder that a file lies in, for its owner alone, where there is none.
pub(super) fn make_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) => DirBuilder::new().recursive(true).mode(0o700).create(folder),
        None => Ok(()),
    }
}

/// What a ledger says about itself.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) kind: LedgerKind,
    /// Tells this ledger from every other, so that a rescue file is never taken in by a stranger.
    pub(super) uid: String,
}

/// Opens the ledger for writing; makes it where there is none.
pub(super) fn open_for_writing(path: &Path, kind: LedgerKind, now: Stamp) -> Result<(Connection, Identity), OpenError> {
    create_file(path).map_err(|error| OpenError::io(path, &error))?;
    crash::point("ledger.made");
    let db = prepare_to_write(path, true)?;
    stamp(&db, kind, now).map_err(|error| OpenError::sqlite(path, &error))?;
    crash::point("ledger.stamped");
    let identity = identity(&db, path)?;
    if identity.kind != kind {
        let found = identity.kind.to_string();
        return Err(OpenError::WrongKind { path: path.to_owned(), found, wanted: kind });
    }
    Ok((db, identity))
}

/// Opens an existing ledger for writing, of whatever kind it is. An empty file is none yet.
pub(super) fn open_existing_for_writing(path: &Path) -> Result<(Connection, Identity), OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let db = prepare_to_write(path, false)?;
    let identity = identity(&db, path)?;
    Ok((db, identity))
}

/// A durable connection to a file of ours, and the schema version that it had.
fn prepare_to_write(path: &Path, may_be_new: bool) -> Result<Connection, OpenError> {
    let wrap = |error: rusqlite::Error| OpenError::sqlite(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(wrap)?;
    db.busy_timeout(PATIENCE).map_err(wrap)?;
    let version = recognise(&db, path)?;
    if version == 0 && !may_be_new {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    if db.is_readonly(MAIN_DB).map_err(wrap)? {
        return Err(OpenError::Unwritable { path: path.to_owned(), why: "the file is read-only".to_owned() });
    }
    make_durable(&db, path)?;
    crash::point("ledger.created");
    schema::migrate(&db, version).map_err(wrap)?;
    crash::point("ledger.migrated");
    Ok(db)
}

/// Opens an existing ledger for reading.
pub(super) fn open_for_reading(path: &Path) -> Result<(Connection, Identity), OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let wrap = |error: rusqlite::Error| OpenError::sqlite(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(wrap)?;
    db.busy_timeout(PATIENCE).map_err(wrap)?;
    db.pragma_update(None, "cache_size", -READER_CACHE).map_err(wrap)?;
    let version = recognise(&db, path)?;
    if version < schema::VERSION {
        let why = format!("it has schema {version}; the next `payonce run` brings it to {}", schema::VERSION);
        return Err(OpenError::Failed { path: path.to_owned(), why });
    }
    let identity = identity(&db, path)?;
    Ok((db, identity))
}

fn create_file(path: &Path) -> io::Result<()> {
    make_folder(path)?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => sync_folder(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// The schema version of a ledger; 0 for an empty file. Refuses every other file before anything is written to it.
fn recognise(db: &Connection, path: &Path) -> Result<i64, OpenError> {
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    let wrap = |error: rusqlite::Error| OpenError::sqlite(path, &error);
    let application = number("PRAGMA application_id").map_err(wrap)?;
    let version = number("PRAGMA user_version").map_err(wrap)?;
    let tables = number("SELECT count(*) FROM sqlite_master").map_err(wrap)?;
    if application == 0 && version == 0 && tables == 0 {
        return Ok(0);
    }
    if application != schema::APPLICATION_ID {
        let why = "it is another program's SQLite file".to_owned();
        return Err(OpenError::NotALedger { path: path.to_owned(), why });
    }
    if version > schema::VERSION {
        return Err(OpenError::Newer { path: path.to_owned(), found: version, known: schema::VERSION });
    }
    Ok(version)
}

fn make_durable(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let wrap = |error: rusqlite::Error| OpenError::sqlite(path, &error);
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(wrap)?;
    db.pragma_update(None, "synchronous", "FULL").map_err(wrap)?;
    let synchronous: i64 = db.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(wrap)?;
    if mode != "wal" || synchronous != 2 {
        let why = format!("this disk does not keep a write-ahead log safely (mode {mode}, synchronous {synchronous})");
        return Err(OpenError::Failed { path: path.to_owned(), why });
    }
    db.pragma_update(None, "cache_size", -WRITER_CACHE).map_err(wrap)?;
    db.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT, |_| Ok(())).map_err(wrap)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Stamps a ledger that has no stamp yet; its making may have been cut off just before.
fn stamp(db: &Connection, kind: LedgerKind, now: Stamp) -> rusqlite::Result<()> {
    let uid = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    db.execute(
        "INSERT OR IGNORE INTO meta (name, value) VALUES ('kind', ?1), ('made', ?2), ('uid', ?3)",
        params![kind.as_str(), now.rfc3339(), uid],
    )?;
    Ok(())
}

fn identity(db: &Connection, path: &Path) -> Result<Identity, OpenError> {
    let value = |name: &str| -> Result<String, OpenError> {
        db.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
            .map_err(|error| OpenError::sqlite(path, &error))
    };
    let kind = value("kind")?.parse().map_err(|why| OpenError::NotALedger { path: path.to_owned(), why })?;
    Ok(Identity { kind, uid: value("uid")? })
}
