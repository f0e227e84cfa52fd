//! EZKL's answer files, read: proof, witness outputs, key artifact, and the shape of the generated verifier.

use alloy_primitives::{B256, U256};
use serde::Deserialize;

use evmbench_schema::keys::VerifierShape;

use super::{CircuitPlan, Proof, Visibility};

/// A proof or witness file that is not EZKL's.
#[derive(Debug, thiserror::Error)]
pub enum ProofFileError {
    /// Not JSON, or a field is missing.
    #[error("not an EZKL proof or witness file: {0}")]
    Json(#[from] serde_json::Error),
    /// A field element that is not 64 hexadecimal digits below the modulus.
    #[error("not a field element: {0:?}")]
    FieldElement(String),
    /// A proof that is not hexadecimal.
    #[error("the proof is not hexadecimal")]
    Hex,
}

/// A file that is no key artifact of EZKL's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a key artifact: {found_bytes} bytes, and {words:?} words by its first 8")]
pub struct KeyArtifactError {
    /// The file's length.
    pub found_bytes: u64,
    /// How many words of 32 bytes it says that it holds; none where it is too short to say.
    pub words: Option<u64>,
}

/// Reads a key artifact as EZKL writes it: how many words there are (8 bytes, little-endian), then 32 bytes each.
///
/// # Errors
/// [`KeyArtifactError`] where there are no words, or where the length is not what the file says.
pub fn read_key_artifact(bytes: &[u8]) -> Result<Vec<B256>, KeyArtifactError> {
    let mut error = KeyArtifactError {
        found_bytes: bytes.len() as u64,
        words: None,
    };
    let Some((count, rest)) = bytes.split_first_chunk() else {
        return Err(error);
    };
    let (words, remainder) = rest.as_chunks::<32>();
    let count = u64::from_le_bytes(*count);
    if words.is_empty() || words.len() as u64 != count || !remainder.is_empty() {
        error.words = Some(count);
        return Err(error);
    }
    Ok(words.iter().map(B256::from).collect())
}

/// Reads a field element as EZKL writes it: 64 hexadecimal digits, little-endian.
///
/// # Errors
/// [`ProofFileError::FieldElement`] for anything else, and for values not below the BN254 scalar field's modulus.
pub fn read_field_element(text: &str) -> Result<U256, ProofFileError> {
    let error = || ProofFileError::FieldElement(text.to_owned());
    let mut bytes = [0_u8; 32];
    alloy_primitives::hex::decode_to_slice(text, &mut bytes).map_err(|_| error())?;
    let value = U256::from_le_bytes(bytes);
    if value < evmbench_backend::FIELD_MODULUS {
        Ok(value)
    } else {
        Err(error())
    }
}

fn read_vectors(vectors: &[Vec<String>]) -> Result<Vec<Vec<U256>>, ProofFileError> {
    vectors
        .iter()
        .map(|vector| vector.iter().map(|text| read_field_element(text)).collect())
        .collect()
}

/// `proof.json` and `witness.json` as EZKL writes them.
#[derive(Debug)]
pub struct ProofFile;

#[derive(Deserialize)]
struct ProofJson {
    instances: Vec<Vec<String>>,
    hex_proof: String,
}

#[derive(Deserialize)]
struct WitnessJson {
    inputs: Vec<Vec<String>>,
    outputs: Vec<Vec<String>>,
    processed_inputs: Option<ProcessedJson>,
    processed_params: Option<ProcessedJson>,
    processed_outputs: Option<ProcessedJson>,
}

/// What EZKL makes of tensors that are hashed or committed to.
#[derive(Deserialize)]
struct ProcessedJson {
    poseidon_hash: Option<Vec<String>>,
}

/// A witness's tensors, and their hashes where they are hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WitnessFile {
    /// One vector for each graph input.
    pub(super) inputs: Vec<Vec<U256>>,
    /// One vector for each graph output.
    pub(super) outputs: Vec<Vec<U256>>,
    input_hashes: Vec<U256>,
    parameter_hashes: Vec<U256>,
    output_hashes: Vec<U256>,
}

impl WitnessFile {
    /// Reads a witness of a circuit that EZKL made of a model.
    ///
    /// # Errors
    /// [`ProofFileError`].
    pub(super) fn parse(text: &str) -> Result<Self, ProofFileError> {
        let json: WitnessJson = serde_json::from_str(text)?;
        let hashes = |processed: Option<ProcessedJson>| {
            let hashes = processed.and_then(|processed| processed.poseidon_hash);
            hashes
                .iter()
                .flatten()
                .map(|text| read_field_element(text))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            inputs: read_vectors(&json.inputs)?,
            outputs: read_vectors(&json.outputs)?,
            input_hashes: hashes(json.processed_inputs)?,
            parameter_hashes: hashes(json.processed_params)?,
            output_hashes: hashes(json.processed_outputs)?,
        })
    }

    /// The public values of its proof, in the order of EZKL's `prepare_public_inputs` (src/graph/mod.rs).
    pub(super) fn instances(&self, plan: CircuitPlan) -> Vec<U256> {
        let shown = |visibility, tensors: &[Vec<U256>]| match visibility {
            Visibility::Public => tensors.concat(),
            _ => Vec::new(),
        };
        [
            self.input_hashes.clone(),
            self.parameter_hashes.clone(),
            shown(plan.input_visibility(), &self.inputs),
            shown(plan.output_visibility(), &self.outputs),
            self.output_hashes.clone(),
        ]
        .concat()
    }
}

