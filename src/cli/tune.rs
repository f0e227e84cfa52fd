//! `evmbench tune`: a model and a purpose → the circuits that nothing beats, the best few proved, and a profile of the best.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;

use super::error::CliError;
use super::numbers::at_least_one;
use super::output::{fitted, note, say};
use super::session::Session;
use super::{Finding, data, format, prove_and_verify};
use crate::ablation::OPTIMIZER_RUNS;
use crate::accuracy;
use crate::bench::BenchError;
use crate::chain::Fork;
use crate::cifar10::{self, Images};
use crate::committed::{CheckedRange, InputAssurance};
use crate::metric::Metric;
use crate::prover::{CircuitKind, CircuitPlan, Failure, Visibility};
use crate::record::{DEFAULT_SEED, Record, Request};
use crate::replay;
use crate::report::table::{Column, Table};
use crate::solidity::DEFAULT_OPTIMIZER_RUNS;
use crate::store::StoredRun;
use crate::subject::{Subject, SubjectError};
use crate::suite;
use crate::tune::{self, Candidate, Chosen, Limits, Measured, Objective, Profile, Reference, Space};

/// Search for the circuit that takes the least memory, time or gas, prove the best few, and keep a profile of the best
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evmbench tune dense_small --for gas\n  evmbench tune cnn_strided --for memory --scale 7,8,10 --accuracy-loss 0.5\n  evmbench tune relu --for gas --any-io --prove 0\n  evmbench tune dense_small --for memory --any-input-range\n  evmbench prove-and-verify --profile runs/profiles/dense_small-gas.json\n\nIt takes the arguments of prove-and-verify; what they name is kept, and the rest is searched."
)]
#[group(skip)]
pub(super) struct Arguments {
    #[command(flatten)]
    run: prove_and_verify::Arguments,
    /// What is to be least: the prover's memory, the time of a proof, or the gas of its verification
    #[arg(long = "for", value_enum, value_name = "WHAT")]
    objective: ObjectiveName,
    /// What may be lost against the float model: test images of a CNN in per cent of all, where there are images; else the
    /// greatest distance of an output, in per cent of the greatest output [default: what is lost without tuning]
    #[arg(long, value_name = "PERCENT", value_parser = percentage)]
    accuracy_loss: Option<f64>,
    #[arg(
        long,
        value_name = "N",
        value_parser = at_least_one,
        help = format!("Test images that tell what is lost [default: {DEFAULT_IMAGES}]")
    )]
    images: Option<usize>,
    /// Let a committed circuit show, commit to or register input and output as is best, which changes what is proved
    #[arg(long, conflicts_with_all = ["io", "input_range"])]
    any_io: bool,
    /// Let a committed circuit leave its input's range to a consumer that knows the input's commitment (`registered`) where that is best:
    /// the consumer is then trusted for what a circuit would check, which is another statement
    #[arg(long, conflicts_with_all = ["any_io", "input_range"])]
    any_input_range: bool,
    /// How many of the best are proved; with 0 the profile rests on forecasts alone
    #[arg(long, value_name = "N", default_value_t = 3)]
    prove: usize,
    /// File of the profile [default: <out>/profiles/<ID>-<WHAT>.json]
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// Test images that tell what is lost, unless another number is asked for.
const DEFAULT_IMAGES: usize = 1000;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ObjectiveName {
    Memory,
    Time,
    Gas,
}

impl From<ObjectiveName> for Objective {
    fn from(name: ObjectiveName) -> Self {
        match name {
            ObjectiveName::Memory => Self::Memory,
            ObjectiveName::Time => Self::Time,
            ObjectiveName::Gas => Self::Gas,
        }
    }
}

/// A number that is not negative.
fn percentage(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err("not a percentage, as in 0.5".to_owned()),
    }
}

/// A candidate that was proved, with a verifier that was compiled in one way.
struct Proved {
    /// Which of the front.
    index: usize,
    record: Record,
    measured: Option<Measured>,
}

