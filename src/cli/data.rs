//! `evmbench data`: what is not part of the repository, downloaded and checked.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Finding;
use super::error::CliError;
use super::output::say;
use crate::cifar10::{self, download};
use crate::home::Home;

/// Download a data set, check its digest, and unpack it into evmbench's cache folder
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Which
    #[arg(value_enum)]
    set: DataSet,
    /// A mirror; what comes from it must have the official digest
    #[arg(long, value_name = "URL", default_value = download::OFFICIAL_URL)]
    url: String,
    /// Another folder to unpack it into
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DataSet {
    /// 60,000 images in ten classes, 162 MiB
    Cifar10,
}

/// Where CIFAR-10's images are: where the user says, else where they are downloaded to.
pub(super) fn cifar10_path(given: Option<&PathBuf>) -> Result<PathBuf, CliError> {
    Ok(match given {
        Some(path) => path.clone(),
        None => download::unpacked(&Home::from_environment()?.data()),
    })
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let DataSet::Cifar10 = arguments.set;
    let folder = match &arguments.out {
        Some(folder) => folder.clone(),
        None => Home::from_environment()?.data(),
    };
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left")
    {
        bar.set_style(style);
    }
    let progress = |done, all: Option<u64>| {
        if let Some(all) = all {
            bar.set_length(all);
        }
        bar.set_position(done);
    };
    let files = download::download(&arguments.url, download::OFFICIAL_SHA256, &folder, &progress);
    bar.finish_and_clear();
    let files = files?;
    let data = cifar10::read(&files)?;
    say!(
        "{} images to train on and {} to test on in {}",
        data.train.len(),
        data.test.len(),
        files.display()
    )?;
    Ok(Finding::Good)
}
