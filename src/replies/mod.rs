//! From a raw reply to a verdict: one pure function.
//!
//! A readable envelope beats the HTTP status. What cannot be read, or contradicts itself, after the request may have left is a
//! doubt, never a guess. The vendor's words (`reason`) are data and are never matched on.

mod envelope;
mod judge;

pub use judge::judge;
