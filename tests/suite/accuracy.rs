//! Accuracy in the circuit's integers: the trained models that evmbench comes with, a foreign ONNX classifier, and what is said
//! where there is none.

use crate::common;
use std::path::{Path, PathBuf};
use std::process::Command;

use evmbench::accuracy::{self, AccuracyError, Evaluation};
use evmbench::cifar10::{IMAGE_BYTES, Images};
use evmbench::committed::{self, CommittedOptions, InputAssurance, Integers};
use evmbench::model::graph::{AvgPool2d, BatchNorm, Conv2d, Gemm, Graph, MaxPool2d, Op, Tensor, Window};
use evmbench::model::onnx::Coverage;
use evmbench::model::{float::FloatModel, fold, input, layers, onnx, weights};
use evmbench::prover::CircuitKind;
use evmbench::record::Request;
use evmbench::suite::{self, Category, STUDY_SCALES};
use evmbench::trained::{self, TRAINED};
use evmbench::training::History;
use sha2::{Digest as _, Sha256};

/// Synthetic images: as many as asked for, of every class.
fn images(count: usize) -> Images {
    let labels: Vec<u8> = (0..count).map(|index| (index % 10) as u8).collect();
    let pixels = (0..count * IMAGE_BYTES)
        .map(|at| ((at * 2_654_435_761) >> 11) as u8)
        .collect();
    Images::new(labels, pixels)
}

/// A folder with a `test_batch.bin` of 10,000 synthetic images.
fn test_batch() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let images = images(10_000);
    let mut bytes = Vec::new();
    for index in 0..images.len() {
        bytes.push(images.label(index) as u8);
        bytes.extend_from_slice(images.pixels(index));
    }
    std::fs::write(folder.path().join("test_batch.bin"), bytes).unwrap();
    folder
}

/// What a PyTorch user's export has: convolutions with batch norms, both pools, a flatten and a dense layer.
fn foreign() -> Graph {
    let conv = |inputs: usize, outputs: usize, stride, seed| {
        Op::Conv2d(Conv2d {
            weight: scaled(&[outputs, inputs, 3, 3], 0.3, seed),
            bias: None,
            window: Window::square(3, stride, 1),
            groups: 1,
        })
    };
    let norm = |channels: usize, seed| {
        let mut variance = scaled(&[channels], 0.5, seed);
        variance.data.iter_mut().for_each(|x| *x = x.abs() + 0.5);
        Op::BatchNorm(BatchNorm {
            scale: scaled(&[channels], 1.0, seed + 1),
            bias: scaled(&[channels], 0.2, seed + 2),
            mean: scaled(&[channels], 0.2, seed + 3),
            variance,
            epsilon: 1e-5,
        })
    };
    let mut graph = Graph::default();
    let x = graph.input("image", &[1, 3, 32, 32]).unwrap();
    let x = graph.apply("conv1", "v1", conv(3, 4, 2, 1), &[x]).unwrap();
    let x = graph.apply("bn1", "v2", norm(4, 10), &[x]).unwrap();
    let x = graph.apply("relu1", "v3", Op::Relu, &[x]).unwrap();
    let x = graph
        .apply(
            "max",
            "v4",
            Op::MaxPool2d(MaxPool2d(Window::square(2, 2, 0))),
            &[x],
        )
        .unwrap();
    let x = graph.apply("conv2", "v5", conv(4, 4, 1, 2), &[x]).unwrap();
    let x = graph.apply("bn2", "v6", norm(4, 20), &[x]).unwrap();
    let x = graph.apply("relu2", "v7", Op::Relu, &[x]).unwrap();
    let x = graph
        .apply(
            "avg",
            "v8",
            Op::AvgPool2d(AvgPool2d(Window::square(2, 2, 0))),
            &[x],
        )
        .unwrap();
    let x = graph.apply("flatten", "v9", Op::Flatten, &[x]).unwrap();
    let dense = Op::Gemm(Gemm {
        weight: scaled(&[10, 64], 0.3, 3),
        bias: Some(scaled(&[10], 0.1, 4)),
    });
    let x = graph.apply("fc", "logits", dense, &[x]).unwrap();
    graph.outputs.push(x);
    graph
}

fn scaled(shape: &[usize], factor: f32, seed: u64) -> Tensor {
    let mut tensor = input::seeded_uniform(shape, seed);
    tensor.data.iter_mut().for_each(|x| *x *= factor);
    tensor
}

fn evmbench() -> Command {
    let mut command = common::evmbench();
    command.env("EVMBENCH_HOME", common::tools().home.root());
    command
}

