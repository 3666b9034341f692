//! `payonce export`: the output from the ledger.

use super::args::{ExportArgs, SharedArgs};
use super::common;
use super::failure::Usage;
use crate::domain::exit::Exit;
use crate::domain::ids::RunId;
use crate::passes::{output_columns, output_options, re_export};
use crate::settings::resolve;
use crate::table::{Target, check};

pub(super) fn export(args: ExportArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let ExportArgs { input, output, replace_columns, run } = args;
    let (config, catalogue) = common::load(shared)?;
    let job = resolve(common::overrides(&input), &config, &catalogue)?;
    let input = common::open_input(&input.input, &job)?;
    let target = Target::of_argument(&output);
    check(&target, &input, &output_options(&job, replace_columns), &output_columns(&job))
        .map_err(|error| Usage(error.to_string()))?;
    let ledger = common::existing_ledger(shared, &config)?;
    let runtime = common::runtime()?;
    let exported = runtime.block_on(re_export(&job, &input, &ledger, run.map(RunId), &target, replace_columns))?;
    if !shared.quiet && target != Target::Stdout {
        eprintln!("written: {} ({} rows)", target.name(), crate::progress::count(exported.rows));
    }
    Ok(Exit::Done)
}
