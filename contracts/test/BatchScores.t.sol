// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {BatchCommitted} from "../src/BatchCommitted.sol";
import {BatchScores} from "../src/examples/BatchScores.sol";
import {VerifierGuard} from "../src/VerifierGuard.sol";
import {BatchTest} from "./support/BatchTest.sol";

/// @title A consumer of batches.
contract BatchScoresTest is BatchTest {
    string internal constant NAME = "committed_head";

    BatchCommitted internal batch;
    BatchScores internal scores;
    bytes[2] internal proofs;
    uint256[] internal statements;
    uint256[] internal nonces;

    function setUp() public {
        Fixture memory fixture = load(NAME);
        batch = new BatchCommitted(
            pinnedOpening(deployOpening(NAME), proofOf(fixture, 0)), committedOf(fixture)
        );
        scores = new BatchScores(batch);
        for (uint256 i = 0; i < 2; ++i) {
            Proof memory proof = proofOf(fixture, i);
            proofs[i] = proof.proof;
            statements = joined(statements, statementOf(proof, 2));
            nonces.push(scores.request(batch.inputDigestOf(proof.proof)));
        }
    }

    function test_settlesEachRequestOnce() public {
        bytes memory all = bytes.concat(proofs[0], proofs[1]);
        scores.settle(nonces, all, statements);
        for (uint256 i = 0; i < 2; ++i) {
            (, bool settled) = scores.requestOf(nonces[i]);
            vm.assertTrue(settled, "settled");
        }
        vm.expectRevert(abi.encodeWithSelector(BatchScores.NotOpen.selector, nonces[0]));
        scores.settle(nonces, all, statements);
    }

    /// The same batch again under new nonces is what replay would be: it settles only what was asked for again.
    function test_aCopiedBatchSettlesOnlyWhatIsOpen() public {
        bytes memory all = bytes.concat(proofs[0], proofs[1]);
        uint256[] memory one = new uint256[](2);
        (one[0], one[1]) = (nonces[0], nonces[0]);
        vm.expectRevert();
        scores.settle(one, all, statements);
        (, bool settled) = scores.requestOf(nonces[0]);
        vm.assertTrue(!settled, "all or nothing");
    }

    function test_rejectsProofsOfOtherInputs() public {
        (uint256 first, uint256 second) = (nonces[0], nonces[1]);
        (nonces[0], nonces[1]) = (second, first);
        bytes32 found = batch.inputDigestOf(proofs[0]);
        vm.expectRevert(abi.encodeWithSelector(BatchScores.OtherInput.selector, second, found));
        scores.settle(nonces, bytes.concat(proofs[0], proofs[1]), statements);
    }

    function test_rejectsOtherCountsAndNoBatch() public {
        vm.expectRevert(abi.encodeWithSelector(BatchScores.WrongCount.selector, 2, proofs[0].length));
        scores.settle(nonces, proofs[0], statements);
        vm.expectRevert(VerifierGuard.EmptyBatch.selector);
        scores.settle(new uint256[](0), "", new uint256[](0));
    }
}
