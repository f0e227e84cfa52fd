//! The list. A new figure is one entry: what it holds, its definition, and its value in a record. Entries are in the order of
//! the columns of `records.csv`.

use serde::Serialize;

use super::{Definition, Unit, Value, Words};
use crate::accuracy::Accuracy;
use crate::chain::{Cause, Controls, Fit, Fits, Fork, GasByCause, TransactionGas};
use crate::guard::GuardMeasurement;
use crate::plan::{CircuitKind, Visibility};
use crate::record::{IntegerCheck, Record};
use crate::solidity::Sharing;
use crate::statistics::{Summary, median};
use evmbench_backend::{Phase, PhaseSource};

/// Makes the type [`Metric`] of the entries. The comment above an entry is the documentation of its column; a name in
/// parentheses stands for each fork. In an entry's value, `?` ends where the run did not come so far.
macro_rules! metrics {
    (@parameter $fork:ident) => { Fork };
    (@each $metric:ident) => { vec![Self::$metric] };
    (@each $metric:ident $fork:ident) => { Fork::ALL.map(Self::$metric).to_vec() };
    ($(
        $(#[doc = $summary:literal])+
        $metric:ident $(($fork:ident))? = $definition:expr, |$record:ident| $value:expr;
    )+) => {
        /// One figure or fact of a record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Metric {
            $($(#[doc = $summary])+ $metric $((metrics!(@parameter $fork)))?,)+
        }

        impl Metric {
            /// The whole list; what depends on a fork, for each fork.
            pub fn all() -> Vec<Self> {
                [$(metrics!(@each $metric $($fork)?)),+].concat()
            }

            /// A record's value; none where the run did not come so far.
            pub fn of(self, record: &Record) -> Option<Value> {
                match self {
                    $(Self::$metric $(($fork))? => {
                        let $record = record;
                        $value
                    })+
                }
            }

            /// The entry.
            pub(super) fn definition(self) -> Definition {
                match self {
                    $(Self::$metric $(($fork))? => $definition,)+
                }
            }

            /// What the list says above the entry.
            pub(super) fn summary(self) -> &'static str {
                match self {
                    $(Self::$metric { .. } => concat!($($summary),+),)+
                }
            }
        }
    };
}

metrics! {
    /// `verified`, `rejected`, `unsound`, `out_of_memory`, `timed_out`, `failed`, `not_attempted` or `environment`.
    Status = words("outcome", "outcome"), |record| status(record);

    /// The outcome in words, with the limits of the chain that it is over.
    OutcomeAndLimits = words("details", "outcome and limits").heading("outcome"),
        |record| text(record.outcome_and_limits());

    /// How far an accepted proof can be relied on, by the ledger: `sound`, `unknown`, `limited` or `UNSOUND`.
    Level = words("proves", "proves"),
        |record| text(record.proof.as_ref().and(record.ledger.as_ref())?.level.to_string());

    /// Stored constants of the model.
    Parameters = count("parameters", "parameters"), |record| whole(record.model.parameters?);

    /// Multiplications of a value with a weight.
    MultiplyAdds = count("multiply_adds", "multiply-adds"), |record| whole(record.model.multiply_adds?);

    /// Rows that the circuit uses.
    Rows = count("rows", "rows").lower(), |record| whole(record.circuit.as_ref()?.rows);

    /// k, where the circuit has 2^k rows in all.
    Logrows = count("logrows", "2^k").lower(), |record| whole(record.circuit.as_ref()?.logrows);

    /// All rows, 2^k.
    PaddedRows = count("padded_rows", "padded rows").lower().only_in_tables(),
        |record| whole(1_u64.checked_shl(record.circuit.as_ref()?.logrows)?);

    /// Inner columns side by side; empty for a direct circuit that hashes a tensor or commits to it.
    InnerColumns = count("inner_columns", "inner columns").heading("columns").lower(),
        |record| whole(inner_columns(record)?);

    /// Cells that the circuit assigns.
    Cells = count("cells", "cells").lower(), |record| whole(record.circuit.as_ref()?.cells);

    /// The scale that inputs came out at.
    InputScale = count("input_scale", "input scale"), |record| whole(record.circuit.as_ref()?.input_scale);

    /// The proving key's file.
    ProvingKey = bytes("proving_key_bytes", "proving key"),
        |record| whole(record.keys.as_ref()?.proving_key_bytes?);

    /// The verifying key's file.
    VerifyingKey = bytes("verifying_key_bytes", "verifying key"),
        |record| whole(record.keys.as_ref()?.verifying_key_bytes);

    /// Mean time of set-up inside EZKL's call.
    SetupSeconds = seconds("setup_mean_seconds", "set-up time").heading("set-up"),
        |record| mean(record, Phase::Setup);

    /// Mean time of the witness, likewise.
    WitnessSeconds = seconds("witness_mean_seconds", "witness time").heading("witness"),
        |record| mean(record, Phase::Witness);

    /// Mean time of a proof, likewise.
    ProveSeconds = seconds("prove_mean_seconds", "proof time").heading("prove"),
        |record| mean(record, Phase::Prove);

    /// Median time of a proof, likewise.
    ProveMedian = seconds("prove_median_seconds", "median proof time").heading("prove, median"),
        |record| real(median(&record.call_seconds(Phase::Prove))?);

    /// Proofs that the run made and counted; 0 where times and memory of proving are another run's, of the same circuit, from the cache.
    ProveCount = count("prove_n", "counted proofs").heading("proofs"),
        |record| whole(proving(record).map(|_| proofs_made(record))?);

    /// Standard deviation of the proofs' times; empty for one.
    ProveDeviation = seconds("prove_deviation_seconds", "standard deviation of the proof time"),
        |record| real(proving(record)?.deviation?);

    /// Half the 95% interval of the mean by Student's t; empty below 5 proofs.
    ProveHalfInterval = seconds("prove_half_interval_seconds", "half interval of the proof time"),
        |record| real(proving(record)?.half_interval?);

    /// High-water mark of the process that made the keys.
    SetupPeak = memory("setup_peak_bytes", "peak memory of set-up").heading("set-up peak"),
        |record| whole(record.peak_rss_bytes(Phase::Setup)?);

    /// High-water mark of the proving process; the largest of all proofs.
    ProvePeak = memory("prove_peak_bytes", "peak memory of proving").heading("peak memory"),
        |record| whole(record.peak_rss_bytes(Phase::Prove)?);

    /// Most disk space that the run's own files took.
    DiskPeak = bytes("disk_peak_bytes", "disk peak"), |record| whole(record.peak_disk_bytes?);

    /// The proof alone.
    ProofSize = bytes("proof_bytes", "proof size").heading("proof"),
        |record| whole(record.proof.as_ref()?.proof_bytes);

    /// Public values, 32 bytes each.
    Instances = count("instances", "instances").lower(), |record| whole(record.proof.as_ref()?.instances);

    /// The call that verifies the proof.
    Calldata = bytes("calldata_bytes", "calldata"), |record| whole(record.proof.as_ref()?.calldata_bytes);

    /// Whether every output equals the exact integer reference: `exact` or `not covered`.
    IntegerCheck = words("integer_check", "integer check"),
        |record| text(match record.numerics.as_ref()?.integer {
            IntegerCheck::Exact { .. } => "exact",
            IntegerCheck::NotCovered { .. } => "not covered",
        });

    /// Largest distance of an output from the float model, on the input that was proved.
    ProvedError = number("proved_error", "error of the proved input").lower(),
        |record| real(record.numerics.as_ref()?.max_absolute_error?);

    /// The same on all inputs that were tried: the proved one, and those that the function was judged on where it was.
    LargestError = number("largest_error", "largest error").lower(), |record| real(record.greatest_error()?);

    /// The outputs' greatest less their least, over all inputs that they were judged on; empty where the record holds none.
    OutputRange = number("output_range", "output range"), |record| real(record.output_range()?);

    /// What the circuit's function was judged by before it was proved, on several inputs, and what came out; empty in records of an
    /// older evmbench, which judged fewer circuits, and where the circuit is another run's, from the cache.
    Function = words("function", "function"), |record| text(record.function.as_ref()?.sentence());

    /// Mean distance of the outputs from the float model.
    MeanError = number("mean_error", "mean error").lower(),
        |record| real(record.numerics.as_ref()?.mean_absolute_error?);

    /// Images of CIFAR-10's test set that the model was tried on; empty where it was not.
    TestImages = count("test_images", "images"), |record| whole(accuracy(record)?.images as u64);

    /// Images that the float model puts into their class.
    FloatCorrect = count("right_in_f32", "images right in f32").higher(),
        |record| whole(accuracy(record)?.float_correct as u64);

    /// Images that the circuit's exact integers put into their class.
    Correct = count("right_in_the_circuit", "images right in the circuit").higher(),
        |record| whole(accuracy(record)?.correct as u64);

    /// Images that both put into one class, right or wrong.
    Agreeing = count("agreeing", "agreeing images").higher(),
        |record| whole(accuracy(record)?.agreeing as u64);

    /// Largest distance of a logit of the circuit from the float model's, over all images.
    WorstLogitError = number("worst_logit_error", "worst logit error").lower(),
        |record| real(accuracy(record)?.worst_logit_error);

    /// Mean distance, likewise.
    MeanLogitError = number("mean_logit_error", "mean logit error").lower(),
        |record| real(accuracy(record)?.mean_logit_error);

    /// The verifier's code on chain.
    RuntimeCode = bytes("runtime_code_bytes", "runtime code").heading("code"),
        |record| whole(record.verifier.as_ref()?.runtime_code_bytes);

    /// What the sender of the deployment pays.
    DeploymentGas = gas("deployment_gas", "deployment gas").heading("deploy gas"),
        |record| whole(record.deployment.as_ref()?.gas.tx_gas);

    /// What registering the circuit's key with a reusable verifier costs.
    RegistrationGas = gas("registration_gas", "registration gas"),
        |record| whole(record.registration.as_ref()?.call.gas?.tx_gas);

    /// The rules that the figures of gas before the next ones are under.
    Fork = words("fork", "fork"), |record| text(record.request.fork.name());

    /// What the sender of the verifying transaction pays.
    VerificationGas = gas("verification_gas", "verification gas").heading("verify gas"),
        |record| whole(verification(record)?.tx_gas);

    /// The part of it for being a transaction with such calldata.
    VerificationIntrinsicGas = gas("verification_intrinsic_gas", "intrinsic gas of verification"),
        |record| whole(verification(record)?.intrinsic_gas);

    /// The part of it for running the verifier.
    VerificationExecutionGas = gas("verification_execution_gas", "execution gas of verification"),
        |record| whole(verification(record)?.execution_gas);

    /// What the calldata floor asks for at least.
    VerificationFloorGas = gas("verification_floor_gas", "floor gas of verification"),
        |record| whole(verification(record)?.floor_gas);

    /// Greatest less least gas over the proofs of the run: calldata has other zero bytes in each.
    VerificationGasSpread = gas("verification_gas_spread", "spread of verification gas"),
        |record| whole(record.tx_gas_samples.iter().max()? - record.tx_gas_samples.iter().min()?);

    /// Part of verification gas that calldata costs, what its floor adds included.
    CalldataShare = Definition::new("calldata_share_percent", "calldata's share of verification gas", Unit::Percent).lower(),
        |record| calldata_share(record.verification.as_ref()?.gas_by_cause.as_ref()?);

    /// What the sender pays where a guard stands in front of the verifier; of a committed circuit, the guard that derives its
    /// challenge.
    GuardedGas = gas("guarded_gas", "verification gas with the guard").heading("with guard"),
        |record| whole(guard(record)?.verification.tx_gas);

    /// Verification gas under a fork.
    GasUnder(fork) = gas(format!("{}_gas", fork.name()), format!("verification gas under {}", fork.title()))
            .holds(format!("Verification gas under {}.", fork.title())),
        |record| whole(fit(&record.fits(), fork)?.verification.gas?.tx_gas);

    /// `pool`: as any transaction; `one transaction`: needs a way to a block builder; `no`.
    FitsUnder(fork) = under_each(fork, words(format!("{}_fits", fork.name()), format!("fits {}", fork.title()))),
        |record| text(Fits::of(fit(&record.fits(), fork)?).name());

    /// Whether every negative control was rejected.
    Controls = words("controls", "controls"),
        |record| text(if record.controls.as_ref().map(Controls::passed)? { "yes" } else { "no" });

    /// Fingerprint of processor, cores, memory and system.
    Machine = words("machine", "machine"), |record| text(&record.environment.machine.fingerprint);

    /// Revision of evmbench that made the record.
    Revision = words("revision", "revision"),
        |record| text(record.environment.git_revision.as_deref()?.get(..8)?);

    /// Processors that other processes took during the run, on the mean: with more than a half, times are longer than they need be.
    OtherWork = Definition::new("other_work_processors", "other work", Unit::Real),
        |record| real(record.others?.processors());

    /// Threads that EZKL's workers were given.
    Threads = count("threads", "threads"), |record| whole(record.environment.threads as u64);

    /// Cap on each worker's data segment.
    MemoryLimit = Definition::new("memory_limit_bytes", "memory limit", Unit::Memory),
        |record| whole(record.environment.memory_limit_bytes?);

    /// Where the reference string comes from: a ceremony, a file of the user's, or `local_test`, made by one party, who could forge.
    ReferenceString = words("reference_string", "reference string"),
        |record| name_in_json(&record.keys.as_ref()?.srs.kind);

    /// EZKL's version.
    Ezkl = words("ezkl", "EZKL"), |record| text(&record.environment.ezkl_version);

    /// solc's version.
    Solc = words("solc", "solc"), |record| text(&record.environment.solc_version);

    /// When the run ended, in UTC.
    FinishedAt = words("finished_at", "finished at"), |record| text(&record.finished_at);

    /// The record's schema version.
    Schema = count("schema", "schema"), |record| whole(record.schema);

    /// How the run ended, in words.
    Outcome = words("outcome_in_words", "outcome").only_in_tables(), |record| text(record.outcome.to_string());

    /// How verifier and proof get on chain under the record's own fork.
    Fits = words("fits", "fits").only_in_tables(),
        |record| text(Fits::of(fit(&record.fits(), record.request.fork)?).name());

    /// The larger peak resident set of set-up and proving, warm-ups included.
    Peak = memory("peak_bytes", "peak memory").heading("memory").only_in_tables(), |record| whole(peak(record)?);

    /// Part of the test images that the float model puts into their class.
    FloatRight = percent("right_in_f32_percent", "right in f32").higher(),
        |record| real(100.0 * accuracy(record)?.float_part_correct());

    /// Part of the test images that the circuit's exact integers put into their class.
    Right = percent("right_in_the_circuit_percent", "right in the circuit").higher(),
        |record| real(100.0 * accuracy(record)?.part_correct());

    /// Part of the test images that both put into one class.
    Agreement = percent("agreeing_percent", "agree").higher(),
        |record| real(percentage(accuracy(record)?.agreeing, accuracy(record)?.images));

    /// Part of the test images that the circuit's exact integers put into a wrong class.
    WrongAnswers = percent("wrong_answers_percent", "wrong answers").lower(),
        |record| real(100.0 * (1.0 - accuracy(record)?.part_correct()));

    /// Test images of which EZKL's own witness was computed and found equal to the integers.
    Witnesses = count("witnesses", "EZKL's witnesses").higher().only_in_tables(),
        |record| whole(accuracy(record)?.witnesses as u64);

    /// Verification gas over the public values; of a committed circuit, whose gas is not theirs, none.
    GasOfInstance = ratio("gas_of_instance", "gas an instance").lower(), |record| match kind(record) {
        CircuitKind::Committed => None,
        CircuitKind::Study | CircuitKind::Direct => over(verification(record)?.tx_gas, record.proof.as_ref()?.instances),
    };

    /// The gas of the least transaction that an acceptance means something in: of a committed circuit, through the guard that
    /// derives its challenge, without which the verifier alone shows nothing.
    MeaningfulGas = gas("meaningful_gas", "verification gas").only_in_tables(), |record| match kind(record) {
        CircuitKind::Committed => whole(guard(record)?.verification.tx_gas),
        CircuitKind::Study | CircuitKind::Direct => whole(verification(record)?.tx_gas),
    };

    /// What running the verifier behind the guard that reads every instance costs.
    GuardedExecutionGas = gas("guarded_execution_gas", "execution gas through the guard").only_in_tables(),
        |record| whole(record.guard.as_ref()?.verification.execution_gas);

    /// What deploying the guard costs.
    GuardDeploymentGas = gas("guard_deployment_gas", "guard deployment gas").only_in_tables(),
        |record| whole(guard(record)?.deployment.tx_gas);

    /// What verifying all parts of a model in one transaction costs.
    SetGas = gas("set_gas", "gas of the whole set").only_in_tables(),
        |record| whole(record.set.as_ref()?.measurement.verification.tx_gas);

    /// The same with one pairing for all parts.
    SetOnePairingGas = gas("set_one_pairing_gas", "gas of the whole set with one pairing").only_in_tables(),
        |record| whole(record.set.as_ref()?.measurement.one_pairing.as_ref()?.verification.tx_gas);

    /// What verifying the proof with others in one transaction costs, for each of them.
    BatchGas = gas("batch_gas", "gas a proof in a batch").only_in_tables(),
        |record| batch(record, Sharing::Key);

    /// The same where the pairing alone is shared.
    BatchPairingGas = gas("batch_pairing_gas", "gas a proof in a batch that shares the pairing").only_in_tables(),
        |record| batch(record, Sharing::Pairing);

    /// What verifying the same proofs in a transaction each costs, for each of them, by the bare verifier.
    BatchApartGas = gas("batch_apart_gas", "gas a proof in a transaction of its own").only_in_tables(),
        |record| whole(record.batch.as_ref()?.measurement.bare_tx_gas_per_proof());

    /// The code that deploys the verifier.
    CreationCode = bytes("creation_code_bytes", "creation code").only_in_tables(),
        |record| whole(record.verifier.as_ref()?.creation_code_bytes);
}

fn words(id: impl Into<Words>, name: impl Into<Words>) -> Definition {
    Definition::new(id, name, Unit::Words)
}

fn count(id: &'static str, name: &'static str) -> Definition {
    Definition::new(id, name, Unit::Count)
}

fn number(id: &'static str, name: &'static str) -> Definition {
    Definition::new(id, name, Unit::Real)
}

fn gas(id: impl Into<Words>, name: impl Into<Words>) -> Definition {
    Definition::new(id, name, Unit::Gas).lower()
}

fn bytes(id: &'static str, name: &'static str) -> Definition {
    Definition::new(id, name, Unit::Bytes).lower()
}

fn memory(id: &'static str, name: &'static str) -> Definition {
    Definition::new(id, name, Unit::Memory).lower()
}

fn seconds(id: &'static str, name: &'static str) -> Definition {
    Definition::new(id, name, Unit::Seconds).lower()
}

/// It follows from two columns of `records.csv`, so that it is none.
fn percent(id: &'static str, name: &'static str) -> Definition {
    Definition::new(id, name, Unit::Percent).only_in_tables()
}

/// Likewise.
fn ratio(id: &'static str, name: &'static str) -> Definition {
    Definition::new(id, name, Unit::Ratio).only_in_tables()
}

/// What is the same for each fork is said for the first.
fn under_each(fork: Fork, definition: Definition) -> Definition {
    if fork == Fork::ALL[0] {
        definition
    } else {
        definition.holds("Likewise.")
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "as the values of the list that may be missing"
)]
fn text(text: impl Into<String>) -> Option<Value> {
    Some(Value::Words(text.into()))
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "as the values of the list that may be missing"
)]
fn whole(number: impl Into<i128>) -> Option<Value> {
    Some(Value::Whole(number.into()))
}

