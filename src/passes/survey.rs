//! The first pass: the whole input is judged and counted before anything is paid.
//!
//! Two steps. The census reads the file and needs no ledger; bad input stops here. The standings hold the distinct subjects, in
//! order, against the ledger, and leave behind, for each lane, the set of records that are to be asked. Memory is flat: subjects
//! are sorted outside, sets are bitmaps over record numbers. What is found here is advisory; only `open` grants a call.

use anyhow::{Context, bail};
use roaring::RoaringBitmap;

use crate::catalog::{Carrier, Profile, Segments, SubjectForm};
use crate::crash;
use crate::domain::call::{Standing, View};
use crate::domain::cell::{self, Invalid};
use crate::domain::ports::Ledger;
use crate::domain::status::Status;
use crate::domain::subject::{Identity, Subject};
use crate::settings::{Job, LaneJob};
use crate::table::{Entry, Input, InputError, Row, Sorted, Sorter};

/// Records named for each reason that a cell is invalid.
const EXAMPLES: usize = 5;
/// Subjects looked up at a time.
const BATCH: usize = 4096;

/// Cells that are invalid for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidGroup {
    /// The reason of the first of them.
    pub reason: Invalid,
    pub rows: u64,
    /// The first records of it.
    pub records: Vec<u64>,
}

/// What the file alone shows.
pub struct Census {
    pub rows: u64,
    /// By reason, in the order of [`Invalid::ALL_WORDS`].
    pub invalid: Vec<InvalidGroup>,
    /// Rows whose number is in another carrier's segment, by lane.
    pub other_carrier: Vec<u64>,
    /// Records that a lane leaves out, by lane; empty without `--only-segment`.
    skipped: Vec<RoaringBitmap>,
    subjects: Sorted,
}

/// What a run would do in one lane.
#[derive(Clone, Debug, Default)]
pub struct LaneSurvey {
    /// Rows in another carrier's segment. A hint: numbers are portable.
    pub other_carrier: u64,
    /// Rows left out by `--only-segment`.
    pub skipped: u64,
    /// Distinct subjects answered already, by this run or within its window.
    pub known: u64,
    /// Of the known ones, those that another run asked for.
    pub reused: u64,
    /// Distinct subjects in doubt, written off or lost, that are not asked.
    pub blocked: u64,
    /// Distinct subjects in doubt that the run may ask again.
    pub releasable: u64,
    /// Distinct subjects asked again only because the window has moved on.
    pub stale: u64,
    /// Distinct subjects that are there as digests only, where this API needs the number.
    pub needs_number: u64,
    /// Records to be asked: one for each distinct subject.
    pub to_ask: RoaringBitmap,
}

/// The input held against the ledger.
#[derive(Clone, Debug)]
pub struct Survey {
    pub rows: u64,
    pub distinct: u64,
    pub invalid: Vec<InvalidGroup>,
    pub lanes: Vec<LaneSurvey>,
}

/// Whether a number is in a segment of another carrier than the API's.
pub(super) fn is_other_carrier(segments: &Segments, profile: &Profile, identity: &Identity) -> bool {
    match (profile.carrier, identity) {
        (Some(carrier), Identity::Number(number)) => {
            segments.carrier(number).is_some_and(|own: Carrier| own != carrier)
        }
        _ => false,
    }
}

/// Reads the whole input. Blocking.
pub fn census(input: &Input, job: &Job) -> anyhow::Result<Census> {
    let segments = Segments::built_in();
    let lanes = &job.lanes;
    let mut invalid: Vec<Option<InvalidGroup>> = vec![None; Invalid::ALL_WORDS.len()];
    let mut other_carrier = vec![0; lanes.len()];
    let mut skipped = vec![RoaringBitmap::new(); lanes.len()];
    let mut sorter = Sorter::new();
    let mut rows = input.rows()?;
    let mut row = Row::default();
    let mut count = 0;
    while rows.next_into(&mut row)? {
        crash::point("survey.row");
        count = row.record;
        let Ok(record) = u32::try_from(row.record) else {
            bail!("{} has more than {} records; split it", input.name(), u32::MAX);
        };
        let identity = match cell::judge(row.cell()) {
            Ok(identity) => identity,
            Err(reason) => {
                let group = invalid[reason.index()].get_or_insert_with(|| InvalidGroup {
                    reason,
                    rows: 0,
                    records: Vec::new(),
                });
                group.rows += 1;
                if group.records.len() < EXAMPLES {
                    group.records.push(row.record);
                }
                continue;
            }
        };
        for (lane, job_lane) in lanes.iter().enumerate() {
            if is_other_carrier(&segments, &job_lane.profile, &identity) {
                other_carrier[lane] += 1;
                if job.only_segment {
                    skipped[lane].insert(record);
                }
            }
        }
        let plain = matches!(identity, Identity::Number(_));
        sorter.push(Entry { subject: identity.subject(), row: record, plain }).context(SPILL)?;
    }
    let subjects = sorter.finish().context(SPILL)?;
    Ok(Census { rows: count, invalid: invalid.into_iter().flatten().collect(), other_carrier, skipped, subjects })
}

