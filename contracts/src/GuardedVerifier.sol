// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {VerifierGuard} from "./VerifierGuard.sol";

/// @title A guard and nothing else, for consumers that want a contract to call rather than one to inherit.
/// @notice `verifyProof` has the generated verifier's own signature, so that the same calldata goes to either. What the
/// guard costs is the difference between both calls; evmbench measures it in each run.
contract GuardedVerifier is VerifierGuard {
    /// @param pinned The verifier, which must be deployed by now.
    constructor(Pinned memory pinned) VerifierGuard(pinned) {}

    /// @notice Returns true if the verifier accepts the proof for these instances, and reverts otherwise.
    /// @param proof The proof as the prover wrote it.
    /// @param instances The circuit's public values.
    /// @return accepted Always true.
    function verifyProof(bytes calldata proof, uint256[] calldata instances) external view returns (bool accepted) {
        _verify(proof, instances);
        return true;
    }

    /// @notice Returns true if the verifier accepts every proof for the instances beside it, and reverts otherwise.
    /// @param proofs The proofs; at least one.
    /// @param statements The instances of each.
    /// @return accepted Always true.
    function verifyBatch(bytes[] calldata proofs, uint256[][] calldata statements)
        external
        view
        returns (bool accepted)
    {
        _verifyBatch(proofs, statements);
        return true;
    }
}
