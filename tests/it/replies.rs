//! What the vendor answers, and what becomes of the rows and of the lane.

use payonce::sandbox::Chaos;

use crate::support::{CTCC, CUCC, Night, Vendor, Wire, customers, number};

/// A night with a config.
fn night(numbers: usize, config: &str) -> Night {
    Night::fast().file("in.csv", customers(numbers)).file("payonce.toml", config)
}

const RUN: [&str; 6] = ["run", "in.csv", "--api", CUCC, "--summary", "s.json"];

#[test]
fn a_shaky_supplier_is_asked_again_until_it_answers() {
    let night = night(20, "");
    // With these dice no number fails more than twice in a row.
    let vendor = Vendor::with(|options| {
        options.chaos = Chaos::named_or_file("supplier-errors").expect("a known profile");
        options.seed = 2;
    });
    night.ask(&vendor, RUN).exit(0);
    let bill = vendor.bill();
    assert_eq!((bill.charged, night.table("in.enriched.csv").count("cucc_status", "ok")), (20, 20));
    let retries = bill.requests - 20;
    assert!(retries >= 3, "the supplier was not shaky:\n{bill}");
    let lane = &night.json("s.json")["lanes"][CUCC];
    assert_eq!((lane["unbilled"].as_u64(), lane["calls"].as_u64()), (Some(retries), Some(bill.requests)));
}

#[test]
fn a_number_that_fails_as_often_as_allowed_is_failed_and_asked_anew_by_the_next_run() {
    let night = night(6, "[limits]\nattempts = 2\n");
    let vendor = Vendor::faults("supplier_error = 1.0");
    night.ask(&vendor, RUN).exit(3).stderr_has("failed rows were not paid");
    assert_eq!(vendor.bill().requests, 12);
    let table = night.table("in.enriched.csv");
    assert_eq!(table.count("cucc_status", "failed"), 6);
    assert_eq!(table.count("cucc_error_code", "234801"), 6);
    assert_eq!(table.count("cucc_reason", "服务商网络异常，请重试"), 6);
    vendor.change_faults("");
    night.ask(&vendor, RUN).exit(0);
    assert_eq!(night.table("in.enriched.csv").count("cucc_status", "ok"), 6);
}

#[test]
fn what_is_not_known_is_unpaid_and_not_asked_again() {
    let night = night(100, "");
    let vendor = Vendor::chaos("no-record");
    night.ask(&vendor, RUN).exit(0);
    let bill = vendor.bill();
    assert!((25..75).contains(&bill.charged), "{bill}");
    let table = night.table("in.enriched.csv");
    assert_eq!(table.count("cucc_status", "no_record") as u64, 100 - bill.charged);
    assert_eq!(table.count("cucc_error_code", "234803") as u64, 100 - bill.charged);
    night.ask(&vendor, RUN).exit(0);
    assert_eq!(vendor.bill().requests, 100);
    night.ask(&vendor, RUN.into_iter().chain(["--again", "no_record"])).exit(0);
    assert_eq!(vendor.bill().requests, 200 - bill.charged);
}

/// A lost reply is a doubt: perhaps paid, so never asked again.
#[test]
fn lost_replies_are_in_doubt_and_never_asked_again() {
    for (faults, doubtful) in [
        ("reset_before_reply = 0.1", "reset_before_reply"),
        ("reset_before_charge = 0.1", "reset_before_charge"),
        ("reset_during_reply = 0.1", "reset_during_reply"),
        ("truncated_body = 0.1", "truncated_body"),
        ("html_500_charged = 0.1", "html_500_charged"),
        ("html_500_uncharged = 0.1", "html_500_uncharged"),
        ("slow_reply = { probability = 0.1, delay = \"5s\" }", "slow_reply"),
        ("garbage_json = 0.1", "garbage_json"),
        ("duplicate_key = 0.1", "duplicate_key"),
        ("oversized_body = 0.1", "oversized_body"),
        ("never_ending_body = 0.1", "never_ending_body"),
    ] {
        let night = night(100, "");
        let vendor = Vendor::faults(faults);
        let run = || night.ask(&vendor, RUN.into_iter().chain(["--timeout", "1s"])).exit(3);
        run().stderr_has("see `payonce doubts --ledger calls.db`");
        let bill = vendor.bill();
        let doubts = bill.faults[doubtful];
        assert!(doubts > 2, "{bill}");
        let table = night.table("in.enriched.csv");
        let counts = (table.count("cucc_status", "in_doubt") as u64, table.count("cucc_status", "ok") as u64);
        assert_eq!(counts, (doubts, 100 - doubts), "{faults}");
        assert_eq!(night.run(["doubts", "--json"]).exit(0).json().as_array().map(Vec::len), Some(doubts as usize));
        vendor.change_faults("");
        run();
        assert_eq!(vendor.bill().requests, 100, "{faults}");
    }
}

