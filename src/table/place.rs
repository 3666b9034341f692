//! Where an output goes: its name, and whether it may be written there. Checked before anything is paid.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use super::error::OutputError;
use super::input::Input;
use crate::crash;

/// Where the output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Path(PathBuf),
    Stdout,
}

impl Target {
    /// `-` is standard output.
    pub fn of_argument(argument: &Path) -> Self {
        if argument.as_os_str() == "-" { Target::Stdout } else { Target::Path(argument.to_owned()) }
    }

    /// For messages.
    pub fn name(&self) -> String {
        match self {
            Target::Path(path) => path.display().to_string(),
            Target::Stdout => "standard output".to_owned(),
        }
    }
}

/// `customers.csv` becomes `customers.enriched.csv`, `a.csv.gz` becomes `a.enriched.csv.gz`, a workbook with macros one without;
/// standard input goes to standard output.
pub fn default_output(input: &Path) -> PathBuf {
    if input.as_os_str() == "-" {
        return input.to_owned();
    }
    let (plain, gz) = match input.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("gz") => (input.with_extension(""), Some(ending)),
        _ => (input.to_owned(), None),
    };
    let mut name = plain.file_stem().unwrap_or_default().to_owned();
    name.push(".enriched");
    let ending =
        plain.extension().map(|ending| if ending.eq_ignore_ascii_case("xlsm") { OsStr::new("xlsx") } else { ending });
    for ending in ending.into_iter().chain(gz) {
        name.push(".");
        name.push(ending);
    }
    input.with_file_name(name)
}

/// What a path stands for.
#[derive(Debug)]
pub(super) enum Place {
    /// A file to be replaced or made, with its folder. Links are followed: the file is replaced, not the link.
    File { path: PathBuf, folder: PathBuf },
    /// A pipe or a device, written to as it is.
    Stream(PathBuf),
}

const PREFIX: &str = ".payonce-";
const SUFFIX: &str = ".tmp";
/// A temporary file is locked right after it is made; a younger one may be on its way there.
const SWEEP_AGE: Duration = Duration::from_secs(60);

impl Place {
    pub(super) fn of(path: &Path, input: &Input) -> Result<Self, OutputError> {
        if let Ok(metadata) = fs::metadata(path) {
            if input.identity() == Some((metadata.dev(), metadata.ino())) {
                return Err(OutputError::IsInput { path: path.to_owned() });
            }
            if metadata.is_dir() {
                return Err(OutputError::Folder { path: path.to_owned() });
            }
            let kind = metadata.file_type();
            if kind.is_char_device() || kind.is_fifo() || kind.is_socket() {
                return Ok(Place::Stream(path.to_owned()));
            }
        }
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(OutputError::Folder { path });
        }
        if !folder.is_dir() {
            return Err(OutputError::NoFolder { path, folder });
        }
        Ok(Place::File { path, folder })
    }

    /// Tries what [`Place::create`] will do, and leaves nothing behind.
    pub(super) fn try_out(&self) -> Result<(), OutputError> {
        match self {
            Place::File { path, folder } => create(path, folder).map(drop),
            Place::Stream(path) => {
                // Opening a pipe would wait for its reader, and end it when closed again.
                let writable = fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o222 != 0);
                let error = || io::Error::from(io::ErrorKind::PermissionDenied);
                if writable { Ok(()) } else { Err(not_writable(path, path, error())) }
            }
        }
    }

    pub(super) fn create(&self) -> Result<Made, OutputError> {
        match self {
            Place::File { path, folder } => {
                sweep(folder);
                Ok(Made::Temporary(create(path, folder)?))
            }
            Place::Stream(path) => {
                let file = OpenOptions::new().write(true).open(path);
                file.map(Made::Stream).map_err(|error| not_writable(path, path, error))
            }
        }
    }
}

/// What an output is written to.
#[derive(Debug)]
pub(super) enum Made {
    Temporary(NamedTempFile),
    Stream(File),
}

fn not_writable(path: &Path, folder: &Path, error: io::Error) -> OutputError {
    OutputError::NotWritable { path: path.to_owned(), folder: folder.to_owned(), error }
}

/// A temporary file beside the target: 0600, locked while it is written to, removed when dropped.
fn create(path: &Path, folder: &Path) -> Result<NamedTempFile, OutputError> {
    let made = tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).tempfile_in(folder);
    let file = made.map_err(|error| not_writable(path, folder, error))?;
    // A file system without locks loses no more than the sweeping.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// Writes a small file beside the output, such as a summary, in one step, with these permission bits: whole under its
/// name, or not at all.
pub fn write_whole(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sweep(folder);
    let mut file = tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).tempfile_in(folder)?;
    // As in `create`.
    let _ = file.as_file().try_lock();
    file.write_all(content)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    crash::point("summary.synced");
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Removes what a killed payonce left here: it holds numbers and answers, and its lock died with it.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if !(name.starts_with(PREFIX.as_bytes()) && name.ends_with(SUFFIX.as_bytes())) {
            continue;
        }
        let old = |file: &File| {
            let modified = file.metadata().and_then(|metadata| metadata.modified()).ok();
            modified.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > SWEEP_AGE)
        };
        let Ok(file) = File::open(&path) else { continue };
        if old(&file) && !matches!(file.try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_))) {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_names() {
        for (input, output) in [
            ("customers.csv", "customers.enriched.csv"),
            ("/a/b.c/客户.csv", "/a/b.c/客户.enriched.csv"),
            ("a.csv.gz", "a.enriched.csv.gz"),
            ("a.gz", "a.enriched.gz"),
            ("name", "name.enriched"),
            ("客户.xlsx", "客户.enriched.xlsx"),
            ("a.XLSM", "a.enriched.xlsx"),
            ("x/name", "x/name.enriched"),
            ("a.b.txt", "a.b.enriched.txt"),
            ("-", "-"),
        ] {
            assert_eq!(default_output(Path::new(input)), Path::new(output), "{input}");
        }
    }

    #[test]
    fn the_leftovers_of_a_killed_run_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, age: u64| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - Duration::from_secs(age)).unwrap();
            file
        };
        drop(make(".payonce-old.tmp", 120));
        drop(make(".payonce-young.tmp", 1));
        drop(make("other.tmp", 120));
        let busy = make(".payonce-busy.tmp", 120);
        busy.lock().unwrap();
        sweep(folder.path());
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".payonce-busy.tmp", ".payonce-young.tmp", "other.tmp"]);
    }
}
