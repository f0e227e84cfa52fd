//! A proof is about the function in the user's file: what a circuit would compute otherwise is refused before anything is proved,
//! and the message says which node, what of it, and what to do. No flag that names an input is dropped. Nothing here proves
//! anything.
//!
//! The tests drive the program; `EVMBENCH_BIN` names another one to try them on.

use std::path::Path;

use crate::common::models::{
    attribute, float, floats, int, integers, ints, named, operator, port, small, text, window, with, write,
    written,
};
use crate::common::{Said, dry_run, evmbench, fixture, say};
use evmbench::committed::{self, CommittedOptions, InputAssurance, Integers};
use evmbench::model::float::FloatModel;
use evmbench::model::onnx::{self, Coverage, OnnxError, OnnxModel};
use evmbench::model::{input, layers};
use evmbench::suite;
use proptest::prelude::*;
use prost::Message as _;
use serde_json::Value;
use tempfile::TempDir;
use tract_onnx::pb::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType,
    tensor_shape_proto::dimension::Value as Dimension, type_proto::Value as Type,
};

/// The model is refused before anything runs, with one message that says all of this, and a hint.
#[track_caller]
fn refused(said: &Said, parts: &[&str], hint: &str) {
    assert!(
        matches!(said.status, Some(1 | 2)),
        "{:?} {}",
        said.status,
        said.stdout
    );
    assert_eq!(said.stdout, "");
    assert_eq!(said.stderr.matches("error: ").count(), 1, "{}", said.stderr);
    for part in parts {
        assert!(said.stderr.contains(part), "no {part:?} in {}", said.stderr);
    }
    assert!(
        said.stderr.contains("hint: ") || hint.is_empty(),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains(hint), "no {hint:?} in {}", said.stderr);
}

#[track_caller]
fn accepted(said: &Said) -> &str {
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    &said.stdout
}

fn path(name: &str) -> String {
    fixture("function").join(name).to_str().unwrap().to_owned()
}

/// Those of the following files that a committed circuit gets right.
const COMMITTED: [&str; 12] = [
    "average_excludes_pads.onnx",
    "padded_max.onnx",
    "gather_negative.onnx",
    "expand.onnx",
    "pad_const.onnx",
    "misread_relu6.onnx",
    "misread_hardswish.onnx",
    "misread_leaky_net.onnx",
    "maxpool_ceil.onnx",
    "resize_half_pixel.onnx",
    "torch_bilinear_up.onnx",
    "cast_to_integer.onnx",
];

#[test]
fn files_that_a_direct_circuit_would_get_wrong_are_refused_with_node_attribute_and_remedy() {
    for (file, said, hint) in [
        (
            "average_excludes_pads.onnx",
            "count_include_pad is 0",
            "count_include_pad=True",
        ),
        (
            "padded_max.onnx",
            "MaxPool node \"y\": pads is [1, 1, 1, 1]",
            "put a Relu before the pool",
        ),
        ("maxpool_ceil.onnx", "ceil_mode is 1", "ceil_mode=False"),
        (
            "resize_half_pixel.onnx",
            "coordinate_transformation_mode is half_pixel",
            "Upsample",
        ),
        ("torch_bilinear_up.onnx", "mode is linear", "Upsample"),
        (
            "cast_to_integer.onnx",
            "casts floats to INT64",
            "leave the cast out",
        ),
        (
            "gather_negative.onnx",
            "position -9 counts from the end",
            "count positions from 0",
        ),
        ("expand.onnx", "wrong order", "Concat"),
        ("pad_const.onnx", "not the constant 0", "pad with zeros"),
        (
            "bn_train.onnx",
            "training_mode is 1",
            "call model.eval() before export",
        ),
        (
            "dropout_train.onnx",
            "training_mode is not false",
            "call model.eval() before export",
        ),
        (
            "torch_train_mode.onnx",
            "training_mode is not false",
            "call model.eval() before export",
        ),
        (
            "nan_constant.onnx",
            "has NaN or infinite elements",
            "check the training",
        ),
        (
            "misread_relu6.onnx",
            "drops its batch axis",
            "committed circuits cover",
        ),
        (
            "misread_hardswish.onnx",
            "drops its batch axis",
            "committed circuits cover",
        ),
        (
            "misread_leaky_net.onnx",
            "drops its batch axis",
            "committed circuits cover",
        ),
    ] {
        let path = path(file);
        refused(
            &dry_run(&["--onnx", &path, "--circuit", "direct"]),
            &[said, &path],
            hint,
        );
        let plan = say(evmbench().args(["plan", "--onnx", &path]));
        if COMMITTED.contains(&file) {
            assert!(accepted(&plan).contains("committed"), "{}", plan.stdout);
        } else {
            refused(&plan, &[said], hint);
        }
    }
}

/// What only a committed circuit computes goes to one, and is refused where a direct one is asked for.
#[test]
fn a_padded_maximum_needs_a_committed_circuit() {
    for file in ["conv_padded_max.onnx", "max_same.onnx"] {
        let file = path(file);
        let stdout = dry_run(&["--onnx", &file]);
        assert!(accepted(&stdout).contains("committed"), "{}", stdout.stdout);
        let direct = dry_run(&["--onnx", &file, "--circuit", "direct"]);
        refused(
            &direct,
            &["MaxPool node", "pads with 0"],
            "put a Relu before the pool",
        );
    }
}

/// A committed circuit's integers are those of ONNX's function, by an implementation that shares nothing with them.
fn loaded(name: &str) -> (Vec<u8>, OnnxModel) {
    onnx::load(&fixture(name), &onnx::Asked::default())
        .unwrap()
        .into_parts()
}

#[test]
fn a_padded_maximum_of_negative_values_is_the_greatest_of_them() {
    let (bytes, model) = loaded("function/conv_padded_max.onnx");
    let slots: Vec<_> = model.inputs.iter().map(onnx::Port::slot).collect();
    let inputs = input::from_file(&fixture("function/conv_padded_max.json"), &slots).unwrap();
    let expected = FloatModel::load(&bytes).unwrap().run(&inputs).unwrap();
    let Coverage::Full(graph) = model.coverage else {
        panic!("{:?}", model.coverage)
    };
    let options = CommittedOptions::new(10, Integers::of_input(10, 4.0), InputAssurance::Ranged, true);
    let circuit = committed::lower(&graph, &options, &evmbench::prover::Ezkl).unwrap();
    let witness = circuit.witness(&inputs[0]).unwrap();
    assert!(expected[0].data.iter().all(|&x| x < 0.0), "zeros would win");
    assert_eq!(witness.result.len(), expected[0].data.len());
    for (&integer, &float) in witness.result.iter().zip(&expected[0].data) {
        let error = integer as f64 / circuit.output_unit() - f64::from(float);
        assert!(error.abs() < 0.02, "{error}");
    }
}

#[test]
fn a_reshape_may_change_the_batch() {
    // Flatten at another axis than 1 is a Reshape of the typed graph.
    for file in ["flatten_axis_2.onnx", "reshape_flat.onnx"] {
        let said = dry_run(&["--onnx", &path(file)]);
        assert!(accepted(&said).contains("committed"), "{}", said.stdout);
    }
}

#[test]
fn what_is_not_covered_is_named_with_node_and_reason() {
    let folder = TempDir::new().unwrap();
    let nodes = vec![
        named("act", operator("ReduceProd", &["x"], "a")),
        named("out", operator("ReduceProd", &["a"], "y")),
    ];
    let file = written(&folder, "net.onnx", &small(&[1, 4], nodes, Vec::new()));
    let said = dry_run(&["--onnx", &file]);
    let stdout = accepted(&said);
    assert!(
        stdout.contains("a direct circuit, since a committed one does not cover ReduceProd act: "),
        "{stdout}"
    );
    let json = dry_run(&["--onnx", &file, "--json"]);
    let planned: Value = serde_json::from_str(accepted(&json)).unwrap();
    assert_eq!(planned["circuit"], "direct");
    assert_eq!(planned["uncovered"][1]["node"], "out");
    assert_eq!(planned["uncovered"][1]["operator"], "ReduceProd");
    assert!(
        planned["uncovered"][1]["reason"]
            .as_str()
            .unwrap()
            .contains("no such operator")
    );
    let committed = dry_run(&["--onnx", &file, "--circuit", "committed"]);
    refused(
        &committed,
        &["ReduceProd act", "ReduceProd out"],
        "use --circuit direct",
    );
}

