//! `evmbench cache`: what evmbench keeps, and how to be rid of it.

use std::path::{Path, PathBuf};

use super::error::CliError;
use super::output::say;
use super::table::{FIGURE, TEXT, Table};
use super::{Finding, format};
use crate::home::Home;
use crate::prover::{EZKL_VERSION, folder_bytes};
use crate::solidity::SOLC_VERSION;

/// Show what is kept in evmbench's cache folder, or clear it
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Remove compiled circuits and keys, and what killed runs left behind
    #[arg(long)]
    clear: bool,
    /// Remove reference strings and tools as well
    #[arg(long)]
    clear_all: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let home = Home::from_environment()?;
    let kept = [
        ("circuits and keys", home.circuits()),
        ("unfinished runs", home.work()),
        ("reference strings", home.srs()),
        ("EZKL", home.ezkl(EZKL_VERSION)),
        ("solc", home.solc(SOLC_VERSION)),
    ];
    let cleared = if arguments.clear_all {
        kept.len()
    } else if arguments.clear {
        2
    } else {
        0
    };
    for (_, path) in &kept[..cleared] {
        remove(path)?;
    }
    let mut table = Table::new([("what", TEXT), ("size", FIGURE), ("where", TEXT)]);
    for (what, path) in &kept {
        table.row([
            (*what).to_owned(),
            format::bytes(folder_bytes(path)),
            path.display().to_string(),
        ]);
    }
    say!("{table}")?;
    Ok(Finding::Good)
}

fn remove(path: &Path) -> Result<(), CliError> {
    match std::fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(CliError::Io {
            action: "remove",
            path: PathBuf::from(path),
            source,
        }),
        _ => Ok(()),
    }
}
