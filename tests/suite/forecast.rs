//! The forecast against everything that was measured: exact where it says so, within its aims elsewhere, each miss listed.
//!
//! To renew the tables of `docs/forecast.md`: `UPDATE_TABLES=1 cargo test --test suite forecast::`.

use crate::common;
use std::collections::BTreeSet;
use std::path::PathBuf;

use evmbench::chain::Fork;
use evmbench::environment;
use evmbench::forecast::{
    self, BatchForecast, BatchSample, Calibration, Coefficients, Estimate, Forecast, Role, Sample, Seconds,
    Speed,
};
use evmbench::guard::batch::CLAIMS;
use evmbench::prover::{CircuitKind, CircuitSettings, CircuitShape, Phase, compiled};
use evmbench::record::Record;
use evmbench::solidity::CompileOptions;
use evmbench::solidity::opening::{MOST_STRAIGHT_INSTANCES, Sharing};
use evmbench::statistics::Summary;
use evmbench::store::{self, StoredRun};
use evmbench::subject::{Material, Subject};
use evmbench::suite::{self, Experiment};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn samples() -> Vec<Sample> {
    Sample::all(&root().join("data/forecast/samples")).unwrap()
}

fn batches() -> Vec<BatchSample> {
    BatchSample::all(&root().join("data/forecast/batches")).unwrap()
}

/// Every record that has keys, with its settings.
fn records() -> Vec<(String, Record)> {
    let results = root().join("results");
    let paths = store::record_paths(&results).unwrap();
    paths
        .into_iter()
        .filter_map(|path| {
            let record = store::load(&results.join(&path)).ok()?;
            record
                .keys
                .is_some()
                .then(|| (path.display().to_string(), record))
        })
        .collect()
}

fn settings(json: &serde_json::Value) -> CircuitSettings {
    CircuitSettings::parse(&json.to_string()).unwrap()
}

/// As fast as the fit expects, and one second passes for each of the processor's.
const IDEAL: Speed = Speed {
    cpu_ratio: 1.0,
    seconds_per_cpu_second: 1.0,
    spread: 0.0,
};

/// Seconds are then those of the processor, which is what a fit is to.
fn processor_time() -> Calibration {
    Calibration {
        measured_at: String::new(),
        ezkl_version: String::new(),
        machine: environment::machine(),
        threads: 1,
        load_average: None,
        setup: IDEAL,
        prove: IDEAL,
    }
}

fn forecast(sample: &Sample) -> Forecast {
    forecast::of(
        &settings(&sample.settings),
        sample.instance_zero_bytes,
        Some(&processor_time()),
    )
    .unwrap()
}

#[test]
fn columns_of_every_record_follow_from_its_settings() {
    let records = records();
    assert!(records.len() > 20);
    for (name, record) in records {
        let circuit = record.circuit.unwrap();
        let shape = CircuitShape::of(&settings(&circuit.settings)).unwrap();
        let columns = circuit.columns.unwrap();
        assert_eq!(shape.advice_columns(), columns.advice_columns, "{name}");
        assert_eq!(shape.permutation_columns, columns.permutation_columns, "{name}");
        assert!(shape.fixed_columns.contains(&columns.fixed_columns), "{name}");
    }
}

/// A committed circuit's shape is known before EZKL lays it out: that of the settings that are written for it, and of those that it
/// was proved with.
#[test]
fn the_shape_of_a_committed_circuit_needs_no_settings() {
    let mut compared = 0;
    for (name, record) in records() {
        let request = record.request;
        // The weights of a network's record are in a file that is not here.
        if request.plan.kind() != CircuitKind::Committed || request.is_of_file() {
            continue;
        }
        let has_choices = request.chosen.is_some();
        let experiment = Experiment {
            model: suite::find(&request.id).unwrap(),
            scale: request.plan.scale(),
        };
        let index = request.part.as_ref().map_or(0, |part| part.index);
        let subject = Subject::from_suite(experiment, request, Material::default()).unwrap();
        let committed = subject.parts().unwrap().swap_remove(index).committed.unwrap();
        let recorded = settings(&record.circuit.unwrap().settings);
        let shape = CircuitShape::of_committed(&committed.circuit).unwrap();
        let proved = CircuitShape::of(&recorded).unwrap();
        // An older evmbench, which chose nothing, laid out other cells.
        if has_choices || shape.cells == proved.cells {
            assert_eq!(shape, proved, "{name}");
        }
        let forecast = forecast::of_committed(&committed.circuit, None, None).unwrap();
        let own = settings(&compiled::settings(&committed.circuit));
        assert_eq!(shape, CircuitShape::of(&own).unwrap(), "{name}");
        assert_eq!(forecast, forecast::of(&own, None, None).unwrap(), "{name}");
        compared += 1;
    }
    assert!(compared >= 30, "{compared}");
}

