//! ONNX's own backend node tests, from the PyPI package `onnx`: no operator that EZKL loads may give another result in silence.
//!
//! Of each test the first input of floats stays an input and all others become constants. Its circuit is judged as every other,
//! on several inputs and without a proof. A sample of the tests runs with the others; all of them run, and the table in
//! `docs/operators.md` is written anew, by
//!
//! ```sh
//! UPDATE_OPERATORS=1 cargo test --test suite onnx_nodes:: -- --nocapture
//! ```

use crate::common;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use alloy_primitives::U256;
use evmbench::committed::{self, CommittedOptions, InputAssurance, Integers};
use evmbench::judge::{self, OnnxRuntime};
use evmbench::model::graph::Tensor;
use evmbench::model::integer::{self, integer_from_word};
use evmbench::model::onnx;
use evmbench::prover::{CircuitPlan, CircuitSettings, EzklOptions, EzklProver, Observer, Silent};
use evmbench::record::{Outcome, Request};
use evmbench::subject::Subject;
use prost::Message as _;
use tract_onnx::pb::{ModelProto, TensorProto, tensor_proto::DataType, type_proto};

/// One wheel, on every platform: only its test data is read.
const WHEEL: &str =
    "onnx==1.22.0 --hash=sha256:1d0a2bdb15eb2b3cb65c438f3423d9620d14fdce32f92380e6bb1b2e09568ef5\n";

const VERSION: &str = "1.22.0";

const SCALE: u32 = 7;

/// What a test comes to, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    /// The circuit's outputs are the reference's.
    Exact,
    /// They are, up to what fixed point costs.
    Within,
    /// They are too coarse: not verified.
    Imprecise,
    /// They are others: not verified.
    Wrong,
    /// evmbench refuses the model.
    Refused,
    /// EZKL refuses it, or has no witness.
    NoCircuit,
}

use Ending::{Exact, Imprecise, NoCircuit, Refused, Within, Wrong};

const ENDINGS: [Ending; 6] = [Exact, Within, Imprecise, Wrong, Refused, NoCircuit];

/// One node test with one input.
struct NodeTest {
    name: String,
    operator: String,
    model: Vec<u8>,
    input: Tensor,
    expected: Vec<Vec<f64>>,
}

/// What was found out.
struct Found {
    ending: Ending,
    /// Whether there is a committed circuit, whose integers are what the test expects.
    is_committed: bool,
    /// Why it would be a silent difference.
    silent: Option<String>,
    detail: String,
}

/// The folder of the tests, which the first caller downloads.
fn node_tests() -> PathBuf {
    let tools = common::tools();
    let folder = tools.home.root().join(format!("onnx-node-tests-{VERSION}"));
    if folder.is_dir() {
        return folder;
    }
    let partial = tempfile::tempdir_in(tools.home.root()).unwrap();
    let python = |arguments: &[&str]| {
        let output = Command::new(tools.toolchain.python())
            .arg("-I")
            .args(arguments)
            .current_dir(partial.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "ONNX's node tests cannot be installed; this needs a network once: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    std::fs::write(partial.path().join("requirements.txt"), WHEEL).unwrap();
    let platform = [
        "--platform=manylinux_2_28_x86_64",
        "--python-version=3.11",
        "--implementation=cp",
    ];
    let options = [
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
        "--dest=.",
        "-r",
        "requirements.txt",
    ];
    python(&[&["-m", "pip", "download", "--quiet"][..], &platform, &options].concat());
    let wheel = std::fs::read_dir(partial.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| Path::new(name).extension().is_some_and(|end| end == "whl"))
        .expect("pip has downloaded a wheel");
    python(&["-m", "zipfile", "-e", &wheel, "wheel"]);
    let tests = partial.path().join("wheel/onnx/backend/test/data/node");
    // Another process may have been faster.
    if std::fs::rename(tests, &folder).is_err() {
        assert!(folder.is_dir());
    }
    folder
}

/// Whether EZKL loads an operator.
fn is_loaded(operator: &str) -> bool {
    onnx::SUPPORTED.contains(&operator)
}

/// Whether EZKL loads it, or committed circuits have it.
fn is_known(operator: &str) -> bool {
    is_loaded(operator) || onnx::is_covered(operator)
}

/// Names of the tests of these operators, which are written as that operator.
fn names(folder: &Path, is_tested: fn(&str) -> bool) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.contains("_expanded"))
        .filter(|name| read_model(folder, name).is_some_and(|model| operator(&model, is_tested).is_some()))
        .collect();
    names.sort_unstable();
    names
}

