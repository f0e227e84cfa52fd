//! Openings of real verifiers, and what is refused. The published verifiers are tried in `tests/suite/batch.rs`.

use super::*;

fn verifier(fixture: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contracts/test/fixtures");
    std::fs::read_to_string(format!("{folder}/{fixture}/Verifier.sol")).unwrap()
}

#[test]
fn a_verifier_has_both_openings() {
    for fixture in ["committed_head", "relu_4x4"] {
        let verifier = verifier(fixture);
        for sharing in Sharing::ALL {
            let opening = Opening::of(&verifier, sharing).unwrap();
            assert!(opening.source.contains("contract BatchOpening {"));
            assert!(!opening.source.contains("ec_pairing("), "{sharing:?}");
            // What is shared is not the opening's.
            let commitments = opening.source.contains("// fixed_comms[0].x");
            assert_eq!(commitments, sharing == Sharing::Pairing);
        }
    }
}

#[test]
fn the_reusable_verifier_has_none() {
    let error = Opening::of(&verifier("reusable_4x2"), Sharing::Key).unwrap_err();
    assert!(matches!(error, OpeningError::Syntax(_)), "{error}");
}

#[test]
fn a_verifier_with_an_accumulator_has_none() {
    let with = verifier("dense_4x2").replace(
        "0x0000000000000000000000000000000000000000000000000000000000000000) // has_accumulator",
        "0x0000000000000000000000000000000000000000000000000000000000000001) // has_accumulator",
    );
    assert_eq!(
        Opening::of(&with, Sharing::Pairing),
        Err(OpeningError::Accumulator)
    );
}

/// Changes of an opening, each of which it must not survive.
const CHANGES_OF_LOOPS: [(&str, &str); 14] = [
    ("mload(MU_MPTR))", "mload(NU_MPTR))"),
    ("mload(MU_MPTR))", "0x1)"),
    ("success := and(success, lt(eval, r))", ""),
    ("success := and(success, lt(instance, r))", ""),
    ("ret0 := and(success, lt(x, q))", "ret0 := success"),
    ("ret0 := and(ret0, lt(y, q))", ""),
    (
        "ret0 := and(ret0, eq(mulmod(y, y, q), addmod(mulmod(x, mulmod(x, x, q), q), 3, q)))",
        "",
    ),
    (
        "ret := and(success, staticcall(gas(), 0x07, 0x00,",
        "ret := and(1, staticcall(gas(), 0x07, 0x00,",
    ),
    ("revert(0x00, 0x00)", ""),
    (", proof.length))", ", proof.length)) success := 1"),
    ("success := and(success, eq(num_instances, instances.length))", ""),
    ("mstore(0x00, mload(VK_DIGEST_MPTR))", ""),
    ("mstore(0x80, mload(ZETA_MPTR))", "mstore(0x80, 1)"),
    ("mstore(0xc0, mload(R_EVAL_MPTR))", "mstore(0xc0, 0)"),
];

/// The same of an opening that is one line.
const CHANGES_OF_A_LINE: [(&str, &str); 12] = [
    (
        "success := and(lt(calldataload(",
        "success := and(gt(calldataload(",
    ),
    (", r), success)", ", r), 1)"),
    ("success := check_ec_point(success, 0x60, q)", ""),
    ("and(lt(x, q), lt(y, q))", "lt(x, q)"),
    (
        "eq(mulmod(y, y, q), addmod(mulmod(x, mulmod(x, x, q), q), 3, q))",
        "1",
    ),
    (
        "ret := and(success, staticcall(gas(), 0x07, 0x00,",
        "ret := and(1, staticcall(gas(), 0x07, 0x00,",
    ),
    ("revert(0x00, 0x00)", ""),
    (", proof.length))", ", proof.length)) success := 1"),
    (", instances.length))", ", proof.length))"),
    ("power := mulmod(power, power, r)\n", "\n"),
    ("success := batch_invert(success, ", "pop(batch_invert(success, "),
    ("calldatacopy(0x20, ", "calldatacopy(0x40, "),
];

