//! Calls and refusals of a vendor in good health, its limits, and the life of the server.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::*;

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
        (post(&sandbox, CTCC, FORM, &"x".repeat(70_000)), "413"),
    ] {
        assert_eq!(got.status(), status);
        assert!(got.body().starts_with("<html>"));
    }
    let bill = sandbox.bill();
    assert_eq!((bill.requests, bill.charged), (5, 0));
    assert_eq!(["http_404", "http_405", "http_415"].map(|name| bill.by_code[name]), [1, 1, 2]);
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
