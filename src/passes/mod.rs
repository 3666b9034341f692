//! The three passes over the input, and the only room that sees every edge.
//!
//! Survey reads everything and pays for nothing; fetch asks what is left to ask, one task per lane; export writes the input once
//! more beside what the ledger knows. Each streams, each can be repeated, and each proves that it read the same bytes.

mod enrich;
mod export;
pub mod fetch;
mod survey;

pub use enrich::{Enrichment, LaneResult, Outcome, Prepared, prepare};
pub use export::{Exported, LaneExport, export};
pub use survey::{Census, InvalidGroup, LaneSurvey, Survey, census, standings};
