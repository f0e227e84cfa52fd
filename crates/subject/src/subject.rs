//! What one run is about: a model as ONNX bytes and, where it is covered, as a graph; its input; and what was asked.
//!
//! Goes in: a model of the suite or a user's file, and a [`Request`]'s seeds and files. Comes out: [`Subject`].

mod limbs;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};

use evmbench_cifar10::{CLASSES, Images};
use evmbench_committed::{
    self as committed, CheckedRange, CommittedCircuit, CommittedError, CommittedOptions, InputAssurance,
    Integers, LooseRange, Witness,
};
use evmbench_ezkl::{
    CircuitKind, CircuitPlan, CircuitSettings, CommittedInputs, CommittedPlan, Ezkl, Job, JobCircuit,
    PlanError, committed_options,
};
use evmbench_host::digests::sha256_hex;
use evmbench_host::files::{self, MOST_MODEL_BYTES};
use evmbench_host::hint::Hint;
use evmbench_model::cost::cost;
use evmbench_model::graph::{Graph, Tensor, ValueId};
use evmbench_model::input::{Numbers, Slot};
use evmbench_model::integer::{self, IntegerError, Lowered};
use evmbench_model::onnx::{
    Asked, Coverage, Loaded, OnnxError, OnnxModel, OutputForm, Port, Problem, Uncovered,
};
use evmbench_model::split::{self, SharedTensor, Split, SplitError};
use evmbench_model::weights::WeightsError;
use evmbench_model::{fold, input, layers, onnx, rounding, weights};
use evmbench_schema::record::{FileName, Input, Model, PartRequest, Request, Source};
use evmbench_suite::{Experiment, ModelSpec};

use crate::integers::{IntegerProgram, NoIntegers};
use crate::scale_factors::{self, CalibrationError, ScaleFactors};
use crate::trained;

/// A subject that cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// The user's model cannot be proved.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The user's input does not fit the model.
    #[error(transparent)]
    Input(#[from] input::InputError),
    /// What the scale factors are to rest on is not there.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// The user's weights do not fit the model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The model has no committed circuit.
    #[error(transparent)]
    Committed(#[from] CommittedError),
    /// The model cannot be split that way.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The circuit of a part cannot be asked for.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The model has no committed circuit, and a direct one would be of another function.
    #[error("{direct}\n- it has no committed circuit either: {committed}")]
    Neither {
        /// Why it has no committed circuit.
        committed: Box<CommittedError>,
        /// Why it has no direct one.
        direct: Box<OnnxError>,
    },
    /// A file cannot be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Hint for SubjectError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        self.hints().into_iter().next()
    }

    fn hints(&self) -> Vec<Cow<'static, str>> {
        match self {
            Self::Onnx(error) => error.hints(),
            Self::Input(error) => error.hints(),
            Self::Calibration(error) => error.hints(),
            Self::Weights(error) => error.hints(),
            Self::Committed(error) => error.hints(),
            Self::Split(error) => error.hints(),
            Self::Plan(error) => error.hints(),
            Self::Neither { direct, .. } => direct.hints(),
            Self::Read { source, .. } => source.hints(),
        }
    }
}

/// What takes the place of seeded weights and inputs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Material<'a> {
    /// A file with the weights.
    pub weights: Option<&'a Path>,
    /// A file with the input.
    pub input: Option<&'a Path>,
    /// What the models that take an image look at; the others have no use for it.
    pub image: Option<&'a TestImage>,
    /// Inputs that a network's scale factors are chosen by: a file or folder.
    pub calibration: Option<&'a Path>,
}

/// Where the scale factors of a user's circuit, or of a network's, are from.
#[derive(Clone, Copy)]
enum Calibration<'a> {
    /// The request has them, or there are none.
    Recorded,
    /// Inputs of a file or folder, or else drawn ones.
    On(Option<&'a Path>),
}

/// An image of CIFAR-10's test set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestImage {
    number: usize,
    label: usize,
    pixels: Vec<u8>,
}

impl TestImage {
    /// The image of that number, counted from 0; none where there are fewer.
    pub fn of(images: &Images, number: usize) -> Option<Self> {
        (number < images.len()).then(|| Self {
            number,
            label: images.label(number),
            pixels: images.pixels(number).to_vec(),
        })
    }

    /// What records call it.
    fn source(&self) -> Source {
        Source::TestImage {
            number: self.number,
            class: CLASSES[self.label].to_owned(),
        }
    }
}

/// The circuit of one of a model's parts, before all have as many rows, and its plan.
pub type LoweredPart = (CommittedPlan, CommittedCircuit);

/// One thing to prove.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What was asked for.
    pub request: Request,
    /// What the record says about the model.
    pub model: Model,
    /// What the record says about the input.
    pub input: Input,
    /// The model, as ONNX bytes.
    pub onnx: Vec<u8>,
    /// The typed graph, or the nodes that it does not cover.
    pub graph: Result<Graph, Vec<Uncovered>>,
    /// One tensor for each graph input.
    pub inputs: Vec<Tensor>,
    /// What kind of numbers each graph input takes.
    pub numbers: Vec<Numbers>,
    /// The greatest magnitude of an input element that a circuit must take, in the model's numbers.
    pub input_bound: f64,
    /// The circuit that is proved in the model's place, and its integers; none where EZKL loads the model itself, or where
    /// the model is proved in parts.
    pub committed: Option<CommittedSubject>,
    /// The user's file that a part was cut from; none for anything else.
    pub origin: Option<Arc<Origin>>,
    /// Remarks for the record.
    pub notes: Vec<String>,
    /// The graph's exact integers, as soon as somebody asked for them.
    pub integers: IntegerProgram,
}

/// A user's model as a whole.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The file, as ONNX bytes.
    pub onnx: Vec<u8>,
    /// What was read from it.
    pub graph: Graph,
    /// One tensor for each graph input.
    pub inputs: Vec<Tensor>,
    /// What kind of numbers each graph input takes.
    pub numbers: Vec<Numbers>,
}

/// A committed circuit and an honest prover's integers for the subject's input.
#[derive(Debug, Clone)]
pub struct CommittedSubject {
    /// The circuit.
    pub circuit: CommittedCircuit,
    /// The input's integers, in range.
    input: Vec<i128>,
    witness: OnceLock<Witness>,
}

