//! What is listed: invalid cells, calls in doubt.

use maud::{Markup, html};
use rust_i18n::t;

use super::Report;
use super::words::{command, outside, percent};
use crate::domain::money::Money;
use crate::progress::words::{count, reason};

pub(super) fn invalid(report: &Report) -> Markup {
    let Some(file) = &report.file else {
        return html! {
            section { h2 { (t!("report.invalid")) } p { (t!("report.invalid_unknown")) } pre { (read_again(report)) } }
        };
    };
    let rows: u64 = file.invalid.iter().map(|group| group.rows).sum();
    html! {
        section {
            h2 { (t!("report.invalid")) }
            @if rows == 0 {
                p { (t!("report.invalid_none")) }
            } @else {
                p { (t!("report.invalid_sum", rows = count(rows), all = count(file.rows), share = percent(rows, file.rows))) }
                div.scroll tabindex="0" role="region" aria-label=(t!("report.invalid")) {
                    table {
                        thead { tr {
                            th scope="col" { (t!("report.reason")) }
                            th.n scope="col" { (t!("report.rows")) }
                            th scope="col" { (t!("report.first_records")) }
                        } }
                        tbody {
                            @for group in &file.invalid {
                                tr {
                                    th.wide scope="row" { (reason(group.invalid)) }
                                    td.n { (count(group.rows)) }
                                    td { (records(&group.records, group.rows)) }
                                }
                            }
                        }
                    }
                }
            }
            @for lane in report.lanes.iter().filter(|lane| lane.needs_number > 0) {
                p { (t!("report.needs_number", api = lane.api, n = count(lane.needs_number))) }
            }
        }
    }
}

fn read_again(report: &Report) -> String {
    command(&format!("payonce report {}{} --input CSV", report.run, report.place))
}

fn records(records: &[u64], rows: u64) -> String {
    let mut words: Vec<_> = records.iter().map(|record| count(*record)).collect();
    if rows > records.len() as u64 {
        words.push("…".to_owned());
    }
    words.join(", ")
}

pub(super) fn doubts(report: &Report) -> Markup {
    let totals = report.totals();
    let money: Money = totals.at_stake;
    html! {
        section {
            h2 { (t!("report.doubts_head")) }
            @if totals.in_doubt == 0 {
                p { (t!("report.doubts_none")) }
            } @else {
                p { strong { (t!("report.doubts_sum", n = count(totals.in_doubt), money = money)) } " " (t!("report.doubts_mean")) }
                div.scroll tabindex="0" role="region" aria-label=(t!("report.doubts_head")) {
                    table {
                        thead { tr {
                            th.n scope="col" { (t!("report.call")) }
                            th scope="col" { "API" }
                            th.n scope="col" { (t!("report.record")) }
                            th scope="col" { (t!("report.sent")) }
                            th.n scope="col" { (t!("report.yuan")) }
                            th scope="col" { (t!("report.why")) }
                        } }
                        tbody {
                            @for doubt in &report.doubts {
                                tr {
                                    td.n { (doubt.call) }
                                    td.time { (doubt.api) }
                                    th.n scope="row" { (count(doubt.record)) }
                                    td.time { (doubt.sent.for_people()) }
                                    td.n { (doubt.at_stake) }
                                    td.wide { (outside(&doubt.reason)) }
                                }
                            }
                        }
                    }
                }
                @if totals.in_doubt > report.doubts.len() as u64 {
                    p.note { (t!("report.doubts_more", n = count(totals.in_doubt - report.doubts.len() as u64))) }
                }
                h3 { (t!("report.to_do")) }
                dl.steps {
                    dt { (t!("report.doubts_list")) }
                    dd { pre { (command(&format!("payonce doubts --run {}{}", report.run, report.place))) } }
                    dt { (t!("report.doubts_statement")) }
                    dd { pre { (command(&format!("payonce reconcile STATEMENT.csv{}", report.place))) } }
                    dt { (t!("report.doubts_release")) }
                    dd { pre { (command(&format!("payonce doubts release --run {}{}", report.run, report.place))) } }
                    dt { (t!("report.doubts_write_off")) }
                    dd { pre { (command(&format!("payonce doubts write-off --run {}{}", report.run, report.place))) } }
                }
            }
        }
    }
}
