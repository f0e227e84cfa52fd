//! Runs the assembly of a verifier, or of an opening made of it, on numbers, with points of the curve as formal sums.
//!
//! Goes in: the contract's constants, the assembly, and calldata. Comes out: what it returned, or that it reverted, what it
//! would have reverted for, and what the pairing was asked. Scalars are numbers; a point is what it was made of: how often
//! each point that came in is in it. So two programs that make the same sums of the same points for the same numbers are
//! seen to do so, whatever way they take. Every number has a [`Kind`], and a program whose path depends on a caller's choice,
//! or that computes something else than rational functions, is not run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use alloy_primitives::{B256, U256, keccak256};
use evmbench_backend::FIELD_MODULUS;

use super::BASE_MODULUS;
use super::functions::INVERT;
use super::kind::Kind;
use super::trace::{self, Group, Term, Trace};
use super::yul::{Action, Expression, Function, Statement};

/// More memory than a verifier of ten thousand instances takes, in words.
const MEMORY_LIMIT: usize = 1 << 19;

/// More steps than such a verifier takes.
const STEP_LIMIT: u64 = 50_000_000;

/// Length of a word in bytes.
const WORD_BYTES: usize = 32;

/// The word of memory that Solidity keeps for itself.
const FREE_POINTER: usize = 2;

/// What the assembly does that this machine does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// A name that nothing declares.
    #[error("nothing is called {0:?}")]
    Name(String),
    /// A built-in, or one with another number of arguments or results.
    #[error("{0} is not known, or not in this form")]
    Call(String),
    /// Something that may not depend on what is proved does: a branch, a place in memory, the value of a comparison.
    #[error("{0} depends on the proof, its statement or a challenge in a way that no verifier does")]
    Depends(String),
    /// Memory, time or numbers beyond every verifier's.
    #[error("{0} is beyond what a verifier needs")]
    Limit(&'static str),
    /// The end of the assembly without an answer.
    #[error("the assembly ends without an answer")]
    NoAnswer,
}

/// A point, by its coordinates as they stand in memory.
pub(super) type Point = (U256, U256);

/// A point as a sum of points that came in, with the scalars that they are multiplied with.
pub(super) type Sum = BTreeMap<Point, U256>;

/// A contract's code as the machine takes it.
pub(super) struct Program<'a> {
    pub(super) constants: &'a HashMap<String, U256>,
    pub(super) assembly: &'a [Statement],
}

/// What a run is given.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) calldata: &'a [u8],
    pub(super) proof_bytes: usize,
    pub(super) instances: usize,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Returned(Vec<U256>),
    Reverted,
}

/// Something that a program reverts for unless it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// A number is below another.
    Below(U256, U256),
    /// Two numbers are equal.
    Equal(U256, U256),
    /// A call of a precompile succeeds: which one, from 0.
    Called(usize),
    /// The pairing's product is 1.
    Paired,
}

/// What a truth is made of.
#[derive(Debug, Clone, Copy)]
enum Truth {
    Fact(Fact),
    Both(usize, usize),
}

/// A run and what it left.
pub(super) struct Run {
    pub(super) answer: Answer,
    /// The pairing's input, if there was one.
    pub(super) pairing: Option<Vec<U256>>,
    /// How often precompiles were called.
    pub(super) calls: usize,
    /// What it would have reverted for.
    pub(super) facts: BTreeSet<Fact>,
    /// Every number that was inverted.
    pub(super) inverted: Vec<U256>,
    /// Every hash, as an element of the field.
    pub(super) challenges: Vec<U256>,
    /// The memory at the end, word by word.
    pub(super) memory: Vec<U256>,
    /// How everything was computed.
    pub(super) trace: Trace,
    sums: HashMap<Point, Sum>,
}

impl Run {
    /// What a point is made of.
    pub(super) fn sum(&self, point: Point) -> Sum {
        known_sum(&self.sums, point)
    }
}

fn known_sum(sums: &HashMap<Point, Sum>, point: Point) -> Sum {
    if point == (U256::ZERO, U256::ZERO) {
        return Sum::new();
    }
    sums.get(&point)
        .cloned()
        .unwrap_or_else(|| Sum::from([(point, U256::ONE)]))
}

