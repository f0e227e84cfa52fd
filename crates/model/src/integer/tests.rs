//! What is refused, and why; what is computed is compared with EZKL in `tests/suite/integer_reference.rs`.

use super::super::graph::{
    BatchNorm, Conv2d, Gemm, Graph, LayerNorm, MaxPool2d, Op, Reshape, Tensor, ValueId, Window,
};
use super::{IntegerError, IntegerRun, Quantisation, lower, run};

/// Both scales 7, every division made, two digits of 14 bits.
pub(super) fn quantisation() -> Quantisation {
    Quantisation {
        input_scale: 7,
        param_scale: 7,
        rebase_scale: None,
        scale_rebase_multiplier: 1,
        rebase_frac_zero_constants: false,
        epsilon: f64::EPSILON,
        lookup_range: (-100, 100),
        logrows: 15,
        decomp_base: 16384,
        decomp_legs: 2,
        inputs_range_checked: true,
        outputs_range_checked: true,
    }
}

fn graph(shape: &[usize], build: impl FnOnce(&mut Graph, ValueId) -> ValueId) -> Graph {
    let mut graph = Graph::default();
    let x = graph.input("x", shape).unwrap();
    let output = build(&mut graph, x);
    graph.outputs.push(output);
    graph
}

fn apply(graph: &mut Graph, op: Op, inputs: &[ValueId]) -> ValueId {
    let name = format!("n{}", graph.nodes.len());
    graph.apply(&name, &format!("{name}.y"), op, inputs).unwrap()
}

fn constant(shape: &[usize], element: f32) -> Tensor {
    Tensor::new(shape, vec![element; shape.iter().product()])
}

fn conv(filters: usize, channels: usize, kernel: usize) -> Op {
    Op::Conv2d(Conv2d {
        weight: constant(&[filters, channels, kernel, kernel], 0.5),
        bias: None,
        window: Window::square(kernel, 1, 0),
        groups: 1,
    })
}

fn gemm(outputs: usize, inputs: usize) -> Op {
    Op::Gemm(Gemm {
        weight: constant(&[outputs, inputs], 0.5),
        bias: None,
    })
}

fn batch_norm(channels: usize, scale: f32) -> Op {
    let parameter = |element| constant(&[channels], element);
    Op::BatchNorm(BatchNorm {
        scale: parameter(scale),
        bias: parameter(0.5),
        mean: parameter(0.0),
        variance: parameter(1.0),
        epsilon: 0.0,
    })
}

fn of_one_element(
    graph: &Graph,
    element: f32,
    quantisation: &Quantisation,
) -> Result<IntegerRun, IntegerError> {
    run(graph, &[Tensor::new([1, 1], vec![element])], quantisation)
}

#[test]
fn inputs_must_fit_the_graph() {
    let graph = graph(&[1, 2], |graph, x| apply(graph, Op::Relu, &[x]));
    let count = run(&graph, &[], &quantisation()).unwrap_err();
    assert_eq!(
        count,
        IntegerError::InputCount {
            expected: 1,
            found: 0
        }
    );
    let length = run(&graph, &[constant(&[1, 3], 0.0)], &quantisation()).unwrap_err();
    assert_eq!(
        length,
        IntegerError::InputLength {
            input: "x".to_owned(),
            expected: 2,
            found: 3
        }
    );
    let nan = run(&graph, &[constant(&[1, 2], f32::NAN)], &quantisation()).unwrap_err();
    assert!(matches!(nan, IntegerError::NotRepresentable { scale: 7, .. }));
}

#[test]
fn a_value_may_use_all_its_digits_and_no_more() {
    let relu = graph(&[1, 1], |graph, x| apply(graph, Op::Relu, &[x]));
    let narrow = Quantisation {
        input_scale: 0,
        decomp_base: 8,
        ..quantisation()
    };
    assert_eq!(of_one_element(&relu, 63.0, &narrow).unwrap().outputs, [[63]]);
    assert_eq!(of_one_element(&relu, -63.0, &narrow).unwrap().outputs, [[0]]);
    for element in [64.0, -64.0] {
        let error = of_one_element(&relu, element, &narrow).unwrap_err();
        assert!(matches!(
            error,
            IntegerError::BeyondDecomposition { limit: 63, .. }
        ));
        let unchecked = Quantisation {
            inputs_range_checked: false,
            ..narrow.clone()
        };
        let error = of_one_element(&relu, element, &unchecked).unwrap_err();
        assert!(matches!(error, IntegerError::BeyondDecomposition { ref node, .. } if node == "n0"));
    }
}

/// The limits are those at which EZKL's mock prover begins to refuse.
#[test]
fn a_table_reaches_to_the_end_of_its_last_column() {
    let tanh = graph(&[1, 1], |graph, x| apply(graph, Op::Tanh, &[x]));
    let whole = Quantisation {
        input_scale: 0,
        param_scale: 0,
        ..quantisation()
    };
    let two_columns = Quantisation {
        lookup_range: (-40_000, 100),
        ..whole.clone()
    };
    for (settings, low, high) in [(whole, -100, 32_659), (two_columns, -40_000, 25_519)] {
        for inside in [low, high] {
            assert!(of_one_element(&tanh, inside as f32, &settings).is_ok());
        }
        for outside in [low - 1, high + 1] {
            let error = of_one_element(&tanh, outside as f32, &settings).unwrap_err();
            assert!(matches!(error, IntegerError::BeyondLookup { .. }), "{error}");
        }
    }
}

