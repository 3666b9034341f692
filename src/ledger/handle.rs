//! [`SqliteLedger`]: what the passes hold. It hands each request to the writer's or the reader's thread and awaits the answer.
//!
//! Invariants: write requests return after their commit; a settlement that could not be committed is in the rescue file before
//! the error returns. The threads end, and the write-ahead log is folded back, when the last handle is dropped. How it fails:
//! with [`OpenError`] at the start, later with [`LedgerError`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::crash;
use crate::domain::call::{
    CallEntry, CallFilter, Decision, DoubtEntry, DoubtFilter, Opened, Opening, Scope, Settlement, Standing, Totals,
    View,
};
use crate::domain::freshness::Day;
use crate::domain::ids::{ApiId, CallId, OwnerId, RunId};
use crate::domain::ports::{Clock, Ledger, LedgerError};
use crate::domain::review::{Invocation, Review, Ruler};
use crate::domain::run::{LedgerKind, Run, RunInfo, RunKey, Start, Terms};
use crate::domain::subject::Subject;
use crate::ledger::reader::{Query, Reader};
use crate::ledger::reports;
use crate::ledger::rescue::{self, Absorbed, End, Rescued};
use crate::ledger::review;
use crate::ledger::store::{self, Identity, OpenError};
use crate::ledger::transact::{self, Desk, Forget};
use crate::ledger::worker::Worker;
use crate::ledger::writer::{Errand, Job, Stop, Writer};

/// A ledger in one SQLite file. Cheap to clone; the file is closed with the last clone.
#[derive(Clone)]
pub struct SqliteLedger {
    inner: Arc<Inner>,
}

/// The reader is dropped first: the connection that closes last folds the write-ahead log back, and only the writer's may.
struct Inner {
    path: PathBuf,
    identity: Identity,
    absorbed: Option<Absorbed>,
    reader: Worker<Query>,
    writer: Option<Worker<Box<dyn Job>>>,
    /// One rescue at a time, so that lines do not mix.
    rescue: Mutex<()>,
}

impl SqliteLedger {
    /// Opens the ledger, making it where there is none, and takes in what a rescue file holds. The caller holds the
    /// [`RunLock`](crate::ledger::RunLock) of this ledger.
    pub fn open(path: &Path, kind: LedgerKind, clock: Arc<dyn Clock>) -> Result<SqliteLedger, OpenError> {
        let opened = store::open_for_writing(path, kind, clock.now())?;
        SqliteLedger::serve(path, opened, clock)
    }

    /// The same for a ledger that is there already, whatever it is stamped.
    pub fn open_existing(path: &Path, clock: Arc<dyn Clock>) -> Result<SqliteLedger, OpenError> {
        let opened = store::open_existing_for_writing(path)?;
        SqliteLedger::serve(path, opened, clock)
    }

    fn serve(
        path: &Path,
        (db, identity): (Connection, Identity),
        clock: Arc<dyn Clock>,
    ) -> Result<SqliteLedger, OpenError> {
        let mut writer = Writer::new(path.to_owned(), db, clock).map_err(|error| OpenError::sqlite(path, &error))?;
        let absorbed = absorb(path, &identity.uid, &mut writer)?;
        rescue::reserve(path).map_err(|error| OpenError::io(path, &error))?;
        let (read_db, _) = store::open_for_reading(path)?;
        let spawned = |error: std::io::Error| OpenError::io(path, &error);
        let writer = Worker::spawn("ledger-writer", move |inbox| writer.serve(inbox)).map_err(spawned)?;
        let reader = Reader::new(read_db);
        let reader = Worker::spawn("ledger-reader", move |inbox| reader.serve(inbox)).map_err(spawned)?;
        Ok(SqliteLedger::from_parts(path, identity, absorbed, reader, Some(writer)))
    }

    /// Opens an existing ledger for reading, also while a run is on. Requests that write are refused.
    pub fn open_existing_read_only(path: &Path) -> Result<SqliteLedger, OpenError> {
        let (db, identity) = store::open_for_reading(path)?;
        let reader = Reader::new(db);
        let reader = Worker::spawn("ledger-reader", move |inbox| reader.serve(inbox))
            .map_err(|error| OpenError::io(path, &error))?;
        Ok(SqliteLedger::from_parts(path, identity, None, reader, None))
    }

