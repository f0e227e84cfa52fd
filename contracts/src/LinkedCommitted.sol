// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Commitments} from "./Commitments.sol";
import {CommittedGuard} from "./CommittedGuard.sol";
import {GuardedCommitted} from "./GuardedCommitted.sol";

/// @title Proofs that mean something only together: the tiles of a layer, or the parts of a model that was cut.
/// @notice Each part is a committed circuit with a guard of its own. The set is accepted if every part is, and if every
/// part's input is, by its commitments, the tensor that it must be: the input of an earlier part (tiles of one layer), or
/// the output of one (a model cut between layers). There is no way to have fewer parts accepted, or one of them twice.
///
/// An accepted set says: there is an input, that of the first part, for which the parts' layers make the statements that
/// `verifiedSet` returns. This holds for an input in the range that the circuits were made for. That it is in range is for
/// the first part alone to show, of every element: by its circuit, by its registered input, or because its input is public.
/// Parts that are linked check no range.
/// @dev Equal commitments mean equal tensors only for circuits with the same basis and the same column split. The former
/// and the number of points are compared here, at construction; that both tensors have the same number of elements, and
/// that the first part's range is assured, is compared by evmbench, which knows the circuits. The guards must be contracts
/// whose code the deployer knows. `LinkedOpenings` is the same with one pairing for all parts.
contract LinkedCommitted {
    /// @notice A tensor of a part that another part may take as its input.
    enum Group {
        Input,
        Output
    }

    /// @notice What a part's input is.
    struct Source {
        /// The index of an earlier part.
        uint256 part;
        /// Which of its tensors.
        Group group;
    }

    /// @notice A part, in one slot.
    /// @dev `guard` is a `GuardedCommitted` here. `source` is the part that its input comes from, `sourcePoint` the index of that tensor's first point in the
    /// source's proof, and `points` how many points the tensor has. All three are 0 for the first part, whose input is the
    /// set's.
    struct Part {
        CommittedGuard guard;
        uint32 source;
        uint32 sourcePoint;
        uint32 points;
    }

    /// @notice One part is no set; and each part but the first must say what its input is.
    error WrongSources(uint256 parts, uint256 sources);
    /// @notice A part's input comes from the part itself or a later one, from a tensor that is not committed to, or from
    /// one whose commitments cannot be compared with the input's.
    error WrongSource(uint256 part);
    /// @notice There is not one proof and one list of instances for each part.
    error WrongPartCount(uint256 expected, uint256 proofs, uint256 statements);
    /// @notice A part's guard did not say that it accepts the proof.
    error PartRejected(uint256 part);
    /// @notice A part's input is not the tensor that it must be.
    error WrongLink(uint256 part, uint256 source);

    Part[] internal _parts;

    /// @param guards The parts' guards, in the order in which proofs will be given; deployed by now.
    /// @param sources What the inputs of the second part and of those after it are.
    constructor(CommittedGuard[] memory guards, Source[] memory sources) {
        if (guards.length < 2 || sources.length != guards.length - 1) {
            revert WrongSources(guards.length, sources.length);
        }
        _parts.push(Part(guards[0], 0, 0, 0));
        for (uint256 part = 1; part < guards.length; ++part) {
            _parts.push(_linked(guards, part, sources[part - 1]));
        }
    }

    /// @notice How many parts there are.
    function partCount() external view returns (uint256 count) {
        return _parts.length;
    }

    /// @notice A part: its guard, and where its input comes from.
    /// @param index Below `partCount`.
    function partAt(uint256 index) external view returns (Part memory part) {
        return _parts[index];
    }

    /// @notice Returns true if every part's guard accepts its proof, and all parts are about the same tensors where they
    /// must be; reverts otherwise, with the guard's own error where a guard did. It says nothing about which input that is,
    /// nor what came out: for that, call `verifiedSet`, or read `statements` from index 2 on.
    /// @param proofs A proof for each part, in order.
    /// @param statements The instances of each: the check, the challenge, then the public values of the part.
    /// @return accepted Always true.
    function verifySet(bytes[] calldata proofs, uint256[][] calldata statements)
        external
        view
        virtual
        returns (bool accepted)
    {
        uint256 count = _countOf(proofs, statements);
        for (uint256 i = 0; i < count; ++i) {
            Part memory part = _parts[i];
            if (!GuardedCommitted(address(part.guard)).verifyProof(proofs[i], statements[i])) revert PartRejected(i);
            _requireLinked(i, part, proofs);
        }
        return true;
    }

    /// @notice The same, for callers that want what the set says; reverts where `verifySet` does.
    /// @param proofs A proof for each part, in order.
    /// @param statements The instances of each: the check, the challenge, then the public values of the part.
    /// @return inputDigest The number by which the set's input is known: Keccak-256 of its commitments, those of the first
    /// part's input. Never a nullifier: one input has many commitments.
    /// @return said The public values of each part: its input where that is public, its output where that is, or none.
    function verifiedSet(bytes[] calldata proofs, uint256[][] calldata statements)
        external
        view
        virtual
        returns (bytes32 inputDigest, uint256[][] memory said)
    {
        uint256 count = _countOf(proofs, statements);
        said = new uint256[][](count);
        for (uint256 i = 0; i < count; ++i) {
            Part memory part = _parts[i];
            said[i] = GuardedCommitted(address(part.guard)).verifiedStatement(proofs[i], statements[i]);
            _requireLinked(i, part, proofs);
        }
        inputDigest = _parts[0].guard.inputDigestOf(proofs[0]);
    }

    /// @dev How many parts there are, if there is one proof and one list of instances for each.
    function _countOf(bytes[] calldata proofs, uint256[][] calldata statements) internal view returns (uint256 count) {
        count = _parts.length;
        if (proofs.length != count || statements.length != count) {
            revert WrongPartCount(count, proofs.length, statements.length);
        }
    }

    /// @dev The part's input is the tensor that it must be. Its guard has accepted the proof, and those of the parts before
    /// it theirs, so that all have the length of their circuits and the points are there.
    function _requireLinked(uint256 index, Part memory part, bytes[] calldata proofs) internal pure {
        bytes32 found = Commitments.digestOf(proofs[index], 0, part.points);
        if (found != Commitments.digestOf(proofs[part.source], part.sourcePoint, part.points)) {
            revert WrongLink(index, part.source);
        }
    }

    /// @dev The part of this index, if its input can be compared with its source.
    function _linked(CommittedGuard[] memory guards, uint256 index, Source memory source)
        private
        view
        returns (Part memory part)
    {
        if (source.part >= index) revert WrongSource(index);
        (CommittedGuard from, CommittedGuard to) = (guards[source.part], guards[index]);
        uint256 fromInput = from.inputPoints();
        (uint256 first, uint256 points) =
            source.group == Group.Input ? (0, fromInput) : (fromInput, from.outputPoints());
        if (points == 0 || points != to.inputPoints() || from.basis() != to.basis()) revert WrongSource(index);
        // What does not fit its field would be compared in part only.
        if (first > type(uint32).max || points > type(uint32).max) revert WrongSource(index);
        return Part(to, uint32(source.part), uint32(first), uint32(points));
    }
}