#[test]
fn an_opening_that_differs_is_refused() {
    let verifier = verifier("committed_head");
    let original = source::Source::read(&verifier, source::Form::Verifier).unwrap();
    let loops = rewrite::rewritten(&original, Sharing::Key).unwrap();
    let line = Opening::of(&verifier, Sharing::Key).unwrap().source;
    for (opening, changes) in [(loops, &CHANGES_OF_LOOPS[..]), (line, &CHANGES_OF_A_LINE)] {
        agree::check(&original, &opening).unwrap();
        for (text, other) in changes {
            assert!(opening.contains(text), "{text}");
            let changed = opening.replacen(text, other, 1);
            assert!(agree::check(&original, &changed).is_err(), "{text}");
        }
    }
}

/// Every line of an opening matters but those that only forget a variable.
#[test]
fn an_opening_without_one_of_its_lines_is_refused() {
    let verifier = verifier("relu_4x4");
    let original = source::Source::read(&verifier, source::Form::Verifier).unwrap();
    let opening = Opening::of(&verifier, Sharing::Key).unwrap().source;
    let start = opening.find("let success := true").unwrap();
    let mut tried = 0;
    for line in opening[start..].lines().skip(1) {
        let statement = line.trim();
        if !(statement.starts_with("success :=") || statement.starts_with("mstore(")) {
            continue;
        }
        let changed = opening.replacen(line, "", 1);
        assert!(agree::check(&original, &changed).is_err(), "{line}");
        tried += 1;
    }
    assert!(tried > 100, "{tried}");
}

/// Parts of a file that solc would read beside or in place of what is compared.
const FILES: [(&str, &str); 31] = [
    ("MIT\n", "MIT\n\n/* { */\n"),
    ("// Modulus\n", "// Modulus */\n"),
    ("// Modulus\n", "/// @solidity memory-safe-assembly\n"),
    ("// Modulus\n", "// Modulus\r success := 0x1\n"),
    ("// Modulus\n", "// Modulus\u{b} success := 0x1\n"),
    ("// Modulus\n", "// Modulus\u{c} success := 0x1\n"),
    ("// Modulus\n", "// Modulus\u{85} success := 0x1\n"),
    ("// Modulus\n", "// Modulus\u{2028} success := 0x1\n"),
    ("// Modulus\n", "// Modulus\u{202e}\n"),
    ("// Modulus\n", "\t// Modulus\n"),
    ("let success := true", "let \u{441}uccess := true"),
    ("let success := true", "let success := \"1\""),
    ("let success := true", "let success := hex'01'"),
    ("let success := true", "let success := 01"),
    ("// SPDX-License-Identifier: MIT\n", ""),
    ("^0.8.0;", "^0.8.0; pragma abicoder v1;"),
    ("^0.8.0;", ">=0.8.0;"),
    ("^0.8.0;", "^0.8.0; import './Other.sol';"),
    ("contract Halo2Verifier {", "contract Halo2Verifier is Other {"),
    (
        "contract Halo2Verifier {",
        "contract Halo2Verifier { uint256 internal seen;",
    ),
    (
        "contract Halo2Verifier {",
        "contract Halo2Verifier { uint256 internal constant R = 2;",
    ),
    (
        "    function verifyProof(",
        "    function other() public { }\n    function verifyProof(",
    ),
    ("public returns", "public payable returns"),
    ("public returns", "public virtual returns"),
    ("returns (bool) {", "returns (bool) { proof;"),
    ("assembly {", "assembly (\"memory-safe\") {"),
    ("assembly {", "assembly { } assembly {"),
    (
        "        }\n    }\n}",
        "        }\n        assembly { }\n    }\n}\n",
    ),
    (
        "        }\n    }\n}",
        "        }\n    }\n    fallback() external { }\n}\n",
    ),
    ("        }\n    }\n}", "        }\n    }\n}\ncontract Other { }\n"),
    ("        }\n    }\n}", "        }\n    }\n}\n}\n"),
];

