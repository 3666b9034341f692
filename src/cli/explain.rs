//! `payonce explain`: what a code of the vendor means, and what payonce does about it.

use std::fmt::Write;

use super::args::{ExplainArgs, SharedArgs};
use super::common;
use super::failure::Usage;
use crate::catalog::{Catalogue, Explanation, Level, Profile};
use crate::domain::exit::Exit;

pub(super) fn explain(args: &ExplainArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let (_, catalogue) = common::load(shared)?;
    let Some((explanation, profiles)) = catalogue.explain(args.code) else {
        return Err(Usage(unknown(args.code, &catalogue)).into());
    };
    common::print(&known(&explanation, &profiles))?;
    Ok(Exit::Done)
}

fn known(explanation: &Explanation<'_>, profiles: &[&Profile]) -> String {
    let Explanation { number, asked_as_old, code } = explanation;
    let mut out = format!("{number}: {}\n", code.meaning);
    if *asked_as_old {
        let _ = writeln!(out, "old code   {} is the resultcode of the older envelope", code.old.unwrap_or_default());
    } else if let Some(old) = code.old {
        let _ = writeln!(out, "old code   {old} (resultcode)");
    }
    let _ = writeln!(out, "level      {}", level(*number));
    if let Some(module) = Level::module(*number) {
        let ids: Vec<_> = profiles.iter().map(|profile| profile.id.as_str()).collect();
        let _ = writeln!(out, "module     {module:03} ({}), error {:02}", ids.join(", "), number % 100);
    }
    let _ = writeln!(out, "class      {}", code.class.as_str());
    let _ = writeln!(out, "payonce    {}", code.class.consequence());
    if let Some(class) = code.class_if_assumed {
        let assumed: Vec<_> = profiles.iter().filter(|p| p.is_assumed()).map(|p| p.id.as_str()).collect();
        let _ = writeln!(out, "           where billing is assumed ({}): {}", assumed.join(", "), class.consequence());
    }
    if let Some(look_at) = &code.look_at {
        let _ = writeln!(out, "look at    {look_at}");
    }
    out
}

fn level(code: i64) -> &'static str {
    match Level::of(code) {
        Level::Success => "success",
        Level::System => "system (1): the vendor's platform, before the service was asked",
        Level::Service => "service (2): the service behind the platform",
        Level::Unknown => "unknown",
    }
}

fn unknown(code: i64, catalogue: &Catalogue) -> String {
    let ids: Vec<_> = catalogue.profiles().iter().map(|profile| profile.id.as_str()).collect();
    let shape = match Level::module(code) {
        Some(module) => format!(" (by its form: service level, module {module:03}, error {:02})", code % 100),
        None => String::new(),
    };
    format!(
        "{code} is not in the documents of {}{shape}; payonce would take it for unpaid as far as documented and mark the row failed",
        ids.join(", ")
    )
}
