//! Named places at which a test can let the process die, as if the power had gone.
//!
//! Nothing of it is in a normal build. Where the tests switch `fail`'s failpoints on, `FAILPOINTS="export.renamed=return"` in the
//! environment aborts the process at that place, and `"fetch.replied=9*off->return"` at the tenth time that it is reached.

/// Reads `FAILPOINTS`. Once, at the start of the process.
pub fn arm() {
    if fail::has_failpoints() {
        // The points stay armed for as long as the process lives.
        std::mem::forget(fail::FailScenario::setup());
    }
}

/// A place where the process may die.
#[inline]
pub fn point(name: &str) {
    // Used only where the points are switched on.
    let _ = name;
    fail::fail_point!(name, |_| std::process::abort());
}