/// Everything that `--json` prints.
#[derive(Serialize)]
struct Found<'a> {
    refused: usize,
    front: &'a [Candidate],
    proved: Vec<ProvedJson<'a>>,
    profile: Option<&'a Profile>,
}

#[derive(Serialize)]
struct ProvedJson<'a> {
    plan: CircuitPlan,
    optimizer_runs: u64,
    outcome: &'a crate::record::Outcome,
    measured: Option<&'a Measured>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let run = &arguments.run;
    let (subject, space) = start(arguments)?;
    let images = images(arguments, &subject)?;
    let mut session = Session::open(&run.session, run.session.srs()?)?;
    let objective = arguments.objective.into();
    let Searched {
        front,
        limits,
        refused,
    } = search(arguments, &session, &subject, &space, images.as_ref())?;
    let count = if run.dry_run { 0 } else { arguments.prove };
    let proved = prove(&mut session, &subject, &front, count, arguments);
    let calibrated = session.planner.calibration().is_some();
    let environment = session.environment().clone();
    let closed = session.close();
    let proved = proved?;
    closed?;
    let chosen = choose(&front, &proved, count, objective, arguments);
    let chosen_index = chosen.as_ref().map(|(index, _)| *index);
    let profile = chosen.filter(|_| !run.dry_run).map(|(_, chosen)| {
        let command = command(arguments, &subject);
        Profile::new(&subject, chosen, objective, &limits, environment, command)
    });
    let path = arguments
        .save
        .clone()
        .unwrap_or_else(|| Profile::path(&run.session.out, &subject.request.id, objective));
    if let Some(profile) = &profile {
        profile.save(&path)?;
    }
    if run.json {
        let found = Found {
            refused,
            front: &front,
            proved: proved.iter().map(|proved| proved.json(&front)).collect(),
            profile: profile.as_ref(),
        };
        say!(
            "{}",
            serde_json::to_string(&found).expect("what was found is plain data")
        )?;
    } else {
        let asked = subject.request.plan;
        say!(
            "{}",
            fitted(&front_table(&front, &asked, chosen_index, calibrated))
        )?;
        if !proved.is_empty() {
            say!("\n{}", fitted(&proved_table(&front, &proved, profile.as_ref())))?;
        }
        if front
            .iter()
            .any(|candidate| proves_another(&candidate.plan, &asked))
        {
            say!(
                "\n{ANOTHER}: other tensors are shown than was asked for, or the input's range is assured by someone else; with \"{}\" by \
                 a consumer that knows the input's commitment",
                InputAssurance::Registered
            )?;
        }
        say!("\nrefused, since a value could exceed them: {refused}")?;
        if let Some(profile) = &profile {
            say!("profile: {}", path.display())?;
            if profile.measured.is_none() {
                say!("nothing of it is measured: --prove was 0")?;
            }
        }
    }
    if !calibrated {
        note!(
            "hint: times are seconds of a processor of the machine that the forecast was fitted on, until `evmbench plan \
             --calibrate` has measured this one"
        );
    }
    Ok(if profile.is_some() || run.dry_run {
        Finding::Good
    } else {
        Finding::Bad
    })
}

