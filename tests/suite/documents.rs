//! The tables in README and docs are those of the records in `results`, cell by cell.
//!
//! To renew them: `UPDATE_TABLES=1 cargo test --test suite documents::`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use evmbench::ablation;
use evmbench::accuracy::Evaluation;
use evmbench::budget;
use evmbench::chain::{Cause, Fork};
use evmbench::forecast::{self, Forecast};
use evmbench::fuzz::report::Report;
use evmbench::guard::linked::LinkedMeasurement;
use evmbench::metric::Metric;
use evmbench::prover::{CircuitKind, CircuitPlan, Io, Phase, PhaseSource, VerifierKind};
use evmbench::record::{Evidence, Outcome, Record, Request, Source};
use evmbench::report::table::{Column, Table};
use evmbench::report::tables::forecast::Outcome as Forecasted;
use evmbench::report::tables::{batches, layers, parts};
use evmbench::report::{self, Dataset, Entry};
use evmbench::solidity::opening::Sharing;
use evmbench::solidity::{DEFAULT_OPTIMIZER_RUNS, Section};
use evmbench::statistics::median;
use evmbench::store;
use evmbench::subject::{Material, Subject};
use evmbench::suite::{self, Experiment, STUDY_SCALES, Suite};
use evmbench::trained::{self, TRAINED};
use evmbench::training::History;
use serde::Deserialize;

use crate::common::{assert_table, markdown, printed};

mod other_systems;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All records in `results`, as `evmbench report` reads them.
fn results() -> &'static Dataset {
    static RESULTS: OnceLock<Dataset> = OnceLock::new();
    RESULTS.get_or_init(|| Dataset::read(&[root().join("results").display().to_string()]).unwrap())
}

/// A record among these.
fn entry_of(record: &Record) -> &'static Entry {
    let mut entries = results().entries.iter();
    entries
        .find(|entry| {
            entry.record.request == record.request && entry.record.finished_at == record.finished_at
        })
        .unwrap_or_else(|| panic!("no record {}", record.request.name()))
}

/// What a document says, on one line.
fn said(path: &str) -> String {
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every record of the study's models below `results`, by path.
fn published() -> Vec<Record> {
    records_of(&["core", "scaling", "composite"])
}

/// Every record in these folders of `results`, by path.
fn records_of(suites: &[&str]) -> Vec<Record> {
    let mut paths = Vec::new();
    for suite in suites {
        let Ok(listing) = std::fs::read_dir(root().join("results").join(suite)) else {
            continue;
        };
        paths.extend(listing.map(|entry| entry.unwrap().path()));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().map(|path| store::load(path).unwrap()).collect()
}

/// Thousands apart; a dash where nothing was measured.
fn count(number: Option<u64>) -> String {
    let Some(number) = number else {
        return "-".to_owned();
    };
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    groups
        .into_iter()
        .map(|group| std::str::from_utf8(group).unwrap())
        .collect::<Vec<_>>()
        .join(",")
}

/// Whether this run took a phase, from the cache, as another run measured it.
fn is_cached(record: &Record, phase: Phase) -> bool {
    let mut phases = record.phases.iter();
    phases.any(|one| one.phase == phase && one.source == PhaseSource::Cached)
}

/// The median of a phase's counted times, and its peak memory, with a mark where they are another run's.
fn needs_of(record: &Record, phase: Phase) -> [String; 2] {
    let seconds = median(&record.call_seconds(phase));
    let seconds = seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s"));
    let mark = if is_cached(record, phase) { " (cached)" } else { "" };
    [seconds, gibibytes(record.peak_rss_bytes(phase))].map(|figure| figure + mark)
}

fn gibibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "-".to_owned(),
        |bytes| format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30)),
    )
}

/// How the rows of the README begin, which are few of those in docs/results.md.
const SHOWN_IN_README: [&str; 7] = [
    "| relu, scale 7, committed |",
    "| relu, scale 7 |",
    "| conv2d_large, scale 7,",
    "| dense_small, scale 7,",
    "| dense_small, scale 7 |",
    "| cnn_relu, scale 7,",
    "| cnn_strided, scale 7,",
];

/// The tables are the one that `evmbench report` makes.
#[test]
fn the_tables_of_results_are_from_records() {
    let table = report::markdown::table(&layers::results(results()));
    let told = format!(
        "\"{}\" is the median time of the counted proofs",
        Metric::ProveMedian.heading()
    );
    assert!(table.contains(&*Metric::ProveMedian.heading()) && said("docs/results.md").contains(&told));
    assert_table("docs/results.md", "results", &table);
    let (heading, rows) = table.split_at(table.match_indices('\n').nth(1).unwrap().0 + 1);
    let rows: Vec<&str> = rows
        .lines()
        .filter(|row| SHOWN_IN_README.iter().any(|start| row.starts_with(start)))
        .collect();
    assert_eq!(rows.len(), SHOWN_IN_README.len());
    assert_table("README.md", "results", &format!("{heading}{}\n", rows.join("\n")));
}

/// A reader looks at it for five minutes.
#[test]
fn the_readme_is_short() {
    let lines = std::fs::read_to_string(root().join("README.md"))
        .unwrap()
        .lines()
        .count();
    assert!(lines <= 150, "{lines}");
}

/// The table itself is written by `onnx_nodes`; whether it tells of every operator that EZKL loads is known without EZKL.
#[test]
fn the_table_of_operators_has_every_operator() {
    let text = std::fs::read_to_string(root().join("docs/operators.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.split('|').map(str::trim).collect();
        let counts = cells[1..].iter().map(|cell| cell.parse::<usize>().unwrap_or(0));
        Some((cells[0], counts.sum::<usize>()))
    });
    let rows: Vec<(&str, usize)> = rows.skip(1).collect();
    let (sum, operators) = rows.split_last().unwrap();
    let names: Vec<&str> = operators.iter().map(|&(name, _)| name).collect();
    assert_eq!(names, evmbench::model::onnx::SUPPORTED);
    assert_eq!(*sum, ("all", operators.iter().map(|&(_, tests)| tests).sum()));
    assert!(sum.1 > 500, "{}", sum.1);
}

/// Which published records by default have other rows than today's default.
#[test]
fn records_of_an_older_default_are_named() {
    let (mut by_default, mut older) = (0, Vec::new());
    for record in published() {
        let (spec, scale) = (
            suite::find(&record.request.id).unwrap(),
            record.request.plan.scale(),
        );
        let suite = spec.category.to_string();
        let plan = CircuitPlan::committed(scale, Io::default_for(&suite)).unwrap();
        let request = Request {
            runs: record.request.runs,
            warmup: record.request.warmup,
            ..Request::new(spec.id, suite, plan)
        };
        let Some(circuit) = record.circuit.filter(|_| request.name() == record.request.name()) else {
            continue;
        };
        let experiment = Experiment { model: spec, scale };
        let subject = Subject::from_suite(experiment, request, Material::default()).unwrap();
        let today = subject.committed.unwrap().circuit.logrows();
        by_default += 1;
        if circuit.logrows != today {
            older.push(format!(
                "`{}` at scale {scale} (2^{}, today 2^{today})",
                spec.id, circuit.logrows
            ));
        }
    }
    assert!(by_default >= 30, "{by_default}");
    let others = match older.len() {
        0 => "the rows of each".to_owned(),
        count => format!("other rows for {count} of them: {}", older.join(", ")),
    };
    let text = format!(
        "{by_default} published records of the study's models have the default options. Today's default has {others}.\n"
    );
    assert_table("docs/tuning.md", "older-defaults", &text);
}

