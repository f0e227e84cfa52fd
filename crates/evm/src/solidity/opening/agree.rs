//! Holds an opening against the verifier that it was made of, by running both.

use std::collections::BTreeSet;

use alloy_primitives::{U256, keccak256, uint};
use evmbench_backend::FIELD_MODULUS;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::machine::{self, Answer, Call, Fact, Point, Program, Run, add_scaled};
use super::source::{Form, Source};
use super::yul::{Action, Statement};
use super::{BASE_MODULUS, OpeningError, denominators};

/// How often both are run on random calls that the verifier takes.
const ROUNDS: usize = 2;

/// The generator of the second group, as the precompile takes it.
const G2: [U256; 4] = [
    uint!(0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2_U256),
    uint!(0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed_U256),
    uint!(0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b_U256),
    uint!(0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa_U256),
];

/// The generator of the first group.
const G1: Point = (U256::ONE, uint!(2_U256));

/// Where a proof stands in canonical calldata.
pub(super) const PROOF: usize = 0x64;

/// Words that an opening returns: two points, zeta, first, eval.
const ANSWER_WORDS: usize = 7;

/// Refuses an opening that is not the verifier without its pairing.
pub(super) fn check(verifier: &Source<'_>, opening: &str) -> Result<(), OpeningError> {
    let made = Source::read(opening, Form::Opening)?;
    let pair = Pair {
        source: verifier,
        verifier: program(verifier),
        opening: program(&made),
        key: key_words(&Program {
            constants: &made.constants,
            assembly: &made.key,
        })?,
        layout: layout(verifier)?,
    };
    let (proof_bytes, instances) = verifier.shape()?;
    if pair.layout.iter().map(|part| part.bytes()).sum::<usize>() != proof_bytes {
        return Err(OpeningError::Missing("the layout of a proof"));
    }
    let mut random = ChaCha8Rng::from_seed(keccak256(verifier.text).0);
    for _ in 0..ROUNDS {
        let calldata = calldata(&pair.layout, instances, &mut random);
        pair.compare(Call {
            calldata: &calldata,
            proof_bytes,
            instances,
        })?;
    }
    Ok(())
}

fn program<'a>(source: &'a Source<'_>) -> Program<'a> {
    Program {
        constants: &source.constants,
        assembly: &source.assembly,
    }
}

/// What the opening says of its key.
fn key_words(key: &Program<'_>) -> Result<Vec<U256>, OpeningError> {
    let call = Call {
        calldata: &[],
        proof_bytes: 0,
        instances: 0,
    };
    let Answer::Returned(words) = machine::run(key, call)?.answer else {
        return Err(differs("it has no key"));
    };
    match &words[..] {
        [offset, length, key @ ..]
            if *offset == U256::from(32)
                && *length == U256::from(key.len())
                && key.len() >= 4
                && (key.len() - 4) % 12 == 0 =>
        {
            Ok(key.to_vec())
        }
        _ => Err(differs("its key has another form")),
    }
}

fn differs(how: &str) -> OpeningError {
    OpeningError::Differs(how.to_owned())
}

/// A verifier and what is to be its opening.
struct Pair<'a> {
    source: &'a Source<'a>,
    verifier: Program<'a>,
    opening: Program<'a>,
    key: Vec<U256>,
    layout: Vec<Part>,
}

impl Pair<'_> {
    /// Both ask the same of the pairing, and refuse the same before it.
    fn compare(&self, call: Call<'_>) -> Result<(), OpeningError> {
        let original = machine::run(&self.verifier, call)?;
        let (Answer::Returned(answer), Some(asked)) = (&original.answer, &original.pairing) else {
            return Err(differs(
                "the verifier refuses a call before its pairing that it should not",
            ));
        };
        if answer[..] != [U256::ONE] {
            return Err(differs("the verifier answers something else than 1"));
        }
        if asked[2..6] != G2 || asked[8..12] != self.key[..4] {
            return Err(differs("the pairing has other points of the second group"));
        }
        let made = machine::run(&self.opening, call)?;
        if made.pairing.is_some() {
            return Err(differs("it computes a pairing"));
        }
        let Answer::Returned(said) = &made.answer else {
            return Err(differs("it refuses what the verifier takes"));
        };
        if said.len() != ANSWER_WORDS {
            return Err(differs("it answers with another number of words"));
        }
        if self.left_to_check(&made, said) != original.sum((asked[0], asked[1])) {
            return Err(differs("its sum, with the key's points, is not the verifier's"));
        }
        if made.sum((said[2], said[3])) != original.sum((asked[6], asked[7])) {
            return Err(differs("the other point of the pairing is not the verifier's"));
        }
        denominators::check(&original, self.source)?;
        denominators::check(&made, self.source)?;
        self.compare_facts(&original, &made, call)
    }

    /// Both revert for each word that is out of range, for other lengths, and for each call of a precompile that fails; and
    /// the opening for whatever the verifier does but the pairing.
    fn compare_facts(&self, original: &Run, made: &Run, call: Call<'_>) -> Result<(), OpeningError> {
        let mut expected = in_range(call, &self.layout);
        let called = |run: &Run| (0..run.calls).map(Fact::Called).collect::<BTreeSet<Fact>>();
        let of_opening = |fact: &&Fact| !matches!(fact, Fact::Called(_) | Fact::Paired);
        let asked_by_verifier = original.facts.iter().filter(of_opening).copied();
        let all = called(made).is_subset(&made.facts)
            && expected.is_subset(&made.facts)
            && asked_by_verifier.clone().all(|fact| made.facts.contains(&fact));
        if !all {
            return Err(differs("it takes a call that it should refuse"));
        }
        expected.extend(called(original));
        expected.insert(Fact::Paired);
        if !expected.is_subset(&original.facts) {
            return Err(differs("the verifier takes a call that it should refuse"));
        }
        Ok(())
    }

    /// The sum that follows from the opening's words, as `IBatchOpening` says.
    fn left_to_check(&self, made: &Run, said: &[U256]) -> machine::Sum {
        let mut sum = made.sum((said[0], said[1]));
        let (zeta, mut scalar, eval) = (said[4], said[5], said[6]);
        for point in self.key[4..].chunks_exact(3) {
            add_scaled(&mut sum, &made.sum((point[0], point[1])), scalar);
            scalar = scalar.mul_mod(zeta, FIELD_MODULUS);
        }
        let minus = (FIELD_MODULUS - eval % FIELD_MODULUS) % FIELD_MODULUS;
        add_scaled(&mut sum, &made.sum(G1), minus);
        sum
    }
}

