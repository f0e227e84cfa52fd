//! No ONNX file ends the program otherwise than with an answer: whatever its sizes, axes, windows, names and constants are, it is
//! planned or refused with a reason and a hint, in bounded time and memory. Nothing here proves anything.
//!
//! The tests drive the program; `EVMBENCH_BIN` names another one to try them on, `EVMBENCH_CASES_FACTOR` how many times
//! as many files to draw, and `EVMBENCH_HOSTILE_SEED` from where.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::common::models::{
    attribute, float, floats, int, integers, ints, named, operator, port, small, text, window, with, written,
};
use crate::common::{Said, cases, dry_run};
use prost::Message as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use tempfile::TempDir;
use tract_onnx::pb::{
    AttributeProto, ModelProto, NodeProto, TensorProto, attribute_proto::AttributeType,
    tensor_proto::DataType, tensor_shape_proto::dimension::Value as Dimension, type_proto::Value as Type,
};

/// How long the program may think about a file. It takes a fraction of a second; other tests run beside this one.
const MOST_TIME: Duration = Duration::from_secs(45);

/// What is wrong with how the program ended, if anything is.
fn fault(said: &Said, time: Duration) -> Option<String> {
    let explains = said.stderr.contains("error: ") && said.stderr.contains("hint: ");
    let ended = match said.status {
        Some(0) => !said.stderr.contains("error: "),
        Some(1 | 2) => explains && said.stdout.is_empty(),
        _ => false,
    };
    let is_quiet = !["panicked", "RUST_BACKTRACE", "overflowed", "memory allocation"]
        .iter()
        .any(|word| said.stderr.contains(word));
    // What ends the analysis by force is a net; what the sample has is refused before.
    let is_foreseen = !said.stderr.contains("the analysis ");
    (!ended || !is_quiet || !is_foreseen || time > MOST_TIME).then(|| format!("{time:?} {said:?}"))
}

/// The model is planned or refused, for each kind of circuit.
#[track_caller]
fn ends_well(name: &str, model: &ModelProto) {
    let folder = TempDir::new().unwrap();
    let file = written(&folder, "hostile.onnx", model);
    for circuit in ["committed", "direct"] {
        let start = Instant::now();
        let said = dry_run(&["--onnx", &file, "--circuit", circuit]);
        let fault = fault(&said, start.elapsed());
        assert!(fault.is_none(), "{name} {circuit}: {fault:?}");
    }
}

/// Refused for a direct circuit, with a message that says all of this.
#[track_caller]
fn refused(model: &ModelProto, parts: &[&str]) {
    let folder = TempDir::new().unwrap();
    let file = written(&folder, "hostile.onnx", model);
    let start = Instant::now();
    let said = dry_run(&["--onnx", &file, "--circuit", "direct"]);
    assert_eq!(fault(&said, start.elapsed()), None);
    assert_eq!(said.status, Some(1), "{parts:?}: {}", said.stdout);
    for part in parts {
        assert!(said.stderr.contains(part), "no {part:?} in {}", said.stderr);
    }
}

