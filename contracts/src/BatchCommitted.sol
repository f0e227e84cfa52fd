// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {BatchGuard} from "./BatchGuard.sol";
import {Commitments} from "./Commitments.sol";
import {CommittedGuard} from "./CommittedGuard.sol";
import {VerifierGuard} from "./VerifierGuard.sol";

/// @title Many proofs of one committed circuit, verified together, each with its own challenge.
/// @notice Check and challenge are no part of the calldata: this contract writes into each proof's instances the check that
/// must be, 0, and the challenge that follows from the proof's commitments. A proof of other claims is a proof for other
/// instances, and is refused as such.
/// @dev `verifier` is the circuit's opening, not its verifier. See `BatchGuard`.
contract BatchCommitted is BatchGuard, CommittedGuard {
    /// @notice The layout has more points than the proof.
    error WrongLayout(uint256 points, uint256 proofBytes);
    /// @notice The layout has no commitment to the input: the challenge would not depend on it.
    error NoInputPoints();

    /// @dev Length of what the challenge is drawn from before the points, in bytes.
    uint256 private constant PREFIX = 0xa0;

    /// @param pinned The opening, which must be deployed by now, with the length and number of the circuit's proofs and instances.
    /// @param committed What the circuit adds to its verifier.
    constructor(Pinned memory pinned, Committed memory committed) VerifierGuard(pinned) CommittedGuard(committed) {
        _requireWholeWords(pinned.proofBytes);
        Commitments.Layout memory layout = committed.layout;
        if (layout.inputPoints == 0) revert NoInputPoints();
        uint256 points = layout.inputPoints + layout.outputPoints + layout.claimPoints;
        if (points > pinned.proofBytes / Commitments.POINT_BYTES) revert WrongLayout(points, pinned.proofBytes);
    }

    /// @notice Returns true if every proof is good for its statement, with all its claims, and reverts otherwise.
    /// @param proofs The proofs, one after another; at least one.
    /// @param statements The public values of the model's runs, one after another: a proof's instances without check and challenge.
    /// @return accepted Always true.
    function verifyBatch(bytes calldata proofs, uint256[] calldata statements) external view returns (bool accepted) {
        _verifyAll(proofs, statements);
        return true;
    }

    /// @inheritdoc BatchGuard
    function _claims() internal pure override returns (uint256 count) {
        return STATEMENT;
    }

    /// @inheritdoc BatchGuard
    /// @dev What `Commitments.challengeOf` hashes before the points.
    function _prepareClaims(uint256 at) internal view override returns (uint256 next) {
        (bytes32 domain, bytes32 digest) = (Commitments.DOMAIN, circuitDigest);
        (uint256 input, uint256 output, uint256 claim) = (inputPoints, outputPoints, claimPoints);
        assembly ("memory-safe") {
            mstore(at, domain)
            mstore(add(at, 0x20), digest)
            mstore(add(at, 0x40), input)
            mstore(add(at, 0x60), output)
            mstore(add(at, 0x80), claim)
        }
        return at + PREFIX + Commitments.POINT_BYTES * (input + output + claim);
    }

    /// @inheritdoc BatchGuard
    function _writeClaims(uint256 proof, uint256 prepared, uint256 to) internal view override {
        uint256 points = Commitments.POINT_BYTES * (inputPoints + outputPoints + claimPoints);
        assembly ("memory-safe") {
            calldatacopy(add(prepared, PREFIX), proof, points)
            mstore(to, 0)
            mstore(
                add(to, 0x20),
                mod(
                    keccak256(prepared, add(PREFIX, points)),
                    21888242871839275222246405745257275088548364400416034343698204186575808495617
                )
            )
        }
        if (registeredInput == 0) return;
        uint256 inputBytes = Commitments.POINT_BYTES * inputPoints;
        bytes32 found;
        assembly ("memory-safe") {
            found := keccak256(add(prepared, PREFIX), inputBytes)
        }
        if (found != registeredInput) revert UnregisteredInput(registeredInput, found);
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