/// What `plan --explain` says of the suites at scale 7.
#[test]
fn the_table_of_cells_is_what_is_laid_out() {
    let mut table = Table::new([
        Column::text("model"),
        Column::written("rows"),
        Column::written("columns"),
        Column::written("committed"),
        Column::written("lookups"),
        Column::written("contractions"),
        Column::written("products"),
        Column::written("additions"),
        Column::written("constants"),
        Column::written("cells"),
        Column::written("room in half the rows"),
    ]);
    for spec in &suite::MODELS {
        let suite = spec.category.to_string();
        let plan = CircuitPlan::committed(7, Io::default_for(&suite)).unwrap();
        let request = Request::new(spec.id, suite, plan);
        let experiment = Experiment {
            model: spec,
            scale: 7,
        };
        let subject = Subject::from_suite(experiment, request, Material::default()).unwrap();
        let account = subject.committed.unwrap().circuit.cell_account();
        let total = account.total();
        // README: "a convolution's cells grow with its elements, not with its multiply-adds; a dense layer has fewer cells than weights".
        // docs/commit-and-challenge.md: "one or two cells for each of its elements".
        let (cells, multiply_adds) = (
            total.cells() as u64,
            subject.model.multiply_adds.unwrap_or_default(),
        );
        assert!(multiply_adds == 0 || cells < multiply_adds, "{}", spec.id);
        match spec.architecture {
            suite::Architecture::Conv2d { .. } => {
                let claims = total.claims as u64;
                assert!(
                    (claims..2 * claims).contains(&cells),
                    "{}: {cells} for {claims}",
                    spec.id
                );
            }
            suite::Architecture::Dense { .. } => {
                assert!(Some(cells) < subject.model.parameters, "{}: {cells}", spec.id);
            }
            _ => {}
        }
        // docs/hardware.md: "by default it needs 2^22 rows".
        assert_eq!(account.logrows == 22, spec.id == "conv2d_large", "{}", spec.id);
        let counts = [
            total.claims,
            total.look_ups,
            total.contractions,
            total.products,
            total.additions,
            total.constants,
            total.cells(),
            account.room_below,
        ];
        table.row(
            [
                spec.id.to_owned(),
                format!("2^{}", account.logrows),
                account.inner_columns.to_string(),
            ]
            .into_iter()
            .chain(counts.map(|cells| count(Some(cells as u64)))),
        );
    }
    assert_table("docs/tuning.md", "cells", &report::markdown::table(&table));
}

/// What `plan` says of the networks.
#[test]
fn the_table_of_networks_is_what_is_laid_out() {
    let heading = [
        "",
        "suite",
        "parameters",
        "multiply-adds",
        "values",
        "cells",
        "rows",
        "columns",
        "memory",
        "gas",
    ];
    let rows = suite::NETWORKS.iter().map(|model| {
        let suite = model.category.to_string();
        let graph = evmbench::model::layers::build(model, 0);
        let elements = graph
            .output_values()
            .map(|value| value.shape.iter().product::<usize>());
        let scale = model.category.default_scale();
        let plan = CircuitPlan::committed(scale, Io::default_for_outputs(elements.sum())).unwrap();
        let experiment = Experiment { model, scale };
        let subject = Subject::from_suite(
            experiment,
            Request::new(model.id, &suite, plan),
            Material::default(),
        )
        .unwrap();
        let circuit = &subject.committed.as_ref().unwrap().circuit;
        let forecast = forecast::of_committed(circuit, None, None).unwrap();
        let sizes = circuit.sizes();
        let values = sizes.input + sizes.output + sizes.claims;
        vec![
            model.id.to_owned(),
            suite,
            count(subject.model.parameters),
            count(subject.model.multiply_adds),
            count(Some(values as u64)),
            count(Some(circuit.cells() as u64)),
            format!("2^{}", circuit.logrows()),
            circuit.inner_columns().to_string(),
            gibibytes(Some(forecast.peak_bytes().likely)),
            count(Some(forecast.under(Fork::Osaka).verification_gas.likely)),
        ]
    });
    assert_table("docs/networks.md", "networks", &markdown(&heading, rows));
}

/// What `plan --budget` says of two networks.
#[test]
fn the_table_of_budgets_is_what_is_laid_out() {
    let heading = [
        "",
        "budget",
        "proofs",
        "rows",
        "memory of one",
        "gas of all",
        "options",
    ];
    let mut rows = Vec::new();
    for id in ["resnet20", "mobilenet_v1_025"] {
        let model = suite::find(id).unwrap();
        let scale = model.category.default_scale();
        let plan = CircuitPlan::committed(scale, Io::Result).unwrap();
        let request = Request::new(id, model.category.to_string(), plan);
        let subject = Subject::from_suite(Experiment { model, scale }, request, Material::default()).unwrap();
        let circuit = &subject.committed.as_ref().unwrap().circuit;
        let whole = forecast::of_committed(circuit, None, None).unwrap().peak_bytes();
        for gibibytes_of_one in [16, 8, 4] {
            let bytes = gibibytes_of_one << 30;
            let (parts, options) = if whole.high <= bytes {
                (vec![subject.clone()], "-".to_owned())
            } else {
                let split = budget::split_within(&subject, bytes).unwrap();
                let options = format!("`--cut {}`", split.cuts.join(","));
                (subject.in_parts(split).unwrap().parts().unwrap(), options)
            };
            let forecasts: Vec<Forecast> = parts
                .iter()
                .map(|part| {
                    forecast::of_committed(&part.committed.as_ref().unwrap().circuit, None, None).unwrap()
                })
                .collect();
            let memory = forecasts
                .iter()
                .map(|forecast| forecast.peak_bytes().likely)
                .max();
            let gas = forecasts
                .iter()
                .map(|forecast| forecast.under(Fork::Osaka).verification_gas.likely);
            rows.push(vec![
                id.to_owned(),
                format!("{gibibytes_of_one} GiB"),
                parts.len().to_string(),
                format!("2^{}", forecasts[0].logrows),
                gibibytes(memory),
                count(Some(gas.sum())),
                options,
            ]);
        }
    }
    assert_table("docs/networks.md", "budgets", &markdown(&heading, rows));
}

/// What the contracts of the published sets cost, beside all bare verifiers.
#[test]
fn what_a_set_costs_is_from_records() {
    let entries = results().entries.iter();
    let sets: Vec<&LinkedMeasurement> = entries
        .filter_map(|entry| Some(&entry.record.set.as_ref()?.measurement))
        .collect();
    assert!(!sets.is_empty());
    let percent_over_verifiers = |gas: fn(&LinkedMeasurement) -> u64| -> Vec<f64> {
        let over = |set: &&LinkedMeasurement| {
            let apart: u64 = set.bare_verifications.iter().map(|gas| gas.tx_gas).sum();
            100.0 * (gas(set) as f64 / apart as f64 - 1.0)
        };
        sets.iter().map(over).collect()
    };
    let more = percent_over_verifiers(|set| set.verification.tx_gas);
    let with_one = percent_over_verifiers(|set| set.one_pairing.as_ref().unwrap().verification.tx_gas);
    let less: Vec<f64> = with_one.iter().map(|percent| -percent).collect();
    assert!(
        more.iter().chain(&less).all(|&percent| percent > 0.0),
        "{more:?} {less:?}"
    );
    let sentence = format!(
        "In the {} published [sets](batches.md#sets-of-parts), the contract that takes all proofs costs {}% more than the sum of the bare \
         verifiers, and the one with a single pairing {}% less. The record of the last part has both (`set`).\n",
        sets.len(),
        range(&more),
        range(&less)
    );
    assert_table("docs/networks.md", "set-gas", &sentence);
}

/// The least and the greatest, to one digit after the point.
fn range(numbers: &[f64]) -> String {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{least:.1} to {greatest:.1}")
}

