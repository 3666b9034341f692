//! What several commands do the same way: config, catalogue, job, ledgers.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rust_i18n::t;

use super::args::{FileArgs, InputArgs, LimitArgs, LockArgs, SharedArgs};
use super::clock::SystemClock;
use super::failure::Usage;
use crate::catalog::Catalogue;
use crate::domain::run::{LedgerKind, RunInfo};
use crate::ledger::{RunLock, SqliteLedger};
use crate::progress::Screen;
use crate::settings::{Config, Job, Loaded, Overrides, default_ledger, ledger_place};
use crate::table::{Input, InputOptions};

/// The config and the profiles it names.
pub(super) fn load(shared: &SharedArgs) -> anyhow::Result<(Config, Catalogue)> {
    let Loaded { config, .. } = Loaded::find(shared.config.as_deref())?;
    let catalogue = Catalogue::with_files(&config.profiles)?;
    Ok((config, catalogue))
}

/// What the flags about an input file say.
pub(super) fn of_file(file: &FileArgs) -> Overrides {
    let FileArgs { column, encoding, delimiter, skip_lines, sheet } = file.clone();
    Overrides { column, encoding, delimiter, skip_lines, sheet, ..Overrides::default() }
}

/// How a file is read that the config's `[input]` holds for, where no API is asked about it.
pub(super) fn input_options(file: &FileArgs, config: &Config) -> InputOptions {
    let FileArgs { column, encoding, delimiter, skip_lines, sheet } = file.clone();
    let input = &config.input;
    InputOptions {
        column: column.or_else(|| input.column.clone()),
        encoding: encoding.or_else(|| input.encoding.clone()),
        delimiter: delimiter.or_else(|| input.delimiter.clone()),
        skip_lines: skip_lines.or(input.skip_lines).unwrap_or(0),
        sheet,
    }
}

/// What the flags of `plan`, `export` and `run` have in common.
pub(super) fn overrides(input: &InputArgs) -> Overrides {
    let InputArgs { input: _, apis, file, only_segment, reuse } = input;
    Overrides { apis: apis.clone(), only_segment: *only_segment, reuse: *reuse, ..of_file(file) }
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
        sheet: job.sheet.clone(),
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
        None => Err(no_ledger(&ledger_path(shared, config)?).into()),
    }
}

/// A ledger that this process alone works with.
pub(super) struct LockedLedger {
    /// Closed before the lock is given back.
    pub(super) ledger: SqliteLedger,
    _lock: RunLock,
}

/// The existing ledger for writing, under the run lock.
pub(super) fn locked_ledger(shared: &SharedArgs, config: &Config, lock: LockArgs) -> anyhow::Result<LockedLedger> {
    let path = ledger_path(shared, config)?;
    if !path.exists() {
        return Err(no_ledger(&path).into());
    }
    let lock = if lock.wait { RunLock::acquire_waiting(&path)? } else { RunLock::acquire(&path)? };
    let ledger = SqliteLedger::open_existing(&path, Arc::new(SystemClock))?;
    if let Some(text) = absorbed(&ledger) {
        Screen::stderr().say(&text);
    }
    Ok(LockedLedger { ledger, _lock: lock })
}

/// What a start took in from a rescue file, in words.
pub(super) fn absorbed(ledger: &SqliteLedger) -> Option<String> {
    let absorbed = ledger.absorbed()?;
    let words = t!("run.absorbed", n = absorbed.settlements);
    Some(if absorbed.torn { format!("{words}\n{}", t!("run.torn")) } else { words.into_owned() })
}

/// The command that goes on with a run, as it can be pasted into a shell.
pub(super) fn continue_command(ledger: &SqliteLedger, run: &RunInfo) -> String {
    let input = if run.key.input_name == "standard input" { "-" } else { &run.key.input_name };
    let apis: String = run.key.apis.iter().map(|api| format!(" --api {api}")).collect();
    let kind = match ledger.kind() {
        LedgerKind::Live => "",
        LedgerKind::Loopback => " --base-url URL",
        LedgerKind::Sandbox => " --sandbox",
    };
    let place = ledger_flag(ledger);
    format!("payonce run {}{apis}{place}{kind} --continue {}", quoted(input), run.id)
}

/// ` --ledger FILE` for a command to copy; empty where that ledger is the default one of live runs.
pub(super) fn ledger_flag(ledger: &SqliteLedger) -> String {
    let path = ledger.path();
    match default_ledger(ledger.kind()).is_some_and(|default| default == path) {
        true => String::new(),
        false => format!(" --ledger {}", quoted(&path.display().to_string())),
    }
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn no_ledger(path: &Path) -> Usage {
    let others = [LedgerKind::Sandbox, LedgerKind::Loopback].into_iter().filter_map(default_ledger);
    let others: Vec<_> = others.filter(|other| other.exists()).map(|other| other.display().to_string()).collect();
    let hint = if others.is_empty() { String::new() } else { format!(" (there is {})", others.join(" and ")) };
    Usage(format!("there is no ledger at {}; --ledger FILE names another{hint}", path.display()))
}

fn ledger_path(shared: &SharedArgs, config: &Config) -> anyhow::Result<PathBuf> {
    Ok(ledger_place(shared.ledger.clone(), config, LedgerKind::Live)?.path)
}

/// The runtime of every command: one worker, whatever the machine has. It carries 40,000 calls a second, which no vendor allows; a
/// second one costs more in waking each other up than it does, and keeps half a megabyte of its own.
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
