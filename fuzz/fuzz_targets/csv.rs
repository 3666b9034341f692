//! The CSV side: encoding, dialect, phone column, rows.
#![no_main]

#[allow(dead_code)]
#[path = "../../tests/it/corpus/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = invariants::read_csv_bytes(bytes);
});
