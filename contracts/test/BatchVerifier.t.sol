// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {BatchGuard} from "../src/BatchGuard.sol";
import {BatchVerifier} from "../src/BatchVerifier.sol";
import {Field} from "../src/Field.sol";
import {VerifierGuard} from "../src/VerifierGuard.sol";
import {BatchTest} from "./support/BatchTest.sol";

/// @title Three proofs of one direct circuit, two of them of one statement, in batches.
contract BatchVerifierTest is BatchTest {
    string internal constant NAME = "dense_4x2_three";

    BatchVerifier internal batch;
    bytes internal all;
    uint256[] internal instances;
    bytes[3] internal proofs;

    function setUp() public {
        Fixture memory fixture = load(NAME);
        address opening = deployOpening(NAME);
        for (uint256 i = 0; i < 3; ++i) {
            Proof memory proof = proofOf(fixture, i);
            proofs[i] = proof.proof;
            all = bytes.concat(all, proof.proof);
            instances = joined(instances, proof.instances);
        }
        batch = new BatchVerifier(pinnedOpening(opening, proofOf(fixture, 0)));
    }

    function test_gasAndSize() public {
        vm.assertTrue(accepts(address(batch), abi.encodeCall(batch.verifyBatch, (all, instances))), "all");
        vm.snapshotGasLastCall("BatchVerifier", string.concat(NAME, ": gas"));
        vm.snapshotValue("BatchVerifier", "bytes", address(batch).code.length);
    }

    /// Two proofs of one statement may change places; a third of another may not.
    function test_acceptsAnyProofsOfTheStatements() public {
        vm.assertTrue(batch.verifyBatch(bytes.concat(proofs[1], proofs[0], proofs[2]), instances), "equal statements");
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        batch.verifyBatch(bytes.concat(proofs[2], proofs[1], proofs[0]), instances);
    }

    /// forge-config: default.fuzz.runs = 32
    function testFuzz_rejectsAChangedByte(uint256 seed) public {
        bytes memory data = abi.encodeCall(batch.verifyBatch, (withByteChanged(all, seed), instances));
        vm.assertTrue(!accepts(address(batch), data), "a changed byte");
    }

    /// forge-config: default.fuzz.runs = 32
    function testFuzz_rejectsAChangedValue(uint256 index, uint256 value) public {
        uint256[] memory changed = instances;
        index %= changed.length;
        value %= Field.ORDER;
        vm.assume(changed[index] != value);
        changed[index] = value;
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        batch.verifyBatch(all, changed);
    }

    function test_rejectsOtherLengths() public {
        vm.expectRevert(VerifierGuard.EmptyBatch.selector);
        batch.verifyBatch("", new uint256[](0));
        uint256[] memory more = withLength(instances, instances.length + 1);
        vm.expectRevert(abi.encodeWithSelector(BatchGuard.WrongBatchLength.selector, all.length, more.length));
        batch.verifyBatch(all, more);
    }

    function test_isNotDeployedForProofsOfNoWholeWords() public {
        Fixture memory fixture = load(NAME);
        VerifierGuard.Pinned memory pin = pinnedOpening(batch.verifier(), proofOf(fixture, 0));
        uint256 length = pin.proofBytes;
        uint256[3] memory lengths = [0, length - 1, length + 1];
        for (uint256 i = 0; i < lengths.length; ++i) {
            pin.proofBytes = lengths[i];
            vm.expectRevert(abi.encodeWithSelector(BatchGuard.WrongProofBytes.selector, lengths[i]));
            new BatchVerifier(pin);
        }
    }
}