/// The one model, asked for at the first of its scales, and what may be changed.
fn start(arguments: &Arguments) -> Result<(Subject, Space), CliError> {
    let run = &arguments.run;
    if run.profile.is_some() {
        return Err(CliError::Usage(
            "a profile is what tune makes: give it to prove-and-verify",
        ));
    }
    if run.verifier != prove_and_verify::VerifierName::Plain {
        return Err(CliError::Usage(
            "a reusable verifier is one contract for all circuits, and its gas is not forecast: tune for a plain one",
        ));
    }
    let items = prove_and_verify::items(run)?;
    let [first, ..] = &items[..] else {
        return Err(CliError::NothingToRun("no model was named"));
    };
    if items.iter().any(|item| item.request().id != first.request().id) {
        return Err(CliError::Usage("one model is tuned at a time: name exactly one"));
    }
    if first.request().part.is_some() {
        return Err(CliError::Usage(
            "parts must share their rows: tune the whole model, or prove it in parts without tuning",
        ));
    }
    let image = run.image(&items)?;
    let subject = first.subject(run.material(image.as_ref()))?;
    let plan = subject.request.plan;
    if plan.kind() == CircuitKind::Study {
        return Err(CliError::Usage(
            "the study's circuit is as the study made it: tune a committed or a direct one",
        ));
    }
    let at_scale = |item: &prove_and_verify::Item| plan.at_scale(item.request().plan.scale());
    let space = Space::around(items.iter().map(at_scale).collect::<Result<_, _>>()?);
    let space = match (arguments.any_io, arguments.any_input_range) {
        (true, _) => space.with_any_io()?,
        (false, true) if plan.input_assurance() == Some(InputAssurance::Public) => {
            return Err(CliError::Usage(
                "--any-input-range is about an input that is committed to, and with --io public whoever reads it assures its range",
            ));
        }
        (false, true) => space.with_any_input_range()?,
        (false, false) => space,
    };
    Ok((subject, space))
}

/// Test images for a committed CNN of the suite, where there are any.
fn images(arguments: &Arguments, subject: &Subject) -> Result<Option<Images>, CliError> {
    // The subject looks at an image exactly where there are some.
    if subject.request.sample.is_none() || subject.committed.is_none() {
        if arguments.images.is_some() {
            return Err(CliError::Usage(
                "--images are looked at by a committed CNN of the suite, where there are test images",
            ));
        }
        return Ok(None);
    }
    let images = cifar10::read_test(&data::cifar10_path(arguments.run.data.as_ref())?)?;
    let rest = images
        .len()
        .saturating_sub(arguments.images.unwrap_or(DEFAULT_IMAGES));
    Ok(Some(images.split_last(rest).0))
}

/// What a search came to.
struct Searched {
    /// The Pareto front, best first.
    front: Vec<Candidate>,
    /// What all of it is within.
    limits: Limits,
    /// How many settings a value could exceed.
    refused: usize,
}

fn search(
    arguments: &Arguments,
    session: &Session,
    subject: &Subject,
    space: &Space,
    images: Option<&Images>,
) -> Result<Searched, CliError> {
    let id = &subject.request.id;
    let fork = subject.request.fork;
    let reference = Reference::of(subject);
    session.planner.progress.label(format!("{id}: settings"));
    let found = if subject.committed.is_some() {
        space.committed(subject, &reference, fork, session.planner.calibration())
    } else {
        space.direct(subject, &reference, fork, |subject| {
            match session.planner.laid_out("settings:", subject)? {
                Err(Failure::Interrupted { .. }) => Err(CliError::from(BenchError::Interrupted)),
                laid_out => Ok(laid_out),
            }
        })?
    };
    let refused = found.refused.len();
    let mut candidates = found.candidates()?;
    let graph = subject.graph.as_ref().ok();
    let spec = suite::find(id)
        .ok()
        .filter(|spec| subject.request.suite == spec.category.name());
    let images = match images.zip(graph) {
        Some((images, graph)) => Some((images, accuracy::float_logits(id, graph, spec, images)?)),
        None => None,
    };
    let accuracy = |plan: &CircuitPlan| {
        let Some((images, logits)) = &images else {
            return Ok::<_, CliError>(None);
        };
        session
            .planner
            .progress
            .label(format!("{id}: accuracy of {}", name(plan)));
        let tuned = asked_for(subject, *plan)?;
        let Some(committed) = &tuned.committed else {
            return Ok(None);
        };
        Ok(Some(accuracy::of_committed(
            &committed.circuit,
            plan.scale(),
            spec,
            images,
            logits,
        )?))
    };
    // The first candidate is the plan without tuning, or the first that can be.
    if let Some(untuned) = candidates
        .first_mut()
        .filter(|_| arguments.accuracy_loss.is_none())
    {
        untuned.accuracy = accuracy(&untuned.plan)?;
    }
    let limits = Limits {
        memory_bytes: arguments
            .run
            .budget
            .or_else(|| session.planner.memory_limit_bytes()),
        loss_percent: arguments
            .accuracy_loss
            .or_else(|| candidates.first()?.loss_percent()),
        fork,
    };
    let front = tune::best(candidates, arguments.objective.into(), &limits, accuracy)??;
    Ok(Searched {
        front,
        limits,
        refused,
    })
}

