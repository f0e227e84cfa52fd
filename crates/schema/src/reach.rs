//! How far the values of a graph reach on the inputs of a calibration.
//!
//! Bounds that follow from the range of the input grow with each layer, far beyond what a trained network's values are. A value
//! that a circuit looks up is bounded by the look-up anyway, so that its scale factor may be chosen for what it really reaches.
//! Nothing that a proof says rests on it: an input on which a value goes further has no proof.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The greatest magnitude of each value, as the exponent of a power of two that it does not exceed, margin included. A value that
/// is not there is bounded by what follows from the input's range.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Reach(BTreeMap<String, i32>);

impl Reach {
    /// Nothing is known of any value.
    pub const NOTHING: Self = Self(BTreeMap::new());

    /// Of values by name, each with the greatest magnitude that was seen, with 2^`margin` times as much room.
    pub fn of(greatest: impl IntoIterator<Item = (String, f64)>, margin: u32) -> Self {
        let exponents = greatest.into_iter().filter(|(_, most)| most.is_normal());
        let exponents =
            exponents.map(|(name, most)| (name, most.log2().ceil() as i32 + margin.cast_signed()));
        Self(exponents.collect())
    }

    /// What no element of a value is expected to exceed, in the model's numbers.
    pub fn bound(&self, value: &str) -> Option<f64> {
        self.0.get(value).map(|&exponent| f64::from(exponent).exp2())
    }

    /// The values that something is known of.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
