//! What rounding costs: a committed circuit is no further from the float model than the direct circuit at the same scale.

use std::path::PathBuf;

use evmbench::committed::{self, CommittedOptions, InputAssurance, Integers};
use evmbench::model::float::FloatModel;
use evmbench::model::integer;
use evmbench::model::{input, layers, onnx};
use evmbench::prover::{CircuitKind, CircuitPlan, Io, settings};
use evmbench::record::Request;
use evmbench::store;
use evmbench::subject::Subject;
use evmbench::suite;

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