fn asked_for(subject: &Subject, plan: CircuitPlan) -> Result<Subject, CliError> {
    let request = Request {
        plan,
        // What was chosen for the subject is of another circuit.
        chosen: None,
        ..subject.request.clone()
    };
    Ok(subject.asked_for(request).map_err(SubjectError::from)?)
}

/// Proves the first of the front. For the least gas, each proof is verified by verifiers that were compiled otherwise, too: it
/// is the same proof.
fn prove(
    session: &mut Session,
    subject: &Subject,
    front: &[Candidate],
    count: usize,
    arguments: &Arguments,
) -> Result<Vec<Proved>, CliError> {
    let mut proved = Vec::new();
    let count = count.min(front.len());
    let others = match arguments.objective {
        ObjectiveName::Gas if arguments.run.optimizer_runs.is_none() => &OPTIMIZER_RUNS[..],
        _ => &[],
    };
    for (index, candidate) in front.iter().take(count).enumerate() {
        let position = format!("[{}/{count}]", index + 1);
        let mut tuned = asked_for(subject, candidate.plan)?;
        let Some(record) = session.record(&position, &tuned)? else {
            break;
        };
        let proved_with = record.request.optimizer_runs;
        let replayed = match record.verification {
            Some(_) if !others.is_empty() => {
                let run = StoredRun::open(&session.store().path(&record.request))?;
                Some(replay::recorded_prover_of(&run, &tuned)?)
            }
            _ => None,
        };
        proved.push(Proved::of(index, record));
        for &runs in others.iter().filter(|&&runs| runs != proved_with) {
            let Some(replayed) = &replayed else { break };
            tuned.request.optimizer_runs = runs;
            let Some(record) = session.record_by(replayed, &position, &tuned)? else {
                break;
            };
            proved.push(Proved::of(index, record));
        }
    }
    Ok(proved)
}

impl Proved {
    fn of(index: usize, record: Record) -> Self {
        Self {
            index,
            measured: Measured::of(&record),
            record,
        }
    }

    fn json<'a>(&'a self, front: &[Candidate]) -> ProvedJson<'a> {
        ProvedJson {
            plan: front[self.index].plan,
            optimizer_runs: self.record.request.optimizer_runs,
            outcome: &self.record.outcome,
            measured: self.measured.as_ref(),
        }
    }
}

/// The best by what was measured, or by the forecast where nothing was to be proved; none where no proof was verified by a
/// verifier that keeps to the rules.
fn choose(
    front: &[Candidate],
    proved: &[Proved],
    count: usize,
    objective: Objective,
    arguments: &Arguments,
) -> Option<(usize, Chosen)> {
    if count == 0 {
        let candidate = front.first()?.clone();
        let chosen = Chosen {
            candidate,
            optimizer_runs: arguments.run.optimizer_runs.unwrap_or(DEFAULT_OPTIMIZER_RUNS),
            measured: None,
        };
        return Some((0, chosen));
    }
    let measured = proved
        .iter()
        .filter_map(|proved| Some((proved, proved.measured.as_ref()?)));
    let (best, measured) =
        measured.min_by(|(_, a), (_, b)| a.figure(objective).total_cmp(&b.figure(objective)))?;
    let chosen = Chosen {
        candidate: front[best.index].clone(),
        optimizer_runs: best.record.request.optimizer_runs,
        measured: Some(measured.clone()),
    };
    Some((best.index, chosen))
}

