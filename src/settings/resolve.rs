//! Flags over environment over file over defaults, once.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::config::{ApiConfig, Config, Quota};
use super::deadline::Deadline;
use super::error::SettingsError;
use super::job::{Job, LaneJob, LedgerPlace, Patience, QuotaPolicy};
use super::keys;
use super::places::default_ledger;
use super::scalars::{FileMode, Span, TimeOfDay};
use crate::catalog::{Catalogue, Profile};
use crate::domain::freshness::Reuse;
use crate::domain::ids::RunId;
use crate::domain::money::Money;
use crate::domain::rate::Rate;
use crate::domain::run::{LedgerKind, Start, Terms};
use crate::domain::status::Status;

/// Calls in flight that a lane never exceeds by default.
const MOST_CONCURRENT: usize = 64;

/// What flags and environment say; they are one by the time they get here.
#[derive(Debug, Default)]
pub struct Overrides {
    pub apis: Vec<String>,
    pub column: Option<String>,
    pub encoding: Option<String>,
    pub delimiter: Option<String>,
    pub skip_lines: Option<usize>,
    pub sheet: Option<String>,
    pub only_segment: bool,
    pub reuse: Option<Reuse>,
    pub rate: Option<Rate>,
    pub concurrency: Option<usize>,
    pub timeout: Option<Span>,
    pub max_calls: Option<u64>,
    pub budget: Option<Money>,
    pub price: Option<Money>,
    pub until: Option<TimeOfDay>,
    pub max_runtime: Option<Span>,
    pub base_url: Option<Url>,
    pub release_doubts: Option<u64>,
    pub again: Vec<Status>,
    pub new_run: bool,
    pub continue_run: Option<RunId>,
}

/// The job that flags and config describe together.
pub fn resolve(overrides: Overrides, config: &Config, catalogue: &Catalogue) -> Result<Job, SettingsError> {
    if overrides.apis.is_empty() {
        let known = catalogue.profiles().iter().map(|p| p.id.as_str()).collect::<Vec<_>>().join(", ");
        return Err(SettingsError::NoApi { known });
    }
    if let Some(api) = config.apis.keys().find(|id| catalogue.get(id).is_err()) {
        catalogue.get(api)?;
    }
    let lanes =
        overrides.apis.iter().map(|id| lane(id, &overrides, config, catalogue)).collect::<Result<Vec<_>, _>>()?;
    check_distinct(&lanes)?;
    let terms = terms(&overrides, config, &lanes)?;
    let deadline = deadline(&overrides);
    let Overrides {
        column, encoding, delimiter, skip_lines, sheet, only_segment, reuse, new_run, continue_run, ..
    } = overrides;
    Ok(Job {
        column: column.or_else(|| config.input.column.clone()),
        encoding: encoding.or_else(|| config.input.encoding.clone()),
        delimiter: delimiter.or_else(|| config.input.delimiter.clone()),
        skip_lines: skip_lines.or(config.input.skip_lines).unwrap_or(0),
        sheet,
        only_segment: only_segment || config.input.only_segment.unwrap_or(false),
        output_encoding: config.output.encoding.clone(),
        output_delimiter: config.output.delimiter.clone(),
        output_mode: config.output.mode.unwrap_or(FileMode(0o600)).0,
        lanes,
        reuse: reuse.or(config.input.reuse).unwrap_or_default(),
        terms,
        start: match continue_run {
            Some(run) => Start::Continue(run),
            None if new_run => Start::Begin,
            None => Start::ResumeOrBegin,
        },
        deadline,
        confirm_above: config.money.confirm_above,
    })
}

impl Job {
    /// What a run of this job is stamped: loopback where no lane leaves this machine.
    pub fn kind(&self, sandbox: bool) -> LedgerKind {
        if sandbox {
            LedgerKind::Sandbox
        } else if self.lanes.iter().all(|lane| is_loopback(&lane.url)) {
            LedgerKind::Loopback
        } else {
            LedgerKind::Live
        }
    }

    /// The keys of the lanes, in their order, and warnings about their files.
    pub fn keys(&self, config: &Config) -> Result<(Vec<SecretString>, Vec<String>), SettingsError> {
        let mut warnings = Vec::new();
        let mut lane_keys = Vec::new();
        let none = ApiConfig::default();
        for lane in &self.lanes {
            let id = lane.profile.id.as_str();
            let (key, warning) = keys::key(id, config.apis.get(id).unwrap_or(&none))?;
            lane_keys.push(key);
            warnings.extend(warning);
        }
        Ok((lane_keys, warnings))
    }
}