/// What is said to be exact is, and what is a range holds what was measured.
#[test]
fn sizes_of_every_record_and_sample_are_exact_or_in_range() {
    let recorded = records().into_iter().map(|(name, record)| {
        let (keys, proof) = (record.keys.unwrap(), record.proof.unwrap());
        (
            name,
            record.circuit.unwrap().settings,
            keys.proving_key_bytes,
            keys.verifying_key_bytes,
            proof.proof_bytes,
            proof.instances,
        )
    });
    let sampled = samples().into_iter().map(|sample| {
        (
            sample.name,
            sample.settings,
            sample.proving_key_bytes,
            sample.verifying_key_bytes,
            sample.proof_bytes,
            sample.instances,
        )
    });
    let mut exact = 0;
    for (name, json, proving_key, verifying_key, proof, instances) in recorded.chain(sampled) {
        let forecast = forecast::of(&settings(&json), None, None).unwrap();
        assert!(forecast.verifying_key_bytes.holds(verifying_key), "{name}");
        assert!(forecast.proof_bytes.holds(proof), "{name}");
        assert_eq!(forecast.instances, instances, "{name}");
        if let Some(bytes) = proving_key {
            assert!(forecast.proving_key_bytes.holds(bytes), "{name}");
        }
        exact += usize::from(forecast.proving_key_bytes.is_exact());
    }
    assert!(exact >= 60, "{exact} of one block or few columns");
}

#[test]
fn the_coefficients_are_those_of_the_samples() {
    let samples = samples();
    assert!(samples.len() >= 30);
    assert!(samples.iter().filter(|sample| sample.role == Role::Test).count() >= 10);
    // Not assert_eq, which would print all of them.
    assert!(
        Coefficients::fit(&samples, &batches()) == *Coefficients::current(),
        "other coefficients come out: run evmbench corpus"
    );
}

/// One figure of one sample: its aim, and how far off the forecast was.
struct Figure {
    name: &'static str,
    /// The largest miss that is aimed at, as a share; 0 where the figure is to be exact.
    aim: f64,
    forecast: f64,
    measured: f64,
    /// Whether the interval holds what was measured.
    held: bool,
}

impl Figure {
    fn whole(name: &'static str, aim: f64, forecast: Estimate, measured: Option<u64>) -> Option<Self> {
        measured.map(|measured| Self {
            name,
            aim,
            forecast: forecast.likely as f64,
            measured: measured as f64,
            held: forecast.holds(measured),
        })
    }

    fn seconds(name: &'static str, forecast: Option<Seconds>, measured: Option<f64>) -> Option<Self> {
        let (forecast, measured) = (forecast?, measured?);
        Some(Self {
            name,
            aim: 0.2,
            forecast: forecast.likely,
            measured,
            held: forecast.low <= measured && measured <= forecast.high,
        })
    }

    fn miss(&self) -> f64 {
        self.forecast / self.measured - 1.0
    }

    fn is_missed(&self) -> bool {
        self.miss().abs() > self.aim
    }

    /// The miss, bold where the aim is missed.
    fn shown(&self) -> String {
        let miss = share(self.miss());
        if self.is_missed() {
            format!("**{miss}**")
        } else {
            miss
        }
    }
}

const FIGURES: [&str; 9] = [
    "proving key",
    "proof",
    "calldata",
    "code",
    "gas",
    "set-up memory",
    "prove memory",
    "set-up time",
    "prove time",
];

