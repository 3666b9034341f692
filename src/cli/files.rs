//! Small files that others read while they are written: in one step.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;

use super::failure::Usage;

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

/// Writes a file beside its target and renames it over it, with these permission bits. `what` names it in errors.
pub(super) fn replace(path: &Path, what: &str, mode: u32, content: &[u8]) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder_of(path))?;
        file.write_all(content)?;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write the {what} {}", path.display()))
}
