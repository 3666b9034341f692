//! `payonce status`: runs, calls, money by month, doubts.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::args::{SharedArgs, StatusArgs};
use super::common;
use crate::domain::call::{Scope, Totals};
use crate::domain::exit::Exit;
use crate::domain::freshness::Month;
use crate::domain::ports::Ledger;
use crate::domain::run::RunInfo;
use crate::domain::text::for_terminal;
use crate::ledger::SqliteLedger;
use crate::progress::count;

/// Runs that are shown to people; JSON has all.
const SHOWN: usize = 20;

#[derive(Serialize)]
struct StatusView {
    ledger: String,
    kind: &'static str,
    totals: TotalsView,
    /// By `2026-11`, newest last.
    months: BTreeMap<String, TotalsView>,
    runs: Vec<RunView>,
}

#[derive(Serialize)]
struct RunView {
    run: i64,
    input: String,
    apis: Vec<String>,
    reuse: String,
    began: String,
    last_seen: String,
    finished: Option<String>,
    exit_code: Option<u8>,
    #[serde(flatten)]
    totals: TotalsView,
}

#[derive(Serialize)]
struct TotalsView {
    calls: u64,
    open: u64,
    billed: u64,
    lost: u64,
    unbilled: u64,
    unbilled_assumed: u64,
    in_doubt: u64,
    written_off: u64,
    released: u64,
    paid_again: u64,
    spent: String,
    at_stake: String,
    held: String,
}

impl From<Totals> for TotalsView {
    fn from(totals: Totals) -> Self {
        let Totals {
            calls,
            open,
            billed,
            lost,
            unbilled,
            unbilled_assumed,
            in_doubt,
            written_off,
            released,
            paid_again,
            spent,
            at_stake,
            held,
            reserved: _,
        } = totals;
        TotalsView {
            calls,
            open,
            billed,
            lost,
            unbilled,
            unbilled_assumed,
            in_doubt,
            written_off,
            released,
            paid_again,
            spent: spent.to_string(),
            at_stake: at_stake.to_string(),
            held: held.to_string(),
        }
    }
}

pub(super) fn status(args: &StatusArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let (config, _) = common::load(shared)?;
    let ledger = common::existing_ledger(shared, &config)?;
    let view = common::runtime()?.block_on(gather(&ledger))?;
    if args.json {
        common::print_json(&view)?;
    } else {
        common::print(&text(&view))?;
    }
    Ok(Exit::Done)
}

async fn gather(ledger: &SqliteLedger) -> anyhow::Result<StatusView> {
    let infos = ledger.runs().await?;
    let mut runs = Vec::new();
    for info in &infos {
        let totals = ledger.totals(Scope { run: Some(info.id), ..Scope::default() }).await?;
        runs.push(run_view(info, totals));
    }
    let mut months = BTreeMap::new();
    let first = infos.iter().map(|info| info.began).min();
    let last = infos.iter().map(|info| info.last_seen).max();
    let mut month = first.map(|stamp| stamp.month());
    while let (Some(this), Some(last)) = (month, last.map(|stamp| stamp.month())) {
        if this > last {
            break;
        }
        months.insert(this.to_string(), totals_of(ledger, this).await?.into());
        month = Some(this.next());
    }
    Ok(StatusView {
        ledger: ledger.path().display().to_string(),
        kind: ledger.kind().as_str(),
        totals: ledger.totals(Scope::default()).await?.into(),
        months,
        runs,
    })
}

async fn totals_of(ledger: &SqliteLedger, month: Month) -> anyhow::Result<Totals> {
    let scope = Scope { from: Some(month.first_day()), before: Some(month.next().first_day()), ..Scope::default() };
    Ok(ledger.totals(scope).await?)
}

fn run_view(info: &RunInfo, totals: Totals) -> RunView {
    RunView {
        run: info.id.0,
        input: info.key.input_name.clone(),
        apis: info.key.apis.iter().map(ToString::to_string).collect(),
        reuse: info.key.reuse.to_string(),
        began: info.began.rfc3339(),
        last_seen: info.last_seen.rfc3339(),
        finished: info.finished.map(|stamp| stamp.rfc3339()),
        exit_code: info.outcome,
        totals: totals.into(),
    }
}

fn text(view: &StatusView) -> String {
    let mut out = format!("ledger {} ({})\n", view.ledger, view.kind);
    if view.runs.is_empty() {
        out.push_str("no run yet\n");
        return out;
    }
    out.push_str("\n  month       calls       paid   in doubt   yuan spent   yuan at stake\n");
    for (month, totals) in &view.months {
        let _ = writeln!(
            out,
            "  {month:7} {:>9}  {:>9}  {:>9}  {:>11}  {:>14}",
            count(totals.calls),
            count(totals.billed + totals.lost),
            count(totals.in_doubt),
            totals.spent,
            totals.at_stake
        );
    }
    out.push_str("\n  run  began                state                   calls       paid   in doubt  input\n");
    for run in view.runs.iter().take(SHOWN) {
        let _ = writeln!(
            out,
            "  {:>3}  {:19}  {:18}  {:>9}  {:>9}  {:>9}  {} ({})",
            run.run,
            run.began.get(..19).unwrap_or(&run.began).replace('T', " "),
            state(run),
            count(run.totals.calls),
            count(run.totals.billed + run.totals.lost),
            count(run.totals.in_doubt),
            for_terminal(&run.input),
            run.apis.join(", ")
        );
    }
    if view.runs.len() > SHOWN {
        let _ = writeln!(out, "  … and {} older runs (--json shows all)", view.runs.len() - SHOWN);
    }
    for (number, what) in [
        (view.totals.open, "calls are under way, or were when a run was killed"),
        (view.totals.in_doubt, "calls are in doubt: payonce doubts"),
        (view.totals.released, "calls were in doubt and released to be asked again"),
        (view.totals.paid_again, "calls were paid after a doubt about the same number was released"),
        (view.totals.written_off, "calls were in doubt and written off"),
        (view.totals.unbilled_assumed, "calls are taken for unbilled although the document does not say so"),
    ] {
        if number > 0 {
            let _ = writeln!(out, "\n{} {what}", count(number));
        }
    }
    out
}

fn state(run: &RunView) -> String {
    match (&run.finished, run.exit_code) {
        (Some(_), Some(code)) => format!("finished ({code})"),
        (Some(_), None) => "finished".to_owned(),
        (None, Some(code)) => format!("stopped ({code})"),
        (None, None) => "under way or killed".to_owned(),
    }
}
