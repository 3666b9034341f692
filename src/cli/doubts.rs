//! `payonce doubts`: calls that were perhaps paid, listed and decided.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use serde::Serialize;

use super::args::{DecideArgs, DoubtsAction, DoubtsArgs, DoubtsListArgs, SharedArgs};
use super::common;
use crate::catalog::Catalogue;
use crate::domain::call::{Decision, DoubtEntry, DoubtFilter};
use crate::domain::exit::Exit;
use crate::domain::ids::{ApiId, CallId, RunId};
use crate::domain::money::Money;
use crate::domain::subject::Subject;
use crate::domain::text::for_terminal;
use crate::ledger::SqliteLedger;
use crate::passes::{Decided, Which, decide, doubts as read_doubts, masked_numbers};
use crate::progress::count;
use crate::settings::Config;
use crate::table::Input;

/// By subject; there only where a file was given.
type Masks = Option<HashMap<Subject, String>>;

#[derive(Serialize)]
struct DoubtView<'a> {
    call: i64,
    run: i64,
    api: String,
    input: &'a str,
    record: u64,
    /// Masked; only with `--input`, and null where that file does not hold the number. A digest never stands beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<Option<&'a str>>,
    sent: String,
    reason: &'a str,
    /// Yuan.
    at_stake: String,
}

pub(super) fn doubts(args: DoubtsArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let (config, catalogue) = common::load(shared)?;
    match args.action {
        None => list(args.list, shared, &config, &catalogue),
        Some(DoubtsAction::List(args)) => list(args, shared, &config, &catalogue),
        Some(DoubtsAction::Release(args)) => settle(args, Decision::Release, shared, &config, &catalogue),
        Some(DoubtsAction::WriteOff(args)) => settle(args, Decision::WriteOff, shared, &config, &catalogue),
    }
}

fn filter(run: Option<i64>, api: Option<&str>, catalogue: &Catalogue) -> anyhow::Result<DoubtFilter> {
    if let Some(api) = api {
        catalogue.get(api)?;
    }
    Ok(DoubtFilter { run: run.map(RunId), api: api.map(ApiId::new) })
}

fn list(args: DoubtsListArgs, shared: &SharedArgs, config: &Config, catalogue: &Catalogue) -> anyhow::Result<Exit> {
    let DoubtsListArgs { run, api, input, file, json } = args;
    let filter = filter(run, api.as_deref(), catalogue)?;
    let input = input.map(|path| Input::open(&path, &common::input_options(&file, config))).transpose()?;
    let ledger = common::existing_ledger(shared, config)?;
    let entries = common::runtime()?.block_on(read_doubts(&ledger, &filter))?;
    let subjects: HashSet<Subject> = entries.iter().map(|entry| entry.subject).collect();
    let masks: Masks = input.map(|input| masked_numbers(&input, &subjects)).transpose()?;
    if json {
        common::print_json(&entries.iter().map(|entry| view(entry, &masks)).collect::<Vec<_>>())?;
    } else {
        common::print(&text(&entries, &masks))?;
    }
    Ok(Exit::Done)
}

fn view<'a>(entry: &'a DoubtEntry, masks: &'a Masks) -> DoubtView<'a> {
    DoubtView {
        call: entry.call.0,
        run: entry.run.0,
        api: entry.api.to_string(),
        input: &entry.input,
        record: entry.record,
        number: masks.as_ref().map(|masks| masks.get(&entry.subject).map(String::as_str)),
        sent: entry.sent.rfc3339(),
        reason: &entry.reason,
        at_stake: entry.at_stake.to_string(),
    }
}

fn text(entries: &[DoubtEntry], masks: &Masks) -> String {
    if entries.is_empty() {
        return "nothing is in doubt\n".to_owned();
    }
    let number = |text: &str| if masks.is_some() { format!("{text:13}") } else { String::new() };
    let head = number("number");
    let mut out = format!("    call  run  sent                 api                   yuan  {head}input, record: why\n");
    for entry in entries {
        let mask = masks.as_ref().and_then(|masks| masks.get(&entry.subject)).map_or("?", String::as_str);
        let _ = writeln!(
            out,
            "{:>8}  {:>3}  {:19}  {:20}  {:>4}  {}{}, record {}: {}",
            entry.call.0,
            entry.run.0,
            entry.sent.for_people(),
            entry.api,
            entry.at_stake.to_string(),
            number(mask),
            for_terminal(&entry.input),
            entry.record,
            for_terminal(&entry.reason)
        );
    }
    let _ = writeln!(
        out,
        "{} calls in doubt, {} yuan at stake: perhaps paid, perhaps not; they are not asked again by themselves\n\
         a statement of the vendor tells: payonce reconcile STATEMENT.csv; or decide: payonce doubts release|write-off",
        count(entries.len() as u64),
        at_stake(entries)
    );
    out
}

fn at_stake(entries: &[DoubtEntry]) -> Money {
    entries.iter().map(|entry| entry.at_stake).sum()
}

fn settle(
    args: DecideArgs,
    decision: Decision,
    shared: &SharedArgs,
    config: &Config,
    catalogue: &Catalogue,
) -> anyhow::Result<Exit> {
    // `all` says no more than that nothing narrows the choice; clap has seen to it that something was chosen.
    let DecideArgs { calls, run, api, all: _, lock } = args;
    let which = match calls.is_empty() {
        false => Which::Calls(calls.into_iter().map(CallId).collect()),
        true => Which::Matching(filter(run, api.as_deref(), catalogue)?),
    };
    let locked = common::locked_ledger(shared, config, lock)?;
    let decided = common::runtime()?.block_on(decide(&locked.ledger, which, decision))?;
    if !shared.quiet {
        common::print(&outcome(&decided, decision, &locked.ledger))?;
    }
    Ok(Exit::Done)
}

fn outcome(decided: &Decided, decision: Decision, ledger: &SqliteLedger) -> String {
    let Decided { orphans, doubts, runs } = decided;
    let mut out = String::new();
    if *orphans > 0 {
        let _ = writeln!(out, "{} calls that a killed run left open were taken in as doubts first", count(*orphans));
    }
    if doubts.is_empty() {
        out.push_str("no doubt fits: nothing was decided\n");
        return out;
    }
    let (number, money) = (count(doubts.len() as u64), at_stake(doubts));
    let _ = match decision {
        Decision::WriteOff => writeln!(
            out,
            "written off: {number} calls, {money} yuan; they are not asked again, and the money stays counted until a \
             statement clears it (payonce reconcile)\n\
             to write the output with their new status:"
        ),
        _ => writeln!(
            out,
            "released: {number} calls, {money} yuan; they may be paid a second time, and the money stays counted until a \
             statement clears it (payonce reconcile)\n\
             to ask them again:"
        ),
    };
    for run in runs {
        let _ = writeln!(out, "  {}", common::continue_command(ledger, run));
    }
    out
}
