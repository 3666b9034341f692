//! When the next call of a lane may start.
//!
//! governor does the arithmetic, on a cursor that runs at most 50 ms ahead of tokio's clock: slots have exact due times, however
//! coarse the timer is, and a slot that was missed is never sent late, since late calls would bunch. All waiting goes through
//! tokio's clock, so that hours of pacing are tested in milliseconds.

mod governed;
mod lane;
mod spacing;

pub use governed::GovernedPace;
