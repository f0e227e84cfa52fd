//! The study's 40 experiments beside ours, and what its harness got wrong, each with our figure.

use super::Figures;
use crate::ledger::What;
use crate::prover::{CircuitKind, Phase, PhaseSource};
use crate::record::{Outcome, Record};
use crate::report::data::{Dataset, Entry};
use crate::report::table::{Cell, Column, Table};
use crate::suite::{self, Experiment, STUDY_SCALES, StudyFigures, StudyOutcome, Suite};

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
    let headlines = dataset.headlines();
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

/// Rows and keys of the study's circuits, as published and as we got them.
pub fn reproduction(dataset: &Dataset) -> Table {
    let headlines = dataset.headlines();
    let rows = suite::MODELS.iter().filter_map(|model| {
        let figures = suite::study_figures(model.id, STUDY_SCALES[1])?;
        let entry = of_its_circuit(&headlines, model.id, STUDY_SCALES[1]);
        let ours = Figures::of(entry);
        let vk_bytes = entry.and_then(|entry| Some(entry.record.keys.as_ref()?.verifying_key_bytes));
        Some(vec![
            Cell::text(model.id),
            Cell::count(Some(figures.circuit_rows)),
            ours.rows(),
            Cell::count(Some(figures.pk_bytes)),
            ours.key_bytes(),
            Cell::count(Some(figures.vk_bytes)),
            Cell::count(vk_bytes),
            Cell::yes(entry.and_then(|entry| is_reproduced(&entry.record, figures))),
        ])
    });
    let (same, held) = reproduced(dataset);
    Table {
        name: "study_reproduction",
        title: "The study's circuits, made again",
        caption: "Rows and keys of the 13 models that the study proved, as published and as EZKL 23.0.5 gives them under the \
                  study's settings. Its two scales ended at one circuit."
            .to_owned(),
        columns: vec![
            Column::text("model"),
            Column::integer("rows, study", None),
            Column::integer("rows, ours", None),
            Column::integer("proving key, study", Some("B")),
            Column::integer("proving key, ours", Some("B")),
            Column::integer("verifying key, study", Some("B")),
            Column::integer("verifying key, ours", Some("B")),
            Column::text("to the unit"),
        ],
        rows: rows.collect(),
        notes: vec![format!("{same} of {held} models that were proved again equal the study's to the unit.")],
    }
}

