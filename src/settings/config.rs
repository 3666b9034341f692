//! The config file, near to the letter. Every key is optional; what a key means when it is absent stands in `config.example.toml`,
//! and a test holds the two together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::scalars::{FileMode, Span, TimeOfDay, parsed};
use crate::catalog::{BillingRule, Method};
use crate::domain::freshness::Reuse;
use crate::domain::money::Money;
use crate::domain::rate::Rate;

/// Why a config file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the config {}: {error}; name another with --config, or write one with payonce init", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("config {}: {problem}{}", path.display(), hint.as_ref().map(|h| format!("\n{h}")).unwrap_or_default())]
    Wrong { path: PathBuf, problem: String, hint: Option<String> },
}

/// `payonce.toml`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub input: InputConfig,
    pub output: OutputConfig,
    pub limits: LimitsConfig,
    pub money: MoneyConfig,
    pub ledger: LedgerConfig,
    pub log: LogConfig,
    /// Files with profiles of further APIs.
    pub profiles: Vec<PathBuf>,
    /// Settings of one API, by its id.
    pub apis: BTreeMap<String, ApiConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputConfig {
    pub column: Option<String>,
    pub encoding: Option<String>,
    pub delimiter: Option<String>,
    pub skip_lines: Option<usize>,
    #[serde(deserialize_with = "parsed")]
    pub reuse: Option<Reuse>,
    pub only_segment: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputConfig {
    pub encoding: Option<String>,
    pub delimiter: Option<String>,
    /// Octal.
    #[serde(deserialize_with = "parsed")]
    pub mode: Option<FileMode>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    #[serde(deserialize_with = "parsed")]
    pub rate: Option<Rate>,
    pub concurrency: Option<usize>,
    #[serde(deserialize_with = "parsed")]
    pub timeout: Option<Span>,
    #[serde(deserialize_with = "parsed")]
    pub connect_timeout: Option<Span>,
    pub attempts: Option<u32>,
    pub calls_per_day: Option<u64>,
    pub quota: Option<Quota>,
    #[serde(deserialize_with = "parsed")]
    pub quota_reset: Option<TimeOfDay>,
    #[serde(deserialize_with = "parsed")]
    pub quota_patience: Option<Span>,
    #[serde(deserialize_with = "parsed")]
    pub maintenance_patience: Option<Span>,
    #[serde(deserialize_with = "parsed")]
    pub unreachable_patience: Option<Span>,
    pub breaker: Option<u32>,
    pub allow_http: Option<bool>,
}

/// What to do when the vendor's quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    Stop,
    Wait,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MoneyConfig {
    /// Yuan per paid call.
    #[serde(deserialize_with = "parsed")]
    pub price: Option<Money>,
    #[serde(deserialize_with = "parsed")]
    pub budget: Option<Money>,
    #[serde(deserialize_with = "parsed")]
    pub budget_month: Option<Money>,
    /// On a terminal, a run that may cost more asks first.
    #[serde(deserialize_with = "parsed")]
    pub confirm_above: Option<Money>,
    pub release_doubts: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerConfig {
    pub path: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    pub format: Option<LogFormat>,
    pub file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
    /// The file that holds the key.
    pub key_file: Option<PathBuf>,
    #[serde(deserialize_with = "parsed")]
    pub rate: Option<Rate>,
    pub concurrency: Option<usize>,
    #[serde(deserialize_with = "parsed")]
    pub price: Option<Money>,
    pub url: Option<String>,
    pub method: Option<Method>,
    pub billing: Option<BillingRule>,
    /// By label column: labels of codes that replace the profile's.
    pub labels: BTreeMap<String, BTreeMap<String, String>>,
}

/// A config and where it came from.
#[derive(Debug, Default)]
pub struct Loaded {
    pub config: Config,
    /// None where there is no config file.
    pub path: Option<PathBuf>,
}

impl Loaded {
    /// Reads `explicit`, else `./payonce.toml`, else the one in the user's config folder, else nothing.
    pub fn find(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        let path = match explicit {
            Some(path) => Some(path.to_owned()),
            None => super::places::config_candidates().into_iter().find(|path| path.is_file()),
        };
        match path {
            None => Ok(Loaded::default()),
            Some(path) => {
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| ConfigError::Unreadable { path: path.clone(), error })?;
                let mut config =
                    parse(&text).map_err(|(problem, hint)| ConfigError::Wrong { path: path.clone(), problem, hint })?;
                config.resolve_paths(path.parent().unwrap_or(Path::new("")));
                Ok(Loaded { config, path: Some(path) })
            }
        }
    }
}

impl Config {
    /// Relative paths in a config count from its folder.
    fn resolve_paths(&mut self, folder: &Path) {
        let keys = self.apis.values_mut().filter_map(|api| api.key_file.as_mut());
        let files = [self.ledger.path.as_mut(), self.log.file.as_mut()].into_iter().flatten();
        for path in self.profiles.iter_mut().chain(keys).chain(files) {
            *path = folder.join(&*path);
        }
    }
}

/// The config, or the problem with its line and the nearest known name.
fn parse(text: &str) -> Result<Config, (String, Option<String>)> {
    toml::from_str(text).map_err(|error| {
        let problem = error.to_string().trim_end().to_owned();
        (problem, nearest_name(error.message()))
    })
}

/// For an unknown key: the known one that is most like it. serde's message is the only place that has both.
fn nearest_name(message: &str) -> Option<String> {
    let mut names = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    let (name, likeness) = names
        .map(|known| (known, strsim::jaro_winkler(unknown, known)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    (likeness > 0.6).then(|| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_shown_with_its_line_and_the_nearest_name() {
        let (problem, hint) = parse("[limits]\nrate = \"50/s\"\nconcurency = 4\n").expect_err("a typo");
        assert!(problem.contains("line 3") && problem.contains("concurency = 4"), "{problem}");
        assert_eq!(hint.as_deref(), Some("did you mean `concurrency`?"));
    }

    #[test]
    fn a_wrong_value_is_shown_with_its_line() {
        let (problem, _) = parse("[money]\nprice = \"cheap\"\n").expect_err("no amount");
        assert!(problem.contains("line 2") && problem.contains("not an amount of yuan"), "{problem}");
        assert!(parse("[money]\nprice = 0.05\n").is_err(), "money is written as a decimal string, never as a float");
    }
}
