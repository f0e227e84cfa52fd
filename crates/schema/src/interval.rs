//! Intervals of integers: what a tensor's elements can be, from what its inputs can be.
//!
//! All arithmetic is checked in `i128`; what leaves [`LIMIT`] is refused, so that neither the reference nor a number that is
//! read back as an integer can overflow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The least magnitude that is refused: 2^126. EZKL's own integers are `i128`.
pub const LIMIT: i128 = 1 << 126;

/// Least and greatest element of a tensor, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// No element is less.
    #[serde(with = "text")]
    #[schemars(with = "String")]
    pub least: i128,
    /// No element is greater.
    #[serde(with = "text")]
    #[schemars(with = "String")]
    pub greatest: i128,
}

/// An element could leave [`LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an element could reach 2^126")]
pub struct Unbounded;

#[expect(
    clippy::missing_errors_doc,
    reason = "it is always that an element could leave the limit"
)]
impl Interval {
    /// From −bound to bound.
    pub fn symmetric(bound: i128) -> Self {
        Self {
            least: -bound,
            greatest: bound,
        }
    }

    /// The interval between two bounds within the limit.
    pub fn checked(least: i128, greatest: i128) -> Result<Self, Unbounded> {
        debug_assert!(least <= greatest);
        if -LIMIT < least && greatest < LIMIT {
            Ok(Self { least, greatest })
        } else {
            Err(Unbounded)
        }
    }

    /// All that a committed circuit's integers may be.
    pub fn of_circuits() -> Self {
        Self::symmetric(LIMIT - 1)
    }

    /// The greatest magnitude of an element.
    pub fn magnitude(self) -> i128 {
        self.greatest.max(-self.least)
    }

    /// Whether no element can be negative.
    pub fn is_non_negative(self) -> bool {
        self.least >= 0
    }

    /// What sums of an element of each can be.
    pub fn plus(self, other: Self) -> Result<Self, Unbounded> {
        Self::checked(self.least + other.least, self.greatest + other.greatest)
    }

    /// What differences of an element of each can be.
    pub fn minus(self, other: Self) -> Result<Self, Unbounded> {
        Self::checked(self.least - other.greatest, self.greatest - other.least)
    }

    /// What products of an element of each can be.
    pub fn times(self, other: Self) -> Result<Self, Unbounded> {
        let products = [
            self.least.checked_mul(other.least),
            self.least.checked_mul(other.greatest),
            self.greatest.checked_mul(other.least),
            self.greatest.checked_mul(other.greatest),
        ];
        let products: Option<Vec<i128>> = products.into_iter().collect();
        let products = products.ok_or(Unbounded)?;
        let least = products.iter().copied().min().ok_or(Unbounded)?;
        let greatest = products.iter().copied().max().ok_or(Unbounded)?;
        Self::checked(least, greatest)
    }

    /// What squares of elements can be.
    pub fn squared(self) -> Result<Self, Unbounded> {
        let greatest = self.magnitude().checked_mul(self.magnitude()).ok_or(Unbounded)?;
        let nearest = if self.least > 0 {
            self.least
        } else {
            (-self.greatest).max(0)
        };
        Self::checked(nearest * nearest, greatest)
    }

    /// What maxima with 0 can be.
    #[must_use]
    pub fn rectified(self) -> Self {
        Self {
            least: self.least.max(0),
            greatest: self.greatest.max(0),
        }
    }

    /// What a sum of `count` elements can be.
    pub fn repeated(self, count: usize) -> Result<Self, Unbounded> {
        let count = i128::try_from(count).map_err(|_| Unbounded)?;
        self.times(Self {
            least: count,
            greatest: count,
        })
    }

    /// The smallest interval that holds both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self {
            least: self.least.min(other.least),
            greatest: self.greatest.max(other.greatest),
        }
    }

    /// What Σ weight · element + addend can be, for these weights.
    pub fn weighted(self, weights: &[i128], addend: i128) -> Result<Self, Unbounded> {
        let sum_of = |sign: i128| {
            weights
                .iter()
                .map(|&weight| (weight * sign).max(0))
                .try_fold(0i128, i128::checked_add)
        };
        let (positive, negative) = (sum_of(1).ok_or(Unbounded)?, sum_of(-1).ok_or(Unbounded)?);
        let end = |up: i128, down: i128| {
            let up = positive.checked_mul(up)?;
            let down = negative.checked_mul(down)?;
            up.checked_sub(down)?.checked_add(addend)
        };
        let least = end(self.least, self.greatest).ok_or(Unbounded)?;
        let greatest = end(self.greatest, self.least).ok_or(Unbounded)?;
        Self::checked(least, greatest)
    }
}

/// Integers as decimal text: JSON numbers hold 64 bits at most.
mod text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(number: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn interval() -> impl Strategy<Value = Interval> {
        (-1000i128..1000, 0i128..500).prop_map(|(least, width)| Interval {
            least,
            greatest: least + width,
        })
    }

    fn holds(interval: Interval, element: i128) -> bool {
        (interval.least..=interval.greatest).contains(&element)
    }

    fn within(interval: Interval, place: i128) -> i128 {
        interval.least + place.rem_euclid(interval.greatest - interval.least + 1)
    }

    proptest! {
        #[test]
        fn results_of_elements_lie_in_results_of_intervals(
            a in interval(), b in interval(), i in 0i128..1000, j in 0i128..1000,
            weights in prop::collection::vec(-50i128..50, 1..6), addend in -99i128..99,
        ) {
            let (x, y) = (within(a, i), within(b, j));
            prop_assert!(holds(a.plus(b).unwrap(), x + y));
            prop_assert!(holds(a.minus(b).unwrap(), x - y));
            prop_assert!(holds(a.times(b).unwrap(), x * y));
            prop_assert!(holds(a.squared().unwrap(), x * x));
            prop_assert!(holds(a.rectified(), x.max(0)));
            prop_assert!(holds(a.repeated(7).unwrap(), 7 * x));
            let elements: Vec<i128> = (0..weights.len() as i128).map(|k| within(a, i + 31 * k)).collect();
            let sum: i128 = weights.iter().zip(&elements).map(|(w, x)| w * x).sum();
            prop_assert!(holds(a.weighted(&weights, addend).unwrap(), sum + addend));
        }
    }

    #[test]
    fn what_reaches_the_limit_is_refused() {
        let wide = Interval::symmetric(LIMIT - 1);
        let one = Interval::symmetric(1);
        assert_eq!(wide.plus(one), Err(Unbounded));
        assert_eq!(wide.squared(), Err(Unbounded));
        assert_eq!(wide.times(wide), Err(Unbounded));
        assert_eq!(wide.weighted(&[1, 1], 0), Err(Unbounded));
        assert_eq!(wide.weighted(&[1], 0), Ok(wide));
    }
}
