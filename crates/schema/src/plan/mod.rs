//! How EZKL is asked to lay out a circuit: scale, visibilities and the calls' arguments.

mod fields;

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use evmbench_host::hint::Hint;

use crate::committed::{CheckedRange, DEFAULT_DIGIT_BITS, InputAssurance};

use fields::PlanFields;

/// Scales that evmbench accepts: bits after the binary point. EZKL's integers are 128 bits wide, and a product of an
/// input and a weight doubles the scale, so larger ones overflow in the first layers.
const SCALES: std::ops::RangeInclusive<u32> = 0..=24;

/// Most columns side by side that can be asked for: each takes the memory of 2^k rows, and makes every verification dearer.
const MOST_INNER_COLUMNS: usize = 1024;

/// Greatest k of a circuit of 2^k rows.
const MOST_LOGROWS: u32 = 28;

/// Greatest base of a digit: it has a table of as many rows.
const MOST_BASE: u64 = 1 << MOST_LOGROWS;

/// Most digits of a value: EZKL's integers have 128 bits.
const MOST_LEGS: u32 = 128;

/// What one phase may take where no limit is asked for.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_hours(2);

/// Which way a circuit is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CircuitKind {
    /// The study's settings and calls, its mistakes included, to be comparable with it.
    Study,
    /// Every layer computed in the circuit, as an honest user would deploy it: scales as asked for, weights fixed in the key.
    Direct,
    /// Large layers claimed and checked under a challenge ([`evmbench_committed`]), weights fixed in the key.
    Committed,
}

impl std::fmt::Display for CircuitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Study => "study",
            Self::Direct => "direct",
            Self::Committed => "committed",
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

/// What a committed circuit shows of input and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Io {
    /// Commitments to both.
    Committed,
    /// A commitment to the input, and the output itself.
    Result,
    /// Both themselves, the input beside its commitment.
    Public,
}

impl Io {
    /// What is shown where nothing is asked for: the scores of a classifier, and nothing of a layer's thousands of elements.
    pub fn default_for(suite: &str) -> Self {
        match suite {
            "core" | "scaling" => Self::Committed,
            _ => Self::Result,
        }
    }

    /// What is shown of a user's own model where nothing is asked for: as many scores as a classifier has, and no more, since
    /// each costs about 1,060 gas.
    pub fn default_for_outputs(elements: usize) -> Self {
        if elements > MOST_SHOWN_ELEMENTS {
            Self::Committed
        } else {
            Self::Result
        }
    }
}

/// The most elements of the output of a user's own model that are public where nothing is asked for.
pub const MOST_SHOWN_ELEMENTS: usize = 64;

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
    /// A committed circuit has its own way to say who sees what.
    #[error(
        "a committed circuit shows input and output or commitments to them; visibilities cannot be chosen with it"
    )]
    CommittedVisibility,
    /// Only a committed circuit has these choices.
    #[error(
        "what is shown, who assures the input's range, digits, roundings and parts belong to committed circuits"
    )]
    NotCommitted,
    /// The study's circuit has its own columns.
    #[error("the study's circuit has 2 columns side by side; another number cannot be chosen with it")]
    StudyColumns,
    /// A circuit has columns, and not any number of them.
    #[error("a circuit has 1 to {MOST_INNER_COLUMNS} columns side by side, not {columns}")]
    Columns {
        /// What was asked for.
        columns: usize,
    },
    /// No longer reference string is published.
    #[error("a circuit has 2^k rows for a k of 1 to {MOST_LOGROWS}, not {logrows}")]
    Logrows {
        /// What was asked for.
        logrows: u32,
    },
    /// Values cannot be decomposed so.
    #[error(
        "{legs} digits of base {base} belong to a direct circuit, and are 1 to {MOST_LEGS} of base 2 to {MOST_BASE}"
    )]
    Decomposition {
        /// The base that was asked for.
        base: u64,
        /// The digits.
        legs: u32,
    },
    /// A committed circuit says who assures its input's range.
    #[error("a committed circuit must say who assures that its input is in range")]
    NoAssurance,
}

