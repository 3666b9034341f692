//! Whatever moment it dies at: one sweep over every named place (`crash::point` in src), held against the vendor's own bill.
//!
//! Each case is a small night of its own: payonce dies at one place, at the first, second or a later time that it comes there, is
//! run again until it is finished, and then nothing was charged twice, the ledger covers the bill, at most as many calls are in
//! doubt as were in flight, and the output is the one of a night without trouble. The vendor's faults are functions of the
//! number and leave nothing in doubt, so that every doubt is the crash's.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use crate::support::{Address, CTCC, CUCC, Night, Table, Vendor, digest, number};

/// SIGABRT, by which a crash point ends the process.
const ABORTED: i32 = 6;
/// How often a case is played until it comes to its point.
const TRIES: usize = 5;
const CONCURRENCY: u64 = 8;
/// Nights that are under way at a time; most of a night is waiting.
const AT_A_TIME: usize = 20;

/// Answers that are errors for some numbers, and a pause by 429, none of which is ever paid or in doubt.
const FAULTS: &str = "supplier_error = 0.02\nno_record = 0.1\nstring_code = 0.2\n";

/// What happens before the run that is left alone.
#[derive(Clone, Copy)]
enum Way {
    /// It dies at the place, at each of these times (from 1).
    Dies(&'static [u32]),
    /// The same, while nobody listens at the vendor's address.
    DiesAlone,
    /// The disk refuses from the 12th commit on, and then it dies there.
    DiesOnFullDisk,
    /// The disk refuses, the run ends in good order, and the next one dies there.
    DiesAfterFullDisk,
    /// Dies in the middle of the calls, and at this place when it is run again.
    DiesAgain,
}

use Way::{Dies, DiesAfterFullDisk, DiesAgain, DiesAlone, DiesOnFullDisk};

/// The sweep.
const POINTS: [(&str, Way); 41] = [
    ("lock.signing", Dies(&[1])),
    ("lock.signing", DiesAgain),
    ("lock.taken", Dies(&[1])),
    ("ledger.made", Dies(&[1])),
    ("ledger.created", Dies(&[1])),
    ("ledger.created", DiesAgain),
    ("ledger.migrating", Dies(&[1])),
    ("ledger.migrated", Dies(&[1])),
    ("ledger.stamped", Dies(&[1])),
    ("survey.row", Dies(&[1, 2, 60])),
    ("run.surveyed", Dies(&[1])),
    ("run.surveyed", DiesAgain),
    ("run.begun", Dies(&[1])),
    ("run.begun", DiesAgain),
    ("run.adopted", Dies(&[1])),
    ("run.adopted", DiesAgain),
    ("ledger.written", Dies(&[1, 2, 3, 8, 15])),
    ("ledger.written", DiesAgain),
    ("ledger.committed", Dies(&[1, 2, 3, 8, 15])),
    ("ledger.committed", DiesAgain),
    ("fetch.reserved", Dies(&[1, 2, 8])),
    ("fetch.granted", Dies(&[1, 2, 90])),
    ("fetch.due", Dies(&[1, 2, 90])),
    ("fetch.due", DiesAgain),
    ("fetch.replied", Dies(&[1, 2, 90])),
    ("fetch.settled", Dies(&[1, 2, 90])),
    ("fetch.settled", DiesAgain),
    ("fetch.withdrawn", DiesAlone),
    ("rescue.reserved", Dies(&[1])),
    ("rescue.begun", DiesOnFullDisk),
    ("rescue.written", DiesOnFullDisk),
    ("rescue.absorbed", DiesAfterFullDisk),
    ("rescue.cleared", DiesAfterFullDisk),
    ("run.fetched", Dies(&[1])),
    ("export.row", Dies(&[1, 2, 60])),
    ("export.written", Dies(&[1])),
    ("export.synced", Dies(&[1])),
    ("export.renamed", Dies(&[1])),
    ("run.exported", Dies(&[1])),
    ("run.finished", Dies(&[1])),
    ("summary.synced", Dies(&[1])),
];

/// One night of the sweep: the failpoints of each invocation that goes wrong.
struct Case {
    name: String,
    point: &'static str,
    invocations: Vec<Invocation>,
}

struct Invocation {
    failpoints: String,
    alone: bool,
    aborts: bool,
}

fn cases() -> Vec<Case> {
    let at = |point: &str, time: u32| match time {
        1 => format!("{point}=return"),
        _ => format!("{point}={}*off->return", time - 1),
    };
    let dies = |failpoints: String| Invocation { failpoints, alone: false, aborts: true };
    let full = at("ledger.refuses", 12);
    let mut cases = Vec::new();
    for (point, way) in POINTS {
        let mut case = |how: String, invocations: Vec<Invocation>| {
            cases.push(Case { name: format!("{point}, {how}"), point, invocations });
        };
        match way {
            Dies(times) => {
                for time in times {
                    case(format!("time {time}"), vec![dies(at(point, *time))]);
                }
            }
            DiesAlone => {
                let invocation = Invocation { alone: true, ..dies(at(point, 1)) };
                case("with the vendor away".to_owned(), vec![invocation]);
            }
            DiesOnFullDisk => {
                case("on a full disk".to_owned(), vec![dies(format!("{full};{}", at(point, 1)))]);
            }
            DiesAfterFullDisk => {
                let refused = Invocation { aborts: false, ..dies(full.clone()) };
                case("after a full disk".to_owned(), vec![refused, dies(at(point, 1))]);
            }
            DiesAgain => {
                case("the second time".to_owned(), vec![dies(at("fetch.replied", 30)), dies(at(point, 1))]);
            }
        }
    }
    cases
}

/// About seventy numbers, some of them twice, some as digests, some that are none.
fn customers() -> String {
    let mut text = "客户编号,手机号\n".to_owned();
    for n in 0..72 {
        text += &format!("C{n},{}\n", number(n));
        match n {
            10 | 11 | 40 => text += &format!("C{n} again,+86 {}\n", number(n)),
            20 => text += &format!("C{n} hashed,{}\n", digest(&number(n))),
            30 => text += "none,\nshort,1861234\n",
            50 => text += &format!("C3 again,{}\n", number(3)),
            _ => {}
        }
    }
    text + &format!("hashed alone,{}\n", digest(&number(1000)))
}

fn args() -> Vec<String> {
    let concurrency = CONCURRENCY.to_string();
    let args = ["run", "in.csv", "--api", CTCC, "--api", CUCC, "--rate", "2000/s", "--concurrency", &concurrency];
    args.into_iter().chain(["--summary", "summary.json"]).map(str::to_owned).collect()
}

/// The output but for what depends on the moment; `None` stands for a lane's columns in a row that is in doubt.
fn answers(table: &Table) -> Vec<Option<Vec<String>>> {
    let moment = ["order_id", "queried_at", "data_month"];
    let kept = |prefix: &str| -> Vec<usize> {
        let ours = |name: &String| name.starts_with(prefix) && !moment.iter().any(|end| name.ends_with(end));
        table.header.iter().enumerate().filter(|(_, name)| ours(name)).map(|(i, _)| i).collect()
    };
    let (own, lanes) = (["客户编号", "手机号"].map(|name| table.position(name)), ["ctcc_", "cucc_"].map(kept));
    let mut all = Vec::new();
    for row in &table.rows {
        let cells = |columns: &[usize]| columns.iter().map(|column| row[*column].clone()).collect::<Vec<_>>();
        all.push(Some(cells(&own)));
        for columns in &lanes {
            let cells = cells(columns);
            all.push(if cells[0] == "in_doubt" { None } else { Some(cells) });
        }
    }
    all
}

/// Lets files look as if they had been there for a while: the temporary ones of a dead payonce are swept only then.
fn age(folder: &Path) {
    let past = SystemTime::now() - Duration::from_secs(300);
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            let file = fs::File::options().append(true).open(&path).expect("a temporary file");
            file.set_modified(past).expect("a time");
        }
    }
}

