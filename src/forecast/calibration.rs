//! How fast this machine is, against the one that the coefficients were fitted on.
//!
//! Goes in: a prover. It proves a few small circuits, which takes about a minute. Comes out: [`Calibration`], kept in the
//! cache folder: how many seconds pass here for each second of processor time that the fit expects. It holds for the machine and
//! the number of threads that it was made with, and for no other.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::coefficients::COEFFICIENTS;
use super::quantity::Quantity;
use super::sample::{Work, load_average};
use crate::home::Home;
use crate::model::graph::{Graph, GraphError, Op};
use crate::model::{input, onnx};
use crate::prover::{
    CircuitPlan, CircuitShape, EZKL_VERSION, EzklProver, Failure, Job, Observer, Phase, PlanError,
    ProverError, ShapeError, VerifierKind,
};
use crate::record::{self, Machine};
use crate::store::{self, StoreError};

/// The file's name in the cache folder.
const FILE: &str = "calibration.json";

/// What is proved: elements of a square, inner columns, k, base of the range check's digits. Small, so that all of them and
/// their reference strings take about a minute on two cores; of different widths and heights.
const CIRCUITS: [(usize, u64, u32, u64); 4] = [
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
    /// Seconds of set-up for each second of processor time that is expected.
    pub setup_seconds_per_cpu_second: f64,
    /// The same of a proof.
    pub prove_seconds_per_cpu_second: f64,
    /// The largest relative distance of one of the circuits from these two.
    pub spread: f64,
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
        let kept: Self = store::read_json(&home.root().join(FILE)).ok()?;
        let holds = kept.threads == threads
            && kept.ezkl_version == EZKL_VERSION
            && kept.machine.fingerprint == Machine::current().fingerprint;
        holds.then_some(kept)
    }

    /// Proves the calibration circuits and keeps what came out below `home`.
    ///
    /// # Errors
    /// [`CalibrationError`].
    pub fn measure(
        home: &Home,
        prover: &EzklProver,
        threads: usize,
        observer: &dyn Observer,
    ) -> Result<Self, CalibrationError> {
        let load_average = load_average();
        let mut ratios = Vec::new();
        for (elements, inner, logrows, base) in CIRCUITS {
            ratios.push(ratios_of(
                prover,
                observer,
                elements,
                &run_args(inner, logrows, base),
            )?);
        }
        let [setup, prove] = [0, 1].map(|phase| mean(ratios.iter().map(|pair| pair[phase])));
        let misses = ratios
            .iter()
            .flat_map(|pair| [pair[0] / setup - 1.0, pair[1] / prove - 1.0]);
        let calibration = Self {
            measured_at: record::now(),
            ezkl_version: EZKL_VERSION.to_owned(),
            machine: Machine::current(),
            threads,
            load_average,
            setup_seconds_per_cpu_second: setup,
            prove_seconds_per_cpu_second: prove,
            spread: misses.map(f64::abs).fold(0.0, f64::max),
        };
        store::write_json(&home.root().join(FILE), &calibration)?;
        Ok(calibration)
    }

    /// Whether other processes took so much of the machine that times are longer than they need be.
    pub fn was_disturbed(&self) -> bool {
        self.load_average.is_some_and(|load| load > 0.5)
    }
}

fn run_args(inner: u64, logrows: u32, base: u64) -> Value {
    json!({
        "input_scale": 7, "param_scale": 7, "num_inner_cols": inner, "logrows": logrows, "decomp_base": base,
        "decomp_legs": 2, "input_visibility": "public", "output_visibility": "public", "param_visibility": "fixed",
        "disable_freivalds": true,
    })
}

/// Measured wall time over expected processor time, of set-up and of a proof, for the square of so many elements.
fn ratios_of(
    prover: &EzklProver,
    observer: &dyn Observer,
    elements: usize,
    run_args: &Value,
) -> Result<[f64; 2], CalibrationError> {
    let mut graph = Graph::default();
    let x = graph.input("x", &[1, elements])?;
    let y = graph.apply("square", "y", Op::Mul, &[x, x])?;
    graph.outputs.push(y);
    let job = Job {
        name: format!("square of {elements}"),
        onnx: onnx::write(&graph),
        inputs: vec![input::seeded_uniform(&[1, elements], 0).data],
        plan: CircuitPlan::direct(7)?,
        verifier: VerifierKind::Plain,
        runs: 1,
        warmup: 0,
    };
    let run = prover.prove_anew(&job, run_args, observer)?;
    run.result.map_err(CalibrationError::Failed)?;
    let shape = CircuitShape::of(&run.settings.expect("a run with artifacts has settings"))?;
    let ratio = |phase, quantity| {
        let (expected, _) = COEFFICIENTS.value(quantity, &shape, 0)?;
        Some(Work::of(&run.phases, phase).call_seconds? / expected)
    };
    ratio(Phase::Setup, Quantity::SetupCpu)
        .zip(ratio(Phase::Prove, Quantity::ProveCpu))
        .map(|(setup, prove)| [setup, prove])
        .ok_or(CalibrationError::NoTime)
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}
