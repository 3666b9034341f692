//! The life of runs and of their invocations: begin, sign of life, end.
//!
//! Invariant: a run's window is fixed when it begins; going on with it never moves the window. How it fails: a run that is not
//! there, belongs to another input or has forgotten its answers
//! is refused.

use rusqlite::params;

use crate::domain::freshness::{Stamp, Window};
use crate::domain::ids::{OwnerId, RunId};
use crate::domain::ports::LedgerError;
use crate::domain::run::{Run, RunInfo, RunKey, Start, Terms};
use crate::ledger::host::host;
use crate::ledger::transact::Desk;
use crate::ledger::writer::Stop;
use crate::ledger::{reports, review};

pub(in crate::ledger) fn begin(desk: &mut Desk<'_>, key: &RunKey, start: Start, terms: Terms) -> Result<Run, Stop> {
    desk.refuse_if_poisoned()?;
    let earlier = find(desk, key, start)?;
    let at = desk.careful_stamp()?;
    let (id, began, window, resumed) = match earlier {
        Some(info) => (reopen(desk, info.id)?, info.began, info.window, true),
        None => {
            let window = key.reuse.window(at);
            (insert(desk, key, at, window)?, at, window, false)
        }
    };
    let owner = desk
        .db
        .prepare_cached("INSERT INTO owner (run, pid, host, began, seen, rates) VALUES (?1, ?2, ?3, ?4, ?4, ?5)")?
        .insert(params![id.0, std::process::id(), host(), at.0, review::join_rates(&terms.rates)])
        .map(OwnerId)?;
    desk.books.enter_run(id, owner, window);
    desk.session.living.insert(owner);
    desk.session.under_way.insert(id, (owner, terms.into()));
    Ok(Run { id, began, owner, window, resumed })
}

/// The run to go on with.
fn find(desk: &Desk<'_>, key: &RunKey, start: Start) -> Result<Option<RunInfo>, Stop> {
    let same_input = |info: &RunInfo| info.key.input_digest == key.input_digest && info.key.apis == key.apis;
    match start {
        Start::Begin => Ok(None),
        Start::ResumeOrBegin => {
            let mut runs = reports::runs(desk.db)?.into_iter();
            let unfinished = |info: &RunInfo| info.finished.is_none() && !info.forgotten;
            Ok(runs.find(|info| unfinished(info) && info.key.reuse == key.reuse && same_input(info)))
        }
        Start::Continue(run) => {
            let wanted = reports::runs(desk.db)?.into_iter().find(|info| info.id == run);
            let Some(info) = wanted else { return Err(LedgerError::NoSuchRun(run).into()) };
            if !same_input(&info) {
                let apis: Vec<_> = info.key.apis.iter().map(|api| api.as_str()).collect();
                let was = format!("{} with --api {}", info.key.input_name, apis.join(","));
                return Err(LedgerError::OtherRun { run, was }.into());
            }
            if info.forgotten {
                // It would ask, and pay for, everything that it does not know any more.
                return Err(LedgerError::Forgotten(run).into());
            }
            Ok(Some(info))
        }
    }
}

fn reopen(desk: &Desk<'_>, run: RunId) -> rusqlite::Result<RunId> {
    desk.db.execute("UPDATE run SET finished = NULL, outcome = NULL WHERE id = ?1", [run.0])?;
    Ok(run)
}

fn insert(desk: &Desk<'_>, key: &RunKey, at: Stamp, window: Window) -> rusqlite::Result<RunId> {
    desk.db
        .prepare_cached(
            "INSERT INTO run (input_digest, input_name, apis, reuse, began, window_opens) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .insert(params![
            key.input_digest,
            key.input_name,
            reports::join_apis(&key.apis),
            key.reuse.to_string(),
            at.0,
            window.opens.0
        ])
        .map(RunId)
}

pub(in crate::ledger) fn heartbeat(desk: &mut Desk<'_>, owner: OwnerId) -> Result<(), Stop> {
    let at = desk.stamp();
    desk.db.prepare_cached("UPDATE owner SET seen = ?2 WHERE id = ?1")?.execute([owner.0, at.0])?;
    Ok(())
}

pub(in crate::ledger) fn finish(desk: &mut Desk<'_>, run: RunId, exit_code: u8, finished: bool) -> Result<(), Stop> {
    if desk.books.window_of(run).is_none() {
        return Err(LedgerError::NoSuchRun(run).into());
    }
    let at = desk.stamp();
    let over = finished.then_some(at.0);
    desk.db.execute("UPDATE run SET finished = ?2, outcome = ?3 WHERE id = ?1", params![run.0, over, exit_code])?;
    if let Some((owner, _)) = desk.session.under_way.remove(&run) {
        desk.session.living.remove(&owner);
        desk.db.execute("UPDATE owner SET seen = ?2, ended = ?2 WHERE id = ?1", [owner.0, at.0])?;
    }
    Ok(())
}
