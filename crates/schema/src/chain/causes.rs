//! A transaction's gas, by what it was spent on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::solidity::Section;

macro_rules! causes {
    ($($(#[$documentation:meta])* $cause:ident,)*) => {
        /// What gas is spent on.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum Cause {
            $($(#[$documentation])* $cause,)*
        }

        impl Cause {
            /// Every cause, in the order of a record.
            pub const ALL: &[Self] = &[$(Self::$cause,)*];
        }
    };
}

causes! {
    /// Being a transaction: 21,000; from Amsterdam on 12,000 (EIP-2780).
    Base,
    /// Reaching the account that is called, where that is not part of the base (EIP-2780, from Amsterdam on).
    Recipient,
    /// Zero bytes of the transaction's data.
    CalldataZero,
    /// Other bytes of the transaction's data.
    CalldataNonzero,
    /// Creating an account for code: by the transaction, CREATE or CREATE2.
    Creation,
    /// Words of initcode (EIP-3860).
    Initcode,
    /// What the calldata floor asks for beyond what was spent (EIP-7623, EIP-7976).
    FloorSurcharge,
    /// The precompile at 0x06: a sum of two points of BN254 (EIP-1108).
    EcAdd,
    /// The precompile at 0x07: a multiple of a point of BN254 (EIP-1108).
    EcMul,
    /// The precompile at 0x08: a product of pairings on BN254 (EIP-1108).
    Pairing,
    /// The precompile at 0x05: a power modulo a number (EIP-2565, EIP-7883).
    Modexp,
    /// The precompile at 0x01.
    EcRecover,
    /// The precompile at 0x02.
    Sha256,
    /// The precompile at 0x03.
    Ripemd160,
    /// The precompile at 0x04: copies its input.
    Identity,
    /// The precompile at 0x09 (EIP-152).
    Blake2f,
    /// The precompile at 0x0a: a KZG opening on BLS12-381 (EIP-4844).
    PointEvaluation,
    /// The precompile at 0x0b (EIP-2537).
    Bls12G1Add,
    /// The precompile at 0x0c (EIP-2537).
    Bls12G1Msm,
    /// The precompile at 0x0d (EIP-2537).
    Bls12G2Add,
    /// The precompile at 0x0e (EIP-2537).
    Bls12G2Msm,
    /// The precompile at 0x0f (EIP-2537).
    Bls12Pairing,
    /// The precompile at 0x10 (EIP-2537).
    Bls12MapFpToG1,
    /// The precompile at 0x11 (EIP-2537).
    Bls12MapFp2ToG2,
    /// The precompile at 0x100 (EIP-7951).
    P256Verify,
    /// KECCAK256, and the hash of the initcode that CREATE2 takes.
    Keccak,
    /// Memory that grows, whichever opcode makes it.
    Memory,
    /// SLOAD, SSTORE, TLOAD and TSTORE, with the first access to a slot.
    Storage,
    /// LOG0 to LOG4.
    Logs,
    /// Leaving code behind: 200 gas a byte; from Amsterdam on its hash alone, the bytes being new state.
    CodeDeposit,
    /// New state: slots, accounts and code (EIP-8037, from Amsterdam on).
    State,
    /// Arithmetic, comparisons and bits of words.
    Arithmetic,
    /// Jumps, their destinations, and the end of a call.
    ControlFlow,
    /// Words to, from and on the stack; copies; what a contract reads of its surroundings.
    DataMovement,
    /// The CALL family and every other opcode that reaches for an account, with the first access to it.
    Calls,
    /// What was left to a call that halted: all of it is lost.
    Halted,
    /// What is given back for cleared storage. The only entry below 0.
    Refund,
}

/// Gas for each cause of a transaction, those of 0 left out. The sum is what the sender pays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct GasByCause(BTreeMap<Cause, i64>);

impl GasByCause {
    /// Gas of one cause.
    pub fn get(&self, cause: Cause) -> i64 {
        self.0.get(&cause).copied().unwrap_or(0)
    }

    /// Gas of all causes: `tx_gas` of the same transaction.
    pub fn total(&self) -> i64 {
        self.0.values().sum()
    }

    /// Each cause with its gas.
    pub fn iter(&self) -> impl Iterator<Item = (Cause, i64)> + '_ {
        self.0.iter().map(|(&cause, &gas)| (cause, gas))
    }
}

/// Gas for each section of the code that ran, those of 0 left out. The sum is the transaction's execution gas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct GasBySection(BTreeMap<Section, u64>);

impl GasBySection {
    /// Gas of one section.
    pub fn get(&self, section: Section) -> u64 {
        self.0.get(&section).copied().unwrap_or(0)
    }

    /// Gas of all sections: `execution_gas` of the same transaction.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Each section with its gas.
    pub fn iter(&self) -> impl Iterator<Item = (Section, u64)> + '_ {
        self.0.iter().map(|(&section, &gas)| (section, gas))
    }

    /// The share of the execution that lies in no known section, from 0 to 1.
    pub fn unplaced_share(&self) -> f64 {
        self.get(Section::Unplaced) as f64 / self.total().max(1) as f64
    }
}

impl FromIterator<(Cause, i64)> for GasByCause {
    /// Of each cause once; those of 0 are left out.
    fn from_iter<T: IntoIterator<Item = (Cause, i64)>>(causes: T) -> Self {
        Self(causes.into_iter().filter(|&(_, gas)| gas != 0).collect())
    }
}

impl FromIterator<(Section, u64)> for GasBySection {
    /// Of each section once; those of 0 are left out.
    fn from_iter<T: IntoIterator<Item = (Section, u64)>>(sections: T) -> Self {
        Self(sections.into_iter().filter(|&(_, gas)| gas > 0).collect())
    }
}
