// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {CommittedGuard} from "./CommittedGuard.sol";
import {LinkedCommitted} from "./LinkedCommitted.sol";
import {OnePairing} from "./OnePairing.sol";
import {OpenedCommitted} from "./OpenedCommitted.sol";
import {VerifierGuard} from "./VerifierGuard.sol";

/// @title Proofs that mean something only together, verified with one pairing.
/// @notice A set as `LinkedCommitted` has it: the same parts, the same links, all or nothing. Each part is asked for the
/// equation that is left of its proof, and all equations are checked as one sum, weighted with the powers of rho.
///
/// rho is the hash of all equations. If the equation of some part is false, the sum is zero for at most N - 1 values of rho,
/// and nobody knows rho before all of them are fixed, the last point of each proof included. docs/batches.md has the argument.
/// @dev Statements are without check and challenge here: the parts write them. The guards must be `OpenedCommitted`, of code
/// that the deployer knows.
contract LinkedOpenings is LinkedCommitted, OnePairing {
    /// @notice A part's key rests on another reference string than the first part's.
    error WrongString(uint256 part);

    /// @dev What `_paired` writes after the equations: -s*G2, and the pairing's input.
    uint256 private constant ROOM = 0x200;

    /// @dev -s*G2 of every part, as the precompile takes it.
    uint256 private immutable negatedSG2X1;
    uint256 private immutable negatedSG2X2;
    uint256 private immutable negatedSG2Y1;
    uint256 private immutable negatedSG2Y2;

    /// @param parts `OpenedCommitted` of each part, in the order in which proofs will be given; deployed by now.
    /// @param sources What the inputs of the second part and of those after it are.
    constructor(CommittedGuard[] memory parts, Source[] memory sources) LinkedCommitted(parts, sources) {
        uint256[4] memory first = _opened(parts[0]).negatedSG2();
        bytes32 expected = keccak256(abi.encode(first));
        for (uint256 part = 1; part < parts.length; ++part) {
            if (keccak256(abi.encode(_opened(parts[part]).negatedSG2())) != expected) revert WrongString(part);
        }
        (negatedSG2X1, negatedSG2X2, negatedSG2Y1, negatedSG2Y2) = (first[0], first[1], first[2], first[3]);
    }

    /// @notice Returns true if every part's proof is good for its statement, and all parts are about the same tensors where
    /// they must be; reverts otherwise, with the part's own error where a part did.
    /// @param proofs A proof for each part, in order.
    /// @param statements The public values of each: its instances without check and challenge.
    /// @return accepted Always true.
    function verifySet(bytes[] calldata proofs, uint256[][] calldata statements)
        external
        view
        override
        returns (bool accepted)
    {
        _requireSet(proofs, statements);
        return true;
    }

    /// @notice The same, for callers that want what the set says; reverts where `verifySet` does.
    /// @param proofs A proof for each part, in order.
    /// @param statements The public values of each: its instances without check and challenge.
    /// @return inputDigest The number by which the set's input is known: Keccak-256 of its commitments, those of the first
    /// part's input. Never a nullifier: one input has many commitments.
    /// @return said The statements.
    function verifiedSet(bytes[] calldata proofs, uint256[][] calldata statements)
        external
        view
        override
        returns (bytes32 inputDigest, uint256[][] memory said)
    {
        _requireSet(proofs, statements);
        return (_parts[0].guard.inputDigestOf(proofs[0]), statements);
    }

    /// @dev Asks each part for its equation, checks the links, and then the sum of the equations.
    function _requireSet(bytes[] calldata proofs, uint256[][] calldata statements) private view {
        uint256 count = _countOf(proofs, statements);
        bytes memory equations = new bytes(WORDS * count + ROOM);
        uint256 start;
        assembly ("memory-safe") {
            start := add(equations, 0x20)
        }
        uint256 end = start;
        for (uint256 i = 0; i < count; ++i) {
            Part memory part = _parts[i];
            uint256[4] memory equation = _opened(part.guard).equationOf(proofs[i], statements[i]);
            // zeta, first and eval stay 0: nothing is left to multiply.
            assembly ("memory-safe") {
                mstore(end, mload(equation))
                mstore(add(end, 0x20), mload(add(equation, 0x20)))
                mstore(add(end, 0x40), mload(add(equation, 0x40)))
                mstore(add(end, 0x60), mload(add(equation, 0x60)))
            }
            end += WORDS;
            _requireLinked(i, part, proofs);
        }
        if (!_paired(start, end)) revert VerifierGuard.ProofRejected();
    }

    /// @inheritdoc OnePairing
    /// @dev No points: each part has multiplied its own key.
    function _key(uint256 at) internal view override returns (uint256 points, uint256 pointsEnd) {
        (uint256 x1, uint256 x2, uint256 y1, uint256 y2) = (negatedSG2X1, negatedSG2X2, negatedSG2Y1, negatedSG2Y2);
        assembly ("memory-safe") {
            mstore(at, x1)
            mstore(add(at, 0x20), x2)
            mstore(add(at, 0x40), y1)
            mstore(add(at, 0x60), y2)
        }
        return (at + 0x80, at + 0x80);
    }

    function _opened(CommittedGuard part) private pure returns (OpenedCommitted) {
        return OpenedCommitted(address(part));
    }
}
