//! The one JSON schema: what was asked, what came out, what it took, where.
//!
//! Goes in: the plain data of the earlier stages. Comes out: [`Record`], which every report reads. Later versions of
//! the schema only add optional fields, so that older records stay readable. Nothing unmeasured is written as 0.

pub mod digest;
mod environment;
mod evidence;
pub mod leaves;
mod name;
mod others;

use alloy_primitives::B256;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use environment::{Environment, Machine, Renewal};
pub use evidence::{Evidence, EvidenceError, EvidenceFile};
pub use name::{FileName, FileNameError};
pub use others::OtherWork;

pub use crate::outcome::{GREATEST_ERROR, Outcome};

use evmbench_backend::{Phase, PhaseMeasurement, PhaseSource};
use evmbench_host::digests::sha256_hex;

use crate::accuracy::{Accuracy, IntegerChoices};
use crate::chain::{BrokenRule, Controls, Deployment, Fit, Fork, Registration, UnderFork, Verification};
use crate::committed::{Committed, CommittedSizes, InputAssurance, LayerBounds, Lookups};
use crate::forecast::Forecast;
use crate::function::{self, FunctionCheck};
use crate::guard::{BatchMeasurement, GuardMeasurement, LinkedMeasurement};
use crate::interval::Interval;
use crate::keys::{SrsIdentity, VerifierShape};
use crate::ledger::Ledger;
use crate::onnx::{Dimensions, OutputForm, Uncovered};
use crate::plan::{Chosen, CircuitKind, CircuitPlan, CommittedPlan, DEFAULT_TIMEOUT, Io, VerifierKind};
use crate::reach::Reach;
use crate::scale_factors::{Basis, ScaleFactors};
use crate::solidity::{DEFAULT_OPTIMIZER_RUNS, SolcSettings};
use crate::split::{SharedTensor, Split};
use crate::weights;

/// The schema's version: one more for each change.
pub const SCHEMA: u32 = 11;

/// Seed of weights and inputs where none is asked for.
pub const DEFAULT_SEED: u64 = 0;

/// Proofs where no number is asked for.
pub const DEFAULT_RUNS: usize = 3;

/// One run: a model at a scale, proved and verified, or how far it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// The schema's version.
    pub schema: u32,
    /// When the run ended, RFC 3339 in UTC.
    pub finished_at: String,
    /// What was asked for.
    pub request: Request,
    /// How it ended.
    pub outcome: Outcome,
    /// The model.
    pub model: Model,
    /// The input that was proved.
    pub input: Input,
    /// Circuit size; absent where no settings came out.
    pub circuit: Option<Circuit>,
    /// What these settings were forecast to take, with nothing of the run in it but them; absent in records of schema 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    /// Each phase's time and memory, in the order in which they ran.
    pub phases: Vec<PhaseMeasurement>,
    /// Most disk space that the run's own files took, in bytes.
    pub peak_disk_bytes: Option<u64>,
    /// Keys and reference string; absent where set-up did not end.
    pub keys: Option<Keys>,
    /// The first counted proof; absent where none was made.
    pub proof: Option<Proof>,
    /// How the circuit's outputs stand to both references.
    pub numerics: Option<Numerics>,
    /// Whether the circuit computes the model's function, on several inputs; absent where it was not run, and in records of
    /// schema 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionCheck>,
    /// How well the circuit does on all test images; absent where that was not found out, and in records of schema 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
    /// The compiled verifier.
    pub verifier: Option<Verifier>,
    /// What deploying it took, and the rules of the chain that it breaks; each was lifted, alone, to get the verdict.
    pub deployment: Option<Deployment>,
    /// What registering the circuit's key artifact with a reusable verifier took; absent for a plain one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<Registration>,
    /// What verifying the first counted proof took, and the rules that it breaks, likewise.
    pub verification: Option<Verification>,
    /// Gas of the whole verifying transaction for each counted proof: calldata has other zero bytes in each.
    pub tx_gas_samples: Vec<u64>,
    /// Deployment and verification of the first counted proof under every other fork; empty in records of schema 1.
    #[serde(default)]
    pub other_forks: Vec<UnderFork>,
    /// What the verifier did with wrong proofs and instances.
    pub controls: Option<Controls>,
    /// What a guard in front of the verifier costs, and what it turns away; absent in records of schema 1.
    #[serde(default)]
    pub guard: Option<GuardMeasurement>,
    /// What a committed circuit commits to, and what its integers can be; absent for any other circuit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowering: Option<Lowering>,
    /// What a committed circuit adds to its verifier, by which its guard knows it; absent for any other circuit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<Committed>,
    /// What the guard that derives a committed circuit's challenge costs, and what it turns away; absent likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_guard: Option<GuardMeasurement>,
    /// What verifying all parts of the model as one set comes to; in the record of the last part alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<PartSet>,
    /// What verifying this proof and others of its circuit in one transaction comes to; in the record of the last one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<ProofBatch>,
    /// What an accepted proof proves; absent in records of schema 1.
    #[serde(default)]
    pub ledger: Option<Ledger>,
    /// What the published study measured for this model and scale.
    pub study: Option<Study>,
    /// Remarks that evmbench made about this run.
    pub notes: Vec<String>,
    /// Machine and versions.
    pub environment: Environment,
    /// What other processes took of the machine during the run; absent where the system does not tell, and in records of schema 7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<OtherWork>,
    /// Who went through the part on chain again, where that was not the run itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Renewal>,
    /// Files beside the record.
    pub evidence: Vec<EvidenceFile>,
    /// The record's own digest ([`digest::of_json`]), by which damage is noticed; whoever changes a record on purpose can
    /// change it, too. Absent in records of schema 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Everything that was asked for; two runs with equal requests are the same run.
