//! Asks before much money is spent, where somebody is there to answer.

use std::io::{self, BufRead, IsTerminal, Write};

use rust_i18n::t;
use tokio_util::sync::CancellationToken;

use crate::domain::money::Money;

/// Whether the run may spend up to `cost`: yes where it is not above the limit, where nobody is at a terminal, or where whoever
/// is there says so.
pub(super) async fn may_spend(cost: Option<Money>, limit: Option<Money>, cancel: &CancellationToken) -> bool {
    let (Some(cost), Some(limit)) = (cost, limit) else { return true };
    if cost <= limit || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return true;
    }
    let answer = tokio::task::spawn_blocking(move || {
        let mut err = io::stderr();
        let _ = write!(err, "{} ", t!("run.confirm", cost = cost, limit = limit));
        let _ = err.flush();
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        read.is_ok() && matches!(line.trim().to_lowercase().as_str(), "y" | "yes" | "是")
    });
    tokio::select! {
        answer = answer => answer.unwrap_or(false),
        () = cancel.cancelled() => false,
    }
}