/// Sizes and axes at the edge of what numbers hold: refused or read, never the end of the program.
#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn hostile_sizes_are_refused() {
    const HUGE: i64 = 1 << 62;
    let image: &[i64] = &[1, 1, 4, 4];
    let weight = || floats("w", &[1, 1, 3, 3], &[0.5; 9]);
    let conv = |attribute| {
        let node = with(operator("Conv", &["x", "w"], "y"), attribute);
        small(image, vec![with(node, ints("strides", &[1, 1]))], vec![weight()])
    };
    let pool = |attribute| small(image, vec![with(window("MaxPool"), attribute)], Vec::new());
    let average = |kernel: &[i64]| {
        let node = with(operator("AveragePool", &["x"], "y"), ints("kernel_shape", kernel));
        small(image, vec![with(node, ints("strides", &[1, 1]))], Vec::new())
    };
    let reshape = |shape: &[i64], target: &[i64]| {
        small(
            shape,
            vec![operator("Reshape", &["x", "s"], "y")],
            vec![integers("s", target)],
        )
    };
    let axis = |op: &str, shape: &[i64], axis: i64| {
        small(
            shape,
            vec![with(operator(op, &["x"], "y"), int("axis", axis))],
            Vec::new(),
        )
    };
    let norm = |shape: &[i64], axis: i64| {
        let node = with(
            operator("LayerNormalization", &["x", "w"], "y"),
            int("axis", axis),
        );
        small(shape, vec![node], vec![floats("w", &[4], &[1.0; 4])])
    };
    let gemm = |shape: &[i64], dims: &[i64]| {
        let count = dims.iter().product::<i64>() as usize;
        small(
            shape,
            vec![operator("Gemm", &["x", "w"], "y")],
            vec![floats("w", dims, &vec![0.5; count])],
        )
    };
    let models = vec![
        conv(ints("pads", &[HUGE; 4])),
        conv(ints("pads", &[i64::MAX; 4])),
        conv(ints("pads", &[-1; 4])),
        conv(ints("pads", &[1])),
        conv(int("group", HUGE)),
        conv(int("group", 0)),
        conv(int("group", -1)),
        conv(ints("kernel_shape", &[HUGE, HUGE])),
        conv(text("auto_pad", "SAME_UPPER")),
        pool(ints("pads", &[HUGE; 4])),
        pool(ints("strides", &[0, 0])),
        pool(text("auto_pad", "SOMEHOW")),
        average(&[HUGE, HUGE]),
        average(&[0, 0]),
        average(&[]),
        reshape(&[1, 4], &[HUGE, HUGE, 4, -1]),
        reshape(&[1, 4], &[HUGE, 4]),
        reshape(&[1, 4], &[-1, -1]),
        reshape(&[1, 4], &[0, 0, 0]),
        reshape(&[1, 4], &[-2]),
        reshape(&[1, 4], &[]),
        reshape(&[4], &[4, 1]),
        reshape(&[], &[1]),
        axis("Flatten", &[1, 4], HUGE),
        axis("Flatten", &[1, 4], i64::MIN),
        axis("Flatten", &[], 0),
        axis("Flatten", &[4], 0),
        axis("Flatten", &[4], 1),
        axis("Softmax", &[1, 4], 7),
        axis("Concat", &[1, 4], -9),
        norm(&[1, 4], 9),
        norm(&[], 0),
        norm(&[4], 0),
        gemm(&[1, 0], &[0, 3]),
        gemm(&[1, 4], &[4, 0]),
        gemm(&[4], &[4, 3]),
        gemm(&[2, 4], &[4, 3]),
        small(&[HUGE, HUGE], vec![operator("Relu", &["x"], "y")], Vec::new()),
        small(
            &[1 << 20, 1 << 20],
            vec![operator("Relu", &["x"], "y")],
            Vec::new(),
        ),
        small(&[0], vec![operator("Relu", &["x"], "y")], Vec::new()),
        small(&[], vec![operator("Relu", &["x"], "y")], Vec::new()),
        small(&[1], vec![operator("Relu", &["x"], "y")], Vec::new()),
        small(&[2], vec![operator("Sigmoid", &["x"], "y")], Vec::new()),
        small(&[1, 1], vec![operator("Tanh", &["x"], "y")], Vec::new()),
        small(&[1, 4], vec![operator("Identity", &["x"], "y")], Vec::new()),
        small(&[1, 4], vec![operator("Relu", &[], "y")], Vec::new()),
        small(&[1, 4], vec![NodeProto::default()], Vec::new()),
        small(
            &[1, 4],
            vec![operator("Gemm", &["x", "w"], "y")],
            vec![TensorProto {
                dims: vec![-4, -1],
                ..floats("w", &[], &[0.5; 4])
            }],
        ),
    ];
    for (index, model) in models.iter().enumerate() {
        ends_well(&index.to_string(), model);
    }
}

/// A model of the image `x` that falls to EZKL as a whole.
fn image(node: NodeProto, constants: Vec<TensorProto>) -> ModelProto {
    small(&[1, 4, 8, 8], vec![node], constants)
}

fn resize(scales: &[f32]) -> ModelProto {
    let modes = [
        text("mode", "nearest"),
        text("coordinate_transformation_mode", "asymmetric"),
        text("nearest_mode", "floor"),
    ];
    let node = modes
        .into_iter()
        .fold(operator("Resize", &["x", "", "s"], "y"), with);
    image(node, vec![floats("s", &[scales.len() as i64], scales)])
}

