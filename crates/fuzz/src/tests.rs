//! Mutations of the statements in `tests/fixtures/verifier`, and campaigns against the verifiers there and against
//! contracts written here by hand.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy_primitives::{B256, Bytes, U256, hex, keccak256};
use proptest::prelude::*;

use evmbench_evm::chain::calldata::FIELD_MODULUS;
use evmbench_evm::chain::{Calldata, Fork, Verifier};
use evmbench_ezkl::{BASE_MODULUS, Proof, ProofLayout, ProofSection};
use evmbench_schema::record::FileName;

use super::campaign;
use super::curve;
use super::mutation::{Part, proof_words};
use super::*;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

fn text(name: &str, file: &str) -> String {
    std::fs::read_to_string(fixtures().join("verifier").join(name).join(file)).unwrap()
}

fn statement(name: &str) -> Proof {
    Proof {
        proof: hex::decode(text(name, "proof.hex").trim()).unwrap(),
        instances: serde_json::from_str(&text(name, "instances.json")).unwrap(),
    }
}

const NAMES: [&str; 2] = ["dense_4x2", "relu_4x4"];

/// A fixture's statement, with the other's as a donor.
fn subject(name: &str) -> Subject {
    let layout = ProofLayout::read(&text(name, "Verifier.sol")).unwrap();
    let others = NAMES.into_iter().filter(|&other| other != name);
    let donors = others.map(|other| Donor {
        name: other.to_owned(),
        proof: Arc::new(statement(other)),
        same_key: false,
    });
    Subject::new(
        FileName::new(name).unwrap(),
        statement(name),
        layout,
        donors.collect(),
    )
    .unwrap()
}

fn creation_code(name: &str) -> Bytes {
    let code = text(name, "creation-code.hex");
    hex::decode(code.trim()).unwrap().into()
}

fn verifier(name: &str) -> Verifier {
    Verifier::deploy(Fork::Osaka, &creation_code(name)).unwrap()
}

fn key_artifact(name: &str) -> Vec<B256> {
    serde_json::from_str(&text(name, "key_artifact.json")).unwrap()
}

/// The one verifier of all circuits, with a fixture's key registered.
fn reusable_verifier(name: &str) -> Verifier {
    Verifier::deploy_reusable(Fork::Osaka, &creation_code("reusable"), &key_artifact(name)).unwrap()
}

/// Creation code that leaves this runtime code behind: CODECOPY and RETURN of what follows the first 10 bytes.
fn deploying(runtime: &[u8]) -> Bytes {
    let length = u8::try_from(runtime.len()).unwrap();
    [
        &[0x60, length, 0x80, 0x60, 10, 0x5f, 0x39, 0x5f, 0xf3, 0xfe],
        runtime,
    ]
    .concat()
    .into()
}

/// PUSH1 1, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN.
const RETURN_TRUE: [u8; 8] = hex!("60015f5260205ff3");

/// Runs until it is told to stop after a number of cases.
struct StopAfter(u64, AtomicU64);

impl StopAfter {
    fn new(cases: u64) -> Self {
        Self(cases, AtomicU64::new(0))
    }
}

impl Watch for StopAfter {
    fn case_ended(&self) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }

    fn interrupted(&self) -> bool {
        self.1.load(Ordering::Relaxed) >= self.0
    }
}

/// Runs to the end.
fn unwatched() -> StopAfter {
    StopAfter::new(u64::MAX)
}

mod mutations {
    use super::*;

