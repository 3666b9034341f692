//! Mistakes of input, output, configuration and usage: each is said clearly, ends with exit 2, and costs nothing.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::{CTCC, CUCC, Night, Ran, Vendor, customers, number};

/// Runs what must be refused: exit 2, these words, not one request. A backtrace would fail it as well.
#[track_caller]
fn refused(night: &Night, args: &[&str], words: &[&str]) -> Ran {
    let vendor = Vendor::start();
    let mut ran = night.ask(&vendor, args).exit(2);
    for word in words {
        ran = ran.stderr_has(word);
    }
    assert_eq!(vendor.bill().requests, 0, "it was refused, and the vendor was asked:\n{ran}");
    assert!(ran.stderr.starts_with("payonce: ") || ran.stderr.starts_with("error: "), "{ran}");
    ran
}

/// The same for an input of this content.
#[track_caller]
fn refused_input(content: impl AsRef<[u8]>, flags: &[&str], words: &[&str]) {
    let night = Night::fast().file("in.csv", content);
    let args = [&["run", "in.csv", "--api", CUCC], flags].concat();
    refused(&night, &args, words);
    assert!(!night.exists("in.enriched.csv"));
    if night.exists("calls.db") {
        night.run(["status"]).exit(0).stdout_has("no run yet");
    }
}

#[test]
fn an_input_that_is_not_there() {
    refused(&Night::fast(), &["run", "nowhere.csv", "--api", CUCC], &["nowhere.csv", "no such file"]);
}

#[test]
fn a_folder() {
    let night = Night::fast();
    std::fs::create_dir(night.path("customers")).expect("a folder");
    refused(&night, &["run", "customers", "--api", CUCC], &["customers is a folder"]);
}

#[test]
fn an_empty_file() {
    refused_input("", &[], &["in.csv is empty", "header"]);
    refused_input("\u{feff}", &[], &["in.csv is empty"]);
}

#[test]
fn a_workbook() {
    refused_input(b"PK\x03\x04\x14\x00\x06\x00xl/workbook.xml", &[], &["Excel workbook", "save it as CSV"]);
}

#[test]
fn no_phone_column() {
    refused_input(
        "姓名,城市\n甲,北京市\n",
        &[],
        &["no column is known to hold phone numbers", "--column", "姓名", "城市"],
    );
    refused_input("姓名,手机号\n甲,\n", &["--column", "手机"], &["there is no column '手机'", "手机号"]);
    refused_input("姓名,手机号\n甲,\n", &["--column", "3"], &["there is no column '3'"]);
}

#[test]
fn two_phone_columns() {
    let content = format!("手机号,联系电话\n{},{}\n", number(1), number(2));
    refused_input(content, &[], &["more than one column", "手机号", "联系电话", "--column"]);
}

#[test]
fn no_header() {
    refused_input(format!("甲,{}\n乙,{}\n", number(1), number(2)), &[], &["the first line holds a phone number"]);
}

#[test]
fn a_row_with_too_many_fields() {
    let content = format!("姓名,手机号\n甲,{}\n乙,{},北京,朝阳\n", number(1), number(2));
    refused_input(content, &[], &["record 2 has 4 fields, the header has 2"]);
}

#[test]
fn a_quote_that_is_never_closed() {
    let rows: String = (0..50).map(|n| format!("{},备注\n", number(n))).collect();
    refused_input(format!("手机号,备注\n{},\"没关\n{rows}", number(99)), &[], &["record 1", "quote"]);
    refused_input(format!("手机号,备注\n{},\"没关", number(99)), &[], &["record 1", "never closed"]);
}

#[test]
fn mixed_up_encodings() {
    let mut content = format!("姓名,手机号\n中文,{}\n", number(1)).into_bytes();
    // A row of GBK in a UTF-8 file, and a byte that neither knows.
    content.extend(b"\xd6\xd0\xce\xc4,18600000002\n\xff\xff,18600000003\n");
    refused_input(&content, &[], &["--encoding"]);
    refused_input(&content, &["--encoding", "utf-8"], &["line 3", "UTF-8", "--encoding"]);
    refused_input(customers(1), &["--encoding", "klingon"], &["'klingon' is not an encoding", "gb18030"]);
}

#[test]
fn wrong_delimiters() {
    refused_input(customers(1), &["--delimiter", ";;"], &["is not a delimiter", "tab"]);
}

#[test]
fn columns_that_are_there_already_unless_they_are_to_be_replaced() {
    let content = format!("手机号,cucc_status,备注\n{},old,x\n", number(1));
    refused_input(&content, &[], &["already has the columns cucc_status", "--replace-columns"]);
    let night = Night::fast().file("in.csv", &content);
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--replace-columns"]).exit(0);
    let table = night.table("in.enriched.csv");
    assert_eq!(table.header[..3], ["手机号", "备注", "cucc_status"]);
    assert_eq!(table.rows[0][..3], [number(1), "x".to_owned(), "ok".to_owned()]);
}

