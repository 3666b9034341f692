//! The thread that reads: look-ups and reports, on a connection of its own that cannot write.
//!
//! Invariants: each request reads one short snapshot, so that readers never hold back a checkpoint for long; subjects are looked
//! up in the order of the index and their calls in the order of the table, because in a ledger of a million answers nearly all
//! the time goes into pages that are not in the small cache. How it fails: with an error that names the file.

use std::collections::HashMap;
use std::sync::mpsc::Receiver;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::domain::call::{Record, Standing, View};
use crate::domain::freshness::Stamp;
use crate::domain::ids::{CallId, RunId};
use crate::domain::subject::Subject;
use crate::ledger::judge::{Candidate, Finding, Lens};
use crate::ledger::rows::{State, split_fields};
use crate::ledger::schema::standing_key;

/// A request: it reads, and answers for itself.
pub(super) type Query = Box<dyn FnOnce(&mut Reader) + Send>;

/// How many reasons are remembered by number.
const REASONS: usize = 512;

pub(super) struct Reader {
    db: Connection,
    /// Rows that never change once they are there.
    owners: HashMap<i64, RunId>,
    reasons: HashMap<i64, String>,
}

/// A call about one of the subjects looked up.
struct Hit {
    /// Its subject's place in the request.
    place: usize,
    candidate: Candidate,
    code: Option<i64>,
    reason: String,
    order_id: Option<String>,
    fields: Vec<String>,
}

impl Reader {
    pub(super) fn new(db: Connection) -> Self {
        Reader { db, owners: HashMap::new(), reasons: HashMap::new() }
    }

    pub(super) fn serve(mut self, inbox: Receiver<Query>) {
        while let Ok(query) = inbox.recv() {
            query(&mut self);
        }
    }

    /// Reads within one snapshot.
    pub(super) fn read<T>(&mut self, work: impl FnOnce(&mut Self) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        self.db.execute_batch("BEGIN")?;
        let value = work(self);
        // Nothing was written: whichever way the snapshot ends, it only has to end.
        let ended = self.db.execute_batch("ROLLBACK");
        value.and_then(|value| ended.map(|()| value))
    }

    pub(super) fn db(&self) -> &Connection {
        &self.db
    }

    pub(super) fn look_up(&mut self, view: &View, subjects: &[Subject]) -> rusqlite::Result<Vec<Standing>> {
        let mut standings = vec![Standing::Unknown; subjects.len()];
        let api: Option<i64> = self
            .db
            .prepare_cached("SELECT id FROM api WHERE name = ?1")?
            .query_row([view.api.as_str()], |row| row.get(0))
            .optional()?;
        let Some(api) = api else { return Ok(standings) };
        let mut hits = self.fetch(self.find(api, subjects)?, subjects)?;
        hits.sort_by_key(|hit| hit.place);
        let lens = Lens { run: view.run, window: view.window, closed: view.closed, again: &[] };
        for group in hits.chunk_by_mut(|a, b| a.place == b.place) {
            let Some(place) = group.first().map(|hit| hit.place) else { continue };
            standings[place] = speak(lens, group);
        }
        Ok(standings)
    }

    /// The calls in the index under the subjects' keys, with the place of the subject.
    fn find(&self, api: i64, subjects: &[Subject]) -> rusqlite::Result<Vec<(i64, usize)>> {
        let mut order: Vec<(i64, usize)> =
            subjects.iter().enumerate().map(|(place, subject)| (standing_key(subject), place)).collect();
        order.sort_unstable();
        let mut statement = self.db.prepare_cached("SELECT call FROM standing WHERE api = ?1 AND key = ?2")?;
        let mut found = Vec::new();
        for (key, place) in order {
            let mut rows = statement.query([api, key])?;
            while let Some(row) = rows.next()? {
                found.push((row.get(0)?, place));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn fetch(&mut self, found: Vec<(i64, usize)>, subjects: &[Subject]) -> rusqlite::Result<Vec<Hit>> {
        let Reader { db, owners, reasons } = self;
        let mut statement = db.prepare_cached(
            "SELECT subject, owner, state, at, code, reason, order_id, fields FROM call WHERE id = ?1",
        )?;
        let mut hits = Vec::with_capacity(found.len());
        for (call, place) in found {
            let mut rows = statement.query([call])?;
            let Some(row) = rows.next()? else { continue };
            if row.get_ref(0)?.as_blob()? == subjects[place].as_bytes() {
                let run = run_of(db, owners, row.get(1)?)?;
                let reason = reason_of(db, reasons, row.get(5)?)?;
                hits.push(hit(row, CallId(call), place, run, reason)?);
            }
        }
        Ok(hits)
    }
}

fn hit(row: &Row<'_>, call: CallId, place: usize, run: RunId, reason: String) -> rusqlite::Result<Hit> {
    let state: State = row.get(2)?;
    Ok(Hit {
        place,
        candidate: Candidate { call, run, state, at: Stamp(row.get(3)?) },
        code: row.get(4)?,
        reason,
        order_id: row.get(6)?,
        fields: split_fields(row.get_ref(7)?.as_str_or_null()?),
    })
}

fn run_of(db: &Connection, owners: &mut HashMap<i64, RunId>, owner: i64) -> rusqlite::Result<RunId> {
    if let Some(run) = owners.get(&owner) {
        return Ok(*run);
    }
    let run =
        db.prepare_cached("SELECT run FROM owner WHERE id = ?1")?.query_row([owner], |row| row.get(0)).map(RunId)?;
    owners.insert(owner, run);
    Ok(run)
}

fn reason_of(db: &Connection, reasons: &mut HashMap<i64, String>, reason: Option<i64>) -> rusqlite::Result<String> {
    let Some(id) = reason else { return Ok(String::new()) };
    if let Some(text) = reasons.get(&id) {
        return Ok(text.clone());
    }
    let text: String =
        db.prepare_cached("SELECT text FROM reason WHERE id = ?1")?.query_row(params![id], |row| row.get(0))?;
    if reasons.len() >= REASONS {
        reasons.clear();
    }
    reasons.insert(id, text.clone());
    Ok(text)
}

/// What the calls about one subject say.
fn speak(lens: Lens<'_>, hits: &mut [Hit]) -> Standing {
    let candidates: Vec<_> = hits.iter().map(|hit| hit.candidate).collect();
    let (call, status) = match lens.judge(&candidates) {
        Finding::Unknown => return Standing::Unknown,
        Finding::Stale => return Standing::Stale,
        Finding::Known(call, status) => (call, status),
    };
    let Some(hit) = hits.iter_mut().find(|hit| hit.candidate.call == call) else { return Standing::Unknown };
    Standing::Known(Record {
        call,
        run: hit.candidate.run,
        status,
        asked: hit.candidate.at,
        code: hit.code,
        reason: std::mem::take(&mut hit.reason),
        order_id: hit.order_id.take(),
        fields: std::mem::take(&mut hit.fields),
    })
}
