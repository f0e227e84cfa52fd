//! How many bits the limbs of a committed circuit have, which range of the input it checks, and how many values it rounds before layers of
//! weights, where that saves rows and costs no precision.
//!
//! Goes in: a subject whose circuit has limbs of [`DEFAULT_DIGIT_BITS`] and as few roundings as will do. Comes out: the same one, or
//! one with other choices. A table has a row for each number that a limb can be, and a small network fills far fewer rows than
//! the default's table. Smaller limbs may save no rows in a circuit that checks its input to be in the table (`table`), so that they are
//! also tried with the range that was asked for (`ranged`). A value that is rounded before a layer of weights takes cells, and the layer's
//! result has fewer digits. Other choices are taken where each of the circuit's outputs stays as near to the float model's: on drawn inputs
//! its greatest distance is at most a quarter more, or, of an output that is not whole numbers, below [`UNSEEN`] of what the scale's last
//! bit stands for.

use evmbench_committed::{CheckedRange, DEFAULT_DIGIT_BITS, DIGIT_BITS};
use evmbench_ezkl::Chosen;
use evmbench_model::float::FloatModel;
use evmbench_model::graph::Tensor;
use evmbench_model::input::{Numbers, Slot};
use evmbench_model::onnx;
use evmbench_schema::record::Request;

use super::{CommittedSubject, Subject, joined};
use crate::scale_factors;

/// How much more distance from the float model smaller limbs may cost, as a factor.
const MOST_LOSS: f64 = 1.25;

/// What no reader of the outputs misses, as a share of what the last bit of the scale stands for, of the greatest output.
const UNSEEN: f64 = 0.25;

/// How many numbers of roundings are tried.
const MOST_ROUNDINGS: usize = 4;

/// By how much of its room the cells of a circuit may exceed half as many rows, for roundings to be tried.
const MOST_EXCESS: f64 = 0.5;

/// The subject with the choices that need the fewest rows; of these, with limbs of the most bits and the fewest roundings.
pub(super) fn for_fewest_rows(subject: Subject) -> Subject {
    let Some(committed) = &subject.committed else {
        return subject;
    };
    let (plan, Some(chosen)) = (subject.request.plan, subject.request.chosen) else {
        return subject;
    };
    if plan.digit_bits().is_some() || plan.roundings().is_some() {
        return subject;
    }
    let others = others(&subject, committed, chosen);
    if others.is_empty() {
        return subject;
    }
    let mut limits = None;
    let mut best = subject.clone();
    for chosen in others {
        let other = best.asked_for(Request {
            chosen: Some(chosen),
            ..best.request.clone()
        });
        let Ok(other) = other else { continue };
        let (Some(of_other), Some(of_best)) = (&other.committed, &best.committed) else {
            continue;
        };
        if of_other.circuit.logrows() >= of_best.circuit.logrows() {
            continue;
        }
        // The float model is run only where something can be saved.
        let limits = limits.get_or_insert_with(|| Limits::of(&subject, committed));
        if limits.as_ref().is_some_and(|limits| limits.hold(of_other)) {
            best = other;
        }
    }
    best
}

/// How far each output may be from the float model's.
struct Limits {
    reference: Reference,
    losses: Vec<f64>,
}

impl Limits {
    /// Of a subject's circuit without other choices; none where that is not known.
    fn of(subject: &Subject, committed: &CommittedSubject) -> Option<Self> {
        let reference = Reference::of(subject, committed)?;
        let unseen = UNSEEN * (-f64::from(subject.request.plan.scale())).exp2();
        let losses = reference.losses(committed)?;
        let limit = |(loss, output): (&f64, &Output)| {
            let unseen = if output.is_whole { 0.0 } else { unseen };
            (MOST_LOSS * loss).max(unseen)
        };
        Some(Self {
            losses: losses.iter().zip(&reference.outputs).map(limit).collect(),
            reference,
        })
    }

    /// Whether a circuit keeps within them.
    fn hold(&self, committed: &CommittedSubject) -> bool {
        let losses = self.reference.losses(committed);
        losses.is_some_and(|losses| losses.iter().zip(&self.losses).all(|(loss, limit)| loss <= limit))
    }
}

