//! A compiled verifier and its proofs → everything that a record says about the chain.
//!
//! Goes in: a compiled [`Contract`], the counted proofs, the fork of the headline figures, a seed for the negative controls.
//! Comes out: [`OnChain`]: gas, verdicts, rules, and controls. No prover is asked: a stored record can be gone through
//! again at any time.

use alloy_primitives::{B256, Bytes};

use crate::chain::controls::{self, Controls};
use crate::chain::{ChainError, Deployment, Fork, Registration, UnderFork, Verification, Verifier};
use crate::prover::Proof;
use crate::record::{Outcome, Record};
use crate::solidity::SectionMap;

/// A verifier, compiled.
#[derive(Debug, Clone)]
pub struct Contract<'a> {
    /// What a deployment carries.
    pub creation_code: &'a Bytes,
    /// The sections of its code, where they are known.
    pub sections: Option<SectionMap>,
    /// What makes a reusable verifier a circuit's; none for a plain one.
    pub key_artifact: Option<&'a [B256]>,
}

/// What a verifier and its proofs came to.
#[derive(Debug, Clone)]
pub struct OnChain {
    /// The deployment.
    pub deployment: Deployment,
    /// The registration of a reusable verifier's key artifact.
    pub registration: Option<Registration>,
    /// The call with the first proof.
    pub verification: Verification,
    /// The first answer that was not an acceptance, in words.
    pub rejected: Option<String>,
    /// Gas of the whole verifying transaction for each proof, up to the first that was not accepted.
    pub tx_gas_samples: Vec<u64>,
    /// The first proof under every other fork, oldest first.
    pub other_forks: Vec<UnderFork>,
    /// What the verifier did with wrong calls; none where it did not accept the right ones.
    pub controls: Option<Controls>,
}

impl OnChain {
    /// Writes it into a record, whose outcome stays as it is.
    pub fn write_to(self, record: &mut Record) {
        record.deployment = Some(self.deployment);
        record.registration = self.registration;
        record.verification = Some(self.verification);
        record.tx_gas_samples = self.tx_gas_samples;
        record.other_forks = self.other_forks;
        record.controls = self.controls;
    }

    /// What is wrong, if anything is.
    pub fn finding(&self) -> Option<Outcome> {
        if let Some(why) = &self.rejected {
            return Some(Outcome::Rejected { why: why.clone() });
        }
        let controls = self.controls.as_ref()?;
        if let Some(control) = controls.unsound() {
            return Some(Outcome::Unsound {
                control: format!("the verifier accepted: {control}"),
            });
        }
        (!controls.passed()).then(|| Outcome::Failed {
            step: "negative controls".to_owned(),
            message: controls.failures.first().map_or_else(
                || "the accepted call was not accepted again".to_owned(),
                |failure| format!("{}: {}", failure.control, failure.outcome),
            ),
        })
    }
}

/// Deploys the verifier, verifies every proof under `fork` and the first one under every other, and tries to cheat with it.
///
/// # Errors
/// [`ChainError::NotDeployed`] and the like; however a call ends, that is a finding.
///
/// # Panics
/// Without proofs.
pub fn examine(
    contract: &Contract<'_>,
    proofs: &[Proof],
    fork: Fork,
    seed: u64,
) -> Result<OnChain, ChainError> {
    let verifier = Verifier::deploy_with(fork, contract.creation_code, contract.key_artifact)?
        .with_sections(contract.sections.clone());
    let first = proofs.first().expect("a run has a proof");
    let calldata_of = |proof: &Proof| verifier.call_for(&proof.proof, &proof.instances).calldata();
    let calldata = calldata_of(first);
    let verification = verifier.verify(&calldata)?;

    let mut tx_gas_samples: Vec<u64> = verification.gas.iter().map(|gas| gas.tx_gas).collect();
    let mut rejected = rejection(&verification);
    for proof in &proofs[1..] {
        if rejected.is_some() {
            break;
        }
        let verification = verifier.verify(&calldata_of(proof))?;
        tx_gas_samples.extend(verification.gas.map(|gas| gas.tx_gas));
        rejected = rejection(&verification);
    }

    let other_forks = Fork::ALL
        .into_iter()
        .filter(|&other| other != fork)
        .map(|other| UnderFork::try_out(other, contract.creation_code, contract.key_artifact, &calldata))
        .collect::<Result<_, _>>()?;
    let controls = match rejected {
        Some(_) => None,
        None => Some(controls::run(
            &verifier,
            &verification,
            &first.proof,
            &first.instances,
            seed,
        )?),
    };
    Ok(OnChain {
        deployment: verifier.deployment().clone(),
        registration: verifier.registration().cloned(),
        verification,
        rejected,
        tx_gas_samples,
        other_forks,
        controls,
    })
}

fn rejection(verification: &Verification) -> Option<String> {
    (!verification.verdict.is_accepted()).then(|| verification.verdict.to_string())
}
