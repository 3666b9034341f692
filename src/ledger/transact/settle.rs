//! Ends of open calls: settled by a verdict, withdrawn unsent, or orphaned by the death of their owner.
//!
//! Invariants: a call ends once; whatever is said about it later is ignored. Only here is a subject's standing written. Ids are
//! never used twice: a withdrawal, the only end that leaves no row, notes how far the ids had come. How it fails: an id that is
//! neither open nor settled is handed back as a stranger, after everything else was made durable.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::domain::call::{Outcome, Settlement};
use crate::domain::ids::CallId;
use crate::ledger::books::{OpenCall, Page};
use crate::ledger::rows::{Count, State, join_fields};
use crate::ledger::schema::standing_key;
use crate::ledger::tally::Place;
use crate::ledger::transact::Desk;
use crate::ledger::writer::Stop;

/// What the list of doubts says about a call whose process died.
const KILLED: &str = "the run was killed before the reply was stored";

/// Stores the settlements; hands back the calls that this ledger does not know.
pub(in crate::ledger) fn settle(desk: &mut Desk<'_>, settlements: &[Settlement]) -> Result<Vec<CallId>, Stop> {
    let mut strangers = Vec::new();
    let mut pens = Pens::new(desk.db)?;
    for settlement in settlements {
        match desk.books.take(settlement.call) {
            Some(call) => close(desk, &mut pens, &call, settlement, Some(settlement.took_ms))?,
            None if is_settled(desk, settlement.call)? => {}
            None => strangers.push(settlement.call),
        }
    }
    Ok(strangers)
}

fn is_settled(desk: &Desk<'_>, call: CallId) -> rusqlite::Result<bool> {
    let found =
        desk.db.prepare_cached("SELECT 1 FROM call WHERE id = ?1")?.query_row([call.0], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

/// What every settlement is written with, looked up once for all of a request.
struct Pens<'a> {
    intent: CachedStatement<'a>,
    call: CachedStatement<'a>,
    standing: CachedStatement<'a>,
}

impl<'a> Pens<'a> {
    fn new(db: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Pens {
            intent: db.prepare_cached("DELETE FROM open_call WHERE id = ?1")?,
            call: db.prepare_cached(
                "INSERT INTO call (id, api, owner, subject, at, price, state, assumed, code, reason, order_id, fields, took) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?,
            standing: db.prepare_cached("INSERT INTO standing (api, key, call) VALUES (?1, ?2, ?3)")?,
        })
    }
}

/// `took` is none where nobody saw the reply.
fn close(
    desk: &mut Desk<'_>,
    pens: &mut Pens<'_>,
    call: &OpenCall,
    end: &Settlement,
    took: Option<u32>,
) -> Result<(), Stop> {
    let state = State::from(end.outcome);
    let assumed = end.assumed && matches!(state, State::NoRecord | State::Rejected | State::Failed | State::Unpaid);
    let reason = desk.books.reason(desk.db, &end.reason)?;
    pens.intent.execute([end.call.0])?;
    pens.call.execute(params![
        end.call.0,
        call.api,
        call.owner.0,
        call.subject.as_bytes(),
        call.at.0,
        call.price.micros(),
        state,
        assumed,
        end.code,
        reason,
        end.order_id,
        join_fields(&end.fields),
        took,
    ])?;
    if state != State::Unpaid {
        pens.standing.execute(params![call.api, standing_key(&call.subject), end.call.0])?;
    }
    if state == State::InDoubt {
        desk.db
            .prepare_cached("INSERT INTO doubt (call, record) VALUES (?1, ?2)")?
            .execute(params![end.call.0, Count(call.record)])?;
    }
    let Some(page) = page_of(desk, call) else { return Ok(()) };
    desk.books.post(page, |totals| {
        Place::Open.leave(totals, call.price);
        Place::Closed { state, assumed }.enter(totals, call.price);
        if state == State::Paid && call.after_release {
            totals.paid_again += 1;
        }
    });
    Ok(())
}

fn page_of(desk: &Desk<'_>, call: &OpenCall) -> Option<Page> {
    desk.books.run_of(call.owner).map(|run| Page { run, api: call.api, day: call.at.day() })
}

/// Takes back intents that never left. What is not open is left alone: it was settled, or withdrawn before.
pub(in crate::ledger) fn withdraw(desk: &mut Desk<'_>, calls: &[CallId]) -> Result<(), Stop> {
    if !calls.iter().any(|id| desk.books.is_open(*id)) {
        return Ok(());
    }
    let last = desk.books.next_call() - 1;
    desk.db
        .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('last_call', ?1)")?
        .execute([last.to_string()])?;
    for id in calls {
        let Some(call) = desk.books.take(*id) else { continue };
        desk.db.prepare_cached("DELETE FROM open_call WHERE id = ?1")?.execute([id.0])?;
        let Some(page) = page_of(desk, &call) else { continue };
        desk.books.post(page, |totals| {
            Place::Open.leave(totals, call.price);
            totals.calls -= 1;
        });
    }
    Ok(())
}

/// Turns the open calls of dead owners into doubts. The caller holds the lock, so every owner but this process's is dead.
pub(in crate::ledger) fn adopt_orphans(desk: &mut Desk<'_>) -> Result<u64, Stop> {
    let mut orphans: Vec<CallId> = desk
        .books
        .open_calls()
        .filter(|(_, call)| !desk.session.living.contains(&call.owner))
        .map(|(id, _)| id)
        .collect();
    orphans.sort_unstable();
    let mut pens = Pens::new(desk.db)?;
    for id in &orphans {
        let Some(call) = desk.books.take(*id) else { continue };
        let end = Settlement {
            call: *id,
            outcome: Outcome::Doubt,
            assumed: false,
            code: None,
            reason: KILLED.to_owned(),
            order_id: None,
            fields: Vec::new(),
            took_ms: 0,
        };
        close(desk, &mut pens, &call, &end, None)?;
    }
    Ok(orphans.len() as u64)
}
