//! Duplicates in a hurry: however often, in whatever dress and from however many sides a number comes, each API is asked once.

use std::fmt::Write;
use std::time::Duration;

use crate::support::{CTCC, CUCC, Night, Vendor, digest, number};

const NUMBERS: usize = 40;

/// A vendor that takes its time, so that duplicates come while the first call is under way.
fn slow_vendor() -> Vendor {
    Vendor::with(|options| options.latency = Duration::from_millis(150))
}

/// Every number in each of these dresses, one right after the other.
fn dressed(dresses: &[fn(&str) -> String]) -> String {
    let mut text = "手机号\n".to_owned();
    for n in 0..NUMBERS {
        for dress in dresses {
            writeln!(text, "{}", dress(&number(n))).expect("a text");
        }
    }
    text
}

fn plain(number: &str) -> String {
    number.to_owned()
}

fn with_country(number: &str) -> String {
    format!("+86 {}-{}-{}", &number[..3], &number[3..7], &number[7..])
}

fn full_width(number: &str) -> String {
    number.chars().map(|digit| char::from_u32(digit as u32 - '0' as u32 + '０' as u32).expect("a digit")).collect()
}

fn hashed(number: &str) -> String {
    digest(number)
}

fn hashed_loudly(number: &str) -> String {
    digest(number).to_uppercase()
}

/// At full speed, with room for every row at once.
fn both(input: &str) -> [&str; 10] {
    ["run", input, "--api", CTCC, "--api", CUCC, "--rate", "5000/s", "--concurrency", "64"]
}

#[track_caller]
fn asked_once_by_each_api(vendor: &Vendor) {
    let bill = vendor.bill();
    assert_eq!((bill.requests, bill.charged, bill.numbers_charged), (80, 80, 80), "{bill}");
    for (path, endpoint) in &bill.endpoints {
        assert_eq!((endpoint.requests, endpoint.numbers_charged), (40, 40), "{path}");
    }
}

#[test]
fn on_neighbouring_rows_while_the_first_call_is_under_way() {
    let vendor = slow_vendor();
    let night = Night::new().file("in.csv", dressed(&[plain, plain, with_country, hashed, full_width, hashed_loudly]));
    night.ask(&vendor, both("in.csv")).exit(0);
    asked_once_by_each_api(&vendor);
    let table = night.table("in.enriched.csv");
    assert_eq!(table.rows.len(), NUMBERS * 6);
    for column in ["ctcc_status", "cucc_status"] {
        assert_eq!(table.count(column, "ok"), NUMBERS * 6, "{column}");
    }
    for (n, rows) in table.rows.chunks(6).enumerate() {
        assert!(rows.iter().all(|row| row[1..] == rows[0][1..]), "all rows of number {n} say the same");
    }
}

#[test]
fn hashed_rows_first() {
    let vendor = slow_vendor();
    let night = Night::new().file("in.csv", dressed(&[hashed, hashed_loudly, plain]));
    night.ask(&vendor, both("in.csv")).exit(0);
    asked_once_by_each_api(&vendor);
    let table = night.table("in.enriched.csv");
    assert_eq!((table.count("ctcc_status", "ok"), table.count("cucc_status", "ok")), (NUMBERS * 3, NUMBERS * 3));
}

#[test]
fn in_two_files_one_after_the_other_plain_and_then_hashed() {
    let vendor = slow_vendor();
    let night = Night::new().file("in.csv", dressed(&[plain])).file("hashed.csv", dressed(&[hashed, with_country]));
    night.ask(&vendor, both("in.csv")).exit(0);
    night.ask(&vendor, both("hashed.csv")).exit(0).stderr_has("nothing to ask");
    asked_once_by_each_api(&vendor);
    let table = night.table("hashed.enriched.csv");
    assert_eq!((table.count("ctcc_status", "ok"), table.count("cucc_status", "ok")), (NUMBERS * 2, NUMBERS * 2));
}

#[test]
fn in_two_files_at_the_same_time() {
    let vendor = slow_vendor();
    let night = Night::new().file("in.csv", dressed(&[plain])).file("other.csv", dressed(&[with_country, plain]));
    let first = night.spawn(&vendor, both("in.csv"));
    vendor.until_asked(1);
    night.ask(&vendor, both("other.csv")).exit(75).stderr_has("another payonce");
    let patient = night.spawn(&vendor, both("other.csv").into_iter().chain(["--wait"]));
    first.wait().exit(0);
    patient.wait().exit(0).stderr_has("nothing to ask");
    asked_once_by_each_api(&vendor);
    assert_eq!(night.table("other.enriched.csv").count("cucc_status", "ok"), NUMBERS * 2);
}

/// The calls in flight of a killed run are in doubt: a hurried second run of another file asks about none of them.
#[test]
fn in_another_file_after_a_kill() {
    let vendor = slow_vendor();
    let night = Night::new().file("in.csv", dressed(&[plain])).file("other.csv", dressed(&[hashed, plain]));
    let first = night.spawn(&vendor, both("in.csv"));
    vendor.until_asked(30);
    first.kill();
    night.ask(&vendor, both("other.csv")).exit(3);
    let (bill, table) = (vendor.bill(), night.table("other.enriched.csv"));
    assert_eq!(bill.charged, bill.numbers_charged, "{bill}");
    for column in ["ctcc_status", "cucc_status"] {
        assert_eq!(table.count(column, "ok") + table.count(column, "in_doubt"), NUMBERS * 2, "{column}");
    }
}
