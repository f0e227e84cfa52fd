//! Gas by cause and by section, on generated verifiers: the fixtures, and the smoke records.

use crate::common;
use std::path::Path;

use alloy_primitives::{B256, Bytes, U256, hex};
use evmbench::chain::{Calldata, Cause, Fork, GasByCause, Verification, Verifier};
use evmbench::record::Evidence;
use evmbench::solidity::{CompileOptions, Section, SectionMap};
use evmbench::store;

/// A generated verifier, and calldata that it accepts.
struct Case {
    name: &'static str,
    source: String,
    creation_code: Bytes,
    calldata: Calldata,
}

fn from_fixture(name: &'static str) -> Case {
    let folder = common::fixture("verifier").join(name);
    let read = |file| std::fs::read_to_string(folder.join(file)).unwrap();
    let bytes = |file| hex::decode(read(file).trim()).unwrap();
    let instances: Vec<U256> = serde_json::from_str(&read("instances.json")).unwrap();
    Case {
        name,
        source: read("Verifier.sol"),
        creation_code: bytes("creation-code.hex").into(),
        calldata: Calldata::verify_proof(&bytes("proof.hex"), &instances),
    }
}

fn from_record(name: &'static str) -> Case {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("results")
        .join(format!("{name}.json"));
    let record = store::load(&path).unwrap();
    let evidence = |name| store::load_evidence(&path, &record, name).unwrap();
    Case {
        name,
        source: String::from_utf8(evidence(Evidence::VERIFIER_SOURCE)).unwrap(),
        creation_code: evidence(Evidence::CREATION_CODE).into(),
        calldata: Calldata::raw(evidence(Evidence::CALLDATA)),
    }
}

/// The records of the smoke suite.
const SMOKE: [&str; 2] = ["scaling/dense_small-s7-direct", "core/relu-s7-direct"];

fn cases() -> Vec<Case> {
    let fixtures = ["dense_4x2", "relu_4x4"].map(from_fixture);
    fixtures.into_iter().chain(SMOKE.map(from_record)).collect()
}

impl Case {
    fn sections(&self) -> SectionMap {
        let compiled = common::solc()
            .compile(&self.source, "Halo2Verifier", &CompileOptions::default())
            .unwrap();
        assert_eq!(compiled.creation_code, self.creation_code, "{}", self.name);
        compiled.sections(&self.source).unwrap()
    }

    fn verify(&self, fork: Fork, sections: Option<SectionMap>) -> Verification {
        let verifier = Verifier::deploy(fork, &self.creation_code)
            .unwrap()
            .with_sections(sections);
        let verification = verifier.verify(&self.calldata).unwrap();
        assert!(verification.verdict.is_accepted());
        verification
    }

    fn by_cause(&self, fork: Fork) -> GasByCause {
        let verification = self.verify(fork, None);
        let by_cause = verification.gas_by_cause.unwrap();
        assert_eq!(by_cause.total(), verification.gas.unwrap().tx_gas.cast_signed());
        by_cause
    }
}

/// EIP-7883 makes an inversion dearer, 4,048 gas and no more 1,349: three of them are all that Osaka changes.
#[test]
fn the_smoke_proofs_cost_8097_gas_more_at_osaka_and_modexp_is_why() {
    for name in SMOKE {
        let case = from_record(name);
        let [prague, osaka] = [Fork::Prague, Fork::Osaka].map(|fork| case.by_cause(fork));
        assert_eq!(prague.get(Cause::Modexp), 3 * 1_349, "{name}");
        assert_eq!(osaka.get(Cause::Modexp), 3 * 4_048, "{name}");
        assert_eq!(osaka.total() - prague.total(), 3 * (4_048 - 1_349), "{name}");
        for &cause in Cause::ALL {
            if cause != Cause::Modexp {
                assert_eq!(osaka.get(cause), prague.get(cause), "{name}: {cause:?}");
            }
        }
    }
}

/// Against the record, which was made without attribution.
#[test]
fn the_smoke_proofs_sum_to_what_their_records_say() {
    for name in SMOKE {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("results/{name}.json"));
        let record = store::load(&path).unwrap();
        let recorded = record.verification.unwrap();
        let by_cause = from_record(name).by_cause(recorded.fork);
        assert_eq!(by_cause.total(), recorded.gas.unwrap().tx_gas.cast_signed());
        let deployment = record.deployment.unwrap();
        let verifier = Verifier::deploy(deployment.fork, &from_record(name).creation_code).unwrap();
        let by_cause = verifier.deployment().gas_by_cause.as_ref().unwrap();
        assert_eq!(by_cause.total(), deployment.gas.tx_gas.cast_signed());
    }
}

