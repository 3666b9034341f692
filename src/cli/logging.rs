//! Log lines: to a file where one is named, and warnings to standard error.

use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Mutex;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::SharedArgs;
use super::failure::Usage;
use crate::progress::Screen;
use crate::settings::{Config, LogFormat};

/// Local time, as cron's mails have it.
struct LocalTime;

impl FormatTime for LocalTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z"))
    }
}

/// Sets up logging for the rest of the process.
pub(super) fn start(shared: &SharedArgs, config: &Config, screen: &Screen) -> anyhow::Result<()> {
    let format = shared.log_format.map(LogFormat::from).or(config.log.format).unwrap_or_default();
    let file = shared.log_file.clone().or_else(|| config.log.file.clone());
    let to_file = file.map(|path| file_layer(path, format)).transpose()?;
    let to_screen = (!shared.quiet).then(|| {
        let screen = screen.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || screen.clone()).with_timer(LocalTime);
        shaped(layer.with_ansi(false).with_target(false), format, Level::WARN)
    });
    // A second run within one process exists in tests only.
    let _ = tracing_subscriber::registry().with(to_file).with(to_screen).try_init();
    Ok(())
}

type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

fn file_layer<S>(path: PathBuf, format: LogFormat) -> anyhow::Result<Boxed<S>>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(|e| {
        Usage(format!("cannot write the log file {}: {e}; pass --log-file another file", path.display()))
    })?;
    let layer = tracing_subscriber::fmt::layer().with_writer(Mutex::new(file)).with_timer(LocalTime);
    Ok(shaped(layer.with_ansi(false).with_target(false), format, Level::INFO))
}

fn shaped<S, W>(
    layer: tracing_subscriber::fmt::Layer<
        S,
        tracing_subscriber::fmt::format::DefaultFields,
        tracing_subscriber::fmt::format::Format<tracing_subscriber::fmt::format::Full, LocalTime>,
        W,
    >,
    format: LogFormat,
    level: Level,
) -> Boxed<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> tracing_subscriber::fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = Targets::new().with_target("payonce", level);
    match format {
        LogFormat::Text => layer.with_filter(filter).boxed(),
        LogFormat::Json => layer.json().with_filter(filter).boxed(),
    }
}