#[test]
fn outputs_that_cannot_be_written() {
    let night = Night::fast().file("in.csv", customers(3));
    let to = |output: &str, words: &[&str]| {
        refused(&night, &["run", "in.csv", "--api", CUCC, "-o", output], words);
    };
    to("nowhere/out.csv", &["nowhere", "does not exist"]);
    to(".", &["is a folder"]);
    to("in.csv", &["would overwrite the input"]);
    to("./../work/in.csv", &["would overwrite the input"]);
    symlink(night.path("in.csv"), night.path("link.csv")).expect("a link");
    to("link.csv", &["would overwrite the input"]);
    std::fs::hard_link(night.path("in.csv"), night.path("hard.csv")).expect("a link");
    to("hard.csv", &["would overwrite the input"]);
    std::fs::create_dir(night.path("locked")).expect("a folder");
    std::fs::set_permissions(night.path("locked"), std::fs::Permissions::from_mode(0o500)).expect("a mode");
    // Root may write anywhere; a folder of the kernel's may not be written by root either.
    let is_root = std::fs::write(night.path("locked/probe"), "").is_ok();
    let unwritable = if is_root { "/proc/out.csv" } else { "locked/out.csv" };
    to(unwritable, &["cannot write into"]);
    assert_eq!(night.text("in.csv"), customers(3));
}

#[test]
fn mistakes_in_the_config_show_their_line_and_the_nearest_name() {
    let with = |config: &str, words: &[&str]| {
        let night = Night::fast().file("in.csv", customers(1)).file("payonce.toml", config);
        refused(&night, &["run", "in.csv", "--api", CUCC], words);
    };
    with("[limits]\nrate = \"5/s\"\nconcurency = 4\n", &["payonce.toml", "line 3", "did you mean `concurrency`?"]);
    with("[limts]\nrate = \"5/s\"\n", &["line 1", "did you mean `limits`?"]);
    with("[limits]\nrate = \"fast\"\n", &["line 2", "50/s"]);
    with("[money]\nprice = 0.05\n", &["line 2", "price"]);
    with("[limits\n", &["line 1"]);
    with("[limits]\ntimeout = \"2s\"\nconnect_timeout = \"3s\"\n", &["connect_timeout", "below the timeout"]);
    with("[apis.cucc-tenur]\nrate = \"5/s\"\n", &["cucc-tenur", "did you mean 'cucc-tenure'?"]);
    with("[money]\nbudget = \"5\"\n", &["a budget needs to know what a call costs", "--price"]);
    with("profiles = [\"missing.toml\"]\n", &["missing.toml"]);
    with("[apis.cucc-tenure]\nkey_env = \"A\"\nkey_file = \"b\"\n", &["both key_env and key_file"]);
    let night = Night::fast().file("in.csv", customers(1));
    refused(
        &night,
        &["run", "in.csv", "--api", CUCC, "--config", "missing.toml"],
        &["cannot read the config missing.toml"],
    );
}

#[test]
fn mistakes_in_the_flags() {
    let night = Night::fast().file("in.csv", customers(1));
    let with = |flags: &[&str], words: &[&str]| {
        refused(&night, &[&["run", "in.csv"], flags].concat(), words);
    };
    with(&["--api", CUCC, "--rat", "5/s"], &["--rat"]);
    with(&["--api", CUCC, "--rate", "0/s"], &["--rate"]);
    with(&["--api", "cucc"], &["there is no API 'cucc'", "cucc-tenure"]);
    with(&["--api", "ctcc-call-durations"], &["did you mean 'ctcc-call-duration'?"]);
    with(&[], &["--api", CTCC, CUCC]);
    with(&["--api", CUCC, "--api", CUCC], &["cannot be in one run", "id"]);
    with(&["--api", CUCC, "--budget", "5"], &["--price"]);
    with(&["--api", CUCC, "--budget", "-5", "--price", "1"], &["-5"]);
    with(&["--api", CUCC, "--until", "25:00"], &["--until", "time of day"]);
    with(&["--api", CUCC, "--again", "ok"], &["--again ok"]);
    with(&["--api", CUCC, "--concurrency", "0"], &["--concurrency"]);
    with(&["--api", CUCC, "--timeout", "1ms"], &["--timeout"]);
    with(&["--api", CUCC, "--chaos", "night"], &["--chaos"]);
    night.run(["run", "in.csv", "--api", CUCC, "--chaos", "night"]).exit(2).stderr_has("--sandbox");
}

#[test]
fn no_key() {
    let night = Night::fast().file("in.csv", customers(1)).env("PAYONCE_KEY", "");
    refused(&night, &["run", "in.csv", "--api", CUCC], &["cucc-tenure has no key", "PAYONCE_KEY", "key_file"]);
    night.write("payonce.toml", "[apis.cucc-tenure]\nkey_env = \"NIGHTLY_KEY\"\n");
    refused(&night, &["run", "in.csv", "--api", CUCC], &["NIGHTLY_KEY"]);
    night.write("payonce.toml", "[apis.cucc-tenure]\nkey_file = \"no.key\"\n");
    refused(&night, &["run", "in.csv", "--api", CUCC], &["key_file", "no.key"]);
}

