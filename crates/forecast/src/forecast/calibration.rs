//! How fast this machine is, against the one that the coefficients were fitted on.
//!
//! Goes in: a prover. It proves a few small circuits, which takes about a minute. Comes out: [`Calibration`], kept in the
//! cache folder, in a file for each machine: how much processor time a phase takes here for each second that the fit expects,
//! and how many seconds pass meanwhile. It holds for the machine and the number of threads that it was made with, and for no
//! other.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use evmbench_ezkl::{
    CircuitPlan, CircuitSettings, CircuitShape, Decomposition, EZKL_VERSION, EzklProver, Failure, Job,
    JobCircuit, Observer, Phase, PlanError, ProverError, ShapeError, VerifierKind,
};
use evmbench_host::clock::now;
use evmbench_host::home::Home;
use evmbench_model::graph::{Graph, GraphError, Op};
use evmbench_model::{input, onnx};
use evmbench_schema::record::Machine;
use evmbench_store::{self as store, StoreError};

use super::coefficients::COEFFICIENTS;
use super::quantity::Quantity;
use super::sample::{Work, load_average};
use crate::machine::machine;

/// The one file of all machines that homes once had.
const OLD_FILE: &str = "calibration.json";

/// What is proved: elements of a square, inner columns, k, base of the range check's digits. Small, so that all of them and
/// their reference strings take about a minute on two cores; of different widths and heights.
const CIRCUITS: [(usize, usize, u32, u64); 4] = [
    (250, 1, 14, 1024),
    (500, 2, 15, 16384),
    (900, 3, 15, 16384),
    (1500, 2, 16, 16384),
];

/// The speed of one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// When it was made, RFC 3339 in UTC.
    pub measured_at: String,
    /// With which EZKL.
    pub ezkl_version: String,
    /// On which machine.
    pub machine: Machine,
    /// With how many threads.
    pub threads: usize,
    /// How many processes wanted to run, a minute's mean, before it began; absent where the platform does not say.
    pub load_average: Option<f64>,
    /// Set-up's speed.
    pub setup: Speed,
    /// A proof's.
    pub prove: Speed,
}

/// How fast one phase runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Seconds of processor time for each that the fit expects: the mean of the circuits.
    pub cpu_ratio: f64,
    /// Seconds that pass for each second of processor time: the least of the circuits, since other work only adds to it.
    pub seconds_per_cpu_second: f64,
    /// The largest relative distance of a circuit's processor time from the mean.
    pub spread: f64,
}

impl Speed {
    /// From each circuit's processor time, as a multiple of what was expected, and seconds that passed for each of its own.
    fn of(circuits: &[[f64; 2]]) -> Self {
        let cpu_ratio = circuits.iter().map(|[ratio, _]| ratio).sum::<f64>() / circuits.len() as f64;
        let misses = circuits.iter().map(|[ratio, _]| (ratio / cpu_ratio - 1.0).abs());
        Self {
            cpu_ratio,
            seconds_per_cpu_second: circuits
                .iter()
                .map(|[_, seconds]| *seconds)
                .fold(f64::INFINITY, f64::min),
            spread: misses.fold(0.0, f64::max),
        }
    }

    /// Seconds that pass for each second of processor time that the fit expects.
    pub(super) fn seconds_per_expected(&self) -> f64 {
        self.cpu_ratio * self.seconds_per_cpu_second
    }
}

