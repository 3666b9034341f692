//! What a lane is doing right now, for whoever watches: plain counters, written by the lane, read by the bars.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rust_i18n::t;

use crate::domain::money::Money;
use crate::domain::status::Status;

/// The counters of one lane in this invocation.
#[derive(Debug, Default)]
pub struct Gauge {
    /// Leads the lane's bar.
    pub name: String,
    /// Numbers that this invocation is to ask about.
    pub to_ask: u64,
    pub price: Option<Money>,
    answered: AtomicU64,
    no_record: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
    in_doubt: AtomicU64,
    sent: AtomicU64,
    pause: Mutex<Option<Pause>>,
}

/// Why a lane is pausing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pause {
    Throttled,
    Quota,
    /// Until this time of day.
    QuotaUntil(String),
    Maintenance,
    Unreachable,
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Pause::Throttled => t!("pause.throttled"),
            Pause::Quota => t!("pause.quota"),
            Pause::QuotaUntil(time) => t!("pause.quota_until", time = time),
            Pause::Maintenance => t!("pause.maintenance"),
            Pause::Unreachable => t!("pause.unreachable"),
        })
    }
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub answered: u64,
    pub no_record: u64,
    pub rejected: u64,
    pub failed: u64,
    pub in_doubt: u64,
    pub sent: u64,
    /// Why the lane is pausing, if it is.
    pub pause: Option<Pause>,
}

impl Reading {
    /// Numbers that are done with.
    pub fn done(&self) -> u64 {
        self.answered + self.no_record + self.rejected + self.failed + self.in_doubt
    }
}

impl Gauge {
    pub fn new(name: &str, to_ask: u64, price: Option<Money>) -> Self {
        Gauge { name: name.to_owned(), to_ask, price, ..Gauge::default() }
    }

    pub fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// A number is done with.
    pub fn settled(&self, status: Status) {
        let counter = match status {
            Status::Ok => &self.answered,
            Status::NoRecord => &self.no_record,
            Status::Rejected => &self.rejected,
            Status::InDoubt => &self.in_doubt,
            _ => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn pausing(&self, why: Option<Pause>) {
        *self.pause.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = why;
    }

    pub fn read(&self) -> Reading {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Reading {
            answered: load(&self.answered),
            no_record: load(&self.no_record),
            rejected: load(&self.rejected),
            failed: load(&self.failed),
            in_doubt: load(&self.in_doubt),
            sent: load(&self.sent),
            pause: self.pause.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone(),
        }
    }
}
