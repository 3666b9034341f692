//! Limits of the operator: calls, money, time; over lanes, invocations and runs.

use std::time::Duration;

use crate::support::{CTCC, CUCC, Night, Vendor, customers, customers_from};

const RUN: [&str; 6] = ["run", "in.csv", "--api", CUCC, "--summary", "s.json"];

fn night(numbers: usize) -> Night {
    Night::fast().file("in.csv", customers(numbers))
}

#[test]
fn max_calls_holds_over_all_invocations_of_a_run() {
    let (night, vendor) = (night(30), Vendor::start());
    let with = |calls: &str| night.ask(&vendor, RUN.into_iter().chain(["--max-calls", calls]));
    with("7").exit(75).stderr_has("--max-calls is used up");
    assert_eq!(vendor.bill().requests, 7);
    assert_eq!(night.json("s.json")["lanes"][CUCC]["stopped_by"], "budget");
    assert_eq!(night.table("in.enriched.csv").count("cucc_status", "pending"), 23);
    with("7").exit(75);
    assert_eq!(vendor.bill().requests, 7);
    with("11").exit(75);
    assert_eq!(vendor.bill().requests, 11);
    night.ask(&vendor, RUN).exit(0);
    assert_eq!(vendor.bill().requests, 30);
}

#[test]
fn a_budget_is_one_for_all_lanes_and_never_overrun() {
    let (night, vendor) = (night(100), Vendor::start());
    let with = |budget: &str| {
        let args = ["run", "in.csv", "--api", CTCC, "--api", CUCC, "--summary", "s.json", "--price", "0.05"];
        night.ask(&vendor, args.into_iter().chain(["--budget", budget]))
    };
    let spent = || {
        let lanes = &night.json("s.json")["lanes"];
        let fen = |id: &str| {
            let yuan = lanes[id]["spent"].as_str().expect("a sum").to_owned();
            (yuan.parse::<f64>().expect("a sum") * 100.0).round() as u64
        };
        fen(CTCC) + fen(CUCC)
    };
    with("1.02").exit(75).stderr_has("the budget of 1.02 yuan is less than that").stderr_has("budget");
    assert_eq!((vendor.bill().charged, spent()), (20, 100));
    with("1.02").exit(75);
    assert_eq!(vendor.bill().charged, 20);
    with("2").exit(75);
    assert_eq!((vendor.bill().charged, spent()), (40, 200));
    with("10").exit(0);
    assert_eq!((vendor.bill().charged, spent()), (200, 1000));
}

#[test]
fn money_in_doubt_is_not_spent_again() {
    let (night, vendor) = (night(30), Vendor::faults("reset_before_reply = 1.0"));
    let args = || RUN.into_iter().chain(["--price", "0.1", "--budget", "0.5", "--concurrency", "2"]);
    night.ask(&vendor, args()).exit(75);
    assert_eq!(vendor.bill().requests, 5);
    let lane = night.json("s.json")["lanes"][CUCC].clone();
    assert_eq!((&lane["in_doubt"], &lane["at_stake"], &lane["spent"]), (&5.into(), &"0.50".into(), &"0.00".into()));
    vendor.change_faults("");
    night.ask(&vendor, args()).exit(75);
    assert_eq!(vendor.bill().requests, 5, "the doubts may have eaten the budget");
    night.run(["doubts"]).exit(0).stdout_has("0.50 yuan at stake");
}

#[test]
fn unpaid_calls_give_their_money_back_where_the_document_says_so() {
    let (night, vendor) = (night(20), Vendor::faults("no_record = 1.0"));
    night.ask(&vendor, RUN.into_iter().chain(["--price", "1", "--budget", "1", "--concurrency", "1"])).exit(0);
    assert_eq!(vendor.bill().requests, 20);
    // ctcc's document does not: what may have been billed keeps its reservation.
    let args = ["run", "in.csv", "--api", CTCC, "--price", "1", "--budget", "3", "--concurrency", "1"];
    night.ask(&vendor, args).exit(75).stderr_has("taken for unbilled although the document does not say so");
    assert_eq!(vendor.bill().requests, 23);
}

#[test]
fn calls_per_day_are_those_of_the_ledger() {
    let night =
        night(30).file("two.csv", customers_from(30, 30)).file("payonce.toml", "[limits]\ncalls_per_day = 12\n");
    let vendor = Vendor::start();
    night.ask(&vendor, RUN).exit(75).stderr_has("limits.calls_per_day");
    assert_eq!(vendor.bill().requests, 12);
    night.ask(&vendor, ["run", "two.csv", "--api", CUCC]).exit(75);
    assert_eq!(vendor.bill().requests, 12, "another file is no other day");
}

#[test]
fn a_budget_of_the_month_is_that_of_the_ledger() {
    let config = "[money]\nprice = \"0.5\"\nbudget_month = \"4\"\n";
    let night = night(5).file("two.csv", customers_from(5, 30)).file("payonce.toml", config);
    let vendor = Vendor::start();
    night.ask(&vendor, RUN).exit(0);
    night.ask(&vendor, ["run", "two.csv", "--api", CUCC]).exit(75).stderr_has("budget_month");
    assert_eq!(vendor.bill().requests, 8);
}

#[test]
fn a_time_that_has_passed_sends_nothing() {
    let (night, vendor) = (night(10), Vendor::start());
    let shanghai = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    let minutes_ago = jiff::Timestamp::now().to_zoned(shanghai) - jiff::SignedDuration::from_mins(2);
    let until = minutes_ago.strftime("%H:%M").to_string();
    night
        .ask(&vendor, RUN.into_iter().chain(["--until", &until]))
        .exit(75)
        .stderr_has(&format!("until {until} Asia/Shanghai"))
        .stderr_has("the time to send is over");
    assert_eq!(vendor.bill().requests, 0);
    assert_eq!(night.json("s.json")["lanes"][CUCC]["stopped_by"], "time");
    assert_eq!(night.table("in.enriched.csv").count("cucc_status", "pending"), 10);
}

#[test]
fn max_runtime_ends_sending_and_finishes_what_is_in_flight() {
    let night = night(1000).env("PAYONCE_RATE", "40/s");
    let vendor = Vendor::with(|options| options.latency = Duration::from_millis(100));
    night.ask(&vendor, RUN.into_iter().chain(["--max-runtime", "1500ms"])).exit(75);
    let bill = vendor.bill();
    assert!((5..=65).contains(&bill.charged), "{bill}");
    let table = night.table("in.enriched.csv");
    assert_eq!(table.count("cucc_status", "ok") as u64, bill.charged);
    assert_eq!(night.json("s.json")["lanes"][CUCC]["stopped_by"], "time");
    assert_eq!(night.json("s.json")["lanes"][CUCC]["in_doubt"], 0);
}
