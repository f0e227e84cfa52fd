//! The functions that the generator writes into the assembly of every verifier.
//!
//! They are the same for all circuits, and each is known by the digest of its text. Precompiles are called, points checked and
//! hashes computed by them alone (`machine` refuses it elsewhere).

use alloy_primitives::{B256, b256, keccak256};

use super::OpeningError;
use super::source::Form;
use super::yul::{Action, Statement};

/// Name, and Keccak-256 of the text as [`Function`](super::yul::Function) displays it, in the order of EZKL 23.0.5.
const GENERATED: [(&str, B256); 9] = [
    (
        READ_POINT,
        b256!("0x1d3f5cc152766b00b0a4c6247ca266851d63482ce9e07ca247a64ae9baaed4fe"),
    ),
    (
        "squeeze_challenge",
        b256!("0xad32db2c13ba8e3b3ad725df97836db3d79d2078b94b2ec70c68619a5a649570"),
    ),
    (
        "squeeze_challenge_cont",
        b256!("0x3bff9ec23b8c31967e60e303b96701889762db676b85acfefd79d26717dac85a"),
    ),
    (
        INVERT,
        b256!("0xb7b64bde5b25ba2a5387df399898c3747f87af2e28b12021984e833f94637ddc"),
    ),
    (
        "ec_add_acc",
        b256!("0xf7055140ab0688f8264f0b3056258eb1c6cb919ee0d9f6adafa7f5323eca823d"),
    ),
    (
        "ec_mul_acc",
        b256!("0xd1ec221ccdb4db05b5acf16ac0a89ddab1939b4f2c617eecfd23b526173f103a"),
    ),
    (
        "ec_add_tmp",
        b256!("0xe45ae83f96a1e7ecf50b7f436a827e6a2788ec6fcca25841fb5cddecf37627b8"),
    ),
    (
        "ec_mul_tmp",
        b256!("0x35b24baf649c0676dc6628c302957d57ee13680e3500fd9282872048d674ffe1"),
    ),
    (
        PAIRING,
        b256!("0x89642471c2dd2b8ac041a98edf524c513749c4231b4456dac1537cb7ac931d9a"),
    ),
];

/// The function that computes a pairing, which an opening does without.
const PAIRING: &str = "ec_pairing";

/// The function that inverts the numbers between two places.
pub(super) const INVERT: &str = "batch_invert";

/// The function that reads a point of the proof to where it is hashed.
pub(super) const READ_POINT: &str = "read_ec_point";

/// What an opening that is one line has in the place of [`READ_POINT`]: the same check, of a point that is in memory.
pub(super) const CHECK_POINT: [&str; 7] = [
    "// Check if the point (x, y) at (mptr, mptr + 0x20) is on affine plane.",
    "// Return updated (success).",
    "function check_ec_point(success, mptr, q) -> ret {",
    "    let x := mload(mptr)",
    "    let y := mload(add(mptr, 0x20))",
    "    ret := and(and(success, and(lt(x, q), lt(y, q))), eq(mulmod(y, y, q), addmod(mulmod(x, mulmod(x, x, q), q), 3, q)))",
    "}",
];

/// The digest of [`CHECK_POINT`], as those of [`GENERATED`].
const CHECKED_POINT: (&str, B256) = (
    "check_ec_point",
    b256!("0xf00b41c927b56898d9ba2b28debc7bf5f8204a6c9544fb8257603c79cdaa9bce"),
);

/// Refuses assembly with other functions than the generator's.
pub(super) fn check(assembly: &[Statement], form: Form) -> Result<(), OpeningError> {
    let found: Vec<(&str, B256)> = assembly
        .iter()
        .filter_map(|statement| match &statement.action {
            Action::Function(function) => Some((&*function.name, keccak256(function.to_string()))),
            _ => None,
        })
        .collect();
    let generated = GENERATED.into_iter();
    let expected: Vec<(&str, B256)> = match form {
        Form::Verifier => generated.collect(),
        Form::Opening => generated
            .filter(|&(name, _)| name != PAIRING)
            .map(|known| match known.0 {
                READ_POINT if found.contains(&CHECKED_POINT) => CHECKED_POINT,
                _ => known,
            })
            .collect(),
    };
    if found == expected {
        Ok(())
    } else {
        Err(OpeningError::Missing(
            "the functions of the generator, and no other",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::yul::Parser;
    use super::*;

    #[test]
    fn the_check_of_a_point_is_the_known_one() {
        let text = format!("{{ {} }}", CHECK_POINT.join("\n"));
        let block = Parser::at(&text, 0).block().unwrap();
        let Action::Function(function) = &block[0].action else {
            panic!("no function");
        };
        let found = (&*function.name, keccak256(function.to_string()));
        assert_eq!(found, CHECKED_POINT, "{function}");
    }
}
