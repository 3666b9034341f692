//! Freshness to the millisecond: where months and days turn in Asia/Shanghai, and what a run keeps when they do.

use jiff::Timestamp;

use super::*;
use crate::domain::call::{Decision, Limit, Shortage};
use crate::domain::freshness::DAY_MS;

const MINUTE: i64 = 60_000;

/// A moment as RFC 3339 writes it, in whatever zone.
fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

/// A ledger whose clock shows this moment.
fn bench_at(text: &str) -> Bench {
    let bench = bench();
    bench.clock.set(at(text));
    bench
}

impl Bench {
    /// The month before the one in which the run asked about `n`: what `P_data_month` says of ctcc.
    async fn data_month(&self, run: &Run, n: u32) -> String {
        match self.standing(Some(run.id), run.window, n).await {
            Standing::Known(record) => record.asked.month().previous().to_string(),
            other => panic!("{n}: {other:?}"),
        }
    }

    async fn is_granted(&self, run: &Run, n: u32) -> bool {
        matches!(self.open(run, n).await, Opened::Granted(_))
    }

    async fn begin_anew(&self, key: RunKey) -> Run {
        self.ledger.begin(key, Start::Begin, Terms::default()).await.unwrap()
    }
}

#[tokio::test]
async fn a_month_turns_at_midnight_in_shanghai_and_not_in_greenwich() {
    // The last millisecond of a month there, and its first one in Greenwich, when Shanghai has been in it for eight hours.
    for (last, greenwich) in [
        ("2026-10-31T23:59:59.999+08:00", "2026-11-01T00:00:00Z"),
        ("2026-02-28T23:59:59.999+08:00", "2026-03-01T00:00:00Z"),
        ("2028-02-29T23:59:59.999+08:00", "2028-03-01T00:00:00Z"),
        ("2026-12-31T15:59:59.999Z", "2027-01-01T00:00:00Z"),
    ] {
        let bench = bench_at(last);
        let before = bench.begin(key(1)).await;
        bench.ask(&before, 1, Outcome::Paid).await;
        assert_eq!(bench.open(&bench.begin(key(2)).await, 1).await, Opened::Settled(Status::Ok), "{last}: same month");
        bench.clock.forward(1);
        let after = bench.begin(key(3)).await;
        assert_eq!(after.window.opens, Stamp(at(last) + 1), "{last}");
        assert_eq!(bench.standing(None, after.window, 1).await, Standing::Stale, "{last}");
        bench.ask(&after, 1, Outcome::Paid).await;
        bench.clock.set(at(greenwich));
        let later = bench.begin(key(4)).await;
        assert_eq!(later.window, after.window, "{greenwich}: Greenwich turns nothing");
        assert_eq!(bench.open(&later, 1).await, Opened::Settled(Status::Ok), "{greenwich}");
    }
}

#[tokio::test]
async fn a_run_of_the_30th_resumed_on_the_2nd_keeps_its_answers_and_asks_the_rest() {
    let bench = bench_at("2026-10-30T22:00:00+08:00");
    let run = bench.begin(key(1)).await;
    for n in 0..5 {
        bench.ask(&run, n, Outcome::Paid).await;
    }
    bench.ask(&run, 5, Outcome::NoRecord).await;
    bench.ask(&run, 6, Outcome::Unpaid).await;
    bench.grant(&run, 7).await;
    let bench = bench.restart();
    bench.clock.set(at("2026-11-02T22:00:00+08:00"));
    let resumed = bench.begin(key(1)).await;
    assert_eq!((resumed.id, resumed.began, resumed.window), (run.id, run.began, run.window));
    assert_eq!(bench.ledger.adopt_orphans(resumed.id).await.unwrap(), 1);
    let openings = (0..10).map(opening).collect();
    let opened = bench.ledger.open(resumed.id, api(), openings).await.unwrap();
    let granted: Vec<usize> =
        opened.iter().enumerate().filter(|(_, one)| matches!(one, Opened::Granted(_))).map(|(n, _)| n).collect();
    assert_eq!(granted, [6, 8, 9], "{opened:?}");
    assert_eq!(opened[7], Opened::Blocked(Status::InDoubt));
    let Opened::Granted(call) = opened[8] else { panic!("{opened:?}") };
    bench.settle(call, Outcome::Paid).await;
    assert_eq!(bench.data_month(&resumed, 0).await, "2026-09", "asked in October");
    assert_eq!(bench.data_month(&resumed, 8).await, "2026-10", "asked in November");

    let anew = bench.begin_anew(key(1)).await;
    for n in 0..=5 {
        assert!(bench.is_granted(&anew, n).await, "{n}: a new run of the 2nd asks again");
    }
    assert!(bench.is_granted(&anew, 7).await, "October's doubt says nothing about November");
    assert_eq!(bench.open(&anew, 8).await, Opened::Settled(Status::Ok), "what the old run asked this month is fresh");
}

