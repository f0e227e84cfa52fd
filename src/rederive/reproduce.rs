//! The circuit of a record, its key, its verifier and its commitments, made again with EZKL.

use super::{Exhibits, Rebuilt};
use crate::bench;
use crate::prover::{CircuitSettings, EzklProver, ProverError, Reproduced, Silent};
use crate::record::Record;

/// Why nothing was made again where nobody asked for it.
pub(super) const NOT_ASKED: &str = "key and verifier were not made again; `audit --reproduce` does that";

/// Makes again what the record's key and verifier must be: EZKL's setup is deterministic for one model and one reference
/// string.
///
/// # Errors
/// [`ProverError`] for trouble with the machine. Why nothing can be made again is in the inner result, in words.
pub fn reproduce(
    record: &Record,
    exhibits: &Exhibits,
    rebuilt: &Rebuilt,
    prover: &EzklProver,
) -> Result<Result<Reproduced, String>, ProverError> {
    let subject = match &rebuilt.subject {
        Ok(subject) if rebuilt.input_known => subject,
        Ok(_) => return Ok(Err("the input is not at hand".to_owned())),
        Err(why) => return Ok(Err(why.why().to_owned())),
    };
    let settings = exhibits.evidence.settings.as_deref().map(CircuitSettings::parse);
    let (Some(Ok(settings)), Some(keys)) = (settings, &record.keys) else {
        return Ok(Err("the evidence holds no settings or no key".to_owned()));
    };
    let string = prover.reference_string(keys.srs.logrows)?;
    if string.is_none_or(|string| string.sha256 != keys.srs.sha256) {
        let why = "the reference string that the key rests on is not at hand; --srs names its file";
        return Ok(Err(why.to_owned()));
    }
    let made = prover.reproduce(&bench::job(subject), settings.json(), &Silent)?;
    // Of an exception of EZKL's the last line tells what it is.
    Ok(made.map_err(|failure| failure.to_string().lines().last().unwrap_or_default().to_owned()))
}
