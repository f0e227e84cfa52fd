//! Which public instances show which tensor.
//!
//! Goes in: a plan's visibilities, the elements of each tensor, how many instances a proof has. Comes out: the ranges in
//! which the instances are a tensor's elements. The order is that of EZKL's `prepare_public_inputs` (src/graph/mod.rs):
//! hashes of the inputs, a hash of all parameters, public inputs, then public outputs or hashes of the outputs.

use std::ops::Range;

use super::{CircuitPlan, Visibility};

/// A proof whose number of instances is not that of its circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found} public instances, where the circuit has {expected}, and one more if its parameters are hashed"
)]
pub struct InstancesError {
    /// In the proof.
    pub found: usize,
    /// What inputs and outputs come to.
    pub expected: usize,
}

/// Where instances show inputs and outputs, element by element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownInstances {
    /// All inputs' elements, one input after the other; none where they are not public.
    pub inputs: Option<Range<usize>>,
    /// All outputs' elements, likewise.
    pub outputs: Option<Range<usize>>,
}

impl ShownInstances {
    /// The ranges in a proof with `found` instances, for a model with these elements in each input and output.
    ///
    /// # Errors
    /// [`InstancesError`] where so many instances do not come out.
    pub fn locate(
        plan: CircuitPlan,
        inputs: &[usize],
        outputs: &[usize],
        found: usize,
    ) -> Result<Self, InstancesError> {
        let shown = |visibility, elements: &[usize]| match visibility {
            Visibility::Public => elements.iter().sum(),
            _ => 0,
        };
        // Poseidon takes a whole tensor to one field element.
        let hashes = |visibility, elements: &[usize]| match visibility {
            Visibility::Hashed => elements.len(),
            _ => 0,
        };
        let shown_inputs = shown(plan.input_visibility(), inputs);
        let shown_outputs = shown(plan.output_visibility(), outputs);
        let after_inputs = shown_outputs + hashes(plan.output_visibility(), outputs);
        let expected = hashes(plan.input_visibility(), inputs) + shown_inputs + after_inputs;
        // A model without parameters has no hash of them.
        let parameter_hashes = usize::from(plan.param_visibility() == Visibility::Hashed);
        if !(expected..=expected + parameter_hashes).contains(&found) {
            return Err(InstancesError { found, expected });
        }
        let end_of_inputs = found - after_inputs;
        let public = |visibility, range| (visibility == Visibility::Public).then_some(range);
        Ok(Self {
            inputs: public(
                plan.input_visibility(),
                end_of_inputs - shown_inputs..end_of_inputs,
            ),
            outputs: public(
                plan.output_visibility(),
                end_of_inputs..end_of_inputs + shown_outputs,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(input: Visibility, output: Visibility, param: Visibility) -> CircuitPlan {
        CircuitPlan::direct(7)
            .unwrap()
            .with_visibilities(Some(input), Some(output), Some(param))
            .unwrap()
    }

    #[test]
    fn hashes_of_inputs_and_parameters_come_first_and_those_of_outputs_last() {
        use Visibility::{Fixed, Hashed, Polycommit, Private, Public};
        let locate = |input, output, param, found| {
            let shown = ShownInstances::locate(plan(input, output, param), &[4, 2], &[3], found);
            shown.map(|shown| (shown.inputs, shown.outputs))
        };
        assert_eq!(locate(Public, Public, Fixed, 9), Ok((Some(0..6), Some(6..9))));
        assert_eq!(locate(Hashed, Public, Fixed, 5), Ok((None, Some(2..5))));
        assert_eq!(locate(Public, Hashed, Fixed, 7), Ok((Some(0..6), None)));
        assert_eq!(locate(Public, Public, Hashed, 10), Ok((Some(1..7), Some(7..10))));
        assert_eq!(locate(Public, Public, Hashed, 9), Ok((Some(0..6), Some(6..9))));
        assert_eq!(locate(Public, Private, Polycommit, 6), Ok((Some(0..6), None)));
        let error = InstancesError {
            found: 10,
            expected: 9,
        };
        assert_eq!(locate(Public, Public, Fixed, 10), Err(error));
        assert!(locate(Public, Public, Hashed, 11).is_err());
        assert!(locate(Public, Public, Fixed, 8).is_err());
    }

    proptest! {
        #[test]
        fn ranges_lie_in_the_proof_and_have_their_tensors_length(
            inputs in prop::collection::vec(1..50_usize, 1..4),
            outputs in prop::collection::vec(1..50_usize, 1..4),
            found in 0..400_usize,
        ) {
            use Visibility::{Fixed, Hashed, Polycommit, Private, Public};
            for input in [Public, Private, Hashed, Polycommit] {
                for output in [Public, Private, Hashed, Polycommit] {
                    for param in [Fixed, Hashed] {
                        let Ok(shown) = ShownInstances::locate(plan(input, output, param), &inputs, &outputs, found) else {
                            continue;
                        };
                        prop_assert_eq!(shown.inputs.is_some(), input == Public);
                        prop_assert_eq!(shown.outputs.is_some(), output == Public);
                        if let Some(range) = &shown.inputs {
                            prop_assert_eq!(range.len(), inputs.iter().sum::<usize>());
                            prop_assert!(range.end <= found);
                        }
                        if let Some(range) = &shown.outputs {
                            prop_assert_eq!(range.len(), outputs.iter().sum::<usize>());
                            prop_assert_eq!(range.end, found);
                        }
                    }
                }
            }
        }
    }
}
