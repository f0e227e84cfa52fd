//! What a transaction breaks, and how one broken rule is lifted to get a verdict.
//!
//! A verdict is worth having even where a rule of the chain stands in its way, as long as it says so. A rule is lifted by
//! being in the list of broken rules that the outcome carries, and in no other way.

use std::fmt;

use revm::context::{Cfg as _, CfgEnv};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fork::Fork;

/// The gas limit where the block's is lifted: a verifier of some three million public instances fits.
///
/// It is finite so that code that never ends is found out.
pub const LIFTED_GAS: u64 = 1 << 35;

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
    /// The EIP that set the limit as it stands at a fork; none for a vote or a policy.
    pub fn eip(self, fork: Fork) -> Option<u32> {
        let amsterdam = fork >= Fork::Amsterdam;
        match self {
            Self::RuntimeCodeSize => Some(if amsterdam { 7954 } else { 170 }),
            Self::InitcodeSize => Some(if amsterdam { 7954 } else { 3860 }),
            Self::TransactionGas => Some(7825),
            Self::CalldataFloor => Some(if amsterdam { 7976 } else { 7623 }),
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
    fn is_enforced(self) -> bool {
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

/// What a transaction has or needs, to be held against a fork's limits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    /// Of a deployment.
    pub(super) initcode_bytes: Option<u64>,
    /// Of a deployment that went through.
    pub(super) runtime_code_bytes: Option<u64>,
    /// Gas that counts against a transaction's cap.
    pub(super) capped_gas: u64,
    /// Gas that counts against the block.
    pub(super) block_gas: u64,
    /// The calldata floor.
    pub(super) floor_gas: u64,
    /// Its encoding.
    pub(super) transaction_bytes: u64,
}

impl Needs {
    /// The rules that are broken at a fork.
    pub(super) fn broken(&self, fork: Fork) -> Vec<BrokenRule> {
        let limits = fork.limits();
        [
            (
                Rule::RuntimeCodeSize,
                self.runtime_code_bytes,
                Some(limits.runtime_code_bytes),
            ),
            (
                Rule::InitcodeSize,
                self.initcode_bytes,
                Some(limits.initcode_bytes),
            ),
            (
                Rule::TransactionGas,
                Some(self.capped_gas),
                limits.transaction_gas,
            ),
            (Rule::CalldataFloor, Some(self.floor_gas), limits.transaction_gas),
            (Rule::BlockGas, Some(self.block_gas), Some(limits.block_gas)),
            (
                Rule::BlockSize,
                Some(self.transaction_bytes),
                limits.block_rlp_bytes,
            ),
            (
                Rule::PublicPoolSize,
                Some(self.transaction_bytes),
                Some(limits.public_pool_transaction_bytes),
            ),
        ]
        .into_iter()
        .filter_map(|(rule, value, limit)| Some((rule, value?, limit?)))
        .filter(|(_, value, limit)| value > limit)
        .map(|(rule, value, limit)| BrokenRule {
            rule,
            eip: rule.eip(fork),
            value,
            limit,
            lifted: rule.is_enforced(),
        })
        .collect()
    }
}

/// The gas rule to lift next for a transaction that spends less than every limit and still fails at them; none where all
/// are lifted.
pub(super) fn next_gas_rule(fork: Fork, broken: &[BrokenRule]) -> Option<BrokenRule> {
    let limits = fork.limits();
    [
        (Rule::TransactionGas, limits.transaction_gas),
        (Rule::BlockGas, Some(limits.block_gas)),
    ]
    .into_iter()
    .filter(|(rule, _)| broken.iter().all(|broken| broken.rule != *rule))
    .find_map(|(rule, limit)| {
        let limit = limit?;
        Some(BrokenRule {
            rule,
            eip: rule.eip(fork),
            value: limit + 1,
            limit,
            lifted: true,
        })
    })
}

/// A fork's rules as revm is given them, less those that are lifted.
#[derive(Debug, Clone)]
pub(super) struct Rulebook {
    pub(super) config: CfgEnv,
    pub(super) block_gas: u64,
    /// The largest gas limit that a transaction may carry under the rest of the rules.
    pub(super) gas_limit: u64,
}

impl Rulebook {
    /// The fork's rules, less those of the list.
    pub(super) fn lifting(fork: Fork, broken: &[BrokenRule]) -> Self {
        Self::with(fork, |rule| {
            broken.iter().any(|broken| broken.rule == rule && broken.lifted)
        })
    }

    /// No limit at all, to find out what a transaction needs. What comes out of it is never a verdict.
    pub(super) fn measuring(fork: Fork) -> Self {
        Self::with(fork, |_| true)
    }

    fn with(fork: Fork, is_lifted: impl Fn(Rule) -> bool) -> Self {
        let limits = fork.limits();
        let mut config = fork.mainnet_rules();
        if is_lifted(Rule::RuntimeCodeSize) {
            config.limit_contract_code_size = Some(usize::MAX);
        }
        // Always stated: revm would take twice the limit on runtime code otherwise, lifted or not.
        config.limit_contract_initcode_size = Some(if is_lifted(Rule::InitcodeSize) {
            usize::MAX
        } else {
            limits.initcode_bytes as usize
        });
        if is_lifted(Rule::TransactionGas) {
            config.tx_gas_limit_cap = Some(u64::MAX);
        }
        let block_gas = if is_lifted(Rule::BlockGas) {
            LIFTED_GAS
        } else {
            limits.block_gas
        };
        // With state gas, the cap holds for the regular part alone: the limit may exceed it to pay for state.
        let gas_limit = if config.is_amsterdam_eip8037_enabled() {
            block_gas
        } else {
            block_gas.min(config.tx_gas_limit_cap())
        };
        Self {
            config,
            block_gas,
            gas_limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(fork: Fork, rule: Rule) -> BrokenRule {
        BrokenRule {
            rule,
            eip: rule.eip(fork),
            value: 2,
            limit: 1,
            lifted: rule.is_enforced(),
        }
    }

    /// What revm enforces under a rulebook, one number for each rule.
    fn enforced(rulebook: &Rulebook) -> [(Rule, u64); 4] {
        [
            (Rule::RuntimeCodeSize, rulebook.config.max_code_size() as u64),
            (Rule::InitcodeSize, rulebook.config.max_initcode_size() as u64),
            (Rule::TransactionGas, rulebook.config.tx_gas_limit_cap()),
            (Rule::BlockGas, rulebook.block_gas),
        ]
    }

    #[test]
    fn a_rule_is_lifted_alone() {
        for fork in Fork::ALL {
            let strict = enforced(&Rulebook::lifting(fork, &[]));
            for (rule, limit) in strict {
                let lifted = enforced(&Rulebook::lifting(fork, &[broken(fork, rule)]));
                for ((other, before), (_, after)) in strict.into_iter().zip(lifted) {
                    if other == rule {
                        // Prague has no cap on a transaction to lift.
                        assert!(after > limit || limit == u64::MAX, "{fork:?} {rule}");
                    } else {
                        assert_eq!(before, after, "{fork:?}: lifting {rule} moved {other}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_lifted_by_a_policy_or_by_a_rule_that_says_it_was_not() {
        for fork in Fork::ALL {
            let strict = enforced(&Rulebook::lifting(fork, &[]));
            let policies = [broken(fork, Rule::BlockSize), broken(fork, Rule::PublicPoolSize)];
            assert_eq!(enforced(&Rulebook::lifting(fork, &policies)), strict);
            let kept = BrokenRule {
                lifted: false,
                ..broken(fork, Rule::BlockGas)
            };
            assert_eq!(enforced(&Rulebook::lifting(fork, &[kept])), strict);
        }
    }

    #[test]
    fn the_gas_limit_is_the_largest_that_is_allowed() {
        let limit = |fork, rules: &[Rule]| {
            let rules: Vec<_> = rules.iter().map(|&rule| broken(fork, rule)).collect();
            Rulebook::lifting(fork, &rules).gas_limit
        };
        assert_eq!(limit(Fork::Prague, &[]), 60_000_000);
        assert_eq!(limit(Fork::Osaka, &[]), 16_777_216);
        assert_eq!(limit(Fork::Amsterdam, &[]), 60_000_000);
        assert_eq!(limit(Fork::Osaka, &[Rule::TransactionGas]), 60_000_000);
        assert_eq!(limit(Fork::Osaka, &[Rule::BlockGas]), 16_777_216);
        assert_eq!(
            limit(Fork::Osaka, &[Rule::TransactionGas, Rule::BlockGas]),
            LIFTED_GAS
        );
    }

    #[test]
    fn a_limit_may_be_reached_and_not_passed() {
        let at = |gas, bytes| {
            Needs {
                initcode_bytes: Some(bytes * 2),
                runtime_code_bytes: Some(bytes),
                capped_gas: gas,
                block_gas: gas,
                floor_gas: gas,
                transaction_bytes: 1,
            }
            .broken(Fork::Osaka)
        };
        assert_eq!(at(16_777_216, 24_576), []);
        let over = at(16_777_217, 24_577);
        let rules: Vec<_> = over.iter().map(|broken| broken.rule).collect();
        assert_eq!(
            rules,
            [
                Rule::RuntimeCodeSize,
                Rule::InitcodeSize,
                Rule::TransactionGas,
                Rule::CalldataFloor
            ]
        );
        assert_eq!(
            over[2].to_string(),
            "transaction gas: 16777217 gas, limit 16777216"
        );
        assert_eq!(over[2].eip, Some(7825));
    }

    #[test]
    fn gas_rules_are_lifted_one_after_the_other() {
        let first = next_gas_rule(Fork::Osaka, &[]).unwrap();
        assert_eq!((first.rule, first.value), (Rule::TransactionGas, 16_777_217));
        let second = next_gas_rule(Fork::Osaka, std::slice::from_ref(&first)).unwrap();
        assert_eq!((second.rule, second.value), (Rule::BlockGas, 60_000_001));
        assert_eq!(next_gas_rule(Fork::Osaka, &[first, second]), None);
        assert_eq!(next_gas_rule(Fork::Prague, &[]).unwrap().rule, Rule::BlockGas);
    }
}