/// In the order of [`FIGURES`]; none where nothing was measured.
fn figures(sample: &Sample) -> [Option<Figure>; 9] {
    let forecast = forecast(sample);
    let gas = |fork: Fork| {
        let found = sample.gas.iter().find(|gas| gas.fork == fork)?;
        // Without the public values, what the call's bytes cost is not known.
        let measured = sample.instance_zero_bytes.map(|_| found.verification.tx_gas);
        let forecast = forecast.forks.iter().find(|under| under.fork == fork)?;
        Figure::whole("gas", 0.02, forecast.verification_gas, measured)
    };
    let (whole, seconds) = (Figure::whole, Figure::seconds);
    [
        whole(
            "proving key",
            0.001,
            forecast.proving_key_bytes,
            sample.proving_key_bytes,
        ),
        whole("proof", 0.0, forecast.proof_bytes, Some(sample.proof_bytes)),
        whole(
            "calldata",
            0.0,
            forecast.calldata_bytes,
            Some(sample.calldata_bytes),
        ),
        whole(
            "code",
            0.03,
            forecast.runtime_code_bytes,
            Some(sample.runtime_code_bytes),
        ),
        gas(Fork::Osaka),
        whole(
            "set-up memory",
            0.1,
            forecast.setup_peak_bytes,
            sample.setup.peak_rss_bytes,
        ),
        whole(
            "prove memory",
            0.1,
            forecast.prove_peak_bytes,
            sample.prove.peak_rss_bytes,
        ),
        seconds("set-up time", forecast.setup_seconds, sample.setup.cpu_seconds),
        seconds("prove time", forecast.prove_seconds, sample.prove.cpu_seconds),
    ]
}

fn share(share: f64) -> String {
    if share == 0.0 {
        "0".to_owned()
    } else {
        format!("{:+.2}%", 100.0 * share)
    }
}

#[test]
fn the_tables_of_the_document_are_from_the_samples() {
    let mut heading = vec!["circuit", "", "2^k", "inner columns"];
    heading.extend(FIGURES);
    let rows = samples().into_iter().map(|sample| {
        let shape = CircuitShape::of(&settings(&sample.settings)).unwrap();
        let role = match sample.role {
            Role::Fit => "fit",
            Role::Test => "test",
        };
        let mut row = vec![
            sample.name.clone(),
            role.to_owned(),
            shape.logrows.to_string(),
            sample.settings["run_args"]["num_inner_cols"].to_string(),
        ];
        row.extend(figures(&sample).map(|figure| figure.map_or("-".to_owned(), |figure| figure.shown())));
        row
    });
    common::assert_table("docs/forecast.md", "forecasts", &common::markdown(&heading, rows));

    let mut misses = Vec::new();
    for sample in samples() {
        for figure in figures(&sample).into_iter().flatten().filter(Figure::is_missed) {
            let interval = if figure.held { "inside" } else { "outside" };
            misses.push(format!(
                "- {}, {}: {} forecast, {} measured ({}, {interval} the interval)\n",
                sample.name,
                figure.name,
                figure.forecast,
                figure.measured,
                share(figure.miss()),
            ));
        }
    }
    if misses.is_empty() {
        misses.push("Nothing.\n".to_owned());
    }
    common::assert_table("docs/forecast.md", "misses", &misses.concat());
}

/// Which runs the samples are of that have a record's name, or that of a model of the suites.
#[test]
fn whose_the_samples_are_is_from_the_records() {
    let records = records();
    let (mut of_record, mut of_earlier, mut of_none) = (0, 0, Vec::new());
    for sample in samples() {
        let file = format!("/{}.json", sample.name);
        let named: Vec<&Record> = records
            .iter()
            .filter(|(path, _)| path.ends_with(&file))
            .map(|(_, record)| record)
            .collect();
        assert!(named.len() <= 1, "{file}");
        let (id, _) = sample.name.split_once("-s").unwrap_or_default();
        if let Some(record) = named.first() {
            let keys = record.keys.as_ref().unwrap();
            assert_eq!(keys.verifying_key_bytes, sample.verifying_key_bytes, "{file}");
            assert_eq!(keys.proving_key_bytes, sample.proving_key_bytes, "{file}");
            let is_its_own = record.call_seconds(Phase::Setup).first() == sample.setup.call_seconds.as_ref();
            *if is_its_own {
                &mut of_record
            } else {
                &mut of_earlier
            } += 1;
        } else if suite::find(id).is_ok() {
            let rows = |settings: &serde_json::Value| settings["num_rows"].as_u64().unwrap();
            for (path, record) in records.iter().filter(|(_, record)| record.request.id == *id) {
                let recorded = rows(&record.circuit.as_ref().unwrap().settings);
                assert_ne!(
                    recorded,
                    rows(&sample.settings),
                    "{path} has the circuit of {file}"
                );
            }
            of_none.push(format!("`{}`", sample.name));
        }
    }
    let of_none = if of_none.is_empty() {
        String::new()
    } else {
        format!(
            " The circuits of {} are those of an older evmbench; no record has them.",
            of_none.join(", ")
        )
    };
    let sentence = format!(
        "A sample with a record's name was made from a record: {of_record} from the one in [`results`](../results), {of_earlier} from an earlier \
         record of the same circuit.{of_none} The others are specimens and held-out networks.\n"
    );
    common::assert_table("docs/forecast.md", "samples", &sentence);
}

