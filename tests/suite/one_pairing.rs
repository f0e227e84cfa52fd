//! Sets of parts with one pairing: what they cost, and what is refused.

use std::path::Path;
use std::sync::OnceLock;

use crate::committed::{Set, circuits};
use crate::common;
use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::{SolError as _, sol};
use evmbench::chain::calldata::VerifyCall;
use evmbench::chain::{ChainError, Fork, Verdict};
use evmbench::guard::linked::{LinkedPart, SetContract};
use evmbench::guard::one_pairing::{self, OnePairingMeasurement, OpenedPart};
use evmbench::guard::recognised::{Likeness, SetCode};
use evmbench::guard::{self, GuardAnswer, GuardCheck, GuardCheckKind, GuardError, VerifierCode, batch};
use evmbench::prover::{Committed, Proof};
use evmbench::record::{Evidence, SCHEMA, digest};
use evmbench::rederive::{Given, Tools};
use evmbench::solidity::opening::{CONTRACT, Opening, Sharing};
use evmbench::solidity::{CompileOptions, CompiledContract};
use evmbench::store::{self, StoredRun};
use evmbench::{metric::Metric, rederive};
use serde::Deserialize;

sol! {
    error WrongString(uint256 part);
}

/// The openings of the fixtures' circuits, compiled once.
fn openings() -> &'static [CompiledContract; 3] {
    static OPENINGS: OnceLock<[CompiledContract; 3]> = OnceLock::new();
    OPENINGS.get_or_init(|| {
        let of = |index: usize| {
            let source = &circuits()[index].source;
            batch::Opened::of(common::solc(), source, Sharing::Key, &CompileOptions::default())
                .unwrap()
                .compiled
        };
        [0, 1, 2].map(of)
    })
}

fn opened<'a>(parts: &[LinkedPart<'a>], openings: &'a [CompiledContract]) -> Vec<OpenedPart<'a>> {
    let parts = parts.iter().zip(openings);
    parts
        .map(|(&part, opening)| OpenedPart { part, opening })
        .collect()
}

fn measure(indices: [usize; 3], fork: Fork) -> Result<OnePairingMeasurement, GuardError> {
    let set = Set::new(indices);
    one_pairing::measure(common::guards(), fork, &opened(&set.parts(), openings()))
}

/// The contract of the set of the first proofs.
fn deployed() -> SetContract {
    let set = Set::new([0; 3]);
    let parts = opened(&set.parts(), openings());
    one_pairing::deploy(common::guards(), Fork::Osaka, &parts).unwrap()
}

/// The calls of the first proofs.
fn right() -> Vec<VerifyCall> {
    circuits()
        .iter()
        .map(|fixture| fixture.calls[0].clone())
        .collect()
}

