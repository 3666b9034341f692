//! The flags of what comes after a run, and of the check before one.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};
use url::Url;

use crate::domain::freshness::Day;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DoubtsArgs {
    #[command(subcommand)]
    pub action: Option<DoubtsAction>,
    #[command(flatten)]
    pub list: DoubtsListArgs,
}

#[derive(Debug, Subcommand)]
pub enum DoubtsAction {
    /// List calls that were perhaps paid
    List(DoubtsListArgs),
    /// Let calls in doubt be asked, and perhaps paid, again
    Release(DecideArgs),
    /// Give calls in doubt up: their rows say written_off
    WriteOff(DecideArgs),
}

/// Which doubts are decided. One way of choosing them is required.
#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = true)]
pub struct DecideArgs {
    /// These calls, by the numbers that `payonce doubts` shows
    #[arg(value_name = "CALL", group = "which", conflicts_with_all = ["run", "api", "all"])]
    pub calls: Vec<i64>,
    /// Those of this run
    #[arg(long, value_name = "RUN", group = "which")]
    pub run: Option<i64>,
    /// Those of this API
    #[arg(long, value_name = "ID", group = "which")]
    pub api: Option<String>,
    /// All of them
    #[arg(long, group = "which", conflicts_with_all = ["run", "api"])]
    pub all: bool,
    #[command(flatten)]
    pub lock: LockArgs,
}

/// For commands that change the ledger.
#[derive(Clone, Copy, Debug, Args)]
pub struct LockArgs {
    /// Wait while another payonce works with the same ledger
    #[arg(long, env = "PAYONCE_WAIT", value_parser = clap::builder::FalseyValueParser::new())]
    pub wait: bool,
}

/// How an input file is read.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct FileArgs {
    /// Phone column, by name or position from 1 [default: found]
    #[arg(long, value_name = "COLUMN", env = "PAYONCE_COLUMN")]
    pub column: Option<String>,
    /// Encoding of the input, such as gb18030 [default: found]
    #[arg(long, value_name = "NAME", env = "PAYONCE_ENCODING")]
    pub encoding: Option<String>,
    /// Delimiter of the input; "tab" for a tab [default: found]
    #[arg(long, value_name = "CHAR", env = "PAYONCE_DELIMITER")]
    pub delimiter: Option<String>,
    /// Title lines above the header [default: 0]
    #[arg(long, value_name = "N", env = "PAYONCE_SKIP_LINES")]
    pub skip_lines: Option<usize>,
    /// Sheet of an .xlsx file, by name or position from 1 [default: the first]
    #[arg(long, value_name = "SHEET", env = "PAYONCE_SHEET")]
    pub sheet: Option<String>,
}

#[derive(Debug, Args)]
pub struct DoubtsListArgs {
    /// Of this run only
    #[arg(long, value_name = "RUN")]
    pub run: Option<i64>,
    /// Of this API only
    #[arg(long, value_name = "ID")]
    pub api: Option<String>,
    /// Show the numbers, masked, that this input file holds
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    #[command(flatten)]
    pub file: FileArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// The vendor's statement, a CSV file; - is standard input
    #[arg(value_name = "STATEMENT")]
    pub statement: PathBuf,
    /// Settle what was found; without it nothing is changed
    #[arg(long)]
    pub apply: bool,
    /// The API that the statement is about, where its lines do not say
    #[arg(long, value_name = "ID")]
    pub api: Option<String>,
    /// Write the result to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub lock: LockArgs,
    /// Column of order IDs, by name or position from 1 [default: found]
    #[arg(long, value_name = "COLUMN", help_heading = "Statement")]
    pub order_column: Option<String>,
    /// Column of numbers or their SHA-256 [default: found]
    #[arg(long, value_name = "COLUMN", help_heading = "Statement")]
    pub number_column: Option<String>,
    /// Column of times; without a zone they are Asia/Shanghai's [default: found]
    #[arg(long, value_name = "COLUMN", help_heading = "Statement")]
    pub time_column: Option<String>,
    /// Column that names the API [default: found]
    #[arg(long, value_name = "COLUMN", help_heading = "Statement")]
    pub api_column: Option<String>,
    /// Column of amounts in yuan [default: found]
    #[arg(long, value_name = "COLUMN", help_heading = "Statement")]
    pub amount_column: Option<String>,
    /// Encoding of the statement, such as gb18030 [default: found]
    #[arg(long, value_name = "NAME", help_heading = "Statement")]
    pub encoding: Option<String>,
    /// Delimiter of the statement; "tab" for a tab [default: found]
    #[arg(long, value_name = "CHAR", help_heading = "Statement")]
    pub delimiter: Option<String>,
    /// Title lines above the header [default: 0]
    #[arg(long, value_name = "N", help_heading = "Statement")]
    pub skip_lines: Option<usize>,
    /// Sheet of an .xlsx statement, by name or position from 1 [default: the first]
    #[arg(long, value_name = "SHEET", help_heading = "Statement")]
    pub sheet: Option<String>,
}

#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// Drop answers asked for before this day (YYYY-MM-DD, Asia/Shanghai)
    #[arg(long, value_name = "DATE")]
    pub before: Day,
    /// Drop answers, too, that runs would still reuse, and would pay for again
    #[arg(long)]
    pub even_fresh: bool,
    /// Do not ask on a terminal
    #[arg(long, short)]
    pub yes: bool,
    #[command(flatten)]
    pub lock: LockArgs,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The CSV file of the run
    #[arg(value_name = "INPUT")]
    pub input: Option<PathBuf>,
    /// API to ask; may be given more than once
    #[arg(long = "api", value_name = "ID", env = "PAYONCE_API", value_delimiter = ',', action = ArgAction::Append, required = true)]
    pub apis: Vec<String>,
    #[command(flatten)]
    pub file: FileArgs,
    /// Scheme, host and port in place of the APIs' own
    #[arg(long, value_name = "URL", env = "PAYONCE_BASE_URL")]
    pub base_url: Option<Url>,
}
