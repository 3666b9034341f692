//! The harness: a night to run in, a vendor to ask, tables to read.

mod disk;
mod front;
mod night;
mod ran;
pub mod raw;
mod table;
mod vendor;
mod wire;

pub use disk::Disk;
pub use front::Front;
pub use night::{Night, mode};
pub use ran::Ran;
pub use table::Table;
pub use vendor::{Address, KEY, Vendor};
pub use wire::Wire;

/// The built-in APIs.
pub const CTCC: &str = "ctcc-call-duration";
pub const CUCC: &str = "cucc-tenure";

/// Columns that one lane of `cucc-tenure` adds.
pub const CUCC_COLUMNS: [&str; 7] = [
    "cucc_status",
    "cucc_tenure_code",
    "cucc_tenure_months",
    "cucc_error_code",
    "cucc_reason",
    "cucc_order_id",
    "cucc_queried_at",
];

/// A fixture of the repository, as it is.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The `n`-th number of the inputs that [`customers`] makes.
pub fn number(n: usize) -> String {
    format!("186{n:08}")
}

/// A CSV of `count` customers, each with a number of its own.
pub fn customers(count: usize) -> String {
    customers_from(0, count)
}

/// The same, with numbers from the `first`-th on.
pub fn customers_from(first: usize, count: usize) -> String {
    let rows = (first..first + count).map(|n| format!("C{n},{}\n", number(n)));
    std::iter::once("客户编号,手机号\n".to_owned()).chain(rows).collect()
}

/// The SHA-256 of a number, as the vendor and a hashed input have it.
pub fn digest(number: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(number))
}
