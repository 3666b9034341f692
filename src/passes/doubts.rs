//! Doubts: read, joined with the file that they came from, and decided by the operator.
//!
//! Invariants: deciding is one transaction of the ledger, so a crash leaves every doubt of a request decided or none; orphans of
//! killed runs become doubts before anything is decided, so that "all" means all; no plain number is kept, and a mask is made
//! only of a number that the given file holds. How it fails: a run or a doubt that is not there is named, and nothing is decided.

use std::collections::{HashMap, HashSet};

use crate::domain::call::{Decision, DoubtEntry, DoubtFilter};
use crate::domain::cell;
use crate::domain::ids::{CallId, RunId};
use crate::domain::ports::{Ledger, LedgerError};
use crate::domain::run::RunInfo;
use crate::domain::subject::{Identity, Subject};
use crate::table::{Input, Row};

/// Doubts read at a time.
const PAGE: usize = 1000;

/// Which doubts are decided.
#[derive(Clone, Debug)]
pub enum Which {
    Calls(Vec<CallId>),
    Matching(DoubtFilter),
}

/// What was decided.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Calls of killed runs that became doubts just before.
    pub orphans: u64,
    pub doubts: Vec<DoubtEntry>,
    /// The runs of those doubts, oldest first.
    pub runs: Vec<RunInfo>,
}

/// Every doubt that fits the filter.
pub async fn doubts<L: Ledger>(ledger: &L, filter: &DoubtFilter) -> Result<Vec<DoubtEntry>, LedgerError> {
    if let Some(run) = filter.run {
        run_of(&ledger.runs().await?, run)?;
    }
    let mut entries: Vec<DoubtEntry> = Vec::new();
    loop {
        let cursor = entries.last().map(|entry| entry.call);
        let page = ledger.doubts(filter.clone(), cursor, PAGE).await?;
        if page.is_empty() {
            return Ok(entries);
        }
        entries.extend(page);
    }
}

fn run_of(runs: &[RunInfo], id: RunId) -> Result<&RunInfo, LedgerError> {
    runs.iter().find(|run| run.id == id).ok_or(LedgerError::NoSuchRun(id))
}

/// Turns what killed runs left open into doubts. The caller holds the lock.
pub async fn adopt_all<L: Ledger>(ledger: &L) -> Result<u64, LedgerError> {
    let mut orphans = 0;
    for run in ledger.runs().await? {
        orphans += ledger.adopt_orphans(run.id).await?;
    }
    Ok(orphans)
}

/// Decides doubts. The caller holds the lock.
pub async fn decide<L: Ledger>(ledger: &L, which: Which, decision: Decision) -> Result<Decided, LedgerError> {
    let orphans = adopt_all(ledger).await?;
    let chosen = match which {
        Which::Matching(filter) => doubts(ledger, &filter).await?,
        Which::Calls(calls) => chosen(doubts(ledger, &DoubtFilter::default()).await?, &calls)?,
    };
    if !chosen.is_empty() {
        ledger.decide(chosen.iter().map(|doubt| doubt.call).collect(), decision).await?;
    }
    let mut runs = ledger.runs().await?;
    runs.retain(|run| chosen.iter().any(|doubt| doubt.run == run.id));
    runs.reverse();
    Ok(Decided { orphans, doubts: chosen, runs })
}

/// The doubts of those calls, all of them or an error that names the first one that is none.
fn chosen(all: Vec<DoubtEntry>, calls: &[CallId]) -> Result<Vec<DoubtEntry>, LedgerError> {
    let wanted: HashSet<CallId> = calls.iter().copied().collect();
    let chosen: Vec<_> = all.into_iter().filter(|doubt| wanted.contains(&doubt.call)).collect();
    match calls.iter().find(|call| !chosen.iter().any(|doubt| doubt.call == **call)) {
        Some(missing) => Err(LedgerError::NoSuchDoubt(*missing)),
        None => Ok(chosen),
    }
}

/// The masked numbers of those subjects that the file holds as numbers. Blocking.
pub fn masked_numbers(input: &Input, subjects: &HashSet<Subject>) -> anyhow::Result<HashMap<Subject, String>> {
    let mut found = HashMap::new();
    let (mut rows, mut row) = (input.rows()?, Row::new());
    while rows.next_into(&mut row)? {
        if let Ok(Identity::Number(number)) = cell::judge(row.cell())
            && subjects.contains(&number.subject())
        {
            found.entry(number.subject()).or_insert_with(|| number.masked());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::freshness::Stamp;
    use crate::domain::ids::ApiId;
    use crate::domain::money::Money;

    fn doubt(call: i64) -> DoubtEntry {
        DoubtEntry {
            call: CallId(call),
            run: RunId(1),
            api: ApiId::new("a"),
            subject: Subject::from_bytes([0; 32]),
            input: String::new(),
            record: 1,
            sent: Stamp(0),
            reason: String::new(),
            at_stake: Money::ZERO,
        }
    }

    #[test]
    fn named_calls_are_all_doubts_or_nothing_is_chosen() {
        let all = vec![doubt(3), doubt(5), doubt(9)];
        let calls = |ids: &[i64]| ids.iter().copied().map(CallId).collect::<Vec<_>>();
        let of = |ids: &[i64]| chosen(all.clone(), &calls(ids)).map(|doubts| doubts.len());
        assert_eq!(of(&[9, 3, 3]).ok(), Some(2));
        assert!(matches!(of(&[3, 4, 5, 6]), Err(LedgerError::NoSuchDoubt(CallId(4)))));
    }
}
