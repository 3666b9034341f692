//! `payonce sandbox`: the stand-in vendor as a server of its own.

use super::args::{SandboxArgs, SharedArgs};
use super::failure::Usage;
use super::{common, signals};
use crate::domain::exit::Exit;
use crate::progress::Screen;
use crate::sandbox::{Chaos, Sandbox, SandboxOptions};

pub(super) fn sandbox(args: SandboxArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let SandboxArgs { listen, key, latency, limit, quota, chaos, seed } = args;
    let chaos = Chaos::named_or_file(&chaos).map_err(|error| Usage(error.to_string()))?;
    let options =
        SandboxOptions { listen, key, latency: latency.0, limit_per_second: limit, daily_quota: quota, chaos, seed };
    common::runtime()?.block_on(serve(options, shared))
}

async fn serve(options: SandboxOptions, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let stop = signals::watch_quietly()?;
    let listen = options.listen;
    let key = options.key.clone();
    let sandbox = Sandbox::start(options).map_err(|error| Usage(format!("cannot listen on {listen}: {error}")))?;
    common::print(&format!("sandbox listening on {}", sandbox.base_url()))?;
    if !shared.quiet {
        Screen::stderr().say(&format!(
            "ask it with:  PAYONCE_KEY={key} payonce run INPUT --api ID --base-url {url} --ledger FILE\n\
             its bill:     curl {url}/sandbox/bill   (also /sandbox/bill/numbers, /sandbox/statement.csv)\n\
             Ctrl-C ends it and prints the bill",
            url = sandbox.base_url()
        ));
    }
    stop.cancelled().await;
    common::print(&sandbox.shutdown().to_string())?;
    Ok(Exit::Done)
}
