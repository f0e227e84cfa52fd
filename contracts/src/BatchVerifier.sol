// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {BatchGuard} from "./BatchGuard.sol";
import {VerifierGuard} from "./VerifierGuard.sol";

/// @title Many proofs of one direct circuit, verified together.
/// @notice A direct circuit has no claims: its statement is all of its instances. For a committed circuit this is the wrong
/// contract, because it takes any challenge: use `BatchCommitted`.
/// @dev `verifier` is the circuit's opening, not its verifier. See `BatchGuard`.
contract BatchVerifier is BatchGuard {
    /// @param pinned The opening, which must be deployed by now, with the length and number of the circuit's proofs and instances.
    constructor(Pinned memory pinned) VerifierGuard(pinned) {
        _requireWholeWords(pinned.proofBytes);
    }

    /// @notice Returns true if every proof is good for its instances, and reverts otherwise.
    /// @param proofs The proofs, one after another; at least one.
    /// @param instances Their public values, one after another.
    /// @return accepted Always true.
    function verifyBatch(bytes calldata proofs, uint256[] calldata instances) external view returns (bool accepted) {
        _verifyAll(proofs, instances);
        return true;
    }

    /// @inheritdoc BatchGuard
    function _claims() internal pure override returns (uint256 count) {
        return 0;
    }

    /// @inheritdoc BatchGuard
    function _prepareClaims(uint256 at) internal pure override returns (uint256 next) {
        return at;
    }

    /// @inheritdoc BatchGuard
    function _writeClaims(uint256 proof, uint256 prepared, uint256 to) internal pure override {}
}
