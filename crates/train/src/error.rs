//! What can end a training run.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::hint::Hint;
use crate::model::weights::WeightsError;
use crate::whole::FileError;

/// Why a network was not trained to the end.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The graph has an operator without gradients here.
    #[error("node {node:?} is a {operator}, which cannot be trained")]
    Operator {
        /// Name of the node.
        node: String,
        /// ONNX name of the operator.
        operator: &'static str,
    },
    /// The model is no classifier of the images.
    #[error(
        "{id} takes an input of shape {shape:?}; only classifiers of 3×32×32 images in ten classes are trained"
    )]
    NoClassifier {
        /// The model.
        id: String,
        /// Shape of its input.
        shape: Vec<usize>,
    },
    /// There are too few images for one step, or none to choose the best epoch by.
    #[error("there are {training} images to train on and {held_out} held out; a step takes {batch}")]
    TooFewImages {
        /// Images to train on.
        training: usize,
        /// Images held out.
        held_out: usize,
        /// Images that a step takes.
        batch: usize,
    },
    /// The loss is not a number any more.
    #[error(
        "the loss is {loss} at step {step} of epoch {epoch}; what was learned up to epoch {kept} is kept"
    )]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step in it, counted from 1.
        step: usize,
        /// NaN or infinite.
        loss: f32,
        /// The last epoch with a checkpoint; 0 where there is none.
        kept: usize,
    },
    /// The checkpoint belongs to another run.
    #[error("{} is of another run: its {difference} differs", path.display())]
    OtherRun {
        /// The checkpoint's folder.
        path: PathBuf,
        /// What differs.
        difference: &'static str,
    },
    /// The checkpoint's weights do not fit the model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The state of the optimizer cannot be written or read.
    #[error("{} holds no state of the optimizer: {reason}", path.display())]
    Optimizer {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// There cannot be that many threads.
    #[error("start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The user stopped it.
    #[error("stopped; --resume goes on after epoch {kept}")]
    Interrupted {
        /// The last epoch with a checkpoint; 0 where there is none.
        kept: usize,
    },
}

impl Hint for TrainingError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoClassifier { .. } => {
                Some("train cnn_relu, cnn_poly, cnn_mixed, cnn_strided or all".into())
            }
            Self::Diverged { .. } => {
                Some("try another --seed, or the recipe with a warm-up: --recipe normed".into())
            }
            Self::OtherRun { .. } => {
                Some("give the arguments of that run, or leave out --resume to start anew".into())
            }
            Self::Optimizer { .. } => Some("leave out --resume to start anew".into()),
            Self::Operator { .. }
            | Self::TooFewImages { .. }
            | Self::Weights(_)
            | Self::File(_)
            | Self::Threads(_)
            | Self::Interrupted { .. } => None,
        }
    }
}
