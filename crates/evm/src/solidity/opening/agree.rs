//! Holds an opening against the verifier that it was made of, by running both.

use alloy_primitives::{U256, keccak256, uint};
use evmbench_backend::FIELD_MODULUS;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::OpeningError;
use super::machine::{self, Answer, Call, Point, Program, Run, add_scaled};
use super::source::Source;
use super::yul::{Action, Statement};

/// How often both are run on random calls that the verifier takes.
const ROUNDS: usize = 2;

/// Of how many instances each is tried out of range; of more, some.
const INSTANCES_TRIED: usize = 16;

/// The field that coordinates of points are in.
const BASE_MODULUS: U256 =
    uint!(21888242871839275222246405745257275088696311157297823662689037894645226208583_U256);

/// The generator of the second group, as the precompile takes it.
const G2: [U256; 4] = [
    uint!(0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2_U256),
    uint!(0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed_U256),
    uint!(0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b_U256),
    uint!(0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa_U256),
];

/// The generator of the first group.
const G1: Point = (U256::ONE, uint!(2_U256));

/// Words that an opening returns: two points, zeta, first, eval.
const ANSWER_WORDS: usize = 7;

/// Refuses an opening that is not the verifier without its pairing.
pub(super) fn check(verifier: &Source<'_>, opening: &str) -> Result<(), OpeningError> {
    let made = Source::read(opening, "opening")?;
    let key = Source::read(opening, "key")?;
    let pair = Pair {
        verifier: program(verifier),
        opening: program(&made),
        key: key_words(&program(&key))?,
    };
    let (proof_bytes, instances) = verifier.shape()?;
    let layout = layout(verifier)?;
    if layout.iter().map(|part| part.bytes()).sum::<usize>() != proof_bytes {
        return Err(OpeningError::Missing("the layout of a proof"));
    }
    let mut random = ChaCha8Rng::from_seed(keccak256(verifier.text).0);
    let mut calls = 0;
    for _ in 0..ROUNDS {
        let calldata = calldata(&layout, instances, &mut random);
        let call = Call {
            calldata: &calldata,
            proof_bytes,
            instances,
            failing: None,
        };
        calls = pair.same_sums(call)?;
    }
    let calldata = calldata(&layout, instances, &mut random);
    let call = Call {
        calldata: &calldata,
        proof_bytes,
        instances,
        failing: None,
    };
    for failing in 0..calls {
        let failing = Some(failing);
        refused(
            &pair.opening,
            Call { failing, ..call },
            "a call of a precompile that fails",
        )?;
    }
    pair.refuse_wrong(call, &layout)
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
        failing: None,
    };
    let Answer::Returned(bytes) = machine::run(key, call)?.answer else {
        return Err(differs("it has no key"));
    };
    let words: Vec<U256> = bytes.chunks_exact(32).map(U256::from_be_slice).collect();
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
    verifier: Program<'a>,
    opening: Program<'a>,
    key: Vec<U256>,
}

