//! Against made-up compilers that answer from a script; the real one is tried in `tests/suite/solidity.rs`.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;

use evmbench_host::hint::Hint as _;

use super::*;

/// A program that prints a version when asked for one, and otherwise runs `answer`.
fn fake_solc(folder: &Path, version: &str, answer: &str) -> PathBuf {
    let path = folder.join("solc");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'solc'; echo 'Version: {version}'; exit 0; fi\ncat > /dev/null\n{answer}\n"
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn compile_with(answer: &str) -> Result<CompiledContract, SolidityError> {
    let folder = tempfile::tempdir().unwrap();
    let path = fake_solc(folder.path(), "0.8.30+commit.73712a01.Linux.g++", answer);
    Solc::locate(Some(&path), Path::new("/nowhere")).unwrap().compile(
        "contract A {}",
        "A",
        &CompileOptions::default(),
    )
}

#[test]
fn a_named_compiler_may_be_of_any_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = fake_solc(folder.path(), "0.8.20+commit.a1b79de6.Linux.g++", "");
    let solc = Solc::locate(Some(&path), Path::new("/nowhere")).unwrap();
    assert_eq!(solc.version(), "0.8.20+commit.a1b79de6.Linux.gcc");
    assert_eq!(solc.origin(), SolcOrigin::Named);
    assert!(!solc.is_pinned());
}

#[test]
fn a_nightly_of_the_pinned_version_is_not_the_pinned_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = fake_solc(folder.path(), "0.8.30-nightly.2025.5.1+commit.73712a01", "");
    assert!(
        !Solc::locate(Some(&path), Path::new("/nowhere"))
            .unwrap()
            .is_pinned()
    );
}

#[test]
fn a_named_file_that_is_no_compiler_is_an_error() {
    let error = Solc::locate(Some(Path::new("/nowhere/solc")), Path::new("/nowhere")).unwrap_err();
    assert!(matches!(error, SolidityError::Unusable { .. }));
    assert!(error.to_string().contains("/nowhere/solc"));
    assert!(error.hint().is_some());
}

#[test]
fn a_refused_source_carries_the_compilers_message() {
    let error = compile_with(
        r#"echo '{"errors":[{"type":"ParserError","component":"general","severity":"error","message":"Expected ;","formattedMessage":"ParserError: Expected ;"}]}'"#,
    )
    .unwrap_err();
    assert!(
        matches!(&error, SolidityError::Rejected { messages, .. } if messages == "ParserError: Expected ;")
    );
}

#[test]
fn anything_beside_json_on_stdout_is_an_error() {
    let error = compile_with("echo 'Cannot retry compilation'; echo '{}'").unwrap_err();
    assert!(matches!(error, SolidityError::Run { .. }));
}

#[test]
fn a_compiler_that_dies_is_an_error_with_what_it_printed() {
    let error = compile_with("echo 'out of memory' >&2; exit 3").unwrap_err();
    assert!(matches!(error, SolidityError::Run { .. }));
    assert!(error.to_string().contains("out of memory"));
}

#[test]
fn a_missing_contract_is_named_beside_those_found() {
    let error = compile_with(r#"echo '{"contracts":{"A.sol":{"B":{}}}}'"#).unwrap_err();
    assert!(
        matches!(&error, SolidityError::ContractMissing { contract, found } if contract == "A" && found == &["B"])
    );
}

#[test]
fn an_abstract_contract_has_no_bytecode() {
    let error = compile_with(
        r#"echo '{"contracts":{"A.sol":{"A":{"abi":[],"evm":{"bytecode":{"object":""},"deployedBytecode":{"object":""}}}}}}'"#,
    )
    .unwrap_err();
    assert!(matches!(error, SolidityError::NoBytecode { .. }));
}

#[test]
fn every_option_reaches_the_compiler() {
    let options = CompileOptions {
        optimizer: false,
        optimizer_runs: 7,
        via_ir: true,
        evm_version: TargetEvm::Osaka,
        source_hash_appended: true,
    };
    let settings = serde_json::to_value(settings_of(&options)).unwrap();
    assert_eq!(
        settings["optimizer"],
        serde_json::json!({"enabled": false, "runs": 7})
    );
    assert_eq!(settings["viaIR"], true);
    assert_eq!(settings["evmVersion"], "osaka");
    assert_eq!(settings["metadata"], serde_json::json!({"bytecodeHash": "ipfs"}));

    let settings = serde_json::to_value(settings_of(&CompileOptions::default())).unwrap();
    assert_eq!(
        settings["optimizer"],
        serde_json::json!({"enabled": true, "runs": 200})
    );
    assert_eq!(settings["viaIR"], false);
    assert_eq!(settings["evmVersion"], "prague");
    assert_eq!(settings["metadata"], serde_json::json!({"bytecodeHash": "none"}));
}
