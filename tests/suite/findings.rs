//! `docs/findings.md` is its template, filled in from the records in `results`; what it says beyond figures is held against them too.
//!
//! To renew it: `UPDATE_TABLES=1 cargo test --test suite findings::`. A template's `{{name column}}` is the cell of a record in
//! `records.csv` as people read it; the other fillings are the arms of [`Findings::fill`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evmbench::chain::{Cause, Fits, Fork};
use evmbench::metric::Metric;
use evmbench::prover::{CircuitKind, Phase};
use evmbench::record::Outcome;
use evmbench::report::data::by_machine;
use evmbench::report::table::{Cell, Column};
use evmbench::report::tables::{self, records};
use evmbench::report::{Dataset, Entry, Prices, Report, csv, markdown, plots};
use evmbench::statistics::{PowerLaw, Summary};
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

/// How many proofs of a record were counted.
fn proofs(entry: &Entry) -> usize {
    entry.record.call_seconds(Phase::Prove).len()
}

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

    fn entry(&self, name: &str) -> &Entry {
        self.dataset()
            .find(name)
            .unwrap_or_else(|| panic!("no record {name}"))
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

    fn fits_today(entry: &Entry) -> Fits {
        let fits = entry.record.fits();
        Fits::of(fits.iter().find(|fit| fit.fork() == Fork::default()).unwrap())
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
                .filter(|entry| Self::fits_today(entry) == fits)
                .count()
        };
        match what {
            "all" => self.dataset().entries.len(),
            "proved" => self.verified().count(),
            "pool" => fitting(Fits::Pool),
            "one_transaction" => fitting(Fits::OneTransaction),
            "unfit" => fitting(Fits::No),
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
            "fitted" => self.law(Metric::ProveSeconds).points,
            "proved_once" => {
                let entries = self.dataset().entries.iter();
                entries.filter(|entry| proofs(entry) == 1).count()
            }
            other => panic!("no count {other}"),
        }
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

    /// A metric's growth with rows on that machine, as the plot has it.
    fn law(&self, metric: Metric) -> PowerLaw {
        let points: Vec<(f64, f64)> = by_machine(&self.dataset().headlines())[0]
            .1
            .iter()
            .filter_map(|entry| {
                Some((
                    Metric::Rows.measure(&entry.record)?,
                    metric.measure(&entry.record)?,
                ))
            })
            .collect();
        PowerLaw::fit(&points).unwrap()
    }

    /// The median of a record's proof times, in seconds.
    fn median(&self, name: &str) -> f64 {
        let mut seconds = self.entry(name).record.call_seconds(Phase::Prove);
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2]
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
                    format!("`{machine}` ({cpu}, {cores} cores, {} records)", entries.len())
                });
                machines.collect::<Vec<_>>().join(" and ")
            }
            ["disagree", name] => whole(self.number(name, "test_images") - self.number(name, "agreeing")),
            ["median", name] => {
                let (column, _) = self.cell(name, "prove_mean_seconds");
                column.show(&Cell::Real(self.median(name)))
            }
            ["machine", name] => self.entry(name).machine().to_owned(),
            ["main_machine"] => self.main_machine().to_owned(),
            ["main_revision"] => self.main_revision().0[..8].to_owned(),
            ["count", what] => self.count(what).to_string(),
            ["table", name] => {
                let table = self.report.tables.iter().find(|table| table.name == *name);
                markdown::table(table.unwrap_or_else(|| panic!("no table {name}")))
            }
            ["share", name, causes] => {
                let share = self.gas(name, causes) as f64 / self.number(name, "verification_gas");
                format!("{:.0}%", 100.0 * share)
            }
            ["gas", name, causes] => whole(self.gas(name, causes) as f64),
            ["slope_between", one, other] => whole(self.line(one, other).0),
            ["intercept_between", one, other] => whole(self.line(one, other).1),
            ["exponent", "prove_seconds"] => format!("{:.2}", self.law(Metric::ProveSeconds).exponent),
            ["exponent", "peak_memory"] => format!("{:.2}", self.law(Metric::ProvePeak).exponent),
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
                    spreads[spreads.len() / 2],
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
    let (slope, floor) = findings.line("dense_small-s7-direct-d9708826", "dense-s7-direct");
    assert!(
        (950.0..1_150.0).contains(&slope) && (450_000.0..600_000.0).contains(&floor),
        "{slope} {floor}"
    );

    // "A number that depends on the circuit's columns, not on its rows": the same for circuits of 2^15, 2^17 and 2^21 rows.
    let curve = |name: &str| findings.gas(name, "ec_add+ec_mul+pairing");
    for name in [
        "relu-s7-direct",
        "poly-s7-direct",
        "avgpool2d_k2-s7-direct-38c0714d",
    ] {
        assert_eq!(curve(name), curve("dense-s7-direct"), "{name}");
    }

    // docs/on-chain.md: "1,000 to 1,100 gas each up to 8,192 of them, and more than twice as much at 163,840".
    let each = |name: &str| (number(name, "verification_gas") - floor) / number(name, "instances");
    for name in ["relu-s7-direct", "poly-s7-direct", "dense-s7-direct"] {
        assert!((1_000.0..1_100.0).contains(&each(name)), "{name}: {}", each(name));
    }
    assert!(each("avgpool2d_k2-s7-direct-38c0714d") > 2.0 * 1_100.0);

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
    assert!(memory("avgpool2d_k2-s7-direct-38c0714d") > 5.0 * memory("relu-s7-direct"));

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
    for (name, is_floor) in [
        ("dense_small-s7-direct-d9708826", false),
        ("dense-s7-direct", true),
    ] {
        let is_more = number(name, "amsterdam_gas") > number(name, "verification_gas");
        assert_eq!(is_more, is_floor, "{name}");
    }

    // Both laws are drawn through the same records.
    assert_eq!(
        findings.law(Metric::ProveSeconds).points,
        findings.law(Metric::ProvePeak).points
    );

    // "Both proved in one 2^k and take much the same time": two layers of unequal rows.
    let (fewer, more) = ("dense_small-s7-direct-d9708826", "dense-s7-direct");
    assert_eq!(number(fewer, "logrows"), number(more, "logrows"));
    assert!(number(more, "rows") > 3.0 * number(fewer, "rows"));
    let ratio = findings.median(more) / findings.median(fewer);
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
        ["dense_small-s7-direct-d9708826", "dense-s7-direct"],
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
    assert_eq!(largest.name(), "avgpool2d_k2-s7-direct-38c0714d");

    // "Which the study gave up with 125 GB"; README: "which proved 26 of them".
    let gave_up = suite::find("cnn_relu").unwrap().study;
    assert_eq!(gave_up, Some(StudyOutcome::OutOfMemory));
    let by_study = MODELS
        .iter()
        .filter(|model| model.study == Some(StudyOutcome::Proved));
    assert_eq!(by_study.count() * STUDY_SCALES.len(), 26);

    // "The largest, `conv2d_large`."
    let committed = findings.study_experiments_committed();
    let largest = committed
        .iter()
        .max_by_key(|entry| Metric::Rows.whole(&entry.record))
        .unwrap();
    assert_eq!(largest.request().id, "conv2d_large");

    // "The four CNNs cost nearly the same", "below 600,000 gas", "a seventh of the memory or less".
    let committed = [
        "cnn_relu-s7-committed-9290f798",
        "cnn_poly-s7-committed-7a1385d0",
        "cnn_mixed-s7-committed-094ad3c5",
        "cnn_strided-s7-committed-5f0cce16",
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
        assert!(
            7.0 * number(name, "prove_peak_bytes")
                < number("cnn_strided-s10-study-b77da412", "prove_peak_bytes")
        );
        assert_eq!(number(name, "instances"), 12.0);
        // "It fits the public pool under every fork."
        let fits = findings.entry(name).record.fits();
        assert!(fits.iter().all(|fit| Fits::of(fit) == Fits::Pool), "{name}");
        assert_eq!(fits.len(), Fork::ALL.len(), "{name}");
    }

    // "A fifth of that can be saved, for more rows."
    let (tuned, untuned) = (
        "cnn_strided-s7-committed-f94920dd",
        "cnn_strided-s7-committed-5f0cce16",
    );
    let saved = 1.0 - number(tuned, "guarded_gas") / number(untuned, "guarded_gas");
    assert!((0.18..0.22).contains(&saved), "{saved}");
    assert!(number(tuned, "logrows") > number(untuned, "logrows"));

    // "Who assures the input's range can decide the power of two", "one power of two, and little on chain".
    for (registered, checked) in [
        (
            "conv2d_k3_s1-s7-committed-6d2a96ec",
            "conv2d_k3_s1-s7-committed-cd50c254",
        ),
        (
            "conv2d_k3_s2-s7-committed-d73c535d",
            "conv2d_k3_s2-s7-committed-a219d651",
        ),
        (
            "avgpool2d_k2-s7-committed-463ef9e7",
            "avgpool2d_k2-s7-committed-74a49c55",
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
        [
            "cnn_relu-s7-committed-9290f798",
            "cnn_relu-s10-committed-b6aab6da",
        ],
        [
            "cnn_poly-s7-committed-7a1385d0",
            "cnn_poly-s10-committed-d5341609",
        ],
        [
            "cnn_mixed-s7-committed-094ad3c5",
            "cnn_mixed-s10-committed-0b00081f",
        ],
        [
            "cnn_strided-s7-committed-5f0cce16",
            "cnn_strided-s10-committed-8667ab8f",
        ],
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

    // "No more rows, and at most 2% more gas": each against the study's circuit, which is finer.
    for (direct, study) in [
        ("relu-s7-direct", "relu-s10-study-dc733b22"),
        ("poly-s7-direct", "poly-s10-study-74ae1331"),
        ("silu-s7-direct", "silu-s10-study-2151caf4"),
        ("tanh-s7-direct", "tanh-s10-study-7d05e03d"),
        ("dense-s7-direct", "dense-s10-study-6babee44"),
        ("dense_small-s7-direct", "dense_small-s10-study-c9167425"),
    ] {
        assert!(number(study, "input_scale") > number(direct, "input_scale"));
        assert_eq!(number(direct, "rows"), number(study, "rows"), "{direct}");
        let growth = number(study, "verification_gas") / number(direct, "verification_gas");
        assert!((0.99..1.02).contains(&growth), "{direct}: {growth}");
        assert!(number(study, "largest_error") < number(direct, "largest_error"));
    }

    // "A committed circuit can need more rows", "takes one power of two more".
    let (low, high) = ("dense-s7-committed", "dense-s10-committed");
    assert!(number(low, "rows") < number(high, "rows"));
    assert_eq!(number(high, "logrows"), number(low, "logrows") + 1.0);

    // "Those of the study's circuits and of the largest direct one among them."
    let study = findings
        .verified()
        .filter(|entry| entry.kind() == CircuitKind::Study);
    assert!(study.map(proofs).all(|proofs| proofs == 1));
    assert_eq!(number("avgpool2d_k2-s7-direct-38c0714d", "prove_n"), 1.0);

    // "All machines have two cores."
    for entry in &findings.dataset().entries {
        assert_eq!(
            entry.record.environment.machine.cores,
            2,
            "{}",
            entry.request().id
        );
    }

    // "A local test string in every record."
    let strings = findings
        .dataset()
        .entries
        .iter()
        .filter_map(|entry| entry.record.keys.as_ref());
    for keys in strings {
        assert_eq!(serde_json::to_value(keys.srs.kind).unwrap(), "local_test");
    }
}