#[track_caller]
fn assert_passed(checks: &[GuardCheck]) {
    let failed: Vec<_> = checks.iter().filter(|check| !check.passed()).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn a_set_with_one_pairing_is_accepted_whole_or_not_at_all() {
    use GuardCheckKind as Kind;

    for index in [0, 1] {
        let measured = measure([index; 3], Fork::Osaka).unwrap();
        assert_passed(&measured.checks);
        for kind in [
            Kind::PartMissing,
            Kind::PartAdded,
            Kind::PartDoubled,
            Kind::PartsReversed,
            Kind::BatchMemberLastPoint,
            Kind::BatchMemberStatement,
            Kind::BatchMemberStatementPlusModulus,
            Kind::BatchLastPointsExchanged,
            Kind::BatchStatementsExchanged,
            Kind::LinkChanged,
        ] {
            assert!(measured.checks.iter().any(|check| check.kind == kind), "{kind:?}");
        }
        assert_eq!((measured.openings.len(), measured.part_deployments.len()), (3, 3));
        // Two pairings of some 113,000 gas.
        let plain = Set::new([index; 3]).measure().unwrap().verification.tx_gas;
        assert!(
            measured.verification.tx_gas + 200_000 < plain,
            "{} and {plain}",
            measured.verification.tx_gas
        );
    }
}

#[test]
fn a_set_with_one_pairing_does_the_same_under_every_fork() {
    for fork in Fork::ALL.into_iter().step_by(common::step(Fork::ALL.len())) {
        assert_passed(&measure([0; 3], fork).unwrap().checks);
    }
}

/// Each of these proofs is right, but they are not about the same tensors.
#[test]
fn one_right_proof_of_another_tensor_is_refused() {
    for indices in [[1, 0, 0], [0, 1, 0], [0, 0, 1]] {
        let refused = measure(indices, Fork::Osaka);
        let Err(GuardError::NotAccepted { verdict, .. }) = refused else {
            panic!("{indices:?}: {refused:?}")
        };
        assert_eq!(guard::answer(&verdict), GuardAnswer::WrongLink, "{indices:?}");
    }
}

/// A changed word of any part: a point is off the curve or another commitment, an evaluation is another.
#[test]
fn no_changed_word_of_any_part_is_accepted() {
    let (set, right) = (deployed(), right());
    assert!(set.verify(&right).unwrap().verdict.is_accepted());
    for part in 0..right.len() {
        let words = right[part].proof.len() / 32;
        for word in (0..words).step_by(common::step(7)) {
            let mut calls = right.clone();
            calls[part].proof[32 * word + 31] ^= 1;
            let verdict = set.verify(&calls).unwrap().verdict;
            assert!(verdict.is_rejected(), "part {part}, word {word}: {verdict}");
        }
    }
}

/// Parts in each other's place, and one of them more than once.
#[test]
fn no_other_order_is_accepted() {
    let (set, right) = (deployed(), right());
    for order in 0..27 {
        let order = [order / 9, order / 3 % 3, order % 3];
        let calls = order.map(|part| right[part].clone());
        let verdict = set.verify(&calls).unwrap().verdict;
        assert_eq!(verdict.is_accepted(), order == [0, 1, 2], "{order:?}: {verdict}");
    }
}

/// Points that two parts exchange: each is on the curve, and their sum is the same.
#[test]
fn no_exchanged_points_are_accepted() {
    let (set, right) = (deployed(), right());
    let points = right[0].proof.len() / 64;
    for point in (0..points).step_by(common::step(5)) {
        let range = 64 * point..64 * (point + 1);
        let mut calls = right.clone();
        calls[0].proof[range.clone()].copy_from_slice(&right[1].proof[range.clone()]);
        calls[1].proof[range.clone()].copy_from_slice(&right[0].proof[range]);
        if calls[0].proof == right[0].proof {
            continue;
        }
        let verdict = set.verify(&calls).unwrap().verdict;
        assert!(verdict.is_rejected(), "point {point}: {verdict}");
    }
}

#[derive(Debug, Deserialize)]
struct Said {
    proof: Bytes,
    statement: Vec<U256>,
}

/// A false statement, and last points of two parts that were chosen so that the sum would hold for a rho that does not depend on them.
#[test]
fn last_points_that_make_up_for_each_other_are_refused() {
    let path = common::root("contracts/test/fixtures/committed_head/false_set.json");
    let said: Vec<Said> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let right = right();
    let claims = [U256::ZERO; 2];
    let calls: Vec<VerifyCall> = said
        .iter()
        .map(|said| VerifyCall {
            proof: said.proof.to_vec(),
            instances: [&claims[..], &said.statement].concat(),
            key_artifact: None,
        })
        .collect();
    let without_last = |call: &VerifyCall| call.proof[..call.proof.len() - 64].to_vec();
    for (right, call) in right.iter().zip(&calls) {
        assert_eq!(without_last(right), without_last(call));
    }
    assert_ne!(calls[2].instances[2..], right[2].instances[2..]);
    let verdict = deployed().verify(&calls).unwrap().verdict;
    assert_eq!(guard::answer(&verdict), GuardAnswer::ProofRejected);
}

/// Proofs that the head's verifier accepts, and whose claims are wrong.
#[test]
fn lies_beside_good_parts_are_refused() {
    #[derive(Deserialize)]
    struct Lie {
        proof: Bytes,
        instances: Vec<U256>,
    }
    let path = common::root("contracts/test/fixtures/committed_head/lies.json");
    let lies: Vec<Lie> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!lies.is_empty());
    let set = deployed();
    for lie in lies {
        let mut calls = right();
        calls[2].proof = lie.proof.to_vec();
        calls[2].instances = lie.instances;
        assert!(set.verify(&calls).unwrap().verdict.is_rejected());
    }
}

/// What the constructors say to a set of the first proofs with another opening of the second part.
#[track_caller]
fn refused_with(opening: CompiledContract) -> Verdict {
    let set = Set::new([0; 3]);
    let mut openings = openings().clone();
    openings[1] = opening;
    let refused = one_pairing::deploy(common::guards(), Fork::Osaka, &opened(&set.parts(), &openings));
    match refused {
        Err(GuardError::Chain(ChainError::NotDeployed(verdict))) => verdict,
        other => panic!("{:?}", other.err()),
    }
}

