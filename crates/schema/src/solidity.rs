//! How a verifier was compiled, which sections its code has, and what proofs of a batch share.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often the optimizer expects each opcode to run, where no number is asked for: solc's own default.
pub const DEFAULT_OPTIMIZER_RUNS: u64 = 200;

/// Where a compiler was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SolcOrigin {
    /// The user named it; it may be of any version.
    Named,
    /// svm's folder.
    Svm,
    /// The PATH.
    Path,
    /// The npm package that set-up installed.
    Npm,
}

impl fmt::Display for SolcOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Named => "named by the user",
            Self::Svm => "svm",
            Self::Path => "PATH",
            Self::Npm => "npm",
        })
    }
}

/// The options that shape the bytecode.
///
/// They are sent to solc in this order of fields, beside the fixed ones: language Solidity, no libraries, no remappings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompileOptions {
    /// Whether solc's optimizer runs.
    pub optimizer: bool,
    /// How often the optimizer expects each opcode to run.
    pub optimizer_runs: u64,
    /// Whether code is generated through Yul.
    pub via_ir: bool,
    /// The EVM that the bytecode is made for.
    pub evm_version: TargetEvm,
    /// Whether the bytecode ends in a hash of the source and the options.
    pub source_hash_appended: bool,
}

impl CompileOptions {
    /// The defaults, but for how often the optimizer expects each opcode to run.
    #[must_use]
    pub fn with_runs(optimizer_runs: u64) -> Self {
        Self {
            optimizer_runs,
            ..Self::default()
        }
    }
}

/// An EVM that solc can aim at.
///
/// Prague is right for Prague, Osaka and what follows: Osaka only adds an opcode (CLZ), which EZKL's verifiers do not use,
/// so that the bytecode is the same to the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetEvm {
    /// March 2024.
    Cancun,
    /// May 2025.
    Prague,
    /// December 2025.
    Osaka,
}

impl Default for CompileOptions {
    /// Optimizer on at 200 runs, no Yul pipeline, Prague, and no hash of the source.
    ///
    /// Without the hash, equal code is equal bytes, whatever the comments; with it (solc's own default) the code is
    /// 41 bytes longer.
    fn default() -> Self {
        Self {
            optimizer: true,
            optimizer_runs: DEFAULT_OPTIMIZER_RUNS,
            via_ir: false,
            evm_version: TargetEvm::Prague,
            source_hash_appended: false,
        }
    }
}

/// The compiler and everything that it was told, as a record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SolcSettings {
    /// The compiler's full version, build included.
    pub solc_version: String,
    /// Where the compiler came from.
    pub solc_origin: SolcOrigin,
    /// The options that were asked for.
    pub options: CompileOptions,
    /// The whole `settings` object of the standard JSON that solc read.
    pub standard_json_settings: serde_json::Value,
}

/// A part of a generated verifier.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// The contract around the verifier: finding the function, decoding its arguments (the key artifact of a reusable
    /// verifier is one), checking lengths, answering.
    Setup,
    /// Writing the circuit's verifying key to memory, which is a plain verifier's own.
    VerifyingKey,
    /// Public instances: reading them, the Lagrange polynomials of their rows, and the evaluation of their column.
    Instances,
    /// Reading the proof, and hashing it to challenges.
    Transcript,
    /// The circuit's constraints at the challenge: the quotient's evaluation, and the commitment to it.
    Quotient,
    /// The openings of all commitments, put together into the two points of one pairing check.
    Opening,
    /// The pairing check.
    Pairing,
    /// What belongs to no known section.
    #[default]
    Unplaced,
}

impl Section {
    /// Every section, in the order of a record.
    pub const ALL: [Self; 8] = [
        Self::Setup,
        Self::VerifyingKey,
        Self::Instances,
        Self::Transcript,
        Self::Quotient,
        Self::Opening,
        Self::Pairing,
        Self::Unplaced,
    ];
}

/// What proofs of a batch share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// One pairing.
    Pairing,
    /// One pairing, and one multiplication of each commitment of the key.
    Key,
}

impl Sharing {
    /// Both, the plainer one first.
    pub const ALL: [Self; 2] = [Self::Pairing, Self::Key];
}