/// What tract would not end on, or would take any amount of memory for, is refused with node, attribute and value.
#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn what_tract_does_not_survive_is_refused_before_it_sees_it() {
    let of = |op: &str, attribute| image(with(operator(op, &["x"], "y"), attribute), Vec::new());
    let pool = |op: &str, attribute| {
        let node = with(operator(op, &["x"], "y"), ints("kernel_shape", &[3, 3]));
        // After Sin no committed circuit is left.
        softened(image(with(node, attribute), Vec::new()))
    };
    // A value that is computed of constants alone.
    let folded = |nodes: Vec<NodeProto>, constants: Vec<TensorProto>| {
        let sum = operator("Add", &["x", "c"], "y");
        small(&[1, 4], [nodes, vec![sum]].concat(), constants)
    };
    let shape = |op: &str, sizes: &[i64]| {
        folded(
            vec![operator(op, &["one", "s"], "c")],
            vec![floats("one", &[1], &[1.0]), integers("s", sizes)],
        )
    };
    let square: &[i64] = &[1 << 20, 1 << 20];
    for (model, parts) in [
        (
            resize(&[1.0, 1.0, 1e9, 1e9]),
            &["Resize node \"y\"", "scales is"][..],
        ),
        (
            resize(&[1.0, 1.0, 1e5, 1e5]),
            &["Resize node \"y\"", "268435456 elements"],
        ),
        (resize(&[1.0, 2.0]), &["Resize node \"y\"", "2 scales"]),
        (
            image(
                with(operator("LayerNormalization", &["x", "s"], "y"), int("axis", 9)),
                vec![floats("s", &[1], &[1.0])],
            ),
            &["LayerNormalization node \"y\"", "axis is 9"],
        ),
        (
            of("Transpose", ints("perm", &[0, 1, 1, 2])),
            &["Transpose node \"y\"", "perm is [0, 1, 1, 2]"],
        ),
        (
            of("Transpose", ints("perm", &[0, 1])),
            &["Transpose node \"y\"", "perm is [0, 1]"],
        ),
        (
            of("Softmax", int("axis", i64::MIN)),
            &["Softmax node \"y\"", "axis is -9223372036854775808"],
        ),
        (
            of("DepthToSpace", int("blocksize", 1 << 40)),
            &["DepthToSpace", "blocksize is"],
        ),
        (
            pool("MaxPool", ints("pads", &[1, 1])),
            &["MaxPool node \"y\"", "pads is [1, 1]"],
        ),
        (
            pool("AveragePool", ints("strides", &[1 << 40, 1])),
            &["AveragePool node \"y\"", "strides is"],
        ),
        (
            pool("MaxPool", ints("dilations", &[1 << 40, 1])),
            &["MaxPool node \"y\"", "dilations is"],
        ),
        (
            image(
                with(
                    with(
                        operator("AveragePool", &["x"], "y"),
                        text("auto_pad", "SAME_UPPER"),
                    ),
                    ints("kernel_shape", &[1 << 40, 1 << 40]),
                ),
                Vec::new(),
            ),
            &["AveragePool node \"y\"", "kernel_shape is"],
        ),
        (
            shape("Expand", square),
            &["Expand node \"c\"", "268435456 elements"],
        ),
        (
            shape("Expand", &[i64::MAX]),
            &["Expand node \"c\"", "the shape is"],
        ),
        (shape("Tile", &[1 << 30]), &["Tile node \"c\"", "repeats is"]),
        (
            folded(
                vec![operator("ConstantOfShape", &["s"], "c")],
                vec![integers("s", square)],
            ),
            &["ConstantOfShape node \"c\"", "268435456 elements"],
        ),
        (
            folded(
                vec![operator("Range", &["a", "b", "d"], "c")],
                vec![
                    floats("a", &[], &[0.0]),
                    floats("b", &[], &[1e30]),
                    floats("d", &[], &[1.0]),
                ],
            ),
            &["Range node \"c\"", "counts from 0 to"],
        ),
        (
            // Each joins the one before with itself.
            folded(
                (0..40)
                    .map(|step| {
                        let before = if step == 0 {
                            "one".to_owned()
                        } else {
                            format!("v{step}")
                        };
                        let after = if step == 39 {
                            "c".to_owned()
                        } else {
                            format!("v{}", step + 1)
                        };
                        with(operator("Concat", &[&before, &before], &after), int("axis", 0))
                    })
                    .collect(),
                vec![integers("one", &[1])],
            ),
            &["Concat node", "268435456 elements"],
        ),
    ] {
        refused(&model, parts);
    }
}

/// The model with Sin in front, which only direct circuits have.
fn softened(mut model: ModelProto) -> ModelProto {
    let graph = model.graph.as_mut().unwrap();
    for input in graph.node.iter_mut().flat_map(|node| &mut node.input) {
        if input == "x" {
            "soft".clone_into(input);
        }
    }
    graph.node.insert(0, operator("Sin", &["x"], "soft"));
    model
}

