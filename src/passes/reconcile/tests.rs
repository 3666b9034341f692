//! Statements against a real ledger whose clock the test sets.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::domain::call::{Opened, Opening, Outcome, Settlement, Totals};
use crate::domain::freshness::Reuse;
use crate::domain::moment::Moment;
use crate::domain::ports::Clock;
use crate::domain::run::{LedgerKind, Run, RunKey, Start, Terms};
use crate::domain::subject::Number;
use crate::ledger::SqliteLedger;
use crate::table::StatementOptions;

const CTCC: &str = "ctcc-call-duration";
const CUCC: &str = "cucc-tenure";

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Stamp {
        Stamp(self.0.load(Ordering::SeqCst))
    }
}

struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<TestClock>,
    ledger: SqliteLedger,
    run: Run,
}

fn stamp(text: &str) -> Stamp {
    text.parse::<Moment>().unwrap().from
}

fn number(n: u32) -> Number {
    Number::from_digits(format!("173{n:08}").as_bytes()).unwrap()
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock(AtomicI64::new(stamp("2026-10-01 00:00:00").0)));
    let ledger = SqliteLedger::open(&folder.path().join("l.db"), LedgerKind::Sandbox, clock.clone()).unwrap();
    let key = RunKey {
        input_digest: [1; 32],
        apis: vec![ApiId::new(CTCC), ApiId::new(CUCC)],
        reuse: Reuse::Month,
        input_name: "a.csv".to_owned(),
    };
    let run = ledger.begin(key, Start::Begin, Terms::default()).await.unwrap();
    Bench { folder, clock, ledger, run }
}

impl Bench {
    /// A call about number `n`, sent then, ended like this, with the order ID if there is one.
    async fn call(&self, api: &str, n: u32, sent: &str, end: (Outcome, bool), order: &str) -> CallId {
        self.clock.0.store(stamp(sent).0, Ordering::SeqCst);
        let opening =
            Opening { subject: number(n).subject(), record: 1, price: Money::from_micros(50_000), attempt: 1 };
        let opened = self.ledger.open(self.run.id, ApiId::new(api), vec![opening]).await.unwrap().remove(0);
        let Opened::Granted(call) = opened else { panic!("{opened:?}") };
        let settlement = Settlement {
            call,
            outcome: end.0,
            assumed: end.1,
            code: None,
            reason: String::new(),
            order_id: (!order.is_empty()).then(|| order.to_owned()),
            fields: Vec::new(),
            took_ms: 0,
        };
        self.ledger.settle(vec![settlement]).await.unwrap();
        call
    }

    async fn doubt(&self, n: u32, sent: &str) -> CallId {
        self.call(CTCC, n, sent, (Outcome::Doubt, false), "").await
    }

    async fn paid(&self, n: u32, sent: &str, order: &str) -> CallId {
        self.call(CTCC, n, sent, (Outcome::Paid, false), order).await
    }

    async fn hold(&self, text: &str, given: Option<&str>) -> Reconciliation {
        let path = self.folder.path().join("statement.csv");
        std::fs::write(&path, text).unwrap();
        let statement = Arc::new(Statement::open(&path, &StatementOptions::default()).unwrap());
        let names = ApiNames(vec![
            (ApiId::new(CTCC), vec![CTCC.to_owned(), "电信月通话时长".to_owned()]),
            (ApiId::new(CUCC), vec![CUCC.to_owned(), "在网时长sha256加密版".to_owned()]),
        ]);
        reconcile(&statement, names, given.map(ApiId::new), &self.ledger).await.unwrap()
    }

    async fn totals(&self) -> Totals {
        self.ledger.totals(Scope::default()).await.unwrap()
    }
}

/// Lines that span 3 to 9 October, and those of the test between them: order, number, time.
fn statement(lines: &[(&str, u32, &str)]) -> String {
    let mut text = "订单号,手机号,时间,金额\n".to_owned();
    let frame = [("F1", 900, "2026-10-03 00:00:00"), ("F2", 901, "2026-10-09 00:00:00")];
    for (order, n, time) in frame.iter().chain(lines) {
        text.push_str(&format!("{order},{},{time},0.05\n", number(*n).as_str()));
    }
    text
}

async fn framed() -> Bench {
    let bench = bench().await;
    bench.paid(900, "2026-10-03 00:00:00", "F1").await;
    bench
}

/// The second line of the frame; stamps only grow, so it comes last.
async fn close(bench: &Bench) {
    bench.paid(901, "2026-10-09 00:00:00", "F2").await;
}

#[tokio::test]
async fn order_ids_agree_and_what_differs_is_shown() {
    let bench = framed().await;
    bench.paid(1, "2026-10-05 01:00:00", "A").await;
    let absent = bench.paid(2, "2026-10-05 02:00:00", "B").await;
    close(&bench).await;
    bench.paid(3, "2026-10-20 02:00:00", "C").await;
    let found = bench.hold(&statement(&[("A", 1, "2026-10-05 01:00:01"), ("X", 7, "2026-10-05 03:00:00")]), None).await;
    assert_eq!((found.statement.charges, found.statement.money), (4, Money::from_micros(200_000)));
    assert_eq!((found.agreed, found.ledger.count), (3, 4), "what was sent after the statement's time is not missed");
    assert_eq!((found.unknown.count, &found.unknown.examples[..]), (1, &[4][..]));
    assert_eq!((found.absent.count, &found.absent.examples[..]), (1, &[absent.0][..]));
    assert!(!found.decides());
}

