//! No leaf of a record and no byte of its evidence can be changed unnoticed.
//!
//! Everything slow (compiling, deploying, calling, making the model again) is done once for what it depends on; each change is
//! then held against it. A change of what that depends on is done again.

use crate::common;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use alloy_primitives::{B256, U256};
use evmbench::chain::Fork;
use evmbench::environment;
use evmbench::ledger::{Finding, What};
use evmbench::on_chain::OnChain;
use evmbench::parts::Measured;
use evmbench::prover::{Reproduced, VerifierKind};
use evmbench::record::leaves::{self, Class};
use evmbench::record::{Evidence, FileName, Record, Request, SCHEMA, digest};
use evmbench::rederive::{self, Discrepancy, Exhibits, Findings, Given, Rebuilt, Rederived, Terms, Tools};
use evmbench::solidity::CompiledContract;
use evmbench::store::{self, StoredRun};
use serde_json::{Value, json};

/// One of each kind: direct, range-checked, registered, reusable, tiles (the last part, which holds the set); of an earlier layout
/// all that are committed. Then both parts of a user's model that this evmbench has cut and laid out, range-checked and linked.
const RECORDS: [&str; 7] = [
    "results/scaling/dense_small-s7-direct.json",
    "results/scaling/dense_small-s7-committed.json",
    "results/core/avgpool2d_k2-s7-committed-463ef9e7.json",
    "results/ablation/scaling/dense_small-s7-direct-e249dd1c.json",
    "results/parts/scaling/conv2d_small-s7-committed-part2of2-4ba72d78.json",
    "tests/fixtures/records/F1-s4-committed-part1of2-edc3cb45.json",
    "tests/fixtures/records/F1-s4-committed-part2of2-ebf94d46.json",
];

/// Every how many changes one is tried where not all are.
const SAMPLED: usize = 41;

/// Values made once for each key.
struct Made<K, V>(Mutex<Vec<(K, V)>>);

impl<K: PartialEq, V: Clone> Made<K, V> {
    fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn get(&self, key: K, make: impl FnOnce(&K) -> V) -> V {
        let mut values = self.0.lock().unwrap();
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == key) {
            return value.clone();
        }
        let value = make(&key);
        values.push((key, value.clone()));
        value
    }
}

/// A record with everything that was found out of its evidence.
struct Bench {
    path: PathBuf,
    /// The user's model and input.
    files: [PathBuf; 2],
    tools: Tools,
    exhibits: Exhibits,
    compiled: Made<(VerifierKind, u64), Result<CompiledContract, String>>,
    on_chain: Made<Terms, Result<OnChain, String>>,
    rebuilt: Made<Request, std::sync::Arc<Rebuilt>>,
    sets: Made<(Request, Vec<FileName>), Result<Measured, String>>,
    /// The record as this evmbench writes it, sealed.
    base: Record,
}

impl Bench {
    fn of(name: &str) -> Self {
        let path = common::root(name);
        let run = StoredRun::open(&path).unwrap();
        let mut bench = Self {
            exhibits: Exhibits::of(&run),
            path,
            files: ["F1.onnx", "inputs/F1.json"].map(|name| common::fixture("records").join(name)),
            tools: Tools::new(common::solc().clone()),
            compiled: Made::new(),
            on_chain: Made::new(),
            rebuilt: Made::new(),
            sets: Made::new(),
            base: run.record().clone(),
        };
        let found = bench.rederive(run.record(), run.json(), &bench.exhibits);
        assert_eq!(found.discrepancies, [], "{name}");
        bench.base = found.record.clone();
        store::add_compressed_digests(&bench.path, &mut bench.base).unwrap();
        bench.base.schema = SCHEMA;
        bench.base.renewal = Some(environment::renewal(found.by_record_only.into_keys().collect()));
        bench.base.seal();
        let json = as_json(&bench.base);
        let found = bench.rederive(&bench.base, &json, &bench.exhibits);
        assert_eq!(found.discrepancies, [], "{name}, sealed");
        bench
    }

