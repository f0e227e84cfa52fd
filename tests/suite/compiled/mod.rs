//! Compiled circuits that are written directly, against the pinned wheel: the same format, the same counts, and no proof of
//! what does not hold.

mod decode;

use crate::common;
use std::path::PathBuf;
use std::process::Command;

use crate::common::models::port;
use decode::Decoder;
use evmbench::committed::{self, CommittedCircuit, CommittedOptions, InputAssurance, Integers, Witness};
use evmbench::model::graph::{Conv2d, Op, Window};
use evmbench::model::{self, input};
use evmbench::prover::EZKL_VERSION;
use evmbench::prover::compiled::{Compiled, Element, Frame, Function, Graph, NodeId, Table};
use serde::Deserialize;
use serde_json::{Value, json};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    attribute_proto::AttributeType, tensor_proto::DataType,
};

const CALLS: &str = include_str!("calls.py");

/// How one call ended.
#[derive(Debug, Deserialize)]
struct Answer {
    error: Option<String>,
    result: Option<bool>,
    /// Rows, cells and constants of the last layout.
    layout: Option<[usize; 3]>,
}

impl Answer {
    /// Whether a check was passed.
    fn accepts(&self) -> bool {
        self.error.is_none() && self.result != Some(false)
    }
}

/// A folder and calls that work in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    fn call(&self, calls: &[(&str, Value)]) -> Vec<Answer> {
        let request = json!({ "calls": calls, "answer": self.path("answer.json") });
        let request = self.write("request.json", request.to_string());
        let output = Command::new(common::tools().toolchain.python())
            .args(["-I", "-B", "-c", CALLS])
            .arg(request)
            .current_dir(self.0.path())
            .env("EZKL_REPO_PATH", self.path("ezkl"))
            .output()
            .unwrap();
        let Ok(answers) = std::fs::read(self.path("answer.json")) else {
            panic!("{}", String::from_utf8_lossy(&output.stderr));
        };
        serde_json::from_slice(&answers).unwrap()
    }

    /// Calls that must all succeed.
    fn calls(&self, calls: &[(&str, Value)]) -> Vec<Answer> {
        let answers = self.call(calls);
        for ((call, _), answer) in calls.iter().zip(&answers) {
            assert_eq!(answer.error, None, "{call}");
        }
        answers
    }

    fn write_circuit(&self, name: &str, compiled: &Compiled) {
        self.write(name, &compiled.bytes);
        self.write("settings.json", compiled.settings.to_string());
    }

    fn make_srs(&self, logrows: u32) {
        self.calls(&[(
            "gen_srs",
            json!({"srs_path": self.path("srs"), "logrows": logrows}),
        )]);
    }

    /// The call that makes a circuit's keys, named by the circuit.
    fn setup(&self, name: &str) -> (&'static str, Value) {
        let arguments = json!({
            "model": self.path(name), "srs_path": self.path("srs"),
            "vk_path": self.path(&format!("{name}.vk")), "pk_path": self.path(&format!("{name}.pk")),
        });
        ("setup", arguments)
    }

    /// Proves a circuit for its committed tensors with one circuit's proving key, and verifies with another's; tells whether
    /// EZKL's mock prover and its verifier accept.
    fn verdicts(&self, circuit: &str, [proving, verifying]: [&str; 2], inputs: &[&[i128]]) -> [bool; 2] {
        let element = |&integer: &i128| {
            let number = Element::from(integer).number();
            alloy_primitives::hex::encode(number.to_le_bytes::<32>())
        };
        let inputs: Vec<Vec<String>> = inputs
            .iter()
            .map(|input| input.iter().map(element).collect())
            .collect();
        self.write("input.json", json!({"input_data": inputs}).to_string());
        let _ = std::fs::remove_file(self.path("proof.json"));
        let (model, witness, srs) = (self.path(circuit), self.path("witness.json"), self.path("srs"));
        let vk = self.path(&format!("{verifying}.vk"));
        let answers = self.call(&[
            (
                "gen_witness",
                json!({"data": self.path("input.json"), "model": model, "output": witness, "vk_path": vk, "srs_path": srs}),
            ),
            ("mock", json!({"witness": witness, "model": model})),
            (
                "prove",
                json!({
                    "witness": witness, "model": model, "pk_path": self.path(&format!("{proving}.pk")),
                    "proof_path": self.path("proof.json"), "srs_path": srs,
                }),
            ),
            (
                "verify",
                json!({
                    "proof_path": self.path("proof.json"), "settings_path": self.path("settings.json"), "vk_path": vk,
                    "srs_path": srs,
                }),
            ),
        ]);
        [answers[1].accepts(), answers[3].accepts()]
    }
}