/// A calibration that could not be made or kept.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// EZKL could not work at all.
    #[error(transparent)]
    Prover(#[from] ProverError),
    /// A phase failed.
    #[error("calibration: {0}")]
    Failed(Failure),
    /// One of its circuits is none.
    #[error(transparent)]
    Circuit(#[from] GraphError),
    /// The plan that stands for its visibilities is none.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// EZKL's settings lack what the forecast reads.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A phase has no time.
    #[error("calibration: no time was measured")]
    NoTime,
    /// The file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Calibration {
    /// The calibration that is kept below `home`, if it is this machine's with this many threads.
    pub fn load(home: &Home, threads: usize) -> Option<Self> {
        let machine = machine();
        let holds = |kept: &Self| {
            kept.threads == threads
                && kept.ezkl_version == EZKL_VERSION
                && kept.machine.fingerprint == machine.fingerprint
        };
        [path(home, &machine), home.root().join(OLD_FILE)]
            .iter()
            .filter_map(|path| store::read_json(path).ok())
            .find(holds)
    }

    /// Proves the calibration circuits and keeps what came out below `home`.
    ///
    /// # Errors
    /// [`CalibrationError`].
    pub fn measure(
        home: &Home,
        prover: &EzklProver,
        threads: usize,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<Self, CalibrationError> {
        let load_average = load_average();
        let (mut setup, mut prove) = (Vec::new(), Vec::new());
        for (elements, inner, logrows, base) in CIRCUITS {
            let plan = CircuitPlan::direct(7)?
                .with_columns(inner)?
                .with_decomposition(Some(Decomposition { base, legs: 2 }))?;
            let [setup_ratios, prove_ratios] = ratios(prover, observer, elements, plan, logrows)?;
            setup.push(setup_ratios);
            prove.push(prove_ratios);
        }
        let calibration = Self {
            measured_at: now(),
            ezkl_version: EZKL_VERSION.to_owned(),
            machine: machine(),
            threads,
            load_average,
            setup: Speed::of(&setup),
            prove: Speed::of(&prove),
        };
        store::write_json(&path(home, &calibration.machine), &calibration)?;
        Ok(calibration)
    }

    /// Whether other processes took so much of the machine that times are longer than they need be.
    pub fn was_disturbed(&self) -> bool {
        self.load_average.is_some_and(|load| load > 0.5)
    }
}

/// Where a machine's calibration is kept: homes may be shared by several.
fn path(home: &Home, machine: &Machine) -> PathBuf {
    home.root()
        .join(format!("calibration-{}.json", machine.fingerprint))
}

/// Of set-up and of a proof of the square of so many elements in 2^`logrows` rows: processor time over what is expected, and
/// wall time over processor time.
fn ratios(
    prover: &EzklProver,
    observer: &dyn Observer<CircuitSettings>,
    elements: usize,
    plan: CircuitPlan,
    logrows: u32,
) -> Result<[[f64; 2]; 2], CalibrationError> {
    let mut graph = Graph::default();
    let x = graph.input("x", &[1, elements])?;
    let y = graph.apply("square", "y", Op::Mul, &[x, x])?;
    graph.outputs.push(y);
    let job = Job {
        name: format!("square of {elements}"),
        circuit: JobCircuit::Model {
            onnx: onnx::write(&graph),
            inputs: vec![input::seeded_uniform(&[1, elements], 0).data],
        },
        plan,
        verifier: VerifierKind::Plain,
        runs: 1,
        warmup: 0,
    };
    let run = prover.prove_in_rows(&job, logrows, observer)?;
    run.result.map_err(CalibrationError::Failed)?;
    let shape = CircuitShape::of(&run.settings.expect("a run with artifacts has settings"))?;
    let ratios = |phase, quantity| {
        let (expected, _) = COEFFICIENTS.value(quantity, &shape, 0)?;
        let work = Work::of(&run.phases, phase);
        let cpu_seconds = work.cpu_seconds?;
        Some([cpu_seconds / expected, work.call_seconds? / cpu_seconds])
    };
    let setup = ratios(Phase::Setup, Quantity::SetupCpu).ok_or(CalibrationError::NoTime)?;
    let prove = ratios(Phase::Prove, Quantity::ProveCpu).ok_or(CalibrationError::NoTime)?;
    Ok([setup, prove])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_a_mean_and_a_least() {
        let speed = Speed::of(&[[1.0, 0.6], [1.2, 0.5], [0.8, 2.0]]);
        assert!((speed.cpu_ratio - 1.0).abs() < 1e-12 && (speed.spread - 0.2).abs() < 1e-12);
        assert!((speed.seconds_per_expected() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_calibration_holds_for_its_machine_and_threads() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        assert_eq!(Calibration::load(&home, 2), None);
        let speed = Speed::of(&[[1.0, 0.5]]);
        let calibration = Calibration {
            measured_at: now(),
            ezkl_version: EZKL_VERSION.to_owned(),
            machine: machine(),
            threads: 2,
            load_average: Some(0.1),
            setup: speed,
            prove: speed,
        };
        store::write_json(&path(&home, &calibration.machine), &calibration).unwrap();
        assert_eq!(Calibration::load(&home, 2).as_ref(), Some(&calibration));
        assert_eq!(Calibration::load(&home, 1), None);
        assert!(!calibration.was_disturbed());
        // Another machine's is a file of its own, and no machine's where its name lies.
        let mut other = calibration.clone();
        other.machine.fingerprint = "another".to_owned();
        store::write_json(&path(&home, &other.machine), &other).unwrap();
        assert_eq!(Calibration::load(&home, 2).as_ref(), Some(&calibration));
        store::write_json(&path(&home, &calibration.machine), &other).unwrap();
        assert_eq!(Calibration::load(&home, 2), None);
        // The one file of older homes counts where it names this machine.
        let old = home.root().join(OLD_FILE);
        store::write_json(&old, &other).unwrap();
        assert_eq!(Calibration::load(&home, 2), None);
        store::write_json(&old, &calibration).unwrap();
        assert_eq!(Calibration::load(&home, 2), Some(calibration));
    }
}
