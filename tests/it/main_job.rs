//! The main job: a CSV of customers comes back enriched by both APIs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use crate::support::{
    CTCC, CUCC, CUCC_COLUMNS, Night, Table, Vendor, customers, customers_from, digest, fixture, number,
};

const CTCC_COLUMNS: [&str; 10] = [
    "ctcc_status",
    "ctcc_calling_code",
    "ctcc_calling_minutes",
    "ctcc_called_code",
    "ctcc_called_minutes",
    "ctcc_error_code",
    "ctcc_reason",
    "ctcc_order_id",
    "ctcc_queried_at",
    "ctcc_data_month",
];

/// The rows of `after` begin with the rows of `before`, in its order.
#[track_caller]
fn assert_rows_kept(before: &Table, after: &Table) {
    assert_eq!(before.rows.len(), after.rows.len());
    let width = before.header.len();
    assert_eq!(after.header[..width], before.header);
    for (record, (before, after)) in before.rows.iter().zip(&after.rows).enumerate() {
        assert_eq!(after[..width], *before, "record {}", record + 1);
    }
}

#[test]
fn the_fixture_comes_back_enriched_by_both_apis() {
    let night = Night::new().file("customers.csv", fixture("customers.csv"));
    night
        .run(["run", "customers.csv", "--api", CTCC, "--api", CUCC, "--sandbox", "--rate", "1000/s"])
        .exit(0)
        .stderr_has("written: customers.enriched.csv")
        .stderr_has("the sandbox's own bill");
    let (before, after) = (night.table("customers.csv"), night.table("customers.enriched.csv"));
    assert_rows_kept(&before, &after);
    assert_eq!(after.header[before.header.len()..], [&CTCC_COLUMNS[..], &CUCC_COLUMNS[..]].concat());
    assert_eq!(night.mode("customers.enriched.csv"), 0o600);
    assert_eq!(night.names(), ["customers.csv", "customers.enriched.csv"], "nothing else is left behind");

    for lane in ["ctcc", "cucc"] {
        let column = |name: &str| after.column(&format!("{lane}_{name}"));
        let (orders, times) = (column("order_id"), column("queried_at"));
        let mut seen = BTreeSet::new();
        for (row, status) in column("status").into_iter().enumerate() {
            let answered = match status {
                "ok" => true,
                "invalid" => false,
                other => panic!("record {}: {lane} is {other}", row + 1),
            };
            assert_eq!(!orders[row].is_empty(), answered, "record {}", row + 1);
            assert_eq!(times[row].ends_with("+08:00"), answered, "record {}", row + 1);
            assert!(!column("reason")[row].is_empty(), "record {}: nobody says why it is {status}", row + 1);
            seen.insert(status);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["invalid", "ok"]);
    }
    let (ctcc, cucc) = (after.counts("ctcc_status"), after.counts("cucc_status"));
    assert!(ctcc["ok"] < cucc["ok"], "digests alone are good for cucc only: {ctcc:?}, {cucc:?}");
    assert!(after.column("ctcc_reason").contains(&"a digest where this API needs the number"));
    assert!(after.column("cucc_reason").contains(&"masked digits: the whole number is needed"));
}

#[test]
fn a_gb18030_file_of_excel_comes_back_as_one() {
    let input = fixture("customers-gb18030.csv");
    let night = Night::new().file("in.csv", &input);
    night.run(["run", "in.csv", "--api", CUCC, "--sandbox", "--rate", "1000/s", "-o", "out.csv"]).exit(0);
    let output = night.bytes("out.csv");
    let decode = |bytes: &[u8]| {
        let (text, wrong) = encoding_rs::GB18030.decode_without_bom_handling(bytes);
        assert!(!wrong, "it is not GB18030");
        text.into_owned()
    };
    assert!(String::from_utf8(output.clone()).is_err(), "it is UTF-8 now");
    let (before, after) = (decode(&input), decode(&output));
    assert!(after.contains('𠮷'), "a character of four bytes got lost");
    assert_eq!(after.matches("\r\n").count(), before.matches("\r\n").count(), "line ends are those of the input");
    assert_rows_kept(&Table::parse(&before), &Table::parse(&after));
    assert!(Table::parse(&after).count("cucc_status", "ok") > 150);
}

#[test]
fn one_subject_is_one_call_however_it_is_spelt() {
    let plain = number(7);
    let spelt = [
        plain.clone(),
        "+86 186-0000-0007".to_owned(),
        "0086 18600000007".to_owned(),
        "１８６０００００００７".to_owned(),
        "18600000007.0".to_owned(),
        digest(&plain),
        digest(&plain).to_uppercase(),
    ];
    let night = Night::fast().file("in.csv", format!("手机号\n{}\n{}\n", spelt.join("\n"), number(8)));
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CTCC, "--api", CUCC]).exit(0);
    for (path, bill) in vendor.bill().endpoints {
        assert_eq!((bill.requests, bill.charged), (2, 2), "{path}");
    }
    let table = night.table("in.enriched.csv");
    for lane in ["ctcc", "cucc"] {
        let orders = table.column(&format!("{lane}_order_id"));
        assert!(orders[..7].iter().all(|order| *order == orders[0] && !order.is_empty()), "{lane}: {orders:?}");
        assert_ne!(orders[7], orders[0], "another number is another order");
        assert_eq!(table.count(&format!("{lane}_status"), "ok"), 8);
    }
}

