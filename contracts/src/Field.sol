// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title The scalar field of BN254, in which a generated verifier's instances live.
/// @notice A circuit's integers are field elements: a negative one is stored as the order less its magnitude.
library Field {
    /// @notice How many elements the field has: the verifiers' constant `R`.
    uint256 internal constant ORDER =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// @notice The integer that a circuit means by an element: the upper half of the field is negative.
    /// @param element An element, below `ORDER`. A larger number is no element, and what it gives means nothing:
    /// a guard has refused it before.
    /// @return value The integer, of magnitude below `ORDER / 2`, in units of the circuit's output scale.
    function toSigned(uint256 element) internal pure returns (int256 value) {
        unchecked {
            value = element > ORDER / 2 ? int256(element) - int256(ORDER) : int256(element);
        }
    }
}
