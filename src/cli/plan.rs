//! `evmbench plan`: what `prove-and-verify` would take with the same arguments, without a key or a proof.

use super::error::CliError;
use super::output::{fitted, note, say};
use super::planned::Planned;
use super::planner::Planner;
use super::prove_and_verify::Item;
use super::{Finding, export, format, progress, prove_and_verify, remarks};
use crate::chain::Fork;
use crate::committed::CellAccount;
use crate::forecast::{Estimate, Forecast, Seconds, TransactionKind, Verdict};
use crate::memory::AvailableMemory;
use crate::metric::Metric;
use crate::prover::Failure;
use crate::report::table::{Column, Table};
use crate::solidity::opening::MOST_STRAIGHT_INSTANCES;
use crate::subject::Subject;

/// Say what a run would take before it is made: sizes, memory, time and gas, and what has room for it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evmbench plan --suite core\n  evmbench plan relu --scale 7,10 --budget 8GiB\n  evmbench plan --calibrate dense_small\n  evmbench plan cnn_strided --batch 8\n  evmbench plan --suite core --export slurm --job job --out /shared/runs\n\nIt takes the arguments of prove-and-verify."
)]
#[group(skip)]
pub(super) struct Arguments {
    #[command(flatten)]
    run: prove_and_verify::Arguments,
    /// Measure first how fast this machine is, which takes about a minute and is kept
    #[arg(long)]
    calibrate: bool,
    /// Show where the cells of committed circuits go, layer by layer, and what keeps them from half as many rows
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    export: export::Arguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let items = prove_and_verify::items(&arguments.run)?;
    let mut planner = Planner::open(&arguments.run.session, arguments.run.session.srs()?)?;
    planner.forecaster.batch = arguments.run.batch.map(|proofs| proofs as u64);
    if arguments.calibrate {
        planner.calibrate()?;
    }
    if let Some(path) = &arguments.export.timings {
        planner.calibrated_as(path)?;
    }
    let (budget_bytes, source) = budget(arguments);
    let answers = answers(arguments, &items, &planner, budget_bytes.zip(source.as_deref()))?;
    planner.progress.clear();
    if progress::interrupted() {
        return Ok(Finding::Bad);
    }
    let all = answers.iter().all(|one| one.forecast.is_some());
    let finding = if all { Finding::Good } else { Finding::Bad };
    if arguments.run.json {
        for one in &answers {
            say!(
                "{}",
                serde_json::to_string(one).expect("a forecast is plain data")
            )?;
        }
    } else if arguments.export.is_asked_for() {
        for one in answers.iter().filter(|one| one.forecast.is_none()) {
            say!("{}: {}", one.name, one.failure.as_deref().unwrap_or_default())?;
        }
    } else {
        show(&answers, budget_bytes.zip(source.as_deref()))?;
        if planner.calibration().is_none() {
            note!(
                "hint: times are not forecast before `evmbench plan --calibrate` has measured this machine"
            );
        }
    }
    export::write(&arguments.export, &arguments.run, &answers)?;
    Ok(finding)
}

/// Memory to fit into, and where that comes from.
fn budget(arguments: &Arguments) -> (Option<u64>, Option<String>) {
    let session = &arguments.run.session;
    let bytes = arguments
        .run
        .budget
        .or_else(|| session.effective_memory_limit_bytes());
    let source = match (
        arguments.run.budget,
        session.memory_limit,
        AvailableMemory::here(),
    ) {
        (Some(_), _, _) => Some("--budget".to_owned()),
        (None, Some(asked), Some(here)) if here.bytes < asked => {
            Some(format!("{}; --memory-limit is more", here.source))
        }
        (None, Some(_), _) => Some("--memory-limit".to_owned()),
        (None, None, here) => {
            here.map(|here| format!("85% of {}, {}", format::bytes(here.bytes), here.source))
        }
    };
    (bytes, source)
}

/// Every subject's forecast, as far as the user lets it come.
fn answers(
    arguments: &Arguments,
    items: &[Item],
    planner: &Planner,
    budget: Option<(u64, &str)>,
) -> Result<Vec<Planned>, CliError> {
    let image = arguments.run.image(items)?;
    let material = arguments.run.material(image.as_ref());
    let budget_of_parts = match arguments.run.batch {
        // Its members are proved whole.
        Some(_) => None,
        None if arguments.export.is_asked_for() => arguments.run.budget_anywhere(),
        None => arguments.run.budget_here(),
    };
    let mut answers = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let position = format!("[{}/{}]", index + 1, items.len());
        for subject in item.subjects(material, budget_of_parts)? {
            let found = match planner.laid_out(&position, &subject)? {
                Err(Failure::Interrupted { .. }) => return Ok(answers),
                other => other,
            };
            let (forecast, failure) = match found {
                Ok((_, forecast)) => (Some(forecast), None),
                Err(failure) => (None, Some(failure.to_string())),
            };
            let mut notes = subject.notes.clone();
            if arguments.run.batch.is_some() {
                notes.extend(
                    forecast
                        .as_ref()
                        .and_then(|forecast| no_batch(&subject, forecast)),
                );
            }
            answers.push(Planned {
                name: subject.request.name(),
                circuit: subject.request.plan.kind(),
                uncovered: subject.model.uncovered.clone(),
                notes,
                memory: forecast
                    .as_ref()
                    .zip(budget)
                    .map(|(forecast, (budget, _))| forecast.peak_bytes().against(budget)),
                forecast,
                failure,
                cells: arguments.explain.then(|| explained(&subject)).flatten(),
                budget_bytes: budget.map(|(bytes, _)| bytes),
                budget_source: budget.map(|(_, source)| source.to_owned()),
                request: subject.request,
            });
        }
    }
    Ok(answers)
}