/// What the records say of the networks; no row where there are none.
#[test]
fn the_table_of_proved_networks_is_from_records() {
    let metrics = [
        Metric::Logrows,
        Metric::InnerColumns,
        Metric::ProvePeak,
        Metric::ProveSeconds,
        Metric::GuardedGas,
        Metric::ProvedError,
        Metric::Level,
        Metric::OutcomeAndLimits,
    ];
    let heading = ["", "scale", "weights", "output", "part", "optimizer runs"]
        .map(str::to_owned)
        .into_iter()
        .chain(metrics.map(|metric| metric.heading().into_owned()))
        .collect::<Vec<String>>();
    let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
    let records = records_of(&["tiny", "classic", "tuned/tiny"]);
    // "Of one proof each."
    for record in &records {
        let proofs = record.call_seconds(Phase::Prove).len();
        assert_eq!(proofs, 1, "{}", record.request.name());
    }
    let rows = records.iter().map(|record| {
        let Request {
            id,
            output,
            part,
            plan,
            ..
        } = &record.request;
        let weights = match &record.model.weights {
            Source::File { sha256 } => format!("public, {}", &sha256[..8]),
            _ => format!("seed {}", record.request.seed),
        };
        let part = part.as_ref().map_or_else(
            || "-".to_owned(),
            |part| format!("{part}, `--cut {}`", part.split.cuts.join(",")),
        );
        let shown = metrics.map(|metric| metric.text(record));
        let scale = plan.scale().to_string();
        let output = output.name().to_owned();
        let optimizer_runs = count(Some(record.request.optimizer_runs));
        [id.to_string(), scale, weights, output, part, optimizer_runs]
            .into_iter()
            .chain(shown)
            .collect()
    });
    assert_table("docs/networks.md", "records", &markdown(&heading, rows));
    // The sentence before the table is of the whole suite, each model once.
    let tuned = records_of(&["tuned/tiny"]);
    let models: BTreeSet<String> = tuned.iter().map(|record| record.request.id.to_string()).collect();
    let suite = Suite::Tiny.models().map(|model| model.id.to_owned());
    assert_eq!(
        (models, tuned.len()),
        (suite.collect(), Suite::Tiny.models().count())
    );
    for record in &tuned {
        let columns = Metric::InnerColumns.number(record);
        assert_eq!((record.request.optimizer_runs, columns), (1_000_000, Some(1.0)));
    }
    let has_softmax = |record: &&Record| record.request.output.name() == "logits";
    assert_eq!(tuned.iter().filter(|record| has_softmax(record)).count(), 3);
    let gas = tuned
        .iter()
        .filter_map(|record| Metric::GuardedGas.number(record));
    let sentence = format!(
        "In one column and with 1,000,000 optimizer runs, each of MLPerf Tiny's four models costs at most {} gas, the three that end in a Softmax without it.\n",
        count(Some(gas.fold(0.0, f64::max) as u64))
    );
    assert_table("docs/networks.md", "tuned-gas", &sentence);
}

#[test]
fn the_table_of_parts_is_from_records() {
    let table = parts::parts(results());
    let text = format!("{}\n\n{}", table.caption, report::markdown::table(&table));
    assert_table("docs/commit-and-challenge.md", "parts", &text);
}

#[test]
fn the_table_of_batches_is_from_records() {
    let table = batches::batches(results());
    let batched: Vec<_> = results()
        .entries
        .iter()
        .filter_map(|entry| Some((entry, &entry.record.batch.as_ref()?.measurement)))
        .collect();
    // A row names what was chosen, but for the image: a batch is of several.
    for ((entry, _), row) in batched.iter().zip(table.shown_rows()) {
        for choice in entry
            .choices()
            .iter()
            .filter(|choice| !choice.starts_with("image "))
        {
            assert!(row[0].contains(choice), "{row:?}: {choice}");
        }
    }
    assert_table("docs/batches.md", "batches", &report::markdown::table(&table));

    let proofs_of_document = said("docs/batches.md");
    let mut compared = 0;
    for (entry, small) in &batched {
        // "Among eight of cnn_strided, each costs about half of what it costs by itself, through the guard."
        let gas = small.tx_gas_per_proof(Sharing::Key).unwrap() as f64;
        let guarded = entry.record.committed_guard.as_ref().unwrap().verification.tx_gas as f64;
        if small.proofs() == 8 {
            assert!(
                (0.47..0.53).contains(&(gas / guarded)),
                "{}: {gas} {guarded}",
                entry.name()
            );
        }
        // "Below 2^-245 for up to 320 proofs": 1.14 · 319 is below 2^8.6, and r above 2^253.59.
        let most = small
            .shared
            .iter()
            .flat_map(|shared| &shared.largest)
            .map(|largest| largest.proofs);
        assert!(most.max().is_some_and(|most| most <= 320), "{}", entry.name());
        // "Within 2%": the line of one batch against another batch of the circuit.
        let same = batched
            .iter()
            .filter(|(other, _)| other.label_of_circuit() == entry.label_of_circuit());
        for (_, large) in same.filter(|(_, large)| large.proofs() > small.proofs()) {
            let found = large.tx_gas_per_proof(Sharing::Key).unwrap() as f64;
            let expected = small
                .expected_tx_gas_per_proof(Sharing::Key, large.proofs())
                .unwrap() as f64;
            assert!(
                (expected / found - 1.0).abs() < 0.02,
                "{}: {expected} {found}",
                entry.name()
            );
            compared += 1;
        }
    }
    assert!(compared > 0);
    for sentence in [
        "2^-245 for up to 320 proofs",
        "within 2%",
        "about half of what it costs by itself",
    ] {
        assert!(proofs_of_document.contains(sentence), "{sentence}");
    }
}

#[test]
fn the_tables_of_accuracy_are_from_records_and_histories() {
    let table = report::markdown::table(&layers::accuracies(results()));
    assert_table("docs/training.md", "accuracy", &table);

    let percent = |part: f64| format!("{:.2}%", 100.0 * part);
    let rows = TRAINED.iter().map(|trained| {
        let path = trained::history_path(&root().join("models"), trained.id);
        let history: History = store::read_json(&path).unwrap();
        // "Of one thread."
        assert_eq!(history.settings.threads, 1);
        let recipe = history.settings.recipe;
        let best = history.best().unwrap();
        let seconds: Vec<f64> = history.epochs.iter().map(|epoch| epoch.seconds).collect();
        let evaluation = trained.evaluation();
        let [low, high] = STUDY_SCALES.map(|scale| {
            evaluation
                .of(CircuitKind::Committed, scale)
                .expect("both scales")
                .clone()
        });
        let study = suite::study_accuracy(trained.id).unwrap();
        vec![
            trained.id.to_owned(),
            format!("{:?}, {} epochs", recipe.name, recipe.epochs).to_lowercase(),
            format!("{:.1} s", median(&seconds).unwrap()),
            percent(best.held_out.accuracy),
            percent(low.float_part_correct()),
            percent(low.part_correct()),
            percent(high.part_correct()),
            format!("{:.2}%", study.published),
            format!("{:.2}%", study.last_epoch),
        ]
    });
    let (seven, ten) = (
        format!("right, scale {}", STUDY_SCALES[0]),
        format!("right, scale {}", STUDY_SCALES[1]),
    );
    let heading = [
        "",
        "recipe",
        "median epoch",
        "right, held out",
        "right in f32",
        &seven,
        &ten,
        "study",
        "study, epoch 50",
    ];
    assert_table("docs/training.md", "training", &markdown(&heading, rows));
}

#[test]
fn the_table_of_what_a_run_needs_is_from_records() {
    let records = published();
    let prove = Metric::ProveMedian.heading();
    let table = markdown(
        &[
            "", "2^k", "key", "set-up", "its peak", &prove, "proofs", "its peak", "disk", "machine",
            "outcome",
        ],
        records.iter().map(|record| {
            // "Set-up is measured once."
            assert!(record.call_seconds(Phase::Setup).len() <= 1);
            let [setup, setup_peak] = needs_of(record, Phase::Setup);
            let [prove, prove_peak] = needs_of(record, Phase::Prove);
            // A key from the cache is not written again.
            let makes_key = record.keys.as_ref().is_none_or(|keys| !keys.reused);
            vec![
                title(record),
                count(record.circuit.as_ref().map(|circuit| u64::from(circuit.logrows))),
                gibibytes(record.keys.as_ref().and_then(|keys| keys.proving_key_bytes)),
                setup,
                setup_peak,
                prove,
                Metric::ProveCount.text(record),
                prove_peak,
                gibibytes(record.peak_disk_bytes.filter(|_| makes_key)),
                format!("`{}`", record.environment.machine.fingerprint),
                record.outcome_and_limits(),
            ]
        }),
    );
    assert_table("docs/hardware.md", "needs", &table);
}

/// The larger peak of set-up and proving, in bytes.
fn greatest_peak(record: &Record) -> Option<u64> {
    let peaks = [Phase::Setup, Phase::Prove].map(|phase| record.peak_rss_bytes(phase));
    peaks.into_iter().flatten().max()
}