/// What EZKL would only refuse after minutes, in its own words.
#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn what_ezkl_cannot_take_is_refused_before_it_is_asked() {
    let mut old = image(with(operator("Softmax", &["x"], "y"), int("axis", 1)), Vec::new());
    old.opset_import[0].version = 11;
    let scalar = small(&[], vec![operator("Sin", &["x"], "y")], Vec::new());
    let norm = |variance: f32| {
        let node = operator("BatchNormalization", &["x", "one", "one", "one", "v"], "y");
        let ones = floats("one", &[4], &[1.0; 4]);
        image(node, vec![ones, floats("v", &[4], &[1.0, 1.0, variance, 1.0])])
    };
    let product = |weight: f32| {
        let node = operator("MatMul", &["x", "w"], "y");
        small(&[1, 2], vec![node], vec![floats("w", &[2, 1], &[weight, 1.0])])
    };
    let relu = || small(&[1, 4], vec![operator("Relu", &["x"], "y")], Vec::new());
    let outputs = |names: &[&str]| {
        let mut model = relu();
        model.graph.as_mut().unwrap().output = names.iter().map(|name| port(name, None)).collect();
        model
    };
    let mut inputs = relu();
    inputs
        .graph
        .as_mut()
        .unwrap()
        .input
        .push(port("x", Some(&[1, 4])));
    let mut nameless = relu();
    nameless
        .graph
        .as_mut()
        .unwrap()
        .input
        .push(port("", Some(&[1, 4])));
    let unnamed = small(&[1, 4], vec![operator("Relu", &["x"], "")], Vec::new());
    let mut twice = relu();
    let graph = twice.graph.as_mut().unwrap();
    graph.node.push(operator("Identity", &["y"], "z"));
    graph.output.push(port("z", None));
    let added = |constant: f32| {
        let node = operator("Add", &["x", "c"], "y");
        softened(small(&[1, 4], vec![node], vec![floats("c", &[1], &[constant])]))
    };
    let of = |op: &str, attribute| image(with(operator(op, &["x"], "y"), attribute), Vec::new());
    let leaky = |alpha| of("LeakyRelu", float("alpha", alpha));
    let shape = |start| {
        let mut model = of("Shape", int("start", start));
        // Its type is not declared.
        model.graph.as_mut().unwrap().output[0].r#type = None;
        model
    };
    let clip = |most: f32| {
        let node = operator("Clip", &["x", "", "b"], "y");
        image(node, vec![floats("b", &[], &[most])])
    };
    let spread = |stride: i64, added: i64| {
        let node = with(
            operator("ConvTranspose", &["x", "w"], "y"),
            ints("strides", &[stride; 2]),
        );
        let node = with(node, ints("output_padding", &[added; 2]));
        image(node, vec![floats("w", &[4, 1, 3, 3], &[0.5; 36])])
    };
    let same = |op: &str| small(&[1, 4], vec![operator(op, &["x"], "y")], Vec::new());
    for (model, parts) in [
        (old, &["Softmax node \"y\"", "operator set 11"][..]),
        (scalar, &["input \"x\" has 0 axes"]),
        (norm(-1.0), &["BatchNormalization node \"y\"", "a variance of -1"]),
        (norm(-1e-5), &["BatchNormalization node \"y\"", "a variance of"]),
        (
            product(1e38),
            &[
                "MatMul node \"y\"",
                "a constant of 1e38 at scale 7",
                "below 268435456",
            ],
        ),
        (
            softened(product(1e38)),
            &["MatMul node \"y\"", "a constant of 1e38 at scale 7"],
        ),
        (
            leaky(f32::MAX),
            &["LeakyRelu node \"y\"", "a constant of 3.4028235e38"],
        ),
        (clip(f32::MAX), &["Clip node \"y\"", "a constant of 3.4028235e38"]),
        (shape(9), &["Shape node \"y\"", "start and end are [9, 0]"]),
        (
            spread(3, 0),
            &["ConvTranspose node \"y\"", "strides of 1 and 2 alone"],
        ),
        (
            spread(2, 1),
            &["ConvTranspose node \"y\"", "output_padding is [1, 1]"],
        ),
        (outputs(&["y", "y"]), &["the value \"y\" is given twice"]),
        (outputs(&["z"]), &["nothing gives the output \"z\""]),
        (outputs(&[""]), &["nothing gives the output"]),
        (outputs(&["x"]), &["the output \"x\" is an input as it is"]),
        (outputs(&["y", "x"]), &["the output \"x\" is an input as it is"]),
        (twice, &["the output \"z\" is the output \"y\" as it is"]),
        (added(1e38), &["constant c holds 1e38", "scale 7"]),
        (
            product(2.2e6),
            &["MatMul node \"y\"", "a constant of 2.2e6 at scale 7"],
        ),
        (inputs, &["the value \"x\" is given twice"]),
        (nameless, &["an input without a name"]),
        (unnamed, &["no output with a name"]),
    ] {
        refused(&model, parts);
    }
    let accepted = [
        norm(0.0),
        norm(1.0),
        product(2e6),
        outputs(&["y"]),
        leaky(0.1),
        clip(6.0),
        spread(2, 0),
        same("Identity"),
        same("Flatten"),
    ];
    for model in accepted {
        let folder = TempDir::new().unwrap();
        let file = written(&folder, "fits.onnx", &model);
        let said = dry_run(&["--onnx", &file, "--circuit", "direct"]);
        assert_eq!(said.status, Some(0), "{}", said.stderr);
    }
}

