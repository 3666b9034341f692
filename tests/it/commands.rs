//! The other commands: what they show, and that they ask nobody.

use crate::support::{CTCC, CUCC, Night, Vendor, customers, fixture, number};

#[test]
fn plan_shows_the_bill_and_asks_nobody() {
    let night = Night::fast().file("customers.csv", fixture("customers.csv"));
    let vendor = Vendor::start();
    let plan = ["plan", "customers.csv", "--api", CTCC, "--api", CUCC, "--price", "0.05", "--rate", "1/s"];
    let text = night.run(plan).exit(0);
    for words in
        ["300 rows", "column '手机号'", "rows cannot be asked about", "yuan", "so until about", "masked digits"]
    {
        assert!(text.stdout.contains(words), "'{words}' is missing:\n{text}");
    }
    assert!(!night.exists("calls.db"), "plan makes no ledger");
    let bill = night.run(plan.into_iter().chain(["--json"])).exit(0).json();
    assert_eq!(
        (bill["rows"].as_u64(), bill["encoding"].as_str(), bill["delimiter"].as_str()),
        (Some(300), Some("UTF-8"), Some(","))
    );
    let asks = |bill: &serde_json::Value, id: &str| bill["lanes"][id]["to_ask"].as_u64().expect("a count");
    assert_eq!(bill["lanes"][CTCC]["seconds"].as_f64(), Some(asks(&bill, CTCC) as f64));
    let cost: f64 = bill["worst_case_cost"].as_str().expect("a sum").parse().expect("a sum");
    assert!((cost - 0.05 * (asks(&bill, CTCC) + asks(&bill, CUCC)) as f64).abs() < 1e-9, "{bill:#}");

    // The bill is what the run then asks.
    night.ask(&vendor, ["run", "customers.csv", "--api", CTCC, "--api", CUCC]).exit(0);
    assert_eq!(vendor.bill().requests, asks(&bill, CTCC) + asks(&bill, CUCC));
    let after = night.run(plan.into_iter().chain(["--json"])).exit(0).json();
    assert_eq!((asks(&after, CTCC), asks(&after, CUCC)), (0, 0));
    night.run(plan).exit(0).stdout_has("nothing to ask, nothing to pay");
}

#[test]
fn plan_says_whether_the_budget_and_the_night_are_enough() {
    let night = Night::fast().file("in.csv", customers(100));
    let plan = ["plan", "in.csv", "--api", CUCC, "--price", "0.1", "--rate", "10/s", "--json"];
    let with = |flags: &[&str]| night.run(plan.iter().chain(flags).copied()).exit(0).json();
    assert_eq!(with(&["--budget", "10"])["fits_budget"], true);
    assert_eq!(with(&["--budget", "9.99"])["fits_budget"], false);
    assert_eq!(with(&["--max-runtime", "11s"])["fits_until"], true);
    assert_eq!(with(&["--max-runtime", "9s"])["fits_until"], false);
    assert_eq!(with(&[])["fits_budget"], serde_json::Value::Null);
    night.run(["plan", "in.csv", "--api", CUCC]).exit(0).stdout_has("cost unknown (pass --price YUAN to see it)");
}

#[test]
fn status_shows_runs_and_money() {
    let night = Night::fast().file("in.csv", customers(20));
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--price", "0.05"]).exit(0);
    night
        .run(["status"])
        .exit(0)
        .stdout_has("(loopback)")
        .stdout_has("finished (0)")
        .stdout_has("in.csv (cucc-tenure)");
    let status = night.run(["status", "--json"]).exit(0).json();
    assert_eq!((status["totals"]["billed"].as_u64(), status["totals"]["spent"].as_str()), (Some(20), Some("1.00")));
    assert_eq!(status["runs"][0]["exit_code"], 0);
    assert_eq!(status["runs"][0]["calls"], 20);
    let months = status["months"].as_object().expect("months");
    assert_eq!(months.len(), 1);
    assert!(months.values().all(|month| month["billed"] == 20), "{months:?}");
    night.run(["doubts"]).exit(0).stdout_has("nothing is in doubt");
}

#[test]
fn apis_are_shown_as_their_profiles_say() {
    let night = Night::new();
    night
        .run(["apis"])
        .exit(0)
        .stdout_has(CTCC)
        .stdout_has(CUCC)
        .stdout_has("billing documented")
        .stdout_has("billing assumed");
    night
        .run(["apis", CTCC])
        .exit(0)
        .stdout_has("https://apis.juhe.cn/ctccCallduration/query (POST, GET)")
        .stdout_has("11 = 360+")
        .stdout_has("232401")
        .stdout_has("(old 112)")
        .stdout_has("ctcc_data_month");
    let api = night.run(["apis", CUCC, "--json"]).exit(0).json();
    assert_eq!((api["prefix"].as_str(), api["subject_form"].as_str()), (Some("cucc"), Some("sha256")));
    assert_eq!(night.run(["apis", "--json"]).exit(0).json().as_array().map(Vec::len), Some(2));
    night.run(["apis", "cucc-tenur"]).exit(2).stderr_has("did you mean 'cucc-tenure'?");
}

