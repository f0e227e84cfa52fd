//! Commitments to a committed circuit's inputs → the challenge that its proof must be for.
//!
//! Goes in: the circuit's verifying key, how many points each group of commitments has, and the points, as `kzg_commit`
//! gives them before proving or as a proof begins with them. Comes out: a field element. `contracts/src/Commitments.sol`
//! derives the same one on chain; `docs/commit-and-challenge.md` says why nobody can choose it.

use alloy_primitives::{B256, U256, b256, keccak256};

use evmbench_backend::FIELD_MODULUS;
use evmbench_schema::committed::{CommitmentLayout, Committed, CommittedSizes};

use super::{ContractConstants, Point};
use crate::rows::usable_rows;

/// What separates these challenges from every other use of the hash: Keccak-256 of `evmbench commit-and-challenge 1`.
const DOMAIN: B256 = b256!("77345e18fad8588c41f4b5f3668c5577b5a61939ced5d7bc31c8e80e83348e7f");

/// Length of a point in a proof: x and y, big-endian.
pub const POINT_BYTES: usize = 64;

/// How many columns, and so points of a proof, EZKL gives a committed tensor of so many elements.
///
/// It reserves a cell for each column on top of the elements (`VarTensor::new_unblinded_advice`), so that a tensor that all
/// but fills its columns has one more than it needs; `kzg_commit` knows nothing of that one ([`complete`]).
pub const fn column_count(elements: u64, logrows: u32) -> u64 {
    let rows = usable_rows(logrows);
    (elements + elements / rows + 1) / rows + 1
}

/// The points of a tensor as the proof has them: those of `kzg_commit`, then that of a column without elements for every
/// column that it does not count.
pub fn complete(mut points: Vec<Point>, elements: u64, logrows: u32, empty: Point) -> Vec<Point> {
    let columns = column_count(elements, logrows) as usize;
    points.resize(points.len().max(columns), empty);
    points
}

/// Bytes or points that are not a circuit's commitments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitmentError {
    /// There are more or fewer points than the circuit's layout has.
    #[error("{found} commitments, where the circuit has {expected}")]
    PointCount {
        /// As many as the layout has.
        expected: u64,
        /// As many as there are.
        found: u64,
    },
    /// A proof ends before its commitments do.
    #[error("a proof of {found_bytes} bytes cannot hold {expected} commitments")]
    ProofTooShort {
        /// As many as the layout has.
        expected: u64,
        /// The proof's length.
        found_bytes: u64,
    },
}

/// The layout of tensors of so many elements, in a circuit of 2^`logrows` rows.
pub fn commitment_layout(sizes: CommittedSizes, logrows: u32) -> CommitmentLayout {
    let points = |elements: usize| match elements {
        0 => 0,
        elements => column_count(elements as u64, logrows),
    };
    CommitmentLayout {
        input_points: points(sizes.input),
        output_points: points(sizes.output),
        claim_points: points(sizes.claims),
    }
}

/// A circuit with this verifying key, whose plain verifier has these constants.
pub fn committed_of(
    verifying_key: &[u8],
    constants: &ContractConstants,
    layout: CommitmentLayout,
) -> Committed {
    Committed {
        circuit_digest: keccak256(verifying_key),
        basis: commitment_basis(constants),
        layout,
        registered_input: None,
    }
}

/// What is derived from the commitments that a proof begins with.
pub trait Commitments {
    /// The challenge that follows from these commitments: input, output, claims.
    ///
    /// # Errors
    /// [`CommitmentError::PointCount`].
    fn challenge(&self, points: &[Point]) -> Result<U256, CommitmentError>;

    /// The challenge that a proof must be for: the one that follows from the commitments that it begins with.
    ///
    /// # Errors
    /// [`CommitmentError::ProofTooShort`].
    fn challenge_of_proof(&self, proof: &[u8]) -> Result<U256, CommitmentError>;

    /// The number by which a proof's input is known: Keccak-256 of its commitments.
    ///
    /// # Errors
    /// [`CommitmentError::ProofTooShort`].
    fn input_digest(&self, proof: &[u8]) -> Result<B256, CommitmentError>;
}

impl Commitments for Committed {
    fn challenge(&self, points: &[Point]) -> Result<U256, CommitmentError> {
        let (expected, found) = (self.layout.points(), points.len() as u64);
        if expected != found {
            return Err(CommitmentError::PointCount { expected, found });
        }
        Ok(challenge_of_bytes(self, &point_bytes(points)))
    }