/// Seconds that passed, beside those that were forecast for the machine, of every run that made its own key on a machine that had
/// been calibrated. All but a few are within a fifth.
#[test]
fn the_times_of_the_document_are_from_the_records() {
    let timed = |(name, record): (String, Record)| {
        let forecast = record.forecast.as_ref()?;
        record.keys.as_ref().filter(|keys| !keys.reused)?;
        let measured = |phase| Summary::of(&record.call_seconds(phase)).map(|summary| summary.mean);
        let figures = [
            Figure::seconds("set-up time", forecast.setup_seconds, measured(Phase::Setup))?,
            Figure::seconds("prove time", forecast.prove_seconds, measured(Phase::Prove))?,
        ];
        let machine = format!("`{}`", record.environment.machine.fingerprint);
        Some((
            name.trim_end_matches(".json").to_owned(),
            machine,
            forecast.logrows,
            figures,
        ))
    };
    let timed: Vec<_> = records().into_iter().filter_map(timed).collect();
    let heading = [
        "record",
        "machine",
        "2^k",
        "set-up, forecast (s)",
        "set-up (s)",
        "miss",
        "prove, forecast (s)",
        "prove (s)",
        "miss",
    ];
    let rows = timed.iter().map(|(name, machine, logrows, figures)| {
        let mut row = vec![name.clone(), machine.clone(), logrows.to_string()];
        for figure in figures {
            row.push(format!("{:.1}", figure.forecast));
            row.push(format!("{:.1}", figure.measured));
            row.push(figure.shown());
        }
        row
    });
    common::assert_table("docs/forecast.md", "times", &common::markdown(&heading, rows));

    let figures = || timed.iter().flat_map(|(.., figures)| figures);
    let outside = figures().filter(|figure| !figure.held).count();
    let sentence = format!(
        "{outside} of {} measured times lie outside the interval that was forecast for them.\n",
        figures().count()
    );
    common::assert_table("docs/forecast.md", "outside", &sentence);
    // A virtual machine is faster in one hour than in another: all its times are then off by as much, which is within the aim.
    let mut missed = 0;
    let names: BTreeSet<&String> = timed.iter().map(|(_, machine, ..)| machine).collect();
    for (machine, at) in names.into_iter().flat_map(|machine| [(machine, 0), (machine, 1)]) {
        let own = timed.iter().filter(|(_, own, ..)| own == machine);
        let mut ratios: Vec<f64> = own.map(|(.., figures)| figures[at].miss() + 1.0).collect();
        ratios.sort_by(f64::total_cmp);
        let median = f64::midpoint(ratios[(ratios.len() - 1) / 2], ratios[ratios.len() / 2]);
        let aim = timed[0].3[at].aim;
        assert!((median - 1.0).abs() < aim, "{machine}: {median}");
        missed += ratios
            .iter()
            .filter(|&ratio| (ratio / median - 1.0).abs() > aim)
            .count();
    }
    assert!(
        timed.len() >= 10 && missed * 8 < figures().count(),
        "{missed} miss their aim"
    );
    // How many of the times of the machine that most are of are forecast too long.
    let of = |wanted: &str| {
        timed
            .iter()
            .filter(move |(_, machine, ..)| machine == wanted)
            .collect::<Vec<_>>()
    };
    let machines: BTreeSet<&str> = timed.iter().map(|(_, machine, ..)| machine.as_str()).collect();
    let machine = machines
        .into_iter()
        .max_by_key(|machine| of(machine).len())
        .unwrap();
    let errors: Vec<f64> = of(machine)
        .into_iter()
        .flat_map(|(.., figures)| figures.iter().map(Figure::miss))
        .collect();
    let too_long = errors.iter().filter(|&&error| error > 0.0).count();
    let sentence = format!(
        "Of the {} times of machine {machine}, {too_long} are forecast too long.\n",
        errors.len()
    );
    common::assert_table("docs/forecast.md", "too_long", &sentence);
}

