//! The part of a verifier that multiplies points: what it multiplies, and what an opening leaves out.
//!
//! The generator writes Horner's rule: the sum is multiplied by zeta, a point is added, and so on, in loops over places that
//! stand after each other or one by one. Here all is written out, the key's points and the generator's multiple are left
//! out, and what then are several multiplications in a row become one.

use std::collections::HashMap;

use alloy_primitives::U256;

use super::machine::Point;
use super::source::{loaded, loads};
use super::yul::{Action, Expression, Statement};
use super::{OpeningError, words};

/// More iterations than a loop over a circuit's points has.
const LOOP_LIMIT: usize = 10_000;

/// What is left of the part, and the points that are left out of it.
pub(super) struct Shortened {
    pub(super) lines: Vec<String>,
    /// The power of zeta that goes with the first of `points`.
    pub(super) first_power: u32,
    /// The key's points by their powers of zeta, from the first one on: zeros where a power goes with no point of the key.
    pub(super) points: Vec<Point>,
}

/// Leaves out the key's points, which stand in memory from a place on.
pub(super) fn shortened(part: &[Statement], key: U256, points: &[Point]) -> Result<Shortened, OpeningError> {
    let statements = written_out(part)?;
    let mut lines = Vec::new();
    let mut left_out: Vec<(u32, Point)> = Vec::new();
    // How often the sum has been multiplied by zeta, and how often since the last line.
    let (mut all, mut pending) = (0, 0);
    let mut at = 0;
    while let Some(statement) = statements.get(at) {
        if multiplies_by_zeta(statement) {
            all += 1;
            pending += 1;
        } else if let Some(index) = key_point(statement, key, points.len()) {
            left_out.push((all, points[index]));
        } else if is_generator(&statements[at..]) {
            at += GENERATOR_STATEMENTS - 1;
        } else {
            lines.extend(multiplied(pending));
            pending = 0;
            lines.push(line(statement)?);
        }
        at += 1;
    }
    if left_out.len() != points.len() || pending != 0 {
        return Err(OpeningError::Missing(
            "a commitment of the key among those that are opened",
        ));
    }
    let mut by_power: Vec<(u32, Point)> = left_out
        .into_iter()
        .map(|(before, point)| (all - before, point))
        .collect();
    by_power.sort_unstable();
    let (Some((first_power, _)), Some((last, _))) = (by_power.first().copied(), by_power.last().copied())
    else {
        return Err(OpeningError::Missing("a commitment of the key"));
    };
    let mut dense = vec![(U256::ZERO, U256::ZERO); (last - first_power + 1) as usize];
    for (power, point) in by_power {
        dense[(power - first_power) as usize] = point;
    }
    Ok(Shortened {
        lines,
        first_power,
        points: dense,
    })
}

/// Lines that set a new variable to a power of zeta, by squaring and multiplying; `power` is at least 1.
pub(super) fn power_of_zeta(variable: &str, power: u32) -> Vec<String> {
    let mut lines = vec![format!("let {variable} := mload(ZETA_MPTR)")];
    for bit in (0..power.ilog2()).rev() {
        lines.push(format!("{variable} := mulmod({variable}, {variable}, R)"));
        if power >> bit & 1 == 1 {
            lines.push(format!("{variable} := mulmod({variable}, mload(ZETA_MPTR), R)"));
        }
    }
    lines
}

fn multiplied(times: u32) -> Vec<String> {
    match times {
        0 => Vec::new(),
        1 => vec!["success := ec_mul_acc(success, mload(ZETA_MPTR))".to_owned()],
        _ => {
            let mut lines = vec!["{".to_owned()];
            let power = power_of_zeta("power", times);
            lines.extend(power.into_iter().map(|line| format!("    {line}")));
            lines.push("    success := ec_mul_acc(success, power)".to_owned());
            lines.push("}".to_owned());
            lines
        }
    }
}

