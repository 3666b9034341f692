//! The bill beforehand: what a run would ask, what it would cost, how long it would take.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::words::{count, hours};

/// Cells that are invalid for one reason.
#[derive(Clone, Debug, Serialize)]
pub struct InvalidCells {
    pub reason: &'static str,
    pub text: String,
    pub rows: u64,
    /// The first records of it.
    pub records: Vec<u64>,
}

/// What one lane would do. Numbers are distinct ones unless rows are named.
#[derive(Clone, Debug, Serialize)]
pub struct LaneBill {
    pub to_ask: u64,
    pub known: u64,
    pub reused: u64,
    pub stale: u64,
    pub blocked: u64,
    pub needs_number: u64,
    pub other_carrier_rows: u64,
    pub skipped_rows: u64,
    /// Yuan; null where nobody has said what a call costs.
    pub price: Option<String>,
    /// Yuan if every number is answered.
    pub worst_case_cost: Option<String>,
    /// At the configured rate.
    pub seconds: f64,
    /// Calls per second.
    pub rate_configured: f64,
}

/// The bill of all lanes.
#[derive(Clone, Debug, Serialize)]
pub struct Bill {
    pub input: String,
    pub encoding: String,
    pub delimiter: String,
    pub phone_column: String,
    pub rows: u64,
    pub distinct: u64,
    pub invalid_rows: u64,
    pub invalid: Vec<InvalidCells>,
    pub worst_case_cost: Option<String>,
    /// Of the slowest lane.
    pub seconds: f64,
    /// When it would end if it began now, in the local zone (RFC 3339).
    pub ends_at: String,
    pub budget: Option<String>,
    pub fits_budget: Option<bool>,
    pub until: Option<String>,
    pub fits_until: Option<bool>,
    pub lanes: indexmap::IndexMap<String, LaneBill>,
    #[serde(skip)]
    pub ends_at_clock: String,
}

impl Bill {
    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{}: {} rows, {} distinct numbers in column '{}' ({}, delimiter {})",
            self.input,
            count(self.rows),
            count(self.distinct),
            self.phone_column,
            self.encoding,
            self.delimiter
        );
        if self.invalid_rows > 0 {
            let _ = writeln!(out, "  {} rows cannot be asked about:", count(self.invalid_rows));
        }
        for group in &self.invalid {
            let records: Vec<_> = group.records.iter().map(u64::to_string).collect();
            let more = if group.rows > group.records.len() as u64 { ", …" } else { "" };
            let _ = writeln!(out, "    {:>7}  {} (record {}{more})", count(group.rows), group.text, records.join(", "));
        }
        for (id, lane) in &self.lanes {
            lane.write(&mut out, id);
        }
        let asks: u64 = self.lanes.values().map(|lane| lane.to_ask).sum();
        if asks > 0 {
            let cost = match &self.worst_case_cost {
                Some(cost) => format!("at most {cost} yuan"),
                None => "cost unknown (pass --price YUAN to see it)".to_owned(),
            };
            let time = hours(Duration::from_secs_f64(self.seconds));
            let _ =
                writeln!(out, "in all: {} calls, {cost}, {time}, so until about {}", count(asks), self.ends_at_clock);
        } else {
            out.push_str("in all: nothing to ask, nothing to pay\n");
        }
        if let (Some(budget), Some(false)) = (&self.budget, self.fits_budget) {
            let _ =
                writeln!(out, "the budget of {budget} yuan is less than that: the run would stop when it is used up");
        }
        if let (Some(until), Some(false)) = (&self.until, self.fits_until) {
            let _ = writeln!(out, "the run may send only {until}: it would stop before the end");
        }
        out.truncate(out.trim_end().len());
        out
    }
}

impl LaneBill {
    fn write(&self, out: &mut String, id: &str) {
        let cost = self.worst_case_cost.as_ref().map(|cost| format!(", at most {cost} yuan")).unwrap_or_default();
        let _ = writeln!(out, "  {id}: {} to ask{cost}", count(self.to_ask));
        for (number, what) in [
            (self.known, "known already, not asked again"),
            (self.stale, "of those to ask were answered before, but for another month or too long ago"),
            (self.blocked, "in doubt, written off or lost: not asked (see `payonce doubts`)"),
            (self.needs_number, "there as digests only, where this API needs the number"),
            (self.skipped_rows, "rows skipped: another carrier's segment"),
        ] {
            if number > 0 {
                let _ = writeln!(out, "    {:>7}  {what}", count(number));
            }
        }
        if self.other_carrier_rows > self.skipped_rows {
            let _ = writeln!(
                out,
                "    {:>7}  rows in segments of other carriers (a hint: numbers are portable; --only-segment skips them)",
                count(self.other_carrier_rows)
            );
        }
    }
}
