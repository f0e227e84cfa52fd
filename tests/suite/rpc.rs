//! Records on a chain that is asked by JSON-RPC: an anvil of each fork that it knows.
//!
//! What providers do that are no anvil (no overrides, endless or long answers, rollups) is in the unit tests of `crates/rpc`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use alloy_primitives::Address;
use evmbench::chain::Fork;
use evmbench::deployable::Deployable;
use evmbench::foundry::deploy;
use evmbench::guard::batch::Opened;
use evmbench::guard::{Creation, Front};
use evmbench::home::Home;
use evmbench::nodes::{Anvil, FOUNDRY_VERSION, Foundry};
use evmbench::replay;
use evmbench::rpc::deployed::{self, Found, OfRun};
use evmbench::rpc::{Limits, Provider, verification};
use evmbench::solidity::CompileOptions;
use evmbench::solidity::opening::Sharing;
use evmbench::store::StoredRun;
use tempfile::TempDir;

use crate::common::{self, ForgeFixture, Said, evmbench, guards, root, say};

const DIRECT: &str = "results/scaling/dense_small-s7-direct.json";
const COMMITTED: &str = "results/scaling/dense_small-s7-committed.json";

fn foundry() -> &'static Foundry {
    static FOUNDRY: OnceLock<Foundry> = OnceLock::new();
    FOUNDRY.get_or_init(|| {
        let home = Home::from_environment().expect("a home folder");
        Foundry::obtain(&home.foundry(FOUNDRY_VERSION)).expect("anvil and forge")
    })
}

fn run(path: &str) -> StoredRun {
    StoredRun::open(&root(path)).unwrap()
}

fn verify(path: &str, node: &Anvil, more: &[&str]) -> Said {
    say(evmbench()
        .args(["verify", "--rpc", node.url()])
        .args(more)
        .arg(root(path)))
}

/// Gas is exactly that of the record's transaction. The estimate is a gas limit, and larger: the verifier calls the pairing near its end,
/// and a 64th of what is left then cannot be handed on (EIP-150). It is the least limit, as a transaction with it and one with a unit less show.
#[test]
fn gas_on_the_chain_is_the_records() {
    let forks = common::forks_of_foundry();
    for &fork in &forks {
        let node = Anvil::start(foundry(), fork).unwrap();
        let sender = node.accounts().unwrap()[0];
        let provider = Provider::new(node.url(), Limits::default()).unwrap();
        assert_eq!(provider.chain_id(), Ok(1));
        for path in [DIRECT, COMMITTED] {
            let run = run(path);
            let record = run.record();
            let deployable = Deployable::of(&run).unwrap();
            let block = provider.newest_block().unwrap();
            let [verifier, guard] = verification::verify(&provider, block, &deployable).unwrap();
            let bare = replay::under(&run, fork)
                .unwrap()
                .verification
                .gas
                .unwrap()
                .tx_gas;
            let tx_gas = |of: &verification::Verification| {
                let same: Vec<_> = of.same().filter(|here| here.fork == fork).collect();
                assert!(of.accepted && same.len() == 1, "{of:?}");
                // The forks' prices differ: one does not pass for the other.
                assert!(
                    !of.same()
                        .any(|here| forks.contains(&here.fork) && here.fork != fork)
                );
                same[0].tx_gas
            };
            assert_eq!(tx_gas(&verifier), bare);
            if fork == record.request.fork {
                assert_eq!(bare, record.verification.as_ref().unwrap().gas.unwrap().tx_gas);
                let measured = match &record.committed_guard {
                    Some(guard) => guard,
                    None => record.guard.as_ref().unwrap(),
                };
                assert_eq!(guard.contract, measured.contract);
                assert_eq!(tx_gas(&guard), measured.verification.tx_gas);
            }
            // Mined: the gas that was told, within the limit that was estimated, and not within less.
            let creation = deployable.code().creation;
            let deployed = node
                .deploy(sender, creation, 10_000_000)
                .unwrap()
                .contract
                .unwrap();
            let calldata = deployable.call.calldata();
            let limit = verifier.estimate.clone().unwrap();
            let mined = |limit| node.transact(sender, deployed, &calldata, limit).unwrap();
            let receipt = mined(limit);
            assert!(receipt.success);
            assert_eq!(receipt.gas_used, bare);
            assert!(!mined(limit - 1).success);
            assert!(limit > bare && limit < bare + bare / 63, "{limit} {bare}");
            let limit = guard.estimate.clone().unwrap();
            let used = tx_gas(&guard);
            assert!(limit > used && limit < used + used / 31, "{limit} {used}");
        }
    }
}

