//! `evmbench fuzz RECORD`: mutated proofs and instances against the stored verifier; none may be accepted.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::CliError;
use super::forks::ForkName;
use super::output::{fitted, say};
use super::progress::{self, Counter, Progress};
use super::{Finding, format, setup};
use crate::digests::sha256_hex;
use crate::environment;
use crate::fuzz::campaign::{self, ClassTally, Tally};
use crate::fuzz::report::{RecordReport, Report};
use crate::fuzz::{Campaign, Class, Corpus, FuzzError, Loaded, Plan, Target, batch, subject};
use crate::home::Home;
use crate::nodes::{AnvilThroughput, Foundry, Pace, measure_throughput};
use crate::prover::Proof;
use crate::record::{DEFAULT_SEED, Environment, FileName};
use crate::report::table::{Column, Table};
use crate::store;

/// Cases where no number is asked for.
const DEFAULT_CASES: u64 = 10_000;

/// For each of four kinds of calls through anvil.
const ANVIL_TIME: Duration = Duration::from_secs(5);

/// Mutate stored proofs and their instances, and see that the verifier rejects every one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evmbench fuzz results/*/*-s7-direct.json --cases 100000 --out campaign.json\n  evmbench fuzz results/core/relu-s7-direct.json --class point_negated,evaluation_changed"
)]
pub(super) struct Arguments {
    /// Records, as in results/core/relu-s7-direct.json; the proof of each lends its parts to the others
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,
    /// Mutations to try, over all records and classes
    #[arg(long, value_name = "N", default_value_t = DEFAULT_CASES)]
    cases: u64,
    /// Where the mutations come from
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// Only these classes of mutations; an unknown name is answered with all
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',')]
    class: Vec<Class>,
    /// Of records that end a batch: mutate a member, and ask the batch contract about it between the others
    #[arg(long, conflicts_with_all = ["anvil", "keep", "replay"])]
    batch: bool,
    /// Rules of the chain [default: the record's]
    #[arg(long, value_enum)]
    fork: Option<ForkName>,
    /// Threads that make calls [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// Measure how many of the same calls a second anvil decides, called and mined
    #[arg(long)]
    anvil: bool,
    /// Write what came out of it to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Keep each record's most telling cases in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Try the cases again that were kept in this folder, and no others: each must end as it did
    #[arg(long, value_name = "DIR", conflicts_with_all = ["cases", "seed", "class", "fork", "anvil", "out", "keep", "json"])]
    replay: Option<PathBuf>,
    /// Print what came out of it as JSON, in place of tables
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    if arguments.batch {
        return try_batches(arguments);
    }
    let records = subject::load(&arguments.records)?;
    if let Some(folder) = &arguments.replay {
        return replay(folder, &records);
    }
    let foundry = arguments
        .anvil
        .then(|| -> Result<_, CliError> {
            let home = Home::from_environment()?;
            setup::foundry(&home, &Progress::new())
        })
        .transpose()?;
    try_all(arguments, &records, foundry.as_ref())
}

/// A member of each record's batch, mutated between the others.
fn try_batches(arguments: &Arguments) -> Result<Finding, CliError> {
    let home = Home::from_environment()?;
    let solc = setup::solc(&home, &Progress::new())?;
    let mut batches = Vec::new();
    for path in &arguments.records {
        batches.push(batch::load(path, arguments.fork.map(Into::into), &solc)?);
    }
    report_of(arguments, batches.len(), |index, cases| {
        let (loaded, batch) = &batches[index];
        let plan = plan_of(arguments, cases);
        let target = Target::of_batch(batch, &loaded.subject).map_err(FuzzError::from)?;
        let name = format!("{} among {} proofs", loaded.subject.name, batch.members());
        let counter = Counter::new(name.clone(), cases);
        let result = campaign::run_on(&target, &plan, &counter);
        counter.clear();
        let (campaign, _) = result?;
        Ok(record_report(loaded, Campaign { name, ..campaign }, None))
    })
}

