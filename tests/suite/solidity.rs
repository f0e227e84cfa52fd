//! The pinned solc on the verifiers of `tests/fixtures/verifier`. It is installed from npm where it is not there yet.

use std::path::Path;

use alloy_primitives::{Bytes, hex};
use evmbench::home::Home;
use evmbench::solidity::{CompileOptions, SOLC_VERSION, Solc, SolidityError, TargetEvm};

use crate::common;

const CONTRACT: &str = "Halo2Verifier";

/// It compiles at each call.
fn solc() -> &'static Solc {
    common::installed_solc()
}

/// A generated verifier's source, and the creation code that it compiled to when the fixture was made.
fn fixture(name: &str) -> (String, Bytes) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/verifier")
        .join(name);
    let read = |file| std::fs::read_to_string(folder.join(file)).unwrap();
    (
        read("Verifier.sol"),
        hex::decode(read("creation-code.hex").trim()).unwrap().into(),
    )
}

#[test]
fn a_verifier_compiles_to_the_same_bytes_as_ever() {
    for name in ["dense_4x2", "relu_4x4"] {
        let (source, creation_code) = fixture(name);
        let compiled = solc()
            .compile(&source, CONTRACT, &CompileOptions::default())
            .unwrap();
        assert_eq!(compiled.creation_code, creation_code);
        assert!(compiled.creation_code.ends_with(&compiled.runtime_code));
        assert_eq!(compiled.source_bytes, source.len() as u64);
        assert_eq!(compiled.abi[0]["name"], "verifyProof");
        let [warning] = &compiled.warnings[..] else {
            panic!("{:?}", compiled.warnings)
        };
        assert!(warning.contains("can be restricted to view"));
        assert!(
            compiled
                .settings
                .solc_version
                .starts_with(&format!("{SOLC_VERSION}+commit."))
        );
        assert_eq!(compiled.settings.standard_json_settings["optimizer"]["runs"], 200);
    }
}

/// One source and one bytecode for all circuits, well within a chain's limit.
#[test]
fn the_reusable_verifier_compiles_to_the_same_bytes_as_ever() {
    let (source, creation_code) = fixture("reusable");
    let compiled = solc()
        .compile(&source, "Halo2VerifierReusable", &CompileOptions::default())
        .unwrap();
    assert_eq!(compiled.creation_code, creation_code);
    assert_eq!(compiled.runtime_code.len(), 10_876);
}

#[test]
fn comments_do_not_reach_the_bytecode_unless_its_source_is_hashed() {
    let (source, creation_code) = fixture("dense_4x2");
    let commented = format!("{source}\n// a remark\n");
    let compile = |source: &str, options: &CompileOptions| {
        solc().compile(source, CONTRACT, options).unwrap().creation_code
    };
    assert_eq!(compile(&commented, &CompileOptions::default()), creation_code);
    let hashed = CompileOptions {
        source_hash_appended: true,
        ..CompileOptions::default()
    };
    let code = compile(&source, &hashed);
    assert_eq!(code.len(), creation_code.len() + 41);
    assert_ne!(compile(&commented, &hashed), code);
}

#[test]
fn the_bytecode_is_the_same_for_every_target_that_it_may_run_on() {
    let (source, creation_code) = fixture("dense_4x2");
    for evm_version in [TargetEvm::Cancun, TargetEvm::Osaka] {
        let options = CompileOptions {
            evm_version,
            ..CompileOptions::default()
        };
        assert_eq!(
            solc().compile(&source, CONTRACT, &options).unwrap().creation_code,
            creation_code
        );
    }
}

#[test]
fn a_source_that_is_wrong_is_refused_with_solcs_message() {
    let compile = |source| {
        solc()
            .compile(source, "A", &CompileOptions::default())
            .unwrap_err()
    };
    let error = compile("pragma solidity ^0.8.0; contract A { uint x = }");
    assert!(matches!(&error, SolidityError::Rejected { messages, .. } if messages.contains("ParserError")));
    let error = compile("pragma solidity ^0.7.0; contract A {}");
    assert!(error.to_string().contains("different compiler version"));
    let error = compile("import './B.sol'; contract A {}");
    assert!(error.to_string().contains("not found"));
    let error = compile("pragma solidity ^0.8.0; contract B {}");
    assert!(matches!(&error, SolidityError::ContractMissing { found, .. } if found == &["B"]));
    let error = compile("pragma solidity ^0.8.0; abstract contract A {}");
    assert!(matches!(error, SolidityError::NoBytecode { .. }));
}

#[test]
fn installing_twice_leaves_the_first_installation() {
    let again = Solc::obtain(&Home::from_environment().unwrap().solc(SOLC_VERSION)).unwrap();
    assert_eq!((again.path(), again.version()), (solc().path(), solc().version()));
}
