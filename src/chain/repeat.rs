//! Calls made as an accepted one was: from the same state, with the same gas limit and the same rules lifted.

use alloy_primitives::{Address, TxKind};

use super::calldata::Calldata;
use super::error::ChainError;
use super::gas::TransactionGas;
use super::rules::Rulebook;
use super::transaction::{self, Request, State};
use super::verdict::Verdict;

/// A contract to be called again and again; nothing that one call changes is seen by another.
#[derive(Debug)]
pub struct Repeat<'a> {
    pub(super) state: &'a State,
    pub(super) rulebook: Rulebook,
    pub(super) to: Address,
    pub(super) nonce: u64,
}

/// How one of the calls ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The contract's answer.
    pub verdict: Verdict,
    /// What the transaction cost; nothing where the chain did not take it.
    pub gas: Option<TransactionGas>,
}

impl Repeat<'_> {
    /// Makes a call.
    ///
    /// # Errors
    /// Only where revm itself fails.
    pub fn call(&self, calldata: &Calldata) -> Result<Called, ChainError> {
        let request = Request {
            kind: TxKind::Call(self.to),
            data: calldata.bytes(),
            nonce: self.nonce,
        };
        let ran = transaction::run(self.state, &self.rulebook, request)?;
        Ok(Called {
            verdict: ran.verdict(),
            gas: ran.gas(),
        })
    }
}
