//! What reaches the disk before what: the system calls of the real binary, watched with strace.
//!
//! SIGKILL never tests this, since a killed process's writes are the kernel's already; only a power cut loses them. So the order is
//! held here: the write of an intent, a completed flush of the write-ahead log, and only then the first byte of its request;
//! the write of its answer and another flush before the next request; the output's flush before its rename, and that before
//! the run counts as finished.
//!
//! Needs strace. Where it cannot be had, `PAYONCE_SKIP_STRACE=1` says that this is known.

use std::path::Path;

use sha2::Digest;

use crate::support::{CTCC, CUCC, Night, Table, Vendor, customers, digest, number};

const NUMBERS: usize = 5;
const CALLS: &str =
    "trace=fsync,fdatasync,pwrite64,pwritev,write,writev,sendto,sendmsg,sendmmsg,rename,renameat,renameat2";

/// A system call, by the lines of the trace at which it began and was over.
struct Call {
    name: String,
    /// Its arguments and result, bytes as they were.
    text: Vec<u8>,
    begun: usize,
    over: usize,
}

impl Call {
    fn has(&self, bytes: &[u8]) -> bool {
        self.text.windows(bytes.len()).any(|window| window == bytes)
    }

    fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.name.as_str())
    }

    fn writes_log(&self) -> bool {
        self.is(&["pwrite64", "pwritev", "write", "writev"]) && self.has(b"-wal>")
    }

    fn flushes(&self) -> bool {
        self.is(&["fsync", "fdatasync"]) && self.text.ends_with(b" = 0")
    }

    fn flushes_log(&self) -> bool {
        self.flushes() && self.has(b"-wal>")
    }

    fn sends(&self) -> bool {
        self.is(&["write", "writev", "sendto", "sendmsg", "sendmmsg"]) && self.has(b"<TCP:[")
    }
}

