//! The networks of the suites `tiny` and `classic`: what is laid out, and what public weights must be.

use std::path::{Path, PathBuf};

use evmbench::forecast;
use evmbench::model::onnx::{self, Coverage, OutputForm};
use evmbench::model::split::Split;
use evmbench::model::{layers, weights};
use evmbench::prover::{CircuitPlan, Io};
use evmbench::record::{PartRequest, Request, Source};
use evmbench::rederive::{Given, NotRebuilt, rebuild};
use evmbench::subject::{Material, Subject, SubjectError};
use evmbench::suite::{self, Experiment, ModelSpec, NETWORKS, Suite};
use evmbench::trained;
use sha2::{Digest as _, Sha256};

/// What each of them must fit into.
const BUDGET_BYTES: u64 = 24 << 30;

fn request(model: &ModelSpec) -> Request {
    let graph = layers::build(model, 0);
    let elements = graph
        .output_values()
        .map(|value| value.shape.iter().product::<usize>());
    let plan = CircuitPlan::committed(7, Io::default_for_outputs(elements.sum())).unwrap();
    Request::new(model.id, model.category.name(), plan)
}

fn subject(
    model: &'static ModelSpec,
    request: Request,
    weights: Option<&Path>,
) -> Result<Subject, SubjectError> {
    let material = Material {
        weights,
        ..Material::default()
    };
    Subject::from_suite(Experiment { model, scale: 7 }, request, material)
}

fn sha256(file: &Path) -> String {
    alloy_primitives::hex::encode(Sha256::digest(std::fs::read(file).unwrap()))
}

/// The public files, where they are.
fn public(model: &ModelSpec) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/mlperf-tiny");
    let file = trained::onnx_path(&folder, model.id);
    if !file.exists() {
        eprintln!("skipped: {} is not there", file.display());
        return None;
    }
    Some(file)
}

/// No key and no proof: the circuit, its forecast, and its own integers beside the float model's.
#[test]
fn every_network_is_a_committed_circuit_that_fits() {
    for model in &NETWORKS {
        let subject = subject(model, request(model), None).unwrap();
        assert_eq!(subject.model.weights, Source::Seeded { seed: 0 });
        assert!(!subject.request.is_of_file(), "{}", model.id);
        let committed = subject.committed.as_ref().unwrap();
        let forecast = forecast::of_committed(&committed.circuit, None, None).unwrap();
        let peak = forecast.peak_bytes().high;
        assert!(peak < BUDGET_BYTES, "{}: {peak} bytes", model.id);
        // What the request holds is enough to make the same circuit again.
        let experiment = Experiment { model, scale: 7 };
        let again = Subject::from_suite_as_recorded(experiment, subject.request.clone(), Material::default())
            .unwrap();
        let again = again.committed.unwrap();
        assert_eq!(
            again.circuit.graph().nodes(),
            committed.circuit.graph().nodes(),
            "{}",
            model.id
        );
    }
}

/// Where nothing but the sum's one tensor crosses.
#[test]
fn resnet20_goes_into_parts() {
    let model = suite::find("resnet20").unwrap();
    let split = Split {
        cuts: vec!["conv8".to_owned(), "conv15".to_owned()],
        tiles: 1,
    };
    let whole = request(model);
    let asked = Request {
        part: Some(PartRequest { split, index: 0 }),
        ..whole
    };
    let parts = subject(model, asked, None).unwrap().parts().unwrap();
    assert_eq!(parts.len(), 3);
    for part in &parts {
        let forecast = forecast::of_committed(&part.committed.as_ref().unwrap().circuit, None, None).unwrap();
        assert!(forecast.logrows <= 20, "{}", forecast.logrows);
    }
}

#[test]
fn the_public_files_are_of_their_architectures() {
    for model in Suite::Tiny.models() {
        let Some(file) = public(model) else { return };
        let loaded = onnx::load(&file, &onnx::Asked::default()).unwrap();
        weights::of_architecture(&layers::build(model, 0), &loaded.model.coverage, &file).unwrap();
        let Coverage::Full(graph) = &loaded.model.coverage else {
            panic!("{} is covered", model.id)
        };
        assert_eq!(graph.input_values().next().unwrap().shape, model.input_shape);

        let subject = subject(model, request(model), Some(&file)).unwrap();
        assert_eq!(*subject.request.suite, *"tiny");
        assert_eq!(*subject.request.id, *model.id);
        assert!(subject.request.is_of_file());
        let sha256 = sha256(&file);
        assert_eq!(subject.model.weights, Source::File { sha256 });
        assert!(subject.committed.is_some());
        let other = if model.id == "resnet8" {
            "ds_cnn"
        } else {
            "resnet8"
        };
        let refused = self::subject(
            suite::find(other).unwrap(),
            request(suite::find(other).unwrap()),
            Some(&file),
        );
        assert!(matches!(refused, Err(SubjectError::Weights(_))), "{}", model.id);
    }
}

/// A file of a network's architecture stands for a public one: the request names it, and without it nothing is rebuilt.
#[test]
fn weights_of_a_file_are_rebuilt_with_the_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let model = suite::find("lenet5").unwrap();
    let [file, other] = ["lenet5", "other"].map(|name| trained::onnx_path(folder.path(), name));
    std::fs::write(&file, onnx::write(&layers::build(model, 5))).unwrap();
    std::fs::write(&other, onnx::write(&layers::build(model, 6))).unwrap();
    let proved = subject(model, request(model), Some(&file)).unwrap();
    assert_eq!(proved.model.onnx_sha256, sha256(&file));

    let seeded = subject(model, request(model), None).unwrap();
    assert_ne!(proved.model.onnx_sha256, seeded.model.onnx_sha256);
    assert_ne!(proved.request.name(), seeded.request.name());

    let rebuilt = |onnx| {
        let given = Given {
            onnx,
            ..Given::default()
        };
        rebuild(&proved.request, given)
    };
    assert!(matches!(rebuilt(None), Err(NotRebuilt::NotAtHand(_))));
    assert!(matches!(rebuilt(Some(&other)), Err(NotRebuilt::Contradicted(_))));
    let again = rebuilt(Some(&file)).unwrap();
    assert_eq!(again.request, proved.request);
    assert_eq!(again.model, proved.model);
    assert_eq!(again.input, proved.input);
}

/// The Softmax that stands last can be left off, of drawn weights as of a file's.
#[test]
fn a_network_without_its_softmax_is_another_model() {
    let model = suite::find("ds_cnn").unwrap();
    let asked = |output| Request {
        output,
        ..request(model)
    };
    let whole = subject(model, asked(OutputForm::Model), None).unwrap();
    let logits = subject(model, asked(OutputForm::Logits), None).unwrap();
    let argmax = subject(model, asked(OutputForm::Argmax), None).unwrap();
    let cells = |subject: &Subject| subject.committed.as_ref().unwrap().circuit.cells();
    assert!(cells(&logits) < cells(&whole));
    assert_eq!(logits.model.output_shapes, [[1, 12]]);
    assert_eq!(argmax.model.output_shapes.concat().iter().product::<usize>(), 1);
    assert!(logits.model.description.ends_with("without its last Softmax"));
    let refused = subject(
        suite::find("fc_autoencoder").unwrap(),
        Request {
            output: OutputForm::Logits,
            ..request(suite::find("fc_autoencoder").unwrap())
        },
        None,
    );
    assert!(refused.unwrap_err().to_string().contains("no Softmax"));
}