/// Weights beside a model are read from its folder alone, and from files alone.
#[test]
fn weights_that_lie_elsewhere_are_refused() {
    let folder = TempDir::new().unwrap();
    let below = |name: &str| folder.path().join(name);
    std::fs::create_dir(below("models")).unwrap();
    std::fs::create_dir(below("models/folder")).unwrap();
    let bytes = 0.5_f32.to_le_bytes().repeat(4);
    for file in ["outside.data", "models/inside.data"] {
        std::fs::write(below(file), &bytes).unwrap();
    }
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, below("models").join(name)).unwrap();
    };
    link("../outside.data", "out.data");
    link("..", "up");
    link("/dev/zero", "zero.data");
    link("inside.data", "in.data");
    let pipe = std::process::Command::new("mkfifo")
        .arg(below("models/pipe.data"))
        .status();
    assert!(pipe.unwrap().success());
    let of = |location: &str, more: &[(&str, &str)]| {
        let entry = |(key, value): (&str, &str)| tract_onnx::pb::StringStringEntryProto {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let weight = TensorProto {
            data_location: Some(tract_onnx::pb::tensor_proto::DataLocation::External as i32),
            external_data: [&[("location", location)], more]
                .concat()
                .into_iter()
                .map(entry)
                .collect(),
            ..floats("w", &[4, 1], &[])
        };
        let model = small(&[1, 4], vec![operator("MatMul", &["x", "w"], "y")], vec![weight]);
        let path = below("models/model.onnx");
        std::fs::write(&path, model.encode_to_vec()).unwrap();
        let start = Instant::now();
        let said = dry_run(&["--onnx", path.to_str().unwrap()]);
        assert_eq!(fault(&said, start.elapsed()), None, "{location}");
        said
    };
    for location in ["inside.data", "in.data"] {
        assert_eq!(of(location, &[]).status, Some(0), "{location}");
    }
    for (location, more, reason) in [
        (
            "out.data",
            &[][..],
            "a link to a file that is not below the model's folder",
        ),
        (
            "up/outside.data",
            &[],
            "a link to a file that is not below the model's folder",
        ),
        ("zero.data", &[], "not below the model's folder"),
        ("pipe.data", &[], "no regular file"),
        ("folder", &[], "no regular file"),
        ("../outside.data", &[], "not below the model's folder"),
        ("/dev/zero", &[], "not below the model's folder"),
        ("inside.data", &[("offset", "17")], "shorter than the model says"),
        (
            "inside.data",
            &[("offset", "18446744073709551615")],
            "shorter than the model says",
        ),
        ("inside.data", &[("length", "17")], "shorter than the model says"),
        ("inside.data", &[("length", "8")], "it holds 2 elements"),
        ("inside.data", &[("length", "-1")], "its length is -1"),
    ] {
        let said = of(location, more);
        assert_eq!(said.status, Some(1), "{location} {more:?} {}", said.stdout);
        assert!(
            said.stderr.contains(reason),
            "{location} {more:?} {}",
            said.stderr
        );
    }
    // The model itself.
    for path in ["models/pipe.data", "models/zero.data", "models"] {
        let said = dry_run(&["--onnx", below(path).to_str().unwrap()]);
        assert_eq!(said.status, Some(1), "{path} {}", said.stdout);
        assert!(said.stderr.contains("no regular file"), "{path} {}", said.stderr);
    }
}

// ---- Files that are drawn.

/// Numbers that stand for nothing that a model has.
const HOSTILE_INTS: [i64; 14] = [
    0,
    1,
    -1,
    2,
    3,
    -2,
    7,
    64,
    1_000_000_000,
    1 << 31,
    1 << 40,
    1 << 62,
    i64::MIN,
    i64::MAX,
];

const HOSTILE_FLOATS: [f32; 12] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1e9,
    1e-30,
    f32::MAX,
    f32::MIN_POSITIVE,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

const HOSTILE_TEXTS: [&str; 10] = [
    "",
    "NOTSET",
    "VALID",
    "SAME_UPPER",
    "SAME_LOWER",
    "linear",
    "nearest",
    "reflect",
    "CRD",
    "i,i->",
];