///
/// Fields that came later are left out of the JSON at their defaults, so that the names of older records stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// The model's id, or an ONNX file's name.
    pub id: FileName,
    /// The suite that the model belongs to, or `onnx`.
    pub suite: FileName,
    /// Scale, visibilities, and the study's way or ours.
    pub plan: CircuitPlan,
    /// Which verifier is deployed.
    #[serde(default, skip_serializing_if = "is_plain")]
    pub verifier: VerifierKind,
    /// How often solc's optimizer expects each opcode of the verifier to run.
    #[serde(
        default = "default_optimizer_runs",
        skip_serializing_if = "is_default_optimizer_runs"
    )]
    pub optimizer_runs: u64,
    /// Proofs to count.
    pub runs: usize,
    /// Proofs made first and not counted.
    pub warmup: usize,
    /// Seed of weights and inputs.
    pub seed: u64,
    /// Seed of the input, where it is another than that of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_seed: Option<u64>,
    /// EVM rules.
    pub fork: Fork,
    /// Seconds that one phase may take.
    pub timeout_seconds: u64,
    /// Cap on each worker's data segment, in bytes, where one was asked for.
    pub memory_limit_bytes: Option<u64>,
    /// Threads, where a number was asked for.
    pub threads: Option<usize>,
    /// SHA-256 of a reference string of the user's.
    pub srs_sha256: Option<String>,
    /// SHA-256 of the user's model as it is proved: of the ONNX file, with what it leaves open filled in and the output in the form
    /// that is asked for.
    pub onnx_sha256: Option<String>,
    /// Sizes that the user gave to what the ONNX file leaves open.
    #[serde(default, skip_serializing_if = "Dimensions::is_empty")]
    pub dimensions: Dimensions,
    /// Which form of the ONNX file's output is proved.
    #[serde(default, skip_serializing_if = "OutputForm::is_model")]
    pub output: OutputForm,
    /// How far the values of a user's model reach, for which a committed circuit's scale factors are chosen; absent where they
    /// follow from the input's range alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_factors: Option<ScaleFactors>,
    /// What evmbench chose for a committed circuit where the plan leaves it open; absent where nothing was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Chosen>,
    /// SHA-256 of the file with the weights, the user's or the trained ones that evmbench comes with.
    pub weights_sha256: Option<String>,
    /// SHA-256 of the user's input file.
    pub input_sha256: Option<String>,
    /// Number of CIFAR-10's test image that a CNN looks at, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
    /// Where the model is split, and which part of it this is; absent where all of it is proved at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PartRequest>,
}

/// One part of a model that is proved in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartRequest {
    /// Where the model is split.
    pub split: Split,
    /// Which part it is, from 0.
    pub index: usize,
}

impl std::fmt::Display for PartRequest {
    /// `part 1 of 4`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "part {} of {}", self.index + 1, self.split.parts())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_plain(verifier: &VerifierKind) -> bool {
    *verifier == VerifierKind::Plain
}

