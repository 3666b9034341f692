//! Which files are taken for a ledger, and how they are made.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;

use super::*;

fn open(path: &Path, kind: LedgerKind) -> Result<SqliteLedger, OpenError> {
    SqliteLedger::open(path, kind, Arc::new(TestClock(AtomicI64::new(NOON))))
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_new_ledger_and_its_folders_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/payonce/calls.db");
    let ledger = open(&path, LedgerKind::Live).unwrap();
    ledger.begin(key(1), Start::Begin, Terms::default()).await.unwrap();
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for ending in ["", "-wal", "-shm"] {
        let file = folder.path().join(format!("state/payonce/calls.db{ending}"));
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    drop(ledger);
    assert!(!folder.path().join("state/payonce/calls.db-wal").exists(), "the log is folded back at the end");
}

#[test]
fn a_ledger_of_another_kind_is_refused() {
    let bench = bench();
    let error = open(&bench.path(), LedgerKind::Live).err().unwrap();
    assert!(matches!(error, OpenError::WrongKind { .. }));
    assert!(error.to_string().contains("stamped sandbox; this run is live: pass --ledger"), "{error}");
    assert_eq!(SqliteLedger::open_existing_read_only(&bench.path()).unwrap().kind(), LedgerKind::Sandbox);
}

#[test]
fn a_newer_ledger_is_left_alone() {
    let bench = bench();
    let path = bench.path();
    let Bench { folder: _folder, ledger, .. } = bench;
    drop(ledger);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 3).unwrap();
    for error in
        [open(&path, LedgerKind::Sandbox).err().unwrap(), SqliteLedger::open_existing_read_only(&path).err().unwrap()]
    {
        assert!(error.to_string().contains("made by a newer payonce (schema 3, this one knows 1)"), "{error}");
    }
}

#[test]
fn files_that_are_no_ledger_are_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let text = folder.path().join("input.csv");
    std::fs::write(&text, "phone,name\n".repeat(500)).unwrap();
    for path in [foreign, text] {
        let before = std::fs::read(&path).unwrap();
        for error in
            [open(&path, LedgerKind::Live).err().unwrap(), SqliteLedger::open_existing_read_only(&path).err().unwrap()]
        {
            assert!(matches!(error, OpenError::NotALedger { .. }), "{error}");
            assert!(error.to_string().contains("is not a payonce ledger"), "{error}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_damaged_ledger_is_named_so() {
    let bench = bench();
    let path = bench.path();
    let Bench { folder: _folder, ledger, .. } = bench;
    drop(ledger);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let error = open(&path, LedgerKind::Sandbox).err().unwrap();
    assert!(matches!(error, OpenError::NotALedger { .. }), "{error}");
}

#[test]
fn an_empty_file_becomes_a_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.db");
    std::fs::write(&path, "").unwrap();
    assert!(open(&path, LedgerKind::Live).is_ok());
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = open(&folder.path().join("file/calls.db"), LedgerKind::Live).err().unwrap();
    assert!(error.to_string().contains("file/calls.db"), "{error}");
}

#[tokio::test]
async fn a_reader_makes_nothing_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.db");
    assert!(matches!(SqliteLedger::open_existing_read_only(&path), Err(OpenError::Missing { .. })));
    assert!(!path.exists());

    let bench = bench();
    let run = bench.begin(key(1)).await;
    bench.ask(&run, 1, Outcome::Paid).await;
    let reader = SqliteLedger::open_existing_read_only(&bench.path()).unwrap();
    assert_eq!(reader.totals(Scope::default()).await.unwrap().billed, 1, "also while a run is on");
    let refused = reader.settle(vec![settlement(CallId(1), Outcome::Paid)]).await.unwrap_err();
    assert!(refused.to_string().contains("for reading only"), "{refused}");
    drop(reader);
    let Bench { folder, ledger, .. } = bench;
    drop(ledger);
    let reader = SqliteLedger::open_existing_read_only(&folder.path().join("calls.db")).unwrap();
    assert_eq!(reader.runs().await.unwrap().len(), 1, "also when nothing else is open");
}
