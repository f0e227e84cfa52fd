use std::collections::BTreeSet;

use alloy_primitives::U256;
use proptest::prelude::*;
use serde_json::{Value, json};

use evmbench_ezkl::{ContractConstants, ContractForm, SrsKind};
use evmbench_schema::chain::{Control, ControlFailure, ControlKind, ControlTally, Verdict};

use super::*;

macro_rules! settings {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/fixtures/", $name, ".json"))
    };
}

const DENSE: &str = settings!("verifier/dense_4x2/settings");
const RELU: &str = settings!("verifier/relu_4x4/settings");
const DENSE_VERIFIER: &str = include_str!("../../../../tests/fixtures/verifier/dense_4x2/Verifier.sol");

const HASHED: &str = settings!("settings/dense_hashed");
const POLYCOMMIT: &str = settings!("settings/dense_polycommit");
const PRIVATE: &str = settings!("settings/dense_private");
const UNCHECKED: &str = settings!("settings/dense_unchecked");
const PRIVATE_OUTPUT: &str = settings!("settings/relu_private_output");
const HASHED_INSIDE: &str = settings!("settings/relu_hashed_inside");
const FIXED: &str = settings!("settings/relu_fixed");
const COMMITTED: &str = settings!("settings/dense_committed");
const FREIVALDS: &str = settings!("settings/matmul_freivalds");

fn facts(settings: &str) -> Facts {
    Facts {
        settings: Some(SettingsFile::parse(settings).unwrap()),
        ..Facts::default()
    }
}

/// The dense layer's settings with one value replaced.
fn changed(pointer: &str, value: Value) -> Facts {
    let mut json: Value = serde_json::from_str(DENSE).unwrap();
    *json.pointer_mut(pointer).unwrap() = value;
    facts(&json.to_string())
}

#[track_caller]
fn finds(facts: &Facts, what: What, finding: &Finding, level: Level) {
    let ledger = derive(facts);
    let item = ledger.item(what).unwrap();
    assert_eq!((&item.finding, item.level), (finding, level), "{}", item.sentence);
}

#[test]
fn without_facts_everything_is_unknown() {
    let ledger = derive(&Facts::default());
    assert_eq!(ledger.level, Level::Unknown);
    assert_eq!(ledger.count(Level::Unknown), ledger.items.len());
    assert!(ledger.items.iter().all(|item| item.finding == Finding::NotShown));
}

#[test]
fn every_item_is_told_once_in_words_of_its_own() {
    for settings in [
        DENSE,
        HASHED,
        POLYCOMMIT,
        PRIVATE,
        UNCHECKED,
        HASHED_INSIDE,
        FIXED,
        COMMITTED,
        FREIVALDS,
    ] {
        let ledger = derive(&facts(settings));
        let whats: BTreeSet<What> = ledger.items.iter().map(|item| item.what).collect();
        assert_eq!(whats.len(), ledger.items.len());
        for item in &ledger.items {
            assert!(item.sentence.ends_with('.'), "{}", item.sentence);
            assert!(!item.sentence.contains("  "), "{}", item.sentence);
        }
    }
}

#[test]
fn a_ledger_survives_json() {
    for settings in [DENSE, HASHED, POLYCOMMIT, FREIVALDS] {
        let ledger = derive(&Facts {
            srs: Some(srs(SrsKind::UserFile)),
            controls: Some(controls(&[])),
            ..facts(settings)
        });
        let text = serde_json::to_string(&ledger).unwrap();
        assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
    }
}

#[test]
fn other_versions_are_unknown() {
    finds(
        &facts(DENSE),
        What::Ezkl,
        &Finding::Version("23.0.5".to_owned()),
        Level::Sound,
    );
    let other = changed("/version", json!("22.2.1"));
    finds(
        &other,
        What::Ezkl,
        &Finding::Version("22.2.1".to_owned()),
        Level::Unknown,
    );
}

#[test]
fn the_reference_says_whether_the_circuit_is_the_model() {
    let with = |reference| Facts {
        reference: Some(reference),
        ..Facts::default()
    };
    finds(
        &with(Reference::Exact),
        What::Model,
        &Finding::Exact,
        Level::Sound,
    );
    finds(
        &with(Reference::NotCovered),
        What::Model,
        &Finding::NotShown,
        Level::Unknown,
    );
    finds(
        &with(Reference::Contradicted),
        What::Model,
        &Finding::Contradicted,
        Level::Unsound,
    );
}

