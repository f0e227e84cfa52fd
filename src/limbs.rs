//! How many bits the limbs of a user's committed circuit have: as few as save rows, where that costs no precision.
//!
//! Goes in: a subject whose circuit has limbs of [`DEFAULT_DIGIT_BITS`]. Comes out: the same one, or one with smaller limbs. A table
//! has a row for each number that a limb can be, and a small network fills far fewer rows than the default's table. Smaller limbs are
//! taken where the circuit's outputs stay as near to the float model's: on drawn inputs and on the one that is proved, the
//! greatest distance is at most a quarter more, or below [`UNSEEN`] of what the scale's last bit stands for.

use crate::committed::{CommittedError, DEFAULT_DIGIT_BITS, DIGIT_BITS};
use crate::model::float::FloatModel;
use crate::model::graph::Tensor;
use crate::model::input::{Numbers, Slot};
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
    let Some(loss) = reference.loss(committed) else {
        return subject;
    };
    let limit = (MOST_LOSS * loss).max(UNSEEN * (-f64::from(subject.request.plan.scale())).exp2());
    let mut best = subject;
    for bits in (*DIGIT_BITS.start()..DEFAULT_DIGIT_BITS).rev() {
        let Ok(smaller) = with_bits(&best, bits) else {
            continue;
        };
        let made = smaller.committed.as_ref().and_then(|committed| {
            let is_near = reference.loss(committed).is_some_and(|loss| loss <= limit);
            is_near.then(|| committed.circuit.logrows())
        });
        let before = best
            .committed
            .as_ref()
            .map(|committed| committed.circuit.logrows());
        if made.is_some() && made < before {
            best = smaller;
        }
    }
    best
}

fn with_bits(subject: &Subject, bits: u32) -> Result<Subject, CommittedError> {
    let plan = subject
        .request
        .plan
        .with_digits(bits, None)
        .expect("a committed circuit has limbs");
    subject.asked_for(Request {
        plan,
        ..subject.request.clone()
    })
}

/// The float model's outputs on some inputs.
struct Reference {
    inputs: Vec<Tensor>,
    outputs: Vec<Vec<f32>>,
    /// The greatest magnitude of any.
    greatest: f64,
}

impl Reference {
    /// On drawn inputs and on the one that is proved; none where the model cannot be run, or gives nothing but zeros.
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
        let run = |set: &Vec<Tensor>| -> Option<Vec<f32>> {
            let outputs = model.run(set).ok()?;
            Some(outputs.into_iter().flat_map(|tensor| tensor.data).collect())
        };
        let outputs: Vec<Vec<f32>> = sets.iter().map(run).collect::<Option<_>>()?;
        let magnitudes = outputs.iter().flatten().map(|x| f64::from(x.abs()));
        let greatest = magnitudes.fold(0.0, f64::max);
        greatest.is_normal().then(|| Self {
            inputs: sets.iter().map(|set| joined(set)).collect(),
            outputs,
            greatest,
        })
    }

    /// The greatest distance of a circuit's outputs, as a share of the greatest output; none where an input has no proof.
    fn loss(&self, committed: &CommittedSubject) -> Option<f64> {
        let circuit = &committed.circuit;
        let mut greatest: f64 = 0.0;
        for (input, outputs) in self.inputs.iter().zip(&self.outputs) {
            let witness = circuit.witness(input).ok()?;
            let made: Vec<f64> = circuit.outputs(&witness.result).concat();
            if made.len() != outputs.len() {
                return None;
            }
            let distances = made
                .iter()
                .zip(outputs)
                .map(|(made, &x)| (made - f64::from(x)).abs());
            greatest = distances.fold(greatest, f64::max);
        }
        Some(greatest / self.greatest)
    }
}
