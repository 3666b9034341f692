//! Tests of the ledger as a whole, on real files, with a clock that the test sets.

mod calendar;
mod decisions;
mod doubts;
mod durability;
mod files;
mod forget;
mod lookups;
mod model;
mod review;
mod speed;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tempfile::TempDir;

use crate::domain::call::{Opened, Opening, Outcome, Scope, Settlement, Standing, Totals, View};
use crate::domain::freshness::{Reuse, Stamp, Window};
use crate::domain::ids::{ApiId, CallId, RunId};
use crate::domain::money::Money;
use crate::domain::ports::{Clock, Ledger, LedgerError};
use crate::domain::run::{LedgerKind, Run, RunKey, Start, Terms};
use crate::domain::status::Status;
use crate::domain::subject::Subject;
use crate::ledger::{OpenError, SqliteLedger};

/// 2026-11-21T04:00:00Z
pub(super) const NOON: i64 = 1_795_233_600_000;

pub(super) struct TestClock(AtomicI64);

impl TestClock {
    pub(super) fn set(&self, ms: i64) {
        self.0.store(ms, Ordering::SeqCst);
    }

    pub(super) fn forward(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Stamp {
        Stamp(self.0.load(Ordering::SeqCst))
    }
}

/// A folder with a ledger in it.
pub(super) struct Bench {
    pub(super) folder: TempDir,
    pub(super) clock: Arc<TestClock>,
    pub(super) ledger: SqliteLedger,
}

pub(super) fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock(AtomicI64::new(NOON)));
    let ledger = SqliteLedger::open(&folder.path().join("calls.db"), LedgerKind::Sandbox, clock.clone()).unwrap();
    Bench { folder, clock, ledger }
}

impl Bench {
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("calls.db")
    }

    /// What a killed process leaves behind: the file as it is, and a new process that knows nothing else.
    pub(super) fn restart(self) -> Bench {
        self.try_restart().unwrap()
    }

    pub(super) fn try_restart(self) -> Result<Bench, OpenError> {
        let Bench { folder, clock, ledger } = self;
        drop(ledger);
        let ledger = SqliteLedger::open(&folder.path().join("calls.db"), LedgerKind::Sandbox, clock.clone())?;
        Ok(Bench { folder, clock, ledger })
    }

    pub(super) async fn begin(&self, key: RunKey) -> Run {
        self.begin_with(key, Terms::default()).await
    }

    pub(super) async fn begin_with(&self, key: RunKey, terms: Terms) -> Run {
        self.ledger.begin(key, Start::ResumeOrBegin, terms).await.unwrap()
    }

    pub(super) async fn open(&self, run: &Run, n: u32) -> Opened {
        self.ledger.open(run.id, api(), vec![opening(n)]).await.unwrap().remove(0)
    }

    pub(super) async fn grant(&self, run: &Run, n: u32) -> CallId {
        match self.open(run, n).await {
            Opened::Granted(call) => call,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn settle(&self, call: CallId, outcome: Outcome) {
        self.ledger.settle(vec![settlement(call, outcome)]).await.unwrap();
    }

    /// A call of the run that ended like this.
    pub(super) async fn ask(&self, run: &Run, n: u32, outcome: Outcome) -> CallId {
        let call = self.grant(run, n).await;
        self.settle(call, outcome).await;
        call
    }

    pub(super) async fn totals(&self) -> Totals {
        self.ledger.totals(Scope::default()).await.unwrap()
    }

    pub(super) async fn totals_of(&self, run: RunId) -> Totals {
        self.ledger.totals(Scope { run: Some(run), ..Scope::default() }).await.unwrap()
    }

    pub(super) async fn standing(&self, run: Option<RunId>, window: Window, n: u32) -> Standing {
        let view = View { api: api(), run, window, closed: None };
        self.ledger.look_up(view, vec![subject(n)]).await.unwrap().remove(0)
    }

    /// Lets every settlement fail inside SQLite from now on, or no longer.
    pub(super) async fn break_settlements(&self, broken: bool) {
        let sql = if broken {
            "CREATE TEMP TRIGGER broken BEFORE INSERT ON call BEGIN SELECT RAISE(FAIL, 'disk I/O error'); END"
        } else {
            "DROP TRIGGER broken"
        };
        self.ledger.write(move |desk| Ok(desk.db.execute_batch(sql)?)).await.unwrap();
    }
}

pub(super) fn api() -> ApiId {
    ApiId::new("ctcc-call-duration")
}

pub(super) fn key(input: u8) -> RunKey {
    RunKey { input_digest: [input; 32], apis: vec![api()], reuse: Reuse::Month, input_name: format!("{input}.csv") }
}

pub(super) fn days(input: u8, days: u32) -> RunKey {
    RunKey { reuse: Reuse::Days(days), ..key(input) }
}

pub(super) fn subject(n: u32) -> Subject {
    let digits = format!("139{n:08}");
    crate::domain::subject::Number::from_digits(digits.as_bytes()).unwrap().subject()
}

pub(super) fn yuan(text: &str) -> Money {
    text.parse().unwrap()
}

pub(super) fn opening(n: u32) -> Opening {
    Opening { subject: subject(n), record: u64::from(n) + 1, price: yuan("0.05"), attempt: 1 }
}

pub(super) fn settlement(call: CallId, outcome: Outcome) -> Settlement {
    Settlement {
        call,
        outcome,
        assumed: false,
        code: Some(0),
        reason: "成功".to_owned(),
        order_id: Some(format!("20261121{:014}", call.0)),
        fields: vec!["1".to_owned(), "2".to_owned(), "3".to_owned(), "4".to_owned()],
        took_ms: 180,
    }
}
