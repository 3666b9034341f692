//! Small disks that fill up, and disks that cannot be written: tmpfs, which takes a root that may mount.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub struct Disk {
    folder: TempDir,
}

impl Disk {
    /// A disk of `size`, such as `256k`; none, loudly, where this machine does not let us mount.
    pub fn small(size: &str) -> Option<Self> {
        let disk = Disk { folder: tempfile::Builder::new().prefix("disk-").tempdir().expect("a temporary folder") };
        let options = format!("size={size},mode=0700");
        let mounted = mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], disk.folder.path());
        if !mounted {
            eprintln!("SKIPPED: a small disk cannot be mounted here (it takes root and CAP_SYS_ADMIN)");
        }
        mounted.then_some(disk)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn grow(&self, size: &str) {
        assert!(mount(&["-o", &format!("remount,size={size}")], self.folder.path()), "the disk grows");
    }

    pub fn make_read_only(&self) {
        assert!(mount(&["-o", "remount,ro"], self.folder.path()), "the disk is made read-only");
    }

    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the disk's folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, should somebody still be in there; the folder below goes with its TempDir.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).output();
    }
}

fn mount(args: &[&str], folder: &Path) -> bool {
    Command::new("mount").args(args).arg(folder).output().is_ok_and(|output| output.status.success())
}
