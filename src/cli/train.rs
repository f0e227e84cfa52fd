//! `evmbench train`: its arguments, and where it is not built in what to do.

#[cfg(feature = "train")]
mod run;

use std::path::PathBuf;

use super::numbers::{at_least_one, thread_count};
use crate::record::DEFAULT_SEED;
use crate::training::RecipeName;

#[cfg(feature = "train")]
pub(super) use run::run;

/// Train CNNs of the suite on CIFAR-10
///
/// Writes two files for each model: <ID>.onnx with the weights of the epoch that did best on 5,000 images held out of the
/// training ones, and <ID>.json with the history. Keep them in models/, and `prove-and-verify` takes them.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// cnn_relu, cnn_poly, cnn_mixed, cnn_strided, or all
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// Folder with data_batch_1.bin to test_batch.bin, or the official .tar.gz [default: where `evmbench data cifar10` puts
    /// them]
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// How the learning rate goes
    #[arg(long, value_enum, default_value = "study")]
    recipe: RecipeName,
    /// Passes over the training images
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least_one)]
    epochs: usize,
    /// Images a step
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = at_least_one)]
    batch: usize,
    /// Seed of the first weights, and of the order, crops and flips of the images
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// Threads; another number gives other weights
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = thread_count)]
    threads: usize,
    /// Where the files go
    #[arg(long, value_name = "DIR", default_value = "models")]
    out: PathBuf,
    /// Go on after the last epoch of a run with the same arguments
    #[arg(long)]
    resume: bool,
}

#[cfg(not(feature = "train"))]
pub(super) fn run(_: &Arguments) -> Result<super::Finding, super::error::CliError> {
    Err(super::error::CliError::NotBuilt {
        command: "train",
        feature: "train",
    })
}
