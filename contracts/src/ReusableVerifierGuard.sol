// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IHalo2VerifierReusable} from "./IHalo2VerifierReusable.sol";
import {VerifierGuard} from "./VerifierGuard.sol";

/// @title What stands between a consumer and the reusable verifier.
/// @notice The reusable verifier takes the circuit's key artifact with each call and accepts any that somebody registered.
/// This guard pins the digest of one, and with it the circuit: a proof of another circuit, or of the same network with
/// other weights, has another digest.
/// @dev A consumer calls `_verify` with the artifact. (The one without, which is inherited, asks for a function that the
/// reusable verifier does not have, and so rejects everything.)
abstract contract ReusableVerifierGuard is VerifierGuard {
    /// @notice The artifact is not the pinned circuit's.
    error WrongKey(bytes32 expected, bytes32 found);

    /// @notice Keccak-256 of the key artifact's words, as `registerVka` returns it.
    bytes32 public immutable keyDigest;

    /// @param pinned The verifier, which must be deployed by now.
    /// @param keyDigest_ What `registerVka` returned for the circuit's artifact. The artifact may be registered later.
    constructor(Pinned memory pinned, bytes32 keyDigest_) VerifierGuard(pinned) {
        keyDigest = keyDigest_;
    }

    /// @notice Returns if the verifier accepts the proof for these instances under the pinned key, and reverts otherwise.
    /// @param proof The proof as the prover wrote it.
    /// @param instances The circuit's public values.
    /// @param key The words of the circuit's key artifact.
    function _verify(bytes calldata proof, uint256[] calldata instances, bytes32[] calldata key) internal view {
        _requireWellFormed(proof, instances);
        bytes32 found = keccak256(abi.encodePacked(key));
        if (found != keyDigest) revert WrongKey(keyDigest, found);
        try IHalo2VerifierReusable(verifier).verifyProof(proof, instances, key) returns (
            bool accepted, bytes32 digest
        ) {
            if (!accepted) revert ProofRejected();
            if (digest != keyDigest) revert WrongKey(keyDigest, digest);
        } catch {
            revert ProofRejected();
        }
    }
}
