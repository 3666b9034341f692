//! The last pass: the input once more, beside what the ledger knows.
//!
//! A view of the ledger and nothing else, so that it can be written again at any time, also while a run is on. Every input row is
//! there, in input order; what was not reached says `pending`.

use std::collections::BTreeMap;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::survey::is_other_carrier;
use crate::catalog::{Profile, Segments, SubjectForm};
use crate::crash;
use crate::domain::call::{Record, Standing, View};
use crate::domain::cell::{self, Invalid};
use crate::domain::ports::{Ledger, LedgerError};
use crate::domain::status::Status;
use crate::domain::subject::{Identity, Subject};
use crate::domain::text::for_spreadsheet;
use crate::progress;
use crate::settings::Job;
use crate::table::{Input, Output, OutputOptions, Row, Rows, Target};

/// Rows looked up at a time.
const BATCH: usize = 1024;

/// What one lane's columns say.
#[derive(Clone, Debug, Default)]
pub struct LaneExport {
    /// Rows by status; every status is there.
    pub statuses: BTreeMap<Status, u64>,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Exported {
    pub rows: u64,
    pub lanes: Vec<LaneExport>,
}

/// The new columns of a job, in lane order.
pub fn columns(job: &Job) -> Vec<String> {
    job.lanes.iter().flat_map(|lane| lane.profile.columns()).collect()
}

/// How the output is to be written.
pub fn options(job: &Job, replace_columns: bool) -> OutputOptions {
    OutputOptions {
        encoding: job.output_encoding.clone(),
        delimiter: job.output_delimiter.clone(),
        mode: job.output_mode,
        replace_columns,
    }
}

/// Writes the output. Blocking; to be called on a blocking thread of a tokio runtime.
pub fn export<L: Ledger>(
    input: &Input,
    job: &Job,
    ledger: &L,
    views: &[View],
    target: &Target,
    replace_columns: bool,
) -> anyhow::Result<Exported> {
    let output = Output::create(target, input, &options(job, replace_columns), &columns(job))?;
    walk(input, job, ledger, views, Some(output))
}

/// Counts the rows that an output would have, by status; writes nothing. Blocking, like [`export`].
pub fn count_rows<L: Ledger>(input: &Input, job: &Job, ledger: &L, views: &[View]) -> anyhow::Result<Vec<LaneExport>> {
    Ok(walk(input, job, ledger, views, None)?.lanes)
}

fn walk<L: Ledger>(
    input: &Input,
    job: &Job,
    ledger: &L,
    views: &[View],
    mut output: Option<Output>,
) -> anyhow::Result<Exported> {
    let segments = Segments::built_in();
    let runtime = Handle::current();
    let empty: BTreeMap<Status, u64> = Status::ALL.into_iter().map(|status| (status, 0)).collect();
    let mut lanes = vec![LaneExport { statuses: empty }; job.lanes.len()];
    let mut rows = input.rows()?;
    let mut extras: Vec<Vec<String>> = vec![Vec::new(); BATCH];
    let mut count = 0;
    let (mut batch, mut next) = (Batch::default(), Batch::default());
    batch.fill(&mut rows, ledger, views, &runtime)?;
    while batch.filled > 0 {
        // The ledger is read for the next rows while these are written.
        next.fill(&mut rows, ledger, views, &runtime)?;
        count += batch.filled as u64;
        extras.iter_mut().for_each(Vec::clear);
        for ((lane, exported), standings) in job.lanes.iter().zip(&mut lanes).zip(batch.standings.drain(..)) {
            let mut standings = runtime.block_on(standings)??.into_iter();
            let profile = &lane.profile;
            for (identity, extra) in batch.identities.iter().zip(&mut extras) {
                let cells = match identity {
                    Err(reason) => Cells::Invalid(*reason),
                    Ok(identity) => match standings.next() {
                        Some(Standing::Known(record)) => Cells::Known(record),
                        _ if job.only_segment && is_other_carrier(&segments, profile, identity) => {
                            Cells::Bare(Status::Skipped)
                        }
                        _ if needs_number(profile, identity) => Cells::Invalid(Invalid::NeedsNumber),
                        _ => Cells::Bare(Status::Pending),
                    },
                };
                *exported.statuses.entry(cells.status()).or_default() += 1;
                cells.write(profile, extra);
            }
        }
        for (row, extra) in batch.rows[..batch.filled].iter().zip(&extras) {
            let Some(output) = &mut output else { break };
            crash::point("export.row");
            output.write(row, extra.iter().map(String::as_str))?;
        }
        std::mem::swap(&mut batch, &mut next);
    }
    if let Some(output) = output {
        output.finish()?;
    }
    Ok(Exported { rows: count, lanes })
}

/// Rows with what the ledger is asked about them, lane by lane.
#[derive(Default)]
struct Batch {
    rows: Vec<Row>,
    filled: usize,
    identities: Vec<Result<Identity, Invalid>>,
    standings: Vec<JoinHandle<Result<Vec<Standing>, LedgerError>>>,
}

impl Batch {
    /// Reads the next rows, none at the end of the input, and begins to look them up.
    fn fill<L: Ledger>(&mut self, rows: &mut Rows, ledger: &L, views: &[View], runtime: &Handle) -> anyhow::Result<()> {
        self.rows.resize_with(BATCH, Row::default);
        self.filled = 0;
        while self.filled < BATCH && rows.next_into(&mut self.rows[self.filled])? {
            self.filled += 1;
        }
        if self.filled == 0 {
            return Ok(());
        }
        self.identities = self.rows[..self.filled].iter().map(|row| cell::judge(row.cell())).collect();
        let subjects = self.identities.iter().filter_map(|identity| Some(identity.as_ref().ok()?.subject()));
        let subjects: Vec<Subject> = subjects.collect();
        self.standings.extend(views.iter().map(|view| {
            let (ledger, view, subjects) = (ledger.clone(), view.clone(), subjects.clone());
            runtime.spawn(async move { ledger.look_up(view, subjects).await })
        }));
        Ok(())
    }
}

fn needs_number(profile: &Profile, identity: &Identity) -> bool {
    profile.subject.form == SubjectForm::Plain && matches!(identity, Identity::Digest(_))
}

/// What the columns of a lane say about a row.
enum Cells {
    Invalid(Invalid),
    Bare(Status),
    Known(Record),
}

impl Cells {
    fn status(&self) -> Status {
        match self {
            Cells::Invalid(_) => Status::Invalid,
            Cells::Bare(status) => *status,
            Cells::Known(record) => record.status,
        }
    }