/// Models of many operators, all of which are planned or refused as they stand.
#[expect(clippy::too_many_lines, reason = "a list of models")]
fn models() -> Vec<ModelProto> {
    let mut all = Vec::new();
    let mut add = |node: NodeProto, constants: &[TensorProto]| all.push(image(node, constants.to_vec()));
    let kernel = || ints("kernel_shape", &[3, 3]);
    let windowed = |node: NodeProto| with(with(node, ints("strides", &[1, 1])), ints("pads", &[1, 1, 1, 1]));
    let unary = |op: &str| operator(op, &["x"], "y");
    let weight = || floats("w", &[4, 4, 3, 3], &[0.25; 144]);
    let fours = |name: &str| floats(name, &[4], &[1.0; 4]);
    add(
        windowed(with(operator("Conv", &["x", "w"], "y"), int("group", 1))),
        &[weight()],
    );
    add(
        with(
            windowed(operator("ConvTranspose", &["x", "w"], "y")),
            ints("output_padding", &[0, 0]),
        ),
        &[weight()],
    );
    for op in ["MaxPool", "AveragePool"] {
        add(windowed(with(unary(op), kernel())), &[]);
        add(
            with(with(unary(op), kernel()), text("auto_pad", "SAME_UPPER")),
            &[],
        );
    }
    add(
        with(
            operator("BatchNormalization", &["x", "a", "b", "c", "d"], "y"),
            float("epsilon", 1e-5),
        ),
        &["a", "b", "c", "d"].map(fours),
    );
    add(
        with(
            operator("InstanceNormalization", &["x", "a", "b"], "y"),
            float("epsilon", 1e-5),
        ),
        &["a", "b"].map(fours),
    );
    add(
        with(operator("LayerNormalization", &["x", "a"], "y"), int("axis", 3)),
        &[floats("a", &[8], &[1.0; 8])],
    );
    for op in ["Softmax", "LogSoftmax", "Hardmax", "ArgMax", "Flatten"] {
        add(with(unary(op), int("axis", 1)), &[]);
    }
    add(with(unary("Transpose"), ints("perm", &[0, 2, 3, 1])), &[]);
    add(with(operator("Concat", &["x", "x"], "y"), int("axis", 1)), &[]);
    for op in ["ReduceMean", "ReduceMax"] {
        add(
            with(with(unary(op), ints("axes", &[2, 3])), int("keepdims", 1)),
            &[],
        );
    }
    add(operator("ReduceSum", &["x", "i"], "y"), &[integers("i", &[1])]);
    add(operator("Squeeze", &["x", "i"], "y"), &[integers("i", &[0])]);
    add(operator("Unsqueeze", &["x", "i"], "y"), &[integers("i", &[1])]);
    add(operator("Reshape", &["x", "i"], "y"), &[integers("i", &[1, -1])]);
    add(
        operator("Expand", &["x", "i"], "y"),
        &[integers("i", &[1, 1, 1, 1])],
    );
    add(
        with(operator("Gather", &["x", "i"], "y"), int("axis", 1)),
        &[integers("i", &[0, 2])],
    );
    add(
        operator("Pad", &["x", "i"], "y"),
        &[integers("i", &[0, 0, 1, 1, 0, 0, 1, 1])],
    );
    add(
        operator("Slice", &["x", "i", "j", "k", "l"], "y"),
        &[
            integers("i", &[0, 1]),
            integers("j", &[4, 7]),
            integers("k", &[1, 2]),
            integers("l", &[1, 2]),
        ],
    );
    add(
        with(operator("Split", &["x", "i"], "y"), int("axis", 1)),
        &[integers("i", &[4])],
    );
    add(
        with(operator("TopK", &["x", "i"], "y"), int("axis", 1)),
        &[integers("i", &[2])],
    );
    add(with(unary("DepthToSpace"), int("blocksize", 2)), &[]);
    add(with(unary("SpaceToDepth"), int("blocksize", 2)), &[]);
    add(
        with(operator("CumSum", &["x", "i"], "y"), int("reverse", 0)),
        &[integers("i", &[1])],
    );
    add(with(unary("LeakyRelu"), float("alpha", 0.1)), &[]);
    add(with(unary("Elu"), float("alpha", 1.0)), &[]);
    add(
        operator("Clip", &["x", "a", "b"], "y"),
        &[floats("a", &[], &[0.0]), floats("b", &[], &[6.0])],
    );
    add(operator("Pow", &["x", "e"], "y"), &[floats("e", &[], &[3.0])]);
    add(with(unary("EyeLike"), int("k", 0)), &[]);
    add(
        with(operator("Trilu", &["x", "i"], "y"), int("upper", 1)),
        &[integers("i", &[0])],
    );
    add(with(unary("Cast"), int("to", 1)), &[]);
    add(with(unary("Shape"), int("start", 0)), &[]);
    add(
        with(operator("GatherElements", &["x", "i"], "y"), int("axis", 3)),
        &[integers("i", &[0])],
    );
    add(operator("Where", &["i", "x", "x"], "y"), &[integers("i", &[1])]);
    all.push(resize(&[1.0, 1.0, 2.0, 2.0]));
    // Matrices.
    let matrix = |nodes: Vec<NodeProto>, constants: Vec<TensorProto>| small(&[2, 3], nodes, constants);
    let product = || floats("w", &[3, 4], &[0.5; 12]);
    let gemm = with(operator("Gemm", &["x", "w", "b"], "y"), int("transB", 0));
    all.push(matrix(
        vec![with(gemm, float("alpha", 1.0))],
        vec![product(), fours("b")],
    ));
    all.push(matrix(
        vec![operator("MatMul", &["x", "w"], "y")],
        vec![product()],
    ));
    let einsum = with(
        operator("Einsum", &["x", "w"], "y"),
        text("equation", "ij,jk->ik"),
    );
    all.push(matrix(vec![einsum], vec![product()]));
    let one_hot = vec![
        with(operator("ArgMax", &["x"], "a"), int("axis", 1)),
        with(operator("OneHot", &["a", "d", "v"], "y"), int("axis", -1)),
    ];
    all.push(matrix(
        one_hot,
        vec![integers("d", &[4]), floats("v", &[2], &[0.0, 1.0])],
    ));
    // Constants that are computed.
    let filled = AttributeProto {
        t: Some(floats("", &[1], &[0.5])),
        ..attribute("value", AttributeType::Tensor)
    };
    for first in [
        with(operator("ConstantOfShape", &["s"], "c"), filled.clone()),
        operator("Expand", &["one", "s"], "c"),
        operator("Tile", &["two", "s"], "c"),
        operator("Range", &["one", "four", "one"], "c"),
        with(operator("Constant", &[], "c"), filled),
    ] {
        let sum = operator("Add", &["x", "c"], "y");
        let constants = vec![
            integers("s", &[1, 3]),
            floats("one", &[], &[1.0]),
            floats("four", &[], &[4.0]),
            floats("two", &[1, 1], &[2.0]),
        ];
        all.push(matrix(vec![first, sum], constants));
    }
    let lstm = with(operator("LSTM", &["x", "w", "r"], "y"), int("hidden_size", 2));
    let recurrent = vec![
        floats("w", &[1, 8, 3], &[0.1; 24]),
        floats("r", &[1, 8, 2], &[0.1; 16]),
    ];
    all.push(small(&[2, 1, 3], vec![lstm], recurrent));
    // Operators on quantised integers.
    let bytes = |name: &str, dims: &[i64], count: usize| TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: DataType::Int8 as i32,
        int32_data: vec![3; count],
        ..TensorProto::default()
    };
    let scales = ["q", "s", "z"];
    let nodes = vec![
        operator("QuantizeLinear", &["x", "s", "z"], "q"),
        windowed(operator(
            "QLinearConv",
            &[&scales[..], &["w", "s", "z", "s", "z"]].concat(),
            "c",
        )),
        windowed(operator("ConvInteger", &["c", "w", "z", "z"], "i")),
        with(operator("Cast", &["i"], "y"), int("to", 1)),
    ];
    let constants = vec![
        floats("s", &[], &[0.1]),
        bytes("z", &[], 1),
        bytes("w", &[4, 4, 3, 3], 144),
    ];
    all.push(small(&[1, 4, 8, 8], nodes, constants));
    // A network.
    let nodes = vec![
        named("conv", windowed(operator("Conv", &["x", "w"], "a"))),
        named("act", operator("Relu", &["a"], "b")),
        named("pool", with(operator("MaxPool", &["b"], "c"), kernel())),
        named("flat", operator("Flatten", &["c"], "d")),
        named("fc", operator("Gemm", &["d", "m"], "e")),
        named("out", with(operator("Softmax", &["e"], "y"), int("axis", -1))),
    ];
    all.push(small(
        &[1, 4, 8, 8],
        nodes,
        vec![weight(), floats("m", &[144, 2], &[0.01; 288])],
    ));
    all
}

