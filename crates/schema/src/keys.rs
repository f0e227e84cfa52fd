//! What keys rest on, and the columns that a verifier tells of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a reference string came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SrsKind {
    /// Made on this machine by one party, for tests: whoever made it could forge.
    LocalTest,
    /// A file whose digest is in EZKL's published table of the perpetual powers of tau.
    PerpetualPowersOfTau,
    /// Imported from a file of the Hermez ceremony: 54 contributions to the perpetual powers of tau, and a beacon.
    Hermez,
    /// Imported from a file of the perpetual powers of tau up to contribution 80, and a beacon.
    #[serde(rename = "perpetual_powers_of_tau_0080")]
    PerpetualPowersOfTau80,
    /// A file of the user's that is of no ceremony that evmbench knows.
    UserFile,
}

impl SrsKind {
    /// Whether it is of a ceremony of many parties.
    pub fn is_ceremony(self) -> bool {
        match self {
            Self::PerpetualPowersOfTau | Self::Hermez | Self::PerpetualPowersOfTau80 => true,
            Self::LocalTest | Self::UserFile => false,
        }
    }

    /// Whose it is, for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::LocalTest => "made on this machine by one party, for tests",
            Self::PerpetualPowersOfTau => "the perpetual powers of tau, as EZKL publishes them",
            Self::Hermez => {
                "the Hermez ceremony: 54 contributions to the perpetual powers of tau, and a beacon"
            }
            Self::PerpetualPowersOfTau80 => {
                "the perpetual powers of tau up to contribution 80, and a beacon (ppot_0080)"
            }
            Self::UserFile => "nobody that evmbench knows",
        }
    }
}

/// Which reference string a key rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SrsIdentity {
    /// How it came about.
    pub kind: SrsKind,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// k, where the file has 2^k points.
    pub logrows: u32,
    /// How far the points were checked; none where they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
    /// SHA-256 of the ceremony's file that it was imported from, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_sha256: Option<String>,
}

impl SrsIdentity {
    /// Of a string that was not imported.
    pub fn unchecked(kind: SrsKind, sha256: String, logrows: u32) -> Self {
        Self {
            kind,
            sha256,
            logrows,
            checked: None,
            source_sha256: None,
        }
    }
}

/// How far a string's points were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Checked {
    /// Every point: on the curve, and consistent with all others by pairings.
    EveryPoint,
    /// Structure and digest, and some stretches of points: a string above 2^22.
    Sample,
}

impl Checked {
    /// In a word or two, for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::EveryPoint => "every point",
            Self::Sample => "a sample",
        }
    }

    /// For people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::EveryPoint => "every point was checked by pairings",
            Self::Sample => "its structure and a sample of its points were checked, being above 2^22",
        }
    }
}

/// The circuit's columns, counted in the generated verifier's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifierShape {
    /// Advice columns: commitments that the verifier reads first from the proof. With a committed tensor they include
    /// the tensor's columns.
    pub advice_columns: u64,
    /// Fixed columns, selectors included: commitments in the verifying key.
    pub fixed_columns: u64,
    /// Columns that take part in equality constraints: permutation commitments in the verifying key.
    pub permutation_columns: u64,
}
