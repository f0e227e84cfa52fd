//! How a run of a verifier's assembly computes what it returns: terms over the calldata and the challenges, without loops, memory
//! and variables.
//!
//! Equal terms are one. What is nothing (a sum with 0, a product with 1 or of a number and its inverse) is left out, and what both
//! parts of a sum are multiplied with is multiplied once. A term says what is computed, not when: only hashes and sums of points
//! have an order.

use std::collections::HashMap;

use alloy_primitives::U256;
use evmbench_backend::FIELD_MODULUS;

/// A term, by its index.
pub(super) type Id = usize;

/// A number of the field, or a coordinate of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Term {
    /// It depends on nothing.
    Number(U256),
    /// The word of the calldata at this place, in bytes.
    Word(usize),
    /// A hash modulo the field's order, by its index.
    Challenge(usize),
    Sum(Id, Id),
    Product(Id, Id),
    Negative(Id),
    Inverse(Id),
    /// A coordinate of the point that a step makes: x is 0, y is 1.
    Coordinate(usize, usize),
}

/// A hash: what stands before the end of its input, and how long that is in bytes.
#[derive(Debug, Clone)]
pub(super) struct Hash {
    pub(super) words: Vec<Id>,
    pub(super) length: usize,
}

/// What a precompile computes with points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Sum,
    Multiple,
}

impl Group {
    /// By the precompile's address.
    pub(super) fn of(address: U256) -> Option<Self> {
        match address.saturating_to::<u64>() {
            6 => Some(Self::Sum),
            7 => Some(Self::Multiple),
            _ => None,
        }
    }
}

/// One sum or multiple of points.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) group: Group,
    /// Where the first operand stands, and the result.
    pub(super) place: U256,
    /// The words of the input.
    pub(super) operands: Vec<Id>,
}

/// What a run computed.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) terms: Vec<Term>,
    pub(super) hashes: Vec<Hash>,
    pub(super) steps: Vec<Step>,
    /// The words that it returned.
    pub(super) answer: Vec<Id>,
    known: HashMap<Term, Id>,
}

impl Trace {
    pub(super) fn id(&mut self, term: Term) -> Id {
        let next = self.terms.len();
        let id = *self.known.entry(term).or_insert(next);
        if id == next {
            self.terms.push(term);
        }
        id
    }

    pub(super) fn sum(&mut self, a: Id, b: Id) -> Id {
        match (self.number(a), self.number(b)) {
            (Some(a), Some(b)) => self.id(Term::Number(a.add_mod(b, FIELD_MODULUS))),
            (Some(U256::ZERO), None) => b,
            (None, Some(U256::ZERO)) => a,
            _ => match self.common_factor(a, b) {
                Some(factor) => {
                    let (a, b) = (self.without(a, factor), self.without(b, factor));
                    let sum = self.sum(a, b);
                    self.product(factor, sum)
                }
                None => self.id(Term::Sum(a.min(b), a.max(b))),
            },
        }
    }

    /// What a term is a product of.
    fn factors(&self, id: Id) -> Vec<Id> {
        let mut factors = Vec::new();
        let mut left = vec![id];
        while let Some(id) = left.pop() {
            match self.terms[id] {
                Term::Product(a, b) if a != b => left.extend([b, a]),
                _ => factors.push(id),
            }
        }
        factors
    }

    fn common_factor(&self, a: Id, b: Id) -> Option<Id> {
        let others = self.factors(b);
        let shared = |factor: &Id| others.contains(factor) && self.number(*factor).is_none();
        self.factors(a).into_iter().find(shared)
    }

    /// A term without one of its factors.
    fn without(&mut self, id: Id, factor: Id) -> Id {
        let mut factors = self.factors(id);
        if let Some(position) = factors.iter().position(|&other| other == factor) {
            factors.remove(position);
        }
        let one = self.id(Term::Number(U256::ONE));
        factors
            .into_iter()
            .fold(one, |product, factor| self.product(product, factor))
    }

    pub(super) fn product(&mut self, a: Id, b: Id) -> Id {
        match (self.number(a), self.number(b)) {
            (Some(a), Some(b)) => self.id(Term::Number(a.mul_mod(b, FIELD_MODULUS))),
            (Some(U256::ZERO), None) | (None, Some(U256::ONE)) => a,
            (None, Some(U256::ZERO)) | (Some(U256::ONE), None) => b,
            _ => match (self.inverse_among(a, b), self.inverse_among(b, a)) {
                (Some(inverse), _) => self.without(a, inverse),
                (None, Some(inverse)) => self.without(b, inverse),
                (None, None) => self.id(Term::Product(a.min(b), a.max(b))),
            },
        }
    }

    /// The inverse of a term among the factors of a product.
    fn inverse_among(&self, product: Id, of: Id) -> Option<Id> {
        let inverse = *self.known.get(&Term::Inverse(of))?;
        self.factors(product).contains(&inverse).then_some(inverse)
    }

    pub(super) fn negative(&mut self, a: Id) -> Id {
        match self.terms[a] {
            Term::Number(a) => {
                let negative = (FIELD_MODULUS - a % FIELD_MODULUS) % FIELD_MODULUS;
                self.id(Term::Number(negative))
            }
            Term::Negative(positive) => positive,
            _ => self.id(Term::Negative(a)),
        }
    }

    pub(super) fn inverse(&mut self, a: Id) -> Id {
        self.id(Term::Inverse(a))
    }

    pub(super) fn hash(&mut self, words: Vec<Id>, length: usize) -> Id {
        self.hashes.push(Hash { words, length });
        self.id(Term::Challenge(self.hashes.len() - 1))
    }

    /// Notes a step, and returns the coordinates of its point.
    pub(super) fn step(&mut self, group: Group, place: U256, operands: Vec<Id>) -> [Id; 2] {
        let step = self.steps.len();
        self.steps.push(Step {
            group,
            place,
            operands,
        });
        [0, 1].map(|coordinate| self.id(Term::Coordinate(step, coordinate)))
    }

    fn number(&self, id: Id) -> Option<U256> {
        match self.terms[id] {
            Term::Number(number) => Some(number),
            _ => None,
        }
    }
}
