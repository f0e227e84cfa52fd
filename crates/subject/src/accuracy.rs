//! How well a classifier does on CIFAR-10's test images: in `f32`, and in the integers of its circuit.
//!
//! Goes in: a layer graph, the images, and the scales of committed circuits. Comes out: for each scale an [`Accuracy`]. The
//! circuit's integers are those of the exact reference, which every proof is held against; EZKL's own witnesses of some
//! images can be held against it too.

use std::borrow::Cow;
use std::path::Path;

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use evmbench_cifar10::{self as cifar10, CLASSES, IMAGE_SHAPE, Images};
use evmbench_committed::{CommittedCircuit, CommittedError, ProgramError, Witness};
use evmbench_ezkl::CircuitKind;
use evmbench_host::hint::Hint;
use evmbench_host::parallel;
use evmbench_model::float::{FloatError, FloatModel};
use evmbench_model::graph::{Graph, Tensor};
use evmbench_model::input;
use evmbench_model::integer::integer_from_word;
use evmbench_model::onnx;
pub use evmbench_schema::accuracy::{Accuracy, IntegerChoices};
use evmbench_store::{self as store, StoreError};
use evmbench_suite::ModelSpec;

/// All that was found out about one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The model's id, or its file's name.
    pub model: String,
    /// SHA-256 of the ONNX bytes.
    pub onnx_sha256: String,
    /// The command that finds it out again.
    pub command: String,
    /// One for each circuit.
    pub accuracies: Vec<Accuracy>,
}

