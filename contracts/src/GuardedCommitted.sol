// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {CommittedGuard} from "./CommittedGuard.sol";
import {VerifierGuard} from "./VerifierGuard.sol";

/// @title A guard of a committed circuit, for consumers that want a contract to call rather than one to inherit.
/// @notice `verifyProof` has the generated verifier's own signature, so that the same calldata goes to the verifier, to
/// `GuardedVerifier` and to this. Only this one's answer means that the claims hold.
contract GuardedCommitted is CommittedGuard {
    /// @param pinned The verifier, which must be deployed by now.
    /// @param committed What the circuit adds to its verifier.
    constructor(Pinned memory pinned, Committed memory committed) VerifierGuard(pinned) CommittedGuard(committed) {}

    /// @notice Returns true if the verifier accepts the proof for these instances, all of whose claims hold, and reverts
    /// otherwise.
    /// @param proof The proof as the prover wrote it.
    /// @param instances The circuit's public values.
    /// @return accepted Always true.
    function verifyProof(bytes calldata proof, uint256[] calldata instances) external view returns (bool accepted) {
        _verify(proof, instances);
        return true;
    }

    /// @notice The same, for callers that want what the proof says.
    /// @param proof The proof as the prover wrote it.
    /// @param instances The circuit's public values.
    /// @return statement The public values of the model's run.
    function verifiedStatement(bytes calldata proof, uint256[] calldata instances)
        external
        view
        returns (uint256[] memory statement)
    {
        _verify(proof, instances);
        return _statementOf(instances);
    }
}
