//! A set of parts → a Foundry project that verifies it.
//!
//! Goes in: what deploys the set, with a pairing for each part and with one for all. Comes out: the text of a test, which deploys the code
//! that was measured, has the set accepted for the gas that was measured, and has other sets refused; and of the configuration that it runs
//! with. The test needs no file beside it.

use alloy_primitives::{U256, hex};

use evmbench_evm::chain::Fork;
use evmbench_evm::nodes::Foundry;
use evmbench_guard::guard::GuardError;
use evmbench_guard::guard::linked::SetCreation;
use evmbench_host::format;

use super::deploy::{DEPLOY, Places, set_steps};

/// Where the test is, in the folder of a fixture.
pub const TEST_FILE: &str = "test/Set.t.sol";

/// The configuration of the project.
pub const CONFIGURATION_FILE: &str = "foundry.toml";

/// The folder of a part, by its index, with the sources of its verifier and its opening.
pub fn part_folder(index: usize) -> String {
    format!("part{}", index + 1)
}

/// The newest fork up to this one whose rules forge has.
pub fn rules(fork: Fork) -> Fork {
    let known = Fork::ALL
        .into_iter()
        .filter(|&other| other <= fork && Foundry::knows(other));
    known.max().unwrap_or_default()
}

/// The configuration under a fork's rules.
pub fn configuration(fork: Fork) -> String {
    CONFIGURATION.replace("{fork}", fork.name())
}

/// The test of a set, whose gas is that under a fork.
///
/// # Errors
/// [`GuardError`] where the set is not accepted.
pub fn test(name: &str, fork: Fork, set: &[SetCreation<'_>]) -> Result<String, GuardError> {
    let contracts = set.iter().map(|creation| contract(creation, fork));
    let calls = set
        .first()
        .map(|creation| &creation.calls[..])
        .unwrap_or_default();
    let lists = calls.iter().enumerate().map(|(part, call)| {
        let instances: Vec<u8> = call.instances.iter().flat_map(U256::to_be_bytes::<32>).collect();
        format!(
            "        proofs[{part}] = hex\"{}\";\n        statements[{part}] = words(hex\"{}\");\n",
            hex::encode(&call.proof),
            hex::encode(instances)
        )
    });
    let lists: String = lists.collect();
    Ok(TEST
        .replace("{count}", &calls.len().to_string())
        .replace("{lists}", &lists)
        .replace("{deploy}", &DEPLOY.replace("private", "internal"))
        .replace("{contracts}", &contracts.collect::<Result<String, _>>()?)
        .replace("{name}", &format::plain(name)))
}

/// The test of one contract that takes the set.
fn contract(creation: &SetCreation<'_>, fork: Fork) -> Result<String, GuardError> {
    let places = Places {
        behind: "behind",
        fronts: "fronts",
        set: "set",
    };
    let gas = creation.verification(fork)?.tx_gas;
    Ok(CONTRACT
        .replace("{claims}", &creation.claims.to_string())
        .replace("{gas}", &gas.to_string())
        .replace("{contract}", &creation.contract.contract)
        .replace("{steps}", &set_steps(creation, places)))
}

const CONFIGURATION: &str = r#"# Written by `evmbench export-foundry`, for `forge test` in this folder.
[profile.default]
libs = []
# Gas was measured under these rules.
evm_version = "{fork}"
# Each call of a test is a transaction of its own, as on chain.
isolate = true
gas_limit = "max"

[fuzz]
runs = 32
seed = "0x65766d62656e6368"

[lint]
lint_on_build = false
"#;

const TEST: &str = r#"// SPDX-License-Identifier: MIT
// Written by `evmbench export-foundry` for {name}. In this folder:
//
//     forge test
pragma solidity ^0.8.20;

interface Vm {
    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }

    function lastCallGas() external view returns (Gas memory gas);
    function assertEq(uint256 left, uint256 right, string calldata error) external pure;
    function assertTrue(bool condition, string calldata error) external pure;
}

interface Set {
    function verifySet(bytes[] calldata proofs, uint256[][] calldata statements) external view returns (bool accepted);
}

