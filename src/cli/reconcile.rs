//! `payonce reconcile`: the vendor's statement against the ledger.
//!
//! Shows what it found; with `--apply` it also settles it, under the run lock. A statement that cannot be read changes nothing.

use std::fmt::Write;
use std::sync::Arc;

use serde::Serialize;

use super::args::{ReconcileArgs, SharedArgs};
use super::{common, files};
use crate::catalog::Catalogue;
use crate::domain::exit::Exit;
use crate::domain::ids::ApiId;
use crate::domain::money::Money;
use crate::domain::text::for_terminal;
use crate::ledger::SqliteLedger;
use crate::passes::{
    ApiNames, Kept, Reconciliation, Span, Tally, Verdict, adopt_all, apply, reconcile as hold_against,
};
use crate::progress::count;
use crate::table::{ReadOptions, Statement, StatementOptions};

pub(super) fn reconcile(args: ReconcileArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let (config, catalogue) = common::load(shared)?;
    if let Some(api) = &args.api {
        catalogue.get(api)?;
    }
    // Before anything is settled, which would have to be said there.
    files::check(args.summary.as_deref(), "--summary")?;
    let statement = Arc::new(Statement::open(&args.statement, &options(&args))?);
    let api = args.api.as_deref().map(ApiId::new);
    let names = names(&catalogue);
    let runtime = common::runtime()?;
    let (found, applied) = if args.apply {
        let locked = common::locked_ledger(shared, &config, args.lock)?;
        (runtime.block_on(settle(&statement, names, api, &locked.ledger))?, true)
    } else {
        let ledger = common::existing_ledger(shared, &config)?;
        (runtime.block_on(hold_against(&statement, names, api, &ledger))?, false)
    };
    let view = View::of(&found, &statement, applied);
    if args.json {
        common::print_json(&view)?;
    } else if !shared.quiet {
        common::print(&text(&found, &statement, applied))?;
    }
    // Last: what was settled has been said, whether or not this can be written.
    if let Some(path) = &args.summary {
        files::replace_summary(path, &view)?;
    }
    Ok(Exit::Done)
}

fn options(args: &ReconcileArgs) -> StatementOptions {
    // The config's [input] is about other files.
    let read = ReadOptions {
        encoding: args.encoding.clone(),
        delimiter: args.delimiter.clone(),
        skip_lines: args.skip_lines.unwrap_or(0),
        sheet: args.sheet.clone(),
    };
    StatementOptions {
        read,
        order: args.order_column.clone(),
        number: args.number_column.clone(),
        time: args.time_column.clone(),
        api: args.api_column.clone(),
        amount: args.amount_column.clone(),
    }
}

fn names(catalogue: &Catalogue) -> ApiNames {
    let names = catalogue.profiles().iter().map(|profile| {
        (profile.id.clone(), vec![profile.id.to_string(), profile.prefix.clone(), profile.title.clone()])
    });
    ApiNames(names.collect())
}

/// Orphans first, so that what a killed run left open is decided too.
async fn settle(
    statement: &Arc<Statement>,
    names: ApiNames,
    api: Option<ApiId>,
    ledger: &SqliteLedger,
) -> anyhow::Result<Reconciliation> {
    adopt_all(ledger).await?;
    let found = hold_against(statement, names, api, ledger).await?;
    apply(&found, ledger).await?;
    Ok(found)
}

#[derive(Serialize)]
struct View {
    statement: StatementView,
    ledger: TallyView,
    /// Calls and yuan of the statement less those of the ledger, before anything is decided.
    difference: Difference,
    agreed: u64,
    agreed_by_number: u64,
    /// Charged, but unknown to the ledger; examples are records of the statement.
    unknown: TallyView,
    /// Charged although the document says that these calls are free.
    disputed: TallyView,
    /// Counted as charged, but not in the statement.
    not_charged: TallyView,
    decided_charged: VerdictView,
    decided_not_charged: VerdictView,
    kept_no_numbers: u64,
    kept_not_covered: u64,
    kept_unexplained: u64,
    open: u64,
    applied: bool,
}

