//! A comparison as people read it: sections of a title, a table and notes, for the terminal or in Markdown.

use std::collections::BTreeSet;

use super::format;
use super::output::fitted;
use crate::compare::samples::Summary;
use crate::compare::{
    Change, CircuitChange, Comparison, ContextChange, ExperimentChange, Failure, Identity, JUDGED, Samples,
    Side, Tolerance,
};
use crate::metric::{Metric, Sampled};
use crate::report::markdown;
use crate::report::table::{Column, Table};

/// Letters of a digest or revision that are shown.
const DIGEST_LETTERS: usize = 12;

/// Pairs of values of one circumstance that are shown each; more are counted.
const PAIRS_SHOWN: usize = 3;

/// Experiments that are named; more are counted.
const EXPERIMENTS_NAMED: usize = 3;

/// A part of the report.
pub(super) struct Section {
    title: &'static str,
    table: Option<Table>,
    notes: Vec<String>,
}

impl Section {
    fn table(title: &'static str, table: Table) -> Self {
        Self {
            title,
            table: Some(table),
            notes: Vec::new(),
        }
    }

    /// A section of sentences.
    pub(super) fn notes(title: &'static str, notes: Vec<String>) -> Self {
        Self {
            title,
            table: None,
            notes,
        }
    }

    fn is_empty(&self) -> bool {
        self.notes.is_empty() && self.table.as_ref().is_none_or(Table::is_empty)
    }
}

/// The sections for a terminal.
pub(super) fn text(sections: &[Section]) -> String {
    let section = |section: &Section| {
        let mut lines = vec![section.title.to_uppercase()];
        lines.extend(
            section
                .table
                .as_ref()
                .filter(|table| !table.is_empty())
                .map(fitted),
        );
        lines.extend(section.notes.iter().cloned());
        lines.join("\n")
    };
    sections.iter().map(section).collect::<Vec<_>>().join("\n\n")
}

/// The sections in Markdown, below a heading.
pub(super) fn markdown(heading: &str, sections: &[Section]) -> String {
    let mut blocks = vec![format!("## {heading}")];
    for section in sections {
        blocks.push(format!("### {}", section.title));
        blocks.extend(
            section
                .table
                .as_ref()
                .filter(|table| !table.is_empty())
                .map(|table| markdown::table(table).trim_end().to_owned()),
        );
        let notes = section
            .notes
            .iter()
            .map(|note| format!("- {}", markdown::escape(note)));
        blocks.extend(Some(notes.collect::<Vec<_>>().join("\n")).filter(|notes| !notes.is_empty()));
    }
    blocks.join("\n\n")
}

/// What changed, most telling first; nothing where there is nothing to say.
pub(super) fn sections(comparison: &Comparison) -> Vec<Section> {
    report(comparison, [figures(comparison), phases(comparison)])
}

/// Everything that both sides hold, changed or not, below what differs around it.
pub(super) fn everything(comparison: &Comparison, circuits: &[CircuitChange]) -> Vec<Section> {
    let held = [
        all_figures(comparison),
        all_circuits(circuits),
        all_phases(comparison),
    ];
    report(comparison, held)
}

/// What is compared and what differs around it, then the figures; nothing empty.
fn report(comparison: &Comparison, figures: impl IntoIterator<Item = Section>) -> Vec<Section> {
    let sides = vec![side("OLD", &comparison.old), side("NEW", &comparison.new)];
    [
        Section::notes("Compared", sides),
        context(comparison),
        presence(comparison),
        unread(comparison),
    ]
    .into_iter()
    .chain(figures)
    .filter(|section| !section.is_empty())
    .collect()
}

/// A table of figures before and after.
fn figures_table() -> Table {
    Table::new([
        Column::text("experiment"),
        Column::text("figure"),
        Column::written("OLD"),
        Column::written("NEW"),
        Column::written("change"),
        Column::written(""),
    ])
}