/// Why a forecast says nothing of the batch that was asked for; none where it does.
fn no_batch(subject: &Subject, forecast: &Forecast) -> Option<String> {
    if forecast.forks.iter().any(|under| under.batch.is_some()) {
        return None;
    }
    Some(match subject.committed {
        None => "batches are forecast for committed circuits alone".to_owned(),
        Some(_) => format!(
            "batches are forecast for circuits of up to {MOST_STRAIGHT_INSTANCES} public values, and this one has {}",
            forecast.instances
        ),
    })
}

fn explained(subject: &Subject) -> Option<CellAccount> {
    let committed = subject.committed.as_ref()?;
    Some(committed.circuit.cell_account())
}

/// Where a committed circuit's cells go.
fn show_cells(name: &str, account: &CellAccount) -> Result<(), CliError> {
    let mut table = Table::new([
        Column::text(name),
        Column::written("committed"),
        Column::written("lookups"),
        Column::written("contractions"),
        Column::written("products"),
        Column::written("additions"),
        Column::written("constants"),
        Column::written("public"),
        Column::written_of(Metric::Cells),
    ]);
    let total = account.total();
    for layer in account.layers.iter().chain([&total]) {
        let counts = [
            layer.claims,
            layer.look_ups,
            layer.contractions,
            layer.products,
            layer.additions,
            layer.constants,
            layer.public,
            layer.cells(),
        ];
        let counts = counts.map(|count| format::count(count as u64));
        table.row(std::iter::once(shortened(&layer.layer)).chain(counts));
    }
    say!("\n{}", fitted(&table))?;
    let k = account.logrows;
    let columns = format::plural(account.inner_columns, "column");
    let Some(below) = k.checked_sub(1).filter(|_| total.cells() > 0) else {
        return Ok(());
    };
    let room = format::count(account.room_below as u64);
    match account.cells_too_many() {
        0 if account.table_logrows == k => say!(
            "2^{k} rows, {columns}: the lookup table needs them; the cells alone would fit 2^{below} ({room} cells)"
        ),
        0 => say!("2^{k} rows, {columns}: the cells would fit 2^{below} ({room} cells)"),
        many => say!(
            "2^{k} rows, {columns}: 2^{below} have room for {room} cells, {} fewer ({:.1}%)",
            format::count(many as u64),
            100.0 * many as f64 / total.cells() as f64
        ),
    }
}

/// A layer's name without its middle where it is long: exporters write whole paths.
fn shortened(name: &str) -> String {
    const MOST: usize = 40;
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= MOST {
        return name.to_owned();
    }
    // The end tells more.
    let (start, end) = (MOST / 3, letters.len() - (MOST - MOST / 3 - 1));
    let part = |letters: &[char]| letters.iter().collect::<String>();
    format!("{}…{}", part(&letters[..start]), part(&letters[end..]))
}