    fn given(&self) -> Given<'_> {
        let [onnx, input] = &self.files;
        Given {
            onnx: Some(onnx),
            input: Some(input),
            ..Given::default()
        }
    }

    fn rederive(&self, record: &Record, json: &Value, exhibits: &Exhibits) -> Rederived {
        let terms = Terms::of(&record.request, &exhibits.evidence);
        let compiled = self.compiled.get((terms.verifier, terms.optimizer_runs), |_| {
            rederive::compile(&exhibits.evidence, &terms, &self.tools)
        });
        let on_chain = self.on_chain.get(terms, |terms| {
            let compiled = compiled.as_ref().map_err(Clone::clone)?;
            rederive::examine(&exhibits.evidence, compiled, terms)
        });
        let rebuilt = self.rebuilt.get(record.request.clone(), |_| {
            std::sync::Arc::new(Rebuilt::of(record, self.given()))
        });
        let set = record.set.as_ref().map(|set| {
            let key = (record.request.clone(), set.parts.clone());
            self.sets.get(key, |_| {
                rederive::set_again(&self.path, record, set, self.given(), &self.tools)
            })
        });
        let batch = record.batch.as_ref().map(|batch| {
            rederive::batch_again(&self.path, record, &batch.members, self.given(), &self.tools)
        });
        let findings = Findings {
            exhibits,
            compiled: compiled.as_ref().map_err(String::as_str),
            on_chain: on_chain.as_ref().map_err(String::as_str),
            rebuilt: &rebuilt,
            judged: None,
            reproduced: None,
            set,
            batch,
            string: None,
        };
        rederive::derive(record, json, &findings)
    }

    /// Whether a record that was changed is told from the right one.
    fn notices(&self, json: &Value) -> bool {
        let Ok(run) = StoredRun::parse(&self.path, json.to_string().as_bytes()) else {
            return true;
        };
        let record = run.record();
        if record.evidence == self.base.evidence {
            return !self.rederive(record, json, &self.exhibits).agrees();
        }
        let exhibits = Exhibits::of(&run);
        !exhibits.discrepancies.is_empty() || !self.rederive(record, json, &exhibits).agrees()
    }
}

fn as_json(record: &Record) -> Value {
    serde_json::from_slice(&serde_json::to_vec(record).unwrap()).unwrap()
}

/// Every leaf with its place and its JSON pointer.
fn leaves_of(value: &Value, place: &str, pointer: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                let point = if place.is_empty() { "" } else { "." };
                // RFC 6901.
                let token = name.replace('~', "~0").replace('/', "~1");
                leaves_of(
                    field,
                    &format!("{place}{point}{name}"),
                    &format!("{pointer}/{token}"),
                    found,
                );
            }
        }
        Value::Array(entries) if !entries.is_empty() => {
            for (index, entry) in entries.iter().enumerate() {
                leaves_of(
                    entry,
                    &format!("{place}[{index}]"),
                    &format!("{pointer}/{index}"),
                    found,
                );
            }
        }
        _ => found.push((place.to_owned(), pointer.to_owned())),
    }
}

fn plain(place: &str) -> String {
    let digits = |piece: &str| {
        piece
            .split_once(']')
            .map_or(piece.to_owned(), |(_, rest)| format!("[]{rest}"))
    };
    place
        .split('[')
        .enumerate()
        .map(|(index, piece)| {
            if index == 0 {
                piece.to_owned()
            } else {
                digits(piece)
            }
        })
        .collect()
}

/// What stands at each place in any published record: a change to one of these is one that a reader would not stumble over.
fn published_values() -> BTreeMap<String, Vec<Value>> {
    let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for path in common::record_paths() {
        let run = StoredRun::open(&path).unwrap();
        let json = run.json();
        let mut leaves = Vec::new();
        leaves_of(json, "", "", &mut leaves);
        for (place, pointer) in leaves {
            let value = json.pointer(&pointer).unwrap();
            let known = values.entry(plain(&place)).or_default();
            if known.len() < 8 && !known.contains(value) && !value.is_null() {
                known.push(value.clone());
            }
        }
    }
    values
}

