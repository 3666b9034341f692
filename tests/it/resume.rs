//! Stopped at any moment and run again: nothing is asked twice, nothing paid is lost, every doubt is shown.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use payonce::sandbox::{Bill, Chaos};

use crate::support::{CTCC, CUCC, Night, Table, Vendor, customers, customers_from, digest};

/// Calls that the faults of the sandbox have left in doubt.
fn doubts_of_faults(bill: &Bill) -> u64 {
    let doubtful = [
        "reset_before_charge",
        "reset_before_reply",
        "reset_during_reply",
        "truncated_body",
        "slow_reply",
        "html_500_charged",
        "html_500_uncharged",
    ];
    doubtful.iter().filter_map(|fault| bill.faults.get(*fault)).sum()
}

fn length(json: &serde_json::Value) -> u64 {
    json.as_array().expect("a list").len() as u64
}

#[test]
fn killed_three_times_and_finished_nothing_is_paid_twice() {
    const NUMBERS: usize = 1500;
    const CONCURRENCY: u64 = 24;
    let night = Night::fast().file("in.csv", customers(NUMBERS)).env("PAYONCE_RATE", "800/s");
    let vendor = Vendor::with(|options| {
        options.chaos = Chaos::named_or_file("night").expect("a known profile");
        options.latency = Duration::from_millis(20);
    });
    let args = [
        "run",
        "in.csv",
        "--api",
        CTCC,
        "--api",
        CUCC,
        "--concurrency",
        "24",
        "--timeout",
        "2s",
        "--summary",
        "s.json",
    ];
    for requests in [300, 1100, 1900] {
        let running = night.spawn(&vendor, args);
        vendor.until_asked(requests);
        running.kill();
    }
    night
        .ask(&vendor, args)
        .exit(3)
        .stderr_has("going on with run 1")
        .stderr_has("when an earlier invocation was killed");
    let bill = vendor.bill();
    assert_eq!(bill.charged_twice, 0, "{bill}");

    // Every charge is beside its row, or its row is in doubt; nothing else is.
    let (table, statement) = (night.table("in.enriched.csv"), Table::parse(&vendor.statement()));
    let charged: BTreeMap<(&str, &str), &str> = (0..statement.rows.len())
        .map(|row| ((statement.cell(row, "接口"), statement.cell(row, "手机号")), statement.cell(row, "订单号")))
        .collect();
    let mut doubts = 0;
    for (lane, api) in [("ctcc", "电信月通话时长"), ("cucc", "在网时长sha256加密版")] {
        for row in 0..NUMBERS {
            let number = table.cell(row, "手机号");
            let sent = if lane == "cucc" { digest(number) } else { number.to_owned() };
            let charge = charged.get(&(api, sent.as_str()));
            match (table.cell(row, &format!("{lane}_status")), charge) {
                ("ok", Some(order)) => assert_eq!(table.cell(row, &format!("{lane}_order_id")), *order),
                ("in_doubt", _) => doubts += 1,
                ("no_record", None) => {}
                (status, charge) => panic!("{lane} {number}: {status}, charged as {charge:?}"),
            }
        }
    }
    let of_faults = doubts_of_faults(&bill);
    let most = 3 * 2 * CONCURRENCY + of_faults;
    assert!((of_faults / 2..=most).contains(&doubts), "{doubts} doubts, at most {most}:\n{bill}");

    // They are shown, and they stay.
    assert_eq!(length(&night.run(["doubts", "--json"]).exit(0).json()), doubts);
    let status = night.run(["status", "--json"]).exit(0).json();
    assert_eq!((status["totals"]["in_doubt"].as_u64(), status["totals"]["open"].as_u64()), (Some(doubts), Some(0)));
    let summary = night.json("s.json");
    let lane = |id: &str, key: &str| summary["lanes"][id][key].as_u64().expect("a count");
    assert_eq!(lane(CTCC, "in_doubt") + lane(CUCC, "in_doubt"), doubts);
    let ok = table.count("ctcc_status", "ok") + table.count("cucc_status", "ok");
    assert_eq!(lane(CTCC, "billed") + lane(CUCC, "billed"), ok as u64);

    night.ask(&vendor, args).exit(3);
    assert_eq!(vendor.bill().requests, bill.requests, "a second run asks nothing");
}

/// A vendor slow enough that calls are in flight at any moment.
fn slow_vendor() -> Vendor {
    Vendor::with(|options| options.latency = Duration::from_millis(150))
}

