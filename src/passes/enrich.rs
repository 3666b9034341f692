//! A whole run: survey, fetch, export, in two halves, so that the bill can be shown between them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::export::{Exported, export};
use super::fetch::{Shared, fetch};
use super::survey::{Census, Survey, census, is_changed, standings};
use crate::crash;
use crate::domain::call::{Scope, Totals, View};
use crate::domain::exit::Exit;
use crate::domain::freshness::Stamp;
use crate::domain::ids::RunId;
use crate::domain::ports::{Client, Clock, Ledger, LedgerError, Pace, Spacing};
use crate::domain::run::{LaneEnd, Run, RunInfo, RunKey};
use crate::domain::status::Status;
use crate::progress::Gauge;
use crate::settings::{Job, LaneJob};
use crate::table::{Input, Target};

/// How often an invocation gives a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// The edges of a run and what it is about.
pub struct Enrichment<L, P, C> {
    pub job: Job,
    pub input: Arc<Input>,
    pub target: Target,
    pub replace_columns: bool,
    pub ledger: L,
    pub pace: P,
    /// One for each lane.
    pub clients: Vec<C>,
    pub clock: Arc<dyn Clock>,
    pub cancel: CancellationToken,
    /// When the process began; the deadline counts from here.
    pub started: Instant,
}

/// A run that has begun in the ledger, with its bill beforehand. Nothing is paid yet.
pub struct Prepared {
    pub run: Run,
    pub survey: Survey,
    /// Calls of a killed invocation that became doubts just now.
    pub orphans: u64,
    pub views: Vec<View>,
}

/// What became of one lane.
#[derive(Clone, Debug)]
pub struct LaneResult {
    pub end: LaneEnd,
    /// Over all invocations of the run.
    pub totals: Totals,
    /// Of this invocation.
    pub spacing: Spacing,
}

/// What became of a run.
#[derive(Debug)]
pub struct Outcome {
    pub exit: Exit,
    pub lanes: Vec<LaneResult>,
    /// None where a lane has found that the input changed under the run.
    pub exported: Option<Exported>,
    /// Why the output was not written. The answers are in the ledger all the same.
    pub failure: Option<anyhow::Error>,
}

/// What makes this job and input a run.
fn run_key(job: &Job, input: &Input) -> RunKey {
    let mut apis: Vec<_> = job.lanes.iter().map(|lane| lane.profile.id.clone()).collect();
    apis.sort();
    RunKey { input_digest: input.digest(), apis, reuse: job.reuse, input_name: input.name().to_owned() }
}

/// Reads the whole input, off the runtime's threads.
pub(super) async fn take_census(job: &Job, input: &Arc<Input>) -> anyhow::Result<Census> {
    let (job, input) = (job.clone(), input.clone());
    tokio::task::spawn_blocking(move || census(&input, &job)).await?
}

/// The first half: judges the input, begins the run or goes on with it, counts what is to be asked.
pub async fn prepare<L: Ledger>(job: &Job, input: &Arc<Input>, ledger: &L) -> anyhow::Result<Prepared> {
    let census = take_census(job, input).await?;
    crash::point("run.surveyed");
    let run = ledger.begin(run_key(job, input), job.start, job.terms.clone()).await?;
    crash::point("run.begun");
    let orphans = ledger.adopt_orphans(run.id).await?;
    crash::point("run.adopted");
    let views: Vec<View> = job
        .lanes
        .iter()
        .map(|lane| View { api: lane.profile.id.clone(), run: Some(run.id), window: run.window, closed: None })
        .collect();
    let survey = standings(census, job, Some(ledger), &views).await?;
    Ok(Prepared { run, survey, orphans, views })
}

/// What a run that began at `now` would do. Reads the ledger where there is one; begins and pays nothing.
pub async fn foresee<L: Ledger>(
    job: &Job,
    input: &Arc<Input>,
    ledger: Option<&L>,
    now: Stamp,
) -> anyhow::Result<Survey> {
    let census = take_census(job, input).await?;
    let run = match ledger {
        Some(ledger) => run_to_resume(job, input, ledger).await?,
        None => None,
    };
    let views: Vec<View> = match &run {
        Some(run) => job.lanes.iter().map(|lane| view_of(run, lane)).collect(),
        None => {
            let window = job.reuse.window(now);
            let view = |lane: &LaneJob| View { api: lane.profile.id.clone(), run: None, window, closed: None };
            job.lanes.iter().map(view).collect()
        }
    };
    standings(census, job, ledger, &views).await
}

/// The run that `begin` would go on with.
async fn run_to_resume<L: Ledger>(job: &Job, input: &Input, ledger: &L) -> anyhow::Result<Option<RunInfo>> {
    let key = run_key(job, input);
    let same = |run: &RunInfo| {
        run.finished.is_none()
            && !run.forgotten
            && run.key.input_digest == key.input_digest
            && run.key.apis == key.apis
            && run.key.reuse == key.reuse
    };
    Ok(ledger.runs().await?.into_iter().find(same))
}

/// A run as an export sees it; what other runs asked for after its end is not part of it.
pub(super) fn view_of(run: &RunInfo, lane: &LaneJob) -> View {
    View { api: lane.profile.id.clone(), run: Some(run.id), window: run.window, closed: run.finished }
}