    /// In the order of [`Profile::columns`].
    fn write(&self, profile: &Profile, extra: &mut Vec<String>) {
        extra.push(self.status().as_str().to_owned());
        let record = match self {
            Cells::Known(record) => Some(record),
            _ => None,
        };
        for (i, field) in profile.reply.fields.iter().enumerate() {
            let code = record.and_then(|record| record.fields.get(i)).map(String::as_str).unwrap_or_default();
            extra.push(defused_code(code));
            if field.label_column.is_some() {
                extra.push(field.labels.get(code).cloned().unwrap_or_default());
            }
        }
        extra.push(record.and_then(|record| record.code).map(|code| code.to_string()).unwrap_or_default());
        extra.push(match self {
            Cells::Invalid(reason) => progress::reason(*reason),
            Cells::Bare(_) => String::new(),
            Cells::Known(record) => for_spreadsheet(&record.reason),
        });
        extra.push(record.and_then(|record| record.order_id.as_deref()).map(for_spreadsheet).unwrap_or_default());
        extra.push(record.map(|record| record.asked.rfc3339()).unwrap_or_default());
        if let Some(month) = profile.data_month {
            extra.push(record.map(|record| month.of(record.asked).to_string()).unwrap_or_default());
        }
    }
}

/// Vendor text is data; a number, signed or not, is no formula.
fn defused_code(code: &str) -> String {
    if code.parse::<f64>().is_ok() { code.to_owned() } else { for_spreadsheet(code) }
}