#[test]
fn weights_that_round_to_nothing_are_noted() {
    let folder = TempDir::new().unwrap();
    let weights = |value: f32| vec![floats("w", &[4, 2], &[value; 8])];
    let typed = |value: f32| {
        small(
            &[1, 4],
            vec![named("fc", operator("Gemm", &["x", "w"], "y"))],
            weights(value),
        )
    };
    let raw = |value: f32| {
        let nodes = vec![
            operator("MatMul", &["x", "w"], "a"),
            operator("ReduceProd", &["a"], "y"),
        ];
        small(&[1, 4], nodes, weights(value))
    };
    for (model, note) in [
        (
            &typed as &dyn Fn(f32) -> ModelProto,
            "Gemm fc: all 8 weights round to 0 at scale 7",
        ),
        (
            &raw as &dyn Fn(f32) -> ModelProto,
            "constant w: all 8 weights round to 0 at scale 7",
        ),
    ] {
        let lost = written(&folder, "lost.onnx", &model(0.003));
        let said = dry_run(&["--onnx", &lost]);
        assert!(accepted(&said).contains(note), "{}", said.stdout);
        let kept = written(&folder, "kept.onnx", &model(0.004));
        let said = dry_run(&["--onnx", &kept]);
        assert!(!accepted(&said).contains("round to 0"), "{}", said.stdout);
    }
}

/// What the older program took for one of the suite's own inputs, or dropped.
#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn no_flag_that_names_an_input_is_dropped() {
    let folder = TempDir::new().unwrap();
    let input = |name: &str, numbers: usize| {
        let text = serde_json::to_string(&[vec![0.25_f32; numbers]]).unwrap();
        write(&folder, name, text.as_bytes())
    };
    let (fits, misfits) = (input("fits.json", 128), input("misfits.json", 5));
    let weights = write(
        &folder,
        "weights.onnx",
        &onnx::write(&layers::build(suite::find("dense_small").unwrap(), 3)),
    );

    // An input of the suite's models: used, each model must take it, and a missing file is an error.
    for arguments in [
        vec!["dense_small"],
        vec!["dense_small", "--circuit", "direct"],
        vec!["dense_small", "--weights", &weights],
        vec!["dense_small", "--scale", "5,7"],
    ] {
        let with = |input: &str| dry_run(&[&arguments[..], &["--input", input]].concat());
        let without = dry_run(&arguments);
        let used = with(&fits);
        // The record's name has the input's digest.
        assert_ne!(accepted(&used), accepted(&without), "{arguments:?}");
        refused(&with(&misfits), &["misfits.json", "dense_small"], "flat array");
        refused(
            &with("/nowhere/input.json"),
            &["/nowhere/input.json"],
            "check the path",
        );
    }
    refused(
        &dry_run(&["--suite", "smoke", "--input", &fits]),
        &["fits.json", "input"],
        "flat array",
    );
    for command in ["plan", "tune"] {
        let purpose: &[&str] = if command == "tune" { &["--for", "gas"] } else { &[] };
        let said =
            say(evmbench()
                .arg(command)
                .args(purpose)
                .args(["dense_small", "--input", "/nowhere/x.npy"]));
        refused(&said, &["/nowhere/x.npy"], "check the path");
    }

    // Flags that would have nothing to say.
    let model = path("flat_input.onnx");
    let flat = path("flat_input.json");
    for (arguments, message) in [
        (vec!["dense_small", "--sample", "3"], "--data and --sample"),
        (vec!["dense_small", "--data", "/nowhere"], "--data and --sample"),
        (
            vec!["cnn_relu", "--input", &fits, "--sample", "3"],
            "cannot be used with",
        ),
        (
            vec!["cnn_relu", "--input", &fits, "--data", "x"],
            "cannot be used with",
        ),
        (vec!["--onnx", &model, "--sample", "3"], "cannot be used with"),
        (vec!["--onnx", &model, "--data", "x"], "cannot be used with"),
        (
            vec!["--onnx", &model, "--weights", &weights],
            "cannot be used with",
        ),
        (vec!["--onnx", &model, "dense_small"], "cannot be used with"),
        (vec!["--onnx", &model, "--suite", "smoke"], "cannot be used with"),
        (
            vec!["--suite", "smoke", "--weights", &weights],
            "cannot be used with",
        ),
        (
            vec!["dense_small", "relu", "--weights", &weights],
            "--weights belongs to one model",
        ),
        (
            vec!["--onnx", &model, "--input", &flat, "--seed", "3"],
            "nothing is drawn from --seed",
        ),
        (
            vec![
                "dense_small",
                "--weights",
                &weights,
                "--input",
                &fits,
                "--seed",
                "3",
            ],
            "nothing is drawn from --seed",
        ),
        (
            vec!["cnn_relu", "--data", "x", "--seed", "3"],
            "nothing is drawn from --seed",
        ),
        (vec!["--input", &fits], "nothing to run"),
    ] {
        let said = dry_run(&arguments);
        assert_eq!(said.status, Some(2), "{arguments:?} {}", said.stdout);
        assert!(said.stderr.contains(message), "{arguments:?} {}", said.stderr);
    }
    let unused = say(evmbench().args([
        "tune",
        "dense_small",
        "--for",
        "gas",
        "--images",
        "5",
        "--prove",
        "0",
    ]));
    assert_eq!(unused.status, Some(2), "{}", unused.stderr);
    for command in ["ablate", "evaluate"] {
        let said = say(evmbench().args([command, "dense_small", "--input", &fits]));
        assert_eq!(said.status, Some(2), "{command}: {}", said.stderr);
    }
    // What is drawn from the seed is.
    for arguments in [
        vec!["dense_small"],
        vec!["--onnx", &model],
        vec!["dense_small", "--input", &fits],
    ] {
        let with = |seed: &str| dry_run(&[&arguments[..], &["--seed", seed]].concat());
        assert_ne!(accepted(&with("3")), accepted(&with("4")), "{arguments:?}");
    }
}

#[test]
fn a_flat_list_is_the_input_of_a_model_with_one() {
    let said = dry_run(&[
        "--onnx",
        &path("flat_input.onnx"),
        "--input",
        &path("flat_input.json"),
    ]);
    accepted(&said);
}

#[test]
fn a_batch_without_a_size_is_1_and_weights_beside_a_file_are_read() {
    let said = dry_run(&["--onnx", &path("dynamic_batch.onnx")]);
    let stdout = accepted(&said);
    assert!(
        stdout.contains("its batch has no size in the file, and is 1 here"),
        "{stdout}"
    );
    let (bytes, model) = loaded("function/ext.onnx");
    let Coverage::Full(graph) = model.coverage else {
        panic!("{:?}", model.coverage)
    };
    assert_eq!(graph.nodes[0].op.parameters()[0].1.len(), 1024);
    assert!(
        onnx::parse(&bytes, Path::new("whole.onnx")).is_ok(),
        "nothing is beside it any more"
    );

    let folder = TempDir::new().unwrap();
    let outside = |location: &str| {
        let mut proto =
            ModelProto::decode(&std::fs::read(fixture("function/ext.onnx")).unwrap()[..]).unwrap();
        for entry in &mut proto.graph.as_mut().unwrap().initializer[0].external_data {
            if entry.key == "location" {
                entry.value = location.to_owned();
            }
        }
        dry_run(&["--onnx", &written(&folder, "moved.onnx", &proto)])
    };
    for location in ["/etc/hostname", "../ext.onnx.data", ""] {
        refused(
            &outside(location),
            &["not below the model's folder"],
            "beside the model",
        );
    }
    refused(&outside("gone.data"), &["gone.data"], "check the path");
    let mut twice = ModelProto::decode(&std::fs::read(fixture("function/ext.onnx")).unwrap()[..]).unwrap();
    let entries = &mut twice.graph.as_mut().unwrap().initializer[0].external_data;
    entries.push(entries[0].clone());
    refused(
        &dry_run(&["--onnx", &written(&folder, "twice.onnx", &twice)]),
        &["is given twice"],
        "beside the model",
    );
}