/// What of a plan is told in a line of progress.
fn name(plan: &CircuitPlan) -> String {
    let mut name = format!("scale {}", plan.scale());
    if let Some(bits) = plan.digit_bits() {
        name += &format!(", digits of {}", format::plural(bits as usize, "bit"));
    }
    if let Some(roundings) = plan.roundings() {
        name += &format!(", {}", format::plural(roundings, "rounding"));
    }
    name
}

/// The settings of a plan, as cells of both tables.
fn settings(plan: &CircuitPlan) -> [String; 5] {
    let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let digits = match (plan.kind(), plan.decomposition()) {
        (_, Some(decomposition)) => format!("{} of base {}", decomposition.legs, decomposition.base),
        (CircuitKind::Committed, None) => {
            dash(plan.digit_bits().map(|bits| format::plural(bits as usize, "bit")))
        }
        _ => "default".to_owned(),
    };
    let input = match plan.as_committed() {
        Some(plan) => plan.circuit_assurance().to_string(),
        None => plan.input_visibility().to_string(),
    };
    [
        plan.scale().to_string(),
        format!("{input}, {}", plan.output_visibility()),
        digits,
        dash(plan.roundings().map(|roundings| roundings.to_string())),
        dash(plan.inner_columns().map(|columns| columns.to_string())),
    ]
}

/// What a candidate proves that is not what was asked for.
const ANOTHER: &str = "another statement";

/// Whether a plan's circuit shows other tensors than one that was asked for, or has the input's range assured by someone else.
fn proves_another(plan: &CircuitPlan, asked: &CircuitPlan) -> bool {
    plan.visibilities() != asked.visibilities() || plan.input_assurance() != asked.input_assurance()
}

fn front_table(front: &[Candidate], asked: &CircuitPlan, chosen: Option<usize>, calibrated: bool) -> Table {
    let prove = Metric::ProveSeconds.heading();
    let mut table = Table::new([
        Column::text(""),
        Column::written("scale"),
        Column::text("input, output"),
        Column::text("digits"),
        Column::written("roundings"),
        Column::written_of(Metric::InnerColumns),
        Column::written_of(Metric::Logrows),
        Column::written_of(Metric::Peak),
        Column::written(if calibrated {
            prove
        } else {
            format!("{prove}, CPU").into()
        }),
        Column::written_of(Metric::VerificationGas),
        Column::written_of(Metric::RuntimeCode),
        Column::written("loss"),
        Column::text("bounded"),
        Column::text("proves"),
    ]);
    for (index, candidate) in front.iter().enumerate() {
        let Candidate {
            plan,
            costs,
            forecast,
            guarantees,
            ..
        } = candidate;
        let mark = if chosen == Some(index) { "chosen" } else { "" };
        let seconds = forecast
            .prove_seconds
            .map_or(costs.prove_cpu_seconds, |seconds| seconds.likely);
        let is_static = guarantees
            .iter()
            .all(|guarantee| guarantee.basis == tune::Basis::StaticBound);
        let loss = candidate.loss_percent();
        let cells = [
            forecast.logrows.to_string(),
            format::bytes(costs.memory_bytes),
            format::seconds(seconds),
            format::count(costs.verification_gas),
            format!("{} B", format::count(forecast.runtime_code_bytes.likely)),
            loss.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.2}%")),
            if is_static { "for all inputs" } else { "calibrated" }.to_owned(),
            if proves_another(plan, asked) {
                ANOTHER
            } else {
                "what was asked"
            }
            .to_owned(),
        ];
        table.row(
            std::iter::once(mark.to_owned())
                .chain(settings(plan))
                .chain(cells),
        );
    }
    table
}

/// What is shown of a record whose proof was verified by a verifier that keeps to the rules; of any other, its outcome.
const PROVED: [Metric; 6] = [
    Metric::Peak,
    Metric::ProveSeconds,
    Metric::VerificationGas,
    Metric::GuardedGas,
    Metric::RuntimeCode,
    Metric::OutcomeAndLimits,
];

