//! Committed circuits, evaluated over the field without EZKL: honest claims satisfy the check, and nothing else does.

mod compositions;
mod operators;
mod packing;
mod table;

use std::collections::HashMap;
use std::fmt::Write as _;

use alloy_primitives::U256;
use proptest::prelude::*;

use super::*;
use evmbench_backend::FIELD_MODULUS as ORDER;
use evmbench_backend::{Function, NodeId, Operator, RECTIFIER_EXPONENT};
use evmbench_ezkl::{Ezkl, compiled::Compiled};
use evmbench_model::graph::{
    AvgPool2d, BatchNorm, Concat, Conv2d, Gemm, LayerNorm, MaxPool2d, Op, Reshape, Smooth, Softmax, Window,
};

use evmbench_model::program::Tabulated;
use evmbench_model::suite::{self, Category, MODELS};
use evmbench_model::{input, layers};

fn lower(graph: &Graph, options: &CommittedOptions) -> Result<CommittedCircuit, CommittedError> {
    super::lower(graph, options, &Ezkl)
}

/// Names of the circuit's inputs here.
const INPUT: &str = "input";
const OUTPUT: &str = "output";
const CLAIMS: &str = "claims";
const CHALLENGE: &str = "challenge";

/// A field element of an integer.
fn element(integer: i128) -> U256 {
    let magnitude = U256::from(integer.unsigned_abs());
    if integer < 0 { ORDER - magnitude } else { magnitude }
}

/// An element as the table's index, if it is one.
fn index(element: U256) -> Option<i128> {
    let small = |value: U256| i128::try_from(value).ok().filter(|&value| value < 1 << 40);
    small(element).or_else(|| small(ORDER - element).map(|value| -value))
}

/// Evaluates a circuit as EZKL's constraints have it; `None` where an element is not in the table.
fn evaluate(
    circuit: &backend::Graph,
    inputs: &HashMap<&str, Vec<U256>>,
    table: Option<(i128, i128)>,
) -> Option<Vec<Vec<U256>>> {
    evaluate_with(circuit, inputs, table, |_, _| {})
}

/// The same with results that are not what they should be.
fn evaluate_with(
    circuit: &backend::Graph,
    inputs: &HashMap<&str, Vec<U256>>,
    table: Option<(i128, i128)>,
    change: impl Fn(NodeId, &mut Vec<U256>),
) -> Option<Vec<Vec<U256>>> {
    let mut given = [INPUT, OUTPUT, CLAIMS, CHALLENGE]
        .map(|name| &inputs[name])
        .into_iter()
        .filter(|tensor| !tensor.is_empty());
    let mut values: Vec<Vec<U256>> = Vec::new();
    for (at_node, node) in circuit.nodes().iter().enumerate() {
        let of = |at: usize| &values[node.inputs[at].0];
        let shape_of = |at: usize| circuit.shape(node.inputs[at]);
        let pairwise = |combine: &dyn Fn(U256, U256) -> U256| -> Vec<U256> {
            let shape = &node.shape;
            (0..node.elements())
                .map(|place| {
                    let read = |at: usize| of(at)[broadcast_index(place, shape, shape_of(at))];
                    combine(read(0), read(1))
                })
                .collect()
        };
        let mut value = match &node.operator {
            Operator::Input => given.next().expect("as many as the circuit has").clone(),
            Operator::Constant(elements) => elements.iter().map(|element| element.number()).collect(),
            Operator::Reshape => of(0).clone(),
            Operator::Gather { axis, positions } => gather(of(0), shape_of(0), *axis, positions),
            Operator::Add => pairwise(&|a, b| a.add_mod(b, ORDER)),
            Operator::Subtract => pairwise(&|a, b| a.add_mod(ORDER - b, ORDER)),
            Operator::Multiply => pairwise(&|a, b| a.mul_mod(b, ORDER)),
            Operator::Negate => of(0).iter().map(|&x| (ORDER - x) % ORDER).collect(),
            Operator::Concatenate { axis } => {
                let outer: usize = node.shape[..*axis].iter().product();
                let parts = (0..outer).flat_map(|row| (0..node.inputs.len()).map(move |at| (row, at)));
                let part = |(row, at): (usize, usize)| {
                    let len = of(at).len() / outer;
                    of(at)[row * len..][..len].to_vec()
                };
                parts.flat_map(part).collect()
            }
            Operator::AssertEqual => panic!("committed circuits have none"),
            Operator::Einsum { equation, .. } => einsum(equation, of(0), shape_of(0), of(1), shape_of(1)),
            Operator::LookUp(Function { table: kind, scale }) => {
                let (least, greatest) = table.expect("a table");
                let results = of(0).iter().map(|&x| {
                    let x = index(x).filter(|x| (least..=greatest).contains(x))?;
                    // As EZKL's `nonlinearities` have it.
                    let one = f64::from(*scale).exp2();
                    let y = x as f64 / one;
                    let y = match kind {
                        Table::Rectifier => y.powf(f64::from(RECTIFIER_EXPONENT)),
                        Table::Sigmoid => 1.0 / (1.0 + (-y).exp()),
                        Table::Tanh => y.tanh(),
                        Table::Exponential => f64::from(std::f32::consts::E).powf(y),
                        Table::Logarithm => y.ln(),
                        Table::Root => y.powf(0.5),
                        Table::Cosine => y.cos(),
                        Table::Sine => y.sin(),
                        Table::Tangent => y.tan(),
                        Table::ArcCosine => y.acos(),
                        Table::ArcSine => y.asin(),
                        Table::ArcTangent => y.atan(),
                        Table::HyperbolicCosine => y.cosh(),
                        Table::HyperbolicSine => y.sinh(),
                        Table::AreaCosine => y.acosh(),
                        Table::AreaSine => y.asinh(),
                        Table::AreaTangent => y.atanh(),
                        Table::ErrorFunction => {
                            return Some(element(Tabulated::ErrorFunction.integer(x, *scale)));
                        }
                    };
                    Some(element((one * y).round() as i128))
                });
                results.collect::<Option<Vec<_>>>()?
            }
        };
        assert_eq!(value.len(), node.elements(), "{:?}", node.operator);
        change(NodeId(at_node), &mut value);
        values.push(value);
    }
    let outputs = circuit.outputs().iter();
    Some(outputs.map(|id| values[id.0].clone()).collect())
}

fn broadcast_index(place: usize, shape: &[usize], own: &[usize]) -> usize {
    let mut rest = place;
    let mut stride = 1;
    let mut index = 0;
    for axis in (0..shape.len()).rev() {
        let position = rest % shape[axis];
        rest /= shape[axis];
        if let Some(size) = (axis + own.len()).checked_sub(shape.len()).map(|axis| own[axis]) {
            if size > 1 {
                index += position * stride;
            }
            stride *= size;
        }
    }
    index
}

fn gather(values: &[U256], shape: &[usize], axis: usize, positions: &[usize]) -> Vec<U256> {
    let inner: usize = shape[axis + 1..].iter().product();
    let mut gathered = Vec::new();
    for outer in values.chunks(shape[axis] * inner) {
        for &position in positions {
            gathered.extend_from_slice(&outer[position * inner..][..inner]);
        }
    }
    gathered
}

fn einsum(equation: &str, a: &[U256], a_shape: &[usize], b: &[U256], b_shape: &[usize]) -> Vec<U256> {
    let (inputs, output) = equation.split_once("->").unwrap();
    let (left, right) = inputs.split_once(',').unwrap();
    let mut letters: Vec<char> = output.chars().collect();
    letters.extend(left.chars().chain(right.chars()));
    let mut seen = Vec::new();
    letters.retain(|letter| {
        !seen.contains(letter) && {
            seen.push(*letter);
            true
        }
    });
    let size = |letter: char| {
        let find = |letters: &str, shape: &[usize]| letters.find(letter).map(|at| shape[at]);
        find(left, a_shape).or_else(|| find(right, b_shape)).unwrap()
    };
    let sizes: Vec<usize> = letters.iter().map(|&letter| size(letter)).collect();
    let outputs: usize = sizes[..output.len()].iter().product();
    let terms: usize = sizes[output.len()..].iter().product();
    let mut result = vec![U256::ZERO; outputs];
    for place in 0..outputs * terms {
        let mut rest = place;
        let mut positions = HashMap::new();
        for (&letter, &size) in letters.iter().zip(&sizes).rev() {
            positions.insert(letter, rest % size);
            rest /= size;
        }
        let at = |letters: &str, shape: &[usize]| {
            letters
                .chars()
                .zip(shape)
                .fold(0, |at, (letter, size)| at * size + positions[&letter])
        };
        let product = a[at(left, a_shape)].mul_mod(b[at(right, b_shape)], ORDER);
        result[place / terms] = result[place / terms].add_mod(product, ORDER);
    }
    result
}

