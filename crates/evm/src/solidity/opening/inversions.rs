//! The inversions of a verifier's opening part, of which an opening needs none of its own.
//!
//! The generator inverts twice there: the Lagrange coefficients' denominators, and for each set of points the sum of its
//! coefficients. Such a sum is the inverse of a product that is in memory: with mu and the set's points x_j,
//! the sum over j of 1 / (mu - x_j) / (product over k of x_j - x_k) is 1 / (product over j of mu - x_j). And the denominators are
//! known when the transcript is, so that they are inverted together with those of the instances' polynomials.

use std::ops::Range;

use alloy_primitives::U256;

use super::edits::Edits;
use super::source::{Source, loaded};
use super::yul::{Action, Expression, Statement};
use super::{OpeningError, words};

/// Words that are in use from the place of x^n on, after the polynomials of the instances have been evaluated.
const WORDS_IN_USE: usize = 16;

/// Polynomials that are evaluated beside the instances': those of the last row and the blinded ones.
const OTHER_ROWS: usize = 6;

/// The blocks of a verifier's opening part: points, differences, coefficients, evaluations, and last the sum of points.
pub(super) fn parts<'a>(verifier: &'a Source<'_>) -> Result<&'a [Statement], OpeningError> {
    let index = verifier.block_with("the sum of points", |statement| {
        matches!(&statement.action, Action::Let(names, Some(value))
            if names[..] == ["nu"] && super::source::loads(value, "NU_MPTR"))
    })?;
    let block = verifier.assembly[index].block();
    block.ok_or(OpeningError::Missing("the sum of points"))
}

/// Does without the two inversions.
pub(super) fn joined(verifier: &Source<'_>, edits: &mut Edits<'_>) -> Result<(), OpeningError> {
    let parts = parts(verifier)?;
    drop_sums(parts, edits)?;

    let is_inversion = |part: &&Statement| {
        part.block()
            .and_then(<[Statement]>::first)
            .is_some_and(|first| inverted(first).is_some())
    };
    let inversion = words::only(parts.iter().filter(is_inversion), "the coefficients' inversion")?;
    let first = inversion.block().and_then(<[Statement]>::first);
    let (statement, count) = first
        .and_then(|first| Some((first, inverted(first)?)))
        .ok_or(OpeningError::Missing("the coefficients' inversion"))?;

    // Everything before the inversion moves to where the transcript ends.
    let moved = parts[0].bytes.start..inversion.bytes.start;
    let before = verifier.text[moved.clone()].trim_end().to_owned();
    edits.replace(moved, "");
    let lagrange = lagrange(verifier)?;
    edits.replace(
        lagrange.block.start..lagrange.block.start,
        format!("{{\n                {before}\n            }}\n            "),
    );

    let (_, instances) = verifier.shape()?;
    // Without instances the verifier keeps a place for one. What is inverted must lie beyond the words in use.
    let own = instances.max(1) + OTHER_ROWS;
    let ones = WORDS_IN_USE.saturating_sub(own + 1);
    let start = verifier.constant("X_N_MPTR")? + U256::from(0x20 * (own + 1 + ones));
    let place = |index: usize| start + U256::from(0x20 * index);
    let mut together: Vec<String> = (1..=ones)
        .map(|index| format!("mstore(add(mptr_end, {:#x}), 1)", 0x20 * index))
        .collect();
    together
        .extend((0..count).map(|index| format!("mstore({:#x}, mload({:#x}))", place(index), 0x20 * index)));
    together.push(format!(
        "success := batch_invert(success, X_N_MPTR, {:#x})",
        place(count)
    ));
    edits.replace_by_lines(lagrange.inversion, &together);
    let back: Vec<String> = (0..count)
        .map(|index| format!("mstore({:#x}, mload({:#x}))", 0x20 * index, place(index)))
        .collect();
    edits.replace_by_lines(statement.bytes.clone(), &back);
    Ok(())
}

/// How many words from the start of memory are inverted here.
fn inverted(statement: &Statement) -> Option<usize> {
    let [_, start, end] = statement.success_of("batch_invert")? else {
        return None;
    };
    (start.number()? == U256::ZERO).then_some(end.number()?.saturating_to::<usize>() / 0x20)
}

/// Where the polynomials of the instances are evaluated.
struct Lagrange {
    block: Range<usize>,
    inversion: Range<usize>,
}

fn lagrange(verifier: &Source<'_>) -> Result<Lagrange, OpeningError> {
    let is_inversion = |statement: &Statement| matches!(statement.success_of("batch_invert"), Some([_, start, _]) if start.is_name("X_N_MPTR"));
    let what = "the inversion for the instances";
    let block = &verifier.assembly[verifier.block_with(what, is_inversion)?];
    let statements = block.block().unwrap_or_default();
    let inversion = words::only(
        statements.iter().filter(|statement| is_inversion(statement)),
        what,
    )?;
    Ok(Lagrange {
        block: block.bytes.clone(),
        inversion: inversion.bytes.clone(),
    })
}

/// Puts products in the place of the inverses of sums.
fn drop_sums(parts: &[Statement], edits: &mut Edits<'_>) -> Result<(), OpeningError> {
    let declares = |part: &Statement, name: &str| {
        let mut statements = part.block().unwrap_or_default().iter();
        statements.any(|statement| matches!(&statement.action, Action::Let(names, _) if names[..] == [name]))
    };
    let is_set = |part: &&Statement| declares(part, "coeff") && !declares(part, "r_eval");
    let products: Vec<String> = parts
        .iter()
        .filter(is_set)
        .enumerate()
        .map(|(index, set)| format!("mstore({:#x}, {})", 0x20 * index, product(set)))
        .collect();
    let sums: Vec<&Statement> = parts.iter().filter(|part| declares(part, "sum")).collect();
    if sums.len() != products.len() {
        return Err(OpeningError::Missing("a sum for each set of points"));
    }
    for sum in sums {
        edits.remove_lines(sum.bytes.clone());
    }
    let copied_and_inverted = parts.iter().filter_map(|part| match part.block()? {
        [copied, inversion, ..] if matches!(copied.action, Action::For { .. }) => {
            (inverted(inversion)? == products.len()).then_some(copied.bytes.start..inversion.bytes.end)
        }
        _ => None,
    });
    let bytes = words::only(copied_and_inverted, "the sums' inversion")?;
    edits.replace_by_lines(bytes, &products);
    Ok(())
}

/// The product of what a set's coefficients are divided by at last: mu less each of its points.
fn product(set: &Statement) -> String {
    let factors = set.block().unwrap_or_default().iter().filter_map(|statement| {
        let [_, factor, _] = statement.assigned("coeff")?.arguments_of("mulmod")? else {
            return None;
        };
        loaded(factor).map(|_| factor)
    });
    let product = factors.fold(None, |product: Option<Expression>, factor| {
        Some(match product {
            None => factor.clone(),
            Some(product) => Expression::Call(
                "mulmod".to_owned(),
                vec![product, factor.clone(), Expression::Name("R".to_owned())],
            ),
        })
    });
    product.map_or_else(|| "1".to_owned(), |product| product.to_string())
}