#[test]
fn a_file_with_anything_else_is_refused() {
    let verifier = verifier("relu_4x4");
    for (text, other) in FILES {
        assert!(verifier.contains(text), "{text}");
        let changed = verifier.replacen(text, other, 1);
        let refused = source::Source::read(&changed, source::Form::Verifier).map(|_| ());
        assert!(
            matches!(
                refused,
                Err(OpeningError::Syntax(_) | OpeningError::Missing(_) | OpeningError::Twice(_))
            ),
            "{other}: {refused:?}"
        );
    }
    // An opening is read by the same grammar.
    let original = source::Source::read(&verifier, source::Form::Verifier).unwrap();
    let opening = Opening::of(&verifier, Sharing::Key).unwrap().source;
    for (text, other) in FILES {
        let Some(changed) = opening.contains(text).then(|| opening.replacen(text, other, 1)) else {
            continue;
        };
        assert!(agree::check(&original, &changed).is_err(), "{other}");
    }
}

/// Statements before the pairing that a verifier does not have: their effect depends on what is proved in a way that random
/// calls do not show.
const STATEMENTS: [&str; 28] = [
    "if eq(calldataload(0x64), 0x7) { mstore(R_EVAL_MPTR, 0) }",
    "if eq(mload(X_MPTR), 0x7) { mstore(R_EVAL_MPTR, 0) }",
    "if iszero(calldataload(instances.offset)) { revert(0, 0) }",
    "if iszero(success) { success := 1 }",
    "if success { mstore(0x00, 0) }",
    "if eq(proof.length, 0x7) { mstore(R_EVAL_MPTR, 0) }",
    "if eq(instances.length, 0x7) { mstore(R_EVAL_MPTR, 0) }",
    "if lt(gas(), 0x7) { mstore(R_EVAL_MPTR, 0) }",
    "if iszero(iszero(mload(BETA_MPTR))) { mstore(0x00, 0) }",
    "for { let i := 0 } lt(i, calldataload(0x64)) { i := add(i, 1) } { mstore(R_EVAL_MPTR, 0) }",
    "for { let i := mload(MU_MPTR) } lt(i, 0x7) { i := add(i, 1) } { mstore(R_EVAL_MPTR, 0) }",
    "success := or(success, eq(calldataload(0x64), 0x7))",
    "success := and(success, calldataload(0x64))",
    "success := and(success, eq(mload(X_MPTR), mload(X_MPTR)))",
    "mstore(R_EVAL_MPTR, addmod(mload(R_EVAL_MPTR), eq(calldataload(0x64), 0x7), R))",
    "mstore(R_EVAL_MPTR, addmod(mload(R_EVAL_MPTR), lt(mload(NU_MPTR), 0x7), R))",
    "mstore(R_EVAL_MPTR, addmod(mload(R_EVAL_MPTR), mod(calldataload(0x64), 0x2), R))",
    "mstore(R_EVAL_MPTR, addmod(mload(R_EVAL_MPTR), and(mload(NU_MPTR), 0x1), R))",
    "mstore(R_EVAL_MPTR, mulmod(mload(R_EVAL_MPTR), mulmod(mload(NU_MPTR), 0x1, 0x2), R))",
    "mstore(R_EVAL_MPTR, add(mload(R_EVAL_MPTR), mload(NU_MPTR)))",
    "mstore(R_EVAL_MPTR, mload(add(NU_MPTR, 0x1)))",
    "mstore(calldataload(0x64), 0)",
    "mstore(0x00, calldataload(calldataload(0x64)))",
    "mstore(0x00, success)",
    "mstore8(R_EVAL_MPTR, 0)",
    "mstore(0x00, keccak256(0x00, 0x20))",
    "pop(staticcall(gas(), 0x05, 0x00, 0xc0, 0x00, 0x20))",
    "function other() { }",
];