fn all_figures(comparison: &Comparison) -> Section {
    let mut table = figures_table();
    for experiment in &comparison.experiments {
        for (metric, change) in experiment.figures.pairs() {
            if change.old.is_some() || change.new.is_some() {
                figure(&mut table, &experiment.experiment, &metric.row(), change);
            }
        }
    }
    Section::table("Gas and sizes", table)
}

fn all_circuits(circuits: &[CircuitChange]) -> Section {
    let mut table = figures_table();
    for circuit in circuits {
        for &(metric, [old, new]) in circuit.figures.pairs() {
            if old.is_none() && new.is_none() {
                continue;
            }
            let shown = |number: f64| metric.unit().compared(number);
            let both = old.zip(new);
            let share = both
                .filter(|(old, _)| *old > 0.0)
                .map(|(old, new)| new / old - 1.0);
            table.row([
                circuit.experiment.clone(),
                metric.row().into_owned(),
                old.map_or_else(dash, shown),
                new.map_or_else(dash, shown),
                both.map_or_else(dash, |(old, new)| shown(new - old)),
                share.map_or_else(dash, format::percent),
            ]);
        }
    }
    Section::table("Circuits, keys and errors", table)
}

fn all_phases(comparison: &Comparison) -> Section {
    let mut table = Table::new([
        Column::text("experiment"),
        Column::text("phase"),
        Column::written("OLD: median (range), n"),
        Column::written("NEW: median (range), n"),
        Column::written("change"),
    ]);
    let mut elsewhere = 0;
    for experiment in &comparison.experiments {
        let Some(phases) = &experiment.phases else {
            elsewhere += 1;
            continue;
        };
        for change in phases {
            let times = summarised(&change.call_seconds, format::seconds, |seconds| seconds);
            let memory = summarised(&change.peak_rss_bytes, format::bytes, |bytes| bytes as f64);
            for (cells, what) in [(times, Sampled::Time), (memory, Sampled::PeakMemory)] {
                let names = [experiment.experiment.clone(), what.row(change.phase)];
                table.row(names.into_iter().chain(cells));
            }
        }
    }
    let note = (elsewhere > 0).then(|| {
        let experiments = format::plural(elsewhere, "experiment");
        format!("{experiments} not compared: made on another machine or with other threads.")
    });
    Section {
        title: "Times and memory",
        table: Some(table),
        notes: note.into_iter().chain(beside_others(comparison)).collect(),
    }
}

/// Which experiments' times are longer than they need be, if any are compared.
fn beside_others(comparison: &Comparison) -> Option<String> {
    let disturbed: Vec<&String> = comparison
        .experiments
        .iter()
        .filter(|experiment| experiment.beside_others && experiment.phases.is_some())
        .map(|experiment| &experiment.experiment)
        .collect();
    (!disturbed.is_empty()).then(|| {
        let named = named(&disturbed, comparison.experiments.len());
        format!("Made beside other work of the machine, so that times are longer than they need be: {named}.")
    })
}

/// Both sides' samples, and how far the medians are apart; a dash for a side without samples.
fn summarised<T: Copy + PartialOrd>(
    samples: &Samples<T>,
    format: fn(T) -> String,
    number: fn(T) -> f64,
) -> [String; 3] {
    let Some([old, new]) = samples.summaries() else {
        return [dash(), dash(), dash()];
    };
    let cell = |summary: &Summary<T>, samples: &[T]| {
        let [median, least, greatest] = [summary.median, summary.least, summary.greatest].map(format);
        format!("{median} ({least} to {greatest}), {}", samples.len())
    };
    let share = number(new.median) / number(old.median) - 1.0;
    [
        cell(&old, &samples.old),
        cell(&new, &samples.new),
        format::percent(share),
    ]
}

fn side(name: &str, side: &Side) -> String {
    let commit = side
        .commit
        .as_deref()
        .map_or_else(String::new, |commit| format!(" at {}", shortened(commit)));
    format!(
        "{name}: {}{commit}, {}",
        side.name,
        format::plural(side.records, "record")
    )
}

