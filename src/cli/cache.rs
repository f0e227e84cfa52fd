//! `evmbench cache`: what evmbench keeps, whether it is as it was made, and how to be rid of it.

use std::path::Path;

use super::error::CliError;
use super::output::{fitted, say};
use super::{Finding, format};
use crate::digests::Digests;
use crate::home::Home;
use crate::lock::{self, Lock};
use crate::nodes::{ETHEREUMJS_VERSION, FOUNDRY_VERSION, SPECIFICATION_VERSION};
use crate::npm;
use crate::process::{self, WorkFolder};
use crate::prover::{
    CircuitCache, EZKL_VERSION, ImportedStrings, Toolchain, ToolchainError, clear_strings, damaged_strings,
    folder_bytes,
};
use crate::report::table::{Column, Table};
use crate::solidity::SOLC_VERSION;

/// Show what is kept in evmbench's cache folder, check it, or clear it
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Remove compiled circuits and keys, and what killed runs left behind; what a running evmbench uses stays
    #[arg(long)]
    clear: bool,
    /// Remove test reference strings and tools as well; imported strings stay
    #[arg(long)]
    clear_all: bool,
    /// Read every kept file in full and say which are not as they were made; they are made again when they are next needed
    #[arg(long, conflicts_with_all = ["clear", "clear_all"])]
    verify: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let home = Home::from_environment()?;
    let in_use = if arguments.clear || arguments.clear_all {
        clear(&home, arguments.clear_all)?
    } else {
        0
    };
    let mut table = Table::new([
        Column::text("what"),
        Column::written("size"),
        Column::text("where"),
    ]);
    for (what, path) in [
        ("circuits and keys", home.circuits()),
        ("unfinished runs", home.work()),
        ("reference strings", home.srs()),
        ("EZKL", home.ezkl(EZKL_VERSION)),
        ("solc", home.solc(SOLC_VERSION)),
        ("anvil and forge", home.foundry(FOUNDRY_VERSION)),
        (
            "executable specification",
            home.specification(SPECIFICATION_VERSION),
        ),
        ("EthereumJS", home.ethereumjs(ETHEREUMJS_VERSION)),
    ] {
        table.row([
            what.to_owned(),
            format::bytes(folder_bytes(&path)),
            path.display().to_string(),
        ]);
    }
    say!("{}", fitted(&table))?;
    if in_use > 0 {
        say!("{in_use} kept: a running evmbench uses them")?;
    }
    if !arguments.verify {
        return Ok(Finding::Good);
    }
    let damaged = damaged(&home);
    for line in &damaged {
        say!("damaged: {}", format::plain(line))?;
    }
    if damaged.is_empty() {
        say!("everything is as it was made")?;
        return Ok(Finding::Good);
    }
    say!("what is damaged is made again when it is next needed")?;
    Ok(Finding::Bad)
}

/// What is kept and not as it was made, a line each.
fn damaged(home: &Home) -> Vec<String> {
    let digests = Digests::below(home.root());
    // So that tools are read in full, too.
    digests.forget();
    let circuits = CircuitCache::new(home.circuits(), u64::MAX).damaged(&digests);
    let circuits = circuits
        .into_iter()
        .map(|(path, wrong)| format!("{}: {wrong}", path.display()));
    let strings = damaged_strings(&home.srs(), &digests);
    let strings = strings
        .into_iter()
        .map(|path| format!("{} is not the reference string that was made", path.display()));
    let imported = ImportedStrings::of(home).damaged().into_iter();
    let imported =
        imported.map(|path| format!("{} is not as it was imported: import it again", path.display()));
    let ezkl = match Toolchain::locate(home) {
        Ok(_) | Err(ToolchainError::Missing { .. }) => None,
        Err(error) => Some(error.to_string()),
    };
    let from_npm = [
        home.solc(SOLC_VERSION),
        home.foundry(FOUNDRY_VERSION),
        home.ethereumjs(ETHEREUMJS_VERSION),
    ];
    let from_npm = from_npm.into_iter().filter(|folder| !npm::is_whole(folder));
    let from_npm = from_npm.map(|folder| format!("{} is not as it was installed", folder.display()));
    circuits
        .chain(strings)
        .chain(imported)
        .chain(ezkl)
        .chain(from_npm)
        .collect()
}

/// Removes what nobody uses, and tells how many things stay since somebody does.
fn clear(home: &Home, all: bool) -> Result<usize, CliError> {
    if !home.root().exists() {
        return Ok(0);
    }
    let work = home.work();
    let trash = WorkFolder::new(&work).map_err(io("create a folder in", &work))?;
    let circuits = home.circuits();
    let mut in_use = CircuitCache::new(circuits.clone(), 0)
        .evict(trash.path())
        .map_err(io("clear", &circuits))?;
    process::remove_abandoned(&work);
    if all {
        in_use += clear_strings(&home.srs()).map_err(io("clear", &home.srs()))?;
        for folder in [
            home.ezkl(EZKL_VERSION),
            home.solc(SOLC_VERSION),
            home.foundry(FOUNDRY_VERSION),
            home.specification(SPECIFICATION_VERSION),
            home.ethereumjs(ETHEREUMJS_VERSION),
        ] {
            in_use += usize::from(!remove_tool(&folder)?);
        }
    }
    Ok(in_use)
}

/// Removes a tool's folder, or the link to one, unless a process uses it; tells whether it is gone.
fn remove_tool(folder: &Path) -> Result<bool, CliError> {
    if folder.symlink_metadata().is_err() {
        return Ok(true);
    }
    let path = lock::beside(folder);
    let Some(lock) = Lock::try_exclusive(&path).map_err(io("lock", &path))? else {
        return Ok(false);
    };
    std::fs::remove_dir_all(folder).map_err(io("remove", folder))?;
    lock.remove().map_err(io("remove", &path))?;
    Ok(true)
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> CliError {
    let path = path.to_owned();
    move |source| CliError::Io { action, path, source }
}
