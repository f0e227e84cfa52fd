//! Files whose nodes are laid out as several operators, against onnxruntime: quantised networks, Einsum, volumes.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    tensor_proto::DataType,
};

use crate::common;
use crate::common::models::{
    attribute, float, floats, int, integers, ints, operator, port, small, text, with, write, written,
};
use evmbench::judge::{OnnxRuntime, float_outputs};
use evmbench::prover::{CircuitPlan, Io, Silent};
use evmbench::record::Request;
use evmbench::subject::Subject;

/// Outputs of a committed circuit and of onnxruntime, on an input that the circuit holds exactly.
struct Found {
    circuit: Vec<f64>,
    onnxruntime: Vec<f64>,
}

impl Found {
    fn of(name: &str, model: &ModelProto, elements: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = written(&folder, "model.onnx", model);
        let numbers = (0..elements).map(|at| f64::from((at * 37 % 129) as u32) / 64.0 - 1.0);
        let input = serde_json::json!({ "input_data": [numbers.collect::<Vec<f64>>()] });
        let input = write(&folder, "input.json", input.to_string().as_bytes());
        let request = Request::of_file(CircuitPlan::committed(7, Io::Result).unwrap());
        let subject =
            Subject::from_onnx_calibrated(file.as_ref(), Some(input.as_ref()), None, request).unwrap();
        let committed = subject.committed.as_ref();
        let committed = committed.unwrap_or_else(|| panic!("{name}: {:?}", subject.notes));
        let unit = committed.circuit.output_unit();
        let circuit = committed
            .witness()
            .result
            .iter()
            .map(|&x| x as f64 / unit)
            .collect();
        let tools = common::tools();
        let onnxruntime = OnnxRuntime::beside(&tools.toolchain);
        onnxruntime.install().expect("onnxruntime is installed");
        let outputs = onnxruntime.run(&subject.onnx, std::slice::from_ref(&subject.inputs), &Silent);
        let outputs = outputs.unwrap_or_else(|error| panic!("{name}: {error}"));
        let onnxruntime = outputs.sets[0].iter().flatten().copied().collect();
        Self { circuit, onnxruntime }
    }

    /// The greatest distance between the two, in the model's numbers.
    fn error(&self) -> f64 {
        assert_eq!(self.circuit.len(), self.onnxruntime.len());
        let pairs = self.circuit.iter().zip(&self.onnxruntime);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    /// Fails unless both are this near, of outputs that differ.
    fn expect_within(&self, name: &str, most: f64) {
        assert!(
            self.error() < most && self.is_varied(),
            "{name}: {:?} {:?}",
            self.circuit,
            self.onnxruntime
        );
    }

    fn is_varied(&self) -> bool {
        let first = self.onnxruntime[0];
        self.onnxruntime.iter().any(|x| (x - first).abs() > 1e-3)
    }
}

fn bytes(name: &str, dims: &[i64], element: DataType, data: &[i32]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: element as i32,
        int32_data: data.to_vec(),
        ..TensorProto::default()
    }
}

/// Multiples of a step, none of them beyond 127.
fn weights(count: usize, seed: usize) -> Vec<i32> {
    let weight = |at: usize| ((at * 73 + seed * 29) % 255) as i32 - 127;
    (0..count).map(weight).collect()
}

/// A convolution and a fully connected layer with what a quantiser puts around them.
fn quantised(zero_point: i32) -> ModelProto {
    let scalar = |name: &str, value: f32| floats(name, &[], &[value]);
    let zero = |name: &str| bytes(name, &[], DataType::Uint8, &[zero_point]);
    let through = |value: &str, scale: &str, zero: &str, result: &str| {
        let whole = format!("{value}.whole");
        [
            operator("QuantizeLinear", &[value, scale, zero], &whole),
            operator("DequantizeLinear", &[&whole, scale, zero], result),
        ]
    };
    let kernel = |node| with(node, ints("kernel_shape", &[3, 3]));
    let mut nodes = through("x", "xs", "xz", "x1").to_vec();
    nodes.push(operator("DequantizeLinear", &["w", "ws"], "w1"));
    nodes.push(operator("DequantizeLinear", &["b", "bs"], "b1"));
    nodes.push(kernel(operator("Conv", &["x1", "w1", "b1"], "c")));
    nodes.push(operator("Relu", &["c"], "r"));
    nodes.extend(through("r", "rs", "rz", "r1"));
    nodes.push(with(
        with(operator("MaxPool", &["r1"], "p"), ints("kernel_shape", &[2, 2])),
        ints("strides", &[2, 2]),
    ));
    nodes.push(operator("Flatten", &["p"], "f"));
    nodes.push(operator("DequantizeLinear", &["v", "vs"], "v1"));
    nodes.push(with(operator("Gemm", &["f", "v1"], "g"), int("transB", 1)));
    nodes.extend(through("g", "gs", "gz", "y"));
    let constants = vec![
        scalar("xs", 0.0157),
        zero("xz"),
        bytes("w", &[3, 2, 3, 3], DataType::Int8, &weights(54, 1)),
        scalar("ws", 0.0041),
        bytes("b", &[3], DataType::Int32, &[900, -700, 100]),
        scalar("bs", 0.0157 * 0.0041),
        scalar("rs", 0.0213),
        zero("rz"),
        bytes("v", &[4, 12], DataType::Int8, &weights(48, 2)),
        scalar("vs", 0.0033),
        scalar("gs", 0.0377),
        zero("gz"),
    ];
    small(&[1, 2, 6, 6], nodes, constants)
}

