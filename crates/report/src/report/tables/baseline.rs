//! Another folder of records beside this one, by the comparison that `gas-diff` and `compare` make.

use crate::compare::{Comparison, Samples};
use crate::format;
use crate::metric::Sampled;
use crate::report::table::{Cell, Column, Table};

/// Every figure that both sides hold, changed or not; times and memory by their medians, of one machine only.
pub fn baseline(comparison: &Comparison) -> Table {
    let mut rows = Vec::new();
    let mut elsewhere = 0;
    for experiment in &comparison.experiments {
        let mut row = |figure: String, old: f64, new: f64| {
            let change = (old > 0.0).then(|| 100.0 * (new / old - 1.0));
            rows.push(vec![
                Cell::text(&experiment.experiment),
                Cell::text(figure),
                Cell::Real(old),
                Cell::Real(new),
                Cell::Real(new - old),
                Cell::real(change),
            ]);
        };
        for (metric, change) in experiment.figures.pairs() {
            if let (Some(old), Some(new)) = (change.old, change.new) {
                row(metric.row().into_owned(), old as f64, new as f64);
            }
        }
        match &experiment.phases {
            None => elsewhere += 1,
            Some(phases) => {
                for phase in phases {
                    let memory = medians(&phase.peak_rss_bytes).map(|both| both.map(|bytes| bytes as f64));
                    for (sampled, both) in [
                        (Sampled::Time, medians(&phase.call_seconds)),
                        (Sampled::PeakMemory, memory),
                    ] {
                        if let Some([old, new]) = both.map(|both| both.map(|one| sampled.unit().measure(one)))
                        {
                            row(format!("{}, median", sampled.label(phase.phase)), old, new);
                        }
                    }
                }
            }
        }
    }
    let mut notes = vec![format!(
        "Baseline: {}, {}. In the baseline alone: {}; in this report alone: {}.",
        comparison.old.name,
        format::plural(comparison.old.records, "record"),
        format::plural(comparison.lost.len(), "experiment"),
        format::plural(comparison.added.len(), "experiment")
    )];
    notes.extend(
        comparison
            .old
            .problems
            .iter()
            .map(|problem| format!("Left out of the baseline: {} {}.", problem.path, problem.reason)),
    );
    if elsewhere > 0 {
        notes.push(format!(
            "Times and memory are not compared of {}: made on another machine or with other threads.",
            format::plural(elsewhere, "experiment")
        ));
    }
    Table {
        name: "baseline",
        title: "Against the baseline",
        caption: "Every figure that both hold. `evmbench compare` tells besides what changed around the experiments, and what chance explains."
            .to_owned(),
        columns: vec![
            Column::text("experiment"),
            Column::text("figure"),
            Column::significant("baseline", None),
            Column::significant("ours", None),
            Column::significant("difference", None),
            Column::real("change", Some("%"), 2),
        ],
        rows,
        notes,
    }
}

fn medians<T: Copy + PartialOrd>(samples: &Samples<T>) -> Option<[T; 2]> {
    let summaries = samples.summaries()?;
    Some(summaries.map(|summary| summary.median))
}
