//! The search and its profile: only what the bounds allow, only within the limits, the same each time; a profile is refused by
//! whatever it was not made for.

use crate::common;
use std::convert::Infallible;
use std::path::{Path, PathBuf};

use evmbench::accuracy::Accuracy;
use evmbench::chain::{Fork, Rule};
use evmbench::committed::{CheckedRange, InputAssurance, Interval};
use evmbench::environment;
use evmbench::forecast;
use evmbench::hint::Hint as _;
use evmbench::model::graph::{Conv2d, Gemm, Graph, Op, Window};
use evmbench::model::{input, onnx};
use evmbench::prover::{CircuitKind, CircuitPlan, CircuitSettings, Io, ShapeError};
use evmbench::record::{Outcome, Record, Request};
use evmbench::store;
use evmbench::subject::{Material, Subject};
use evmbench::suite::{self, Experiment};
use evmbench::tune::{
    self, Basis, Candidate, Chosen, Found, Limits, Measured, Objective, Profile, Reference, Refused, Space,
    TuneError,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Any loss is allowed.
const ANY_LOSS: Limits = Limits {
    loss_percent: None,
    ..LIMITS
};

const LIMITS: Limits = Limits {
    memory_bytes: None,
    loss_percent: Some(1.0),
    fork: Fork::Osaka,
};

fn subject(id: &str, plan: CircuitPlan) -> Subject {
    let model = suite::find(id).unwrap();
    let request = Request::new(id, model.category.to_string(), plan);
    let experiment = Experiment {
        model,
        scale: plan.scale(),
    };
    Subject::from_suite(experiment, request, Material::default()).unwrap()
}

/// Every committed circuit of a model at these scales, committed input and output.
fn found(id: &str, scales: &[u32]) -> (Subject, Found) {
    let plan = |&scale: &u32| CircuitPlan::committed(scale, Io::Committed).unwrap();
    let subject = subject(id, plan(&scales[0]));
    let space = Space::around(scales.iter().map(plan).collect());
    let found = space.committed(&subject, &Reference::of(&subject), Fork::Osaka, None);
    (subject, found)
}

fn best(
    candidates: Vec<Candidate>,
    objective: Objective,
    limits: &Limits,
) -> Result<Vec<Candidate>, TuneError> {
    let Ok(best) = tune::best(candidates, objective, limits, |_| Ok::<_, Infallible>(None));
    best
}

fn holds(limit: Interval, reaches: Interval) -> bool {
    limit.least <= reaches.least && reaches.greatest <= limit.greatest
}

/// What the lowering refuses is no candidate, and every candidate is what the lowering makes of its plan, with its bounds inside
/// what the circuit holds.
#[test]
fn settings_that_a_value_could_exceed_are_never_proposed() {
    let (subject, found) = found("layernorm", &[7]);
    assert!(
        !found.refused.is_empty(),
        "digits of few bits are too short for an inverse root"
    );
    for refused in &found.refused {
        let request = Request {
            plan: refused.plan,
            chosen: None,
            ..subject.request.clone()
        };
        let error = subject.asked_for(request).unwrap_err();
        assert_eq!(error.to_string(), refused.reason);
    }
    assert!(!found.candidates.is_empty());
    for candidate in &found.candidates {
        let choices = |plan: CircuitPlan| (plan.digit_bits(), plan.roundings(), plan.input_range());
        let is_refused = |refused: &Refused| choices(refused.plan) == choices(candidate.plan);
        assert!(!found.refused.iter().any(is_refused));
        assert!(!candidate.guarantees.is_empty());
        for guarantee in &candidate.guarantees {
            assert_eq!(guarantee.basis, Basis::StaticBound);
            assert!(holds(guarantee.limit, guarantee.reaches), "{:?}", candidate.plan);
        }
    }
}

#[test]
fn a_search_finds_the_same_again() {
    let (_, first) = found("dense_small", &[7, 10]);
    let (_, second) = found("dense_small", &[7, 10]);
    assert_eq!(first, second);
    assert_eq!(
        best(first.candidates, Objective::Gas, &ANY_LOSS).unwrap(),
        best(second.candidates, Objective::Gas, &ANY_LOSS).unwrap()
    );
}

/// The front's first is the least of all within the limits, for each objective, and nothing within the limits beats any of it.
#[test]
fn the_best_is_least_and_nothing_beats_the_front() {
    let (_, found) = found("conv2d_small", &[8, 10]);
    for objective in [Objective::Memory, Objective::Time, Objective::Gas] {
        let front = best(found.candidates.clone(), objective, &LIMITS).unwrap();
        let within = || {
            found
                .candidates
                .iter()
                .filter(|candidate| candidate.loss_percent() <= LIMITS.loss_percent)
        };
        for candidate in within() {
            assert!(
                candidate.costs.compare(&front[0].costs, objective).is_ge(),
                "{objective}"
            );
        }
        for member in &front {
            let costs = |candidate: &Candidate| {
                [
                    candidate.costs.memory_bytes as f64,
                    candidate.costs.prove_cpu_seconds,
                    candidate.costs.verification_gas as f64,
                    candidate.distance.unwrap(),
                ]
            };
            let beaten = within().any(|other| {
                let pairs = || costs(other).into_iter().zip(costs(member));
                pairs().all(|(a, b)| a <= b) && pairs().any(|(a, b)| a < b)
            });
            assert!(!beaten, "{:?}", member.plan);
        }
    }
    // Fewer columns cost less gas: what was found is not the default.
    let front = best(found.candidates, Objective::Gas, &LIMITS).unwrap();
    assert_eq!(front[0].plan.inner_columns(), Some(1));
}

#[test]
fn every_limit_is_kept() {
    let (_, found) = found("conv2d_small", &[7, 10]);
    let all = || found.candidates.clone();
    let peaks = || {
        found
            .candidates
            .iter()
            .map(|candidate| candidate.forecast.peak_bytes())
    };
    let least = peaks().map(|peak| peak.high).min().unwrap();
    let within = Limits {
        memory_bytes: Some(least),
        ..ANY_LOSS
    };
    let front = best(all(), Objective::Gas, &within).unwrap();
    assert!(front.iter().all(|one| one.forecast.peak_bytes().high <= least));
    let none = Limits {
        memory_bytes: Some(least - 1),
        ..LIMITS
    };
    let error = best(all(), Objective::Gas, &none).unwrap_err();
    assert!(
        matches!(error, TuneError::Nothing { memory, .. } if memory == found.candidates.len()),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("--budget"));

    let losses = || found.candidates.iter().map(|one| one.loss_percent().unwrap());
    let least_loss = losses().fold(f64::INFINITY, f64::min);
    let exact = Limits {
        loss_percent: Some(least_loss),
        ..LIMITS
    };
    let front = best(all(), Objective::Memory, &exact).unwrap();
    assert!(front.iter().all(|one| one.loss_percent() == Some(least_loss)));
    let too_exact = Limits {
        loss_percent: Some(least_loss / 2.0),
        ..LIMITS
    };
    let error = best(all(), Objective::Memory, &too_exact).unwrap_err();
    let TuneError::Nothing {
        least_loss_percent: Some(told),
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert!((told - least_loss).abs() < f64::EPSILON);
    assert!(error.hint().unwrap().contains("--accuracy-loss"));
}

/// Code that may be above the limit of the fork is not proposed for it.
#[test]
fn a_verifier_that_cannot_be_deployed_is_not_proposed() {
    let (_, found) = found("dense_small", &[10]);
    let mut wide = found.candidates[0].clone();
    let limit = Rule::RuntimeCodeSize.limit(Fork::Osaka).unwrap();
    assert_eq!(limit, 24_576);
    let fork = wide
        .forecast
        .forks
        .iter_mut()
        .find(|one| one.fork == Fork::Osaka)
        .unwrap();
    let rule = fork
        .rules
        .iter_mut()
        .find(|one| one.rule == Rule::RuntimeCodeSize)
        .unwrap();
    rule.verdict = rule.value.against(0);
    let error = best(vec![wide.clone()], Objective::Gas, &LIMITS).unwrap_err();
    assert!(matches!(error, TuneError::Nothing { chain: 1, .. }), "{error}");
    let other = Limits {
        fork: Fork::Prague,
        ..LIMITS
    };
    assert_eq!(best(vec![wide.clone()], Objective::Gas, &other), Ok(vec![wide]));
}

/// Accuracy is asked for once for each arithmetic at the front, and what loses too much makes room for the next.
#[test]
fn accuracy_decides_where_there_are_images() {
    let (_, found) = found("conv2d_small", &[7]);
    let first = best(found.candidates.clone(), Objective::Memory, &ANY_LOSS).unwrap();
    let bad = first[0].plan.digit_bits();
    let mut asked = Vec::new();
    let accuracy = |correct| Accuracy {
        circuit: CircuitKind::Committed,
        scale: 7,
        images: 100,
        images_sha256: String::new(),
        float_correct: 80,
        correct,
        agreeing: 90,
        worst_logit_error: 0.0,
        mean_logit_error: 0.0,
        greatest_logit: 1.0,
        witnesses: 0,
        without_proof: 0,
        integers: None,
    };
    let Ok(front) = tune::best(found.candidates, Objective::Memory, &LIMITS, |plan| {
        asked.push((plan.scale(), plan.digit_bits(), plan.roundings()));
        let correct = if plan.digit_bits() == bad { 78 } else { 79 };
        Ok::<_, Infallible>(Some(accuracy(correct)))
    });
    let front = front.unwrap();
    assert!(front.iter().all(|one| one.plan.digit_bits() != bad));
    assert!(
        front
            .iter()
            .all(|one| (one.loss_percent().unwrap() - 1.0).abs() < 1e-9)
    );
    let times = asked.len();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), times, "each is asked for once");
}

