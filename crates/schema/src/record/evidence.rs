//! What stands behind a record: enough to deploy the verifier and verify the proof again, years later.

use alloy_primitives::{B256, U256};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FileName;

/// One file of evidence, kept compressed beside the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceFile {
    /// Its name, without the ending of the compression.
    pub name: FileName,
    /// SHA-256 of its uncompressed bytes.
    pub sha256: String,
    /// Uncompressed, in bytes.
    pub size_bytes: u64,
    /// Compressed, in bytes.
    pub compressed_bytes: u64,
    /// SHA-256 of its compressed bytes, which can be others for the same content; absent in records before schema 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compressed_sha256: Option<String>,
    /// Whether its size keeps it out of git.
    pub large: bool,
}

/// What a run leaves beside its record; what the run did not reach is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// EZKL's settings file.
    pub settings: Option<String>,
    /// The verifying key.
    pub verifying_key: Option<Vec<u8>>,
    /// The generated Solidity source.
    pub verifier_source: Option<String>,
    /// What a reusable verifier is told of the circuit.
    pub key_artifact: Option<Vec<B256>>,
    /// Bytecode that deploys it.
    pub creation_code: Option<Vec<u8>>,
    /// Bytecode that stands on chain.
    pub runtime_code: Option<Vec<u8>>,
    /// The first counted proof.
    pub proof: Option<Vec<u8>>,
    /// Its public values.
    pub instances: Option<Vec<U256>>,
    /// The witness's outputs, one vector for each graph output.
    pub outputs: Option<Vec<Vec<U256>>>,
    /// The call that verifies it.
    pub calldata: Option<Vec<u8>>,
}

/// Evidence that is not what its name says.
#[derive(Debug, thiserror::Error)]
#[error("evidence {name:?} cannot be read: {source}")]
pub struct EvidenceError {
    /// The file's name.
    pub name: &'static str,
    /// Why.
    pub source: serde_json::Error,
}

impl Evidence {
    /// Name of the settings file.
    pub const SETTINGS: &str = "settings.json";
    /// Name of the verifying key.
    pub const VERIFYING_KEY: &str = "verifying.key";
    /// Name of the Solidity source.
    pub const VERIFIER_SOURCE: &str = "verifier.sol";
    /// Name of the key artifact.
    pub const KEY_ARTIFACT: &str = "key_artifact.json";
    /// Name of the creation code.
    pub const CREATION_CODE: &str = "creation.bin";
    /// Name of the runtime code.
    pub const RUNTIME_CODE: &str = "runtime.bin";
    /// Name of the proof.
    pub const PROOF: &str = "proof.bin";
    /// Name of the instances.
    pub const INSTANCES: &str = "instances.json";
    /// Name of the outputs.
    pub const OUTPUTS: &str = "outputs.json";
    /// Name of the calldata.
    pub const CALLDATA: &str = "calldata.bin";

    /// Names and bytes of everything that is there.
    pub fn files(&self) -> Vec<(&'static str, Vec<u8>)> {
        let text = |text: &Option<String>| text.clone().map(String::into_bytes);
        let words = |words: String| words.into_bytes();
        [
            (Self::SETTINGS, text(&self.settings)),
            (Self::VERIFYING_KEY, self.verifying_key.clone()),
            (Self::VERIFIER_SOURCE, text(&self.verifier_source)),
            (
                Self::KEY_ARTIFACT,
                self.key_artifact.as_ref().map(|list| key_artifact_json(list)),
            ),
            (Self::CREATION_CODE, self.creation_code.clone()),
            (Self::RUNTIME_CODE, self.runtime_code.clone()),
            (Self::PROOF, self.proof.clone()),
            (
                Self::INSTANCES,
                self.instances.as_ref().map(|list| words(words_json(list))),
            ),
            (
                Self::OUTPUTS,
                self.outputs.as_ref().map(|lists| words(word_lists_json(lists))),
            ),
            (Self::CALLDATA, self.calldata.clone()),
        ]
        .into_iter()
        .filter_map(|(name, bytes)| Some((name, bytes?)))
        .collect()
    }

