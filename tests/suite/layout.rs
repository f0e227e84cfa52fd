//! Committed circuits as EZKL lays them out, cell by cell: nothing that was meant is dropped, split, or laid out twice.

use crate::common::{beside_itself, chain, tools};
use evmbench::committed::{self, CommittedOptions, DIGIT_BITS, InputAssurance, Integers};
use evmbench::model::graph::{AvgPool2d, Conv2d, Gemm, Graph, LayerNorm, MaxPool2d, Op, Window};
use evmbench::model::input;
use evmbench::prover::{
    CircuitPlan, CommittedInputs, EzklOptions, EzklProver, Io, Job, JobCircuit, Silent, VerifierKind,
};

fn convolution(shape: [usize; 4], window: Window, groups: usize, seed: u64) -> Op {
    Op::Conv2d(Conv2d {
        weight: input::seeded_uniform(&shape, seed),
        bias: Some(input::seeded_uniform(&[shape[0]], seed + 1)),
        window,
        groups,
    })
}

fn dense(inputs: usize, outputs: usize, seed: u64) -> Op {
    Op::Gemm(Gemm {
        weight: input::seeded_uniform(&[outputs, inputs], seed),
        bias: Some(input::seeded_uniform(&[outputs], seed + 1)),
    })
}

fn graphs() -> Vec<(&'static str, Graph)> {
    let image: &[usize] = &[1, 2, 6, 6];
    let pool = Window::square(2, 2, 0);
    let branch = || {
        vec![
            convolution([2, 2, 3, 3], Window::square(3, 1, 1), 1, 17),
            Op::Relu,
        ]
    };
    vec![
        ("channels side by side", beside_itself(image, 1, branch())),
        ("columns side by side", beside_itself(image, 3, branch())),
        (
            "layers of every kind",
            chain(
                image,
                vec![
                    convolution([3, 2, 3, 3], Window::square(3, 1, 1), 1, 1),
                    Op::Relu,
                    Op::MaxPool2d(MaxPool2d(pool)),
                    convolution([4, 3, 3, 3], Window::square(3, 2, 1), 1, 3),
                    Op::Mul,
                    Op::AvgPool2d(AvgPool2d(pool)),
                    Op::Flatten,
                    dense(4, 3, 5),
                ],
            ),
        ),
        (
            "depthwise, then a table",
            chain(
                image,
                vec![convolution([2, 1, 3, 3], Window::square(3, 1, 1), 2, 7), Op::Tanh],
            ),
        ),
        ("a table after a table", chain(image, vec![Op::Tanh, Op::Sigmoid])),
        (
            "a rectifier that is read in part",
            chain(
                image,
                vec![
                    convolution([2, 2, 3, 3], Window::square(3, 1, 1), 1, 13),
                    Op::Relu,
                    convolution([2, 2, 1, 1], Window::square(1, 2, 0), 1, 15),
                ],
            ),
        ),
        (
            // Every second row and column is read by nothing but the range check.
            "elements that are skipped",
            chain(
                image,
                vec![convolution([2, 2, 1, 1], Window::square(1, 2, 0), 1, 9)],
            ),
        ),
        (
            "layer norm",
            chain(
                image,
                vec![Op::LayerNorm(LayerNorm {
                    axis: 1,
                    scale: input::seeded_uniform(&image[1..], 11),
                    bias: Some(input::seeded_uniform(&image[1..], 12)),
                    epsilon: 1e-5,
                })],
            ),
        ),
    ]
}

/// EZKL lays out as many cells and constants as were counted, or there are no keys.
#[test]
fn every_cell_is_one_that_was_meant() {
    let home = &tools().home;
    let prover = EzklProver::new(home, tools().toolchain.clone(), EzklOptions::for_home(home));
    for (name, graph) in graphs() {
        for columns in 1..=3 {
            let options = CommittedOptions {
                inner_columns: Some(columns),
                digit_bits: Some(*DIGIT_BITS.start() + 2),
                ..CommittedOptions::new(7, Integers::of_input(7, 1.0), InputAssurance::Ranged, false)
            };
            let circuit = committed::lower(&graph, &options, &evmbench::prover::Ezkl).unwrap();
            let witness = circuit.witness(&input::seeded_uniform(&[1, 2, 6, 6], 0)).unwrap();
            let job = Job {
                name: name.to_owned(),
                circuit: JobCircuit::Committed(Box::new(CommittedInputs::of(&circuit, witness))),
                plan: CircuitPlan::committed(7, Io::Committed).unwrap(),
                verifier: VerifierKind::Plain,
                runs: 1,
                warmup: 0,
            };
            let outputs = prover.witness_outputs(&job, &Silent).unwrap().unwrap();
            assert!(outputs[0][0].is_zero(), "{name}, {columns} columns side by side");
        }
    }
}
