//! The bill beforehand: what a run would ask, what it would cost, how long it would take.

use std::time::Duration;

use rust_i18n::t;
use serde::Serialize;

use super::words::{count, hours, reason};
use crate::domain::cell::Invalid;
use crate::domain::text::for_terminal;

/// Cells that are invalid for one reason.
#[derive(Clone, Debug, Serialize)]
pub struct InvalidCells {
    #[serde(skip)]
    pub invalid: Invalid,
    /// A stable word.
    pub reason: &'static str,
    /// In English.
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
    pub releasable: u64,
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
    /// Empty for a workbook.
    pub delimiter: String,
    /// Which one was read, where the input is a workbook.
    pub sheet: Option<String>,
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
    /// When the run may send, in the language of this process.
    #[serde(skip)]
    pub until_words: String,
    /// The time to send is over before it began.
    #[serde(skip)]
    pub time_is_over: bool,
}

impl Bill {
    /// For people.
    pub fn text(&self) -> String {
        let mut lines = vec![
            t!(
                "bill.head",
                input = self.input,
                rows = count(self.rows),
                distinct = count(self.distinct),
                column = self.phone_column,
                dress = match &self.sheet {
                    Some(sheet) => t!("bill.sheet", sheet = for_terminal(sheet)),
                    None => t!("bill.dress", encoding = self.encoding, delimiter = self.delimiter),
                }
            )
            .into_owned(),
        ];
        if self.invalid_rows > 0 {
            lines.push(format!("  {}", t!("bill.invalid", rows = count(self.invalid_rows))));
        }
        lines.extend(self.invalid.iter().map(InvalidCells::line));
        for (id, lane) in &self.lanes {
            lane.write(&mut lines, id);
        }
        lines.push(self.total());
        if let (Some(budget), Some(false)) = (&self.budget, self.fits_budget) {
            lines.push(t!("bill.over_budget", budget = budget).into_owned());
        }
        if self.fits_until == Some(false) {
            let until = &self.until_words;
            let words = if self.time_is_over {
                t!("bill.time_over", until = until)
            } else {
                t!("bill.over_time", until = until)
            };
            lines.push(words.into_owned());
        }
        lines.join("\n")
    }

    fn total(&self) -> String {
        let asks: u64 = self.lanes.values().map(|lane| lane.to_ask).sum();
        if asks == 0 {
            return t!("bill.nothing").into_owned();
        }
        let cost = match &self.worst_case_cost {
            Some(cost) => t!("bill.cost", cost = cost),
            None => t!("bill.cost_unknown"),
        };
        let time = hours(Duration::from_secs_f64(self.seconds));
        t!("bill.total", count = count(asks), cost = cost, time = time, end = self.ends_at_clock).into_owned()
    }
}

impl InvalidCells {
    fn line(&self) -> String {
        let records: Vec<_> = self.records.iter().map(u64::to_string).collect();
        let more = if self.rows > self.records.len() as u64 { ", …" } else { "" };
        let records = t!("bill.records", records = format!("{}{more}", records.join(", ")));
        item(self.rows, &format!("{} ({records})", reason(self.invalid)))
    }
}

impl LaneBill {
    fn write(&self, lines: &mut Vec<String>, id: &str) {
        let head = match &self.worst_case_cost {
            Some(cost) => t!("bill.lane_cost", api = id, count = count(self.to_ask), cost = cost),
            None => t!("bill.lane", api = id, count = count(self.to_ask)),
        };
        lines.push(format!("  {head}"));
        for (number, what) in [
            (self.known, t!("bill.known")),
            (self.stale, t!("bill.stale")),
            (self.releasable, t!("bill.releasable")),
            (self.blocked, t!("bill.blocked")),
            (self.needs_number, t!("bill.needs_number")),
            (self.skipped_rows, t!("bill.skipped")),
            (self.other_carrier_rows - self.skipped_rows, t!("bill.other_carrier")),
        ] {
            if number > 0 {
                lines.push(item(number, &what));
            }
        }
    }
}

/// A line of a list that a number leads.
fn item(number: u64, what: &str) -> String {
    format!("    {:>7}  {what}", count(number))
}