fn rho() -> U256 {
    // Some full-width element.
    U256::from_limbs([
        0x1234_5678_9abc_def0,
        0x0fed_cba9_8765_4321,
        0x1111_2222_3333_4444,
        0x1555_6666_7777_8888,
    ])
}

/// What a prover commits to, as field elements.
fn inputs(witness: &Witness) -> HashMap<&'static str, Vec<U256>> {
    let list = |integers: &[i128]| {
        integers
            .iter()
            .map(|&integer| element(integer))
            .collect::<Vec<_>>()
    };
    HashMap::from([
        (INPUT, list(&witness.input)),
        (OUTPUT, list(&witness.output)),
        (CLAIMS, list(&witness.claims)),
        (CHALLENGE, vec![rho()]),
    ])
}

/// The public outputs for these commitments.
fn outputs(circuit: &CommittedCircuit, witness: &Witness) -> Option<Vec<Vec<U256>>> {
    evaluate(&circuit.layout.graph, &inputs(witness), circuit.table_range())
}

fn is_accepted(circuit: &CommittedCircuit, witness: &Witness) -> bool {
    outputs(circuit, witness).is_some_and(|outputs| outputs[0] == [U256::ZERO] && outputs[1] == [rho()])
}

fn options(scale: u32, assurance: InputAssurance, output_public: bool, input_bound: f64) -> CommittedOptions {
    CommittedOptions::new(
        scale,
        Integers::of_input(scale, input_bound),
        assurance,
        output_public,
    )
}

/// A small graph of one layer or several, with weights drawn from a seed.
fn small(input_shape: &[usize], ops: Vec<Op>) -> Graph {
    let mut graph = Graph::default();
    let mut last = graph.input("input", input_shape).unwrap();
    for (index, op) in ops.into_iter().enumerate() {
        let inputs = if op == Op::Mul {
            vec![last, last]
        } else {
            vec![last]
        };
        last = graph
            .apply(&format!("n{index}"), &format!("v{index}"), op, &inputs)
            .unwrap();
    }
    graph.outputs.push(last);
    graph
}

fn drawn(shape: &[usize], seed: u64, bound: f32) -> Tensor {
    let mut tensor = input::seeded_uniform(shape, seed);
    for x in &mut tensor.data {
        *x *= bound;
    }
    tensor
}

fn conv(
    input: usize,
    output: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    groups: usize,
    seed: u64,
) -> Op {
    Op::Conv2d(Conv2d {
        weight: drawn(&[output, input / groups, kernel, kernel], seed, 0.5),
        bias: Some(drawn(&[output], seed + 1, 0.5)),
        window: Window::square(kernel, stride, padding),
        groups,
    })
}

fn gemm(input: usize, output: usize, seed: u64) -> Op {
    Op::Gemm(Gemm {
        weight: drawn(&[output, input], seed, 0.3),
        bias: Some(drawn(&[output], seed + 1, 0.3)),
    })
}

fn batch_norm(channels: usize, seed: u64) -> Op {
    let mut variance = drawn(&[channels], seed + 3, 0.4);
    for x in &mut variance.data {
        *x += 1.0;
    }
    Op::BatchNorm(BatchNorm {
        scale: drawn(&[channels], seed, 1.0),
        bias: drawn(&[channels], seed + 1, 0.5),
        mean: drawn(&[channels], seed + 2, 0.5),
        variance,
        epsilon: 1e-5,
    })
}

fn layer_norm(shape: &[usize], seed: u64) -> Op {
    Op::LayerNorm(LayerNorm {
        axis: 1,
        scale: drawn(shape, seed, 1.0),
        bias: Some(drawn(shape, seed + 1, 0.5)),
        epsilon: 1e-5,
    })
}

/// An image beside what a branch makes of it, along an axis, and layers after both.
fn beside_itself(axis: usize, branch: Vec<Op>, after: Vec<Op>) -> Graph {
    let mut graph = small(&[1, 2, 4, 4], branch);
    let branches = [graph.inputs[0], graph.outputs[0]];
    let both = Op::Concat(Concat { axis });
    let mut last = graph.apply("both", "both.output", both, &branches).unwrap();
    for (index, op) in after.into_iter().enumerate() {
        let (name, output) = (format!("after{index}"), format!("after{index}.output"));
        last = graph.apply(&name, &output, op, &[last]).unwrap();
    }
    graph.outputs = vec![last];
    graph
}

/// Values of different units side by side, along each axis, before what looks up, weighs, and shows them.
fn concatenations() -> Vec<(&'static str, Graph)> {
    let pool = Window::square(2, 2, 0);
    vec![
        (
            "channels side by side",
            beside_itself(
                1,
                vec![conv(2, 3, 3, 1, 1, 1, 70), Op::Relu],
                vec![conv(5, 2, 3, 1, 1, 1, 72), Op::Relu],
            ),
        ),
        (
            "rows side by side",
            beside_itself(
                2,
                vec![conv(2, 2, 3, 1, 1, 1, 74)],
                vec![Op::Relu, Op::MaxPool2d(MaxPool2d(pool))],
            ),
        ),
        (
            "columns side by side",
            beside_itself(3, vec![Op::Mul], vec![Op::Flatten, gemm(64, 3, 76)]),
        ),
        (
            "side by side at last",
            beside_itself(1, vec![conv(2, 1, 3, 1, 1, 1, 78)], Vec::new()),
        ),
    ]
}

/// An input drawn for each graph input.
fn each_drawn(graph: &Graph, seed: u64) -> Vec<Tensor> {
    let shapes = graph.inputs.iter().map(|&input| graph.shape(input)).zip(seed..);
    shapes
        .map(|(shape, seed)| input::seeded_uniform(shape, seed))
        .collect()
}

/// The same one after the other, as a circuit takes them.
fn drawn_for(graph: &Graph, seed: u64) -> Tensor {
    let inputs = each_drawn(graph, seed);
    let data: Vec<f32> = inputs.iter().flat_map(|input| &input.data).copied().collect();
    Tensor::new([data.len()], data)
}

/// Several images at once, values without a batch, and a model that gives back what it is given.
fn batches() -> Vec<(&'static str, Graph)> {
    let pool = Window::square(2, 2, 0);
    vec![
        (
            "two images",
            small(
                &[2, 2, 4, 4],
                vec![
                    conv(2, 3, 3, 1, 1, 1, 80),
                    Op::Relu,
                    Op::MaxPool2d(MaxPool2d(pool)),
                    Op::Flatten,
                    gemm(12, 3, 82),
                ],
            ),
        ),
        (
            "two images, channel by channel",
            small(
                &[2, 2, 4, 4],
                vec![
                    batch_norm(2, 84),
                    Op::AvgPool2d(AvgPool2d(pool)),
                    conv(2, 2, 1, 1, 0, 2, 86),
                ],
            ),
        ),
        (
            "rows of one image",
            small(
                &[1, 2, 3, 3],
                vec![
                    Op::Reshape(Reshape { shape: vec![2, 9] }),
                    gemm(9, 2, 88),
                    Op::Relu,
                ],
            ),
        ),
        ("no batch", small(&[6], vec![Op::Relu, Op::Mul])),
        ("nothing", small(&[1, 2, 3], Vec::new())),
    ]
}

/// Several inputs and outputs, of different units and shapes.
fn several_ports() -> Graph {
    let mut graph = Graph::default();
    let image = graph.input("image", &[1, 2, 4, 4]).unwrap();
    let list = graph.input("list", &[1, 5]).unwrap();
    let other = graph.input("other", &[1, 2, 4, 4]).unwrap();
    let layer = conv(2, 2, 3, 1, 1, 1, 90);
    let image = graph.apply("conv", "maps", layer, &[image]).unwrap();
    let sum = graph.apply("sum", "sums", Op::Add, &[image, other]).unwrap();
    let dense = graph.apply("dense", "scores", gemm(5, 3, 92), &[list]).unwrap();
    let rectified = graph.apply("relu", "rectified", Op::Relu, &[sum]).unwrap();
    graph.outputs = vec![dense, rectified, sum];
    graph
}

/// Two branches whose units differ by a ratio that is no power of two: means over nine elements beside a convolution.
fn residual_of(after: Vec<Op>) -> Graph {
    let mut graph = Graph::default();
    let image = graph.input("image", &[1, 2, 5, 5]).unwrap();
    let mean = Op::AvgPool2d(AvgPool2d(Window::square(3, 1, 0)));
    let mean = graph.apply("mean", "means", mean, &[image]).unwrap();
    let layer = conv(2, 2, 3, 1, 0, 1, 94);
    let maps = graph.apply("conv", "maps", layer, &[image]).unwrap();
    let mut last = graph.apply("sum", "sums", Op::Add, &[mean, maps]).unwrap();
    for (index, op) in after.into_iter().enumerate() {
        let (name, output) = (format!("after{index}"), format!("after{index}.output"));
        last = graph.apply(&name, &output, op, &[last]).unwrap();
    }
    graph.outputs = vec![last];
    graph
}

