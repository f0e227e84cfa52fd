// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title The interface of a verifier that EZKL 23.0.5 generates for one circuit.
/// @notice Consumers call it through this type and never by forwarding bytes: the verifier's answer means something only
/// for canonically encoded calldata, which a typed call makes. `VerifierGuard` is the way to do so.
/// @dev The generated contract does not declare the function `view`, yet it only computes. Declared so here, the call is
/// a STATICCALL: whatever stands at the address can change nothing and cannot come back into the caller with effect.
interface IHalo2Verifier {
    /// @notice Accepts a proof by returning true, and reverts for every other.
    /// @param proof The proof as the prover wrote it.
    /// @param instances The public values, each below the order of BN254's scalar field.
    /// @return accepted Always true: a rejection reverts.
    function verifyProof(bytes calldata proof, uint256[] calldata instances) external view returns (bool accepted);
}
