//! What a record shows about the proof that it tells of.

use super::{Evidence, IntegerCheck, Numerics, Outcome, Record};
use crate::format;
use crate::judge::FunctionCheck;
use crate::ledger::{Calling, CommittedFacts, Facts, Ledger, Reference};
use crate::model::graph::Graph;
use crate::model::integer::{self, Lowered};
use crate::model::layers;
use crate::model::onnx::Coverage;
use crate::prover::{CircuitKind, CircuitSettings, ContractConstants, SettingsFile, lookups};
use crate::{subject, suite};

/// A record's model as layers.
#[derive(Debug, Clone, Copy)]
pub struct KnownModel<'a> {
    /// The layers.
    pub graph: &'a Graph,
    /// The integer program of the circuit that EZKL made of them, where there is one.
    pub integers: Option<&'a Lowered>,
}

impl Record {
    /// Derives the ledger from [`Self::facts`]. Where a false statement can be accepted, an acceptance is no result: the
    /// outcome is then unsound.
    pub fn take_stock(&mut self, evidence: &Evidence, model: Option<KnownModel<'_>>) {
        let ledger = Ledger::derive(&self.facts(evidence, model));
        if let (Outcome::Verified, Some(item)) = (&self.outcome, ledger.unsound()) {
            self.outcome = Outcome::Unsound {
                control: item.sentence.clone(),
            };
        }
        self.ledger = Some(ledger);
    }

    /// The facts that a ledger is derived from: the record's own, and key and verifier where the evidence has them.
    ///
    /// The model as layers tells more; where it is not at hand, a model of the suite's is built again. evmbench calls a
    /// verifier itself, by canonical calldata, takes no acceptance without the digest of the key artifact that it
    /// registered, and has no consumer that would compare commitments, but for a committed circuit's guard, which compares a
    /// registered input's.
    pub fn facts(&self, evidence: &Evidence, model: Option<KnownModel<'_>>) -> Facts {
        let called = self.verification.is_some();
        let is_committed = self.request.plan.kind() == CircuitKind::Committed;
        let rebuilt = if model.is_none() { self.graph() } else { None };
        let lowered = rebuilt
            .as_ref()
            .filter(|_| !is_committed)
            .and_then(|graph| self.lowered(graph));
        let model = model.or(rebuilt.as_ref().map(|graph| KnownModel {
            graph,
            integers: lowered.as_ref(),
        }));
        let registered = self.committed_guard.is_some()
            && self
                .committed
                .is_some_and(|committed| committed.registered_input.is_some());
        Facts {
            settings: self
                .circuit
                .as_ref()
                .and_then(|circuit| SettingsFile::of_json(circuit.settings.clone()).ok()),
            verifying_key: evidence.verifying_key.clone(),
            verifier_source: evidence.verifier_source.clone(),
            brought_key: evidence.key_artifact.as_deref().and_then(|words| {
                let shape = self.circuit.as_ref()?.columns?;
                ContractConstants::of_key_artifact(words, shape)
            }),
            srs: self.keys.as_ref().map(|keys| keys.srs.clone()),
            negated_s_g2: None,
            parameters: self.model.parameters,
            // A committed circuit has operators of its own, and no division.
            operators: (!is_committed).then(|| self.operators(model)).flatten(),
            divided_values: model
                .filter(|_| !is_committed)
                .and_then(|model| Some(model.integers?.divided_values())),
            reference: self.reference(),
            distance: self.distance(),
            instances: self.proof.as_ref().map(|proof| proof.instances),
            calling: called.then_some(if self.committed_guard.is_some() {
                Calling::Guarded
            } else {
                Calling::Canonical
            }),
            commitments_compared: called.then_some(registered),
            // A reusable verifier's acceptance counts only with the digest of the registered artifact.
            key_digest_compared: self.registration.as_ref().map(|_| called),
            controls: self.controls.clone(),
            committed: self.committed_facts(evidence, called),
        }
    }

