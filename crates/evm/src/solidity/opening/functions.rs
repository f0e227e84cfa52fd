//! The functions that the generator writes into the assembly of every verifier.
//!
//! They are the same for all circuits, and are compared whole. Precompiles are called, points checked and hashes computed
//! by them alone (`machine` refuses it elsewhere).

use super::OpeningError;
use super::source::Form;
use super::yul::{self, Action, Function, Statement};

/// As EZKL 23.0.5 writes them, in its order.
const GENERATED: &str = include_str!("functions.yul");

/// The function that computes a pairing, which an opening does without.
const PAIRING: &str = "ec_pairing";

/// The function that inverts the numbers between two places.
pub(super) const INVERT: &str = "batch_invert";

/// Refuses assembly with other functions than the generator's.
pub(super) fn check(assembly: &[Statement], form: Form) -> Result<(), OpeningError> {
    let known = yul::block_at(GENERATED, 0)?;
    let expected = of(&known).filter(|function| form == Form::Verifier || function.name != PAIRING);
    if of(assembly).eq(expected) {
        Ok(())
    } else {
        Err(OpeningError::Missing(
            "the functions of the generator, and no other",
        ))
    }
}

fn of(assembly: &[Statement]) -> impl Iterator<Item = &Function> {
    assembly.iter().filter_map(|statement| match &statement.action {
        Action::Function(function) => Some(function),
        _ => None,
    })
}
