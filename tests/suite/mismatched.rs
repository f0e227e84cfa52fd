//! Records that tell of one run and hold the evidence of another: whatever can be written anew in such a record is written anew,
//! and it is noticed all the same, or said to be by the record only.
//!
//! The records in `tests/fixtures/records` are of one-node models (`abs`, `gemm` with a hashed output, `relu` with a committed
//! input) and of one in two parts (`F1`). `other` holds proof and public values of the same circuits on another input. Where this
//! evmbench says something of them in other words, `evmbench verify --renew` with `--onnx` and `--input` brings them up to date.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use alloy_primitives::U256;
use evmbench::environment;
use evmbench::judge::FunctionCheck;
use evmbench::ledger::{Item, Ledger, Level, What};
use evmbench::model::onnx::Uncovered;
use evmbench::parts::{self, PartsError};
use evmbench::prover::{CommittedTensor, Reproduced, ReproducedModel};
use evmbench::record::{Evidence, IntegerCheck, Outcome, Record};
use evmbench::rederive::{self, Exhibits, Findings, Given, Rebuilt, Rederived, Terms, Tools};
use evmbench::store::{self, StoredRun};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{self, fixture};

const ABS: (&str, &str) = ("abs", "abs-s7-direct-bfce7370");
const GEMM: (&str, &str) = ("gemm", "gemm-s7-direct-b06ed99d");
const RELU: (&str, &str) = ("relu", "relu-s7-direct-fde28a0f");
const PARTS: [&str; 2] = [
    "F1-s4-committed-part1of2-edc3cb45",
    "F1-s4-committed-part2of2-ebf94d46",
];

/// Made once.
fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(|| Tools::new(common::solc().clone()))
}

fn path(name: &str) -> PathBuf {
    fixture(&format!("records/{name}.json"))
}

/// A record with its evidence, and what is known of it beside.
#[derive(Clone)]
struct Case {
    record: Record,
    exhibits: Exhibits,
    onnx: PathBuf,
    input: PathBuf,
    reproduced: Option<Reproduced>,
    judged: Option<FunctionCheck>,
}

impl Case {
    fn of((model, name): (&str, &str)) -> Self {
        let run = StoredRun::open(&path(name)).unwrap();
        Self {
            exhibits: Exhibits::of(&run),
            record: run.into_record(),
            onnx: fixture(&format!("records/{model}.onnx")),
            input: fixture("records/inputs/four.json"),
            reproduced: None,
            judged: None,
        }
    }

    /// With proof and public values of a run on another input.
    fn with_other_proof(mut self, model: &str) -> Self {
        let read = |name: &str| std::fs::read(fixture(&format!("records/other/{model}.{name}"))).unwrap();
        let evidence = &mut self.exhibits.evidence;
        evidence.put(Evidence::PROOF, read(Evidence::PROOF)).unwrap();
        evidence
            .put(Evidence::INSTANCES, read(Evidence::INSTANCES))
            .unwrap();
        evidence.calldata = None;
        self
    }