impl CommittedSubject {
    /// A circuit and an input's integers, row-major.
    ///
    /// # Errors
    /// [`CommittedError`]: the input, or a value that is made of it, is beyond what the circuit takes.
    pub fn new(circuit: CommittedCircuit, input: Vec<i128>) -> Result<Self, CommittedError> {
        circuit.check_input(&input)?;
        // Whether there is a witness, only the values tell where scale factors rest on a calibration, or a function has no result of some.
        let witness = if circuit.is_partial() {
            OnceLock::from(circuit.witness_of(input.clone())?)
        } else {
            OnceLock::new()
        };
        Ok(Self {
            circuit,
            input,
            witness,
        })
    }

    /// The input's integers, row-major.
    pub fn input(&self) -> &[i128] {
        &self.input
    }

    /// An honest prover's integers. The first caller computes the model, which for a large one takes seconds.
    ///
    /// # Panics
    /// Never: the input is in range.
    pub fn witness(&self) -> &Witness {
        let compute = || self.circuit.witness_of(self.input.clone());
        self.witness
            .get_or_init(|| compute().expect("the input is in range"))
    }

    /// The integers that are public after the check and the challenge: the output's where they are shown, then the input's.
    pub fn statement(&self) -> Vec<i128> {
        let output = if self.circuit.output_public() {
            &self.witness().result[..]
        } else {
            &[]
        };
        let input = match self.circuit.input_assurance() {
            InputAssurance::Public => self.input(),
            InputAssurance::Ranged
            | InputAssurance::Table
            | InputAssurance::Registered
            | InputAssurance::Linked => &[],
        };
        [output, input].concat()
    }

    /// The same circuit with so many columns side by side.
    #[must_use]
    pub fn in_columns(&self, columns: usize) -> Self {
        Self {
            circuit: self.circuit.in_columns(columns),
            ..self.clone()
        }
    }

    /// Of the whole model.
    fn of(
        graph: Result<&Graph, &Vec<Uncovered>>,
        inputs: &[Tensor],
        request: &Request,
        numbers: &[Numbers],
        input_bound: f64,
    ) -> Result<Option<Self>, CommittedError> {
        let CircuitPlan::Committed(asked) = request.plan else {
            return Ok(None);
        };
        if request.part.is_some() {
            return Ok(None);
        }
        let plan = asked.as_chosen(request.chosen);
        let integers = input_integers(asked, numbers, input_bound);
        refuse_narrow_in_table(plan, numbers)?;
        let options = committed_options(plan, integers);
        let circuit = committed::lower_within(known(graph)?, &options, request.reach(), &Ezkl)?;
        let input = circuit.integers(&joined(inputs));
        Self::new(circuit, input).map(Some)
    }

    /// The same, with the range that the circuit checks chosen where the request leaves it open: the numbers of the look-up table,
    /// unless they are too many.
    fn choose(
        graph: Result<&Graph, &Vec<Uncovered>>,
        inputs: &[Tensor],
        request: &mut Request,
        numbers: &[Numbers],
        input_bound: f64,
    ) -> Result<Option<Self>, CommittedError> {
        let CircuitPlan::Committed(plan) = request.plan else {
            return Ok(None);
        };
        let mut of = |range| {
            request.chosen = Some(plan.first_choice(range));
            Self::of(graph, inputs, request, numbers, input_bound)
        };
        match of(CheckedRange::Table) {
            Err(CommittedError::LooseRange(_) | CommittedError::WideTable { .. })
                if plan.input_range().is_none() =>
            {
                of(CheckedRange::Exact)
            }
            other => other,
        }
    }
}

/// The layers of a model that consists of nothing else.
fn known<'a>(graph: Result<&'a Graph, &Vec<Uncovered>>) -> Result<&'a Graph, CommittedError> {
    graph.map_err(|uncovered| CommittedError::UnknownOperators(uncovered.clone()))
}

/// Refuses a table as the range of an input of truth values or of integers of a narrow type: the model has no input of other numbers.
fn refuse_narrow_in_table(plan: CommittedPlan, numbers: &[Numbers]) -> Result<(), CommittedError> {
    let is_wide = |numbers: &Numbers| match numbers {
        Numbers::Floats | Numbers::Integers => true,
        Numbers::Within(..) | Numbers::Truth => false,
    };
    if plan.circuit_assurance() == InputAssurance::Table && !numbers.iter().all(is_wide) {
        return Err(LooseRange::Numbers.into());
    }
    Ok(())
}

