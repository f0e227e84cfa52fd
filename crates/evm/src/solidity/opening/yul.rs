//! The assembly of a generated verifier: text → a syntax tree whose nodes know their place in the text.
//!
//! This is the part of Yul that EZKL's generator writes: no `switch`, no `break`, no strings. Anything else is an error, so
//! that nothing is passed over.

use std::ops::Range;

use alloy_primitives::U256;

/// What is not assembly as the generator writes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {found:?} where {expected} was expected")]
pub struct SyntaxError {
    /// The line of the source text, from 1.
    pub line: usize,
    /// What stands there.
    pub found: String,
    /// What should.
    pub expected: &'static str,
}

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// A number.
    Number(U256),
    /// A variable, a constant of the contract, or a part of an argument (`proof.offset`).
    Name(String),
    /// A call of a built-in or of a function of the assembly.
    Call(String, Vec<Expression>),
}

impl Expression {
    /// The number that this is.
    pub(super) fn number(&self) -> Option<U256> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Name(_) | Self::Call(..) => None,
        }
    }

    /// The arguments, if this is a call of that function.
    pub(super) fn arguments_of(&self, function: &str) -> Option<&[Self]> {
        match self {
            Self::Call(name, arguments) if name == function => Some(arguments),
            Self::Number(_) | Self::Name(_) | Self::Call(..) => None,
        }
    }

    /// Whether this is that variable or constant.
    pub(super) fn is_name(&self, expected: &str) -> bool {
        matches!(self, Self::Name(name) if name == expected)
    }
}

impl std::fmt::Display for Expression {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number:#x}"),
            Self::Name(name) => formatter.write_str(name),
            Self::Call(name, arguments) => {
                let arguments: Vec<String> = arguments.iter().map(Self::to_string).collect();
                write!(formatter, "{name}({})", arguments.join(", "))
            }
        }
    }
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// `let a, b := value`; without a value they are 0.
    Let(Vec<String>, Option<Expression>),
    /// `a, b := value`.
    Assign(Vec<String>, Expression),
    /// A call whose result nobody reads.
    Run(Expression),
    /// A block.
    Block(Vec<Statement>),
    /// `for { first } condition { next } { body }`.
    For {
        first: Vec<Statement>,
        condition: Expression,
        next: Vec<Statement>,
        body: Vec<Statement>,
    },
    /// `if condition { body }`.
    If(Expression, Vec<Statement>),
    /// A function.
    Function(Function),
}

/// A function of the assembly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) parameters: Vec<String>,
    pub(super) results: Vec<String>,
    pub(super) body: Vec<Statement>,
}

/// A statement and where it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) bytes: Range<usize>,
    pub(super) action: Action,
}

impl Statement {
    /// The statements of the block that this is.
    pub(super) fn block(&self) -> Option<&[Self]> {
        match &self.action {
            Action::Block(statements) => Some(statements),
            Action::Let(..)
            | Action::Assign(..)
            | Action::Run(_)
            | Action::For { .. }
            | Action::If(..)
            | Action::Function(_) => None,
        }
    }

    /// The arguments of the call that this is, if it is one of that function and nobody reads its result.
    pub(super) fn run_of(&self, function: &str) -> Option<&[Expression]> {
        match &self.action {
            Action::Run(call) => call.arguments_of(function),
            _ => None,
        }
    }

    /// The value that is assigned to that variable here.
    pub(super) fn assigned(&self, variable: &str) -> Option<&Expression> {
        match &self.action {
            Action::Assign(names, value) if names.len() == 1 && names[0] == variable => Some(value),
            _ => None,
        }
    }

    /// The arguments of a call whose result is assigned to `success`.
    pub(super) fn success_of(&self, function: &str) -> Option<&[Expression]> {
        self.assigned("success")?.arguments_of(function)
    }
}

