//! Calls: what is opened before a byte leaves, and what is settled when the reply is judged.

use crate::domain::freshness::{Day, Stamp, Window};
use crate::domain::ids::{ApiId, CallId, RunId};
use crate::domain::money::Money;
use crate::domain::status::Status;
use crate::domain::subject::Subject;

/// A wish to ask about a subject.
#[derive(Clone, Debug)]
pub struct Opening {
    pub subject: Subject,
    /// The input record that asks, for the list of doubts (the first one is 1).
    pub record: u64,
    /// What the call costs if it is answered.
    pub price: Money,
    /// 1 for the first attempt within this invocation.
    pub attempt: u32,
}

/// What `open` decided, in the transaction that would have stored the intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The intent is durable: send it, then settle or withdraw it.
    Granted(CallId),
    /// A fresh answer is there already.
    Settled(Status),
    /// Another call about this subject is under way.
    Busy,
    /// A doubt, a write-off or a charge without an answer stands in the way.
    Blocked(Status),
    /// The intent would overrun a limit.
    NoBudget(Shortage),
}

/// Which limit an intent would overrun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    pub limit: Limit,
    /// Open calls whose reservation may still come back.
    pub pending: u64,
}

/// The limits that `open` guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// `--max-calls`
    MaxCalls,
    /// `--budget`
    Budget,
    /// `money.budget_month`
    BudgetMonth,
    /// `limits.calls_per_day`
    CallsPerDay,
}

impl Limit {
    /// The flag or key that sets it.
    pub const fn setting(self) -> &'static str {
        match self {
            Limit::MaxCalls => "--max-calls",
            Limit::Budget => "--budget",
            Limit::BudgetMonth => "money.budget_month",
            Limit::CallsPerDay => "limits.calls_per_day",
        }
    }
}

/// How a call ended, as the ledger keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Answered and billed.
    Paid,
    NoRecord,
    Rejected,
    /// The subject is given up in this run; unbilled.
    Failed,
    /// This attempt brought nothing and was not billed; the subject is still to be asked.
    Unpaid,
    /// Perhaps billed.
    Doubt,
}

impl Outcome {
    /// What it means for the row; none where the subject is still to be asked.
    pub const fn status(self) -> Option<Status> {
        match self {
            Outcome::Paid => Some(Status::Ok),
            Outcome::NoRecord => Some(Status::NoRecord),
            Outcome::Rejected => Some(Status::Rejected),
            Outcome::Failed => Some(Status::Failed),
            Outcome::Doubt => Some(Status::InDoubt),
            Outcome::Unpaid => None,
        }
    }
}

/// The end of a call, to be made durable before anything is done with the answer in it.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub call: CallId,
    pub outcome: Outcome,
    /// The document does not say that this code is free: the reservation is kept.
    pub assumed: bool,
    pub code: Option<i64>,
    pub reason: String,
    pub order_id: Option<String>,
    /// The profile's fields in the profile's order.
    pub fields: Vec<String>,
    /// From sending to reply, in milliseconds.
    pub took_ms: u32,
}

/// Which answers a reader may see: those of one API, inside one run's window.
#[derive(Clone, Debug)]
pub struct View {
    pub api: ApiId,
    /// The run's own answers are always fresh to it, and come before those of others.
    pub run: Option<RunId>,
    pub window: Window,
    /// For a finished run: answers that other runs asked for after this moment are not seen, so that an old output can be
    /// written again, byte for byte.
    pub closed: Option<Stamp>,
}

/// What the ledger knows about a subject, seen through a [`View`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Never asked, or nothing came of it: to be asked.
    Unknown,
    /// Answered, but outside the window: asked again only because time went on.
    Stale,
    /// Answered, in doubt, written off or lost inside the window: not to be asked.
    Known(Record),
}

/// The call that speaks for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub call: CallId,
    pub run: RunId,
    pub status: Status,
    /// When its intent was stamped: `P_queried_at`, and the month that the answer belongs to.
    pub asked: Stamp,
    pub code: Option<i64>,
    pub reason: String,
    pub order_id: Option<String>,
    pub fields: Vec<String>,
}

/// A call that may have reached the vendor and whose reply is not in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoubtEntry {
    pub call: CallId,
    pub run: RunId,
    pub api: ApiId,
    pub subject: Subject,
    /// The name of the run's input.
    pub input: String,
    pub record: u64,
    pub sent: Stamp,
    pub reason: String,
    pub at_stake: Money,
}

/// Which doubts are meant. Empty means all.
#[derive(Clone, Debug, Default)]
pub struct DoubtFilter {
    pub run: Option<RunId>,
    pub api: Option<ApiId>,
}

/// What became of a call, as the ledger keeps it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallState {
    /// Without a settlement: under way, or left behind by a process that was killed.
    Open,
    Paid,
    NoRecord,
    Rejected,
    Failed,
    Unpaid,
    InDoubt,
    Released,
    WrittenOff,
    Lost,
}

/// A call as its books have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEntry {
    pub call: CallId,
    pub api: ApiId,
    pub subject: Subject,
    pub sent: Stamp,
    pub state: CallState,
    /// Unbilled as payonce assumes; the document does not say so.
    pub assumed: bool,
    pub price: Money,
    pub order_id: Option<String>,
}

/// Which calls are meant. Empty means all.
#[derive(Clone, Debug, Default)]
pub struct CallFilter {
    pub api: Option<ApiId>,
    /// Sent at this moment or later.
    pub from: Option<Stamp>,
    /// Sent before this moment.
    pub before: Option<Stamp>,
}

/// What is decided about a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// By the operator: may be asked, and perhaps paid, again.
    Release,
    /// By the operator: given up.
    WriteOff,
    /// By the vendor's statement: charged; the answer is lost.
    Charged,
    /// By the vendor's statement: not charged; to be asked again at no risk.
    NotCharged,
}

/// Counts and sums over a set of calls. Kept in the same transactions as the calls themselves.
///
/// `calls = open + billed + lost + unbilled + unbilled_assumed + in_doubt + written_off + released`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Calls that may have reached the vendor. Withdrawn ones are not counted.
    pub calls: u64,
    /// Intents without a settlement.
    pub open: u64,
    pub billed: u64,
    /// Charged according to a statement; the answer never arrived.
    pub lost: u64,
    pub unbilled: u64,
    /// Unbilled as payonce assumes; the document does not say so.
    pub unbilled_assumed: u64,
    pub in_doubt: u64,
    pub written_off: u64,
    pub released: u64,
    /// Of the billed ones: those paid after a doubt about the same subject had been released, so perhaps for the second time.
    pub paid_again: u64,
    /// Money for billed and lost calls.
    pub spent: Money,
    /// Money for calls in doubt.
    pub at_stake: Money,
    /// Money kept back for calls assumed unbilled, written off or released: only a statement frees it.
    pub held: Money,
    /// Money for open calls.
    pub reserved: Money,
}

impl Totals {
    /// What counts against a budget.
    pub fn committed(&self) -> Money {
        self.spent + self.at_stake + self.held + self.reserved
    }
}

/// Which calls to add up.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub run: Option<RunId>,
    pub api: Option<ApiId>,
    /// From this day on (Asia/Shanghai).
    pub from: Option<Day>,
    /// Up to, not including, this day.
    pub before: Option<Day>,
}