    fn from_parts(
        path: &Path,
        identity: Identity,
        absorbed: Option<Absorbed>,
        reader: Worker<Query>,
        writer: Option<Worker<Box<dyn Job>>>,
    ) -> Self {
        let rescue = Mutex::new(());
        SqliteLedger { inner: Arc::new(Inner { path: path.to_owned(), identity, absorbed, reader, writer, rescue }) }
    }

    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    pub fn kind(&self) -> LedgerKind {
        self.inner.identity.kind
    }

    /// What this start took in from a rescue file.
    pub fn absorbed(&self) -> Option<Absorbed> {
        self.inner.absorbed
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk<'_>) -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (reply, answer) = oneshot::channel();
        self.hand_in(Box::new(Errand::new(work, reply)))?;
        answer.await.map_err(|_| self.gone())?
    }

    fn hand_in(&self, job: Box<dyn Job>) -> Result<(), LedgerError> {
        match &self.inner.writer {
            Some(writer) => writer.send(job).map_err(|_| self.gone()),
            None => {
                let path = self.path().display();
                Err(LedgerError::Failed(format!("the ledger {path} was opened for reading only")))
            }
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Reader) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let query: Query = Box::new(move |reader| {
            // Whoever asked may have given up waiting.
            let _ = reply.send(reader.read(work));
        });
        self.inner.reader.send(query).map_err(|_| self.gone())?;
        let result = answer.await.map_err(|_| self.gone())?;
        result.map_err(|error| LedgerError::Failed(store::failure(self.path(), &error)))
    }

    fn gone(&self) -> LedgerError {
        let path = self.path().display();
        LedgerError::Failed(format!("the ledger {path} stopped working in mid-run; run the same command again"))
    }

    /// Keeps ends of calls that the ledger refused; says where they are.
    fn rescue(&self, ends: &[End], error: LedgerError) -> LedgerError {
        let _one_at_a_time = self.inner.rescue.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, uid) = (ends.len(), &self.inner.identity.uid);
        LedgerError::Failed(match rescue::append(self.path(), uid, ends) {
            Ok(path) => {
                format!("{error}. {count} answer(s) are safe in {}; the next start takes them in", path.display())
            }
            Err(why) => {
                let path = rescue::path_of(self.path());
                // The last place where an answer can go: whoever reads the log can put the line into that file.
                let lines = rescue::lines(uid, ends).unwrap_or_default();
                tracing::error!("to be put into {}: {}", path.display(), String::from_utf8_lossy(&lines).trim_end());
                format!(
                    "{error}. AND THE RESCUE FILE {} CANNOT BE WRITTEN EITHER ({why}): {count} answer(s), perhaps paid, are lost to \
                     this ledger, and only in the log; they will be listed as doubts",
                    path.display()
                )
            }
        })
    }
}

/// The room for rescued answers goes with the ledger that it was reserved for.
impl Drop for Inner {
    fn drop(&mut self) {
        if self.writer.is_some() {
            rescue::release(&self.path);
        }
    }
}

/// Ends the calls whose ends an earlier invocation could not store, before any orphan is adopted.
fn absorb(path: &Path, uid: &str, writer: &mut Writer) -> Result<Option<Absorbed>, OpenError> {
    let Some(Rescued { settlements, withdrawn, torn }) = rescue::read(path, uid)? else { return Ok(None) };
    let refuse = |why: String| OpenError::Rescue { path: rescue::path_of(path), why };
    let strangers = writer.now(|desk| {
        transact::withdraw(desk, &withdrawn)?;
        transact::settle(desk, &settlements)
    });
    let strangers = strangers.map_err(|stop| match stop {
        Stop::Refused(why) => refuse(why.to_string()),
        Stop::Broken(error) => OpenError::sqlite(path, &error),
    })?;
    if let Some(call) = strangers.first() {
        return Err(refuse(format!(
            "it holds call {call}, which this ledger does not know; if an older copy of the ledger was restored, bring back the newer one"
        )));
    }
    crash::point("rescue.absorbed");
    rescue::clear(path)?;
    crash::point("rescue.cleared");
    Ok(Some(Absorbed { settlements: settlements.len(), torn }))
}

