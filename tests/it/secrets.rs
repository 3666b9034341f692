//! What must never be seen: the key anywhere, plain numbers in the ledger or a log.

use std::path::PathBuf;

use crate::support::{CTCC, CUCC, KEY, Night, Ran, Vendor, customers, mode, number};

#[track_caller]
fn assert_lacks(bytes: &[u8], secret: &str, place: &str) {
    let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    assert!(!found, "'{secret}' stands in {place}");
}

fn files(night: &Night) -> Vec<PathBuf> {
    night.names().into_iter().map(|name| night.path(&name)).filter(|path| path.is_file()).collect()
}

fn printed(ran: &Ran) -> [(&[u8], &str); 2] {
    [(&ran.stdout_bytes, "standard output"), (ran.stderr.as_bytes(), "standard error")]
}

#[test]
fn the_key_is_nowhere_and_numbers_are_not_in_the_ledger_or_the_log() {
    for (method, format) in [("POST", "text"), ("GET", "json")] {
        let config = format!(
            "[apis.cucc-tenure]\nmethod = \"{method}\"\n[apis.ctcc-call-duration]\nmethod = \"{method}\"\n\
             [limits]\nattempts = 1\nbreaker = 1000\n"
        );
        let night = Night::fast().file("in.csv", customers(300)).file("payonce.toml", config);
        // Much goes wrong, and much is said about it.
        let vendor = Vendor::faults(
            "supplier_error = 0.1\nreset_before_charge = 0.05\nreset_before_reply = 0.05\nreset_during_reply = 0.05\n\
             truncated_body = 0.05\nslow_reply = { probability = 0.02, delay = \"5s\" }\nhtml_500_charged = 0.05\n\
             garbage_json = 0.05\n",
        );
        let args = ["run", "in.csv", "--api", CTCC, "--api", CUCC, "--timeout", "1s", "--summary", "s.json"];
        let args = args.into_iter().chain(["--log-file", "run.log", "--log-format", format]);
        // Killed once, so that the write-ahead log and what is left of it are looked at too.
        let running = night.spawn(&vendor, args.clone());
        vendor.until_asked(100);
        running.kill();
        let ran = night.ask(&vendor, args).exit(3);
        assert!(night.text("run.log").contains("in doubt"), "the log says what went wrong");
        for (bytes, place) in printed(&ran) {
            assert_lacks(bytes, KEY, place);
            assert_lacks(bytes, "18600000", place);
        }
        for path in files(&night) {
            let (bytes, name) = (std::fs::read(&path).expect("a file"), path.display().to_string());
            assert_lacks(&bytes, KEY, &name);
            if !name.ends_with(".csv") {
                assert_lacks(&bytes, "18600000", &name);
            }
        }
        for shown in
            [night.run(["doubts"]).exit(0), night.run(["status"]).exit(0), night.run(["doubts", "--json"]).exit(0)]
        {
            assert_lacks(&shown.stdout_bytes, "18600000", "what is shown");
        }
    }
}

#[test]
fn the_key_is_not_in_errors_either() {
    let night =
        Night::fast().file("in.csv", customers(3)).file("payonce.toml", "[limits]\nunreachable_patience = \"0s\"\n");
    let get = "[limits]\nunreachable_patience = \"0s\"\n[apis.cucc-tenure]\nmethod = \"GET\"\n";
    for config in ["[limits]\nunreachable_patience = \"0s\"\n", get] {
        night.write("payonce.toml", config);
        let nobody = crate::support::Address::keep();
        let ran = night.spawn_at(nobody.base_url(), ["run", "in.csv", "--api", CUCC]).wait().exit(75);
        for (bytes, place) in printed(&ran) {
            assert_lacks(bytes, KEY, place);
            assert_lacks(bytes, &number(0), place);
        }
    }
}

#[test]
fn files_with_numbers_or_answers_are_their_owners_alone() {
    let night = Night::new().file("in.csv", customers(50)).env("PAYONCE_RATE", "1000/s");
    let vendor = Vendor::start();
    let args = ["run", "in.csv", "--api", CUCC, "--summary", "s.json", "--log-file", "run.log"];
    night.ask(&vendor, args).exit(0);
    for name in ["in.enriched.csv", "s.json", "run.log"] {
        assert_eq!(night.mode(name), 0o600, "{name}");
    }
    let state = night.state_files();
    assert!(state.iter().any(|path| path.ends_with("loopback.sqlite")), "{state:?}");
    for path in state {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(mode(&night.home("state/payonce")), 0o700);
}
