//! Counts as bars: outcomes, how long calls took, how answers spread. Every bar stands in a table that says its number.

use maud::{Markup, html};
use rust_i18n::t;

use super::words::{milliseconds, outside, percent, width};
use super::{FieldReport, LaneReport, Report};
use crate::domain::call::CallState;
use crate::domain::status::Status;
use crate::progress::words::{count, status};

/// A bar as wide as its part of the largest.
fn bar(class: &str, part: u64, largest: u64) -> Markup {
    html! { svg.bar aria-hidden="true" { rect class=(class) width=(width(part, largest)) height="100%" {} } }
}

/// Names, numbers, shares and bars.
struct Bars {
    caption: String,
    name: String,
    number: String,
    rows: Vec<BarRow>,
}

struct BarRow {
    code: Option<String>,
    name: String,
    class: &'static str,
    number: u64,
}

impl Bars {
    fn table(&self) -> Markup {
        let sum: u64 = self.rows.iter().map(|row| row.number).sum();
        let largest = self.rows.iter().map(|row| row.number).max().unwrap_or(0);
        let coded = self.rows.iter().any(|row| row.code.is_some());
        html! {
            div.scroll tabindex="0" role="region" aria-label=(self.caption) {
                table.bars {
                    caption { (self.caption) }
                    thead { tr {
                        @if coded { th.n scope="col" { (t!("report.code")) } }
                        th scope="col" { (self.name) }
                        th.n scope="col" { (self.number) }
                        th.n scope="col" { (t!("report.share")) }
                        td.chart {}
                    } }
                    tbody {
                        @for row in &self.rows {
                            tr {
                                @if coded { td.n { (row.code.as_deref().unwrap_or_default()) } }
                                th scope="row" { (row.name) }
                                td.n { (count(row.number)) }
                                td.n { (percent(row.number, sum)) }
                                td.chart { (bar(row.class, row.number, largest)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn outcomes(report: &Report) -> Markup {
    html! {
        section {
            h2 { (t!("report.outcomes")) }
            div.columns {
                @for lane in &report.lanes {
                    div {
                        h3 { (lane.api) }
                        @if let Some(bars) = rows_by_status(lane) { (bars.table()) }
                        @if lane.review.states.is_empty() { p { (t!("report.no_calls")) } } @else { (calls(lane).table()) }
                    }
                }
            }
            @if report.file.is_none() { p.note { (t!("report.rows_unknown", run = report.run)) } }
        }
    }
}

fn rows_by_status(lane: &LaneReport) -> Option<Bars> {
    let statuses = lane.statuses.as_ref()?;
    let rows = statuses.iter().filter(|(_, rows)| **rows > 0).map(|(status_, rows)| BarRow {
        code: None,
        name: status(status_.as_str()),
        class: match status_ {
            Status::Ok | Status::Lost => "billed",
            Status::InDoubt | Status::WrittenOff => "doubt",
            _ => "unbilled",
        },
        number: *rows,
    });
    Some(Bars {
        caption: t!("report.rows_by_status").into_owned(),
        name: t!("report.status").into_owned(),
        number: t!("report.rows").into_owned(),
        rows: rows.collect(),
    })
}

fn calls(lane: &LaneReport) -> Bars {
    let rows = lane.review.states.iter().map(|(state, calls)| {
        let (word, class) = state_word(*state);
        BarRow { code: None, name: t!(format!("report.{word}")).into_owned(), class, number: *calls }
    });
    Bars {
        caption: t!("report.calls_by_outcome").into_owned(),
        name: t!("report.outcome").into_owned(),
        number: t!("report.calls").into_owned(),
        rows: rows.collect(),
    }
}

/// The key of a state's words, and what it means for the money.
pub(super) const fn state_word(state: CallState) -> (&'static str, &'static str) {
    match state {
        CallState::Open => ("state_open", "doubt"),
        CallState::Paid => ("state_paid", "billed"),
        CallState::NoRecord => ("state_no_record", "unbilled"),
        CallState::Rejected => ("state_rejected", "unbilled"),
        CallState::Failed => ("state_failed", "unbilled"),
        CallState::Unpaid => ("state_unpaid", "unbilled"),
        CallState::InDoubt => ("state_in_doubt", "doubt"),
        CallState::Released => ("state_released", "doubt"),
        CallState::WrittenOff => ("state_written_off", "doubt"),
        CallState::Lost => ("state_lost", "billed"),
    }
}

pub(super) fn latency(report: &Report) -> Markup {
    html! {
        section {
            h2 { (t!("report.latency")) }
            p.note { (t!("report.latency_note")) }
            div.scroll tabindex="0" role="region" aria-label=(t!("report.latency")) {
                table {
                    thead { tr {
                        th scope="col" { "API" }
                        th.n scope="col" { (t!("report.p50")) }
                        th.n scope="col" { (t!("report.p90")) }
                        th.n scope="col" { (t!("report.p99")) }
                        th.n scope="col" { (t!("report.max")) }
                        th.n scope="col" { (t!("report.timed")) }
                    } }
                    tbody {
                        @for lane in &report.lanes {
                            tr {
                                th scope="row" { (lane.api) }
                                @match lane.review.latency {
                                    Some(latency) => {
                                        @for ms in [latency.p50, latency.p90, latency.p99, latency.max] {
                                            td.n { (milliseconds(ms)) }
                                        }
                                        td.n { (count(latency.calls)) }
                                    }
                                    None => { @for _ in 0..4 { td.n { "–" } } td.n { "0" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn answers(report: &Report) -> Markup {
    html! {
        section {
            h2 { (t!("report.answers")) }
            p.note { (t!("report.answers_note")) }
            @if report.forgotten { p.note { (t!("report.forgotten")) } }
            @for lane in report.lanes.iter().filter(|lane| !lane.fields.is_empty()) {
                h3 { (lane.api) @if let Some(title) = &lane.title { span.title { " " (outside(title)) } } }
                @for gap in gaps(lane) {
                    div.hint {
                        p { (t!("report.gap", band = gap.band)) }
                        pre { (gap.lines.join("\n")) }
                    }
                }
                div.columns { @for field in &lane.fields { (spread(field).table()) } }
            }
        }
    }
}

/// One band that is missing, with the config lines that put it in: fields of one API mostly share their list.
struct Missing<'a> {
    band: &'a str,
    lines: Vec<&'a str>,
}

fn gaps(lane: &LaneReport) -> Vec<Missing<'_>> {
    let mut found: Vec<Missing<'_>> = Vec::new();
    for gap in lane.fields.iter().filter_map(|field| field.gap.as_ref()) {
        match found.iter_mut().find(|missing| missing.band == gap.band) {
            Some(missing) => missing.lines.extend(gap.override_line.lines().skip(1)),
            None => found.push(Missing { band: &gap.band, lines: gap.override_line.lines().collect() }),
        }
    }
    found
}

fn spread(field: &FieldReport) -> Bars {
    let labelled = field.codes.iter().any(|code| code.label.is_some());
    let rows = field.codes.iter().map(|one| {
        let code = match one.code.is_empty() {
            true => t!("report.no_code").into_owned(),
            false => outside(&one.code),
        };
        let name = match (&one.label, labelled) {
            (Some(label), _) => outside(label),
            (None, true) => t!("report.no_label").into_owned(),
            (None, false) => code.clone(),
        };
        BarRow { code: labelled.then_some(code), name, class: "answer", number: one.answers }
    });
    let others = (field.others > 0).then(|| BarRow {
        code: labelled.then(|| "…".to_owned()),
        name: t!("report.other_codes").into_owned(),
        class: "answer",
        number: field.others,
    });
    Bars {
        caption: match field.meaning.is_empty() {
            true => t!("report.field", column = outside(&field.column)).into_owned(),
            false => outside(&format!("{} ({})", field.column, field.meaning)),
        },
        name: if labelled { t!("report.label") } else { t!("report.code") }.into_owned(),
        number: t!("report.answers_count").into_owned(),
        rows: rows.chain(others).collect(),
    }
}
