//! `payonce plan`: the bill beforehand.

use std::time::Duration;

use rust_i18n::t;

use super::args::{PlanArgs, SharedArgs};
use super::clock::SystemClock;
use super::common;
use crate::domain::exit::Exit;
use crate::domain::money::Money;
use crate::domain::ports::Clock;
use crate::ledger::SqliteLedger;
use crate::passes::{Survey, foresee, invalid_cells};
use crate::progress::{Bill, LaneBill, hours};
use crate::settings::{Job, Rule, resolve};
use crate::table::Input;

pub(super) fn plan(args: PlanArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let PlanArgs { input, limits, json } = args;
    let (config, catalogue) = common::load(shared)?;
    let job = resolve(common::limited(&input, &limits), &config, &catalogue)?;
    let input = common::open_input(&input.input, &job)?;
    let ledger: Option<SqliteLedger> = common::read_ledger(shared, &config)?;
    let survey = common::runtime()?.block_on(foresee(&job, &input, ledger.as_ref(), SystemClock.now()))?;
    let bill = bill(&job, &input, &survey);
    if json {
        common::print_json(&bill)?;
    } else if !shared.quiet {
        common::print(&bill.text())?;
    }
    Ok(Exit::Done)
}

/// The bill of a survey.
pub(super) fn bill(job: &Job, input: &Input, survey: &Survey) -> Bill {
    let lanes: indexmap::IndexMap<String, LaneBill> = job
        .lanes
        .iter()
        .enumerate()
        .map(|(i, lane)| (lane.profile.id.to_string(), lane_bill(job, survey, i)))
        .collect();
    let cost = worst_case_cost(job, survey);
    let seconds = lanes.values().map(|lane| lane.seconds).fold(0.0, f64::max);
    let now = jiff::Zoned::now();
    let ends = now.checked_add(Duration::from_secs_f64(seconds.min(1e9))).unwrap_or_else(|_| now.clone());
    let format = input.format();
    let (encoding, delimiter) = match format.sheet {
        Some(_) => ("xlsx", String::new()),
        None => (format.charset.name(), delimiter_word(format.delimiter)),
    };
    Bill {
        input: input.name().to_owned(),
        encoding: encoding.to_owned(),
        delimiter,
        sheet: format.sheet.clone(),
        phone_column: input.header().get(input.phone_column()).cloned().unwrap_or_default(),
        rows: survey.rows,
        distinct: survey.distinct,
        invalid_rows: survey.invalid.iter().map(|group| group.rows).sum(),
        invalid: invalid_cells(&survey.invalid),
        worst_case_cost: cost.map(|cost| cost.to_string()),
        seconds,
        ends_at: ends.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        ends_at_clock: ends.strftime(if ends.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" }).to_string(),
        budget: job.terms.budget.map(|budget| budget.to_string()),
        fits_budget: job.terms.budget.zip(cost).map(|(budget, cost)| cost <= budget),
        until: job.deadline.as_ref().map(|deadline| deadline.rule.to_string()),
        fits_until: job.deadline.as_ref().map(|deadline| seconds <= deadline.after.as_secs_f64()),
        until_words: job.deadline.as_ref().map(|deadline| until_words(&deadline.rule)).unwrap_or_default(),
        time_is_over: job.deadline.as_ref().is_some_and(|deadline| deadline.after.is_zero()),
        lanes,
    }
}

/// What it costs if every number is answered; none where a price is unknown.
pub(super) fn worst_case_cost(job: &Job, survey: &Survey) -> Option<Money> {
    job.lanes.iter().zip(&survey.lanes).map(|(lane, survey)| Some(lane.price? * survey.to_ask.len())).sum()
}

fn lane_bill(job: &Job, survey: &Survey, i: usize) -> LaneBill {
    let (lane, survey) = (&job.lanes[i], &survey.lanes[i]);
    let to_ask = survey.to_ask.len();
    LaneBill {
        to_ask,
        known: survey.known,
        reused: survey.reused,
        stale: survey.stale,
        blocked: survey.blocked,
        releasable: survey.releasable,
        needs_number: survey.needs_number,
        other_carrier_rows: survey.other_carrier,
        skipped_rows: survey.skipped,
        price: lane.price.map(|price| price.to_string()),
        worst_case_cost: lane.price.map(|price| (price * to_ask).to_string()),
        seconds: lane.rate.duration(to_ask).as_secs_f64(),
        rate_configured: lane.rate.hertz(),
    }
}

fn until_words(rule: &Rule) -> String {
    match rule {
        Rule::Until { time, zone } => t!("bill.until", time = time, zone = zone),
        Rule::MaxRuntime(span) => t!("bill.max_runtime", time = hours(span.0)),
    }
    .into_owned()
}

fn delimiter_word(delimiter: u8) -> String {
    if delimiter == b'\t' { "tab".to_owned() } else { char::from(delimiter).to_string() }
}
