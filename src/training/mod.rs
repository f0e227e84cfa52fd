//! Training: a classifier of CIFAR-10 images with seeded weights becomes one with learned weights.
//!
//! Goes in: a model of the suite, the data, a recipe and a seed. Comes out: the model's ONNX file with the weights of the
//! epoch that did best on images held out of the training ones, and a history. The test images choose nothing. The same
//! arguments on the same kind of machine give the same weights: order, crops and flips are drawn from the seed and the
//! epoch's number, and sums are split by the number of threads alone.
//!
//! Histories can be read in every build. Training itself is built with the feature `train`: it brings burn.

#[cfg(feature = "train")]
mod batches;
#[cfg(feature = "train")]
mod checkpoint;
#[cfg(feature = "train")]
mod error;
#[cfg_attr(not(feature = "train"), expect(dead_code, reason = "only training makes one"))]
mod history;
#[cfg(feature = "train")]
mod network;
#[cfg_attr(not(feature = "train"), allow(dead_code, reason = "only training makes one"))]
mod recipe;
#[cfg(feature = "train")]
mod run;

#[cfg(feature = "train")]
pub use checkpoint::Checkpoint;
#[cfg(feature = "train")]
pub use error::TrainingError;
pub use history::{Epoch, History, Scores, Settings};
pub use recipe::{Recipe, RecipeName};
#[cfg(feature = "train")]
pub use run::{HELD_OUT_IMAGES, TrainingImages, Watch, train};
