//! The points that tie a generated verifier to its key and its reference string, read from the files of each.
//!
//! Goes in: a verifier's source, a verifying key, a reference string. Comes out: coordinates as the EVM has them, numbers
//! below BN254's base field modulus, so that what stands in one file can be held against what stands in another.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use alloy_primitives::{B256, U256, uint};

use evmbench_host::files;

use super::{SrsError, VerifierShape, check_srs_file};

/// Modulus of BN254's base field, in which coordinates live (EIP-196's p; the verifiers' constant `q`).
pub const BASE_MODULUS: U256 =
    uint!(21888242871839275222246405745257275088696311157297823662689037894645226208583_U256);

/// The inverse of 2^256 modulo [`BASE_MODULUS`], which takes a number out of Montgomery form.
const MONTGOMERY_INVERSE: U256 =
    uint!(0x2e67157159e5c639cf63e9cfb74492d9eb2022850278edf8ed84884a014afa37_U256);

/// A coordinate as halo2 writes it raw: little-endian, in Montgomery form.
fn coordinate(bytes: &[u8]) -> Option<U256> {
    let raw = U256::from_le_bytes::<32>(bytes.try_into().ok()?);
    (raw < BASE_MODULUS).then(|| raw.mul_mod(MONTGOMERY_INVERSE, BASE_MODULUS))
}

/// A point of G1, x and y; both 0 at infinity.
pub type Point = [U256; 2];

/// The constants that a verifier of EZKL 23.0.5 names in its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractConstants {
    /// k, where the circuit has 2^k rows.
    pub logrows: u64,
    /// Public instances that it takes.
    pub instances: u64,
    /// Commitments to the fixed columns.
    pub fixed: Vec<Point>,
    /// Commitments to the permutation.
    pub permutation: Vec<Point>,
    /// −s·G2 of the reference string: x₁, x₂, y₁, y₂, imaginary parts first (EIP-197).
    pub negated_s_g2: [U256; 4],
}

impl ContractConstants {
    /// The constants that a key artifact brings to a reusable verifier, whose circuit has these columns: `None` where it
    /// has fewer words, or says that it has another number of fixed columns.
    ///
    /// The order is that of halo2_solidity_verifier's `dummy_vka_constants` (src/codegen.rs); then come the points of the
    /// fixed columns and of the permutation (templates/Halo2VerifyingArtifact.sol). A circuit of EZKL's has fewer phases
    /// than one word of challenges takes.
    pub fn of_key_artifact(words: &[B256], shape: VerifierShape) -> Option<Self> {
        const INSTANCES: usize = 2;
        const LOGROWS: usize = 5;
        const NEGATED_S_G2: usize = 20;
        const FIXED_COLUMNS: usize = 32;
        const POINTS: usize = 34;
        let word = |index: usize| Some(U256::from_be_bytes(words.get(index)?.0));
        let fixed_columns = usize::try_from(shape.fixed_columns).ok()?;
        let permutation_columns = usize::try_from(shape.permutation_columns).ok()?;
        if word(FIXED_COLUMNS)? != U256::from(fixed_columns) {
            return None;
        }
        let points = |start: usize, count: usize| -> Option<Vec<Point>> {
            let point = |index: usize| Some([word(start + 2 * index)?, word(start + 2 * index + 1)?]);
            (0..count).map(point).collect()
        };
        Some(Self {
            logrows: u64::try_from(word(LOGROWS)?).ok()?,
            instances: u64::try_from(word(INSTANCES)?).ok()?,
            fixed: points(POINTS, fixed_columns)?,
            permutation: points(POINTS + 2 * fixed_columns, permutation_columns)?,
            negated_s_g2: [
                word(NEGATED_S_G2)?,
                word(NEGATED_S_G2 + 1)?,
                word(NEGATED_S_G2 + 2)?,
                word(NEGATED_S_G2 + 3)?,
            ],
        })
    }
}