/// A quantised file is computed in its own integers: of its outputs none is another one, up to what a near tie costs.
#[test]
fn quantised_networks_are_computed_in_their_own_integers() {
    for zero_point in [0, 117] {
        let name = format!("zero point {zero_point}");
        let found = Found::of(&name, &quantised(zero_point), 72);
        assert!(found.is_varied(), "{name}: {:?}", found.onnxruntime);
        assert!(
            found.error() < 1e-5,
            "{name}: {:?} {:?}",
            found.circuit,
            found.onnxruntime
        );
    }
}

/// The same in operators on quantised integers: a convolution with a bias, and a product of matrices.
fn quantised_operators() -> ModelProto {
    let scalar = |name: &str, value: f32| floats(name, &[], &[value]);
    let nodes = vec![
        operator("QuantizeLinear", &["x", "xs", "xz"], "q"),
        with(
            operator(
                "QLinearConv",
                &["q", "xs", "xz", "w", "ws", "wz", "cs", "cz", "b"],
                "c",
            ),
            ints("kernel_shape", &[3, 3]),
        ),
        with(operator("Flatten", &["c"], "f"), int("axis", 1)),
        operator(
            "QLinearMatMul",
            &["f", "cs", "cz", "v", "vs", "vz", "ys", "yz"],
            "m",
        ),
        operator("DequantizeLinear", &["m", "ys", "yz"], "y"),
    ];
    let constants = vec![
        scalar("xs", 0.0157),
        bytes("xz", &[], DataType::Uint8, &[64]),
        bytes("w", &[3, 2, 3, 3], DataType::Int8, &weights(54, 1)),
        scalar("ws", 0.0041),
        bytes("wz", &[], DataType::Int8, &[0]),
        scalar("cs", 0.0213),
        bytes("cz", &[], DataType::Uint8, &[120]),
        bytes("b", &[3], DataType::Int32, &[900, -700, 100]),
        bytes("v", &[48, 4], DataType::Int8, &weights(192, 2)),
        scalar("vs", 0.0033),
        bytes("vz", &[], DataType::Int8, &[0]),
        scalar("ys", 0.0377),
        bytes("yz", &[], DataType::Uint8, &[128]),
    ];
    small(&[1, 2, 6, 6], nodes, constants)
}

#[test]
fn operators_on_quantised_integers_are_computed_in_them() {
    let found = Found::of("QLinearConv", &quantised_operators(), 72);
    found.expect_within("QLinearConv", 1e-5);
}

/// Integers of a value that is quantised as it comes, times constant ones of a type and a zero point.
fn quantised_as_it_comes(element: DataType, zero: &TensorProto) -> ModelProto {
    let nodes = vec![
        NodeProto {
            output: ["q", "qs", "qz"].map(str::to_owned).to_vec(),
            ..operator("DynamicQuantizeLinear", &["x"], "q")
        },
        operator("MatMulInteger", &["q", "v", "qz", "vz"], "whole"),
        with(operator("Cast", &["whole"], "sum"), int("to", 1)),
        operator("Mul", &["qs", "vs"], "scale"),
        operator("Mul", &["sum", "scale"], "product"),
        operator("Add", &["product", "bias"], "y"),
    ];
    let shift = if element == DataType::Uint8 { 127 } else { 0 };
    let v: Vec<i32> = weights(8 * 5, 3).into_iter().map(|x| x + shift).collect();
    let constants = vec![
        bytes("v", &[8, 5], element, &v),
        zero.clone(),
        floats("vs", &[], &[0.0071]),
        floats("bias", &[5], &[0.5, -0.25, 0.0, 1.0, -1.0]),
    ];
    small(&[3, 8], nodes, constants)
}

#[test]
fn values_that_are_quantised_as_they_come_are_onnxs() {
    for (element, zero) in [
        (DataType::Int8, bytes("vz", &[], DataType::Int8, &[0])),
        (DataType::Uint8, bytes("vz", &[], DataType::Uint8, &[126])),
        (
            DataType::Uint8,
            bytes("vz", &[5], DataType::Uint8, &[127, 100, 90, 130, 126]),
        ),
    ] {
        let name = format!("{element:?} {:?}", zero.dims);
        let found = Found::of(&name, &quantised_as_it_comes(element, &zero), 24);
        found.expect_within(&name, 0.05);
    }
}

/// Filters and images of integers, each with its zero point.
#[test]
fn convolutions_of_integers_are_onnxs() {
    let filters: Vec<i32> = weights(18, 4).into_iter().map(|x| x + 127).collect();
    let constants = vec![
        floats("xs", &[], &[1.0 / 64.0]),
        bytes("xz", &[], DataType::Uint8, &[64]),
        bytes("w", &[2, 1, 3, 3], DataType::Uint8, &filters),
        bytes("wz", &[], DataType::Uint8, &[3]),
    ];
    let nodes = vec![
        operator("QuantizeLinear", &["x", "xs", "xz"], "q"),
        with(
            operator("ConvInteger", &["q", "w", "xz", "wz"], "whole"),
            ints("pads", &[1, 1, 1, 1]),
        ),
        with(operator("Cast", &["whole"], "y"), int("to", 1)),
    ];
    let found = Found::of("ConvInteger", &small(&[1, 1, 4, 4], nodes, constants), 16);
    found.expect_within("ConvInteger", 1e-9);
}

