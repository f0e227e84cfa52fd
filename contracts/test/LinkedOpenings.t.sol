// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {CommittedGuard} from "../src/CommittedGuard.sol";
import {Field} from "../src/Field.sol";
import {GuardedCommitted} from "../src/GuardedCommitted.sol";
import {IBatchOpening} from "../src/IBatchOpening.sol";
import {LinkedCommitted} from "../src/LinkedCommitted.sol";
import {LinkedOpenings} from "../src/LinkedOpenings.sol";
import {OpenedCommitted} from "../src/OpenedCommitted.sol";
import {VerifierGuard} from "../src/VerifierGuard.sol";
import {BatchTest} from "./support/BatchTest.sol";
import {FixedAnswer} from "./support/StandIns.sol";

/// @title Two tiles of a layer and what comes after the first, verified with one pairing.
contract LinkedOpeningsTest is BatchTest {
    uint256 internal constant CLAIMS = 2;

    string[3] internal names = ["committed_tile_0", "committed_tile_1", "committed_head"];
    address[3] internal openings;
    CommittedGuard[] internal parts;
    LinkedCommitted.Source[] internal sources;
    LinkedOpenings internal set;

    function setUp() public {
        for (uint256 i = 0; i < names.length; ++i) {
            openings[i] = deployOpening(names[i]);
            parts.push(partOf(i, committedOf(load(names[i]))));
        }
        sources.push(LinkedCommitted.Source(0, LinkedCommitted.Group.Input));
        sources.push(LinkedCommitted.Source(0, LinkedCommitted.Group.Output));
        set = new LinkedOpenings(parts, sources);
    }

    function test_acceptsTheWholeSet() public {
        for (uint256 i = 0; i < 2; ++i) {
            (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([i, i, i]);
            bytes memory data = abi.encodeCall(LinkedCommitted.verifySet, (proofs, statements));
            vm.assertTrue(accepts(address(set), data), "accepted");
            if (i == 0) vm.snapshotGasLastCall("LinkedOpenings", "set of three: gas");
        }
        vm.snapshotValue("LinkedOpenings", "bytes", address(set).code.length);
        vm.snapshotValue("LinkedOpenings", "a part: bytes", address(parts[0]).code.length);
    }

    function test_tellsItsParts() public view {
        vm.assertEq(set.partCount(), 3, "parts");
        LinkedCommitted.Part memory part = set.partAt(2);
        vm.assertTrue(part.guard == parts[2], "its contract");
        vm.assertEq(part.source, 0, "comes from the first");
        vm.assertEq(part.sourcePoint, 1, "after its input's point");
        vm.assertEq(part.points, 1, "one point");
    }

    function test_tellsWhatTheSetSays() public view {
        for (uint256 i = 0; i < 2; ++i) {
            (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([i, i, i]);
            (bytes32 inputDigest, uint256[][] memory said) = set.verifiedSet(proofs, statements);
            vm.assertEq(inputDigest, parts[0].inputDigestOf(proofs[0]), "the first part's input");
            vm.assertEq(keccak256(abi.encode(said)), keccak256(abi.encode(statements)), "the statements");
        }
    }

    /// A part by itself is a batch contract of its circuit.
    function test_aPartVerifiesItsOwnProofs() public view {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertTrue(OpenedCommitted(address(parts[i])).verifyBatch(proofs[i], statements[i]), "alone");
        }
    }

    // What is no set.

    /// Each of the proofs is right, and one is about another input.
    function test_rejectsAPartAboutAnotherTensor() public {
        for (uint256 odd = 0; odd < 3; ++odd) {
            uint256[3] memory which;
            which[odd] = 1;
            (bytes[] memory proofs, uint256[][] memory statements) = proofsOf(which);
            // The first link that is broken: of an odd first part, that of the second.
            vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongLink.selector, odd == 0 ? 1 : odd, 0));
            set.verifySet(proofs, statements);
            vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongLink.selector, odd == 0 ? 1 : odd, 0));
            set.verifiedSet(proofs, statements);
        }
    }

    function test_rejectsASetThatLacksAPart() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        for (uint256 left = 0; left < 3; ++left) {
            (bytes[] memory fewer, uint256[][] memory theirs) = (new bytes[](2), new uint256[][](2));
            for (uint256 i = 0; i < 2; ++i) {
                uint256 from = i < left ? i : i + 1;
                (fewer[i], theirs[i]) = (proofs[from], statements[from]);
            }
            vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongPartCount.selector, 3, 2, 2));
            set.verifySet(fewer, theirs);
            vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongPartCount.selector, 3, 3, 2));
            set.verifySet(proofs, theirs);
        }
    }

    /// The tiles' proofs have one length and one input: only the pairing tells which circuit a proof is of.
    function test_rejectsATileInPlaceOfTheOther() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        (bytes memory first, bytes memory second) = (proofs[0], proofs[1]);
        vm.assertEq(first.length, second.length, "one length");
        proofs[1] = first;
        refuse(proofs, statements);
        (proofs[0], proofs[1]) = (second, second);
        vm.assertTrue(!isAccepted(proofs, statements), "the second twice");
        (proofs[0], proofs[1]) = (second, first);
        vm.assertTrue(!isAccepted(proofs, statements), "in each other's place");
    }

    // One bad part.

    /// A byte of a commitment changes the challenge, any other byte makes the proof wrong: wherever it is, all is refused.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_rejectsAChangedByteOfAnyPart(uint256 which, uint256 seed) public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        which %= 3;
        proofs[which] = withByteChanged(proofs[which], seed);
        vm.assertTrue(!isAccepted(proofs, statements), "a changed byte");
    }

    /// forge-config: default.fuzz.runs = 32
    function testFuzz_rejectsAChangedValue(uint256 index, uint256 value) public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        index %= statements[2].length;
        value %= Field.ORDER;
        vm.assume(statements[2][index] != value);
        statements[2][index] = value;
        refuse(proofs, statements);
    }

    function test_rejectsAValueBeyondTheField() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        statements[2][0] += Field.ORDER;
        refuse(proofs, statements);
    }

    /// Points of two parts in each other's place: their sum is the same.
    function test_rejectsAnyPointInEachOthersPlace() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        (bytes memory first, bytes memory second) = (proofs[0], proofs[1]);
        for (uint256 start = 0; start + 64 <= first.length; start += 64) {
            proofs[0] = withBytesOf(first, second, start, start + 64);
            if (keccak256(proofs[0]) == keccak256(first)) continue;
            proofs[1] = withBytesOf(second, first, start, start + 64);
            vm.assertTrue(!isAccepted(proofs, statements), "exchanged");
        }
    }

    /// Proofs that the head's verifier accepts, and whose claims are wrong.
    function test_rejectsLiesBesideGoodParts() public {
        string memory json = vm.readFile("contracts/test/fixtures/committed_head/lies.json");
        uint256 found;
        for (string memory at = "[0]"; vm.keyExistsJson(json, string.concat(at, ".proof"));) {
            (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
            Proof memory lie;
            lie.proof = vm.parseJsonBytes(json, string.concat(at, ".proof"));
            lie.instances = vm.parseJsonUintArray(json, string.concat(at, ".instances"));
            (proofs[2], statements[2]) = (lie.proof, statementOf(lie, CLAIMS));
            vm.assertTrue(!isAccepted(proofs, statements), "a lie");
            ++found;
            at = string.concat("[", vm.toString(found), "]");
        }
        vm.assertTrue(found > 0, "there are lies");
    }

    /// The head's statement is false, and the last points of two parts were chosen so that the sum would hold, had rho been
    /// drawn without them. The links hold.
    function test_rejectsLastPointsChosenForASum() public {
        string memory json = vm.readFile("contracts/test/fixtures/committed_head/false_set.json");
        (bytes[] memory right, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        bytes[] memory proofs = new bytes[](3);
        for (uint256 i = 0; i < 3; ++i) {
            string memory at = string.concat("[", vm.toString(i), "]");
            proofs[i] = vm.parseJsonBytes(json, string.concat(at, ".proof"));
            statements[i] = vm.parseJsonUintArray(json, string.concat(at, ".statement"));
            vm.assertEq(
                keccak256(withLength(proofs[i], proofs[i].length - 64)),
                keccak256(withLength(right[i], right[i].length - 64)),
                "nothing but the last point is chosen"
            );
            // Each part has an equation.
            OpenedCommitted(address(parts[i])).equationOf(proofs[i], statements[i]);
        }
        refuse(proofs, statements);
    }

    /// An equation proves nothing: a part answers for a false statement as well.
    function test_anEquationProvesNothing() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        statements[2][0] = addmod(statements[2][0], 1, Field.ORDER);
        OpenedCommitted(address(parts[2])).equationOf(proofs[2], statements[2]);
        refuse(proofs, statements);
    }

    /// However little gas a call is given, it is accepted or reverts: what is missing makes no part good.
    /// forge-config: default.fuzz.runs = 32
    function testFuzz_acceptsOrRevertsWhateverGasItIsGiven(uint256 given) public view {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        proofs[1] = withBytesOf(proofs[1], proofs[0], proofs[1].length - 64, proofs[1].length);
        given %= 2_000_000;
        (bool success,) =
            address(set).staticcall{gas: given}(abi.encodeCall(LinkedCommitted.verifySet, (proofs, statements)));
        vm.assertTrue(!success, "a bad part");
    }

    // Lengths.

    function test_rejectsOtherLengths() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        for (uint256 i = 0; i < 3; ++i) {
            (bytes memory proof, uint256[] memory statement) = (proofs[i], statements[i]);
            for (uint256 more = 0; more < 3; ++more) {
                if (more != 1) {
                    uint256 words = statement.length + more;
                    if (words > 0) {
                        statements[i] = withLength(statement, words - 1);
                        vm.expectRevert(
                            abi.encodeWithSelector(
                                VerifierGuard.WrongInstanceCount.selector, statement.length, words - 1
                            )
                        );
                        set.verifySet(proofs, statements);
                        statements[i] = statement;
                    }
                    uint256 length = proof.length + 32 * more - 32;
                    proofs[i] = withLength(proof, length);
                    vm.expectRevert(
                        abi.encodeWithSelector(VerifierGuard.WrongProofLength.selector, proof.length, length)
                    );
                    set.verifySet(proofs, statements);
                    proofs[i] = proof;
                }
            }
        }
    }

    // What it is deployed for.

    /// An opening that says another -s*G2: all parts must rest on one string.
    function test_isNotDeployedForAnotherReferenceString() public {
        for (uint256 part = 1; part < 3; ++part) {
            uint256[] memory key = IBatchOpening(openings[part]).key();
            for (uint256 word = 0; word < 4; ++word) {
                key[word] ^= 1;
                vm.mockCall(openings[part], abi.encodeCall(IBatchOpening.key, ()), abi.encode(key));
                vm.expectRevert(abi.encodeWithSelector(LinkedOpenings.WrongString.selector, part));
                new LinkedOpenings(parts, sources);
                key[word] ^= 1;
            }
            vm.mockCall(openings[part], abi.encodeCall(IBatchOpening.key, ()), abi.encode(key));
            new LinkedOpenings(parts, sources);
        }
    }

    function test_isNotDeployedForOtherCode() public {
        Fixture memory fixture = load(names[0]);
        VerifierGuard.Pinned memory pin = pinnedOpening(openings[0], proofOf(fixture, 0));
        pin.codeHash = keccak256("other");
        vm.expectRevert(
            abi.encodeWithSelector(VerifierGuard.WrongVerifierCode.selector, pin.codeHash, openings[0].codehash)
        );
        new OpenedCommitted(pin, committedOf(fixture));
    }

    function test_rejectsProofsWhenAnOpeningIsReplaced() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        bytes32 pinnedHash = openings[1].codehash;
        vm.etch(openings[1], address(new FixedAnswer(new bytes(224))).code);
        bytes memory refusal =
            abi.encodeWithSelector(VerifierGuard.WrongVerifierCode.selector, pinnedHash, openings[1].codehash);
        vm.expectRevert(refusal);
        set.verifySet(proofs, statements);
        vm.expectRevert(refusal);
        new LinkedOpenings(parts, sources);
    }

    function test_isNotDeployedForGuardsOfVerifiers() public {
        Fixture memory fixture = load(names[1]);
        VerifierGuard.Pinned memory pin = pinned(fixture, proofOf(fixture, 0), deploy(fixture));
        parts[1] = new GuardedCommitted(pin, committedOf(fixture));
        vm.expectRevert();
        new LinkedOpenings(parts, sources);
    }

    function test_isNotDeployedForCommitmentsThatCannotBeCompared() public {
        CommittedGuard.Committed memory elsewhere = committedOf(load(names[1]));
        elsewhere.basis = keccak256("another reference string");
        parts[1] = partOf(1, elsewhere);
        vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongSource.selector, 1));
        new LinkedOpenings(parts, sources);
        sources.pop();
        vm.expectRevert(abi.encodeWithSelector(LinkedCommitted.WrongSources.selector, 3, 1));
        new LinkedOpenings(parts, sources);
    }

    function test_acceptsTheRegisteredInputAlone() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        CommittedGuard.Committed memory terms = committedOf(load(names[0]));
        terms.registeredInput = parts[0].inputDigestOf(proofs[0]);
        parts[0] = partOf(0, terms);
        LinkedOpenings registered = new LinkedOpenings(parts, sources);
        vm.assertTrue(registered.verifySet(proofs, statements), "the one");
        (proofs, statements) = proofsOf([uint256(1), 1, 1]);
        bytes32 found = parts[0].inputDigestOf(proofs[0]);
        vm.expectRevert(
            abi.encodeWithSelector(CommittedGuard.UnregisteredInput.selector, terms.registeredInput, found)
        );
        registered.verifySet(proofs, statements);
    }

    /// A part for another circuit derives another challenge.
    function test_rejectsProofsOfAnotherCircuit() public {
        (bytes[] memory proofs, uint256[][] memory statements) = proofsOf([uint256(0), 0, 0]);
        CommittedGuard.Committed memory terms = committedOf(load(names[2]));
        terms.circuitDigest = keccak256("other");
        parts[2] = partOf(2, terms);
        LinkedOpenings other = new LinkedOpenings(parts, sources);
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        other.verifySet(proofs, statements);
    }

    function refuse(bytes[] memory proofs, uint256[][] memory statements) internal {
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        set.verifySet(proofs, statements);
    }

    function isAccepted(bytes[] memory proofs, uint256[][] memory statements) internal returns (bool) {
        return accepts(address(set), abi.encodeCall(LinkedCommitted.verifySet, (proofs, statements)));
    }

    function partOf(uint256 i, CommittedGuard.Committed memory committed) internal returns (OpenedCommitted) {
        return new OpenedCommitted(pinnedOpening(openings[i], proofOf(load(names[i]), 0)), committed);
    }

    /// The proof of this index for each part, and its statement.
    function proofsOf(uint256[3] memory which)
        internal
        view
        returns (bytes[] memory proofs, uint256[][] memory statements)
    {
        (proofs, statements) = (new bytes[](3), new uint256[][](3));
        for (uint256 i = 0; i < 3; ++i) {
            Proof memory proof = proofOf(load(names[i]), which[i]);
            (proofs[i], statements[i]) = (proof.proof, statementOf(proof, CLAIMS));
        }
    }
}