/// Writes the output of `run`, or of the newest run of this input, from the ledger.
pub async fn re_export<L: Ledger>(
    job: &Job,
    input: &Arc<Input>,
    ledger: &L,
    run: Option<RunId>,
    target: &Target,
    replace_columns: bool,
) -> anyhow::Result<Exported> {
    let runs = ledger.runs().await?;
    let info = match run {
        Some(id) => runs.into_iter().find(|info| info.id == id).ok_or(LedgerError::NoSuchRun(id))?,
        None => runs
            .into_iter()
            .find(|info| info.key.input_digest == input.digest())
            .ok_or_else(|| LedgerError::NoRunOf(input.name().to_owned()))?,
    };
    if info.key.input_digest != input.digest() {
        return Err(LedgerError::OtherRun { run: info.id, was: info.key.input_name }.into());
    }
    if info.forgotten {
        // Its rows would say `pending`, in the place of an output that had the answers.
        return Err(LedgerError::Forgotten(info.id).into());
    }
    let views: Vec<View> = job.lanes.iter().map(|lane| view_of(&info, lane)).collect();
    write_output(job, input, ledger, views, target, replace_columns).await
}

/// Writes the output, off the runtime's threads.
async fn write_output<L: Ledger>(
    job: &Job,
    input: &Arc<Input>,
    ledger: &L,
    views: Vec<View>,
    target: &Target,
    replace_columns: bool,
) -> anyhow::Result<Exported> {
    let (job, input, ledger, target) = (job.clone(), input.clone(), ledger.clone(), target.clone());
    tokio::task::spawn_blocking(move || export(&input, &job, &ledger, &views, &target, replace_columns)).await?
}

impl<L: Ledger, P: Pace, C: Client> Enrichment<L, P, C> {
    /// The second half: asks, writes the output, closes the run. `gauges` has one for each lane.
    pub async fn carry_out(self, prepared: Prepared, gauges: &[Arc<Gauge>]) -> anyhow::Result<Outcome> {
        let Prepared { run, survey, views, .. } = prepared;
        let alive = tokio::spawn(keep_alive(self.ledger.clone(), run.clone()));
        let ends = self.fetch_all(&run, survey, gauges).await;
        crash::point("run.fetched");
        let result = self.close(&run, ends, views).await;
        alive.abort();
        // Until it is gone it holds the ledger open, whose log is folded back when nobody does.
        let _ = alive.await;
        result
    }

    async fn fetch_all(&self, run: &Run, survey: Survey, gauges: &[Arc<Gauge>]) -> Vec<LaneEnd> {
        let shared = Arc::new(Shared {
            run: run.id,
            input: self.input.clone(),
            ledger: self.ledger.clone(),
            pace: self.pace.clone(),
            deadline: self.job.deadline.as_ref().map(|deadline| self.started + deadline.after),
            cancel: self.cancel.clone(),
            clock: self.clock.clone(),
            broken: CancellationToken::new(),
        });
        let lanes = self.job.lanes.iter().cloned().zip(self.clients.iter().cloned()).zip(survey.lanes).zip(gauges);
        let tasks: Vec<_> = lanes
            .map(|(((job, client), survey), gauge)| {
                let (shared, gauge) = (shared.clone(), gauge.clone());
                tokio::spawn(async move { fetch(&shared, job, client, survey.to_ask, gauge).await })
            })
            .collect();
        let mut ends = Vec::new();
        for task in tasks {
            ends.push(
                task.await.unwrap_or_else(|error| LaneEnd::Broken {
                    reason: format!("the lane ended unexpectedly: {error}"),
                }),
            );
        }
        ends
    }

    async fn close(&self, run: &Run, ends: Vec<LaneEnd>, views: Vec<View>) -> anyhow::Result<Outcome> {
        let changed = ends.iter().any(|end| matches!(end, LaneEnd::InputChanged { .. }));
        let (exported, failure) = match changed {
            true => (None, None),
            false => {
                match write_output(&self.job, &self.input, &self.ledger, views, &self.target, self.replace_columns)
                    .await
                {
                    Ok(exported) => (Some(exported), None),
                    Err(error) => (None, Some(error)),
                }
            }
        };
        crash::point("run.exported");
        let exits = ends.iter().map(LaneEnd::exit);
        let exits = exits.chain(exported.as_ref().map(exit_of_rows)).chain(failure.as_ref().map(exit_of_failure));
        let exit = exits.fold(Exit::Done, Exit::or_graver);
        // Without an output the run stays open, so that the same command writes it.
        let finished = exported.is_some() && ends.iter().all(|end| *end == LaneEnd::Finished);
        let lanes = self.results(run, ends).await?;
        self.ledger.finish(run.id, exit.code(), finished).await?;
        crash::point("run.finished");
        Ok(Outcome { exit, lanes, exported, failure })
    }

    async fn results(&self, run: &Run, ends: Vec<LaneEnd>) -> Result<Vec<LaneResult>, LedgerError> {
        let mut lanes = Vec::new();
        for (lane, end) in self.job.lanes.iter().zip(ends) {
            let api = lane.profile.id.clone();
            let spacing = self.pace.spacing(&api);
            let scope = Scope { run: Some(run.id), api: Some(api), ..Scope::default() };
            lanes.push(LaneResult { end, totals: self.ledger.totals(scope).await?, spacing });
        }
        Ok(lanes)
    }
}

/// What the rows ask for once every lane has run to its end.
fn exit_of_rows(exported: &Exported) -> Exit {
    let open = |status: &Status, rows: &u64| !status.is_settled() && *rows > 0;
    match exported.lanes.iter().flat_map(|lane| &lane.statuses).any(|(status, rows)| open(status, rows)) {
        true => Exit::Incomplete,
        false => Exit::Done,
    }
}

fn exit_of_failure(error: &anyhow::Error) -> Exit {
    if is_changed(error) { Exit::Usage } else { Exit::Unexpected }
}

async fn keep_alive<L: Ledger>(ledger: L, run: Run) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if let Err(error) = ledger.heartbeat(run.owner).await {
            tracing::warn!("no sign of life could be stored: {error}");
        }
    }
}
