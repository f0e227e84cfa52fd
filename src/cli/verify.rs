//! `evmbench verify RECORD…`: everything that follows from a record's evidence found out again and held against the record; or
//! its proof put under other forks, or on the user's own chain.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::forks::{self, ForkName};
use super::output::{fitted, say};
use super::own_chain::{self, OwnChainArguments};
use super::progress::Progress;
use super::{Finding, format, setup, srs};
use crate::chain::UnderFork;
use crate::home::Home;
use crate::ledger::What;
use crate::metric::{Spread, Value};
use crate::prover::StringFile;
use crate::record::{Outcome, Record};
use crate::rederive::{self, Given, Rederived, Tools};
use crate::replay;

use crate::store::{Store, StoredRun};

/// Find out again what a record's evidence says, and hold the record against it
///
/// Every file of evidence is held against its digest, the source is compiled, verifier and guards are deployed for what
/// follows from key and settings, the proof is verified, a suite's model and its integers are made again. The exit status is
/// 1 where anything differs from the record. A record without a proof is counted, and is no error.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Records, as in results/core/relu-s7-direct.json
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,
    /// Verify under these forks instead, and show verdict, gas, and how far each limit is
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORK,…")]
    fork: Vec<ForkName>,
    /// Find out again everything that the record says of the chain, and write it anew
    #[arg(long, conflicts_with = "fork")]
    renew: bool,
    #[command(flatten)]
    given: GivenArguments,
    #[command(flatten)]
    own_chain: OwnChainArguments,
}

/// What a user has of a run beside its record and evidence.
#[derive(Debug, clap::Args)]
pub(super) struct GivenArguments {
    /// The user's ONNX file that was proved
    #[arg(long, value_name = "FILE")]
    onnx: Option<PathBuf>,
    /// The input file that was proved
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The reference string that the keys rest on: the name of an imported one, or a file
    #[arg(long, value_name = "NAME|FILE")]
    srs: Option<PathBuf>,
}

impl GivenArguments {
    /// The reference string that was named.
    pub(super) fn string(&self) -> Result<Option<StringFile>, CliError> {
        self.srs.as_deref().map(srs::find).transpose()
    }

    pub(super) fn given<'a>(&'a self, string: Option<&'a StringFile>) -> Given<'a> {
        Given {
            onnx: self.onnx.as_deref(),
            input: self.input.as_deref(),
            srs: string,
            prover: None,
        }
    }
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verified {
    AsRecorded,
    WithoutProof,
    Otherwise,
    Unreadable,
}

impl Verified {
    const ALL: [Self; 4] = [
        Self::AsRecorded,
        Self::WithoutProof,
        Self::Otherwise,
        Self::Unreadable,
    ];

    fn is_good(self) -> bool {
        matches!(self, Self::AsRecorded | Self::WithoutProof)
    }

