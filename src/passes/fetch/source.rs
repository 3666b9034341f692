//! The reader of the fetch pass: streams the input's rows that are still to be asked into a lane.

use std::sync::Arc;

use roaring::RoaringBitmap;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::call::Candidate;
use crate::catalog::SubjectForm;
use crate::domain::cell;
use crate::domain::subject::Identity;
use crate::table::{Input, InputError, Row};

/// Candidates that travel together.
const BATCH: usize = 128;
/// Batches under way.
const BATCHES: usize = 2;

pub(super) type Batch = Vec<Candidate>;

/// Why the reader ended before the input did.
#[derive(Debug)]
pub(super) enum SourceError {
    /// The input is not what it was.
    Changed(String),
    Failed(String),
}

/// Starts reading on a thread of its own; `to_ask` holds record numbers. The reader ends with its receiver.
pub(super) fn read(
    input: Arc<Input>,
    form: SubjectForm,
    to_ask: RoaringBitmap,
) -> Receiver<Result<Batch, SourceError>> {
    let (sender, receiver) = channel(BATCHES);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send_rows(&input, form, &to_ask, &sender) {
            let error = match error {
                InputError::Changed { .. } => SourceError::Changed(error.to_string()),
                other => SourceError::Failed(other.to_string()),
            };
            // A lane that has stopped listens no more.
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn send_rows(
    input: &Input,
    form: SubjectForm,
    to_ask: &RoaringBitmap,
    sender: &Sender<Result<Batch, SourceError>>,
) -> Result<(), InputError> {
    let mut rows = input.rows()?;
    let mut row = Row::default();
    let mut batch = Vec::with_capacity(BATCH);
    while rows.next_into(&mut row)? {
        let record = row.record;
        if !u32::try_from(record).is_ok_and(|record| to_ask.contains(record)) {
            continue;
        }
        if let Ok(identity) = cell::judge(row.cell()) {
            batch.push(candidate(&identity, form, record));
        }
        if batch.len() == BATCH && sender.blocking_send(Ok(std::mem::take(&mut batch))).is_err() {
            return Ok(());
        }
    }
    if !batch.is_empty() {
        let _ = sender.blocking_send(Ok(batch));
    }
    Ok(())
}

fn candidate(identity: &Identity, form: SubjectForm, record: u64) -> Candidate {
    let subject = identity.subject();
    let value = match (form, identity) {
        (SubjectForm::Plain, Identity::Number(number)) => number.as_str().to_owned(),
        (SubjectForm::Sha256, _) => subject.hex(),
        (SubjectForm::Plain, Identity::Digest(_)) => {
            panic!("record {record} is a digest, which this API is never asked about")
        }
    };
    Candidate { subject, value, record, attempt: 1 }
}
