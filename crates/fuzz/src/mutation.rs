//! What can be done to a proof and its instances, told so fully that it can be done again.
//!
//! Goes in: a statement (proof bytes and instances) and a [`Mutation`]. Comes out: another statement, or the same one. Both
//! parts are counted in words of 32 bytes.

use std::fmt;
use std::sync::Arc;

use alloy_primitives::{Bytes, U256};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use evmbench_ezkl::Proof;

/// Bytes of a word.
pub(super) const WORD_BYTES: usize = 32;

/// Bits of a word.
pub(super) const WORD_BITS: usize = 8 * WORD_BYTES;

/// Which of a statement's two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The proof's bytes.
    Proof,
    /// The public values.
    Instances,
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Proof => "proof",
            Self::Instances => "instances",
        })
    }
}

/// One change to a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Mutation {
    /// A bit is flipped.
    BitFlipped {
        /// Where.
        part: Part,
        /// The word.
        word: usize,
        /// The bit in it, 0 for the lowest.
        bit: u8,
    },
    /// Words are replaced.
    WordsSet {
        /// Where.
        part: Part,
        /// The first word.
        word: usize,
        /// What stands there afterwards.
        #[schemars(with = "Vec<String>")]
        values: Vec<U256>,
    },
    /// Two runs of words, which do not overlap, change places.
    WordsExchanged {
        /// Where.
        part: Part,
        /// The first word of one.
        first: usize,
        /// The first word of the other.
        second: usize,
        /// Length of each.
        words: usize,
    },
    /// Words are copied over others.
    WordsCopied {
        /// Where.
        part: Part,
        /// The first word that is read.
        from: usize,
        /// The first word that is written.
        to: usize,
        /// How many.
        words: usize,
    },
    /// All words move towards the front, and those in front to the end.
    WordsRotated {
        /// Where.
        part: Part,
        /// By how many places.
        by: usize,
    },
    /// Words are taken out; those after them move up.
    WordsRemoved {
        /// Where.
        part: Part,
        /// The first word.
        word: usize,
        /// How many.
        words: usize,
    },
    /// Words are put in between; those after them move down.
    WordsInserted {
        /// Where.
        part: Part,
        /// What the first of them becomes the index of.
        word: usize,
        /// Which.
        #[schemars(with = "Vec<String>")]
        values: Vec<U256>,
    },
    /// The proof's last bytes are cut off.
    BytesCut {
        /// How many.
        bytes: usize,
    },
    /// Bytes are appended to the proof.
    BytesAppended {
        /// Which.
        #[schemars(with = "String")]
        bytes: Bytes,
    },
    /// Words are taken over from another statement, from the same place.
    Spliced {
        /// The other statement's name.
        from: String,
        /// Where.
        part: Part,
        /// The first word.
        word: usize,
        /// How many.
        words: usize,
    },
    /// A part is replaced by another statement's, whatever their lengths.
    Replaced {
        /// The other statement's name.
        from: String,
        /// Which part.
        part: Part,
    },
    /// Several changes, one after the other.
    Several {
        /// Which.
        mutations: Vec<Mutation>,
    },
}

/// A mutation that was made for another statement.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MutationError {
    /// It reaches beyond the end.
    #[error("{0}: reaches beyond the end of the statement")]
    OutOfRange(Mutation),
    /// The statement that it takes words from is not there.
    #[error("{mutation}: there is no statement of the name {name:?}")]
    NoDonor {
        /// What was asked for.
        mutation: Mutation,
        /// The name.
        name: String,
    },
}

/// A statement that words are taken from, under the name that mutations call it by.
#[derive(Debug, Clone)]
pub struct Donor {
    /// The record's name.
    pub name: String,
    /// Its proof and instances; campaigns on several records share them.
    pub proof: Arc<Proof>,
    /// Whether it was proved under the key of the statement that is mutated: the verifier has to accept it whole.
    pub same_key: bool,
}

impl Mutation {
    /// The changed statement.
    ///
    /// # Errors
    /// [`MutationError`] where the mutation was made for another statement or other donors.
    pub fn apply(&self, statement: &Proof, donors: &[Donor]) -> Result<Proof, MutationError> {
        let mut words = Words::new(statement);
        self.change(&mut words, donors)?;
        Ok(words.into_statement())
    }

