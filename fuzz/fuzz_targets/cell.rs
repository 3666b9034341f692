//! Cell to subject.
#![no_main]

#[allow(dead_code)]
#[path = "../../tests/it/corpus/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|cell: &str| {
    let _ = invariants::identity(cell);
});