fn read_model(folder: &Path, name: &str) -> Option<ModelProto> {
    let bytes = std::fs::read(folder.join(name).join("model.onnx")).ok()?;
    ModelProto::decode(&bytes[..]).ok()
}

/// The operator that a test is about, if it and all others beside it are tested.
fn operator(model: &ModelProto, is_tested: fn(&str) -> bool) -> Option<String> {
    let nodes = &model.graph.as_ref()?.node;
    let are_tested = nodes
        .iter()
        .all(|node| is_tested(&node.op_type) && node.domain.is_empty());
    let mut operators: Vec<&str> = nodes.iter().map(|node| node.op_type.as_str()).collect();
    // What makes a constant for the operator is not what is tested.
    if operators.len() > 1 {
        operators.retain(|&operator| operator != "Constant");
    }
    operators
        .first()
        .filter(|_| are_tested)
        .map(|&operator| operator.to_owned())
}

/// Operators whose tests give them integers of 8 bits.
const OF_INTEGERS: [&str; 4] = ["ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"];

/// A test with one input; none where no input is a tensor of floats, which evmbench asks for.
fn load(folder: &Path, name: &str) -> Option<NodeTest> {
    let mut model = read_model(folder, name)?;
    let operator = operator(&model, is_known)?;
    let tensor = |file: String| {
        let bytes = std::fs::read(folder.join(name).join("test_data_set_0").join(file)).ok()?;
        TensorProto::decode(&bytes[..]).ok()
    };
    let graph = model.graph.as_mut()?;
    let mut inputs = Vec::new();
    let mut given = None;
    for (index, port) in std::mem::take(&mut graph.input).into_iter().enumerate() {
        let is_tensor = matches!(
            port.r#type.as_ref()?.value,
            Some(type_proto::Value::TensorType(_))
        );
        let mut value = tensor(format!("input_{index}.pb")).filter(|_| is_tensor)?;
        let is_given = if OF_INTEGERS.contains(&&operator[..]) {
            index == 0
        } else {
            value.data_type() == DataType::Float
        };
        if given.is_none() && is_given {
            given = Some(floats(&value)?);
            inputs.push(port);
        } else {
            value.name.clone_from(&port.name);
            graph.initializer.push(value);
        }
    }
    graph.input = inputs;
    let outputs = graph.output.len();
    let expected = (0..outputs).map(|index| {
        let output = tensor(format!("output_{index}.pb"))?;
        numbers(&output)
    });
    Some(NodeTest {
        name: name.to_owned(),
        operator,
        input: given.filter(|tensor| !tensor.data.is_empty())?,
        expected: expected.collect::<Option<_>>()?,
        model: model.encode_to_vec(),
    })
}

fn floats(tensor: &TensorProto) -> Option<Tensor> {
    let shape: Vec<usize> = tensor.dims.iter().map(|&size| size as usize).collect();
    let data: Vec<f32> = numbers(tensor)?.into_iter().map(|x| x as f32).collect();
    (shape.iter().product::<usize>() == data.len()).then(|| Tensor::new(shape, data))
}

/// Elements of the types that outputs have.
fn numbers(tensor: &TensorProto) -> Option<Vec<f64>> {
    let raw = &tensor.raw_data;
    Some(match tensor.data_type() {
        DataType::Float if raw.is_empty() => tensor.float_data.iter().map(|&x| x.into()).collect(),
        DataType::Float => raw
            .as_chunks()
            .0
            .iter()
            .map(|&x| f32::from_le_bytes(x).into())
            .collect(),
        DataType::Double => raw.as_chunks().0.iter().map(|&x| f64::from_le_bytes(x)).collect(),
        DataType::Int64 if raw.is_empty() => tensor.int64_data.iter().map(|&x| x as f64).collect(),
        DataType::Int64 => raw
            .as_chunks()
            .0
            .iter()
            .map(|&x| i64::from_le_bytes(x) as f64)
            .collect(),
        DataType::Int32 => raw
            .as_chunks()
            .0
            .iter()
            .map(|&x| i32::from_le_bytes(x).into())
            .collect(),
        DataType::Bool | DataType::Uint8 => raw.iter().map(|&x| x.into()).collect(),
        DataType::Int8 => raw.iter().map(|&x| x.cast_signed().into()).collect(),
        _ => return None,
    })
}

/// An observer that keeps what the circuit gives on the first probe: the test's own input.
#[derive(Default)]
struct First(Mutex<Option<Vec<Vec<f64>>>>);