#[tokio::test]
async fn a_run_that_crosses_midnight_of_the_last_day_has_a_month_for_each_row() {
    let bench = bench_at("2026-12-31T23:59:59.998+08:00");
    let run = bench.begin(key(1)).await;
    bench.clock.forward(1);
    bench.ask(&run, 1, Outcome::Paid).await;
    let under_way = bench.grant(&run, 2).await;
    bench.clock.forward(1);
    bench.ask(&run, 3, Outcome::Paid).await;
    // Sent last year, answered this year: the intent's moment is what the vendor was asked at.
    bench.clock.forward(5000);
    bench.settle(under_way, Outcome::Paid).await;
    for (n, month) in [(1, "2026-11"), (2, "2026-11"), (3, "2026-12")] {
        assert_eq!(bench.data_month(&run, n).await, month, "{n}");
    }
    let january = bench.begin_anew(key(1)).await;
    assert!(bench.is_granted(&january, 1).await);
    assert!(bench.is_granted(&january, 2).await, "an answer of December however late it came");
    assert_eq!(bench.open(&january, 3).await, Opened::Settled(Status::Ok));
}

#[tokio::test]
async fn going_on_after_a_release_on_the_1st_asks_only_the_released() {
    let bench = bench_at("2026-10-31T21:00:00+08:00");
    let run = bench.begin(key(1)).await;
    let outcomes = [
        Outcome::Paid,
        Outcome::NoRecord,
        Outcome::Rejected,
        Outcome::Failed,
        Outcome::Doubt,
        Outcome::Doubt,
        Outcome::Doubt,
    ];
    let mut calls = Vec::new();
    for (n, outcome) in (0..).zip(outcomes) {
        calls.push(bench.ask(&run, n, outcome).await);
    }
    bench.ledger.finish(run.id, 3, true).await.unwrap();
    let bench = bench.restart();
    bench.clock.set(at("2026-11-01T09:00:00+08:00"));
    bench.ledger.decide(vec![calls[4]], Decision::Release).await.unwrap();
    bench.ledger.decide(vec![calls[5]], Decision::WriteOff).await.unwrap();
    let on = bench.ledger.begin(key(1), Start::Continue(run.id), Terms::default()).await.unwrap();
    assert_eq!((on.id, on.window), (run.id, run.window));
    let opened = bench.ledger.open(on.id, api(), (0..7).map(opening).collect()).await.unwrap();
    let Opened::Granted(call) = opened[4] else { panic!("{opened:?}") };
    assert_eq!(
        opened,
        [
            Opened::Settled(Status::Ok),
            Opened::Settled(Status::NoRecord),
            Opened::Settled(Status::Rejected),
            Opened::Settled(Status::Failed),
            Opened::Granted(call),
            Opened::Blocked(Status::WrittenOff),
            Opened::Blocked(Status::InDoubt),
        ]
    );
    bench.settle(call, Outcome::Paid).await;
    assert_eq!(bench.totals().await.paid_again, 1);
    assert_eq!(bench.data_month(&on, 0).await, "2026-09");
    assert_eq!(bench.data_month(&on, 4).await, "2026-10", "the released one was asked in November");
}

#[tokio::test]
async fn days_count_from_the_millisecond_and_know_no_months() {
    let bench = bench_at("2026-10-20T12:00:00+08:00");
    let first = bench.begin(key(1)).await;
    bench.ask(&first, 1, Outcome::Paid).await;
    bench.clock.forward(1);
    bench.ask(&first, 2, Outcome::Paid).await;
    bench.clock.set(at("2026-11-19T12:00:00+08:00"));
    let exactly = bench.begin(days(2, 30)).await;
    assert_eq!(bench.open(&exactly, 1).await, Opened::Settled(Status::Ok), "thirty days ago to the millisecond");
    bench.clock.forward(1);
    let later = bench.begin(days(3, 30)).await;
    assert_eq!(bench.standing(None, later.window, 1).await, Standing::Stale);
    assert_eq!(bench.open(&later, 2).await, Opened::Settled(Status::Ok));
    assert!(bench.is_granted(&later, 1).await);
    // The window stays where it was when the run is gone on with.
    bench.clock.forward(20 * DAY_MS);
    let resumed = bench.begin(days(3, 30)).await;
    assert_eq!(resumed.window, later.window);
    assert_eq!(bench.open(&resumed, 2).await, Opened::Settled(Status::Ok));
    assert!(bench.is_granted(&bench.begin(days(4, 30)).await, 2).await);
}

