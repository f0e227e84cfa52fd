//! Whether a verifier can be deployed and a proof verified under a fork, and what limits stand how far away.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fork::Fork;
use super::rules::{BrokenRule, Rule};
use super::transaction::{Deployment, Registration, Verification};

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
pub fn breaks_policies_only(rules: &[BrokenRule]) -> bool {
    rules.iter().all(|broken| broken.rule == Rule::PublicPoolSize)
}
