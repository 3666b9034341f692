//! The flags, near to the letter. Every flag is also an environment variable, except those that name a single occasion.

mod money;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use url::Url;

use crate::domain::freshness::Reuse;
use crate::domain::money::Money;
use crate::domain::rate::Rate;
use crate::domain::status::Status;
use crate::progress::Language;
use crate::settings::{LogFormat, Span, TimeOfDay};

pub use self::money::{
    CheckArgs, DecideArgs, DoubtsAction, DoubtsArgs, DoubtsListArgs, FileArgs, ForgetArgs, LockArgs, ReconcileArgs,
};

/// Enrich a customer CSV through pay-per-call phone-number APIs, overnight, and never pay twice.
#[derive(Debug, Parser)]
#[command(name = "payonce", version, max_term_width = 110, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub shared: SharedArgs,
}

const AFTER_HELP: &str = "\
Examples:
  payonce run customers.csv --api ctcc-call-duration --api cucc-tenure --sandbox
  payonce plan customers.csv --api cucc-tenure --price 0.05
  payonce run customers.csv --api cucc-tenure --rate 50/s --budget 500 --price 0.05 --until 07:00

The key comes from PAYONCE_KEY, or from key_env or key_file in the config; never from a flag.
Exit codes: 0 done, 2 usage or input, 3 some rows failed or in doubt, 4 key or service refused,
75 stopped early (run again later), 130 interrupted, 1 anything else.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Enrich a CSV or .xlsx file: survey, ask, write
    Run(Box<RunArgs>),
    /// Show the bill beforehand; calls nobody
    Plan(PlanArgs),
    /// Write the output from the ledger; calls nobody
    Export(ExportArgs),
    /// Show runs, calls, money by month, doubts
    Status(StatusArgs),
    /// Write a page about a run to look at (HTML); calls nobody
    Report(ReportArgs),
    /// List calls that were perhaps paid, and decide about them
    Doubts(DoubtsArgs),
    /// Hold the vendor's statement against the ledger
    Reconcile(Box<ReconcileArgs>),
    /// Drop old answers from the ledger, not their cost
    Forget(ForgetArgs),
    /// Prove key, config, ledger, input and lock; calls nobody
    Check(CheckArgs),
    /// Show the APIs that payonce knows, or one of them whole
    Apis(ApisArgs),
    /// Explain an error code of the vendor
    Explain(ExplainArgs),
    /// Serve a stand-in vendor on this machine, with its own bill and faults
    Sandbox(SandboxArgs),
    /// Write a commented payonce.toml
    Init(InitArgs),
    /// Print shell completions
    Completions(CompletionsArgs),
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct SharedArgs {
    /// Config file [default: ./payonce.toml, then the user's config folder]
    #[arg(long, global = true, value_name = "FILE", env = "PAYONCE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Ledger file [default: in the user's state folder]
    #[arg(long, global = true, value_name = "FILE", env = "PAYONCE_LEDGER")]
    pub ledger: Option<PathBuf>,
    /// Form of log lines [default: text]
    #[arg(long, global = true, value_name = "FORMAT", env = "PAYONCE_LOG_FORMAT")]
    pub log_format: Option<LogFormatArg>,
    /// Append log lines to this file
    #[arg(long, global = true, value_name = "FILE", env = "PAYONCE_LOG_FILE")]
    pub log_file: Option<PathBuf>,
    /// Language of plan, progress, summary, report and reasons [default: from LC_ALL, LC_MESSAGES, LANG]
    #[arg(long, global = true, value_name = "LANG", env = "PAYONCE_LANG")]
    pub lang: Option<LanguageArg>,
    /// Print nothing unless something is wrong
    #[arg(long, short, global = true, env = "PAYONCE_QUIET", value_parser = clap::builder::FalseyValueParser::new())]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormatArg {
    Text,
    Json,
}