/// Adds a point so many times; what cancels is gone.
pub(super) fn add_scaled(sum: &mut Sum, other: &Sum, scalar: U256) {
    for (&point, &times) in other {
        let times = times.mul_mod(scalar, FIELD_MODULUS);
        let found = sum.entry(point).or_default();
        *found = found.add_mod(times, FIELD_MODULUS);
        if found.is_zero() {
            sum.remove(&point);
        }
    }
}

/// Runs a program.
pub(super) fn run(program: &Program<'_>, call: Call<'_>) -> Result<Run, Unknown> {
    let mut machine = Machine {
        constants: program.constants,
        functions: functions(program.assembly),
        call,
        memory: Vec::new(),
        sums: HashMap::new(),
        pairing: None,
        calls: 0,
        truths: Vec::new(),
        required: Vec::new(),
        inverted: Vec::new(),
        challenges: Vec::new(),
        steps: 0,
        functions_entered: 0,
        variables: Vec::new(),
        answer: None,
        trace: Trace::default(),
    };
    for statement in program.assembly {
        if !matches!(statement.action, Action::Function(_)) {
            machine.statements(std::slice::from_ref(statement))?;
        }
    }
    Ok(Run {
        facts: machine.facts(),
        answer: machine.answer.ok_or(Unknown::NoAnswer)?,
        pairing: machine.pairing,
        calls: machine.calls,
        inverted: machine.inverted,
        challenges: machine.challenges,
        memory: machine.memory.into_iter().map(|value| value.word).collect(),
        sums: machine.sums,
        trace: machine.trace,
    })
}

fn functions(assembly: &[Statement]) -> HashMap<&str, &Function> {
    assembly
        .iter()
        .filter_map(|statement| match &statement.action {
            Action::Function(function) => Some((&*function.name, function)),
            _ => None,
        })
        .collect()
}

/// A number, what it depends on, and how it was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Value {
    word: U256,
    kind: Kind,
    /// None of what depends on nothing, and of what is no number of the field or coordinate.
    term: Option<trace::Id>,
}

impl Value {
    const ZERO: Self = Self::fixed(U256::ZERO);

    const fn fixed(word: U256) -> Self {
        Self {
            word,
            kind: Kind::Fixed,
            term: None,
        }
    }

    /// Of something that no term is made of.
    const fn other(word: U256, kind: Kind) -> Self {
        Self {
            word,
            kind,
            term: None,
        }
    }

    /// The number, if it depends on nothing.
    fn known(self, what: &str) -> Result<U256, Unknown> {
        match self.kind {
            Kind::Fixed => Ok(self.word),
            _ => Err(Unknown::Depends(what.to_owned())),
        }
    }
}

struct Machine<'a> {
    constants: &'a HashMap<String, U256>,
    functions: HashMap<&'a str, &'a Function>,
    call: Call<'a>,
    memory: Vec<Value>,
    sums: HashMap<Point, Sum>,
    pairing: Option<Vec<U256>>,
    calls: usize,
    truths: Vec<Truth>,
    /// The truths that the program reverts without.
    required: Vec<usize>,
    inverted: Vec<U256>,
    challenges: Vec<U256>,
    steps: u64,
    functions_entered: usize,
    /// Innermost last.
    variables: Vec<(&'a str, Value)>,
    answer: Option<Answer>,
    trace: Trace,
}

impl<'a> Machine<'a> {
    fn block(&mut self, statements: &'a [Statement]) -> Result<(), Unknown> {
        let outer = self.variables.len();
        self.statements(statements)?;
        self.variables.truncate(outer);
        Ok(())
    }

