//! A graph for each operator beside the layers of the suite, and for each way in which its results are read.

use super::*;
use evmbench_model::graph::{
    ArgMax, Compare, ConvTranspose2d, Cut, Extreme, Filling, GlobalPool, InstanceNorm, Movement, PaddedMean,
    Piecewise, Power, Reduce, Reduction, Softmax, ValueId as GraphValue, Whole, Within,
};

/// A graph under construction, whose nodes are numbered.
struct Net(Graph);

impl Net {
    fn of(input: &[usize], build: impl FnOnce(&mut Self, GraphValue) -> GraphValue) -> Graph {
        let mut net = Self(Graph::default());
        let x = net.0.input("input", input).unwrap();
        let output = build(&mut net, x);
        net.0.outputs.push(output);
        net.0
    }

    fn apply(&mut self, op: Op, inputs: &[GraphValue]) -> GraphValue {
        let number = self.0.nodes.len();
        self.0
            .apply(&format!("n{number}"), &format!("v{number}"), op, inputs)
            .unwrap()
    }

    fn constant(&mut self, shape: &[usize], data: Vec<f32>) -> GraphValue {
        self.apply(Op::Constant(Tensor::new(shape, data)), &[])
    }

    /// An operation on a value and a number.
    fn with(&mut self, op: Op, value: GraphValue, number: f32) -> GraphValue {
        let number = self.constant(&[], vec![number]);
        self.apply(op, &[value, number])
    }
}

