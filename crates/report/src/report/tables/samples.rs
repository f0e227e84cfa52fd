//! Times and memory with their statistics, and the machines that they are of.

use std::collections::BTreeMap;

use crate::format::{self, capitalised};
use crate::metric::Sampled;
use crate::report::data::{Dataset, Entry};
use crate::report::table::{Cell, Column, Table};
use crate::statistics::{INTERVAL_METHOD, INTERVAL_SAMPLES, OUTLIER_METHOD, Summary, median};
use evmbench_backend::{Phase, PhaseMeasurement, PhaseSource};

/// What matters to a user; times of the other phases are in the page.
const SAMPLED: [(Sampled, Phase); 4] = [
    (Sampled::Time, Phase::Setup),
    (Sampled::Time, Phase::Prove),
    (Sampled::Time, Phase::Verify),
    (Sampled::PeakMemory, Phase::Prove),
];

/// Mean, deviation, interval, range and outliers of each record's times and proving memory.
pub fn measurements(dataset: &Dataset) -> Table {
    let mut rows = Vec::new();
    for entry in &dataset.entries {
        for (sampled, phase) in SAMPLED {
            if let Some(summary) = Summary::of(&sampled.samples(&entry.record, phase)) {
                let quantity = sampled.label(phase);
                rows.push(row(entry, [quantity, source(entry, phase).to_owned()], &summary));
            }
        }
    }
    let mut notes = vec![
        capitalised(INTERVAL_METHOD) + ".",
        capitalised(OUTLIER_METHOD) + ".",
    ];
    notes.extend(noise(dataset));
    notes.extend(beside_others(dataset));
    notes.push("Every raw sample is in samples.csv. Samples of two machines are never compared.".to_owned());
    Table {
        name: "measurements",
        title: "Times and memory",
        caption: "n samples, each of a process of its own; warm-ups are not counted.".to_owned(),
        columns: vec![
            Column::text("record"),
            Column::text("quantity"),
            Column::text("source"),
            Column::integer("n", None),
            Column::real("mean", None, 3),
            Column::real("standard deviation", None, 3),
            Column::real("interval, from", None, 3),
            Column::real("to", None, 3),
            Column::real("least", None, 3),
            Column::real("greatest", None, 3),
            Column::integer("outliers", None),
            Column::text("machine"),
        ],
        rows,
        notes,
    }
}

const THIS_RUN: &str = "this run";

/// Whether this run made the samples of a phase.
fn source(entry: &Entry, phase: Phase) -> &'static str {
    let is_cached = |one: &PhaseMeasurement| one.phase == phase && one.source == PhaseSource::Cached;
    if entry.record.phases.iter().any(is_cached) {
        "another run, from the cache"
    } else {
        THIS_RUN
    }
}

fn row(entry: &Entry, [quantity, source]: [String; 2], summary: &Summary) -> Vec<Cell> {
    let bound = |sign: f64| Cell::real(summary.half_interval.map(|half| summary.mean + sign * half));
    let told = summary.count >= INTERVAL_SAMPLES;
    vec![
        Cell::text(entry.label()),
        Cell::text(quantity),
        Cell::text(source),
        Cell::Integer(summary.count as i128),
        Cell::Real(summary.mean),
        Cell::real(summary.deviation),
        bound(-1.0),
        bound(1.0),
        Cell::Real(summary.least),
        Cell::Real(summary.greatest),
        Cell::count(told.then_some(summary.outliers.len() as u64)),
        Cell::text(&entry.record.environment.machine.fingerprint),
    ]
}

/// The records that were made beside other work, which their times show.
fn beside_others(dataset: &Dataset) -> Option<String> {
    let labels: Vec<String> = dataset
        .entries
        .iter()
        .filter(|entry| entry.record.others.is_some_and(|others| others.is_much()))
        .map(Entry::label)
        .collect();
    (!labels.is_empty()).then(|| {
        format!(
            "Made beside other work of the machine, so that times are longer than they need be: {}.",
            labels.join("; ")
        )
    })
}