/// What a committed circuit's scale factors rest on beyond the input's range; nothing where that is enough for tables to hold what
/// they look up, unless a calibration was asked for.
fn calibrated(
    graph: &Graph,
    slots: &[Slot<'_>],
    proved: &Inputs,
    request: &Request,
    calibration: Option<&Path>,
) -> Result<Option<ScaleFactors>, SubjectError> {
    let CircuitPlan::Committed(plan) = request.plan else {
        return Ok(None);
    };
    let bound = proved.bound;
    let numbers: Vec<Numbers> = slots.iter().map(|slot| slot.numbers).collect();
    let integers = input_integers(plan, &numbers, bound);
    if calibration.is_none() && !committed::rounds(graph, &committed_options(plan, integers)) {
        return Ok(None);
    }
    match (
        scale_factors::measure(graph, slots, proved.spec, &proved.tensors, bound, calibration),
        calibration,
    ) {
        // Without one, bounds that follow from the input's range are what there is.
        (Err(_), None) => Ok(None),
        (measured, _) => Ok(Some(measured?)),
    }
}

/// A model of the study with its weights, and where these are from, which the request then says.
fn suite_graph(
    spec: &ModelSpec,
    request: &mut Request,
    file: Option<&Path>,
) -> Result<(Graph, Source), SubjectError> {
    let mut graph = layers::build(spec, request.seed);
    if request.plan.kind() == CircuitKind::Study {
        layers::untrain_normalisations(&mut graph);
    }
    let mut weights_source = Source::Seeded { seed: request.seed };
    if let Some(path) = file {
        let sha256 = sha256_of(path)?;
        graph = weights::load(graph, path)?;
        weights_source = Source::File { sha256 };
    } else if let Some(trained) = trained::find(spec.id).filter(|_| request.plan.kind() != CircuitKind::Study)
    {
        graph = weights::from_onnx_bytes(
            graph,
            trained.onnx,
            &trained::onnx_path(Path::new("models"), spec.id),
        )?;
        weights_source = Source::Trained {
            sha256: trained.sha256(),
        };
    }
    if let Source::File { sha256 } | Source::Trained { sha256 } = &weights_source {
        request.weights_sha256 = Some(sha256.clone());
    }
    Ok((graph, weights_source))
}

/// What a model is run on.
struct Inputs {
    /// One tensor for each graph input.
    tensors: Vec<Tensor>,
    source: Source,
    /// The greatest magnitude of an element that a circuit must take.
    bound: f64,
    /// The network of the suite that takes them; none where the model is a user's.
    spec: Option<&'static ModelSpec>,
}

/// A network of the suite with drawn weights, as an ONNX file that says what the request asks for.
///
/// # Errors
/// [`OnnxError::Output`]: its output has no such form.
pub fn seeded_network(spec: &ModelSpec, request: &Request) -> Result<Loaded, OnnxError> {
    let bytes = onnx::write(&layers::build(spec, request.seed));
    onnx::load_bytes(
        bytes,
        &trained::onnx_path(Path::new(""), spec.id),
        &asked(request),
    )
}

/// A network of the suite with drawn weights, or those of a file of the same architecture, and where these are from.
///
/// # Errors
/// [`SubjectError::Weights`]: the file is of another architecture; [`SubjectError::Onnx`]: it cannot be read as is asked for.
///
/// # Panics
/// Never: what evmbench writes, it reads.
pub fn read_network(
    spec: &ModelSpec,
    weights: Option<&Path>,
    request: &Request,
) -> Result<(Loaded, Source), SubjectError> {
    let written = seeded_network(spec, request)?;
    let Some(path) = weights else {
        let seed = request.seed;
        return Ok((written, Source::Seeded { seed }));
    };
    let loaded = onnx::load(path, &asked(request))?;
    let Coverage::Full(graph) = &written.model.coverage else {
        unreachable!("what evmbench writes, it reads")
    };
    weights::of_architecture(graph, &loaded.model.coverage, path)?;
    let sha256 = sha256_hex(&loaded.file);
    Ok((loaded, Source::File { sha256 }))
}

/// How a request asks for a file to be read.
fn asked(request: &Request) -> Asked {
    Asked {
        dimensions: request.dimensions.clone(),
        output: request.output,
    }
}

impl Subject {
    /// Everything that a prover is asked about it.
    pub fn job(&self) -> Job {
        Job {
            name: self.request.name(),
            circuit: self.circuit(),
            plan: self.request.plan,
            verifier: self.request.verifier,
            runs: self.request.runs,
            warmup: self.request.warmup,
        }
    }

    /// What EZKL is given: the model itself, or its committed circuit.
    fn circuit(&self) -> JobCircuit {
        match &self.committed {
            None => JobCircuit::Model {
                onnx: self.onnx.clone(),
                inputs: self.inputs.iter().map(|tensor| tensor.data.clone()).collect(),
            },
            Some(committed) => {
                let inputs = CommittedInputs::of(&committed.circuit, committed.witness().clone());
                JobCircuit::Committed(Box::new(inputs))
            }
        }
    }

    /// The model's exact integer program under a circuit's settings. It is lowered once, as long as these decide the same integers.
    ///
    /// # Errors
    /// [`NoIntegers`].
    pub fn integer_program(&self, settings: &CircuitSettings) -> Result<Arc<Lowered>, NoIntegers> {
        let graph = self.graph.as_ref();
        let graph = graph.map_err(|uncovered| NoIntegers::Uncovered(uncovered.clone()))?;
        Ok(self.integers.of(graph, &settings.quantisation()?)?)
    }

    /// The subject, or another one where the model has no committed circuit; its notes then say why.
    ///
    /// # Errors
    /// As the subject, where there is no other one; as the other.
    pub fn or_else(
        subject: Result<Self, SubjectError>,
        other: impl FnOnce() -> Option<Result<Self, SubjectError>>,
    ) -> Result<Self, SubjectError> {
        let Err(SubjectError::Committed(reason)) = subject else {
            return subject;
        };
        let Some(other) = other() else {
            return Err(reason.into());
        };
        let mut other = match other {
            Err(SubjectError::Onnx(direct)) => {
                return Err(SubjectError::Neither {
                    committed: Box::new(reason),
                    direct: Box::new(direct),
                });
            }
            other => other?,
        };
        // Each node that is not covered is named beside the notes.
        if !matches!(reason, CommittedError::UnknownOperators(_)) {
            other.notes.push(format!("no committed circuit: {reason}"));
        }
        Ok(other)
    }

    /// An experiment of a suite. What the request leaves open of the circuit is chosen, unless it has choices already. Where there is no material, weights and input are drawn from the request's seed; but a
    /// CNN has the weights that it was trained to, unless the circuit is the study's.
    ///
    /// # Errors
    /// [`SubjectError::Weights`] where the file does not fit the model; of a network also what [`Self::from_onnx_calibrated`]
    /// says of its file.
    ///
    /// # Panics
    /// Never: a model of the suite has one input.
    pub fn from_suite(
        experiment: Experiment,
        request: Request,
        material: Material<'_>,
    ) -> Result<Self, SubjectError> {
        let chooses = request.chosen.is_none();
        let subject = Self::of_suite(experiment, request, material, chooses)?;
        Ok(if chooses { subject.with_choices() } else { subject })
    }

    /// The same in the circuit of a record's request, for which nothing is chosen.
    ///
    /// # Errors
    /// As [`Self::from_suite`].
    pub fn from_suite_as_recorded(
        experiment: Experiment,
        request: Request,
        material: Material<'_>,
    ) -> Result<Self, SubjectError> {
        Self::of_suite(experiment, request, material, false)
    }

    fn of_suite(
        experiment: Experiment,
        mut request: Request,
        material: Material<'_>,
        chooses: bool,
    ) -> Result<Self, SubjectError> {
        let spec = experiment.model;
        if !spec.category.is_of_study() {
            return Self::of_network(spec, request, material, chooses);
        }
        let (graph, weights_source) = suite_graph(spec, &mut request, material.weights)?;
        let is_free = spec.input.is_image() && material.input.is_none();
        let image = material.image.filter(|_| is_free);
        request.sample = image.map(|image| image.number);
        let mut input_bound = input::bound(spec);
        let (input, input_source) = match (material.input, image) {
            (Some(file), _) => {
                let (inputs, sha256) = input_of(file, &ports(&graph, &graph.inputs))?;
                request.input_sha256 = Some(sha256.clone());
                input_bound = input_bound.max(bound_of(&inputs));
                let [input] = inputs.try_into().expect("a model of the suite has one input");
                (input, Source::File { sha256 })
            }
            (None, Some(image)) => (input::image(spec, &image.pixels), image.source()),
            (None, None) => (
                match request.plan.kind() {
                    CircuitKind::Study => input::seeded_as_the_study(spec, request.input_seed()),
                    CircuitKind::Direct | CircuitKind::Committed => input::seeded(spec, request.input_seed()),
                },
                Source::Seeded {
                    seed: request.input_seed(),
                },
            ),
        };
        let inputs = vec![input];
        let shapes = |ids: &[ValueId]| -> Vec<Vec<usize>> {
            ports(&graph, ids).into_iter().map(|port| port.shape).collect()
        };
        let onnx = onnx::write(&graph);
        let numbers = [Numbers::Floats];
        let committed = if chooses {
            let proved = Inputs {
                tensors: inputs.clone(),
                source: input_source.clone(),
                bound: input_bound,
                spec: Some(spec),
            };
            let slot = Slot {
                name: "input",
                shape: spec.input_shape,
                numbers: Numbers::Floats,
            };
            request.scale_factors = calibrated(&graph, &[slot], &proved, &request, material.calibration)?;
            CommittedSubject::choose(Ok(&graph), &inputs, &mut request, &numbers, input_bound)?
        } else {
            CommittedSubject::of(Ok(&graph), &inputs, &request, &numbers, input_bound)?
        };
        let scale = request.plan.scale();
        let mut notes = rounding::vanished_layers(&graph, scale);
        if request.plan.kind() == CircuitKind::Direct {
            notes.extend(rounding::far_off_means(&rounding::means(&graph), scale));
        }
        notes.extend(request.scale_factors.as_ref().map(ScaleFactors::remark));
        notes.extend(coarse_input(&request, &numbers, input_bound));
        Ok(Self {
            model: describe(
                spec.description.to_owned(),
                &onnx,
                Ok(&graph),
                shapes(&graph.inputs),
                shapes(&graph.outputs),
                weights_source,
            ),
            input: describe_input(input_source, &inputs),
            notes,
            integers: IntegerProgram::default(),
            request,
            onnx,
            graph: Ok(graph),
            numbers: numbers.to_vec(),
            inputs,
            input_bound,
            committed,
            origin: None,
        })
    }

    /// A network of the suite: with drawn weights, or those of an ONNX file of the same architecture. It is then as a user's
    /// file is, but for its name, its input and what is known of that.
    fn of_network(
        spec: &'static ModelSpec,
        mut request: Request,
        material: Material<'_>,
        chooses: bool,
    ) -> Result<Self, SubjectError> {
        let (loaded, weights) = read_network(spec, material.weights, &request)?;
        if let Source::File { .. } = weights {
            request.onnx_sha256 = Some(sha256_hex(loaded.proved()));
        }
        let path = material.weights.unwrap_or(Path::new(spec.id));
        let (onnx, mut model) = loaded.into_parts();
        for port in &mut model.inputs {
            port.numbers = input::numbers(spec);
        }
        let image = material.image.filter(|_| spec.input.is_image());
        let (tensors, source) = match (material.input, image) {
            (Some(file), _) => {
                let (inputs, sha256) = input_of(file, &model.inputs)?;
                request.input_sha256 = Some(sha256.clone());
                (inputs, Source::File { sha256 })
            }
            (None, Some(image)) => {
                request.sample = Some(image.number);
                (vec![input::image(spec, &image.pixels)], image.source())
            }
            (None, None) => {
                let seed = request.input_seed();
                // An image that is not at hand: of a circuit that rests on a calibration, not every drawn one has a proof.
                let input = if request.sample.is_some() {
                    Tensor::new(spec.input_shape, vec![0.0; spec.input_shape.iter().product()])
                } else {
                    input::seeded(spec, seed)
                };
                (vec![input], Source::Seeded { seed })
            }
        };
        let greatest = tensors.iter().flat_map(|tensor| &tensor.data);
        let greatest = greatest.fold(0.0, |most: f32, x| most.max(x.abs()));
        let bound = input::bound(spec);
        let inputs = Inputs {
            bound: if f64::from(greatest) > bound {
                bound_of(&tensors)
            } else {
                bound
            },
            tensors,
            source,
            spec: Some(spec),
        };
        let description = format!("{}{}", spec.description, form(&request));
        let calibration = if chooses {
            Calibration::On(material.calibration)
        } else {
            Calibration::Recorded
        };
        Self::of_read(
            path,
            (onnx, model),
            weights,
            inputs,
            calibration,
            request,
            description,
        )
    }

    /// A user's ONNX file, with an input from a file or drawn from the request's seed. The request's id and suite are
    /// set from the file.
    ///
    /// # Errors
    /// [`SubjectError`]: the model cannot be proved, or the input does not fit it.
    pub fn from_onnx(path: &Path, input_file: Option<&Path>, request: Request) -> Result<Self, SubjectError> {
        Self::of_file(path, input_file, Calibration::Recorded, request)
    }

    /// The same, with scale factors for what values reach on inputs of a file or folder, or else on drawn ones, and with what the
    /// request leaves open of the circuit chosen for the fewest rows; the request then has both.
    ///
    /// # Errors
    /// As [`Self::from_onnx`]; and the calibration's inputs cannot be read or do not fit.
    pub fn from_onnx_calibrated(
        path: &Path,
        input_file: Option<&Path>,
        calibration: Option<&Path>,
        request: Request,
    ) -> Result<Self, SubjectError> {
        let chooses = request.chosen.is_none();
        let subject = Self::of_file(path, input_file, Calibration::On(calibration), request)?;
        Ok(if chooses { subject.with_choices() } else { subject })
    }

    /// The subject with limbs for the fewest rows. Of one that is proved in parts, the first part's range is chosen, which all parts tell.
    fn with_choices(self) -> Self {
        let CircuitPlan::Committed(plan) = self.request.plan else {
            return self;
        };
        if self.request.part.is_none() {
            return limbs::for_fewest_rows(self);
        }
        // Parts have the limbs that the whole model has in one proof.
        let request = Request {
            part: None,
            chosen: None,
            ..self.request.clone()
        };
        let whole = self.asked_for(request).map(Self::with_choices);
        let of_whole = whole.ok().and_then(|whole| whole.request.chosen);
        let with = |range| Self {
            request: Request {
                chosen: Some(plan.choice_for_parts(range, of_whole)),
                ..self.request.clone()
            },
            ..self.clone()
        };
        let in_table = with(CheckedRange::Table);
        let is_possible = in_table.clone().parts().is_ok();
        if is_possible || plan.input_range().is_some() {
            in_table
        } else {
            with(CheckedRange::Exact)
        }
    }

    fn of_file(
        path: &Path,
        input_file: Option<&Path>,
        calibration: Calibration<'_>,
        request: Request,
    ) -> Result<Self, SubjectError> {
        let loaded = onnx::load(path, &asked(&request))?;
        let sha256 = sha256_hex(&loaded.file);
        let (onnx, model) = loaded.into_parts();
        let mut request = Request {
            id: file_id(path),
            suite: Request::of_file(request.plan).suite,
            ..request
        };
        request.onnx_sha256 = Some(sha256_hex(&onnx));
        let (tensors, source) = match input_file {
            Some(file) => {
                let (inputs, sha256) = input_of(file, &model.inputs)?;
                request.input_sha256 = Some(sha256.clone());
                (inputs, Source::File { sha256 })
            }
            None => {
                let seeded = model
                    .inputs
                    .iter()
                    .zip(request.input_seed()..)
                    .map(|(port, seed)| input::seeded_for(&port.slot(), seed));
                let seed = request.input_seed();
                (seeded.collect(), Source::Seeded { seed })
            }
        };
        let inputs = Inputs {
            bound: bound_of(&tensors),
            tensors,
            source,
            spec: None,
        };
        let description = onnx_description(&request);
        let weights = Source::File { sha256 };
        Self::of_read(
            path,
            (onnx, model),
            weights,
            inputs,
            calibration,
            request,
            description,
        )
    }

    /// A file that was read; `path` is only named in errors.
    fn of_read(
        path: &Path,
        (onnx, mut model): (Vec<u8>, OnnxModel),
        weights: Source,
        proved: Inputs,
        calibration: Calibration<'_>,
        mut request: Request,
        description: String,
    ) -> Result<Self, SubjectError> {
        if request.plan.kind() != CircuitKind::Committed {
            model.directly(path)?;
            model.fits(request.plan.scale(), request.plan.greatest_checked(), path)?;
        }
        let OnnxModel {
            inputs: ports,
            outputs,
            coverage,
            means,
            constants,
            notes: mut remarks,
            ..
        } = model;
        let scale = request.plan.scale();
        let graph = match coverage {
            Coverage::Full(graph) => {
                if request.plan.kind() != CircuitKind::Committed {
                    read_as_it_is(&graph, path)?;
                    remarks.extend(rounding::far_off_means(&rounding::means(&graph), scale));
                }
                remarks.extend(rounding::vanished_layers(&graph, scale));
                Ok(graph)
            }
            Coverage::Partial(uncovered) => {
                remarks.extend(rounding::vanished_constants(&constants, scale));
                remarks.extend(rounding::far_off_means(&means, scale));
                Err(uncovered)
            }
        };
        if let (Calibration::On(calibration), Ok(graph)) = (calibration, &graph) {
            let slots: Vec<Slot<'_>> = ports.iter().map(Port::slot).collect();
            request.scale_factors = calibrated(graph, &slots, &proved, &request, calibration)?;
            remarks.extend(request.scale_factors.as_ref().map(ScaleFactors::remark));
        }
        let numbers: Vec<Numbers> = ports.iter().map(|port| port.numbers).collect();
        let Inputs {
            tensors: inputs,
            source,
            bound: input_bound,
            ..
        } = proved;
        let known = graph.as_ref();
        let committed = if matches!(calibration, Calibration::On(_)) && request.chosen.is_none() {
            CommittedSubject::choose(known, &inputs, &mut request, &numbers, input_bound)?
        } else {
            CommittedSubject::of(known, &inputs, &request, &numbers, input_bound)?
        };
        let domains = committed.iter().flat_map(|committed| committed.circuit.domains());
        remarks.extend(domains);
        remarks.extend(coarse_input(&request, &numbers, input_bound));
        let shapes =
            |ports: Vec<Port>| -> Vec<Vec<usize>> { ports.into_iter().map(|port| port.shape).collect() };
        Ok(Self {
            model: describe(
                description,
                &onnx,
                graph.as_ref(),
                shapes(ports),
                shapes(outputs),
                weights,
            ),
            committed,
            input: describe_input(source, &inputs),
            request,
            onnx,
            graph,
            inputs,
            input_bound,
            origin: None,
            notes: remarks,
            numbers,
            integers: IntegerProgram::default(),
        })
    }

    /// The subject itself, or the parts that its request splits it into, each a subject of its own. A part's input is
    /// what the parts before it really make, in integers; all parts have as many rows as the one that needs most.
    ///
    /// # Errors
    /// [`SubjectError::Split`], [`SubjectError::Committed`] and [`SubjectError::Plan`].
    ///
    /// # Panics
    /// Never: a part's source comes before it.
    pub fn parts(self) -> Result<Vec<Self>, SubjectError> {
        let Some(PartRequest { split, .. }) = &self.request.part else {
            return Ok(vec![self]);
        };
        let graph = known(self.graph.as_ref())?;
        let parts = split::apply(split, &fold::batch_norms(graph))?;
        let origin = self.request.is_of_file().then(|| {
            Arc::new(Origin {
                onnx: self.onnx.clone(),
                graph: graph.clone(),
                inputs: self.inputs.clone(),
                numbers: self.numbers.clone(),
            })
        });
        let mut lowered: Vec<LoweredPart> = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            // What every part before the last layer's makes is read by the next one.
            let is_read = index < split.cuts.len();
            lowered.push(self.lowered_part(part, is_read, &lowered)?);
        }
        let logrows = lowered.iter().map(|(_, circuit)| circuit.logrows()).max();
        let mut subjects: Vec<Self> = Vec::new();
        for (index, (plan, circuit)) in lowered.into_iter().enumerate() {
            let plan = CircuitPlan::Committed(plan).with_logrows(logrows)?;
            let circuit = circuit.in_rows(logrows.unwrap_or(0), plan.inner_columns());
            let part = &parts[index];
            let input = match part.source {
                None => circuit.integers(&self.inputs[0]),
                Some(source) => {
                    let from = subjects[source.part].committed.as_ref().expect("lowered above");
                    match source.tensor {
                        SharedTensor::Input => from.input().to_vec(),
                        SharedTensor::Output => from.witness().result.clone(),
                    }
                }
            };
            subjects.push(Self {
                origin: origin.clone(),
                ..self.part(index, part, plan, CommittedSubject::new(circuit, input)?)
            });
        }
        Ok(subjects)
    }

    /// The circuit of a part, and its plan; `earlier` are the parts before it, and a later one reads what it makes where `is_read`.
    ///
    /// # Errors
    /// [`SubjectError::Committed`], [`SubjectError::Plan`] and [`SubjectError::Split`].
    pub fn lowered_part(
        &self,
        part: &split::Part,
        is_read: bool,
        earlier: &[LoweredPart],
    ) -> Result<LoweredPart, SubjectError> {
        let CircuitPlan::Committed(whole) = self.request.plan else {
            return Err(PlanError::NotCommitted.into());
        };
        // Several tensors are joined at one scale factor, and which of them are whole numbers is lost.
        let is_joined = part.graph.inputs.len() > 1 || part.graph.outputs.len() > 1;
        if is_joined && self.numbers.iter().any(|&numbers| numbers != Numbers::Floats) {
            return Err(SplitError::WholeNumbers.into());
        }
        let plan = whole.of_part(part.source.is_some(), is_read);
        let chosen = plan.as_chosen(self.request.chosen);
        let (input, proved) = match part.source {
            None => {
                refuse_narrow_in_table(chosen, &self.numbers)?;
                (input_integers(plan, &self.numbers, self.input_bound), None)
            }
            Some(source) => {
                let (_, from) = &earlier[source.part];
                match source.tensor {
                    SharedTensor::Input => (from.input(), Some(from.proved_input())),
                    SharedTensor::Output if from.output_seems_whole() => {
                        return Err(SplitError::UnitOne.into());
                    }
                    SharedTensor::Output => (from.output(), Some(from.proved_output())),
                }
            }
        };
        let options = CommittedOptions {
            proved,
            ..committed_options(chosen, input)
        };
        let circuit = committed::lower_within(&part.graph, &options, self.request.reach(), &Ezkl)?;
        Ok((plan, circuit))
    }

    /// The model in these parts, in the place of one proof.
    ///
    /// # Errors
    /// [`SubjectError::Committed`]: the model has no committed circuit.
    pub fn in_parts(&self, split: Split) -> Result<Self, SubjectError> {
        let request = Request {
            part: Some(PartRequest { split, index: 0 }),
            chosen: None,
            ..self.request.clone()
        };
        Ok(self.asked_for(request)?.with_choices())
    }

    /// One part as a subject.
    fn part(&self, index: usize, part: &split::Part, plan: CircuitPlan, committed: CommittedSubject) -> Self {
        let split = self.request.part.as_ref().map(|part| part.split.clone());
        let part_request = split.map(|split| PartRequest { split, index });
        let shapes: Vec<&[usize]> = part
            .graph
            .inputs
            .iter()
            .map(|&input| part.graph.shape(input))
            .collect();
        let (inputs, input_source) = match part.source {
            None => (self.inputs.clone(), self.input.source.clone()),
            Some(split::Source { part, tensor }) => {
                let unit = committed.circuit.input().unit;
                let mut integers = committed.input().iter();
                let inputs = shapes.iter().map(|shape| {
                    let elements = integers.by_ref().take(shape.iter().product());
                    let floats = elements.map(|&integer| (integer as f64 / unit) as f32);
                    Tensor::new(*shape, floats.collect())
                });
                (inputs.collect(), Source::Part { part, tensor })
            }
        };
        let onnx = onnx::write(&part.graph);
        let layers: Vec<&str> = part.graph.nodes.iter().map(|node| node.name.as_str()).collect();
        let name = part_request.as_ref().map(ToString::to_string).unwrap_or_default();
        Self {
            model: describe(
                format!("{} ({name}: {})", self.model.description, layers.join(", ")),
                &onnx,
                Ok(&part.graph),
                shapes.iter().map(|shape| shape.to_vec()).collect(),
                part.graph
                    .output_values()
                    .map(|value| value.shape.clone())
                    .collect(),
                self.model.weights.clone(),
            ),
            input: describe_input(input_source, &inputs),
            request: Request {
                plan,
                part: part_request,
                ..self.request.clone()
            },
            onnx,
            graph: Ok(part.graph.clone()),
            numbers: match part.source {
                None => self.numbers.clone(),
                Some(_) => vec![Numbers::Floats; inputs.len()],
            },
            inputs,
            input_bound: self.input_bound,
            committed: Some(committed),
            origin: None,
            notes: self.notes.clone(),
            integers: IntegerProgram::default(),
        }
    }

    /// The same model and input, asked for in another way; the range that the circuit checks is chosen where the request has no choices.
    ///
    /// # Errors
    /// [`CommittedError`]: the model has no such committed circuit.
    pub fn asked_for(&self, mut request: Request) -> Result<Self, CommittedError> {
        let (graph, inputs) = (self.graph.as_ref(), &self.inputs);
        let (numbers, bound) = (&self.numbers, self.input_bound);
        let committed = if request.chosen.is_none() {
            CommittedSubject::choose(graph, inputs, &mut request, numbers, bound)?
        } else {
            CommittedSubject::of(graph, inputs, &request, numbers, bound)?
        };
        // The circuit that is replaced can be large.
        Ok(Self {
            request,
            model: self.model.clone(),
            input: self.input.clone(),
            onnx: self.onnx.clone(),
            graph: self.graph.clone(),
            inputs: self.inputs.clone(),
            numbers: self.numbers.clone(),
            input_bound: self.input_bound,
            committed,
            origin: self.origin.clone(),
            notes: self.notes.clone(),
            integers: IntegerProgram::default(),
        })
    }
}