#[test]
fn weights_are_fixed_or_detached_or_unbound() {
    finds(&facts(DENSE), What::Weights, &Finding::Fixed, Level::Sound);
    finds(&facts(PRIVATE), What::Weights, &Finding::Unbound, Level::Limited);
    finds(&facts(HASHED), What::Weights, &Finding::Detached, Level::Unsound);
    finds(
        &facts(POLYCOMMIT),
        What::Weights,
        &Finding::Detached,
        Level::Unsound,
    );
    let unheard_of = changed("/run_args/param_visibility", json!("Encrypted"));
    finds(&unheard_of, What::Weights, &Finding::NotShown, Level::Unknown);
}

#[test]
fn a_model_without_weights_has_none_to_bind() {
    for hidden in [
        settings!("settings/relu_hashed_weights"),
        settings!("settings/relu_polycommit_weights"),
    ] {
        finds(&facts(hidden), What::Weights, &Finding::None, Level::Sound);
    }
    // With private weights only the model tells.
    let told = |parameters| Facts {
        parameters: Some(parameters),
        ..facts(PRIVATE)
    };
    finds(&told(0), What::Weights, &Finding::None, Level::Sound);
    finds(&told(1), What::Weights, &Finding::Unbound, Level::Limited);
}

#[test]
fn inputs_and_outputs_are_bound_as_they_are_shown() {
    for (settings, what, finding, level) in [
        (DENSE, What::Input, Finding::Public, Level::Sound),
        (DENSE, What::Output, Finding::Public, Level::Sound),
        (PRIVATE, What::Input, Finding::Unbound, Level::Limited),
        (PRIVATE_OUTPUT, What::Output, Finding::Unbound, Level::Limited),
        (HASHED, What::Input, Finding::Hashed, Level::Sound),
        (HASHED, What::Output, Finding::Hashed, Level::Sound),
        (HASHED_INSIDE, What::Input, Finding::HashedInside, Level::Limited),
        (FIXED, What::Input, Finding::Fixed, Level::Limited),
        (FIXED, What::Output, Finding::Fixed, Level::Limited),
        (POLYCOMMIT, What::Input, Finding::Committed, Level::Limited),
        (POLYCOMMIT, What::Output, Finding::Committed, Level::Limited),
    ] {
        finds(&facts(settings), what, &finding, level);
    }
}

#[test]
fn commitments_bind_for_whom_compares_them() {
    finds(&facts(DENSE), What::Commitments, &Finding::None, Level::Sound);
    let compared = |compared| Facts {
        commitments_compared: compared,
        ..facts(POLYCOMMIT)
    };
    finds(
        &compared(None),
        What::Commitments,
        &Finding::NotShown,
        Level::Unknown,
    );
    finds(
        &compared(Some(false)),
        What::Commitments,
        &Finding::NotCompared,
        Level::Limited,
    );
    finds(
        &compared(Some(true)),
        What::Commitments,
        &Finding::Compared,
        Level::Sound,
    );
    finds(
        &compared(Some(true)),
        What::Input,
        &Finding::Committed,
        Level::Sound,
    );
    finds(
        &compared(Some(false)),
        What::Input,
        &Finding::Committed,
        Level::Limited,
    );
    // Comparing does not help where the circuit computes with other weights.
    finds(
        &compared(Some(true)),
        What::Weights,
        &Finding::Detached,
        Level::Unsound,
    );
}

