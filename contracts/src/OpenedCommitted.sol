// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {BatchCommitted} from "./BatchCommitted.sol";

/// @title A committed circuit as a part of a set that is verified with one pairing.
/// @notice `equationOf` does all that verifying a proof takes but the pairing, and returns what the pairing is to be asked
/// about. An equation proves nothing: it is there for false statements as well, and then does not hold. `LinkedOpenings`
/// combines those of all parts.
/// @dev Check and challenge are written here, as in `BatchCommitted`, which this contract is besides: `verifyBatch` verifies
/// proofs of this part alone, and says nothing of links.
contract OpenedCommitted is BatchCommitted {
    /// @param pinned The opening, which must be deployed by now, with the length and number of the circuit's proofs and instances.
    /// @param committed What the circuit adds to its verifier.
    constructor(Pinned memory pinned, Committed memory committed) BatchCommitted(pinned, committed) {}

    /// @notice What is left to check of a proof: it is good for the statement, with all its claims, if and only if
    /// e(lhs, G2) = e(rhs, s*G2). Reverts where the opening refuses it: its transcript, evaluations and constraints are
    /// checked here.
    /// @param proof The proof, of the circuit's length.
    /// @param statement The public values of the model's run: the proof's instances without check and challenge.
    /// @return equation lhs (x, y), rhs (x, y).
    function equationOf(bytes calldata proof, uint256[] calldata statement)
        external
        view
        returns (uint256[4] memory equation)
    {
        return _equationOf(proof, statement);
    }

    /// @notice -s*G2 of the reference string that the circuit's key rests on.
    /// @return point Four words, as the precompile takes them.
    function negatedSG2() external view returns (uint256[4] memory point) {
        return _negatedSG2();
    }
}
