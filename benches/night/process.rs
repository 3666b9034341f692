//! A process from its start to its end: wall time, CPU time, the most memory it held.
//!
//! CPU time is read from `/proc` between the end of the process and the moment when its parent takes note of it: by then all of
//! its threads are in it, and nothing of anybody else. Linux counts it in hundredths of a second. The most memory is looked at
//! every few milliseconds, since it is gone when the process is.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Outcome;

/// How often a running process is looked at.
const LOOK: Duration = Duration::from_millis(4);
/// The kernel's hundredths of a second, on every Linux that matters.
const TICKS: f64 = 100.0;

/// What a process took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    pub seconds: f64,
    /// Of user and system together.
    pub cpu: f64,
    pub peak_mib: f64,
}

/// Runs it to its end, which must be a good one.
pub fn measure(command: &mut Command) -> Outcome<Taken> {
    let begun = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut peak_mib: f64 = 0.0;
    while !is_over(&child)? {
        peak_mib = peak_mib.max(peak(&child).unwrap_or(0.0));
        sleep(LOOK);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = cpu(child.id())?;
    finish(child, command)?;
    Ok(Taken { seconds, cpu, peak_mib })
}

/// Wall time alone, without looking in between.
pub fn time(command: &mut Command) -> Outcome<Duration> {
    let begun = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let output = child.wait_with_output()?;
    let took = begun.elapsed();
    if !output.status.success() {
        return Err(failure(command, &output.stderr));
    }
    Ok(took)
}

/// CPU seconds of a process so far, or of one that has ended and that nobody has waited for.
fn cpu(pid: u32) -> Outcome<f64> {
    let fields = stat(pid)?;
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((ticks(11) + ticks(12)) / TICKS)
}

fn finish(child: Child, command: &Command) -> Outcome<()> {
    let output = child.wait_with_output()?;
    if output.status.success() { Ok(()) } else { Err(failure(command, &output.stderr)) }
}

fn failure(command: &Command, stderr: &[u8]) -> Box<dyn std::error::Error> {
    format!("{command:?} failed:\n{}", String::from_utf8_lossy(stderr)).into()
}

fn is_over(child: &Child) -> Outcome<bool> {
    Ok(stat(child.id())?.first().is_some_and(|state| state == "Z"))
}

/// What stands behind the name of the program: state first.
fn stat(pid: u32) -> Outcome<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let behind = text.rsplit_once(") ").map(|(_, behind)| behind).unwrap_or_default();
    Ok(behind.split_whitespace().map(str::to_owned).collect())
}

fn peak(child: &Child) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Whether a program is there to be run.
pub fn is_installed(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
