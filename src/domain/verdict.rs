//! What a reply means for the money, and what the lane does about it.
//!
//! Verdicts follow money, not HTTP: a call is paid, unpaid, not sent, or in doubt. Anything that cannot be proven to be one of
//! the first three is a doubt; guessing in the operator's favour would be paying twice.

use std::time::Duration;

use serde::Deserialize;

/// What came back from one attempt, before anyone has judged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawReply {
    /// Proven: no byte of the request left (refused, DNS, TLS handshake, connect timeout).
    NotSent { why: String },
    /// The request may have left and no whole reply came back.
    Lost { why: String },
    /// A whole reply.
    Received { http: u16, retry_after: Option<Duration>, body: Vec<u8> },
}

/// What payonce does about a reply (CONTRACT: Replies). The part that profiles name in TOML is [`CodeClass`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Paid; the row is `ok`.
    Answer,
    /// The vendor has no record of the number; unpaid.
    NoRecord,
    /// The vendor refused the parameters of this number; unpaid.
    Rejected,
    /// The supplier behind the vendor failed; unpaid, asked again later.
    Retry,
    /// Too fast; the lane pauses, then goes on at half the rate.
    Throttle { retry_after: Option<Duration> },
    /// The number of calls allowed is used up.
    Quota,
    /// The service is being maintained.
    Maintenance,
    /// The key or the service is refused: the lane stops.
    Halt,
    /// A code that the documents do not know; unpaid as far as documented.
    Unknown,
    /// Perhaps paid.
    Doubt,
    /// Proven not to have reached the vendor.
    NotSent,
}

/// What a verdict says about the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    Paid,
    Unpaid,
    /// Unpaid as payonce reads a document that does not say so; its reservation is kept until a statement clears it.
    UnpaidAssumed,
    NotSent,
    Doubt,
}

/// One judged reply: its class, and what of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub class: Class,
    pub billing: Billing,
    /// The vendor's `error_code`, where one could be read.
    pub code: Option<i64>,
    /// The vendor's words, or ours where it had none. Data, never matched on.
    pub reason: String,
    pub order_id: Option<String>,
    /// The profile's fields in the profile's order; empty text where the reply had none.
    pub fields: Vec<String>,
}

impl Verdict {
    /// A verdict that carries a reason of our own and nothing of the vendor's.
    pub fn bare(class: Class, billing: Billing, reason: impl Into<String>) -> Self {
        Verdict { class, billing, code: None, reason: reason.into(), order_id: None, fields: Vec::new() }
    }
}

/// The class of a vendor code, as profiles write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeClass {
    Answer,
    NoRecord,
    Rejected,
    Retry,
    Throttle,
    Quota,
    Maintenance,
    Halt,
    Doubt,
}

impl CodeClass {
    pub const fn as_str(self) -> &'static str {
        match self {
            CodeClass::Answer => "answer",
            CodeClass::NoRecord => "no_record",
            CodeClass::Rejected => "rejected",
            CodeClass::Retry => "retry",
            CodeClass::Throttle => "throttle",
            CodeClass::Quota => "quota",
            CodeClass::Maintenance => "maintenance",
            CodeClass::Halt => "halt",
            CodeClass::Doubt => "doubt",
        }
    }

    /// What payonce does about such a reply, for `explain`.
    pub const fn consequence(self) -> &'static str {
        match self {
            CodeClass::Answer => "paid; the row is ok",
            CodeClass::NoRecord => "not billed; the row is no_record and is not asked again within the run's window",
            CodeClass::Rejected => {
                "not billed; the row is rejected; a lane whose first 50 replies are all rejected, or 200 in a row, stops (exit 4)"
            }
            CodeClass::Retry => {
                "not billed; asked again with growing pauses, never sooner than 3 s, then failed after `attempts`"
            }
            CodeClass::Throttle => {
                "not billed; the lane pauses, goes on at half the rate and creeps back to the configured one"
            }
            CodeClass::Quota => {
                "not billed; the lane pauses and probes for `quota_patience`, then stops (exit 75), or sleeps until `quota_reset` with quota = \"wait\""
            }
            CodeClass::Maintenance => {
                "not billed; the lane pauses and probes for `maintenance_patience`, then stops (exit 75)"
            }
            CodeClass::Halt => "not billed; the lane stops at once (exit 4)",
            CodeClass::Doubt => {
                "perhaps billed: the row is in_doubt and is never asked again by itself; see `payonce doubts`"
            }
        }
    }
}
