//! `docs/findings.md` is its template, filled in from the records in `results`; what it says beyond figures is held against them too.
//!
//! To renew it: `UPDATE_TABLES=1 cargo test --test suite findings::`. A template's `{{name column}}` is the cell of a record in
//! `records.csv` as people read it; the other fillings are the arms of [`Findings::fill`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use evmbench::budget;
use evmbench::chain::{Cause, Fits, Fork, Rule};
use evmbench::metric::Metric;
use evmbench::prover::{CircuitKind, CircuitPlan, Io, Phase, Visibility};
use evmbench::record::{Circuit, Outcome, Record, Request, Source};
use evmbench::report::data::by_machine;
use evmbench::report::table::{Cell, Column};
use evmbench::report::tables::{self, records};
use evmbench::report::{Dataset, Entry, Prices, Report, csv, markdown, plots};
use evmbench::statistics::{PowerLaw, Summary, median};
use evmbench::store;
use evmbench::subject::{Material, Subject};
use evmbench::suite::{self, Experiment, MODELS, STUDY_SCALES, StudyOutcome, Suite};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn is_update() -> bool {
    std::env::var_os("UPDATE_TABLES").is_some()
}

/// Holds a file against what it must be, or makes it so.
#[track_caller]
fn assert_file(path: &str, text: &str) {
    let file = root(path);
    if is_update() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    } else {
        let found = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            found == text,
            "{path} is not what the records say; docs/report.md tells how to renew it"
        );
    }
}

/// How many proofs a record's run made and counted; none where it came to none.
fn proofs(entry: &Entry) -> Option<i128> {
    Metric::ProveCount.whole(&entry.record)
}

/// A count, or any other number that is shown as one, thousands apart.
fn whole(number: f64) -> String {
    Column::integer("", None).show(&Cell::Integer(number.round() as i128))
}

/// The least and the greatest of some numbers.
fn extremes(numbers: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let wider = |(least, most): (f64, f64), number: f64| (least.min(number), most.max(number));
    numbers.into_iter().fold((f64::MAX, f64::MIN), wider)
}

/// From the least of some gas to the most, in words.
fn range(numbers: impl IntoIterator<Item = f64>) -> String {
    let (least, most) = extremes(numbers);
    format!("{} to {}", whole(least), whole(most))
}

/// Processors that other programs take beside a run whose times are little disturbed.
const LITTLE_DISTURBED: f64 = 0.1;

/// What a call or a code breaks that no block is large enough for.
const BLOCK: [Rule; 1] = [Rule::BlockGas];

/// What a code breaks that is too long.
const CODE: [Rule; 2] = [Rule::RuntimeCodeSize, Rule::InitcodeSize];

struct Findings {
    report: Report,
}

impl Findings {
    fn read() -> Self {
        let dataset = Dataset::read(&[root("results").display().to_string()]).unwrap();
        Self {
            report: Report::new(dataset, &Prices::read(None).unwrap()),
        }
    }

    fn dataset(&self) -> &Dataset {
        &self.report.dataset
    }

    /// A record by its name; by `ID-sSCALE-CIRCUIT`, the one that stands for them, as in the tables, whatever record has that name; with
    /// `+input_private` behind that, the one in which this was chosen alone.
    fn entry(&self, name: &str) -> &Entry {
        let (base, choice) = match name.split_once('+') {
            Some((base, choice)) => (base, Some(choice.replace('_', " "))),
            None => (name, None),
        };
        let is_of = |entry: &Entry| {
            let circuit = format!("{}-s{}-{}", entry.request().id, entry.scale(), entry.kind());
            circuit == base
        };
        let entry = match choice {
            Some(choice) => {
                let mut entries = self.dataset().entries.iter();
                entries.find(|entry| is_of(entry) && entry.choices() == [choice.as_str()])
            }
            None => {
                let headlines = self.dataset().headlines();
                let headline = headlines.into_iter().find(|entry| is_of(entry));
                headline.or_else(|| self.dataset().find(name))
            }
        };
        entry.unwrap_or_else(|| panic!("no record {name}"))
    }

    /// By a column of `records.csv`, or by a metric that only tables show.
    fn cell(&self, name: &str, column: &str) -> (Column, Cell) {
        let entry = self.entry(name);
        let columns = records::columns();
        let found = columns
            .into_iter()
            .find(|candidate| csv::heading(&candidate.column()) == column);
        if let Some(found) = found {
            return (found.column(), found.cell(entry));
        }
        let metrics = Metric::all();
        let metric = metrics.into_iter().find(|metric| metric.id() == column);
        let metric = metric.unwrap_or_else(|| panic!("no column {column}"));
        (Column::of(metric), Cell::of(metric, Some(&entry.record)))
    }

    fn number(&self, name: &str, column: &str) -> f64 {
        match self.cell(name, column).1 {
            Cell::Integer(number) => number as f64,
            Cell::Real(number) => number,
            other => panic!("{name} {column}: {other:?}"),
        }
    }

    /// Gas of some causes of a record, `ec_add+pairing`.
    fn gas(&self, name: &str, causes: &str) -> i64 {
        let causes_of_record = self
            .entry(name)
            .record
            .verification
            .as_ref()
            .unwrap()
            .gas_by_cause
            .as_ref()
            .unwrap();
        let cause = |name: &str| -> Cause { serde_json::from_value(name.into()).unwrap() };
        causes
            .split('+')
            .map(|name| causes_of_record.get(cause(name)))
            .sum()
    }

    fn verified(&self) -> impl Iterator<Item = &Entry> {
        let entries = self.dataset().entries.iter();
        entries.filter(|entry| entry.record.outcome == Outcome::Verified)
    }

    /// Verified records that mainnet takes by no way, as what breaks it is a rule of this kind.
    fn beyond(&self, rules: &[Rule]) -> Vec<&Entry> {
        let unfit = self
            .verified()
            .filter(|entry| entry.fits_today() == Some(Fits::No));
        let breaks = |entry: &&Entry| {
            entry
                .record
                .broken_rules()
                .any(|broken| rules.contains(&broken.rule))
        };
        unfit.filter(breaks).collect()
    }

    fn out_of_memory(&self) -> Vec<(&Entry, Phase, u64)> {
        let entries = self.dataset().entries.iter();
        entries
            .filter_map(|entry| match entry.record.outcome {
                Outcome::OutOfMemory { phase, limit_bytes } if entry.kind() == CircuitKind::Direct => {
                    Some((entry, phase, limit_bytes))
                }
                _ => None,
            })
            .collect()
    }