fn meetings() -> Vec<(&'static str, Graph)> {
    vec![
        ("several inputs and outputs", several_ports()),
        (
            "a sum of units 9 times a power of two apart",
            residual_of(Vec::new()),
        ),
        (
            "layers after such a sum",
            residual_of(vec![Op::Relu, conv(2, 2, 3, 1, 1, 1, 96), Op::Relu]),
        ),
    ]
}

/// One graph for each way in which layers meet.
fn graphs() -> Vec<(&'static str, Graph)> {
    let pool = Window::square(2, 2, 0);
    let image: &[usize] = &[1, 2, 6, 6];
    let chains = vec![
        ("convolution", small(image, vec![conv(2, 3, 3, 1, 1, 1, 1)])),
        ("strided", small(image, vec![conv(2, 3, 3, 2, 1, 1, 2)])),
        ("unpadded", small(image, vec![conv(2, 3, 3, 1, 0, 1, 3)])),
        ("wide kernel", small(image, vec![conv(2, 2, 5, 2, 2, 1, 4)])),
        ("depthwise", small(image, vec![conv(2, 2, 3, 1, 1, 2, 5)])),
        ("grouped", small(&[1, 4, 5, 5], vec![conv(4, 6, 3, 1, 1, 2, 6)])),
        ("1x1", small(image, vec![conv(2, 3, 1, 1, 0, 1, 7)])),
        ("rectifier", small(image, vec![Op::Relu])),
        ("square", small(image, vec![Op::Mul])),
        ("tanh", small(image, vec![Op::Tanh])),
        ("sigmoid", small(image, vec![Op::Sigmoid])),
        ("max", small(image, vec![Op::MaxPool2d(MaxPool2d(pool))])),
        (
            "padded max",
            small(image, vec![Op::MaxPool2d(MaxPool2d(Window::square(3, 2, 1)))]),
        ),
        ("average", small(image, vec![Op::AvgPool2d(AvgPool2d(pool))])),
        ("batch norm", small(image, vec![batch_norm(2, 8)])),
        (
            "layer norm",
            small(&[1, 2, 4, 4], vec![layer_norm(&[2, 4, 4], 9)]),
        ),
        ("dense", small(&[1, 10], vec![gemm(10, 5, 10)])),
        (
            "dense twice",
            small(&[1, 10], vec![gemm(10, 5, 11), Op::Relu, gemm(5, 3, 13)]),
        ),
        (
            "relu, max",
            small(
                image,
                vec![
                    conv(2, 3, 3, 1, 1, 1, 14),
                    Op::Relu,
                    Op::MaxPool2d(MaxPool2d(pool)),
                    Op::Flatten,
                    gemm(27, 4, 15),
                ],
            ),
        ),
        (
            "max without relu",
            small(
                image,
                vec![
                    conv(2, 3, 3, 1, 1, 1, 16),
                    Op::MaxPool2d(MaxPool2d(pool)),
                    Op::Flatten,
                    gemm(27, 4, 17),
                ],
            ),
        ),
        (
            "square, average, conv",
            small(
                &[1, 2, 8, 8],
                vec![
                    conv(2, 2, 3, 1, 1, 1, 18),
                    Op::Mul,
                    Op::AvgPool2d(AvgPool2d(pool)),
                    conv(2, 3, 3, 1, 1, 1, 19),
                    Op::Relu,
                    Op::AvgPool2d(AvgPool2d(pool)),
                    Op::Flatten,
                    gemm(12, 4, 20),
                ],
            ),
        ),
        (
            "folded norm",
            small(
                image,
                vec![
                    conv(2, 3, 3, 2, 1, 1, 21),
                    batch_norm(3, 22),
                    Op::Relu,
                    conv(3, 2, 3, 1, 1, 1, 23),
                ],
            ),
        ),
        (
            "repeated taps",
            small(&[1, 2, 6, 6], vec![convolution_of(repeated_taps()), Op::Relu]),
        ),
    ];
    [
        concatenations(),
        batches(),
        meetings(),
        chains,
        operators::graphs(),
    ]
    .concat()
}

/// Layers that read some elements of what comes before them, or that multiply what they read by 0.
#[expect(clippy::too_many_lines, reason = "a list of graphs")]
fn sparsely_read() -> Vec<(&'static str, Graph)> {
    let image: &[usize] = &[1, 2, 4, 4];
    let whole = Window::square(4, 1, 0);
    let layer = |weight: Tensor, window: Window, groups: usize| {
        Op::Conv2d(Conv2d {
            weight,
            bias: None,
            window,
            groups,
        })
    };
    // The same taps are 0 in every channel.
    let with_zero_taps = |shape: [usize; 4], seed: u64| {
        let mut weight = drawn(&shape, seed, 0.5);
        let taps = shape[2] * shape[3];
        for (place, x) in weight.data.iter_mut().enumerate() {
            if !(place % taps).is_multiple_of(5) {
                *x = 0.0;
            }
        }
        weight
    };
    let zero = |shape: [usize; 4]| Tensor::new(shape, vec![0.0; shape.iter().product()]);
    let skipping = Window::square(1, 2, 0);
    let middle = |op: Op| {
        small(
            image,
            vec![conv(2, 2, 3, 1, 1, 1, 40), op, conv(2, 2, 1, 2, 0, 1, 42)],
        )
    };
    vec![
        (
            "one position",
            small(image, vec![layer(drawn(&[2, 2, 4, 4], 43, 0.5), whole, 1)]),
        ),
        (
            "one position, zero taps",
            small(image, vec![layer(with_zero_taps([2, 2, 4, 4], 44), whole, 1)]),
        ),
        (
            "one position, zero taps, depthwise",
            small(image, vec![layer(with_zero_taps([2, 1, 4, 4], 45), whole, 2)]),
        ),
        (
            "one position, zero taps, grouped",
            small(
                &[1, 4, 4, 4],
                vec![layer(with_zero_taps([4, 2, 4, 4], 46), whole, 2)],
            ),
        ),
        (
            "zero taps",
            small(
                image,
                vec![layer(
                    with_zero_taps([2, 2, 3, 3], 47),
                    Window::square(3, 1, 1),
                    1,
                )],
            ),
        ),
        (
            "no weights",
            small(image, vec![layer(zero([2, 2, 3, 3]), Window::square(3, 1, 1), 1)]),
        ),
        (
            "no weights, one position",
            small(image, vec![layer(zero([2, 2, 4, 4]), whole, 1)]),
        ),
        (
            "skipped",
            small(image, vec![layer(drawn(&[2, 2, 1, 1], 48, 0.5), skipping, 1)]),
        ),
        (
            "left over",
            small(
                &[1, 1, 5, 5],
                vec![layer(drawn(&[2, 1, 2, 2], 49, 0.5), Window::square(2, 2, 0), 1)],
            ),
        ),
        ("skipped after a rectifier", middle(Op::Relu)),
        (
            "one position after a rectifier",
            small(
                image,
                vec![
                    conv(2, 2, 3, 1, 1, 1, 50),
                    Op::Relu,
                    layer(with_zero_taps([2, 2, 4, 4], 52), whole, 1),
                ],
            ),
        ),
        (
            "maxima of some",
            small(
                &[1, 1, 5, 5],
                vec![
                    conv(1, 1, 3, 1, 1, 1, 53),
                    Op::MaxPool2d(MaxPool2d(Window::square(2, 3, 0))),
                    Op::Relu,
                ],
            ),
        ),
        (
            "averages of some",
            small(
                &[1, 1, 5, 5],
                vec![
                    conv(1, 1, 3, 1, 1, 1, 55),
                    Op::Relu,
                    Op::AvgPool2d(AvgPool2d(Window::square(2, 2, 0))),
                    Op::Flatten,
                    gemm(4, 2, 57),
                ],
            ),
        ),
        (
            "maxima of maxima",
            small(
                &[1, 1, 7, 7],
                vec![
                    Op::MaxPool2d(MaxPool2d(Window::square(2, 2, 0))),
                    Op::MaxPool2d(MaxPool2d(Window::square(2, 2, 0))),
                ],
            ),
        ),
    ]
}

/// A layer of which not every result is read is laid out like any other.
#[test]
fn honest_claims_of_sparsely_read_layers_are_accepted() {
    for (name, graph) in sparsely_read() {
        for scale in [4, 10] {
            for assurance in ASSURANCES {
                for output_public in [true, false] {
                    let circuit = lower(&graph, &options(scale, assurance, output_public, 1.0))
                        .unwrap_or_else(|error| panic!("{name}: {error}"));
                    let x = drawn_for(&graph, 3);
                    let witness = circuit.witness(&x).unwrap();
                    assert!(
                        is_accepted(&circuit, &witness),
                        "{name}, scale {scale}, {assurance}"
                    );
                }
            }
        }
    }
}

