//! A run in retrospect: what its ledger shows of how it went. For reports; nothing is decided by it.

use crate::domain::call::CallState;
use crate::domain::freshness::Stamp;
use crate::domain::ids::ApiId;
use crate::domain::rate::Rate;

/// One invocation of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub began: Stamp,
    /// Its last sign of life. A killed one may have gone on for half a minute after it.
    pub seen: Stamp,
    /// None while it is under way, and for one that was killed.
    pub ended: Option<Stamp>,
    /// The rate that it was configured with, by API.
    pub rates: Vec<(ApiId, Rate)>,
}

/// How finely time is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruler {
    /// Where the first division begins.
    pub origin: Stamp,
    /// Milliseconds of each division; more than 0.
    pub step: i64,
}

/// The calls of one API whose intents were stamped within one division of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// Which division, counted from the ruler's origin.
    pub at: i64,
    pub calls: u64,
    pub billed: u64,
    pub unbilled: u64,
    /// In doubt, or a doubt that was decided by the operator.
    pub in_doubt: u64,
}

/// How long calls took from sending to reply, in milliseconds, to three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Calls that were timed.
    pub calls: u64,
    pub p50: u32,
    pub p90: u32,
    pub p99: u32,
    pub max: u32,
}

/// How often each code stands in one field of the paid answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldCodes {
    /// By code, in the order of their texts; at most [`FieldCodes::MOST`].
    pub codes: Vec<(String, u64)>,
    /// Answers with codes beyond those.
    pub others: u64,
}

impl FieldCodes {
    /// Codes told apart. A vendor may put anything into a field, and a report is no place for a million of them.
    pub const MOST: usize = 64;
}

/// One API's part of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneReview {
    /// The divisions that have calls, in order.
    pub ticks: Vec<Tick>,
    /// Calls by what became of them, in the order of [`CallState`].
    pub states: Vec<(CallState, u64)>,
    /// None where no call was timed.
    pub latency: Option<Latency>,
    /// By the field's position in the profile.
    pub fields: Vec<FieldCodes>,
}

/// A run by API.
pub type Review = Vec<(ApiId, LaneReview)>;
