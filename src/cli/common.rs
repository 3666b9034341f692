//! What several commands do the same way: config, catalogue, job, ledgers.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::args::{InputArgs, LimitArgs, SharedArgs};
use super::failure::Usage;
use crate::catalog::Catalogue;
use crate::domain::run::LedgerKind;
use crate::ledger::SqliteLedger;
use crate::settings::{Config, Job, Loaded, Overrides, default_ledger, ledger_place};
use crate::table::{Input, InputOptions};

/// The config and the profiles it names.
pub(super) fn load(shared: &SharedArgs) -> anyhow::Result<(Config, Catalogue)> {
    let Loaded { config, .. } = Loaded::find(shared.config.as_deref())?;
    let catalogue = Catalogue::with_files(&config.profiles)?;
    Ok((config, catalogue))
}

/// What the flags of `plan`, `export` and `run` have in common.
pub(super) fn overrides(input: &InputArgs) -> Overrides {
    let InputArgs { input: _, apis, column, encoding, delimiter, skip_lines, only_segment, reuse } = input;
    Overrides {
        apis: apis.clone(),
        column: column.clone(),
        encoding: encoding.clone(),
        delimiter: delimiter.clone(),
        skip_lines: *skip_lines,
        only_segment: *only_segment,
        reuse: *reuse,
        ..Overrides::default()
    }
}

/// The same with the limits that `plan` and `run` take.
pub(super) fn limited(input: &InputArgs, limits: &LimitArgs) -> Overrides {
    let LimitArgs { rate, price, budget, until, max_runtime } = limits;
    Overrides {
        rate: *rate,
        price: *price,
        budget: *budget,
        until: *until,
        max_runtime: *max_runtime,
        ..overrides(input)
    }
}

/// Opens the input as the job says.
pub(super) fn open_input(path: &std::path::Path, job: &Job) -> anyhow::Result<Arc<Input>> {
    let options = InputOptions {
        column: job.column.clone(),
        encoding: job.encoding.clone(),
        delimiter: job.delimiter.clone(),
        skip_lines: job.skip_lines,
    };
    Ok(Arc::new(Input::open(path, &options)?))
}

/// The ledger for reading; none where there is none yet.
pub(super) fn read_ledger(shared: &SharedArgs, config: &Config) -> anyhow::Result<Option<SqliteLedger>> {
    let path = ledger_path(shared, config)?;
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(SqliteLedger::open_existing_read_only(&path)?))
}

/// The ledger for reading, where the command makes no sense without one.
pub(super) fn existing_ledger(shared: &SharedArgs, config: &Config) -> anyhow::Result<SqliteLedger> {
    match read_ledger(shared, config)? {
        Some(ledger) => Ok(ledger),
        None => {
            let path = ledger_path(shared, config)?;
            let others = [LedgerKind::Sandbox, LedgerKind::Loopback].into_iter().filter_map(default_ledger);
            let others: Vec<_> =
                others.filter(|other| other.exists()).map(|other| other.display().to_string()).collect();
            let hint = if others.is_empty() { String::new() } else { format!(" (there is {})", others.join(" and ")) };
            Err(Usage(format!("there is no ledger at {}; --ledger FILE names another{hint}", path.display())).into())
        }
    }
}

fn ledger_path(shared: &SharedArgs, config: &Config) -> anyhow::Result<PathBuf> {
    Ok(ledger_place(shared.ledger.clone(), config, LedgerKind::Live)?.path)
}

/// A small runtime for commands that read the ledger.
pub(super) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// Prints to standard output; a closed one is reported as such.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end())?;
    out.flush()
}

/// Prints a value as indented JSON.
pub(super) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    Ok(print(&serde_json::to_string_pretty(value)?)?)
}
