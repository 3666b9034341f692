//! The vendor's statement against the ledger: what agrees, what was charged without our knowing, what we counted and the vendor
//! did not charge; and which doubts that decides.
//!
//! Four passes, two over the statement and two over the ledger's calls, each streaming. Order IDs are matched first; charges that
//! no order ID explains are held against the calls of their number about their time.
//!
//! Invariants:
//! - A call is decided as charged where a charge names its order ID, or its number and time.
//! - A call is cleared as not charged only where the statement carries numbers, covers the call's time by a day on both sides,
//!   and leaves no charge unexplained that could be the one for this call.
//! - Looking changes nothing. [`apply`] decides the charged calls first and in batches, each a transaction of the ledger: a crash
//!   in between leaves money counted that a second run frees, never the other way round. Applying twice does nothing twice.
//!
//! How it fails: a statement that changes under the reading, or a ledger that fails; nothing is decided before all four passes
//! are over.

mod calls;
mod charges;
mod coverage;
mod orders;
mod pairing;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::calls::{Candidates, count_known};
use self::charges::{First, Second, first_pass, second_pass};
use self::coverage::Attribution;
use crate::domain::call::{CallFilter, Decision, Scope};
use crate::domain::freshness::{DAY_MS, Stamp};
use crate::domain::ids::{ApiId, CallId};
use crate::domain::money::Money;
use crate::domain::ports::{Ledger, LedgerError};
use crate::table::Statement;

pub use self::coverage::{ApiNames, Span};

/// Records and calls that are named for each finding.
const EXAMPLES: usize = 20;
/// Calls decided in one transaction.
const BATCH: usize = 1000;

/// What the statement says by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatementSide {
    /// Lines that charge.
    pub charges: u64,
    /// Sum of their amounts; zero without such a column.
    pub money: Money,
    /// Lines that list a call for nothing.
    pub free: u64,
    /// Lines with neither order ID nor number.
    pub ignored: u64,
    /// Taken for charges, their amounts left out of the sum.
    pub unreadable_amounts: u64,
    /// Taken for charges, their amounts taken off the sum.
    pub negative_amounts: u64,
}

/// Calls or lines, their money, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub count: u64,
    pub money: Money,
    /// Numbers of calls, or of the statement's records.
    pub examples: Vec<i64>,
}

impl Tally {
    fn enter(&mut self, id: i64, money: Money) {
        self.count += 1;
        self.money += money;
        if self.examples.len() < EXAMPLES {
            self.examples.push(id);
        }
    }

    fn leave(&mut self, id: i64, money: Money) {
        self.count -= 1;
        self.money -= money;
        self.examples.retain(|example| *example != id);
    }
}

/// Calls to be decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub calls: Vec<CallId>,
    pub money: Money,
}

impl Verdict {
    fn enter(&mut self, call: CallId, money: Money) {
        self.calls.push(call);
        self.money += money;
    }
}

/// Doubts, and other calls that only a statement decides, which this one does not decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The statement has no numbers.
    pub no_numbers: u64,
    /// It does not cover their time by a day on both sides.
    pub not_covered: u64,
    /// It leaves a charge unexplained that could be theirs.
    pub unexplained: u64,
}

/// What a statement and the ledger say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    pub statement: StatementSide,
    /// Calls counted as charged that agree or were sent within the statement's time.
    pub ledger: Tally,
    /// Charges whose order ID is that of a call.
    pub agreed: u64,
    /// Charges that agree with a call counted as charged by number and time only.
    pub agreed_by_number: u64,
    /// Charges of calls that the document says are free; nothing is changed.
    pub disputed: Tally,
    /// Charges that no call explains; records of the statement.
    pub unknown: Tally,
    /// Of those, the ones that could not be held against single calls, for want of number, time or API.
    pub vague: u64,
    /// Calls counted as charged, sent within the statement's time, that it does not charge; nothing is changed.
    pub absent: Tally,
    /// To be decided as charged.
    pub charged: Verdict,
    /// To be decided as not charged.
    pub cleared: Verdict,
    /// Of all that was decided, how many were doubts: open or undecided.
    pub doubts_decided: u64,
    pub kept: Kept,
    /// Calls without an end in the ledger; they become doubts before anything is decided.
    pub open: u64,
    /// From when to when the lines of each API reach.
    pub spans: BTreeMap<ApiId, Span>,
    pub span: Option<Span>,
}

