//! An external sorter in flat memory, for counting distinct subjects among any number of rows.
//!
//! Entries are sorted in runs of 32,768; full runs go to one anonymous temporary file (0600, without a name, gone with the
//! process) and are merged from there through small buffers. What fits in one run never touches the disk. Fails only where that
//! file does: typically a full temporary folder.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;

use crate::domain::subject::Subject;

/// One row's subject. The order is that of the fields: subject, then row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub subject: Subject,
    pub row: u32,
    /// The row holds the number itself, not its digest.
    pub plain: bool,
}

const RUN: usize = 32_768;
const WIDTH: usize = 37;
/// What all merge buffers take together, unless there are so many runs that the smallest buffers take more.
const MERGE_BYTES: usize = 1 << 20;
const SMALLEST_BUFFER: usize = 16 * WIDTH;
const LARGEST_BUFFER: usize = 1_024 * WIDTH;

impl Entry {
    fn to_bytes(self) -> [u8; WIDTH] {
        let mut bytes = [0; WIDTH];
        bytes[..32].copy_from_slice(self.subject.as_bytes());
        bytes[32..36].copy_from_slice(&self.row.to_le_bytes());
        bytes[36] = u8::from(self.plain);
        bytes
    }

    fn from_bytes(bytes: &[u8; WIDTH]) -> Self {
        let (subject, rest) = bytes.split_at(32);
        let mut key = [0; 32];
        key.copy_from_slice(subject);
        let row = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]);
        Entry { subject: Subject::from_bytes(key), row, plain: rest[4] == 1 }
    }
}

/// Takes entries in any order.
#[derive(Debug, Default)]
pub struct Sorter {
    run: Vec<Entry>,
    spill: Option<File>,
    /// Full runs in the spill file.
    runs: usize,
}

impl Sorter {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, entry: Entry) -> io::Result<()> {
        if self.run.len() == RUN {
            self.spill()?;
        }
        self.run.push(entry);
        Ok(())
    }

    /// All entries in order.
    pub fn finish(mut self) -> io::Result<Sorted> {
        if self.spill.is_none() {
            self.run.sort_unstable();
            return Ok(Sorted(Kind::Memory(self.run.into_iter())));
        }
        let last = self.run.len();
        self.spill()?;
        self.run = Vec::new();
        let Some(file) = self.spill else { return Ok(Sorted(Kind::Memory(self.run.into_iter()))) };
        let capacity = (MERGE_BYTES / self.runs).clamp(SMALLEST_BUFFER, LARGEST_BUFFER) / WIDTH * WIDTH;
        let mut merge = Merge { file, cursors: Vec::with_capacity(self.runs), heap: BinaryHeap::new() };
        for index in 0..self.runs {
            let length = if index + 1 == self.runs { last } else { RUN };
            let start = (index * RUN * WIDTH) as u64;
            let end = start + (length * WIDTH) as u64;
            merge.cursors.push(Cursor { next: start, end, buffer: Vec::new(), at: 0, capacity });
            merge.advance(index)?;
        }
        Ok(Sorted(Kind::Merge(merge)))
    }

    fn spill(&mut self) -> io::Result<()> {
        self.run.sort_unstable();
        let file = match self.spill.take() {
            Some(file) => file,
            None => tempfile::tempfile()?,
        };
        let mut writer = BufWriter::with_capacity(LARGEST_BUFFER, &file);
        for entry in self.run.drain(..) {
            writer.write_all(&entry.to_bytes())?;
        }
        writer.flush()?;
        drop(writer);
        self.spill = Some(file);
        self.runs += 1;
        Ok(())
    }
}

/// Entries in order. After an error it ends.
#[derive(Debug)]
pub struct Sorted(Kind);

#[derive(Debug)]
enum Kind {
    Memory(std::vec::IntoIter<Entry>),
    Merge(Merge),
}

#[derive(Debug)]
struct Merge {
    file: File,
    cursors: Vec<Cursor>,
    heap: BinaryHeap<Reverse<(Entry, usize)>>,
}

/// Where a run is read next.
#[derive(Debug)]
struct Cursor {
    next: u64,
    end: u64,
    buffer: Vec<u8>,
    at: usize,
    capacity: usize,
}

impl Merge {
    /// Puts the next entry of a run on the heap, if there is one.
    fn advance(&mut self, index: usize) -> io::Result<()> {
        let cursor = &mut self.cursors[index];
        if cursor.at == cursor.buffer.len() {
            let length = (cursor.end - cursor.next).min(cursor.capacity as u64);
            cursor.buffer.resize(length as usize, 0);
            self.file.read_exact_at(&mut cursor.buffer, cursor.next)?;
            cursor.next += length;
            cursor.at = 0;
        }
        if let Some(bytes) = cursor.buffer[cursor.at..].first_chunk() {
            self.heap.push(Reverse((Entry::from_bytes(bytes), index)));
            cursor.at += WIDTH;
        }
        Ok(())
    }
}

impl Iterator for Sorted {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Kind::Memory(entries) => entries.next().map(Ok),
            Kind::Merge(merge) => {
                let Reverse((entry, index)) = merge.heap.pop()?;
                if let Err(error) = merge.advance(index) {
                    merge.heap.clear();
                    return Some(Err(error));
                }
                Some(Ok(entry))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn check(count: usize, subjects: u64) {
        let mut random = fastrand::Rng::with_seed(count as u64);
        let mut sorter = Sorter::new();
        let mut expected = BTreeMap::new();
        for row in 0..count {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&random.u64(0..subjects).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
            let entry = Entry { subject: Subject::from_bytes(key), row: row as u32, plain: random.bool() };
            expected.insert((entry.subject, entry.row), entry.plain);
            sorter.push(entry).unwrap();
        }
        let spilled = sorter.spill.is_some();
        assert_eq!(spilled, count > RUN, "a file is made only where one run does not do");
        let sorted: Vec<_> = sorter.finish().unwrap().map(Result::unwrap).collect();
        assert!(sorted.into_iter().map(|e| ((e.subject, e.row), e.plain)).eq(expected), "{count} entries");
    }

    #[test]
    fn sorts_like_a_tree() {
        for count in [0, 1, 2, 1_000, RUN - 1, RUN, RUN + 1, 2 * RUN, 5 * RUN + 17] {
            check(count, count as u64 / 2 + 1);
        }
    }
}
