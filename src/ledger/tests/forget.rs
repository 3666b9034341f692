//! Forgetting, and the list of calls that a statement is held against.

use super::*;
use crate::domain::call::{CallFilter, CallState, Decision, DoubtFilter};
use crate::domain::freshness::{DAY_MS, Day};

const SECRET: &str = "SECRET-ORDER-";

fn today() -> Day {
    Stamp(NOON).day()
}

/// A paid call whose order ID can be looked for in the files.
async fn paid(bench: &Bench, run: &Run, n: u32) -> CallId {
    let call = bench.grant(run, n).await;
    let order_id = Some(format!("{SECRET}{n}"));
    let reason = format!("{SECRET}reason {n}");
    let end = Settlement { order_id, reason, ..settlement(call, Outcome::Paid) };
    bench.ledger.settle(vec![end]).await.unwrap();
    call
}

/// Whether any file of the ledger holds the bytes.
fn on_disk(bench: &Bench, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(bench.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().any(|path| std::fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes))
}

#[tokio::test]
async fn what_is_forgotten_is_not_on_the_disk_any_more_and_the_money_is() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    for n in 0..200 {
        paid(&bench, &run, n).await;
    }
    let doubt = bench.ask(&run, 900, Outcome::Doubt).await;
    let open = bench.grant(&run, 901).await;
    bench.clock.forward(DAY_MS);
    let late = bench.ask(&run, 902, Outcome::Paid).await;
    let before = bench.totals().await;
    assert!(on_disk(&bench, SECRET.as_bytes()) && on_disk(&bench, subject(7).as_bytes()));

    assert_eq!(bench.ledger.forget(today().next()).await.unwrap(), 200);
    assert_eq!(bench.totals().await, before);
    assert!(!on_disk(&bench, SECRET.as_bytes()), "an order ID or a reason");
    assert!((0..200).all(|n| !on_disk(&bench, subject(n).as_bytes())), "a subject");
    let doubts = bench.ledger.doubts(DoubtFilter::default(), None, 9).await.unwrap();
    assert_eq!(doubts.iter().map(|doubt| doubt.call).collect::<Vec<_>>(), [doubt]);
    bench.settle(open, Outcome::Paid).await;
    assert_eq!(bench.open(&run, 900).await, Opened::Blocked(Status::InDoubt));
    assert_eq!(bench.open(&run, 902).await, Opened::Settled(Status::Ok), "call {late} is younger");
    assert_eq!(bench.ledger.forget(today().next()).await.unwrap(), 1, "the one that was open");
    assert_eq!(bench.ledger.forget(today().next()).await.unwrap(), 0);
    bench.ledger.decide(vec![doubt], Decision::WriteOff).await.unwrap();
    assert_eq!(bench.ledger.forget(today().next()).await.unwrap(), 1);
    assert!(!on_disk(&bench, subject(900).as_bytes()));
    assert_eq!(bench.restart().totals().await.calls, 203);
}

#[tokio::test]
async fn ids_and_stamps_stay_used_up() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let last = paid(&bench, &run, 1).await;
    assert_eq!(bench.ledger.forget(today().next()).await.unwrap(), 1);
    let bench = bench.restart();
    bench.clock.forward(-6 * 60_000);
    let refused = bench.ledger.begin(key(2), Start::Begin, Terms::default()).await;
    assert!(matches!(refused, Err(LedgerError::ClockBehind { .. })), "{refused:?}");
    bench.clock.set(NOON);
    let run = bench.begin(key(2)).await;
    assert!(bench.grant(&run, 1).await > last);
}

#[tokio::test]
async fn a_run_that_forgot_its_answers_is_not_gone_on_with() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    paid(&bench, &run, 1).await;
    bench.ledger.forget(today()).await.unwrap();
    assert!(bench.ledger.runs().await.unwrap()[0].forgotten, "its window opened with the month");
    let on = bench.ledger.begin(key(1), Start::Continue(run.id), Terms::default()).await;
    assert!(matches!(on, Err(LedgerError::Forgotten(id)) if id == run.id), "{on:?}");
    let anew = bench.begin(key(1)).await;
    assert!(!anew.resumed && anew.id != run.id);
    assert_eq!(bench.open(&anew, 1).await, Opened::Settled(Status::Ok), "what is left is used");
}

#[tokio::test]
async fn a_reader_is_told_and_nothing_is_half_done() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    paid(&bench, &run, 1).await;
    let reader = SqliteLedger::open_existing_read_only(&bench.path()).unwrap();
    let refused = reader.forget(today().next()).await.unwrap_err();
    assert!(refused.to_string().contains("for reading only"), "{refused}");
    assert_eq!(bench.ledger.forget(today().next()).await.unwrap(), 1, "a reader that rests does no harm");
    assert!(!on_disk(&bench, SECRET.as_bytes()));
}

#[tokio::test]
async fn calls_come_in_pages_open_ones_among_them() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let mut all = Vec::new();
    for n in 0..5 {
        all.push(bench.grant(&run, n).await);
    }
    bench.settle(all[0], Outcome::Paid).await;
    bench.settle(all[3], Outcome::Doubt).await;
    bench.clock.forward(1000);
    all.push(bench.ask(&run, 5, Outcome::NoRecord).await);
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = bench.ledger.calls(CallFilter::default(), cursor, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        cursor = Some(last.call);
        seen.extend(page);
    }
    assert_eq!(seen.iter().map(|entry| entry.call).collect::<Vec<_>>(), all);
    use CallState::{InDoubt, NoRecord, Open, Paid};
    assert_eq!(seen.iter().map(|entry| entry.state).collect::<Vec<_>>(), [Paid, Open, Open, InDoubt, Open, NoRecord]);
    assert_eq!((&seen[0].api, seen[0].subject, seen[0].price), (&api(), subject(0), yuan("0.05")));
    assert_eq!((seen[0].order_id.is_some(), seen[1].order_id.is_some()), (true, false));
    let filter = CallFilter { from: Some(Stamp(NOON + 1)), ..CallFilter::default() };
    assert_eq!(bench.ledger.calls(filter, None, 9).await.unwrap().len(), 1);
    let filter = CallFilter { before: Some(Stamp(NOON + 1)), api: Some(api()), ..CallFilter::default() };
    assert_eq!(bench.ledger.calls(filter, None, 9).await.unwrap().len(), 5);
    let filter = CallFilter { api: Some(ApiId::new("cucc-tenure")), ..CallFilter::default() };
    assert!(bench.ledger.calls(filter, None, 9).await.unwrap().is_empty());
}
