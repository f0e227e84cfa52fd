//! No circuit is verified as another function than the model's, nor where it leaves nothing of the model's numbers.
//!
//! The tests drive the program, where `EVMBENCH_BIN` names another one to try them on, or ask the judge by itself. A wrong
//! function is found before keys are made, so that nothing here but the good models is proved. The fixture `expand.onnx` is a
//! node test of ONNX's (Apache 2.0).

use crate::common;
use std::path::{Path, PathBuf};

use crate::common::models::{floats, int, integers, ints, operator, port, small, with};
use alloy_primitives::{U256, hex};
use evmbench::judge::{self, FunctionCheck, KnownIntegers, OnnxRuntime};
use evmbench::model::graph::{Gemm, Graph, Op, Tensor};
use evmbench::model::onnx::{self, OutputForm};
use evmbench::prover::{CircuitPlan, EzklOptions, EzklProver, Io, Silent};
use evmbench::record::{Outcome, Record, Request, Source};
use evmbench::rederive::Exhibits;
use evmbench::store::{self, StoredRun};
use evmbench::subject::{Material, Subject};
use evmbench::suite::{self, Experiment};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tract_onnx::pb::{NodeProto, TensorProto};

fn model(name: &str) -> PathBuf {
    common::fixture("function").join(name)
}

/// Exit status, record where there is one, and stderr.
fn run(model: &str, more: &[&str]) -> (Option<i32>, Option<Record>, String) {
    run_file(&self::model(model), &[&["--circuit", "direct"], more].concat())
}