#[test]
fn every_answer_stands_beside_the_number_it_was_paid_for() {
    let night = Night::fast().file("in.csv", customers(200));
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CTCC]).exit(0);
    let statement = Table::parse(&vendor.statement());
    let charged: BTreeMap<&str, &str> =
        statement.column("手机号").into_iter().zip(statement.column("订单号")).collect();
    let table = night.table("in.enriched.csv");
    assert_eq!(charged.len(), 200);
    for (number, order) in table.column("手机号").into_iter().zip(table.column("ctcc_order_id")) {
        assert_eq!(charged[number], order, "{number}");
    }
    let bands = "0 (0,1] (5,10] (10,20] (20,35] (35,55] (55,80] (80,115] (115,160] (160,230] (230,360] 360+";
    let bands: Vec<&str> = bands.split(' ').collect();
    for (code, label) in table.column("ctcc_called_code").into_iter().zip(table.column("ctcc_called_minutes")) {
        assert_eq!(bands[code.parse::<usize>().expect("a code")], label);
    }
    assert!(table.counts("ctcc_called_code").len() > 6, "the answers differ");
    for (asked, month) in table.column("ctcc_queried_at").into_iter().zip(table.column("ctcc_data_month")) {
        assert_eq!(month, month_before(asked));
    }
}

/// `2026-11-22T05:00:00+08:00` gives `2026-10`.
fn month_before(stamp: &str) -> String {
    let (year, month): (i32, u32) = (stamp[..4].parse().expect("a year"), stamp[5..7].parse().expect("a month"));
    if month == 1 { format!("{}-12", year - 1) } else { format!("{year}-{:02}", month - 1) }
}

#[test]
fn what_cannot_be_asked_says_why_and_costs_nothing() {
    let cells = ["", "1861234567", "186123456789", "186****0001", "1.86E+10", "01012345678", "无", "18600000001"];
    let night =
        Night::fast().file("in.csv", format!("姓名,手机号\n{}\n", cells.map(|cell| format!("甲,{cell}")).join("\n")));
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(0).stderr_has("7 rows cannot be asked about");
    assert_eq!(vendor.bill().requests, 1);
    let table = night.table("in.enriched.csv");
    let reasons = table.column("cucc_reason");
    for (row, word) in ["empty", "too short", "too long", "masked", "scientific", "not a mainland mobile", "letters"]
        .iter()
        .enumerate()
    {
        assert_eq!(table.cell(row, "cucc_status"), "invalid");
        assert!(reasons[row].contains(word), "record {}: {}", row + 1, reasons[row]);
    }
    assert_eq!(table.cell(7, "cucc_status"), "ok");
}

#[test]
fn a_second_run_asks_nothing_and_writes_the_same() {
    let night = Night::fast().file("in.csv", customers(300));
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(0);
    let (bill, output) = (vendor.bill(), night.bytes("in.enriched.csv"));
    assert_eq!((bill.requests, bill.charged), (300, 300));
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "-o", "again.csv"]).exit(0).stderr_has("nothing to ask");
    assert_eq!(vendor.bill(), bill);
    assert_eq!(night.bytes("again.csv"), output);
}

#[test]
fn a_second_file_pays_only_for_the_numbers_it_brings() {
    let night = Night::fast().file("one.csv", customers(100)).file("two.csv", customers_from(60, 100));
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "one.csv", "--api", CUCC]).exit(0);
    night.ask(&vendor, ["run", "two.csv", "--api", CUCC, "--summary", "s.json"]).exit(0);
    assert_eq!(vendor.bill().requests, 160);
    let lane = &night.json("s.json")["lanes"][CUCC];
    assert_eq!((lane["reused"].as_u64(), lane["calls"].as_u64()), (Some(40), Some(60)));
    let (one, two) = (night.table("one.enriched.csv"), night.table("two.enriched.csv"));
    assert_eq!(one.cell(60, "cucc_order_id"), two.cell(0, "cucc_order_id"));
}

