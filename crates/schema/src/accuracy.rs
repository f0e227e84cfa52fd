//! How well a circuit does on test images beside its model in `f32`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::CircuitKind;
use crate::reach::Reach;

/// A classifier on the test images, in `f32` and in one circuit's integers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Accuracy {
    /// The kind of the circuit.
    pub circuit: CircuitKind,
    /// Bits after the binary point.
    pub scale: u32,
    /// Images looked at.
    pub images: usize,
    /// SHA-256 over label and pixels of each, in their order.
    pub images_sha256: String,
    /// Images whose greatest `f32` logit is that of their class.
    pub float_correct: usize,
    /// Images whose greatest integer logit is that of their class.
    pub correct: usize,
    /// Images that both put into one class, right or wrong.
    pub agreeing: usize,
    /// The greatest distance between a logit of the circuit and the same in `f32`.
    pub worst_logit_error: f64,
    /// Mean distance between them, over all logits of all images.
    pub mean_logit_error: f64,
    /// The greatest magnitude of a logit in `f32`.
    pub greatest_logit: f64,
    /// Images of which EZKL's own witness was computed; each equals the reference to the last integer.
    pub witnesses: usize,
    /// Images of which there would be no proof, since a value goes beyond its table; they are not among the right ones.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_proof: usize,
    /// What the circuit's integers hang on besides; absent where it is of a user's file, or was not written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integers: Option<IntegerChoices>,
}

/// What the integers of a committed circuit hang on besides its model and scale: of two circuits with the same, each value has the
/// same integers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IntegerChoices {
    /// Bits of the base of digits, which is the size of tables.
    pub digit_bits: u32,
    /// How many values at most are rounded because a layer of weights reads them; absent where it is as few as will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roundings: Option<usize>,
    /// How far values reach, for which scale factors are chosen.
    #[serde(default, skip_serializing_if = "Reach::is_empty")]
    pub reach: Reach,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Accuracy {
    /// Part of the images that the circuit's integers put into their class, 0 to 1.
    pub fn part_correct(&self) -> f64 {
        self.correct as f64 / self.images.max(1) as f64
    }

    /// Part of the images that `f32` puts into their class, 0 to 1.
    pub fn float_part_correct(&self) -> f64 {
        self.float_correct as f64 / self.images.max(1) as f64
    }
}
