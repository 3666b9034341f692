//! A run in retrospect: over time, by what became of its calls, by what was answered.

use super::*;
use crate::domain::call::CallState;
use crate::domain::rate::Rate;
use crate::domain::review::{Latency, Ruler, Tick};

const MINUTE: i64 = 60_000;

#[tokio::test]
async fn a_run_is_reviewed_and_no_other() {
    let bench = bench();
    let other = bench.begin(key(2)).await;
    bench.ask(&other, 500, Outcome::Paid).await;
    let terms = Terms { rates: vec![(api(), Rate::per_second(50))], ..Terms::default() };
    let run = bench.begin_with(key(1), terms).await;
    bench.ask(&run, 1, Outcome::Paid).await;
    bench.ask(&run, 2, Outcome::NoRecord).await;
    bench.clock.forward(5 * MINUTE);
    bench.ask(&run, 3, Outcome::Doubt).await;
    bench.grant(&run, 4).await;
    let review = bench.ledger.review(run.id, Ruler { origin: run.began, step: MINUTE }).await.unwrap();
    let [(name, lane)] = &review[..] else { panic!("{review:?}") };
    assert_eq!(*name, api());
    let first = Tick { at: 0, calls: 2, billed: 1, unbilled: 1, in_doubt: 0 };
    assert_eq!(lane.ticks, [first, Tick { at: 5, calls: 2, billed: 0, unbilled: 0, in_doubt: 1 }]);
    let states = [CallState::Open, CallState::Paid, CallState::NoRecord, CallState::InDoubt];
    assert_eq!(lane.states, states.map(|state| (state, 1)));
    assert_eq!(lane.latency, Some(Latency { calls: 3, p50: 180, p90: 180, p99: 180, max: 180 }));
    let codes: Vec<_> = lane.fields.iter().map(|field| field.codes.clone()).collect();
    assert_eq!(codes, ["1", "2", "3", "4"].map(|code| vec![(code.to_owned(), 1)]));
}

#[tokio::test]
async fn invocations_are_kept_with_their_rates_and_orphans_have_no_time() {
    let bench = bench();
    let rates = |n| Terms { rates: vec![(api(), Rate::per_second(n))], ..Terms::default() };
    let run = bench.begin_with(key(1), rates(50)).await;
    bench.grant(&run, 1).await;
    let bench = bench.restart();
    bench.clock.forward(MINUTE);
    let run = bench.begin_with(key(1), rates(20)).await;
    bench.ledger.adopt_orphans(run.id).await.unwrap();
    bench.ledger.finish(run.id, 3, true).await.unwrap();
    let invocations = bench.ledger.invocations(run.id).await.unwrap();
    let ended: Vec<_> = invocations.iter().map(|invocation| invocation.ended).collect();
    assert_eq!(ended, [None, Some(Stamp(NOON + MINUTE))]);
    let rates: Vec<_> = invocations.iter().map(|invocation| invocation.rates[0].1.to_string()).collect();
    assert_eq!(rates, ["50/s", "20/s"]);
    let review = bench.ledger.review(run.id, Ruler { origin: run.began, step: MINUTE }).await.unwrap();
    assert_eq!((review[0].1.latency, &review[0].1.states[..]), (None, &[(CallState::InDoubt, 1)][..]));
}