impl Pair<'_> {
    /// Both ask the same of the pairing; says how often the opening calls a precompile.
    fn same_sums(&self, call: Call<'_>) -> Result<usize, OpeningError> {
        let original = machine::run(&self.verifier, call)?;
        let accepted = U256::ONE.to_be_bytes_vec();
        let (Answer::Returned(answer), Some(pairing)) = (&original.answer, &original.pairing) else {
            return Err(differs(
                "the verifier refuses a call before its pairing that it should not",
            ));
        };
        if *answer != accepted {
            return Err(differs("the verifier answers something else than 1"));
        }
        let asked: Vec<U256> = pairing.chunks_exact(32).map(U256::from_be_slice).collect();
        if asked[2..6] != G2 || asked[8..12] != self.key[..4] {
            return Err(differs("the pairing has other points of the second group"));
        }
        let made = machine::run(&self.opening, call)?;
        if made.pairing.is_some() {
            return Err(differs("it computes a pairing"));
        }
        let Answer::Returned(bytes) = &made.answer else {
            return Err(differs("it refuses what the verifier takes"));
        };
        let said: Vec<U256> = bytes.chunks_exact(32).map(U256::from_be_slice).collect();
        if bytes.len() != 32 * ANSWER_WORDS {
            return Err(differs("it answers with another number of words"));
        }
        if self.left_to_check(&made, &said) != original.sum((asked[0], asked[1])) {
            return Err(differs("its sum, with the key's points, is not the verifier's"));
        }
        if made.sum((said[2], said[3])) != original.sum((asked[6], asked[7])) {
            return Err(differs("the other point of the pairing is not the verifier's"));
        }
        Ok(made.calls)
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

    /// Both refuse what is out of range or has another length.
    fn refuse_wrong(&self, call: Call<'_>, layout: &[Part]) -> Result<(), OpeningError> {
        let proof = 0x64;
        let instances = proof + call.proof_bytes + 0x20;
        let mut wrong: Vec<(usize, U256)> = Vec::new();
        let mut at = proof;
        for part in layout {
            match part {
                Part::Point => {
                    let x = U256::from_be_slice(&call.calldata[at..at + 32]);
                    let y = U256::from_be_slice(&call.calldata[at + 32..at + 64]);
                    // A point that is not on the curve, and two names that no coordinate may have.
                    wrong.extend([
                        (at, x + U256::ONE),
                        (at, x + BASE_MODULUS),
                        (at + 32, y + BASE_MODULUS),
                    ]);
                }
                Part::Scalar => wrong.push((at, FIELD_MODULUS)),
            }
            at += part.bytes();
        }
        let step = call.instances.div_ceil(INSTANCES_TRIED).max(1);
        let tried = (0..call.instances)
            .step_by(step)
            .chain(call.instances.checked_sub(1));
        wrong.extend(tried.map(|index| (instances + 32 * index, FIELD_MODULUS)));
        for (at, word) in wrong {
            let mut calldata = call.calldata.to_vec();
            calldata[at..at + 32].copy_from_slice(&word.to_be_bytes::<32>());
            let calldata = &calldata;
            self.both_refuse(Call { calldata, ..call }, "a word that is out of range")?;
        }
        for (proof_bytes, instances) in [
            (call.proof_bytes + 0x20, call.instances),
            (call.proof_bytes - 0x20, call.instances),
            (call.proof_bytes, call.instances + 1),
            (call.proof_bytes, call.instances.wrapping_sub(1)),
        ] {
            let other = Call {
                proof_bytes,
                instances,
                ..call
            };
            self.both_refuse(other, "another length")?;
        }
        Ok(())
    }

    fn both_refuse(&self, call: Call<'_>, what: &str) -> Result<(), OpeningError> {
        refused(&self.verifier, call, what)?;
        refused(&self.opening, call, what)
    }
}

fn refused(program: &Program<'_>, call: Call<'_>, what: &str) -> Result<(), OpeningError> {
    match machine::run(program, call)?.answer {
        Answer::Reverted => Ok(()),
        Answer::Returned(_) => Err(OpeningError::Differs(format!("{what} is not refused"))),
    }
}

/// What a proof is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Point,
    Scalar,
}

impl Part {
    fn bytes(self) -> usize {
        match self {
            Self::Point => 64,
            Self::Scalar => 32,
        }
    }
}

/// What a proof is made of, in the order in which the verifier reads it.
fn layout(verifier: &Source<'_>) -> Result<Vec<Part>, OpeningError> {
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
fn calldata(layout: &[Part], instances: usize, random: &mut ChaCha8Rng) -> Vec<u8> {
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

/// A random point of the curve y² = x³ + 3. A root of a square is its power to (q + 1) / 4, as q is 3 modulo 4.
fn point(random: &mut ChaCha8Rng) -> Point {
    let exponent = (BASE_MODULUS + U256::ONE) >> 2;
    loop {
        let x = number(random, BASE_MODULUS);
        let cube = x.mul_mod(x, BASE_MODULUS).mul_mod(x, BASE_MODULUS);
        let square = cube.add_mod(U256::from(3), BASE_MODULUS);
        let y = square.pow_mod(exponent, BASE_MODULUS);
        if y.mul_mod(y, BASE_MODULUS) == square {
            return (x, y);
        }
    }
}