/// What kind of verifier a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContractForm {
    /// The key is in the contract.
    Plain(Box<ContractConstants>),
    /// The caller brings the key.
    Reusable,
    /// Not of a form that EZKL 23.0.5 writes.
    Other,
}

impl ContractForm {
    /// Reads a source. Constants are taken by the names that the generator writes beside them.
    pub fn read(source: &str) -> Self {
        if source.contains("contract Halo2VerifierReusable") {
            return Self::Reusable;
        }
        constants(source).map_or(Self::Other, |constants| Self::Plain(Box::new(constants)))
    }
}

fn constants(source: &str) -> Option<ContractConstants> {
    let named = named_words(source)?;
    let word = |name: &str| named.get(name).copied();
    let points = |kind: &str| {
        let point = |index: usize| {
            Some([
                word(&format!("{kind}[{index}].x"))?,
                word(&format!("{kind}[{index}].y"))?,
            ])
        };
        let points: Vec<Point> = (0..).map_while(point).collect();
        let words = named
            .keys()
            .filter(|name| name.starts_with(&format!("{kind}[")))
            .count();
        (!points.is_empty() && words == 2 * points.len()).then_some(points)
    };
    Some(ContractConstants {
        logrows: u64::try_from(word("k")?).ok()?,
        instances: u64::try_from(word("num_instances")?).ok()?,
        fixed: points("fixed_comms")?,
        permutation: points("permutation_comms")?,
        negated_s_g2: [
            word("neg_s_g2_x_1")?,
            word("neg_s_g2_x_2")?,
            word("neg_s_g2_y_1")?,
            word("neg_s_g2_y_2")?,
        ],
    })
}

/// Every word of 64 hexadecimal digits that a comment with a name follows. `None` where one name stands beside two
/// different words.
fn named_words(source: &str) -> Option<BTreeMap<&str, U256>> {
    let mut named = BTreeMap::new();
    let mut last = None;
    for line in source.lines() {
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        let words = code.split("0x").skip(1).filter_map(|rest| {
            let digits = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
            (digits == 64).then(|| U256::from_str_radix(&rest[..64], 16).ok())?
        });
        last = words.last().or(last);
        let name = comment.trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            continue;
        }
        // A formatter may have moved the word to the line before its name; it belongs to no second one.
        if let Some(word) = last.take()
            && named.insert(name, word).is_some_and(|before| before != word)
        {
            return None;
        }
    }
    Some(named)
}

/// A verifying key's file: version, k, whether selectors are compressed, the number of fixed columns, commitments to
/// these, commitments to the permutation, selectors (halo2, `VerifyingKey::write`, raw bytes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// k, where the circuit has 2^k rows.
    pub logrows: u64,
    /// Commitments to the fixed columns.
    pub fixed: Vec<Point>,
    /// What follows: commitments to the permutation, then selectors. The file does not tell where one ends.
    rest: Vec<u8>,
}

impl KeyFile {
    /// Version byte of the file's form.
    const VERSION: u8 = 3;

    /// Reads a file. `None` where it has another form.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (&[version, logrows, compressed, f0, f1, f2, f3], rest) = bytes.split_first_chunk()?;
        let fixed_bytes = usize::try_from(u32::from_le_bytes([f0, f1, f2, f3]))
            .ok()?
            .checked_mul(64)?;
        if version != Self::VERSION || compressed > 1 || logrows > 28 {
            return None;
        }
        let (fixed, rest) = rest.split_at_checked(fixed_bytes)?;
        Some(Self {
            logrows: logrows.into(),
            fixed: points(fixed)?,
            rest: rest.to_vec(),
        })
    }

    /// The first `count` points after the fixed columns: the permutation's, where there are as many.
    pub fn permutation(&self, count: usize) -> Option<Vec<Point>> {
        points(self.rest.get(..count.checked_mul(64)?)?)
    }

    /// In how many rows each of the circuit's selectors is on, in the order in which they were configured: halo2 keeps a bit
    /// for each row after the permutation's points. `None` where the file has another length than so many points and selectors
    /// take.
    pub fn selected_rows(&self, permutation_points: usize, selectors: usize) -> Option<Vec<u64>> {
        let bits = self.rest.get(permutation_points.checked_mul(64)?..)?;
        let selector_bytes = (1usize << self.logrows).div_ceil(8);
        if bits.len() != selectors.checked_mul(selector_bytes)? {
            return None;
        }
        let selectors = bits.chunks_exact(selector_bytes);
        Some(
            selectors
                .map(|selector| selector.iter().map(|byte| u64::from(byte.count_ones())).sum())
                .collect(),
        )
    }
}

