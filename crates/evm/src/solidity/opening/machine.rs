//! Runs the assembly of a verifier, or of an opening made of it, on numbers, with points of the curve as formal sums.
//!
//! Goes in: the contract's constants, the assembly, and calldata. Comes out: what it returned, or that it reverted, and what
//! the pairing was asked. Scalars are numbers; a point is what it was made of: how often each point that came in is in it. So
//! two programs that make the same sums of the same points for the same numbers are seen to do so, whatever way they take.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::{B256, U256, keccak256};
use evmbench_backend::FIELD_MODULUS;

use super::yul::{Action, Expression, Function, Statement};

/// More memory than a verifier of ten thousand instances takes, in bytes.
const MEMORY_LIMIT: usize = 1 << 24;

/// More steps than such a verifier takes.
const STEP_LIMIT: u64 = 50_000_000;

/// What the assembly does that this machine does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// A name that nothing declares.
    #[error("nothing is called {0:?}")]
    Name(String),
    /// A built-in, or one with another number of arguments or results.
    #[error("{0} is not known, or not in this form")]
    Call(String),
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
    /// Which of its calls of precompiles fails, from 0.
    pub(super) failing: Option<usize>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Returned(Vec<u8>),
    Reverted,
}

/// A run and what it left.
pub(super) struct Run {
    pub(super) answer: Answer,
    /// The pairing's input, if there was one.
    pub(super) pairing: Option<Vec<u8>>,
    /// How often precompiles were called.
    pub(super) calls: usize,
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
        steps: 0,
        variables: Vec::new(),
        answer: None,
    };
    machine.block(program.assembly)?;
    Ok(Run {
        answer: machine.answer.ok_or(Unknown::NoAnswer)?,
        pairing: machine.pairing,
        calls: machine.calls,
        sums: machine.sums,
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

struct Machine<'a> {
    constants: &'a HashMap<String, U256>,
    functions: HashMap<&'a str, &'a Function>,
    call: Call<'a>,
    memory: Vec<u8>,
    sums: HashMap<Point, Sum>,
    pairing: Option<Vec<u8>>,
    calls: usize,
    steps: u64,
    /// Innermost last.
    variables: Vec<(&'a str, U256)>,
    answer: Option<Answer>,
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
                    None => vec![U256::ZERO; names.len()],
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
                while self.answer.is_none() && !self.value(condition)?.is_zero() {
                    self.step()?;
                    self.block(body)?;
                    self.block(next)?;
                }
                self.variables.truncate(outer);
            }
            Action::If(condition, body) => {
                if !self.value(condition)?.is_zero() {
                    self.block(body)?;
                }
            }
            Action::Function(_) => {}
        }
        Ok(())
    }

    fn value(&mut self, expression: &'a Expression) -> Result<U256, Unknown> {
        match &self.values(expression)?[..] {
            [value] => Ok(*value),
            _ => Err(Unknown::Call(expression.to_string())),
        }
    }

    fn values(&mut self, expression: &'a Expression) -> Result<Vec<U256>, Unknown> {
        match expression {
            Expression::Number(number) => Ok(vec![*number]),
            Expression::Name(name) => self.named(name).map(|value| vec![value]),
            Expression::Call(name, arguments) => {
                let mut values = vec![U256::ZERO; arguments.len()];
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

    fn named(&self, name: &str) -> Result<U256, Unknown> {
        let variable = self.variables.iter().rev().find(|(known, _)| *known == name);
        if let Some((_, value)) = variable {
            return Ok(*value);
        }
        let of_call = match name {
            "proof.offset" => 0x64,
            "proof.length" => self.call.proof_bytes,
            "instances.offset" => 0x84 + self.call.proof_bytes,
            "instances.length" => self.call.instances,
            _ => {
                let constant = self.constants.get(name).copied();
                return constant.ok_or_else(|| Unknown::Name(name.to_owned()));
            }
        };
        Ok(U256::from(of_call))
    }

    fn function(&mut self, function: &'a Function, arguments: &[U256]) -> Result<Vec<U256>, Unknown> {
        same_length(&function.name, function.parameters.len(), arguments.len())?;
        // A function sees its own variables alone.
        let outer = std::mem::take(&mut self.variables);
        let names = function.parameters.iter().map(|name| &**name);
        self.variables.extend(names.zip(arguments.iter().copied()));
        let results = function.results.iter();
        self.variables.extend(results.map(|name| (&**name, U256::ZERO)));
        let inner = self.variables.len();
        self.statements(&function.body)?;
        self.variables.truncate(inner);
        let results = &self.variables[function.parameters.len()..];
        let results = results.iter().map(|(_, value)| *value).collect();
        self.variables = outer;
        Ok(results)
    }

    fn built_in(&mut self, name: &str, arguments: &[U256]) -> Result<Vec<U256>, Unknown> {
        let truth = |holds: bool| U256::from(u8::from(holds));
        let value = match (name, arguments) {
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
            ("shl", &[by, a]) => usize::try_from(by).map_or(U256::ZERO, |by| a << by),
            ("shr", &[by, a]) => usize::try_from(by).map_or(U256::ZERO, |by| a >> by),
            ("gas", &[]) => U256::MAX,
            ("calldataload", &[at]) => self.calldata_word(at),
            ("mload", &[at]) => self.word(at)?,
            ("keccak256", &[at, length]) => {
                let range = self.range(at, length)?;
                keccak256(&self.memory[range]).into()
            }
            ("staticcall", &[_, address, from, length, to, result]) => {
                self.precompile(address, (from, length), (to, result))?
            }
            ("pop", &[_]) => return Ok(vec![]),
            ("mstore", &[at, value]) => {
                self.write(at, &value.to_be_bytes::<32>())?;
                return Ok(vec![]);
            }
            ("mstore8", &[at, value]) => {
                self.write(at, &[value.byte(0)])?;
                return Ok(vec![]);
            }
            ("revert", &[_, _]) => {
                self.answer = Some(Answer::Reverted);
                return Ok(vec![]);
            }
            ("return", &[at, length]) => {
                let range = self.range(at, length)?;
                self.answer = Some(Answer::Returned(self.memory[range].to_vec()));
                return Ok(vec![]);
            }
            _ => return Err(Unknown::Call(name.to_owned())),
        };
        Ok(vec![value])
    }

    /// A precompile's answer: 1, unless it is the one that fails.
    fn precompile(
        &mut self,
        address: U256,
        (from, length): (U256, U256),
        (to, result): (U256, U256),
    ) -> Result<U256, Unknown> {
        let number = self.calls;
        self.calls += 1;
        if self.call.failing == Some(number) {
            return Ok(U256::ZERO);
        }
        let range = self.range(from, length)?;
        let input = self.memory[range].to_vec();
        let words: Vec<U256> = input.chunks_exact(32).map(U256::from_be_slice).collect();
        let answer = match (address.saturating_to::<u64>(), &words[..]) {
            (5, &[thirty_two, _, _, base, exponent, modulus]) if thirty_two == U256::from(32) => {
                vec![base.pow_mod(exponent, modulus)]
            }
            (6, &[x, y, other_x, other_y]) => {
                let mut sum = known_sum(&self.sums, (x, y));
                let other = known_sum(&self.sums, (other_x, other_y));
                add_scaled(&mut sum, &other, U256::ONE);
                self.coordinates(sum)
            }
            (7, &[x, y, scalar]) => {
                let mut sum = Sum::new();
                let point = known_sum(&self.sums, (x, y));
                add_scaled(&mut sum, &point, scalar % FIELD_MODULUS);
                self.coordinates(sum)
            }
            (8, words) if words.len() == 12 && self.pairing.is_none() => {
                self.pairing = Some(input);
                vec![U256::ONE]
            }
            _ => return Err(Unknown::Call(format!("staticcall to {address}"))),
        };
        let answer: Vec<u8> = answer.iter().flat_map(U256::to_be_bytes::<32>).collect();
        if result != U256::from(answer.len()) {
            return Err(Unknown::Call(format!("an answer of {address} in {result} bytes")));
        }
        self.write(to, &answer)?;
        Ok(U256::ONE)
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

    fn calldata_word(&self, at: U256) -> U256 {
        let at = at.saturating_to::<usize>();
        let mut word = [0; 32];
        let there = self.call.calldata.iter().skip(at);
        word.iter_mut().zip(there).for_each(|(to, from)| *to = *from);
        U256::from_be_bytes(word)
    }

    fn word(&mut self, at: U256) -> Result<U256, Unknown> {
        let range = self.range(at, U256::from(32))?;
        Ok(U256::from_be_slice(&self.memory[range]))
    }

    fn write(&mut self, at: U256, bytes: &[u8]) -> Result<(), Unknown> {
        let range = self.range(at, U256::from(bytes.len()))?;
        self.memory[range].copy_from_slice(bytes);
        Ok(())
    }

    /// A range of memory, which is there from now on.
    fn range(&mut self, at: U256, length: U256) -> Result<std::ops::Range<usize>, Unknown> {
        let end = at.saturating_add(length).saturating_to::<usize>();
        if end > MEMORY_LIMIT {
            return Err(Unknown::Limit("memory"));
        }
        if end > self.memory.len() {
            self.memory.resize(end.next_multiple_of(32), 0);
        }
        Ok(end - length.saturating_to::<usize>()..end)
    }
}

fn same_length(what: &str, expected: usize, found: usize) -> Result<(), Unknown> {
    if expected == found {
        Ok(())
    } else {
        Err(Unknown::Call(what.to_owned()))
    }
}
