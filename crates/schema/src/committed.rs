//! What a committed circuit commits to and looks up, how far its integers go, and by what its guard knows it.

use alloy_primitives::B256;
use evmbench_backend::Table;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::interval::Interval;

/// Bits of the base of digits where none are asked for: with its negative half, the table fills 2^17 rows.
pub const DEFAULT_DIGIT_BITS: u32 = 16;

/// Who assures that the input's integers are in the range from which every bound follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputAssurance {
    /// Whoever reads the public input.
    Public,
    /// The circuit, to the range that was asked for.
    Ranged,
    /// The circuit, to the numbers that its look-up table holds.
    Table,
    /// A consumer that knows the input's commitment.
    Registered,
    /// The proof of another part of the model, whose tensor the input is: a set's contract compares the commitments.
    Linked,
}

impl std::fmt::Display for InputAssurance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Ranged => "ranged",
            Self::Table => "table",
            Self::Registered => "registered",
            Self::Linked => "linked",
        })
    }
}

impl InputAssurance {
    /// Whether the circuit itself checks a range.
    pub fn is_by_circuit(self) -> bool {
        match self {
            Self::Ranged | Self::Table => true,
            Self::Public | Self::Registered | Self::Linked => false,
        }
    }
}

/// Which range a circuit checks its input to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckedRange {
    /// The one that it was asked for.
    Exact,
    /// The numbers that its look-up table holds.
    Table,
}

/// Elements of each committed tensor, in the order of their commitments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommittedSizes {
    /// The input.
    pub input: usize,
    /// The output, where it is committed by itself, and 0 where it is public.
    pub output: usize,
    /// Everything else that is claimed.
    pub claims: usize,
}

/// What a circuit looks up in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Lookups {
    /// The table's function.
    pub table: Table,
    /// The scale that the function is taken at: 2^scale integers make 1.
    pub scale: u32,
    /// Elements that are looked up.
    pub elements: u64,
}

/// What one layer's integers can be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LayerBounds {
    /// The layer.
    pub layer: String,
    /// Least and greatest integer.
    pub bounds: Interval,
    /// Integers that make 1 of the model's numbers.
    pub unit: f64,
    /// Whether the tensor is claimed, and so committed.
    pub claimed: bool,
    /// Whether the layer's result was rounded.
    pub rounded: bool,
    /// Whether the layer's result is claimed in digits.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_digits: bool,
}

/// How many points each group of commitments has, in the order in which a proof begins with them. The commitment to the
/// challenge itself follows and is in no group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct CommitmentLayout {
    /// Those of the model's input; at least one.
    pub input_points: u64,
    /// Those of the model's output; none where it is public.
    pub output_points: u64,
    /// Those of all other claimed tensors; none where there are no others.
    pub claim_points: u64,
}

/// What a committed circuit adds to its verifier: what a guard of it is built over, besides the verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Committed {
    /// Keccak-256 of the circuit's verifying key.
    #[schemars(with = "String")]
    pub circuit_digest: B256,
    /// What must be the same for equal commitments to mean equal tensors ([`commitment_basis`]).
    #[schemars(with = "String")]
    pub basis: B256,
    /// How many points each group of commitments has.
    pub layout: CommitmentLayout,
    /// The one input that is taken, by the Keccak-256 of its commitments; absent where any is.
    #[schemars(with = "Option<String>")]
    pub registered_input: Option<B256>,
}

impl CommitmentLayout {
    /// All points that the challenge is derived from.
    pub const fn points(&self) -> u64 {
        self.input_points
            .saturating_add(self.output_points)
            .saturating_add(self.claim_points)
    }
}
