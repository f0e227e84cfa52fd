//! The generated verifiers' ABI.
//!
//! EZKL's verifiers take `verifyProof(bytes,uint256[])`, the reusable one with its key artifact as a third argument, and
//! mean something only for canonically encoded calldata: that is the only encoding made here. (EZKL's own encoder appends
//! one zero word.)

use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::{SolCall as _, sol};

pub use evmbench_backend::FIELD_MODULUS;
pub use evmbench_schema::chain::CalldataSize;

sol! {
    /// Accepts a proof for these public instances by returning `true`, or reverts.
    function verifyProof(bytes proof, uint256[] instances) returns (bool);
}

/// The reusable verifier's functions, by EZKL's names: what it calls a vka is a key artifact here.
mod reusable {
    alloy_sol_types::sol! {
        /// Registers a key artifact, whatever it holds, and returns Keccak-256 of its words.
        function registerVka(bytes32[] vka) returns (bytes32 digest);

        /// Accepts a proof under a registered key artifact by returning `true` and the artifact's digest, or reverts.
        ///
        /// It declares a third value, which is left out here: what stands there is not the ABI's encoding of an array.
        function verifyProof(bytes proof, uint256[] instances, bytes32[] vka) returns (bool success, bytes32 digest);
    }
}

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

    /// The canonical encoding of the reusable verifier's `verifyProof(proof, instances, key_artifact)`.
    pub fn verify_proof_with_key(proof: &[u8], instances: &[U256], key_artifact: &[B256]) -> Self {
        let call = reusable::verifyProofCall {
            proof: Bytes::copy_from_slice(proof),
            instances: instances.to_vec(),
            vka: key_artifact.to_vec(),
        };
        Self(call.abi_encode().into())
    }

    /// The canonical encoding of the reusable verifier's `registerVka(key_artifact)`.
    pub fn register_key(key_artifact: &[B256]) -> Self {
        let vka = key_artifact.to_vec();
        Self(reusable::registerVkaCall { vka }.abi_encode().into())
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

/// One verifying call, before it is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyCall {
    /// The proof.
    pub proof: Vec<u8>,
    /// The public values.
    pub instances: Vec<U256>,
    /// The circuit's key artifact; none for a plain verifier, which holds its key.
    pub key_artifact: Option<Vec<B256>>,
}

impl VerifyCall {
    /// The canonical encoding, for the verifier that takes such a call.
    pub fn calldata(&self) -> Calldata {
        match &self.key_artifact {
            None => Calldata::verify_proof(&self.proof, &self.instances),
            Some(key) => Calldata::verify_proof_with_key(&self.proof, &self.instances, key),
        }
    }
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
    fn the_reusable_verifiers_selectors_are_hashes_too() {
        assert_eq!(reusable::verifyProofCall::SELECTOR, hex!("3409fc9f"));
        assert_eq!(reusable::registerVkaCall::SELECTOR, hex!("dc8b4094"));
        for (selector, signature) in [
            (
                reusable::verifyProofCall::SELECTOR,
                "verifyProof(bytes,uint256[],bytes32[])",
            ),
            (reusable::registerVkaCall::SELECTOR, "registerVka(bytes32[])"),
        ] {
            assert_eq!(selector[..], keccak256(signature)[..4]);
        }
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

    /// The same with a third offset and a third tail.
    #[test]
    fn the_encoding_with_a_key_is_the_abis() {
        let key = [B256::repeat_byte(3), B256::repeat_byte(4)];
        let calldata = Calldata::verify_proof_with_key(&[0xaa; 32], &[U256::from(7)], &key);
        let word = |value: u64| U256::from(value).to_be_bytes::<32>().to_vec();
        let expected = [
            hex!("3409fc9f").to_vec(),
            word(0x60),
            word(0xa0),
            word(0xe0),
            word(32),
            vec![0xaa; 32],
            word(1),
            word(7),
            word(2),
            vec![3; 32],
            vec![4; 32],
        ]
        .concat();
        assert_eq!(calldata.bytes()[..], expected[..]);
        let expected = [
            hex!("dc8b4094").to_vec(),
            word(0x20),
            word(2),
            vec![3; 32],
            vec![4; 32],
        ]
        .concat();
        assert_eq!(Calldata::register_key(&key).bytes()[..], expected[..]);
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
            prop_assert_eq!(&decoded.instances, &instances);

            let key: Vec<_> = instances.iter().map(|&word| B256::from(word)).collect();
            let call = VerifyCall { proof: proof.clone(), instances: instances.clone(), key_artifact: Some(key.clone()) };
            let decoded = reusable::verifyProofCall::abi_decode(call.calldata().bytes()).unwrap();
            prop_assert_eq!(&decoded.proof[..], &proof[..]);
            prop_assert_eq!(decoded.instances, instances);
            prop_assert_eq!(&decoded.vka, &key);
            let decoded = reusable::registerVkaCall::abi_decode(Calldata::register_key(&key).bytes()).unwrap();
            prop_assert_eq!(decoded.vka, key);
        }
    }
}
