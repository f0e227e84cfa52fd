//! A generated verifier → its opening: the same contract without the pairing, for a batch of proofs.
//!
//! Goes in: the source of a circuit's own verifier, as EZKL's generator writes it. Comes out: the source of a contract with
//! the interface `contracts/src/IBatchOpening.sol`, which hands on what the verifier would ask the pairing about. With
//! [`Sharing::Key`] it leaves the multiplication of the key's commitments to its caller as well, who does it once for all
//! proofs, and inverts once where the verifier inverts three times.
//!
//! The verifier's file is read whole, by a closed grammar ([`source`]): what is not read is not there. [`rewrite`] changes the
//! text, and with [`Sharing::Key`] writes what is left as one line without loops ([`trace`], [`straight`]) where the circuit has few
//! instances. The opening is read by the same grammar, and `agree` runs both on the same random calls ([`machine`]), with points of
//! the curve as formal sums. It refuses the opening unless
//!
//! - what it hands on adds up to what the verifier asks the pairing about, for every point and scalar;
//! - it reverts for everything that the verifier reverts for before the pairing, which is at least: each word of the proof
//!   and of the instances that is out of range, other lengths, and each call of a precompile that fails;
//! - in neither of them a branch or a place in memory depends on what is proved, and nothing is computed of it but rational
//!   functions of low degree ([`kind`]) with the generator's denominators ([`denominators`]).
//!
//! The numbers are random elements of the field, and every call of the same lengths takes the same path. So two sums that are
//! equal there and not the same are functions that are equal at a random point, which happens with probability below 2^-180.
//! A source that the generator writes in another way than it does today is refused, not guessed at.

mod agree;
mod denominators;
mod edits;
mod functions;
mod inversions;
mod kind;
mod machine;
mod rewrite;
mod source;
mod straight;
mod sums;
mod trace;
mod words;
mod yul;

use alloy_primitives::{U256, uint};

pub use evmbench_schema::solidity::Sharing;

pub use machine::Unknown;
pub use straight::MOST_INSTANCES as MOST_STRAIGHT_INSTANCES;
pub use yul::SyntaxError;

/// The field that coordinates of points are in.
const BASE_MODULUS: U256 =
    uint!(21888242871839275222246405745257275088696311157297823662689037894645226208583_U256);

/// The name of the contract that is made.
pub const CONTRACT: &str = "BatchOpening";

/// The most instances of a circuit whose proofs are verified in batches: two statements of as many words are all that nodes
/// pass on in one transaction.
pub const MOST_INSTANCES: usize = 2_048;

/// An opening's source, held against its verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The text of one self-contained source file, with the contract [`CONTRACT`].
    pub source: String,
    /// What is left to the caller.
    pub sharing: Sharing,
}

/// Why there is no opening.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// The source is not what the generator writes.
    #[error("the verifier's source cannot be read: {0}")]
    Syntax(#[from] SyntaxError),
    /// A part that a verifier has is not there, or looks different.
    #[error("the verifier is not built as expected: {0} is missing")]
    Missing(&'static str),
    /// A part that a verifier has once is there more than once.
    #[error("the verifier is not built as expected: {0} is there more than once")]
    Twice(&'static str),
    /// A transaction that nodes pass on cannot hold two such proofs.
    #[error("{found} instances are too many for a batch, which has at most {MOST_INSTANCES} for each proof")]
    TooManyInstances {
        /// As many as the circuit has.
        found: usize,
    },
    /// The circuit aggregates proofs.
    #[error("a verifier with an accumulator has no opening")]
    Accumulator,
    /// The assembly does something that is not known.
    #[error("the verifier's assembly cannot be followed: {0}")]
    Unknown(#[from] Unknown),
    /// The opening does not compute what it must.
    #[error("the opening differs from the verifier: {0}")]
    Differs(String),
}

impl Opening {
    /// Makes the opening of a circuit's own verifier, and holds it against the verifier.
    ///
    /// # Errors
    /// [`OpeningError`] where the verifier is not built as EZKL 23.0.5 builds it (the reusable verifier is not), or where the
    /// opening would compute something else.
    pub fn of(verifier: &str, sharing: Sharing) -> Result<Self, OpeningError> {
        let original = source::Source::read(verifier, source::Form::Verifier)?;
        let mut source = rewrite::rewritten(&original, sharing)?;
        if sharing == Sharing::Key {
            source = rewrite::straightened(&original, source)?;
        }
        agree::check(&original, &source)?;
        Ok(Self { source, sharing })
    }
}

#[cfg(test)]
mod tests;
