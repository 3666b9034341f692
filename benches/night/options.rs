//! What the command line of the bench says.

use std::path::PathBuf;
use std::time::Duration;

use crate::Outcome;

pub const HELP: &str = "\
Measures payonce. Usage: cargo bench --bench night -- [OPTION]…

  --case NAME[,NAME…]   start, fresh, latency, reused, half, pace, syncs, rivals, or all (the default)
  --rows N[,N…]         rows of the inputs, 10 % of them duplicates [100000]; k and m may follow
  --duplicates PERCENT  [10]
  --concurrency N       calls in flight [64]
  --latency N           milliseconds, in the case latency [50]
  --rates N[,N…]        calls per second, in the case pace [50,500,2000]
  --seconds N           of each rate, and of the raw HTTP bound [20]
  --repeat N            of fresh, and of payonce and the script beside it; the median is printed [3]
  --binary FILE         the payonce that is measured [built by cargo build --release]
  --folder FOLDER       where inputs and ledgers are: the disk that is measured [the temporary folder]
  --smoke               everything, small: does the bench itself work?
";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Start,
    Fresh,
    Latency,
    Reused,
    Half,
    Pace,
    Syncs,
    Rivals,
}

impl Case {
    const ALL: [(&'static str, Case); 8] = [
        ("start", Case::Start),
        ("fresh", Case::Fresh),
        ("latency", Case::Latency),
        ("reused", Case::Reused),
        ("half", Case::Half),
        ("pace", Case::Pace),
        ("syncs", Case::Syncs),
        ("rivals", Case::Rivals),
    ];
}

#[derive(Clone, Debug)]
pub struct Options {
    pub cases: Vec<Case>,
    pub rows: Vec<u64>,
    pub duplicates: u64,
    pub concurrency: u64,
    pub latency: Duration,
    pub rates: Vec<u64>,
    pub seconds: u64,
    pub repeat: usize,
    pub binary: Option<PathBuf>,
    pub folder: PathBuf,
}

impl Options {
    /// None where only help is wanted.
    pub fn of_arguments(mut arguments: impl Iterator<Item = String>) -> Outcome<Option<Options>> {
        let mut options = Options {
            cases: Case::ALL.map(|(_, case)| case).to_vec(),
            rows: vec![100_000],
            duplicates: 10,
            concurrency: 64,
            latency: Duration::from_millis(50),
            rates: vec![50, 500, 2000],
            seconds: 20,
            repeat: 3,
            binary: None,
            folder: std::env::temp_dir(),
        };
        // `cargo bench` says so; `cargo test`, which wants to know only whether it still works, does not.
        let mut smoke = true;
        while let Some(name) = arguments.next() {
            if name == "--bench" {
                smoke = false;
                continue;
            }
            if name == "--help" {
                return Ok(None);
            }
            if name == "--smoke" {
                return Ok(Some(options.small()));
            }
            smoke = false;
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value; see --help"))?;
            match name.as_str() {
                "--case" => options.cases = cases(&value)?,
                "--rows" => options.rows = numbers(&value)?,
                "--duplicates" => options.duplicates = number(&value)?,
                "--concurrency" => options.concurrency = number(&value)?,
                "--latency" => options.latency = Duration::from_millis(number(&value)?),
                "--rates" => options.rates = numbers(&value)?,
                "--seconds" => options.seconds = number(&value)?,
                "--repeat" => options.repeat = usize::try_from(number(&value)?)?.max(1),
                "--binary" => options.binary = Some(PathBuf::from(value)),
                "--folder" => options.folder = PathBuf::from(value),
                _ => return Err(format!("there is no {name}; see --help").into()),
            }
        }
        Ok(Some(if smoke { options.small() } else { options }))
    }

    /// Everything once, as small as it gets, with the binary that cargo built beside this program.
    fn small(self) -> Options {
        Options {
            rows: vec![300],
            rates: vec![200],
            seconds: 1,
            repeat: 1,
            latency: Duration::from_millis(5),
            binary: Some(PathBuf::from(env!("CARGO_BIN_EXE_payonce"))),
            ..self
        }
    }
}

fn cases(text: &str) -> Outcome<Vec<Case>> {
    if text == "all" {
        return Ok(Case::ALL.map(|(_, case)| case).to_vec());
    }
    let find = |name: &str| Case::ALL.iter().find(|(known, _)| *known == name).map(|(_, case)| *case);
    text.split(',')
        .map(|name| find(name).ok_or_else(|| format!("there is no case {name}; see --help").into()))
        .collect()
}

fn numbers(text: &str) -> Outcome<Vec<u64>> {
    text.split(',').map(number).collect()
}

fn number(text: &str) -> Outcome<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, factor) = match (lower.strip_suffix('k'), lower.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1_000),
        (_, Some(digits)) => (digits, 1_000_000),
        _ => (lower.as_str(), 1),
    };
    let number: u64 = digits.parse().map_err(|_| format!("{text} is not a number"))?;
    Ok(number * factor)
}
