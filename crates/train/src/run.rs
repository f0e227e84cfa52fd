//! A training run: epochs of steps, each with a look at the images held out.

use std::time::Instant;

use burn::module::Module as _;
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::grad_clipping::GradientClippingConfig;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::batches::{self, Batch};
use super::checkpoint::Checkpoint;
use super::error::TrainingError;
use super::history::{Epoch, History, Scores, Settings};
use super::network::Network;
use crate::cifar10::{self, CLASSES, IMAGE_SHAPE, Images};
use crate::model::graph::Graph;
use crate::model::{fold, layers};
use crate::suite::ModelSpec;

/// Images of CIFAR-10's training ones, the last, that are held out to choose the best epoch by.
pub const HELD_OUT_IMAGES: usize = 5_000;

/// What a batch norm multiplies with at first. With 1 the dense layer, which reads thousands of its outputs, learned more
/// slowly, most of all where they are squared.
const NORM_SCALE: f32 = 0.5;

/// Images that are looked at at once without gradients.
const VALIDATION_BATCH: usize = 250;

/// Who watches a run, and may stop it.
pub trait Watch: Sync {
    /// A step has ended; so many of all steps of the run are done.
    fn step_ended(&self, done: usize, all: usize);
    /// An epoch has ended and is on disk.
    fn epoch_ended(&self, epoch: &Epoch);
    /// Whether to stop.
    fn interrupted(&self) -> bool;
}

/// What is trained on, and what is not but looked at after each epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingImages {
    /// Trained on.
    pub training: Images,
    /// Choose the best epoch.
    pub held_out: Images,
}

impl TrainingImages {
    /// The images but the last, and the last.
    ///
    /// # Panics
    /// When there are fewer than are to be held out.
    #[must_use]
    pub fn split(images: Images, held_out: usize) -> Self {
        let (training, held_out) = images.split_last(held_out);
        Self { training, held_out }
    }
}

/// Trains a model and returns its history; its weights are in the checkpoint's folder then.
///
/// # Errors
/// [`TrainingError`]. What was learned up to the last whole epoch is in the checkpoint's folder, whatever ended the run.
pub fn train(
    spec: &ModelSpec,
    images: &TrainingImages,
    settings: Settings,
    checkpoint: &Checkpoint,
    resume: bool,
    watch: &dyn Watch,
) -> Result<History, TrainingError> {
    let batch = settings.recipe.batch;
    if images.training.len() < batch || images.held_out.is_empty() {
        return Err(TrainingError::TooFewImages {
            training: images.training.len(),
            held_out: images.held_out.len(),
            batch,
        });
    }
    let graph = layers::build(spec, settings.seed);
    let [channels, height, width] = IMAGE_SHAPE;
    let classifies = graph
        .output_values()
        .all(|value| value.shape == [1, CLASSES.len()]);
    if spec.input_shape != [1, channels, height, width] || !classifies {
        return Err(TrainingError::NoClassifier {
            id: spec.id.to_owned(),
            shape: spec.input_shape.to_vec(),
        });
    }
    let graph = if settings.recipe.batch_norms {
        fold::with_batch_norms(&graph, NORM_SCALE)
    } else {
        graph
    };
    let history = History::new(settings, cifar10::digest([&images.training, &images.held_out]));
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(history.settings.threads)
        .build()?;
    let mut run = Run::start(graph, history, checkpoint, resume)?;
    threads.install(|| {
        while run.history.epochs.len() < run.history.settings.recipe.epochs {
            let epoch = run.epoch(images, watch)?;
            checkpoint.save(&run.graph, &run.optimizer, &run.history)?;
            watch.epoch_ended(&epoch);
        }
        Ok(run.history)
    })
}

/// A training run between two epochs.
struct Run {
    /// With the weights after the last epoch.
    graph: Graph,
    device: Device,
    network: Network,
    optimizer: ModuleOptimizer,
    loss: CrossEntropyLoss,
    history: History,
}

