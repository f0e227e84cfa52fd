//! Solidity source text → bytecode.
//!
//! Goes in: the text of one self-contained source file and the name of a contract in it. Comes out: the contract's
//! creation and runtime code (bytes), what text each instruction was made of, its ABI, solc's warnings, and every option
//! that solc was given. Nothing here knows what happens to the bytecode, and only [`sections`] and [`opening`] what a
//! contract is for.
//!
//! One version of solc is pinned, so that one source gives one bytecode on every machine. It is taken from svm's folder
//! or from PATH where that version is there, else from npm ([`Solc::obtain`]). The native compiler and the npm one are the
//! same program, built for different machines, and give the same bytecode.

mod compiler;
mod error;
mod npm;
pub mod opening;
pub mod sections;

use std::path::{Path, PathBuf};
use std::process::Command;

use alloy_primitives::Bytes;
use foundry_compilers_artifacts_solc::{
    Bytecode, BytecodeHash, DeployedBytecode, EvmVersion, Settings, SettingsMetadata, Severity, SolcInput,
    SolcLanguage, output_selection::OutputSelection, sources::Source,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use evmbench_schema::solidity::{
    CompileOptions, DEFAULT_OPTIMIZER_RUNS, Section, SolcOrigin, SolcSettings, TargetEvm,
};

use compiler::Compiler;
pub use compiler::CompilerError;
pub use error::SolidityError;
pub use sections::{Place, SectionMap};

/// The pinned compiler. It knows every target from Cancun to Osaka; EZKL's verifiers ask for `^0.8.0`.
pub const SOLC_VERSION: &str = "0.8.30";

/// A compiler that has told its version.
#[derive(Debug, Clone)]
pub struct Solc {
    compiler: Compiler,
    origin: SolcOrigin,
}

fn evm_version(target: TargetEvm) -> EvmVersion {
    match target {
        TargetEvm::Cancun => EvmVersion::Cancun,
        TargetEvm::Prague => EvmVersion::Prague,
        TargetEvm::Osaka => EvmVersion::Osaka,
    }
}

/// The options as solc takes them.
fn settings_of(options: &CompileOptions) -> Settings {
    let mut settings = Settings::new(OutputSelection::common_output_selection(
        [
            "abi",
            "evm.bytecode.object",
            "evm.bytecode.linkReferences",
            "evm.deployedBytecode.object",
            "evm.deployedBytecode.linkReferences",
            "evm.deployedBytecode.sourceMap",
        ]
        .map(str::to_owned),
    ));
    settings.optimizer.enabled = Some(options.optimizer);
    settings.optimizer.runs = Some(usize::try_from(options.optimizer_runs).unwrap_or(usize::MAX));
    settings.via_ir = Some(options.via_ir);
    settings.evm_version = Some(evm_version(options.evm_version));
    settings.metadata = Some(SettingsMetadata::from(if options.source_hash_appended {
        BytecodeHash::Ipfs
    } else {
        BytecodeHash::None
    }));
    settings
}

/// One contract, compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompiledContract {
    /// The contract's name.
    pub contract: String,
    /// What a deployment transaction carries: the constructor and the runtime code.
    #[schemars(with = "String")]
    pub creation_code: Bytes,
    /// What stays on chain.
    #[schemars(with = "String")]
    pub runtime_code: Bytes,
    /// solc's source map of the runtime code: for each instruction, the bytes of the source that it was made of.
    pub runtime_source_map: String,
    /// The contract's interface, as solc's JSON.
    pub abi: serde_json::Value,
    /// Length of the source text, all files together.
    pub source_bytes: u64,
    /// solc's warnings, formatted by it.
    pub warnings: Vec<String>,
    /// The compiler and its options.
    pub settings: SolcSettings,
}

impl CompiledContract {
    /// The sections of the runtime code, where `source`, which it was compiled from, is a verifier that EZKL generated.
    pub fn sections(&self, source: &str) -> Option<SectionMap> {
        SectionMap::of(source, &self.runtime_code, &self.runtime_source_map)
    }
}

impl Solc {
    /// The first compiler of these: the one named; one of exactly [`SOLC_VERSION`] in svm's folder; one of exactly that
    /// version on PATH; the npm one in `npm_folder`.
    ///
    /// # Errors
    /// [`SolidityError::Unusable`] where the named or the npm one does not answer, [`SolidityError::NotFound`] where
    /// there is none.
    pub fn locate(named: Option<&Path>, npm_folder: &Path) -> Result<Self, SolidityError> {
        if let Some(path) = named {
            return Self::ask(path, SolcOrigin::Named);
        }
        let pinned = svm_candidates()
            .into_iter()
            .map(|path| (path, SolcOrigin::Svm))
            .chain(path_candidates().into_iter().map(|path| (path, SolcOrigin::Path)))
            .filter(|(path, _)| path.is_file())
            .filter_map(|(path, origin)| Self::ask(&path, origin).ok())
            .find(Self::is_pinned);
        if let Some(solc) = pinned {
            return Ok(solc);
        }
        let shim = npm::shim(npm_folder);
        if !shim.is_file() {
            return Err(SolidityError::NotFound {
                npm_folder: npm_folder.to_owned(),
            });
        }
        crate::npm::require_node()?;
        Self::ask(&shim, SolcOrigin::Npm)
    }

    /// The compiler that [`Self::locate`] finds, else the npm one, installed into `npm_folder`.
    ///
    /// The folder appears whole or not at all; what does not work in its place is replaced.
    ///
    /// # Errors
    /// [`SolidityError::Npm`] without node or npm, or where npm fails, and [`SolidityError::Unusable`] where the machine keeps the
    /// compiler that is there from running.
    pub fn obtain(npm_folder: &Path) -> Result<Self, SolidityError> {
        match Self::locate(None, npm_folder) {
            Err(error) if error.is_mended_by_installing() => npm::install(npm_folder, Command::new("npm")),
            other => other,
        }
    }

