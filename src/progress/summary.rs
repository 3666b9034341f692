//! The end of a run: one JSON object for scripts (CONTRACT: Summary JSON), one table and one paragraph for people.

use std::fmt::Write;
use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;

use super::words::{count, hours};

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
        let mut out = String::new();
        let state = if self.finished { "finished" } else { "stopped early" };
        let time = hours(Duration::from_secs_f64(self.seconds));
        let _ = writeln!(
            out,
            "run {} {state} after {time}: {} rows, {} numbers",
            self.run,
            count(self.rows),
            count(self.distinct)
        );
        self.table(&mut out);
        match &self.output {
            Some(output) => writeln!(out, "written: {output}"),
            None => writeln!(out, "no output was written"),
        }
        .unwrap_or_default();
        let _ = writeln!(out, "ledger: {}", self.ledger);
        for advice in self.advice() {
            let _ = writeln!(out, "{advice}");
        }
        out.truncate(out.trim_end().len());
        out
    }

    fn table(&self, out: &mut String) {
        let mut rows: Vec<(&str, Vec<String>)> = vec![("", self.lanes.keys().cloned().collect())];
        let statuses = self.lanes.values().next().map(|lane| lane.statuses.keys().copied()).into_iter().flatten();
        for status in statuses {
            let cells: Vec<_> = self.lanes.values().map(|lane| lane.statuses[status]).collect();
            if cells.iter().any(|rows| *rows > 0) {
                rows.push((status, cells.into_iter().map(count).collect()));
            }
        }
        let mut line =
            |name, cell: &dyn Fn(&LaneSummary) -> String| rows.push((name, self.lanes.values().map(cell).collect()));
        line("calls", &|lane| count(lane.calls));
        line("paid", &|lane| count(lane.billed));
        line("reused", &|lane| count(lane.reused));
        if self.lanes.values().any(|lane| lane.spent.is_some()) {
            line("yuan spent", &|lane| lane.spent.clone().unwrap_or_else(|| "?".to_owned()));
        }
        if self.lanes.values().any(|lane| lane.in_doubt > 0) {
            line("calls in doubt", &|lane| count(lane.in_doubt));
            line("yuan at stake", &|lane| lane.at_stake.clone().unwrap_or_else(|| "?".to_owned()));
        }
        line("calls/s", &|lane| format!("{:.1}", lane.rate_achieved));
        let widths: Vec<usize> = (0..self.lanes.len())
            .map(|lane| rows.iter().map(|(_, cells)| cells[lane].len()).max().unwrap_or(0))
            .collect();
        for (name, cells) in &rows {
            let _ = write!(out, "  {name:14}");
            for (cell, width) in cells.iter().zip(&widths) {
                let _ = write!(out, "  {cell:>width$}");
            }
            out.push('\n');
        }
    }

    fn advice(&self) -> Vec<String> {
        let mut advice: Vec<String> =
            self.lanes.iter().filter_map(|(id, lane)| Some(format!("{id}: {}", lane.advice.as_ref()?))).collect();
        let sum = |pick: fn(&LaneSummary) -> u64| self.lanes.values().map(pick).sum::<u64>();
        let assumed = sum(|lane| lane.unbilled_assumed);
        if assumed > 0 {
            advice.push(format!(
                "{} calls are taken for unbilled although the document does not say so; a statement tells (payonce reconcile)",
                count(assumed)
            ));
        }
        let rows =
            |status: &str| self.lanes.values().map(|lane| lane.statuses.get(status).copied().unwrap_or(0)).sum::<u64>();
        if rows("in_doubt") > 0 {
            advice.push(
                "calls in doubt may have been paid: see `payonce doubts`; they are not asked again until you decide"
                    .to_owned(),
            );
        }
        let rows =
            |status: &str| self.lanes.values().map(|lane| lane.statuses.get(status).copied().unwrap_or(0)).sum::<u64>();
        if !self.finished {
            advice.push(format!(
                "{} rows are still pending: run the same command again, only what is not yet paid is asked",
                count(rows("pending"))
            ));
        } else if rows("failed") > 0 {
            advice.push("failed rows were not paid; running the same command again asks them anew".to_owned());
        }
        advice
    }
}
