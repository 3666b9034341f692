//! The vendor's own books: what arrived, what was answered, what was charged to whom.
//!
//! Invariants: nothing is ever taken off; `charged` is the number of requests answered with error code 0, whether or not the
//! reply arrived, and equals the number of lines of the statement; each charge has an order ID of its own. In memory: a million
//! numbers charged once take about 60 MB.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::bill::{Bill, EndpointBill};
use super::endpoint::Endpoint;
use super::limits::SlidingSecond;
use super::number::{Number, Numbers};

/// What the vendor's own log says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Logged {
    /// An error code; 0 is a charged answer, even where the reply was spoilt afterwards.
    Code(u32),
    /// No envelope: an HTTP status.
    Http(u16),
    /// The connection was cut before anything was done.
    NoReply,
}

impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Logged::Code(code) => write!(f, "{code}"),
            Logged::Http(status) => write!(f, "http_{status}"),
            Logged::NoReply => f.write_str("no_reply"),
        }
    }
}

/// One line of the statement.
#[derive(Debug)]
struct Charge {
    endpoint: u8,
    number: u32,
    /// Seconds since 1970.
    at: u32,
}

/// The books of all endpoints.
#[derive(Debug)]
pub(super) struct Books {
    endpoints: Vec<Book>,
    requests: u64,
    second: SlidingSecond,
    /// Milliseconds since 1970.
    first: Option<i64>,
    last: Option<i64>,
    by_code: BTreeMap<Logged, u64>,
    faults: BTreeMap<&'static str, u64>,
    undelivered: u64,
    charged_undelivered: u64,
    charges: Vec<Charge>,
}

/// The books of one endpoint.
#[derive(Debug, Default)]
struct Book {
    requests: u64,
    second: SlidingSecond,
    numbers: Numbers,
    charged: u64,
    numbers_charged: u64,
    charged_twice: u64,
    most_charged_per_number: u32,
}

/// Proof of a charge: its place in the books, and when (seconds since 1970).
#[derive(Clone, Copy, Debug)]
pub(super) struct Receipt {
    sequence: usize,
    at: u32,
}

impl Receipt {
    /// `J` and 21 digits, as in the document: three that count up, local time to the second, four that count up. Unique as long
    /// as less than ten million calls are charged within one second.
    pub(super) fn order_id(self) -> String {
        let Receipt { sequence, at } = self;
        format!("J{:03}{}{:04}", sequence / 10_000 % 1_000, local(at, "%Y%m%d%H%M%S"), sequence % 10_000)
    }
}

/// What an arrival finds.
pub(super) struct Arrival {
    /// How many requests the last second holds on this endpoint, this one included.
    pub in_second: usize,
    /// This request's number on this endpoint; the first one is 1.
    pub request: u64,
}

impl Books {
    pub(super) fn new(endpoints: usize) -> Self {
        Books {
            endpoints: std::iter::repeat_with(Book::default).take(endpoints).collect(),
            requests: 0,
            second: SlidingSecond::default(),
            first: None,
            last: None,
            by_code: BTreeMap::new(),
            faults: BTreeMap::new(),
            undelivered: 0,
            charged_undelivered: 0,
            charges: Vec::new(),
        }
    }

    /// A request came in, at `now` nanoseconds of a clock that never goes back.
    pub(super) fn arrive(&mut self, endpoint: Option<usize>, now: u64) -> Arrival {
        self.requests += 1;
        let in_second = self.second.arrive(now);
        let wall = i64::try_from(wall().as_millis()).unwrap_or(i64::MAX);
        self.first.get_or_insert(wall);
        self.last = Some(wall);
        let Some(endpoint) = endpoint else { return Arrival { in_second, request: self.requests } };
        let book = &mut self.endpoints[endpoint];
        book.requests += 1;
        Arrival { in_second: book.second.arrive(now), request: book.requests }
    }

    pub(super) fn requests(&self, endpoint: usize) -> u64 {
        self.endpoints[endpoint].requests
    }

    pub(super) fn charged(&self, endpoint: usize) -> u64 {
        self.endpoints[endpoint].charged
    }

    /// The supplier is asked about a number: for the how many-th time.
    pub(super) fn ask(&mut self, endpoint: usize, number: Number) -> u32 {
        let (_, entry) = self.endpoints[endpoint].numbers.entry(number);
        entry.asked += 1;
        entry.asked
    }

