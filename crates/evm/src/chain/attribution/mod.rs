//! A transaction's gas, by what it was spent on.
//!
//! Goes in: a transaction, its fork's prices, and its steps as revm's interpreter takes them; where they are known, the
//! sections of the code that runs. Comes out: gas for each [`Cause`], which sums to the receipt's, and gas for each
//! [`Section`] of the code, which sums to the execution's.
//!
//! No part is what the others leave over. The transaction's own bytes and every step are priced by the fork's tables, and
//! the price of a step must be what the interpreter's gas counter lost in it; then the sum must be the receipt's. Where
//! either fails, there is no attribution but an [`AttributionError`].
//!
//! Gas that a call hands on is never counted, so that what comes back of it need not be taken off: the callee's own steps
//! are.

mod meter;
mod price;

use std::collections::BTreeMap;

use alloy_primitives::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::solidity::Section;

pub(super) use meter::{Attribution, Meter};

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

/// Gas that cannot be accounted for: the prices here are not revm's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttributionError {
    /// The transaction's own bytes cost something else than the sum of their parts.
    #[error("the transaction's own bytes cost {charged} gas, and their parts {priced}")]
    Intrinsic {
        /// What revm takes before anything runs.
        charged: u64,
        /// The sum of the parts.
        priced: u64,
    },
    /// A step took something else than its price.
    #[error("{opcode} at {pc} took {metered} gas, and its price is {priced}")]
    Step {
        /// The opcode's name.
        opcode: &'static str,
        /// Where it stands in its code.
        pc: usize,
        /// What the interpreter's counter lost.
        metered: u64,
        /// What it should have lost.
        priced: u64,
    },
    /// A precompile that has no cause.
    #[error("no cause of gas is known for the precompile at {address}")]
    UnknownPrecompile {
        /// Its address.
        address: Address,
    },
    /// The sum of the parts is not the receipt's.
    #[error("{figure} is {receipt} in the receipt, and its parts sum to {attributed}")]
    Receipt {
        /// Which of the receipt's figures.
        figure: &'static str,
        /// What the receipt says.
        receipt: u64,
        /// The sum of the parts.
        attributed: i64,
    },
}

#[cfg(test)]
mod tests;