impl Ledger for SqliteLedger {
    async fn begin(&self, key: RunKey, start: Start, terms: Terms) -> Result<Run, LedgerError> {
        self.write(move |desk| transact::begin(desk, &key, start, terms)).await
    }

    async fn heartbeat(&self, owner: OwnerId) -> Result<(), LedgerError> {
        self.write(move |desk| transact::heartbeat(desk, owner)).await
    }

    /// Under the lock all other owners are dead, those of other runs too.
    async fn adopt_orphans(&self, _run: RunId) -> Result<u64, LedgerError> {
        self.write(transact::adopt_orphans).await
    }

    async fn look_up(&self, view: View, subjects: Vec<Subject>) -> Result<Vec<Standing>, LedgerError> {
        self.read(move |reader| reader.look_up(&view, &subjects)).await
    }

    async fn open(&self, run: RunId, api: ApiId, openings: Vec<Opening>) -> Result<Vec<Opened>, LedgerError> {
        self.write(move |desk| transact::open(desk, run, &api, &openings)).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        let settlements = Arc::new(settlements);
        let batch = Arc::clone(&settlements);
        match self.write(move |desk| transact::settle(desk, &batch)).await {
            Ok(strangers) => match strangers.first() {
                None => Ok(()),
                Some(call) => Err(LedgerError::Failed(format!(
                    "call {call} was never opened in the ledger {}, or was withdrawn",
                    self.path().display()
                ))),
            },
            Err(error) if self.inner.writer.is_some() => {
                let ends: Vec<_> = settlements.iter().cloned().map(End::Settled).collect();
                Err(self.rescue(&ends, error))
            }
            Err(error) => Err(error),
        }
    }

    async fn withdraw(&self, calls: Vec<CallId>) -> Result<(), LedgerError> {
        let ends: Vec<_> = calls.iter().copied().map(End::Withdrawn).collect();
        match self.write(move |desk| transact::withdraw(desk, &calls)).await {
            Err(error) if self.inner.writer.is_some() => Err(self.rescue(&ends, error)),
            done => done,
        }
    }

    async fn doubts(
        &self,
        filter: DoubtFilter,
        cursor: Option<CallId>,
        limit: usize,
    ) -> Result<Vec<DoubtEntry>, LedgerError> {
        self.read(move |reader| reports::doubts(reader.db(), &filter, cursor, limit)).await
    }

    async fn decide(&self, calls: Vec<CallId>, decision: Decision) -> Result<(), LedgerError> {
        self.write(move |desk| transact::decide(desk, &calls, decision)).await
    }

    async fn calls(
        &self,
        filter: CallFilter,
        cursor: Option<CallId>,
        limit: usize,
    ) -> Result<Vec<CallEntry>, LedgerError> {
        self.read(move |reader| reports::calls(reader.db(), &filter, cursor, limit)).await
    }

    async fn forget(&self, before: Day) -> Result<u64, LedgerError> {
        let (reply, answer) = oneshot::channel();
        self.hand_in(Box::new(Forget::new(before, reply)))?;
        answer.await.map_err(|_| self.gone())?
    }

    async fn totals(&self, scope: Scope) -> Result<Totals, LedgerError> {
        self.read(move |reader| reports::totals(reader.db(), &scope)).await
    }

    async fn finish(&self, run: RunId, exit_code: u8, finished: bool) -> Result<(), LedgerError> {
        self.write(move |desk| transact::finish(desk, run, exit_code, finished)).await
    }

    async fn invocations(&self, run: RunId) -> Result<Vec<Invocation>, LedgerError> {
        self.read(move |reader| review::invocations(reader.db(), run)).await
    }

    async fn review(&self, run: RunId, ruler: Ruler) -> Result<Review, LedgerError> {
        self.read(move |reader| review::review(reader.db(), run, ruler)).await
    }

    async fn runs(&self) -> Result<Vec<RunInfo>, LedgerError> {
        self.read(|reader| reports::runs(reader.db())).await
    }
}