#[test]
fn ranges_are_checked_by_the_circuit_or_left() {
    let (checked, left) = (Finding::CheckedByCircuit, Finding::LeftToConsumer);
    for (settings, what, finding, level) in [
        (DENSE, What::InputRange, &checked, Level::Sound),
        (DENSE, What::OutputRange, &checked, Level::Sound),
        (PRIVATE, What::InputRange, &checked, Level::Sound),
        (FIXED, What::InputRange, &checked, Level::Sound),
        (FIXED, What::OutputRange, &checked, Level::Sound),
        (UNCHECKED, What::InputRange, &left, Level::Limited),
        (UNCHECKED, What::OutputRange, &left, Level::Limited),
        (HASHED, What::InputRange, &left, Level::Limited),
        (HASHED, What::OutputRange, &left, Level::Limited),
        (HASHED_INSIDE, What::InputRange, &left, Level::Limited),
        (POLYCOMMIT, What::InputRange, &left, Level::Limited),
        (POLYCOMMIT, What::OutputRange, &left, Level::Limited),
        (PRIVATE_OUTPUT, What::OutputRange, &left, Level::Limited),
        (
            settings!("settings/where_private"),
            What::InputRange,
            &left,
            Level::Limited,
        ),
    ] {
        finds(&facts(settings), what, finding, level);
    }
    let mut unseen: Value = serde_json::from_str(PRIVATE).unwrap();
    unseen["run_args"]["ignore_range_check_inputs_outputs"] = json!(true);
    finds(
        &facts(&unseen.to_string()),
        What::InputRange,
        &left,
        Level::Limited,
    );
    let untold = changed("/run_args/ignore_range_check_inputs_outputs", Value::Null);
    finds(&untold, What::InputRange, &Finding::NotShown, Level::Unknown);
    finds(&untold, What::OutputRange, &Finding::NotShown, Level::Unknown);
}

#[test]
fn digits_must_stand_for_one_number() {
    let digits = |base: u64, digits: u64| {
        let mut json: Value = serde_json::from_str(DENSE).unwrap();
        json["run_args"]["decomp_base"] = json!(base);
        json["run_args"]["decomp_legs"] = json!(digits);
        (facts(&json.to_string()), Finding::Digits { base, digits })
    };
    for (base, legs, level) in [
        (128, 2, Level::Sound),
        (16384, 18, Level::Sound),
        (16384, 19, Level::Unsound),
        (1, 2, Level::Unsound),
        (2, 0, Level::Unsound),
        (2, 1 << 53, Level::Unsound),
    ] {
        let (facts, finding) = digits(base, legs);
        finds(&facts, What::NumberRange, &finding, level);
    }
}

#[test]
fn quotients_are_counted_or_bounded() {
    // The dense layer divides each of its two results once, and says so by three decompositions of two elements.
    finds(
        &facts(DENSE),
        What::Rescaling,
        &Finding::PerhapsWithinAUnit { at_most: 2 },
        Level::Limited,
    );
    finds(&facts(RELU), What::Rescaling, &Finding::Unique, Level::Sound);
    finds(
        &facts(settings!("settings/tanh")),
        What::Rescaling,
        &Finding::Unique,
        Level::Sound,
    );
    for (settings, at_most) in [(PRIVATE, 3), (UNCHECKED, 2), (HASHED, 3), (POLYCOMMIT, 3)] {
        // Where the input is not public, the file does not tell how many of the decomposed elements are its own.
        let finding = Finding::PerhapsWithinAUnit { at_most };
        finds(&facts(settings), What::Rescaling, &finding, Level::Limited);
    }
    let told = |values| Facts {
        divided_values: Some(values),
        ..facts(DENSE)
    };
    finds(
        &told(2),
        What::Rescaling,
        &Finding::WithinAUnit { values: 2 },
        Level::Limited,
    );
    finds(&told(0), What::Rescaling, &Finding::Unique, Level::Sound);
}

#[test]
fn square_roots_are_not_tied_to_their_checks() {
    finds(&facts(DENSE), What::HelperValues, &Finding::None, Level::Sound);
    let sqrt = facts(settings!("settings/sqrt"));
    finds(&sqrt, What::HelperValues, &Finding::NotShown, Level::Unknown);
    let told = Facts {
        operators: Some(vec!["Add".to_owned(), "Sqrt".to_owned()]),
        ..sqrt
    };
    finds(
        &told,
        What::HelperValues,
        &Finding::Operator("Sqrt".to_owned()),
        Level::Unsound,
    );
}

#[test]
fn sorting_ties_values_and_not_their_places() {
    finds(&facts(DENSE), What::Selection, &Finding::None, Level::Sound);
    finds(
        &facts(settings!("settings/max_pool")),
        What::Selection,
        &Finding::Count(4),
        Level::Sound,
    );
    finds(
        &facts(settings!("settings/arg_max")),
        What::Selection,
        &Finding::Count(2),
        Level::Limited,
    );
    let picks = changed("/num_dynamic_lookups", json!(3));
    finds(&picks, What::Selection, &Finding::Count(3), Level::Sound);
}

