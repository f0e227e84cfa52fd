//! What differs around the experiments: versions, rules, inputs, machine. It explains most of what else differs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Pair;
use crate::record::Record;
use crate::solidity::CompileOptions;

/// A circumstance of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// solc's full version.
    Solc,
    /// What solc was asked for.
    SolcOptions,
    /// EZKL's version.
    Ezkl,
    /// revm's version.
    Revm,
    /// The EVM's rules.
    Fork,
    /// evmbench's version.
    Evmbench,
    /// The revision that evmbench was built from.
    Revision,
    /// The model's ONNX bytes.
    Model,
    /// The weights.
    Weights,
    /// The input's elements.
    Input,
    /// The reference string.
    Srs,
    /// The verifying key.
    VerifyingKey,
    /// The machine, by its fingerprint.
    Machine,
    /// Whether other processes took much of the machine.
    OtherWork,
    /// Threads of EZKL's workers.
    Threads,
    /// Cap on the workers' memory.
    MemoryLimit,
}

impl Context {
    /// Every circumstance, most telling first.
    const ALL: [Self; 16] = [
        Self::Solc,
        Self::SolcOptions,
        Self::Ezkl,
        Self::Revm,
        Self::Fork,
        Self::Evmbench,
        Self::Revision,
        Self::Model,
        Self::Weights,
        Self::Input,
        Self::Srs,
        Self::VerifyingKey,
        Self::Machine,
        Self::OtherWork,
        Self::Threads,
        Self::MemoryLimit,
    ];

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Solc => "solc",
            Self::SolcOptions => "solc options",
            Self::Ezkl => "EZKL",
            Self::Revm => "revm",
            Self::Fork => "fork",
            Self::Evmbench => "evmbench",
            Self::Revision => "evmbench revision",
            Self::Model => "model",
            Self::Weights => "weights",
            Self::Input => "input",
            Self::Srs => "reference string",
            Self::VerifyingKey => "verifying key",
            Self::Machine => "machine",
            Self::OtherWork => "other work",
            Self::Threads => "threads",
            Self::MemoryLimit => "memory cap",
        }
    }

    /// As a record says it; none where the run did not come so far.
    fn of(self, record: &Record) -> Option<String> {
        let environment = &record.environment;
        let keys = record.keys.as_ref();
        // What went through the part on chain again is what the gas comes from.
        let renewal = record.renewal.as_ref();
        match self {
            Self::Solc => Some(environment.solc_version.clone()),
            Self::SolcOptions => Some(options(&record.verifier.as_ref()?.solc.options)),
            Self::Ezkl => Some(environment.ezkl_version.clone()),
            Self::Revm => Some(
                renewal
                    .map_or(&environment.revm_version, |renewal| &renewal.revm_version)
                    .clone(),
            ),
            Self::Fork => Some(record.request.fork.name().to_owned()),
            Self::Evmbench => Some(
                renewal
                    .map_or(&environment.evmbench_version, |renewal| &renewal.evmbench_version)
                    .clone(),
            ),
            Self::Revision => renewal
                .map_or(&environment.git_revision, |renewal| &renewal.git_revision)
                .clone(),
            Self::Model => Some(record.model.onnx_sha256.clone()),
            Self::Weights => Some(record.model.weights.to_string()),
            Self::Input => Some(record.input.sha256.clone()),
            Self::Srs => Some(keys?.srs.sha256.clone()),
            Self::VerifyingKey => Some(keys?.verifying_key_sha256.clone()),
            Self::Machine => {
                let machine = &environment.machine;
                Some(format!(
                    "{}: {}, {} cores",
                    machine.fingerprint, machine.cpu, machine.cores
                ))
            }
            Self::OtherWork => {
                let words = if record.others?.is_much() {
                    "beside others"
                } else {
                    "alone"
                };
                Some(words.to_owned())
            }
            Self::Threads => Some(environment.threads.to_string()),
            Self::MemoryLimit => Some(
                environment
                    .memory_limit_bytes
                    .map_or_else(|| "none".to_owned(), |bytes| format!("{bytes} bytes")),
            ),
        }
    }
}

fn options(options: &CompileOptions) -> String {
    let CompileOptions {
        optimizer,
        optimizer_runs,
        via_ir,
        evm_version,
        source_hash_appended,
    } = options;
    let optimizer = if *optimizer {
        format!("optimizer at {optimizer_runs} runs")
    } else {
        "no optimizer".to_owned()
    };
    let via_ir = if *via_ir { ", through Yul" } else { "" };
    let hash = if *source_hash_appended {
        ", source hash"
    } else {
        ""
    };
    format!("{optimizer}, for {evm_version:?}{via_ir}{hash}")
}

/// A circumstance that differs between OLD and NEW.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContextChange {
    /// Which.
    pub context: Context,
    /// In OLD.
    pub old: String,
    /// In NEW.
    pub new: String,
    /// The experiments for which it is so.
    pub experiments: Vec<String>,
}

/// What differs, each pair of values once, in the order of [`Context::ALL`].
pub(super) fn changes(pairs: &[Pair]) -> Vec<ContextChange> {
    let mut changes = Vec::new();
    for context in Context::ALL {
        let mut found = BTreeMap::<(String, String), Vec<String>>::new();
        for pair in pairs {
            if let (Some(old), Some(new)) = (context.of(pair.old), context.of(pair.new))
                && old != new
            {
                found.entry((old, new)).or_default().push(pair.experiment.clone());
            }
        }
        changes.extend(found.into_iter().map(|((old, new), experiments)| ContextChange {
            context,
            old,
            new,
            experiments,
        }));
    }
    changes
}
