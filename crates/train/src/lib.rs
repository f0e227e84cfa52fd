//! Training: a classifier of CIFAR-10 images with seeded weights becomes one with learned weights.
//!
//! Goes in: a model of the suite, the data, a recipe and a seed. Comes out: the model's ONNX file with the weights of the
//! epoch that did best on images held out of the training ones, and a history. The test images choose nothing. The same
//! arguments on the same kind of machine give the same weights: order, crops and flips are drawn from the seed and the
//! epoch's number, and sums are split by the number of threads alone.
//!
//! Histories can be read in every build. Training itself is built with the feature `burn`, which brings the library.

#[cfg(feature = "burn")]
mod batches;
#[cfg(feature = "burn")]
mod checkpoint;
#[cfg(feature = "burn")]
mod error;
#[cfg_attr(not(feature = "burn"), expect(dead_code, reason = "only training makes one"))]
mod history;
#[cfg(feature = "burn")]
mod network;
#[cfg_attr(not(feature = "burn"), allow(dead_code, reason = "only training makes one"))]
mod recipe;
#[cfg(feature = "burn")]
mod run;

#[cfg(feature = "burn")]
pub use checkpoint::Checkpoint;
#[cfg(feature = "burn")]
pub use error::TrainingError;
pub use history::{Epoch, History, Scores, Settings};
pub use recipe::{Recipe, RecipeName};
#[cfg(feature = "burn")]
pub use run::{HELD_OUT_IMAGES, TrainingImages, Watch, train};

#[cfg(feature = "burn")]
use evmbench_cifar10 as cifar10;
#[cfg(feature = "burn")]
use evmbench_host::{files, hint, whole};
#[cfg(feature = "burn")]
use evmbench_model::{self as model, suite};