/// A file with one of onnxruntime's own operators.
fn contributed(shape: &[i64], nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> ModelProto {
    let mut model = small(shape, nodes, constants);
    model.opset_import.push(OperatorSetIdProto {
        domain: "com.microsoft".to_owned(),
        version: 1,
    });
    model
}

fn own(name: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        domain: "com.microsoft".to_owned(),
        ..operator(name, inputs, output)
    }
}

/// A step of the integers that the operators below give.
const STEP: f64 = 0.0213;

/// What is quantised, an operator on it, and numbers again.
fn on_quantised(node: NodeProto, more: Vec<TensorProto>) -> ModelProto {
    let scalar = |name: &str, value: f32| floats(name, &[], &[value]);
    let given = node.output[0].clone();
    let mut nodes = vec![operator("QuantizeLinear", &["x", "xs", "xz"], "q"), node];
    if given != "y" {
        nodes.push(operator("DequantizeLinear", &[&given, "ys", "yz"], "y"));
    }
    let mut constants = vec![
        scalar("xs", 0.0157),
        bytes("xz", &[], DataType::Uint8, &[64]),
        scalar("ys", STEP as f32),
        bytes("yz", &[], DataType::Uint8, &[120]),
        scalar("cs", 0.0091),
        bytes("cz", &[], DataType::Uint8, &[100]),
    ];
    constants.extend(more);
    contributed(&[1, 2, 6, 6], nodes, constants)
}

/// onnxruntime's own operators on quantised integers give its integers, but for one step where a result is near a tie.
#[test]
fn contributed_operators_on_integers_are_onnxruntimes() {
    let shifted: Vec<i32> = weights(72, 3).into_iter().map(|x| x + 127).collect();
    let other = || bytes("c", &[1, 2, 6, 6], DataType::Uint8, &shifted);
    let of_two = ["q", "xs", "xz", "c", "cs", "cz", "ys", "yz"];
    let of_one = ["q", "xs", "xz", "ys", "yz"];
    let cases = [
        (own("QLinearAdd", &of_two, "r"), vec![other()]),
        (own("QLinearMul", &of_two, "r"), vec![other()]),
        (
            with(
                own(
                    "QLinearConcat",
                    &["ys", "yz", "q", "xs", "xz", "c", "cs", "cz"],
                    "r",
                ),
                int("axis", 1),
            ),
            vec![other()],
        ),
        (
            with(own("QLinearLeakyRelu", &of_one, "r"), float("alpha", 0.2)),
            Vec::new(),
        ),
        (own("QLinearSigmoid", &of_one, "r"), Vec::new()),
        (
            with(
                with(
                    own("QLinearAveragePool", &of_one, "r"),
                    ints("kernel_shape", &[3, 3]),
                ),
                ints("pads", &[1, 1, 1, 1]),
            ),
            Vec::new(),
        ),
        (own("QLinearGlobalAveragePool", &of_one, "r"), Vec::new()),
        (
            with(
                with(own("QLinearSoftmax", &of_one, "r"), int("axis", -1)),
                int("opset", 13),
            ),
            Vec::new(),
        ),
    ];
    for (node, constants) in cases {
        let name = node.op_type.clone();
        let found = Found::of(&name, &on_quantised(node, constants), 72);
        found.expect_within(&name, 1.01 * STEP);
    }
}

