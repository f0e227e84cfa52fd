// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {ReusableVerifierGuard} from "./ReusableVerifierGuard.sol";

/// @title A guard of one circuit on the reusable verifier, for consumers that want a contract to call.
/// @notice `verifyProof` takes the reusable verifier's own calldata.
contract GuardedReusableVerifier is ReusableVerifierGuard {
    /// @param pinned The verifier, which must be deployed by now.
    /// @param keyDigest_ What `registerVka` returned for the circuit's artifact.
    constructor(Pinned memory pinned, bytes32 keyDigest_) ReusableVerifierGuard(pinned, keyDigest_) {}

    /// @notice Returns true if the verifier accepts the proof for these instances, and reverts otherwise.
    /// @param proof The proof as the prover wrote it.
    /// @param instances The circuit's public values.
    /// @param key The words of the circuit's key artifact.
    /// @return accepted Always true.
    function verifyProof(bytes calldata proof, uint256[] calldata instances, bytes32[] calldata key)
        external
        view
        returns (bool accepted)
    {
        _verify(proof, instances, key);
        return true;
    }
}
