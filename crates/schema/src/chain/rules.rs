//! The rules that a transaction is held to, and those that it breaks.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fork::Fork;

/// A limit that the chain, or its public network, sets to a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Bytes of runtime code.
    RuntimeCodeSize,
    /// Bytes of initcode.
    InitcodeSize,
    /// Gas of one transaction.
    TransactionGas,
    /// The calldata floor against the gas of one transaction: beyond it, no verifier could be cheap enough. A transaction
    /// that breaks it breaks [`Rule::TransactionGas`] too, and is lifted with it.
    CalldataFloor,
    /// Gas of one block.
    BlockGas,
    /// Bytes of one block.
    BlockSize,
    /// Bytes of one transaction that nodes pass on: a policy of theirs.
    PublicPoolSize,
}

impl Rule {
    /// Every rule, in the order in which tables show them.
    pub const ALL: [Self; 7] = [
        Self::RuntimeCodeSize,
        Self::InitcodeSize,
        Self::TransactionGas,
        Self::CalldataFloor,
        Self::BlockGas,
        Self::BlockSize,
        Self::PublicPoolSize,
    ];

    /// What is allowed at a fork, in [`Rule::unit`]s; none where the fork has no such rule.
    pub fn limit(self, fork: Fork) -> Option<u64> {
        let limits = fork.limits();
        match self {
            Self::RuntimeCodeSize => Some(limits.runtime_code_bytes),
            Self::InitcodeSize => Some(limits.initcode_bytes),
            Self::TransactionGas | Self::CalldataFloor => limits.transaction_gas,
            Self::BlockGas => Some(limits.block_gas),
            Self::BlockSize => limits.block_rlp_bytes,
            Self::PublicPoolSize => Some(limits.public_pool_transaction_bytes),
        }
    }

    /// Who says so, with a date, where that is not a number that revm enforces for the fork.
    pub fn source(self) -> &'static str {
        match self {
            Self::RuntimeCodeSize | Self::InitcodeSize | Self::TransactionGas | Self::CalldataFloor => {
                "enforced by revm"
            }
            Self::BlockGas => "validators' vote, 60 million since November 2025 (EIP-7935); enforced by revm",
            Self::BlockSize => "the EIP, in force since December 2025",
            Self::PublicPoolSize => {
                "geth's txMaxSize and reth's DEFAULT_MAX_TX_INPUT_BYTES, read in November 2026: a policy"
            }
        }
    }

    /// The EIP that set the limit as it stands at a fork; none for a vote or a policy.
    pub fn eip(self, fork: Fork) -> Option<u32> {
        let eips = fork.eips();
        match self {
            Self::RuntimeCodeSize => Some(eips.runtime_code),
            Self::InitcodeSize => Some(eips.initcode),
            Self::TransactionGas => Some(7825),
            Self::CalldataFloor => Some(eips.calldata_floor),
            Self::BlockSize => Some(7934),
            Self::BlockGas | Self::PublicPoolSize => None,
        }
    }

    /// What value and limit count.
    pub fn unit(self) -> &'static str {
        match self {
            Self::TransactionGas | Self::CalldataFloor | Self::BlockGas => "gas",
            Self::RuntimeCodeSize | Self::InitcodeSize | Self::BlockSize | Self::PublicPoolSize => "bytes",
        }
    }

    /// Whether revm enforces the rule, so that it must be lifted to get a verdict.
    pub fn is_enforced(self) -> bool {
        !matches!(self, Self::BlockSize | Self::PublicPoolSize)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::RuntimeCodeSize => "runtime code size",
            Self::InitcodeSize => "initcode size",
            Self::TransactionGas => "transaction gas",
            Self::CalldataFloor => "calldata floor",
            Self::BlockGas => "block gas",
            Self::BlockSize => "block size",
            Self::PublicPoolSize => "public pool size",
        })
    }
}

/// A rule that a transaction breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BrokenRule {
    /// Which one.
    pub rule: Rule,
    /// The EIP that set the limit as it stands at the fork; none for a vote or a policy.
    pub eip: Option<u32>,
    /// What the transaction has or needs, in [`Rule::unit`]s.
    ///
    /// Gas: what it spends before refunds; `limit + 1` where it spends less but fails at the limit, because a call passes
    /// on at most 63/64 of what is left (EIP-150).
    pub value: u64,
    /// What is allowed, in the same unit.
    pub limit: u64,
    /// Whether it was lifted for the verdict; a rule that revm does not enforce need not be.
    pub lifted: bool,
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule, value, limit, ..
        } = self;
        write!(formatter, "{rule}: {value} {}, limit {limit}", rule.unit())
    }
}

/// A rule held against a transaction, broken or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleMargin {
    /// Which one.
    pub rule: Rule,
    /// What the transaction has or needs, as in [`BrokenRule::value`].
    pub value: u64,
    /// What is allowed, in the same unit.
    pub limit: u64,
}

impl RuleMargin {
    /// How much more is allowed, in [`Rule::unit`]s; negative where the rule is broken.
    pub fn margin(&self) -> i128 {
        i128::from(self.limit) - i128::from(self.value)
    }

    /// Whether the transaction is over the limit.
    pub fn is_broken(&self) -> bool {
        self.value > self.limit
    }
}