#[test]
fn lookups_are_counted() {
    finds(&facts(DENSE), What::Lookups, &Finding::None, Level::Sound);
    finds(
        &facts(settings!("settings/tanh")),
        What::Lookups,
        &Finding::Count(1),
        Level::Sound,
    );
}

#[test]
fn built_in_freivalds_is_unsound() {
    finds(&facts(DENSE), What::Freivalds, &Finding::None, Level::Sound);
    finds(
        &facts(FREIVALDS),
        What::Freivalds,
        &Finding::Count(58),
        Level::Unsound,
    );
    let unsound = derive(&facts(FREIVALDS));
    assert_eq!(unsound.level, Level::Unsound);
    assert_eq!(unsound.unsound().unwrap().what, What::Freivalds);
    assert_eq!(derive(&facts(DENSE)).unsound(), None);
}

#[test]
fn the_check_mode_changes_no_circuit() {
    finds(
        &facts(DENSE),
        What::CheckMode,
        &Finding::Version("UNSAFE".to_owned()),
        Level::Sound,
    );
}

fn srs(kind: SrsKind) -> SrsIdentity {
    SrsIdentity::unchecked(kind, "00".repeat(32), 8)
}

#[test]
fn a_reference_string_is_as_good_as_its_makers() {
    for (kind, level) in [
        (SrsKind::PerpetualPowersOfTau, Level::Sound),
        (SrsKind::Hermez, Level::Sound),
        (SrsKind::PerpetualPowersOfTau80, Level::Sound),
        (SrsKind::LocalTest, Level::Limited),
        (SrsKind::UserFile, Level::Unknown),
    ] {
        let facts = Facts {
            srs: Some(srs(kind)),
            ..Facts::default()
        };
        finds(
            &facts,
            What::ReferenceString,
            &Finding::ReferenceString(srs(kind)),
            level,
        );
    }
}

#[test]
fn a_verifier_must_rest_on_the_reference_string() {
    let right = [
        "019462c6918d2720f7cf73135db828c4958583544881e8f8da6ae99b97b3facf",
        "16cce2d790a9ea95e852ea73010523372d5a5d95d59ce6b0cd2180917f4685f4",
        "0e4d881f574a38290d0d98b473ee4121e2d98b5df3fcca569aa399b59834491a",
        "1e0d75fdd150fdb041150f75cd6dacfd65e0c96456405f0579f242cee1375611",
    ]
    .map(|word| U256::from_str_radix(word, 16).unwrap());
    let with = |point| Facts {
        verifier_source: Some(DENSE_VERIFIER.to_owned()),
        srs: Some(srs(SrsKind::PerpetualPowersOfTau)),
        negated_s_g2: Some(point),
        ..Facts::default()
    };
    let identity = Finding::ReferenceString(srs(SrsKind::PerpetualPowersOfTau));
    finds(&with(right), What::ReferenceString, &identity, Level::Sound);
    let mut wrong = right;
    wrong[3] += U256::ONE;
    finds(
        &with(wrong),
        What::ReferenceString,
        &Finding::Mismatch("s·G2".to_owned()),
        Level::Unsound,
    );
}

#[test]
fn a_verifier_holds_its_key_or_is_brought_one() {
    let source = |source: &str, compared| Facts {
        verifier_source: Some(source.to_owned()),
        key_digest_compared: compared,
        ..Facts::default()
    };
    let reusable = "contract Halo2VerifierReusable {}";
    for (facts, finding, level) in [
        (source(DENSE_VERIFIER, None), Finding::InContract, Level::Sound),
        (source("contract C {}", None), Finding::NotShown, Level::Unknown),
        (source(reusable, None), Finding::NotShown, Level::Unknown),
        (source(reusable, Some(false)), Finding::Brought, Level::Unsound),
        (
            source(reusable, Some(true)),
            Finding::BroughtAndCompared,
            Level::Sound,
        ),
    ] {
        finds(&facts, What::VerifierKey, &finding, level);
    }
}

