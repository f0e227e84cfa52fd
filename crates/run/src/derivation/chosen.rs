//! What a record says was chosen for its circuit, held against the circuit that was proved.
//!
//! Goes in: a record's request, and what settings and lowering say of the circuit. Comes out: the choices as the circuit has them, and
//! where the plan itself asks for others. Defaults of other revisions choose otherwise, so nothing is chosen again here.

use evmbench_committed::{CheckedRange, DEFAULT_DIGIT_BITS, DIGIT_BITS, InputAssurance};
use evmbench_ezkl::{Chosen, CircuitSettings};
use evmbench_schema::record::{Lowering, Request};

/// A committed circuit, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProvedCircuit<'a> {
    /// EZKL's settings.
    pub settings: Option<&'a CircuitSettings>,
    /// What the model was lowered to.
    pub lowering: Option<&'a Lowering>,
    /// How many values are rounded before layers of weights; known where the circuit was made again.
    pub roundings: Option<usize>,
}

impl ProvedCircuit<'_> {
    /// Bits of the limbs that it checks ranges by; none where it has no limbs, or where that is not known. Limbs lie below their base
    /// because the tables end there.
    fn limb_bits(&self) -> Option<u32> {
        let (_, greatest) = self.settings.filter(|_| self.has_limbs())?.lookup_range();
        DIGIT_BITS.into_iter().find(|bits| greatest == (1 << bits) - 1)
    }

    /// Whether a value is taken apart into limbs.
    fn has_limbs(&self) -> bool {
        let mut layers = self.lowering.iter().flat_map(|lowering| &lowering.layers);
        layers.any(|layer| layer.rounded || layer.in_digits)
    }
}

/// What was chosen, as the circuit has it; none where nothing was. What the circuit does not tell stays as the request has it.
pub fn of_circuit(request: &Request, circuit: &ProvedCircuit<'_>) -> Option<Chosen> {
    let plan = request.plan.as_committed()?;
    let said = plan.as_chosen(request.chosen);
    let digit_bits = match (request.plan.digit_bits(), circuit.limb_bits()) {
        (Some(asked), _) => asked,
        (None, Some(found)) => found,
        // Fewer bits than the default's are chosen where they save rows, which they do not where there are no limbs. A part has the limbs
        // that the whole model has.
        (None, None) => match circuit.lowering {
            Some(_) if !circuit.has_limbs() && request.part.is_none() => DEFAULT_DIGIT_BITS,
            _ => said.digit_bits(),
        },
    };
    let checked = circuit
        .lowering
        .and_then(|lowering| range_of(lowering.input_assurance));
    let input_range = match plan.assurance() {
        // A later part tells how the first part's range is checked.
        InputAssurance::Linked => said.input_range(),
        InputAssurance::Ranged | InputAssurance::Table => plan
            .input_range()
            .or(checked)
            .or(said.input_range())
            .or(Some(CheckedRange::Exact)),
        InputAssurance::Public | InputAssurance::Registered => None,
    };
    let chosen = Chosen {
        digit_bits,
        roundings: match (request.plan.roundings(), said.roundings()) {
            (Some(asked), _) => Some(asked),
            (None, Some(said)) => Some(circuit.roundings.unwrap_or(said)),
            (None, None) => None,
        },
        input_range,
    };
    // Without choices, as before there were any, it is what the defaults of then say.
    let same = |plan: Option<Chosen>| {
        let asked = request.plan.as_committed().map(|asked| asked.as_chosen(plan));
        asked.map(|asked| (asked.digit_bits(), asked.roundings(), asked.circuit_assurance()))
    };
    (request.chosen.is_some() || same(None) != same(Some(chosen))).then_some(chosen)
}

/// The range that a circuit with this assurance checks.
fn range_of(assurance: InputAssurance) -> Option<CheckedRange> {
    match assurance {
        InputAssurance::Ranged => Some(CheckedRange::Exact),
        InputAssurance::Table => Some(CheckedRange::Table),
        InputAssurance::Public | InputAssurance::Registered | InputAssurance::Linked => None,
    }
}

