//! ONNX and settings → keys, proofs, verifier source. The only stage that knows EZKL.
//!
//! Goes in: a [`Job`]: an ONNX file's bytes, input values, a [`CircuitPlan`] and how many proofs to make.
//! Comes out: a [`ProverRun`]: each phase's measurement, the settings as EZKL resolved them, and either
//! [`Artifacts`] or the [`Failure`] that stopped it. A failure is data: what was measured before it is kept.
//!
//! Two provers implement [`Prover`]: [`EzklProver`] runs EZKL's wheel in worker processes, one for each phase;
//! [`RecordedProver`] replays the evidence that an earlier run left, so that later stages can be tried without EZKL. Who takes
//! either takes [`AnyProver`].

mod arguments;
mod arithmetisation;
mod circuits;
mod commitments;
mod committed;
pub mod compiled;
mod evidence;
mod ezkl;
mod instances;
mod layout;
pub mod lookups;
mod points;
mod rows;
pub mod settings;
mod shape;
mod srs;
mod toolchain;
mod worker;

use std::borrow::Cow;
use std::path::PathBuf;

use alloy_primitives::{B256, U256};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use evmbench_backend::{Provable, Recorded};
use evmbench_committed::Lookups;
use evmbench_host::hint::Hint;
use evmbench_host::trouble::Trouble;

use crate::compiled::{Compiled, Counts};

pub use evmbench_backend::{
    Failure, Observer, Phase, PhaseMeasurement, PhaseSource, Proof, Prover, RecordedError, Silent,
};

pub use circuits::{CircuitCache, DEFAULT_CACHE_LIMIT_BYTES, folder_bytes};
pub use evmbench_schema::committed::{CommitmentLayout, Committed};
pub use evmbench_schema::keys::VerifierShape;
pub use evmbench_schema::plan::{
    Chosen, CircuitKind, CircuitPlan, CommittedPlan, DEFAULT_TIMEOUT, Decomposition, DirectPlan, Io,
    MOST_SHOWN_ELEMENTS, PlanError, StudyPlan, VerifierKind, Visibility,
};

pub use arguments::{committed_options, run_args};
pub use arithmetisation::Ezkl;
pub use commitments::{
    CommitmentError, Commitments, POINT_BYTES, column_count, commitment_basis, commitment_layout,
    committed_of, complete, point_bytes,
};
pub use evidence::{
    KeyArtifactError, ProofFile, ProofFileError, count_columns, read_field_element, read_key_artifact,
};
pub use ezkl::{EzklOptions, EzklProver};
pub use instances::{InstancesError, ShownInstances};
pub use layout::{POINT_WORDS, ProofLayout, ProofSection};
pub use points::{BASE_MODULUS, ContractConstants, ContractForm, KeyFile, Point, negated_s_g2};
pub use settings::{CircuitSettings, Decompositions, SettingsError, SettingsFile, Shown, Side};
pub use shape::{CircuitShape, LookupArgument, ShapeError};
pub use srs::{
    Asked, Checked, Imported, ImportedStrings, LARGEST_FULLY_CHECKED_LOGROWS, SrsError, SrsIdentity, SrsKind,
    SrsStore, StringFile, Verified, Work, ceremony_of, check_srs_file, clear_strings, damaged_strings,
    is_published_string, published_negated_s_g2,
};
pub use toolchain::{EZKL_VERSION, Toolchain, ToolchainError};

/// What to prove.
#[derive(Debug, Clone)]
pub struct Job {
    /// A name for messages.
    pub name: String,
    /// Of what, and on what inputs.
    pub circuit: JobCircuit,
    /// How EZKL is asked to lay the circuit out.
    pub plan: CircuitPlan,
    /// Which verifier to generate.
    pub verifier: VerifierKind,
    /// Proofs to measure; at least 1.
    pub runs: usize,
    /// Proofs made first and not counted.
    pub warmup: usize,
}

/// What a job proves.
#[derive(Debug, Clone)]
pub enum JobCircuit {
    /// A model that EZKL loads, calibrates and compiles.
    Model {
        /// The ONNX file.
        onnx: Vec<u8>,
        /// One flat row-major array for each graph input, in the file's order; EZKL quantises them.
        inputs: Vec<Vec<f32>>,
    },
    /// A committed circuit, written as EZKL compiles circuits, and the tensors that it commits to.
    Committed(Box<CommittedInputs>),
}

impl Provable for Job {
    fn sha256(&self) -> String {
        self.circuit.sha256()
    }
}

impl JobCircuit {
    /// The digest of what EZKL is given: the model's file, or the compiled circuit's (hexadecimal SHA-256).
    pub fn sha256(&self) -> String {
        let bytes = match self {
            Self::Model { onnx, .. } => onnx,
            Self::Committed(inputs) => &inputs.compiled.bytes,
        };
        alloy_primitives::hex::encode(Sha256::digest(bytes))
    }
}

/// A committed circuit and its tensors.
#[derive(Debug, Clone)]
pub struct CommittedInputs {
    /// The model's input, row-major, in units.
    pub input: Vec<i128>,
    /// The model's output, likewise; empty where it is public.
    pub output: Vec<i128>,
    /// Everything else that is claimed.
    pub claims: Vec<i128>,
    /// The circuit.
    pub compiled: Compiled,
    /// What it looks up, by table.
    pub lookups: Vec<Lookups>,
}

