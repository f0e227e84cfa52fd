//! `evmbench audit`: what an accepted proof proves, for records and for files that evmbench did not make.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Finding;
use super::error::CliError;
use super::output::say;
use crate::ledger::{Facts, Ledger, Level};
use crate::model::cost::cost;
use crate::model::onnx::{self, Coverage};
use crate::prover::{Statement, check_srs_file, negated_s_g2};
use crate::record::{Evidence, Record};
use crate::store::{self, StoreError};

/// Say what an accepted proof proves: for records, or for any of settings, key, verifier, reference string and model
///
/// Every item has a level: sound; limited (true, but it proves less than a reader expects); UNSOUND (a false statement
/// can be accepted); unknown (what is at hand does not show it). The exit status is 1 where anything is unsound.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("subject").required(true).multiple(true)))]
pub(super) struct Arguments {
    /// Records, as in results/core/relu-s7-direct.json
    #[arg(value_name = "RECORD", group = "subject", conflicts_with_all = ["settings", "key", "verifier", "srs", "model"])]
    records: Vec<PathBuf>,
    /// EZKL's settings file
    #[arg(long, value_name = "FILE", group = "subject")]
    settings: Option<PathBuf>,
    /// The verifying key
    #[arg(long, value_name = "FILE", group = "subject")]
    key: Option<PathBuf>,
    /// The verifier's Solidity source
    #[arg(long, value_name = "FILE", group = "subject")]
    verifier: Option<PathBuf>,
    /// The reference string
    #[arg(long, value_name = "FILE", group = "subject")]
    srs: Option<PathBuf>,
    /// The ONNX model: whether it has weights, and which operators
    #[arg(long, value_name = "FILE", group = "subject")]
    model: Option<PathBuf>,
    /// Exit with 1 for anything that is not sound
    #[arg(long)]
    strict: bool,
    /// Print JSON: a list of subjects with their ledgers
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Audited {
    subject: String,
    ledger: Ledger,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let audited = if arguments.records.is_empty() {
        vec![arguments.files()?]
    } else {
        let of_record = |path: &PathBuf| {
            let record = store::load(path)?;
            Ok(Audited {
                subject: path.display().to_string(),
                ledger: of_record(path, &record)?,
            })
        };
        arguments
            .records
            .iter()
            .map(of_record)
            .collect::<Result<_, StoreError>>()?
    };
    if arguments.json {
        let text = serde_json::to_string_pretty(&audited).expect("a ledger is plain data");
        say!("{text}")?;
    } else {
        for (index, Audited { subject, ledger }) in audited.iter().enumerate() {
            let gap = if index > 0 { "\n" } else { "" };
            say!("{gap}{subject}\n{ledger}")?;
        }
    }
    let worst = audited.iter().map(|audited| audited.ledger.level).max();
    let accepted = if arguments.strict {
        Level::Sound
    } else {
        Level::Limited
    };
    Ok(if worst > Some(accepted) {
        Finding::Bad
    } else {
        Finding::Good
    })
}

/// A record's ledger: its own, or that of an older record from the record and what is left of its evidence.
fn of_record(path: &Path, record: &Record) -> Result<Ledger, StoreError> {
    if let Some(ledger) = &record.ledger {
        return Ok(ledger.clone());
    }
    let load = |name| match store::load_evidence(path, record, name) {
        Ok(bytes) => Ok(Some(bytes)),
        // What a run did not reach, and what is kept out of git, is unknown.
        Err(StoreError::NoEvidence { .. } | StoreError::MissingEvidence { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    let source = load(Evidence::VERIFIER_SOURCE)?;
    let key_artifact = load(Evidence::KEY_ARTIFACT)?;
    let evidence = Evidence {
        // One that cannot be read brings no key.
        key_artifact: key_artifact.and_then(|bytes| Evidence::read_key_artifact(&bytes).ok()),
        verifying_key: load(Evidence::VERIFYING_KEY)?,
        verifier_source: source.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        ..Evidence::default()
    };
    Ok(Ledger::derive(&record.facts(&evidence, None)))
}

impl Arguments {
    /// The ledger of files, whichever there are.
    fn files(&self) -> Result<Audited, CliError> {
        let mut facts = Facts::default();
        if let Some(path) = &self.settings {
            let text = String::from_utf8_lossy(&read(path)?).into_owned();
            let settings = Statement::parse(&text).map_err(|source| CliError::Settings {
                path: path.clone(),
                source,
            })?;
            facts.settings = Some(settings);
        }
        if let Some(path) = &self.key {
            facts.verifying_key = Some(read(path)?);
        }
        if let Some(path) = &self.verifier {
            facts.verifier_source = Some(String::from_utf8_lossy(&read(path)?).into_owned());
        }
        if let Some(path) = &self.srs {
            facts.srs = Some(check_srs_file(path)?);
            facts.negated_s_g2 = Some(negated_s_g2(path)?);
        }
        if let Some(path) = &self.model {
            match onnx::load(path)
                .map_err(crate::subject::SubjectError::from)?
                .1
                .coverage
            {
                Coverage::Full(graph) => {
                    facts.parameters = Some(cost(&graph).parameters);
                    let names = graph.nodes.iter().map(|node| node.op.onnx_name().to_owned());
                    facts.operators = Some(names.collect());
                }
                Coverage::Partial(uncovered) => {
                    facts.operators = Some(uncovered.into_iter().map(|node| node.operator).collect());
                }
            }
        }
        let files = [&self.settings, &self.key, &self.verifier, &self.srs, &self.model];
        let names: Vec<String> = files
            .into_iter()
            .flatten()
            .map(|path| path.display().to_string())
            .collect();
        Ok(Audited {
            subject: names.join(", "),
            ledger: Ledger::derive(&facts),
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|source| CliError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}
