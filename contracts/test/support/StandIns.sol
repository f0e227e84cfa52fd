// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title A verifier that answers any call with the same bytes.
contract FixedAnswer {
    bytes private answer;

    constructor(bytes memory answer_) {
        answer = answer_;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return answer;
    }
}

/// @title A verifier that accepts one calldata, to the byte, and reverts for every other.
contract OnlyThisCalldata {
    bytes32 private immutable expected;

    constructor(bytes memory calldata_) {
        expected = keccak256(calldata_);
    }

    fallback(bytes calldata data) external returns (bytes memory) {
        require(keccak256(data) == expected);
        return abi.encode(true);
    }
}

/// @title A verifier that accepts and, on the way, tries to change something.
contract Writing {
    uint256 private count;

    fallback(bytes calldata) external returns (bytes memory) {
        ++count;
        return abi.encode(true);
    }
}
