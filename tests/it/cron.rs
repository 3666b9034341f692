//! What cron and scripts rely on: silence when all is well, no escape codes, a summary of fixed shape.

use crate::support::{CTCC, CUCC, Night, Vendor, customers};

#[test]
fn quiet_prints_nothing_when_all_is_well() {
    let night = Night::fast().file("in.csv", customers(50)).file("two.csv", customers(60)).env("PAYONCE_QUIET", "1");
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(0).silent();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(0).silent();
    night.run(["export", "in.csv", "--api", CUCC, "-o", "again.csv"]).exit(0).silent();
    night.run(["run", "in.csv", "--api", CUCC, "--sandbox", "--ledger", "trial.db"]).exit(0).silent();
    // Anything else is worth a mail.
    let ran = night.ask(&vendor, ["run", "two.csv", "--api", CUCC, "--max-calls", "3"]).exit(75);
    assert!(ran.stderr.contains("--max-calls is used up") && ran.stdout.is_empty(), "{ran}");
}

#[test]
fn without_a_terminal_there_are_no_bars_and_no_escape_codes() {
    let night = Night::fast().file("in.csv", customers(400)).env("PAYONCE_RATE", "200/s").env("CLICOLOR_FORCE", "1");
    let vendor = Vendor::chaos("resets");
    let ran = night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--api", CTCC]).exit(3);
    for escape in ['\u{1b}', '\r', '━'] {
        assert!(!ran.stderr.contains(escape), "{escape:?} was printed:\n{ran}");
    }
    assert!(ran.stdout.is_empty(), "results go to standard output, and the result is a file:\n{ran}");
}

#[test]
fn the_summary_has_the_keys_of_the_contract() {
    let night = Night::fast().file("in.csv", customers(40));
    let vendor = Vendor::start();
    let args = ["run", "in.csv", "--api", CTCC, "--api", CUCC, "--price", "0.05", "--summary", "s.json"];
    night.ask(&vendor, args).exit(0);
    let summary = night.json("s.json");
    let keys = |value: &serde_json::Value| {
        let mut keys: Vec<String> = value.as_object().expect("an object").keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(keys(&summary), "distinct exit_code input lanes output rows run seconds");
    assert!(summary["seconds"].is_f64() && summary["run"].is_u64());
    assert_eq!(
        (summary["exit_code"].as_u64(), summary["rows"].as_u64(), summary["distinct"].as_u64()),
        (Some(0), Some(40), Some(40))
    );
    assert_eq!((summary["input"].as_str(), summary["output"].as_str()), (Some("in.csv"), Some("in.enriched.csv")));
    for id in [CTCC, CUCC] {
        let lane = &summary["lanes"][id];
        assert_eq!(
            keys(lane),
            "at_stake billed calls in_doubt rate_achieved rate_configured reused spent statuses stopped_by unbilled \
             unbilled_assumed worst_window"
        );
        assert_eq!(
            keys(&lane["statuses"]),
            "failed in_doubt invalid lost no_record ok pending rejected skipped written_off"
        );
        for (key, number) in
            [("calls", 40), ("billed", 40), ("unbilled", 0), ("unbilled_assumed", 0), ("in_doubt", 0), ("reused", 0)]
        {
            assert_eq!(lane[key].as_u64(), Some(number), "{id} {key}");
        }
        assert_eq!((lane["spent"].as_str(), lane["at_stake"].as_str()), (Some("2.00"), Some("0.00")));
        assert!(lane["worst_window"].is_u64() && lane["rate_configured"].is_f64() && lane["rate_achieved"].is_f64());
        assert!(lane["stopped_by"].is_null());
    }
}

#[test]
fn the_summary_counts_over_all_invocations_of_a_run() {
    let night = Night::fast().file("in.csv", customers(50));
    let vendor = Vendor::start();
    let args = ["run", "in.csv", "--api", CUCC, "--price", "0.02", "--summary", "s.json"];
    night.ask(&vendor, args.into_iter().chain(["--max-calls", "20"])).exit(75);
    let first = night.json("s.json");
    assert_eq!(
        (&first["lanes"][CUCC]["spent"], &first["lanes"][CUCC]["stopped_by"]),
        (&"0.40".into(), &"budget".into())
    );
    night.ask(&vendor, args).exit(0);
    let second = night.json("s.json");
    assert_eq!(second["run"], first["run"]);
    let lane = &second["lanes"][CUCC];
    assert_eq!(
        (&lane["calls"], &lane["billed"], &lane["spent"], &lane["reused"]),
        (&50.into(), &50.into(), &"1.00".into(), &0.into())
    );
    // Without a price nobody knows what it cost.
    night.write("other.csv", customers(51));
    night.ask(&vendor, ["run", "other.csv", "--api", CUCC, "--summary", "s.json"]).exit(0);
    assert!(night.json("s.json")["lanes"][CUCC]["spent"].is_null());
}

#[test]
fn log_lines_in_json_are_json() {
    let night = Night::fast()
        .file("in.csv", customers(60))
        .file("payonce.toml", "[log]\nfile = \"run.log\"\nformat = \"json\"\n");
    let vendor = Vendor::faults("reset_before_reply = 0.2");
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(3);
    let log = night.text("run.log");
    assert!(log.lines().count() > 3);
    for line in log.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(value["timestamp"].as_str().is_some_and(|stamp| stamp.ends_with("+08:00")), "{line}");
    }
}

/// A reader that goes away is nobody's failure.
#[test]
fn a_closed_pipe_is_success() {
    let night = Night::fast();
    let script = format!("{} apis ctcc-call-duration | head -c 1", env!("CARGO_BIN_EXE_payonce"));
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", &format!("set -o pipefail; {script}")]).current_dir(night.path(""));
    let output = shell.output().expect("bash is there");
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}
