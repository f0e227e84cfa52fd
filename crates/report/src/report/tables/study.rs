//! The study's 40 experiments beside ours, and what its harness got wrong, each with our figure.

use std::collections::BTreeSet;

use super::origins;
use crate::format::plural;
use crate::ledger::What;
use crate::metric::{Metric, Unit, Value};
use crate::record::{Outcome, Record};
use crate::report::data::{Dataset, Entry};
use crate::report::table::{Cell, Column, Table};
use crate::suite::{self, Experiment, STUDY_SCALES, StudyFigures, StudyOutcome, Suite};
use evmbench_schema::plan::CircuitKind;

/// The study's 40 experiments.
fn experiments() -> impl Iterator<Item = Experiment> {
    Suite::All.experiments(&STUDY_SCALES)
}

fn headline<'a>(headlines: &[&'a Entry], id: &str, kind: CircuitKind, scale: u32) -> Option<&'a Entry> {
    headlines
        .iter()
        .copied()
        .find(|entry| entry.request().id == id && entry.kind() == kind && entry.scale() == scale)
}

/// Our run of the study's own circuit: at the scale that it asked for, or at its other one, which ended at the same circuit.
fn of_its_circuit<'a>(headlines: &[&'a Entry], id: &str, scale: u32) -> Option<&'a Entry> {
    let scales = std::iter::once(scale).chain(STUDY_SCALES);
    let mut entries = scales.filter_map(|scale| headline(headlines, id, CircuitKind::Study, scale));
    entries.next()
}

/// Whether rows and both keys of our run of the study's circuit are the study's; none where one was not measured.
fn is_reproduced(record: &Record, figures: &StudyFigures) -> Option<bool> {
    let keys = record.keys.as_ref()?;
    Some(
        record.circuit.as_ref()?.rows == figures.circuit_rows
            && keys.proving_key_bytes? == figures.pk_bytes
            && keys.verifying_key_bytes == figures.vk_bytes,
    )
}

/// Models whose circuit our runs gave again to the unit, and models that the study proved and we hold a run of.
pub fn reproduced(dataset: &Dataset) -> (usize, usize) {
    let headlines = dataset.study_headlines();
    let held: Vec<bool> = suite::MODELS
        .iter()
        .filter_map(|model| {
            let figures = suite::study_figures(model.id, STUDY_SCALES[1])?;
            is_reproduced(
                &of_its_circuit(&headlines, model.id, STUDY_SCALES[1])?.record,
                figures,
            )
        })
        .collect();
    (held.iter().filter(|&&same| same).count(), held.len())
}

/// What tells whether a circuit is the study's.
const REPRODUCED: [Metric; 3] = [Metric::Rows, Metric::ProvingKey, Metric::VerifyingKey];

/// What the study published of a metric; none where it did not, or measured something else.
fn published(figures: &StudyFigures, metric: Metric) -> Option<Value> {
    match metric {
        Metric::Rows => Some(Value::Whole(figures.circuit_rows.into())),
        Metric::ProvingKey => Some(Value::Whole(figures.pk_bytes.into())),
        Metric::VerifyingKey => Some(Value::Whole(figures.vk_bytes.into())),
        Metric::ProveSeconds => Some(Value::Real(figures.prove_mean_seconds)),
        _ => None,
    }
}

/// Rows and keys of the study's circuits, as published and as we got them.
pub fn reproduction(dataset: &Dataset) -> Table {
    let headlines = dataset.study_headlines();
    let rows = suite::MODELS.iter().filter_map(|model| {
        let figures = suite::study_figures(model.id, STUDY_SCALES[1])?;
        let entry = of_its_circuit(&headlines, model.id, STUDY_SCALES[1]);
        let record = entry.map(|entry| &entry.record);
        let both = REPRODUCED.iter().flat_map(|&metric| {
            [
                Cell::measure(metric.unit(), published(figures, metric)),
                Cell::of(metric, record),
            ]
        });
        let same = Cell::yes(record.and_then(|record| is_reproduced(record, figures)));
        Some(
            [Cell::text(model.id)]
                .into_iter()
                .chain(both)
                .chain([same])
                .collect(),
        )
    });
    let (same, held) = reproduced(dataset);
    Table {
        name: "study_reproduction",
        title: "The study's circuits, made again",
        caption: "Rows and keys of the 13 models that the study proved, as published and as EZKL 23.0.5 gives them under the \
                  study's settings. Its two scales ended at one circuit."
            .to_owned(),
        columns: [Column::text("model")]
            .into_iter()
            .chain(REPRODUCED.iter().flat_map(|&metric| {
                ["study", "ours"]
                    .map(|whose| Column::of(metric).named(format!("{}, {whose}", metric.heading())))
            }))
            .chain([Column::text("to the unit")])
            .collect(),
        rows: rows.collect(),
        notes: vec![format!("{same} of {held} models that were proved again equal the study's to the unit.")],
    }
}

