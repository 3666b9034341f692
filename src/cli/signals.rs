//! Ctrl-C and SIGTERM: the first asks the run to finish what is in flight, the second leaves at once.

use rust_i18n::t;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::domain::exit::Exit;
use crate::progress::Screen;

/// A token that any signal cancels, for servers.
pub(super) fn watch_quietly() -> anyhow::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        cancel.cancel();
    });
    Ok(token)
}

/// A token that the first signal cancels.
pub(super) fn watch(screen: Screen) -> anyhow::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        next().await;
        screen.say(&t!("run.interrupted"));
        cancel.cancel();
        next().await;
        // What is in flight becomes doubts at the next start, as after a crash.
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    Ok(token)
}
