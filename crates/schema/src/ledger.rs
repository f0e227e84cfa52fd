//! What an accepted proof proves, item by item.

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new kind must be thought of everywhere that soundness is decided"
)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::keys::SrsIdentity;

/// How far something can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It holds.
    Sound,
    /// What is at hand does not show it.
    Unknown,
    /// True, but it proves less than a reader expects.
    Limited,
    /// A false statement can be accepted.
    Unsound,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Sound => "sound",
            Self::Unknown => "unknown",
            Self::Limited => "limited",
            Self::Unsound => "UNSOUND",
        })
    }
}

/// What an item is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Which EZKL laid the circuit out.
    Ezkl,
    /// Whether the circuit computes the model.
    Model,
    /// Whether the proof is about particular weights.
    Weights,
    /// Whether the proof is about a particular input.
    Input,
    /// Whether the proof is about a particular output.
    Output,
    /// Who checks that inputs are within range.
    InputRange,
    /// Who checks that outputs are within range.
    OutputRange,
    /// The range of numbers that the circuit computes with.
    NumberRange,
    /// Whether divisions have one result.
    Rescaling,
    /// Whether values that the prover supplies are tied to the checks on them.
    HelperValues,
    /// Whether sorting and picking by index have one result.
    Selection,
    /// Functions looked up in tables.
    Lookups,
    /// EZKL's built-in Freivalds check.
    Freivalds,
    /// EZKL's check mode.
    CheckMode,
    /// The reference string.
    ReferenceString,
    /// Where the verifier has its key from.
    VerifierKey,
    /// Whether verifier and key belong together.
    KeyMatch,
    /// How many public values there are.
    Instances,
    /// Whether an accepted proof is accepted with other bytes, too.
    ProofBytes,
    /// How the verifier is called.
    Calling,
    /// Who chooses the challenge that claims are checked under.
    Challenge,
    /// Whether anybody looks at the commitments.
    Commitments,
    /// What the verifier did with wrong proofs.
    NegativeControls,
    /// What the proof does not hide.
    Privacy,
}

impl What {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ezkl => "EZKL version",
            Self::Model => "model",
            Self::Weights => "weights",
            Self::Input => "input",
            Self::Output => "output",
            Self::InputRange => "input range",
            Self::OutputRange => "output range",
            Self::NumberRange => "number range",
            Self::Rescaling => "rescaling",
            Self::HelperValues => "helper values",
            Self::Selection => "selection",
            Self::Lookups => "lookups",
            Self::Freivalds => "Freivalds",
            Self::CheckMode => "check mode",
            Self::ReferenceString => "reference string",
            Self::VerifierKey => "verifier's key",
            Self::KeyMatch => "key and verifier",
            Self::Instances => "public values",
            Self::ProofBytes => "proof bytes",
            Self::Calling => "calling",
            Self::Challenge => "challenge",
            Self::Commitments => "commitments",
            Self::NegativeControls => "negative controls",
            Self::Privacy => "privacy",
        }
    }
}

