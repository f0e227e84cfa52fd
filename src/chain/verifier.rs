//! Deploys a verifier and calls it, always from the same state.

use alloy_primitives::{Address, B256, Bytes, TxKind};
use revm::DatabaseCommit as _;
use revm::context::result::{ExecutionResult, Output};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attribution::{GasByCause, GasBySection};
use super::calldata::{Calldata, CalldataSize};
use super::error::ChainError;
use super::fork::Fork;
use super::gas::TransactionGas;
use super::rules::{BrokenRule, Rulebook};
use super::transaction::{self, Judged, Request, State};
use super::verdict::Verdict;
use crate::solidity::SectionMap;

/// The sender's transactions in order: it deploys, then calls.
const DEPLOYMENT_NONCE: u64 = 0;
const CALL_NONCE: u64 = 1;

/// A contract on chain, and the state of the chain right after its deployment.
///
/// No call changes the state: each is the sender's next transaction, as if no other had been made.
#[derive(Debug, Clone)]
pub struct Verifier {
    state: State,
    deployment: Deployment,
    sections: Option<SectionMap>,
}

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
    /// The verifier's answer.
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

impl Verifier {
    /// Deploys a contract by a transaction of its own.
    ///
    /// # Errors
    /// [`ChainError::NotDeployed`] where the deployment fails although every rule that it breaks is lifted, and
    /// [`ChainError::EmptyContract`] where it leaves no code.
    pub fn deploy(fork: Fork, creation_code: &Bytes) -> Result<Self, ChainError> {
        let mut state = transaction::genesis();
        let request = Request {
            kind: TxKind::Create,
            data: creation_code,
            nonce: DEPLOYMENT_NONCE,
        };
        let Judged {
            ran,
            attribution,
            rules_broken,
        } = transaction::judge(&state, fork, request, None)?;
        let (
            Ok(ExecutionResult::Success {
                output: Output::Create(code, Some(address)),
                ..
            }),
            Some(gas),
        ) = (&ran.result, ran.gas())
        else {
            return Err(ChainError::NotDeployed(ran.verdict()));
        };
        if code.is_empty() {
            return Err(ChainError::EmptyContract);
        }
        let deployment = Deployment {
            fork,
            gas,
            gas_by_cause: attribution.map(|attribution| attribution.by_cause),
            creation_code_bytes: creation_code.len() as u64,
            runtime_code_bytes: code.len() as u64,
            rules_broken,
            address: *address,
            nonce: DEPLOYMENT_NONCE,
        };
        state.commit(ran.changes);
        Ok(Self {
            state,
            deployment,
            sections: None,
        })
    }

    /// The same with the sections of the verifier's code, so that a call's gas is told by section.
    #[must_use]
    pub fn with_sections(self, sections: Option<SectionMap>) -> Self {
        Self { sections, ..self }
    }

    /// What the deployment cost and broke.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The rules that hold.
    pub fn fork(&self) -> Fork {
        self.deployment.fork
    }

    /// Calls the contract by a transaction of its own.
    ///
    /// # Errors
    /// Only where revm itself fails: however the call ends, that is a verdict.
    pub fn verify(&self, calldata: &Calldata) -> Result<Verification, ChainError> {
        let Judged {
            ran,
            attribution,
            rules_broken,
        } = transaction::judge(
            &self.state,
            self.fork(),
            self.request(calldata),
            self.sections.as_ref(),
        )?;
        let (gas_by_cause, gas_by_section) = attribution
            .map(|attribution| (attribution.by_cause, attribution.by_section))
            .unzip();
        let result = ran.result.as_ref().ok();
        let return_data = result
            .and_then(ExecutionResult::output)
            .cloned()
            .unwrap_or_default();
        let logs = result
            .map_or(&[][..], ExecutionResult::logs)
            .iter()
            .map(|log| Event {
                address: log.address,
                topics: log.topics().to_vec(),
                data: log.data.data.clone(),
            });
        Ok(Verification {
            fork: self.fork(),
            verdict: ran.verdict(),
            gas: ran.gas(),
            gas_by_cause,
            gas_by_section: gas_by_section.flatten(),
            calldata: calldata.size(),
            return_data,
            logs: logs.collect(),
            rules_broken,
            nonce: CALL_NONCE,
        })
    }

    /// Makes another call as `like` was made: from the same state, with the same gas limit and the same rules lifted.
    ///
    /// # Errors
    /// Only where revm itself fails.
    pub fn call_like(&self, like: &Verification, calldata: &Calldata) -> Result<Verdict, ChainError> {
        let rulebook = Rulebook::lifting(self.fork(), &like.rules_broken);
        Ok(transaction::run(&self.state, &rulebook, self.request(calldata))?.verdict())
    }

    fn request<'a>(&self, calldata: &'a Calldata) -> Request<'a> {
        Request {
            kind: TxKind::Call(self.deployment.address),
            data: calldata.bytes(),
            nonce: CALL_NONCE,
        }
    }
}