fn said(command: &mut Command) -> (bool, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// The files in `models/` are of one kind: the weights are those that history and evaluation speak of, and fit their model.
#[test]
fn every_cnn_comes_trained_with_its_history_and_evaluation() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models");
    for model in suite::MODELS
        .iter()
        .filter(|model| model.category == Category::Composite)
    {
        let trained = trained::find(model.id).expect(model.id);
        let graph =
            weights::from_onnx_bytes(layers::build(model, 0), trained.onnx, Path::new(model.id)).unwrap();
        assert_eq!(
            onnx::write(&graph),
            trained.onnx,
            "evmbench writes what train wrote"
        );
        let history: History = evmbench::store::read_json(&trained::history_path(&folder, model.id)).unwrap();
        assert_eq!(history.settings.model, model.id);
        assert_eq!(
            history.epochs.len(),
            history.settings.recipe.epochs,
            "a whole run"
        );
        let best = history.best().unwrap();
        let greatest = |history: &History| {
            let held_out = history.epochs.iter().map(|epoch| epoch.held_out.accuracy);
            held_out.fold(0.0, f64::max)
        };
        assert!(best.held_out.accuracy >= greatest(&history), "{}", model.id);
        let evaluation = trained.evaluation();
        let sha256 = alloy_primitives::hex::encode(Sha256::digest(trained.onnx));
        assert_eq!(evaluation.onnx_sha256, sha256, "{}", model.id);
        for scale in STUDY_SCALES {
            let accuracy = evaluation.of(CircuitKind::Committed, scale).expect("both scales");
            assert_eq!(accuracy.images, 10_000);
            assert!(accuracy.witnesses >= 20, "{} at scale {scale}", model.id);
            let study = suite::study_accuracy(model.id).unwrap();
            assert!(
                100.0 * accuracy.part_correct() >= study.published,
                "{} at scale {scale}: {accuracy:?}",
                model.id
            );
            assert!(accuracy.integers.is_some());
        }
    }
    assert_eq!(TRAINED.len(), 4);
}

/// A record has the evaluation of its own circuit, and none where its integers are others.
#[test]
fn an_accuracy_is_of_the_circuit_that_is_proved() {
    let mut records = 0;
    for path in common::record_paths() {
        let record = evmbench::store::load(&path).unwrap();
        let request = &record.request;
        if trained::find(request.id.as_str()).is_none() || request.plan.kind() != CircuitKind::Committed {
            continue;
        }
        let found = trained::accuracy(&record.model.onnx_sha256, request);
        let Some(accuracy) = record.accuracy else {
            assert_eq!(found, None, "{}", path.display());
            continue;
        };
        assert_eq!(found.as_ref(), Some(&accuracy), "{}", path.display());
        assert_eq!(accuracy.integers, request.integer_choices());
        records += 1;
        let digit_bits = request.committed_plan().unwrap().digit_bits();
        let plan = request.plan.with_digits(digit_bits - 1, Some(0)).unwrap();
        let other = Request {
            plan,
            ..request.clone()
        };
        assert_eq!(trained::accuracy(&record.model.onnx_sha256, &other), None);
    }
    assert!(records >= 8, "{records}");
}

/// Counting is by the float model's and the reference's own answers, image by image.
#[test]
fn counts_are_those_of_single_images() {
    let (graph, images) = (foreign(), images(12));
    let logits = accuracy::float_logits("foreign", &graph, None, &images).unwrap();
    let options = CommittedOptions::new(
        7,
        Integers::of_input(7, input::image_bound()),
        InputAssurance::Ranged,
        true,
    );
    let circuit = committed::lower(&graph, &options, &evmbench::prover::Ezkl).unwrap();
    let found = accuracy::of_committed(&circuit, 7, None, &images, &logits).unwrap();
    let float = FloatModel::load(&onnx::write(&graph)).unwrap();
    let (mut float_correct, mut correct, mut agreeing, mut worst) = (0, 0, 0, 0.0_f64);
    for index in 0..images.len() {
        let image = accuracy::image(None, &images, index);
        let expected = &float.run(std::slice::from_ref(&image)).unwrap()[0].data;
        let integers = circuit.witness(&image).unwrap().result;
        let (a, b) = (accuracy::greatest(expected), accuracy::greatest(&integers));
        float_correct += usize::from(a == images.label(index));
        correct += usize::from(b == images.label(index));
        agreeing += usize::from(a == b);
        for (integer, logit) in integers.iter().zip(expected) {
            worst = worst.max((*integer as f64 / circuit.output_unit() - f64::from(*logit)).abs());
        }
    }
    assert_eq!(
        (found.float_correct, found.correct, found.agreeing),
        (float_correct, correct, agreeing)
    );
    assert!((found.worst_logit_error - worst).abs() < 1e-12);
    assert!(found.mean_logit_error > 0.0 && found.mean_logit_error < worst);
}

