//! A record's files of evidence, every one held against what the record says of it.

use std::collections::BTreeSet;

use evmbench_schema::record::{Evidence, Record};
use evmbench_store::{self as store, StoreError, StoredRun};

use super::Discrepancy;

/// What a record's evidence holds, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Exhibits {
    /// What could be read, and is what the record says.
    pub evidence: Evidence,
    /// Files that are missing, changed, unknown, or not what their names say.
    pub discrepancies: Vec<Discrepancy>,
    /// Files that are not there because their size keeps them out of git.
    pub left_out: Vec<String>,
}

impl Exhibits {
    /// Reads every file that a stored run's record names.
    pub fn of(run: &StoredRun) -> Self {
        let record = run.record();
        let mut exhibits = Self::default();
        let mut names = BTreeSet::new();
        for file in &record.evidence {
            if !names.insert(&file.name) {
                exhibits.wrong(&file.name, "the record names it twice".to_owned());
            }
            if file.large != store::is_large(file.compressed_bytes) {
                exhibits.wrong(
                    &file.name,
                    "the record is wrong about where its size puts it".to_owned(),
                );
            }
            match run.evidence(&file.name) {
                Ok(bytes) => exhibits.take(&file.name, bytes),
                Err(error @ StoreError::MissingEvidence { large: true, .. }) => {
                    exhibits.wrong(&file.name, error.to_string());
                    exhibits.left_out.push(file.name.to_string());
                }
                Err(error) => exhibits.wrong(&file.name, error.to_string()),
            }
        }
        exhibits.hold_against(record);
        exhibits
    }

    fn take(&mut self, name: &str, bytes: Vec<u8>) {
        match self.evidence.put(name, bytes) {
            Ok(true) => {}
            Ok(false) => self.wrong(name, "no evidence has this name".to_owned()),
            Err(error) => self.wrong(name, error.to_string()),
        }
    }

    fn wrong(&mut self, name: &str, what: String) {
        self.discrepancies.push(Discrepancy {
            place: format!("evidence {name}"),
            what,
        });
    }

    /// Whatever a run came to has its evidence.
    fn hold_against(&mut self, record: &Record) {
        let of_keys = [Evidence::VERIFYING_KEY, Evidence::VERIFIER_SOURCE];
        let of_proof = [
            Evidence::PROOF,
            Evidence::INSTANCES,
            Evidence::OUTPUTS,
            Evidence::CALLDATA,
        ];
        let of_code = [Evidence::CREATION_CODE, Evidence::RUNTIME_CODE];
        let needed = [
            (record.circuit.is_some(), &[Evidence::SETTINGS][..]),
            (record.keys.is_some(), &of_keys[..]),
            (record.proof.is_some(), &of_proof[..]),
            (record.verifier.is_some(), &of_code[..]),
            (record.registration.is_some(), &[Evidence::KEY_ARTIFACT][..]),
        ];
        for (_, names) in needed.iter().filter(|(reached, _)| *reached) {
            for &name in *names {
                if !record.evidence.iter().any(|file| file.name == name) {
                    self.wrong(
                        name,
                        "the run came so far, and the record does not name it".to_owned(),
                    );
                }
            }
        }
    }
}
