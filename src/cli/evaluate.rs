//! `evmbench evaluate`: a classifier and the test images → how many it gets right, in `f32` and in its circuits' integers.

use std::path::{Path, PathBuf};

use super::error::CliError;
use super::numbers::at_least_one;
use super::output::{fitted, note, say};
use super::progress::Progress;
use super::{Finding, data, setup};
use crate::accuracy::{self, Accuracy, AccuracyError, Evaluation, IntegerChoices};
use crate::cifar10::{self, Images};
use crate::committed::{
    self, CommittedCircuit, CommittedError, CommittedOptions, InputAssurance, Integers, Reach,
};
use crate::digests::sha256_hex;
use crate::files::{self, MOST_MODEL_BYTES};
use crate::home::Home;
use crate::metric::Metric;
use crate::model::graph::Graph;
use crate::model::input::{Numbers, Slot};
use crate::model::onnx::{self, Coverage, OutputForm};
use crate::model::{input, layers, weights};
use crate::prover::{
    CircuitPlan, CommittedInputs, Ezkl, EzklOptions, EzklProver, Io, Job, JobCircuit, VerifierKind,
};
use crate::record::{DEFAULT_SEED, Request};
use crate::report::table::{Column, Table};
use crate::scale_factors;
use crate::subject::{self, Material, Subject, SubjectError, TestImage};
use crate::suite::{self, Experiment, ModelSpec};
use crate::trained;

/// Count how many CIFAR-10 test images a classifier gets right, in f32 and in the integers of its committed circuit
///
/// The exact integer reference looks at all images; with --witnesses, EZKL computes its own witness of some, which must
/// equal the reference to the last integer.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// cnn_relu, cnn_poly, cnn_mixed, cnn_strided, all of these, or a network that looks at CIFAR-10's images, as resnet8
    #[arg(value_name = "ID", required_unless_present = "onnx", conflicts_with = "onnx")]
    ids: Vec<String>,
    /// A classifier of your own: it takes one 1×3×32×32 image, normalised as CIFAR-10 usually is, and gives ten logits
    #[arg(long, value_name = "FILE")]
    onnx: Option<PathBuf>,
    /// Inputs that the scale factors of a classifier of your own, or of a network, are chosen by, as prove-and-verify takes them
    #[arg(long, value_name = "FILE|DIR")]
    calibration: Option<PathBuf>,
    /// Folder with the images, or the official .tar.gz [default: where `evmbench data cifar10` puts them]
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Read <ID>.onnx from this folder, and write <ID>.accuracy.json beside it [default: the models that evmbench comes
    /// with, and nothing is written]
    #[arg(long, value_name = "DIR", conflicts_with = "onnx")]
    models: Option<PathBuf>,
    /// Read the weights of networks, <ID>.onnx, from this folder, as prove-and-verify does; nothing is written
    #[arg(long, value_name = "DIR", conflicts_with_all = ["onnx", "models"])]
    weights_dir: Option<PathBuf>,
    /// Of a network, the numbers before the Softmax that stands last, as with `prove-and-verify --output logits`
    #[arg(long, conflicts_with = "onnx")]
    logits: bool,
    /// Bits after the binary point, several with commas
    #[arg(long, value_name = "BITS", value_delimiter = ',', default_value = "7,10")]
    scale: Vec<u32>,
    /// Only the first of the images
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    images: Option<usize>,
    /// For so many images, evenly spread, compare EZKL's own witness with the reference
    #[arg(long, value_name = "N", default_value_t = 0)]
    witnesses: usize,
    /// Print JSON, one object for each model
    #[arg(long)]
    json: bool,
}

/// The scale at which a network's file is looked at first.
const DEFAULT_SCALE: u32 = 7;

/// A model to look at.
struct Candidate {
    name: String,
    onnx: Vec<u8>,
    graph: Graph,
    kind: Kind,
}

