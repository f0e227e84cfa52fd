//! The published records: each fits the schema, and its proof verifies again with the gas that it says.

use crate::common;
use std::path::{Path, PathBuf};

use evmbench::bench::{Bench, BenchError};
use evmbench::environment;
use evmbench::forecast::Forecaster;
use evmbench::model::graph::{Gemm, Op};
use evmbench::prover::{
    Artifacts, Chosen, CircuitSettings, Job, JobCircuit, Prover as _, ProverError, RecordedError,
    RecordedProver, Silent,
};
use evmbench::record::{Outcome, Record, Request, leaves};
use evmbench::rederive::{self, Exhibits, Given, ProvedCircuit, Tools};
use evmbench::store::StoredRun;
use evmbench::subject::{Material, Subject};
use evmbench::suite::{self, Experiment};
use evmbench::{replay, store};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every record below `results`.
fn published() -> Vec<(PathBuf, Record)> {
    let loaded = |path: PathBuf| (path.clone(), store::load(&path).unwrap());
    common::record_paths().into_iter().map(loaded).collect()
}

/// Published records that stand in the schema: of a run that ended at a proof, and of one that ended early.
const EXAMPLES: [&str; 2] = ["core/relu-s7-committed.json", "core/batchnorm2d-s7-direct.json"];