/// Other values for a leaf: none, one that is near, and one that another record has there.
fn others(value: &Value, published: Option<&Vec<Value>>) -> Vec<Value> {
    let near = match value {
        Value::Bool(value) => json!(!value),
        Value::Number(number) => match number.as_u64() {
            Some(number) => json!(number.wrapping_add(1)),
            None => json!(number.as_f64().unwrap() * 1.5 + 1.0),
        },
        Value::String(text) => {
            let mut bytes = text.clone().into_bytes();
            match bytes.last_mut() {
                Some(last @ (b'0'..=b'8' | b'a'..=b'e')) => *last += 1,
                Some(last) if last.is_ascii() => *last = b'1',
                Some(_) | None => bytes.push(b'1'),
            }
            json!(String::from_utf8(bytes).unwrap())
        }
        Value::Null | Value::Array(_) | Value::Object(_) => json!(1),
    };
    let elsewhere = published.and_then(|known| known.iter().find(|&known| known != value && *known != near));
    let mut others = vec![near, Value::Null];
    others.extend(elsewhere.cloned());
    others.retain(|other| other != value);
    others
}

/// On every processor; the first thing that is wrong, if anything is.
fn unnoticed<T: Sync>(cases: &[T], notices: impl Fn(&T) -> bool + Sync) -> Vec<usize> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let missed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(case) = cases.get(index) else { break };
                    if !notices(case) {
                        missed.lock().unwrap().push(index);
                    }
                }
            });
        }
    });
    missed.into_inner().unwrap()
}

#[test]
fn every_changed_leaf_is_noticed() {
    let published = published_values();
    let step = common::step(SAMPLED);
    let mut tried = BTreeMap::new();
    for name in RECORDS {
        let bench = Bench::of(name);
        let json = as_json(&bench.base);
        let mut leaves = Vec::new();
        leaves_of(&json, "", "", &mut leaves);
        let mut cases = Vec::new();
        for (place, pointer) in leaves {
            let value = json.pointer(&pointer).unwrap();
            for other in others(value, published.get(&plain(&place))) {
                cases.push((place.clone(), pointer.clone(), other));
            }
        }
        let cases: Vec<_> = cases.into_iter().step_by(step).collect();
        let by_record_only = bench.by_record_only();
        let missed = unnoticed(&cases, |(place, pointer, other)| {
            let mut changed = json.clone();
            *changed.pointer_mut(pointer).unwrap() = other.clone();
            let class = leaves::class_of(place).map(|(class, _)| class);
            // Whoever changes what is derived may as well write a new digest: it must be noticed all the same.
            if class == Some(Class::Derived) && !by_record_only.iter().any(|field| place.starts_with(field)) {
                changed["sha256"] = json!(evmbench::record::digest::of_json(&changed));
            }
            bench.notices(&changed)
        });
        let missed: Vec<_> = missed.into_iter().map(|index| &cases[index]).collect();
        assert!(missed.is_empty(), "{name}: unnoticed: {missed:#?}");
        for (place, ..) in &cases {
            *tried
                .entry(leaves::class_of(place).map(|(class, _)| class.to_string()))
                .or_insert(0) += 1;
        }
    }
    assert!(tried.values().sum::<usize>() * step > 5_000, "{tried:?}");
    // Each class, and the digest itself; a sample may miss free text and the digest, which are few.
    let few = [Some(Class::FreeText.to_string()), None];
    let missed = 4 - tried.len();
    assert!(
        missed == 0 || step > 1 && missed == few.iter().filter(|class| !tried.contains_key(class)).count(),
        "{tried:?}"
    );
}

/// A fixed sequence of numbers.
fn seeded(count: usize, below: usize) -> impl Iterator<Item = usize> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    })
    .take(count)
}

fn packed_path(record: &Path, name: &str) -> PathBuf {
    record.with_extension("evidence").join(format!("{name}.gz"))
}

