//! Each fault on the wire, and what it means for the bill.

use serde_json::Value;

use super::super::fault::Fault;
use super::super::number::hash;
use super::*;

#[test]
fn resets_are_resets_and_charged_or_not_as_they_say() {
    for (fault, charged, some_bytes) in
        [("reset_before_charge", 0, false), ("reset_before_reply", 1, false), ("reset_during_reply", 1, true)]
    {
        let sandbox = with_chaos(&format!("{fault} = 1.0"));
        let got = ask(&sandbox, NUMBER);
        assert_eq!(got.end, Err(ErrorKind::ConnectionReset), "{fault}");
        assert_eq!(!got.bytes.is_empty(), some_bytes, "{fault}");
        let bill = sandbox.bill();
        assert_eq!(
            (bill.requests, bill.charged, bill.undelivered, bill.charged_undelivered),
            (1, charged, 1, charged),
            "{fault}"
        );
        assert_eq!(bill.faults[fault], 1);
    }
}

#[test]
fn a_truncated_body_is_shorter_than_it_says_and_charged() {
    let sandbox = with_chaos("truncated_body = 1.0");
    let got = ask(&sandbox, NUMBER);
    assert_eq!(got.end, Ok(()), "an orderly close");
    let promised: usize = got.header("content-length").and_then(|length| length.parse().ok()).expect("a length");
    let (_, body) =
        got.bytes.split_at(got.bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4);
    assert!(!body.is_empty() && body.len() < promised, "{} of {promised}", body.len());
    assert_eq!((sandbox.bill().charged, sandbox.bill().charged_undelivered), (1, 1));
}

