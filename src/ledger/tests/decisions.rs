//! What `open` decides, and the limits it guards.

use super::*;
use crate::domain::call::{Decision, Limit, Shortage};
use crate::domain::freshness::DAY_MS;

#[tokio::test]
async fn an_answer_of_any_run_settles_its_subject_within_the_month() {
    let bench = bench();
    let first = bench.begin(key(1)).await;
    for (n, outcome) in [
        (1, Outcome::Paid),
        (2, Outcome::NoRecord),
        (3, Outcome::Rejected),
        (4, Outcome::Failed),
        (5, Outcome::Unpaid),
        (6, Outcome::Doubt),
    ] {
        bench.ask(&first, n, outcome).await;
    }
    let second = bench.begin(key(2)).await;
    for (run, n, expected) in [
        (&first, 1, Some(Opened::Settled(Status::Ok))),
        (&first, 2, Some(Opened::Settled(Status::NoRecord))),
        (&first, 3, Some(Opened::Settled(Status::Rejected))),
        (&first, 4, Some(Opened::Settled(Status::Failed))),
        (&first, 6, Some(Opened::Blocked(Status::InDoubt))),
        (&second, 1, Some(Opened::Settled(Status::Ok))),
        (&second, 2, Some(Opened::Settled(Status::NoRecord))),
        (&second, 3, Some(Opened::Settled(Status::Rejected))),
        (&second, 4, None),
        (&second, 5, None),
        (&second, 6, Some(Opened::Blocked(Status::InDoubt))),
    ] {
        let opened = bench.open(run, n).await;
        match expected {
            Some(expected) => assert_eq!(opened, expected, "run {} subject {n}", run.id),
            None => assert!(matches!(opened, Opened::Granted(_)), "run {} subject {n}: {opened:?}", run.id),
        }
    }
}

#[tokio::test]
async fn apis_do_not_see_each_others_answers() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    bench.ask(&run, 1, Outcome::Paid).await;
    let other = bench.ledger.open(run.id, ApiId::new("cucc-tenure"), vec![opening(1)]).await.unwrap();
    assert!(matches!(other[..], [Opened::Granted(_)]));
}

#[tokio::test]
async fn one_subject_is_open_once_also_within_a_batch() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let batch = vec![opening(1), opening(1), opening(2)];
    let opened = bench.ledger.open(run.id, api(), batch).await.unwrap();
    assert!(matches!(opened[..], [Opened::Granted(_), Opened::Busy, Opened::Granted(_)]), "{opened:?}");
    assert_eq!(bench.open(&run, 2).await, Opened::Busy);
}

#[tokio::test]
async fn a_resumed_run_keeps_its_window_and_a_new_one_asks_again() {
    let bench = bench();
    let first = bench.begin(key(1)).await;
    bench.ask(&first, 1, Outcome::Paid).await;
    bench.ask(&first, 2, Outcome::Doubt).await;
    bench.clock.forward(12 * DAY_MS);
    let resumed = bench.begin(key(1)).await;
    assert!(resumed.resumed && resumed.id == first.id && resumed.window == first.window);
    assert_eq!(bench.open(&resumed, 1).await, Opened::Settled(Status::Ok));
    assert_eq!(bench.open(&resumed, 2).await, Opened::Blocked(Status::InDoubt));
    let second = bench.begin(key(2)).await;
    assert!(matches!(bench.open(&second, 1).await, Opened::Granted(_)));
    assert!(
        matches!(bench.open(&second, 2).await, Opened::Granted(_)),
        "a doubt of last month says nothing of this one"
    );
    let third = bench.begin(days(3, 1)).await;
    bench.ask(&third, 3, Outcome::Doubt).await;
    bench.clock.forward(5 * DAY_MS);
    let fourth = bench.begin(days(4, 1)).await;
    assert_eq!(
        bench.open(&fourth, 3).await,
        Opened::Blocked(Status::InDoubt),
        "with days:N a doubt blocks until decided"
    );
}

#[tokio::test]
async fn again_asks_what_other_runs_were_refused() {
    let bench = bench();
    let first = bench.begin(key(1)).await;
    bench.ask(&first, 1, Outcome::NoRecord).await;
    bench.ask(&first, 2, Outcome::Rejected).await;
    let terms = Terms { again: vec![Status::NoRecord], ..Terms::default() };
    let second = bench.begin_with(key(2), terms).await;
    bench.ask(&second, 1, Outcome::NoRecord).await;
    assert_eq!(bench.open(&second, 1).await, Opened::Settled(Status::NoRecord), "its own is not asked again");
    assert_eq!(bench.open(&second, 2).await, Opened::Settled(Status::Rejected), "not listed");
}

