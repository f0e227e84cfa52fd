// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {CommittedGuard} from "../src/CommittedGuard.sol";
import {GuardedReusableCommitted} from "../src/GuardedReusableCommitted.sol";
import {ReusableVerifierGuard} from "../src/ReusableVerifierGuard.sol";
import {VerifierGuard} from "../src/VerifierGuard.sol";
import {FixedAnswer} from "./support/StandIns.sol";
import {VerifierTest} from "./support/VerifierTest.sol";

/// @title The guard of a committed circuit on the reusable verifier: it asks for what both of its bases ask for.
contract GuardedReusableCommittedTest is VerifierTest {
    GuardedReusableCommitted internal guard;
    bytes internal proof = new bytes(640);
    uint256[] internal instances = new uint256[](2);
    bytes32[] internal key = [bytes32("one"), bytes32("two")];

    function setUp() public {
        bytes32 digest = keccak256(abi.encodePacked(key));
        address obliging = address(new FixedAnswer(abi.encode(true, digest)));
        guard = new GuardedReusableCommitted(
            VerifierGuard.Pinned(obliging, obliging.codehash, proof.length, instances.length),
            digest,
            committedOf(load("committed_head"))
        );
        instances[1] = guard.challengeOf(proof);
    }

    function test_acceptsTheDerivedChallengeUnderTheKey() public {
        vm.assertTrue(guard.verifyProof(proof, instances, key), "accepted");
        vm.snapshotValue("GuardedReusableCommitted", "bytes", address(guard).code.length);
    }

    function test_rejectsAnotherChallengeCheckOrKey() public {
        uint256[] memory changed = instances;
        changed[1] = 7;
        vm.expectRevert(abi.encodeWithSelector(CommittedGuard.ChallengeMismatch.selector, instances[1], 7));
        guard.verifyProof(proof, changed, key);
        changed = instances;
        changed[0] = 7;
        vm.expectRevert(abi.encodeWithSelector(CommittedGuard.CheckNotZero.selector, 7));
        guard.verifyProof(proof, changed, key);
        bytes32[] memory other = key;
        other[0] = bytes32("three");
        vm.expectRevert(
            abi.encodeWithSelector(
                ReusableVerifierGuard.WrongKey.selector,
                keccak256(abi.encodePacked(key)),
                keccak256(abi.encodePacked(other))
            )
        );
        guard.verifyProof(proof, instances, other);
    }
}