/// A model in ONNX under way.
#[derive(Default)]
struct Onnx(GraphProto);

impl Onnx {
    fn input(&mut self, name: &str, shape: &[i64]) {
        self.0.input.push(port(name, Some(shape)));
    }

    fn output(&mut self, name: &str, shape: &[i64]) {
        self.0.output.push(port(name, Some(shape)));
    }

    fn floats(&mut self, name: &str, shape: &[i64], data: &[f32]) {
        self.0.initializer.push(TensorProto {
            name: name.to_owned(),
            data_type: DataType::Float as i32,
            dims: shape.to_vec(),
            raw_data: data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            ..TensorProto::default()
        });
    }

    fn sizes(&mut self, name: &str, data: &[i64]) {
        self.0.initializer.push(TensorProto {
            name: name.to_owned(),
            data_type: DataType::Int64 as i32,
            dims: vec![data.len() as i64],
            raw_data: data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            ..TensorProto::default()
        });
    }

    fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attribute: Option<AttributeProto>) {
        self.0.node.push(NodeProto {
            name: format!("{operator}.{output}"),
            op_type: operator.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            attribute: attribute.into_iter().collect(),
            ..NodeProto::default()
        });
    }

    fn bytes(self) -> Vec<u8> {
        let model = ModelProto {
            ir_version: 7,
            opset_import: vec![OperatorSetIdProto {
                version: 14,
                ..OperatorSetIdProto::default()
            }],
            graph: Some(self.0),
            ..ModelProto::default()
        };
        prost::Message::encode_to_vec(&model)
    }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..AttributeProto::default()
    }
}

/// Every operator that ONNX has a word for and that a circuit may have.
fn every_operator_in_onnx() -> Vec<u8> {
    let mut onnx = Onnx::default();
    "every operator".clone_into(&mut onnx.0.name);
    onnx.input("x", &[6]);
    onnx.input("y", &[4]);
    onnx.sizes("table.shape", &[2, 3]);
    onnx.node("Reshape", &["x", "table.shape"], "table", None);
    onnx.floats("factors", &[2, 3], &[1.0, -2.0, 3.0, 4.0, 5.0, 6.0]);
    onnx.node("Mul", &["table", "factors"], "products", None);
    onnx.node("Add", &["products", "table"], "sums", None);
    onnx.floats("row", &[1, 3], &[7.0, 8.0, 9.0]);
    onnx.node("Sub", &["sums", "row"], "differences", None);
    onnx.node("Neg", &["differences"], "negated", None);
    onnx.floats("weights", &[3], &[1.0, 2.0, -3.0]);
    let equation = AttributeProto {
        name: "equation".to_owned(),
        r#type: AttributeType::String as i32,
        s: b"ij,j->i".to_vec(),
        ..AttributeProto::default()
    };
    onnx.node("Einsum", &["negated", "weights"], "dots", Some(equation));
    onnx.sizes("positions", &[2, 0, 1]);
    onnx.node("Gather", &["y", "positions"], "picked", Some(integer("axis", 0)));
    onnx.node("Concat", &["dots", "picked"], "both", Some(integer("axis", 0)));
    onnx.floats("exponent", &[], &[evmbench::prover::compiled::RECTIFIER_EXPONENT]);
    onnx.node("Pow", &["both", "exponent"], "rectified", None);
    onnx.node("Sigmoid", &["both"], "sigmoid", None);
    onnx.node("Tanh", &["both"], "tanh", None);
    for name in ["rectified", "sigmoid", "tanh"] {
        onnx.output(name, &[5]);
    }
    onnx.bytes()
}

