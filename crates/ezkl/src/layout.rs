//! Where the parts of a proof lie, read from the verifier that reads them, or from the key that the verifier is given.

use std::fmt;
use std::ops::Range;

use alloy_primitives::B256;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Words of 32 bytes that a point takes: x and y, big-endian.
pub const POINT_WORDS: usize = 2;

/// Length of a word of the proof.
const WORD_BYTES: usize = 32;

/// The batch opening of BDFG21: two points, W and W'.
const OPENING_WORDS: usize = 2 * POINT_WORDS;

/// A part of a proof, in the order in which the verifier reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofSection {
    /// Commitments to the advice columns: points.
    Advice,
    /// Commitments to the lookups' multiplicities: points; empty for a circuit without lookups.
    Lookups,
    /// Commitments to the permutation's products, to the lookups' sums, and to the random polynomial: points.
    Products,
    /// Commitments to the pieces of the quotient: points.
    Quotient,
    /// Evaluations of the committed polynomials: scalars.
    Evaluations,
    /// The opening of all commitments at once: points.
    Opening,
}

impl ProofSection {
    /// Every section, in order.
    pub const ALL: [Self; 6] = [
        Self::Advice,
        Self::Lookups,
        Self::Products,
        Self::Quotient,
        Self::Evaluations,
        Self::Opening,
    ];
}

impl fmt::Display for ProofSection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Advice => "advice",
            Self::Lookups => "lookups",
            Self::Products => "products",
            Self::Quotient => "quotient",
            Self::Evaluations => "evaluations",
            Self::Opening => "opening",
        })
    }
}

/// How many words each section of a proof has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofLayout {
    /// In the order of [`ProofSection::ALL`].
    words: [usize; 6],
}

impl ProofLayout {
    /// Reads the layout of the proofs that a verifier takes from its source, as EZKL 23.0.5 generates it; `None` where
    /// the source has another form, or where the parts do not sum to the length that it asks for.
    ///
    /// The template reads the commitments phase by phase: one of advice columns (more only with the built-in Freivalds
    /// check, which evmbench refuses), one of lookups if there are any, products, quotient.
    pub fn read(source: &str) -> Option<Self> {
        let number = |text: &str| usize::from_str_radix(text.split(['(', ')', ',']).next()?, 16).ok();
        let (_, transcript) = source.split_once("// Check valid length of proof\n")?;
        let proof_bytes = number(transcript.split_once("eq(0x")?.1)?;
        let (phases, after) = transcript.split_once("// Read evaluations\n")?;
        let loop_end = "let proof_cptr_end := add(proof_cptr, 0x";
        let mut points: Vec<usize> = Vec::new();
        for phase in phases.split(loop_end).skip(1) {
            points.push(number(phase)? / WORD_BYTES);
        }
        let layout = Self::of_phases(&points, number(after.split_once(loop_end)?.1)? / WORD_BYTES)?;
        (layout.proof_bytes() == proof_bytes).then_some(layout)
    }

    /// Reads the layout of the proofs that EZKL's reusable verifier takes under a key artifact; `None` where the artifact
    /// has another form. Neither it nor the verifier's source names the length that the parts sum to.
    ///
    /// The order is that of halo2_solidity_verifier's `dummy_vka_constants` (src/codegen.rs). One word packs the phases of
    /// commitments, lowest byte first: how many such words there are, then for each phase the length of its points in
    /// bytes (two bytes) and the number of challenges after them (one).
    pub fn of_key_artifact(words: &[B256]) -> Option<Self> {
        const EVALUATIONS: usize = 3;
        const PHASES: usize = 33;
        let evaluations: [u8; 8] = *words.get(EVALUATIONS)?.last_chunk()?;
        let mut packed = words.get(PHASES)?.0;
        packed.reverse();
        let [1, phases @ ..] = packed else {
            return None;
        };
        let mut points: Vec<usize> = Vec::new();
        for &[low, high, _] in phases.as_chunks().0 {
            points.push(usize::from(u16::from_le_bytes([low, high])) / WORD_BYTES);
        }
        while points.pop_if(|points| *points == 0).is_some() {}
        Self::of_phases(&points, usize::try_from(u64::from_be_bytes(evaluations)).ok()?)
    }

    /// A layout with these words of points in each phase of commitments, and so many evaluations.
    fn of_phases(points: &[usize], evaluations: usize) -> Option<Self> {
        let (advice, lookups, products, quotient) = match *points {
            [advice, products, quotient] => (advice, 0, products, quotient),
            [advice, lookups, products, quotient] => (advice, lookups, products, quotient),
            _ => return None,
        };
        Some(Self {
            words: [advice, lookups, products, quotient, evaluations, OPENING_WORDS],
        })
    }