/// The peak memory of a phase as a multiple of the key, in the runs of 2^16 rows or more that measured it and made a proof.
fn multiples_of_the_key(phase: Phase) -> Vec<f64> {
    let records = results().entries.iter().map(|entry| &entry.record);
    records
        .filter(|record| record.proof.is_some() && !is_cached(record, phase))
        .filter(|record| {
            record
                .circuit
                .as_ref()
                .is_some_and(|circuit| circuit.logrows >= 16)
        })
        .filter_map(|record| {
            let key = record.keys.as_ref()?.proving_key_bytes?;
            Some(record.peak_rss_bytes(phase)? as f64 / key as f64)
        })
        .collect()
}

#[test]
fn memory_beside_the_key_is_from_records() {
    let [setup, prove] = [Phase::Setup, Phase::Prove].map(multiples_of_the_key);
    assert!(
        setup.len() > 50 && prove.len() > 80,
        "{} {}",
        setup.len(),
        prove.len()
    );
    let sentence = format!(
        "Set-up of 2^16 rows or more took {} times the key's size in memory ({} runs), and proving {} times ({} runs).\n",
        range(&setup),
        setup.len(),
        range(&prove),
        prove.len()
    );
    assert_table("docs/hardware.md", "memory", &sentence);
}

/// What the committed circuits of the suites took, in parts, with a registered input, and by default.
#[test]
fn memory_of_the_suites_is_from_records() {
    let committed = |suites: &[&str]| {
        let of_suites = |record: &&Record| {
            suites.contains(&&*record.request.suite)
                && record.request.plan.kind() == CircuitKind::Committed
                && record.proof.is_some()
        };
        let records = results().entries.iter().map(|entry| &entry.record);
        records.filter(of_suites).collect::<Vec<_>>()
    };
    let greatest = |records: &[&Record], within: u64| {
        let peak = records.iter().filter_map(|record| greatest_peak(record)).max();
        // "24 GB of memory", "16 GB of memory".
        assert!(peak.is_some_and(|peak| peak < within), "{peak:?}");
        format!("{:.1} GiB", peak.unwrap() as f64 / f64::from(1 << 30))
    };
    let study = committed(&["core", "scaling", "composite"]);
    let (large, others): (Vec<&Record>, Vec<&Record>) = study
        .iter()
        .partition(|record| record.request.id == "conv2d_large");
    let (parts, registered): (Vec<&Record>, Vec<&Record>) = large
        .into_iter()
        .partition(|record| record.request.part.is_some());
    for record in &parts {
        let part = record.request.part.as_ref().unwrap();
        assert_eq!(part.split.parts(), 2, "{}", record.request.name());
    }
    for record in &registered {
        assert!(title(record).contains("input registered"), "{}", title(record));
    }
    let networks = committed(&["tiny", "classic"]);
    let (mobile, smaller): (Vec<&Record>, Vec<&Record>) = networks
        .iter()
        .partition(|record| record.request.id == "mobilenet_v1_025");
    let (gb_24, gb_16) = (24_000_000_000, 16_000_000_000);
    let sentence = format!(
        "Of `core`, `scaling` and `composite`, `conv2d_large` took up to {} in two parts and {} with a registered input (by default it needs 2^22 \
         rows), the others up to {}. Of `tiny` and `classic`, `mobilenet_v1_025` took up to {}, the others up to {}.\n",
        greatest(&parts, gb_24),
        greatest(&registered, gb_24),
        greatest(&others, gb_24),
        greatest(&mobile, gb_16),
        greatest(&smaller, gb_16),
    );
    assert_table("docs/hardware.md", "peaks", &sentence);
    // "The study gave up every layer that is a convolution, with 125 GB."
    let is_convolution =
        |model: &&suite::ModelSpec| matches!(model.architecture, suite::Architecture::Conv2d { .. });
    for model in suite::MODELS.iter().filter(is_convolution) {
        assert_eq!(
            model.study,
            Some(suite::StudyOutcome::OutOfMemory),
            "{}",
            model.id
        );
    }
}

/// docs/forecast.md: "less than a minute for the study's direct circuits that are recorded, but three and a half for `conv2d_k3_s1`".
#[test]
fn layouts_take_as_long_as_is_said() {
    let mut compared = [0, 0];
    for record in published() {
        if record.request.plan.kind() != CircuitKind::Direct {
            continue;
        }
        let seconds: f64 = [Phase::Settings, Phase::Calibrate]
            .iter()
            .flat_map(|&phase| record.call_seconds(phase))
            .sum();
        let is_large = record.request.id == "conv2d_k3_s1";
        let expected = if is_large { 195.0..225.0 } else { 0.1..60.0 };
        assert!(
            expected.contains(&seconds),
            "{}: {seconds}",
            record.request.name()
        );
        compared[usize::from(is_large)] += 1;
    }
    assert!(compared[0] > 10 && compared[1] > 0, "{compared:?}");
}

/// docs/method.md: "one layer of 7-bit weights has up to 7.5% (`dense_large` at scale 7)".
#[test]
fn the_error_of_one_layer_is_what_is_said() {
    let records = records_of(&["core", "scaling"]);
    let shares = records.iter().filter_map(|record| {
        let check = record.function.as_ref()?;
        Some((check.max_error? / check.output_range, record))
    });
    let (share, worst) = shares.max_by(|one, other| one.0.total_cmp(&other.0)).unwrap();
    assert_eq!(worst.request.id, "dense_large");
    assert_eq!(format!("{:.1}", 100.0 * share), "7.5");
}

#[test]
fn the_comparison_with_the_study_is_from_records() {
    let records = published();
    // "Our circuits are the study's, to the unit."
    for record in &records {
        if record.request.plan.kind() != CircuitKind::Study {
            continue;
        }
        let study = record.study.as_ref().unwrap();
        let keys = record.keys.as_ref().unwrap();
        assert_eq!(record.circuit.as_ref().map(|circuit| circuit.rows), study.rows);
        assert_eq!(keys.proving_key_bytes, study.proving_key_bytes);
        assert_eq!(Some(keys.verifying_key_bytes), study.verifying_key_bytes);
    }
    let rows = records
        .iter()
        .filter(|record| record.request.plan.kind() == CircuitKind::Study);
    let table = markdown(
        &[
            "record",
            "rows",
            "the study's",
            "key bytes",
            "the study's",
            "verifying key bytes",
            "the study's",
        ],
        rows.map(|record| {
            let study = record.study.as_ref().unwrap();
            vec![
                record.request.name(),
                count(record.circuit.as_ref().map(|circuit| circuit.rows)),
                count(study.rows),
                count(record.keys.as_ref().and_then(|keys| keys.proving_key_bytes)),
                count(study.proving_key_bytes),
                count(record.keys.as_ref().map(|keys| keys.verifying_key_bytes)),
                count(study.verifying_key_bytes),
            ]
        }),
    );
    assert_table("docs/method.md", "study", &table);
}

/// The verified records of circuits that a user would deploy.
fn deployable(records: &[Record]) -> impl Iterator<Item = &Record> {
    records.iter().filter(|record| {
        record.request.plan.kind() != CircuitKind::Study && record.outcome == Outcome::Verified
    })
}

/// A value's name in a record.
fn named(value: &impl serde::Serialize) -> String {
    let name = serde_json::to_value(value).unwrap();
    format!("`{}`", name.as_str().unwrap())
}

/// Model, scale and kind of circuit, with what else was chosen.
fn title(record: &Record) -> String {
    let entry = entry_of(record);
    format!(
        "{}, {}, {}",
        record.request.id,
        entry.scale_in_words(),
        entry.circuit()
    )
}

#[test]
fn the_table_of_forks_is_from_records() {
    let records = published();
    let rows = deployable(&records).map(|record| {
        let cells = record.fits().into_iter().map(|fit| {
            let fits = if fit.is_verifiable_from_public_pool() {
                "pool"
            } else if fit.is_verifiable_in_one_transaction() {
                "one transaction"
            } else {
                "no"
            };
            let gas = fit.verification.gas.map(|gas| gas.tx_gas);
            format!("{} ({fits})", count(gas))
        });
        std::iter::once(title(record)).chain(cells).collect::<Vec<_>>()
    });
    let heading: Vec<String> = std::iter::once(Metric::VerificationGas.heading().into_owned())
        .chain(Fork::ALL.map(Fork::title))
        .collect();
    let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
    let table = markdown(&heading, rows);
    assert_table("docs/on-chain.md", "forks", &table);
}

