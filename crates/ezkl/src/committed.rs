//! A committed circuit's tensors as EZKL's files have them.

use alloy_primitives::{U256, hex};

use evmbench_backend::FIELD_MODULUS;
use evmbench_committed::{CommittedCircuit, Witness};

use super::{CommittedInputs, Point};
use crate::compiled::Compiled;

impl CommittedInputs {
    /// A circuit, and what a prover commits to in it.
    pub fn of(circuit: &CommittedCircuit, witness: Witness) -> Self {
        Self {
            input: witness.input,
            output: witness.output,
            claims: witness.claims,
            compiled: Compiled::of_committed(circuit),
            lookups: circuit.lookups(),
        }
    }
}

/// The tensors in the order of the circuit's inputs, without the challenge.
pub(super) fn tensors(inputs: &CommittedInputs) -> Vec<Vec<String>> {
    [&inputs.input, &inputs.output, &inputs.claims]
        .into_iter()
        .filter(|tensor| !tensor.is_empty())
        .map(|tensor| tensor.iter().map(|&integer| field_element(integer)).collect())
        .collect()
}

/// The same, and the challenge after them.
pub(super) fn tensors_with_challenge(inputs: &CommittedInputs, challenge: U256) -> Vec<Vec<String>> {
    let mut tensors = tensors(inputs);
    tensors.push(vec![text(challenge)]);
    tensors
}

/// An integer as EZKL reads a field element, which it does not scale: 64 hexadecimal digits, little-endian.
pub(super) fn field_element(integer: i128) -> String {
    let magnitude = U256::from(integer.unsigned_abs());
    text(if integer < 0 {
        FIELD_MODULUS - magnitude
    } else {
        magnitude
    })
}

/// A field element as EZKL reads it.
pub(super) fn text(element: U256) -> String {
    hex::encode(element.to_le_bytes::<32>())
}

/// A point as EZKL writes its coordinates: 64 hexadecimal digits each, little-endian.
pub(super) fn read_point([x, y]: &[String; 2]) -> Option<Point> {
    let coordinate = |text: &str| {
        let bytes: [u8; 32] = hex::decode(text).ok()?.try_into().ok()?;
        Some(U256::from_le_bytes(bytes))
    };
    Some([coordinate(x)?, coordinate(y)?])
}

#[cfg(test)]
mod tests {
    use super::super::read_field_element;
    use super::*;

    #[test]
    fn integers_are_field_elements() {
        let read = |integer| read_field_element(&field_element(integer)).unwrap();
        assert_eq!(read(5), U256::from(5));
        assert_eq!(read(-1), FIELD_MODULUS - U256::ONE);
        assert_eq!(read(1 << 100), U256::ONE << 100);
    }

    #[test]
    fn points_are_little_endian() {
        let word = |first: &str| format!("{first}{}", "0".repeat(62));
        assert_eq!(
            read_point(&[word("01"), word("02")]),
            Some([U256::ONE, U256::from(2)])
        );
        assert_eq!(read_point(&[word("01"), "02".to_owned()]), None);
    }
}
