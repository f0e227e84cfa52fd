//! What is not part of the repository, downloaded and checked.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Arguments, DataSet};
use crate::cifar10;
use crate::cli::Finding;
use crate::cli::error::CliError;
use crate::cli::output::say;
use crate::home::Home;

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
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
    let files = cifar10::download(&arguments.url, cifar10::OFFICIAL_SHA256, &folder, &progress);
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