fn undisturbed() -> Table {
    let vendor = Vendor::faults(FAULTS);
    let night = Night::new().file("in.csv", customers());
    let ran = night.ask(&vendor, args()).exit(0);
    let (table, bill) = (night.table("in.enriched.csv"), vendor.bill());
    assert_eq!(bill.numbers_charged, bill.charged, "{ran}");
    assert!(table.count("cucc_status", "no_record") > 2 && bill.by_code.contains_key("232401"), "{ran}{bill}");
    table
}

/// Plays one case; an error says what is wrong with it. Which commit a disk refuses is a matter of who queues first: a case that
/// did not come to its point is played again.
fn play(case: &Case, expected: &Table) -> Result<(), String> {
    let mut not_reached = String::new();
    for _ in 0..TRIES {
        match play_once(case, expected) {
            Err(Failure::NotReached(what)) => not_reached = what,
            Err(Failure::Wrong(what)) => return Err(what),
            Ok(()) => return Ok(()),
        }
    }
    Err(not_reached)
}

enum Failure {
    /// It did not die where it was to.
    NotReached(String),
    Wrong(String),
}

fn play_once(case: &Case, expected: &Table) -> Result<(), Failure> {
    // Its audit at the end would stop the whole sweep; the same is checked below.
    let vendor = Vendor::faults(FAULTS).may_charge_twice();
    let nobody = Address::keep();
    let mut night = Night::new().file("in.csv", customers());
    let ledger = night.home("calls.db");
    night = night.env("PAYONCE_LEDGER", ledger);
    for invocation in &case.invocations {
        night = night.env("FAILPOINTS", &invocation.failpoints);
        let base_url = if invocation.alone { nobody.base_url() } else { vendor.base_url() };
        let ran = night.spawn_at(base_url, args()).wait();
        let ended = if invocation.aborts { ran.signal() == Some(ABORTED) } else { ran.code() == Some(1) };
        if !ended {
            return Err(Failure::NotReached(format!("{} did not end as it was to:\n{ran}", invocation.failpoints)));
        }
        age(&night.path(""));
    }
    night = night.env("FAILPOINTS", "");
    let ran = night.ask(&vendor, args());
    let check = |right: bool, what: &str| match right {
        true => Ok(()),
        false => Err(Failure::Wrong(format!("{what}:\n{ran}{}", vendor.bill()))),
    };
    check(matches!(ran.code(), Some(0 | 3)), "the run that was left alone did not finish")?;

    let bill = vendor.bill();
    check(bill.charged_twice == 0 && bill.most_charged_per_number <= 1, "a number was charged twice")?;
    let status = night.run(["status", "--json"]).exit(0).json();
    let total = |name: &str| status["totals"][name].as_u64().expect("a count");
    let (calls, billed, in_doubt) = (total("calls"), total("billed"), total("in_doubt"));
    let unbilled = total("unbilled") + total("unbilled_assumed");
    check(total("open") == 0, "calls are still open")?;
    check(calls == billed + unbilled + in_doubt, &format!("the totals do not add up: {}", status["totals"]))?;
    check(billed <= bill.charged && bill.charged <= billed + in_doubt, "the ledger does not cover the bill")?;
    check(
        bill.requests <= calls && calls <= bill.requests + in_doubt,
        "a request without an intent, or too many intents",
    )?;
    check(in_doubt == 0 || ran.code() == Some(3), "rows in doubt and yet exit 0")?;
    let summary = night.json("summary.json");
    for api in [CTCC, CUCC] {
        let in_doubt = summary["lanes"][api]["in_doubt"].as_u64().expect("a count");
        let most = CONCURRENCY * case.invocations.len() as u64;
        check(in_doubt <= most, &format!("{api}: {in_doubt} doubts from {most} calls in flight"))?;
    }
    compare(expected, &night.table("in.enriched.csv")).or_else(|what| check(false, &what))?;
    let names = night.names();
    check(names == ["in.csv", "in.enriched.csv", "summary.json"], &format!("something was left behind: {names:?}"))
}

