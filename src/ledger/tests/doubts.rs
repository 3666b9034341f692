//! Doubts: how they arise, how they are listed and decided.

use super::*;
use crate::domain::call::{Decision, DoubtFilter};

#[tokio::test]
async fn what_was_open_when_the_process_died_is_in_doubt() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let first = bench.grant(&run, 1).await;
    let second = bench.grant(&run, 2).await;
    bench.ask(&run, 3, Outcome::Paid).await;
    let bench = bench.restart();
    let again = bench.begin(key(1)).await;
    assert_eq!(bench.open(&again, 1).await, Opened::Busy, "not adopted yet, and not granted either");
    let own = bench.grant(&again, 4).await;
    assert_eq!(bench.ledger.adopt_orphans(again.id).await.unwrap(), 2);
    assert_eq!(bench.ledger.adopt_orphans(again.id).await.unwrap(), 0);
    assert_eq!(bench.open(&again, 1).await, Opened::Blocked(Status::InDoubt));
    assert_eq!(bench.open(&again, 4).await, Opened::Busy, "the living owner's call {own} is its own");
    let doubts = bench.ledger.doubts(DoubtFilter::default(), None, 10).await.unwrap();
    assert_eq!(doubts.iter().map(|doubt| doubt.call).collect::<Vec<_>>(), [first, second]);
    assert_eq!((doubts[0].record, doubts[0].input.as_str(), doubts[0].subject), (2, "1.csv", subject(1)));
    assert_eq!((doubts[0].at_stake, doubts[0].run, &doubts[0].api), (yuan("0.05"), run.id, &api()));
    assert!(doubts[0].reason.contains("killed"), "{}", doubts[0].reason);
    let totals = bench.totals().await;
    assert_eq!((totals.calls, totals.open, totals.in_doubt, totals.at_stake), (4, 1, 2, yuan("0.10")));
}

#[tokio::test]
async fn a_power_cut_loses_nothing_that_was_granted_or_settled() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    bench.ask(&run, 1, Outcome::Paid).await;
    bench.grant(&run, 2).await;
    // The files as they are now, with the write-ahead log not folded back.
    let after = tempfile::tempdir().unwrap();
    for file in ["calls.db", "calls.db-wal"] {
        std::fs::copy(bench.folder.path().join(file), after.path().join(file)).unwrap();
    }
    let path = after.path().join("calls.db");
    let reader = SqliteLedger::open_existing_read_only(&path).unwrap();
    assert_eq!(reader.totals(Scope::default()).await.unwrap(), bench.totals().await);
    drop(reader);
    let ledger = SqliteLedger::open(&path, LedgerKind::Sandbox, bench.clock.clone()).unwrap();
    let again = ledger.begin(key(1), Start::ResumeOrBegin, Terms::default()).await.unwrap();
    assert_eq!(ledger.adopt_orphans(again.id).await.unwrap(), 1);
    let opened = ledger.open(again.id, api(), vec![opening(1), opening(2)]).await.unwrap();
    assert_eq!(opened, [Opened::Settled(Status::Ok), Opened::Blocked(Status::InDoubt)]);
}

#[tokio::test]
async fn doubts_come_in_pages_and_by_run() {
    let bench = bench();
    let first = bench.begin(key(1)).await;
    let second = bench.begin(key(2)).await;
    for n in 0..5 {
        bench.ask(&first, n, Outcome::Doubt).await;
    }
    bench.ask(&second, 9, Outcome::Doubt).await;
    let all = DoubtFilter::default();
    let page = bench.ledger.doubts(all.clone(), None, 4).await.unwrap();
    let rest = bench.ledger.doubts(all, page.last().map(|doubt| doubt.call), 4).await.unwrap();
    assert_eq!((page.len(), rest.len()), (4, 2));
    let of_second = DoubtFilter { run: Some(second.id), api: Some(api()) };
    assert_eq!(bench.ledger.doubts(of_second, None, 9).await.unwrap().len(), 1);
    let elsewhere = DoubtFilter { run: None, api: Some(ApiId::new("cucc-tenure")) };
    assert!(bench.ledger.doubts(elsewhere, None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn decisions_move_money_as_documented() {
    let cents = |n: u64| yuan("0.05") * n;
    // decision, then: spent, at stake, held, and what opening the subject says
    let table = [
        (Decision::Release, 0, 0, 1, None),
        (Decision::WriteOff, 0, 0, 1, Some(Opened::Blocked(Status::WrittenOff))),
        (Decision::Charged, 1, 0, 0, Some(Opened::Blocked(Status::Lost))),
        (Decision::NotCharged, 0, 0, 0, None),
    ];
    for (decision, spent, at_stake, held, opened) in table {
        let bench = bench();
        let run = bench.begin(key(1)).await;
        let call = bench.ask(&run, 1, Outcome::Doubt).await;
        bench.ledger.decide(vec![call], decision).await.unwrap();
        let totals = bench.totals().await;
        assert_eq!(
            (totals.spent, totals.at_stake, totals.held),
            (cents(spent), cents(at_stake), cents(held)),
            "{decision:?}"
        );
        assert!(bench.ledger.doubts(DoubtFilter::default(), None, 9).await.unwrap().is_empty());
        match opened {
            Some(opened) => assert_eq!(bench.open(&run, 1).await, opened, "{decision:?}"),
            None => {
                bench.ask(&run, 1, Outcome::Paid).await;
                let again = u64::from(decision == Decision::Release);
                assert_eq!(bench.totals().await.paid_again, again, "{decision:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_statement_clears_what_was_released_or_written_off() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let released = bench.ask(&run, 1, Outcome::Doubt).await;
    let given_up = bench.ask(&run, 2, Outcome::Doubt).await;
    bench.ledger.decide(vec![released], Decision::Release).await.unwrap();
    bench.ledger.decide(vec![given_up], Decision::WriteOff).await.unwrap();
    bench.ledger.decide(vec![released], Decision::NotCharged).await.unwrap();
    bench.ledger.decide(vec![given_up], Decision::Charged).await.unwrap();
    let totals = bench.totals().await;
    assert_eq!((totals.unbilled, totals.lost, totals.spent, totals.held), (1, 1, yuan("0.05"), Money::ZERO));
}

#[tokio::test]
async fn decisions_are_all_or_none() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let doubt = bench.ask(&run, 1, Outcome::Doubt).await;
    let paid = bench.ask(&run, 2, Outcome::Paid).await;
    for wrong in [paid, CallId(99)] {
        let refused = bench.ledger.decide(vec![doubt, wrong], Decision::Release).await;
        assert!(matches!(refused, Err(LedgerError::NoSuchDoubt(call)) if call == wrong), "{refused:?}");
    }
    assert_eq!(bench.totals().await.in_doubt, 1);
    bench.ledger.decide(vec![doubt, doubt], Decision::Release).await.unwrap();
    let twice = bench.ledger.decide(vec![doubt], Decision::Release).await;
    assert!(matches!(twice, Err(LedgerError::NoSuchDoubt(_))));
}