fn default_optimizer_runs() -> u64 {
    DEFAULT_OPTIMIZER_RUNS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_default_optimizer_runs(runs: &u64) -> bool {
    *runs == DEFAULT_OPTIMIZER_RUNS
}

/// The suite of a user's ONNX file.
pub const ONNX_SUITE: &str = "onnx";

impl Request {
    /// A request about a user's ONNX file, with every default. `Subject::from_onnx` names it after its file.
    pub fn of_file(plan: CircuitPlan) -> Self {
        Self::new("model", ONNX_SUITE, plan)
    }

    /// A request with every default.
    ///
    /// # Panics
    /// Where id or suite is no [`FileName`].
    pub fn new(id: impl Into<String>, suite: impl Into<String>, plan: CircuitPlan) -> Self {
        let name = |name: String| FileName::new(name).expect("a model's and a suite's name are files' names");
        Self {
            id: name(id.into()),
            suite: name(suite.into()),
            plan,
            verifier: VerifierKind::default(),
            optimizer_runs: DEFAULT_OPTIMIZER_RUNS,
            runs: DEFAULT_RUNS,
            warmup: 0,
            seed: DEFAULT_SEED,
            input_seed: None,
            fork: Fork::default(),
            timeout_seconds: DEFAULT_TIMEOUT.as_secs(),
            memory_limit_bytes: None,
            threads: None,
            srs_sha256: None,
            onnx_sha256: None,
            dimensions: Dimensions::new(),
            output: OutputForm::default(),
            scale_factors: None,
            chosen: None,
            weights_sha256: None,
            input_sha256: None,
            sample: None,
            part: None,
        }
    }

    /// Whether the model is an ONNX file that evmbench does not come with: a user's, or a network with public weights.
    pub fn is_of_file(&self) -> bool {
        self.onnx_sha256.is_some()
    }

    /// How far the model's values reach, where scale factors are chosen for that.
    pub fn reach(&self) -> &Reach {
        const NOTHING: &Reach = &Reach::NOTHING;
        self.scale_factors
            .as_ref()
            .map_or(NOTHING, |factors| &factors.reach)
    }

    /// What is asked of a committed circuit, with what was chosen where that is left open; none where it is another's.
    pub fn committed_plan(&self) -> Option<CommittedPlan> {
        Some(self.plan.as_committed()?.as_chosen(self.chosen))
    }

    /// What a committed circuit's integers hang on besides model and scale; none where it is another's.
    pub fn integer_choices(&self) -> Option<IntegerChoices> {
        let plan = self.committed_plan()?;
        Some(IntegerChoices {
            digit_bits: plan.digit_bits(),
            roundings: plan.roundings(),
            reach: self.reach().clone(),
        })
    }

    /// The request without what only bounds a run (memory, time for a phase, threads), and without what was chosen for it. Requests
    /// that are equal without it ask for the same experiment.
    #[must_use]
    pub fn experiment(&self) -> Self {
        Self {
            timeout_seconds: DEFAULT_TIMEOUT.as_secs(),
            memory_limit_bytes: None,
            threads: None,
            chosen: None,
            // A user's record is named after them.
            scale_factors: self
                .scale_factors
                .clone()
                .filter(|factors| self.suite.as_str() == ONNX_SUITE || factors.basis != Basis::Drawn),
            ..self.clone()
        }
    }

    /// The name of the record's file: id, scale, circuit, part where it is one, and a short digest of whatever of the
    /// [experiment](Self::experiment) differs from the defaults. The weights that evmbench comes with are a default: after another
    /// training, a run takes the place of the one before.
    ///
    /// # Panics
    /// Never: a request is plain data, which serialises.
    pub fn name(&self) -> String {
        let mut base = format!("{}-s{}-{}", self.id, self.plan.scale(), self.plan.kind());
        if let Some(PartRequest { split, index }) = &self.part {
            base += &format!("-part{}of{}", index + 1, split.parts());
        }
        let plan = match self.plan.kind() {
            CircuitKind::Study => CircuitPlan::study(self.plan.scale()),
            CircuitKind::Direct => CircuitPlan::direct(self.plan.scale()),
            CircuitKind::Committed => CircuitPlan::committed(self.plan.scale(), Io::default_for(&self.suite)),
        };
        let default = Self::new(self.id.clone(), self.suite.clone(), plan.unwrap_or(self.plan));
        let mut named = self.experiment();
        if named.weights_sha256.is_some()
            && named.weights_sha256.as_deref() == weights::default_sha256(&self.id)
        {
            named.weights_sha256 = None;
        }
        if named == default {
            return base;
        }
        // Field order is fixed by the type, so equal requests have equal text.
        let text = serde_json::to_string(&named).expect("a request is plain data");
        format!("{base}-{}", &sha256_hex(text.as_bytes())[..8])
    }

    /// The request, if its numbers are ones that can be asked for.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn in_range(&self) -> Result<(), String> {
        match &self.part {
            Some(PartRequest { split, index }) if split.tiles == 0 || *index >= split.parts() => {
                Err(format!("part {index} of {} parts cannot be", split.parts()))
            }
            _ => Ok(()),
        }
    }

    /// Seed of the input, where it is drawn.
    pub fn input_seed(&self) -> u64 {
        self.input_seed.unwrap_or(self.seed)
    }

    /// [`Self::name`], as a part of a path.
    ///
    /// # Panics
    /// Never: what is added to the id, which is a file's name, has nothing that a file's name may not have.
    pub fn file_name(&self) -> FileName {
        FileName::new(self.name()).expect("it starts with a file's name")
    }
}

