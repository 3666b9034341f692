//! payonce enriches a customer CSV through pay-per-call phone-number APIs, overnight, and never pays twice.
//!
//! The modules in the order of the data's way: the command line reads flags, [`settings`] resolves them into one job, the
//! [`passes`] (survey, fetch, export) carry it out with the help of the edges: [`table`] (files), [`ledger`] (SQLite), [`pace`]
//! (rate), [`client`] (HTTP), [`progress`] (terminal). [`catalog`] describes the APIs as data and [`replies`] judges what they
//! answer. [`domain`] is the vocabulary of all of them. [`sandbox`] is a stand-in vendor that shares nothing with the client.

// The texts that people read, by language.
rust_i18n::i18n!("locales", fallback = "en");

pub mod catalog;
pub mod cli;
pub mod client;
mod crash;
pub mod domain;
pub mod ledger;
pub mod pace;
pub mod passes;
pub mod progress;
pub mod replies;
pub mod sandbox;
pub mod settings;
pub mod table;
