//! Where a model is split so that each of its proofs fits into a memory budget.
//!
//! Goes in: a [`Subject`] with a committed circuit, and a budget in bytes. Comes out: the [`Split`] with the fewest proofs; among these,
//! the one whose proofs cost the least gas, and then the one with the fewest rows. Nothing is proved: memory and gas are forecasts.
//!
//! All parts have as many rows. For each number of rows, from the whole model's down, a part takes as many layers as have room in it; the
//! last layer is tiled where it has no room alone.

use evmbench_committed::CheckedRange;
use evmbench_ezkl::CircuitPlan;
use evmbench_model::fold;
use evmbench_model::graph::Graph;
use evmbench_model::split::{self, Split};
use evmbench_schema::record::{PartRequest, Request};
use evmbench_subject::subject::{LoweredPart, Subject};

use crate::forecast;

/// Where to split a model; none where no split fits, the model has no committed circuit, or it is split already.
#[must_use]
pub fn split_within(subject: &Subject, budget_bytes: u64) -> Option<Split> {
    let CircuitPlan::Committed(plan) = subject.request.plan else {
        return None;
    };
    let (committed, Ok(graph)) = (subject.committed.as_ref()?, &subject.graph) else {
        return None;
    };
    let graph = fold::batch_norms(graph);
    let ranges = match plan.input_range() {
        Some(range) => vec![range],
        None => vec![CheckedRange::Table, CheckedRange::Exact],
    };
    ranges.into_iter().find_map(|range| {
        // How parts are lowered does not hang on where the model is split.
        let request = Request {
            part: Some(PartRequest {
                split: Split::default(),
                index: 0,
            }),
            chosen: Some(plan.choice_for_parts(range, subject.request.chosen)),
            ..subject.request.clone()
        };
        let search = Search {
            subject: &subject.asked_for(request).ok()?,
            graph: &graph,
            budget_bytes,
        };
        let split = search.best(committed.circuit.logrows())?;
        is_within(subject, &split, budget_bytes).then_some(split)
    })
}

/// Whether the parts that are proved fit: how the input's range is checked is chosen for them again.
fn is_within(subject: &Subject, split: &Split, budget_bytes: u64) -> bool {
    let parts = subject.in_parts(split.clone()).and_then(Subject::parts);
    let fits = |part: &Subject| {
        let circuit = &part.committed.as_ref()?.circuit;
        let forecast = forecast::of_committed(circuit, None, None).ok()?;
        Some(forecast.peak_bytes().high <= budget_bytes)
    };
    parts.is_ok_and(|parts| parts.iter().all(|part| fits(part) == Some(true)))
}

/// Proofs of one model at most: more are no answer to anybody.
const MOST_PARTS: usize = 64;

struct Search<'a> {
    subject: &'a Subject,
    graph: &'a Graph,
    budget_bytes: u64,
}

/// A split whose parts fit.
struct Found {
    split: Split,
    /// Verification gas of all proofs.
    gas: u64,
}

/// A part that fits.
struct Fitting {
    part: LoweredPart,
    /// Verification gas of its proof.
    gas: u64,
}

/// Why there is no room for a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoRoom {
    /// It needs more rows.
    Rows,
    /// So many rows need more memory, whatever the part is.
    Memory,
    /// There is no such part, or it has no circuit.
    NoPart,
}

impl Search<'_> {
    /// The best split into parts of at most so many rows.
    fn best(&self, most_logrows: u32) -> Option<Split> {
        let mut best: Option<Found> = None;
        for logrows in (0..=most_logrows).rev() {
            // Fewer rows never need fewer proofs.
            let most_parts = best.as_ref().map_or(MOST_PARTS, |best| best.split.parts());
            match (&best, self.within(logrows, most_parts)) {
                (Some(_), None) => break,
                (Some(best), Some(found)) if found.gas > best.gas => {}
                (_, Some(found)) => best = Some(found),
                (None, None) => {}
            }
        }
        Some(best?.split)
    }

    /// The split into the fewest parts of 2^logrows rows, of at most so many.
    fn within(&self, logrows: u32, most_parts: usize) -> Option<Found> {
        let mut places = split::places(self.graph);
        let mut split = Split::default();
        let mut earlier: Vec<LoweredPart> = Vec::new();
        let mut gas = 0;
        while split.parts() <= most_parts {
            let fits = |end: usize| {
                let mut next = split.clone();
                next.cuts.extend(places.get(end).map(|&place| place.to_owned()));
                self.fitting(&next, split.cuts.len(), logrows, &earlier)
            };
            match furthest(places.len(), fits) {
                Ok((end, fitting)) => {
                    gas += fitting.gas;
                    let Some(&place) = places.get(end) else {
                        return Some(Found { split, gas });
                    };
                    split.cuts.push(place.to_owned());
                    earlier.push(fitting.part);
                    places.drain(..=end);
                }
                // The last layer can be tiled.
                Err(NoRoom::Rows | NoRoom::NoPart) if places.is_empty() => {
                    return self.tiled(&split, logrows, most_parts, &earlier, gas);
                }
                Err(_) => return None,
            }
        }
        None
    }

    /// The last layer, after the cuts of `split`, in the fewest tiles that have room.
    fn tiled(
        &self,
        split: &Split,
        logrows: u32,
        most_parts: usize,
        earlier: &[LoweredPart],
        gas: u64,
    ) -> Option<Found> {
        let first = split.cuts.len();
        let of = |tiles: usize| -> Result<Found, NoRoom> {
            let split = Split {
                tiles,
                ..split.clone()
            };
            let Fitting { part, gas: of_first } = self.fitting(&split, first, logrows, earlier)?;
            // Tiles differ by one output at most, and none has more than the last.
            let mut earlier = earlier.to_vec();
            earlier.push(part);
            let last = self.fitting(&split, first + tiles - 1, logrows, &earlier)?;
            let gas = gas + of_first + (tiles as u64 - 1) * last.gas;
            Ok(Found { split, gas })
        };
        for tiles in 2..=most_parts.saturating_sub(first) {
            match of(tiles) {
                Ok(found) => return Some(found),
                Err(NoRoom::Rows) => {}
                Err(NoRoom::Memory | NoRoom::NoPart) => return None,
            }
        }
        None
    }

    /// The part with this index, if it has room in so many rows and in the budget.
    fn fitting(
        &self,
        split: &Split,
        index: usize,
        logrows: u32,
        earlier: &[LoweredPart],
    ) -> Result<Fitting, NoRoom> {
        let mut parts = split::apply(split, self.graph).map_err(|_| NoRoom::NoPart)?;
        let is_read = index < split.cuts.len();
        let lowered = self
            .subject
            .lowered_part(&parts.swap_remove(index), is_read, earlier);
        let (plan, circuit) = lowered.map_err(|_| NoRoom::NoPart)?;
        if circuit.logrows() > logrows {
            return Err(NoRoom::Rows);
        }
        let circuit = circuit.in_rows(logrows, plan.inner_columns());
        let forecast = forecast::of_committed(&circuit, None, None).map_err(|_| NoRoom::NoPart)?;
        if forecast.peak_bytes().high > self.budget_bytes {
            return Err(NoRoom::Memory);
        }
        Ok(Fitting {
            part: (plan, circuit),
            gas: forecast.under(self.subject.request.fork).verification_gas.likely,
        })
    }
}