/// That they do is tried by the campaigns of `fuzz`.
#[test]
fn words_after_the_proof_are_left_unread_by_the_reusable_verifier() {
    let source = |source: &str| Facts {
        verifier_source: Some(source.to_owned()),
        ..Facts::default()
    };
    let reusable = include_str!("../../../../tests/fixtures/verifier/reusable/Verifier.sol");
    let other_length = DENSE_VERIFIER.replace("eq(0x07a0, proof.length)", "eq(0x07c0, proof.length)");
    let unchecked = DENSE_VERIFIER.replace("eq(0x07a0, proof.length)", "1");
    for (facts, finding, level) in [
        (source(DENSE_VERIFIER), Finding::OneLength, Level::Sound),
        (source(reusable), Finding::Extendable, Level::Limited),
        // Not as EZKL writes it.
        (source(&other_length), Finding::NotShown, Level::Unknown),
        (source(&unchecked), Finding::NotShown, Level::Unknown),
        (source("contract C {}"), Finding::NotShown, Level::Unknown),
        (Facts::default(), Finding::NotShown, Level::Unknown),
    ] {
        finds(&facts, What::ProofBytes, &finding, level);
    }
}

/// What a reusable verifier is brought counts as what a plain one has in its code.
#[test]
fn a_brought_key_must_be_the_circuits() {
    let ContractForm::Plain(constants) = ContractForm::read(DENSE_VERIFIER) else {
        panic!("a plain verifier");
    };
    let brought = |constants: ContractConstants| Facts {
        verifier_source: Some("contract Halo2VerifierReusable {}".to_owned()),
        srs: Some(srs(SrsKind::PerpetualPowersOfTau)),
        negated_s_g2: Some(constants.negated_s_g2),
        brought_key: Some(constants),
        ..facts(DENSE)
    };
    finds(
        &brought((*constants).clone()),
        What::Instances,
        &Finding::Count(6),
        Level::Sound,
    );
    let mut fewer = (*constants).clone();
    fewer.instances = 5;
    let count = Finding::Mismatch("count".to_owned());
    finds(&brought(fewer), What::Instances, &count, Level::Unsound);
    let mut larger = (*constants).clone();
    larger.logrows = 9;
    let k = Finding::Mismatch("k".to_owned());
    finds(&brought(larger), What::KeyMatch, &k, Level::Unsound);
    let mut other_string = brought((*constants).clone());
    other_string.negated_s_g2 = Some([U256::ONE; 4]);
    let point = Finding::Mismatch("s·G2".to_owned());
    finds(&other_string, What::ReferenceString, &point, Level::Unsound);
}

#[test]
fn sizes_and_counts_must_agree() {
    let dense = Facts {
        verifier_source: Some(DENSE_VERIFIER.to_owned()),
        instances: Some(6),
        ..facts(DENSE)
    };
    finds(&dense, What::Instances, &Finding::Count(6), Level::Sound);
    let alone = facts(DENSE);
    finds(&alone, What::Instances, &Finding::Count(6), Level::Unknown);
    let fewer = Facts {
        instances: Some(5),
        ..dense.clone()
    };
    finds(
        &fewer,
        What::Instances,
        &Finding::Mismatch("count".to_owned()),
        Level::Unsound,
    );
    let larger = Facts {
        settings: changed("/run_args/logrows", json!(9)).settings,
        ..dense
    };
    finds(
        &larger,
        What::KeyMatch,
        &Finding::Mismatch("k".to_owned()),
        Level::Unsound,
    );
}

#[test]
fn a_key_of_another_form_is_unknown() {
    let facts = Facts {
        verifying_key: Some(vec![1, 2, 3]),
        verifier_source: Some(DENSE_VERIFIER.to_owned()),
        ..Facts::default()
    };
    finds(&facts, What::KeyMatch, &Finding::NotShown, Level::Unknown);
}

#[test]
fn calls_are_typed_or_mean_nothing() {
    for (calling, finding, level) in [
        (Calling::Canonical, Finding::Canonical, Level::Sound),
        (Calling::Guarded, Finding::Guarded, Level::Sound),
        (Calling::Raw, Finding::Raw, Level::Unsound),
    ] {
        let facts = Facts {
            calling: Some(calling),
            ..Facts::default()
        };
        finds(&facts, What::Calling, &finding, level);
    }
}

