//! What a run will take, said before it is made: from EZKL's settings alone, without a key.
//!
//! Goes in: [`CircuitSettings`], and where they are known the public values and how fast this machine is. Comes out:
//! [`Forecast`]: sizes of keys, proof and call, the verifier's code and gas under each fork, memory and time of set-up and
//! proof, each an interval, and how they stand to a memory budget and to the limits of each fork.
//!
//! Three steps: the columns follow from the settings ([`CircuitShape`]); `size` takes them to bytes, exactly; what solc, the
//! EVM, an allocator or a processor make of them are sums of terms (`quantity`) with coefficients that were fitted (`fit`) on
//! measured circuits ([`Sample`]) and are kept as data (`coefficients`). How fast a machine is, a [`Calibration`] says.

mod batch;
mod batch_sample;
mod calibration;
mod coefficients;
mod fit;
mod forecaster;
mod quantity;
mod sample;
mod size;

use evmbench_committed::CommittedCircuit;
use evmbench_evm::chain::{CalldataSize, Fork, Outlook};
use evmbench_ezkl::{CircuitSettings, CircuitShape, ShapeError};
pub use evmbench_schema::forecast::{
    BatchForecast, Estimate, Forecast, ForkForecast, RuleForecast, Seconds, TransactionKind, Verdict,
};

pub use batch::with_batch;
pub use batch_sample::{BatchGas, BatchSample};
pub use calibration::{Calibration, CalibrationError, Speed};
use coefficients::COEFFICIENTS;
pub use coefficients::Coefficients;
pub(crate) use forecaster::shown_zero_bytes;
pub use forecaster::{Forecaster, Gate};
use quantity::Quantity;
pub use sample::{ForkGas, ProvedSpecimen, Role, Sample, SampleError, Specimen, Work};

/// Zero bytes of a word that is a random element of the scalar field: 31 bytes are zero with probability 1/256, and the first
/// is in 1 of 49 cases, since the modulus begins with 0x30.
const ZERO_BYTES_OF_RANDOM_WORD: f64 = 31.0 / 256.0 + 1.0 / 49.0;

/// Zero bytes of a small number's word at most.
const ZERO_BYTES_OF_SMALL_WORD: u64 = 31;

/// Words of a call that are not zero but for a byte or two: two offsets and two lengths, and the selector's four bytes.
const FRAME_NONZERO_BYTES: u64 = 10;

/// Share by which solc's output differs between circuits of equal columns; no sample shows more.
const CONSTRUCTOR_BYTES: u64 = 27;

/// What the circuit with these settings will take. `public_zero_bytes` are those of the public values' words, which are
/// cheaper than others, where these are known before a proof.
///
/// # Errors
/// [`ShapeError`] where the settings lay out no circuit.
pub fn of(
    settings: &CircuitSettings,
    public_zero_bytes: Option<u64>,
    calibration: Option<&Calibration>,
) -> Result<Forecast, ShapeError> {
    with(&COEFFICIENTS, settings, public_zero_bytes, calibration)
}

/// [`of`] with other coefficients than this evmbench's.
///
/// # Errors
/// As [`of`].
pub fn with(
    coefficients: &Coefficients,
    settings: &CircuitSettings,
    public_zero_bytes: Option<u64>,
    calibration: Option<&Calibration>,
) -> Result<Forecast, ShapeError> {
    let shape = CircuitShape::of(settings)?;
    Ok(of_shape(
        coefficients,
        &shape,
        settings.rows(),
        public_zero_bytes,
        calibration,
    ))
}

/// What a committed circuit will take, without EZKL: its columns follow from the circuit.
///
/// # Errors
/// As [`of`].
pub fn of_committed(
    circuit: &CommittedCircuit,
    public_zero_bytes: Option<u64>,
    calibration: Option<&Calibration>,
) -> Result<Forecast, ShapeError> {
    let shape = CircuitShape::of_committed(circuit)?;
    let rows = shape.cells.div_ceil(circuit.inner_columns() as u64);
    Ok(of_shape(
        &COEFFICIENTS,
        &shape,
        rows,
        public_zero_bytes,
        calibration,
    ))
}

fn of_shape(
    coefficients: &Coefficients,
    shape: &CircuitShape,
    rows: u64,
    public_zero_bytes: Option<u64>,
    calibration: Option<&Calibration>,
) -> Forecast {
    let code = |quantity| coefficients.estimate(quantity, shape, 0);
    let runtime_code_bytes = code(Quantity::RuntimeCode);
    let seconds = |quantity, speed: Option<Speed>| {
        let speed = speed?;
        let (cpu_seconds, miss) = coefficients.value(quantity, shape, 0)?;
        Some(Seconds::within(
            cpu_seconds * speed.seconds_per_expected(),
            miss + speed.spread,
        ))
    };
    Forecast {
        rows,
        logrows: shape.logrows,
        advice_columns: shape.advice_columns(),
        committed_columns: shape.committed_columns.iter().sum(),
        fixed_columns: size::fixed_columns(shape),
        permutation_columns: shape.permutation_columns,
        lookup_arguments: shape.lookups.len() as u64,
        degree: shape.degree as u64,
        verifying_key_bytes: size::verifying_key_bytes(shape),
        proving_key_bytes: size::proving_key_bytes(shape),
        proof_bytes: size::proof_bytes(shape),
        instances: shape.instances,
        calldata_bytes: size::calldata_bytes(shape),
        runtime_code_bytes,
        setup_peak_bytes: code(Quantity::SetupPeak),
        prove_peak_bytes: code(Quantity::ProvePeak),
        setup_seconds: seconds(
            Quantity::SetupCpu,
            calibration.map(|calibration| calibration.setup),
        ),
        prove_seconds: seconds(
            Quantity::ProveCpu,
            calibration.map(|calibration| calibration.prove),
        ),
        forks: Fork::ALL
            .into_iter()
            .map(|fork| under(coefficients, fork, shape, runtime_code_bytes, public_zero_bytes))
            .collect(),
    }
}