/// Of circuits that no fit has seen, all but a few are within every aim.
#[test]
fn what_no_fit_has_seen_is_forecast() {
    let mut compared = 0;
    let mut missed = 0;
    for sample in samples().iter().filter(|sample| sample.role == Role::Test) {
        for figure in figures(sample).into_iter().flatten() {
            compared += 1;
            missed += usize::from(figure.is_missed());
        }
    }
    assert!(
        compared > 150 && missed * 20 < compared,
        "{missed} of {compared} miss their aim"
    );
}

/// revm prices a call under a fork that no sample was fitted for alone: the forecast of each is its own fit.
#[test]
fn gas_is_forecast_under_every_fork() {
    for sample in samples() {
        let forecast = forecast(&sample);
        for gas in sample.gas.iter().filter(|_| sample.instance_zero_bytes.is_some()) {
            let under = forecast
                .forks
                .iter()
                .find(|under| under.fork == gas.fork)
                .unwrap();
            for (estimate, measured) in [
                (under.verification_gas, gas.verification.tx_gas),
                (under.deployment_gas, gas.deployment.tx_gas),
            ] {
                let miss = estimate.likely as f64 / measured as f64 - 1.0;
                assert!(miss.abs() < 0.03, "{} {:?}: {miss}", sample.name, gas.fork);
            }
        }
    }
}

/// What so many proofs were forecast to take together.
fn batch_of(json: &serde_json::Value, statement_zero_bytes: u64, fork: Fork, proofs: u64) -> BatchForecast {
    let settings = settings(json);
    let forecast = forecast::of(&settings, None, None).unwrap();
    let forecast = forecast::with_batch(forecast, &settings, statement_zero_bytes, proofs).unwrap();
    forecast.under(fork).batch.unwrap()
}

/// Of one proof through the batch contract, and of each further one: what was forecast, and what was measured. Of a specimen, one
/// proof is not forecast: its key is no committed circuit's.
fn batch_figures(sample: &BatchSample, fork: Fork) -> [Option<Figure>; 2] {
    let of = |proofs| batch_of(&sample.settings, sample.statement_zero_bytes, fork, proofs).tx_gas;
    let measured = sample.gas.iter().find(|gas| gas.fork == fork).unwrap();
    let (single, pair) = (of(1), of(2));
    let between = |pair: u64, single: u64| pair.saturating_sub(single);
    let further = Estimate {
        low: between(pair.low, single.low),
        likely: between(pair.likely, single.likely),
        high: between(pair.high, single.high),
    };
    let of_one = Some(measured.single.tx_gas).filter(|_| sample.is_committed);
    let of_further = between(measured.pair.tx_gas, measured.single.tx_gas);
    [
        Figure::whole("one proof", 0.02, single, of_one),
        Figure::whole("each further proof", 0.02, further, Some(of_further)),
    ]
}

/// Whether a fit has seen it or not, under each fork: so a batch of any size is.
#[test]
fn batches_are_forecast_within_two_percent() {
    let batches = batches();
    let tests = batches.iter().filter(|sample| sample.role == Role::Test).count();
    assert!(
        tests >= 20 && batches.len() > tests + 10,
        "{tests} of {}",
        batches.len()
    );
    for sample in &batches {
        for fork in Fork::ALL {
            for figure in batch_figures(sample, fork).into_iter().flatten() {
                let miss = figure.miss();
                assert!(
                    !figure.is_missed(),
                    "{}, {fork:?}, {}: {miss}",
                    sample.name,
                    figure.name
                );
            }
        }
    }
}

