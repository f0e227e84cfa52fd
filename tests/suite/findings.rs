//! `docs/findings.md` is its template, filled in from the records in `results`; what it says beyond figures is held against them too.
//!
//! To renew it: `UPDATE_TABLES=1 cargo test --test suite findings::`. A template's `{{name column}}` is the cell of a record in
//! `records.csv` as people read it; the other fillings are the arms of [`Findings::fill`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use evmbench::chain::{Cause, Fits, Fork, Rule};
use evmbench::metric::Metric;
use evmbench::prover::{CircuitKind, Phase};
use evmbench::record::{Outcome, Source};
use evmbench::report::data::by_machine;
use evmbench::report::table::{Cell, Column};
use evmbench::report::tables::{self, records};
use evmbench::report::{Dataset, Entry, Prices, Report, csv, markdown, plots};
use evmbench::statistics::{PowerLaw, Summary, median};
use evmbench::store;
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

    /// A record by its name; by `ID-sSCALE-CIRCUIT`, the one that stands for them; with `+input_private` behind that, the one in which
    /// this was chosen alone.
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
            None => self.dataset().find(name).or_else(|| {
                let headlines = self.dataset().headlines();
                headlines.into_iter().find(|entry| is_of(entry))
            }),
        };
        entry.unwrap_or_else(|| panic!("no record {name}"))
    }

    fn cell(&self, name: &str, column: &str) -> (Column, Cell) {
        let columns = records::columns();
        let column = columns
            .into_iter()
            .find(|candidate| csv::heading(&candidate.column()) == column);
        let column = column.unwrap_or_else(|| panic!("no column {name}"));
        (column.column(), column.cell(self.entry(name)))
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
            "fitted" => self.law(Metric::ProveSeconds, 0).points,
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

    /// `{{law prove_seconds exponent from_16}}`.
    fn of_law(&self, metric: &str, what: &str, from: &str) -> String {
        let metric = match metric {
            "prove_seconds" => Metric::ProveSeconds,
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

    fn fill(&self, filling: &str) -> String {
        let whole = |number: f64| Column::integer("", None).show(&Cell::Integer(number.round() as i128));
        let words: Vec<&str> = filling.split_whitespace().collect();
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
    for plot in plots::all(findings.dataset()).unwrap() {
        assert_file(&format!("docs/plots/{}.svg", plot.name), &plot.svg);
    }
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

    // "So, within a few bytes, has that of every direct circuit with public input and output and without lookups".
    let codes: Vec<(u64, u64)> = findings
        .dataset()
        .headlines()
        .iter()
        .filter(|entry| entry.kind() != CircuitKind::Study || entry.record.proof.is_some())
        .filter_map(|entry| {
            Some((
                entry.record.verifier.as_ref()?.runtime_code_bytes,
                entry.record.proof.as_ref()?.proof_bytes,
            ))
        })
        .collect();
    assert!(codes.iter().all(|(code, _)| *code < 24_576), "{codes:?}");
    let of_study = findings
        .dataset()
        .headlines()
        .into_iter()
        .filter(|entry| entry.is_of_study());
    let of_study = of_study.filter_map(|entry| Some(entry.record.verifier.as_ref()?.runtime_code_bytes));
    let greatest = of_study.max();
    assert!(greatest.is_some_and(|code| code < 24_576 * 2 / 3), "{greatest:?}");
    let plain: Vec<u64> = codes
        .iter()
        .filter(|(_, proof)| *proof == 3_072)
        .map(|(code, _)| *code)
        .collect();
    assert!(
        plain.iter().max().unwrap() - plain.iter().min().unwrap() < 32,
        "{plain:?}"
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
        let laws = [Metric::ProveSeconds, Metric::ProvePeak].map(|metric| findings.law(metric, least));
        assert_eq!(laws[0].points, laws[1].points);
        for law in laws {
            assert!(
                law.explained > 0.95 && (0.8..1.2).contains(&law.exponent),
                "{law:?}"
            );
        }
    }
    let fitted = findings.fitted();
    assert_eq!(fitted.len(), findings.law(Metric::ProveSeconds, 0).points);
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

    // "In equally many padded rows, lookups cost", of as many proofs each.
    assert_eq!(
        number("silu-s7-direct", "prove_n"),
        number("poly-s7-direct", "prove_n")
    );
    assert_eq!(
        number("silu-s7-direct", "logrows"),
        number("poly-s7-direct", "logrows")
    );
    for column in ["prove_mean_seconds", "prove_peak_bytes", "proof_bytes"] {
        assert!(
            number("silu-s7-direct", column) > number("poly-s7-direct", column),
            "{column}"
        );
    }

    // Times that the text sets beside each other are of one machine.
    for names in [
        ["dense_small-s7-direct", "dense-s7-direct"],
        ["silu-s7-direct", "poly-s7-direct"],
    ] {
        let [one, other] = names.map(|name| findings.entry(name).machine());
        assert_eq!(one, other);
    }

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

    // "The four CNNs cost nearly the same", "below 600,000 gas", "a seventh of the memory or less".
    let committed = [
        "cnn_relu-s7-committed",
        "cnn_poly-s7-committed",
        "cnn_mixed-s7-committed",
        "cnn_strided-s7-committed",
    ];
    let gas: Vec<f64> = committed.iter().map(|name| number(name, "guarded_gas")).collect();
    let (least, most) = (
        gas.iter().copied().fold(f64::MAX, f64::min),
        gas.iter().copied().fold(0.0, f64::max),
    );
    assert!(most < 600_000.0 && most - least < 2_000.0, "{gas:?}");
    // "`cnn_strided` takes least and `cnn_relu` most."
    assert_eq!((least, most), (gas[3], gas[0]));
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

    // "No more rows, and gas within 2%": each against the study's circuit, which is finer.
    for (direct, study) in [
        ("relu-s7-direct", "relu-s10-study"),
        ("poly-s7-direct", "poly-s10-study"),
        ("silu-s7-direct", "silu-s10-study"),
        ("tanh-s7-direct", "tanh-s10-study"),
        ("dense-s7-direct", "dense-s10-study"),
        ("dense_small-s7-direct", "dense_small-s10-study"),
    ] {
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
        if [tables::chain::BY_DEFAULT, tables::chain::NONE_BY_DEFAULT].contains(&choice) {
            assert!(!groups.contains(&circuit), "{circuit:?}");
            let name = format!("{}-s{}-{}", circuit[0], circuit[1], circuit[2]);
            let headlines = findings.dataset().headlines();
            let default = headlines.iter().find(|entry| {
                let own = format!("{}-s{}-{}", entry.request().id, entry.scale(), entry.kind());
                own == name && entry.choices().is_empty()
            });
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
}

/// A record is called by what differs from the defaults, its image included, and no two are called the same.
#[test]
fn labels_name_what_differs() {
    let findings = Findings::read();
    let mut labels = BTreeSet::new();
    for entry in &findings.dataset().entries {
        let label = entry.label();
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
        if has(Metric::ProveSeconds) && table.name != "study_reproduction" {
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
    let mut elsewhere = one.clone();
    elsewhere.record.environment.machine.fingerprint = "another".to_owned();
    let metrics = [Metric::ProveSeconds];
    assert_eq!(
        tables::with_samples(&metrics, &[one, one]),
        [Metric::ProveSeconds, Metric::ProveCount]
    );
    assert_eq!(
        tables::with_samples(&metrics, &[one, &elsewhere]),
        [Metric::ProveSeconds, Metric::ProveCount, Metric::Machine]
    );
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
