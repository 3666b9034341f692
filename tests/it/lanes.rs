//! Lanes: each with its own key, method and end; and vendors that are not there.

use std::time::{Duration, Instant};

use payonce::sandbox::Chaos;

use crate::support::{Address, CTCC, CUCC, KEY, Night, Vendor, Wire, customers, digest, number};

/// A night with a config.
fn night(numbers: usize, config: &str) -> Night {
    Night::fast().file("in.csv", customers(numbers)).file("payonce.toml", config)
}

const RUN: [&str; 6] = ["run", "in.csv", "--api", CUCC, "--summary", "s.json"];

#[test]
fn a_wrong_key_stops_at_once_and_says_where_to_look() {
    let night = night(100, "").env("PAYONCE_KEY", "not the key");
    let vendor = Vendor::start();
    night
        .ask(&vendor, RUN.into_iter().chain(["--concurrency", "4"]))
        .exit(4)
        .stderr_has("PAYONCE_KEY")
        .stderr_has("10001")
        .stderr_lacks("not the key");
    let bill = vendor.bill();
    assert!((1..=4).contains(&bill.requests) && bill.charged == 0, "{bill}");
    assert_eq!(night.json("s.json")["lanes"][CUCC]["stopped_by"], "halt");
    assert_eq!(night.table("in.enriched.csv").count("cucc_status", "pending"), 100);
}

#[test]
fn a_key_that_expires_in_the_night_stops_within_the_calls_in_flight() {
    let night = night(300, "");
    let vendor = Vendor::with(|options| {
        options.chaos = Chaos::named_or_file("expired-key").expect("a known profile");
        options.latency = Duration::from_millis(10);
    });
    night.ask(&vendor, RUN.into_iter().chain(["--concurrency", "5"])).exit(4).stderr_has("the key has expired");
    let bill = vendor.bill();
    assert!((1..=5).contains(&bill.by_code["10003"]), "{bill}");
    assert_eq!(bill.charged, 100);
    let table = night.table("in.enriched.csv");
    assert_eq!((table.count("cucc_status", "ok"), table.count("cucc_status", "pending")), (100, 200));
    vendor.change_faults("");
    night.ask(&vendor, RUN).exit(0);
    assert_eq!(vendor.bill().charged, 300);
}

#[test]
fn one_lane_stops_and_the_other_goes_on() {
    let night = night(80, "[apis.ctcc-call-duration]\nkey_env = \"OTHER_KEY\"\n").env("OTHER_KEY", "forbidden");
    let vendor = Vendor::start();
    let args = ["run", "in.csv", "--api", CTCC, "--api", CUCC, "--concurrency", "2", "--summary", "s.json"];
    night.ask(&vendor, args).exit(4).stderr_has("ctcc-call-duration: stopped");
    let table = night.table("in.enriched.csv");
    assert_eq!((table.count("ctcc_status", "pending"), table.count("cucc_status", "ok")), (80, 80));
    let lanes = &night.json("s.json")["lanes"];
    assert_eq!((&lanes[CTCC]["stopped_by"], &lanes[CUCC]["stopped_by"]), (&"halt".into(), &serde_json::Value::Null));
    assert_eq!(vendor.bill().charged, 80);
}

#[test]
fn a_key_may_come_from_a_file() {
    let night = night(3, "[apis.cucc-tenure]\nkey_file = \"key.txt\"\n").file("key.txt", format!("{KEY}\n"));
    let night = night.env("PAYONCE_KEY", "");
    let vendor = Vendor::start();
    night.ask(&vendor, RUN).exit(0).stderr_has("can be read by others").stderr_has("chmod 600");
    assert_eq!(vendor.bill().charged, 3);
}

#[test]
fn post_is_the_default_and_keeps_the_key_out_of_the_url() {
    let night = night(1, "");
    let wire = Wire::answering(r#"{"reason":"成功","result":null,"error_code":0}"#);
    night.spawn_at(wire.base_url(), RUN).wait().exit(0);
    let requests = wire.requests();
    assert_eq!(requests.len(), 1);
    let (head, body) = requests[0].split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("POST /mobile_online_sha256_cucc/query HTTP/1.1"), "{head}");
    assert!(head.to_lowercase().contains("content-type: application/x-www-form-urlencoded"), "{head}");
    assert!(!head.contains(KEY), "{head}");
    assert_eq!(body, format!("key={KEY}&mobile={}", digest(&number(0))));
}