/// Other choices that may need fewer rows, the best first.
fn others(subject: &Subject, committed: &CommittedSubject, chosen: Chosen) -> Vec<Chosen> {
    let circuit = &committed.circuit;
    let account = circuit.cell_account();
    let mut others = Vec::new();
    // In more rows than the default's table fills, smaller limbs only add cells.
    if circuit.logrows() <= DEFAULT_DIGIT_BITS + 1 {
        let is_open = subject.request.plan.input_range().is_none();
        let is_loose = is_open && chosen.input_range == Some(CheckedRange::Table);
        let exact = is_loose.then_some(Some(CheckedRange::Exact));
        for input_range in std::iter::once(chosen.input_range).chain(exact) {
            let smaller = (*DIGIT_BITS.start()..DEFAULT_DIGIT_BITS).rev();
            others.extend(smaller.map(|digit_bits| Chosen {
                digit_bits,
                input_range,
                ..chosen
            }));
        }
    }
    let is_close = account.cells_too_many() as f64 <= MOST_EXCESS * account.room_below as f64;
    if is_close && account.table_logrows < circuit.logrows() {
        let nodes = subject.graph.iter().flat_map(|graph| &graph.nodes);
        let places = nodes.filter(|node| !node.op.parameters().is_empty()).count();
        let more = (circuit.roundings() + 1..=places).take(MOST_ROUNDINGS);
        others.extend(more.map(|roundings| Chosen {
            roundings: Some(roundings),
            ..chosen
        }));
    }
    others
}

/// The float model's outputs on some inputs.
struct Reference {
    inputs: Vec<Tensor>,
    outputs: Vec<Output>,
}

/// One output.
struct Output {
    /// Its elements on each input.
    elements: Vec<Vec<f32>>,
    /// The greatest magnitude of any.
    greatest: f64,
    /// Whether all are whole numbers.
    is_whole: bool,
}

impl Output {
    fn of(elements: Vec<Vec<f32>>) -> Self {
        let all = || elements.iter().flatten();
        Self {
            greatest: all().map(|x| f64::from(x.abs())).fold(0.0, f64::max),
            is_whole: all().all(|x| x.fract() == 0.0),
            elements,
        }
    }

    /// The greatest distance of what a circuit makes of the inputs, as a share of the greatest element; none where it has other
    /// elements.
    fn loss(&self, made: &[Vec<f64>]) -> Option<f64> {
        let mut greatest: f64 = 0.0;
        for (made, expected) in made.iter().zip(&self.elements) {
            if made.len() != expected.len() {
                return None;
            }
            let distances = made
                .iter()
                .zip(expected)
                .map(|(made, &x)| (made - f64::from(x)).abs());
            greatest = distances.fold(greatest, f64::max);
        }
        // Beside an output that is 0 on all inputs the distance itself counts.
        Some(greatest / if self.greatest > 0.0 { self.greatest } else { 1.0 })
    }
}

impl Reference {
    /// On drawn inputs that have a proof, so that nothing hangs on the one that is proved; none where the model cannot be run.
    fn of(subject: &Subject, committed: &CommittedSubject) -> Option<Self> {
        // Tract lacks some operators of newer files, and none that the graph is written with.
        let as_read = || FloatModel::load(&onnx::write(subject.graph.as_ref().ok()?)).ok();
        let model = FloatModel::load(&subject.onnx).ok().or_else(as_read)?;
        let port = |(input, &numbers): (&Tensor, &Numbers)| (input.shape.clone(), numbers);
        let ports: Vec<(Vec<usize>, Numbers)> =
            subject.inputs.iter().zip(&subject.numbers).map(port).collect();
        let slots = ports.iter().map(|(shape, numbers)| Slot {
            name: "",
            shape,
            numbers: *numbers,
        });
        let mut sets = scale_factors::drawn(&slots.collect::<Vec<_>>(), subject.input_bound);
        // Of some a function may have no result.
        if committed.circuit.is_partial() {
            sets.retain(|set| committed.circuit.witness(&joined(set)).is_ok());
        }
        if sets.is_empty() {
            return None;
        }
        let runs = sets.iter().map(|set| model.run(set));
        let runs: Vec<Vec<Tensor>> = runs.collect::<Result<_, _>>().ok()?;
        let count = runs.first().map_or(0, Vec::len);
        let output = |index: usize| Output::of(runs.iter().map(|run| run[index].data.clone()).collect());
        Some(Self {
            inputs: sets.iter().map(|set| joined(set)).collect(),
            outputs: (0..count).map(output).collect(),
        })
    }

    /// Of each output the [loss](Output::loss); none where an input has no proof.
    fn losses(&self, committed: &CommittedSubject) -> Option<Vec<f64>> {
        let circuit = &committed.circuit;
        let mut made: Vec<Vec<Vec<f64>>> = vec![Vec::new(); self.outputs.len()];
        for input in &self.inputs {
            let witness = circuit.witness(input).ok()?;
            let outputs = circuit.outputs(&witness.result);
            if outputs.len() != made.len() {
                return None;
            }
            for (made, output) in made.iter_mut().zip(outputs) {
                made.push(output);
            }
        }
        self.outputs
            .iter()
            .zip(&made)
            .map(|(output, made)| output.loss(made))
            .collect()
    }
}
