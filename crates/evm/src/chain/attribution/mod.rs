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

use alloy_primitives::Address;

pub use evmbench_schema::chain::{Cause, GasByCause, GasBySection};

pub(super) use meter::{Attribution, Meter};

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