    fn count(&self, what: &str) -> usize {
        let fitting = |fits: Fits| {
            self.verified()
                .filter(|entry| entry.fits_today() == Some(fits))
                .count()
        };
        match what {
            "all" => self.dataset().entries.len(),
            "proved" => self.verified().count(),
            "pool" => fitting(Fits::Pool),
            "one_transaction" => fitting(Fits::OneTransaction),
            "beyond_block" => self.beyond(&BLOCK).len(),
            "beyond_code" => self.beyond(&CODE).len(),
            "direct" => {
                let headlines = self.dataset().headlines();
                headlines
                    .iter()
                    .filter(|entry| entry.kind() == CircuitKind::Direct)
                    .count()
            }
            "out_of_memory" => self.out_of_memory().len(),
            "study_experiments" => Suite::All.experiments(&STUDY_SCALES).count(),
            "study_experiments_committed" => self.study_experiments_committed().len(),
            "study_experiments_of_main_revision" => self.main_revision().1,
            "fitted" => self.law(Metric::ProveMedian, 0).points,
            "circuits_proved" => {
                let circuits = self.by_circuit();
                let is_verified = |entry: &&Entry| entry.record.outcome == Outcome::Verified;
                let proved = circuits
                    .values()
                    .filter(|records| records.iter().any(is_verified));
                proved.count()
            }
            "study_has_rows" => self.beside_the_study().len(),
            "study_has_as_many_rows" => {
                let beside = self.beside_the_study().into_iter();
                beside.filter(|(_, ours, theirs)| ours == theirs).count()
            }
            "disturbed" => {
                let others = self.other_work();
                others
                    .into_iter()
                    .filter(|&others| others > LITTLE_DISTURBED)
                    .count()
            }
            "proved_once" => self.with_proofs(1),
            "proved_by_another" => self.with_proofs(0),
            "without_others" => {
                let entries = self.dataset().entries.iter();
                entries.filter(|entry| entry.record.others.is_none()).count()
            }
            other => panic!("no count {other}"),
        }
    }

    fn with_proofs(&self, count: i128) -> usize {
        let entries = self.dataset().entries.iter();
        entries.filter(|entry| proofs(entry) == Some(count)).count()
    }

    /// What proves the study's experiments in committed circuits, one record for each.
    fn study_experiments_committed(&self) -> Vec<&Entry> {
        let headlines = self.dataset().headlines();
        let proof_of = |experiment: Experiment| {
            headlines.iter().copied().find(|entry| {
                entry.record.outcome == Outcome::Verified
                    && entry.kind() == CircuitKind::Committed
                    && entry.request().id == experiment.model.id
                    && entry.scale() == experiment.scale
            })
        };
        Suite::All
            .experiments(&STUDY_SCALES)
            .filter_map(proof_of)
            .collect()
    }

    /// The revision of evmbench that made most of them, and how many.
    fn main_revision(&self) -> (&str, usize) {
        let mut counts = BTreeMap::new();
        for entry in self.study_experiments_committed() {
            let revision = entry.record.environment.git_revision.as_deref();
            *counts.entry(revision.unwrap_or_default()).or_insert(0) += 1;
        }
        counts
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .expect("there are some")
    }

    /// The machine of most headlines.
    fn main_machine(&self) -> &str {
        by_machine(&self.dataset().headlines())[0].0
    }

    /// The records that the laws are drawn through.
    fn fitted(&self) -> Vec<&Entry> {
        let mut fitted = by_machine(&self.dataset().headlines()).swap_remove(0).1;
        fitted.retain(|entry| proofs(entry).is_some());
        fitted
    }

    /// A metric's growth with padded rows on that machine, as the plot has it; from a k on, where one is given.
    fn law(&self, metric: Metric, least_logrows: i128) -> PowerLaw {
        let mut fitted = self.fitted();
        fitted.retain(|entry| Metric::Logrows.whole(&entry.record) >= Some(least_logrows));
        let point = |entry: &&Entry| {
            Some((
                Metric::PaddedRows.measure(&entry.record)?,
                metric.measure(&entry.record)?,
            ))
        };
        let points: Vec<(f64, f64)> = fitted.iter().filter_map(point).collect();
        PowerLaw::fit(&points).unwrap()
    }

    /// `{{law prove_median exponent from_16}}`.
    fn of_law(&self, metric: &str, what: &str, from: &str) -> String {
        let metric = match metric {
            "prove_median" => Metric::ProveMedian,
            "peak_memory" => Metric::ProvePeak,
            other => panic!("no law of {other}"),
        };
        let law = self.law(metric, from.parse().unwrap());
        match what {
            "exponent" => format!("{:.2}", law.exponent),
            "explained" => format!("{:.2}", law.explained),
            "points" => law.points.to_string(),
            other => panic!("no {other} of a law"),
        }
    }

    /// Records by their labels, in a sentence.
    fn labels(entries: &[&Entry]) -> String {
        let labels: Vec<String> = entries
            .iter()
            .map(|entry| format!("`{}`", entry.label()))
            .collect();
        labels.join(" and ")
    }

    /// Gas for a public value more, and without any, by two records.
    fn line(&self, one: &str, other: &str) -> (f64, f64) {
        let point = |name: &str| {
            (
                self.number(name, "instances"),
                self.number(name, "verification_gas"),
            )
        };
        let ((x0, y0), (x1, y1)) = (point(one), point(other));
        let slope = (y1 - y0) / (x1 - x0);
        (slope, y0 - slope * x0)
    }

    /// Relative standard deviations of proof times, in percent, least first.
    fn spreads(&self) -> Vec<f64> {
        let summaries = self
            .dataset()
            .entries
            .iter()
            .filter(|entry| proofs(entry) > Some(0))
            .filter_map(|entry| Summary::of(&entry.record.call_seconds(Phase::Prove)));
        let mut spreads: Vec<f64> = summaries
            .filter_map(|summary| Some(100.0 * summary.deviation? / summary.mean))
            .collect();
        spreads.sort_by(f64::total_cmp);
        spreads
    }

    /// Records with a key by their circuit: a committed one by its key, which has one reference string in all of them; another one by its model
    /// and how it is laid out, since it has another key on another string.
    fn by_circuit(&self) -> BTreeMap<String, Vec<&Entry>> {
        let mut circuits = BTreeMap::<String, Vec<&Entry>>::new();
        for entry in &self.dataset().entries {
            let Record {
                keys: Some(keys),
                circuit: Some(circuit),
                committed,
                model,
                request,
                ..
            } = &entry.record
            else {
                continue;
            };
            let name = if committed.is_some() {
                keys.verifying_key_sha256.clone()
            } else {
                let circuit = Circuit {
                    settings: serde_json::Value::Null,
                    ..circuit.clone()
                };
                let mut plan = serde_json::to_value(request.plan).unwrap();
                plan.as_object_mut().unwrap().remove("verifier");
                let circuit = serde_json::to_string(&circuit).unwrap();
                format!("{} {plan} {circuit}", model.onnx_sha256)
            };
            circuits.entry(name).or_default().push(entry);
        }
        circuits
    }

    /// Circuits of which one machine has proofs from several runs: the median times of each.
    fn proved_again(&self) -> Vec<Vec<f64>> {
        let mut medians = Vec::new();
        for mut records in self.by_circuit().into_values() {
            records.retain(|entry| proofs(entry) > Some(0));
            for (_, records) in by_machine(&records) {
                let of_runs = records
                    .iter()
                    .filter_map(|entry| Metric::ProveMedian.number(&entry.record));
                medians.push(of_runs.collect::<Vec<f64>>());
            }
        }
        medians.retain(|medians| medians.len() > 1);
        medians
    }

    /// By how much the greatest of them is above the least, in percent, where it is most.
    fn spread_of_runs(&self) -> f64 {
        let spreads = self.proved_again().into_iter().map(|medians| {
            let (least, most) = extremes(medians);
            100.0 * (most / least - 1.0)
        });
        spreads.fold(0.0, f64::max)
    }

