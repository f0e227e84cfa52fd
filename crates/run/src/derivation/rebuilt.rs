//! The model of a record, built again from what was asked for.

use evmbench_committed::InputAssurance;
use evmbench_ezkl::{CircuitKind, CircuitPlan, PlanError};
use evmbench_model::onnx::{self, Uncovered};
use evmbench_schema::record::{Model, PartRequest, Record, Request, Source};
use evmbench_subject::subject::{Material, Subject, onnx_description};
use evmbench_suite::{self as suite, Experiment, ModelSpec};

use super::Given;
use crate::environment;

/// Why a model is not built again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotRebuilt {
    /// Something that it is made of is not at hand.
    NotAtHand(String),
    /// What the record says was asked for makes no such model or circuit.
    Contradicted(String),
}

impl NotRebuilt {
    /// Why, in words.
    pub fn why(&self) -> &str {
        match self {
            Self::NotAtHand(why) | Self::Contradicted(why) => why,
        }
    }
}

fn contradicted(error: &impl std::fmt::Display) -> NotRebuilt {
    NotRebuilt::Contradicted(error.to_string())
}

/// A record's model, input and circuit, as this evmbench makes them of the record's request.
#[derive(Debug, Clone)]
pub struct Rebuilt {
    /// The subject; else why there is none.
    pub subject: Result<Subject, NotRebuilt>,
    /// Whether its input is the one that was asked for; a test image and a file of the user's are not at hand.
    pub input_known: bool,
    /// Operators that this evmbench covers and the one that made the run did not. The subject leaves them uncovered.
    pub covered_since: Vec<String>,
}

impl Rebuilt {
    /// Builds a model of the suite's, or one of the user's where its file is given.
    pub fn of(record: &Record, given: Given<'_>) -> Self {
        let request = &record.request;
        let input_known = input_known(request, given);
        let (subject, covered_since) = match rebuild(request, given) {
            Ok(subject) => {
                let (subject, covered_since) = covered_then(named_then(subject, record), record);
                (Ok(subject), covered_since)
            }
            Err(why) => (Err(why), Vec::new()),
        };
        Self {
            subject,
            input_known,
            covered_since,
        }
    }
}

/// The subject that a request makes: a model of the suites, or one of a file that is given.
///
/// # Errors
/// Why there is none.
pub fn rebuild(request: &Request, given: Given<'_>) -> Result<Subject, NotRebuilt> {
    subject(request, given, input_known(request, given))
}

/// Whether the input is the one that was asked for.
fn input_known(request: &Request, given: Given<'_>) -> bool {
    request.sample.is_none() && (request.input_sha256.is_none() || given.input.is_some())
}

/// The first schema that names a user's file by its own digest. Before, it was that of the model as it is proved.
const FILE_DIGEST_SINCE: u32 = 9;

/// The subject, with the user's file named as a record of its schema does.
fn named_then(mut subject: Subject, record: &Record) -> Subject {
    if record.schema < FILE_DIGEST_SINCE
        && let Source::File { sha256 } = &mut subject.model.weights
        && let Some(proved) = &record.request.onnx_sha256
    {
        sha256.clone_from(proved);
    }
    subject
}

/// The subject with no more covered than the evmbench covered that made the run, and the operators that came later. Such a run
/// was not compared with exact integers. Its record claims less for that, never more.
fn covered_then(subject: Subject, record: &Record) -> (Subject, Vec<String>) {
    let then = &record.model.uncovered;
    let now = &subject.model.uncovered;
    let is = |one: &Uncovered, other: &Uncovered| one.node == other.node && one.operator == other.operator;
    let lists = |list: &[Uncovered], node: &Uncovered| list.iter().any(|other| is(node, other));
    let since: Vec<Uncovered> = then.iter().filter(|node| !lists(now, node)).cloned().collect();
    let is_of_then = !since.is_empty()
        && subject.committed.is_none()
        && !environment::is_this_evmbench(&record.environment)
        && now.iter().all(|node| lists(then, node))
        && onnx::has(&subject.onnx, then);
    if !is_of_then {
        return (subject, Vec::new());
    }
    let subject = Subject {
        model: Model {
            parameters: None,
            multiply_adds: None,
            uncovered: then.clone(),
            ..subject.model
        },
        graph: Err(then.clone()),
        ..subject
    };
    (subject, onnx::operators(&since))
}

