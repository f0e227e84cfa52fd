//! The integer reference against what EZKL itself computed.
//!
//! `tests/fixtures/integer` holds, for small graphs under various settings, the inputs and outputs of the witness
//! that EZKL 23.0.5 made, or that it made none. The graphs of the fixtures are built here; to make the fixtures anew:
//!
//! ```text
//! EVMBENCH_INTEGER_CASES=cases cargo test --test suite integer_reference:: -- --ignored write_cases
//! python scripts/make-integer-fixtures.py cases tests/fixtures/integer
//! ```

use std::path::{Path, PathBuf};

use evmbench::model::graph::{
    AvgPool2d, BatchNorm, Conv2d, Gemm, Graph, LayerNorm, MaxPool2d, Op, Reshape, Tensor, ValueId, Window,
};
use evmbench::model::input::seeded_uniform;
use evmbench::model::integer::{self, IntegerError, Quantisation, integer_from_word};
use evmbench::model::onnx;
use evmbench::prover::settings;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the script makes of a case.
#[derive(Deserialize)]
struct Fixture {
    graph: Graph,
    inputs: Vec<Tensor>,
    /// Of EZKL's settings, as they were resolved.
    run_args: Value,
    /// Nothing where EZKL had no witness.
    witness: Option<Witness>,
}

/// Field elements as EZKL writes them: 64 hexadecimal digits, the lowest byte first.
#[derive(Deserialize)]
struct Witness {
    inputs: Vec<Vec<String>>,
    input_scales: Vec<i32>,
    outputs: Vec<Vec<String>>,
    output_scales: Vec<i32>,
}

/// The fixture of a maximum over padded windows of negative elements: EZKL pads with 0, ONNX with nothing.
const PADDED_WITH_ZEROS: &str = "maxpool_padded_negative";

#[test]
fn equals_ezkl_to_the_last_integer() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/integer");
    let mut compared = 0;
    let mut refused = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display();
        let fixture: Fixture = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let quantisation = settings::quantisation(&fixture.run_args).unwrap();
        let run = integer::run(&fixture.graph, &fixture.inputs, &quantisation);
        if let Some(witness) = fixture.witness {
            let run = run.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(run.inputs, integers(&witness.inputs), "inputs of {name}");
            assert_eq!(run.input_scales, witness.input_scales, "{name}");
            let outputs = integers(&witness.outputs);
            if name.to_string().contains(PADDED_WITH_ZEROS) {
                let pairs = || run.outputs.concat().into_iter().zip(outputs.concat());
                assert!(
                    pairs().all(|(own, ezkl)| own == ezkl || (own < 0 && ezkl == 0)),
                    "{name}"
                );
                assert!(pairs().any(|(own, ezkl)| own != ezkl), "{name}");
            } else {
                assert_eq!(run.outputs, outputs, "outputs of {name}");
            }
            assert_eq!(run.output_scales, witness.output_scales, "{name}");
            compared += 1;
        } else {
            let error = run.expect_err("EZKL has no witness");
            let digits = matches!(error, IntegerError::BeyondDecomposition { .. });
            assert!(digits, "{name}: {error}");
            refused += 1;
        }
    }
    assert_eq!(compared + refused, cases().len());
    assert!(refused > 0);
}

