//! What a report of a run is made from: the ledger, the profiles, and the input where it is at hand.
//!
//! Reads only, also while a run is on. What is not known stays unknown: a profile that is gone leaves bare codes, a run without
//! its input has no rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;

use super::enrich::{take_census, view_of};
use super::export::{LaneExport, count_rows};
use super::survey::{InvalidGroup, Survey, standings};
use crate::catalog::{Field, Profile};
use crate::domain::call::{DoubtFilter, Scope, View};
use crate::domain::freshness::Stamp;
use crate::domain::ids::RunId;
use crate::domain::ports::{Ledger, LedgerError};
use crate::domain::review::{FieldCodes, LaneReview};
use crate::domain::run::{LedgerKind, RunInfo};
use crate::progress::InvalidCells;
use crate::progress::report::{Axis, CodeCount, FieldReport, FileFacts, Gap, LaneReport, Report};
use crate::settings::Job;
use crate::table::Input;

/// Doubts that are listed.
const DOUBTS: usize = 20;

/// The run of that number, or the newest one.
pub async fn run_to_report<L: Ledger>(ledger: &L, run: Option<RunId>) -> anyhow::Result<RunInfo> {
    let mut runs = ledger.runs().await?.into_iter();
    match run {
        Some(id) => runs.find(|info| info.id == id).ok_or_else(|| LedgerError::NoSuchRun(id).into()),
        None => runs.next().context("there is no run in this ledger yet"),
    }
}

/// The report of a run, from the ledger alone. `profile` finds an API's profile.
pub async fn report<L: Ledger>(
    ledger: &L,
    info: &RunInfo,
    kind: LedgerKind,
    now: Stamp,
    profile: impl Fn(&str) -> Option<Profile>,
) -> anyhow::Result<Report> {
    let invocations = ledger.invocations(info.id).await?;
    let axis = Axis::over(&invocations);
    let mut reviews: BTreeMap<_, _> = ledger.review(info.id, axis.ruler()).await?.into_iter().collect();
    let mut lanes = Vec::new();
    for api in &info.key.apis {
        let scope = Scope { run: Some(info.id), api: Some(api.clone()), ..Scope::default() };
        let profile = profile(api.as_str());
        let review = reviews.remove(api).unwrap_or_default();
        lanes.push(LaneReport {
            api: api.clone(),
            title: profile.as_ref().map(|profile| profile.title.clone()),
            totals: ledger.totals(scope).await?,
            fields: fields(profile.as_ref(), &review),
            review,
            statuses: None,
            reused: None,
            needs_number: 0,
            worst_window: None,
            advice: None,
        });
    }
    let filter = DoubtFilter { run: Some(info.id), api: None };
    Ok(Report {
        run: info.id.0,
        input: info.key.input_name.clone(),
        output: None,
        ledger: String::new(),
        kind,
        made: now,
        began: info.began,
        seen: info.finished.unwrap_or(info.last_seen),
        finished: info.finished.is_some(),
        exit_code: info.outcome,
        forgotten: info.forgotten,
        invocations,
        file: None,
        lanes,
        doubts: ledger.doubts(filter, None, DOUBTS).await?,
        place: String::new(),
        go_on: String::new(),
    })
}

/// Adds what only the input shows: reads it once more beside the ledger, in the window of the run.
pub async fn add_input<L: Ledger>(
    report: &mut Report,
    job: &Job,
    input: &Arc<Input>,
    ledger: &L,
    info: &RunInfo,
) -> anyhow::Result<()> {
    if info.key.input_digest != input.digest() {
        return Err(LedgerError::OtherRun { run: info.id, was: info.key.input_name.clone() }.into());
    }
    let views: Vec<View> = job.lanes.iter().map(|lane| view_of(info, lane)).collect();
    let census = take_census(job, input).await?;
    let survey = standings(census, job, Some(ledger), &views).await?;
    let lanes = {
        let (job, input, ledger) = (job.clone(), input.clone(), ledger.clone());
        tokio::task::spawn_blocking(move || count_rows(&input, &job, &ledger, &views)).await??
    };
    // Where answers were dropped, rows would falsely say `pending`.
    add_rows(report, job, &survey, Some(lanes.as_slice()).filter(|_| !info.forgotten));
    Ok(())
}

/// Adds what is known of the input's rows.
pub fn add_rows(report: &mut Report, job: &Job, survey: &Survey, exported: Option<&[LaneExport]>) {
    report.file =
        Some(FileFacts { rows: survey.rows, distinct: survey.distinct, invalid: invalid_cells(&survey.invalid) });
    for (i, lane) in job.lanes.iter().enumerate() {
        let Some(part) = report.lanes.iter_mut().find(|part| part.api == lane.profile.id) else { continue };
        part.reused = Some(survey.lanes[i].reused);
        part.needs_number = survey.lanes[i].needs_number;
        part.statuses = exported.map(|lanes| lanes[i].statuses.clone());
    }
}