/// Reads the statements of the block that starts at `start`, where its opening brace stands.
pub(super) fn block_at(text: &str, start: usize) -> Result<Vec<Statement>, SyntaxError> {
    Parser { text, at: start }.block()
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if !self.rest().starts_with("//") {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    /// The next token, without taking it.
    fn peek(&mut self) -> &'a str {
        self.skip_blanks();
        let rest = self.rest();
        let word = rest
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '.'))
            .unwrap_or(rest.len());
        let length = if word > 0 {
            word
        } else if rest.starts_with(":=") || rest.starts_with("->") {
            2
        } else {
            rest.chars().next().map_or(0, char::len_utf8)
        };
        &rest[..length]
    }

    fn take(&mut self) -> &'a str {
        let token = self.peek();
        self.at += token.len();
        token
    }

    fn error(&self, found: &str, expected: &'static str) -> SyntaxError {
        SyntaxError {
            line: self.text[..self.at].lines().count(),
            found: found.to_owned(),
            expected,
        }
    }

    fn expect(&mut self, expected: &'static str) -> Result<(), SyntaxError> {
        let found = self.take();
        if found == expected {
            Ok(())
        } else {
            Err(self.error(found, expected))
        }
    }

    fn taken(&mut self, token: &str) -> bool {
        let found = self.peek() == token;
        if found {
            self.at += token.len();
        }
        found
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
        let found = self.take();
        if found.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
            Ok(found.to_owned())
        } else {
            Err(self.error(found, "a name"))
        }
    }

    fn names(&mut self) -> Result<Vec<String>, SyntaxError> {
        let mut names = vec![self.name()?];
        while self.taken(",") {
            names.push(self.name()?);
        }
        Ok(names)
    }

    fn expression(&mut self) -> Result<Expression, SyntaxError> {
        let token = self.take();
        if token.starts_with(|letter: char| letter.is_ascii_digit()) {
            let number = token.parse().map_err(|_| self.error(token, "a number"))?;
            return Ok(Expression::Number(number));
        }
        if token == "true" {
            return Ok(Expression::Number(U256::ONE));
        }
        if !token.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
            return Err(self.error(token, "an expression"));
        }
        if !self.taken("(") {
            return Ok(Expression::Name(token.to_owned()));
        }
        let mut arguments = Vec::new();
        while !self.taken(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(self.expression()?);
        }
        Ok(Expression::Call(token.to_owned(), arguments))
    }

    fn block(&mut self) -> Result<Vec<Statement>, SyntaxError> {
        self.expect("{")?;
        let mut statements = Vec::new();
        while !self.taken("}") {
            statements.push(self.statement()?);
        }
        Ok(statements)
    }

    fn statement(&mut self) -> Result<Statement, SyntaxError> {
        let keyword = self.peek();
        let start = self.at;
        let action = match keyword {
            "{" => Action::Block(self.block()?),
            "let" => {
                self.expect("let")?;
                let names = self.names()?;
                let value = if self.taken(":=") {
                    Some(self.expression()?)
                } else {
                    None
                };
                Action::Let(names, value)
            }
            "for" => {
                self.expect("for")?;
                Action::For {
                    first: self.block()?,
                    condition: self.expression()?,
                    next: self.block()?,
                    body: self.block()?,
                }
            }
            "if" => {
                self.expect("if")?;
                Action::If(self.expression()?, self.block()?)
            }
            "function" => Action::Function(self.function()?),
            _ => self.assignment_or_call()?,
        };
        Ok(Statement {
            bytes: start..self.at,
            action,
        })
    }

    fn assignment_or_call(&mut self) -> Result<Action, SyntaxError> {
        let start = self.at;
        if let Expression::Call(name, arguments) = self.expression()? {
            return Ok(Action::Run(Expression::Call(name, arguments)));
        }
        self.at = start;
        let names = self.names()?;
        self.expect(":=")?;
        Ok(Action::Assign(names, self.expression()?))
    }

    fn function(&mut self) -> Result<Function, SyntaxError> {
        self.expect("function")?;
        let name = self.name()?;
        self.expect("(")?;
        let parameters = if self.taken(")") {
            Vec::new()
        } else {
            let names = self.names()?;
            self.expect(")")?;
            names
        };
        let results = if self.taken("->") {
            self.names()?
        } else {
            Vec::new()
        };
        Ok(Function {
            name,
            parameters,
            results,
            body: self.block()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_with_its_places() {
        let text =
            "{ let a, b := f(1, x) // c\n  for {} lt(a, 0x02) { a := add(a, 1) } { mstore(a, b) } if b { } }";
        let block = block_at(text, 0).unwrap();
        assert_eq!(block.len(), 3);
        assert_eq!(&text[block[0].bytes.clone()], "let a, b := f(1, x)");
        let Action::For { condition, body, .. } = &block[1].action else {
            panic!("{block:?}")
        };
        assert_eq!(condition.to_string(), "lt(a, 0x2)");
        assert_eq!(body[0].run_of("mstore").unwrap().len(), 2);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (text, line) in [
            ("{ switch a case 0 { } }", 1),
            ("{\n a := }", 2),
            ("{ mstore(0, \"a\") }", 1),
            ("{ 7 }", 1),
            ("{ a", 1),
        ] {
            assert_eq!(block_at(text, 0).unwrap_err().line, line, "{text}");
        }
    }
}