/// Where a plan, with what was `chosen`, asks for another circuit than the one that was proved: the place, and what is wrong there.
pub(super) fn asked_otherwise(
    request: &Request,
    chosen: Option<Chosen>,
    circuit: &ProvedCircuit<'_>,
) -> Vec<(&'static str, &'static str)> {
    let Some(plan) = request.plan.as_committed() else {
        return Vec::new();
    };
    let bits = request.plan.digit_bits().zip(circuit.limb_bits());
    let range = plan.input_range().zip(circuit.lowering);
    let said = request.chosen.map(|chosen| chosen.digit_bits);
    [
        said.is_some_and(|bits| !DIGIT_BITS.contains(&bits))
            .then_some(("request.chosen.digit_bits", "no circuit has such limbs")),
        bits.is_some_and(|(asked, found)| asked != found)
            .then_some(("request.plan.digit_bits", "the tables end at limbs of other bits")),
        range
            .filter(|_| plan.assurance().is_by_circuit())
            .is_some_and(|(asked, lowering)| range_of(lowering.input_assurance) != Some(asked))
            .then_some(("request.plan.input_range", "the circuit checks another range")),
        circuit
            .lowering
            .is_some_and(|lowering| plan.as_chosen(chosen).circuit_assurance() != lowering.input_assurance)
            .then_some((
                "request.plan.input_assurance",
                "the range of the circuit's input is assured otherwise",
            )),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use evmbench_ezkl::{CircuitPlan, Io};
    use evmbench_schema::committed::{CommittedSizes, LayerBounds};
    use evmbench_schema::interval::Interval;

    use super::*;

    fn lowering(input_assurance: InputAssurance, rounded: bool) -> Lowering {
        let (least, greatest) = (-128, 128);
        Lowering {
            input_assurance,
            committed_elements: CommittedSizes {
                input: 1,
                output: 0,
                claims: 1,
            },
            output_unit: 1.0,
            layers: vec![LayerBounds {
                layer: "layer".to_owned(),
                bounds: Interval { least, greatest },
                unit: 1.0,
                claimed: true,
                rounded,
                in_digits: false,
            }],
            layout: None,
        }
    }

    fn settings(greatest: u32) -> CircuitSettings {
        let record = include_str!("../../../../results/scaling/dense_small-s7-committed.json");
        let record: serde_json::Value = serde_json::from_str(record).unwrap();
        let mut settings = record["circuit"]["settings"].clone();
        settings["run_args"]["lookup_range"] = serde_json::json!([-1016, greatest]);
        CircuitSettings::of_json(settings).unwrap()
    }

    fn request(io: Io, chosen: Option<Chosen>) -> Request {
        Request {
            chosen,
            ..Request::new("dense_small", "scaling", CircuitPlan::committed(7, io).unwrap())
        }
    }

    const CHOSEN: Chosen = Chosen {
        digit_bits: 10,
        roundings: Some(1),
        input_range: Some(CheckedRange::Table),
    };

    #[test]
    fn choices_are_those_of_the_circuit() {
        let (settings, in_table) = (settings(1023), lowering(InputAssurance::Table, true));
        let circuit = ProvedCircuit {
            settings: Some(&settings),
            lowering: Some(&in_table),
            roundings: Some(1),
        };
        let right = request(Io::Committed, Some(CHOSEN));
        assert_eq!(of_circuit(&right, &circuit), Some(CHOSEN));
        let others = [
            Chosen {
                digit_bits: 12,
                ..CHOSEN
            },
            Chosen {
                roundings: Some(2),
                ..CHOSEN
            },
            Chosen {
                input_range: Some(CheckedRange::Exact),
                ..CHOSEN
            },
            Chosen {
                input_range: None,
                ..CHOSEN
            },
        ];
        for other in others {
            let request = request(Io::Committed, Some(other));
            assert_eq!(of_circuit(&request, &circuit), Some(CHOSEN), "{other:?}");
        }
        // Nothing is known of a run that ended before there was a circuit.
        let nothing = ProvedCircuit::default();
        for other in &others[..3] {
            let request = request(Io::Committed, Some(*other));
            assert_eq!(of_circuit(&request, &nothing), Some(*other));
        }
        // It says that nothing was chosen, which is other limbs and another range.
        let none = of_circuit(&request(Io::Committed, None), &circuit);
        assert_eq!(
            none,
            Some(Chosen {
                roundings: None,
                ..CHOSEN
            })
        );
    }

    #[test]
    fn without_limbs_the_defaults_stand() {
        let (settings, ranged) = (settings(128), lowering(InputAssurance::Ranged, false));
        let circuit = ProvedCircuit {
            settings: Some(&settings),
            lowering: Some(&ranged),
            roundings: None,
        };
        assert_eq!(of_circuit(&request(Io::Committed, None), &circuit), None);
        let said = request(Io::Committed, Some(CHOSEN));
        let found = of_circuit(&said, &circuit).unwrap();
        assert_eq!(
            (found.digit_bits, found.input_range),
            (16, Some(CheckedRange::Exact))
        );
        // No other circuit has such choices.
        let direct = Request {
            chosen: Some(CHOSEN),
            ..Request::new("dense_small", "scaling", CircuitPlan::direct(7).unwrap())
        };
        assert_eq!(of_circuit(&direct, &circuit), None);
        let public = request(Io::Public, Some(CHOSEN));
        assert_eq!(of_circuit(&public, &circuit).unwrap().input_range, None);
    }

    #[test]
    fn a_plan_is_held_against_the_circuit() {
        let (settings, in_table) = (settings(1023), lowering(InputAssurance::Table, true));
        let circuit = ProvedCircuit {
            settings: Some(&settings),
            lowering: Some(&in_table),
            roundings: Some(1),
        };
        let with = |bits, range| {
            let plan = CircuitPlan::committed(7, Io::Committed).unwrap();
            let plan = plan.with_digits(bits, Some(1)).unwrap();
            Request {
                plan: plan.with_input_range(range).unwrap(),
                ..request(Io::Committed, Some(CHOSEN))
            }
        };
        let found = |bits, range| asked_otherwise(&with(bits, range), Some(CHOSEN), &circuit);
        assert_eq!(found(10, CheckedRange::Table), []);
        assert_eq!(found(11, CheckedRange::Table)[0].0, "request.plan.digit_bits");
        assert_eq!(found(10, CheckedRange::Exact)[0].0, "request.plan.input_range");
        // A part without limbs has those of the whole model, which no circuit tells.
        let chosen = Chosen {
            digit_bits: DIGIT_BITS.end() + 1,
            ..CHOSEN
        };
        let unknown = request(Io::Committed, Some(chosen));
        let found = asked_otherwise(&unknown, Some(chosen), &ProvedCircuit::default());
        assert_eq!(found[0].0, "request.chosen.digit_bits");
        // An input of another kind than the circuit's.
        let public = request(Io::Public, Some(CHOSEN));
        let chosen = of_circuit(&public, &circuit);
        let found = asked_otherwise(&public, chosen, &circuit);
        assert_eq!(found[0].0, "request.plan.input_assurance");
    }
}
