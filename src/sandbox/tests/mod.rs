//! The stand-in vendor over real loopback connections, spoken to in raw bytes: a client library would hide what happens on the
//! wire.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

mod books;
mod calls;
mod faults;
mod speed;

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

/// Asks about `each` numbers on each of some connections, all of them in flight together; every reply ends in `end`.
fn drive(addr: SocketAddr, first: u32, connections: u32, each: u32, end: &str) {
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
            while !buffer[..read].ends_with(end.as_bytes()) {
                let more = stream.read(&mut buffer[read..]).expect("a reply");
                assert!(more > 0, "the connection stays open");
                read += more;
            }
        }
    }
}
