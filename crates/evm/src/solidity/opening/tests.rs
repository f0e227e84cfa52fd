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
    assert!(!matches!(error, OpeningError::Differs(_)), "{error}");
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
const CHANGES: [(&str, &str); 14] = [
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

#[test]
fn an_opening_that_differs_is_refused() {
    let verifier = verifier("committed_head");
    let original = source::Source::read(&verifier, "verifyProof").unwrap();
    let opening = Opening::of(&verifier, Sharing::Key).unwrap().source;
    for (text, other) in CHANGES {
        assert!(opening.contains(text), "{text}");
        let changed = opening.replacen(text, other, 1);
        let refused = agree::check(&original, &changed);
        assert!(
            matches!(refused, Err(OpeningError::Differs(_))),
            "{text}: {refused:?}"
        );
    }
}

/// A word of the key that is another, in the opening alone.
#[test]
fn an_opening_with_another_key_is_refused() {
    let verifier = verifier("committed_head");
    let original = source::Source::read(&verifier, "verifyProof").unwrap();
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
