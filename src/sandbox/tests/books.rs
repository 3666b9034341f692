//! What can be read of the books: the bill, the numbers, the statement.

use super::*;

#[test]
fn the_bill_reads_the_same_over_http() {
    let sandbox = with_chaos("reset_before_reply = 1.0");
    ask(&sandbox, NUMBER);
    let json = get(&sandbox, "/sandbox/bill").json();
    for (field, count) in [
        ("requests", 1),
        ("charged", 1),
        ("numbers_charged", 1),
        ("charged_twice", 0),
        ("most_charged_per_number", 1),
        ("worst_second", 1),
        ("charged_undelivered", 1),
    ] {
        assert_eq!(json[field], count, "{field}");
    }
    assert_eq!((&json["by_code"]["0"], &json["faults"]["reset_before_reply"]), (&Value::from(1), &Value::from(1)));
    assert_eq!(json["endpoints"][CTCC]["charged"], 1);
    assert_eq!(json["endpoints"][CUCC]["requests"], 0);
    assert_eq!(serde_json::from_value::<Bill>(json).expect("the same shape"), sandbox.bill());
    assert!(sandbox.bill().to_string().starts_with("1 requests, 1 charged for 1 numbers; 0 charged more than once"));
}

#[test]
fn the_statement_lists_every_charge_and_nothing_else() {
    let sandbox = plain();
    let order = |got: &Got| got.json()["result"]["orderid"].as_str().expect("an order ID").to_owned();
    let first = order(&ask(&sandbox, NUMBER));
    ask(&sandbox, "1");
    let second = order(&get(&sandbox, &format!("{CUCC}?key=sandbox&mobile={DIGEST}")));
    post(&sandbox, "/sandbox/chaos", "", "reset_before_reply = 1.0");
    ask(&sandbox, NUMBER);

    let got = get(&sandbox, "/sandbox/statement.csv");
    let lines = unchunked(got.body());
    assert_eq!(lines, sandbox.statement());
    let lines: Vec<Vec<&str>> = lines.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0], ["订单号", "接口", "手机号", "时间", "金额"]);
    assert_eq!(lines.len(), 4);
    assert_eq!((lines[1][0], lines[1][1], lines[1][2]), (first.as_str(), "电信月通话时长", NUMBER));
    assert_eq!((lines[2][0], lines[2][1], lines[2][2]), (second.as_str(), "在网时长sha256加密版", DIGEST));
    assert_eq!(lines[3][2], NUMBER, "charged, though never delivered");
    for line in &lines[1..] {
        assert_eq!((line[3].len(), line[4]), ("2026-10-05 02:11:09".len(), "0.05"));
        let stamp: String = line[3].chars().filter(char::is_ascii_digit).collect();
        assert_eq!(&line[0][4..18], stamp, "the order ID carries the time");
    }

    let numbers = get(&sandbox, "/sandbox/bill/numbers");
    assert_eq!(unchunked(numbers.body()), format!("endpoint,number,charged\n{CTCC},{NUMBER},2\n{CUCC},{DIGEST},1\n"));
}

/// The content of a chunked body.
fn unchunked(mut body: &str) -> String {
    let mut content = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk size");
        content.push_str(&rest[..size]);
        body = &rest[size + 2..];
    }
    content
}

#[test]
fn long_books_are_read_in_pages_and_lose_nothing() {
    let sandbox = plain();
    // Asked about and never charged, on both sides of a page of charged ones: none of these is listed.
    sandbox.set_chaos(Chaos::named_or_text("no_record = 1.0").expect("valid"));
    drive(sandbox.addr(), 0, 4, 2_500, "null,\"error_code\":232403}");
    sandbox.set_chaos(Chaos::default());
    drive(sandbox.addr(), 20_000, 4, 3_000, "\"error_code\":0}");
    let statement = sandbox.statement();
    let mut orders: Vec<_> = statement.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    orders.sort_unstable();
    orders.dedup();
    assert_eq!(orders.len(), 12_000);
    let numbers = get(&sandbox, "/sandbox/bill/numbers");
    assert_eq!(unchunked(numbers.body()).lines().count(), 1 + 12_000);
    let bill = sandbox.bill();
    assert_eq!((bill.requests, bill.charged, bill.by_code["232403"]), (22_000, 12_000, 10_000));
}
