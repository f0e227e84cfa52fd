//! The program with real EZKL: proofs, memory caps, time limits, killed workers, interruptions, reuse of keys.
//!
//! Circuits are the suite's smallest, at 2^15 rows; each test has cache and output folders of its own, but shares the
//! installed tools and, where it does not test making them, the reference strings.

use crate::common;
use crate::common::models::{floats, named, operator, small, written};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use evmbench::chain::ControlKind;
use evmbench::forecast::{Estimate, Forecast, TransactionKind, Verdict};
use evmbench::ledger::What;
use evmbench::metric::Metric;
use evmbench::model::graph::{Conv2d, Gemm, Graph, Op, Tensor, ValueId, Window};
use evmbench::model::input;
use evmbench::parts::{self, PartsError};
use evmbench::prover::{CircuitKind, EZKL_VERSION, Phase, PhaseSource, SrsStore};
use evmbench::record::{Evidence, IntegerCheck, Outcome, PartSet, Record};
use evmbench::rederive::{Given, Tools};
use evmbench::solidity::SOLC_VERSION;
use evmbench::store::{self, StoredRun};
use tempfile::TempDir;
use tract_onnx::pb::{ModelProto, tensor_proto::DataType, type_proto};

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_mins(5);

/// A cache folder with the shared tools, and an output folder.
pub(crate) struct Workshop {
    pub(crate) folder: TempDir,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let workshop = Self::without_srs();
        let shared = common::tools().home.srs();
        std::fs::create_dir_all(&shared).unwrap();
        symlink(&shared, workshop.home().join("srs")).unwrap();
        workshop
    }

    pub(crate) fn without_srs() -> Self {
        let tools = common::tools();
        let folder = tempfile::tempdir().unwrap();
        let workshop = Self { folder };
        std::fs::create_dir(workshop.home()).unwrap();
        symlink(
            tools.home.ezkl(EZKL_VERSION),
            workshop.home().join(format!("ezkl-{EZKL_VERSION}")),
        )
        .unwrap();
        let solc = tools.home.solc(SOLC_VERSION);
        if solc.exists() {
            symlink(solc, workshop.home().join(format!("solc-{SOLC_VERSION}"))).unwrap();
        }
        workshop
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// With direct circuits, unless the arguments say otherwise: they go through every phase.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.subcommand("prove-and-verify", arguments);
        if !arguments.contains(&"--circuit") {
            command.args(["--circuit", "direct"]);
        }
        command
    }

    pub(crate) fn subcommand(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = common::evmbench();
        command
            .env("EVMBENCH_HOME", self.home())
            .arg(name)
            .args(arguments)
            .arg("--out")
            .arg(self.out())
            .stdin(Stdio::null());
        command
    }

    /// Runs to the end and gives exit status, stdout and stderr.
    pub(crate) fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        Self::end(self.command(arguments))
    }

    pub(crate) fn end(mut command: Command) -> (Option<i32>, String, String) {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    pub(crate) fn records(&self) -> Vec<(PathBuf, Record)> {
        let mut records = Vec::new();
        for suite in ["core", "scaling", "composite", "onnx"] {
            let Ok(listing) = std::fs::read_dir(self.out().join(suite)) else {
                continue;
            };
            for entry in listing {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "json") {
                    records.push((path.clone(), store::load(&path).unwrap()));
                }
            }
        }
        records
    }

    pub(crate) fn only_record(&self) -> (PathBuf, Record) {
        let mut records = self.records();
        assert_eq!(records.len(), 1);
        records.pop().unwrap()
    }

    /// Puts a shell script before the interpreter, which does as `deed` says in the phase that `$IN_PHASE` names: a worker's request
    /// is named after its phase, and what `deed` leaves alive goes on.
    pub(crate) fn interpret(&self, deed: &str) {
        let environment = self.home().join(format!("ezkl-{EZKL_VERSION}"));
        std::fs::remove_file(&environment).unwrap();
        std::fs::create_dir_all(environment.join("bin")).unwrap();
        let python = environment.join("bin/python");
        let real = common::tools().toolchain.python().display();
        let script = format!(
            "#!/bin/sh\nfor last; do :; done\ncase \"$last\" in */\"$IN_PHASE\".request.json) {deed} ;; esac\nexec {real} \"$@\"\n"
        );
        std::fs::write(&python, script).unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// No worker's folder and no half-written file is left behind.
    pub(crate) fn assert_clean(&self) {
        let work = self.home().join("work");
        let left = std::fs::read_dir(&work).map_or(0, Iterator::count);
        assert_eq!(left, 0, "unfinished runs in {}", work.display());
        let mut folders = vec![self.out()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                assert!(!name.starts_with(".tmp"), "{}", path.display());
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
    }
}

/// Of dense_small: two counted proofs after a warm-up.
fn assert_everything_was_measured(record: &Record) {
    // What was proved is what the reference computes: 64 outputs, and in each of two proofs 128 inputs and 64 outputs.
    let numerics = record.numerics.as_ref().unwrap();
    assert_eq!(
        numerics.integer,
        IntegerCheck::Exact {
            outputs: 64,
            instances: 2 * 192
        }
    );
    assert!(numerics.max_absolute_error.unwrap() < 0.1);

    // Every phase but the reference string's was measured.
    for phase in [
        Phase::Settings,
        Phase::Calibrate,
        Phase::Compile,
        Phase::Setup,
        Phase::Witness,
        Phase::Verify,
    ] {
        assert_eq!(record.call_seconds(phase).len(), 1, "{phase}");
    }
    assert_eq!(record.call_seconds(Phase::Prove).len(), 2);
    assert_eq!(
        record
            .phases
            .iter()
            .filter(|phase| phase.source == PhaseSource::WarmUp)
            .count(),
        1
    );
    let peak = record.peak_rss_bytes(Phase::Prove).unwrap();
    let key = record.keys.as_ref().unwrap().proving_key_bytes.unwrap();
    assert!(
        peak > key && peak < 10 * key,
        "a prover of a key of {key} bytes held {peak}"
    );

    // The sizes of a proof, each by its definition.
    let proof = record.proof.as_ref().unwrap();
    assert_eq!(proof.instances, 192);
    let padded = proof.proof_bytes.div_ceil(32) * 32;
    assert_eq!(proof.calldata_bytes, 4 + 2 * 32 + 32 + padded + 32 + 32 * 192);

    // Every kind of cheating was tried.
    let controls = record.controls.as_ref().unwrap();
    assert!(controls.passed());
    assert!(
        controls
            .tallies
            .iter()
            .all(|tally| tally.tried > 0 && tally.rejected == tally.tried)
    );
    let verification = record.verification.as_ref().unwrap();
    let gas = verification.gas.unwrap();
    assert_eq!(record.tx_gas_samples.len(), 2);
    assert_eq!(record.tx_gas_samples[0], gas.tx_gas);
    assert_eq!(gas.tx_gas, gas.intrinsic_gas + gas.execution_gas);
}

/// EZKL makes the same key, verifier and commitments again, so that no item rests on the record alone.
#[track_caller]
fn assert_reproduced(workshop: &Workshop, path: &Path, more: &[&str]) {
    let audited = common::evmbench()
        .env("EVMBENCH_HOME", workshop.home())
        .args(["audit", "--reproduce"])
        .args(more)
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(audited.stdout).unwrap();
    assert!(audited.status.success(), "{text}");
    assert!(!text.contains("by the record only"), "{text}");
}

/// The whole way, twice: the second run has another input, and takes circuit and keys from the cache.
#[test]
fn a_layer_is_proved_verified_recorded_and_verified_again() {
    let workshop = Workshop::new();
    let (status, stdout, stderr) = workshop.run(&["dense_small", "--runs", "2", "--warmup", "1"]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(
        stdout.contains("dense_small")
            && stdout.contains("verified")
            && stdout.contains("sum: the receipt's gas"),
        "{stdout}"
    );
    let (path, record) = workshop.only_record();
    assert_eq!(record.outcome, Outcome::Verified);
    assert_eq!(record.broken_rules().count(), 0);

    assert_everything_was_measured(&record);

    // The record verifies again, and a changed one does not.
    let again = |path: &Path| {
        let output = common::evmbench().arg("verify").arg(path).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (status, text) = again(&path);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("accepted, as recorded"), "{text}");
    let mut wrong = record.clone();
    wrong.verification.as_mut().unwrap().gas.as_mut().unwrap().tx_gas += 1;
    std::fs::write(&path, serde_json::to_string(&wrong).unwrap()).unwrap();
    let (status, text) = again(&path);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("in the record"), "{text}");
    std::fs::write(&path, serde_json::to_string(&record).unwrap()).unwrap();

    assert_reproduced(&workshop, &path, &[]);

    // Nothing is run twice with --resume.
    let (status, _, stderr) = workshop.run(&["dense_small", "--runs", "2", "--warmup", "1", "--resume"]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stderr.contains("there already"), "{stderr}");

    // Another input: same model bytes, so weights must not follow the seed. A user's file has both.
    let onnx = workshop.folder.path().join("mine.onnx");
    let graph = evmbench::model::layers::build(evmbench::suite::find("dense_small").unwrap(), 0);
    std::fs::write(&onnx, evmbench::model::onnx::write(&graph)).unwrap();
    let (status, stdout, stderr) = workshop.run(&[
        "--onnx",
        onnx.to_str().unwrap(),
        "--seed",
        "9",
        "--runs",
        "1",
        "--json",
    ]);
    assert_eq!(status, Some(0), "{stderr}");
    let reused: Record = serde_json::from_str(stdout.trim()).unwrap();
    assert_eq!(reused.outcome, Outcome::Verified);
    assert_ne!(reused.input.sha256, record.input.sha256);
    assert!(reused.keys.as_ref().unwrap().reused);
    let setup = reused
        .phases
        .iter()
        .find(|phase| phase.phase == Phase::Setup)
        .unwrap();
    assert_eq!(setup.source, PhaseSource::Cached);
    workshop.assert_clean();
}

/// Four numbers, halved: the smallest circuit that there is, on a key of 2^15 rows.
pub(crate) fn tiny_model(workshop: &Workshop) -> String {
    let mut graph = Graph::default();
    let x = graph.input("x", &[1, 4]).unwrap();
    let weight = Tensor::new([2, 4], vec![0.5; 8]);
    let y = graph
        .apply("fc", "y", Op::Gemm(Gemm { weight, bias: None }), &[x])
        .unwrap();
    graph.outputs = vec![y];
    let path = workshop.folder.path().join("tiny.onnx");
    std::fs::write(&path, evmbench::model::onnx::write(&graph)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The reusable verifier with its key artifact registered, cheated with others, and verified again from the record.
#[test]
fn a_proof_is_verified_by_the_reusable_verifier() {
    let workshop = Workshop::new();
    let onnx = tiny_model(&workshop);
    let (status, stdout, stderr) = workshop.run(&["--onnx", &onnx, "--runs", "1", "--verifier", "reusable"]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stdout.contains("for N models and M proofs"), "{stdout}");
    let (path, record) = workshop.only_record();
    assert_eq!(record.outcome, Outcome::Verified);
    assert_eq!(record.call_seconds(Phase::KeyArtifact).len(), 1);
    let registration = record.registration.as_ref().unwrap();
    let key = store::load_evidence(&path, &record, Evidence::KEY_ARTIFACT).unwrap();
    let key = Evidence::read_key_artifact(&key).unwrap();
    assert_eq!(registration.digest, alloy_primitives::keccak256(key.concat()));
    assert_eq!(registration.key_artifact_words, key.len() as u64);
    // The call holds the artifact: its offset, its length, its words.
    let proof = record.proof.as_ref().unwrap();
    let plain = 4 + 2 * 32 + 32 + proof.proof_bytes + 32 + 32 * proof.instances;
    assert_eq!(proof.calldata_bytes, plain + 32 + 32 + 32 * key.len() as u64);
    let controls = record.controls.as_ref().unwrap();
    let kinds: Vec<ControlKind> = controls.tallies.iter().map(|tally| tally.kind).collect();
    assert_eq!(kinds, [&ControlKind::ALL[..], &ControlKind::OF_KEYS].concat());
    assert!(controls.passed());
    for fit in record.fits() {
        assert!(fit.registration.is_some() && fit.is_verifiable_from_public_pool());
    }
    let source = store::load_evidence(&path, &record, Evidence::VERIFIER_SOURCE).unwrap();
    let fixture = common::fixture("verifier/reusable/Verifier.sol");
    assert_eq!(
        source,
        std::fs::read(fixture).unwrap(),
        "one source for all circuits"
    );

    let tools = Tools::new(common::solc().clone());
    let again =
        evmbench::rederive::rederive(&StoredRun::open(&path).unwrap(), Given::default(), &tools).unwrap();
    assert!(again.agrees(), "{:?}", again.discrepancies);
    assert!(
        again
            .figures
            .iter()
            .any(|figure| figure.metric == Metric::RegistrationGas)
    );
    workshop.assert_clean();
}

/// Instances that are hashes stand before and behind those that show a tensor; the reusable verifier takes them, too. But
/// EZKL does not tie hashed weights to the product, so that the accepted proof is no result.
#[test]
fn a_hash_is_no_tensors_element() {
    let workshop = Workshop::new();
    let onnx = tiny_model(&workshop);
    let (status, _, stderr) = workshop.run(&[
        "--onnx",
        &onnx,
        "--runs",
        "1",
        "--param-visibility",
        "hashed",
        "--output-visibility",
        "hashed",
        "--verifier",
        "reusable",
    ]);
    assert_eq!(status, Some(1), "{stderr}");
    let (_, record) = workshop.only_record();
    let Outcome::Unsound { control } = &record.outcome else {
        panic!("{}", record.outcome);
    };
    assert!(control.contains("does not tie"), "{control}");
    assert!(record.verification.unwrap().verdict.is_accepted());
    // The weights' hash, 4 inputs, the outputs' hash: only the inputs are compared.
    assert_eq!(record.proof.unwrap().instances, 1 + 4 + 1);
    let exact = IntegerCheck::Exact {
        outputs: 2,
        instances: 4,
    };
    assert_eq!(record.numerics.unwrap().integer, exact);
}

/// EZKL makes the commitment to an input and the hash of an output again, and the judge is asked again.
#[test]
fn a_hash_and_a_commitment_are_made_again() {
    let workshop = Workshop::new();
    let onnx = tiny_model(&workshop);
    let (status, _, stderr) = workshop.run(&[
        "--onnx",
        &onnx,
        "--runs",
        "1",
        "--input-visibility",
        "polycommit",
        "--output-visibility",
        "hashed",
    ]);
    assert_eq!(status, Some(0), "{stderr}");
    let (path, record) = workshop.only_record();
    assert_eq!(record.outcome, Outcome::Verified);
    assert_reproduced(&workshop, &path, &["--onnx", &onnx]);
}

/// A user's model with two inputs and two outputs, every tensor compared with the reference.
#[test]
fn several_inputs_and_outputs_are_proved() {
    let mut graph = Graph::default();
    let a = graph.input("a", &[1, 8]).unwrap();
    let b = graph.input("b", &[1, 8]).unwrap();
    let sum = graph.apply("add", "sum", Op::Add, &[a, b]).unwrap();
    let positive = graph.apply("relu", "positive", Op::Relu, &[sum]).unwrap();
    graph.outputs = vec![sum, positive];
    let [first, second] = [[0.5_f32; 8], [-0.75; 8]];
    for circuit in ["committed", "direct"] {
        let workshop = Workshop::new();
        let onnx = workshop.folder.path().join("two.onnx");
        std::fs::write(&onnx, evmbench::model::onnx::write(&graph)).unwrap();
        let input = workshop.folder.path().join("two.json");
        let data = serde_json::json!({"input_data": [first, second]});
        std::fs::write(&input, data.to_string()).unwrap();
        let (status, _, stderr) = workshop.run(&[
            "--onnx",
            onnx.to_str().unwrap(),
            "--input",
            input.to_str().unwrap(),
            "--circuit",
            circuit,
            "--runs",
            "1",
        ]);
        assert_eq!(status, Some(0), "{stderr}");
        let (_, record) = workshop.only_record();
        assert_eq!(record.outcome, Outcome::Verified);
        assert_eq!(record.model.input_shapes.len(), 2);
        let numerics = record.numerics.unwrap();
        assert_eq!(numerics.outputs.len(), 2);
        if circuit == "committed" {
            // One tensor for all inputs, and one for all outputs.
            let sizes = record.lowering.unwrap().committed_elements;
            assert_eq!(sizes.input, 16);
            assert!(numerics.max_absolute_error.unwrap() < 0.01);
        } else {
            let exact = IntegerCheck::Exact {
                outputs: 16,
                instances: 32,
            };
            assert_eq!(numerics.integer, exact);
        }
    }
}

/// EZKL's own Freivalds check leaves a product unconstrained: such a circuit is refused before any key is made.
#[test]
fn a_circuit_with_built_in_freivalds_is_unsound() {
    let workshop = Workshop::new();
    let mut graph = Graph::default();
    let x = graph.input("x", &[4, 8]).unwrap();
    let weight = Tensor::new([6, 8], vec![0.25; 48]);
    let y = graph
        .apply("fc", "y", Op::Gemm(Gemm { weight, bias: None }), &[x])
        .unwrap();
    graph.outputs = vec![y];
    let onnx = workshop.folder.path().join("product.onnx");
    std::fs::write(&onnx, evmbench::model::onnx::write(&graph)).unwrap();
    let run = |circuit: &str| {
        workshop.run(&[
            "--onnx",
            onnx.to_str().unwrap(),
            "--circuit",
            circuit,
            "--runs",
            "1",
        ])
    };
    let (status, _, stderr) = run("study");
    assert_eq!(status, Some(1), "{stderr}");
    let (_, record) = workshop.only_record();
    let Outcome::Unsound { control } = &record.outcome else {
        panic!("{}", record.outcome)
    };
    assert!(control.contains("Freivalds"), "{control}");
    assert!(record.keys.is_none() && record.proof.is_none());
    // With the check switched off, as every direct circuit has it, the same product is proved.
    let (status, _, stderr) = run("direct");
    assert_eq!(status, Some(0), "{stderr}");
}

/// Caps below what fits, for real: a finding with its phase and limit, and the machine lives on.
#[test]
fn running_out_of_memory_is_recorded() {
    let workshop = Workshop::new();
    let (status, _, stderr) = workshop.run(&["dense_small", "--memory-limit", "120MiB", "--force"]);
    assert_eq!(status, Some(1), "{stderr}");
    let (_, record) = workshop.only_record();
    let Outcome::OutOfMemory { phase, limit_bytes } = record.outcome else {
        panic!("{}", record.outcome)
    };
    assert_eq!((phase, limit_bytes), (Phase::Setup, 120 << 20));
    // What was measured before it is kept, and so is the phase that failed.
    assert!(record.circuit.is_some());
    assert_eq!(record.phases.last().unwrap().phase, Phase::Setup);
    assert_eq!(record.phases.last().unwrap().call_seconds, None);
    workshop.assert_clean();
}

/// The same, without being told to try: nothing is made, and the record says why.
#[test]
fn what_is_forecast_not_to_fit_is_not_attempted() {
    let workshop = Workshop::new();
    let (status, _, stderr) = workshop.run(&["dense_small", "--memory-limit", "120MiB"]);
    assert_eq!(status, Some(1), "{stderr}");
    let (_, record) = workshop.only_record();
    let Outcome::NotAttempted { forecast } = &record.outcome else {
        panic!("{}", record.outcome)
    };
    assert!(
        forecast.contains("set-up") && forecast.contains("2^15"),
        "{forecast}"
    );
    assert!(record.keys.is_none() && record.proof.is_none());
    assert_eq!(record.phases.last().unwrap().phase, Phase::Calibrate);
    let said = record.forecast.unwrap();
    assert_eq!(said.proving_key_bytes.likely, 138_479_371);
    workshop.assert_clean();
}

/// What `plan` says of a model is what the published record of it measured.
#[test]
fn a_plan_is_what_a_record_measured() {
    let workshop = Workshop::new();
    let (status, stdout, stderr) = Workshop::end(workshop.subcommand(
        "plan",
        &[
            "dense_small",
            "--circuit",
            "direct",
            "--json",
            "--budget",
            "200MiB",
        ],
    ));
    assert_eq!(status, Some(0), "{stderr}");
    let plan: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let forecast: Forecast = serde_json::from_value(plan["forecast"].clone()).unwrap();
    let record = store::load(&common::root("results/scaling/dense_small-s7-direct.json")).unwrap();
    let (keys, proof) = (record.keys.unwrap(), record.proof.unwrap());
    assert_eq!(
        forecast.proving_key_bytes,
        Estimate::exact(keys.proving_key_bytes.unwrap())
    );
    assert_eq!(
        forecast.verifying_key_bytes,
        Estimate::exact(keys.verifying_key_bytes)
    );
    assert_eq!(forecast.proof_bytes, Estimate::exact(proof.proof_bytes));
    assert_eq!(forecast.calldata_bytes, Estimate::exact(proof.calldata_bytes));
    assert_eq!(forecast.instances, proof.instances);
    let verification = record.verification.unwrap();
    let under = forecast
        .forks
        .iter()
        .find(|under| under.fork == verification.fork)
        .unwrap();
    assert!(under.verification_gas.holds(verification.gas.unwrap().tx_gas));
    // A proof takes more than 200 MiB, and both transactions fit every fork.
    assert_eq!(plan["memory"], "exceeds");
    for under in &forecast.forks {
        for transaction in [TransactionKind::Deployment, TransactionKind::Verification] {
            assert_eq!(under.verdict(transaction), Verdict::Fits);
        }
    }
    // Nothing is kept, neither key nor record.
    workshop.assert_clean();
}

#[test]
fn a_phase_that_takes_too_long_is_ended_and_recorded() {
    let workshop = Workshop::new();
    workshop.interpret("exec sleep 600");
    let mut command = workshop.command(&["dense_small", "--timeout", "10"]);
    command.env("IN_PHASE", Phase::Setup.to_string());
    let (status, _, stderr) = Workshop::end(command);
    assert_eq!(status, Some(1), "{stderr}");
    let (_, record) = workshop.only_record();
    assert!(
        matches!(
            record.outcome,
            Outcome::TimedOut {
                phase: Phase::Setup,
                ..
            }
        ),
        "{}",
        record.outcome
    );
    workshop.assert_clean();
}

/// A worker killed from outside in each phase is trouble of the machine's, and is not taken for want of memory.
#[test]
fn a_worker_killed_in_any_phase_is_no_finding_about_the_model() {
    let workshop = Workshop::without_srs();
    workshop.interpret("kill -\"$SIGNAL\" $$");
    let onnx = tiny_model(&workshop);
    let committed = || workshop.subcommand("prove-and-verify", &["--onnx", &onnx, "--runs", "1"]);
    let direct = || workshop.command(&["--onnx", &onnx, "--runs", "1"]);
    let of_direct = [Phase::Settings, Phase::Calibrate, Phase::Compile];
    let of_committed = [
        Phase::Setup,
        Phase::Witness,
        Phase::Commit,
        Phase::Prove,
        Phase::Verify,
        Phase::Render,
    ];
    let runs = of_direct
        .map(|phase| (phase, direct()))
        .into_iter()
        .chain(of_committed.map(|phase| (phase, committed())));
    let runs = runs.zip([9, 15].into_iter().cycle());
    for ((phase, mut command), signal) in runs.step_by(common::step(3)) {
        command
            .env("IN_PHASE", phase.to_string())
            .env("SIGNAL", signal.to_string());
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{phase}: {stderr}");
        let failed = workshop.records().into_iter().map(|(_, record)| record.outcome);
        let failed: Vec<Outcome> = failed
            .filter(
                |outcome| matches!(outcome, Outcome::Environment { step, .. } if *step == phase.to_string()),
            )
            .collect();
        let [Outcome::Environment { reason, .. }] = &failed[..] else {
            panic!("{phase}: {failed:?}")
        };
        let killed = format!("killed from outside (signal {signal})");
        assert!(reason.contains(&killed), "{phase}: {reason}");
        workshop.assert_clean();
    }
    // Nothing that a killed worker left stands in the way of the next run; the new reference string is whole.
    let (status, _, stderr) = Workshop::end(committed());
    assert_eq!(status, Some(0), "{stderr}");
    let verified = |workshop: &Workshop| -> Vec<Record> {
        let records = workshop.records().into_iter().map(|(_, record)| record);
        records
            .filter(|record| record.outcome == Outcome::Verified)
            .collect()
    };
    let [record] = &verified(&workshop)[..] else {
        panic!("one is verified")
    };
    // A user's reference string is read, never written to, and named in the record.
    let rows = record.circuit.as_ref().unwrap().logrows;
    let made = workshop.home().join(format!("srs/local-test-k{rows}.srs"));
    let before = std::fs::metadata(&made).unwrap().modified().unwrap();
    let store = SrsStore::from_file(&made).unwrap();
    let mut command = committed();
    command.arg("--srs").arg(&made);
    let (status, _, stderr) = Workshop::end(command);
    assert_eq!(status, Some(0), "{stderr}");
    assert_eq!(std::fs::metadata(&made).unwrap().modified().unwrap(), before);
    let identity = store.identity(rows).unwrap().unwrap();
    let records = verified(&workshop);
    assert_eq!(records.len(), 2, "another reference string is another run");
    assert!(
        records
            .iter()
            .any(|record| record.keys.as_ref().unwrap().srs == identity)
    );
}

/// Where nothing is said of the circuit, it is a committed one: few public values, and a guard that derives the challenge.
#[test]
fn a_committed_circuit_is_the_default() {
    let workshop = Workshop::new();
    let (status, _, stderr) =
        Workshop::end(workshop.subcommand("prove-and-verify", &["conv2d_small", "--runs", "1"]));
    assert_eq!(status, Some(0), "{stderr}");
    let (path, record) = workshop.only_record();
    assert_eq!(record.request.plan.kind(), CircuitKind::Committed);
    assert_eq!(record.outcome, Outcome::Verified);
    assert_eq!(record.proof.as_ref().unwrap().instances, 2);
    let numerics = record.numerics.as_ref().unwrap();
    assert_eq!(
        numerics.integer,
        IntegerCheck::Exact {
            outputs: 32 * 32 * 32,
            instances: 2
        }
    );
    assert!(numerics.max_absolute_error.unwrap() < 0.1);
    let guard = record.committed_guard.as_ref().unwrap();
    assert!(guard.passed(), "{:?}", guard.checks);
    assert!(guard.tx_gas_over_verifier < 60_000);
    let lowering = record.lowering.as_ref().unwrap();
    assert_eq!(lowering.committed_elements.output, 32 * 32 * 32);
    let verified = common::evmbench().arg("verify").arg(&path).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
    assert_reproduced(&workshop, &path, &[]);
}

/// A part whose record says otherwise than its evidence, with every digest written anew, makes no set.
#[track_caller]
fn assert_no_set_with_an_edited_part(
    last: &Path,
    set: &PartSet,
    part: &Path,
    given: Given<'_>,
    tools: &Tools,
) {
    let text = std::fs::read_to_string(part).unwrap();
    let mut edited: serde_json::Value = serde_json::from_str(&text).unwrap();
    edited["lowering"]["layout"]["lookups"][0]["elements"] = 1.into();
    edited["sha256"] = evmbench::record::digest::of_json(&edited).into();
    std::fs::write(part, edited.to_string()).unwrap();
    let refused = parts::measure(&parts::paths(last, set), given, tools);
    assert!(
        matches!(&refused, Err(PartsError::NotBorneOut { found, .. }) if found.place.starts_with("lowering")),
        "{refused:?}"
    );
    std::fs::write(part, text).unwrap();
}

/// Two convolutions on 5 × 5, a rectifier between them.
fn two_convolutions() -> Graph {
    let mut graph = Graph::default();
    let convolution = |outputs: usize, inputs: usize, seed| {
        Op::Conv2d(Conv2d {
            weight: input::seeded_uniform(&[outputs, inputs, 3, 3], seed),
            bias: None,
            window: Window::square(3, 1, 1),
            groups: 1,
        })
    };
    let x = graph.input("x", &[1, 1, 5, 5]).unwrap();
    let a = graph.apply("conv1", "a", convolution(2, 1, 1), &[x]).unwrap();
    let b = graph.apply("relu1", "b", Op::Relu, &[a]).unwrap();
    let c = graph.apply("conv2", "c", convolution(4, 2, 2), &[b]).unwrap();
    graph.outputs = vec![c];
    graph
}

/// Two convolutions and a rectifier, cut between them, the second convolution in two tiles: three proofs, one set. A part
/// about another input is no part of it.
#[test]
fn a_model_in_parts_is_one_set() {
    let workshop = Workshop::new();
    let graph = two_convolutions();
    let onnx = workshop.folder.path().join("parts.onnx");
    std::fs::write(&onnx, evmbench::model::onnx::write(&graph)).unwrap();
    let arguments = [
        "--onnx",
        onnx.to_str().unwrap(),
        "--scale",
        "4",
        "--runs",
        "1",
        "--cut",
        "conv2",
        "--tiles",
        "2",
    ];
    let run = |more: &[&str]| {
        let arguments = [&arguments[..], more].concat();
        Workshop::end(workshop.subcommand("prove-and-verify", &arguments))
    };
    let (status, _, stderr) = run(&[]);
    assert_eq!(status, Some(0), "{stderr}");
    let mut records = workshop.records();
    records.sort_by_key(|(_, record)| record.request.part.as_ref().map(|part| part.index));
    let shapes: Vec<_> = records
        .iter()
        .map(|(_, record)| {
            (
                &record.model.input_shapes[0][..],
                &record.model.output_shapes[0][..],
            )
        })
        .collect();
    assert_eq!(
        shapes,
        [
            (&[1, 1, 5, 5][..], &[1, 2, 5, 5][..]),
            (&[1, 2, 5, 5], &[1, 2, 5, 5]),
            (&[1, 2, 5, 5], &[1, 2, 5, 5])
        ]
    );
    let rows: Vec<u32> = records
        .iter()
        .map(|(_, record)| record.circuit.as_ref().unwrap().logrows)
        .collect();
    assert!(rows.iter().all(|&logrows| logrows == rows[0]), "{rows:?}");
    let (last_path, last) = records.last().unwrap();
    assert!(records[..2].iter().all(|(_, record)| record.set.is_none()));
    let set = last.set.as_ref().unwrap();
    assert!(set.measurement.passed(), "{:?}", set.measurement.checks);
    assert_eq!(set.measurement.bare_verifications.len(), 3);
    let tools = Tools::new(common::solc().clone());
    let given = Given {
        onnx: Some(&onnx),
        ..Given::default()
    };
    let again = parts::measure(&parts::paths(last_path, set), given, &tools).unwrap();
    assert_eq!(&again.set, set);
    // The keys were not made again.
    assert!(again.by_record_only[&What::InputRange].contains("--reproduce"));
    // What stands in the records is what the whole model computes.
    let part = last.numerics.as_ref().unwrap();
    assert!(part.max_absolute_error.unwrap() < 1.0);

    // The parts of a run about another input: each is right, and none belongs to the first run's set.
    let (status, _, stderr) = run(&["--seed", "5"]);
    assert_eq!(status, Some(0), "{stderr}");
    let others: Vec<PathBuf> = workshop
        .records()
        .into_iter()
        .filter(|(_, record)| record.request.seed == 5 && record.request.part.as_ref().unwrap().index == 1)
        .map(|(path, _)| path)
        .collect();
    let mixed = [records[0].0.clone(), others[0].clone(), last_path.clone()];
    let refused = parts::measure(&mixed, given, &tools);
    assert!(
        matches!(refused, Err(PartsError::OtherPart { index: 1, .. })),
        "{refused:?}"
    );
    assert_no_set_with_an_edited_part(last_path, set, &records[0].0, given, &tools);

    let verified = common::evmbench()
        .env("EVMBENCH_HOME", workshop.home())
        .arg("verify")
        .arg(last_path)
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
    assert!(
        String::from_utf8_lossy(&verified.stdout).contains("gas of the whole set"),
        "{verified:?}"
    );
    workshop.assert_clean();
}

/// A sum with a convolution's input, cut before it: both operands go across, committed to as one tensor.
fn residual() -> Graph {
    let mut graph = Graph::default();
    let x = graph.input("x", &[1, 1, 4, 4]).unwrap();
    let convolution = |seed| {
        Op::Conv2d(Conv2d {
            weight: input::seeded_uniform(&[1, 1, 3, 3], seed),
            bias: None,
            window: Window::square(3, 1, 1),
            groups: 1,
        })
    };
    let mut apply =
        |name: &str, op: Op, inputs: &[ValueId]| graph.apply(name, &format!("{name}.y"), op, inputs).unwrap();
    let first = apply("conv1", convolution(1), &[x]);
    let kept = apply("relu1", Op::Relu, &[first]);
    let second = apply("conv2", convolution(2), &[kept]);
    let sum = apply("sum", Op::Add, &[kept, second]);
    let output = apply("relu2", Op::Relu, &[sum]);
    graph.outputs = vec![output];
    graph
}

/// Rows of a table by their numbers, and two dense layers, of which the last stands in a part of its own.
fn embedding() -> ModelProto {
    let weights = |seed: i32, count: i32| -> Vec<f32> {
        (0..count)
            .map(|index| ((index * 7 + seed) % 11 - 5) as f32 / 8.0)
            .collect()
    };
    let nodes = vec![
        named("embed", operator("Gather", &["table", "x"], "rows")),
        named("flat", operator("Flatten", &["rows"], "line")),
        named("fc1", operator("MatMul", &["line", "w1"], "hidden")),
        named("relu", operator("Relu", &["hidden"], "kept")),
        named("fc2", operator("MatMul", &["kept", "w2"], "y")),
    ];
    let initializers = vec![
        floats("table", &[6, 3], &weights(1, 18)),
        floats("w1", &[12, 5], &weights(2, 60)),
        floats("w2", &[5, 2], &weights(3, 10)),
    ];
    let mut model = small(&[1, 4], nodes, initializers);
    let x = &mut model.graph.as_mut().unwrap().input[0];
    let Some(type_proto::Value::TensorType(tensor)) = &mut x.r#type.as_mut().unwrap().value else {
        panic!("the input is a tensor")
    };
    tensor.elem_type = DataType::Int64 as i32;
    model
}

/// A network that takes whole numbers is judged on whole numbers, each of its parts too.
#[test]
fn a_network_of_indices_is_proved_in_parts() {
    let workshop = Workshop::new();
    let onnx = written(&workshop.folder, "embedding.onnx", &embedding());
    let input = workshop.folder.path().join("input.json");
    std::fs::write(&input, r#"{"input_data": [[0, 5, 2, 3]]}"#).unwrap();
    let arguments = [
        "--onnx",
        &onnx,
        "--input",
        input.to_str().unwrap(),
        "--scale",
        "6",
        "--runs",
        "1",
        "--cut",
        "fc2",
    ];
    let (status, _, stderr) = Workshop::end(workshop.subcommand("prove-and-verify", &arguments));
    assert_eq!(status, Some(0), "{stderr}");
    let records = workshop.records();
    assert_eq!(records.len(), 2, "{stderr}");
    assert_eq!(
        records.iter().filter(|(_, record)| record.set.is_some()).count(),
        1
    );
    assert!(
        records
            .iter()
            .all(|(_, record)| record.outcome == Outcome::Verified)
    );
}

/// Parts that are linked by two tensors are one set, and one that is about another operand is no part of it.
#[test]
fn two_tensors_across_a_cut_are_linked() {
    let workshop = Workshop::new();
    let onnx = workshop.folder.path().join("residual.onnx");
    std::fs::write(&onnx, evmbench::model::onnx::write(&residual())).unwrap();
    let run = |seed: &str| {
        let onnx = onnx.to_str().unwrap();
        let arguments = [
            "--onnx", onnx, "--scale", "4", "--runs", "1", "--cut", "sum", "--seed", seed,
        ];
        Workshop::end(workshop.subcommand("prove-and-verify", &arguments))
    };
    let of_seed = |seed: u64| {
        let mut records: Vec<(PathBuf, Record)> = workshop.records();
        records.retain(|(_, record)| record.request.seed == seed);
        records.sort_by_key(|(_, record)| record.request.part.as_ref().map(|part| part.index));
        records
    };
    for seed in ["0", "5"] {
        let (status, _, stderr) = run(seed);
        assert_eq!(status, Some(0), "{stderr}");
    }
    let (records, others) = (of_seed(0), of_seed(5));
    let [(first, one), (last, two)] = &records[..] else {
        panic!("{} records", records.len())
    };
    assert_eq!(one.model.output_shapes, [[1, 1, 4, 4], [1, 1, 4, 4]]);
    assert_eq!(two.model.input_shapes, one.model.output_shapes);
    let set = two.set.as_ref().unwrap();
    assert!(set.measurement.passed(), "{:?}", set.measurement.checks);
    let tools = Tools::new(common::solc().clone());
    let given = Given {
        onnx: Some(&onnx),
        ..Given::default()
    };
    assert_eq!(
        parts::measure(&parts::paths(last, set), given, &tools)
            .unwrap()
            .set,
        *set
    );
    let mixed = [first.clone(), others[1].0.clone()];
    let refused = parts::measure(&mixed, given, &tools);
    assert!(
        matches!(refused, Err(PartsError::OtherPart { index: 1, .. })),
        "{refused:?}"
    );
}

#[test]
fn an_interrupted_run_leaves_nothing_half_done_and_goes_on() {
    let workshop = Workshop::new();
    let arguments = ["dense_small", "--scale", "7,10", "--runs", "1"];
    let mut child = workshop
        .subcommand("prove-and-verify", &arguments)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    // Wait until the first record is there, so that one is whole and one is not.
    while workshop.records().is_empty() {
        assert!(
            start.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(),
            "no record came"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_millis(500));
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert_eq!(workshop.records().len(), 1);
    workshop.assert_clean();

    let mut command = workshop.subcommand("prove-and-verify", &arguments);
    command.arg("--resume");
    let (status, stdout, stderr) = Workshop::end(command);
    assert_eq!(status, Some(0), "{stderr}");
    assert_eq!(stderr.matches("there already").count(), 1, "{stderr}");
    assert_eq!(stdout.matches("verified").count(), 2, "{stdout}");
    assert_eq!(workshop.records().len(), 2);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said_and_loses_nothing() {
    let workshop = Workshop::new();
    let (status, _, stderr) =
        Workshop::end(workshop.subcommand("prove-and-verify", &["dense_small", "--runs", "1"]));
    assert_eq!(status, Some(0), "{stderr}");
    let (_, before) = workshop.only_record();
    // A file system of 64 KiB under the output folder, in a mount namespace of the test's own.
    let evmbench = assert_cmd::cargo::cargo_bin("evmbench");
    let script = format!(
        "mount -t tmpfs -o size=64k none {full} && exec {evmbench} prove-and-verify dense_small --runs 1 --out {full}",
        full = workshop.folder.path().join("full").display(),
        evmbench = evmbench.display(),
    );
    std::fs::create_dir(workshop.folder.path().join("full")).unwrap();
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .env("EVMBENCH_HOME", workshop.home())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("No space left on device"), "{stderr}");
    assert!(stderr.contains("hint: the disk is full"), "{stderr}");
    assert_eq!(workshop.only_record().1, before);
}
