//! Elements of the scalar field.

use std::fmt;

use alloy_primitives::{U256, uint};

/// The order of BN254's scalar field, in which a circuit's cells and a verifier's public instances are (the verifiers' constant
/// `r`).
pub const FIELD_MODULUS: U256 =
    uint!(21888242871839275222246405745257275088548364400416034343698204186575808495617_U256);

/// An element of BN254's scalar field, below its order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Element(U256);

impl Element {
    /// The neutral element of addition.
    pub const ZERO: Self = Self(U256::ZERO);

    /// The element that this number stands for; `None` where it is not below the order.
    pub fn new(number: U256) -> Option<Self> {
        (number < FIELD_MODULUS).then_some(Self(number))
    }

    /// The number below the order that stands for it.
    pub fn number(self) -> U256 {
        self.0
    }

    /// The integer of least magnitude that it stands for, if that has at most 126 bits.
    pub fn integer(self) -> Option<i128> {
        let small = |number: U256| i128::try_from(number).ok().filter(|integer| integer >> 126 == 0);
        small(self.0).or_else(|| small(FIELD_MODULUS - self.0).map(|integer| -integer))
    }
}

impl From<i128> for Element {
    fn from(integer: i128) -> Self {
        let magnitude = U256::from(integer.unsigned_abs());
        Self(if integer < 0 {
            FIELD_MODULUS - magnitude
        } else {
            magnitude
        })
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.integer() {
            Some(integer) => write!(formatter, "{integer}"),
            None => write!(formatter, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_elements() {
        assert_eq!(Element::from(5).number(), U256::from(5));
        assert_eq!(Element::from(-1).number(), FIELD_MODULUS - U256::ONE);
        assert_eq!(Element::from(0), Element::ZERO);
        for integer in [0, 1, -1, i128::from(u64::MAX), -(1 << 125)] {
            assert_eq!(Element::from(integer).integer(), Some(integer));
        }
    }

    #[test]
    fn the_order_itself_is_no_element() {
        assert_eq!(Element::new(FIELD_MODULUS), None);
        let last = Element::new(FIELD_MODULUS - U256::ONE);
        assert_eq!(last, Some(Element::from(-1)));
        let number = U256::ONE << 200_usize;
        let large = Element::new(number).unwrap();
        assert_eq!(large.integer(), None);
        assert_eq!(format!("{large:?}"), number.to_string());
    }
}
