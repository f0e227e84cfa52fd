// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Field} from "./Field.sol";
import {IBatchOpening} from "./IBatchOpening.sol";
import {VerifierGuard} from "./VerifierGuard.sol";

/// @title Many proofs of one circuit, verified together with one pairing.
/// @notice `_verifyAll` returns only if every proof is good for the statement beside it. It asks the circuit's opening
/// (`IBatchOpening`) for what is left to check of each proof, combines these equations with the powers of rho, and checks
/// the sum: the commitments of the circuit's key are multiplied once for all proofs, and one pairing is computed.
///
/// rho is the hash of everything that is combined. If the equation of some proof is false, the sum is zero for at most
/// N - 1 values of rho, and nobody knows rho before all points and scalars of all proofs are fixed. In particular rhs must be
/// in the hash: a proof's last point W' is read after the last challenge of its transcript, so that no challenge of any
/// transcript binds it. docs/batches.md has the argument.
/// @dev `verifier` is the opening here. It has no `verifyProof`, so that the inherited ways to verify reject everything.
///
/// All or nothing: one bad proof makes the whole batch revert. Which one it was is found off chain, proof by proof.
abstract contract BatchGuard is VerifierGuard {
    /// @notice The proofs' bytes are no multiple of a proof's length, or the statements have another number of words than
    /// that many proofs have.
    error WrongBatchLength(uint256 proofBytes, uint256 statementWords);
    /// @notice The opening refused a member: it is no proof of the circuit for its statement.
    error MemberRejected(uint256 index);
    /// @notice Proofs of this length are none: a proof is a whole number of words, at least one.
    error WrongProofBytes(uint256 proofBytes);

    /// @dev Length of what an opening returns, in bytes.
    uint256 private constant WORDS = 0xe0;

    /// @dev A call of the opening in memory, which is written once: from proof to proof only the proof and the instances change.
    struct Message {
        /// The opening.
        address opening;
        /// Where its calldata starts in memory.
        uint256 start;
        /// How long it is, in bytes.
        uint256 length;
        /// Where the proof goes.
        uint256 proof;
        /// Where the instances go.
        uint256 instances;
        /// Where the statement goes, which is the last of the instances.
        uint256 statement;
        /// What `_prepareClaims` was given: the end of the message.
        uint256 prepared;
        /// Length of a proof, in bytes.
        uint256 proofBytes;
        /// Length of a statement, in bytes.
        uint256 statementBytes;
    }

    /// @dev For constructors. The call of the opening is written for a proof of whole words: of another length, its last bytes
    /// would stand where the instances begin.
    /// @param length Length of a proof, in bytes.
    function _requireWholeWords(uint256 length) internal pure {
        if (length == 0 || length % 32 != 0) revert WrongProofBytes(length);
    }

    /// @notice Returns if every proof is good for its statement, and reverts otherwise.
    /// @param proofs The proofs, one after another; at least one.
    /// @param statements Their statements, one after another: each the circuit's public values but those that
    /// `_writeClaims` writes.
    function _verifyAll(bytes calldata proofs, uint256[] calldata statements) internal view {
        uint256 count = proofs.length / proofBytes;
        if (
            proofs.length != count * proofBytes || statements.length != count * (instanceCount - _claims())
        ) {
            revert WrongBatchLength(proofs.length, statements.length);
        }
        if (count == 0) revert EmptyBatch();
        bytes32 found = verifier.codehash;
        if (found != verifierCodeHash) revert WrongVerifierCode(verifierCodeHash, found);
        (uint256 start, uint256 end) = _openings(proofs, statements, count);
        if (!_paired(start, end)) revert ProofRejected();
    }

    /// @notice How many of the circuit's instances are no part of a statement: the first ones.
    function _claims() internal pure virtual returns (uint256 count);

    /// @notice Writes to memory what `_writeClaims` wants to find there for each proof.
    /// @param at Where it may write.
    /// @return next The end of what it needs.
    function _prepareClaims(uint256 at) internal view virtual returns (uint256 next);

    /// @notice Writes the first instances of a proof to memory.
    /// @dev It may not allocate memory.
    /// @param proof Where the proof starts in the calldata.
    /// @param prepared What `_prepareClaims` was given.
    /// @param to Where the instances go.
    function _writeClaims(uint256 proof, uint256 prepared, uint256 to) internal view virtual;

    /// @dev What the opening says of each proof, one after another in memory.
    function _openings(bytes calldata proofs, uint256[] calldata statements, uint256 count)
        private
        view
        returns (uint256 start, uint256 end)
    {
        Message memory message = _message();
        start = _prepareClaims(message.prepared);
        end = start;
        uint256 proof;
        uint256 statement;
        assembly ("memory-safe") {
            proof := proofs.offset
            statement := statements.offset
        }
        for (uint256 i = 0; i < count; ++i) {
            if (!_opened(message, proof, statement, end)) revert MemberRejected(i);
            unchecked {
                proof += message.proofBytes;
                statement += message.statementBytes;
                end += WORDS;
            }
        }
    }

    /// @dev A message without proof and instances. It stands beyond what is allocated, as does all that is written after it.
    function _message() private view returns (Message memory message) {
        uint256 values = instanceCount;
        uint256 length = proofBytes;
        bytes4 selector = IBatchOpening.opening.selector;
        uint256 at;
        // The selector at the end of a word, the offsets of both arguments, the proof's length, the proof, which is a whole
        // number of words, and the instances with their number.
        assembly ("memory-safe") {
            at := mload(0x40)
            mstore(at, shr(224, selector))
            mstore(add(at, 0x20), 0x40)
            mstore(add(at, 0x40), add(length, 0x60))
            mstore(add(at, 0x60), length)
            mstore(add(at, add(length, 0x80)), values)
        }
        message.opening = verifier;
        message.start = at + 0x1c;
        message.length = 0x84 + length + 0x20 * values;
        message.proof = at + 0x80;
        message.instances = at + 0xa0 + length;
        message.statement = message.instances + 0x20 * _claims();
        message.prepared = message.instances + 0x20 * values;
        message.proofBytes = length;
        message.statementBytes = message.prepared - message.statement;
    }

    /// @dev Asks the opening about one proof, and has the answer written to memory.
    /// @param proof Where the proof starts in the calldata.
    /// @param statement Where its statement does.
    /// @param to Where the answer goes.
    function _opened(Message memory message, uint256 proof, uint256 statement, uint256 to)
        private
        view
        returns (bool good)
    {
        _writeClaims(proof, message.prepared, message.instances);
        assembly ("memory-safe") {
            calldatacopy(mload(add(message, 0x60)), proof, mload(add(message, 0xe0)))
            calldatacopy(mload(add(message, 0xa0)), statement, mload(add(message, 0x100)))
            good := staticcall(gas(), mload(message), mload(add(message, 0x20)), mload(add(message, 0x40)), to, WORDS)
            good := and(good, eq(returndatasize(), WORDS))
        }
    }

    /// @dev Whether the pairing holds for the sum of what the opening said, weighted with the powers of rho.
    function _paired(uint256 start, uint256 end) private view returns (bool good) {
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

    /// @dev Has the opening write its key to memory. An answer of another form than a list of words of a key's length is refused.
    /// @param at Where.
    /// @return points Where the points start, after -s*G2: three words each.
    /// @return pointsEnd Where they end.
    function _key(uint256 at) private view returns (uint256 points, uint256 pointsEnd) {
        address opening = verifier;
        bytes4 selector = IBatchOpening.key.selector;
        bool good;
        assembly ("memory-safe") {
            mstore(0x00, selector)
            good := staticcall(gas(), opening, 0x00, 0x04, 0x00, 0x00)
            let size := returndatasize()
            // Offset and length of the only result, then -s*G2, then points, four at a time.
            points := add(at, 0xc0)
            pointsEnd := add(at, size)
            returndatacopy(at, 0x00, size)
            good := and(good, iszero(lt(size, 0xc0)))
            good := and(good, iszero(mod(sub(size, 0xc0), 0x180)))
            good := and(good, eq(mload(at), 0x20))
            good := and(good, eq(mload(add(at, 0x20)), shr(5, sub(size, 0x40))))
        }
        if (!good) revert ProofRejected();
    }

    /// @dev The sum of one point of each proof, the i-th times rho^i.
    /// @param offset Where the point stands among what the opening returned.
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
        if (!good) revert ProofRejected();
    }

    /// @dev Writes after each point of the key the scalar that it is multiplied with, over all proofs.
    /// @return eval The sum of all proofs' eval, weighted.
    function _scalars(uint256 points, uint256 pointsEnd, uint256 start, uint256 end, uint256 rho)
        private
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
    function _addKey(uint256 sum, uint256 points, uint256 pointsEnd, uint256 eval) private view {
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
        if (!good) revert ProofRejected();
    }
}
