//! What the scale factors of a committed circuit rest on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reach::Reach;

/// How far values reach, and on what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScaleFactors {
    /// Where the inputs came from.
    pub basis: Basis,
    /// How many there were, the one that is proved among them.
    pub inputs: u64,
    /// The logarithm of the room that each value has beyond what it reached.
    pub margin_bits: u32,
    /// For each value the exponent of the power of two that it is expected not to exceed, margin included.
    pub reach: Reach,
}

/// Where a calibration's inputs come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Basis {
    /// Drawn from all that the circuit must take.
    Drawn,
    /// A file or folder of the user's.
    Files {
        /// SHA-256 of the file; of a folder, of all its files' digests.
        sha256: String,
    },
}

impl ScaleFactors {
    /// What a record's notes say.
    pub fn remark(&self) -> String {
        let basis = match &self.basis {
            Basis::Drawn => "drawn and the one proved (--calibration names inputs of yours)",
            Basis::Files { .. } => "of --calibration and the one proved",
        };
        format!(
            "scale factors are chosen for what values reach on {} inputs, {basis}, with room for {} times as much; an input on which a \
             value goes beyond its table has no proof",
            self.inputs,
            1_u64 << self.margin_bits.min(u64::BITS - 1)
        )
    }
}
