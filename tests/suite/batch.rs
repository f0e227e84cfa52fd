//! Many proofs of one circuit in one transaction: openings of real verifiers, what a batch costs, and what it refuses.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::common;
use crate::common::{ForgeFixture, Said};
use alloy_primitives::{B256, Bytes, U256};
use evmbench::batch::BatchesError;
use evmbench::chain::calldata::VerifyCall;
use evmbench::chain::{Fork, Rule};
use evmbench::foundry::OPENING_FILE;
use evmbench::fuzz::{self, Class, Donor, Ending, FuzzError, Subject, Target};
use evmbench::guard::batch::{self, BatchContract, BatchError, BatchMeasurement, Openings};
use evmbench::guard::{GuardAnswer, GuardCheckKind, VerifierCode};
use evmbench::prover::{Committed, Proof, ProofLayout, VerifierKind};
use evmbench::record::{Evidence, FileName, Record, digest};
use evmbench::rederive::{Given, Tools};
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

/// What the proofs of a fixture cost together under Osaka, measured once.
fn measured(name: &str) -> &'static BatchMeasurement {
    static MEASURED: [OnceLock<BatchMeasurement>; 2] = [const { OnceLock::new() }; 2];
    let index = FIXTURES.iter().position(|&other| other == name).unwrap();
    MEASURED[index].get_or_init(|| {
        let opened = Opened::of(name);
        opened.measure(Fork::Osaka, &opened.fixture.calls).unwrap()
    })
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
        let measured = measured(name);
        let contract = if Opened::of(name).fixture.committed.is_some() {
            "BatchCommitted"
        } else {
            "BatchVerifier"
        };
        assert_eq!(measured.contract, contract);
        assert_sound(measured);
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

/// What one proof and a batch cost says what batches of other sizes do.
#[test]
fn the_price_of_other_batches_is_forecast_within_two_percent() {
    for name in FIXTURES {
        let Opened { fixture, openings } = Opened::of(name);
        let measured = measured(name);
        for sharing in Sharing::ALL {
            let opening = openings.of(sharing).unwrap();
            let [first, ..] = &fixture.calls[..] else {
                panic!("{name} has no proof")
            };
            let committed = fixture.committed.as_ref();
            let contract =
                BatchContract::deploy(common::guards(), opening, Fork::Osaka, first, committed).unwrap();
            for proofs in [1, 8, 20] {
                let calls = fixture.calls.iter().cycle().take(proofs);
                let verification = contract.verify(calls).unwrap();
                assert!(verification.verdict.is_accepted(), "{name}, {proofs}");
                let found = verification.gas.unwrap().tx_gas as f64 / proofs as f64;
                let expected = measured
                    .expected_tx_gas_per_proof(sharing, proofs as u64)
                    .unwrap();
                let off = (expected as f64 / found - 1.0).abs();
                assert!(
                    off < 0.02,
                    "{name}, {sharing:?}, {proofs}: {expected} and {found}"
                );
            }
        }
        assert_eq!(measured.expected_tx_gas_per_proof(Sharing::Key, 0), None);
    }
}

