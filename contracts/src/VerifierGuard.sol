// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Field} from "./Field.sol";
import {IHalo2Verifier} from "./IHalo2Verifier.sol";

/// @title What stands between a consumer and a generated verifier.
/// @notice A generated verifier reads its calldata at fixed places and trusts that they hold what the ABI says. A consumer
/// that inherits this contract calls `_verify`, which returns only if the verifier whose code it pinned accepted exactly
/// the proof and the instances that the consumer reads.
///
/// An accepted proof says that the prover knows a witness for these instances. It does not say who made it, for whom, or
/// that it is new: one statement has many proofs, and anybody can copy one out of a pending transaction. What may happen
/// once must be keyed on the statement and never on proof bytes; `examples/Classifier.sol` shows how.
/// @dev The verifier is reached by a typed call and by no other, so that whatever encoding came in, a canonical one goes
/// out. Everything is `view`, and the call is a STATICCALL.
///
/// The code hash is pinned at construction and compared at construction and on each call. Of a generated verifier the
/// first comparison alone would do: its code has no SELFDESTRUCT, DELEGATECALL or CALLCODE, so nothing can change what
/// stands at its address (and an account that delegates to it by EIP-7702, or a proxy, hashes to something else). But
/// that rests on somebody having read the code behind the hash. Asking again rests on nothing, and costs about 150 gas:
/// the account must be loaded for the call in any case.
abstract contract VerifierGuard {
    /// @notice A verifier and what belongs to it; evmbench's record of the circuit has all but the address.
    struct Pinned {
        /// Where the verifier is deployed.
        address verifier;
        /// Keccak-256 of its runtime code (`verifier.runtime_code_hash`).
        bytes32 codeHash;
        /// Length of every proof of the circuit, in bytes (`proof.proof_bytes`).
        uint256 proofBytes;
        /// Number of the circuit's public values (`proof.instances`).
        uint256 instanceCount;
    }

    /// @notice The code at the verifier's address is not the pinned one.
    error WrongVerifierCode(bytes32 expected, bytes32 found);
    /// @notice The proof does not have the length of the circuit's proofs.
    error WrongProofLength(uint256 expected, uint256 found);
    /// @notice There are more or fewer instances than the circuit has.
    error WrongInstanceCount(uint256 expected, uint256 found);
    /// @notice An instance is not below the field's order. Such a number would be a second name for a field element.
    error InstanceNotInField(uint256 index);
    /// @notice The verifier did not accept the proof for these instances.
    error ProofRejected();
    /// @notice A batch has another number of proofs than of lists of instances.
    error WrongBatch(uint256 proofs, uint256 statements);
    /// @notice A batch without a proof shows nothing.
    error EmptyBatch();

    /// @notice The verifier.
    address public immutable verifier;
    /// @notice Keccak-256 of the verifier's runtime code.
    bytes32 public immutable verifierCodeHash;
    /// @notice Length of a proof, in bytes.
    uint256 public immutable proofBytes;
    /// @notice Number of instances.
    uint256 public immutable instanceCount;

    /// @param pinned The verifier, which must be deployed by now.
    constructor(Pinned memory pinned) {
        verifier = pinned.verifier;
        verifierCodeHash = pinned.codeHash;
        proofBytes = pinned.proofBytes;
        instanceCount = pinned.instanceCount;
        bytes32 found = pinned.verifier.codehash;
        if (found != pinned.codeHash) revert WrongVerifierCode(pinned.codeHash, found);
    }

    /// @notice Returns if the verifier accepts the proof for these instances, and reverts otherwise.
    /// @param proof The proof as the prover wrote it.
    /// @param instances The circuit's public values.
    function _verify(bytes calldata proof, uint256[] calldata instances) internal view {
        _requireWellFormed(proof, instances);
        try IHalo2Verifier(verifier).verifyProof(proof, instances) returns (bool accepted) {
            // An answer that is neither true nor false does not come this far: decoding it reverts.
            if (!accepted) revert ProofRejected();
        } catch {
            revert ProofRejected();
        }
    }

    /// @notice Returns if the verifier accepts every proof for the instances beside it, and reverts otherwise.
    /// @dev All or nothing. To report each proof's fate would let whoever pays for the gas decide it: a call that is
    /// given too little fails like a call with a wrong proof.
    /// @param proofs The proofs; at least one.
    /// @param statements The instances of each.
    function _verifyBatch(bytes[] calldata proofs, uint256[][] calldata statements) internal view {
        if (proofs.length != statements.length) revert WrongBatch(proofs.length, statements.length);
        if (proofs.length == 0) revert EmptyBatch();
        for (uint256 i = 0; i < proofs.length; ++i) {
            _verify(proofs[i], statements[i]);
        }
    }

    /// @notice Returns if this can be a proof of the circuit, and the verifier is the pinned one.
    /// @param proof The proof as the prover wrote it.
    /// @param instances The circuit's public values.
    function _requireWellFormed(bytes calldata proof, uint256[] calldata instances) internal view virtual {
        if (proof.length != proofBytes) revert WrongProofLength(proofBytes, proof.length);
        if (instances.length != instanceCount) revert WrongInstanceCount(instanceCount, instances.length);
        _requireInField(instances);
        bytes32 found = verifier.codehash;
        if (found != verifierCodeHash) revert WrongVerifierCode(verifierCodeHash, found);
    }

    /// @notice Returns if every instance is below the field's order.
    /// @dev A circuit may have thousands of instances: written out, the loop takes 72 gas for each, and what the compiler
    /// makes of it 116. Which instance it was is looked for only where there is one.
    /// @param instances The circuit's public values.
    function _requireInField(uint256[] calldata instances) private pure {
        uint256 greatest = Field.ORDER - 1;
        uint256 outside;
        assembly ("memory-safe") {
            let end := add(instances.offset, shl(5, instances.length))
            for { let at := instances.offset } lt(at, end) { at := add(at, 0x20) } {
                outside := or(outside, gt(calldataload(at), greatest))
            }
        }
        if (outside == 0) return;
        uint256 i = 0;
        while (instances[i] <= greatest) ++i;
        revert InstanceNotInField(i);
    }
}
