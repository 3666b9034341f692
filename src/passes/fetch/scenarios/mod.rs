//! The fetch pass in scenarios: data files say what the vendor does when, and what is expected of the lane.
//!
//! The lane, its gate and its pace are the real ones; vendor and ledger are doubles on the same runtime. All of it runs on tokio's
//! paused clock, so that a night passes in milliseconds. See `tests/scenarios/README.md` for the form of the files.

mod memory;
mod report;
mod script;
mod vendor;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::memory::MemoryLedger;
use self::report::Aftermath;
use self::script::Scenario;
use self::vendor::ScriptedVendor;
use super::call::{Candidate, Tools};
use super::lane::{Lane, Orders};
use super::source::{Batch, SourceError};
use crate::catalog::Catalogue;
use crate::domain::freshness::Stamp;
use crate::domain::ids::RunId;
use crate::domain::ports::{Clock, Pace};
use crate::domain::subject::{Number, Subject};
use crate::pace::GovernedPace;
use crate::progress::Gauge;
use crate::settings::{Patience, QuotaPolicy};

/// Real time after which a scenario is taken to hang. All of them together need a few seconds.
const HANGS: Duration = Duration::from_secs(60);

/// The wall clock of a scenario: goes on with tokio's.
struct WallClock {
    origin: Instant,
    begins: Stamp,
}

impl Clock for WallClock {
    fn now(&self) -> Stamp {
        let passed = i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX);
        Stamp(self.begins.0 + passed)
    }
}

fn numbers(count: u32) -> Vec<(String, Subject)> {
    let number = |n: u32| {
        let digits = format!("130{n:08}");
        let subject = Number::from_digits(digits.as_bytes()).map(|number| number.subject());
        (digits, subject.unwrap_or_else(|| panic!("{n} makes no number")))
    };
    (0..count).map(number).collect()
}

/// The rows of the input, as its reader would hand them over.
fn rows(scenario: &Scenario, numbers: &[(String, Subject)]) -> Receiver<Result<Batch, SourceError>> {
    let candidate = |(value, subject): &(String, Subject), record| Candidate {
        subject: *subject,
        value: value.clone(),
        record,
        attempt: 1,
    };
    let copies = |n: usize| if n < scenario.lane.twice as usize { 2 } else { 1 };
    let rows = numbers.iter().enumerate().flat_map(|(n, number)| std::iter::repeat_n(number, copies(n)));
    let candidates: Vec<Candidate> = rows.zip(1..).map(|(number, record)| candidate(number, record)).collect();
    let (sender, receiver) = channel(2);
    tokio::spawn(async move {
        for batch in candidates.chunks(128) {
            if sender.send(Ok(batch.to_vec())).await.is_err() {
                return;
            }
        }
    });
    receiver
}

fn orders(scenario: &Scenario) -> Orders {
    let lane = &scenario.lane;
    let cancel = CancellationToken::new();
    if let Some(interrupt) = lane.interrupt {
        let cancel = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(interrupt.0).await;
            cancel.cancel();
        });
    }
    Orders {
        run: RunId(1),
        price: memory::price(),
        concurrency: lane.concurrency,
        patience: Patience {
            quota: lane.quota_patience.0,
            maintenance: lane.maintenance_patience.0,
            unreachable: lane.unreachable_patience.0,
            quota_policy: lane.wait_until.map_or(QuotaPolicy::Stop, |time| QuotaPolicy::WaitUntil(time.0)),
        },
        breaker: lane.breaker,
        deadline: lane.deadline.map(|deadline| Instant::now() + deadline.0),
        cancel,
        clock: Arc::new(WallClock { origin: Instant::now(), begins: lane.begins }),
    }
}

