//! Something that turns jobs into proofs: a backend itself, or a run of it that was recorded.

use alloy_primitives::U256;

/// What a backend is asked to prove.
pub trait Provable {
    /// The digest of the model or circuit (hexadecimal SHA-256).
    fn sha256(&self) -> String;
}

/// Something that turns a job into proofs: it makes keys, proves, and checks the first proof itself.
pub trait Prover {
    /// What to prove.
    type Job: Provable;
    /// What is resolved of a circuit before keys are made.
    type Settings;
    /// What a run yields: measurements of its phases, and artifacts or the failure that stopped it.
    type Run;
    /// Why there was no run.
    type Error;

    /// Runs every phase of the job; a phase's failure is in the run.
    ///
    /// # Errors
    /// Only what is no finding about the job: the cache folder or a tool cannot be used.
    fn prove(
        &self,
        job: &Self::Job,
        observer: &dyn Observer<Self::Settings>,
    ) -> Result<Self::Run, Self::Error>;
}

/// One proof, as bytes and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What `verifyProof` takes as `bytes`.
    pub proof: Vec<u8>,
    /// What `verifyProof` takes as `uint256[]`: every public value, below the field's modulus.
    pub instances: Vec<U256>,
}

/// Who is told about progress, and who may stop it. `Settings` is what a backend resolves of a circuit before it makes keys.
pub trait Observer<Settings>: Sync {
    /// Who else hears of it, and answers whatever this observer does not itself.
    fn inner(&self) -> Option<&dyn Observer<Settings>> {
        None
    }
    /// A step begins.
    fn started(&self, step: &str) {
        if let Some(inner) = self.inner() {
            inner.started(step);
        }
    }
    /// The step goes on; the worker's resident memory in bytes where known.
    fn sampled(&self, rss_bytes: Option<u64>) {
        if let Some(inner) = self.inner() {
            inner.sampled(rss_bytes);
        }
    }
    /// The step is over.
    fn finished(&self) {
        if let Some(inner) = self.inner() {
            inner.finished();
        }
    }
    /// Something was found and mended that the user should know of; a line.
    fn noted(&self, line: &str) {
        if let Some(inner) = self.inner() {
            inner.noted(line);
        }
    }
    /// Whether the user has asked to stop.
    fn interrupted(&self) -> bool {
        self.inner().is_some_and(Observer::interrupted)
    }
    /// Whether keys may be made for a circuit with these settings; called once they are final, before anything large is.
    ///
    /// # Errors
    /// Why not, for people.
    fn admits(&self, settings: &Settings) -> Result<(), String> {
        self.inner().map_or(Ok(()), |inner| inner.admits(settings))
    }
    /// Inputs to run a circuit with these settings on before its keys are made, without proofs; of each one flat array for each
    /// graph input. The first is the input that is to be proved, up to rounding. None by default.
    fn probes(&self, settings: &Settings) -> Vec<Vec<Vec<f32>>> {
        self.inner().map_or_else(Vec::new, |inner| inner.probes(settings))
    }
    /// Whether keys may be made for a circuit that gives these words on the probes, for each probe and graph output; none for a
    /// probe of which there is no witness.
    ///
    /// # Errors
    /// Why not, for people.
    fn accepts(&self, settings: &Settings, outputs: &[Option<Vec<Vec<U256>>>]) -> Result<(), String> {
        self.inner()
            .map_or(Ok(()), |inner| inner.accepts(settings, outputs))
    }
}

/// An observer that hears nothing and never stops a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl<Settings> Observer<Settings> for Silent {}