impl Observer<CircuitSettings> for First {
    fn accepts(&self, settings: &CircuitSettings, outputs: &[Option<Vec<Vec<U256>>>]) -> Result<(), String> {
        let values = outputs[0].as_ref().map(|outputs| {
            let outputs = outputs.iter().zip(settings.output_scales());
            outputs
                .map(|(words, &scale)| {
                    let unit = f64::from(-scale).exp2();
                    let value = |word: &U256| {
                        integer_from_word(word.to_be_bytes()).map_or(f64::NAN, |x| x as f64 * unit)
                    };
                    words.iter().map(value).collect()
                })
                .collect()
        });
        *self.0.lock().unwrap() = values;
        Ok(())
    }
}

struct Harness {
    prover: EzklProver,
    onnxruntime: OnnxRuntime,
    folder: PathBuf,
}

impl Harness {
    fn new() -> Self {
        let tools = common::tools();
        let onnxruntime = OnnxRuntime::beside(&tools.toolchain);
        onnxruntime.install().expect("onnxruntime is installed");
        Self {
            prover: EzklProver::new(
                &tools.home,
                tools.toolchain.clone(),
                EzklOptions {
                    threads: 1,
                    ..EzklOptions::for_home(&tools.home)
                },
            ),
            onnxruntime,
            folder: node_tests(),
        }
    }

    fn try_out(&self, test: &NodeTest) -> Found {
        let is_committed = matches!(committed_error(test), Some(error) if error <= COMMITTED_TOLERANCE);
        let refused = |detail: String| Found {
            ending: Refused,
            is_committed,
            silent: None,
            detail,
        };
        let files = tempfile::tempdir().unwrap();
        let (model, input) = (files.path().join("model.onnx"), files.path().join("input.json"));
        std::fs::write(&model, &test.model).unwrap();
        let data = serde_json::json!({ "input_data": [test.input.data] });
        std::fs::write(&input, data.to_string()).unwrap();
        let request = Request::of_file(CircuitPlan::direct(SCALE).unwrap());
        let subject = catch_unwind(AssertUnwindSafe(|| {
            Subject::from_onnx(&model, Some(&input), request)
        }));
        let Ok(subject) = subject else {
            return Found {
                ending: Refused,
                is_committed,
                silent: Some("evmbench panics".to_owned()),
                detail: String::new(),
            };
        };
        let subject = match subject {
            Ok(subject) => subject,
            Err(error) => return refused(error.to_string()),
        };
        let first = First::default();
        let check = judge::check(&subject, &self.prover, &self.onnxruntime, &first);
        let check = match check {
            Ok(Ok(Some(check))) => check,
            Ok(Ok(None)) => return refused("a committed circuit".to_owned()),
            Ok(Err(failure)) => {
                return Found {
                    ending: NoCircuit,
                    is_committed,
                    silent: None,
                    detail: failure.to_string(),
                };
            }
            Err(error) => return refused(error.to_string()),
        };
        let ending = match check.finding() {
            Some(Outcome::WrongFunction { .. }) => Wrong,
            Some(_) => Imprecise,
            None if check.integers.is_some() || check.max_error == Some(0.0) => Exact,
            None => Within,
        };
        let circuit = first.0.into_inner().unwrap().unwrap_or_default();
        let silent = [Exact, Within]
            .contains(&ending)
            .then(|| self.silent_difference(test, &circuit))
            .flatten();
        Found {
            ending,
            is_committed,
            silent,
            detail: check.sentence(),
        }
    }

    /// Why outputs that were found good are not those of ONNX's test after all: onnxruntime must give what the test expects, and the
    /// circuit what onnxruntime gives on the rounded input, up to what a few roundings cost.
    fn silent_difference(&self, test: &NodeTest, circuit: &[Vec<f64>]) -> Option<String> {
        let unit = f64::from(SCALE).exp2();
        let rounded = test
            .input
            .data
            .iter()
            .map(|&x| ((f64::from(x) * unit).round() / unit) as f32);
        let rounded = Tensor::new(test.input.shape.clone(), rounded.collect());
        let sets = [vec![test.input.clone()], vec![rounded]];
        let outputs = match self.onnxruntime.run(&test.model, &sets, &Silent) {
            Ok(outputs) => outputs,
            Err(error) => return Some(error.to_string()),
        };
        for (index, expected) in test.expected.iter().enumerate() {
            let [own, at_rounded] = [0, 1].map(|set| outputs.sets[set][index].clone());
            let range = range(expected);
            let far = |found: &[f64], expected: &[f64], limit: f64| {
                found.len() != expected.len()
                    || found
                        .iter()
                        .zip(expected)
                        .any(|(x, y)| x.is_nan() || y.is_nan() || (x - y).abs() > limit)
            };
            if far(&own, expected, 1e-3 * range + 1e-5) {
                return Some(format!(
                    "output {index} of onnxruntime is not what the test expects"
                ));
            }
            let circuit = circuit.get(index).map_or(&[][..], Vec::as_slice);
            if far(circuit, &at_rounded, judge::LEAST_RESOLUTION * range + 2.0 / unit) {
                return Some(format!(
                    "output {index} of the circuit is not what the test expects"
                ));
            }
        }
        None
    }
}

