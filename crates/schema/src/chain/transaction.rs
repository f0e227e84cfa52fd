//! What deploying a verifier, registering a key artifact and calling the verifier cost and broke.

use alloy_primitives::{Address, B256, Bytes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::causes::{GasByCause, GasBySection};
use super::fork::Fork;
use super::gas::{CalldataSize, TransactionGas};
use super::rules::{BrokenRule, RuleMargin};
use super::verdict::Verdict;

/// What a deployment cost and broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deployment {
    /// The rules that held.
    pub fork: Fork,
    /// What the transaction cost; its execution holds the code deposit (200 gas a byte), until Amsterdam makes it state
    /// gas.
    pub gas: TransactionGas,
    /// The same gas by what it was spent on; none in a record from before that was known.
    #[serde(default)]
    pub gas_by_cause: Option<GasByCause>,
    /// Length of the transaction's data.
    pub creation_code_bytes: u64,
    /// Length of the code that stays on chain.
    pub runtime_code_bytes: u64,
    /// The rules that the deployment breaks.
    pub rules_broken: Vec<BrokenRule>,
    /// Every rule of the fork held against the deployment; empty in records of schema 1.
    #[serde(default)]
    pub margins: Vec<RuleMargin>,
    /// The contract's address.
    #[schemars(with = "String")]
    pub address: Address,
    /// The sender's count of transactions before this one.
    pub nonce: u64,
}

/// How a call ended, what it cost and what it broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// The rules that held.
    pub fork: Fork,
    /// The contract's answer.
    pub verdict: Verdict,
    /// What the transaction cost; nothing was spent where the chain did not take it.
    pub gas: Option<TransactionGas>,
    /// The same gas by what it was spent on; none in a record from before that was known.
    #[serde(default)]
    pub gas_by_cause: Option<GasByCause>,
    /// The execution's gas by section of the verifier; none where its sections are not known.
    #[serde(default)]
    pub gas_by_section: Option<GasBySection>,
    /// The size of the call's data.
    pub calldata: CalldataSize,
    /// What the call returned, or reverted with.
    #[schemars(with = "String")]
    pub return_data: Bytes,
    /// The events that it left.
    pub logs: Vec<Event>,
    /// The rules that the call breaks.
    pub rules_broken: Vec<BrokenRule>,
    /// Every rule of the fork held against the call; empty in records of schema 1.
    #[serde(default)]
    pub margins: Vec<RuleMargin>,
    /// The sender's count of transactions before this one.
    pub nonce: u64,
}

/// One event of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The contract that left it.
    #[schemars(with = "String")]
    pub address: Address,
    /// Its indexed words.
    #[schemars(with = "Vec<String>")]
    pub topics: Vec<B256>,
    /// Its data.
    #[schemars(with = "String")]
    pub data: Bytes,
}

/// What registering a circuit's key artifact with a reusable verifier came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Registration {
    /// What the verifier returned: Keccak-256 of the artifact's words, by which a consumer knows the circuit.
    #[schemars(with = "String")]
    pub digest: B256,
    /// The artifact's words, 32 bytes each.
    pub key_artifact_words: u64,
    /// The transaction; its answer is the digest.
    pub call: Verification,
}