/// What a user's model is called in words.
pub fn onnx_description(request: &Request) -> String {
    format!("{} (a user's ONNX file{})", request.id, form(request))
}

/// The form of the output that was asked for, in words.
fn form(request: &Request) -> &'static str {
    match request.output {
        OutputForm::Model => "",
        OutputForm::Logits => ", without its last Softmax",
        OutputForm::Argmax => ", its class alone",
    }
}

/// Most characters of an id that a file's name gives: what is added to it must fit into the 255 bytes of another file's name.
const MOST_ID_CHARACTERS: usize = 128;

/// A file's name without its ending, in characters that suit file names everywhere.
///
/// # Panics
/// Never: none of these characters is one that a name may not have.
pub fn file_id(path: &Path) -> FileName {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let id: String = stem
        .chars()
        .take(MOST_ID_CHARACTERS)
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    FileName::new(if id.is_empty() { "model".to_owned() } else { id }).expect("letters, digits, - and _")
}

fn describe(
    description: String,
    onnx: &[u8],
    graph: Result<&Graph, &Vec<Uncovered>>,
    input_shapes: Vec<Vec<usize>>,
    output_shapes: Vec<Vec<usize>>,
    weights: Source,
) -> Model {
    let cost = graph.ok().map(cost);
    Model {
        description,
        input_shapes,
        output_shapes,
        parameters: cost.map(|cost| cost.parameters),
        multiply_adds: cost.map(|cost| cost.multiply_adds),
        onnx_sha256: sha256_hex(onnx),
        weights,
        uncovered: graph.err().cloned().unwrap_or_default(),
    }
}

