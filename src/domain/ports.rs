//! The seams: what the passes need from the world, in words that fit one host with SQLite and many hosts with a shared server.
//!
//! Every call of [`Ledger`] returns only when its effect is durable. Nothing here names a database, a limiter or a monotonic
//! clock. "One run at a time" is a property of the SQLite backend, not of the trait.

use std::future::Future;

use crate::domain::call::{
    CallEntry, CallFilter, Decision, DoubtEntry, DoubtFilter, Opened, Opening, Scope, Settlement, Standing, Totals,
    View,
};
use crate::domain::freshness::{Day, Stamp};
use crate::domain::ids::{ApiId, CallId, OwnerId, RunId};
use crate::domain::review::{Invocation, Review, Ruler};
use crate::domain::run::{Run, RunInfo, RunKey, Start, Terms};
use crate::domain::subject::Subject;
use crate::domain::verdict::RawReply;

/// What a ledger refuses or fails at. Typed where callers branch on it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    #[error(
        "the clock says {now}, but the ledger already holds an entry of {newest}: set the clock right, then run the same command again"
    )]
    ClockBehind { now: String, newest: String },
    #[error("there is no run {0} in this ledger; `payonce status` lists them")]
    NoSuchRun(RunId),
    #[error(
        "there is no run of {0} in this ledger: it has another content than any file that was run, or it was run with another ledger (--ledger)"
    )]
    NoRunOf(String),
    #[error("run {run} is a run of another input or of other APIs ({was}); pass those, or leave --continue out")]
    OtherRun { run: RunId, was: String },
    #[error("there is no doubt {0} in this ledger; `payonce doubts` lists them")]
    NoSuchDoubt(CallId),
    #[error(
        "answers of run {0} were dropped from this ledger (payonce forget): going on with it would pay for them a second time, and its \
         output cannot be written again; ask anew with --new-run"
    )]
    Forgotten(RunId),
    #[error("{0}")]
    Failed(String),
}

/// The checkpoint store: runs, calls, order IDs, money. Requests of one process that write take effect in the order in which they
/// are first polled: an end handed in before an opening is there before it.
pub trait Ledger: Clone + Send + Sync + 'static {
    /// Begins a run or goes on with one; registers this invocation as an owner of calls.
    fn begin(&self, key: RunKey, start: Start, terms: Terms) -> impl Future<Output = Result<Run, LedgerError>> + Send;

    /// A sign of life of this invocation.
    fn heartbeat(&self, owner: OwnerId) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// Turns open calls of dead owners into doubts; says how many there were.
    fn adopt_orphans(&self, run: RunId) -> impl Future<Output = Result<u64, LedgerError>> + Send;

    /// What is known about each subject. Advisory: only [`Ledger::open`] grants a call.
    fn look_up(
        &self,
        view: View,
        subjects: Vec<Subject>,
    ) -> impl Future<Output = Result<Vec<Standing>, LedgerError>> + Send;

    /// Grants calls or says why not, in one transaction, with the intents and their reservations.
    fn open(
        &self,
        run: RunId,
        api: ApiId,
        openings: Vec<Opening>,
    ) -> impl Future<Output = Result<Vec<Opened>, LedgerError>> + Send;

    /// Makes ends of calls durable. Idempotent by call.
    fn settle(&self, settlements: Vec<Settlement>) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// Takes back intents that are proven not to have been sent; their reservations are freed.
    fn withdraw(&self, calls: Vec<CallId>) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// Doubts after `cursor`, in order of their calls.
    fn doubts(
        &self,
        filter: DoubtFilter,
        cursor: Option<CallId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<DoubtEntry>, LedgerError>> + Send;

    /// Decides doubts. All or none.
    fn decide(&self, calls: Vec<CallId>, decision: Decision) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// Calls after `cursor`, open ones too, in order of their ids.
    fn calls(
        &self,
        filter: CallFilter,
        cursor: Option<CallId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<CallEntry>, LedgerError>> + Send;

    /// Drops what is known about subjects from settled calls that were sent before that day, for good; keeps doubts, open calls
    /// and all totals. Says how many calls there were. Doing it again completes what was cut short.
    fn forget(&self, before: Day) -> impl Future<Output = Result<u64, LedgerError>> + Send;

    fn totals(&self, scope: Scope) -> impl Future<Output = Result<Totals, LedgerError>> + Send;

    /// Ends this invocation: with `finished`, the run is over, otherwise it can be resumed.
    fn finish(&self, run: RunId, exit_code: u8, finished: bool)
    -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// The invocations of a run, in order.
    fn invocations(&self, run: RunId) -> impl Future<Output = Result<Vec<Invocation>, LedgerError>> + Send;

    /// How a run went, over time and by what was answered. Memory is flat in the number of calls.
    fn review(&self, run: RunId, ruler: Ruler) -> impl Future<Output = Result<Review, LedgerError>> + Send;

    /// All runs, newest first.
    fn runs(&self) -> impl Future<Output = Result<Vec<RunInfo>, LedgerError>> + Send;
}

/// A reserved time at which one call may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Nanoseconds on the pace's own clock.
    pub due: u64,
    /// Slots of an older epoch than the lane's are void.
    pub epoch: u64,
}

/// What waiting for a slot came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is time: send now.
    Go,
    /// The slot was missed; sending now would bunch calls. Reserve another.
    Missed,
    /// The lane paused or slowed down since: withdraw the intent.
    Void,
}

/// What a lane tells its pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The vendor answered: creep back towards the configured rate.
    Answered,
    /// The vendor said: slower. Halves the rate.
    Throttled,
    /// The lane pauses or stops: slots that are out become void.
    Paused,
}

/// How the calls of a lane were really spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spacing {
    /// Calls started.
    pub started: u64,
    /// Most calls started in any sliding second.
    pub worst_window: u64,
    /// Calls per second between the first start and the last.
    pub achieved: f64,
}

/// When the next call of a lane may start.
pub trait Pace: Clone + Send + Sync + 'static {
    /// At least one and at most `n` slots, none due more than 50 ms ahead. Dropping the future before it is ready reserves nothing.
    fn reserve(&self, api: &ApiId, n: usize) -> impl Future<Output = Vec<Slot>> + Send;

    /// Waits for a slot.
    fn arrive(&self, api: &ApiId, slot: Slot) -> impl Future<Output = Arrival> + Send;

    /// Slots that will not be used.
    fn give_back(&self, api: &ApiId, slots: &[Slot]);

    fn report(&self, api: &ApiId, signal: Signal);

    fn spacing(&self, api: &ApiId) -> Spacing;
}

/// The vendor, as one lane sees it.
pub trait Client: Clone + Send + Sync + 'static {
    /// One attempt: `value` is the number or the digest, in the form that the API takes. Never retries, never follows a redirect.
    fn ask(&self, value: String) -> impl Future<Output = RawReply> + Send;
}

/// The wall clock, which tests replace.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Stamp;
}
