//! How time, memory and gas grow: with the rows of a circuit, and with the size of a layer.

use super::Plot;
use super::axis::Axis;
use super::canvas::{self, MUTED};
use super::panel::{self, Line, Panel, Point, Series};
use super::{FEWEST_OF_A_MACHINE, GUARDED, about_machines, label, of_each_machine, tag};
use crate::format;
use crate::metric::Metric;
use crate::record::Outcome;
use crate::report::data::by_machine;
use crate::report::{Dataset, Entry, ReportError, tables};
use crate::statistics::PowerLaw;
use evmbench_backend::Phase;
use evmbench_schema::plan::CircuitKind;

/// Proof time and peak memory against padded rows, each with its power law, a row of panels for each machine.
pub(super) fn against_rows(dataset: &Dataset) -> Result<Option<Plot>, ReportError> {
    let machines = by_machine(&dataset.headlines());
    let several = machines.len() > 1;
    let mut panels = Vec::new();
    let mut left_out = Vec::new();
    for (machine, entries) in machines {
        let proved = entries
            .iter()
            .filter(|entry| Metric::ProveMedian.of(&entry.record).is_some());
        let proved = proved.count();
        if proved < FEWEST_OF_A_MACHINE {
            left_out.push(format!(
                "{} of machine {machine}",
                format::plural(proved, "record")
            ));
            continue;
        }
        for metric in [Metric::ProveMedian, Metric::ProvePeak] {
            panels.extend(growth(&entries, metric).map(|panel| panel.of_machine(machine, several)));
        }
    }
    if panels.is_empty() {
        return Ok(None);
    }
    let rows = panels.len().div_ceil(2) as i32;
    let mut description = "Median proof time and peak memory against the padded rows of the circuit, 2^k, on log axes, each machine \
                           apart. Dashed: the power law through all points that were measured there. Lines in a circuit's colour: what \
                           was forecast before each run. Crosses: runs that ended for want of memory, at the memory that they were given."
        .to_owned();
    if !left_out.is_empty() {
        description += &format!(" Too few for panels, and left out: {}.", left_out.join(", "));
    }
    canvas::plot(
        "growth_with_rows",
        "Proof time and memory against padded rows",
        description,
        (1060, 430 * rows + 26),
        |area| panel::grid(area, &panels, 2),
    )
    .map(Some)
}

fn growth(entries: &[&Entry], metric: Metric) -> Option<Panel> {
    let mut points: Vec<Point> = entries
        .iter()
        .filter_map(|entry| {
            Some(Point {
                x: Metric::PaddedRows.measure(&entry.record)?,
                y: metric.measure(&entry.record)?,
                name: entry.request().id.to_string(),
                tag: tag(entry),
                series: Series::Circuit(entry.kind()),
            })
        })
        .collect();
    let measured: Vec<(f64, f64)> = points.iter().map(|point| (point.x, point.y)).collect();
    let law = PowerLaw::fit(&measured);
    if metric == Metric::ProvePeak {
        points.extend(entries.iter().filter_map(|entry| out_of_memory(entry)));
    }
    if points.is_empty() {
        return None;
    }
    let x = Axis::log(Metric::PaddedRows.label(), points.iter().map(|point| point.x));
    let y = Axis::log(metric.label(), points.iter().map(|point| point.y));
    let line = law.map(|law| {
        // Only where the law stays in the panel.
        let (low, high) = x.range();
        let steps = (0..=100).map(|step| low * (high / low).powf(f64::from(step) / 100.0));
        let inside = steps.map(|x| (x, law.at(x))).filter(|&(_, value)| y.holds(value));
        Line {
            points: inside.collect(),
            is_dashed: true,
            color: MUTED,
        }
    });
    let forecasts = forecasts(entries, metric);
    let lines = line.into_iter().chain(forecasts);
    let remark = law.map(|law| {
        format!(
            "{} ~ (2^k)^{:.2}, R² = {:.3}, n = {}",
            metric.name(),
            law.exponent,
            law.explained,
            law.points
        )
    });
    Some(Panel {
        title: format!("{} against padded rows", metric.name()),
        x,
        y,
        points,
        lines: lines.collect(),
        rings: Vec::new(),
        remark: remark.into_iter().collect(),
    })
}