/// strace's `\x41` (it writes every text so, with `-xx`) back to bytes.
fn bytes(line: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("\\x") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        bytes.push(u8::from_str_radix(&rest[at + 2..at + 4], 16).expect("two hex digits"));
        rest = &rest[at + 4..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Puts together what other threads interrupted.
fn parse(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut pending: Vec<(&str, usize)> = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((thread, line)) = line.split_once(' ') else { continue };
        let line = line.trim_start();
        if let Some(resumed) = line.strip_prefix("<... ") {
            let found = pending.iter().position(|(who, _)| *who == thread);
            let (_, index) = pending.remove(found.expect("a call that was interrupted"));
            let rest = resumed.split_once("resumed>").expect("the rest of a call").1;
            calls[index].text.extend(bytes(rest));
            calls[index].over = at;
        } else if let Some((name, rest)) = line.split_once('(') {
            let (text, open) = match rest.strip_suffix(" <unfinished ...>") {
                Some(text) => (text, true),
                None => (rest, false),
            };
            if open {
                pending.push((thread, calls.len()));
            }
            calls.push(Call {
                name: name.to_owned(),
                text: bytes(text),
                begun: at,
                over: if open { usize::MAX } else { at },
            });
        }
    }
    calls
}

/// Whether strace is there; a clear failure where it is not and nobody said that this is known.
fn strace() -> bool {
    let there = Path::new("/usr/bin/strace").exists();
    let known = std::env::var_os("PAYONCE_SKIP_STRACE").is_some();
    assert!(there || known, "this test needs strace (apt-get install strace), or PAYONCE_SKIP_STRACE=1 to do without");
    if !there {
        eprintln!("SKIPPED: there is no strace, and PAYONCE_SKIP_STRACE is set");
    }
    there
}

/// Runs payonce on a few numbers, one call at a time, and gives its system calls and the vendor's order IDs.
fn watch(api: &str) -> (Vec<Call>, Table) {
    let vendor = Vendor::start();
    let night = Night::new().file("in.csv", customers(NUMBERS));
    let trace = night.path("trace");
    let night = night.under([
        "/usr/bin/strace".as_ref(),
        "-f".as_ref(),
        "-yy".as_ref(),
        "-xx".as_ref(),
        "-s".as_ref(),
        "1000000".as_ref(),
        "-e".as_ref(),
        CALLS.as_ref(),
        "-o".as_ref(),
        trace.as_os_str(),
    ]);
    night.ask(&vendor, ["run", "in.csv", "--api", api, "--rate", "100/s", "--concurrency", "1"]).exit(0);
    assert_eq!(vendor.bill().charged, NUMBERS as u64);
    (parse(&night.text("trace")), Table::parse(&vendor.statement()))
}

/// A flush of the log that began after `after` was over, and was over before `before` began.
#[track_caller]
fn flushed_between(calls: &[Call], after: &Call, before: usize, what: &str) {
    let flushed = calls.iter().any(|call| call.flushes_log() && call.begun > after.over && call.over < before);
    assert!(flushed, "{what}: no flush of the log between line {} and line {before} of the trace", after.over + 1);
}

fn the_disk_comes_first(api: &str) {
    if !strace() {
        return;
    }
    let (calls, statement) = watch(api);
    let requests: Vec<&Call> = calls.iter().filter(|call| call.sends()).collect();
    assert_eq!(requests.len(), NUMBERS, "{api}: one write to the socket for each request");
    let orders = statement.column("订单号");
    for (n, request) in requests.iter().enumerate() {
        let subject = sha2::Sha256::digest(number(n));
        assert!(
            request.has(number(n).as_bytes()) || request.has(digest(&number(n)).as_bytes()),
            "request {n} is about number {n}"
        );
        let intent = calls.iter().find(|call| call.writes_log() && call.has(&subject));
        let intent = intent.unwrap_or_else(|| panic!("{api}: no intent for number {n} was written"));
        assert!(intent.over < request.begun, "{api}: the request about number {n} left before its intent was written");
        flushed_between(&calls, intent, request.begun, &format!("{api}: the intent of number {n}"));

        let answer = calls.iter().find(|call| call.writes_log() && call.has(orders[n].as_bytes()));
        let answer = answer.unwrap_or_else(|| panic!("{api}: the answer about number {n} was never written"));
        assert!(answer.begun > request.begun);
        let next = requests.get(n + 1).map_or(usize::MAX, |next| next.begun);
        assert!(answer.over < next, "{api}: the next request left before the answer about number {n} was written");
        flushed_between(&calls, answer, next, &format!("{api}: the answer about number {n}"));
    }

    let rename = calls.iter().find(|call| call.name.starts_with("rename") && call.has(b"in.enriched.csv"));
    let rename = rename.expect("the output gets its name by a rename");
    let last = requests[NUMBERS - 1];
    let whole = calls.iter().find(|call| call.flushes() && call.has(b"/.payonce-") && call.begun > last.over);
    assert!(whole.is_some_and(|flush| flush.over < rename.begun), "the output is flushed before it is renamed");
    let folder = calls.iter().find(|call| call.flushes() && call.has(b"/work>") && call.begun > rename.over);
    let folder = folder.expect("the output's name is flushed");
    assert!(
        calls.iter().any(|call| call.flushes_log() && call.begun > folder.over),
        "the run is finished after the output is safe"
    );
}

#[test]
fn an_intent_is_on_the_disk_before_its_request_leaves_ctcc() {
    the_disk_comes_first(CTCC);
}

#[test]
fn an_intent_is_on_the_disk_before_its_request_leaves_cucc() {
    the_disk_comes_first(CUCC);
}

#[test]
fn a_trace_is_read_right() {
    let trace = "\
7 pwrite64(3</d/c-wal>, \"\\x41\\x42\", 2, 0 <unfinished ...>
8 fsync(3</d/c-wal>) = 0
7 <... pwrite64 resumed>) = 2
8 fsync(3</d/c-wal> <unfinished ...>
9 sendto(5<TCP:[a->b]>, \"\\x43\", 1) = 1
8 <... fsync resumed>) = 0
+++ exited with 0 +++
";
    let calls = parse(trace);
    let spans: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.begun, call.over)).collect();
    assert_eq!(spans, [("pwrite64", 0, 2), ("fsync", 1, 1), ("fsync", 3, 5), ("sendto", 4, 4)]);
    assert!(calls[0].writes_log() && calls[0].has(b"AB") && calls[3].sends());
    // The first flush began before the write was over, the second was over after the send: neither counts.
    let counts =
        calls.iter().any(|call| call.flushes_log() && call.begun > calls[0].over && call.over < calls[3].begun);
    assert!(calls[1].flushes_log() && calls[2].flushes_log() && !counts);
}