/// A user's input, and its file's digest.
fn input_of(file: &Path, ports: &[Port]) -> Result<(Vec<Tensor>, String), SubjectError> {
    let slots: Vec<_> = ports.iter().map(Port::slot).collect();
    let inputs = input::from_file(file, &slots)?;
    Ok((inputs, sha256_of(file)?))
}

/// Names and shapes of some of a graph's values.
fn ports(graph: &Graph, ids: &[ValueId]) -> Vec<Port> {
    let port = |id: &ValueId| {
        let value = &graph.values[id.0];
        Port {
            name: value.name.clone(),
            shape: value.shape.clone(),
            numbers: Numbers::Floats,
        }
    };
    ids.iter().map(port).collect()
}

/// A model's inputs one after the other, as a committed circuit takes them.
pub fn joined(inputs: &[Tensor]) -> Tensor {
    if let [input] = inputs {
        return input.clone();
    }
    let data: Vec<f32> = inputs.iter().flat_map(|input| &input.data).copied().collect();
    Tensor::new([1, data.len()], data)
}

/// The integers of a committed circuit's input: the numbers themselves where all of them are whole, else those of its scale. They have
/// fewer bits after the binary point where a look-up table that checks the range would end before them: of an input that reaches far,
/// the last bits of the scale are a small part. It is the same whoever assures the range, since a later part does not tell. Integers of
/// unit 1 count as whole numbers, which fractions are not; and whole numbers beside others are never rounded.
fn input_integers(plan: CommittedPlan, numbers: &[Numbers], bound: f64) -> Integers {
    let is_float = |numbers: &Numbers| *numbers == Numbers::Floats;
    if !numbers.iter().any(is_float) {
        return Integers::of_input(0, bound);
    }
    let scale = f64::from(plan.scale());
    // A range of ±bound is checked by numbers from 0 to 2·bound. Limbs of fewer bits than the default's make the input no coarser.
    let limb_bits = plan.digit_bits().max(committed::DEFAULT_DIGIT_BITS);
    let most = (f64::from(limb_bits).exp2() - 1.0) / (2.0 * bound);
    let bits = most.log2().floor();
    let bits = match (numbers.iter().all(is_float), bits >= 1.0) {
        (_, true) => bits,
        (true, false) => bits.min(-1.0),
        (false, false) => 1.0,
    };
    Integers::of_input(scale.min(bits), bound)
}

