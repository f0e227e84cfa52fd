// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Field} from "./Field.sol";
import {VerifierGuard} from "./VerifierGuard.sol";

/// @title Equations of many proofs, combined and checked with one pairing.
/// @notice The equations stand in memory, one after another, each as `IBatchOpening.opening` returns it. All rest on one
/// reference string: their -s*G2 is one and the same. `_paired` draws rho from all of them, and checks the sum in which the
/// i-th has the weight rho^i. Who inherits this says where the equations come from, and what of the key is left to multiply.
abstract contract OnePairing {
    /// @dev Length of an equation, in bytes: what an opening returns.
    uint256 internal constant WORDS = 0xe0;

    /// @dev Writes to memory what is the same for all equations: -s*G2, four words, and the points of a key that all share,
    /// three words each, four at a time; or none, where zeta, first and eval of every equation are 0.
    /// @param at Where it may write.
    /// @return points Where the points start, right after -s*G2.
    /// @return pointsEnd Where they end.
    function _key(uint256 at) internal view virtual returns (uint256 points, uint256 pointsEnd);

    /// @dev Whether the pairing holds for the sum of the equations, weighted with the powers of rho. The memory from their end
    /// on is written to: the key, and 0x180 bytes after it.
    /// @param start Where the equations start; at least one.
    /// @param end Where they end.
    function _paired(uint256 start, uint256 end) internal view returns (bool good) {
        (uint256 points, uint256 pointsEnd) = _key(end);
        uint256 rho;
        assembly ("memory-safe") {
            rho := keccak256(start, sub(end, start))
        }
        rho %= Field.ORDER;
        // The pairing's input: lhs, G2, rhs, -s*G2. A sum is made at its start, where its second operand follows it.
        uint256 sum = pointsEnd;
        _sumOf(0x40, sum, start, end, rho);
        assembly ("memory-safe") {
            mstore(add(sum, 0xc0), mload(sum))
            mstore(add(sum, 0xe0), mload(add(sum, 0x20)))
        }
        _sumOf(0, sum, start, end, rho);
        uint256 eval = _scalars(points, pointsEnd, start, end, rho);
        _addKey(sum, points, pointsEnd, eval);
        assembly ("memory-safe") {
            mstore(add(sum, 0x40), 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2)
            mstore(add(sum, 0x60), 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed)
            mstore(add(sum, 0x80), 0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b)
            mstore(add(sum, 0xa0), 0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa)
            mstore(add(sum, 0x100), mload(sub(points, 0x80)))
            mstore(add(sum, 0x120), mload(sub(points, 0x60)))
            mstore(add(sum, 0x140), mload(sub(points, 0x40)))
            mstore(add(sum, 0x160), mload(sub(points, 0x20)))
            good := staticcall(gas(), 0x08, sum, 0x180, sum, 0x20)
            good := and(good, eq(mload(sum), 1))
        }
    }

    /// @dev The sum of one point of each equation, the i-th times rho^i.
    /// @param offset Where the point stands in an equation.
    /// @param sum Where the result goes; the two words after it are overwritten.
    function _sumOf(uint256 offset, uint256 sum, uint256 start, uint256 end, uint256 rho) private view {
        bool good = true;
        assembly ("memory-safe") {
            let from := add(start, offset)
            let at := sub(add(end, offset), WORDS)
            mstore(sum, mload(at))
            mstore(add(sum, 0x20), mload(add(at, 0x20)))
            for {} gt(at, from) {} {
                at := sub(at, WORDS)
                mstore(add(sum, 0x40), rho)
                good := and(good, staticcall(gas(), 0x07, sum, 0x60, sum, 0x40))
                mstore(add(sum, 0x40), mload(at))
                mstore(add(sum, 0x60), mload(add(at, 0x20)))
                good := and(good, staticcall(gas(), 0x06, sum, 0x80, sum, 0x40))
            }
        }
        if (!good) revert VerifierGuard.ProofRejected();
    }

    /// @dev Writes after each point of the key the scalar that it is multiplied with, over all equations.
    /// @return eval The sum of all equations' eval, weighted.
    function _scalars(uint256 points, uint256 pointsEnd, uint256 start, uint256 end, uint256 rho)
        internal
        pure
        returns (uint256 eval)
    {
        uint256 order = Field.ORDER;
        assembly ("memory-safe") {
            let weight := 1
            for { let at := start } lt(at, end) { at := add(at, WORDS) } {
                let zeta := mload(add(at, 0x80))
                let scalar := mulmod(weight, mload(add(at, 0xa0)), order)
                eval := addmod(eval, mulmod(weight, mload(add(at, 0xc0)), order), order)
                weight := mulmod(weight, rho, order)
                // Four points at a time.
                for { let point := add(points, 0x40) } lt(point, pointsEnd) { point := add(point, 0x180) } {
                    mstore(point, addmod(mload(point), scalar, order))
                    scalar := mulmod(scalar, zeta, order)
                    mstore(add(point, 0x60), addmod(mload(add(point, 0x60)), scalar, order))
                    scalar := mulmod(scalar, zeta, order)
                    mstore(add(point, 0xc0), addmod(mload(add(point, 0xc0)), scalar, order))
                    scalar := mulmod(scalar, zeta, order)
                    mstore(add(point, 0x120), addmod(mload(add(point, 0x120)), scalar, order))
                    scalar := mulmod(scalar, zeta, order)
                }
            }
        }
    }

    /// @dev Adds the key's points, times their scalars, and -eval * G1.
    /// @param sum The sum so far; the two words after it are overwritten.
    function _addKey(uint256 sum, uint256 points, uint256 pointsEnd, uint256 eval) internal view {
        // Nothing is left to add where the opening has multiplied everything itself.
        if (points == pointsEnd) return;
        uint256 order = Field.ORDER;
        bool good = true;
        assembly ("memory-safe") {
            let product := add(sum, 0x40)
            for { let point := points } lt(point, pointsEnd) { point := add(point, 0x60) } {
                // A column of zeros has the point at infinity, to which nothing is to be added.
                if or(mload(point), mload(add(point, 0x20))) {
                    good := and(good, staticcall(gas(), 0x07, point, 0x60, product, 0x40))
                    good := and(good, staticcall(gas(), 0x06, sum, 0x80, sum, 0x40))
                }
            }
            mstore(points, 1)
            mstore(add(points, 0x20), 2)
            mstore(add(points, 0x40), sub(order, eval))
            good := and(good, staticcall(gas(), 0x07, points, 0x60, product, 0x40))
            good := and(good, staticcall(gas(), 0x06, sum, 0x80, sum, 0x40))
        }
        if (!good) revert VerifierGuard.ProofRejected();
    }
}