/// The greatest number up to `most` that fits, where a number fits if a greater one does; else what keeps 0 from fitting.
fn furthest<T, E>(most: usize, fits: impl Fn(usize) -> Result<T, E>) -> Result<(usize, T), E> {
    if let Ok(found) = fits(most) {
        return Ok((most, found));
    }
    let mut best = (0, fits(0)?);
    let mut to = most;
    while best.0 + 1 < to {
        let middle = best.0.midpoint(to);
        match fits(middle) {
            Ok(found) => best = (middle, found),
            Err(_) => to = middle,
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use evmbench_committed::DEFAULT_DIGIT_BITS;
    use evmbench_ezkl::Io;
    use evmbench_subject::subject::Material;
    use evmbench_suite::{self as suite, Experiment};

    use super::*;

    const MIB: u64 = 1 << 20;

    fn subject(id: &str) -> Subject {
        let model = suite::find(id).unwrap();
        let suite = model.category.to_string();
        let plan = CircuitPlan::committed(7, Io::default_for(&suite)).unwrap();
        let request = Request::new(id, suite, plan);
        Subject::from_suite(Experiment { model, scale: 7 }, request, Material::default()).unwrap()
    }

    fn peaks(subject: &Subject, split: Split) -> Vec<u64> {
        let parts = subject.in_parts(split).unwrap().parts().unwrap();
        let peak = |part: &Subject| {
            let circuit = &part.committed.as_ref().unwrap().circuit;
            let forecast = forecast::of_committed(circuit, None, None).unwrap();
            forecast.peak_bytes().high
        };
        parts.iter().map(peak).collect()
    }

    /// The parts are those that are proved, each within the budget, and one less would not do.
    #[test]
    fn a_model_is_cut_so_that_each_part_fits() {
        let cnn = subject("cnn_relu");
        let budget = 2048 * MIB;
        let split = split_within(&cnn, budget).unwrap();
        assert_eq!(split.parts(), 2, "{split:?}");
        let peaks = peaks(&cnn, split);
        assert!(peaks.iter().all(|&peak| peak <= budget), "{peaks:?}");
        assert_eq!(split_within(&cnn, MIB), None, "nothing is proved in a mebibyte");
    }

    /// A small network has small tables, and so have its parts.
    #[test]
    fn parts_have_the_limbs_of_the_whole_network() {
        let whole = subject("cnn_strided");
        let split = Split {
            cuts: vec!["conv2".to_owned()],
            ..Split::default()
        };
        let bits = whole.request.chosen.unwrap().digit_bits;
        assert!(bits < DEFAULT_DIGIT_BITS, "{bits}");
        let logrows = whole.committed.as_ref().unwrap().circuit.logrows();
        for part in whole.in_parts(split).unwrap().parts().unwrap() {
            assert_eq!(part.request.chosen.unwrap().digit_bits, bits);
            assert!(part.committed.as_ref().unwrap().circuit.logrows() <= logrows);
        }
    }

    #[test]
    fn a_single_layer_is_tiled() {
        let convolution = subject("conv2d_small");
        let budget = 600 * MIB;
        let split = split_within(&convolution, budget).unwrap();
        assert!(split.cuts.is_empty() && split.tiles == 2, "{split:?}");
        let peaks = peaks(&convolution, split);
        assert!(peaks.iter().all(|&peak| peak <= budget), "{peaks:?}");
        // A function has no outputs of its own to share.
        assert_eq!(split_within(&subject("relu"), 50 * MIB), None);
    }

    #[test]
    fn what_is_furthest_is_found() {
        let fits = |limit: usize| move |number: usize| if number <= limit { Ok(number) } else { Err(number) };
        for limit in 0..9 {
            assert_eq!(furthest(8, fits(limit)), Ok((limit, limit)));
            assert_eq!(furthest(limit, fits(8)), Ok((limit, limit)));
        }
        assert_eq!(furthest(8, Err::<(), _>), Err(0));
    }
}
