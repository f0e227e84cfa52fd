// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Field} from "../Field.sol";
import {VerifierGuard} from "../VerifierGuard.sol";

/// @title An example: a contract that acts on the class that a network gives an input.
/// @notice Somebody asks for an input to be classified and gets a nonce. Somebody else, who need not be trusted, settles
/// the request with a proof. The contract acts on the class: here it counts.
///
/// The circuit has public inputs and outputs: its instances are the input's elements, then one output for each class.
/// @dev Each request is settled once. Its nullifier is over the nonce and the input, and over nothing that a prover can
/// choose: one statement has many proofs, and a circuit that rescales has more than one true output for an input.
/// Whoever settles gains nothing by it. A contract that pays must name who is paid in the request: a proof binds no
/// sender, and is there to be copied from the moment it is sent.
contract Classifier is VerifierGuard {
    /// @notice What has become of a request.
    enum Status {
        Unknown,
        Open,
        Settled
    }

    /// @notice A circuit with one class, or with more inputs than instances, classifies nothing.
    error TooFewClasses(uint256 instanceCount, uint256 inputCount);
    /// @notice Nobody asked for this input under this nonce, or the request is settled.
    error NotOpen(bytes32 nullifier, Status status);
    /// @notice The proof is right, and shows another class than the one that the caller wants acted on.
    error WrongClass(uint256 expected, uint256 proved);
    /// @notice The first class leads the second by too few units to mean anything.
    error TooClose(uint256 lead, uint256 minimumLead);

    /// @notice An input is waiting for its class.
    event Requested(uint256 indexed nonce, bytes32 indexed nullifier);
    /// @notice A request was settled and acted on.
    event Classified(uint256 indexed nonce, bytes32 indexed nullifier, uint256 indexed class);

    /// @notice How many of the instances are the input's.
    uint256 public immutable inputCount;
    /// @notice By how many units of the output's scale the first class must lead the second; at least 1, so that a tie
    /// is never a class.
    uint256 public immutable minimumLead;
    /// @notice Requests so far: the last nonce.
    uint256 public requests;
    /// @notice What has become of the request with this nullifier.
    mapping(bytes32 nullifier => Status) public statusOf;
    /// @notice How many requests were settled with this class.
    mapping(uint256 class => uint256) public settledAs;

    /// @param pinned The circuit's verifier, which must be deployed by now.
    /// @param inputCount_ How many of the circuit's instances are the input's.
    /// @param minimumLead_ By how much the first class must lead. A circuit that rescales leaves a prover a unit of
    /// freedom at each rescale, which later layers may magnify; a lead of more than twice what that can move an output by
    /// is one that no prover has made.
    constructor(Pinned memory pinned, uint256 inputCount_, uint256 minimumLead_) VerifierGuard(pinned) {
        if (pinned.instanceCount < 2 || inputCount_ > pinned.instanceCount - 2) {
            revert TooFewClasses(pinned.instanceCount, inputCount_);
        }
        inputCount = inputCount_;
        minimumLead = minimumLead_ == 0 ? 1 : minimumLead_;
    }

    /// @notice Asks for an input to be classified.
    /// @param inputs The input as field elements, quantised as the circuit has it.
    /// @return nonce The request's number, from 1 on: the same input may be asked for again under another.
    function request(uint256[] calldata inputs) external returns (uint256 nonce) {
        nonce = ++requests;
        bytes32 nullifier = nullifierOf(nonce, inputs);
        statusOf[nullifier] = Status.Open;
        emit Requested(nonce, nullifier);
    }

    /// @notice Settles a request: verifies the proof and acts on the class.
    /// @param nonce The request's number.
    /// @param class The class that is to be acted on.
    /// @param proof A proof for these instances.
    /// @param instances The input as it was requested, then the outputs.
    function settle(uint256 nonce, uint256 class, bytes calldata proof, uint256[] calldata instances) external {
        _verify(proof, instances);
        bytes32 nullifier = nullifierOf(nonce, instances[:inputCount]);
        Status status = statusOf[nullifier];
        if (status != Status.Open) revert NotOpen(nullifier, status);
        (uint256 proved, uint256 lead) = _firstClass(instances[inputCount:]);
        if (lead < minimumLead) revert TooClose(lead, minimumLead);
        if (proved != class) revert WrongClass(class, proved);
        statusOf[nullifier] = Status.Settled;
        ++settledAs[class];
        emit Classified(nonce, nullifier, class);
    }

    /// @notice The number that can be settled once.
    /// @param nonce A request's number.
    /// @param inputs The input that was requested.
    /// @return nullifier Keccak-256 of both.
    function nullifierOf(uint256 nonce, uint256[] calldata inputs) public pure returns (bytes32 nullifier) {
        return keccak256(abi.encode(nonce, inputs));
    }

    /// @notice The class with the greatest output, and its distance to the next.
    /// @param outputs Field elements; at least two.
    /// @return class The index of the greatest; of equals, the first.
    /// @return lead In units of the output's scale.
    function _firstClass(uint256[] calldata outputs) internal pure returns (uint256 class, uint256 lead) {
        int256 first = Field.toSigned(outputs[0]);
        int256 second = type(int256).min;
        for (uint256 i = 1; i < outputs.length; ++i) {
            int256 value = Field.toSigned(outputs[i]);
            if (value > first) {
                (class, first, second) = (i, value, first);
            } else if (value > second) {
                second = value;
            }
        }
        lead = uint256(first - second);
    }
}