/// As they lie on disk, packed.
#[test]
fn every_changed_byte_of_a_file_is_noticed() {
    for name in RECORDS {
        let source = common::root(name);
        let mut record = store::load(&source).unwrap();
        store::add_compressed_digests(&source, &mut record).unwrap();
        for file in &record.evidence {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("r.json");
            let target = packed_path(&path, &file.name);
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            let bytes = std::fs::read(packed_path(&source, &file.name)).unwrap();
            std::fs::write(&target, &bytes).unwrap();
            assert!(store::load_evidence(&path, &record, &file.name).is_ok());
            for at in seeded(200, bytes.len()) {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (at % 8);
                std::fs::write(&target, changed).unwrap();
                let loaded = store::load_evidence(&path, &record, &file.name);
                assert!(loaded.is_err(), "{name}: byte {at} of {}", file.name);
            }
        }
    }
}

/// Whoever changes evidence may as well write its new digest into the record, and the record's: the rest still says otherwise.
#[test]
fn evidence_that_is_changed_with_its_digest_is_noticed() {
    for name in RECORDS {
        let bench = Bench::of(name);
        let files = bench.exhibits.evidence.files();
        let cases: Vec<(usize, usize)> = files
            .iter()
            .enumerate()
            // The source is compiled again, which [`another_source_is_noticed`] does.
            .filter(|(_, (name, _))| *name != Evidence::VERIFIER_SOURCE)
            .flat_map(|(file, (_, bytes))| {
                seeded(20 / common::step(3), bytes.len()).map(move |at| (file, at))
            })
            .collect();
        let missed = unnoticed(&cases, |&(file, at)| {
            let (name, bytes) = &files[file];
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let mut exhibits = bench.exhibits.clone();
            let mut record = bench.base.clone();
            let entry = record
                .evidence
                .iter_mut()
                .find(|entry| entry.name == *name)
                .unwrap();
            entry.sha256 = alloy_primitives::hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&changed));
            record.seal();
            if exhibits.evidence.put(name, changed).is_err() {
                return true;
            }
            // As if the chain had given the same answers to the changed evidence.
            !bench.rederive_as_before(&record, &exhibits).agrees()
        });
        let missed: Vec<_> = missed
            .into_iter()
            .map(|index| (files[cases[index].0].0, cases[index].1))
            .collect();
        assert!(missed.is_empty(), "{name}: unnoticed: {missed:?}");
    }
}

impl Bench {
    /// Fields that cannot be derived, since this evmbench lays the model out in another way than the one that proved it.
    fn by_record_only(&self) -> Vec<&'static str> {
        let found = self.rederive(&self.base, &as_json(&self.base), &self.exhibits);
        let is_of_older_layout = found.by_record_only.contains_key(&What::Commitments);
        let mut fields = if is_of_older_layout {
            vec!["lowering", "request.plan"]
        } else {
            Vec::new()
        };
        // A later part's own circuit may not tell it; the set compares it with the first part's.
        if self.base.request.part.as_ref().is_some_and(|part| part.index > 0) {
            fields.push("request.chosen");
        }
        fields
    }

    /// With changed evidence, and the compiler's and the chain's answers to the right one.
    fn rederive_as_before(&self, record: &Record, exhibits: &Exhibits) -> Rederived {
        self.rederive_reproduced(record, exhibits, None)
    }

    /// The same, with what EZKL made again.
    fn rederive_reproduced(
        &self,
        record: &Record,
        exhibits: &Exhibits,
        reproduced: Option<Reproduced>,
    ) -> Rederived {
        let terms = Terms::of(&self.base.request, &self.exhibits.evidence);
        let compiled = self
            .compiled
            .get((terms.verifier, terms.optimizer_runs), |_| unreachable!());
        let on_chain = self.on_chain.get(terms, |_| unreachable!());
        let rebuilt = self.rebuilt.get(record.request.clone(), |_| unreachable!());
        let set = record.set.clone().map(|set| {
            Ok(Measured {
                set,
                by_record_only: BTreeMap::new(),
            })
        });
        let findings = Findings {
            exhibits,
            compiled: compiled.as_ref().map_err(String::as_str),
            on_chain: on_chain.as_ref().map_err(String::as_str),
            rebuilt: &rebuilt,
            judged: None,
            reproduced: reproduced.map(Ok),
            set,
            batch: record.batch.clone().map(Ok),
            string: None,
        };
        rederive::derive(record, &as_json(record), &findings)
    }
}

