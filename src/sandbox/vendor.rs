//! The vendor's judgement: what a request is answered and whether it is charged.
//!
//! Invariant: the ruling on a request, its charge and its entries in the books are made under one lock, so the books are right at
//! every moment and a quota is never overrun. Replies are only written afterwards; nothing that happens on the wire undoes a
//! charge. The order of the checks: key, windows of the chaos profile, rate, number, quota, then the faults.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::bill::Bill;
use super::books::{Arrival, Books, Logged, Receipt};
use super::chaos::{Chaos, Moment, happens};
use super::endpoint::{Catalogue, Service};
use super::fault::Fault;
use super::number::{Number, hash};
use super::options::SandboxOptions;

/// Lines of a CSV that are written under one lock: large ones neither fill the memory nor hold up the calls.
pub(super) const PAGE_LINES: usize = 5_000;

/// The vendor behind the wire.
pub(super) struct Vendor {
    pub catalogue: Catalogue,
    key: String,
    pub latency: Duration,
    limit_per_second: Option<usize>,
    daily_quota: Option<u64>,
    seed: u64,
    opened: Instant,
    state: Mutex<State>,
}

struct State {
    books: Books,
    chaos: Chaos,
    /// When the chaos profile was set, and how many requests each endpoint had seen by then.
    chaos_since: Instant,
    chaos_base: Vec<u64>,
}

/// What was asked for, as far as it could be read.
pub(super) struct Query {
    pub key: Option<String>,
    pub number: String,
}

/// What the vendor has decided, and already booked.
pub(super) struct Ruling {
    pub outcome: Outcome,
    pub fault: Option<Fault>,
    /// The error code is written as a string.
    pub string_code: bool,
    /// A system error is written in the old form, with nothing but `resultcode`.
    pub resultcode_only: bool,
    /// A roll of the dice for what is left to choose.
    pub roll: u64,
    /// How long the reply is held back beyond the usual latency.
    pub delay: Duration,
    /// For HTTP 429.
    pub retry_after: Option<u32>,
}

pub(super) enum Outcome {
    /// Charged.
    Answer { number: Number, receipt: Receipt },
    /// An error code with its text.
    Error(u32, String),
    /// An HTTP status without an envelope.
    Bare(u16),
    /// The connection is cut.
    Cut,
}

impl Outcome {
    pub(super) fn is_charged(&self) -> bool {
        matches!(self, Outcome::Answer { .. })
    }

    fn logged(&self) -> Logged {
        match self {
            Outcome::Answer { .. } => Logged::Code(0),
            Outcome::Error(code, _) => Logged::Code(*code),
            Outcome::Bare(status) => Logged::Http(*status),
            Outcome::Cut => Logged::NoReply,
        }
    }
}

impl Vendor {
    pub(super) fn new(options: SandboxOptions) -> io::Result<Self> {
        let SandboxOptions { listen: _, key, latency, limit_per_second, daily_quota, chaos, seed } = options;
        let catalogue = Catalogue::embedded()?;
        let endpoints = catalogue.endpoints.len();
        let opened = Instant::now();
        Ok(Vendor {
            catalogue,
            key,
            latency,
            limit_per_second: limit_per_second.map(|limit| limit as usize),
            daily_quota,
            seed,
            opened,
            state: Mutex::new(State {
                books: Books::new(endpoints),
                chaos,
                chaos_since: opened,
                chaos_base: vec![0; endpoints],
            }),
        })
    }

