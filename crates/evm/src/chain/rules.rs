//! What a transaction breaks, and how one broken rule is lifted to get a verdict.
//!
//! A verdict is worth having even where a rule of the chain stands in its way, as long as it says so. A rule is lifted by
//! being in the list of broken rules that the outcome carries, and in no other way.

use revm::context::{Cfg as _, CfgEnv};

pub use evmbench_schema::chain::{BrokenRule, Rule, RuleMargin};

use super::fork::{Fork, mainnet_rules};

/// The gas limit where the block's is lifted: a verifier of some three million public instances fits.
///
/// It is finite so that code that never ends is found out.
pub const LIFTED_GAS: u64 = 1 << 35;

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
    /// Every rule that a fork has for such a transaction, held against it.
    pub(super) fn margins(&self, fork: Fork) -> Vec<RuleMargin> {
        let margin = |rule: Rule| {
            Some(RuleMargin {
                rule,
                value: self.value(rule)?,
                limit: rule.limit(fork)?,
            })
        };
        Rule::ALL.into_iter().filter_map(margin).collect()
    }

    /// What a rule counts; none where the rule does not speak of such a transaction.
    fn value(&self, rule: Rule) -> Option<u64> {
        match rule {
            Rule::RuntimeCodeSize => self.runtime_code_bytes,
            Rule::InitcodeSize => self.initcode_bytes,
            Rule::TransactionGas => Some(self.capped_gas),
            Rule::CalldataFloor => Some(self.floor_gas),
            Rule::BlockGas => Some(self.block_gas),
            Rule::BlockSize | Rule::PublicPoolSize => Some(self.transaction_bytes),
        }
    }
}

/// The rules that are broken at a fork, each to be lifted if revm enforces it.
pub(super) fn broken(fork: Fork, margins: &[RuleMargin]) -> Vec<BrokenRule> {
    let broken = margins.iter().filter(|margin| margin.is_broken());
    broken
        .map(|&RuleMargin { rule, value, limit }| BrokenRule {
            rule,
            eip: rule.eip(fork),
            value,
            limit,
            lifted: rule.is_enforced(),
        })
        .collect()
}

/// Sets the next gas rule that is not broken yet just over its limit, for a transaction that spends less than every limit
/// and still fails at them. False where there is none.
pub(super) fn break_next_gas_rule(margins: &mut [RuleMargin]) -> bool {
    let next = [Rule::TransactionGas, Rule::BlockGas]
        .into_iter()
        .find_map(|rule| {
            let index = margins.iter().position(|margin| margin.rule == rule)?;
            (!margins[index].is_broken()).then_some(index)
        });
    if let Some(index) = next {
        margins[index].value = margins[index].limit + 1;
    }
    next.is_some()
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
        let mut config = mainnet_rules(fork);
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
    use super::broken as broken_rules;
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
            .margins(Fork::Osaka)
        };
        assert_eq!(broken_rules(Fork::Osaka, &at(16_777_216, 24_576)), []);
        let over = broken_rules(Fork::Osaka, &at(16_777_217, 24_577));
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
        let mut margins = Needs::default().margins(Fork::Osaka);
        let mut steps = Vec::new();
        while break_next_gas_rule(&mut margins) {
            let broken = broken_rules(Fork::Osaka, &margins);
            steps.push(
                broken
                    .iter()
                    .map(|broken| (broken.rule, broken.value))
                    .collect::<Vec<_>>(),
            );
        }
        let transaction = (Rule::TransactionGas, 16_777_217);
        assert_eq!(
            steps,
            [vec![transaction], vec![transaction, (Rule::BlockGas, 60_000_001)]]
        );
        let mut prague = Needs::default().margins(Fork::Prague);
        assert!(break_next_gas_rule(&mut prague));
        assert_eq!(broken_rules(Fork::Prague, &prague)[0].rule, Rule::BlockGas);
    }

    #[test]
    fn a_margin_is_what_is_left() {
        let margin = |value| RuleMargin {
            rule: Rule::RuntimeCodeSize,
            value,
            limit: 24_576,
        };
        assert_eq!((margin(24_576).margin(), margin(24_576).is_broken()), (0, false));
        assert_eq!((margin(24_580).margin(), margin(24_580).is_broken()), (-4, true));
    }
}
