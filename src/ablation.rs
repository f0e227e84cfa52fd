//! One choice at a time: the same model with another visibility, another verifier, or other optimizer runs.
//!
//! Goes in: the request of a baseline. Comes out: [`choices`], each with the request that differs from the baseline in it
//! alone, or why there is none; and [`Figures`], what a record says that a choice may change.

use serde::Serialize;

use crate::ledger::Level;
use crate::prover::{Phase, PlanError, VerifierKind, Visibility};
use crate::record::{Record, Request};

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

/// What a choice may change, as far as the run came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// Gas of the verifying transaction.
    pub verification_gas: Option<u64>,
    /// Gas of deploying the verifier.
    pub deployment_gas: Option<u64>,
    /// Gas of registering the key artifact; only a reusable verifier has one.
    pub registration_gas: Option<u64>,
    /// Code on chain, in bytes.
    pub runtime_code_bytes: Option<u64>,
    /// Public values.
    pub instances: Option<u64>,
    /// The canonical call, in bytes.
    pub calldata_bytes: Option<u64>,
    /// The proof, in bytes.
    pub proof_bytes: Option<u64>,
    /// k, where the circuit has 2^k rows.
    pub logrows: Option<u32>,
    /// Mean time of a proof, in seconds.
    pub prove_seconds: Option<f64>,
    /// The prover's peak resident set, in bytes.
    pub prove_peak_rss_bytes: Option<u64>,
    /// What an accepted proof proves, by the record's ledger.
    pub level: Option<Level>,
}

impl Figures {
    /// A record's.
    pub fn of(record: &Record) -> Self {
        let gas = |call: &crate::chain::Verification| call.gas.map(|gas| gas.tx_gas);
        let proof = record.proof.as_ref();
        Self {
            verification_gas: record.verification.as_ref().and_then(gas),
            deployment_gas: record.deployment.as_ref().map(|deployment| deployment.gas.tx_gas),
            registration_gas: record
                .registration
                .as_ref()
                .and_then(|registration| gas(&registration.call)),
            runtime_code_bytes: record
                .verifier
                .as_ref()
                .map(|verifier| verifier.runtime_code_bytes),
            instances: proof.map(|proof| proof.instances),
            calldata_bytes: proof.map(|proof| proof.calldata_bytes),
            proof_bytes: proof.map(|proof| proof.proof_bytes),
            logrows: record.circuit.as_ref().map(|circuit| circuit.logrows),
            prove_seconds: record.mean_prove_seconds(),
            prove_peak_rss_bytes: record.peak_rss_bytes(Phase::Prove),
            level: proof.and(record.ledger.as_ref()).map(|ledger| ledger.level),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prover::CircuitPlan;

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
