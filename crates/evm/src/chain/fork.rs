//! The hard forks, and what each allows a transaction.
//!
//! The limits are revm's own, read from its configuration of each fork, so that they cannot differ from what it enforces;
//! those that revm does not know carry their source.

use revm::context::{Cfg as _, CfgEnv};
use revm::primitives::hardfork::SpecId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Gas in one block: 60,000,000, mainnet's since EIP-7935 (November 2025).
///
/// It is set by vote and not by a fork, so that it stands for every fork here. What follows Amsterdam is likely higher.
pub const BLOCK_GAS: u64 = 60_000_000;

/// The largest block, in bytes of RLP: 10 MiB less 2 MiB for the consensus layer (EIP-7934, from Osaka).
pub const BLOCK_RLP_BYTES: u64 = 8_388_608;

/// The largest transaction that nodes pass on to each other, in bytes as encoded: four slots of 32 KiB
/// (`txMaxSize` in geth's `core/txpool/legacypool`). A policy, not a rule of the chain: a block may hold a larger one.
pub const PUBLIC_POOL_TRANSACTION_BYTES: u64 = 131_072;

/// A hard fork of mainnet, with all of its rules.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Fork {
    /// May 2025.
    Prague,
    /// December 2025; mainnet's rules today.
    #[default]
    Osaka,
    /// Scheduled; its constants may still change.
    Amsterdam,
}

impl Fork {
    /// Every fork, oldest first.
    pub const ALL: [Self; 3] = [Self::Prague, Self::Osaka, Self::Amsterdam];

    /// The name on the command line and in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prague => "prague",
            Self::Osaka => "osaka",
            Self::Amsterdam => "amsterdam",
        }
    }

    /// What a transaction may do at this fork.
    pub fn limits(self) -> Limits {
        let rules = self.mainnet_rules();
        Limits {
            runtime_code_bytes: rules.max_code_size() as u64,
            initcode_bytes: rules.max_initcode_size() as u64,
            // revm says "no cap" as the largest number.
            transaction_gas: Some(rules.tx_gas_limit_cap()).filter(|&cap| cap != u64::MAX),
            block_gas: BLOCK_GAS,
            block_rlp_bytes: (self >= Self::Osaka).then_some(BLOCK_RLP_BYTES),
            public_pool_transaction_bytes: PUBLIC_POOL_TRANSACTION_BYTES,
        }
    }

    /// revm's configuration of the fork, with mainnet's gas table.
    pub(super) fn mainnet_rules(self) -> CfgEnv {
        CfgEnv::new_with_spec(match self {
            Self::Prague => SpecId::PRAGUE,
            Self::Osaka => SpecId::OSAKA,
            Self::Amsterdam => SpecId::AMSTERDAM,
        })
    }
}

/// What a fork allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Runtime code of one contract, in bytes (EIP-170, EIP-7954).
    pub runtime_code_bytes: u64,
    /// Initcode of one deployment, in bytes (EIP-3860, EIP-7954).
    pub initcode_bytes: u64,
    /// Gas of one transaction (EIP-7825); state gas does not count from Amsterdam on (EIP-8037).
    pub transaction_gas: Option<u64>,
    /// Gas of one block.
    pub block_gas: u64,
    /// Size of one block, in bytes of RLP (EIP-7934).
    pub block_rlp_bytes: Option<u64>,
    /// Size of one transaction that nodes pass on, in bytes as encoded. A policy.
    pub public_pool_transaction_bytes: u64,
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn mainnet_rules_are_all_on() {
        for fork in Fork::ALL {
            let rules = fork.mainnet_rules();
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

    #[test]
    fn names_are_those_in_records() {
        for fork in Fork::ALL {
            assert_eq!(serde_json::to_value(fork).unwrap(), fork.name());
        }
        assert_eq!(Fork::default(), Fork::Osaka);
    }
}