/// What a finished run leaves.
#[derive(Debug, Clone)]
pub struct Artifacts {
    /// The proofs of the counted runs, in order; all of the same statement.
    pub proofs: Vec<Proof>,
    /// EZKL's own answer to the first proof.
    pub natively_verified: bool,
    /// The witness's outputs as integers of the field, one vector for each graph output.
    pub outputs: Vec<Vec<U256>>,
    /// The generated Solidity verifier.
    pub verifier_source: String,
    /// What a reusable verifier must be told of the circuit; none where the verifier is the circuit's own.
    pub key_artifact: Option<Vec<B256>>,
    /// What a committed circuit adds to its verifier; none for any other circuit.
    pub committed: Option<Committed>,
    /// The verifying key's bytes.
    pub verifying_key: Vec<u8>,
    /// Size of the proving key, in bytes; absent in a replay of evidence, which never holds it.
    pub proving_key_bytes: Option<u64>,
    /// Which reference string the keys rest on.
    pub srs: SrsIdentity,
    /// Columns and key shape, read from the circuit's plain verifier, which is generated for that even where it is not
    /// the one that is asked for.
    pub shape: VerifierShape,
}

impl Artifacts {
    /// Which verifier was generated.
    pub fn verifier(&self) -> VerifierKind {
        match self.key_artifact {
            None => VerifierKind::Plain,
            Some(_) => VerifierKind::Reusable,
        }
    }
}

/// What EZKL makes of a job before it proves anything, made anew.
#[derive(Debug, Clone, PartialEq)]
pub struct Reproduced {
    /// The reference string that the key rests on.
    pub srs: SrsIdentity,
    /// The verifying key's file.
    pub verifying_key: Vec<u8>,
    /// The verifier's Solidity source.
    pub verifier_source: String,
    /// The key artifact that a reusable verifier takes, word by word.
    pub key_artifact: Option<Vec<B256>>,
    /// The challenge that follows from a committed circuit's key and commitments.
    pub challenge: Option<U256>,
    /// The outputs in EZKL's witness, one word for each element.
    pub outputs: Vec<Vec<U256>>,
    /// Of a circuit that EZKL makes of a model; a committed circuit's settings are evmbench's, and its challenge says what is
    /// committed to.
    pub of_model: Option<ReproducedModel>,
}

/// What EZKL makes of a model itself, made anew.
#[derive(Debug, Clone, PartialEq)]
pub struct ReproducedModel {
    /// The settings under the run arguments that calibration ended with.
    pub settings: Value,
    /// The public values of a proof of the witness, hashes among them.
    pub instances: Vec<U256>,
    /// The commitments that such a proof holds.
    pub commitments: Vec<CommittedTensor>,
}

/// The commitments to one tensor in a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedTensor {
    /// Which point of the proof the first one is, from 0.
    pub first: usize,
    /// The points.
    pub points: Vec<Point>,
}

/// Everything that a run of the prover yields.
#[derive(Debug, Clone)]
pub struct ProverRun {
    /// Measurements in the order in which the phases ran.
    pub phases: Vec<PhaseMeasurement>,
    /// EZKL's resolved settings, as soon as there are any.
    pub settings: Option<CircuitSettings>,
    /// Cells that EZKL counted when it laid a committed circuit out; none where that is not known.
    pub counted_cells: Option<u64>,
    /// Whether compiled circuit and keys came from the cache.
    pub reused_keys: bool,
    /// Most disk space that the run's own files took at the end of any phase, in bytes.
    pub peak_disk_bytes: u64,
    /// The artifacts, or why there are none.
    pub result: Result<Artifacts, Failure>,
}

/// EZKL's worker, or a recorded run of it.
pub type AnyProver = dyn Prover<Job = Job, Settings = CircuitSettings, Run = ProverRun, Error = ProverError>;

/// A prover that replays what a run of EZKL's left.
pub type RecordedProver = Recorded<EzklProver>;

/// The prover could not do its work at all.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// A file or folder of the run could not be used.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A worker process could not be started.
    #[error("start {}: {source}", path.display())]
    Start {
        /// The interpreter.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The reference string cannot be used.
    #[error(transparent)]
    Srs(#[from] SrsError),
    /// The recorded evidence cannot be used.
    #[error(transparent)]
    Recorded(#[from] RecordedError),
    /// A file of the cache changes while it is used.
    #[error("{} changed while it was used", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// EZKL laid a committed circuit out otherwise than evmbench had counted.
    #[error("EZKL lays the circuit out with {found:?}, and evmbench counted {expected:?}")]
    Layout {
        /// What EZKL counted.
        found: Counts,
        /// What evmbench did.
        expected: Counts,
    },
    /// A worker did its work with another EZKL.
    #[error("the worker ran EZKL {found}, and circuits are written for {EZKL_VERSION}")]
    Version {
        /// The version that it ran.
        found: String,
    },
}

impl ProverError {
    /// What of the machine stood in the way; none where it was something else.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Io { source, .. } | Self::Srs(SrsError::Io { source, .. }) => Some(Trouble::of(source)),
            Self::Start { source, .. } => Some(Trouble::of_start(source)),
            Self::Srs(_)
            | Self::Damaged { .. }
            | Self::Recorded(_)
            | Self::Layout { .. }
            | Self::Version { .. } => None,
        }
    }

    /// An I/O error with what was tried.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

impl Hint for ProverError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::Unsupported => Some(
                "evmbench's cache folder must be on a file system with locks (flock): set EVMBENCH_HOME to one".into(),
            ),
            Self::Damaged { .. } => Some(
                "run it again with --resume: what was damaged is made again; if it comes again, look at the disk, and at what else writes into evmbench's cache folder".into(),
            ),
            Self::Io { .. } | Self::Start { .. } => self.trouble().map(|trouble| trouble.remedy().into()),
            Self::Recorded(_) => None,
            Self::Srs(error) => error.hint(),
            Self::Layout { .. } => {
                Some("this is a mistake in evmbench: please report it with the model".into())
            }
            Self::Version { .. } => Some("`evmbench setup` installs the version that is needed".into()),
        }
    }
}