#[test]
fn the_table_of_causes_is_from_records() {
    let records = published();
    let records: Vec<_> = deployable(&records).collect();
    let gas_of = |record: &Record, cause: Cause| {
        let causes = record.verification.as_ref()?.gas_by_cause.clone()?;
        Some(causes.get(cause))
    };
    let spent = |cause: &Cause| {
        records
            .iter()
            .any(|record| gas_of(record, *cause).is_some_and(|gas| gas > 0))
    };
    let causes: Vec<Cause> = Cause::ALL.iter().copied().filter(spent).collect();
    let heading: Vec<String> = std::iter::once(Metric::VerificationGas.heading().into_owned())
        .chain(causes.iter().map(named))
        .chain(["sum".to_owned()])
        .collect();
    let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
    let rows = records.iter().map(|record| {
        let gas = causes
            .iter()
            .map(|&cause| count(gas_of(record, cause).map(|gas| gas as u64)));
        let sum = record
            .verification
            .as_ref()
            .and_then(|verification| verification.gas);
        let sum = count(sum.map(|gas| gas.tx_gas));
        std::iter::once(title(record)).chain(gas).chain([sum]).collect()
    });
    assert_table("docs/on-chain.md", "causes", &markdown(&heading, rows));
}

#[test]
fn the_table_of_sections_is_from_records() {
    let records = published();
    let heading: Vec<String> = std::iter::once(Metric::VerificationGas.heading().into_owned())
        .chain(Section::ALL.iter().map(named))
        .collect();
    let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
    let rows = deployable(&records).map(|record| {
        let sections = record.verification.as_ref().unwrap().gas_by_section.as_ref();
        let gas = Section::ALL.map(|section| count(sections.map(|sections| sections.get(section))));
        std::iter::once(title(record)).chain(gas).collect()
    });
    assert_table("docs/on-chain.md", "sections", &markdown(&heading, rows));
}

/// What no section is known for stays under one part in twenty of the execution.
#[test]
fn nearly_all_gas_is_placed() {
    for record in published() {
        let Some(sections) = record
            .verification
            .as_ref()
            .and_then(|verification| verification.gas_by_section.as_ref())
        else {
            continue;
        };
        assert!(
            sections.unplaced_share() < 0.05,
            "{}: {sections:?}",
            record.request.name()
        );
    }
}

#[test]
fn the_table_of_guards_is_from_records() {
    let records = published();
    let rows = deployable(&records).map(|record| {
        let guard = record.guard.as_ref().unwrap();
        assert!(guard.passed(), "{}", record.request.name());
        // "It costs 1,300 to 2,100 gas more."
        if let Some(committed) = &record.committed_guard {
            let more = committed.verification.tx_gas - guard.verification.tx_gas;
            assert!(
                (1_300..2_100).contains(&more),
                "{}: {more}",
                record.request.name()
            );
        }
        vec![
            title(record),
            count(record.proof.as_ref().map(|proof| proof.instances)),
            count(Some(guard.bare_verification.tx_gas)),
            count(Some(guard.verification.tx_gas)),
            count(u64::try_from(guard.tx_gas_over_verifier).ok()),
            guard.checks.len().to_string(),
        ]
    });
    let heading = [
        "",
        "instances",
        "verifier (gas)",
        "through the guard (gas)",
        "more (gas)",
        "checks passed",
    ];
    assert_table("docs/on-chain.md", "guard", &markdown(&heading, rows));
}

/// The multiplications of points in a verification, by what is multiplied: as many as there are commitments and other points, less
/// one, which is added as it is.
fn multiplications(record: &Record) -> Option<[(&'static str, u64); 9]> {
    let columns = record.circuit.as_ref()?.columns.as_ref()?;
    let forecast = record.forecast.as_ref()?;
    let (degree, permuted) = (forecast.degree, columns.permutation_columns);
    let committed = forecast.committed_columns;
    Some([
        ("committed columns", committed),
        ("other advice columns", columns.advice_columns - committed),
        ("lookups, two each", 2 * forecast.lookup_arguments),
        ("products of the permutation", permuted.div_ceil(degree - 2)),
        ("parts of the quotient", degree - 1),
        ("random polynomial", 1),
        ("fixed columns of the key", columns.fixed_columns),
        ("columns of the permutation, in the key", permuted),
        ("G1, W and W', less the first point", 2),
    ])
}

#[test]
fn the_table_of_multiplications_is_from_records() {
    let tuned = records_of(&["tuned/composite", "tuned/scaling"]);
    let all = published().into_iter().chain(tuned);
    let mut counted = 0;
    for record in all.filter(|record| record.request.plan.kind() == CircuitKind::Committed) {
        let causes = record
            .verification
            .as_ref()
            .and_then(|found| found.gas_by_cause.as_ref());
        let (Some(expected), Some(causes)) = (multiplications(&record), causes) else {
            continue;
        };
        let expected: u64 = expected.iter().map(|(_, count)| count).sum();
        let found = causes.get(Cause::EcMul) / 6_000;
        assert_eq!(found as u64, expected, "{}", record.request.name());
        // "The largest part of the gas, about half"; each with 100 for the call.
        let gas = Metric::VerificationGas.whole(&record).unwrap();
        let share = (found * 6_100) as f64 / gas as f64;
        assert!((0.4..0.6).contains(&share), "{}: {share}", record.request.name());
        counted += 1;
    }
    assert!(counted > 40, "{counted}");

    let [one, two] = [
        "tuned/composite/cnn_strided-s7-committed-f94920dd.json",
        "composite/cnn_strided-s7-committed-5f0cce16.json",
    ]
    .map(|path| multiplications(&store::load(&root().join("results").join(path)).unwrap()).unwrap());
    let sum = |of: &[(&str, u64)]| of.iter().map(|(_, count)| count).sum::<u64>();
    let mut rows: Vec<Vec<String>> = one
        .iter()
        .zip(&two)
        .map(|((what, one), (_, two))| vec![(*what).to_owned(), one.to_string(), two.to_string()])
        .collect();
    rows.push(vec![
        "all".to_owned(),
        sum(&one).to_string(),
        sum(&two).to_string(),
    ]);
    let table = markdown(&["what is multiplied", "one column", "two columns"], rows);
    assert_table("docs/tuning.md", "multiplications", &table);
}

/// A circuit, as a row names it; last, the digest that no other has.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Choice {
    id: String,
    columns: i128,
    logrows: u32,
    limb_bits: u32,
    circuit: String,
}

impl Choice {
    /// Of a committed circuit at scale 7.
    fn of(record: &Record) -> Option<Self> {
        let is_one = record.request.plan.kind() == CircuitKind::Committed && record.request.plan.scale() == 7;
        let plan = record.request.committed_plan()?;
        is_one.then_some(Self {
            id: record.request.id.to_string(),
            columns: Metric::InnerColumns.whole(record)?,
            logrows: record.circuit.as_ref()?.logrows,
            limb_bits: plan.digit_bits(),
            circuit: record.committed.as_ref()?.circuit_digest.to_string(),
        })
    }
}