/// The circuit of a file that EZKL compiled, node by node in its own order.
fn rebuilt(circuit: &Value) -> Graph {
    let sizes = |value: &Value| -> Vec<usize> { serde_json::from_value(value.clone()).unwrap() };
    let mut graph = Graph::default();
    let mut ids: Vec<NodeId> = Vec::new();
    for node in circuit["nodes"].as_array().unwrap() {
        let inputs = node["inputs"].as_array().unwrap();
        let inputs: Vec<NodeId> = inputs.iter().map(|input| ids[sizes(input)[0]]).collect();
        let shape = sizes(&node["shape"]);
        let operator = &node["operator"];
        let id = match operator.as_str() {
            Some("Add") => graph.add(inputs[0], inputs[1]),
            Some("Sub") => graph.subtract(inputs[0], inputs[1]),
            Some("Mult") => graph.multiply(inputs[0], inputs[1]),
            Some("Neg") => graph.negate(inputs[0]),
            Some(other) => panic!("{other}"),
            None => {
                let (name, value) = operator.as_object().unwrap().iter().next().unwrap();
                match name.as_str() {
                    "Input" => graph.input(shape[0]),
                    "Constant" => {
                        let elements = value["elements"].as_array().unwrap().iter().map(|element| {
                            let bytes = alloy_primitives::hex::decode(element.as_str().unwrap()).unwrap();
                            Element::new(alloy_primitives::U256::from_le_slice(&bytes)).unwrap()
                        });
                        graph.constant(&shape, elements.collect())
                    }
                    "Einsum" => graph.einsum(value.as_str().unwrap(), inputs[0], inputs[1]),
                    "Reshape" => graph.reshape(inputs[0], &shape),
                    "Concat" => graph.concatenate(&inputs, value.as_u64().unwrap() as usize),
                    "Gather" => graph.gather(
                        inputs[0],
                        value[0].as_u64().unwrap() as usize,
                        sizes(&value[1][0]),
                    ),
                    "Nonlinear" => {
                        let table = if value.get("Pow").is_some() {
                            Table::Rectifier
                        } else if value.get("Tanh").is_some() {
                            Table::Tanh
                        } else {
                            Table::Sigmoid
                        };
                        let function = Function { table, scale: 0 };
                        graph.look_up(function, inputs[0])
                    }
                    other => panic!("{other}"),
                }
            }
        };
        assert_eq!(graph.shape(id), shape, "{node}");
        ids.push(id);
    }
    for output in circuit["outputs"].as_array().unwrap() {
        graph.output(ids[sizes(output)[0]]);
    }
    graph
}