impl ProofFile {
    /// Proof bytes and instances, the latter in the order in which the verifier takes them.
    ///
    /// # Errors
    /// [`ProofFileError`].
    pub fn parse_proof(text: &str) -> Result<Proof, ProofFileError> {
        let json: ProofJson = serde_json::from_str(text)?;
        let proof = alloy_primitives::hex::decode(&json.hex_proof).map_err(|_| ProofFileError::Hex)?;
        Ok(Proof {
            proof,
            instances: read_vectors(&json.instances)?.concat(),
        })
    }

    /// The witness's outputs, one vector of field elements for each graph output.
    ///
    /// # Errors
    /// [`ProofFileError`].
    pub fn parse_witness_outputs(text: &str) -> Result<Vec<Vec<U256>>, ProofFileError> {
        Ok(WitnessFile::parse(text)?.outputs)
    }
}

/// Counts columns in a verifier that EZKL 23.0.5 generated; `None` where the source has another form.
pub fn count_columns(source: &str) -> Option<VerifierShape> {
    let commitments = |kind: &str| {
        let count = source.matches(&format!("// {kind}[")).count() as u64;
        // Each point is two words, x and y.
        count.is_multiple_of(2).then_some(count / 2)
    };
    // The transcript's first phase reads the advice commitments, 64 bytes each.
    let phase = source.split("// Phase 1\n").nth(1)?;
    let advice_bytes = phase.split("add(proof_cptr, 0x").nth(1)?.split(')').next()?;
    let shape = VerifierShape {
        advice_columns: u64::from_str_radix(advice_bytes, 16).ok()? / 64,
        fixed_columns: commitments("fixed_comms")?,
        permutation_columns: commitments("permutation_comms")?,
    };
    (shape.advice_columns > 0 && shape.fixed_columns > 0).then_some(shape)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: &str = "0100000000000000000000000000000000000000000000000000000000000000";

    #[test]
    fn field_elements_are_little_endian() {
        assert_eq!(read_field_element(ONE).unwrap(), U256::from(1));
    }

    #[test]
    fn the_modulus_is_no_field_element() {
        let modulus: [u8; 32] = evmbench_backend::FIELD_MODULUS.to_le_bytes();
        let largest: [u8; 32] = (evmbench_backend::FIELD_MODULUS - U256::from(1)).to_le_bytes();
        assert!(read_field_element(&alloy_primitives::hex::encode(modulus)).is_err());
        assert!(read_field_element(&alloy_primitives::hex::encode(largest)).is_ok());
        assert!(read_field_element("01").is_err());
        assert!(read_field_element(&"g".repeat(64)).is_err());
    }

    #[test]
    fn a_proof_file_is_read() {
        let text = format!(r#"{{"instances": [["{ONE}"], ["{ONE}"]], "hex_proof": "0x0a0b", "other": 1}}"#);
        let proof = ProofFile::parse_proof(&text).unwrap();
        assert_eq!(proof.proof, [10, 11]);
        assert_eq!(proof.instances, [U256::from(1), U256::from(1)]);
        assert!(ProofFile::parse_proof(r#"{"instances": [], "hex_proof": "0xg"}"#).is_err());
        assert!(ProofFile::parse_proof("").is_err());
    }

    proptest! {
        #[test]
        fn a_key_artifact_is_its_words_after_their_number(words in prop::collection::vec(any::<[u8; 32]>(), 1..40), cut in 1..32_usize) {
            let bytes = [&(words.len() as u64).to_le_bytes()[..], &words.concat()].concat();
            let read = read_key_artifact(&bytes).unwrap();
            prop_assert_eq!(read, words.iter().map(B256::from).collect::<Vec<_>>());
            // Neither a file that was cut off nor one with more than it says.
            prop_assert!(read_key_artifact(&bytes[..bytes.len() - cut]).is_err());
            prop_assert!(read_key_artifact(&[&bytes[..], &vec![0; cut]].concat()).is_err());
            prop_assert!(read_key_artifact(&[&bytes[..], &[0; 32]].concat()).is_err());
        }
    }

    /// Hashes of inputs and parameters come first, and those of outputs last.
    #[test]
    fn a_witness_tells_the_public_values_of_its_proof() {
        let word = |number: u8| format!("{number:02x}{}", "0".repeat(62));
        let json = serde_json::json!({
            "inputs": [[word(1)], [word(2)]], "outputs": [[word(3), word(4)]],
            "processed_inputs": null,
            "processed_params": {"poseidon_hash": [word(5)], "polycommit": null},
            "processed_outputs": {"poseidon_hash": [word(6)], "polycommit": null},
        });
        let witness = WitnessFile::parse(&json.to_string()).unwrap();
        let plan = |output| {
            let plan = CircuitPlan::direct(7).unwrap();
            plan.with_visibilities(None, Some(output), Some(Visibility::Hashed))
                .unwrap()
        };
        let instances = |output| -> Vec<u64> {
            let instances = witness.instances(plan(output));
            instances.into_iter().map(|word| word.to()).collect()
        };
        assert_eq!(instances(Visibility::Hashed), [5, 1, 2, 6]);
        assert_eq!(instances(Visibility::Public), [5, 1, 2, 3, 4, 6]);
    }

    #[test]
    fn an_empty_file_is_no_key_artifact() {
        assert_eq!(read_key_artifact(&[0; 7]).unwrap_err().words, None);
        assert_eq!(read_key_artifact(&[0; 8]).unwrap_err().words, Some(0));
    }

    #[test]
    fn other_source_has_no_shape() {
        assert_eq!(count_columns("contract C {}"), None);
    }
}
