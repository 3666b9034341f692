//! A run in retrospect, read in one pass over the calls.
//!
//! Invariants: memory is flat in the number of calls. Ticks are bounded by the ruler, latencies are kept to three digits, codes of
//! fields up to a limit. How it fails: with SQLite's error; a rate in the file that is none is left out, since nothing hangs on it.

use std::collections::{BTreeMap, HashMap};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::domain::call::CallState;
use crate::domain::freshness::Stamp;
use crate::domain::ids::{ApiId, RunId};
use crate::domain::rate::Rate;
use crate::domain::review::{FieldCodes, Invocation, LaneReview, Latency, Review, Ruler, Tick};
use crate::ledger::rows::{FIELD_SEPARATOR, State};

/// The rates of an invocation as its row holds them: `api=50/s`, separated by spaces.
pub(super) fn join_rates(rates: &[(ApiId, Rate)]) -> String {
    let words: Vec<_> = rates.iter().map(|(api, rate)| format!("{api}={rate}")).collect();
    words.join(" ")
}

fn split_rates(text: &str) -> Vec<(ApiId, Rate)> {
    let rate = |word: &str| {
        let (api, rate) = word.split_once('=')?;
        Some((ApiId::new(api), rate.parse().ok()?))
    };
    text.split(' ').filter_map(rate).collect()
}

/// The invocations of a run, in order.
pub(super) fn invocations(db: &Connection, run: RunId) -> rusqlite::Result<Vec<Invocation>> {
    let mut statement =
        db.prepare_cached("SELECT began, seen, ended, rates FROM owner WHERE run = ?1 ORDER BY began, id")?;
    let invocation = |row: &Row<'_>| {
        Ok(Invocation {
            began: Stamp(row.get(0)?),
            seen: Stamp(row.get(1)?),
            ended: row.get::<_, Option<i64>>(2)?.map(Stamp),
            rates: split_rates(row.get_ref(3)?.as_str()?),
        })
    };
    statement.query_map([run.0], invocation)?.collect()
}

/// How a run went.
pub(super) fn review(db: &Connection, run: RunId, ruler: Ruler) -> rusqlite::Result<Review> {
    let mut lanes: HashMap<i64, Lane> = HashMap::new();
    let mut statement = db.prepare_cached(
        "SELECT api, at, state, took, fields FROM call WHERE owner IN (SELECT id FROM owner WHERE run = ?1) \
         UNION ALL SELECT api, at, NULL, NULL, NULL FROM open_call WHERE owner IN (SELECT id FROM owner WHERE run = ?1)",
    )?;
    let mut rows = statement.query([run.0])?;
    while let Some(row) = rows.next()? {
        lanes.entry(row.get(0)?).or_default().add(row, ruler)?;
    }
    let mut review = Review::new();
    for (id, lane) in lanes {
        let name = db
            .prepare_cached("SELECT name FROM api WHERE id = ?1")?
            .query_row([id], |row| Ok(ApiId::new(row.get_ref(0)?.as_str()?)))?;
        review.push((name, lane.close()));
    }
    review.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(review)
}

/// What is counted of one API.
#[derive(Default)]
struct Lane {
    ticks: BTreeMap<i64, Tick>,
    states: BTreeMap<CallState, u64>,
    /// Calls by how long they took, to three digits.
    took: BTreeMap<u32, u64>,
    fields: Vec<Codes>,
}

#[derive(Default)]
struct Codes {
    codes: BTreeMap<String, u64>,
    others: u64,
}

