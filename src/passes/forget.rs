//! Forgetting: whether answers may be dropped without their being paid for again.
//!
//! Invariants: what a run begun now would reuse is kept, by the strictest of the reuse rules that the config and the runs of this
//! ledger show to be in use; so is what an unfinished run keeps as its own. Only an explicit word overrides that. A finished run
//! is not gone on with once its answers are dropped, which the ledger sees to. How it fails: [`StillFresh`] names the day up to
//! which forgetting is safe; nothing is dropped then.

use super::doubts::adopt_all;
use crate::domain::freshness::{Day, Reuse, Stamp};
use crate::domain::ids::RunId;
use crate::domain::ports::{Ledger, LedgerError};
use crate::domain::run::RunInfo;

/// Why answers are not dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StillFresh {
    #[error(
        "answers of {} and later are still reused ({reuse}), and would be paid for again: forget --before {} at most, or pass --even-fresh",
        .safe, .safe
    )]
    Reused { safe: Day, reuse: Reuse },
    #[error(
        "run {run} ({input}) is not finished and keeps what it was answered since {}; finish it by running it again, forget --before {} at \
         most, or pass --even-fresh",
        .safe, .safe
    )]
    Unfinished { run: RunId, input: String, safe: Day },
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// Calls of killed runs that became doubts just before, and are kept.
    pub orphans: u64,
    pub calls: u64,
}

/// Whether answers of before that day may be dropped at `now`.
pub fn may_forget(before: Day, now: Stamp, reuse: Reuse, runs: &[RunInfo]) -> Result<(), StillFresh> {
    let rules = runs.iter().map(|run| run.key.reuse).chain([reuse, Reuse::Month]);
    let fresh = rules.map(|rule| (rule.window(now).opens, rule)).min_by_key(|(opens, _)| *opens);
    if let Some((opens, reuse)) = fresh
        && before.start() > opens
    {
        return Err(StillFresh::Reused { safe: opens.day(), reuse });
    }
    // What is forgotten already is not gone on with.
    let mut unfinished = runs.iter().filter(|run| run.finished.is_none() && !run.forgotten);
    match unfinished.find(|run| run.window.opens < before.start()) {
        Some(run) => {
            let input = run.key.input_name.clone();
            Err(StillFresh::Unfinished { run: run.id, input, safe: run.window.opens.day() })
        }
        None => Ok(()),
    }
}

/// Drops answers of before that day. The caller holds the lock.
pub async fn forget<L: Ledger>(ledger: &L, before: Day) -> Result<Forgotten, LedgerError> {
    // A call left open is no answer: it becomes a doubt, and doubts are kept.
    let orphans = adopt_all(ledger).await?;
    Ok(Forgotten { orphans, calls: ledger.forget(before).await? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::RunKey;

    fn run(id: i64, began: &str, reuse: Reuse, finished: bool, forgotten: bool) -> RunInfo {
        let began = began.parse::<Day>().unwrap().start();
        RunInfo {
            id: RunId(id),
            key: RunKey { input_digest: [0; 32], apis: Vec::new(), reuse, input_name: "a.csv".to_owned() },
            began,
            last_seen: began,
            finished: finished.then_some(began),
            outcome: None,
            window: reuse.window(began),
            forgotten,
        }
    }

    #[test]
    fn what_is_fresh_stays() {
        let now: Stamp = Stamp("2026-11-21".parse::<Day>().unwrap().start().0 + 3_600_000);
        let finished = |reuse| vec![run(1, "2026-09-05", reuse, true, false)];
        let unfinished = |forgotten| vec![run(2, "2026-10-30", Reuse::Month, false, forgotten)];
        // runs of the ledger, the config's rule, the day, how far it is safe
        let table: Vec<(Vec<RunInfo>, Reuse, &str, Option<&str>)> = vec![
            (vec![], Reuse::Month, "2026-11-01", None),
            (vec![], Reuse::Month, "2026-11-02", Some("2026-11-01")),
            (vec![], Reuse::Month, "2027-01-01", Some("2026-11-01")),
            (vec![], Reuse::Days(30), "2026-10-22", None),
            (vec![], Reuse::Days(30), "2026-11-01", Some("2026-10-22")),
            (vec![], Reuse::Days(3), "2026-11-18", Some("2026-11-01")),
            (finished(Reuse::Days(60)), Reuse::Month, "2026-10-01", Some("2026-09-22")),
            (finished(Reuse::Month), Reuse::Month, "2026-11-01", None),
            (unfinished(false), Reuse::Month, "2026-10-01", None),
            (unfinished(false), Reuse::Month, "2026-10-02", Some("2026-10-01")),
            (unfinished(true), Reuse::Month, "2026-11-01", None),
        ];
        for (runs, reuse, before, safe) in table {
            let safe: Option<Day> = safe.map(|day| day.parse().unwrap());
            let found = may_forget(before.parse().unwrap(), now, reuse, &runs);
            let refused = found.err().map(|why| match why {
                StillFresh::Reused { safe, .. } | StillFresh::Unfinished { safe, .. } => safe,
            });
            assert_eq!(refused, safe, "{reuse} {before} {runs:?}");
            if let Some(safe) = refused {
                assert_eq!(may_forget(safe, now, reuse, &runs), Ok(()), "the day that is named is safe");
            }
        }
    }
}
