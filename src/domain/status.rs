//! What became of one row in one lane: the value of the `P_status` column.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The status of a row in a lane (CONTRACT: Output).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Answered and paid.
    Ok,
    /// The vendor knows nothing about the number; not billed.
    NoRecord,
    /// The vendor refused the parameters; not billed.
    Rejected,
    /// The cell holds nothing that this API can be asked about.
    Invalid,
    /// Left out on purpose: another carrier's segment under `--only-segment`.
    Skipped,
    /// Asked as often as allowed, or refused with a code that the documents do not know.
    Failed,
    /// Perhaps paid, perhaps not: the reply never reached the ledger.
    InDoubt,
    /// A doubt that the operator gave up.
    WrittenOff,
    /// Charged according to the vendor's statement; the answer never arrived.
    Lost,
    /// Not reached yet.
    Pending,
}

impl Status {
    pub const ALL: [Status; 10] = [
        Status::Ok,
        Status::NoRecord,
        Status::Rejected,
        Status::Invalid,
        Status::Skipped,
        Status::Failed,
        Status::InDoubt,
        Status::WrittenOff,
        Status::Lost,
        Status::Pending,
    ];

    /// The word that stands in the output and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::NoRecord => "no_record",
            Status::Rejected => "rejected",
            Status::Invalid => "invalid",
            Status::Skipped => "skipped",
            Status::Failed => "failed",
            Status::InDoubt => "in_doubt",
            Status::WrittenOff => "written_off",
            Status::Lost => "lost",
            Status::Pending => "pending",
        }
    }

    /// A settled row needs nothing more from anybody (exit code 0).
    pub const fn is_settled(self) -> bool {
        !matches!(self, Status::Failed | Status::InDoubt | Status::Pending)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Status::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Status::ALL.iter().map(|status| status.as_str()).collect();
            format!("'{text}' is not a status; known: {}", known.join(", "))
        })
    }
}
