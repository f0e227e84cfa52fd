//! Many proofs of one circuit in one transaction: openings of real verifiers, what a batch costs, and what it refuses.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::common;
use crate::common::ForgeFixture;
use alloy_primitives::{Bytes, U256};
use evmbench::chain::calldata::VerifyCall;
use evmbench::chain::{Fork, Rule};
use evmbench::foundry::OPENING_FILE;
use evmbench::fuzz::{Class, Donor, Subject};
use evmbench::guard::batch::{self, BatchContract, BatchError, BatchMeasurement, Openings};
use evmbench::guard::{GuardAnswer, GuardCheckKind, VerifierCode};
use evmbench::prover::{Committed, Proof, ProofLayout, VerifierKind};
use evmbench::record::{Evidence, FileName, Record, digest};
use evmbench::solidity::CompileOptions;
use evmbench::solidity::opening::{MOST_INSTANCES, Opening, OpeningError, Sharing};
use evmbench::store::{self, StoredRun};
use tempfile::TempDir;

/// The fixtures with more than one proof of one circuit.
const FIXTURES: [&str; 2] = ["committed_head", "dense_4x2_three"];

/// A fixture with its openings, which are made and compiled once.
struct Opened {
    fixture: ForgeFixture,
    openings: Openings,
}

impl Opened {
    fn of(name: &str) -> &'static Self {
        static OPENED: [OnceLock<Opened>; 2] = [const { OnceLock::new() }; 2];
        let index = FIXTURES.iter().position(|&other| other == name).unwrap();
        OPENED[index].get_or_init(|| {
            let fixture = ForgeFixture::read(name);
            let openings = Openings::compile(common::solc(), &fixture.source, &CompileOptions::default());
            Self {
                openings: openings.unwrap(),
                fixture,
            }
        })
    }

    fn measure(&self, fork: Fork, calls: &[VerifyCall]) -> Result<BatchMeasurement, BatchError> {
        let Self { fixture, openings } = self;
        let committed = fixture.committed.as_ref();
        batch::measure(common::guards(), openings, fork, fixture.code(), calls, committed)
    }
}

fn measure(name: &str, fork: Fork) -> BatchMeasurement {
    let opened = Opened::of(name);
    opened.measure(fork, &opened.fixture.calls).unwrap()
}

#[track_caller]
fn assert_sound(measured: &BatchMeasurement) {
    assert_eq!(measured.failed(), None);
    for shared in &measured.shared {
        assert!(shared.checks.len() > 8, "{:?}", shared.checks);
    }
}

#[test]
fn a_batch_takes_what_is_right_and_names_what_is_wrong() {
    for name in FIXTURES {
        let measured = measure(name, Fork::Osaka);
        let contract = if Opened::of(name).fixture.committed.is_some() {
            "BatchCommitted"
        } else {
            "BatchVerifier"
        };
        assert_eq!(measured.contract, contract);
        assert_sound(&measured);
        let [pairing, key] = &measured.shared[..] else {
            panic!("{measured:?}")
        };
        assert_eq!((pairing.sharing, key.sharing), (Sharing::Pairing, Sharing::Key));
        // Each way of sharing is cheaper than the one before.
        let per_proof = |sharing| measured.tx_gas_per_proof(sharing).unwrap();
        assert!(
            per_proof(Sharing::Pairing) < measured.bare_tx_gas_per_proof(),
            "{name}"
        );
        assert!(per_proof(Sharing::Key) < per_proof(Sharing::Pairing), "{name}");
        for largest in pairing.largest.iter().chain(&key.largest) {
            assert!(largest.public_pool_proofs > 20, "{largest:?}");
            assert!(largest.proofs >= largest.public_pool_proofs, "{largest:?}");
        }
        let osaka = key
            .largest
            .iter()
            .find(|largest| largest.fork == Fork::Osaka)
            .unwrap();
        assert_eq!(osaka.rule, Rule::TransactionGas);
    }
}

/// Members that differ have something to exchange.
#[test]
fn what_members_exchange_is_refused() {
    use GuardCheckKind as Kind;

    let measured = measure("committed_head", Fork::Osaka);
    for shared in &measured.shared {
        for kind in [
            Kind::BatchLastPointsExchanged,
            Kind::BatchCommitmentsExchanged,
            Kind::BatchStatementsExchanged,
        ] {
            let check = shared.checks.iter().find(|check| check.kind == kind);
            assert_eq!(check.unwrap().found, GuardAnswer::ProofRejected, "{kind:?}");
        }
    }
}

