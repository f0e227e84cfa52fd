//! The quantities that are fitted: what each is a sum of, and what a sample measured.
//!
//! Everything that follows exactly from a circuit's columns is in `size`; what is here depends on solc, on the EVM's
//! instructions between the precompiles, on an allocator, or on a processor. Terms are counts or bytes that grow with the
//! quantity, by how halo2 and the generated verifier work.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use evmbench_evm::chain::Fork;
use evmbench_ezkl::{CircuitSettings, CircuitShape, LookupArgument, VerifierShape};

use super::batch_sample::{BatchGas, BatchSample};
use super::fit::{Point, Term};
use super::sample::{ForkGas, Sample};
use super::size;

/// Words of memory that a generated verifier touches beside its key's points and two for each public value.
const OTHER_MEMORY_WORDS: u64 = 150;

/// Bytes of a field element in memory, as in a file.
const ELEMENT_BYTES: f64 = 32.0;

/// The largest piece that glibc takes from its heap, where pieces given back leave gaps; larger ones are mapped, and go back
/// to the system at once (`DEFAULT_MMAP_THRESHOLD_MAX`).
const LARGEST_HEAP_BYTES: f64 = 33_554_432.0;

/// What is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Quantity {
    /// Bytes of a plain verifier's runtime code, with solc's default options.
    RuntimeCode,
    /// Zero bytes of its creation code.
    CreationZeroBytes,
    /// Gas of a deployment's execution.
    Deployment(Fork),
    /// Gas of the state that it makes, where a fork prices that apart.
    DeploymentState(Fork),
    /// Gas of a verification's execution, less that of memory.
    Verification(Fork),
    /// Gas of the batch contract's execution that hangs on no proof: the key's commitments and the pairing.
    BatchOnce(Fork),
    /// The same for each proof.
    BatchProof(Fork),
    /// Peak resident set of set-up, in bytes.
    SetupPeak,
    /// The same of a proof.
    ProvePeak,
    /// Processor time of set-up, in seconds.
    SetupCpu,
    /// The same of a proof.
    ProveCpu,
}