impl From<LogFormatArg> for LogFormat {
    fn from(arg: LogFormatArg) -> Self {
        match arg {
            LogFormatArg::Text => LogFormat::Text,
            LogFormatArg::Json => LogFormat::Json,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LanguageArg {
    Zh,
    En,
}

impl LanguageArg {
    /// The language of this process.
    pub fn resolve(arg: Option<LanguageArg>) -> Language {
        match arg {
            Some(LanguageArg::Zh) => Language::Chinese,
            Some(LanguageArg::En) => Language::English,
            None => {
                let mut values =
                    ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
                Language::of_locale(&values.find(|value| !value.is_empty()).unwrap_or_default())
            }
        }
    }
}

/// How the input is read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct InputArgs {
    /// The CSV or .xlsx file; - is standard input
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,
    /// API to ask; may be given more than once
    #[arg(long = "api", value_name = "ID", env = "PAYONCE_API", value_delimiter = ',', action = ArgAction::Append)]
    pub apis: Vec<String>,
    #[command(flatten)]
    pub file: FileArgs,
    /// Skip numbers in segments of other carriers than the API's
    #[arg(long, env = "PAYONCE_ONLY_SEGMENT", value_parser = clap::builder::FalseyValueParser::new())]
    pub only_segment: bool,
    /// How long answers are reused: month, or days:N [default: month]
    #[arg(long, value_name = "WINDOW", env = "PAYONCE_REUSE")]
    pub reuse: Option<Reuse>,
}

/// What the run may cost and how fast it may go; `plan` takes them too.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Calls per second or minute, per API, such as 50/s or 90/m [default: 10/s]
    #[arg(long, value_name = "RATE", env = "PAYONCE_RATE")]
    pub rate: Option<Rate>,
    /// What a paid call costs, in yuan
    #[arg(long, value_name = "YUAN", env = "PAYONCE_PRICE")]
    pub price: Option<Money>,
    /// Most that this run may cost, over all its invocations, in yuan
    #[arg(long, value_name = "YUAN", env = "PAYONCE_BUDGET")]
    pub budget: Option<Money>,
    /// Send nothing after this time of day, in the local zone
    #[arg(long, value_name = "HH:MM", env = "PAYONCE_UNTIL")]
    pub until: Option<TimeOfDay>,
    /// Send nothing after so long, such as 8h
    #[arg(long, value_name = "DURATION", env = "PAYONCE_MAX_RUNTIME")]
    pub max_runtime: Option<Span>,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Calls in flight at a time, per API [default: from rate and timeout, at most 64]
    #[arg(long, value_name = "N", env = "PAYONCE_CONCURRENCY", help_heading = "Limits")]
    pub concurrency: Option<usize>,
    /// How long a call may take [default: 10s]
    #[arg(long, value_name = "DURATION", env = "PAYONCE_TIMEOUT", help_heading = "Limits")]
    pub timeout: Option<Span>,
    /// Most calls of this run, over all APIs and invocations
    #[arg(long, value_name = "N", env = "PAYONCE_MAX_CALLS", help_heading = "Limits")]
    pub max_calls: Option<u64>,
    /// Calls in doubt that this run may ask, and perhaps pay, again [default: 0]
    #[arg(long, value_name = "N", env = "PAYONCE_RELEASE_DOUBTS", help_heading = "Limits")]
    pub release_doubts: Option<u64>,
    /// Where to write [default: INPUT with .enriched before its ending]; - is standard output
    #[arg(long, short, value_name = "FILE", env = "PAYONCE_OUTPUT", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Replace columns of the input that have the names of new ones
    #[arg(long, env = "PAYONCE_REPLACE_COLUMNS", value_parser = clap::builder::FalseyValueParser::new(), help_heading = "Output")]
    pub replace_columns: bool,
    /// Write a summary of the run to this file, as JSON
    #[arg(long, value_name = "FILE", env = "PAYONCE_SUMMARY", help_heading = "Output")]
    pub summary: Option<PathBuf>,
    /// Write a page about the run to this file, to look at in a browser (HTML)
    #[arg(long, value_name = "FILE", env = "PAYONCE_REPORT", help_heading = "Output")]
    pub report: Option<PathBuf>,
    /// Write the run's figures to this file, for Prometheus's textfile collector
    #[arg(long, value_name = "FILE", env = "PAYONCE_METRICS_FILE", help_heading = "Output")]
    pub metrics_file: Option<PathBuf>,
    /// Ask rows with these statuses of earlier runs anew: no_record, rejected
    #[arg(long, value_name = "STATUS", value_delimiter = ',', help_heading = "Run")]
    pub again: Vec<Status>,
    /// Begin a new run, even if an unfinished one of the same input is there
    #[arg(long, conflicts_with = "continue_run", help_heading = "Run")]
    pub new_run: bool,
    /// Go on with this run, finished or not, in its own month
    #[arg(long = "continue", value_name = "RUN", help_heading = "Run")]
    pub continue_run: Option<i64>,
    #[command(flatten, next_help_heading = "Run")]
    pub lock: LockArgs,
    /// Scheme, host and port in place of the APIs' own
    #[arg(long, value_name = "URL", env = "PAYONCE_BASE_URL", conflicts_with = "sandbox", help_heading = "Run")]
    pub base_url: Option<Url>,
    /// Ask a stand-in vendor on this machine; costs nothing
    #[arg(long, help_heading = "Sandbox")]
    pub sandbox: bool,
    /// Faults of the sandbox: a name (see `payonce sandbox --help`) or a file
    #[arg(long, value_name = "NAME", requires = "sandbox", conflicts_with = "base_url", help_heading = "Sandbox")]
    pub chaos: Option<String>,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Where to write; - is standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub output: PathBuf,
    /// Replace columns of the input that have the names of new ones
    #[arg(long, help_heading = "Output")]
    pub replace_columns: bool,
    /// In the window of this run [default: the newest run of this input]
    #[arg(long, value_name = "RUN", help_heading = "Run")]
    pub run: Option<i64>,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run [default: the newest]
    #[arg(value_name = "RUN")]
    pub run: Option<i64>,
    /// Where to write [default: payonce-report-RUN.html]; - is standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The run's input: adds rows by status and invalid cells
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    #[command(flatten)]
    pub file: FileArgs,
}

#[derive(Debug, Args)]
pub struct ApisArgs {
    /// Show this API whole
    pub id: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// An error_code or an old resultcode, such as 10012, 232401, 112
    #[arg(value_parser = |text: &str| text.parse::<i64>().map_err(|_| "a code is a whole number, such as 10012"))]
    pub code: i64,
}

#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Address to listen on; this machine's own only. Port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8377")]
    pub listen: SocketAddr,
    /// The key that is accepted
    #[arg(long, value_name = "KEY", default_value = "sandbox")]
    pub key: String,
    /// How long every reply takes
    #[arg(long, value_name = "DURATION", default_value = "0ms")]
    pub latency: Span,
    /// Requests per sliding second before 10012 is answered, per API
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
    /// Charged calls before 10012 is answered, per API
    #[arg(long, value_name = "N")]
    pub quota: Option<u64>,
    /// Faults: night, resets, truncated, slow, html-500, throttled, maintenance, no-record, supplier-errors, expired-key, garbage, none, or a TOML file
    #[arg(long, value_name = "NAME", default_value = "none")]
    pub chaos: String,
    /// Which numbers meet which faults
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where to write
    #[arg(value_name = "FILE", default_value = "payonce.toml")]
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    pub shell: clap_complete::Shell,
}