/// A note on an input that has fewer bits after the binary point than the scale.
fn coarse_input(request: &Request, numbers: &[Numbers], bound: f64) -> Option<String> {
    let plan = request.plan.as_committed()?;
    let bits = input_integers(plan, numbers, bound).unit.log2();
    let is_coarse = numbers.contains(&Numbers::Floats) && bits < f64::from(plan.scale());
    is_coarse.then(|| {
        format!(
            "the input has {bits} bits after the binary point, not the scale's {}: it reaches to ±{bound}, and a look-up table has room for no \
             more",
            plan.scale()
        )
    })
}

/// A circuit takes any input up to a bound, which must not tell this one apart: the next power of two.
fn bound_of(inputs: &[Tensor]) -> f64 {
    let magnitude = |tensor: &Tensor| tensor.data.iter().fold(0.0, |bound: f32, x| bound.max(x.abs()));
    let magnitude = inputs.iter().map(magnitude).fold(1.0, f32::max);
    f64::from(magnitude).log2().ceil().exp2()
}

/// Refuses a graph that EZKL would load as another function.
fn read_as_it_is(graph: &Graph, path: &Path) -> Result<(), OnnxError> {
    match integer::check(graph) {
        Err(IntegerError::MisreadConvolution { node }) => Err(OnnxError::Invalid {
            path: path.to_owned(),
            problems: vec![Problem::MisreadConvolution { node }],
        }),
        // What else the reference does not cover is not known to be wrong, and is compared after proving.
        _ => Ok(()),
    }
}

