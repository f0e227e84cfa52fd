//! An opening's source as one straight line: what its [`trace`](super::trace) says is computed, each thing once, without loops.
//!
//! The generator's loops over points, evaluations, instances and coefficients cost more gas than the arithmetic in them. The
//! line is longer than the loops: it is written for circuits of few instances. Like the rest of the rewriting, nothing here
//! is trusted: `agree` runs the result.
//!
//! Memory: what is hashed, and later the points that are added, from 0; numbers that are needed more than once from
//! [`FIRST_SLOT`]; the challenges where the verifier has them; behind them what is inverted; then further numbers.

use std::collections::HashMap;

use alloy_primitives::U256;

use super::OpeningError;
use super::agree::Part;
use super::machine::Run;
use super::source::Source;
use super::trace::{Group, Id, Step, Term, Trace};

/// The most instances of a circuit whose opening is one line: each adds about 150 bytes to the code, which has 24,576.
pub const MOST_INSTANCES: usize = 32;

/// Behind the places where points are added and multiplied.
const FIRST_SLOT: usize = 0x100;

/// How many challenges a verifier has.
const CHALLENGES: usize = 8;

/// Words behind the numbers that are inverted, besides one for each, that the inversion needs.
const INVERSION_WORDS: usize = 6;

/// Words that may stand on the stack above the variables while an expression is evaluated, so that the EVM still reaches these.
const DEPTH: usize = 9;

/// Words that are checked in one expression: calls are not nested without end.
const SCALARS_AT_A_TIME: usize = 16;

const WORD: usize = 0x20;

/// Where the parts of the calldata stand.
pub(super) struct Places<'a> {
    pub(super) layout: &'a [Part],
    pub(super) proof: usize,
    pub(super) proof_bytes: usize,
    pub(super) instances: usize,
}

/// The lines that take the place of everything after `let success := true`.
pub(super) fn lines(
    opening: &Source<'_>,
    run: &Run,
    places: &Places<'_>,
) -> Result<Vec<String>, OpeningError> {
    let challenges = opening.constant("CHALLENGE_MPTR")?.saturating_to::<usize>();
    let digest = opening.key_word("VK_DIGEST_MPTR")?;
    let mut lines = transcript(&run.trace, places, challenges, digest)?;
    let mut writer = Writer::new(&run.trace, challenges);
    writer.steps()?;
    lines.append(&mut writer.lines);
    Ok(lines)
}

/// Reads the proof and the instances, checks them, and computes the challenges.
fn transcript(
    trace: &Trace,
    places: &Places<'_>,
    challenges: usize,
    digest: U256,
) -> Result<Vec<String>, OpeningError> {
    if trace.hashes.len() != CHALLENGES {
        return Err(OpeningError::Missing("eight challenges"));
    }
    let mut points = Vec::new();
    let mut at = places.proof;
    for part in places.layout {
        if *part == Part::Point {
            points.push(at);
        }
        at += part.bytes();
    }
    let mut lines = vec![
        format!(
            "success := and(success, eq({:#x}, proof.length))",
            places.proof_bytes
        ),
        format!(
            "success := and(success, eq({:#x}, instances.length))",
            places.instances
        ),
        format!("mstore(0x00, {digest:#066x})"),
        "{".to_owned(),
        "    let at, end".to_owned(),
    ];
    let mut read = 0;
    for (index, hash) in trace.hashes.iter().enumerate() {
        let challenge = challenges + WORD * index;
        if hash.length % WORD != 0 {
            lines.push(format!("    at := squeeze_challenge_cont({challenge:#x}, r)"));
            continue;
        }
        let hashed = hash.words.iter().skip(1).map(|&id| match trace.terms[id] {
            Term::Word(at) => Ok(at),
            _ => Err(OpeningError::Missing("a transcript of what is in the calldata")),
        });
        let hashed = hashed.collect::<Result<Vec<usize>, _>>()?;
        let mut to = WORD;
        for run in hashed.chunk_by(|one, next| one + WORD == *next) {
            lines.push(copied(to, run[0], WORD * run.len()));
            let mut scalars = Vec::new();
            let mut words = run.iter().enumerate();
            while let Some((position, at)) = words.next() {
                if points.get(read) == Some(at) {
                    lines.push(on_curve(to + WORD * position));
                    read += 1;
                    words.next();
                } else {
                    scalars.push(*at);
                }
            }
            lines.extend(scalars.chunks(SCALARS_AT_A_TIME).map(in_field));
            to += WORD * run.len();
        }
        let length = hash.length;
        lines.push(format!(
            "    at, end := squeeze_challenge({challenge:#x}, {length:#x}, r)"
        ));
    }
    // What no challenge follows is checked all the same.
    for &at in &points[read..] {
        lines.extend([copied(WORD, at, Part::Point.bytes()), on_curve(WORD)]);
    }
    lines.push("}".to_owned());
    lines.extend(reverted());
    Ok(lines)
}