fn try_all(
    arguments: &Arguments,
    records: &[Loaded],
    foundry: Option<&Foundry>,
) -> Result<Finding, CliError> {
    report_of(arguments, records.len(), |index, cases| {
        try_one(arguments, &records[index], cases, foundry)
    })
}

/// Campaigns of so many subjects, by their number and their share of the cases, shown and written one after the other.
fn report_of(
    arguments: &Arguments,
    subjects: usize,
    mut campaign: impl FnMut(usize, u64) -> Result<RecordReport, CliError>,
) -> Result<Finding, CliError> {
    progress::watch_interrupts()?;
    let mut report = Report::default();
    for index in 0..subjects {
        if progress::interrupted() {
            break;
        }
        report.add(campaign(index, share(arguments.cases, subjects, index))?);
        // Before it is shown: whatever ends the command later must not lose it.
        if let Some(path) = &arguments.out {
            store::write_json(path, &report).map_err(FuzzError::from)?;
        }
        if !arguments.json {
            show(&report.records[index])?;
        }
    }
    if arguments.json {
        say!(
            "{}",
            serde_json::to_string(&report).expect("a report is plain data")
        )?;
    }
    Ok(if report.passed() {
        Finding::Good
    } else {
        Finding::Bad
    })
}

/// The cases of one record among several: the first ones take what does not divide.
fn share(cases: u64, records: usize, index: usize) -> u64 {
    let (records, index) = (records as u64, index as u64);
    cases / records + u64::from(index < cases % records)
}

fn plan_of(arguments: &Arguments, cases: u64) -> Plan {
    let mut plan = Plan::new(cases, arguments.seed);
    if !arguments.class.is_empty() {
        plan.classes.clone_from(&arguments.class);
    }
    if let Some(threads) = arguments.threads {
        plan.threads = threads.get();
    }
    plan
}

/// A campaign with what it was run by.
fn record_report(loaded: &Loaded, campaign: Campaign, anvil: Option<AnvilThroughput>) -> RecordReport {
    let Loaded { record, subject, .. } = loaded;
    let threads = campaign.threads;
    RecordReport {
        campaign,
        proof_sha256: Some(sha256_hex(&subject.statement.proof)),
        anvil,
        environment: Environment {
            ezkl_version: record.environment.ezkl_version.clone(),
            ..environment::current(record.environment.solc_version.clone(), threads, None)
        },
    }
}

fn try_one(
    arguments: &Arguments,
    loaded: &Loaded,
    cases: u64,
    foundry: Option<&Foundry>,
) -> Result<RecordReport, CliError> {
    let Loaded {
        creation_code,
        subject,
        ..
    } = loaded;
    let fork = arguments.fork.map_or(loaded.record.request.fork, Into::into);
    let plan = plan_of(arguments, cases);
    let verifier = loaded.deploy(fork)?;
    let counter = Counter::new(subject.name.to_string(), cases);
    let result = campaign::run(&verifier, subject, &plan, &counter);
    counter.clear();
    let (campaign, corpus) = result?;
    if let Some(folder) = &arguments.keep {
        store::write_json(&corpus_path(folder, &subject.name), &corpus).map_err(FuzzError::from)?;
    }
    let anvil = foundry
        .map(|foundry| {
            let calldata = |statement: &Proof| {
                verifier
                    .call_for(&statement.proof, &statement.instances)
                    .calldata()
            };
            let valid = calldata(&subject.statement);
            let failing = calldata(&campaign::early_failure(&subject.statement));
            measure_throughput(foundry, &verifier, creation_code, &valid, &failing, ANVIL_TIME)
        })
        .transpose()?;
    Ok(record_report(loaded, campaign, anvil))
}

