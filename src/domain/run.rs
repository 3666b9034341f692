//! Runs: the enrichment of one input by one set of APIs, over as many invocations as it takes.

use std::fmt;
use std::str::FromStr;

use crate::domain::call::Limit;
use crate::domain::exit::Exit;
use crate::domain::freshness::{Reuse, Stamp, Window};
use crate::domain::ids::{ApiId, OwnerId, RunId};
use crate::domain::money::Money;
use crate::domain::rate::Rate;
use crate::domain::status::Status;

/// What a ledger was made for. It is stamped on it for good: answers of a stand-in vendor must never pass for paid ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LedgerKind {
    /// The real vendor.
    Live,
    /// A server on this machine that the operator named.
    Loopback,
    /// payonce's own stand-in vendor.
    Sandbox,
}

impl LedgerKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            LedgerKind::Live => "live",
            LedgerKind::Loopback => "loopback",
            LedgerKind::Sandbox => "sandbox",
        }
    }
}

impl fmt::Display for LedgerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for LedgerKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [LedgerKind::Live, LedgerKind::Loopback, LedgerKind::Sandbox]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("'{text}' is not a kind of ledger; known: live, loopback, sandbox"))
    }
}

/// What makes two invocations the same run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunKey {
    /// SHA-256 of the input's bytes.
    pub input_digest: [u8; 32],
    /// Sorted.
    pub apis: Vec<ApiId>,
    pub reuse: Reuse,
    /// The input's name, for people; no part of the identity.
    pub input_name: String,
}

/// Whether to go on with a run or to begin one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Go on with the unfinished run of the same key, or else begin a new one.
    ResumeOrBegin,
    /// `--new-run`
    Begin,
    /// `--continue RUN`, finished or not.
    Continue(RunId),
}

/// The limits of a run and what the operator allows in this invocation.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Calls that may reach the vendor, per run.
    pub max_calls: Option<u64>,
    /// Yuan per run.
    pub budget: Option<Money>,
    /// Yuan per calendar month (Asia/Shanghai), over all runs of the ledger.
    pub budget_month: Option<Money>,
    /// Calls per calendar day (Asia/Shanghai), over all runs of the ledger.
    pub calls_per_day: Option<u64>,
    /// Doubts of the run's subjects that may be asked again, per run.
    pub release_doubts: u64,
    /// Settled statuses of other runs that are asked anew.
    pub again: Vec<Status>,
    /// The rate of each API, for the record: a report shows what was sent against what was allowed.
    pub rates: Vec<(ApiId, Rate)>,
}

/// A run under way.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: RunId,
    pub began: Stamp,
    pub owner: OwnerId,
    pub window: Window,
    /// Begun by an earlier invocation.
    pub resumed: bool,
}

/// What the ledger knows about a run.
#[derive(Clone, Debug)]
pub struct RunInfo {
    pub id: RunId,
    pub key: RunKey,
    pub began: Stamp,
    /// When an invocation of it last gave a sign of life.
    pub last_seen: Stamp,
    pub finished: Option<Stamp>,
    /// The exit code of its newest invocation; none while it is under way or after it was killed.
    pub outcome: Option<u8>,
    pub window: Window,
    /// Answers inside its window were dropped: it can be neither gone on with nor exported again.
    pub forgotten: bool,
}

/// Why a lane ended. One that ran out of rows is [`LaneEnd::Finished`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneEnd {
    Finished,
    Interrupted,
    /// The vendor refuses the key or the service, with its words.
    Halted {
        code: Option<i64>,
        reason: String,
    },
    /// Everything was refused as a wrong parameter.
    Rejected,
    Quota,
    Maintenance,
    Unreachable {
        reason: String,
    },
    OutOf(Limit),
    /// `--until` or `--max-runtime`
    Time,
    Breaker,
    Clock {
        reason: String,
    },
    /// The input changed under the run.
    InputChanged {
        reason: String,
    },
    /// The ledger, or something else that must work, failed.
    Broken {
        reason: String,
    },
}

impl LaneEnd {
    /// The word of `stopped_by` in the summary; none for a lane that finished.
    pub const fn word(&self) -> Option<&'static str> {
        Some(match self {
            LaneEnd::Finished => return None,
            LaneEnd::Interrupted => "interrupted",
            LaneEnd::Halted { .. } => "halt",
            LaneEnd::Rejected => "rejected",
            LaneEnd::Quota => "quota",
            LaneEnd::Maintenance => "maintenance",
            LaneEnd::Unreachable { .. } => "unreachable",
            LaneEnd::OutOf(_) => "budget",
            LaneEnd::Time => "time",
            LaneEnd::Breaker => "breaker",
            LaneEnd::Clock { .. } => "clock",
            LaneEnd::InputChanged { .. } => "input",
            LaneEnd::Broken { .. } => "error",
        })
    }

    /// The exit code that this end asks for; a finished lane's depends on its rows.
    pub const fn exit(&self) -> Exit {
        match self {
            LaneEnd::Finished => Exit::Done,
            LaneEnd::Interrupted => Exit::Interrupted,
            LaneEnd::Halted { .. } | LaneEnd::Rejected => Exit::Refused,
            LaneEnd::Quota
            | LaneEnd::Maintenance
            | LaneEnd::Unreachable { .. }
            | LaneEnd::OutOf(_)
            | LaneEnd::Time
            | LaneEnd::Breaker
            | LaneEnd::Clock { .. } => Exit::TryLater,
            LaneEnd::InputChanged { .. } => Exit::Usage,
            LaneEnd::Broken { .. } => Exit::Unexpected,
        }
    }
}
