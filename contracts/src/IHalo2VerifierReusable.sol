// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title The interface of the reusable verifier that EZKL 23.0.5 generates: one contract for all circuits.
/// @notice What makes a circuit a circuit, its key artifact, comes with each call. Anybody may register any artifact, so
/// that a registered one is not yet the right one: a consumer must know its digest. `ReusableVerifierGuard` does.
/// @dev As for `IHalo2Verifier`, verification is declared `view` here and is not in the generated contract.
interface IHalo2VerifierReusable {
    /// @notice Registers a key artifact, whatever it holds.
    /// @param key The artifact's words.
    /// @return digest Keccak-256 of the words: the number by which a consumer knows the circuit.
    function registerVka(bytes32[] calldata key) external returns (bytes32 digest);

    /// @notice Accepts a proof by returning true, and reverts for every other and for an artifact nobody registered.
    /// @dev The generated contract returns a third value, the instances rescaled to decimals. It is left out: what is
    /// returned in its place (a length where the ABI has an offset) is not the encoding of an array, and decoding it
    /// would fail. The first two words are sound, and the ABI lets a caller ignore what follows.
    /// @param proof The proof as the prover wrote it.
    /// @param instances The public values, each below the order of BN254's scalar field.
    /// @param key The artifact's words.
    /// @return accepted Always true: a rejection reverts.
    /// @return digest Keccak-256 of the artifact's words.
    function verifyProof(bytes calldata proof, uint256[] calldata instances, bytes32[] calldata key)
        external
        view
        returns (bool accepted, bytes32 digest);
}