#[test]
fn odd_but_readable_envelopes_are_answers() {
    for faults in ["string_code = 1.0", "resultcode_only = 1.0", "wrong_content_type = 1.0", "empty_result = 1.0"] {
        let night = night(30, "");
        let vendor = Vendor::faults(faults);
        night.ask(&vendor, RUN).exit(0);
        assert_eq!(vendor.bill().charged, 30, "{faults}");
        let table = night.table("in.enriched.csv");
        assert_eq!(table.count("cucc_status", "ok"), 30, "{faults}");
        assert_eq!(table.count("cucc_error_code", "0"), 30, "{faults}");
    }
}

#[test]
fn an_internal_error_is_in_doubt_where_the_document_does_not_say_who_pays() {
    let night = night(4, "[limits]\nattempts = 1\n");
    let vendor = Vendor::faults("internal_error = 1.0");
    night.ask(&vendor, ["run", "in.csv", "--api", CTCC, "--api", CUCC]).exit(3);
    let table = night.table("in.enriched.csv");
    assert_eq!((table.count("ctcc_status", "in_doubt"), table.count("cucc_status", "failed")), (4, 4));
    assert_eq!(table.count("ctcc_error_code", "10014"), 4);
}

#[test]
fn a_vendor_that_says_slower_is_obeyed() {
    for faults in [
        "http_429 = { retry_after = 1, windows = [{ after_requests = 20, for_requests = 2 }] }",
        "http_429 = { retry_after = 1, envelope = true, windows = [{ after_requests = 20, for_requests = 1 }] }",
    ] {
        let night = night(60, "");
        let vendor = Vendor::faults(faults);
        night.ask(&vendor, RUN.into_iter().chain(["--log-file", "run.log", "--concurrency", "2"])).exit(0);
        let bill = vendor.bill();
        assert_eq!(night.table("in.enriched.csv").count("cucc_status", "ok"), 60);
        assert_eq!(bill.requests, 60 + bill.faults["http_429"], "{bill}");
        assert!(night.text("run.log").contains("the vendor says: slower"));
        let seconds = night.json("s.json")["seconds"].as_f64().expect("a time");
        assert!((1.0..30.0).contains(&seconds), "Retry-After: 1, and it took {seconds} s");
    }
}

#[test]
fn maintenance_is_waited_out() {
    let night = night(40, "");
    let vendor = Vendor::faults("maintenance = [{ after_requests = 10, for_requests = 1 }]");
    night.ask(&vendor, RUN.into_iter().chain(["--log-file", "run.log", "--concurrency", "1"])).exit(0);
    let bill = vendor.bill();
    assert_eq!((bill.charged, bill.requests, bill.by_code["10020"]), (40, 41, 1), "{bill}");
    let log = night.text("run.log");
    assert!(log.contains("the vendor is in maintenance") && log.contains("going on"), "{log}");
}

#[test]
fn maintenance_beyond_patience_stops_the_lane() {
    let night = night(30, "[limits]\nmaintenance_patience = \"0s\"\n");
    let vendor = Vendor::faults("maintenance = [{ after_requests = 10, for_requests = 1000 }]");
    night.ask(&vendor, RUN).exit(75).stderr_has("maintenance_patience").stderr_has("the same command is run again");
    assert_eq!(night.json("s.json")["lanes"][CUCC]["stopped_by"], "maintenance");
    assert_eq!(
        night.table("in.enriched.csv").counts("cucc_status").into_iter().collect::<Vec<_>>(),
        [("ok", 10), ("pending", 20)]
    );
}

