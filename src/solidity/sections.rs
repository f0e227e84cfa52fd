//! Which section of a generated verifier each byte of its code belongs to.
//!
//! Goes in: the verifier's source text, its runtime code, and solc's source map, which says for every instruction what
//! text it was made of. Comes out: a [`SectionMap`] from positions in the code (program counters) to [`Section`]s; none
//! for a source that is not built as EZKL's generator builds its verifiers.
//!
//! The generator writes the assembly of a verifier under headings, comments that are the same in every verifier
//! (`templates/Halo2Verifier.sol` and `Halo2VerifierReusable.sol` of EZKL's ezkl-verifier). A section is what stands
//! under its headings. Functions of the assembly are shared: their gas is their callers'.

use std::ops::Range;

use alloy_primitives::{B256, keccak256};
use foundry_compilers::artifacts::sourcemap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of a generated verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// The contract around the verifier: finding the function, decoding its arguments, checking lengths, answering.
    Setup,
    /// Writing the circuit's verifying key to memory.
    VerifyingKey,
    /// Public instances: reading them, the Lagrange polynomials of their rows, and the evaluation of their column.
    Instances,
    /// Reading the proof, and hashing it to challenges.
    Transcript,
    /// The circuit's constraints at the challenge: the quotient's evaluation, and the commitment to it.
    Quotient,
    /// The openings of all commitments, put together into the two points of one pairing check.
    Opening,
    /// The pairing check.
    Pairing,
    /// What belongs to no known section.
    Unplaced,
}

impl Section {
    /// Every section, in the order of a record.
    pub const ALL: [Self; 8] = [
        Self::Setup,
        Self::VerifyingKey,
        Self::Instances,
        Self::Transcript,
        Self::Quotient,
        Self::Opening,
        Self::Pairing,
        Self::Unplaced,
    ];

    /// The section under a heading of the generator's.
    fn under(heading: &str) -> Option<Self> {
        Some(match heading {
            "Initialize success as true"
            | "Check valid length of proof"
            | "Revert earlier if anything from calldata is invalid"
            | "Revert if anything fails" => Self::Setup,
            "Load vk_digest and num_instances of vk into memory" | "Load full vk into memory" => {
                Self::VerifyingKey
            }
            "Read instances and witness commitments and generate challenges"
            | "Read accumulator from instances"
            | "Compute lagrange evaluations and instance evaluation" => Self::Instances,
            // The phases have numbers in the plain verifier, and are one loop in the reusable one.
            "Absorb vk diegst"
            | "Phase 1"
            | "add proof_cptr to num advices len"
            | "Read evaluations"
            | "Read batch opening proof and generate challenges" => Self::Transcript,
            "Compute quotient evavluation"
            | "Compute quotient evaluation"
            | "Compute quotient commitment" => Self::Quotient,
            "Compute pairing lhs and rhs" | "Random linear combine with accumulator" => Self::Opening,
            "Perform pairing" => Self::Pairing,
            _ => return None,
        })
    }
}

/// What an instruction belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A section.
    In(Section),
    /// A function of the assembly, and so the section that calls it.
    Shared,
    /// The source map does not say.
    Unknown,
}

/// The place of every instruction of one contract's runtime code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionMap {
    code_hash: B256,
    places: Vec<Place>,
}

impl SectionMap {
    /// The sections of a verifier: its source text, its runtime code, and the source map of that code.
    ///
    /// None where a section has no heading, or where the source map does not parse.
    pub fn of(source: &str, runtime_code: &[u8], source_map: &str) -> Option<Self> {
        let spans = spans(source)?;
        let elements = sourcemap::parse(source_map).ok()?;
        let pcs: Vec<_> = instructions(runtime_code).take(elements.len()).collect();
        let by_instruction = elements.iter().map(|element| match element.index() {
            Some(0) => {
                let start = element.offset() as usize;
                place(&spans, start..start + element.length() as usize)
            }
            // solc's own functions, which decode arguments.
            Some(_) => Place::In(Section::Setup),
            None => Place::Unknown,
        });
        let mut places = vec![Place::Unknown; runtime_code.len()];
        for (pc, place) in pcs.into_iter().zip(enclosed(by_instruction.collect())) {
            places[pc] = place;
        }
        Some(Self {
            code_hash: keccak256(runtime_code),
            places,
        })
    }

