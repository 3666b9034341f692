//! One lane: from candidates to settled calls, at the vendor's pace.
//!
//! Invariants: a call is carried out only if `open` granted it; open calls never exceed the concurrency; at most one round at the
//! ledger is under way, and what comes up meanwhile goes into the next; once an end is decided nothing new is opened, intents not
//! yet sent are withdrawn, and what is in flight is waited for. How it fails: an end that the ledger cannot take ends the lane.

mod landing;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::call::{Candidate, Flight, Landed, Tools, carry_out};
use super::gate::{Gate, Permit};
use super::retries::Retries;
use super::round::{Ends, Outturn, Wishes, hand_in};
use super::source::{Batch, SourceError};
use super::streaks::Streaks;
use crate::crash;
use crate::domain::call::{Opened, Opening};
use crate::domain::ids::RunId;
use crate::domain::money::Money;
use crate::domain::ports::{Client, Clock, Ledger, LedgerError, Pace, Signal, Slot};
use crate::domain::run::LaneEnd;
use crate::domain::status::Status;
use crate::settings::Patience;

/// Candidates kept at hand.
const QUEUE: usize = 256;
/// How soon a subject that another call is busy with, or a budget whose reservations may come back, is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A round under way.
type Round = Pin<Box<dyn Future<Output = Outturn> + Send>>;

/// What a lane is told when it begins.
pub(super) struct Orders {
    pub(super) run: RunId,
    /// What an answered call costs; zero where nobody knows.
    pub(super) price: Money,
    pub(super) concurrency: usize,
    pub(super) patience: Patience,
    pub(super) breaker: u32,
    pub(super) deadline: Option<Instant>,
    pub(super) cancel: CancellationToken,
    pub(super) clock: Arc<dyn Clock>,
}

pub(super) struct Lane<L, P, C> {
    tools: Arc<Tools<L, P, C>>,
    orders: Orders,
    source: Receiver<Result<Batch, SourceError>>,
    source_done: bool,
    queue: VecDeque<Candidate>,
    retries: Retries,
    flights: JoinSet<Landed>,
    /// Ends for the next round.
    ends: Ends,
    round: Option<Round>,
    gate: Gate,
    streaks: Streaks,
    next_seq: u64,
    /// A limit is reached, but reservations may still come back: not before this.
    starved: Option<Instant>,
    end: Option<LaneEnd>,
}

impl<L: Ledger, P: Pace, C: Client> Lane<L, P, C> {
    pub(super) fn new(tools: Tools<L, P, C>, orders: Orders, source: Receiver<Result<Batch, SourceError>>) -> Self {
        Lane {
            gate: Gate::new(orders.patience),
            streaks: Streaks::new(orders.breaker),
            tools: Arc::new(tools),
            orders,
            source,
            source_done: false,
            queue: VecDeque::new(),
            retries: Retries::default(),
            flights: JoinSet::new(),
            ends: Ends::default(),
            round: None,
            next_seq: 0,
            starved: None,
            end: None,
        }
    }

    /// Runs until everything is asked or an end is decided, and what is in flight has landed and is settled.
    pub(super) async fn run(mut self) -> LaneEnd {
        while !self.is_over() {
            let going = self.end.is_none();
            let idle = self.round.is_none();
            let ready = going && idle && self.starved.is_none();
            let wish = if ready { self.free_places().min(self.queue.len()) } else { 0 };
            // Nothing below is dropped half way: reserving takes effect only when it is ready.
            tokio::select! {
                biased;
                Some(landed) = self.flights.join_next() => self.land(landed),
                outturn = outturn(&mut self.round), if !idle => self.take_in(outturn),
                () = self.orders.cancel.cancelled(), if going => self.stop(LaneEnd::Interrupted),
                () = until(self.orders.deadline), if going => self.stop(LaneEnd::Time),
                () = until(self.gate.wake()), if going => self.wake_up(),
                () = until(self.starved), if going => self.starved = None,
                () = until(self.retries.next_due()), if going && self.queue.len() < QUEUE => self.requeue_due(),
                batch = self.source.recv(), if going && !self.source_done && self.queue.len() < QUEUE => self.take(batch),
                slots = self.tools.pace.reserve(&self.tools.api, wish), if wish > 0 => self.begin_round(slots),
                // Ends wait for no slot.
                () = std::future::ready(()), if idle && !self.ends.is_empty() => self.begin_round(Vec::new()),
                else => break,
            }
        }
        self.end.unwrap_or(LaneEnd::Finished)
    }

    fn is_over(&self) -> bool {
        let nothing_left = self.source_done && self.queue.is_empty() && self.retries.is_empty();
        let nothing_out = self.flights.is_empty() && self.ends.is_empty() && self.round.is_none();
        nothing_out && (self.end.is_some() || nothing_left)
    }

    fn free_places(&self) -> usize {
        match self.gate.permit() {
            Permit::Any => self.orders.concurrency - self.flights.len(),
            // Calls sent before the gate closed do not stand in the probe's way.
            Permit::Probe => 1.min(self.orders.concurrency - self.flights.len()),
            Permit::None => 0,
        }
    }

