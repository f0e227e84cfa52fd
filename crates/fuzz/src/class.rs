//! The classes of mutations, and what is drawn of each.
//!
//! Goes in: a class, a seed, a number of a case, and the statement that is mutated. Comes out: the mutation, which follows
//! from these and nothing else, so that every case can be made again without those before it.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use alloy_primitives::{Bytes, U256};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use evmbench_evm::chain::calldata::FIELD_MODULUS;
use evmbench_ezkl::{BASE_MODULUS, POINT_WORDS, Point, ProofSection};

use super::curve;
use super::mutation::{Mutation, Part, WORD_BITS};
use super::subject::Subject;

/// Why a statement is wrong after the mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A bit of a commitment to an advice column is flipped.
    AdviceBitFlipped,
    /// A bit of a commitment to a lookup's multiplicities is flipped.
    LookupBitFlipped,
    /// A bit of a commitment to a product is flipped.
    ProductBitFlipped,
    /// A bit of a commitment to the quotient is flipped.
    QuotientBitFlipped,
    /// A bit of an evaluation is flipped.
    EvaluationBitFlipped,
    /// A bit of the opening is flipped.
    OpeningBitFlipped,
    /// A bit of an instance is flipped.
    InstanceBitFlipped,
    /// Points are replaced by field elements that are no point of the curve.
    PointOffCurve,
    /// Points are replaced by what the precompiles take for infinity.
    PointAtInfinity,
    /// Points are replaced by their negatives.
    PointNegated,
    /// The two coordinates of points change places.
    CoordinatesSwapped,
    /// The base field's modulus is added to coordinates of points, which leaves the points that they stand for.
    CoordinateBeyondField,
    /// Points are replaced by others on the curve: the generator, images under the endomorphism, any.
    PointReplaced,
    /// Two points change places, or one is copied over another.
    PointsExchanged,
    /// Evaluations are replaced by other field elements.
    EvaluationChanged,
    /// Evaluations are replaced by numbers at and above the scalar field's modulus, among them such as stand for the same
    /// field element.
    EvaluationBeyondField,
    /// Two evaluations change places, or one is copied over another.
    EvaluationsExchanged,
    /// Instances are replaced by other field elements.
    InstanceChanged,
    /// Instances are replaced by numbers at and above the scalar field's modulus, among them such as stand for the same
    /// field element.
    InstanceBeyondField,
    /// Instances change places.
    InstancesPermuted,
    /// Instances are copied over others.
    InstancesRepeated,
    /// The proof is shorter, longer or empty.
    ProofLength,
    /// There are fewer instances, more or none.
    InstancesLength,
    /// Words of the proof are copied over others of it.
    OwnWordsRepeated,
    /// Parts of another accepted proof, or its instances, take the place of the own.
    AnotherProofSpliced,
    /// Several mutations, of proof and instances together, of the classes that leave both well formed.
    Several,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 26] = [
        Self::AdviceBitFlipped,
        Self::LookupBitFlipped,
        Self::ProductBitFlipped,
        Self::QuotientBitFlipped,
        Self::EvaluationBitFlipped,
        Self::OpeningBitFlipped,
        Self::InstanceBitFlipped,
        Self::PointOffCurve,
        Self::PointAtInfinity,
        Self::PointNegated,
        Self::CoordinatesSwapped,
        Self::CoordinateBeyondField,
        Self::PointReplaced,
        Self::PointsExchanged,
        Self::EvaluationChanged,
        Self::EvaluationBeyondField,
        Self::EvaluationsExchanged,
        Self::InstanceChanged,
        Self::InstanceBeyondField,
        Self::InstancesPermuted,
        Self::InstancesRepeated,
        Self::ProofLength,
        Self::InstancesLength,
        Self::OwnWordsRepeated,
        Self::AnotherProofSpliced,
        Self::Several,
    ];

    /// The classes that [`Class::Several`] draws from: those that leave a proof well formed, so that it is computed with.
    const COMBINED: [Self; 9] = [
        Self::EvaluationBitFlipped,
        Self::PointNegated,
        Self::PointReplaced,
        Self::PointsExchanged,
        Self::EvaluationChanged,
        Self::EvaluationsExchanged,
        Self::InstanceChanged,
        Self::InstancesPermuted,
        Self::InstancesRepeated,
    ];

    /// The name on the command line and in JSON.
    ///
    /// # Panics
    /// Never: a class serialises as a string.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).expect("a class is plain data");
        name.as_str().expect("a unit variant is a string").to_owned()
    }

    /// Whether the statement has what the class changes: there are circuits without lookups and without instances, and a
    /// campaign on one record has no other proof.
    pub fn is_possible(self, subject: &Subject) -> bool {
        let instances = subject.statement.instances.len();
        match self {
            Self::LookupBitFlipped => !subject.layout.words(ProofSection::Lookups).is_empty(),
            Self::InstanceBitFlipped | Self::InstanceChanged | Self::InstanceBeyondField => instances > 0,
            Self::InstancesPermuted | Self::InstancesRepeated => instances > 1,
            Self::AnotherProofSpliced => !subject.donors.is_empty(),
            _ => true,
        }
    }

    /// The mutation of a case; the class must be possible.
    pub fn draw(self, subject: &Subject, seed: u64, index: u64) -> Mutation {
        Draw::new(self, subject, seed, index).mutation(self)
    }
}

