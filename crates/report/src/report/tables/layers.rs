//! The layers, the scales, the scaling study and the composites.

use std::collections::BTreeSet;

use super::{further_records, named, origins, run_names, with_samples};
use crate::chain::Fork;
use crate::format;
use crate::metric::Metric;
use crate::report::data::{Dataset, Entry};
use crate::report::table::{Cell, Column, Table};
use crate::suite::{self, Category, ModelSpec, STUDY_SCALES};
use evmbench_schema::plan::CircuitKind;

/// What every table of layers shows of a run, before how it ended.
const RUN: [Metric; 12] = [
    Metric::Rows,
    Metric::Logrows,
    Metric::InnerColumns,
    Metric::SetupSeconds,
    Metric::ProveMedian,
    Metric::ProvePeak,
    Metric::ProofSize,
    Metric::Instances,
    Metric::RuntimeCode,
    Metric::VerificationGas,
    Metric::GuardedGas,
    Metric::Fits,
];

fn run_caption() -> String {
    format!(
        "\"{}\" are inner columns; \"{}\" is the mean time and \"{}\" the median time inside EZKL's call, \"{}\" the number of proofs that \
         the latter is of; \"{}\" is the proving process's own high-water mark; \"{}\" is the whole transaction, base price and calldata \
         included, under {}.",
        Metric::InnerColumns.heading(),
        Metric::SetupSeconds.heading(),
        Metric::ProveMedian.heading(),
        Metric::ProveCount.heading(),
        Metric::ProvePeak.heading(),
        Metric::VerificationGas.heading(),
        Fork::default().title()
    )
}

/// [`RUN`], what else is named, and the outcome.
fn run_with(others: &[Metric]) -> Vec<Metric> {
    [&RUN[..], others, &[Metric::Outcome]].concat()
}

/// The headlines of one part of the study, of circuits that a user would deploy.
fn deployable(dataset: &Dataset, category: Category) -> Vec<&Entry> {
    let mut entries = dataset.study_headlines();
    entries.retain(|entry| entry.kind() != CircuitKind::Study && is_of(entry, category));
    entries
}

fn is_of(entry: &Entry, category: Category) -> bool {
    suite::find(&entry.request().id).is_ok_and(|model| model.category == category)
}

/// What the page shows of every record, what people ask for first before the rest.
const OVERVIEW: [Metric; 14] = [
    Metric::Outcome,
    Metric::VerificationGas,
    Metric::GuardedGas,
    Metric::Level,
    Metric::LargestError,
    Metric::ProvePeak,
    Metric::ProveMedian,
    Metric::Logrows,
    Metric::Rows,
    Metric::SetupSeconds,
    Metric::ProofSize,
    Metric::Instances,
    Metric::RuntimeCode,
    Metric::Fits,
];

/// Every record, in the order of the dataset: what the page sorts and filters.
pub fn overview(dataset: &Dataset) -> Table {
    let entries: Vec<&Entry> = dataset.entries.iter().collect();
    let metrics = with_samples(&OVERVIEW, &entries);
    let mut columns = vec![Column::text("record"), Column::text("circuit")];
    columns.extend(Column::of_all(&metrics));
    let rows = dataset.entries.iter().map(|entry| {
        let mut cells = vec![Cell::text(entry.label()), Cell::text(entry.kind().to_string())];
        cells.extend(Cell::of_all(&metrics, Some(&entry.record)));
        cells
    });
    Table {
        name: "overview",
        title: "All records",
        caption: format!(
            "{} \"{}\" is how far an accepted proof can be relied on, by the record's ledger.",
            run_caption(),
            Metric::Level.heading()
        ),
        rows: rows.collect(),
        columns,
        notes: Vec::new(),
    }
}

/// What was proved and verified, in few columns: the table of the README.
pub fn results(dataset: &Dataset) -> Table {
    // Set-up, which is paid once for a model, is in the table of layers; what the chain says is in the outcome.
    let mut metrics = RUN.to_vec();
    metrics.retain(|metric| ![Metric::SetupSeconds, Metric::Fits].contains(metric));
    metrics.push(Metric::OutcomeAndLimits);
    let mut verified = dataset.headlines();
    verified.retain(|entry| {
        entry.kind() != CircuitKind::Study && entry.record.outcome == crate::record::Outcome::Verified
    });
    let metrics = with_samples(&metrics, &verified);
    let mut columns = vec![Column::text("model and circuit")];
    columns.extend(Column::of_all(&metrics));
    let rows = verified.into_iter().map(|entry| {
        let mut cells = vec![Cell::text(entry.label())];
        cells.extend(Cell::of_all(&metrics, Some(&entry.record)));
        cells
    });
    Table {
        name: "results",
        title: "Results",
        caption: format!(
            "Everything that was proved and verified in a circuit that a user would deploy. {}",
            run_caption()
        ),
        rows: rows.collect(),
        columns,
        notes: further_records(dataset).into_iter().collect(),
    }
}

