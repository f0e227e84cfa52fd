//! Sums of terms, fitted to measurements: coefficients that are not negative and make the relative misses small.
//!
//! Goes in: for each sample its terms and what was measured. Comes out: [`Fitted`]: a coefficient for each term, on which
//! samples they rest, and how far off the fit was for samples that it was not shown.

use serde::{Deserialize, Serialize};

/// Rounds of coordinate descent. A fit has some ten terms, which differ by orders of magnitude only before they are scaled;
/// where it ends is the same to the last digit after a tenth of this.
const ROUNDS: usize = 20_000;

/// One term of a sum: what it counts, and how much.
pub(super) type Term = (&'static str, f64);

/// One sample as a fit sees it.
#[derive(Debug, Clone)]
pub(super) struct Point {
    /// Its name.
    pub(super) name: String,
    /// In the order of every other point's.
    pub(super) terms: Vec<Term>,
    /// More than 0.
    pub(super) measured: f64,
}

/// A sum of terms, fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Fitted {
    /// Each term's coefficient, in the order of the terms.
    pub(super) coefficients: Vec<Coefficient>,
    /// The largest relative miss for a sample when all the others are fitted without it.
    pub(super) largest_miss: f64,
    /// The samples that it rests on.
    pub(super) samples: Vec<String>,
}

/// A term and what one of it adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Coefficient {
    /// What is counted.
    pub(super) term: String,
    /// What each adds.
    pub(super) value: f64,
}

impl Fitted {
    /// Fits the points; none where there are not more of them than terms.
    pub(super) fn to(points: &[Point]) -> Option<Self> {
        let first = points.first()?;
        // One is left out in turn, so that there must be one more.
        if points.len() < first.terms.len() + 2 {
            return None;
        }
        let coefficients: Vec<f64> = solve(points).into_iter().map(rounded).collect();
        let left_out = (0..points.len()).map(|index| {
            let mut others = points.to_vec();
            let point = others.remove(index);
            let sum = evaluate(&solve(&others), &point.terms);
            (sum / point.measured - 1.0).abs()
        });
        let largest_miss = left_out.fold(0.0, f64::max);
        let coefficients = first
            .terms
            .iter()
            .zip(coefficients)
            .map(|(&(term, _), value)| Coefficient {
                term: term.to_owned(),
                value,
            })
            .collect();
        Some(Self {
            coefficients,
            largest_miss: rounded(largest_miss),
            samples: points.iter().map(|point| point.name.clone()).collect(),
        })
    }

    /// The sum for other terms; none where they are not those that were fitted.
    pub(super) fn sum(&self, terms: &[Term]) -> Option<f64> {
        let same = self.coefficients.len() == terms.len()
            && self
                .coefficients
                .iter()
                .zip(terms)
                .all(|(coefficient, (term, _))| coefficient.term == *term);
        let values: Vec<f64> = self
            .coefficients
            .iter()
            .map(|coefficient| coefficient.value)
            .collect();
        same.then(|| evaluate(&values, terms))
    }
}

/// Nine significant digits: more say nothing, and the last of them would differ between builds.
fn rounded(value: f64) -> f64 {
    format!("{value:.8e}").parse().unwrap_or(value)
}

fn evaluate(coefficients: &[f64], terms: &[Term]) -> f64 {
    coefficients
        .iter()
        .zip(terms)
        .map(|(value, (_, count))| value * count)
        .sum()
}

/// The coefficients, none below 0, with the least sum of squared relative misses: coordinate descent on the normal equations.
fn solve(points: &[Point]) -> Vec<f64> {
    let terms = points.first().map_or(0, |point| point.terms.len());
    let row = |point: &Point| -> Vec<f64> {
        point
            .terms
            .iter()
            .map(|(_, count)| count / point.measured)
            .collect()
    };
    let rows: Vec<Vec<f64>> = points.iter().map(row).collect();
    // Each term is scaled to length 1; one that no sample has stays at 0.
    let lengths: Vec<f64> = (0..terms)
        .map(|term| rows.iter().map(|row| row[term] * row[term]).sum::<f64>().sqrt())
        .collect();
    let scaled = |row: &[f64], term: usize| {
        if lengths[term] > 0.0 {
            row[term] / lengths[term]
        } else {
            0.0
        }
    };
    let product =
        |a: usize, b: usize| -> f64 { rows.iter().map(|row| scaled(row, a) * scaled(row, b)).sum() };
    let gram: Vec<Vec<f64>> = (0..terms)
        .map(|a| (0..terms).map(|b| product(a, b)).collect())
        .collect();
    // Relative to what was measured, every target is 1.
    let target: Vec<f64> = (0..terms)
        .map(|term| rows.iter().map(|row| scaled(row, term)).sum())
        .collect();
    let mut solution = vec![0.0_f64; terms];
    for _ in 0..ROUNDS {
        for term in 0..terms {
            if gram[term][term] > 0.0 {
                let reached: f64 = gram[term].iter().zip(&solution).map(|(a, b)| a * b).sum();
                let step = (target[term] - reached) / gram[term][term];
                solution[term] = (solution[term] + step).max(0.0);
            }
        }
    }
    solution
        .iter()
        .zip(&lengths)
        .map(|(value, length)| if *length > 0.0 { value / length } else { 0.0 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(law: impl Fn(f64, f64) -> f64) -> Vec<Point> {
        let cases = [
            (1.0, 5.0),
            (2.0, 3.0),
            (4.0, 40.0),
            (8.0, 1.0),
            (16.0, 9.0),
            (32.0, 2.0),
        ];
        cases
            .into_iter()
            .map(|(rows, columns)| Point {
                name: format!("{rows}"),
                terms: vec![("one", 1.0), ("rows", rows), ("columns", columns)],
                measured: law(rows, columns),
            })
            .collect()
    }

    #[test]
    fn a_law_is_found() {
        let fitted = Fitted::to(&points(|rows, columns| 3.0 + 2e6 * rows + 0.5 * columns)).unwrap();
        let sum = fitted
            .sum(&[("one", 1.0), ("rows", 100.0), ("columns", 7.0)])
            .unwrap();
        assert!((sum / 200_000_006.5 - 1.0).abs() < 1e-6, "{sum}");
        assert!(fitted.largest_miss < 1e-6, "{}", fitted.largest_miss);
    }

    #[test]
    fn no_coefficient_is_negative() {
        let fitted = Fitted::to(&points(|rows, columns| 100.0 + rows - 0.1 * columns)).unwrap();
        assert!(
            fitted
                .coefficients
                .iter()
                .all(|coefficient| coefficient.value >= 0.0)
        );
        assert!(fitted.largest_miss > 1e-4);
    }

    #[test]
    fn other_terms_have_no_sum() {
        let fitted = Fitted::to(&points(|rows, _| rows)).unwrap();
        assert_eq!(fitted.sum(&[("one", 1.0), ("rows", 1.0)]), None);
        assert_eq!(fitted.sum(&[("one", 1.0), ("columns", 1.0), ("rows", 1.0)]), None);
    }

    #[test]
    fn too_few_points_give_no_fit() {
        let points = points(|rows, _| rows);
        assert!(Fitted::to(&points[..4]).is_none());
        assert!(Fitted::to(&points[..5]).is_some());
        assert!(Fitted::to(&[]).is_none());
    }
}
