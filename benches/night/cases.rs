//! The cases: what is run, and what of it is printed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::input::{self, Input};
use crate::options::Options;
use crate::process::{self, Taken, is_installed, measure, median};
use crate::vendor::{KEY, Vendor};
use crate::{Outcome, disk, rivals, table};

/// Starts that are timed.
const STARTS: usize = 20;
/// The fastest there is: no limit, in effect.
const UNPACED: &str = "100000/s";

pub struct Bench<'a> {
    options: &'a Options,
    folder: &'a Path,
    binary: PathBuf,
}

impl<'a> Bench<'a> {
    pub fn new(options: &'a Options, folder: &'a Path) -> Outcome<Self> {
        let binary = match &options.binary {
            Some(binary) => fs::canonicalize(binary)?,
            None => built()?,
        };
        Ok(Bench { options, folder, binary })
    }

    /// What all figures hang on.
    pub fn machine(&self) -> Outcome<String> {
        let cores = std::thread::available_parallelism()?;
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = memory.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Ok(format!(
            "{cores} cores, {:.0} GiB; 4 KiB are safe on this disk after {:.2} ms (median); load before: {}; binary: {:.1} MB",
            kib / f64::from(1 << 20),
            disk::sync_time(self.folder)?,
            load.split(' ').next().unwrap_or_default(),
            fs::metadata(&self.binary)?.len() as f64 / 1e6,
        ))
    }

    pub fn start_up(&self) -> Outcome<()> {
        table::head("start-up", &["command", "median ms", "of"]);
        let input = input::make(self.folder, 100, 0)?;
        let plan = || {
            let mut plan = self.payonce(&["plan"]);
            plan.arg(&input.path).args(["--api", "cucc-tenure", "--ledger", "none.db"]);
            plan
        };
        let version = || self.payonce(&["--version"]);
        let commands: [(&str, &dyn Fn() -> Command); 2] = [("--version", &version), ("plan, 100 rows", &plan)];
        for (name, command) in commands {
            let times = (0..STARTS).map(|_| Ok(process::time(&mut command())?.as_secs_f64() * 1e3));
            let times = times.collect::<Outcome<Vec<f64>>>()?;
            table::line(&[name.to_owned(), format!("{:.1}", median(times)), STARTS.to_string()]);
        }
        Ok(())
    }

    /// Everything is asked, at no latency.
    pub fn fresh(&self) -> Outcome<()> {
        table::head("fresh, no latency", &table::NIGHT);
        for rows in &self.options.rows {
            let input = self.input(*rows)?;
            let nights = (0..self.options.repeat).map(|_| self.fresh_night(&input, Duration::ZERO));
            let mut nights = nights.collect::<Outcome<Vec<Taken>>>()?;
            nights.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
            let median = nights[nights.len() / 2];
            table::night("fresh", &input, input.distinct, &median);
            let bytes = fs::metadata(self.ledger(&input))?.len() as f64 / input.distinct as f64;
            println!("\nledger: {bytes:.0} bytes per answer at {rows} rows");
        }
        Ok(())
    }

    /// A vendor that takes its time, held against what a bare HTTP client gets out of it.
    pub fn latency(&self) -> Outcome<()> {
        let Options { latency, concurrency, seconds, .. } = self.options;
        table::head(&format!("{} ms of latency, {concurrency} in flight", latency.as_millis()), &table::NIGHT);
        let most = (*concurrency as f64 / latency.as_secs_f64()) as u64 * seconds;
        let input = input::make(self.folder, most.min(self.options.rows.iter().copied().max().unwrap_or(most)), 0)?;
        self.forget(&input)?;
        let (taken, vendor, summary) = self.night(&input, *latency, UNPACED)?;
        table::night("latency", &input, vendor.count("charged")?, &taken);
        let achieved = summary["rate_achieved"].as_f64().unwrap_or_default();
        println!("\n{achieved:.0} calls/s between the first call and the last");
        if is_installed("wrk") {
            let vendor = Vendor::start(&self.binary, *latency)?;
            let raw = rivals::wrk(&vendor, self.folder, *concurrency, *seconds)?.per_second;
            println!("wrk: {raw:.0}/s; payonce reaches {:.1} % of it", achieved / raw * 100.0);
        }
        Ok(())
    }