fn copied(to: usize, from: usize, length: usize) -> String {
    format!("    calldatacopy({to:#x}, {from:#x}, {length:#x})")
}

/// Checks words of the calldata; what is inside is evaluated first, so that the stack stays short.
fn in_field(words: &[usize]) -> String {
    let checked = words.iter().fold("success".to_owned(), |checked, at| {
        format!("and(lt(calldataload({at:#x}), r), {checked})")
    });
    format!("    success := {checked}")
}

fn on_curve(at: usize) -> String {
    format!("    success := check_ec_point(success, {at:#x}, q)")
}

fn reverted() -> Vec<String> {
    vec![
        "// Revert if anything fails".to_owned(),
        "if iszero(success) {".to_owned(),
        "    revert(0x00, 0x00)".to_owned(),
        "}".to_owned(),
    ]
}

/// The text of an expression, and how many words it takes on the stack.
struct Written {
    text: String,
    depth: usize,
}

/// Writes terms and steps.
struct Writer<'a> {
    trace: &'a Trace,
    lines: Vec<String>,
    challenges: usize,
    /// How often each term is read.
    uses: Vec<usize>,
    /// Where numbers and points stand that are read again.
    slots: HashMap<Id, usize>,
    next_slot: usize,
    /// The end of what is inverted, and of what that needs.
    after_inversion: usize,
    inverted: bool,
    /// The points that the places of steps hold.
    held: HashMap<usize, [Id; 2]>,
}

impl<'a> Writer<'a> {
    fn new(trace: &'a Trace, challenges: usize) -> Self {
        let mut writer = Self {
            trace,
            lines: Vec::new(),
            challenges,
            uses: vec![0; trace.terms.len()],
            slots: HashMap::new(),
            next_slot: FIRST_SLOT,
            after_inversion: 0,
            inverted: false,
            held: HashMap::new(),
        };
        let operands = trace.steps.iter().flat_map(|step| &step.operands);
        for &id in operands.chain(&trace.answer) {
            writer.count(id);
        }
        writer.after_inversion =
            writer.inversion_start() + WORD * (2 * writer.inverses().len() + INVERSION_WORDS);
        writer
    }

    /// Counts one more use of a term, and with the first one those of its parts.
    fn count(&mut self, id: Id) {
        let mut left = vec![id];
        while let Some(id) = left.pop() {
            self.uses[id] += 1;
            if self.uses[id] == 1 {
                match self.trace.terms[id] {
                    Term::Sum(a, b) | Term::Product(a, b) => left.extend([a, b]),
                    Term::Negative(a) | Term::Inverse(a) => left.push(a),
                    Term::Number(_) | Term::Word(_) | Term::Challenge(_) | Term::Coordinate(..) => {}
                }
            }
        }
    }

    /// Everything that is inverted, in the order of the run.
    fn inverses(&self) -> Vec<(Id, Id)> {
        let terms = self.trace.terms.iter().enumerate();
        let of = terms.filter_map(|(id, term)| match term {
            Term::Inverse(of) if self.uses[id] > 0 => Some((id, *of)),
            _ => None,
        });
        of.collect()
    }

    fn inversion_start(&self) -> usize {
        self.challenges + WORD * CHALLENGES
    }

