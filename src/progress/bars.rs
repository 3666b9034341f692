//! A run while it goes on: one bar per lane on a terminal, a line a minute elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rust_i18n::t;
use tokio::task::JoinHandle;

use super::gauge::{Gauge, Reading};
use super::screen::Screen;
use super::words::{count, hours};

const ON_TERMINAL: Duration = Duration::from_millis(250);
const ELSEWHERE: Duration = Duration::from_secs(60);
/// The pace that is shown is that of about this time.
const MEMORY: Duration = Duration::from_secs(10);

/// Watches the gauges until it is dropped or closed.
pub struct Watch {
    task: JoinHandle<()>,
    bars: Vec<ProgressBar>,
    screen: Screen,
}

impl Watch {
    /// Starts watching; gauges without anything to ask have no bar.
    pub fn start(screen: &Screen, gauges: Vec<Arc<Gauge>>) -> Self {
        let gauges: Vec<_> = gauges.into_iter().filter(|gauge| gauge.to_ask > 0).collect();
        let width = gauges.iter().map(|gauge| gauge.name.len()).max().unwrap_or(0);
        let bars: Vec<_> = match screen.is_terminal {
            true => gauges.iter().map(|gauge| bar(screen, gauge, width)).collect(),
            false => Vec::new(),
        };
        let lanes = gauges.into_iter().map(|gauge| (gauge, Pulse::default())).collect();
        let task = tokio::spawn(watch(screen.clone(), lanes, bars.clone()));
        Watch { task, bars, screen: screen.clone() }
    }

    /// Takes the bars away, so that the summary stands where they were.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
        for bar in &self.bars {
            bar.finish_and_clear();
            self.screen.bars.remove(bar);
        }
    }
}

fn bar(screen: &Screen, gauge: &Gauge, width: usize) -> ProgressBar {
    let template = format!("{{prefix:{width}}} {{bar:20.cyan/dim}} {{wide_msg}}");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    // Nothing is drawn before the bar is one of the screen's: it would stay there.
    let bar = screen.bars.add(ProgressBar::hidden());
    bar.set_length(gauge.to_ask);
    bar.set_style(style.progress_chars("━╸─"));
    bar.set_prefix(gauge.name.clone());
    bar
}

async fn watch(screen: Screen, mut lanes: Vec<(Arc<Gauge>, Pulse)>, bars: Vec<ProgressBar>) {
    let period = if bars.is_empty() { ELSEWHERE } else { ON_TERMINAL };
    let mut ticks = tokio::time::interval(period);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        for (lane, (gauge, pulse)) in lanes.iter_mut().enumerate() {
            let reading = gauge.read();
            let pace = pulse.beat(reading.sent);
            match bars.get(lane) {
                Some(bar) => {
                    bar.set_position(reading.done());
                    let of = format!("{}/{}", count(reading.done()), count(gauge.to_ask));
                    bar.set_message(format!("{of} {}", message(gauge, &reading, pace)));
                }
                None => screen.say(&t!(
                    "progress.line",
                    time = jiff::Zoned::now().strftime("%H:%M:%S"),
                    api = gauge.name,
                    done = count(reading.done()),
                    total = count(gauge.to_ask),
                    rest = message(gauge, &reading, pace)
                )),
            }
        }
    }
}

/// What matters most comes first: a narrow terminal cuts the rest off.
fn message(gauge: &Gauge, reading: &Reading, pace: f64) -> String {
    let mut parts = match &reading.pause {
        Some(pause) => vec![t!("progress.pausing", why = pause)],
        None => vec![format!("{pace:.1}/s").into()],
    };
    let left = gauge.to_ask.saturating_sub(reading.done());
    if pace > 0.0 && left > 0 && reading.pause.is_none() {
        parts.push(t!("progress.left", time = hours(Duration::from_secs_f64(left as f64 / pace))));
    }
    parts.push(t!("progress.answered", n = count(reading.answered)));
    if reading.in_doubt > 0 {
        parts.push(t!("progress.in_doubt", n = count(reading.in_doubt)));
    }
    if let Some(price) = gauge.price {
        parts.push(t!("progress.money", n = price * reading.answered));
    }
    if reading.no_record > 0 {
        parts.push(t!("progress.no_record", n = count(reading.no_record)));
    }
    if reading.rejected > 0 {
        parts.push(t!("progress.rejected", n = count(reading.rejected)));
    }
    if reading.failed > 0 {
        parts.push(t!("progress.failed", n = count(reading.failed)));
    }
    parts.join(", ")
}

/// The pace of the last seconds.
#[derive(Default)]
struct Pulse {
    beats: std::collections::VecDeque<(Instant, u64)>,
}

impl Pulse {
    /// Calls per second since about [`MEMORY`] ago.
    fn beat(&mut self, sent: u64) -> f64 {
        let now = Instant::now();
        self.beats.push_back((now, sent));
        while self.beats.len() > 2 && self.beats.get(1).is_some_and(|(time, _)| now.duration_since(*time) >= MEMORY) {
            self.beats.pop_front();
        }
        let (then, before) = self.beats.front().copied().unwrap_or((now, sent));
        let seconds = now.duration_since(then).as_secs_f64();
        if seconds > 0.0 { (sent - before) as f64 / seconds } else { 0.0 }
    }
}
