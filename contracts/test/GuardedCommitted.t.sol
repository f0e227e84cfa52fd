// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {CommittedGuard} from "../src/CommittedGuard.sol";
import {Field} from "../src/Field.sol";
import {GuardedCommitted} from "../src/GuardedCommitted.sol";
import {GuardedVerifier} from "../src/GuardedVerifier.sol";
import {IHalo2Verifier} from "../src/IHalo2Verifier.sol";
import {VerifierGuard} from "../src/VerifierGuard.sol";
import {FixedAnswer} from "./support/StandIns.sol";
import {VerifierTest} from "./support/VerifierTest.sol";

/// @title The guard in front of verifiers of committed circuits, and in front of one that accepts everything.
contract GuardedCommittedTest is VerifierTest {
    uint256 internal constant CHECK = 0;
    uint256 internal constant CHALLENGE = 1;

    string[3] internal names = ["committed_tile_0", "committed_tile_1", "committed_head"];
    address[3] internal verifiers;
    GuardedCommitted[3] internal guards;
    bytes[3] internal proofs;
    uint256[][3] internal instances;

    function setUp() public {
        for (uint256 i = 0; i < names.length; ++i) {
            Fixture memory fixture = load(names[i]);
            Proof memory proof = proofOf(fixture, 0);
            verifiers[i] = deploy(fixture);
            guards[i] = new GuardedCommitted(pinned(fixture, proof, verifiers[i]), committedOf(fixture));
            proofs[i] = proof.proof;
            instances[i] = proof.instances;
        }
    }

    function test_acceptsHonestProofs() public {
        for (uint256 i = 0; i < names.length; ++i) {
            Fixture memory fixture = load(names[i]);
            for (uint256 j = 0; j < proofCount(fixture); ++j) {
                vm.assertTrue(accepts(address(guards[i]), proofOf(fixture, j).callData), names[i]);
            }
        }
    }

    function test_gasAndSize() public {
        for (uint256 i = 0; i < names.length; ++i) {
            vm.assertTrue(accepts(address(guards[i]), proofOf(load(names[i]), 0).callData), names[i]);
            vm.snapshotGasLastCall("GuardedCommitted", string.concat(names[i], ": gas"));
        }
        (GuardedCommitted registered,) = registeredFor(2, 0);
        vm.assertTrue(accepts(address(registered), proofOf(load(names[2]), 0).callData), "registered");
        vm.snapshotGasLastCall("GuardedCommitted", string.concat(names[2], ", input registered: gas"));
        vm.snapshotValue("GuardedCommitted", "bytes", address(guards[0]).code.length);
    }

    function test_returnsWhatTheProofSays() public view {
        uint256[] memory statement = guards[2].verifiedStatement(proofs[2], instances[2]);
        vm.assertEq(statement.length, instances[2].length - 2, "all but check and challenge");
        for (uint256 i = 0; i < statement.length; ++i) {
            vm.assertEq(statement[i], instances[2][i + 2], "in order");
        }
        vm.assertEq(guards[0].verifiedStatement(proofs[0], instances[0]).length, 0, "a tile shows nothing");
    }

    /// Proofs that a lying prover made: to the verifier, and to the guard that any circuit may have, they are right.
    function test_rejectsLies() public {
        string memory json = vm.readFile("contracts/test/fixtures/committed_head/lies.json");
        GuardedVerifier plain = new GuardedVerifier(pinned(load(names[2]), proofOf(load(names[2]), 0), verifiers[2]));
        uint256 found;
        for (string memory at = "[0]"; vm.keyExistsJson(json, string.concat(at, ".proof")); at = lie(found)) {
            ++found;
            bytes memory proof = vm.parseJsonBytes(json, string.concat(at, ".proof"));
            uint256[] memory values = vm.parseJsonUintArray(json, string.concat(at, ".instances"));
            string memory name = vm.parseJsonString(json, string.concat(at, ".name"));
            string memory answer = vm.parseJsonString(json, string.concat(at, ".answer"));
            vm.assertTrue(accepts(verifiers[2], abi.encodeCall(IHalo2Verifier.verifyProof, (proof, values))), name);
            vm.assertTrue(plain.verifyProof(proof, values), name);
            if (keccak256(bytes(answer)) == keccak256("check_not_zero")) {
                vm.assertTrue(values[CHECK] != 0, name);
                vm.expectRevert(abi.encodeWithSelector(CommittedGuard.CheckNotZero.selector, values[CHECK]));
            } else {
                vm.assertEq(values[CHECK], 0, name);
                uint256 expected = guards[2].challengeOf(proof);
                vm.expectRevert(
                    abi.encodeWithSelector(CommittedGuard.ChallengeMismatch.selector, expected, values[CHALLENGE])
                );
            }
            guards[2].verifyProof(proof, values);
        }
        vm.assertTrue(found > 0, "there are lies");
    }

    function test_rejectsTheProofOfAnotherCircuit() public {
        for (uint256 i = 0; i < names.length; ++i) {
            for (uint256 j = 0; j < names.length; ++j) {
                if (i == j) continue;
                vm.expectRevert();
                guards[i].verifyProof(proofs[j], instances[j]);
            }
        }
        // Of the same layout, with other weights: the challenge is another.
        uint256 expected = guards[0].challengeOf(proofs[1]);
        vm.expectRevert(
            abi.encodeWithSelector(
                CommittedGuard.ChallengeMismatch.selector, expected, instances[1][CHALLENGE]
            )
        );
        guards[0].verifyProof(proofs[1], instances[1]);
        // With the challenge that it asks for, it is no proof of the circuit.
        uint256[] memory changed = instances[1];
        changed[CHALLENGE] = expected;
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guards[0].verifyProof(proofs[1], changed);
    }

    function test_rejectsCheckAndChallengeInEachOthersPlace() public {
        uint256[] memory swapped = instances[2];
        (swapped[CHECK], swapped[CHALLENGE]) = (swapped[CHALLENGE], swapped[CHECK]);
        vm.expectRevert(
            abi.encodeWithSelector(CommittedGuard.ChallengeMismatch.selector, instances[2][CHALLENGE], 0)
        );
        guards[2].verifyProof(proofs[2], swapped);
    }

    function testFuzz_rejectsAnotherChallenge(uint256 which, uint256 value) public {
        uint256 i = which % names.length;
        uint256[] memory changed = instances[i];
        value %= Field.ORDER;
        vm.assume(changed[CHALLENGE] != value);
        changed[CHALLENGE] = value;
        vm.expectRevert(
            abi.encodeWithSelector(
                CommittedGuard.ChallengeMismatch.selector, instances[i][CHALLENGE], value
            )
        );
        guards[i].verifyProof(proofs[i], changed);
    }

    function testFuzz_rejectsACheckThatFails(uint256 which, uint256 value) public {
        uint256 i = which % names.length;
        uint256[] memory changed = instances[i];
        value = 1 + value % (Field.ORDER - 1);
        changed[CHECK] = value;
        vm.expectRevert(abi.encodeWithSelector(CommittedGuard.CheckNotZero.selector, value));
        guards[i].verifyProof(proofs[i], changed);
    }

    function testFuzz_rejectsAChangedStatement(uint256 index, uint256 value) public {
        uint256[] memory changed = instances[2];
        index = 2 + index % (changed.length - 2);
        value %= Field.ORDER;
        vm.assume(changed[index] != value);
        changed[index] = value;
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guards[2].verifyProof(proofs[2], changed);
    }

    /// A byte of the commitments changes the challenge; any other byte makes the proof wrong.
    function testFuzz_rejectsAChangedByte(uint256 which, uint256 seed) public {
        uint256 i = which % names.length;
        bytes memory changed = withByteChanged(proofs[i], seed);
        uint256 commitments = 64 * (guards[i].inputPoints() + guards[i].outputPoints() + guards[i].claimPoints());
        if (seed % changed.length < commitments) {
            uint256 expected = guards[i].challengeOf(changed);
            vm.expectRevert(
                abi.encodeWithSelector(
                    CommittedGuard.ChallengeMismatch.selector, expected, instances[i][CHALLENGE]
                )
            );
        } else {
            vm.expectRevert(VerifierGuard.ProofRejected.selector);
        }
        guards[i].verifyProof(changed, instances[i]);
    }

    function test_keepsWhatTheGuardOfAnyCircuitAsksFor() public {
        bytes memory proof = proofs[2];
        vm.expectRevert(
            abi.encodeWithSelector(VerifierGuard.WrongProofLength.selector, proof.length, proof.length + 1)
        );
        guards[2].verifyProof(withLength(proof, proof.length + 1), instances[2]);
        vm.expectRevert(abi.encodeWithSelector(VerifierGuard.WrongInstanceCount.selector, 5, 6));
        guards[2].verifyProof(proof, withLength(instances[2], 6));
        uint256[] memory raised = instances[2];
        raised[CHECK] += Field.ORDER;
        vm.expectRevert(abi.encodeWithSelector(VerifierGuard.InstanceNotInField.selector, CHECK));
        guards[2].verifyProof(proof, raised);
        vm.etch(verifiers[2], address(new FixedAnswer(abi.encode(true))).code);
        vm.expectRevert();
        guards[2].verifyProof(proof, instances[2]);
    }

    // A registered input.

    function test_acceptsTheRegisteredInputAlone() public {
        (GuardedCommitted guard, bytes32 registered) = registeredFor(2, 0);
        vm.assertTrue(guard.verifyProof(proofs[2], instances[2]), "the one");
        Proof memory other = proofOf(load(names[2]), 1);
        vm.assertTrue(guards[2].verifyProof(other.proof, other.instances), "any");
        bytes32 found = guard.inputDigestOf(other.proof);
        vm.expectRevert(
            abi.encodeWithSelector(CommittedGuard.UnregisteredInput.selector, registered, found)
        );
        guard.verifyProof(other.proof, other.instances);
    }

    // A verifier that accepts everything: what is left is what this guard adds.

    function testFuzz_acceptsTheDerivedChallengeAlone(bytes memory proof, uint256 value) public {
        proof = withLength(proof, 64 * 4 + proof.length);
        address obliging = address(new FixedAnswer(abi.encode(true)));
        GuardedCommitted guard = new GuardedCommitted(
            VerifierGuard.Pinned(obliging, obliging.codehash, proof.length, 2), committedOf(load(names[2]))
        );
        uint256[] memory values = new uint256[](2);
        values[CHALLENGE] = guard.challengeOf(proof);
        vm.assertTrue(guard.verifyProof(proof, values), "derived");
        value %= Field.ORDER;
        vm.assume(value != values[CHALLENGE]);
        values[CHALLENGE] = value;
        vm.expectRevert();
        guard.verifyProof(proof, values);
    }

    /// A guard for the input of a fixture's proof, and that input's digest.
    function registeredFor(uint256 i, uint256 proofIndex)
        internal
        returns (GuardedCommitted guard, bytes32 registered)
    {
        Fixture memory fixture = load(names[i]);
        Proof memory proof = proofOf(fixture, proofIndex);
        registered = guards[i].inputDigestOf(proof.proof);
        CommittedGuard.Committed memory committed = committedOf(fixture);
        committed.registeredInput = registered;
        guard = new GuardedCommitted(pinned(fixture, proof, verifiers[i]), committed);
    }

    function lie(uint256 index) private pure returns (string memory) {
        return string.concat("[", vm.toString(index), "]");
    }
}