    /// What the record shows of a committed circuit. Its guard was measured on the proof, so that it accepted it.
    fn committed_facts(&self, evidence: &Evidence, called: bool) -> Option<CommittedFacts> {
        let lowering = self.lowering.as_ref()?;
        let magnitudes = lowering.layers.iter().map(|layer| layer.bounds.magnitude());
        let layout = lowering.layout.as_ref();
        let tables = layout.and_then(|layout| layout.tables);
        // Digits lie below their base only if tables end there.
        let base_bits = self.request.committed_plan()?.digit_bits();
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
        let has_lookups = self
            .circuit_settings()
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
            challenge_derived: called.then_some(self.committed_guard.is_some()),
        })
    }

    /// The model as layers, where it is one of the suite's. Weights from a file are not at hand; shapes and operators are.
    fn graph(&self) -> Option<Graph> {
        if self.request.onnx_sha256.is_some() || self.request.part.is_some() {
            return None;
        }
        let spec = suite::find(&self.request.id).ok()?;
        if !spec.category.is_of_study() {
            let written = subject::seeded_network(spec, &self.request).ok()?;
            return match written.model.coverage {
                Coverage::Full(graph) => Some(graph),
                Coverage::Partial(_) => None,
            };
        }
        let mut graph = layers::build(spec, self.request.seed);
        if self.request.plan.kind() == CircuitKind::Study {
            layers::untrain_normalisations(&mut graph);
        }
        Some(graph)
    }

    /// The model's operators; of a user's file, those that the reference does not know.
    fn operators(&self, model: Option<KnownModel<'_>>) -> Option<Vec<String>> {
        if let Some(KnownModel { graph, .. }) = model {
            let names = graph.nodes.iter().map(|node| node.op.onnx_name().to_owned());
            return Some(names.collect());
        }
        match &self.numerics.as_ref()?.integer {
            IntegerCheck::NotCovered { operators } => Some(operators.clone()),
            IntegerCheck::Exact { .. } => None,
        }
    }

    /// The circuit's settings, where they are complete.
    pub(crate) fn circuit_settings(&self) -> Option<CircuitSettings> {
        CircuitSettings::of_json(self.circuit.as_ref()?.settings.clone()).ok()
    }

    /// The integer program of the circuit.
    fn lowered(&self, graph: &Graph) -> Option<Lowered> {
        let quantisation = self.circuit_settings()?.quantisation().ok()?;
        integer::lower(graph, &quantisation).ok()
    }

    /// A run that has a proof has been compared: without figures, the comparison failed.
    fn reference(&self) -> Option<Reference> {
        let is_finding = |wanted: fn(&Outcome) -> bool| {
            let findings = [
                Some(self.outcome.clone()),
                self.function.as_ref().and_then(FunctionCheck::finding),
                self.numerics.as_ref().and_then(Numerics::finding),
            ];
            findings.iter().flatten().any(wanted)
        };
        if is_finding(|outcome| matches!(outcome, Outcome::WrongFunction { .. })) {
            return Some(Reference::Contradicted);
        }
        if is_finding(|outcome| matches!(outcome, Outcome::Imprecise { .. })) {
            return Some(Reference::Imprecise);
        }
        match (&self.numerics, &self.proof) {
            (Some(numerics), _) => Some(match numerics.integer {
                IntegerCheck::Exact { .. } => Reference::Exact,
                IntegerCheck::NotCovered { .. } if self.function.is_some() => Reference::WithinTolerance,
                IntegerCheck::NotCovered { .. } => Reference::NotCovered,
            }),
            (None, Some(_)) => Some(Reference::Contradicted),
            (None, None) => None,
        }
    }

    /// Error, tolerance and range, as far as they were found; nothing in records of schema 5.
    fn distance(&self) -> Option<String> {
        let function = self.function.as_ref();
        let judged = function.map(|check| format!("Beside the reference: {}.", check.sentence()));
        let float = self.numerics.as_ref().and_then(|numerics| {
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
}