impl Hint for PlanError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Scale { .. } => format!(
                "scales are bits after the binary point, {} to {}; the study's are 7 and 10",
                SCALES.start(),
                SCALES.end()
            ),
            Self::Fixed { .. } => "use public, private, hashed or polycommit".to_owned(),
            Self::StudyVisibility | Self::StudyColumns => "use --circuit direct".to_owned(),
            Self::Decomposition { .. } => "use 2 digits of base 16384, EZKL's default".to_owned(),
            Self::Columns { .. } => "use 2, or 1 for the least gas".to_owned(),
            Self::Logrows { .. } => "make the profile again: `evmbench tune`".to_owned(),
            Self::NoAssurance => "use public, ranged or registered".to_owned(),
            Self::CommittedVisibility => {
                "use --io committed, result or public; or --circuit direct".to_owned()
            }
            Self::NotCommitted => "use --circuit committed".to_owned(),
        };
        Some(hint.into())
    }
}

/// The digits that EZKL checks a value's range by: it has a proof for magnitudes below base^legs, and for no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decomposition {
    /// The base.
    pub base: u64,
    /// Digits.
    pub legs: u32,
}

/// EZKL's own decomposition.
pub const DEFAULT_DECOMPOSITION: Decomposition = Decomposition { base: 16384, legs: 2 };

/// Everything about a circuit that is asked of EZKL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "PlanFields", into = "PlanFields")]
pub enum CircuitPlan {
    /// The study's settings and calls.
    Study(StudyPlan),
    /// Every layer computed in the circuit.
    Direct(DirectPlan),
    /// Large layers claimed, and checked under a challenge.
    Committed(CommittedPlan),
}

/// The study's circuit: input and output public, parameters private (bound to nothing).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StudyPlan {
    scale: u32,
}

/// What a direct circuit can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DirectPlan {
    scale: u32,
    input: Visibility,
    output: Visibility,
    param: Visibility,
    inner_columns: Option<usize>,
    decomposition: Option<Decomposition>,
}

/// What a committed circuit can be asked for. Its weights are fixed in the verifying key, and it shows its input, or else a
/// commitment to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommittedPlan {
    scale: u32,
    assurance: InputAssurance,
    output_public: bool,
    inner_columns: Option<usize>,
    logrows: Option<u32>,
    digit_bits: Option<u32>,
    input_range: Option<CheckedRange>,
    roundings: Option<usize>,
}

/// What was chosen for a committed circuit where its plan leaves it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Chosen {
    /// Bits of the base of digits.
    pub digit_bits: u32,
    /// How many values at most are rounded because a layer of weights reads them; absent where it is as few as will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roundings: Option<usize>,
    /// Which range the circuit checks its input to be in, if it checks one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_range: Option<CheckedRange>,
}

impl CommittedPlan {
    /// The plan with what was chosen where it leaves it open. Without a choice, as before there were any: digits of the default's
    /// bits, and the range that was asked for.
    #[must_use]
    pub fn as_chosen(self, chosen: Option<Chosen>) -> Self {
        let range = chosen.and_then(|chosen| chosen.input_range);
        let bits = chosen.map(|chosen| chosen.digit_bits);
        let roundings = chosen.and_then(|chosen| chosen.roundings);
        Self {
            digit_bits: self.digit_bits.or(bits),
            roundings: self.roundings.or(roundings),
            input_range: self.input_range.or(range),
            ..self
        }
    }

    /// What is chosen first, with this range where the plan leaves it open.
    pub fn first_choice(self, range: CheckedRange) -> Chosen {
        Chosen {
            digit_bits: self.digit_bits.unwrap_or(DEFAULT_DIGIT_BITS),
            roundings: self.roundings,
            input_range: self
                .assurance
                .is_by_circuit()
                .then(|| self.input_range.unwrap_or(range)),
        }
    }

    /// What is chosen for a model's parts, with the limbs of the whole model where these are known.
    pub fn choice_for_parts(self, range: CheckedRange, whole: Option<Chosen>) -> Chosen {
        let first = self.first_choice(range);
        Chosen {
            digit_bits: whole.map_or(first.digit_bits, |whole| whole.digit_bits),
            ..first
        }
    }

    /// Bits after the binary point.
    pub fn scale(self) -> u32 {
        self.scale
    }

    /// Who assures that the input is in range.
    pub fn assurance(self) -> InputAssurance {
        self.assurance
    }

