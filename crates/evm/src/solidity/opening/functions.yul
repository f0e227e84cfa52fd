{
    // Read EC point (x, y) at (proof_cptr, proof_cptr + 0x20),
    // and check if the point is on affine plane,
    // and store them in (hash_mptr, hash_mptr + 0x20).
    // Return updated (success, proof_cptr, hash_mptr).
    function read_ec_point(success, proof_cptr, hash_mptr, q) -> ret0, ret1, ret2 {
        let x := calldataload(proof_cptr)
        let y := calldataload(add(proof_cptr, 0x20))
        ret0 := and(success, lt(x, q))
        ret0 := and(ret0, lt(y, q))
        ret0 := and(ret0, eq(mulmod(y, y, q), addmod(mulmod(x, mulmod(x, x, q), q), 3, q)))
        mstore(hash_mptr, x)
        mstore(add(hash_mptr, 0x20), y)
        ret1 := add(proof_cptr, 0x40)
        ret2 := add(hash_mptr, 0x40)
    }

    // Squeeze challenge by keccak256(memory[0..hash_mptr]),
    // and store hash mod r as challenge in challenge_mptr,
    // and push back hash in 0x00 as the first input for next squeeze.
    // Return updated (challenge_mptr, hash_mptr).
    function squeeze_challenge(challenge_mptr, hash_mptr, r) -> ret0, ret1 {
        let hash := keccak256(0x00, hash_mptr)
        mstore(challenge_mptr, mod(hash, r))
        mstore(0x00, hash)
        ret0 := add(challenge_mptr, 0x20)
        ret1 := 0x20
    }

    // Squeeze challenge without absorbing new input from calldata,
    // by putting an extra 0x01 in memory[0x20] and squeeze by keccak256(memory[0..21]),
    // and store hash mod r as challenge in challenge_mptr,
    // and push back hash in 0x00 as the first input for next squeeze.
    // Return updated (challenge_mptr).
    function squeeze_challenge_cont(challenge_mptr, r) -> ret {
        mstore8(0x20, 0x01)
        let hash := keccak256(0x00, 0x21)
        mstore(challenge_mptr, mod(hash, r))
        mstore(0x00, hash)
        ret := add(challenge_mptr, 0x20)
    }

    // Batch invert values in memory[mptr_start..mptr_end] in place.
    // Return updated (success).
    function batch_invert(success, mptr_start, mptr_end) -> ret {
        let gp_mptr := mptr_end
        let gp := mload(mptr_start)
        let mptr := add(mptr_start, 0x20)
        for
            {}
            lt(mptr, sub(mptr_end, 0x20))
            {}
        {
            gp := mulmod(gp, mload(mptr), R)
            mstore(gp_mptr, gp)
            mptr := add(mptr, 0x20)
            gp_mptr := add(gp_mptr, 0x20)
        }
        gp := mulmod(gp, mload(mptr), R)

        mstore(gp_mptr, 0x20)
        mstore(add(gp_mptr, 0x20), 0x20)
        mstore(add(gp_mptr, 0x40), 0x20)
        mstore(add(gp_mptr, 0x60), gp)
        mstore(add(gp_mptr, 0x80), sub(R, 2))
        mstore(add(gp_mptr, 0xa0), R)
        ret := and(success, staticcall(gas(), 0x05, gp_mptr, 0xc0, gp_mptr, 0x20))
        let all_inv := mload(gp_mptr)

        let first_mptr := mptr_start
        let second_mptr := add(first_mptr, 0x20)
        gp_mptr := sub(gp_mptr, 0x20)
        for
            {}
            lt(second_mptr, mptr)
            {}
        {
            let inv := mulmod(all_inv, mload(gp_mptr), R)
            all_inv := mulmod(all_inv, mload(mptr), R)
            mstore(mptr, inv)
            mptr := sub(mptr, 0x20)
            gp_mptr := sub(gp_mptr, 0x20)
        }
        let inv_first := mulmod(all_inv, mload(second_mptr), R)
        let inv_second := mulmod(all_inv, mload(first_mptr), R)
        mstore(first_mptr, inv_first)
        mstore(second_mptr, inv_second)
    }

    // Add (x, y) into point at (0x00, 0x20).
    // Return updated (success).
    function ec_add_acc(success, x, y) -> ret {
        mstore(0x40, x)
        mstore(0x60, y)
        ret := and(success, staticcall(gas(), 0x06, 0x00, 0x80, 0x00, 0x40))
    }

    // Scale point at (0x00, 0x20) by scalar.
    function ec_mul_acc(success, scalar) -> ret {
        mstore(0x40, scalar)
        ret := and(success, staticcall(gas(), 0x07, 0x00, 0x60, 0x00, 0x40))
    }

    // Add (x, y) into point at (0x80, 0xa0).
    // Return updated (success).
    function ec_add_tmp(success, x, y) -> ret {
        mstore(0xc0, x)
        mstore(0xe0, y)
        ret := and(success, staticcall(gas(), 0x06, 0x80, 0x80, 0x80, 0x40))
    }

    // Scale point at (0x80, 0xa0) by scalar.
    // Return updated (success).
    function ec_mul_tmp(success, scalar) -> ret {
        mstore(0xc0, scalar)
        ret := and(success, staticcall(gas(), 0x07, 0x80, 0x60, 0x80, 0x40))
    }

    // Perform pairing check.
    // Return updated (success).
    function ec_pairing(success, lhs_x, lhs_y, rhs_x, rhs_y) -> ret {
        mstore(0x00, lhs_x)
        mstore(0x20, lhs_y)
        mstore(0x40, mload(G2_X_1_MPTR))
        mstore(0x60, mload(G2_X_2_MPTR))
        mstore(0x80, mload(G2_Y_1_MPTR))
        mstore(0xa0, mload(G2_Y_2_MPTR))
        mstore(0xc0, rhs_x)
        mstore(0xe0, rhs_y)
        mstore(0x100, mload(NEG_S_G2_X_1_MPTR))
        mstore(0x120, mload(NEG_S_G2_X_2_MPTR))
        mstore(0x140, mload(NEG_S_G2_Y_1_MPTR))
        mstore(0x160, mload(NEG_S_G2_Y_2_MPTR))
        ret := and(success, staticcall(gas(), 0x08, 0x00, 0x180, 0x00, 0x20))
        ret := and(ret, mload(0x00))
    }
}
