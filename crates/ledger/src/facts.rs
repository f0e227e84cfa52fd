//! What a record shows about the proof that it tells of.

use evmbench_ezkl::{CircuitKind, CircuitSettings, ContractConstants, SettingsFile, lookups};
use evmbench_host::format;
use evmbench_model::graph::Graph;
use evmbench_model::integer::{self, Lowered};
use evmbench_model::layers;
use evmbench_model::onnx::Coverage;
use evmbench_schema::function::FunctionCheck;
use evmbench_schema::record::{Evidence, IntegerCheck, Numerics, Outcome, Record};
use evmbench_subject::subject;
use evmbench_suite as suite;

use crate::ledger::{self, Calling, CommittedFacts, Facts, Reference};

/// A record's model as layers.
#[derive(Debug, Clone, Copy)]
pub struct KnownModel<'a> {
    /// The layers.
    pub graph: &'a Graph,
    /// The integer program of the circuit that EZKL made of them, where there is one.
    pub integers: Option<&'a Lowered>,
}

/// Derives the ledger from [`facts`]. Where a false statement can be accepted, an acceptance is no result: the
/// outcome is then unsound.
pub fn take_stock(record: &mut Record, evidence: &Evidence, model: Option<KnownModel<'_>>) {
    let ledger = ledger::derive(&facts(record, evidence, model));
    if let (Outcome::Verified, Some(item)) = (&record.outcome, ledger.unsound()) {
        record.outcome = Outcome::Unsound {
            control: item.sentence.clone(),
        };
    }
    record.ledger = Some(ledger);
}

/// The facts that a ledger is derived from: the record's own, and key and verifier where the evidence has them.
///
/// The model as layers tells more; where it is not at hand, a model of the suite's is built again. evmbench calls a
/// verifier itself, by canonical calldata, takes no acceptance without the digest of the key artifact that it
/// registered, and has no consumer that would compare commitments, but for a committed circuit's guard, which compares a
/// registered input's.
pub fn facts(record: &Record, evidence: &Evidence, model: Option<KnownModel<'_>>) -> Facts {
    let called = record.verification.is_some();
    let is_committed = record.request.plan.kind() == CircuitKind::Committed;
    let rebuilt = if model.is_none() { graph(record) } else { None };
    let lowered = rebuilt
        .as_ref()
        .filter(|_| !is_committed)
        .and_then(|graph| lowered(record, graph));
    let model = model.or(rebuilt.as_ref().map(|graph| KnownModel {
        graph,
        integers: lowered.as_ref(),
    }));
    let registered = record.committed_guard.is_some()
        && record
            .committed
            .is_some_and(|committed| committed.registered_input.is_some());
    Facts {
        settings: record
            .circuit
            .as_ref()
            .and_then(|circuit| SettingsFile::of_json(circuit.settings.clone()).ok()),
        verifying_key: evidence.verifying_key.clone(),
        verifier_source: evidence.verifier_source.clone(),
        brought_key: evidence.key_artifact.as_deref().and_then(|words| {
            let shape = record.circuit.as_ref()?.columns?;
            ContractConstants::of_key_artifact(words, shape)
        }),
        srs: record.keys.as_ref().map(|keys| keys.srs.clone()),
        negated_s_g2: None,
        parameters: record.model.parameters,
        // A committed circuit has operators of its own, and no division.
        operators: (!is_committed).then(|| operators(record, model)).flatten(),
        divided_values: model
            .filter(|_| !is_committed)
            .and_then(|model| Some(model.integers?.divided_values())),
        reference: reference(record),
        distance: distance(record),
        instances: record.proof.as_ref().map(|proof| proof.instances),
        calling: called.then_some(if record.committed_guard.is_some() {
            Calling::Guarded
        } else {
            Calling::Canonical
        }),
        commitments_compared: called.then_some(registered),
        // A reusable verifier's acceptance counts only with the digest of the registered artifact.
        key_digest_compared: record.registration.as_ref().map(|_| called),
        controls: record.controls.clone(),
        committed: committed_facts(record, evidence, called),
    }
}