    fn take(&mut self, batch: Option<Result<Batch, SourceError>>) {
        match batch {
            Some(Ok(batch)) => self.queue.extend(batch),
            Some(Err(SourceError::Changed(reason))) => self.stop(LaneEnd::InputChanged { reason }),
            Some(Err(SourceError::Failed(reason))) => self.stop(LaneEnd::Broken { reason }),
            None => self.source_done = true,
        }
    }

    fn requeue_due(&mut self) {
        let now = Instant::now();
        while let Some(candidate) = self.retries.pop_due(now) {
            self.queue.push_front(candidate);
        }
    }

    /// Hands in the ends that are there, and a wish for each slot.
    fn begin_round(&mut self, slots: Vec<Slot>) {
        let candidates: Vec<Candidate> = self.queue.drain(..slots.len().min(self.queue.len())).collect();
        if !candidates.is_empty() {
            crash::point("fetch.reserved");
        }
        let openings = candidates.iter().map(|candidate| self.opening(candidate)).collect();
        let wishes = Wishes { run: self.orders.run, candidates, openings, slots };
        let ends = std::mem::take(&mut self.ends);
        let Tools { ledger, api, broken, .. } = &*self.tools;
        self.round = Some(Box::pin(hand_in(ledger.clone(), api.clone(), broken.clone(), ends, wishes)));
    }

    fn take_in(&mut self, outturn: Outturn) {
        self.round = None;
        let Outturn { settled, withdrawn, opened, candidates, slots } = outturn;
        match settled {
            Ok(statuses) => statuses.into_iter().for_each(|status| self.settled(status)),
            Err(error) => self.stop(ledger_end(error)),
        }
        match withdrawn {
            Ok(count) => (0..count).for_each(|_| crash::point("fetch.withdrawn")),
            Err(error) => self.stop(ledger_end(error)),
        }
        match opened {
            Ok(opened) => self.launch(candidates, opened, slots),
            Err(error) => {
                self.tools.pace.give_back(&self.tools.api, &slots);
                self.stop(ledger_end(error));
            }
        }
    }

    fn settled(&self, status: Option<Status>) {
        crash::point("fetch.settled");
        if let Some(status) = status {
            self.tools.gauge.settled(status);
        }
    }

    /// Sends off the calls that are granted.
    fn launch(&mut self, candidates: Vec<Candidate>, opened: Vec<Opened>, slots: Vec<Slot>) {
        assert_eq!(opened.len(), candidates.len(), "the ledger decides every opening");
        let mut slots = slots.into_iter();
        let mut refused = Vec::new();
        for (candidate, opened) in candidates.into_iter().zip(opened) {
            match opened {
                Opened::Granted(call) => {
                    let slot = slots.next().unwrap_or_else(|| panic!("there is a slot for every candidate"));
                    let seq = self.next_seq;
                    self.next_seq += 1;
                    self.gate.sent(seq);
                    let flight = Flight { candidate, call, seq, slot };
                    self.flights.spawn(carry_out(self.tools.clone(), flight));
                }
                Opened::Settled(status) | Opened::Blocked(status) => self.tools.gauge.settled(status),
                Opened::Busy => self.retries.push(Instant::now() + LOOK_AGAIN, candidate),
                Opened::NoBudget(shortage) => refused.push((candidate, shortage)),
            }
        }
        let unused: Vec<Slot> = slots.collect();
        self.tools.pace.give_back(&self.tools.api, &unused);
        for (candidate, shortage) in refused.into_iter().rev() {
            self.queue.push_front(candidate);
            if shortage.pending == 0 && self.flights.is_empty() {
                self.stop(LaneEnd::OutOf(shortage.limit));
            } else {
                self.starved = Some(Instant::now() + LOOK_AGAIN);
            }
        }
    }

    fn opening(&self, candidate: &Candidate) -> Opening {
        Opening {
            subject: candidate.subject,
            record: candidate.record,
            price: self.orders.price,
            attempt: candidate.attempt,
        }
    }

    fn wake_up(&mut self) {
        self.gate.wake_up();
        if self.gate.permit() == Permit::Any {
            self.tools.gauge.pausing(None);
        }
    }

    /// Decides the lane's end. The first reason counts, but a broken ledger outranks every other.
    fn stop(&mut self, end: LaneEnd) {
        let broken = matches!(end, LaneEnd::Broken { .. });
        if self.end.is_none() || (broken && !matches!(self.end, Some(LaneEnd::Broken { .. }))) {
            if let Some(word) = end.word() {
                tracing::info!(api = %self.tools.api, "stopping: {word}");
            }
            self.end = Some(end);
        }
        self.tools.pace.report(&self.tools.api, Signal::Paused);
        self.tools.drain.cancel();
    }
}

fn ledger_end(error: LedgerError) -> LaneEnd {
    match error {
        LedgerError::ClockBehind { .. } => LaneEnd::Clock { reason: error.to_string() },
        other => LaneEnd::Broken { reason: other.to_string() },
    }
}

/// The end of the round; never where there is none.
async fn outturn(round: &mut Option<Round>) -> Outturn {
    match round {
        Some(round) => round.await,
        None => std::future::pending().await,
    }
}

/// Sleeps until `time`; for ever where there is none.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
