//! `open`: the only judge of whether a call may be made.
//!
//! Invariants: per API and subject at most one call is open; a granted call's intent and its reservation are in the same
//! transaction; no limit is overrun by what is granted. How it fails: a clock behind the newest stamp or a run that is not under
//! way is refused as a whole; everything else is decided opening by opening.

use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, params};

use crate::domain::call::{Limit, Opened, Opening, Shortage};
use crate::domain::freshness::{Stamp, Window};
use crate::domain::ids::{ApiId, CallId, OwnerId, RunId};
use crate::domain::money::Money;
use crate::domain::ports::LedgerError;
use crate::domain::run::Terms;
use crate::domain::status::Status;
use crate::domain::subject::Subject;
use crate::ledger::books::{OpenCall, Page};
use crate::ledger::judge::{Candidate, Finding, Lens};
use crate::ledger::rows::{Count, State};
use crate::ledger::schema::standing_key;
use crate::ledger::tally::Place;
use crate::ledger::transact::{Desk, decide};
use crate::ledger::writer::Stop;

/// What all openings of one request have in common.
struct Asker {
    run: RunId,
    owner: OwnerId,
    terms: Arc<Terms>,
    window: Window,
    api: i64,
    at: Stamp,
}

/// What the subject's history says about a new call.
enum Leave {
    /// Nothing stands in the way once these doubts are released.
    Free {
        release: Vec<CallId>,
        after_release: bool,
    },
    No(Opened),
}

pub(in crate::ledger) fn open(
    desk: &mut Desk<'_>,
    run: RunId,
    api: &ApiId,
    openings: &[Opening],
) -> Result<Vec<Opened>, Stop> {
    desk.refuse_if_poisoned()?;
    let window = desk.books.window_of(run).ok_or(LedgerError::NoSuchRun(run))?;
    let Some((owner, terms)) = desk.session.under_way.get(&run).cloned() else {
        return Err(LedgerError::Failed(format!("run {run} is not under way in this process: begin it first")).into());
    };
    let at = desk.careful_stamp()?;
    let api = desk.books.api(desk.db, api)?;
    let asker = Asker { run, owner, terms, window, api, at };
    let mut pens = Pens::new(desk.db)?;
    let opened = openings.iter().map(|opening| asker.open(desk, &mut pens, opening));
    opened.collect::<rusqlite::Result<_>>().map_err(Stop::from)
}

/// What nearly every opening needs, looked up once for all of a request.
struct Pens<'a> {
    standing: CachedStatement<'a>,
    intent: CachedStatement<'a>,
}

impl<'a> Pens<'a> {
    fn new(db: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Pens {
            standing: db.prepare_cached("SELECT call FROM standing WHERE api = ?1 AND key = ?2")?,
            intent: db.prepare_cached(
                "INSERT INTO open_call (id, api, owner, subject, record, at, price, attempt, after_release) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
        })
    }
}

impl Asker {
    fn open(&self, desk: &mut Desk<'_>, pens: &mut Pens<'_>, opening: &Opening) -> rusqlite::Result<Opened> {
        if desk.books.is_busy(self.api, opening.subject) {
            return Ok(Opened::Busy);
        }
        let (release, after_release) = match self.judge(desk, &mut pens.standing, &opening.subject)? {
            Leave::Free { release, after_release } => (release, after_release),
            Leave::No(why) => return Ok(why),
        };
        if let Some(limit) = self.overrun(desk, opening.price) {
            return Ok(Opened::NoBudget(Shortage { limit, pending: self.pending(desk, limit) }));
        }
        for doubt in release {
            decide::release(desk, doubt, self.run)?;
        }
        self.grant(desk, &mut pens.intent, opening, after_release).map(Opened::Granted)
    }

    fn judge(&self, desk: &Desk<'_>, standing: &mut CachedStatement<'_>, subject: &Subject) -> rusqlite::Result<Leave> {
        let mut candidates = candidates(desk, standing, self.api, subject)?;
        if candidates.is_empty() {
            return Ok(Leave::Free { release: Vec::new(), after_release: false });
        }
        let lens = Lens { run: Some(self.run), window: self.window, closed: None, again: &self.terms.again };
        let spent = desk.books.released.get(&self.run).copied().unwrap_or_default();
        let mut allowed = self.terms.release_doubts.saturating_sub(spent);
        let mut release = Vec::new();
        // Behind one doubt there may be another, or an answer that makes asking needless.
        loop {
            match lens.judge(&candidates) {
                Finding::Known(call, Status::InDoubt) if allowed > 0 => {
                    allowed -= 1;
                    release.push(call);
                    for candidate in candidates.iter_mut().filter(|candidate| candidate.call == call) {
                        candidate.state = State::Released;
                    }
                }
                Finding::Known(_, status @ (Status::InDoubt | Status::WrittenOff | Status::Lost)) => {
                    return Ok(Leave::No(Opened::Blocked(status)));
                }
                Finding::Known(_, status) => return Ok(Leave::No(Opened::Settled(status))),
                Finding::Unknown | Finding::Stale => {
                    let after_release = lens.sees_released(&candidates);
                    return Ok(Leave::Free { release, after_release });
                }
            }
        }
    }

