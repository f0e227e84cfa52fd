//! The tables in README and docs are those of the records in `results`, cell by cell.
//!
//! To renew them: `UPDATE_TABLES=1 cargo test --test suite documents::`.

use std::path::PathBuf;

use evmbench::ablation;
use evmbench::accuracy::Evaluation;
use evmbench::budget;
use evmbench::chain::{Cause, Fork};
use evmbench::committed::InputAssurance;
use evmbench::forecast::{self, Forecast};
use evmbench::fuzz::report::Report;
use evmbench::metric::Metric;
use evmbench::prover::{CircuitKind, CircuitPlan, Io, Phase};
use evmbench::record::{Outcome, Record, Request, Source};
use evmbench::report::table::{Column, Table};
use evmbench::report::tables::{batches, layers, parts};
use evmbench::report::{self, Dataset};
use evmbench::solidity::Section;
use evmbench::store;
use evmbench::subject::{Material, Subject};
use evmbench::suite::{self, Experiment, STUDY_SCALES};
use evmbench::trained::{self, TRAINED};
use evmbench::training::History;

use crate::common::{assert_table, markdown};

mod other_systems;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
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

fn seconds(samples: &[f64]) -> String {
    let mean = samples.iter().sum::<f64>() / samples.len() as f64;
    if samples.is_empty() {
        "-".to_owned()
    } else {
        format!("{mean:.1} s")
    }
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
    let results = Dataset::read(&[root().join("results").display().to_string()]).unwrap();
    let table = report::markdown::table(&layers::results(&results));
    assert_table("docs/results.md", "results", &table);
    // "The mean time of one to five proofs."
    for entry in results.headlines() {
        let proofs = entry.record.call_seconds(Phase::Prove).len();
        assert!(proofs <= 5, "{}: {proofs}", entry.name());
    }
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

/// What `plan --explain` says of the suites at scale 7.
#[test]
fn the_table_of_cells_is_what_is_laid_out() {
    let mut table = Table::new([
        Column::text("model"),
        Column::written("rows"),
        Column::written("columns"),
        Column::written("committed"),
        Column::written("look-ups"),
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
        // README: "a layer's cells grow with its elements, not with its multiply-adds".
        let multiply_adds = subject.model.multiply_adds.unwrap_or_default();
        assert!(
            multiply_adds == 0 || (total.cells() as u64) < multiply_adds,
            "{}",
            spec.id
        );
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

/// What the records say of the networks; no row where there are none.
#[test]
fn the_table_of_proved_networks_is_from_records() {
    let metrics = [
        Metric::Logrows,
        Metric::ProvePeak,
        Metric::ProveSeconds,
        Metric::GuardedGas,
        Metric::LargestError,
        Metric::Level,
        Metric::OutcomeAndLimits,
    ];
    let heading = ["", "weights", "output", "part"]
        .map(str::to_owned)
        .into_iter()
        .chain(metrics.map(|metric| metric.heading().into_owned()))
        .collect::<Vec<String>>();
    let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
    let records = records_of(&["tiny", "classic"]);
    // "Of one proof each."
    for record in &records {
        let proofs = record.call_seconds(Phase::Prove).len();
        assert_eq!(proofs, 1, "{}", record.request.name());
    }
    let rows = records.iter().map(|record| {
        let Request { id, output, part, .. } = &record.request;
        let weights = match &record.model.weights {
            Source::File { sha256 } => format!("public, {}", &sha256[..8]),
            _ => format!("seed {}", record.request.seed),
        };
        let part = part.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let shown = metrics.map(|metric| metric.text(record));
        [id.to_string(), weights, output.name().to_owned(), part]
            .into_iter()
            .chain(shown)
            .collect()
    });
    assert_table("docs/networks.md", "records", &markdown(&heading, rows));
}

#[test]
fn the_table_of_parts_is_from_records() {
    let results = Dataset::read(&[root().join("results").display().to_string()]).unwrap();
    let table = report::markdown::table(&parts::parts(&results));
    assert_table("docs/commit-and-challenge.md", "parts", &table);
}

#[test]
fn the_table_of_batches_is_from_records() {
    let results = Dataset::read(&[root().join("results").display().to_string()]).unwrap();
    let table = report::markdown::table(&batches::batches(&results));
    assert_table("docs/batches.md", "batches", &table);
}

#[test]
fn the_tables_of_accuracy_are_from_records_and_histories() {
    let results = Dataset::read(&[root().join("results").display().to_string()]).unwrap();
    let table = report::markdown::table(&layers::accuracies(&results));
    assert_table("docs/training.md", "accuracy", &table);

    let percent = |part: f64| format!("{:.2}%", 100.0 * part);
    let rows = TRAINED.iter().map(|trained| {
        let path = trained::history_path(&root().join("models"), trained.id);
        let history: History = store::read_json(&path).unwrap();
        let recipe = history.settings.recipe;
        let best = history.best().unwrap();
        let mut seconds: Vec<f64> = history.epochs.iter().map(|epoch| epoch.seconds).collect();
        seconds.sort_by(f64::total_cmp);
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
            format!("{:.1} s", seconds[seconds.len() / 2]),
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
    let table = markdown(
        &[
            "record", "2^k", "key", "set-up", "its peak", "prove", "its peak", "disk", "outcome",
        ],
        records.iter().map(|record| {
            vec![
                record.request.name(),
                count(record.circuit.as_ref().map(|circuit| u64::from(circuit.logrows))),
                gibibytes(record.keys.as_ref().and_then(|keys| keys.proving_key_bytes)),
                seconds(&record.call_seconds(Phase::Setup)),
                gibibytes(record.peak_rss_bytes(Phase::Setup)),
                seconds(&record.call_seconds(Phase::Prove)),
                gibibytes(record.peak_rss_bytes(Phase::Prove)),
                gibibytes(record.peak_disk_bytes),
                record.outcome_and_limits(),
            ]
        }),
    );
    assert_table("docs/hardware.md", "needs", &table);
}

/// What docs/hardware.md says of memory, and docs/forecast.md of the time of a layout.
#[test]
fn what_is_said_of_needs_holds() {
    let records = published();
    let peak = |record: &Record, phase| {
        let bytes = record.peak_rss_bytes(phase).unwrap_or_default();
        bytes as f64 / f64::from(1 << 30)
    };
    for record in &records {
        let name = record.request.name();
        // "Set-up of 2^16 rows or more takes 1.3 to 1.8 times its size in memory, proving 2 to 2.5 times."
        let key = record.keys.as_ref().and_then(|keys| keys.proving_key_bytes);
        let logrows = record.circuit.as_ref().map_or(0, |circuit| circuit.logrows);
        if let (Some(key), 16..) = (key, logrows) {
            for (phase, times) in [(Phase::Setup, 1.3..1.85), (Phase::Prove, 1.95..2.55)] {
                let found = peak(record, phase) * f64::from(1 << 30) / key as f64;
                assert!(times.contains(&found), "{name}, {phase:?}: {found}");
            }
        }
        // "`conv2d_large` takes up to 16 GiB, the others less than 10."
        if record.request.plan.kind() == CircuitKind::Committed {
            let most = if record.request.id == "conv2d_large" {
                16.0
            } else {
                10.0
            };
            assert!(peak(record, Phase::Setup) < most, "{name}");
            assert!(peak(record, Phase::Prove) < most, "{name}");
        }
        // "Less than a minute for the study's direct circuits that are recorded, but three and a half for `conv2d_k3_s1`."
        if record.request.plan.kind() == CircuitKind::Direct {
            let seconds: f64 = [Phase::Settings, Phase::Calibrate]
                .iter()
                .flat_map(|&phase| record.call_seconds(phase))
                .sum();
            let expected = if record.request.id == "conv2d_k3_s1" {
                195.0..225.0
            } else {
                0.0..60.0
            };
            assert!(expected.contains(&seconds), "{name}: {seconds}");
        }
    }
    // "The study gave up every layer that is a convolution, with 125 GB."
    for model in &suite::MODELS {
        if matches!(model.architecture, suite::Architecture::Conv2d { .. }) {
            assert_eq!(
                model.study,
                Some(suite::StudyOutcome::OutOfMemory),
                "{}",
                model.id
            );
        }
    }
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

fn title(record: &Record) -> String {
    let plan = record.request.plan;
    let range = match plan.input_assurance() {
        Some(InputAssurance::Registered) => ", registered input",
        _ => "",
    };
    format!(
        "{}, scale {}, {}{range}",
        record.request.id,
        plan.scale(),
        plan.kind()
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
    let heading: Vec<String> = std::iter::once(String::new())
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
    let heading: Vec<String> = std::iter::once(String::new())
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
    let heading: Vec<String> = std::iter::once(String::new())
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
        "verifier",
        "through the guard",
        "more",
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
        ("look-ups, two each", 2 * forecast.lookup_arguments),
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
        // "About half of a verification's gas, and more than any other part takes"; each with 100 for the call.
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

#[test]
fn the_table_of_columns_and_optimizer_runs_is_from_records() {
    /// As in `tune --for gas`.
    const RUNS: [u64; 3] = [1, 200, 1_000_000];
    // "Of `cnn_mixed` the cheapest circuit was imprecise", and it has no profile.
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
    let choice = |record: &Record| {
        let columns = record.circuit.as_ref()?.columns.as_ref()?;
        let logrows = record.circuit.as_ref()?.logrows;
        let is_one = record.request.plan.kind() == CircuitKind::Committed && record.request.plan.scale() == 7;
        let own = columns.advice_columns - record.forecast.as_ref()?.committed_columns;
        // An inner column is three of advice.
        is_one.then(|| (record.request.id.to_string(), own / 3, logrows))
    };
    let tuned: Vec<String> = records_of(&["tuned/composite", "tuned/scaling"])
        .iter()
        .map(|record| record.request.id.to_string())
        .collect();
    let mut choices: Vec<(String, u64, u32)> = records.iter().filter_map(choice).collect();
    choices.retain(|(id, _, _)| tuned.contains(id));
    choices.sort();
    choices.dedup();
    // "One column in place of two, for two to four times the padded rows."
    for (id, _, one) in choices.iter().filter(|(_, columns, _)| *columns == 1) {
        for (_, _, two) in choices
            .iter()
            .filter(|(other, columns, _)| other == id && *columns == 2)
        {
            assert!((1..=2).contains(&(one - two)), "{id}: 2^{one} and 2^{two}");
        }
    }
    let rows = choices.into_iter().map(|(id, columns, logrows)| {
        let of_runs = |runs: u64| {
            let is_it = |record: &&Record| {
                choice(record) == Some((id.clone(), columns, logrows))
                    && record.request.optimizer_runs == runs
            };
            records.iter().find(is_it)
        };
        let whole = |metric: Metric, runs| {
            let record = of_runs(runs)?;
            metric.whole(record).map(|number| number as u64)
        };
        [id.clone(), columns.to_string(), format!("2^{logrows}")]
            .into_iter()
            .chain(RUNS.map(|runs| count(whole(Metric::GuardedGas, runs))))
            .chain([200, 1_000_000].map(|runs| count(whole(Metric::RuntimeCode, runs))))
            .collect()
    });
    let heading = [
        "",
        "columns",
        "rows",
        "1 run",
        "200 runs",
        "1,000,000 runs",
        "code (B), 200",
        "code (B), 1,000,000",
    ];
    assert_table("docs/tuning.md", "choices", &markdown(&heading, rows));

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
    let rows = shown.map(|(what, record)| {
        let record = store::load(&root().join(format!("results/{record}.json"))).unwrap();
        let gas = Metric::GuardedGas.whole(&record).map(|gas| gas as u64);
        vec![what.to_owned(), count(gas)]
    });
    assert_table("README.md", "gas", &markdown(&["", "gas"], rows));
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
            let seconds = seconds(
                record
                    .map_or_else(Vec::new, |record| record.call_seconds(Phase::Prove))
                    .as_slice(),
            );
            std::iter::once(choice.to_string())
                .chain(counts)
                .chain([seconds, gibibytes(whole(Metric::ProvePeak)), outcome])
                .collect()
        });
    let headings = COUNTS
        .iter()
        .chain(&[Metric::ProveSeconds, Metric::ProvePeak, Metric::Outcome]);
    let headings: Vec<_> = headings.map(|metric| metric.heading()).collect();
    let heading: Vec<&str> = std::iter::once("")
        .chain(headings.iter().map(AsRef::as_ref))
        .collect();
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
        "here: accepted / early failure",
        "anvil, called",
        "anvil, mined",
    ];
    assert_table("docs/on-chain.md", "campaign", &markdown(&heading, rows));
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
    let rows = evaluation.accuracies.iter().map(|accuracy| {
        assert_eq!((accuracy.images, accuracy.without_proof), (10_000, 0));
        let lost = accuracy.float_part_correct() - accuracy.part_correct();
        assert!(lost < 0.005, "{lost}");
        vec![
            format!("public, {}", &evaluation.onnx_sha256[..8]),
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

/// What the script has written is what the document says.
#[test]
fn the_times_beside_an_older_revision_are_the_scripts() {
    let written = std::fs::read_to_string(root().join("data/older-revision.md")).unwrap();
    assert_table("docs/hardware.md", "older", &written);
}
