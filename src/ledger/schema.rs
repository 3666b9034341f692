//! The shape of the ledger's file, as an append-only list of migrations driven by `user_version`.
//!
//! Invariants: a migration that was ever released is never edited; each runs in one transaction together with its version, so
//! that a crash leaves either the old shape or the new one. How it fails: as the SQLite error, judged by [`super::store`].

use rusqlite::Connection;

use crate::crash;
use crate::domain::subject::Subject;

/// Marks a SQLite file as a payonce ledger ("PAY1").
pub(super) const APPLICATION_ID: i64 = 0x5041_5931;

/// The schema that this program writes.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

const MIGRATIONS: &[&str] = &[FIRST];

/// - `open_call` holds intents without a settlement, `call` what became of them. Both grow at their end only, so that a commit of
///   64 intents touches two or three pages.
/// - `standing` is the subject index: one entry per call that says something about its subject, none for attempts that brought
///   nothing. It is the only table written at random places, and each call touches it once. Its key is six bytes of the digest:
///   SQLite stores six-byte integers as such, two bytes more cost three per answer, and the whole digest is compared anyway.
/// - `doubt` lists the calls in doubt, so that neither listing them nor keeping their record number costs the answers anything.
/// - `took` is in milliseconds, and null where nobody saw the reply; `rates` is for reports alone.
/// - `total` is kept in the same transactions as the calls, by the day (Asia/Shanghai) of the intent.
const FIRST: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE api (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE reason (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    input_digest BLOB NOT NULL,
    input_name TEXT NOT NULL,
    apis TEXT NOT NULL,
    reuse TEXT NOT NULL,
    began INTEGER NOT NULL,
    window_opens INTEGER NOT NULL,
    finished INTEGER,
    outcome INTEGER,
    released INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE owner (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    began INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    ended INTEGER,
    rates TEXT NOT NULL
) STRICT;
CREATE TABLE open_call (
    id INTEGER PRIMARY KEY,
    api INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    subject BLOB NOT NULL,
    record INTEGER NOT NULL,
    at INTEGER NOT NULL,
    price INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    after_release INTEGER NOT NULL
) STRICT;
CREATE TABLE call (
    id INTEGER PRIMARY KEY,
    api INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    subject BLOB NOT NULL,
    at INTEGER NOT NULL,
    price INTEGER NOT NULL,
    state INTEGER NOT NULL,
    assumed INTEGER NOT NULL,
    code INTEGER,
    reason INTEGER,
    order_id TEXT,
    fields TEXT,
    took INTEGER
) STRICT;
CREATE TABLE standing (
    api INTEGER NOT NULL,
    key INTEGER NOT NULL,
    call INTEGER NOT NULL,
    PRIMARY KEY (api, key, call)
) STRICT, WITHOUT ROWID;
CREATE TABLE doubt (call INTEGER PRIMARY KEY, record INTEGER NOT NULL) STRICT;
CREATE TABLE total (
    run INTEGER NOT NULL,
    api INTEGER NOT NULL,
    day INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    open INTEGER NOT NULL,
    billed INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    unbilled INTEGER NOT NULL,
    unbilled_assumed INTEGER NOT NULL,
    in_doubt INTEGER NOT NULL,
    written_off INTEGER NOT NULL,
    released INTEGER NOT NULL,
    paid_again INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    at_stake INTEGER NOT NULL,
    held INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    PRIMARY KEY (run, api, day)
) STRICT, WITHOUT ROWID;
";

/// Brings a ledger from `version` to [`VERSION`].
pub(super) fn migrate(db: &Connection, version: i64) -> rusqlite::Result<()> {
    let done = usize::try_from(version).unwrap_or(0);
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let to = step + 1;
        db.execute_batch(&format!(
            "BEGIN IMMEDIATE; {sql} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {to};"
        ))?;
        crash::point("ledger.migrating");
        db.execute_batch("COMMIT")?;
    }
    Ok(())
}

/// The place of a subject in `standing`.
pub(super) fn standing_key(subject: &Subject) -> i64 {
    let mut bytes = [0; 8];
    bytes[..6].copy_from_slice(&subject.as_bytes()[..6]);
    // An arithmetic shift keeps it a signed 48-bit number, which is what six bytes hold.
    i64::from_be_bytes(bytes) >> 16
}