/// Names nodes by their rank: EZKL's loader leaves gaps where it took nodes out.
fn renumber(circuit: &mut Value) {
    let keys: Vec<Value> = circuit["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["key"].clone())
        .collect();
    let rank = |key: &mut Value| *key = keys.iter().position(|other| other == key).unwrap().into();
    for node in circuit["nodes"].as_array_mut().unwrap() {
        rank(&mut node["key"]);
        rank(&mut node["index"]);
        node["inputs"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(|outlet| rank(&mut outlet[0]));
    }
    circuit["inputs"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(rank);
    circuit["outputs"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|outlet| rank(&mut outlet[0]));
}

fn sort(list: &mut Value) {
    list.as_array_mut().unwrap().sort_by_key(Value::to_string);
}

#[test]
fn the_format_is_that_of_the_pinned_wheel() {
    assert_eq!(evmbench::prover::compiled::FORMAT_VERSION, EZKL_VERSION);
    let folder = Folder::new();
    let frame = Frame {
        inner_columns: 1,
        logrows: 8,
        table_range: (-100, 147),
    };
    let model = folder.write("model.onnx", every_operator_in_onnx());
    let (settings, compiled) = (folder.path("settings.json"), folder.path("compiled"));
    let run_args = json!({
        "input_scale": 0, "param_scale": 0, "scale_rebase_multiplier": 1, "lookup_range": frame.table_range,
        "logrows": frame.logrows, "num_inner_cols": frame.inner_columns, "variables": [],
        "input_visibility": "polycommit", "output_visibility": "public", "param_visibility": "fixed",
        "ignore_range_check_inputs_outputs": true, "disable_freivalds": true,
    });
    folder.calls(&[
        (
            "gen_settings",
            json!({"model": model, "output": settings, "py_run_args": run_args}),
        ),
        (
            "compile_circuit",
            json!({"model": model, "compiled_circuit": compiled, "settings_path": settings}),
        ),
    ]);
    let mut theirs = Decoder::new(&folder.read("compiled")).circuit();
    renumber(&mut theirs);
    let graph = rebuilt(&theirs);
    let written = Compiled::of(&graph, frame);
    let mut ours = Decoder::new(&written.bytes).circuit();

    // EZKL counts inputs as well when it counts without columns for them; it says when.
    let inputs: usize = graph.inputs().map(|id| graph.len(id)).sum();
    let cells = written.counts.cells + inputs;
    assert_eq!(theirs["settings"]["total_assignments"], json!(cells));
    assert_eq!(theirs["settings"]["num_rows"], json!(cells));
    assert!(theirs["settings"]["timestamp"].is_number());
    for (field, value) in [
        ("total_assignments", json!(written.counts.cells)),
        ("num_rows", json!(written.counts.cells)),
        ("timestamp", json!(0)),
    ] {
        theirs["settings"][field] = value;
    }
    // EZKL takes a constant that several nodes read to digits, and here none is.
    for node in theirs["nodes"].as_array_mut().unwrap() {
        if let Some(constant) = node["operator"].get_mut("Constant") {
            assert_eq!(
                std::mem::replace(&mut constant["decomp"], json!(false)),
                json!(true)
            );
            assert_eq!(node["uses"], json!(1));
        }
    }
    // Its functions are in the order of a set.
    for circuit in [&mut ours, &mut theirs] {
        sort(&mut circuit["settings"]["required_lookups"]);
    }
    for (ours, theirs) in ours["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .zip(theirs["nodes"].as_array().unwrap())
    {
        assert_eq!(ours, theirs);
    }
    for (field, value) in ours["settings"].as_object().unwrap() {
        assert_eq!(value, &theirs["settings"][field], "{field}");
    }
    assert_eq!(ours, theirs);

    // The settings' file has the same fields, and its numbers the same text.
    let mut file = folder.json("settings.json");
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&written.settings), fields(&file));
    assert_eq!(fields(&written.settings["run_args"]), fields(&file["run_args"]));
    for field in ["total_assignments", "num_rows", "timestamp"] {
        file[field] = written.settings[field].clone();
    }
    let mut settings = written.settings.clone();
    for settings in [&mut settings, &mut file] {
        sort(&mut settings["required_lookups"]);
    }
    assert_eq!(settings, file);
}

fn elements(integers: impl IntoIterator<Item = i128>) -> Vec<Element> {
    integers.into_iter().map(Element::from).collect()
}

/// Every operator, with dot products that go over the end of 2^6 rows.
fn every_operator() -> Graph {
    let mut graph = Graph::default();
    let (x, y) = (graph.input(70), graph.input(9));
    let table = graph.reshape(x, &[2, 5, 7]);
    let factors = graph.constant(&[5, 1], elements([3, -4, 5, 5, 1 << 100]));
    let products = graph.multiply(table, factors);
    let row = graph.constant(&[7], elements(0..7));
    let sums = graph.add(products, row);
    let differences = graph.subtract(sums, table);
    let negated = graph.negate(differences);
    let weights = graph.constant(&[5, 7], elements(-17..18));
    let dots = graph.einsum("cij,ij->c", negated, weights);
    let outer = graph.einsum("cij,cij->cij", negated, table);
    let lists = graph.einsum("cij,j->ic", outer, row);
    let ones = graph.integers(&[5, 2], [1; 10]);
    let all = graph.einsum("ic,ic->", lists, ones);
    let rows = graph.integers(&[5], [1; 5]);
    let columns = graph.einsum("cij,i->cj", table, rows);
    let columns = graph.reshape(columns, &[14]);
    let list = graph.reshape(x, &[70]);
    let long = graph.constant(&[70], elements((0..70).map(|i| i * i)));
    let total = graph.einsum("i,i->", list, long);
    let picked = graph.gather(y, 0, vec![8, 0, 0, 3]);
    let unread = graph.constant(&[2, 2], elements([1000, 1001, 1002, 1003]));
    let corner = graph.gather(unread, 1, vec![1]);
    let corner = graph.reshape(corner, &[2]);
    let both = graph.concatenate(&[picked, corner, dots, total, all], 0);
    let looked_up = graph.look_up(Function::RECTIFIER, y);
    let curve = graph.look_up(
        Function {
            table: Table::Tanh,
            scale: 3,
        },
        looked_up,
    );
    graph.look_up(
        Function {
            table: Table::Sigmoid,
            scale: 3,
        },
        y,
    );
    let shifted = graph.add(curve, curve);
    graph.assert_equal(shifted, shifted);
    let nothing = graph.constant(&[9], elements([0; 9]));
    let zero = graph.subtract(curve, curve);
    graph.assert_equal(zero, nothing);
    graph.output(both);
    graph.output(columns);
    graph
}

#[test]
fn setup_counts_what_is_counted() {
    for logrows in [6, 8] {
        let folder = Folder::new();
        folder.make_srs(logrows);
        let entries = (1 << logrows) - 8;
        let circuits: Vec<(String, Compiled, usize)> = (1..=5)
            .map(|inner_columns| {
                let frame = Frame {
                    inner_columns,
                    logrows,
                    table_range: (30 - entries + 1, 30),
                };
                let name = format!("columns-{inner_columns}");
                (name, Compiled::of(&every_operator(), frame), inner_columns)
            })
            .collect();
        for (name, compiled, _) in &circuits {
            folder.write_circuit(name, compiled);
        }
        let setups: Vec<_> = circuits.iter().map(|(name, ..)| folder.setup(name)).collect();
        for ((name, compiled, columns), answer) in circuits.iter().zip(folder.calls(&setups)) {
            let counts = compiled.counts;
            assert_eq!(
                answer.layout,
                Some([counts.cells / columns, counts.cells, counts.constants]),
                "2^{logrows} rows, {name}"
            );
        }
    }
}

/// What circuits of negative proofs are laid out in.
const FRAME: Frame = Frame {
    inner_columns: 1,
    logrows: 8,
    table_range: (-120, 127),
};

/// x · factor = y, asserted inside, and x looked up with nobody who reads the result.
fn scaled(factor: i128) -> Graph {
    multiplied(|graph, _| graph.integers(&[1], [factor]))
}

/// The same where x begins with 1, so that y begins with the factor: constants stand among cells.
fn joined(factor: i128) -> Graph {
    multiplied(|graph, y| {
        let [first, last] = [(); 2].map(|()| graph.integers(&[1], [factor]));
        let cell = graph.gather(y, 0, vec![0]);
        graph.concatenate(&[first, cell, last], 0)
    })
}

fn multiplied(factors: impl Fn(&mut Graph, NodeId) -> NodeId) -> Graph {
    let mut graph = Graph::default();
    let (x, y) = (graph.input(3), graph.input(3));
    let factors = factors(&mut graph, y);
    let product = graph.multiply(x, factors);
    graph.assert_equal(product, y);
    graph.look_up(Function::RECTIFIER, x);
    let squares = graph.einsum("i,i->", y, y);
    graph.output(squares);
    graph
}

#[test]
fn nothing_false_is_proved() {
    proves_nothing_false(scaled);
    proves_nothing_false(joined);
}

fn proves_nothing_false(circuit: impl Fn(i128) -> Graph) {
    let folder = Folder::new();
    folder.make_srs(FRAME.logrows);
    folder.write_circuit("doubled", &Compiled::of(&circuit(2), FRAME));
    folder.write_circuit("tripled", &Compiled::of(&circuit(3), FRAME));
    folder.calls(&[folder.setup("doubled"), folder.setup("tripled")]);
    let verdicts = |circuit, keys, x, y| folder.verdicts(circuit, keys, &[x, y]);
    let own = ["doubled"; 2];
    assert_eq!(
        verdicts("doubled", own, &[1, -2, 127], &[2, -4, 254]),
        [true, true]
    );
    // An assertion that does not hold.
    assert_eq!(
        verdicts("doubled", own, &[1, -2, 127], &[2, -4, 255]),
        [false, false]
    );
    // A look-up beyond either end of the table, though nothing reads its result.
    assert_eq!(
        verdicts("doubled", own, &[1, -2, 128], &[2, -4, 256]),
        [false, false]
    );
    assert_eq!(
        verdicts("doubled", own, &[1, -121, 3], &[2, -242, 6]),
        [false, false]
    );
    // Another constant: right in its own circuit, and refused under the key of this one, whichever key makes the proof.
    let tripled: [&[i128]; 2] = [&[1, -2, 3], &[3, -6, 9]];
    assert_eq!(folder.verdicts("tripled", ["tripled"; 2], &tripled), [true, true]);
    for proving in ["doubled", "tripled"] {
        assert!(
            !folder.verdicts("tripled", [proving, "doubled"], &tripled)[1],
            "{proving}"
        );
    }
}

/// A file in which the constant was made a witness has another key, so that a verifier of this one refuses its proofs.
#[test]
fn a_constant_that_is_not_fixed_has_another_key() {
    let folder = Folder::new();
    folder.make_srs(FRAME.logrows);
    let compiled = Compiled::of(&scaled(2), FRAME);
    let mut decoder = Decoder::new(&compiled.bytes);
    decoder.circuit();
    let [visibility] = decoder.visibilities[..] else {
        panic!("one constant");
    };
    folder.write_circuit("fixed", &compiled);
    let mut private = compiled.bytes.clone();
    assert_eq!(private[visibility], 4);
    private[visibility] = 0;
    folder.write("private", &private);
    folder.calls(&[folder.setup("fixed"), folder.setup("private")]);
    assert_ne!(folder.read("fixed.vk"), folder.read("private.vk"));
    let honest: [&[i128]; 2] = [&[1, -2, 3], &[2, -4, 6]];
    assert_eq!(folder.verdicts("fixed", ["fixed"; 2], &honest), [true, true]);
    assert!(!folder.verdicts("private", ["private", "fixed"], &honest)[1]);
}

/// Every constant of every circuit is written as one.
#[test]
fn constants_are_fixed() {
    for graph in [every_operator(), scaled(2), joined(2)] {
        let compiled = Compiled::of(&graph, FRAME);
        let mut decoder = Decoder::new(&compiled.bytes);
        decoder.circuit();
        assert!(!decoder.visibilities.is_empty());
        assert!(
            decoder
                .visibilities
                .iter()
                .all(|&at| compiled.bytes[at..at + 4] == [4, 0, 0, 0])
        );
    }
}

/// A number that no float holds comes through.
#[test]
fn constants_are_exact() {
    let folder = Folder::new();
    folder.make_srs(FRAME.logrows);
    let mut graph = Graph::default();
    let (x, y) = (graph.input(2), graph.input(2));
    let large =
        Element::new(alloy_primitives::U256::from(1) << 200 | alloy_primitives::U256::from(1)).unwrap();
    let constant = graph.constant(&[2], vec![large, Element::from(-1)]);
    let again = graph.constant(&[2], vec![large, Element::from(-1)]);
    let first = graph.multiply(x, constant);
    let second = graph.multiply(y, again);
    let difference = graph.subtract(first, second);
    graph.output(difference);
    folder.write_circuit("exact", &Compiled::of(&graph, FRAME));
    folder.calls(&[folder.setup("exact")]);
    assert_eq!(
        folder.verdicts("exact", ["exact"; 2], &[&[3, 5], &[2, 7]]),
        [true, true]
    );
    let witness = folder.json("witness.json");
    let outputs: Vec<String> = serde_json::from_value(witness["outputs"][0].clone()).unwrap();
    let element = |element: Element| alloy_primitives::hex::encode(element.number().to_le_bytes::<32>());
    assert_eq!(outputs, [element(large), element(Element::from(2))]);
}

#[test]
fn the_same_circuit_has_the_same_bytes() {
    let written = || Compiled::of(&every_operator(), FRAME);
    assert_eq!(written(), written());
}

/// A small model's committed circuit, and a witness of it.
fn committed() -> (CommittedCircuit, Witness) {
    let mut graph = model::graph::Graph::default();
    let input = graph.input("input", &[1, 2, 4, 4]).unwrap();
    let convolution = Op::Conv2d(Conv2d {
        weight: input::seeded_uniform(&[3, 2, 3, 3], 1),
        bias: Some(input::seeded_uniform(&[3], 2)),
        window: Window::square(3, 1, 1),
        groups: 1,
    });
    let convolved = graph
        .apply("convolution", "convolved", convolution, &[input])
        .unwrap();
    let rectified = graph.apply("relu", "rectified", Op::Relu, &[convolved]).unwrap();
    graph.outputs.push(rectified);
    let options = CommittedOptions {
        inner_columns: Some(1),
        digit_bits: Some(10),
        ..CommittedOptions::new(4, Integers::of_input(4, 1.0), InputAssurance::Ranged, true)
    };
    let circuit = committed::lower(&graph, &options, &evmbench::prover::Ezkl).unwrap();
    let witness = circuit.witness(&input::seeded_uniform(&[1, 2, 4, 4], 3)).unwrap();
    (circuit, witness)
}

/// Where the other process of the next test writes.
const FOLDER: &str = "EVMBENCH_TEST_FOLDER";

#[test]
#[ignore = "run by the next test, in processes of its own"]
fn a_process_writes_a_circuit() {
    let circuit = committed().0;
    let compiled = Compiled::of_committed(&circuit);
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    std::fs::write(folder.join("circuit"), &compiled.bytes).unwrap();
    std::fs::write(folder.join("settings.json"), compiled.settings.to_string()).unwrap();
}

#[test]
fn two_processes_and_folders_have_the_same_files_and_key() {
    let made = || {
        let folder = Folder::new();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "compiled::a_process_writes_a_circuit", "--ignored"])
            .env(FOLDER, folder.0.path())
            .status();
        assert!(status.unwrap().success());
        folder.make_srs(committed().0.logrows());
        folder.calls(&[folder.setup("circuit")]);
        folder
    };
    let (first, second) = (made(), made());
    for name in ["circuit", "settings.json"] {
        assert_eq!(first.read(name), second.read(name), "{name}");
    }
    // Strings for tests are random, and keys rest on them.
    std::fs::copy(first.path("srs"), second.path("srs")).unwrap();
    second.calls(&[second.setup("circuit")]);
    assert_eq!(first.read("circuit.vk"), second.read("circuit.vk"));
}
