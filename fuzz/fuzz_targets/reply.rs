//! Reply to verdict, for both built-in APIs.
#![no_main]

#[allow(dead_code)]
#[path = "../../tests/it/corpus/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    for api in ["ctcc-call-duration", "cucc-tenure"] {
        let _ = invariants::verdict(api, 200, body);
    }
});
