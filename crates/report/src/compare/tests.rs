use std::path::Path;

use alloy_primitives::B256;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::chain::{Cause, Fork, Registration};
use crate::ledger::{Ledger, Level};
use crate::metric::Metric;
use crate::record::{FileName, OtherWork};
use crate::store;
use evmbench_backend::Phase;
use evmbench_schema::plan::VerifierKind;

/// A published record of a verified proof.
fn published() -> Record {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/scaling/dense_small-s7-direct.json");
    store::load(&path).unwrap()
}

fn set(records: impl IntoIterator<Item = Record>) -> RecordSet {
    let records = records
        .into_iter()
        .map(|record| (set::experiment(&record.request), record));
    RecordSet {
        records: records.collect(),
        ..RecordSet::default()
    }
}

fn failures(old: &Record, new: &Record) -> Vec<Failure> {
    judge(
        &compare(&set([old.clone()]), &set([new.clone()])),
        Policy::default(),
    )
}

/// The metrics that fail.
fn grown(old: &Record, new: &Record) -> Vec<Metric> {
    let metric = |failure| match failure {
        Failure::Growth { metric, .. } => metric,
        other => panic!("{other:?}"),
    };
    failures(old, new).into_iter().map(metric).collect()
}

fn digest<'a>(record: &'a mut Record, name: &str) -> &'a mut String {
    let mut files = record.evidence.iter_mut();
    &mut files.find(|file| file.name == name).unwrap().sha256
}

fn with_another_proof(record: &Record) -> Record {
    let mut record = record.clone();
    *digest(&mut record, Evidence::PROOF) = "another".to_owned();
    record
}

fn with_another_key(record: &Record) -> Record {
    let mut record = record.clone();
    record.keys.as_mut().unwrap().verifying_key_sha256 = "another".to_owned();
    record
}

fn verification_gas(record: &mut Record) -> &mut u64 {
    &mut record.verification.as_mut().unwrap().gas.as_mut().unwrap().tx_gas
}

fn change(old: &Record, new: &Record, metric: Metric) -> Change {
    let comparison = compare(&set([old.clone()]), &set([new.clone()]));
    comparison.experiments[0].figures[metric].clone()
}

#[test]
fn a_set_compared_with_itself_has_nothing_to_say() {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results");
    let set = RecordSet::from_folder(&results).unwrap();
    assert_eq!(set.problems, []);
    assert!(set.records.len() > 10);
    let comparison = compare(&set, &set);
    assert!(comparison.is_unchanged());
    assert_eq!(comparison.experiments.len(), set.records.len());
    assert_eq!(judge(&comparison, Policy::default()), []);
}

#[test]
fn gas_of_the_same_proof_is_compared_to_the_unit() {
    let old = published();
    let mut new = old.clone();
    *verification_gas(&mut new) += 1;
    assert_eq!(change(&old, &new, Metric::VerificationGas).chance, 0);
    assert_eq!(grown(&old, &new), [Metric::VerificationGas]);
    // What becomes cheaper fails nothing.
    assert_eq!(grown(&new, &old), []);
}

#[test]
fn gas_of_another_proof_may_differ_by_zero_bytes() {
    let old = published();
    let mut new = with_another_proof(&old);
    let chance = change(&old, &new, Metric::VerificationGas).chance;
    assert!((100..10_000).contains(&chance), "{chance}");
    *verification_gas(&mut new) += chance;
    assert_eq!(grown(&old, &new), []);
    *verification_gas(&mut new) += 1;
    assert_eq!(grown(&old, &new), [Metric::VerificationGas]);
}

/// The proofs of one record are of one statement: no two of them lie further apart than chance explains.
#[test]
fn published_proofs_lie_within_chance_of_each_other() {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results");
    let set = RecordSet::from_folder(&results).unwrap();
    let mut compared = 0;
    for record in set
        .records
        .values()
        .filter(|record| record.verification.is_some())
    {
        let chance = change(record, &with_another_proof(record), Metric::VerificationGas).chance;
        let samples = &record.tx_gas_samples;
        if let (Some(least), Some(greatest)) = (samples.iter().min(), samples.iter().max()) {
            assert!(greatest - least <= chance, "{samples:?}, chance {chance}");
            compared += usize::from(samples.len() > 1);
        }
    }
    assert!(compared > 3);
}