/// @title A contract that takes the set, and nothing else.
abstract contract SetTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address internal set;

    /// @notice How many instances of each part its contract writes itself: they are no part of a statement.
    function claims() internal pure virtual returns (uint256 count);

    /// @notice Gas of the transaction that verifies the set, as evmbench measured it.
    function measuredGas() internal pure virtual returns (uint256 gas);

    function test_acceptsTheSetForTheMeasuredGas() public {
        (bytes[] memory proofs, uint256[][] memory statements) = theSet();
        vm.assertTrue(accepts(proofs, statements), "the set");
        vm.assertEq(vm.lastCallGas().gasTotalUsed, measuredGas(), "gas");
    }

    function testFuzz_refusesAChangedByteOfAnyProof(uint256 part, uint256 at, uint8 mask) public {
        (bytes[] memory proofs, uint256[][] memory statements) = theSet();
        bytes memory proof = proofs[part % proofs.length];
        // From 1 to 255, so that the byte is another.
        proof[at % proof.length] ^= bytes1(uint8(1 + uint256(mask) % 255));
        vm.assertTrue(!accepts(proofs, statements), "a changed byte");
    }

    function test_refusesAChangedStatement() public {
        (, uint256[][] memory right) = theSet();
        for (uint256 i = 0; i < right.length; ++i) {
            for (uint256 j = 0; j < right[i].length; ++j) {
                // Of many values, the first and the last ones.
                if (j >= 16 && j + 16 < right[i].length) continue;
                (bytes[] memory proofs, uint256[][] memory statements) = theSet();
                statements[i][j] ^= 1;
                vm.assertTrue(!accepts(proofs, statements), "a changed value");
            }
        }
    }

    function test_refusesExchangedParts() public {
        (bytes[] memory right,) = theSet();
        for (uint256 i = 0; i < right.length; ++i) {
            (bytes[] memory proofs, uint256[][] memory statements) = theSet();
            uint256 next = (i + 1) % proofs.length;
            (proofs[i], proofs[next]) = (proofs[next], proofs[i]);
            (statements[i], statements[next]) = (statements[next], statements[i]);
            vm.assertTrue(!accepts(proofs, statements), "exchanged parts");
        }
    }

    function test_refusesAPartInPlaceOfAnother() public {
        (bytes[] memory right,) = theSet();
        for (uint256 i = 0; i < right.length; ++i) {
            (bytes[] memory proofs, uint256[][] memory statements) = theSet();
            uint256 next = (i + 1) % proofs.length;
            (proofs[next], statements[next]) = (proofs[i], statements[i]);
            vm.assertTrue(!accepts(proofs, statements), "a part twice");
        }
    }

    function test_refusesASetThatLacksAPart() public {
        (bytes[] memory right, uint256[][] memory theirs) = theSet();
        for (uint256 left = 0; left < right.length; ++left) {
            (bytes[] memory proofs, uint256[][] memory statements) =
                (new bytes[](right.length - 1), new uint256[][](right.length - 1));
            for (uint256 i = 0; i < proofs.length; ++i) {
                uint256 from = i < left ? i : i + 1;
                (proofs[i], statements[i]) = (right[from], theirs[from]);
            }
            vm.assertTrue(!accepts(proofs, statements), "a part is missing");
        }
    }

    /// @dev A call like this one, which may change the state, is what `isolate` makes a transaction of its own: its gas is that of the
    /// whole transaction.
    function accepts(bytes[] memory proofs, uint256[][] memory statements) private returns (bool) {
        (bool success, bytes memory answer) = set.call(abi.encodeCall(Set.verifySet, (proofs, statements)));
        return success && keccak256(answer) == keccak256(abi.encode(true));
    }

    /// @dev The proof of each part, and its statement.
    function theSet() private pure returns (bytes[] memory proofs, uint256[][] memory statements) {
        proofs = new bytes[]({count});
        statements = new uint256[][]({count});
{lists}        for (uint256 i = 0; i < statements.length; ++i) {
            uint256[] memory instances = statements[i];
            uint256 left = claims();
            statements[i] = new uint256[](instances.length - left);
            for (uint256 j = 0; j < statements[i].length; ++j) {
                statements[i][j] = instances[left + j];
            }
        }
    }

    /// @dev Bytes as a list of words: only the length is counted otherwise.
    function words(bytes memory data) private pure returns (uint256[] memory list) {
        assembly ("memory-safe") {
            mstore(data, div(mload(data), 0x20))
            list := data
        }
    }

{deploy}}
{contracts}"#;

const CONTRACT: &str = r"
contract {contract}Test is SetTest {
    function setUp() public {
        address[] memory behind;
        address[] memory fronts;
{steps}    }

    function claims() internal pure override returns (uint256 count) {
        return {claims};
    }

    function measuredGas() internal pure override returns (uint256 gas) {
        return {gas};
    }
}
";