fn multiplies_by_zeta(statement: &Statement) -> bool {
    matches!(statement.success_of("ec_mul_acc"), Some([_, scalar]) if loads(scalar, "ZETA_MPTR"))
}

/// Which of the key's points is added here.
fn key_point(statement: &Statement, key: U256, points: usize) -> Option<usize> {
    let [_, x, y] = statement.success_of("ec_add_acc")? else {
        return None;
    };
    let (x, y) = (loaded(x)?, loaded(y)?);
    let offset = x.checked_sub(key)?.saturating_to::<usize>();
    (offset % 0x40 == 0 && offset / 0x40 < points && y == x + words::WORD).then_some(offset / 0x40)
}

/// How many statements add the generator's multiple.
const GENERATOR_STATEMENTS: usize = 4;

/// Whether here the generator is added -eval times.
fn is_generator(statements: &[Statement]) -> bool {
    let Some([x, y, product, sum]) = statements.get(..GENERATOR_STATEMENTS) else {
        return false;
    };
    let stores = |statement: &Statement, place: u64, constant: &str| {
        let Some([at, value]) = statement.run_of("mstore") else {
            return false;
        };
        at.number() == Some(U256::from(place)) && loads(value, constant)
    };
    let scaled = matches!(
        product.success_of("ec_mul_tmp"),
        Some([_, scalar]) if matches!(
            scalar.arguments_of("sub"),
            Some([order, eval]) if order.is_name("R") && loads(eval, "R_EVAL_MPTR")
        )
    );
    let added = matches!(
        sum.success_of("ec_add_acc"),
        Some([_, x, y]) if loaded(x) == Some(U256::from(0x80)) && loaded(y) == Some(U256::from(0xa0))
    );
    stores(x, 0x80, "G1_X_MPTR") && stores(y, 0xa0, "G1_Y_MPTR") && scaled && added
}

/// The statements, with every loop written out.
fn written_out(part: &[Statement]) -> Result<Vec<Statement>, OpeningError> {
    let mut statements = Vec::new();
    for statement in part {
        let Action::For {
            first,
            condition,
            next,
            body,
        } = &statement.action
        else {
            statements.push(statement.clone());
            continue;
        };
        let mut variables = HashMap::new();
        for declared in first {
            let Action::Let(names, Some(value)) = &declared.action else {
                return Err(OpeningError::Missing("a loop over places"));
            };
            let [name] = &names[..] else {
                return Err(OpeningError::Missing("a loop over places"));
            };
            variables.insert(name.clone(), folded(value, &variables));
        }
        let mut iterations = 0;
        while known(condition, &variables)? != U256::ZERO {
            iterations += 1;
            if iterations > LOOP_LIMIT {
                return Err(OpeningError::Missing("the end of a loop over places"));
            }
            for inner in body.iter().chain(next) {
                let Action::Assign(names, value) = &inner.action else {
                    return Err(OpeningError::Missing("a loop over places"));
                };
                let value = folded(value, &variables);
                match &names[..] {
                    [name] if variables.contains_key(name) => {
                        variables.insert(name.clone(), value);
                    }
                    _ => statements.push(Statement {
                        bytes: inner.bytes.clone(),
                        action: Action::Assign(names.clone(), value),
                    }),
                }
            }
        }
    }
    Ok(statements)
}

/// The value of an expression over a loop's variables.
fn known(expression: &Expression, variables: &HashMap<String, Expression>) -> Result<U256, OpeningError> {
    folded(expression, variables)
        .number()
        .ok_or(OpeningError::Missing("a loop over places that are numbers"))
}