#[test]
fn execution_has_no_chance_in_it() {
    let old = published();
    let mut new = with_another_key(&with_another_proof(&old));
    new.verification
        .as_mut()
        .unwrap()
        .gas
        .as_mut()
        .unwrap()
        .execution_gas += 1;
    assert_eq!(grown(&old, &new), [Metric::VerificationExecutionGas]);
}

#[test]
fn a_verifier_with_another_key_may_differ_by_its_constants() {
    let old = published();
    let grow = |record: &Record| {
        let mut record = record.clone();
        record.deployment.as_mut().unwrap().gas.tx_gas += 1140;
        record.verifier.as_mut().unwrap().runtime_code_bytes += 5;
        record
    };
    // What the published record of relu did from one test string to the next.
    assert_eq!(grown(&old, &grow(&with_another_key(&old))), []);
    assert_eq!(
        grown(&old, &grow(&old)),
        [Metric::DeploymentGas, Metric::RuntimeCode]
    );
    let mut far = grow(&with_another_key(&old));
    far.deployment.as_mut().unwrap().gas.tx_gas += 20_000;
    assert_eq!(grown(&old, &far), [Metric::DeploymentGas]);
}

/// A reusable verifier has no key in its code: the call and the registration carry it.
#[test]
fn a_reusable_verifier_gets_its_key_with_the_call() {
    let plain = published();
    let mut old = plain.clone();
    old.registration = Some(Registration {
        digest: B256::ZERO,
        key_artifact_words: 300,
        call: plain.verification.clone().unwrap(),
    });
    let new = with_another_key(&old);
    let chance = |old: &Record, new: &Record, metric| change(old, new, metric).chance;
    assert_eq!(chance(&old, &new, Metric::DeploymentGas), 0);
    assert_eq!(chance(&old, &new, Metric::RuntimeCode), 0);
    assert_eq!(
        chance(&old, &new, Metric::VerificationGas),
        12 * chance::zero_bytes(300)
    );
    assert_eq!(
        chance(&old, &new, Metric::RegistrationGas),
        12 * chance::zero_bytes(300)
    );
    assert_eq!(
        chance(&old, &with_another_proof(&old), Metric::RegistrationGas),
        0
    );
    let mut dearer = new.clone();
    let registration = dearer.registration.as_mut().unwrap();
    registration.call.gas.as_mut().unwrap().tx_gas += 12 * chance::zero_bytes(300) + 1;
    assert_eq!(grown(&old, &dearer), [Metric::RegistrationGas]);
}

#[test]
fn sizes_of_proof_and_call_have_no_chance_in_them() {
    let old = published();
    let mut new = with_another_key(&with_another_proof(&old));
    let proof = new.proof.as_mut().unwrap();
    proof.proof_bytes += 32;
    proof.calldata_bytes += 32;
    assert_eq!(grown(&old, &new), [Metric::ProofSize, Metric::Calldata]);
}

#[test]
fn the_tolerance_is_relative_to_each_figure() {
    let old = published();
    let mut new = old.clone();
    let gas = *verification_gas(&mut new);
    *verification_gas(&mut new) = gas + gas / 100;
    let judged = |tolerance: &str| {
        let policy = Policy {
            tolerance: tolerance.parse().unwrap(),
            allow_missing: false,
        };
        judge(&compare(&set([old.clone()]), &set([new.clone()])), policy).len()
    };
    assert_eq!(["0%", "0.9%", "1%", "1.1%"].map(judged), [1, 1, 0, 0]);
}

#[test]
fn a_figure_from_nothing_has_no_share_and_fails() {
    let mut old = published();
    let new = old.clone();
    *verification_gas(&mut old) = 0;
    let change = change(&old, &new, Metric::VerificationGas);
    assert_eq!(change.relative(), None);
    assert_eq!(change.difference(), change.new);
    assert_eq!(grown(&old, &new), [Metric::VerificationGas]);
}

#[test]
fn the_largest_numbers_do_not_wrap() {
    let mut old = published();
    let mut new = with_another_key(&with_another_proof(&old));
    *verification_gas(&mut old) = 0;
    *verification_gas(&mut new) = u64::MAX;
    new.proof.as_mut().unwrap().proof_bytes = u64::MAX;
    new.circuit
        .as_mut()
        .unwrap()
        .columns
        .as_mut()
        .unwrap()
        .fixed_columns = u64::MAX;
    let change = change(&old, &new, Metric::VerificationGas);
    assert_eq!(change.difference(), Some(i128::from(u64::MAX)));
    assert!(!failures(&old, &new).is_empty());
    assert!(
        serde_json::to_string(&change)
            .unwrap()
            .contains("18446744073709551615")
    );
}

