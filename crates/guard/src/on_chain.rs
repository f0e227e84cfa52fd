//! A compiled verifier and its proofs → everything that a record says about the chain.
//!
//! Goes in: a compiled [`Contract`], the counted proofs, the fork of the headline figures, a seed for the negative controls,
//! and the compiled guards. Comes out: [`OnChain`]: gas, verdicts, rules, controls, and what a guard in front of the
//! verifier adds. No prover is asked: a stored record can be gone through again at any time.

use alloy_primitives::B256;

use evmbench_backend::Proof;
use evmbench_evm::chain::controls::{self, Controls};
use evmbench_evm::chain::try_out;
use evmbench_evm::chain::{ChainError, Deployment, Fork, Registration, UnderFork, Verification, Verifier};
use evmbench_evm::solidity::CompiledContract;
use evmbench_schema::committed::Committed;
use evmbench_schema::record::{Outcome, Record};

use crate::guard::{self, GuardContracts, GuardError, GuardMeasurement, VerifierCode};

/// A verifier, compiled.
#[derive(Debug, Clone, Copy)]
pub struct Contract<'a> {
    /// Its code.
    pub compiled: &'a CompiledContract,
    /// What it was compiled from.
    pub source: &'a str,
    /// What makes a reusable verifier a circuit's; none for a plain one.
    pub key_artifact: Option<&'a [B256]>,
    /// What a committed circuit adds to it; none for any other circuit.
    pub committed: Option<&'a Committed>,
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
    /// What a guard in front of the verifier costs and turns away; none likewise.
    pub guard: Option<GuardMeasurement>,
    /// The same of the guard that derives a committed circuit's challenge; none likewise, and for any other circuit.
    pub committed_guard: Option<GuardMeasurement>,
}

/// A verifier that cannot be gone through.
#[derive(Debug, thiserror::Error)]
pub enum OnChainError {
    /// It cannot be deployed, or revm fails.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The guard cannot be put in front of it.
    #[error(transparent)]
    Guard(#[from] GuardError),
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
        record.guard = self.guard;
        record.committed_guard = self.committed_guard;
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
        let failed = |step: &str, message: String| {
            Some(Outcome::Failed {
                step: step.to_owned(),
                message,
            })
        };
        if !controls.passed() {
            let first = controls.failures.first().map_or_else(
                || "the accepted call was not accepted again".to_owned(),
                |failure| format!("{}: {}", failure.control, failure.outcome),
            );
            return failed("negative controls", first);
        }
        let wrong = self
            .guard
            .iter()
            .chain(&self.committed_guard)
            .flat_map(|guard| &guard.checks)
            .find(|check| !check.passed())?;
        failed("guard", wrong.sentence())
    }
}

/// Deploys the verifier, verifies every proof under `fork` and the first one under every other, and tries to cheat with it.
///
/// # Errors
/// [`OnChainError`]; however a call ends, that is a finding.
///
/// # Panics
/// Without proofs.
pub fn examine(
    contract: &Contract<'_>,
    proofs: &[Proof],
    fork: Fork,
    seed: u64,
    contracts: &GuardContracts,
) -> Result<OnChain, OnChainError> {
    let Contract {
        compiled,
        source,
        key_artifact,
        committed,
    } = *contract;
    let verifier = Verifier::deploy_with(fork, &compiled.creation_code, key_artifact)?
        .with_sections(compiled.sections(source));
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
        .map(|other| try_out(other, &compiled.creation_code, key_artifact, &calldata))
        .collect::<Result<_, _>>()?;
    let (controls, guard, committed_guard) = if rejected.is_some() {
        (None, None, None)
    } else {
        let Proof { proof, instances } = first;
        let controls = controls::run(&verifier, &verification, proof, instances, seed)?;
        let code = VerifierCode {
            creation: &compiled.creation_code,
            runtime: &compiled.runtime_code,
        };
        let call = verifier.call_for(proof, instances);
        let guard = |committed| guard::measure(contracts, fork, code, &call, committed);
        let committed_guard = committed.map(|committed| guard(Some(committed))).transpose()?;
        (Some(controls), Some(guard(None)?), committed_guard)
    };
    Ok(OnChain {
        deployment: verifier.deployment().clone(),
        registration: verifier.registration().cloned(),
        verification,
        rejected,
        tx_gas_samples,
        other_forks,
        controls,
        guard,
        committed_guard,
    })
}

fn rejection(verification: &Verification) -> Option<String> {
    (!verification.verdict.is_accepted()).then(|| verification.verdict.to_string())
}