#[tokio::test]
async fn a_charge_makes_the_doubt_lost_and_silence_clears_it() {
    let bench = framed().await;
    let charged = bench.doubt(1, "2026-10-05 01:00:00").await;
    let cleared = bench.doubt(2, "2026-10-05 02:00:00").await;
    close(&bench).await;
    let text = statement(&[("X", 1, "2026-10-05 01:00:02")]);
    let found = bench.hold(&text, None).await;
    assert_eq!((&found.charged.calls[..], &found.cleared.calls[..]), (&[charged][..], &[cleared][..]));
    assert_eq!((found.doubts_decided, found.unknown.count), (2, 0));
    assert_eq!(bench.totals().await.in_doubt, 2, "looking changes nothing");
    apply(&found, &bench.ledger).await.unwrap();
    let totals = bench.totals().await;
    assert_eq!((totals.in_doubt, totals.lost, totals.unbilled), (0, 1, 1));
    let again = bench.hold(&text, None).await;
    assert!(!again.decides(), "{again:?}");
    assert_eq!((again.agreed, again.agreed_by_number, again.unknown.count, again.absent.count), (2, 1, 0, 0));
}

#[tokio::test]
async fn what_cuts_the_settling_short_only_counts_too_much() {
    let bench = framed().await;
    bench.doubt(1, "2026-10-05 01:00:00").await;
    bench.doubt(2, "2026-10-05 02:00:00").await;
    close(&bench).await;
    let text = statement(&[("X", 1, "2026-10-05 01:00:02")]);
    let found = bench.hold(&text, None).await;
    let half = Reconciliation { cleared: Verdict::default(), ..found.clone() };
    apply(&half, &bench.ledger).await.unwrap();
    let rest = bench.hold(&text, None).await;
    assert_eq!((rest.charged.calls.len(), &rest.cleared), (0, &found.cleared));
    apply(&rest, &bench.ledger).await.unwrap();
    assert_eq!((bench.totals().await.lost, bench.totals().await.unbilled), (1, 1));
}

#[tokio::test]
async fn a_doubt_is_cleared_only_by_a_statement_that_could_have_shown_it() {
    let bench = framed().await;
    let early = bench.doubt(1, "2026-10-03 23:59:59").await;
    let inside = bench.doubt(2, "2026-10-06 12:00:00").await;
    let late = bench.doubt(3, "2026-10-08 00:00:01").await;
    close(&bench).await;
    let found = bench.hold(&statement(&[]), None).await;
    assert_eq!(&found.cleared.calls[..], &[inside], "not {early} and {late}");
    assert_eq!(found.kept, Kept { not_covered: 2, ..Kept::default() });
    // Without numbers, silence proves nothing.
    let bare = "订单号,时间\nF1,2026-10-03 00:00:00\nF2,2026-10-09 00:00:00\n";
    let found = bench.hold(bare, None).await;
    assert!(!found.decides());
    assert_eq!((found.agreed, found.kept), (2, Kept { no_numbers: 3, ..Kept::default() }));
    // A charge whose number cannot be read may be anybody's.
    let masked = format!("{}X9,173****0002,2026-10-06 12:00:01,0.05\n", statement(&[]));
    let found = bench.hold(&masked, None).await;
    assert!(!found.decides());
    assert_eq!((found.vague, found.unknown.count, found.kept.unexplained), (1, 1, 1));
    // So may a charge about the number at quite another time.
    let found = bench.hold(&statement(&[("X", 2, "2026-10-07 12:00:00")]), None).await;
    assert!(!found.decides());
    assert_eq!((found.unknown.count, found.kept.unexplained), (1, 1));
    // A line without a time reaches nowhere.
    let timeless = format!("{}X,{},,0.05\n", statement(&[]), number(2).as_str());
    let found = bench.hold(&timeless, None).await;
    assert!(!found.decides(), "{found:?}");
}

