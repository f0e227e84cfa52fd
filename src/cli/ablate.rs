//! `evmbench ablate`: a baseline and every single choice beside it → a record each, and one table of what each changes.

use serde::Serialize;

use super::error::CliError;
use super::forks::ForkName;
use super::output::say;
use super::session::{Session, SessionArguments, at_least_one};
use super::table::{FIGURE, TEXT, Table};
use super::{Finding, format};
use crate::ablation::{self, Choice, Figures};
use crate::prover::{CircuitPlan, VerifierKind};
use crate::record::{DEFAULT_SEED, Outcome, Record, Request, Spread};
use crate::replay;
use crate::store::StoredRun;
use crate::subject::{Material, Subject};
use crate::suite::{self, Experiment};

/// Change one choice at a time - who sees what, which verifier, optimizer runs - and show what each costs
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A model by its id; `evmbench list` shows them
    #[arg(value_name = "ID")]
    id: String,
    /// Bits after the binary point
    #[arg(long, value_name = "BITS", default_value_t = 7)]
    scale: u32,
    /// Rules of the chain
    #[arg(long, value_enum, default_value = "osaka")]
    fork: ForkName,
    /// Proofs to measure for each row
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    runs: usize,
    /// Seed of weights and inputs
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    seed: u64,
    #[command(flatten)]
    session: SessionArguments,
    /// Print JSON: one object for each row
    #[arg(long)]
    json: bool,
    /// Print what would be run, and run nothing
    #[arg(long)]
    dry_run: bool,
}

/// For how many proofs of each model it is said from how many models on a reusable verifier is cheaper.
const PROOFS_OF_EACH_MODEL: [u64; 3] = [1, 5, 10];

/// One line of the table.
struct Row {
    choice: Choice,
    /// The record, or why there is none.
    result: Result<Record, String>,
}

/// A row as JSON has it.
#[derive(Serialize)]
struct JsonRow<'a> {
    #[serde(flatten)]
    choice: Choice,
    record: Option<String>,
    outcome: Option<&'a Outcome>,
    impossible: Option<&'a str>,
    figures: Option<Figures>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let experiment = Experiment {
        model: suite::find(&arguments.id)?,
        scale: arguments.scale,
    };
    let srs = arguments.session.srs()?;
    let baseline = Request {
        runs: arguments.runs,
        seed: arguments.seed,
        fork: arguments.fork.into(),
        ..Request::new(
            experiment.model.id,
            experiment.model.category.to_string(),
            CircuitPlan::direct(arguments.scale)?,
        )
    };
    let baseline = arguments.session.bind(baseline, srs.as_ref());
    if arguments.dry_run {
        say!("{}", planned(&baseline, arguments))?;
        return Ok(Finding::Good);
    }
    let mut session = Session::open(&arguments.session, srs)?;
    let rows = run_all(&mut session, experiment, &baseline);
    let closed = session.close();
    let rows = rows?;
    closed?;
    if arguments.json {
        print_json(&rows, &arguments.session)?;
    } else {
        say!("{}", table(&rows))?;
        if let Some(text) = spread(&rows) {
            say!("\n{text}")?;
        }
    }
    Ok(finding(&rows))
}

/// One row after the other; what the user stops ends the list.
fn run_all(session: &mut Session, experiment: Experiment, baseline: &Request) -> Result<Vec<Row>, CliError> {
    let choices = ablation::choices(baseline);
    let count = choices.len();
    let mut rows: Vec<Row> = Vec::new();
    for (index, (choice, request)) in choices.into_iter().enumerate() {
        let position = format!("[{}/{count}]", index + 1);
        let result = match request {
            Err(error) => Err(error.to_string()),
            Ok(request) => {
                let subject = Subject::from_suite(experiment, request, Material::default())?;
                let record = match baseline_record(&rows).filter(|_| choice.is_of_the_compiler()) {
                    None => session.record(&position, &subject)?.map(Ok),
                    Some(proved) if proved.verification.is_some() => {
                        let run = StoredRun::open(&session.store().path(&proved.request))?;
                        let replayed = replay::recorded_prover(&run)?;
                        session.record_by(&replayed, &position, &subject)?.map(Ok)
                    }
                    Some(proved) => Some(Err(format!("the baseline has no proof: {}", proved.outcome))),
                };
                match record {
                    Some(record) => record,
                    None => break,
                }
            }
        };
        rows.push(Row { choice, result });
    }
    Ok(rows)
}

fn baseline_record(rows: &[Row]) -> Option<&Record> {
    rows.first()?.result.as_ref().ok()
}

fn planned(baseline: &Request, arguments: &Arguments) -> Table {
    let store = arguments.session.store();
    let mut table = Table::new([("choice", TEXT), ("record", TEXT)]);
    for (choice, request) in ablation::choices(baseline) {
        let record = match request {
            Ok(request) => store.path(&request).display().to_string(),
            Err(error) => format!("impossible: {error}"),
        };
        table.row([choice.to_string(), record]);
    }
    table
}

