//! Where a model is cut and tiled into parts, and where each part takes its input from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a model is split.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Split {
    /// Layers by name; a part begins with each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<String>,
    /// How many parts share the outputs of the last layer, which is the only one after the last cut where there is more
    /// than one.
    pub tiles: usize,
}

/// A tensor of a part that a later part may take as its input; of several inputs or outputs, all of them as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SharedTensor {
    /// Its own input: both are tiles of one layer.
    Input,
    /// Its output: the model was cut between the two.
    Output,
}

/// Where a part's input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// The index of an earlier part.
    pub part: usize,
    /// Which of its tensors.
    pub tensor: SharedTensor,
}

/// The whole model as one part.
impl Default for Split {
    fn default() -> Self {
        Self {
            cuts: Vec::new(),
            tiles: 1,
        }
    }
}

impl Split {
    /// How many parts there are.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.cuts.len() + self.tiles
    }

    /// Where the input of the part with this index comes from; none for the first, whose input is the model's.
    #[must_use]
    pub fn source(&self, index: usize) -> Option<Source> {
        let first_tile = self.cuts.len();
        if index > first_tile {
            return Some(Source {
                part: first_tile,
                tensor: SharedTensor::Input,
            });
        }
        index.checked_sub(1).map(|part| Source {
            part,
            tensor: SharedTensor::Output,
        })
    }
}
