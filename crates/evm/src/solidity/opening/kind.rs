//! What a number of a run may depend on.
//!
//! No branch and no place in memory may depend on a proof, on instances or on challenges, so that every call of the same
//! lengths takes the same path. And what is computed of them may only be a rational function of low degree over the scalar
//! field: two that are equal at a random point are then equal everywhere. Comparisons, which are no such functions, serve to
//! refuse and for nothing else.

use super::machine::Unknown;

/// More than the degree of anything that a verifier computes, with 2^28 rows and thousands of instances.
const MOST_DEGREE: u64 = 1 << 60;

/// What a number depends on, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// On nothing that a caller chooses: numbers of the source, the key, places.
    Fixed,
    /// A word of the calldata, as it stands there.
    Raw,
    /// A rational function over the scalar field of at most this degree, of words of the calldata and of hashes.
    Field(u64),
    /// A number modulo the base field, which the check of a point computes.
    Base,
    /// A coordinate of a point that was computed.
    Coordinate,
    /// Whether something holds, by its index in the run's facts.
    Truth(usize),
    /// The length of an argument.
    Length,
    /// What nothing may be computed of: the gas that is left, memory that is Solidity's or was not written word by word.
    Opaque,
}

impl Kind {
    /// The degree of a number that may be computed with modulo the scalar field's order.
    pub(super) fn degree(self) -> Option<u64> {
        match self {
            Self::Fixed => Some(0),
            Self::Raw => Some(1),
            Self::Field(degree) => Some(degree),
            Self::Base | Self::Coordinate | Self::Truth(_) | Self::Length | Self::Opaque => None,
        }
    }

    /// Whether a point may have this as a coordinate.
    pub(super) fn is_coordinate(self) -> bool {
        matches!(self, Self::Fixed | Self::Raw | Self::Coordinate)
    }

    /// Whether a program may write this to memory, return it, or hash it.
    pub(super) fn is_storable(self) -> bool {
        matches!(self, Self::Fixed | Self::Raw | Self::Field(_) | Self::Coordinate)
    }

    /// A sum or a product of two numbers. The degree of a sum of fractions is at most that of the product of their parts.
    pub(super) fn combined(self, other: Self) -> Result<Option<Self>, Unknown> {
        let (Some(degree), Some(more)) = (self.degree(), other.degree()) else {
            return Ok(None);
        };
        let degree = degree.saturating_add(more);
        if degree > MOST_DEGREE {
            return Err(Unknown::Limit("the degree of a number"));
        }
        Ok(Some(Self::Field(degree)))
    }
}
