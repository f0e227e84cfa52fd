// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {VerifierGuard} from "../../src/VerifierGuard.sol";
import {VerifierTest} from "./VerifierTest.sol";

/// @title What the tests of batches share: proofs of one circuit, put one after another.
abstract contract BatchTest is VerifierTest {
    /// @notice The opening of a fixture's verifier, deployed.
    function deployOpening(string memory name) internal returns (address opening) {
        bytes memory code =
            vm.getCode(string.concat("contracts/test/fixtures/", name, "/BatchOpening.sol:BatchOpening"));
        assembly ("memory-safe") {
            opening := create(0, add(code, 0x20), mload(code))
        }
        vm.assertTrue(opening != address(0), "the opening deploys");
    }

    /// @notice What a batch contract needs to know of an opening and the circuit of a proof.
    function pinnedOpening(address opening, Proof memory proof) internal view returns (VerifierGuard.Pinned memory) {
        return VerifierGuard.Pinned({
            verifier: opening,
            codeHash: opening.codehash,
            proofBytes: proof.proof.length,
            instanceCount: proof.instances.length
        });
    }

    /// @notice A proof's instances without the first ones.
    function statementOf(Proof memory proof, uint256 claims) internal pure returns (uint256[] memory statement) {
        statement = new uint256[](proof.instances.length - claims);
        for (uint256 i = 0; i < statement.length; ++i) {
            statement[i] = proof.instances[claims + i];
        }
    }

    function joined(uint256[] memory left, uint256[] memory right) internal pure returns (uint256[] memory both) {
        both = new uint256[](left.length + right.length);
        for (uint256 i = 0; i < both.length; ++i) {
            both[i] = i < left.length ? left[i] : right[i - left.length];
        }
    }

    /// @notice The bytes of one proof in the place of the same bytes of another.
    function withBytesOf(bytes memory proof, bytes memory other, uint256 from, uint256 to)
        internal
        pure
        returns (bytes memory changed)
    {
        changed = bytes.concat(proof);
        for (uint256 i = from; i < to; ++i) {
            changed[i] = other[i];
        }
    }
}
