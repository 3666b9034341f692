//! The vendor: `payonce sandbox` as a process of its own, and its bill.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Outcome;

/// The key that the sandbox accepts.
pub const KEY: &str = "sandbox";
/// The endpoint that payonce asks in all cases.
pub const PATH: &str = "/mobile_online_sha256_cucc/query";

/// Ended when it is dropped.
pub struct Vendor {
    child: Child,
    address: String,
}

impl Vendor {
    pub fn start(binary: &Path, latency: Duration) -> Outcome<Vendor> {
        let latency = format!("{}ms", latency.as_millis());
        let mut child = Command::new(binary)
            .args(["sandbox", "--listen", "127.0.0.1:0", "--latency", &latency, "--key", KEY, "--quiet"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("the sandbox has no output")?).read_line(&mut line)?;
        let address = line.trim().rsplit_once("http://").ok_or("the sandbox does not say where it listens")?.1;
        Ok(Vendor { address: address.to_owned(), child })
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn bill(&self) -> Outcome<serde_json::Value> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "GET /sandbox/bill HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        let body = reply.split_once("\r\n\r\n").ok_or("the bill is no reply")?.1;
        Ok(serde_json::from_str(body)?)
    }

    /// One figure of the bill.
    pub fn count(&self, name: &str) -> Outcome<u64> {
        self.bill()?[name].as_u64().ok_or_else(|| format!("the bill has no {name}").into())
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