fn subject(request: &Request, given: Given<'_>, input_known: bool) -> Result<Subject, NotRebuilt> {
    let Some(PartRequest { index, .. }) = request.part else {
        return whole(request, given, input_known);
    };
    let CircuitPlan::Committed(plan) = request.plan else {
        return Err(contradicted(&PlanError::NotCommitted));
    };
    // The whole model's plan differs from a later part's in who assures the first part's input, which only that part tells.
    let mut failure = NotRebuilt::Contradicted("no part of the model has this plan".to_owned());
    for assurance in [InputAssurance::Ranged, InputAssurance::Registered] {
        let asked = Request {
            plan: CircuitPlan::Committed(plan.of_whole(assurance)),
            ..request.clone()
        };
        let parts = whole(&asked, given, input_known)
            .and_then(|subject| subject.parts().map_err(|error| contradicted(&error)));
        match parts {
            Err(error) => failure = error,
            Ok(mut parts) if index < parts.len() => {
                let part = parts.swap_remove(index);
                // How many rows all parts have hangs on how this evmbench lays them out, which is compared later.
                let plan = part.request.plan.with_logrows(request.plan.logrows());
                if plan == Ok(request.plan) {
                    return Ok(part);
                }
            }
            Ok(_) => {}
        }
    }
    Err(failure)
}

/// Whether a record's model is this one of the networks.
pub(super) fn is_network(spec: &ModelSpec, request: &Request) -> bool {
    !spec.category.is_of_study() && *request.suite == *spec.category.name()
}

fn whole(request: &Request, given: Given<'_>, input_known: bool) -> Result<Subject, NotRebuilt> {
    let not_at_hand = |why: &str| NotRebuilt::NotAtHand(why.to_owned());
    if request.onnx_sha256.is_some() {
        let path = given
            .onnx
            .ok_or_else(|| not_at_hand("the user's model is not at hand; --onnx names it"))?;
        let input = given.input.filter(|_| request.input_sha256.is_some());
        // The bound that a circuit takes inputs up to follows from the input itself, unless that is an image of a known kind.
        if !input_known && request.sample.is_none() {
            return Err(not_at_hand("the user's input is not at hand; --input names it"));
        }
        let network = suite::find(&request.id)
            .ok()
            .filter(|spec| is_network(spec, request));
        let subject = match network {
            Some(model) => {
                let scale = request.plan.scale();
                let material = Material {
                    weights: Some(path),
                    input,
                    ..Material::default()
                };
                Subject::from_suite_as_recorded(Experiment { model, scale }, request.clone(), material)
            }
            None => Subject::from_onnx(path, input, request.clone()),
        };
        let subject = subject.map_err(|error| contradicted(&error))?;
        if subject.request.onnx_sha256 != request.onnx_sha256 {
            return Err(NotRebuilt::Contradicted(format!(
                "{} is another model",
                path.display()
            )));
        }
        // The file may have another name than when it was proved, and the request is the record's.
        return Ok(Subject {
            request: request.clone(),
            model: Model {
                description: match network {
                    Some(_) => subject.model.description,
                    None => onnx_description(request),
                },
                ..subject.model
            },
            ..subject
        });
    }
    let model = suite::find(&request.id).map_err(|error| contradicted(&error))?;
    let experiment = Experiment {
        model,
        scale: request.plan.scale(),
    };
    let material = Material {
        input: given.input.filter(|_| request.input_sha256.is_some()),
        ..Material::default()
    };
    let subject = Subject::from_suite_as_recorded(experiment, request.clone(), material)
        .map_err(|error| contradicted(&error))?;
    if request.input_sha256.is_some() && input_known && subject.request.input_sha256 != request.input_sha256 {
        return Err(contradicted(
            &"the input given is another than the one that was proved",
        ));
    }
    if request.weights_sha256.is_some() && subject.request.weights_sha256 != request.weights_sha256 {
        return Err(not_at_hand(
            "its weights are not those that this evmbench comes with",
        ));
    }
    if request.weights_sha256.is_none() && request.plan.kind() != CircuitKind::Study {
        // A model that is trained today was not always.
        if subject.request.weights_sha256.is_some() {
            return Err(not_at_hand(
                "it was proved before this evmbench came with trained weights for it",
            ));
        }
    }
    Ok(subject)
}
