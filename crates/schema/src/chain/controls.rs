//! The calls that a verifier must reject, and how they ended.

use std::fmt;

use alloy_primitives::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::verdict::Verdict;

/// What is done to a call to make it wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlKind {
    /// A byte of the proof is changed: one in each 32-byte word.
    ProofByteFlipped,
    /// An instance is replaced by its successor in the field, which is a valid field element.
    InstanceChanged,
    /// The field's modulus is added to an instance, which leaves the field element that it stands for.
    InstancePlusModulus,
    /// The last instance is left away.
    OneInstanceFewer,
    /// A zero is appended to the instances.
    OneInstanceMore,
    /// The proof's end is cut off.
    ProofTruncated,
    /// Zero bytes are appended to the proof.
    ProofExtended,
    /// A word of the key artifact is changed, so that it is not the one that was registered.
    KeyWordChanged,
    /// The key artifact was not registered.
    KeyUnregistered,
    /// The key artifact of another verifying key is registered and handed over.
    OtherKeyRegistered,
}

impl ControlKind {
    /// Every kind that each verifier is tried with, in that order.
    pub const ALL: [Self; 7] = [
        Self::ProofByteFlipped,
        Self::InstanceChanged,
        Self::InstancePlusModulus,
        Self::OneInstanceFewer,
        Self::OneInstanceMore,
        Self::ProofTruncated,
        Self::ProofExtended,
    ];

    /// Every kind that a reusable verifier is tried with besides, in that order.
    pub const OF_KEYS: [Self; 3] = [
        Self::KeyWordChanged,
        Self::KeyUnregistered,
        Self::OtherKeyRegistered,
    ];
}

/// One change to a call, told so fully that it can be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Control {
    /// See [`ControlKind::ProofByteFlipped`].
    ProofByteFlipped {
        /// The byte's index in the proof.
        byte: usize,
        /// What it is XORed with; never 0.
        mask: u8,
    },
    /// See [`ControlKind::InstanceChanged`].
    InstanceChanged {
        /// The instance's index.
        instance: usize,
    },
    /// See [`ControlKind::InstancePlusModulus`].
    InstancePlusModulus {
        /// The instance's index.
        instance: usize,
    },
    /// See [`ControlKind::OneInstanceFewer`].
    OneInstanceFewer,
    /// See [`ControlKind::OneInstanceMore`].
    OneInstanceMore,
    /// See [`ControlKind::ProofTruncated`].
    ProofTruncated {
        /// How many bytes are cut off.
        bytes: usize,
    },
    /// See [`ControlKind::ProofExtended`].
    ProofExtended {
        /// How many zero bytes are appended.
        bytes: usize,
    },
    /// See [`ControlKind::KeyWordChanged`].
    KeyWordChanged {
        /// The word's index.
        word: usize,
    },
    /// See [`ControlKind::KeyUnregistered`].
    KeyUnregistered,
    /// See [`ControlKind::OtherKeyRegistered`].
    OtherKeyRegistered,
}

impl Control {
    /// The kind that it is of.
    pub fn kind(&self) -> ControlKind {
        match self {
            Self::ProofByteFlipped { .. } => ControlKind::ProofByteFlipped,
            Self::InstanceChanged { .. } => ControlKind::InstanceChanged,
            Self::InstancePlusModulus { .. } => ControlKind::InstancePlusModulus,
            Self::OneInstanceFewer => ControlKind::OneInstanceFewer,
            Self::OneInstanceMore => ControlKind::OneInstanceMore,
            Self::ProofTruncated { .. } => ControlKind::ProofTruncated,
            Self::ProofExtended { .. } => ControlKind::ProofExtended,
            Self::KeyWordChanged { .. } => ControlKind::KeyWordChanged,
            Self::KeyUnregistered => ControlKind::KeyUnregistered,
            Self::OtherKeyRegistered => ControlKind::OtherKeyRegistered,
        }
    }
}

impl fmt::Display for Control {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProofByteFlipped { byte, mask } => {
                write!(formatter, "byte {byte} of the proof XOR {mask:#04x}")
            }
            Self::InstanceChanged { instance } => write!(formatter, "instance {instance} plus 1"),
            Self::InstancePlusModulus { instance } => {
                write!(formatter, "instance {instance} plus the field modulus")
            }
            Self::OneInstanceFewer => formatter.write_str("one instance fewer"),
            Self::OneInstanceMore => formatter.write_str("one instance more"),
            Self::ProofTruncated { bytes } => {
                write!(formatter, "proof without its last {bytes} bytes")
            }
            Self::ProofExtended { bytes } => write!(formatter, "proof with {bytes} bytes more"),
            Self::KeyWordChanged { word } => write!(formatter, "word {word} of the key artifact plus 1"),
            Self::KeyUnregistered => formatter.write_str("key artifact not registered"),
            Self::OtherKeyRegistered => {
                formatter.write_str("another key artifact, with word 0 plus 1, registered and used")
            }
        }
    }
}

/// How the controls of one kind ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlTally {
    /// The kind.
    pub kind: ControlKind,
    /// How many places there are to change: 0 where the kind does not apply, as for a circuit without instances.
    pub possible: u64,
    /// How many were tried.
    pub tried: u64,
    /// How many of these the verifier rejected.
    pub rejected: u64,
}

/// A control that the verifier did not reject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlFailure {
    /// What was done to the call.
    pub control: Control,
    /// How the call ended.
    pub outcome: Verdict,
}

/// A call with bytes after it, or after its proof, that the verifier need not read. It is recorded and not judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrailingCalldata {
    /// What was appended.
    #[schemars(with = "String")]
    pub appended: Bytes,
    /// How the call ended.
    pub outcome: Verdict,
}

/// All controls on one accepted call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Controls {
    /// Where the sample comes from.
    pub seed: u64,
    /// The accepted call, made again before the others.
    pub before: Verdict,
    /// The accepted call, made again after the others.
    pub after: Verdict,
    /// How each kind ended, in the order of [`ControlKind::ALL`] and, of a reusable verifier, [`ControlKind::OF_KEYS`].
    pub tallies: Vec<ControlTally>,
    /// Every control that was not rejected.
    pub failures: Vec<ControlFailure>,
    /// What bytes after the call do: the ABI lets a contract ignore them.
    pub trailing_calldata: Vec<TrailingCalldata>,
    /// What whole words after the proof do, of a reusable verifier: it looks that the instances follow the proof, and not
    /// how long that is. The statement stays the same; a proof's bytes are then no name for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trailing_proof: Vec<TrailingCalldata>,
}

impl Controls {
    /// Whether every control was rejected, and the right call accepted before and after.
    pub fn passed(&self) -> bool {
        self.failures.is_empty() && self.before.is_accepted() && self.after.is_accepted()
    }

    /// The first wrong call that went through, which shows the verifier to be unsound.
    ///
    /// A call that returns something other than `true` without reverting counts: a caller may look at success alone.
    pub fn unsound(&self) -> Option<&Control> {
        self.failures
            .iter()
            .find(|failure| failure.outcome.is_success())
            .map(|failure| &failure.control)
    }
}
