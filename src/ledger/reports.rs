//! What is read out of the ledger for people and for the passes: runs, totals, doubts, calls.
//!
//! Invariant: nothing here writes; it serves the reader thread and, inside its transactions, the writer. How it fails: with
//! SQLite's error; text in the file that is no API or reuse rule is one too.

use std::collections::HashMap;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, named_params, params};

use crate::domain::call::{CallEntry, CallFilter, CallState, DoubtEntry, DoubtFilter, Scope, Totals};
use crate::domain::freshness::{Day, Reuse, Stamp, Window};
use crate::domain::ids::{ApiId, CallId, RunId};
use crate::domain::money::Money;
use crate::domain::run::{RunInfo, RunKey};
use crate::ledger::rows::{Count, State, SubjectColumn};

/// The columns of `total`, in the order of [`totals_of`].
pub(super) const TOTALS: &str = "calls, open, billed, lost, unbilled, unbilled_assumed, in_doubt, written_off, released, \
                                 paid_again, spent, at_stake, held, reserved";

/// Reads the first columns of a row as [`TOTALS`].
pub(super) fn totals_of(row: &Row<'_>) -> rusqlite::Result<Totals> {
    let count = |column: usize| row.get::<_, Count>(column).map(|count| count.0);
    let money = |column: usize| row.get(column).map(Money::from_micros);
    Ok(Totals {
        calls: count(0)?,
        open: count(1)?,
        billed: count(2)?,
        lost: count(3)?,
        unbilled: count(4)?,
        unbilled_assumed: count(5)?,
        in_doubt: count(6)?,
        written_off: count(7)?,
        released: count(8)?,
        paid_again: count(9)?,
        spent: money(10)?,
        at_stake: money(11)?,
        held: money(12)?,
        reserved: money(13)?,
    })
}

pub(super) fn totals(db: &Connection, scope: &Scope) -> rusqlite::Result<Totals> {
    let sums: Vec<_> = TOTALS.split(", ").map(|column| format!("ifnull(sum({}), 0)", column.trim())).collect();
    let sql = format!(
        "SELECT {} FROM total WHERE (:run IS NULL OR run = :run) \
         AND (:api IS NULL OR api = (SELECT id FROM api WHERE name = :api)) \
         AND (:first IS NULL OR day >= :first) AND (:before IS NULL OR day < :before)",
        sums.join(", ")
    );
    let scope = named_params! {
        ":run": scope.run.map(|run| run.0),
        ":api": scope.api.as_ref().map(ApiId::as_str),
        ":first": scope.from.map(|day| day.0),
        ":before": scope.before.map(|day| day.0),
    };
    db.prepare_cached(&sql)?.query_row(scope, totals_of)
}

pub(super) fn doubts(
    db: &Connection,
    filter: &DoubtFilter,
    cursor: Option<CallId>,
    limit: usize,
) -> rusqlite::Result<Vec<DoubtEntry>> {
    let mut statement = db.prepare_cached(
        "SELECT doubt.call, owner.run, api.name, call.subject, run.input_name, doubt.record, call.at, \
                ifnull(reason.text, ''), call.price \
         FROM doubt JOIN call ON call.id = doubt.call JOIN owner ON owner.id = call.owner JOIN run ON run.id = owner.run \
         JOIN api ON api.id = call.api LEFT JOIN reason ON reason.id = call.reason \
         WHERE doubt.call > ?1 AND (?2 IS NULL OR owner.run = ?2) AND (?3 IS NULL OR api.name = ?3) \
         ORDER BY doubt.call LIMIT ?4",
    )?;
    let filter = params![
        cursor.map_or(i64::MIN, |call| call.0),
        filter.run.map(|run| run.0),
        filter.api.as_ref().map(ApiId::as_str),
        i64::try_from(limit).unwrap_or(i64::MAX),
    ];
    statement.query_map(filter, doubt_of)?.collect()
}

fn doubt_of(row: &Row<'_>) -> rusqlite::Result<DoubtEntry> {
    Ok(DoubtEntry {
        call: CallId(row.get(0)?),
        run: RunId(row.get(1)?),
        api: ApiId::new(row.get_ref(2)?.as_str()?),
        subject: row.get::<_, SubjectColumn>(3)?.0,
        input: row.get(4)?,
        record: row.get::<_, Count>(5)?.0,
        sent: Stamp(row.get(6)?),
        reason: row.get(7)?,
        at_stake: Money::from_micros(row.get(8)?),
    })
}

