//! `evmbench srs`: reference strings of ceremonies.

use std::path::{Path, PathBuf};

use super::error::CliError;
use super::numbers::thread_count;
use super::output::{fitted, note, say};
use super::progress::{self, Progress};
use super::{Finding, format};
use crate::home::Home;
use crate::prover::{Asked, ImportedStrings, Observer as _, StringFile, Work};
use crate::report::table::{Column, Table};

/// Import reference strings of a ceremony, list them, and check their points
///
/// A string that one party made is worth nothing against that party: whoever knows its secret can forge any proof. That of a ceremony
/// has a secret that nobody knows, unless all who took part put their shares together.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a string of a ceremony's file: snarkjs' .ptau, or halo2's raw form
    ///
    /// Its points are checked: on the curve, and powers of one number by pairings, all of them up to 2^22, above that a sample. The
    /// points in Lagrange form are computed on all processors. The ceremony is known by the file's digest, or by s*G2 where every point was
    /// checked.
    Import(ImportArguments),
    /// Show the strings that were imported, with their ceremonies
    List(ListArguments),
    /// Check the points of imported strings, by name, or of files. The exit status is 1 where any is wrong
    Verify(VerifyArguments),
}

#[derive(Debug, clap::Args)]
struct ImportArguments {
    /// The file; it stays as it is
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Name by which --srs takes the string [default: the ceremony's and k, as in hermez-17]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// k of a string of 2^k points, shorter than the file's
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=28))]
    logrows: Option<u32>,
    /// Threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<usize>,
}

#[derive(Debug, clap::Args)]
struct ListArguments {
    /// Print JSON: a list of strings
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct VerifyArguments {
    /// Names of imported strings, or .ptau and halo2 files
    #[arg(value_name = "NAME|FILE", required = true)]
    given: Vec<PathBuf>,
    /// Threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<usize>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let home = Home::from_environment()?;
    let strings = ImportedStrings::of(&home);
    match &arguments.command {
        Command::Import(arguments) => import(&home, &strings, arguments),
        Command::List(arguments) => list(&strings, arguments),
        Command::Verify(arguments) => verify(&strings, arguments),
    }
}

/// The string that a name or a path means.
pub(super) fn find(given: &Path) -> Result<StringFile, CliError> {
    Ok(ImportedStrings::of(&Home::from_environment()?).find(given)?)
}

fn work(threads: Option<usize>) -> Result<Work<'static>, CliError> {
    progress::watch_interrupts()?;
    let work = Work {
        stop: &progress::interrupted,
        ..Work::default()
    };
    Ok(match threads {
        Some(threads) => Work { threads, ..work },
        None => work,
    })
}

fn import(home: &Home, strings: &ImportedStrings, arguments: &ImportArguments) -> Result<Finding, CliError> {
    let work = work(arguments.threads)?;
    home.create()?;
    let progress = Progress::new();
    progress.label(arguments.file.display().to_string());
    progress.started("import");
    let asked = Asked {
        name: arguments.name.as_deref(),
        logrows: arguments.logrows,
    };
    let imported = strings.import(&arguments.file, asked, &work)?;
    progress.finished();
    progress.clear();
    let identity = &imported.file.identity;
    say!(
        "{}: 2^{} points of {}",
        imported.name,
        identity.logrows,
        identity.kind.sentence()
    )?;
    if let Some(checked) = identity.checked {
        say!("{}: {}", imported.name, checked.sentence())?;
    }
    say!("{}: use it with --srs {}", imported.name, imported.name)?;
    Ok(Finding::Good)
}

fn list(strings: &ImportedStrings, arguments: &ListArguments) -> Result<Finding, CliError> {
    let mut table = Table::new([
        Column::text("name"),
        Column::written("k"),
        Column::text("of"),
        Column::text("checked"),
        Column::text("SHA-256"),
    ]);
    let (found, damaged): (Vec<_>, Vec<_>) = strings.list().into_iter().partition(Result::is_ok);
    let found: Vec<_> = found.into_iter().flatten().collect();
    if arguments.json {
        let found: Vec<_> = found
            .iter()
            .map(|imported| {
                let StringFile { path, identity } = &imported.file;
                serde_json::json!({"name": imported.name, "path": path, "identity": identity})
            })
            .collect();
        say!("{}", serde_json::Value::Array(found))?;
    } else if found.is_empty() && damaged.is_empty() {
        say!("no string was imported: `evmbench srs import FILE.ptau`")?;
    } else {
        for imported in found {
            let identity = imported.file.identity;
            table.row([
                imported.name,
                identity.logrows.to_string(),
                identity.kind.sentence().to_owned(),
                identity
                    .checked
                    .map_or("not", |checked| checked.name())
                    .to_owned(),
                identity.sha256,
            ]);
        }
        say!("{}", fitted(&table))?;
    }
    let damaged: Vec<_> = damaged.into_iter().filter_map(Result::err).collect();
    for path in &damaged {
        note!("damaged: {}", format::plain(&path.display().to_string()));
    }
    Ok(if damaged.is_empty() {
        Finding::Good
    } else {
        Finding::Bad
    })
}

fn verify(strings: &ImportedStrings, arguments: &VerifyArguments) -> Result<Finding, CliError> {
    let work = work(arguments.threads)?;
    let progress = Progress::new();
    for given in &arguments.given {
        let name = given.display().to_string();
        progress.label(name.clone());
        progress.started("check");
        let verified = strings.verify(given, &work)?;
        progress.finished();
        progress.clear();
        let name = format::plain(&name);
        say!(
            "{name}: 2^{} points of {}",
            verified.logrows,
            verified.kind.sentence()
        )?;
        say!(
            "{name}: {}; SHA-256 {}",
            verified.checked.sentence(),
            verified.sha256
        )?;
    }
    Ok(Finding::Good)
}
