//! One resolved job: what a run does, with nothing left to look up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::deadline::Deadline;
use super::scalars::TimeOfDay;
use crate::catalog::{Method, Profile};
use crate::domain::freshness::Reuse;
use crate::domain::money::Money;
use crate::domain::rate::Rate;
use crate::domain::run::{LedgerKind, Start, Terms};

/// Where the ledger is and what it must be.
#[derive(Clone, Debug)]
pub struct LedgerPlace {
    pub path: PathBuf,
    pub kind: LedgerKind,
    /// Neither a flag nor the config named it.
    pub is_default: bool,
}

/// What a run, a plan or an export is about.
#[derive(Clone, Debug)]
pub struct Job {
    pub column: Option<String>,
    pub encoding: Option<String>,
    pub delimiter: Option<String>,
    pub skip_lines: usize,
    /// Of a workbook.
    pub sheet: Option<String>,
    pub only_segment: bool,
    pub output_encoding: Option<String>,
    pub output_delimiter: Option<String>,
    /// Permission bits of the output.
    pub output_mode: u32,
    pub lanes: Vec<LaneJob>,
    pub reuse: Reuse,
    pub terms: Terms,
    pub start: Start,
    pub deadline: Option<Deadline>,
    /// On a terminal, a run that may cost more asks first.
    pub confirm_above: Option<Money>,
}

/// One API within a job.
#[derive(Clone, Debug)]
pub struct LaneJob {
    pub profile: Arc<Profile>,
    pub url: Url,
    pub method: Method,
    pub rate: Rate,
    /// Calls from intent to settlement at a time, so also the most doubts that a crash can leave.
    pub concurrency: usize,
    pub timeout: Duration,
    pub connect_timeout: Duration,
    /// Per number and invocation.
    pub attempts: u32,
    /// Per paid call; none where nobody has said what a call costs.
    pub price: Option<Money>,
    pub patience: Patience,
    /// Calls in a row that end in doubt or failed before the lane stops.
    pub breaker: u32,
}

/// How long a lane waits for what may pass by itself.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub quota: Duration,
    pub maintenance: Duration,
    pub unreachable: Duration,
    pub quota_policy: QuotaPolicy,
}

/// What a lane does once its patience with the vendor's quota is at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaPolicy {
    Stop,
    /// Sleep until this time of day in Asia/Shanghai, when the vendor counts anew.
    WaitUntil(TimeOfDay),
}