fn context(comparison: &Comparison) -> Section {
    let mut table = Table::new([
        Column::text(""),
        Column::text("OLD"),
        Column::text("NEW"),
        Column::text("experiments"),
    ]);
    let total = comparison.experiments.len();
    for changes in comparison
        .context
        .chunk_by(|one, next| one.context == next.context)
    {
        let distinct = |value: fn(&ContextChange) -> &String| {
            let values: BTreeSet<_> = changes.iter().map(value).collect();
            format!("{} values", values.len())
        };
        if changes.len() > PAIRS_SHOWN {
            let experiments: Vec<_> = changes.iter().flat_map(|change| &change.experiments).collect();
            table.row([
                changes[0].context.name().to_owned(),
                distinct(|change| &change.old),
                distinct(|change| &change.new),
                named(&experiments, total),
            ]);
            continue;
        }
        for change in changes {
            table.row([
                change.context.name().to_owned(),
                shortened(&change.old),
                shortened(&change.new),
                named(&change.experiments.iter().collect::<Vec<_>>(), total),
            ]);
        }
    }
    Section::table("Changed around the experiments", table)
}

fn presence(comparison: &Comparison) -> Section {
    let mut table = Table::new([
        Column::text("experiment"),
        Column::text(""),
        Column::text("OLD"),
        Column::text("NEW"),
    ]);
    for lone in &comparison.lost {
        table.row([
            lone.experiment.clone(),
            "lost".to_owned(),
            lone.outcome.to_string(),
            dash(),
        ]);
    }
    for lone in &comparison.added {
        table.row([
            lone.experiment.clone(),
            "added".to_owned(),
            dash(),
            lone.outcome.to_string(),
        ]);
    }
    for change in &comparison.outcomes {
        let mut row =
            |what: String, old: String, new: String| table.row([change.experiment.clone(), what, old, new]);
        if change.old != change.new {
            row(
                "outcome".to_owned(),
                change.old.to_string(),
                change.new.to_string(),
            );
        }
        if let Some(levels) = change.levels {
            let [old, new] = levels.map(|level| level.to_string());
            row("what it proves".to_owned(), old, new);
        }
        for rule in &change.newly_broken {
            row(format!("limit of {rule}"), "kept".to_owned(), "BROKEN".to_owned());
        }
        for rule in &change.no_longer_broken {
            row(format!("limit of {rule}"), "broken".to_owned(), "kept".to_owned());
        }
    }
    Section::table("Lost, added, ended otherwise", table)
}

fn unread(comparison: &Comparison) -> Section {
    let mut table = Table::new([Column::text(""), Column::text("file"), Column::text("")]);
    for (name, side) in [("OLD", &comparison.old), ("NEW", &comparison.new)] {
        for problem in &side.problems {
            table.row([name.to_owned(), problem.path.clone(), problem.reason.clone()]);
        }
    }
    Section::table("Files that could not be used", table)
}

fn figures(comparison: &Comparison) -> Section {
    let mut table = figures_table();
    let mut changed = 0;
    let mut in_new_alone = JUDGED.map(|metric| (metric, 0));
    for experiment in &comparison.experiments {
        let mut is_changed = false;
        for (metric, change) in experiment.figures.pairs() {
            if change.old.is_none() && change.new.is_some() {
                let counts = in_new_alone.iter_mut().filter(|(one, _)| one == metric);
                counts.for_each(|(_, count)| *count += 1);
                continue;
            }
            let parts: Vec<_> = change
                .parts
                .iter()
                .filter(|(_, part)| is_told(change, part))
                .collect();
            if change.is_change() || !parts.is_empty() {
                is_changed = true;
                figure(&mut table, &experiment.experiment, &metric.row(), change);
                for (part, change) in parts {
                    figure(&mut table, &experiment.experiment, &format!("· {part}"), change);
                }
            }
        }
        changed += usize::from(is_changed);
    }
    let total = comparison.experiments.len();
    let mut notes = Vec::new();
    if changed < total {
        let of = format::plural(total, "experiment");
        notes.push(format!(
            "{} of {of} with the same gas and sizes, chance aside.",
            total - changed
        ));
    }
    let in_new_alone = in_new_alone.into_iter().filter(|&(_, count)| count > 0);
    notes.extend(in_new_alone.map(|(metric, count)| {
        let experiments = format::plural(count, "experiment");
        format!(
            "{}: NEW alone has it, in {experiments}.",
            format::capitalised(&metric.row())
        )
    }));
    notes.extend(by_chance(comparison, Metric::VerificationGas, |experiment| experiment.proof).map(|spread| {
        format!(
            "Another proof of the same statement in {}: its calldata has other zero bytes, which are cheaper. {} \
             Execution gas has no chance in it and is compared exactly.",
            spread.experiments, spread.figures
        )
    }));
    notes.extend(
        by_chance(comparison, Metric::DeploymentGas, |experiment| experiment.key).map(|spread| {
            format!(
                "Another key in {}: the verifier's constants are other random words. {}",
                spread.experiments, spread.figures
            )
        }),
    );
    Section {
        title: "Gas and sizes",
        table: Some(table),
        notes,
    }
}