/// Holds the statement against the ledger. Changes nothing.
pub async fn reconcile<L: Ledger>(
    statement: &Arc<Statement>,
    names: ApiNames,
    given: Option<ApiId>,
    ledger: &L,
) -> anyhow::Result<Reconciliation> {
    let mut attribution = Attribution::new(names, given);
    let First { mut orders, mut coverage, side, names_apis } = {
        let (statement, attribution) = (statement.clone(), attribution.clone());
        tokio::task::spawn_blocking(move || first_pass(&statement, &attribution)).await??
    };
    if !names_apis && let Some(only) = only_api(ledger).await? {
        coverage.give_to(&only);
        attribution.fallback = Some(only);
    }
    let mut found = Reconciliation { statement: side, span: coverage.whole(), ..Reconciliation::default() };
    count_known(ledger, &mut orders, &coverage, &mut found).await?;
    let (orders, second) = {
        let statement = statement.clone();
        tokio::task::spawn_blocking(move || {
            let second = second_pass(&statement, &attribution, &mut orders)?;
            anyhow::Ok((orders, second))
        })
        .await??
    };
    found.enter_vague(&second);
    let mut candidates = Candidates::new(second, orders, &coverage, statement.has_numbers());
    each_call(ledger, around(found.span), |call| candidates.enter(call, &mut found)).await?;
    candidates.finish(&mut found);
    found.spans = coverage.apis;
    Ok(found)
}

impl Reconciliation {
    fn enter_vague(&mut self, second: &Second) {
        self.agreed = second.agreed;
        self.vague = second.vague;
        self.unknown.count = second.vague;
        self.unknown.money = second.vague_money;
        self.unknown.examples =
            second.vague_records.iter().map(|record| i64::try_from(*record).unwrap_or(i64::MAX)).collect();
    }

    /// Something would change.
    pub fn decides(&self) -> bool {
        !self.charged.calls.is_empty() || !self.cleared.calls.is_empty()
    }
}

/// Settles what was found. The caller holds the lock, and took orphans in before it looked.
pub async fn apply<L: Ledger>(found: &Reconciliation, ledger: &L) -> Result<(), LedgerError> {
    // Charged ones first: what is cut short here then only counts too much, and the next time ends it.
    for batch in found.charged.calls.chunks(BATCH) {
        ledger.decide(batch.to_vec(), Decision::Charged).await?;
    }
    for batch in found.cleared.calls.chunks(BATCH) {
        ledger.decide(batch.to_vec(), Decision::NotCharged).await?;
    }
    Ok(())
}

/// The API of all calls, if there is only one.
async fn only_api<L: Ledger>(ledger: &L) -> Result<Option<ApiId>, LedgerError> {
    let mut apis: Vec<ApiId> = ledger.runs().await?.into_iter().flat_map(|run| run.key.apis).collect();
    apis.sort();
    apis.dedup();
    let mut used = Vec::new();
    for api in apis {
        if ledger.totals(Scope { api: Some(api.clone()), ..Scope::default() }).await?.calls > 0 {
            used.push(api);
        }
    }
    Ok(if used.len() == 1 { used.pop() } else { None })
}

/// Calls that a charge may be about, or that silence may speak of: none far outside the statement's time. Without times none.
fn around(span: Option<Span>) -> CallFilter {
    let (first, last) = span.map_or((i64::MAX, i64::MIN), |span| (span.first.0, span.last.0));
    let stamp = |at: i64| Some(Stamp(at));
    CallFilter {
        api: None,
        from: stamp(first.saturating_sub(2 * DAY_MS)),
        before: stamp(last.saturating_add(2 * DAY_MS)),
    }
}

/// Goes over the ledger's calls in pages.
async fn each_call<L: Ledger>(
    ledger: &L,
    filter: CallFilter,
    mut each: impl FnMut(crate::domain::call::CallEntry),
) -> Result<(), LedgerError> {
    const PAGE: usize = 4096;
    let mut cursor = None;
    loop {
        let page = ledger.calls(filter.clone(), cursor, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        cursor = Some(last.call);
        page.into_iter().for_each(&mut each);
    }
}