    /// The same as the circuit has it: with the range that it checks, where it checks one.
    pub fn circuit_assurance(self) -> InputAssurance {
        match self.input_range {
            Some(CheckedRange::Table) if self.assurance.is_by_circuit() => InputAssurance::Table,
            Some(CheckedRange::Exact | CheckedRange::Table) | None => self.assurance,
        }
    }

    /// Bits of the base of digits.
    pub fn digit_bits(self) -> u32 {
        self.digit_bits.unwrap_or(DEFAULT_DIGIT_BITS)
    }

    /// How many values at most are rounded because a layer of weights reads them, where that is said.
    pub fn roundings(self) -> Option<usize> {
        self.roundings
    }

    /// Whether the output's elements are public; otherwise it is committed by itself.
    pub fn output_public(self) -> bool {
        self.output_public
    }

    /// Columns side by side, where a number was asked for.
    pub fn inner_columns(self) -> Option<usize> {
        self.inner_columns
    }

    /// Which range the circuit checks its input to be in, where one was asked for.
    pub fn input_range(self) -> Option<CheckedRange> {
        self.input_range
    }

    /// The plan of one part of a model whose other parts make or read what this one shares with them: an input that is
    /// linked is a commitment that a set's contract compares, and so is an output that a later part reads.
    #[must_use]
    pub fn of_part(self, input_linked: bool, output_linked: bool) -> Self {
        Self {
            assurance: if input_linked {
                InputAssurance::Linked
            } else {
                self.assurance
            },
            output_public: self.output_public && !output_linked,
            ..self
        }
    }

    /// The plan of the whole model that a part's plan was made of, where the first part's input is assured by `assurance`; a
    /// part that is no later one's tells that itself.
    #[must_use]
    pub fn of_whole(self, assurance: InputAssurance) -> Self {
        Self {
            logrows: None,
            assurance: match self.assurance {
                InputAssurance::Linked => assurance,
                own @ (InputAssurance::Public
                | InputAssurance::Ranged
                | InputAssurance::Table
                | InputAssurance::Registered) => own,
            },
            ..self
        }
    }
}

/// What the study's circuit shows of input, output and parameters.
const STUDY_VISIBILITIES: [Visibility; 3] = [Visibility::Public, Visibility::Public, Visibility::Private];

impl CircuitPlan {
    /// The study's circuit: input and output public, parameters private (bound to nothing).
    ///
    /// # Errors
    /// [`PlanError::Scale`].
    pub fn study(scale: u32) -> Result<Self, PlanError> {
        PlanFields::new(CircuitKind::Study, scale, STUDY_VISIBILITIES).try_into()
    }

    /// The default circuit: input and output public, weights fixed in the verifying key.
    ///
    /// # Errors
    /// [`PlanError::Scale`].
    pub fn direct(scale: u32) -> Result<Self, PlanError> {
        let visibilities = [Visibility::Public, Visibility::Public, Visibility::Fixed];
        PlanFields::new(CircuitKind::Direct, scale, visibilities).try_into()
    }

    /// A committed circuit: weights fixed in the verifying key, the input's range checked in the circuit unless it is public.
    ///
    /// # Errors
    /// [`PlanError::Scale`].
    pub fn committed(scale: u32, io: Io) -> Result<Self, PlanError> {
        Self::Committed(CommittedPlan {
            scale,
            assurance: match io {
                Io::Public => InputAssurance::Public,
                Io::Committed | Io::Result => InputAssurance::Ranged,
            },
            output_public: io != Io::Committed,
            inner_columns: None,
            logrows: None,
            digit_bits: None,
            input_range: None,
            roundings: None,
        })
        .at_scale(scale)
    }

    /// A direct plan that shows input, output and weights as run arguments say, which are given by EZKL's names. Nothing else of
    /// them is in it: it stands for them where only who sees a tensor is looked at.
    ///
    /// # Errors
    /// [`PlanError::Fixed`].
    pub fn shown_as_in(run_args: &Value) -> Result<Self, PlanError> {
        let visibility = |side: &str| Visibility::deserialize(&run_args[side]).ok();
        Self::direct(0)?.with_visibilities(
            visibility("input_visibility"),
            visibility("output_visibility"),
            visibility("param_visibility"),
        )
    }

