//! The disk: how long it takes until 4 KiB are safe. Every figure of a durable program hangs on it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::Outcome;
use crate::process::median;

const WRITES: usize = 200;

/// Milliseconds of a write of 4 KiB and its `fdatasync`, the median of many.
pub fn sync_time(folder: &Path) -> Outcome<f64> {
    let path = folder.join("disk");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let begun = Instant::now();
        file.write_all(&[0x5A; 4096])?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(path)?;
    Ok(median(times))
}