/// A name that no class has.
#[derive(Debug, thiserror::Error)]
#[error("no such class; the classes are {}", Class::ALL.map(Class::name).join(", "))]
pub struct UnknownClass;

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        let named = |class: &Self| class.name() == text;
        Self::ALL.into_iter().find(named).ok_or(UnknownClass)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AdviceBitFlipped => "bit flipped in an advice commitment",
            Self::LookupBitFlipped => "bit flipped in a lookup commitment",
            Self::ProductBitFlipped => "bit flipped in a product commitment",
            Self::QuotientBitFlipped => "bit flipped in a quotient commitment",
            Self::EvaluationBitFlipped => "bit flipped in an evaluation",
            Self::OpeningBitFlipped => "bit flipped in the opening",
            Self::InstanceBitFlipped => "bit flipped in an instance",
            Self::PointOffCurve => "points off the curve",
            Self::PointAtInfinity => "points at infinity",
            Self::PointNegated => "points negated",
            Self::CoordinatesSwapped => "coordinates swapped",
            Self::CoordinateBeyondField => "coordinates plus modulus",
            Self::PointReplaced => "other points of the curve",
            Self::PointsExchanged => "points exchanged",
            Self::EvaluationChanged => "evaluations changed",
            Self::EvaluationBeyondField => "evaluations beyond the field",
            Self::EvaluationsExchanged => "evaluations exchanged",
            Self::InstanceChanged => "instances changed",
            Self::InstanceBeyondField => "instances beyond the field",
            Self::InstancesPermuted => "instances permuted",
            Self::InstancesRepeated => "instances repeated",
            Self::ProofLength => "length of the proof",
            Self::InstancesLength => "number of instances",
            Self::OwnWordsRepeated => "own words repeated",
            Self::AnotherProofSpliced => "parts of another proof",
            Self::Several => "several at once",
        })
    }
}

/// Words of the random stream that one case may take.
const STREAM_WORDS: u128 = 1 << 20;

/// A prime near 2^32 over the golden ratio (Knuth's multiplier): a walk in such steps jumps about, and visits all of fewer
/// places before any comes again.
const STEP: u64 = 2_654_435_761;

/// More words than this are not appended at once: calldata has a price, and running out of gas tells nothing.
const MOST_WORDS_APPENDED: usize = 64;

/// The random choices of one case.
struct Draw<'a> {
    subject: &'a Subject,
    random: ChaCha8Rng,
    index: u64,
    /// Where the walk over places begins, the same for every case of a class.
    offset: u64,
}

impl<'a> Draw<'a> {
    fn new(class: Class, subject: &'a Subject, seed: u64, index: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // A stream for each class and a stretch of it for each case: neither moves the others.
        random.set_stream(class as u64);
        let offset = u64::from(random.next_u32());
        random.set_word_pos((u128::from(index) + 1) * STREAM_WORDS);
        Self {
            subject,
            random,
            index,
            offset,
        }
    }

