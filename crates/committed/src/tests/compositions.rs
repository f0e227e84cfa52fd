//! Drawn graphs: operators of all kinds, each reading any value before it. Whatever reads whatever, the check holds.

use super::*;
use evmbench_model::calibrate;
use evmbench_model::graph::{
    ArgMax, Compare, Concat, Cut, Extreme, Filling, Movement, Piecewise, Power, Reduce, Reduction, Smooth,
    Softmax, ValueId as GraphValue, Whole,
};
use proptest::collection::vec;
use proptest::sample::select;

/// The most elements of a value.
const MOST_ELEMENTS: usize = 64;

/// The most claims of a witness each of which is bent.
const MOST_BENT: usize = 60;

/// An operator on x, and on y where it reads two; none for a kind that x's shape does not suit.
fn operator(kind: u8, shape: &[usize], seed: u64) -> Option<Op> {
    let last = shape.len() - 1;
    let clip = Piecewise::Clip {
        least: -0.25,
        greatest: 0.5,
    };
    let backwards = Cut {
        axis: last,
        start: -1,
        end: -100,
        step: -1,
    };
    let reduce = |reduction| {
        Op::Reduce(Reduce {
            reduction,
            axes: vec![last],
            keeps: true,
        })
    };
    Some(match kind {
        0 => Op::Add,
        1 => Op::Sub,
        2 => Op::Mul,
        3 => Op::MatMul,
        4 => Op::Extreme(Extreme::Greatest),
        5 => Op::Compare(Compare::Greater),
        6 => Op::Compare(Compare::Equal),
        7 => Op::Concat(Concat { axis: last }),
        8 => Op::Relu,
        9 => Op::Sigmoid,
        10 => Op::Tanh,
        11 => Op::Piecewise(clip),
        12 => Op::Piecewise(Piecewise::LeakyRelu { alpha: 0.1 }),
        13 => Op::Whole(Whole::Floor),
        14 => Op::Smooth(Smooth::Gelu),
        15 => Op::Power(Power { exponent: 3 }),
        16 => Op::Not,
        17 => Op::Softmax(Softmax { is_logarithm: false }),
        18 => layer_norm(&shape[last..], seed),
        19 => Op::Movement(Movement::Transpose {
            permutation: (0..=last).rev().collect(),
        }),
        20 => Op::Movement(Movement::Slice(vec![backwards])),
        21 => Op::Movement(Movement::Pad {
            before: vec![1; last + 1],
            after: vec![0; last + 1],
            filling: Filling::Edge,
        }),
        22 => Op::Movement(Movement::Tile {
            repeats: [vec![1; last], vec![2]].concat(),
        }),
        23 => reduce(Reduction::Mean),
        24 => reduce(Reduction::Greatest),
        25 => Op::ArgMax(ArgMax {
            axis: last,
            keeps: true,
            of_least: false,
            last_of_equals: false,
        }),
        26 => Op::Flatten,
        27 if shape.len() == 2 => gemm(shape[1], 3, seed),
        28 if shape.len() == 4 => conv(shape[1], 2, 3, 1, 1, 1, seed),
        29 if shape.len() == 4 => Op::MaxPool2d(MaxPool2d(Window::square(2, 2, 0))),
        _ => return None,
    })
}

/// How many kinds there are, and how many of them read two values.
const KINDS: u8 = 30;
const BINARY: u8 = 8;

/// The graph of these steps: a kind, and which values it reads. Steps that do not fit are left out.
fn graph(shape: &[usize], steps: &[(u8, u8, u8)]) -> Option<Graph> {
    let mut graph = Graph::default();
    let mut values: Vec<GraphValue> = vec![graph.input("input", shape).ok()?];
    for (&(kind, x, y), number) in steps.iter().zip(0..) {
        let pick = |at: u8| values[usize::from(at) % values.len()];
        let inputs = if kind < BINARY {
            vec![pick(x), pick(y)]
        } else {
            vec![pick(x)]
        };
        let Some(op) = operator(kind, graph.shape(inputs[0]), number) else {
            continue;
        };
        let made = graph.apply(&format!("n{number}"), &format!("v{number}"), op, &inputs);
        let Ok(made) = made else { continue };
        if graph.shape(made).iter().product::<usize>() > MOST_ELEMENTS {
            return None;
        }
        values.push(made);
    }
    let last = values.pop().filter(|_| !values.is_empty())?;
    graph.outputs.push(last);
    Some(graph)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]
    #[test]
    fn compositions_keep_their_checks(
        shape in select(vec![vec![1, 6], vec![1, 2, 4, 4], vec![2, 3]]),
        steps in vec((0..KINDS, any::<u8>(), any::<u8>()), 2..8),
        scale in select(vec![2, 7, 10]),
        digit_bits in select(vec![None, Some(8), Some(12)]),
        is_calibrated in any::<bool>(),
        assurance in select(vec![InputAssurance::Ranged, InputAssurance::Registered]),
    ) {
        let graph = graph(&shape, &steps);
        prop_assume!(graph.is_some());
        let graph = graph.unwrap();
        let options = CommittedOptions { digit_bits, ..options(scale, assurance, true, 1.0) };
        let reach = if is_calibrated {
            let sets: Vec<Vec<Tensor>> = (100..104).map(|seed| each_drawn(&graph, seed)).collect();
            calibrate::reach(&graph, &sets, 1).unwrap_or_default()
        } else {
            Reach::default()
        };
        // What is refused has no circuit that could be wrong.
        let Ok(circuit) = lower_within(&graph, &options, &reach, &Ezkl) else { return Ok(()) };
        let witness = circuit.witness(&drawn_for(&graph, 50));
        prop_assert!(witness.is_ok() || is_calibrated, "{:?}", witness.err());
        let Ok(witness) = witness else { return Ok(()) };
        let input = circuit.integers(&drawn_for(&graph, 50));
        let trace = circuit.program.run(&input);
        for (value, elements) in circuit.program.values.iter().zip(&trace.values) {
            let Interval { least, greatest } = value.interval;
            prop_assert!(elements.iter().all(|&x| (least..=greatest).contains(&x)), "{} in {:?}", value.name, value.interval);
        }
        prop_assert!(is_accepted(&circuit, &witness));
        has_no_fractions(&circuit, &witness);
        // A quotient of two values has two names for 0.
        let has_quotients = circuit.program.steps.iter().any(|step| matches!(step, Step::Divide { .. }));
        if witness.claims.len() <= MOST_BENT && !has_quotients {
            assert_claims_are_bound("a composition", &circuit, &witness);
        }
    }
}