/// The schema in the repository is that of the types, with examples. To renew it: `UPDATE_SCHEMA=1 cargo test --test suite records::`.
#[test]
fn the_published_schema_is_that_of_the_types() {
    let mut schema = schemars::schema_for!(Record);
    let example = |name: &str| -> serde_json::Value {
        let text = std::fs::read_to_string(root().join("results").join(name)).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let examples = EXAMPLES.map(example);
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    assert!(examples.iter().all(|example| validator.is_valid(example)));
    schema.insert("examples".to_owned(), examples.to_vec().into());
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let path = root().join("schema/record.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

/// Every leaf of the schema is classed, in a list that is made of the classes. To renew it:
/// `UPDATE_TABLES=1 cargo test --test suite records::`.
#[test]
fn the_list_of_fields_is_that_of_the_types() {
    let schema = schemars::schema_for!(Record).to_value();
    common::assert_table("docs/record-fields.md", "fields", &leaves::table(&schema));
}

/// Older records stay readable, and nothing that is written back is lost or added.
#[test]
fn every_published_record_is_written_back_as_it_is() {
    for (path, record) in published() {
        let text = serde_json::to_string_pretty(&record).unwrap() + "\n";
        let stored = std::fs::read_to_string(&path).unwrap();
        let same = text == stored;
        // What the first two schemas did not have is written as nothing.
        let fields = [
            "other_forks",
            "guard",
            "ledger",
            "gas_by_cause",
            "gas_by_section",
            "margins",
        ];
        let older = fields
            .iter()
            .any(|field| !stored.contains(&format!("\"{field}\"")));
        assert!(same || older, "{}", path.display());
    }
}

#[test]
fn every_published_record_fits_the_schema() {
    let schema =
        serde_json::from_str(&std::fs::read_to_string(root().join("schema/record.json")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (path, _) in published() {
        let mut json: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&json)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [] as [String; 0], "{}", path.display());
        // The schema does refuse: a record without its outcome is none.
        json.as_object_mut().unwrap().remove("outcome");
        assert!(!validator.is_valid(&json));
    }
}

#[test]
fn every_published_record_is_where_its_request_says() {
    for (path, record) in published() {
        let out = path.parent().and_then(Path::parent).unwrap();
        assert_eq!(path, store::Store::new(out).path(&record.request));
    }
}

/// Every how many published records one is taken where not all are.
const SAMPLED: usize = 16;

/// A record that is verified holds a proof that was.
#[test]
fn no_published_record_is_verified_without_a_proof() {
    for (path, record) in published() {
        if record.verification.is_none() {
            assert_ne!(record.outcome, Outcome::Verified, "{}", path.display());
        }
    }
}

/// Without EZKL: what the records say follows from their evidence.
#[test]
fn published_records_are_what_their_evidence_says() {
    let tools = Tools::new(common::solc().clone());
    let step = common::step(SAMPLED);
    let (mut wrong, mut verified) = (Vec::new(), 0);
    for (path, record) in published().into_iter().step_by(step) {
        // Its two hundred wrong calls take 385 million gas each.
        if record.request.id == "avgpool2d_k2" && record.lowering.is_none() {
            continue;
        }
        let again = rederive::rederive(&StoredRun::open(&path).unwrap(), Given::default(), &tools).unwrap();
        let found = again.discrepancies.iter();
        wrong.extend(found.map(|found| format!("{}: {found}", path.display())));
        verified += usize::from(again.record.outcome == Outcome::Verified);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(verified * step >= 90, "{verified}");
}

/// What each record says was chosen is what its circuit has. Another number of bits would be told from it, wherever the circuit has limbs or
/// is a whole model's.
#[test]
fn choices_are_those_of_the_published_circuits() {
    let (mut chosen, mut noticed) = (0, 0);
    for (path, record) in published() {
        let settings = record.circuit.as_ref();
        let settings = settings.and_then(|circuit| CircuitSettings::of_json(circuit.settings.clone()).ok());
        let circuit = ProvedCircuit {
            settings: settings.as_ref(),
            lowering: record.lowering.as_ref(),
            roundings: None,
        };
        let found = |request: &Request| rederive::chosen_of_circuit(request, &circuit);
        let (request, of_circuit) = (&record.request, found(&record.request));
        assert_eq!(request.chosen, of_circuit, "{}", path.display());
        let Some(own) = of_circuit else { continue };
        chosen += 1;
        let other = Request {
            chosen: Some(Chosen {
                digit_bits: own.digit_bits - 1,
                ..own
            }),
            ..request.clone()
        };
        if found(&other) == of_circuit {
            noticed += 1;
        } else {
            assert!(request.part.is_some(), "{}", path.display());
        }
    }
    assert!(chosen > 100 && noticed > 100, "{chosen} {noticed}");
}

/// Readers differ on which of two equal fields counts.
#[test]
fn a_record_with_a_field_twice_is_refused() {
    let path = root().join("results/scaling/dense_small-s7-direct.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(store::parse(&path, text.as_bytes()).is_ok());
    let twice = text.replacen("\"runs\":", "\"runs\": 1, \"runs\":", 1);
    assert_ne!(text, twice);
    let error = store::parse(&path, twice.as_bytes()).unwrap_err();
    assert!(
        error.to_string().contains("\"runs\" stands there twice"),
        "{error}"
    );
}

/// The study's circuits are reproduced to the unit wherever a record has their size.
#[test]
fn every_published_study_circuit_is_the_studys() {
    let mut compared = 0;
    for (path, record) in published() {
        let Some(study) = &record.study else { continue };
        if record.request.plan.kind() != evmbench::prover::CircuitKind::Study {
            continue;
        }
        let rows = record.circuit.as_ref().map(|circuit| circuit.rows);
        assert_eq!(rows, study.rows, "{}", path.display());
        if let Some(keys) = &record.keys {
            assert_eq!(
                keys.proving_key_bytes,
                study.proving_key_bytes,
                "{}",
                path.display()
            );
            assert_eq!(
                Some(keys.verifying_key_bytes),
                study.verifying_key_bytes,
                "{}",
                path.display()
            );
            compared += 1;
        }
    }
    assert!(
        compared >= 8,
        "relu, silu, tanh, poly, the dense layers and cnn_strided are published"
    );
}

/// Takes a subject through every stage after a prover that replays a record.
fn measure(prover: &RecordedProver, subject: &Subject) -> Result<Record, BenchError> {
    let environment = environment::current(String::new(), 1, None);
    let bench = Bench {
        prover,
        solc: common::solc(),
        onnxruntime: None,
        observer: &Silent,
        environment: &environment,
        forecaster: &Forecaster::default(),
    };
    bench.measure(subject).map(|(record, _)| record)
}

/// Every stage after the prover, on the recorded run of a real proof: the same verdict, gas, controls and numerics.
#[test]
fn a_recorded_run_replays_through_every_later_stage() {
    let path = root().join("results/scaling/dense_small-s7-direct.json");
    let run = StoredRun::open(&path).unwrap();
    let prover = replay::recorded_prover(&run).unwrap();
    let record = run.record();
    let subject = |id: &str| {
        let model = suite::find(id).unwrap();
        Subject::from_suite(
            Experiment { model, scale: 7 },
            record.request.clone(),
            Material::default(),
        )
        .unwrap()
    };
    let again = measure(&prover, &subject("dense_small")).unwrap();
    assert_eq!(again.outcome, Outcome::Verified);
    assert_eq!(again.deployment, record.deployment);
    assert_eq!(again.verification, record.verification);
    assert_eq!(again.controls, record.controls);
    assert_eq!(again.proof, record.proof);
    assert_eq!(again.study, record.study);
    let numerics =
        [again.numerics, record.numerics.clone()].map(|numerics| numerics.unwrap().max_absolute_error);
    assert_eq!(numerics[0], numerics[1]);

    // Another model is not what was recorded.
    let other = measure(&prover, &subject("dense")).unwrap_err();
    let BenchError::Prover(ProverError::Recorded(RecordedError::OtherModel { .. })) = other else {
        panic!("{other}");
    };
}

/// Outputs that differ from the integer reference in one unit are another function's, whatever the verifier says.
#[test]
fn an_output_off_by_one_is_a_failure() {
    let path = root().join("results/scaling/dense_small-s7-direct.json");
    let run = StoredRun::open(&path).unwrap();
    let prover = replay::recorded_prover(&run).unwrap();
    let record = run.record();
    let model = suite::find("dense_small").unwrap();
    let mut subject = Subject::from_suite(
        Experiment { model, scale: 7 },
        record.request.clone(),
        Material::default(),
    )
    .unwrap();
    // The reference sees another weight than the circuit had: the first output moves.
    let Op::Gemm(Gemm { bias: Some(bias), .. }) = &mut subject.graph.as_mut().unwrap().nodes[0].op else {
        panic!("a dense layer is a Gemm with a bias");
    };
    bias.data[0] += 1.0 / 128.0;
    let again = measure(&prover, &subject).unwrap();
    let Outcome::WrongFunction { max_error, tolerance } = again.outcome else {
        panic!("{}", again.outcome)
    };
    assert_eq!(tolerance, Some(0.0));
    // The bias has moved by 1/128, and the circuit's outputs have units of 2^-14.
    assert_eq!(max_error, Some(1.0 / 128.0));
    assert!(
        again.notes.iter().any(|note| note.contains("output element 0")),
        "{:?}",
        again.notes
    );
}

/// The recorded run of dense_small with something else in it, measured again.
fn measured_with(change: impl FnOnce(&mut Artifacts)) -> Record {
    let path = root().join("results/scaling/dense_small-s7-direct.json");
    let stored = StoredRun::open(&path).unwrap();
    let record = stored.record();
    let model = suite::find("dense_small").unwrap();
    let subject = Subject::from_suite(
        Experiment { model, scale: 7 },
        record.request.clone(),
        Material::default(),
    )
    .unwrap();
    let job = Job {
        name: String::new(),
        circuit: JobCircuit::Model {
            onnx: subject.onnx.clone(),
            inputs: Vec::new(),
        },
        plan: record.request.plan,
        verifier: record.request.verifier,
        runs: 1,
        warmup: 0,
    };
    let mut run = replay::recorded_prover(&stored)
        .unwrap()
        .prove(&job, &Silent)
        .unwrap();
    change(run.result.as_mut().unwrap());
    let prover = RecordedProver::new(record.model.onnx_sha256.clone(), run);
    measure(&prover, &subject).unwrap()
}

#[test]
fn a_wrong_proof_is_rejected() {
    let record = measured_with(|artifacts| artifacts.proofs[0].proof[40] ^= 1);
    assert_eq!(
        record.outcome,
        Outcome::Rejected {
            why: "reverted".to_owned()
        }
    );
    assert_eq!(record.controls, None);
}

/// A verifier that takes everything is found out by the first control.
#[test]
fn a_verifier_that_accepts_everything_is_unsound() {
    let record = measured_with(|artifacts| {
        artifacts.verifier_source = "// SPDX-License-Identifier: MIT
            pragma solidity ^0.8.0;
            contract Halo2Verifier {
                function verifyProof(bytes calldata, uint256[] calldata) public pure returns (bool) { return true; }
            }"
        .to_owned();
    });
    let Outcome::Unsound { control } = &record.outcome else {
        panic!("{}", record.outcome)
    };
    assert!(control.contains("byte"), "{control}");
    assert!(!record.controls.unwrap().passed());
}

#[test]
fn a_verifier_that_does_not_compile_is_a_failure() {
    let record = measured_with(|artifacts| artifacts.verifier_source.insert_str(0, "nonsense "));
    let Outcome::Failed { step, message } = &record.outcome else {
        panic!("{}", record.outcome)
    };
    assert_eq!(step, "compile");
    assert!(message.contains("solc refused"), "{message}");
}

#[test]
fn changed_evidence_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let source = root().join("results/scaling");
    let record = folder.path().join("dense_small-s7-direct.json");
    std::fs::copy(source.join("dense_small-s7-direct.json"), &record).unwrap();
    let evidence = folder.path().join("dense_small-s7-direct.evidence");
    common::copy_folder(&source.join("dense_small-s7-direct.evidence"), &evidence);
    let run = StoredRun::open(&record).unwrap();
    let found = || Exhibits::of(&run).discrepancies;
    assert_eq!(found(), []);

    let other = std::fs::read(evidence.join("runtime.bin.gz")).unwrap();
    std::fs::write(evidence.join("creation.bin.gz"), other).unwrap();
    let [changed] = &found()[..] else {
        panic!("{:?}", found())
    };
    assert!(
        changed
            .to_string()
            .contains("is not what the record was made with"),
        "{changed}"
    );
    std::fs::remove_file(evidence.join("creation.bin.gz")).unwrap();
    let [missing] = &found()[..] else {
        panic!("{:?}", found())
    };
    assert!(missing.to_string().contains("is missing"), "{missing}");
}