    fn name(self) -> &'static str {
        match self {
            Self::AsRecorded => "as recorded",
            Self::WithoutProof => "without a proof",
            Self::Otherwise => "NOT as recorded",
            Self::Unreadable => "that cannot be used",
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    if let Some(url) = &arguments.own_chain.rpc {
        return own_chain::run(&arguments.records, url, arguments.own_chain.at);
    }
    let tools = Workshop::default();
    let string = arguments.given.string()?;
    let mut all = Vec::new();
    for path in &arguments.records {
        let verified = arguments.verify(path, string.as_ref(), &tools);
        let is_about_record = |error: &CliError| {
            matches!(
                error,
                CliError::Store(_) | CliError::Prover(_) | CliError::Replay(_)
            )
        };
        all.push(CliError::of_record(verified, is_about_record)?.unwrap_or(Verified::Unreadable));
    }
    if let Some(tally) = tally(&all) {
        say!("{tally}")?;
    }
    Ok(if all.iter().all(|verified| verified.is_good()) {
        Finding::Good
    } else {
        Finding::Bad
    })
}

/// How many records came to what, where there are several.
fn tally(all: &[Verified]) -> Option<String> {
    let counts = Verified::ALL.into_iter().filter_map(|kind| {
        let count = all.iter().filter(|&&verified| verified == kind).count();
        (count > 0).then(|| format!("{count} {}", kind.name()))
    });
    let counts: Vec<String> = counts.collect();
    (all.len() > 1).then(|| format!("{}: {}", format::plural(all.len(), "record"), counts.join(", ")))
}

impl Arguments {
    fn verify(
        &self,
        path: &Path,
        string: Option<&StringFile>,
        tools: &Workshop,
    ) -> Result<Verified, CliError> {
        let run = StoredRun::open(path)?;
        if !self.fork.is_empty() {
            return under(&run, &self.fork);
        }
        let tools = tools.open()?;
        if self.renew {
            renew(&run, self.given.given(string), tools)
        } else {
            check(&run, self.given.given(string), tools)
        }
    }
}

/// The compiler, which is obtained when it is first needed, and once.
#[derive(Default)]
pub(super) struct Workshop(OnceCell<Tools>);

impl Workshop {
    pub(super) fn open(&self) -> Result<&Tools, CliError> {
        if let Some(tools) = self.0.get() {
            return Ok(tools);
        }
        let home = Home::from_environment()?;
        let tools = Tools::new(setup::solc(&home, &Progress::new())?);
        Ok(self.0.get_or_init(|| tools))
    }
}

/// Whether the record is what its evidence says.
fn check(run: &StoredRun, given: Given<'_>, tools: &Tools) -> Result<Verified, CliError> {
    let rederived = rederive::rederive(run, given, tools)?;
    let Rederived {
        record,
        figures,
        discrepancies,
        remarks,
        ..
    } = &rederived;
    let name = run.path().display();
    for figure in figures {
        let unit = figure.metric.unit();
        let shown = |number: i128| unit.text(&Value::Whole(number));
        let [recorded, now] =
            [figure.recorded, figure.now].map(|number| number.map_or_else(|| "none".to_owned(), shown));
        let what = figure.metric.name();
        if figure.recorded == figure.now {
            say!("{name}: {what} {now}, as recorded")?;
        } else {
            say!("{name}: {what} {now}, but {recorded} in the record")?;
        }
    }
    for discrepancy in discrepancies {
        say!("{name}: {discrepancy}")?;
    }
    for remark in remarks {
        say!("{name}: {remark}")?;
    }
    for (why, items) in rederived.reasons() {
        let items: Vec<&str> = items.into_iter().map(What::name).collect();
        say!("{name}: by the record only: {} ({why})", items.join(", "))?;
    }
    if !rederived.agrees() {
        say!("{name}: NOT as recorded")?;
        return Ok(Verified::Otherwise);
    }
    let Some(verification) = &record.verification else {
        say!("{name}: {}, without a proof to verify", record.outcome)?;
        return Ok(Verified::WithoutProof);
    };
    if record.outcome == Outcome::Verified {
        say!("{name}: {}, as recorded", verification.verdict)?;
    } else {
        say!(
            "{name}: {}, and {}, as recorded",
            verification.verdict,
            record.outcome
        )?;
    }
    if let Some(spread) = Spread::of(record) {
        say!("{name}: {}", spread)?;
    }
    Ok(Verified::AsRecorded)
}

/// Whether the proof is accepted under every fork, be it with rules lifted.
fn under(run: &StoredRun, names: &[ForkName]) -> Result<Verified, CliError> {
    let runs = names
        .iter()
        .map(|&name| replay::under(run, name.into()))
        .collect::<Result<Vec<_>, _>>()?;
    let name = run.record().request.name();
    let verdicts = forks::verdicts(runs.iter().map(|run| (name.clone(), run.fit())));
    say!("{}\n", fitted(&verdicts))?;
    say!("{}", fitted(&forks::margins(runs.iter().map(UnderFork::fit))))?;
    if let Some(sentence) = through_guard(run.record()) {
        say!("\n{sentence}")?;
    }
    Ok(if runs.iter().all(|run| run.verification.verdict.is_accepted()) {
        Verified::AsRecorded
    } else {
        Verified::Otherwise
    })
}

/// What a committed circuit's proof costs through the guard, without which an acceptance shows nothing; none of other records.
fn through_guard(record: &Record) -> Option<String> {
    let guard = record.committed_guard.as_ref()?;
    Some(format!(
        "The gas above is the bare verifier's. A proof of a committed circuit is verified through its guard: {} gas under {} by \
         the record, {} gas more than by the bare verifier.",
        format::count(guard.verification.tx_gas),
        guard.fork.name(),
        format::signed(guard.tx_gas_over_verifier.into()),
    ))
}

/// Writes the record anew.
fn renew(run: &StoredRun, given: Given<'_>, tools: &Tools) -> Result<Verified, CliError> {
    let path = run.path();
    let renewed = replay::renewed(run, given, tools)?;
    Store::replace(path, &renewed)?;
    say!("{}: {}, renewed", path.display(), renewed.outcome_and_limits())?;
    Ok(match (&renewed.outcome, &renewed.verification) {
        (Outcome::Verified, _) => Verified::AsRecorded,
        (_, None) => Verified::WithoutProof,
        (_, Some(_)) => Verified::Otherwise,
    })
}