    /// Reads a plan's JSON. The inner error says why no circuit can be laid out so.
    ///
    /// # Errors
    /// A field that is missing or of another type.
    pub fn of_json(json: &Value) -> Result<Result<Self, PlanError>, serde_json::Error> {
        Ok(PlanFields::deserialize(json)?.try_into())
    }

    /// Which way the circuit is asked for.
    pub fn kind(self) -> CircuitKind {
        match self {
            Self::Study(_) => CircuitKind::Study,
            Self::Direct(_) => CircuitKind::Direct,
            Self::Committed(_) => CircuitKind::Committed,
        }
    }

    /// Bits after the binary point, for inputs and parameters.
    pub fn scale(self) -> u32 {
        match self {
            Self::Study(plan) => plan.scale,
            Self::Direct(plan) => plan.scale,
            Self::Committed(plan) => plan.scale,
        }
    }

    /// What is asked of a committed circuit; none where the plan is another's.
    pub fn as_committed(self) -> Option<CommittedPlan> {
        match self {
            Self::Study(_) | Self::Direct(_) => None,
            Self::Committed(plan) => Some(plan),
        }
    }

    /// Who sees input, output and weights.
    pub fn visibilities(self) -> [Visibility; 3] {
        let shown = |public: bool| {
            if public {
                Visibility::Public
            } else {
                Visibility::Polycommit
            }
        };
        match self {
            Self::Study(_) => STUDY_VISIBILITIES,
            Self::Direct(plan) => [plan.input, plan.output, plan.param],
            Self::Committed(plan) => [
                shown(plan.assurance == InputAssurance::Public),
                shown(plan.output_public),
                Visibility::Fixed,
            ],
        }
    }

    /// Who sees the model's input.
    pub fn input_visibility(self) -> Visibility {
        self.visibilities()[0]
    }

    /// Who sees the model's output.
    pub fn output_visibility(self) -> Visibility {
        self.visibilities()[1]
    }

    /// Who sees the weights.
    pub fn param_visibility(self) -> Visibility {
        self.visibilities()[2]
    }

    /// Who assures that a committed circuit's input is in range; none for other circuits.
    pub fn input_assurance(self) -> Option<InputAssurance> {
        self.as_committed().map(CommittedPlan::assurance)
    }

    /// Columns side by side, where a number was asked for.
    pub fn inner_columns(self) -> Option<usize> {
        match self {
            Self::Study(_) => None,
            Self::Direct(plan) => plan.inner_columns,
            Self::Committed(plan) => plan.inner_columns,
        }
    }

    /// The least k that a committed circuit is laid out in 2^k rows with, where a part of a model must have the others' rows.
    pub fn logrows(self) -> Option<u32> {
        self.as_committed()?.logrows
    }

    /// Bits of the base of a committed circuit's digits, where a number was asked for.
    pub fn digit_bits(self) -> Option<u32> {
        self.as_committed()?.digit_bits
    }

    /// Which range a committed circuit checks its input to be in, where one was asked for.
    pub fn input_range(self) -> Option<CheckedRange> {
        self.as_committed()?.input_range
    }

    /// How many values at most a committed circuit rounds because a layer of weights reads them, where a number was asked for.
    pub fn roundings(self) -> Option<usize> {
        self.as_committed()?.roundings
    }

    /// How a direct circuit decomposes values, where that was asked for.
    pub fn decomposition(self) -> Option<Decomposition> {
        match self {
            Self::Study(_) | Self::Committed(_) => None,
            Self::Direct(plan) => plan.decomposition,
        }
    }

    /// The same circuit at another scale.
    ///
    /// # Errors
    /// [`PlanError::Scale`].
    pub fn at_scale(self, scale: u32) -> Result<Self, PlanError> {
        self.with(|fields| fields.scale = scale)
    }

    /// The same committed circuit, whose consumer knows the input's commitment.
    ///
    /// # Errors
    /// [`PlanError::NotCommitted`] where there is no commitment to know.
    pub fn registered(self) -> Result<Self, PlanError> {
        match self {
            Self::Committed(plan) if plan.assurance == InputAssurance::Ranged => {
                Ok(Self::Committed(CommittedPlan {
                    assurance: InputAssurance::Registered,
                    input_range: None,
                    ..plan
                }))
            }
            Self::Study(_) | Self::Direct(_) | Self::Committed(_) => Err(PlanError::NotCommitted),
        }
    }

