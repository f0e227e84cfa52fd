//! `evmbench corpus`: measures the circuits that the forecast rests on.

use std::path::PathBuf;

use super::error::CliError;
use super::session::at_least_one;
use super::{Finding, progress, setup};
use crate::forecast::Specimen;
use crate::home::Home;
use crate::prover::{EzklOptions, EzklProver};
use crate::store;

/// Measure the circuits that the forecast is fitted on and tested on, each kept as soon as it is done
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  python3 scripts/make-forecast-models.py models\n  evmbench corpus models"
)]
pub(super) struct Arguments {
    /// Folder of the circuits, as scripts/make-forecast-models.py writes it
    #[arg(value_name = "FOLDER")]
    specimens: PathBuf,
    /// Folder of the measurements; what is there already is not measured again
    #[arg(long, value_name = "DIR", default_value = "results/forecast/samples")]
    out: PathBuf,
    /// Threads of the prover [default: one for each core]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    progress::watch_interrupts()?;
    let home = Home::from_environment()?;
    let progress = progress::Progress::new();
    let (toolchain, solc) = setup::tools(&home, &progress)?;
    let defaults = EzklOptions::for_home(&home);
    let options = EzklOptions {
        threads: arguments.threads.unwrap_or(defaults.threads),
        ..defaults
    };
    let threads = options.threads;
    let prover = EzklProver::new(&home, toolchain, options);
    let specimens = Specimen::all(&arguments.specimens)?;
    let mut finding = Finding::Good;
    for (index, specimen) in specimens.iter().enumerate() {
        let path = arguments.out.join(format!("{}.json", specimen.name));
        if path.exists() {
            continue;
        }
        if progress::interrupted() {
            break;
        }
        let position = format!("[{}/{}] {}", index + 1, specimens.len(), specimen.name);
        progress.label(position.clone());
        match specimen.measure(&prover, &solc, threads, &progress) {
            Ok(sample) => {
                store::write_json(&path, &sample)?;
                progress.line(&position);
            }
            // One circuit without a proof is no reason to leave the others unmeasured.
            Err(error) => {
                progress.line(&format!("{position}: {error}"));
                finding = Finding::Bad;
            }
        }
    }
    progress.clear();
    Ok(finding)
}
