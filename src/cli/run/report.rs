//! From the outcome of a run to its summary and its page.

use super::super::report::of_ledger;
use super::advice::advice;
use crate::catalog::Catalogue;
use crate::domain::money::Money;
use crate::domain::run::{LaneEnd, Run};
use crate::ledger::SqliteLedger;
use crate::passes::{LaneResult, Outcome, Survey, add_rows, run_to_report};
use crate::progress::report::Report;
use crate::progress::{LaneSummary, RunSummary};
use crate::settings::{Config, Job, LaneJob};
use crate::table::{Input, Target};

/// What a summary is made from, besides the outcome.
pub(super) struct Facts<'a> {
    pub(super) job: &'a Job,
    pub(super) input: &'a Input,
    pub(super) target: &'a Target,
    pub(super) ledger: &'a SqliteLedger,
    pub(super) run: &'a Run,
    pub(super) survey: &'a Survey,
    pub(super) seconds: f64,
}

pub(super) fn summary(facts: &Facts<'_>, outcome: &Outcome) -> RunSummary {
    let lanes = facts.job.lanes.iter().enumerate().map(|(i, lane)| {
        let statuses = outcome.exported.as_ref().map(|exported| &exported.lanes[i].statuses);
        let statuses = statuses.into_iter().flatten().map(|(status, rows)| (status.as_str(), *rows)).collect();
        (lane.profile.id.to_string(), lane_summary(lane, &outcome.lanes[i], statuses, facts.survey.lanes[i].reused))
    });
    RunSummary {
        run: facts.run.id.0,
        exit_code: outcome.exit.code(),
        input: facts.input.name().to_owned(),
        output: outcome.exported.as_ref().map(|_| facts.target.name()),
        rows: facts.survey.rows,
        distinct: facts.survey.distinct,
        seconds: facts.seconds,
        lanes: lanes.collect(),
        ledger: facts.ledger.path().display().to_string(),
        finished: outcome.exported.is_some() && outcome.lanes.iter().all(|lane| lane.end == LaneEnd::Finished),
    }
}

/// The page about the run, with what only this invocation knows.
pub(super) async fn page(
    facts: &Facts<'_>,
    outcome: &Outcome,
    summary: &RunSummary,
    config: &Config,
    catalogue: &Catalogue,
) -> anyhow::Result<Report> {
    let info = run_to_report(facts.ledger, Some(facts.run.id)).await?;
    let mut page = of_ledger(facts.ledger, &info, config, catalogue).await?;
    let exported = outcome.exported.as_ref().map(|exported| exported.lanes.as_slice());
    add_rows(&mut page, facts.job, facts.survey, exported);
    page.output = summary.output.clone();
    for part in &mut page.lanes {
        let Some(lane) = summary.lanes.get(part.api.as_str()) else { continue };
        part.worst_window = (lane.worst_window > 0).then_some(lane.worst_window);
        part.advice = lane.advice.clone();
    }
    Ok(page)
}

fn lane_summary(
    lane: &LaneJob,
    result: &LaneResult,
    statuses: indexmap::IndexMap<&'static str, u64>,
    reused: u64,
) -> LaneSummary {
    let LaneResult { end, totals, spacing } = result;
    LaneSummary {
        stopped_by: end.word(),
        statuses,
        calls: totals.calls,
        billed: totals.billed + totals.lost,
        unbilled: totals.unbilled,
        unbilled_assumed: totals.unbilled_assumed,
        in_doubt: totals.in_doubt,
        reused,
        spent: lane.price.map(|_| totals.spent.to_string()),
        at_stake: lane.price.map(|_| totals.at_stake.to_string()),
        worst_window: spacing.worst_window,
        rate_configured: lane.rate.hertz(),
        rate_achieved: (spacing.achieved * 100.0).round() / 100.0,
        held: (totals.held > Money::ZERO).then(|| totals.held.to_string()),
        advice: advice(end, &lane.profile),
    }
}