    /// Verified records of one committed circuit and one compilation of its verifier, wherever several images were proved in it.
    fn over_images(&self) -> Vec<Vec<&Entry>> {
        let mut images = Vec::new();
        for mut records in self.by_circuit().into_values() {
            records.retain(|entry| {
                entry.kind() == CircuitKind::Committed && entry.record.outcome == Outcome::Verified
            });
            let mut compilations = BTreeMap::<u64, Vec<&Entry>>::new();
            for entry in records {
                let compilation = compilations.entry(entry.request().optimizer_runs);
                compilation.or_default().push(entry);
            }
            images.extend(compilations.into_values());
        }
        images.retain(|records| images_of(records) > 1);
        images
    }

    /// [`Self::over_images`] of the record's circuit and compilation.
    fn images_beside(&self, name: &str) -> Vec<&Entry> {
        let entry = self.entry(name);
        let images = self.over_images();
        let found = images
            .into_iter()
            .find(|records| records.iter().any(|record| record.experiment == entry.experiment));
        found.unwrap_or_else(|| panic!("one image of {name} alone"))
    }

    /// By how much gas moves between images of one circuit, at most.
    fn spread_of_images(&self) -> f64 {
        let spreads = self.over_images().into_iter().map(|records| {
            let (least, most) = extremes(meaningful_gas(&records));
            most - least
        });
        spreads.fold(0.0, f64::max)
    }

    /// Processors that other programs took beside the runs of which that is known.
    fn other_work(&self) -> Vec<f64> {
        let entries = self.dataset().entries.iter();
        entries
            .filter_map(|entry| Some(entry.record.others?.processors()))
            .collect()
    }

    /// Committed circuits of so many columns in 2^k rows, of which the main machine has proofs of their own.
    fn in_columns(&self, logrows: i128, columns: i128) -> Vec<&Entry> {
        let (entries, machine) = (self.dataset().entries.iter(), self.main_machine());
        entries
            .filter(|entry| {
                entry.kind() == CircuitKind::Committed
                    && entry.machine() == machine
                    && proofs(entry) > Some(0)
                    && Metric::Logrows.whole(&entry.record) == Some(logrows)
                    && Metric::InnerColumns.whole(&entry.record) == Some(columns)
            })
            .collect()
    }

    /// Our direct circuits of models that the study proved, with our rows and the study's.
    fn beside_the_study(&self) -> Vec<(&Entry, u64, u64)> {
        let headlines = self.dataset().study_headlines().into_iter();
        headlines
            .filter(|entry| entry.kind() == CircuitKind::Direct)
            .filter_map(|entry| {
                let theirs = suite::study_figures(&entry.request().id, entry.scale())?;
                let ours = entry.record.circuit.as_ref()?.rows;
                Some((entry, ours, theirs.circuit_rows))
            })
            .collect()
    }

    /// How many bits the limbs of a committed circuit have.
    fn limb_bits(&self, name: &str) -> u32 {
        let plan = self.entry(name).request().committed_plan();
        plan.unwrap_or_else(|| panic!("{name} has no limbs")).digit_bits()
    }

    /// Records whose times a sentence sets beside each other: of one machine, revision and day, with little else running.
    #[track_caller]
    fn assert_comparable(&self, names: [&str; 2]) {
        let [one, other] = names.map(|name| self.entry(name));
        let origin = |entry: &Entry| {
            let (machine, revision) = (entry.machine().to_owned(), entry.revision().to_owned());
            (machine, revision, entry.record.finished_at[..10].to_owned())
        };
        assert_eq!(origin(one), origin(other), "{names:?}");
        for entry in [one, other] {
            let others = entry.record.others.map(|others| others.processors());
            assert!(
                others.is_some_and(|others| others < LITTLE_DISTURBED),
                "{}: {others:?}",
                entry.experiment
            );
        }
    }

    /// What several records say together.
    fn fill_of_several(&self, words: &[&str]) -> Option<String> {
        Some(match words {
            ["range", column, names @ ..] => range(names.iter().map(|name| self.number(name, column))),
            ["images", name] => images_of(&self.images_beside(name)).to_string(),
            ["gas_of_images", name] => range(meaningful_gas(&self.images_beside(name))),
            ["spread_of_images"] => whole(self.spread_of_images()),
            ["columns", logrows, columns, what] => {
                let records = self.in_columns(logrows.parse().unwrap(), columns.parse().unwrap());
                let of = |metric: Metric| -> Vec<f64> {
                    let records = records.iter();
                    records
                        .filter_map(|entry| metric.measure(&entry.record))
                        .collect()
                };
                match *what {
                    "count" => records.len().to_string(),
                    "peak" => {
                        let (least, most) = extremes(of(Metric::ProvePeak));
                        format!("{least:.1} to {most:.1}")
                    }
                    "median" => format!("{:.0}", median(&of(Metric::ProveMedian)).unwrap()),
                    other => panic!("no {other} of columns"),
                }
            }
            ["more_rows"] => {
                let beside = self.beside_the_study().into_iter();
                let more = beside.filter(|(_, ours, theirs)| ours > theirs);
                let more = more.map(|(entry, ours, theirs)| {
                    let [ours, theirs] = [ours, theirs].map(|rows| whole(rows as f64));
                    format!("`{}` has {ours} in place of {theirs}", entry.request().id)
                });
                more.collect::<Vec<_>>().join(", ")
            }
            ["study_scales"] => {
                let scales = SIX_LAYERS.map(|id| self.number(&format!("{id}-s10-study"), "input_scale"));
                let scales: BTreeSet<String> = scales.map(whole).into();
                scales.into_iter().collect::<Vec<_>>().join(" or ")
            }
            ["runs"] => {
                let again = self.proved_again();
                format!(
                    "{:.0}%, over {} runs of {} circuits",
                    self.spread_of_runs(),
                    again.iter().map(Vec::len).sum::<usize>(),
                    again.len()
                )
            }
            ["most_disturbed"] => format!("{:.2}", self.other_work().into_iter().fold(0.0, f64::max)),
            _ => return None,
        })
    }