/// What was found about an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// What is at hand does not show it.
    NotShown,
    /// There is nothing of the kind in this circuit.
    None,
    /// As a public instance, element by element.
    Public,
    /// As constants, in the verifying key.
    Fixed,
    /// By a Poseidon hash that is a public instance.
    Hashed,
    /// By a Poseidon hash that only the circuit sees.
    HashedInside,
    /// By a KZG commitment in the proof.
    Committed,
    /// By nothing.
    Unbound,
    /// A hash or commitment is there, and the circuit does not tie the values that it computes with to it.
    Detached,
    /// The circuit checks it.
    CheckedByCircuit,
    /// The circuit does not check it; who knows the values may.
    LeftToConsumer,
    /// Nothing checks it: it follows from the input's range.
    FollowsFromInput,
    /// With the input in range, every number's magnitude is below 2^bits.
    Below {
        /// The exponent.
        bits: u32,
    },
    /// Tables whose last entry is another than the one that the circuit's digits end at.
    LooseTable,
    /// The key has fewer look-ups, or others, than the circuit's ranges rest on.
    LookupsMissing,
    /// This version.
    Version(String),
    /// As the reference says, to the last integer.
    Exact,
    /// As the reference says, up to what fixed point costs.
    WithinTolerance,
    /// So coarse beside the outputs' range that another function could hide in it.
    Imprecise,
    /// Otherwise than the reference says.
    Contradicted,
    /// Values within ±(base^digits − 1).
    Digits {
        /// The base.
        base: u64,
        /// How many.
        digits: u64,
    },
    /// Every result is the only one.
    Unique,
    /// So many values are divided; each that is no multiple has two results that are accepted, one apart.
    WithinAUnit {
        /// How many.
        values: u64,
    },
    /// The same, where the circuit's range checks leave room for divisions and nothing tells what they are for.
    PerhapsWithinAUnit {
        /// At most so many values.
        at_most: u64,
    },
    /// An operator whose result the circuit does not tie down.
    Operator(String),
    /// So many.
    Count(u64),
    /// A reference string.
    ReferenceString(SrsIdentity),
    /// It is in the contract's code.
    InContract,
    /// The caller brings it, and its digest is compared.
    BroughtAndCompared,
    /// The caller brings it, and nobody compares its digest.
    Brought,
    /// Files that belong together.
    Matching,
    /// Files that do not.
    Mismatch(String),
    /// The verifier takes proofs of one length.
    OneLength,
    /// The verifier leaves words after the proof unread.
    Extendable,
    /// By calldata that was encoded canonically for this call.
    Canonical,
    /// By a contract's typed call, which encodes anew.
    Guarded,
    /// By bytes that somebody else encoded.
    Raw,
    /// The consumer's contract derives it from what it checks.
    Derived,
    /// The prover may choose it.
    Chosen,
    /// A consumer compares them with what it expects.
    Compared,
    /// Nobody compares them.
    NotCompared,
    /// All rejected.
    Rejected(u64),
    /// This one was accepted.
    Accepted(String),
    /// Not all came to an answer.
    Inconclusive,
    /// Anybody may read, or confirm a guess about, these tensors.
    Revealed(Vec<String>),
}

/// One thing that a reader may take for granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// What it is about.
    pub what: What,
    /// What was found.
    pub finding: Finding,
    /// How far it can be relied on.
    pub level: Level,
    /// The same for people.
    pub sentence: String,
}

/// What an accepted proof proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ledger {
    /// The worst of the items' levels.
    pub level: Level,
    /// Every item, in a fixed order.
    pub items: Vec<Item>,
}

impl Ledger {
    /// A ledger of these items.
    pub fn of_items(items: Vec<Item>) -> Self {
        let level = items
            .iter()
            .map(|item| item.level)
            .max()
            .unwrap_or(Level::Unknown);
        Self { level, items }
    }

    /// The item about something; every ledger has one for each [`What`] that this version knows.
    pub fn item(&self, what: What) -> Option<&Item> {
        self.items.iter().find(|item| item.what == what)
    }

    /// The first item by which a false statement can be accepted.
    pub fn unsound(&self) -> Option<&Item> {
        self.items.iter().find(|item| item.level == Level::Unsound)
    }

    /// How many items are at a level.
    pub fn count(&self, level: Level) -> usize {
        self.items.iter().filter(|item| item.level == level).count()
    }
}

/// A line for each item, and the sum.
impl std::fmt::Display for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for item in &self.items {
            writeln!(f, "  {:<8} {}: {}", item.level, item.what.name(), item.sentence)?;
        }
        let counts: Vec<String> = [Level::Unsound, Level::Limited, Level::Unknown, Level::Sound]
            .into_iter()
            .filter(|&level| self.count(level) > 0)
            .map(|level| format!("{} {level}", self.count(level)))
            .collect();
        write!(f, "  {}: {}", self.level, counts.join(", "))
    }
}
