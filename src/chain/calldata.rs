//! The generated verifiers' ABI.
//!
//! EZKL's verifier takes `verifyProof(bytes,uint256[])` and means something only for canonically encoded calldata: that
//! is the only encoding made here. (EZKL's own encoder appends one zero word.)

use alloy_primitives::{Bytes, U256, uint};
use alloy_sol_types::{SolCall as _, sol};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

sol! {
    /// Accepts a proof for these public instances by returning `true`, or reverts.
    function verifyProof(bytes proof, uint256[] instances) returns (bool);
}

/// The order of BN254's scalar field, in which a public instance lives (the verifiers' constant `r`).
pub const FIELD_MODULUS: U256 =
    uint!(21888242871839275222246405745257275088548364400416034343698204186575808495617_U256);

/// The bytes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calldata(Bytes);

impl Calldata {
    /// The canonical encoding of `verifyProof(proof, instances)`.
    pub fn verify_proof(proof: &[u8], instances: &[U256]) -> Self {
        let call = verifyProofCall {
            proof: Bytes::copy_from_slice(proof),
            instances: instances.to_vec(),
        };
        Self(call.abi_encode().into())
    }

    /// These bytes, as they are.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The same call with bytes after it, which the ABI lets a contract ignore.
    #[must_use]
    pub fn with_trailing(&self, trailing: &[u8]) -> Self {
        Self([&self.0, trailing].concat().into())
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// How many bytes there are, of each price.
    pub fn size(&self) -> CalldataSize {
        let nonzero_bytes = self.0.iter().map(|&byte| u64::from(byte != 0)).sum();
        CalldataSize {
            calldata_bytes: self.0.len() as u64,
            zero_bytes: self.0.len() as u64 - nonzero_bytes,
            nonzero_bytes,
        }
    }
}

/// The size of a call's data: zero bytes and others have different prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalldataSize {
    /// All bytes.
    pub calldata_bytes: u64,
    /// Those that are zero.
    pub zero_bytes: u64,
    /// Those that are not.
    pub nonzero_bytes: u64,
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{hex, keccak256};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_selector_is_the_hash_of_the_signature() {
        assert_eq!(verifyProofCall::SELECTOR, hex!("1e8e1e13"));
        assert_eq!(
            verifyProofCall::SELECTOR[..],
            keccak256("verifyProof(bytes,uint256[])")[..4]
        );
    }

    #[test]
    fn the_modulus_is_that_of_bn254() {
        let hexadecimal = "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";
        assert_eq!(FIELD_MODULUS, U256::from_str_radix(hexadecimal, 16).unwrap());
    }

    /// Head of two offsets, then each tail after its length, by hand.
    #[test]
    fn the_encoding_is_the_abis() {
        let calldata = Calldata::verify_proof(&[0xaa; 33], &[U256::from(7)]);
        let word = |value: u64| U256::from(value).to_be_bytes::<32>().to_vec();
        let expected = [
            hex!("1e8e1e13").to_vec(),
            word(0x40),
            word(0xa0),
            word(33),
            vec![0xaa; 33],
            vec![0; 31],
            word(1),
            word(7),
        ]
        .concat();
        assert_eq!(calldata.bytes()[..], expected[..]);
    }

    proptest! {
        #[test]
        fn the_size_counts_every_byte_once(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let size = Calldata::raw(bytes.clone()).size();
            prop_assert_eq!(size.calldata_bytes, bytes.len() as u64);
            prop_assert_eq!(size.zero_bytes + size.nonzero_bytes, size.calldata_bytes);
            let zero_bytes = bytes.into_iter().fold(0, |count, byte| count + u64::from(byte == 0));
            prop_assert_eq!(size.zero_bytes, zero_bytes);
        }

        #[test]
        fn what_is_encoded_decodes(proof in prop::collection::vec(any::<u8>(), 0..200), words in prop::collection::vec(any::<[u64; 4]>(), 0..9)) {
            let instances: Vec<_> = words.into_iter().map(U256::from_limbs).collect();
            let decoded = verifyProofCall::abi_decode(Calldata::verify_proof(&proof, &instances).bytes()).unwrap();
            prop_assert_eq!(&decoded.proof[..], &proof[..]);
            prop_assert_eq!(decoded.instances, instances);
        }
    }
}