    fn fill(&self, filling: &str) -> String {
        let words: Vec<&str> = filling.split_whitespace().collect();
        if let Some(text) = self.fill_of_several(&words) {
            return text;
        }
        match words.as_slice() {
            ["machines"] => {
                let entries: Vec<&Entry> = self.dataset().entries.iter().collect();
                let machines = by_machine(&entries).into_iter().map(|(machine, entries)| {
                    let environment = &entries[0].record.environment;
                    let (cpu, cores) = (&environment.machine.cpu, environment.machine.cores);
                    let records = if entries.len() == 1 { "record" } else { "records" };
                    format!("`{machine}` ({cpu}, {cores} cores, {} {records})", entries.len())
                });
                machines.collect::<Vec<_>>().join(" and ")
            }
            ["disagree", name] => whole(self.number(name, "test_images") - self.number(name, "agreeing")),
            ["label", name] => self.entry(name).label(),
            ["limbs", name] => self.limb_bits(name).to_string(),
            ["beyond_block"] => Self::labels(&self.beyond(&BLOCK)),
            ["beyond_code"] => Self::labels(&self.beyond(&CODE)),
            ["study_experiments_with_choices"] => {
                let mut chosen = self.study_experiments_committed();
                chosen.retain(|entry| !entry.choices().is_empty());
                if chosen.is_empty() {
                    "all with the default options".to_owned()
                } else {
                    format!("with the default options but for {}", Self::labels(&chosen))
                }
            }
            ["machine", name] => self.entry(name).machine().to_owned(),
            ["main_machine"] => self.main_machine().to_owned(),
            ["main_revision"] => self.main_revision().0[..8].to_owned(),
            ["count", what] => self.count(what).to_string(),
            ["table", name] => {
                let table = self.report.tables.iter().find(|table| table.name == *name);
                let table = table.unwrap_or_else(|| panic!("no table {name}"));
                let section = markdown::section(table);
                let (_, content) = section.split_once("\n\n").unwrap();
                content.to_owned()
            }
            ["share", name, causes] => {
                let share = self.gas(name, causes) as f64 / self.number(name, "verification_gas");
                format!("{:.0}%", 100.0 * share)
            }
            ["gas", name, causes] => whole(self.gas(name, causes) as f64),
            ["slope_between", one, other] => whole(self.line(one, other).0),
            ["intercept_between", one, other] => whole(self.line(one, other).1),
            ["law", metric, what] => self.of_law(metric, what, "0"),
            ["law", metric, what, from] => self.of_law(metric, what, from.strip_prefix("from_").unwrap()),
            ["memory_cap"] => {
                let caps: Vec<u64> = self.out_of_memory().iter().map(|&(_, _, cap)| cap).collect();
                assert!(
                    caps.iter().all(|cap| *cap == caps[0]),
                    "the text speaks of one cap"
                );
                format!("{:.1}", caps[0] as f64 / f64::from(1 << 30))
            }
            ["rows_out_of_memory"] => {
                let out = self.out_of_memory();
                let rows = out
                    .iter()
                    .filter_map(|(entry, ..)| Some(entry.record.circuit.as_ref()?.rows));
                whole(rows.min().unwrap() as f64)
            }
            ["reproduced"] => {
                let (same, held) = tables::study::reproduced(self.dataset());
                format!("{same} of {held}")
            }
            ["noise"] => {
                let spreads = self.spreads();
                let most = spreads[spreads.len() - 1];
                format!(
                    "{:.1}% of the mean in the middle of {} records and {most:.1}% at most",
                    median(&spreads).unwrap(),
                    spreads.len()
                )
            }
            ["gas_spread"] => {
                let spreads = self.verified().map(|entry| {
                    let samples = &entry.record.tx_gas_samples;
                    samples.iter().max().unwrap() - samples.iter().min().unwrap()
                });
                whole(spreads.max().unwrap() as f64)
            }
            [name, column, "gib"] => format!("{:.2}", self.number(name, column) / f64::from(1 << 30)),
            [name, column] => {
                let (column, cell) = self.cell(name, column);
                assert_ne!(cell, Cell::Missing, "{filling}");
                column.show(&cell)
            }
            _ => panic!("no filling {filling:?}"),
        }
    }
}

/// Layers that were laid out both at the scale that was asked for and as the study did.
const SIX_LAYERS: [&str; 6] = ["relu", "poly", "silu", "tanh", "dense", "dense_small"];

/// How many images some records are of.
fn images_of(records: &[&Entry]) -> usize {
    let images = records
        .iter()
        .map(|entry| entry.request().sample.unwrap_or_default());
    images.collect::<BTreeSet<usize>>().len()
}

/// What verifying each record's proof costs, through its guard where it has a committed circuit.
fn meaningful_gas(records: &[&Entry]) -> Vec<f64> {
    let gas = records
        .iter()
        .map(|entry| Metric::MeaningfulGas.number(&entry.record).unwrap());
    gas.collect()
}