    fn mutation(&mut self, class: Class) -> Mutation {
        match class {
            Class::AdviceBitFlipped => self.flip_in(ProofSection::Advice),
            Class::LookupBitFlipped => self.flip_in(ProofSection::Lookups),
            Class::ProductBitFlipped => self.flip_in(ProofSection::Products),
            Class::QuotientBitFlipped => self.flip_in(ProofSection::Quotient),
            Class::EvaluationBitFlipped => self.flip_in(ProofSection::Evaluations),
            Class::OpeningBitFlipped => self.flip_in(ProofSection::Opening),
            Class::InstanceBitFlipped => self.flip(Part::Instances, 0..self.instances().len()),
            Class::PointOffCurve => self.points(Self::off_curve),
            Class::PointAtInfinity => self.points(|_, _| curve::INFINITY),
            Class::PointNegated => self.points(|_, point| curve::negated(point)),
            Class::CoordinatesSwapped => self.points(|_, [x, y]| [y, x]),
            Class::CoordinateBeyondField => self.points(Self::beyond_base_field),
            Class::PointReplaced => self.points(Self::other_point),
            Class::PointsExchanged => {
                let places = self.subject.points.clone();
                self.exchanged(Part::Proof, &places, POINT_WORDS)
            }
            Class::EvaluationChanged => self.scalars(Part::Proof, Self::other_scalar),
            Class::EvaluationBeyondField => self.scalars(Part::Proof, Self::beyond_scalar_field),
            Class::EvaluationsExchanged => {
                let places: Vec<_> = self.section(ProofSection::Evaluations).collect();
                self.exchanged(Part::Proof, &places, 1)
            }
            Class::InstanceChanged => self.scalars(Part::Instances, Self::other_scalar),
            Class::InstanceBeyondField => self.scalars(Part::Instances, Self::beyond_scalar_field),
            Class::InstancesPermuted => self.permuted(),
            Class::InstancesRepeated => self.repeated(Part::Instances, self.instances().len()),
            Class::ProofLength => self.proof_length(),
            Class::InstancesLength => self.instances_length(),
            Class::OwnWordsRepeated => self.repeated(Part::Proof, self.subject.words.len()),
            Class::AnotherProofSpliced => self.spliced(),
            Class::Several => self.several(),
        }
    }