    /// Writes all steps, and the answer.
    fn steps(&mut self) -> Result<(), OpeningError> {
        let trace = self.trace;
        let again = self.read_again();
        for (index, step) in trace.steps.iter().enumerate() {
            let place = step.place.saturating_to::<usize>();
            if self.held.get(&place).map(|held| &held[..]) != Some(&step.operands[..2]) {
                for (offset, &id) in [0, WORD].into_iter().zip(&step.operands) {
                    let word = self.written(id)?.text;
                    self.lines
                        .push(format!("mstore({:#04x}, {word})", place + offset));
                }
            }
            let of = of_place(place)?;
            let line = match step.group {
                Group::Multiple => {
                    let scalar = self.written(step.operands[2])?.text;
                    format!("success := ec_mul_{of}(success, {scalar})")
                }
                Group::Sum => {
                    let (x, y) = (
                        self.written(step.operands[2])?.text,
                        self.written(step.operands[3])?.text,
                    );
                    format!("success := ec_add_{of}(success, {x}, {y})")
                }
            };
            self.lines.push(line);
            let made = self.coordinates(index)?;
            self.held.insert(place, made);
            if again[index] {
                for (offset, id) in [0, WORD].into_iter().zip(made) {
                    let slot = self.slot(id);
                    self.lines
                        .push(format!("mstore({slot:#x}, mload({:#04x}))", place + offset));
                }
            }
        }
        self.answer()
    }

    /// Which steps' points are read when their place holds another.
    fn read_again(&self) -> Vec<bool> {
        let mut again = vec![false; self.trace.steps.len()];
        let mut held: HashMap<U256, usize> = HashMap::new();
        let is_held = |held: &HashMap<U256, usize>, step: usize| held.values().any(|&other| other == step);
        for (index, Step { place, operands, .. }) in self.trace.steps.iter().enumerate() {
            for &id in operands {
                if let Term::Coordinate(step, _) = self.trace.terms[id]
                    && !is_held(&held, step)
                {
                    again[step] = true;
                }
            }
            held.insert(*place, index);
        }
        for (position, &id) in self.trace.answer.iter().enumerate() {
            if let Term::Coordinate(step, coordinate) = self.trace.terms[id] {
                let in_place = held.get(&U256::ZERO) == Some(&step) && position == coordinate;
                again[step] |= !in_place;
            }
        }
        again
    }

    fn coordinates(&self, step: usize) -> Result<[Id; 2], OpeningError> {
        let found = |coordinate| {
            let is_it = |term: &Term| *term == Term::Coordinate(step, coordinate);
            self.trace.terms.iter().position(is_it)
        };
        match (found(0), found(1)) {
            (Some(x), Some(y)) => Ok([x, y]),
            _ => Err(OpeningError::Missing("a point")),
        }
    }

    /// Returns the answer, whose first words may stand where they belong.
    fn answer(&mut self) -> Result<(), OpeningError> {
        let answer = self.trace.answer.clone();
        let mut stored = Vec::new();
        for (position, &id) in answer.iter().enumerate() {
            let in_place = self
                .held
                .get(&0)
                .is_some_and(|held| held.get(position) == Some(&id));
            if !in_place {
                let word = self.written(id)?.text;
                stored.push(format!("mstore({:#04x}, {word})", WORD * position));
            }
        }
        self.lines.extend(reverted());
        self.lines.push("// What is left to check".to_owned());
        self.lines.append(&mut stored);
        self.lines
            .push(format!("return(0x00, {:#04x})", WORD * answer.len()));
        Ok(())
    }

    fn slot(&mut self, id: Id) -> usize {
        if self.next_slot == self.challenges {
            self.next_slot = self.after_inversion;
        }
        let slot = self.next_slot;
        self.next_slot += WORD;
        self.slots.insert(id, slot);
        slot
    }

    /// Stores a term's number, for whoever reads it next.
    fn stored(&mut self, id: Id, text: &str) -> Written {
        let slot = self.slot(id);
        self.lines.push(format!("mstore({slot:#x}, {text})"));
        loaded(slot)
    }