#[test]
fn what_was_not_measured_is_absent_and_not_0() {
    let old = published();
    let mut new = old.clone();
    new.verification = None;
    let change = change(&old, &new, Metric::VerificationGas);
    assert_eq!(
        (change.new, change.difference(), change.relative()),
        (None, None, None)
    );
    assert!(change.is_change());
    let json = serde_json::to_value(&change).unwrap();
    assert!(json["new"].is_null() && json["difference"].is_null());
}

fn with_causes(record: &Record, causes: serde_json::Value) -> Record {
    let mut record = record.clone();
    let verification = record.verification.as_mut().unwrap();
    verification.gas_by_cause = Some(serde_json::from_value(causes).unwrap());
    record
}

#[test]
fn causes_are_compared_one_by_one() {
    let base = published();
    let old = with_causes(
        &base,
        json!({"base": 21_000, "calldata_zero": 4000, "calldata_nonzero": 160_000, "keccak": 300}),
    );
    let new = with_causes(
        &base,
        json!({"base": 21_000, "calldata_zero": 4040, "calldata_nonzero": 159_840, "ec_mul": 6000}),
    );
    let differences = |old: &Record, new: &Record| -> Vec<_> {
        let whole = change(old, new, Metric::VerificationGas);
        let parts = whole.parts.iter().filter(|(_, part)| part.is_change());
        parts
            .map(|(name, part)| (name.to_string(), part.difference()))
            .collect()
    };
    let named = |list: &[(&str, Option<i128>)]| -> Vec<_> {
        list.iter()
            .map(|&(name, difference)| (name.to_owned(), difference))
            .collect()
    };
    // What a map does not hold is 0, so that a cause can come and go.
    let exact = [
        ("calldata zero", Some(40)),
        ("calldata nonzero", Some(-160)),
        ("ec mul", Some(6000)),
        ("keccak", Some(-300)),
    ];
    assert_eq!(differences(&old, &new), named(&exact));
    // Ten zero bytes more are chance in another proof; steps of the verifier are not.
    let other = with_another_proof(&new);
    assert_eq!(differences(&old, &other), named(&exact[2..]));
    assert_eq!(grown(&old, &other), []);
    let whole = change(&old, &new, Metric::VerificationGas);
    let json = serde_json::to_value(&whole).unwrap();
    assert_eq!(json["parts"]["ec_mul"]["new"], 6000);
}

#[test]
fn a_record_without_causes_has_none_of_0() {
    let mut old = published();
    old.verification.as_mut().unwrap().gas_by_cause = None;
    let new = with_causes(&old, json!({"base": 21_000}));
    let whole = change(&old, &new, Metric::VerificationGas);
    assert_eq!(whole.parts.len(), 1);
    let (part, base) = whole.parts.first_key_value().unwrap();
    assert_eq!(
        (*part, base.old, base.new),
        (Part::Cause(Cause::Base), None, Some(21_000))
    );
    assert_eq!(change(&old, &old, Metric::VerificationGas).parts.len(), 0);
}

#[test]
fn lost_verified_records_fail_and_others_do_not() {
    let verified = published();
    let mut out_of_memory = verified.clone();
    out_of_memory.request.id = FileName::new("other").unwrap();
    out_of_memory.outcome = Outcome::OutOfMemory {
        phase: Phase::Setup,
        limit_bytes: 1,
    };
    let both = set([verified.clone(), out_of_memory.clone()]);
    let lost = |new: RecordSet, allow_missing| {
        let policy = Policy {
            allow_missing,
            ..Policy::default()
        };
        let comparison = compare(&both, &new);
        assert_eq!(comparison.lost.len(), 1);
        judge(&comparison, policy).len()
    };
    assert_eq!(lost(set([out_of_memory.clone()]), false), 1);
    assert_eq!(lost(set([out_of_memory]), true), 0);
    assert_eq!(lost(set([verified]), false), 0);
}

