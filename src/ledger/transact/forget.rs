//! `forget`: what is known about subjects is dropped, for privacy law; what they cost is kept.
//!
//! Invariants: calls in doubt and open calls are kept whole, since they wait for a decision; totals are not touched; ids and
//! stamps stay used up. Deleting is not enough: a page that was written before keeps stale copies outside its live cells, and
//! the write-ahead log keeps whole old pages. So the file is rebuilt from its live content (`VACUUM`, which leaves no stale
//! copies behind, where `secure_delete` would only wipe what is deleted from now on), and the log is folded back and cut to
//! nothing. How it fails: the deletion is one transaction; a crash after it leaves stale copies that forgetting again, with the
//! same day, removes. That the file could not be rebuilt is an error that says so.

use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use crate::domain::freshness::Day;
use crate::domain::ports::LedgerError;
use crate::ledger::rows::State;
use crate::ledger::transact::Desk;
use crate::ledger::writer::Job;

/// Calls that were settled and decided, and sent before `?1`. `?2` is the state of a doubt.
const OLD: &str = "SELECT id FROM call WHERE at < ?1 AND state <> ?2";

/// A request to forget, from the queue to the answer.
pub(in crate::ledger) struct Forget {
    before: Day,
    dropped: u64,
    reply: oneshot::Sender<Result<u64, LedgerError>>,
}

impl Forget {
    pub(in crate::ledger) fn new(before: Day, reply: oneshot::Sender<Result<u64, LedgerError>>) -> Self {
        Forget { before, dropped: 0, reply }
    }
}

impl Job for Forget {
    fn run(&mut self, desk: &mut Desk<'_>) -> rusqlite::Result<()> {
        self.dropped = drop_old(desk, self.before)?;
        Ok(())
    }

    fn after(&mut self, db: &Connection) -> rusqlite::Result<()> {
        rebuild(db)
    }

    fn answer(self: Box<Self>, ended: Result<(), LedgerError>) {
        // Whoever asked may have given up waiting; the effect stands all the same.
        let _ = self.reply.send(ended.map(|()| self.dropped));
    }
}

fn drop_old(desk: &mut Desk<'_>, before: Day) -> rusqlite::Result<u64> {
    let db = desk.db;
    // First of all the marks, in the same transaction: an id or a stamp that is given out twice, or a run that is gone on with
    // as if it knew its answers, would be paid for.
    mark(db, "last_call", desk.books.next_call() - 1)?;
    mark(db, "newest", desk.books.newest.0)?;
    mark(db, "forgotten", i64::from(before.0))?;
    let old = params![before.start().0, State::InDoubt];
    db.execute(&format!("DELETE FROM standing WHERE call IN ({OLD})"), old)?;
    let dropped = db.execute(&format!("DELETE FROM call WHERE id IN ({OLD})"), old)?;
    // Vendors may put anything into a reason. Its number stays taken, since readers remember reasons by number.
    db.execute(
        "UPDATE reason SET text = '(dropped ' || id || ')' WHERE id NOT IN (SELECT reason FROM call WHERE reason IS NOT NULL)",
        [],
    )?;
    desk.books.forget_reasons();
    Ok(dropped as u64)
}

/// Notes a number that only grows.
fn mark(db: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value \
         WHERE CAST(value AS INTEGER) < CAST(excluded.value AS INTEGER)",
        params![name, value.to_string()],
    )?;
    Ok(())
}

fn rebuild(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch("VACUUM")?;
    let busy: bool = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        let why = "what was dropped is still in its log file, which another program is reading".to_owned();
        return Err(rusqlite::Error::SqliteFailure(code, Some(why)));
    }
    Ok(())
}