/// Why a model cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum AccuracyError {
    /// The model is no classifier of the images.
    #[error(
        "{name} takes inputs of shapes {inputs:?} and gives outputs of shapes {outputs:?}; to be evaluated, it must take \
         one image of {image} and give 1×10 logits"
    )]
    NoClassifier {
        /// The model.
        name: String,
        /// Shapes of its inputs.
        inputs: Vec<Vec<usize>>,
        /// Shapes of its outputs.
        outputs: Vec<Vec<usize>>,
        /// Shape of an image, in words.
        image: String,
    },
    /// The model does not run in `f32`.
    #[error(transparent)]
    Float(#[from] FloatError),
    /// The model has no committed circuit.
    #[error(transparent)]
    Committed(#[from] CommittedError),
    /// EZKL has no witness of an image.
    #[error("image {image}: {reason}")]
    NoWitness {
        /// Its number among the test images.
        image: usize,
        /// Why not.
        reason: String,
    },
    /// EZKL's witness is not the reference's.
    #[error("image {image}: {difference}")]
    Witness {
        /// Its number among the test images.
        image: usize,
        /// The first integer that differs.
        difference: String,
    },
    /// An evaluation cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One image as a model takes it: as a network of the suite says, else channel by channel and normalised.
#[must_use]
pub fn image(spec: Option<&ModelSpec>, images: &Images, index: usize) -> Tensor {
    match spec.filter(|spec| spec.input.is_image()) {
        Some(spec) => input::image(spec, images.pixels(index)),
        None => {
            let [channels, height, width] = IMAGE_SHAPE;
            Tensor::new(
                [1, channels, height, width],
                input::normalised(images.pixels(index)),
            )
        }
    }
}

/// Logits of every image in `f32`.
///
/// # Errors
/// [`AccuracyError::NoClassifier`] and [`AccuracyError::Float`].
pub fn float_logits(
    name: &str,
    graph: &Graph,
    spec: Option<&ModelSpec>,
    images: &Images,
) -> Result<Vec<Vec<f32>>, AccuracyError> {
    let shapes = |ids: &[evmbench_model::graph::ValueId]| -> Vec<Vec<usize>> {
        ids.iter().map(|&id| graph.shape(id).to_vec()).collect()
    };
    let (inputs, outputs) = (shapes(&graph.inputs), shapes(&graph.outputs));
    let [channels, height, width] = IMAGE_SHAPE;
    let own = spec.filter(|spec| spec.input.is_image());
    let image_shape = own.map_or(vec![1, channels, height, width], |spec| spec.input_shape.to_vec());
    if inputs != [image_shape.clone()] || outputs != [[1, CLASSES.len()]] {
        return Err(AccuracyError::NoClassifier {
            name: name.to_owned(),
            inputs,
            outputs,
            image: image_shape
                .iter()
                .map(usize::to_string)
                .collect::<Vec<_>>()
                .join("×"),
        });
    }
    let model = FloatModel::load(&onnx::write(graph))?;
    Ok(parallel::map(parallel::processors(), images.len(), || {
        |index| {
            let mut outputs = model.run(&[image(spec, images, index)])?;
            Ok::<_, FloatError>(outputs.swap_remove(0).data)
        }
    })?)
}

/// The circuit on every image, beside the logits in `f32`.
///
/// # Errors
/// [`AccuracyError::Committed`]: an image's integers are out of the range that the circuit was made for.
///
/// # Panics
/// When there are not as many logits as images.
pub fn of_committed(
    circuit: &CommittedCircuit,
    scale: u32,
    spec: Option<&ModelSpec>,
    images: &Images,
    float_logits: &[Vec<f32>],
) -> Result<Accuracy, AccuracyError> {
    assert_eq!(images.len(), float_logits.len(), "logits of every image");
    let unit = circuit.output_unit();
    let rows = parallel::map(parallel::processors(), images.len(), || {
        |index| {
            let integers = match circuit.witness(&image(spec, images, index)) {
                Ok(witness) => witness.result,
                Err(CommittedError::Program(ProgramError::Reach { .. })) => return Ok(None),
                Err(error) => return Err(error),
            };
            let (floats, label) = (&float_logits[index], images.label(index));
            Ok(Some(Row::new(&integers, unit, floats, label)))
        }
    })?;
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    let count = |holds: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| holds(row)).count();
    let logits = (rows.len() * CLASSES.len()).max(1);
    Ok(Accuracy {
        circuit: CircuitKind::Committed,
        scale,
        images: images.len(),
        images_sha256: cifar10::digest([images]),
        float_correct: (0..images.len())
            .filter(|&index| greatest(&float_logits[index]) == images.label(index))
            .count(),
        correct: count(&|row| row.integer == row.label),
        agreeing: count(&|row| row.integer == row.float),
        worst_logit_error: rows.iter().map(|row| row.worst_error).fold(0.0, f64::max),
        mean_logit_error: rows.iter().map(|row| row.error_sum).sum::<f64>() / logits as f64,
        greatest_logit: float_logits
            .iter()
            .flatten()
            .map(|logit| f64::from(logit.abs()))
            .fold(0.0, f64::max),
        witnesses: 0,
        without_proof: images.len() - rows.len(),
        integers: None,
    })
}

/// What one image comes to.
struct Row {
    label: usize,
    float: usize,
    integer: usize,
    worst_error: f64,
    error_sum: f64,
}

impl Row {
    fn new(integers: &[i128], unit: f64, floats: &[f32], label: usize) -> Self {
        let errors = integers
            .iter()
            .zip(floats)
            .map(|(&integer, &float)| (integer as f64 / unit - f64::from(float)).abs());
        Self {
            label,
            float: greatest(floats),
            integer: greatest(integers),
            worst_error: errors.clone().fold(0.0, f64::max),
            error_sum: errors.sum(),
        }
    }
}

/// Position of the greatest element, the first of equals.
pub fn greatest<T: PartialOrd>(logits: &[T]) -> usize {
    let later_only_if_greater =
        |best: usize, index: usize| if logits[index] > logits[best] { index } else { best };
    (0..logits.len()).fold(0, later_only_if_greater)
}

/// Holds the outputs in EZKL's witness of an image against the reference: the check is 0, and the logits are the same integers.
///
/// # Errors
/// [`AccuracyError::Witness`] with the first that differs.
pub fn compare_witness(
    index: usize,
    outputs: &[Vec<U256>],
    reference: &Witness,
) -> Result<(), AccuracyError> {
    let differs = |difference: String| AccuracyError::Witness {
        image: index,
        difference,
    };
    let [check, _challenge, shown @ ..] = outputs else {
        return Err(differs(format!("{} outputs", outputs.len())));
    };
    if *check != [U256::ZERO] {
        return Err(differs(format!("the check is {check:?}")));
    }
    let integers: Vec<Option<i128>> = shown
        .iter()
        .flatten()
        .map(|word| integer_from_word(word.to_be_bytes()))
        .collect();
    let expected: Vec<Option<i128>> = reference.result.iter().copied().map(Some).collect();
    if integers == expected {
        return Ok(());
    }
    Err(differs(format!("logits {integers:?}, not {expected:?}")))
}

impl Hint for AccuracyError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoClassifier { .. } => {
                Some("export it with a batch of 1, and its ten logits as the only output".into())
            }
            Self::Committed(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Float(_) | Self::NoWitness { .. } | Self::Witness { .. } => None,
        }
    }
}

impl Evaluation {
    /// What was found out about a circuit.
    pub fn of(&self, circuit: CircuitKind, scale: u32) -> Option<&Accuracy> {
        self.accuracies
            .iter()
            .find(|accuracy| accuracy.circuit == circuit && accuracy.scale == scale)
    }

    /// Writes it to a file.
    ///
    /// # Errors
    /// [`AccuracyError::Store`].
    pub fn save(&self, path: &Path) -> Result<(), AccuracyError> {
        Ok(store::write_json(path, self)?)
    }
}