#[derive(Serialize)]
struct StatementView {
    file: String,
    charges: u64,
    /// Yuan; null without a column of amounts.
    money: Option<String>,
    free: u64,
    ignored: u64,
    unreadable_amounts: u64,
    negative_amounts: u64,
    from: Option<String>,
    to: Option<String>,
    apis: indexmap::IndexMap<String, [String; 2]>,
}

#[derive(Serialize)]
struct TallyView {
    count: u64,
    money: String,
    examples: Vec<i64>,
}

#[derive(Serialize)]
struct VerdictView {
    calls: Vec<i64>,
    money: String,
}

#[derive(Serialize)]
struct Difference {
    calls: i128,
    money: Option<String>,
}

impl View {
    fn of(found: &Reconciliation, statement: &Statement, applied: bool) -> View {
        let Kept { no_numbers, not_covered, unexplained } = found.kept;
        let side = &found.statement;
        View {
            statement: StatementView {
                file: statement.name().to_owned(),
                charges: side.charges,
                money: statement.has_amounts().then(|| side.money.to_string()),
                free: side.free,
                ignored: side.ignored,
                unreadable_amounts: side.unreadable_amounts,
                negative_amounts: side.negative_amounts,
                from: found.span.map(|span| span.first.rfc3339()),
                to: found.span.map(|span| span.last.rfc3339()),
                apis: found.spans.iter().map(|(api, span)| (api.to_string(), edges(*span))).collect(),
            },
            ledger: tally(&found.ledger),
            difference: Difference {
                calls: i128::from(side.charges) - i128::from(found.ledger.count),
                money: statement.has_amounts().then(|| (side.money - found.ledger.money).to_string()),
            },
            agreed: found.agreed,
            agreed_by_number: found.agreed_by_number,
            unknown: tally(&found.unknown),
            disputed: tally(&found.disputed),
            not_charged: tally(&found.absent),
            decided_charged: verdict(&found.charged),
            decided_not_charged: verdict(&found.cleared),
            kept_no_numbers: no_numbers,
            kept_not_covered: not_covered,
            kept_unexplained: unexplained,
            open: found.open,
            applied,
        }
    }
}

fn edges(span: Span) -> [String; 2] {
    [span.first.rfc3339(), span.last.rfc3339()]
}

fn tally(tally: &Tally) -> TallyView {
    TallyView { count: tally.count, money: tally.money.to_string(), examples: tally.examples.clone() }
}

fn verdict(verdict: &Verdict) -> VerdictView {
    VerdictView { calls: verdict.calls.iter().map(|call| call.0).collect(), money: verdict.money.to_string() }
}

fn text(found: &Reconciliation, statement: &Statement, applied: bool) -> String {
    let mut out = String::new();
    head(&mut out, found, statement);
    sides(&mut out, found, statement);
    decisions(&mut out, found, applied);
    remarks(&mut out, found, statement);
    out
}

fn head(out: &mut String, found: &Reconciliation, statement: &Statement) {
    let columns: Vec<_> =
        statement.found().into_iter().map(|(what, name)| format!("{what} in '{}'", for_terminal(name))).collect();
    let _ = writeln!(out, "{}: {} charges; {}", statement.name(), count(found.statement.charges), columns.join(", "));
    for (api, span) in &found.spans {
        let _ = writeln!(out, "  {api}: from {} to {}", span.first.for_people(), span.last.for_people());
    }
}