#[test]
fn a_worse_outcome_fails_and_a_better_one_does_not() {
    let with = |outcome: Outcome| Record {
        outcome,
        ..published()
    };
    let verified = with(Outcome::Verified);
    let rejected = with(Outcome::Rejected { why: "it".to_owned() });
    let unsound = with(Outcome::Unsound {
        control: "it".to_owned(),
    });
    let count = |old, new| failures(old, new).len();
    assert_eq!(count(&verified, &rejected), 1);
    assert_eq!(count(&verified, &unsound), 1);
    assert_eq!(count(&rejected, &verified), 0);
    assert_eq!(count(&rejected, &unsound), 1);
    assert_eq!(count(&unsound, &rejected), 0);
    // One that was not there before must not be unsound.
    let added = |new: &Record| judge(&compare(&set([]), &set([new.clone()])), Policy::default()).len();
    assert_eq!([added(&verified), added(&rejected), added(&unsound)], [0, 0, 1]);
}

#[test]
fn a_limit_that_is_broken_now_fails() {
    let old = published();
    let mut new = old.clone();
    new.deployment.as_mut().unwrap().rules_broken = vec![BrokenRule {
        rule: Rule::RuntimeCodeSize,
        eip: Some(170),
        value: 24_577,
        limit: 24_576,
        lifted: true,
    }];
    let expected = Failure::Rule {
        experiment: set::experiment(&new.request),
        rule: Rule::RuntimeCodeSize,
    };
    assert_eq!(failures(&old, &new), [expected]);
    let back = compare(&set([new]), &set([old]));
    assert_eq!(back.outcomes[0].no_longer_broken, [Rule::RuntimeCodeSize]);
    assert_eq!(judge(&back, Policy::default()), []);
}

#[test]
fn what_can_be_relied_on_less_fails() {
    let with = |level: Option<Level>| Record {
        ledger: level.map(|level| Ledger { level, items: vec![] }),
        ..published()
    };
    let [none, sound, limited, unsound] = [
        None,
        Some(Level::Sound),
        Some(Level::Limited),
        Some(Level::Unsound),
    ]
    .map(with);
    let count = |old, new| failures(old, new).len();
    assert_eq!(
        [
            count(&sound, &limited),
            count(&limited, &unsound),
            count(&limited, &sound)
        ],
        [1, 1, 0]
    );
    // An older record does not say: that is no change.
    assert_eq!([count(&none, &limited), count(&limited, &none)], [0, 0]);
    let comparison = compare(&set([sound]), &set([limited]));
    assert_eq!(
        comparison.outcomes[0].levels,
        Some([Level::Sound, Level::Limited])
    );
}

#[test]
fn runs_of_one_statement_meet_under_another_fork() {
    let osaka = published();
    let mut prague = osaka.clone();
    prague.request.fork = Fork::Prague;
    prague.request.runs = 1;
    prague.request.optimizer_runs = 1;
    assert_ne!(prague.request.name(), osaka.request.name());
    let comparison = compare(&set([prague.clone()]), &set([osaka.clone()]));
    assert_eq!((comparison.lost.len(), comparison.added.len()), (0, 0));
    assert_eq!(
        comparison.experiments[0].experiment,
        set::experiment(&osaka.request)
    );
    let fork = &comparison.context[0];
    assert_eq!(
        (fork.context, &*fork.old, &*fork.new),
        (Context::Fork, "prague", "osaka")
    );
    // Equal names meet first; what is left has no counterpart.
    let comparison = compare(&set([prague.clone(), osaka.clone()]), &set([osaka.clone()]));
    assert_eq!((comparison.lost.len(), comparison.experiments.len()), (1, 1));
    assert_eq!(comparison.context, []);
    // Two that could meet one: neither does.
    let mut amsterdam = osaka;
    amsterdam.request.fork = Fork::Amsterdam;
    let mut once = prague.clone();
    once.request.runs = 2;
    let comparison = compare(&set([prague, once]), &set([amsterdam]));
    assert_eq!((comparison.lost.len(), comparison.added.len()), (2, 1));
}

#[test]
fn other_statements_never_meet() {
    let old = published();
    for change in [
        (|request: &mut Request| request.seed = 1) as fn(&mut Request),
        |request| request.onnx_sha256 = Some("other".to_owned()),
        |request| request.input_sha256 = Some("other".to_owned()),
        |request| request.plan = request.plan.at_scale(8).unwrap(),
        |request| request.suite = FileName::new("core").unwrap(),
        |request| request.verifier = VerifierKind::Reusable,
    ] {
        let mut new = old.clone();
        change(&mut new.request);
        assert_eq!(compare(&set([old.clone()]), &set([new])).experiments, []);
    }
}

