//! Operators' integers against ONNX's semantics, by tract on the file that a graph is written as; and the file read again.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::float::FloatModel;
use crate::graph::{Graph, ValueId as GraphValue};
use crate::input::seeded_uniform;
use crate::onnx::{self, Coverage};
use crate::program::{Integers, Program};
use crate::quantise::{ProgramOptions, quantise};
use crate::tensor::Window;

/// Bits after the binary point of inputs and weights.
const SCALE: u32 = 8;

/// How far a result may be from ONNX's number, as a part of the greatest number among them and 1.
const TOLERANCE: f64 = 0.02;

/// A graph, and whether its integers are ONNX's numbers exactly.
struct Case {
    graph: Graph,
    is_exact: bool,
}

fn apply(graph: &mut Graph, op: Op, inputs: &[GraphValue]) -> GraphValue {
    let number = graph.nodes.len();
    let output = format!("v{number}");
    // A constant of a file is a value, which has no other name.
    let name = match op {
        Op::Constant(_) => output.clone(),
        _ => format!("n{number}"),
    };
    graph
        .apply(&name, &output, op, inputs)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A graph of an operator on the input.
fn alone(shape: &[usize], op: Op) -> Graph {
    of_input(shape, |graph, x| apply(graph, op, &[x]))
}

fn of_input(shape: &[usize], build: impl FnOnce(&mut Graph, GraphValue) -> GraphValue) -> Graph {
    let mut graph = Graph::default();
    let x = graph.input("x", shape).expect("new");
    let y = build(&mut graph, x);
    graph.outputs.push(y);
    graph
}

/// For inputs up to a bound.
fn options(bound: f64) -> ProgramOptions {
    ProgramOptions {
        scale: SCALE,
        input: Integers::of_input(SCALE, bound),
        digit_bits: None,
        roundings: None,
    }
}

fn program(graph: &Graph) -> Program {
    quantise(graph, &options(1.0)).unwrap_or_else(|error| panic!("{error}"))
}

/// The integers of an input that its unit holds exactly lie in their bounds and are ONNX's numbers; the file says what was written.
fn agrees(case: &Case, seed: u64) -> Result<(), TestCaseError> {
    let Case { graph, is_exact } = case;
    let unit = f64::from(SCALE).exp2();
    let shape = graph.shape(graph.inputs[0]).to_vec();
    let drawn = seeded_uniform(&shape, seed).data.into_iter();
    let integers: Vec<i128> = drawn.map(|x| (f64::from(x) * unit).round() as i128).collect();
    let floats = integers.iter().map(|&x| (x as f64 / unit) as f32);
    let input = Tensor::new(shape, floats.collect());

    let program = program(graph);
    let trace = program.run(&integers);
    for (value, integers) in program.values.iter().zip(&trace.values) {
        let bounds = value.interval.least..=value.interval.greatest;
        prop_assert!(integers.iter().all(|x| bounds.contains(x)), "{}", value.name);
    }
    let result = program.value(program.output);
    let found = trace.values[program.output.0].iter();
    let found: Vec<f64> = found.map(|&x| x as f64 / result.unit).collect();

    let file = onnx::write(graph);
    let model = FloatModel::load(&file).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let outputs = model
        .run(&[input])
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(found.len(), outputs[0].len());
    let greatest = outputs[0]
        .data
        .iter()
        .fold(1_f64, |most, x| most.max(f64::from(x.abs())));
    let limit = if *is_exact { 0.0 } else { TOLERANCE * greatest };
    for (found, expected) in found.iter().zip(&outputs[0].data) {
        prop_assert!(
            (found - f64::from(*expected)).abs() <= limit,
            "{found} instead of {expected}: {:?}",
            graph.nodes
        );
    }
    let read = onnx::parse(&file, Path::new("model.onnx"))
        .map_err(|error| TestCaseError::fail(error.to_string()))?
        .coverage;
    prop_assert_eq!(read, Coverage::Full(graph.clone()));
    Ok(())
}

fn piecewise() -> impl Strategy<Value = Piecewise> {
    prop_oneof![
        Just(Piecewise::Abs),
        Just(Piecewise::Neg),
        Just(Piecewise::HardSwish),
        (-1_f32..1.0, -1_f32..1.5).prop_map(|(least, greatest)| Piecewise::Clip { least, greatest }),
        (-0.5_f32..0.5).prop_map(|alpha| Piecewise::LeakyRelu { alpha }),
        (0.05_f32..1.0, 0_f32..1.0).prop_map(|(alpha, beta)| Piecewise::HardSigmoid { alpha, beta }),
    ]
}

fn smooth() -> impl Strategy<Value = Smooth> {
    prop_oneof![
        Just(Smooth::Exp),
        Just(Smooth::Erf),
        Just(Smooth::Softplus),
        Just(Smooth::Selu {
            alpha: 1.673_263_2,
            gamma: 1.050_701
        }),
        (-1_f32..2.0).prop_map(|alpha| Smooth::Elu { alpha }),
        Just(Smooth::Cos),
        Just(Smooth::Sin),
        Just(Smooth::Tan),
        Just(Smooth::Acos),
        Just(Smooth::Asin),
        Just(Smooth::Atan),
        Just(Smooth::Cosh),
        Just(Smooth::Sinh),
        Just(Smooth::Asinh),
    ]
}

/// Shapes of up to four axes, the first of size 1.
fn shape() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1_usize..4, 1..4).prop_map(|sizes| [&[1], &sizes[..]].concat())
}