/// The spread of proving times, over the records of each machine that have more than one sample.
fn noise(dataset: &Dataset) -> Vec<String> {
    let mut machines = BTreeMap::<&str, Vec<f64>>::new();
    for entry in &dataset.entries {
        // A proof that was taken from the cache would count twice.
        let is_own = source(entry, Phase::Prove) == THIS_RUN;
        let summary = Summary::of(&entry.record.call_seconds(Phase::Prove)).filter(|_| is_own);
        if let Some((mean, deviation)) = summary.and_then(|summary| Some((summary.mean, summary.deviation?)))
        {
            let machine = entry.record.environment.machine.fingerprint.as_str();
            machines
                .entry(machine)
                .or_default()
                .push(100.0 * deviation / mean);
        }
    }
    let notes = machines.into_iter().map(|(machine, spreads)| {
        format!(
            "Noise of machine {machine}: the standard deviation of proving times is {:.1}% of the mean in the middle of {}, \
             {:.1}% at most.",
            median(&spreads).unwrap_or_default(),
            format::plural(spreads.len(), "record"),
            spreads.iter().copied().fold(0.0, f64::max)
        )
    });
    notes.collect()
}

/// The machines and versions, each once.
pub fn machines(dataset: &Dataset) -> Table {
    let mut found = BTreeMap::<Vec<String>, usize>::new();
    for entry in &dataset.entries {
        let environment = &entry.record.environment;
        let machine = &environment.machine;
        let memory = machine
            .memory_bytes
            .map_or_else(|| "-".to_owned(), crate::format::bytes);
        let cells = vec![
            machine.fingerprint.clone(),
            machine.cpu.clone(),
            machine.cores.to_string(),
            memory,
            machine.system.clone(),
            environment.threads.to_string(),
            environment.ezkl_version.clone(),
            environment.solc_version.clone(),
            environment.revm_version.clone(),
            environment.evmbench_version.clone(),
        ];
        *found.entry(cells).or_default() += 1;
    }
    let rows = found.into_iter().map(|(cells, records)| {
        let mut row: Vec<Cell> = cells.into_iter().map(Cell::text).collect();
        row.push(Cell::Integer(records as i128));
        row
    });
    let names = [
        "machine",
        "processor",
        "cores",
        "memory",
        "system",
        "threads",
        "EZKL",
        "solc",
        "revm",
        "evmbench",
    ];
    Table {
        name: "machines",
        title: "Machines and versions",
        caption: "Where the records were made. Times are compared only within one fingerprint.".to_owned(),
        columns: names
            .map(Column::text)
            .into_iter()
            .chain([Column::integer("records", None)])
            .collect(),
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

/// Every raw sample: one row for each worker process that a statistic counts or leaves out as a warm-up.
///
/// # Panics
/// Never: a source serialises as its name.
pub fn raw(dataset: &Dataset) -> Table {
    let mut rows = Vec::new();
    for entry in &dataset.entries {
        for (index, sample) in entry.record.phases.iter().enumerate() {
            let source = serde_json::to_value(sample.source).expect("a source is a name");
            rows.push(vec![
                Cell::text(&entry.experiment),
                Cell::Integer(index as i128),
                Cell::text(sample.phase.to_string()),
                Cell::text(source.as_str().unwrap_or_default()),
                Cell::real(sample.call_seconds),
                Cell::Real(sample.process_seconds),
                Cell::count(sample.peak_rss_bytes),
                Cell::text(&entry.record.environment.machine.fingerprint),
            ]);
        }
    }
    Table {
        name: "samples",
        title: "Raw samples",
        caption: "One row for each worker process.".to_owned(),
        columns: vec![
            Column::text("record"),
            Column::integer("index", None),
            Column::text("phase"),
            Column::text("source"),
            Column::real("call", Some("seconds"), 3),
            Column::real("process", Some("seconds"), 3),
            Column::integer("peak rss", Some("bytes")),
            Column::text("machine"),
        ],
        rows,
        notes: Vec::new(),
    }
}
