//! Measurements, not tests: `cargo test --release --lib ledger::tests::speed -- --ignored --nocapture --test-threads=1`.

use std::time::Instant;

use super::*;

/// Settles so many paid answers, 64 at once in flight, each opened and settled by itself.
async fn fill(bench: &Bench, calls: u32, tasks: u32) -> f64 {
    let run = bench.begin(key(1)).await;
    let start = Instant::now();
    let workers = (0..tasks).map(|task| {
        let (ledger, id) = (bench.ledger.clone(), run.id);
        tokio::spawn(async move {
            for n in (task..calls).step_by(tasks as usize) {
                let opened = ledger.open(id, api(), vec![opening(n)]).await.unwrap();
                let [Opened::Granted(call)] = opened[..] else { panic!("{opened:?}") };
                ledger.settle(vec![settlement(call, Outcome::Paid)]).await.unwrap();
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    f64::from(calls) / start.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn calls_per_second_and_bytes_per_answer() {
    let bench = bench();
    let calls = 100_000;
    let rate = fill(&bench, calls, 64).await;
    let path = bench.path();
    let Bench { folder: _folder, ledger, .. } = bench;
    drop(ledger);
    let bytes = std::fs::metadata(&path).unwrap().len() as f64 / f64::from(calls);
    println!("{rate:.0} calls/s (open and settle), {bytes:.1} bytes per answer");
    assert!(bytes <= 120.0);
}

#[tokio::test]
#[ignore = "a measurement"]
async fn bytes_per_answer_when_answers_come_out_of_order() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let calls: u32 = 100_000;
    let mut chance = fastrand::Rng::with_seed(1);
    let mut in_flight = Vec::new();
    for n in (0..calls).step_by(16) {
        let opened = bench.ledger.open(run.id, api(), (n..n + 16).map(opening).collect()).await.unwrap();
        in_flight.extend(opened.into_iter().map(|opened| match opened {
            Opened::Granted(call) => settlement(call, Outcome::Paid),
            other => panic!("{other:?}"),
        }));
        chance.shuffle(&mut in_flight);
        let stay = if n + 16 < calls { 48 } else { 0 };
        bench.ledger.settle(in_flight.split_off(stay.min(in_flight.len()))).await.unwrap();
    }
    let path = bench.path();
    let Bench { folder: _folder, ledger, .. } = bench;
    drop(ledger);
    let bytes = std::fs::metadata(&path).unwrap().len() as f64 / f64::from(calls);
    println!("{bytes:.1} bytes per answer, out of order");
    assert!(bytes <= 120.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn look_ups_per_second_in_a_million() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let all: u32 = 1_000_000;
    let start = Instant::now();
    for chunk in (0..all).collect::<Vec<_>>().chunks(5000) {
        let openings = chunk.iter().map(|n| opening(*n)).collect();
        let opened = bench.ledger.open(run.id, api(), openings).await.unwrap();
        let ends = opened.into_iter().map(|opened| match opened {
            Opened::Granted(call) => settlement(call, Outcome::Paid),
            other => panic!("{other:?}"),
        });
        bench.ledger.settle(ends.collect()).await.unwrap();
    }
    println!("filled a million in {:.1} s", start.elapsed().as_secs_f64());
    let subjects: Vec<Subject> = (0..all).map(subject).collect();
    let mut shuffled = subjects.clone();
    fastrand::Rng::with_seed(1).shuffle(&mut shuffled);
    for (order, subjects) in [("input order", &subjects), ("shuffled", &shuffled)] {
        for size in [1000, 8192, 65536] {
            let start = Instant::now();
            let mut known = 0;
            for batch in subjects.chunks(size) {
                let view = View { api: api(), run: Some(run.id), window: run.window, closed: None };
                let standings = bench.ledger.look_up(view, batch.to_vec()).await.unwrap();
                known += standings.iter().filter(|standing| matches!(standing, Standing::Known(_))).count();
            }
            assert_eq!(known, subjects.len());
            println!("{order}, batches of {size}: {:.0} look-ups/s", f64::from(all) / start.elapsed().as_secs_f64());
        }
    }
}