#[test]
fn a_signal_finishes_what_is_in_flight_and_writes_the_rest_as_pending() {
    for signal in ["INT", "TERM"] {
        let night = Night::fast().file("in.csv", customers(2000));
        let vendor = slow_vendor();
        let args = ["run", "in.csv", "--api", CUCC, "--concurrency", "8", "--summary", "s.json"];
        let running = night.spawn(&vendor, args);
        vendor.until_asked(40);
        running.signalled(signal).wait().exit(130).stderr_has("interrupted: finishing the calls in flight");
        let (bill, table) = (vendor.bill(), night.table("in.enriched.csv"));
        assert_eq!(table.rows.len(), 2000);
        assert_eq!(
            table.count("cucc_status", "ok") as u64,
            bill.charged,
            "{signal}: each call in flight was waited for"
        );
        assert_eq!(table.count("cucc_status", "pending") as u64, 2000 - bill.charged);
        assert!(bill.charged >= 32 && bill.charged < 1000, "{bill}");
        let summary = night.json("s.json");
        assert_eq!(summary["exit_code"], 130);
        assert_eq!(summary["lanes"][CUCC]["stopped_by"], "interrupted");
        assert_eq!(summary["lanes"][CUCC]["in_doubt"], 0);
    }
}

#[test]
fn a_second_signal_leaves_at_once_and_leaves_doubts() {
    let night = Night::fast().file("in.csv", customers(50));
    let vendor = Vendor::with(|options| options.latency = Duration::from_secs(60));
    let mut running = night.spawn(&vendor, ["run", "in.csv", "--api", CUCC, "--concurrency", "4", "--timeout", "90s"]);
    vendor.until_asked(4);
    running.signal("INT");
    running.until_said("once more leaves at once");
    let begun = Instant::now();
    running.signalled("INT").wait().exit(130);
    assert!(begun.elapsed() < Duration::from_secs(20), "it waited for the calls in flight");
    assert!(!night.exists("in.enriched.csv"));
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(3).stderr_has("4 calls were under way");
    assert_eq!(vendor.bill().requests, 46, "what may be paid is not asked again");
    assert_eq!(night.table("in.enriched.csv").count("cucc_status", "in_doubt"), 4);
    night.run(["doubts"]).exit(0).stdout_has("4 calls in doubt").stdout_has("in.csv, record");
    night.run(["doubts", "list", "--api", CUCC, "--run", "1"]).exit(0).stdout_has("4 calls in doubt");
    night.run(["doubts", "--run", "2"]).exit(2).stderr_has("there is no run 2");
}

/// Stops a run before its first call and says which run it was.
fn begin(night: &Night, vendor: &Vendor, args: &[&str]) -> i64 {
    let always = ["run", "--max-runtime", "0s", "--summary", "s.json"];
    night.ask(vendor, always.iter().chain(args).copied()).exit(75);
    night.json("s.json")["run"].as_i64().expect("a run")
}

#[test]
fn the_same_content_apis_and_reuse_are_the_same_run() {
    let night =
        Night::fast().file("in.csv", customers(5)).file("renamed.csv", customers(5)).file("other.csv", customers(6));
    let vendor = Vendor::start();
    let run = |args: &[&str]| begin(&night, &vendor, args);
    assert_eq!(run(&["in.csv", "--api", CUCC]), 1);
    assert_eq!(run(&["in.csv", "--api", CUCC]), 1);
    assert_eq!(run(&["renamed.csv", "--api", CUCC, "--rate", "7/s"]), 1, "a name or a rate makes no other run");
    assert_eq!(run(&["other.csv", "--api", CUCC]), 2);
    assert_eq!(run(&["in.csv", "--api", CUCC, "--api", CTCC]), 3);
    assert_eq!(run(&["in.csv", "--api", CTCC, "--api", CUCC]), 3, "the order of APIs does not count");
    assert_eq!(run(&["in.csv", "--api", CUCC, "--reuse", "days:40"]), 4);
    assert_eq!(run(&["in.csv", "--api", CUCC, "--new-run"]), 5);
    assert_eq!(run(&["in.csv", "--api", CUCC, "--continue", "1"]), 1);
    assert_eq!(run(&["in.csv", "--api", CUCC]), 5, "the newest of the unfinished ones goes on");
    assert_eq!(vendor.bill().requests, 0);
    let refused = |args: &[&str], why: &str| {
        night.ask(&vendor, ["run", "--continue"].iter().chain(args).copied()).exit(2).stderr_has(why);
    };
    refused(&["9", "in.csv", "--api", CUCC], "no run 9");
    refused(&["1", "other.csv", "--api", CUCC], "another input");
    refused(&["1", "in.csv", "--api", CTCC], "other APIs");
    refused(&["1", "in.csv", "--api", CUCC, "--new-run"], "--new-run");
}

