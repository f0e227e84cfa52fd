//! The rules of a hard fork, as revm knows them.
//!
//! A fork's limits are data of the records' schema; a test here holds those that revm enforces against its configuration.

use std::str::FromStr as _;

use revm::context::CfgEnv;
use revm::primitives::hardfork::SpecId;

pub use evmbench_schema::chain::{BLOCK_GAS, BLOCK_RLP_BYTES, Fork, Limits, PUBLIC_POOL_TRANSACTION_BYTES};

/// revm's configuration of a fork, with mainnet's gas table.
///
/// # Panics
/// Never: a test asks for every fork.
pub(super) fn mainnet_rules(fork: Fork) -> CfgEnv {
    let specification = SpecId::from_str(&fork.title()).expect("revm knows every fork by its name");
    CfgEnv::new_with_spec(specification)
}

#[cfg(test)]
mod tests {
    use revm::context::Cfg as _;

    use super::*;

    /// The EIPs' own numbers, written out by hand.
    #[test]
    fn limits_are_those_of_the_eips() {
        let prague = Limits {
            runtime_code_bytes: 24_576,
            initcode_bytes: 49_152,
            transaction_gas: None,
            block_gas: 60_000_000,
            block_rlp_bytes: None,
            public_pool_transaction_bytes: 131_072,
        };
        let osaka = Limits {
            transaction_gas: Some(16_777_216),
            block_rlp_bytes: Some(8 * 1024 * 1024),
            ..prague
        };
        let amsterdam = Limits {
            runtime_code_bytes: 65_536,
            initcode_bytes: 131_072,
            ..osaka
        };
        assert_eq!(Fork::Prague.limits(), prague);
        assert_eq!(Fork::Osaka.limits(), osaka);
        assert_eq!(Fork::Amsterdam.limits(), amsterdam);
    }

    /// What revm enforces is what the limits say.
    #[test]
    fn limits_are_revms() {
        for fork in Fork::ALL {
            let (limits, rules) = (fork.limits(), mainnet_rules(fork));
            assert_eq!(limits.runtime_code_bytes, rules.max_code_size() as u64);
            assert_eq!(limits.initcode_bytes, rules.max_initcode_size() as u64);
            // revm says "no cap" as the largest number.
            assert_eq!(
                limits.transaction_gas.unwrap_or(u64::MAX),
                rules.tx_gas_limit_cap()
            );
        }
    }

    #[test]
    fn mainnet_rules_are_all_on() {
        for fork in Fork::ALL {
            let rules = mainnet_rules(fork);
            assert_eq!(rules.chain_id, 1);
            assert!(!rules.is_nonce_check_disabled());
            assert!(!rules.is_eip7623_disabled());
            assert!(!rules.is_block_gas_limit_disabled());
            assert!(!rules.is_balance_check_disabled());
            assert!(!rules.is_base_fee_check_disabled());
            assert!(!rules.is_eip3607_disabled());
            assert!(!rules.is_eip3541_disabled());
            assert_eq!(rules.is_amsterdam_eip8037_enabled(), fork == Fork::Amsterdam);
            assert_eq!(rules.is_amsterdam_eip2780_enabled(), fork == Fork::Amsterdam);
        }
    }
}
