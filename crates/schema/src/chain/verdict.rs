//! How a call ended.

use std::fmt;

use alloy_primitives::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A verifier's answer to one call, or why there is none.
///
/// Only [`Verdict::Reverted`] is a rejection by the verifier: running out of gas or a transaction that the chain refuses
/// says nothing about the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[must_use]
pub enum Verdict {
    /// The call returned the ABI encoding of `true`.
    Accepted,
    /// The call succeeded and returned something else.
    ReturnedOther {
        /// What it returned.
        #[schemars(with = "String")]
        return_data: Bytes,
    },
    /// The contract reverted.
    Reverted {
        /// What it reverted with; EZKL's verifiers revert with nothing.
        #[schemars(with = "String")]
        data: Bytes,
        /// `data`, where it is `Error(string)` or `Panic(uint256)`.
        reason: Option<String>,
    },
    /// The EVM stopped the call.
    Halted {
        /// revm's words for it.
        reason: String,
        /// Whether gas, or memory that gas could not pay for, ran out.
        out_of_gas: bool,
    },
    /// The chain does not take the transaction.
    InvalidTransaction {
        /// revm's words for it.
        reason: String,
    },
}

impl Verdict {
    /// Whether the verifier took the proof.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted)
    }

    /// Whether the verifier itself refused.
    pub fn is_rejected(&self) -> bool {
        matches!(self, Self::Reverted { .. })
    }

    /// Whether the call went through, whatever it returned: to a caller that looks at success alone, an acceptance.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Accepted | Self::ReturnedOther { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => formatter.write_str("accepted"),
            Self::ReturnedOther { return_data } => write!(formatter, "returned {return_data}"),
            Self::Reverted {
                reason: Some(reason), ..
            } => write!(formatter, "reverted: {reason}"),
            Self::Reverted { data, reason: None } if data.is_empty() => formatter.write_str("reverted"),
            Self::Reverted { data, reason: None } => write!(formatter, "reverted with {data}"),
            Self::Halted { reason, .. } => write!(formatter, "halted: {reason}"),
            Self::InvalidTransaction { reason } => {
                write!(formatter, "invalid transaction: {reason}")
            }
        }
    }
}
