//! Our circuits are the study's: rows equal to the unit for all 13 models that it proved.
//!
//! The fast test lays each circuit out under the settings that EZKL's calibration resolved to, kept in
//! `tests/fixtures/study.json`. The slow one runs the calibration itself and compares, minutes for the larger models;
//! `scripts/cross-check-study.sh` starts it.

use crate::common;
use std::collections::BTreeMap;

use evmbench::prover::{
    CircuitPlan, CircuitSettings, EzklOptions, EzklProver, Job, JobCircuit, Silent, VerifierKind,
};
use evmbench::record::Request;
use evmbench::subject::{Material, Subject};
use evmbench::suite::{self, Experiment, StudyFigures};
use serde_json::{Value, json};

/// What calibration changes of the run arguments, by EZKL's names.
const RESOLVED: [&str; 4] = ["input_scale", "param_scale", "scale_rebase_multiplier", "logrows"];

/// The models that the study proved, each with what it published.
fn proved() -> Vec<(&'static str, &'static StudyFigures)> {
    let models = suite::MODELS.iter();
    models
        .filter_map(|model| Some((model.id, suite::study_figures(model.id, 7)?)))
        .collect()
}

fn prover() -> EzklProver {
    let tools = common::tools();
    EzklProver::new(
        &tools.home,
        tools.toolchain.clone(),
        EzklOptions::for_home(&tools.home),
    )
}

fn job(id: &str) -> Job {
    let model = suite::find(id).unwrap();
    let plan = CircuitPlan::study(7).unwrap();
    let request = Request::new(id, model.category.to_string(), plan);
    let subject = Subject::from_suite(Experiment { model, scale: 7 }, request, Material::default()).unwrap();
    Job {
        name: id.to_owned(),
        circuit: JobCircuit::Model {
            onnx: subject.onnx,
            inputs: subject.inputs.into_iter().map(|tensor| tensor.data).collect(),
        },
        verifier: VerifierKind::Plain,
        plan,
        runs: 1,
        warmup: 0,
    }
}

fn fixture() -> BTreeMap<String, Value> {
    serde_json::from_str(&std::fs::read_to_string(common::fixture("study.json")).unwrap()).unwrap()
}

fn assert_is_the_studys(id: &str, settings: &CircuitSettings) {
    // It asked for two scales and got one circuit.
    for scale in suite::STUDY_SCALES {
        assert_eq!(
            settings.rows(),
            suite::study_figures(id, scale).unwrap().circuit_rows,
            "{id}"
        );
    }
}

#[test]
fn rows_equal_the_studys_under_the_settings_that_calibration_resolved_to() {
    let resolved = fixture();
    let prover = prover();
    assert_eq!(proved().len(), 13);
    for (id, _) in proved() {
        // The study's own arguments, with what calibration made of them.
        let mut run_args = json!({
            "input_visibility": "public", "output_visibility": "public", "param_visibility": "private",
            "num_inner_cols": 2, "decomp_base": 16384, "decomp_legs": 2,
        });
        for name in RESOLVED {
            run_args[name] = resolved[id][name].clone();
        }
        let settings = prover
            .settings_under(&job(id), &run_args, &Silent)
            .unwrap()
            .unwrap();
        assert_is_the_studys(id, &settings);
    }
}

/// `ONLY=relu,tanh` restricts it; `UPDATE_FIXTURES=1` keeps what it finds.
#[test]
#[ignore = "minutes for the larger models: scripts/cross-check-study.sh"]
fn calibration_itself_ends_at_the_studys_circuits() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let prover = prover();
    for (id, figures) in proved() {
        if !only.is_empty() && !only.split(',').any(|name| name == id) {
            continue;
        }
        let start = std::time::Instant::now();
        let settings = prover.calibrated_settings(&job(id), &Silent).unwrap().unwrap();
        println!(
            "{id}: {} rows, the study's {}; scales {}/{}, multiplier {}, 2^{} ({:.0} s)",
            settings.rows(),
            figures.circuit_rows,
            settings.input_scale(),
            settings.param_scale(),
            settings.scale_rebase_multiplier(),
            settings.logrows(),
            start.elapsed().as_secs_f64()
        );
        let run_args = &settings.json()["run_args"];
        let found: Value = RESOLVED
            .iter()
            .map(|&name| (name.to_owned(), run_args[name].clone()))
            .collect();
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            let mut all = if common::fixture("study.json").exists() {
                fixture()
            } else {
                BTreeMap::new()
            };
            all.insert(id.to_owned(), found);
            std::fs::write(
                common::fixture("study.json"),
                serde_json::to_string_pretty(&all).unwrap() + "\n",
            )
            .unwrap();
        } else {
            assert_eq!(found, fixture()[id], "{id}");
        }
        assert_is_the_studys(id, &settings);
    }
}