/// One operator on the input, and one on what a layer makes of it, with a layer after it.
fn alone_and_between(name: [&'static str; 2], op: Op, seed: u64) -> Vec<(&'static str, Graph)> {
    let row: &[usize] = &[1, 6];
    let between = vec![gemm(6, 5, seed), op.clone(), gemm(5, 3, seed + 2)];
    vec![(name[0], small(row, vec![op])), (name[1], small(row, between))]
}

fn piecewise() -> Vec<(&'static str, Graph)> {
    let clip = |least, greatest| Op::Piecewise(Piecewise::Clip { least, greatest });
    let mut graphs = [
        alone_and_between(["abs", "abs between"], Op::Piecewise(Piecewise::Abs), 100),
        alone_and_between(["neg", "neg between"], Op::Piecewise(Piecewise::Neg), 104),
        alone_and_between(
            ["leaky relu", "leaky relu between"],
            Op::Piecewise(Piecewise::LeakyRelu { alpha: 0.1 }),
            108,
        ),
        alone_and_between(["relu 6", "relu 6 between"], clip(0.0, 6.0), 112),
        alone_and_between(["clip", "clip between"], clip(-0.25, 0.5), 116),
        alone_and_between(
            ["hard sigmoid", "hard sigmoid between"],
            Op::Piecewise(Piecewise::HardSigmoid {
                alpha: 0.2,
                beta: 0.5,
            }),
            120,
        ),
        alone_and_between(
            ["hard swish", "hard swish between"],
            Op::Piecewise(Piecewise::HardSwish),
            124,
        ),
    ]
    .concat();
    graphs.extend([
        ("clip above 0", small(&[1, 6], vec![clip(0.25, f32::MAX)])),
        ("clip below 0", small(&[1, 6], vec![clip(f32::MIN, -0.25)])),
        ("clip to one number", small(&[1, 6], vec![clip(0.5, 0.25)])),
        ("clip beyond the input", small(&[1, 6], vec![clip(3.0, 4.0)])),
        (
            "relu 6 after a convolution",
            small(
                &[1, 2, 5, 5],
                vec![
                    conv(2, 3, 3, 1, 1, 1, 128),
                    clip(0.0, 6.0),
                    conv(3, 2, 3, 2, 1, 1, 130),
                ],
            ),
        ),
        (
            "slopes of channels",
            Net::of(&[1, 2, 4, 4], |net, x| {
                let layer = net.apply(conv(2, 2, 3, 1, 1, 1, 132), &[x]);
                let slopes = net.constant(&[2, 1, 1], vec![0.25, -0.1]);
                net.apply(Op::PRelu, &[layer, slopes])
            }),
        ),
    ]);
    graphs
}

fn smooth() -> Vec<(&'static str, Graph)> {
    let mut graphs = Vec::new();
    for (name, op, seed) in [
        (["erf", "erf between"], Smooth::Erf, 204),
        (["gelu", "gelu between"], Smooth::Gelu, 208),
        (["gelu by tanh", "gelu by tanh between"], Smooth::GeluTanh, 212),
        (["elu", "elu between"], Smooth::Elu { alpha: 0.75 }, 216),
        (
            ["selu", "selu between"],
            Smooth::Selu {
                alpha: 1.673_263_2,
                gamma: 1.050_701,
            },
            220,
        ),
        (["celu", "celu between"], Smooth::Celu { alpha: 0.7 }, 224),
        (["softplus", "softplus between"], Smooth::Softplus, 228),
        (["mish", "mish between"], Smooth::Mish, 232),
    ] {
        graphs.extend(alone_and_between(name, Op::Smooth(op), seed));
    }
    // Of what is not negative, and of what is at least 1.
    for (name, op, more) in [
        ("square root", Smooth::Sqrt, 0.25),
        ("logarithm", Smooth::Log, 1.0),
    ] {
        let graph = Net::of(&[1, 6], |net, x| {
            let square = net.apply(Op::Mul, &[x, x]);
            let positive = net.with(Op::Add, square, more);
            net.apply(Op::Smooth(op), &[positive])
        });
        graphs.push((name, graph));
    }
    // A mean of nine has a unit that is no power of two.
    graphs.push((
        "tanh of a mean",
        small(
            &[1, 1, 6, 6],
            vec![Op::AvgPool2d(AvgPool2d(Window::square(3, 3, 0))), Op::Tanh],
        ),
    ));
    graphs.push((
        "a third power",
        small(&[1, 4], vec![Op::Power(Power { exponent: 3 })]),
    ));
    graphs.push(("exp", small(&[1, 6], vec![Op::Smooth(Smooth::Exp)])));
    graphs
}

/// Whole numbers of what has a few bits after the point and many, and a state that steps hand on.
fn whole() -> Vec<(&'static str, Graph)> {
    let mut graphs: Vec<(&'static str, Graph)> = [
        (["floor", "floor between"], Whole::Floor, 240),
        (["ceil", "ceil between"], Whole::Ceil, 244),
        (["round", "round between"], Whole::Round, 248),
        (
            ["cast to integers", "cast to integers between"],
            Whole::Truncate,
            252,
        ),
    ]
    .into_iter()
    .flat_map(|(name, op, seed)| alone_and_between(name, Op::Whole(op), seed))
    .collect();
    graphs.push((
        "a function of a position",
        Net::of(&[1, 5], |net, x| {
            let op = ArgMax {
                axis: 1,
                keeps: true,
                of_least: false,
                last_of_equals: false,
            };
            let position = net.apply(Op::ArgMax(op), &[x]);
            net.apply(Op::Tanh, &[position])
        }),
    ));
    graphs.push((
        "a gated state",
        Net::of(&[1, 4], |net, x| {
            let kept = Op::Piecewise(Piecewise::Clip {
                least: f32::MIN,
                greatest: f32::MAX,
            });
            let mut state = net.apply(Op::Tanh, &[x]);
            for seed in [256, 258] {
                let layer = net.apply(gemm(4, 4, seed), &[state]);
                let sum = net.apply(Op::Add, &[x, layer]);
                let gate = net.apply(Op::Sigmoid, &[sum]);
                let product = net.apply(Op::Mul, &[gate, state]);
                state = net.apply(kept.clone(), &[product]);
            }
            state
        }),
    ));
    graphs
}

fn arithmetic() -> Vec<(&'static str, Graph)> {
    let row: &[usize] = &[1, 4];
    let number = |op: Op, number: f32| Net::of(row, |net, x| net.with(op, x, number));
    let from_number = |op: Op, number: f32| {
        Net::of(row, |net, x| {
            let number = net.constant(&[1], vec![number]);
            net.apply(op, &[number, x])
        })
    };
    vec![
        ("a number more", number(Op::Add, 0.3)),
        ("a number less", number(Op::Sub, 2.5)),
        ("times a number", number(Op::Mul, -0.7)),
        ("times 0", number(Op::Mul, 0.0)),
        ("times a power of two", number(Op::Mul, 0.125)),
        ("over a number", number(Op::Div, 3.0)),
        ("over a power of two", number(Op::Div, -8.0)),
        ("from a number", from_number(Op::Sub, 1.0)),
        ("channels shifted and scaled", {
            Net::of(&[1, 2, 3, 3], |net, x| {
                let factors = net.constant(&[1, 2, 1, 1], vec![0.3, 1.7]);
                let scaled = net.apply(Op::Mul, &[x, factors]);
                let addends = net.constant(&[2, 1, 1], vec![-0.4, 0.9]);
                let shifted = net.apply(Op::Add, &[scaled, addends]);
                let divisors = net.constant(&[3], vec![1.0, 2.0, 3.0]);
                net.apply(Op::Div, &[shifted, divisors])
            })
        }),
        ("a row times a column", {
            Net::of(&[1, 4], |net, x| {
                let column = net.apply(
                    Op::Reshape(evmbench_model::graph::Reshape { shape: vec![4, 1] }),
                    &[x],
                );
                let product = net.apply(Op::Mul, &[column, x]);
                net.apply(Op::Sub, &[product, column])
            })
        }),
        ("beside a constant", {
            Net::of(&[1, 4], |net, x| {
                let constant = net.constant(&[1, 2], vec![0.5, -0.25]);
                net.apply(Op::Concat(Concat { axis: 1 }), &[constant, x])
            })
        }),
    ]
}

/// Elements moved before what looks up, weighs and shows them.
fn movements() -> Vec<(&'static str, Graph)> {
    let image: &[usize] = &[1, 2, 3, 4];
    let moved = |name: &'static str, movement: Movement, after: Vec<Op>| {
        let layers = [vec![conv(2, 2, 3, 1, 1, 1, 300), Op::Movement(movement)], after].concat();
        (name, small(image, layers))
    };
    let cut = |axis, start, end, step| Cut {
        axis,
        start,
        end,
        step,
    };
    let padded = |filling| Movement::Pad {
        before: vec![0, 0, 1, 0],
        after: vec![0, 0, 0, 2],
        filling,
    };
    vec![
        moved(
            "transposed",
            Movement::Transpose {
                permutation: vec![0, 2, 3, 1],
            },
            vec![Op::Relu],
        ),
        moved(
            "sliced",
            Movement::Slice(vec![cut(2, 0, 3, 2), cut(3, -1, -9, -1)]),
            vec![Op::Relu],
        ),
        moved(
            "gathered",
            Movement::Gather {
                axis: 1,
                indices: vec![1, 0, 1],
                shape: vec![3],
            },
            vec![Op::Tanh],
        ),
        moved("padded", padded(Filling::Number(0.5)), vec![Op::Relu]),
        moved("padded with its edges", padded(Filling::Edge), vec![Op::Relu]),
        moved(
            "expanded",
            Movement::Expand {
                shape: vec![2, 1, 2, 1, 1],
            },
            Vec::new(),
        ),
        moved(
            "tiled",
            Movement::Tile {
                repeats: vec![1, 1, 2, 1],
            },
            vec![Op::Sigmoid],
        ),
        (
            "depth to space",
            small(
                &[1, 4, 2, 2],
                vec![
                    Op::Movement(Movement::DepthToSpace {
                        block: 2,
                        column_row_depth: true,
                    }),
                    conv(1, 2, 3, 1, 1, 1, 302),
                ],
            ),
        ),
        (
            "space to depth",
            small(
                &[1, 1, 4, 4],
                vec![
                    Op::Movement(Movement::SpaceToDepth { block: 2 }),
                    conv(4, 2, 1, 1, 0, 1, 304),
                    Op::Relu,
                ],
            ),
        ),
    ]
}