#[test]
fn listing_shows_scales_and_divisions() {
    let case = (cases().into_iter())
        .find(|case| case.name == "layernorm_32-scale7")
        .unwrap();
    let quantisation = Quantisation {
        input_scale: 7,
        param_scale: 7,
        rebase_scale: None,
        scale_rebase_multiplier: 1,
        rebase_frac_zero_constants: false,
        epsilon: f64::EPSILON,
        lookup_range: (0, 0),
        logrows: 17,
        decomp_base: 16384,
        decomp_legs: 2,
        inputs_range_checked: true,
        outputs_range_checked: true,
    };
    let listing = integer::lower(&case.graph, &quantisation).unwrap();
    insta::assert_snapshot!(listing, @"
    v0 = input x0 [1, 2, 4, 4] at 2^-7
    c1 = constant of n0 [1, 1, 1, 1] at 2^-7
    c2 = constant of n0 [1, 2, 4, 4] at 2^-7
    c3 = constant of n0 [1, 2, 4, 4] at 2^-7
    v1 = sum from axis 1 (v0) [1, 1, 1, 1] at 2^-7 [n0]
    v2 = times 2^-5 (v1) [1, 1, 1, 1] at 2^-12 [n0]
    v3 = subtract(v0 * 2^5, v2) / 2^5 [1, 2, 4, 4] at 2^-7 [n0]
    v4 = mean of squares from axis 1 (v3) / 2^7 [1, 1, 1, 1] at 2^-7 [n0]
    v5 = add(v4, c1) [1, 1, 1, 1] at 2^-7 [n0]
    v6 = reciprocal of square root(v5) [1, 1, 1, 1] at 2^-7 [n0]
    v7 = multiply(v3, v6) / 2^7 [1, 2, 4, 4] at 2^-7 [n0]
    v8 = multiply(v7, c2) / 2^7 [1, 2, 4, 4] at 2^-7 [n0]
    v9 = add(v8, c3) [1, 2, 4, 4] at 2^-7 [n0]
    output v9 at 2^-7
    ");
}

fn integers(words: &[Vec<String>]) -> Vec<Vec<i128>> {
    let integer = |word: &String| {
        let byte = |i: usize| u8::from_str_radix(&word[62 - 2 * i..][..2], 16).unwrap();
        integer_from_word(std::array::from_fn(byte)).unwrap()
    };
    (words.iter().map(|words| words.iter().map(integer).collect())).collect()
}

/// A graph, its inputs, and what EZKL is asked for.
#[derive(Serialize)]
struct Case {
    name: String,
    graph: Graph,
    inputs: Vec<Tensor>,
    /// Attributes of `PyRunArgs`.
    run_args: Value,
    calibrate: Calibrate,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Calibrate {
    /// Not at all.
    Never,
    /// With the input scale asked for.
    Scale,
    /// With EZKL's defaults, which choose other scales: as the study did.
    Defaults,
}

/// Writes every case into a folder of its own, for the script.
#[test]
#[ignore = "writes what make-integer-fixtures.py reads"]
fn write_cases() {
    let folder = std::env::var_os("EVMBENCH_INTEGER_CASES").expect("EVMBENCH_INTEGER_CASES is set");
    for case in cases() {
        let folder = Path::new(&folder).join(&case.name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("model.onnx"), onnx::write(&case.graph)).unwrap();
        std::fs::write(folder.join("case.json"), serde_json::to_vec(&case).unwrap()).unwrap();
    }
}

/// What a graph is tried under.
#[derive(Clone, Copy)]
enum Settings {
    /// Both scales, parameters fixed.
    Scale(i32),
    /// As the study did: private parameters, EZKL's own choice of scales.
    Study,
    /// Input scale, parameter scale, multiplier; enough digits for anything here.
    Apart(i32, i32, u32),
    /// Scale 7, values without fractions at scale 0.
    WholeAtZero,
    /// Scale 7 with this base and one digit.
    Digit(u32),
}

impl Settings {
    fn name(self) -> String {
        match self {
            Self::Scale(scale) => format!("scale{scale}"),
            Self::Study => "study".to_owned(),
            Self::Apart(input, parameter, multiplier) => {
                format!("apart{input}-{parameter}-{multiplier}")
            }
            Self::WholeAtZero => "whole".to_owned(),
            Self::Digit(base) => format!("digit{base}"),
        }
    }

    fn resolve(self) -> (Value, Calibrate) {
        match self {
            Self::Scale(scale) => (
                json!({"input_scale": scale, "param_scale": scale}),
                Calibrate::Scale,
            ),
            Self::Study => (
                json!({"input_scale": 10, "param_scale": 10, "param_visibility": "private"}),
                Calibrate::Defaults,
            ),
            Self::Apart(input, parameter, multiplier) => (
                json!({
                    "input_scale": input, "param_scale": parameter,
                    "scale_rebase_multiplier": multiplier, "decomp_legs": 4,
                }),
                Calibrate::Never,
            ),
            Self::WholeAtZero => (
                json!({"rebase_frac_zero_constants": true, "decomp_legs": 4}),
                Calibrate::Never,
            ),
            Self::Digit(base) => (json!({"decomp_base": base, "decomp_legs": 1}), Calibrate::Never),
        }
    }
}

/// A graph under construction; parameters are drawn from the number of values before them.
#[derive(Default)]
struct Builder {
    graph: Graph,
    inputs: Vec<Tensor>,
}

impl Builder {
    fn input(&mut self, tensor: Tensor) -> ValueId {
        let name = format!("x{}", self.inputs.len());
        let id = self.graph.input(&name, &tensor.shape).unwrap();
        self.inputs.push(tensor);
        id
    }

    /// An input with elements from -`largest` to `largest`.
    fn drawn(&mut self, shape: &[usize], largest: f32) -> ValueId {
        let tensor = self.parameter(shape, largest);
        self.input(tensor)
    }

    fn parameter(&self, shape: &[usize], largest: f32) -> Tensor {
        let seed = self.graph.values.len() as u64;
        let mut tensor = seeded_uniform(shape, 100 * seed + shape.len() as u64);
        for element in &mut tensor.data {
            *element *= largest;
        }
        tensor
    }

    fn apply(&mut self, op: Op, inputs: &[ValueId]) -> ValueId {
        let number = self.graph.nodes.len();
        (self.graph)
            .apply(&format!("n{number}"), &format!("v{number}"), op, inputs)
            .unwrap()
    }

    fn conv(&mut self, x: ValueId, filters: usize, window: Window, groups: usize) -> ValueId {
        let weight = [
            filters,
            self.graph.shape(x)[1] / groups,
            window.kernel[0],
            window.kernel[1],
        ];
        let op = Op::Conv2d(Conv2d {
            weight: self.parameter(&weight, 0.5),
            bias: Some(self.parameter(&[filters], 1.0)),
            window,
            groups,
        });
        self.apply(op, &[x])
    }

    fn gemm(&mut self, x: ValueId, outputs: usize) -> ValueId {
        let op = Op::Gemm(Gemm {
            weight: self.parameter(&[outputs, self.graph.shape(x)[1]], 0.5),
            bias: Some(self.parameter(&[outputs], 1.0)),
        });
        self.apply(op, &[x])
    }

    fn batch_norm(&mut self, x: ValueId) -> ValueId {
        let channels = [self.graph.shape(x)[1]];
        let mut variance = self.parameter(&channels, 0.5);
        variance.data.iter_mut().for_each(|x| *x += 1.0);
        let op = Op::BatchNorm(BatchNorm {
            scale: variance.clone(),
            bias: self.parameter(&channels, 1.0),
            mean: self.parameter(&channels, 0.3),
            variance,
            epsilon: 1e-5,
        });
        self.apply(op, &[x])
    }

    fn layer_norm(&mut self, x: ValueId, axis: usize) -> ValueId {
        let shape = self.graph.shape(x)[axis..].to_vec();
        let op = Op::LayerNorm(LayerNorm {
            axis,
            scale: self.parameter(&shape, 1.5),
            bias: Some(self.parameter(&shape, 1.0)),
            epsilon: 1e-5,
        });
        self.apply(op, &[x])
    }

    /// One of the study's CNNs in small: convolution, activation and pooling twice, then a dense layer.
    fn cnn(&mut self, activations: [Op; 2], pool: Option<&Op>, stride: usize) -> ValueId {
        let mut x = self.drawn(&[1, 3, 8, 8], 2.0);
        for (activation, filters) in activations.into_iter().zip([4, 5]) {
            x = self.conv(x, filters, Window::square(3, stride, 1), 1);
            let operands = if activation == Op::Mul { 2 } else { 1 };
            x = self.apply(activation, &vec![x; operands]);
            if let Some(pool) = pool {
                x = self.apply(pool.clone(), &[x]);
            }
        }
        x = self.apply(Op::Flatten, &[x]);
        self.gemm(x, 10)
    }
}

/// A plane of 8×8 elements that lie exactly half-way between two integers at scale 7, or become so when divided.
fn halves() -> Tensor {
    let element = |i: u16| (f32::from(i) - 31.5) / 128.0;
    Tensor::new([1, 1, 8, 8], (0..64).map(element).collect())
}

/// One graph under several settings.
fn add(
    cases: &mut Vec<Case>,
    name: &str,
    settings: &[Settings],
    build: impl Fn(&mut Builder) -> Vec<ValueId>,
) {
    for settings in settings {
        let mut builder = Builder::default();
        builder.graph.outputs = build(&mut builder);
        let (run_args, calibrate) = settings.resolve();
        cases.push(Case {
            name: format!("{name}-{}", settings.name()),
            graph: builder.graph,
            inputs: builder.inputs,
            run_args,
            calibrate,
        });
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    activations(&mut cases);
    pools(&mut cases);
    linear_layers(&mut cases);
    norms(&mut cases);
    graphs(&mut cases);
    cases
}

fn activations(cases: &mut Vec<Case>) {
    use Settings::{Apart, Digit, Scale, Study};
    let image = [1, 2, 4, 4];
    add(
        cases,
        "relu",
        &[Scale(7), Scale(10), Digit(256), Digit(512)],
        |b| {
            let x = b.drawn(&image, 3.0);
            vec![b.apply(Op::Relu, &[x])]
        },
    );
    add(cases, "sigmoid", &[Scale(10)], |b| {
        let x = b.drawn(&image, 4.0);
        vec![b.apply(Op::Sigmoid, &[x])]
    });
    add(cases, "tanh", &[Scale(7), Study], |b| {
        let x = b.drawn(&image, 4.0);
        vec![b.apply(Op::Tanh, &[x])]
    });
    add(cases, "silu", &[Scale(10), Apart(6, 9, 1)], |b| {
        let x = b.drawn(&image, 4.0);
        let gate = b.apply(Op::Sigmoid, &[x]);
        vec![b.apply(Op::Mul, &[x, gate])]
    });
    add(cases, "poly", &[Scale(7), Study, Digit(32768)], |b| {
        let x = b.drawn(&image, 30.0);
        vec![b.apply(Op::Mul, &[x, x])]
    });
    add(cases, "poly_halves", &[Apart(7, 7, 1)], |b| {
        let x = b.input(halves());
        let y = b.apply(Op::Relu, &[x]);
        let square = b.apply(Op::Mul, &[y, x]);
        vec![b.apply(Op::Sub, &[square, x])]
    });
}

fn pools(cases: &mut Vec<Case>) {
    use Settings::{Digit, Scale};
    let image = [1, 2, 6, 6];
    add(cases, "maxpool_2", &[Scale(10), Digit(512)], |b| {
        let x = b.drawn(&image, 3.0);
        vec![b.apply(Op::MaxPool2d(MaxPool2d(Window::square(2, 2, 0))), &[x])]
    });
    // EZKL pads with zeros, which the greatest of what is not negative does not notice.
    add(cases, "maxpool_padded_rectified", &[Scale(7)], |b| {
        let x = b.drawn(&image, 3.0);
        let x = b.apply(Op::Relu, &[x]);
        vec![b.apply(Op::MaxPool2d(MaxPool2d(Window::square(3, 2, 1))), &[x])]
    });
    add(cases, "avgpool_2_halves", &[Scale(7)], |b| {
        let x = b.input(halves());
        vec![b.apply(Op::AvgPool2d(AvgPool2d(Window::square(2, 2, 0))), &[x])]
    });
    add(cases, "avgpool_3", &[Scale(10)], |b| {
        let x = b.drawn(&image, 3.0);
        vec![b.apply(Op::AvgPool2d(AvgPool2d(Window::square(3, 1, 0))), &[x])]
    });
}

fn linear_layers(cases: &mut Vec<Case>) {
    use Settings::{Apart, Scale, Study, WholeAtZero};
    add(cases, "dense", &[Scale(7), Study, Apart(5, 9, 1)], |b| {
        let x = b.drawn(&[1, 12], 3.0);
        vec![b.gemm(x, 8)]
    });
    add(cases, "dense_whole", &[WholeAtZero], |b| {
        let x = b.drawn(&[1, 6], 3.0);
        let op = Op::Gemm(Gemm {
            weight: Tensor::new([2, 6], (0..12u16).map(|i| f32::from(i) - 5.0).collect()),
            bias: Some(b.parameter(&[2], 1.0)),
        });
        vec![b.apply(op, &[x])]
    });
    let windows = [
        ("s1", Window::square(3, 1, 1)),
        ("s2", Window::square(3, 2, 1)),
        (
            "uneven",
            Window {
                kernel: [3, 2],
                stride: [2, 3],
                padding: [1, 0, 2, 1],
            },
        ),
    ];
    for (name, window) in windows {
        let name = format!("conv_{name}");
        add(cases, &name, &[Scale(10), Apart(6, 8, 1)], |b| {
            let x = b.drawn(&[1, 2, 5, 7], 2.0);
            vec![b.conv(x, 3, window, 1)]
        });
    }
    add(cases, "depthwise", &[Scale(7)], |b| {
        let x = b.drawn(&[1, 4, 5, 5], 2.0);
        vec![b.conv(x, 4, Window::square(3, 1, 1), 4)]
    });
    add(cases, "pointwise", &[Scale(7), Apart(7, 7, 1)], |b| {
        let x = b.drawn(&[1, 3, 4, 4], 2.0);
        let x = b.conv(x, 4, Window::square(1, 2, 0), 1);
        vec![b.batch_norm(x)]
    });
    add(cases, "conv_shared_bias", &[Apart(7, 7, 2)], |b| {
        let x = b.drawn(&[1, 2, 4, 4], 2.0);
        let bias = b.parameter(&[2], 1.0);
        let conv = |b: &mut Builder, x| {
            let op = Op::Conv2d(Conv2d {
                weight: b.parameter(&[2, 2, 3, 3], 0.5),
                bias: Some(bias.clone()),
                window: Window::square(3, 1, 1),
                groups: 1,
            });
            b.apply(op, &[x])
        };
        let x = conv(b, x);
        let x = b.apply(Op::Relu, &[x]);
        let x = conv(b, x);
        vec![b.apply(Op::Relu, &[x])]
    });
}

fn norms(cases: &mut Vec<Case>) {
    use Settings::{Apart, Digit, Scale, Study};
    add(cases, "batchnorm", &[Scale(10), Study], |b| {
        let x = b.drawn(&[1, 3, 4, 4], 2.0);
        vec![b.batch_norm(x)]
    });
    add(cases, "batchnorm_quarter", &[Apart(7, 7, 1)], |b| {
        let x = b.drawn(&[1, 1, 4, 4], 2.0);
        let op = Op::BatchNorm(BatchNorm {
            scale: Tensor::new([1], vec![0.25]),
            bias: Tensor::new([1], vec![0.3]),
            mean: Tensor::new([1], vec![0.0]),
            variance: Tensor::new([1], vec![1.0]),
            epsilon: 0.0,
        });
        vec![b.apply(op, &[x])]
    });
    add(cases, "conv_batchnorm_twice", &[Scale(7), Apart(7, 7, 1)], |b| {
        let x = b.drawn(&[1, 2, 4, 4], 2.0);
        let x = b.conv(x, 3, Window::square(3, 1, 1), 1);
        let y = b.batch_norm(x);
        let z = b.batch_norm(y);
        vec![y, z]
    });
    add(cases, "conv_batchnorm_shared", &[Apart(7, 7, 1)], |b| {
        let x = b.drawn(&[1, 2, 4, 4], 2.0);
        let x = b.conv(x, 3, Window::square(3, 1, 1), 1);
        let y = b.batch_norm(x);
        vec![b.apply(Op::Add, &[y, x])]
    });
    for (name, shape) in [("layernorm_32", [1, 2, 4, 4]), ("layernorm_30", [1, 3, 2, 5])] {
        add(cases, name, &[Scale(7), Scale(10), Digit(1 << 20)], |b| {
            let x = b.drawn(&shape, 2.0);
            vec![b.layer_norm(x, 1)]
        });
    }
    add(cases, "layernorm_twice", &[Apart(8, 8, 1), Apart(6, 9, 2)], |b| {
        let x = b.drawn(&[1, 2, 3, 4], 2.0);
        let x = b.layer_norm(x, 3);
        let x = b.apply(Op::Relu, &[x]);
        vec![b.layer_norm(x, 3)]
    });
    add(cases, "layernorm_plain", &[Scale(7)], |b| {
        let x = b.drawn(&[1, 2, 4, 4], 2.0);
        let op = Op::LayerNorm(LayerNorm {
            axis: 1,
            scale: Tensor::new([2, 4, 4], vec![1.0; 32]),
            bias: Some(Tensor::new([2, 4, 4], vec![0.0; 32])),
            epsilon: 1e-5,
        });
        vec![b.apply(op, &[x])]
    });
}

fn graphs(cases: &mut Vec<Case>) {
    use Settings::{Apart, Scale, Study};
    add(cases, "two_inputs", &[Scale(7), Apart(7, 7, 1)], |b| {
        let [x, y] = [b.drawn(&[1, 6], 2.0), b.drawn(&[1, 6], 3.0)];
        let sum = b.apply(Op::Add, &[x, y]);
        let product = b.apply(Op::Mul, &[x, y]);
        let difference = b.apply(Op::Sub, &[product, sum]);
        vec![sum, difference, product]
    });
    add(cases, "residual", &[Scale(7), Apart(7, 9, 2)], |b| {
        let x = b.drawn(&[1, 2, 4, 4], 2.0);
        let y = b.conv(x, 2, Window::square(3, 1, 1), 1);
        let y = b.apply(Op::Relu, &[y]);
        let y = b.conv(y, 2, Window::square(3, 1, 1), 1);
        vec![b.apply(Op::Add, &[x, y])]
    });
    add(cases, "reshape_between", &[Apart(7, 7, 1)], |b| {
        let x = b.drawn(&[1, 6], 2.0);
        let x = b.gemm(x, 18);
        let shape = vec![1, 2, 3, 3];
        let x = b.apply(Op::Reshape(Reshape { shape }), &[x]);
        let x = b.conv(x, 3, Window::square(3, 1, 1), 1);
        // Without the pool the loader would drop the batch axis, and EZKL misread the convolution.
        let x = b.apply(Op::AvgPool2d(AvgPool2d(Window::square(2, 1, 0))), &[x]);
        let x = b.apply(Op::Flatten, &[x]);
        vec![b.gemm(x, 4)]
    });
    let average = Op::AvgPool2d(AvgPool2d(Window::square(2, 2, 0)));
    let max = Op::MaxPool2d(MaxPool2d(Window::square(2, 2, 0)));
    let kinds = [
        ("cnn_relu", [Op::Relu, Op::Relu], Some(&max), 1),
        ("cnn_poly", [Op::Mul, Op::Mul], Some(&average), 1),
        ("cnn_mixed", [Op::Mul, Op::Relu], Some(&average), 1),
        ("cnn_strided", [Op::Relu, Op::Relu], None, 2),
    ];
    for (name, activations, pool, stride) in kinds {
        add(cases, name, &[Scale(7), Scale(10), Study], |b| {
            vec![b.cnn(activations.clone(), pool, stride)]
        });
    }
}
