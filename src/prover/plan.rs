//! How EZKL is asked to lay out a circuit: scale, visibilities and the calls' arguments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Scales that evmbench accepts: bits after the binary point. EZKL's integers are 128 bits wide, and a product of an
/// input and a weight doubles the scale, so larger ones overflow in the first layers.
pub(super) const SCALES: std::ops::RangeInclusive<u32> = 0..=24;

/// Which way a circuit is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CircuitKind {
    /// The study's settings and calls, its mistakes included, to be comparable with it.
    Study,
    /// What an honest user would deploy: scales as asked for, weights fixed in the key.
    Direct,
}

impl std::fmt::Display for CircuitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Study => "study",
            Self::Direct => "direct",
        })
    }
}

/// Who sees a tensor, in EZKL's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Every element is a public instance.
    Public,
    /// Nobody but the prover; bound to nothing.
    Private,
    /// In the verifying key.
    Fixed,
    /// A Poseidon hash is a public instance.
    Hashed,
    /// A KZG commitment is the proof's first points.
    Polycommit,
}

impl std::fmt::Display for Visibility {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Fixed => "fixed",
            Self::Hashed => "hashed",
            Self::Polycommit => "polycommit",
        })
    }
}

/// Which Solidity verifier is generated for a circuit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerifierKind {
    /// One contract for one circuit, with the verifying key in its code.
    #[default]
    Plain,
    /// One contract for all circuits. A circuit's key artifact is registered with it once, and handed over with every proof.
    Reusable,
}

impl VerifierKind {
    /// The generated contract's name.
    pub fn contract(self) -> &'static str {
        match self {
            Self::Plain => "Halo2Verifier",
            Self::Reusable => "Halo2VerifierReusable",
        }
    }
}

impl std::fmt::Display for VerifierKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Reusable => "reusable",
        })
    }
}

/// A combination that cannot be laid out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The scale is outside [`SCALES`].
    #[error("scale {scale} is out of range")]
    Scale {
        /// What was asked for.
        scale: u32,
    },
    /// An input or output cannot be fixed in the key: it changes with each proof.
    #[error(
        "{tensor} visibility cannot be fixed: a key that holds one {tensor} proves nothing about another"
    )]
    Fixed {
        /// `input` or `output`.
        tensor: &'static str,
    },
    /// The study's circuit has its own visibilities.
    #[error(
        "the study's circuit has input and output public and parameters private; visibilities cannot be chosen with it"
    )]
    StudyVisibility,
}

impl PlanError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Scale { .. } => format!(
                "scales are bits after the binary point, {} to {}; the study's are 7 and 10",
                SCALES.start(),
                SCALES.end()
            ),
            Self::Fixed { .. } => "use public, private, hashed or polycommit".to_owned(),
            Self::StudyVisibility => "use --circuit direct".to_owned(),
        }
    }
}

/// Everything about a circuit that is asked of EZKL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct CircuitPlan {
    /// The study's way or ours.
    pub kind: CircuitKind,
    /// Bits after the binary point, for inputs and parameters.
    pub scale: u32,
    /// Who sees the model's input.
    pub input_visibility: Visibility,
    /// Who sees the model's output.
    pub output_visibility: Visibility,
    /// Who sees the weights.
    pub param_visibility: Visibility,
}

impl CircuitPlan {
    /// The study's circuit: input and output public, parameters private (bound to nothing).
    ///
    /// # Errors
    /// [`PlanError::Scale`].
    pub fn study(scale: u32) -> Result<Self, PlanError> {
        Self {
            kind: CircuitKind::Study,
            scale,
            input_visibility: Visibility::Public,
            output_visibility: Visibility::Public,
            param_visibility: Visibility::Private,
        }
        .checked()
    }

    /// The default circuit: input and output public, weights fixed in the verifying key.
    ///
    /// # Errors
    /// [`PlanError::Scale`].
    pub fn direct(scale: u32) -> Result<Self, PlanError> {
        Self {
            kind: CircuitKind::Direct,
            scale,
            input_visibility: Visibility::Public,
            output_visibility: Visibility::Public,
            param_visibility: Visibility::Fixed,
        }
        .checked()
    }

