//! What a person sees of a run: the bill beforehand, bars or a line a minute while it goes on, a summary at its end.
//!
//! Everything goes to standard error; standard output belongs to the data. Nothing here decides anything.

mod bars;
mod bill;
mod gauge;
mod metrics;
pub mod report;
mod screen;
mod summary;
mod words;

pub use bars::Watch;
pub use bill::{Bill, InvalidCells, LaneBill};
pub use gauge::{Gauge, Pause, Reading};
pub use metrics::metrics;
pub use screen::Screen;
pub use summary::{LaneSummary, RunSummary};
pub use words::{Language, count, hours, reason};
