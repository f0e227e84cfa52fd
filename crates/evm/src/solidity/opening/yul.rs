//! The assembly of a generated verifier: text → a syntax tree whose nodes know their place in the text.
//!
//! This is the part of Yul that EZKL's generator writes: no `switch`, no `break`, no strings. Anything else is an error, so
//! that nothing is passed over, and no text is read in another way than solc reads it: [`check_characters`] refuses what
//! could end a line or a comment elsewhere, and numbers and names have one form.

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
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) parameters: Vec<String>,
    pub(super) results: Vec<String>,
    pub(super) body: Vec<Statement>,
}

/// A statement and where it stands in the text.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) bytes: Range<usize>,
    pub(super) action: Action,
}

/// One text for each meaning: without comments, blanks and the forms of numbers.
impl std::fmt::Display for Statement {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.action {
            Action::Let(names, None) => write!(formatter, "let {}", names.join(", ")),
            Action::Let(names, Some(value)) => write!(formatter, "let {} := {value}", names.join(", ")),
            Action::Assign(names, value) => write!(formatter, "{} := {value}", names.join(", ")),
            Action::Run(call) => call.fmt(formatter),
            Action::Block(body) => write!(formatter, "{{ {} }}", joined(body)),
            Action::For {
                first,
                condition,
                next,
                body,
            } => write!(
                formatter,
                "for {{ {} }} {condition} {{ {} }} {{ {} }}",
                joined(first),
                joined(next),
                joined(body)
            ),
            Action::If(condition, body) => write!(formatter, "if {condition} {{ {} }}", joined(body)),
            Action::Function(function) => function.fmt(formatter),
        }
    }
}

impl std::fmt::Display for Function {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "function {}({}) -> {} {{ {} }}",
            self.name,
            self.parameters.join(", "),
            self.results.join(", "),
            joined(&self.body)
        )
    }
}