/// Products of quantised matrices: with a scale for each column, transposed, and without integers for the result.
#[test]
fn contributed_products_of_integers_are_onnxruntimes() {
    let scalar = |name: &str, value: f32| floats(name, &[], &[value]);
    let whole = [
        bytes("v", &[6, 4], DataType::Int8, &weights(24, 5)),
        scalar("vs", 0.0071),
        bytes("vz", &[], DataType::Int8, &[0]),
        bytes("b", &[4], DataType::Int32, &[300, -500, 0, 900]),
    ];
    let by_column = [
        bytes("v", &[4, 6], DataType::Int8, &weights(24, 5)),
        floats("vs", &[4], &[0.0071, 0.0033, 0.0125, 0.0051]),
        bytes("vz", &[4], DataType::Int8, &[0, 0, 0, 0]),
    ];
    let rows = |node: NodeProto, gives_integers: bool, constants: &[TensorProto]| {
        let mut model = on_quantised(node, constants.to_vec());
        let graph = model.graph.as_mut().unwrap();
        graph.initializer.push(integers("rows", &[12, 6]));
        graph.node.insert(1, operator("Reshape", &["q", "rows"], "a"));
        assert_eq!(graph.node.len(), if gives_integers { 4 } else { 3 });
        model
    };
    let transposed = |node: NodeProto| with(with(node, int("transB", 1)), float("alpha", 0.5));
    let cases = [
        (
            rows(
                own("QGemm", &["a", "xs", "xz", "v", "vs", "vz", "b", "ys", "yz"], "r"),
                true,
                &whole,
            ),
            1.01 * STEP,
        ),
        (
            rows(
                transposed(own("QGemm", &["a", "xs", "xz", "v", "vs", "vz"], "y")),
                false,
                &by_column,
            ),
            0.02,
        ),
        (
            rows(
                own("MatMulIntegerToFloat", &["a", "v", "xs", "vs", "xz", "vz"], "y"),
                false,
                &whole,
            ),
            0.02,
        ),
    ];
    for (at, (model, most)) in cases.into_iter().enumerate() {
        let name = format!("product {at}");
        let found = Found::of(&name, &model, 72);
        found.expect_within(&name, most);
    }
    let v: Vec<i32> = weights(40, 3).into_iter().map(|x| x + 127).collect();
    let constants = vec![
        bytes("v", &[8, 5], DataType::Uint8, &v),
        scalar("vs", 0.0071),
        bytes("vz", &[], DataType::Uint8, &[126]),
        floats("bias", &[5], &[0.5, -0.25, 0.0, 1.0, -1.0]),
    ];
    let node = own("DynamicQuantizeMatMul", &["x", "v", "vs", "vz", "bias"], "y");
    let found = Found::of(
        "DynamicQuantizeMatMul",
        &contributed(&[3, 8], vec![node], constants),
        24,
    );
    found.expect_within("DynamicQuantizeMatMul", 0.05);
}

/// What onnxruntime's optimiser writes in place of several operators.
#[test]
fn fused_operators_are_onnxruntimes() {
    let row = |count: usize, seed: usize| -> Vec<f32> {
        weights(count, seed)
            .into_iter()
            .map(|x| x as f32 / 128.0)
            .collect()
    };
    let of_row = |node: NodeProto, more: Vec<TensorProto>| contributed(&[3, 8], vec![node], more);
    let bias = || floats("b", &[8], &row(8, 7));
    let activated = |name: &str, parameters: &[f32]| {
        let node = with(own("FusedConv", &["x", "w", "b"], "y"), text("activation", name));
        let node = match parameters {
            [] => node,
            _ => with(
                node,
                AttributeProto {
                    floats: parameters.to_vec(),
                    ..attribute("activation_params", AttributeType::Floats)
                },
            ),
        };
        let constants = vec![
            floats("w", &[2, 1, 2, 2], &row(8, 1)),
            floats("b", &[2], &[0.125, -0.25]),
        ];
        contributed(&[1, 1, 4, 6], vec![node], constants)
    };
    let product = |name: &str, shape: &[i64]| {
        let node = with(own("FusedMatMul", &["x", "w"], "y"), float("alpha", 0.75));
        let elements = shape.iter().product::<i64>() as usize;
        let constants = vec![floats("w", shape, &row(elements, 2))];
        of_row(with(node, int(name, 1)), constants)
    };
    let dense = |name: &str, parameters: &[(&str, f32)]| {
        let node = with(own("FusedGemm", &["x", "w", "b"], "y"), text("activation", name));
        let node = with(node, int("transB", 1));
        let node = parameters
            .iter()
            .fold(node, |node, &(name, value)| with(node, float(name, value)));
        of_row(
            node,
            vec![floats("w", &[5, 8], &row(40, 6)), floats("b", &[5], &row(5, 7))],
        )
    };
    let cases = [
        ("Gelu", of_row(own("Gelu", &["x"], "y"), Vec::new())),
        (
            "FastGelu",
            of_row(own("FastGelu", &["x", "b"], "y"), vec![bias()]),
        ),
        (
            "BiasGelu",
            of_row(own("BiasGelu", &["x", "b"], "y"), vec![bias()]),
        ),
        ("QuickGelu", of_row(own("QuickGelu", &["x"], "y"), Vec::new())),
        (
            "SkipLayerNormalization",
            contributed(
                &[1, 3, 8],
                vec![own("SkipLayerNormalization", &["x", "s", "g", "b"], "y")],
                vec![
                    floats("s", &[1, 3, 8], &row(24, 3)),
                    floats("g", &[8], &row(8, 4)),
                    bias(),
                ],
            ),
        ),
        ("FusedMatMul, right", product("transB", &[2, 8])),
        ("FusedMatMul, left", product("transA", &[3, 5])),
        ("Relu", activated("Relu", &[])),
        ("Tanh", activated("Tanh", &[])),
        ("LeakyRelu", activated("LeakyRelu", &[0.25])),
        ("Clip", activated("Clip", &[-0.25, 0.5])),
        ("Clip, below", activated("Clip", &[f32::MIN, 0.25])),
        ("Clip, above", activated("Clip", &[-0.25, f32::MAX])),
        ("HardSigmoid", activated("HardSigmoid", &[0.25, 0.5])),
        ("FusedGemm", dense("Relu", &[])),
        ("FusedGemm, Softplus", dense("Softplus", &[])),
        ("FusedGemm, Elu", dense("Elu", &[("activation_alpha", 0.75)])),
        (
            "FusedGemm, HardSigmoid",
            dense(
                "HardSigmoid",
                &[("activation_alpha", 0.25), ("activation_beta", 0.5)],
            ),
        ),
        (
            "FusedGemm, Selu",
            dense("Selu", &[("activation_alpha", 1.5), ("activation_gamma", 1.25)]),
        ),
        (
            "FusedGemm, ThresholdedRelu",
            dense("ThresholdedRelu", &[("activation_alpha", 0.25)]),
        ),
    ];
    for (name, model) in cases {
        let found = Found::of(name, &model, 24);
        found.expect_within(name, 0.05);
    }
}