    /// With what EZKL makes of the model, as if it were what the evidence holds.
    fn reproduced(mut self) -> Self {
        let evidence = self.exhibits.evidence.clone();
        let proof = evidence.proof.unwrap();
        let word = |at: usize| U256::from_be_slice(&proof[at..at + 32]);
        let settings = evidence.settings.unwrap();
        let committed = settings.contains(r#""input_visibility":"KZGCommit""#);
        let commitment = CommittedTensor {
            first: 0,
            points: vec![[word(0), word(32)]],
        };
        self.reproduced = Some(Reproduced {
            srs: self.record.keys.as_ref().unwrap().srs.clone(),
            verifying_key: evidence.verifying_key.unwrap(),
            verifier_source: evidence.verifier_source.unwrap(),
            key_artifact: evidence.key_artifact,
            challenge: None,
            outputs: evidence.outputs.unwrap(),
            of_model: Some(ReproducedModel {
                settings: serde_json::from_str(&settings).unwrap(),
                instances: evidence.instances.unwrap(),
                commitments: committed.then_some(commitment).into_iter().collect(),
            }),
        });
        self.judged.clone_from(&self.record.function);
        self
    }

    fn find(&self, json: &Value) -> Rederived {
        let tools = tools();
        let record = store::parse(Path::new("r.json"), json.to_string().as_bytes()).unwrap();
        let evidence = &self.exhibits.evidence;
        let terms = Terms::of(&record.request, evidence);
        let compiled = rederive::compile(evidence, &terms, tools);
        let on_chain = compiled.as_ref().map_err(Clone::clone);
        let on_chain = on_chain.and_then(|compiled| rederive::examine(evidence, compiled, &terms));
        let given = Given {
            onnx: Some(&self.onnx),
            input: Some(&self.input),
            ..Given::default()
        };
        let findings = Findings {
            exhibits: &self.exhibits,
            compiled: compiled.as_ref().map_err(String::as_str),
            on_chain: on_chain.as_ref().map_err(String::as_str),
            judged: self.judged.clone().map(Ok),
            rebuilt: &Rebuilt::of(&record, given),
            reproduced: self.reproduced.clone().map(Ok),
            set: None,
            batch: None,
            string: None,
        };
        rederive::derive(&record, json, &findings)
    }

    /// What is found of the record after everything in it that is derived was written anew.
    fn found(&self) -> Rederived {
        let mut record = self.find(&sealed(&as_json(&self.record))).record;
        record.seal();
        self.find(&as_json(&record))
    }
}

fn as_json(record: &Record) -> Value {
    serde_json::from_slice(&serde_json::to_vec(record).unwrap()).unwrap()
}

/// With a digest of its own that fits.
fn sealed(json: &Value) -> Value {
    let mut json = json.clone();
    json["sha256"] = evmbench::record::digest::of_json(&json).into();
    json
}

fn places(found: &Rederived) -> Vec<&str> {
    found
        .discrepancies
        .iter()
        .map(|found| found.place.as_str())
        .collect()
}

#[test]
fn the_records_are_what_their_evidence_says() {
    for case in [ABS, GEMM, RELU].map(Case::of) {
        assert_eq!(case.find(&as_json(&case.record)).discrepancies, []);
        let same = case.reproduced();
        assert_eq!(same.found().discrepancies, []);
    }
}

/// No reference computes this operator; its public input is the record's all the same, or it is noticed.
#[test]
fn another_public_input_is_noticed_without_a_reference() {
    let case = Case::of(ABS).with_other_proof("abs");
    let found = case.found();
    assert!(places(&found).contains(&"evidence instances.json"), "{found:?}");
}

#[test]
fn another_hash_than_ezkls_is_noticed() {
    let case = Case::of(GEMM);
    assert_eq!(
        case.found().by_record_only[&What::Output],
        case.found().by_record_only[&What::KeyMatch]
    );
    let same = case.reproduced();
    let other = same.clone().with_other_proof("gemm").found();
    assert_eq!(places(&other), ["evidence instances.json"]);
    // The input is private, so that the hash is of some input's output.
    let same = same.found();
    for what in [What::Input, What::Model] {
        assert!(
            same.by_record_only[&what].contains("the input is private"),
            "{same:?}"
        );
    }
    assert!(!same.by_record_only.contains_key(&What::Output));
}

#[test]
fn another_commitment_than_ezkls_is_noticed() {
    let case = Case::of(RELU);
    assert!(case.found().by_record_only.contains_key(&What::Input));
    let same = case.reproduced();
    assert_eq!(
        same.found().by_record_only.keys().collect::<Vec<_>>(),
        [] as [&What; 0]
    );
    let other = same.with_other_proof("relu").found();
    assert!(places(&other).contains(&"evidence proof.bin"), "{other:?}");
}

/// Settings that EZKL does not write, with everything in the record that they lead to.
#[test]
fn other_settings_than_ezkls_are_noticed() {
    let case = Case::of(ABS).reproduced();
    let changes: [(&str, Value); 5] = [
        ("/num_rows", json!(21)),
        ("/model_output_scales/0", json!(3)),
        ("/einsum_params/equations", json!([])),
        ("/required_range_checks", json!([])),
        ("/num_shuffles", json!(1)),
    ];
    for (pointer, value) in changes {
        let mut other = case.clone();
        let settings = other.exhibits.evidence.settings.as_mut().unwrap();
        let mut json: Value = serde_json::from_str(settings).unwrap();
        *json.pointer_mut(pointer).unwrap() = value;
        *settings = json.to_string();
        let found = other.found();
        let is_named = places(&found)
            .iter()
            .any(|place| place.starts_with("evidence settings.json"));
        assert!(is_named, "{pointer}: {:?}", found.discrepancies);
    }
    // Without EZKL they are their own words.
    let unseen = Case::of(ABS).found();
    for what in [What::Rescaling, What::Selection, What::Freivalds, What::Lookups] {
        assert!(unseen.by_record_only.contains_key(&what), "{what:?}");
    }
}

#[test]
fn the_judges_figures_are_made_again() {
    let case = Case::of(ABS).reproduced();
    let judged = case.judged.clone().unwrap();
    let worse = FunctionCheck {
        max_error: Some(judged.output_range),
        tolerance: Some(judged.output_range),
        ..judged
    };
    assert!(
        matches!(worse.finding(), Some(Outcome::Imprecise { .. })),
        "{worse:?}"
    );
    let found = Case {
        judged: Some(worse),
        ..case.clone()
    }
    .found();
    assert_eq!(places(&found), ["function"]);
    // Without the judge, the model of a circuit that no reference computes rests on the record.
    let unjudged = Case { judged: None, ..case }.found();
    assert!(
        unjudged.by_record_only[&What::Model].contains("judged"),
        "{unjudged:?}"
    );
}

#[test]
fn errors_beside_the_float_model_are_made_again() {
    let case = Case::of(RELU);
    for (field, value) in [
        ("max_absolute_error", json!(0.125)),
        ("mean_absolute_error", json!(0.125)),
        ("max_magnitude", json!(100.0)),
        ("output_range", json!(100.0)),
        ("max_absolute_error", json!(null)),
    ] {
        let mut json = as_json(&case.record);
        json["numerics"][field] = value;
        let found = case.find(&sealed(&json));
        assert!(places(&found).contains(&"numerics"), "{field}: {found:?}");
    }
}

/// What is done to a ledger.
type Change = fn(&mut Ledger);

/// A lower schema lets a record lack what that schema did not have, and nothing else.
#[test]
fn an_older_schema_takes_nothing_from_the_ledger() {
    let case = Case::of(RELU);
    let of_schema = |schema: u32, change: Change| {
        let mut record = case.record.clone();
        record.schema = schema;
        record.function = None;
        record.numerics.as_mut().unwrap().output_range = None;
        record.sha256 = None;
        change(record.ledger.as_mut().unwrap());
        case.find(&as_json(&record))
    };
    let same = of_schema(5, |_| {});
    assert_eq!(same.discrepancies, []);
    // The model's names the judge's figures.
    assert!(
        same.remarks[0].starts_with("1 sentences of the ledger"),
        "{same:?}"
    );
    let words = of_schema(5, |ledger| {
        "All is well.".clone_into(&mut of(ledger, What::Input).sentence);
    });
    assert_eq!(words.discrepancies, []);
    assert!(
        words.remarks[0].starts_with("2 sentences of the ledger"),
        "{words:?}"
    );
    let changes: [(u32, Change); 4] = [
        (5, |ledger| ledger.items.retain(|item| item.level == Level::Sound)),
        (3, |ledger| {
            ledger.items.retain(|item| item.what != What::ProofBytes);
        }),
        (3, |ledger| {
            ledger.items.retain(|item| item.what != What::Challenge);
        }),
        (5, |ledger| of(ledger, What::Input).level = Level::Sound),
    ];
    for (schema, change) in changes {
        let found = of_schema(schema, change);
        assert!(
            places(&found).iter().any(|place| place.starts_with("ledger")),
            "{found:?}"
        );
    }
}

fn of(ledger: &mut Ledger, what: What) -> &mut Item {
    ledger.items.iter_mut().find(|item| item.what == what).unwrap()
}

#[test]
fn a_run_with_a_proof_was_judged() {
    let case = Case::of(RELU);
    let mut record = case.record.clone();
    record.function = None;
    let found = case.find(&sealed(&as_json(&record)));
    assert!(places(&found).contains(&"function"), "{found:?}");
}

#[test]
fn a_schema_below_its_evmbenchs_is_noticed() {
    let mut case = Case::of(RELU);
    let renewed = "e126b51f008f89feb2c460df28f78c4d6e99c78b";
    case.record.environment.git_revision = Some(renewed.to_owned());
    assert_eq!(
        places(&case.find(&sealed(&as_json(&case.record)))),
        [] as [&str; 0]
    );
    case.record.schema = 5;
    let found = case.find(&sealed(&as_json(&case.record)));
    assert!(places(&found).contains(&"schema"), "{found:?}");
}

/// Both parts in a folder of their own.
fn parts_in(folder: &TempDir) -> [PathBuf; 2] {
    PARTS.map(|name| {
        let target = folder.path().join(format!("{name}.json"));
        std::fs::copy(path(name), &target).unwrap();
        let evidence = target.with_extension("evidence");
        std::fs::create_dir(&evidence).unwrap();
        for file in std::fs::read_dir(path(name).with_extension("evidence")).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), evidence.join(file.file_name())).unwrap();
        }
        target
    })
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(path, sealed(&json).to_string()).unwrap();
}

