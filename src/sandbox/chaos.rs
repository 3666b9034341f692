//! Faults as data: a profile says which share of calls meets which fault, and when the service as a whole is away.
//!
//! Profiles are TOML, some of them embedded (`chaos/*.toml`), others the user's own. A call meets at most one of the faults that
//! have a share; which one is a function of the seed, the endpoint, the number and how often the supplier was asked about that
//! number before, so two servers with the same seed do the same whatever the order of the calls. Windows (`maintenance`, `quota`,
//! `expired_key_after`, `http_429.windows`) instead count the requests of an endpoint, or the time, since the profile was set.
//! A profile that is not understood is an error at the start, never a fault that does not come.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::fault::Fault;

/// A set of faults. Shares are probabilities from 0 to 1, and together at most 1.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chaos {
    // Answered with an error, not charged.
    supplier_error: f64,
    query_failed: f64,
    no_record: f64,
    internal_error: f64,
    throttle_10011: f64,
    // Not charged, and no envelope.
    reset_before_charge: f64,
    html_500_uncharged: f64,
    redirect: f64,
    pub(super) http_429: Http429,
    // Charged, and the answer is lost or spoilt.
    reset_before_reply: f64,
    reset_during_reply: f64,
    truncated_body: f64,
    pub(super) slow_reply: SlowReply,
    html_500_charged: f64,
    empty_result: f64,
    garbage_json: f64,
    oversized_body: f64,
    never_ending_body: f64,
    wrong_content_type: f64,
    duplicate_key: f64,
    // How an envelope is written, whatever it says. These have dice of their own.
    pub(super) string_code: f64,
    pub(super) resultcode_only: f64,
    // The service as a whole.
    pub(super) expired_key_after: Option<u64>,
    maintenance: Vec<Span>,
    quota: Vec<Span>,
}

/// Replies that come late, after they were charged.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlowReply {
    probability: f64,
    #[serde(deserialize_with = "duration")]
    pub delay: Duration,
}

/// HTTP 429, here and there or in bursts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Http429 {
    probability: f64,
    /// Seconds, for the header of that name.
    pub retry_after: Option<u32>,
    /// Whether the body is the 10011 envelope; else it is HTML.
    pub envelope: bool,
    windows: Vec<Span>,
}

/// When a window is open.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a window is { after_requests, for_requests, every_requests (optional) } or { from = \"2s\", to = \"5s\" }"
)]
enum Span {
    Requests(RequestSpan),
    Time(TimeSpan),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestSpan {
    after_requests: u64,
    for_requests: u64,
    /// Opens again after so many further requests.
    every_requests: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeSpan {
    #[serde(deserialize_with = "duration")]
    from: Duration,
    #[serde(deserialize_with = "duration")]
    to: Duration,
}

/// Where an endpoint stands since the profile was set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// This request's number; the first one is 1.
    pub request: u64,
    pub elapsed: Duration,
}

/// Why a chaos profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    #[error("no chaos profile is named '{name}' and no file is at that path ({io}); the named ones are: {}", names().collect::<Vec<_>>().join(", "))]
    Unknown { name: String, io: std::io::Error },
    #[error("{origin}: {error}")]
    Toml { origin: String, error: Box<toml::de::Error> },
    #[error("{origin}: {problem}")]
    Shares { origin: String, problem: String },
}

const NAMED: [(&str, &str); 12] = [
    ("none", include_str!("chaos/none.toml")),
    ("night", include_str!("chaos/night.toml")),
    ("supplier-errors", include_str!("chaos/supplier-errors.toml")),
    ("no-record", include_str!("chaos/no-record.toml")),
    ("resets", include_str!("chaos/resets.toml")),
    ("truncated", include_str!("chaos/truncated.toml")),
    ("slow", include_str!("chaos/slow.toml")),
    ("html-500", include_str!("chaos/html-500.toml")),
    ("throttled", include_str!("chaos/throttled.toml")),
    ("maintenance", include_str!("chaos/maintenance.toml")),
    ("expired-key", include_str!("chaos/expired-key.toml")),
    ("garbage", include_str!("chaos/garbage.toml")),
];

fn names() -> impl Iterator<Item = &'static str> {
    NAMED.iter().map(|(name, _)| *name)
}

