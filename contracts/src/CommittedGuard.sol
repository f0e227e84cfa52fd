// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Commitments} from "./Commitments.sol";
import {VerifierGuard} from "./VerifierGuard.sol";

/// @title What stands between a consumer and the verifier of a committed circuit.
/// @notice A committed circuit does not compute its large layers: it takes their results as claims and checks them all with
/// one equation at a point, the challenge. Its verifier by itself proves next to nothing, because it takes any challenge,
/// also one that the claims were made for. This guard derives the challenge from the commitments to all that the equation
/// reads, and accepts no other, nor an equation that does not hold.
///
/// The circuit's instances are the value of the check, which must be 0, the challenge, and then the public values of the
/// statement: the model's outputs, or its input, where these are public.
/// @dev It is `_requireWellFormed` that asks for more here, so that every way of the guards to verify does. With the
/// reusable verifier, inherit `ReusableVerifierGuard` as well.
abstract contract CommittedGuard is VerifierGuard {
    /// @notice What a committed circuit adds to its verifier; evmbench's record of the circuit has all of it.
    struct Committed {
        /// Keccak-256 of the circuit's verifying key.
        bytes32 circuitDigest;
        /// What must be the same for equal commitments to mean equal tensors of equal length: Keccak-256 of the SRS's -s*G2
        /// (four words, as the verifier has them), the logarithm of the number of rows, and the number of usable rows.
        bytes32 basis;
        /// How many points each group of commitments has.
        Commitments.Layout layout;
        /// The one input that will do, by the Keccak-256 of its commitments: one whose range the deployer knows, from the
        /// tensor itself or from a range-checked proof of a circuit with this basis and as many input elements. Zero where
        /// any will, because the circuit checks the range, or the consumer sees the input or asks for its digest.
        bytes32 registeredInput;
    }

    /// @notice The challenge is not the one that follows from the commitments.
    error ChallengeMismatch(uint256 expected, uint256 found);
    /// @notice The check says that some claim is wrong.
    error CheckNotZero(uint256 found);
    /// @notice The input is another than the registered one.
    error UnregisteredInput(bytes32 expected, bytes32 found);

    /// @notice Index of the check among the instances.
    uint256 internal constant CHECK = 0;
    /// @notice Index of the challenge among the instances.
    uint256 internal constant CHALLENGE = 1;
    /// @notice Index of the first instance that says something about the model.
    uint256 internal constant STATEMENT = 2;

    /// @notice Keccak-256 of the circuit's verifying key.
    bytes32 public immutable circuitDigest;
    /// @notice What must be the same for equal commitments to mean equal tensors of equal length. The length is not in it: compare
    /// the circuits' numbers of elements as well.
    bytes32 public immutable basis;
    /// @notice How many points the input's commitments have: the first of a proof.
    uint256 public immutable inputPoints;
    /// @notice How many points the output's have, after the input's; none where the output is public.
    uint256 public immutable outputPoints;
    /// @notice How many points the other claims' have, after the output's.
    uint256 public immutable claimPoints;
    /// @notice Keccak-256 of the commitments of the one input that will do; zero where any will.
    bytes32 public immutable registeredInput;

    /// @dev The contract that inherits this one says which verifier it guards: it is the place where both are known.
    /// @param committed What the circuit adds to its verifier.
    constructor(Committed memory committed) {
        circuitDigest = committed.circuitDigest;
        basis = committed.basis;
        inputPoints = committed.layout.inputPoints;
        outputPoints = committed.layout.outputPoints;
        claimPoints = committed.layout.claimPoints;
        registeredInput = committed.registeredInput;
    }

    /// @notice The challenge that follows from a proof's commitments.
    /// @param proof A proof, of the circuit's length.
    /// @return challenge Below the field's order.
    function challengeOf(bytes calldata proof) public view returns (uint256 challenge) {
        return Commitments.challengeOf(
            circuitDigest, Commitments.Layout(inputPoints, outputPoints, claimPoints), proof
        );
    }

    /// @notice The number by which a proof's input is known; one that is asked of many proofs is a key for a mapping.
    /// @dev Never a nullifier: one input has many commitments, because rows beyond the tensor hold what the prover likes.
    /// Nor does it mean the same under another `basis`, or in a circuit whose input has another number of elements: a
    /// range-checked proof about a shorter input says nothing of the elements beyond it.
    /// @param proof A proof, of the circuit's length.
    /// @return digest Keccak-256 of the input's commitments.
    function inputDigestOf(bytes calldata proof) public view returns (bytes32 digest) {
        return Commitments.digestOf(proof, 0, inputPoints);
    }

    /// @inheritdoc VerifierGuard
    /// @dev Of a committed circuit: the challenge is the right one, the check holds, and the input will do.
    function _requireWellFormed(bytes calldata proof, uint256[] calldata instances) internal view virtual override {
        super._requireWellFormed(proof, instances);
        uint256 expected = challengeOf(proof);
        if (instances[CHALLENGE] != expected) revert ChallengeMismatch(expected, instances[CHALLENGE]);
        if (instances[CHECK] != 0) revert CheckNotZero(instances[CHECK]);
        if (registeredInput == 0) return;
        bytes32 found = inputDigestOf(proof);
        if (found != registeredInput) revert UnregisteredInput(registeredInput, found);
    }

    /// @notice What an accepted proof says: the public values of the model's run.
    /// @param instances The circuit's public values.
    /// @return statement Those after check and challenge.
    function _statementOf(uint256[] calldata instances) internal pure returns (uint256[] calldata statement) {
        return instances[STATEMENT:];
    }
}