/// The 12 layers of the study.
pub fn core_layers(dataset: &Dataset) -> Table {
    let entries = deployable(dataset, Category::Core);
    let metrics = with_samples(&run_with(&[Metric::ProvedError]), &entries);
    let mut columns = run_names("layer");
    columns.extend(Column::of_all(&metrics));
    let rows = entries.into_iter().map(|entry| {
        let mut cells = named(entry);
        cells.extend(Cell::of_all(&metrics, Some(&entry.record)));
        cells
    });
    Table {
        name: "core_layers",
        title: "Core layers",
        caption: run_caption(),
        rows: rows.collect(),
        notes: further_records(dataset)
            .into_iter()
            .chain(without_record(dataset, Category::Core))
            .collect(),
        columns,
    }
}

/// The models of a part that no record is about.
fn without_record(dataset: &Dataset, category: Category) -> Option<String> {
    let entries = deployable(dataset, category);
    let models = suite::MODELS.iter().filter(|model| model.category == category);
    let missing: Vec<&str> = models
        .map(|model| model.id)
        .filter(|id| entries.iter().all(|entry| entry.request().id != *id))
        .collect();
    (!missing.is_empty()).then(|| format!("No record of a deployable circuit of: {}.", missing.join(", ")))
}

/// What is shown at both scales.
const AT_SCALES: [Metric; 8] = [
    Metric::Rows,
    Metric::InnerColumns,
    Metric::ProveMedian,
    Metric::ProveCount,
    Metric::ProvePeak,
    Metric::MeaningfulGas,
    Metric::ProvedError,
    Metric::Right,
];

/// The two scales of the study, side by side.
pub fn scale_comparison(dataset: &Dataset) -> Table {
    let headlines = dataset.study_headlines();
    let mut kinds: Vec<CircuitKind> = Vec::new();
    for entry in &headlines {
        if entry.kind() != CircuitKind::Study && !kinds.contains(&entry.kind()) {
            kinds.push(entry.kind());
        }
    }
    let find = |model: &ModelSpec, kind: CircuitKind, scale: u32| {
        headlines
            .iter()
            .copied()
            .find(|entry| entry.request().id == model.id && entry.kind() == kind && entry.scale() == scale)
    };
    let mut rows = Vec::new();
    let mut shown = Vec::new();
    for model in &suite::MODELS {
        for &kind in &kinds {
            let entries = STUDY_SCALES.map(|scale| find(model, kind, scale));
            let records = entries.map(|entry| entry.map(|entry| &entry.record));
            let mut circuits: Vec<String> = entries.into_iter().flatten().map(Entry::circuit).collect();
            if circuits.is_empty() {
                continue;
            }
            circuits.dedup();
            shown.extend(entries.into_iter().flatten());
            let figures = AT_SCALES
                .iter()
                .flat_map(|&metric| records.map(|record| Cell::of(metric, record)));
            let names = [Cell::text(model.id), Cell::text(circuits.join("; "))];
            rows.push(names.into_iter().chain(figures).collect());
        }
    }
    let figures = AT_SCALES.iter().flat_map(|&metric| {
        STUDY_SCALES.map(|scale| Column::of(metric).named(format!("{}, scale {scale}", metric.heading())))
    });
    let names = [Column::text("model"), Column::text("circuit")];
    Table {
        name: "scale_comparison",
        title: "Scale 7 against scale 10",
        caption: format!(
            "The same model at both fixed-point scales, asked for and used. \"{}\" is that of a committed circuit through its guard; \"{}\" is \
             the largest distance of an output from the float model, on the input that was proved; \"right in the circuit\" counts the test images \
             that the circuit's integers put into their class. The study's two arms were one circuit; these are two. Calldata of two proofs has \
             other zero bytes: where two circuits are laid out alike, their gas differs by no more than that.",
            Metric::MeaningfulGas.heading(),
            Metric::ProvedError.heading()
        ),
        columns: names.into_iter().chain(figures).collect(),
        rows,
        notes: origins(&shown),
    }
}

