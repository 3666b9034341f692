//! The page around the sections.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use rust_i18n::t;

use super::words::outside;
use super::{Report, bars, glance, tables, timeline};
use crate::domain::run::LedgerKind;

const STYLE: &str = include_str!("style.css");

/// Nothing is fetched and nothing is run, whatever a vendor wrote into a reason.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

pub(super) fn page(report: &Report) -> Markup {
    let title = t!("report.title", run = report.run);
    html! {
        (DOCTYPE)
        html lang=(t!("report.lang")) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content="payonce";
                title { (title) ": " (outside(&report.input)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p.file { (outside(&report.input)) }
                    @match report.kind {
                        LedgerKind::Live => {}
                        LedgerKind::Sandbox => p.trial { (t!("report.sandbox")) }
                        LedgerKind::Loopback => p.trial { (t!("report.loopback")) }
                    }
                }
                main {
                    (glance::section(report))
                    (timeline::section(report))
                    (bars::outcomes(report))
                    (bars::latency(report))
                    (bars::answers(report))
                    (tables::invalid(report))
                    (tables::doubts(report))
                }
                footer { p { (t!("report.made", time = report.made.for_people())) " " (t!("report.footer")) } }
            }
        }
    }
}
