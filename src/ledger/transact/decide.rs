//! Decisions about doubts, by the operator or by the vendor's statement.
//!
//! Invariants: all of a request or none; an operator's decision never frees money, only a statement does. A statement also
//! clears what was released, written off or only assumed unbilled. How it fails: a call that the decision cannot be about is
//! named, and nothing is changed.

use rusqlite::{OptionalExtension, params};

use crate::domain::call::Decision;
use crate::domain::freshness::Stamp;
use crate::domain::ids::{CallId, OwnerId, RunId};
use crate::domain::money::Money;
use crate::domain::ports::LedgerError;
use crate::domain::subject::Subject;
use crate::ledger::books::Page;
use crate::ledger::rows::{State, SubjectColumn};
use crate::ledger::schema::standing_key;
use crate::ledger::tally::Place;
use crate::ledger::transact::Desk;
use crate::ledger::writer::Stop;

/// A settled call, as far as a decision is concerned.
struct Closed {
    id: CallId,
    api: i64,
    owner: OwnerId,
    subject: Subject,
    at: Stamp,
    price: Money,
    state: State,
    assumed: bool,
}

pub(in crate::ledger) fn decide(desk: &mut Desk<'_>, calls: &[CallId], decision: Decision) -> Result<(), Stop> {
    let mut ids = calls.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let call = closed(desk, id)?;
        match call.and_then(|call| outcome(&call, decision).map(|state| (call, state))) {
            Some(decided) => found.push(decided),
            None => return Err(LedgerError::NoSuchDoubt(id).into()),
        }
    }
    for (call, state) in found {
        change(desk, &call, state)?;
    }
    Ok(())
}

/// The state that the decision leads to; none where it cannot be about this call.
fn outcome(call: &Closed, decision: Decision) -> Option<State> {
    let doubt = call.state == State::InDoubt;
    let undocumented = matches!(call.state, State::InDoubt | State::Released | State::WrittenOff);
    match decision {
        Decision::Release if doubt => Some(State::Released),
        Decision::WriteOff if doubt => Some(State::WrittenOff),
        Decision::Charged if undocumented || call.assumed => Some(State::Lost),
        Decision::NotCharged if undocumented => Some(State::Unpaid),
        // The reply stands as it was; only the assumption about its price is settled.
        Decision::NotCharged if call.assumed => Some(call.state),
        _ => None,
    }
}

/// Releases a doubt because `run` was allowed to ask so many again.
pub(super) fn release(desk: &mut Desk<'_>, doubt: CallId, run: RunId) -> rusqlite::Result<()> {
    let Some(call) = closed(desk, doubt)? else { return Ok(()) };
    change(desk, &call, State::Released)?;
    desk.db.prepare_cached("UPDATE run SET released = released + 1 WHERE id = ?1")?.execute([run.0])?;
    *desk.books.released.entry(run).or_default() += 1;
    Ok(())
}

fn closed(desk: &Desk<'_>, id: CallId) -> rusqlite::Result<Option<Closed>> {
    desk.db
        .prepare_cached("SELECT api, owner, subject, at, price, state, assumed FROM call WHERE id = ?1")?
        .query_row([id.0], |row| {
            Ok(Closed {
                id,
                api: row.get(0)?,
                owner: OwnerId(row.get(1)?),
                subject: row.get::<_, SubjectColumn>(2)?.0,
                at: Stamp(row.get(3)?),
                price: Money::from_micros(row.get(4)?),
                state: row.get(5)?,
                assumed: row.get(6)?,
            })
        })
        .optional()
}

fn change(desk: &mut Desk<'_>, call: &Closed, state: State) -> rusqlite::Result<()> {
    desk.db
        .prepare_cached("UPDATE call SET state = ?2, assumed = 0 WHERE id = ?1")?
        .execute(params![call.id.0, state])?;
    desk.db.prepare_cached("DELETE FROM doubt WHERE call = ?1")?.execute([call.id.0])?;
    if state == State::Lost {
        // An attempt that was only assumed unbilled had no standing; a charged one speaks for its subject.
        desk.db
            .prepare_cached("INSERT OR IGNORE INTO standing (api, key, call) VALUES (?1, ?2, ?3)")?
            .execute(params![call.api, standing_key(&call.subject), call.id.0])?;
    }
    let Some(run) = desk.books.run_of(call.owner) else { return Ok(()) };
    desk.books.post(Page { run, api: call.api, day: call.at.day() }, |totals| {
        Place::Closed { state: call.state, assumed: call.assumed }.leave(totals, call.price);
        Place::Closed { state, assumed: false }.enter(totals, call.price);
    });
    Ok(())
}
