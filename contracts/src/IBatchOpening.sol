// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title A generated verifier without its pairing.
/// @notice evmbench derives such a contract from a circuit's generated verifier. It does everything that the verifier does
/// up to the pairing, and returns what the pairing would have been asked about. By itself it proves nothing: a proof is
/// good only if the pairing holds as well, which `BatchGuard` computes once for many proofs.
interface IBatchOpening {
    /// @notice What is left to check of a proof, whose transcript, evaluations and constraints this call has checked. With
    /// the points K_j of `key`, the proof is good if and only if
    /// e(lhs + first * (K_0 + zeta K_1 + zeta^2 K_2 + ...) - eval * G1, G2) = e(rhs, s*G2).
    /// @dev Reverts without data where the verifier would reject without pairing. Reads its calldata at fixed places, as the
    /// verifier does: only canonical calldata means what it says.
    /// @param proof The proof.
    /// @param instances The circuit's public values.
    /// @return words lhs (x, y), rhs (x, y), zeta, first, eval.
    function opening(bytes calldata proof, uint256[] calldata instances)
        external
        view
        returns (uint256[7] memory words);

    /// @notice What is the same for all proofs of the circuit.
    /// @return words -s*G2 (four words, as the precompile takes them), then three words for each point K_j: x, y and 0. The
    /// number of points is a multiple of four, filled up with points at infinity (0, 0). None, where `opening` has
    /// multiplied them itself: then zeta, first and eval are 0.
    function key() external pure returns (uint256[] memory words);
}
