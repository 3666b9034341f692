//! The rescue file: ends of calls that the ledger could not take, kept until the next start takes them in.
//!
//! It lies beside the ledger, and the disk that refuses the ledger is most often full: so its room is reserved (written, not
//! merely asked for) before anything is paid, and lines go over the zeros that stand there. Invariants: a line is on disk before
//! `settle` reports its failure; a line that could not be written whole is wiped out again; what it holds is taken off only after
//! it was committed. It names its ledger, so that a file left behind by another one is never taken in. It holds neither numbers
//! nor keys. How it fails: a last line torn by a crash is reported and left out (its call then becomes a doubt); any other line
//! that cannot be read, or a call that the ledger does not know, stops the start.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::crash;
use crate::domain::call::{Outcome, Settlement};
use crate::domain::ids::CallId;
use crate::ledger::store::{OpenError, beside, sync_folder};

/// Room for the ends of some two hundred calls, many more than are ever in flight.
const ROOM: usize = 64 << 10;

/// The end of a call that the ledger could not take.
#[derive(Clone, Debug)]
pub(super) enum End {
    Settled(Settlement),
    /// It never left.
    Withdrawn(CallId),
}

/// What the file holds.
#[derive(Debug, Default)]
pub(super) struct Rescued {
    pub(super) settlements: Vec<Settlement>,
    pub(super) withdrawn: Vec<CallId>,
    /// The last line was torn.
    pub(super) torn: bool,
}

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
    Withdrawn,
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

impl Word {
    /// None for a call that never left.
    fn outcome(self) -> Option<Outcome> {
        Some(match self {
            Word::Paid => Outcome::Paid,
            Word::NoRecord => Outcome::NoRecord,
            Word::Rejected => Outcome::Rejected,
            Word::Failed => Outcome::Failed,
            Word::Unpaid => Outcome::Unpaid,
            Word::Doubt => Outcome::Doubt,
            Word::Withdrawn => return None,
        })
    }
}

pub(super) fn path_of(ledger: &Path) -> PathBuf {
    beside(ledger, "rescue")
}

/// Makes sure that the file of `ledger` has room, on a disk that may be full later. What stands in it stays.
pub(super) fn reserve(ledger: &Path) -> io::Result<()> {
    let path = path_of(ledger);
    let mut file = open(&path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if length < ROOM {
        file.seek(SeekFrom::End(0))?;
        file.write_all(&vec![0; ROOM - length])?;
        file.sync_all()?;
        sync_folder(&path)?;
    }
    crash::point("rescue.reserved");
    Ok(())
}

/// Gives the room back, unless something stands in it.
pub(super) fn release(ledger: &Path) {
    let path = path_of(ledger);
    let unused = fs::read(&path).is_ok_and(|bytes| used(&bytes).is_empty());
    if unused {
        // What is left behind is empty, and the next start uses it.
        let _ = fs::remove_file(&path);
    }
}

/// Appends ends of calls to the rescue file of `ledger`, durably.
pub(super) fn append(ledger: &Path, uid: &str, ends: &[End]) -> io::Result<PathBuf> {
    let path = path_of(ledger);
    let text = lines(uid, ends)?;
    let mut file = open(&path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let (length, at) = (bytes.len(), used(&bytes).len());
    crash::point("rescue.begun");
    let written = write_at(&mut file, at, &text);
    crash::point("rescue.written");
    if let Err(error) = written {
        // Half a line would make the next one unreadable; what stood there before is still good, and so is the room.
        file.set_len(length as u64)?;
        write_at(&mut file, at, &vec![0; length - at])?;
        return Err(error);
    }
    sync_folder(&path)?;
    Ok(path)
}

/// The lines that say how calls ended.
pub(super) fn lines(uid: &str, ends: &[End]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for end in ends {
        let ledger = uid.to_owned();
        let line = match end.clone() {
            End::Settled(Settlement { call, outcome, assumed, code, reason, order_id, fields, took_ms }) => {
                let outcome = Word::from(outcome);
                Line { ledger, call: call.0, outcome, assumed, code, reason, order_id, fields, took_ms }
            }
            End::Withdrawn(call) => Line {
                ledger,
                call: call.0,
                outcome: Word::Withdrawn,
                assumed: false,
                code: None,
                reason: String::new(),
                order_id: None,
                fields: Vec::new(),
                took_ms: 0,
            },
        };
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    Ok(text)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn write_at(file: &mut File, at: usize, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at as u64))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// What stands in the file: lines hold no zeros, the room behind them holds nothing else.
fn used(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// What the rescue file of `ledger` holds; none if nothing stands in it.
pub(super) fn read(ledger: &Path, uid: &str) -> Result<Option<Rescued>, OpenError> {
    let path = path_of(ledger);
    let refuse = |why: String| OpenError::Rescue { path: path.clone(), why };
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refuse(error.to_string())),
    };
    let bytes = used(&bytes);
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut rescued = Rescued::default();
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(whole) = line.strip_suffix(b"\n") else {
            rescued.torn = true;
            break;
        };
        let line: Line = serde_json::from_slice(whole).map_err(|error| {
            refuse(format!("line {} is damaged ({error}): mend it or delete that line", number + 1))
        })?;
        if line.ledger != uid {
            return Err(refuse("it belongs to another ledger: move it back beside that one".to_owned()));
        }
        let Line { ledger: _, call, outcome, assumed, code, reason, order_id, fields, took_ms } = line;
        let call = CallId(call);
        match outcome.outcome() {
            None => rescued.withdrawn.push(call),
            Some(outcome) => {
                rescued.settlements.push(Settlement {
                    call,
                    outcome,
                    assumed,
                    code,
                    reason,
                    order_id,
                    fields,
                    took_ms,
                });
            }
        }
    }
    Ok(Some(rescued))
}

/// Takes off what the file holds, after that was committed.
pub(super) fn clear(ledger: &Path) -> Result<(), OpenError> {
    let path = path_of(ledger);
    fs::remove_file(&path)
        .and_then(|()| sync_folder(&path))
        .map_err(|error| OpenError::Rescue { path, why: error.to_string() })
}
