//! The bill: a snapshot of the books, as JSON (`GET /sandbox/bill`), as a value, and as a short text for people.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What the vendor counted, over all endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// Every request but those for the bill itself, those for unknown paths included.
    pub requests: u64,
    /// Calls answered with error code 0, whether or not the reply arrived.
    pub charged: u64,
    /// Numbers charged at least once, counted per endpoint.
    pub numbers_charged: u64,
    /// Numbers charged more than once, counted per endpoint.
    pub charged_twice: u64,
    pub most_charged_per_number: u64,
    /// Replies known not to have arrived whole: cut by a fault, or the client hung up first.
    pub undelivered: u64,
    /// Those of them that were charged.
    pub charged_undelivered: u64,
    /// The most requests that arrived within any one second.
    pub worst_second: u64,
    /// RFC 3339, +08:00.
    pub first_arrival: Option<String>,
    pub last_arrival: Option<String>,
    /// How many requests were answered with each error code; `http_404` and the like where there was no envelope, `no_reply`
    /// where the connection was cut before the charge. A request whose body never came whole may be missing here.
    pub by_code: BTreeMap<String, u64>,
    /// How often each fault happened.
    pub faults: BTreeMap<String, u64>,
    /// By path.
    pub endpoints: BTreeMap<String, EndpointBill>,
}

/// What the vendor counted for one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointBill {
    pub requests: u64,
    pub charged: u64,
    pub numbers_charged: u64,
    pub charged_twice: u64,
    pub most_charged_per_number: u64,
    pub worst_second: u64,
}

impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests, {} charged for {} numbers; {} charged more than once (at most {} times)",
            self.requests, self.charged, self.numbers_charged, self.charged_twice, self.most_charged_per_number
        )?;
        writeln!(f, "{} replies never arrived, {} of them charged", self.undelivered, self.charged_undelivered)?;
        writeln!(f, "worst second: {} requests", self.worst_second)?;
        for (path, of) in &self.endpoints {
            writeln!(
                f,
                "  {path}: {} requests, {} charged, {} more than once, worst second {}",
                of.requests, of.charged, of.charged_twice, of.worst_second
            )?;
        }
        for (title, counts) in [("answers", &self.by_code), ("faults", &self.faults)] {
            if !counts.is_empty() {
                let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{name}: {count}")).collect();
                writeln!(f, "{title}: {}", counts.join(", "))?;
            }
        }
        Ok(())
    }
}
