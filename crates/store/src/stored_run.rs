//! A record at its place, with the evidence beside it.

use std::path::{Path, PathBuf};

use alloy_primitives::{B256, U256};
use serde_json::Value;

use super::{StoreError, io, load_evidence, parse_with_json};
use evmbench_backend::Proof;
use evmbench_host::files::{self, MOST_TEXT_BYTES};
use evmbench_schema::plan::VerifierKind;
use evmbench_schema::record::{Evidence, Record};

/// A record that was read from its file. Its evidence is read when it is asked for, and held against the record's digests.
#[derive(Debug, Clone)]
pub struct StoredRun {
    path: PathBuf,
    record: Record,
    json: Value,
}

impl StoredRun {
    /// Reads the record at `path`.
    ///
    /// # Errors
    /// [`StoreError`]: unreadable, damaged, or of a version that is not known. Each names the file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let text = files::read(path, MOST_TEXT_BYTES).map_err(io("read", path))?;
        Self::parse(path, &text)
    }

    /// Reads a record from the bytes of the file at `path`, which is named in errors and not opened; its evidence lies beside it.
    ///
    /// # Errors
    /// [`Self::open`]'s.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, StoreError> {
        let (record, json) = parse_with_json(path, bytes)?;
        Ok(Self {
            path: path.to_owned(),
            record,
            json,
        })
    }

    /// Where the record stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The record.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The JSON that the record was read from: that may hold more than this evmbench knows of.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// The record alone.
    pub fn into_record(self) -> Record {
        self.record
    }

    /// One piece of the evidence.
    ///
    /// # Errors
    /// [`StoreError`]: no such evidence, a file that is missing, unreadable, or not what the record says.
    pub fn evidence(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        load_evidence(&self.path, &self.record, name)
    }

    /// One piece of the evidence that is text.
    ///
    /// # Errors
    /// [`Self::evidence`]'s.
    pub fn text(&self, name: &str) -> Result<String, StoreError> {
        Ok(String::from_utf8_lossy(&self.evidence(name)?).into_owned())
    }

    /// The first counted proof, with its public values.
    ///
    /// # Errors
    /// [`Self::evidence`]'s, and [`StoreError::Evidence`].
    pub fn proof(&self) -> Result<Proof, StoreError> {
        Ok(Proof {
            proof: self.evidence(Evidence::PROOF)?,
            instances: Evidence::read_instances(&self.evidence(Evidence::INSTANCES)?)?,
        })
    }

    /// The witness's outputs, one vector for each graph output.
    ///
    /// # Errors
    /// [`Self::evidence`]'s, and [`StoreError::Evidence`].
    pub fn outputs(&self) -> Result<Vec<Vec<U256>>, StoreError> {
        Ok(Evidence::read_outputs(&self.evidence(Evidence::OUTPUTS)?)?)
    }

    /// The key artifact that the verifier takes with each call; none where the verifier is the circuit's own.
    ///
    /// # Errors
    /// [`Self::evidence`]'s, and [`StoreError::Evidence`].
    pub fn key_artifact(&self) -> Result<Option<Vec<B256>>, StoreError> {
        match self.record.request.verifier {
            VerifierKind::Plain => Ok(None),
            VerifierKind::Reusable => {
                let bytes = self.evidence(Evidence::KEY_ARTIFACT)?;
                Ok(Some(Evidence::read_key_artifact(&bytes)?))
            }
        }
    }
}