/// Groups of invalid cells as the bill and the report show them.
pub fn invalid_cells(groups: &[InvalidGroup]) -> Vec<InvalidCells> {
    let cells = |group: &InvalidGroup| InvalidCells {
        invalid: group.reason,
        reason: group.reason.word(),
        text: group.reason.to_string(),
        rows: group.rows,
        records: group.records.clone(),
    };
    groups.iter().map(cells).collect()
}

/// The fields of the answers, with their labels where there is a profile.
fn fields(profile: Option<&Profile>, review: &LaneReview) -> Vec<FieldReport> {
    let none = FieldCodes::default();
    match profile {
        Some(profile) => {
            let known = profile.reply.fields.iter().enumerate();
            known.map(|(i, field)| labelled(profile, field, review.fields.get(i).unwrap_or(&none))).collect()
        }
        None => {
            let bare = review.fields.iter().enumerate();
            bare.map(|(i, counted)| FieldReport {
                column: (i + 1).to_string(),
                codes: by_code(counted, &BTreeMap::new()),
                others: counted.others,
                ..FieldReport::default()
            })
            .collect()
        }
    }
}

fn labelled(profile: &Profile, field: &Field, counted: &FieldCodes) -> FieldReport {
    FieldReport {
        column: format!("{}_{}", profile.prefix, field.column),
        meaning: field.meaning.clone(),
        codes: by_code(counted, &field.labels),
        others: counted.others,
        gap: gap(profile, field),
    }
}

/// Every code that has a label or an answer, in order.
fn by_code(counted: &FieldCodes, labels: &BTreeMap<String, String>) -> Vec<CodeCount> {
    let mut answers: BTreeMap<&str, u64> = labels.keys().map(|code| (code.as_str(), 0)).collect();
    for (code, count) in &counted.codes {
        *answers.entry(code).or_default() += count;
    }
    let mut codes: Vec<CodeCount> = answers
        .into_iter()
        .map(|(code, answers)| CodeCount { code: code.to_owned(), label: labels.get(code).cloned(), answers })
        .collect();
    codes
        .sort_by_cached_key(|one| (one.label.is_none(), one.code.parse::<i64>().unwrap_or(i64::MAX), one.code.clone()));
    codes
}

/// The first band that the labels of a field leave out, and the config lines that put it in.
fn gap(profile: &Profile, field: &Field) -> Option<Gap> {
    let (code, band) = field.gap()?;
    let column = field.label_column.as_deref()?;
    let override_line = format!("[apis.{}]\nlabels.{column} = {{ \"{code}\" = \"{band}\" }}", profile.id);
    Some(Gap { band, override_line })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalogue;

    fn profile(id: &str) -> Profile {
        Catalogue::built_in().get(id).expect("a built-in profile").clone()
    }

    #[test]
    fn the_band_that_the_document_leaves_out_is_found() {
        let ctcc = profile("ctcc-call-duration");
        let found = gap(&ctcc, &ctcc.reply.fields[0]).expect("the gap");
        assert_eq!(found.band, "(1,5]");
        assert_eq!(found.override_line, "[apis.ctcc-call-duration]\nlabels.calling_minutes = { \"2\" = \"(1,5]\" }");
        let mut mended = ctcc.clone();
        let label = |code: &str, label: &str| (code.to_owned(), label.to_owned());
        let labels = BTreeMap::from([label("2", "(1,5]"), label("3", "(5,20]")]);
        mended.relabel("calling_minutes", &labels).expect("a labelled column");
        assert_eq!(gap(&mended, &mended.reply.fields[0]), None);
        let cucc = profile("cucc-tenure");
        assert_eq!(gap(&cucc, &cucc.reply.fields[0]), None);
    }

    #[test]
    fn every_label_is_there_and_unknown_codes_come_last() {
        let field = &profile("cucc-tenure").reply.fields[0];
        let counted = FieldCodes { codes: vec![("-3".to_owned(), 1), ("2".to_owned(), 5)], others: 0 };
        let codes = by_code(&counted, &field.labels);
        let shown: Vec<_> = codes.iter().map(|one| (one.code.as_str(), one.answers)).collect();
        assert_eq!(shown, [("1", 0), ("2", 5), ("3", 0), ("4", 0), ("5", 0), ("99", 0), ("-3", 1)]);
    }
}