/// What the record shows of a committed circuit. Its guard was measured on the proof, so that it accepted it.
fn committed_facts(record: &Record, evidence: &Evidence, called: bool) -> Option<CommittedFacts> {
    let lowering = record.lowering.as_ref()?;
    let magnitudes = lowering.layers.iter().map(|layer| layer.bounds.magnitude());
    let layout = lowering.layout.as_ref();
    let tables = layout.and_then(|layout| layout.tables);
    // Digits lie below their base only if tables end there.
    let base_bits = record.request.committed_plan()?.digit_bits();
    let has_digits = lowering
        .layers
        .iter()
        .any(|layer| layer.rounded || layer.in_digits);
    let base_end = has_digits.then(|| (1i128 << base_bits.min(i128::BITS - 2)) - 1);
    let input_elements = if lowering.input_assurance.is_by_circuit() {
        lowering.committed_elements.input
    } else {
        0
    };
    let has_lookups = circuit_settings(record)
        .zip(evidence.verifying_key.as_deref())
        .and_then(|(settings, key)| {
            let expected = layout.map(|layout| &layout.lookups[..]);
            let assurance = lowering.input_assurance;
            lookups::holds_input(&settings, key, expected, assurance, input_elements as u64)
        });
    Some(CommittedFacts {
        input_assurance: lowering.input_assurance,
        input_bounds: lowering.layers.first()?.bounds,
        output_public: lowering.committed_elements.output == 0,
        greatest_magnitude: magnitudes.max()?,
        tables,
        table_end: base_end.or(tables.map(|tables| tables.greatest)),
        has_lookups,
        challenge_derived: called.then_some(record.committed_guard.is_some()),
    })
}

/// The model as layers, where it is one of the suite's. Weights from a file are not at hand; shapes and operators are.
fn graph(record: &Record) -> Option<Graph> {
    if record.request.onnx_sha256.is_some() || record.request.part.is_some() {
        return None;
    }
    let spec = suite::find(&record.request.id).ok()?;
    if !spec.category.is_of_study() {
        let written = subject::seeded_network(spec, &record.request).ok()?;
        return match written.model.coverage {
            Coverage::Full(graph) => Some(graph),
            Coverage::Partial(_) => None,
        };
    }
    let mut graph = layers::build(spec, record.request.seed);
    if record.request.plan.kind() == CircuitKind::Study {
        layers::untrain_normalisations(&mut graph);
    }
    Some(graph)
}

/// The model's operators; of a user's file, those that the reference does not know.
fn operators(record: &Record, model: Option<KnownModel<'_>>) -> Option<Vec<String>> {
    if let Some(KnownModel { graph, .. }) = model {
        let names = graph.nodes.iter().map(|node| node.op.onnx_name().to_owned());
        return Some(names.collect());
    }
    match &record.numerics.as_ref()?.integer {
        IntegerCheck::NotCovered { operators } => Some(operators.clone()),
        IntegerCheck::Exact { .. } => None,
    }
}

/// The circuit's settings, where they are complete.
pub fn circuit_settings(record: &Record) -> Option<CircuitSettings> {
    CircuitSettings::of_json(record.circuit.as_ref()?.settings.clone()).ok()
}

/// The integer program of the circuit.
fn lowered(record: &Record, graph: &Graph) -> Option<Lowered> {
    let quantisation = circuit_settings(record)?.quantisation().ok()?;
    integer::lower(graph, &quantisation).ok()
}

/// A run that has a proof has been compared: without figures, the comparison failed.
fn reference(record: &Record) -> Option<Reference> {
    let is_finding = |wanted: fn(&Outcome) -> bool| {
        let findings = [
            Some(record.outcome.clone()),
            record.function.as_ref().and_then(FunctionCheck::finding),
            record.numerics.as_ref().and_then(Numerics::finding),
        ];
        findings.iter().flatten().any(wanted)
    };
    if is_finding(|outcome| matches!(outcome, Outcome::WrongFunction { .. })) {
        return Some(Reference::Contradicted);
    }
    if is_finding(|outcome| matches!(outcome, Outcome::Imprecise { .. })) {
        return Some(Reference::Imprecise);
    }
    match (&record.numerics, &record.proof) {
        (Some(numerics), _) => Some(match numerics.integer {
            IntegerCheck::Exact { .. } => Reference::Exact,
            IntegerCheck::NotCovered { .. } if record.function.is_some() => Reference::WithinTolerance,
            IntegerCheck::NotCovered { .. } => Reference::NotCovered,
        }),
        (None, Some(_)) => Some(Reference::Contradicted),
        (None, None) => None,
    }
}

/// Error, tolerance and range, as far as they were found; nothing in records of schema 5.
fn distance(record: &Record) -> Option<String> {
    let function = record.function.as_ref();
    let judged = function.map(|check| format!("Beside the reference: {}.", check.sentence()));
    let float = record.numerics.as_ref().and_then(|numerics| {
        let worst = numerics.worst()?;
        Some(format!(
            "On the proved input the error beside the float model is {} of a range of {}.",
            format::real(worst.max_absolute_error),
            format::real(worst.output_range)
        ))
    });
    let sentences: Vec<String> = judged.into_iter().chain(float).collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}