fn points(bytes: &[u8]) -> Option<Vec<Point>> {
    bytes
        .chunks_exact(64)
        .map(|point| Some([coordinate(&point[..32])?, coordinate(&point[32..])?]))
        .collect()
}

/// −s·G2 of a reference string, in the form of [`ContractConstants::negated_s_g2`].
///
/// # Errors
/// [`SrsError`] where the file is no reference string.
pub fn negated_s_g2(path: &Path) -> Result<[U256; 4], SrsError> {
    check_srs_file(path)?;
    let io = |source| SrsError::Io {
        path: path.to_owned(),
        source,
    };
    let mut bytes = [0; 128];
    let mut file = files::open(path, u64::MAX).map_err(io)?;
    file.seek(SeekFrom::End(-128)).map_err(io)?;
    file.read_exact(&mut bytes).map_err(io)?;
    negated_g2(&bytes).ok_or_else(|| SrsError::Form {
        path: path.to_owned(),
        reason: "its last point is not one of BN254".to_owned(),
    })
}

/// The negative of a point of G2 as halo2 writes it: x and y, real part first.
pub(super) fn negated_g2(bytes: &[u8; 128]) -> Option<[U256; 4]> {
    let part = |index: usize| coordinate(&bytes[32 * index..32 * (index + 1)]);
    let negated = |y: U256| if y.is_zero() { y } else { BASE_MODULUS - y };
    Some([part(1)?, part(0)?, negated(part(3)?), negated(part(2)?)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::srs::{GENERATOR, GENERATOR_2};
    use super::*;
    use crate::count_columns;

    const DENSE: &str = include_str!("../../../tests/fixtures/verifier/dense_4x2/Verifier.sol");

    fn dense() -> ContractConstants {
        match ContractForm::read(DENSE) {
            ContractForm::Plain(constants) => *constants,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_inverse_is_one() {
        let power = (U256::MAX % BASE_MODULUS).add_mod(U256::ONE, BASE_MODULUS);
        assert_eq!(power.mul_mod(MONTGOMERY_INVERSE, BASE_MODULUS), U256::ONE);
    }

    #[test]
    fn generators_are_those_of_the_eips() {
        assert_eq!(points(&GENERATOR), Some(vec![[U256::from(1), U256::from(2)]]));
        let [x1, x2, y1, y2] = negated_g2(&GENERATOR_2).unwrap();
        let in_source = |name: &str| named_words(DENSE).unwrap()[name];
        assert_eq!([x1, x2], [in_source("g2_x_1"), in_source("g2_x_2")]);
        assert_eq!(
            [BASE_MODULUS - y1, BASE_MODULUS - y2],
            [in_source("g2_y_1"), in_source("g2_y_2")]
        );
    }

    #[test]
    fn a_verifiers_constants_are_read() {
        let constants = dense();
        assert_eq!((constants.logrows, constants.instances), (8, 6));
        assert_eq!((constants.fixed.len(), constants.permutation.len()), (8, 5));
        assert!(constants.negated_s_g2.iter().all(|word| *word < BASE_MODULUS));
    }

    /// What the plain verifier has in its code, the reusable one is given with the artifact.
    #[test]
    fn a_key_artifact_has_the_constants_of_the_plain_verifier() {
        for (source, artifact) in [
            (
                DENSE,
                include_str!("../../../tests/fixtures/verifier/dense_4x2/key_artifact.json"),
            ),
            (
                include_str!("../../../tests/fixtures/verifier/relu_4x4/Verifier.sol"),
                include_str!("../../../tests/fixtures/verifier/relu_4x4/key_artifact.json"),
            ),
        ] {
            let ContractForm::Plain(constants) = ContractForm::read(source) else {
                panic!("a plain verifier");
            };
            let words: Vec<B256> = serde_json::from_str(artifact).unwrap();
            let shape = count_columns(source).unwrap();
            assert_eq!(
                ContractConstants::of_key_artifact(&words, shape).as_ref(),
                Some(&*constants)
            );
            let other = VerifierShape {
                fixed_columns: shape.fixed_columns + 1,
                ..shape
            };
            assert_eq!(ContractConstants::of_key_artifact(&words, other), None);
            assert_eq!(ContractConstants::of_key_artifact(&words[..40], shape), None);
        }
    }

    #[test]
    fn a_formatter_changes_nothing() {
        let spread = DENSE.replace(", 0x", ",\n                    0x");
        assert_eq!(
            ContractForm::read(&spread),
            ContractForm::Plain(Box::new(dense()))
        );
    }

    #[test]
    fn a_name_beside_two_words_is_another_form() {
        let first = DENSE.find("// k\n").unwrap();
        let mut twice = DENSE.to_owned();
        twice.insert_str(first + 5, &format!("mstore(0x00, 0x{:064x}) // k\n", 9));
        assert_eq!(ContractForm::read(&twice), ContractForm::Other);
    }

    #[test]
    fn other_sources_have_other_forms() {
        assert_eq!(ContractForm::read("contract C {}"), ContractForm::Other);
        assert_eq!(
            ContractForm::read("contract Halo2VerifierReusable {"),
            ContractForm::Reusable
        );
        // One coordinate of a point is gone.
        let torn = DENSE.replace("// fixed_comms[3].y", "");
        assert_eq!(ContractForm::read(&torn), ContractForm::Other);
    }

    fn key(fixed: u32, points: usize) -> Vec<u8> {
        let mut bytes = vec![3, 8, 1];
        bytes.extend(fixed.to_le_bytes());
        bytes.extend(GENERATOR.repeat(points));
        bytes
    }

    #[test]
    fn a_key_is_read() {
        let key = KeyFile::read(&key(2, 5)).unwrap();
        let generator = [U256::from(1), U256::from(2)];
        assert_eq!((key.logrows, key.fixed.len()), (8, 2));
        assert_eq!(key.permutation(3), Some(vec![generator; 3]));
        assert_eq!(key.permutation(4), None);
    }

    #[test]
    fn other_keys_are_refused() {
        let right = key(2, 5);
        for (index, value) in [(0, 4), (1, 29), (2, 2), (5, 9), (38, 0xff)] {
            let mut wrong = right.clone();
            wrong[index] = value;
            assert_eq!(KeyFile::read(&wrong), None, "byte {index}");
        }
        assert_eq!(KeyFile::read(&right[..6]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Some(key) = KeyFile::read(&bytes) {
                prop_assert!(key.permutation(usize::MAX).is_none());
            }
        }

        #[test]
        fn montgomery_form_is_undone(number: [u64; 4]) {
            let number = U256::from_limbs(number) % BASE_MODULUS;
            let two_to_256 = (U256::MAX % BASE_MODULUS).add_mod(U256::ONE, BASE_MODULUS);
            let raw: [u8; 32] = number.mul_mod(two_to_256, BASE_MODULUS).to_le_bytes();
            prop_assert_eq!(coordinate(&raw), Some(number));
        }
    }
}
