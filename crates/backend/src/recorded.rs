//! A prover that replays what an earlier run left, so that every later stage can be tried in seconds without the backend.

use std::fmt;

use crate::{Observer, Provable, Prover};

/// A recorded run that does not answer a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordedError {
    /// The recording is of another model or circuit.
    #[error("the recording is of a circuit with SHA-256 {recorded}, and the job's has {asked}")]
    OtherModel {
        /// What was recorded.
        recorded: String,
        /// What the job asks for.
        asked: String,
    },
}

/// Answers one job of a prover with a run of its that was recorded.
pub struct Recorded<P: Prover> {
    sha256: String,
    run: P::Run,
}

impl<P: Prover> Recorded<P> {
    /// A prover that answers jobs about the model or circuit with this digest ([`Provable::sha256`]) with `run`.
    pub fn new(sha256: String, run: P::Run) -> Self {
        Self { sha256, run }
    }
}

impl<P: Prover> fmt::Debug for Recorded<P>
where
    P::Run: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("sha256", &self.sha256)
            .field("run", &self.run)
            .finish()
    }
}

impl<P> Prover for Recorded<P>
where
    P: Prover,
    P::Run: Clone,
    P::Error: From<RecordedError>,
{
    type Job = P::Job;
    type Settings = P::Settings;
    type Run = P::Run;
    type Error = P::Error;

    fn prove(&self, job: &P::Job, _observer: &dyn Observer<P::Settings>) -> Result<P::Run, P::Error> {
        let asked = job.sha256();
        if asked != self.sha256 {
            return Err(RecordedError::OtherModel {
                recorded: self.sha256.clone(),
                asked,
            }
            .into());
        }
        Ok(self.run.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;

    struct Named(&'static str);

    impl Provable for Named {
        fn sha256(&self) -> String {
            self.0.to_owned()
        }
    }

    /// A backend that counts.
    struct Counting;

    impl Prover for Counting {
        type Job = Named;
        type Settings = ();
        type Run = usize;
        type Error = RecordedError;

        fn prove(&self, job: &Named, observer: &dyn Observer<()>) -> Result<usize, RecordedError> {
            observer.started("prove");
            Ok(job.0.len())
        }
    }

    #[test]
    fn a_recorded_run_answers_the_job_that_it_was_of() {
        let run = Counting.prove(&Named("abc"), &Silent).unwrap();
        let recorded = Recorded::<Counting>::new("abc".to_owned(), run);
        assert_eq!(recorded.prove(&Named("abc"), &Silent), Ok(3));
        let RecordedError::OtherModel { recorded, asked } = recorded.prove(&Named("x"), &Silent).unwrap_err();
        assert_eq!((&*recorded, &*asked), ("abc", "x"));
    }
}
