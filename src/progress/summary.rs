//! The end of a run: one JSON object for scripts (CONTRACT: Summary JSON), one table and one paragraph for people.

use std::borrow::Cow;
use std::time::Duration;

use indexmap::IndexMap;
use rust_i18n::t;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::words::{count, hours, left, right, status};
use crate::domain::status::Status;

/// One lane's part of the summary. Counts of calls and money are those of the run, over all its invocations.
#[derive(Clone, Debug, Serialize)]
pub struct LaneSummary {
    pub stopped_by: Option<&'static str>,
    /// Rows by status.
    pub statuses: IndexMap<&'static str, u64>,
    pub calls: u64,
    pub billed: u64,
    pub unbilled: u64,
    /// Unbilled as payonce assumes; the document does not say so.
    pub unbilled_assumed: u64,
    pub in_doubt: u64,
    /// Distinct numbers whose answers came from other runs.
    pub reused: u64,
    /// Yuan; null where nobody has said what a call costs.
    pub spent: Option<String>,
    pub at_stake: Option<String>,
    /// Most calls started in any sliding second of this invocation.
    pub worst_window: u64,
    /// Calls per second.
    pub rate_configured: f64,
    pub rate_achieved: f64,
    /// Kept back from the budget for calls that may yet turn out to be billed; for people.
    #[serde(skip)]
    pub held: Option<String>,
    /// What to do about the lane's end; for people.
    #[serde(skip)]
    pub advice: Option<String>,
}

/// The summary of an invocation.
#[derive(Clone, Debug, Serialize)]
pub struct RunSummary {
    pub run: i64,
    pub exit_code: u8,
    pub input: String,
    /// Null where none was written.
    pub output: Option<String>,
    pub rows: u64,
    pub distinct: u64,
    pub seconds: f64,
    pub lanes: IndexMap<String, LaneSummary>,
    #[serde(skip)]
    pub ledger: String,
    #[serde(skip)]
    pub finished: bool,
}

impl RunSummary {
    /// For people: a table of the lanes, then what to do.
    pub fn text(&self) -> String {
        let time = hours(Duration::from_secs_f64(self.seconds));
        let (run, rows, numbers) = (self.run, count(self.rows), count(self.distinct));
        let head = match self.finished {
            true => t!("summary.finished", run = run, time = time, rows = rows, numbers = numbers),
            false => t!("summary.stopped", run = run, time = time, rows = rows, numbers = numbers),
        };
        let mut lines = vec![head.into_owned()];
        lines.extend(self.table());
        lines.push(match &self.output {
            Some(output) => t!("summary.written", output = output).into_owned(),
            None => t!("summary.not_written").into_owned(),
        });
        lines.push(t!("summary.ledger", ledger = self.ledger).into_owned());
        lines.extend(self.advice());
        lines.join("\n")
    }

    fn table(&self) -> Vec<String> {
        let mut rows: Vec<(String, Vec<String>)> = vec![(String::new(), self.lanes.keys().cloned().collect())];
        let statuses = self.lanes.values().next().map(|lane| lane.statuses.keys().copied()).into_iter().flatten();
        for name in statuses {
            let cells: Vec<u64> = self.lanes.values().map(|lane| lane.statuses[name]).collect();
            if cells.iter().any(|rows| *rows > 0) {
                rows.push((status(name), cells.into_iter().map(count).collect()));
            }
        }
        let mut row = |name: Cow<'_, str>, cell: &dyn Fn(&LaneSummary) -> String| {
            rows.push((name.into_owned(), self.lanes.values().map(cell).collect()));
        };
        let money = |amount: &Option<String>| amount.clone().unwrap_or_else(|| "?".to_owned());
        row(t!("summary.calls"), &|lane| count(lane.calls));
        row(t!("summary.paid"), &|lane| count(lane.billed));
        row(t!("summary.reused"), &|lane| count(lane.reused));
        if self.lanes.values().any(|lane| lane.spent.is_some()) {
            row(t!("summary.spent"), &|lane| money(&lane.spent));
        }
        if self.lanes.values().any(|lane| lane.in_doubt > 0) {
            row(t!("summary.doubts"), &|lane| count(lane.in_doubt));
            row(t!("summary.at_stake"), &|lane| money(&lane.at_stake));
        }
        if self.lanes.values().any(|lane| lane.held.is_some()) {
            row(t!("summary.held"), &|lane| lane.held.clone().unwrap_or_else(|| "0.00".to_owned()));
        }
        row(t!("summary.rate"), &|lane| format!("{:.1}", lane.rate_achieved));
        aligned(&rows)
    }

    fn rows(&self, status: Status) -> u64 {
        self.lanes.values().filter_map(|lane| lane.statuses.get(status.as_str())).sum()
    }

    fn advice(&self) -> Vec<String> {
        let of_lane = |(id, lane): (&String, &LaneSummary)| Some(format!("{id}: {}", lane.advice.as_ref()?));
        let mut advice: Vec<String> = self.lanes.iter().filter_map(of_lane).collect();
        let assumed: u64 = self.lanes.values().map(|lane| lane.unbilled_assumed).sum();
        if assumed > 0 {
            advice.push(t!("summary.assumed", n = count(assumed)).into_owned());
        }
        if self.rows(Status::InDoubt) > 0 {
            advice.push(t!("summary.in_doubt", ledger = self.ledger).into_owned());
        }
        if self.rows(Status::Pending) > 0 {
            advice.push(t!("summary.pending", n = count(self.rows(Status::Pending))).into_owned());
        } else if self.rows(Status::Failed) > 0 {
            advice.push(t!("summary.failed").into_owned());
        }
        advice
    }
}

/// Names on the left, numbers on the right of their columns.
fn aligned(rows: &[(String, Vec<String>)]) -> Vec<String> {
    let names = rows.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let columns = rows.first().map_or(0, |(_, cells)| cells.len());
    let width = |column: usize| rows.iter().map(|(_, cells)| cells[column].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    rows.iter()
        .map(|(name, cells)| {
            let cells: String =
                cells.iter().zip(&widths).map(|(cell, width)| format!("  {}", right(cell, *width))).collect();
            format!("  {}{cells}", left(name, names))
        })
        .collect()
}
