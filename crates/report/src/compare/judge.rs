//! What of a comparison fails a build.

use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::Comparison;
use crate::chain::Rule;
use crate::ledger::Level;
use crate::metric::Metric;
use crate::record::Outcome;

/// By how much a figure may grow, relative to OLD.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tolerance {
    /// In millionths: 5,000 for 0.5%.
    millionths: u64,
}

/// Millionths in one percent.
const MILLIONTHS_A_PERCENT: u64 = 10_000;

/// Text that is no percentage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a percentage with at most four decimals, as in 0.5%")]
pub struct NoPercentage;

impl FromStr for Tolerance {
    type Err = NoPercentage;

    /// Reads `0.5%`; the sign may be left out for 0 alone, which is the same with or without it.
    fn from_str(text: &str) -> Result<Self, NoPercentage> {
        let number = match text.strip_suffix('%') {
            Some(number) => number.trim_end(),
            None if text == "0" => text,
            None => return Err(NoPercentage),
        };
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 4 {
            return Err(NoPercentage);
        }
        let parsed = |text: &str| text.parse::<u64>().map_err(|_| NoPercentage);
        let millionths = parsed(whole)?
            .checked_mul(MILLIONTHS_A_PERCENT)
            .and_then(|whole| whole.checked_add(parsed(&format!("{decimals:0<4}")).ok()?))
            .ok_or(NoPercentage)?;
        Ok(Self { millionths })
    }
}

impl std::fmt::Display for Tolerance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (
            self.millionths / MILLIONTHS_A_PERCENT,
            self.millionths % MILLIONTHS_A_PERCENT,
        );
        let number = format!("{whole}.{rest:04}");
        write!(f, "{}%", number.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Tolerance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Tolerance {
    /// Whether a figure that was `old` may not grow by `growth`.
    fn is_exceeded(self, old: i128, growth: i128) -> bool {
        growth > 0 && growth.unsigned_abs() * 1_000_000 > old.unsigned_abs() * u128::from(self.millionths)
    }
}

/// What is let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// By how much each figure may grow.
    pub tolerance: Tolerance,
    /// Whether NEW may lack records of OLD, as where it is the run of a part.
    pub allow_missing: bool,
}

