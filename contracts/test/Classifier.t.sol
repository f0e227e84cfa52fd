// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Classifier} from "../src/examples/Classifier.sol";
import {Field} from "../src/Field.sol";
import {VerifierGuard} from "../src/VerifierGuard.sol";
import {FixedAnswer} from "./support/StandIns.sol";
import {VerifierTest} from "./support/VerifierTest.sol";

/// @title What the example's decision rests on, laid open.
contract OpenClassifier is Classifier {
    constructor(Pinned memory over, uint256 inputCount_, uint256 minimumLead_)
        Classifier(over, inputCount_, minimumLead_)
    {}

    function firstClass(uint256[] calldata outputs) external pure returns (uint256 class, uint256 lead) {
        return _firstClass(outputs);
    }
}

contract ClassifierTest is VerifierTest {
    string internal constant NAME = "dense_4x2_three";
    uint256 internal constant INPUTS = 4;

    VerifierGuard.Pinned internal over;
    OpenClassifier internal classifier;
    /// Two proofs of one statement, and one of another.
    Proof internal one;
    Proof internal again;
    Proof internal other;
    uint256 internal class;
    uint256 internal lead;

    function setUp() public {
        Fixture memory loaded = load(NAME);
        (one, again, other) = (proofOf(loaded, 0), proofOf(loaded, 1), proofOf(loaded, 2));
        over = pinned(loaded, one, deploy(loaded));
        classifier = new OpenClassifier(over, INPUTS, 1);
        int256 first = Field.toSigned(one.instances[INPUTS]);
        int256 second = Field.toSigned(one.instances[INPUTS + 1]);
        class = first >= second ? 0 : 1;
        lead = uint256(first >= second ? first - second : second - first);
    }

    function test_actsOnAVerifiedClass() public {
        uint256 nonce = classifier.request(inputsOf(one));
        bytes32 nullifier = classifier.nullifierOf(nonce, inputsOf(one));
        vm.expectEmit(address(classifier));
        emit Classifier.Classified(nonce, nullifier, class);
        classifier.settle(nonce, class, one.proof, one.instances);
        vm.snapshotGasLastCall("Classifier", "settle: gas");
        vm.assertEq(classifier.settledAs(class), 1, "counted");
        vm.assertEq(classifier.settledAs(1 - class), 0, "the other class is not");
        vm.snapshotValue("Classifier", "bytes", address(new Classifier(over, INPUTS, 1)).code.length);
    }

    function test_requestsAreNumbered() public {
        bytes32 nullifier = classifier.nullifierOf(1, inputsOf(one));
        vm.expectEmit(address(classifier));
        emit Classifier.Requested(1, nullifier);
        vm.assertEq(classifier.request(inputsOf(one)), 1, "the first");
        vm.assertEq(classifier.request(inputsOf(one)), 2, "the second");
    }

    // Once for each statement.

    function test_actsOnceOnOneProof() public {
        uint256 nonce = settled();
        expectNotOpen(nonce, one, Classifier.Status.Settled);
        classifier.settle(nonce, class, one.proof, one.instances);
    }

    function test_actsOnceOnTwoProofsOfOneStatement() public {
        uint256 nonce = settled();
        vm.assertTrue(keccak256(one.proof) != keccak256(again.proof), "another proof");
        expectNotOpen(nonce, again, Classifier.Status.Settled);
        classifier.settle(nonce, class, again.proof, again.instances);
        vm.assertEq(classifier.settledAs(class), 1, "counted once");
    }

    /// A circuit that rescales has several true outputs for one input. The stand-in takes all for proved.
    function test_actsOnceOnTwoOutputsOfOneInput() public {
        address obliging = address(new FixedAnswer(abi.encode(true)));
        over.verifier = obliging;
        over.codeHash = obliging.codehash;
        classifier = new OpenClassifier(over, INPUTS, 1);
        uint256 nonce = settled();
        uint256[] memory nearby = one.instances;
        nearby[INPUTS + class] = addmod(nearby[INPUTS + class], 1, Field.ORDER);
        expectNotOpen(nonce, one, Classifier.Status.Settled);
        classifier.settle(nonce, class, one.proof, nearby);
    }

    function test_actsAgainWhereItWasAskedAgain() public {
        settled();
        uint256 nonce = classifier.request(inputsOf(again));
        classifier.settle(nonce, class, again.proof, again.instances);
        vm.assertEq(classifier.settledAs(class), 2, "counted twice");
    }

    function test_actsOnNothingThatNobodyAskedFor() public {
        expectNotOpen(1, one, Classifier.Status.Unknown);
        classifier.settle(1, class, one.proof, one.instances);
        uint256 nonce = classifier.request(inputsOf(other));
        expectNotOpen(nonce, one, Classifier.Status.Unknown);
        classifier.settle(nonce, class, one.proof, one.instances);
        expectNotOpen(nonce + 1, other, Classifier.Status.Unknown);
        classifier.settle(nonce + 1, class, other.proof, other.instances);
    }

    // The class.

    function testFuzz_rejectsAnotherClass(uint256 claimed) public {
        vm.assume(claimed != class);
        uint256 nonce = classifier.request(inputsOf(one));
        vm.expectRevert(abi.encodeWithSelector(Classifier.WrongClass.selector, claimed, class));
        classifier.settle(nonce, claimed, one.proof, one.instances);
    }

    function test_rejectsALeadThatIsTooSmall() public {
        classifier = new OpenClassifier(over, INPUTS, lead);
        settled();
        classifier = new OpenClassifier(over, INPUTS, lead + 1);
        uint256 nonce = classifier.request(inputsOf(one));
        vm.expectRevert(abi.encodeWithSelector(Classifier.TooClose.selector, lead, lead + 1));
        classifier.settle(nonce, class, one.proof, one.instances);
    }

    function test_aTieIsNeverAClass() public {
        address obliging = address(new FixedAnswer(abi.encode(true)));
        over.verifier = obliging;
        over.codeHash = obliging.codehash;
        classifier = new OpenClassifier(over, INPUTS, 0);
        vm.assertEq(classifier.minimumLead(), 1, "at least 1");
        uint256[] memory tie = one.instances;
        tie[INPUTS + 1] = tie[INPUTS];
        uint256 nonce = classifier.request(inputsOf(one));
        vm.expectRevert(abi.encodeWithSelector(Classifier.TooClose.selector, 0, 1));
        classifier.settle(nonce, 0, one.proof, tie);
    }

    /// Against a reference that sorts nothing and keeps no state: the first class that none exceeds, and the next best.
    function testFuzz_theFirstClassIsTheGreatestOutput(uint256[] memory outputs) public view {
        vm.assume(outputs.length >= 2);
        for (uint256 i = 0; i < outputs.length; ++i) {
            outputs[i] %= Field.ORDER;
        }
        (uint256 found, uint256 distance) = classifier.firstClass(outputs);
        int256 best = Field.toSigned(outputs[found]);
        int256 next = type(int256).min;
        for (uint256 i = 0; i < outputs.length; ++i) {
            int256 value = Field.toSigned(outputs[i]);
            vm.assertTrue(i < found ? value < best : value <= best, "the first of the greatest");
            if (i != found && value > next) next = value;
        }
        vm.assertEq(distance, uint256(best - next), "the distance to the next");
    }

    // What the guard rejects is rejected here.

    function testFuzz_rejectsAWrongProof(uint256 seed) public {
        uint256 nonce = classifier.request(inputsOf(one));
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        classifier.settle(nonce, class, withByteChanged(one.proof, seed), one.instances);
    }

    function test_rejectsOutputsThatWereNotProved() public {
        uint256[] memory exchanged = one.instances;
        (exchanged[INPUTS], exchanged[INPUTS + 1]) = (exchanged[INPUTS + 1], exchanged[INPUTS]);
        uint256 nonce = classifier.request(inputsOf(one));
        vm.expectRevert(VerifierGuard.ProofRejected.selector);
        classifier.settle(nonce, 1 - class, one.proof, exchanged);
    }

    function test_rejectsAnInputUnderItsOtherName() public {
        uint256[] memory raised = one.instances;
        raised[0] += Field.ORDER;
        uint256 nonce = classifier.request(withLength(raised, INPUTS));
        vm.expectRevert(abi.encodeWithSelector(VerifierGuard.InstanceNotInField.selector, 0));
        classifier.settle(nonce, class, one.proof, raised);
    }

    function test_needsTwoClasses() public {
        new Classifier(over, INPUTS, 1);
        vm.expectRevert(abi.encodeWithSelector(Classifier.TooFewClasses.selector, 6, 5));
        new Classifier(over, INPUTS + 1, 1);
        vm.expectRevert(abi.encodeWithSelector(Classifier.TooFewClasses.selector, 6, type(uint256).max));
        new Classifier(over, type(uint256).max, 1);
        over.instanceCount = 1;
        vm.expectRevert(abi.encodeWithSelector(Classifier.TooFewClasses.selector, 1, 0));
        new Classifier(over, 0, 1);
    }

    function settled() internal returns (uint256 nonce) {
        nonce = classifier.request(inputsOf(one));
        classifier.settle(nonce, class, one.proof, one.instances);
    }

    function expectNotOpen(uint256 nonce, Proof memory proof, Classifier.Status status) internal {
        bytes32 nullifier = classifier.nullifierOf(nonce, inputsOf(proof));
        vm.expectRevert(abi.encodeWithSelector(Classifier.NotOpen.selector, nullifier, status));
    }

    function inputsOf(Proof memory proof) internal pure returns (uint256[] memory) {
        return withLength(proof.instances, INPUTS);
    }
}