/// A part is told where it changed; where one side does not know it, only beside a change of the whole.
fn is_told(whole: &Change, part: &Change) -> bool {
    part.is_change() && (whole.is_change() || (part.old.is_some() && part.new.is_some()))
}

fn figure(table: &mut Table, experiment: &str, figure: &str, change: &Change) {
    let count = |number: Option<i128>| number.map_or_else(dash, format::signed);
    table.row([
        experiment.to_owned(),
        figure.to_owned(),
        count(change.old),
        count(change.new),
        change.difference().map_or_else(dash, format::difference),
        change.relative().map_or_else(dash, format::percent),
    ]);
}

struct Spread {
    experiments: String,
    figures: String,
}

/// How far chance moved a figure, over the experiments in which it alone did; none where there is no such experiment.
fn by_chance(
    comparison: &Comparison,
    metric: Metric,
    identity: impl Fn(&ExperimentChange) -> Identity,
) -> Option<Spread> {
    let changes: Vec<&Change> = comparison
        .experiments
        .iter()
        .filter(|experiment| identity(experiment) == Identity::Another)
        .filter_map(|experiment| experiment.figures.get(metric))
        .filter(|change| change.chance > 0 && change.is_chance())
        .collect();
    let differences = || changes.iter().filter_map(|change| change.difference());
    let [least, greatest] = [differences().min()?, differences().max()?].map(format::difference);
    let bound = changes
        .iter()
        .map(|change| change.chance)
        .max()
        .map(format::count)?;
    let apart = if least == greatest {
        format!("by {least}")
    } else {
        format!("by {least} to {greatest}")
    };
    Some(Spread {
        experiments: format::plural(changes.len(), "experiment"),
        figures: format!(
            "{} differs {apart}; chance explains up to {bound} either way.",
            format::capitalised(&metric.row())
        ),
    })
}

fn phases(comparison: &Comparison) -> Section {
    let mut table = Table::new([
        Column::text("experiment"),
        Column::text("phase"),
        Column::written("OLD: median (range)"),
        Column::written("NEW: median (range)"),
        Column::written("change"),
        Column::written("by chance"),
    ]);
    let (mut overlapping, mut single, mut elsewhere) = (0, 0, 0);
    for experiment in &comparison.experiments {
        let Some(phases) = &experiment.phases else {
            elsewhere += 1;
            continue;
        };
        for change in phases {
            let times = sampled(&change.call_seconds, format::seconds, |seconds| seconds);
            let memory = sampled(&change.peak_rss_bytes, format::bytes, |bytes| bytes as f64);
            for (sampled, what) in [(times, Sampled::Time), (memory, Sampled::PeakMemory)] {
                match sampled {
                    Told::Same => {}
                    Told::Single => single += 1,
                    Told::Overlapping => overlapping += 1,
                    Told::Apart(cells) => {
                        let names = [experiment.experiment.clone(), what.row(change.phase)];
                        table.row(names.into_iter().chain(cells));
                    }
                }
            }
        }
    }
    let mut notes = Vec::new();
    if overlapping > 0 {
        let figures = format::plural(overlapping, "figure");
        notes.push(format!(
            "{figures} with samples that overlap: no difference can be told."
        ));
    }
    if single > 0 {
        let figures = format::plural(single, "figure");
        notes.push(format!(
            "{figures} with a single sample: nothing is known of the spread."
        ));
    }
    if elsewhere > 0 {
        let experiments = format::plural(elsewhere, "experiment");
        notes.push(format!(
            "{experiments} not compared: made on another machine or with other threads."
        ));
    }
    notes.extend(beside_others(comparison));
    Section {
        title: "Times and memory (these fail nothing)",
        table: Some(table),
        notes,
    }
}