/// How cost grows with the shape: the dense layers and the convolutions, smallest first.
pub fn scaling(dataset: &Dataset) -> Table {
    const SHAPES: [&str; 6] = [
        "dense_small",
        "dense",
        "dense_large",
        "conv2d_small",
        "conv2d_k3_s1",
        "conv2d_large",
    ];
    const METRICS: [Metric; 11] = [
        Metric::Parameters,
        Metric::MultiplyAdds,
        Metric::Rows,
        Metric::Logrows,
        Metric::InnerColumns,
        Metric::ProveMedian,
        Metric::ProvePeak,
        Metric::Instances,
        Metric::MeaningfulGas,
        Metric::GasOfInstance,
        Metric::Outcome,
    ];
    let headlines = dataset.study_headlines();
    let of_shape = |id: &'static str| {
        headlines
            .iter()
            .copied()
            .filter(move |entry| entry.request().id == id)
    };
    let entries: Vec<&Entry> = SHAPES.into_iter().flat_map(of_shape).collect();
    let metrics = with_samples(&METRICS, &entries);
    let rows = entries.into_iter().map(|entry| {
        let mut cells = named(entry);
        cells.extend(Cell::of_all(&metrics, Some(&entry.record)));
        cells
    });
    let rows = rows.collect();
    let mut columns = run_names("model");
    columns.extend(Column::of_all(&metrics));
    Table {
        name: "scaling",
        title: "Scaling study",
        caption: "Dense layers and convolutions by size. Multiply-adds count each multiplication of a value with a weight; \"verification \
                  gas\" is that of a committed circuit through its guard; \"gas an instance\" is the whole transaction over its public values, of \
                  circuits whose gas is that of their public values."
            .to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    }
}

/// The four small CNNs, each at both scales in each kind of circuit that a record is about.
pub fn composite_comparison(dataset: &Dataset) -> Table {
    let mut headlines = dataset.study_headlines();
    headlines.retain(|entry| is_of(entry, Category::Composite));
    let metrics = run_with(&[Metric::ProvedError, Metric::FloatRight, Metric::Right]);
    let metrics = with_samples(&metrics, &headlines);
    let mut columns = run_names("model");
    columns.extend(Column::of_all(&metrics));
    let mut rows = Vec::new();
    for model in suite::MODELS
        .iter()
        .filter(|model| model.category == Category::Composite)
    {
        let entries: Vec<_> = headlines
            .iter()
            .copied()
            .filter(|entry| entry.request().id == model.id)
            .collect();
        if entries.is_empty() {
            let mut cells = vec![Cell::text(model.id)];
            cells.resize(columns.len() - 1, Cell::Missing);
            cells.push(Cell::text("no record"));
            rows.push(cells);
        }
        for entry in entries {
            let mut cells = named(entry);
            cells.extend(Cell::of_all(&metrics, Some(&entry.record)));
            rows.push(cells);
        }
    }
    Table {
        name: "composite_comparison",
        title: "Composites",
        caption: format!("{} {}", run_caption(), accuracy_caption(&headlines)),
        columns,
        rows,
        notes: Vec::new(),
    }
}

fn accuracy_caption(entries: &[&Entry]) -> String {
    let images = entries
        .iter()
        .filter_map(|entry| Metric::TestImages.whole(&entry.record));
    let images: BTreeSet<String> = images.map(format::signed).collect();
    let images: Vec<String> = images.into_iter().collect();
    let images = if images.is_empty() {
        "the".to_owned()
    } else {
        images.join(" or ")
    };
    format!(
        "\"right in f32\" and \"right in the circuit\" are of {images} test images of CIFAR-10: those that the float model and the circuit's exact \
         integers put into their class."
    )
}

/// What the trained models are worth, in `f32` and in their circuits, beside what proving and verifying them costs.
pub fn accuracies(dataset: &Dataset) -> Table {
    const METRICS: [Metric; 9] = [
        Metric::FloatRight,
        Metric::Right,
        Metric::Agreement,
        Metric::WorstLogitError,
        Metric::MeanLogitError,
        Metric::Witnesses,
        Metric::ProveMedian,
        Metric::ProvePeak,
        Metric::MeaningfulGas,
    ];
    let mut entries = dataset.headlines();
    entries.retain(|entry| entry.record.accuracy.is_some());
    let metrics = with_samples(&METRICS, &entries);
    let mut columns = run_names("model");
    columns.extend(Column::of_all(&metrics));
    let rows = entries.iter().map(|entry| {
        let mut cells = named(entry);
        cells.extend(Cell::of_all(&metrics, Some(&entry.record)));
        cells
    });
    Table {
        name: "accuracies",
        title: "Accuracy",
        caption: format!(
            "{} \"agree\" counts those that both put into one class; logit errors are distances of the circuit's logits from the float \
             model's, over all images; \"EZKL's witnesses\" is of how many images EZKL's own witness was computed and found equal to the \
             integers to the last one; \"{}\" is that of a committed circuit through its guard.",
            accuracy_caption(&entries),
            Metric::MeaningfulGas.heading()
        ),
        columns,
        rows: rows.collect(),
        notes: Vec::new(),
    }
}