fn parsed(model: &ModelProto) -> Result<OnnxModel, OnnxError> {
    onnx::parse(&model.encode_to_vec(), Path::new("model.onnx"))
}

/// All that is wrong with a file for a direct circuit, refused at once or not.
fn problems(model: &ModelProto) -> Vec<String> {
    let problems = match parsed(model) {
        Ok(model) => model.misread,
        Err(OnnxError::Invalid { problems, .. }) => problems,
        Err(other) => panic!("{other}"),
    };
    problems.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn has_problem(model: &ModelProto, part: &str) {
    let found = problems(model);
    assert!(
        found.iter().any(|problem| problem.contains(part)),
        "no {part:?} in {found:?}"
    );
}

/// A model whose outputs are declared of this type.
fn giving(element: DataType, mut model: ModelProto) -> ModelProto {
    for output in model.graph.iter_mut().flat_map(|graph| &mut graph.output) {
        if let Some(Type::TensorType(tensor)) = output.r#type.as_mut().and_then(|t| t.value.as_mut()) {
            tensor.elem_type = element as i32;
        }
    }
    model
}

/// Each kind of attribute that EZKL ignores or reads otherwise, at the value that it takes and at one that it does not.
#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn every_kind_of_misread_attribute_is_refused_and_its_other_value_is_not() {
    let image: &[i64] = &[1, 4, 8, 8];
    let pads = || ints("pads", &[1, 1, 1, 1]);
    let pad = |attribute| with(window("AveragePool"), attribute);
    let unary = |op: &str, attribute| with(operator(op, &["x"], "y"), attribute);
    let of = |node: NodeProto, constants: Vec<TensorProto>| small(image, vec![node], constants);
    let alone = |node| of(node, Vec::new());
    let resize = |scales: &[f32], modes: [&str; 3]| {
        let mut node = operator("Resize", &["x", "", "s"], "y");
        let names = ["mode", "coordinate_transformation_mode", "nearest_mode"];
        node.attribute
            .extend(names.iter().zip(modes).map(|(name, mode)| text(name, mode)));
        of(node, vec![floats("s", &[4], scales)])
    };
    let nearest = ["nearest", "asymmetric", "floor"];
    let pow = |exponent: f32| {
        of(
            operator("Pow", &["x", "e"], "y"),
            vec![floats("e", &[], &[exponent])],
        )
    };
    let gather = |positions: &[i64]| {
        of(
            operator("Gather", &["x", "i"], "y"),
            vec![integers("i", positions)],
        )
    };
    let pad_node = |pads: &[i64], value: f32, mode: &str| {
        let node = with(operator("Pad", &["x", "p", "v"], "y"), text("mode", mode));
        of(node, vec![integers("p", pads), floats("v", &[], &[value])])
    };
    let ones = [0, 0, 1, 1, 0, 0, 1, 1];
    let after = |first: NodeProto, second: NodeProto| {
        let second = NodeProto {
            input: vec!["a".to_owned()],
            ..second
        };
        small(image, vec![first, second], Vec::new())
    };
    let two_outputs = |op: &str| {
        let mut node = window(op);
        node.output = vec!["m".to_owned(), "y".to_owned()];
        small(image, vec![node], Vec::new())
    };
    let cases: Vec<(&str, ModelProto, ModelProto)> = vec![
        (
            "count_include_pad is 0",
            alone(with(pad(pads()), int("count_include_pad", 0))),
            alone(with(pad(pads()), int("count_include_pad", 1))),
        ),
        (
            "auto_pad is SAME_UPPER",
            alone(pad(text("auto_pad", "SAME_UPPER"))),
            alone(pad(text("auto_pad", "VALID"))),
        ),
        (
            "ceil_mode is 1",
            alone(pad(int("ceil_mode", 1))),
            alone(pad(int("ceil_mode", 0))),
        ),
        (
            "pads with 0",
            alone(with(window("MaxPool"), pads())),
            after(operator("Relu", &["x"], "a"), with(window("MaxPool"), pads())),
        ),
        (
            "pads with 0",
            alone(with(window("MaxPool"), text("auto_pad", "SAME_LOWER"))),
            after(
                operator("Abs", &["x"], "a"),
                with(window("MaxPool"), text("auto_pad", "SAME_LOWER")),
            ),
        ),
        (
            "pads with 0",
            after(
                operator("LeakyRelu", &["x"], "a"),
                with(window("MaxPool"), pads()),
            ),
            after(operator("LeakyRelu", &["x"], "a"), window("MaxPool")),
        ),
        (
            "must be below kernel_shape",
            after(
                operator("Relu", &["x"], "a"),
                with(window("MaxPool"), ints("pads", &[3, 3, 3, 3])),
            ),
            after(
                operator("Relu", &["x"], "a"),
                with(window("MaxPool"), ints("pads", &[2, 2, 2, 2])),
            ),
        ),
        ("further output", two_outputs("MaxPool"), alone(window("MaxPool"))),
        (
            "is dilated",
            alone(with(window("MaxPool"), ints("dilations", &[2, 2]))),
            alone(with(window("MaxPool"), ints("dilations", &[1, 1]))),
        ),
        (
            "mode is cubic",
            resize(&[1.0, 1.0, 2.0, 2.0], ["cubic", "asymmetric", "floor"]),
            resize(&[1.0, 1.0, 2.0, 2.0], nearest),
        ),
        (
            "nearest_mode is ceil",
            resize(&[1.0, 1.0, 2.0, 2.0], ["nearest", "asymmetric", "ceil"]),
            resize(&[1.0, 1.0, 3.0, 2.0], nearest),
        ),
        (
            "align_corners",
            resize(&[1.0, 1.0, 2.0, 2.0], ["nearest", "align_corners", "floor"]),
            resize(&[1.0, 1.0, 1.0, 2.0], nearest),
        ),
        (
            "whole numbers",
            resize(&[1.0, 1.0, 1.5, 1.5], nearest),
            resize(&[1.0, 1.0, 4.0, 4.0], nearest),
        ),
        (
            "whole numbers",
            resize(&[1.0, 1.0, 0.5, 0.5], nearest),
            resize(&[1.0, 1.0, 2.0, 2.0], nearest),
        ),
        (
            "casts floats to INT32",
            giving(DataType::Int32, alone(unary("Cast", int("to", 6)))),
            alone(unary("Cast", int("to", 1))),
        ),
        (
            "casts floats to BOOL",
            giving(DataType::Bool, alone(unary("Cast", int("to", 9)))),
            alone(unary("Cast", int("to", 10))),
        ),
        (
            "casts floats to UINT8",
            giving(DataType::Uint8, alone(unary("Cast", int("to", 2)))),
            alone(unary("Cast", int("to", 11))),
        ),
        ("position -2", gather(&[0, -2]), gather(&[0])),
        ("takes the exponent -1 for 0", pow(-1.0), pow(3.0)),
        (
            "mode is reflect",
            pad_node(&ones, 0.0, "reflect"),
            pad_node(&ones, 0.0, "constant"),
        ),
        (
            "not the constant 0",
            pad_node(&ones, 1.0, "constant"),
            pad_node(&ones, 0.0, "constant"),
        ),
        (
            "pads is",
            pad_node(&[0, 0, -1, 0, 0, 0, 0, 0], 0.0, "constant"),
            pad_node(&[0; 8], 0.0, "constant"),
        ),
        (
            "select_last_index",
            giving(
                DataType::Int64,
                alone(unary("ArgMax", int("select_last_index", 1))),
            ),
            giving(DataType::Int64, alone(unary("ArgMax", int("axis", 1)))),
        ),
        (
            "auto_pad and pads",
            alone(with(pad(pads()), text("auto_pad", "VALID"))),
            alone(pad(text("auto_pad", "VALID"))),
        ),
    ];
    for (part, wrong, mut right) in cases {
        has_problem(&wrong, part);
        // Of whatever type the operator gives.
        for output in &mut right.graph.as_mut().unwrap().output {
            output.r#type = None;
        }
        let found = problems(&right);
        assert_eq!(found, [""; 0], "{part}");
    }
}

