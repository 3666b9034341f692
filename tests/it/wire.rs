//! Faults of the wire, one at a time: what each row says, how payonce ends, and how often the vendor was asked.
//!
//! The rule behind them: a call that may have reached the vendor and whose reply is not readable is in doubt and never sent again.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::raw::{RawVendor, Request, Then, answer, reply, say};
use crate::support::{CUCC, Night, customers, digest, number};

const NUMBERS: usize = 3;
/// Cases that run side by side; most of one is waiting.
const AT_A_TIME: usize = 8;

/// What a call comes to.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// Paid and kept.
    Ok,
    /// In doubt: asked once, never again.
    Doubt,
    /// One of both: a reset may overtake its reply, and a request may meet a connection that is just closing.
    OkOrDoubt,
    /// Unpaid and given up.
    Failed,
    /// The lane stops at the first call.
    Halt,
}

use End::{Doubt, Failed, Halt, Ok as Answered, OkOrDoubt};

type Behave = fn(&mut std::net::TcpStream, &Request) -> std::io::Result<Then>;

/// Says a text and closes.
fn last_words(stream: &mut std::net::TcpStream, text: &str) -> std::io::Result<Then> {
    say(stream, text).map(|_| Then::Close)
}

/// Says a text and resets, when the client has had time to read it.
fn reset_after(stream: &mut std::net::TcpStream, text: &str) -> std::io::Result<Then> {
    say(stream, text)?;
    std::thread::sleep(Duration::from_millis(50));
    Ok(Then::Reset)
}

fn half(text: &str) -> &str {
    &text[..text.len() / 2]
}