#[tokio::test]
async fn so_many_doubts_may_be_asked_again_over_all_invocations() {
    let bench = bench();
    let first = bench.begin(key(1)).await;
    for n in 1..=3 {
        bench.ask(&first, n, Outcome::Doubt).await;
    }
    let terms = Terms { release_doubts: 2, ..Terms::default() };
    let run = bench.begin_with(key(1), terms.clone()).await;
    bench.ask(&run, 1, Outcome::Paid).await;
    let bench = bench.restart();
    let run = bench.begin_with(key(1), terms).await;
    bench.ask(&run, 2, Outcome::Unpaid).await;
    assert_eq!(bench.open(&run, 3).await, Opened::Blocked(Status::InDoubt));
    let totals = bench.totals().await;
    assert_eq!((totals.released, totals.in_doubt, totals.paid_again), (2, 1, 1));
    assert_eq!((totals.held, totals.at_stake, totals.spent), (yuan("0.10"), yuan("0.05"), yuan("0.05")));
}

#[tokio::test]
async fn a_doubt_is_not_released_when_the_money_is_out() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    bench.ask(&run, 1, Outcome::Doubt).await;
    let terms = Terms { release_doubts: 1, budget: Some(yuan("0.05")), ..Terms::default() };
    let run = bench.begin_with(key(1), terms).await;
    assert_eq!(bench.open(&run, 1).await, Opened::NoBudget(Shortage { limit: Limit::Budget, pending: 0 }));
    assert_eq!(bench.totals().await.in_doubt, 1);
}