/// How far a committed circuit's result may be from what a test expects, as a part of the expected numbers' range, or of 1 where that is
/// less: at this scale inputs and weights have seven bits after the point.
const COMMITTED_TOLERANCE: f64 = 0.05;

/// The greatest distance of a committed circuit's integers from what the test expects, likewise as a part of the range; none where there is no
/// committed circuit of it.
fn committed_error(test: &NodeTest) -> Option<f64> {
    let model = onnx::parse(&test.model, Path::new("model.onnx")).ok()?;
    let onnx::Coverage::Full(graph) = model.coverage else {
        return None;
    };
    let bound = test
        .input
        .data
        .iter()
        .fold(1_f64, |most, x| most.max(f64::from(x.abs())));
    let is_of_integers = OF_INTEGERS.contains(&&test.operator[..]);
    let integers = Integers::of_input(if is_of_integers { 0 } else { SCALE }, bound);
    let options = CommittedOptions::new(SCALE, integers, InputAssurance::Registered, true);
    let circuit = committed::lower(&graph, &options, &evmbench::prover::Ezkl).ok()?;
    let witness = circuit.witness(&test.input).ok()?;
    let expected = test.expected.concat();
    assert_eq!(witness.result.len(), expected.len(), "{}", test.name);
    let limit = range(&expected).max(1.0);
    let found = witness
        .result
        .iter()
        .map(|&integer| integer as f64 / circuit.output_unit());
    let errors = found
        .zip(&expected)
        .map(|(found, expected)| (found - expected).abs() / limit);
    Some(errors.fold(0.0, f64::max))
}

fn range(numbers: &[f64]) -> f64 {
    let greatest = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    if greatest > least {
        greatest - least
    } else {
        greatest.abs()
    }
}

/// Tries all of these out, two at a time.
fn try_out_all(harness: &Harness, names: &[String]) -> Vec<(NodeTest, Found)> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Some(test) = load(&harness.folder, name) else {
                        continue;
                    };
                    let found = harness.try_out(&test);
                    println!("{name}: {:?} {}", found.ending, found.detail.replace('\n', " "));
                    results.lock().unwrap().push((test, found));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    results
}

