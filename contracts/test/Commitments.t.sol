// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Commitments} from "../src/Commitments.sol";
import {Field} from "../src/Field.sol";
import {VerifierTest} from "./support/VerifierTest.sol";

/// @title The challenge, derived here and in evmbench.
contract CommitmentsTest is VerifierTest {
    function test_domainIsTheHashOfItsSentence() public pure {
        vm.assertEq(
            Commitments.DOMAIN,
            0x77345e18fad8588c41f4b5f3668c5577b5a61939ced5d7bc31c8e80e83348e7f,
            "as crates/ezkl/src/commitments.rs has it"
        );
    }

    function test_derivesWhatEvmbenchDerives() public view {
        string memory json = vm.readFile("contracts/test/fixtures/challenges.json");
        uint256 found;
        for (string memory at = vector(0); vm.keyExistsJson(json, string.concat(at, ".proof")); at = vector(found)) {
            ++found;
            bytes memory proof = vm.parseJsonBytes(json, string.concat(at, ".proof"));
            Commitments.Layout memory layout = layoutAt(json, at);
            bytes32 circuitDigest = vm.parseJsonBytes32(json, string.concat(at, ".circuit_digest"));
            vm.assertEq(
                bytes32(this.challengeOf(circuitDigest, layout, proof)),
                vm.parseJsonBytes32(json, string.concat(at, ".challenge")),
                at
            );
            vm.assertEq(
                this.digestOf(proof, 0, layout.inputPoints),
                vm.parseJsonBytes32(json, string.concat(at, ".input_digest")),
                at
            );
        }
        vm.assertEq(found, 6, "vectors");
    }

    function testFuzz_whatFollowsTheCommitmentsIsFree(bytes memory points, bytes memory rest, bytes memory other)
        public
        view
    {
        points = withLength(points, 128);
        Commitments.Layout memory layout = Commitments.Layout(1, 0, 1);
        uint256 challenge = this.challengeOf(0, layout, bytes.concat(points, rest));
        vm.assertTrue(challenge < Field.ORDER, "a field element");
        vm.assertEq(this.challengeOf(0, layout, bytes.concat(points, other)), challenge, "the same");
    }

    function testFuzz_everyByteOfTheCommitmentsCounts(bytes32 circuitDigest, bytes memory points, uint256 seed)
        public
        view
    {
        uint256 count = 1 + seed % 8;
        points = withLength(points, 64 * count);
        Commitments.Layout memory layout = Commitments.Layout(1, 0, count - 1);
        uint256 challenge = this.challengeOf(circuitDigest, layout, points);
        bytes memory changed = withByteChanged(points, seed);
        vm.assertTrue(this.challengeOf(circuitDigest, layout, changed) != challenge, "a point");
        vm.assertTrue(this.challengeOf(~circuitDigest, layout, points) != challenge, "the circuit");
        layout = Commitments.Layout(0, 1, count - 1);
        vm.assertTrue(this.challengeOf(circuitDigest, layout, points) != challenge, "the groups");
    }

    function testFuzz_proofMustHoldTheCommitments(uint256 length) public {
        vm.expectRevert();
        this.challengeOf(bytes32(0), Commitments.Layout(1, 1, 1), new bytes(length % 192));
    }

    // The library takes calldata.

    function challengeOf(bytes32 circuitDigest, Commitments.Layout memory layout, bytes calldata proof)
        public
        pure
        returns (uint256)
    {
        return Commitments.challengeOf(circuitDigest, layout, proof);
    }

    function digestOf(bytes calldata proof, uint256 first, uint256 points) public pure returns (bytes32) {
        return Commitments.digestOf(proof, first, points);
    }

    function vector(uint256 index) private pure returns (string memory) {
        return string.concat(".vectors[", vm.toString(index), "]");
    }
}