#[test]
fn a_record_is_verified_on_the_chain_by_the_command() {
    let node = Anvil::start(foundry(), Fork::Osaka).unwrap();
    for (path, contracts) in [
        (DIRECT, ["Halo2Verifier", "GuardedVerifier"]),
        (COMMITTED, ["Halo2Verifier", "GuardedCommitted"]),
    ] {
        let said = verify(path, &node, &[]);
        assert_eq!(said.status, Some(0), "{said:?}");
        assert_eq!(said.stderr, "");
        let first = format!("{}: chain 1, block 0\n", node.url());
        assert!(said.stdout.starts_with(&first), "{said:?}");
        for contract in contracts {
            assert!(
                said.stdout.contains(&format!(": {contract}: accepted\n")),
                "{said:?}"
            );
        }
        let record = run(path).into_record();
        let gas = record.verification.unwrap().gas.unwrap().tx_gas.to_string();
        let (thousands, rest) = gas.split_at(gas.len() - 3);
        assert!(
            said.stdout.contains(&format!(
                "under osaka ({thousands},{rest} gas for the transaction)"
            )),
            "{said:?}"
        );
        assert_eq!(
            said.stdout.contains("means nothing without its guard"),
            path == COMMITTED
        );
        // anvil is no rollup.
        assert!(!said.stdout.contains("L1 data fee"), "{said:?}");
    }
}

/// Exports a record with its script.
fn exported(path: &Path) -> (TempDir, PathBuf) {
    let out = TempDir::new().unwrap();
    let said = say(evmbench()
        .args(["export-foundry", "--deploy", "--out"])
        .arg(out.path())
        .arg(path));
    assert_eq!(said.status, Some(0), "{said:?}");
    let folder = PathBuf::from(said.stdout.trim());
    (out, folder)
}

/// Runs the script of a folder in forge with an account of anvil's, and returns where the contracts stand, by name.
fn deployed_by_script(folder: &Path, node: &Anvil, fork: Fork) -> Vec<(String, Address)> {
    let sender = node.accounts().unwrap()[0].to_string();
    // forge now and then waits for itself for ever; a script that is run again deploys all anew.
    let run = || {
        Command::new("timeout")
            .args(["--kill-after=5", "120"])
            .arg(foundry().forge())
            .args(["script", "script/Deploy.s.sol:Deploy", "--offline"])
            .args(["--broadcast", "--unlocked", "--sender", &sender])
            .args(["--rpc-url", node.url(), "--evm-version", fork.name(), "--use"])
            .arg(common::installed_solc().path())
            .current_dir(folder)
            // No configuration but the folder's.
            .env_clear()
            .env("HOME", folder)
            .env("PATH", std::env::var_os("PATH").unwrap())
            .output()
            .unwrap()
    };
    let is_late = |output: &Output| output.status.code() == Some(124);
    let output = Some(run()).filter(|output| !is_late(output)).unwrap_or_else(run);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    // As forge lists what a script returns: `verifier: address 0x…`, `verifiers: address[] [0x…, 0x…]`.
    let returned = stdout.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(": address")?;
        Some((
            name,
            rest.trim_start_matches("[]").trim().trim_matches(['[', ']']),
        ))
    });
    let contracts: Vec<(String, Address)> = returned
        .flat_map(|(name, addresses)| addresses.split(", ").map(move |address| (name, address)))
        .map(|(name, address)| (name.to_owned(), address.parse().unwrap()))
        .collect();
    assert!(!contracts.is_empty(), "{stdout}\n{stderr}");
    contracts
}

#[test]
fn what_the_exported_script_deploys_is_the_records() {
    for (fork, path) in [
        (Fork::Prague, COMMITTED),
        (Fork::Osaka, COMMITTED),
        (Fork::Osaka, DIRECT),
    ] {
        let node = Anvil::start(foundry(), fork).unwrap();
        let (_out, folder) = exported(&root(path));
        let contracts = deployed_by_script(&folder, &node, fork);
        let names: Vec<&str> = contracts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["verifier", "guard"]);
        for (name, address) in &contracts {
            let said = verify(path, &node, &["--at", &address.to_string()]);
            assert_eq!(said.status, Some(0), "{said:?}");
            assert!(
                said.stdout
                    .contains(&format!("{address} is the record's {name} (")),
                "{said:?}"
            );
            assert!(said.stdout.contains("it accepts the record's proof"), "{said:?}");
        }
        // Nothing of the other record is there, nor anything at an address that nobody has used.
        let other = if path == DIRECT { COMMITTED } else { DIRECT };
        for (_, address) in &contracts {
            let said = verify(other, &node, &["--at", &address.to_string()]);
            assert_eq!(said.status, Some(1), "{said:?}");
            assert!(said.stdout.contains("NOT the"), "{said:?}");
        }
        let nobody = Address::repeat_byte(0x77).to_string();
        let said = verify(path, &node, &["--at", &nobody]);
        assert_eq!(said.status, Some(1), "{said:?}");
        assert!(said.stdout.contains("there is no contract at"), "{said:?}");
    }
}

