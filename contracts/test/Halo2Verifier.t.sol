// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Field} from "../src/Field.sol";
import {IHalo2Verifier} from "../src/IHalo2Verifier.sol";
import {VerifierTest} from "./support/VerifierTest.sol";

/// @title Generated verifiers without a guard: what they accept, and what they reject of canonically encoded calls.
contract Halo2VerifierTest is VerifierTest {
    string[4] internal names = ["dense_4x2", "relu_4x4", "dense_small-s7-direct", "dense_4x2_three"];
    address[4] internal verifiers;
    bytes[4] internal proofs;
    uint256[][4] internal instances;

    function setUp() public {
        for (uint256 i = 0; i < names.length; ++i) {
            Fixture memory fixture = load(names[i]);
            verifiers[i] = deploy(fixture);
            Proof memory proof = proofOf(fixture, 0);
            proofs[i] = proof.proof;
            instances[i] = proof.instances;
        }
    }

    function test_forgeCompilesTheSourceToEvmbenchsBytes() public view {
        for (uint256 i = 0; i < names.length; ++i) {
            Fixture memory fixture = load(names[i]);
            string memory source =
                string.concat("contracts/test/fixtures/", names[i], "/Verifier.sol:", fixture.contractName);
            vm.assertEq(vm.getCode(source), fixture.creationCode, names[i]);
        }
    }

    function test_theCodeIsTheRecorded() public {
        for (uint256 i = 0; i < names.length; ++i) {
            Fixture memory fixture = load(names[i]);
            vm.assertEq(verifiers[i].codehash, fixture.codeHash, names[i]);
            vm.assertEq(verifiers[i].code.length, fixture.codeBytes, names[i]);
            vm.snapshotValue("Halo2Verifier", string.concat(names[i], ": bytes"), verifiers[i].code.length);
        }
    }

    function test_acceptsEveryProof() public {
        for (uint256 i = 0; i < names.length; ++i) {
            Fixture memory fixture = load(names[i]);
            uint256 count = proofCount(fixture);
            vm.assertTrue(count > 0, names[i]);
            for (uint256 j = 0; j < count; ++j) {
                Proof memory proof = proofOf(fixture, j);
                vm.assertEq(accepts(verifiers[i], proof.callData), proof.accepted, names[i]);
                bytes memory encoded = abi.encodeCall(IHalo2Verifier.verifyProof, (proof.proof, proof.instances));
                vm.assertEq(encoded, proof.callData, "the recorded calldata is the canonical encoding");
            }
        }
    }

    function test_gasOfTheTransactionIsTheRecorded() public {
        for (uint256 i = 0; i < names.length; ++i) {
            Proof memory proof = proofOf(load(names[i]), 0);
            vm.assertTrue(accepts(verifiers[i], proof.callData), names[i]);
            uint256 gas = vm.snapshotGasLastCall("Halo2Verifier", string.concat(names[i], ": gas"));
            vm.assertEq(gas, proof.txGas, names[i]);
        }
    }

    function testFuzz_rejectsAChangedByte(uint256 which, uint256 seed) public {
        uint256 i = which % names.length;
        assertRejected(i, withByteChanged(proofs[i], seed), instances[i]);
    }

    function testFuzz_rejectsAChangedInstance(uint256 which, uint256 index, uint256 value) public {
        uint256 i = which % names.length;
        uint256[] memory changed = instances[i];
        index %= changed.length;
        value %= Field.ORDER;
        vm.assume(changed[index] != value);
        changed[index] = value;
        assertRejected(i, proofs[i], changed);
    }

    function testFuzz_rejectsAnInstanceUnderItsOtherNames(uint256 which, uint256 index, uint256 times) public {
        uint256 i = which % names.length;
        uint256[] memory changed = instances[i];
        index %= changed.length;
        // As often as the field's order fits above the instance.
        changed[index] += Field.ORDER * (1 + times % ((type(uint256).max - changed[index]) / Field.ORDER));
        assertRejected(i, proofs[i], changed);
    }

    function testFuzz_rejectsAnotherLength(uint256 which, uint256 proofBytes, uint256 instanceCount) public {
        uint256 i = which % names.length;
        proofBytes %= proofs[i].length + 65;
        instanceCount %= instances[i].length + 3;
        vm.assume(proofBytes != proofs[i].length || instanceCount != instances[i].length);
        assertRejected(i, withLength(proofs[i], proofBytes), withLength(instances[i], instanceCount));
    }

    function testFuzz_rejectsNoise(uint256 which, bytes32 seed) public {
        uint256 i = which % names.length;
        bytes memory noise = new bytes(proofs[i].length);
        for (uint256 word = 0; word < noise.length; word += 32) {
            bytes32 value = keccak256(abi.encode(seed, word));
            for (uint256 j = word; j < noise.length && j < word + 32; ++j) {
                noise[j] = value[j - word];
            }
        }
        assertRejected(i, noise, instances[i]);
    }

    /// dense_4x2 and dense_4x2_three have one shape and other weights: between these two, lengths tell nothing.
    function test_rejectsTheProofOfAnotherCircuit() public {
        for (uint256 i = 0; i < names.length; ++i) {
            for (uint256 j = 0; j < names.length; ++j) {
                if (i == j) continue;
                assertRejected(i, proofs[j], instances[j]);
                assertRejected(i, proofs[j], instances[i]);
                assertRejected(i, proofs[i], instances[j]);
            }
        }
    }

    function test_rejectsTheProofOfAnotherStatement() public {
        Fixture memory fixture = load("dense_4x2_three");
        Proof memory one = proofOf(fixture, 0);
        Proof memory again = proofOf(fixture, 1);
        Proof memory other = proofOf(fixture, 2);
        vm.assertTrue(keccak256(one.proof) != keccak256(again.proof), "two proofs");
        vm.assertEq(abi.encode(one.instances), abi.encode(again.instances), "of one statement");
        assertRejected(3, other.proof, one.instances);
        assertRejected(3, again.proof, other.instances);
    }

    function assertRejected(uint256 i, bytes memory proof, uint256[] memory values) internal {
        bytes memory data = abi.encodeCall(IHalo2Verifier.verifyProof, (proof, values));
        (bool success,) = verifiers[i].call(data);
        vm.assertTrue(!success, names[i]);
    }
}