    /// What a class promises of the words that it wrote, beside that they are others.
    fn promised(class: Class, subject: &Subject, mutated: &Proof) -> bool {
        let words = proof_words(mutated);
        let points = || {
            let firsts = subject.layout.points().filter(|&word| {
                let range = word..word + 2;
                words[range.clone()] != subject.words[range]
            });
            firsts.map(|word| [words[word], words[word + 1]])
        };
        let evaluations = || {
            let places = subject.layout.words(ProofSection::Evaluations);
            places
                .filter(|&word| words[word] != subject.words[word])
                .map(|word| words[word])
        };
        let instances = || {
            let pairs = mutated.instances.iter().zip(&subject.statement.instances);
            pairs.filter(|(now, before)| now != before).map(|(&now, _)| now)
        };
        match class {
            Class::PointOffCurve => points().all(|point| {
                !curve::is_on_curve(point) && point[0] < BASE_MODULUS && point[1] < BASE_MODULUS
            }),
            Class::PointAtInfinity => points().all(|point| point == curve::INFINITY),
            Class::PointNegated | Class::PointReplaced | Class::PointsExchanged => {
                points().all(curve::is_on_curve)
            }
            Class::CoordinatesSwapped => points().all(|point| !curve::is_on_curve(point)),
            Class::CoordinateBeyondField => points().all(|[x, y]| {
                let reduced = [x.reduce_mod(BASE_MODULUS), y.reduce_mod(BASE_MODULUS)];
                (x >= BASE_MODULUS || y >= BASE_MODULUS) && curve::is_on_curve(reduced)
            }),
            Class::EvaluationChanged => evaluations().all(|value| value < FIELD_MODULUS),
            Class::EvaluationBeyondField => evaluations().all(|value| value >= FIELD_MODULUS),
            Class::InstanceChanged => instances().all(|value| value < FIELD_MODULUS),
            Class::InstanceBeyondField => instances().all(|value| value >= FIELD_MODULUS),
            Class::InstancesPermuted => {
                let sorted = |values: &[U256]| {
                    let mut values = values.to_vec();
                    values.sort_unstable();
                    values
                };
                sorted(&mutated.instances) == sorted(&subject.statement.instances)
            }
            Class::InstancesRepeated => {
                let all: BTreeSet<_> = subject.statement.instances.iter().collect();
                mutated.instances.iter().all(|value| all.contains(value))
            }
            Class::ProofLength => mutated.proof.len() != subject.statement.proof.len(),
            Class::InstancesLength => mutated.instances.len() != subject.statement.instances.len(),
            _ => true,
        }
    }

    /// Whether the class changes nothing but one part.
    fn spared(class: Class) -> Option<Part> {
        match class {
            Class::InstanceBitFlipped
            | Class::InstanceChanged
            | Class::InstanceBeyondField
            | Class::InstancesPermuted
            | Class::InstancesRepeated
            | Class::InstancesLength => Some(Part::Proof),
            Class::AnotherProofSpliced | Class::Several => None,
            _ => Some(Part::Instances),
        }
    }