/// What EZKL makes again is held against the evidence, and without it the key is no model's.
#[test]
fn another_key_verifier_output_or_commitment_than_ezkl_makes_is_noticed() {
    const OF_KEY: [What; 3] = [What::Model, What::Weights, What::KeyMatch];
    for name in [RECORDS[1], RECORDS[3]] {
        let bench = Bench::of(name);
        let evidence = bench.exhibits.evidence.clone();
        let of_evidence = Reproduced {
            srs: bench.base.keys.as_ref().unwrap().srs.clone(),
            verifying_key: evidence.verifying_key.clone().unwrap(),
            verifier_source: evidence.verifier_source.clone().unwrap(),
            key_artifact: evidence.key_artifact.clone(),
            challenge: bench
                .base
                .committed
                .map(|_| evidence.instances.clone().unwrap()[1]),
            outputs: evidence.outputs.clone().unwrap(),
            of_model: None,
        };
        let again = |made| bench.rederive_reproduced(&bench.base, &bench.exhibits, made);
        let without = again(None);
        assert!(
            OF_KEY
                .iter()
                .all(|what| without.by_record_only.contains_key(what))
        );
        let same = again(Some(of_evidence.clone()));
        assert_eq!(same.discrepancies, [], "{name}");
        assert!(!OF_KEY.iter().any(|what| same.by_record_only.contains_key(what)));
        let mut others = vec![of_evidence.clone(); 4];
        others[0].verifying_key[100] ^= 1;
        others[1].verifier_source += " ";
        others[2].outputs[0][0] += U256::ONE;
        match (&mut others[3].challenge, &mut of_evidence.key_artifact.clone()) {
            (Some(challenge), _) => *challenge += U256::ONE,
            (None, Some(words)) => {
                words[0] = B256::ZERO;
                others[3].key_artifact = Some(words.clone());
            }
            (None, None) => panic!("{name} has neither"),
        }
        let places = ["verifying.key", "verifier.sol", "outputs.json", ""];
        for (other, place) in others.into_iter().zip(places) {
            let found = again(Some(other)).discrepancies;
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert!(found[0].place.contains(place), "{name}: {found:?}");
        }
    }
}

/// What was chosen is what the circuit has: where the defaults chose it, where a tuned circuit's plan leaves nothing of it open, and where
/// there are no limbs.
#[test]
fn choices_that_are_not_the_circuits_are_noticed() {
    let tuned = "results/tuned/scaling/dense_small-s7-committed-e9846649.json";
    let without_limbs = "results/core/relu-s7-committed.json";
    let direct = RECORDS[0];
    let chosen = |bits: u32, range: Value| json!({"digit_bits": bits, "input_range": range});
    for (name, others) in [
        (
            RECORDS[1],
            vec![
                chosen(16, json!("table")),
                chosen(11, json!("table")),
                chosen(10, json!("exact")),
                chosen(10, Value::Null),
                Value::Null,
            ],
        ),
        (
            tuned,
            vec![
                json!({"digit_bits": 10, "roundings": 0, "input_range": "table"}),
                json!({"digit_bits": 8, "roundings": 1, "input_range": "table"}),
                json!({"digit_bits": 8, "roundings": 0, "input_range": "exact"}),
                chosen(8, json!("table")),
                Value::Null,
            ],
        ),
        (
            without_limbs,
            vec![
                chosen(12, json!("table")),
                chosen(16, json!("exact")),
                Value::Null,
            ],
        ),
        (direct, vec![chosen(16, Value::Null)]),
    ] {
        let bench = Bench::of(name);
        let json = as_json(&bench.base);
        for other in others {
            let mut changed = json.clone();
            changed["request"]["chosen"] = other;
            assert_ne!(changed, json, "{name}");
            let run = StoredRun::parse(&bench.path, changed.to_string().as_bytes()).unwrap();
            let mut record = run.record().clone();
            record.seal();
            let found = bench.rederive(&record, &as_json(&record), &bench.exhibits);
            let is_named = |found: &Discrepancy| found.place.starts_with("request.chosen");
            assert!(
                found.discrepancies.iter().any(is_named),
                "{name}: {:?}: {:?}",
                record.request.chosen,
                found.discrepancies
            );
        }
    }
}

