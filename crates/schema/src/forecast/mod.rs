//! What a run was forecast to take, from settings alone.

mod batch;
mod estimate;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chain::{Fork, Rule};

pub use batch::BatchForecast;
pub use estimate::{Estimate, Seconds, Verdict};

/// What a run of one circuit will take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// Rows that the circuit uses.
    pub rows: u64,
    /// k, where the circuit has 2^k rows in all.
    pub logrows: u32,
    /// Advice columns, those of committed tensors included.
    pub advice_columns: u64,
    /// Of these, columns of committed tensors.
    pub committed_columns: u64,
    /// Fixed columns, selectors included. A range where it hangs on which operations meet in a row.
    pub fixed_columns: Estimate,
    /// Columns in the permutation argument.
    pub permutation_columns: u64,
    /// Lookup arguments.
    pub lookup_arguments: u64,
    /// The largest degree of a constraint.
    pub degree: u64,
    /// The verifying key, in bytes.
    pub verifying_key_bytes: Estimate,
    /// The proving key, in bytes.
    pub proving_key_bytes: Estimate,
    /// The proof, in bytes.
    pub proof_bytes: Estimate,
    /// Public values.
    pub instances: u64,
    /// The canonical call of a plain verifier, in bytes.
    pub calldata_bytes: Estimate,
    /// A plain verifier's runtime code, in bytes, with solc's default options.
    pub runtime_code_bytes: Estimate,
    /// Peak resident set of set-up, in bytes.
    pub setup_peak_bytes: Estimate,
    /// Peak resident set of a proof, in bytes.
    pub prove_peak_bytes: Estimate,
    /// Time of set-up on this machine; absent where it was not calibrated.
    pub setup_seconds: Option<Seconds>,
    /// Time of a proof, likewise.
    pub prove_seconds: Option<Seconds>,
    /// A plain verifier under each fork, oldest first.
    pub forks: Vec<ForkForecast>,
}

/// A verifier and a proof under one fork.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForkForecast {
    /// The rules.
    pub fork: Fork,
    /// Gas of the whole deploying transaction.
    pub deployment_gas: Estimate,
    /// Gas of the whole verifying transaction.
    pub verification_gas: Estimate,
    /// Every rule that the fork has for either, held against it.
    pub rules: Vec<RuleForecast>,
    /// Proofs verified together; none where no batch was asked for, or where the circuit's are not forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchForecast>,
}

/// A rule held against what a transaction will likely need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleForecast {
    /// Which transaction.
    pub transaction: TransactionKind,
    /// Which rule.
    pub rule: Rule,
    /// What the transaction needs.
    pub value: Estimate,
    /// What is allowed.
    pub limit: u64,
    /// How they stand.
    pub verdict: Verdict,
}

/// Which of a verifier's two transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransactionKind {
    /// The one that deploys it.
    Deployment,
    /// The one that verifies a proof.
    Verification,
}

impl ForkForecast {
    /// The worst verdict among the rules for one of the transactions.
    ///
    /// What nodes pass on to each other is a policy, and left out: a block may hold more.
    pub fn verdict(&self, transaction: TransactionKind) -> Verdict {
        let verdicts = self
            .rules
            .iter()
            .filter(|rule| rule.transaction == transaction && rule.rule != Rule::PublicPoolSize)
            .map(|rule| rule.verdict);
        verdicts.fold(Verdict::Fits, |worst, verdict| match (worst, verdict) {
            (Verdict::Exceeds, _) | (_, Verdict::Exceeds) => Verdict::Exceeds,
            (Verdict::Open, _) | (_, Verdict::Open) => Verdict::Open,
            _ => Verdict::Fits,
        })
    }
}

impl Forecast {
    /// Deployment and verification under one fork.
    ///
    /// # Panics
    /// Never: a forecast has every fork.
    pub fn under(&self, fork: Fork) -> &ForkForecast {
        let found = self.forks.iter().find(|forecast| forecast.fork == fork);
        found.expect("every fork is forecast")
    }

    /// The most memory that either phase takes.
    pub fn peak_bytes(&self) -> Estimate {
        self.setup_peak_bytes.max(self.prove_peak_bytes)
    }
}