fn controls(failures: &[(Control, Verdict)]) -> Controls {
    Controls {
        seed: 0,
        before: Verdict::Accepted,
        after: Verdict::Accepted,
        tallies: vec![
            ControlTally {
                kind: ControlKind::ProofByteFlipped,
                possible: 61,
                tried: 61,
                rejected: 61,
            },
            ControlTally {
                kind: ControlKind::OneInstanceMore,
                possible: 1,
                tried: 1,
                rejected: 1,
            },
        ],
        failures: failures
            .iter()
            .cloned()
            .map(|(control, outcome)| ControlFailure { control, outcome })
            .collect(),
        trailing_calldata: Vec::new(),
        trailing_proof: Vec::new(),
    }
}

#[test]
fn wrong_proofs_must_have_been_rejected() {
    let with = |failures: &[(Control, Verdict)]| Facts {
        controls: Some(controls(failures)),
        ..Facts::default()
    };
    finds(
        &with(&[]),
        What::NegativeControls,
        &Finding::Rejected(62),
        Level::Sound,
    );
    let accepted = with(&[(Control::OneInstanceMore, Verdict::Accepted)]);
    let finding = Finding::Accepted("one instance more".to_owned());
    finds(&accepted, What::NegativeControls, &finding, Level::Unsound);
    let halted = Verdict::Halted {
        reason: "out of gas".to_owned(),
        out_of_gas: true,
    };
    let inconclusive = with(&[(Control::OneInstanceMore, halted)]);
    finds(
        &inconclusive,
        What::NegativeControls,
        &Finding::Inconclusive,
        Level::Unknown,
    );
}

#[test]
fn what_is_not_hidden_is_named() {
    let revealed = |names: &[&str]| Finding::Revealed(names.iter().map(ToString::to_string).collect());
    let all = |how: &str| {
        Finding::Revealed(
            ["input", "output", "weights"]
                .map(|name| format!("{name} ({how})"))
                .into(),
        )
    };
    let without_weights = Facts {
        parameters: Some(0),
        ..facts(PRIVATE_OUTPUT)
    };
    let public = revealed(&["input (public)", "output (public)", "weights (in the key)"]);
    for (facts, finding, level) in [
        (facts(DENSE), public, Level::Sound),
        (facts(PRIVATE), revealed(&["output (public)"]), Level::Sound),
        (without_weights, revealed(&["input (public)"]), Level::Sound),
        (facts(HASHED), all("hash without salt"), Level::Limited),
        (
            facts(POLYCOMMIT),
            all("commitment without blinding"),
            Level::Limited,
        ),
    ] {
        finds(&facts, What::Privacy, &finding, level);
    }
}

#[test]
fn the_worst_item_decides() {
    assert!(
        Level::Sound < Level::Unknown && Level::Unknown < Level::Limited && Level::Limited < Level::Unsound
    );
    for settings in [DENSE, RELU, HASHED, FREIVALDS] {
        let ledger = derive(&facts(settings));
        let counted: usize = [Level::Sound, Level::Unknown, Level::Limited, Level::Unsound]
            .map(|level| ledger.count(level))
            .iter()
            .sum();
        assert_eq!(counted, ledger.items.len());
        assert!(ledger.count(ledger.level) > 0);
        assert!(ledger.items.iter().all(|item| item.level <= ledger.level));
    }
}

/// A committed circuit whose proofs go through its guard, as a record tells of it.
fn committed(assurance: InputAssurance, output_public: bool, derived: Option<bool>) -> Facts {
    Facts {
        commitments_compared: derived.map(|derived| derived && assurance == InputAssurance::Registered),
        committed: Some(CommittedFacts {
            input_assurance: assurance,
            input_bounds: Interval {
                least: -128,
                greatest: 128,
            },
            output_public,
            greatest_magnitude: 1_000_000,
            tables: None,
            table_end: Some(128),
            has_lookups: Some(true),
            challenge_derived: derived,
        }),
        ..facts(COMMITTED)
    }
}

const ASSURANCES: [InputAssurance; 4] = [
    InputAssurance::Public,
    InputAssurance::Ranged,
    InputAssurance::Registered,
    InputAssurance::Linked,
];

#[test]
fn claims_are_worth_as_much_as_their_challenge() {
    for assurance in ASSURANCES {
        for (derived, finding, level) in [
            (Some(true), Finding::Derived, Level::Sound),
            (Some(false), Finding::Chosen, Level::Unsound),
            (None, Finding::NotShown, Level::Unknown),
        ] {
            finds(
                &committed(assurance, true, derived),
                What::Challenge,
                &finding,
                level,
            );
        }
    }
    // By the settings alone, it may be a challenge.
    finds(
        &facts(COMMITTED),
        What::Challenge,
        &Finding::NotShown,
        Level::Unknown,
    );
    for settings in [DENSE, HASHED, POLYCOMMIT] {
        finds(&facts(settings), What::Challenge, &Finding::None, Level::Sound);
    }
}