fn reductions() -> Vec<(&'static str, Graph)> {
    let image: &[usize] = &[1, 2, 4, 4];
    let reduced = |reduction, axes: &[usize]| {
        let op = Reduce {
            reduction,
            axes: axes.to_vec(),
            keeps: true,
        };
        small(image, vec![conv(2, 2, 3, 1, 1, 1, 310), Op::Reduce(op), Op::Tanh])
    };
    let pool = |counts_padding| {
        let op = PaddedMean {
            window: Window::square(3, 2, 1),
            counts_padding,
        };
        small(
            image,
            vec![conv(2, 2, 3, 1, 1, 1, 312), Op::PaddedMean(op), Op::Relu],
        )
    };
    let global = |reduction| {
        let pooled = vec![
            Op::GlobalPool(GlobalPool { reduction }),
            Op::Flatten,
            gemm(2, 3, 316),
        ];
        small(
            image,
            [vec![conv(2, 2, 3, 1, 1, 1, 314), Op::Relu], pooled].concat(),
        )
    };
    vec![
        ("sums", reduced(Reduction::Sum, &[1, 3])),
        ("means", reduced(Reduction::Mean, &[2])),
        ("greatest", reduced(Reduction::Greatest, &[1, 2, 3])),
        ("least", reduced(Reduction::Least, &[3])),
        ("a mean with padding", pool(true)),
        ("a mean without its padding", pool(false)),
        ("a mean of the image", global(Reduction::Mean)),
        ("the greatest of the image", global(Reduction::Greatest)),
    ]
}