    /// Charges for an answer.
    pub(super) fn charge(&mut self, endpoint: usize, number: Number) -> Receipt {
        let book = &mut self.endpoints[endpoint];
        let (index, entry) = book.numbers.entry(number);
        entry.charged += 1;
        match entry.charged {
            1 => book.numbers_charged += 1,
            2 => book.charged_twice += 1,
            _ => {}
        }
        book.most_charged_per_number = book.most_charged_per_number.max(entry.charged);
        book.charged += 1;
        let at = u32::try_from(wall().as_secs()).unwrap_or(u32::MAX);
        self.charges.push(Charge { endpoint: u8::try_from(endpoint).unwrap_or(u8::MAX), number: index, at });
        Receipt { sequence: self.charges.len(), at }
    }

    pub(super) fn log(&mut self, logged: Logged) {
        *self.by_code.entry(logged).or_default() += 1;
    }

    pub(super) fn fault(&mut self, name: &'static str) {
        *self.faults.entry(name).or_default() += 1;
    }

    /// A reply is known not to have reached the client whole.
    pub(super) fn undelivered(&mut self, charged: bool) {
        self.undelivered += 1;
        self.charged_undelivered += u64::from(charged);
    }

    pub(super) fn bill(&self, endpoints: &[Endpoint]) -> Bill {
        let sum = |of: fn(&Book) -> u64| self.endpoints.iter().map(of).sum();
        Bill {
            requests: self.requests,
            charged: sum(|book| book.charged),
            numbers_charged: sum(|book| book.numbers_charged),
            charged_twice: sum(|book| book.charged_twice),
            most_charged_per_number: self
                .endpoints
                .iter()
                .map(|book| u64::from(book.most_charged_per_number))
                .max()
                .unwrap_or(0),
            undelivered: self.undelivered,
            charged_undelivered: self.charged_undelivered,
            worst_second: self.second.worst(),
            first_arrival: self.first.map(moment),
            last_arrival: self.last.map(moment),
            by_code: self.by_code.iter().map(|(logged, count)| (logged.to_string(), *count)).collect(),
            faults: self.faults.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            endpoints: endpoints.iter().zip(&self.endpoints).map(|(of, book)| (of.path.clone(), book.bill())).collect(),
        }
    }

    /// Lines of the statement, from the given one on; empty at its end. Lines never change once written.
    pub(super) fn statement(&self, endpoints: &[Endpoint], from: usize, lines: usize) -> String {
        let mut text = String::new();
        let charges = self.charges.iter().enumerate().skip(from).take(lines);
        for (index, charge) in charges {
            let endpoint = &endpoints[usize::from(charge.endpoint)];
            let numbers = self.endpoints[usize::from(charge.endpoint)].numbers.entries();
            let number = numbers[charge.number as usize].number.text(endpoint.form);
            let order = Receipt { sequence: index + 1, at: charge.at }.order_id();
            let at = local(charge.at, "%Y-%m-%d %H:%M:%S");
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{order},{},{number},{at},{}", endpoint.title, endpoint.price);
        }
        text
    }

    /// Lines of `endpoint,number,charged`, from the given entry of an endpoint on; none when there are no more entries.
    pub(super) fn numbers(&self, at: usize, endpoint: &Endpoint, from: usize, lines: usize) -> Option<String> {
        let entries = self.endpoints[at].numbers.entries().get(from..).filter(|entries| !entries.is_empty())?;
        let mut text = String::new();
        for entry in entries.iter().take(lines).filter(|entry| entry.charged > 0) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{},{},{}", endpoint.path, entry.number.text(endpoint.form), entry.charged);
        }
        Some(text)
    }
}

impl Book {
    fn bill(&self) -> EndpointBill {
        EndpointBill {
            requests: self.requests,
            charged: self.charged,
            numbers_charged: self.numbers_charged,
            charged_twice: self.charged_twice,
            most_charged_per_number: u64::from(self.most_charged_per_number),
            worst_second: self.second.worst(),
        }
    }
}

fn wall() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A time in Asia/Shanghai.
fn local(seconds: u32, format: &str) -> impl fmt::Display {
    zoned(Timestamp::from_second(i64::from(seconds))).strftime(format).to_string()
}

fn moment(millis: i64) -> String {
    zoned(Timestamp::from_millisecond(millis)).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

fn zoned(at: Result<Timestamp, jiff::Error>) -> jiff::Zoned {
    at.unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::fixed(jiff::tz::offset(8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_looks_like_the_documents_and_differs_from_the_next() {
        // 2017-12-26 17:51:49 +08:00, the moment of the document's example.
        let order_id = |sequence| Receipt { sequence, at: 1_514_281_909 }.order_id();
        assert_eq!(order_id(1_035_244), "J103201712261751495244");
        assert_ne!(order_id(9_999), order_id(10_000));
    }
}
