//! The circuit of a record, its key, its verifier and its commitments, made again with EZKL; and its function judged again.

use evmbench_ezkl::{CircuitSettings, EzklProver, ProverError, Reproduced, Silent};
use evmbench_judge::{FunctionCheck, JudgeError, OnnxRuntime, Trial};
use evmbench_schema::record::Record;
use evmbench_subject::subject::Subject;

use super::{Exhibits, Rebuilt};

/// Why nothing was made again where nobody asked for it.
pub(super) const NOT_ASKED: &str = "key and verifier were not made again; `audit --reproduce` does that";

/// Why nothing was judged again, likewise.
pub(super) const NOT_JUDGED: &str = "it was not judged again; `audit --reproduce` does that";

/// What was made again.
#[derive(Debug, Clone)]
pub struct MadeAgain {
    /// Settings, key, verifier and commitments; else why not, in words.
    pub reproduced: Result<Reproduced, String>,
    /// What the judge says of the circuit; else why nothing, in words.
    pub judged: Result<FunctionCheck, String>,
}

impl MadeAgain {
    fn nothing(why: &str) -> Self {
        Self {
            reproduced: Err(why.to_owned()),
            judged: Err(why.to_owned()),
        }
    }
}

/// Makes again what the record's key and verifier must be: EZKL's setup is deterministic for one model and one reference
/// string. The circuit is judged on the way, as it was in the run.
///
/// # Errors
/// [`ProverError`] for trouble with the machine. Why something cannot be made again is in [`MadeAgain`].
pub fn reproduce(
    record: &Record,
    exhibits: &Exhibits,
    rebuilt: &Rebuilt,
    prover: &EzklProver,
) -> Result<MadeAgain, ProverError> {
    let subject = match &rebuilt.subject {
        Ok(subject) if rebuilt.input_known => subject,
        Ok(_) => return Ok(MadeAgain::nothing("the input is not at hand")),
        Err(why) => return Ok(MadeAgain::nothing(why.why())),
    };
    let settings = exhibits.evidence.settings.as_deref().map(CircuitSettings::parse);
    let (Some(Ok(settings)), Some(keys)) = (settings, &record.keys) else {
        return Ok(MadeAgain::nothing("the evidence holds no settings or no key"));
    };
    let string = prover.reference_string(keys.srs.logrows)?;
    if string.is_none_or(|string| string.sha256 != keys.srs.sha256) {
        let why = "the reference string that the key rests on is not at hand; --srs names its file";
        return Ok(MadeAgain::nothing(why));
    }
    let onnxruntime = onnxruntime(subject, prover);
    let trial = Trial::new(
        subject,
        onnxruntime.as_ref().ok().and_then(Option::as_ref),
        &Silent,
    );
    let made = prover.reproduce(&subject.job(), settings.json(), &trial)?;
    Ok(MadeAgain {
        // Of an exception of EZKL's the last line tells what it is.
        reproduced: made.map_err(|failure| failure.to_string().lines().last().unwrap_or_default().to_owned()),
        judged: match (&onnxruntime, trial.finish()) {
            (Err(error), _) => Err(error.to_string()),
            (Ok(_), Some(check)) => check.map_err(|error| error.to_string()),
            (Ok(_), None) => Err("the circuit was not run again".to_owned()),
        },
    })
}

/// What judges a user's model; the suite's are judged by the float model.
fn onnxruntime(subject: &Subject, prover: &EzklProver) -> Result<Option<OnnxRuntime>, JudgeError> {
    if !subject.request.is_of_file() {
        return Ok(None);
    }
    let onnxruntime = OnnxRuntime::beside(prover.toolchain());
    onnxruntime.install()?;
    Ok(Some(onnxruntime))
}
