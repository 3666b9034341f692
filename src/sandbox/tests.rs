//! The stand-in vendor over real loopback connections, spoken to in raw bytes: a client library would hide what happens on the
//! wire.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Bill, Chaos, Sandbox, SandboxOptions};

const CTCC: &str = "/ctccCallduration/query";
const CUCC: &str = "/mobile_online_sha256_cucc/query";
const NUMBER: &str = "17312345678";
const DIGEST: &str = "f1e6f6d6f6a8821f6de81cf04045ba760a613933161594b83d3879ee43878e48";
const FORM: &str = "application/x-www-form-urlencoded";

/// All that came back on a connection, and how it ended.
#[derive(Debug)]
struct Got {
    bytes: Vec<u8>,
    end: Result<(), ErrorKind>,
}

impl Got {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("UTF-8")
    }

    fn status(&self) -> &str {
        self.text().split(' ').nth(1).expect("a status line")
    }

    fn header(&self, name: &str) -> Option<&str> {
        let head = self.text().split("\r\n\r\n").next()?;
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn body(&self) -> &str {
        self.text().split_once("\r\n\r\n").expect("an end of the head").1
    }

    fn json(&self) -> Value {
        serde_json::from_str(self.body()).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    fn code(&self) -> u64 {
        self.json()["error_code"].as_u64().expect("a number")
    }
}

fn exchange(to: SocketAddr, request: &str) -> Got {
    let mut stream = TcpStream::connect(to).expect("connect");
    stream.write_all(request.as_bytes()).expect("send");
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).map(|_| ()).map_err(|error| error.kind());
    Got { bytes, end }
}

