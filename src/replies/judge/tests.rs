use std::time::Duration;

use proptest::prelude::*;

use super::judge;
use crate::catalog::{Catalogue, Profile};
use crate::domain::verdict::{Billing, Class, RawReply, Verdict};

fn ctcc() -> Profile {
    Catalogue::built_in().get("ctcc-call-duration").expect("built in").clone()
}

fn cucc() -> Profile {
    Catalogue::built_in().get("cucc-tenure").expect("built in").clone()
}

fn received(http: u16, body: &str) -> RawReply {
    RawReply::Received { http, retry_after: None, body: body.as_bytes().to_vec() }
}

fn verdict(profile: &Profile, body: &str) -> Verdict {
    judge(profile, &received(200, body))
}

const THROTTLE: Class = Class::Throttle { retry_after: None };

#[test]
fn an_answer_keeps_its_order_id_and_fields_as_the_vendor_wrote_them() {
    let body = r#"{"reason":"成功","result":{"callingDur":"1","calledDur":0,"orderid":"J103201712261751495244"},"error_code":0}"#;
    let answer = verdict(&ctcc(), body);
    assert_eq!(answer.class, Class::Answer);
    assert_eq!(answer.billing, Billing::Paid);
    assert_eq!(answer.code, Some(0));
    assert_eq!(answer.reason, "成功");
    assert_eq!(answer.order_id.as_deref(), Some("J103201712261751495244"));
    assert_eq!(answer.fields, ["1", "0"]);

    // An order ID that is a number of 22 digits keeps every one of them.
    let body = r#"{"result":{"code":99,"orderid":1234567890123456789012},"error_code":0}"#;
    assert_eq!(verdict(&cucc(), body).order_id.as_deref(), Some("1234567890123456789012"));
}

