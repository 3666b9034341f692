//! The page as a whole: what hostile text, missing knowledge and both languages make of it.

use std::collections::BTreeSet;

use rust_i18n::t;

use super::bars::state_word;
use super::*;
use crate::domain::call::CallState;
use crate::domain::cell::Invalid;
use crate::domain::ids::{CallId, RunId};
use crate::domain::money::Money;
use crate::domain::rate::Rate;
use crate::domain::review::{Latency, Tick};
use crate::domain::subject::Subject;

const BEGAN: i64 = 1_795_233_600_000;
const HOSTILE: &str = "</title></style><script src=//evil.example/x.js></script>\"'&<img src=x> 17312345678";

fn report() -> Report {
    let api = ApiId::new("cucc-tenure");
    let price: Money = "0.05".parse().expect("a price");
    let ticks = (0..30).map(|at| Tick { at, calls: 50, billed: 45, unbilled: 4, in_doubt: 1 });
    let lane = LaneReport {
        api: api.clone(),
        title: Some(HOSTILE.to_owned()),
        totals: Totals {
            calls: 1500,
            billed: 1350,
            unbilled: 120,
            in_doubt: 30,
            spent: price * 1350,
            at_stake: price * 30,
            ..Totals::default()
        },
        review: LaneReview {
            ticks: ticks.collect(),
            states: vec![(CallState::Paid, 1350), (CallState::NoRecord, 120), (CallState::InDoubt, 30)],
            latency: Some(Latency { calls: 1500, p50: 81, p90: 140, p99: 1230, max: 9990 }),
            fields: Vec::new(),
        },
        fields: vec![FieldReport {
            column: "cucc_tenure_code".to_owned(),
            meaning: HOSTILE.to_owned(),
            codes: vec![
                CodeCount { code: "1".to_owned(), label: Some("(0,3]".to_owned()), answers: 1300 },
                CodeCount { code: "2".to_owned(), label: Some("(3,6]".to_owned()), answers: 0 },
                CodeCount { code: HOSTILE.to_owned(), label: None, answers: 50 },
            ],
            others: 0,
            gap: Some(Gap { band: "(1,5]".to_owned(), override_line: "labels.x = { \"2\" = \"(1,5]\" }".to_owned() }),
        }],
        statuses: Some(BTreeMap::from([(Status::Ok, 1400), (Status::InDoubt, 31), (Status::Pending, 9)])),
        reused: Some(7),
        needs_number: 3,
        worst_window: Some(50),
        advice: Some(HOSTILE.to_owned()),
    };
    let doubt = DoubtEntry {
        call: CallId(7),
        run: RunId(3),
        api: api.clone(),
        subject: Subject::from_bytes([0xAB; 32]),
        input: HOSTILE.to_owned(),
        record: 18,
        sent: Stamp(BEGAN),
        reason: HOSTILE.to_owned(),
        at_stake: price,
    };
    Report {
        run: 3,
        input: HOSTILE.to_owned(),
        output: Some(HOSTILE.to_owned()),
        ledger: "calls.db".to_owned(),
        kind: LedgerKind::Sandbox,
        made: Stamp(BEGAN + 60_000),
        began: Stamp(BEGAN),
        seen: Stamp(BEGAN + 30_000),
        finished: false,
        exit_code: Some(75),
        forgotten: true,
        invocations: vec![Invocation {
            began: Stamp(BEGAN),
            seen: Stamp(BEGAN + 30_000),
            ended: Some(Stamp(BEGAN + 30_000)),
            rates: vec![(api, Rate::per_second(50))],
        }],
        file: Some(FileFacts {
            rows: 1500,
            distinct: 1490,
            invalid: vec![InvalidCells {
                invalid: Invalid::TooShort { digits: 10 },
                reason: "too_short",
                text: String::new(),
                rows: 12,
                records: vec![3, 4],
            }],
        }),
        lanes: vec![lane],
        doubts: vec![doubt],
        place: format!(" --ledger '{HOSTILE}'"),
        go_on: format!("payonce run '{HOSTILE}' --continue 3"),
    }
}

/// The names of all elements on a page.
fn elements(page: &str) -> BTreeSet<&str> {
    let name = |rest: &'_ str| rest.find(|c: char| !c.is_ascii_alphanumeric()).filter(|end| *end > 0);
    page.split('<').skip(1).filter_map(|rest| Some(&rest[..name(rest)?])).collect()
}

#[test]
fn hostile_text_stays_text() {
    let page = report().html();
    let unknown: Vec<_> =
        elements(&page).into_iter().filter(|name| matches!(*name, "script" | "img" | "link" | "iframe")).collect();
    assert_eq!(unknown, Vec::<&str>::new());
    assert!(page.contains("&lt;script src=//evil"), "it is shown as text");
    for secret in ["17312345678", &"ab".repeat(32), &"AB".repeat(32)] {
        assert!(!page.contains(secret), "{secret}");
    }
    assert_eq!(page.matches("<style>").count(), 1);
    assert_eq!(page.matches("</title>").count(), 1 + page.matches("<svg class=\"time\"").count());
}

#[test]
fn what_is_not_known_is_said_and_not_made_up() {
    let mut report = report();
    report.file = None;
    report.lanes[0].statuses = None;
    report.lanes[0].reused = None;
    report.lanes[0].review = LaneReview::default();
    report.invocations[0].rates.clear();
    report.exit_code = None;
    let page = report.html();
    assert!(page.contains("payonce report 3 --input CSV"));
    assert!(page.contains(&*t!("report.end_unknown")));
    assert!(page.contains(&*t!("report.no_calls")));
    report.lanes.clear();
    report.invocations.clear();
    assert!(report.html().ends_with("</html>"));
}

#[test]
fn money_that_nobody_named_is_no_zero() {
    let mut report = report();
    let totals = &mut report.lanes[0].totals;
    (totals.spent, totals.at_stake) = (Money::ZERO, Money::ZERO);
    let page = report.html();
    assert!(page.contains("<dd>?"), "{page}");
}

#[test]
fn every_word_that_is_put_together_is_there_in_both_languages() {
    let states = [
        CallState::Open,
        CallState::Paid,
        CallState::NoRecord,
        CallState::Rejected,
        CallState::Failed,
        CallState::Unpaid,
        CallState::InDoubt,
        CallState::Released,
        CallState::WrittenOff,
        CallState::Lost,
    ];
    let ends = ["done", "input", "incomplete", "refused", "later", "interrupted", "error", "unknown"]
        .map(|end| format!("end_{end}"));
    let states = states.map(|state| state_word(state).0.to_owned());
    let named =
        ["calls", "answered", "charged", "spent", "doubts", "at_stake", "held", "reused", "rows", "began", "ended"];
    let named = named.map(str::to_owned);
    for word in states.into_iter().chain(ends).chain(named) {
        for locale in ["en", "zh"] {
            let key = format!("report.{word}");
            assert!(!t!(&key, locale = locale).contains("report."), "{locale}: {key}");
        }
    }
}

#[test]
fn the_page_names_its_language_and_asks_nobody() {
    let page = report().html();
    assert!(page.contains("<html lang=\"en\">"), "{}", &page[..200]);
    for word in ["http://", "https://", " src=", "url(", "@import", "<script", "onload"] {
        let text = page.replace("&lt;script src=//evil", "").replace("&lt;img src=x", "");
        assert!(!text.contains(word), "{word}");
    }
}