/// Where a model is from, which decides how its circuit is laid out.
enum Kind {
    /// A model of a suite, with weights from a file, or with those that it comes with.
    Suite(&'static ModelSpec, Option<PathBuf>),
    /// A user's file.
    Users,
}

impl Candidate {
    /// The model of a suite that it is, where it is one.
    fn spec(&self) -> Option<&'static ModelSpec> {
        match self.kind {
            Kind::Suite(spec, _) => Some(spec),
            Kind::Users => None,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let candidates = candidates(arguments)?;
    let home = Home::from_environment()?;
    let mut images = cifar10::read_test(&data::cifar10_path(arguments.data.as_ref())?)?;
    if let Some(count) = arguments.images.filter(|&count| count < images.len()) {
        let rest = images.len() - count;
        images = images.split_last(rest).0;
    }
    let progress = Progress::new();
    let prover = match arguments.witnesses {
        0 => None,
        _ => {
            let toolchain = setup::toolchain(&home, &progress)?;
            Some(EzklProver::new(&home, toolchain, EzklOptions::for_home(&home)))
        }
    };
    let mut table = Table::new([
        Column::text("model"),
        Column::text("circuit"),
        Column::written("scale"),
        Column::written_of(Metric::TestImages),
        Column::written_of(Metric::FloatRight),
        Column::written_of(Metric::Right),
        Column::written_of(Metric::Agreement),
        Column::written_of(Metric::WorstLogitError),
        Column::written_of(Metric::MeanLogitError),
        Column::written_of(Metric::Witnesses),
    ]);
    for candidate in candidates {
        progress.label(candidate.name.clone());
        let mut evaluation = Evaluation {
            model: candidate.name.clone(),
            onnx_sha256: sha256_hex(&candidate.onnx),
            command: command(arguments, &candidate.name),
            accuracies: Vec::new(),
        };
        let spec = candidate.spec();
        let logits = accuracy::float_logits(&candidate.name, &candidate.graph, spec, &images)?;
        for &scale in &arguments.scale {
            let (circuit, plan, integers) = lower(&candidate, scale, arguments, &images)?;
            let mut accuracy = accuracy::of_committed(&circuit, scale, spec, &images, &logits)?;
            accuracy.integers = integers;
            if let Some(prover) = &prover {
                let count = arguments.witnesses;
                accuracy.witnesses =
                    witnesses(prover, &circuit, plan, &candidate, &images, count, &progress)?;
            }
            if accuracy.without_proof > 0 {
                note!(
                    "{} at scale {scale}: {} of {} images would have no proof, since a value goes beyond its table",
                    candidate.name,
                    accuracy.without_proof,
                    accuracy.images
                );
            }
            table.row(row(&candidate.name, &accuracy));
            evaluation.accuracies.push(accuracy);
        }
        if let Some(folder) = &arguments.models {
            evaluation.save(&trained::evaluation_path(folder, &candidate.name))?;
        }
        if arguments.json {
            say!(
                "{}",
                serde_json::to_string(&evaluation).expect("an evaluation is plain data")
            )?;
        }
    }
    progress.clear();
    if !arguments.json {
        say!("{}", fitted(&table))?;
    }
    Ok(Finding::Good)
}

fn candidates(arguments: &Arguments) -> Result<Vec<Candidate>, CliError> {
    let Some(path) = &arguments.onnx else {
        let models = suite::composites_or(&arguments.ids)?;
        return models
            .into_iter()
            .map(|model| suite_candidate(model, arguments))
            .collect();
    };
    let loaded = onnx::load(path, &onnx::Asked::default()).map_err(SubjectError::from)?;
    let (onnx, model) = loaded.into_parts();
    let graph = match model.coverage {
        Coverage::Full(graph) => graph,
        Coverage::Partial(uncovered) => {
            return Err(AccuracyError::from(CommittedError::UnknownOperators(uncovered)).into());
        }
    };
    Ok(vec![Candidate {
        name: subject::file_id(path).to_string(),
        onnx,
        graph,
        kind: Kind::Users,
    }])
}

fn suite_candidate(model: &'static ModelSpec, arguments: &Arguments) -> Result<Candidate, CliError> {
    if !model.category.is_of_study() {
        return network_candidate(model, arguments);
    }
    if arguments.weights_dir.is_some() || arguments.calibration.is_some() || arguments.logits {
        return Err(CliError::Usage(
            "--weights-dir, --calibration and --logits are for networks, and a CNN of the study is named",
        ));
    }
    let path = arguments
        .models
        .as_ref()
        .map(|folder| trained::onnx_path(folder, model.id));
    let onnx = match &path {
        Some(path) => files::read(path, MOST_MODEL_BYTES).map_err(|source| CliError::Io {
            action: "read",
            path: path.clone(),
            source,
        })?,
        None => trained::find(model.id)
            .ok_or(CliError::Usage(
                "only the CNNs of the suite come trained; name one, or give --onnx",
            ))?
            .onnx
            .to_vec(),
    };
    let name = trained::onnx_path(
        arguments.models.as_deref().unwrap_or(Path::new("models")),
        model.id,
    );
    let graph = weights::from_onnx_bytes(layers::build(model, DEFAULT_SEED), &onnx, &name)
        .map_err(SubjectError::from)?;
    Ok(Candidate {
        name: model.id.to_owned(),
        onnx,
        graph,
        kind: Kind::Suite(model, path),
    })
}

fn network_candidate(model: &'static ModelSpec, arguments: &Arguments) -> Result<Candidate, CliError> {
    let folder = arguments.weights_dir.as_deref().ok_or(CliError::Usage(
        "a network comes without weights: --weights-dir DIR has <ID>.onnx",
    ))?;
    let path = trained::onnx_path(folder, model.id);
    // How the file is read does not hang on the scale.
    let request = suite_request(model, DEFAULT_SCALE, arguments)?;
    let (loaded, _) = subject::read_network(model, Some(&path), &request)?;
    let (onnx, read) = loaded.into_parts();
    let Coverage::Full(graph) = read.coverage else {
        unreachable!("it is of the network's architecture")
    };
    Ok(Candidate {
        name: model.id.to_owned(),
        onnx,
        graph,
        kind: Kind::Suite(model, Some(path)),
    })
}

fn suite_request(model: &ModelSpec, scale: u32, arguments: &Arguments) -> Result<Request, CliError> {
    let plan = CircuitPlan::committed(scale, Io::Result)?;
    let output = if arguments.logits {
        OutputForm::Logits
    } else {
        OutputForm::Model
    };
    Ok(Request {
        output,
        ..Request::new(model.id, model.category.name(), plan)
    })
}

/// The circuit that `prove-and-verify` proves of a classifier, with what its integers hang on; of a user's, but for who assures that the input
/// is in range.
fn lower(
    candidate: &Candidate,
    scale: u32,
    arguments: &Arguments,
    images: &Images,
) -> Result<(CommittedCircuit, CircuitPlan, Option<IntegerChoices>), CliError> {
    let (graph, calibration) = (&candidate.graph, arguments.calibration.as_deref());
    if let Kind::Suite(model, path) = &candidate.kind {
        let image = TestImage::of(images, 0);
        let material = Material {
            weights: path.as_deref(),
            image: image.as_ref(),
            calibration,
            ..Material::default()
        };
        let subject = Subject::from_suite(
            Experiment { model, scale },
            suite_request(model, scale, arguments)?,
            material,
        )?;
        let circuit = subject
            .committed
            .expect("a committed circuit was asked for")
            .circuit;
        let request = &subject.request;
        return Ok((circuit, request.plan, request.integer_choices()));
    }
    let options = CommittedOptions::new(
        scale,
        Integers::of_input(scale, input::image_bound()),
        InputAssurance::Ranged,
        true,
    );
    let committed = |reach: &Reach| {
        let circuit = committed::lower_within(graph, &options, reach, &Ezkl);
        let plan = CircuitPlan::committed(scale, Io::Result)?;
        Ok((circuit.map_err(AccuracyError::from)?, plan, None))
    };
    let is_users = matches!(candidate.kind, Kind::Users)
        && (calibration.is_some() || committed::rounds(graph, &options));
    if !is_users || images.is_empty() {
        return committed(&Reach::NOTHING);
    }
    let slot = Slot {
        name: &candidate.name,
        shape: &[1, 3, 32, 32],
        numbers: Numbers::Floats,
    };
    let proved = [accuracy::image(None, images, 0)];
    let factors = scale_factors::measure(graph, &[slot], None, &proved, input::image_bound(), calibration);
    committed(&factors.map_err(SubjectError::from)?.reach)
}

/// Has EZKL compute its witness of so many images, each of which must be the reference's; how many there were.
fn witnesses(
    prover: &EzklProver,
    circuit: &CommittedCircuit,
    plan: CircuitPlan,
    candidate: &Candidate,
    images: &Images,
    count: usize,
    progress: &Progress,
) -> Result<usize, CliError> {
    let (name, scale) = (&candidate.name, plan.scale());
    let count = count.min(images.len());
    for number in 0..count {
        let index = number * images.len() / count;
        let witness = circuit
            .witness(&accuracy::image(candidate.spec(), images, index))
            .map_err(AccuracyError::from)?;
        let job = Job {
            name: format!("{name}-s{scale}"),
            circuit: JobCircuit::Committed(Box::new(CommittedInputs::of(circuit, witness.clone()))),
            plan,
            verifier: VerifierKind::Plain,
            runs: 1,
            warmup: 0,
        };
        progress.label(format!(
            "{name} at scale {scale}, witness {} of {count}",
            number + 1
        ));
        let outputs = prover.witness_outputs(&job, progress)?;
        let outputs = outputs.map_err(|failure| AccuracyError::NoWitness {
            image: index,
            reason: format!("{failure:?}"),
        })?;
        accuracy::compare_witness(index, &outputs, &witness)?;
    }
    Ok(count)
}

fn command(arguments: &Arguments, name: &str) -> String {
    let scales: Vec<String> = arguments.scale.iter().map(u32::to_string).collect();
    let mut command = match &arguments.onnx {
        Some(_) => format!("evmbench evaluate --onnx {name}.onnx"),
        None if arguments.weights_dir.is_some() => format!("evmbench evaluate {name} --weights-dir DIR"),
        None => format!("evmbench evaluate {name} --models models"),
    };
    command += &format!(" --data DIR --scale {}", scales.join(","));
    if let Some(images) = arguments.images {
        command += &format!(" --images {images}");
    }
    if arguments.calibration.is_some() {
        command += " --calibration FILE";
    }
    if arguments.logits {
        command += " --logits";
    }
    if arguments.witnesses > 0 {
        command += &format!(" --witnesses {}", arguments.witnesses);
    }
    command
}

fn row(name: &str, accuracy: &Accuracy) -> Vec<String> {
    let percent = |part: f64| format!("{:.2}%", 100.0 * part);
    vec![
        name.to_owned(),
        accuracy.circuit.to_string(),
        accuracy.scale.to_string(),
        accuracy.images.to_string(),
        percent(accuracy.float_part_correct()),
        percent(accuracy.part_correct()),
        percent(accuracy.agreeing as f64 / accuracy.images.max(1) as f64),
        format!("{:.4}", accuracy.worst_logit_error),
        format!("{:.4}", accuracy.mean_logit_error),
        accuracy.witnesses.to_string(),
    ]
}
