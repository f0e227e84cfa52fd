//! What transactions cost in revm beside EVMs that share no code with it: Ethereum's executable specification and EthereumJS.
//!
//! Six records, or every stored proof where `EVMBENCH_FULL_CHECK` is set, under every fork that the other EVM knows.

use std::path::PathBuf;
use std::sync::OnceLock;

use evmbench::chain::{Fork, Recording, Sent, Transcript};
use evmbench::crosscheck;
use evmbench::guard::batch::{BatchContract, Openings};
use evmbench::home::Home;
use evmbench::nodes::{ETHEREUMJS_VERSION, NodeError, OtherEvm, Outcome};
use evmbench::replay;
use evmbench::solidity::CompileOptions;
use evmbench::solidity::opening::Sharing;
use evmbench::store::StoredRun;

use crate::common::{ForgeFixture, evmbench, guards, record_paths, root, say, solc, step};

/// Of each kind of verifier and circuit one.
const SAMPLE: [&str; 6] = [
    "results/scaling/dense_small-s7-direct.json",
    "results/scaling/dense_small-s7-committed.json",
    "results/core/dense-s7-direct.json",
    "results/core/relu-s7-committed.json",
    "results/core/poly-s7-committed.json",
    "results/composite/cnn_strided-s7-committed-5f0cce16.json",
];

/// A call of more gas is left out: the specification takes a second for each 300,000.
const MOST_GAS: u64 = 100_000_000;

fn home() -> Home {
    Home::from_environment().expect("a home folder")
}

fn specification() -> &'static OtherEvm {
    static EVM: OnceLock<OtherEvm> = OnceLock::new();
    EVM.get_or_init(|| crosscheck::obtain_specification(&home()).expect("ethereum-execution"))
}

fn ethereumjs() -> &'static OtherEvm {
    static EVM: OnceLock<OtherEvm> = OnceLock::new();
    EVM.get_or_init(|| {
        OtherEvm::obtain_ethereumjs(&home().ethereumjs(ETHEREUMJS_VERSION)).expect("EthereumJS")
    })
}

/// Deployment and verification of records' proofs under a fork.
fn transcript(paths: &[PathBuf], fork: Fork) -> Transcript {
    let ((), recording) = Recording::of(|| {
        for path in paths {
            let run = StoredRun::open(path).unwrap();
            let under = replay::under(&run, fork).unwrap();
            assert!(under.verification.verdict.is_accepted(), "{}", path.display());
        }
    });
    recording.under(fork)
}

/// The forks that an EVM knows.
fn known_to(evm: &OtherEvm) -> Vec<Fork> {
    let mut forks = Fork::ALL.to_vec();
    forks.retain(|&fork| !evm.forks(fork).is_empty());
    forks
}

#[track_caller]
fn assert_same(evm: &OtherEvm, fork: Fork, name: &str, transcript: &Transcript) {
    let differences = evm.differences(fork, name, transcript).unwrap();
    assert!(differences.is_empty(), "{} {name}: {differences:#?}", evm.name());
}

/// The records whose proofs are verified again: a sample, or all that have their evidence and are not beyond what the specification
/// computes in minutes.
fn paths() -> Vec<PathBuf> {
    if step(2) > 1 {
        return SAMPLE.map(root).to_vec();
    }
    let is_meant = |path: &PathBuf| {
        let record = StoredRun::open(path).unwrap();
        let verification = record.record().verification.as_ref();
        let gas = verification.and_then(|verification| verification.gas);
        gas.is_some_and(|gas| gas.tx_gas < MOST_GAS) && record.proof().is_ok()
    };
    record_paths().into_iter().filter(is_meant).collect()
}

#[test]
fn the_executable_specification_charges_the_same() {
    let paths = paths();
    std::thread::scope(|scope| {
        for fork in known_to(specification()) {
            let transcript = transcript(&paths, fork);
            assert!(
                transcript.steps.len() >= 2 * SAMPLE.len(),
                "{}",
                transcript.steps.len()
            );
            // The later names are forks that change nothing but blobs.
            let names = specification().forks(fork);
            let names = if step(2) > 1 { &names[..1] } else { names };
            for name in names {
                let transcript = transcript.clone();
                scope.spawn(move || assert_same(specification(), fork, name, &transcript));
            }
        }
    });
}