    fn change(&self, words: &mut Words, donors: &[Donor]) -> Result<(), MutationError> {
        let out_of_range = || MutationError::OutOfRange(self.clone());
        match self {
            Self::BitFlipped { part, word, bit } => {
                let word = words.part(*part).get_mut(*word).ok_or_else(out_of_range)?;
                *word ^= U256::ONE << *bit;
            }
            Self::WordsSet { part, word, values } => {
                stretch(words.part(*part), *word, values.len())
                    .ok_or_else(out_of_range)?
                    .copy_from_slice(values);
            }
            Self::WordsExchanged {
                part,
                first,
                second,
                words: length,
            } => {
                let all = words.part(*part);
                let one = stretch(all, *first, *length).ok_or_else(out_of_range)?.to_vec();
                let other = stretch(all, *second, *length).ok_or_else(out_of_range)?.to_vec();
                all[*first..][..*length].copy_from_slice(&other);
                all[*second..][..*length].copy_from_slice(&one);
            }
            Self::WordsCopied {
                part,
                from,
                to,
                words: length,
            } => {
                let all = words.part(*part);
                let copy = stretch(all, *from, *length).ok_or_else(out_of_range)?.to_vec();
                stretch(all, *to, *length)
                    .ok_or_else(out_of_range)?
                    .copy_from_slice(&copy);
            }
            Self::WordsRotated { part, by } => {
                let all = words.part(*part);
                if *by > all.len() {
                    return Err(out_of_range());
                }
                all.rotate_left(*by);
            }
            Self::WordsRemoved {
                part,
                word,
                words: length,
            } => {
                let all = words.part(*part);
                stretch(all, *word, *length).ok_or_else(out_of_range)?;
                all.drain(*word..*word + *length);
            }
            Self::WordsInserted { part, word, values } => {
                let all = words.part(*part);
                stretch(all, *word, 0).ok_or_else(out_of_range)?;
                all.splice(*word..*word, values.iter().copied());
            }
            Self::BytesCut { bytes } => {
                let mut proof = words.proof_bytes();
                let length = proof.len().checked_sub(*bytes).ok_or_else(out_of_range)?;
                proof.truncate(length);
                words.set_proof_bytes(&proof);
            }
            Self::BytesAppended { bytes } => {
                let proof = [words.proof_bytes(), bytes.to_vec()].concat();
                words.set_proof_bytes(&proof);
            }
            Self::Spliced {
                from,
                part,
                word,
                words: length,
            } => {
                let mut donor = Words::new(&self.donor(from, donors)?.proof);
                let taken = stretch(donor.part(*part), *word, *length).ok_or_else(out_of_range)?;
                stretch(words.part(*part), *word, *length)
                    .ok_or_else(out_of_range)?
                    .copy_from_slice(taken);
            }
            Self::Replaced { from, part } => {
                let donor = &self.donor(from, donors)?.proof;
                match part {
                    Part::Proof => words.set_proof_bytes(&donor.proof),
                    Part::Instances => words.instances.clone_from(&donor.instances),
                }
            }
            Self::Several { mutations } => {
                for mutation in mutations {
                    mutation.change(words, donors)?;
                }
            }
        }
        Ok(())
    }

    fn donor<'a>(&self, name: &str, donors: &'a [Donor]) -> Result<&'a Donor, MutationError> {
        donors
            .iter()
            .find(|donor| donor.name == name)
            .ok_or_else(|| MutationError::NoDonor {
                mutation: self.clone(),
                name: name.to_owned(),
            })
    }
}

/// Words from `start` on, if there are so many.
fn stretch(words: &mut [U256], start: usize, length: usize) -> Option<&mut [U256]> {
    words.get_mut(start..start.checked_add(length)?)
}

/// A statement in words.
struct Words {
    proof: Vec<U256>,
    /// Bytes after the proof's last whole word.
    tail: Vec<u8>,
    instances: Vec<U256>,
}

impl Words {
    fn new(statement: &Proof) -> Self {
        let mut words = Self {
            proof: Vec::new(),
            tail: Vec::new(),
            instances: statement.instances.clone(),
        };
        words.set_proof_bytes(&statement.proof);
        words
    }

    fn part(&mut self, part: Part) -> &mut Vec<U256> {
        match part {
            Part::Proof => &mut self.proof,
            Part::Instances => &mut self.instances,
        }
    }

    fn set_proof_bytes(&mut self, bytes: &[u8]) {
        let words = bytes.chunks_exact(WORD_BYTES);
        self.tail = words.remainder().to_vec();
        self.proof = words.map(U256::from_be_slice).collect();
    }

    fn proof_bytes(&self) -> Vec<u8> {
        let words = self.proof.iter().flat_map(U256::to_be_bytes::<WORD_BYTES>);
        words.chain(self.tail.iter().copied()).collect()
    }

    fn into_statement(self) -> Proof {
        Proof {
            proof: self.proof_bytes(),
            instances: self.instances,
        }
    }
}

/// The words of a proof.
pub(super) fn proof_words(statement: &Proof) -> Vec<U256> {
    Words::new(statement).proof
}

impl fmt::Display for Mutation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BitFlipped { part, word, bit } => {
                write!(formatter, "{part}: bit {bit} of word {word} flipped")
            }
            Self::WordsSet { part, word, values } => {
                write!(formatter, "{part}: word {word} on set to")?;
                values
                    .iter()
                    .try_for_each(|value| write!(formatter, " {value:#x}"))
            }
            Self::WordsExchanged {
                part,
                first,
                second,
                words,
            } => write!(
                formatter,
                "{part}: {} at {first} and at {second} exchanged",
                Count(*words)
            ),
            Self::WordsCopied {
                part,
                from,
                to,
                words,
            } => {
                write!(formatter, "{part}: {} at {from} copied to {to}", Count(*words))
            }
            Self::WordsRotated { part, by } => write!(formatter, "{part}: words rotated by {by}"),
            Self::WordsRemoved { part, word, words } => {
                write!(formatter, "{part}: {} removed at {word}", Count(*words))
            }
            Self::WordsInserted { part, word, values } => {
                write!(formatter, "{part}: {} inserted at {word}", Count(values.len()))
            }
            Self::BytesCut { bytes } => write!(formatter, "proof: last {bytes} bytes cut off"),
            Self::BytesAppended { bytes } => write!(formatter, "proof: {bytes} appended"),
            Self::Spliced {
                from,
                part,
                word,
                words,
            } => write!(formatter, "{part}: {} at {word} of {from}'s", Count(*words)),
            Self::Replaced { from, part } => write!(formatter, "{part}: {from}'s"),
            Self::Several { mutations } => {
                for (index, mutation) in mutations.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(formatter, "{separator}{mutation}")?;
                }
                Ok(())
            }
        }
    }
}

/// So many words.
struct Count(usize);

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => formatter.write_str("1 word"),
            words => write!(formatter, "{words} words"),
        }
    }
}
