//! Everything that is opened before a run, in the order in which it can fail without having cost anything.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::super::args::{LockArgs, RunArgs, SharedArgs};
use super::super::clock::SystemClock;
use super::super::common::{absorbed, limited, open_input};
use super::super::failure::Usage;
use crate::catalog::{Catalogue, Method};
use crate::client::{HttpClient, HttpSettings, RequestShape, Transport};
use crate::domain::ids::RunId;
use crate::domain::ports::Clock;
use crate::domain::run::LedgerKind;
use crate::ledger::{RunLock, SqliteLedger};
use crate::pace::GovernedPace;
use crate::passes::{output_columns, output_options};
use crate::progress::Screen;
use crate::sandbox::{Chaos, Sandbox, SandboxOptions};
use crate::settings::{Config, Job, LaneJob, LedgerPlace, Overrides, is_loopback, ledger_place, resolve};
use crate::table::{Input, Target, check, default_output};

/// What a run works with.
pub(super) struct Stage {
    pub(super) job: Job,
    pub(super) input: Arc<Input>,
    pub(super) target: Target,
    pub(super) replace_columns: bool,
    pub(super) ledger: SqliteLedger,
    pub(super) pace: GovernedPace,
    pub(super) clients: Vec<HttpClient>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sandbox: Option<Sandbox>,
    /// Held until the run is over.
    pub(super) _lock: RunLock,
}

pub(super) async fn set_up(
    args: RunArgs,
    shared: &SharedArgs,
    config: &Config,
    catalogue: &Catalogue,
    screen: &Screen,
    cancel: &CancellationToken,
) -> anyhow::Result<Stage> {
    let sandbox = args.sandbox.then(|| start_sandbox(args.chaos.as_deref())).transpose()?;
    let mut overrides = run_overrides(&args);
    let RunArgs { input, output, replace_columns, lock: LockArgs { wait }, .. } = args;
    if let Some((sandbox, _)) = &sandbox {
        overrides.base_url = Some(sandbox.base_url().parse()?);
    }
    let job = resolve(overrides, config, catalogue)?;
    let keys = keys(&job, config, sandbox.as_ref().map(|(_, key)| key))?;
    let place = ledger_place(shared.ledger.clone(), config, job.kind(sandbox.is_some()))?;
    refuse_silent_ledger(&place)?;

    let path = input.input;
    let input = open_input(&path, &job)?;
    let target = Target::of_argument(&output.unwrap_or_else(|| default_output(&path)));
    check(&target, &input, &output_options(&job, replace_columns), &output_columns(&job))
        .map_err(|error| Usage(error.to_string()))?;

    let lock = lock(&place.path, wait, cancel).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ledger = open_ledger(&place, clock.clone(), screen)?;
    let pace = GovernedPace::new(job.lanes.iter().map(|lane| (lane.profile.id.clone(), lane.rate)));
    let clients = job.lanes.iter().zip(keys).map(|(lane, key)| client(lane, key)).collect::<anyhow::Result<_>>()?;
    let sandbox = sandbox.map(|(sandbox, _)| sandbox);
    Ok(Stage { job, input, target, replace_columns, ledger, pace, clients, clock, sandbox, _lock: lock })
}

fn run_overrides(args: &RunArgs) -> Overrides {
    let RunArgs {
        input,
        limits,
        concurrency,
        timeout,
        max_calls,
        release_doubts,
        again,
        new_run,
        continue_run,
        base_url,
        output: _,
        replace_columns: _,
        summary: _,
        report: _,
        metrics_file: _,
        lock: _,
        sandbox: _,
        chaos: _,
    } = args;
    Overrides {
        concurrency: *concurrency,
        timeout: *timeout,
        max_calls: *max_calls,
        release_doubts: *release_doubts,
        again: again.clone(),
        new_run: *new_run,
        continue_run: continue_run.map(RunId),
        base_url: base_url.clone(),
        ..limited(input, limits)
    }
}

fn start_sandbox(chaos: Option<&str>) -> anyhow::Result<(Sandbox, SecretString)> {
    let chaos = Chaos::named_or_file(chaos.unwrap_or("none")).map_err(|error| Usage(error.to_string()))?;
    let options = SandboxOptions { chaos, ..SandboxOptions::default() };
    let key = SecretString::from(options.key.clone());
    Ok((Sandbox::start_in_background(options)?, key))
}

fn keys(job: &Job, config: &Config, sandbox: Option<&SecretString>) -> anyhow::Result<Vec<SecretString>> {
    if let Some(key) = sandbox {
        return Ok(vec![key.clone(); job.lanes.len()]);
    }
    let (keys, warnings) = job.keys(config)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(keys)
}

/// Money that cron spends must not end up in a ledger that nobody knows of.
fn refuse_silent_ledger(place: &LedgerPlace) -> Result<(), Usage> {
    let watched = io::stderr().is_terminal() || io::stdin().is_terminal();
    if place.kind == LedgerKind::Live && place.is_default && !place.path.exists() && !watched {
        return Err(Usage(format!(
            "there is no ledger yet, and without a terminal none is made in the default place ({}): name one with --ledger FILE or [ledger] path in the config",
            place.path.display()
        )));
    }
    Ok(())
}

async fn lock(ledger: &Path, wait: bool, cancel: &CancellationToken) -> anyhow::Result<RunLock> {
    if !wait {
        return Ok(RunLock::acquire(ledger)?);
    }
    let path = ledger.to_owned();
    let waiting = tokio::task::spawn_blocking(move || RunLock::acquire_waiting(&path));
    tokio::select! {
        lock = waiting => Ok(lock??),
        () = cancel.cancelled() => std::process::exit(i32::from(crate::domain::exit::Exit::Interrupted.code())),
    }
}

fn open_ledger(place: &LedgerPlace, clock: Arc<dyn Clock>, screen: &Screen) -> anyhow::Result<SqliteLedger> {
    let ledger = SqliteLedger::open(&place.path, place.kind, clock)?;
    if let Some(text) = absorbed(&ledger) {
        screen.say(&text);
    }
    Ok(ledger)
}

fn client(lane: &LaneJob, key: SecretString) -> anyhow::Result<HttpClient> {
    let profile = &lane.profile;
    let shape = RequestShape {
        url: lane.url.clone(),
        transport: match lane.method {
            Method::Post => Transport::Form,
            Method::Get => Transport::Query,
        },
        key_param: profile.key_param.clone(),
        key,
        subject_param: profile.subject.param.clone(),
        constants: profile.params.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
    };
    let settings = HttpSettings {
        timeout: lane.timeout,
        connect_timeout: lane.connect_timeout,
        connections: lane.concurrency,
        direct: is_loopback(&lane.url),
    };
    HttpClient::new(&shape, settings)
}
