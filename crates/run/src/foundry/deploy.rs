//! A run's contracts → a Forge script that deploys them.
//!
//! Goes in: a [`Deployable`], and the opening of its verifier where it has a batch. Comes out: the text of `script/Deploy.s.sol`. The script
//! holds the code that was measured, so that nothing is compiled again with other settings, and asks the guard about the run's proof before
//! forge sends anything. Who signs is forge's affair.

use alloy_primitives::{hex, keccak256};

use evmbench_evm::chain::Calldata;
use evmbench_evm::solidity::CompiledContract;
use evmbench_guard::guard::{Creation, GuardContracts, VerifierCode};
use evmbench_host::format;

use crate::deployable::Deployable;

/// Where the script is, in the folder of a fixture.
pub const SCRIPT_FILE: &str = "script/Deploy.s.sol";

/// The script that deploys a run's verifier and guard, and its opening and batch contract where the opening is given.
pub fn script(name: &str, deployable: &Deployable, opening: Option<&CompiledContract>) -> String {
    let contracts = GuardContracts::carried();
    let (call, committed) = (&deployable.call, deployable.committed.as_ref());
    let mut returned = vec!["verifier", "guard"];
    let mut steps = vec![created("verifier", &hex::encode(&deployable.creation))];
    if let Some(key) = &call.key_artifact {
        steps.push(format!(
            "        (bool registered,) = verifier.call(hex\"{}\");\n        \
             require(registered, \"the verifier does not take the key artifact\");\n",
            hex::encode(Calldata::register_key(key).bytes())
        ));
    }
    let guard = Creation::of_guard(contracts, deployable.code(), call, committed);
    steps.push(created_before("guard", &guard, "verifier"));
    if let Some(opening) = opening {
        let code = VerifierCode {
            creation: &opening.creation_code,
            runtime: &opening.runtime_code,
        };
        let batch = Creation::of_batch(contracts, code, call, committed);
        returned.extend(["opening", "batch"]);
        steps.push(created("opening", &hex::encode(&opening.creation_code)));
        steps.push(created_before("batch", &batch, "opening"));
    }
    let returned: Vec<String> = returned.iter().map(|name| format!("address {name}")).collect();
    TEMPLATE
        .replace("{returned}", &returned.join(", "))
        .replace("{steps}", &steps.concat())
        .replace("{code hash}", &keccak256(&deployable.runtime).to_string())
        .replace("{call}", &hex::encode(call.calldata().bytes()))
        .replace("{name}", &format::plain(name))
}

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

/// @title Deploys verifier and guard, as they were compiled and measured.
contract Deploy {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function run() external returns ({returned}) {
        vm.startBroadcast();
{steps}        vm.stopBroadcast();
        require(verifier.codehash == {code hash}, "the verifier has other code");
        (bool success, bytes memory answer) = guard.staticcall(hex"{call}");
        require(success && keccak256(answer) == keccak256(abi.encode(true)), "the guard does not accept the proof");
    }

    function deploy(bytes memory code) private returns (address at) {
        assembly ("memory-safe") {
            at := create(0, add(code, 0x20), mload(code))
        }
        require(at != address(0), "a contract is not deployed");
    }
}
"#;

/// Deploys creation code without arguments.
fn created(name: &str, code: &str) -> String {
    format!("        {name} = deploy(hex\"{code}\");\n")
}

/// Deploys a contract in front of another.
fn created_before(name: &str, creation: &Creation<'_>, verifier: &str) -> String {
    let code = hex::encode(&creation.contract.creation_code);
    let words = creation.arguments.iter();
    let words =
        words.map(|(name, value)| format!("                hex\"{}\" // {name}\n", hex::encode(value)));
    format!(
        "        {name} = deploy(\n            abi.encodePacked( // {}\n                hex\"{code}\",\n                \
         abi.encode({verifier}),\n{}            )\n        );\n",
        creation.contract.contract,
        words.collect::<String>()
    )
}
