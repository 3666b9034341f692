//! The bench: whole nights, run by the release binary as a process of its own against a vendor that is another one.
//!
//! `cargo bench --bench night -- --help` says what there is. `cargo test` runs it too, small and in seconds, so that it cannot
//! rot: cargo passes `--bench` only to a bench. What it finds is a Markdown table, printed line by line as the cases end. Absolute
//! times are this machine's; the ratios to the rivals, which ask the same vendor in the same run, are the result.

mod cases;
mod disk;
mod input;
mod options;
mod process;
mod rivals;
mod table;
mod vendor;

use std::process::ExitCode;

use options::{Case, Options};

/// What a case can fail with: words for whoever runs it.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("night: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let Some(options) = Options::of_arguments(std::env::args().skip(1))? else {
        print!("{}", options::HELP);
        return Ok(());
    };
    let place = tempfile::Builder::new().prefix("night").tempdir_in(&options.folder)?;
    let bench = cases::Bench::new(&options, place.path())?;
    println!("{}\n", bench.machine()?);
    for case in &options.cases {
        match case {
            Case::Start => bench.start_up()?,
            Case::Fresh => bench.fresh()?,
            Case::Latency => bench.latency()?,
            Case::Reused => bench.reused()?,
            Case::Half => bench.half()?,
            Case::Pace => bench.pace()?,
            Case::Syncs => bench.syncs()?,
            Case::Rivals => bench.rivals()?,
        }
    }
    Ok(())
}