fn document(results: &[(NodeTest, Found)]) -> String {
    const LAST: usize = ENDINGS.len();
    let mut counts: BTreeMap<&str, [usize; LAST + 1]> = onnx::SUPPORTED
        .iter()
        .map(|&name| (name, [0; LAST + 1]))
        .collect();
    for (test, found) in results {
        let column = ENDINGS.iter().position(|&ending| ending == found.ending).unwrap();
        let counts = counts.get_mut(test.operator.as_str()).unwrap();
        counts[column] += 1;
        counts[LAST] += usize::from(found.is_committed);
    }
    let mut text = format!(
        "# Operators\n\n\
         <!-- Written by `UPDATE_OPERATORS=1 cargo test --test suite onnx_nodes::`; do not edit. -->\n\n\
         Every operator that EZKL {} loads, by ONNX's own backend node tests (PyPI package `onnx` {VERSION}). Of each test the first input of\n\
         floats stays an input and all others are constants; the direct circuit at scale {SCALE} is then judged on {} inputs, by EZKL's\n\
         witnesses and without a proof, as `evmbench prove-and-verify` judges every direct circuit before it makes keys:\n\n\
         - **exact**: the outputs equal the exact integer reference, or onnxruntime's to the last digit.\n\
         - **within tolerance**: the distance from onnxruntime's outputs is what fixed point costs.\n\
         - **imprecise**: the outputs are too coarse beside their range for another function to be ruled out; the outcome is not\n\
           \"verified\".\n\
         - **another function**: EZKL's circuit computes something else; it is not proved, and the outcome is \"WRONG FUNCTION\".\n\
         - **refused**: evmbench refuses the model before anything is run, and says why.\n\
         - **no circuit**: EZKL itself refuses the model, or has no witness for the test's input.\n\n\
         The last column counts tests that have a committed circuit at the same scale, whose exact integers are what the test expects, up to {} of the\n\
         expected range.\n\n\
         No test ends as verified with outputs that ONNX does not expect. An operator without a number has no test with an input of\n\
         floats.\n\n\
         | operator | exact | within tolerance | imprecise | another function | refused | no circuit | committed |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
        evmbench::prover::EZKL_VERSION,
        judge::COUNT,
        COMMITTED_TOLERANCE,
    );
    let mut sums = [0; LAST + 1];
    let row = |name: &str, counts: &[usize; LAST + 1]| {
        let cells: Vec<String> = counts
            .iter()
            .map(|&count| {
                if count == 0 {
                    String::new()
                } else {
                    count.to_string()
                }
            })
            .collect();
        format!("| {name} | {} |\n", cells.join(" | "))
    };
    for (name, counts) in &counts {
        text += &row(name, counts);
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    text += &row("all", &sums);
    let named = |text: &mut String, ending: Ending, title: &str| {
        let of = results.iter().filter(|(_, found)| found.ending == ending);
        let names: Vec<String> = of.map(|(test, _)| format!("`{}`", test.name)).collect();
        writeln!(text, "\n{title}: {}.", names.join(", ")).unwrap();
    };
    named(&mut text, Wrong, "Of another function");
    named(&mut text, Imprecise, "Imprecise");
    text
}

fn document_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md")
}

/// A sample with every ending, and what each comes to; all of them where the document is renewed.
#[test]
fn no_operator_gives_another_result_in_silence() {
    let harness = Harness::new();
    let is_renewed = std::env::var_os("UPDATE_OPERATORS").is_some();
    let names: Vec<String> = if is_renewed {
        names(&harness.folder, is_loaded)
    } else {
        SAMPLE.iter().map(|(name, _)| (*name).to_owned()).collect()
    };
    let results = try_out_all(&harness, &names);
    let silent: Vec<String> = results
        .iter()
        .filter_map(|(test, found)| {
            Some(format!(
                "{}: {} ({})",
                test.name,
                found.silent.as_ref()?,
                found.detail
            ))
        })
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
    let expected: BTreeMap<&str, &[Ending]> = SAMPLE.into_iter().collect();
    let mut seen = 0;
    for (test, found) in &results {
        if let Some(expected) = expected.get(test.name.as_str()) {
            seen += 1;
            assert!(
                expected.contains(&found.ending),
                "{}: {:?}, {}",
                test.name,
                found.ending,
                found.detail
            );
        }
    }
    assert_eq!(seen, SAMPLE.len());
    if is_renewed {
        std::fs::write(document_path(), document(&results)).unwrap();
    }
}

/// Operators whose tests have committed circuits, all of them or some. Those of LayerNormalization have three outputs, which none has.
const COMMITTED: [&str; 89] = [
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "ArgMax",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Attention",
    "AveragePool",
    "Ceil",
    "Celu",
    "Clip",
    "Concat",
    "ConvInteger",
    "ConvTranspose",
    "Cos",
    "Cosh",
    "Div",
    "Elu",
    "Erf",
    "Exp",
    "Flatten",
    "Floor",
    "GRU",
    "Gather",
    "GatherElements",
    "GatherND",
    "Gelu",
    "GlobalAveragePool",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "InstanceNormalization",
    "LRN",
    "LSTM",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "MatMul",
    "MatMulInteger",
    "Max",
    "Mean",
    "MeanVarianceNormalization",
    "Mish",
    "Mul",
    "OneHot",
    "PRelu",
    "Pad",
    "Pow",
    "QLinearConv",
    "QLinearMatMul",
    "QuantizeLinear",
    "RMSNormalization",
    "RNN",
    "Reciprocal",
    "ReduceL1",
    "ReduceL2",
    "ReduceMax",
    "ReduceMean",
    "ReduceSumSquare",
    "Reshape",
    "Resize",
    "RotaryEmbedding",
    "Round",
    "ScatterElements",
    "ScatterND",
    "Shrink",
    "Sign",
    "Sin",
    "Sinh",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Swish",
    "Tan",
    "ThresholdedRelu",
    "TopK",
    "Transpose",
    "Where",
];

