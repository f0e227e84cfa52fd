// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {GuardedCommitted} from "../src/GuardedCommitted.sol";
import {GuardedVerifier} from "../src/GuardedVerifier.sol";
import {IHalo2VerifierReusable} from "../src/IHalo2VerifierReusable.sol";
import {VerifierGuard} from "../src/VerifierGuard.sol";
import {VerifierTest} from "./support/VerifierTest.sol";
import {Vm} from "./support/Vm.sol";

/// @title Every fixture that there is, without knowing its name: those of this folder, or of any that
/// `evmbench export-foundry` wrote and `EVMBENCH_FIXTURES` names.
contract ExportedTest is VerifierTest {
    function test_everyFixtureIsAsRecorded() public {
        Vm.DirEntry[] memory entries = vm.readDir(fixturesFolder());
        uint256 found;
        for (uint256 i = 0; i < entries.length; ++i) {
            if (!entries[i].isDir) continue;
            ++found;
            Fixture memory fixture = loadFrom(entries[i].path);
            address verifier = deploy(fixture);
            vm.assertEq(verifier.codehash, fixture.codeHash, fixture.name);
            vm.assertEq(verifier.code.length, fixture.codeBytes, fixture.name);
            // Gas is that of the rules which forge runs under.
            bool sameRules = keccak256(bytes(vm.parseJsonString(fixture.json, ".fork"))) == keccak256("osaka");
            for (uint256 j = 0; j < proofCount(fixture); ++j) {
                Proof memory proof = proofOf(fixture, j);
                if (proof.key.length > 0) IHalo2VerifierReusable(verifier).registerVka(proof.key);
                vm.assertEq(accepts(verifier, proof.callData), proof.accepted, fixture.name);
                if (sameRules) vm.assertEq(vm.lastCallGas().gasTotalUsed, proof.txGas, fixture.name);
                if (proof.key.length > 0) continue;
                VerifierGuard.Pinned memory over = pinned(fixture, proof, verifier);
                address guard = address(new GuardedVerifier(over));
                vm.assertEq(accepts(guard, proof.callData), proof.accepted, fixture.name);
                if (!isCommitted(fixture)) continue;
                guard = address(new GuardedCommitted(over, committedOf(fixture)));
                vm.assertEq(accepts(guard, proof.callData), proof.accepted, fixture.name);
            }
        }
        vm.assertTrue(found > 0, "there are fixtures");
    }
}