/// An opening whose -s*G2 is another by one bit of any of its words.
#[test]
fn an_opening_of_another_reference_string_is_not_deployed() {
    let source = Opening::of(&circuits()[1].source, Sharing::Key).unwrap().source;
    let (before, key) = source.split_once("function key()").unwrap();
    for word in ["0x0040", "0x0060", "0x0080", "0x00a0"] {
        let (start, rest) = key.split_once(&format!("mstore({word}, 0x")).unwrap();
        let last = rest.find(')').unwrap() - 1;
        let digit = if rest.as_bytes()[last] == b'0' { "1" } else { "0" };
        let changed = format!(
            "{before}function key(){start}mstore({word}, 0x{}{digit}{}",
            &rest[..last],
            &rest[last + 1..]
        );
        let opening = common::solc()
            .compile(&changed, CONTRACT, &CompileOptions::default())
            .unwrap();
        let Verdict::Reverted { data, .. } = refused_with(opening) else {
            panic!("{word}: no revert")
        };
        assert_eq!(data, WrongString { part: U256::ONE }.abi_encode(), "{word}");
    }
}

#[test]
fn an_opening_of_other_code_is_not_deployed() {
    let mut opening = openings()[1].clone();
    let mut code = opening.runtime_code.to_vec();
    code[100] ^= 1;
    opening.runtime_code = code.into();
    let verdict = refused_with(opening);
    assert_eq!(guard::answer(&verdict), GuardAnswer::WrongVerifierCode);
}

/// The set's code holds -s*G2 beside what a plain set's does.
#[test]
fn a_set_with_one_pairing_is_known_by_its_code() {
    let set = Set::new([0; 3]);
    let creation = one_pairing::creation(common::guards(), &opened(&set.parts(), openings())).unwrap();
    let deployed = creation.deploy(Fork::Osaka).unwrap();
    let code = SetCode::of(&creation, &deployed).unwrap();
    let placed = deployed.chain().contracts();
    let at = |address| placed.iter().find(|placed| placed.address == address).unwrap();
    let found = at(deployed.address());
    assert!(code.is(&found.code));
    assert_eq!(found.code.len(), creation.contract.runtime_code.len());
    let mut of_other_string = found.code.to_vec();
    let differs = (0..found.code.len())
        .find(|&place| found.code[place] != creation.contract.runtime_code[place])
        .unwrap();
    of_other_string[differs] ^= 1;
    assert!(!code.is(&of_other_string));
    let stored: Vec<B256> = code.slots().map(|slot| found.storage[&slot]).collect();
    assert_eq!(stored.len(), found.storage.len());
    let addresses = code.addresses(&stored).unwrap();
    assert_eq!(addresses, deployed.parts().collect::<Vec<_>>());
    for (part, address) in code.parts().iter().zip(addresses) {
        assert!(matches!(part.compare(&at(address).code), Likeness::Same { .. }));
    }
    // Two tiles of one shape, and each is its own.
    let other = code.parts()[0].compare(&at(deployed.parts().nth(1).unwrap()).code);
    let Likeness::OtherValues(others) = other else {
        panic!("{other:?}")
    };
    let names: Vec<&str> = others.iter().map(|other| other.name).collect();
    assert!(names.contains(&"circuitDigest"), "{names:?}");
}

/// What a published record of a part holds for a set.
struct Published {
    run: StoredRun,
    creation: Bytes,
    runtime: Bytes,
    proof: Proof,
    opening: CompiledContract,
}

impl Published {
    fn open(path: &Path) -> Self {
        let run = StoredRun::open(path).unwrap();
        let options = CompileOptions::with_runs(run.record().request.optimizer_runs);
        let source = run.text(Evidence::VERIFIER_SOURCE).unwrap();
        Self {
            opening: batch::Opened::of(common::solc(), &source, Sharing::Key, &options)
                .unwrap()
                .compiled,
            creation: run.evidence(Evidence::CREATION_CODE).unwrap().into(),
            runtime: run.evidence(Evidence::RUNTIME_CODE).unwrap().into(),
            proof: run.proof().unwrap(),
            run,
        }
    }

