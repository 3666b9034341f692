//! The soak: SIGKILL at random moments, for as many rounds as told, against one vendor whose bill outlives them all. Kept out of CI:
//!
//! ```text
//! SOAK_ROUNDS=500 SOAK_NUMBERS=5000 SOAK_CHAOS=night cargo test --release --test it soak -- --ignored --nocapture
//! ```
//!
//! `SOAK_SEED` repeats the moments of an earlier soak, as far as the machine does. Whenever a file of `SOAK_NUMBERS` numbers is
//! finished the next one begins, so there is always something to ask. Every fifth round may ask some doubts again, which may
//! charge their numbers twice: the ledger has to know each of these, and there may be no others.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use sha2::Digest;

use crate::support::{CTCC, CUCC, Night, Table, Vendor, number};

/// Doubts that a run may ask again in all.
const RELEASE: &str = "10";
/// The latest moment of a kill; the earliest is at once.
const LATEST: Duration = Duration::from_millis(900);
/// Calls in flight, per lane.
const CONCURRENCY: u64 = 32;
/// [`payonce::ledger`]'s number of a doubt that was released; it is on disk and never changes.
const RELEASED: i64 = 6;

#[derive(Default, Debug)]
struct Tally {
    rounds: u64,
    kills: u64,
    /// How the rounds that were not killed ended.
    ends: BTreeMap<i32, u64>,
    files: u64,
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// The `file`-th input: numbers that no other file has, every 50th of them twice.
fn customers(file: u64, numbers: u64) -> String {
    let mut text = "手机号\n".to_owned();
    for n in file * numbers..(file + 1) * numbers {
        let number = number(usize::try_from(n).expect("a small number"));
        text += &format!("{number}\n");
        if n % 50 == 0 {
            text += &format!("+86-{number}\n");
        }
    }
    text
}

fn file_name(file: u64) -> String {
    format!("in-{file:04}.csv")
}

/// How often each number was released, by API, from the ledger.
fn releases(night: &Night) -> HashMap<(String, Vec<u8>), u64> {
    let ledger = rusqlite::Connection::open(night.home("calls.db")).expect("the ledger");
    let sql = "SELECT api.name, call.subject, count(*) FROM call JOIN api ON api.id = call.api WHERE state = ?1 GROUP BY 1, 2";
    let mut statement = ledger.prepare(sql).expect("the tables of the ledger");
    let rows =
        statement.query_map([RELEASED], |row| Ok(((row.get(0)?, row.get(1)?), u64::from(row.get::<_, u32>(2)?))));
    rows.expect("the released calls").map(|row| row.expect("a released call")).collect()
}

/// How often each number was charged, by API, from the vendor's statement.
fn charges(vendor: &Vendor) -> HashMap<(String, Vec<u8>), u64> {
    let mut charges = HashMap::new();
    let statement = Table::parse(&vendor.statement());
    let (api, number) = (statement.position("接口"), statement.position("手机号"));
    for row in &statement.rows {
        let key = match row[api].as_str() {
            "电信月通话时长" => (CTCC.to_owned(), sha2::Sha256::digest(&row[number]).to_vec()),
            _ => (CUCC.to_owned(), hex::decode(&row[number]).expect("a digest")),
        };
        *charges.entry(key).or_default() += 1;
    }
    charges
}

#[test]
#[ignore = "takes minutes: SOAK_ROUNDS=500 cargo test --release --test it soak -- --ignored --nocapture"]
fn soak() {
    let rounds: u64 = setting("SOAK_ROUNDS", "500").parse().expect("SOAK_ROUNDS is a number");
    let numbers: u64 = setting("SOAK_NUMBERS", "5000").parse().expect("SOAK_NUMBERS is a number");
    let chaos = setting("SOAK_CHAOS", "night");
    let seed: u64 = setting("SOAK_SEED", &fastrand::u64(..).to_string()).parse().expect("SOAK_SEED is a number");
    println!("soak: {rounds} rounds on files of {numbers} numbers, chaos {chaos}, SOAK_SEED={seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let begun = Instant::now();

    let vendor = Vendor::chaos(&chaos).may_charge_twice();
    let mut night = Night::new();
    let ledger = night.home("calls.db");
    night = night.env("PAYONCE_LEDGER", ledger);
    let concurrency = CONCURRENCY.to_string();
    let run = |input: &str, release: bool| {
        let mut args = vec!["run", input, "--api", CTCC, "--api", CUCC, "--rate", "1000/s", "--timeout", "3s"];
        args.extend(["--concurrency", &concurrency, "--quiet"]);
        if release {
            args.extend(["--release-doubts", RELEASE]);
        }
        night.spawn(&vendor, args)
    };

    let mut tally = Tally::default();
    night.write(&file_name(0), customers(0, numbers));
    for round in 0..rounds {
        let input = file_name(tally.files);
        let running = run(&input, round % 5 == 4);
        std::thread::sleep(LATEST.mul_f64(dice.f64()));
        tally.rounds += 1;
        match running.kill_unless_over() {
            None => tally.kills += 1,
            Some(ran) => {
                let code = ran.code().unwrap_or_else(|| panic!("nobody but this test kills it:\n{ran}"));
                assert!(matches!(code, 0 | 3 | 75), "round {round}:\n{ran}");
                *tally.ends.entry(code).or_default() += 1;
                if code != 75 {
                    tally.files += 1;
                    night.write(&file_name(tally.files), customers(tally.files, numbers));
                }
            }
        }
        if (round + 1) % 50 == 0 {
            let bill = vendor.bill();
            println!(
                "{:4} rounds, {:4} kills, {:7} charged, {:?}",
                round + 1,
                tally.kills,
                bill.charged,
                begun.elapsed()
            );
        }
    }
    // The last file is brought to its end.
    let ended = (0..20).map(|_| run(&file_name(tally.files), false).wait()).find(|ran| ran.code() != Some(75));
    let ended = ended.expect("the vendor does not stay away for so long");
    assert!(matches!(ended.code(), Some(0 | 3)), "{ended}");

    settle_up(&night, &vendor, &tally, begun.elapsed());
}

/// Prints the tally, and fails unless the ledger and the bill agree.
fn settle_up(night: &Night, vendor: &Vendor, tally: &Tally, took: Duration) {
    let bill = vendor.bill();
    let status = night.run(["status", "--json"]).exit(0).json();
    let total = |name: &str| status["totals"][name].as_u64().expect("a count");
    let (calls, billed, in_doubt, released) = (total("calls"), total("billed"), total("in_doubt"), total("released"));
    let unbilled = total("unbilled") + total("unbilled_assumed");
    let (released_numbers, charges) = (releases(night), charges(vendor));
    let excess = |(key, charged): (&(String, Vec<u8>), &u64)| {
        charged.saturating_sub(1).saturating_sub(released_numbers.get(key).copied().unwrap_or(0))
    };
    let twice_unreleased: u64 = charges.iter().map(excess).sum();
    println!(
        "\nrounds {}, killed {}, ended by themselves {:?}, files finished {}, {took:.0?}\n\
         calls {calls}, requests at the vendor {}\n\
         charged {} for {} numbers; charged twice without a release: {twice_unreleased}\n\
         ledger: paid {billed}, unpaid {unbilled}, in doubt {in_doubt}, released {released}, of these charged again {} (ledger: {})\n\
         bill: {bill}",
        tally.rounds,
        tally.kills,
        tally.ends,
        tally.files + 1,
        bill.requests,
        bill.charged,
        bill.numbers_charged,
        bill.charged - bill.numbers_charged,
        total("paid_again"),
    );
    assert_eq!(twice_unreleased, 0, "somebody paid twice");
    assert_eq!(total("open"), 0, "every call is settled in the end");
    assert_eq!(calls, billed + unbilled + in_doubt + released, "the totals add up");
    assert!(billed <= bill.charged && bill.charged <= billed + in_doubt + released, "the ledger covers the bill");
    assert!(bill.requests <= calls, "every request has its intent");
    assert!(bill.charged - bill.numbers_charged <= released, "only released numbers are charged again");
    let lost = bill.charged_undelivered + bill.by_code.get("no_reply").copied().unwrap_or(0);
    println!("replies lost by the vendor's faults or by kills: {} ({lost} of them charged or cut)", bill.undelivered);
    let from_kills = tally.kills * CONCURRENCY * 2;
    let from_faults = bill.undelivered + bill.faults.values().sum::<u64>();
    assert!(
        in_doubt + released <= from_kills + from_faults,
        "doubts come from kills and faults, and from nothing else"
    );
}
