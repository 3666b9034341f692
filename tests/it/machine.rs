//! Faults of the machine: full and read-only disks, files that are no ledger, killed and competing runs, inputs that change,
//! a vendor that is away for a while. The oracle is the vendor's bill.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{CTCC, CUCC, Disk, Front, Night, Ran, Vendor, customers, customers_from, number};

/// A run as every test here does it, with `more` flags.
fn run<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "in.csv", "--api", CUCC, "--rate", "2000/s"], more].concat()
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).expect("the file").permissions().mode() & 0o777
}

/// A count of `ledger`; without one, of that of the runs on loopback.
fn total(night: &Night, ledger: Option<&Path>, name: &str) -> u64 {
    let loopback = night.home("state/payonce/loopback.sqlite");
    let ledger = ledger.unwrap_or(&loopback).to_str().expect("a plain path");
    night.run(["status", "--json", "--ledger", ledger]).exit(0).json()["totals"][name].as_u64().expect("a count")
}

#[test]
fn on_a_full_disk_nothing_more_is_sent_and_every_answer_is_rescued() {
    const NUMBERS: u64 = 2000;
    let Some(disk) = Disk::small("1m") else { return };
    let ledger = disk.path("calls.db");
    let night = Night::new().file("in.csv", customers(NUMBERS as usize)).env("PAYONCE_LEDGER", &ledger);
    let vendor = Vendor::with(|options| options.latency = Duration::from_millis(20));
    let args = run(&["--api", CTCC, "--concurrency", "16"]);
    let ran = night.ask(&vendor, args.clone()).exit(1).stderr_has("the disk is full: free some space");
    let bill = vendor.bill();
    assert!(bill.requests < NUMBERS * 2 && bill.charged > 0, "{ran}{bill}");

    let rescue = disk.path("calls.db.rescue");
    assert_eq!(mode(&rescue), 0o600);
    let text = fs::read(&rescue).expect("the rescue file");
    assert!(!text.windows(4).any(|window| window == b"1860"), "no plain number is in there");

    disk.grow("64m");
    let ran = night.ask(&vendor, args).exit(0).stderr_has("from the rescue file");
    let bill = vendor.bill();
    assert_eq!((bill.charged, bill.requests), (NUMBERS * 2, NUMBERS * 2), "not one call is in doubt:\n{ran}{bill}");
    assert_eq!(total(&night, Some(&ledger), "billed"), NUMBERS * 2);
    assert!(!rescue.exists(), "{:?}", disk.names());
}

#[test]
fn a_disk_that_is_full_from_the_start_costs_nothing() {
    let Some(disk) = Disk::small("128k") else { return };
    let night = Night::new().file("in.csv", customers(20)).env("PAYONCE_LEDGER", disk.path("calls.db"));
    let vendor = Vendor::start();
    night.ask(&vendor, run(&[])).exit(1).stderr_has("is full: free some space");
    assert_eq!(vendor.bill().requests, 0);
    disk.grow("64m");
    night.ask(&vendor, run(&[])).exit(0);
}

#[test]
fn a_full_disk_under_the_output_loses_nothing_but_the_output() {
    let Some(disk) = Disk::small("64k") else { return };
    let night = Night::new().file("in.csv", customers(2000));
    let vendor = Vendor::start();
    let output = disk.path("out.csv");
    let args = run(&["-o", output.to_str().expect("a plain path")]);
    night
        .ask(&vendor, args.clone())
        .exit(1)
        .stderr_has("pays for nothing twice")
        .stderr_has("no space left on the disk");
    assert_eq!(vendor.bill().charged, 2000);
    assert_eq!(disk.names(), [""; 0], "nothing is left of the output that did not fit");
    disk.grow("16m");
    night.ask(&vendor, args).exit(0).stderr_has("nothing to ask");
    assert_eq!(vendor.bill().requests, 2000);
    assert_eq!(fs::read_to_string(output).expect("the output").lines().count(), 2001);
}

