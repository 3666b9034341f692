//! `payonce run`: the main job.

mod advice;
mod confirm;
mod report;
mod setup;

use std::path::Path;
use std::sync::Arc;

use rust_i18n::t;
use tokio::time::Instant;

use self::setup::{Stage, set_up};
use super::args::{RunArgs, SharedArgs};
use super::plan::{bill, worst_case_cost};
use super::{files, logging, signals};
use crate::domain::exit::Exit;
use crate::domain::ports::Ledger;
use crate::domain::text::for_terminal_lines;
use crate::passes::{Enrichment, Prepared, prepare};
use crate::progress::{Gauge, RunSummary, Screen, Watch, count, metrics};

pub(super) fn run(args: RunArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let runtime = super::common::runtime()?;
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
    let (summary_file, metrics_file) = (args.summary.clone(), args.metrics_file.clone());
    let report_file = args.report.clone();
    files::check(summary_file.as_deref(), "--summary")?;
    files::check(metrics_file.as_deref(), "--metrics-file")?;
    files::check(report_file.as_deref(), "--report")?;
    let stage = set_up(args, shared, &config, &catalogue, &screen, &cancel).await?;
    // What is bound last is dropped first: the lock outlives the ledger.
    let Stage { _lock, job, input, target, replace_columns, ledger, pace, clients, clock, sandbox } = stage;

    let prepared = prepare(&job, &input, &ledger).await?;
    announce(shared, &screen, &job, &input, &prepared);
    if !confirm::may_spend(worst_case_cost(&job, &prepared.survey), job.confirm_above, &cancel).await {
        screen.say(&t!("run.declined"));
        ledger.finish(prepared.run.id, Exit::Interrupted.code(), false).await?;
        return Ok(Exit::Interrupted);
    }
    tracing::info!(run = %prepared.run.id, resumed = prepared.run.resumed, input = input.name(), "the run begins");
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
    let outcome = outcome?;

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
    write_files(&summary, summary_file.as_deref(), metrics_file.as_deref())?;
    if let Some(path) = &report_file {
        let page = report::page(&facts, &outcome, &summary, &config, &catalogue).await?;
        super::report::write(path, &page)?;
    }
    if !shared.quiet || outcome.exit != Exit::Done {
        screen.say(&summary.text());
        if let Some(sandbox) = &sandbox {
            let bill = sandbox.bill().to_string();
            screen.say(&t!("run.sandbox_bill", bill = bill.lines().next().unwrap_or_default()));
        }
    }
    tracing::info!(run = %run.id, exit = outcome.exit.code(), "the run ended");
    if let Some(failure) = outcome.failure {
        screen.say(&format!(
            "payonce: the output was not written: {}\nthe same command, run again, writes it and pays for nothing twice",
            for_terminal_lines(&format!("{failure:#}"))
        ));
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
        screen.say(&t!("run.resumed", run = run.id, began = run.began.for_people()));
    }
    if prepared.orphans > 0 {
        screen.say(&t!("run.orphans", n = count(prepared.orphans)));
    }
}

/// Writes what scripts and monitors read.
fn write_files(summary: &RunSummary, summary_file: Option<&Path>, metrics_file: Option<&Path>) -> anyhow::Result<()> {
    if let Some(path) = summary_file {
        files::replace_summary(path, summary)?;
    }
    if let Some(path) = metrics_file {
        let before = std::fs::read_to_string(path).unwrap_or_default();
        let text = metrics(summary, jiff::Timestamp::now().as_second(), &before);
        // No numbers and no answers are in it, and the collector is another user.
        files::replace(path, "metrics file", 0o644, text.as_bytes())?;
    }
    Ok(())
}