    /// Everything is in the ledger already.
    pub fn reused(&self) -> Outcome<()> {
        table::head("all answers are in the ledger", &table::NIGHT);
        for rows in &self.options.rows {
            let input = self.input(*rows)?;
            if !self.ledger(&input).exists() {
                self.fresh_night(&input, Duration::ZERO)?;
            }
            let vendor = Vendor::start(&self.binary, Duration::ZERO)?;
            let ledger = self.ledger(&input);
            for (case, arguments) in [("plan", &["plan"][..]), ("run", &["run", "--new-run"]), ("export", &["export"])]
            {
                let mut command = self.payonce(&arguments[..1]);
                command.arg(&input.path).args(&arguments[1..]).args(["--api", "cucc-tenure", "--quiet", "--ledger"]);
                command.arg(&ledger);
                match case {
                    "run" => command.args(["--base-url", &vendor.base_url(), "-o", "out.csv"]),
                    "export" => command.args(["-o", "out.csv"]),
                    _ => &mut command,
                };
                table::night(case, &input, 0, &measure(&mut command)?);
            }
            let taken = measure(self.payonce(&["status", "--ledger"]).arg(&ledger))?;
            table::night("status", &input, 0, &taken);
            if vendor.count("requests")? > 0 {
                return Err("something was asked that was in the ledger".into());
            }
        }
        Ok(())
    }

    /// Half of the rows are known from another file.
    pub fn half(&self) -> Outcome<()> {
        table::head("half of the answers are in the ledger", &table::NIGHT);
        for rows in &self.options.rows {
            let (first, whole) = (self.input(rows / 2)?, self.input(*rows)?);
            self.fresh_night(&first, Duration::ZERO)?;
            fs::rename(self.ledger(&first), self.ledger(&whole))?;
            let (taken, vendor, _) = self.night(&whole, Duration::ZERO, UNPACED)?;
            table::night("half", &whole, vendor.count("charged")?, &taken);
            fs::remove_file(self.ledger(&whole))?;
        }
        Ok(())
    }

    /// Configured rates.
    pub fn pace(&self) -> Outcome<()> {
        let columns = [
            "configured",
            "achieved",
            "of it",
            "worst second: own clock",
            "the vendor's",
            "cores used",
            "peak RSS, MiB",
        ];
        table::head(&format!("pace, over {} s", self.options.seconds), &columns);
        for rate in &self.options.rates {
            let input = input::make(self.folder, rate * self.options.seconds, 0)?;
            self.forget(&input)?;
            let (taken, vendor, summary) = self.night(&input, Duration::ZERO, &format!("{rate}/s"))?;
            let achieved = summary["rate_achieved"].as_f64().unwrap_or_default();
            table::line(&[
                format!("{rate}/s"),
                format!("{achieved:.1}/s"),
                format!("{:.1} %", achieved / *rate as f64 * 100.0),
                summary["worst_window"].to_string(),
                vendor.count("worst_second")?.to_string(),
                format!("{:.3}", taken.cpu / taken.seconds),
                format!("{:.1}", taken.peak_mib),
            ]);
            self.forget(&input)?;
        }
        Ok(())
    }

    /// How often the disk is waited for.
    pub fn syncs(&self) -> Outcome<()> {
        if !is_installed("strace") {
            println!("\n(no strace here, so nobody counts the syncs)");
            return Ok(());
        }
        let input = self.input(self.options.rows.iter().copied().min().unwrap_or(10_000).min(10_000))?;
        self.forget(&input)?;
        let vendor = Vendor::start(&self.binary, Duration::ZERO)?;
        let night = self.run(&input, &vendor, UNPACED);
        let log = self.folder.join("strace");
        let mut traced = Command::new("strace");
        traced.args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-o"]).arg(&log).arg(night.get_program());
        traced.args(night.get_args()).current_dir(self.folder).env("PAYONCE_KEY", KEY);
        process::time(&mut traced)?;
        let syncs = fs::read_to_string(log)?.lines().filter(|line| line.contains("sync(")).count();
        let per_thousand = syncs as f64 * 1e3 / input.distinct as f64;
        println!(
            "\nsyncs (under strace, which slows it): {syncs} for {} calls, {per_thousand:.0} per 1,000",
            input.distinct
        );
        self.forget(&input)
    }

