//! `evmbench prove-and-verify`: arguments → plan → one record after another, each saved as soon as it exists.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

use super::error::CliError;
use super::forks::{self, ForkName};
use super::numbers::{at_least_one, count, parse_bytes};
use super::output::{fitted, note, say};
use super::session::{Earlier, Session, finished};
use super::session_arguments::SessionArguments;
use super::{Finding, data, format, remarks, tables};
use crate::budget;
use crate::chain::Fork;
use crate::cifar10;
use crate::committed::{CheckedRange, CommittedError, DIGIT_BITS, ProgramError};
use crate::forecast::{self, Verdict};
use crate::metric::{Metric, Spread};
use crate::model::input::{self, Slot};
use crate::model::layers;
use crate::model::onnx::{self, Asked, Dimensions, OutputForm, Uncovered};
use crate::model::split::Split;
use crate::prover::{
    CircuitKind, CircuitPlan, Io, MOST_SHOWN_ELEMENTS, PlanError, SrsStore, VerifierKind, Visibility,
};
use crate::record::{self, DEFAULT_RUNS, DEFAULT_SEED, ONNX_SUITE, Outcome, PartRequest, Record, Request};
use crate::rederive::Given;
use crate::report::table::{Column, Table};
use crate::solidity::DEFAULT_OPTIMIZER_RUNS;
use crate::subject::{Material, Subject, SubjectError, TestImage};
use crate::suite::{self, Experiment, ModelSpec, Suite};
use crate::trained;
use crate::tune::{Profile, ProfileError, ProfileModel};