/// Members that differ have something to exchange.
#[test]
fn what_members_exchange_is_refused() {
    use GuardCheckKind as Kind;

    let measured = measured("committed_head");
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

/// The mutations of `evmbench fuzz`, each alone, and as a member beside a good one.
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
            for index in 0..common::cases(2) {
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
                for members in [&[&member][..], &[&member, good], &[good, &member]] {
                    let verdict = contract.verify(members.iter().copied()).unwrap().verdict;
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
    let opened = Opened::of("committed_head");
    for fork in Fork::ALL.into_iter().step_by(common::step(Fork::ALL.len())) {
        let measured = opened.measure(fork, &opened.fixture.calls).unwrap();
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
    assert!(matches!(refused, Err(OpeningError::Syntax(_))), "{refused:?}");
}

/// The openings that the Forge tests deploy. To renew them: `UPDATE_CONTRACTS=1 cargo test --test suite batch::`.
#[test]
fn the_openings_of_the_fixtures_are_those_of_their_verifiers() {
    for name in FIXTURES
        .into_iter()
        .chain(["committed_tile_0", "committed_tile_1"])
    {
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

    fn openings(&self) -> Openings {
        let options = CompileOptions::with_runs(self.run.record().request.optimizer_runs);
        Openings::compile(common::solc(), &self.source, &options).unwrap()
    }

    /// The record's proof, so many times.
    fn measure(&self, proofs: usize) -> BatchMeasurement {
        let record = self.run.record();
        let openings = self.openings();
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

/// The published records whose verifier has an opening.
fn with_opening(step: usize) -> impl Iterator<Item = Published> {
    let paths = common::record_paths().into_iter();
    paths.filter_map(|path| Published::open(&path)).step_by(step)
}

/// Every published verifier of a circuit with not too many instances.
#[test]
fn every_published_verifier_has_openings() {
    let mut tried = 0;
    for published in with_opening(common::step(8)) {
        for sharing in Sharing::ALL {
            let opening = Opening::of(&published.source, sharing);
            assert!(opening.is_ok(), "{}: {opening:?}", published.run.path().display());
        }
        tried += 1;
    }
    assert!(tried > 0);
}

#[test]
fn every_published_proof_is_accepted_in_a_batch() {
    for published in with_opening(common::step(48)) {
        let measured = published.measure(2);
        assert_eq!(measured.failed(), None, "{}", published.run.path().display());
        // EIP-170 allows 24,576 bytes. A published verifier that is itself above that may have an opening of its own size.
        let most = 24_576.max(published.runtime.len() as u64);
        for shared in &measured.shared {
            assert!(
                shared.opening_code_bytes <= most,
                "{}",
                published.run.path().display()
            );
        }
    }
}

/// One proof through the batch contract, beside EZKL's verifier behind its guard: one column, 1,000,000 optimizer runs.
#[test]
fn the_table_of_single_proofs_is_measured() {
    const RECORDS: [&str; 4] = [
        "composite/cnn_strided-s7-committed-f94920dd",
        "composite/cnn_relu-s7-committed-9fcf0d6f",
        "composite/cnn_poly-s7-committed-f01d4478",
        "scaling/dense_small-s7-committed-b9c06b19",
    ];
    let updated = std::env::var_os("UPDATE_TABLES").is_some();
    let step = if updated { 1 } else { common::step(RECORDS.len()) };
    let number = common::grouped;
    let mut rows = Vec::new();
    for name in RECORDS.into_iter().step_by(step) {
        let path = common::root("results/tuned").join(format!("{name}.json"));
        let published = Published::open(&path).unwrap();
        let measured = published.measure(1);
        assert_eq!(measured.failed(), None, "{name}");
        let record = published.run.record();
        let guarded = record.committed_guard.as_ref().unwrap().verification.tx_gas;
        let alone = measured.tx_gas_per_proof(Sharing::Key).unwrap();
        assert!(alone < guarded, "{name}");
        let opening = measured
            .shared
            .iter()
            .find(|shared| shared.sharing == Sharing::Key);
        rows.push(vec![
            record.request.id.to_string(),
            number(measured.bare_tx_gas_per_proof()),
            number(guarded),
            number(alone),
            format!("{:.1}%", 100.0 * (1.0 - alone as f64 / guarded as f64)),
            number(record.verifier.as_ref().unwrap().runtime_code_bytes),
            number(opening.unwrap().opening_code_bytes),
        ]);
    }
    let table = common::markdown(
        &[
            "",
            "verifier (gas)",
            "with guard (gas)",
            "batch contract (gas)",
            "less by",
            "code of the verifier (B)",
            "of the opening (B)",
        ],
        rows,
    );
    if step == 1 {
        common::assert_table("docs/batches.md", "single", &table);
    } else {
        let document = std::fs::read_to_string(common::root("docs/batches.md")).unwrap();
        for row in table.lines().skip(2) {
            assert!(document.contains(row), "{row}");
        }
    }
}

/// The mutations of `evmbench fuzz` of published proofs: what EZKL's verifier refuses, the batch contract refuses of one proof.
#[test]
fn one_proof_is_refused_where_the_verifier_refuses_it() {
    let paths: Vec<PathBuf> = common::record_paths()
        .into_iter()
        .filter(|path| Published::open(path).is_some())
        .step_by(common::step(24))
        .collect();
    let mut tried = 0;
    for (path, loaded) in paths.iter().zip(fuzz::subject::load(&paths).unwrap()) {
        let name = &loaded.subject.name;
        let published = Published::open(path).unwrap();
        let openings = published.openings();
        let committed = loaded.record.committed.as_ref();
        let Proof { proof, instances } = &loaded.subject.statement;
        let claims = if committed.is_some() { 2 } else { 0 };
        let call = |Proof { proof, instances }: Proof| VerifyCall {
            proof,
            instances,
            key_artifact: None,
        };
        let good = call(loaded.subject.statement.clone());
        let opening = openings.of(Sharing::Key).unwrap();
        let contract =
            BatchContract::deploy(common::guards(), opening, Fork::Osaka, &good, committed).unwrap();
        assert!(contract.verify([&good]).unwrap().verdict.is_accepted(), "{name}");
        let verifier = loaded.deploy(Fork::Osaka).unwrap();
        let target = Target::new(&verifier, &loaded.subject).unwrap();
        for class in Class::ALL
            .into_iter()
            .filter(|class| class.is_possible(&loaded.subject))
        {
            for index in 0..2 {
                let mutation = class.draw(&loaded.subject, 11, index);
                let ending = target.attempt(&mutation).unwrap().ending;
                let mutated = mutation
                    .apply(&loaded.subject.statement, &loaded.subject.donors)
                    .unwrap();
                // The contract writes the claims itself.
                let says_the_same =
                    mutated.proof == *proof && mutated.instances.get(claims..) == instances.get(claims..);
                if says_the_same || ending == Ending::Identical {
                    continue;
                }
                assert_eq!(ending, Ending::Rejected, "{name}, {class} {index}");
                let verdict = contract.verify([&call(mutated)]).unwrap().verdict;
                assert!(verdict.is_rejected(), "{name}, {class} {index}: {verdict}");
                tried += 1;
            }
        }
    }
    assert!(tried > 20, "{tried}");
}

/// Nobody looks on, and nothing is interrupted.
struct Unwatched;

impl fuzz::Watch for Unwatched {
    fn case_ended(&self) {}

    fn interrupted(&self) -> bool {
        false
    }
}

/// `evmbench fuzz --batch`: mutations of a member of a published batch, between the others.
#[test]
fn no_mutated_member_of_a_published_batch_is_accepted() {
    let ends_batch = |path: &PathBuf| {
        let batch = store::load(path).unwrap().batch;
        batch.is_some_and(|batch| batch.members.len() == 8)
    };
    let path = common::record_paths().into_iter().find(ends_batch).unwrap();
    let (loaded, batch) = fuzz::batch::load(&path, None, common::solc()).unwrap();
    assert_eq!(batch.members(), 8);
    let target = Target::of_batch(&batch, &loaded.subject).unwrap();
    let cases = common::cases(40);
    let (campaign, _) = fuzz::campaign::run_on(&target, &fuzz::Plan::new(cases, 3), &Unwatched).unwrap();
    let total = campaign.total();
    assert!(campaign.passed(), "{:?}", campaign.findings);
    assert!(total.rejected > total.cases / 2, "{total:?}");
    let alone = common::record_paths()
        .into_iter()
        .find(|path| store::load(path).unwrap().batch.is_none());
    let refused = fuzz::batch::load(&alone.unwrap(), None, common::solc());
    assert!(matches!(refused, Err(FuzzError::NoBatch { .. })), "{refused:?}");
}

/// What a transaction of eight proofs of a convolutional network costs, for one proof.
#[test]
fn eight_proofs_of_a_network_cost_little_more_than_half() {
    if common::step(2) > 1 {
        return;
    }
    let both = [
        (
            "results/composite/cnn_strided-s7-committed-5f0cce16.json",
            300_000,
        ),
        (
            "results/tuned/composite/cnn_strided-s7-committed-f94920dd.json",
            226_000,
        ),
    ];
    for (record, most) in both {
        let measured = Published::open(&common::root(record)).unwrap().measure(8);
        assert_eq!(measured.failed(), None, "{record}");
        let found = measured.tx_gas_per_proof(Sharing::Key).unwrap();
        assert!(found <= most, "{record}: {found}");
        for shared in &measured.shared {
            assert!(shared.opening_code_bytes <= 24_576);
        }
    }
}

/// A real batch of two proofs, made once; each test takes a copy.
struct Proved {
    folder: TempDir,
    said: Said,
}

/// A copy of the batch's records with their evidence.
struct Copied {
    folder: TempDir,
    first: PathBuf,
    last: PathBuf,
}

impl Proved {
    fn of_two() -> &'static Self {
        static PROVED: OnceLock<Proved> = OnceLock::new();
        PROVED.get_or_init(|| {
            let folder = TempDir::new().unwrap();
            let command = "prove-and-verify dense_small --batch 2 --runs 1 --out";
            let said = common::say(
                common::evmbench()
                    .args(command.split_whitespace())
                    .arg(folder.path()),
            );
            Self { folder, said }
        })
    }

    fn copied(&self) -> Copied {
        assert_eq!(self.said.status, Some(0), "{}", self.said.stderr);
        let folder = TempDir::new().unwrap();
        common::copy_folder(self.folder.path(), folder.path());
        let paths = store::record_paths(folder.path()).unwrap();
        assert_eq!(paths.len(), 2);
        let mut paths: Vec<PathBuf> = paths.into_iter().map(|path| folder.path().join(path)).collect();
        paths.sort_by_key(|path| store::load(path).unwrap().batch.is_some());
        let last = paths.pop().unwrap();
        Copied {
            first: paths.pop().unwrap(),
            last,
            folder,
        }
    }
}

impl Copied {
    /// Changes the last record, and gives it a digest of its own.
    fn edit(&self, change: impl FnOnce(&mut serde_json::Value)) {
        let text = std::fs::read_to_string(&self.last).unwrap();
        let mut edited: serde_json::Value = serde_json::from_str(&text).unwrap();
        change(&mut edited["batch"]);
        edited["sha256"] = digest::of_json(&edited).into();
        std::fs::write(&self.last, edited.to_string()).unwrap();
    }

    fn verify(&self) -> Said {
        common::say(common::evmbench().arg("verify").arg(&self.last))
    }

    /// Exports the last record, and says where the opening is then.
    fn export(&self) -> (Said, PathBuf) {
        let out = self.folder.path().join("fixtures");
        let mut command = common::evmbench();
        command
            .arg("export-foundry")
            .arg(&self.last)
            .arg("--out")
            .arg(&out);
        let said = common::say(&mut command);
        (said, out.join(self.last.file_stem().unwrap()).join(OPENING_FILE))
    }
}

#[test]
fn a_batch_is_proved_and_recorded() {
    let proved = Proved::of_two();
    let copied = proved.copied();
    assert!(
        proved.said.stdout.contains("2 proofs in one transaction"),
        "{}",
        proved.said.stdout
    );
    let records: [Record; 2] = [&copied.first, &copied.last].map(|path| store::load(path).unwrap());
    let keys = records
        .each_ref()
        .map(|record| record.keys.clone().unwrap().verifying_key_sha256);
    assert_eq!(keys[0], keys[1]);
    assert_ne!(records[0].input.sha256, records[1].input.sha256);
    let [first, last] = &records;
    assert!(first.batch.is_none());
    let batch = last.batch.as_ref().unwrap();
    assert_eq!(
        batch.members,
        [first.request.file_name(), last.request.file_name()]
    );
    assert_eq!(last.request.input_seed, Some(last.request.seed + 1));
    assert_sound(&batch.measurement);
    // What was forecast stands beside it.
    for record in &records {
        let under = record.forecast.as_ref().unwrap().under(batch.measurement.fork);
        let forecast = under.batch.unwrap();
        assert_eq!(forecast.proofs, 2);
        let expected = forecast.tx_gas_per_proof().likely as f64;
        let found = batch.measurement.tx_gas_per_proof(Sharing::Key).unwrap();
        assert!(
            (expected / found as f64 - 1.0).abs() < 0.02,
            "{expected} and {found}"
        );
    }
}

/// A member that is there twice; where everything is checked, also a figure that is another, and a member that is not there.
#[test]
fn a_batch_is_found_out_again() {
    let copied = Proved::of_two().copied();
    let paths = [&copied.first, &copied.first].map(Clone::clone);
    let refused = evmbench::batch::measure(&paths, Given::default(), &Tools::new(common::solc().clone()));
    assert!(
        matches!(refused, Err(BatchesError::Repeated { what: "proof", .. })),
        "{refused:?}"
    );

    if common::step(2) > 1 {
        return;
    }
    let said = copied.verify();
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    copied.edit(|batch| batch["measurement"]["shared"][1]["verification"]["tx_gas"] = 1.into());
    let said = copied.verify();
    assert_eq!(said.status, Some(1));
    assert!(
        said.stdout
            .contains("batch.measurement.shared[1].verification.tx_gas"),
        "{}",
        said.stdout
    );
    std::fs::rename(&copied.first, copied.folder.path().join("elsewhere")).unwrap();
    let said = copied.verify();
    assert_eq!(said.status, Some(1));
    assert!(said.stdout.contains("batch: "), "{}", said.stdout);
}

/// The opening is written beside the verifier, if it is the one that was measured.
#[test]
fn the_opening_of_a_batch_is_exported() {
    let copied = Proved::of_two().copied();
    let record = store::load(&copied.last).unwrap();
    let measured = record.batch.unwrap().measurement.shared[1].opening_code_hash;
    let is_full = common::step(2) == 1;
    if is_full {
        let (said, opening) = copied.export();
        assert_eq!(said.status, Some(0), "{}", said.stderr);
        let text = std::fs::read_to_string(&opening).unwrap();
        assert!(text.contains("contract BatchOpening {"));
        std::fs::remove_file(opening).unwrap();
    }
    copied
        .edit(|batch| batch["measurement"]["shared"][1]["opening_code_hash"] = B256::ZERO.to_string().into());
    let (said, opening) = copied.export();
    assert_eq!(said.status, Some(1), "{}", said.stderr);
    // What follows from the source is what was measured before the record was changed.
    let message = format!("has the code hash {measured}");
    assert!(said.stderr.contains(&message), "{}", said.stderr);
    assert!(!opening.exists());
}

#[test]
fn the_reusable_verifier_makes_no_batch() {
    let said = common::dry_run(&["dense_small", "--batch", "2", "--verifier", "reusable"]);
    assert_eq!(said.status, Some(2));
    assert!(
        said.stderr.contains("the reusable verifier has no opening"),
        "{}",
        said.stderr
    );
}

/// Writes an input of `dense_small` whose first element is this.
fn input_file(folder: &TempDir, name: &str, first: f32) -> PathBuf {
    let shape = evmbench::model::suite::find("dense_small").unwrap().input_shape;
    let mut elements = vec![0.0; shape.iter().product()];
    elements[0] = first;
    let path = folder.path().join(name);
    let text = serde_json::json!({ "input_data": [elements] }).to_string();
    std::fs::write(&path, text).unwrap();
    path
}

/// Proves a batch of two whose inputs are these files.
fn of_files(folder: &TempDir, files: &[&PathBuf]) -> Said {
    let mut command = common::evmbench();
    command.args("prove-and-verify dense_small --runs 1 --batch 2 --out".split_whitespace());
    command.arg(folder.path().join("runs"));
    for file in files {
        command.arg("--input").arg(file);
    }
    common::say(&mut command)
}

#[test]
fn a_batch_has_as_many_inputs_as_proofs_and_no_two_are_the_same() {
    let folder = TempDir::new().unwrap();
    let [one, other, wide] = [("one", 0.5), ("other", 0.25), ("wide", 500.0)]
        .map(|(name, first)| input_file(&folder, &format!("{name}.json"), first));
    for (files, message) in [
        (&[&one][..], "--batch N takes N --input files, or none"),
        (&[&one, &other, &wide], "--batch N takes N --input files, or none"),
        (&[&one, &one], "two of these are the same"),
        (&[&one, &wide], "different ranges of integers"),
    ] {
        let said = of_files(&folder, files);
        assert_eq!(said.status, Some(2), "{}", said.stderr);
        assert!(said.stderr.contains(message), "{}", said.stderr);
    }
    let said = common::dry_run(&["dense_small", "--input", "x.json", "--input", "y.json"]);
    assert_eq!(said.status, Some(2));
    assert!(said.stderr.contains("are for --batch"), "{}", said.stderr);

    if common::step(2) > 1 {
        return;
    }
    let said = of_files(&folder, &[&one, &other]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    assert!(
        said.stdout.contains("2 proofs in one transaction"),
        "{}",
        said.stdout
    );
}