#[test]
fn every_section_is_found_and_less_than_5_percent_is_unplaced() {
    for case in cases() {
        let sections = case.sections();
        for fork in Fork::ALL {
            let verification = case.verify(fork, Some(sections.clone()));
            let by_section = verification.gas_by_section.unwrap();
            let execution_gas = verification.gas.unwrap().execution_gas;
            assert_eq!(by_section.total(), execution_gas, "{}", case.name);
            assert!(
                by_section.unplaced_share() < 0.05,
                "{}: {by_section:?}",
                case.name
            );
            for section in Section::ALL {
                if section != Section::Unplaced {
                    assert!(by_section.get(section) > 0, "{}: no {section:?}", case.name);
                }
            }
            // The precompile, and the opcodes that call it.
            assert!((113_000..114_000).contains(&by_section.get(Section::Pairing)));
        }
    }
}

/// The reusable verifier has other headings, and does most of its work in functions that its sections share. Its key comes
/// with the call, so that no section loads one.
#[test]
fn the_reusable_verifier_has_the_same_sections_but_for_the_key() {
    let source = std::fs::read_to_string(common::fixture("verifier/reusable/Verifier.sol")).unwrap();
    let compiled = common::solc()
        .compile(&source, "Halo2VerifierReusable", &CompileOptions::default())
        .unwrap();
    for name in ["dense_4x2", "relu_4x4"] {
        let folder = common::fixture("verifier").join(name);
        let read = |file| std::fs::read_to_string(folder.join(file)).unwrap();
        let key: Vec<B256> = serde_json::from_str(&read("key_artifact.json")).unwrap();
        let proof = hex::decode(read("proof.hex").trim()).unwrap();
        let instances: Vec<U256> = serde_json::from_str(&read("instances.json")).unwrap();
        for fork in Fork::ALL {
            let verifier = Verifier::deploy_reusable(fork, &compiled.creation_code, &key)
                .unwrap()
                .with_sections(compiled.sections(&source));
            let registration = &verifier.registration().unwrap().call;
            let by_cause = registration.gas_by_cause.as_ref().unwrap();
            assert_eq!(by_cause.total(), registration.gas.unwrap().tx_gas.cast_signed());
            assert!(by_cause.get(Cause::Storage) > 0 && by_cause.get(Cause::Logs) > 0);

            let calldata = verifier.call_for(&proof, &instances).calldata();
            let verification = verifier.verify(&calldata).unwrap();
            assert!(verification.verdict.is_accepted());
            let by_cause = verification.gas_by_cause.unwrap();
            assert_eq!(by_cause.total(), verification.gas.unwrap().tx_gas.cast_signed());
            let by_section = verification.gas_by_section.unwrap();
            assert!(by_section.unplaced_share() < 0.05, "{name}: {by_section:?}");
            for section in Section::ALL {
                let is_there = !matches!(section, Section::VerifyingKey | Section::Unplaced);
                assert!(!is_there || by_section.get(section) > 0, "{name}: no {section:?}");
            }
        }
    }
}

/// 29 sums and 29 multiples of points, three inversions and a pairing check are 62 calls of a precompile.
#[test]
fn sections_and_causes_of_a_fixture() {
    let case = from_fixture("dense_4x2");
    let verification = case.verify(Fork::Osaka, Some(case.sections()));
    let by_cause = serde_json::to_string_pretty(&verification.gas_by_cause).unwrap();
    insta::assert_snapshot!(by_cause, @r#"
    {
      "base": 21000,
      "calldata_zero": 764,
      "calldata_nonzero": 33360,
      "ec_add": 4350,
      "ec_mul": 174000,
      "pairing": 113000,
      "modexp": 12144,
      "keccak": 690,
      "memory": 437,
      "arithmetic": 8021,
      "control_flow": 5268,
      "data_movement": 34385,
      "calls": 6200
    }
    "#);
    let by_section = serde_json::to_string_pretty(&verification.gas_by_section).unwrap();
    insta::assert_snapshot!(by_section, @r#"
    {
      "setup": 653,
      "verifying_key": 583,
      "instances": 13383,
      "transcript": 9143,
      "quotient": 29689,
      "opening": 191690,
      "pairing": 113340,
      "unplaced": 14
    }
    "#);
}