/// An attribute that is not written out or does not fit, an output beside the first, a zero point that would say the type, or a function of the same name: refused.
#[test]
fn contributed_operators_of_another_form_are_refused() {
    let zero = || bytes("z", &[], DataType::Uint8, &[0]);
    let scale = || floats("s", &[], &[0.5]);
    let quantised = |node: NodeProto| {
        let nodes = vec![
            operator("QuantizeLinear", &["x", "s", "z"], "q"),
            node,
            operator("DequantizeLinear", &["r", "s", "z"], "y"),
        ];
        contributed(&[1, 1, 2, 2], nodes, vec![zero(), scale()])
    };
    let pool = || own("QLinearGlobalAveragePool", &["q", "s", "z", "s", "z"], "r");
    let alone = |node: NodeProto| contributed(&[1, 1, 2, 2], vec![node], Vec::new());
    let mut with_function = alone(own("Gelu", &["x"], "y"));
    with_function.functions.push(FunctionProto {
        name: Some("Gelu".to_owned()),
        domain: Some("com.microsoft".to_owned()),
        ..FunctionProto::default()
    });
    let cases = [
        quantised(with(pool(), int("channels_last", 1))),
        quantised(with(pool(), int("other", 0))),
        quantised(with(
            with(pool(), int("channels_last", 0)),
            int("channels_last", 1),
        )),
        quantised(own("QLinearGlobalAveragePool", &["q", "s", "z", "s", ""], "r")),
        quantised(own("QLinearSoftmax", &["q", "s", "z", "s", "z"], "r")),
        quantised(with(
            with(
                own("QLinearSoftmax", &["q", "s", "z", "s", "z"], "r"),
                int("opset", 13),
            ),
            int("axis", 1),
        )),
        alone(NodeProto {
            output: ["y", "mean"].map(str::to_owned).to_vec(),
            ..own("Gelu", &["x"], "y")
        }),
        alone(with(
            own("FusedConv", &["x", "x"], "y"),
            text("activation", "Selu"),
        )),
        alone(with(own("FusedMatMul", &["x", "x"], "y"), int("transBatchA", 1))),
        alone(with(
            own("FusedGemm", &["x", "x"], "y"),
            text("activation", "Celu"),
        )),
        // Its alpha is missing.
        alone(with(
            own("FusedGemm", &["x", "x"], "y"),
            text("activation", "LeakyRelu"),
        )),
        // No square root has a negative number.
        alone(with(
            own("SkipLayerNormalization", &["x", "x", "s"], "y"),
            float("epsilon", -1.0),
        )),
        alone(own("Inverse", &["x"], "y")),
        with_function,
    ];
    let read = |model: &ModelProto| {
        evmbench::model::onnx::parse(&prost::Message::encode_to_vec(model), "m.onnx".as_ref())
    };
    for model in cases {
        let nodes = &model.graph.as_ref().unwrap().node;
        assert!(read(&model).is_err(), "{nodes:?}");
    }
    // What ONNX's own operators are written out to is looked at as well, and named by the node of the file.
    let inputs = ["q", "s", "z", "q", "s", "z", "s", "z"];
    let still = with(operator("QLinearConv", &inputs, "r"), ints("strides", &[0, 1]));
    let refused = read(&quantised(still)).unwrap_err().to_string();
    assert!(refused.contains("r:2") && refused.contains("stride"), "{refused}");
}

