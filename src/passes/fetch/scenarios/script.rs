//! The form of a scenario file: what the vendor does when, how the lane is set, what is expected. An unknown key is an error.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::domain::freshness::Stamp;
use crate::domain::money::Money;
use crate::domain::rate::Rate;
use crate::settings::{Span, TimeOfDay};

/// Reads a value through its `FromStr`, as the config does.
fn text<'de, D: Deserializer<'de>, T: std::str::FromStr<Err: fmt::Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// A length of virtual time, or a moment counted from the lane's start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Time(pub(super) Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::<D, Span>(deserializer).map(|span| Time(span.0))
    }
}

/// One figure, or the least and the most of it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Range {
    Exactly(f64),
    Between([f64; 2]),
}

impl Range {
    pub(super) fn holds(self, figure: f64) -> bool {
        match self {
            Range::Exactly(wanted) => figure == wanted,
            Range::Between([least, most]) => (least..=most).contains(&figure),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Range::Exactly(wanted) => write!(f, "{wanted}"),
            Range::Between([least, most]) => write!(f, "{least} to {most}"),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    /// What the file shows, in a sentence.
    pub(super) what: String,
    pub(super) lane: Lane,
    #[serde(default)]
    pub(super) ledger: Store,
    #[serde(default)]
    pub(super) vendor: Vendor,
    pub(super) expect: Expect,
}

/// How the lane is set; what is left out is the config's default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lane {
    /// Different numbers to ask about.
    pub(super) numbers: u32,
    /// So many of the first ones stand on two neighbouring rows.
    #[serde(default)]
    pub(super) twice: u32,
    #[serde(deserialize_with = "text")]
    pub(super) rate: Rate,
    pub(super) concurrency: usize,
    #[serde(default = "five")]
    pub(super) attempts: u32,
    #[serde(default = "twenty")]
    pub(super) breaker: u32,
    #[serde(default = "minute")]
    pub(super) quota_patience: Time,
    #[serde(default = "half_hour")]
    pub(super) maintenance_patience: Time,
    #[serde(default = "half_hour")]
    pub(super) unreachable_patience: Time,
    /// `quota = "wait"` with its `quota_reset`; without it the lane stops.
    pub(super) wait_until: Option<WaitUntil>,
    pub(super) deadline: Option<Time>,
    /// When Ctrl-C is pressed.
    pub(super) interrupt: Option<Time>,
    /// The wall clock at the start.
    #[serde(default = "evening", deserialize_with = "stamp")]
    pub(super) begins: Stamp,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct WaitUntil(#[serde(deserialize_with = "text")] pub(super) TimeOfDay);

fn five() -> u32 {
    5
}

fn twenty() -> u32 {
    20
}

fn minute() -> Time {
    Time(Duration::from_secs(60))
}

fn half_hour() -> Time {
    Time(Duration::from_secs(1800))
}

/// 2026-11-20T20:00:00+08:00
fn evening() -> Stamp {
    Stamp(1_795_176_000_000)
}

fn stamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Stamp, D::Error> {
    text::<D, Timestamp>(deserializer).map(|at| Stamp(at.as_millisecond()))
}

/// How the ledger behaves.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Store {
    /// How long a commit takes.
    pub(super) commit: Time,
    /// Every so often the disk stands still for `stall`: commits wait until it is over, and then all are done at once.
    pub(super) stall_every: Option<Time>,
    pub(super) stall: Time,
    pub(super) max_calls: Option<u64>,
    #[serde(deserialize_with = "money")]
    pub(super) budget: Option<Money>,
    /// The first so many numbers are being asked about by somebody else until `busy_until`.
    pub(super) busy: u32,
    pub(super) busy_until: Time,
    /// The first so many numbers are answered already, unknown to the survey.
    pub(super) answered: u32,
    /// From this call on, opening fails.
    pub(super) open_fails_from: Option<i64>,
    /// From this call on, nothing can be stored any more.
    pub(super) settle_fails_from: Option<i64>,
    /// The clock is set back at this moment, so that nothing may be opened.
    pub(super) clock_behind_from: Option<Time>,
}

fn money<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
    text(deserializer).map(Some)
}

/// What the vendor does. The first phase that matches a call decides; without one it is answered and charged.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Vendor {
    pub(super) latency: Time,
    pub(super) seed: u64,
    pub(super) phase: Vec<Phase>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Phase {
    pub(super) from: Time,
    pub(super) until: Option<Time>,
    /// The first and the last call that it is about, counted from 1 in order of arrival.
    pub(super) calls: Option<[u64; 2]>,
    /// Only calls whose number this divides.
    pub(super) every: Option<u64>,
    /// Only calls beyond so many within the last second.
    pub(super) over: Option<usize>,
    /// Only so many of the matching calls, by chance.
    pub(super) chance: Option<f64>,
    pub(super) code: Option<i64>,
    /// An HTTP status with no readable envelope.
    pub(super) http: Option<u16>,
    pub(super) fault: Option<Fault>,
    pub(super) retry_after: Option<Time>,
    pub(super) latency: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    /// The connection is refused: nothing was sent.
    Refused,
    /// The connection is reset before the vendor did anything.
    Reset,
    /// The connection is reset after the charge.
    ResetAfterCharge,
}

/// What is expected; what is left out may be anything. See `report.rs` for what always holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// `stopped_by` in the summary, or `finished`.
    pub(super) end: String,
    /// Calls that reached the vendor.
    pub(super) calls: Option<Range>,
    /// Attempts that did not reach it.
    pub(super) refused: Option<Range>,
    pub(super) worst_second: Option<Range>,
    /// Most calls at the vendor at a time.
    pub(super) at_once: Option<Range>,
    /// Until the lane ended.
    pub(super) seconds: Option<Range>,
    pub(super) charged: Option<Range>,
    pub(super) ok: Option<Range>,
    pub(super) no_record: Option<Range>,
    pub(super) rejected: Option<Range>,
    pub(super) failed: Option<Range>,
    pub(super) in_doubt: Option<Range>,
    /// Calls that the lane left open in the ledger.
    pub(super) open: Option<Range>,
    pub(super) withdrawn: Option<Range>,
    /// Attempts at the number that was asked most often.
    pub(super) most_asked: Option<Range>,
    /// Seconds between two attempts at one number, where they were nearest.
    pub(super) nearest: Option<Range>,
    #[serde(default)]
    pub(super) window: Vec<Window>,
}

/// What is expected between two moments, the second not included.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    pub(super) from: Time,
    pub(super) until: Time,
    pub(super) attempts: Option<Range>,
    /// Attempts per second.
    pub(super) rate: Option<Range>,
    pub(super) at_once: Option<Range>,
    /// When each attempt was made, in seconds from the lane's start, to half a second.
    pub(super) times: Option<Vec<f64>>,
}
