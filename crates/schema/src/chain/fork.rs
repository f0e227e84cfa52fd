//! The hard forks, and what each allows a transaction.
//!
//! The limits are the EIPs'. Those that revm enforces are held against its configuration of each fork by a test of
//! `evmbench-evm`; those that it does not know carry their source.

use evmbench_host::format;
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

    /// The name on the command line, in records and in columns.
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// The name in headings and sentences: `Osaka`.
    pub fn title(self) -> String {
        format::capitalised(self.name())
    }

    /// The fork of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fork| fork.name() == name)
    }

    /// The EIPs that set this fork's limits.
    pub(super) fn eips(self) -> Eips {
        self.definition().eips
    }

    /// Gas of one more byte of code that a deployment leaves behind: its deposit, or the state that it makes.
    pub fn code_byte_gas(self) -> u64 {
        self.definition().code_byte_gas
    }

    /// Gas by which a zero byte of calldata is cheaper than another where the calldata floor sets the price; none where the
    /// floor counts them alike.
    pub fn floor_zero_byte_saves_gas(self) -> Option<u64> {
        self.definition().floor_zero_byte_saves_gas
    }

    /// All that is particular to the fork. What it changes in gas besides is revm's.
    fn definition(self) -> Definition {
        let prague = Definition {
            name: "prague",
            limits: Limits {
                runtime_code_bytes: 24_576,
                initcode_bytes: 49_152,
                transaction_gas: None,
                block_gas: BLOCK_GAS,
                block_rlp_bytes: None,
                public_pool_transaction_bytes: PUBLIC_POOL_TRANSACTION_BYTES,
            },
            eips: Eips {
                runtime_code: 170,
                initcode: 3860,
                calldata_floor: 7623,
            },
            code_byte_gas: 200,
            // 40 - 10 (EIP-7623).
            floor_zero_byte_saves_gas: Some(30),
        };
        let osaka = Definition {
            name: "osaka",
            limits: Limits {
                transaction_gas: Some(16_777_216),
                block_rlp_bytes: Some(BLOCK_RLP_BYTES),
                ..prague.limits
            },
            ..prague
        };
        match self {
            Self::Prague => prague,
            Self::Osaka => osaka,
            Self::Amsterdam => Definition {
                name: "amsterdam",
                limits: Limits {
                    runtime_code_bytes: 65_536,
                    initcode_bytes: 131_072,
                    ..osaka.limits
                },
                eips: Eips {
                    runtime_code: 7954,
                    initcode: 7954,
                    calldata_floor: 7976,
                },
                // State gas (EIP-8037).
                code_byte_gas: 1530,
                floor_zero_byte_saves_gas: None,
            },
        }
    }

    /// What a transaction may do at this fork.
    pub fn limits(self) -> Limits {
        self.definition().limits
    }
}

/// A fork's entry.
struct Definition {
    /// On the command line and in records.
    name: &'static str,
    limits: Limits,
    eips: Eips,
    code_byte_gas: u64,
    floor_zero_byte_saves_gas: Option<u64>,
}

/// The EIPs that set limits which forks have changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eips {
    /// Of runtime code.
    pub(super) runtime_code: u32,
    /// Of initcode.
    pub(super) initcode: u32,
    /// Of the calldata floor.
    pub(super) calldata_floor: u32,
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

    #[test]
    fn names_are_those_in_records() {
        for fork in Fork::ALL {
            assert_eq!(serde_json::to_value(fork).unwrap(), fork.name());
            assert_eq!(Fork::named(fork.name()), Some(fork));
        }
        assert_eq!(Fork::named("Osaka"), None);
        assert_eq!(Fork::Osaka.title(), "Osaka");
        assert_eq!(Fork::default(), Fork::Osaka);
    }
}
