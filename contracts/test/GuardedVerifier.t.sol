// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Field} from "../src/Field.sol";
import {GuardedVerifier} from "../src/GuardedVerifier.sol";
import {IHalo2Verifier} from "../src/IHalo2Verifier.sol";
import {VerifierGuard} from "../src/VerifierGuard.sol";
import {FixedAnswer, OnlyThisCalldata, Writing} from "./support/StandIns.sol";
import {VerifierTest} from "./support/VerifierTest.sol";

/// @title The guard in front of generated verifiers, and in front of contracts that are none.
contract GuardedVerifierTest is VerifierTest {
    string[4] internal names = ["dense_4x2", "relu_4x4", "dense_small-s7-direct", "dense_4x2_three"];
    address[4] internal verifiers;
    GuardedVerifier[4] internal guards;
    bytes[4] internal proofs;
    uint256[][4] internal instances;

    function setUp() public {
        for (uint256 i = 0; i < names.length; ++i) {
            Fixture memory fixture = load(names[i]);
            Proof memory proof = proofOf(fixture, 0);
            verifiers[i] = deploy(fixture);
            guards[i] = new GuardedVerifier(pinned(fixture, proof, verifiers[i]));
            proofs[i] = proof.proof;
            instances[i] = proof.instances;
        }
    }

    function test_acceptsWhatTheVerifierAccepts() public {
        for (uint256 i = 0; i < names.length; ++i) {
            Fixture memory fixture = load(names[i]);
            for (uint256 j = 0; j < proofCount(fixture); ++j) {
                vm.assertTrue(accepts(address(guards[i]), proofOf(fixture, j).callData), names[i]);
            }
        }
    }

    function test_gasAndSize() public {
        for (uint256 i = 0; i < names.length; ++i) {
            vm.assertTrue(accepts(address(guards[i]), proofOf(load(names[i]), 0).callData), names[i]);
            vm.snapshotGasLastCall("GuardedVerifier", string.concat(names[i], ": gas"));
        }
        vm.snapshotValue("GuardedVerifier", "bytes", address(guards[0]).code.length);
    }

    // What it rejects, and how it says so.

    function testFuzz_rejectsAChangedByte(uint256 which, uint256 seed) public {
        uint256 i = which % names.length;
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guards[i].verifyProof(withByteChanged(proofs[i], seed), instances[i]);
    }

    function testFuzz_rejectsAChangedInstance(uint256 which, uint256 index, uint256 value) public {
        uint256 i = which % names.length;
        uint256[] memory changed = instances[i];
        index %= changed.length;
        value %= Field.ORDER;
        vm.assume(changed[index] != value);
        changed[index] = value;
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guards[i].verifyProof(proofs[i], changed);
    }

    function testFuzz_rejectsWhatIsNoFieldElement(uint256 which, uint256 index, uint256 value) public {
        uint256 i = which % names.length;
        uint256[] memory changed = instances[i];
        index %= changed.length;
        changed[index] = Field.ORDER + value % (type(uint256).max - Field.ORDER + 1);
        vm.expectRevert(abi.encodeWithSelector(VerifierGuard.InstanceNotInField.selector, index));
        guards[i].verifyProof(proofs[i], changed);
    }

    function testFuzz_rejectsAnotherProofLength(uint256 which, uint256 length) public {
        uint256 i = which % names.length;
        length %= 2 * proofs[i].length;
        vm.assume(length != proofs[i].length);
        vm.expectRevert(
            abi.encodeWithSelector(VerifierGuard.WrongProofLength.selector, proofs[i].length, length)
        );
        guards[i].verifyProof(withLength(proofs[i], length), instances[i]);
    }

    function testFuzz_rejectsAnotherInstanceCount(uint256 which, uint256 count) public {
        uint256 i = which % names.length;
        count %= 2 * instances[i].length;
        vm.assume(count != instances[i].length);
        vm.expectRevert(
            abi.encodeWithSelector(VerifierGuard.WrongInstanceCount.selector, instances[i].length, count)
        );
        guards[i].verifyProof(proofs[i], withLength(instances[i], count));
    }

    function test_rejectsTheProofOfAnotherKey() public {
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guards[3].verifyProof(proofs[0], instances[0]);
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guards[0].verifyProof(proofs[3], instances[3]);
    }

    function test_rejectsTheProofOfAnotherCircuit() public {
        for (uint256 i = 0; i < names.length; ++i) {
            for (uint256 j = 0; j < names.length; ++j) {
                if (i == j) continue;
                vm.expectRevert();
                guards[i].verifyProof(proofs[j], instances[j]);
            }
        }
    }

    /// Too little gas for the verifier must not look like acceptance.
    function testFuzz_neverAcceptsForLackOfGas(uint256 gas) public {
        bytes memory data = abi.encodeCall(IHalo2Verifier.verifyProof, (proofs[0], instances[0]));
        (bool success,) = address(guards[0]).call{gas: gas % 350_000}(data);
        vm.assertTrue(!success, "rejected");
    }

    // Calldata that is not canonically encoded.

    /// Whatever encoding comes in, the verifier is called with the canonical one: the stand-in takes no other.
    function testFuzz_encodesAnew(bytes memory proof, uint256[] memory values, bytes memory gap, bytes memory rest)
        public
    {
        for (uint256 i = 0; i < values.length; ++i) {
            values[i] %= Field.ORDER;
        }
        bytes memory canonical = abi.encodeCall(IHalo2Verifier.verifyProof, (proof, values));
        address strict = address(new OnlyThisCalldata(canonical));
        VerifierGuard.Pinned memory over = VerifierGuard.Pinned({
            verifier: strict,
            codeHash: strict.codehash,
            proofBytes: proof.length,
            instanceCount: values.length
        });
        GuardedVerifier guard = new GuardedVerifier(over);
        vm.assertTrue(accepts(address(guard), canonical), "canonical");
        vm.assertTrue(accepts(address(guard), bytes.concat(canonical, rest)), "bytes after it");
        vm.assertTrue(accepts(address(guard), proofFirst(proof, values, gap)), "a gap");
        vm.assertTrue(accepts(address(guard), instancesFirst(proof, values, gap)), "instances first");
    }

    function testFuzz_acceptsARightProofInAnyEncoding(uint256 which, bytes memory gap) public {
        uint256 i = which % names.length;
        vm.assertTrue(accepts(address(guards[i]), proofFirst(proofs[i], instances[i], gap)), "a gap");
        vm.assertTrue(accepts(address(guards[i]), instancesFirst(proofs[i], instances[i], gap)), "instances first");
    }

    /// By their places the arguments are right; by the heads, which a consumer goes by, the instances are others.
    function testFuzz_rejectsInstancesThatStandElsewhere(uint256 which, uint256 index, uint256 value) public {
        uint256 i = which % names.length;
        uint256[] memory others = instances[i];
        index %= others.length;
        value %= Field.ORDER;
        vm.assume(others[index] != value);
        others[index] = value;
        bytes memory data = abi.encodeCall(IHalo2Verifier.verifyProof, (proofs[i], instances[i]));
        uint256 offset = data.length - 4;
        data = bytes.concat(data, abi.encode(others.length), abi.encodePacked(others));
        assembly ("memory-safe") {
            // The second head: after the length, the selector and the first head.
            mstore(add(data, 0x44), offset)
        }
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        this.send(address(guards[i]), data);
    }

    function testFuzz_rejectsCalldataThatIsCutOff(uint256 which, uint256 length) public {
        uint256 i = which % names.length;
        bytes memory data = abi.encodeCall(IHalo2Verifier.verifyProof, (proofs[i], instances[i]));
        // The last word is an instance: it must be there in full.
        vm.assertTrue(!accepts(address(guards[i]), withLength(data, length % data.length)), names[i]);
    }

    // The verifier's code.

    function test_refusesOtherCodeAtConstruction() public {
        VerifierGuard.Pinned memory over = pinned(load(names[0]), proofOf(load(names[0]), 0), verifiers[1]);
        vm.expectRevert(
            abi.encodeWithSelector(
                VerifierGuard.WrongVerifierCode.selector, over.codeHash, verifiers[1].codehash
            )
        );
        new GuardedVerifier(over);
    }

    function test_refusesAnAddressWithoutCode() public {
        VerifierGuard.Pinned memory over = pinned(load(names[0]), proofOf(load(names[0]), 0), address(0xdead));
        vm.expectRevert(
            abi.encodeWithSelector(VerifierGuard.WrongVerifierCode.selector, over.codeHash, bytes32(0))
        );
        new GuardedVerifier(over);
    }

    function test_refusesAnAccountThatDelegatesToTheVerifier() public {
        address account = address(0x7702);
        vm.etch(account, abi.encodePacked(hex"ef0100", verifiers[0]));
        VerifierGuard.Pinned memory over = pinned(load(names[0]), proofOf(load(names[0]), 0), account);
        vm.expectRevert(
            abi.encodeWithSelector(VerifierGuard.WrongVerifierCode.selector, over.codeHash, account.codehash)
        );
        new GuardedVerifier(over);
    }

    function test_refusesCodeThatWasReplaced() public {
        FixedAnswer obliging = new FixedAnswer(abi.encode(true));
        bytes32 expected = verifiers[0].codehash;
        vm.etch(verifiers[0], address(obliging).code);
        vm.expectRevert(
            abi.encodeWithSelector(
                VerifierGuard.WrongVerifierCode.selector, expected, address(obliging).codehash
            )
        );
        guards[0].verifyProof(proofs[0], instances[0]);
    }

    // The verifier's answer.

    function test_acceptsTrueAlone() public {
        GuardedVerifier guard = over_(address(new FixedAnswer(abi.encode(true))));
        vm.assertTrue(guard.verifyProof("", new uint256[](0)), "true");

        guard = over_(address(new FixedAnswer(abi.encode(false))));
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guard.verifyProof("", new uint256[](0));

        bytes[4] memory neither =
            [abi.encode(2), abi.encode(type(uint256).max), bytes(""), abi.encodePacked(uint248(1))];
        for (uint256 i = 0; i < neither.length; ++i) {
            guard = over_(address(new FixedAnswer(neither[i])));
            vm.expectRevert();
            guard.verifyProof("", new uint256[](0));
        }
    }

    function test_letsTheVerifierChangeNothing() public {
        address writing = address(new Writing());
        vm.assertTrue(accepts(writing, ""), "it writes where it may");
        GuardedVerifier guard = over_(writing);
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guard.verifyProof("", new uint256[](0));
    }

    // Batches.

    function test_acceptsABatch() public {
        (bytes[] memory batch, uint256[][] memory statements) = three();
        bytes memory data = abi.encodeCall(GuardedVerifier.verifyBatch, (batch, statements));
        vm.assertTrue(accepts(address(guards[3]), data), "three right proofs");
        vm.snapshotGasLastCall("GuardedVerifier", "batch of three: gas");
    }

    function testFuzz_rejectsABatchWithOneWrongProof(uint256 index, uint256 seed) public {
        (bytes[] memory batch, uint256[][] memory statements) = three();
        index %= batch.length;
        batch[index] = withByteChanged(batch[index], seed);
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guards[3].verifyBatch(batch, statements);
    }

    function test_rejectsABatchWhoseStatementsAreExchanged() public {
        (bytes[] memory batch, uint256[][] memory statements) = three();
        (statements[1], statements[2]) = (statements[2], statements[1]);
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        guards[3].verifyBatch(batch, statements);
    }

    function test_rejectsAnEmptyBatch() public {
        vm.expectRevert(VerifierGuard.EmptyBatch.selector);
        guards[3].verifyBatch(new bytes[](0), new uint256[][](0));
    }

    function test_rejectsABatchWithAProofTooMany() public {
        (bytes[] memory batch, uint256[][] memory statements) = three();
        assembly ("memory-safe") {
            mstore(statements, 2)
        }
        vm.expectRevert(abi.encodeWithSelector(VerifierGuard.WrongBatch.selector, 3, 2));
        guards[3].verifyBatch(batch, statements);
    }

    /// Sends calldata as it is and hands on how it ended, so that a revert can be expected of it.
    function send(address target, bytes calldata data) external returns (bytes memory) {
        (bool success, bytes memory answer) = target.call(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        return answer;
    }

    /// A guard over a stand-in, for empty proofs without instances.
    function over_(address verifier) internal returns (GuardedVerifier) {
        return new GuardedVerifier(
            VerifierGuard.Pinned({verifier: verifier, codeHash: verifier.codehash, proofBytes: 0, instanceCount: 0})
        );
    }

    function three() internal view returns (bytes[] memory batch, uint256[][] memory statements) {
        Fixture memory fixture = load(names[3]);
        (batch, statements) = (new bytes[](3), new uint256[][](3));
        for (uint256 i = 0; i < 3; ++i) {
            Proof memory proof = proofOf(fixture, i);
            (batch[i], statements[i]) = (proof.proof, proof.instances);
        }
    }

    function proofFirst(bytes memory proof, uint256[] memory values, bytes memory gap)
        internal
        pure
        returns (bytes memory)
    {
        bytes memory first = contents(proof);
        uint256 start = 64 + gap.length;
        return bytes.concat(
            IHalo2Verifier.verifyProof.selector,
            abi.encode(start, start + first.length),
            gap,
            first,
            abi.encodePacked(values.length, values)
        );
    }

    function instancesFirst(bytes memory proof, uint256[] memory values, bytes memory gap)
        internal
        pure
        returns (bytes memory)
    {
        uint256 start = 64 + gap.length;
        return bytes.concat(
            IHalo2Verifier.verifyProof.selector,
            abi.encode(start + 32 + 32 * values.length, start),
            gap,
            abi.encodePacked(values.length, values),
            contents(proof)
        );
    }

    /// Length and bytes, filled up to whole words.
    function contents(bytes memory proof) internal pure returns (bytes memory) {
        return bytes.concat(abi.encode(proof.length), proof, new bytes((32 - proof.length % 32) % 32));
    }
}