#[test]
fn a_finished_run_is_reopened_only_by_its_number() {
    let night = Night::fast().file("in.csv", customers(20));
    let vendor = Vendor::start();
    let run = |args: &[&str]| {
        let always = ["run", "in.csv", "--api", CUCC, "--summary", "s.json"];
        let ran = night.ask(&vendor, always.iter().chain(args).copied()).exit(0);
        (night.json("s.json")["run"].as_i64().expect("a run"), night.json("s.json")["lanes"][CUCC].clone(), ran)
    };
    let (first, lane, _) = run(&[]);
    assert_eq!((first, lane["calls"].as_u64(), lane["reused"].as_u64()), (1, Some(20), Some(0)));
    let (second, lane, _) = run(&[]);
    assert_eq!((second, lane["calls"].as_u64(), lane["reused"].as_u64()), (2, Some(0), Some(20)));
    let (again, lane, ran) = run(&["--continue", "1"]);
    ran.stderr_has("going on with run 1, begun on ").stderr_has("--new-run begins anew");
    assert_eq!((again, lane["calls"].as_u64(), lane["reused"].as_u64()), (1, Some(20), Some(0)), "its own answers");
    assert_eq!(vendor.bill().requests, 20);
}

#[test]
fn a_new_run_keeps_what_was_paid_before() {
    let night = Night::fast().file("in.csv", customers(60));
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--max-calls", "25"]).exit(75);
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--new-run", "--summary", "s.json"]).exit(0);
    assert_eq!(night.json("s.json")["run"], 2);
    assert_eq!(night.json("s.json")["lanes"][CUCC]["reused"], 25);
    assert_eq!(vendor.bill().requests, 60);
}

#[test]
fn a_doubt_is_asked_again_only_when_released() {
    let night = Night::fast().file("in.csv", customers(12));
    let vendor = Vendor::faults("reset_before_reply = 1.0").may_charge_twice();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(3).stderr_has("calls in doubt may have been paid");
    vendor.change_faults("");
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(3);
    assert_eq!(vendor.bill().requests, 12);
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--release-doubts", "5"]).exit(3);
    let bill = vendor.bill();
    assert_eq!((bill.requests, bill.charged_twice), (17, 5));
    let table = night.table("in.enriched.csv");
    assert_eq!((table.count("cucc_status", "ok"), table.count("cucc_status", "in_doubt")), (5, 7));
    let status = night.run(["status", "--json"]).exit(0).json();
    assert_eq!((status["totals"]["paid_again"].as_u64(), status["totals"]["released"].as_u64()), (Some(5), Some(5)));
}

#[test]
fn an_input_that_is_written_to_under_the_run_stops_it() {
    let night = Night::fast().file("in.csv", customers(200)).env("PAYONCE_RATE", "200/s");
    let vendor = Vendor::start();
    let running = night.spawn(&vendor, ["run", "in.csv", "--api", CUCC]);
    vendor.until_asked(5);
    night.write("in.csv", customers_from(100, 200));
    running.wait().exit(2).stderr_has("in.csv changed while it was being read");
    assert!(!night.exists("in.enriched.csv"), "rows of one file beside answers of another");
    // What is in the file now is another run, and what both have in common is paid for.
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--summary", "s.json"]).exit(0);
    assert_eq!(night.json("s.json")["run"], 2);
    assert_eq!(vendor.bill().charged_twice, 0);
}

#[test]
fn an_input_that_is_replaced_under_the_run_is_finished_as_it_was() {
    let night = Night::fast().file("in.csv", customers(200)).file("new.csv", customers(300));
    let night = night.env("PAYONCE_RATE", "200/s");
    let vendor = Vendor::start();
    let running = night.spawn(&vendor, ["run", "in.csv", "--api", CUCC]);
    vendor.until_asked(5);
    std::fs::rename(night.path("new.csv"), night.path("in.csv")).expect("replaced");
    running.wait().exit(0);
    assert_eq!(night.table("in.enriched.csv").count("cucc_status", "ok"), 200);
}

#[test]
fn a_run_that_waits_for_the_lock_can_be_interrupted() {
    let night = Night::fast().file("in.csv", customers(500)).file("two.csv", customers(3)).env("PAYONCE_RATE", "50/s");
    let vendor = Vendor::start();
    let first = night.spawn(&vendor, ["run", "in.csv", "--api", CUCC]);
    vendor.until_asked(2);
    let mut second = night.spawn(&vendor, ["run", "two.csv", "--api", CUCC, "--wait"]);
    // It has begun once it listens to signals, of which nothing is to be seen but that it is still there.
    std::thread::sleep(Duration::from_millis(500));
    second.signal("INT");
    second.until_said("interrupted");
    second.wait().exit(130);
    assert!(!night.exists("two.enriched.csv"));
    first.signalled("TERM").wait().exit(130);
}
