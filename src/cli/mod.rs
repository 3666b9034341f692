//! The command line: clap's types, and one file per command that reads flags, calls a pass and prints.
//!
//! Results go to standard output, everything else to standard error. An error is printed as its chain of causes, never with a
//! backtrace; what it means for the exit code stands in `failure.rs`.

mod apis;
mod args;
mod check;
mod clock;
mod common;
mod doubts;
mod explain;
mod export;
mod failure;
mod files;
mod forget;
mod init;
mod logging;
mod plan;
mod reconcile;
mod report;
mod run;
mod sandbox;
mod signals;
mod status;

use std::io::{self, Write};

use clap::{CommandFactory, Parser};

pub use args::Cli;
use args::Command;

use crate::domain::exit::Exit;

/// Parses the command line, carries the command out, says how it ended.
pub fn main() -> Exit {
    crate::crash::arm();
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(exit) => exit,
        Err(error) if failure::is_broken_pipe(&error) => Exit::Done,
        Err(error) => {
            let text = crate::domain::text::for_terminal_lines(&format!("{error:#}"));
            let _ = writeln!(io::stderr(), "payonce: {text}");
            failure::exit_of(&error)
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    let Cli { command, shared } = cli;
    args::LanguageArg::resolve(shared.lang).speak();
    match command {
        Command::Run(args) => run::run(*args, &shared),
        Command::Plan(args) => plan::plan(args, &shared),
        Command::Export(args) => export::export(args, &shared),
        Command::Status(args) => status::status(&args, &shared),
        Command::Report(args) => report::report(args, &shared),
        Command::Doubts(args) => doubts::doubts(args, &shared),
        Command::Reconcile(args) => reconcile::reconcile(*args, &shared),
        Command::Forget(args) => forget::forget(args, &shared),
        Command::Check(args) => check::check(args, &shared),
        Command::Apis(args) => apis::apis(&args, &shared),
        Command::Explain(args) => explain::explain(&args, &shared),
        Command::Sandbox(args) => sandbox::sandbox(args, &shared),
        Command::Init(args) => init::init(&args),
        Command::Completions(args) => {
            clap_complete::generate(args.shell, &mut Cli::command(), "payonce", &mut io::stdout());
            Ok(Exit::Done)
        }
    }
}