/// Guards that look like the record's: in front of nothing, for other terms, and one that derives no challenge.
#[test]
fn a_guard_that_is_not_the_records_is_refused() {
    let node = Anvil::start(foundry(), Fork::Osaka).unwrap();
    let sender = node.accounts().unwrap()[0];
    let deployable = Deployable::of(&run(COMMITTED)).unwrap();
    let code = deployable.code();
    let deploy = |creation: Vec<u8>| {
        let receipt = node.deploy(sender, &creation.into(), 10_000_000).unwrap();
        receipt.contract.filter(|_| receipt.success).unwrap()
    };
    let verifier = deploy(code.creation.to_vec());
    let guard = |committed, change: Option<&str>| {
        let creation = Creation::of(guards(), Front::Guard, code, &deployable.call, committed);
        let mut bytes = creation.contract.creation_code.to_vec();
        bytes.extend_from_slice(verifier.into_word().as_slice());
        for (name, mut value) in creation.arguments {
            if Some(name) == change {
                value.0[31] ^= 1;
            }
            bytes.extend_from_slice(value.as_slice());
        }
        deploy(bytes).to_string()
    };
    let committed = deployable.committed.as_ref();
    let said = verify(COMMITTED, &node, &["--at", &guard(committed, None)]);
    assert_eq!(said.status, Some(0), "{said:?}");
    for (address, told) in [
        (guard(committed, Some("circuitDigest")), "its circuitDigest is 0x"),
        (guard(committed, Some("inputPoints")), "its inputPoints is "),
        (guard(None, None), "which takes any challenge"),
    ] {
        let said = verify(COMMITTED, &node, &["--at", &address]);
        assert_eq!(said.status, Some(1), "{said:?}");
        assert!(said.stdout.contains(told), "{said:?}");
        assert!(!said.stdout.contains("it accepts"), "{said:?}");
    }
}

/// Whoever looks at the terminal does not see the key, whatever goes wrong.
#[test]
fn a_key_in_the_url_is_not_shown() {
    const KEY: &str = "s3cr3tk3yOfTheProvider";
    let record = root(COMMITTED);
    for (url, status, hint) in [
        (
            format!("http://user:{KEY}@127.0.0.1:1/{KEY}?k={KEY}"),
            1,
            "check host and port",
        ),
        (format!("nothing/{KEY}"), 2, "RPC_URL=https://HOST/KEY"),
    ] {
        let said = say(evmbench().args(["verify", "--rpc", &url]).arg(&record));
        assert_eq!(said.status, Some(status), "{said:?}");
        assert!(said.stderr.contains(hint), "{said:?}");
        assert!(!format!("{said:?}").contains(&KEY[..6]), "{said:?}");
    }
    for more in [&["--renew"][..], &["--fork", "osaka"], &["--at", "0x1"]] {
        let url = format!("http://127.0.0.1:1/{KEY}");
        let said = say(evmbench().args(["verify", "--rpc", &url]).arg(&record).args(more));
        assert_eq!(said.status, Some(2), "{said:?}");
        assert!(!said.stderr.contains(KEY), "{said:?}");
    }
}