fn of_parts() -> [PathBuf; 2] {
    [fixture("records/F1.onnx"), fixture("records/inputs/F1.json")]
}

/// A model and its input as the files of a user's.
fn given([onnx, input]: &[PathBuf; 2]) -> Given<'_> {
    Given {
        onnx: Some(onnx),
        input: Some(input),
        ..Given::default()
    }
}

/// What no part's own audit shows, the set's does not either.
#[test]
fn a_set_rests_on_what_every_part_rests_on() {
    let files = of_parts();
    let given = given(&files);
    let tools = tools();
    let folder = TempDir::new().unwrap();
    let paths = parts_in(&folder);
    let measured = parts::measure(&paths, given, tools).unwrap();
    let of_part = |path: &PathBuf| {
        rederive::rederive_alone(&StoredRun::open(path).unwrap(), given, tools)
            .unwrap()
            .by_record_only
    };
    for part in paths.each_ref().map(of_part) {
        assert!(part.contains_key(&What::KeyMatch));
        for what in part.keys() {
            assert!(measured.by_record_only.contains_key(what), "{what:?}");
        }
    }
    assert!(measured.by_record_only[&What::KeyMatch].starts_with("part 1 of 2"));
    let found = rederive::rederive(&StoredRun::open(&paths[1]).unwrap(), given, tools).unwrap();
    assert_eq!(found.discrepancies, []);

    edit(&paths[0], |json| {
        let other = json!("aa".repeat(32));
        json["keys"]["srs"]["sha256"] = other.clone();
        let items = json["ledger"]["items"].as_array_mut().unwrap();
        let string = items
            .iter_mut()
            .find(|item| item["what"] == "reference_string")
            .unwrap();
        string["finding"]["reference_string"]["sha256"] = other;
    });
    let refused = parts::measure(&paths, given, tools);
    assert!(
        matches!(&refused, Err(PartsError::OtherString { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_set_that_was_left_out_is_noticed() {
    let files = of_parts();
    let given = given(&files);
    let tools = tools();
    let folder = TempDir::new().unwrap();
    let [first, last] = parts_in(&folder);
    let mut set = Value::Null;
    edit(&last, |json| {
        set = json.as_object_mut().unwrap().shift_remove("set").unwrap();
    });
    let found = rederive::rederive(&StoredRun::open(&last).unwrap(), given, tools).unwrap();
    assert_eq!(places(&found), ["set"]);
    // Nor does another part's record tell of it.
    edit(&first, |json| json["set"] = set);
    let found = rederive::rederive(&StoredRun::open(&first).unwrap(), given, tools).unwrap();
    assert!(places(&found).contains(&"set"), "{found:?}");
    // A part alone is what it is.
    std::fs::remove_file(&first).unwrap();
    let found = rederive::rederive(&StoredRun::open(&last).unwrap(), given, tools).unwrap();
    assert_eq!(found.discrepancies, []);
}

/// The record of `Abs` as an evmbench would have written it that did not cover the operator.
fn not_covered(revision: Option<&str>, node: &str) -> Case {
    let mut case = Case::of(ABS);
    let record = &mut case.record;
    record.environment.git_revision = revision.map(str::to_owned);
    record.model.parameters = None;
    record.model.multiply_adds = None;
    record.model.uncovered = vec![Uncovered {
        node: node.to_owned(),
        operator: "Abs".to_owned(),
        reason: "the typed graph has no such operator".to_owned(),
    }];
    let numerics = record.numerics.as_mut().unwrap();
    numerics.integer = IntegerCheck::NotCovered {
        operators: vec!["Abs".to_owned()],
    };
    case
}

#[test]
fn a_run_has_the_operators_of_its_evmbench() {
    let older = not_covered(Some("0000000000000000000000000000000000000000"), "y").found();
    assert!(older.agrees(), "{:?}", older.discrepancies);
    assert!(
        older.remarks[0].contains("exact integers of Abs"),
        "{:?}",
        older.remarks
    );
    let ledger = older.record.ledger.as_ref().unwrap();
    assert_ne!(ledger.item(What::Model).unwrap().level, Level::Sound);
    // No node of the file has that name; and this evmbench covers Abs.
    let own = environment::git_revision();
    for (revision, node) in [(Some("0000"), "z"), (own.as_deref(), "y")] {
        let case = not_covered(revision, node);
        let found = case.find(&sealed(&as_json(&case.record)));
        let is_noticed = found
            .discrepancies
            .iter()
            .any(|found| found.place.starts_with("model.uncovered"));
        assert!(is_noticed, "{revision:?} {node}: {:?}", found.discrepancies);
    }
}