fn comparisons() -> Vec<(&'static str, Graph)> {
    let row: &[usize] = &[1, 5];
    let chosen = |op: Compare| {
        Net::of(row, |net, x| {
            let layer = net.apply(gemm(5, 5, 320), &[x]);
            let truth = net.apply(Op::Compare(op), &[x, layer]);
            let other = net.apply(Op::Not, &[truth]);
            net.apply(Op::Where, &[other, x, layer])
        })
    };
    let position = |last_of_equals| {
        let op = ArgMax {
            axis: 1,
            keeps: true,
            of_least: false,
            last_of_equals,
        };
        Net::of(row, |net, x| net.apply(Op::ArgMax(op), &[x]))
    };
    let extreme = |op: Extreme| {
        Net::of(row, |net, x| {
            let layer = net.apply(gemm(5, 5, 324), &[x]);
            let number = net.constant(&[1], vec![0.125]);
            net.apply(Op::Extreme(op), &[layer, x, number])
        })
    };
    vec![
        ("where greater", chosen(Compare::Greater)),
        ("where not less", chosen(Compare::GreaterOrEqual)),
        ("the greatest of values", extreme(Extreme::Greatest)),
        ("the least of values", extreme(Extreme::Least)),
        ("where the greatest stands", position(false)),
        ("where the last of the greatest stands", position(true)),
    ]
}