    /// Length of a proof.
    pub fn proof_bytes(&self) -> usize {
        self.words.iter().sum::<usize>() * WORD_BYTES
    }

    /// The words of a section.
    pub fn words(&self, section: ProofSection) -> Range<usize> {
        let start = self.words[..section as usize].iter().sum();
        start..start + self.words[section as usize]
    }

    /// The first word of every point.
    pub fn points(&self) -> impl Iterator<Item = usize> {
        let sections = ProofSection::ALL
            .into_iter()
            .filter(|&section| section != ProofSection::Evaluations);
        sections.flat_map(|section| self.words(section).step_by(POINT_WORDS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENSE: &str = include_str!("../../../tests/fixtures/verifier/dense_4x2/Verifier.sol");
    const RELU: &str = include_str!("../../../tests/fixtures/verifier/relu_4x4/Verifier.sol");

    /// Counted by hand in the fixtures' sources.
    #[test]
    fn a_generated_verifier_is_read() {
        assert_eq!(ProofLayout::read(DENSE).unwrap().words, [6, 4, 10, 8, 29, 4]);
        assert_eq!(ProofLayout::read(RELU).unwrap().words, [12, 8, 16, 8, 48, 4]);
        assert_eq!(ProofLayout::read(RELU).unwrap().proof_bytes(), 3072);
    }

    /// What the plain verifier has in its code, the reusable one is given with the artifact.
    #[test]
    fn a_key_artifact_has_the_layout_of_the_plain_verifier() {
        for (source, artifact) in [
            (
                DENSE,
                include_str!("../../../tests/fixtures/verifier/dense_4x2/key_artifact.json"),
            ),
            (
                RELU,
                include_str!("../../../tests/fixtures/verifier/relu_4x4/key_artifact.json"),
            ),
        ] {
            let words: Vec<B256> = serde_json::from_str(artifact).unwrap();
            let layout = ProofLayout::of_key_artifact(&words);
            assert_eq!(layout, ProofLayout::read(source));
            assert!(layout.is_some());
            // The points of the fixed columns and the codes of the quotient come after.
            assert_eq!(ProofLayout::of_key_artifact(&words[..34]), layout);
            assert_eq!(ProofLayout::of_key_artifact(&words[..33]), None);
        }
    }

    #[test]
    fn an_artifact_of_other_phases_is_not_read() {
        let layout = |phases: &str| {
            let mut words = vec![B256::ZERO; 34];
            words[3] = B256::with_last_byte(29);
            words[33] = format!("0x{phases:0>64}").parse().unwrap();
            ProofLayout::of_key_artifact(&words).map(|layout| layout.words)
        };
        // dense_4x2's, then the same without lookups.
        assert_eq!(layout("0101000101400200800100c001"), Some([6, 4, 10, 8, 29, 4]));
        assert_eq!(layout("0101000101400300c001"), Some([6, 0, 10, 8, 29, 4]));
        // Two phases, five, and phases that go on in a second word.
        assert_eq!(layout("0101000100c001"), None);
        assert_eq!(layout("0101000101400200800100800100c001"), None);
        assert_eq!(layout("0101000101400300c002"), None);
        assert_eq!(layout(""), None);
    }

    #[test]
    fn sections_follow_each_other_and_points_are_theirs() {
        let layout = ProofLayout::read(DENSE).unwrap();
        let mut end = 0;
        for section in ProofSection::ALL {
            assert_eq!(layout.words(section).start, end);
            end = layout.words(section).end;
        }
        assert_eq!(end * 32, layout.proof_bytes());
        let points: Vec<_> = layout.points().collect();
        assert_eq!(points.len(), (6 + 4 + 10 + 8 + 4) / 2);
        assert_eq!(points[..2], [0, 2]);
        assert_eq!(points[14..], [57, 59]);
    }

    #[test]
    fn a_circuit_without_lookups_has_an_empty_section() {
        let (start, end) = (
            DENSE.find("// Phase 2").unwrap(),
            DENSE.find("// Phase 3").unwrap(),
        );
        let source = [&DENSE[..start], &DENSE[end..]].concat();
        assert_eq!(
            ProofLayout::read(&source),
            None,
            "its parts no longer sum to its length"
        );
        let source = source.replace("eq(0x07a0, proof.length)", "eq(0x0720, proof.length)");
        assert_eq!(ProofLayout::read(&source).unwrap().words, [6, 0, 10, 8, 29, 4]);
    }

    #[test]
    fn other_source_is_not_read() {
        assert_eq!(ProofLayout::read("contract C {}"), None);
        assert_eq!(ProofLayout::read(&DENSE.replace("0x03a0) }", "0x03c0) }")), None);
    }
}
