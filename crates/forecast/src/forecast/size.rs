//! Bytes that follow exactly from a circuit's columns: keys, proof, call.
//!
//! Keys are halo2's files (`VerifyingKey::write` and `ProvingKey::write` in plonk.rs of EZKL's fork) in EZKL's format,
//! `raw-bytes`; proofs are those of `ProverSHPLONK` with mv-lookup, which the generated verifiers read.

use evmbench_ezkl::CircuitShape;

use super::Estimate;

/// A point of G1, x and y.
const POINT_BYTES: u64 = 64;

/// An element of the scalar field.
const SCALAR_BYTES: u64 = 32;

/// Version, k, whether selectors are compressed, and the number of fixed columns.
const KEY_HEAD_BYTES: u64 = 1 + 1 + 1 + 4;

/// Before each polynomial, and before each list of them.
const LENGTH_BYTES: u64 = 4;

/// l_0, l_last and l_active_row, on the extended domain.
const LAGRANGE_POLYNOMIALS: u64 = 3;

/// The two points of the opening (W and W').
const OPENING_POINTS: u64 = 2;

/// What `verifyProof(bytes,uint256[])` holds beside proof and instances: selector, two offsets, two lengths.
const CALL_FRAME_BYTES: u64 = 4 + 2 * 32 + 2 * 32;

/// The verifying key's file.
pub(super) fn verifying_key_bytes(shape: &CircuitShape) -> Estimate {
    fixed_columns(shape).map(|fixed| verifying_key(shape, fixed))
}

/// The proving key's file.
pub(super) fn proving_key_bytes(shape: &CircuitShape) -> Estimate {
    fixed_columns(shape).map(|fixed| proving_key(shape, fixed))
}

/// The proof.
pub(super) fn proof_bytes(shape: &CircuitShape) -> Estimate {
    let arguments = shape.lookups.len() as u64;
    // Multiplicities and running sums of the lookups; the random polynomial.
    let points = shape.advice_columns()
        + 2 * arguments
        + shape.permutation_products()
        + 1
        + shape.quotient_pieces()
        + OPENING_POINTS;
    // A product is opened at x and ωx and, but for the last, at the last row; a sum at x and ωx, a multiplicity at x; the
    // random polynomial at x.
    let evaluations = shape.advice_queries + shape.permutation_columns + 3 * shape.permutation_products() - 1
        + 3 * arguments
        + 1;
    fixed_columns(shape).map(|fixed| points * POINT_BYTES + (evaluations + fixed) * SCALAR_BYTES)
}

/// The canonical call of a plain verifier.
pub(super) fn calldata_bytes(shape: &CircuitShape) -> Estimate {
    let rest = CALL_FRAME_BYTES + shape.instances * 32;
    proof_bytes(shape).map(|proof| rest + proof)
}

/// The call of a batch contract about so many proofs with so many words of statement each: it has the parts of a verifier's.
pub(super) fn batch_calldata_bytes(shape: &CircuitShape, proofs: u64, statement_words: u64) -> Estimate {
    proof_bytes(shape).map(|proof| CALL_FRAME_BYTES + proofs * (proof + statement_words * SCALAR_BYTES))
}

/// How many fixed columns there are.
pub(super) fn fixed_columns(shape: &CircuitShape) -> Estimate {
    Estimate {
        low: *shape.fixed_columns.start(),
        likely: shape.likely_fixed_columns,
        high: *shape.fixed_columns.end(),
    }
}

fn verifying_key(shape: &CircuitShape, fixed: u64) -> u64 {
    let commitments = (fixed + shape.permutation_columns) * POINT_BYTES;
    // A bit for each row of each selector.
    KEY_HEAD_BYTES + commitments + shape.selectors * shape.rows().div_ceil(8)
}

/// Each fixed and each permutation column thrice: values, coefficients, and values on the extended domain.
fn proving_key(shape: &CircuitShape, fixed: u64) -> u64 {
    let rows = shape.rows();
    let extended_rows = rows * shape.extension_factor();
    let polynomial = |rows: u64| LENGTH_BYTES + rows * SCALAR_BYTES;
    // In a list each polynomial's length stands twice: in a table at the front, for those who read in parallel, and before it.
    let list = |columns: u64, rows: u64| LENGTH_BYTES + columns * (LENGTH_BYTES + polynomial(rows));
    let lists: u64 = [fixed, shape.permutation_columns]
        .into_iter()
        .map(|columns| 2 * list(columns, rows) + list(columns, extended_rows))
        .sum();
    verifying_key(shape, fixed) + LAGRANGE_POLYNOMIALS * polynomial(extended_rows) + lists
}
