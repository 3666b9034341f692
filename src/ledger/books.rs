//! What the writer keeps in memory so that `open` costs one index look-up: open calls, running totals, the newest stamp.
//!
//! Invariants: between two groups of requests it equals what is on disk. Totals change only through [`Books::post`], which also
//! keeps the sums by run, month and day that the limits are judged by; rows that changed are written by [`Books::flush`] before
//! the commit. Its maps are small trees: at every call ten of them are looked into, and hashing the keys took longer than
//! finding them. How it fails: after a failed commit it is thrown away and loaded anew; [`Books::load`] reports SQLite's error.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::domain::call::Totals;
use crate::domain::freshness::{Day, Month, Stamp, Window};
use crate::domain::ids::{ApiId, CallId, OwnerId, RunId};
use crate::domain::money::Money;
use crate::domain::subject::Subject;
use crate::ledger::rows::{Count, SubjectColumn};
use crate::ledger::{reports, tally};

/// How many reasons are remembered by text; vendors may put anything into theirs.
const REASONS: usize = 512;

/// An intent without a settlement.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenCall {
    pub(super) api: i64,
    pub(super) owner: OwnerId,
    pub(super) subject: Subject,
    pub(super) record: u64,
    pub(super) at: Stamp,
    pub(super) price: Money,
    /// A doubt about the subject was released before: if this call is paid, it may be the second time.
    pub(super) after_release: bool,
}

/// One row of the running totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Page {
    pub(super) run: RunId,
    pub(super) api: i64,
    pub(super) day: Day,
}

/// What the limits of a run are judged by.
#[derive(Clone, Copy, Debug, Default)]
struct RunSum {
    calls: u64,
    committed: Money,
}

#[derive(Debug, Default)]
pub(super) struct Books {
    apis: BTreeMap<ApiId, i64>,
    reasons: BTreeMap<String, i64>,
    owners: BTreeMap<OwnerId, RunId>,
    windows: BTreeMap<RunId, Window>,
    /// Doubts that each run was allowed to ask again.
    pub(super) released: BTreeMap<RunId, u64>,
    open: BTreeMap<CallId, OpenCall>,
    busy: BTreeSet<(i64, Subject)>,
    next_call: i64,
    pub(super) newest: Stamp,
    pages: BTreeMap<Page, Totals>,
    changed: BTreeSet<Page>,
    by_run: BTreeMap<RunId, RunSum>,
    by_month: BTreeMap<Month, Money>,
    by_day: BTreeMap<Day, u64>,
}

impl Books {
    pub(super) fn load(db: &Connection) -> rusqlite::Result<Books> {
        let mut books = Books::default();
        for_each(db, "SELECT id, name FROM api", |row| {
            books.apis.insert(ApiId::new(row.get_ref(1)?.as_str()?), row.get(0)?);
            Ok(())
        })?;
        for_each(db, "SELECT id, run FROM owner", |row| {
            books.owners.insert(OwnerId(row.get(0)?), RunId(row.get(1)?));
            Ok(())
        })?;
        for info in reports::run_rows(db)? {
            books.windows.insert(info.info.id, info.info.window);
            books.released.insert(info.info.id, info.released);
        }
        let sql = "SELECT id, api, owner, subject, record, at, price, after_release FROM open_call";
        for_each(db, sql, |row| {
            let call = open_call(row)?;
            books.busy.insert((call.api, call.subject));
            books.open.insert(CallId(row.get(0)?), call);
            Ok(())
        })?;
        for_each(db, &format!("SELECT {}, run, api, day FROM total", reports::TOTALS), |row| {
            let page = Page { run: RunId(row.get("run")?), api: row.get("api")?, day: Day(row.get("day")?) };
            let totals = reports::totals_of(row)?;
            books.pages.insert(page, totals);
            books.add_up(page, Totals::default(), totals);
            Ok(())
        })?;
        books.next_call = next_call(db)?;
        books.newest = newest(db)?;
        Ok(books)
    }

    pub(super) fn run_of(&self, owner: OwnerId) -> Option<RunId> {
        self.owners.get(&owner).copied()
    }

    pub(super) fn window_of(&self, run: RunId) -> Option<Window> {
        self.windows.get(&run).copied()
    }

    pub(super) fn enter_run(&mut self, run: RunId, owner: OwnerId, window: Window) {
        self.windows.insert(run, window);
        self.owners.insert(owner, run);
    }

    /// The ledger's own number of an API.
    pub(super) fn api(&mut self, db: &Connection, api: &ApiId) -> rusqlite::Result<i64> {
        if let Some(id) = self.apis.get(api) {
            return Ok(*id);
        }
        db.execute("INSERT INTO api (name) VALUES (?1)", [api.as_str()])?;
        let id = db.last_insert_rowid();
        self.apis.insert(api.clone(), id);
        Ok(id)
    }

    /// The number of a reason; none for an empty one.
    pub(super) fn reason(&mut self, db: &Connection, text: &str) -> rusqlite::Result<Option<i64>> {
        if text.is_empty() {
            return Ok(None);
        }
        if let Some(id) = self.reasons.get(text) {
            return Ok(Some(*id));
        }
        let known = db
            .prepare_cached("SELECT id FROM reason WHERE text = ?1")?
            .query_row([text], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => db.prepare_cached("INSERT INTO reason (text) VALUES (?1)")?.insert([text])?,
        };
        if self.reasons.len() >= REASONS {
            self.reasons.clear();
        }
        self.reasons.insert(text.to_owned(), id);
        Ok(Some(id))
    }