#[test]
fn spoilt_replies_are_charged() {
    let check = |chaos: &str| {
        let sandbox = with_chaos(chaos);
        let got = ask(&sandbox, NUMBER);
        let bill = sandbox.bill();
        assert_eq!((bill.charged, bill.by_code["0"], bill.undelivered), (1, 1, 0), "{chaos}");
        got
    };
    let got = check("html_500_charged = 1.0");
    assert_eq!((got.status(), got.body().starts_with("<html>")), ("500", true));
    assert!(serde_json::from_str::<Value>(check("garbage_json = 1.0").body()).is_err());
    assert_eq!(check("duplicate_key = 1.0").body().matches("\"error_code\":").count(), 2);
    assert_eq!(check("wrong_content_type = 1.0").header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(check("string_code = 1.0").json()["error_code"], "0");
    assert!(check("oversized_body = 1.0").bytes.len() > 8_000_000);
    let empty = check("empty_result = 1.0").json();
    assert!(["null", "\"\"", "[]"].contains(&empty["result"].to_string().as_str()), "{empty}");
}

#[test]
fn refusals_are_free() {
    for (chaos, code) in [
        ("supplier_error = 1.0", 232_401),
        ("no_record = 1.0", 232_403),
        ("query_failed = 1.0", 232_404),
        ("internal_error = 1.0", 10_014),
        ("throttle_10011 = 1.0", 10_011),
        ("expired_key_after = 0", 10_003),
        ("maintenance = [{ after_requests = 0, for_requests = 1 }]", 10_020),
        ("maintenance = [{ from = \"0s\", to = \"60s\" }]", 10_020),
        ("quota = [{ after_requests = 0, for_requests = 1 }]", 10_012),
    ] {
        let sandbox = with_chaos(chaos);
        assert_eq!(ask(&sandbox, NUMBER).code(), code, "{chaos}");
        assert_eq!((sandbox.bill().charged, sandbox.bill().by_code[&code.to_string()]), (0, 1), "{chaos}");
    }
    for (chaos, status) in
        [("html_500_uncharged = 1.0", "500"), ("redirect = 1.0", "302"), ("http_429 = { probability = 1.0 }", "429")]
    {
        let sandbox = with_chaos(chaos);
        let got = ask(&sandbox, NUMBER);
        assert_eq!((got.status(), sandbox.bill().charged), (status, 0), "{chaos}");
        assert_eq!(got.header("location"), (status == "302").then_some("/moved"));
    }
    let sandbox = with_chaos("http_429 = { probability = 1.0, retry_after = 7, envelope = true }");
    let got = ask(&sandbox, NUMBER);
    assert_eq!((got.status(), got.header("retry-after"), got.code()), ("429", Some("7"), 10_011));
    let sandbox = with_chaos("throttle_10011 = 1.0\nresultcode_only = 1.0");
    let old = ask(&sandbox, NUMBER).json();
    assert_eq!((&old["resultcode"], &old["error_code"]), (&Value::from("111"), &Value::Null));
}

#[test]
fn a_call_whose_client_hangs_up_is_charged_and_undelivered() {
    let hang_up = |sandbox: &Sandbox| {
        let mut stream = TcpStream::connect(sandbox.addr()).expect("connect");
        let request = format!("GET {CTCC}?key=sandbox&mobile={NUMBER} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("send");
        bill_when(sandbox, |bill| bill.charged == 1);
        stream
    };
    for chaos in ["slow_reply = { probability = 1.0, delay = \"60s\" }", "never_ending_body = 1.0"] {
        let sandbox = with_chaos(chaos);
        drop(hang_up(&sandbox));
        let bill = bill_when(&sandbox, |bill| bill.undelivered == 1);
        assert_eq!((bill.charged, bill.undelivered, bill.charged_undelivered), (1, 1, 1), "{chaos}");
    }
    // What arrives late is delivered all the same.
    let sandbox = with_chaos("slow_reply = { probability = 1.0, delay = \"80ms\" }");
    let asked = Instant::now();
    assert_eq!(ask(&sandbox, NUMBER).code(), 0);
    assert!(asked.elapsed() >= Duration::from_millis(80));
    assert_eq!((sandbox.bill().charged, sandbox.bill().undelivered), (1, 0));
}

#[test]
fn the_same_seed_sees_the_same_faults_in_any_order() {
    let chaos = "supplier_error = 0.3\nno_record = 0.3";
    let run = |seed, backwards: bool| {
        let chaos = Chaos::named_or_text(chaos).expect("valid");
        let sandbox = start(SandboxOptions { seed, chaos, ..SandboxOptions::default() });
        let mut numbers: Vec<_> = (0..60).collect();
        if backwards {
            numbers.reverse();
        }
        // Each number twice: the second time has dice of its own.
        let mut codes: Vec<_> =
            numbers.into_iter().map(|n| (n, [0; 2].map(|_| ask(&sandbox, &number(n)).code()))).collect();
        codes.sort_unstable();
        codes
    };
    let first = run(1, false);
    assert_eq!(first, run(1, true));
    assert_ne!(first, run(2, false));
    assert!(first.iter().any(|(_, codes)| codes[0] != codes[1]));
}

#[test]
fn chaos_can_be_switched_at_run_time() {
    let sandbox = plain();
    assert_eq!(ask(&sandbox, NUMBER).code(), 0);
    let switched =
        post(&sandbox, "/sandbox/chaos", "application/toml", "quota = [{ after_requests = 1, for_requests = 1 }]");
    assert_eq!((switched.status(), switched.body()), ("200", "1 window(s) of quota\n"));
    assert_eq!([0; 3].map(|_| ask(&sandbox, NUMBER).code()), [0, 10_012, 0], "windows count from the switch");
    assert_eq!(post(&sandbox, "/sandbox/chaos", "", "no-record").status(), "200");
    assert_eq!(post(&sandbox, "/sandbox/chaos", "", "/etc/passwd").status(), "400");
    assert_eq!(post(&sandbox, "/sandbox/chaos", "", "none").status(), "200");
    assert_eq!(ask(&sandbox, NUMBER).code(), 0);
    assert_eq!(sandbox.bill().requests, 5, "control requests are not counted");
}

#[test]
fn a_night_is_bad_and_can_be_survived() {
    let night = Chaos::named_or_file("night").expect("embedded");
    let (mut doubts, mut in_a_row, mut most_in_a_row) = (0, 0, 0);
    for n in 0..100_000_u64 {
        let doubtful = night.fault(hash(&n.to_le_bytes(), 0)).is_some_and(|fault| {
            fault.loses_reply() || matches!(fault, Fault::SlowReply | Fault::Html500Charged | Fault::Html500Uncharged)
        });
        doubts += u32::from(doubtful);
        in_a_row = if doubtful { in_a_row + 1 } else { 0 };
        most_in_a_row = most_in_a_row.max(in_a_row);
    }
    assert!((800..1_200).contains(&doubts), "{doubts}");
    assert!(most_in_a_row <= 4, "a client gives up after twenty: {most_in_a_row}");
}