#[test]
fn a_node_with_another_number_of_inputs_or_outputs_than_its_operator_has_is_refused() {
    let weight = || floats("w", &[4, 4], &[0.5; 16]);
    let product = |version| {
        let mut model = small(&[1, 4], vec![operator("Gemm", &["x", "w"], "y")], vec![weight()]);
        model.opset_import[0].version = version;
        model
    };
    assert_eq!(problems(&product(11)), [""; 0]);
    // onnxruntime refuses these, too.
    has_problem(
        &product(10),
        "Gemm node \"y\": it has 2 inputs, and in operator set 10 it has 3",
    );
    let with_more = operator("Relu", &["x", "w"], "y");
    has_problem(
        &small(&[1, 4], vec![with_more], vec![weight()]),
        "Relu node \"y\": it has 2 inputs, and in operator set 17 it has 1",
    );
    let mut two = operator("Relu", &["x"], "y");
    two.output.push("z".to_owned());
    has_problem(
        &small(&[1, 4], vec![two], Vec::new()),
        "Relu node \"y\": it has 2 outputs, and in operator set 17 it has 1",
    );
}

/// Attributes that a loader would drop without a word.
#[test]
fn unknown_untyped_and_mistyped_attributes_are_refused() {
    let alone = |node| small(&[1, 4], vec![node], Vec::new());
    let leaky = |attribute| alone(with(operator("LeakyRelu", &["x"], "y"), attribute));
    assert_eq!(problems(&leaky(float("alpha", 0.1))), [""; 0]);
    has_problem(
        &leaky(AttributeProto {
            r#type: 0,
            ..float("alpha", 0.1)
        }),
        "LeakyRelu node \"y\": its attribute alpha has no type",
    );
    has_problem(
        &leaky(int("alpha", 1)),
        "its attribute alpha must be of type FLOAT",
    );
    has_problem(&leaky(float("beta", 0.1)), "it has no attribute beta");
    // Attributes that became inputs.
    has_problem(
        &alone(with(operator("Clip", &["x"], "y"), float("min", 0.0))),
        "in operator set 17 it has no attribute min",
    );
    let mut old = alone(with(operator("Clip", &["x"], "y"), float("min", 0.0)));
    old.opset_import[0].version = 10;
    assert_eq!(problems(&old), [""; 0]);
    for (version, known) in [(6, false), (7, true), (28, true), (29, false)] {
        let mut model = alone(operator("Relu", &["x"], "y"));
        model.opset_import[0].version = version;
        assert_eq!(problems(&model).is_empty(), known, "{version}");
    }
    let mut none = alone(operator("Relu", &["x"], "y"));
    none.opset_import.clear();
    has_problem(&none, "no operator set");

    let gemm = |name, value| {
        let product = with(operator("Gemm", &["x", "w"], "y"), int(name, value));
        small(&[4, 4], vec![product], vec![floats("w", &[4, 4], &[0.5; 16])])
    };
    for name in ["transA", "transB"] {
        for value in [0, 1] {
            assert_eq!(problems(&gemm(name, value)), [""; 0]);
        }
        for value in [2, -1] {
            has_problem(
                &gemm(name, value),
                &format!("{name} is {value}, and must be 0 or 1"),
            );
        }
    }
    // The oldest Upsample has its scales as an attribute.
    let scales = AttributeProto {
        floats: vec![1.0, 1.0, 2.0, 2.0],
        ..attribute("scales", AttributeType::Floats)
    };
    let mut oldest = small(
        &[1, 1, 2, 2],
        vec![with(operator("Upsample", &["x"], "y"), scales)],
        Vec::new(),
    );
    oldest.opset_import[0].version = 8;
    assert!(matches!(parsed(&oldest).unwrap().coverage, Coverage::Full(_)));
    // Operators that a committed circuit alone has.
    let gelu = |attribute| alone(with(operator("Gelu", &["x"], "y"), attribute));
    has_problem(
        &gelu(int("approximate", 1)),
        "its attribute approximate must be of type STRING",
    );
    has_problem(&gelu(float("alpha", 1.0)), "it has no attribute alpha");
    let heads = operator("Attention", &["x", "x", "x"], "y");
    has_problem(&alone(with(heads.clone(), int("scale", 1))), "of type FLOAT");
    has_problem(
        &alone(with(heads, int("left_window_size", 2))),
        "it has no attribute left_window_size",
    );
    for name in ["keepdims", "select_last_index"] {
        has_problem(
            &alone(with(operator("ArgMax", &["x"], "y"), int(name, 2))),
            &format!("{name} is 2, and must be 0 or 1"),
        );
    }
}

#[test]
fn nan_and_infinity_are_refused_wherever_they_stand() {
    let constant = |data: &[f32]| {
        let value = AttributeProto {
            t: Some(floats("", &[data.len() as i64], data)),
            ..attribute("value", AttributeType::Tensor)
        };
        let nodes = vec![
            with(operator("Constant", &[], "c"), value),
            operator("Add", &["x", "c"], "y"),
        ];
        small(&[1, 4], nodes, Vec::new())
    };
    let initializer = |tensor| small(&[1, 4], vec![operator("Mul", &["x", "w"], "y")], vec![tensor]);
    let raw = |kind: DataType, bytes: &[u8], dims: &[i64]| TensorProto {
        name: "w".to_owned(),
        dims: dims.to_vec(),
        data_type: kind as i32,
        raw_data: bytes.to_vec(),
        ..TensorProto::default()
    };
    let half = u16::to_le_bytes(0x7e00);
    let double = f64::INFINITY.to_le_bytes();
    let leaky = |alpha| {
        small(
            &[1, 4],
            vec![with(operator("LeakyRelu", &["x"], "y"), float("alpha", alpha))],
            Vec::new(),
        )
    };
    let clip = |bound| {
        let nodes = vec![operator("Clip", &["x", "b"], "y")];
        small(&[1, 4], nodes, vec![floats("b", &[], &[bound])])
    };
    // 0/0 is computed before EZKL sees the model.
    let quotient = small(
        &[1, 4],
        vec![
            operator("Div", &["z", "z"], "n"),
            operator("Add", &["x", "n"], "y"),
        ],
        vec![floats("z", &[4], &[0.0; 4])],
    );
    for model in [
        constant(&[0.0, f32::NAN]),
        constant(&[f32::INFINITY]),
        initializer(floats("w", &[4], &[1.0, f32::NEG_INFINITY, 0.0, 0.0])),
        initializer(raw(DataType::Float16, &half, &[1])),
        initializer(raw(DataType::Bfloat16, &u16::to_le_bytes(0x7f80), &[1])),
        initializer(raw(DataType::Double, &double, &[1])),
        leaky(f32::NAN),
        leaky(f32::INFINITY),
        clip(f32::NAN),
        clip(f32::INFINITY),
        quotient,
    ] {
        has_problem(&model, "NaN or infinite elements");
    }
    for model in [constant(&[0.0, 1.0, 2.0, 3.0]), leaky(0.5), clip(0.0)] {
        assert_eq!(problems(&model), [""; 0]);
    }
}