/// The model that was proved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// What it computes, for people.
    pub description: String,
    /// Shape of each graph input.
    pub input_shapes: Vec<Vec<usize>>,
    /// Shape of each graph output.
    pub output_shapes: Vec<Vec<usize>>,
    /// Stored constants; absent where the typed graph does not cover the file.
    pub parameters: Option<u64>,
    /// Multiplications of a value with a weight; absent likewise.
    pub multiply_adds: Option<u64>,
    /// SHA-256 of the ONNX bytes.
    pub onnx_sha256: String,
    /// Where the weights come from.
    pub weights: Source,
    /// Nodes of a user's file that the typed graph, and with it a committed circuit, does not cover.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered: Vec<Uncovered>,
}

/// The input that was proved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Input {
    /// Where it comes from.
    pub source: Source,
    /// SHA-256 of its elements as little-endian `f32`, all inputs one after the other.
    pub sha256: String,
    /// Least and greatest element.
    pub range: [f32; 2],
}

/// Where numbers come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// Drawn from a seed.
    Seeded {
        /// The seed.
        seed: u64,
    },
    /// Read from a file.
    File {
        /// The file's SHA-256.
        sha256: String,
    },
    /// Trained: the weights that evmbench comes with.
    Trained {
        /// SHA-256 of the file in `models/`.
        sha256: String,
    },
    /// What an earlier part of the model reads or makes.
    Part {
        /// Which part, from 0.
        part: usize,
        /// Which of its tensors.
        tensor: SharedTensor,
    },
    /// An image of CIFAR-10's test set.
    TestImage {
        /// Its number, from 0.
        number: usize,
        /// The class that it is labelled with.
        class: String,
    },
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seeded { seed } => write!(f, "seed {seed}"),
            Self::File { sha256 } => f.write_str(sha256),
            Self::Trained { sha256 } => write!(f, "trained, {sha256}"),
            Self::Part { part, tensor } => match tensor {
                SharedTensor::Input => write!(f, "input of part {}", part + 1),
                SharedTensor::Output => write!(f, "output of part {}", part + 1),
            },
            Self::TestImage { number, class } => write!(f, "test image {number} ({class})"),
        }
    }
}

/// All parts of a model, verified in one transaction by a contract that takes the whole set and nothing less.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartSet {
    /// Names of the parts' records, which stand beside this one, in order.
    pub parts: Vec<FileName>,
    /// What the contract costs, and what it turns away.
    pub measurement: LinkedMeasurement,
}

/// Several proofs of one circuit, verified in one transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProofBatch {
    /// Names of the proofs' records, which stand beside this one, in order.
    pub members: Vec<FileName>,
    /// What the contracts cost, and what they turn away.
    pub measurement: BatchMeasurement,
}

/// The circuit's size and scales.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Circuit {
    /// Rows that the circuit uses.
    pub rows: u64,
    /// k, where the circuit has 2^k rows in all.
    pub logrows: u32,
    /// Cells that it assigns.
    pub cells: u64,
    /// Its columns; absent where no verifier was generated.
    pub columns: Option<VerifierShape>,
    /// The scale that inputs were asked for and parameters with them.
    pub requested_scale: u32,
    /// The scale that inputs came out at.
    pub input_scale: i32,
    /// The scale that parameters came out at.
    pub param_scale: i32,
    /// Each graph output's scale.
    pub output_scales: Vec<i32>,
    /// By how much a scale may exceed the input's before EZKL rescales.
    pub scale_rebase_multiplier: u32,
    /// EZKL's settings file as it resolved it.
    pub settings: serde_json::Value,
}

/// How a model was written as a committed circuit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lowering {
    /// Who assures that the input's integers are in range.
    pub input_assurance: InputAssurance,
    /// Elements of each committed tensor.
    pub committed_elements: CommittedSizes,
    /// Integers that make 1 of the model's output.
    pub output_unit: f64,
    /// What the integers of the input and of each layer can be.
    pub layers: Vec<LayerBounds>,
    /// What the circuit was laid out with, and what EZKL made of it; absent in records of schema 5 and before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<LayoutCounts>,
}

/// How much a committed circuit was laid out with, and how much EZKL counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayoutCounts {
    /// Least and greatest entry of its tables; none where nothing is looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<Interval>,
    /// What it looks up, by table.
    pub lookups: Vec<Lookups>,
    /// What the verifying key looks up: the same. Absent where there is no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_lookups: Option<Vec<Lookups>>,
    /// Cells that the circuit takes, committed tensors apart.
    pub cells: u64,
    /// Cells that EZKL counted when it laid the circuit out: as many. Absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_cells: Option<u64>,
}