/// Whatever a look-up gives instead of the table's result, for any element, is noticed: the check is not 0, another look-up is
/// outside its table, or the result that is shown is another.
#[test]
fn every_result_of_a_lookup_counts() {
    for (name, graph) in graphs() {
        for scale in [4, 10] {
            let circuit = lower(&graph, &options(scale, InputAssurance::Ranged, true, 1.0)).unwrap();
            let x = drawn_for(&graph, 3);
            let honest = inputs(&circuit.witness(&x).unwrap());
            let of_table = circuit.table_range();
            let expected = evaluate(&circuit.layout.graph, &honest, of_table);
            assert!(expected.is_some());
            for (node, place) in lookups(&circuit.layout.graph) {
                let found = evaluate_with(&circuit.layout.graph, &honest, of_table, |id, value| {
                    if id == node {
                        value[place] = value[place].add_mod(U256::ONE << 200, ORDER);
                    }
                });
                assert_ne!(found, expected, "{name}, scale {scale}: {node:?}, {place}");
            }
        }
    }
}

/// Of what is looked up for its range alone, this holds whatever reads it, and whatever it is multiplied by.
#[test]
fn ranges_count_even_where_weights_are_zero() {
    for (name, graph) in sparsely_read() {
        let circuit = lower(&graph, &options(4, InputAssurance::Ranged, false, 1.0)).unwrap();
        let x = drawn_for(&graph, 3);
        let honest = inputs(&circuit.witness(&x).unwrap());
        let of_input: Vec<(NodeId, usize)> = lookups(&circuit.layout.graph)
            .into_iter()
            .take(circuit.sizes().input)
            .collect();
        for (node, place) in of_input {
            let found = evaluate_with(
                &circuit.layout.graph,
                &honest,
                circuit.table_range(),
                |id, value| {
                    if id == node {
                        value[place] = value[place].add_mod(U256::ONE, ORDER);
                    }
                },
            );
            assert!(
                found.is_none_or(|outputs| outputs[0] != [U256::ZERO]),
                "{name}: {node:?}, {place}"
            );
        }
    }
}

/// Each look-up's node and element.
fn lookups(circuit: &backend::Graph) -> Vec<(NodeId, usize)> {
    let nodes = circuit.nodes().iter().enumerate();
    let lookups = nodes.filter(|(_, node)| matches!(node.operator, Operator::LookUp(_)));
    lookups
        .flat_map(|(index, node)| (0..node.shape.iter().product()).map(move |place| (NodeId(index), place)))
        .collect()
}

/// With a quotient that is a fraction modulo the field's order, digits can be what they like: each identity still holds.
/// Whatever reads the quotient, it is looked up.
#[track_caller]
fn has_no_fractions(circuit: &CommittedCircuit, honest: &Witness) -> usize {
    let base = U256::from(circuit.program.base() as u64);
    let fraction = base.inv_mod(ORDER).unwrap();
    let (mut start, mut forged) = (0, 0);
    for (index, step) in circuit.program.steps.iter().enumerate() {
        let sizes = circuit.program.claims(index);
        let is_output = !circuit.output_public && ValueId(index + 1) == circuit.program.output;
        if let Step::Claimed {
            form: Form::Rounded { digits, .. },
            ..
        } = step
        {
            // The most significant digit comes after the quotients: one less of it is a quotient that is 1/base more.
            let elements = sizes[0];
            for place in 0..elements {
                let mut inputs = inputs(honest);
                let claims = inputs.get_mut(CLAIMS).unwrap();
                if *digits == 0 || claims[start + elements + place].is_zero() {
                    continue;
                }
                claims[start + place] = claims[start + place].add_mod(fraction, ORDER);
                claims[start + elements + place] -= U256::ONE;
                let found = evaluate(&circuit.layout.graph, &inputs, circuit.table_range());
                assert!(
                    found.is_none_or(|outputs| outputs[0] != [U256::ZERO]),
                    "step {index}, quotient {place}"
                );
                forged += 1;
            }
        }
        start += sizes.iter().sum::<usize>() - if is_output { sizes[0] } else { 0 };
    }
    forged
}