#[test]
fn circumstances_are_named_once_with_their_experiments() {
    let mut second = published();
    second.request.seed = 1;
    let olds = [published(), second];
    let mut news = olds.clone();
    for new in &mut news {
        new.environment.solc_version = "0.8.31".to_owned();
        new.environment.ezkl_version = "24.0.0".to_owned();
    }
    news[1].verifier.as_mut().unwrap().solc.options.optimizer_runs = 1;
    let comparison = compare(&set(olds.clone()), &set(news));
    let told: Vec<_> = comparison
        .context
        .iter()
        .map(|change| (change.context, change.experiments.len()))
        .collect();
    assert_eq!(
        told,
        [(Context::Solc, 2), (Context::SolcOptions, 1), (Context::Ezkl, 2)]
    );
    assert_eq!(comparison.context[1].new, "optimizer at 1 runs, for Prague");
}

#[test]
fn times_are_compared_on_one_machine_only() {
    let old = published();
    let phases = |new: &Record| {
        let mut comparison = compare(&set([old.clone()]), &set([new.clone()]));
        comparison.experiments.remove(0).phases
    };
    let mut slow = old.clone();
    for measurement in &mut slow.phases {
        measurement.call_seconds = measurement.call_seconds.map(|seconds| 1000.0 * seconds);
        measurement.peak_rss_bytes = measurement.peak_rss_bytes.map(|bytes| 1000 * bytes);
    }
    // However slow: it fails nothing.
    assert_eq!(failures(&old, &slow), []);
    let prove = phases(&slow)
        .unwrap()
        .into_iter()
        .find(|change| change.phase == Phase::Prove)
        .unwrap();
    assert_eq!(prove.call_seconds.new, slow.call_seconds(Phase::Prove));
    assert!(prove.call_seconds.are_apart() && prove.peak_rss_bytes.are_apart());
    let mut elsewhere = old.clone();
    elsewhere.environment.machine.fingerprint = "other".to_owned();
    assert_eq!(phases(&elsewhere), None);
    let mut threads = old.clone();
    threads.environment.threads += 1;
    assert_eq!(phases(&threads), None);
}

#[test]
fn a_record_made_beside_other_work_is_marked() {
    let work = |cpu_seconds| {
        Some(OtherWork {
            cpu_seconds,
            seconds: 10.0,
        })
    };
    let with = |others| Record {
        others,
        ..published()
    };
    let compared = |old: Option<OtherWork>, new: Option<OtherWork>| {
        let comparison = compare(&set([with(old)]), &set([with(new)]));
        let differs = comparison
            .context
            .iter()
            .any(|change| change.context == Context::OtherWork);
        (comparison.experiments[0].beside_others, differs)
    };
    let (little, much) = (work(1.0), work(9.0));
    assert_eq!(compared(None, little), (false, false));
    assert_eq!(compared(little, much), (true, true));
    assert_eq!(compared(much, much), (true, false));
    assert_eq!(compared(much, None), (true, false));
}

/// What a made-up record has of its own.
#[derive(Debug, Clone)]
struct MadeUp {
    seed: u64,
    gas: [Option<u64>; 3],
    outcome: Outcome,
    same: [bool; 4],
    fork: Fork,
    seconds: Vec<f64>,
}

fn made_up() -> impl Strategy<Value = MadeUp> {
    let outcome = prop_oneof![
        Just(Outcome::Verified),
        Just(Outcome::Unsound {
            control: "it".to_owned()
        }),
    ];
    let gas = prop::option::of(prop_oneof![any::<u64>(), 900_000_u64..901_000]);
    let fork = prop::sample::select(Fork::ALL.as_slice());
    (
        0_u64..4,
        prop::array::uniform3(gas),
        outcome,
        any::<[bool; 4]>(),
        fork,
        prop::collection::vec(0.0..10.0, 0..4),
    )
        .prop_map(|(seed, gas, outcome, same, fork, seconds)| MadeUp {
            seed,
            gas,
            outcome,
            same,
            fork,
            seconds,
        })
}

