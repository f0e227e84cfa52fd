//! Records → the metrics of the client-side-proving benchmarks, one JSON file for each verified record.
//!
//! The fields, their units and the files' names are those of `Metrics` and `BenchProperties` in that harness
//! (<https://github.com/privacy-ethereum/csp-benchmarks>, `utils/src/bench.rs` and `utils/src/harness.rs` at 82b4eea), which reads
//! no other field. docs/report.md says what each holds here.

use std::path::PathBuf;

use serde::Serialize;

use super::data::{Dataset, Entry};
use crate::metric::Metric;
use crate::record::Outcome;
use evmbench_backend::Phase;
use evmbench_schema::plan::CircuitKind;

/// The proving system's name in that list, which is part of its files' names.
const SYSTEM: &str = "ezkl";

/// Bits of security of the pairing on BN254, on which KZG's binding rests: the number field sieve in towers leaves about 100 of
/// the 128 that the curve was chosen for (Barbulescu and Duquesne, "Updating Key Size Estimations for Pairings", Journal of
/// Cryptology 32, 2019; draft-irtf-cfrg-pairing-friendly-curves: "no more than the 100-bit security level").
const SECURITY_BITS: u64 = 100;

/// Bytes of an element of a model's input: ONNX's `float`.
const ELEMENT_BYTES: u64 = 4;

/// Whether somebody else looked for faults, in that harness's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum AuditStatus {
    /// Some of what a proof rests on: EZKL was assessed by Trail of Bits from January 2025 on, before the version used here, and
    /// evmbench was not.
    PartiallyAudited,
    /// Nothing of it: the circuit is evmbench's own.
    NotAudited,
}

/// One measurement of that harness. Durations are in nanoseconds, sizes in bytes.
#[expect(clippy::struct_excessive_bools, reason = "they are the harness's")]
#[derive(Debug, Serialize)]
struct Metrics<'a> {
    name: &'static str,
    feat: String,
    is_zkvm: bool,
    target: &'a str,
    input_size: u64,
    proof_duration: u64,
    verify_duration: u64,
    proof_size: u64,
    preprocessing_size: u64,
    num_constraints: u64,
    peak_memory: u64,
    proving_system: &'static str,
    field_curve: &'static str,
    iop: &'static str,
    pcs: &'static str,
    arithm: &'static str,
    is_zk: bool,
    security_bits: u64,
    is_pq: bool,
    is_maintained: bool,
    is_audited: AuditStatus,
}

/// Name and content of each file, in the order of the dataset. A record whose proof was not verified, or that lacks one of the
/// figures, has none.
///
/// # Panics
/// Never: metrics are plain data.
pub fn files(dataset: &Dataset) -> Vec<(PathBuf, String)> {
    let metrics = dataset.entries.iter().filter_map(metrics);
    metrics
        .map(|metrics| {
            let Metrics {
                target,
                input_size,
                name,
                feat,
                ..
            } = &metrics;
            let path = PathBuf::from(format!("{target}_{input_size}_{name}_{feat}_metrics.json"));
            let text = serde_json::to_string_pretty(&metrics).expect("metrics are plain data");
            (path, text + "\n")
        })
        .collect()
}

fn metrics(entry: &Entry) -> Option<Metrics<'_>> {
    let record = &entry.record;
    if record.outcome != Outcome::Verified {
        return None;
    }
    let target = entry.request().id.as_str();
    let whole = |metric: Metric| u64::try_from(metric.whole(record)?).ok();
    let elements = |shape: &Vec<usize>| shape.iter().map(|&size| size as u64).product::<u64>();
    Some(Metrics {
        name: SYSTEM,
        feat: entry
            .name()
            .strip_prefix(target)?
            .trim_start_matches('-')
            .to_owned(),
        is_zkvm: false,
        target,
        input_size: ELEMENT_BYTES * record.model.input_shapes.iter().map(elements).sum::<u64>(),
        proof_duration: nanoseconds(proof_seconds(entry)?),
        verify_duration: nanoseconds(record.mean_call_seconds(Phase::Verify)?),
        proof_size: whole(Metric::ProofSize)?,
        preprocessing_size: whole(Metric::ProvingKey)? + whole(Metric::VerifyingKey)?,
        num_constraints: whole(Metric::Rows)?,
        peak_memory: whole(Metric::Peak)?,
        proving_system: "Halo2",
        field_curve: "BN254",
        iop: "PLONK",
        pcs: "KZG",
        arithm: "PLONKish",
        // Commitments have no blinding, and nothing is promised of the rest (docs/what-a-proof-proves.md).
        is_zk: false,
        security_bits: SECURITY_BITS,
        is_pq: false,
        is_maintained: true,
        is_audited: match entry.kind() {
            CircuitKind::Committed => AuditStatus::NotAudited,
            CircuitKind::Direct | CircuitKind::Study => AuditStatus::PartiallyAudited,
        },
    })
}

/// What one proof takes from the input on: its witness, that witness's commitments where the circuit has some, and the mean proof.
fn proof_seconds(entry: &Entry) -> Option<f64> {
    let record = &entry.record;
    let witnesses = record.call_seconds(Phase::Witness);
    let commitments: f64 = record.call_seconds(Phase::Commit).iter().sum();
    let prove = record.mean_call_seconds(Phase::Prove)?;
    let before = witnesses.iter().sum::<f64>() + commitments;
    Some(prove + before / witnesses.len().max(1) as f64)
}

fn nanoseconds(seconds: f64) -> u64 {
    (1e9 * seconds).round() as u64
}
