//! A generated contract's source, read whole: its constants and the assembly of its functions.
//!
//! The file is the line of the licence, the pragma and one contract: constants, and one function for each head below, whose
//! body is one block of assembly. Anything else is refused, so that what is read here is all that solc compiles.

use std::collections::HashMap;
use std::ops::Range;

use alloy_primitives::U256;

use super::machine::Point;
use super::yul::{self, Expression, Parser, Statement};
use super::{OpeningError, functions, words};

/// The first line of a generated source.
const LICENCE: &str = "// SPDX-License-Identifier: MIT\n";

const PRAGMA: &str = "pragma solidity ^0.8.0;";

/// The head of the function that returns an opening's key.
const KEY: &str = "function key() external pure returns (uint256[] memory) { assembly";

/// Which contract a source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A circuit's own verifier, as EZKL's generator writes it.
    Verifier,
    /// What is made of one.
    Opening,
}

impl Form {
    pub(super) fn contract(self) -> &'static str {
        match self {
            Self::Verifier => "contract Halo2Verifier {",
            Self::Opening => "contract BatchOpening {",
        }
    }

    /// The head of the function that takes a proof.
    fn function(self) -> &'static str {
        match self {
            Self::Verifier => {
                "function verifyProof(bytes calldata proof, uint256[] calldata instances) public returns (bool) { assembly"
            }
            Self::Opening => {
                "function opening(bytes calldata proof, uint256[] calldata instances)
                external view returns (uint256[7] memory) { assembly"
            }
        }
    }
}

/// A generated verifier, or what was made of one.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) constants: HashMap<String, U256>,
    /// The assembly of the function that takes a proof.
    pub(super) assembly: Vec<Statement>,
    /// The assembly of an opening's function that returns its key.
    pub(super) key: Vec<Statement>,
}

impl<'a> Source<'a> {
    /// Reads a whole file.
    pub(super) fn read(text: &'a str, form: Form) -> Result<Self, OpeningError> {
        yul::check_characters(text)?;
        if !text.starts_with(LICENCE) {
            return Err(OpeningError::Missing("the line of the licence"));
        }
        let mut parser = Parser::at(text, LICENCE.len());
        parser.expect_all(PRAGMA)?;
        parser.expect_all(form.contract())?;
        let constants = constants(&mut parser)?;
        let key = match form {
            Form::Verifier => Vec::new(),
            Form::Opening => assembly(&mut parser, KEY)?,
        };
        let assembly = assembly(&mut parser, form.function())?;
        parser.expect_all("}")?;
        parser.expect_end()?;
        functions::check(&assembly, form)?;
        Ok(Self {
            text,
            constants,
            assembly,
            key,
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

/// Every `uint256 internal constant NAME = value;` at the start of a contract.
fn constants(parser: &mut Parser<'_>) -> Result<HashMap<String, U256>, OpeningError> {
    let mut constants = HashMap::new();
    while parser.taken("uint256") {
        parser.expect_all("internal constant")?;
        let name = parser.constant_name()?;
        parser.expect_all("=")?;
        let value = parser.number()?;
        parser.expect_all(";")?;
        if constants.insert(name, value).is_some() {
            return Err(OpeningError::Twice("a constant"));
        }
    }
    Ok(constants)
}

/// The assembly of a function that has this head and nothing else.
fn assembly(parser: &mut Parser<'_>, head: &'static str) -> Result<Vec<Statement>, OpeningError> {
    parser.expect_all(head)?;
    let block = parser.block()?;
    parser.expect_all("}")?;
    Ok(block)
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
