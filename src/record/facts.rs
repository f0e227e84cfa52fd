//! What a record shows about the proof that it tells of.

use super::{Evidence, IntegerCheck, Record};
use crate::ledger::{Calling, Facts, Reference};
use crate::model::layers;
use crate::prover::Statement;
use crate::suite;

impl Record {
    /// The facts that a ledger is derived from: the record's own, and key and verifier where the evidence has them.
    ///
    /// evmbench calls a verifier itself, by canonical calldata, and has no consumer that would compare commitments.
    pub fn facts(&self, evidence: &Evidence) -> Facts {
        let called = self.verification.is_some();
        Facts {
            settings: self
                .circuit
                .as_ref()
                .and_then(|circuit| Statement::parse(&circuit.settings.to_string()).ok()),
            verifying_key: evidence.verifying_key.clone(),
            verifier_source: evidence.verifier_source.clone(),
            srs: self.keys.as_ref().map(|keys| keys.srs.clone()),
            negated_s_g2: None,
            parameters: self.model.parameters,
            operators: self.operators(),
            reference: self.reference(),
            instances: self.proof.as_ref().map(|proof| proof.instances),
            calling: called.then_some(Calling::Canonical),
            commitments_compared: called.then_some(false),
            key_digest_compared: None,
            controls: self.controls.clone(),
        }
    }

    /// The model's operators, where it is one of the suite's; of a user's file, those that the reference does not know.
    fn operators(&self) -> Option<Vec<String>> {
        match (suite::find(&self.request.id), &self.request.onnx_sha256) {
            (Ok(spec), None) => {
                let graph = layers::build(spec, self.request.seed);
                Some(
                    graph
                        .nodes
                        .iter()
                        .map(|node| node.op.onnx_name().to_owned())
                        .collect(),
                )
            }
            _ => match &self.numerics.as_ref()?.integer {
                IntegerCheck::NotCovered { operators } => Some(operators.clone()),
                IntegerCheck::Exact { .. } => None,
            },
        }
    }

    /// A run that has a proof has been compared: without figures, the comparison failed.
    fn reference(&self) -> Option<Reference> {
        match (&self.numerics, &self.proof) {
            (Some(numerics), _) => Some(match numerics.integer {
                IntegerCheck::Exact { .. } => Reference::Exact,
                IntegerCheck::NotCovered { .. } => Reference::NotCovered,
            }),
            (None, Some(_)) => Some(Reference::Contradicted),
            (None, None) => None,
        }
    }
}