fn products() -> Vec<(&'static str, Graph)> {
    let shares = |is_logarithm| Op::Softmax(Softmax { is_logarithm });
    vec![
        (
            "rows times a matrix",
            Net::of(&[1, 3, 4], |net, x| {
                let matrix = net.constant(&[4, 2], drawn(&[4, 2], 330, 0.5).data);
                let product = net.apply(Op::MatMul, &[x, matrix]);
                net.apply(Op::Relu, &[product])
            }),
        ),
        (
            "attention",
            Net::of(&[1, 2, 3, 4], |net, x| {
                let turned = Movement::Transpose {
                    permutation: vec![0, 1, 3, 2],
                };
                let keys = net.apply(Op::Movement(turned), &[x]);
                let scores = net.apply(Op::MatMul, &[x, keys]);
                let scores = net.with(Op::Div, scores, 2.0);
                let weights = net.apply(shares(false), &[scores]);
                net.apply(Op::MatMul, &[weights, x])
            }),
        ),
        (
            "a layer of several rows",
            small(
                &[1, 12],
                vec![
                    Op::Reshape(evmbench_model::graph::Reshape { shape: vec![3, 4] }),
                    gemm(4, 2, 332),
                    Op::Tanh,
                ],
            ),
        ),
        ("shares", small(&[1, 6], vec![gemm(6, 5, 334), shares(false)])),
        ("logarithms of shares", small(&[1, 2, 3], vec![shares(true)])),
        (
            "a quotient of values",
            Net::of(&[1, 4], |net, x| {
                let square = net.apply(Op::Mul, &[x, x]);
                let positive = net.with(Op::Add, square, 0.5);
                net.apply(Op::Div, &[x, positive])
            }),
        ),
    ]
}

fn normalised() -> Vec<(&'static str, Graph)> {
    vec![
        (
            "rows normalised",
            small(
                &[1, 3, 4],
                vec![Op::LayerNorm(LayerNorm {
                    axis: 2,
                    scale: drawn(&[4], 336, 1.0),
                    bias: Some(drawn(&[4], 337, 0.5)),
                    epsilon: 1e-2,
                })],
            ),
        ),
        // Rows and their elements need one bit more than the axes that they are made of.
        (
            "rows of one axis among several normalised",
            small(
                &[1, 15],
                vec![
                    Op::Reshape(evmbench_model::graph::Reshape {
                        shape: vec![5, 3, 1, 1],
                    }),
                    Op::LayerNorm(LayerNorm {
                        axis: 1,
                        scale: drawn(&[3, 1, 1], 342, 1.0),
                        bias: None,
                        epsilon: 1e-2,
                    }),
                    Op::Relu,
                ],
            ),
        ),
        (
            "channels normalised",
            small(
                &[1, 2, 3, 3],
                vec![
                    Op::InstanceNorm(InstanceNorm {
                        scale: drawn(&[2], 338, 1.0),
                        bias: drawn(&[2], 339, 0.5),
                        epsilon: 1e-2,
                    }),
                    Op::Relu,
                ],
            ),
        ),
        (
            "a transposed convolution",
            small(
                &[1, 2, 3, 3],
                vec![
                    Op::ConvTranspose2d(ConvTranspose2d {
                        weight: drawn(&[2, 3, 3, 3], 340, 0.5),
                        bias: Some(drawn(&[3], 341, 0.5)),
                        window: Window::square(3, 2, 1),
                        more: [1, 0],
                        groups: 1,
                    }),
                    Op::Relu,
                ],
            ),
        ),
    ]
}