impl MadeUp {
    fn record(self) -> Record {
        let mut record = published();
        record.request.seed = self.seed;
        record.request.fork = self.fork;
        record.outcome = self.outcome;
        let [verification, deployment, code] = self.gas;
        match verification {
            Some(gas) => *verification_gas(&mut record) = gas,
            None => record.verification = None,
        }
        match deployment {
            Some(gas) => record.deployment.as_mut().unwrap().gas.tx_gas = gas,
            None => record.deployment = None,
        }
        match code {
            Some(bytes) => record.verifier.as_mut().unwrap().runtime_code_bytes = bytes,
            None => record.verifier = None,
        }
        let [proof, key, machine, solc] = self.same;
        if !proof {
            record = with_another_proof(&record);
        }
        if !key {
            record = with_another_key(&record);
        }
        if !machine {
            record.environment.machine.fingerprint = "other".to_owned();
        }
        if !solc {
            record.environment.solc_version = "other".to_owned();
        }
        let prove = record
            .phases
            .iter()
            .find(|phase| phase.phase == Phase::Prove)
            .unwrap()
            .clone();
        record.phases = self
            .seconds
            .iter()
            .map(|&seconds| evmbench_backend::PhaseMeasurement {
                call_seconds: Some(seconds),
                ..prove.clone()
            })
            .collect();
        record
    }
}

fn sets() -> impl Strategy<Value = RecordSet> {
    prop::collection::vec(made_up(), 0..6).prop_map(|list| set(list.into_iter().map(MadeUp::record)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_differs_from_itself(set in sets()) {
        prop_assert!(compare(&set, &set).experiments.iter().all(|change| change.figures.pairs().iter().all(|(_, change)| change.is_unchanged())));
        prop_assert_eq!(compare(&set, &set).context, []);
        prop_assert_eq!(judge(&compare(&set, &set), Policy::default()), []);
    }

    #[test]
    fn swapping_old_and_new_negates(old in sets(), new in sets()) {
        let [there, back] = [compare(&old, &new), compare(&new, &old)];
        prop_assert_eq!(&there.lost, &back.added);
        prop_assert_eq!(&there.added, &back.lost);
        prop_assert_eq!(there.is_unchanged(), back.is_unchanged());
        prop_assert_eq!(there.outcomes.len(), back.outcomes.len());
        for (there, back) in there.outcomes.iter().zip(&back.outcomes) {
            prop_assert_eq!((&there.old, &there.new), (&back.new, &back.old));
            prop_assert_eq!(&there.newly_broken, &back.no_longer_broken);
        }
        prop_assert_eq!(there.context.len(), back.context.len());
        for change in &there.context {
            let swapped = |other: &&ContextChange| {
                (other.context, &other.old, &other.new) == (change.context, &change.new, &change.old)
            };
            let back = back.context.iter().find(swapped).unwrap();
            prop_assert_eq!(&back.experiments, &change.experiments);
        }
        prop_assert_eq!(there.experiments.len(), back.experiments.len());
        for (there, back) in there.experiments.iter().zip(&back.experiments) {
            prop_assert_eq!(&there.experiment, &back.experiment);
            for (metric, change) in there.figures.pairs() {
                let back = &back.figures[*metric];
                prop_assert_eq!(change.difference(), back.difference().map(|difference| -difference));
                prop_assert_eq!((change.chance, change.is_change()), (back.chance, back.is_change()));
            }
            let swapped = |phases: &[PhaseChange]| -> Vec<_> {
                phases.iter().map(|change| (change.call_seconds.new.clone(), change.call_seconds.are_apart())).collect()
            };
            let straight = |phases: &[PhaseChange]| -> Vec<_> {
                phases.iter().map(|change| (change.call_seconds.old.clone(), change.call_seconds.are_apart())).collect()
            };
            prop_assert_eq!(there.phases.as_deref().map(straight), back.phases.as_deref().map(swapped));
        }
    }

    /// Every record is in the comparison exactly once.
    #[test]
    fn no_record_is_left_out(old in sets(), new in sets()) {
        let comparison = compare(&old, &new);
        prop_assert_eq!(comparison.lost.len() + comparison.experiments.len(), old.records.len());
        prop_assert_eq!(comparison.added.len() + comparison.experiments.len(), new.records.len());
    }

    /// A wider tolerance lets through all that a narrower one does, and never a growth above it.
    #[test]
    fn tolerances_are_ordered(old in sets(), new in sets()) {
        let comparison = compare(&old, &new);
        let failing = |tolerance: &str| judge(&comparison, Policy { tolerance: tolerance.parse().unwrap(), allow_missing: true });
        let [strict, wide] = [failing("0%"), failing("0.05%")];
        prop_assert!(wide.iter().all(|failure| strict.contains(failure)));
        for failure in wide {
            if let Failure::Growth { old, new, .. } = failure {
                prop_assert!((new - old) * 2000 > old);
            }
        }
    }
}