impl Quantity {
    /// All of them.
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![
            Self::RuntimeCode,
            Self::CreationZeroBytes,
            Self::SetupPeak,
            Self::ProvePeak,
            Self::SetupCpu,
            Self::ProveCpu,
        ];
        for fork in Fork::ALL {
            all.extend([
                Self::Deployment(fork),
                Self::DeploymentState(fork),
                Self::Verification(fork),
                Self::BatchOnce(fork),
                Self::BatchProof(fork),
            ]);
        }
        all
    }

    /// What it is a sum of. `code_bytes` is the runtime code, measured or forecast.
    pub(super) fn terms(self, shape: &CircuitShape, code_bytes: u64) -> Vec<Term> {
        let fixed = shape.likely_fixed_columns as f64;
        let permutation = shape.permutation_columns as f64;
        let arguments = shape.lookups.len() as f64;
        let products = shape.permutation_products() as f64;
        let advice = shape.advice_columns() as f64;
        let rows = shape.rows() as f64;
        let extended = shape.extension_factor() as f64;
        let extended_log = f64::from(shape.logrows + shape.extension_factor().trailing_zeros());
        let commitments = advice + products + 2.0 * arguments;
        let inputs: usize = shape.lookups.iter().map(LookupArgument::inputs).sum();
        let hash = f64::from(u8::from(shape.hashes));
        let key_bytes = size::proving_key_bytes(shape).likely as f64;
        let in_heap = ELEMENT_BYTES * rows * extended < LARGEST_HEAP_BYTES;
        match self {
            Self::RuntimeCode => vec![
                ("one", 1.0),
                ("key_commitments", fixed + permutation),
                ("proof_commitments", commitments),
                ("permutation_products", products),
                ("gate_operations", shape.gate_operations as f64),
                ("lookup_operations", shape.lookup_operations as f64),
                ("lookup_inputs", inputs as f64),
                ("hash", hash),
            ],
            Self::CreationZeroBytes | Self::Deployment(_) | Self::DeploymentState(_) => {
                vec![("one", 1.0), ("runtime_code_bytes", code_bytes as f64)]
            }
            Self::Verification(_) => [
                ("one", 1.0),
                (
                    "commitments",
                    commitments + fixed + permutation + shape.degree as f64,
                ),
            ]
            .into_iter()
            .chain(evaluated(shape))
            .chain([("hash", hash)])
            .collect(),
            Self::BatchOnce(_) => vec![
                ("one", 1.0),
                (
                    "key_commitments",
                    fixed + permutation - shape.unused_columns as f64,
                ),
                (
                    "proof_words",
                    size::proof_bytes(shape).likely as f64 / ELEMENT_BYTES,
                ),
            ],
            Self::BatchProof(_) => [("one", 1.0), ("commitments", commitments + shape.degree as f64)]
                .into_iter()
                .chain(evaluated(shape))
                .collect(),
            Self::SetupPeak => vec![
                ("process", 1e6),
                ("key_bytes", key_bytes),
                ("key_bytes_in_heap", if in_heap { key_bytes } else { 0.0 }),
                ("permutation_columns", ELEMENT_BYTES * rows * permutation),
                (
                    "permutation_columns_extended",
                    ELEMENT_BYTES * rows * extended * permutation,
                ),
            ],
            Self::ProvePeak => vec![
                ("process", 1e6),
                ("key_bytes", key_bytes),
                ("key_bytes_in_heap", if in_heap { key_bytes } else { 0.0 }),
                (
                    "advice_columns_extended",
                    ELEMENT_BYTES * rows * extended * advice,
                ),
                ("products_extended", ELEMENT_BYTES * rows * extended * products),
                (
                    "lookup_arguments_extended",
                    ELEMENT_BYTES * rows * extended * arguments,
                ),
            ],
            Self::SetupCpu => vec![
                ("process", 1.0),
                ("key_bytes", key_bytes),
                ("key_commitments", rows * (fixed + permutation)),
                ("permutation_columns_extended", rows * extended * permutation),
                ("cells", shape.cells as f64),
            ],
            Self::ProveCpu => vec![
                ("process", 1.0),
                ("rows", rows),
                ("commitments", rows * (commitments + shape.degree as f64)),
                ("products_and_lookups", rows * (commitments - advice)),
                ("transforms", rows * extended * (commitments + 1.0) * extended_log),
                ("cells", shape.cells as f64),
            ],
        }
    }

    /// What a sample measured of it; none where it did not, or where there is nothing to price.
    pub(super) fn measured(self, sample: &Sample, shape: &CircuitShape) -> Option<f64> {
        let gas = |fork: Fork| sample.gas.iter().find(|gas| gas.fork == fork);
        let of = |fork: Fork, gas_of: fn(&ForkGas) -> u64| gas(fork).map(|gas| gas_of(gas) as f64);
        let value = match self {
            Self::RuntimeCode => Some(sample.runtime_code_bytes as f64),
            Self::CreationZeroBytes => sample.creation_zero_bytes.map(|bytes| bytes as f64),
            Self::Deployment(fork) => of(fork, |gas| gas.deployment.execution_gas),
            Self::DeploymentState(fork) => of(fork, |gas| gas.deployment.state_gas),
            Self::Verification(fork) => {
                of(fork, |gas| gas.verification.execution_gas).map(|gas| gas - memory_gas(shape) as f64)
            }
            // Of these there are samples of their own.
            Self::BatchOnce(_) | Self::BatchProof(_) => None,
            Self::SetupPeak => sample.setup.peak_rss_bytes.map(|bytes| bytes as f64),
            Self::ProvePeak => sample.prove.peak_rss_bytes.map(|bytes| bytes as f64),
            Self::SetupCpu => sample.setup.cpu_seconds,
            Self::ProveCpu => sample.prove.cpu_seconds,
        };
        value.filter(|&value| value > 0.0)
    }

    /// What a batch measured of it, likewise.
    fn measured_of_batch(self, sample: &BatchSample) -> Option<f64> {
        let of = |fork: Fork, gas_of: fn(&BatchGas) -> Option<u64>| {
            let gas = sample.gas.iter().find(|gas| gas.fork == fork)?;
            Some(gas_of(gas)? as f64)
        };
        match self {
            // A specimen's key has other columns that nothing uses.
            Self::BatchOnce(fork) => of(fork, BatchGas::once).filter(|_| sample.is_committed),
            Self::BatchProof(fork) => of(fork, BatchGas::of_proof),
            _ => None,
        }
    }

    /// A sample as a fit sees it.
    pub(super) fn point(self, sample: &Sample) -> Option<Point> {
        let shape = counted_shape(&sample.settings, &sample.columns)?;
        Some(Point {
            name: sample.name.clone(),
            measured: self.measured(sample, &shape)?,
            terms: self.terms(&shape, sample.runtime_code_bytes),
        })
    }

    /// A batch as a fit sees it.
    pub(super) fn point_of_batch(self, sample: &BatchSample) -> Option<Point> {
        Some(Point {
            name: sample.name.clone(),
            measured: self.measured_of_batch(sample)?,
            terms: self.terms(&counted_shape(&sample.settings, &sample.columns)?, 0),
        })
    }
}

/// What is computed of a proof's evaluations and public values, by the verifier as by its opening.
fn evaluated(shape: &CircuitShape) -> [Term; 5] {
    let arguments = shape.lookups.len() as f64;
    let permutation = shape.permutation_columns as f64;
    let products = shape.permutation_products() as f64;
    let fixed = shape.likely_fixed_columns as f64;
    [
        ("instances", shape.instances as f64),
        (
            "evaluations",
            shape.advice_queries as f64 + fixed + permutation + 3.0 * (products + arguments),
        ),
        ("permutation_columns", permutation),
        ("lookup_arguments", arguments),
        (
            "operations",
            (shape.gate_operations + shape.lookup_operations) as f64,
        ),
    ]
}

/// The shape that these settings lay out. Its likely number of fixed columns gives way to the number that was counted, so that no
/// coefficient makes up for a wrong guess.
fn counted_shape(settings: &Value, columns: &VerifierShape) -> Option<CircuitShape> {
    let settings = CircuitSettings::parse(&settings.to_string()).ok()?;
    let mut shape = CircuitShape::of(&settings).ok()?;
    shape.likely_fixed_columns = columns.fixed_columns;
    Some(shape)
}

/// Gas of the memory that a verification touches, by the yellow paper's formula: 3 a word and a 512th of its square.
///
/// Two words for each public value hold its Lagrange polynomial's denominator and the products on the way to its inverse.
pub(super) fn memory_gas(shape: &CircuitShape) -> u64 {
    let points = shape.likely_fixed_columns + shape.permutation_columns;
    let words = 2 * shape.instances + 2 * points + OTHER_MEMORY_WORDS;
    3 * words + words * words / 512
}
