//! What samples come to: mean, standard deviation, interval, outliers; and a power law through points.
//!
//! Samples of one record were taken on one machine, one after the other, each in a process of its own. Nothing here
//! compares samples of two machines.

/// Fewest samples for which an interval is given: with fewer, Student's factor alone is above 2.7.
pub const INTERVAL_SAMPLES: usize = 5;

/// How the interval is computed, for people.
pub const INTERVAL_METHOD: &str = "95% interval of the mean by Student's t, two-sided, from 5 samples on; it takes samples as independent and normal";

/// How outliers are told, for people.
pub const OUTLIER_METHOD: &str = "outliers: more than 1.5 interquartile ranges outside the quartiles (Tukey), from 5 samples on; they are marked and counted, never dropped";

/// Factors of Student's t for a two-sided 95% interval, for 1 to 30 degrees of freedom; tables of the distribution.
const STUDENT_95: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// What one quantity's samples come to, in their unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// How many there are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, over n − 1; none for one sample.
    pub deviation: Option<f64>,
    /// Half the width of the 95% interval of the mean; none below [`INTERVAL_SAMPLES`].
    pub half_interval: Option<f64>,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
    /// Which samples are outliers, by their index; none are told below [`INTERVAL_SAMPLES`].
    pub outliers: Vec<usize>,
}

impl Summary {
    /// None for no samples.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let count = samples.len();
        if count == 0 {
            return None;
        }
        let mean = samples.iter().sum::<f64>() / count as f64;
        let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
        let deviation = (count > 1).then(|| (squares / (count as f64 - 1.0)).sqrt());
        let half_interval = deviation
            .filter(|_| count >= INTERVAL_SAMPLES)
            .map(|deviation| student_95(count - 1) * deviation / (count as f64).sqrt());
        let sorted = sorted(samples);
        Some(Self {
            count,
            mean,
            deviation,
            half_interval,
            least: sorted[0],
            greatest: sorted[count - 1],
            outliers: outliers(samples, &sorted),
        })
    }
}

/// The middle of some samples, of an even number that of the two middle ones; none of no samples.
pub fn median(samples: &[f64]) -> Option<f64> {
    (!samples.is_empty()).then(|| quantile(&sorted(samples), 0.5))
}

fn student_95(degrees: usize) -> f64 {
    // Beyond the table it is at most 2% too wide.
    STUDENT_95[degrees.clamp(1, STUDENT_95.len()) - 1]
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn outliers(samples: &[f64], sorted: &[f64]) -> Vec<usize> {
    if sorted.len() < INTERVAL_SAMPLES {
        return Vec::new();
    }
    let (low, high) = (quantile(sorted, 0.25), quantile(sorted, 0.75));
    let fence = 1.5 * (high - low);
    let outside = |sample: f64| sample < low - fence || sample > high + fence;
    (0..samples.len())
        .filter(|&index| outside(samples[index]))
        .collect()
}

/// Between the two nearest ranks, in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = share * (sorted.len() as f64 - 1.0);
    let below = rank.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (rank - below as f64) * (sorted[above] - sorted[below])
}

/// `y = factor · x^exponent`, by least squares of the logarithms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerLaw {
    /// The value at x = 1.
    pub factor: f64,
    /// The slope on log axes.
    pub exponent: f64,
    /// The share of the logarithms' variance that the law explains.
    pub explained: f64,
    /// How many points it is drawn through.
    pub points: usize,
}

impl PowerLaw {
    /// The law through points above 0; none below three of them, or where all have one x.
    pub fn fit(points: &[(f64, f64)]) -> Option<Self> {
        let logs: Vec<(f64, f64)> = points
            .iter()
            .filter(|(x, y)| *x > 0.0 && *y > 0.0)
            .map(|(x, y)| (x.ln(), y.ln()))
            .collect();
        let count = logs.len() as f64;
        if logs.len() < 3 {
            return None;
        }
        let mean_x = logs.iter().map(|(x, _)| x).sum::<f64>() / count;
        let mean_y = logs.iter().map(|(_, y)| y).sum::<f64>() / count;
        let xx: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
        let xy: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
        let yy: f64 = logs.iter().map(|(_, y)| (y - mean_y).powi(2)).sum();
        if xx <= f64::EPSILON {
            return None;
        }
        let exponent = xy / xx;
        Some(Self {
            factor: (mean_y - exponent * mean_x).exp(),
            exponent,
            explained: if yy > 0.0 { exponent * xy / yy } else { 1.0 },
            points: logs.len(),
        })
    }

    /// The law's value.
    pub fn at(&self, x: f64) -> f64 {
        self.factor * x.powf(self.exponent)
    }
}

/// The points that no other is at most as far in both: least first, in the order of x.
pub fn pareto_front(points: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&one, &other| {
        let (a, b) = (points[one], points[other]);
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let mut front: Vec<usize> = Vec::new();
    for index in order {
        if front.last().is_none_or(|&last| points[index].1 < points[last].1) {
            front.push(index);
        }
    }
    front
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9 * one.abs().max(1.0)
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    /// By hand: mean 3, squares 4 + 1 + 0 + 1 + 4 = 10, over 4 is 2.5; t(4) = 2.776.
    #[test]
    fn five_samples_have_an_interval_and_four_none() {
        let summary = Summary::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!(close(summary.mean, 3.0) && close(summary.deviation.unwrap(), 2.5_f64.sqrt()));
        assert!(close(
            summary.half_interval.unwrap(),
            2.776 * (2.5_f64 / 5.0).sqrt()
        ));
        let four = Summary::of(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!(four.deviation.is_some() && four.half_interval.is_none());
        let one = Summary::of(&[1.0]).unwrap();
        assert_eq!((one.count, one.deviation), (1, None));
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn an_outlier_is_marked_and_counted() {
        let summary = Summary::of(&[10.0, 10.1, 14.0, 9.9, 10.0]).unwrap();
        assert_eq!((summary.count, summary.outliers), (5, vec![2]));
        // Three samples tell of no outlier.
        assert!(Summary::of(&[1.0, 1.0, 100.0]).unwrap().outliers.is_empty());
    }

    #[test]
    fn a_power_law_is_found_again() {
        let points: Vec<(f64, f64)> = [1e3, 1e4, 1e6].map(|x: f64| (x, 0.002 * x.powf(0.9))).to_vec();
        let law = PowerLaw::fit(&points).unwrap();
        assert!(close(law.exponent, 0.9) && close(law.factor, 0.002) && close(law.explained, 1.0));
        assert!(close(law.at(1e5), 0.002 * 1e5_f64.powf(0.9)));
        assert_eq!(PowerLaw::fit(&points[..2]), None);
        assert_eq!(PowerLaw::fit(&[(5.0, 1.0), (5.0, 2.0), (5.0, 3.0)]), None);
        assert_eq!(PowerLaw::fit(&[(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]), None);
    }

    proptest! {
        /// A point is on the front exactly where none is better in one and at least as good in the other.
        #[test]
        fn the_front_is_what_nothing_beats(points in prop::collection::vec((0_u8..20, 0_u8..20), 1..30)) {
            let points: Vec<(f64, f64)> = points.into_iter().map(|(x, y)| (x.into(), y.into())).collect();
            let front = pareto_front(&points);
            for &(x, y) in &points {
                let beaten = points.iter().any(|&(a, b)| a <= x && b <= y && (a, b) != (x, y));
                let on_front = front.iter().any(|&index| points[index] == (x, y));
                prop_assert_eq!(on_front, !beaten);
            }
        }
    }
}
