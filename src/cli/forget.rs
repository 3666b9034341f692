//! `payonce forget`: old answers are dropped, their cost is kept.

use std::io::{self, BufRead, IsTerminal, Write};

use super::args::{ForgetArgs, SharedArgs};
use super::clock::SystemClock;
use super::common;
use super::failure::Usage;
use crate::domain::exit::Exit;
use crate::domain::freshness::Day;
use crate::domain::ports::{Clock, Ledger};
use crate::passes::{forget as drop_answers, may_forget};
use crate::progress::count;

pub(super) fn forget(args: ForgetArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let ForgetArgs { before, even_fresh, yes, lock } = args;
    let (config, _) = common::load(shared)?;
    let locked = common::locked_ledger(shared, &config, lock)?;
    let runtime = common::runtime()?;
    if !even_fresh {
        let runs = runtime.block_on(locked.ledger.runs())?;
        let reuse = config.input.reuse.unwrap_or_default();
        may_forget(before, SystemClock.now(), reuse, &runs).map_err(|why| Usage(why.to_string()))?;
    }
    if !yes && !confirmed(before, even_fresh)? {
        return Err(Usage("nothing was dropped".to_owned()).into());
    }
    let forgotten = runtime.block_on(drop_answers(&locked.ledger, before))?;
    if !shared.quiet {
        let mut text = format!(
            "dropped: answers, order IDs and subjects of {} calls of before {before}; their money and their number are kept, doubts too\n",
            count(forgotten.calls)
        );
        if forgotten.orphans > 0 {
            text.push_str(&format!(
                "{} calls that a killed run left open are in doubt now\n",
                count(forgotten.orphans)
            ));
        }
        text.push_str("backups and outputs that were written before are for you to delete");
        common::print(&text)?;
    }
    Ok(Exit::Done)
}

/// Asks where somebody is there to answer.
fn confirmed(before: Day, even_fresh: bool) -> io::Result<bool> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Ok(true);
    }
    let fresh = if even_fresh { ", also those that would be reused and are then paid for again" } else { "" };
    let mut err = io::stderr().lock();
    write!(err, "drop all answers of before {before} for good{fresh}? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