impl Chaos {
    /// The names of the embedded profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        names()
    }

    /// An embedded profile by name, or else the file at that path.
    pub fn named_or_file(name: &str) -> Result<Chaos, ChaosError> {
        if let Some(chaos) = Self::named(name) {
            return chaos;
        }
        let text =
            std::fs::read_to_string(Path::new(name)).map_err(|io| ChaosError::Unknown { name: name.to_owned(), io })?;
        Self::parse(&text, name)
    }

    /// An embedded profile by name, or else the text of one, as a request to switch carries it. Reads no files.
    pub(super) fn named_or_text(text: &str) -> Result<Chaos, ChaosError> {
        Self::named(text.trim()).unwrap_or_else(|| Self::parse(text, "the request"))
    }

    fn named(name: &str) -> Option<Result<Chaos, ChaosError>> {
        let (_, text) = NAMED.iter().find(|(named, _)| *named == name)?;
        Some(Self::parse(text, name))
    }

    fn parse(text: &str, origin: &str) -> Result<Chaos, ChaosError> {
        let chaos: Chaos = toml::from_str(text)
            .map_err(|error| ChaosError::Toml { origin: origin.to_owned(), error: Box::new(error) })?;
        let wrong = |problem: String| Err(ChaosError::Shares { origin: origin.to_owned(), problem });
        let modifiers = [("string_code", chaos.string_code), ("resultcode_only", chaos.resultcode_only)];
        let shares = chaos.shares().map(|(fault, share)| (fault.name(), share));
        for (name, share) in shares.iter().chain(&modifiers) {
            if !(0.0..=1.0).contains(share) {
                return wrong(format!("{name} = {share} is not a probability from 0 to 1"));
            }
        }
        let sum: f64 = shares.iter().map(|(_, share)| share).sum();
        if sum > 1.0 + 1e-9 {
            return wrong(format!("the shares add up to {sum}, more than 1: a call meets at most one of these faults"));
        }
        Ok(chaos)
    }

    /// Every fault that has a share, in the fixed order in which the dice are cut.
    fn shares(&self) -> [(Fault, f64); 20] {
        [
            (Fault::SupplierError, self.supplier_error),
            (Fault::QueryFailed, self.query_failed),
            (Fault::NoRecord, self.no_record),
            (Fault::InternalError, self.internal_error),
            (Fault::Throttle, self.throttle_10011),
            (Fault::ResetBeforeCharge, self.reset_before_charge),
            (Fault::Html500Uncharged, self.html_500_uncharged),
            (Fault::Redirect, self.redirect),
            (Fault::Http429, self.http_429.probability),
            (Fault::ResetBeforeReply, self.reset_before_reply),
            (Fault::ResetDuringReply, self.reset_during_reply),
            (Fault::TruncatedBody, self.truncated_body),
            (Fault::SlowReply, self.slow_reply.probability),
            (Fault::Html500Charged, self.html_500_charged),
            (Fault::EmptyResult, self.empty_result),
            (Fault::GarbageJson, self.garbage_json),
            (Fault::OversizedBody, self.oversized_body),
            (Fault::NeverEndingBody, self.never_ending_body),
            (Fault::WrongContentType, self.wrong_content_type),
            (Fault::DuplicateKey, self.duplicate_key),
        ]
    }

    /// The fault that a roll of the dice stands for, if any.
    pub(super) fn fault(&self, roll: u64) -> Option<Fault> {
        let mut rest = unit(roll);
        for (fault, share) in self.shares() {
            if rest < share {
                return Some(fault);
            }
            rest -= share;
        }
        None
    }

    /// The window that stands open, if any: nothing is asked and nothing charged in it.
    pub(super) fn closed(&self, at: Moment) -> Option<Fault> {
        let open = |spans: &[Span]| spans.iter().any(|span| span.holds(at));
        if self.expired_key_after.is_some_and(|after| at.request > after) {
            Some(Fault::ExpiredKey)
        } else if open(&self.maintenance) {
            Some(Fault::Maintenance)
        } else if open(&self.http_429.windows) {
            Some(Fault::Http429)
        } else if open(&self.quota) {
            Some(Fault::Quota)
        } else {
            None
        }
    }
}

/// Whether a roll of the dice falls into a share.
pub(super) fn happens(share: f64, roll: u64) -> bool {
    unit(roll) < share
}

/// A roll as a number from 0 up to, not including, 1: the 53 bits that an f64 holds exactly.
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
fn unit(roll: u64) -> f64 {
    (roll >> 11) as f64 / (1_u64 << 53) as f64
}

