//! `evmbench corpus`: measures the circuits that the forecast rests on, and fits its coefficients to them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::numbers::at_least_one;
use super::output::say;
use super::{Finding, progress, setup};
use crate::forecast::{BatchSample, Coefficients, Role, Sample, SampleError, Specimen};
use crate::home::Home;
use crate::prover::{EzklOptions, EzklProver};
use crate::store::{self, StoredRun};

/// Measure the circuits that the forecast is fitted on and tested on, and fit it anew
///
/// Each measurement is kept as soon as it is there; what is kept already is not measured again. The coefficients that come out
/// take effect when evmbench is built the next time.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  python3 scripts/make-forecast-models.py models\n  evmbench corpus --specimens models --records results"
)]
pub(super) struct Arguments {
    /// Circuits to measure: a folder that scripts/make-forecast-models.py wrote
    #[arg(long, value_name = "FOLDER")]
    specimens: Option<PathBuf>,
    /// Records to take measurements from: a fit sees those of scale 10, and tests those of other scales
    #[arg(long, value_name = "FOLDER")]
    records: Option<PathBuf>,
    /// Records of committed circuits whose proofs are verified in batches of one and two: one record of each circuit is taken, and
    /// a fit sees those of scale 10
    #[arg(long, value_name = "FOLDER")]
    batches: Option<PathBuf>,
    /// Folder of the measurements, and beside them of the coefficients
    #[arg(long, value_name = "DIR", default_value = "data/forecast")]
    out: PathBuf,
    /// Threads of the prover [default: one for each core]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
}

/// Folder of the measurements below the one that is named.
const SAMPLES: &str = "samples";

/// Folder of the measurements of batches beside it.
const BATCHES: &str = "batches";

/// File of the coefficients beside both.
const COEFFICIENTS: &str = "coefficients.json";

/// The scale of the records that a fit sees.
const FITTED_SCALE: u32 = 10;

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let samples = arguments.out.join(SAMPLES);
    let mut finding = Finding::Good;
    if let Some(folder) = &arguments.records {
        take(folder, &samples)?;
    }
    let batches = arguments.out.join(BATCHES);
    if let Some(folder) = &arguments.batches {
        measure_batches(folder, &batches)?;
    }
    if let Some(folder) = &arguments.specimens {
        finding = measure(folder, &samples, &batches, arguments.threads)?;
    }
    let kept = Sample::all(&samples)?;
    let kept_batches = if batches.exists() {
        BatchSample::all(&batches)?
    } else {
        Vec::new()
    };
    let coefficients = Coefficients::fit(&kept, &kept_batches);
    store::write_json(&arguments.out.join(COEFFICIENTS), &coefficients)?;
    say!(
        "fitted on {} of {} circuits",
        kept.iter().filter(|sample| sample.role == Role::Fit).count(),
        kept.len()
    )?;
    Ok(finding)
}

/// Takes every record that has what a sample needs.
fn take(records: &Path, samples: &Path) -> Result<(), CliError> {
    for relative in store::record_paths(records)? {
        let path = records.join(relative);
        // Other JSON lies there, too.
        let Ok(run) = StoredRun::open(&path) else { continue };
        if let Some(sample) = Sample::of_run(&run, role(&run))? {
            store::write_json(&sample_path(samples, &sample.name), &sample)?;
        }
    }
    Ok(())
}

/// Whether a fit sees a record.
fn role(run: &StoredRun) -> Role {
    if run.record().request.plan.scale() == FITTED_SCALE {
        Role::Fit
    } else {
        Role::Test
    }
}

/// Measures batches of one record of each committed circuit: proofs of one circuit cost the same but for their bytes.
fn measure_batches(records: &Path, samples: &Path) -> Result<(), CliError> {
    progress::watch_interrupts()?;
    let home = Home::from_environment()?;
    let progress = progress::Progress::new();
    let solc = setup::solc(&home, &progress)?;
    let mut circuits = HashSet::new();
    for relative in store::record_paths(records)? {
        if progress::interrupted() {
            break;
        }
        let Ok(run) = StoredRun::open(&records.join(relative)) else {
            continue;
        };
        let record = run.record();
        let Some(circuit) = record
            .circuit
            .as_ref()
            .map(|circuit| circuit.settings.to_string())
        else {
            continue;
        };
        if circuits.contains(&circuit) {
            continue;
        }
        progress.label(record.request.name());
        if let Some(sample) = BatchSample::of_run(&run, role(&run), &solc)? {
            store::write_json(&sample_path(samples, &sample.name), &sample)?;
            circuits.insert(circuit);
        }
    }
    progress.clear();
    Ok(())
}

/// Measures every specimen that has no sample yet, or none of a batch.
fn measure(
    specimens: &Path,
    samples: &Path,
    batches: &Path,
    threads: Option<usize>,
) -> Result<Finding, CliError> {
    progress::watch_interrupts()?;
    let home = Home::from_environment()?;
    let progress = progress::Progress::new();
    let (toolchain, solc) = setup::tools(&home, &progress)?;
    let defaults = EzklOptions::for_home(&home);
    let options = EzklOptions {
        threads: threads.unwrap_or(defaults.threads),
        ..defaults
    };
    let threads = options.threads;
    let prover = EzklProver::new(&home, toolchain, options);
    let specimens = Specimen::all(specimens)?;
    let mut finding = Finding::Good;
    for (index, specimen) in specimens.iter().enumerate() {
        let path = sample_path(samples, &specimen.name);
        let batch_path = sample_path(batches, &specimen.name);
        let kept: Option<Sample> = path.exists().then(|| store::read_json(&path)).transpose()?;
        let is_complete = |kept: &Sample| batch_path.exists() || !BatchSample::is_of(&kept.settings);
        if kept.as_ref().is_some_and(is_complete) {
            continue;
        }
        if progress::interrupted() {
            break;
        }
        let position = format!("[{}/{}] {}", index + 1, specimens.len(), specimen.name);
        progress.label(position.clone());
        let measured = specimen.prove(&prover, threads, &progress).and_then(|proved| {
            if kept.is_none() {
                store::write_json(&path, &proved.sample(&solc)?)?;
            }
            if let Some(batch) = BatchSample::of_specimen(&proved, &solc)? {
                store::write_json(&batch_path, &batch)?;
            }
            Ok(())
        });
        match measured {
            Ok(()) => progress.line(&position),
            // One circuit without a proof is no reason to leave the others unmeasured.
            Err(
                error @ (SampleError::Failed { .. } | SampleError::Rejected { .. } | SampleError::Batch(_)),
            ) => {
                progress.line(&format!("{position}: {error}"));
                finding = Finding::Bad;
            }
            Err(error) => return Err(error.into()),
        }
    }
    progress.clear();
    Ok(finding)
}

fn sample_path(samples: &Path, name: &str) -> PathBuf {
    samples.join(format!("{name}.json"))
}