    fn challenge_of_proof(&self, proof: &[u8]) -> Result<U256, CommitmentError> {
        let points = commitments(self, proof, 0, self.layout.points())?;
        Ok(challenge_of_bytes(self, points))
    }

    fn input_digest(&self, proof: &[u8]) -> Result<B256, CommitmentError> {
        Ok(keccak256(commitments(self, proof, 0, self.layout.input_points)?))
    }
}

/// The bytes of some of the commitments that a proof begins with.
fn commitments<'a>(
    committed: &Committed,
    proof: &'a [u8],
    first: u64,
    points: u64,
) -> Result<&'a [u8], CommitmentError> {
    let at = |point: u64| usize::try_from(point).ok()?.checked_mul(POINT_BYTES);
    let range = at(first).zip(at(first + points));
    range
        .and_then(|(start, end)| proof.get(start..end))
        .ok_or(CommitmentError::ProofTooShort {
            expected: committed.layout.points(),
            found_bytes: proof.len() as u64,
        })
}

fn challenge_of_bytes(committed: &Committed, points: &[u8]) -> U256 {
    let CommitmentLayout {
        input_points,
        output_points,
        claim_points,
    } = committed.layout;
    let counts = [input_points, output_points, claim_points]
        .map(|count| U256::from(count).to_be_bytes::<32>())
        .concat();
    let seed = keccak256([&DOMAIN[..], &committed.circuit_digest[..], &counts, points].concat());
    U256::from_be_bytes(seed.0) % FIELD_MODULUS
}

/// The points as a proof has them.
pub fn point_bytes(points: &[Point]) -> Vec<u8> {
    points
        .iter()
        .flatten()
        .flat_map(U256::to_be_bytes::<32>)
        .collect()
}

