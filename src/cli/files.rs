//! Small files that others read while they are written: in one step.

use std::path::Path;

use anyhow::Context;

use super::failure::Usage;
use crate::table::write_whole;

/// Whether [`replace`] would find its folder. Asked before anything is paid.
pub(super) fn check(path: Option<&Path>, flag: &str) -> Result<(), Usage> {
    let Some(path) = path else { return Ok(()) };
    match tempfile::NamedTempFile::new_in(folder_of(path)) {
        Ok(_) if path.is_dir() => Err(Usage(format!("{flag} {}: this is a folder; name a file in it", path.display()))),
        Ok(_) => Ok(()),
        Err(error) => {
            Err(Usage(format!("{flag} {}: its folder cannot be written ({error}); name another file", path.display())))
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file in one step, with these permission bits. `what` names it in errors.
pub(super) fn replace(path: &Path, what: &str, mode: u32, content: &[u8]) -> anyhow::Result<()> {
    write_whole(path, mode, content).with_context(|| format!("cannot write the {what} {}", path.display()))
}