/// Openings, batch contracts, and a batch of several proofs in one transaction, with each way of sharing.
#[test]
fn a_batch_costs_the_same() {
    for name in ["committed_head", "dense_4x2_three"] {
        let fixture = ForgeFixture::read(name);
        let openings = Openings::compile(solc(), &fixture.source, &CompileOptions::default()).unwrap();
        let committed = fixture.committed.as_ref();
        for fork in Fork::ALL {
            let (accepted, recording) = Recording::of(|| {
                Sharing::ALL.map(|sharing| {
                    let opening = openings.of(sharing).unwrap();
                    let first = &fixture.calls[0];
                    let batch = BatchContract::deploy(guards(), opening, fork, first, committed).unwrap();
                    let verified = batch.verify(&fixture.calls).unwrap();
                    verified.verdict.is_accepted()
                })
            });
            assert!(accepted.iter().all(|&accepted| accepted), "{name}");
            let transcript = recording.under(fork);
            assert_eq!(transcript.steps.len(), 3 * Sharing::ALL.len());
            if let Some(name) = ethereumjs().forks(fork).first() {
                assert_same(ethereumjs(), fork, name, &transcript);
            }
            // The specification takes some seconds for each.
            if let Some(name) = specification().forks(fork).first()
                && (fork == Fork::default() || step(2) == 1)
            {
                assert_same(specification(), fork, name, &transcript);
            }
        }
    }
}

/// A fork that only revm knows would have figures that nothing else bears out: documents and tables would have to say so ("revm only").
#[test]
fn every_fork_is_known_by_an_evm_that_is_not_revm() {
    for fork in Fork::ALL {
        let known = [specification(), ethereumjs()]
            .iter()
            .any(|evm| !evm.forks(fork).is_empty());
        assert!(known, "{fork:?} is revm only");
    }
}

#[test]
fn ethereumjs_charges_the_same() {
    let paths = paths();
    for fork in Fork::ALL {
        for name in ethereumjs().forks(fork) {
            assert_same(ethereumjs(), fork, name, &transcript(&paths, fork));
        }
    }
}

/// A unit of gas, an outcome and a transaction that is none are all seen.
#[test]
fn whatever_differs_is_told() {
    let mut changed = transcript(&[root(SAMPLE[1])], Fork::Osaka);
    let [_, call] = &changed.steps[..] else {
        panic!("a deployment and a verification")
    };
    let (call, gas_used) = (call.clone(), call.sent.gas_used);
    let with = |change: &dyn Fn(&mut Sent)| {
        let mut step = call.clone();
        change(&mut step.sent);
        step
    };
    changed.steps.extend([
        with(&|sent| sent.gas_used += 1),
        with(&|sent| sent.success = false),
        // Osaka's cap on a transaction's gas, and too little gas.
        with(&|sent| sent.gas_limit = 16_777_217),
        with(&|sent| sent.gas_limit = gas_used - 1),
    ]);
    for evm in [specification(), ethereumjs()] {
        let found = evm.differences(Fork::Osaka, "osaka", &changed).unwrap();
        let found: Vec<(usize, Outcome)> = found
            .into_iter()
            .map(|difference| (difference.step, difference.there))
            .collect();
        let success = true;
        let as_it_is = Outcome::Mined { success, gas_used };
        assert_eq!(
            found[..2],
            [(2, as_it_is.clone()), (3, as_it_is)],
            "{}",
            evm.name()
        );
        assert!(
            matches!(
                found[2..],
                [
                    (4, Outcome::Refused { .. }),
                    (5, Outcome::Mined { success: false, .. })
                ]
            ),
            "{} {found:?}",
            evm.name()
        );
        let unknown = evm.differences(Fork::Osaka, "no-such-fork", &changed);
        assert!(matches!(unknown, Err(NodeError::Program { .. })), "{unknown:?}");
    }
}

/// The command sends guards and all, and refuses a record that its evidence does not bear out.
#[test]
fn a_record_is_checked_by_the_command() {
    let path = root(SAMPLE[1]);
    let said =
        say(evmbench()
            .arg("crosscheck")
            .arg(&path)
            .args(["--evm", "ethereumjs", "--fork", "prague,osaka"]));
    assert_eq!(said.status, Some(0), "{said:?}");
    for fork in ["prague", "osaka"] {
        assert!(
            said.stdout.contains(&format!("as in EthereumJS ({fork})")),
            "{}",
            said.stdout
        );
    }
}