/// What was forecast before each run, joined in the order of padded rows, a line for each kind of circuit.
fn forecasts(entries: &[&Entry], metric: Metric) -> Vec<Line> {
    let mut lines: Vec<(CircuitKind, Vec<(f64, f64)>)> = Vec::new();
    for entry in entries {
        let forecast = entry.record.forecast.as_ref();
        let outcome = forecast.zip(tables::forecast::Outcome::of(metric, &entry.record));
        if let Some((forecast, outcome)) = outcome {
            let point = (f64::from(forecast.logrows).exp2(), outcome.likely);
            match lines.iter_mut().find(|line| line.0 == entry.kind()) {
                Some(line) => line.1.push(point),
                None => lines.push((entry.kind(), vec![point])),
            }
        }
    }
    let lines = lines.into_iter().map(|(kind, mut points)| {
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        Line {
            points,
            is_dashed: false,
            color: Series::Circuit(kind).style().1,
        }
    });
    lines.collect()
}

/// A run that ended for want of memory, at the memory that it was given.
fn out_of_memory(entry: &Entry) -> Option<Point> {
    match entry.record.outcome {
        Outcome::OutOfMemory {
            phase: Phase::Setup | Phase::Prove,
            limit_bytes,
        } => Some(Point {
            x: Metric::PaddedRows.measure(&entry.record)?,
            y: Metric::ProvePeak.unit().measure(limit_bytes as f64),
            name: entry.request().id.to_string(),
            tag: tag(entry),
            series: Series::Beyond,
        }),
        _ => None,
    }
}

/// The dense layers by size: rows, time, memory and gas.
pub(super) fn scaling(dataset: &Dataset) -> Result<Option<Plot>, ReportError> {
    const SHAPES: [&str; 6] = [
        "dense_small",
        "dense",
        "dense_large",
        "conv2d_small",
        "conv2d_k3_s1",
        "conv2d_large",
    ];
    const METRICS: [Metric; 4] = [
        Metric::Rows,
        Metric::ProveMedian,
        Metric::ProvePeak,
        Metric::MeaningfulGas,
    ];
    let headlines = dataset.study_headlines();
    let entries: Vec<&Entry> = headlines
        .into_iter()
        .filter(|entry| SHAPES.contains(&entry.request().id.as_str()))
        .collect();
    let panels: Vec<Panel> = METRICS
        .into_iter()
        .flat_map(|metric| of_each_machine(&entries, &[metric], |entries| by_size(entries, metric)))
        .collect();
    if panels.is_empty() {
        return Ok(None);
    }
    let rows = panels.len().div_ceil(2) as i32;
    canvas::plot(
        "scaling_study",
        "Scaling study",
        format!(
            "Dense layers and convolutions by their multiply-adds, on log axes. Lines join one kind of circuit at one scale, laid out with \
             the same choices. {GUARDED} {}",
            about_machines()
        ),
        (1060, 380 * rows + 26),
        |area| panel::grid(area, &panels, 2),
    )
    .map(Some)
}

/// A kind of circuit with its choices, at a scale, of convolutions or not.
type Trail = (CircuitKind, String, u32, bool);

fn by_size(entries: &[&Entry], metric: Metric) -> Option<Panel> {
    let mut points = Vec::new();
    let mut lines: Vec<(Trail, Vec<(f64, f64)>)> = Vec::new();
    for entry in entries {
        let (Some(x), Some(y)) = (
            Metric::MultiplyAdds.measure(&entry.record),
            metric.measure(&entry.record),
        ) else {
            continue;
        };
        let is_dense = entry.request().id.starts_with("dense");
        points.push(Point {
            x,
            y,
            name: entry.request().id.to_string(),
            tag: tag(entry),
            series: Series::Circuit(entry.kind()),
        });
        let trail = (entry.kind(), entry.circuit(), entry.scale(), is_dense);
        match lines.iter_mut().find(|line| line.0 == trail) {
            Some(line) => line.1.push((x, y)),
            None => lines.push((trail, vec![(x, y)])),
        }
    }
    if points.is_empty() {
        return None;
    }
    let lines = lines.into_iter().map(|((kind, ..), mut points)| {
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        Line {
            points,
            is_dashed: kind == CircuitKind::Study,
            color: Series::Circuit(kind).style().1,
        }
    });
    Some(Panel {
        title: format!("{} against multiply-adds", metric.name()),
        x: Axis::log(Metric::MultiplyAdds.label(), points.iter().map(|point| point.x)),
        y: Axis::log(label(metric), points.iter().map(|point| point.y)),
        lines: lines.collect(),
        points,
        rings: Vec::new(),
        remark: Vec::new(),
    })
}
