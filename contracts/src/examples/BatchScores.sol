// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {BatchCommitted} from "../BatchCommitted.sol";

/// @title An example: a contract that takes the scores of many inputs in one transaction.
/// @notice Somebody asks for the scores of an input, which is known by the digest of its commitments, and gets a nonce. Somebody
/// else, who need not be trusted, settles many requests with a batch of proofs. The contract keeps what each proof says.
/// @dev Each request is settled once: what counts is its nonce, not a proof, a statement or an input, all of which may be there
/// more than once. The digest must be of an input of the circuit's length and range (`CommittedGuard.inputDigestOf`).
contract BatchScores {
    /// @notice What has become of a request.
    struct Request {
        /// The digest of the input's commitments; zero where nobody asked.
        bytes32 inputDigest;
        /// Whether the scores are known.
        bool settled;
    }

    /// @notice There is another number of requests than of proofs.
    error WrongCount(uint256 requests, uint256 proofBytes);
    /// @notice Nobody asked for this nonce, or it is settled.
    error NotOpen(uint256 nonce);
    /// @notice The proof is about another input than the one that was asked for.
    error OtherInput(uint256 nonce, bytes32 found);

    /// @notice A request was settled.
    event Scored(uint256 indexed nonce, uint256[] scores);

    /// @notice The contract that verifies the proofs.
    BatchCommitted public immutable batch;
    /// @notice Requests so far: the last nonce.
    uint256 public requests;
    /// @notice The request of this nonce.
    mapping(uint256 nonce => Request) public requestOf;

    /// @param batch_ The circuit's batch contract.
    constructor(BatchCommitted batch_) {
        batch = batch_;
    }

    /// @notice Asks for the scores of an input.
    /// @param inputDigest The digest of its commitments, not zero.
    /// @return nonce The request's number, from 1 on.
    function request(bytes32 inputDigest) external returns (uint256 nonce) {
        nonce = ++requests;
        requestOf[nonce].inputDigest = inputDigest;
    }

    /// @notice Settles requests: verifies all proofs, or settles none.
    /// @param nonces The requests' numbers, one for each proof.
    /// @param proofs The proofs, one after another.
    /// @param statements Their statements, one after another: the scores.
    function settle(uint256[] calldata nonces, bytes calldata proofs, uint256[] calldata statements) external {
        uint256 length = batch.proofBytes();
        if (proofs.length != nonces.length * length) revert WrongCount(nonces.length, proofs.length);
        batch.verifyBatch(proofs, statements);
        uint256 words = statements.length / nonces.length;
        for (uint256 i = 0; i < nonces.length; ++i) {
            Request storage open = requestOf[nonces[i]];
            if (open.inputDigest == 0 || open.settled) revert NotOpen(nonces[i]);
            bytes32 found = batch.inputDigestOf(proofs[i * length:(i + 1) * length]);
            if (found != open.inputDigest) revert OtherInput(nonces[i], found);
            open.settled = true;
            emit Scored(nonces[i], statements[i * words:(i + 1) * words]);
        }
    }
}