#[test]
fn the_table_of_batches_is_from_the_samples() {
    let heading = [
        "circuit",
        "",
        "inner columns",
        "public values",
        "one proof (gas)",
        "miss",
        "each further proof (gas)",
        "miss",
    ];
    let rows = batches().into_iter().map(|sample| {
        let shape = CircuitShape::of(&settings(&sample.settings)).unwrap();
        let role = match sample.role {
            Role::Fit => "fit",
            Role::Test => "test",
        };
        let mut row = vec![
            sample.name.clone(),
            role.to_owned(),
            sample.settings["run_args"]["num_inner_cols"].to_string(),
            shape.instances.to_string(),
        ];
        for figure in batch_figures(&sample, Fork::Osaka) {
            row.extend(figure.map_or_else(
                || ["-", "-"].map(str::to_owned),
                |figure| [figure.measured.to_string(), figure.shown()],
            ));
        }
        row
    });
    let table = common::markdown(&heading, rows);
    common::assert_table("docs/forecast.md", "batches", &table);
}

/// What was recorded of whole batches, with their own proofs: gas of each and the largest that fit.
#[test]
fn recorded_batches_are_forecast() {
    let mut rows = Vec::new();
    for (name, record) in records() {
        let Some(batch) = &record.batch else { continue };
        let run = StoredRun::open(&root().join("results").join(&name)).unwrap();
        let statement = &run.proof().unwrap().instances[CLAIMS..];
        let zero_bytes = statement
            .iter()
            .map(|word| zero_bytes(&word.to_be_bytes::<32>()))
            .sum();
        let (measured, proofs) = (&batch.measurement, batch.measurement.proofs());
        let settings = &record.circuit.as_ref().unwrap().settings;
        let forecast = |fork| batch_of(settings, zero_bytes, fork, proofs);
        let under = forecast(measured.fork);
        let gas = measured.tx_gas_per_proof(Sharing::Key);
        let gas = Figure::whole("gas", 0.02, under.tx_gas_per_proof(), gas).unwrap();
        assert!(!gas.is_missed(), "{name}: {}", gas.miss());
        let shared = measured
            .shared
            .iter()
            .find(|shared| shared.sharing == Sharing::Key)
            .unwrap();
        // Other optimizer runs than the fit's move what fits further than what a proof costs.
        let is_default = record.request.optimizer_runs == CompileOptions::default().optimizer_runs;
        let aim = if is_default { 50 } else { 25 };
        for largest in &shared.largest {
            let under = forecast(largest.fork);
            let off = under.largest.likely.abs_diff(largest.proofs);
            assert!(
                off * aim <= largest.proofs.max(aim),
                "{name}, {:?}: {off}",
                largest.fork
            );
            assert_eq!(under.rule, largest.rule, "{name}, {:?}", largest.fork);
            let off = under
                .public_pool_proofs
                .likely
                .abs_diff(largest.public_pool_proofs);
            assert_eq!(off, 0, "{name}, {:?}", largest.fork);
        }
        let largest = shared
            .largest
            .iter()
            .find(|largest| largest.fork == measured.fork)
            .unwrap();
        rows.push(vec![
            name.trim_end_matches(".json").to_owned(),
            proofs.to_string(),
            record.request.optimizer_runs.to_string(),
            gas.measured.to_string(),
            gas.forecast.to_string(),
            gas.shown(),
            largest.proofs.to_string(),
            under.largest.likely.to_string(),
        ]);
    }
    assert!(rows.len() >= 3, "{}", rows.len());
    let heading = [
        "record",
        "proofs",
        "optimizer runs",
        "a proof (gas)",
        "forecast (gas)",
        "miss",
        "most proofs",
        "forecast",
    ];
    common::assert_table(
        "docs/forecast.md",
        "recorded-batches",
        &common::markdown(&heading, rows),
    );
}

fn zero_bytes(word: &[u8]) -> u64 {
    word.iter().map(|&byte| u64::from(byte == 0)).sum()
}

/// A circuit whose opening is no straight line is forecast without batches.
#[test]
fn circuits_of_many_public_values_have_no_batch() {
    let samples = samples();
    let sample = samples
        .iter()
        .find(|sample| sample.name == "committed_4_many")
        .unwrap();
    assert!(sample.instances > MOST_STRAIGHT_INSTANCES as u64 && !BatchSample::is_of(&sample.settings));
    let settings = settings(&sample.settings);
    let forecast = forecast::of(&settings, None, None).unwrap();
    assert_eq!(
        forecast::with_batch(forecast.clone(), &settings, 0, 8).unwrap(),
        forecast
    );
}