impl Run {
    fn start(
        graph: Graph,
        history: History,
        checkpoint: &Checkpoint,
        resume: bool,
    ) -> Result<Self, TrainingError> {
        let device = Device::flex().autodiff();
        let recipe = history.settings.recipe;
        let optimizer = AdamConfig::new()
            .with_weight_decay(Some(WeightDecayConfig::new(recipe.weight_decay)))
            .with_grad_clipping(Some(GradientClippingConfig::Norm(recipe.clip_norm)))
            .init();
        let (graph, optimizer, history) = if resume && checkpoint.exists() {
            checkpoint.load(graph, optimizer, &history)?
        } else {
            (graph, optimizer, history)
        };
        Ok(Self {
            network: Network::new(&graph, &device)?,
            loss: CrossEntropyLossConfig::new().init(&device),
            graph,
            device,
            optimizer,
            history,
        })
    }

    /// One pass over the training images, and a look at those held out.
    fn epoch(&mut self, images: &TrainingImages, watch: &dyn Watch) -> Result<Epoch, TrainingError> {
        let TrainingImages { training, held_out } = images;
        let Settings { recipe, seed, .. } = self.history.settings;
        let done = self.history.epochs.len();
        let start = Instant::now();
        let steps = training.len() / recipe.batch;
        let all = steps * recipe.epochs;
        let mut loss_sum = 0.0;
        let phase = recipe.phase(done);
        let padding = if phase.crops { recipe.crop_padding } else { 0 };
        let batches = batches::Epoch::new(training, seed, done, recipe.batch, padding);
        for (step, batch) in batches.enumerate() {
            if watch.interrupted() {
                return Err(TrainingError::Interrupted { kept: done });
            }
            let position = (done - phase.epochs.start) * steps + step;
            let progress = position as f64 / (steps * phase.epochs.len()) as f64;
            let rate = recipe.learning_rate_at(&phase, progress);
            let loss = self.step(batch, rate);
            if !loss.is_finite() {
                return Err(TrainingError::Diverged {
                    epoch: done + 1,
                    step: step + 1,
                    loss,
                    kept: done,
                });
            }
            loss_sum += f64::from(loss);
            watch.step_ended(done * steps + step + 1, all);
        }
        let trained = start.elapsed();
        self.network.write_into(&mut self.graph);
        let held_out = self.scores(held_out);
        Ok(self.history.push(loss_sum / steps as f64, held_out, trained))
    }

    /// One step of the optimizer; the mean loss of the batch before it.
    fn step(&mut self, batch: Batch, learning_rate: f64) -> f32 {
        let (images, labels) = tensors(batch, &self.device);
        let loss = self
            .loss
            .forward(self.network.forward(&self.graph, images), labels);
        let mean = loss.clone().into_scalar::<f32>();
        if mean.is_finite() {
            let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
            self.network = self
                .optimizer
                .step(learning_rate, self.network.clone(), gradients);
        }
        mean
    }

    fn scores(&self, images: &Images) -> Scores {
        let network = self.network.valid();
        let device = self.device.clone().inner();
        let (mut loss, mut right) = (0.0, 0);
        for batch in batches::unchanged(images, VALIDATION_BATCH) {
            let count = batch.labels.len();
            let expected = batch.labels.clone();
            let (pixels, labels) = tensors(batch, &device);
            let logits = network.forward(&self.graph, pixels);
            let answers = logits.clone().argmax(1).into_data();
            let answers = answers.iter::<i64>().zip(&expected);
            right += answers
                .filter(|(answer, label)| *answer == i64::from(**label))
                .count();
            let mean = CrossEntropyLossConfig::new()
                .init(&device)
                .forward(logits, labels);
            loss += f64::from(mean.into_scalar::<f32>()) * count as f64;
        }
        Scores {
            loss: loss / images.len() as f64,
            accuracy: right as f64 / images.len() as f64,
        }
    }
}

fn tensors(batch: Batch, device: &Device) -> (Tensor<4>, Tensor<1, Int>) {
    let [channels, height, width] = IMAGE_SHAPE;
    let count = batch.labels.len();
    let images = TensorData::new(batch.images, [count, channels, height, width]);
    let labels = TensorData::new(batch.labels, [count]);
    (
        Tensor::from_data(images, device),
        Tensor::from_data(labels, device),
    )
}