#[tokio::test]
async fn doubts_and_decisions_block_by_the_form_of_reuse() {
    let blocked = |status| Some(Opened::Blocked(status));
    // What happened, then what stands in the way: inside the window; outside it with `month`, and with `days:N`.
    let table = [
        (None, blocked(Status::InDoubt), None, blocked(Status::InDoubt)),
        (Some(Decision::WriteOff), blocked(Status::WrittenOff), None, None),
        (Some(Decision::Charged), blocked(Status::Lost), None, None),
        (Some(Decision::Release), None, None, None),
        (Some(Decision::NotCharged), None, None, None),
    ];
    for (decision, inside, month, days_n) in table {
        for (form, later, expected) in [
            (key(2), 10 * DAY_MS, &inside),
            (days(2, 30), 10 * DAY_MS, &inside),
            // The 1st of the next month, and the 31st day after.
            (key(2), 26 * DAY_MS, &month),
            (days(2, 30), 31 * DAY_MS, &days_n),
        ] {
            let bench = bench_at("2026-10-06T12:00:00+08:00");
            let first = bench.begin(key(1)).await;
            let doubt = bench.ask(&first, 1, Outcome::Doubt).await;
            if let Some(decision) = decision {
                bench.ledger.decide(vec![doubt], decision).await.unwrap();
            }
            bench.clock.forward(later);
            let run = bench.begin(form.clone()).await;
            let opened = bench.open(&run, 1).await;
            let free = matches!(opened, Opened::Granted(_));
            assert_eq!((!free).then_some(opened), *expected, "{decision:?}, {} after {later} ms", form.reuse);
        }
    }
}

#[tokio::test]
async fn a_clock_that_jumps_back_over_midnight_does_not_undo_the_month() {
    let bench = bench_at("2026-11-01T00:02:00+08:00");
    let run = bench.begin(key(1)).await;
    bench.ask(&run, 1, Outcome::Paid).await;
    bench.clock.forward(-4 * MINUTE);
    bench.ask(&run, 2, Outcome::Paid).await;
    assert_eq!(bench.data_month(&run, 2).await, "2026-10", "stamped no earlier than the call before it");
    let other = bench.begin(key(2)).await;
    assert_eq!(other.window.opens, Stamp(at("2026-11-01T00:00:00+08:00")));
    assert_eq!(bench.open(&other, 2).await, Opened::Settled(Status::Ok));
    // Five minutes are still taken for a clock that was set; one more millisecond is not.
    bench.clock.set(at("2026-10-31T23:57:00+08:00"));
    assert!(bench.is_granted(&run, 3).await);
    bench.clock.forward(-1);
    let refused = bench.ledger.open(run.id, api(), vec![opening(4)]).await;
    assert!(matches!(refused, Err(LedgerError::ClockBehind { .. })), "{refused:?}");
    bench.clock.set(at("2026-11-01T00:02:01+08:00"));
    assert!(bench.is_granted(&run, 4).await, "set right, it goes on");
}

#[tokio::test]
async fn days_and_months_of_the_limits_turn_to_the_millisecond() {
    let bench = bench_at("2026-10-31T23:59:59.999+08:00");
    let per_day = Terms { calls_per_day: Some(2), ..Terms::default() };
    let per_month = Terms { budget_month: Some(yuan("0.15")), ..Terms::default() };
    let (daily, monthly) = (bench.begin_with(key(1), per_day).await, bench.begin_with(key(2), per_month).await);
    bench.ask(&daily, 1, Outcome::Paid).await;
    bench.ask(&daily, 2, Outcome::Doubt).await;
    let under_way = bench.grant(&monthly, 3).await;
    let short = |limit, pending| Opened::NoBudget(Shortage { limit, pending });
    assert_eq!(bench.open(&daily, 4).await, short(Limit::CallsPerDay, 1));
    assert_eq!(bench.open(&monthly, 4).await, short(Limit::BudgetMonth, 1));
    bench.clock.forward(1);
    let first = bench.grant(&daily, 4).await;
    // Its intent is October's; what becomes of it in November is October's money.
    bench.settle(under_way, Outcome::Paid).await;
    let second = bench.grant(&monthly, 5).await;
    assert_eq!(bench.open(&daily, 6).await, short(Limit::CallsPerDay, 2));
    assert!(bench.is_granted(&monthly, 6).await);
    assert_eq!(bench.open(&monthly, 7).await, short(Limit::BudgetMonth, 3));
    // Greenwich's midnight is eight in the morning: nothing turns.
    bench.clock.set(at("2026-11-02T00:00:00Z") - DAY_MS);
    bench.ledger.withdraw(vec![first, second]).await.unwrap();
    let bench = bench.restart();
    let per_day = Terms { calls_per_day: Some(2), ..Terms::default() };
    let daily = bench.begin_with(key(1), per_day).await;
    bench.ask(&daily, 8, Outcome::Paid).await;
    assert_eq!(
        bench.open(&daily, 9).await,
        short(Limit::CallsPerDay, 0),
        "one of a dead owner, one paid; over a restart"
    );
    bench.clock.set(at("2026-11-01T23:59:59.999+08:00"));
    assert_eq!(bench.open(&daily, 9).await, short(Limit::CallsPerDay, 0));
    bench.clock.forward(1);
    assert!(bench.is_granted(&daily, 9).await);
}
