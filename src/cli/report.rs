//! `payonce report`: a page about a run, and the same page at the end of `run`.

use std::path::{Path, PathBuf};

use super::args::{FileArgs, ReportArgs, SharedArgs};
use super::clock::SystemClock;
use super::{common, files};
use crate::catalog::Catalogue;
use crate::domain::exit::Exit;
use crate::domain::ids::RunId;
use crate::domain::ports::Clock;
use crate::domain::run::RunInfo;
use crate::ledger::SqliteLedger;
use crate::passes::{add_input, report as gather, run_to_report};
use crate::progress::report::Report;
use crate::settings::{Config, Overrides, configured_profile, resolve};

pub(super) fn report(args: ReportArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let ReportArgs { run, output, input, file } = args;
    let (config, catalogue) = common::load(shared)?;
    let ledger = common::existing_ledger(shared, &config)?;
    common::runtime()?.block_on(async {
        let info = run_to_report(&ledger, run.map(RunId)).await?;
        let output = output.unwrap_or_else(|| PathBuf::from(format!("payonce-report-{}.html", info.id)));
        let to_stdout = output == Path::new("-");
        files::check(Some(output.as_path()).filter(|_| !to_stdout), "--output")?;
        let mut page = of_ledger(&ledger, &info, &config, &catalogue).await?;
        if let Some(path) = input {
            let job = resolve(overrides(&info, &file), &config, &catalogue)?;
            let input = common::open_input(&path, &job)?;
            add_input(&mut page, &job, &input, &ledger, &info).await?;
        }
        if to_stdout {
            common::print(&page.html())?;
        } else {
            write(&output, &page)?;
            if !shared.quiet {
                eprintln!("written: {}", output.display());
            }
        }
        Ok(Exit::Done)
    })
}

/// How the input of a run is read, for the APIs that it asked.
fn overrides(info: &RunInfo, file: &FileArgs) -> Overrides {
    Overrides {
        apis: info.key.apis.iter().map(ToString::to_string).collect(),
        reuse: Some(info.key.reuse),
        ..common::of_file(file)
    }
}

/// The page of a run as its ledger shows it.
pub(super) async fn of_ledger(
    ledger: &SqliteLedger,
    info: &RunInfo,
    config: &Config,
    catalogue: &Catalogue,
) -> anyhow::Result<Report> {
    let profile = |id: &str| configured_profile(catalogue.get(id).ok()?.clone(), config).ok();
    let mut page = gather(ledger, info, ledger.kind(), SystemClock.now(), profile).await?;
    page.ledger = ledger.path().display().to_string();
    page.place = common::ledger_flag(ledger);
    page.go_on = common::continue_command(ledger, info);
    Ok(page)
}

/// Writes the page in one step. It holds answers in their sums, so it is for its owner alone.
pub(super) fn write(path: &Path, page: &Report) -> anyhow::Result<()> {
    files::replace(path, "report", 0o600, page.html().as_bytes())
}
