//! A generated contract's source: its constants and the assembly of one of its functions.

use std::collections::HashMap;
use std::ops::Range;

use alloy_primitives::U256;

use super::machine::Point;
use super::yul::{self, Expression, Statement};
use super::{OpeningError, words};

/// A generated verifier, or what was made of one.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) constants: HashMap<String, U256>,
    /// The assembly of the function that takes a proof.
    pub(super) assembly: Vec<Statement>,
}

impl<'a> Source<'a> {
    /// Reads a contract whose function of that name takes a proof.
    pub(super) fn read(text: &'a str, function: &str) -> Result<Self, OpeningError> {
        Ok(Self {
            text,
            constants: constants(text),
            assembly: assembly_of(text, function)?,
        })
    }

    /// A constant of the contract.
    pub(super) fn constant(&self, name: &'static str) -> Result<U256, OpeningError> {
        let constant = self.constants.get(name).copied();
        constant.ok_or(OpeningError::Missing(name))
    }

    /// What the contract writes to fixed places in memory: its key. The places and the numbers, and where the statements stand.
    pub(super) fn written(&self) -> Vec<(U256, U256, Range<usize>)> {
        let blocks = self.assembly.iter().filter_map(Statement::block).flatten();
        blocks
            .filter_map(|statement| {
                let [at, value] = statement.run_of("mstore")? else {
                    return None;
                };
                Some((at.number()?, value.number()?, statement.bytes.clone()))
            })
            .collect()
    }

    /// The number that the contract writes to the place that a constant names.
    pub(super) fn key_word(&self, name: &'static str) -> Result<U256, OpeningError> {
        let place = self.constant(name)?;
        let written = self.written();
        let word = written.iter().find(|(at, _, _)| *at == place);
        word.map(|(_, value, _)| *value)
            .ok_or(OpeningError::Missing(name))
    }

    /// Length of a proof in bytes, and the number of instances.
    pub(super) fn shape(&self) -> Result<(usize, usize), OpeningError> {
        let blocks = self.assembly.iter().filter_map(Statement::block).flatten();
        let length = blocks.filter_map(|statement| {
            let [_, equal] = statement.success_of("and")? else {
                return None;
            };
            let [length, found] = equal.arguments_of("eq")? else {
                return None;
            };
            found.is_name("proof.length").then(|| length.number())?
        });
        let length = words::only(length, "the length of a proof")?;
        let instances = self.key_word("NUM_INSTANCES_MPTR")?;
        Ok((length.saturating_to(), instances.saturating_to()))
    }

    /// The commitments of the key, in the order of memory, and where the first one stands.
    pub(super) fn commitments(&self) -> Result<(U256, Vec<Point>), OpeningError> {
        let first = self.constant("NEG_S_G2_Y_2_MPTR")? + words::WORD;
        let end = self.constant("CHALLENGE_MPTR")?;
        let written: HashMap<U256, U256> = self
            .written()
            .into_iter()
            .map(|(at, value, _)| (at, value))
            .collect();
        let word = |at: U256| {
            written
                .get(&at)
                .copied()
                .ok_or(OpeningError::Missing("a commitment"))
        };
        let mut points = Vec::new();
        let mut at = first;
        while at < end {
            points.push((word(at)?, word(at + words::WORD)?));
            at += words::WORD + words::WORD;
        }
        Ok((first, points))
    }

    /// The index in the assembly of the only block that has a statement like this, at any depth.
    pub(super) fn block_with(
        &self,
        what: &'static str,
        like: impl Fn(&Statement) -> bool,
    ) -> Result<usize, OpeningError> {
        fn has(statement: &Statement, like: &impl Fn(&Statement) -> bool) -> bool {
            like(statement)
                || statement
                    .block()
                    .is_some_and(|block| block.iter().any(|inner| has(inner, like)))
        }
        let blocks = self.assembly.iter().enumerate();
        let found = blocks.filter(|(_, block)| block.block().is_some() && has(block, &like));
        words::only(found.map(|(index, _)| index), what)
    }
}

/// Every `uint256 internal constant NAME = value;` of a contract.
fn constants(text: &str) -> HashMap<String, U256> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim().strip_prefix("uint256 internal constant")?;
            let (name, value) = line.split_once('=')?;
            let value = value.trim().strip_suffix(';')?.trim();
            Some((name.trim().to_owned(), value.parse().ok()?))
        })
        .collect()
}

/// The assembly of a function, which has nothing else.
fn assembly_of(text: &str, function: &str) -> Result<Vec<Statement>, OpeningError> {
    let head = format!("function {function}(");
    let start = text
        .find(&head)
        .ok_or(OpeningError::Missing("the function that takes a proof"))?;
    let opening = "assembly {";
    let found = text[start..].find(opening);
    let brace = start + found.ok_or(OpeningError::Missing("its assembly"))? + opening.len() - 1;
    Ok(yul::block_at(text, brace)?)
}

/// Whether this loads the word that a constant names.
pub(super) fn loads(expression: &Expression, constant: &str) -> bool {
    matches!(expression.arguments_of("mload"), Some([place]) if place.is_name(constant))
}

/// The place that this loads a word from, if it is a number.
pub(super) fn loaded(expression: &Expression) -> Option<U256> {
    match expression.arguments_of("mload")? {
        [place] => place.number(),
        _ => None,
    }
}
