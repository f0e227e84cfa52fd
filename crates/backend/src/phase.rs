//! What a backend measures of its steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One step of proving; each but `Srs` runs in a worker process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// `gen_settings`: a model's layout at the scales asked for.
    Settings,
    /// `calibrate_settings`: lookup ranges and 2^k from the calibration input.
    Calibrate,
    /// `compile_circuit`: ONNX to EZKL's circuit.
    Compile,
    /// A structured reference string of 2^k points, where none is cached: evmbench makes it, and for older records EZKL's `gen_srs`.
    Srs,
    /// `setup`: verifying and proving key.
    Setup,
    /// `kzg_commit`: commitments to a committed circuit's tensors.
    Commit,
    /// `gen_witness`: every cell's value for one input.
    Witness,
    /// `prove`.
    Prove,
    /// `verify`: EZKL's own check of the proof.
    Verify,
    /// `create_evm_verifier`: the Solidity source.
    Render,
    /// `create_evm_vka`: the key artifact that a reusable verifier takes.
    KeyArtifact,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Settings => "settings",
            Self::Calibrate => "calibrate",
            Self::Compile => "compile",
            Self::Srs => "srs",
            Self::Setup => "setup",
            Self::Commit => "commit",
            Self::Witness => "witness",
            Self::Prove => "prove",
            Self::Verify => "verify",
            Self::Render => "render",
            Self::KeyArtifact => "key_artifact",
        })
    }
}

/// Where a phase's figures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseSource {
    /// Measured in this run.
    Measured,
    /// Measured by an earlier run on this machine, whose result this run took from the cache.
    Cached,
    /// Measured in this run, but a warm-up that no statistic counts.
    WarmUp,
}

/// What one worker process took; of `Srs`, what evmbench itself took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseMeasurement {
    /// Which step.
    pub phase: Phase,
    /// Measured now, taken from the cache, or a warm-up.
    pub source: PhaseSource,
    /// Wall time inside EZKL's call, in seconds; absent when the worker died.
    pub call_seconds: Option<f64>,
    /// Processor time of all threads inside EZKL's call, in seconds: work of other processes hardly shows in it. Absent when
    /// the worker died, of `Srs`, and in records made before this was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// Wall time of the whole process, start to exit, in seconds.
    pub process_seconds: f64,
    /// The process's own peak resident set (`VmHWM`), in bytes; absent where the platform does not show it.
    pub peak_rss_bytes: Option<u64>,
    /// Size of the files that the phase wrote, in bytes.
    pub written_bytes: u64,
    /// The process's exit status; a crash at interpreter exit after the answer was written is kept here.
    pub exit_status: Option<i32>,
}

impl PhaseMeasurement {
    /// The same, told by a later run; a warm-up stays one.
    #[must_use]
    pub fn cached(&self) -> Self {
        let source = match self.source {
            PhaseSource::Measured => PhaseSource::Cached,
            other => other,
        };
        Self {
            source,
            ..self.clone()
        }
    }
}
