//! evmbench's chain beside other EVMs: what the same transaction costs in revm here, in anvil and in forge, to the unit.
//!
//! anvil and forge are installed from npm where they are not there yet.

use crate::common;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256, address, hex};
use evmbench::chain::{Calldata, Fork, Verdict, Verification, Verifier};
use evmbench::hint::Hint as _;
use evmbench::home::Home;
use evmbench::nodes::{self, Answer, Anvil, FOUNDRY_VERSION, Foundry, NodeError, Pace, Receipt};
use evmbench::record::Evidence;
use evmbench::solidity::{SOLC_VERSION, Solc};
use evmbench::store;
use serde_json::Value;

/// Who sends every transaction in evmbench's chain.
const SENDER: Address = address!("00000000000000000000000000000000000e2511");

/// Where a proof starts in canonically encoded calldata: after the selector, two offsets and the proof's length.
const PROOF_START: usize = 4 + 3 * 32;

fn home() -> Home {
    Home::from_environment().expect("a home folder")
}

fn foundry() -> &'static Foundry {
    static FOUNDRY: OnceLock<Foundry> = OnceLock::new();
    FOUNDRY.get_or_init(|| Foundry::obtain(&home().foundry(FOUNDRY_VERSION)).expect("anvil and forge"))
}

/// A generated verifier and the call that it accepts.
struct Subject {
    name: &'static str,
    source: String,
    creation_code: Bytes,
    calldata: Calldata,
}

impl Subject {
    fn fixture(name: &'static str) -> Self {
        let folder = common::fixture("verifier").join(name);
        let read = |file| std::fs::read_to_string(folder.join(file)).unwrap();
        let bytes = |file| hex::decode(read(file).trim()).unwrap();
        let instances: Vec<U256> = serde_json::from_str(&read("instances.json")).unwrap();
        Self {
            name,
            source: read("Verifier.sol"),
            creation_code: bytes("creation-code.hex").into(),
            calldata: Calldata::verify_proof(&bytes("proof.hex"), &instances),
        }
    }

    fn recorded(name: &'static str, path: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results").join(path);
        let record = store::load(&path).unwrap();
        let evidence = |name| store::load_evidence(&path, &record, name).unwrap();
        Self {
            name,
            source: String::from_utf8(evidence(Evidence::VERIFIER_SOURCE)).unwrap(),
            creation_code: evidence(Evidence::CREATION_CODE).into(),
            calldata: Calldata::raw(evidence(Evidence::CALLDATA)),
        }
    }

    fn all() -> [Self; 4] {
        [
            Self::fixture("dense_4x2"),
            Self::fixture("relu_4x4"),
            Self::recorded("dense_small", "scaling/dense_small-s7-direct.json"),
            Self::recorded("dense", "core/dense-s7-direct.json"),
        ]
    }

