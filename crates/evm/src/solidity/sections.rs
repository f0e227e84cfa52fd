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
use foundry_compilers_artifacts_solc::sourcemap;

pub use evmbench_schema::solidity::Section;

/// The section under a heading of the generator's.
fn under(heading: &str) -> Option<Section> {
    Some(match heading {
        "Initialize success as true"
        | "Check valid length of proof"
        | "Revert earlier if anything from calldata is invalid"
        | "Revert if anything fails" => Section::Setup,
        "Load vk_digest and num_instances of vk into memory" | "Load full vk into memory" => {
            Section::VerifyingKey
        }
        "Read instances and witness commitments and generate challenges"
        | "Read accumulator from instances"
        | "Compute lagrange evaluations and instance evaluation" => Section::Instances,
        // The phases have numbers in the plain verifier, and are one loop in the reusable one.
        "Absorb vk diegst"
        | "Phase 1"
        | "add proof_cptr to num advices len"
        | "Read evaluations"
        | "Read batch opening proof and generate challenges" => Section::Transcript,
        "Compute quotient evavluation" | "Compute quotient evaluation" | "Compute quotient commitment" => {
            Section::Quotient
        }
        "Compute pairing lhs and rhs" | "Random linear combine with accumulator" => Section::Opening,
        "Perform pairing" => Section::Pairing,
        _ => return None,
    })
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
            && let Some(section) = under(heading.trim())
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A verifier with every heading, and a function that is shared.
    const SOURCE: &str = "contract A {
    function verifyProof() public {
        assembly {
            // Adds, and takes } for what it is.
            function add_acc(x) -> ret {
                if x { ret := 1 }
            }

            // Initialize success as true
            let success := true
            {
                // Load full vk into memory
                mstore(0, 1)
                // Read instances and witness commitments and generate challenges
                pop(instance)
                // Phase 1
                pop(commitment)
                // Read evaluations
                pop(evaluation)
            }
            // Compute lagrange evaluations and instance evaluation
            pop(lagrange)
            // Compute quotient evavluation
            pop(quotient)
            // Compute pairing lhs and rhs
            pop(opening)
            // Perform pairing
            pop(pairing)
            // Revert if anything fails
            revert(0, 0)
        }
    }
}
";

    fn range_of(text: &str) -> Range<usize> {
        let start = SOURCE.find(text).unwrap();
        start..start + text.len()
    }

    fn place_of(text: &str) -> Place {
        place(&spans(SOURCE).unwrap(), range_of(text))
    }

    #[test]
    fn text_belongs_to_the_heading_above_it() {
        for (text, section) in [
            ("let success", Section::Setup),
            ("mstore(0, 1)", Section::VerifyingKey),
            ("pop(instance)", Section::Instances),
            ("pop(commitment)", Section::Transcript),
            ("pop(evaluation)", Section::Transcript),
            ("pop(lagrange)", Section::Instances),
            ("pop(quotient)", Section::Quotient),
            ("pop(opening)", Section::Opening),
            ("pop(pairing)", Section::Pairing),
            ("revert(0, 0)", Section::Setup),
            // More than one section, and the whole contract.
            (
                "pop(opening)\n            // Perform pairing\n            pop(pairing)",
                Section::Setup,
            ),
            (SOURCE, Section::Setup),
        ] {
            assert_eq!(place_of(text), Place::In(section), "{text}");
        }
    }

    #[test]
    fn functions_of_the_assembly_are_shared() {
        assert_eq!(place_of("ret := 1"), Place::Shared);
        assert_eq!(place_of("function add_acc"), Place::Shared);
        let [function] = &yul_functions(SOURCE)[..] else {
            panic!("verifyProof is no function of the assembly");
        };
        assert!(SOURCE[function.clone()].trim_end().ends_with("}\n            }"));
    }

    #[test]
    fn a_source_without_a_section_has_no_map() {
        assert!(SectionMap::of(SOURCE, &[0], "0:1:0:-:0").is_some());
        for heading in [
            "Phase 1",
            "Compute pairing lhs and rhs",
            "Perform pairing",
            "Compute quotient evavluation",
        ] {
            let source = SOURCE.replace(heading, "Something else");
            let transcript_is_there = heading == "Phase 1";
            assert_eq!(
                SectionMap::of(&source, &[0], "0:1:0:-:0").is_some(),
                transcript_is_there,
                "{heading}"
            );
        }
        assert_eq!(SectionMap::of("contract A {}", &[0], "0:1:0:-:0"), None);
        assert_eq!(SectionMap::of(SOURCE, &[0], "no source map"), None);
    }

    #[test]
    fn an_instruction_without_text_belongs_to_its_neighbours() {
        let (a, b, none) = (Place::In(Section::Opening), Place::Shared, Place::Unknown);
        assert_eq!(enclosed(vec![a, none, none, a, b]), [a, a, a, a, b]);
        assert_eq!(enclosed(vec![a, none, b, none, b]), [a, none, b, b, b]);
        assert_eq!(enclosed(vec![none, a, none]), [none, a, none]);
    }

    #[test]
    fn a_map_has_the_place_of_every_instruction() {
        let element = |text: &str| format!("{}:{}:0:-:0", range_of(text).start, text.len());
        // PUSH2, POP, one of no text, one of solc's own, one that the map leaves out.
        let code = [0x61, 0x50, 0x50, 0x50, 0x50, 0x50, 0x50];
        let source_map = [
            element("pop(opening)"),
            element("ret := 1"),
            "0:0:-1:-:0".to_owned(),
            "0:0:1:-:0".to_owned(),
        ];
        let map = SectionMap::of(SOURCE, &code, &source_map.join(";")).unwrap();
        let places: Vec<_> = (0..8).map(|pc| map.place(pc)).collect();
        let unknown = Place::Unknown;
        assert_eq!(
            places,
            [
                Place::In(Section::Opening),
                unknown,
                unknown,
                Place::Shared,
                unknown,
                Place::In(Section::Setup),
                unknown,
                unknown
            ]
        );
        assert_eq!(map.code_hash(), keccak256(code));
    }

    #[test]
    fn sections_are_in_the_order_of_their_numbers() {
        for (index, section) in Section::ALL.into_iter().enumerate() {
            assert_eq!(section as usize, index);
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(source in "(\\PC|\n|[{}/]|function |// Phase 1\n){0,40}", cut in 0..SOURCE.len(), code in prop::collection::vec(any::<u8>(), 0..80), source_map in "[0-9:;io-]{0,60}") {
            let _ = SectionMap::of(&source, &code, &source_map);
            let _ = SectionMap::of(SOURCE, &code, &source_map);
            let _ = SectionMap::of(&SOURCE[cut..], &code, &source_map);
            let _ = yul_functions(&source);
        }
    }
}
