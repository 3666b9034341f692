//! `payonce init`: a config with every key explained.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use anyhow::Context;

use super::args::InitArgs;
use super::common;
use super::failure::Usage;
use crate::domain::exit::Exit;

const EXAMPLE: &str = include_str!("../../config.example.toml");

pub(super) fn init(args: &InitArgs) -> anyhow::Result<Exit> {
    let path = &args.file;
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Usage(format!("{} exists already; it is left as it is", path.display())).into());
        }
        Err(error) => return Err(Usage(format!("cannot write {}: {error}", path.display())).into()),
    };
    file.write_all(EXAMPLE.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    common::print(&format!("written: {}; every key is there with its default, switched off by #", path.display()))?;
    Ok(Exit::Done)
}
