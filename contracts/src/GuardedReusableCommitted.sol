// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {CommittedGuard} from "./CommittedGuard.sol";
import {ReusableVerifierGuard} from "./ReusableVerifierGuard.sol";
import {VerifierGuard} from "./VerifierGuard.sol";

/// @title A guard of one committed circuit on the reusable verifier, for consumers that want a contract to call.
/// @notice `verifyProof` takes the reusable verifier's own calldata.
contract GuardedReusableCommitted is ReusableVerifierGuard, CommittedGuard {
    /// @param pinned The verifier, which must be deployed by now.
    /// @param keyDigest_ What `registerVka` returned for the circuit's artifact.
    /// @param committed What the circuit adds to its verifier.
    constructor(Pinned memory pinned, bytes32 keyDigest_, Committed memory committed)
        ReusableVerifierGuard(pinned, keyDigest_)
        CommittedGuard(committed)
    {}

    /// @notice Returns true if the verifier accepts the proof for these instances, all of whose claims hold, and reverts
    /// otherwise.
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

    /// @inheritdoc CommittedGuard
    function _requireWellFormed(bytes calldata proof, uint256[] calldata instances)
        internal
        view
        override(VerifierGuard, CommittedGuard)
    {
        CommittedGuard._requireWellFormed(proof, instances);
    }
}