/// The mutations of `evmbench fuzz`, each of one member beside a good one.
#[test]
fn no_mutated_member_is_accepted() {
    for name in FIXTURES {
        let Opened { fixture, openings } = Opened::of(name);
        let opening = openings.of(Sharing::Key).unwrap();
        let [good, .., other] = &fixture.calls[..] else {
            panic!("{name} has one proof")
        };
        let committed = fixture.committed.as_ref();
        let contract =
            BatchContract::deploy(common::guards(), opening, Fork::Osaka, good, committed).unwrap();
        let proof_of = |call: &VerifyCall| Proof {
            proof: call.proof.clone(),
            instances: call.instances.clone(),
        };
        let layout = ProofLayout::read(&fixture.source).unwrap();
        let donor = Donor {
            name: "other".to_owned(),
            proof: Arc::new(proof_of(other)),
            same_key: true,
        };
        let file_name = FileName::new(name).unwrap();
        let subject = Subject::new(file_name, proof_of(good), layout, vec![donor]).unwrap();
        let claims = if committed.is_some() { 2 } else { 0 };
        let said = |call: &VerifyCall| {
            let statement = call.instances.get(claims..).unwrap_or_default().to_vec();
            (call.proof.clone(), statement)
        };
        let proved = [said(good), said(other)];
        let mut tried = 0;
        for class in Class::ALL.into_iter().filter(|class| class.is_possible(&subject)) {
            for index in 0..u64::from(common::cases(2)) {
                let mutation = class.draw(&subject, 7, index);
                let Proof { proof, instances } = mutation.apply(&subject.statement, &subject.donors).unwrap();
                let member = VerifyCall {
                    proof,
                    instances,
                    key_artifact: None,
                };
                // The contract writes the claims itself: what says the same as a prover's is a prover's.
                if proved.contains(&said(&member)) {
                    continue;
                }
                for members in [[&member, good], [good, &member]] {
                    let verdict = contract.verify(members).unwrap().verdict;
                    assert!(verdict.is_rejected(), "{name}, {class} {index}: {verdict}");
                }
                tried += 1;
            }
        }
        assert!(tried > 10, "{tried}");
    }
}

#[test]
fn a_batch_does_the_same_under_every_fork() {
    for fork in Fork::ALL {
        let measured = measure("committed_head", fork);
        assert_eq!(measured.fork, fork);
        assert_sound(&measured);
    }
}

#[test]
fn no_proof_and_proofs_of_other_circuits_are_no_batch() {
    let opened = Opened::of("committed_head");
    let of = |calls: &[VerifyCall]| opened.measure(Fork::Osaka, calls);
    assert!(matches!(of(&[]), Err(BatchError::Empty)));
    let mut other = opened.fixture.calls[1].clone();
    other.instances.push(U256::ZERO);
    let refused = of(&[opened.fixture.calls[0].clone(), other]);
    assert!(matches!(refused, Err(BatchError::OtherCircuit { index: 1 })));
}

#[test]
fn the_reusable_verifier_has_no_opening() {
    let path = common::root("contracts/test/fixtures/reusable_4x2/Verifier.sol");
    let refused = Opening::of(&std::fs::read_to_string(path).unwrap(), Sharing::Key);
    assert!(matches!(refused, Err(OpeningError::Missing(_))), "{refused:?}");
}

/// The openings that the Forge tests deploy. To renew them: `UPDATE_CONTRACTS=1 cargo test --test suite batch::`.
#[test]
fn the_openings_of_the_fixtures_are_those_of_their_verifiers() {
    for name in FIXTURES {
        let folder = common::root("contracts/test/fixtures").join(name);
        let verifier = std::fs::read_to_string(folder.join("Verifier.sol")).unwrap();
        let opening = Opening::of(&verifier, Sharing::Key).unwrap().source;
        let path = folder.join("BatchOpening.sol");
        if std::env::var_os("UPDATE_CONTRACTS").is_some() {
            std::fs::write(&path, &opening).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), opening, "{name}");
    }
}

/// What a published record holds for a batch.
struct Published {
    run: StoredRun,
    source: String,
    creation: Bytes,
    runtime: Bytes,
}

impl Published {
    fn open(path: &Path) -> Option<Self> {
        let run = StoredRun::open(path).unwrap();
        let record = run.record();
        let proof = record.proof.as_ref().filter(|_| record.verification.is_some())?;
        let has_opening =
            record.request.verifier == VerifierKind::Plain && proof.instances <= MOST_INSTANCES as u64;
        has_opening.then(|| Self {
            source: run.text(Evidence::VERIFIER_SOURCE).unwrap(),
            creation: run.evidence(Evidence::CREATION_CODE).unwrap().into(),
            runtime: run.evidence(Evidence::RUNTIME_CODE).unwrap().into(),
            run,
        })
    }

    /// The record's proof, so many times.
    fn measure(&self, proofs: usize) -> BatchMeasurement {
        let record = self.run.record();
        let options = CompileOptions {
            optimizer_runs: record.request.optimizer_runs,
            ..CompileOptions::default()
        };
        let openings = Openings::compile(common::solc(), &self.source, &options).unwrap();
        let proof = self.run.proof().unwrap();
        let call = VerifyCall {
            proof: proof.proof,
            instances: proof.instances,
            key_artifact: None,
        };
        let code = VerifierCode {
            creation: &self.creation,
            runtime: &self.runtime,
        };
        let calls = vec![call; proofs];
        let committed: Option<&Committed> = record.committed.as_ref();
        batch::measure(common::guards(), &openings, Fork::Osaka, code, &calls, committed).unwrap()
    }
}

