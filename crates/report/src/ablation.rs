//! One choice at a time: the same model with another visibility, another verifier, or other optimizer runs.
//!
//! Goes in: the request of a baseline. Comes out: [`choices`], each with the request that differs from the baseline in it
//! alone, or why there is none; and [`figures`], what a record says that a choice may change.

use serde::Serialize;

use crate::metric::{Figures, Metric, Value};
use crate::record::{Record, Request};
use evmbench_schema::plan::{PlanError, VerifierKind, Visibility};

/// Optimizer runs that are tried: least code, solc's default, least gas.
pub const OPTIMIZER_RUNS: [u64; 3] = [1, 200, 1_000_000];

/// Every visibility, in the order of the rows.
const VISIBILITIES: [Visibility; 5] = [
    Visibility::Public,
    Visibility::Private,
    Visibility::Hashed,
    Visibility::Polycommit,
    Visibility::Fixed,
];

/// What a row changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "choice", content = "value", rename_all = "snake_case")]
pub enum Choice {
    /// Nothing.
    Baseline,
    /// Who sees the input.
    InputVisibility(Visibility),
    /// Who sees the output.
    OutputVisibility(Visibility),
    /// Who sees the weights.
    ParamVisibility(Visibility),
    /// Which verifier is deployed.
    Verifier(VerifierKind),
    /// How solc's optimizer weighs code against gas.
    OptimizerRuns(u64),
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Baseline => f.write_str("baseline"),
            Self::InputVisibility(visibility) => write!(f, "input {visibility}"),
            Self::OutputVisibility(visibility) => write!(f, "output {visibility}"),
            Self::ParamVisibility(visibility) => write!(f, "weights {visibility}"),
            Self::Verifier(kind) => write!(f, "{kind} verifier"),
            Self::OptimizerRuns(runs) => write!(f, "optimizer runs {runs}"),
        }
    }
}

impl Choice {
    /// The baseline's request with this choice.
    ///
    /// # Errors
    /// [`PlanError`] where no circuit can be laid out so.
    pub fn apply(self, baseline: &Request) -> Result<Request, PlanError> {
        let mut request = baseline.clone();
        let plan = request.plan;
        match self {
            Self::Baseline => {}
            Self::InputVisibility(visibility) => {
                request.plan = plan.with_visibilities(Some(visibility), None, None)?;
            }
            Self::OutputVisibility(visibility) => {
                request.plan = plan.with_visibilities(None, Some(visibility), None)?;
            }
            Self::ParamVisibility(visibility) => {
                request.plan = plan.with_visibilities(None, None, Some(visibility))?;
            }
            Self::Verifier(kind) => request.verifier = kind,
            Self::OptimizerRuns(runs) => request.optimizer_runs = runs,
        }
        Ok(request)
    }

    /// Whether the baseline's own proof is verified, by a verifier that was compiled otherwise.
    pub fn is_of_the_compiler(self) -> bool {
        matches!(self, Self::OptimizerRuns(_))
    }
}

/// The baseline, then every single choice that differs from it, possible or not.
pub fn choices(baseline: &Request) -> Vec<(Choice, Result<Request, PlanError>)> {
    let visibilities = |choice: fn(Visibility) -> Choice| VISIBILITIES.into_iter().map(choice);
    let all = std::iter::once(Choice::Baseline)
        .chain(visibilities(Choice::InputVisibility))
        .chain(visibilities(Choice::OutputVisibility))
        .chain(visibilities(Choice::ParamVisibility))
        .chain([VerifierKind::Plain, VerifierKind::Reusable].map(Choice::Verifier))
        .chain(OPTIMIZER_RUNS.map(Choice::OptimizerRuns));
    all.map(|choice| (choice, choice.apply(baseline)))
        .filter(|(choice, request)| *choice == Choice::Baseline || request.as_ref() != Ok(baseline))
        .collect()
}

/// What a choice may change.
pub const METRICS: [Metric; 11] = [
    Metric::VerificationGas,
    Metric::DeploymentGas,
    Metric::RegistrationGas,
    Metric::RuntimeCode,
    Metric::Instances,
    Metric::Calldata,
    Metric::ProofSize,
    Metric::Logrows,
    Metric::ProveSeconds,
    Metric::ProvePeak,
    Metric::Level,
];

/// What a record says of each of [`METRICS`], as far as the run came.
pub fn figures(record: &Record) -> Figures<Option<Value>> {
    Figures::of(&METRICS, |metric| metric.of(record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use evmbench_schema::plan::CircuitPlan;

    #[test]
    fn every_choice_but_the_baselines_own_is_a_row() {
        let baseline = Request::new("dense_small", "scaling", CircuitPlan::direct(7).unwrap());
        let rows: Vec<String> = choices(&baseline)
            .into_iter()
            .map(|(choice, request)| match request {
                Ok(_) => choice.to_string(),
                Err(error) => format!("{choice}: {error}"),
            })
            .collect();
        insta::assert_snapshot!(rows.join("\n"), @r"
        baseline
        input private
        input hashed
        input polycommit
        input fixed: input visibility cannot be fixed: a key that holds one input proves nothing about another
        output private
        output hashed
        output polycommit
        output fixed: output visibility cannot be fixed: a key that holds one output proves nothing about another
        weights public
        weights private
        weights hashed
        weights polycommit
        reusable verifier
        optimizer runs 1
        optimizer runs 1000000
        ");
    }

    #[test]
    fn each_row_is_a_run_of_its_own_and_differs_in_one_thing() {
        let baseline = Request::new("dense_small", "scaling", CircuitPlan::direct(7).unwrap());
        let mut names: Vec<String> = choices(&baseline)
            .into_iter()
            .filter_map(|(_, request)| Some(request.ok()?.name()))
            .collect();
        let rows = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!((rows, names.len()), (14, 14));
        // From a private input, a public one is a choice, and a private one none.
        let private = Choice::InputVisibility(Visibility::Private)
            .apply(&baseline)
            .unwrap();
        let choices: Vec<Choice> = choices(&private).into_iter().map(|(choice, _)| choice).collect();
        assert!(choices.contains(&Choice::InputVisibility(Visibility::Public)));
        assert!(!choices.contains(&Choice::InputVisibility(Visibility::Private)));
    }
}