#[test]
fn every_documented_code_has_its_class_and_its_money() {
    use Billing::{Doubt, Unpaid, UnpaidAssumed};
    let table = [
        (10001, Class::Halt, Unpaid, Unpaid),
        (10002, Class::Halt, Unpaid, Unpaid),
        (10003, Class::Halt, Unpaid, Unpaid),
        (10004, Class::Halt, Unpaid, Unpaid),
        (10005, Class::Halt, Unpaid, Unpaid),
        (10007, Class::Halt, Unpaid, Unpaid),
        (10008, Class::Halt, Unpaid, Unpaid),
        (10009, Class::Halt, Unpaid, Unpaid),
        (10011, THROTTLE, Unpaid, Unpaid),
        (10012, Class::Quota, Unpaid, Unpaid),
        (10013, Class::Quota, Unpaid, Unpaid),
        (10020, Class::Maintenance, Unpaid, Unpaid),
        (10021, Class::Halt, Unpaid, Unpaid),
        (99999, Class::Unknown, UnpaidAssumed, Unpaid),
        (-1, Class::Unknown, UnpaidAssumed, Unpaid),
    ];
    for (code, class, assumed, documented) in table {
        for body in [
            format!(r#"{{"reason":"x","result":null,"error_code":{code}}}"#),
            format!(r#"{{"reason":"x","result":[],"error_code":"{code}"}}"#),
        ] {
            let by_ctcc = verdict(&ctcc(), &body);
            let by_cucc = verdict(&cucc(), &body);
            assert_eq!((by_ctcc.class, by_ctcc.billing, by_ctcc.code), (class, assumed, Some(code)), "{body}");
            assert_eq!((by_cucc.class, by_cucc.billing, by_cucc.code), (class, documented, Some(code)), "{body}");
        }
    }
    let body = r#"{"error_code":10014}"#;
    assert_eq!((verdict(&ctcc(), body).class, verdict(&ctcc(), body).billing), (Class::Doubt, Doubt));
    assert_eq!((verdict(&cucc(), body).class, verdict(&cucc(), body).billing), (Class::Retry, Unpaid));
    for (code, class) in [("01", Class::Retry), ("02", Class::Rejected), ("03", Class::NoRecord), ("04", Class::Retry)]
    {
        let by_ctcc = verdict(&ctcc(), &format!(r#"{{"error_code":2324{code}}}"#));
        assert_eq!((by_ctcc.class, by_ctcc.billing), (class, UnpaidAssumed));
        let by_cucc = verdict(&cucc(), &format!(r#"{{"error_code":2348{code}}}"#));
        assert_eq!((by_cucc.class, by_cucc.billing), (class, Unpaid));
    }
}

#[test]
fn code_zero_is_paid_however_empty_the_result() {
    for result in [r#""result":null,"#, r#""result":"","#, r#""result":[],"#, r#""result":{},"#, ""] {
        let answer = verdict(&cucc(), &format!(r#"{{"reason":"成功",{result}"error_code":0}}"#));
        assert_eq!((answer.class, answer.billing), (Class::Answer, Billing::Paid), "{result}");
        assert_eq!((answer.order_id, answer.fields), (None, vec![String::new()]), "{result}");
    }
    for code in ["0", "\"0\"", "0.0", "\" 0 \"", "-0"] {
        let answer = verdict(&cucc(), &format!(r#"{{"error_code":{code}}}"#));
        assert_eq!((answer.class, answer.code), (Class::Answer, Some(0)), "{code}");
    }
}

#[test]
fn where_the_new_code_is_missing_the_old_one_counts() {
    for body in [r#"{"resultcode":"112"}"#, r#"{"resultcode":112,"error_code":null}"#] {
        assert_eq!((verdict(&ctcc(), body).class, verdict(&ctcc(), body).code), (Class::Quota, Some(10012)), "{body}");
    }
    let old_success = r#"{"resultcode":"200","reason":"ok","result":{"code":"3","orderid":"J1"}}"#;
    assert_eq!(verdict(&cucc(), old_success).class, Class::Answer);
    assert_eq!(verdict(&cucc(), r#"{"resultcode":"200","error_code":0}"#).class, Class::Answer);
    assert_eq!(verdict(&cucc(), r#"{"resultcode":"112","error_code":10012}"#).class, Class::Quota);
    assert_eq!(verdict(&cucc(), r#"{"resultcode":"777"}"#).class, Class::Unknown);
}

#[test]
fn what_contradicts_itself_is_doubt() {
    for body in [
        r#"{"resultcode":"112","error_code":0}"#,
        r#"{"error_code":0,"error_code":10012}"#,
        r#"{"error_code":0,"result":{"code":"3"},"result":{"code":"4"}}"#,
        r#"{"error_code":0,"result":{"orderid":"J1","orderid":"J2"}}"#,
    ] {
        assert_eq!(verdict(&cucc(), body).class, Class::Doubt, "{body}");
    }
    assert_eq!(verdict(&cucc(), r#"{"error_code":0,"error_code":0}"#).class, Class::Answer, "said twice, but the same");
}

#[test]
fn without_a_readable_envelope_the_http_status_counts() {
    let html = "<html><body>502 Bad Gateway</body></html>";
    for body in
        ["", html, "{", "[]", "null", "\"0\"", r#"{"result":{}}"#, r#"{"error_code":"zero"}"#, r#"{"error_code":1.5}"#]
    {
        for http in [200, 204, 206, 500, 502, 503, 100, 600] {
            assert_eq!(judge(&cucc(), &received(http, body)).class, Class::Doubt, "HTTP {http} {body}");
        }
        for http in [301, 302, 307, 401, 403, 404] {
            let verdict = judge(&cucc(), &received(http, body));
            assert_eq!((verdict.class, verdict.billing), (Class::Halt, Billing::Unpaid), "HTTP {http} {body}");
        }
        for http in [400, 405, 411, 418] {
            let verdict = judge(&cucc(), &received(http, body));
            assert_eq!((verdict.class, verdict.billing), (Class::Unknown, Billing::Unpaid), "HTTP {http} {body}");
        }
    }
}

#[test]
fn a_readable_envelope_beats_the_http_status() {
    for http in [200, 302, 403, 404, 429, 500, 503] {
        assert_eq!(judge(&cucc(), &received(http, r#"{"error_code":0}"#)).billing, Billing::Paid, "HTTP {http}");
        assert_eq!(judge(&cucc(), &received(http, r#"{"error_code":234803}"#)).class, Class::NoRecord, "HTTP {http}");
    }
}

#[test]
fn retry_after_is_kept_for_throttles_only() {
    let wait = Some(Duration::from_secs(7));
    let bare = RawReply::Received { http: 429, retry_after: wait, body: Vec::new() };
    assert_eq!(judge(&ctcc(), &bare).class, Class::Throttle { retry_after: wait });
    let said = RawReply::Received { http: 200, retry_after: wait, body: br#"{"error_code":10011}"#.to_vec() };
    assert_eq!(judge(&ctcc(), &said).class, Class::Throttle { retry_after: wait });
    let quota = RawReply::Received { http: 429, retry_after: wait, body: br#"{"error_code":10012}"#.to_vec() };
    assert_eq!(judge(&ctcc(), &quota).class, Class::Quota);
}

#[test]
fn transport_is_judged_by_what_may_have_left() {
    let not_sent = judge(&ctcc(), &RawReply::NotSent { why: "connection refused".into() });
    assert_eq!((not_sent.class, not_sent.billing), (Class::NotSent, Billing::NotSent));
    let lost = judge(&ctcc(), &RawReply::Lost { why: "connection reset".into() });
    assert_eq!((lost.class, lost.billing), (Class::Doubt, Billing::Doubt));
}

#[test]
fn deep_nesting_and_strange_text_do_not_harm() {
    let deep = format!(r#"{{"error_code":0,"result":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(verdict(&cucc(), &deep).class, Class::Answer);
    let structure = verdict(&cucc(), r#"{"error_code":0,"result":{"code":{"a":1},"orderid":"J"}}"#);
    assert_eq!(structure.fields, [r#"{"a":1}"#], "nothing paid for is lost");
    assert_eq!(verdict(&cucc(), "\u{feff}{\"error_code\":0}").class, Class::Answer);
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_judged_and_never_paid_without_a_code(
        http in 100_u16..600,
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let verdict = judge(&ctcc(), &RawReply::Received { http, retry_after: None, body });
        prop_assert!(verdict.billing != Billing::Paid || verdict.code == Some(0));
    }

    #[test]
    fn only_code_zero_is_paid(code in any::<i64>(), quoted in any::<bool>()) {
        let body = if quoted { format!(r#"{{"error_code":"{code}"}}"#) } else { format!(r#"{{"error_code":{code}}}"#) };
        for profile in [ctcc(), cucc()] {
            prop_assert_eq!(verdict(&profile, &body).billing == Billing::Paid, code == 0);
        }
    }
}