const SPILL: &str = "cannot sort the numbers in the temporary folder (set TMPDIR to a folder with room)";

/// The rows of one subject, as far as lanes care.
struct Group {
    subject: Subject,
    first_plain: Option<u32>,
    first_digest: Option<u32>,
}

impl Group {
    /// The record by which a lane would ask; none where it has nothing to ask with. An error where it needs the number.
    fn record(&self, lane: &LaneJob, skipped: &RoaringBitmap) -> Result<Option<u32>, Invalid> {
        let plain = self.first_plain.filter(|record| !skipped.contains(*record));
        match lane.profile.subject.form {
            SubjectForm::Sha256 => Ok(plain.into_iter().chain(self.first_digest).min()),
            SubjectForm::Plain if self.first_plain.is_none() => Err(Invalid::NeedsNumber),
            SubjectForm::Plain => Ok(plain),
        }
    }
}

/// Holds the census against the ledger; `views` has one for each lane. Without a ledger nothing is known.
pub async fn standings<L: Ledger>(
    census: Census,
    job: &Job,
    ledger: Option<&L>,
    views: &[View],
) -> anyhow::Result<Survey> {
    let Census { rows, invalid, other_carrier, skipped, mut subjects } = census;
    let mut lanes: Vec<LaneSurvey> = other_carrier
        .into_iter()
        .zip(&skipped)
        .map(|(other_carrier, skipped)| LaneSurvey { other_carrier, skipped: skipped.len(), ..LaneSurvey::default() })
        .collect();
    let mut distinct = 0;
    let mut ahead: Option<Entry> = None;
    loop {
        let groups = next_groups(&mut subjects, &mut ahead)?;
        if groups.is_empty() {
            break;
        }
        distinct += groups.len() as u64;
        for (lane, survey) in lanes.iter_mut().enumerate() {
            let known = match ledger {
                Some(ledger) => {
                    let wanted = groups.iter().map(|group| group.subject).collect();
                    ledger.look_up(views[lane].clone(), wanted).await?
                }
                None => vec![Standing::Unknown; groups.len()],
            };
            for (group, standing) in groups.iter().zip(known) {
                survey.count(group, standing, job, &job.lanes[lane], &skipped[lane], &views[lane]);
            }
        }
    }
    Ok(Survey { rows, distinct, invalid, lanes })
}

impl LaneSurvey {
    fn count(
        &mut self,
        group: &Group,
        standing: Standing,
        job: &Job,
        lane: &LaneJob,
        skipped: &RoaringBitmap,
        view: &View,
    ) {
        let record = match (group.record(lane, skipped), standing) {
            (record, Standing::Known(known)) => {
                let own = view.run == Some(known.run);
                let again = !own && job.terms.again.contains(&known.status);
                let releasable = known.status == Status::InDoubt && self.releasable < job.terms.release_doubts;
                match known.status {
                    Status::InDoubt if releasable => self.releasable += 1,
                    Status::InDoubt | Status::WrittenOff | Status::Lost => self.blocked += 1,
                    _ if again => {}
                    _ => {
                        self.known += 1;
                        self.reused += u64::from(!own);
                    }
                }
                if again || releasable { record.ok().flatten() } else { None }
            }
            (Ok(record), standing) => {
                self.stale += u64::from(record.is_some() && standing == Standing::Stale);
                record
            }
            (Err(_), _) => {
                self.needs_number += 1;
                None
            }
        };
        self.to_ask.extend(record);
    }
}

/// The next distinct subjects, in order, with the rows that carry them.
fn next_groups(subjects: &mut Sorted, ahead: &mut Option<Entry>) -> anyhow::Result<Vec<Group>> {
    let mut groups: Vec<Group> = Vec::with_capacity(BATCH);
    loop {
        let entry = match ahead.take() {
            Some(entry) => entry,
            None => match subjects.next() {
                Some(entry) => entry.context(SPILL)?,
                None => return Ok(groups),
            },
        };
        if groups.last().is_none_or(|group| group.subject != entry.subject) {
            if groups.len() == BATCH {
                *ahead = Some(entry);
                return Ok(groups);
            }
            groups.push(Group { subject: entry.subject, first_plain: None, first_digest: None });
        }
        if let Some(group) = groups.last_mut() {
            group.add(&entry);
        }
    }
}

impl Group {
    /// Entries of a subject come in the order of their rows.
    fn add(&mut self, entry: &Entry) {
        let first = if entry.plain { &mut self.first_plain } else { &mut self.first_digest };
        first.get_or_insert(entry.row);
    }
}

/// Whether an error means that the input is no longer what it was.
pub(super) fn is_changed(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(InputError::Changed { .. })))
}
