// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Field} from "../src/Field.sol";
import {VerifierTest} from "./support/VerifierTest.sol";

contract FieldTest is VerifierTest {
    function test_signsAreThoseOfTheUpperAndLowerHalf() public pure {
        vm.assertEq(Field.toSigned(0), 0, "zero");
        vm.assertEq(Field.toSigned(23), 23, "positive");
        vm.assertEq(Field.toSigned(Field.ORDER - 1), -1, "minus one");
        int256 half = int256(Field.ORDER / 2);
        vm.assertEq(Field.toSigned(uint256(half)), half, "greatest");
        vm.assertEq(Field.toSigned(uint256(half) + 1), -half, "least");
    }

    function testFuzz_anIntegerIsReadBack(int256 value) public pure {
        int256 half = int256(Field.ORDER / 2);
        value %= half + 1;
        uint256 element = value < 0 ? Field.ORDER - uint256(-value) : uint256(value);
        vm.assertEq(Field.toSigned(element), value, "the integer");
    }
}