#[test]
fn the_table_of_columns_and_optimizer_runs_is_from_records() {
    /// As in `tune --for gas`.
    const RUNS: [u64; 3] = [1, 200, 1_000_000];
    // "`cnn_mixed` has no profile: its cheapest circuit was imprecise."
    let is_imprecise = |record: &&Record| matches!(record.outcome, Outcome::Imprecise { .. });
    let tuned = records_of(&["tuned/composite", "tuned/scaling"]);
    let imprecise: Vec<String> = tuned
        .iter()
        .filter(is_imprecise)
        .map(|record| record.request.id.to_string())
        .collect();
    assert!(
        !imprecise.is_empty() && imprecise.iter().all(|id| id == "cnn_mixed"),
        "{imprecise:?}"
    );
    assert!(!root().join("results/tuned/profiles/cnn_mixed-gas.json").exists());

    let mut records = records_of(&["composite", "scaling", "tuned/composite", "tuned/scaling"]);
    records.retain(|record| record.outcome == Outcome::Verified);
    let tuned: Vec<String> = records_of(&["tuned/composite", "tuned/scaling"])
        .iter()
        .map(|record| record.request.id.to_string())
        .collect();
    let choices: BTreeSet<Choice> = records.iter().filter_map(Choice::of).collect();
    let choices = choices.into_iter().filter(|choice| tuned.contains(&choice.id));
    let choices: Vec<Choice> = choices.collect();
    // "For twice the padded rows."
    let with = |columns: i128| choices.iter().filter(move |choice| choice.columns == columns);
    let mut of_both = BTreeSet::new();
    for one in with(1) {
        for two in with(2).filter(|two| two.id == one.id) {
            assert_eq!(one.logrows, two.logrows + 1, "{one:?} {two:?}");
            of_both.insert(&one.id);
        }
    }
    let sentence = format!(
        "for twice the padded rows in each of the {} models below that have both",
        of_both.len()
    );
    assert!(said("docs/tuning.md").contains(&sentence), "{sentence}");
    let rows = choices.iter().map(|shown| {
        // All figures of a row are of one circuit.
        let of_runs = |runs: u64| {
            let is_it = |record: &&Record| {
                Choice::of(record).as_ref() == Some(shown) && record.request.optimizer_runs == runs
            };
            records.iter().find(is_it)
        };
        let whole = |metric: Metric, runs| {
            let record = of_runs(runs)?;
            metric.whole(record).map(|number| number as u64)
        };
        let Choice {
            id,
            columns,
            logrows,
            limb_bits,
            ..
        } = shown;
        [
            id.clone(),
            columns.to_string(),
            limb_bits.to_string(),
            format!("2^{logrows}"),
        ]
        .into_iter()
        .chain(RUNS.map(|runs| count(whole(Metric::GuardedGas, runs))))
        .chain([200, 1_000_000].map(|runs| count(whole(Metric::RuntimeCode, runs))))
        .collect()
    });
    let heading = [
        "",
        "columns",
        "limbs (bits)",
        "rows",
        "1 run (gas)",
        "200 runs (gas)",
        "1,000,000 runs (gas)",
        "code (B), 200",
        "code (B), 1,000,000",
    ];
    assert_table("docs/tuning.md", "choices", &markdown(&heading, rows));
}

#[test]
fn the_gas_of_the_readme_is_from_records() {
    let shown = [
        (
            "as it is by default: two columns, 200 runs",
            "composite/cnn_strided-s7-committed-5f0cce16",
        ),
        ("one column", "tuned/composite/cnn_strided-s7-committed-4fc53f69"),
        (
            "one column, 1,000,000 runs",
            "tuned/composite/cnn_strided-s7-committed-f94920dd",
        ),
    ];
    let shown = shown.map(|(what, record)| {
        let record = store::load(&root().join(format!("results/{record}.json"))).unwrap();
        (what, record)
    });
    // Only what a row names is changed: both rows of one column are of one circuit.
    let [_, one, of_more_runs] = shown.each_ref().map(|(_, record)| Choice::of(record).unwrap());
    assert_eq!(one, of_more_runs);
    let rows = shown.map(|(what, record)| {
        let gas = Metric::GuardedGas.whole(&record).map(|gas| gas as u64);
        vec![what.to_owned(), count(gas)]
    });
    assert_table("README.md", "gas", &markdown(&["", "gas"], rows));
}

/// What differs from a baseline, by its name.
fn ablation_choice(baseline: &Request, record: &Record) -> Option<String> {
    let mut choices = ablation::choices(baseline).into_iter();
    let found = choices.find(|(_, request)| request.as_ref() == Ok(&record.request))?;
    Some(found.0.to_string())
}

#[test]
fn the_table_of_the_ablation_is_from_records() {
    const COUNTS: [Metric; 5] = [
        Metric::VerificationGas,
        Metric::DeploymentGas,
        Metric::RuntimeCode,
        Metric::Instances,
        Metric::Calldata,
    ];
    let folder = root().join("results/ablation");
    let records: Vec<Record> = store::record_paths(&folder)
        .unwrap()
        .iter()
        .map(|path| store::load(&folder.join(path)).unwrap())
        .collect();
    let plain = |record: &&Record| {
        let default = evmbench::prover::CircuitPlan::direct(record.request.plan.scale()).unwrap();
        let Request {
            plan,
            verifier,
            optimizer_runs,
            ..
        } = &record.request;
        let usual = Request::of_file(default);
        (plan, verifier, optimizer_runs) == (&usual.plan, &usual.verifier, &usual.optimizer_runs)
    };
    let baseline = records.iter().find(plain).expect("a baseline");
    let rows = ablation::choices(&baseline.request)
        .into_iter()
        .map(|(choice, request)| {
            let run = request.map_err(|error| error.to_string()).map(|request| {
                let found = records.iter().find(|record| record.request == request);
                found.unwrap_or_else(|| panic!("no record of {choice}"))
            });
            let (record, outcome) = match run {
                Ok(record) => (Some(record), record.outcome_and_limits()),
                Err(reason) => (None, reason),
            };
            let whole = |metric: Metric| metric.whole(record?).map(|number| number as u64);
            let counts = COUNTS.map(|metric| count(whole(metric)));
            let of_proofs = [Metric::ProveMedian, Metric::ProveCount]
                .map(|metric| record.map_or_else(|| "-".to_owned(), |record| metric.text(record)));
            std::iter::once(choice.to_string())
                .chain(counts)
                .chain(of_proofs)
                .chain([gibibytes(whole(Metric::ProvePeak)), outcome])
                .collect()
        });
    let of_proofs = [
        Metric::ProveMedian,
        Metric::ProveCount,
        Metric::ProvePeak,
        Metric::Outcome,
    ];
    let headings: Vec<String> = COUNTS
        .iter()
        .map(|&metric| Column::of(metric).heading())
        .chain(of_proofs.map(|metric| metric.heading().into_owned()))
        .collect();
    let heading: Vec<&str> = std::iter::once("")
        .chain(headings.iter().map(String::as_str))
        .collect();
    // docs/commit-and-challenge.md: "about .. gas an element", by the private input's elements.
    let private = records
        .iter()
        .find(|record| ablation_choice(&baseline.request, record) == Some("input private".to_owned()))
        .unwrap();
    let less = |metric: Metric| metric.number(baseline).unwrap() - metric.number(private).unwrap();
    let each = less(Metric::VerificationGas) / less(Metric::Instances);
    let sentence = format!(
        "about {} gas an element",
        count(Some(10 * (each / 10.0).round() as u64))
    );
    assert!(
        said("docs/commit-and-challenge.md").contains(&sentence),
        "{sentence}"
    );
    assert_table("docs/on-chain.md", "ablation", &markdown(&heading, rows));
}

#[test]
fn the_table_of_the_campaign_is_from_its_report() {
    let report: Report = store::read_json(&root().join("results/logs/fuzz-smoke.json")).unwrap();
    assert!(report.passed());
    let cases: u64 = report
        .records
        .iter()
        .map(|record| record.campaign.total().cases)
        .sum();
    assert!(cases >= 100_000, "{cases}");
    let rows = report.records.iter().map(|record| {
        let campaign = &record.campaign;
        let anvil = record.anvil.as_ref().unwrap();
        let paces = [&campaign.pace_by_end, &anvil.called, &anvil.mined].map(|ends| {
            let [valid, early] =
                [&ends.valid, &ends.early_failure].map(|pace| pace.per_second().round() as u64);
            format!("{} / {}", count(Some(valid)), count(Some(early)))
        });
        let total = campaign.total();
        let tallies = [total.cases, total.identical, total.accepted].map(|cases| count(Some(cases)));
        std::iter::once(campaign.name.clone())
            .chain(tallies)
            .chain(paces)
            .collect()
    });
    let heading = [
        "",
        "cases",
        "identical",
        "accepted",
        "here (calls/s): accepted / early failure",
        "anvil, called (calls/s)",
        "anvil, mined (calls/s)",
    ];
    let environment = &report.records[0].environment;
    let mut are_in_records = true;
    for tried in &report.records {
        assert_eq!(tried.environment.git_revision, environment.git_revision);
        assert_eq!(tried.environment.machine, environment.machine);
        let name = &tried.campaign.name;
        let named = |entry: &&Entry| entry.record.request.name() == *name;
        let found: Vec<&Entry> = results().entries.iter().filter(named).collect();
        let [entry] = found[..] else {
            panic!("{} records named {name}", found.len());
        };
        let verification = entry.record.verification.as_ref().unwrap();
        // What verifies the record's proof verified the one that was mutated: the gas of its code follows from the circuit.
        assert_eq!(verification.fork, tried.campaign.fork);
        let gas = verification.gas.unwrap().execution_gas;
        assert_eq!(gas, tried.campaign.accepted_execution_gas, "{name}");
        let mut evidence = entry.record.evidence.iter();
        let proof = evidence.find(|file| file.name == Evidence::PROOF).unwrap();
        if tried.proof_sha256.as_ref() != Some(&proof.sha256) {
            are_in_records = false;
            assert!(report.finished_at < entry.record.finished_at, "{name}");
        }
    }
    let proofs = if are_in_records {
        "What was mutated are the proofs of these records."
    } else {
        "What was mutated are earlier proofs of these circuits: the records were made again since."
    };
    let text = format!(
        "{}\nOf {}, revision {} of evmbench, machine `{}`. {proofs}\n",
        markdown(&heading, rows),
        &report.finished_at[..10],
        &environment.git_revision.as_deref().unwrap()[..8],
        environment.machine.fingerprint
    );
    assert_table("docs/on-chain.md", "campaign", &text);
}