/// What the study published of its experiments.
const PUBLISHED: [Metric; 2] = [Metric::Rows, Metric::ProveSeconds];

/// What is shown of our runs of its circuits.
const AGAIN: [Metric; 4] = [
    Metric::ProveMedian,
    Metric::ProveCount,
    Metric::ProvePeak,
    Metric::VerificationGas,
];

/// What is shown of the circuits that a user would deploy.
const OURS: [Metric; 7] = [
    Metric::Rows,
    Metric::InnerColumns,
    Metric::ProveMedian,
    Metric::ProveCount,
    Metric::ProvePeak,
    Metric::MeaningfulGas,
    Metric::ProvedError,
];

/// All 40: how far the study came, and how far we did.
pub fn comparison(dataset: &Dataset) -> Table {
    let headlines = dataset.study_headlines();
    // What a user would deploy: the committed circuit where there is one, else the direct one.
    let best = |id: &str, scale: u32| {
        let mut entries: Vec<&Entry> = headlines
            .iter()
            .copied()
            .filter(|entry| {
                entry.kind() != CircuitKind::Study && entry.request().id == id && entry.scale() == scale
            })
            .collect();
        entries.sort_by_key(|entry| {
            (
                entry.record.outcome != Outcome::Verified,
                entry.kind() == CircuitKind::Direct,
            )
        });
        entries.first().copied()
    };
    let mut shown: Vec<&Entry> = experiments()
        .filter_map(|experiment| best(experiment.model.id, experiment.scale))
        .collect();
    shown.extend(
        headlines
            .iter()
            .filter(|entry| entry.kind() == CircuitKind::Study),
    );
    let rows = experiments().map(|experiment| {
        let (model, scale) = (experiment.model, experiment.scale);
        let theirs = suite::study_figures(model.id, scale);
        let again = of_its_circuit(&headlines, model.id, scale).map(|entry| &entry.record);
        let entry = best(model.id, scale);
        let ours = entry.map(|entry| &entry.record);
        let right = suite::study_accuracy(model.id).map(|accuracy| accuracy.published);
        let mut cells = vec![
            Cell::text(model.id),
            Cell::Integer(scale.into()),
            model
                .study
                .map_or(Cell::Missing, |outcome| Cell::text(study_outcome(outcome))),
        ];
        cells.extend(
            PUBLISHED.map(|metric| Cell::from(theirs.and_then(|figures| published(figures, metric)))),
        );
        cells.extend(Cell::of_all(&AGAIN, again));
        cells.push(entry.map_or(Cell::Missing, |entry| Cell::text(entry.circuit())));
        cells.extend(Cell::of_all(&OURS, ours));
        cells.push(Cell::real(right));
        cells.push(Cell::of(Metric::Right, ours));
        cells.push(match ours {
            None => Cell::text("no record"),
            Some(_) => Cell::of(Metric::Outcome, ours),
        });
        cells
    });
    let of = |whose: &'static str, metrics: &[Metric]| -> Vec<Column> {
        let columns = metrics.iter();
        columns
            .map(|&metric| Column::of(metric).named(format!("{whose}: {}", metric.heading())))
            .collect()
    };
    let columns = [
        vec![
            Column::text("model"),
            Column::integer("scale", None),
            Column::text("study"),
        ],
        of("study", &PUBLISHED),
        of("again", &AGAIN),
        vec![Column::text("ours")],
        of("ours", &OURS),
        of("study", &[Metric::FloatRight]),
        of("ours", &[Metric::Right, Metric::Outcome]),
    ];
    Table {
        name: "study_comparison",
        title: "The study's 40 experiments and ours",
        caption: format!(
            "Left, what the study published, on 14 cores and 125 GB; middle (\"again\"), its own circuit on the machine of our records, with the \
             memory of the proving process alone and the gas that it never measured; right (\"ours\"), the circuit that a user would deploy, a \
             committed one with gas through its guard. The study's times are means, ours medians of as many as \"{}\" says. They are of different \
             machines and stand side by side without a ratio. Accuracies are of two trainings.",
            Metric::ProveCount.heading()
        ),
        columns: columns.concat(),
        rows: rows.collect(),
        notes: std::iter::once(
            "Our run of the study's circuit stands for both of its scales: they ended at one circuit."
                .to_owned(),
        )
        .chain(origins(&shown))
        .collect(),
    }
}