    /// The same committed circuit, which checks its input to be in this range.
    ///
    /// # Errors
    /// [`PlanError::NotCommitted`] where the circuit checks none.
    pub fn with_input_range(self, range: CheckedRange) -> Result<Self, PlanError> {
        match self {
            Self::Committed(plan) if plan.assurance.is_by_circuit() => Ok(Self::Committed(CommittedPlan {
                input_range: Some(range),
                ..plan
            })),
            Self::Study(_) | Self::Direct(_) | Self::Committed(_) => Err(PlanError::NotCommitted),
        }
    }

    /// The same circuit with so many columns side by side.
    ///
    /// # Errors
    /// [`PlanError::StudyColumns`] and [`PlanError::Columns`].
    pub fn with_columns(self, columns: usize) -> Result<Self, PlanError> {
        self.with(|fields| fields.inner_columns = Some(columns))
    }

    /// The same committed circuit in at least 2^`logrows` rows, or in as many as it needs.
    ///
    /// # Errors
    /// [`PlanError::NotCommitted`] and [`PlanError::Logrows`].
    pub fn with_logrows(self, logrows: Option<u32>) -> Result<Self, PlanError> {
        self.with(|fields| fields.logrows = logrows)
    }

    /// The same committed circuit with digits of so many bits, and at most so many values rounded before layers of weights.
    ///
    /// # Errors
    /// [`PlanError::NotCommitted`].
    pub fn with_digits(self, digit_bits: u32, roundings: Option<usize>) -> Result<Self, PlanError> {
        self.with(|fields| {
            fields.digit_bits = Some(digit_bits);
            fields.roundings = roundings;
        })
    }

    /// The same direct circuit with another decomposition, `None` being EZKL's own.
    ///
    /// # Errors
    /// [`PlanError::Decomposition`].
    pub fn with_decomposition(self, decomposition: Option<Decomposition>) -> Result<Self, PlanError> {
        self.with(|fields| fields.decomposition = decomposition)
    }

    /// The same plan with other visibilities, `None` keeping what there is.
    ///
    /// # Errors
    /// [`PlanError::StudyVisibility`] or [`PlanError::CommittedVisibility`] where theirs would be changed;
    /// [`PlanError::Fixed`].
    pub fn with_visibilities(
        self,
        input: Option<Visibility>,
        output: Option<Visibility>,
        param: Option<Visibility>,
    ) -> Result<Self, PlanError> {
        let before = self.visibilities();
        let after = [
            input.unwrap_or(before[0]),
            output.unwrap_or(before[1]),
            param.unwrap_or(before[2]),
        ];
        if after == before {
            return Ok(self);
        }
        match self {
            Self::Study(_) => Err(PlanError::StudyVisibility),
            Self::Committed(_) => Err(PlanError::CommittedVisibility),
            Self::Direct(_) => self.with(|fields| {
                [
                    fields.input_visibility,
                    fields.output_visibility,
                    fields.param_visibility,
                ] = after;
            }),
        }
    }

    /// The same plan with other fields, if a circuit can be laid out so.
    fn with(self, change: impl FnOnce(&mut PlanFields)) -> Result<Self, PlanError> {
        let mut fields = PlanFields::from(self);
        change(&mut fields);
        fields.try_into()
    }

    /// What the magnitudes of a direct circuit's values must stay below to be checked.
    pub fn greatest_checked(self) -> u128 {
        let Decomposition { base, legs } = self.decomposition().unwrap_or(DEFAULT_DECOMPOSITION);
        u128::from(base).saturating_pow(legs)
    }

