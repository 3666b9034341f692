//! What `look_up` says: the same as `open`, without the judge's gavel.

use super::*;
use crate::domain::freshness::DAY_MS;

#[tokio::test]
async fn answers_come_back_whole_and_in_the_order_asked() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    for n in 0..50 {
        bench.ask(&run, n, Outcome::Paid).await;
    }
    let asked: Vec<u32> = (0..60).rev().chain([7, 7]).collect();
    let view = View { api: api(), run: None, window: run.window, closed: None };
    let standings = bench.ledger.look_up(view, asked.iter().map(|n| subject(*n)).collect()).await.unwrap();
    assert_eq!(standings.len(), asked.len());
    for (n, standing) in asked.into_iter().zip(standings) {
        match standing {
            Standing::Known(record) if n < 50 => {
                let call = CallId(i64::from(n) + 1);
                let expected = settlement(call, Outcome::Paid);
                assert_eq!((record.call, record.run, record.asked), (call, run.id, Stamp(NOON)));
                assert_eq!(
                    (record.code, record.reason, record.order_id),
                    (Some(0), expected.reason, expected.order_id)
                );
                assert_eq!(record.fields, expected.fields);
            }
            Standing::Unknown if n >= 50 => {}
            other => panic!("{n}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn time_makes_answers_stale_but_not_a_runs_own() {
    let bench = bench();
    let first = bench.begin(key(1)).await;
    bench.ask(&first, 1, Outcome::Paid).await;
    bench.ask(&first, 2, Outcome::Failed).await;
    bench.clock.forward(15 * DAY_MS);
    let second = bench.begin(key(2)).await;
    assert_eq!(bench.standing(Some(second.id), second.window, 1).await, Standing::Stale);
    assert_eq!(bench.standing(Some(second.id), second.window, 2).await, Standing::Unknown);
    for n in [1, 2] {
        let own = bench.standing(Some(first.id), second.window, n).await;
        assert!(matches!(own, Standing::Known(_)), "{own:?}");
    }
}

#[tokio::test]
async fn an_old_output_does_not_see_what_came_later() {
    let bench = bench();
    let first = bench.begin(key(1)).await;
    bench.clock.forward(1000);
    bench.ledger.finish(first.id, 0, true).await.unwrap();
    bench.clock.forward(1000);
    let second = bench.begin(key(2)).await;
    bench.ask(&second, 1, Outcome::Paid).await;
    let closed = bench.ledger.runs().await.unwrap().pop().unwrap().finished;
    assert_eq!(closed, Some(Stamp(NOON + 1000)));
    let view = View { api: api(), run: Some(first.id), window: first.window, closed };
    assert_eq!(bench.ledger.look_up(view, vec![subject(1)]).await.unwrap(), [Standing::Unknown]);
}

#[tokio::test]
async fn an_api_that_was_never_asked_knows_nothing() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let view = View { api: ApiId::new("cucc-tenure"), run: None, window: run.window, closed: None };
    assert_eq!(bench.ledger.look_up(view, vec![subject(1); 3]).await.unwrap(), vec![Standing::Unknown; 3]);
}

#[tokio::test]
async fn totals_add_up_by_day_and_api() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    bench.ask(&run, 1, Outcome::Paid).await;
    bench.clock.forward(DAY_MS);
    bench.ask(&run, 2, Outcome::Paid).await;
    let day = Stamp(NOON).day();
    for (scope, billed) in [
        (Scope::default(), 2),
        (Scope { from: Some(day.next()), ..Scope::default() }, 1),
        (Scope { before: Some(day.next()), ..Scope::default() }, 1),
        (Scope { run: Some(run.id), api: Some(api()), ..Scope::default() }, 2),
        (Scope { run: Some(RunId(9)), ..Scope::default() }, 0),
        (Scope { api: Some(ApiId::new("cucc-tenure")), ..Scope::default() }, 0),
    ] {
        assert_eq!(bench.ledger.totals(scope.clone()).await.unwrap().billed, billed, "{scope:?}");
    }
}
