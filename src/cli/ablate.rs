//! `evmbench ablate`: a baseline and every single choice beside it → a record each, and one table of what each changes.

use serde::Serialize;

use super::error::CliError;
use super::forks::ForkName;
use super::numbers::at_least_one;
use super::output::{fitted, say};
use super::session::Session;
use super::session_arguments::SessionArguments;
use super::{Finding, format};
use crate::ablation::{self, Choice};
use crate::chain::Fork;
use crate::metric::{Figures, Metric, Spread, Value};
use crate::prover::{CircuitPlan, VerifierKind};
use crate::record::{DEFAULT_SEED, Outcome, Record, Request};
use crate::replay;
use crate::report::table::{Column, Table};
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
    #[arg(long, value_enum, default_value = Fork::default().name())]
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
    figures: Option<Figures<Option<Value>>>,
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
        say!("{}", fitted(&planned(&baseline, arguments)))?;
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
        say!("{}", fitted(&table(&rows)))?;
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
    let mut table = Table::new([Column::text("choice"), Column::text("record")]);
    for (choice, request) in ablation::choices(baseline) {
        let record = match request {
            Ok(request) => store.path(&request).display().to_string(),
            Err(error) => format!("impossible: {error}"),
        };
        table.row([choice.to_string(), record]);
    }
    table
}

/// What the table shows of each choice; the figures that are marked have their difference from the baseline's behind them.
const SHOWN: [(Metric, bool); 11] = [
    (Metric::VerificationGas, true),
    (Metric::DeploymentGas, true),
    (Metric::RuntimeCode, true),
    (Metric::Instances, false),
    (Metric::Calldata, true),
    (Metric::ProofSize, false),
    (Metric::Logrows, false),
    (Metric::ProveSeconds, false),
    (Metric::ProvePeak, false),
    (Metric::Level, false),
    (Metric::OutcomeAndLimits, false),
];

/// One row for each choice.
fn table(rows: &[Row]) -> Table {
    let columns = SHOWN.iter().flat_map(|&(metric, is_compared)| {
        let change = is_compared.then(|| Column::written("change"));
        std::iter::once(Column::written_of(metric)).chain(change)
    });
    let mut table = Table::new(std::iter::once(Column::text("choice")).chain(columns));
    let baseline = baseline_record(rows);
    for Row { choice, result } in rows {
        let record = result.as_ref().ok();
        let baseline = baseline.filter(|_| *choice != Choice::Baseline);
        let cells = SHOWN.iter().flat_map(|&(metric, is_compared)| {
            let cell = match result {
                Ok(record) => metric.text(record),
                Err(reason) if metric == Metric::OutcomeAndLimits => format!("impossible: {reason}"),
                Err(_) => "-".to_owned(),
            };
            let whole = |record: Option<&Record>| metric.whole(record?);
            let change = is_compared.then(|| {
                let both = whole(baseline).zip(whole(record));
                both.map_or_else(|| "-".to_owned(), |(before, now)| change(before, now))
            });
            std::iter::once(cell).chain(change)
        });
        table.row(std::iter::once(choice.to_string()).chain(cells));
    }
    table
}

/// `+1,234`, `-56`, or `=`.
fn change(before: i128, now: i128) -> String {
    match now - before {
        0 => "=".to_owned(),
        difference => format::difference(difference),
    }
}

/// How the reusable verifier stands to the plain one over models and proofs; nothing where one of them is missing.
fn spread(rows: &[Row]) -> Option<String> {
    let reusable = rows
        .iter()
        .find(|row| row.choice == Choice::Verifier(VerifierKind::Reusable))?;
    let reusable = Spread::of(reusable.result.as_ref().ok()?)?;
    let plain = Spread::of(baseline_record(rows)?)?;
    let mut table = Table::new([
        Column::written("proofs of each model"),
        Column::text("reusable is cheaper"),
    ]);
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
        "plain verifiers:   {plain}\nreusable verifier: {reusable}\n{}",
        fitted(&table)
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
                figures: record.map(ablation::figures),
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