#[test]
fn read_only_places_are_refused_before_anything_is_paid() {
    let Some(disk) = Disk::small("1m") else { return };
    let (night, vendor) = (Night::new().file("in.csv", customers(20)), Vendor::start());
    let ledger = disk.path("calls.db");
    let ledger = ledger.to_str().expect("a plain path");
    night.ask(&vendor, run(&["--ledger", ledger])).exit(0);
    let paid = vendor.bill();
    disk.make_read_only();
    let output = disk.path("out.csv");
    night.ask(&vendor, run(&["-o", output.to_str().expect("a plain path")])).exit(2).stderr_has("out.csv");
    let other = disk.path("other.db");
    night.ask(&vendor, run(&["--ledger", other.to_str().expect("a plain path")])).exit(2).stderr_has("other.db");
    night.write("in.csv", customers(25));
    night.ask(&vendor, run(&["--ledger", ledger])).exit(2).stderr_has("calls.db");
    assert_eq!(vendor.bill(), paid, "nobody was asked");
}

#[test]
fn files_that_are_no_ledger_of_ours_are_left_as_they_are() {
    let (night, vendor) = (Night::new().file("in.csv", customers(20)), Vendor::start());
    let made = |name: &str, make: &dyn Fn(&Path)| {
        let path = night.home(name);
        make(&path);
        path
    };
    let with_sql = |sql: &'static str| {
        move |path: &Path| {
            let db = rusqlite::Connection::open(path).expect("a database");
            db.execute_batch(sql).expect("good SQL");
        }
    };
    let ours = night.home("ours.db");
    night.ask(&vendor, run(&["--ledger", ours.to_str().expect("a plain path")])).exit(0);
    let paid = vendor.bill();
    let spoilt = |spoil: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(&ours).expect("the ledger");
        spoil(&mut bytes);
        move |path: &Path| fs::write(path, &bytes).expect("a file")
    };
    let cases = [
        (made("foreign.db", &with_sql("CREATE TABLE customer (name TEXT)")), "another program's SQLite file"),
        (
            made("newer.db", &|path| {
                fs::copy(&ours, path).expect("a copy");
                with_sql("PRAGMA user_version = 99")(path);
            }),
            "made by a newer payonce (schema 99",
        ),
        (made("text.db", &|path| fs::write(path, customers(500)).expect("a file")), "not a payonce ledger"),
        (made("head.db", &spoilt(&|bytes| bytes[..100].fill(7))), "not a payonce ledger"),
        (made("torn.db", &spoilt(&|bytes| bytes.truncate(5000))), "damaged"),
        (made("holes.db", &spoilt(&|bytes| bytes[4096..].fill(0x5a))), "damaged"),
        (made("folder.db", &|path| fs::create_dir(path).expect("a folder")), "folder.db"),
    ];
    for (path, word) in cases {
        let before = fs::read(&path).ok();
        let ran = night.ask(&vendor, run(&["--ledger", path.to_str().expect("a plain path")]));
        assert!(matches!(ran.code(), Some(1 | 2)), "{word}: {ran}");
        ran.stderr_has(word);
        assert_eq!(fs::read(&path).ok(), before, "{}", path.display());
    }
    assert_eq!(vendor.bill(), paid, "nobody was asked");
}

#[test]
fn a_killed_run_leaves_no_lock_and_two_at_once_are_refused() {
    let night = Night::new().file("in.csv", customers(400));
    let vendor = Vendor::start();
    let slowly = ["run", "in.csv", "--api", CUCC, "--rate", "100/s"];
    let first = night.spawn(&vendor, slowly);
    vendor.until_asked(5);
    let held = night.ask(&vendor, slowly).exit(75).stderr_has("another payonce");
    let pid = format!("process {}, since 20", first.pid());
    let held = held.stderr_has(&pid);
    assert!(held.stderr.contains("--wait"), "{held}");
    first.kill();
    let ran = night.ask(&vendor, run(&[]));
    assert!(matches!(ran.code(), Some(0 | 3)), "{ran}");
    assert_eq!(night.table("in.enriched.csv").count("cucc_status", "pending"), 0, "{ran}");
}