/// A reusable verifier is told the circuit's key before its guard is asked; a batch's contract stands in front of the opening.
#[test]
fn scripts_deploy_all_that_a_verification_takes() {
    for (name, sharing) in [("reusable_4x2", None), ("committed_head", Some(Sharing::Key))] {
        let fixture = ForgeFixture::read(name);
        let deployable = Deployable {
            creation: fixture.compiled.creation_code.clone(),
            runtime: fixture.compiled.runtime_code.clone(),
            verifier: fixture.kind,
            call: fixture.calls[0].clone(),
            committed: fixture.committed,
        };
        let opening = sharing.map(|sharing| {
            let options = CompileOptions::default();
            Opened::of(common::solc(), &fixture.source, sharing, &options).unwrap()
        });
        let script = deploy::script(name, &deployable, opening.as_ref());
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(deploy::SCRIPT_FILE);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, script).unwrap();
        let node = Anvil::start(foundry(), Fork::Osaka).unwrap();
        let provider = Provider::new(node.url(), Limits::default()).unwrap();
        // Before anything stands there; of a reusable verifier, with the storage that a registration leaves.
        let block = provider.newest_block().unwrap();
        for verification in verification::verify(&provider, block, &deployable).unwrap() {
            assert!(verification.accepted, "{verification:?}");
            assert!(
                verification.same().any(|here| here.fork == Fork::Osaka),
                "{verification:?}"
            );
        }
        let contracts = deployed_by_script(folder.path(), &node, Fork::Osaka);
        let block = provider.newest_block().unwrap();
        let code = |name: &str| {
            let (_, address) = contracts.iter().find(|(found, _)| found == name).unwrap();
            provider.code(*address, block).unwrap()
        };
        assert_eq!(code("verifier"), deployable.runtime);
        match &opening {
            None => assert_eq!(contracts.len(), 2),
            Some(opening) => {
                assert_eq!(contracts.len(), 4);
                assert_eq!(code("opening"), opening.compiled.runtime_code);
                let batch = guards().batch(deployable.committed.as_ref());
                assert_eq!(code("batch").len(), batch.runtime_code.len());
            }
        }
        let of = OfRun {
            deployable: &deployable,
            opening: opening.as_ref(),
            sets: &[],
        };
        for (name, address) in contracts {
            let found = deployed::at(&provider, block, address, of).unwrap();
            assert!(found.is_of_the_run(), "{name}: {found:?}");
            let front = match &found {
                Found::Front { front, .. } => Some(*front),
                _ => None,
            };
            let expected = match &name[..] {
                "guard" => Some(Front::Guard),
                "batch" => Some(Front::Batch),
                _ => None,
            };
            assert_eq!(front, expected, "{name}");
            let accepts = deployed::accepts(&provider, block, address, &found, of).unwrap();
            assert_eq!(accepts, (name != "opening").then_some(true), "{name}");
        }
    }
}

/// The last part's record knows all contracts of the set, and its own part's; the first part's its own.
#[test]
fn the_contracts_of_a_set_are_deployed_and_recognised() {
    let first = "results/parts/scaling/conv2d_small-s7-committed-part1of2-92e84611.json";
    let last = "results/parts/scaling/conv2d_small-s7-committed-part2of2-4ba72d78.json";
    let node = Anvil::start(foundry(), Fork::Osaka).unwrap();
    let (_out, folder) = exported(&root(last));
    let contracts = deployed_by_script(&folder, &node, Fork::Osaka);
    let names: Vec<&str> = contracts.iter().map(|(name, _)| &name[..]).collect();
    assert_eq!(
        names,
        [
            "verifiers",
            "verifiers",
            "guards",
            "guards",
            "set",
            "openings",
            "openings",
            "parts",
            "parts",
            "onePairing",
        ]
    );
    let said_of = |record: &str, address: Address| verify(record, &node, &["--at", &address.to_string()]);
    for (index, record) in [first, last].into_iter().enumerate() {
        for (name, told) in [
            ("verifiers", "is the record's verifier (Halo2Verifier)"),
            ("guards", "is the record's guard (GuardedCommitted)"),
            ("openings", "is the opening of the record's verifier"),
            (
                "parts",
                "is the record's part of a set with one pairing (OpenedCommitted)",
            ),
        ] {
            let mut found = contracts.iter().filter(|(found, _)| found == name);
            let (_, address) = found.nth(index).unwrap();
            let said = said_of(record, *address);
            assert_eq!(said.status, Some(0), "{said:?}");
            assert!(said.stdout.contains(told), "{said:?}");
            let accepts = said.stdout.contains("it accepts the record's proof");
            assert_eq!(accepts, name != "openings", "{said:?}");
            let other = if record == first { last } else { first };
            let said = said_of(other, *address);
            assert_eq!(said.status, Some(1), "{said:?}");
        }
    }
    for (name, contract) in [("set", "LinkedCommitted"), ("onePairing", "LinkedOpenings")] {
        let (_, address) = contracts.iter().find(|(found, _)| found == name).unwrap();
        let said = said_of(last, *address);
        assert_eq!(said.status, Some(0), "{said:?}");
        let told = format!("is the contract of the record's set ({contract})");
        assert!(said.stdout.contains(&told), "{said:?}");
        assert!(
            said.stdout.contains("it accepts the proofs of the set"),
            "{said:?}"
        );
        assert_eq!(said.stdout.matches("is the set's").count(), 2, "{said:?}");
        let said = said_of(first, *address);
        assert_eq!(said.status, Some(1), "{said:?}");
        assert!(said.stdout.contains("bytes of other code"), "{said:?}");
    }
    // The same set at another scale.
    let (_, address) = contracts.iter().find(|(name, _)| name == "set").unwrap();
    let said = said_of(
        "results/parts/scaling/conv2d_large-s7-committed-part2of2-b6868a7a.json",
        *address,
    );
    assert_eq!(said.status, Some(1), "{said:?}");
    assert!(
        said.stdout.contains("is NOT the contract of the record's set"),
        "{said:?}"
    );
    assert_eq!(said.stdout.matches("is NOT the set's").count(), 2, "{said:?}");
}