/// What the samples of one quantity say.
enum Told {
    /// They are the same, or one side has none.
    Same,
    /// One side has a single one.
    Single,
    /// They overlap.
    Overlapping,
    /// They do not: the cells of a row.
    Apart([String; 4]),
}

fn sampled<T: Copy + PartialOrd>(
    samples: &Samples<T>,
    format: fn(T) -> String,
    number: fn(T) -> f64,
) -> Told {
    let Some([old, new]) = samples.summaries().filter(|_| !samples.are_same()) else {
        return Told::Same;
    };
    if samples.old.len() == 1 || samples.new.len() == 1 {
        return Told::Single;
    }
    if !samples.are_apart() {
        return Told::Overlapping;
    }
    let cell = |summary: Summary<T>| {
        let [median, least, greatest] = [summary.median, summary.least, summary.greatest].map(format);
        format!("{median} ({least} to {greatest})")
    };
    let share = number(new.median) / number(old.median) - 1.0;
    Told::Apart([
        cell(old),
        cell(new),
        if share.is_finite() {
            format::percent(share)
        } else {
            dash()
        },
        format!("1 in {}", format::count(samples.apart_by_chance_once_in())),
    ])
}

/// A failure as a line.
pub(super) fn failure(failure: &Failure, tolerance: Tolerance) -> String {
    match failure {
        Failure::Unread { set, path, reason } => format!("{path} in {set} {reason}"),
        Failure::Lost { experiment } => format!("{experiment} is lost; it was verified"),
        Failure::Outcome { experiment, old, new } => {
            let old = old
                .as_ref()
                .map_or_else(|| "not there".to_owned(), ToString::to_string);
            format!("{experiment} ended otherwise: {new}; it was {old}")
        }
        Failure::Rule { experiment, rule } => format!("{experiment} is now over the limit of {rule}"),
        Failure::Level { experiment, old, new } => {
            format!("{experiment}: what an accepted proof proves is now {new}; it was {old}")
        }
        Failure::Growth {
            experiment,
            metric,
            old,
            new,
        } => {
            let change = Change {
                old: Some(*old),
                new: Some(*new),
                ..Change::default()
            };
            let share = change
                .relative()
                .map_or_else(String::new, |share| format!(", {}", format::percent(share)));
            let difference = change.difference().map_or_else(dash, format::difference);
            format!(
                "{experiment}: {} grew by more than {tolerance}: {difference}{share}",
                metric.row()
            )
        }
    }
}

fn named(experiments: &[&String], total: usize) -> String {
    let names = |experiments: &[&String]| {
        experiments
            .iter()
            .map(|name| name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match experiments.len() {
        count if count == total && total > 1 => format!("all {total}"),
        count if count > EXPERIMENTS_NAMED => {
            let (first, rest) = experiments.split_at(EXPERIMENTS_NAMED - 1);
            format!("{} and {} more", names(first), rest.len())
        }
        _ => names(experiments),
    }
}

/// A digest or revision cut short; any other text as it is.
fn shortened(text: &str) -> String {
    let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_hexdigit).count());
    if digits.len() >= 40 {
        format!("{}{rest}", &digits[..DIGEST_LETTERS])
    } else {
        text.to_owned()
    }
}

fn dash() -> String {
    "-".to_owned()
}