fn show(planned: &[Planned], budget: Option<(u64, &str)>) -> Result<(), CliError> {
    let mut circuits = Table::new([
        Column::text(""),
        Column::text("circuit"),
        Column::written_of(Metric::Rows),
        Column::written_of(Metric::Logrows),
        Column::written_of(Metric::InnerColumns),
        Column::written_of(Metric::ProvingKey),
        Column::written_of(Metric::SetupPeak),
        Column::written_of(Metric::ProvePeak),
        Column::written_of(Metric::SetupSeconds),
        Column::written_of(Metric::ProveSeconds),
        Column::text(Metric::Peak.heading()),
    ]);
    let mut sizes = Table::new([
        Column::text(""),
        Column::written_of(Metric::ProofSize),
        Column::written_of(Metric::Instances),
        Column::written_of(Metric::Calldata),
        Column::written_of(Metric::RuntimeCode),
    ]);
    let mut chains = Table::new([
        Column::text(""),
        Column::of(Metric::Fork),
        Column::written(Metric::DeploymentGas.name()),
        Column::text("deploys"),
        Column::written(Metric::VerificationGas.name()),
        Column::text("verifies"),
    ]);
    for one in planned {
        let Some(forecast) = &one.forecast else {
            say!("{}: {}", one.name, one.failure.as_deref().unwrap_or_default())?;
            continue;
        };
        let columns = forecast
            .fixed_columns
            .likely
            .saturating_add(forecast.advice_columns + forecast.permutation_columns);
        circuits.row([
            one.name.clone(),
            one.circuit.to_string(),
            format::count(forecast.rows),
            forecast.logrows.to_string(),
            format::count(columns),
            bytes(forecast.proving_key_bytes),
            bytes(forecast.setup_peak_bytes),
            bytes(forecast.prove_peak_bytes),
            seconds(forecast.setup_seconds),
            seconds(forecast.prove_seconds),
            one.memory
                .map_or_else(|| "-".to_owned(), |verdict| verdict.to_string()),
        ]);
        sizes.row([
            one.name.clone(),
            exact_bytes(forecast.proof_bytes),
            format::count(forecast.instances),
            exact_bytes(forecast.calldata_bytes),
            exact_bytes(forecast.runtime_code_bytes),
        ]);
        for fork in &forecast.forks {
            chains.row([
                one.name.clone(),
                fork.fork.name().to_owned(),
                count(fork.deployment_gas),
                fork.verdict(TransactionKind::Deployment).to_string(),
                count(fork.verification_gas),
                fork.verdict(TransactionKind::Verification).to_string(),
            ]);
        }
    }
    remarks::show(
        planned
            .iter()
            .map(|one| (one.name.clone(), &one.uncovered[..], &one.notes[..])),
    )?;
    if circuits.is_empty() {
        return Ok(());
    }
    if let Some((budget, source)) = budget {
        say!("memory: {} ({source})", format::bytes(budget))?;
    }
    let tables = [circuits, sizes, chains, batches(planned)];
    let tables = tables.iter().filter(|table| !table.is_empty());
    say!("{}", tables.map(fitted).collect::<Vec<_>>().join("\n\n"))?;
    if let Some((fork, cap)) = planned.iter().find_map(beyond_cap) {
        say!(
            "{}: most of the deployment gas is state gas (EIP-8037), which the cap on a transaction's gas ({}) does not count",
            fork.name(),
            format::count(cap)
        )?;
    }
    for one in planned {
        if let Some(account) = &one.cells {
            show_cells(&one.name, account)?;
        }
    }
    Ok(())
}

/// What proofs will cost together, of every circuit whose batches are forecast.
fn batches(planned: &[Planned]) -> Table {
    let mut table = Table::new([
        Column::text(""),
        Column::of(Metric::Fork),
        Column::written("proofs together"),
        Column::written(Metric::BatchGas.name()),
        Column::text("verifies"),
        Column::written("largest batch"),
        Column::text("bound by"),
        Column::written("fits the pool"),
    ]);
    for one in planned {
        for fork in one.forecast.iter().flat_map(|forecast| &forecast.forks) {
            let Some(batch) = fork.batch else { continue };
            table.row([
                one.name.clone(),
                fork.fork.name().to_owned(),
                format::count(batch.proofs),
                count(batch.tx_gas_per_proof()),
                batch.verdict().to_string(),
                count(batch.largest),
                batch.rule.to_string(),
                count(batch.public_pool_proofs),
            ]);
        }
    }
    table
}

/// A fork whose cap on a transaction's gas is below a deployment that fits.
fn beyond_cap(planned: &Planned) -> Option<(Fork, u64)> {
    let forks = planned.forecast.iter().flat_map(|forecast| &forecast.forks);
    let mut beyond = forks.filter_map(|forecast| {
        let cap = forecast.fork.limits().transaction_gas?;
        let fits = forecast.verdict(TransactionKind::Deployment) == Verdict::Fits;
        (fits && forecast.deployment_gas.likely > cap).then_some((forecast.fork, cap))
    });
    beyond.next()
}

/// The likely value, and how far the ends of the interval are from it.
fn spread(low: f64, likely: f64, high: f64) -> String {
    let share = (high - likely).max(likely - low) / likely;
    if share > 0.0 && likely > 0.0 {
        format!(" ±{:.*}%", usize::from(share < 0.095), 100.0 * share)
    } else {
        String::new()
    }
}

fn with_spread(text: String, estimate: Estimate) -> String {
    text + &spread(estimate.low as f64, estimate.likely as f64, estimate.high as f64)
}

fn bytes(estimate: Estimate) -> String {
    with_spread(format::bytes(estimate.likely), estimate)
}

fn count(estimate: Estimate) -> String {
    with_spread(format::count(estimate.likely), estimate)
}

/// In single bytes, as the limits on code are told.
fn exact_bytes(estimate: Estimate) -> String {
    with_spread(format!("{} B", format::count(estimate.likely)), estimate)
}

fn seconds(seconds: Option<Seconds>) -> String {
    seconds.map_or_else(
        || "-".to_owned(),
        |seconds| format::seconds(seconds.likely) + &spread(seconds.low, seconds.likely, seconds.high),
    )
}
