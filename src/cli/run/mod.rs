//! `payonce run`: the main job.

mod advice;
mod report;
mod setup;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::time::Instant;

use self::setup::{Stage, set_up};
use super::args::{RunArgs, SharedArgs};
use super::plan::bill;
use super::{logging, signals};
use crate::domain::exit::Exit;
use crate::passes::{Enrichment, Prepared, prepare};
use crate::progress::{Gauge, Screen, Watch};

pub(super) fn run(args: RunArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(enrich(args, shared));
    // The reader of a stopped lane may still be inside a blocking read.
    runtime.shutdown_background();
    exit
}

async fn enrich(args: RunArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let screen = Screen::stderr();
    let (config, catalogue) = super::common::load(shared)?;
    logging::start(shared, &config, &screen)?;
    let cancel = signals::watch(screen.clone())?;
    let summary_file = args.summary.clone();
    let stage = set_up(args, shared, &config, &catalogue, &screen, &cancel).await?;
    // What is bound last is dropped first: the lock outlives the ledger.
    let Stage { _lock, job, input, target, replace_columns, ledger, pace, clients, clock, sandbox } = stage;

    let prepared = prepare(&job, &input, &ledger).await?;
    announce(shared, &screen, &job, &input, &prepared);
    let gauges: Vec<Arc<Gauge>> = job
        .lanes
        .iter()
        .zip(&prepared.survey.lanes)
        .map(|(lane, survey)| Arc::new(Gauge::new(lane.profile.id.as_str(), survey.to_ask.len(), lane.price)))
        .collect();
    let watch = (!shared.quiet).then(|| Watch::start(&screen, gauges.clone()));
    let (run, survey) = (prepared.run.clone(), prepared.survey.clone());
    let enrichment = Enrichment {
        job: job.clone(),
        input: input.clone(),
        target: target.clone(),
        replace_columns,
        ledger: ledger.clone(),
        pace,
        clients,
        clock,
        cancel,
        started,
    };
    let outcome = enrichment.carry_out(prepared, &gauges).await;
    if let Some(watch) = watch {
        watch.close();
    }
    let outcome = outcome.context("the output was not written; every answer is in the ledger, so running the same command again pays for nothing twice")?;

    let facts = report::Facts {
        job: &job,
        input: &input,
        target: &target,
        ledger: &ledger,
        run: &run,
        survey: &survey,
        seconds: started.elapsed().as_secs_f64(),
    };
    let summary = report::summary(&facts, &outcome);
    if let Some(path) = summary_file {
        write_summary(&path, &summary)?;
    }
    if !shared.quiet || outcome.exit != Exit::Done {
        screen.say(&summary.text());
        if let Some(sandbox) = &sandbox {
            screen.say(&format!("the sandbox's own bill: {}", sandbox.bill()));
        }
    }
    Ok(outcome.exit)
}

/// Says what is about to happen, before the first call.
fn announce(
    shared: &SharedArgs,
    screen: &Screen,
    job: &crate::settings::Job,
    input: &crate::table::Input,
    prepared: &Prepared,
) {
    if shared.quiet {
        return;
    }
    screen.say(&bill(job, input, &prepared.survey).text());
    let run = &prepared.run;
    if run.resumed {
        screen.say(&format!(
            "going on with run {}, begun on {}; --new-run begins anew",
            run.id,
            run.began.for_people()
        ));
    }
    if prepared.orphans > 0 {
        screen.say(&format!(
            "{} calls were under way when an earlier invocation was killed: they are in doubt now and are not asked again (payonce doubts)",
            prepared.orphans
        ));
    }
}

/// Writes the summary in one step.
fn write_summary(path: &Path, summary: &crate::progress::RunSummary) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(summary)? + "\n";
    crate::table::write_whole(path, text.as_bytes())
        .with_context(|| format!("cannot write the summary {}", path.display()))
}
