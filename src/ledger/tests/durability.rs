//! Settling once, failing commits, the rescue file.

use super::*;
use crate::ledger::Absorbed;
use crate::ledger::rescue;

#[tokio::test]
async fn the_disk_is_asked_for_full_durability() {
    let bench = bench();
    let (mode, synchronous) = bench
        .ledger
        .write(|desk| {
            let mode: String = desk.db.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
            let synchronous: i64 = desk.db.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
            Ok((mode, synchronous))
        })
        .await
        .unwrap();
    assert_eq!((mode.as_str(), synchronous), ("wal", 2));
}

#[tokio::test]
async fn a_call_is_settled_once_whatever_is_said_later() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let call = bench.ask(&run, 1, Outcome::Paid).await;
    let before = bench.totals().await;
    bench.settle(call, Outcome::Doubt).await;
    let bench = bench.restart();
    bench.settle(call, Outcome::Unpaid).await;
    bench.ledger.withdraw(vec![call]).await.unwrap();
    assert_eq!(bench.totals().await, before);
    let Standing::Known(record) = bench.standing(Some(run.id), run.window, 1).await else { panic!("unknown") };
    assert_eq!((record.status, record.order_id), (Status::Ok, settlement(call, Outcome::Paid).order_id));
}

#[tokio::test]
async fn a_call_that_never_was_is_an_error_and_costs_the_others_nothing() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let call = bench.grant(&run, 1).await;
    let batch = vec![settlement(CallId(77), Outcome::Paid), settlement(call, Outcome::Paid)];
    let error = bench.ledger.settle(batch).await.unwrap_err();
    assert!(error.to_string().contains("call 77"), "{error}");
    assert_eq!(bench.totals().await.billed, 1);
}

#[tokio::test]
async fn ids_of_withdrawn_calls_are_not_used_again() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let first = bench.grant(&run, 1).await;
    let second = bench.grant(&run, 2).await;
    bench.ledger.withdraw(vec![second, first]).await.unwrap();
    assert_eq!(bench.totals().await, Totals::default());
    let bench = bench.restart();
    let run = bench.begin(key(1)).await;
    assert!(bench.grant(&run, 1).await > second);
}

#[tokio::test]
async fn what_could_not_be_committed_is_rescued_and_taken_in_by_the_next_start() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let (paid, none, lost) = (bench.grant(&run, 1).await, bench.grant(&run, 2).await, bench.grant(&run, 3).await);
    bench.break_settlements(true).await;
    let error = bench.ledger.settle(vec![settlement(paid, Outcome::Paid)]).await.unwrap_err().to_string();
    assert!(error.contains("calls.db.rescue") && error.contains("disk I/O error"), "{error}");
    bench.ledger.settle(vec![settlement(none, Outcome::NoRecord)]).await.unwrap_err();
    let refused = bench.ledger.open(run.id, api(), vec![opening(4)]).await.unwrap_err();
    assert!(refused.to_string().contains("nothing more is sent"), "{refused}");
    assert_eq!(bench.totals().await.open, 3);

    let file = rescue::path_of(&bench.path());
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.len(), 64 << 10, "the answers stand in the room that was reserved for them");
    let text = text.trim_end_matches('\0');
    assert_eq!(text.lines().count(), 2);
    assert!(!text.contains("13900000001") && !text.contains(&subject(1).hex()), "{text}");
    // A third line, torn by the end of the process in the middle of a character.
    let torn = [text.as_bytes(), b"{\"ledger\":\"\xe6\x88"].concat();
    std::fs::write(&file, torn).unwrap();

    let bench = bench.restart();
    assert_eq!(bench.ledger.absorbed(), Some(Absorbed { settlements: 2, torn: true }));
    assert!(std::fs::read(&file).unwrap().iter().all(|byte| *byte == 0));
    let run = bench.begin(key(1)).await;
    assert_eq!(bench.ledger.adopt_orphans(run.id).await.unwrap(), 1, "call {lost}");
    let totals = bench.totals().await;
    assert_eq!((totals.billed, totals.unbilled, totals.in_doubt), (1, 1, 1));
    let Standing::Known(record) = bench.standing(Some(run.id), run.window, 1).await else { panic!("unknown") };
    assert_eq!((record.order_id, record.fields.len()), (settlement(paid, Outcome::Paid).order_id, 4));
    let bench = bench.restart();
    assert_eq!(bench.ledger.absorbed(), None);
}

#[tokio::test]
async fn after_a_failed_commit_settling_works_again_and_opening_does_not() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let call = bench.grant(&run, 1).await;
    bench.break_settlements(true).await;
    bench.ledger.settle(vec![settlement(call, Outcome::Paid)]).await.unwrap_err();
    bench.break_settlements(false).await;
    bench.settle(call, Outcome::Paid).await;
    assert_eq!(bench.totals().await.billed, 1);
    assert!(bench.ledger.open(run.id, api(), vec![opening(2)]).await.is_err());
    assert!(bench.ledger.begin(key(2), Start::Begin, Terms::default()).await.is_err());
    // The rescue file says the same thing a second time, which is ignored.
    let bench = bench.restart();
    assert_eq!(bench.totals().await.billed, 1);
    let run = bench.begin(key(1)).await;
    assert!(matches!(bench.open(&run, 2).await, Opened::Granted(_)));
}

