//! A ledger in memory, on the test's own runtime: as strict as the real one, and it writes down what a lane must never do.
//!
//! A paused tokio clock runs ahead while a thread outside the runtime works, so that the real ledger cannot be used here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::script::Store;
use crate::domain::call::{
    CallEntry, CallFilter, Decision, DoubtEntry, DoubtFilter, Limit, Opened, Opening, Outcome, Scope, Settlement,
    Shortage, Standing, Totals, View,
};
use crate::domain::freshness::{Day, Reuse, Stamp};
use crate::domain::ids::{ApiId, CallId, OwnerId, RunId};
use crate::domain::money::Money;
use crate::domain::ports::{Ledger, LedgerError};
use crate::domain::review::{Invocation, Review, Ruler};
use crate::domain::run::{Run, RunInfo, RunKey, Start, Terms};
use crate::domain::status::Status;
use crate::domain::subject::Subject;

#[derive(Default)]
pub(super) struct Books {
    last_call: i64,
    open: HashMap<CallId, Opening>,
    settled: HashMap<CallId, Outcome>,
    /// The call that speaks for a subject.
    pub(super) standing: HashMap<Subject, Outcome>,
    pub(super) outcomes: BTreeMap<&'static str, u64>,
    pub(super) totals: Totals,
    pub(super) withdrawn: u64,
    /// Most calls open at a time.
    pub(super) most_open: usize,
    /// Openings asked for.
    pub(super) openings: u64,
    /// What the lane must never do, and did.
    pub(super) violations: Vec<String>,
    pub(super) failed_at: Option<Duration>,
}

impl Books {
    pub(super) fn is_open(&self, subject: Subject) -> bool {
        self.open.values().any(|opening| opening.subject == subject)
    }

    fn check(&mut self) {
        let t = self.totals;
        if t.calls != t.open + t.billed + t.unbilled + t.unbilled_assumed + t.in_doubt
            || t.open != self.open.len() as u64
        {
            self.violations.push(format!("the totals do not add up: {t:?}"));
        }
        self.most_open = self.most_open.max(self.open.len());
    }
}

#[derive(Clone)]
pub(super) struct MemoryLedger {
    store: Store,
    origin: Instant,
    subjects: Arc<HashMap<Subject, u32>>,
    books: Arc<Mutex<Books>>,
}

impl MemoryLedger {
    /// `subjects` in the order of the input.
    pub(super) fn new(store: Store, subjects: impl Iterator<Item = Subject>) -> Self {
        let subjects = subjects.zip(0..).collect();
        MemoryLedger { store, origin: Instant::now(), subjects: Arc::new(subjects), books: Arc::default() }
    }

    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One commit on the disk of the scenario.
    async fn commit(&self) {
        if let Some(every) = self.store.stall_every {
            let into = self.origin.elapsed().as_nanos() % every.0.as_nanos();
            let (into, stall) = (Duration::from_nanos(u64::try_from(into).unwrap_or_default()), self.store.stall.0);
            if into < stall {
                sleep(stall - into).await;
            }
        }
        sleep(self.store.commit.0).await;
    }

    /// What cannot be stored once cannot be stored any more; where only opening fails, ends are still taken.
    fn is_broken(&self, books: &Books) -> Result<(), LedgerError> {
        match books.failed_at.filter(|_| self.store.settle_fails_from.is_some()) {
            Some(_) => Err(LedgerError::Failed("nothing more is sent, since the ledger failed before".to_owned())),
            None => Ok(()),
        }
    }

    fn fail(&self, books: &mut Books) -> LedgerError {
        books.failed_at = Some(self.origin.elapsed());
        LedgerError::Failed("disk I/O error".to_owned())
    }

    fn decide(&self, books: &mut Books, opening: &Opening) -> Opened {
        books.openings += 1;
        let nth = self.subjects.get(&opening.subject).copied().unwrap_or(u32::MAX);
        if books.is_open(opening.subject) || (nth < self.store.busy && self.origin.elapsed() < self.store.busy_until.0)
        {
            return Opened::Busy;
        }
        if nth < self.store.answered {
            return Opened::Settled(Status::Ok);
        }
        match books.standing.get(&opening.subject).and_then(|outcome| outcome.status()) {
            Some(Status::InDoubt) => return Opened::Blocked(Status::InDoubt),
            Some(status) => return Opened::Settled(status),
            None => {}
        }
        let pending = books.open.len() as u64;
        if self.store.max_calls.is_some_and(|most| books.totals.calls >= most) {
            return Opened::NoBudget(Shortage { limit: Limit::MaxCalls, pending });
        }
        if self.store.budget.is_some_and(|most| books.totals.committed() + opening.price > most) {
            return Opened::NoBudget(Shortage { limit: Limit::Budget, pending });
        }
        books.last_call += 1;
        let call = CallId(books.last_call);
        books.open.insert(call, opening.clone());
        books.totals.calls += 1;
        books.totals.open += 1;
        books.totals.reserved += opening.price;
        Opened::Granted(call)
    }