    /// What others get out of the same vendor.
    pub fn rivals(&self) -> Outcome<()> {
        let Options { concurrency, seconds, .. } = self.options;
        let input = self.input(self.options.rows[0])?;
        let mut all: Vec<(&str, rivals::Result)> = Vec::new();
        let vendor = || Vendor::start(&self.binary, Duration::ZERO);
        let mut own = Vec::new();
        let mut scripts = Vec::new();
        // By turns, so that a slow minute of the machine hits both.
        for _ in 0..self.options.repeat {
            self.forget(&input)?;
            let (taken, _, _) = self.night(&input, Duration::ZERO, UNPACED)?;
            own.push(rivals::Result::of(input.rows, &taken));
            scripts.extend(rivals::asyncio(&vendor()?, &input, self.folder, *concurrency)?);
        }
        all.push(("payonce", rivals::Result::median(own)));
        if is_installed("wrk") {
            all.push((
                "wrk (requests about one number, keeps nothing)",
                rivals::wrk(&vendor()?, self.folder, *concurrency, *seconds)?,
            ));
        }
        if is_installed("oha") {
            all.push((
                "oha (requests about one number, keeps nothing)",
                rivals::oha(&vendor()?, *concurrency, *seconds)?,
            ));
        }
        if scripts.is_empty() {
            println!("\n(no python3 with aiohttp here)");
        } else {
            all.push(("asyncio/aiohttp script (CSV to CSV, no ledger)", rivals::Result::median(scripts)));
        }
        if is_installed("qsv") {
            all.push(("qsv fetch (CSV to CSV, no ledger)", rivals::qsv(&vendor()?, &input, self.folder)?));
        }
        table::head(
            "side by side, no latency",
            &["program", "rows/s", "CPU s per 1,000 rows", "peak RSS, MiB", "payonce is"],
        );
        let own = all[0].1;
        for (name, rival) in all {
            table::line(&[
                name.to_owned(),
                format!("{:.0}", rival.per_second),
                format!("{:.4}", rival.cpu_per_thousand),
                format!("{:.1}", rival.peak_mib),
                format!("{:.2} × as fast", own.per_second / rival.per_second),
            ]);
        }
        Ok(())
    }

    fn input(&self, rows: u64) -> Outcome<Input> {
        input::make(self.folder, rows, self.options.duplicates)
    }

    fn ledger(&self, input: &Input) -> PathBuf {
        input.path.with_extension("db")
    }

    /// Drops the ledger of an input.
    fn forget(&self, input: &Input) -> Outcome<()> {
        for ending in ["db", "db-wal", "db-shm", "db.lock"] {
            let path = input.path.with_extension(ending);
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn fresh_night(&self, input: &Input, latency: Duration) -> Outcome<Taken> {
        self.forget(input)?;
        let (taken, vendor, _) = self.night(input, latency, UNPACED)?;
        let charged = vendor.count("charged")?;
        if charged != input.distinct || vendor.count("charged_twice")? != 0 {
            return Err(format!("{charged} calls were charged for {} numbers", input.distinct).into());
        }
        Ok(taken)
    }

    /// A run with a vendor of its own; hands back the vendor and the lane's part of the summary.
    fn night(&self, input: &Input, latency: Duration, rate: &str) -> Outcome<(Taken, Vendor, serde_json::Value)> {
        let vendor = Vendor::start(&self.binary, latency)?;
        let taken = measure(&mut self.run(input, &vendor, rate))?;
        let summary: serde_json::Value = serde_json::from_slice(&fs::read(self.folder.join("summary.json"))?)?;
        Ok((taken, vendor, summary["lanes"]["cucc-tenure"].clone()))
    }

    fn run(&self, input: &Input, vendor: &Vendor, rate: &str) -> Command {
        let mut command = self.payonce(&["run"]);
        let concurrency = self.options.concurrency.to_string();
        command.arg(&input.path).args(["--api", "cucc-tenure", "--base-url", &vendor.base_url(), "--rate", rate]);
        command.args(["--concurrency", &concurrency, "--summary", "summary.json", "-o", "out.csv", "--quiet"]);
        command.arg("--ledger").arg(self.ledger(input));
        command
    }

    /// Without the settings of whoever runs the bench.
    fn payonce(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.folder).env("HOME", self.folder).env("PAYONCE_KEY", KEY);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PAYONCE_")) {
            if name != "PAYONCE_KEY" {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Builds the binary as users have it. The one that cargo builds for a bench is another: the features that the tests need are
/// switched on in it, the points at which it can be made to crash among them.
fn built() -> Outcome<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let status =
        Command::new(cargo).args(["build", "--release", "--locked", "--bin", "payonce"]).current_dir(root).status()?;
    if !status.success() {
        return Err("cargo build --release failed".into());
    }
    let beside = std::env::current_exe()?;
    // target/release/deps/night-…
    let release = beside.ancestors().nth(3).ok_or("this program lies in no target folder")?.join("release");
    Ok(release.join("payonce"))
}