    fn overrun(&self, desk: &Desk<'_>, price: Money) -> Option<Limit> {
        let Terms { max_calls, budget, budget_month, calls_per_day, release_doubts: _, again: _, rates: _ } =
            &*self.terms;
        let books = &desk.books;
        if max_calls.is_some_and(|most| books.calls_of_run(self.run) >= most) {
            return Some(Limit::MaxCalls);
        }
        if budget.is_some_and(|most| books.committed_by_run(self.run) + price > most) {
            return Some(Limit::Budget);
        }
        if budget_month.is_some_and(|most| books.committed_in(self.at.month()) + price > most) {
            return Some(Limit::BudgetMonth);
        }
        if calls_per_day.is_some_and(|most| books.calls_on(self.at.day()) >= most) {
            return Some(Limit::CallsPerDay);
        }
        None
    }

    /// Open calls whose end may give something back to `limit`. Those of dead owners will not end by themselves.
    fn pending(&self, desk: &Desk<'_>, limit: Limit) -> u64 {
        let counts = |call: &OpenCall| {
            desk.session.living.contains(&call.owner)
                && match limit {
                    Limit::MaxCalls | Limit::Budget => desk.books.run_of(call.owner) == Some(self.run),
                    Limit::BudgetMonth => call.at.month() == self.at.month(),
                    Limit::CallsPerDay => call.at.day() == self.at.day(),
                }
        };
        desk.books.open_calls().filter(|(_, call)| counts(call)).count() as u64
    }

    fn grant(
        &self,
        desk: &mut Desk<'_>,
        intent: &mut CachedStatement<'_>,
        opening: &Opening,
        after_release: bool,
    ) -> rusqlite::Result<CallId> {
        let call = OpenCall {
            api: self.api,
            owner: self.owner,
            subject: opening.subject,
            record: opening.record,
            at: self.at,
            price: opening.price,
            after_release,
        };
        let id = desk.books.hold(call);
        intent.execute(params![
            id.0,
            self.api,
            self.owner.0,
            opening.subject.as_bytes(),
            Count(opening.record),
            self.at.0,
            opening.price.micros(),
            opening.attempt,
            after_release,
        ])?;
        desk.books.post(Page { run: self.run, api: self.api, day: self.at.day() }, |totals| {
            totals.calls += 1;
            Place::Open.enter(totals, opening.price);
        });
        Ok(id)
    }
}

/// The settled calls that say something about a subject. Two statements and no join: nearly every subject is new, so the second
/// one hardly ever runs, and SQLite prepared the join anew at every call, which took a quarter of this thread's time.
fn candidates(
    desk: &Desk<'_>,
    standing: &mut CachedStatement<'_>,
    api: i64,
    subject: &Subject,
) -> rusqlite::Result<Vec<Candidate>> {
    let mut found = Vec::new();
    let mut calls = standing.query([api, standing_key(subject)])?;
    while let Some(row) = calls.next()? {
        found.extend(candidate(desk, CallId(row.get(0)?), subject)?);
    }
    Ok(found)
}

/// The settled call of that id; none where it is about another subject with the same key.
fn candidate(desk: &Desk<'_>, call: CallId, subject: &Subject) -> rusqlite::Result<Option<Candidate>> {
    let mut statement = desk.db.prepare_cached("SELECT subject, owner, state, at FROM call WHERE id = ?1")?;
    let mut rows = statement.query([call.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    if row.get_ref(0)?.as_blob()? != subject.as_bytes() {
        return Ok(None);
    }
    // A call whose owner is not in the books belongs to no run that anyone could go on with.
    let run = desk.books.run_of(OwnerId(row.get(1)?)).unwrap_or(RunId(0));
    Ok(Some(Candidate { call, run, state: row.get(2)?, at: Stamp(row.get(3)?) }))
}