/// Keys, by size, and what they rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Keys {
    /// The proving key, in bytes.
    pub proving_key_bytes: Option<u64>,
    /// The verifying key, in bytes.
    pub verifying_key_bytes: u64,
    /// SHA-256 of the verifying key's file.
    pub verifying_key_sha256: String,
    /// The reference string.
    pub srs: SrsIdentity,
    /// Whether circuit and keys were taken from the cache, with the times of the run that made them.
    pub reused: bool,
}

/// The first counted proof: its sizes, each under its own name, and EZKL's own verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// The proof alone, in bytes.
    pub proof_bytes: u64,
    /// Public values, 32 bytes each.
    pub instances: u64,
    /// The canonical call of `verifyProof`, in bytes; with a reusable verifier it holds the key artifact, too.
    pub calldata_bytes: u64,
    /// Whether EZKL's own verifier accepts it.
    pub natively_verified: bool,
}

/// How the circuit's outputs stand to both references.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Numerics {
    /// Against the exact integer reference of the quantised graph.
    pub integer: IntegerCheck,
    /// Largest distance of an output from the float reference.
    pub max_absolute_error: Option<f64>,
    /// Mean distance of the outputs from the float reference.
    pub mean_absolute_error: Option<f64>,
    /// Largest magnitude of an output of the float reference.
    pub max_magnitude: Option<f64>,
    /// The float reference's greatest output less its least; where all are the same, their magnitude. Absent in records of
    /// schema 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_range: Option<f64>,
    /// The same of each graph output, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputError>,
}

/// How one graph output stands to the float reference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutputError {
    /// Largest distance of an element from the float reference.
    pub max_absolute_error: f64,
    /// The float reference's greatest element less its least; where all are the same, their magnitude.
    pub output_range: f64,
}

impl OutputError {
    /// None where an element is no number, or where there are more or fewer.
    fn beside(values: &[f64], reference: &[f64]) -> Option<Self> {
        let pairs = values.iter().zip(reference);
        let mut errors = pairs.map(|(value, reference)| (value - reference).abs());
        let error = errors.try_fold(0.0, |greatest: f64, error| {
            error.is_finite().then(|| greatest.max(error))
        });
        Some(Self {
            max_absolute_error: error.filter(|_| values.len() == reference.len())?,
            output_range: function::output_range(reference),
        })
    }

    /// Whether it is beyond [`GREATEST_ERROR`].
    fn is_coarse(&self) -> bool {
        self.max_absolute_error > GREATEST_ERROR * self.output_range
    }
}

impl Numerics {
    /// Without a float reference.
    pub fn of(integer: IntegerCheck) -> Self {
        Self {
            integer,
            max_absolute_error: None,
            mean_absolute_error: None,
            max_magnitude: None,
            output_range: None,
            outputs: Vec::new(),
        }
    }

    /// With the elements of each output and the float reference's. None where one of them is no number, or where there are more
    /// or fewer.
    pub fn beside(integer: IntegerCheck, values: &[Vec<f64>], reference: &[Vec<f32>]) -> Option<Self> {
        let reference: Vec<Vec<f64>> = reference
            .iter()
            .map(|elements| elements.iter().map(|&x| f64::from(x)).collect())
            .collect();
        if values.len() != reference.len() {
            return None;
        }
        let outputs: Option<Vec<OutputError>> = values
            .iter()
            .zip(&reference)
            .map(|(values, reference)| OutputError::beside(values, reference))
            .collect();
        let outputs = outputs?;
        let (values, reference) = (values.concat(), reference.concat());
        let all = OutputError::beside(&values, &reference)?;
        let errors = values.iter().zip(&reference).map(|(x, y)| (x - y).abs());
        Some(Self {
            max_absolute_error: Some(all.max_absolute_error),
            mean_absolute_error: Some(errors.sum::<f64>() / values.len() as f64),
            max_magnitude: Some(reference.iter().map(|x| x.abs()).fold(0.0, f64::max)),
            output_range: Some(all.output_range),
            outputs: if outputs.len() > 1 { outputs } else { Vec::new() },
            ..Self::of(integer)
        })
    }

    /// The output that stands worst to the float reference; all of them where they were not told apart. None without a
    /// float reference, and in records of schema 5.
    pub fn worst(&self) -> Option<OutputError> {
        let part = |output: &OutputError| output.max_absolute_error / output.output_range;
        let worst = self.outputs.iter().copied();
        let worst = worst.max_by(|a, b| {
            let coarse = a.is_coarse().cmp(&b.is_coarse());
            coarse.then(part(a).total_cmp(&part(b)))
        });
        worst.or(Some(OutputError {
            max_absolute_error: self.max_absolute_error?,
            output_range: self.output_range?,
        }))
    }