/// Values that are held to where functions have results, which the drawn inputs are; and quotients of whole numbers.
fn held() -> Vec<(&'static str, Graph)> {
    let row: &[usize] = &[1, 2];
    let shifted = |function: Smooth| {
        Net::of(row, |net, x| {
            let more = net.with(Op::Add, x, 0.9375);
            net.apply(Op::Smooth(function), &[more])
        })
    };
    let position = ArgMax {
        axis: 1,
        keeps: true,
        of_least: false,
        last_of_equals: false,
    };
    vec![
        (
            "numbers from the least of a type",
            Net::of(row, |net, x| {
                let more = net.with(Op::Add, x, 0.9375);
                let whole = net.apply(Op::Whole(Whole::Floor), &[more]);
                net.apply(Op::Within(Within::whole(0, 2)), &[whole])
            }),
        ),
        (
            "numbers up to the greatest of a type",
            Net::of(row, |net, x| {
                let less = net.with(Op::Sub, x, 0.9375);
                let whole = net.apply(Op::Whole(Whole::Ceil), &[less]);
                net.apply(Op::Within(Within::whole(-2, 0)), &[whole])
            }),
        ),
        (
            "a score that its mask would not hide",
            Net::of(row, |net, x| {
                let less = net.with(Op::Sub, x, 0.9375);
                let hidden = Within {
                    is_whole: false,
                    ..Within::whole(-2, 0)
                };
                net.apply(Op::Within(hidden), &[less])
            }),
        ),
        ("a root of what may be negative", shifted(Smooth::Sqrt)),
        ("a logarithm of what may be negative", shifted(Smooth::Log)),
        (
            "an angle of what may be no cosine",
            Net::of(row, |net, x| {
                let scaled = net.with(Op::Mul, x, 1.0625);
                net.apply(Op::Smooth(Smooth::Acos), &[scaled])
            }),
        ),
        (
            "a quotient by what may be 0",
            Net::of(row, |net, x| {
                let more = net.with(Op::Add, x, 2.0);
                net.apply(Op::Div, &[more, x])
            }),
        ),
        (
            "a position over a number",
            Net::of(&[1, 7], |net, x| {
                let position = net.apply(Op::ArgMax(position), &[x]);
                let less = net.with(Op::Sub, position, 4.0);
                net.with(Op::IntegerDiv, less, 2.0)
            }),
        ),
        (
            "elements by a constant mask",
            Net::of(row, |net, x| {
                let layer = net.apply(gemm(2, 2, 350), &[x]);
                let truth = net.constant(&[1, 2], vec![1.0, 0.0]);
                net.apply(Op::Where, &[truth, layer, x])
            }),
        ),
    ]
}

/// All of them.
pub(super) fn graphs() -> Vec<(&'static str, Graph)> {
    [
        piecewise(),
        smooth(),
        whole(),
        arithmetic(),
        movements(),
        reductions(),
        comparisons(),
        products(),
        normalised(),
    ]
    .concat()
}

/// A quotient or a remainder that is one off, with every digit that could go with it, is noticed; and so is any other claim.
#[test]
fn every_claim_of_an_operator_counts() {
    for (name, graph) in graphs().into_iter().chain(held()) {
        let circuit = lower(&graph, &options(4, InputAssurance::Registered, false, 1.0)).unwrap();
        let honest = circuit
            .witness(&input::seeded_uniform(graph.shape(graph.inputs[0]), 3))
            .unwrap();
        assert!(is_accepted(&circuit, &honest), "{name}");
        for position in 0..honest.claims.len() {
            // What is looked up as max(claim, 0) is 0 of a negative claim as well.
            let least = if honest.claims[position] == 0 { 1 } else { -1 };
            for change in [1, least] {
                let mut witness = honest.clone();
                witness.claims[position] += change;
                assert!(!is_accepted(&circuit, &witness), "{name}, claim {position}");
            }
        }
        for position in 0..honest.output.len() {
            let mut witness = honest.clone();
            witness.output[position] += 1;
            assert!(!is_accepted(&circuit, &witness), "{name}, output {position}");
        }
    }
}