#[tokio::test]
async fn budgets_are_never_overrun_however_many_ask_at_once() {
    let bench = bench();
    let terms = Terms { budget: Some(yuan("1.02")), ..Terms::default() };
    let run = bench.begin_with(key(1), terms).await;
    let asks = (0..200).map(|n| {
        let (ledger, id) = (bench.ledger.clone(), run.id);
        tokio::spawn(async move { ledger.open(id, api(), vec![opening(n)]).await.unwrap().remove(0) })
    });
    let mut granted = 0;
    for ask in asks.collect::<Vec<_>>() {
        match ask.await.unwrap() {
            Opened::Granted(_) => granted += 1,
            Opened::NoBudget(Shortage { limit: Limit::Budget, pending: 20 }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(granted, 20);
    assert_eq!(bench.totals().await.reserved, yuan("1"));
}

#[tokio::test]
async fn many_at_once_for_one_subject_get_one_grant() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let asks = (0..200).map(|_| {
        let (ledger, id) = (bench.ledger.clone(), run.id);
        tokio::spawn(async move { ledger.open(id, api(), vec![opening(7)]).await.unwrap().remove(0) })
    });
    let mut granted = 0;
    for ask in asks.collect::<Vec<_>>() {
        match ask.await.unwrap() {
            Opened::Granted(_) => granted += 1,
            Opened::Busy => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(granted, 1);
}

#[tokio::test]
async fn a_limit_spans_invocations_and_what_is_given_back_can_be_used() {
    let bench = bench();
    let terms = Terms { max_calls: Some(2), ..Terms::default() };
    let run = bench.begin_with(key(1), terms.clone()).await;
    bench.ask(&run, 1, Outcome::Unpaid).await;
    let bench = bench.restart();
    let run = bench.begin_with(key(1), terms).await;
    let call = bench.grant(&run, 2).await;
    assert_eq!(bench.open(&run, 3).await, Opened::NoBudget(Shortage { limit: Limit::MaxCalls, pending: 1 }));
    bench.ledger.withdraw(vec![call]).await.unwrap();
    bench.ask(&run, 3, Outcome::Paid).await;
    assert_eq!(bench.open(&run, 2).await, Opened::NoBudget(Shortage { limit: Limit::MaxCalls, pending: 0 }));
}

#[tokio::test]
async fn the_day_and_the_month_turn_in_shanghai() {
    let bench = bench();
    // 2026-11-30T15:59:00Z is a minute before December there.
    bench.clock.set(NOON + 9 * DAY_MS + 11 * 3_600_000 + 59 * 60_000);
    let terms = Terms { budget_month: Some(yuan("0.05")), ..Terms::default() };
    let run = bench.begin_with(key(1), terms).await;
    bench.ask(&run, 1, Outcome::Paid).await;
    assert_eq!(bench.open(&run, 2).await, Opened::NoBudget(Shortage { limit: Limit::BudgetMonth, pending: 0 }));
    let terms = Terms { calls_per_day: Some(1), ..Terms::default() };
    let other = bench.begin_with(key(2), terms).await;
    assert_eq!(bench.open(&other, 2).await, Opened::NoBudget(Shortage { limit: Limit::CallsPerDay, pending: 0 }));
    bench.clock.forward(60_000);
    bench.ask(&run, 2, Outcome::Paid).await;
    assert_eq!(bench.open(&other, 3).await, Opened::NoBudget(Shortage { limit: Limit::CallsPerDay, pending: 0 }));
    bench.clock.forward(DAY_MS);
    assert!(matches!(bench.open(&other, 3).await, Opened::Granted(_)));
}

#[tokio::test]
async fn money_assumed_free_still_counts_until_a_statement_clears_it() {
    let bench = bench();
    let terms = Terms { budget: Some(yuan("0.10")), ..Terms::default() };
    let run = bench.begin_with(key(1), terms).await;
    let call = bench.grant(&run, 1).await;
    let assumed = Settlement { assumed: true, ..settlement(call, Outcome::NoRecord) };
    bench.ledger.settle(vec![assumed]).await.unwrap();
    bench.ask(&run, 2, Outcome::Paid).await;
    let totals = bench.totals().await;
    assert_eq!((totals.unbilled_assumed, totals.held, totals.spent), (1, yuan("0.05"), yuan("0.05")));
    assert!(matches!(bench.open(&run, 3).await, Opened::NoBudget(_)));
    bench.ledger.decide(vec![call], Decision::NotCharged).await.unwrap();
    let totals = bench.totals().await;
    assert_eq!((totals.unbilled, totals.unbilled_assumed, totals.held), (1, 0, Money::ZERO));
    assert_eq!(bench.open(&run, 1).await, Opened::Settled(Status::NoRecord), "the answer stands");
    assert!(matches!(bench.open(&run, 3).await, Opened::Granted(_)));
}

#[tokio::test]
async fn a_clock_behind_the_ledger_opens_nothing_but_still_settles() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let call = bench.grant(&run, 1).await;
    bench.clock.forward(-4 * 60_000);
    bench.ask(&run, 2, Outcome::Paid).await;
    bench.clock.forward(-2 * 60_000);
    let refused = bench.ledger.open(run.id, api(), vec![opening(3)]).await;
    assert!(matches!(refused, Err(LedgerError::ClockBehind { .. })), "{refused:?}");
    let refused = bench.ledger.begin(key(2), Start::Begin, Terms::default()).await;
    assert!(matches!(refused, Err(LedgerError::ClockBehind { .. })), "{refused:?}");
    bench.settle(call, Outcome::Paid).await;
    let bench = bench.restart();
    let refused = bench.ledger.begin(key(2), Start::Begin, Terms::default()).await;
    assert!(
        matches!(refused, Err(LedgerError::ClockBehind { .. })),
        "the newest stamp outlives the process: {refused:?}"
    );
    assert_eq!(bench.ledger.runs().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_run_that_is_not_there_spoils_nothing_for_others() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let (wrong, right) = tokio::join!(
        bench.ledger.open(RunId(99), api(), vec![opening(1)]),
        bench.ledger.open(run.id, api(), vec![opening(2)])
    );
    assert!(matches!(wrong, Err(LedgerError::NoSuchRun(RunId(99)))));
    assert!(matches!(right.unwrap()[..], [Opened::Granted(_)]));
}

#[tokio::test]
async fn runs_begin_resume_and_go_on() {
    let bench = bench();
    let first = bench.begin(key(1)).await;
    assert!(!first.resumed);
    assert_eq!(bench.begin(days(1, 30)).await.id, RunId(2), "another reuse is another run");
    assert_eq!(bench.begin(key(1)).await.id, first.id);
    let anew = bench.ledger.begin(key(1), Start::Begin, Terms::default()).await.unwrap();
    assert_eq!(anew.id, RunId(3));
    assert_eq!(bench.begin(key(1)).await.id, RunId(3), "the newest unfinished one");
    bench.ledger.finish(RunId(3), 3, true).await.unwrap();
    let info = bench.ledger.runs().await.unwrap().remove(0);
    assert_eq!((info.id, info.outcome, info.finished), (RunId(3), Some(3), Some(Stamp(NOON))));
    assert_eq!(bench.begin(key(1)).await.id, first.id);
    let on = bench.ledger.begin(key(1), Start::Continue(RunId(3)), Terms::default()).await.unwrap();
    assert!(on.resumed && on.id == RunId(3));
    assert_eq!(bench.ledger.runs().await.unwrap()[0].finished, None);
    let other = bench.ledger.begin(key(2), Start::Continue(RunId(3)), Terms::default()).await;
    assert!(matches!(&other, Err(LedgerError::OtherRun { was, .. }) if was.contains("1.csv")), "{other:?}");
    let none = bench.ledger.begin(key(2), Start::Continue(RunId(9)), Terms::default()).await;
    assert!(matches!(none, Err(LedgerError::NoSuchRun(RunId(9)))));
    assert!(matches!(bench.ledger.finish(RunId(9), 0, true).await, Err(LedgerError::NoSuchRun(_))));
    bench.clock.forward(1000);
    bench.ledger.heartbeat(on.owner).await.unwrap();
    assert_eq!(bench.ledger.runs().await.unwrap()[0].last_seen, Stamp(NOON + 1000));
}
