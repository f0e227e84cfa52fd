// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {BatchCommitted} from "../src/BatchCommitted.sol";
import {BatchGuard} from "../src/BatchGuard.sol";
import {CommittedGuard} from "../src/CommittedGuard.sol";
import {Field} from "../src/Field.sol";
import {GuardedCommitted} from "../src/GuardedCommitted.sol";
import {IBatchOpening} from "../src/IBatchOpening.sol";
import {VerifierGuard} from "../src/VerifierGuard.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {FixedAnswer} from "./support/StandIns.sol";

/// @title Two proofs of one committed circuit, for two inputs, in batches.
contract BatchCommittedTest is BatchTest {
    string internal constant NAME = "committed_head";
    uint256 internal constant CLAIMS = 2;

    address internal opening;
    BatchCommitted internal batch;
    bytes[2] internal proofs;
    uint256[][2] internal statements;

    function setUp() public {
        Fixture memory fixture = load(NAME);
        opening = deployOpening(NAME);
        for (uint256 i = 0; i < 2; ++i) {
            Proof memory proof = proofOf(fixture, i);
            proofs[i] = proof.proof;
            statements[i] = statementOf(proof, CLAIMS);
        }
        batch = new BatchCommitted(pinnedOpening(opening, proofOf(fixture, 0)), committedOf(fixture));
    }

    function both(bytes memory first, bytes memory second) internal view returns (bytes memory) {
        return abi.encodeCall(
            batch.verifyBatch, (bytes.concat(first, second), joined(statements[0], statements[1]))
        );
    }

    // What it takes.

    function test_acceptsEveryBatchOfGoodProofs() public view {
        for (uint256 first = 0; first < 2; ++first) {
            vm.assertTrue(batch.verifyBatch(proofs[first], statements[first]), "one");
            for (uint256 second = 0; second < 2; ++second) {
                // In either order, and the same one twice.
                vm.assertTrue(
                    batch.verifyBatch(
                        bytes.concat(proofs[first], proofs[second]), joined(statements[first], statements[second])
                    ),
                    "two"
                );
            }
        }
    }

    /// forge-config: default.fuzz.runs = 16
    function testFuzz_acceptsGoodProofsInAnyOrder(uint256 order, uint256 count) public view {
        count = 1 + count % 6;
        bytes memory all;
        uint256[] memory values = new uint256[](0);
        for (uint256 i = 0; i < count; ++i) {
            uint256 which = (order >> i) & 1;
            all = bytes.concat(all, proofs[which]);
            values = joined(values, statements[which]);
        }
        vm.assertTrue(batch.verifyBatch(all, values), "any order");
    }

    function test_gasAndSize() public {
        bytes memory all;
        uint256[] memory values = new uint256[](0);
        for (uint256 i = 0; i < 8; ++i) {
            all = bytes.concat(all, proofs[i % 2]);
            values = joined(values, statements[i % 2]);
            if (i == 0 || i == 7) {
                vm.assertTrue(accepts(address(batch), abi.encodeCall(batch.verifyBatch, (all, values))), "batch");
                vm.snapshotGasLastCall("BatchCommitted", string.concat(NAME, i == 0 ? ", 1: gas" : ", 8: gas"));
            }
        }
        vm.snapshotValue("BatchCommitted", "bytes", address(batch).code.length);
        vm.snapshotValue("BatchCommitted", string.concat(NAME, ", opening: bytes"), opening.code.length);
    }

    // One bad member.

    /// A byte of a commitment changes the challenge, any other byte makes the proof wrong: wherever it is, all is refused.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_rejectsAChangedByteOfAnyMember(uint256 which, uint256 seed) public {
        bytes memory changed = withByteChanged(proofs[which % 2], seed);
        bytes memory data = which % 2 == 0 ? both(changed, proofs[1]) : both(proofs[0], changed);
        vm.assertTrue(!accepts(address(batch), data), "a changed byte");
    }

    /// forge-config: default.fuzz.runs = 32
    function testFuzz_rejectsAChangedValueOfAnyMember(uint256 index, uint256 value) public {
        uint256[] memory values = joined(statements[0], statements[1]);
        index %= values.length;
        value %= Field.ORDER;
        vm.assume(values[index] != value);
        values[index] = value;
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        batch.verifyBatch(bytes.concat(proofs[0], proofs[1]), values);
    }

    function test_rejectsAValueBeyondTheFieldAndSaysWhose() public {
        for (uint256 i = 0; i < 2; ++i) {
            uint256[] memory values = joined(statements[0], statements[1]);
            values[i * statements[0].length] += Field.ORDER;
            vm.expectRevert(abi.encodeWithSelector(BatchGuard.MemberRejected.selector, i));
            batch.verifyBatch(bytes.concat(proofs[0], proofs[1]), values);
        }
    }

    /// Proofs that the verifier accepts, and whose claims are wrong.
    function test_rejectsLiesBesideAGoodProof() public {
        string memory json = vm.readFile("contracts/test/fixtures/committed_head/lies.json");
        uint256 found;
        for (string memory at = "[0]"; vm.keyExistsJson(json, string.concat(at, ".proof")); at = entry(found)) {
            ++found;
            Proof memory lie;
            lie.proof = vm.parseJsonBytes(json, string.concat(at, ".proof"));
            lie.instances = vm.parseJsonUintArray(json, string.concat(at, ".instances"));
            bytes memory all = bytes.concat(proofs[0], lie.proof);
            uint256[] memory values = joined(statements[0], statementOf(lie, CLAIMS));
            vm.expectRevert(VerifierGuard.ProofRejected.selector);
            batch.verifyBatch(all, values);
        }
        vm.assertTrue(found > 0, "there are lies");
    }

    // What members exchange.

    function test_rejectsStatementsInEachOthersPlace() public {
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        batch.verifyBatch(bytes.concat(proofs[0], proofs[1]), joined(statements[1], statements[0]));
    }

    function test_rejectsAnyPartInEachOthersPlace() public {
        uint256 words = proofs[0].length / 32;
        // The last point, the one before it, and every other part: commitments first, evaluations after them.
        for (uint256 from = 0; from < words; from += 2) {
            uint256 start = 32 * from;
            uint256 end = start + 64 < proofs[0].length ? start + 64 : proofs[0].length;
            bytes memory first = withBytesOf(proofs[0], proofs[1], start, end);
            if (keccak256(first) == keccak256(proofs[0])) continue;
            bytes memory second = withBytesOf(proofs[1], proofs[0], start, end);
            vm.assertTrue(!accepts(address(batch), both(first, second)), "exchanged");
        }
    }

    /// Both statements are false, and both proofs random: their last points were chosen so that the sum would hold, had rho
    /// been drawn without them.
    function test_rejectsLastPointsChosenForASum() public {
        string memory json = vm.readFile("contracts/test/fixtures/committed_head/false_batch.json");
        bytes memory all = vm.parseJsonBytes(json, ".proofs");
        uint256[] memory values = vm.parseJsonUintArray(json, ".statements");
        vm.assertEq(all.length, 2 * proofs[0].length, "two proofs");
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        batch.verifyBatch(all, values);
    }

    // Lengths.

    function test_rejectsAnEmptyBatch() public {
        vm.expectRevert(VerifierGuard.EmptyBatch.selector);
        batch.verifyBatch("", new uint256[](0));
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_rejectsEveryOtherLength(uint256 length, uint256 words) public {
        length %= 3 * proofs[0].length;
        words %= 12;
        uint256 count = length / proofs[0].length;
        vm.assume(length % proofs[0].length != 0 || words != count * statements[0].length);
        bytes memory all = withLength(bytes.concat(proofs[0], proofs[1]), length);
        uint256[] memory values = withLength(joined(statements[0], statements[1]), words);
        vm.expectRevert(abi.encodeWithSelector(BatchGuard.WrongBatchLength.selector, length, words));
        batch.verifyBatch(all, values);
    }

    // What it is deployed for.

    function test_isNotDeployedForOtherCode() public {
        Fixture memory fixture = load(NAME);
        VerifierGuard.Pinned memory pin = pinnedOpening(opening, proofOf(fixture, 0));
        pin.codeHash = keccak256("other");
        CommittedGuard.Committed memory terms = committedOf(fixture);
        vm.expectRevert(
            abi.encodeWithSelector(VerifierGuard.WrongVerifierCode.selector, pin.codeHash, opening.codehash)
        );
        new BatchCommitted(pin, terms);
    }

    function test_isNotDeployedForMorePointsThanAProofHas() public {
        Fixture memory fixture = load(NAME);
        VerifierGuard.Pinned memory pin = pinnedOpening(opening, proofOf(fixture, 0));
        CommittedGuard.Committed memory terms = committedOf(fixture);
        terms.layout.claimPoints = 58;
        vm.expectRevert(
            abi.encodeWithSelector(BatchCommitted.WrongLayout.selector, 59, proofs[0].length)
        );
        new BatchCommitted(pin, terms);
    }

    /// A challenge that no commitment to the input goes into.
    function test_isNotDeployedWithoutInputPoints() public {
        Fixture memory fixture = load(NAME);
        VerifierGuard.Pinned memory pin = pinnedOpening(opening, proofOf(fixture, 0));
        CommittedGuard.Committed memory terms = committedOf(fixture);
        terms.layout.outputPoints += terms.layout.inputPoints;
        terms.layout.inputPoints = 0;
        vm.expectRevert(BatchCommitted.NoInputPoints.selector);
        new BatchCommitted(pin, terms);
    }

    function test_isNotDeployedForProofsOfNoWholeWords() public {
        Fixture memory fixture = load(NAME);
        VerifierGuard.Pinned memory pin = pinnedOpening(opening, proofOf(fixture, 0));
        CommittedGuard.Committed memory terms = committedOf(fixture);
        uint256 length = pin.proofBytes;
        uint256[4] memory lengths = [0, length - 1, length + 1, length + 31];
        for (uint256 i = 0; i < lengths.length; ++i) {
            pin.proofBytes = lengths[i];
            vm.expectRevert(abi.encodeWithSelector(BatchGuard.WrongProofBytes.selector, lengths[i]));
            new BatchCommitted(pin, terms);
        }
    }

    /// An opening whose key is no list of words, or one of another length than points of the key have.
    function test_rejectsAKeyOfAnotherForm() public {
        bytes memory key = abi.encode(IBatchOpening(opening).key());
        answerWithKey(key);
        vm.assertTrue(batch.verifyBatch(proofs[0], statements[0]), "as it is");

        uint256 words = key.length / 32 - 2;
        refuseKey(withWord(key, 0, 0x00));
        refuseKey(withWord(key, 0, 0x40));
        refuseKey(withWord(key, 1, words - 1));
        refuseKey(withWord(key, 1, words + 1));
        refuseKey(withWord(key, 1, words | (1 << 251)));
        refuseKey("");
        refuseKey(withLength(key, 0xa0));
        // A byte, a word, a point, and four points fewer or more, with the length that says so.
        uint256[4] memory less = [uint256(1), 32, 96, 384];
        for (uint256 i = 0; i < less.length; ++i) {
            refuseKey(withLength(key, key.length - less[i]));
            refuseKey(withLength(key, key.length + less[i]));
            if (i == 3) continue;
            refuseKey(withWord(withLength(key, key.length - less[i]), 1, words - less[i] / 32));
            refuseKey(withWord(withLength(key, key.length + less[i]), 1, words + less[i] / 32));
        }
    }

    function answerWithKey(bytes memory key) private {
        vm.mockCall(opening, abi.encodeCall(IBatchOpening.key, ()), key);
    }

    function refuseKey(bytes memory key) private {
        answerWithKey(key);
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        batch.verifyBatch(proofs[0], statements[0]);
    }

    /// The bytes with one word of them replaced.
    function withWord(bytes memory data, uint256 index, uint256 word) private pure returns (bytes memory changed) {
        changed = bytes.concat(data);
        assembly ("memory-safe") {
            mstore(add(changed, add(0x20, mul(0x20, index))), word)
        }
    }

    function test_rejectsProofsWhenItsOpeningIsReplaced() public {
        bytes32 pinnedHash = opening.codehash;
        vm.etch(opening, address(new FixedAnswer(new bytes(224))).code);
        vm.expectRevert(
            abi.encodeWithSelector(VerifierGuard.WrongVerifierCode.selector, pinnedHash, opening.codehash)
        );
        batch.verifyBatch(proofs[0], statements[0]);
    }

    function test_rejectsProofsOfAnotherCircuit() public {
        Fixture memory fixture = load(NAME);
        CommittedGuard.Committed memory terms = committedOf(fixture);
        terms.circuitDigest = keccak256("other");
        BatchCommitted other = new BatchCommitted(pinnedOpening(opening, proofOf(fixture, 0)), terms);
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        other.verifyBatch(proofs[0], statements[0]);
    }

    function test_acceptsTheRegisteredInputAlone() public {
        Fixture memory fixture = load(NAME);
        CommittedGuard.Committed memory terms = committedOf(fixture);
        terms.registeredInput = batch.inputDigestOf(proofs[0]);
        BatchCommitted registered = new BatchCommitted(pinnedOpening(opening, proofOf(fixture, 0)), terms);
        vm.assertTrue(registered.verifyBatch(proofs[0], statements[0]), "the one");
        bytes32 found = batch.inputDigestOf(proofs[1]);
        vm.expectRevert(
            abi.encodeWithSelector(CommittedGuard.UnregisteredInput.selector, terms.registeredInput, found)
        );
        registered.verifyBatch(bytes.concat(proofs[0], proofs[1]), joined(statements[0], statements[1]));
    }

    // Gas, and what is not there to be changed.

    /// However little gas a call is given, it is accepted or reverts: what is missing makes no member good.
    /// forge-config: default.fuzz.runs = 32
    function testFuzz_acceptsOrRevertsWhateverGasItIsGiven(uint256 given) public view {
        bytes memory changed = withBytesOf(proofs[1], proofs[0], proofs[1].length - 64, proofs[1].length);
        given %= 1_500_000;
        (bool success,) = address(batch).staticcall{gas: given}(both(proofs[0], changed));
        vm.assertTrue(!success, "a bad member");
    }

    /// An opening says nothing by itself: it answers for a proof that no pairing holds for.
    function test_anOpeningIsNoVerifier() public {
        bytes memory changed = withBytesOf(proofs[0], proofs[1], proofs[0].length - 64, proofs[0].length);
        uint256[] memory instances = proofOf(load(NAME), 0).instances;
        IBatchOpening(opening).opening(changed, instances);
        (bool success,) = opening.call(abi.encodeWithSignature("verifyProof(bytes,uint256[])", proofs[0], instances));
        vm.assertTrue(!success, "no such function");
    }

    function test_isNoGuardOfSingleProofs() public {
        Fixture memory fixture = load(NAME);
        GuardedCommitted guard =
            new GuardedCommitted(pinnedOpening(opening, proofOf(fixture, 0)), committedOf(fixture));
        uint256[] memory instances = proofOf(fixture, 0).instances;
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guard.verifyProof(proofs[0], instances);
    }

    function entry(uint256 index) private pure returns (string memory) {
        return string.concat("[", vm.toString(index), "]");
    }
}
