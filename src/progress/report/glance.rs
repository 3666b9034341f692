//! The night at a glance: how it ended, what it brought, what it cost, what to do.

use std::time::Duration;

use maud::{Markup, html};
use rust_i18n::t;

use super::words::{command, outside};
use super::{LaneReport, Report};
use crate::domain::call::{CallState, Totals};
use crate::domain::money::Money;
use crate::domain::status::Status;
use crate::progress::words::{count, hours};

pub(super) fn section(report: &Report) -> Markup {
    html! {
        section {
            h2 { (t!("report.glance")) }
            p class={ "ended " (mood(report)) } { strong { (ended(report)) } }
            dl.tiles { @for tile in tiles(report) { (tile) } }
            (lanes(report))
            (when(report))
            @let advice = advice(report);
            @if !advice.is_empty() {
                h3 { (t!("report.to_do")) }
                ul.advice { @for line in &advice { li { (line) } } }
                @if !report.finished || report.rows(Status::Failed) > 0 { pre { (command(&report.go_on)) } }
            }
        }
    }
}

/// How the run ended, in one sentence.
fn ended(report: &Report) -> String {
    let word = match (report.exit_code, report.finished) {
        (Some(0), _) => "end_done",
        (Some(2), _) => "end_input",
        (Some(3), _) => "end_incomplete",
        (Some(4), _) => "end_refused",
        (Some(75), _) => "end_later",
        (Some(130), _) => "end_interrupted",
        (Some(_), _) => "end_error",
        (None, true) => "end_done",
        (None, false) => "end_unknown",
    };
    let words = t!(format!("report.{word}"));
    match report.exit_code {
        Some(code) => format!("{words}{}", t!("report.exit_code", code = code)),
        None => words.into_owned(),
    }
}

fn mood(report: &Report) -> &'static str {
    match report.exit_code {
        Some(0) => "good",
        Some(3 | 75 | 130) | None => "fair",
        Some(_) => "bad",
    }
}

fn tile(name: &str, value: &str, hint: &str) -> Markup {
    html! {
        div { dt { (name) } dd { (value) @if !hint.is_empty() { small { (hint) } } } }
    }
}

fn answered(lane: &LaneReport) -> u64 {
    lane.review.states.iter().filter(|(state, _)| *state == CallState::Paid).map(|(_, calls)| calls).sum()
}

/// Whether anything is known about what a call costs.
fn is_priced(totals: &Totals) -> bool {
    totals.committed() > Money::ZERO || totals.billed + totals.lost + totals.in_doubt == 0
}

fn yuan(amount: Money, totals: &Totals) -> String {
    if is_priced(totals) { amount.to_string() } else { "?".to_owned() }
}

fn tiles(report: &Report) -> Vec<Markup> {
    let totals = report.totals();
    let name = |key: &str| t!(format!("report.{key}")).into_owned();
    let unit = if is_priced(&totals) { name("yuan") } else { name("price_unknown") };
    let mut tiles = Vec::new();
    if let Some(file) = &report.file {
        tiles.push(tile(&name("rows"), &count(file.rows), &t!("report.distinct", n = count(file.distinct))));
    }
    let answers: u64 = report.lanes.iter().map(answered).sum();
    tiles.push(tile(&name("answered"), &count(answers), &t!("report.of_calls", n = count(totals.calls))));
    tiles.push(tile(&name("charged"), &count(totals.billed + totals.lost), &name("calls_unit")));
    tiles.push(tile(&name("spent"), &yuan(totals.spent, &totals), &unit));
    tiles.push(tile(&name("doubts"), &count(totals.in_doubt), &name("calls_unit")));
    tiles.push(tile(&name("at_stake"), &yuan(totals.at_stake, &totals), &unit));
    tiles.push(tile(&name("held"), &yuan(totals.held, &totals), &unit));
    let reused: Option<u64> = report.lanes.iter().map(|lane| lane.reused).sum();
    if let Some(reused) = reused {
        tiles.push(tile(&name("reused"), &count(reused), &name("reused_hint")));
    }
    tiles
}

/// The same by API.
fn lanes(report: &Report) -> Markup {
    let heads = ["calls", "answered", "charged", "spent", "doubts", "at_stake", "held"];
    html! {
        div.scroll tabindex="0" role="region" aria-label=(t!("report.by_api")) {
            table {
                caption { (t!("report.by_api")) }
                thead { tr { th scope="col" { "API" } @for head in heads { th.n scope="col" { (t!(format!("report.{head}"))) } } } }
                tbody {
                    @for lane in &report.lanes {
                        @let totals = &lane.totals;
                        tr {
                            th scope="row" { (lane.api) @if let Some(title) = &lane.title { br; small { (outside(title)) } } }
                            td.n { (count(totals.calls)) }
                            td.n { (count(answered(lane))) }
                            td.n { (count(totals.billed + totals.lost)) }
                            td.n { (yuan(totals.spent, totals)) }
                            td.n { (count(totals.in_doubt)) }
                            td.n { (yuan(totals.at_stake, totals)) }
                            td.n { (yuan(totals.held, totals)) }
                        }
                    }
                }
            }
        }
    }
}

fn when(report: &Report) -> Markup {
    let active: i64 = report
        .invocations
        .iter()
        .map(|invocation| invocation.ended.unwrap_or(invocation.seen).0 - invocation.began.0)
        .sum();
    let active = Duration::from_millis(u64::try_from(active).unwrap_or(0));
    // Nobody saw the end of one that was killed.
    let killed = report.invocations.iter().any(|invocation| invocation.ended.is_none());
    let facts = [
        ("began", report.began.for_people()),
        (if report.exit_code.is_some() { "ended" } else { "last_seen" }, report.seen.for_people()),
        ("invocations", count(report.invocations.len() as u64)),
        ("active", if killed { t!("report.at_least", time = hours(active)).into_owned() } else { hours(active) }),
        ("input", outside(&report.input)),
    ];
    html! {
        dl.facts {
            @for (name, value) in facts { div { dt { (t!(format!("report.{name}"))) } dd { (value) } } }
            @if let Some(output) = &report.output { div { dt { (t!("report.output")) } dd { (outside(output)) } } }
            div { dt { (t!("report.ledger")) } dd { (outside(&report.ledger)) " (" (report.kind) ")" } }
        }
    }
}

/// What to do, most pressing first.
fn advice(report: &Report) -> Vec<String> {
    let of_lane = |lane: &LaneReport| Some(format!("{}: {}", lane.api, outside(lane.advice.as_ref()?)));
    let mut advice: Vec<String> = report.lanes.iter().filter_map(of_lane).collect();
    let totals = report.totals();
    if totals.in_doubt > 0 {
        advice.push(t!("report.advice_doubts", n = count(totals.in_doubt), money = totals.at_stake).into_owned());
    }
    if totals.unbilled_assumed > 0 {
        advice.push(t!("summary.assumed", n = count(totals.unbilled_assumed)).into_owned());
    }
    match (report.finished, report.rows(Status::Pending)) {
        (false, 0) => advice.push(t!("report.advice_go_on").into_owned()),
        (false, pending) => advice.push(t!("summary.pending", n = count(pending)).into_owned()),
        (true, _) if report.rows(Status::Failed) > 0 => advice.push(t!("summary.failed").into_owned()),
        (true, _) => {}
    }
    advice
}