/// What must be the same for equal commitments to mean equal tensors of equal length: Keccak-256 of the reference string's
/// −s·G2 (four words, as a verifier has them), k and the number of usable rows.
pub fn commitment_basis(constants: &ContractConstants) -> B256 {
    let usable = usable_rows(constants.logrows as u32);
    let rows = [constants.logrows, usable].map(U256::from);
    let words = constants.negated_s_g2.iter().chain(&rows);
    keccak256(words.flat_map(U256::to_be_bytes::<32>).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn committed()(
            circuit_digest: [u8; 32],
            input_points in 1..5_u64,
            output_points in 0..5_u64,
            claim_points in 0..5_u64,
        ) -> Committed {
            Committed {
                circuit_digest: circuit_digest.into(),
                basis: B256::ZERO,
                layout: CommitmentLayout { input_points, output_points, claim_points },
                registered_input: None,
            }
        }
    }

    prop_compose! {
        fn case()(committed in committed())(
            points in prop::collection::vec(any::<[[u64; 4]; 2]>(), committed.layout.points() as usize),
            committed in Just(committed),
        ) -> (Committed, Vec<Point>) {
            let points = points.into_iter().map(|point| point.map(U256::from_limbs)).collect();
            (committed, points)
        }
    }

    #[test]
    fn the_domain_is_the_hash_of_its_sentence() {
        assert_eq!(DOMAIN, keccak256("evmbench commit-and-challenge 1"));
    }

    /// Seen in circuits of 2^7 rows: the number of points before that of a second, shorter tensor, and how many of them
    /// `kzg_commit` gave (EZKL 23.0.5).
    #[test]
    fn columns_are_those_that_ezkl_was_seen_to_make() {
        let rows = usable_rows(7);
        assert_eq!(rows, 122);
        for (elements, columns, of_kzg_commit) in [
            (1, 1, 1),
            (rows - 3, 1, 1),
            (rows - 2, 1, 1),
            (rows - 1, 2, 1),
            (rows, 2, 2),
            (rows + 1, 2, 2),
            (2 * rows - 4, 2, 2),
            (2 * rows - 3, 2, 2),
            (2 * rows - 2, 3, 2),
            (2 * rows - 1, 3, 2),
            (2 * rows, 3, 3),
            (2 * rows + 1, 3, 3),
        ] {
            assert_eq!(column_count(elements, 7), columns, "{elements} elements");
            assert_eq!(elements / rows + 1, of_kzg_commit, "{elements} elements");
            let (filled, empty) = ([U256::ONE; 2], [U256::ZERO; 2]);
            let points = complete(vec![filled; of_kzg_commit as usize], elements, 7, empty);
            assert_eq!(points.len() as u64, columns);
            assert_eq!(
                points.iter().filter(|&&point| point == empty).count() as u64,
                columns - of_kzg_commit
            );
        }
    }

    #[test]
    fn a_basis_depends_on_the_string_and_the_rows() {
        let constants = |s_g2: u64, logrows| ContractConstants {
            logrows,
            instances: 2,
            fixed: vec![],
            permutation: vec![],
            negated_s_g2: [1, 2, 3, s_g2].map(U256::from),
        };
        let of = commitment_basis(&constants(4, 17));
        assert_ne!(of, commitment_basis(&constants(4, 18)));
        assert_ne!(of, commitment_basis(&constants(5, 17)));
        let layout = CommitmentLayout {
            input_points: 1,
            output_points: 0,
            claim_points: 1,
        };
        let committed = committed_of(b"a key", &constants(4, 17), layout);
        assert_eq!(committed.basis, of);
        assert_eq!(committed.circuit_digest, keccak256("a key"));
    }

    #[test]
    fn what_is_no_commitment_is_refused() {
        let committed = Committed {
            circuit_digest: B256::ZERO,
            basis: B256::ZERO,
            layout: CommitmentLayout {
                input_points: 1,
                output_points: 1,
                claim_points: 0,
            },
            registered_input: None,
        };
        let error = CommitmentError::PointCount {
            expected: 2,
            found: 1,
        };
        assert_eq!(committed.challenge(&[[U256::ONE; 2]]), Err(error));
        let error = CommitmentError::ProofTooShort {
            expected: 2,
            found_bytes: 127,
        };
        assert_eq!(committed.challenge_of_proof(&[0; 127]), Err(error));
        assert!(committed.challenge_of_proof(&[0; 128]).is_ok());
        assert!(committed.input_digest(&[0; 64]).is_ok());
        assert!(committed.input_digest(&[0; 63]).is_err());
        let endless = Committed {
            layout: CommitmentLayout {
                input_points: u64::MAX / 4,
                ..committed.layout
            },
            ..committed
        };
        assert!(endless.challenge_of_proof(&[0; 128]).is_err());
    }

    proptest! {
        #[test]
        fn every_tensor_has_the_columns_that_it_needs(elements in 1..1_u64 << 24, logrows in 4..24_u32) {
            let (rows, columns) = (usable_rows(logrows), column_count(elements, logrows));
            prop_assert!(columns * rows >= elements);
            // One more than needed at most, for any tensor of fewer columns than rows.
            prop_assume!(elements / rows < rows - 1);
            prop_assert!((elements / rows + 1..=elements / rows + 2).contains(&columns));
        }

        #[test]
        fn a_proof_has_the_challenge_of_its_commitments((committed, points) in case(), rest: Vec<u8>) {
            let challenge = committed.challenge(&points).unwrap();
            prop_assert!(challenge < FIELD_MODULUS);
            let proof = [point_bytes(&points), rest].concat();
            prop_assert_eq!(committed.challenge_of_proof(&proof), Ok(challenge));
        }

        /// Nothing that the challenge is derived from can be changed without changing it.
        #[test]
        fn every_bit_counts((committed, points) in case(), bit: prop::sample::Index, other: [u8; 32]) {
            let challenge = committed.challenge(&points).unwrap();
            let bit = bit.index(points.len() * 2 * 256);
            let mut changed = points.clone();
            changed[bit / 512][bit / 256 % 2] ^= U256::ONE << (bit % 256);
            prop_assert_ne!(committed.challenge(&changed).unwrap(), challenge);
            let elsewhere = Committed { circuit_digest: other.into(), ..committed };
            prop_assume!(elsewhere != committed);
            prop_assert_ne!(elsewhere.challenge(&points).unwrap(), challenge);
        }

        /// The same points in other groups are another statement.
        #[test]
        fn groups_count((committed, points) in case(), input_points in 1..9_u64, output_points in 0..9_u64) {
            let total = committed.layout.points();
            prop_assume!(input_points + output_points <= total);
            let layout = CommitmentLayout { input_points, output_points, claim_points: total - input_points - output_points };
            prop_assume!(layout != committed.layout);
            let other = Committed { layout, ..committed };
            prop_assert_ne!(other.challenge(&points).unwrap(), committed.challenge(&points).unwrap());
        }
    }
}