impl Lane {
    fn add(&mut self, row: &Row<'_>, ruler: Ruler) -> rusqlite::Result<()> {
        let at = (row.get::<_, i64>(1)? - ruler.origin.0).div_euclid(ruler.step.max(1));
        let state = row.get::<_, Option<State>>(2)?.map_or(CallState::Open, CallState::from);
        let tick = self.ticks.entry(at).or_insert(Tick { at, ..Tick::default() });
        tick.calls += 1;
        match state {
            CallState::Open => {}
            CallState::Paid | CallState::Lost => tick.billed += 1,
            CallState::InDoubt | CallState::Released | CallState::WrittenOff => tick.in_doubt += 1,
            CallState::NoRecord | CallState::Rejected | CallState::Failed | CallState::Unpaid => tick.unbilled += 1,
        }
        *self.states.entry(state).or_default() += 1;
        if let Some(took) = row.get::<_, Option<u32>>(3)? {
            *self.took.entry(three_digits(took)).or_default() += 1;
        }
        match row.get_ref(4)? {
            ValueRef::Text(fields) if state == CallState::Paid => self.add_fields(&String::from_utf8_lossy(fields)),
            _ => {}
        }
        Ok(())
    }

    fn add_fields(&mut self, fields: &str) {
        for (position, code) in fields.split(FIELD_SEPARATOR).enumerate() {
            if position == self.fields.len() {
                self.fields.push(Codes::default());
            }
            let field = &mut self.fields[position];
            if let Some(count) = field.codes.get_mut(code) {
                *count += 1;
            } else if field.codes.len() < FieldCodes::MOST {
                field.codes.insert(code.to_owned(), 1);
            } else {
                field.others += 1;
            }
        }
    }

    fn close(self) -> LaneReview {
        let fields = self.fields.into_iter();
        LaneReview {
            ticks: self.ticks.into_values().collect(),
            states: self.states.into_iter().collect(),
            latency: latency(&self.took),
            fields: fields
                .map(|field| FieldCodes { codes: field.codes.into_iter().collect(), others: field.others })
                .collect(),
        }
    }
}

/// Rounded to three digits, so that there are few thousand different values at most.
fn three_digits(number: u32) -> u32 {
    let mut unit = 1;
    while number / unit >= 1000 {
        unit *= 10;
    }
    number / unit * unit
}

fn latency(took: &BTreeMap<u32, u64>) -> Option<Latency> {
    let calls: u64 = took.values().sum();
    let max = *took.keys().next_back()?;
    // The smallest time that so many calls of a hundred did not exceed.
    let percentile = |hundredths: u64| {
        let rank = (calls * hundredths).div_ceil(100).max(1);
        let mut seen = 0;
        let within = took.iter().find(|(_, count)| {
            seen += **count;
            seen >= rank
        });
        within.map_or(max, |(ms, _)| *ms)
    };
    Some(Latency { calls, p50: percentile(50), p90: percentile(90), p99: percentile(99), max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_kept() {
        assert_eq!(
            [0, 7, 999, 1000, 1234, 99_999, u32::MAX].map(three_digits),
            [0, 7, 999, 1000, 1230, 99_900, 4_290_000_000]
        );
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        assert_eq!(latency(&BTreeMap::new()), None);
        let one = latency(&BTreeMap::from([(40, 1)]));
        assert_eq!(one, Some(Latency { calls: 1, p50: 40, p90: 40, p99: 40, max: 40 }));
        let took = (1..=1000).map(|ms| (ms, 1)).collect();
        assert_eq!(latency(&took), Some(Latency { calls: 1000, p50: 500, p90: 900, p99: 990, max: 1000 }));
    }

    #[test]
    fn codes_beyond_the_limit_are_only_counted() {
        let mut lane = Lane::default();
        for n in 0..100 {
            lane.add_fields(&format!("1\u{1F}code {n}"));
        }
        let lane = lane.close();
        assert_eq!(lane.fields[0], FieldCodes { codes: vec![("1".to_owned(), 100)], others: 0 });
        assert_eq!((lane.fields[1].codes.len(), lane.fields[1].others), (64, 36));
    }

    #[test]
    fn rates_come_back_as_they_went_in() {
        let rates = vec![(ApiId::new("a"), Rate::per_second(50)), (ApiId::new("b"), "90/m".parse().expect("a rate"))];
        assert_eq!(split_rates(&join_rates(&rates)), rates);
        assert_eq!(split_rates(""), []);
    }
}
