//! `evmbench data`: its arguments, and where it is not built in what to do.

#[cfg(feature = "download")]
mod run;

use std::path::PathBuf;

use clap::ValueEnum;

use super::error::CliError;
use crate::cifar10;
use crate::home::Home;

#[cfg(feature = "download")]
pub(super) use run::run;

/// Download a data set, check its digest, and unpack it into evmbench's cache folder
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Which
    #[arg(value_enum)]
    set: DataSet,
    /// A mirror; what comes from it must have the official digest
    #[arg(long, value_name = "URL", default_value = cifar10::OFFICIAL_URL)]
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
        None => cifar10::unpacked(&Home::from_environment()?.data()),
    })
}

#[cfg(not(feature = "download"))]
pub(super) fn run(_: &Arguments) -> Result<super::Finding, CliError> {
    Err(CliError::NotBuilt {
        command: "data",
        feature: "download",
    })
}