    /// The same plan with other visibilities, `None` keeping what there is.
    ///
    /// # Errors
    /// [`PlanError::StudyVisibility`] where the study's would be changed; [`PlanError::Fixed`].
    pub fn with_visibilities(
        mut self,
        input: Option<Visibility>,
        output: Option<Visibility>,
        param: Option<Visibility>,
    ) -> Result<Self, PlanError> {
        let before = self;
        self.input_visibility = input.unwrap_or(self.input_visibility);
        self.output_visibility = output.unwrap_or(self.output_visibility);
        self.param_visibility = param.unwrap_or(self.param_visibility);
        if self.kind == CircuitKind::Study && self != before {
            return Err(PlanError::StudyVisibility);
        }
        self.checked()
    }

    fn checked(self) -> Result<Self, PlanError> {
        if !SCALES.contains(&self.scale) {
            return Err(PlanError::Scale { scale: self.scale });
        }
        for (tensor, visibility) in [
            ("input", self.input_visibility),
            ("output", self.output_visibility),
        ] {
            if visibility == Visibility::Fixed {
                return Err(PlanError::Fixed { tensor });
            }
        }
        Ok(self)
    }

    /// `gen_settings`'s run arguments, by EZKL's names. What is not named keeps EZKL's default.
    pub(crate) fn run_args(self) -> Value {
        json!({
            "input_scale": self.scale,
            "param_scale": self.scale,
            "input_visibility": self.input_visibility,
            "output_visibility": self.output_visibility,
            "param_visibility": self.param_visibility,
            "num_inner_cols": 2,
            "decomp_base": 16384,
            "decomp_legs": 2,
            // EZKL 23.0.5's Freivalds path returns values that are not tied to the cells that it checked.
            // The study had it on; a circuit that would use it is refused when the settings are read.
            "disable_freivalds": self.kind == CircuitKind::Direct,
        })
    }

    /// `calibrate_settings`'s arguments beside the files. Without `scales` EZKL searches 11 to 13 and overwrites
    /// what was asked for, which is what the study did.
    pub(crate) fn calibrate_args(self) -> Value {
        match self.kind {
            CircuitKind::Study => json!({}),
            CircuitKind::Direct => json!({"target": "resources", "scales": [self.scale]}),
        }
    }

    /// Whether a tensor's visibility needs KZG commitments, so that a witness needs key and reference string.
    pub(crate) fn commits(self) -> bool {
        [
            self.input_visibility,
            self.output_visibility,
            self.param_visibility,
        ]
        .contains(&Visibility::Polycommit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_direct_circuits_pin_their_scales() {
        assert_eq!(
            CircuitPlan::direct(7).unwrap().calibrate_args()["scales"],
            json!([7])
        );
        assert_eq!(CircuitPlan::study(7).unwrap().calibrate_args(), json!({}));
    }

    #[test]
    fn direct_circuits_fix_weights_and_switch_freivalds_off() {
        let run_args = CircuitPlan::direct(10).unwrap().run_args();
        assert_eq!(run_args["param_visibility"], "fixed");
        assert_eq!(run_args["disable_freivalds"], true);
        assert_eq!(run_args["input_scale"], 10);
    }

    #[test]
    fn impossible_plans_are_refused() {
        assert_eq!(CircuitPlan::direct(25), Err(PlanError::Scale { scale: 25 }));
        let direct = CircuitPlan::direct(7).unwrap();
        assert_eq!(
            direct.with_visibilities(Some(Visibility::Fixed), None, None),
            Err(PlanError::Fixed { tensor: "input" })
        );
        assert_eq!(
            direct.with_visibilities(None, Some(Visibility::Fixed), None),
            Err(PlanError::Fixed { tensor: "output" })
        );
        let study = CircuitPlan::study(7).unwrap();
        assert_eq!(
            study.with_visibilities(None, None, Some(Visibility::Fixed)),
            Err(PlanError::StudyVisibility)
        );
        assert_eq!(
            study.with_visibilities(Some(Visibility::Public), None, None),
            Ok(study)
        );
    }
}