    /// Whether a tensor's visibility needs KZG commitments, so that a witness needs key and reference string.
    pub fn commits(self) -> bool {
        self.as_committed().is_some() || self.visibilities().contains(&Visibility::Polycommit)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What came later is not written where it was not asked for: names of records are digests of this.
    #[test]
    fn choices_are_written_where_they_were_made() {
        let committed = CircuitPlan::committed(7, Io::Committed).unwrap();
        let written = |plan: CircuitPlan| serde_json::to_value(plan).unwrap();
        for field in ["inner_columns", "digit_bits", "roundings", "decomposition"] {
            assert_eq!(written(committed).get(field), None);
        }
        let chosen = committed
            .with_columns(1)
            .unwrap()
            .with_digits(12, Some(2))
            .unwrap();
        let json = written(chosen);
        assert_eq!(
            (&json["inner_columns"], &json["digit_bits"], &json["roundings"]),
            (&json!(1), &json!(12), &json!(2))
        );
        assert_eq!(serde_json::from_value::<CircuitPlan>(json).unwrap(), chosen);
    }

    #[test]
    fn a_large_output_is_not_shown_unless_that_is_asked_for() {
        assert_eq!(Io::default_for_outputs(10), Io::Result);
        assert_eq!(Io::default_for_outputs(MOST_SHOWN_ELEMENTS), Io::Result);
        assert_eq!(Io::default_for_outputs(MOST_SHOWN_ELEMENTS + 1), Io::Committed);
    }

    #[test]
    fn choices_belong_to_their_circuits() {
        let committed = CircuitPlan::committed(7, Io::Result).unwrap();
        let direct = CircuitPlan::direct(7).unwrap();
        let study = CircuitPlan::study(7).unwrap();
        let decomposition = Some(Decomposition { base: 1024, legs: 3 });
        let decomposed = direct.with_decomposition(decomposition).unwrap();
        assert_eq!(decomposed.decomposition(), decomposition);
        let refused = PlanError::Decomposition { base: 1024, legs: 3 };
        assert_eq!(committed.with_decomposition(decomposition), Err(refused));
        assert_eq!(direct.with_digits(16, None), Err(PlanError::NotCommitted));
        assert_eq!(direct.with_logrows(Some(10)), Err(PlanError::NotCommitted));
        assert_eq!(direct.with_columns(0), Err(PlanError::Columns { columns: 0 }));
        assert_eq!(study.with_columns(1), Err(PlanError::StudyColumns));
        assert_eq!(direct.registered(), Err(PlanError::NotCommitted));
    }

    /// What a file says is held to the same rules as what is asked for.
    #[test]
    fn files_hold_no_other_plans() {
        let [study, direct, committed] = [
            CircuitPlan::study(7),
            CircuitPlan::direct(7),
            CircuitPlan::committed(7, Io::Result),
        ]
        .map(Result::unwrap);
        for plan in [study, direct, committed] {
            let json = serde_json::to_value(plan).unwrap();
            assert_eq!(CircuitPlan::of_json(&json).unwrap(), Ok(plan));
            assert_eq!(serde_json::from_value::<CircuitPlan>(json).unwrap(), plan);
        }
        let decomposition = json!({"base": 1024, "legs": 3});
        let refused = [
            (
                committed,
                "decomposition",
                decomposition,
                PlanError::Decomposition { base: 1024, legs: 3 },
            ),
            (committed, "input_assurance", Value::Null, PlanError::NoAssurance),
            (
                committed,
                "input_visibility",
                json!("public"),
                PlanError::CommittedVisibility,
            ),
            (
                committed,
                "output_visibility",
                json!("private"),
                PlanError::CommittedVisibility,
            ),
            (
                committed,
                "param_visibility",
                json!("public"),
                PlanError::CommittedVisibility,
            ),
            (
                committed,
                "logrows",
                json!(29),
                PlanError::Logrows { logrows: 29 },
            ),
            (direct, "digit_bits", json!(16), PlanError::NotCommitted),
            (
                direct,
                "input_assurance",
                json!("ranged"),
                PlanError::NotCommitted,
            ),
            (
                direct,
                "inner_columns",
                json!(0),
                PlanError::Columns { columns: 0 },
            ),
            (direct, "scale", json!(25), PlanError::Scale { scale: 25 }),
            (
                direct,
                "input_visibility",
                json!("fixed"),
                PlanError::Fixed { tensor: "input" },
            ),
            (
                study,
                "param_visibility",
                json!("fixed"),
                PlanError::StudyVisibility,
            ),
            (study, "inner_columns", json!(2), PlanError::StudyColumns),
        ];
        for (plan, field, value, error) in refused {
            let mut json = serde_json::to_value(plan).unwrap();
            json[field] = value;
            assert_eq!(CircuitPlan::of_json(&json).unwrap(), Err(error.clone()), "{json}");
            let message = serde_json::from_value::<CircuitPlan>(json)
                .unwrap_err()
                .to_string();
            assert!(message.starts_with(&error.to_string()), "{message}");
        }
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
