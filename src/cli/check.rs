//! `payonce check`: what a run would meet before its first call, one line each. Calls nobody, changes nothing.

use std::io::{self, IsTerminal};

use super::args::{CheckArgs, SharedArgs};
use super::common;
use crate::catalog::Catalogue;
use crate::domain::exit::Exit;
use crate::domain::run::LedgerKind;
use crate::domain::text::for_terminal_lines;
use crate::ledger::{LockError, Probe, probe, probe_lock};
use crate::settings::{Config, Job, LedgerPlace, Loaded, Overrides, ledger_place, resolve};
use crate::table::Input;

/// The lines, and what they come to.
struct Report {
    lines: String,
    exit: Exit,
}

impl Report {
    fn ok(&mut self, what: &str, text: &str) {
        self.line("ok", what, text);
    }

    fn problem(&mut self, what: &str, error: &dyn std::fmt::Display) {
        self.line("problem", what, &error.to_string());
        self.exit = Exit::Usage;
    }

    /// Nothing to mend, only to wait for.
    fn later(&mut self, what: &str, error: &dyn std::fmt::Display) {
        self.line("wait", what, &error.to_string());
        self.exit = self.exit.or_graver(Exit::TryLater);
    }

    fn line(&mut self, state: &str, what: &str, text: &str) {
        self.lines.push_str(&format!("{state:8} {what:28} {}\n", for_terminal_lines(text)));
    }
}

pub(super) fn check(args: CheckArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let mut report = Report { lines: String::new(), exit: Exit::Done };
    match load(shared, &mut report) {
        Some((config, catalogue)) => examine(&args, shared, &config, &catalogue, &mut report),
        None => report.exit = Exit::Usage,
    }
    if !shared.quiet || report.exit != Exit::Done {
        common::print(&report.lines)?;
    }
    Ok(report.exit)
}

/// Without a config that can be read, nothing else can be said.
fn load(shared: &SharedArgs, report: &mut Report) -> Option<(Config, Catalogue)> {
    let Loaded { config, path } = match Loaded::find(shared.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(error) => {
            report.problem("config", &error);
            return None;
        }
    };
    let catalogue = match Catalogue::with_files(&config.profiles) {
        Ok(catalogue) => catalogue,
        Err(error) => {
            report.problem("profiles", &error);
            return None;
        }
    };
    let place = path.map_or("no file: defaults, environment and flags".to_owned(), |path| path.display().to_string());
    report.ok("config", &place);
    Some((config, catalogue))
}

fn examine(args: &CheckArgs, shared: &SharedArgs, config: &Config, catalogue: &Catalogue, report: &mut Report) {
    for api in &args.apis {
        key(args, api, config, catalogue, report);
    }
    let job = match resolve(overrides(args, args.apis.clone()), config, catalogue) {
        Ok(job) => job,
        // Mistakes of a single API have been said; what is left is about all of them.
        Err(error) => {
            if report.exit == Exit::Done {
                report.problem("APIs", &error);
            }
            return input(args, config, report);
        }
    };
    ledger(&job, shared, config, report);
    input(args, config, report);
}

fn overrides(args: &CheckArgs, apis: Vec<String>) -> Overrides {
    Overrides { apis, base_url: args.base_url.clone(), ..Overrides::default() }
}

fn key(args: &CheckArgs, api: &str, config: &Config, catalogue: &Catalogue, report: &mut Report) {
    let what = format!("key of {api}");
    let keys = resolve(overrides(args, vec![api.to_owned()]), config, catalogue).and_then(|job| job.keys(config));
    let own = config.apis.get(api);
    let source = match own.and_then(|own| own.key_file.as_ref()) {
        Some(file) => format!("in the file {}", file.display()),
        None => {
            let variable = own.and_then(|own| own.key_env.as_deref()).unwrap_or("PAYONCE_KEY");
            format!("in the environment variable {variable}")
        }
    };
    match keys {
        Ok((_, warnings)) if warnings.is_empty() => report.ok(&what, &source),
        Ok((_, warnings)) => report.ok(&what, &format!("{source}; but {}", warnings.join("; "))),
        Err(error) => report.problem(&what, &error),
    }
}

fn ledger(job: &Job, shared: &SharedArgs, config: &Config, report: &mut Report) {
    let place = match ledger_place(shared.ledger.clone(), config, job.kind(false)) {
        Ok(place) => place,
        Err(error) => return report.problem("ledger", &error),
    };
    let LedgerPlace { path, kind, is_default } = &place;
    let watched = io::stderr().is_terminal() || io::stdin().is_terminal();
    match probe(path, *kind) {
        Err(error) => report.problem("ledger", &error),
        Ok(Probe::Ready) => report.ok("ledger", &format!("{} ({kind})", path.display())),
        Ok(Probe::WouldBeMade) if *kind == LedgerKind::Live && *is_default && !watched => report.problem(
            "ledger",
            &format!(
                "there is none at {}, and without a terminal none is made in the default place: name one with --ledger FILE or [ledger] path in the config",
                path.display()
            ),
        ),
        Ok(Probe::WouldBeMade) => {
            report.ok("ledger", &format!("{} is not there yet; the first run makes it ({kind})", path.display()));
        }
    }
    match probe_lock(path) {
        Ok(()) => report.ok("lock", "free"),
        Err(error @ LockError::Held { .. }) => report.later("lock", &error),
        Err(error) => report.problem("lock", &error),
    }
}

fn input(args: &CheckArgs, config: &Config, report: &mut Report) {
    let Some(path) = &args.input else { return };
    match Input::open(path, &common::input_options(&args.file, config)) {
        Err(error) => report.problem("input", &error),
        Ok(input) => {
            let name = input.header().get(input.phone_column()).map(|name| name.trim()).unwrap_or_default();
            let place = input.phone_column() + 1;
            let charset = input.format().charset.name();
            report.ok("input", &format!("{}: numbers in column {place} '{name}', {charset}", input.name()));
        }
    }
}