/// What a model's committed circuits with these plans are, those with 1 column.
fn in_one_column(id: &str, space: Space) -> Vec<Candidate> {
    let subject = subject(id, space.plans[0]);
    let space = Space {
        columns: vec![1],
        ..space
    };
    let found = space.committed(&subject, &Reference::of(&subject), Fork::Osaka, None);
    found.candidates
}

/// Neither range is always the better one: to hold an input to its own range takes cells, and leaves narrower bounds, with which more
/// outputs share a power of the challenge.
#[test]
fn either_range_may_need_fewer_rows() {
    let plan = CircuitPlan::committed(7, Io::Committed).unwrap();
    let plan = plan.with_digits(10, None).unwrap();
    for (id, in_table, ranged) in [("dense_large", 17, 16), ("relu", 14, 15)] {
        let found = in_one_column(id, Space::around(vec![plan]));
        let least = |range| {
            let of_range = found.iter().filter(|one| one.plan.input_range() == Some(range));
            of_range.map(|one| one.forecast.logrows).min()
        };
        assert_eq!(least(CheckedRange::Table), Some(in_table), "{id}");
        assert_eq!(least(CheckedRange::Exact), Some(ranged), "{id}");
    }
}

/// The two ranges that a circuit may check are searched, and each is kept where it is asked for.
#[test]
fn the_range_that_the_circuit_checks_is_searched() {
    let plan = CircuitPlan::committed(7, Io::Committed).unwrap();
    let ranges = |plan| -> Vec<Option<CheckedRange>> {
        let found = in_one_column("dense_small", Space::around(vec![plan]));
        let mut ranges = Vec::new();
        for candidate in found {
            let range = candidate.plan.input_range();
            if !ranges.contains(&range) {
                ranges.push(range);
            }
        }
        ranges
    };
    let both = [CheckedRange::Table, CheckedRange::Exact];
    assert_eq!(ranges(plan), both.map(Some), "the default's first");
    for range in both {
        assert_eq!(ranges(plan.with_input_range(range).unwrap()), [Some(range)]);
    }
    assert_eq!(ranges(plan.registered().unwrap()), [None]);
    assert_eq!(ranges(CircuitPlan::committed(7, Io::Public).unwrap()), [None]);
}

