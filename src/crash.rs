//! Named places at which a test can let the process die, as if the power had gone, or the disk refuse.
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

/// A place where the machine may refuse, as a full disk does: true where a test says so (`"ledger.refuses=60*off->return"`).
#[inline]
pub fn refuses(name: &str) -> bool {
    // Used only where the points are switched on.
    let _ = name;
    fail::fail_point!(name, |_| true);
    false
}

/// A place where the process may die.
#[inline]
pub fn point(name: &str) {
    // Used only where the points are switched on.
    let _ = name;
    fail::fail_point!(name, |_| std::process::abort());
}
