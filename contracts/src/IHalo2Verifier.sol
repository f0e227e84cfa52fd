// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

/// @title The interface of a verifier that EZKL 23.0.5 generates for one circuit.
/// @notice Consumers call it through this type and never by forwarding bytes: the verifier's answer means something only
/// for canonically encoded calldata, which a typed call makes.
interface IHalo2Verifier {
    /// @notice Accepts a proof by returning true, and reverts for every other.
    /// @param proof The proof as the prover wrote it.
    /// @param instances The public values, each below the order of BN254's scalar field.
    /// @return accepted Always true: a rejection reverts.
    function verifyProof(bytes calldata proof, uint256[] calldata instances) external returns (bool accepted);
}
