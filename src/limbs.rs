//! How many bits the limbs of a committed circuit have: as few as save rows, where that costs no precision.
//!
//! Goes in: a subject whose circuit has limbs of [`DEFAULT_DIGIT_BITS`]. Comes out: the same one, or one with smaller limbs. A table
//! has a row for each number that a limb can be, and a small network fills far fewer rows than the default's table. Smaller limbs are
//! taken where each of the circuit's outputs stays as near to the float model's: on drawn inputs and on the one that is proved, its
//! greatest distance is at most a quarter more, or, of an output that is not whole numbers, below [`UNSEEN`] of what the scale's last
//! bit stands for.

use crate::committed::{CommittedError, DEFAULT_DIGIT_BITS, DIGIT_BITS};
use crate::model::float::FloatModel;
use crate::model::graph::Tensor;
use crate::model::input::{Numbers, Slot};
use crate::prover::Chosen;
use crate::record::Request;
use crate::scale_factors;
use crate::subject::{CommittedSubject, Subject, joined};

/// How much more distance from the float model smaller limbs may cost, as a factor.
const MOST_LOSS: f64 = 1.25;

/// What no reader of the outputs misses, as a share of what the last bit of the scale stands for, of the greatest output.
const UNSEEN: f64 = 0.25;

/// The subject with limbs of as many bits as need the fewest rows, the most of those.
pub(crate) fn for_fewest_rows(subject: Subject) -> Subject {
    let Some(committed) = &subject.committed else {
        return subject;
    };
    // With more cells than a table has rows, smaller limbs only add cells.
    let rows = committed.circuit.cells() / committed.circuit.inner_columns().max(1);
    let is_small = rows <= 1 << DEFAULT_DIGIT_BITS;
    if !is_small || subject.request.plan.digit_bits().is_some() {
        return subject;
    }
    let Some(reference) = Reference::of(&subject) else {
        return subject;
    };
    let Some(losses) = reference.losses(committed) else {
        return subject;
    };
    let unseen = UNSEEN * (-f64::from(subject.request.plan.scale())).exp2();
    let limits: Vec<f64> = losses
        .iter()
        .zip(&reference.outputs)
        .map(|(loss, output)| (MOST_LOSS * loss).max(if output.is_whole { 0.0 } else { unseen }))
        .collect();
    let mut best = subject;
    for bits in (*DIGIT_BITS.start()..DEFAULT_DIGIT_BITS).rev() {
        let Ok(smaller) = with_bits(&best, bits) else {
            continue;
        };
        let logrows = |subject: &Subject| {
            subject
                .committed
                .as_ref()
                .map(|committed| committed.circuit.logrows())
        };
        let is_near = |committed: &CommittedSubject| {
            let losses = reference.losses(committed);
            losses.is_some_and(|losses| losses.iter().zip(&limits).all(|(loss, limit)| loss <= limit))
        };
        if logrows(&smaller) < logrows(&best) && smaller.committed.as_ref().is_some_and(is_near) {
            best = smaller;
        }
    }
    best
}

fn with_bits(subject: &Subject, bits: u32) -> Result<Subject, CommittedError> {
    let chosen = subject.request.chosen.map(|chosen| Chosen {
        digit_bits: bits,
        ..chosen
    });
    subject.asked_for(Request {
        chosen,
        ..subject.request.clone()
    })
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
    /// On drawn inputs and on the one that is proved; none where the model cannot be run.
    fn of(subject: &Subject) -> Option<Self> {
        let model = FloatModel::load(&subject.onnx).ok()?;
        let port = |(input, &numbers): (&Tensor, &Numbers)| (input.shape.clone(), numbers);
        let ports: Vec<(Vec<usize>, Numbers)> =
            subject.inputs.iter().zip(&subject.numbers).map(port).collect();
        let slots = ports.iter().map(|(shape, numbers)| Slot {
            name: "",
            shape,
            numbers: *numbers,
        });
        let mut sets = scale_factors::drawn(&slots.collect::<Vec<_>>(), subject.input_bound);
        sets.push(subject.inputs.clone());
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