fn proved_table(front: &[Candidate], proved: &[Proved], profile: Option<&Profile>) -> Table {
    let settings_columns = [
        Column::text("proved"),
        Column::written("scale"),
        Column::text("input, output"),
        Column::text("digits"),
        Column::written("roundings"),
        Column::written_of(Metric::InnerColumns),
        Column::written("optimizer runs"),
    ];
    let figures = PROVED.map(Column::written_of);
    let mut table = Table::new(settings_columns.into_iter().chain(figures));
    let chosen = profile.and_then(|profile| profile.measured.as_ref());
    for Proved {
        index,
        record,
        measured,
    } in proved
    {
        let is_chosen = chosen.is_some() && chosen == measured.as_ref();
        let is_guarded = measured
            .as_ref()
            .is_some_and(|measured| measured.guarded_gas.is_some());
        let figures = PROVED.map(|metric| {
            let is_shown = match metric {
                Metric::OutcomeAndLimits => true,
                Metric::GuardedGas => is_guarded,
                _ => measured.is_some(),
            };
            if is_shown {
                metric.text(record)
            } else {
                "-".to_owned()
            }
        });
        let mark = if is_chosen { "chosen" } else { "" };
        table.row(
            std::iter::once(mark.to_owned())
                .chain(settings(&front[*index].plan))
                .chain([format::count(record.request.optimizer_runs)])
                .chain(figures),
        );
    }
    table
}

/// The command that makes the profile again; files of the user's by their names alone.
fn command(arguments: &Arguments, subject: &Subject) -> String {
    let Request {
        id,
        plan,
        sample,
        seed,
        fork,
        runs,
        ..
    } = &subject.request;
    let objective = Objective::from(arguments.objective);
    let mut command = match &arguments.run.onnx {
        Some(_) => format!("evmbench tune --onnx {id}.onnx --for {objective}"),
        None => format!("evmbench tune {id} --for {objective}"),
    };
    let scales: Vec<String> = arguments.run.scale.iter().map(u32::to_string).collect();
    if !scales.is_empty() {
        command += &format!(" --scale {}", scales.join(","));
    }
    command += &format!(" --circuit {}", plan.kind());
    if arguments.any_io {
        command += " --any-io";
    } else if let Some(assurance) = plan.input_assurance() {
        let shown = [plan.input_visibility(), plan.output_visibility()].map(|who| who == Visibility::Public);
        let io = match shown {
            [true, _] => "public",
            [false, true] => "result",
            [false, false] => "committed",
        };
        command += &format!(" --io {io}");
        if assurance == InputAssurance::Registered {
            command += " --input-range registered";
        }
    }
    match plan.input_range() {
        Some(CheckedRange::Table) => command += " --input-range table",
        Some(CheckedRange::Exact) => command += " --input-range ranged",
        None => {}
    }
    if arguments.any_input_range {
        command += " --any-input-range";
    }
    if let Some(bits) = plan.digit_bits() {
        command += &format!(" --limb-bits {bits}");
    }
    if let Some(columns) = plan.inner_columns() {
        command += &format!(" --columns {columns}");
    }
    if let Some(runs) = arguments.run.optimizer_runs {
        command += &format!(" --optimizer-runs {runs}");
    }
    if *seed != DEFAULT_SEED {
        command += &format!(" --seed {seed}");
    }
    if *fork != Fork::default() {
        command += &format!(" --fork {}", fork.name());
    }
    if let Some(budget) = arguments.run.budget {
        command += &format!(" --budget {budget}B");
    }
    if let Some(loss) = arguments.accuracy_loss {
        command += &format!(" --accuracy-loss {loss}");
    }
    if let Some(sample) = sample {
        let images = arguments.images.unwrap_or(DEFAULT_IMAGES);
        command += &format!(" --sample {sample} --images {images}");
    }
    command + &format!(" --prove {} --runs {runs}", arguments.prove)
}