/// One row for each choice; each figure that is compared has its difference from the baseline's behind it.
fn table(rows: &[Row]) -> Table {
    let mut table = Table::new([
        ("choice", TEXT),
        ("verify gas", FIGURE),
        ("change", FIGURE),
        ("deploy gas", FIGURE),
        ("change", FIGURE),
        ("code", FIGURE),
        ("change", FIGURE),
        ("instances", FIGURE),
        ("calldata", FIGURE),
        ("change", FIGURE),
        ("proof", FIGURE),
        ("2^k", FIGURE),
        ("prove", FIGURE),
        ("peak memory", FIGURE),
        ("proves", TEXT),
        ("outcome", TEXT),
    ]);
    let baseline = baseline_record(rows).map(Figures::of);
    let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let bytes = |count: u64| format!("{} B", format::count(count));
    for Row { choice, result } in rows {
        let record = result.as_ref().ok();
        let figures = record.map(Figures::of);
        let figure = |read: fn(&Figures) -> Option<u64>| figures.as_ref().and_then(read);
        let change = |read: fn(&Figures) -> Option<u64>| {
            let compared = baseline.as_ref().filter(|_| *choice != Choice::Baseline);
            dash(
                figure(read)
                    .zip(compared.and_then(read))
                    .map(|(now, before)| change(before, now)),
            )
        };
        table.row([
            choice.to_string(),
            dash(figure(|f| f.verification_gas).map(format::count)),
            change(|f| f.verification_gas),
            dash(figure(|f| f.deployment_gas).map(format::count)),
            change(|f| f.deployment_gas),
            dash(figure(|f| f.runtime_code_bytes).map(bytes)),
            change(|f| f.runtime_code_bytes),
            dash(figure(|f| f.instances).map(format::count)),
            dash(figure(|f| f.calldata_bytes).map(bytes)),
            change(|f| f.calldata_bytes),
            dash(figure(|f| f.proof_bytes).map(bytes)),
            dash(figures.and_then(|f| f.logrows).map(|logrows| logrows.to_string())),
            dash(figures.and_then(|f| f.prove_seconds).map(format::seconds)),
            dash(figure(|f| f.prove_peak_rss_bytes).map(format::bytes)),
            dash(figures.and_then(|f| f.level).map(|level| level.to_string())),
            match result {
                Ok(record) => record.outcome_and_limits(),
                Err(reason) => format!("impossible: {reason}"),
            },
        ]);
    }
    table
}

/// `+1,234`, `-56`, or `=`.
fn change(before: u64, now: u64) -> String {
    let difference = format::count(now.abs_diff(before));
    match now.cmp(&before) {
        std::cmp::Ordering::Less => format!("-{difference}"),
        std::cmp::Ordering::Equal => "=".to_owned(),
        std::cmp::Ordering::Greater => format!("+{difference}"),
    }
}

/// How the reusable verifier stands to the plain one over models and proofs; nothing where one of them is missing.
fn spread(rows: &[Row]) -> Option<String> {
    let reusable = rows
        .iter()
        .find(|row| row.choice == Choice::Verifier(VerifierKind::Reusable))?;
    let reusable = Spread::of(reusable.result.as_ref().ok()?)?;
    let plain = Spread::of(baseline_record(rows)?)?;
    let mut table = Table::new([("proofs of each model", FIGURE), ("reusable is cheaper", TEXT)]);
    for proofs in PROOFS_OF_EACH_MODEL {
        let models = reusable.break_even_models(&plain, proofs);
        table.row([
            format::count(proofs),
            models.map_or_else(
                || "never".to_owned(),
                |models| format!("from model {} on", format::count(models)),
            ),
        ]);
    }
    if let Some(proofs) = reusable.break_even_proofs(&plain) {
        table.row([format!("more than {}", format::count(proofs)), "never".to_owned()]);
    }
    Some(format!(
        "plain verifiers:   {plain}\nreusable verifier: {reusable}\n{table}"
    ))
}

fn print_json(rows: &[Row], session: &SessionArguments) -> Result<(), CliError> {
    let store = session.store();
    let rows: Vec<JsonRow<'_>> = rows
        .iter()
        .map(|row| {
            let record = row.result.as_ref().ok();
            JsonRow {
                choice: row.choice,
                record: record.map(|record| store.path(&record.request).display().to_string()),
                outcome: record.map(|record| &record.outcome),
                impossible: row.result.as_ref().err().map(String::as_str),
                figures: record.map(Figures::of),
            }
        })
        .collect();
    say!("{}", serde_json::to_string(&rows).expect("rows are plain data"))
}

/// What EZKL refuses, what does not fit the machine, and what EZKL leaves unsound is a finding about the choice, which its
/// row tells. Findings to look at are a baseline that does not verify, a proof that is rejected, and a wrong call that is
/// accepted.
fn finding(rows: &[Row]) -> Finding {
    let verified = baseline_record(rows).is_some_and(|record| record.outcome == Outcome::Verified);
    let bad = |record: &Record| {
        matches!(record.outcome, Outcome::Rejected { .. })
            || record
                .controls
                .as_ref()
                .is_some_and(|controls| controls.unsound().is_some())
    };
    if verified && !rows.iter().filter_map(|row| row.result.as_ref().ok()).any(bad) {
        Finding::Good
    } else {
        Finding::Bad
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_a_sign() {
        assert_eq!(change(1_000, 2_500), "+1,500");
        assert_eq!(change(2_500, 1_000), "-1,500");
        assert_eq!(change(7, 7), "=");
    }
}