/// What is no function of the input, or hides one.
#[test]
fn random_numbers_subgraphs_and_second_definitions_are_refused() {
    let random = vec![
        with(operator("RandomNormal", &[], "r"), ints("shape", &[1, 4])),
        operator("Add", &["x", "r"], "y"),
    ];
    has_problem(&small(&[1, 4], random, Vec::new()), "draws random numbers");
    let branch = || AttributeProto {
        g: Some(GraphProto::default()),
        ..attribute("then_branch", AttributeType::Graph)
    };
    // Its condition is no truth value, and it has one branch.
    let chosen = vec![with(operator("If", &["c"], "y"), branch())];
    has_problem(
        &small(&[1, 4], chosen, vec![integers("c", &[1])]),
        "contains a graph of its own: it has no else_branch",
    );
    for operator_name in ["Loop", "Scan"] {
        let node = with(operator(operator_name, &["c"], "y"), branch());
        has_problem(
            &small(&[1, 4], vec![node], vec![integers("c", &[1])]),
            "contains a graph of its own",
        );
    }
    let twice = vec![operator("Relu", &["x"], "y"), operator("Abs", &["x"], "y")];
    has_problem(
        &small(&[1, 4], twice, Vec::new()),
        "the value \"y\" is given twice",
    );
}

/// An If whose condition is constant is its branch in a committed circuit; EZKL gets the file as it stands, and is not asked.
#[test]
fn a_branch_that_a_constant_chooses_is_noted_and_has_no_direct_circuit() {
    let folder = TempDir::new().unwrap();
    let branch = |name: &str, op_type: &str| AttributeProto {
        g: Some(GraphProto {
            name: name.to_owned(),
            node: vec![operator(op_type, &["x"], "a")],
            output: vec![port("a", None)],
            ..GraphProto::default()
        }),
        ..attribute(name, AttributeType::Graph)
    };
    let chosen = with(operator("If", &["c"], "y"), branch("then_branch", "Relu"));
    let chosen = named("which", with(chosen, branch("else_branch", "Neg")));
    let condition = TensorProto {
        name: "c".to_owned(),
        data_type: DataType::Bool as i32,
        raw_data: vec![0],
        ..TensorProto::default()
    };
    let model = small(&[1, 4], vec![chosen], vec![condition]);
    let file = written(&folder, "chosen.onnx", &model);
    let said = dry_run(&["--onnx", &file]);
    let stdout = accepted(&said);
    assert!(stdout.contains("committed"), "{stdout}");
    assert!(
        stdout.contains(
            "If which: its condition is the same for every input, so that its else_branch is what is proved"
        ),
        "{stdout}"
    );
    let direct = dry_run(&["--onnx", &file, "--circuit", "direct"]);
    refused(
        &direct,
        &["If node \"which\" contains a graph of its own"],
        "no If, Loop or Scan",
    );
}

/// What an operator of another domain computes only the file or a runtime says, whatever the operator's name is and whatever it
/// reads.
#[test]
fn operators_of_other_domains_are_refused_wherever_they_stand() {
    let foreign = |node: NodeProto| NodeProto {
        domain: "my".to_owned(),
        ..node
    };
    let gemm = || operator("Gemm", &["x", "v"], "y");
    let weight = || floats("w", &[2, 1], &[1.0; 2]);
    let of = |nodes: Vec<NodeProto>| small(&[1, 2], nodes, vec![weight()]);
    let value = || AttributeProto {
        t: Some(weight()),
        ..attribute("value", AttributeType::Tensor)
    };
    // Of constants alone, and of nothing.
    for folded in [
        operator("Identity", &["w"], "v"),
        operator("Dropout", &["w"], "v"),
        operator("Neg", &["w"], "v"),
        operator("Nothing", &["w"], "v"),
        with(operator("Constant", &[], "v"), value()),
    ] {
        let said = format!("is my.{}, which is none of ONNX's own operators", folded.op_type);
        has_problem(&of(vec![foreign(folded.clone()), gemm()]), &said);
        // On what is folded of what is folded.
        let nodes = vec![
            folded.clone(),
            foreign(operator("Identity", &["v"], "u")),
            operator("Gemm", &["x", "u"], "y"),
        ];
        if folded.op_type != "Nothing" {
            has_problem(&of(nodes), "is my.Identity");
        }
    }
    has_problem(&of(vec![foreign(operator("Relu", &["x"], "y"))]), "is my.Relu");
    // In a graph within a graph, under an attribute of any name.
    let graph = |nodes: Vec<NodeProto>| GraphProto {
        node: nodes,
        ..GraphProto::default()
    };
    let within = |name: &str, nodes: Vec<NodeProto>| AttributeProto {
        g: Some(graph(nodes)),
        ..attribute(name, AttributeType::Graph)
    };
    let inner = with(
        operator("If", &["w"], "i"),
        within("then_branch", vec![foreign(operator("Identity", &["w"], "a"))]),
    );
    let outer = with(operator("If", &["w"], "v"), within("else_branch", vec![inner]));
    has_problem(&of(vec![outer, gemm()]), "is my.Identity");
    let several = AttributeProto {
        graphs: vec![
            graph(Vec::new()),
            graph(vec![foreign(operator("Identity", &["w"], "a"))]),
        ],
        ..attribute("bodies", AttributeType::Graphs)
    };
    let node = with(operator("Identity", &["w"], "v"), several);
    has_problem(&of(vec![node, gemm()]), "is my.Identity");
    // A graph that does not say that it is one.
    let hidden = AttributeProto {
        g: Some(graph(Vec::new())),
        ..int("axis", 1)
    };
    let node = with(operator("Flatten", &["x"], "y"), hidden);
    has_problem(&of(vec![node]), "contains a graph of its own");
}

/// A function in the file may be what a node computes instead of ONNX's operator.
#[test]
fn functions_that_a_node_could_call_are_refused() {
    let function = |domain: Option<&str>, name: &str, node: Vec<NodeProto>| FunctionProto {
        name: Some(name.to_owned()),
        domain: domain.map(str::to_owned),
        input: vec!["a".to_owned()],
        output: vec!["b".to_owned()],
        node,
        ..FunctionProto::default()
    };
    let double = || vec![operator("Add", &["a", "a"], "b")];
    let foreign = |node: NodeProto| NodeProto {
        domain: "my".to_owned(),
        ..node
    };
    let relu = || operator("Relu", &["x"], "y");
    let with_functions = |nodes: Vec<NodeProto>, functions: Vec<FunctionProto>| ModelProto {
        functions,
        ..small(&[1, 2], nodes, Vec::new())
    };
    for domain in [None, Some(""), Some("ai.onnx")] {
        for name in ["Relu", "Gemm", "Mine"] {
            let model = with_functions(vec![relu()], vec![function(domain, name, double())]);
            has_problem(&model, &format!("{name}\", which a node could call"));
        }
    }
    let called = with_functions(
        vec![foreign(relu())],
        vec![function(Some("my"), "Relu", double())],
    );
    has_problem(&called, "is my.Relu, which is none of ONNX's own operators");
    has_problem(&called, "function \"my.Relu\", which a node could call");
    // By another function, and by a node of a graph in one.
    let calls = foreign(operator("Other", &["a"], "b"));
    let calling = with_functions(vec![relu()], vec![function(Some("their"), "Calls", vec![calls])]);
    has_problem(&calling, "is my.Other");
    // What nothing can call says nothing.
    let idle = with_functions(vec![relu()], vec![function(Some("my"), "Relu", double())]);
    assert_eq!(problems(&idle), [""; 0]);
    assert!(matches!(parsed(&idle).unwrap().coverage, Coverage::Full(_)));
}

