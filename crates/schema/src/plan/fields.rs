//! A plan as it is written, and what of it no circuit can have.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::committed::{CheckedRange, InputAssurance};

use super::{
    CircuitKind, CircuitPlan, CommittedPlan, Decomposition, DirectPlan, MOST_BASE, MOST_INNER_COLUMNS,
    MOST_LEGS, MOST_LOGROWS, PlanError, SCALES, STUDY_VISIBILITIES, StudyPlan, Visibility,
};

// Names of records are digests of this: fields, their order, and what is left out stay as they are.
/// Everything about a circuit that is asked of EZKL.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub(super) struct PlanFields {
    /// The study's way or ours.
    pub(super) kind: CircuitKind,
    /// Bits after the binary point, for inputs and parameters.
    pub(super) scale: u32,
    /// Who sees the model's input.
    pub(super) input_visibility: Visibility,
    /// Who sees the model's output.
    pub(super) output_visibility: Visibility,
    /// Who sees the weights.
    pub(super) param_visibility: Visibility,
    /// Who assures that a committed circuit's input is in range; none for other circuits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input_assurance: Option<InputAssurance>,
    /// Columns side by side, where a number was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) inner_columns: Option<usize>,
    /// The least k that a committed circuit is laid out in 2^k rows with, where a part of a model must have the others' rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) logrows: Option<u32>,
    /// Bits of the base of a committed circuit's digits, where a number was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digit_bits: Option<u32>,
    /// Which range a committed circuit checks its input to be in, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input_range: Option<CheckedRange>,
    /// How many values at most a committed circuit rounds because a layer of weights reads them, where a number was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) roundings: Option<usize>,
    /// How a direct circuit decomposes values, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) decomposition: Option<Decomposition>,
}

impl PlanFields {
    pub(super) fn new(kind: CircuitKind, scale: u32, [input, output, param]: [Visibility; 3]) -> Self {
        Self {
            kind,
            scale,
            input_visibility: input,
            output_visibility: output,
            param_visibility: param,
            input_assurance: None,
            inner_columns: None,
            logrows: None,
            digit_bits: None,
            input_range: None,
            roundings: None,
            decomposition: None,
        }
    }

    /// The first number that no circuit can have, if there is one.
    fn check_ranges(&self) -> Result<(), PlanError> {
        if !SCALES.contains(&self.scale) {
            return Err(PlanError::Scale { scale: self.scale });
        }
        if let Some(columns) = self.inner_columns
            && !(1..=MOST_INNER_COLUMNS).contains(&columns)
        {
            return Err(PlanError::Columns { columns });
        }
        if let Some(logrows) = self.logrows
            && !(1..=MOST_LOGROWS).contains(&logrows)
        {
            return Err(PlanError::Logrows { logrows });
        }
        if let Some(Decomposition { base, legs }) = self.decomposition
            && !((2..=MOST_BASE).contains(&base) && (1..=MOST_LEGS).contains(&legs))
        {
            return Err(PlanError::Decomposition { base, legs });
        }
        for (tensor, visibility) in [
            ("input", self.input_visibility),
            ("output", self.output_visibility),
        ] {
            if visibility == Visibility::Fixed {
                return Err(PlanError::Fixed { tensor });
            }
        }
        Ok(())
    }

    /// The first choice that only other circuits have, if there is one.
    fn check_choices(&self) -> Result<(), PlanError> {
        if self.kind == CircuitKind::Study && self.inner_columns.is_some() {
            return Err(PlanError::StudyColumns);
        }
        if let Some(Decomposition { base, legs }) = self.decomposition
            && self.kind != CircuitKind::Direct
        {
            return Err(PlanError::Decomposition { base, legs });
        }
        let of_committed = self.input_assurance.is_some()
            || self.logrows.is_some()
            || self.digit_bits.is_some()
            || self.input_range.is_some()
            || self.roundings.is_some();
        if of_committed && self.kind != CircuitKind::Committed {
            return Err(PlanError::NotCommitted);
        }
        // How the range is checked is said beside who checks it; of a part, how the first part's is.
        let is_checked = matches!(
            self.input_assurance,
            Some(InputAssurance::Ranged | InputAssurance::Linked)
        );
        if self.input_assurance == Some(InputAssurance::Table) || (self.input_range.is_some() && !is_checked)
        {
            return Err(PlanError::NoAssurance);
        }
        Ok(())
    }

    fn visibilities(&self) -> [Visibility; 3] {
        [
            self.input_visibility,
            self.output_visibility,
            self.param_visibility,
        ]
    }
}

impl TryFrom<PlanFields> for CircuitPlan {
    type Error = PlanError;

    /// The plan, if a circuit can be laid out so; otherwise the first thing that is wrong with it.
    fn try_from(fields: PlanFields) -> Result<Self, PlanError> {
        fields.check_ranges()?;
        fields.check_choices()?;
        let PlanFields {
            kind,
            scale,
            input_visibility,
            output_visibility,
            param_visibility,
            inner_columns,
            logrows,
            digit_bits,
            input_range,
            roundings,
            decomposition,
            ..
        } = fields;
        match kind {
            CircuitKind::Study if fields.visibilities() == STUDY_VISIBILITIES => {
                Ok(Self::Study(StudyPlan { scale }))
            }
            CircuitKind::Study => Err(PlanError::StudyVisibility),
            CircuitKind::Direct => Ok(Self::Direct(DirectPlan {
                scale,
                input: input_visibility,
                output: output_visibility,
                param: param_visibility,
                inner_columns,
                decomposition,
            })),
            CircuitKind::Committed => {
                let plan = Self::Committed(CommittedPlan {
                    scale,
                    assurance: fields.input_assurance.ok_or(PlanError::NoAssurance)?,
                    output_public: output_visibility == Visibility::Public,
                    inner_columns,
                    logrows,
                    digit_bits,
                    input_range,
                    roundings,
                });
                // What a committed circuit shows follows from two choices, which the visibilities must tell alike.
                if plan.visibilities() == fields.visibilities() {
                    Ok(plan)
                } else {
                    Err(PlanError::CommittedVisibility)
                }
            }
        }
    }
}

impl From<CircuitPlan> for PlanFields {
    fn from(plan: CircuitPlan) -> Self {
        let fields = Self::new(plan.kind(), plan.scale(), plan.visibilities());
        match plan {
            CircuitPlan::Study(_) => fields,
            CircuitPlan::Direct(plan) => Self {
                inner_columns: plan.inner_columns,
                decomposition: plan.decomposition,
                ..fields
            },
            CircuitPlan::Committed(plan) => Self {
                input_assurance: Some(plan.assurance),
                inner_columns: plan.inner_columns,
                logrows: plan.logrows,
                digit_bits: plan.digit_bits,
                input_range: plan.input_range,
                roundings: plan.roundings,
                ..fields
            },
        }
    }
}

/// The schema is that of what is written.
impl JsonSchema for CircuitPlan {
    fn schema_name() -> Cow<'static, str> {
        "CircuitPlan".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        PlanFields::json_schema(generator)
    }
}
