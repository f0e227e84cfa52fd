//! Outputs that share a power of the challenge.

use super::*;
use crate::packing;

/// A convolution and a fully connected layer of several outputs, rounded and in digits.
fn packed() -> Vec<(&'static str, CommittedCircuit)> {
    let rounded = small(&[1, 3, 4, 4], vec![conv(3, 8, 3, 1, 1, 1, 5), Op::Relu]);
    let in_digits = small(&[1, 96], vec![gemm(96, 12, 6)]);
    [("rounded", rounded, true), ("in digits", in_digits, true)]
        .map(|(name, graph, output_public)| {
            let options = CommittedOptions {
                digit_bits: Some(10),
                ..options(8, InputAssurance::Registered, output_public, 1.0)
            };
            (name, lower(&graph, &options).unwrap())
        })
        .into()
}

/// The step that is packed, and how.
fn packing_of(circuit: &CommittedCircuit) -> (usize, challenge::Packing) {
    let of = |index| {
        Some((
            index,
            packing::of(&circuit.program, index, &circuit.layout.bounds)?,
        ))
    };
    let mut all = (0..circuit.program.steps.len()).filter_map(of);
    all.next().expect("a layer is packed")
}

/// A claim that is wrong by a base and a neighbour that is wrong by 1 cancel out under the challenge. What refuses them is that
/// no look-up takes a claim that is so far off.
#[test]
fn errors_that_cancel_out_in_a_group_are_in_no_table() {
    for (name, circuit) in packed() {
        let (index, packing) = packing_of(&circuit);
        assert!(packing.length > 1, "{name}");
        let Step::Claimed { form, .. } = &circuit.program.steps[index] else {
            panic!("it claims");
        };
        let shape = &circuit.program.values[index + 1].shape;
        let map: usize = shape[2..].iter().product();
        let honest = circuit.witness(&drawn_shape(&circuit, 3)).unwrap();
        let base_bits = circuit.digit_bits();
        let mut given = inputs(&honest);
        let claims = given.get_mut(CLAIMS).unwrap();
        let start: usize = (0..index).flat_map(|step| circuit.program.claims(step)).sum();
        let far = match *form {
            Form::Rounded { digits, .. } => {
                // The next output's last digit is 1 less, and the first output's quotient B / base^digits more.
                let far = U256::ONE << (packing.bits - digits * base_bits) as usize;
                let last = start + circuit.program.claims(index)[0] * digits as usize;
                let next = last + map;
                assert!(!claims[next].is_zero(), "{name}");
                claims[next] -= U256::ONE;
                claims[start] = claims[start].add_mod(far, ORDER);
                far
            }
            Form::Digits { digits } => {
                let digits = digits as usize;
                let far = U256::ONE << packing.bits as usize;
                let next = start + 2 * digits - 1;
                assert!(!claims[next].is_zero(), "{name}");
                claims[next] -= U256::ONE;
                let last = start + digits - 1;
                claims[last] = claims[last].add_mod(far, ORDER);
                far
            }
            Form::Exact => panic!("{name}: what is exact is not packed"),
        };
        let check = |table| {
            let outputs = evaluate(&circuit.layout.graph, &given, table)?;
            Some(outputs[0].clone())
        };
        assert_eq!(check(circuit.table_range()), None, "{name}: {far}");
        // Without the table nothing would: the check is 0.
        let bent = check_without_tables(&circuit, &given);
        assert_eq!(bent, [U256::ZERO], "{name}");
    }
}

/// The check where each look-up gives back what it is given, whatever that is.
fn check_without_tables(circuit: &CommittedCircuit, given: &HashMap<&str, Vec<U256>>) -> Vec<U256> {
    let graph = &circuit.layout.graph;
    let mut open = backend::Graph::default();
    let mut nodes: Vec<NodeId> = Vec::new();
    for node in graph.nodes() {
        let read = |at: usize| nodes[node.inputs[at].0];
        let made = match &node.operator {
            Operator::Input => open.input(node.elements()),
            Operator::Constant(elements) => open.constant(&node.shape, elements.clone()),
            Operator::Add => open.add(read(0), read(1)),
            Operator::Subtract => open.subtract(read(0), read(1)),
            Operator::Multiply => open.multiply(read(0), read(1)),
            Operator::Negate => open.negate(read(0)),
            Operator::Reshape => open.reshape(read(0), &node.shape),
            Operator::Gather { axis, positions } => open.gather(read(0), *axis, positions.clone()),
            Operator::Concatenate { axis } => {
                let parts: Vec<NodeId> = (0..node.inputs.len()).map(read).collect();
                open.concatenate(&parts, *axis)
            }
            Operator::Einsum { equation, .. } => open.einsum(equation, read(0), read(1)),
            Operator::LookUp(_) => read(0),
            Operator::AssertEqual => panic!("committed circuits have none"),
        };
        nodes.push(made);
    }
    open.output(nodes[graph.outputs()[0].0]);
    evaluate(&open, given, None)
        .expect("nothing is looked up")
        .remove(0)
}

fn drawn_shape(circuit: &CommittedCircuit, seed: u64) -> Tensor {
    let shape = &circuit.program.values[0].shape;
    input::seeded_uniform(shape, seed)
}

/// The bases are above twice what any claim can lack, and a group's powers below the field's order.
#[test]
fn bases_are_wide_enough_and_groups_short_enough() {
    let mut found = 0;
    for spec in &MODELS {
        for assurance in [
            InputAssurance::Ranged,
            InputAssurance::Registered,
            InputAssurance::Table,
        ] {
            let graph = layers::build(spec, 0);
            let Ok(circuit) = lower(&graph, &options(7, assurance, true, 1.0)) else {
                continue;
            };
            let base = U256::from(circuit.program.base());
            for index in 0..circuit.program.steps.len() {
                let Some(packing) = packing::of(&circuit.program, index, &circuit.layout.bounds) else {
                    continue;
                };
                found += 1;
                let Step::Claimed { input, linear, form } = &circuit.program.steps[index] else {
                    panic!("it claims");
                };
                let bounds = &circuit.layout.bounds;
                let exact = circuit
                    .program
                    .linear_bounds(linear, bounds.of(*input), |value| bounds.of(value))
                    .unwrap();
                let exact = U256::from(exact.magnitude().unsigned_abs());
                let lacking = match *form {
                    Form::Rounded {
                        multiplier, digits, ..
                    } => {
                        let divisor = base.pow(U256::from(digits));
                        // A quotient is in the table, which has at most 2^28 rows.
                        let claim = (divisor << 28_usize) + divisor;
                        exact * U256::from(multiplier) + divisor + claim
                    }
                    Form::Digits { digits } => exact + base.pow(U256::from(digits)),
                    Form::Exact => panic!("what is exact is not packed"),
                };
                assert!(
                    U256::ONE << packing.bits as usize > lacking * U256::from(2),
                    "{}",
                    spec.id
                );
                assert!(packing.bits as usize * packing.length <= 253, "{}", spec.id);
            }
        }
    }
    assert!(found > 20, "{found}");
}