    /// The call that is accepted, then some that are not: one ends at the proof's first point, one at its last pairing,
    /// one before the proof is looked at.
    fn calls(&self) -> [(&'static str, Calldata); 4] {
        let changed = |at: usize| {
            let mut bytes = self.calldata.bytes().to_vec();
            bytes[at] ^= 1;
            Calldata::raw(bytes)
        };
        let length = self.calldata.bytes().len();
        [
            ("valid", self.calldata.clone()),
            ("point_not_on_the_curve", changed(PROOF_START + 31)),
            ("another_instance", changed(length - 1)),
            (
                "truncated",
                Calldata::raw(self.calldata.bytes()[..length - 32].to_vec()),
            ),
        ]
    }

    /// What each call does in evmbench's chain.
    fn judged(&self, fork: Fork) -> (Verifier, Vec<(&'static str, Calldata, Verification)>) {
        let verifier = Verifier::deploy(fork, &self.creation_code).unwrap();
        let calls = self.calls().map(|(name, calldata)| {
            let verification = verifier.verify(&calldata).unwrap();
            assert!(verification.rules_broken.is_empty(), "{} {name}", self.name);
            assert_eq!(verification.verdict.is_accepted(), name == "valid", "{name}");
            (name, calldata, verification)
        });
        // The calldata floor does not set the price of what is compared; of cheap failures it does.
        assert!(!verifier.deployment().gas.floor_binds());
        assert!(!calls[0].2.gas.unwrap().floor_binds());
        assert!(calls[1].2.gas.unwrap().floor_binds());
        (verifier, calls.into())
    }
}

/// The same sender, nonces, data and gas limits as in evmbench's chain.
#[track_caller]
fn assert_anvil_agrees(fork: Fork) {
    for subject in Subject::all() {
        let (verifier, calls) = subject.judged(fork);
        let deployment = verifier.deployment();
        let node = Anvil::start(foundry(), fork).unwrap();
        node.impersonate(SENDER).unwrap();
        let receipt = node
            .deploy(SENDER, &subject.creation_code, deployment.gas.gas_limit)
            .unwrap();
        let expected = Receipt {
            success: true,
            gas_used: deployment.gas.tx_gas,
            contract: Some(deployment.address),
        };
        assert_eq!(receipt, expected, "{}", subject.name);
        for (name, calldata, ours) in calls {
            let gas = ours.gas.unwrap();
            let receipt = node
                .transact(SENDER, deployment.address, &calldata, gas.gas_limit)
                .unwrap();
            let expected = Receipt {
                success: ours.verdict.is_success(),
                gas_used: gas.tx_gas,
                contract: None,
            };
            assert_eq!(receipt, expected, "{} {name}", subject.name);
            let answer = node
                .call(SENDER, deployment.address, &calldata, gas.gas_limit)
                .unwrap();
            let expected = match ours.verdict {
                Verdict::Reverted { data, .. } => Answer::Reverted(data),
                _ => Answer::Returned(ours.return_data),
            };
            assert_eq!(answer, expected, "{} {name}", subject.name);
        }
    }
}

#[test]
fn anvil_spends_the_same_gas() {
    std::thread::scope(|scope| {
        for fork in common::forks_of_foundry() {
            scope.spawn(move || assert_anvil_agrees(fork));
        }
    });
}

/// What forge leaves out of a call that it does not isolate, by EIP-2028 and EIP-7623.
fn whole_transaction(call_gas: u64, calldata: &Calldata) -> u64 {
    const BASE: u64 = 21_000;
    let size = calldata.size();
    let spent = BASE + 4 * size.zero_bytes + 16 * size.nonzero_bytes + call_gas;
    let floor = BASE + 10 * size.zero_bytes + 40 * size.nonzero_bytes;
    spent.max(floor)
}

/// A Forge project that deploys each verifier, makes its calls, and takes down what forge says that each cost.
struct ForgeProject(tempfile::TempDir);

impl ForgeProject {
    fn new(subjects: &[Subject]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let solc = Solc::obtain(&home().solc(SOLC_VERSION)).unwrap();
        let solc = serde_json::to_string(&std::path::absolute(solc.path()).unwrap()).unwrap();
        write(
            "foundry.toml",
            &format!(
                "[profile.default]\nlibs = []\noffline = true\nsolc = {solc}\noptimizer = true\n\
                 optimizer_runs = 200\nbytecode_hash = \"none\"\n"
            ),
        );
        for subject in subjects {
            let name = subject.name;
            write(&format!("src/{name}.sol"), &subject.source);
            let tests = subject.calls().map(|(call, calldata)| {
                format!(
                    "function test_{call}() public {{ make(\"{call}\", {}, hex\"{}\"); }}",
                    call == "valid",
                    hex::encode(calldata.bytes())
                )
            });
            write(
                &format!("test/{name}.t.sol"),
                &TEST_CONTRACT
                    .replace("{name}", name)
                    .replace("{tests}", &tests.join("\n    ")),
            );
        }
        Self(folder)
    }

    /// What `forge test` with these arguments says, once every test passes.
    fn test(&self, fork: Fork, arguments: &[&str]) -> Value {
        let output = Command::new(foundry().forge())
            .args(["test", "--json"])
            .args(arguments)
            .current_dir(self.0.path())
            // No configuration but this project's.
            .env_clear()
            .env("HOME", self.0.path())
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("FOUNDRY_EVM_VERSION", fork.name())
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stdout}\n{stderr}");
        serde_json::from_str(&stdout).unwrap()
    }

    /// The gas of each call by `forge test`, as (verifier, call) → gas.
    fn call_gas(&self, fork: Fork, arguments: &[&str]) -> impl Fn(&str, &str) -> u64 {
        let results = self.test(fork, arguments);
        move |verifier, call| {
            let test =
                &results[format!("test/{verifier}.t.sol:Calls")]["test_results"][format!("test_{call}()")];
            test["gas_snapshots"]["Calls"][format!("{verifier} {call}")]
                .as_str()
                .and_then(|gas| gas.parse().ok())
                .unwrap_or_else(|| panic!("no gas of {verifier} {call}: {test}"))
        }
    }
}

const TEST_CONTRACT: &str = r#"// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

import {Halo2Verifier} from "../src/{name}.sol";

interface Vm {
    function snapshotGasLastCall(string calldata name) external returns (uint256 gasUsed);
}

contract Calls {
    Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Halo2Verifier verifier;

    function setUp() public {
        verifier = new Halo2Verifier();
    }

    function make(string memory name, bool accepted, bytes memory data) internal {
        (bool success,) = address(verifier).call(data);
        vm.snapshotGasLastCall(string.concat("{name} ", name));
        require(success == accepted, "another verdict than evmbench's");
    }

    {tests}
}
"#;

#[test]
fn forge_reports_the_same_gas() {
    let subjects = Subject::all();
    let project = ForgeProject::new(&subjects);
    for fork in common::forks_of_foundry() {
        let isolated = project.call_gas(fork, &["--isolate"]);
        let bare = project.call_gas(fork, &[]);
        let report = project.test(fork, &["--isolate", "--gas-report"]);
        for subject in &subjects {
            let name = subject.name;
            let (verifier, calls) = subject.judged(fork);
            for (call, calldata, ours) in &calls {
                let gas = ours.gas.unwrap();
                // Isolated, a call is a transaction of its own, and forge leaves out nothing.
                assert_eq!(isolated(name, call), gas.tx_gas, "{name} {call}");
                // Otherwise it leaves out what the transaction's own bytes cost.
                assert_eq!(bare(name, call), gas.execution_gas, "{name} {call}");
                assert_eq!(
                    whole_transaction(bare(name, call), calldata),
                    gas.tx_gas,
                    "{name} {call}"
                );
            }
            // forge compiled the source itself: the deployment is the same where the bytecode is.
            let identifier = format!("src/{name}.sol:Halo2Verifier");
            let reported = report
                .as_array()
                .and_then(|contracts| contracts.iter().find(|entry| entry["contract"] == *identifier))
                .unwrap_or_else(|| panic!("{identifier} is not in {report}"));
            let deployment = verifier.deployment();
            assert_eq!(reported["deployment"]["gas"], deployment.gas.tx_gas, "{name}");
            assert_eq!(
                reported["deployment"]["size"], deployment.creation_code_bytes,
                "{name}"
            );
            let gas = calls.iter().map(|(_, _, ours)| ours.gas.unwrap().tx_gas);
            let verify = &reported["functions"]["verifyProof(bytes,uint256[])"];
            assert_eq!(verify["calls"], calls.len(), "{name}");
            assert_eq!(verify["min"], gas.clone().min().unwrap(), "{name}");
            assert_eq!(verify["max"], gas.max().unwrap(), "{name}");
        }
    }
}

#[test]
fn a_fork_that_anvil_does_not_know_is_refused() {
    let error = Anvil::start(foundry(), Fork::Amsterdam).unwrap_err();
    assert!(matches!(error, NodeError::UnknownFork(Fork::Amsterdam)));
    assert!(error.hint().is_some());
}

#[test]
fn a_transaction_above_osakas_gas_cap_is_refused() {
    let subject = Subject::fixture("dense_4x2");
    let cap = Fork::Osaka.limits().transaction_gas.unwrap();
    for (fork, is_taken) in [(Fork::Prague, true), (Fork::Osaka, false)] {
        let node = Anvil::start(foundry(), fork).unwrap();
        let sender = node.accounts().unwrap()[0];
        match node.deploy(sender, &subject.creation_code, cap + 1) {
            Ok(receipt) => assert!(is_taken && receipt.success),
            Err(error) => assert!(!is_taken && matches!(error, NodeError::Refused { .. })),
        }
    }
}

#[test]
fn a_node_ends_with_its_owner() {
    let node = Anvil::start(foundry(), Fork::Osaka).unwrap();
    let process = rustix::process::Pid::from_raw(node.process_id().cast_signed()).unwrap();
    assert!(rustix::process::test_kill_process(process).is_ok());
    drop(node);
    assert!(rustix::process::test_kill_process(process).is_err());
}

#[test]
fn throughput_is_counted_for_each_way_and_each_end() {
    let subject = Subject::fixture("dense_4x2");
    let [(_, valid), (_, failing), ..] = subject.calls();
    let verifier = Verifier::deploy(Fork::Osaka, &subject.creation_code).unwrap();
    let measure = |valid, failing| {
        nodes::measure_throughput(
            foundry(),
            &verifier,
            &subject.creation_code,
            valid,
            failing,
            Duration::from_millis(300),
        )
    };
    let throughput = measure(&valid, &failing).unwrap();
    assert_eq!(throughput.anvil_version, FOUNDRY_VERSION);
    assert!(throughput.connections > 0);
    for ends in [throughput.called, throughput.mined] {
        for Pace { cases, seconds } in [ends.valid, ends.early_failure] {
            assert!(cases > 0 && seconds >= 0.3);
        }
    }
    let json = serde_json::to_string(&throughput).unwrap();
    assert_eq!(
        serde_json::from_str::<nodes::AnvilThroughput>(&json).unwrap(),
        throughput
    );

    for (valid, failing, wrong) in [(&failing, &failing, "accepted"), (&valid, &valid, "rejected")] {
        let error = measure(valid, failing).unwrap_err();
        assert!(matches!(error, NodeError::UnexpectedEnd { expected } if expected == wrong));
    }
}

/// Without its key artifact, which must be registered first, the reusable verifier accepts nothing.
#[test]
fn a_reusable_verifier_has_its_throughput_too() {
    let folder = common::fixture("verifier");
    let read = |file| std::fs::read_to_string(folder.join(file)).unwrap();
    let bytes = |file| hex::decode(read(file).trim()).unwrap();
    let creation_code: Bytes = bytes("reusable/creation-code.hex").into();
    let key: Vec<B256> = serde_json::from_str(&read("dense_4x2/key_artifact.json")).unwrap();
    let instances: Vec<U256> = serde_json::from_str(&read("dense_4x2/instances.json")).unwrap();
    let verifier = Verifier::deploy_reusable(Fork::Osaka, &creation_code, &key).unwrap();
    let mut proof = bytes("dense_4x2/proof.hex");
    let valid = verifier.call_for(&proof, &instances).calldata();
    proof[31] ^= 1;
    let failing = verifier.call_for(&proof, &instances).calldata();
    let each = Duration::from_millis(300);
    let throughput =
        nodes::measure_throughput(foundry(), &verifier, &creation_code, &valid, &failing, each).unwrap();
    for ends in [throughput.called, throughput.mined] {
        assert!(ends.valid.cases > 0 && ends.early_failure.cases > 0);
    }
}

#[test]
fn installing_twice_leaves_the_first_installation() {
    let folder = home().foundry(FOUNDRY_VERSION);
    let first = Foundry::obtain(&folder).unwrap();
    assert_eq!(Foundry::obtain(&folder).unwrap(), first);
    assert_eq!(Foundry::locate(&folder).unwrap(), first);
}
