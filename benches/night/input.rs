//! Inputs: customer files with a name, a number and a note, some of the numbers a second time. Streamed to the disk.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::Outcome;

/// A customer file.
#[derive(Clone, Debug)]
pub struct Input {
    pub path: PathBuf,
    pub rows: u64,
    pub distinct: u64,
}

/// Writes `rows` customers, every so many of which have the number of an earlier one. The numbers of two files of different
/// lengths are the same as far as the shorter one goes.
pub fn make(folder: &Path, rows: u64, duplicates: u64) -> Outcome<Input> {
    let path = folder.join(format!("customers-{rows}-{duplicates}.csv"));
    let mut file = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    writeln!(file, "客户编号,姓名,手机号,备注")?;
    let mut distinct = 0;
    for row in 0..rows {
        let again = distinct > 0 && row * duplicates / 100 != (row + 1) * duplicates / 100;
        let n = if again { row.wrapping_mul(0x9E37_79B9_7F4A_7C15) % distinct } else { distinct };
        distinct += u64::from(!again);
        writeln!(file, "C{row:08},客户{},{},第{}批", row % 1000, number(n), row % 97)?;
    }
    file.flush()?;
    Ok(Input { path, rows, distinct })
}

/// The `n`-th number; scattered, so that neither file nor ledger is helped by their order.
fn number(n: u64) -> u64 {
    13_000_000_000 + n * 7_368_787 % 6_999_999_989
}