/// What to prove and how
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Models by id; `evmbench list` shows them
    #[arg(value_name = "ID", conflicts_with_all = ["suite", "onnx"])]
    ids: Vec<String>,
    /// A named set of models
    #[arg(long, conflicts_with = "onnx")]
    suite: Option<Suite>,
    /// A model of your own
    #[arg(long, value_name = "FILE")]
    pub(super) onnx: Option<PathBuf>,
    /// The number of a size that the ONNX file leaves open, as in batch=1, several with commas; a size without a name is called
    /// by its input and axis, as in input.2=16 [default: 1 for a batch that is the only such size]
    #[arg(long, value_name = "SIZE=N,…", value_delimiter = ',', value_parser = dimension, conflicts_with_all = ["ids", "suite"])]
    dim: Vec<(String, usize)>,
    /// What of the ONNX file's output is proved: all of it; `logits`: the numbers before the Softmax that stands last; `argmax`: the
    /// class alone, one value, the first of equal ones; also of a network of the suites tiny and classic [default: model]
    #[arg(long, value_enum, value_name = "WHAT")]
    output: Option<OutputName>,
    /// The input of each model named: .json ({"input_data": [[...]]}), .npy or .npz; drawn from the seed otherwise. With --batch N,
    /// given N times, for one proof each
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "sample"])]
    input: Vec<PathBuf>,
    /// Inputs on which a model of your own, or a network of the suites tiny and classic, is looked at to choose a committed
    /// circuit's scale factors: a file as --input takes it, with any number of inputs along the first axis, a folder of such files,
    /// or of CIFAR-10's [default: drawn ones, where the bounds that follow from the input's range would cost precision]
    #[arg(long, value_name = "FILE|DIR", conflicts_with = "profile")]
    calibration: Option<PathBuf>,
    /// Weights for one model of a suite: .safetensors or .onnx, of a network .onnx [default: those that the CNNs were trained to;
    /// drawn from the seed for the others]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["suite", "onnx"])]
    weights: Option<PathBuf>,
    /// Folder with the weights of each model named, <ID>.onnx, as MLPerf Tiny's public files: they must be of the same operators
    /// and shapes
    #[arg(long, value_name = "DIR", conflicts_with_all = ["weights", "onnx"])]
    weights_dir: Option<PathBuf>,
    /// Folder with CIFAR-10's images, or the official .tar.gz, for the models that take one to look at [default: where
    /// `evmbench data cifar10` puts them, if they are there]
    #[arg(long, value_name = "PATH", conflicts_with = "onnx")]
    pub(super) data: Option<PathBuf>,
    /// Number of the test image that these look at [default: 0 where there are images, else one drawn from the seed]
    #[arg(long, value_name = "N", conflicts_with = "onnx")]
    sample: Option<usize>,
    /// Bits after the binary point, several with commas [default: the suite's; of a model by its id 10 if it is of the suite tiny, else 7]
    #[arg(long, value_name = "BITS", value_delimiter = ',')]
    pub(super) scale: Vec<u32>,
    /// `committed`: large layers claimed and checked under a challenge; `direct`: every layer computed in the circuit;
    /// `study`: the published study's settings [default: committed where it covers the model, else direct]
    #[arg(long, value_enum)]
    circuit: Option<Circuit>,
    /// What a committed circuit shows: commitments to input and output, the result itself, or input and result themselves
    /// [default: the result of a classifier, commitments of a layer; of a model of your own the result, and commitments where
    /// that has more than 64 elements]
    #[arg(long, value_enum, value_name = "WHAT")]
    io: Option<IoName>,
    /// Who assures that a committed input is in range: `table`: the circuit, to all numbers of its look-up table; `ranged`: the
    /// circuit, to exactly the range of the input; `registered`: a consumer that knows its commitment [default: `table`, and
    /// `ranged` where that is too wide or needs more rows]
    #[arg(long, value_enum)]
    input_range: Option<InputRange>,
    /// Columns side by side [default: for the least work in a committed circuit, else 2]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    columns: Option<usize>,
    /// Bits of the limbs that a committed circuit checks ranges by; its table has a row for each number that a limb can be
    /// [default: 16, or fewer where that saves rows and costs no precision]
    #[arg(long, value_name = "N", value_parser = limb_bits)]
    limb_bits: Option<u32>,
    /// Prove the model in parts, a new one from each of these layers on; what one part makes and the next reads is
    /// committed to by both, and one contract takes all proofs or none
    #[arg(long, value_name = "LAYER,…", value_delimiter = ',')]
    cut: Vec<String>,
    /// Prove the last layer (after the last --cut) in so many parts, each with some of its output channels
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    tiles: Option<usize>,
    /// Memory that one proof may take, as in 8GiB: a model whose committed circuit needs more is proved in the fewest parts that fit, cut
    /// and tiled as the forecast says [default: the memory limit of a worker, here; none for a job of many machines]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(super) budget: Option<u64>,
    /// Prove so many inputs of each model under one key, a record each, and verify all proofs in one transaction: the CNNs look
    /// at one test image after another, and other inputs are drawn from one seed after another, where no files are given
    #[arg(long, value_name = "N", value_parser = at_least_one, conflicts_with_all = ["cut", "tiles"])]
    pub(super) batch: Option<usize>,
    /// A circuit that `evmbench tune` found; the model is the profile's, unless one is named
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "suite", "filter", "scale", "circuit", "io", "input_range", "columns", "limb_bits", "input_visibility", "output_visibility",
        "param_visibility", "verifier", "optimizer_runs", "cut", "tiles",
    ])]
    pub(super) profile: Option<PathBuf>,
    /// Who sees the model's input [default: public]
    #[arg(long, value_enum, value_name = "WHO")]
    input_visibility: Option<Sight>,
    /// Who sees the model's output [default: public]
    #[arg(long, value_enum, value_name = "WHO")]
    output_visibility: Option<Sight>,
    /// Who sees the weights [default: fixed, in the verifying key]
    #[arg(long, value_enum, value_name = "WHO")]
    param_visibility: Option<Sight>,
    /// `plain`: a verifier for one circuit; `reusable`: one for all, with the circuit's key artifact registered
    #[arg(long, value_enum, default_value = "plain")]
    pub(super) verifier: VerifierName,
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=u64::from(u32::MAX)), help = format!(
        "How often solc's optimizer expects each opcode of the verifier to run [default: {DEFAULT_OPTIMIZER_RUNS}]"
    ))]
    pub(super) optimizer_runs: Option<u64>,
    /// Rules of the chain: the first fork's are those of the record's figures and controls; every record holds what the
    /// other forks make of the same proof, and a table shows it where more than one is named
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "FORK,…",
        default_value = Fork::default().name()
    )]
    pub(super) fork: Vec<ForkName>,
    /// Proofs to measure
    #[arg(long, value_name = "N", default_value_t = DEFAULT_RUNS, value_parser = at_least_one)]
    runs: usize,
    /// Proofs made first and not counted
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = count)]
    warmup: usize,
    #[arg(long, value_name = "N", help = format!("Seed of weights and inputs [default: {DEFAULT_SEED}]"))]
    seed: Option<u64>,
    /// Only experiments whose name contains this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    #[command(flatten)]
    pub(super) session: SessionArguments,
    /// Print each result on stdout as JSON, one a line, in place of the table
    #[arg(long)]
    pub(super) json: bool,
    /// Print what would be run, and run nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// A size that a file leaves open, and its number.
fn dimension(text: &str) -> Result<(String, usize), String> {
    let (name, number) = text.rsplit_once('=').ok_or("it is not of the form NAME=NUMBER")?;
    let number = number.parse().ok().filter(|&number: &usize| number > 0);
    let number = number.ok_or("its number is not a whole one above 0")?;
    Ok((name.to_owned(), number))
}

