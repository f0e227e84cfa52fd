//! Where EZKL is right about comparisons and whole numbers: what is not refused is what onnxruntime computes, also where two numbers are
//! equal. Judged by EZKL's witnesses; nothing here is proved.

use crate::common;
use crate::common::models::{floats, int, integers, operator, small, with};
use evmbench::judge::{self, OnnxRuntime};
use evmbench::model::onnx;
use evmbench::prover::{CircuitPlan, EzklOptions, EzklProver, Silent};
use evmbench::record::Request;
use evmbench::subject::Subject;
use prost::Message as _;
use tract_onnx::pb::{ModelProto, NodeProto, tensor_proto::DataType};

/// Elements that equal the constants below, and elements that do not.
const TIES: [f32; 8] = [0.5, -0.5, 1.5, 0.0, 2.5, -1.5, -2.5, 0.25];

/// Fine enough that what is rounded is small beside the least range of the outputs below.
const SCALE: u32 = 10;

fn model(nodes: Vec<NodeProto>) -> ModelProto {
    let constants = vec![
        floats("half", &[], &[0.5]),
        floats("more", &[], &[1.5]),
        floats("one", &[], &[1.0]),
        floats("zero", &[], &[0.0]),
        floats("third", &[], &[0.3]),
        floats("w", &[8, 2], &[0.25; 16]),
        integers("four", &[4]),
    ];
    small(&[1, 8], nodes, constants)
}

fn cast(from: &str, output: &str) -> NodeProto {
    with(
        operator("Cast", &[from], output),
        int("to", DataType::Float as i64),
    )
}

/// A comparison that gives `b`, and further nodes that give `y`.
fn compared(comparison: &str, rest: Vec<NodeProto>) -> Vec<NodeProto> {
    [vec![operator(comparison, &["x", "half"], "b")], rest].concat()
}

/// The ways that are left, each with its name.
fn cases() -> Vec<(String, Vec<NodeProto>)> {
    let mut cases = Vec::new();
    for comparison in ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"] {
        let mut add = |name: &str, rest: Vec<NodeProto>| {
            cases.push((format!("{comparison} {name}"), compared(comparison, rest)));
        };
        add("Where", vec![operator("Where", &["b", "one", "zero"], "y")]);
        add("Not Cast", vec![operator("Not", &["b"], "n"), cast("n", "y")]);
        let between = |joined: &str| {
            vec![
                operator("LessOrEqual", &["x", "more"], "l"),
                operator(joined, &["l", "b"], "j"),
                operator("Where", &["j", "x", "zero"], "y"),
            ]
        };
        for joined in ["And", "Or", "Xor"] {
            add(joined, between(joined));
        }
        if comparison != "Equal" {
            add("Cast", vec![cast("b", "y")]);
            add(
                "Cast Mul",
                vec![cast("b", "f"), operator("Mul", &["f", "x"], "y")],
            );
            add(
                "lifted",
                vec![
                    cast("b", "f"),
                    operator("Add", &["f", "third"], "g"),
                    operator("Sigmoid", &["g"], "y"),
                ],
            );
            add(
                "multiplied",
                vec![
                    cast("b", "f"),
                    operator("MatMul", &["f", "w"], "g"),
                    operator("Tanh", &["g"], "y"),
                ],
            );
        }
    }
    let position = with(operator("ArgMax", &["x"], "p"), int("axis", 1));
    let of_integers = vec![position, operator("Equal", &["p", "four"], "b"), cast("b", "y")];
    cases.push(("Equal of integers".to_owned(), of_integers));
    cases
}

#[test]
fn comparisons_that_are_not_refused_are_onnxs_also_at_ties() {
    let tools = common::tools();
    let onnxruntime = OnnxRuntime::beside(&tools.toolchain);
    let options = EzklOptions {
        threads: 1,
        ..EzklOptions::for_home(&tools.home)
    };
    let prover = EzklProver::new(&tools.home, tools.toolchain.clone(), options);
    let folder = tempfile::tempdir().unwrap();
    let (file, input) = (folder.path().join("model.onnx"), folder.path().join("ties.json"));
    std::fs::write(&input, serde_json::json!({ "input_data": [TIES] }).to_string()).unwrap();
    for (name, nodes) in cases().into_iter().step_by(common::step(4)) {
        std::fs::write(&file, model(nodes).encode_to_vec()).unwrap();
        let loaded = onnx::load(&file, &onnx::Asked::default());
        let parsed = loaded.unwrap_or_else(|error| panic!("{name}: {error}")).model;
        assert!(parsed.misread.is_empty(), "{name}: {:?}", parsed.misread);
        let request = Request::of_file(CircuitPlan::direct(SCALE).unwrap());
        let subject = Subject::from_onnx(&file, Some(&input), request).unwrap();
        let check = judge::check(&subject, &prover, &onnxruntime, &Silent).unwrap();
        let check = check.unwrap().expect("it was judged");
        assert_eq!(check.finding(), None, "{name}: {}", check.sentence());
    }
}