fn sides(out: &mut String, found: &Reconciliation, statement: &Statement) {
    let side = &found.statement;
    let amount = |money: Money| if statement.has_amounts() { money.to_string() } else { "?".to_owned() };
    let _ = writeln!(out, "  {:40} {:>10}  {:>12}", "", "calls", "yuan");
    let mut line = |what: &str, number: u64, money: &str| {
        let row = format!("  {what:40} {:>10}  {money:>12}", count(number));
        let _ = writeln!(out, "{}", row.trim_end());
    };
    line("charged by the statement", side.charges, &amount(side.money));
    line("charged by the ledger, in that time", found.ledger.count, &found.ledger.money.to_string());
    line("agreed, by order ID", found.agreed, "");
    line("agreed, by number and time", found.agreed_by_number, "");
    line("charged, but unknown to the ledger", found.unknown.count, &amount(found.unknown.money));
    line("charged, although documented as free", found.disputed.count, &found.disputed.money.to_string());
    line("counted by the ledger, but not charged", found.absent.count, &found.absent.money.to_string());
}

fn decisions(out: &mut String, found: &Reconciliation, applied: bool) {
    let (charged, cleared) = (&found.charged, &found.cleared);
    let (was, were) = if applied { ("is", "are") } else { ("would be", "would be") };
    for (verdict, what) in [
        (charged, "counted as charged: their answers are lost (status lost)"),
        (cleared, "cleared as not charged: their money is free again, and they may be asked again"),
    ] {
        if !verdict.calls.is_empty() {
            let number = verdict.calls.len() as u64;
            let verb = if number == 1 { was } else { were };
            let _ = writeln!(out, "{} in doubt or undecided {verb} {what} ({} yuan)", calls(number), verdict.money);
        }
    }
    if !found.decides() {
        out.push_str("nothing that is in doubt is decided by this statement\n");
    } else if !applied {
        out.push_str("this was a dry run, nothing was changed; --apply settles it\n");
    }
}

fn remarks(out: &mut String, found: &Reconciliation, statement: &Statement) {
    let Kept { no_numbers, not_covered, unexplained } = found.kept;
    let side = &found.statement;
    let without = |what: &str, flag: &str| format!("no column of {what} is known: pass {flag} if there is one");
    let mut say = |number: u64, what: &str| {
        if number > 0 {
            let _ = writeln!(out, "{} {what}", count(number));
        }
    };
    say(no_numbers, "calls stay undecided: only a statement with numbers can show that they were not charged");
    say(not_covered, "calls stay undecided: the statement does not cover their time by a day on both sides");
    say(unexplained, "calls stay undecided: the statement has a charge that could be theirs and that no call explains");
    say(
        found.vague,
        "of the unknown charges have no number, time or API that can be read (--api ID says which API it is)",
    );
    say(
        found.open,
        "calls have no end in the ledger: under way, or left by a killed run; --apply takes those in first",
    );
    say(side.free, "lines list a call for nothing and were not counted");
    say(side.ignored, "lines have neither order ID nor number and were left out");
    say(side.unreadable_amounts, "amounts cannot be read: those lines are taken for charges");
    say(side.negative_amounts, "amounts are negative: those lines are taken for charges");
    if !statement.has_numbers() {
        let _ = writeln!(out, "{}", without("numbers", "--number-column"));
    }
    if !statement.has_times() {
        let _ = writeln!(out, "{}", without("times", "--time-column"));
    }
    for (tally, what) in [(&found.unknown, "records of the statement"), (&found.absent, "calls of the ledger")] {
        if !tally.examples.is_empty() {
            let ids: Vec<_> = tally.examples.iter().map(i64::to_string).collect();
            let more = if tally.count > ids.len() as u64 { ", …" } else { "" };
            let which = if what.starts_with("records") { "unknown" } else { "not charged" };
            let _ = writeln!(out, "{which}: {what} {}{more}", ids.join(", "));
        }
    }
    if found.agreed == 0 && found.ledger.count > 0 && side.charges > 0 {
        out.push_str("no order ID agrees: is that the column of order IDs? --order-column names another\n");
    }
}

fn calls(number: u64) -> String {
    format!("{} call{}", count(number), if number == 1 { "" } else { "s" })
}