/// Readers differ in which of two operator sets they follow.
#[test]
fn one_operator_set_of_onnxs_operators_is_named() {
    let with_sets = |sets: &[(&str, i64)]| ModelProto {
        opset_import: sets
            .iter()
            .map(|&(domain, version)| OperatorSetIdProto {
                domain: domain.to_owned(),
                version,
            })
            .collect(),
        ..small(&[1, 2], vec![operator("Relu", &["x"], "y")], Vec::new())
    };
    for twice in [
        [("", 17), ("", 7)],
        [("", 17), ("", 17)],
        [("", 17), ("ai.onnx", 7)],
        [("ai.onnx", 17), ("", 13)],
        [("ai.onnx", 17), ("ai.onnx", 18)],
    ] {
        has_problem(&with_sets(&twice), "operator set of ONNX's own operators 2 times");
    }
    for sets in [
        &[("", 17)][..],
        &[("ai.onnx", 17)],
        // No node is of these.
        &[("my", 1), ("", 17), ("ai.onnx.ml", 3)],
        &[("my", 1), ("my", 2), ("", 17)],
    ] {
        assert_eq!(problems(&with_sets(sets)), [""; 0], "{sets:?}");
    }
    has_problem(&with_sets(&[("my", 17)]), "no operator set");
}

/// A value as it is declared with these sizes, none of which is open.
fn declared(name: &str, element: DataType, sizes: &[Dimension]) -> ValueInfoProto {
    let mut value = port(name, Some(&vec![1; sizes.len()]));
    let Some(Type::TensorType(tensor)) = value.r#type.as_mut().and_then(|t| t.value.as_mut()) else {
        panic!("a tensor");
    };
    tensor.elem_type = element as i32;
    for (dim, size) in tensor.shape.as_mut().unwrap().dim.iter_mut().zip(sizes) {
        dim.value = Some(size.clone());
    }
    value
}

/// What a file declares of a value, and what its nodes make of it: two statements, of which readers follow one.
#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn declarations_that_contradict_the_nodes_are_refused_with_both() {
    use DataType::{Double, Float, Float16, Int64, Undefined};
    let size = Dimension::DimValue;
    let symbol = |name: &str| Dimension::DimParam(name.to_owned());
    // One that the typed graph covers, and one that tract alone knows.
    for last in ["Relu", "Sin"] {
        let of = |edit: &dyn Fn(&mut GraphProto)| {
            let nodes = vec![
                operator("Identity", &["w"], "v"),
                named("fc", operator("Gemm", &["x", "v"], "a")),
                named("last", operator(last, &["a"], "y")),
            ];
            let mut model = small(&[1, 4], nodes, vec![floats("w", &[4, 2], &[1.0; 8])]);
            edit(model.graph.as_mut().unwrap());
            model
        };
        let inner = |value: ValueInfoProto| of(&|graph| graph.value_info = vec![value.clone()]);
        let output = |value: ValueInfoProto| of(&|graph| graph.output = vec![value.clone()]);
        let input = |value: ValueInfoProto| of(&|graph| graph.input.push(value.clone()));
        for (model, said) in [
            (
                inner(declared("a", Float, &[size(1), size(7)])),
                "Gemm node \"fc\": the value \"a\" is declared as FLOAT [1, 7], and is FLOAT [1, 2]",
            ),
            (
                inner(declared("a", Float, &[size(2)])),
                "is declared as FLOAT [2], and is FLOAT [1, 2]",
            ),
            (
                inner(declared("a", Float, &[])),
                "is declared as FLOAT [], and is FLOAT [1, 2]",
            ),
            (
                inner(declared("a", Float, &[size(0), size(2)])),
                "is declared as FLOAT [0, 2], and is FLOAT [1, 2]",
            ),
            (
                inner(declared("a", Float, &[symbol("N"), size(3)])),
                "is declared as FLOAT [?, 3], and is FLOAT [1, 2]",
            ),
            (
                inner(declared("a", Double, &[size(1), size(2)])),
                "is declared as DOUBLE [1, 2], and is FLOAT [1, 2]",
            ),
            (
                inner(declared("a", Int64, &[size(1), size(2)])),
                "is declared as INT64 [1, 2], and is FLOAT [1, 2]",
            ),
            (
                inner(declared("a", Undefined, &[size(1), size(2)])),
                "is declared as UNDEFINED [1, 2], and is FLOAT [1, 2]",
            ),
            (
                inner(declared("v", Float, &[size(2), size(4)])),
                "Identity node \"v\": the value \"v\" is declared as FLOAT [2, 4], and is ? [4, 2]",
            ),
            (
                inner(declared("w", Float, &[size(4), size(5)])),
                "the value \"w\" is declared as FLOAT [4, 5], and is FLOAT [4, 2]",
            ),
            (
                inner(declared("x", Float16, &[size(1), size(4)])),
                "the value \"x\" is declared as FLOAT16 [1, 4], and is FLOAT [1, 4]",
            ),
            (
                input(declared("w", Float, &[size(4), size(3)])),
                "the value \"w\" is declared as FLOAT [4, 3], and is FLOAT [4, 2]",
            ),
            (
                input(declared("w", Int64, &[size(4), size(2)])),
                "the value \"w\" is declared as INT64 [4, 2], and is FLOAT [4, 2]",
            ),
            (
                output(declared("y", Double, &[size(1), size(2)])),
                "node \"last\": the value \"y\" is declared as DOUBLE [1, 2], and is FLOAT [1, 2]",
            ),
            (
                output(declared("y", Float, &[size(1), size(3)])),
                "is declared as FLOAT [1, 3], and is FLOAT [1, 2]",
            ),
            (
                output(declared("y", Float, &[size(1), size(1), size(2)])),
                "is declared as FLOAT [1, 1, 2], and is FLOAT [1, 2]",
            ),
            // The first is right.
            (
                of(&|graph| {
                    graph.value_info = [2, 9]
                        .map(|columns| declared("a", Float, &[size(1), size(columns)]))
                        .to_vec();
                }),
                "is declared as FLOAT [1, 9], and is FLOAT [1, 2]",
            ),
        ] {
            assert!(parsed(&model).is_err(), "{last}: {said}");
            has_problem(&model, said);
        }
        for model in [
            inner(declared("a", Float, &[size(1), size(2)])),
            inner(declared("nothing", Double, &[size(9)])),
            inner(declared("x", Float, &[size(1), size(4)])),
            input(declared("w", Float, &[size(4), size(2)])),
            input(declared("w", Float, &[symbol("M"), size(2)])),
            output(declared("y", Float, &[size(1), size(2)])),
            output(declared("y", Float, &[symbol("N"), symbol("M")])),
            // Of unknown sizes, as some exporters write it.
            output(declared("y", Float, &[])),
        ] {
            assert_eq!(problems(&model), [""; 0], "{last}");
        }
    }
}

/// Sizes without a number say nothing, and the model still runs in floats.
#[test]
fn sizes_that_are_left_open_contradict_nothing() {
    for sizes in [["N", "M"], ["N", "N"], ["2*N", "unk__1"], ["", "?"]] {
        let nodes = vec![operator("Relu", &["x"], "a"), operator("Sigmoid", &["a"], "y")];
        let mut model = small(&[1, 4], nodes, Vec::new());
        let sizes = sizes.map(|name| Dimension::DimParam(name.to_owned()));
        model.graph.as_mut().unwrap().value_info = vec![declared("a", DataType::Float, &sizes)];
        let coverage = parsed(&model).unwrap().coverage;
        assert!(matches!(coverage, Coverage::Full(_)), "{sizes:?}: {coverage:?}");
        FloatModel::load(&model.encode_to_vec()).unwrap();
    }
}