/// An equation, the shape of its first operand, and those of the others, which are constants.
type Equation<'a> = (&'a str, &'a [i64], &'a [&'a [i64]]);

#[test]
fn sums_along_named_axes_are_onnxs() {
    let drawn =
        |count: usize| -> Vec<f32> { (0..count).map(|at| (at * 31 % 17) as f32 / 8.0 - 1.0).collect() };
    let equations: [Equation<'_>; 10] = [
        ("bij,kj->bik", &[1, 3, 4], &[&[5, 4]]),
        ("jk,bij->bik", &[4, 5], &[&[2, 3, 4]]),
        ("bhid,bhjd->bhij", &[1, 2, 3, 4], &[&[1, 2, 3, 4]]),
        ("...ij,...jk->...ik", &[2, 3, 4], &[&[1, 4, 2]]),
        ("ij->ji", &[3, 4], &[]),
        ("ii->i", &[4, 4], &[]),
        ("bij->b", &[2, 3, 4], &[]),
        ("i,j->ij", &[3], &[&[4]]),
        ("ab,bc,cd", &[2, 3], &[&[3, 4], &[4, 2]]),
        ("ab,bc,c->ac", &[1, 4], &[&[4, 1], &[3]]),
    ];
    for (equation, shape, others) in equations {
        let names = ["u", "v"];
        let mut inputs = vec!["x"];
        let mut constants = Vec::new();
        for (name, other) in names.into_iter().zip(others) {
            inputs.push(name);
            constants.push(floats(
                name,
                other,
                &drawn(other.iter().product::<i64>() as usize),
            ));
        }
        let node = with(operator("Einsum", &inputs, "y"), text("equation", equation));
        let elements = shape.iter().product::<i64>() as usize;
        let found = Found::of(equation, &small(shape, vec![node], constants), elements);
        assert!(
            found.error() < 0.1,
            "{equation}: {:?} {:?}",
            found.circuit,
            found.onnxruntime
        );
    }
    let node = with(
        operator("Einsum", &["x", "x"], "y"),
        text("equation", "bid,bjd->bij"),
    );
    let found = Found::of("of itself", &small(&[1, 3, 4], vec![node], Vec::new()), 12);
    assert!(found.error() < 0.1 && found.is_varied(), "{:?}", found.circuit);
}

#[test]
fn windows_over_volumes_are_onnxs() {
    let shape: &[i64] = &[1, 2, 4, 5, 3];
    let weight: Vec<f32> = (0..48).map(|at| (at * 7 % 13) as f32 / 16.0 - 0.375).collect();
    let filters = || {
        vec![
            floats("w", &[3, 2, 2, 2, 2], &weight),
            floats("b", &[3], &[0.25, -0.5, 1.0]),
        ]
    };
    let conv = |more: &[(&str, &[i64])]| {
        let node = operator("Conv", &["x", "w", "b"], "y");
        more.iter()
            .fold(node, |node, &(name, values)| with(node, ints(name, values)))
    };
    let pool = |operator_name: &str, more: &[(&str, &[i64])]| {
        let node = with(
            operator(operator_name, &["x"], "y"),
            ints("kernel_shape", &[2, 3, 2]),
        );
        more.iter()
            .fold(node, |node, &(name, values)| with(node, ints(name, values)))
    };
    let padded: (&str, &[i64]) = ("pads", &[1, 0, 1, 0, 1, 0]);
    let strided: (&str, &[i64]) = ("strides", &[2, 1, 1]);
    let grouped = with(operator("Conv", &["x", "w"], "y"), int("group", 2));
    let cases = [
        ("convolution", conv(&[]), filters()),
        ("padded and strided", conv(&[padded, strided]), filters()),
        ("dilated", conv(&[("dilations", &[2, 1, 2])]), filters()),
        (
            "grouped",
            grouped,
            vec![floats("w", &[4, 1, 2, 2, 2], &weight[..32])],
        ),
        ("greatest", pool("MaxPool", &[padded, strided]), Vec::new()),
        ("mean", pool("AveragePool", &[strided]), Vec::new()),
        ("mean beside padding", pool("AveragePool", &[padded]), Vec::new()),
        (
            "mean of channels",
            with(
                operator("AveragePool", &["x"], "y"),
                ints("kernel_shape", &[2, 1, 1]),
            ),
            Vec::new(),
        ),
    ];
    for (name, node, constants) in cases {
        let found = Found::of(name, &small(shape, vec![node], constants), 120);
        assert!(
            found.error() < 0.05 && found.is_varied(),
            "{name}: {}",
            found.error()
        );
    }
}

/// Of a large image's numbers the neighbours' squares count, though their factor is far below the circuit's unit.
#[test]
fn neighbouring_channels_are_onnxs() {
    let mut nodes = vec![operator("Mul", &["x", "c"], "large")];
    nodes.push(with(
        with(operator("LRN", &["large"], "y"), int("size", 3)),
        float("alpha", 0.05),
    ));
    let constants = vec![floats("c", &[], &[8.0])];
    let found = Found::of("neighbours", &small(&[1, 4, 3, 3], nodes, constants), 36);
    found.expect_within("neighbours", 0.15);
}

/// Before operator set 13 a Softmax takes all axes from the second on for one.
#[test]
fn an_older_softmax_is_onnxs() {
    for operator_name in ["Softmax", "LogSoftmax"] {
        let mut model = small(&[2, 3, 2], vec![operator(operator_name, &["x"], "y")], Vec::new());
        model.opset_import[0].version = 11;
        let found = Found::of(operator_name, &model, 12);
        assert!(found.error() < 0.1 && found.is_varied(), "{:?}", found.circuit);
    }
}

/// Multiples of 1/128, of both signs.
fn row(count: usize, seed: usize) -> Vec<f32> {
    let weights = weights(count, seed).into_iter();
    weights.map(|x| x as f32 / 128.0).collect()
}

/// A constant of [`row`]'s numbers.
fn drawn(name: &str, sizes: &[i64], seed: usize) -> TensorProto {
    floats(name, sizes, &row(sizes.iter().product::<i64>() as usize, seed))
}

/// A Gemm with any factors, of constants and of values, turned or not, with addends of every shape that is repeated.
#[test]
fn gemms_of_every_form_are_onnxruntimes() {
    let gemm = |inputs: &[&str], factors: [f32; 2], turns: [i64; 2]| {
        let node = with(operator("Gemm", inputs, "y"), float("alpha", factors[0]));
        let node = with(with(node, float("beta", factors[1])), int("transA", turns[0]));
        with(node, int("transB", turns[1]))
    };
    let (layer, with_addends) = (["x", "w"], ["x", "w", "c"]);
    let mut cases = Vec::new();
    for factors in [[0.75, 1.0], [-1.5, 1.0], [3.0, 1.0], [0.5, 2.0], [1.0, -0.25]] {
        for (turned, sizes) in [(0, [8, 5]), (1, [5, 8])] {
            let constants = vec![drawn("w", &sizes, 1), drawn("c", &[5], 2)];
            let name = format!("alpha and beta {factors:?}, transB {turned}");
            cases.push((name, gemm(&with_addends, factors, [0, turned]), constants));
        }
    }
    let alone = vec![drawn("w", &[8, 5], 1)];
    cases.push(("no addends".to_owned(), gemm(&layer, [0.75, 3.0], [0, 0]), alone));
    // With a factor of 0 the addends have no part in the result, and neither has the product.
    for factors in [[0.75, 0.0], [0.0, 1.5], [1.0, 1.0], [1.25, -1.5]] {
        for sizes in [&[][..], &[1], &[1, 1], &[5], &[1, 5], &[3, 1], &[3, 5]] {
            let constants = vec![drawn("w", &[8, 5], 1), drawn("c", sizes, 2)];
            let name = format!("alpha and beta {factors:?}, addends {sizes:?}");
            cases.push((name, gemm(&with_addends, factors, [0, 0]), constants));
        }
    }
    let turned = vec![drawn("w", &[3, 5], 1), drawn("c", &[8, 1], 2)];
    cases.push((
        "transA".to_owned(),
        gemm(&with_addends, [0.5, 0.5], [1, 0]),
        turned,
    ));
    for (turns, sizes) in [
        ([0, 0], [5, 3]),
        ([1, 0], [3, 5]),
        ([0, 1], [5, 8]),
        ([1, 1], [8, 5]),
    ] {
        let constants = vec![drawn("w", &sizes, 1), drawn("c", &[5, 1], 2)];
        let name = format!("constants on the left, {turns:?}");
        cases.push((name, gemm(&["w", "x", "c"], [0.75, 2.0], turns), constants));
    }
    cases.push((
        "of itself".to_owned(),
        gemm(&["x", "x"], [0.25, 1.0], [0, 1]),
        Vec::new(),
    ));
    let itself = gemm(&["x", "x"], [-0.3, 1.0], [1, 0]);
    cases.push(("of itself, turned".to_owned(), itself, Vec::new()));
    for (name, node, constants) in cases {
        let model = small(&[3, 8], vec![node], constants);
        let found = Found::of(&name, &model, 24);
        let is_varied = found.is_varied() || name.contains("beta [0.0, 1.5]");
        assert!(is_varied, "{name}: {:?}", found.onnxruntime);
        assert!(
            found.error() < 0.05,
            "{name}: {:?} {:?}",
            found.circuit,
            found.onnxruntime
        );
    }
}

/// Addends that are values, of fewer axes and sizes than the product; a factor that is no power of two beside one that is.
#[test]
fn gemms_with_values_for_addends_are_onnxruntimes() {
    for (axes, keeps) in [(vec![1], 1), (vec![0], 0), (vec![0, 1], 1), (vec![0, 1], 0)] {
        for (beta, inputs) in [
            (-0.7, ["x", "w", "m"]),
            (0.5, ["x", "x", "m"]),
            (1.0, ["x", "w", "m"]),
        ] {
            let mean = with(operator("ReduceMean", &["t"], "m"), ints("axes", &axes));
            let gemm = with(operator("Gemm", &inputs, "y"), float("alpha", 0.6));
            let gemm = with(with(gemm, float("beta", beta)), int("transB", 1));
            let nodes = vec![
                operator("Tanh", &["x"], "t"),
                with(mean, int("keepdims", keeps)),
                gemm,
            ];
            let name = format!("addends of {axes:?}, beta {beta}, {inputs:?}");
            let model = small(&[4, 4], nodes, vec![drawn("w", &[4, 4], 1)]);
            Found::of(&name, &model, 16).expect_within(&name, 0.05);
        }
    }
}

/// Older operator sets, and what onnxruntime fuses.
#[test]
fn gemms_of_other_operator_sets_are_onnxruntimes() {
    let factors = |node: NodeProto| with(with(node, float("alpha", 0.75)), float("beta", -2.0));
    let constants = || vec![drawn("w", &[8, 5], 1), drawn("c", &[1, 5], 2)];
    for opset in [7, 9, 11, 13] {
        let node = factors(operator("Gemm", &["x", "w", "c"], "y"));
        let mut model = small(&[3, 8], vec![node], constants());
        model.opset_import[0].version = opset;
        let name = format!("operator set {opset}");
        Found::of(&name, &model, 24).expect_within(&name, 0.05);
    }
    let node = factors(own("FusedGemm", &["x", "w", "c"], "y"));
    let model = contributed(
        &[3, 8],
        vec![with(node, text("activation", "LeakyRelu"))],
        constants(),
    );
    let mut with_slope = model;
    let node = &mut with_slope.graph.as_mut().unwrap().node[0];
    node.attribute.push(float("activation_alpha", 0.25));
    Found::of("FusedGemm", &with_slope, 24).expect_within("FusedGemm", 0.05);
}

/// A graph of nodes that gives these values.
fn branch(node: Vec<NodeProto>, outputs: &[&str]) -> GraphProto {
    GraphProto {
        name: "branch".to_owned(),
        node,
        output: outputs.iter().map(|name| port(name, None)).collect(),
        ..GraphProto::default()
    }
}

/// One of two branches.
fn choice(condition: &str, [holds, fails]: [GraphProto; 2], output: &str) -> NodeProto {
    let graph = |name: &str, graph: GraphProto| AttributeProto {
        g: Some(graph),
        ..attribute(name, AttributeType::Graph)
    };
    let node = with(operator("If", &[condition], output), graph("then_branch", holds));
    with(node, graph("else_branch", fails))
}

/// An If of a constant condition is its branch, as onnxruntime computes it on the file as it stands.
#[test]
fn branches_that_are_chosen_are_onnxruntimes() {
    let truth = |value| bytes("c", &[], DataType::Bool, &[value]);
    // Both have the same names, of which one is the node's own output, and one comes after it.
    let layer = |seed: usize, last: &str| GraphProto {
        initializer: vec![drawn("w", &[3, 5], seed), drawn("b", &[5], seed + 1)],
        ..branch(
            vec![
                operator("Gemm", &["r", "w", "b"], "a"),
                operator(last, &["a"], "z"),
            ],
            &["z"],
        )
    };
    for value in [0, 1] {
        let nodes = vec![
            operator("Exp", &["x"], "r"),
            choice("c", [layer(1, "Tanh"), layer(4, "Abs")], "z"),
            operator("Sigmoid", &["z"], "a"),
            operator("Sub", &["a", "z"], "y"),
        ];
        let name = format!("stored, {value}");
        let model = small(&[2, 3], nodes, vec![truth(value)]);
        Found::of(&name, &model, 6).expect_within(&name, 0.05);
    }
    // As PyTorch writes `x.squeeze(1)`, whether there is one element or not; a branch of a branch; sizes behind a branch.
    for shape in [&[2, 1, 6][..], &[2, 3, 2]] {
        let squeeze = branch(vec![operator("Squeeze", &["r"], "s")], &["s"]);
        let keep = branch(vec![operator("Identity", &["r"], "k")], &["k"]);
        let inner = choice(
            "is_one",
            [
                branch(vec![operator("Neg", &["e"], "n")], &["n"]),
                branch(vec![operator("Abs", &["e"], "m")], &["m"]),
            ],
            "o",
        );
        let outer = branch(vec![operator("Tanh", &["z"], "e"), inner], &["o"]);
        let last = branch(vec![operator("Exp", &["z"], "p")], &["p"]);
        let nodes = vec![
            operator("Tanh", &["x"], "r"),
            operator("Shape", &["r"], "sizes"),
            operator("Gather", &["sizes", "one"], "size"),
            operator("Equal", &["size", "one"], "is_one"),
            choice("is_one", [squeeze, keep], "z"),
            operator("Size", &["z"], "count"),
            operator("Less", &["count", "many"], "is_few"),
            choice("is_few", [outer, last], "y"),
        ];
        let mut many = integers("many", &[100]);
        many.dims.clear();
        let name = format!("of sizes {shape:?}");
        let model = small(shape, nodes, vec![integers("one", &[1]), many]);
        Found::of(&name, &model, 12).expect_within(&name, 0.05);
    }
}

/// Of a file with a branch that does not fit the sizes and is not taken, which onnxruntime does not load, the float model tells the outputs.
#[test]
fn a_branch_that_does_not_fit_is_left_out_of_the_reference() {
    let squeeze = branch(vec![operator("Squeeze", &["x", "one"], "s")], &["s"]);
    let layer = branch(vec![operator("Exp", &["x"], "e")], &["e"]);
    let nodes = vec![
        operator("Shape", &["x"], "sizes"),
        operator("Gather", &["sizes", "one"], "size"),
        operator("Equal", &["size", "one"], "is_one"),
        choice("is_one", [squeeze, layer], "y"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let model = small(&[2, 3], nodes, vec![integers("one", &[1])]);
    let file = written(&folder, "model.onnx", &model);
    let input = serde_json::json!({ "input_data": [[-1.0, -0.5, 0.0, 0.5, 1.0, 0.25]] });
    let input = write(&folder, "input.json", input.to_string().as_bytes());
    let request = Request::of_file(CircuitPlan::committed(7, Io::Result).unwrap());
    let subject = Subject::from_onnx_calibrated(file.as_ref(), Some(input.as_ref()), None, request).unwrap();
    let onnxruntime = OnnxRuntime::beside(&common::tools().toolchain);
    onnxruntime.install().expect("onnxruntime is installed");
    let loaded = onnxruntime.run(&subject.onnx, std::slice::from_ref(&subject.inputs), &Silent);
    assert!(loaded.is_err());
    let outputs = float_outputs(&subject, Some(&onnxruntime), &Silent).unwrap();
    let expected = subject.inputs[0].data.iter().map(|x| x.exp());
    let pairs = outputs.iter().flatten().zip(expected);
    assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-5), "{outputs:?}");
    assert_eq!(pairs.count(), 6);
}