/// The quotient one too small, and the remainder larger by the divisor; and the other way round. Whatever digits say that, one of the two
/// remainders has no digits left.
#[test]
fn a_quotient_that_is_one_off_has_no_remainder() {
    let graph = Net::of(&[1, 4], |net, x| {
        let square = net.apply(Op::Mul, &[x, x]);
        let positive = net.with(Op::Add, square, 0.5);
        net.apply(Op::Div, &[x, positive])
    });
    let circuit = lower(&graph, &options(6, InputAssurance::Registered, true, 1.0)).unwrap();
    let honest = circuit.witness(&input::seeded_uniform(&[1, 4], 3)).unwrap();
    let index = circuit
        .program
        .steps
        .iter()
        .position(|step| matches!(step, Step::Divide { .. }));
    let index = index.expect("a division");
    let Step::Divide { denominator, .. } = circuit.program.steps[index] else {
        unreachable!("it was found");
    };
    let digits = circuit.program.remainder_digits(index);
    let base = circuit.program.base();
    let first: usize = (0..index).flat_map(|step| circuit.program.claims(step)).sum();
    let divisors = circuit
        .program
        .run(&honest.input)
        .values
        .swap_remove(denominator.0);
    let mut forged = 0;
    for (place, divisor) in divisors.into_iter().enumerate() {
        for change in [1, -1] {
            let mut witness = honest.clone();
            witness.claims[first + place] += change;
            let number = |witness: &Witness, part: usize| -> i128 {
                let digit = |at: usize| witness.claims[first + 4 * (1 + part * digits + at) + place];
                (0..digits)
                    .map(digit)
                    .fold(0, |number, digit| number * base + digit)
            };
            let moved = 2 * divisor * change;
            for (part, number) in [(0, number(&honest, 0) - moved), (1, number(&honest, 1) + moved)] {
                for (at, digit) in spelled(number, base, digits).into_iter().enumerate() {
                    witness.claims[first + 4 * (1 + part * digits + at) + place] = digit;
                }
            }
            assert!(!is_accepted(&circuit, &witness), "{place} {change}");
            forged += 1;
        }
    }
    assert_eq!(forged, 8);
}

/// A prover whose input is where a function has no result has no proof: whatever it claims of how much more than the least the value is.
#[test]
fn what_is_outside_a_domain_has_no_proof() {
    let edges = [
        ("a root of what may be negative", -0.9375, 0, -1),
        ("a quotient by what may be 0", 0.0, 1, -1),
        ("numbers from the least of a type", -0.9375, 0, -1),
        ("numbers up to the greatest of a type", 0.9375, 0, 1),
    ];
    for (name, edge, least, outwards) in edges {
        let (_, graph) = held().into_iter().find(|(known, _)| *known == name).unwrap();
        let circuit = lower(&graph, &options(6, InputAssurance::Registered, true, 1.0)).unwrap();
        assert!(circuit.is_partial());
        let unit = circuit.input().unit;
        let edge = (edge * unit).round() as i128;
        let outside = if least == 0 { edge + outwards } else { edge };
        let inside = vec![edge - 3 * outwards; 2];
        let honest = circuit.witness_of(inside.clone()).unwrap();
        assert!(is_accepted(&circuit, &honest), "{name}");
        let mut input = inside;
        input[1] = outside;
        let error = circuit.witness_of(input.clone()).unwrap_err();
        assert!(
            matches!(error, CommittedError::Program(ProgramError::Domain { .. })),
            "{name}: {error}"
        );
        // Claims of any number of digits, and all else as the honest prover's.
        let mut found = 0;
        for claimed in -2..5 {
            for place in 0..honest.claims.len() {
                let mut witness = honest.clone();
                witness.input.clone_from(&input);
                witness.claims[place] = claimed;
                assert!(!is_accepted(&circuit, &witness), "{name}: {claimed} at {place}");
                found += 1;
            }
        }
        assert!(found > 0, "{name}");
    }
}

/// A number in digits that add up to it, most significant first; one that is negative is its own last digit.
fn spelled(number: i128, base: i128, digits: usize) -> Vec<i128> {
    let places = (0..digits as u32).rev();
    let digit = |place: u32| match (number < 0, place) {
        (true, 0) => number,
        (true, _) => 0,
        (false, place) if place as usize + 1 == digits => number / base.pow(place),
        (false, place) => number / base.pow(place) % base,
    };
    places.map(digit).collect()
}