    fn ask(path: &Path, origin: SolcOrigin) -> Result<Self, SolidityError> {
        let compiler = Compiler::ask(path).map_err(|source| SolidityError::Unusable {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { compiler, origin })
    }

    fn is_pinned(&self) -> bool {
        let version = &self.compiler.version;
        version.pre.is_empty()
            && format!("{}.{}.{}", version.major, version.minor, version.patch) == SOLC_VERSION
    }

    /// The compiler's full version, build included, as in `0.8.30+commit.73712a01.Emscripten.clang`.
    pub fn version(&self) -> String {
        self.compiler.version.to_string()
    }

    /// The program that runs.
    pub fn path(&self) -> &Path {
        &self.compiler.path
    }

    /// Where it was found.
    pub fn origin(&self) -> SolcOrigin {
        self.origin
    }

    /// Compiles one contract of one self-contained source text.
    ///
    /// # Errors
    /// [`SolidityError::Rejected`] with solc's own messages where the source is wrong; other variants where solc does not
    /// run, or where the contract is not there or has no code.
    pub fn compile(
        &self,
        source: &str,
        contract: &str,
        options: &CompileOptions,
    ) -> Result<CompiledContract, SolidityError> {
        let files = [(&*format!("{contract}.sol"), source)];
        let [compiled] = self.compile_files(&files, [contract], options)?;
        Ok(compiled)
    }

    /// Compiles contracts of several source files, each with the path that the others import it by, in one run of solc.
    ///
    /// # Errors
    /// As [`Self::compile`].
    ///
    /// # Panics
    /// Never: it returns as many contracts as were asked for.
    pub fn compile_files<const N: usize>(
        &self,
        files: &[(&str, &str)],
        contracts: [&str; N],
        options: &CompileOptions,
    ) -> Result<[CompiledContract; N], SolidityError> {
        let settings = settings_of(options);
        let sources = files
            .iter()
            .map(|(path, text)| (PathBuf::from(path), Source::new(*text)))
            .collect();
        let input = SolcInput::new(SolcLanguage::Solidity, sources, settings.clone());
        let failed = |source: CompilerError| SolidityError::Run {
            path: self.path().to_owned(),
            source,
        };
        let mut output = self.compiler.compile(&input).map_err(failed)?;
        if output.has_error() {
            return Err(SolidityError::Rejected {
                contract: contracts.join(", "),
                messages: formatted(&output.errors, Severity::Error).join("\n"),
            });
        }
        let warnings = formatted(&output.errors, Severity::Warning);
        let mut taken = Vec::with_capacity(N);
        for contract in contracts {
            let Some(compiled) = output.remove(contract) else {
                return Err(SolidityError::ContractMissing {
                    contract: contract.to_owned(),
                    found: output.contracts_iter().map(|(name, _)| name.clone()).collect(),
                });
            };
            let code = |bytes: Option<Bytes>| {
                bytes
                    .filter(|bytes| !bytes.is_empty())
                    .ok_or_else(|| SolidityError::NoBytecode {
                        contract: contract.to_owned(),
                    })
            };
            let (creation, runtime) = compiled
                .evm
                .map(|evm| (evm.bytecode, evm.deployed_bytecode))
                .unwrap_or_default();
            let runtime_source_map = runtime
                .as_ref()
                .and_then(|deployed| deployed.bytecode.as_ref()?.source_map.clone())
                .unwrap_or_default();
            taken.push(CompiledContract {
                contract: contract.to_owned(),
                runtime_source_map,
                creation_code: code(creation.and_then(Bytecode::into_bytes))?,
                runtime_code: code(runtime.and_then(DeployedBytecode::into_bytes))?,
                abi: serde_json::to_value(&compiled.abi).map_err(|error| failed(error.into()))?,
                source_bytes: files.iter().map(|(_, text)| text.len() as u64).sum(),
                warnings: warnings.clone(),
                settings: SolcSettings {
                    solc_version: self.version(),
                    solc_origin: self.origin,
                    options: options.clone(),
                    standard_json_settings: serde_json::to_value(&settings)
                        .map_err(|error| failed(error.into()))?,
                },
            });
        }
        Ok(taken.try_into().expect("as many as were asked for"))
    }
}

/// solc's messages of one severity, as solc formats them.
fn formatted(errors: &[foundry_compilers_artifacts_solc::Error], severity: Severity) -> Vec<String> {
    errors
        .iter()
        .filter(|error| error.severity == severity)
        .map(|error| {
            error
                .formatted_message
                .as_deref()
                .unwrap_or(&error.message)
                .trim()
                .to_owned()
        })
        .collect()
}

/// Where svm keeps the pinned version: `~/.svm` where that folder exists, else the platform's data folder.
fn svm_candidates() -> Vec<PathBuf> {
    let Some(home) = std::env::home_dir() else {
        return Vec::new();
    };
    let data = std::env::var_os("XDG_DATA_HOME").map_or_else(|| home.join(".local/share"), PathBuf::from);
    [
        home.join(".svm"),
        data.join("svm"),
        home.join("Library/Application Support/svm"),
    ]
    .into_iter()
    .map(|folder| folder.join(SOLC_VERSION).join(format!("solc-{SOLC_VERSION}")))
    .collect()
}

/// Every `solc` on PATH, first one first.
fn path_candidates() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("solc"))
        .collect()
}

#[cfg(test)]
mod tests;