    fn close(books: &mut Books, end: &Settlement) {
        let Some(opening) = books.open.remove(&end.call) else {
            if books.settled.get(&end.call) != Some(&end.outcome) {
                books.violations.push(format!("call {} was settled as {:?} but is not open", end.call, end.outcome));
            }
            return;
        };
        books.settled.insert(end.call, end.outcome);
        books.totals.open -= 1;
        books.totals.reserved -= opening.price;
        let (name, count, money) = match end.outcome {
            Outcome::Paid => ("ok", &mut books.totals.billed, Some(&mut books.totals.spent)),
            Outcome::Doubt => ("in_doubt", &mut books.totals.in_doubt, Some(&mut books.totals.at_stake)),
            _ if end.assumed => ("assumed", &mut books.totals.unbilled_assumed, Some(&mut books.totals.held)),
            Outcome::NoRecord => ("no_record", &mut books.totals.unbilled, None),
            Outcome::Rejected => ("rejected", &mut books.totals.unbilled, None),
            Outcome::Failed => ("failed", &mut books.totals.unbilled, None),
            Outcome::Unpaid => ("unpaid", &mut books.totals.unbilled, None),
        };
        *count += 1;
        if let Some(money) = money {
            *money += opening.price;
        }
        *books.outcomes.entry(name).or_default() += 1;
        let before = books.standing.insert(opening.subject, end.outcome);
        if before.is_some_and(|before| before != Outcome::Unpaid) {
            books.violations.push(format!("call {} asked about a subject that stands as {before:?}", end.call));
        }
    }
}

fn not_here<T>() -> Result<T, LedgerError> {
    Err(LedgerError::Failed("no part of the scenarios".to_owned()))
}

impl Ledger for MemoryLedger {
    async fn begin(&self, _key: RunKey, _start: Start, _terms: Terms) -> Result<Run, LedgerError> {
        let began = Stamp(0);
        Ok(Run { id: RunId(1), began, owner: OwnerId(1), window: Reuse::Month.window(began), resumed: false })
    }

    async fn heartbeat(&self, _owner: OwnerId) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn adopt_orphans(&self, _run: RunId) -> Result<u64, LedgerError> {
        Ok(0)
    }

    async fn look_up(&self, _view: View, _subjects: Vec<Subject>) -> Result<Vec<Standing>, LedgerError> {
        not_here()
    }

    async fn open(&self, _run: RunId, _api: ApiId, openings: Vec<Opening>) -> Result<Vec<Opened>, LedgerError> {
        self.commit().await;
        let mut books = self.books();
        self.is_broken(&books)?;
        if self.store.clock_behind_from.is_some_and(|from| self.origin.elapsed() >= from.0) {
            return Err(LedgerError::ClockBehind { now: "earlier".to_owned(), newest: "later".to_owned() });
        }
        if self.store.open_fails_from.is_some_and(|call| books.last_call >= call) {
            return Err(self.fail(&mut books));
        }
        let opened = openings.iter().map(|opening| self.decide(&mut books, opening)).collect();
        books.check();
        Ok(opened)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), LedgerError> {
        self.commit().await;
        let mut books = self.books();
        self.is_broken(&books)?;
        if self.store.settle_fails_from.is_some_and(|from| settlements.iter().any(|end| end.call.0 >= from)) {
            return Err(self.fail(&mut books));
        }
        for settlement in &settlements {
            Self::close(&mut books, settlement);
        }
        books.check();
        Ok(())
    }

    async fn withdraw(&self, calls: Vec<CallId>) -> Result<(), LedgerError> {
        self.commit().await;
        let mut books = self.books();
        self.is_broken(&books)?;
        for call in calls {
            match books.open.remove(&call) {
                Some(opening) => {
                    books.withdrawn += 1;
                    books.totals.calls -= 1;
                    books.totals.open -= 1;
                    books.totals.reserved -= opening.price;
                }
                None => books.violations.push(format!("call {call} was withdrawn but is not open")),
            }
        }
        books.check();
        Ok(())
    }

    async fn doubts(
        &self,
        _filter: DoubtFilter,
        _cursor: Option<CallId>,
        _limit: usize,
    ) -> Result<Vec<DoubtEntry>, LedgerError> {
        not_here()
    }

    async fn decide(&self, _calls: Vec<CallId>, _decision: Decision) -> Result<(), LedgerError> {
        not_here()
    }

    async fn calls(
        &self,
        _filter: CallFilter,
        _cursor: Option<CallId>,
        _limit: usize,
    ) -> Result<Vec<CallEntry>, LedgerError> {
        not_here()
    }

    async fn forget(&self, _before: Day) -> Result<u64, LedgerError> {
        not_here()
    }

    async fn totals(&self, _scope: Scope) -> Result<Totals, LedgerError> {
        Ok(self.books().totals)
    }

    async fn finish(&self, _run: RunId, _exit_code: u8, _finished: bool) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn invocations(&self, _run: RunId) -> Result<Vec<Invocation>, LedgerError> {
        not_here()
    }

    async fn review(&self, _run: RunId, _ruler: Ruler) -> Result<Review, LedgerError> {
        not_here()
    }

    async fn runs(&self) -> Result<Vec<RunInfo>, LedgerError> {
        Ok(Vec::new())
    }
}

/// What every call costs in a scenario.
pub(super) fn price() -> Money {
    "0.05".parse().unwrap_or_default()
}