#[tokio::test]
async fn a_full_disk_grants_nothing_and_leaves_the_books_as_they_were() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    bench.ask(&run, 1, Outcome::Paid).await;
    let before = bench.totals().await;
    bench.ledger.write(|desk| Ok(desk.db.query_row("PRAGMA max_page_count = 1", [], |_| Ok(()))?)).await.unwrap();
    let many: Vec<_> = (10..500).map(opening).collect();
    let error = bench.ledger.open(run.id, api(), many).await.unwrap_err().to_string();
    assert!(error.contains("disk is full") && error.contains("calls.db"), "{error}");
    assert_eq!(bench.totals().await, before);
    let bench = bench.restart();
    let run = bench.begin(key(1)).await;
    assert_eq!(bench.ledger.adopt_orphans(run.id).await.unwrap(), 0);
    assert!(matches!(bench.open(&run, 10).await, Opened::Granted(CallId(2))));
}

#[tokio::test]
async fn a_failed_commit_fails_everyone_in_its_group() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let call = bench.grant(&run, 1).await;
    bench.break_settlements(true).await;
    // While the writer is held up, the other two queue up and share a group.
    let hold = bench.ledger.write(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        Ok(())
    });
    let (_, opened, settled) = tokio::join!(
        hold,
        bench.ledger.open(run.id, api(), vec![opening(2)]),
        bench.ledger.settle(vec![settlement(call, Outcome::Paid)])
    );
    assert!(opened.is_err() && settled.is_err());
    let totals = bench.totals().await;
    assert_eq!((totals.calls, totals.open, totals.reserved), (1, 1, yuan("0.05")));
}

#[tokio::test]
async fn a_rescue_file_that_is_damaged_or_a_strangers_stops_the_start() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let call = bench.grant(&run, 1).await;
    let line = |uid: &str, call| {
        format!(
            "{{\"ledger\":\"{uid}\",\"call\":{call},\"outcome\":\"paid\",\"assumed\":false,\"code\":0,\"reason\":\"\",\"order_id\":null,\"fields\":[]}}\n"
        )
    };
    let uid: String = bench
        .ledger
        .write(|desk| Ok(desk.db.query_row("SELECT value FROM meta WHERE name = 'uid'", [], |row| row.get(0))?))
        .await
        .unwrap();
    let file = rescue::path_of(&bench.path());
    let (folder, clock) = (bench.folder, bench.clock);
    drop(bench.ledger);
    for (text, word) in [
        (line("0123", call.0), "another ledger"),
        (format!("nonsense\n{}", line(&uid, call.0)), "line 1 is damaged"),
        (line(&uid, 99), "call 99"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error =
            SqliteLedger::open(&folder.path().join("calls.db"), LedgerKind::Sandbox, clock.clone()).err().unwrap();
        assert!(error.to_string().contains(word), "{error}");
        assert!(file.exists());
    }
    std::fs::write(&file, line(&uid, call.0)).unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("calls.db"), LedgerKind::Sandbox, clock).unwrap();
    assert_eq!(ledger.totals(Scope::default()).await.unwrap().billed, 1);
}

#[tokio::test]
async fn a_rescue_that_fails_too_is_loud() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let call = bench.grant(&run, 1).await;
    std::fs::remove_file(rescue::path_of(&bench.path())).unwrap();
    std::fs::create_dir(rescue::path_of(&bench.path())).unwrap();
    bench.break_settlements(true).await;
    let error = bench.ledger.settle(vec![settlement(call, Outcome::Paid)]).await.unwrap_err().to_string();
    assert!(error.contains("CANNOT BE WRITTEN EITHER"), "{error}");
}

#[tokio::test]
async fn a_withdrawal_that_could_not_be_committed_is_rescued_as_well() {
    let bench = bench();
    let run = bench.begin(key(1)).await;
    let (unsent, paid) = (bench.grant(&run, 1).await, bench.grant(&run, 2).await);
    bench.ledger.write(|desk| Ok(desk.db.execute_batch("PRAGMA query_only = 1")?)).await.unwrap();
    bench.ledger.withdraw(vec![unsent]).await.unwrap_err();
    bench.ledger.settle(vec![settlement(paid, Outcome::Paid)]).await.unwrap_err();
    let bench = bench.restart();
    assert_eq!(bench.ledger.absorbed(), Some(Absorbed { settlements: 1, torn: false }));
    let run = bench.begin(key(1)).await;
    assert_eq!(bench.ledger.adopt_orphans(run.id).await.unwrap(), 0, "what never left is no doubt");
    let totals = bench.totals().await;
    assert_eq!((totals.calls, totals.billed, totals.in_doubt), (1, 1, 0));
    assert!(matches!(bench.open(&run, 1).await, Opened::Granted(_)));
}

#[tokio::test]
async fn the_room_for_rescues_comes_and_goes_with_the_ledger() {
    let bench = bench();
    let file = rescue::path_of(&bench.path());
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 64 << 10);
    let Bench { folder: _folder, ledger, .. } = bench;
    drop(ledger);
    assert!(!file.exists());
}