fn replay(folder: &Path, records: &[Loaded]) -> Result<Finding, CliError> {
    let mut finding = Finding::Good;
    for loaded in records {
        let subject = &loaded.subject;
        let corpus: Corpus =
            store::read_json(&corpus_path(folder, &subject.name)).map_err(FuzzError::from)?;
        let verifier = loaded.deploy(corpus.fork)?;
        let differences = corpus.replay(&verifier, subject)?;
        let (cases, name) = (corpus.cases.len(), &subject.name);
        say!(
            "{name}: {} of {cases} kept cases end as they did",
            cases - differences.len()
        )?;
        for difference in &differences {
            let kept = &difference.kept;
            say!("{name}: {} {}: {}", kept.class, kept.index, kept.mutation)?;
            say!("  {}, but {} when it was kept", difference.now, kept.outcome)?;
            finding = Finding::Bad;
        }
    }
    Ok(finding)
}

fn corpus_path(folder: &Path, name: &FileName) -> PathBuf {
    folder.join(format!("{name}.json"))
}

fn show(report: &RecordReport) -> Result<(), CliError> {
    let campaign = &report.campaign;
    say!("{}\n", fitted(&tallies(campaign)))?;
    for case in &campaign.findings {
        say!(
            "{} {}: {}: {}",
            case.class,
            case.index,
            case.outcome,
            case.mutation
        )?;
    }
    say!("{}", summary(campaign))?;
    if let Some(anvil) = &report.anvil {
        say!("{}", beside(anvil))?;
    }
    say!("")
}

/// One line on anvil's pace.
fn beside(anvil: &AnvilThroughput) -> String {
    let [called, mined] = [&anvil.called, &anvil.mined].map(|pace| {
        format!(
            "the accepted call {}, an early failure {} times a second",
            per_second(&pace.valid),
            per_second(&pace.early_failure)
        )
    });
    format!(
        "anvil {} over {} connections: called, {called}; mined, {mined}",
        anvil.anvil_version, anvil.connections
    )
}

/// One row for each class, and one for all.
fn tallies(campaign: &Campaign) -> Table {
    let mut table = Table::new([
        Column::text("class"),
        Column::written("cases"),
        Column::written("rejected"),
        Column::written("after the pairing"),
        Column::written("identical"),
        Column::written("undecided"),
        Column::written("extended"),
        Column::written("accepted"),
    ]);
    let mut row = |name: String, tally: Tally| {
        let figures = [
            tally.cases,
            tally.rejected,
            tally.rejected_after_pairing,
            tally.identical,
            tally.undecided,
            tally.extended,
            tally.accepted,
        ];
        table.row(std::iter::once(name).chain(figures.map(format::count)));
    };
    for ClassTally { class, tally } in &campaign.tallies {
        row(class.to_string(), *tally);
    }
    row("all".to_owned(), campaign.total());
    table
}

/// One line on all cases, one on what was extended if anything was, and one on the pace of single calls.
fn summary(campaign: &Campaign) -> String {
    let total = campaign.total();
    let accepted = match total.accepted {
        0 => "none accepted".to_owned(),
        accepted => format!("{} ACCEPTED", format::count(accepted)),
    };
    let extended = match total.extended {
        0 => String::new(),
        extended => format!(
            "{} of these extended: the proof itself, with words after it that this verifier leaves unread\n",
            format::count(extended)
        ),
    };
    let Campaign {
        name,
        fork,
        seed,
        cases_asked,
        threads,
        pace,
        pace_by_end,
        ..
    } = campaign;
    let cases = if pace.cases == *cases_asked {
        format::count(pace.cases)
    } else {
        format!("{} of {}", format::count(pace.cases), format::count(*cases_asked))
    };
    format!(
        "{name} under {}, seed {seed}: {cases} cases, {accepted}\n\
         {extended}{} on {threads} threads: {} cases a second; the accepted call {}, an early failure {} times a second",
        fork.name(),
        format::seconds(pace.seconds),
        per_second(pace),
        per_second(&pace_by_end.valid),
        per_second(&pace_by_end.early_failure),
    )
}

fn per_second(pace: &Pace) -> String {
    let per_second = pace.per_second();
    if per_second < 100.0 {
        format!("{per_second:.1}")
    } else {
        format::count(per_second.round() as u64)
    }
}