#[test]
fn get_is_there_for_those_who_ask_for_it() {
    let config = "[apis.cucc-tenure]\nmethod = \"GET\"\n[apis.ctcc-call-duration]\nmethod = \"GET\"\n";
    let wire = Wire::answering(r#"{"reason":"成功","result":null,"error_code":0}"#);
    night(1, config).spawn_at(wire.base_url(), RUN).wait().exit(0);
    let request = wire.requests().pop().expect("a request");
    let line = format!("GET /mobile_online_sha256_cucc/query?key={KEY}&mobile={} HTTP/1.1", digest(&number(0)));
    assert!(request.starts_with(&line), "{request}");

    let vendor = Vendor::start();
    night(20, config).ask(&vendor, ["run", "in.csv", "--api", CTCC, "--api", CUCC]).exit(0);
    assert_eq!(vendor.bill().charged, 40);
}

#[test]
fn a_profile_of_ones_own_works_like_a_built_in_one() {
    let profile = include_str!("../../src/catalog/juhe/cucc-tenure.toml")
        .replace("id = \"cucc-tenure\"", "id = \"own-tenure\"")
        .replace("prefix = \"cucc\"", "prefix = \"own\"");
    let night =
        night(30, "profiles = [\"profiles/own.toml\"]\n[apis.own-tenure]\nlabels.tenure_months = { 1 = \"new\" }\n");
    std::fs::create_dir(night.path("profiles")).expect("a folder");
    night.write("profiles/own.toml", profile);
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", "own-tenure"]).exit(0);
    let table = night.table("in.enriched.csv");
    assert_eq!(table.count("own_status", "ok"), 30);
    for (code, label) in table.column("own_tenure_code").into_iter().zip(table.column("own_tenure_months")) {
        let known = match code {
            "1" => "new",
            "2" => "(3,6]",
            "3" => "(6,12]",
            "4" => "(12,24]",
            "5" => "(24,+)",
            "99" => "T-1月前已离网/手机状态异常",
            other => panic!("the vendor sells no {other}"),
        };
        assert_eq!(label, known);
    }
    assert!(table.count("own_tenure_months", "new") > 0);
    night.run(["apis", "own-tenure"]).exit(0).stdout_has("own_tenure_months");
    // The same subject of another API is another call; two lanes of one prefix would share their columns.
    night.write("payonce.toml", "profiles = [\"profiles/own.toml\"]\n");
    let clash =
        include_str!("../../src/catalog/juhe/cucc-tenure.toml").replace("id = \"cucc-tenure\"", "id = \"own-tenure\"");
    night.write("profiles/own.toml", clash);
    night
        .ask(&vendor, ["run", "in.csv", "--api", "own-tenure", "--api", CUCC])
        .exit(2)
        .stderr_has("both have the prefix 'cucc'");
    assert_eq!(vendor.bill().requests, 30);
}

#[test]
fn a_vendor_that_is_not_there_costs_nothing_and_is_tried_later() {
    for (patience, least) in [("0s", Duration::ZERO), ("1s", Duration::from_secs(1))] {
        let night = night(20, &format!("[limits]\nunreachable_patience = \"{patience}\"\n"));
        let nobody = Address::keep();
        let begun = Instant::now();
        night
            .spawn_at(nobody.base_url(), RUN)
            .wait()
            .exit(75)
            .stderr_has("cannot be reached")
            .stderr_has("unreachable_patience");
        assert!(begun.elapsed() >= least && begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        let lane = night.json("s.json")["lanes"][CUCC].clone();
        assert_eq!((&lane["stopped_by"], &lane["in_doubt"]), (&"unreachable".into(), &0.into()));
        assert_eq!(night.table("in.enriched.csv").count("cucc_status", "pending"), 20);
        let vendor = Vendor::start();
        night.ask(&vendor, RUN).exit(0);
        assert_eq!(vendor.bill().charged, 20);
    }
}

#[test]
fn a_vendor_that_comes_back_is_waited_for() {
    let night = night(20, "");
    let address = Address::keep();
    let running = night.spawn_at(address.base_url(), RUN.into_iter().chain(["--log-file", "run.log"]));
    let begun = Instant::now();
    while !(night.exists("run.log") && night.text("run.log").contains("cannot be reached")) {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never noticed");
        std::thread::sleep(Duration::from_millis(5));
    }
    let vendor = Vendor::with(|options| options.listen = address.addr);
    running.wait().exit(0);
    let bill = vendor.bill();
    assert_eq!((bill.requests, bill.charged), (20, 20), "what was never sent is no doubt, and is sent once");
}