#[test]
fn a_committed_circuits_tensors_are_the_models() {
    let (public, bound) = (Finding::Public, Finding::Committed);
    for (assurance, finding, level) in [
        (InputAssurance::Public, &public, Level::Sound),
        (InputAssurance::Ranged, &bound, Level::Limited),
        (InputAssurance::Registered, &bound, Level::Sound),
        (InputAssurance::Linked, &bound, Level::Limited),
    ] {
        for (output_public, output, output_level) in
            [(true, &public, Level::Sound), (false, &bound, Level::Limited)]
        {
            let facts = committed(assurance, output_public, Some(true));
            finds(&facts, What::Input, finding, level);
            finds(&facts, What::Output, output, output_level);
            finds(&facts, What::Weights, &Finding::Fixed, Level::Sound);
        }
    }
}

#[test]
fn a_committed_circuits_ranges_follow_from_its_inputs() {
    let left = Finding::LeftToConsumer;
    for (assurance, finding, level) in [
        (InputAssurance::Public, &left, Level::Limited),
        (InputAssurance::Ranged, &Finding::CheckedByCircuit, Level::Sound),
        (InputAssurance::Registered, &left, Level::Limited),
        (InputAssurance::Linked, &left, Level::Limited),
    ] {
        let facts = committed(assurance, true, Some(true));
        finds(&facts, What::InputRange, finding, level);
        finds(&facts, What::OutputRange, &Finding::FollowsFromInput, level);
        finds(
            &facts,
            What::NumberRange,
            &Finding::Below { bits: 20 },
            Level::Sound,
        );
    }
    // An entry more, and a digit may be the base.
    let mut json: Value = serde_json::from_str(COMMITTED).unwrap();
    json["run_args"]["lookup_range"][0] = json!(-3958);
    let loose = Facts {
        settings: facts(&json.to_string()).settings,
        ..committed(InputAssurance::Ranged, true, Some(true))
    };
    finds(&loose, What::NumberRange, &Finding::LooseTable, Level::Unsound);
}

/// The upper end is what digits and ranges rest on, and the lower one is where what is looked up begins.
#[test]
fn tables_begin_and_end_where_the_circuit_was_laid_out_to() {
    let with = |tables: Option<(i128, i128)>, table_end| {
        let mut facts = committed(InputAssurance::Ranged, true, Some(true));
        let committed = facts.committed.as_mut().unwrap();
        committed.tables = tables.map(|(least, greatest)| Interval { least, greatest });
        committed.table_end = table_end;
        facts
    };
    let sound = Finding::Below { bits: 20 };
    for facts in [
        with(None, None),
        with(Some((-3_959, 128)), None),
        with(Some((-3_959, 128)), Some(128)),
    ] {
        finds(&facts, What::NumberRange, &sound, Level::Sound);
    }
    for facts in [
        with(None, Some(127)),
        with(None, Some(129)),
        with(Some((-3_960, 128)), None),
        with(Some((-3_958, 128)), None),
        with(Some((-3_959, 129)), None),
    ] {
        finds(&facts, What::NumberRange, &Finding::LooseTable, Level::Unsound);
    }
}

/// A range is checked by look-ups that are in the key, and not by what a record says of it.
#[test]
fn lookups_that_are_missing_prove_no_range() {
    let with = |assurance, has_lookups| {
        let mut facts = committed(assurance, true, Some(true));
        facts.committed.as_mut().unwrap().has_lookups = has_lookups;
        facts
    };
    let missing = with(InputAssurance::Ranged, Some(false));
    for what in [What::InputRange, What::NumberRange] {
        finds(&missing, what, &Finding::LookupsMissing, Level::Unsound);
    }
    let unseen = with(InputAssurance::Ranged, None);
    finds(&unseen, What::InputRange, &Finding::NotShown, Level::Unknown);
    // Digits are looked up, whoever assures the input's range.
    let missing = with(InputAssurance::Registered, Some(false));
    finds(
        &missing,
        What::InputRange,
        &Finding::LeftToConsumer,
        Level::Limited,
    );
    finds(
        &missing,
        What::NumberRange,
        &Finding::LookupsMissing,
        Level::Unsound,
    );
}