    /// Classes whose mutations change the statement whatever it is.
    fn always_changes(class: Class) -> bool {
        !matches!(
            class,
            // They put words of the statement, or of another, where equal ones may be.
            Class::PointsExchanged
                | Class::EvaluationsExchanged
                | Class::InstancesPermuted
                | Class::InstancesRepeated
                | Class::OwnWordsRepeated
                | Class::AnotherProofSpliced
                // They set constants, which may be there already.
                | Class::PointReplaced
                | Class::EvaluationChanged
                | Class::InstanceChanged
                // The second mutation may undo the first.
                | Class::Several
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn every_class_does_what_it_says(seed: u64, index in 0..1_u64 << 40, dense: bool) {
            let subject = subject(NAMES[usize::from(dense)]);
            for class in Class::ALL {
                let mutation = class.draw(&subject, seed, index);
                let mutated = mutation.apply(&subject.statement, &subject.donors).unwrap();
                prop_assert!(!always_changes(class) || mutated != subject.statement, "{class}: {mutation}");
                if class != Class::ProofLength && class != Class::AnotherProofSpliced {
                    prop_assert_eq!(mutated.proof.len(), subject.statement.proof.len());
                }
                prop_assert!(promised(class, &subject, &mutated), "{class}: {mutation}");
                match spared(class) {
                    Some(Part::Proof) => prop_assert_eq!(&mutated.proof, &subject.statement.proof),
                    Some(Part::Instances) => prop_assert_eq!(&mutated.instances, &subject.statement.instances),
                    None => {}
                }
            }
        }

        #[test]
        fn a_case_follows_from_class_seed_and_number_alone(seed: u64, index: u64) {
            let subject = subject(NAMES[0]);
            for class in Class::ALL {
                let mutation = class.draw(&subject, seed, index);
                prop_assert_eq!(&mutation, &class.draw(&subject, seed, index));
                let json = serde_json::to_string(&mutation).unwrap();
                prop_assert_eq!(&mutation, &serde_json::from_str::<Mutation>(&json).unwrap());
            }
        }
    }

    #[test]
    fn other_seeds_and_other_numbers_give_other_cases() {
        let subject = subject(NAMES[0]);
        let draw = |seed, index| Class::OwnWordsRepeated.draw(&subject, seed, index);
        let all: BTreeSet<String> = (0..10)
            .flat_map(|seed| (0..10).map(move |index| (seed, index)))
            .map(|(seed, index)| draw(seed, index).to_string())
            .collect();
        assert!(all.len() > 90, "{}", all.len());
    }

    #[test]
    fn every_bit_of_a_section_is_flipped_before_any_comes_again() {
        let subject = subject(NAMES[0]);
        let section = subject.layout.words(ProofSection::Opening);
        let bits = section.len() * 256;
        let flips = (0..bits as u64).map(|index| match Class::OpeningBitFlipped.draw(&subject, 3, index) {
            Mutation::BitFlipped {
                part: Part::Proof,
                word,
                bit,
            } => {
                assert!(section.contains(&word));
                (word, bit)
            }
            other => panic!("{other}"),
        });
        assert_eq!(flips.collect::<BTreeSet<_>>().len(), bits);
    }

    #[test]
    fn every_point_gets_its_turn() {
        let subject = subject(NAMES[1]);
        let points: Vec<_> = subject.layout.points().collect();
        let mut negated = BTreeSet::new();
        for index in 0..8 * points.len() as u64 {
            if let Mutation::WordsSet { word, .. } = Class::PointNegated.draw(&subject, 0, index) {
                negated.insert(word);
            }
        }
        assert_eq!(negated, points.into_iter().collect());
    }

    #[test]
    fn what_a_circuit_lacks_is_not_mutated() {
        let impossible = |subject: &Subject| -> Vec<Class> {
            let classes = Class::ALL.into_iter();
            classes.filter(|class| !class.is_possible(subject)).collect()
        };
        let mut subject = subject(NAMES[0]);
        assert_eq!(impossible(&subject), []);
        subject.donors.clear();
        assert_eq!(impossible(&subject), [Class::AnotherProofSpliced]);
        subject.statement.instances.truncate(1);
        assert_eq!(
            impossible(&subject),
            [
                Class::InstancesPermuted,
                Class::InstancesRepeated,
                Class::AnotherProofSpliced
            ]
        );
        subject.statement.instances.clear();
        assert_eq!(impossible(&subject).len(), 6);
        // What is possible can be drawn.
        for class in Class::ALL {
            for index in 0..50 {
                if class.is_possible(&subject) {
                    class
                        .draw(&subject, 0, index)
                        .apply(&subject.statement, &[])
                        .unwrap();
                }
            }
        }
    }

    #[test]
    fn a_mutation_of_another_statement_is_refused() {
        let statement = Proof {
            proof: vec![7; 65],
            instances: vec![U256::from(1)],
        };
        let flip = |word| Mutation::BitFlipped {
            part: Part::Proof,
            word,
            bit: 255,
        };
        // Two whole words and a byte.
        let flipped = flip(1).apply(&statement, &[]).unwrap();
        assert_eq!((flipped.proof[32], flipped.proof.len()), (0x87, 65));
        assert_eq!(
            flip(2).apply(&statement, &[]),
            Err(MutationError::OutOfRange(flip(2)))
        );
        let cut = Mutation::BytesCut { bytes: 66 };
        assert_eq!(
            cut.apply(&statement, &[]),
            Err(MutationError::OutOfRange(cut.clone()))
        );
        let replaced = Mutation::Replaced {
            from: "other".into(),
            part: Part::Proof,
        };
        let error = replaced.apply(&statement, &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "proof: other's: there is no statement of the name \"other\""
        );
    }

    #[test]
    fn several_mutations_are_made_in_order() {
        let statement = Proof {
            proof: Vec::new(),
            instances: [1, 2, 3, 4].map(U256::from).to_vec(),
        };
        let part = Part::Instances;
        let several = Mutation::Several {
            mutations: vec![
                Mutation::WordsExchanged {
                    part,
                    first: 0,
                    second: 2,
                    words: 2,
                },
                Mutation::WordsRotated { part, by: 1 },
                Mutation::WordsRemoved {
                    part,
                    word: 3,
                    words: 1,
                },
                Mutation::WordsInserted {
                    part,
                    word: 0,
                    values: vec![U256::from(9)],
                },
            ],
        };
        let mutated = several.apply(&statement, &[]).unwrap();
        assert_eq!(mutated.instances, [9, 4, 1, 2].map(U256::from));
        insta::assert_snapshot!(
            several,
            @"instances: 2 words at 0 and at 2 exchanged; instances: words rotated by 1; instances: 1 word removed at 3; instances: 1 word inserted at 0"
        );
    }
}

mod campaigns {
    use super::*;