/// What must hold for the words of a call and its lengths, whatever the circuit.
fn in_range(call: Call<'_>, layout: &[Part]) -> BTreeSet<Fact> {
    let length = |length: usize| Fact::Equal(U256::from(length), U256::from(length));
    let mut facts = BTreeSet::from([length(call.proof_bytes), length(call.instances)]);
    let word = |at: usize| U256::from_be_slice(&call.calldata[at..at + 32]);
    let mut at = PROOF;
    for part in layout {
        match part {
            Part::Point => {
                let (x, y) = (word(at), word(at + 32));
                facts.extend([
                    Fact::Below(x, BASE_MODULUS),
                    Fact::Below(y, BASE_MODULUS),
                    Fact::Equal(y.mul_mod(y, BASE_MODULUS), right_side(x)),
                ]);
            }
            Part::Scalar => {
                facts.insert(Fact::Below(word(at), FIELD_MODULUS));
            }
        }
        at += part.bytes();
    }
    let first = at + 32;
    facts.extend((0..call.instances).map(|index| Fact::Below(word(first + 32 * index), FIELD_MODULUS)));
    facts
}

/// What a proof is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Point,
    Scalar,
}

impl Part {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Point => 64,
            Self::Scalar => 32,
        }
    }
}

/// What a proof is made of, in the order in which the verifier reads it.
pub(super) fn layout(verifier: &Source<'_>) -> Result<Vec<Part>, OpeningError> {
    let index = verifier.block_with("the place where a proof is read", reads_point)?;
    let mut layout = Vec::new();
    for statement in verifier.assembly[index].block().unwrap_or_default() {
        if reads_point(statement) {
            layout.push(Part::Point);
        }
        let Action::For { first, body, .. } = &statement.action else {
            continue;
        };
        // The loop runs to the end of so many bytes of the proof; that over the instances has another bound.
        let bytes = first.iter().find_map(|statement| match &statement.action {
            Action::Let(_, Some(end)) => match end.arguments_of("add")? {
                [start, bytes] if start.is_name("proof_cptr") => bytes.number(),
                _ => None,
            },
            _ => None,
        });
        let Some(bytes) = bytes else { continue };
        let part = if body.iter().any(reads_point) {
            Part::Point
        } else {
            Part::Scalar
        };
        let count = bytes.saturating_to::<usize>() / part.bytes();
        layout.extend(std::iter::repeat_n(part, count));
    }
    Ok(layout)
}

/// Whether a point of the proof is read here.
fn reads_point(statement: &Statement) -> bool {
    matches!(&statement.action, Action::Assign(_, value) if value.arguments_of("read_ec_point").is_some())
}

/// The canonical calldata of a proof of random points and scalars, and of random instances.
pub(super) fn calldata(layout: &[Part], instances: usize, random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut proof = Vec::new();
    for part in layout {
        match part {
            Part::Point => {
                let (x, y) = point(random);
                proof.extend([x, y]);
            }
            Part::Scalar => proof.push(number(random, FIELD_MODULUS)),
        }
    }
    let length = U256::from(32 * proof.len());
    let mut words = vec![U256::from(0x40), length + U256::from(0x60), length];
    words.extend(proof);
    words.push(U256::from(instances));
    words.extend((0..instances).map(|_| number(random, FIELD_MODULUS)));
    let mut calldata = vec![0; 4];
    calldata.extend(words.iter().flat_map(U256::to_be_bytes::<32>));
    calldata
}

/// A random number below a modulus.
fn number(random: &mut ChaCha8Rng, modulus: U256) -> U256 {
    let mut bytes = [0; 32];
    random.fill_bytes(&mut bytes);
    U256::from_be_bytes(bytes) % modulus
}

/// x³ + 3.
fn right_side(x: U256) -> U256 {
    let cube = x.mul_mod(x, BASE_MODULUS).mul_mod(x, BASE_MODULUS);
    cube.add_mod(U256::from(3), BASE_MODULUS)
}

/// A random point of the curve y² = x³ + 3. A root of a square is its power to (q + 1) / 4, as q is 3 modulo 4.
fn point(random: &mut ChaCha8Rng) -> Point {
    let exponent = (BASE_MODULUS + U256::ONE) >> 2;
    loop {
        let x = number(random, BASE_MODULUS);
        let square = right_side(x);
        let y = square.pow_mod(exponent, BASE_MODULUS);
        if y.mul_mod(y, BASE_MODULUS) == square {
            return (x, y);
        }
    }
}
