//! `evmbench audit`: what an accepted proof proves, for records and for files that evmbench did not make.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Finding;
use super::error::CliError;
use super::output::say;
use super::progress::Progress;
use super::verify::Workshop;
use super::{setup, srs};
use crate::files::{self, MOST_TEXT_BYTES};
use crate::home::Home;
use crate::ledger::{self, Facts, Ledger, Level};
use crate::model::cost::cost;
use crate::model::onnx::{self, Coverage};
use crate::prover::{EzklOptions, EzklProver, SettingsFile, SrsStore, StringFile, negated_s_g2};
use crate::rederive::{self, Given};
use crate::store::StoredRun;

/// Say what an accepted proof proves: for records, or for any of settings, key, verifier, reference string and model
///
/// A record's own ledger is not believed: every item is derived again from its evidence, and what only the record says is
/// named. Every item has a level: sound; limited (true, but it proves less than a reader expects); UNSOUND (a false statement
/// can be accepted); unknown (what is at hand does not show it). The exit status is 1 where anything is unsound, and where a
/// record says otherwise than its evidence.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("subject").required(true).multiple(true)))]
pub(super) struct Arguments {
    /// Records, as in results/core/relu-s7-direct.json
    #[arg(value_name = "RECORD", group = "subject", conflicts_with_all = ["settings", "key", "verifier"])]
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
    /// The reference string: the name of an imported one, or a file
    #[arg(long, value_name = "NAME|FILE", group = "subject")]
    srs: Option<PathBuf>,
    /// The ONNX model: whether it has weights, and which operators; beside a record, the model that was proved
    #[arg(long, visible_alias = "onnx", value_name = "FILE", group = "subject")]
    model: Option<PathBuf>,
    /// Beside a record and its model, the input that was proved
    #[arg(long, value_name = "FILE", requires = "records", requires = "model")]
    input: Option<PathBuf>,
    /// Make key, verifier and commitments of each record again with EZKL, and hold every byte against the evidence. The
    /// reference string must be at hand: --srs, or the test string of this machine
    #[arg(long, requires = "records")]
    reproduce: bool,
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
    /// Where a record says otherwise than its evidence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    discrepancies: Vec<String>,
    /// What a reader of an older record should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let string = arguments.srs.as_deref().map(srs::find).transpose()?;
    let string = string.as_ref();
    let audited = if arguments.records.is_empty() {
        vec![arguments.files(string)?]
    } else {
        let workshop = Workshop::default();
        let prover = arguments
            .reproduce
            .then(|| Arguments::prover(string))
            .transpose()?;
        arguments
            .records
            .iter()
            .map(|path| arguments.record(path, string, &workshop, prover.as_ref()))
            .collect::<Result<_, CliError>>()?
    };
    if arguments.json {
        let text = serde_json::to_string_pretty(&audited).expect("a ledger is plain data");
        say!("{text}")?;
    } else {
        for (index, audited) in audited.iter().enumerate() {
            let gap = if index > 0 { "\n" } else { "" };
            say!("{gap}{}\n{}", audited.subject, audited.ledger)?;
            for discrepancy in &audited.discrepancies {
                say!("  DIFFERS  {discrepancy}")?;
            }
            for remark in &audited.remarks {
                say!("  {remark}")?;
            }
        }
    }
    let worst = audited.iter().map(|audited| audited.ledger.level).max();
    let accepted = if arguments.strict {
        Level::Sound
    } else {
        Level::Limited
    };
    let differs = audited.iter().any(|audited| !audited.discrepancies.is_empty());
    Ok(if worst > Some(accepted) || differs {
        Finding::Bad
    } else {
        Finding::Good
    })
}

impl Arguments {
    /// The ledger of a record, from its evidence.
    fn record(
        &self,
        path: &Path,
        string: Option<&StringFile>,
        workshop: &Workshop,
        prover: Option<&EzklProver>,
    ) -> Result<Audited, CliError> {
        let run = StoredRun::open(path)?;
        let given = Given {
            onnx: self.model.as_deref(),
            input: self.input.as_deref(),
            srs: string,
            prover,
        };
        let rederived = rederive::rederive(&run, given, workshop.open()?)?;
        Ok(Audited {
            subject: path.display().to_string(),
            ledger: rederived.audited(),
            discrepancies: rederived.discrepancies.iter().map(ToString::to_string).collect(),
            remarks: rederived.remarks,
        })
    }

    /// EZKL, installed where it is missing, with the reference string that was named.
    fn prover(string: Option<&StringFile>) -> Result<EzklProver, CliError> {
        let home = Home::from_environment()?;
        let toolchain = setup::toolchain(&home, &Progress::new())?;
        let mut options = EzklOptions::for_home(&home);
        if let Some(string) = string {
            options.srs = SrsStore::of(string.clone())?;
        }
        Ok(EzklProver::new(&home, toolchain, options))
    }

    /// The ledger of files, whichever there are.
    fn files(&self, string: Option<&StringFile>) -> Result<Audited, CliError> {
        let mut facts = Facts::default();
        if let Some(path) = &self.settings {
            let text = String::from_utf8_lossy(&read(path)?).into_owned();
            let settings = SettingsFile::parse(&text).map_err(|source| CliError::Settings {
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
        if let Some(string) = string {
            facts.srs = Some(string.identity.clone());
            facts.negated_s_g2 = Some(negated_s_g2(&string.path)?);
        }
        if let Some(path) = &self.model {
            match onnx::load(path, &onnx::Asked::default())
                .map_err(crate::subject::SubjectError::from)?
                .model
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
            ledger: ledger::derive(&facts),
            discrepancies: Vec::new(),
            remarks: Vec::new(),
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    files::read(path, MOST_TEXT_BYTES).map_err(|source| CliError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}
