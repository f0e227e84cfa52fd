//! A prover that replays what an earlier run left, so that every later stage can be tried in seconds without EZKL.

use sha2::{Digest as _, Sha256};

use super::{Job, Observer, Prover, ProverError, ProverRun};

/// A recorded run that does not answer a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordedError {
    /// The recording is of another model.
    #[error("the recording is of a model with SHA-256 {recorded}, and the job's has {asked}")]
    OtherModel {
        /// What was recorded.
        recorded: String,
        /// What the job asks for.
        asked: String,
    },
}

/// Answers one job with a run that was recorded.
#[derive(Debug)]
pub struct RecordedProver {
    onnx_sha256: String,
    run: ProverRun,
}

impl RecordedProver {
    /// A prover that answers jobs about the model with this digest (hexadecimal SHA-256) with `run`.
    pub fn new(onnx_sha256: String, run: ProverRun) -> Self {
        Self { onnx_sha256, run }
    }
}

impl Prover for RecordedProver {
    fn prove(&self, job: &Job, _observer: &dyn Observer) -> Result<ProverRun, ProverError> {
        let asked = alloy_primitives::hex::encode(Sha256::digest(&job.onnx));
        if asked != self.onnx_sha256 {
            return Err(RecordedError::OtherModel {
                recorded: self.onnx_sha256.clone(),
                asked,
            }
            .into());
        }
        Ok(self.run.clone())
    }
}
