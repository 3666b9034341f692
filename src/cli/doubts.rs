//! `payonce doubts`: calls that were perhaps paid.

use std::fmt::Write;

use serde::Serialize;

use super::args::{DoubtsAction, DoubtsArgs, DoubtsListArgs, SharedArgs};
use super::common;
use crate::domain::call::{ApiId, DoubtEntry, DoubtFilter};
use crate::domain::exit::Exit;
use crate::domain::money::Money;
use crate::domain::ports::{Ledger, LedgerError};
use crate::domain::run::RunId;
use crate::domain::text::for_terminal;
use crate::progress::count;

/// Doubts read at a time.
const PAGE: usize = 1000;

#[derive(Serialize)]
struct DoubtView {
    call: i64,
    run: i64,
    api: String,
    input: String,
    record: u64,
    sent: String,
    reason: String,
    /// Yuan.
    at_stake: String,
}

pub(super) fn doubts(args: DoubtsArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let DoubtsListArgs { run, api, json } = match args.action {
        Some(DoubtsAction::List(list)) => list,
        None => args.list,
    };
    let (config, catalogue) = common::load(shared)?;
    if let Some(api) = &api {
        catalogue.get(api)?;
    }
    let ledger = common::existing_ledger(shared, &config)?;
    let filter = DoubtFilter { run: run.map(RunId), api: api.as_deref().map(ApiId::new) };
    let entries = common::runtime()?.block_on(all(&ledger, &filter))?;
    if json {
        common::print_json(&entries.iter().map(view).collect::<Vec<_>>())?;
    } else {
        common::print(&text(&entries))?;
    }
    Ok(Exit::Done)
}

/// Every doubt that fits the filter.
async fn all<L: Ledger>(ledger: &L, filter: &DoubtFilter) -> Result<Vec<DoubtEntry>, LedgerError> {
    let mut entries: Vec<DoubtEntry> = Vec::new();
    loop {
        let cursor = entries.last().map(|entry| entry.call);
        let page = ledger.doubts(filter.clone(), cursor, PAGE).await?;
        if page.is_empty() {
            return Ok(entries);
        }
        entries.extend(page);
    }
}

fn view(entry: &DoubtEntry) -> DoubtView {
    DoubtView {
        call: entry.call.0,
        run: entry.run.0,
        api: entry.api.to_string(),
        input: entry.input.clone(),
        record: entry.record,
        sent: entry.sent.rfc3339(),
        reason: entry.reason.clone(),
        at_stake: entry.at_stake.to_string(),
    }
}

fn text(entries: &[DoubtEntry]) -> String {
    if entries.is_empty() {
        return "nothing is in doubt\n".to_owned();
    }
    let mut out = String::from("    call  run  sent                 api                   yuan  input, record: why\n");
    for entry in entries {
        let _ = writeln!(
            out,
            "{:>8}  {:>3}  {:19}  {:20}  {:>4}  {}, record {}: {}",
            entry.call.0,
            entry.run.0,
            entry.sent.for_people(),
            entry.api,
            entry.at_stake.to_string(),
            for_terminal(&entry.input),
            entry.record,
            for_terminal(&entry.reason)
        );
    }
    let at_stake: Money = entries.iter().map(|entry| entry.at_stake).sum();
    let _ = writeln!(
        out,
        "{} calls in doubt, {at_stake} yuan at stake: perhaps paid, perhaps not; they are not asked again by themselves",
        count(entries.len() as u64)
    );
    out
}