    /// Takes a file in under its name; `false` where no evidence has that name.
    ///
    /// # Errors
    /// [`EvidenceError`] where the bytes are not what the name says.
    pub fn put(&mut self, name: &str, bytes: Vec<u8>) -> Result<bool, EvidenceError> {
        let text = |bytes: Vec<u8>| Some(String::from_utf8_lossy(&bytes).into_owned());
        match name {
            Self::SETTINGS => self.settings = text(bytes),
            Self::VERIFYING_KEY => self.verifying_key = Some(bytes),
            Self::VERIFIER_SOURCE => self.verifier_source = text(bytes),
            Self::KEY_ARTIFACT => self.key_artifact = Some(Self::read_key_artifact(&bytes)?),
            Self::CREATION_CODE => self.creation_code = Some(bytes),
            Self::RUNTIME_CODE => self.runtime_code = Some(bytes),
            Self::PROOF => self.proof = Some(bytes),
            Self::INSTANCES => self.instances = Some(Self::read_instances(&bytes)?),
            Self::OUTPUTS => self.outputs = Some(Self::read_outputs(&bytes)?),
            Self::CALLDATA => self.calldata = Some(bytes),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Reads the words of [`Self::INSTANCES`].
    ///
    /// # Errors
    /// [`EvidenceError`] where the bytes are not a list of words.
    pub fn read_instances(bytes: &[u8]) -> Result<Vec<U256>, EvidenceError> {
        serde_json::from_slice(bytes).map_err(|source| EvidenceError {
            name: Self::INSTANCES,
            source,
        })
    }

    /// Reads the words of [`Self::KEY_ARTIFACT`].
    ///
    /// # Errors
    /// [`EvidenceError`] where the bytes are not a list of words.
    pub fn read_key_artifact(bytes: &[u8]) -> Result<Vec<B256>, EvidenceError> {
        serde_json::from_slice(bytes).map_err(|source| EvidenceError {
            name: Self::KEY_ARTIFACT,
            source,
        })
    }

    /// Reads the words of [`Self::OUTPUTS`].
    ///
    /// # Errors
    /// [`EvidenceError`] where the bytes are not lists of words.
    pub fn read_outputs(bytes: &[u8]) -> Result<Vec<Vec<U256>>, EvidenceError> {
        serde_json::from_slice(bytes).map_err(|source| EvidenceError {
            name: Self::OUTPUTS,
            source,
        })
    }
}

fn key_artifact_json(words: &[B256]) -> Vec<u8> {
    serde_json::to_vec(words).expect("words are plain data")
}

fn words_json(words: &[U256]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word:#x}\"")).collect();
    format!("[{}]", words.join(","))
}

fn word_lists_json(lists: &[Vec<U256>]) -> String {
    let lists: Vec<String> = lists.iter().map(|list| words_json(list)).collect();
    format!("[{}]", lists.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        let outputs = vec![vec![U256::from(0), U256::MAX], vec![], vec![U256::from(258)]];
        let evidence = Evidence {
            instances: Some(outputs.concat()),
            outputs: Some(outputs.clone()),
            key_artifact: Some(vec![B256::ZERO, B256::repeat_byte(0x5a)]),
            ..Evidence::default()
        };
        let files = evidence.files();
        assert_eq!(files.len(), 3);
        assert_eq!(
            Evidence::read_key_artifact(&files[0].1).unwrap(),
            [B256::ZERO, B256::repeat_byte(0x5a)]
        );
        assert_eq!(Evidence::read_instances(&files[1].1).unwrap(), outputs.concat());
        assert_eq!(Evidence::read_outputs(&files[2].1).unwrap(), outputs);
        assert!(Evidence::read_key_artifact(b"[\"0x00\"]").is_err());
        assert!(Evidence::read_outputs(b"[[1.5]]").is_err());
    }
}
