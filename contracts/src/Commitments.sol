// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Field} from "./Field.sol";

/// @title The commitments that a proof of a committed circuit begins with, and the challenge that follows from them.
/// @notice Such a proof begins with the KZG commitments to the circuit's input tensors: first those of the model's input,
/// then of its output (where it is not public), then of what else the prover claims, and last of the challenge itself. A
/// tensor has one commitment for each column that it fills. docs/commit-and-challenge.md has the argument.
library Commitments {
    /// @notice How many points each group of commitments has.
    struct Layout {
        /// Those of the model's input; at least one.
        uint256 inputPoints;
        /// Those of the model's output; none where it is public.
        uint256 outputPoints;
        /// Those of what else is claimed; none where nothing is.
        uint256 claimPoints;
    }

    /// @notice What separates these challenges from every other use of the hash.
    bytes32 internal constant DOMAIN = keccak256("evmbench commit-and-challenge 1");

    /// @notice Length of a point, in bytes: x and y, big-endian. A verifier accepts neither a coordinate that is not below
    /// the base field's order nor the point at infinity, so that a point has one encoding.
    uint256 internal constant POINT_BYTES = 64;

    /// @notice The challenge of a proof: a field element that nobody knows before all commitments are fixed.
    /// @dev A hash modulo the field's order is not quite uniform: no element is more than 1.14 times as likely as it
    /// should be, which the bound in docs/commit-and-challenge.md has.
    /// @param circuitDigest Keccak-256 of the circuit's verifying key.
    /// @param layout How many points each group has.
    /// @param proof A proof, at least as long as these points.
    /// @return challenge Below the field's order.
    function challengeOf(bytes32 circuitDigest, Layout memory layout, bytes calldata proof)
        internal
        pure
        returns (uint256 challenge)
    {
        uint256 points = layout.inputPoints + layout.outputPoints + layout.claimPoints;
        bytes32 seed = keccak256(
            abi.encodePacked(
                DOMAIN,
                circuitDigest,
                layout.inputPoints,
                layout.outputPoints,
                layout.claimPoints,
                proof[:POINT_BYTES * points]
            )
        );
        return uint256(seed) % Field.ORDER;
    }

    /// @notice The number by which a run of commitments is known: Keccak-256 of their bytes.
    /// @param proof A proof.
    /// @param first The index of the first point.
    /// @param points How many there are.
    /// @return digest Equal for equal points only.
    function digestOf(bytes calldata proof, uint256 first, uint256 points) internal pure returns (bytes32 digest) {
        return keccak256(proof[POINT_BYTES * first:POINT_BYTES * (first + points)]);
    }
}