/// Lets `change` happen to the input in the middle of a run; nothing that was paid may be lost.
fn change_midway(change: impl FnOnce(&Path), codes: &[i32]) {
    let night = Night::new().file("in.csv", customers(3000));
    let vendor = Vendor::start();
    let running = night.spawn(&vendor, ["run", "in.csv", "--api", CUCC, "--rate", "1500/s"]);
    vendor.until_asked(300);
    change(&night.path("in.csv"));
    let ran = running.wait();
    assert!(ran.code().is_some_and(|code| codes.contains(&code)), "{ran}");
    if ran.code() == Some(2) {
        assert!(ran.stderr.contains("in.csv") && ran.stderr.contains("changed"), "{ran}");
        assert!(!night.exists("in.enriched.csv"), "no output of two halves:\n{ran}");
    }
    let bill = vendor.bill();
    let paid = |ran: &Ran| {
        assert_eq!((total(&night, None, "billed"), total(&night, None, "open")), (vendor.bill().charged, 0), "{ran}")
    };
    paid(&ran);
    let ran = night.ask(&vendor, run(&[])).exit(0);
    paid(&ran);
    let table = night.table("in.enriched.csv");
    assert_eq!(table.count("cucc_status", "ok"), table.rows.len(), "{ran}");
    assert!(vendor.bill().requests - bill.requests < 3100, "{ran}");
}

#[test]
fn an_input_that_grows_during_the_run_stops_it() {
    change_midway(
        |path| {
            let more = customers_from(5000, 10);
            let rows = more.split_once('\n').expect("rows").1;
            fs::OpenOptions::new()
                .append(true)
                .open(path)
                .expect("the input")
                .write_all(rows.as_bytes())
                .expect("rows");
        },
        &[2],
    );
}

#[test]
fn an_input_that_is_truncated_during_the_run_stops_it() {
    change_midway(
        |path| {
            let length = customers(1000).len() as u64;
            fs::OpenOptions::new().write(true).open(path).expect("the input").set_len(length).expect("truncated");
        },
        &[2],
    );
}

#[test]
fn an_input_that_is_written_anew_during_the_run_stops_it() {
    change_midway(|path| fs::write(path, customers_from(1, 3000)).expect("written"), &[2]);
}

/// The file that was opened is still whole: going on with it is as good as stopping.
#[test]
fn an_input_that_is_replaced_during_the_run_harms_nobody() {
    change_midway(
        |path| {
            let other = path.with_extension("new");
            fs::write(&other, customers_from(1, 3000)).expect("written");
            fs::rename(other, path).expect("renamed");
        },
        &[0, 2],
    );
}

#[test]
fn a_vendor_that_is_away_for_a_while_is_waited_for() {
    const NUMBERS: u64 = 200;
    const CONCURRENCY: u64 = 4;
    let night = Night::new().file("in.csv", customers(NUMBERS as usize));
    let vendor = Vendor::with(|options| options.latency = Duration::from_millis(20));
    let mut front = Front::of(&vendor);
    let concurrency = CONCURRENCY.to_string();
    let args = ["run", "in.csv", "--api", CUCC, "--rate", "200/s", "--concurrency", &concurrency];
    let running = night.spawn_at(front.base_url(), args.into_iter().chain(["--log-file", "log"]));
    vendor.until_asked(50);
    front.cut();
    let begun = Instant::now();
    while !night.exists("log") || !night.text("log").contains("cannot be reached") {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody noticed");
        std::thread::sleep(Duration::from_millis(10));
    }
    let asked = vendor.bill().requests;
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(vendor.bill().requests, asked);
    front.mend();
    let ran = running.wait();
    let (bill, table) = (vendor.bill(), night.table("in.enriched.csv"));
    let doubts = table.count("cucc_status", "in_doubt") as u64;
    assert!(doubts <= CONCURRENCY, "only what was on the wire is in doubt:\n{ran}");
    assert_eq!(table.count("cucc_status", "ok") as u64 + doubts, NUMBERS, "{ran}");
    assert_eq!(ran.code(), Some(if doubts > 0 { 3 } else { 0 }), "{ran}");
    assert!(bill.charged <= NUMBERS && bill.charged + doubts >= NUMBERS, "{ran}{bill}");
    assert_eq!(total(&night, None, "billed") + doubts, NUMBERS);
    assert!(table.rows.iter().all(|row| row[1].starts_with(&number(0)[..3])), "every row is there");
}