/// The expression with a loop's variables put in, and sums and differences of numbers computed.
fn folded(expression: &Expression, variables: &HashMap<String, Expression>) -> Expression {
    match expression {
        Expression::Number(_) => expression.clone(),
        Expression::Name(name) => variables.get(name).unwrap_or(expression).clone(),
        Expression::Call(name, arguments) => {
            let arguments: Vec<_> = arguments
                .iter()
                .map(|argument| folded(argument, variables))
                .collect();
            match (
                &**name,
                arguments
                    .iter()
                    .map(Expression::number)
                    .collect::<Option<Vec<_>>>()
                    .as_deref(),
            ) {
                ("add", Some(&[a, b])) => Expression::Number(a.wrapping_add(b)),
                ("sub", Some(&[a, b])) => Expression::Number(a.wrapping_sub(b)),
                ("lt", Some(&[a, b])) => Expression::Number(U256::from(u8::from(a < b))),
                _ => Expression::Call(name.clone(), arguments),
            }
        }
    }
}

/// A statement that is no block, as text.
fn line(statement: &Statement) -> Result<String, OpeningError> {
    match &statement.action {
        Action::Let(names, Some(value)) => Ok(format!("let {} := {value}", names.join(", "))),
        Action::Assign(names, value) => Ok(format!("{} := {value}", names.join(", "))),
        Action::Run(call) => Ok(call.to_string()),
        Action::Let(_, None)
        | Action::Block(_)
        | Action::For { .. }
        | Action::If(..)
        | Action::Function(_) => Err(OpeningError::Missing("plain statements that multiply points")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::yul;
    use super::*;

    const PART: &str = "{
        let nu := mload(NU_MPTR)
        mstore(0x00, calldataload(0x64))
        success := ec_mul_acc(success, mload(ZETA_MPTR))
        success := ec_add_acc(success, mload(QUOTIENT_X_MPTR), mload(QUOTIENT_Y_MPTR))
        for { let mptr := 0x340 let mptr_end := 0x2c0 } lt(mptr_end, mptr) { mptr := sub(mptr, 0x40) } {
            success := ec_mul_acc(success, mload(ZETA_MPTR))
            success := ec_add_acc(success, mload(mptr), mload(add(mptr, 0x20)))
        }
        success := ec_mul_acc(success, mload(ZETA_MPTR))
        success := ec_add_acc(success, calldataload(0xa4), calldataload(0xc4))
        mstore(0x80, mload(G1_X_MPTR))
        mstore(0xa0, mload(G1_Y_MPTR))
        success := ec_mul_tmp(success, sub(R, mload(R_EVAL_MPTR)))
        success := ec_add_acc(success, mload(0x80), mload(0xa0))
    }";

    #[test]
    fn the_keys_points_are_left_out_with_their_powers() {
        let part = yul::Parser::at(PART, 0).block().unwrap();
        let point = |x: u64| (U256::from(x), U256::from(x + 1));
        let points = [point(1), point(3)];
        let shortened = shortened(&part, U256::from(0x300), &points).unwrap();
        assert_eq!((shortened.first_power, &shortened.points[..]), (1, &points[..]));
        assert_eq!(
            shortened.lines,
            [
                "let nu := mload(NU_MPTR)",
                "mstore(0x0, calldataload(0x64))",
                "success := ec_mul_acc(success, mload(ZETA_MPTR))",
                "success := ec_add_acc(success, mload(QUOTIENT_X_MPTR), mload(QUOTIENT_Y_MPTR))",
                "{",
                "    let power := mload(ZETA_MPTR)",
                "    power := mulmod(power, power, R)",
                "    power := mulmod(power, mload(ZETA_MPTR), R)",
                "    success := ec_mul_acc(success, power)",
                "}",
                "success := ec_add_acc(success, calldataload(0xa4), calldataload(0xc4))",
            ]
        );
    }

    /// A point of the key that is not opened here, or is opened in another way.
    #[test]
    fn a_point_of_the_key_that_is_elsewhere_is_refused() {
        let part = yul::Parser::at(PART, 0).block().unwrap();
        let points = [(U256::ONE, U256::ONE); 3];
        assert!(shortened(&part, U256::from(0x300), &points).is_err());
    }
}
