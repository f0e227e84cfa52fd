// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IHalo2VerifierReusable} from "../src/IHalo2VerifierReusable.sol";
import {VerifierTest} from "./support/VerifierTest.sol";

/// @title The reusable verifier without a guard: what a guard can rely on.
contract Halo2VerifierReusableTest is VerifierTest {
    string internal constant NAME = "reusable_4x2";
    IHalo2VerifierReusable internal verifier;

    function setUp() public {
        verifier = IHalo2VerifierReusable(deploy(load(NAME)));
    }

    function test_forgeCompilesTheSourceToEvmbenchsBytes() public view {
        Fixture memory fixture = load(NAME);
        bytes memory code = vm.getCode("contracts/test/fixtures/reusable_4x2/Verifier.sol:Halo2VerifierReusable");
        vm.assertEq(code, fixture.creationCode, "creation code");
    }

    function test_theCodeIsTheRecorded() public {
        Fixture memory fixture = load(NAME);
        vm.assertEq(address(verifier).codehash, fixture.codeHash, "hash");
        vm.assertEq(address(verifier).code.length, fixture.codeBytes, "length");
        vm.snapshotValue("Halo2VerifierReusable", "bytes", address(verifier).code.length);
    }

    function test_registrationReturnsTheHashOfTheWords() public {
        bytes32[] memory key = proofOf(load(NAME), 0).key;
        bytes32 digest = verifier.registerVka(key);
        vm.snapshotGasLastCall("Halo2VerifierReusable", "registration: gas");
        vm.assertEq(digest, keccak256(abi.encodePacked(key)), "digest");
    }

    function test_servesSeveralCircuits() public {
        Fixture memory fixture = load(NAME);
        uint256 count = proofCount(fixture);
        vm.assertEq(count, 2, "proofs");
        for (uint256 i = 0; i < count; ++i) {
            Proof memory proof = proofOf(fixture, i);
            verifier.registerVka(proof.key);
            (bool accepted, bytes32 digest) = verifier.verifyProof(proof.proof, proof.instances, proof.key);
            vm.assertTrue(accepted, "accepted");
            vm.assertEq(digest, keccak256(abi.encodePacked(proof.key)), "digest");
            bytes memory encoded =
                abi.encodeCall(IHalo2VerifierReusable.verifyProof, (proof.proof, proof.instances, proof.key));
            vm.assertEq(encoded, proof.callData, "the recorded calldata is the canonical encoding");
            vm.assertTrue(accepts(address(verifier), proof.callData), "accepted");
            string memory circuit = string.concat("circuit ", vm.toString(i), ": gas");
            vm.assertEq(vm.snapshotGasLastCall("Halo2VerifierReusable", circuit), proof.txGas, "gas");
        }
    }

    function test_rejectsAnUnregisteredKey() public {
        Proof memory proof = proofOf(load(NAME), 0);
        vm.expectRevert("VKA not registered");
        verifier.verifyProof(proof.proof, proof.instances, proof.key);
    }

    function test_rejectsAProofUnderTheKeyOfAnotherCircuit() public {
        Proof memory one = proofOf(load(NAME), 0);
        Proof memory other = proofOf(load(NAME), 1);
        verifier.registerVka(one.key);
        verifier.registerVka(other.key);
        vm.expectRevert();
        verifier.verifyProof(one.proof, one.instances, other.key);
        vm.expectRevert();
        verifier.verifyProof(other.proof, other.instances, one.key);
    }

    /// Which is why a consumer must know the digest: registration asks for nothing.
    function testFuzz_anybodyRegistersAnything(bytes32[] memory words) public {
        vm.assertEq(verifier.registerVka(words), keccak256(abi.encodePacked(words)), "digest");
    }
}