    /// A request has come in, on a known endpoint or not.
    pub(super) fn arrive(&self, endpoint: Option<usize>) -> Arrival {
        let mut state = self.state();
        // The clock is read under the lock, so arrivals are booked in the order of their times.
        let now = u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX);
        state.books.arrive(endpoint, now)
    }

    /// A request was turned away before anyone looked at what it asks.
    pub(super) fn turn_away(&self, status: u16) {
        self.state().books.log(Logged::Http(status));
    }

    /// Rules on a request, books the ruling and charges for it where it is an answer.
    pub(super) fn rule(&self, endpoint: usize, arrival: &Arrival, query: &Query) -> Ruling {
        let mut state = self.state();
        let state = &mut *state;
        let (fault, outcome, roll) = self.decide(state, endpoint, arrival, query);
        let chaos = &state.chaos;
        let string_code = happens(chaos.string_code, hash(b"string_code", roll));
        let resultcode_only = happens(chaos.resultcode_only, hash(b"resultcode_only", roll));
        let ruling = Ruling {
            string_code: string_code && matches!(outcome, Outcome::Answer { .. } | Outcome::Error(..)),
            resultcode_only: resultcode_only
                && matches!(outcome, Outcome::Error(code, _) if self.catalogue.old_code(code).is_some()),
            outcome,
            fault,
            roll: hash(b"choice", roll),
            delay: if fault == Some(Fault::SlowReply) { chaos.slow_reply.delay } else { Duration::ZERO },
            retry_after: if fault == Some(Fault::Http429) { chaos.http_429.retry_after } else { None },
        };
        state.books.log(ruling.outcome.logged());
        let names = [
            fault.map(Fault::name),
            ruling.string_code.then_some("string_code"),
            ruling.resultcode_only.then_some("resultcode_only"),
        ];
        for name in names.into_iter().flatten() {
            state.books.fault(name);
        }
        if fault.is_some_and(Fault::loses_reply) {
            state.books.undelivered(ruling.outcome.is_charged());
        }
        ruling
    }

    /// The client hung up before the reply was written.
    pub(super) fn hung_up(&self, charged: bool) {
        self.state().books.undelivered(charged);
    }

    pub(super) fn set_chaos(&self, chaos: Chaos) {
        let mut state = self.state();
        state.chaos = chaos;
        state.chaos_since = Instant::now();
        state.chaos_base = (0..self.catalogue.endpoints.len()).map(|endpoint| state.books.requests(endpoint)).collect();
    }

    pub(super) fn bill(&self) -> Bill {
        self.state().books.bill(&self.catalogue.endpoints)
    }

    /// Looks something up in the books.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Books) -> T) -> T {
        look(&self.state().books)
    }

    /// A page of the statement, the first of which is its header; none after the last.
    pub(super) fn statement_page(&self, page: usize) -> Option<String> {
        let Some(page) = page.checked_sub(1) else {
            return Some("订单号,接口,手机号,时间,金额\n".to_owned());
        };
        let lines = self.read(|books| books.statement(&self.catalogue.endpoints, page * PAGE_LINES, PAGE_LINES));
        Some(lines).filter(|lines| !lines.is_empty())
    }

    fn decide(
        &self,
        state: &mut State,
        endpoint: usize,
        arrival: &Arrival,
        query: &Query,
    ) -> (Option<Fault>, Outcome, u64) {
        let wares = &self.catalogue.endpoints[endpoint];
        let system = |code: u32| Outcome::Error(code, self.catalogue.reason(code).to_owned());
        let service = |error: Service| Outcome::Error(wares.service_code(error), error.reason().to_owned());
        // Dice for a request that never gets as far as a number.
        let anyone = hash(query.number.as_bytes(), self.seed ^ arrival.request);

        if query.key.as_deref() != Some(self.key.as_str()) {
            return (None, system(10_001), anyone);
        }
        let moment = Moment {
            request: arrival.request.saturating_sub(state.chaos_base[endpoint]),
            elapsed: state.chaos_since.elapsed(),
        };
        if let Some(closed) = state.chaos.closed(moment) {
            let outcome = match closed {
                Fault::ExpiredKey => system(10_003),
                Fault::Maintenance => system(10_020),
                Fault::Http429 => self.too_many(&state.chaos),
                _ => system(10_012),
            };
            return (Some(closed), outcome, anyone);
        }
        if self.limit_per_second.is_some_and(|limit| arrival.in_second > limit) {
            return (None, system(10_012), anyone);
        }
        let number = match wares.form.read(&query.number) {
            Ok(number) => number,
            Err(why) => {
                let reason = format!("{}：{why}", Service::WrongParameter.reason());
                return (None, Outcome::Error(wares.service_code(Service::WrongParameter), reason), anyone);
            }
        };
        if self.daily_quota.is_some_and(|quota| state.books.charged(endpoint) >= quota) {
            return (None, system(10_012), anyone);
        }

        let asked = state.books.ask(endpoint, number);
        let roll = hash(&asked.to_le_bytes(), number.roll(hash(wares.path.as_bytes(), self.seed)));
        let fault = state.chaos.fault(roll);
        let outcome = match fault {
            Some(Fault::SupplierError) => service(Service::SupplierError),
            Some(Fault::QueryFailed) => service(Service::QueryFailed),
            Some(Fault::NoRecord) => service(Service::NoRecord),
            Some(Fault::InternalError) => system(10_014),
            Some(Fault::Throttle) => system(10_011),
            Some(Fault::Http429) => self.too_many(&state.chaos),
            Some(Fault::ResetBeforeCharge) => Outcome::Cut,
            Some(Fault::Html500Uncharged) => Outcome::Bare(500),
            Some(Fault::Redirect) => Outcome::Bare(302),
            charged => {
                debug_assert!(charged.is_none_or(Fault::is_charged));
                Outcome::Answer { number, receipt: state.books.charge(endpoint, number) }
            }
        };
        (fault, outcome, roll)
    }

    fn too_many(&self, chaos: &Chaos) -> Outcome {
        if chaos.http_429.envelope {
            Outcome::Error(10_011, self.catalogue.reason(10_011).to_owned())
        } else {
            Outcome::Bare(429)
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
