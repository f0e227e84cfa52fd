//! Blocks of a record that follow from one thing alone: settings, a compiled verifier, a lowered circuit, a request.

use alloy_primitives::keccak256;

use evmbench_committed::{CommittedCircuit, Interval};
use evmbench_evm::solidity::CompiledContract;
use evmbench_ezkl::{CircuitSettings, VerifierShape, lookups};
use evmbench_schema::record::{Circuit, LayoutCounts, Lowering, Request, Study, Verifier};
use evmbench_suite::{self as suite, StudyOutcome};

/// What EZKL's settings say of a circuit that was asked for at a scale.
pub(crate) fn circuit(
    settings: &CircuitSettings,
    requested_scale: u32,
    columns: Option<VerifierShape>,
) -> Circuit {
    Circuit {
        rows: settings.rows(),
        logrows: settings.logrows(),
        cells: settings.cells(),
        columns,
        requested_scale,
        input_scale: settings.input_scale(),
        param_scale: settings.param_scale(),
        output_scales: settings.output_scales().to_vec(),
        scale_rebase_multiplier: settings.scale_rebase_multiplier(),
        settings: settings.json().clone(),
    }
}

/// A compiled verifier's sizes and options.
pub(crate) fn verifier(compiled: &CompiledContract) -> Verifier {
    Verifier {
        source_bytes: compiled.source_bytes,
        creation_code_bytes: compiled.creation_code.len() as u64,
        runtime_code_bytes: compiled.runtime_code.len() as u64,
        runtime_code_hash: keccak256(&compiled.runtime_code),
        solc: compiled.settings.clone(),
    }
}

/// How a model was written as this circuit, and what EZKL made of it: settings and verifying key where there are any, and
/// the cells that it counted.
pub(crate) fn lowering(
    circuit: &CommittedCircuit,
    made: Option<(&CircuitSettings, &[u8])>,
    counted_cells: Option<u64>,
) -> Lowering {
    Lowering {
        input_assurance: circuit.input_assurance(),
        committed_elements: circuit.sizes(),
        output_unit: circuit.output_unit(),
        layers: circuit.bounds(),
        layout: Some(LayoutCounts {
            tables: circuit
                .table_range()
                .map(|(least, greatest)| Interval { least, greatest }),
            lookups: circuit.lookups(),
            key_lookups: made.and_then(|(settings, key)| lookups::in_key(settings, key).ok()),
            cells: circuit.cells() as u64,
            counted_cells,
        }),
    }
}

/// What the published study measured for what is asked for; none where that is no experiment of its.
pub(crate) fn study(request: &Request) -> Option<Study> {
    let spec = suite::find(&request.id).ok()?;
    let is_other = request.onnx_sha256.is_some() || request.part.is_some();
    if is_other || !suite::STUDY_SCALES.contains(&request.plan.scale()) {
        return None;
    }
    let figures = suite::study_figures(&request.id, request.plan.scale());
    Some(Study {
        outcome: match spec.study? {
            StudyOutcome::Proved => "proved",
            StudyOutcome::OutOfMemory => "gave up: out of memory",
            StudyOutcome::TooManyRows => "gave up at 2^24 rows",
        }
        .to_owned(),
        rows: figures.map(|figures| figures.circuit_rows),
        proving_key_bytes: figures.map(|figures| figures.pk_bytes),
        verifying_key_bytes: figures.map(|figures| figures.vk_bytes),
        setup_seconds: figures.map(|figures| figures.setup_seconds),
        prove_seconds: figures.map(|figures| figures.prove_mean_seconds),
    })
}