fn run_file(model: &Path, more: &[&str]) -> (Option<i32>, Option<Record>, String) {
    let out = tempfile::tempdir().unwrap();
    let output = common::evmbench()
        .args(["prove-and-verify", "--runs", "1", "--json", "--onnx"])
        .arg(model)
        .arg("--out")
        .arg(out.path())
        .args(more)
        .output()
        .unwrap();
    let record = serde_json::from_slice(&output.stdout).ok();
    (
        output.status.code(),
        record,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Refused, or found to be another function before a proof was made; never verified.
#[track_caller]
fn is_not_verified(model: &str) {
    let (status, record, stderr) = run(model, &[]);
    assert_ne!(status, Some(0), "{model}: {stderr}");
    let Some(record) = record else {
        assert!(stderr.contains("hint: "), "{model}: {stderr}");
        return;
    };
    let outcome = &record.outcome;
    assert!(
        matches!(outcome, Outcome::WrongFunction { .. } | Outcome::Imprecise { .. }),
        "{model}: {outcome}"
    );
    assert!(record.function.is_some(), "{model}");
    if matches!(outcome, Outcome::WrongFunction { .. }) {
        assert!(
            record.proof.is_none() && record.keys.is_none(),
            "{model}: it is not proved"
        );
    }
}

#[test]
fn a_misread_batch_axis_is_noticed_whatever_stands_between_convolutions() {
    is_not_verified("misread_leaky_net.onnx");
    is_not_verified("misread_relu6.onnx");
}

#[test]
fn pools_of_another_definition_are_noticed() {
    is_not_verified("padded_max.onnx");
    is_not_verified("conv_padded_max.onnx");
    is_not_verified("avgpool_excluding_pads.onnx");
    is_not_verified("mean_of_49.onnx");
}

#[test]
fn data_movements_and_casts_of_another_definition_are_noticed() {
    is_not_verified("resize_half_pixel.onnx");
    is_not_verified("cast_to_integer.onnx");
    is_not_verified("expand.onnx");
}

/// Outputs of some units: whatever EZKL computes is within the tolerance, which says nothing.
#[test]
fn outputs_that_are_lost_in_rounding_are_imprecise() {
    let (status, record, stderr) = run("tiny_outputs.onnx", &[]);
    let record = record.unwrap_or_else(|| panic!("{stderr}"));
    assert_eq!(status, Some(1));
    assert!(
        matches!(record.outcome, Outcome::Imprecise { .. }),
        "{}",
        record.outcome
    );
    assert!(record.verification.is_some(), "what it costs is measured");
}

/// A good model is verified, and the record says by what it was judged.
#[test]
fn a_good_model_is_verified() {
    let (status, record, stderr) = run("leaky_dense.onnx", &["--scale", "10"]);
    let record = record.unwrap_or_else(|| panic!("{stderr}"));
    assert_eq!(record.outcome, Outcome::Verified, "{:?}", record.function);
    assert_eq!(status, Some(0));
    let check = record.function.unwrap();
    assert!(check.reference.starts_with("onnxruntime "), "{}", check.reference);
    assert_eq!(check.inputs, 8);
    assert!(check.max_error.unwrap() <= check.tolerance.unwrap());
    assert!(check.tolerance.unwrap() <= 0.05 * check.output_range);
    let text = serde_json::to_string(&record.ledger).unwrap();
    assert!(
        text.contains("within_tolerance") && text.contains("onnxruntime"),
        "{text}"
    );
}

/// The seeded input has negative elements, of which the model gives NaN.
#[test]
fn an_input_without_a_result_is_not_verified() {
    is_not_verified("logarithm.onnx");
}

/// One model of a user's, with its input where it is not drawn.
struct Case {
    folder: tempfile::TempDir,
    input: Option<PathBuf>,
}

impl Case {
    fn new(onnx: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.onnx"), onnx).unwrap();
        Self { folder, input: None }
    }

    fn with_input(self, elements: &[f32]) -> Self {
        let path = self.folder.path().join("input.json");
        let text = serde_json::json!({ "input_data": [elements] }).to_string();
        std::fs::write(&path, text).unwrap();
        Self {
            input: Some(path),
            ..self
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("model.onnx")
    }

    fn subject(&self, plan: CircuitPlan) -> Subject {
        let request = Request::of_file(plan);
        Subject::from_onnx(&self.file(), self.input.as_deref(), request).unwrap()
    }

    /// By the judge alone, and so without a proof.
    fn judged(&self, plan: CircuitPlan) -> FunctionCheck {
        judged(&self.subject(plan))
    }
}

fn judged(subject: &Subject) -> FunctionCheck {
    let tools = common::tools();
    let options = EzklOptions::for_home(&tools.home);
    let prover = EzklProver::new(&tools.home, tools.toolchain.clone(), options);
    let onnxruntime = OnnxRuntime::beside(&tools.toolchain);
    let tried = judge::check(subject, &prover, &onnxruntime, &Silent).unwrap();
    tried.unwrap().expect("it was judged")
}

fn direct(scale: u32) -> CircuitPlan {
    CircuitPlan::direct(scale).unwrap()
}

fn committed(scale: u32) -> CircuitPlan {
    CircuitPlan::committed(scale, Io::default_for("onnx")).unwrap()
}

/// A model with the input `x` and these outputs.
fn file(shape: &[i64], outputs: &[&str], node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> Vec<u8> {
    let mut model = small(shape, node, initializer);
    let graph = model.graph.as_mut().unwrap();
    graph.output = outputs.iter().map(|name| port(name, None)).collect();
    model.encode_to_vec()
}

/// The mean of 49 elements, which is off by 15% at scale 7, beside what is a hundred times as large and exact.
fn mean_beside_large(as_one_output: bool) -> Vec<u8> {
    let mut nodes = vec![
        operator("Mul", &["x", "hundred"], "large"),
        operator("GlobalAveragePool", &["x"], "mean"),
        operator("Flatten", &["large"], "flat_large"),
        operator("Flatten", &["mean"], "flat_mean"),
    ];
    let mut outputs = vec!["flat_large", "flat_mean"];
    if as_one_output {
        let mut concat = operator("Concat", &outputs, "y");
        concat.attribute.push(tract_onnx::pb::AttributeProto {
            name: "axis".to_owned(),
            r#type: tract_onnx::pb::attribute_proto::AttributeType::Int as i32,
            i: 1,
            ..Default::default()
        });
        nodes.push(concat);
        outputs = vec!["y"];
    }
    file(
        &[1, 1, 7, 7],
        &outputs,
        nodes,
        vec![floats("hundred", &[], &[100.0])],
    )
}

/// The small one is wrong by more than rounding between operators explains, and the large one says nothing about it.
#[test]
fn a_small_element_or_output_does_not_hide_behind_a_large_one() {
    for as_one_output in [true, false] {
        let case = Case::new(&mean_beside_large(as_one_output));
        let (status, record, stderr) = run_file(&case.file(), &["--circuit", "direct"]);
        assert_eq!(status, Some(1), "{stderr}");
        let record = record.unwrap_or_else(|| panic!("{stderr}"));
        let check = record.function.unwrap();
        let outcome = record.outcome;
        assert!(
            matches!(outcome, Outcome::Imprecise { .. } | Outcome::WrongFunction { .. }),
            "{outcome}"
        );
        if as_one_output {
            assert_eq!(check.element.unwrap().element, 49);
            assert!(check.max_error.unwrap() <= check.tolerance.unwrap());
            assert!(
                check.tolerance.unwrap() <= 0.05 * check.output_range,
                "it would hide"
            );
        } else {
            assert_eq!(check.output, Some(1));
        }
        // A scale that holds 1/49 makes it good.
        let check = case.judged(direct(11));
        assert_eq!(check.finding(), None, "{}", check.sentence());
    }
}

/// Two rows of a matrix: the weights of the one are all less than half a unit.
fn rows(small: f32) -> Vec<u8> {
    let mut graph = Graph::default();
    let x = graph.input("x", &[1, 4]).unwrap();
    let rows = [[100.0; 4], [small; 4]].concat();
    let op = Op::Gemm(Gemm {
        weight: Tensor::new([2, 4], rows),
        bias: None,
    });
    graph.outputs = vec![graph.apply("fc", "y", op, &[x]).unwrap()];
    onnx::write(&graph)
}

/// The circuit's integers are exactly those that were asked for, and nothing is left of the model's second output.
#[test]
fn exact_integers_are_held_against_floats_whatever_the_circuit() {
    for (plan, integers) in [
        (direct(7), KnownIntegers::Compared),
        (committed(7), KnownIntegers::Own),
    ] {
        let check = Case::new(&rows(0.003)).judged(plan);
        assert_eq!(check.integers, Some(integers));
        assert!(check.reference.starts_with("onnxruntime "), "{}", check.reference);
        assert!(
            matches!(check.finding(), Some(Outcome::Imprecise { .. })),
            "{}",
            check.sentence()
        );
        assert_eq!(check.element.as_ref().unwrap().element, 1);
        let check = Case::new(&rows(0.5)).judged(plan);
        assert_eq!((check.finding(), check.inputs), (None, 8), "{}", check.sentence());
    }
}

/// Layers of ±1/8 of 64 elements: what they can be grows eightfold with each, and what they are hardly does.
fn deep(layers: usize) -> Vec<u8> {
    let mut graph = Graph::default();
    let mut value = graph.input("x", &[1, 64]).unwrap();
    let mut state = 1_u32;
    for layer in 0..layers {
        let weights = (0..64 * 64).map(|_| {
            // Numerical Recipes' generator: any will do.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 31 == 0 { 0.125 } else { -0.125 }
        });
        let op = Op::Gemm(Gemm {
            weight: Tensor::new([64, 64], weights.collect()),
            bias: None,
        });
        let name = format!("fc{layer}");
        value = graph.apply(&name, &format!("{name}_out"), op, &[value]).unwrap();
        let name = format!("relu{layer}");
        value = graph
            .apply(&name, &format!("{name}_out"), Op::Relu, &[value])
            .unwrap();
    }
    graph.outputs = vec![value];
    onnx::write(&graph)
}

/// A committed circuit rounds by what its values can be, of which nothing may be left in a deep network.
#[test]
fn a_committed_circuit_that_loses_its_numbers_is_imprecise() {
    let check = Case::new(&deep(7)).judged(committed(7));
    assert_eq!(check.integers, Some(KnownIntegers::Own));
    assert!(
        matches!(check.finding(), Some(Outcome::Imprecise { .. })),
        "{}",
        check.sentence()
    );
    let check = Case::new(&deep(1)).judged(committed(7));
    assert_eq!(check.finding(), None, "{}", check.sentence());
}

/// A suite's model is a file of evmbench's own: nothing is installed to judge it.
#[test]
fn models_of_the_suite_are_judged_by_the_float_model() {
    for (id, plan) in [
        ("dense_small", committed(7)),
        ("dense_small", direct(7)),
        ("conv2d_small", committed(7)),
        ("maxpool2d_k2", committed(7)),
        ("layernorm", committed(7)),
        ("cnn_relu", committed(7)),
    ] {
        let model = suite::find(id).unwrap();
        let request = Request::new(id, model.category.to_string(), plan);
        let experiment = Experiment { model, scale: 7 };
        let subject = Subject::from_suite(experiment, request, Material::default()).unwrap();
        let check = judged(&subject);
        assert_eq!(check.reference, "float model by tract");
        assert_eq!(
            (check.finding(), check.inputs),
            (None, 8),
            "{id}: {}",
            check.sentence()
        );
    }
}

/// The logarithm of a difference: of the eight inputs only the given one has one.
#[test]
fn what_cannot_be_judged_on_enough_inputs_is_not_verified() {
    let nodes = vec![
        operator("Gather", &["x", "first"], "a"),
        operator("Gather", &["x", "second"], "b"),
        operator("Sub", &["a", "b"], "d"),
        operator("Log", &["d"], "y"),
    ];
    let constants = vec![integers("first", &[0]), integers("second", &[1])];
    let input = [[0.875_f32; 16], [0.25; 16]].concat();
    let case = Case::new(&file(&[2, 16], &["y"], nodes, constants)).with_input(&input);
    let input = case.input.as_ref().unwrap().to_str().unwrap();
    let (status, record, stderr) = run_file(&case.file(), &["--circuit", "direct", "--input", input]);
    let record = record.unwrap_or_else(|| panic!("{stderr}"));
    let Outcome::Failed { step, message } = &record.outcome else {
        panic!("{}: {:?}", record.outcome, record.function);
    };
    assert_eq!((status, step.as_str()), (Some(1), "judge"));
    assert!(
        message.contains("only 1 of 8 inputs could be compared"),
        "{message}"
    );
    assert!(message.contains("--input"), "it says what to do: {message}");
    assert!(
        record.proof.is_none() && record.keys.is_none(),
        "it is not proved"
    );
}

/// A small committed model of a user's is judged by onnxruntime, and proved.
#[test]
fn a_users_committed_circuit_is_judged_by_onnxruntime() {
    let case = Case::new(&rows(0.5));
    let (status, record, stderr) = run_file(&case.file(), &[]);
    let record = record.unwrap_or_else(|| panic!("{stderr}"));
    assert_eq!((status, &record.outcome), (Some(0), &Outcome::Verified));
    assert!(record.lowering.is_some(), "it is committed");
    let check = record.function.unwrap();
    assert_eq!((check.inputs, check.integers), (8, Some(KnownIntegers::Own)));
    assert!(check.reference.starts_with("onnxruntime "), "{}", check.reference);
}

/// Convolutions and pools over one axis, with a stride, a dilation and padding that differs at the ends.
#[test]
fn rows_are_images_of_one_line() {
    let weights =
        |count: usize| -> Vec<f32> { (0..count).map(|at| (at * 5 % 7) as f32 / 8.0 - 0.375).collect() };
    let window = |op: &str, inputs: &[&str], output: &str, sizes: &[(&str, &[i64])]| {
        let node = operator(op, inputs, output);
        sizes
            .iter()
            .fold(node, |node, (name, values)| with(node, ints(name, values)))
    };
    let nodes = vec![
        window(
            "Conv",
            &["x", "w", "b"],
            "a",
            &[("strides", &[2]), ("dilations", &[2]), ("pads", &[1, 2])],
        ),
        window(
            "MaxPool",
            &["a"],
            "m",
            &[("kernel_shape", &[3]), ("pads", &[1, 1])],
        ),
        window(
            "ConvTranspose",
            &["m", "t"],
            "u",
            &[("strides", &[2]), ("output_padding", &[1])],
        ),
        window(
            "AveragePool",
            &["u"],
            "y",
            &[("kernel_shape", &[2]), ("strides", &[2])],
        ),
    ];
    let constants = vec![
        floats("w", &[3, 2, 3], &weights(18)),
        floats("b", &[3], &[0.5, -0.25, 0.125]),
        floats("t", &[3, 2, 2], &weights(12)),
    ];
    let case = Case::new(&file(&[1, 2, 16], &["y"], nodes, constants));
    let subject = case.subject(committed(7));
    assert!(subject.committed.is_some());
    assert_eq!(judged(&subject).finding(), None);
}

/// A last window that is cut off, and one that would begin in the padding and is none.
#[test]
fn the_last_windows_of_a_pool_are_onnxs() {
    let pool = |op: &str, input: &str, output: &str, sizes: &[(&str, &[i64])]| {
        let node = with(operator(op, &[input], output), int("ceil_mode", 1));
        sizes
            .iter()
            .fold(node, |node, (name, values)| with(node, ints(name, values)))
    };
    let nodes = vec![
        pool(
            "MaxPool",
            "x",
            "a",
            &[("kernel_shape", &[3, 2]), ("strides", &[2, 2])],
        ),
        pool(
            "AveragePool",
            "a",
            "b",
            &[
                ("kernel_shape", &[2, 2]),
                ("strides", &[2, 2]),
                ("pads", &[0, 0, 0, 1]),
            ],
        ),
        pool(
            "MaxPool",
            "b",
            "y",
            &[
                ("kernel_shape", &[2, 2]),
                ("strides", &[2, 2]),
                ("pads", &[1, 1, 1, 1]),
            ],
        ),
    ];
    let case = Case::new(&file(&[1, 2, 8, 9], &["y"], nodes, Vec::new()));
    let subject = case.subject(committed(7));
    assert!(subject.committed.is_some());
    let check = judged(&subject);
    assert_eq!(check.finding(), None, "{}", check.sentence());
}

/// A filling between whole numbers is what the file says, and no whole number.
#[test]
fn a_filling_beside_whole_numbers_keeps_its_digits() {
    let nodes = vec![
        operator("Floor", &["x"], "whole"),
        operator("Pad", &["whole", "pads", "filling"], "y"),
    ];
    let constants = vec![integers("pads", &[0, 1, 0, 1]), floats("filling", &[], &[0.4])];
    let case = Case::new(&file(&[1, 4], &["y"], nodes, constants)).with_input(&[2.5, -3.5, 0.75, -0.25]);
    let subject = case.subject(committed(7));
    let circuit = &subject.committed.as_ref().unwrap().circuit;
    let witness = circuit.witness(&subject.inputs[0]).unwrap();
    let outputs = circuit.outputs(&witness.result);
    assert!(
        (outputs[0][0] - 0.4).abs() < 0.01 && (outputs[0][1] - 2.0).abs() < 0.01,
        "{outputs:?}"
    );
}

/// Before operator set 13, a Softmax takes all axes from its own on for one.
#[test]
fn an_older_softmax_over_several_axes_has_a_committed_circuit() {
    let of = |opset: i64, shape: &[i64], axis: Option<i64>| {
        let node = operator("Softmax", &["x"], "y");
        let node = axis
            .iter()
            .fold(node, |node, &axis| with(node, int("axis", axis)));
        let mut model = small(shape, vec![node], Vec::new());
        model.opset_import[0].version = opset;
        let case = Case::new(&model.encode_to_vec());
        Subject::from_onnx(&case.file(), None, Request::of_file(committed(7))).is_ok()
    };
    assert!(of(11, &[1, 4], None) && of(11, &[1, 4, 1, 1], Some(1)) && of(13, &[1, 2, 3], Some(1)));
    assert!(of(11, &[1, 2, 3], None) && of(11, &[1, 2, 3], Some(1)) && of(12, &[1, 4, 1, 1], None));
}

/// A position beside a mean of nine, whose unit is no power of two: it stays whole.
#[test]
fn positions_stay_whole_beside_fractions() {
    let weights: Vec<f32> = (0..9 * 500)
        .map(|at| ((at * 31) % 101) as f32 / 64.0 - 0.75)
        .collect();
    let nodes = vec![
        operator("Flatten", &["x"], "flat"),
        operator("MatMul", &["flat", "w"], "scores"),
        with(
            with(operator("ArgMax", &["scores"], "class"), int("axis", 1)),
            int("keepdims", 0),
        ),
        operator("GlobalAveragePool", &["x"], "mean"),
    ];
    let mut model = small(&[1, 1, 3, 3], nodes, vec![floats("w", &[9, 500], &weights)]);
    let mut class = port("class", None);
    class.r#type = None;
    model.graph.as_mut().unwrap().output = vec![class, port("mean", None)];
    let case = Case::new(&model.encode_to_vec())
        .with_input(&[0.5, -1.0, 0.25, 0.75, -0.5, 1.0, -0.125, 0.375, 0.625]);
    let subject = case.subject(committed(7));
    let circuit = &subject.committed.as_ref().unwrap().circuit;
    let witness = circuit.witness(&subject.inputs[0]).unwrap();
    let outputs = circuit.outputs(&witness.result);
    assert!(outputs[0][0].fract().abs() < f64::EPSILON, "{outputs:?}");
    let check = judged(&subject);
    assert_eq!(check.finding(), None, "{}", check.sentence());
}

/// A classifier of four classes whose weights turn the input round, with or without the Softmax that exporters put last.
fn classifier(with_softmax: bool) -> Case {
    let mut weights = [0.0; 16];
    for class in 0..4 {
        weights[4 * class + (class + 1) % 4] = 1.0;
    }
    let last = if with_softmax { "logits" } else { "y" };
    let mut nodes = vec![operator("MatMul", &["x", "w"], last)];
    if with_softmax {
        nodes.push(operator("Softmax", &["logits"], "y"));
    }
    Case::new(&file(
        &[1, 4],
        &["y"],
        nodes,
        vec![floats("w", &[4, 4], &weights)],
    ))
}

#[test]
fn a_class_is_proved_as_one_value() {
    let case = classifier(true).with_input(&[0.25, 0.5, -1.0, 0.125]);
    let input = case.input.clone().unwrap();
    let out = case.folder.path().join("runs");
    let said = common::say(
        common::evmbench()
            .args(["prove-and-verify", "--runs", "1", "--output", "argmax", "--onnx"])
            .arg(case.file())
            .arg("--input")
            .arg(&input)
            .arg("--out")
            .arg(&out),
    );
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let run = StoredRun::open(&out.join(&store::record_paths(&out).unwrap()[0])).unwrap();
    let record = run.record();
    assert_eq!(
        (&record.outcome, record.request.output),
        (&Outcome::Verified, OutputForm::Argmax)
    );
    assert_eq!(record.model.output_shapes, [[1]]);
    let outputs = Exhibits::of(&run).evidence.outputs.unwrap();
    assert_eq!(
        outputs.last(),
        Some(&vec![U256::from(2)]),
        "the input's second element is the third class"
    );
    assert_ne!(record.request.onnx_sha256, None);
    let Source::File { sha256 } = &record.model.weights else {
        panic!("{:?}", record.model.weights)
    };
    assert_eq!(
        *sha256,
        hex::encode(Sha256::digest(std::fs::read(case.file()).unwrap()))
    );
    assert!(
        record
            .notes
            .iter()
            .any(|note| note.contains("Softmax y before it is left out")),
        "{:?}",
        record.notes
    );
    let verified = common::say(
        common::evmbench()
            .arg("verify")
            .arg(run.path())
            .arg("--onnx")
            .arg(case.file())
            .arg("--input")
            .arg(&input),
    );
    assert_eq!(verified.status, Some(0), "{}{}", verified.stdout, verified.stderr);
    // It is about that form of the file alone.
    let mut other = record.clone();
    other.request.output = OutputForm::Model;
    assert_ne!(other.request.name(), record.request.name());
}

#[test]
fn logits_need_a_softmax_that_stands_last() {
    let plan = |case: &Case| {
        let arguments = ["plan", "--output", "logits", "--onnx"];
        common::say(common::evmbench().args(arguments).arg(case.file()))
    };
    let said = plan(&classifier(true));
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    assert!(
        said.stdout.contains("Softmax y stands last and is left out"),
        "{}",
        said.stdout
    );
    let said = plan(&classifier(false));
    assert_eq!(said.status, Some(1), "{}", said.stderr);
    assert!(
        said.stderr.contains("no Softmax or LogSoftmax stands last"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("hint: leave out --output"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_small_network_has_a_table_of_its_size() {
    let hidden: Vec<f32> = (0..64)
        .map(|index| ((index * 37 % 64) as f32 - 32.0) / 128.0)
        .collect();
    let nodes = vec![
        operator("MatMul", &["x", "w"], "hidden"),
        operator("Relu", &["hidden"], "active"),
        operator("MatMul", &["active", "w"], "y"),
    ];
    let case = Case::new(&file(&[1, 8], &["y"], nodes, vec![floats("w", &[8, 8], &hidden)]));
    let subject = |plan| {
        let subject =
            Subject::from_onnx_calibrated(&case.file(), None, None, Request::of_file(plan)).unwrap();
        let committed = subject.committed.clone().unwrap();
        (subject, committed.circuit)
    };
    let (small, circuit) = subject(committed(7));
    let bits = small.request.chosen.expect("it is chosen").digit_bits;
    assert!(
        circuit.logrows() <= 12,
        "2^{} rows, {bits} bits",
        circuit.logrows()
    );
    // What was asked for stays.
    let (_, default) = subject(committed(7).with_digits(16, None).unwrap());
    assert!(default.logrows() >= 16, "2^{}", default.logrows());
    // The record's request makes the same circuit again.
    let again = Subject::from_onnx(&case.file(), None, small.request.clone()).unwrap();
    let again = again.committed.unwrap().circuit;
    assert_eq!(
        (again.logrows(), again.cells()),
        (circuit.logrows(), circuit.cells())
    );
    assert_eq!(judged(&small).finding(), None);
    // More bits after the point need larger limbs.
    let (fine, _) = subject(committed(12));
    let fine = fine.request.chosen.expect("it is chosen").digit_bits;
    assert!(fine > bits, "{fine} {bits}");
}

/// Every model of the suite that has a committed circuit of at most this many multiply-adds, at both of the study's scales.
#[test]
#[ignore = "takes minutes: for whoever changes the rule or the lowering"]
fn no_committed_circuit_of_the_suite_is_a_false_alarm() {
    const MOST: u64 = 50_000_000;
    let mut alarms = Vec::new();
    for model in &suite::MODELS {
        for scale in [7, 10] {
            let request = Request::new(model.id, model.category.to_string(), committed(scale));
            let experiment = Experiment { model, scale };
            let Ok(subject) = Subject::from_suite(experiment, request, Material::default()) else {
                continue;
            };
            if subject.model.multiply_adds.is_none_or(|number| number > MOST) {
                continue;
            }
            let check = judged(&subject);
            println!(
                "{} at {scale}: {:?} {}",
                model.id,
                check.finding(),
                check.sentence()
            );
            if check.finding().is_some() {
                alarms.push(format!("{} at {scale}: {}", model.id, check.sentence()));
            }
        }
    }
    assert!(alarms.is_empty(), "{alarms:#?}");
}