/// Every published verifier, of a circuit with not too many instances, has both openings, and accepts its proof in a batch.
#[test]
fn every_published_verifier_has_openings() {
    let mut tried = 0;
    for path in common::record_paths().into_iter().step_by(common::step(64)) {
        let Some(published) = Published::open(&path) else {
            continue;
        };
        let measured = published.measure(2);
        assert_eq!(measured.failed(), None, "{}", published.run.path().display());
        tried += 1;
    }
    assert!(tried > 0);
}

/// What a transaction of eight proofs of a convolutional network costs, for one proof.
#[test]
fn eight_proofs_of_a_network_cost_little_more_than_half() {
    let both = [
        (
            "results/composite/cnn_strided-s7-committed-5f0cce16.json",
            320_000,
        ),
        (
            "results/tuned/composite/cnn_strided-s7-committed-272552ad.json",
            240_000,
        ),
    ];
    // Two networks of one kind.
    for (record, most) in both.into_iter().rev().step_by(common::step(2)) {
        let measured = Published::open(&common::root(record)).unwrap().measure(8);
        assert_eq!(measured.failed(), None, "{record}");
        let found = measured.tx_gas_per_proof(Sharing::Key).unwrap();
        assert!(found <= most, "{record}: {found}");
        for shared in &measured.shared {
            assert!(shared.opening_code_bytes <= 24_576);
        }
    }
}

/// A real batch of two: proved under one key, recorded, and found out again.
#[test]
fn a_batch_is_proved_recorded_and_verified_again() {
    let folder = TempDir::new().unwrap();
    let said = common::say(
        common::evmbench()
            .args([
                "prove-and-verify",
                "dense_small",
                "--batch",
                "2",
                "--runs",
                "1",
                "--out",
            ])
            .arg(folder.path()),
    );
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    assert!(
        said.stdout.contains("2 proofs in one transaction"),
        "{}",
        said.stdout
    );
    let paths: Vec<PathBuf> = store::record_paths(folder.path())
        .unwrap()
        .into_iter()
        .map(|path| folder.path().join(path))
        .collect();
    let records: Vec<Record> = paths.iter().map(|path| store::load(path).unwrap()).collect();
    assert_eq!(records.len(), 2);
    let keys: Vec<_> = records
        .iter()
        .map(|record| record.keys.clone().unwrap().verifying_key_sha256)
        .collect();
    assert_eq!(keys[0], keys[1]);
    assert_ne!(records[0].input.sha256, records[1].input.sha256);
    let last = records.iter().position(|record| record.batch.is_some()).unwrap();
    let batch = records[last].batch.as_ref().unwrap();
    let names: Vec<_> = records.iter().map(|record| record.request.file_name()).collect();
    assert_eq!(batch.members, [names[1 - last].clone(), names[last].clone()]);
    assert_eq!(
        records[last].request.input_seed,
        Some(records[last].request.seed + 1)
    );
    assert_sound(&batch.measurement);

    let verify = |path: &Path| common::say(common::evmbench().arg("verify").arg(path));
    let is_full = common::step(2) == 1;
    if is_full {
        let said = verify(&paths[last]);
        assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    }

    // The opening is written beside the verifier.
    let out = folder.path().join("fixtures");
    let said = common::say(
        common::evmbench()
            .arg("export-foundry")
            .arg(&paths[last])
            .arg("--out")
            .arg(&out),
    );
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let opening = out.join(names[last].as_str()).join(OPENING_FILE);
    assert!(
        std::fs::read_to_string(opening)
            .unwrap()
            .contains("contract BatchOpening {")
    );

    // Another figure, with a digest of its own.
    let text = std::fs::read_to_string(&paths[last]).unwrap();
    let mut edited: serde_json::Value = serde_json::from_str(&text).unwrap();
    edited["batch"]["measurement"]["shared"][1]["verification"]["tx_gas"] = 1.into();
    edited["sha256"] = digest::of_json(&edited).into();
    std::fs::write(&paths[last], edited.to_string()).unwrap();
    let said = verify(&paths[last]);
    assert_eq!(said.status, Some(1));
    assert!(
        said.stdout
            .contains("batch.measurement.shared[1].verification.tx_gas"),
        "{}",
        said.stdout
    );
    std::fs::write(&paths[last], text).unwrap();

    // A member that is not there.
    if !is_full {
        return;
    }
    std::fs::rename(&paths[1 - last], folder.path().join("elsewhere")).unwrap();
    let said = verify(&paths[last]);
    assert_eq!(said.status, Some(1));
    assert!(said.stdout.contains("batch: "), "{}", said.stdout);
}

#[test]
fn the_reusable_verifier_and_inputs_from_files_make_no_batch() {
    let said = common::dry_run(&["dense_small", "--batch", "2", "--verifier", "reusable"]);
    assert_eq!(said.status, Some(2));
    assert!(
        said.stderr.contains("the reusable verifier has no opening"),
        "{}",
        said.stderr
    );
    let said = common::dry_run(&["dense_small", "--batch", "2", "--input", "x.json"]);
    assert_eq!(said.status, Some(2));
}
