// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Commitments} from "../../src/Commitments.sol";
import {CommittedGuard} from "../../src/CommittedGuard.sol";
import {VerifierGuard} from "../../src/VerifierGuard.sol";
import {Vm} from "./Vm.sol";

/// @title What the tests share: fixtures that `evmbench export-foundry` wrote, and wrong versions of them.
abstract contract VerifierTest {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @notice A verifier, and what evmbench says of it.
    struct Fixture {
        string name;
        string json;
        string contractName;
        bytes creationCode;
        bytes32 codeHash;
        uint256 codeBytes;
    }

    /// @notice A proof, and what evmbench says of it.
    struct Proof {
        bytes proof;
        uint256[] instances;
        bytes32[] key;
        bytes callData;
        bool accepted;
        uint256 txGas;
    }

    /// @notice Where the fixtures are; another folder of `evmbench export-foundry` can be named.
    function fixturesFolder() internal view returns (string memory) {
        return vm.envOr("EVMBENCH_FIXTURES", string("contracts/test/fixtures"));
    }

    /// @notice The committed fixture of this name.
    function load(string memory name) internal view returns (Fixture memory) {
        return loadFrom(string.concat("contracts/test/fixtures/", name));
    }

    /// @notice The fixture in a folder.
    function loadFrom(string memory folder) internal view returns (Fixture memory) {
        string memory json = vm.readFile(string.concat(folder, "/fixture.json"));
        return Fixture({
            name: folder,
            json: json,
            contractName: vm.parseJsonString(json, ".contract"),
            creationCode: vm.parseJsonBytes(json, ".creation_code"),
            codeHash: vm.parseJsonBytes32(json, ".runtime_code_hash"),
            codeBytes: vm.parseJsonUint(json, ".runtime_code_bytes")
        });
    }

    function proofCount(Fixture memory fixture) internal view returns (uint256 count) {
        while (vm.keyExistsJson(fixture.json, string.concat(at(count), ".proof"))) ++count;
    }

    function proofOf(Fixture memory fixture, uint256 index) internal pure returns (Proof memory) {
        string memory path = at(index);
        return Proof({
            proof: vm.parseJsonBytes(fixture.json, string.concat(path, ".proof")),
            instances: vm.parseJsonUintArray(fixture.json, string.concat(path, ".instances")),
            key: vm.parseJsonBytes32Array(fixture.json, string.concat(path, ".key")),
            callData: vm.parseJsonBytes(fixture.json, string.concat(path, ".calldata")),
            accepted: vm.parseJsonBool(fixture.json, string.concat(path, ".accepted")),
            txGas: vm.parseJsonUint(fixture.json, string.concat(path, ".gas.tx_gas"))
        });
    }

    function at(uint256 index) private pure returns (string memory) {
        return string.concat(".proofs[", vm.toString(index), "]");
    }

    /// @notice Deploys the verifier from evmbench's bytecode, which `Halo2Verifier.t.sol` compares with forge's own.
    function deploy(Fixture memory fixture) internal returns (address verifier) {
        bytes memory code = fixture.creationCode;
        assembly ("memory-safe") {
            verifier := create(0, add(code, 0x20), mload(code))
        }
        vm.assertTrue(verifier != address(0), "the verifier deploys");
    }

    /// @notice What a guard needs to know of a verifier and the circuit of a proof.
    function pinned(Fixture memory fixture, Proof memory proof, address verifier)
        internal
        pure
        returns (VerifierGuard.Pinned memory)
    {
        return VerifierGuard.Pinned({
            verifier: verifier,
            codeHash: fixture.codeHash,
            proofBytes: proof.proof.length,
            instanceCount: proof.instances.length
        });
    }

    /// @notice Whether a fixture's circuit is a committed one.
    function isCommitted(Fixture memory fixture) internal view returns (bool) {
        return vm.keyExistsJson(fixture.json, ".committed");
    }

    /// @notice What a guard needs to know of a committed circuit besides.
    function committedOf(Fixture memory fixture) internal pure returns (CommittedGuard.Committed memory) {
        return CommittedGuard.Committed({
            circuitDigest: vm.parseJsonBytes32(fixture.json, ".committed.circuit_digest"),
            basis: vm.parseJsonBytes32(fixture.json, ".committed.basis"),
            layout: layoutAt(fixture.json, ".committed.layout"),
            registeredInput: 0
        });
    }

    /// @notice How many points each group of commitments has.
    function layoutAt(string memory json, string memory path)
        internal
        pure
        returns (Commitments.Layout memory)
    {
        return Commitments.Layout({
            inputPoints: vm.parseJsonUint(json, string.concat(path, ".input_points")),
            outputPoints: vm.parseJsonUint(json, string.concat(path, ".output_points")),
            claimPoints: vm.parseJsonUint(json, string.concat(path, ".claim_points"))
        });
    }

    /// @notice Sends calldata as it is, and tells whether the call went through and returned `true` first.
    /// @dev A call like this one, which may change the state, is what `--isolate` makes a transaction of its own: its gas is
    /// that of the whole transaction, base price and calldata included. A STATICCALL's is not.
    function accepts(address target, bytes memory data) internal returns (bool) {
        (bool success, bytes memory answer) = target.call(data);
        return success && answer.length >= 32 && abi.decode(answer, (uint256)) == 1;
    }

    /// @notice The proof with a byte changed: which one and how follows from the seed.
    function withByteChanged(bytes memory proof, uint256 seed) internal pure returns (bytes memory changed) {
        changed = bytes.concat(proof);
        uint256 index = seed % changed.length;
        // From 1 to 255, so that the byte is another.
        uint8 mask = uint8(1 + (seed / changed.length) % 255);
        changed[index] ^= bytes1(mask);
    }

    /// @notice The proof cut off or extended to another length.
    function withLength(bytes memory proof, uint256 length) internal pure returns (bytes memory changed) {
        changed = new bytes(length);
        for (uint256 i = 0; i < length && i < proof.length; ++i) {
            changed[i] = proof[i];
        }
    }

    function withLength(uint256[] memory instances, uint256 length) internal pure returns (uint256[] memory changed) {
        changed = new uint256[](length);
        for (uint256 i = 0; i < length && i < instances.length; ++i) {
            changed[i] = instances[i];
        }
    }
}
