//! A generated verifier → its opening: the same contract without the pairing, for a batch of proofs.
//!
//! Goes in: the source of a circuit's own verifier, as EZKL's generator writes it. Comes out: the source of a contract with
//! the interface `contracts/src/IBatchOpening.sol`, which hands on what the verifier would ask the pairing about. With
//! [`Sharing::Key`] it leaves the multiplication of the key's commitments to its caller as well, who does it once for all
//! proofs, and inverts once where the verifier inverts three times.
//!
//! [`rewrite`] changes the text; `agree` then runs the verifier and the opening on the same random calls ([`machine`]), with
//! points of the curve as formal sums, and refuses the opening unless
//!
//! - what it hands on adds up to what the verifier asks the pairing about, for every point and scalar;
//! - it reverts whenever the verifier does: for each word of the proof and of the instances that is out of range, for other
//!   lengths, and whichever call of a precompile fails.
//!
//! The numbers are random elements of the field. Two sums that are equal there and not the same are polynomials that vanish
//! at a random point, which happens with probability below 2^-200 for those of a verifier. A source that the generator
//! writes in another way than it does today is refused, not guessed at.

mod agree;
mod edits;
mod inversions;
mod machine;
mod rewrite;
mod source;
mod sums;
mod words;
mod yul;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use machine::Unknown;
pub use yul::SyntaxError;

/// The name of the contract that is made.
pub const CONTRACT: &str = "BatchOpening";

/// The most instances of a circuit whose proofs are verified in batches: two statements of as many words are all that nodes
/// pass on in one transaction.
pub const MOST_INSTANCES: usize = 2_048;

/// What proofs of a batch share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// One pairing.
    Pairing,
    /// One pairing, and one multiplication of each commitment of the key.
    Key,
}

impl Sharing {
    /// Both, the plainer one first.
    pub const ALL: [Self; 2] = [Self::Pairing, Self::Key];
}

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
    /// The assembly is not what the generator writes.
    #[error("the verifier's assembly cannot be read: {0}")]
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
        let original = source::Source::read(verifier, "verifyProof")?;
        let source = rewrite::rewritten(&original, sharing)?;
        agree::check(&original, &source)?;
        Ok(Self { source, sharing })
    }
}

#[cfg(test)]
mod tests;
