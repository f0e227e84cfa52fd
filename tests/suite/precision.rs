//! What rounding costs: a committed circuit is no further from the float model than the direct circuit at the same scale.

use std::path::PathBuf;

use crate::common::models::{floats, int, ints, operator, small, with, written};
use evmbench::committed::{self, CommittedOptions, InputAssurance, Integers};
use evmbench::model::float::FloatModel;
use evmbench::model::integer;
use evmbench::model::{input, layers, onnx};
use evmbench::prover::{CircuitKind, CircuitPlan, Io, settings};
use evmbench::record::Request;
use evmbench::store;
use evmbench::subject::Subject;
use evmbench::suite;
use tract_onnx::pb::ModelProto;

/// Scores of three places, each of which sees itself and those before it, in three forms that exporters write.
fn causal(form: &str) -> ModelProto {
    let mask = |kept: f32, left_out: f32| -> Vec<f32> {
        (0..9)
            .map(|at| if at % 3 <= at / 3 { kept } else { left_out })
            .collect()
    };
    let mut nodes = vec![
        operator("MatMul", &["x", "w"], "key"),
        with(operator("Transpose", &["key"], "turned"), ints("perm", &[1, 0])),
        operator("MatMul", &["x", "turned"], "score"),
    ];
    let mut constants = vec![floats("w", &[2, 2], &[0.5, -1.0, 0.75, 1.25])];
    match form {
        "added" => {
            constants.push(floats("mask", &[3, 3], &mask(0.0, -1e9)));
            nodes.push(operator("Add", &["score", "mask"], "masked"));
        }
        "infinite" => {
            constants.push(floats("mask", &[3, 3], &mask(0.25, f32::NEG_INFINITY)));
            nodes.push(operator("Add", &["mask", "score"], "masked"));
        }
        _ => {
            constants.push(floats("ones", &[3, 3], &mask(1.0, 0.0)));
            constants.push(floats("half", &[1], &[0.5]));
            constants.push(floats("least", &[1], &[f32::MIN]));
            nodes.push(operator("Greater", &["ones", "half"], "kept"));
            nodes.push(operator("Where", &["kept", "score", "least"], "masked"));
        }
    }
    nodes.push(with(operator("Softmax", &["masked"], "share"), int("axis", -1)));
    nodes.push(operator("MatMul", &["share", "x"], "y"));
    small(&[3, 2], nodes, constants)
}

/// Attention that a constant masks is laid out, and is as near to the float model as any.
#[test]
fn masked_attention_has_a_committed_circuit() {
    let folder = tempfile::tempdir().unwrap();
    for form in ["added", "infinite", "chosen"] {
        let file = written(&folder, form, &causal(form));
        let request = Request::of_file(CircuitPlan::committed(7, Io::Result).unwrap());
        let subject = Subject::from_onnx_calibrated(file.as_ref(), None, None, request).unwrap();
        let committed = subject.committed.as_ref().expect("a committed circuit");
        let float = FloatModel::load(&subject.onnx)
            .unwrap()
            .run(&subject.inputs)
            .unwrap();
        let unit = committed.circuit.output_unit();
        let error = largest_error(&committed.witness().result, unit, &float[0].data);
        assert!(error < 0.05, "{form}: {error}");
        let says_so = subject
            .notes
            .iter()
            .any(|note| note.contains("its elements of -inf"));
        assert_eq!(says_so, form == "infinite", "{:?}", subject.notes);
    }
}

/// The largest distance of an integer result from the float one.
fn largest_error(integers: &[i128], unit: f64, floats: &[f32]) -> f64 {
    assert_eq!(integers.len(), floats.len());
    let pairs = integers.iter().zip(floats);
    pairs
        .map(|(&integer, &float)| (integer as f64 / unit - f64::from(float)).abs())
        .fold(0.0, f64::max)
}

/// Under the settings that EZKL resolved for each direct record, whether or not it could be proved.
#[test]
fn committed_errors_are_not_above_direct_ones() {
    let mut compared = Vec::new();
    for suite in ["core", "scaling"] {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("results")
            .join(suite);
        for path in store::record_paths(&folder).unwrap() {
            let record = store::load(&folder.join(&path)).unwrap();
            let request = &record.request;
            let (CircuitKind::Direct, Some(circuit)) = (request.plan.kind(), &record.circuit) else {
                continue;
            };
            let spec = suite::find(&request.id).unwrap();
            let graph = layers::build(spec, request.seed);
            let inputs = [input::seeded(spec, request.seed)];
            let float = FloatModel::load(&onnx::write(&graph))
                .unwrap()
                .run(&inputs)
                .unwrap();
            let quantisation = settings::quantisation(&circuit.settings["run_args"]).unwrap();
            let direct = integer::run(&graph, &inputs, &quantisation).unwrap();
            let direct_unit = f64::from(direct.output_scales[0]).exp2();
            let options = CommittedOptions::new(
                request.plan.scale(),
                Integers::of_input(request.plan.scale(), input::bound(spec)),
                InputAssurance::Registered,
                false,
            );
            let lowered = committed::lower(&graph, &options, &evmbench::prover::Ezkl).unwrap();
            let witness = lowered.witness(&inputs[0]).unwrap();
            let errors = [
                largest_error(&witness.result, lowered.output_unit(), &float[0].data),
                largest_error(&direct.outputs[0], direct_unit, &float[0].data),
            ];
            assert!(errors[0] <= errors[1], "{}: {errors:?}", request.name());
            compared.push(request.id.to_string());
        }
    }
    compared.sort_unstable();
    compared.dedup();
    assert!(compared.len() >= 12, "{compared:?}");
}

/// A network of the kind whose bounds run away: four convolutions and two dense layers, whose values stay small.
#[test]
fn a_deep_network_keeps_its_precision() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/w19_vggbn_precision");
    let [file, input] = ["network.onnx", "input.json"].map(|name| folder.join(name));
    if !file.exists() {
        eprintln!("skipped: {} is not there", file.display());
        return;
    }
    let request = Request::of_file(CircuitPlan::committed(7, Io::Result).unwrap());
    let subject = Subject::from_onnx_calibrated(&file, Some(&input), None, request.clone()).unwrap();
    let float = FloatModel::load(&subject.onnx)
        .unwrap()
        .run(&subject.inputs)
        .unwrap();
    let committed = subject.committed.as_ref().unwrap();
    let unit = committed.circuit.output_unit();
    let greatest = float[0].data.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    let error = largest_error(&committed.witness().result, unit, &float[0].data);
    assert!(error < 0.01 * f64::from(greatest), "{error} of {greatest}");
    assert!(
        subject.notes.iter().any(|note| note.contains("scale factors")),
        "{:?}",
        subject.notes
    );
    // What the request holds is enough to make the same circuit again.
    let again = Subject::from_onnx(&file, Some(&input), subject.request.clone()).unwrap();
    let again = again.committed.unwrap();
    assert_eq!(again.witness(), committed.witness());
    assert_eq!(again.circuit.graph().nodes(), committed.circuit.graph().nodes());
}