    /// The outcome where an output is too coarse to be the model's, in whatever exact way the circuit computes it. A range that
    /// was not recorded is at most twice the greatest magnitude.
    pub fn finding(&self) -> Option<Outcome> {
        let at_most = || {
            Some(OutputError {
                max_absolute_error: self.max_absolute_error?,
                output_range: 2.0 * self.max_magnitude?,
            })
        };
        let worst = self.worst().or_else(at_most).filter(OutputError::is_coarse)?;
        Some(Outcome::Imprecise {
            max_error: Some(worst.max_absolute_error),
            tolerance: Some(GREATEST_ERROR * worst.output_range),
            output_range: Some(worst.output_range),
        })
    }
}

/// The exact comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum IntegerCheck {
    /// Every output, and every public instance that shows an input or output, equals the reference.
    Exact {
        /// Outputs compared.
        outputs: u64,
        /// Public instances compared; 0 where none shows a tensor.
        instances: u64,
    },
    /// The reference does not cover the model.
    NotCovered {
        /// Operators that it does not know.
        operators: Vec<String>,
    },
}

/// The compiled verifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verifier {
    /// The generated Solidity source, in bytes.
    pub source_bytes: u64,
    /// Creation code, in bytes.
    pub creation_code_bytes: u64,
    /// Runtime code, in bytes.
    pub runtime_code_bytes: u64,
    /// Keccak-256 of the runtime code.
    #[schemars(with = "String")]
    pub runtime_code_hash: B256,
    /// How it was compiled.
    pub solc: SolcSettings,
}

/// What the published study measured; its memory and proof file sizes are not comparable and left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Study {
    /// How far it came.
    pub outcome: String,
    /// Rows that its circuit used.
    pub rows: Option<u64>,
    /// The proving key, in bytes.
    pub proving_key_bytes: Option<u64>,
    /// The verifying key, in bytes.
    pub verifying_key_bytes: Option<u64>,
    /// Set-up, in seconds, on its 14 cores.
    pub setup_seconds: Option<f64>,
    /// Mean time of a proof, in seconds, likewise.
    pub prove_seconds: Option<f64>,
}

impl Record {
    /// The rules that deployment, registration or verification breaks.
    pub fn broken_rules(&self) -> impl Iterator<Item = &BrokenRule> {
        let deployment = self.deployment.iter().map(|deployment| &deployment.rules_broken);
        let registration = self
            .registration
            .iter()
            .map(|registration| &registration.call.rules_broken);
        let verification = self
            .verification
            .iter()
            .map(|verification| &verification.rules_broken);
        deployment.chain(registration).chain(verification).flatten()
    }