/// Numbers from a seed.
struct Draw(ChaCha8Rng);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound.max(1) as u64) as usize
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// The model with one thing changed.
    fn mutated(&mut self, mut model: ModelProto) -> ModelProto {
        let kind = self.below(16);
        let graph = model.graph.as_mut().unwrap();
        let number = self.of(&HOSTILE_INTS);
        let at = self.below(graph.node.len());
        let others: Vec<String> = graph.node.iter().map(|node| node.op_type.clone()).collect();
        let names: Vec<String> = ["", "x", "y", "nowhere"]
            .iter()
            .map(|&name| name.to_owned())
            .collect();
        let node = &mut graph.node[at];
        match kind {
            0..=5 if !node.attribute.is_empty() => {
                let place = self.below(node.attribute.len());
                if !self.attribute(&mut node.attribute[place]) {
                    node.attribute.remove(place);
                }
            }
            6..=8 if !graph.initializer.is_empty() => {
                let place = self.below(graph.initializer.len());
                self.tensor(&mut graph.initializer[place]);
            }
            9 => {
                let operators = evmbench::model::onnx::SUPPORTED;
                self.of(&operators).clone_into(&mut node.op_type);
            }
            10 if !node.input.is_empty() => {
                let place = self.below(node.input.len());
                node.input[place].clone_from(&names[self.below(names.len())]);
            }
            11 => {
                let _ = node.input.pop();
            }
            12 => model.opset_import[0].version = [7, 9, 10, 11, 12, 13, 18, 19, 22, number][self.below(10)],
            13 => {
                let Some(Type::TensorType(tensor)) = graph.input[0].r#type.as_mut().unwrap().value.as_mut()
                else {
                    return model;
                };
                let sizes = &mut tensor.shape.as_mut().unwrap().dim;
                let place = self.below(sizes.len());
                match self.below(3) {
                    0 => drop(sizes.remove(place)),
                    1 => sizes.push(sizes[0].clone()),
                    _ => sizes[place].value = Some(Dimension::DimValue(number)),
                }
            }
            14 => {
                let name = &names[self.below(names.len())];
                match self.below(3) {
                    0 => graph.output.push(port(name, None)),
                    1 => graph.output = vec![port(name, Some(&[number, 3]))],
                    _ => node.output[0].clone_from(name),
                }
            }
            _ => {
                let op = &others[self.below(others.len())];
                let extra = with(operator(op, &["x"], "y"), ints("axes", &[number]));
                node.attribute.extend(extra.attribute);
            }
        }
        model
    }

    /// Whether something of the attribute is left.
    fn attribute(&mut self, attribute: &mut AttributeProto) -> bool {
        match attribute.r#type() {
            AttributeType::Int => attribute.i = self.of(&HOSTILE_INTS),
            AttributeType::Float => attribute.f = self.of(&HOSTILE_FLOATS),
            AttributeType::String => attribute.s = self.of(&HOSTILE_TEXTS).as_bytes().to_vec(),
            AttributeType::Ints => self.list(&mut attribute.ints),
            AttributeType::Tensor => self.tensor(attribute.t.as_mut().unwrap()),
            _ => return false,
        }
        self.below(12) != 0
    }

    fn list(&mut self, values: &mut Vec<i64>) {
        let number = self.of(&HOSTILE_INTS);
        let place = self.below(values.len());
        match self.below(8) {
            0 => values.clear(),
            1 => values.push(number),
            2 => drop(values.pop()),
            3 => values.fill(number),
            4 if values.len() > 1 => values[place] = values[0],
            _ if values.is_empty() => values.push(number),
            _ => values[place] = number,
        }
    }

    fn tensor(&mut self, tensor: &mut TensorProto) {
        match self.below(6) {
            0 => self.list(&mut tensor.dims),
            1 => tensor.data_type = self.below(18) as i32,
            2 if !tensor.int64_data.is_empty() => {
                self.list(&mut tensor.int64_data);
                tensor.dims = vec![tensor.int64_data.len() as i64];
            }
            _ if !tensor.int64_data.is_empty() => {
                let place = self.below(tensor.int64_data.len());
                tensor.int64_data[place] = self.of(&HOSTILE_INTS);
            }
            _ if !tensor.float_data.is_empty() => {
                let place = self.below(tensor.float_data.len());
                tensor.float_data[place] = self.of(&HOSTILE_FLOATS);
            }
            _ => tensor.raw_data = vec![0xff; self.below(9)],
        }
    }

    fn bytes(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self.below(40) {
            0 => bytes.truncate(self.below(bytes.len())),
            1 => {
                let place = self.below(bytes.len());
                bytes[place] = self.below(256) as u8;
            }
            _ => {}
        }
        bytes
    }
}