/// Processor time of a proof, in seconds, on the machine that the coefficients were fitted on: what a time on any machine is a
/// multiple of. None where no time was fitted.
pub fn expected_prove_cpu_seconds(shape: &CircuitShape) -> Option<f64> {
    let (cpu_seconds, _) = COEFFICIENTS.value(Quantity::ProveCpu, shape, 0)?;
    Some(cpu_seconds)
}

/// Deployment and verification under one fork: at each end of the intervals, what the transaction would cost and need.
fn under(
    coefficients: &Coefficients,
    fork: Fork,
    shape: &CircuitShape,
    code: Estimate,
    public_zero_bytes: Option<u64>,
) -> ForkForecast {
    let zeros = public_zero_bytes.map_or_else(|| unknown_zero_bytes(shape.instances), Estimate::exact);
    let execution = coefficients
        .estimate(Quantity::Verification(fork), shape, code.likely)
        .plus(Estimate::exact(quantity::memory_gas(shape)));
    let calldata = size::calldata_bytes(shape);
    // Fewer zero bytes cost more: the dear end takes the fewest.
    let call = |bytes: u64, zero_words: u64, execution_gas: u64| {
        let proof = size::proof_bytes(shape).likely;
        let frame_zeros = bytes - proof - shape.instances * 32 - FRAME_NONZERO_BYTES;
        let zero_bytes = proof_zero_bytes(shape) + frame_zeros + zero_words;
        Outlook {
            fork,
            data: CalldataSize {
                calldata_bytes: bytes,
                zero_bytes,
                nonzero_bytes: bytes - zero_bytes,
            },
            runtime_code_bytes: None,
            execution_gas,
            state_gas: 0,
        }
        .of()
    };
    let calls = [
        call(calldata.likely, zeros.high, execution.low),
        call(calldata.likely, zeros.likely, execution.likely),
        call(calldata.likely, zeros.low, execution.high),
    ];
    let deploy = |code: u64| {
        let priced = |quantity| {
            coefficients
                .value(quantity, shape, code)
                .map_or(0.0, |(gas, _)| gas)
        };
        let zero_bytes = priced(Quantity::CreationZeroBytes).round() as u64;
        let creation_bytes = code + CONSTRUCTOR_BYTES;
        Outlook {
            fork,
            data: CalldataSize {
                calldata_bytes: creation_bytes,
                zero_bytes: zero_bytes.min(creation_bytes),
                nonzero_bytes: creation_bytes.saturating_sub(zero_bytes),
            },
            runtime_code_bytes: Some(code),
            execution_gas: priced(Quantity::Deployment(fork)).round() as u64,
            state_gas: priced(Quantity::DeploymentState(fork)).round() as u64,
        }
        .of()
    };
    let deployments = [deploy(code.low), deploy(code.likely), deploy(code.high)];
    let gas = |runs: &[(
        evmbench_evm::chain::TransactionGas,
        Vec<evmbench_evm::chain::RuleMargin>,
    ); 3]| Estimate {
        low: runs[0].0.tx_gas,
        likely: runs[1].0.tx_gas,
        high: runs[2].0.tx_gas,
    };
    let rules = [
        (TransactionKind::Deployment, &deployments),
        (TransactionKind::Verification, &calls),
    ]
    .into_iter()
    .flat_map(|(transaction, runs)| {
        // Every end of an interval has the same rules, in the same order.
        runs[1].1.iter().enumerate().map(move |(index, margin)| {
            let value = Estimate {
                low: runs[0].1[index].value,
                likely: margin.value,
                high: runs[2].1[index].value,
            };
            RuleForecast {
                transaction,
                rule: margin.rule,
                value,
                limit: margin.limit,
                verdict: value.against(margin.limit),
            }
        })
    })
    .collect();
    ForkForecast {
        fork,
        deployment_gas: gas(&deployments),
        verification_gas: gas(&calls),
        rules,
        batch: None,
    }
}

/// Zero bytes of a proof: all of it is points and field elements that look random.
fn proof_zero_bytes(shape: &CircuitShape) -> u64 {
    let words = size::proof_bytes(shape).likely as f64 / 32.0;
    (words * ZERO_BYTES_OF_RANDOM_WORD).round() as u64
}

/// Zero bytes of public values of which only the number is known: each may be a small number of either sign, and a negative
/// one is a word without zeros.
fn unknown_zero_bytes(words: u64) -> Estimate {
    Estimate {
        low: 0,
        likely: words * ZERO_BYTES_OF_SMALL_WORD / 2,
        high: words * ZERO_BYTES_OF_SMALL_WORD,
    }
}
