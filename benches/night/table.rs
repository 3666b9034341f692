//! The table that is printed.

use crate::input::Input;
use crate::process::Taken;

pub fn head(title: &str, columns: &[&str]) {
    println!("\n**{title}**\n\n| {} |", columns.join(" | "));
    println!("|{}", " --- |".repeat(columns.len()));
}

pub fn line(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

/// The columns of [`night`].
pub const NIGHT: [&str; 8] = [
    "case",
    "rows",
    "calls",
    "seconds",
    "rows/s",
    "calls/s",
    "CPU s per 1,000 rows (per 1,000 calls)",
    "peak RSS, MiB",
];

/// A run over a whole file.
pub fn night(case: &str, input: &Input, calls: u64, taken: &Taken) {
    let Taken { seconds, cpu, peak_mib } = taken;
    let per_call = if calls > 0 { format!(" ({:.4})", cpu * 1e3 / calls as f64) } else { String::new() };
    line(&[
        case.to_owned(),
        input.rows.to_string(),
        calls.to_string(),
        format!("{seconds:.2}"),
        format!("{:.0}", input.rows as f64 / seconds),
        format!("{:.0}", calls as f64 / seconds),
        format!("{:.4}{per_call}", cpu * 1e3 / input.rows as f64),
        format!("{peak_mib:.1}"),
    ]);
}