fn study_outcome(outcome: StudyOutcome) -> &'static str {
    match outcome {
        StudyOutcome::Proved => "proved",
        StudyOutcome::OutOfMemory => "gave up: memory",
        StudyOutcome::TooManyRows => "gave up at 2^24 rows",
    }
}

/// What the study's harness got wrong: its figure, ours, and why they differ.
pub fn harness(dataset: &Dataset) -> Table {
    let rows = [
        peak_memory(dataset),
        proof_size(dataset),
        scales(dataset),
        accuracy(dataset),
        weights(dataset),
        public_values(dataset),
        reference_string(dataset),
    ];
    let rows = rows.into_iter().map(|[what, theirs, ours, why]| {
        vec![
            Cell::text(what),
            Cell::text(theirs),
            Cell::text(ours),
            Cell::text(why),
        ]
    });
    Table {
        name: "study_harness",
        title: "What the study's harness got wrong",
        caption: "Each with the study's figure and that of our records.".to_owned(),
        columns: vec![
            Column::text("what"),
            Column::text("study"),
            Column::text("ours"),
            Column::text("why"),
        ],
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

const NO_RECORD: &str = "no record";

/// The largest of the study's circuits that we hold a run of.
fn largest_again(dataset: &Dataset) -> Option<(&Entry, &'static StudyFigures)> {
    let again = dataset.study_headlines().into_iter().filter_map(|entry| {
        let figures = suite::study_figures(&entry.request().id, entry.scale())?;
        (entry.kind() == CircuitKind::Study).then_some((entry, figures))
    });
    again.max_by_key(|(_, figures)| figures.circuit_rows)
}

fn peak_memory(dataset: &Dataset) -> [String; 4] {
    let found = largest_again(dataset).filter(|(entry, _)| Metric::ProvePeak.of(&entry.record).is_some());
    let [theirs, ours] = found.map_or(
        [NO_RECORD.to_owned(), NO_RECORD.to_owned()],
        |(entry, figures)| {
            let id = &entry.request().id;
            [
                format!("{id}: {:.3} GB", figures.rss_delta_gb),
                format!("{id}: {}", Metric::ProvePeak.text(&entry.record)),
            ]
        },
    );
    [
        Metric::ProvePeak.heading().into_owned(),
        theirs,
        ours,
        "resident memory after a call less that before it, in one long-lived process, is no peak and can be negative; ours is the \
         high-water mark of a process of its own"
            .to_owned(),
    ]
}

fn proof_size(dataset: &Dataset) -> [String; 4] {
    let found = largest_again(dataset).filter(|(entry, _)| Metric::ProofSize.of(&entry.record).is_some());
    let [theirs, ours] = found.map_or(
        [NO_RECORD.to_owned(), NO_RECORD.to_owned()],
        |(entry, figures)| {
            let id = &entry.request().id;
            let text = |metric: Metric| metric.text(&entry.record);
            let published = Value::Whole(figures.proof_file_bytes.into());
            [
                format!("{id}: {}", Unit::Bytes.text(&published)),
                format!(
                    "{id}: {}, {} {}, {} of {}",
                    text(Metric::ProofSize),
                    text(Metric::Instances),
                    Metric::Instances.name(),
                    text(Metric::Calldata),
                    Metric::Calldata.name()
                ),
            ]
        },
    );
    [
        Metric::ProofSize.name().into_owned(),
        theirs,
        ours,
        "the JSON file holds the public values too; proof, instances and calldata are three figures"
            .to_owned(),
    ]
}

fn scales(dataset: &Dataset) -> [String; 4] {
    let pairs = suite::MODELS.iter().filter_map(|model| {
        let [low, high] = STUDY_SCALES.map(|scale| suite::study_figures(model.id, scale));
        Some((low?, high?))
    });
    let pairs: Vec<_> = pairs.collect();
    let same = pairs
        .iter()
        .filter(|(low, high)| (low.circuit_rows, low.pk_bytes) == (high.circuit_rows, high.pk_bytes))
        .count();
    let headlines = dataset.study_headlines();
    let scales = headlines
        .iter()
        .filter(|entry| entry.kind() == CircuitKind::Direct);
    let as_asked: Vec<bool> = scales
        .filter_map(|entry| {
            Some(entry.record.circuit.as_ref()?.input_scale == i32::try_from(entry.scale()).ok()?)
        })
        .collect();
    let kept = as_asked.iter().filter(|&&kept| kept).count();
    [
        "precision".to_owned(),
        format!("{same} of {} pairs with equal rows and keys", pairs.len()),
        format!(
            "{kept} of {} direct circuits at the scale that was asked for",
            as_asked.len()
        ),
        "calibration without scales searches its own and overwrites what was asked for: both arms were one circuit, and \"precision is \
         free\" is a comparison of a circuit with itself"
            .to_owned(),
    ]
}

fn accuracy(dataset: &Dataset) -> [String; 4] {
    let headlines = dataset.study_headlines();
    let ours: Vec<String> = headlines
        .iter()
        .filter_map(|entry| {
            let accuracy = entry.record.accuracy.as_ref()?;
            Some(format!(
                "{}: {:.2}% in f32, {:.2}% in the circuit of the same weights",
                entry.label(),
                100.0 * accuracy.float_part_correct(),
                100.0 * accuracy.part_correct()
            ))
        })
        .collect();
    let theirs: Vec<String> = suite::MODELS
        .iter()
        .filter_map(|model| Some((model.id, suite::study_accuracy(model.id)?)))
        .map(|(id, accuracy)| format!("{id}: {}% in f32", accuracy.published))
        .collect();
    [
        "accuracy".to_owned(),
        theirs.join("; "),
        if ours.is_empty() {
            NO_RECORD.to_owned()
        } else {
            ours.join("; ")
        },
        "the float model's accuracy is not that of what is proved, which is another function; ours is of another training, so that our f32 is \
         what our circuit is to be seen beside"
            .to_owned(),
    ]
}

fn weights(dataset: &Dataset) -> [String; 4] {
    let headlines = dataset.study_headlines();
    let sentence = |kind: CircuitKind| {
        let entries = headlines.iter().filter(|entry| entry.kind() == kind);
        let with_weights =
            entries.filter(|entry| entry.record.model.parameters.is_some_and(|count| count > 0));
        let mut found = with_weights.filter_map(|entry| {
            let item = entry.record.ledger.as_ref()?.item(What::Weights)?;
            Some(format!("{}: {}", entry.request().id, item.sentence))
        });
        found.next().unwrap_or_else(|| NO_RECORD.to_owned())
    };
    [
        "weights".to_owned(),
        sentence(CircuitKind::Study),
        sentence(CircuitKind::Direct),
        "private parameters are bound to nothing: the verifier accepts a proof that was made with other weights".to_owned(),
    ]
}

fn public_values(dataset: &Dataset) -> [String; 4] {
    let headlines = dataset.study_headlines();
    let proved = headlines.iter().filter_map(|entry| {
        let instances = entry.record.proof.as_ref()?.instances;
        Some((instances, *entry))
    });
    let most = proved.max_by_key(|(instances, _)| *instances);
    let ours = most.map_or_else(
        || NO_RECORD.to_owned(),
        |(instances, entry)| {
            format!(
                "{}: {}, {}",
                entry.label(),
                plural(instances as usize, "instance"),
                entry.record.outcome_and_limits()
            )
        },
    );
    [
        "on chain".to_owned(),
        "no gas measured".to_owned(),
        ours,
        "every public value is calldata and work: a proof with all inputs and outputs public fits no block at the larger shapes".to_owned(),
    ]
}

fn reference_string(dataset: &Dataset) -> [String; 4] {
    let entries = dataset.entries.iter();
    let strings: Vec<_> = entries
        .filter_map(|entry| Some((&entry.record.keys.as_ref()?.srs, entry.machine())))
        .collect();
    let distinct: BTreeSet<&str> = strings.iter().map(|(srs, _)| srs.sha256.as_str()).collect();
    let sizes: BTreeSet<(u32, &str)> = strings
        .iter()
        .map(|(srs, machine)| (srs.logrows, *machine))
        .collect();
    let ours = if strings.is_empty() {
        NO_RECORD.to_owned()
    } else {
        format!(
            "made once for each size in a cache folder, and kept: {} have {}, of {} of size and machine",
            plural(strings.len(), "record"),
            plural(distinct.len(), "string"),
            plural(sizes.len(), "pair")
        )
    };
    [
        "reference string".to_owned(),
        "made again for each experiment".to_owned(),
        ours,
        "it depends on the size alone and can be kept".to_owned(),
    ]
}