#[test]
fn a_committed_circuit_leaves_nothing_open() {
    let facts = committed(InputAssurance::Ranged, true, Some(true));
    finds(&facts, What::Rescaling, &Finding::Unique, Level::Sound);
    finds(&facts, What::HelperValues, &Finding::None, Level::Sound);
    finds(&facts, What::Selection, &Finding::None, Level::Sound);
    finds(&facts, What::Lookups, &Finding::Count(1), Level::Sound);
    finds(&facts, What::Freivalds, &Finding::None, Level::Sound);
    // A range that is checked by digits may be a division's.
    let mut json: Value = serde_json::from_str(COMMITTED).unwrap();
    json["required_range_checks"] = json!([[0, 127]]);
    json["einsum_params"]["equations"] = json!([
        ["nd,d->n", {"n": 3, "d": 2}], ["nd,nd->n", {"n": 3, "d": 2}],
        ["nd,nd->n", {"n": 3, "d": 2}], ["nd,nd->n", {"n": 3, "d": 2}]
    ]);
    let dividing = Facts {
        settings: Some(SettingsFile::parse(&json.to_string()).unwrap()),
        ..facts
    };
    let finding = Finding::PerhapsWithinAUnit { at_most: 3 };
    finds(&dividing, What::Rescaling, &finding, Level::Limited);
}

#[test]
fn a_committed_circuits_commitments_are_claims_and_the_input() {
    let compared = |assurance| committed(assurance, true, Some(true));
    for (facts, finding, level) in [
        (compared(InputAssurance::Public), Finding::None, Level::Sound),
        (
            compared(InputAssurance::Ranged),
            Finding::NotCompared,
            Level::Limited,
        ),
        (
            compared(InputAssurance::Registered),
            Finding::Compared,
            Level::Sound,
        ),
        (
            compared(InputAssurance::Linked),
            Finding::NotCompared,
            Level::Limited,
        ),
        (
            committed(InputAssurance::Registered, true, None),
            Finding::NotShown,
            Level::Unknown,
        ),
    ] {
        finds(&facts, What::Commitments, &finding, level);
        let revealed = derive(&facts).item(What::Privacy).unwrap().clone();
        assert_eq!(revealed.level, Level::Limited);
        assert!(
            revealed.sentence.contains("intermediate results"),
            "{}",
            revealed.sentence
        );
    }
}

/// A settings file with one value taken away or made nonsense: what is left must not become sound by it.
#[test]
fn less_to_go_by_never_makes_an_item_sound() {
    fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
        into.push(at.to_owned());
        if let Value::Object(map) = value {
            for (key, value) in map {
                pointers(value, &format!("{at}/{key}"), into);
            }
        }
    }
    for settings in [
        HASHED,
        POLYCOMMIT,
        PRIVATE,
        UNCHECKED,
        HASHED_INSIDE,
        PRIVATE_OUTPUT,
        COMMITTED,
        FREIVALDS,
    ] {
        let json: Value = serde_json::from_str(settings).unwrap();
        let whole = derive(&facts(settings));
        let mut all = Vec::new();
        pointers(&json, "", &mut all);
        for pointer in &all[1..] {
            for nonsense in [Value::Null, json!("?"), json!({})] {
                let mut poorer = json.clone();
                *poorer.pointer_mut(pointer).unwrap() = nonsense;
                let Ok(settings) = SettingsFile::parse(&poorer.to_string()) else {
                    continue;
                };
                let ledger = derive(&Facts {
                    settings: Some(settings),
                    ..Facts::default()
                });
                for (before, after) in whole.items.iter().zip(&ledger.items) {
                    let better = before.level > Level::Unknown && after.level == Level::Sound;
                    assert!(
                        !better,
                        "without {pointer}: {} becomes {}",
                        before.sentence, after.sentence
                    );
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn any_source_and_key_have_a_ledger(source in ".{0,200}", key: Vec<u8>) {
        let ledger = derive(&Facts {
            verifier_source: Some(source),
            verifying_key: Some(key),
            ..Facts::default()
        });
        prop_assert!(ledger.level >= Level::Unknown);
    }
}