    fn instances(&self) -> &'a [U256] {
        &self.subject.statement.instances
    }

    fn section(&self, section: ProofSection) -> Range<usize> {
        self.subject.layout.words(section)
    }

    /// A number below `bound`, which is above 0; the bias is below 2^-32 for every bound that occurs here.
    fn below(&mut self, bound: usize) -> usize {
        (self.random.next_u64() % bound as u64) as usize
    }

    /// Any 256 bits.
    fn word(&mut self) -> U256 {
        U256::from_limbs(std::array::from_fn(|_| self.random.next_u64()))
    }

    /// This case's step of a walk that visits every one of `places` before any comes again.
    fn place(&self, places: usize) -> usize {
        let steps = u128::from(self.index) * u128::from(STEP) + u128::from(self.offset);
        (steps % places as u128) as usize
    }

    /// This case's step of a walk over all pairs of different places, of which there are at least two.
    fn pair(&self, places: usize) -> [usize; 2] {
        let pair = self.place(places * (places - 1));
        let (first, distance) = (pair / (places - 1), 1 + pair % (places - 1));
        [first, (first + distance) % places]
    }

    fn flip_in(&mut self, section: ProofSection) -> Mutation {
        self.flip(Part::Proof, self.section(section))
    }

    fn flip(&mut self, part: Part, words: Range<usize>) -> Mutation {
        let place = self.place(words.len() * WORD_BITS);
        Mutation::BitFlipped {
            part,
            word: words.start + place / WORD_BITS,
            bit: (place % WORD_BITS) as u8,
        }
    }

    /// One place in every second case, several in the others: there are few places, and many sets of them.
    fn places(&mut self, places: &[usize]) -> Vec<usize> {
        let first = self.place(places.len());
        let others = if self.below(2) == 0 {
            0
        } else {
            1 + self.below(places.len().min(MOST_WORDS_APPENDED))
        };
        let mut chosen: Vec<_> = (0..others).map(|_| self.below(places.len())).collect();
        chosen.push(first);
        chosen.sort_unstable();
        chosen.dedup();
        chosen.into_iter().map(|place| places[place]).collect()
    }

    /// Points replaced by what `replace` makes of each.
    fn points(&mut self, replace: impl Fn(&mut Self, Point) -> Point) -> Mutation {
        let points = self.places(&self.subject.points);
        let sets = points.into_iter().map(|word| {
            let point = replace(self, self.subject.point(word));
            Mutation::WordsSet {
                part: Part::Proof,
                word,
                values: point.to_vec(),
            }
        });
        one_or_several(sets.collect())
    }

    fn off_curve(&mut self, [x, y]: Point) -> Point {
        let mut point = match self.below(4) {
            0 => [x.add_mod(U256::ONE, BASE_MODULUS), y],
            1 => [x, y.add_mod(U256::ONE, BASE_MODULUS)],
            2 => [U256::ZERO, U256::ONE],
            _ => [
                self.word().reduce_mod(BASE_MODULUS),
                self.word().reduce_mod(BASE_MODULUS),
            ],
        };
        while curve::is_on_curve(point) {
            point[1] = point[1].add_mod(U256::ONE, BASE_MODULUS);
        }
        point
    }

    fn beyond_base_field(&mut self, [x, y]: Point) -> Point {
        match self.below(3) {
            0 => [self.plus_multiple(x, BASE_MODULUS), y],
            1 => [x, self.plus_multiple(y, BASE_MODULUS)],
            _ => [
                self.plus_multiple(x, BASE_MODULUS),
                self.plus_multiple(y, BASE_MODULUS),
            ],
        }
    }

    fn other_point(&mut self, point: Point) -> Point {
        match self.below(6) {
            0 => curve::GENERATOR,
            1 => curve::negated(curve::GENERATOR),
            2 => curve::endomorphic(point),
            3 => curve::negated(curve::endomorphic(point)),
            4 => curve::point_from(point[0].wrapping_add(U256::ONE)),
            _ => curve::point_from(self.word()),
        }
    }

    /// Scalars replaced by what `replace` makes of each.
    fn scalars(&mut self, part: Part, replace: impl Fn(&mut Self, U256) -> U256) -> Mutation {
        let all = match part {
            Part::Proof => self.section(ProofSection::Evaluations),
            Part::Instances => 0..self.instances().len(),
        };
        let places = self.places(&all.collect::<Vec<_>>());
        let sets = places.into_iter().map(|word| {
            let value = match part {
                Part::Proof => self.subject.words[word],
                Part::Instances => self.instances()[word],
            };
            Mutation::WordsSet {
                part,
                word,
                values: vec![replace(self, value)],
            }
        });
        one_or_several(sets.collect())
    }

    fn other_scalar(&mut self, value: U256) -> U256 {
        match self.below(7) {
            0 => value.add_mod(U256::ONE, FIELD_MODULUS),
            1 => value.add_mod(FIELD_MODULUS - U256::ONE, FIELD_MODULUS),
            2 => U256::ZERO.max(FIELD_MODULUS - value).reduce_mod(FIELD_MODULUS),
            3 => U256::ZERO,
            4 => U256::ONE,
            5 => FIELD_MODULUS - U256::ONE,
            _ => self.word().reduce_mod(FIELD_MODULUS),
        }
    }

    fn beyond_scalar_field(&mut self, value: U256) -> U256 {
        match self.below(5) {
            0 => FIELD_MODULUS,
            1 => U256::MAX,
            2 => FIELD_MODULUS + self.word().reduce_mod(U256::MAX - FIELD_MODULUS),
            _ => self.plus_multiple(value, FIELD_MODULUS),
        }
    }

    /// A number above the modulus that stands for the same field element.
    fn plus_multiple(&mut self, value: U256, modulus: U256) -> U256 {
        let most = (U256::MAX - value) / modulus;
        let times = 1 + self.below(most.to::<usize>());
        value + U256::from(times) * modulus
    }

    /// Two of the places, each of `words` words, change places; or one is copied over the other.
    fn exchanged(&mut self, part: Part, places: &[usize], words: usize) -> Mutation {
        let [first, second] = self.pair(places.len()).map(|place| places[place]);
        if self.below(2) == 0 {
            Mutation::WordsExchanged {
                part,
                first,
                second,
                words,
            }
        } else {
            Mutation::WordsCopied {
                part,
                from: first,
                to: second,
                words,
            }
        }
    }

    fn permuted(&mut self) -> Mutation {
        let count = self.instances().len();
        match self.below(4) {
            0 => Mutation::WordsRotated {
                part: Part::Instances,
                by: 1 + self.below(count - 1),
            },
            1 => {
                let words = 1 + self.below(count / 2);
                let first = self.below(count - 2 * words + 1);
                Mutation::WordsExchanged {
                    part: Part::Instances,
                    first,
                    second: first + words,
                    words,
                }
            }
            _ => {
                let [first, second] = self.pair(count);
                Mutation::WordsExchanged {
                    part: Part::Instances,
                    first,
                    second,
                    words: 1,
                }
            }
        }
    }

    /// A run of words copied to another place.
    fn repeated(&mut self, part: Part, count: usize) -> Mutation {
        let words = match self.below(2) {
            0 => 1,
            _ => 1 + self.below(count / 2),
        };
        Mutation::WordsCopied {
            part,
            from: self.below(count - words + 1),
            to: self.below(count - words + 1),
            words,
        }
    }

    fn proof_length(&mut self) -> Mutation {
        let part = Part::Proof;
        let count = self.subject.words.len();
        match self.below(7) {
            0 => Mutation::BytesCut {
                bytes: 1 + self.below(self.subject.statement.proof.len()),
            },
            1 => Mutation::BytesAppended {
                bytes: Bytes::from(vec![0; 1 + self.below(64)]),
            },
            2 => {
                let mut bytes = vec![0; 1 + self.below(64)];
                self.random.fill_bytes(&mut bytes);
                Mutation::BytesAppended { bytes: bytes.into() }
            }
            3 => Mutation::BytesAppended {
                bytes: self.subject.statement.proof.clone().into(),
            },
            4 => Mutation::WordsRemoved {
                part,
                word: 0,
                words: count,
            },
            5 => {
                let words = 1 + self.below(4.min(count));
                Mutation::WordsRemoved {
                    part,
                    word: self.below(count - words + 1),
                    words,
                }
            }
            _ => self.inserted(part, &self.subject.words),
        }
    }

    fn instances_length(&mut self) -> Mutation {
        let part = Part::Instances;
        let count = self.instances().len();
        match self.below(4) {
            0 if count > 0 => Mutation::WordsRemoved {
                part,
                word: 0,
                words: count,
            },
            1 if count > 0 => {
                let words = 1 + self.below(4.min(count));
                Mutation::WordsRemoved {
                    part,
                    word: self.below(count - words + 1),
                    words,
                }
            }
            _ => self.inserted(part, self.instances()),
        }
    }

    /// Zeros, any words or own ones, put in between.
    fn inserted(&mut self, part: Part, own: &[U256]) -> Mutation {
        let values = match self.below(3) {
            0 => vec![U256::ZERO; 1 + self.below(4)],
            1 if !own.is_empty() => own[..=self.below(own.len().min(MOST_WORDS_APPENDED))].to_vec(),
            _ => vec![self.word().reduce_mod(FIELD_MODULUS)],
        };
        Mutation::WordsInserted {
            part,
            word: self.below(own.len() + 1),
            values,
        }
    }

    fn spliced(&mut self) -> Mutation {
        let donor = &self.subject.donors[self.place(self.subject.donors.len())];
        let from = donor.name.clone();
        let words = self.subject.words.len().min(donor.proof.proof.len() / 32);
        let instances = self.instances().len().min(donor.proof.instances.len());
        let splice = |part, run: Range<usize>| Mutation::Spliced {
            from: from.clone(),
            part,
            word: run.start,
            words: run.len(),
        };
        match self.below(8) {
            0 => Mutation::Replaced {
                from: from.clone(),
                part: Part::Proof,
            },
            1 => Mutation::Replaced {
                from: from.clone(),
                part: Part::Instances,
            },
            2 if instances > 0 => {
                let start = self.below(instances);
                splice(Part::Instances, start..start + 1 + self.below(instances - start))
            }
            3 => splice(Part::Proof, 0..1 + self.below(words)),
            4 => splice(Part::Proof, self.below(words)..words),
            5 => {
                let section = ProofSection::ALL[self.below(ProofSection::ALL.len())];
                let section = self.section(section);
                splice(Part::Proof, section.start.min(words)..section.end.min(words))
            }
            6 => {
                let point = self.subject.points[self.below(self.subject.points.len())];
                splice(Part::Proof, point.min(words)..(point + POINT_WORDS).min(words))
            }
            _ => {
                let start = self.below(words);
                splice(Part::Proof, start..start + 1 + self.below(words - start))
            }
        }
    }

    fn several(&mut self) -> Mutation {
        let classes = Class::COMBINED.into_iter();
        let classes: Vec<_> = classes.filter(|class| class.is_possible(self.subject)).collect();
        let count = 2 + self.below(3);
        let mutations = (0..count).map(|_| {
            let class = classes[self.below(classes.len())];
            // A place of its own for each: the walk would give all of them the same.
            self.index = self.random.next_u64();
            self.mutation(class)
        });
        Mutation::Several {
            mutations: mutations.collect(),
        }
    }
}

fn one_or_several(mut mutations: Vec<Mutation>) -> Mutation {
    if mutations.len() == 1 {
        mutations.remove(0)
    } else {
        Mutation::Several { mutations }
    }
}