#[test]
fn plain_http_to_a_foreign_host() {
    let night = Night::fast().file("in.csv", customers(1)).env("PAYONCE_KEY", "k");
    let args = ["run", "in.csv", "--api", CUCC, "--base-url", "http://192.0.2.1:8080"];
    night.run(args).exit(2).stderr_has("plain http").stderr_has("allow_http");
    night.write("payonce.toml", "[apis.cucc-tenure]\nurl = \"http://192.0.2.1/query\"\n");
    night.run(["run", "in.csv", "--api", CUCC]).exit(2).stderr_has("[apis.cucc-tenure]").stderr_has("plain http");
    night.run(["run", "in.csv", "--api", CUCC, "--base-url", "ftp://127.0.0.1"]).exit(2).stderr_has("ftp");
}

#[test]
fn a_live_ledger_is_never_made_in_silence() {
    let night = Night::new().file("in.csv", customers(1)).env("PAYONCE_KEY", "k");
    night
        .run(["run", "in.csv", "--api", CUCC])
        .exit(2)
        .stderr_has("without a terminal none is made")
        .stderr_has("--ledger")
        .stderr_has("ledger.sqlite");
    assert!(night.state_files().is_empty(), "{:?}", night.state_files());
}

#[test]
fn a_ledger_of_another_kind() {
    let night = Night::fast().file("in.csv", customers(3));
    night.run(["run", "in.csv", "--api", CUCC, "--sandbox"]).exit(0);
    refused(&night, &["run", "in.csv", "--api", CUCC], &["stamped sandbox", "this run is loopback", "--ledger"]);
    let night = night.env("PAYONCE_KEY", "k");
    night.run(["run", "in.csv", "--api", CUCC]).exit(2).stderr_has("this run is live");
}

#[test]
fn a_file_that_is_no_ledger_is_left_alone() {
    let night = Night::fast().file("in.csv", customers(1)).file("calls.db", customers(400));
    refused(&night, &["run", "in.csv", "--api", CUCC], &["calls.db is not a payonce ledger", "--ledger"]);
    assert_eq!(night.text("calls.db"), customers(400));
    night.run(["status"]).exit(2).stderr_has("not a payonce ledger");
    let foreign = night.path("foreign.db");
    let db = rusqlite::Connection::open(&foreign).expect("a database");
    db.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").expect("a table");
    drop(db);
    let before = night.bytes("foreign.db");
    refused(&night, &["run", "in.csv", "--api", CUCC, "--ledger", "foreign.db"], &["another program's SQLite file"]);
    assert_eq!(night.bytes("foreign.db"), before);
}

#[test]
fn commands_that_need_a_ledger_say_where_it_is_not() {
    let night = Night::new().file("in.csv", customers(1));
    for args in [&["status"][..], &["doubts"], &["export", "in.csv", "-o", "out.csv", "--api", CUCC]] {
        night.run(args).exit(2).stderr_has("there is no ledger at").stderr_has("--ledger");
    }
    night.run(["export", "in.csv", "--api", CUCC]).exit(2).stderr_has("--output");
    let night = Night::fast().file("in.csv", customers(1)).file("other.csv", customers(2));
    night.run(["run", "in.csv", "--api", CUCC, "--sandbox"]).exit(0);
    night.run(["export", "other.csv", "-o", "o.csv", "--api", CUCC]).exit(2).stderr_has("no run of other.csv");
    night.run(["doubts", "--api", "cucc-tenur"]).exit(2).stderr_has("did you mean 'cucc-tenure'?");
}

/// Not a mistake: another payonce is at work, so later.
#[test]
fn a_ledger_in_use_is_tried_later() {
    let night = Night::fast().file("in.csv", customers(500)).file("two.csv", customers(3)).env("PAYONCE_RATE", "50/s");
    let vendor = Vendor::start();
    let first = night.spawn(&vendor, ["run", "in.csv", "--api", CUCC]);
    vendor.until_asked(3);
    let pid = first.pid().to_string();
    night
        .ask(&vendor, ["run", "two.csv", "--api", CUCC])
        .exit(75)
        .stderr_has(&format!("process {pid}"))
        .stderr_has("--wait");
    // Reading is possible meanwhile, and the output as well.
    night.run(["status"]).exit(0).stdout_has("under way");
    night.run(["export", "in.csv", "--api", CUCC, "-o", "now.csv"]).exit(0);
    assert!(night.table("now.csv").count("cucc_status", "pending") > 0);
    let mut second = night.spawn(&vendor, ["run", "two.csv", "--api", CUCC, "--wait"]);
    std::thread::sleep(std::time::Duration::from_millis(300));
    first.signalled("INT").wait().exit(130);
    second.until_said("written: two.enriched.csv");
    second.wait().exit(0);
}
