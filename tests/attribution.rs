//! Gas by cause and by section, on generated verifiers: the fixtures, and stored records.

mod common;

use std::path::Path;

use alloy_primitives::{Bytes, hex};
use common::tools;
use evmbench::chain::{Calldata, Cause, Fork, GasByCause, Verification, Verifier};
use evmbench::record::Evidence;
use evmbench::solidity::{CompileOptions, Section, SectionMap};
use evmbench::store;

#[test]
fn explore() {
    for name in ["dense_4x2", "relu_4x4"] {
        let folder = common::fixture("verifier").join(name);
        let read = |file| std::fs::read_to_string(folder.join(file)).unwrap();
        let source = read("Verifier.sol");
        let proof = hex::decode(read("proof.hex").trim()).unwrap();
        let instances: Vec<alloy_primitives::U256> = serde_json::from_str(&read("instances.json")).unwrap();
        let compiled = tools()
            .solc
            .compile(&source, "Halo2Verifier", &CompileOptions::default())
            .unwrap();
        let map = SectionMap::of(&source, &compiled.runtime_code, &compiled.runtime_source_map).unwrap();
        let v = Verifier::deploy(Fork::Osaka, &compiled.creation_code)
            .unwrap()
            .with_sections(Some(map));
        let r = v.verify(&Calldata::verify_proof(&proof, &instances)).unwrap();
        let t = std::time::Instant::now();
        let plain = Verifier::deploy(Fork::Osaka, &compiled.creation_code).unwrap();
        println!("deploy {:?}", t.elapsed());
        for _ in 0..3 {
            let t = std::time::Instant::now();
            v.verify(&Calldata::verify_proof(&proof, &instances)).unwrap();
            let two = t.elapsed();
            let t = std::time::Instant::now();
            plain
                .call_like(&r, &Calldata::verify_proof(&proof, &instances))
                .unwrap();
            println!("{:?} plain {:?}", two, t.elapsed());
        }
        println!(
            "{name} {:?} {:?} {}",
            r.gas_by_section,
            r.gas.unwrap(),
            r.gas_by_section.as_ref().unwrap().unplaced_share()
        );
    }
}