#[test]
fn overflow_names_the_node() {
    let squares = graph(&[1, 1], |graph, x| {
        let square = apply(graph, Op::Mul, &[x, x]);
        apply(graph, Op::Mul, &[square, square])
    });
    let wide = Quantisation {
        scale_rebase_multiplier: 8,
        inputs_range_checked: false,
        ..quantisation()
    };
    let error = of_one_element(&squares, 2f32.powi(30), &wide).unwrap_err();
    assert_eq!(
        error,
        IntegerError::Overflow {
            node: "n1".to_owned()
        }
    );
}

#[test]
fn an_operand_raised_by_64_bits_is_lost() {
    let graph = graph(&[1, 1], |graph, x| {
        let mut power = x;
        for _ in 0..4 {
            power = apply(graph, Op::Mul, &[power, power]);
        }
        apply(graph, Op::Add, &[power, x])
    });
    let settings = |input_scale| Quantisation {
        input_scale,
        scale_rebase_multiplier: 10,
        ..quantisation()
    };
    assert!(lower(&graph, &settings(7)).is_ok());
    let error = lower(&graph, &settings(8)).unwrap_err();
    assert_eq!(
        error,
        IntegerError::LostOperand {
            node: "n4".to_owned(),
            shift: 72
        }
    );
}

#[test]
fn a_batch_norm_is_folded_into_the_convolution_that_only_it_reads() {
    let steps = |graph: &Graph| {
        let listing = lower(graph, &quantisation()).unwrap().to_string();
        listing.matches("multiply(").count()
    };
    let alone = graph(&[1, 1, 4, 4], |graph, x| {
        let y = apply(graph, conv(2, 1, 3), &[x]);
        apply(graph, batch_norm(2, 1.5), &[y])
    });
    assert_eq!(steps(&alone), 0);
    let shared = graph(&[1, 1, 4, 4], |graph, x| {
        let y = apply(graph, conv(2, 1, 3), &[x]);
        let z = apply(graph, batch_norm(2, 1.5), &[y]);
        apply(graph, Op::Add, &[y, z])
    });
    assert_eq!(steps(&shared), 1);
    let pointwise = graph(&[1, 1, 4, 4], |graph, x| {
        let y = apply(graph, conv(2, 1, 1), &[x]);
        apply(graph, batch_norm(2, 1.5), &[y])
    });
    assert_eq!(steps(&pointwise), 1);
}

#[test]
fn what_the_loader_rewrites_otherwise_is_refused() {
    let zero = graph(&[1, 2, 4, 4], |graph, x| apply(graph, batch_norm(2, 0.0), &[x]));
    assert!(matches!(
        lower(&zero, &quantisation()),
        Err(IntegerError::ZeroScale { .. })
    ));

    let single = graph(&[1, 3, 1], |graph, x| {
        let op = Op::LayerNorm(LayerNorm {
            axis: 2,
            scale: constant(&[1], 2.0),
            bias: None,
            epsilon: 1e-5,
        });
        apply(graph, op, &[x])
    });
    assert!(matches!(
        lower(&single, &quantisation()),
        Err(IntegerError::SingleElementNorm { .. })
    ));

    let folded = graph(&[1, 1, 3, 3], |graph, x| {
        let other = graph.input("z", &[1, 2, 1, 1]).unwrap();
        let y = apply(graph, conv(2, 1, 3), &[x]);
        apply(graph, Op::Add, &[y, other])
    });
    let error = lower(&folded, &quantisation()).unwrap_err();
    assert_eq!(
        error,
        IntegerError::FoldedOperand {
            node: "n0".to_owned(),
            reader: "n1".to_owned()
        }
    );
}

/// Between two matrix products, with or without what keeps the batch axis.
fn between_products(inside: impl Fn(&mut Graph, ValueId) -> ValueId) -> Result<super::Lowered, IntegerError> {
    let graph = graph(&[1, 4], |graph, x| {
        let y = apply(graph, gemm(16, 4), &[x]);
        let y = apply(
            graph,
            Op::Reshape(Reshape {
                shape: vec![1, 1, 4, 4],
            }),
            &[y],
        );
        let y = inside(graph, y);
        let y = apply(graph, Op::Flatten, &[y]);
        let features = graph.shape(y)[1];
        apply(graph, gemm(2, features), &[y])
    });
    lower(&graph, &quantisation())
}

#[test]
fn a_convolution_that_ezkl_misreads_is_refused() {
    let misread = between_products(|graph, y| apply(graph, conv(2, 1, 3), &[y])).unwrap_err();
    assert_eq!(
        misread,
        IntegerError::MisreadConvolution {
            node: "n2".to_owned()
        }
    );

    let pooled = between_products(|graph, y| {
        let y = apply(graph, conv(2, 1, 3), &[y]);
        apply(graph, Op::MaxPool2d(MaxPool2d(Window::square(2, 2, 0))), &[y])
    });
    assert!(pooled.is_ok());
    let single_output = between_products(|graph, y| apply(graph, conv(1, 1, 4), &[y]));
    assert!(single_output.is_ok());
}