/// Calls in the order of their ids. Both tables are in that order already, and SQLite merges them.
pub(super) fn calls(
    db: &Connection,
    filter: &CallFilter,
    cursor: Option<CallId>,
    limit: usize,
) -> rusqlite::Result<Vec<CallEntry>> {
    let wanted = "id > ?1 AND (?2 IS NULL OR api = (SELECT id FROM api WHERE name = ?2)) \
                  AND (?3 IS NULL OR at >= ?3) AND (?4 IS NULL OR at < ?4)";
    let mut statement = db.prepare_cached(&format!(
        "SELECT id, api, subject, at, state, assumed, price, order_id FROM call WHERE {wanted} \
         UNION ALL SELECT id, api, subject, at, NULL, 0, price, NULL FROM open_call WHERE {wanted} \
         ORDER BY id LIMIT ?5"
    ))?;
    let apis = apis(db)?;
    let filter = params![
        cursor.map_or(i64::MIN, |call| call.0),
        filter.api.as_ref().map(ApiId::as_str),
        filter.from.map(|stamp| stamp.0),
        filter.before.map(|stamp| stamp.0),
        i64::try_from(limit).unwrap_or(i64::MAX),
    ];
    statement.query_map(filter, |row| call_of(row, &apis))?.collect()
}

fn apis(db: &Connection) -> rusqlite::Result<HashMap<i64, ApiId>> {
    let mut statement = db.prepare_cached("SELECT id, name FROM api")?;
    statement.query_map([], |row| Ok((row.get(0)?, ApiId::new(row.get_ref(1)?.as_str()?))))?.collect()
}

fn call_of(row: &Row<'_>, apis: &HashMap<i64, ApiId>) -> rusqlite::Result<CallEntry> {
    let api: i64 = row.get(1)?;
    Ok(CallEntry {
        call: CallId(row.get(0)?),
        api: apis.get(&api).cloned().ok_or(rusqlite::Error::IntegralValueOutOfRange(1, api))?,
        subject: row.get::<_, SubjectColumn>(2)?.0,
        sent: Stamp(row.get(3)?),
        state: row.get::<_, Option<State>>(4)?.map_or(CallState::Open, CallState::from),
        assumed: row.get(5)?,
        price: Money::from_micros(row.get(6)?),
        order_id: row.get(7)?,
    })
}

/// A run's row.
pub(super) struct RunRow {
    pub(super) info: RunInfo,
    /// Doubts that it was allowed to ask again.
    pub(super) released: u64,
}

/// All runs, newest first.
pub(super) fn runs(db: &Connection) -> rusqlite::Result<Vec<RunInfo>> {
    Ok(run_rows(db)?.into_iter().map(|row| row.info).collect())
}

pub(super) fn run_rows(db: &Connection) -> rusqlite::Result<Vec<RunRow>> {
    let mut statement = db.prepare_cached(
        "SELECT run.id, input_digest, input_name, apis, reuse, run.began, window_opens, finished, outcome, released, \
                ifnull(max(owner.seen), run.began), \
                (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'forgotten') \
         FROM run LEFT JOIN owner ON owner.run = run.id GROUP BY run.id ORDER BY run.id DESC",
    )?;
    statement.query_map([], run_of)?.collect()
}

fn run_of(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let began = Stamp(row.get(5)?);
    let reuse: Reuse = row
        .get_ref(4)?
        .as_str()?
        .parse()
        .map_err(|wrong: String| rusqlite::Error::FromSqlConversionFailure(4, Type::Text, wrong.into()))?;
    let window = Window { opens: Stamp(row.get(6)?), ..reuse.window(began) };
    let apis = row.get_ref(3)?.as_str()?.split(API_SEPARATOR).filter(|api| !api.is_empty()).map(ApiId::new).collect();
    let info = RunInfo {
        id: RunId(row.get(0)?),
        key: RunKey { input_digest: row.get(1)?, apis, reuse, input_name: row.get(2)? },
        began,
        last_seen: Stamp(row.get(10)?),
        finished: row.get::<_, Option<i64>>(7)?.map(Stamp),
        outcome: row.get(8)?,
        window,
        forgotten: row.get::<_, Option<i32>>(11)?.is_some_and(|day| window.opens < Day(day).start()),
    };
    Ok(RunRow { info, released: row.get::<_, Count>(9)?.0 })
}

const API_SEPARATOR: char = ',';

/// The APIs of a run as its row holds them.
pub(super) fn join_apis(apis: &[ApiId]) -> String {
    let names: Vec<_> = apis.iter().map(ApiId::as_str).collect();
    names.join(&API_SEPARATOR.to_string())
}
