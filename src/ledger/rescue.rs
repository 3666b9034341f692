//! The rescue file: settlements that the ledger could not take, kept until the next start takes them in.
//!
//! Invariants: a line is on disk before `settle` reports its failure; a line that could not be written whole is cut off again;
//! the file is removed only after what it holds was committed. It names its ledger, so that a file left behind by another one is
//! never taken in. It holds neither numbers nor keys. How it fails: a last line torn by a crash is reported and left out (its
//! call then becomes a doubt); any other line that cannot be read, or a call that the ledger does not know, stops the start.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::crash;
use crate::domain::call::{CallId, Outcome, Settlement};
use crate::ledger::store::{OpenError, beside, sync_folder};

/// What a start found in the rescue file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absorbed {
    /// Settlements taken in.
    pub settlements: usize,
    /// The last line was torn; the call it was about becomes a doubt.
    pub torn: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    ledger: String,
    call: i64,
    outcome: Word,
    assumed: bool,
    code: Option<i64>,
    reason: String,
    order_id: Option<String>,
    fields: Vec<String>,
    /// No answer is given up for the want of it.
    #[serde(default)]
    took_ms: u32,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Paid,
    NoRecord,
    Rejected,
    Failed,
    Unpaid,
    Doubt,
}

impl From<Outcome> for Word {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Paid => Word::Paid,
            Outcome::NoRecord => Word::NoRecord,
            Outcome::Rejected => Word::Rejected,
            Outcome::Failed => Word::Failed,
            Outcome::Unpaid => Word::Unpaid,
            Outcome::Doubt => Word::Doubt,
        }
    }
}

impl From<Word> for Outcome {
    fn from(word: Word) -> Self {
        match word {
            Word::Paid => Outcome::Paid,
            Word::NoRecord => Outcome::NoRecord,
            Word::Rejected => Outcome::Rejected,
            Word::Failed => Outcome::Failed,
            Word::Unpaid => Outcome::Unpaid,
            Word::Doubt => Outcome::Doubt,
        }
    }
}

pub(super) fn path_of(ledger: &Path) -> PathBuf {
    beside(ledger, "rescue")
}

/// Appends settlements to the rescue file of `ledger`, durably.
pub(super) fn append(ledger: &Path, uid: &str, settlements: &[Settlement]) -> io::Result<PathBuf> {
    let path = path_of(ledger);
    let mut text = Vec::new();
    for settlement in settlements {
        let Settlement { call, outcome, assumed, code, reason, order_id, fields, took_ms } = settlement.clone();
        let outcome = Word::from(outcome);
        let line =
            Line { ledger: uid.to_owned(), call: call.0, outcome, assumed, code, reason, order_id, fields, took_ms };
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
    let before = file.metadata()?.len();
    crash::point("rescue.begun");
    let written = file.write_all(&text).and_then(|()| file.sync_all());
    crash::point("rescue.written");
    if let Err(error) = written {
        // Half a line would make the next one unreadable; what stood there before is still good.
        file.set_len(before)?;
        return Err(error);
    }
    sync_folder(&path)?;
    Ok(path)
}

/// What the rescue file of `ledger` holds; none if there is no such file.
pub(super) fn read(ledger: &Path, uid: &str) -> Result<Option<(Vec<Settlement>, bool)>, OpenError> {
    let path = path_of(ledger);
    let refuse = |why: String| OpenError::Rescue { path: path.clone(), why };
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refuse(error.to_string())),
    };
    let mut settlements = Vec::new();
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(whole) = line.strip_suffix(b"\n") else { return Ok(Some((settlements, true))) };
        let line: Line = serde_json::from_slice(whole).map_err(|error| {
            refuse(format!("line {} is damaged ({error}): mend it or delete that line", number + 1))
        })?;
        if line.ledger != uid {
            return Err(refuse("it belongs to another ledger: move it back beside that one".to_owned()));
        }
        settlements.push(settlement(line));
    }
    Ok(Some((settlements, false)))
}

fn settlement(line: Line) -> Settlement {
    let Line { ledger: _, call, outcome, assumed, code, reason, order_id, fields, took_ms } = line;
    Settlement { call: CallId(call), outcome: outcome.into(), assumed, code, reason, order_id, fields, took_ms }
}

/// Removes the file, after what it held was committed.
pub(super) fn remove(ledger: &Path) -> Result<(), OpenError> {
    let path = path_of(ledger);
    fs::remove_file(&path)
        .and_then(|()| sync_folder(&path))
        .map_err(|error| OpenError::Rescue { path, why: error.to_string() })
}
