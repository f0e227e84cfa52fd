//! What an accepted proof proves, item by item.
//!
//! Goes in: [`Facts`], what is known about a proof's circuit, key, verifier and use, each piece optional. Comes out: a
//! [`Ledger`], one [`Item`] for each thing that a reader may take for granted, with what was found, how far it can be
//! relied on, and a sentence for people. Nothing in it is typed in: it follows from the facts, and the same facts give
//! the same ledger.
//!
//! The rules are those of EZKL 23.0.5's source, and its defects are held against every version, since none is known to be
//! without them; `docs/what-a-proof-proves.md` explains each item, and what to do about it.

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new kind must be thought of everywhere that soundness is decided"
)]

mod items;

#[cfg(test)]
mod tests;

use evmbench_ezkl::{ContractConstants, SettingsFile, SrsIdentity};
use evmbench_schema::chain::Controls;
use evmbench_schema::committed::InputAssurance;
use evmbench_schema::interval::Interval;
pub use evmbench_schema::ledger::{Finding, Item, Ledger, Level, What};

/// How the verifier is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calling {
    /// By calldata that the caller encoded itself, as evmbench's own calls are.
    Canonical,
    /// By a contract that makes a typed call and so encodes anew.
    Guarded,
    /// By bytes that come from somebody else.
    Raw,
}

/// How the circuit's numbers stand to an independent reference of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// Equal to the last integer, for the input that was proved.
    Exact,
    /// The reference does not know the model's operators.
    NotCovered,
    /// Another implementation's, up to what fixed point costs.
    WithinTolerance,
    /// Hardly the model's: too coarse beside their range.
    Imprecise,
    /// Different.
    Contradicted,
}

/// What is known of a committed circuit, whose claims are checked under a challenge, beyond its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommittedFacts {
    /// Who assures that the input is in range.
    pub input_assurance: InputAssurance,
    /// What an element of the input can be, in units.
    pub input_bounds: Interval,
    /// Whether the output's elements are public; otherwise it has commitments of its own.
    pub output_public: bool,
    /// The greatest magnitude of an element of any tensor, with the input in range.
    pub greatest_magnitude: i128,
    /// Least and greatest entry of the tables as the circuit was laid out; absent where that is not known.
    pub tables: Option<Interval>,
    /// The last entry that tables must have where the circuit rests on it; absent where that is not known.
    pub table_end: Option<i128>,
    /// Whether the key has the look-ups that the circuit was laid out with, every element of a `ranged` input among them;
    /// absent where it does not tell.
    pub has_lookups: Option<bool>,
    /// Whether a consumer's contract derives the challenge from the proof's commitments and accepted the proof.
    pub challenge_derived: Option<bool>,
}

/// Everything that a ledger is derived from; what is not known is absent.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// EZKL's settings file.
    pub settings: Option<SettingsFile>,
    /// The verifying key's file.
    pub verifying_key: Option<Vec<u8>>,
    /// The verifier's Solidity source.
    pub verifier_source: Option<String>,
    /// The key that a reusable verifier is given with each call.
    pub brought_key: Option<ContractConstants>,
    /// Which reference string the key rests on.
    pub srs: Option<SrsIdentity>,
    /// −s·G2 of that string, where its file is at hand: see [`evmbench_ezkl::negated_s_g2`].
    pub negated_s_g2: Option<[alloy_primitives::U256; 4]>,
    /// Stored constants of the model.
    pub parameters: Option<u64>,
    /// ONNX operators of the model.
    pub operators: Option<Vec<String>>,
    /// Elements that the circuit divides: see [`evmbench_model::integer::Lowered::divided_values`].
    pub divided_values: Option<u64>,
    /// How the circuit's outputs stand to the reference.
    pub reference: Option<Reference>,
    /// By how much, in words: sentences behind what is said of the reference.
    pub distance: Option<String>,
    /// Public values that came with a proof.
    pub instances: Option<u64>,
    /// How the verifier is reached.
    pub calling: Option<Calling>,
    /// Whether a consumer compares the commitments in the proof with those that it expects.
    pub commitments_compared: Option<bool>,
    /// Whether a consumer compares the digest of the key that a reusable verifier was given.
    pub key_digest_compared: Option<bool>,
    /// What the verifier did with wrong proofs.
    pub controls: Option<Controls>,
    /// What is known of a committed circuit; absent for any other circuit, and where settings alone are at hand.
    pub committed: Option<CommittedFacts>,
}

/// Derives the ledger from what is known.
pub fn derive(facts: &Facts) -> Ledger {
    Ledger::of_items(items::all(facts))
}