/// A reply in which `error_code` is written so.
fn with_code(code: &str) -> String {
    reply("200 OK", &format!(r#"{{"reason":"成功","result":{{"code":"3"}},"error_code":{code}}}"#))
}

/// HTML of a proxy.
fn html(status: &str) -> String {
    let body = format!("<html><body><h1>{status}</h1></body></html>");
    format!(
        "HTTP/1.1 {status}\r\nserver: nginx\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

const CASES: &[(&str, End, Behave)] = &[
    ("reset before the reply", Doubt, |_, _| Ok(Then::Reset)),
    ("reset within the head", Doubt, |stream, _| reset_after(stream, "HTTP/1.1 200 OK\r\ncontent-le")),
    ("reset within the body", Doubt, |stream, asked| {
        let text = reply("200 OK", &answer(&asked.subject));
        reset_after(stream, &text[..text.len() - 5])
    }),
    ("reset after the reply", OkOrDoubt, |stream, asked| {
        reset_after(stream, &reply("200 OK", &answer(&asked.subject)))
    }),
    ("close without a reply", Doubt, |_, _| Ok(Then::Close)),
    ("close within the head", Doubt, |stream, _| last_words(stream, half("HTTP/1.1 200 OK\r\ncontent-length: 3"))),
    ("close within the body", Doubt, |stream, asked| {
        let text = reply("200 OK", &answer(&asked.subject));
        last_words(stream, &text[..text.len() - 1])
    }),
    ("close within a chunk", Doubt, |stream, _| {
        last_words(stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n{\"error_code\":0}")
    }),
    ("chunks without their end", Doubt, |stream, _| {
        last_words(stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{\"error_code\":0}\r\n")
    }),
    ("a body that ends with its connection", Answered, |stream, asked| {
        last_words(stream, &format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", answer(&asked.subject)))
    }),
    ("close after every reply, as announced", Answered, |stream, asked| {
        let text = reply("200 OK", &answer(&asked.subject));
        last_words(stream, &text.replace("\r\ncontent-length", "\r\nconnection: close\r\ncontent-length"))
    }),
    ("close after every reply, unannounced", OkOrDoubt, |stream, asked| {
        last_words(stream, &reply("200 OK", &answer(&asked.subject)))
    }),
    ("an oversized body that says so", Doubt, |stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")?;
        (0..2000).try_for_each(|_| stream.write_all(&[b' '; 1024]))?;
        Ok(Then::Close)
    }),
    ("a body that never ends", Doubt, |stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        loop {
            say(stream, &format!("400\r\n{}\r\n", " ".repeat(1024)))?;
        }
    }),
    ("a head that never ends", Doubt, |stream, _| {
        say(stream, "HTTP/1.1 200 OK\r\n")?;
        loop {
            say(stream, "x-more: of the same\r\n")?;
        }
    }),
    ("a compressed bomb", Doubt, |stream, _| {
        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        (0..32 << 10).try_for_each(|_| zip.write_all(&[0; 1024]))?;
        let body = zip.finish()?;
        let length = body.len();
        say(stream, &format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"))?;
        stream.write_all(&body)?;
        Ok(Then::KeepOpen)
    }),
    ("a slow drip", Doubt, |stream, asked| {
        for byte in reply("200 OK", &answer(&asked.subject)).bytes() {
            stream.write_all(&[byte])?;
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Then::KeepOpen)
    }),
    ("silence", Doubt, |_, _| {
        std::thread::sleep(Duration::from_secs(3));
        Ok(Then::Close)
    }),
    ("another content type", Answered, |stream, asked| {
        say(stream, &reply("200 OK", &answer(&asked.subject)).replace("application/json", "text/html"))
    }),
    ("an answer with HTTP 500", Answered, |stream, asked| say(stream, &reply("500 Oops", &answer(&asked.subject)))),
    ("a byte order mark", Answered, |stream, asked| {
        say(stream, &reply("200 OK", &format!("\u{feff}{}", answer(&asked.subject))))
    }),
    ("an empty body", Doubt, |stream, _| say(stream, &reply("200 OK", ""))),
    ("204", Doubt, |stream, _| say(stream, "HTTP/1.1 204 No Content\r\n\r\n")),
    ("a list", Doubt, |stream, _| say(stream, &reply("200 OK", "[0]"))),
    ("a text", Doubt, |stream, _| say(stream, &reply("200 OK", "\"error_code\""))),
    ("null", Doubt, |stream, _| say(stream, &reply("200 OK", "null"))),
    ("another shape", Doubt, |stream, _| say(stream, &reply("200 OK", r#"{"status":"success","data":{"code":0}}"#))),
    ("an envelope in an envelope", Doubt, |stream, asked| {
        say(stream, &reply("200 OK", &format!(r#"{{"data":{}}}"#, answer(&asked.subject))))
    }),
    ("two values for one key", Doubt, |stream, _| {
        say(stream, &reply("200 OK", r#"{"error_code":0,"result":{},"error_code":234801}"#))
    }),
    ("one value twice", Answered, |stream, _| {
        say(stream, &reply("200 OK", r#"{"error_code":0,"result":{},"error_code":0}"#))
    }),
    ("codes that contradict each other", Doubt, |stream, _| {
        say(stream, &reply("200 OK", r#"{"error_code":10012,"resultcode":"111","result":{}}"#))
    }),
    ("deep nesting", Answered, |stream, _| {
        let (open, shut) = ("[".repeat(20_000), "]".repeat(20_000));
        say(stream, &reply("200 OK", &format!(r#"{{"error_code":0,"result":{open}{shut}}}"#)))
    }),
    ("error_code as a text", Answered, |stream, _| say(stream, &with_code("\"0\""))),
    ("error_code as a float", Answered, |stream, _| say(stream, &with_code("0.0"))),
    ("error_code as half of something", Doubt, |stream, _| say(stream, &with_code("0.5"))),
    ("error_code in scientific notation", Doubt, |stream, _| say(stream, &with_code("0e0"))),
    ("error_code null", Doubt, |stream, _| say(stream, &with_code("null"))),
    ("error_code true", Doubt, |stream, _| say(stream, &with_code("true"))),
    ("error_code a list", Doubt, |stream, _| say(stream, &with_code("[0]"))),
    ("error_code unknown", Failed, |stream, _| say(stream, &with_code("234899"))),
    ("error_code missing", Doubt, |stream, _| say(stream, &reply("200 OK", r#"{"reason":"成功","result":{}}"#))),
    ("100 Continue first", Answered, |stream, asked| {
        say(stream, &format!("HTTP/1.1 100 Continue\r\n\r\n{}", reply("200 OK", &answer(&asked.subject))))
    }),
    ("103 Early Hints first", Answered, |stream, asked| {
        let hint = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
        say(stream, &format!("{hint}{}", reply("200 OK", &answer(&asked.subject))))
    }),
    ("101 Switching Protocols", Doubt, |stream, _| {
        last_words(stream, "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n")
    }),
    ("a proxy's 500", Doubt, |stream, _| say(stream, &html("500 Internal Server Error"))),
    ("a proxy's 502", Doubt, |stream, _| say(stream, &html("502 Bad Gateway"))),
    ("a proxy's 504", Doubt, |stream, _| say(stream, &html("504 Gateway Timeout"))),
    ("a portal's 200", Doubt, |stream, _| say(stream, &html("200 OK"))),
    ("a proxy's 400", Failed, |stream, _| say(stream, &html("400 Bad Request"))),
    ("a proxy's 413", Failed, |stream, _| say(stream, &html("413 Too Large"))),
    ("a proxy's 401", Halt, |stream, _| say(stream, &html("401 Unauthorized"))),
    ("a proxy's 403", Halt, |stream, _| say(stream, &html("403 Forbidden"))),
    ("a proxy's 404", Halt, |stream, _| say(stream, &html("404 Not Found"))),
    ("HTTP/0.9", Doubt, |stream, _| last_words(stream, "{\"error_code\":0}\n")),
    ("another protocol", Doubt, |stream, _| last_words(stream, "220 mail.example ESMTP\r\n")),
    ("HTTP/2 without asking", Doubt, |stream, _| last_words(stream, "\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64")),
    ("two lengths", Doubt, |stream, _| {
        last_words(stream, "HTTP/1.1 200 OK\r\ncontent-length: 16\r\ncontent-length: 3\r\n\r\n{\"error_code\":0}")
    }),
];

/// Asks about a few numbers, one at a time; an error says what is not as it should be.
fn play(end: End, vendor: &RawVendor) -> Result<(), String> {
    let night = Night::new().file("in.csv", customers(NUMBERS));
    let args = ["run", "in.csv", "--api", CUCC, "--rate", "100/s", "--concurrency", "1", "--timeout", "1s"];
    let ran = night.spawn_at(vendor.base_url(), args).wait();
    let check = |right: bool, what: String| if right { Ok(()) } else { Err(format!("{what}\n{ran}")) };
    let codes: &[i32] = match end {
        Answered => &[0],
        Doubt | Failed => &[3],
        OkOrDoubt => &[0, 3],
        Halt => &[4],
    };
    check(ran.code().is_some_and(|code| codes.contains(&code)), format!("exit {:?} is not in {codes:?}", ran.code()))?;
    let statuses: &[&str] = match end {
        Answered => &["ok"],
        Doubt => &["in_doubt"],
        OkOrDoubt => &["ok", "in_doubt"],
        Failed => &["failed"],
        Halt => &["pending"],
    };
    let table = night.table("in.enriched.csv");
    let column = table.column("cucc_status");
    check(column.iter().all(|status| statuses.contains(status)), format!("{column:?} instead of {statuses:?}"))?;
    for n in 0..NUMBERS {
        let (subject, asked) = (digest(&number(n)), vendor.asked(&digest(&number(n))));
        let allowed = match end {
            Halt if n > 0 => 0..=0,
            OkOrDoubt => 0..=1,
            _ => 1..=1,
        };
        check(allowed.contains(&asked), format!("number {n} was asked about {asked} times"))?;
        let order = table.cell(n, "cucc_order_id");
        check(order.is_empty() || order == format!("J{}", &subject[..12]), format!("number {n} has order {order}"))?;
    }
    check(!ran.stderr.contains(crate::support::KEY), "the key was shown".to_owned())
}

#[test]
fn each_fault_of_the_wire_comes_to_what_it_should_and_no_number_is_asked_twice() {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some((name, end, behave)) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(what) = play(*end, &RawVendor::start(*behave)) {
                        failures.lock().expect("a list").push(format!("== {name}: {what}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("a list");
    assert!(failures.is_empty(), "{} of {} faults:\n{}", failures.len(), CASES.len(), failures.join("\n"));
}

/// Whether the reset meets the handshake or the request is the kernel's affair: the first proves that nothing was sent.
#[test]
fn a_connection_that_is_reset_before_anything_is_read_is_waited_out_or_a_doubt() {
    let vendor = RawVendor::that_resets();
    let night = Night::new().file("in.csv", customers(NUMBERS));
    night.write("payonce.toml", "[limits]\nunreachable_patience = \"1s\"\n");
    let args = ["run", "in.csv", "--api", CUCC, "--rate", "100/s", "--concurrency", "1", "--timeout", "1s"];
    let ran = night.spawn_at(vendor.base_url(), args).wait();
    assert!(matches!(ran.code(), Some(3 | 75)), "{ran}");
    let table = night.table("in.enriched.csv");
    let (doubts, pending) = (table.count("cucc_status", "in_doubt"), table.count("cucc_status", "pending"));
    assert_eq!(doubts + pending, NUMBERS, "{ran}");
    assert!(vendor.connections() <= NUMBERS + 2, "{} connections:\n{ran}", vendor.connections());
}

#[test]
fn a_redirect_is_never_followed_and_nobody_else_sees_the_key() {
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let other = RawVendor::start(|stream, asked| say(stream, &reply("200 OK", &answer(&asked.subject))));
        let location = format!("{}/mobile_online_sha256_cucc/query", other.base_url());
        let vendor = RawVendor::start(move |stream, _| {
            say(stream, &format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"))
        });
        play(Halt, &vendor).unwrap_or_else(|what| panic!("{status}: {what}"));
        assert_eq!((vendor.requests().len(), other.connections()), (1, 0), "{status}");
    }
}

#[test]
fn a_proxys_429_is_waited_out_and_the_number_asked_again() {
    let vendor = RawVendor::start(|stream, asked| match asked.time {
        1 => say(stream, &html("429 Too Many").replace("\r\nserver", "\r\nretry-after: 1\r\nserver")),
        _ => say(stream, &reply("200 OK", &answer(&asked.subject))),
    });
    let night = Night::new().file("in.csv", customers(1));
    night.spawn_at(vendor.base_url(), ["run", "in.csv", "--api", CUCC, "--rate", "100/s"]).wait().exit(0);
    assert_eq!(vendor.requests().len(), 2);
}

/// A second reply that nobody asked for must not become the answer to the next call on its connection.
#[test]
fn a_second_reply_is_never_taken_for_the_next_calls_answer() {
    const MANY: usize = 200;
    let vendor = RawVendor::start(|stream, asked| {
        let stray = answer("STRAYSTRAYSTRAY");
        say(stream, &format!("{}{}", reply("200 OK", &answer(&asked.subject)), reply("200 OK", &stray)))
    });
    for concurrency in ["1", "8"] {
        let night = Night::new().file("in.csv", customers(MANY));
        let args = ["run", "in.csv", "--api", CUCC, "--rate", "2000/s", "--concurrency", concurrency];
        let ran = night.spawn_at(vendor.base_url(), args).wait();
        let table = night.table("in.enriched.csv");
        for (n, order) in table.column("cucc_order_id").iter().enumerate() {
            let own = format!("J{}", &digest(&number(n))[..12]);
            assert!(order.is_empty() || *order == own, "number {n} got the answer {order}:\n{ran}");
        }
    }
    assert_eq!(vendor.requests().iter().filter(|request| request.time > 2).count(), 0, "asked once by each ledger");
}
