//! A run's contracts → a Forge script that deploys them.
//!
//! Goes in: a [`Deployable`], and the opening of its verifier where it has a batch; or what deploys a set of parts. Comes out: the text of
//! `script/Deploy.s.sol`. The script holds the code that was measured, so that nothing is compiled again with other settings, and asks the
//! contracts about the run's proof before forge sends anything. Who signs is forge's affair.

use alloy_primitives::{hex, keccak256};

use evmbench_evm::chain::Calldata;
use evmbench_evm::solidity::CompiledContract;
use evmbench_guard::guard::batch::{self, Opened};
use evmbench_guard::guard::linked::SetCreation;
use evmbench_guard::guard::{Creation, Front, GuardContracts};
use evmbench_host::format;

use crate::deployable::Deployable;

/// Where the script is, in the folder of a fixture.
pub const SCRIPT_FILE: &str = "script/Deploy.s.sol";

/// Where the contracts of a set stand in Solidity, by variables: two lists, and an address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    /// The parts' verifiers, or their openings.
    pub(super) behind: &'static str,
    /// What stands in front of them.
    pub(super) fronts: &'static str,
    /// The set's contract.
    pub(super) set: &'static str,
}

/// The places of a set with a pairing for each part, and of one with one pairing.
const PLACES: [Places; 2] = [
    Places {
        behind: "verifiers",
        fronts: "guards",
        set: "set",
    },
    Places {
        behind: "openings",
        fronts: "parts",
        set: "onePairing",
    },
];

/// The script that deploys a run's verifier and guard, and its opening and batch contract where the opening is given.
pub fn script(name: &str, deployable: &Deployable, opening: Option<&Opened>) -> String {
    let contracts = GuardContracts::carried();
    let (call, committed) = (&deployable.call, deployable.committed.as_ref());
    let mut returned = vec!["address verifier", "address guard"];
    let mut steps = vec![created("verifier", &deployable.creation)];
    if let Some(key) = &call.key_artifact {
        steps.push(format!(
            "        (bool registered,) = verifier.call(hex\"{}\");\n        \
             require(registered, \"the verifier does not take the key artifact\");\n",
            hex::encode(Calldata::register_key(key).bytes())
        ));
    }
    let guard = Creation::of(contracts, Front::Guard, deployable.code(), call, committed);
    steps.push(created_before("guard", &guard, "verifier"));
    let mut checks = vec![
        format!(
            "        require(verifier.codehash == {}, \"the verifier has other code\");\n",
            keccak256(&deployable.runtime)
        ),
        accepted("guard", &call.calldata(), "the guard does not accept the proof"),
    ];
    if let Some(opening) = opening {
        let contract = Creation::of(contracts, Front::Batch, opening.code(), call, committed);
        returned.extend(["address opening", "address batch"]);
        steps.push(created("opening", &opening.compiled.creation_code));
        steps.push(created_before("batch", &contract, "opening"));
        checks.push(accepted(
            "batch",
            &batch::calldata(committed, [call]),
            "the batch contract does not accept the proof",
        ));
    }
    filled(name, &returned.join(", "), &steps.concat(), &checks.concat())
}

/// The script that deploys the contracts of a set: with a pairing for each part, and with one for all where that is given as well.
pub fn set_script(name: &str, set: &[SetCreation<'_>]) -> String {
    let (mut returned, mut steps, mut checks) = (Vec::new(), String::new(), String::new());
    for (creation, places) in set.iter().zip(&PLACES) {
        let Places { behind, fronts, set } = places;
        returned.push(format!(
            "address[] memory {behind}, address[] memory {fronts}, address {set}"
        ));
        steps += &set_steps(creation, *places);
        checks += &accepted(set, &creation.calldata(), "the set is not accepted");
    }
    filled(name, &returned.join(", "), &steps, &checks)
}

/// Deploys the contracts of a set: lists of this length are made first.
pub(super) fn set_steps(creation: &SetCreation<'_>, places: Places) -> String {
    let Places { behind, fronts, set } = places;
    let count = creation.parts.len();
    let mut steps =
        format!("        {behind} = new address[]({count});\n        {fronts} = new address[]({count});\n");
    for (index, part) in creation.parts.iter().enumerate() {
        let behind = format!("{behind}[{index}]");
        steps += &created(&behind, part.code.creation);
        steps += &created_before(&format!("{fronts}[{index}]"), &part.front, &behind);
    }
    let [before, after] = creation.arguments().map(hex::encode);
    let arguments = format!(
        "                hex\"{before}\",\n                {fronts}, // their addresses\n                hex\"{after}\"\n"
    );
    steps + &created_with(set, creation.contract, &arguments)
}

/// A function that deploys creation code.
pub(super) const DEPLOY: &str = r#"    function deploy(bytes memory code) private returns (address at) {
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
        }
        require(at != address(0), "a contract is not deployed");
    }
"#;

const TEMPLATE: &str = r#"// SPDX-License-Identifier: MIT
// Written by `evmbench export-foundry --deploy` for {name}. Beside this script:
//
//     forge script script/Deploy.s.sol:Deploy --rpc-url URL --account NAME --broadcast
//
// Without --broadcast nothing is sent. Who signs is for forge to know: --account, --ledger, --trezor.
pragma solidity ^0.8.20;

interface Vm {
    function startBroadcast() external;
    function stopBroadcast() external;
}

/// @title Deploys the contracts of a record, as they were compiled and measured.
contract Deploy {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function run() external returns ({returned}) {
        vm.startBroadcast();
{steps}        vm.stopBroadcast();
{checks}    }

    function requireAccepted(address by, bytes memory data, string memory otherwise) private view {
        (bool success, bytes memory answer) = by.staticcall(data);
        require(success && keccak256(answer) == keccak256(abi.encode(true)), otherwise);
    }

{deploy}}
"#;

fn filled(name: &str, returned: &str, steps: &str, checks: &str) -> String {
    TEMPLATE
        .replace("{deploy}", DEPLOY)
        .replace("{returned}", returned)
        .replace("{steps}", steps)
        .replace("{checks}", checks)
        .replace("{name}", &format::plain(name))
}

/// Fails where a contract does not accept a call.
fn accepted(place: &str, call: &Calldata, otherwise: &str) -> String {
    format!(
        "        requireAccepted({place}, hex\"{}\", \"{otherwise}\");\n",
        hex::encode(call.bytes())
    )
}

/// Deploys creation code without arguments.
fn created(place: &str, code: &[u8]) -> String {
    format!("        {place} = deploy(hex\"{}\");\n", hex::encode(code))
}

/// Deploys a contract in front of another.
fn created_before(place: &str, creation: &Creation<'_>, behind: &str) -> String {
    let words = creation.arguments.iter();
    let words =
        words.map(|(name, value)| format!("                hex\"{}\" // {name}\n", hex::encode(value)));
    let arguments = format!(
        "                abi.encode({behind}),\n{}",
        words.collect::<String>()
    );
    created_with(place, creation.contract, &arguments)
}

/// Deploys a contract with arguments, which are lines of what the ABI packs.
fn created_with(place: &str, contract: &CompiledContract, arguments: &str) -> String {
    format!(
        "        {place} = deploy(\n            abi.encodePacked( // {}\n                hex\"{}\",\n{arguments}            )\n        \
         );\n",
        contract.contract,
        hex::encode(&contract.creation_code),
    )
}