    /// The code that this is a map of.
    pub fn code_hash(&self) -> B256 {
        self.code_hash
    }

    /// What the instruction at a position in the code belongs to.
    pub fn place(&self, pc: usize) -> Place {
        self.places.get(pc).copied().unwrap_or(Place::Unknown)
    }
}

/// Where the instructions of some code stand: after each other, with the data of a PUSH between.
fn instructions(code: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut next = 0;
    std::iter::from_fn(move || {
        let pc = next;
        let opcode = *code.get(pc)?;
        let pushed = if (0x60..=0x7f).contains(&opcode) {
            usize::from(opcode) - 0x5f
        } else {
            0
        };
        next = pc + 1 + pushed;
        Some(pc)
    })
}

/// A stretch of the source that belongs together.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    bytes: Range<usize>,
    place: Place,
}

/// The stretches of a verifier's source, the functions of the assembly first; none where a section has no heading.
fn spans(source: &str) -> Option<Vec<Span>> {
    let headings = headings(source);
    let sections = Section::ALL.into_iter().filter(|section| {
        // The reusable verifier is called with its key, so that it loads none.
        !matches!(section, Section::Unplaced | Section::VerifyingKey)
    });
    for section in sections {
        headings.iter().find(|(_, found)| *found == section)?;
    }
    let mut spans: Vec<_> = yul_functions(source)
        .into_iter()
        .map(|bytes| Span {
            bytes,
            place: Place::Shared,
        })
        .collect();
    let mut start = 0;
    let mut section = Section::Setup;
    for (offset, next) in headings.into_iter().chain([(source.len(), Section::Setup)]) {
        spans.push(Span {
            bytes: start..offset,
            place: Place::In(section),
        });
        (start, section) = (offset, next);
    }
    Some(spans)
}

/// Every heading of a section: where its line starts, and the section.
fn headings(source: &str) -> Vec<(usize, Section)> {
    let mut offset = 0;
    let mut headings = Vec::new();
    for line in source.split_inclusive('\n') {
        if let Some(heading) = line.trim().strip_prefix("// ")
            && let Some(section) = Section::under(heading.trim())
        {
            headings.push((offset, section));
        }
        offset += line.len();
    }
    headings
}

/// The functions of assembly blocks: those that stand in a contract, a function of it, and its assembly.
fn yul_functions(source: &str) -> Vec<Range<usize>> {
    const ASSEMBLY_DEPTH: usize = 3;
    let mut functions = Vec::new();
    let mut depth = 0_usize;
    let mut open = None;
    let mut offset = 0;
    for line in source.split_inclusive('\n') {
        let code = line.split("//").next().unwrap_or_default();
        if open.is_none() && depth >= ASSEMBLY_DEPTH && code.trim_start().starts_with("function ") {
            open = Some((offset, depth));
        }
        for byte in code.bytes() {
            match byte {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        offset += line.len();
        if let Some((start, outside)) = open
            && depth == outside
        {
            functions.push(start..offset);
            open = None;
        }
    }
    functions
}

/// Gives instructions that were made of no text the place of those before and after them, where these have the same.
///
/// solc's optimizer writes such instructions for a constant that is cheaper to copy from the code than to push: they
/// stand where the constant is used.
fn enclosed(mut places: Vec<Place>) -> Vec<Place> {
    let mut start = 0;
    while start < places.len() {
        let length = places[start..]
            .iter()
            .take_while(|&&place| place == places[start])
            .count();
        let end = start + length;
        if places[start] == Place::Unknown
            && start > 0
            && let Some(&after) = places.get(end)
            && places[start - 1] == after
        {
            places[start..end].fill(after);
        }
        start = end;
    }
    places
}

/// The place of the instructions that were made of a stretch of source.
///
/// What was made of more than one section (the contract, the function, its assembly as a whole) is the contract around
/// them.
fn place(spans: &[Span], bytes: Range<usize>) -> Place {
    spans
        .iter()
        .find(|span| span.bytes.start <= bytes.start && bytes.end <= span.bytes.end)
        .map_or(Place::In(Section::Setup), |span| span.place)
}