/// Statements that tell one number from all others by arithmetic alone.
const DISTINCTIONS: [&str; 7] = [
    // A power by which every number but zero is 1.
    "{
        let v := addmod(calldataload(0x64), 0x7, R)
        for { let i := 0 } lt(i, 0xfd) { i := add(i, 1) } { v := mulmod(v, v, R) }
        mstore(R_EVAL_MPTR, addmod(mload(R_EVAL_MPTR), v, R))
    }",
    // Inverses of what the generator inverts nowhere.
    "mstore(0x00, addmod(calldataload(0x64), 0x7, R)) mstore(0x20, 1) success := batch_invert(success, 0x00, 0x40)",
    "mstore(0x00, addmod(mload(X_MPTR), 0x7, R)) mstore(0x20, 1) success := batch_invert(success, 0x00, 0x40)",
    "mstore(0x00, addmod(mload(MU_MPTR), mload(X_MPTR), R)) mstore(0x20, 1) success := batch_invert(success, 0x00, 0x40)",
    "mstore(0x00, 0) mstore(0x20, 1) success := batch_invert(success, 0x00, 0x40)",
    // A challenge that is none.
    "mstore(MU_MPTR, calldataload(0x64))",
    "mstore(X_MPTR, mod(calldataload(0x64), R))",
];

#[test]
fn a_verifier_whose_path_or_values_may_depend_on_a_word_is_refused() {
    let verifier = verifier("relu_4x4");
    let before = "            // Random linear combine with accumulator\n";
    assert!(verifier.contains(before));
    let original = source::Source::read(&verifier, source::Form::Verifier).unwrap();
    let opening = Opening::of(&verifier, Sharing::Key).unwrap().source;
    let end = "            // Revert if anything fails\n";
    assert!(opening.contains(end));
    for statement in STATEMENTS.into_iter().chain(DISTINCTIONS) {
        // The opening has it as well, being made of the text.
        let changed = verifier.replacen(before, &format!("{statement}\n{before}"), 1);
        for sharing in Sharing::ALL {
            let refused = Opening::of(&changed, sharing);
            assert!(
                matches!(
                    refused,
                    Err(OpeningError::Unknown(_) | OpeningError::Differs(_) | OpeningError::Missing(_))
                ),
                "{statement}: {refused:?}"
            );
        }
        // The opening alone has it.
        let changed = opening.replacen(end, &format!("{statement}\n{end}"), 1);
        assert!(agree::check(&original, &changed).is_err(), "{statement}");
    }
}

/// Checks that a verifier must not do without, its opening being made of the same text.
const CHECKS: [(&str, &str); 8] = [
    ("success := and(success, lt(eval, r))", ""),
    ("success := and(success, lt(instance, r))", ""),
    ("success := and(success, eq(num_instances, instances.length))", ""),
    (", proof.length))", ", proof.length)) success := true"),
    ("ret0 := and(ret0, lt(y, q))", ""),
    ("ret := and(ret, mload(0x00))", ""),
    ("// Compute pairing lhs and rhs\n", "success := true\n"),
    ("let success := true", "let success := 0x3"),
];

#[test]
fn a_verifier_without_a_check_is_refused() {
    let verifier = verifier("relu_4x4");
    for (text, other) in CHECKS {
        assert!(verifier.contains(text), "{text}");
        let changed = verifier.replacen(text, other, 1);
        for sharing in Sharing::ALL {
            assert!(Opening::of(&changed, sharing).is_err(), "{text}");
        }
    }
}

/// A word of the key that is another, in the opening alone.
#[test]
fn an_opening_with_another_key_is_refused() {
    let verifier = verifier("committed_head");
    let original = source::Source::read(&verifier, source::Form::Verifier).unwrap();
    let opening = Opening::of(&verifier, Sharing::Key).unwrap().source;
    let lines: Vec<&str> = opening.lines().collect();
    let start = lines
        .iter()
        .position(|line| line.contains("function key()"))
        .unwrap();
    let words = lines[start..]
        .iter()
        .take_while(|line| !line.contains("return("))
        .filter(|line| line.len() > 80);
    let mut tried = 0;
    for line in words {
        let mut other = (*line).to_owned();
        let digit = other.len() - 2;
        let changed = if other.as_bytes()[digit] == b'1' { "2" } else { "1" };
        other.replace_range(digit..=digit, changed);
        let opening = opening.replacen(line, &other, 1);
        let refused = agree::check(&original, &opening);
        assert!(
            matches!(refused, Err(OpeningError::Differs(_))),
            "{line}: {refused:?}"
        );
        tried += 1;
    }
    assert!(tried > 10);
}