    #[test]
    fn generated_verifiers_reject_every_wrong_statement() {
        for (name, seed) in NAMES.into_iter().zip(1..) {
            let subject = subject(name);
            let plan = Plan::new(2_000, seed);
            let (campaign, _) = campaign::run(&verifier(name), &subject, &plan, &unwatched()).unwrap();
            assert_eq!(campaign.findings, []);
            assert!(campaign.passed());
            let total = campaign.total();
            assert_eq!(total.cases, 2_000);
            assert_eq!(total.identical + total.rejected, 2_000);
            for tally in &campaign.tallies {
                let (class, tally) = (tally.class, tally.tally);
                assert!(
                    (76..=77).contains(&tally.cases),
                    "{class}: every class has its share"
                );
                assert_eq!(tally.identical + tally.rejected, tally.cases);
                let expected = match class {
                    // What is no field element, no point or of another length is noticed before anything is computed.
                    Class::PointOffCurve
                    | Class::PointAtInfinity
                    | Class::CoordinatesSwapped
                    | Class::CoordinateBeyondField
                    | Class::EvaluationBeyondField
                    | Class::InstanceBeyondField
                    | Class::ProofLength
                    | Class::InstancesLength => 0..=0,
                    // What is well formed is rejected by the pairing alone.
                    Class::PointNegated
                    | Class::PointReplaced
                    | Class::PointsExchanged
                    | Class::EvaluationChanged
                    | Class::EvaluationsExchanged
                    | Class::InstanceChanged
                    | Class::InstancesPermuted
                    | Class::InstancesRepeated => tally.rejected..=tally.rejected,
                    _ => 0..=tally.rejected,
                };
                assert!(
                    expected.contains(&tally.rejected_after_pairing),
                    "{class}: {tally:?}"
                );
            }
        }
    }

    /// A verifier that accepts whatever it is given: every case that is not identical is told.
    #[test]
    fn a_hole_is_found() {
        let verifier = Verifier::deploy(Fork::Osaka, &deploying(&RETURN_TRUE)).unwrap();
        let subject = subject(NAMES[0]);
        let (campaign, corpus) =
            campaign::run(&verifier, &subject, &Plan::new(520, 0), &unwatched()).unwrap();
        let total = campaign.total();
        assert_eq!(total.accepted + total.identical, 520);
        assert!(total.identical > 0);
        assert_eq!(
            total.extended, 0,
            "no plain verifier is known to leave words unread"
        );
        assert!(!campaign.passed());
        assert_eq!(campaign.findings.len(), 100);
        assert!(
            campaign
                .findings
                .iter()
                .all(|case| case.outcome.ending == Ending::Accepted)
        );
        assert!(corpus.cases.len() > 400);
    }

    /// A contract that stops with INVALID for all but the right call has rejected nothing.
    #[test]
    fn a_call_without_an_answer_is_undecided() {
        let subject = subject(NAMES[0]);
        let Proof { proof, instances } = &subject.statement;
        let right = keccak256(Calldata::verify_proof(proof, instances).bytes());
        // CALLDATACOPY of everything, KECCAK256, EQ, JUMPI; INVALID; JUMPDEST.
        let runtime = [
            &hex!("365f5f37365f20")[..],
            &[0x7f],
            &right[..],
            &hex!("14602d57fe5b"),
            &RETURN_TRUE,
        ]
        .concat();
        let verifier = Verifier::deploy(Fork::Osaka, &deploying(&runtime)).unwrap();
        let (campaign, _) = campaign::run(&verifier, &subject, &Plan::new(260, 0), &unwatched()).unwrap();
        let total = campaign.total();
        assert_eq!(total.undecided + total.identical, 260);
        assert!(!campaign.passed());
        assert!(
            campaign.findings[0]
                .outcome
                .to_string()
                .starts_with("halted: invalid 0xFE opcode"),
            "{}",
            campaign.findings[0].outcome
        );
    }