fn limb_bits(text: &str) -> Result<u32, String> {
    let bits: u32 = text.parse().map_err(|error| format!("{error}"))?;
    if DIGIT_BITS.contains(&bits) {
        Ok(bits)
    } else {
        Err(format!(
            "limbs have {} to {} bits",
            DIGIT_BITS.start(),
            DIGIT_BITS.end()
        ))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Circuit {
    Study,
    Direct,
    Committed,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum IoName {
    Committed,
    Result,
    Public,
}

/// The form of an ONNX file's output.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum OutputName {
    Model,
    Logits,
    Argmax,
}

impl From<OutputName> for OutputForm {
    fn from(name: OutputName) -> Self {
        match name {
            OutputName::Model => Self::Model,
            OutputName::Logits => Self::Logits,
            OutputName::Argmax => Self::Argmax,
        }
    }
}

impl From<IoName> for Io {
    fn from(name: IoName) -> Self {
        match name {
            IoName::Committed => Self::Committed,
            IoName::Result => Self::Result,
            IoName::Public => Self::Public,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum InputRange {
    Table,
    Ranged,
    Registered,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sight {
    Public,
    Private,
    Fixed,
    Hashed,
    Polycommit,
}

impl From<Sight> for Visibility {
    fn from(sight: Sight) -> Self {
        match sight {
            Sight::Public => Self::Public,
            Sight::Private => Self::Private,
            Sight::Fixed => Self::Fixed,
            Sight::Hashed => Self::Hashed,
            Sight::Polycommit => Self::Polycommit,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum VerifierName {
    Plain,
    Reusable,
}

impl From<VerifierName> for VerifierKind {
    fn from(name: VerifierName) -> Self {
        match name {
            VerifierName::Plain => Self::Plain,
            VerifierName::Reusable => Self::Reusable,
        }
    }
}

/// One record to make.
pub(super) struct Item {
    subject: Source,
    request: Request,
    /// The weights of a model of a suite, where they are in a file.
    weights: Option<PathBuf>,
    /// What is asked for where the first request's circuit does not cover the model.
    fallback: Option<Request>,
    /// Where the circuit is one that was found before.
    profile: Option<Profile>,
}

/// Where a subject comes from; it is put together only when its turn has come, since it can be large.
enum Source {
    Suite(Experiment),
    Onnx(Box<Subject>),
}

/// Columns of figures in the table of causes: what fits a wide terminal.
const RECORDS_BESIDE_EACH_OTHER: usize = 4;

/// All records, one after the other.
pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let srs = arguments.session.srs()?;
    let items = plan(arguments, srs.as_ref())?;
    if arguments.dry_run {
        show(&items, arguments)?;
        return Ok(Finding::Good);
    }
    let mut session = Session::open(&arguments.session, srs)?;
    session.planner.forecaster.batch = arguments.batch.map(|proofs| proofs as u64);
    let records = run_all(&items, arguments, &mut session);
    let closed = session.close();
    let records = records?;
    closed?;
    if !arguments.json {
        tell(&records, arguments)?;
    }
    let all_verified = records.iter().all(|record| record.outcome == Outcome::Verified);
    Ok(if all_verified { Finding::Good } else { Finding::Bad })
}

/// What a run ends with on the terminal.
pub(super) fn tell(records: &[Record], arguments: &Arguments) -> Result<(), CliError> {
    if !records.is_empty() {
        say!("{}", fitted(&tables::records(records)))?;
        remarks::show(records.iter().map(|record| {
            let name = record.request.name();
            (name, &record.model.uncovered[..], &record.notes[..])
        }))?;
        for records in records.chunks(RECORDS_BESIDE_EACH_OTHER) {
            if let Some(causes) = tables::causes(records) {
                say!("\n{}", fitted(&causes))?;
            }
        }
        for record in records {
            if let Some(spread) = Spread::of(record).filter(|spread| spread.registration_gas.is_some()) {
                say!("{}: {}", record.request.name(), spread)?;
            }
        }
        for record in records {
            if let Some(set) = &record.set {
                let one_pairing = match set.measurement.one_pairing {
                    Some(_) => format!(", and {} with one pairing", Metric::SetOnePairingGas.text(record)),
                    None => String::new(),
                };
                say!(
                    "{}: all {} parts in one transaction take {} gas{one_pairing}",
                    record.request.name(),
                    set.parts.len(),
                    Metric::SetGas.text(record)
                )?;
            }
        }
        for record in records {
            if let Some(batch) = &record.batch {
                say!(
                    "{}: {} proofs in one transaction take {} gas each, {} with one pairing alone shared, and {} apart",
                    record.request.name(),
                    batch.members.len(),
                    Metric::BatchGas.text(record),
                    Metric::BatchPairingGas.text(record),
                    Metric::BatchApartGas.text(record),
                )?;
            }
        }
        if arguments.fork.len() > 1 {
            let named: Vec<Fork> = arguments.fork.iter().map(|&name| name.into()).collect();
            let fits = records.iter().flat_map(|record| {
                let fits = record.fits().into_iter();
                fits.map(|fit| (record.request.name(), fit))
            });
            say!(
                "\n{}",
                fitted(&forks::verdicts(
                    fits.filter(|(_, fit)| named.contains(&fit.fork()))
                ))
            )?;
        }
    }
    Ok(())
}

/// What these arguments ask to be run.
pub(super) fn items(arguments: &Arguments) -> Result<Vec<Item>, CliError> {
    plan(arguments, arguments.session.srs()?.as_ref())
}

/// What was asked for of one model, in a circuit of this kind.
fn request(
    arguments: &Arguments,
    srs: Option<&SrsStore>,
    circuit: Circuit,
    id: &str,
    suite: &str,
    io: Io,
    scale: u32,
) -> Result<Request, CliError> {
    let plan = match circuit {
        Circuit::Study => CircuitPlan::study(scale),
        Circuit::Direct => CircuitPlan::direct(scale),
        Circuit::Committed => CircuitPlan::committed(scale, arguments.io.map_or(io, Into::into)),
    }?;
    let plan = plan.with_visibilities(
        arguments.input_visibility.map(Into::into),
        arguments.output_visibility.map(Into::into),
        arguments.param_visibility.map(Into::into),
    )?;
    let plan = match arguments.input_range {
        None => plan,
        Some(InputRange::Table) => plan.with_input_range(CheckedRange::Table)?,
        Some(InputRange::Ranged) => plan.with_input_range(CheckedRange::Exact)?,
        Some(InputRange::Registered) => plan.registered()?,
    };
    let plan = match arguments.columns {
        Some(columns) => plan.with_columns(columns)?,
        None => plan,
    };
    let plan = match arguments.limb_bits {
        Some(bits) => plan.with_digits(bits, None)?,
        None => plan,
    };
    if arguments.is_for_committed() && circuit != Circuit::Committed {
        return Err(PlanError::NotCommitted.into());
    }
    let optimizer_runs = arguments.optimizer_runs.unwrap_or(DEFAULT_OPTIMIZER_RUNS);
    let request = Request {
        verifier: arguments.verifier.into(),
        optimizer_runs,
        part: arguments.split().map(|split| PartRequest { split, index: 0 }),
        ..Request::new(id, suite, plan)
    };
    Ok(bound(arguments, srs, request))
}

/// The request with what is asked for whatever the circuit is.
fn bound(arguments: &Arguments, srs: Option<&SrsStore>, request: Request) -> Request {
    let request = Request {
        runs: arguments.runs,
        warmup: arguments.warmup,
        seed: arguments.seed.unwrap_or(DEFAULT_SEED),
        dimensions: arguments.dimensions(),
        output: arguments.output_form(),
        fork: arguments
            .fork
            .first()
            .map_or_else(Fork::default, |&name| name.into()),
        ..request
    };
    arguments.session.bind(request, srs)
}

/// The model of a profile in the profile's circuit.
fn profiled(arguments: &Arguments, srs: Option<&SrsStore>, profile: Profile) -> Result<Item, CliError> {
    let ProfileModel { id, suite, .. } = &profile.model;
    let request = Request {
        optimizer_runs: profile.optimizer_runs,
        ..Request::new(id, suite, profile.plan)
    };
    let request = bound(arguments, srs, request);
    let subject = match &arguments.onnx {
        Some(path) => {
            let calibration = arguments.calibration.as_deref();
            let subject =
                Subject::from_onnx_calibrated(path, arguments.input(), calibration, request.clone());
            Source::Onnx(Box::new(of_profile(subject, &profile)?))
        }
        None if suite == ONNX_SUITE => {
            return Err(CliError::Usage(
                "the profile is of an ONNX file of yours: give it with --onnx FILE",
            ));
        }
        None => {
            for id in &arguments.ids {
                suite::find(id)?;
                profile.check_id(id)?;
            }
            Source::Suite(Experiment {
                model: suite::find(id)?,
                scale: profile.plan.scale(),
            })
        }
    };
    Ok(Item {
        weights: arguments.weights(&request.id),
        subject,
        request,
        fallback: None,
        profile: Some(profile),
    })
}

/// The subject, if it is what the profile was made for.
fn of_profile(subject: Result<Subject, SubjectError>, profile: &Profile) -> Result<Subject, CliError> {
    match subject {
        Ok(subject) => {
            profile.check(&subject)?;
            Ok(subject)
        }
        Err(SubjectError::Committed(error)) => Err(ProfileError::Unsafe(error).into()),
        Err(error) => Err(error.into()),
    }
}

impl Arguments {
    /// The test image that the models that take one look at, where there are any and there are images.
    pub(super) fn image(&self, items: &[Item]) -> Result<Option<TestImage>, CliError> {
        Ok(self.images(items, 1)?.pop())
    }

    /// So many test images, one after another, for the items that take one to look at; none where there are no such items or
    /// no images.
    fn images(&self, items: &[Item], count: usize) -> Result<Vec<TestImage>, CliError> {
        let takes_image = |item: &Item| match &item.subject {
            Source::Suite(experiment) => experiment.model.input.is_image(),
            Source::Onnx(_) => false,
        };
        if !items.iter().any(takes_image) {
            if self.data.is_some() || self.sample.is_some() {
                return Err(CliError::Usage(
                    "--data and --sample are for models of a suite that look at an image of CIFAR-10's, and none is named",
                ));
            }
            return Ok(Vec::new());
        }
        if !self.input.is_empty() {
            return Ok(Vec::new());
        }
        let path = data::cifar10_path(self.data.as_ref())?;
        if self.data.is_none() && self.sample.is_none() && !path.exists() {
            return Ok(Vec::new());
        }
        let images = cifar10::read_test(&path)?;
        let numbers = (self.sample.unwrap_or(0)..).take(count);
        let chosen = numbers.map(|number| TestImage::of(&images, number));
        chosen.collect::<Option<_>>().ok_or(CliError::Usage(
            "--sample counts from 0; there are 10,000 test images",
        ))
    }

    /// The files that an item's record is held against.
    pub(super) fn given<'a>(&'a self, item: &'a Item) -> Given<'a> {
        Given {
            onnx: self.onnx.as_deref().or(item.weights.as_deref()),
            input: self.input(),
            ..Given::default()
        }
    }

    /// The input file; of a batch, the first member's.
    fn input(&self) -> Option<&Path> {
        self.input.first().map(PathBuf::as_path)
    }

    /// Sizes that the ONNX file leaves open.
    fn dimensions(&self) -> Dimensions {
        self.dim.iter().cloned().collect()
    }

    /// How the ONNX file is read.
    fn asked(&self) -> Asked {
        Asked {
            dimensions: self.dimensions(),
            output: self.output_form(),
        }
    }

    /// Which form of the ONNX file's output.
    fn output_form(&self) -> OutputForm {
        self.output.map_or_else(OutputForm::default, OutputForm::from)
    }

    /// Where models are split; none where they are proved whole.
    fn split(&self) -> Option<Split> {
        let is_split = !self.cut.is_empty() || self.tiles.is_some();
        is_split.then(|| Split {
            cuts: self.cut.clone(),
            tiles: self.tiles.unwrap_or(1),
        })
    }

    /// Memory that one proof may take on this machine: what was asked for, else what a worker can have.
    pub(super) fn budget_here(&self) -> Option<Budget> {
        let limit = self.session.effective_memory_limit_bytes();
        let limit = limit.filter(|_| !self.session.force).map(|bytes| Budget {
            bytes,
            is_asked_for: false,
        });
        self.budget_anywhere().or(limit)
    }

    /// Memory that one proof may take where nobody knows the machine: what was asked for.
    pub(super) fn budget_anywhere(&self) -> Option<Budget> {
        self.budget.map(|bytes| Budget {
            bytes,
            is_asked_for: true,
        })
    }

    /// What takes the place of seeded weights and inputs.
    pub(super) fn material<'a>(&'a self, image: Option<&'a TestImage>) -> Material<'a> {
        Material {
            input: self.input(),
            image,
            calibration: self.calibration.as_deref(),
            ..Material::default()
        }
    }

    /// The file with the weights of a model of a suite, where one is named.
    fn weights(&self, id: &str) -> Option<PathBuf> {
        let in_folder = || Some(trained::onnx_path(self.weights_dir.as_deref()?, id));
        self.weights.clone().or_else(in_folder)
    }

    /// Whether something is asked for that only a committed circuit has.
    fn is_for_committed(&self) -> bool {
        self.io.is_some() || self.split().is_some() || self.calibration.is_some() || self.limb_bits.is_some()
    }

    /// The kind of circuit to try first, and the one to fall back on where the first does not cover a model.
    fn circuits(&self) -> (Circuit, Option<Circuit>) {
        let visibilities = [
            self.input_visibility,
            self.output_visibility,
            self.param_visibility,
        ];
        match self.circuit {
            Some(circuit) => (circuit, None),
            // Only a circuit that computes everything has EZKL's visibilities to choose from.
            None if visibilities.iter().any(Option::is_some) => (Circuit::Direct, None),
            None if self.is_for_committed() => (Circuit::Committed, None),
            None if self.input_range.is_some() => (Circuit::Committed, None),
            None => (Circuit::Committed, Some(Circuit::Direct)),
        }
    }
}

/// What to run, resolved once: everything after this asks no argument again, but where weights and inputs are.
fn plan(arguments: &Arguments, srs: Option<&SrsStore>) -> Result<Vec<Item>, CliError> {
    let items = match &arguments.profile {
        Some(path) => vec![profiled(arguments, srs, Profile::load(path)?)?],
        None => named(arguments, srs)?,
    };
    if arguments.batch.is_some() && arguments.verifier == VerifierName::Reusable {
        return Err(CliError::Usage(
            "--batch is for a circuit's own verifier: the reusable verifier has no opening",
        ));
    }
    let files = arguments.input.len();
    if files > 1 && arguments.batch.is_none() {
        return Err(CliError::Usage("several --input files are for --batch"));
    }
    if files > 0 && arguments.batch.is_some_and(|count| count != files) {
        return Err(CliError::Usage("--batch N takes N --input files, or none"));
    }
    if arguments.seed.is_some() && !items.iter().any(|item| item.draws(arguments)) {
        return Err(CliError::Usage(
            "nothing is drawn from --seed: weights and input are given, so leave it out",
        ));
    }
    for item in &items {
        let Source::Suite(Experiment { model, .. }) = &item.subject else {
            continue;
        };
        for file in &arguments.input {
            let slot = Slot {
                name: model.id,
                shape: model.input_shape,
                numbers: input::numbers(model),
            };
            input::from_file(file, &[slot]).map_err(SubjectError::from)?;
        }
    }
    Ok(items)
}

/// The models that are named, in a circuit that follows from the arguments.
fn named(arguments: &Arguments, srs: Option<&SrsStore>) -> Result<Vec<Item>, CliError> {
    let (first, fallback) = arguments.circuits();
    let both = |id: &str, suite: &str, io: Io, scale: u32| -> Result<(Request, Option<Request>), CliError> {
        let of = |circuit| request(arguments, srs, circuit, id, suite, io, scale);
        Ok((of(first)?, fallback.map(of).transpose()?))
    };
    let scales: &[u32] = if arguments.scale.is_empty() {
        &[7]
    } else {
        &arguments.scale
    };
    let mut items = Vec::new();
    if let Some(path) = &arguments.onnx {
        let loaded = onnx::load(path, &arguments.asked()).map_err(SubjectError::from)?;
        let elements = loaded.output_elements();
        for &scale in scales {
            let (request, fallback) = both("model", ONNX_SUITE, Io::default_for_outputs(elements), scale)?;
            let (input, calibration) = (arguments.input(), arguments.calibration.as_deref());
            let of = |request| Subject::from_onnx_calibrated(path, input, calibration, request);
            let mut subject = Subject::or_else(of(request), || fallback.map(of))?;
            let plan = subject.request.plan;
            let hidden =
                plan.kind() == CircuitKind::Committed && plan.output_visibility() == Visibility::Polycommit;
            if arguments.io.is_none() && hidden {
                subject.notes.push(format!(
                    "the output has {elements} elements, more than {MOST_SHOWN_ELEMENTS}, and is committed to; --io result shows it"
                ));
            }
            items.push(Item {
                request: subject.request.clone(),
                fallback: None,
                profile: None,
                weights: None,
                subject: Source::Onnx(Box::new(subject)),
            });
        }
    } else {
        let experiments: Vec<Experiment> = match arguments.suite {
            Some(suite) => suite.experiments(&arguments.scale).collect(),
            None => {
                let models = arguments
                    .ids
                    .iter()
                    .map(|id| suite::find(id))
                    .collect::<Result<Vec<_>, _>>()?;
                let scales_of = |model: &ModelSpec| match &arguments.scale[..] {
                    [] => vec![model.category.default_scale()],
                    asked => asked.to_vec(),
                };
                let of = |model| {
                    scales_of(model)
                        .into_iter()
                        .map(move |scale| Experiment { model, scale })
                };
                models.into_iter().flat_map(of).collect()
            }
        };
        if arguments.weights.is_some() && arguments.ids.len() != 1 {
            return Err(CliError::Usage(
                "--weights belongs to one model: name exactly one",
            ));
        }
        for experiment in experiments {
            let Experiment { model, scale } = experiment;
            if model.category.is_of_study() {
                if arguments.output.is_some() || arguments.calibration.is_some() {
                    return Err(CliError::Usage(
                        "--output and --calibration are for models of your own and for networks, and a model of the study is named",
                    ));
                }
            } else if first == Circuit::Study {
                return Err(CliError::Usage(
                    "the study's circuit is for the study's models, and a network is named",
                ));
            }
            let (request, fallback) = {
                let suite = model.category.to_string();
                both(model.id, &suite, io_of(model, arguments.output_form()), scale)?
            };
            items.push(Item {
                request,
                fallback,
                profile: None,
                weights: arguments.weights(model.id),
                subject: Source::Suite(experiment),
            });
        }
    }
    if let Some(text) = &arguments.filter {
        items.retain(|item| item.request.name().contains(text.as_str()));
        if items.is_empty() {
            return Err(CliError::NothingToRun("no experiment's name contains the filter"));
        }
    }
    if items.is_empty() {
        return Err(CliError::NothingToRun("no model, suite or ONNX file was named"));
    }
    Ok(items)
}

/// What a committed circuit shows of a model of a suite where nothing is asked for.
fn io_of(model: &ModelSpec, output: OutputForm) -> Io {
    if model.category.is_of_study() {
        return Io::default_for(model.category.name());
    }
    let graph = layers::build(model, DEFAULT_SEED);
    let elements = graph
        .output_values()
        .map(|value| value.shape.iter().product::<usize>());
    Io::default_for_outputs(if output == OutputForm::Argmax {
        1
    } else {
        elements.sum()
    })
}

impl Item {
    /// Whether anything of it may be drawn from the seed.
    fn draws(&self, arguments: &Arguments) -> bool {
        let Source::Suite(Experiment { model, .. }) = &self.subject else {
            return arguments.input.is_empty();
        };
        let is_trained = trained::find(model.id).is_some() && self.request.plan.kind() != CircuitKind::Study;
        let given_image = model.input.is_image() && (arguments.data.is_some() || arguments.sample.is_some());
        (self.weights.is_none() && !is_trained) || (arguments.input.is_empty() && !given_image)
    }

    /// What is asked for first.
    pub(super) fn request(&self) -> &Request {
        &self.request
    }

    /// The model that its records are about, put together now.
    pub(super) fn subject(&self, material: Material<'_>) -> Result<Subject, CliError> {
        let material = Material {
            weights: self.weights.as_deref(),
            ..material
        };
        match &self.subject {
            Source::Suite(experiment) => {
                let of = |request: &Request| Subject::from_suite(*experiment, request.clone(), material);
                let subject = of(&self.request);
                match &self.profile {
                    Some(profile) => of_profile(subject, profile),
                    None => Ok(Subject::or_else(subject, || self.fallback.as_ref().map(of))?),
                }
            }
            Source::Onnx(subject) => Ok((**subject).clone()),
        }
    }

    /// The model with the input of one member of a batch, from 0: a file, a test image, or what the next seed draws.
    fn member(
        &self,
        number: usize,
        arguments: &Arguments,
        material: Material<'_>,
    ) -> Result<Subject, CliError> {
        let subject = self.subject(material)?;
        if number == 0 {
            return Ok(subject);
        }
        let file = arguments.input.get(number).map(PathBuf::as_path);
        let input_seed = match subject.input.source {
            record::Source::Seeded { seed } => Some(seed + number as u64),
            _ if file.is_some() => subject.request.input_seed,
            _ => return Ok(subject),
        };
        let request = Request {
            input_seed,
            ..subject.request
        };
        let material = Material {
            weights: self.weights.as_deref(),
            input: file,
            ..material
        };
        Ok(match (&self.subject, &arguments.onnx) {
            (Source::Suite(experiment), _) => Subject::from_suite(*experiment, request, material)?,
            (Source::Onnx(_), Some(path)) => Subject::from_onnx(path, file, request)?,
            (Source::Onnx(_), None) => return Err(CliError::NothingToRun("no ONNX file was named")),
        })
    }

    /// What each of its records is about: the model, or its parts. A model that is too large for the budget is split, if it has
    /// no circuit of a profile.
    pub(super) fn subjects(
        &self,
        material: Material<'_>,
        budget: Option<Budget>,
    ) -> Result<Vec<Subject>, CliError> {
        let subject = self.subject(material)?;
        let budget = budget.filter(|_| self.profile.is_none());
        let subject = match budget.and_then(|budget| budget.split(&subject)) {
            Some(split) => subject.in_parts(split)?,
            None => subject,
        };
        Ok(subject.parts()?)
    }
}

/// Memory that one proof may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    bytes: u64,
    /// Whether it was asked for: then no part of a forecast's interval may exceed it.
    is_asked_for: bool,
}

impl Budget {
    /// Where a model is split that does not fit; says so. None where it fits, or where no split does.
    fn split(self, subject: &Subject) -> Option<Split> {
        let circuit = &subject.committed.as_ref()?.circuit;
        let peak = forecast::of_committed(circuit, None, None).ok()?.peak_bytes();
        match peak.against(self.bytes) {
            Verdict::Fits => return None,
            Verdict::Open if !self.is_asked_for => return None,
            Verdict::Open | Verdict::Exceeds => {}
        }
        let (name, needed, bytes) = (
            subject.request.name(),
            format::bytes(peak.likely),
            format::bytes(self.bytes),
        );
        let split = budget::split_within(subject, self.bytes);
        match &split {
            Some(split) => note!(
                "{name}: one proof needs {needed}, and may take {bytes}: {} parts fit ({})",
                split.parts(),
                options_of(split)
            ),
            None => note!("{name}: one proof needs {needed}, and no split that evmbench finds fits {bytes}"),
        }
        split
    }
}

/// The options that ask for a split.
fn options_of(split: &Split) -> String {
    let cuts = (!split.cuts.is_empty()).then(|| format!("--cut {}", split.cuts.join(",")));
    let tiles = (split.tiles > 1).then(|| format!("--tiles {}", split.tiles));
    let options: Vec<String> = cuts.into_iter().chain(tiles).collect();
    options.join(" ")
}

/// One record to make, as `--dry-run --json` prints it.
#[derive(Serialize)]
struct Planned<'a> {
    name: String,
    circuit: CircuitKind,
    uncovered: &'a [Uncovered],
    notes: &'a [String],
    record: PathBuf,
    done: bool,
}

fn show(items: &[Item], arguments: &Arguments) -> Result<(), CliError> {
    let image = arguments.image(items)?;
    let material = arguments.material(image.as_ref());
    let store = arguments.session.store();
    let mut table = Table::new([
        Column::text("experiment"),
        Column::text("suite"),
        Column::text("circuit"),
        Column::written("scale"),
        Column::text("input"),
        Column::text("output"),
        Column::text("weights"),
        Column::written_of(Metric::ProveCount),
        Column::text("record"),
    ]);
    let mut remarks = Vec::new();
    for item in items {
        for subject in item.subjects(material, arguments.budget_here())? {
            let Request {
                suite,
                plan: circuit,
                runs,
                warmup,
                ..
            } = &subject.request;
            let record = store.path(&subject.request);
            let cap = arguments.session.effective_memory_limit_bytes();
            let done = arguments.session.resume
                && matches!(
                    finished(&store, &subject.request, None, None, cap),
                    Earlier::Final(_)
                );
            if arguments.json {
                let planned = Planned {
                    name: subject.request.name(),
                    circuit: circuit.kind(),
                    uncovered: &subject.model.uncovered,
                    notes: &subject.notes,
                    record,
                    done,
                };
                say!(
                    "{}",
                    serde_json::to_string(&planned).expect("a plan is plain data")
                )?;
                continue;
            }
            table.row([
                subject.request.id.to_string(),
                suite.to_string(),
                circuit.kind().to_string(),
                circuit.scale().to_string(),
                circuit.input_visibility().to_string(),
                circuit.output_visibility().to_string(),
                circuit.param_visibility().to_string(),
                (runs + warmup).to_string(),
                format!(
                    "{}{}",
                    record.display(),
                    if done { " (there already: skipped)" } else { "" }
                ),
            ]);
            remarks.push((subject.request.name(), subject.model.uncovered, subject.notes));
        }
    }
    if arguments.json {
        return Ok(());
    }
    say!("{}", fitted(&table))?;
    let remarks = remarks.iter();
    remarks::show(remarks.map(|(name, uncovered, notes)| (name.clone(), &uncovered[..], &notes[..])))
}

/// Why inputs are no batch's.
const RANGES: &str =
    "the inputs of a batch are proved in one circuit, and these need different ranges of integers";

/// Refuses inputs of which two are the same, or that cannot be proved in one circuit: its range of integers follows from the input.
fn have_one_circuit(members: impl Iterator<Item = Result<Subject, CliError>>) -> Result<(), CliError> {
    let mut inputs = HashSet::new();
    let mut bound = None;
    for member in members {
        let member = match member {
            Err(CliError::Subject(SubjectError::Committed(error)))
                if bound.is_some() && is_of_range(&error) =>
            {
                return Err(CliError::Usage(RANGES));
            }
            member => member?,
        };
        if !inputs.insert(member.input.sha256) {
            return Err(CliError::Usage(
                "the members of a batch prove different inputs, and two of these are the same",
            ));
        }
        let needed = member.input_bound.to_bits();
        if *bound.get_or_insert(needed) != needed {
            return Err(CliError::Usage(RANGES));
        }
    }
    Ok(())
}

/// Whether a circuit that was chosen for one input cannot take another's range.
fn is_of_range(error: &CommittedError) -> bool {
    matches!(
        error,
        CommittedError::WideTable { .. }
            | CommittedError::LooseRange(_)
            | CommittedError::Program(ProgramError::InputRange { .. })
    )
}

/// Proves the members of an item's batch, and verifies them together; fewer records where the user stops it.
fn run_batch(
    item: &Item,
    position: &str,
    images: &[TestImage],
    arguments: &Arguments,
    session: &mut Session,
) -> Result<Vec<Record>, CliError> {
    let count = arguments.batch.unwrap_or(1);
    let member = |number| item.member(number, arguments, arguments.material(images.get(number)));
    have_one_circuit((0..count).map(member))?;
    let mut members = Vec::new();
    for number in 0..count {
        let subject = member(number)?;
        let position = format!("[{position} proof {} of {count}]", number + 1);
        let Some(record) = session.record(&position, &subject)? else {
            return Ok(members);
        };
        members.push(record);
    }
    // Each member has an input of its own.
    let given = Given {
        input: None,
        ..arguments.given(item)
    };
    session.join_batch(&mut members, given)?;
    Ok(members)
}

/// Prints records as they are asked for.
fn print(records: &[Record], arguments: &Arguments) -> Result<(), CliError> {
    for record in records.iter().filter(|_| arguments.json) {
        say!(
            "{}",
            serde_json::to_string(record).expect("a record is plain data")
        )?;
    }
    Ok(())
}

fn run_all(items: &[Item], arguments: &Arguments, session: &mut Session) -> Result<Vec<Record>, CliError> {
    if let Some(count) = arguments.batch {
        let images = arguments.images(items, count)?;
        let mut records = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let position = format!("{}/{}", index + 1, items.len());
            let members = run_batch(item, &position, &images, arguments, session)?;
            print(&members, arguments)?;
            let stopped = members.len() < count;
            records.extend(members);
            if stopped {
                break;
            }
        }
        return Ok(records);
    }
    let image = arguments.image(items)?;
    let material = arguments.material(image.as_ref());
    let mut records = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let subjects = item.subjects(material, arguments.budget_here())?;
        let mut parts = Vec::new();
        for subject in &subjects {
            let part = subject.request.part.as_ref();
            let part = part.map(|part| format!(" {part}")).unwrap_or_default();
            let position = format!("[{}/{}{part}]", index + 1, items.len());
            let Some(record) = session.record(&position, subject)? else {
                records.extend(parts);
                return Ok(records);
            };
            parts.push(record);
        }
        session.join(&mut parts, arguments.given(item))?;
        print(&parts, arguments)?;
        records.extend(parts);
    }
    Ok(records)
}
