//! Each element of an output by itself, so that a wrong one cannot hide behind larger ones.
//!
//! Goes in: one output's elements on every input that can be compared. Comes out: the element that stands worst.
//!
//! Eight inputs are too few to take a single element's greatest rounding error for the greatest that there is: it may have been
//! lucky on all of them. Its mean over the inputs is steadier, and an element that is wrong on one input of eight still has an
//! eighth of that error in its mean.
//!
//! What an error is to be seen beside is the element's own range over the inputs. But an element that is nearly constant on
//! them (a rectifier that hardly opens, an unlikely class) is not wrong because it is noisy beside its own range: its range is
//! the greatest of those elements that fixed point moves by about as much. A large element whose rounding error is far from
//! its own does not vouch for it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ALLOWANCE, Compared, SAME};

/// How much less an element's rounding may be than another's, and how much greater, for the one to vouch for the range of the
/// other; as powers of two. An element that rounding moves on one input of eight has an eighth of the others' mean.
const VOUCHING: [i32; 2] = [2, 4];

/// The part of an element's own range that is no other function, whatever explains it: a constant inside of an operator that the
/// rounded model has no value for.
const NEGLIGIBLE: f64 = 0.01;

/// The worst element of an output: means over the inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ElementCheck {
    /// Which one, row-major from 0.
    pub element: u64,
    /// Mean distance from the reference's element, in the model's numbers.
    pub mean_error: f64,
    /// The mean distance that is explained by fixed point, or a hundredth of its own range, whichever is more.
    pub tolerance: f64,
    /// The greatest range over the inputs of an element that rounding moves by much the same.
    pub range: f64,
    /// What the output's elements are multiples of.
    pub unit: f64,
}

/// What is known of one element over all inputs.
struct Element {
    mean_error: f64,
    /// What fixed point explains.
    rounding: f64,
    range: f64,
}

impl Element {
    /// None where a number is missing.
    fn of(inputs: &[Compared<'_>], index: usize, unit: f64) -> Option<Self> {
        let count = inputs.len() as f64;
        let (mut error, mut rounding) = (0.0, 0.0);
        let [mut least, mut greatest] = [f64::INFINITY, f64::NEG_INFINITY];
        for Compared {
            circuit,
            exact,
            rounded,
        } in inputs
        {
            let exact = *exact.get(index)?;
            error += ((*circuit.get(index)?)? - exact).abs();
            rounding += (rounded.get(index)? - exact).abs();
            least = least.min(exact);
            greatest = greatest.max(exact);
        }
        Some(Self {
            mean_error: error / count,
            rounding: ALLOWANCE * rounding / count + unit,
            range: greatest - least,
        })
    }

    /// The power of two that its rounding has.
    fn exponent(&self) -> i32 {
        // Of 0 it is the least that there is.
        self.rounding.log2().floor() as i32
    }
}

/// Every element of an output with the range that it is seen beside. `output_range` is that of the whole output, for one whose
/// elements are all constant.
pub(super) fn checks(inputs: &[Compared<'_>], unit: f64, output_range: f64) -> Vec<ElementCheck> {
    let count = inputs.first().map_or(0, |input| input.exact.len());
    let elements: Option<Vec<Element>> = (0..count).map(|index| Element::of(inputs, index, unit)).collect();
    let elements = elements.unwrap_or_default();
    let mut ranges: BTreeMap<i32, f64> = BTreeMap::new();
    for element in &elements {
        let range = ranges.entry(element.exponent()).or_default();
        *range = range.max(element.range);
    }
    let all_constant = ranges.values().all(|&range| range <= SAME * output_range);
    let range_beside = |element: &Element| {
        if all_constant {
            return output_range;
        }
        let [less, greater] = VOUCHING;
        let exponent = element.exponent();
        let vouching = ranges.range(exponent.saturating_sub(less)..=exponent.saturating_add(greater));
        vouching.map(|(_, &range)| range).fold(0.0, f64::max)
    };
    let check = |(index, element): (usize, &Element)| ElementCheck {
        element: index as u64,
        mean_error: element.mean_error,
        tolerance: element.rounding.max(NEGLIGIBLE * element.range),
        range: range_beside(element),
        unit,
    };
    elements.iter().enumerate().map(check).collect()
}