    fn statements(&mut self, statements: &'a [Statement]) -> Result<(), Unknown> {
        for statement in statements {
            if self.answer.is_some() {
                return Ok(());
            }
            self.step()?;
            self.statement(statement)?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Unknown> {
        self.steps += 1;
        if self.steps > STEP_LIMIT {
            return Err(Unknown::Limit("time"));
        }
        Ok(())
    }

    fn statement(&mut self, statement: &'a Statement) -> Result<(), Unknown> {
        match &statement.action {
            Action::Let(names, value) => {
                let values = match value {
                    Some(value) => self.values(value)?,
                    None => vec![Value::ZERO; names.len()],
                };
                same_length("let", names.len(), values.len())?;
                self.variables
                    .extend(names.iter().map(|name| &**name).zip(values));
            }
            Action::Assign(names, value) => {
                let values = self.values(value)?;
                same_length("an assignment", names.len(), values.len())?;
                for (name, value) in names.iter().zip(values) {
                    let variable = self.variables.iter_mut().rev().find(|(known, _)| known == name);
                    variable.ok_or_else(|| Unknown::Name(name.clone()))?.1 = value;
                }
            }
            Action::Run(call) => {
                let values = self.values(call)?;
                same_length("a call", 0, values.len())?;
            }
            Action::Block(statements) => self.block(statements)?,
            Action::For {
                first,
                condition,
                next,
                body,
            } => {
                let outer = self.variables.len();
                self.statements(first)?;
                while self.answer.is_none() && !self.value(condition)?.known("a loop")?.is_zero() {
                    self.step()?;
                    self.block(body)?;
                    self.block(next)?;
                }
                self.variables.truncate(outer);
            }
            Action::If(condition, body) => self.branch(condition, body)?,
            Action::Function(_) => return Err(Unknown::Call("a function in a block".to_owned())),
        }
        Ok(())
    }

    /// A branch depends on nothing, or is the one that reverts unless something holds.
    fn branch(&mut self, condition: &'a Expression, body: &'a [Statement]) -> Result<(), Unknown> {
        if let Some([negated]) = condition.arguments_of("iszero") {
            let value = self.value(negated)?;
            let Kind::Truth(truth) = value.kind else {
                return self.block_if(value.known("a branch")?.is_zero(), body);
            };
            if !reverts(body) {
                return Err(Unknown::Depends("a branch".to_owned()));
            }
            self.required.push(truth);
            if value.word.is_zero() {
                self.answer = Some(Answer::Reverted);
            }
            return Ok(());
        }
        let holds = !self.value(condition)?.known("a branch")?.is_zero();
        self.block_if(holds, body)
    }

    fn block_if(&mut self, holds: bool, body: &'a [Statement]) -> Result<(), Unknown> {
        if holds { self.block(body) } else { Ok(()) }
    }

    fn value(&mut self, expression: &'a Expression) -> Result<Value, Unknown> {
        match &self.values(expression)?[..] {
            [value] => Ok(*value),
            _ => Err(Unknown::Call(expression.to_string())),
        }
    }

    fn values(&mut self, expression: &'a Expression) -> Result<Vec<Value>, Unknown> {
        match expression {
            Expression::Number(number) => Ok(vec![Value::fixed(*number)]),
            Expression::Name(name) => self.named(name).map(|value| vec![value]),
            Expression::Call(name, arguments) => {
                let mut values = vec![Value::ZERO; arguments.len()];
                // Arguments are evaluated from right to left, as the EVM takes them from its stack.
                for (value, argument) in values.iter_mut().zip(arguments).rev() {
                    *value = self.value(argument)?;
                }
                match self.functions.get(&**name).copied() {
                    Some(function) => self.function(function, &values),
                    None => self.built_in(name, &values),
                }
            }
        }
    }

    fn named(&self, name: &str) -> Result<Value, Unknown> {
        let variable = self.variables.iter().rev().find(|(known, _)| *known == name);
        if let Some((_, value)) = variable {
            return Ok(*value);
        }
        let (of_call, kind) = match name {
            "proof.offset" => (0x64, Kind::Fixed),
            "proof.length" => (self.call.proof_bytes, Kind::Length),
            "instances.offset" => (0x84 + self.call.proof_bytes, Kind::Fixed),
            "instances.length" => (self.call.instances, Kind::Length),
            _ => {
                let constant = self.constants.get(name).copied();
                return constant
                    .map(Value::fixed)
                    .ok_or_else(|| Unknown::Name(name.to_owned()));
            }
        };
        Ok(Value::other(U256::from(of_call), kind))
    }

    fn function(&mut self, function: &'a Function, arguments: &[Value]) -> Result<Vec<Value>, Unknown> {
        same_length(&function.name, function.parameters.len(), arguments.len())?;
        let inverted = match (&*function.name, arguments) {
            (INVERT, &[_, start, end]) => self.note_inverted(start, end)?,
            _ => Vec::new(),
        };
        // A function sees its own variables alone.
        let outer = std::mem::take(&mut self.variables);
        let names = function.parameters.iter().map(|name| &**name);
        self.variables.extend(names.zip(arguments.iter().copied()));
        let results = function.results.iter();
        self.variables.extend(results.map(|name| (&**name, Value::ZERO)));
        let inner = self.variables.len();
        self.functions_entered += 1;
        self.statements(&function.body)?;
        self.functions_entered -= 1;
        self.variables.truncate(inner);
        let results = &self.variables[function.parameters.len()..];
        let results = results.iter().map(|(_, value)| *value).collect();
        self.variables = outer;
        for (place, term) in inverted {
            self.memory[place].term = Some(self.trace.inverse(term));
        }
        Ok(results)
    }

    /// Notes the numbers between two places, which are about to be inverted, and returns the words' places and what they are.
    fn note_inverted(&mut self, start: Value, end: Value) -> Result<Vec<(usize, trace::Id)>, Unknown> {
        let length = Value::fixed(end.known(INVERT)?.wrapping_sub(start.known(INVERT)?));
        let places = self.range(start, length)?;
        let values = self.read(start, length)?;
        self.inverted.extend(values.iter().map(|value| value.word));
        let terms = values.into_iter().map(|value| self.term(value));
        Ok(places.zip(terms).collect())
    }

    /// How a number was computed.
    fn term(&mut self, value: Value) -> trace::Id {
        let number = || Term::Number(value.word);
        value.term.unwrap_or_else(|| self.trace.id(number()))
    }

    fn built_in(&mut self, name: &str, arguments: &[Value]) -> Result<Vec<Value>, Unknown> {
        let value = match (name, arguments) {
            ("gas", &[]) => Value::other(U256::MAX, Kind::Opaque),
            ("calldataload", &[at]) => self.calldata_word(at.known(name)?),
            ("mload", &[at]) => self.read(at, Value::fixed(U256::from(WORD_BYTES)))?[0],
            ("keccak256", &[at, length]) if self.functions_entered > 0 => self.hash(at, length)?,
            ("staticcall", &[gas, address, from, length, to, result])
                if self.functions_entered > 0 && gas.kind == Kind::Opaque =>
            {
                let input = self.read(from, length)?;
                self.precompile(address.known(name)?, &input, to, result)?
            }
            ("pop", &[_]) => return Ok(vec![]),
            ("mstore", &[at, value]) => {
                if !value.kind.is_storable() {
                    return Err(Unknown::Depends("a word of memory".to_owned()));
                }
                self.write(at, &[value])?;
                return Ok(vec![]);
            }
            ("calldatacopy", &[to, from, length]) => {
                self.copy_calldata(to, from.known(name)?, length.known(name)?)?;
                return Ok(vec![]);
            }
            ("mstore8", &[at, value]) if self.functions_entered > 0 => {
                self.write_byte(at, value.known(name)?)?;
                return Ok(vec![]);
            }
            ("revert", &[_, _]) => {
                self.answer = Some(Answer::Reverted);
                return Ok(vec![]);
            }
            ("return", &[at, length]) => {
                let words = self.read(at, length)?;
                if !words.iter().all(|value| value.kind.is_storable()) {
                    return Err(Unknown::Depends("the answer".to_owned()));
                }
                self.trace.answer = words.iter().map(|&value| self.term(value)).collect();
                self.answer = Some(Answer::Returned(
                    words.into_iter().map(|value| value.word).collect(),
                ));
                return Ok(vec![]);
            }
            _ => self.computed(name, arguments)?,
        };
        Ok(vec![value])
    }

    /// A number that is computed of others.
    fn computed(&mut self, name: &str, arguments: &[Value]) -> Result<Value, Unknown> {
        let words: Vec<U256> = arguments.iter().map(|value| value.word).collect();
        let word = computed(name, &words).ok_or_else(|| Unknown::Call(name.to_owned()))?;
        let kind = if arguments.iter().all(|value| value.kind == Kind::Fixed) {
            Some(Kind::Fixed)
        } else {
            self.kind_of(name, arguments)?
        };
        let kind = kind.ok_or_else(|| Unknown::Depends(format!("an argument of {name}")))?;
        let term = match kind {
            Kind::Field(_) => self.term_of(name, arguments),
            _ => None,
        };
        Ok(Value { word, kind, term })
    }

    /// How a number of the field is computed of others.
    fn term_of(&mut self, name: &str, arguments: &[Value]) -> Option<trace::Id> {
        let terms: Vec<trace::Id> = arguments.iter().map(|&value| self.term(value)).collect();
        match (name, &terms[..]) {
            ("addmod", &[a, b, _]) => Some(self.trace.sum(a, b)),
            ("mulmod", &[a, b, _]) => Some(self.trace.product(a, b)),
            ("sub", &[_, a]) => Some(self.trace.negative(a)),
            // Of a hash alone: a challenge.
            ("mod", &[a, _]) => Some(a),
            _ => None,
        }
    }

    /// What a number depends on that is computed of others, which do not all depend on nothing.
    fn kind_of(&mut self, name: &str, arguments: &[Value]) -> Result<Option<Kind>, Unknown> {
        let is_order = |value: Value, order: U256| value == Value::fixed(order);
        Ok(match (name, arguments) {
            ("and", &[a, b]) => match (a.kind, b.kind) {
                (Kind::Truth(a), Kind::Truth(b)) => Some(self.truth(Truth::Both(a, b))),
                (Kind::Truth(truth), Kind::Fixed) if b.word == U256::ONE => Some(Kind::Truth(truth)),
                (Kind::Fixed, Kind::Truth(truth)) if a.word == U256::ONE => Some(Kind::Truth(truth)),
                _ => None,
            },
            ("sub", &[order, value]) if is_order(order, FIELD_MODULUS) => {
                value.kind.degree().map(Kind::Field)
            }
            ("mod", &[value, order]) if is_order(order, FIELD_MODULUS) => {
                value.kind.degree().map(Kind::Field)
            }
            ("addmod" | "mulmod", &[a, b, order]) if is_order(order, FIELD_MODULUS) => {
                a.kind.combined(b.kind)?
            }
            ("addmod" | "mulmod", &[a, b, order]) if is_order(order, BASE_MODULUS) => {
                let is_base = |value: Value| matches!(value.kind, Kind::Fixed | Kind::Raw | Kind::Base);
                (self.functions_entered > 0 && is_base(a) && is_base(b)).then_some(Kind::Base)
            }
            ("lt", &[value, order]) if value.kind == Kind::Raw && order.kind == Kind::Fixed => {
                Some(self.truth(Truth::Fact(Fact::Below(value.word, order.word))))
            }
            ("eq", &[a, b])
                if matches!(
                    (a.kind, b.kind),
                    (Kind::Base, Kind::Base) | (Kind::Fixed, Kind::Length)
                ) =>
            {
                Some(self.truth(Truth::Fact(Fact::Equal(a.word, b.word))))
            }
            _ => None,
        })
    }

    fn truth(&mut self, truth: Truth) -> Kind {
        self.truths.push(truth);
        Kind::Truth(self.truths.len() - 1)
    }

    /// What the truths that are required are made of.
    fn facts(&self) -> BTreeSet<Fact> {
        let mut facts = BTreeSet::new();
        let mut seen = vec![false; self.truths.len()];
        let mut left = self.required.clone();
        while let Some(index) = left.pop() {
            if std::mem::replace(&mut seen[index], true) {
                continue;
            }
            match self.truths[index] {
                Truth::Fact(fact) => {
                    facts.insert(fact);
                }
                Truth::Both(one, other) => left.extend([one, other]),
            }
        }
        facts
    }

    fn hash(&mut self, at: Value, length: Value) -> Result<Value, Unknown> {
        let length = length.known("keccak256")?.saturating_to::<usize>();
        let whole = U256::from(length.next_multiple_of(WORD_BYTES));
        let words = self.read(at, Value::fixed(whole))?;
        let bytes: Vec<u8> = words
            .iter()
            .flat_map(|value| value.word.to_be_bytes::<WORD_BYTES>())
            .collect();
        let word = U256::from_be_bytes(keccak256(&bytes[..length]).0);
        self.challenges.push(word % FIELD_MODULUS);
        let hashed = words.into_iter().map(|value| self.term(value)).collect();
        Ok(Value {
            word,
            kind: Kind::Field(1),
            term: Some(self.trace.hash(hashed, length)),
        })
    }

    /// A precompile's answer, whose success is a fact.
    fn precompile(
        &mut self,
        address: U256,
        input: &[Value],
        to: Value,
        result: Value,
    ) -> Result<Value, Unknown> {
        let unknown = || Unknown::Call(format!("staticcall to {address}"));
        let words: Vec<U256> = input.iter().map(|value| value.word).collect();
        let are_points = |coordinates: &[Value]| coordinates.iter().all(|value| value.kind.is_coordinate());
        let (answer, kind) = match (address.saturating_to::<u64>(), &words[..]) {
            (5, &[_, _, _, base, exponent, modulus]) => {
                let degree = input[3].kind.degree().ok_or_else(unknown)?;
                (vec![base.pow_mod(exponent, modulus)], Kind::Field(degree))
            }
            (6, &[x, y, other_x, other_y]) if are_points(input) => {
                let mut sum = known_sum(&self.sums, (x, y));
                let other = known_sum(&self.sums, (other_x, other_y));
                add_scaled(&mut sum, &other, U256::ONE);
                (self.coordinates(sum), Kind::Coordinate)
            }
            (7, &[x, y, scalar]) if are_points(&input[..2]) && input[2].kind.degree().is_some() => {
                let mut sum = Sum::new();
                let point = known_sum(&self.sums, (x, y));
                add_scaled(&mut sum, &point, scalar % FIELD_MODULUS);
                (self.coordinates(sum), Kind::Coordinate)
            }
            (8, words) if words.len() == 12 && self.pairing.is_none() && are_points(input) => {
                self.pairing = Some(words.to_vec());
                let paired = self.truth(Truth::Fact(Fact::Paired));
                (vec![U256::ONE], paired)
            }
            _ => return Err(unknown()),
        };
        if result != Value::fixed(U256::from(WORD_BYTES * answer.len())) {
            return Err(Unknown::Call(format!("the length of the answer of {address}")));
        }
        let mut answer: Vec<Value> = answer.into_iter().map(|word| Value::other(word, kind)).collect();
        if let (Some(group), [x, y]) = (Group::of(address), &mut answer[..]) {
            let operands = input.iter().map(|&value| self.term(value)).collect();
            let terms = self.trace.step(group, to.word, operands);
            (x.term, y.term) = (Some(terms[0]), Some(terms[1]));
        }
        self.write(to, &answer)?;
        let kind = self.truth(Truth::Fact(Fact::Called(self.calls)));
        self.calls += 1;
        Ok(Value::other(U256::ONE, kind))
    }

    /// Coordinates that stand for a sum: those of a point that came in are its own, others are a hash.
    fn coordinates(&mut self, sum: Sum) -> Vec<U256> {
        if sum.is_empty() {
            return vec![U256::ZERO; 2];
        }
        if let [(&(x, y), times)] = sum.iter().collect::<Vec<_>>()[..]
            && *times == U256::ONE
        {
            return vec![x, y];
        }
        let words = sum.iter().flat_map(|(&(x, y), &times)| [x, y, times]);
        let bytes: Vec<u8> = words.flat_map(|word| word.to_be_bytes::<32>()).collect();
        let x: B256 = keccak256(&bytes);
        let point = (x.into(), keccak256(x).into());
        self.sums.insert(point, sum);
        vec![point.0, point.1]
    }

    fn calldata_word(&mut self, at: U256) -> Value {
        let at = at.saturating_to::<usize>();
        let mut word = [0; WORD_BYTES];
        let there = self.call.calldata.iter().skip(at);
        word.iter_mut().zip(there).for_each(|(to, from)| *to = *from);
        Value {
            word: U256::from_be_bytes(word),
            kind: Kind::Raw,
            term: Some(self.trace.id(Term::Word(at))),
        }
    }

    /// Copies whole words of the calldata to memory.
    fn copy_calldata(&mut self, to: Value, from: U256, length: U256) -> Result<(), Unknown> {
        let range = self.range(to, Value::fixed(length))?;
        self.steps += range.len() as u64;
        for (index, place) in range.enumerate() {
            let at = from.saturating_add(U256::from(WORD_BYTES * index));
            self.memory[place] = self.calldata_word(at);
        }
        Ok(())
    }

    /// The words of so many bytes of memory.
    fn read(&mut self, at: Value, length: Value) -> Result<Vec<Value>, Unknown> {
        let range = self.range(at, length)?;
        self.steps += range.len() as u64;
        Ok(self.memory[range].to_vec())
    }

    fn write(&mut self, at: Value, words: &[Value]) -> Result<(), Unknown> {
        let length = Value::fixed(U256::from(WORD_BYTES * words.len()));
        let range = self.range(at, length)?;
        self.memory[range].copy_from_slice(words);
        Ok(())
    }

    /// Writes the first byte of a word, of which nothing may be computed from then on.
    fn write_byte(&mut self, at: Value, byte: U256) -> Result<(), Unknown> {
        let range = self.range(at, Value::fixed(U256::from(WORD_BYTES)))?;
        let word = &mut self.memory[range][0];
        let mut bytes = word.word.to_be_bytes::<WORD_BYTES>();
        bytes[0] = byte.byte(0);
        *word = Value::other(U256::from_be_bytes(bytes), Kind::Opaque);
        Ok(())
    }

    /// A range of memory in words, which is there from now on.
    fn range(&mut self, at: Value, length: Value) -> Result<std::ops::Range<usize>, Unknown> {
        let place = "a place in memory";
        let (at, length) = (at.known(place)?, length.known(place)?);
        let end = at.saturating_add(length).saturating_to::<usize>();
        if end > WORD_BYTES * MEMORY_LIMIT {
            return Err(Unknown::Limit("memory"));
        }
        let (at, length) = (at.saturating_to::<usize>(), length.saturating_to::<usize>());
        if at % WORD_BYTES != 0 || length % WORD_BYTES != 0 {
            return Err(Unknown::Call("a part of a word of memory".to_owned()));
        }
        let words = at / WORD_BYTES..end / WORD_BYTES;
        while self.memory.len() < words.end {
            let value = match self.memory.len() {
                FREE_POINTER => Value::other(U256::from(0x80), Kind::Opaque),
                _ => Value::ZERO,
            };
            self.memory.push(value);
        }
        Ok(words)
    }
}

/// The value of a built-in that only computes.
fn computed(name: &str, arguments: &[U256]) -> Option<U256> {
    let truth = |holds: bool| U256::from(u8::from(holds));
    Some(match (name, arguments) {
        ("add", &[a, b]) => a.wrapping_add(b),
        ("sub", &[a, b]) => a.wrapping_sub(b),
        ("mul", &[a, b]) => a.wrapping_mul(b),
        ("mod", &[a, b]) => a.checked_rem(b).unwrap_or_default(),
        ("addmod", &[a, b, modulus]) => a.add_mod(b, modulus),
        ("mulmod", &[a, b, modulus]) => a.mul_mod(b, modulus),
        ("lt", &[a, b]) => truth(a < b),
        ("gt", &[a, b]) => truth(a > b),
        ("eq", &[a, b]) => truth(a == b),
        ("iszero", &[a]) => truth(a.is_zero()),
        ("and", &[a, b]) => a & b,
        ("or", &[a, b]) => a | b,
        _ => return None,
    })
}

/// Whether a block only reverts.
fn reverts(body: &[Statement]) -> bool {
    let [statement] = body else { return false };
    matches!(statement.run_of("revert"), Some([at, length]) if at.number().is_some() && length.number().is_some())
}

fn same_length(what: &str, expected: usize, found: usize) -> Result<(), Unknown> {
    if expected == found {
        Ok(())
    } else {
        Err(Unknown::Call(what.to_owned()))
    }
}
