//! Where things lie when nobody says so.

use std::path::PathBuf;

use crate::domain::run::LedgerKind;

/// An XDG folder of the user: `$VARIABLE/payonce`, else `$HOME/FALLBACK/payonce`.
fn user_folder(variable: &str, fallback: &str) -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set(variable).filter(|path| path.is_absolute()).or_else(|| Some(set("HOME")?.join(fallback)))?;
    Some(base.join("payonce"))
}

/// Config files in the order in which they are looked for.
pub(super) fn config_candidates() -> Vec<PathBuf> {
    let user = user_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("payonce.toml"));
    std::iter::once(PathBuf::from("payonce.toml")).chain(user).collect()
}

/// The ledger in the user's state folder; one file for each kind, so that a trial on the sandbox never stands in the way of a
/// live run. None where no home is known.
pub fn default_ledger(kind: LedgerKind) -> Option<PathBuf> {
    let name = match kind {
        LedgerKind::Live => "ledger.sqlite",
        LedgerKind::Loopback => "loopback.sqlite",
        LedgerKind::Sandbox => "sandbox.sqlite",
    };
    user_folder("XDG_STATE_HOME", ".local/state").map(|folder| folder.join(name))
}