    /// After reasons were dropped from disk.
    pub(super) fn forget_reasons(&mut self) {
        self.reasons.clear();
    }

    pub(super) fn is_busy(&self, api: i64, subject: Subject) -> bool {
        self.busy.contains(&(api, subject))
    }

    /// Numbers an intent and holds its subject.
    pub(super) fn hold(&mut self, call: OpenCall) -> CallId {
        let id = CallId(self.next_call);
        self.next_call += 1;
        self.busy.insert((call.api, call.subject));
        self.open.insert(id, call);
        id
    }

    /// Ends an open call; none if it is not open.
    pub(super) fn take(&mut self, id: CallId) -> Option<OpenCall> {
        let call = self.open.remove(&id)?;
        self.busy.remove(&(call.api, call.subject));
        Some(call)
    }

    pub(super) fn is_open(&self, id: CallId) -> bool {
        self.open.contains_key(&id)
    }

    pub(super) fn open_calls(&self) -> impl Iterator<Item = (CallId, &OpenCall)> {
        self.open.iter().map(|(id, call)| (*id, call))
    }

    pub(super) fn next_call(&self) -> i64 {
        self.next_call
    }

    /// Changes one row of the totals, and the sums over it.
    pub(super) fn post(&mut self, page: Page, change: impl FnOnce(&mut Totals)) {
        let totals = self.pages.entry(page).or_default();
        let before = *totals;
        change(totals);
        let after = *totals;
        self.changed.insert(page);
        self.add_up(page, before, after);
    }

    fn add_up(&mut self, page: Page, before: Totals, after: Totals) {
        let run = self.by_run.entry(page.run).or_default();
        run.calls = run.calls - before.calls + after.calls;
        run.committed = run.committed - before.committed() + after.committed();
        let month = self.by_month.entry(page.day.start().month()).or_default();
        *month = *month - before.committed() + after.committed();
        let day = self.by_day.entry(page.day).or_default();
        *day = *day - before.calls + after.calls;
    }

    pub(super) fn calls_of_run(&self, run: RunId) -> u64 {
        self.by_run.get(&run).map_or(0, |sum| sum.calls)
    }

    /// What counts against the run's budget.
    pub(super) fn committed_by_run(&self, run: RunId) -> Money {
        self.by_run.get(&run).map_or(Money::ZERO, |sum| sum.committed)
    }

    pub(super) fn committed_in(&self, month: Month) -> Money {
        self.by_month.get(&month).copied().unwrap_or_default()
    }

    pub(super) fn calls_on(&self, day: Day) -> u64 {
        self.by_day.get(&day).copied().unwrap_or_default()
    }

    /// Writes the totals that changed.
    pub(super) fn flush(&mut self, db: &Connection) -> rusqlite::Result<()> {
        for page in &self.changed {
            let Some(t) = self.pages.get(page) else { continue };
            tally::check(t);
            db.prepare_cached(&format!(
                "INSERT OR REPLACE INTO total (run, api, day, {}) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
                reports::TOTALS
            ))?
            .execute(params![
                page.run.0,
                page.api,
                page.day.0,
                Count(t.calls),
                Count(t.open),
                Count(t.billed),
                Count(t.lost),
                Count(t.unbilled),
                Count(t.unbilled_assumed),
                Count(t.in_doubt),
                Count(t.written_off),
                Count(t.released),
                Count(t.paid_again),
                t.spent.micros(),
                t.at_stake.micros(),
                t.held.micros(),
                t.reserved.micros(),
            ])?;
        }
        self.changed.clear();
        Ok(())
    }
}

fn for_each(
    db: &Connection,
    sql: &str,
    mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(row)?;
    }
    Ok(())
}

fn open_call(row: &Row<'_>) -> rusqlite::Result<OpenCall> {
    Ok(OpenCall {
        api: row.get(1)?,
        owner: OwnerId(row.get(2)?),
        subject: row.get::<_, SubjectColumn>(3)?.0,
        record: row.get::<_, Count>(4)?.0,
        at: Stamp(row.get(5)?),
        price: Money::from_micros(row.get(6)?),
        after_release: row.get(7)?,
    })
}

/// The first number that no call ever had. Ids leave both tables only by withdrawal and by forgetting, which note how far they
/// had come.
fn next_call(db: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT 1 + max(
        (SELECT ifnull(max(id), 0) FROM call),
        (SELECT ifnull(max(id), 0) FROM open_call),
        ifnull((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'last_call'), 0))";
    db.query_row(sql, [], |row| row.get(0))
}

/// Stamps never decrease with the ids of calls, so the newest call carries the newest of theirs; that of dropped calls is noted.
fn newest(db: &Connection) -> rusqlite::Result<Stamp> {
    let sql = "SELECT max(
        ifnull((SELECT max(max(began), max(ifnull(finished, 0))) FROM run), 0),
        ifnull((SELECT max(max(seen), max(ifnull(ended, 0))) FROM owner), 0),
        ifnull((SELECT at FROM call ORDER BY id DESC LIMIT 1), 0),
        ifnull((SELECT max(at) FROM open_call), 0),
        ifnull((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'newest'), 0))";
    db.query_row(sql, [], |row| row.get(0)).map(Stamp)
}