/// No engine for containers is needed to see that the file is about this repository.
#[test]
fn the_container_is_built_from_what_is_there() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let container = read("Containerfile");
    let manifest = read("Cargo.toml");
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'));
    assert!(
        container.contains(&format!("library/rust:{}-", version.unwrap())),
        "{version:?}"
    );
    let stages = container.lines().filter(|line| line.starts_with("FROM ")).count();
    assert_eq!(stages, 2);
    // What the build needs is not kept from it.
    let ignored = read(".containerignore");
    for needed in [
        "Cargo.toml",
        "Cargo.lock",
        "crates",
        "src",
        "contracts",
        "models",
        "data",
    ] {
        assert!(
            root().join(needed).exists() && !ignored.lines().any(|line| line == needed),
            "{needed}"
        );
    }
    let command = container
        .lines()
        .find_map(|line| line.strip_prefix("CMD "))
        .unwrap();
    let command: Vec<String> = serde_json::from_str(command).unwrap();
    let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
    assert_eq!(arguments.remove(0), "prove-and-verify");
    let said = crate::common::dry_run(&arguments);
    assert_eq!(said.status, Some(0), "{said:?}");
}

/// How many of CIFAR-10's images a network gets right, by its evaluation.
#[test]
fn the_table_of_right_answers_is_from_an_evaluation() {
    let heading = [
        "weights",
        "scale",
        "images",
        "right in f32",
        "right in the circuit",
        "the same answer",
        "EZKL's witnesses",
    ];
    let file = std::fs::read_to_string(root().join("data/resnet8-accuracy.json")).unwrap();
    let evaluation: Evaluation = serde_json::from_str(&file).unwrap();
    let part = |count: usize, of: usize| format!("{:.2}%", 100.0 * count as f64 / of as f64);
    // The weights are called as in the table of records, one of which is of the model that was evaluated.
    let records = records_of(&["tiny"]);
    let evaluated = records
        .iter()
        .find(|record| record.model.onnx_sha256 == evaluation.onnx_sha256)
        .expect("a record of the model");
    let Source::File { sha256: weights } = &evaluated.model.weights else {
        panic!("public weights: {:?}", evaluated.model.weights);
    };
    let rows = evaluation.accuracies.iter().map(|accuracy| {
        assert_eq!((accuracy.images, accuracy.without_proof), (10_000, 0));
        let lost = accuracy.float_part_correct() - accuracy.part_correct();
        assert!(lost < 0.005, "{lost}");
        vec![
            format!("public, {}", &weights[..8]),
            accuracy.scale.to_string(),
            count(Some(accuracy.images as u64)),
            part(accuracy.float_correct, accuracy.images),
            part(accuracy.correct, accuracy.images),
            part(accuracy.agreeing, accuracy.images),
            accuracy.witnesses.to_string(),
        ]
    });
    assert_table("docs/networks.md", "accuracy", &markdown(&heading, rows));
}

/// An experiment of `scripts/compare-revisions.py`, with what it has of each program.
#[derive(Debug, Deserialize)]
struct Compared {
    name: String,
    scale: u32,
    samples: OfBoth<Vec<Tried>>,
}

#[derive(Debug, Deserialize)]
struct OfBoth<T> {
    old: T,
    new: T,
}

#[derive(Debug, Deserialize)]
struct Tried {
    finished_at: String,
    machine: String,
    logrows: Option<u32>,
    /// None where nothing was verified.
    seconds: Option<f64>,
    peak_rss_bytes: Option<u64>,
}

impl Compared {
    /// How its row begins.
    fn start(&self) -> String {
        format!("| {} | {} | ", self.name, self.scale)
    }

    fn all(&self) -> impl Iterator<Item = &Tried> {
        self.samples.old.iter().chain(&self.samples.new)
    }

    /// Its row, by the samples; none where there are none.
    fn row(&self) -> Option<String> {
        self.all().next()?;
        let verified = [&self.samples.old, &self.samples.new].map(|samples| {
            let proofs = samples.iter().filter(|sample| sample.seconds.is_some());
            proofs.collect::<Vec<&Tried>>()
        });
        let medians = |figure: fn(&Tried) -> Option<f64>| {
            let of = |proofs: &Vec<&Tried>| {
                let figures: Vec<f64> = proofs.iter().filter_map(|proof| figure(proof)).collect();
                median(&figures)
            };
            verified.each_ref().map(of)
        };
        let shown = |figure: Option<f64>, digits: usize| {
            figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}"))
        };
        let seconds = medians(|proof| proof.seconds);
        let [old, new] = seconds;
        let counts = BTreeSet::from(verified.each_ref().map(Vec::len));
        let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
        let logrows = medians(|proof| proof.logrows.map(f64::from));
        let bytes = medians(|proof| Some(proof.peak_rss_bytes? as f64 / f64::from(1 << 30)));
        let cells = logrows
            .map(|figure| shown(figure, 0))
            .into_iter()
            .chain([counts.join(" and ")])
            .chain(seconds.map(|figure| shown(figure, 1)))
            .chain([shown(old.zip(new).map(|(old, new)| new / old), 2)])
            .chain(bytes.map(|figure| shown(figure, 2)));
        Some(format!(
            "{}{} |",
            self.start(),
            cells.collect::<Vec<_>>().join(" | ")
        ))
    }
}

/// The rows of the script's table, its heading aside.
fn compared_rows(table: &str) -> Vec<&str> {
    let rows = table.lines().filter(|line| line.starts_with("| "));
    rows.skip(2).collect()
}

#[test]
fn the_cost_of_a_build_is_the_scripts() {
    let written = std::fs::read_to_string(root().join("data/build-cost.md")).unwrap();
    assert_table("CONTRIBUTING.md", "build-cost", &written);
}

/// What the script has written is what the document says, with what was not run; its figures are those of the samples.
#[test]
fn the_times_beside_an_older_revision_are_the_scripts() {
    // Published records where the script keeps those that it makes: of two rounds of one experiment.
    let folder = tempfile::tempdir().unwrap();
    for side in ["old", "new"] {
        for (round, record) in ["relu-s7-committed.json", "relu-s10-committed.json"]
            .iter()
            .enumerate()
        {
            let kept = folder.path().join(format!("{side}/runs/relu-s7/{round}/core"));
            std::fs::create_dir_all(&kept).unwrap();
            std::fs::copy(root().join("results/core").join(record), kept.join(record)).unwrap();
        }
    }
    printed(
        std::process::Command::new("python3")
            .arg(root().join("scripts/compare-revisions.py"))
            .args(["no-program", "no-program"])
            .arg(folder.path())
            .args(["--rounds", "0"]),
    );
    let written = std::fs::read_to_string(folder.path().join("comparison.md")).unwrap();
    let experiments: Vec<Compared> = store::read_json(&folder.path().join("comparison.json")).unwrap();
    let rows: Vec<String> = experiments.iter().filter_map(Compared::row).collect();
    assert_eq!(rows.len(), 1);
    assert_eq!(compared_rows(&written), rows);

    let written = std::fs::read_to_string(root().join("data/older-revision.md")).unwrap();
    let rows = compared_rows(&written);
    let (run, left_out): (Vec<&Compared>, Vec<&Compared>) = experiments
        .iter()
        .partition(|experiment| rows.iter().any(|row| row.starts_with(&experiment.start())));
    assert_eq!(run.len(), rows.len());
    let left_out: Vec<String> = left_out
        .iter()
        .map(|experiment| format!("{} at scale {}", experiment.name, experiment.scale))
        .collect();
    let left_out = if left_out.is_empty() {
        "all were run".to_owned()
    } else {
        format!(
            "{} were run, and these were not: {}",
            run.len(),
            left_out.join(", ")
        )
    };
    let measured: Vec<Compared> = store::read_json(&root().join("data/older-revision.json")).unwrap();
    let of_samples: Vec<String> = measured.iter().filter_map(Compared::row).collect();
    assert_eq!(rows, of_samples);
    let samples = || measured.iter().flat_map(Compared::all);
    let days: BTreeSet<&str> = samples().map(|sample| &sample.finished_at[..10]).collect();
    let machines: BTreeSet<&str> = samples().map(|sample| sample.machine.as_str()).collect();
    assert_eq!(machines.len(), 1, "one machine: {machines:?}");
    let text = format!(
        "{written}\nOf the script's {} experiments {left_out}. Measured on {}, machine `{}`; \
         [`data/older-revision.json`](../data/older-revision.json) has the samples.\n",
        experiments.len(),
        Vec::from_iter(days).join(" and "),
        Vec::from_iter(machines).concat()
    );
    assert_table("docs/hardware.md", "older", &text);
}

