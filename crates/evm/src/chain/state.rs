//! A chain after some transactions of one sender.
//!
//! Goes in: creation code to deploy, calldata to send. Comes out: what each transaction cost, broke and answered. A chain
//! is a value: a clone of it goes its own way.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, TxKind};
use revm::DatabaseCommit as _;
use revm::context::result::{ExecutionResult, Output};
use revm::state::EvmState;

pub use evmbench_schema::chain::{Deployment, Event, Verification};

use super::calldata::Calldata;
use super::error::ChainError;
use super::fit::breaks_policies_only;
use super::fork::Fork;
use super::rules::Rulebook;
use super::transaction::{self, Judged, Ran, Request, State};
use super::transcript::{self, Sent};
use crate::solidity::SectionMap;

/// A chain's state, and how many transactions its sender has made.
#[derive(Debug, Clone)]
pub struct Chain {
    state: State,
    fork: Fork,
    nonce: u64,
    sections: Option<SectionMap>,
    /// The transactions that the state comes from.
    history: Vec<Sent>,
}

/// A contract as it stands on a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Where it stands.
    pub address: Address,
    /// Its runtime code, immutables included.
    pub code: Bytes,
    /// Its storage, by slot, without what is zero.
    pub storage: BTreeMap<B256, B256>,
}

impl Chain {
    /// A chain with nothing on it but its sender's money.
    pub fn new(fork: Fork) -> Self {
        Self {
            state: transaction::genesis(),
            fork,
            nonce: 0,
            sections: None,
            history: Vec::new(),
        }
    }

    /// The same with the sections of one contract's code, so that a call's gas is told by section.
    #[must_use]
    pub fn with_sections(self, sections: Option<SectionMap>) -> Self {
        Self { sections, ..self }
    }

    /// The rules that hold.
    pub fn fork(&self) -> Fork {
        self.fork
    }

    /// Every contract on the chain, by address.
    pub fn contracts(&self) -> Vec<Placed> {
        let cache = &self.state.cache;
        let placed = cache.accounts.iter().filter_map(|(&address, account)| {
            let code = cache.contracts.get(&account.info.code_hash)?.original_bytes();
            let storage = account.storage.iter().filter(|(_, value)| !value.is_zero());
            (!code.is_empty()).then(|| Placed {
                address,
                code,
                storage: storage
                    .map(|(&slot, &value)| (slot.into(), value.into()))
                    .collect(),
            })
        });
        let mut contracts: Vec<Placed> = placed.collect();
        contracts.sort_by_key(|contract| contract.address);
        contracts
    }

    /// The runtime code at an address, immutables included; nothing where no contract stands there.
    pub fn code_at(&self, address: Address) -> Bytes {
        let mut contracts = self.contracts().into_iter();
        contracts
            .find(|contract| contract.address == address)
            .map(|contract| contract.code)
            .unwrap_or_default()
    }

    /// Deploys a contract by a transaction of its own.
    ///
    /// # Errors
    /// [`ChainError::NotDeployed`] where the deployment fails although every rule that it breaks is lifted, and
    /// [`ChainError::EmptyContract`] where it leaves no code. The chain is then as it was.
    pub fn deploy(&mut self, creation_code: &Bytes) -> Result<Deployment, ChainError> {
        let request = Request {
            kind: TxKind::Create,
            data: creation_code,
            nonce: self.nonce,
        };
        let Judged {
            ran,
            attribution,
            margins,
            rules_broken,
        } = transaction::judge(&self.state, self.fork, request, None)?;
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
            fork: self.fork,
            gas,
            gas_by_cause: attribution.map(|attribution| attribution.by_cause),
            creation_code_bytes: creation_code.len() as u64,
            runtime_code_bytes: code.len() as u64,
            rules_broken,
            margins,
            address: *address,
            nonce: self.nonce,
        };
        let sent = Sent {
            to: None,
            data: creation_code.clone(),
            gas_limit: deployment.gas.gas_limit,
            success: true,
            gas_used: deployment.gas.tx_gas,
            breaks_rules: !breaks_policies_only(&deployment.rules_broken),
        };
        self.commit(ran.changes, sent);
        Ok(deployment)
    }

    /// Sends a transaction to a contract; what it changes stays. One that the chain does not take changes nothing.
    ///
    /// # Errors
    /// Only where revm itself fails: however the call ends, that is a verdict.
    pub fn transact(&mut self, to: Address, calldata: &Calldata) -> Result<Verification, ChainError> {
        let judged = self.judge(to, calldata)?;
        let verification = self.verification(&judged, calldata);
        if let Some(sent) = Self::sent(to, calldata, &verification) {
            self.commit(judged.ran.changes, sent);
        }
        Ok(verification)
    }

    /// What [`Self::transact`] would yield now; the chain stays as it is.
    ///
    /// # Errors
    /// Only where revm itself fails.
    pub fn call(&self, to: Address, calldata: &Calldata) -> Result<Verification, ChainError> {
        let verification = self.verification(&self.judge(to, calldata)?, calldata);
        if verification.verdict.is_success()
            && let Some(sent) = Self::sent(to, calldata, &verification)
        {
            transcript::note(self.fork, &self.history, || sent);
        }
        Ok(verification)
    }

    /// The call as other EVMs are sent it; none where the chain did not take it.
    fn sent(to: Address, calldata: &Calldata, verification: &Verification) -> Option<Sent> {
        let gas = verification.gas?;
        Some(Sent {
            to: Some(to),
            data: calldata.bytes().clone(),
            gas_limit: gas.gas_limit,
            success: verification.verdict.is_success(),
            gas_used: gas.tx_gas,
            breaks_rules: !breaks_policies_only(&verification.rules_broken),
        })
    }

    fn commit(&mut self, changes: EvmState, sent: Sent) {
        transcript::note(self.fork, &self.history, || sent.clone());
        self.state.commit(changes);
        self.nonce += 1;
        self.history.push(sent);
    }

    /// Runs a call under these rules; the chain stays as it is.
    pub(super) fn run(
        &self,
        to: Address,
        rulebook: &Rulebook,
        calldata: &Calldata,
    ) -> Result<Ran, ChainError> {
        transaction::run(&self.state, rulebook, self.request(to, calldata))
    }

    fn judge(&self, to: Address, calldata: &Calldata) -> Result<Judged, ChainError> {
        let request = self.request(to, calldata);
        transaction::judge(&self.state, self.fork, request, self.sections.as_ref())
    }

    fn request<'a>(&self, to: Address, calldata: &'a Calldata) -> Request<'a> {
        Request {
            kind: TxKind::Call(to),
            data: calldata.bytes(),
            nonce: self.nonce,
        }
    }

    fn verification(&self, judged: &Judged, calldata: &Calldata) -> Verification {
        let ran = &judged.ran;
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
        Verification {
            fork: self.fork,
            verdict: ran.verdict(),
            gas: ran.gas(),
            gas_by_cause: judged
                .attribution
                .as_ref()
                .map(|attribution| attribution.by_cause.clone()),
            gas_by_section: judged
                .attribution
                .as_ref()
                .and_then(|attribution| attribution.by_section.clone()),
            calldata: calldata.size(),
            return_data,
            logs: logs.collect(),
            rules_broken: judged.rules_broken.clone(),
            margins: judged.margins.clone(),
            nonce: self.nonce,
        }
    }
}