/// None for what is no number.
fn real(number: f64) -> Option<Value> {
    number.is_finite().then_some(Value::Real(number))
}

/// None over nothing.
fn over(number: u64, of: u64) -> Option<Value> {
    real(number as f64 / of as f64)
}

fn percentage(part: usize, of: usize) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

fn name_in_json(name: &impl Serialize) -> Option<Value> {
    let name = serde_json::to_value(name).expect("a name is plain data");
    text(name.as_str()?)
}

fn status(record: &Record) -> Option<Value> {
    let outcome = serde_json::to_value(&record.outcome).expect("an outcome is plain data");
    text(outcome["status"].as_str()?)
}

fn mean(record: &Record, phase: Phase) -> Option<Value> {
    real(record.mean_call_seconds(phase)?)
}

fn proving(record: &Record) -> Option<Summary> {
    Summary::of(&record.call_seconds(Phase::Prove))
}

/// Counted proofs of this run alone.
fn proofs_made(record: &Record) -> u64 {
    let phases = record.phases.iter();
    let made = phases.filter(|phase| phase.phase == Phase::Prove && phase.source == PhaseSource::Measured);
    made.filter(|phase| phase.call_seconds.is_some()).count() as u64
}

/// Of the advice columns, those that no committed tensor fills, three for each inner column.
fn inner_columns(record: &Record) -> Option<u64> {
    let advice = record.circuit.as_ref()?.columns.as_ref()?.advice_columns;
    let plan = record.request.plan;
    let visibilities = [
        plan.input_visibility(),
        plan.output_visibility(),
        plan.param_visibility(),
    ];
    let is_plain = |visibility| {
        matches!(
            visibility,
            Visibility::Public | Visibility::Private | Visibility::Fixed
        )
    };
    let committed = match kind(record) {
        // The challenge has a column of its own.
        CircuitKind::Committed => record.committed.as_ref()?.layout.points() + 1,
        CircuitKind::Study | CircuitKind::Direct => visibilities.into_iter().all(is_plain).then_some(0)?,
    };
    Some(advice.checked_sub(committed)? / 3)
}