    /// How deployment and verification stand under each fork that they were tried under, oldest first.
    pub fn fits(&self) -> Vec<Fit<'_>> {
        let headline = self.deployment.as_ref().zip(self.verification.as_ref());
        let headline = headline.map(|(deployment, verification)| Fit {
            deployment,
            registration: self.registration.as_ref(),
            verification,
        });
        let mut fits: Vec<_> = headline
            .into_iter()
            .chain(self.other_forks.iter().map(UnderFork::fit))
            .collect();
        fits.sort_by_key(Fit::fork);
        fits
    }

    /// The outcome and the limits that deployment or verification is over, for people.
    pub fn outcome_and_limits(&self) -> String {
        let mut rules: Vec<String> = self
            .broken_rules()
            .map(|broken| broken.rule.to_string())
            .collect();
        rules.dedup();
        if rules.is_empty() {
            return self.outcome.to_string();
        }
        format!("{}, over the limit of {}", self.outcome, rules.join(", "))
    }

    /// The greatest error that was seen of an output: of the proved input's, or, where that is greater, of all inputs that
    /// the circuit was judged on.
    pub fn greatest_error(&self) -> Option<f64> {
        let proved = self
            .numerics
            .as_ref()
            .and_then(|numerics| numerics.max_absolute_error);
        let judged = self.function.as_ref().and_then(|check| check.max_error);
        proved.into_iter().chain(judged).reduce(f64::max)
    }

    /// The range of the outputs that it is to be seen beside.
    pub fn output_range(&self) -> Option<f64> {
        let proved = self.numerics.as_ref().and_then(|numerics| numerics.output_range);
        let judged = self.function.as_ref().map(|check| check.output_range);
        judged.or(proved)
    }

    /// Times inside EZKL's call of one phase's counted processes, in seconds.
    pub fn call_seconds(&self, phase: Phase) -> Vec<f64> {
        self.counted(phase)
            .filter_map(|measurement| measurement.call_seconds)
            .collect()
    }

    /// Peak resident set of each of one phase's counted processes, in bytes.
    pub fn peak_rss_samples(&self, phase: Phase) -> Vec<u64> {
        self.counted(phase)
            .filter_map(|measurement| measurement.peak_rss_bytes)
            .collect()
    }

    /// The largest of [`Self::peak_rss_samples`].
    pub fn peak_rss_bytes(&self, phase: Phase) -> Option<u64> {
        self.peak_rss_samples(phase).into_iter().max()
    }

    /// Mean of [`Self::call_seconds`].
    pub fn mean_call_seconds(&self, phase: Phase) -> Option<f64> {
        let samples = self.call_seconds(phase);
        (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / samples.len() as f64)
    }

    /// Time inside EZKL's calls in this run, warm-ups included and cached phases not, in seconds.
    pub fn measured_call_seconds(&self) -> f64 {
        let measured = self
            .phases
            .iter()
            .filter(|measurement| measurement.source != PhaseSource::Cached);
        measured.filter_map(|measurement| measurement.call_seconds).sum()
    }

    fn counted(&self, phase: Phase) -> impl Iterator<Item = &PhaseMeasurement> {
        self.phases.iter().filter(move |measurement| {
            measurement.phase == phase && measurement.source != PhaseSource::WarmUp
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Visibility;

    fn request() -> Request {
        Request::new("relu", "core", CircuitPlan::direct(7).unwrap())
    }

    #[test]
    fn a_request_with_every_default_has_a_plain_name() {
        assert_eq!(request().name(), "relu-s7-direct");
        let study = Request {
            plan: CircuitPlan::study(10).unwrap(),
            ..request()
        };
        assert_eq!(study.name(), "relu-s10-study");
    }

    #[test]
    fn whatever_differs_from_the_defaults_gives_another_name() {
        let private = request()
            .plan
            .with_visibilities(Some(Visibility::Private), None, None)
            .unwrap();
        let variants = [
            Request {
                verifier: VerifierKind::Reusable,
                ..request()
            },
            Request {
                optimizer_runs: 1,
                ..request()
            },
            Request { runs: 1, ..request() },
            Request {
                warmup: 1,
                ..request()
            },
            Request { seed: 1, ..request() },
            Request {
                fork: Fork::Prague,
                ..request()
            },
            Request {
                srs_sha256: Some("00".to_owned()),
                ..request()
            },
            Request {
                onnx_sha256: Some("00".to_owned()),
                ..request()
            },
            Request {
                weights_sha256: Some("00".to_owned()),
                ..request()
            },
            Request {
                input_sha256: Some("00".to_owned()),
                ..request()
            },
            Request {
                plan: private,
                ..request()
            },
        ];
        let mut names: Vec<String> = variants.iter().map(Request::name).collect();
        assert!(names.iter().all(|name| name.starts_with("relu-s7-direct-")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), variants.len());
    }

    /// What only bounds a run makes no other experiment of it, be the rest of the request the default or not.
    #[test]
    fn bounds_of_a_run_give_no_other_name() {
        for of in [request(), Request { runs: 1, ..request() }] {
            let bounded = [
                Request {
                    timeout_seconds: 1,
                    ..of.clone()
                },
                Request {
                    memory_limit_bytes: Some(1),
                    ..of.clone()
                },
                Request {
                    threads: Some(1),
                    ..of.clone()
                },
            ];
            for bounded in bounded {
                assert_ne!(bounded, of);
                assert_eq!(bounded.name(), of.name());
                assert_eq!(bounded.experiment(), of);
            }
        }
    }

    /// The digest in a name is over the request's JSON: fields that came later must not show in it.
    #[test]
    fn names_of_older_records_stay() {
        let study = Request {
            runs: 1,
            ..Request::new("relu", "core", CircuitPlan::study(10).unwrap())
        };
        assert_eq!(study.name(), "relu-s10-study-dc733b22");
        let json = serde_json::to_value(&study).unwrap();
        assert_eq!(serde_json::from_value::<Request>(json.clone()).unwrap(), study);
        assert!(json.get("verifier").is_none() && json.get("optimizer_runs").is_none());
        let reusable = Request {
            verifier: VerifierKind::Reusable,
            optimizer_runs: 1,
            ..study
        };
        let json = serde_json::to_value(&reusable).unwrap();
        assert_eq!(serde_json::from_value::<Request>(json).unwrap(), reusable);
    }

    fn beside(values: &[&[f64]], reference: &[&[f32]]) -> Option<Numerics> {
        let integer = IntegerCheck::NotCovered {
            operators: Vec::new(),
        };
        let values: Vec<Vec<f64>> = values.iter().map(|values| values.to_vec()).collect();
        let reference: Vec<Vec<f32>> = reference.iter().map(|elements| elements.to_vec()).collect();
        Numerics::beside(integer, &values, &reference)
    }

    /// Of several outputs each is seen beside its own range; of one nothing more is written than before.
    #[test]
    fn an_output_does_not_hide_behind_another() {
        let (large, small): (&[f64], &[f64]) = (&[-1000.0, 1000.0], &[0.0, 0.0]);
        let numerics = beside(&[large, small], &[&[-1000.0, 1000.0], &[0.0, 0.5]]).unwrap();
        assert_eq!(numerics.output_range, Some(2000.0));
        let ranges: Vec<f64> = numerics
            .outputs
            .iter()
            .map(|output| output.output_range)
            .collect();
        assert_eq!(ranges, [2000.0, 0.5]);
        let Some(Outcome::Imprecise {
            max_error, tolerance, ..
        }) = numerics.finding()
        else {
            panic!("{numerics:?}");
        };
        assert_eq!((max_error, tolerance), (Some(0.5), Some(0.05)));

        let one = beside(&[large], &[&[-1000.0, 999.0]]).unwrap();
        assert_eq!((one.finding(), one.mean_absolute_error), (None, Some(0.5)));
        assert!(serde_json::to_value(&one).unwrap().get("outputs").is_none());
        assert_eq!(beside(&[&[f64::NAN]], &[&[1.0]]), None);
        assert_eq!(beside(&[&[1.0, 2.0], &[3.0]], &[&[1.0], &[2.0, 3.0]]), None);
    }

    #[test]
    fn only_findings_are_conclusive() {
        let is_final = |outcome: &Outcome| outcome.is_final_for(Some(1 << 30), 60);
        assert!(is_final(&Outcome::Verified));
        let failed = Outcome::Failed {
            step: "prove".to_owned(),
            message: "x".to_owned(),
        };
        assert!(!is_final(&failed));
        let not_attempted = Outcome::NotAttempted {
            forecast: "x".to_owned(),
        };
        let environment = Outcome::Environment {
            step: "prove".to_owned(),
            reason: "x".to_owned(),
        };
        for outcome in [not_attempted, environment] {
            assert!(!is_final(&outcome), "{outcome}");
        }
    }

    /// What ended at a limit is tried again with more, and not with as much or less.
    #[test]
    fn what_ended_at_a_limit_is_final_for_runs_that_have_no_more() {
        let phase = Phase::Setup;
        let memory = Outcome::OutOfMemory {
            phase,
            limit_bytes: 1 << 30,
        };
        for (cap, is_final) in [
            (Some(1 << 29), true),
            (Some(1 << 30), true),
            (Some((1 << 30) + 1), false),
            (None, false),
        ] {
            assert_eq!(memory.is_final_for(cap, 1), is_final, "{cap:?}");
        }
        let time = Outcome::TimedOut {
            phase,
            limit_seconds: 60,
        };
        for (timeout, is_final) in [(59, true), (60, true), (61, false)] {
            assert_eq!(time.is_final_for(Some(u64::MAX), timeout), is_final, "{timeout}");
        }
    }

    /// A dependency reads numbers as text where a type is tagged; outcomes must survive that.
    #[test]
    fn outcomes_are_read_back() {
        let outcomes = [
            Outcome::Verified,
            Outcome::Rejected {
                why: "reverted".to_owned(),
            },
            Outcome::Unsound {
                control: "byte 3".to_owned(),
            },
            Outcome::WrongFunction {
                max_error: Some(0.4321),
                tolerance: None,
            },
            Outcome::Imprecise {
                max_error: Some(0.25),
                tolerance: Some(1e-9),
                output_range: Some(3.0),
            },
            Outcome::OutOfMemory {
                phase: Phase::Prove,
                limit_bytes: 1 << 40,
            },
            Outcome::TimedOut {
                phase: Phase::Setup,
                limit_seconds: 7200,
            },
            Outcome::Failed {
                step: "witness".to_owned(),
                message: "two\nlines".to_owned(),
            },
            Outcome::NotAttempted {
                forecast: "33 GB".to_owned(),
            },
            Outcome::Environment {
                step: "prove".to_owned(),
                reason: "the disk is full: free\nsome space".to_owned(),
            },
        ];
        for outcome in outcomes {
            let text = serde_json::to_string(&outcome).unwrap();
            assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
            assert!(!outcome.to_string().contains('\n'));
        }
    }
}