/// A movement of an input of this shape.
fn movement(shape: &[usize], kind: usize, picks: &[Index], numbers: &[i64]) -> Movement {
    let rank = shape.len();
    match kind {
        0 => {
            let mut axes: Vec<usize> = (0..rank).collect();
            let permutation = (0..rank).map(|at| axes.remove(picks[at].index(axes.len())));
            Movement::Transpose {
                permutation: permutation.collect(),
            }
        }
        1 => {
            let axis = picks[0].index(rank);
            let size = shape[axis];
            let step = if numbers[0] % 3 == 0 {
                -1
            } else {
                1 + numbers[0].rem_euclid(2)
            };
            let at = picks[1].index(size) as i64;
            // One element at least.
            let (start, end) = if step > 0 {
                (at, size as i64)
            } else {
                (at, -(size as i64) - 1)
            };
            Movement::Slice(vec![Cut {
                axis,
                start,
                end,
                step,
            }])
        }
        2 => {
            let axis = picks[0].index(rank);
            let indices = picks[1..5].iter().map(|pick| pick.index(shape[axis])).collect();
            Movement::Gather {
                axis,
                indices,
                shape: vec![2, 2],
            }
        }
        3 => {
            let pads = |at: usize| numbers[at].rem_euclid(3);
            Movement::Pad {
                before: (0..rank).map(pads).collect(),
                after: (0..rank).map(|at| pads(at + 1)).collect(),
                filling: Filling::Number(0.5),
            }
        }
        4 => Movement::Expand {
            shape: shape
                .iter()
                .map(|&size| if size == 1 { 2 } else { size })
                .collect(),
        },
        _ => Movement::Tile {
            repeats: (0..rank)
                .map(|at| 1 + numbers[at].rem_euclid(2) as usize)
                .collect(),
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn functions_made_of_lines_are_onnxs(op in piecewise(), shape in shape(), seed in 0_u64..1000) {
        let graph = alone(&shape, Op::Piecewise(op));
        agrees(&Case { graph, is_exact: false }, seed)?;
    }

    #[test]
    fn functions_by_tables_are_onnxs(op in smooth(), shape in shape(), seed in 0_u64..1000) {
        let graph = alone(&shape, Op::Smooth(op));
        agrees(&Case { graph, is_exact: false }, seed)?;
    }

    /// What is at least 0, or at least 1/4.
    #[test]
    fn roots_and_logarithms_are_onnxs(is_root: bool, shape in shape(), seed in 0_u64..1000) {
        let graph = of_input(&shape, |graph, x| {
            let square = apply(graph, Op::Mul, &[x, x]);
            let more = apply(graph, Op::Constant(Tensor::new([], vec![0.25])), &[]);
            let positive = apply(graph, Op::Add, &[square, more]);
            let op = if is_root { Smooth::Sqrt } else { Smooth::Log };
            apply(graph, Op::Smooth(op), &[positive])
        });
        agrees(&Case { graph, is_exact: false }, seed)?;
    }

    /// An operation with constants of a shape that the input's is broadcast with.
    #[test]
    fn arithmetic_with_constants_is_onnxs(
        shape in shape(), kind in 0_usize..4, is_left: bool, kept in any::<u8>(), seed in 0_u64..1000,
    ) {
        let op = [Op::Add, Op::Sub, Op::Mul, Op::Div][kind].clone();
        let sizes = shape.iter().enumerate().map(|(at, &size)| if kept >> at & 1 == 1 { size } else { 1 });
        let sizes: Vec<usize> = sizes.collect();
        let mut constant = seeded_uniform(&sizes, seed + 1);
        for x in &mut constant.data {
            // Divisors are not small.
            *x = x.signum() * (0.5 + x.abs());
        }
        // Nothing but constants is divided by.
        let is_left = is_left && kind != 3;
        let graph = of_input(&shape, |graph, x| {
            let constant = apply(graph, Op::Constant(constant), &[]);
            let inputs = if is_left { [constant, x] } else { [x, constant] };
            apply(graph, op, &inputs)
        });
        agrees(&Case { graph, is_exact: false }, seed)?;
    }

    #[test]
    fn quotients_of_values_are_onnxs(shape in shape(), seed in 0_u64..1000) {
        let graph = of_input(&shape, |graph, x| {
            let square = apply(graph, Op::Mul, &[x, x]);
            let more = apply(graph, Op::Constant(Tensor::new([1], vec![0.5])), &[]);
            let positive = apply(graph, Op::Add, &[square, more]);
            apply(graph, Op::Div, &[x, positive])
        });
        agrees(&Case { graph, is_exact: false }, seed)?;
    }

    #[test]
    fn whole_powers_are_onnxs(exponent in 3_u32..6, shape in shape(), seed in 0_u64..1000) {
        let graph = alone(&shape, Op::Power(Power { exponent }));
        agrees(&Case { graph, is_exact: false }, seed)?;
    }

    #[test]
    fn movements_are_onnxs(
        shape in shape(), kind in 0_usize..6, picks in prop::collection::vec(any::<Index>(), 5),
        numbers in prop::collection::vec(any::<i64>(), 6), seed in 0_u64..1000,
    ) {
        let graph = alone(&shape, Op::Movement(movement(&shape, kind, &picks, &numbers)));
        agrees(&Case { graph, is_exact: true }, seed)?;
    }

    #[test]
    fn reductions_are_onnxs(
        shape in shape(), kind in 0_usize..4, kept in any::<u8>(), keeps: bool, seed in 0_u64..1000,
    ) {
        let reduction = [Reduction::Sum, Reduction::Mean, Reduction::Greatest, Reduction::Least][kind];
        let axes: Vec<usize> = (0..shape.len()).filter(|at| kept >> at & 1 == 1).collect();
        prop_assume!(!axes.is_empty() && (keeps || axes.len() < shape.len()));
        let graph = alone(&shape, Op::Reduce(Reduce { reduction, axes, keeps }));
        agrees(&Case { graph, is_exact: reduction != Reduction::Mean }, seed)?;
    }

    #[test]
    fn pools_with_padding_are_onnxs(
        kernel in prop::array::uniform2(1_usize..4), stride in prop::array::uniform2(1_usize..3),
        padding in prop::array::uniform4(0_usize..2), counts_padding: bool, seed in 0_u64..1000,
    ) {
        prop_assume!(padding != [0; 4] && (0..4).all(|side| padding[side] < kernel[side % 2]));
        let window = Window { kernel, stride, padding };
        prop_assume!(window.output_size([4, 5]).is_some());
        let graph = alone(&[1, 2, 4, 5], Op::PaddedMean(PaddedMean { window, counts_padding }));
        agrees(&Case { graph, is_exact: false }, seed)?;
    }

    #[test]
    fn products_of_values_are_onnxs(
        heads in 1_usize..3, rows in 1_usize..4, inner in 1_usize..4, columns in 1_usize..4, shared: bool, seed in 0_u64..1000,
    ) {
        let right_heads = if shared { 1 } else { heads };
        let right = seeded_uniform(&[right_heads, inner, columns], seed + 1);
        let graph = of_input(&[1, heads, rows, inner], |graph, x| {
            let constant = apply(graph, Op::Constant(right), &[]);
            let product = apply(graph, Op::MatMul, &[x, constant]);
            let turned = Movement::Transpose { permutation: vec![0, 1, 3, 2] };
            let turned = apply(graph, Op::Movement(turned), &[product]);
            apply(graph, Op::MatMul, &[turned, x])
        });
        agrees(&Case { graph, is_exact: false }, seed)?;
    }

    /// Each head of a constant has bounds of its own, and what rests on them is not the straight line that their sum would allow.
    #[test]
    fn products_with_heads_of_a_constant_are_bounded(heads in 1_usize..4, columns in 1_usize..3, seed in 0_u64..1000) {
        let right = seeded_uniform(&[heads, 2, columns], seed + 1);
        let graph = of_input(&[heads, 1, 2], |graph, x| {
            let positive = apply(graph, Op::Piecewise(Piecewise::Clip { least: 0.5, greatest: 1.0 }), &[x]);
            let constant = apply(graph, Op::Constant(right), &[]);
            let product = apply(graph, Op::MatMul, &[positive, constant]);
            apply(graph, Op::Piecewise(Piecewise::Clip { least: -0.75, greatest: 0.75 }), &[product])
        });
        agrees(&Case { graph, is_exact: false }, seed)?;
    }

    #[test]
    fn shares_are_onnxs(shape in shape(), is_logarithm: bool, seed in 0_u64..1000) {
        let graph = alone(&shape, Op::Softmax(Softmax { is_logarithm }));
        agrees(&Case { graph, is_exact: false }, seed)?;
    }

    #[test]
    fn normalised_rows_are_onnxs(
        rows in 1_usize..4, columns in 2_usize..6, is_instance: bool, seed in 0_u64..1000,
    ) {
        let (shape, op) = if is_instance {
            let op = InstanceNorm {
                scale: seeded_uniform(&[rows], seed + 1),
                bias: seeded_uniform(&[rows], seed + 2),
                epsilon: 1e-2,
            };
            (vec![1, rows, columns, 2], Op::InstanceNorm(op))
        } else {
            let op = LayerNorm {
                axis: 2,
                scale: seeded_uniform(&[columns], seed + 1),
                bias: Some(seeded_uniform(&[columns], seed + 2)),
                epsilon: 1e-2,
            };
            (vec![1, rows, columns], Op::LayerNorm(op))
        };
        agrees(&Case { graph: alone(&shape, op), is_exact: false }, seed)?;
    }

    #[test]
    fn transposed_convolutions_are_onnxs(
        kernel in prop::array::uniform2(1_usize..4), stride in prop::array::uniform2(1_usize..3),
        padding in prop::array::uniform4(0_usize..2), groups in 1_usize..3, more in prop::array::uniform2(0_usize..2),
        seed in 0_u64..1000,
    ) {
        prop_assume!((0..2).all(|axis| more[axis] < stride[axis]));
        let weight_shape = [2 * groups, 2, kernel[0], kernel[1]];
        let op = ConvTranspose2d {
            weight: seeded_uniform(&weight_shape, seed + 1),
            bias: Some(seeded_uniform(&[2 * groups], seed + 2)),
            window: Window { kernel, stride, padding },
            more,
            groups,
        };
        let op = Op::ConvTranspose2d(op);
        prop_assume!(op.output_shape(&[&[1, 2 * groups, 3, 4]]).is_ok());
        agrees(&Case { graph: alone(&[1, 2 * groups, 3, 4], op), is_exact: false }, seed)?;
    }
}

/// The positions of extremes, ties among them: elements are quarters.
#[test]
fn extremes_stand_where_onnx_says() {
    for columns in 1..8_usize {
        for (of_least, last_of_equals) in [(false, false), (false, true), (true, false), (true, true)] {
            let op = Op::ArgMax(ArgMax {
                axis: 1,
                keeps: false,
                of_least,
                last_of_equals,
            });
            let graph = alone(&[1, columns, 2], op);
            let program = program(&graph);
            for seed in 0..20 {
                let drawn = seeded_uniform(&[1, columns, 2], seed).data;
                let integers: Vec<i128> = drawn.iter().map(|x| (x * 2.0).round() as i128 * 64).collect();
                let found = program.run(&integers).values.swap_remove(program.output.0);
                for (column, &found) in found.iter().enumerate() {
                    let elements: Vec<i128> = integers.iter().copied().skip(column).step_by(2).collect();
                    let signed = |x: i128| if of_least { -x } else { x };
                    let best = elements.iter().copied().map(signed).max().expect("an element");
                    let mut places = (0..columns).filter(|&at| signed(elements[at]) == best);
                    let expected = if last_of_equals {
                        places.next_back()
                    } else {
                        places.next()
                    };
                    assert_eq!(Some(found as usize), expected, "{elements:?}");
                }
            }
        }
    }
}

/// tract's Celu is another function, as ONNX's own node tests say; this is ONNX's formula.
#[test]
fn celu_is_onnxs() {
    for alpha in [0.25_f32, 0.7, 1.0, 1.9] {
        let graph = alone(&[1, 33], Op::Smooth(Smooth::Celu { alpha }));
        let program = program(&graph);
        let input: Vec<i128> = (-16..=16).map(|x| x * 16).collect();
        let result = program.value(program.output);
        let found = program.run(&input).values.swap_remove(program.output.0);
        for (&x, &found) in input.iter().zip(&found) {
            let (x, alpha) = (x as f64 / f64::from(SCALE).exp2(), f64::from(alpha));
            let expected = x.max(0.0) + (alpha * ((x / alpha).exp() - 1.0)).min(0.0);
            assert!(
                (found as f64 / result.unit - expected).abs() < TOLERANCE,
                "{alpha}: {x}"
            );
        }
    }
}

/// Comparisons of quarters with each other, and what is made of their truth.
#[test]
fn comparisons_are_onnxs_at_ties_too() {
    type Truth = fn(i128, i128) -> bool;
    let cases: [(Compare, Truth); 5] = [
        (Compare::Greater, |a, b| a > b),
        (Compare::GreaterOrEqual, |a, b| a >= b),
        (Compare::Less, |a, b| a < b),
        (Compare::LessOrEqual, |a, b| a <= b),
        (Compare::Equal, |a, b| a == b),
    ];
    for (op, holds) in cases {
        // x in a column against x in a row, and where it holds the row's element, else the column's.
        let graph = of_input(&[1, 5], |graph, x| {
            let column = apply(graph, Op::Reshape(Reshape { shape: vec![5, 1] }), &[x]);
            let truth = apply(graph, Op::Compare(op), &[column, x]);
            apply(graph, Op::Where, &[truth, x, column])
        });
        let program = program(&graph);
        let input = [-64, 0, 64, 64, 128];
        let found = program.run(&input).values.swap_remove(program.output.0);
        let expected: Vec<i128> = input
            .iter()
            .flat_map(|&a| input.map(|b| if holds(a, b) { b } else { a }))
            .collect();
        assert_eq!(found, expected, "{op:?}");
    }
}

/// Of two truth values each operation is that of a table.
#[test]
fn truth_values_are_combined_as_tables_say() {
    for (op, table) in [
        (Compare::And, [0, 0, 0, 1]),
        (Compare::Or, [0, 1, 1, 1]),
        (Compare::Xor, [0, 1, 1, 0]),
        (Compare::Equal, [1, 0, 0, 1]),
    ] {
        let graph = of_input(&[1, 2], |graph, x| {
            let zero = apply(graph, Op::Constant(Tensor::new([], vec![0.0])), &[]);
            let truth = apply(graph, Op::Compare(Compare::Greater), &[x, zero]);
            let column = apply(graph, Op::Reshape(Reshape { shape: vec![2, 1] }), &[truth]);
            let both = apply(graph, Op::Compare(op), &[column, truth]);
            apply(graph, Op::Not, &[both])
        });
        let program = program(&graph);
        let found = program.run(&[-5, 5]).values.swap_remove(program.output.0);
        assert_eq!(found, table.map(|truth| 1 - truth), "{op:?}");
    }
}

/// Numbers between whole ones, in the middle and whole, of few and of many bits after the point.
#[test]
fn whole_numbers_are_onnxs_at_ties_too() {
    type Function = fn(f64) -> f64;
    let cases: [(Whole, Function); 4] = [
        (Whole::Floor, f64::floor),
        (Whole::Ceil, f64::ceil),
        (Whole::Round, f64::round_ties_even),
        (Whole::Truncate, f64::trunc),
    ];
    let one = 1_i128 << SCALE;
    let quarters: Vec<i128> = (-12..=12).map(|at| at * one / 4).collect();
    let near: Vec<i128> = (-3..=3)
        .flat_map(|at| [-1, 1].map(|more| at * one / 2 + more))
        .collect();
    let input = [quarters, near].concat();
    for (op, function) in cases {
        for power in [1, 3] {
            // A third power has 24 bits after the point.
            let graph = of_input(&[1, input.len()], |graph, x| {
                let x = if power == 3 {
                    apply(graph, Op::Power(Power { exponent: 3 }), &[x])
                } else {
                    x
                };
                apply(graph, Op::Whole(op), &[x])
            });
            let options = ProgramOptions {
                scale: SCALE,
                input: Integers::of_input(SCALE, 4.0),
                digit_bits: None,
                roundings: None,
            };
            let program = quantise(&graph, &options).unwrap_or_else(|error| panic!("{error}"));
            let result = program.value(program.output);
            assert!(result.is_whole);
            let trace = program.run(&input);
            for (value, integers) in program.values.iter().zip(&trace.values) {
                let bounds = value.interval.least..=value.interval.greatest;
                assert!(integers.iter().all(|x| bounds.contains(x)), "{}", value.name);
            }
            for (&x, &found) in input.iter().zip(&trace.values[program.output.0]) {
                let x = x as f64 / one as f64;
                let x = if power == 3 { x.powi(3) } else { x };
                let expected = function(x) * result.unit;
                assert_eq!(found, expected as i128, "{op:?} of {x}");
            }
        }
    }
}

/// A state that a gate multiplies step after step has no more bits in the end than a table takes.
#[test]
fn products_step_after_step_are_onnxs() {
    let graph = of_input(&[1, 4], |graph, x| {
        let mut state = apply(graph, Op::Tanh, &[x]);
        for _ in 0..20 {
            let sum = apply(graph, Op::Add, &[state, x]);
            let gate = apply(graph, Op::Sigmoid, &[sum]);
            let kept = apply(graph, Op::Mul, &[gate, state]);
            state = apply(graph, Op::Sub, &[kept, x]);
        }
        state
    });
    for seed in 0..5 {
        let case = Case {
            graph: graph.clone(),
            is_exact: false,
        };
        agrees(&case, seed).unwrap();
    }
}

/// A function of a position is taken at a unit that has digits after the point, or not at all.
#[test]
fn functions_of_whole_numbers_keep_their_fractions() {
    let of_position = |count: usize, op: Op| {
        of_input(&[1, count], |graph, x| {
            let position = ArgMax {
                axis: 1,
                keeps: true,
                of_least: false,
                last_of_equals: false,
            };
            let position = apply(graph, Op::ArgMax(position), &[x]);
            apply(graph, op, &[position])
        })
    };
    for (op, expected) in [
        (Op::Tanh, 3_f64.tanh()),
        (Op::Smooth(Smooth::Sqrt), 3_f64.sqrt()),
        (
            Op::Piecewise(Piecewise::Clip {
                least: 0.25,
                greatest: 2.75,
            }),
            2.75,
        ),
    ] {
        let program = program(&of_position(6, op.clone()));
        let found = program
            .run(&[0, 1, 2, 9, 8, 7])
            .values
            .swap_remove(program.output.0)[0];
        let unit = program.value(program.output).unit;
        assert!(
            (found as f64 / unit - expected).abs() < 0.01,
            "{op:?}: {found} / {unit}"
        );
    }
    let wide = of_position(1500, Op::Tanh);
    let options = ProgramOptions {
        scale: SCALE,
        input: Integers::of_input(SCALE, 1.0),
        digit_bits: Some(12),
        roundings: None,
    };
    let refused = quantise(&wide, &options).expect_err("positions beyond a table's half");
    assert!(
        refused.to_string().contains("whole numbers too large"),
        "{refused}"
    );
}

/// What is compared is written as truth values, and what is computed of them as floats again.
#[test]
fn truth_values_and_positions_have_their_types_in_a_file() {
    let graph = of_input(&[1, 4], |graph, x| {
        let zero = apply(graph, Op::Constant(Tensor::new([], vec![0.0])), &[]);
        let truth = apply(graph, Op::Compare(Compare::Greater), &[x, zero]);
        let other = apply(graph, Op::Not, &[truth]);
        let both = apply(graph, Op::Compare(Compare::Or), &[truth, other]);
        let product = apply(graph, Op::Mul, &[x, both]);
        let position = ArgMax {
            axis: 1,
            keeps: true,
            of_least: false,
            last_of_equals: false,
        };
        let position = apply(graph, Op::ArgMax(position), &[x]);
        let sum = apply(graph, Op::Add, &[product, position]);
        let joined = apply(graph, Op::Concat(Concat { axis: 1 }), &[sum, truth]);
        graph.outputs.push(truth);
        apply(graph, Op::Where, &[truth, sum, x]);
        joined
    });
    let file = onnx::write(&graph);
    let model = FloatModel::load(&file).expect("valid");
    let outputs = model
        .run(&[Tensor::new([1, 4], vec![-0.5, 0.25, 0.75, 0.0])])
        .expect("runs");
    assert_eq!(outputs[0].data, [0.0, 1.0, 1.0, 0.0]);
    assert_eq!(outputs[1].data, [1.5, 2.25, 2.75, 2.0, 0.0, 1.0, 1.0, 0.0]);
    let read = onnx::parse(&file, Path::new("model.onnx")).expect("valid");
    let Coverage::Full(mut read) = read.coverage else {
        panic!("{:?}", read.coverage)
    };
    // Of the position the file knows the type, too.
    let known = read.values.iter_mut().filter_map(|value| {
        let is_integer = std::mem::take(&mut value.is_integer);
        assert_eq!(is_integer, value.wraps_beyond.is_some());
        value.wraps_beyond.take()
    });
    assert_eq!(known.collect::<Vec<_>>(), [(i64::MIN, i64::MAX)]);
    assert_eq!(read, graph);
}

/// An input that a file declares as truth values is no number of 0 and 1 by itself.
#[test]
fn what_a_file_calls_a_truth_value_is_0_or_1() {
    let one = 1 << SCALE;
    for (op, inputs, expected) in [
        (Op::Not, 1, [1, 0, 0, 1]),
        (Op::Compare(Compare::Xor), 2, [0, 0, 0, 0]),
        (Op::Compare(Compare::And), 2, [0, 1, 1, 0]),
    ] {
        let graph = of_input(&[1, 4], |graph, x| apply(graph, op, &[x, x][..inputs]));
        let program = program(&graph);
        assert_eq!(
            program.run(&[0, one, 1, -one]).values[program.output.0],
            expected,
            "{:?}",
            graph.nodes
        );
    }
}

/// The greatest and the least of three values, one of them a constant.
#[test]
fn extremes_of_values_are_onnxs() {
    for op in [Extreme::Greatest, Extreme::Least] {
        let graph = of_input(&[1, 3], |graph, x| {
            let square = apply(graph, Op::Mul, &[x, x]);
            let constant = apply(graph, Op::Constant(Tensor::new([], vec![0.25])), &[]);
            apply(graph, Op::Extreme(op), &[x, square, constant])
        });
        for seed in 0..10 {
            agrees(
                &Case {
                    graph: graph.clone(),
                    is_exact: false,
                },
                seed,
            )
            .unwrap();
        }
    }
}

/// A file's integers wrap around beyond what their type holds; the circuit's do not.
#[test]
fn integers_that_may_leave_their_type_are_refused() {
    let options = options(1.0);
    for (holds, fits) in [((-2, 2), true), ((-2, 0), false)] {
        let mut graph = of_input(&[1, 2], |graph, x| apply(graph, Op::Mul, &[x, x]));
        graph.values[1].wraps_beyond = Some(holds);
        assert_eq!(quantise(&graph, &options).is_ok(), fits, "{holds:?}");
    }
}

/// Nor are a file's integers fractions: what enters a part as its own integers is.
#[test]
fn integers_that_are_rounded_are_refused() {
    let options = options(1.0);
    for is_integer in [false, true] {
        let mut graph = of_input(&[1, 2], |graph, x| apply(graph, Op::Mul, &[x, x]));
        graph.values[0].is_integer = is_integer;
        assert_eq!(quantise(&graph, &options).is_err(), is_integer);
    }
}

/// What is scaled and scaled back is whole as it stands, and the circuit rounds nothing.
#[test]
fn whole_numbers_that_are_scaled_back_are_whole() {
    let graph = of_input(&[1, 3], |graph, x| {
        let whole = apply(graph, Op::Whole(Whole::Round), &[x]);
        let scale = apply(graph, Op::Constant(Tensor::new([], vec![0.0123])), &[]);
        let scaled = apply(graph, Op::Mul, &[whole, scale]);
        let back = apply(graph, Op::Div, &[scaled, scale]);
        apply(graph, Op::Whole(Whole::Round), &[back])
    });
    let options = options(4.0);
    let program = quantise(&graph, &options).unwrap_or_else(|error| panic!("{error}"));
    let result = program.value(program.output);
    assert!(result.is_whole && result.unit.to_bits() == 1f64.to_bits());
    let trace = program.run(&[3 << SCALE, -(2 << SCALE), 100]);
    assert_eq!(trace.values[program.output.0], [3, -2, 0]);
}

/// A number that would be rounded goes into the unit of what is whole, or has a unit that is no power of two.
#[test]
fn scales_of_whole_numbers_round_nothing() {
    let graph = of_input(&[1, 4], |graph, x| {
        let whole = apply(graph, Op::Whole(Whole::Round), &[x]);
        let scale = apply(graph, Op::Constant(Tensor::new([], vec![0.0123])), &[]);
        let scaled = apply(graph, Op::Mul, &[whole, scale]);
        let other = apply(graph, Op::Constant(Tensor::new([], vec![-0.0456])), &[]);
        let ratio = apply(graph, Op::Div, &[scaled, other]);
        apply(graph, Op::Whole(Whole::Round), &[ratio])
    });
    let options = options(100.0);
    let program = quantise(&graph, &options).unwrap_or_else(|error| panic!("{error}"));
    let result = program.value(program.output);
    assert!(result.is_whole);
    let inputs = [-100.0_f64, -37.0, 12.0, 99.0];
    let unit = program.value(crate::program::ValueId(0)).unit;
    let integers: Vec<i128> = inputs.iter().map(|x| (x * unit) as i128).collect();
    let trace = program.run(&integers);
    let expected = inputs.map(|x| (f64::from(0.0123_f32) * x / f64::from(-0.0456_f32)).round());
    let found: Vec<f64> = trace.values[program.output.0].iter().map(|&x| x as f64).collect();
    assert_eq!(found, expected);
}

/// Padding is made of what is left after cropping, as onnxruntime has it: it refuses more of it than there is.
#[test]
fn what_is_cropped_fills_nothing() {
    let shape = |filling: Filling, before: i64, after: i64| {
        let op = Movement::Pad {
            before: vec![before],
            after: vec![after],
            filling,
        };
        Op::Movement(op).output_shape(&[&[6]]).ok().map(|shape| shape[0])
    };
    for (before, after, expected) in [
        (-3, 2, Some(5)),
        (-3, 3, None),
        (4, -1, Some(9)),
        (5, -1, None),
        (4, -3, None),
        (-2, -1, Some(3)),
        (5, 5, Some(16)),
        (6, 0, None),
    ] {
        assert_eq!(
            shape(Filling::Reflected, before, after),
            expected,
            "{before} {after}"
        );
    }
    assert_eq!(shape(Filling::Edge, -5, 3), Some(4));
    assert_eq!(shape(Filling::Edge, -6, 3), None);
    assert_eq!(shape(Filling::Number(0.5), -6, 3), Some(3));
    assert_eq!(shape(Filling::Number(0.5), -8, 5), None);
    assert_eq!(shape(Filling::Number(0.5), i64::MIN, i64::MAX), None);
}