/// A document on one line.
fn said(path: &str) -> String {
    let text = std::fs::read_to_string(root(path)).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_findings_are_filled_in_from_records() {
    let findings = Findings::read();
    let template = std::fs::read_to_string(root("docs/templates/findings.md")).unwrap();
    let mut text = String::new();
    let mut rest = template.as_str();
    while let Some((before, after)) = rest.split_once("{{") {
        let (filling, after) = after.split_once("}}").unwrap();
        text += before;
        text += &findings.fill(filling);
        rest = after;
    }
    text += rest;
    assert_file("docs/findings.md", &text);
}

/// The plots that README and findings show: their SVG is as sharp at any size, and the same on every machine.
#[test]
fn the_plots_in_docs_are_of_the_records() {
    let findings = Findings::read();
    let drawn = plots::all(findings.dataset()).unwrap();
    for plot in &drawn {
        assert_file(&format!("docs/plots/{}.svg", plot.name), &plot.svg);
    }

    // Whose gas it is stands in the picture, and in words for who cannot see it.
    let plot = |name: &str| drawn.iter().find(|plot| plot.name == name).unwrap();
    for name in ["gas_by_cause", "forks", "forecasts"] {
        let [shown, told] = [&plot(name).svg, &plot(name).description];
        assert!(
            told.contains("of the verifier alone, without a guard"),
            "{name}: {told}"
        );
        assert!(shown.matches("verifier alone").count() > 1, "{name}");
    }
    for name in ["pareto_frontiers", "scaling_study", "choices"] {
        let [shown, told] = [&plot(name).svg, &plot(name).description];
        assert!(
            told.contains("through the guard where the circuit is committed"),
            "{name}: {told}"
        );
        assert!(
            shown.contains("verification gas (committed: through the guard)"),
            "{name}"
        );
    }

    // A machine of one or two records has no panel.
    for (machine, records) in by_machine(&findings.dataset().study_headlines()) {
        let title = format!("machine {machine}");
        for name in ["pareto_frontiers", "scaling_study"] {
            assert!(
                records.len() > 2 || !plot(name).svg.contains(&title),
                "{name}: {title}"
            );
        }
    }

    // The plot of choices has the times of the table, of each record with proofs of its own.
    let table = tables::chain::choices(findings.dataset());
    let headings: Vec<String> = table.columns.iter().map(Column::heading).collect();
    assert!(
        headings.contains(&Column::of(Metric::ProveMedian).heading()),
        "{headings:?}"
    );
    let chosen = findings.verified().filter(|entry| {
        let circuit = (entry.request().id.as_str(), entry.scale(), entry.kind());
        circuit == ("dense_small", 7, CircuitKind::Direct) && !entry.choices().is_empty()
    });
    let timed = chosen.filter(|entry| proofs(entry) > Some(0)).count() + 1;
    let choices = &plot("choices").svg;
    let panel = format!(
        "{} against {}",
        Metric::MeaningfulGas.name(),
        Metric::ProveMedian.name()
    );
    let (_, drawn) = choices.split_once(&panel).expect("a panel of times");
    let remark = drawn.lines().find(|line| line.contains("on the front")).unwrap();
    assert!(remark.contains(&format!(" of {timed}<")), "{remark}");
}

#[test]
fn the_columns_in_the_documentation_are_those_of_the_file() {
    let path = "docs/report.md";
    let text = std::fs::read_to_string(root(path)).unwrap();
    let (begin, end) = ("<!-- columns: begin -->\n", "<!-- columns: end -->");
    let (before, rest) = text.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let table = markdown::table(&records::documentation());
    assert_file(path, &format!("{before}{begin}{table}{end}{after}"));
}

/// Each of these is a sentence of the text that no figure alone bears out.
#[test]
#[expect(clippy::too_many_lines, reason = "a list of sentences")]
#[expect(clippy::float_cmp, reason = "counts, held as the tables hold them")]
fn what_the_findings_say_beyond_figures_holds() {
    let findings = Findings::read();
    let number = |name: &str, column: &str| findings.number(name, column);

    // "About a thousand for each public value", "a floor of half a million gas".
    let (slope, floor) = findings.line("dense_small-s7-direct", "dense-s7-direct");
    assert!(
        (950.0..1_150.0).contains(&slope) && (450_000.0..600_000.0).contains(&floor),
        "{slope} {floor}"
    );

    // "A number that depends on the circuit's columns, not on its rows": the same for circuits of 2^15, 2^17 and 2^21 rows.
    let curve = |name: &str| findings.gas(name, "ec_add+ec_mul+pairing");
    for name in ["relu-s7-direct", "poly-s7-direct", "avgpool2d_k2-s7-direct"] {
        assert_eq!(curve(name), curve("dense-s7-direct"), "{name}");
    }

    // docs/on-chain.md: "1,000 to 1,200 gas each up to 8,192 of them, and more than 2,300 at 163,840".
    let each = |name: &str| (number(name, "verification_gas") - floor) / number(name, "instances");
    let mut compared = 0;
    for entry in findings.dataset().headlines() {
        let instances = Metric::Instances.whole(&entry.record).unwrap_or_default();
        if entry.kind() != CircuitKind::Committed && (384..=8_192).contains(&instances) {
            let each = each(entry.name());
            assert!((1_000.0..1_200.0).contains(&each), "{}: {each}", entry.name());
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared}");
    assert!(each("avgpool2d_k2-s7-direct") > 2_300.0);

    // "Public values, not the model, decide": the layer without weights costs more than those with.
    let relu = findings.entry("relu-s7-direct");
    assert_eq!(
        (relu.record.model.parameters, relu.record.model.multiply_adds),
        (Some(0), Some(0))
    );
    assert!(
        number("relu-s7-direct", "verification_gas") > 5.0 * number("dense-s7-direct", "verification_gas")
    );

    // "Memory makes it worse than linear."
    let memory = |name: &str| findings.gas(name, "memory") as f64 / number(name, "verification_gas");
    assert!(memory("avgpool2d_k2-s7-direct") > 5.0 * memory("relu-s7-direct"));

    // "Of the choices in one direct circuit, a private input saves most."
    let choices = findings.verified().filter(|entry| {
        entry.request().id == "dense_small" && entry.scale() == 7 && entry.kind() == CircuitKind::Direct
    });
    let cheapest = choices
        .min_by_key(|entry| Metric::VerificationGas.whole(&entry.record))
        .unwrap();
    assert_eq!(cheapest.choices(), ["input private"]);

    // "All code but one verifier's is within EIP-170's 24,576 bytes", "the largest of all".
    let entries = findings.dataset().entries.iter();
    let sizes = entries.filter_map(|entry| Some(entry.record.verifier.as_ref()?.runtime_code_bytes));
    let mut beyond = sizes.filter(|&bytes| bytes > 24_576);
    let largest = beyond.next().unwrap() as f64;
    assert_eq!(beyond.next(), None);
    assert_eq!(
        largest,
        number("dense_small-s7-committed-32ca4347", "runtime_code_bytes")
    );
    // "Which Amsterdam alone deploys."
    let deploys = |fork: Fork| fork.limits().runtime_code_bytes as f64 >= largest;
    assert_eq!(
        Fork::ALL.map(deploys),
        Fork::ALL.map(|fork| fork == Fork::Amsterdam)
    );

    let headlines = findings.dataset().headlines().into_iter();
    let codes: Vec<u64> = headlines
        .filter_map(|entry| Some(entry.record.verifier.as_ref()?.runtime_code_bytes))
        .collect();
    assert!(codes.iter().all(|&code| code < 24_576), "{codes:?}");
    let of_study = findings
        .dataset()
        .headlines()
        .into_iter()
        .filter(|entry| entry.is_of_study());
    let of_study = of_study.filter_map(|entry| Some(entry.record.verifier.as_ref()?.runtime_code_bytes));
    let greatest = of_study.max();
    assert!(greatest.is_some_and(|code| code < 24_576 * 2 / 3), "{greatest:?}");
    // "So, within a few bytes, has that of every circuit that is laid out with public input and output, fixed or private weights, and no
    // lookups": at 200 optimizer runs.
    let mut alike = Vec::new();
    for entry in findings.verified() {
        let request = entry.request();
        let usual = Request::of_file(request.plan);
        let is_public = request.plan.input_visibility() == Visibility::Public
            && request.plan.output_visibility() == Visibility::Public;
        let is_plain = is_public
            && [Visibility::Fixed, Visibility::Private].contains(&request.plan.param_visibility())
            && (request.verifier, request.optimizer_runs) == (usual.verifier, usual.optimizer_runs);
        if entry.kind() == CircuitKind::Committed || !is_plain {
            continue;
        }
        // A report reads records without what no table shows.
        let settings = store::load(&entry.path).unwrap().circuit.unwrap().settings;
        if settings["required_lookups"].as_array().is_some_and(Vec::is_empty) {
            alike.push(entry.record.verifier.as_ref().unwrap().runtime_code_bytes);
        }
    }
    assert!(alike.len() >= 10, "{alike:?}");
    assert!(
        alike.iter().max().unwrap() - alike.iter().min().unwrap() < 32,
        "{alike:?}"
    );

    // "Amsterdam's calldata floor turns away the direct circuits of the four activations, which Osaka takes."
    for id in ["relu", "poly", "silu", "tanh"] {
        let fits = findings.entry(&format!("{id}-s7-direct")).record.fits();
        let fits: Vec<Fits> = fits.iter().map(Fits::of).collect();
        assert_eq!(
            fits,
            [Fits::OneTransaction, Fits::OneTransaction, Fits::No],
            "{id}"
        );
    }

    // docs/on-chain.md: "Under Amsterdam's floor calldata sets the price from some hundreds of public values on".
    for (name, is_floor) in [("dense_small-s7-direct", false), ("dense-s7-direct", true)] {
        let is_more = number(name, "amsterdam_gas") > number(name, "verification_gas");
        assert_eq!(is_more, is_floor, "{name}");
    }

    // "No block is large enough for", "the verifier's code is too long": there is no third cause, and these are what the text says.
    let (block, code) = (findings.beyond(&BLOCK), findings.beyond(&CODE));
    let mut unfit: Vec<&str> = block.iter().chain(&code).map(|entry| entry.name()).collect();
    unfit.sort_unstable();
    let mut expected: Vec<&str> = findings
        .verified()
        .filter(|entry| entry.fits_today() == Some(Fits::No))
        .map(Entry::name)
        .collect();
    expected.sort_unstable();
    assert_eq!(unfit, expected);
    assert!(
        block.iter().all(|entry| entry.kind() == CircuitKind::Direct),
        "{unfit:?}"
    );
    assert_eq!(code.len(), 1, "all code but one verifier's is within the limit");

    // Both laws are drawn through the same records, "one for each model, scale, output and kind of circuit", and explain them.
    for least in [0, 16] {
        let laws = [Metric::ProveMedian, Metric::ProvePeak].map(|metric| findings.law(metric, least));
        assert_eq!(laws[0].points, laws[1].points);
        for law in laws {
            assert!(
                law.explained > 0.95 && (0.8..1.2).contains(&law.exponent),
                "{law:?}"
            );
        }
    }
    let fitted = findings.fitted();
    assert_eq!(fitted.len(), findings.law(Metric::ProveMedian, 0).points);
    let distinct: BTreeSet<_> = fitted
        .iter()
        .map(|entry| {
            let request = entry.request();
            (
                request.id.to_string(),
                entry.scale(),
                entry.kind().to_string(),
                request.output.name(),
            )
        })
        .collect();
    assert_eq!(distinct.len(), fitted.len());

    // "At scale .., with drawn weights", "at scale 7, with trained weights".
    let weights = |name: &str| &findings.entry(name).record.model.weights;
    assert!(matches!(weights("cnn_strided-s10-study"), Source::Seeded { .. }));
    assert!(matches!(
        weights("cnn_strided-s7-committed"),
        Source::Trained { .. }
    ));

    // "Both proved in one 2^k and take much the same time": two layers of unequal rows.
    let (fewer, more) = ("dense_small-s7-direct", "dense-s7-direct");
    assert_eq!(number(fewer, "logrows"), number(more, "logrows"));
    assert!(number(more, "rows") > 3.0 * number(fewer, "rows"));
    let ratio = number(more, "prove_median_seconds") / number(fewer, "prove_median_seconds");
    assert!((0.9..1.1).contains(&ratio), "{ratio}");

    // "In equally many rows, lookups cost", of as many proofs each.
    let (with, without) = ("tanh-s7-direct", "poly-s7-direct");
    for column in ["rows", "logrows", "inner_columns", "prove_n"] {
        assert_eq!(number(with, column), number(without, column), "{column}");
    }
    for column in ["prove_median_seconds", "prove_peak_bytes", "proof_bytes"] {
        assert!(number(with, column) > number(without, column), "{column}");
    }
    // It is no accident of one record: the study's circuits of both differ likewise, and the other layer with lookups, in as many padded
    // rows and columns, takes as long.
    let [with_again, without_again] = ["tanh-s10-study", "poly-s10-study"].map(|name| {
        assert_eq!(number(name, "rows"), number(with, "rows"), "{name}");
        number(name, "prove_median_seconds")
    });
    assert!(with_again > without_again, "{with_again} {without_again}");
    let like = "silu-s7-direct";
    assert_eq!(number(like, "logrows"), number(with, "logrows"));
    let ratio = number(like, "prove_median_seconds") / number(with, "prove_median_seconds");
    assert!((0.85..1.18).contains(&ratio), "{ratio}");

    // Times that the text sets beside each other.
    for names in [[fewer, more], [with, without], [like, with]] {
        findings.assert_comparable(names);
    }

    // "Of one column less memory than any of two, and less time in the middle".
    let [one, two] = [1, 2].map(|columns| {
        let records = findings.in_columns(19, columns);
        assert!(records.len() > 2, "{columns}: {}", records.len());
        let of = |metric: Metric| -> Vec<f64> {
            let records = records.iter();
            records
                .map(|entry| metric.number(&entry.record).unwrap())
                .collect()
        };
        let (least, most) = extremes(of(Metric::ProvePeak));
        (least, most, median(&of(Metric::ProveMedian)).unwrap())
    });
    assert!(one.1 < two.0 && one.2 < two.2, "{one:?} {two:?}");

    // "The largest that went through": of the direct circuits.
    let direct = findings
        .verified()
        .filter(|entry| entry.kind() == CircuitKind::Direct);
    let largest = direct
        .max_by_key(|entry| Metric::Rows.whole(&entry.record))
        .unwrap();
    assert_eq!(largest.name(), findings.entry("avgpool2d_k2-s7-direct").name());

    // "Which the study gave up with 125 GB"; README: "which proved 26 of them".
    let gave_up = suite::find("cnn_relu").unwrap().study;
    assert_eq!(gave_up, Some(StudyOutcome::OutOfMemory));
    let by_study = MODELS
        .iter()
        .filter(|model| model.study == Some(StudyOutcome::Proved));
    assert_eq!(by_study.count() * STUDY_SCALES.len(), 26);

    // "The one of most rows at scale 7."
    let committed = findings.study_experiments_committed();
    let largest = committed
        .iter()
        .filter(|entry| entry.scale() == 7)
        .max_by_key(|entry| Metric::Rows.whole(&entry.record))
        .unwrap();
    assert_eq!(
        largest.label(),
        findings.entry("conv2d_large-s7-committed").label()
    );
    // "In one proof each."
    assert!(committed.iter().all(|entry| entry.request().part.is_none()));

    // "By default `conv2d_large` is proved so, in two": by the memory that its records were made with.
    let large = findings.dataset().entries.iter();
    let large: Vec<&Entry> = large
        .filter(|entry| entry.request().id == "conv2d_large" && entry.scale() == 7)
        .collect();
    assert!(large.iter().all(|entry| !entry.choices().is_empty()));
    let part = large.iter().find(|entry| entry.request().part.is_some()).unwrap();
    let recorded = &part.request().part.as_ref().unwrap().split;
    let model = suite::find("conv2d_large").unwrap();
    let category = model.category.to_string();
    let plan = CircuitPlan::committed(7, Io::default_for(&category)).unwrap();
    let whole_model = Subject::from_suite(
        Experiment { model, scale: 7 },
        Request::new(model.id, category, plan),
        Material::default(),
    );
    let memory = part.record.environment.memory_limit_bytes.unwrap();
    let split = budget::split_within(&whole_model.unwrap(), memory);
    assert_eq!((split.as_ref(), recorded.parts()), (Some(recorded), 2));

    // "The four CNNs cost nearly the same", "below 600,000 gas", "a seventh of the memory or less".
    let committed = [
        "cnn_relu-s7-committed",
        "cnn_poly-s7-committed",
        "cnn_mixed-s7-committed",
        "cnn_strided-s7-committed",
    ];
    let (least, most) = extremes(committed.map(|name| number(name, "guarded_gas")));
    assert!(most < 600_000.0, "{most}");
    // "Less apart than images of one of them", of the first image.
    let (cheapest, dearest) = extremes(meaningful_gas(
        &findings.images_beside("cnn_strided-s7-committed"),
    ));
    assert!(
        most - least < dearest - cheapest,
        "{least} {most} {cheapest} {dearest}"
    );
    for name in &committed {
        assert_eq!(
            findings.entry(name).request().sample.unwrap_or_default(),
            0,
            "{name}"
        );
    }
    // "Where two circuits are laid out alike, their gas differs by no more than that": under the table of scales.
    let mut compared = 0;
    for low in findings.dataset().study_headlines() {
        let high = format!("{}-s10-committed", low.request().id);
        if low.kind() != CircuitKind::Committed || low.scale() != 7 {
            continue;
        }
        let same = ["logrows", "inner_columns", "proof_bytes"]
            .iter()
            .all(|column| number(low.name(), column) == number(&high, column));
        if same && low.revision() == findings.entry(&high).revision() {
            let moved = number(low.name(), "guarded_gas") - number(&high, "guarded_gas");
            assert!(moved.abs() < findings.spread_of_images(), "{high}: {moved}");
            compared += 1;
        }
    }
    assert!(compared > 10, "{compared}");
    for name in &committed {
        assert_eq!(findings.entry(name).record.outcome, Outcome::Verified);
        assert!(7.0 * number(name, "prove_peak_bytes") < number("cnn_strided-s10-study", "prove_peak_bytes"));
        assert_eq!(number(name, "instances"), 12.0);
        // "It fits the public pool under every fork."
        let fits = findings.entry(name).record.fits();
        assert!(fits.iter().all(|fit| Fits::of(fit) == Fits::Pool), "{name}");
        assert_eq!(fits.len(), Fork::ALL.len(), "{name}");
    }

    // "A fifth of that can be saved, for more rows."
    let (tuned, untuned) = ("cnn_strided-s7-committed-f94920dd", "cnn_strided-s7-committed");
    let saved = 1.0 - number(tuned, "guarded_gas") / number(untuned, "guarded_gas");
    assert!((0.18..0.22).contains(&saved), "{saved}");
    assert!(number(tuned, "logrows") > number(untuned, "logrows"));
    // "It is what `evmbench tune` found."
    let profile = std::fs::read_to_string(root("results/tuned/profiles/cnn_strided-gas.json")).unwrap();
    let profile: serde_json::Value = serde_json::from_str(&profile).unwrap();
    assert_eq!(profile["measured"]["record"], tuned);
    // Its time and memory are those of the record that made its proof; fewer points are multiplied.
    let made = "cnn_strided-s7-committed-4fc53f69";
    let digest = |name: &str| {
        findings
            .entry(name)
            .record
            .committed
            .as_ref()
            .unwrap()
            .circuit_digest
    };
    assert_eq!(digest(tuned), digest(made));
    assert!(number(made, "prove_n") > 0.0);
    assert_eq!(
        (number(made, "inner_columns"), number(untuned, "inner_columns")),
        (1.0, 2.0)
    );
    assert!(findings.gas(tuned, "ec_mul") < findings.gas(untuned, "ec_mul"));
    // "With limbs of fewer bits, and errs more", and what that code costs to deploy.
    assert!(findings.limb_bits(tuned) < findings.limb_bits(untuned));
    assert!(number(tuned, "proved_error") > number(untuned, "proved_error"));
    assert!(number(tuned, "deployment_gas") > number(untuned, "deployment_gas"));
    // README: of its rows of one column.
    let sentence = format!(
        "with limbs of {} bits in place of {}",
        findings.limb_bits(tuned),
        findings.limb_bits(untuned)
    );
    assert!(said("README.md").contains(&sentence), "{sentence}");
    // "What it found for `cnn_mixed` is imprecise."
    let mixed = findings.dataset().entries.iter().filter(|entry| {
        let is_tuned = Metric::InnerColumns.whole(&entry.record) == Some(1);
        entry.request().id == "cnn_mixed" && is_tuned
    });
    let mixed: Vec<&Outcome> = mixed.map(|entry| &entry.record.outcome).collect();
    let is_imprecise = |outcome: &&Outcome| matches!(outcome, Outcome::Imprecise { .. });
    assert!(!mixed.is_empty() && mixed.iter().all(is_imprecise), "{mixed:?}");

    // "Who assures the input's range can decide the power of two", "one power of two, and little on chain".
    for (registered, checked) in [
        (
            "conv2d_k3_s1-s7-committed+input_registered",
            "conv2d_k3_s1-s7-committed",
        ),
        (
            "conv2d_k3_s2-s7-committed+input_registered",
            "conv2d_k3_s2-s7-committed",
        ),
        (
            "avgpool2d_k2-s7-committed+input_registered",
            "avgpool2d_k2-s7-committed",
        ),
    ] {
        assert_eq!(
            number(checked, "logrows"),
            number(registered, "logrows") + 1.0,
            "{checked}"
        );
        assert!(
            number(checked, "guarded_gas") < 1.1 * number(registered, "guarded_gas"),
            "{checked}"
        );
    }

    // "In `layernorm` it saves a power of two and no gas."
    let (registered, checked) = (
        "layernorm-s7-committed+input_registered",
        "layernorm-s7-committed",
    );
    assert_eq!(number(checked, "logrows"), number(registered, "logrows") + 1.0);
    assert!(number(checked, "guarded_gas") <= number(registered, "guarded_gas"));

    // "A few images in a thousand": between the circuit's answers and f32's, in all; more answers change, and fewer at scale 10.
    let pairs = [
        ["cnn_relu-s7-committed", "cnn_relu-s10-committed"],
        ["cnn_poly-s7-committed", "cnn_poly-s10-committed"],
        ["cnn_mixed-s7-committed", "cnn_mixed-s10-committed"],
        ["cnn_strided-s7-committed", "cnn_strided-s10-committed"],
    ];
    for [low, high] in pairs {
        for name in [low, high] {
            let lost = number(name, "right_in_f32") - number(name, "right_in_the_circuit");
            assert!(lost.abs() <= 50.0, "{name}: {lost}");
        }
        assert!(number(low, "agreeing") < number(high, "agreeing"), "{low}");
        assert!(
            number(low, "worst_logit_error") > number(high, "worst_logit_error"),
            "{low}"
        );
        // "None of the four needs more padded rows."
        assert_eq!(number(high, "logrows"), number(low, "logrows"), "{low}");
    }

    // "All in set-up."
    assert!(
        findings
            .out_of_memory()
            .iter()
            .all(|(_, phase, _)| *phase == Phase::Setup)
    );

    // "As many rows, but for one": of all direct circuits whose rows the study published.
    let beside = findings.beside_the_study();
    let others: Vec<&str> = beside
        .iter()
        .filter(|(_, ours, theirs)| ours != theirs)
        .map(|(entry, ..)| entry.request().id.as_str())
        .collect();
    assert_eq!(others, ["batchnorm2d"]);
    assert!(beside.len() > SIX_LAYERS.len(), "{}", beside.len());

    // "Gas within 2%": each against the study's circuit, which is finer.
    for id in SIX_LAYERS {
        let [direct, study] = ["s7-direct", "s10-study"].map(|circuit| format!("{id}-{circuit}"));
        let (direct, study) = (direct.as_str(), study.as_str());
        assert!(number(study, "input_scale") > number(direct, "input_scale"));
        assert_eq!(number(direct, "rows"), number(study, "rows"), "{direct}");
        let growth = number(study, "verification_gas") / number(direct, "verification_gas");
        assert!((0.98..1.02).contains(&growth), "{direct}: {growth}");
        assert!(number(study, "proved_error") < number(direct, "proved_error"));
    }

    // "A committed circuit can need more rows", "takes one power of two more".
    let (low, high) = ("dense-s7-committed", "dense-s10-committed");
    assert!(number(low, "rows") < number(high, "rows"));
    assert_eq!(number(high, "logrows"), number(low, "logrows") + 1.0);

    // "Those of the study's circuits and of the largest direct one among them."
    let study = findings
        .verified()
        .filter(|entry| entry.kind() == CircuitKind::Study);
    assert!(study.map(proofs).all(|proofs| proofs == Some(1)));
    assert_eq!(number("avgpool2d_k2-s7-direct", "prove_n"), 1.0);

    // "All machines have two cores."
    for entry in &findings.dataset().entries {
        assert_eq!(
            entry.record.environment.machine.cores,
            2,
            "{}",
            entry.request().id
        );
    }

    // "A local test SRS in every record."
    let strings = findings
        .dataset()
        .entries
        .iter()
        .filter_map(|entry| entry.record.keys.as_ref());
    for keys in strings {
        assert_eq!(serde_json::to_value(keys.srs.kind).unwrap(), "local_test");
    }
    // "Made once for each size in a cache folder": two folders of one machine have strings of their own, and a folder has one of a size.
    let table = tables::study::harness(findings.dataset());
    let of_strings = table
        .shown_rows()
        .find(|row| row[0] == "reference string")
        .unwrap();
    assert!(
        of_strings[2].starts_with("made once for each size in a cache folder"),
        "{of_strings:?}"
    );
    let mut strings = BTreeMap::<(u32, &str), BTreeSet<&str>>::new();
    for entry in &findings.dataset().entries {
        if let Some(keys) = &entry.record.keys {
            let of_size = strings.entry((keys.srs.logrows, entry.machine())).or_default();
            of_size.insert(&keys.srs.sha256);
        }
    }
    let [distinct, pairs] = [strings.values().map(BTreeSet::len).sum(), strings.len()];
    assert!(
        of_strings[2].contains(&format!("{distinct} strings, of {pairs} pairs")),
        "{of_strings:?}"
    );

    // "Other images move gas more than other proofs", "other runs move times more than the proofs of one".
    let samples = findings
        .verified()
        .map(|entry| Metric::VerificationGasSpread.number(&entry.record));
    assert!(samples.flatten().fold(0.0, f64::max) < findings.spread_of_images());
    assert!(findings.spread_of_runs() > median(&findings.spreads()).unwrap());
}

/// In the table of choices each record stands below the one of the same model, scale and kind of circuit in which nothing was chosen, or
/// below a row that says that there is none.
#[test]
fn every_choice_stands_below_its_own_default() {
    let findings = Findings::read();
    let table = tables::chain::choices(findings.dataset());
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut chosen = 0;
    for row in table.shown_rows() {
        let (circuit, choice) = (row[..3].to_vec(), row[3].as_str());
        let is_default = [tables::chain::BY_DEFAULT, tables::chain::NONE_BY_DEFAULT].contains(&choice);
        if is_default || choice.ends_with(tables::chain::IN_PARTS) {
            assert!(!groups.contains(&circuit), "{circuit:?}");
            let name = format!("{}-s{}-{}", circuit[0], circuit[1], circuit[2]);
            let is_of = |entry: &&Entry| {
                let own = format!("{}-s{}-{}", entry.request().id, entry.scale(), entry.kind());
                own == name && entry.choices().is_empty()
            };
            let default = findings.dataset().headlines().into_iter().find(is_of);
            // An ablation has its own baseline, which was made beside it.
            let ablation = findings.dataset().entries.iter().filter(is_of);
            let mut ablation = ablation.filter(|entry| entry.path.starts_with(root("results/ablation")));
            let default = ablation.next().or(default);
            let gas = default.map(|entry| Cell::of(Metric::MeaningfulGas, Some(&entry.record)));
            let gas = gas.map(|gas| Column::of(Metric::MeaningfulGas).show(&gas));
            assert_eq!(gas.is_some(), choice == tables::chain::BY_DEFAULT, "{name}");
            assert!(gas.is_none_or(|gas| row[4] == gas), "{name}");
            groups.push(circuit);
        } else {
            assert_eq!(groups.last(), Some(&circuit), "{choice}");
            chosen += 1;
        }
    }
    assert!(groups.len() > 5 && chosen > 30, "{} {chosen}", groups.len());
    // Where a model is proved in parts by default, they are in the table of parts.
    let in_parts = table
        .shown_rows()
        .filter(|row| row[3].ends_with(tables::chain::IN_PARTS));
    let in_parts: Vec<[String; 2]> = in_parts.map(|row| [row[0].clone(), row[1].clone()]).collect();
    assert_eq!(
        in_parts,
        STUDY_SCALES.map(|scale| ["conv2d_large".to_owned(), scale.to_string()])
    );
    let parts = tables::parts::parts(findings.dataset());
    for model in &in_parts {
        assert!(parts.shown_rows().any(|row| row[..2] == *model), "{model:?}");
    }
    // What no level says of private weights stands below.
    assert!(
        table
            .notes
            .iter()
            .any(|note| note.contains("weights private: The weights are bound to nothing"))
    );
}

/// A record is called by what differs from the defaults, its image included, and no two are called the same.
#[test]
fn labels_name_what_differs() {
    let findings = Findings::read();
    let (mut labels, mut circuits) = (BTreeSet::new(), BTreeSet::new());
    for entry in &findings.dataset().entries {
        let label = entry.label();
        let circuit = (
            entry.request().id.to_string(),
            entry.scale_in_words(),
            entry.circuit(),
        );
        assert!(circuits.insert(circuit), "two have the circuit of {label}");
        for choice in entry.choices() {
            assert!(label.contains(&choice), "{label}: {choice}");
        }
        // One column is no default, whoever chose it.
        let columns = Metric::InnerColumns.whole(&entry.record);
        if entry.kind() == CircuitKind::Committed && columns.is_some() {
            assert_eq!(label.contains("1 column"), columns == Some(1), "{label}");
            assert_eq!(
                entry.circuit().contains("1 column"),
                columns == Some(1),
                "{label}"
            );
        }
        let image = entry.request().sample.unwrap_or_default();
        assert_eq!(label.contains("image"), image != 0, "{label}");
        if entry.kind() == CircuitKind::Study {
            let used = entry.record.circuit.as_ref().unwrap().input_scale;
            assert!(label.contains(&format!("({used} used)")), "{label}");
        }
        assert!(labels.insert(label.clone()), "two are called {label}");
    }
}

/// Beside the time of a proof stands how many proofs it is of, and the machine where rows are of several; errors that stand below each
/// other are of as many inputs.
#[test]
fn tables_say_what_their_times_and_errors_are_of() {
    let findings = Findings::read();
    let headings = |metric: Metric| metric.heading().into_owned();
    let mut timed = 0;
    for table in &findings.report.tables {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let has = |metric: Metric| names.iter().any(|name| name.contains(&headings(metric)));
        if has(Metric::ProveMedian) {
            assert!(has(Metric::ProveCount), "{}: {names:?}", table.name);
            timed += 1;
        }
        assert!(
            !has(Metric::LargestError) || table.name == "models",
            "{}",
            table.name
        );
    }
    assert!(timed >= 6, "{timed}");

    let one = findings.entry("relu-s7-direct");
    let (mut elsewhere, mut later) = (one.clone(), one.clone());
    elsewhere.record.environment.machine.fingerprint = "another".to_owned();
    later.record.environment.git_revision = Some("another".to_owned());
    let shown = |entries: &[&Entry]| tables::with_samples(&[Metric::ProveMedian], entries);
    let own = [Metric::ProveMedian, Metric::ProveCount];
    assert_eq!(shown(&[one, one]), own);
    assert_eq!(shown(&[one, &elsewhere]), [&own[..], &[Metric::Machine]].concat());
    assert_eq!(shown(&[one, &later]), [&own[..], &[Metric::Revision]].concat());
}

/// The column of inner columns is what EZKL's settings say.
#[test]
fn inner_columns_are_those_of_the_settings() {
    let findings = Findings::read();
    let mut compared = 0;
    for entry in &findings.dataset().entries {
        if let Some(columns) = Metric::InnerColumns.whole(&entry.record) {
            // A report reads records without what no table shows.
            let settings = store::load(&entry.path).unwrap().circuit.unwrap().settings;
            let expected = settings["run_args"]["num_inner_cols"].as_u64();
            assert_eq!(
                Some(columns),
                expected.map(i128::from),
                "{}: {settings}",
                entry.name()
            );
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}
