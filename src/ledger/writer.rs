//! The thread that owns the only connection which writes, and the group commit.
//!
//! Invariants: everything that is queued at one moment goes into one transaction, in the order of arrival, and is answered only
//! after the commit. A request that is refused for its own reason is refused before it has written anything, so that the
//! others of its group are not spoilt. How it fails: what SQLite refuses rolls the whole group back, and each request of it gets
//! that error; the books are read from disk again, and from then on nothing more is granted, while settlements may be tried.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::crash;
use crate::domain::ports::{Clock, LedgerError};
use crate::ledger::books::Books;
use crate::ledger::store;
use crate::ledger::transact::{Desk, Session};

/// Most requests that share one commit.
const GROUP: usize = 1024;

/// Why a request came to nothing.
pub(super) enum Stop {
    /// Its own fault; it has written nothing.
    Refused(LedgerError),
    /// SQLite's; nothing of the group may stand.
    Broken(rusqlite::Error),
}

impl From<LedgerError> for Stop {
    fn from(error: LedgerError) -> Self {
        Stop::Refused(error)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Stop::Broken(error)
    }
}

/// A request on its way through a group.
pub(super) trait Job: Send {
    fn run(&mut self, desk: &mut Desk<'_>) -> rusqlite::Result<()>;
    /// What is left to do outside any transaction once the group was committed. Must change no content.
    fn after(&mut self, _db: &Connection) -> rusqlite::Result<()> {
        Ok(())
    }
    /// Told once, after the group was committed or rolled back.
    fn answer(self: Box<Self>, committed: Result<(), LedgerError>);
}

/// A closure as a [`Job`].
pub(super) struct Errand<T, F> {
    work: Option<F>,
    result: Option<Result<T, LedgerError>>,
    reply: oneshot::Sender<Result<T, LedgerError>>,
}

impl<T, F> Errand<T, F> {
    pub(super) fn new(work: F, reply: oneshot::Sender<Result<T, LedgerError>>) -> Self {
        Errand { work: Some(work), result: None, reply }
    }
}

impl<T, F> Job for Errand<T, F>
where
    T: Send,
    F: FnOnce(&mut Desk<'_>) -> Result<T, Stop> + Send,
{
    fn run(&mut self, desk: &mut Desk<'_>) -> rusqlite::Result<()> {
        let Some(work) = self.work.take() else { return Ok(()) };
        self.result = Some(match work(desk) {
            Ok(value) => Ok(value),
            Err(Stop::Refused(why)) => Err(why),
            Err(Stop::Broken(error)) => return Err(error),
        });
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), LedgerError>) {
        let answer = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Err(error), _) => Err(error),
            (Ok(()), None) => return,
        };
        // Whoever asked may have given up waiting; the effect stands all the same.
        let _ = self.reply.send(answer);
    }
}

pub(super) struct Writer {
    path: PathBuf,
    db: Connection,
    clock: Arc<dyn Clock>,
    /// None after a failed commit, until it is read again.
    books: Option<Books>,
    session: Session,
}

impl Writer {
    pub(super) fn new(path: PathBuf, db: Connection, clock: Arc<dyn Clock>) -> rusqlite::Result<Self> {
        let books = Books::load(&db)?;
        Ok(Writer { path, db, clock, books: Some(books), session: Session::default() })
    }

    pub(super) fn serve(mut self, inbox: Receiver<Box<dyn Job>>) {
        while let Ok(first) = inbox.recv() {
            let mut group = vec![first];
            group.extend(inbox.try_iter().take(GROUP - 1));
            let committed = self.commit(&mut group);
            for mut job in group {
                let ended = committed.clone().and_then(|()| {
                    job.after(&self.db).map_err(|error| LedgerError::Failed(store::failure(&self.path, &error)))
                });
                job.answer(ended);
            }
        }
    }

    /// Runs one piece of work outside the queue, for the start.
    pub(super) fn now<T>(&mut self, work: impl FnOnce(&mut Desk<'_>) -> Result<T, Stop>) -> Result<T, Stop> {
        let mut books = self.books.take().map_or_else(|| Books::load(&self.db), Ok)?;
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let mut desk = Desk { db: &self.db, books: &mut books, session: &mut self.session, clock: self.clock.as_ref() };
        let value = work(&mut desk)?;
        books.flush(&self.db)?;
        crash::point("ledger.written");
        if crash::refuses("ledger.refuses") {
            return Err(Stop::Broken(store::disk_full()));
        }
        self.db.execute_batch("COMMIT")?;
        crash::point("ledger.committed");
        self.books = Some(books);
        Ok(value)
    }

    fn commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), LedgerError> {
        let done = self.now(|desk| {
            for job in group {
                job.run(desk)?;
            }
            Ok(())
        });
        match done {
            Ok(()) => Ok(()),
            Err(stop) => Err(self.roll_back(stop)),
        }
    }

    fn roll_back(&mut self, stop: Stop) -> LedgerError {
        let error = match stop {
            Stop::Refused(error) => error,
            Stop::Broken(error) => LedgerError::Failed(store::failure(&self.path, &error)),
        };
        if !self.db.is_autocommit()
            && let Err(again) = self.db.execute_batch("ROLLBACK")
        {
            tracing::error!("the ledger could not roll back: {again}");
        }
        self.session.poison(&error.to_string());
        error
    }
}