#[test]
fn a_used_up_quota_stops_the_lane_and_the_next_day_goes_on() {
    let night = night(30, "[limits]\nquota_patience = \"0s\"\n");
    let vendor = Vendor::with(|options| options.daily_quota = Some(10));
    night.ask(&vendor, RUN).exit(75).stderr_has("10012");
    assert_eq!(vendor.bill().charged, 10);
    let summary = night.json("s.json");
    assert_eq!((&summary["exit_code"], &summary["lanes"][CUCC]["stopped_by"]), (&75.into(), &"quota".into()));
    let next_day = Vendor::start();
    night.ask(&next_day, RUN).exit(0).stderr_has("going on with run 1");
    assert_eq!(next_day.bill().requests, 20);
    assert_eq!(night.json("s.json")["lanes"][CUCC]["billed"], 30);
}

#[test]
fn a_limit_per_second_is_met_by_going_slower() {
    let night = night(60, "").env("PAYONCE_RATE", "100/s");
    let vendor = Vendor::with(|options| options.limit_per_second = Some(15));
    night.ask(&vendor, RUN.into_iter().chain(["--concurrency", "4"])).exit(0);
    let bill = vendor.bill();
    assert!(bill.by_code.get("10012").is_some_and(|refused| (1..60).contains(refused)), "{bill}");
    assert_eq!(bill.charged, 60);
}

#[test]
fn a_breaker_ends_what_goes_wrong_again_and_again() {
    let night = night(100, "[limits]\nbreaker = 7\n");
    let vendor = Vendor::faults("html_500_charged = 1.0");
    night.ask(&vendor, RUN.into_iter().chain(["--concurrency", "3"])).exit(75).stderr_has("limits.breaker");
    let bill = vendor.bill();
    assert!((7..=7 + 3).contains(&bill.requests), "{bill}");
    assert_eq!(night.json("s.json")["lanes"][CUCC]["stopped_by"], "breaker");
    assert_eq!(night.table("in.enriched.csv").count("cucc_status", "in_doubt") as u64, bill.requests);
}

#[test]
fn a_redirect_is_not_followed() {
    let night = night(10, "");
    let vendor = Vendor::faults("redirect = 1.0");
    night.ask(&vendor, RUN.into_iter().chain(["--concurrency", "1"])).exit(4).stderr_has("302");
    let bill = vendor.bill();
    assert_eq!(bill.by_code.into_iter().collect::<Vec<_>>(), [("http_302".to_owned(), 1)]);
}

#[test]
fn a_lane_of_rejections_alone_stops() {
    // A profile that asks one API with what only the other takes.
    let profile = include_str!("../../src/catalog/juhe/ctcc-call-duration.toml")
        .replace("id = \"ctcc-call-duration\"", "id = \"wrong\"")
        .replace("form = \"plain\"", "form = \"sha256\"");
    let night = night(300, "profiles = [\"wrong.toml\"]\n").file("wrong.toml", profile);
    let vendor = Vendor::start();
    let args = ["run", "in.csv", "--api", "wrong", "--concurrency", "4", "--summary", "s.json"];
    night.ask(&vendor, args).exit(4).stderr_has("rejects every number").stderr_has("--column");
    let bill = vendor.bill();
    assert!((50..=54).contains(&bill.requests) && bill.charged == 0, "{bill}");
    assert_eq!(night.json("s.json")["lanes"]["wrong"]["stopped_by"], "rejected");
    assert_eq!(night.table("in.enriched.csv").cell(0, "ctcc_error_code"), "232402");
}

#[test]
fn vendor_text_cannot_become_a_formula() {
    let reply =
        r#"{"reason":"=HYPERLINK(\"http://x\")\u001b[31m","result":{"orderid":"@1","code":"=1+1"},"error_code":0}"#;
    let night = night(1, "");
    let wire = Wire::answering(reply);
    let ran = night.spawn_at(wire.base_url(), RUN).wait().exit(0);
    assert!(!ran.stderr.contains('\u{1b}'), "{ran}");
    let table = night.table("in.enriched.csv");
    assert_eq!(table.cell(0, "手机号"), number(0));
    assert_eq!(table.cell(0, "cucc_reason"), "'=HYPERLINK(\"http://x\") [31m");
    assert_eq!(table.cell(0, "cucc_order_id"), "'@1");
    assert_eq!(table.cell(0, "cucc_tenure_code"), "'=1+1");
}