fn get(to: &Sandbox, path: &str) -> Got {
    exchange(to.addr(), &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
}

fn post(to: &Sandbox, path: &str, kind: &str, body: &str) -> Got {
    let length = body.len();
    exchange(
        to.addr(),
        &format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
}

fn ask(to: &Sandbox, number: &str) -> Got {
    post(to, CTCC, FORM, &format!("key=sandbox&mobile={number}"))
}

fn start(options: SandboxOptions) -> Sandbox {
    Sandbox::start_in_background(options).expect("a free port")
}

fn plain() -> Sandbox {
    start(SandboxOptions::default())
}

/// A server with the faults of a profile that is given as text.
fn with_chaos(chaos: &str) -> Sandbox {
    let chaos = Chaos::named_or_text(chaos).unwrap_or_else(|error| panic!("{error}"));
    start(SandboxOptions { chaos, ..SandboxOptions::default() })
}

fn number(n: u32) -> String {
    format!("173{n:08}")
}

/// The bill once `ready`; what happens when a client hangs up is booked a moment later.
fn bill_when(of: &Sandbox, ready: impl Fn(&Bill) -> bool) -> Bill {
    let patience = Instant::now() + Duration::from_secs(5);
    loop {
        let bill = of.bill();
        if ready(&bill) || Instant::now() > patience {
            return bill;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn both_endpoints_answer_get_and_post_alike() {
    let sandbox = plain();
    for (path, subject, fields) in [(CTCC, NUMBER, &["callingDur", "calledDur"][..]), (CUCC, DIGEST, &["code"][..])] {
        let by_get = get(&sandbox, &format!("{path}?key=sandbox&mobile={subject}"));
        let by_post = post(&sandbox, path, FORM, &format!("key=sandbox&mobile={subject}"));
        let with_charset =
            post(&sandbox, path, &format!("{FORM}; charset=utf-8"), &format!("mobile={subject}&key=sandbox"));
        let mut orders = Vec::new();
        for got in [&by_get, &by_post, &with_charset] {
            assert_eq!(got.status(), "200");
            assert_eq!(got.header("content-type"), Some("application/json;charset=utf-8"));
            let json = got.json();
            assert_eq!((got.code(), &json["reason"]), (0, &Value::from("成功")));
            for field in fields {
                assert_eq!(
                    json["result"][field],
                    by_get.json()["result"][field],
                    "{field} depends on the number alone"
                );
                assert!(json["result"][field].is_string());
            }
            let order = json["result"]["orderid"].as_str().expect("an order ID").to_owned();
            assert!(
                order.len() == 22 && order.starts_with('J') && order[1..].bytes().all(|byte| byte.is_ascii_digit())
            );
            orders.push(order);
        }
        orders.sort();
        orders.dedup();
        assert_eq!(orders.len(), 3, "order IDs are unique");
    }
    let bill = sandbox.bill();
    assert_eq!((bill.requests, bill.charged, bill.numbers_charged), (6, 6, 2));
    assert_eq!((bill.charged_twice, bill.most_charged_per_number), (2, 3));
    assert_eq!(bill.endpoints[CUCC].charged, 3);
}

#[test]
fn a_wrong_or_missing_key_is_10001_and_free() {
    let sandbox = plain();
    for form in [
        "key=other&mobile=17312345678",
        "mobile=17312345678",
        "key=&mobile=17312345678",
        "",
        "key=sandbox&key=sandbox&mobile=1",
    ] {
        let got = post(&sandbox, CTCC, FORM, form);
        assert_eq!((got.status(), got.code()), ("200", 10_001), "{form}");
        assert_eq!(got.json()["result"], Value::Null);
    }
    // The key of a POST belongs into its form.
    assert_eq!(post(&sandbox, &format!("{CTCC}?key=sandbox&mobile={NUMBER}"), FORM, "").code(), 10_001);
    assert_eq!((sandbox.bill().charged, sandbox.bill().by_code["10001"]), (0, 6));
}

#[test]
fn a_number_in_the_wrong_form_is_a_wrong_parameter() {
    let sandbox = plain();
    let upper = DIGEST.to_uppercase();
    for (path, subject, code) in [
        (CTCC, "%2B8617312345678", 232_402),
        (CTCC, "173-1234-5678", 232_402),
        (CTCC, "1731234567", 232_402),
        (CTCC, "17312345678&mobile=17312345678", 232_402),
        (CTCC, "", 232_402),
        (CTCC, DIGEST, 232_402),
        (CUCC, NUMBER, 234_802),
        (CUCC, &upper, 234_802),
        (CUCC, &DIGEST[1..], 234_802),
    ] {
        let got = get(&sandbox, &format!("{path}?key=sandbox&mobile={subject}"));
        assert_eq!(got.code(), code, "{subject}");
        let reason = got.json()["reason"].as_str().expect("a reason").to_owned();
        assert!(reason.starts_with("参数错误：") && reason.len() > "参数错误：".len(), "{reason}");
    }
    assert_eq!(sandbox.bill().charged, 0);
}

#[test]
fn what_is_no_call_at_all_is_html() {
    let sandbox = plain();
    let form = "key=sandbox&mobile=17312345678";
    let put = format!("PUT {CTCC}?{form} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    for (got, status) in [
        (get(&sandbox, "/nothing?key=sandbox"), "404"),
        (post(&sandbox, CTCC, "application/json", form), "415"),
        (post(&sandbox, CTCC, "", form), "415"),
        (exchange(sandbox.addr(), &put), "405"),
    ] {
        assert_eq!(got.status(), status);
        assert!(got.body().starts_with("<html>"));
    }
    let bill = sandbox.bill();
    assert_eq!((bill.requests, bill.charged), (4, 0));
    assert_eq!(["http_404", "http_405", "http_415"].map(|name| bill.by_code[name]), [1, 1, 2]);
}

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
fn what_is_over_the_limit_is_10012() {
    let sandbox = start(SandboxOptions { limit_per_second: Some(5), ..SandboxOptions::default() });
    let codes: Vec<_> = (0..8).map(|n| ask(&sandbox, &number(n)).code()).collect();
    assert_eq!(codes, [0, 0, 0, 0, 0, 10_012, 10_012, 10_012]);
    std::thread::sleep(Duration::from_millis(1_050));
    assert_eq!(ask(&sandbox, &number(9)).code(), 0);
    let bill = sandbox.bill();
    assert_eq!((bill.charged, bill.worst_second, bill.endpoints[CTCC].worst_second), (6, 8, 8));
}

#[test]
fn a_quota_is_never_overrun() {
    let sandbox = start(SandboxOptions { daily_quota: Some(20), ..SandboxOptions::default() });
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                for n in 0..10 {
                    let code = ask(sandbox, &number(thread * 10 + n)).code();
                    assert!(code == 0 || code == 10_012, "{code}");
                }
            });
        }
    });
    let bill = sandbox.bill();
    assert_eq!((bill.requests, bill.charged, bill.by_code["0"], bill.by_code["10012"]), (80, 20, 20, 60));
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
fn it_listens_on_loopback_only() {
    let listen = "0.0.0.0:0".parse().expect("an address");
    let refused = Sandbox::start_in_background(SandboxOptions { listen, ..SandboxOptions::default() });
    assert_eq!(refused.err().expect("an error").kind(), ErrorKind::InvalidInput);
}

#[test]
fn it_stops_with_all_its_connections() {
    let sandbox = plain();
    let addr = sandbox.addr();
    let mut idle = TcpStream::connect(addr).expect("connect");
    ask(&sandbox, NUMBER);
    assert_eq!(sandbox.shutdown().charged, 1);
    assert!(matches!(idle.read(&mut [0; 1]), Ok(0) | Err(_)));
    assert!(TcpStream::connect(addr).is_err());
}

#[tokio::test]
async fn it_runs_inside_a_runtime_too() {
    let sandbox = Sandbox::start(SandboxOptions::default()).expect("a free port");
    let addr = sandbox.addr();
    let request = format!("GET {CTCC}?key=sandbox&mobile={NUMBER} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let got = tokio::task::spawn_blocking(move || exchange(addr, &request)).await.expect("a reply");
    assert_eq!((got.code(), sandbox.base_url()), (0, format!("http://{addr}")));
}

/// Requests per second over kept-alive connections; the client side of it runs on the same cores.
#[test]
#[ignore = "a measurement: cargo test --release sandbox_speed -- --ignored --nocapture"]
fn sandbox_speed() {
    const THREADS: u32 = 4;
    const CONNECTIONS: u32 = 16;
    const EACH: u32 = 15_000;
    let sandbox = plain();
    let addr = sandbox.addr();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || drive(addr, thread * CONNECTIONS * EACH, CONNECTIONS, EACH));
        }
    });
    let bill = sandbox.bill();
    assert_eq!((bill.charged, bill.charged_twice), (u64::from(THREADS * CONNECTIONS * EACH), 0));
    let rate = f64::from(THREADS * CONNECTIONS * EACH) / began.elapsed().as_secs_f64();
    println!("{rate:.0} requests/s; worst second {}\n{bill}", bill.worst_second);
}

/// Asks about `each` numbers on each of some connections, all of them in flight together.
fn drive(addr: SocketAddr, first: u32, connections: u32, each: u32) {
    let mut streams: Vec<_> = (0..connections).map(|_| TcpStream::connect(addr).expect("connect")).collect();
    let mut buffer = [0; 4096];
    for round in 0..each {
        for (at, stream) in streams.iter_mut().enumerate() {
            let number = number(first + u32::try_from(at).expect("few") * each + round);
            let form = format!("key=sandbox&mobile={number}");
            let request = format!(
                "POST {CTCC} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n{form}",
                form.len()
            );
            stream.write_all(request.as_bytes()).expect("send");
        }
        for stream in &mut streams {
            let mut read = 0;
            while !buffer[..read].ends_with(b"\"error_code\":0}") {
                let more = stream.read(&mut buffer[read..]).expect("a reply");
                assert!(more > 0, "the connection stays open");
                read += more;
            }
        }
    }
}
