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
        "read_ec_point",
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

/// Refuses assembly with other functions than the generator's.
pub(super) fn check(assembly: &[Statement], form: Form) -> Result<(), OpeningError> {
    let found = assembly.iter().filter_map(|statement| match &statement.action {
        Action::Function(function) => Some((&*function.name, keccak256(function.to_string()))),
        _ => None,
    });
    let expected = GENERATED.into_iter();
    let expected = expected.filter(|&(name, _)| form == Form::Verifier || name != PAIRING);
    if found.eq(expected) {
        Ok(())
    } else {
        Err(OpeningError::Missing(
            "the functions of the generator, and no other",
        ))
    }
}