    #[test]
    fn a_verifier_that_does_not_accept_the_proof_has_no_campaign() {
        let error = campaign::run(
            &verifier(NAMES[0]),
            &subject(NAMES[1]),
            &Plan::new(1, 0),
            &unwatched(),
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "negative controls need an accepted call to start from; this one: reverted"
        );
    }

    /// Another proof of the same statement under the same key is none to be rejected, whole; a part of it is.
    #[test]
    fn what_another_run_proved_under_the_same_key_is_no_finding() {
        let everything = Verifier::deploy(Fork::Osaka, &deploying(&RETURN_TRUE)).unwrap();
        for (same_key, whole) in [(true, Ending::Identical), (false, Ending::Accepted)] {
            let mut subject = subject(NAMES[0]);
            let mut other = subject.statement.clone();
            other.proof[3] ^= 1;
            other.proof[40] ^= 1;
            subject.donors = vec![Donor {
                name: "again".to_owned(),
                proof: Arc::new(other),
                same_key,
            }];
            let target = Target::new(&everything, &subject).unwrap();
            let part = Part::Proof;
            let from = "again".to_owned();
            let ending = |mutation: Mutation| target.attempt(&mutation).unwrap().ending;
            assert_eq!(
                ending(Mutation::Replaced {
                    from: from.clone(),
                    part
                }),
                whole
            );
            let (word, words) = (0, 1);
            let spliced = Mutation::Spliced {
                from,
                part,
                word,
                words,
            };
            assert_eq!(ending(spliced), Ending::Accepted);
        }
    }

    /// As many instances as a much larger circuit has are more than Osaka lets one transaction carry.
    #[test]
    fn what_is_too_large_for_the_chain_is_decided_by_the_verifier() {
        let mut subject = subject(NAMES[0]);
        let from = "large".to_owned();
        let mut large = subject.statement.clone();
        large.instances = vec![FIELD_MODULUS - U256::ONE; 20_000];
        subject.donors = vec![Donor {
            name: from.clone(),
            proof: Arc::new(large),
            same_key: false,
        }];
        let verifier = verifier(NAMES[0]);
        let target = Target::new(&verifier, &subject).unwrap();
        let part = Part::Instances;
        let outcome = target.attempt(&Mutation::Replaced { from, part }).unwrap();
        assert_eq!(outcome.ending, Ending::Rejected, "{outcome}");
        assert!(outcome.execution_gas.is_some());
    }

    #[test]
    fn quotas_add_up_whatever_is_asked_for() {
        let verifier = Verifier::deploy(Fork::Osaka, &deploying(&RETURN_TRUE)).unwrap();
        let mut subject = subject(NAMES[0]);
        subject.donors.clear();
        for cases in [0, 1, 25, 26, 130, 131] {
            let (campaign, _) =
                campaign::run(&verifier, &subject, &Plan::new(cases, 0), &unwatched()).unwrap();
            assert_eq!(campaign.total().cases, cases);
            for tally in campaign.tallies {
                let share = if tally.class == Class::AnotherProofSpliced {
                    0..=0
                } else {
                    cases / 25..=cases.div_ceil(25)
                };
                assert!(share.contains(&tally.tally.cases), "{tally:?} of {cases}");
            }
        }
        let nothing = Plan {
            classes: vec![Class::AnotherProofSpliced],
            ..Plan::new(1, 0)
        };
        let error = campaign::run(&verifier, &subject, &nothing, &unwatched()).unwrap_err();
        assert!(matches!(error, FuzzError::NoClass { .. }), "{error}");
    }

