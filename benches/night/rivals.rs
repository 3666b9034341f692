//! What others get out of the same vendor: bare HTTP generators as the bound, a script and a CSV tool as what one would use
//! otherwise. Those that are not installed are left out.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::input::Input;
use crate::process::{Taken, is_installed, measure};
use crate::vendor::{KEY, PATH, Vendor};

/// What is asked by those that ask only one thing.
const DIGEST: &str = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5";

#[derive(Clone, Copy, Debug)]
pub struct Result {
    pub per_second: f64,
    pub cpu_per_thousand: f64,
    pub peak_mib: f64,
}

impl Result {
    pub fn of(calls: u64, taken: &Taken) -> Result {
        let calls = calls as f64;
        Result {
            per_second: calls / taken.seconds,
            cpu_per_thousand: taken.cpu * 1e3 / calls,
            peak_mib: taken.peak_mib,
        }
    }

    /// The one in the middle by speed.
    pub fn median(mut results: Vec<Result>) -> Result {
        results.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
        results[results.len() / 2]
    }
}

/// A generator that runs for some seconds; the vendor counts what came.
fn generator(vendor: &Vendor, command: &mut Command) -> Outcome<Result> {
    let before = vendor.count("requests")?;
    let taken = measure(command)?;
    Ok(Result::of(vendor.count("requests")? - before, &taken))
}

pub fn wrk(vendor: &Vendor, folder: &Path, concurrency: u64, seconds: u64) -> Outcome<Result> {
    let script = folder.join("wrk.lua");
    fs::write(
        &script,
        format!(
            "wrk.method = 'POST'\nwrk.body = 'key={KEY}&mobile={DIGEST}'\n\
             wrk.headers['Content-Type'] = 'application/x-www-form-urlencoded'\n"
        ),
    )?;
    let (connections, duration) = (format!("-c{concurrency}"), format!("-d{seconds}s"));
    let mut command = Command::new("wrk");
    command.args(["-t1", &connections, &duration, "-s"]).arg(script).arg(format!("{}{PATH}", vendor.base_url()));
    generator(vendor, &mut command)
}

pub fn oha(vendor: &Vendor, concurrency: u64, seconds: u64) -> Outcome<Result> {
    let mut command = Command::new("oha");
    command.args(["--no-tui", "-m", "POST", "-T", "application/x-www-form-urlencoded", "-c", &concurrency.to_string()]);
    command.args(["-z", &format!("{seconds}s"), "-d", &format!("key={KEY}&mobile={DIGEST}")]);
    command.arg(format!("{}{PATH}", vendor.base_url()));
    generator(vendor, &mut command)
}

/// None where there is no Python with aiohttp.
pub fn asyncio(vendor: &Vendor, input: &Input, folder: &Path, concurrency: u64) -> Outcome<Option<Result>> {
    let probe = Command::new("python3").args(["-c", "import aiohttp"]).output();
    if !is_installed("python3") || !probe.is_ok_and(|output| output.status.success()) {
        return Ok(None);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/asyncio_baseline.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(&input.path).arg(folder.join("asyncio.csv"));
    command.args([format!("{}{PATH}", vendor.base_url()), KEY.to_owned(), concurrency.to_string()]);
    Ok(Some(Result::of(input.rows, &measure(&mut command)?)))
}

/// It asks one number at a time, by GET, and takes the number as it is.
pub fn qsv(vendor: &Vendor, input: &Input, folder: &Path) -> Outcome<Result> {
    let template = format!("{}/ctccCallduration/query?key={KEY}&mobile={{手机号}}", vendor.base_url());
    let mut command = Command::new("qsv");
    command.args(["fetch", "--url-template", &template, "--new-column", "reply", "--rate-limit", "0", "--output"]);
    command.arg(folder.join("qsv.csv")).arg(&input.path);
    Ok(Result::of(input.rows, &measure(&mut command)?))
}