    fn opened(&self) -> OpenedPart<'_> {
        let record = self.run.record();
        let place = record.request.part.as_ref().unwrap();
        let sizes = record.lowering.as_ref().unwrap().committed_elements;
        let committed: Option<&Committed> = record.committed.as_ref();
        OpenedPart {
            part: LinkedPart {
                code: VerifierCode {
                    creation: &self.creation,
                    runtime: &self.runtime,
                },
                proof: &self.proof,
                committed: committed.unwrap(),
                input_elements: sizes.input as u64,
                output_elements: sizes.output as u64,
                source: place.split.source(place.index),
                input_range: record.request.plan.as_committed().unwrap().assurance(),
            },
            opening: &self.opening,
        }
    }
}

/// Every published set, with a pairing for each part and with one.
#[test]
fn the_table_of_sets_is_measured() {
    let mut rows = Vec::new();
    for path in common::record_paths() {
        let Some(set) = store::load(&path).unwrap().set else {
            continue;
        };
        let parts: Vec<Published> = store::in_order(&path, &set.parts)
            .iter()
            .map(|path| Published::open(path))
            .collect();
        let opened: Vec<OpenedPart<'_>> = parts.iter().map(Published::opened).collect();
        let measured = one_pairing::measure(common::guards(), set.measurement.fork, &opened).unwrap();
        assert_passed(&measured.checks);
        if let Some(recorded) = &set.measurement.one_pairing {
            assert_eq!(recorded, &measured, "{}", path.display());
        }
        for part in &measured.openings {
            assert!(part.code_bytes <= 24_576, "{}", path.display());
        }
        let apart: u64 = set
            .measurement
            .bare_verifications
            .iter()
            .map(|gas| gas.tx_gas)
            .sum();
        let (plain, one) = (set.measurement.verification.tx_gas, measured.verification.tx_gas);
        let further = parts.len() as u64 - 1;
        assert!(one + 100_000 * further < plain, "{}", path.display());
        let request = &parts[0].run.record().request;
        rows.push(vec![
            request.id.to_string(),
            request.plan.scale().to_string(),
            parts.len().to_string(),
            common::grouped(apart),
            common::grouped(plain),
            common::grouped(one),
            format!("{:.1}%", 100.0 * (1.0 - one as f64 / plain as f64)),
        ]);
    }
    assert!(rows.len() >= 3, "{}", rows.len());
    let table = common::markdown(
        &[
            "",
            "scale",
            "parts",
            "verifiers, each in a transaction",
            "set",
            "set with one pairing",
            "less by",
        ],
        rows,
    );
    common::assert_table("docs/batches.md", "sets", &table);
}

/// A published set's record as an evmbench of this schema would have written it without the set with one pairing.
fn without_one_pairing(schema: u32) -> StoredRun {
    let path = common::root("results/parts/scaling/conv2d_small-s7-committed-part2of2-4ba72d78.json");
    let mut json = StoredRun::open(&path).unwrap().json().clone();
    json["schema"] = schema.into();
    json["set"]["measurement"]
        .as_object_mut()
        .unwrap()
        .remove("one_pairing");
    json["sha256"] = digest::of_json(&json).into();
    let run = StoredRun::parse(&path, json.to_string().as_bytes()).unwrap();
    // It is written as it was read.
    let again = serde_json::to_value(run.record()).unwrap();
    assert_eq!(again["set"], json["set"]);
    run
}

/// `verify` of a set that was recorded before there was one pairing: it is measured and shown, and contradicts nothing. Today's
/// records have it.
#[test]
fn an_older_set_is_measured_and_not_contradicted() {
    let tools = Tools::new(common::solc().clone());
    for (schema, lacks) in [(10, false), (SCHEMA, true)] {
        let found = rederive::rederive(&without_one_pairing(schema), Given::default(), &tools).unwrap();
        let places = found.discrepancies.iter().map(|found| &found.place[..]);
        let of_set: Vec<&str> = places.filter(|place| place.starts_with("set")).collect();
        let expected: &[&str] = if lacks {
            &["set.measurement.one_pairing"]
        } else {
            &[]
        };
        assert_eq!(of_set, expected, "{schema}");
        let measured = found.record.set.unwrap().measurement.one_pairing.unwrap();
        assert_passed(&measured.checks);
        let is_shown = |figure: &rederive::Figure| {
            figure.metric == Metric::SetOnePairingGas
                && figure.now == Some(i128::from(measured.verification.tx_gas))
        };
        assert!(found.figures.iter().any(is_shown));
    }
}