/// A caller may give another value than the file's, of which the proof says nothing.
#[test]
fn an_input_with_a_default_value_is_noted() {
    let folder = TempDir::new().unwrap();
    let note = "input w: the file gives it a default value, which a caller may replace; the proof is about the default";
    for last in ["Relu", "Sin"] {
        let model = |ir_version: i64, is_input: bool| {
            let nodes = vec![operator("Gemm", &["x", "w"], "a"), operator(last, &["a"], "y")];
            let mut model = small(&[1, 4], nodes, vec![floats("w", &[4, 2], &[1.0; 8])]);
            model.ir_version = ir_version;
            if is_input {
                model.graph.as_mut().unwrap().input.push(port("w", Some(&[4, 2])));
            }
            written(&folder, "net.onnx", &model)
        };
        for (ir_version, is_input, is_noted) in [
            (8, true, true),
            (4, true, true),
            (3, true, false),
            (8, false, false),
        ] {
            let file = model(ir_version, is_input);
            for said in [
                dry_run(&["--onnx", &file]),
                say(evmbench().args(["plan", "--onnx", &file])),
            ] {
                let stdout = accepted(&said);
                assert_eq!(
                    stdout.contains(note),
                    is_noted,
                    "{last} {ir_version} {is_input}: {stdout}"
                );
            }
        }
    }
}

/// EZKL's Equal gives 0 and 1, and says that they are at the scale of the floats that were compared.
#[test]
fn truth_values_of_equal_are_refused_where_their_scale_counts() {
    const FOUND: &str = "what Equal gives of floats";
    let nodes_after = |first: NodeProto, rest: &[NodeProto]| {
        let constants = vec![
            floats("c", &[], &[0.5]),
            floats("one", &[], &[1.0]),
            floats("zero", &[], &[0.0]),
            integers("s", &[8]),
            integers("k", &[3]),
        ];
        small(&[1, 8], [&[first], rest].concat(), constants)
    };
    let equal = || operator("Equal", &["x", "c"], "b");
    let cast =
        |from: &str, to: &str, kind: DataType| with(operator("Cast", &[from], to), int("to", kind as i64));
    let moved = |op: &str| match op {
        "Reshape" => operator(op, &["b", "s"], "m"),
        _ => operator(op, &["b"], "m"),
    };
    let mut wrong: Vec<Vec<NodeProto>> = vec![
        vec![cast("b", "y", DataType::Float)],
        vec![cast("b", "i", DataType::Int64), cast("i", "y", DataType::Float)],
        vec![
            cast("b", "i", DataType::Bool),
            operator("Where", &["i", "x", "one"], "y"),
        ],
        vec![cast("b", "f", DataType::Float), operator("Mul", &["f", "x"], "y")],
        vec![operator("Identity", &["b"], "y")],
        vec![
            operator("Less", &["x", "c"], "l"),
            with(operator("Concat", &["l", "b"], "j"), int("axis", 1)),
            operator("Not", &["j"], "n"),
            cast("n", "y", DataType::Float),
        ],
    ];
    wrong.extend(
        ["Identity", "Reshape", "Transpose", "Flatten"]
            .map(|op| vec![moved(op), cast("m", "y", DataType::Float)]),
    );
    for rest in &wrong {
        let model = nodes_after(equal(), rest);
        // Truth values are the output.
        let model = match &rest[..] {
            [only] if only.op_type == "Identity" => giving(DataType::Bool, model),
            _ => model,
        };
        has_problem(&model, FOUND);
    }
    // The comparison itself is the output.
    let alone = nodes_after(operator("Equal", &["x", "c"], "y"), &[]);
    has_problem(&giving(DataType::Bool, alone), FOUND);
    // Floats that were integers are compared as floats.
    let cast_first = [
        with(operator("ArgMax", &["x"], "p"), int("axis", 1)),
        cast("p", "f", DataType::Float),
        operator("Equal", &["f", "c"], "b"),
        cast("b", "y", DataType::Float),
    ];
    has_problem(
        &nodes_after(operator("Relu", &["x"], "unused"), &cast_first),
        FOUND,
    );

    let right: Vec<(NodeProto, Vec<NodeProto>)> = vec![
        (equal(), vec![operator("Where", &["b", "one", "zero"], "y")]),
        (
            equal(),
            vec![operator("Not", &["b"], "n"), cast("n", "y", DataType::Float)],
        ),
        (
            equal(),
            vec![
                operator("Greater", &["x", "c"], "g"),
                operator("Or", &["g", "b"], "o"),
                cast("o", "y", DataType::Float),
            ],
        ),
        (
            equal(),
            vec![
                moved("Transpose"),
                operator("Xor", &["m", "m"], "n"),
                cast("n", "y", DataType::Float),
            ],
        ),
        (
            with(operator("ArgMax", &["x"], "p"), int("axis", 1)),
            vec![
                operator("Equal", &["p", "k"], "b"),
                cast("b", "y", DataType::Float),
            ],
        ),
        (
            operator("Greater", &["x", "c"], "b"),
            vec![cast("b", "y", DataType::Float)],
        ),
        (
            operator("LessOrEqual", &["x", "c"], "b"),
            vec![moved("Identity"), cast("m", "y", DataType::Float)],
        ),
    ];
    for (first, rest) in right {
        let model = nodes_after(first, &rest);
        assert_eq!(problems(&model), [""; 0], "{rest:?}");
    }
}

/// Whole numbers are held without digits after the point, and so is what some operators make of them.
#[test]
fn whole_numbers_are_refused_where_an_operator_rounds_at_their_scale() {
    const FOUND: &str = "it reads whole numbers";
    let model_of = |nodes: &[NodeProto]| {
        let constants = vec![
            floats("half", &[], &[0.5]),
            floats("third", &[], &[0.3]),
            floats("zero", &[], &[0.0]),
            integers("depth", &[8]),
            floats("values", &[2], &[0.0, 1.0]),
            floats("w", &[8, 2], &[0.25; 16]),
        ];
        small(&[1, 8], nodes.to_vec(), constants)
    };
    let cast = |from: &str| with(operator("Cast", &[from], "f"), int("to", DataType::Float as i64));
    let one_hot = || {
        vec![
            with(
                with(operator("ArgMax", &["x"], "p"), int("axis", 1)),
                int("keepdims", 0),
            ),
            operator("OneHot", &["p", "depth", "values"], "f"),
        ]
    };
    let sources = [
        vec![operator("Greater", &["x", "half"], "b"), cast("b")],
        vec![with(operator("ArgMax", &["x"], "p"), int("axis", 1)), cast("p")],
        one_hot(),
        vec![operator("Hardmax", &["x"], "f")],
        vec![operator("Sign", &["x"], "f")],
    ];
    let ends = ["Sigmoid", "Sqrt", "Exp", "Softmax", "Elu"];
    for source in &sources {
        for end in ends {
            has_problem(
                &model_of(&[&source[..], &[operator(end, &["f"], "y")]].concat()),
                FOUND,
            );
        }
        for (between, is_refused) in [
            (operator("Relu", &["f"], "g"), true),
            (operator("Mul", &["f", "half"], "g"), true),
            (operator("Div", &["f", "half"], "g"), true),
            (operator("Mul", &["f", "f"], "g"), true),
            (operator("Identity", &["f"], "g"), true),
            (operator("Mul", &["f", "third"], "g"), false),
            (operator("Add", &["f", "half"], "g"), false),
            (operator("Sub", &["half", "f"], "g"), false),
            (operator("Max", &["f", "half"], "g"), false),
            // tract drops what changes nothing.
            (operator("Add", &["f", "zero"], "g"), true),
            (operator("Max", &["f", "zero"], "g"), true),
            (operator("Clip", &["f", "zero"], "g"), true),
            (
                with(operator("LeakyRelu", &["f"], "g"), float("alpha", 0.0)),
                true,
            ),
        ] {
            let nodes = [
                source.clone(),
                vec![between.clone(), operator("Tanh", &["g"], "y")],
            ]
            .concat();
            let found = problems(&model_of(&nodes));
            let has_it = found.iter().any(|problem| problem.contains(FOUND));
            assert_eq!(has_it, is_refused, "{between:?}: {found:?}");
        }
        let exact = ["Relu", "Neg", "Abs", "Softsign", "Identity"];
        for end in exact {
            let found = problems(&model_of(&[&source[..], &[operator(end, &["f"], "y")]].concat()));
            assert!(
                !found.iter().any(|problem| problem.contains(FOUND)),
                "{end}: {found:?}"
            );
        }
    }
    let nodes = [
        one_hot(),
        vec![
            operator("MatMul", &["f", "w"], "g"),
            operator("Sigmoid", &["g"], "y"),
        ],
    ]
    .concat();
    assert_eq!(problems(&model_of(&nodes)), [""; 0]);
    // The quotient of integers has no fraction.
    let nodes = [
        with(operator("ArgMax", &["x"], "p"), int("axis", 1)),
        operator("Div", &["p", "depth"], "q"),
        with(operator("Cast", &["q"], "y"), int("to", DataType::Float as i64)),
    ];
    has_problem(&model_of(&nodes), "a quotient of integers");
    let nodes = [
        with(operator("ArgMax", &["x"], "p"), int("axis", 1)),
        operator("ReduceMean", &["p"], "q"),
        with(operator("Cast", &["q"], "y"), int("to", DataType::Float as i64)),
    ];
    has_problem(&model_of(&nodes), "the mean of integers");
}

