//! Decisions about money after a run: doubts, statements, forgetting, and the check before a run. The judge is the sandbox's bill.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use payonce::ledger::RunLock;
use payonce::sandbox::{Chaos, Sandbox, SandboxOptions};
use serde_json::Value;
use tempfile::TempDir;

const API: &str = "ctcc-call-duration";

/// A folder with an input, a ledger and a vendor.
struct Desk {
    folder: TempDir,
    vendor: Sandbox,
}

impl Desk {
    /// `rows` distinct numbers and a vendor that resets many connections, after the charge and before.
    fn with_chaos(rows: u32, chaos: &str) -> Desk {
        let folder = tempfile::tempdir().expect("a folder");
        let mut csv = "姓名,手机号\n".to_owned();
        for n in 0..rows {
            csv.push_str(&format!("客户{n},1730000{n:04}\n"));
        }
        std::fs::write(folder.path().join("in.csv"), csv).expect("an input");
        let chaos = std::fs::write(folder.path().join("chaos.toml"), chaos)
            .map(|()| Chaos::named_or_file(folder.path().join("chaos.toml").to_str().expect("a path")))
            .expect("a file")
            .expect("chaos");
        let options = SandboxOptions { chaos, ..SandboxOptions::default() };
        Desk { folder, vendor: Sandbox::start_in_background(options).expect("a vendor") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn payonce(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_payonce"))
            .args(args)
            .args(["--ledger", "l.db"])
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PAYONCE_KEY", "sandbox")
            .output()
            .expect("payonce")
    }

    /// Runs it and holds its exit code; gives its standard output.
    #[track_caller]
    fn must(&self, code: i32, args: &[&str]) -> String {
        let out = self.payonce(args);
        let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert_eq!(out.status.code(), Some(code), "{args:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        stdout.into_owned()
    }

    /// The same for a command that fails; gives what it says.
    #[track_caller]
    fn fails(&self, code: i32, args: &[&str]) -> String {
        self.must(code, args);
        String::from_utf8_lossy(&self.payonce(args).stderr).into_owned()
    }

    #[track_caller]
    fn run(&self, code: i32, more: &[&str]) {
        let url = self.vendor.base_url();
        let mut args = vec!["run", "in.csv", "--api", API, "--base-url", &url, "--rate", "2000/s", "--price", "0.05"];
        args.extend(["-o", "out.csv"]);
        args.extend(more);
        self.must(code, &args);
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.must(0, args)).expect("JSON")
    }

    fn totals(&self) -> Value {
        self.json(&["status", "--json"])["totals"].clone()
    }

    fn doubts(&self) -> Vec<Value> {
        self.json(&["doubts", "--json"]).as_array().expect("a list").clone()
    }

    /// How many rows of the output say so.
    fn rows(&self, status: &str) -> usize {
        let text = std::fs::read_to_string(self.path("out.csv")).expect("an output");
        text.lines().filter(|line| line.split(',').nth(2) == Some(status)).count()
    }

    /// The vendor's statement, with lines of other numbers days before and after, as one of a whole month has them.
    fn statement(&self, name: &str) -> String {
        let own = self.vendor.statement();
        let day = |days: i64| {
            let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
            now.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).strftime("%Y-%m-%d %H:%M:%S").to_string()
        };
        let (before, after) = (day(-3), day(3));
        let text = format!(
            "{own}J001,电信月通话时长,18900000001,{before},0.05\nJ002,电信月通话时长,18900000002,{after},0.05\n"
        );
        std::fs::write(self.path(name), text).expect("a statement");
        name.to_owned()
    }
}

const RESETS: &str = "reset_before_charge = 0.2\nreset_before_reply = 0.2\n";

fn field(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {value}"))
}

#[test]
fn released_doubts_are_asked_again_and_nothing_else_is() {
    let desk = Desk::with_chaos(60, RESETS);
    desk.run(3, &["--concurrency", "4", "--max-calls", "60"]);
    let doubts = desk.doubts();
    assert!(doubts.len() > 3, "{} doubts", doubts.len());
    let before = desk.vendor.bill();
    desk.vendor.set_chaos(Chaos::default());

    let call = doubts[0]["call"].to_string();
    let said = desk.must(0, &["doubts", "release", &call]);
    assert!(said.contains("released: 1 calls, 0.05 yuan") && said.contains("--continue 1"), "{said}");
    let said = desk.fails(2, &["doubts", "release", &doubts[1]["call"].to_string(), "9999"]);
    assert!(said.contains("there is no doubt 9999"), "{said}");
    assert_eq!(field(&desk.totals(), "released"), 1, "all or none");

    desk.must(0, &["doubts", "release", "--run", "1"]);
    assert_eq!(desk.must(0, &["doubts", "release", "--all"]), "no doubt fits: nothing was decided\n");
    desk.run(0, &["--continue", "1"]);
    let bill = desk.vendor.bill();
    assert_eq!(bill.requests - before.requests, doubts.len() as u64, "only the released ones");
    assert_eq!(bill.charged_twice, before.charged_undelivered, "those that had been charged already");
    let totals = desk.totals();
    assert_eq!(field(&totals, "released"), doubts.len() as u64);
    assert_eq!((field(&totals, "paid_again"), desk.rows("ok")), (doubts.len() as u64, 60));
}

#[test]
fn written_off_rows_say_so_and_settle_the_run() {
    let desk = Desk::with_chaos(40, RESETS);
    desk.run(3, &[]);
    let doubts = desk.doubts().len();
    let said = desk.must(0, &["doubts", "write-off", "--api", API]);
    assert!(said.contains(&format!("written off: {doubts} calls")), "{said}");
    let requests = desk.vendor.bill().requests;
    desk.run(0, &["--continue", "1"]);
    assert_eq!((desk.rows("written_off"), desk.vendor.bill().requests), (doubts, requests));
}

#[test]
fn numbers_of_doubts_are_shown_masked_and_never_beside_a_digest() {
    let desk = Desk::with_chaos(20, "reset_before_reply = 1.0\n");
    desk.run(75, &["--concurrency", "1"]);
    let plain = desk.must(0, &["doubts"]);
    assert!(!plain.contains("173****"), "{plain}");
    let shown = desk.must(0, &["doubts", "list", "--input", "in.csv"]);
    assert!(shown.contains("173****0000"), "{shown}");
    let json = desk.must(0, &["doubts", "list", "--json", "--input", "in.csv"]);
    assert!(json.contains("\"number\": \"173****0000\""), "{json}");
    for text in [&plain, &shown, &json] {
        assert!(!text.contains("1730000"), "{text}");
        let hex = text.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
        assert!(hex < Some(20), "a digest: {text}");
    }
}

#[test]
fn the_vendors_statement_decides_every_doubt_as_its_bill_says() {
    let desk = Desk::with_chaos(80, RESETS);
    desk.run(3, &[]);
    let (doubts, bill) = (desk.doubts().len() as u64, desk.vendor.bill());
    let billed = field(&desk.totals(), "billed");
    let lost = bill.charged - billed;
    assert!(lost > 0 && doubts > lost, "{lost} of {doubts}");

    // As it is, it covers seconds only: it shows what was charged and proves nothing else.
    std::fs::write(desk.path("short.csv"), desk.vendor.statement()).expect("a statement");
    let found = desk.json(&["reconcile", "short.csv", "--json"]);
    let calls = |found: &Value, name: &str| found[name]["calls"].as_array().map_or(0, Vec::len) as u64;
    assert_eq!((calls(&found, "decided_charged"), calls(&found, "decided_not_charged")), (lost, 0), "{found}");
    assert_eq!(field(&found, "kept_not_covered"), doubts - lost);
    assert_eq!((field(&found, "agreed"), found["difference"]["calls"].as_i64()), (billed, Some(lost as i64)));

    let statement = desk.statement("month.csv");
    let dry = desk.must(0, &["reconcile", &statement]);
    assert!(dry.contains("this was a dry run") && dry.contains("charged, but unknown to the ledger"), "{dry}");
    assert_eq!(field(&desk.totals(), "in_doubt"), doubts, "a dry run changes nothing");
    let found = desk.json(&["reconcile", &statement, "--apply", "--json", "--summary", "sum.json"]);
    assert_eq!((calls(&found, "decided_charged"), calls(&found, "decided_not_charged")), (lost, doubts - lost));
    assert_eq!(field(&found["unknown"], "count"), 2, "the other numbers' lines");
    let summary = std::fs::read_to_string(desk.path("sum.json")).expect("a summary");
    assert_eq!(serde_json::from_str::<Value>(&summary).expect("JSON"), found);

    let totals = desk.totals();
    assert_eq!((field(&totals, "in_doubt"), field(&totals, "lost")), (0, lost));
    let spent = format!("{:.2}", bill.charged as f64 * 0.05);
    assert_eq!((totals["spent"].as_str(), totals["at_stake"].as_str()), (Some(spent.as_str()), Some("0.00")));
    let again = desk.json(&["reconcile", &statement, "--apply", "--json"]);
    assert_eq!((calls(&again, "decided_charged"), calls(&again, "decided_not_charged")), (0, 0), "{again}");

    // What was cleared is asked again at no risk; what is lost is not.
    desk.vendor.set_chaos(Chaos::default());
    desk.run(0, &["--continue", "1"]);
    let after = desk.vendor.bill();
    assert_eq!((after.charged_twice, after.numbers_charged), (0, 80));
    assert_eq!((desk.rows("lost") as u64, desk.rows("ok") as u64), (lost, 80 - lost));
}

#[test]
fn statements_in_gb18030_and_without_numbers() {
    let desk = Desk::with_chaos(30, RESETS);
    desk.run(3, &[]);
    let doubts = desk.doubts().len() as u64;
    let text = std::fs::read_to_string(desk.path(&desk.statement("s.csv"))).expect("a statement");
    std::fs::write(desk.path("gb.csv"), &encoding_rs::GB18030.encode(&text).0).expect("a statement");
    let (utf8, gb) = (desk.json(&["reconcile", "s.csv", "--json"]), desk.json(&["reconcile", "gb.csv", "--json"]));
    assert_eq!(utf8["decided_charged"], gb["decided_charged"]);
    assert_eq!(utf8["decided_not_charged"], gb["decided_not_charged"]);

    let bare: String = text.lines().map(|line| format!("{}\n", line.split(',').next().unwrap_or_default())).collect();
    std::fs::write(desk.path("bare.csv"), bare).expect("a statement");
    let said = desk.must(0, &["reconcile", "bare.csv", "--apply"]);
    assert!(said.contains("no column of numbers is known"), "{said}");
    assert_eq!(field(&desk.totals(), "in_doubt"), doubts);
}

#[test]
fn bad_statements_change_nothing() {
    let desk = Desk::with_chaos(10, RESETS);
    desk.run(3, &[]);
    let before = desk.must(0, &["status", "--json"]);
    std::fs::write(desk.path("s.csv"), "姓名,手机号\n王,17300000001\n").expect("a statement");
    for (args, says) in [
        (vec!["reconcile", "s.csv", "--apply"], "no column is known to hold order IDs; pass --order-column"),
        (vec!["reconcile", "s.csv", "--apply", "--order-column", "订单"], "there is no column '订单'"),
        (vec!["reconcile", "none.csv", "--apply"], "no such file"),
        (vec!["reconcile", "s.csv", "--apply", "--api", "x"], "there is no API 'x'"),
        (vec!["doubts", "release"], "required"),
        (vec!["doubts", "release", "--run", "9"], "there is no run 9"),
        (vec!["doubts", "release", "--all", "--run", "1"], "cannot be used with"),
        (vec!["doubts", "write-off", "x"], "invalid value 'x'"),
        (vec!["forget"], "--before"),
        (vec!["forget", "--before", "soon"], "is not a day"),
    ] {
        let said = desk.fails(2, &args);
        assert!(said.contains(says), "{args:?}: {said}");
    }
    assert_eq!(desk.must(0, &["status", "--json"]), before);
}

#[test]
fn whoever_holds_the_lock_is_alone() {
    let desk = Desk::with_chaos(10, RESETS);
    desk.run(3, &[]);
    let statement = desk.statement("s.csv");
    let before = desk.must(0, &["status", "--json"]);
    let lock = RunLock::acquire(&desk.path("l.db")).expect("the lock");
    for args in [
        vec!["doubts", "release", "--all"],
        vec!["doubts", "write-off", "--all"],
        vec!["reconcile", &statement, "--apply"],
        vec!["forget", "--before", "2020-01-01"],
        vec!["check", "--api", API, "--base-url", "http://127.0.0.1:9"],
    ] {
        desk.must(75, &args);
    }
    desk.must(0, &["reconcile", &statement]);
    desk.must(0, &["doubts"]);
    drop(lock);
    assert_eq!(desk.must(0, &["status", "--json"]), before);
    desk.must(0, &["doubts", "release", "--all"]);
}

#[test]
fn calls_of_a_killed_run_are_decided_too() {
    let desk = Desk::with_chaos(30, "slow_reply = { probability = 1.0, delay = \"60s\" }\n");
    let mut child = Command::new(env!("CARGO_BIN_EXE_payonce"))
        .args(["run", "in.csv", "--api", API, "--base-url", &desk.vendor.base_url(), "--ledger", "l.db"])
        .args(["--concurrency", "3", "--timeout", "90s", "--price", "0.05"])
        .current_dir(desk.folder.path())
        .env("PAYONCE_KEY", "sandbox")
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("payonce");
    while desk.vendor.bill().requests < 3 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(desk.doubts().is_empty(), "nobody has taken them in yet");
    let found = desk.json(&["reconcile", &desk.statement("s.csv"), "--json"]);
    assert_eq!(field(&found, "open"), 3, "a dry run sees them");
    let said = desk.must(0, &["doubts", "write-off", "--all"]);
    assert!(said.contains("3 calls that a killed run left open") && said.contains("written off: 3 calls"), "{said}");
}

#[test]
fn what_is_forgotten_is_gone_and_its_money_is_not() {
    let desk = Desk::with_chaos(20, RESETS);
    desk.run(3, &[]);
    let (before, doubts) = (desk.totals(), desk.doubts());
    let said = desk.fails(2, &["forget", "--before", "2100-01-01"]);
    assert!(said.contains("are still reused (month)") && said.contains("--even-fresh"), "{said}");
    assert!(desk.must(0, &["forget", "--before", "2020-01-01"]).contains("of 0 calls"));

    let output = std::fs::read_to_string(desk.path("out.csv")).expect("an output");
    let order = output.split([',', '\n']).find(|cell| cell.starts_with("J0")).expect("an order ID").to_owned();
    assert!(holds(&desk.path("l.db"), &order));
    let gone = 20 - doubts.len();
    let said = desk.must(0, &["forget", "--before", "2100-01-01", "--even-fresh"]);
    assert!(said.contains(&format!("of {gone} calls")), "{said}");
    for file in ["l.db", "l.db-wal"] {
        assert!(!holds(&desk.path(file), &order), "{file} still holds {order}");
    }
    assert_eq!((desk.totals(), desk.doubts()), (before, doubts));
    let url = desk.vendor.base_url();
    let again = ["run", "in.csv", "--api", API, "--base-url", &url, "-o", "out.csv", "--continue", "1"];
    assert!(desk.fails(2, &again).contains("would pay for them a second time"));
    assert!(desk.fails(2, &["export", "in.csv", "-o", "out.csv", "--api", API]).contains("were dropped"));
}

fn holds(file: &Path, text: &str) -> bool {
    std::fs::read(file).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[test]
fn check_says_what_a_run_would_meet() {
    let desk = Desk::with_chaos(5, RESETS);
    let url = desk.vendor.base_url();
    let all = desk.must(0, &["check", "in.csv", "--api", API, "--base-url", &url]);
    assert!(all.lines().all(|line| line.starts_with("ok ")), "{all}");
    assert!(all.contains("column 2 '手机号', UTF-8") && all.contains("the first run makes it (loopback)"), "{all}");
    assert!(!desk.path("l.db").exists() && !desk.path("l.db.lock").exists(), "a check makes nothing");
    std::fs::write(desk.path("l.db"), "no ledger at all, but a text of some length".repeat(9)).expect("a file");
    std::fs::write(desk.path("bad.csv"), "a,b\n1,2\n").expect("a file");
    let said = desk.must(2, &["check", "bad.csv", "--api", API, "--api", "nope"]);
    for what in ["there is no API 'nope'", "no column is known to hold phone numbers"] {
        assert!(said.contains(what), "{said}");
    }
    let said = desk.must(2, &["check", "--api", API]);
    assert!(said.contains("is not a payonce ledger"), "{said}");
    assert_eq!(desk.vendor.bill().requests, 0);
}