#[test]
fn no_quotient_is_a_fraction() {
    let mut forged = 0;
    for (name, graph) in graphs().into_iter().chain(sparsely_read()) {
        for (scale, digit_bits) in [(10, None), (4, Some(*DIGIT_BITS.start()))] {
            let options = CommittedOptions {
                digit_bits,
                ..options(scale, InputAssurance::Registered, true, 1.0)
            };
            let circuit = lower(&graph, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
            let x = drawn_for(&graph, 3);
            forged += has_no_fractions(&circuit, &circuit.witness(&x).unwrap());
        }
    }
    assert!(forged > 500, "{forged}");
}

/// A table is built for the scale of its input, whatever came before; the rectifier's is one for all.
#[test]
fn tables_are_built_for_what_they_are_given() {
    let shape: &[usize] = &[1, 6];
    let mut graphs = vec![
        ("sigmoid of tanh", small(shape, vec![Op::Tanh, Op::Sigmoid])),
        ("tanh of sigmoid", small(shape, vec![Op::Sigmoid, Op::Tanh])),
        ("rectified tanh", small(shape, vec![Op::Tanh, Op::Relu])),
        (
            "tanh three times",
            small(shape, vec![Op::Tanh, Op::Tanh, Op::Tanh]),
        ),
        (
            "sigmoid of a square",
            small(shape, vec![Op::Tanh, Op::Mul, Op::Sigmoid]),
        ),
        (
            "sigmoid of a layer of a tanh",
            small(
                shape,
                vec![Op::Tanh, gemm(6, 4, 60), Op::Sigmoid, gemm(4, 3, 62), Op::Tanh],
            ),
        ),
    ];
    // x + tanh(x), and x · sigmoid(x), each before another sigmoid.
    for (name, inner, outer) in [("sum", Op::Tanh, Op::Add), ("silu", Op::Sigmoid, Op::Mul)] {
        let mut graph = Graph::default();
        let x = graph.input("input", shape).unwrap();
        let inner = graph.apply("inner", "inner.output", inner, &[x]).unwrap();
        let both = graph.apply("both", "both.output", outer, &[x, inner]).unwrap();
        let last = graph.apply("last", "last.output", Op::Sigmoid, &[both]).unwrap();
        graph.outputs.push(last);
        graphs.push((name, graph));
    }
    for (name, graph) in graphs {
        for scale in [3, 5] {
            for assurance in ASSURANCES {
                let circuit = lower(&graph, &options(scale, assurance, true, 1.0)).unwrap();
                let witness = circuit.witness(&input::seeded_uniform(shape, 3)).unwrap();
                assert!(
                    is_accepted(&circuit, &witness),
                    "{name}, scale {scale}, {assurance}"
                );
                let nodes = circuit.layout.graph.nodes().iter();
                let scales = nodes.filter_map(|node| {
                    let Operator::LookUp(function) = node.operator else {
                        return None;
                    };
                    (function.table != Table::Rectifier).then_some(function.scale)
                });
                let units = circuit.program.steps.iter().enumerate();
                let units = units.filter(|(_, step)| matches!(step, Step::Tabulated { .. }));
                let units = units.map(|(index, _)| circuit.program.values[index + 1].unit.log2() as u32);
                assert_eq!(scales.collect::<Vec<_>>(), units.collect::<Vec<_>>(), "{name}");
            }
        }
    }
}

#[test]
fn numbers_that_are_too_large_are_refused() {
    let lowered = |weight: f32, bias: f32, bound: f64| {
        let op = Op::Gemm(Gemm {
            weight: Tensor::new([1, 2], vec![weight, 0.5]),
            bias: Some(Tensor::new([1], vec![bias])),
        });
        lower(
            &small(&[1, 2], vec![op]),
            &options(7, InputAssurance::Registered, true, bound),
        )
        .unwrap_err()
    };
    for number in [
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        -1.4e36,
        1.3e36,
    ] {
        let weight = lowered(number, 0.0, 1.0);
        assert!(
            matches!(weight, CommittedError::Program(ProgramError::TooLarge { .. })),
            "{weight}"
        );
        let bias = lowered(0.5, number, 1.0);
        assert!(
            matches!(bias, CommittedError::Program(ProgramError::TooLarge { .. })),
            "{bias}"
        );
    }
    for (weight, bias) in [(f32::NAN, 0.0), (0.5, f32::NAN)] {
        let refused = lowered(weight, bias, 1.0);
        assert!(
            matches!(refused, CommittedError::Program(ProgramError::NotCovered { .. })),
            "{refused}"
        );
    }
    for bound in [f64::INFINITY, f64::MAX, 2f64.powi(119)] {
        let refused = lowered(0.5, 0.0, bound);
        assert!(
            matches!(refused, CommittedError::Program(ProgramError::TooLarge { .. })),
            "{refused}"
        );
    }
    let circuit = lower(
        &small(&[1, 2], vec![gemm(2, 1, 1)]),
        &options(7, InputAssurance::Registered, true, 1.0),
    )
    .unwrap();
    let refused = circuit.witness_of(vec![0, i128::MIN]).unwrap_err();
    assert!(matches!(
        refused,
        CommittedError::Program(ProgramError::InputRange { position: 1, .. })
    ));
}

const ASSURANCES: [InputAssurance; 3] = [
    InputAssurance::Public,
    InputAssurance::Ranged,
    InputAssurance::Registered,
];

fn convolution_of(weight: Tensor) -> Op {
    Op::Conv2d(Conv2d {
        weight,
        bias: None,
        window: Window::square(3, 1, 1),
        groups: 1,
    })
}

/// Weights of which the second tap in each row is 0, and the third is the first.
fn repeated_taps() -> Tensor {
    let mut weight = drawn(&[2, 2, 3, 3], 31, 0.5);
    for row in weight.data.chunks_mut(3) {
        row[1] = 0.0;
        row[2] = row[0];
    }
    weight
}

/// Where epsilon is all that there is, the root is 0 and the remainders are as large as integers can be.
#[test]
fn a_layer_norm_of_any_epsilon_is_checked_or_refused() {
    let mut checked = 0;
    for exponent in 0..=127 {
        let mut op = layer_norm(&[4, 4], 1);
        if let Op::LayerNorm(layer) = &mut op {
            layer.epsilon = 2f32.powi(exponent);
        }
        let graph = small(&[1, 4, 4], vec![op]);
        let Ok(circuit) = lower(&graph, &options(7, InputAssurance::Ranged, true, 1.0)) else {
            continue;
        };
        let witness = circuit.witness(&input::seeded_uniform(&[1, 4, 4], 3)).unwrap();
        assert!(is_accepted(&circuit, &witness), "2^{exponent}");
        checked += 1;
    }
    assert!((90..128).contains(&checked), "{checked}");
}

#[test]
fn honest_claims_satisfy_the_check_and_show_the_result() {
    for (name, graph) in graphs() {
        for scale in [4, 7, 10] {
            for assurance in ASSURANCES {
                for output_public in [true, false] {
                    let options = options(scale, assurance, output_public, 1.0);
                    let circuit = lower(&graph, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
                    let witness = circuit.witness(&drawn_for(&graph, 3)).unwrap();
                    let outputs = outputs(&circuit, &witness).expect("every look-up is in the table");
                    assert_eq!(
                        outputs[0],
                        [U256::ZERO],
                        "{name}, scale {scale}, {assurance}, {output_public}"
                    );
                    assert_eq!(outputs[1], [rho()]);
                    let shown: Vec<i128> = outputs[2..].concat().into_iter().map(index_wide).collect();
                    let mut expected = Vec::new();
                    if output_public {
                        expected.extend(&witness.result);
                    } else {
                        assert_eq!(witness.output, witness.result, "{name}");
                    }
                    if assurance == InputAssurance::Public {
                        expected.extend(&witness.input);
                    }
                    assert_eq!(shown, expected, "{name}");
                    assert_eq!(shown.len(), circuit.statement_len());
                }
            }
        }
    }
}

/// The integer of any element that stands for one.
fn index_wide(element: U256) -> i128 {
    evmbench_model::integer::integer_from_word(element.to_be_bytes()).expect("an integer")
}

#[test]
fn the_result_is_the_float_models() {
    // tract's Celu is another function, and a number is made whole after it has been rounded.
    let is_near = |name: &str| {
        ["celu", "floor", "ceil", "round", "cast"]
            .iter()
            .all(|other| !name.starts_with(other))
    };
    let others = graphs().into_iter().filter(|(name, _)| is_near(name));
    for (name, graph) in others {
        let circuit = lower(&graph, &options(10, InputAssurance::Registered, true, 1.0)).unwrap();
        let witness = circuit.witness(&drawn_for(&graph, 5)).unwrap();
        let outputs = circuit.outputs(&witness.result);
        if graph.outputs == graph.inputs {
            let exact = witness.input.iter().map(|&x| x as f64 / circuit.input().unit);
            assert_eq!(outputs, [exact.collect::<Vec<f64>>()]);
            continue;
        }
        let model = evmbench_model::float::FloatModel::load(&evmbench_model::onnx::write(&graph)).unwrap();
        let reference = model.run(&each_drawn(&graph, 5)).unwrap();
        assert_eq!(outputs.len(), reference.len(), "{name}");
        for (values, reference) in outputs.iter().zip(&reference) {
            assert_eq!(values.len(), reference.len(), "{name}");
            for (value, &float) in values.iter().zip(&reference.data) {
                assert!(
                    (value - f64::from(float)).abs() < 0.05,
                    "{name}: {value} against {float}"
                );
            }
        }
    }
}

#[test]
fn every_single_claim_is_bound() {
    for (name, graph) in graphs() {
        for assurance in [
            InputAssurance::Ranged,
            InputAssurance::Registered,
            InputAssurance::Table,
        ] {
            let circuit = match lower(&graph, &options(4, assurance, false, 1.0)) {
                Err(CommittedError::LooseRange(_)) => continue,
                circuit => circuit.unwrap(),
            };
            let honest = circuit.witness(&drawn_for(&graph, 3)).unwrap();
            for position in 0..honest.output.len() {
                for change in [1, -1, 1 << 20] {
                    let mut witness = honest.clone();
                    witness.output[position] += change;
                    assert!(
                        !is_accepted(&circuit, &witness),
                        "{name}: output {position} by {change}"
                    );
                }
            }
            let looked_up = looked_up(&circuit);
            assert_eq!(looked_up.len(), honest.claims.len());
            for (position, looked_up) in looked_up.into_iter().enumerate() {
                for change in [1, -1, 1 << 16, -(1 << 16)] {
                    let mut witness = honest.clone();
                    let claim = &mut witness.claims[position];
                    // Every number of the table below 0 is another name of the digit 0.
                    let in_table = circuit.table_range().is_some_and(|(least, _)| change >= least);
                    let same = looked_up && *claim == 0 && change < 0 && in_table;
                    *claim += change;
                    assert_eq!(
                        is_accepted(&circuit, &witness),
                        same,
                        "{name}: claim {position} by {change}"
                    );
                }
            }
        }
    }
}

/// For each claim, whether the circuit uses what the rectifier gives for it in its place.
fn looked_up(circuit: &CommittedCircuit) -> Vec<bool> {
    let program = &circuit.program;
    let mut looked_up = Vec::new();
    for (index, step) in program.steps.iter().enumerate() {
        let output = !circuit.output_public && ValueId(index + 1) == program.output;
        for (position, len) in program.claims(index).into_iter().enumerate() {
            let guarded = matches!(
                step,
                Step::Claimed {
                    form: Form::Rounded { guarded: true, .. },
                    ..
                }
            );
            if position > 0 || !output {
                looked_up.extend(std::iter::repeat_n(position > 0 || guarded, len));
            }
        }
    }
    looked_up
}

/// No single claim of an honest witness can be another, by one or by a digit; but a number that a table holds as 0 is any below 0.
fn assert_claims_are_bound(name: &str, circuit: &CommittedCircuit, honest: &Witness) {
    let (least, _) = circuit.table_range().unwrap_or((0, 0));
    let base = 1 << circuit.digit_bits();
    for (position, looked_up) in looked_up(circuit).into_iter().enumerate() {
        for change in [1, -1, base, -base] {
            let mut witness = honest.clone();
            let claim = &mut witness.claims[position];
            let same = looked_up && *claim == 0 && change < 0 && change >= least;
            *claim += change;
            assert_eq!(
                is_accepted(circuit, &witness),
                same,
                "{name}: claim {position} by {change}"
            );
        }
    }
}

/// Another base of digits moves the table's end and every bound with it: what was honest is accepted, and no single claim can be
/// another.
#[test]
fn claims_are_bound_in_every_base_of_digits() {
    let mut rounded = 0;
    for (name, graph) in graphs() {
        for digit_bits in [*DIGIT_BITS.start(), 11, *DIGIT_BITS.end()] {
            let options = CommittedOptions {
                digit_bits: Some(digit_bits),
                ..options(4, InputAssurance::Ranged, false, 1.0)
            };
            let circuit = lower(&graph, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(circuit.digit_bits(), digit_bits);
            let honest = circuit.witness(&drawn_for(&graph, 3)).unwrap();
            assert!(is_accepted(&circuit, &honest), "{name}, {digit_bits} bits");
            let (_, greatest) = circuit.table_range().unwrap_or((0, 0));
            let of_circuit = |bound: &LayerBounds| bound.rounded;
            if circuit.bounds().iter().any(of_circuit) {
                assert_eq!(
                    greatest,
                    (1 << digit_bits) - 1,
                    "{name}: the table ends at the base"
                );
                rounded += 1;
            }
            assert_claims_are_bound(&format!("{name}, {digit_bits} bits"), &circuit, &honest);
        }
    }
    assert!(rounded >= 9, "{rounded}");
}

/// As many values as were asked for are rounded, as far as there are any that a layer of weights reads; never fewer than the
/// bounds need.
#[test]
fn more_roundings_than_needed_can_be_asked_for() {
    let (_, graph) = graphs().pop().unwrap();
    let layers = small(
        &[1, 2, 8, 8],
        vec![
            conv(2, 2, 3, 1, 1, 1, 18),
            Op::Mul,
            conv(2, 2, 3, 1, 1, 1, 19),
            Op::Mul,
            conv(2, 2, 3, 1, 1, 1, 20),
        ],
    );
    for graph in [graph, layers] {
        let lowered = |roundings| {
            let options = CommittedOptions {
                roundings,
                ..options(10, InputAssurance::Ranged, false, 1.0)
            };
            lower(&graph, &options)
        };
        let least = lowered(None).unwrap().roundings();
        let mut made = least;
        for roundings in least..least + 3 {
            let circuit = lowered(Some(roundings)).unwrap();
            assert!(circuit.roundings() == roundings || circuit.roundings() == made);
            made = circuit.roundings();
            let shape = graph.shape(graph.inputs[0]);
            let witness = circuit.witness(&input::seeded_uniform(shape, 3)).unwrap();
            assert!(is_accepted(&circuit, &witness), "{roundings}");
        }
        if let Some(fewer) = least.checked_sub(1) {
            let error = lowered(Some(fewer)).unwrap_err();
            assert!(
                matches!(error, CommittedError::Program(ProgramError::TooLarge { .. })),
                "{error}"
            );
        }
    }
}

#[test]
fn digits_have_as_many_bits_as_the_table_allows() {
    let graph = small(&[1, 4], vec![gemm(4, 2, 1)]);
    for bits in [DIGIT_BITS.start() - 1, DIGIT_BITS.end() + 1] {
        let options = CommittedOptions {
            digit_bits: Some(bits),
            ..options(4, InputAssurance::Ranged, true, 1.0)
        };
        assert_eq!(
            lower(&graph, &options).unwrap_err(),
            CommittedError::Program(ProgramError::DigitBits { bits })
        );
    }
}

/// A circuit in other columns is the same one, laid out again.
#[test]
fn columns_are_chosen_after_the_lowering() {
    for (name, graph) in graphs() {
        let options = options(7, InputAssurance::Ranged, true, 1.0);
        let circuit = lower(&graph, &options).unwrap();
        for columns in 1..=4 {
            let asked = CommittedOptions {
                inner_columns: Some(columns),
                ..options
            };
            let lowered = lower(&graph, &asked).unwrap();
            let moved = circuit.in_columns(columns);
            let written = |circuit: &CommittedCircuit| Compiled::of(circuit.graph(), circuit.frame());
            assert_eq!(written(&moved), written(&lowered), "{name}");
            assert_eq!(
                (moved.logrows(), moved.cells(), moved.table_range()),
                (lowered.logrows(), lowered.cells(), lowered.table_range()),
                "{name}"
            );
        }
    }
}

/// What a prover claims of an input beyond the circuit's range: as an honest one would.
fn witness_beyond(circuit: &CommittedCircuit, input: Vec<i128>) -> Witness {
    let mut wider = circuit.clone();
    wider.program.values[0].interval = Interval {
        least: -(1 << 31),
        greatest: 1 << 31,
    };
    wider.witness_of(input).unwrap()
}

/// A circuit whose scale factors are for what values reach on drawn inputs, with 2^`margin` times as much room.
fn calibrated(graph: &Graph, options: &CommittedOptions, margin: u32) -> CommittedCircuit {
    let sets: Vec<Vec<Tensor>> = (100..108).map(|seed| each_drawn(graph, seed)).collect();
    let reach = evmbench_model::calibrate::reach(graph, &sets, margin).unwrap();
    lower_within(graph, options, &reach, &Ezkl).unwrap()
}

/// Convolutions one after the other: bounds grow with each, and values do not.
fn deep(layers: usize) -> Graph {
    let layer = |index: usize| {
        let after = if index.is_multiple_of(2) {
            Op::Relu
        } else {
            Op::MaxPool2d(MaxPool2d(Window::square(2, 1, 0)))
        };
        vec![conv(2, 2, 3, 1, 1, 1, 200 + 2 * index as u64), after]
    };
    let chain = (0..layers).flat_map(layer);
    // Each maximum takes a row and a column.
    let side = 6 - layers / 2;
    let last = [Op::Flatten, gemm(2 * side * side, 2, 300)];
    small(&[1, 2, 6, 6], chain.chain(last).collect())
}

/// The look-up is the bound: whoever chose the scale factors, what is honest is accepted and no single claim can be another.
#[test]
fn calibrated_circuits_are_bound_like_any_other() {
    let mut found = 0;
    let chain = ("deep", deep(4));
    for (name, graph) in graphs().into_iter().chain(sparsely_read()).chain([chain]) {
        let circuit = calibrated(&graph, &options(10, InputAssurance::Ranged, false, 1.0), 1);
        let honest = circuit
            .witness(&drawn_for(&graph, 3))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(is_accepted(&circuit, &honest), "{name}");
        if !circuit.is_calibrated() {
            continue;
        }
        found += 1;
        has_no_fractions(&circuit, &honest);
        assert!(circuit.table_range().is_some(), "{name}: values are looked up");
        assert_eq!(circuit.digit_bits(), 16, "{name}");
        assert_claims_are_bound(name, &circuit, &honest);
    }
    assert!(found >= 8, "{found}");
}

/// How far a table goes below 0 depends on the rows of a circuit. Whatever is bounded by its reader's table alone is read by what has
/// results with bounds of their own.
#[test]
fn no_bound_rests_on_where_a_table_begins() {
    let mut open = 0;
    for (name, graph) in graphs().into_iter().chain([("deep", deep(4))]) {
        let circuit = calibrated(&graph, &options(10, InputAssurance::Ranged, false, 1.0), 1);
        let steps = &circuit.program.steps;
        for (index, step) in steps.iter().enumerate() {
            let is_open = matches!(
                step,
                Step::Claimed {
                    form: Form::Rounded {
                        limit: Some(_),
                        guarded: false,
                        ..
                    },
                    ..
                }
            );
            if !is_open {
                continue;
            }
            open += 1;
            let value = ValueId(index + 1);
            let rests = |step: &Step| {
                if let Step::Sum { terms, .. } = step {
                    terms.iter().any(|term| term.value == value)
                } else if let Step::Multiply { left, right } = step {
                    [*left, *right].contains(&value)
                } else if let Step::Tabulated { input, function, .. } = step {
                    *input == value && !matches!(function, Tabulated::Sigmoid | Tabulated::Tanh)
                } else {
                    false
                }
            };
            assert!(!steps.iter().any(rests), "{name}: step {index}");
        }
    }
    assert!(open >= 4, "{open}");
}

/// A value beyond its look-up has no witness, and whoever claims it all the same has no proof: what later layers rest on is the
/// table, and not the calibration.
#[test]
fn what_goes_beyond_its_table_has_no_proof() {
    let mut refused = 0;
    for (name, graph) in graphs().into_iter().chain([("deep", deep(4))]) {
        let options = options(10, InputAssurance::Ranged, false, 1.0);
        // As if nothing were ever larger than 2^-9.
        let values = graph
            .values
            .iter()
            .map(|value| (value.name.clone(), f64::from(-9).exp2()));
        let reach = Reach::of(values, 0);
        let Ok(circuit) = lower_within(&graph, &options, &reach, &Ezkl) else {
            continue;
        };
        let input = circuit.integers(&drawn_for(&graph, 3));
        let Err(error) = circuit.witness_of(input.clone()) else {
            continue;
        };
        assert!(
            matches!(error, CommittedError::Program(ProgramError::Reach { .. })),
            "{name}: {error}"
        );
        // The claims of a prover that does not care.
        let mut careless = circuit.clone();
        for step in &mut careless.program.steps {
            if let Step::Claimed {
                form: Form::Rounded { limit, .. },
                ..
            } = step
            {
                *limit = None;
            }
        }
        let trace = careless.program.run(&input);
        let is_beyond = |(step, values): (&Step, &Vec<i128>)| {
            let by_look_up = matches!(
                step,
                Step::Claimed {
                    form: Form::Rounded { limit: Some(_), .. },
                    ..
                }
            );
            by_look_up && values.iter().any(|value| value.abs() >= circuit.program.base())
        };
        let steps = circuit.program.steps.iter();
        if steps.zip(&trace.values[1..]).any(is_beyond) {
            let far = careless.witness_of(input).unwrap();
            assert!(!is_accepted(&circuit, &far), "{name}");
            refused += 1;
        }
    }
    assert!(refused >= 5, "{refused}");
}

/// After some layers, bounds that follow from the input's range are so far above the values that most of the table is never used.
#[test]
fn calibration_keeps_the_precision_of_deep_networks() {
    let graph = deep(8);
    let options = options(7, InputAssurance::Registered, true, 1.0);
    let x = drawn_for(&graph, 3);
    let exact = evmbench_model::float::FloatModel::load(&evmbench_model::onnx::write(&graph)).unwrap();
    let exact = exact.run(&each_drawn(&graph, 3)).unwrap().remove(0).data;
    let error = |circuit: &CommittedCircuit| {
        let outputs = circuit.outputs(&circuit.witness(&x).unwrap().result);
        let distances = outputs[0]
            .iter()
            .zip(&exact)
            .map(|(a, &b)| (a - f64::from(b)).abs());
        distances.fold(0.0, f64::max)
    };
    let by_interval = error(&lower(&graph, &options).unwrap());
    let by_reach = error(&calibrated(&graph, &options, 2));
    assert!(by_reach * 2.0 < by_interval, "{by_reach} and {by_interval}");
}

/// The greatest of a row is the greatest of the numbers that it is subtracted from, also where they are far from 0 and rounded for their reach.
#[test]
fn shares_of_calibrated_numbers_are_softmaxs() {
    let mut rounded = 0;
    for (middle, is_logarithm) in [(-20.0, false), (-20.0, true), (20.0, false), (20.0, true)] {
        let mut last = Gemm {
            weight: drawn(&[3, 64], 401, 0.3),
            bias: None,
        };
        last.bias = Some(Tensor::new([3], vec![middle, middle - 0.5, middle + 0.25]));
        let graph = small(
            &[1, 64],
            vec![
                gemm(64, 64, 400),
                Op::Relu,
                Op::Gemm(last),
                Op::Softmax(Softmax { is_logarithm }),
            ],
        );
        let circuit = calibrated(&graph, &options(10, InputAssurance::Ranged, false, 1.0), 1);
        rounded += usize::from(circuit.is_calibrated());
        let model = evmbench_model::float::FloatModel::load(&evmbench_model::onnx::write(&graph)).unwrap();
        for seed in 3..8 {
            let expected = model.run(&each_drawn(&graph, seed)).unwrap().remove(0).data;
            let witness = circuit.witness(&drawn_for(&graph, seed)).unwrap();
            assert!(is_accepted(&circuit, &witness));
            for (found, &expected) in circuit.outputs(&witness.result)[0].iter().zip(&expected) {
                assert!(
                    (found - f64::from(expected)).abs() < 0.05,
                    "{middle} {is_logarithm}: {found} instead of {expected}"
                );
            }
        }
    }
    assert_eq!(rounded, 4);
}

#[test]
fn a_ranged_input_is_held_to_its_range() {
    let (mut held_by_range, mut shifted) = (0, 0);
    let of_operators: Vec<&str> = operators::graphs().iter().map(|(name, _)| *name).collect();
    for (name, graph) in graphs().into_iter().chain(sparsely_read()) {
        let lowered = |assurance| lower(&graph, &options(4, assurance, true, 1.0)).unwrap();
        let circuit = lowered(InputAssurance::Ranged);
        let unchecked = lowered(InputAssurance::Registered);
        let honest = circuit.witness(&drawn_for(&graph, 3)).unwrap();
        // A table that ends beyond the input's width takes a second look-up.
        let has_spare = circuit.table_range().is_some_and(|(_, end)| end > 32);
        for position in 0..honest.input.len() {
            for outside in [17, -17, 20, -20, 1 << 15, -(1 << 15), 1 << 30] {
                // A power of it has no integer here.
                if outside == 1 << 30 && of_operators.contains(&name) {
                    continue;
                }
                let mut input = honest.input.clone();
                input[position] = outside;
                // A layer norm of the input has as many digits as its range asks for.
                let witness = Some(witness_beyond(&circuit, input.clone()))
                    .filter(|witness| witness.claims.len() == honest.claims.len())
                    .unwrap_or_else(|| Witness {
                        input: input.clone(),
                        ..honest.clone()
                    });
                assert!(
                    !is_accepted(&circuit, &witness),
                    "{name}: {outside} at {position}"
                );
                // Whether anything else in the circuit would have refused it.
                if is_accepted(&unchecked, &witness) {
                    held_by_range += 1;
                    shifted += usize::from(has_spare);
                }
            }
        }
        // What only the field has: a half, and what a wrong result of each look-up would allow.
        for position in 0..honest.input.len() {
            for outside in [(ORDER + U256::ONE) >> 1, ORDER >> 3, U256::ONE << 200] {
                let mut inputs = inputs(&honest);
                inputs.get_mut(INPUT).unwrap()[position] = outside;
                let found = evaluate(&circuit.layout.graph, &inputs, circuit.table_range());
                assert!(
                    found.is_none_or(|outputs| outputs[0] != [U256::ZERO]),
                    "{name}: {outside} at {position}"
                );
            }
        }
        for bound in [16, -16] {
            let mut program_input = honest.input.clone();
            program_input.fill(bound);
            let tensor = Tensor::new(
                [1, program_input.len()],
                program_input.iter().map(|&x| x as f32 / 16.0).collect(),
            );
            let witness = circuit.witness(&tensor).unwrap();
            assert!(is_accepted(&circuit, &witness), "{name}: {bound} everywhere");
        }
    }
    assert!(held_by_range > 50 && shifted > 20, "{held_by_range} {shifted}");
}

/// An interval that is not the same on both sides of 0 is held on both sides.
#[test]
fn an_input_is_held_to_an_interval_on_one_side() {
    let graph = small(&[1, 4], vec![gemm(4, 3, 1)]);
    let one_sided = CommittedOptions {
        input: Integers {
            range: Interval {
                least: 0,
                greatest: 16,
            },
            ..Integers::of_input(4, 1.0)
        },
        ..options(4, InputAssurance::Ranged, true, 1.0)
    };
    let circuit = lower(&graph, &one_sided).unwrap();
    for (value, inside) in [
        (0, true),
        (16, true),
        (7, true),
        (-1, false),
        (-16, false),
        (17, false),
    ] {
        let witness = witness_beyond(&circuit, vec![value, 3, 0, 16]);
        assert_eq!(is_accepted(&circuit, &witness), inside, "{value}");
    }
}

/// With a quotient that is a fraction modulo the field's order, digits can be what they like: each identity still holds.
/// What is looked up at one reader's alone must not be read by another.
#[test]
fn fractions_are_no_quotients() {
    let mut graph = Graph::default();
    let image = graph.input("input", &[1, 1, 5, 5]).unwrap();
    let mut apply = |name: &str, op: Op, inputs: &[evmbench_model::graph::ValueId]| {
        graph.apply(name, &format!("{name}.output"), op, inputs).unwrap()
    };
    let layer = apply("layer", conv(1, 1, 3, 1, 1, 1, 30), &[image]);
    // Windows of 2 by 2 at every third place leave a row and a column of the five out.
    let pooled = apply(
        "pool",
        Op::MaxPool2d(MaxPool2d(Window::square(2, 3, 0))),
        &[layer],
    );
    let positive = apply("rectifier", Op::Relu, &[pooled]);
    let few = apply("few", Op::Flatten, &[positive]);
    let all = apply("all", Op::Flatten, &[layer]);
    let few = apply("few scores", gemm(4, 3, 31), &[few]);
    let all = apply("all scores", gemm(25, 3, 33), &[all]);
    let scores = apply("scores", Op::Add, &[few, all]);
    graph.outputs.push(scores);
    let circuit = lower(&graph, &options(10, InputAssurance::Registered, true, 1.0)).unwrap();
    let honest = circuit.witness(&input::seeded_uniform(&[1, 1, 5, 5], 3)).unwrap();
    assert!(is_accepted(&circuit, &honest));
    let first = &circuit.program.steps[0];
    let Step::Claimed {
        form: Form::Rounded { digits: 1, .. },
        ..
    } = first
    else {
        panic!("the layer is rounded, with a remainder of one digit: {first:?}");
    };
    // Quotients first, then the digits.
    let fraction = U256::from(1u64 << 16).inv_mod(ORDER).unwrap();
    let mut forged = 0;
    for place in 0..25 {
        let mut inputs = inputs(&honest);
        let claims = inputs.get_mut(CLAIMS).unwrap();
        if claims[25 + place].is_zero() {
            continue;
        }
        claims[place] = claims[place].add_mod(fraction, ORDER);
        claims[25 + place] -= U256::ONE;
        assert_eq!(
            evaluate(&circuit.layout.graph, &inputs, circuit.table_range()),
            None,
            "quotient {place}"
        );
        forged += 1;
    }
    assert!(forged > 20);
}

/// Every scale gives a circuit or a reason, and no circuit whose integers could overflow.
#[test]
fn every_scale_is_lowered_or_refused() {
    let mut refused = 0;
    for (name, graph) in graphs() {
        for scale in 0..=24 {
            for assurance in ASSURANCES {
                let Ok(circuit) = lower(&graph, &options(scale, assurance, true, 2.76)) else {
                    refused += 1;
                    continue;
                };
                let witness = circuit.witness(&drawn_for(&graph, 3)).unwrap();
                assert!(
                    is_accepted(&circuit, &witness),
                    "{name} at scale {scale}, {assurance}"
                );
            }
        }
    }
    assert!(refused > 0);
    let wide = small(&[1, 4], vec![gemm(4, 2, 1), Op::Relu]);
    let error = lower(&wide, &options(16, InputAssurance::Ranged, true, 1.0)).unwrap_err();
    let expected = CommittedError::WideTable {
        greatest: 2 << 16,
        end: (1 << 16) - 1,
    };
    assert_eq!(error, expected);
}

#[test]
fn inputs_out_of_range_are_refused() {
    let graph = small(&[1, 4], vec![gemm(4, 2, 1)]);
    let circuit = lower(&graph, &options(7, InputAssurance::Ranged, true, 1.0)).unwrap();
    let error = circuit
        .witness(&Tensor::new([1, 4], vec![0.0, 0.5, 1.5, 0.0]))
        .unwrap_err();
    assert_eq!(
        error,
        CommittedError::Program(ProgramError::InputRange {
            position: 2,
            value: 192,
            bound: 128
        })
    );
}

#[test]
fn what_is_not_covered_is_named() {
    let row = small(&[1, 4], vec![batch_norm(4, 1)]);
    let error = lower(&row, &options(7, InputAssurance::Ranged, true, 1.0)).unwrap_err();
    assert!(
        matches!(
            error,
            CommittedError::Program(ProgramError::NotCovered {
                operator: "BatchNormalization",
                ..
            })
        ),
        "{error}"
    );
}

/// Circuit size of every experiment, with digits for the fewest rows: k, inner columns and cells.
#[test]
fn the_suite_fits_its_rows() {
    let mut listing = String::new();
    for spec in &MODELS {
        for scale in suite::STUDY_SCALES {
            let graph = layers::build(spec, 0);
            let bound = if spec.category == Category::Composite {
                2.76
            } else {
                1.0
            };
            for assurance in [
                InputAssurance::Registered,
                InputAssurance::Ranged,
                InputAssurance::Table,
            ] {
                let output_public = spec.category == Category::Composite;
                let with_bits = |bits: u32| {
                    let options = CommittedOptions {
                        digit_bits: Some(bits),
                        ..options(scale, assurance, output_public, bound)
                    };
                    lower(&graph, &options)
                };
                let circuits = (8..=16).rev().map(with_bits);
                let circuit =
                    match circuits.min_by_key(|made| made.as_ref().map_or(99, CommittedCircuit::logrows)) {
                        Some(Ok(circuit)) => circuit,
                        other => {
                            writeln!(listing, "{}-s{scale} {assurance}: {other:?}", spec.id).unwrap();
                            continue;
                        }
                    };
                let sizes = circuit.sizes();
                let total = circuit.cell_account().total();
                assert_eq!(total.cells(), circuit.cells(), "{}", spec.id);
                assert_eq!(
                    total.claims,
                    sizes.input + sizes.output + sizes.claims,
                    "{}",
                    spec.id
                );
                writeln!(
                    listing,
                    "{}-s{scale} {assurance}: 2^{} rows, digits of {} bits, {} columns, {} cells, commits {}+{}+{}",
                    spec.id,
                    circuit.logrows(),
                    circuit.digit_bits(),
                    circuit.inner_columns(),
                    circuit.cells(),
                    sizes.input,
                    sizes.output,
                    sizes.claims,
                )
                .unwrap();
            }
        }
    }
    insta::assert_snapshot!(listing);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is read, and whatever weights are 0: no look-up can be left out, no element of the input leaves its range, no
    /// claim is another and no quotient a fraction.
    #[test]
    fn networks_of_any_shape_keep_their_checks(
        channels in 1usize..3, height in 2usize..6, width in 2usize..6,
        kernel in 1usize..4, stride in 1usize..4, padding in 0usize..2, depthwise: bool,
        second_kernel in 1usize..3, second_stride in 1usize..4, between in 0usize..5,
        zero_taps in 0u32..512, seed in 0u64..1000, scale in prop::sample::select(vec![4u32, 10]),
        assurance in prop::sample::select(vec![InputAssurance::Ranged, InputAssurance::Table, InputAssurance::Registered]),
        output_public: bool,
    ) {
        prop_assume!(padding < kernel);
        let shape = [1, channels, height, width];
        let groups = if depthwise { channels } else { 1 };
        let window = Window::square(kernel, stride, padding);
        let Some([rows, columns]) = window.output_size([height, width]) else { return Ok(()) };
        let mut weight = drawn(&[2 * channels, channels / groups, kernel, kernel], seed, 0.5);
        let taps = kernel * kernel;
        for (place, x) in weight.data.iter_mut().enumerate() {
            if zero_taps >> (place % taps) & 1 == 1 {
                *x = 0.0;
            }
        }
        let mut ops = vec![Op::Conv2d(Conv2d { weight, bias: Some(drawn(&[2 * channels], seed + 1, 0.5)), window, groups })];
        let pool = Window::square(second_kernel, second_stride, 0);
        let fits = pool.output_size([rows, columns]).is_some();
        match between {
            0 => {}
            1 => ops.push(Op::Relu),
            2 => ops.push(Op::Mul),
            3 if fits => ops.extend([Op::MaxPool2d(MaxPool2d(pool)), Op::Relu]),
            _ if fits => ops.extend([Op::Relu, Op::AvgPool2d(AvgPool2d(pool))]),
            _ => {}
        }
        let graph = small(&shape, ops.clone());
        let [_, _, rows, columns] = graph.shape(graph.outputs[0]) else { unreachable!() };
        if Window::square(second_kernel, second_stride, 0).output_size([*rows, *columns]).is_some() {
            ops.push(conv(2 * channels, 2, second_kernel, second_stride, 0, 1, seed + 7));
        }
        let graph = small(&shape, ops);
        let circuit = match lower(&graph, &options(scale, assurance, output_public, 1.0)) {
            Err(CommittedError::LooseRange(_)) => return Ok(()),
            circuit => circuit.unwrap(),
        };
        let honest = circuit.witness(&input::seeded_uniform(&shape, seed)).unwrap();
        prop_assert!(is_accepted(&circuit, &honest));
        has_no_fractions(&circuit, &honest);
        let Interval { least, greatest } = circuit.bounds()[0].bounds;
        if assurance.is_by_circuit() {
            for position in 0..honest.input.len() {
                for outside in [greatest + 1, least - 1, 1 << 30] {
                    let mut witness = honest.clone();
                    witness.input[position] = outside;
                    prop_assert!(!is_accepted(&circuit, &witness));
                }
            }
        }
        for position in 0..honest.output.len() {
            let mut witness = honest.clone();
            witness.output[position] += 1;
            prop_assert!(!is_accepted(&circuit, &witness));
        }
        for position in 0..honest.claims.len() {
            let mut witness = honest.clone();
            witness.claims[position] += 1;
            prop_assert!(!is_accepted(&circuit, &witness));
        }
    }

    #[test]
    fn convolutions_of_any_shape_are_checked(
        channels in 1usize..3, outputs in 1usize..4, height in 3usize..8, width in 3usize..8,
        kernel in 1usize..4, stride in 1usize..4, padding in 0usize..3, seed in 0u64..1000, at in 0usize..1000,
    ) {
        prop_assume!(padding < kernel);
        let graph = small(&[1, channels, height, width], vec![conv(channels, outputs, kernel, stride, padding, 1, seed)]);
        let circuit = lower(&graph, &options(5, InputAssurance::Registered, false, 1.0)).unwrap();
        let mut witness = circuit.witness(&input::seeded_uniform(&[1, channels, height, width], seed)).unwrap();
        prop_assert!(is_accepted(&circuit, &witness));
        let at = at % witness.output.len();
        witness.output[at] += 1;
        prop_assert!(!is_accepted(&circuit, &witness));
    }
}