fn peak(record: &Record) -> Option<u64> {
    let phases = record.phases.iter();
    let of_either = phases.filter(|phase| matches!(phase.phase, Phase::Setup | Phase::Prove));
    of_either.filter_map(|phase| phase.peak_rss_bytes).max()
}

fn accuracy(record: &Record) -> Option<&Accuracy> {
    record.accuracy.as_ref()
}

fn verification(record: &Record) -> Option<TransactionGas> {
    record.verification.as_ref()?.gas
}

fn calldata_share(causes: &GasByCause) -> Option<Value> {
    let calldata = [Cause::CalldataZero, Cause::CalldataNonzero, Cause::FloorSurcharge];
    let gas: i64 = calldata.iter().map(|&cause| causes.get(cause)).sum();
    real(100.0 * gas as f64 / causes.total() as f64)
}

fn kind(record: &Record) -> CircuitKind {
    record.request.plan.kind()
}

/// What a batch costs for each of its proofs.
fn batch(record: &Record, sharing: Sharing) -> Option<Value> {
    whole(record.batch.as_ref()?.measurement.tx_gas_per_proof(sharing)?)
}

/// The guard that an honest user puts in front of the verifier: of a committed circuit, the one that derives its challenge.
fn guard(record: &Record) -> Option<&GuardMeasurement> {
    match kind(record) {
        CircuitKind::Committed => record.committed_guard.as_ref(),
        CircuitKind::Study | CircuitKind::Direct => record.guard.as_ref(),
    }
}

fn fit<'a, 'b>(fits: &'a [Fit<'b>], fork: Fork) -> Option<&'a Fit<'b>> {
    fits.iter().find(|fit| fit.fork() == fork)
}