/// Where the ledger is: flag or environment, config, the user's state folder.
pub fn ledger_place(flag: Option<PathBuf>, config: &Config, kind: LedgerKind) -> Result<LedgerPlace, SettingsError> {
    // A config is about live runs: a trial on the sandbox must not stamp their ledger.
    let configured = if kind == LedgerKind::Sandbox { None } else { config.ledger.path.clone() };
    match flag.or(configured) {
        Some(path) => Ok(LedgerPlace { path, kind, is_default: false }),
        None => match default_ledger(kind) {
            Some(path) => Ok(LedgerPlace { path, kind, is_default: true }),
            None => Err(SettingsError::Wrong("no home folder is known for the ledger: pass --ledger FILE".to_owned())),
        },
    }
}

fn lane(id: &str, flags: &Overrides, config: &Config, catalogue: &Catalogue) -> Result<LaneJob, SettingsError> {
    let none = ApiConfig::default();
    let own = config.apis.get(id).unwrap_or(&none);
    let profile = configured_profile(catalogue.get(id)?.clone(), config)?;
    let wrong = |problem: String| SettingsError::Api { api: id.to_owned(), problem };
    let method = own.method.unwrap_or(profile.methods[0]);
    if !profile.methods.contains(&method) {
        let taken = profile.methods.iter().map(|taken| format!("\"{taken}\"")).collect::<Vec<_>>().join(" or ");
        return Err(wrong(format!("method = \"{method}\": this API does not take it; write {taken}")));
    }
    let limits = &config.limits;
    let url = url(&profile, own, flags.base_url.as_ref(), limits.allow_http.unwrap_or(false))?;
    let rate = flags.rate.or(own.rate).or(limits.rate).unwrap_or(Rate::per_second(10));
    let timeout = flags.timeout.or(limits.timeout).map_or(Duration::from_secs(10), |span| span.0);
    if timeout < Duration::from_millis(100) {
        return Err(SettingsError::Wrong(
            "the timeout must be 100ms or more: pass --timeout, or set limits.timeout, such as \"10s\"".to_owned(),
        ));
    }
    let connect_timeout = limits.connect_timeout.map_or(Duration::from_secs(5).min(timeout / 2), |span| span.0);
    if connect_timeout >= timeout {
        return Err(SettingsError::Wrong(format!(
            "limits.connect_timeout ({}) must be below the timeout ({}), or an unreachable host could not be told from a slow one: lower it, or raise --timeout",
            Span(connect_timeout),
            Span(timeout)
        )));
    }
    let concurrency = match flags.concurrency.or(own.concurrency).or(limits.concurrency) {
        Some(concurrency @ 1..=1024) => concurrency,
        Some(_) => {
            return Err(SettingsError::Wrong(
                "the concurrency must be from 1 to 1024: pass --concurrency, or set limits.concurrency".to_owned(),
            ));
        }
        // As many as are under way at this rate if every call takes as long as it may.
        None => ((rate.hertz() * timeout.as_secs_f64()).ceil() as usize).clamp(1, MOST_CONCURRENT),
    };
    let at_least_one = |name: &str, value: u32| match value {
        0 => Err(SettingsError::Wrong(format!("limits.{name} must be 1 or more"))),
        value => Ok(value),
    };
    let span = |value: Option<Span>, default: u64| value.map_or(Duration::from_secs(default), |span| span.0);
    Ok(LaneJob {
        profile: Arc::new(profile),
        url,
        method,
        rate,
        concurrency,
        timeout,
        connect_timeout,
        attempts: at_least_one("attempts", limits.attempts.unwrap_or(5))?,
        price: flags.price.or(own.price).or(config.money.price),
        patience: Patience {
            quota: span(limits.quota_patience, 60),
            maintenance: span(limits.maintenance_patience, 30 * 60),
            unreachable: span(limits.unreachable_patience, 30 * 60),
            quota_policy: match limits.quota.unwrap_or(Quota::Stop) {
                Quota::Stop => QuotaPolicy::Stop,
                Quota::Wait => QuotaPolicy::WaitUntil(limits.quota_reset.unwrap_or(TimeOfDay { hour: 0, minute: 0 })),
            },
        },
        breaker: at_least_one("breaker", limits.breaker.unwrap_or(20))?,
    })
}