impl Span {
    fn holds(&self, at: Moment) -> bool {
        match self {
            Span::Time(TimeSpan { from, to }) => (*from..*to).contains(&at.elapsed),
            Span::Requests(RequestSpan { after_requests, for_requests, every_requests }) => {
                let Some(since) = at.request.checked_sub(after_requests + 1) else { return false };
                every_requests.map_or(since, |every| since % every.max(1)) < *for_requests
            }
        }
    }
}

/// `"12s"`, `"500ms"`, `"2m"`.
fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    parse_duration(&text).ok_or_else(|| {
        serde::de::Error::custom(format!("'{text}' is not a duration such as \"12s\", \"500ms\" or \"2m\""))
    })
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let amount: u64 = text[..digits].parse().ok()?;
    match &text[digits..] {
        "ms" => Some(Duration::from_millis(amount)),
        "s" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_secs(amount.checked_mul(60)?)),
        _ => None,
    }
}

impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self
            .shares()
            .into_iter()
            .map(|(fault, share)| (fault.name(), share))
            .chain([("string_code", self.string_code), ("resultcode_only", self.resultcode_only)])
            .filter(|(_, share)| *share > 0.0)
            .map(|(name, share)| format!("{name} {}%", share * 100.0))
            .collect();
        parts.extend(self.expired_key_after.map(|after| format!("expired key after {after} requests")));
        let spans = [("maintenance", &self.maintenance), ("429", &self.http_429.windows), ("quota", &self.quota)];
        let spans = spans.into_iter().filter(|(_, spans)| !spans.is_empty());
        parts.extend(spans.map(|(name, spans)| format!("{} window(s) of {name}", spans.len())));
        f.write_str(if parts.is_empty() { "no faults".to_owned() } else { parts.join(", ") }.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::super::number::hash;
    use super::*;

    fn at(request: u64) -> Moment {
        Moment { request, elapsed: Duration::ZERO }
    }

    #[test]
    fn every_named_profile_is_valid() {
        for name in Chaos::names() {
            Chaos::named_or_file(name).unwrap_or_else(|error| panic!("{error}"));
        }
        assert!(matches!(Chaos::named_or_file("nigth"), Err(ChaosError::Unknown { .. })));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for wrong in [
            "suplier_error = 0.1",
            "no_record = 1.5",
            "no_record = -0.1",
            "no_record = nan",
            "no_record = 0.6\nsupplier_error = 0.6",
            "slow_reply = { probability = 0.1 }",
            "slow_reply = { probability = 0.1, delay = \"soon\" }",
            "maintenance = [{ after_requests = 3 }]",
            "maintenance = [{ from = \"1s\", to = \"2s\", for_requests = 3 }]",
        ] {
            assert!(Chaos::parse(wrong, "test").is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_come_out_as_written() {
        let chaos = Chaos::parse("no_record = 0.04\nhtml_500_charged = 0.01", "test").expect("valid");
        let mut counts = [0_u32; 3];
        for n in 0..100_000_u64 {
            match chaos.fault(hash(&n.to_le_bytes(), 7)) {
                Some(Fault::NoRecord) => counts[0] += 1,
                Some(Fault::Html500Charged) => counts[1] += 1,
                Some(other) => panic!("{other:?} has no share"),
                None => counts[2] += 1,
            }
        }
        assert!((3_800..4_200).contains(&counts[0]), "{counts:?}");
        assert!((900..1_100).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn windows_open_and_close() {
        let chaos = Chaos::parse(
            "maintenance = [{ after_requests = 3, for_requests = 2 }]\nexpired_key_after = 50\n\
             quota = [{ from = \"2s\", to = \"5s\" }]\n\
             http_429 = { windows = [{ after_requests = 10, for_requests = 1, every_requests = 10 }] }",
            "test",
        )
        .expect("valid");
        for (request, closed) in [
            (3, None),
            (4, Some(Fault::Maintenance)),
            (5, Some(Fault::Maintenance)),
            (6, None),
            (11, Some(Fault::Http429)),
            (12, None),
            (21, Some(Fault::Http429)),
            (51, Some(Fault::ExpiredKey)),
        ] {
            assert_eq!(chaos.closed(at(request)), closed, "request {request}");
        }
        let after = |seconds| chaos.closed(Moment { request: 1, elapsed: Duration::from_secs(seconds) });
        assert_eq!([1, 2, 4, 5].map(after), [None, Some(Fault::Quota), Some(Fault::Quota), None]);
    }
}
