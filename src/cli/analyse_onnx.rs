//! `evmbench analyse-onnx`: what the program asks itself about a user's file, in a process of its own.

use std::io;

use super::Finding;
use super::error::CliError;
use crate::model::onnx;

/// The command's name.
pub(super) const COMMAND: &str = "analyse-onnx";

/// Reads an ONNX file from stdin and writes what tract makes of it; for the program itself
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_arguments: &Arguments) -> Result<Finding, CliError> {
    onnx::answer(&mut io::stdin().lock(), &mut io::stdout().lock()).map_err(CliError::Output)?;
    Ok(Finding::Good)
}
