// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Field} from "../src/Field.sol";
import {GuardedReusableVerifier} from "../src/GuardedReusableVerifier.sol";
import {IHalo2Verifier} from "../src/IHalo2Verifier.sol";
import {IHalo2VerifierReusable} from "../src/IHalo2VerifierReusable.sol";
import {ReusableVerifierGuard} from "../src/ReusableVerifierGuard.sol";
import {VerifierGuard} from "../src/VerifierGuard.sol";
import {FixedAnswer} from "./support/StandIns.sol";
import {VerifierTest} from "./support/VerifierTest.sol";

/// @title The guard in front of the reusable verifier: one circuit out of many.
contract GuardedReusableVerifierTest is VerifierTest {
    string internal constant NAME = "reusable_4x2";
    IHalo2VerifierReusable internal verifier;
    GuardedReusableVerifier internal guard;
    bytes internal proof;
    uint256[] internal instances;
    bytes32[] internal key;
    bytes32[] internal otherKey;

    function setUp() public {
        Fixture memory fixture = load(NAME);
        Proof memory first = proofOf(fixture, 0);
        verifier = IHalo2VerifierReusable(deploy(fixture));
        (proof, instances, key, otherKey) = (first.proof, first.instances, first.key, proofOf(fixture, 1).key);
        bytes32 digest = verifier.registerVka(key);
        verifier.registerVka(otherKey);
        guard = new GuardedReusableVerifier(pinned(fixture, first, address(verifier)), digest);
    }

    function test_acceptsAProofUnderItsKey() public {
        vm.assertTrue(accepts(address(guard), proofOf(load(NAME), 0).callData), "accepted");
        vm.snapshotGasLastCall("GuardedReusableVerifier", "gas");
        vm.snapshotValue("GuardedReusableVerifier", "bytes", address(guard).code.length);
    }

    function test_rejectsARightProofOfAnotherCircuit() public {
        Proof memory other = proofOf(load(NAME), 1);
        (bool accepted,) = verifier.verifyProof(other.proof, other.instances, other.key);
        vm.assertTrue(accepted, "the verifier takes it");
        vm.expectRevert(
            abi.encodeWithSelector(ReusableVerifierGuard.WrongKey.selector, digestOf(key), digestOf(otherKey))
        );
        guard.verifyProof(other.proof, other.instances, other.key);
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guard.verifyProof(other.proof, other.instances, key);
    }

    function testFuzz_rejectsAKeyThatSomebodyRegistered(uint256 index, bytes32 word) public {
        bytes32[] memory changed = key;
        index %= changed.length;
        vm.assume(changed[index] != word);
        changed[index] = word;
        bytes32 digest = verifier.registerVka(changed);
        vm.expectRevert(abi.encodeWithSelector(ReusableVerifierGuard.WrongKey.selector, digestOf(key), digest));
        guard.verifyProof(proof, instances, changed);
    }

    function testFuzz_rejectsAKeyOfAnotherLength(uint256 length) public {
        bytes32[] memory changed = new bytes32[](length % (2 * key.length));
        vm.assume(changed.length != key.length);
        for (uint256 i = 0; i < changed.length && i < key.length; ++i) {
            changed[i] = key[i];
        }
        vm.expectRevert(
            abi.encodeWithSelector(ReusableVerifierGuard.WrongKey.selector, digestOf(key), digestOf(changed))
        );
        guard.verifyProof(proof, instances, changed);
    }

    function test_rejectsAKeyThatNobodyRegistered() public {
        Fixture memory fixture = load(NAME);
        address fresh = deploy(fixture);
        guard = new GuardedReusableVerifier(pinned(fixture, proofOf(fixture, 0), fresh), digestOf(key));
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guard.verifyProof(proof, instances, key);
        IHalo2VerifierReusable(fresh).registerVka(key);
        vm.assertTrue(guard.verifyProof(proof, instances, key), "registered later");
    }

    function testFuzz_rejectsAChangedByte(uint256 seed) public {
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guard.verifyProof(withByteChanged(proof, seed), instances, key);
    }

    function testFuzz_rejectsAChangedInstance(uint256 index, uint256 value) public {
        uint256[] memory changed = instances;
        index %= changed.length;
        value %= Field.ORDER;
        vm.assume(changed[index] != value);
        changed[index] = value;
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guard.verifyProof(proof, changed, key);
    }

    function testFuzz_rejectsWhatIsNoFieldElement(uint256 index, uint256 value) public {
        uint256[] memory changed = instances;
        index %= changed.length;
        changed[index] = Field.ORDER + value % (type(uint256).max - Field.ORDER + 1);
        vm.expectRevert(abi.encodeWithSelector(VerifierGuard.InstanceNotInField.selector, index));
        guard.verifyProof(proof, changed, key);
    }

    function test_rejectsOtherLengths() public {
        uint256 length = proof.length;
        vm.expectRevert(abi.encodeWithSelector(VerifierGuard.WrongProofLength.selector, length, length + 1));
        guard.verifyProof(withLength(proof, length + 1), instances, key);
        vm.expectRevert(abi.encodeWithSelector(VerifierGuard.WrongInstanceCount.selector, 6, 5));
        guard.verifyProof(proof, withLength(instances, 5), key);
    }

    /// The key stands before the proof, and the instances last: the verifier, which goes by places, gets them in order.
    function test_acceptsARightProofInAnyOrder() public {
        bytes memory keyPart = abi.encodePacked(key.length, key);
        // The proof is of whole words.
        bytes memory proofPart = abi.encodePacked(proof.length, proof);
        uint256 proofAt = 96 + keyPart.length;
        bytes memory data = bytes.concat(
            IHalo2VerifierReusable.verifyProof.selector,
            abi.encode(proofAt, proofAt + proofPart.length, 96),
            keyPart,
            proofPart,
            abi.encodePacked(instances.length, instances)
        );
        vm.assertTrue(accepts(address(guard), data), "accepted");
    }

    function test_rejectsACallWithoutAKey() public {
        bytes memory data = abi.encodeCall(IHalo2Verifier.verifyProof, (proof, instances));
        vm.assertTrue(!accepts(address(guard), data), "there is no such function");
    }

    function test_acceptsNoAnswerForAnotherKey() public {
        guard = over_(abi.encode(true, digestOf(key)));
        vm.assertTrue(guard.verifyProof("", new uint256[](0), key), "true, and the digest");
        guard = over_(abi.encode(true, digestOf(otherKey)));
        vm.expectRevert(
            abi.encodeWithSelector(ReusableVerifierGuard.WrongKey.selector, digestOf(key), digestOf(otherKey))
        );
        guard.verifyProof("", new uint256[](0), key);
        guard = over_(abi.encode(false, digestOf(key)));
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guard.verifyProof("", new uint256[](0), key);
        guard = over_(abi.encode(true));
        vm.expectRevert();
        guard.verifyProof("", new uint256[](0), key);
    }

    /// A guard over a stand-in that answers with these bytes, for empty proofs without instances.
    function over_(bytes memory answer) internal returns (GuardedReusableVerifier) {
        address standIn = address(new FixedAnswer(answer));
        return new GuardedReusableVerifier(
            VerifierGuard.Pinned({verifier: standIn, codeHash: standIn.codehash, proofBytes: 0, instanceCount: 0}),
            digestOf(key)
        );
    }

    function digestOf(bytes32[] memory words) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(words));
    }
}