/// EZKL multiplies a sum by the reciprocal of a count, which a scale may not hold.
#[test]
fn a_mean_whose_divisor_rounds_far_off_is_noted_with_a_scale_that_holds_it() {
    let folder = TempDir::new().unwrap();
    let said_of = |shape: &[i64], node: NodeProto, constants: Vec<TensorProto>, scale: &str| {
        let file = written(&folder, "mean.onnx", &small(shape, vec![node], constants));
        let said = dry_run(&["--onnx", &file, "--circuit", "direct", "--scale", scale]);
        accepted(&said).to_owned()
    };
    let pool = || named("gap", operator("GlobalAveragePool", &["x"], "y"));
    let said = said_of(&[1, 2, 7, 7], pool(), Vec::new(), "7");
    let note = "GlobalAveragePool gap: EZKL multiplies by 1/49 as 3/128 at scale 7, so that every mean is off by +14.84%; --scale 10";
    assert!(said.contains(note), "{said}");
    let said = said_of(&[1, 2, 7, 7], pool(), Vec::new(), "10");
    assert!(!said.contains("every mean"), "{said}");
    let reduce = with(
        named("mean", operator("ReduceMean", &["x"], "y")),
        ints("axes", &[2, 3]),
    );
    let said = said_of(&[1, 1, 28, 28], reduce, Vec::new(), "7");
    assert!(
        said.contains("ReduceMean mean: EZKL multiplies by 1/784 as 0/128") && said.contains("--scale 14"),
        "{said}"
    );
    // Inside of another operator, whether the typed graph covers it or not.
    let norm = || named("norm", operator("LayerNormalization", &["x", "s"], "n"));
    let scale = || floats("s", &[21], &[1.0; 21]);
    let said = said_of(
        &[1, 21],
        NodeProto {
            output: vec!["y".to_owned()],
            ..norm()
        },
        vec![scale()],
        "5",
    );
    let note = "LayerNormalization norm: EZKL multiplies by 1/21 as 2/32";
    assert!(said.contains(note), "{said}");
    let nodes = vec![norm(), operator("ReduceProd", &["n"], "y")];
    let file = written(&folder, "mean.onnx", &small(&[1, 21], nodes, vec![scale()]));
    let said = dry_run(&["--onnx", &file, "--scale", "5"]);
    assert!(accepted(&said).contains(note), "{}", said.stdout);
}

/// A constant of one element with more axes than the base gives the result as many: no square that the typed graph knows.
#[test]
fn constants_that_add_axes_are_not_covered_whatever_their_type() {
    let exponent = |dims: &[i64], is_integer: bool| {
        if is_integer {
            TensorProto {
                dims: dims.to_vec(),
                ..integers("e", &[2])
            }
        } else {
            floats("e", dims, &[2.0])
        }
    };
    let square = || operator("Pow", &["x", "e"], "y");
    for is_integer in [false, true] {
        for dims in [&[][..], &[1], &[1, 1]] {
            let model = small(&[1, 4], vec![square()], vec![exponent(dims, is_integer)]);
            let coverage = parsed(&model).unwrap().coverage;
            assert!(matches!(coverage, Coverage::Full(_)), "{dims:?}: {coverage:?}");
        }
        let model = small(&[1, 4], vec![square()], vec![exponent(&[1, 1, 1], is_integer)]);
        let Coverage::Partial(uncovered) = parsed(&model).unwrap().coverage else {
            panic!("covered");
        };
        assert!(uncovered[0].reason.contains("more axes"), "{uncovered:?}");
        assert_eq!(parsed(&model).unwrap().outputs[0].shape, [1, 1, 4]);
    }
    // As many elements as the sizes say, and one axis of a shape.
    let model = small(&[1, 4], vec![square()], vec![exponent(&[2], true)]);
    assert!(!matches!(
        parsed(&model),
        Ok(OnnxModel {
            coverage: Coverage::Full(_),
            ..
        })
    ));
    let target = TensorProto {
        dims: vec![1, 2],
        ..integers("t", &[2, 2])
    };
    let reshape = operator("Reshape", &["x", "t"], "y");
    let model = small(&[1, 4], vec![reshape], vec![target]);
    assert!(!matches!(
        parsed(&model),
        Ok(OnnxModel {
            coverage: Coverage::Full(_),
            ..
        })
    ));
}

/// Whatever the typed graph makes of a file, its outputs have the shapes that the file gives them.
#[test]
fn outputs_of_another_shape_than_the_files_are_refused() {
    let with_output = |shape: &[i64]| {
        let mut model = small(&[1, 4], vec![operator("Relu", &["x"], "y")], Vec::new());
        model.graph.as_mut().unwrap().output = vec![port("y", Some(shape))];
        model
    };
    let coverage = parsed(&with_output(&[1, 4])).unwrap().coverage;
    assert!(matches!(coverage, Coverage::Full(_)), "{coverage:?}");
    assert!(parsed(&with_output(&[1, 1, 4])).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Graphs of covered operators with any small attributes are refused or laid out, and then have a witness.
    #[test]
    fn small_graphs_of_any_attributes_do_not_panic(
        shape in prop::collection::vec(0_i64..5, 0..5),
        kernel in prop::array::uniform2(-1_i64..4),
        stride in prop::array::uniform2(-1_i64..3),
        pads in prop::array::uniform4(-1_i64..4),
        target in prop::collection::vec(-1_i64..6, 0..4),
        axis in -3_i64..4,
        operators in prop::collection::vec(0_usize..7, 1..4),
    ) {
        let mut nodes = Vec::new();
        let mut read = "x".to_owned();
        for (index, operator_index) in operators.iter().enumerate() {
            let output = if index + 1 == operators.len() { "y".to_owned() } else { format!("v{index}") };
            let inputs = [read.as_str()];
            let windowed = |op| {
                let node = with(operator(op, &inputs, &output), ints("kernel_shape", &kernel));
                with(with(node, ints("strides", &stride)), ints("pads", &pads))
            };
            nodes.push(match operator_index {
                0 => windowed("MaxPool"),
                1 => windowed("AveragePool"),
                2 => with(operator("Flatten", &inputs, &output), int("axis", axis)),
                3 => operator("Reshape", &[&read, "s"], &output),
                4 => operator("Relu", &inputs, &output),
                5 => operator("Sigmoid", &inputs, &output),
                _ => operator("Mul", &[&read, &read], &output),
            });
            read = output;
        }
        let model = small(&shape, nodes, vec![integers("s", &target)]);
        if let Ok(OnnxModel { coverage: Coverage::Full(graph), inputs, .. }) = parsed(&model) {
            let options = CommittedOptions::new(4, Integers::of_input(4, 1.0), InputAssurance::Ranged, true);
            if let Ok(circuit) = committed::lower(&graph, &options, &evmbench::prover::Ezkl) {
                circuit.witness(&input::seeded_uniform(&inputs[0].shape, 1)).unwrap();
            }
        }
    }
}