    #[test]
    fn an_interrupted_campaign_tells_what_it_did() {
        let verifier = Verifier::deploy(Fork::Osaka, &deploying(&RETURN_TRUE)).unwrap();
        let plan = Plan {
            threads: 3,
            ..Plan::new(10_000, 0)
        };
        let (campaign, _) =
            campaign::run(&verifier, &subject(NAMES[0]), &plan, &StopAfter::new(100)).unwrap();
        // Each thread may have been in a case.
        assert!(
            (100..=102).contains(&campaign.total().cases),
            "{:?}",
            campaign.total()
        );
        assert_eq!(campaign.pace.cases, campaign.total().cases);
        assert_eq!(campaign.cases_asked, 10_000);
    }

    #[test]
    fn threads_change_nothing_but_the_pace() {
        let run = |threads| {
            let plan = Plan {
                threads,
                ..Plan::new(104, 5)
            };
            let (campaign, corpus) =
                campaign::run(&verifier(NAMES[0]), &subject(NAMES[0]), &plan, &unwatched()).unwrap();
            (campaign.tallies, corpus)
        };
        assert_eq!(run(1), run(4));
    }
}

mod reusable_verifiers {
    use super::*;

    /// Words after the proof are left unread, as they are by no plain verifier; everything else is rejected.
    #[test]
    fn nothing_but_words_after_the_proof_is_accepted() {
        for (name, seed) in NAMES.into_iter().zip(1..) {
            let (verifier, subject) = (reusable_verifier(name), subject(name));
            let (campaign, corpus) =
                campaign::run(&verifier, &subject, &Plan::new(780, seed), &unwatched()).unwrap();
            assert_eq!(campaign.findings, []);
            assert!(campaign.passed());
            let total = campaign.total();
            assert_eq!(total.identical + total.rejected + total.extended, 780);
            for tally in &campaign.tallies {
                let extended = tally.tally.extended;
                assert_eq!(
                    extended > 0,
                    tally.class == Class::ProofLength,
                    "{}: {extended}",
                    tally.class
                );
            }
            let kept: Vec<_> = corpus
                .cases
                .iter()
                .filter(|case| case.outcome.ending == Ending::Extended)
                .collect();
            assert_eq!(kept.len(), 1, "the first one is kept");
            let mutated = kept[0]
                .mutation
                .apply(&subject.statement, &subject.donors)
                .unwrap();
            assert_eq!(mutated.instances, subject.statement.instances);
            let after = mutated.proof.strip_prefix(&subject.statement.proof[..]).unwrap();
            assert!(!after.is_empty() && after.len().is_multiple_of(32));
            assert!(
                kept[0]
                    .outcome
                    .to_string()
                    .starts_with("accepted with words appended after "),
                "{}",
                kept[0].outcome
            );
            assert_eq!(corpus.replay(&verifier, &subject).unwrap(), []);
        }
    }

    /// A contract that registers the key and then accepts whatever it is given: words after the right proof are told from
    /// wrong proofs even there.
    #[test]
    fn a_hole_is_found() {
        let key = key_artifact(NAMES[0]);
        let digest = keccak256(key.concat());
        let registration = u16::try_from(Calldata::register_key(&key).bytes().len()).unwrap();
        // MSTORE of the digest at 32; CALLDATASIZE, EQ, JUMPI: registration returns it alone, anything else after a 1.
        let runtime = [
            &[0x7f][..],
            &digest[..],
            &hex!("602052"),
            &[0x61],
            &registration.to_be_bytes(),
            &hex!("361460345760015f5260405ff35b60206020f3"),
        ]
        .concat();
        let verifier = Verifier::deploy_reusable(Fork::Osaka, &deploying(&runtime), &key).unwrap();
        let (campaign, _) =
            campaign::run(&verifier, &subject(NAMES[0]), &Plan::new(520, 0), &unwatched()).unwrap();
        let total = campaign.total();
        assert_eq!(total.accepted + total.identical + total.extended, 520);
        assert!(total.accepted > 400 && total.extended > 0, "{total:?}");
        let subject = subject(NAMES[0]);
        let target = Target::new(&verifier, &subject).unwrap();
        for (bytes, ending) in [
            (31, Ending::Accepted),
            (32, Ending::Extended),
            (33, Ending::Accepted),
        ] {
            let bytes = vec![0; bytes].into();
            assert_eq!(
                target.attempt(&Mutation::BytesAppended { bytes }).unwrap().ending,
                ending
            );
        }
        assert!(!campaign.passed());
        assert!(
            campaign
                .findings
                .iter()
                .all(|case| case.outcome.ending == Ending::Accepted)
        );
    }
}

mod corpora {
    use super::*;

