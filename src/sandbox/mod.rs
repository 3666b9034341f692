//! The stand-in vendor: a loopback HTTP server that answers like the real one and keeps a bill of its own.
//!
//! It is the judge in every test, so it shares no code with the client side: it has its own description of the endpoints, its own
//! rules for numbers and its own count of what was charged.
//!
//! A request comes in by `server` and `wire`, is read by `service`, ruled on by `vendor` (with `endpoint`, `number`,
//! `limits`, `chaos` and `fault`), entered in the `books`, and written by `reply`; the `bill` is what the books add up
//! to.

mod bill;
mod books;
mod chaos;
mod endpoint;
mod fault;
mod limits;
mod number;
mod options;
mod reply;
mod server;
mod service;
mod vendor;
mod wire;

#[cfg(test)]
mod tests;

pub use bill::{Bill, EndpointBill};
pub use chaos::{Chaos, ChaosError};
pub use options::SandboxOptions;
pub use server::Sandbox;