fn compare(expected: &Table, got: &Table) -> Result<(), String> {
    if expected.header != got.header || expected.rows.len() != got.rows.len() {
        return Err("the output has other rows or columns".to_owned());
    }
    for (i, (expected, got)) in answers(expected).iter().zip(answers(got)).enumerate() {
        if got.is_some() && got != *expected {
            return Err(format!("row {}: {got:?} instead of {expected:?}", i / 3 + 1));
        }
    }
    Ok(())
}

#[test]
fn whatever_moment_it_dies_at_nothing_is_paid_twice_and_nothing_is_lost() {
    let expected = undisturbed();
    let (cases, failures) = (cases(), Mutex::new(Vec::new()));
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    if let Err(what) = play(case, &expected) {
                        failures
                            .lock()
                            .expect("a list")
                            .push(format!("== died at {} ({})\n{what}", case.name, case.point));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("a list");
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn the_sweep_knows_every_place_in_the_sources() {
    let mut named = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("a source");
                let places = text.split("crash::point(\"").skip(1).filter_map(|rest| rest.split('"').next());
                named.extend(places.map(str::to_owned));
            }
        }
    }
    let swept: BTreeSet<String> = POINTS.iter().map(|(point, _)| (*point).to_owned()).collect();
    assert_eq!(named, swept, "crash points in src on the left, those of the sweep on the right");
}
