// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {CommittedGuard} from "../src/CommittedGuard.sol";
import {GuardedCommitted} from "../src/GuardedCommitted.sol";
import {LinkedCommitted} from "../src/LinkedCommitted.sol";
import {VerifierGuard} from "../src/VerifierGuard.sol";
import {VerifierTest} from "./support/VerifierTest.sol";

/// @title Two tiles of a layer and what comes after the first: one set, accepted whole or not at all.
contract LinkedCommittedTest is VerifierTest {
    string[3] internal names = ["committed_tile_0", "committed_tile_1", "committed_head"];
    CommittedGuard[] internal guards;
    LinkedCommitted.Source[] internal sources;
    LinkedCommitted internal set;

    function setUp() public {
        for (uint256 i = 0; i < names.length; ++i) {
            guards.push(guardOf(i, committedOf(load(names[i]))));
        }
        sources.push(LinkedCommitted.Source(0, LinkedCommitted.Group.Input));
        sources.push(LinkedCommitted.Source(0, LinkedCommitted.Group.Output));
        set = new LinkedCommitted(guards, sources);
    }

    function test_acceptsTheWholeSet() public {
        for (uint256 i = 0; i < 2; ++i) {
            (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([i, i, i]);
            bytes memory data = abi.encodeCall(LinkedCommitted.verifySet, (proofs, statements));
            vm.assertTrue(accepts(address(set), data), "accepted");
            if (i == 0) vm.snapshotGasLastCall("LinkedCommitted", "set of three: gas");
        }
        vm.snapshotValue("LinkedCommitted", "bytes", address(set).code.length);
    }

    function test_tellsItsParts() public view {
        vm.assertEq(set.partCount(), 3, "parts");
        LinkedCommitted.Part memory part = set.partAt(2);
        vm.assertTrue(part.guard == guards[2], "its guard");
        vm.assertEq(part.source, 0, "comes from the first");
        vm.assertEq(part.sourcePoint, 1, "after its input's point");
        vm.assertEq(part.points, 1, "one point");
    }

    /// Each of the proofs is right, and one is about another input.
    function test_rejectsAPartAboutAnotherTensor() public {
        for (uint256 odd = 0; odd < 3; ++odd) {
            uint256[3] memory which;
            which[odd] = 1;
            (bytes[] memory proofs, uint256[][] memory statements) = proofsOf(which);
            // The first link that is broken: of an odd first part, that of the second.
            vm.expectRevert(
                abi.encodeWithSelector(LinkedCommitted.WrongLink.selector, odd == 0 ? 1 : odd, 0)
            );
            set.verifySet(proofs, statements);
        }
    }

    function test_rejectsASetThatLacksAPart() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        for (uint256 left = 0; left < 3; ++left) {
            (bytes[] memory fewer, uint256[][] memory theirs) = (new bytes[](2), new uint256[][](2));
            for (uint256 i = 0; i < 2; ++i) {
                uint256 from = i < left ? i : i + 1;
                (fewer[i], theirs[i]) = (proofs[from], statements[from]);
            }
            vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongPartCount.selector, 3, 2, 2));
            set.verifySet(fewer, theirs);
            vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongPartCount.selector, 3, 3, 2));
            set.verifySet(proofs, theirs);
        }
    }

    function test_rejectsATileInPlaceOfTheOther() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        (proofs[1], statements[1]) = (proofs[0], statements[0]);
        uint256 expected = guards[1].challengeOf(proofs[0]);
        vm.expectRevert(
            abi.encodeWithSelector(CommittedGuard.ChallengeMismatch.selector, expected, statements[0][1])
        );
        set.verifySet(proofs, statements);
    }

    function test_rejectsWhatAGuardRejects() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        statements[2][4] = statements[2][4] + 1;
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        set.verifySet(proofs, statements);
        (proofs, statements) = proofsOf([uint256(0), 0, 0]);
        statements[1][0] = 1;
        vm.expectRevert(abi.encodeWithSelector(CommittedGuard.CheckNotZero.selector, 1));
        set.verifySet(proofs, statements);
    }

    /// What a consumer may rely on: the input by its commitments, and what every part shows.
    function test_tellsWhatTheSetSays() public view {
        for (uint256 i = 0; i < 2; ++i) {
            (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([i, i, i]);
            (bytes32 inputDigest, uint256[][] memory said) = set.verifiedSet(proofs, statements);
            vm.assertEq(inputDigest, guards[0].inputDigestOf(proofs[0]), "the first part's input");
            vm.assertEq(said.length, 3, "every part");
            for (uint256 part = 0; part < 3; ++part) {
                vm.assertEq(said[part].length, statements[part].length - 2, "without check and challenge");
                for (uint256 value = 0; value < said[part].length; ++value) {
                    vm.assertEq(said[part][value], statements[part][value + 2], "as the proof has it");
                }
            }
        }
    }

    /// It says nothing of a set that `verifySet` refuses.
    function test_saysNothingOfABrokenSet() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 1, 0]);
        vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongLink.selector, 1, 0));
        set.verifiedSet(proofs, statements);
        (proofs, statements) = proofsOf([uint256(0), 0, 0]);
        statements[1][0] = 1;
        vm.expectRevert(abi.encodeWithSelector(CommittedGuard.CheckNotZero.selector, 1));
        set.verifiedSet(proofs, statements);
        vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongPartCount.selector, 3, 2, 3));
        set.verifiedSet(new bytes[](2), statements);
    }

    /// A guard of other code may say no without reverting: the set then has no acceptance.
    function test_doesNotOverlookAGuardThatSaysNo() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        vm.mockCall(
            address(guards[1]),
            abi.encodeWithSelector(GuardedCommitted.verifyProof.selector),
            abi.encode(false)
        );
        vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.PartRejected.selector, 1));
        set.verifySet(proofs, statements);
    }

    // Sets that cannot be.

    function test_refusesPartsWithoutASource() public {
        sources.pop();
        vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongSources.selector, 3, 1));
        new LinkedCommitted(guards, sources);
        CommittedGuard[] memory alone = new CommittedGuard[](1);
        alone[0] = guards[0];
        vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongSources.selector, 1, 0));
        new LinkedCommitted(alone, new LinkedCommitted.Source[](0));
    }

    function test_refusesASourceThatIsNotEarlier() public {
        for (uint256 part = 2; part < 4; ++part) {
            sources[1].part = part;
            vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongSource.selector, 2));
            new LinkedCommitted(guards, sources);
        }
    }

    function test_refusesAnOutputThatIsNotCommittedTo() public {
        CommittedGuard[] memory headFirst = new CommittedGuard[](2);
        (headFirst[0], headFirst[1]) = (guards[2], guards[0]);
        LinkedCommitted.Source[] memory its = new LinkedCommitted.Source[](1);
        its[0] = LinkedCommitted.Source(0, LinkedCommitted.Group.Output);
        vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongSource.selector, 1));
        new LinkedCommitted(headFirst, its);
    }

    function test_refusesCommitmentsThatCannotBeCompared() public {
        CommittedGuard.Committed memory elsewhere = committedOf(load(names[1]));
        elsewhere.basis = keccak256("another reference string");
        guards[1] = guardOf(1, elsewhere);
        vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongSource.selector, 1));
        new LinkedCommitted(guards, sources);
        CommittedGuard.Committed memory longer = committedOf(load(names[1]));
        longer.layout.inputPoints = 2;
        guards[1] = guardOf(1, longer);
        vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongSource.selector, 1));
        new LinkedCommitted(guards, sources);
    }

    function guardOf(uint256 i, CommittedGuard.Committed memory committed) internal returns (GuardedCommitted) {
        Fixture memory fixture = load(names[i]);
        return new GuardedCommitted(pinned(fixture, proofOf(fixture, 0), deploy(fixture)), committed);
    }

    /// The proof of this index for each part.
    function proofsOf(uint256[3] memory which)
        internal
        view
        returns (bytes[] memory proofs, uint256[][] memory statements)
    {
        (proofs, statements) = (new bytes[](3), new uint256[][](3));
        for (uint256 i = 0; i < 3; ++i) {
            Proof memory proof = proofOf(load(names[i]), which[i]);
            (proofs[i], statements[i]) = (proof.proof, proof.instances);
        }
    }
}