/// What is drawn from a number, and how the program ends on it.
fn trial(models: &[ModelProto], number: u64, folder: &Path) -> Option<String> {
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(number));
    let mut model = models[draw.below(models.len())].clone();
    for _ in 0..=draw.below(2) {
        model = draw.mutated(model);
    }
    if draw.below(3) == 0 {
        model = softened(model);
    }
    let circuit: &[&str] = draw.of(&[&[][..], &["--circuit", "direct"], &["--circuit", "committed"]]);
    let file = folder.join(format!("{number}.onnx"));
    std::fs::write(&file, draw.bytes(model.encode_to_vec())).unwrap();
    let start = Instant::now();
    let said = dry_run(&[&["--onnx", file.to_str().unwrap()], circuit].concat());
    let fault = fault(&said, start.elapsed());
    std::fs::remove_file(&file).unwrap();
    fault.map(|fault| format!("seed {number}: {fault}\n{:?}", model.graph))
}

/// One or two things of a small model are replaced by what no model has, hundreds of times.
#[test]
fn drawn_files_are_planned_or_refused() {
    let cases = cases(500);
    let first = std::env::var("EVMBENCH_HOSTILE_SEED").map_or(0, |text| text.parse::<u64>().unwrap());
    let (models, folder) = (models(), TempDir::new().unwrap());
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let work = || {
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let numbers = numbers
            .take_while(|&number| number < cases)
            .map(|number| first + number);
        numbers
            .filter_map(|number| trial(&models, number, folder.path()))
            .collect::<Vec<_>>()
    };
    let faults: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(
        faults.is_empty(),
        "{} of {cases}:\n{}",
        faults.len(),
        faults.join("\n\n")
    );
}

/// Each constant of each model is replaced by one without elements.
#[test]
fn constants_without_elements_are_planned_or_refused() {
    let folder = TempDir::new().unwrap();
    let mut faults = Vec::new();
    for model in models() {
        for place in 0..model.graph.as_ref().unwrap().initializer.len() {
            let mut model = model.clone();
            let constant = &mut model.graph.as_mut().unwrap().initializer[place];
            *constant = TensorProto {
                dims: vec![0],
                data_type: constant.data_type,
                name: std::mem::take(&mut constant.name),
                ..TensorProto::default()
            };
            let softened = softened(model.clone());
            for model in [model, softened] {
                let file = written(&folder, "model.onnx", &model);
                let start = Instant::now();
                let said = dry_run(&["--onnx", &file]);
                let fault = fault(&said, start.elapsed());
                faults.extend(fault.map(|fault| format!("{fault}\n{:?}", model.graph)));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// The models that are changed are no hostile ones themselves.
#[test]
fn most_models_that_are_drawn_from_are_planned() {
    let folder = TempDir::new().unwrap();
    let models = models();
    let planned = models.iter().filter(|model| {
        let file = written(&folder, "model.onnx", model);
        dry_run(&["--onnx", &file]).status == Some(0)
    });
    let (planned, all) = (planned.count(), models.len());
    assert!(planned * 3 > all * 2, "{planned} of {all}");
}