/// Plays one scenario; what is not as expected, or else its figures.
async fn play(scenario: Scenario) -> Result<String, String> {
    let profile = Arc::new(Catalogue::built_in().get("cucc-tenure").map_err(|error| error.to_string())?.clone());
    let api = profile.id.clone();
    let numbers = numbers(scenario.lane.numbers);
    let ledger = MemoryLedger::new(scenario.ledger, numbers.iter().map(|(_, subject)| *subject));
    let vendor = ScriptedVendor::new(scenario.vendor.clone());
    let pace = GovernedPace::new([(api.clone(), scenario.lane.rate)]);
    let tools = Tools {
        api: api.clone(),
        profile,
        attempts: scenario.lane.attempts,
        ledger: ledger.clone(),
        pace: pace.clone(),
        client: vendor.clone(),
        gauge: Arc::new(Gauge::default()),
        drain: CancellationToken::new(),
        broken: CancellationToken::new(),
    };
    let began = Instant::now();
    let lane = Lane::new(tools, orders(&scenario), rows(&scenario, &numbers)).run();
    let mut lane = pin!(lane);
    let mut polls = 0;
    let end = std::future::poll_fn(|context| {
        polls += 1;
        lane.as_mut().poll(context)
    })
    .await;
    let subjects: HashMap<String, Subject> = numbers.into_iter().collect();
    let (bill, books) = (vendor.bill(), ledger.books());
    let aftermath = Aftermath {
        end,
        took: began.elapsed(),
        polls,
        worst_window: pace.spacing(&api).worst_window,
        bill: &bill,
        books: &books,
        subjects: &subjects,
    };
    match aftermath.check(&scenario).as_slice() {
        [] => Ok(aftermath.line()),
        complaints => Err(format!("{}\n  {}\n  ({})", scenario.what, complaints.join("\n  "), aftermath.line())),
    }
}

/// Plays the scenario of a file on a thread of its own, so that one that hangs is named.
fn start(path: &Path) -> mpsc::Receiver<Result<String, String>> {
    let (sender, receiver) = mpsc::channel();
    let path = path.to_owned();
    std::thread::spawn(move || {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let result = match toml::from_str(&text) {
            Ok(scenario) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
                runtime.unwrap_or_else(|error| panic!("no runtime: {error}")).block_on(play(scenario))
            }
            Err(error) => Err(error.to_string()),
        };
        // Nobody listens any more where the test has failed already.
        let _ = sender.send(result);
    });
    receiver
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).unwrap_or_else(|error| panic!("{error}")));
    let mut files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    files
}

/// `SCENARIO=throttle cargo test scenarios -- --nocapture` plays only the files whose names hold that word, and shows figures.
#[test]
fn every_scenario_comes_out_as_its_file_says() {
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let chosen: Vec<PathBuf> = files().into_iter().filter(|path| name(path).contains(&only)).collect();
    assert!(!chosen.is_empty(), "no scenario is named like '{only}'");
    let mut failures = Vec::new();
    for pair in chosen.chunks(2) {
        let playing: Vec<_> = pair.iter().map(|path| (name(path), start(path))).collect();
        for (name, receiver) in playing {
            match receiver.recv_timeout(HANGS) {
                Ok(Ok(line)) => println!("{name}: {line}"),
                Ok(Err(complaints)) => failures.push(format!("{name}: {complaints}")),
                Err(mpsc::RecvTimeoutError::Timeout) => failures.push(format!("{name}: hangs")),
                Err(mpsc::RecvTimeoutError::Disconnected) => failures.push(format!("{name}: panicked, see above")),
            }
        }
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

#[test]
fn a_scenario_with_a_key_that_nobody_knows_is_refused() {
    let text = "what = ''\n[lane]\nnumbers = 1\nrate = '1/s'\nconcurrency = 1\n[expect]\nend = 'finished'\n";
    assert!(toml::from_str::<Scenario>(text).is_ok());
    for (section, wrong) in [("[vendor]", "lateness"), ("[ledger]", "comit"), ("[[expect.window]]", "atempts")] {
        let error = toml::from_str::<Scenario>(&format!("{text}\n{section}\n{wrong} = 1\n")).unwrap_err().to_string();
        assert!(error.contains(wrong), "{error}");
    }
}
