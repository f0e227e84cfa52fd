// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IBatchOpening} from "./IBatchOpening.sol";
import {OnePairing} from "./OnePairing.sol";
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
abstract contract BatchGuard is OnePairing, VerifierGuard {
    /// @notice The proofs' bytes are no multiple of a proof's length, or the statements have another number of words than
    /// that many proofs have.
    error WrongBatchLength(uint256 proofBytes, uint256 statementWords);
    /// @notice The opening refused a member: it is no proof of the circuit for its statement.
    error MemberRejected(uint256 index);
    /// @notice Proofs of this length are none: a proof is a whole number of words, at least one.
    error WrongProofBytes(uint256 proofBytes);

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

    /// @notice What is left to check of one proof, its key multiplied: the proof is good for the statement if and only if
    /// e(lhs, G2) = e(rhs, s*G2). Reverts where the opening refuses it.
    /// @param proof The proof.
    /// @param statement The circuit's public values but those that `_writeClaims` writes.
    /// @return equation lhs (x, y), rhs (x, y).
    function _equationOf(bytes calldata proof, uint256[] calldata statement)
        internal
        view
        returns (uint256[4] memory equation)
    {
        if (proof.length != proofBytes) revert WrongProofLength(proofBytes, proof.length);
        uint256 values = instanceCount - _claims();
        if (statement.length != values) revert WrongInstanceCount(values, statement.length);
        _requireOpening();
        Message memory message = _message();
        uint256 start = _prepareClaims(message.prepared);
        uint256 proofAt;
        uint256 statementAt;
        assembly ("memory-safe") {
            proofAt := proof.offset
            statementAt := statement.offset
        }
        if (!_opened(message, proofAt, statementAt, start)) revert ProofRejected();
        (uint256 points, uint256 sum) = _key(start + WORDS);
        // Of one equation alone, whose weight is 1.
        uint256 eval = _scalars(points, sum, start, start + WORDS, 0);
        assembly ("memory-safe") {
            mstore(sum, mload(start))
            mstore(add(sum, 0x20), mload(add(start, 0x20)))
        }
        _addKey(sum, points, sum, eval);
        assembly ("memory-safe") {
            mstore(equation, mload(sum))
            mstore(add(equation, 0x20), mload(add(sum, 0x20)))
            mstore(add(equation, 0x40), mload(add(start, 0x40)))
            mstore(add(equation, 0x60), mload(add(start, 0x60)))
        }
    }

    /// @notice -s*G2 of the reference string, as the opening has it.
    /// @return point Four words, as the precompile takes them.
    function _negatedSG2() internal view returns (uint256[4] memory point) {
        _requireOpening();
        uint256 at;
        assembly ("memory-safe") {
            at := mload(0x40)
        }
        (uint256 points,) = _key(at);
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, 0x80) { i := add(i, 0x20) } {
                mstore(add(point, i), mload(add(sub(points, 0x80), i)))
            }
        }
    }

    /// @dev The code at the opening's address is the pinned one.
    function _requireOpening() private view {
        bytes32 found = verifier.codehash;
        if (found != verifierCodeHash) revert WrongVerifierCode(verifierCodeHash, found);
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

    /// @inheritdoc OnePairing
    /// @dev The opening's. An answer of another form than a list of words of a key's length is refused.
    function _key(uint256 at) internal view override returns (uint256 points, uint256 pointsEnd) {
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
}