    /// A file, the statement that its cases were made of, and the verifier that they were tried on.
    type Kept = (&'static str, &'static str, fn(&str) -> Verifier);

    const KEPT: [Kept; 3] = [
        ("dense_4x2", "dense_4x2", verifier),
        ("relu_4x4", "relu_4x4", verifier),
        ("dense_4x2-reusable", "dense_4x2", reusable_verifier),
    ];

    fn path(file: &str) -> PathBuf {
        fixtures().join("fuzz").join(format!("{file}.json"))
    }

    fn corpus(file: &str) -> Corpus {
        serde_json::from_str(&std::fs::read_to_string(path(file)).unwrap()).unwrap()
    }

    /// To the unit of gas: so far and no further does the verifier follow each case.
    #[test]
    fn kept_cases_end_as_they_did() {
        for (file, name, verifier) in KEPT {
            let (corpus, subject) = (corpus(file), subject(name));
            assert_eq!(corpus.name, name);
            assert_eq!(corpus.replay(&verifier(name), &subject).unwrap(), []);
            let classes: BTreeSet<_> = corpus.cases.iter().map(|case| case.class).collect();
            assert_eq!(classes.len(), Class::ALL.len(), "every class is kept");
            for case in corpus.cases {
                let ending = case.outcome.ending;
                let harmless = matches!(ending, Ending::Identical | Ending::Rejected | Ending::Extended);
                assert!(harmless, "{}", case.mutation);
            }
        }
    }

    /// Records of campaigns name cases by class, seed and number: what these mean does not change unnoticed.
    #[test]
    fn kept_cases_are_drawn_as_they_were() {
        for (file, name, _) in KEPT {
            let (corpus, subject) = (corpus(file), subject(name));
            for case in corpus.cases {
                let drawn = case.class.draw(&subject, corpus.seed, case.index);
                assert_eq!(drawn, case.mutation, "{} {}", case.class, case.index);
            }
        }
    }

    #[test]
    fn a_case_that_ends_otherwise_is_told() {
        let mut corpus = corpus(NAMES[0]);
        corpus.cases.truncate(2);
        corpus.cases[1].outcome.execution_gas = Some(1);
        let differences = corpus.replay(&verifier(NAMES[0]), &subject(NAMES[0])).unwrap();
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].kept, corpus.cases[1]);
    }

    #[test]
    #[ignore = "writes tests/fixtures/fuzz anew: for when a class is added or drawn otherwise"]
    fn keep() {
        for (file, name, verifier) in KEPT {
            let (_, corpus) = campaign::run(
                &verifier(name),
                &subject(name),
                &Plan::new(5_200, 0),
                &unwatched(),
            )
            .unwrap();
            evmbench_store::write_json(&path(file), &corpus).unwrap();
        }
    }
}

/// The accepted call is what the campaign departs from, and the early failure is one.
#[test]
fn the_two_calls_that_are_timed_end_as_they_should() {
    for name in NAMES {
        let (verifier, subject) = (verifier(name), subject(name));
        let target = Target::new(&verifier, &subject).unwrap();
        let early = campaign::early_failure(&subject.statement);
        let differing: Vec<_> = early
            .proof
            .iter()
            .zip(&subject.statement.proof)
            .filter(|(a, b)| a != b)
            .collect();
        assert_eq!(differing.len(), 1);
        let outcome = target
            .attempt(&Mutation::BitFlipped {
                part: Part::Proof,
                word: 0,
                bit: 0,
            })
            .unwrap();
        assert_eq!(outcome.ending, Ending::Rejected);
        assert!(
            outcome.execution_gas.unwrap() < 50_000,
            "{:?}",
            outcome.execution_gas
        );
    }
}