#[tokio::test]
async fn statements_decide_what_was_released_written_off_or_assumed() {
    let bench = framed().await;
    let released = bench.doubt(1, "2026-10-05 01:00:00").await;
    bench.ledger.decide(vec![released], Decision::Release).await.unwrap();
    bench.paid(1, "2026-10-05 01:10:00", "A").await;
    let given_up = bench.doubt(2, "2026-10-05 02:00:00").await;
    bench.ledger.decide(vec![given_up], Decision::WriteOff).await.unwrap();
    let assumed = bench.call(CTCC, 3, "2026-10-05 03:00:00", (Outcome::NoRecord, true), "N").await;
    let silent = bench.call(CTCC, 4, "2026-10-05 04:00:00", (Outcome::NoRecord, true), "M").await;
    let free = bench.call(CTCC, 5, "2026-10-05 05:00:00", (Outcome::NoRecord, false), "D").await;
    close(&bench).await;
    let lines = [
        ("A", 1, "2026-10-05 01:10:01"),
        ("X", 1, "2026-10-05 01:00:01"),
        ("N", 3, "2026-10-05 03:00:01"),
        ("D", 5, "2026-10-05 05:00:01"),
    ];
    let found = bench.hold(&statement(&lines), None).await;
    let mut charged = found.charged.calls.clone();
    charged.sort_unstable();
    assert_eq!((charged, found.cleared.calls.clone()), (vec![released, assumed], vec![given_up, silent]));
    assert_eq!((found.disputed.count, &found.disputed.examples[..]), (1, &[free.0][..]));
    apply(&found, &bench.ledger).await.unwrap();
    let totals = bench.totals().await;
    assert_eq!((totals.held, totals.lost, totals.billed), (Money::ZERO, 2, 3));
}

#[tokio::test]
async fn order_ids_are_not_assumed_unique() {
    let bench = framed().await;
    bench.paid(1, "2026-10-05 01:00:00", "A").await;
    let second = bench.paid(2, "2026-10-05 01:00:01", "A").await;
    let doubt = bench.call(CTCC, 3, "2026-10-05 01:00:02", (Outcome::Doubt, false), "A").await;
    close(&bench).await;
    let line = |n| ("A", n, "2026-10-05 01:00:01");
    let once = bench.hold(&statement(&[line(1)]), None).await;
    assert_eq!((once.agreed, &once.absent.examples[..]), (3, &[second.0][..]));
    assert!(!once.decides(), "paid calls have the first claim, and {doubt} carries the order ID too");
    let thrice = bench.hold(&statement(&[line(1), line(2), line(3)]), None).await;
    assert_eq!((thrice.agreed, thrice.absent.count, &thrice.charged.calls[..]), (5, 0, &[doubt][..]));
    let more = bench.hold(&statement(&[line(1), line(2), line(3), line(8)]), None).await;
    assert_eq!(more.unknown.count, 1);
}

#[tokio::test]
async fn one_charge_is_never_two_payments() {
    // Order IDs that a spreadsheet has spoilt: number and time still tell.
    let bench = framed().await;
    let doubt = bench.doubt(1, "2026-10-05 01:00:00").await;
    bench.ledger.decide(vec![doubt], Decision::Release).await.unwrap();
    let paid = bench.paid(1, "2026-10-05 01:20:00", "2026100512345678").await;
    close(&bench).await;
    let found = bench.hold(&statement(&[("2.02610E+15", 1, "2026-10-05 01:00:00")]), None).await;
    assert_eq!((found.agreed_by_number, found.absent.count), (1, 0), "the charge is that of {paid}");
    assert_eq!((found.charged.calls.len(), &found.cleared.calls[..]), (0, &[doubt][..]));
}

#[tokio::test]
async fn lines_of_other_apis_say_nothing_about_this_one() {
    let bench = framed().await;
    let ctcc = bench.doubt(1, "2026-10-05 01:00:00").await;
    let cucc = bench.call(CUCC, 1, "2026-10-05 01:00:00", (Outcome::Doubt, false), "").await;
    close(&bench).await;
    // Nobody says whose the lines are, and there are two APIs: only order IDs count.
    let plain = statement(&[]);
    let found = bench.hold(&plain, None).await;
    assert_eq!((found.agreed, found.decides(), found.spans.len()), (2, false, 0));
    let found = bench.hold(&plain, Some(CTCC)).await;
    assert_eq!(&found.cleared.calls[..], &[ctcc]);
    // The lines say so themselves; the digest is as good as the number.
    let digest = number(1).subject().hex();
    let text = format!(
        "订单号,接口,手机号,时间\nF1,电信月通话时长,,2026-10-03\nF2,电信月通话时长,,2026-10-09\n\
         X,在网时长sha256加密版,{digest},2026-10-05\n"
    );
    let found = bench.hold(&text, None).await;
    assert_eq!((&found.charged.calls[..], &found.cleared.calls[..]), (&[cucc][..], &[ctcc][..]));
    // Another product's charge for the same number may still be this one under another name.
    let other = text.replace("在网时长sha256加密版", "别的接口");
    let found = bench.hold(&other, None).await;
    assert!(!found.decides(), "{found:?}");
}

#[tokio::test]
async fn lines_for_nothing_and_totals_are_no_charges() {
    let bench = framed().await;
    let doubt = bench.doubt(1, "2026-10-05 01:00:00").await;
    close(&bench).await;
    let text = format!("{}Z,{},2026-10-05 01:00:01,0.00\n合计,,,\n,,,0.10\n", statement(&[]), number(1).as_str());
    let found = bench.hold(&text, None).await;
    assert_eq!((found.statement.free, found.statement.ignored, found.statement.charges), (1, 2, 2));
    assert_eq!(&found.cleared.calls[..], &[doubt]);
    let found = bench.hold(&text.replace("合计", "T20261010"), None).await;
    assert!(!found.decides(), "a charge as far as anybody knows, and perhaps that of the doubt");
}