#[test]
fn codes_are_explained() {
    let night = Night::new();
    let explain = |code: &str| night.run(["explain", code]).exit(0);
    explain("10012").stdout_has("10012: 请求超过次数限制").stdout_has("old code   112").stdout_has("class      quota");
    explain("112").stdout_has("10012: 请求超过次数限制").stdout_has("old code   112");
    explain("232401")
        .stdout_has("服务商网络异常")
        .stdout_has("module     324")
        .stdout_has(CTCC)
        .stdout_has("class      retry");
    explain("234803").stdout_has("查无记录").stdout_has(CUCC).stdout_has("no_record");
    explain("10001").stdout_has("PAYONCE_KEY");
    explain("10014").stdout_has("where billing is assumed (ctcc-call-duration)");
    night.run(["explain", "999"]).exit(2).stderr_has("999 is not in the documents");
    night.run(["explain", "234899"]).exit(2).stderr_has("module 348");
    night.run(["explain", "soon"]).exit(2).stderr_has("soon");
}

#[test]
fn init_writes_a_config_that_works_and_never_over_another() {
    let night = Night::fast().file("in.csv", customers(3));
    night.run(["init"]).exit(0).stdout_has("payonce.toml");
    let written = night.text("payonce.toml");
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(0);
    night.run(["init"]).exit(2).stderr_has("exists already");
    assert_eq!(night.text("payonce.toml"), written);
    night.run(["init", "own.toml"]).exit(0);
    assert_eq!(night.text("own.toml"), written);
}

#[test]
fn a_flag_is_over_the_environment_and_that_is_over_the_config() {
    let night = Night::new().file("in.csv", customers(2)).file(
        "payonce.toml",
        "[limits]\nrate = \"3/s\"\n[ledger]\npath = \"state/calls.db\"\n[money]\nprice = \"0.3\"\n",
    );
    let rate = |night: &Night, flags: &[&str]| {
        let args = ["plan", "in.csv", "--api", CUCC, "--json"].iter().chain(flags);
        night.run(args.copied()).exit(0).json()["lanes"][CUCC]["rate_configured"].as_f64()
    };
    assert_eq!(rate(&night, &[]), Some(3.0));
    let night = night.env("PAYONCE_RATE", "5/s");
    assert_eq!(rate(&night, &[]), Some(5.0));
    assert_eq!(rate(&night, &["--rate", "7/s"]), Some(7.0));
    // Paths in a config count from its folder, wherever payonce is started.
    std::fs::create_dir(night.path("conf")).expect("a folder");
    std::fs::rename(night.path("payonce.toml"), night.path("conf/payonce.toml")).expect("moved");
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--config", "conf/payonce.toml"]).exit(0);
    assert!(night.exists("conf/state/calls.db"));
    assert_eq!(rate(&night, &[]), Some(5.0));
    // The user's own config folder is looked at last.
    let night = Night::new().file("in.csv", customers(2));
    std::fs::create_dir(night.home("config/payonce")).expect("a folder");
    std::fs::write(night.home("config/payonce/payonce.toml"), "[limits]\nrate = \"9/s\"\n").expect("a config");
    assert_eq!(rate(&night, &[]), Some(9.0));
    night.write("payonce.toml", "[limits]\nrate = \"3/s\"\n");
    assert_eq!(rate(&night, &[]), Some(3.0));
}

#[test]
fn completions_are_those_of_the_flags() {
    let night = Night::new();
    night.run(["completions", "bash"]).exit(0).stdout_has("_payonce").stdout_has("--max-calls");
    night.run(["completions", "fish"]).exit(0).stdout_has("max-calls");
    night.run(["completions", "tcsh"]).exit(2).stderr_has("tcsh");
    night.run(["--help"]).exit(0).stdout_has("never pay twice").stdout_has("75 stopped early");
    night.run(["--version"]).exit(0).stdout_has(env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_sandbox_is_a_server_with_its_own_bill() {
    let night = Night::fast().file("in.csv", customers(25)).env("PAYONCE_KEY", "sandbox");
    let args = ["sandbox", "--listen", "127.0.0.1:0", "--latency", "1ms", "--chaos", "none", "--quota", "20"];
    let mut sandbox = night.start_alone(args);
    sandbox.until_said("sandbox listening on http://127.0.0.1:").until_said("Ctrl-C ends it");
    let address = sandbox.stdout().trim().rsplit(' ').next().expect("an address").to_owned();
    night.write("payonce.toml", "[limits]\nquota_patience = \"0s\"\n");
    night.run(["run", "in.csv", "--api", CUCC, "--base-url", &address]).exit(75);
    let bill = sandbox.signalled("INT").wait().exit(0);
    bill.stdout_has("20 charged for 20 numbers; 0 charged more than once").stdout_has("10012:");
    night.run(["sandbox", "--listen", "0.0.0.0:0"]).exit(2).stderr_has("loopback only");
    night.run(["sandbox", "--chaos", "nigth"]).exit(2).stderr_has("'nigth'").stderr_has("night");
    assert_eq!(night.table("in.enriched.csv").cell(0, "手机号"), number(0));
}