/// A reason to fail.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "failure", rename_all = "snake_case")]
pub enum Failure {
    /// A file could not be used, so that the comparison is not of everything.
    Unread {
        /// The set.
        set: String,
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// NEW lacks a record that was verified in OLD.
    Lost {
        /// The experiment.
        experiment: String,
    },
    /// What was verified in OLD is not in NEW; or NEW is unsound or of another function, and OLD was not.
    Outcome {
        /// The experiment.
        experiment: String,
        /// How it ended in OLD; absent where OLD lacks it.
        old: Option<Outcome>,
        /// How it ended in NEW.
        new: Outcome,
    },
    /// Deployment or verification breaks a rule of the chain that it did not break in OLD.
    Rule {
        /// The experiment.
        experiment: String,
        /// The rule.
        rule: Rule,
    },
    /// An accepted proof can be relied on less than in OLD.
    Level {
        /// The experiment.
        experiment: String,
        /// How far in OLD.
        old: Level,
        /// How far in NEW.
        new: Level,
    },
    /// A figure grew by more than chance explains and more than is let through.
    Growth {
        /// The experiment.
        experiment: String,
        /// The figure.
        metric: Metric,
        /// In OLD.
        old: i128,
        /// In NEW.
        new: i128,
    },
}

/// What of a comparison fails under a policy. Times, memory and the parts of gas never do.
pub fn judge(comparison: &Comparison, policy: Policy) -> Vec<Failure> {
    let mut failures = Vec::new();
    for side in [&comparison.old, &comparison.new] {
        failures.extend(side.problems.iter().map(|problem| Failure::Unread {
            set: side.name.clone(),
            path: problem.path.clone(),
            reason: problem.reason.clone(),
        }));
    }
    let verified = comparison
        .lost
        .iter()
        .filter(|lone| lone.outcome == Outcome::Verified);
    failures.extend(
        verified
            .filter(|_| !policy.allow_missing)
            .map(|lone| Failure::Lost {
                experiment: lone.experiment.clone(),
            }),
    );
    failures.extend(
        comparison
            .added
            .iter()
            .filter(|lone| is_false(&lone.outcome))
            .map(|lone| Failure::Outcome {
                experiment: lone.experiment.clone(),
                old: None,
                new: lone.outcome.clone(),
            }),
    );
    for change in &comparison.outcomes {
        let no_longer = change.old == Outcome::Verified && change.new != Outcome::Verified;
        if no_longer || (is_false(&change.new) && !is_false(&change.old)) {
            failures.push(Failure::Outcome {
                experiment: change.experiment.clone(),
                old: Some(change.old.clone()),
                new: change.new.clone(),
            });
        }
        failures.extend(change.newly_broken.iter().map(|&rule| Failure::Rule {
            experiment: change.experiment.clone(),
            rule,
        }));
        if let Some([old, new]) = change.levels
            && new > old
        {
            failures.push(Failure::Level {
                experiment: change.experiment.clone(),
                old,
                new,
            });
        }
    }
    for experiment in &comparison.experiments {
        for &(metric, ref change) in experiment.figures.pairs() {
            if let (Some(old), Some(new), Some(difference)) = (change.old, change.new, change.difference())
                && !change.is_chance()
                && policy.tolerance.is_exceeded(old, metric.worsening(difference))
            {
                failures.push(Failure::Growth {
                    experiment: experiment.experiment.clone(),
                    metric,
                    old,
                    new,
                });
            }
        }
    }
    failures
}

fn is_false(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unsound { .. } | Outcome::WrongFunction { .. })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentages_are_read_exactly() {
        let millionths = |text: &str| text.parse::<Tolerance>().map(|tolerance| tolerance.millionths);
        assert_eq!(millionths("0.5%"), Ok(5_000));
        assert_eq!(millionths("0"), Ok(0));
        assert_eq!(millionths("0%"), Ok(0));
        assert_eq!(millionths("12 %"), Ok(120_000));
        assert_eq!(millionths("0.0001%"), Ok(1));
        assert_eq!(millionths("150.25%"), Ok(1_502_500));
        for text in [
            "",
            "%",
            "0.5",
            "1",
            "-1%",
            "+1%",
            "0.00001%",
            ".5%",
            "1.%",
            "1e3%",
            "nan%",
            "0,5%",
            "½%",
            "99999999999999999999%",
            "18446744073709551615%",
        ] {
            assert_eq!(millionths(text), Err(NoPercentage), "{text}");
        }
    }

    #[test]
    fn the_limit_itself_is_let_through() {
        let tolerance: Tolerance = "0.5%".parse().unwrap();
        assert!(!tolerance.is_exceeded(200, 1));
        assert!(tolerance.is_exceeded(199, 1));
        assert!(!tolerance.is_exceeded(200, -100));
        // From nothing, any growth is above any share; the largest numbers there are do not wrap.
        assert!(tolerance.is_exceeded(0, 1));
        assert!(tolerance.is_exceeded(1, i128::from(u64::MAX)));
        let widest = Tolerance { millionths: u64::MAX };
        assert!(!widest.is_exceeded(i128::from(u64::MAX), i128::from(u64::MAX)));
    }

    proptest! {
        #[test]
        fn percentages_are_written_as_they_are_read(millionths: u64) {
            let tolerance = Tolerance { millionths };
            prop_assert_eq!(tolerance.to_string().parse(), Ok(tolerance));
        }

        /// Against arithmetic of its own kind: a growth of `parts` in 1000 exceeds every limit below it and no other.
        #[test]
        fn a_growth_exceeds_what_is_below_it(old in 1_i128..1 << 40, parts in 0_u64..5000, limit in 0_u64..5000) {
            let tolerance = Tolerance { millionths: limit * 1000 };
            prop_assert_eq!(tolerance.is_exceeded(old * 1000, old * i128::from(parts)), parts > limit);
        }
    }
}
