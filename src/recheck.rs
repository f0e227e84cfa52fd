//! A stored record verified again: the same bytecode deployed, the same calldata sent, both held against the record.
//!
//! Goes in: a record and the evidence beside it. Comes out: [`Recheck`]: figures then and now, verdict then and now.

use std::path::Path;

use crate::chain::{Calldata, ChainError, Verdict, Verifier};
use crate::record::{Evidence, Record};
use crate::store::{self, StoreError};

/// A record that cannot be verified again.
#[derive(Debug, thiserror::Error)]
pub enum RecheckError {
    /// The evidence is not there, or not what the record says.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The verifier cannot be deployed or called.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The record ended before a verifier was called.
    #[error("{path} holds no verification: its outcome is {outcome}")]
    NothingVerified {
        /// The record.
        path: String,
        /// How its run ended.
        outcome: String,
    },
}

/// One figure, then and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// What it is, with its unit.
    pub name: &'static str,
    /// In the record.
    pub recorded: u64,
    /// Now.
    pub now: u64,
}

/// What a second verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recheck {
    /// The verifier's answer in the record.
    pub recorded: Verdict,
    /// Its answer now.
    pub now: Verdict,
    /// Gas and sizes.
    pub figures: Vec<Figure>,
}

impl Recheck {
    /// Whether verdict and every figure are those in the record.
    pub fn agrees(&self) -> bool {
        self.recorded == self.now && self.figures.iter().all(|figure| figure.recorded == figure.now)
    }
}

/// Deploys the verifier of the record at `path` again and verifies its proof again, under the record's fork.
///
/// # Errors
/// [`RecheckError`].
pub fn recheck(path: &Path, record: &Record) -> Result<Recheck, RecheckError> {
    let (Some(deployment), Some(verification)) = (&record.deployment, &record.verification) else {
        return Err(RecheckError::NothingVerified {
            path: path.display().to_string(),
            outcome: record.outcome.to_string(),
        });
    };
    let creation_code = store::load_evidence(path, record, Evidence::CREATION_CODE)?;
    let calldata = store::load_evidence(path, record, Evidence::CALLDATA)?;
    let verifier = Verifier::deploy(record.request.fork, &creation_code.into())?;
    let now = verifier.verify(&Calldata::raw(calldata))?;
    let gas = |gas: Option<crate::chain::TransactionGas>| gas.map_or(0, |gas| gas.tx_gas);
    let figures = vec![
        Figure {
            name: "runtime code bytes",
            recorded: deployment.runtime_code_bytes,
            now: verifier.deployment().runtime_code_bytes,
        },
        Figure { name: "deployment gas", recorded: deployment.gas.tx_gas, now: verifier.deployment().gas.tx_gas },
        Figure { name: "verification gas", recorded: gas(verification.gas), now: gas(now.gas) },
    ];
    Ok(Recheck { recorded: verification.verdict.clone(), now: now.verdict, figures })
}
