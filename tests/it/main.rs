//! What payonce does for whoever runs it: the real binary, real HTTP on loopback, a real SQLite file.
//!
//! One binary for all of it, so that the harness is built once. Each file is a subject; names of tests say what a user notices.
//! Every test has a folder, a home and an environment of its own, so they run side by side; waiting is for things that happen,
//! never for time to pass, and bounds on time are generous.

mod bad_input;
mod commands;
mod corpus;
mod crash;
mod cron;
mod docs;
mod durable;
mod files;
mod house;
mod hurry;
mod lanes;
mod limits;
mod machine;
mod main_job;
mod money;
mod pace;
mod replies;
mod report;
mod resume;
mod secrets;
mod soak;
mod support;
mod translation;
mod wire;
