//! The input's raw bytes: opened once, read again and again, never by path.
//!
//! A path may point at another file tomorrow; an open file may not. Each pass reads the same open file at its own positions,
//! hashes what it reads and, at its end, holds the hash against that of the first pass. Length and time of change are looked at
//! before each read, so that a change is noticed long before the end. Standard input and pipes, which cannot be read twice, are
//! copied first to a temporary file without a name (0600).

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::error::InputError;
use crate::domain::text::for_terminal;

/// An open input.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    file: File,
    length: u64,
    modified: Option<SystemTime>,
    /// Device and inode of what the user named, so that an output can be told from it.
    pub(super) identity: Option<(u64, u64)>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, InputError> {
        if path.as_os_str() == "-" {
            let name = "standard input".to_owned();
            let identity = std::io::stdin().as_fd().try_clone_to_owned().and_then(|fd| File::from(fd).metadata()).ok();
            return Self::spool(name, std::io::stdin().lock(), identity.as_ref());
        }
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => InputError::NotFound { name: name.clone(), nearest: nearest(path) },
            io::ErrorKind::PermissionDenied => InputError::Denied { name: name.clone() },
            _ => InputError::Read { name: name.clone(), error },
        })?;
        let metadata = file.metadata().map_err(|error| InputError::Read { name: name.clone(), error })?;
        if metadata.is_dir() {
            return Err(InputError::Folder { name });
        }
        if !metadata.is_file() {
            return Self::spool(name, file, Some(&metadata));
        }
        Ok(Self::new(name, file, &metadata, Some(&metadata)))
    }

    fn spool(name: String, mut from: impl Read, identity: Option<&Metadata>) -> Result<Self, InputError> {
        let failed = |error| InputError::Spool { name: name.clone(), folder: std::env::temp_dir(), error };
        let mut file = tempfile::tempfile().map_err(failed)?;
        io::copy(&mut from, &mut file).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        Ok(Self::new(name, file, &metadata, identity))
    }

    fn new(name: String, file: File, metadata: &Metadata, identity: Option<&Metadata>) -> Self {
        let identity = identity.map(|named| (named.dev(), named.ino()));
        Source { name, file, length: metadata.len(), modified: metadata.modified().ok(), identity }
    }

    /// The first bytes, as many as there are.
    pub(super) fn magic(&self) -> io::Result<Vec<u8>> {
        let mut magic = [0; 8];
        let read = self.file.read_at(&mut magic, 0)?;
        Ok(magic[..read].to_vec())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// The file beside it whose name is most like this one, in words.
fn nearest(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let wanted = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let names =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let likeness = |name: &String| strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &wanted);
    let near = names.map(|name| (likeness(&name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    near.filter(|(near, _)| *near >= 0.7)
        .map(|(_, name)| format!("; did you mean '{}'?", for_terminal(&name)))
        .unwrap_or_default()
}

/// The file is not the one that was opened any more. Travels inside an [`io::Error`] through the readers on top.
#[derive(Debug, thiserror::Error)]
#[error("the file changed")]
pub(super) struct HasChanged;

/// One pass over the raw bytes.
#[derive(Debug)]
pub(super) struct Pass {
    source: Arc<Source>,
    /// The digest of the first pass; none in the first pass itself.
    expected: Option<[u8; 32]>,
    offset: u64,
    hasher: Sha256,
    seen: Option<SystemTime>,
}

impl Pass {
    pub(super) fn new(source: Arc<Source>, expected: Option<[u8; 32]>) -> Self {
        let seen = source.modified;
        Pass { source, expected, offset: 0, hasher: Sha256::new(), seen }
    }

    /// Ends a pass that has read everything: its digest, if it is the expected one.
    pub(super) fn finish(&mut self) -> io::Result<[u8; 32]> {
        // Readers on top may stop at their own end: what is left of the file belongs to its digest too.
        let mut rest = vec![0; 4096];
        while self.read(&mut rest)? > 0 {}
        let digest: [u8; 32] = self.hasher.clone().finalize().into();
        if self.offset != self.source.length || self.expected.is_some_and(|expected| expected != digest) {
            return Err(io::Error::other(HasChanged));
        }
        Ok(digest)
    }

    /// A new length is a change. A new time alone may be a mere `touch`: then the whole content decides.
    pub(super) fn watch(&mut self) -> io::Result<()> {
        let metadata = self.source.file.metadata()?;
        if metadata.len() != self.source.length {
            return Err(io::Error::other(HasChanged));
        }
        let modified = metadata.modified().ok();
        if modified != self.seen {
            if let Some(expected) = self.expected
                && self.digest_now()? != expected
            {
                return Err(io::Error::other(HasChanged));
            }
            self.seen = modified;
        }
        Ok(())
    }

    fn digest_now(&self) -> io::Result<[u8; 32]> {
        let (mut hasher, mut buffer, mut offset) = (Sha256::new(), vec![0; 64 << 10], 0);
        loop {
            match self.source.file.read_at(&mut buffer, offset)? {
                0 => return Ok(hasher.finalize().into()),
                read => {
                    hasher.update(&buffer[..read]);
                    offset += read as u64;
                }
            }
        }
    }
}

impl Read for Pass {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.watch()?;
        let read = self.source.file.read_at(buffer, self.offset)?;
        self.hasher.update(&buffer[..read]);
        self.offset += read as u64;
        Ok(read)
    }
}