#[test]
fn export_writes_the_same_bytes_again() {
    let night = Night::fast().file("in.csv", customers(120));
    let vendor = Vendor::chaos("no-record");
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(0);
    let first = night.bytes("in.enriched.csv");
    let export = |out: &str, run: &[&str]| {
        let args = ["export", "in.csv", "--api", CUCC, "-o", out].into_iter().chain(run.iter().copied());
        night.run(args).exit(0);
        night.bytes(out)
    };
    assert_eq!(export("again.csv", &[]), first);
    assert_eq!(night.mode("again.csv"), 0o600);

    // A later run finds some of what the first did not; the first run's view stays what it was.
    vendor.change_faults("");
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--again", "no_record"]).exit(0);
    let second = night.bytes("in.enriched.csv");
    assert_ne!(second, first);
    assert_eq!(night.table("in.enriched.csv").count("cucc_status", "ok"), 120);
    assert_eq!(export("newest.csv", &[]), second);
    assert_eq!(export("first.csv", &["--run", "1"]), first);
    night.run(["export", "in.csv", "--api", CUCC, "-o", "-", "--run", "3"]).exit(2).stderr_has("no run 3");
}

#[test]
fn a_header_alone_is_a_success_with_no_rows() {
    let night = Night::fast().file("in.csv", "客户编号,手机号\n");
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--summary", "s.json"]).exit(0);
    assert_eq!(night.json("s.json")["rows"], 0);
    let table = night.table("in.enriched.csv");
    assert_eq!((table.header.len(), table.rows.len()), (2 + CUCC_COLUMNS.len(), 0));
    assert_eq!(vendor.bill().requests, 0);
}

#[test]
fn a_gz_file_comes_back_as_one() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(customers(50).as_bytes()).expect("packs");
    let night = Night::fast().file("in.csv", customers(50)).file("in.csv.gz", packed.finish().expect("packs"));
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv.gz", "--api", CUCC]).exit(0);
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(0);
    assert_eq!(vendor.bill().requests, 50);
    let mut unpacked = Vec::new();
    let packed = night.bytes("in.enriched.csv.gz");
    flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).expect("it is packed");
    assert_eq!(unpacked, night.bytes("in.enriched.csv"));
}

#[test]
fn standard_input_goes_to_standard_output() {
    let night = Night::fast();
    let vendor = Vendor::start();
    let ran = night.pipe(&vendor, customers(40), ["run", "-", "--api", CUCC]).exit(0);
    assert_rows_kept(&Table::parse(&customers(40)), &ran.table());
    assert_eq!(ran.table().count("cucc_status", "ok"), 40);
    assert!(!night.names().iter().any(|name| name.contains("enriched")), "{:?}", night.names());
}

#[test]
fn files_are_read_the_way_they_come() {
    let vendor = Vendor::start();
    let utf16: Vec<u8> =
        format!("\u{feff}姓名\t手机号\r\n甲\t{}\r\n", number(1)).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&str, Vec<u8>, &[&str]); 5] = [
        ("semicolons", format!("姓名;电话\n甲;{}\n", number(1)).into(), &[]),
        (
            "title lines",
            format!("客户名单\n2026年11月\n姓名,手机号\n甲,{}\n", number(1)).into(),
            &["--skip-lines", "2"],
        ),
        ("column by position", format!("a,b\nx,{}\n", number(1)).into(), &["--column", "2"]),
        ("column by name", format!("手机号,备用\n,{}\n", number(1)).into(), &["--column", "备用"]),
        ("UTF-16", utf16, &[]),
    ];
    for (name, content, flags) in cases {
        let night = Night::fast().file("in.csv", content);
        let args = ["run", "in.csv", "--api", CUCC, "--summary", "s.json"].iter().chain(flags).copied();
        night.ask(&vendor, args).exit(0);
        assert_eq!(night.json("s.json")["lanes"][CUCC]["statuses"]["ok"], 1, "{name}");
        night.run(["export", "in.csv", "--api", CUCC, "-o", "again.csv"].iter().chain(flags).copied()).exit(0);
        assert_eq!(night.bytes("again.csv"), night.bytes("in.enriched.csv"), "{name}");
    }
    // Each night has a ledger of its own, and so pays for itself.
    assert_eq!(vendor.bill().requests, 5);
    drop(vendor.may_charge_twice());
}

#[test]
fn other_carriers_segments_are_skipped_only_when_told() {
    let rows = format!("手机号\n{}\n18900000001\n", number(1));
    let night = Night::fast().file("in.csv", rows);
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--only-segment"]).exit(0);
    assert_eq!(night.table("in.enriched.csv").column("cucc_status"), ["ok", "skipped"]);
    assert_eq!(vendor.bill().requests, 1);
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(0);
    assert_eq!(night.table("in.enriched.csv").column("cucc_status"), ["ok", "ok"]);
}

#[test]
fn an_output_that_is_there_is_replaced_and_has_the_mode_of_the_config() {
    let night = Night::fast()
        .file("in.csv", customers(5))
        .file("in.enriched.csv", "what was there before")
        .file("payonce.toml", "[output]\nmode = \"0640\"\n");
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC]).exit(0);
    assert_eq!(night.table("in.enriched.csv").rows.len(), 5);
    assert_eq!(night.mode("in.enriched.csv"), 0o640);
}