fn joined(statements: &[Statement]) -> String {
    let statements: Vec<String> = statements.iter().map(Statement::to_string).collect();
    statements.join("; ")
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

/// Refuses a text in which a line or a comment could end elsewhere for solc than for this module: only printable ASCII and
/// line feeds, only comments to the end of a line, and none that solc reads (`///`).
pub(super) fn check_characters(text: &str) -> Result<(), SyntaxError> {
    let parser = |at| Parser::at(text, at);
    let strange = text.find(|letter: char| letter != '\n' && !(' '..='~').contains(&letter));
    if let Some(at) = strange {
        let found: String = text[at..].chars().take(1).collect();
        return Err(parser(at).error(&found, "printable ASCII"));
    }
    for comment in ["/*", "*/", "///"] {
        if let Some(at) = text.find(comment) {
            return Err(parser(at).error(comment, "comments by // alone"));
        }
    }
    Ok(())
}

/// More blocks or expressions inside each other than a verifier has.
const MOST_NESTED: usize = 64;

/// How much of a token an error shows.
const SHOWN: usize = 40;

/// Reads tokens, from a place in a text on.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    nested: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn at(text: &'a str, at: usize) -> Self {
        Self { text, at, nested: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches([' ', '\n']).len();
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
            line: self.text[..self.at].matches('\n').count() + 1,
            found: found.chars().take(SHOWN).collect(),
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

    /// Takes the tokens that this text has.
    pub(super) fn expect_all(&mut self, expected: &'static str) -> Result<(), SyntaxError> {
        let mut known = Parser::at(expected, 0);
        loop {
            let token = known.take();
            if token.is_empty() {
                return Ok(());
            }
            let found = self.take();
            if found != token {
                return Err(self.error(found, expected));
            }
        }
    }

    /// Refuses anything but blanks and comments.
    pub(super) fn expect_end(&mut self) -> Result<(), SyntaxError> {
        match self.take() {
            "" => Ok(()),
            found => Err(self.error(found, "the end")),
        }
    }

    pub(super) fn taken(&mut self, token: &str) -> bool {
        let found = self.peek() == token;
        if found {
            self.at += token.len();
        }
        found
    }

    /// The name of a variable or a function. Constants of the contract start with another letter, so that none is hidden.
    fn name(&mut self) -> Result<String, SyntaxError> {
        let found = self.take();
        if found.starts_with(|letter: char| letter.is_ascii_lowercase()) && !found.contains('.') {
            Ok(found.to_owned())
        } else {
            Err(self.error(found, "a name"))
        }
    }

    /// The name of a constant of the contract.
    pub(super) fn constant_name(&mut self) -> Result<String, SyntaxError> {
        let found = self.take();
        let is_letter =
            |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
        if found.starts_with(|letter: char| letter.is_ascii_uppercase()) && found.chars().all(is_letter) {
            Ok(found.to_owned())
        } else {
            Err(self.error(found, "the name of a constant"))
        }
    }

    /// A number, which has one form with 0x and one without.
    pub(super) fn number(&mut self) -> Result<U256, SyntaxError> {
        let found = self.take();
        let number = match found.strip_prefix("0x") {
            Some(digits) => (!digits.is_empty()
                && digits
                    .chars()
                    .all(|digit| digit.is_ascii_digit() || ('a'..='f').contains(&digit)))
            .then(|| U256::from_str_radix(digits, 16).ok()),
            None => (found.chars().all(|digit| digit.is_ascii_digit())
                && (found == "0" || !found.starts_with('0')))
            .then(|| U256::from_str_radix(found, 10).ok()),
        };
        number.flatten().ok_or_else(|| self.error(found, "a number"))
    }

    /// What is inside something else, which is not too deep.
    fn inside<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.nested += 1;
        if self.nested > MOST_NESTED {
            return Err(self.error("", "fewer blocks and calls inside each other"));
        }
        let inner = read(self)?;
        self.nested -= 1;
        Ok(inner)
    }

    fn names(&mut self) -> Result<Vec<String>, SyntaxError> {
        let mut names = vec![self.name()?];
        while self.taken(",") {
            names.push(self.name()?);
        }
        Ok(names)
    }

    fn expression(&mut self) -> Result<Expression, SyntaxError> {
        let token = self.peek();
        if token.starts_with(|letter: char| letter.is_ascii_digit()) {
            return self.number().map(Expression::Number);
        }
        let token = self.take();
        if token == "true" {
            return Ok(Expression::Number(U256::ONE));
        }
        if !token.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            return Err(self.error(token, "an expression"));
        }
        if !self.taken("(") {
            return Ok(Expression::Name(token.to_owned()));
        }
        let arguments = self.inside(|parser| {
            let mut arguments = Vec::new();
            while !parser.taken(")") {
                if !arguments.is_empty() {
                    parser.expect(",")?;
                }
                arguments.push(parser.expression()?);
            }
            Ok(arguments)
        })?;
        Ok(Expression::Call(token.to_owned(), arguments))
    }

    pub(super) fn block(&mut self) -> Result<Vec<Statement>, SyntaxError> {
        self.expect("{")?;
        self.inside(|parser| {
            let mut statements = Vec::new();
            while !parser.taken("}") {
                statements.push(parser.statement()?);
            }
            Ok(statements)
        })
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
        let block = Parser::at(text, 0).block().unwrap();
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
            ("{ a := 07 }", 1),
            ("{ a := 0x }", 1),
            ("{ a := 0xA }", 1),
            ("{ a := 0b1 }", 1),
            ("{ a := 1_0 }", 1),
            ("{\n R := 1 }", 2),
            ("{ let proof.offset := 1 }", 1),
            ("{ leave }", 1),
            ("{ let a$b := 1 }", 1),
        ] {
            assert_eq!(Parser::at(text, 0).block().unwrap_err().line, line, "{text}");
        }
        let deep = "{ ".repeat(1_000_000);
        assert!(Parser::at(&deep, 0).block().is_err());
    }

    #[test]
    fn characters_that_solc_may_read_otherwise_are_refused() {
        check_characters("// a comment: W'\n{ }").unwrap();
        for strange in [
            "\r", "\t", "\u{b}", "\u{c}", "\0", "\u{7f}", "\u{85}", "\u{2028}", "\u{202e}", "\u{430}", "/*",
            "*/", "///",
        ] {
            let error = check_characters(&format!("{{ }}\n// a{strange}b")).unwrap_err();
            assert_eq!(error.line, 2, "{strange:?}");
        }
    }
}