/// What both of PyTorch's exporters write is read whole, and gives PyTorch's logits with batch norms folded and without.
#[test]
fn exports_of_pytorch_are_what_pytorch_computes() {
    #[derive(serde::Deserialize)]
    struct Expected {
        logits: Vec<f32>,
    }
    let expected: Expected = evmbench::store::read_json(&common::fixture("pytorch/logits.json")).unwrap();
    let [channels, height, width] = evmbench::cifar10::IMAGE_SHAPE;
    let x = Tensor::new(
        [1, channels, height, width],
        (0..IMAGE_BYTES)
            .map(|index| (index as f64).sin() as f32)
            .collect(),
    );
    for (exporter, layers) in [("dynamo", 8), ("torchscript", 10)] {
        let path = common::fixture(&format!("pytorch/{exporter}.onnx"));
        let model = onnx::load(&path, &onnx::Asked::default()).unwrap().model;
        let Coverage::Full(graph) = model.coverage else {
            panic!("{exporter}: {:?}", model.coverage)
        };
        assert_eq!(graph.nodes.len(), layers, "{exporter}");
        let folded = fold::batch_norms(&graph);
        assert_eq!(folded.nodes.len(), 8, "{exporter}");
        for graph in [&graph, &folded] {
            let float = FloatModel::load(&onnx::write(graph)).unwrap();
            let logits = &float.run(std::slice::from_ref(&x)).unwrap()[0].data;
            assert_eq!(logits.len(), expected.logits.len());
            for (found, expected) in logits.iter().zip(&expected.logits) {
                assert!(
                    (found - expected).abs() < 1e-4,
                    "{exporter}: {found}, not {expected}"
                );
            }
        }
    }
}

/// Foreign classifiers, batch norms and all, through the program; EZKL's own witness equals the reference.
#[test]
fn a_foreign_classifier_is_evaluated() {
    let folder = test_batch();
    let path = folder.path().join("foreign.onnx");
    std::fs::write(&path, onnx::write(&foreign())).unwrap();
    evaluates(folder.path(), &path, "foreign");
    evaluates(
        folder.path(),
        &common::fixture("pytorch/torchscript.onnx"),
        "torchscript",
    );
}

fn evaluates(data: &Path, path: &Path, name: &str) {
    let (ok, stdout, stderr) = said(
        evmbench()
            .args([
                "evaluate",
                "--json",
                "--scale",
                "7",
                "--images",
                "40",
                "--witnesses",
                "2",
                "--data",
            ])
            .arg(data)
            .arg("--onnx")
            .arg(path),
    );
    assert!(ok, "{stderr}");
    let evaluation: Evaluation = serde_json::from_str(&stdout).unwrap();
    assert_eq!(evaluation.model, name);
    let accuracy = evaluation.of(CircuitKind::Committed, 7).unwrap();
    assert_eq!((accuracy.images, accuracy.witnesses), (40, 2));
    assert!(accuracy.agreeing >= 36, "{accuracy:?}");
}

#[test]
fn a_witness_that_differs_in_one_unit_is_told() {
    use alloy_primitives::U256;
    let witness = committed::Witness {
        input: Vec::new(),
        output: Vec::new(),
        claims: Vec::new(),
        result: vec![3, 5],
    };
    let outputs = |check: u64, logit: u64| {
        vec![
            vec![U256::from(check)],
            vec![U256::from(99)],
            vec![U256::from(3), U256::from(logit)],
        ]
    };
    assert!(accuracy::compare_witness(0, &outputs(0, 5), &witness).is_ok());
    for wrong in [outputs(1, 5), outputs(0, 6), outputs(0, 5)[..1].to_vec()] {
        let error = accuracy::compare_witness(4, &wrong, &witness).unwrap_err();
        assert!(
            matches!(error, AccuracyError::Witness { image: 4, .. }),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_classifier_is_refused() {
    let folder = test_batch();
    let relu = folder.path().join("relu.onnx");
    let graph = layers::build(suite::find("relu").unwrap(), 0);
    std::fs::write(&relu, onnx::write(&graph)).unwrap();
    let refused = |arguments: &[&str], message: &str| {
        let (ok, _, stderr) = said(evmbench().args(arguments).arg("--data").arg(folder.path()));
        assert!(!ok && stderr.contains(message), "{stderr}");
    };
    refused(
        &["evaluate", "--onnx", relu.to_str().unwrap()],
        "it must take one image of 1×3×32×32",
    );
    refused(&["evaluate", "dense"], "only the CNNs of the suite come trained");
    // The training images are not there.
    if cfg!(feature = "train") {
        refused(&["train", "cnn_strided"], "has no data_batch_1.bin");
    }
}

#[test]
fn a_cnn_looks_at_the_test_image_that_was_asked_for() {
    let folder = test_batch();
    let plan = |sample: &str| {
        let mut command = evmbench();
        command
            .args([
                "prove-and-verify",
                "cnn_strided",
                "--dry-run",
                "--sample",
                sample,
                "--data",
            ])
            .arg(folder.path());
        said(&mut command)
    };
    let [(ok, third, _), (_, fourth, _)] = ["3", "4"].map(plan);
    assert!(ok && third.contains("cnn_strided-s7-committed-"), "{third}");
    assert_ne!(third, fourth, "another image is another run");
    let (ok, _, stderr) = plan("10000");
    assert!(!ok && stderr.contains("--sample counts from 0"), "{stderr}");
}

#[cfg(feature = "download")]
#[test]
fn a_mirror_with_another_archive_is_refused() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/cifar.tar.gz", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\njunk")
            .unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    let (ok, _, stderr) = said(
        evmbench()
            .args(["data", "cifar10", "--url", &url, "--out"])
            .arg(folder.path()),
    );
    assert!(!ok && stderr.contains("SHA-256 digest"), "{stderr}");
    assert!(stderr.contains("hint: try again"), "{stderr}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