/// What was asked for stands beside what came of it.
#[test]
fn requests_that_the_run_contradicts_are_noticed() {
    let bench = Bench::of(RECORDS[1]);
    let json = as_json(&bench.base);
    for (place, pointer, value) in [
        ("request.warmup", "/request/warmup", json!(1)),
        ("request.runs", "/request/runs", json!(2)),
        ("request.timeout_seconds", "/request/timeout_seconds", json!(0)),
        ("request.sample", "/request/sample", json!(3)),
        ("request.input_sha256", "/request/input_sha256", json!("00")),
        ("request.dimensions", "/request/dimensions", json!({"batch": 1})),
        ("request.output", "/request/output", json!("logits")),
        (
            "request.plan.input_range",
            "/request/plan/input_range",
            json!("exact"),
        ),
        ("request.plan.digit_bits", "/request/plan/digit_bits", json!(12)),
        (
            "request.plan.input_assurance",
            "/request/plan/input_assurance",
            json!("linked"),
        ),
        (
            "request.plan.input_assurance",
            "/request/plan/input_assurance",
            json!("registered"),
        ),
    ] {
        let mut changed = json.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[field] = value;
        let run = StoredRun::parse(&bench.path, changed.to_string().as_bytes()).unwrap();
        let mut record = run.record().clone();
        record.seal();
        let found = bench.rederive(&record, &as_json(&record), &bench.exhibits);
        let places: Vec<&str> = found.discrepancies.iter().map(|one| &one.place[..]).collect();
        assert!(
            places.iter().any(|found| found.starts_with(place)),
            "{place}: {places:?}"
        );
    }
}

/// Code of another source, with every digest written anew.
#[test]
fn another_source_is_noticed() {
    let bench = Bench::of(RECORDS[1]);
    let mut exhibits = bench.exhibits.clone();
    let source = exhibits.evidence.verifier_source.as_mut().unwrap();
    let at = source.find("// fixed_comms[2].x").unwrap() - 3;
    let digit = if source.as_bytes()[at] == b'0' { "1" } else { "0" };
    source.replace_range(at..=at, digit);
    let terms = Terms::of(&bench.base.request, &exhibits.evidence);
    let compiled = rederive::compile(&exhibits.evidence, &terms, &bench.tools).unwrap();
    let json = as_json(&bench.base);
    let findings = Findings {
        exhibits: &exhibits,
        compiled: Ok(&compiled),
        on_chain: Err("not asked"),
        rebuilt: &Rebuilt::of(&bench.base, Given::default()),
        judged: None,
        reproduced: None,
        set: None,
        batch: None,
        string: None,
    };
    let found = rederive::derive(&bench.base, &json, &findings);
    let places: Vec<&str> = found
        .discrepancies
        .iter()
        .map(|found| found.place.as_str())
        .collect();
    assert!(places.contains(&"verifier"), "{places:?}");
    // The ledger finds the verifier to be another key's.
    let key = found
        .record
        .ledger
        .as_ref()
        .unwrap()
        .item(What::KeyMatch)
        .unwrap();
    assert_eq!(key.finding, Finding::Mismatch("fixed_comms[2]".to_owned()));
}

/// The kinds are what the list says they are.
#[test]
fn the_records_are_of_each_kind() {
    let records = RECORDS.map(|name| store::load(&common::root(name)).unwrap());
    let [direct, ranged, registered, reusable, tiles, cut, linked] = &records;
    assert!(direct.committed.is_none() && ranged.committed.is_some());
    assert!(registered.committed.unwrap().registered_input.is_some());
    assert_eq!(reusable.request.verifier, VerifierKind::Reusable);
    assert!(tiles.set.is_some() && linked.set.is_some());
    for record in [cut, linked] {
        assert!(record.request.part.is_some() && record.request.onnx_sha256.is_some());
        assert!(record.schema >= digest::SINCE_SCHEMA);
    }
    assert_eq!(direct.request.fork, Fork::default());
    assert!(ranged.evidence.iter().any(|file| file.name == Evidence::PROOF));
}
