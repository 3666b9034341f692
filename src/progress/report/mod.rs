//! The report of a run: what is known about it in, one self-contained HTML page out.
//!
//! Invariants: pure, no clock and no files; the page asks for nothing outside itself and needs no script; every text is escaped
//! where it is written (maud does it), and text from outside goes through `words::outside` as well, so that no control
//! character, no number and no digest that a vendor or a file name carries gets onto the page. Charts stretch with the page, so
//! they hold no words: these stand beside them as HTML, at the size of all other text.

mod axis;
mod bars;
mod glance;
mod page;
mod tables;
#[cfg(test)]
mod tests;
mod timeline;
mod words;

use std::collections::BTreeMap;

pub use self::axis::Axis;
use super::bill::InvalidCells;
use crate::domain::call::{DoubtEntry, Totals};
use crate::domain::freshness::Stamp;
use crate::domain::ids::ApiId;
use crate::domain::review::{Invocation, LaneReview};
use crate::domain::run::LedgerKind;
use crate::domain::status::Status;

/// Everything that the page says.
#[derive(Clone, Debug)]
pub struct Report {
    pub run: i64,
    pub input: String,
    /// None where none was written, or where it is not known.
    pub output: Option<String>,
    pub ledger: String,
    pub kind: LedgerKind,
    /// When this was put together.
    pub made: Stamp,
    pub began: Stamp,
    /// The last sign of life, or the end.
    pub seen: Stamp,
    pub finished: bool,
    /// None while the run is under way, and after it was killed.
    pub exit_code: Option<u8>,
    /// Answers of this run were dropped by `payonce forget`: charts show what is left.
    pub forgotten: bool,
    pub invocations: Vec<Invocation>,
    /// None where the input was not read.
    pub file: Option<FileFacts>,
    pub lanes: Vec<LaneReport>,
    /// The first ones.
    pub doubts: Vec<DoubtEntry>,
    /// `--ledger FILE` where it is not the default one, with a leading space: for commands to copy.
    pub place: String,
    /// The command that goes on with the run.
    pub go_on: String,
}

/// What only the input shows.
#[derive(Clone, Debug)]
pub struct FileFacts {
    pub rows: u64,
    pub distinct: u64,
    pub invalid: Vec<InvalidCells>,
}

/// One API's part.
#[derive(Clone, Debug)]
pub struct LaneReport {
    pub api: ApiId,
    /// None where no profile knows the API any more.
    pub title: Option<String>,
    /// Of the run, over all its invocations.
    pub totals: Totals,
    pub review: LaneReview,
    pub fields: Vec<FieldReport>,
    /// Rows by status; none where the input was not read.
    pub statuses: Option<BTreeMap<Status, u64>>,
    /// Distinct numbers whose answers came from other runs.
    pub reused: Option<u64>,
    /// Distinct numbers that are there as digests only, where this API needs the number.
    pub needs_number: u64,
    /// Most calls started in any sliding second of the last invocation.
    pub worst_window: Option<u64>,
    /// What to do about the way the lane ended.
    pub advice: Option<String>,
}

/// How the answers spread over one field.
#[derive(Clone, Debug, Default)]
pub struct FieldReport {
    pub column: String,
    pub meaning: String,
    /// Codes with labels first, in the order of the codes, those without answers too.
    pub codes: Vec<CodeCount>,
    /// Answers with codes beyond those that are told apart.
    pub others: u64,
    /// A band that no label covers.
    pub gap: Option<Gap>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeCount {
    pub code: String,
    pub label: Option<String>,
    pub answers: u64,
}

/// Labels are bands such as `(5,10]`, and the list leaves one out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub band: String,
    /// The config line that would put the missing band in its place.
    pub override_line: String,
}

impl Report {
    /// The page.
    pub fn html(&self) -> String {
        page::page(self).into_string()
    }

    /// The sum over all APIs.
    fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        for lane in &self.lanes {
            let totals = lane.totals;
            sum.calls += totals.calls;
            sum.open += totals.open;
            sum.billed += totals.billed;
            sum.lost += totals.lost;
            sum.unbilled += totals.unbilled;
            sum.unbilled_assumed += totals.unbilled_assumed;
            sum.in_doubt += totals.in_doubt;
            sum.written_off += totals.written_off;
            sum.released += totals.released;
            sum.paid_again += totals.paid_again;
            sum.spent += totals.spent;
            sum.at_stake += totals.at_stake;
            sum.held += totals.held;
            sum.reserved += totals.reserved;
        }
        sum
    }

    fn rows(&self, status: Status) -> u64 {
        self.lanes.iter().filter_map(|lane| lane.statuses.as_ref()?.get(&status)).sum()
    }
}