fn describe_input(source: Source, inputs: &[Tensor]) -> Input {
    let mut digest = Sha256::new();
    let mut range = [f32::INFINITY, f32::NEG_INFINITY];
    for &element in inputs.iter().flat_map(|tensor| &tensor.data) {
        digest.update(element.to_le_bytes());
        range = [range[0].min(element), range[1].max(element)];
    }
    Input {
        source,
        sha256: alloy_primitives::hex::encode(digest.finalize()),
        range,
    }
}

fn sha256_of(path: &Path) -> Result<String, SubjectError> {
    let bytes = files::read(path, MOST_MODEL_BYTES).map_err(|source| SubjectError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(sha256_hex(&bytes))
}

#[cfg(test)]
mod tests {
    use evmbench_committed::InputAssurance;
    use evmbench_ezkl::Io;
    use evmbench_suite as suite;

    use super::*;

    /// A batch's later members, say: what was chosen for the first is not chosen again from there.
    #[test]
    fn a_request_with_choices_keeps_them() {
        let model = suite::find("dense_small").unwrap();
        let plan = CircuitPlan::committed(7, Io::Committed).unwrap();
        let request = Request::new("dense_small", "scaling", plan);
        let of = |request: Request| {
            let experiment = Experiment { model, scale: 7 };
            let subject = Subject::from_suite(experiment, request, Material::default()).unwrap();
            subject.request
        };
        let first = of(request.clone());
        let chosen = first.chosen.unwrap();
        assert!(chosen.digit_bits < committed::DEFAULT_DIGIT_BITS, "{chosen:?}");
        assert_eq!(of(first.clone()).chosen, first.chosen);
        // Other choices than this evmbench's own stay as well.
        let others = Request {
            chosen: Some(plan.as_committed().unwrap().first_choice(CheckedRange::Exact)),
            ..request
        };
        assert_eq!(of(others.clone()).chosen, others.chosen);
    }

    /// An input that reaches far loses last bits of the scale; whole numbers lose none.
    #[test]
    #[expect(clippy::float_cmp, reason = "powers of two")]
    fn the_input_of_a_wide_range_has_fewer_bits() {
        let plan = |io| CircuitPlan::committed(10, io).unwrap().as_committed().unwrap();
        let bits = |io, numbers: &[Numbers], bound| input_integers(plan(io), numbers, bound).unit.log2();
        let [floats, whole] = [Numbers::Floats, Numbers::Integers];
        let known = [
            (1.0, 10.0),
            (31.0, 10.0),
            (32.0, 9.0),
            (128.0, 7.0),
            (16384.0, -1.0),
            (1_048_576.0, -6.0),
        ];
        for (bound, expected) in known {
            for io in [Io::Result, Io::Public] {
                let integers = input_integers(plan(io), &[floats], bound);
                assert_eq!(integers.unit.log2(), expected, "{bound}");
                assert!(
                    2 * integers.range.greatest < 1 << committed::DEFAULT_DIGIT_BITS,
                    "{bound}"
                );
            }
        }
        assert_eq!(bits(Io::Result, &[whole], 1_048_576.0), 0.0);
        assert_eq!(bits(Io::Result, &[floats, whole], 1_048_576.0), 1.0);
        assert_eq!(bits(Io::Result, &[floats, whole], 128.0), 7.0);
        let registered = CircuitPlan::committed(10, Io::Result)
            .unwrap()
            .registered()
            .unwrap();
        let registered = input_integers(registered.as_committed().unwrap(), &[floats], 128.0);
        assert_eq!(
            registered,
            input_integers(plan(Io::Result), &[floats], 128.0),
            "a later part does not tell"
        );
    }

    #[test]
    fn inputs_of_narrow_types_are_not_held_to_a_table() {
        let plan = CircuitPlan::committed(7, Io::Committed)
            .unwrap()
            .as_committed()
            .unwrap();
        let held = |range| plan.as_chosen(Some(plan.first_choice(range)));
        let [table, exact] = [CheckedRange::Table, CheckedRange::Exact].map(held);
        for narrow in [Numbers::Truth, Numbers::Within(0, 255)] {
            let refused = refuse_narrow_in_table(table, &[Numbers::Floats, narrow]);
            assert_eq!(refused, Err(CommittedError::LooseRange(LooseRange::Numbers)));
            assert_eq!(refuse_narrow_in_table(exact, &[narrow]), Ok(()));
        }
        assert_eq!(
            refuse_narrow_in_table(table, &[Numbers::Floats, Numbers::Integers]),
            Ok(())
        );
    }

    /// A later part rests on what is proved of the tensor that it reads, which can be more than the range that was asked for.
    #[test]
    fn a_part_rests_on_what_the_part_before_it_proves() {
        for (id, cuts, tiles, source) in [
            ("cnn_strided", &["fc"][..], 1, SharedTensor::Output),
            ("conv2d_small", &[], 2, SharedTensor::Input),
        ] {
            let (_, parts) = parts(id, cuts, tiles);
            let [first, second] = [0, 1].map(|part| &parts[part].committed.as_ref().unwrap().circuit);
            assert_eq!(first.input_assurance(), InputAssurance::Table, "{id}");
            let proved = match source {
                SharedTensor::Input => first.proved_input(),
                SharedTensor::Output => first.proved_output(),
            };
            assert_eq!(second.proved_input(), proved, "{id}");
            let asked = second.input().range;
            assert_eq!(proved.hull(asked), proved, "{id}: no less than was asked for");
            if source == SharedTensor::Input {
                assert_ne!(proved, asked, "{id}: a table holds more");
            }
        }
    }

    fn parts(id: &str, cuts: &[&str], tiles: usize) -> (Witness, Vec<Subject>) {
        let model = suite::find(id).unwrap();
        let experiment = Experiment { model, scale: 7 };
        let suite = model.category.to_string();
        let plan = CircuitPlan::committed(7, Io::default_for(&suite)).unwrap();
        let request = Request::new(id, suite, plan);
        let split = Split {
            cuts: cuts.iter().map(|&cut| cut.to_owned()).collect(),
            tiles,
        };
        let of = |request| Subject::from_suite(experiment, request, Material::default()).unwrap();
        let whole = of(request.clone()).committed.unwrap().witness().clone();
        let split = of(Request {
            part: Some(PartRequest { split, index: 0 }),
            ..request
        });
        assert!(split.committed.is_none(), "the whole is not lowered");
        (whole, split.parts().unwrap())
    }

    fn logrows(subject: &Subject) -> u32 {
        subject.committed.as_ref().unwrap().circuit.logrows()
    }

    #[test]
    fn tiles_hold_the_integers_of_the_whole_layer() {
        let (whole, parts) = parts("conv2d_small", &[], 3);
        let witnesses: Vec<&Witness> = parts
            .iter()
            .map(|part| part.committed.as_ref().unwrap().witness())
            .collect();
        let tiled: Vec<i128> = witnesses
            .iter()
            .flat_map(|witness| witness.result.clone())
            .collect();
        assert_eq!(tiled, whole.result);
        for (part, witness) in parts.iter().zip(&witnesses) {
            assert_eq!(witness.input, whole.input);
            assert_eq!(witness.output, witness.result, "committed, to be compared");
            assert_eq!(logrows(part), logrows(&parts[0]));
        }
        let assurances: Vec<_> = parts
            .iter()
            .map(|part| part.request.plan.input_assurance().unwrap())
            .collect();
        assert_eq!(
            assurances,
            [
                InputAssurance::Ranged,
                InputAssurance::Linked,
                InputAssurance::Linked
            ]
        );
    }

    /// What one part makes is what the next reads, committed by both; only the last shows its result.
    #[test]
    fn cut_parts_hand_their_integers_on() {
        let (whole, parts) = parts("cnn_strided", &["conv2", "fc"], 1);
        for pair in parts.windows(2) {
            let [before, after] = pair else {
                unreachable!("windows of two")
            };
            let [made, read] = [before, after].map(|part| part.committed.as_ref().unwrap().witness());
            assert_eq!(made.output, read.input);
            assert_eq!(made.output, made.result);
            assert_eq!(logrows(before), logrows(after));
        }
        let last = &parts.last().unwrap().committed.as_ref().unwrap();
        assert!(last.circuit.output_public());
        assert_eq!(last.witness().result.len(), whole.result.len());
    }

    #[test]
    fn ids_suit_file_names() {
        assert_eq!(file_id(Path::new("/a/my net.v2.onnx")), "my_net_v2");
        assert_eq!(file_id(Path::new("ü.onnx")), "_");
        assert_eq!(file_id(Path::new("")), "model");
    }
}
