//! The three passes over the input, the decisions about money that come after them, and the only room that sees every edge.
//!
//! Survey reads everything and pays for nothing; fetch asks what is left to ask, one task per lane; export writes the input once
//! more beside what the ledger knows. Each streams, each can be repeated, and each proves that it read the same bytes. What they leave open is closed by
//! the operator (doubts), by the vendor (reconcile) or by law (forget).

mod doubts;
mod enrich;
mod export;
mod fetch;
mod forget;
mod reconcile;
mod report;
mod survey;

pub use doubts::{Decided, Which, adopt_all, decide, doubts, masked_numbers};
pub use enrich::{Enrichment, LaneResult, Outcome, Prepared, foresee, prepare, re_export};
pub use export::{Exported, LaneExport, columns as output_columns, options as output_options};
pub use forget::{Forgotten, StillFresh, forget, may_forget};
pub use reconcile::{ApiNames, Kept, Reconciliation, Span, StatementSide, Tally, Verdict, apply, reconcile};
pub use report::{add_input, add_rows, invalid_cells, report, run_to_report};
pub use survey::{InvalidGroup, LaneSurvey, Survey};