/// Tests whose two greatest numbers are the same one at this scale: another is the first.
const AT_A_JUMP: [&str; 1] = ["test_hardmax_axis_1"];

/// Tests with a number so near to where the function has no result that its rounding to seven bits costs more than is tolerated.
const NEAR_A_POLE: [&str; 1] = ["test_atanh"];

/// Every test that has a committed circuit: its integers are what ONNX expects.
#[test]
fn committed_circuits_are_onnxs() {
    let folder = node_tests();
    let mut operators = BTreeMap::new();
    let mut far = Vec::new();
    for name in names(&folder, is_known) {
        let Some(test) = load(&folder, &name) else {
            continue;
        };
        if let Some(error) = committed_error(&test) {
            *operators.entry(test.operator.clone()).or_insert(0) += 1;
            let is_rounded_away = AT_A_JUMP.iter().chain(&NEAR_A_POLE).any(|&known| known == name);
            if error > COMMITTED_TOLERANCE && !is_rounded_away {
                far.push(format!("{name}: {error}"));
            }
        }
    }
    println!(
        "{} tests have a committed circuit",
        operators.values().sum::<usize>()
    );
    assert!(far.is_empty(), "{far:#?}");
    let missing: Vec<&str> = COMMITTED
        .into_iter()
        .filter(|&name| !operators.contains_key(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What is wrong in EZKL's circuit may be refused before one is made, and may not be found good.
const NOT_GOOD: &[Ending] = &[Refused, Wrong];

const SAMPLE: [(&str, &[Ending]); 14] = [
    ("test_add", &[Exact, Within]),
    ("test_averagepool_2d_precomputed_same_upper", NOT_GOOD),
    ("test_clip_default_inbounds", &[Exact, Within]),
    ("test_expand_dim_changed", NOT_GOOD),
    ("test_gather_0", &[Exact, Within]),
    ("test_gather_negative_indices", NOT_GOOD),
    ("test_gemm_default_matrix_bias", &[Exact, Within]),
    // 1/9 is 14/128 at scale 7: every mean is off by 1.6%, which the tolerance holds and the range bears.
    ("test_globalaveragepool_precomputed", &[Within]),
    ("test_leakyrelu", &[Exact, Within]),
    ("test_relu", &[Exact]),
    ("test_sigmoid_example", &[Exact, Within]),
    ("test_softmax_axis_1", &[Exact, Within]),
    ("test_transpose_default", &[Exact, Within]),
    (
        "test_resize_upsample_scales_nearest_axes_2_3",
        &[Refused, Wrong, NoCircuit],
    ),
];

/// The exact integer reference against the tests' own expectations, at a scale at which hardly anything is rounded: its semantics are
/// ONNX's, whatever EZKL's are.
#[test]
fn the_integer_reference_is_onnxs() {
    let folder = node_tests();
    let mut compared = 0;
    for name in names(&folder, is_loaded) {
        let Some(test) = load(&folder, &name) else {
            continue;
        };
        let Ok(model) = onnx::parse(&test.model, Path::new("model.onnx")) else {
            continue;
        };
        let onnx::Coverage::Full(graph) = model.coverage else {
            continue;
        };
        let quantisation = integer::Quantisation {
            input_scale: REFERENCE_SCALE,
            param_scale: REFERENCE_SCALE,
            rebase_scale: None,
            scale_rebase_multiplier: 1,
            rebase_frac_zero_constants: false,
            epsilon: f64::EPSILON,
            lookup_range: (-(1 << 20), 1 << 20),
            logrows: 21,
            decomp_base: 16384,
            decomp_legs: 8,
            inputs_range_checked: true,
            outputs_range_checked: true,
        };
        let Ok(run) = integer::run(&graph, std::slice::from_ref(&test.input), &quantisation) else {
            continue;
        };
        for ((integers, scale), expected) in run.outputs.iter().zip(&run.output_scales).zip(&test.expected) {
            let unit = f64::from(*scale).exp2();
            let limit = 1e-2 * range(expected) + 1e-3;
            assert_eq!(integers.len(), expected.len(), "{name}");
            for (&integer, expected) in integers.iter().zip(expected) {
                let value = integer as f64 / unit;
                assert!(
                    (value - expected).abs() <= limit,
                    "{name}: {value} instead of {expected}"
                );
            }
        }
        compared += 1;
    }
    println!("{compared} tests are covered by the integer reference");
    assert!(compared >= 10, "{compared}");
}

/// Bits after the binary point: roundings are small, and tables still have room for the tests' inputs.
const REFERENCE_SCALE: i32 = 14;