/// A profile with what the config changes about it.
pub fn configured_profile(mut profile: Profile, config: &Config) -> Result<Profile, SettingsError> {
    let Some(own) = config.apis.get(profile.id.as_str()) else { return Ok(profile) };
    if let Some(billing) = own.billing {
        profile.billing = billing;
    }
    for (column, labels) in &own.labels {
        profile.relabel(column, labels).map_err(|problem| SettingsError::Api {
            api: profile.id.to_string(),
            problem: format!("labels: {problem}"),
        })?;
    }
    Ok(profile)
}

fn url(profile: &Profile, own: &ApiConfig, base: Option<&Url>, allow_http: bool) -> Result<Url, SettingsError> {
    let wrong = |problem: String| SettingsError::Api { api: profile.id.to_string(), problem };
    let text = own.url.as_deref().unwrap_or(&profile.url);
    let mut url = Url::parse(text)
        .map_err(|e| wrong(format!("url = \"{text}\": {e}; write a whole one, such as \"https://host/path\"")))?;
    if let Some(base) = base {
        if base.path() != "/" || base.query().is_some() {
            return Err(SettingsError::Wrong(format!(
                "--base-url {base} has a path; it takes the place of scheme, host and port only ([apis.{}] url in the config replaces the whole)",
                profile.id
            )));
        }
        let replaced = url.set_scheme(base.scheme()).and_then(|()| url.set_port(base.port()));
        if replaced.is_err() || url.set_host(base.host_str()).is_err() {
            return Err(SettingsError::Wrong(format!(
                "--base-url {base} has no scheme and host such as http://127.0.0.1:8080"
            )));
        }
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if allow_http || is_loopback(&url) => Ok(url),
        "http" => Err(wrong(format!(
            "{url} is plain http to another host, which would show the key and the numbers to everybody on the way: use https, or set limits.allow_http = true"
        ))),
        other => Err(wrong(format!("{url}: '{other}' is neither https nor http"))),
    }
}

/// Whether a URL stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Two APIs of one run may share neither id nor prefix.
fn check_distinct(lanes: &[LaneJob]) -> Result<(), SettingsError> {
    let (mut ids, mut prefixes) = (HashSet::new(), HashSet::new());
    for lane in lanes {
        let profile = &lane.profile;
        let (what, value) = if !ids.insert(profile.id.as_str()) {
            ("id", profile.id.as_str())
        } else if !prefixes.insert(profile.prefix.as_str()) {
            ("prefix", profile.prefix.as_str())
        } else {
            continue;
        };
        let one = lanes.iter().find(|other| match what {
            "id" => other.profile.id == profile.id,
            _ => other.profile.prefix == profile.prefix,
        });
        let one = one.map(|lane| lane.profile.id.to_string()).unwrap_or_default();
        return Err(SettingsError::Alike { one, other: profile.id.to_string(), what, value: value.to_owned() });
    }
    Ok(())
}

fn terms(flags: &Overrides, config: &Config, lanes: &[LaneJob]) -> Result<Terms, SettingsError> {
    let budget = flags.budget.or(config.money.budget);
    let budget_month = config.money.budget_month;
    if budget.or(budget_month).is_some()
        && let Some(lane) = lanes.iter().find(|lane| lane.price.is_none())
    {
        return Err(SettingsError::Wrong(format!(
            "a budget needs to know what a call costs: pass --price YUAN, or set money.price or [apis.{}] price in the config",
            lane.profile.id
        )));
    }
    if let Some(status) = flags.again.iter().find(|status| !matches!(status, Status::NoRecord | Status::Rejected)) {
        return Err(SettingsError::Wrong(format!(
            "--again {status}: only no_record and rejected rows can be asked anew"
        )));
    }
    Ok(Terms {
        max_calls: flags.max_calls,
        budget,
        budget_month,
        calls_per_day: config.limits.calls_per_day,
        release_doubts: flags.release_doubts.or(config.money.release_doubts).unwrap_or(0),
        again: flags.again.clone(),
        rates: lanes.iter().map(|lane| (lane.profile.id.clone(), lane.rate)).collect(),
    })
}

fn deadline(flags: &Overrides) -> Option<Deadline> {
    let until = flags.until.map(|time| Deadline::until(time, &jiff::Zoned::now()));
    let runtime = flags.max_runtime.map(|span| Deadline::max_runtime(span.0));
    match (until, runtime) {
        (Some(until), Some(runtime)) => Some(until.earlier(runtime)),
        (until, runtime) => until.or(runtime),
    }
}