/// Whoever asks for it is also told of circuits that leave the range to a consumer that knows the commitment; of nothing else.
#[test]
fn a_registered_input_is_searched_where_it_is_asked_for() {
    let plan = CircuitPlan::committed(7, Io::Result).unwrap();
    let space = Space::around(vec![plan]).with_any_input_range().unwrap();
    assert_eq!(space.plans, [plan, plan.registered().unwrap()]);
    let found = in_one_column("dense_small", space);
    let assurances = [InputAssurance::Ranged, InputAssurance::Registered];
    for assurance in assurances {
        assert!(
            found
                .iter()
                .any(|one| one.plan.input_assurance() == Some(assurance))
        );
    }
    assert!(
        found
            .iter()
            .all(|one| one.plan.visibilities() == plan.visibilities())
    );
    for other in [
        CircuitPlan::direct(7),
        CircuitPlan::committed(7, Io::Public),
        plan.registered(),
    ] {
        let space = Space::around(vec![other.unwrap()]);
        assert!(space.with_any_input_range().is_err());
    }
}

#[test]
fn limbs_that_are_asked_for_are_kept() {
    let plan = CircuitPlan::committed(7, Io::Result)
        .unwrap()
        .with_digits(10, None)
        .unwrap();
    for candidate in in_one_column("dense_small", Space::around(vec![plan])) {
        assert_eq!(candidate.plan.digit_bits(), Some(10));
    }
    let space = Space::around(vec![plan]).with_any_io().unwrap();
    assert!(space.plans.iter().all(|plan| plan.digit_bits() == Some(10)));
}

