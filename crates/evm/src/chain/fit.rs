//! Whether a verifier can be deployed and a proof verified under a fork, and what limits stand how far away.

use alloy_primitives::{B256, Bytes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calldata::Calldata;
use super::error::ChainError;
use super::fork::Fork;
use super::rules::{BrokenRule, Rule};
use super::state::{Deployment, Verification};
use super::verifier::{Registration, Verifier};

/// The same verifier and the same call under one fork.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnderFork {
    /// The deployment there.
    pub deployment: Deployment,
    /// The registration of a reusable verifier's key artifact there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<Registration>,
    /// The call there.
    pub verification: Verification,
}

impl UnderFork {
    /// Deploys a verifier under a fork, registers the key artifact where there is one, and makes a call.
    ///
    /// # Errors
    /// [`Verifier::deploy_with`]'s; however the call ends, that is a verdict.
    pub fn try_out(
        fork: Fork,
        creation_code: &Bytes,
        key_artifact: Option<&[B256]>,
        calldata: &Calldata,
    ) -> Result<Self, ChainError> {
        let verifier = Verifier::deploy_with(fork, creation_code, key_artifact)?;
        let verification = verifier.verify(calldata)?;
        Ok(Self {
            deployment: verifier.deployment().clone(),
            registration: verifier.registration().cloned(),
            verification,
        })
    }

    /// The verdict on both.
    pub fn fit(&self) -> Fit<'_> {
        Fit {
            deployment: &self.deployment,
            registration: self.registration.as_ref(),
            verification: &self.verification,
        }
    }
}

/// A deployment and a call under one fork, judged.
#[derive(Debug, Clone, Copy)]
pub struct Fit<'a> {
    /// The deployment.
    pub deployment: &'a Deployment,
    /// The registration of a reusable verifier's key artifact.
    pub registration: Option<&'a Registration>,
    /// The call.
    pub verification: &'a Verification,
}

impl Fit<'_> {
    /// The fork that both ran under.
    pub fn fork(&self) -> Fork {
        self.deployment.fork
    }

    /// Whether a block of this fork can hold the deployment, and one the registration.
    pub fn is_deployable(&self) -> bool {
        let registrable = self
            .registration
            .is_none_or(|registration| breaks_policies_only(&registration.call.rules_broken));
        breaks_policies_only(&self.deployment.rules_broken) && registrable
    }

    /// Whether the verifier accepts, in one transaction that a block of this fork can hold.
    pub fn is_verifiable_in_one_transaction(&self) -> bool {
        self.verification.verdict.is_accepted() && breaks_policies_only(&self.verification.rules_broken)
    }

    /// Whether, besides, nodes pass that transaction on to each other; without it, it needs a way to a block builder.
    pub fn is_verifiable_from_public_pool(&self) -> bool {
        self.verification.verdict.is_accepted() && self.verification.rules_broken.is_empty()
    }
}

/// How a verifier and its call stand under a fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fits {
    /// It fits no block, or breaks a rule of the transaction.
    No,
    /// A block can hold it; nodes do not pass it on.
    OneTransaction,
    /// It can be sent as any transaction.
    Pool,
}

impl Fits {
    /// The verdict on deployment and call.
    pub fn of(fit: &Fit) -> Self {
        if !fit.is_deployable() || !fit.is_verifiable_in_one_transaction() {
            Self::No
        } else if fit.is_verifiable_from_public_pool() {
            Self::Pool
        } else {
            Self::OneTransaction
        }
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::OneTransaction => "one transaction",
            Self::Pool => "pool",
        }
    }
}

/// Whether the chain itself takes a transaction that breaks these rules.
pub(super) fn breaks_policies_only(rules: &[BrokenRule]) -> bool {
    rules.iter().all(|broken| broken.rule == Rule::PublicPoolSize)
}

/// A contract that always answers true: `PUSH1 1, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN`, deployed by a copy of itself.
#[cfg(test)]
pub(super) fn accepting() -> Bytes {
    let runtime = [0x60, 1, 0x5f, 0x52, 0x60, 32, 0x5f, 0xf3];
    let mut code = vec![0x67];
    code.extend(runtime);
    code.extend([0x5f, 0x52, 0x60, 8, 0x60, 24, 0xf3]);
    code.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Verdict;

    #[test]
    fn a_small_call_fits_everywhere() {
        for fork in Fork::ALL {
            let run = UnderFork::try_out(fork, &accepting(), None, &Calldata::raw(vec![1; 100])).unwrap();
            let fit = run.fit();
            assert_eq!(fit.fork(), fork);
            assert_eq!(run.verification.verdict, Verdict::Accepted);
            assert!(fit.is_deployable());
            assert!(fit.is_verifiable_in_one_transaction());
            assert!(fit.is_verifiable_from_public_pool());
            assert!(run.verification.margins.iter().all(|margin| margin.margin() >= 0));
        }
    }

    /// 150,000 zero bytes: over the pools' limit, and under every rule of the chain.
    #[test]
    fn a_large_call_needs_a_block_builder() {
        for fork in Fork::ALL {
            let run = UnderFork::try_out(fork, &accepting(), None, &Calldata::raw(vec![0; 150_000])).unwrap();
            assert!(run.fit().is_verifiable_in_one_transaction());
            assert!(!run.fit().is_verifiable_from_public_pool());
        }
    }

    /// 300,000 bytes that are not 0: a floor of 12 million before Amsterdam, of 19.2 million from it on.
    #[test]
    fn a_larger_one_does_not_fit_amsterdams_floor() {
        let fits = |fork| {
            let run = UnderFork::try_out(fork, &accepting(), None, &Calldata::raw(vec![1; 300_000])).unwrap();
            assert!(run.verification.verdict.is_accepted());
            run.fit().is_verifiable_in_one_transaction()
        };
        assert!(fits(Fork::Prague));
        assert!(fits(Fork::Osaka));
        assert!(!fits(Fork::Amsterdam));
    }
}
