//! Two costs against each other: what is cheaper in both stands lower and further left, and nothing beats the front.

use super::Plot;
use super::axis::Axis;
use super::canvas::{self, MUTED};
use super::panel::{self, Line, Panel, Point, Series};
use super::{GUARDED, about_machines, label, of_each_machine, tag};
use crate::metric::Metric;
use crate::record::Outcome;
use crate::report::tables::chain::{TIME_OF_CHOICES, chosen};
use crate::report::{Dataset, Entry, ReportError};
use crate::statistics::pareto_front;

/// The pairs of the first plot; the page has any two.
const PAIRS: [(Metric, Metric); 6] = [
    (Metric::ProveMedian, Metric::MeaningfulGas),
    (Metric::ProvePeak, Metric::MeaningfulGas),
    (Metric::ProveMedian, Metric::ProvePeak),
    (Metric::ProofSize, Metric::MeaningfulGas),
    (Metric::ProveMedian, Metric::WrongAnswers),
    (Metric::ProvePeak, Metric::WrongAnswers),
];

/// The pairs of the plot of choices.
const PAIRS_OF_CHOICES: [(Metric, Metric); 2] = [
    (TIME_OF_CHOICES, Metric::MeaningfulGas),
    (Metric::DeploymentGas, Metric::MeaningfulGas),
];

/// Fewest records of one model in which something was chosen for a plot of their trades.
const FEWEST_CHOICES: usize = 4;

/// What is said of [`has_time`].
const OWN_PROOFS: &str = "A record whose proof is another record's is in no panel of times.";

/// How a point is named: what it is of, and what tells it from others of it.
type Naming = fn(&Entry) -> (String, String);

/// Panels of cost against cost, of the verified headlines.
pub(super) fn frontiers(dataset: &Dataset) -> Result<Option<Plot>, ReportError> {
    let mut verified = dataset.headlines();
    verified.retain(|entry| entry.record.outcome == Outcome::Verified);
    let naming: Naming = |entry| (entry.request().id.to_string(), tag(entry));
    let panels = panels(&verified, &PAIRS, naming);
    if panels.is_empty() {
        return Ok(None);
    }
    let rows = panels.len().div_ceil(2) as i32;
    let description = format!(
        "Two costs against each other, one point for each verified model, scale, output and kind of circuit. The line joins the \
         points that no other beats in both costs: the Pareto front. Different models compute different things: the front says what is \
         cheap, not what is equivalent. {GUARDED} {OWN_PROOFS} {}",
        about_machines()
    );
    let size = (1060, 400 * rows + 26);
    canvas::plot("pareto_frontiers", "Pareto fronts", description, size, |area| {
        panel::grid(area, &panels, 2)
    })
    .map(Some)
}

/// What single choices trade: the records of the model with most of them, with the one that differs in nothing.
pub(super) fn choices(dataset: &Dataset) -> Result<Option<Plot>, ReportError> {
    let groups = chosen(dataset).into_iter().map(|(baseline, mut group)| {
        group.retain(|entry| entry.record.outcome == Outcome::Verified);
        (baseline, group)
    });
    // Of two models with as many, the first.
    let most = groups.rev().max_by_key(|(_, group)| group.len());
    let Some((baseline, group)) = most.filter(|(_, group)| group.len() >= FEWEST_CHOICES) else {
        return Ok(None);
    };
    let entries: Vec<&Entry> = baseline.into_iter().chain(group).collect();
    let most = entries[0];
    let naming: Naming = |entry| {
        let choices = entry.choices();
        let tag = if choices.is_empty() {
            "by default".to_owned()
        } else {
            choices.join(", ")
        };
        (String::new(), tag)
    };
    let panels = panels(&entries, &PAIRS_OF_CHOICES, naming);
    let description = format!(
        "What another visibility, layout, verifier or compiler setting does to the costs of {} at scale {}, {} circuit. Choices that prove less than a reader \
         expects, or nothing, are told by the ledger, not here; records that are unsound are left out. {GUARDED} {OWN_PROOFS}",
        most.request().id,
        most.scale(),
        most.kind()
    );
    let rows = panels.len().div_ceil(2) as i32;
    canvas::plot(
        "choices",
        "What single choices trade",
        description,
        (1060, 420 * rows + 26),
        |area| panel::grid(area, &panels, 2),
    )
    .map(Some)
}

/// A panel for each pair; one for each machine where a pair depends on it.
fn panels(entries: &[&Entry], pairs: &[(Metric, Metric)], naming: Naming) -> Vec<Panel> {
    let panels = pairs
        .iter()
        .flat_map(|&(x, y)| of_each_machine(entries, &[x, y], |entries| pair(entries, x, y, naming)));
    panels.collect()
}

/// Whether a record has times of its own, where a metric is one.
fn has_time(entry: &Entry, metrics: [Metric; 2]) -> bool {
    let is_of_machine = metrics.iter().any(|metric| metric.is_of_machine());
    !is_of_machine || Metric::ProveCount.whole(&entry.record) != Some(0)
}

fn pair(entries: &[&Entry], x: Metric, y: Metric, naming: Naming) -> Option<Panel> {
    let entries = entries.iter().filter(|entry| has_time(entry, [x, y]));
    let points: Vec<Point> = entries
        .filter_map(|entry| {
            let (name, tag) = naming(entry);
            Some(Point {
                x: x.measure(&entry.record)?,
                y: y.measure(&entry.record)?,
                name,
                tag,
                series: Series::Circuit(entry.kind()),
            })
        })
        .collect();
    if points.is_empty() {
        return None;
    }
    let places: Vec<(f64, f64)> = points.iter().map(|point| (point.x, point.y)).collect();
    let front: Vec<(f64, f64)> = pareto_front(&places)
        .into_iter()
        .map(|index| places[index])
        .collect();
    let axis = |metric: Metric, values: Vec<f64>| match metric {
        Metric::ProofSize | Metric::WrongAnswers => Axis::linear(label(metric), values),
        _ => Axis::log(label(metric), values),
    };
    Some(Panel {
        title: format!("{} against {}", y.name(), x.name()),
        x: axis(x, places.iter().map(|place| place.0).collect()),
        y: axis(y, places.iter().map(|place| place.1).collect()),
        remark: vec![format!(
            "ringed, on the front: {} of {}",
            front.len(),
            points.len()
        )],
        rings: front.clone(),
        points,
        lines: vec![Line {
            points: stairs(&front),
            is_dashed: false,
            color: MUTED,
        }],
    })
}

/// A front as stairs: what is beaten by a point lies above and to the right of it.
fn stairs(front: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let corners = front
        .windows(2)
        .flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]);
    corners.chain(front.last().copied()).collect()
}