/// docs/tuning.md: commitments of a CNN's key that are zero, by columns, in the verifiers of the records.
#[test]
fn keys_have_as_many_zero_commitments_as_is_said() {
    let document = said("docs/tuning.md");
    assert!(document.contains("with two columns, the key of a CNN has two of them, with one column one"));
    assert!(document.contains("With one column no two commitments of a key are equal"));
    let mut compared = [0, 0];
    for suite in ["composite", "tuned/composite"] {
        let folder = root().join("results").join(suite);
        for path in store::record_paths(&folder).unwrap() {
            let path = folder.join(path);
            let record = store::load(&path).unwrap();
            let Some(columns @ 1..=2) = Metric::InnerColumns.whole(&record) else {
                continue;
            };
            if record.request.plan.kind() != CircuitKind::Committed {
                continue;
            }
            let source = store::load_evidence(&path, &record, Evidence::VERIFIER_SOURCE).unwrap();
            let source = String::from_utf8(source).unwrap();
            let coordinates: Vec<&str> = source
                .lines()
                .filter(|line| line.contains("// fixed_comms[") || line.contains("// permutation_comms["))
                .map(|line| line.split_once(", 0x").unwrap().1.split_once(')').unwrap().0)
                .collect();
            let points: Vec<&[&str]> = coordinates.chunks(2).collect();
            let is_zero = |point: &&&[&str]| {
                point
                    .iter()
                    .all(|number| number.bytes().all(|digit| digit == b'0'))
            };
            let zeros = points.iter().filter(is_zero).count();
            assert_eq!(zeros as i128, columns, "{}", record.request.name());
            if columns == 1 {
                let distinct: BTreeSet<&&[&str]> = points.iter().collect();
                assert_eq!(distinct.len(), points.len(), "{}", record.request.name());
            }
            compared[columns as usize - 1] += 1;
        }
    }
    assert!(compared.iter().all(|&count| count >= 4), "{compared:?}");
}

/// By how much gas moves between proofs of one statement: far less than what `gas-diff` takes for chance.
#[test]
fn what_chance_moved_is_from_records() {
    let spreads: Vec<u64> = results()
        .entries
        .iter()
        .filter(|entry| entry.record.tx_gas_samples.len() > 1)
        .map(|entry| {
            let samples = &entry.record.tx_gas_samples;
            samples.iter().max().unwrap() - samples.iter().min().unwrap()
        })
        .collect();
    let (least, most) = (spreads.iter().min().unwrap(), spreads.iter().max().unwrap());
    assert!(*most < 648, "{most}");
    let sentence = format!(
        "Between the proofs of one run the published records moved by {least} to {most} gas ({} runs of several proofs).\n",
        spreads.len()
    );
    assert_table("docs/comparing-gas.md", "chance", &sentence);
}

/// docs/troubleshooting.md: "a large circuit's key takes several GB".
#[test]
fn keys_are_as_large_as_is_said() {
    let keys: BTreeSet<u64> = results()
        .entries
        .iter()
        .filter_map(|entry| entry.record.keys.as_ref()?.proving_key_bytes)
        .collect();
    assert!(
        keys.iter().filter(|&&bytes| bytes > 2_000_000_000).count() > 5,
        "{keys:?}"
    );
    assert!(said("docs/troubleshooting.md").contains("a large circuit's key takes several GB"));
}

/// What was forecast before the published records were made, against what they measured.
#[test]
fn what_was_forecast_of_the_records_is_within_the_aims() {
    // Of every proof; of a verifier that is compiled as by default.
    let aims = [
        (Metric::ProvingKey, 1e-9, true),
        (Metric::ProvePeak, 0.1, true),
        (Metric::RuntimeCode, 0.03, false),
        (Metric::VerificationGas, 0.02, false),
    ];
    let entries = &results().entries;
    let (with, without): (Vec<&Entry>, Vec<&Entry>) =
        entries.iter().partition(|entry| entry.record.forecast.is_some());
    // What has a circuit and no forecast is older than every forecast.
    let first = with.iter().map(|entry| &entry.record.finished_at).min().unwrap();
    let (older, of_no_circuit): (Vec<&Entry>, Vec<&Entry>) = without
        .into_iter()
        .partition(|entry| entry.record.circuit.is_some());
    for entry in &older {
        assert!(entry.record.finished_at < *first, "{}", entry.name());
    }
    // What the cache gave was forecast, and measured, by another run.
    let mut proved = with.clone();
    proved.retain(|entry| Metric::ProveCount.whole(&entry.record) > Some(0));
    let is_plain = |entry: &&&Entry| {
        let request = entry.request();
        (request.verifier, request.optimizer_runs) == (VerifierKind::Plain, DEFAULT_OPTIMIZER_RUNS)
    };
    let plain = proved.iter().filter(is_plain).count();
    for (metric, aim, is_of_all) in aims {
        let misses: Vec<(f64, &str)> = proved
            .iter()
            .filter_map(|entry| {
                let miss = Forecasted::of(metric, &entry.record)?.miss().abs();
                Some((miss, entry.name()))
            })
            .collect();
        let expected = if is_of_all { proved.len() } else { plain };
        assert_eq!(misses.len(), expected, "{metric:?}");
        for (miss, name) in misses {
            assert!(miss <= aim, "{name}, {metric:?}: {miss}");
        }
    }
    let sentence = format!(
        "Of the {} records in [`results`](../results), {} have a forecast, made before the run; {} are older than forecasts, and {} came to no \
         circuit. {} of those with a forecast have a proof of their own. In all of these the proving key is exact and the memory of proving is \
         within its aim. Code and gas are forecast of a verifier that is compiled as by default: they are within their aims in the {plain} that \
         are.\n",
        entries.len(),
        with.len(),
        older.len(),
        of_no_circuit.len(),
        proved.len()
    );
    assert_table("docs/forecast.md", "published", &sentence);
}

/// The sentence above the table of EZKL's examples counts its rows.
#[test]
fn the_examples_are_counted() {
    let text = std::fs::read_to_string(root().join("docs/ezkl-examples.md")).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| ")?.split(" | ").collect()))
        .filter(|row: &Vec<&str>| row.len() > 9)
        .skip(1)
        .collect();
    let with = |outcome: &str| rows.iter().filter(|row| row[1].starts_with(outcome)).count();
    let committed: Vec<_> = rows.iter().filter(|row| row[2] == "committed").collect();
    let sentence = format!(
        "Of {} networks: {} verified, {} planned, {} imprecise, {} refused; {} in a committed circuit, {} of them verified.",
        rows.len(),
        with("verified"),
        with("planned"),
        with("imprecise"),
        with("refused"),
        committed.len(),
        committed
            .iter()
            .filter(|row| row[1].starts_with("verified"))
            .count()
    );
    assert!(said("docs/ezkl-examples.md").contains(&sentence), "{sentence}");
}