/// All 40: how far the study came, and how far we did.
pub fn comparison(dataset: &Dataset) -> Table {
    let headlines = dataset.headlines();
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
    let rows = experiments().map(|experiment| {
        let (model, scale) = (experiment.model, experiment.scale);
        let theirs = suite::study_figures(model.id, scale);
        let again = Figures::of(of_its_circuit(&headlines, model.id, scale));
        let entry = best(model.id, scale);
        let ours = Figures::of(entry);
        vec![
            Cell::text(model.id),
            Cell::Integer(scale.into()),
            Cell::text(study_outcome(model.study)),
            Cell::count(theirs.map(|figures| figures.circuit_rows)),
            Cell::real(theirs.map(|figures| figures.prove_mean_seconds)),
            again.prove_seconds(),
            again.prove_peak(),
            again.verification_gas(),
            entry.map_or(Cell::Missing, |entry| Cell::text(entry.kind().to_string())),
            ours.rows(),
            ours.prove_seconds(),
            ours.prove_peak(),
            ours.verification_gas(),
            ours.largest_error(),
            Cell::real(suite::study_accuracy(model.id).map(|accuracy| accuracy.published)),
            ours.percent_right(),
            entry.map_or_else(|| Cell::text("no record"), |_| ours.outcome()),
        ]
    });
    Table {
        name: "study_comparison",
        title: "The study's 40 experiments and ours",
        caption: "Left, what the study published, on 14 cores and 125 GB; middle, its own circuit on the machine of our records, with \
                  the memory of the proving process alone and the gas that it never measured; right, the circuit that a user would \
                  deploy. Times of the study and ours are of different machines and stand side by side without a ratio."
            .to_owned(),
        columns: vec![
            Column::text("model"),
            Column::integer("scale", None),
            Column::text("study"),
            Column::integer("study: rows", None),
            Column::real("study: prove", Some("s"), 1),
            Column::real("again: prove", Some("s"), 1),
            Column::real("again: peak memory", Some("GiB"), 2),
            Column::integer("again: verify gas", None),
            Column::text("ours"),
            Column::integer("ours: rows", None),
            Column::real("ours: prove", Some("s"), 1),
            Column::real("ours: peak memory", Some("GiB"), 2),
            Column::integer("ours: verify gas", None),
            Column::significant("ours: largest error", None),
            Column::real("study: right in f32", Some("%"), 2),
            Column::real("ours: right in the circuit", Some("%"), 2),
            Column::text("ours: outcome"),
        ],
        rows: rows.collect(),
        notes: vec!["Our run of the study's circuit stands for both of its scales: they ended at one circuit.".to_owned()],
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
        caption: "Each with the study's figure and ours for the same circuit.".to_owned(),
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
    let again = dataset.headlines().into_iter().filter_map(|entry| {
        let figures = suite::study_figures(&entry.request().id, entry.scale())?;
        (entry.kind() == CircuitKind::Study).then_some((entry, figures))
    });
    again.max_by_key(|(_, figures)| figures.circuit_rows)
}

fn peak_memory(dataset: &Dataset) -> [String; 4] {
    let found = largest_again(dataset).and_then(|(entry, figures)| {
        let bytes = entry.record.peak_rss_bytes(Phase::Prove)?;
        Some((entry, figures, bytes))
    });
    let [theirs, ours] = found.map_or(
        [NO_RECORD.to_owned(), NO_RECORD.to_owned()],
        |(entry, figures, bytes)| {
            let id = &entry.request().id;
            [
                format!("{id}: {:.3} GB", figures.rss_delta_gb),
                format!("{id}: {}", crate::format::bytes(bytes)),
            ]
        },
    );
    [
        "peak memory".to_owned(),
        theirs,
        ours,
        "resident memory after a call less that before it, in one long-lived process, is no peak and can be negative; ours is the \
         high-water mark of a process of its own"
            .to_owned(),
    ]
}

fn proof_size(dataset: &Dataset) -> [String; 4] {
    let found = largest_again(dataset)
        .and_then(|(entry, figures)| Some((entry, figures, entry.record.proof.as_ref()?)));
    let count = crate::format::count;
    let [theirs, ours] = found.map_or(
        [NO_RECORD.to_owned(), NO_RECORD.to_owned()],
        |(entry, figures, proof)| {
            let id = &entry.request().id;
            [
                format!("{id}: {} B", count(figures.proof_file_bytes)),
                format!(
                    "{id}: {} B, {} instances, {} B of calldata",
                    count(proof.proof_bytes),
                    count(proof.instances),
                    count(proof.calldata_bytes)
                ),
            ]
        },
    );
    [
        "proof size".to_owned(),
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
    let headlines = dataset.headlines();
    let scales = headlines
        .iter()
        .filter(|entry| entry.kind() != CircuitKind::Study);
    let as_asked: Vec<bool> = scales
        .filter_map(|entry| {
            Some(entry.record.circuit.as_ref()?.input_scale == i32::try_from(entry.scale()).ok()?)
        })
        .collect();
    let kept = as_asked.iter().filter(|&&kept| kept).count();
    [
        "precision".to_owned(),
        format!("{same} of {} pairs with equal rows and keys", pairs.len()),
        format!("{kept} of {} circuits at the scale that was asked for", as_asked.len()),
        "calibration without scales searches its own and overwrites what was asked for: both arms were one circuit, and \"precision is \
         free\" is a comparison of a circuit with itself"
            .to_owned(),
    ]
}

fn accuracy(dataset: &Dataset) -> [String; 4] {
    let headlines = dataset.headlines();
    let ours: Vec<String> = headlines
        .iter()
        .filter_map(|entry| {
            let accuracy = entry.record.accuracy.as_ref()?;
            Some(format!(
                "{}: {:.2}% in f32, {:.2}% in the circuit",
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
        "the float model's accuracy is not that of what is proved, which is another function".to_owned(),
    ]
}

fn weights(dataset: &Dataset) -> [String; 4] {
    let headlines = dataset.headlines();
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
        "private parameters are bound to nothing: any weights satisfy the verifier".to_owned(),
    ]
}

fn public_values(dataset: &Dataset) -> [String; 4] {
    let headlines = dataset.headlines();
    let proved = headlines.iter().filter_map(|entry| {
        let instances = entry.record.proof.as_ref()?.instances;
        Some((instances, *entry))
    });
    let most = proved.max_by_key(|(instances, _)| *instances);
    let ours = most.map_or_else(
        || NO_RECORD.to_owned(),
        |(instances, entry)| {
            let instances = crate::format::count(instances);
            format!(
                "{}: {instances} instances, {}",
                entry.label(),
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
    let measured = dataset.entries.iter().flat_map(|entry| {
        let phases = entry.record.phases.iter();
        phases.filter_map(move |phase| {
            let made = phase.phase == Phase::Srs && phase.source == PhaseSource::Measured;
            Some((made.then_some(phase.call_seconds?)?, entry))
        })
    });
    let most = measured.max_by(|one, other| one.0.total_cmp(&other.0));
    let ours = most.map_or_else(
        || NO_RECORD.to_owned(),
        |(seconds, entry)| {
            let logrows = entry.record.circuit.as_ref().map_or(0, |circuit| circuit.logrows);
            format!(
                "once for each size, {} at 2^{logrows}",
                crate::format::seconds(seconds)
            )
        },
    );
    [
        "reference string".to_owned(),
        "made again for each experiment".to_owned(),
        ours,
        "it depends on the size alone and can be kept".to_owned(),
    ]
}