    /// The expression of a term, after lines for what is read more than once, or nested too deep.
    fn written(&mut self, id: Id) -> Result<Written, OpeningError> {
        if let Some(&slot) = self.slots.get(&id) {
            return Ok(loaded(slot));
        }
        let written = match self.trace.terms[id] {
            Term::Number(number) => return Ok(leaf(format!("{number:#x}"))),
            Term::Word(at) => return Ok(leaf(format!("calldataload({at:#x})"))),
            Term::Challenge(index) => return Ok(loaded(self.challenges + WORD * index)),
            Term::Coordinate(step, coordinate) => {
                let made = self.coordinates(step)?;
                let held = self.held.iter().find(|(_, held)| **held == made);
                let (&place, _) = held.ok_or(OpeningError::Missing("a point"))?;
                return Ok(loaded(place + WORD * coordinate));
            }
            Term::Inverse(_) if !self.inverted => {
                self.invert()?;
                return self.written(id);
            }
            Term::Inverse(_) => return Err(OpeningError::Missing("inverses of what has none in it")),
            Term::Negative(a) => {
                let a = self.written(a)?;
                Written {
                    text: format!("sub(r, {})", a.text),
                    depth: a.depth + 1,
                }
            }
            Term::Sum(a, b) => self.of_two("addmod", a, b)?,
            Term::Product(a, b) if a == b => return self.power_of_two(id),
            Term::Product(a, b) => self.of_two("mulmod", a, b)?,
        };
        Ok(if self.uses[id] > 1 || written.depth > DEPTH {
            self.stored(id, &written.text)
        } else {
            written
        })
    }

    /// The deeper operand is evaluated first, when fewer words are on the stack.
    fn of_two(&mut self, name: &str, a: Id, b: Id) -> Result<Written, OpeningError> {
        let (a, b) = (self.written(a)?, self.written(b)?);
        let (shallow, deep) = if a.depth > b.depth { (b, a) } else { (a, b) };
        Ok(Written {
            text: format!("{name}({}, {}, r)", shallow.text, deep.text),
            depth: (deep.depth + 1).max(shallow.depth + 2),
        })
    }

    /// A square, or a square of squares that nothing else reads.
    fn power_of_two(&mut self, id: Id) -> Result<Written, OpeningError> {
        let (mut base, mut squarings) = (id, 0);
        while let Term::Product(a, b) = self.trace.terms[base]
            && a == b
            && (base == id || self.uses[base] == 2)
        {
            base = a;
            squarings += 1;
        }
        let base = self.written(base)?.text;
        let slot = self.slot(id);
        self.lines
            .extend(["{".to_owned(), format!("    let power := {base}")]);
        self.lines
            .extend((0..squarings).map(|_| "    power := mulmod(power, power, r)".to_owned()));
        self.lines
            .extend([format!("    mstore({slot:#x}, power)"), "}".to_owned()]);
        Ok(loaded(slot))
    }

    /// Inverts everything that is inverted, together.
    fn invert(&mut self) -> Result<(), OpeningError> {
        self.inverted = true;
        let inverses = self.inverses();
        let start = self.inversion_start();
        let end = start + WORD * inverses.len();
        for (index, &(_, of)) in inverses.iter().enumerate() {
            let of = self.written(of)?.text;
            self.lines
                .push(format!("mstore({:#x}, {of})", start + WORD * index));
        }
        self.lines
            .push(format!("success := batch_invert(success, {start:#x}, {end:#x})"));
        let slots = inverses.into_iter().enumerate();
        self.slots
            .extend(slots.map(|(index, (id, _))| (id, start + WORD * index)));
        Ok(())
    }
}

fn leaf(text: String) -> Written {
    Written { text, depth: 1 }
}

fn loaded(slot: usize) -> Written {
    leaf(format!("mload({slot:#04x})"))
}

/// The functions of the generator know two places.
fn of_place(place: usize) -> Result<&'static str, OpeningError> {
    match place {
        0x00 => Ok("acc"),
        0x80 => Ok("tmp"),
        _ => Err(OpeningError::Missing("sums of points in their places")),
    }
}