#[test]
fn any_io_is_searched_where_it_is_asked_for() {
    let plan = CircuitPlan::committed(7, Io::Result).unwrap();
    let space = Space::around(vec![plan]).with_any_io().unwrap();
    assert_eq!(space.plans.len(), 5);
    assert_eq!(space.plans[0], plan);
    let direct = CircuitPlan::direct(7).unwrap();
    assert!(Space::around(vec![direct]).with_any_io().is_err());
    let two = CircuitPlan::committed(7, Io::Result)
        .unwrap()
        .with_columns(2)
        .unwrap();
    assert_eq!(Space::around(vec![two]).columns, [2]);
    assert_eq!(Space::around(vec![plan]).columns, [1, 2, 3, 4]);
}

/// EZKL's digits are tried as they are, and the smallest that the static bounds allow; what is too small is refused, and where
/// there are no static bounds the subject's own input must keep a margin.
#[test]
fn direct_circuits_are_held_against_their_bounds() {
    let settings_of = |name: &str| {
        let record = store::load(&root().join("results/core").join(name)).unwrap();
        record.circuit.unwrap().settings
    };
    let search = |id: &str, json: &Value, digits: Option<(u64, u32)>| {
        let plan = CircuitPlan::direct(7).unwrap();
        let subject = subject(id, plan);
        Space::around(vec![plan])
            .direct(&subject, &Reference::of(&subject), Fork::Osaka, |subject| {
                let plan = subject.request.plan;
                let mut json = json.clone();
                json["run_args"]["num_inner_cols"] = plan.inner_columns().into();
                let asked = plan.decomposition().map(|asked| (asked.base, asked.legs));
                if let Some((base, legs)) = digits.or(asked) {
                    json["run_args"]["decomp_base"] = base.into();
                    json["run_args"]["decomp_legs"] = legs.into();
                }
                let settings = CircuitSettings::parse(&json.to_string()).unwrap();
                let forecast = forecast::of(&settings, None, None)?;
                Ok::<_, ShapeError>(Ok((settings, forecast)))
            })
            .unwrap()
    };
    let relu = settings_of("relu-s7-direct.json");
    let found = search("relu", &relu, None);
    assert_eq!(found.refused, []);
    let mut decompositions: Vec<_> = found
        .candidates
        .iter()
        .map(|one| one.plan.decomposition().map(|digits| (digits.base, digits.legs)))
        .collect();
    decompositions.dedup();
    // ±2^7 is looked at: 8 bits.
    assert_eq!(decompositions, [None, Some((16, 2)), Some((8, 3)), Some((4, 4))]);
    assert_eq!(found.candidates.len(), 4 * 4);
    for candidate in &found.candidates {
        for guarantee in &candidate.guarantees {
            assert_eq!(guarantee.basis, Basis::StaticBound);
            assert!(holds(guarantee.limit, guarantee.reaches));
        }
        assert!(candidate.distance.unwrap() < 0.01);
    }
    let found = search("relu", &relu, Some((4, 2)));
    assert_eq!(found.candidates, []);
    assert!(
        found.refused[0].reason.contains("margin of 4"),
        "{:?}",
        found.refused[0]
    );

    let layer_norm = settings_of("layernorm-s7-direct.json");
    let found = search("layernorm", &layer_norm, None);
    assert_eq!(found.candidates.len() + found.refused.len(), 4);
    for candidate in &found.candidates {
        assert!(
            candidate
                .guarantees
                .iter()
                .all(|guarantee| guarantee.basis == Basis::Calibrated { margin: 4 })
        );
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The schema in the repository is that of the types. To renew it: `UPDATE_SCHEMA=1 cargo test --test suite tune::`.
#[test]
fn the_published_schema_is_that_of_the_types() {
    let schema = schemars::schema_for!(Profile);
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let path = root().join("schema/profile.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

/// A profile of dense_small as a search without proofs makes it.
pub(crate) fn profile() -> Profile {
    let (subject, found) = found("dense_small", &[7]);
    let candidate = best(found.candidates, Objective::Gas, &ANY_LOSS)
        .unwrap()
        .remove(0);
    let chosen = Chosen {
        candidate,
        optimizer_runs: 1,
        measured: None,
    };
    Profile::new(
        &subject,
        chosen,
        Objective::Gas,
        &LIMITS,
        environment::current("0.8.34".to_owned(), 1, None),
        "evmbench tune dense_small --for gas".to_owned(),
    )
}

#[test]
fn a_profile_is_read_back_and_is_no_record() {
    let folder = TempDir::new().unwrap();
    let path = Profile::path(folder.path(), "dense_small", Objective::Gas);
    let profile = profile();
    profile.save(&path).unwrap();
    assert_eq!(Profile::load(&path).unwrap(), profile);
    assert_eq!(store::record_paths(folder.path()).unwrap(), [] as [PathBuf; 0]);
    let schema = std::fs::read_to_string(root().join("schema/profile.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let json = serde_json::to_value(&profile).unwrap();
    assert!(validator.is_valid(&json));
}

/// Only a verified proof whose verifier keeps to the rules counts as measured.
#[test]
fn only_what_was_verified_within_the_rules_is_measured() {
    let path = root().join("results/scaling/dense_small-s7-committed.json");
    let record = store::load(&path).unwrap();
    let measured = Measured::of(&record).unwrap();
    assert_eq!(measured.record, record.request.name());
    assert_eq!(measured.verification_gas, record.tx_gas_samples[0]);
    let guarded = record.committed_guard.as_ref().unwrap().verification.tx_gas;
    assert_eq!(measured.guarded_gas, Some(guarded));
    assert!((measured.figure(Objective::Gas) - guarded as f64).abs() < 0.5);
    let rejected = Record {
        outcome: Outcome::Rejected { why: String::new() },
        ..record
    };
    assert_eq!(Measured::of(&rejected), None);
}

struct Said {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn say(arguments: &[&str]) -> Said {
    let output = common::evmbench().args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        status: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

#[track_caller]
fn refuses(arguments: &[&str], message: &str, hint: &str) {
    let said = say(arguments);
    assert_eq!(said.status, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains(message), "{}", said.stderr);
    assert!(said.stderr.contains(hint), "{}", said.stderr);
    assert_eq!(said.stdout, "");
}

/// A file with the profile, changed.
fn changed(folder: &TempDir, change: impl FnOnce(&mut Value)) -> String {
    let mut json = serde_json::to_value(profile()).unwrap();
    change(&mut json);
    let path = folder.path().join("profile.json");
    std::fs::write(&path, json.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_profile_is_the_settings_of_a_run() {
    let folder = TempDir::new().unwrap();
    let file = changed(&folder, |_| ());
    for model in [&[][..], &["dense_small"]] {
        let arguments = [&["prove-and-verify"], model, &["--profile", &file, "--dry-run"]].concat();
        let said = say(&arguments);
        assert_eq!(said.status, Some(0), "{}", said.stderr);
        assert!(said.stdout.contains("dense_small"), "{}", said.stdout);
        assert!(said.stdout.contains("committed"), "{}", said.stdout);
    }
}

#[test]
fn a_profile_is_refused_by_what_it_is_not_for() {
    let folder = TempDir::new().unwrap();
    let prove = |file: &str, more: &[&str], message: &str, hint: &str| {
        let arguments = [&["prove-and-verify", "--profile", file, "--dry-run"], more].concat();
        refuses(&arguments, message, hint);
    };
    let good = changed(&folder, |_| ());
    let again = "hint: make the profile again";
    prove(
        &good,
        &["dense"],
        "the profile is of dense_small, and dense is asked for",
        "hint: name",
    );
    prove(&good, &["--seed", "1"], "with other weights", again);
    for flag in [
        &["--scale", "7"][..],
        &["--columns", "2"],
        &["--io", "public"],
        &["--optimizer-runs", "200"],
        &["--circuit", "direct"],
        &["--input-range", "registered"],
        &["--suite", "smoke"],
    ] {
        prove(&good, flag, "cannot be used with", "--profile");
    }
    prove(
        "no-such-file.json",
        &[],
        "no-such-file.json",
        "hint: `evmbench tune`",
    );
    let file = changed(&folder, |json| json["schema"] = 99.into());
    prove(&file, &[], "schema version 99", again);
    let file = changed(&folder, |json| json["surprise"] = true.into());
    prove(&file, &[], "surprise", again);
    let file = changed(&folder, |json| json["plan"]["inner_columns"] = 0.into());
    prove(&file, &[], "cannot be: a circuit has 1 to 1024 columns", again);
    let file = changed(&folder, |json| json["plan"]["digit_bits"] = 30.into());
    prove(&file, &[], "refused: digits of 30 bits", again);
    // A rectifier's table that would have to reach beyond its end.
    let file = changed(&folder, |json| {
        json["plan"]["scale"] = 22.into();
        json["plan"]["roundings"] = Value::Null;
    });
    prove(&file, &[], "the profile's circuit is refused", again);
    let file = changed(&folder, |json| {
        json["model"] = json!({"id": "net", "suite": "onnx", "onnx_sha256": ""});
    });
    prove(&file, &[], "give it with --onnx", "");
}

#[test]
fn unusable_searches_are_refused() {
    for (arguments, message) in [
        (&["dense_small"][..], "--for"),
        (&["--for", "gas"], "nothing to run"),
        (&["--for", "gas", "relu", "dense"], "one model is tuned at a time"),
        (
            &["--for", "gas", "relu", "--circuit", "study"],
            "the study's circuit is",
        ),
        (
            &["--for", "gas", "relu", "--verifier", "reusable"],
            "a reusable verifier",
        ),
        (
            &["--for", "gas", "relu", "--any-io", "--io", "public"],
            "cannot be used with",
        ),
        (
            &["--for", "gas", "relu", "--accuracy-loss", "much"],
            "--accuracy-loss",
        ),
        (
            &["--for", "gas", "relu", "--any-io", "--circuit", "direct"],
            "belong to committed circuits",
        ),
        (
            &["--for", "gas", "relu", "--any-input-range", "--circuit", "direct"],
            "belong to committed circuits",
        ),
        (
            &["--for", "gas", "relu", "--any-input-range", "--io", "public"],
            "whoever reads it assures its range",
        ),
        (
            &[
                "--for",
                "gas",
                "relu",
                "--any-input-range",
                "--input-range",
                "table",
            ],
            "cannot be used with",
        ),
    ] {
        refuses(&[&["tune"], arguments].concat(), message, "");
    }
}

/// With real EZKL: what was found is proved, recorded and kept, and the profile proves it again.
#[test]
fn a_tuned_model_is_proved_and_its_profile_proves_it_again() {
    common::tools();
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    let said = say(&[
        "tune",
        "dense_small",
        "--for",
        "gas",
        "--prove",
        "1",
        "--runs",
        "1",
        "--warmup",
        "1",
        "--out",
        out,
        "--json",
    ]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    let path = Profile::path(Path::new(out), "dense_small", Objective::Gas);
    let profile = Profile::load(&path).unwrap();
    assert_eq!(serde_json::to_value(&profile).unwrap(), found["profile"]);
    let measured = profile.measured.as_ref().unwrap();
    // Every compilation was measured, and the cheapest was chosen.
    let proved = found["proved"].as_array().unwrap();
    assert_eq!(proved.len(), 3);
    for one in proved {
        assert!(one["measured"]["guarded_gas"].as_u64() >= measured.guarded_gas);
    }
    assert!(measured.runtime_code_bytes <= 24_576);
    // The profile keeps the range, and the record says what was chosen for its own circuit.
    let plan = profile.plan;
    assert!(plan.input_range().is_some());
    let tuned = Path::new(out).join("scaling").join(&measured.record);
    let tuned = store::load(&tuned.with_extension("json")).unwrap();
    let chosen = tuned.request.chosen.unwrap();
    assert_eq!(chosen.input_range, plan.input_range());
    assert_eq!(
        (Some(chosen.digit_bits), chosen.roundings),
        (plan.digit_bits(), plan.roundings())
    );
    let untuned = store::load(&root().join("results/scaling/dense_small-s7-committed.json")).unwrap();
    assert!(measured.verification_gas < untuned.tx_gas_samples[0]);

    // Its records are borne out, also those that go through another's run again.
    let records = store::record_paths(Path::new(out)).unwrap();
    let records: Vec<PathBuf> = records.iter().map(|path| Path::new(out).join(path)).collect();
    let records = records.iter().map(|path| path.to_str().unwrap());
    let said = say(&std::iter::once("verify").chain(records).collect::<Vec<_>>());
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    assert!(
        said.stdout.contains("3 records: 3 as recorded"),
        "{}",
        said.stdout
    );

    let said = say(&[
        "prove-and-verify",
        "--profile",
        path.to_str().unwrap(),
        "--runs",
        "1",
        "--out",
        out,
        "--json",
    ]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let record: Record = serde_json::from_str(said.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(record.outcome, Outcome::Verified);
    assert_eq!(record.request.plan, profile.plan);
    assert_eq!(record.request.optimizer_runs, profile.optimizer_runs);
    let gas = record.tx_gas_samples[0];
    // Calldata has other zero bytes in each proof.
    assert!(gas.abs_diff(measured.verification_gas) < 2_000, "{gas}");
}

/// Candidates that leave the input's range to a consumer are told from the others.
#[test]
fn another_statement_is_named() {
    common::tools();
    let tune = ["tune", "dense_small", "--for", "memory", "--dry-run"];
    let asked = say(&tune);
    assert_eq!(asked.status, Some(0), "{}", asked.stderr);
    assert!(asked.stdout.contains("what was asked") && !asked.stdout.contains("another statement"));
    let any = say(&[&tune[..], &["--any-input-range"]].concat());
    assert_eq!(any.status, Some(0), "{}", any.stderr);
    let rows = any.stdout.lines().filter(|line| line.contains("registered, "));
    let named: Vec<bool> = rows.map(|line| line.contains("another statement")).collect();
    assert!(
        !named.is_empty() && named.iter().all(|&named| named),
        "{}",
        any.stdout
    );
}

/// With real EZKL: a layer that must be rounded, in digits of fewer bits than the default's, whose table is smaller.
#[test]
fn a_smaller_base_of_digits_is_proved() {
    common::tools();
    let folder = TempDir::new().unwrap();
    let mut graph = Graph::default();
    let image = graph.input("image", &[1, 2, 6, 6]).unwrap();
    let mut last = image;
    let layers = [
        Op::Conv2d(Conv2d {
            weight: input::seeded_uniform(&[3, 2, 3, 3], 1),
            bias: Some(input::seeded_uniform(&[3], 2)),
            window: Window::square(3, 1, 1),
            groups: 1,
        }),
        Op::Relu,
        Op::Flatten,
        Op::Gemm(Gemm {
            weight: input::seeded_uniform(&[4, 108], 3),
            bias: None,
        }),
    ];
    for (index, op) in layers.into_iter().enumerate() {
        let (name, value) = (format!("layer{index}"), format!("value{index}"));
        last = graph.apply(&name, &value, op, &[last]).unwrap();
    }
    graph.outputs.push(last);
    let model = folder.path().join("rounded.onnx");
    std::fs::write(&model, onnx::write(&graph)).unwrap();
    let (model, out) = (model.to_str().unwrap(), folder.path().join("out"));
    let out = out.to_str().unwrap();
    let arguments = [
        "tune",
        "--onnx",
        model,
        "--for",
        "memory",
        "--accuracy-loss",
        "10",
        "--prove",
        "1",
        "--runs",
        "1",
        "--out",
        out,
    ];
    let said = say(&arguments);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains("chosen"), "{}", said.stdout);
    let path = Profile::path(Path::new(out), "rounded", Objective::Memory);
    let profile = Profile::load(&path).unwrap();
    assert!(profile.plan.digit_bits().unwrap() < 16, "{:?}", profile.plan);
    assert!(profile.measured.is_some());
    assert!(profile.distance.unwrap() <= 0.1);
    // The profile is of this file, and of no other.
    let path = path.to_str().unwrap();
    let said = say(&[
        "prove-and-verify",
        "--onnx",
        model,
        "--profile",
        path,
        "--dry-run",
    ]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    refuses(
        &["prove-and-verify", "--profile", path, "--dry-run"],
        "give it with --onnx",
        "",
    );
}
