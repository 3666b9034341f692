//! The reader of the fetch pass: streams the input's rows that are still to be asked into a lane.
//!
//! From the top, but not strictly: within a stretch, records are asked in the order of their subjects, so that answers which are
//! stored together lie together in the ledger's index of subjects; asked in the input's order, every answer touches a page of
//! its own, and a run takes a quarter longer. A stretch is at most an eighth of what was asked before it: wherever a run stops,
//! the answered rows are those at the top, give or take one in eight, and a trial of a few calls asks the first rows.

use std::sync::Arc;

use roaring::RoaringBitmap;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::call::Candidate;
use crate::catalog::SubjectForm;
use crate::domain::cell;
use crate::domain::subject::{Identity, Number, Subject};
use crate::table::{Input, InputError, Row};

/// Candidates that travel together.
const BATCH: usize = 128;
/// Batches under way.
const BATCHES: usize = 2;
/// Most records of a stretch: 768 KiB. Of a ledger of a million answers it meets each page of the index about five times.
const STRETCH: usize = 16 * 1024;
/// One in so many records may be asked out of turn.
const STRAY: usize = 8;

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
    let mut stretch = Stretch::default();
    while rows.next_into(&mut row)? {
        let Some(record) = u32::try_from(row.record).ok().filter(|record| to_ask.contains(*record)) else { continue };
        if let Ok(identity) = cell::judge(row.cell()) {
            stretch.wishes.push(Wish::new(&identity, record));
        }
        if stretch.is_full() && !stretch.send(form, sender) {
            return Ok(());
        }
    }
    stretch.send(form, sender);
    Ok(())
}

/// A record that is to be asked, in little room.
struct Wish {
    subject: Subject,
    number: Option<Number>,
    record: u32,
}

impl Wish {
    fn new(identity: &Identity, record: u32) -> Self {
        let number = match identity {
            Identity::Number(number) => Some(*number),
            Identity::Digest(_) => None,
        };
        Wish { subject: identity.subject(), number, record }
    }

    fn candidate(&self, form: SubjectForm) -> Candidate {
        let Wish { subject, number, record } = *self;
        let value = match (form, number) {
            (SubjectForm::Plain, Some(number)) => number.as_str().to_owned(),
            (SubjectForm::Sha256, _) => subject.hex(),
            (SubjectForm::Plain, None) => {
                panic!("record {record} is a digest, which this API is never asked about")
            }
        };
        Candidate { subject, value, record: u64::from(record), attempt: 1 }
    }
}

/// Records that are put into the order of their subjects before they are asked.
#[derive(Default)]
struct Stretch {
    wishes: Vec<Wish>,
    /// Records in the stretches before.
    sent: usize,
}

impl Stretch {
    fn is_full(&self) -> bool {
        self.wishes.len() >= (self.sent / STRAY).clamp(1, STRETCH)
    }

    /// False where nobody listens any more.
    fn send(&mut self, form: SubjectForm, sender: &Sender<Result<Batch, SourceError>>) -> bool {
        self.wishes.sort_unstable_by_key(|wish| wish.subject);
        self.sent += self.wishes.len();
        let mut batches =
            self.wishes.chunks(BATCH).map(|chunk| chunk.iter().map(|wish| wish.candidate(form)).collect());
        let listening = batches.all(|batch| sender.blocking_send(Ok(batch)).is_ok());
        self.wishes.clear();
        listening
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of a long input, as they are asked.
    fn asked(records: u32) -> Vec<Candidate> {
        let (sender, mut receiver) = channel(records as usize);
        let mut stretch = Stretch::default();
        for record in 1..=records {
            let number = Number::from_digits(format!("130{record:08}").as_bytes()).expect("a number");
            stretch.wishes.push(Wish::new(&Identity::Number(number), record));
            if stretch.is_full() {
                assert!(stretch.send(SubjectForm::Plain, &sender));
            }
        }
        stretch.send(SubjectForm::Plain, &sender);
        drop(sender);
        std::iter::from_fn(|| receiver.blocking_recv()).flat_map(|batch| batch.expect("no error")).collect()
    }

    #[test]
    fn records_are_asked_from_the_top_give_or_take_one_in_eight() {
        let mut asked = asked(300_000);
        for (before, candidate) in (0..).zip(&asked) {
            assert!(candidate.record <= before + 1 + before / STRAY as u64, "{} after {before}", candidate.record);
            assert_eq!(candidate.value, format!("130{:08}", candidate.record));
        }
        let strays = |part: &[Candidate]| part.windows(2).filter(|pair| pair[1].subject < pair[0].subject).count();
        assert!(strays(&asked[150_000..]) <= 1 + 150_000 / STRETCH, "by their subjects within a stretch");
        asked.sort_by_key(|candidate| candidate.record);
        assert!(asked.iter().map(|candidate| candidate.record).eq(1..=300_000), "each of them once");
    }
}
