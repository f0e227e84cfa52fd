//! What is searched: every way to lay a circuit out that its bounds allow.

use evmbench_committed::{CheckedRange, CommittedError, DEFAULT_DIGIT_BITS, DIGIT_BITS};
use evmbench_evm::chain::Fork;
use evmbench_ezkl::{CircuitKind, CircuitPlan, CircuitSettings, Failure, Io, PlanError, ShapeError};
use evmbench_host::parallel;
use evmbench_schema::record::Request;
use evmbench_subject::subject::Subject;

use super::candidate::{Candidate, Reference};
use super::{TuneError, bounds};
use crate::forecast::{Calibration, Forecast};

/// Columns side by side that are tried. Every column more costs gas in each verification, and more than four save no rows
/// that these do not.
const COLUMNS: std::ops::RangeInclusive<usize> = 1..=4;

/// What may be changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Plans to start from, which differ in scale, in what they show, and in who assures the input's range; columns, digits, roundings
    /// and the range that a circuit checks are changed, as far as a plan does not ask for them.
    pub plans: Vec<CircuitPlan>,
    /// Numbers of columns side by side.
    pub columns: Vec<usize>,
}

/// Settings that the bounds do not allow.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The plan.
    pub plan: CircuitPlan,
    /// Why.
    pub reason: String,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Plans that no value can exceed, in the order of the search.
    pub candidates: Vec<Candidate>,
    /// Plans that one could.
    pub refused: Vec<Refused>,
}

impl Found {
    /// The candidates.
    ///
    /// # Errors
    /// [`TuneError::Refused`] where there are none.
    pub fn candidates(self) -> Result<Vec<Candidate>, TuneError> {
        match self.refused.first() {
            Some(first) if self.candidates.is_empty() => Err(TuneError::Refused {
                refused: self.refused.len(),
                reason: first.reason.clone(),
            }),
            _ => Ok(self.candidates),
        }
    }

    fn extend(&mut self, other: Self) {
        self.candidates.extend(other.candidates);
        self.refused.extend(other.refused);
    }
}

impl Space {
    /// The space around some plans, each with the number of columns that it asks for, or else with any.
    pub fn around(plans: Vec<CircuitPlan>) -> Self {
        let asked: Option<Vec<usize>> = plans.iter().map(|plan| plan.inner_columns()).collect();
        let mut columns = asked.unwrap_or_else(|| COLUMNS.collect());
        columns.sort_unstable();
        columns.dedup();
        Self { plans, columns }
    }

    /// The same with every way to show input and output, and to assure the input's range: other things are then proved.
    ///
    /// # Errors
    /// [`PlanError`] where a plan is no committed circuit's.
    pub fn with_any_io(self) -> Result<Self, PlanError> {
        if self
            .plans
            .iter()
            .any(|plan| plan.kind() != CircuitKind::Committed)
        {
            return Err(PlanError::NotCommitted);
        }
        let mut plans = self.plans.clone();
        for plan in &self.plans {
            for io in [Io::Committed, Io::Result, Io::Public] {
                let shown = CircuitPlan::committed(plan.scale(), io)?;
                let shown = match plan.digit_bits() {
                    Some(bits) => shown.with_digits(bits, None)?,
                    None => shown,
                };
                let registered = (io != Io::Public).then(|| shown.registered()).transpose()?;
                plans.extend([Some(shown), registered].into_iter().flatten());
            }
        }
        Ok(Self { plans, ..self }.distinct())
    }

    /// The same with every way to assure the range of an input that is committed to: a consumer that knows the commitment is trusted for
    /// what a circuit would check, so that another statement is then proved.
    ///
    /// # Errors
    /// [`PlanError::NotCommitted`] where a plan's circuit checks no range.
    pub fn with_any_input_range(self) -> Result<Self, PlanError> {
        let mut plans = self.plans.clone();
        for plan in &self.plans {
            plans.push(plan.registered()?);
        }
        Ok(Self { plans, ..self }.distinct())
    }

    /// Each plan once.
    fn distinct(mut self) -> Self {
        let mut seen = std::collections::HashSet::new();
        self.plans.retain(|plan| seen.insert(*plan));
        self
    }

    /// Every direct circuit of the space: the decomposition that EZKL has by default, and the smallest ones that the static
    /// bounds allow, each in every number of columns. `lay_out` has EZKL lay a subject's circuit out.
    ///
    /// # Errors
    /// Those of `lay_out`, and settings that lay out no circuit.
    pub fn direct<E: From<ShapeError>>(
        &self,
        subject: &Subject,
        reference: &Reference,
        fork: Fork,
        mut lay_out: impl FnMut(&Subject) -> Result<Result<(CircuitSettings, Forecast), Failure>, E>,
    ) -> Result<Found, E> {
        let mut found = Found::default();
        for &plan in &self.plans {
            let mut decompositions = vec![plan.decomposition()];
            let mut next = 0;
            while let Some(&decomposition) = decompositions.get(next) {
                for &columns in &self.columns {
                    let asked = plan
                        .with_columns(columns)
                        .and_then(|plan| plan.with_decomposition(decomposition));
                    let plan = match asked {
                        Ok(plan) => plan,
                        Err(error) => {
                            let reason = error.to_string();
                            found.refused.push(Refused { plan, reason });
                            continue;
                        }
                    };
                    let subject = Subject {
                        request: Request {
                            plan,
                            ..subject.request.clone()
                        },
                        ..subject.clone()
                    };
                    let candidate = match lay_out(&subject)? {
                        Err(failure) => Err(failure.to_string()),
                        Ok((settings, forecast)) => {
                            if decompositions.len() == 1 {
                                decompositions.extend(
                                    bounds::decompositions(&subject, &settings).into_iter().map(Some),
                                );
                            }
                            Candidate::of_direct(&subject, &settings, forecast, reference, fork)?
                        }
                    };
                    match candidate {
                        Ok(candidate) => found.candidates.push(candidate),
                        Err(reason) => found.refused.push(Refused { plan, reason }),
                    }
                }
                next += 1;
            }
        }
        Ok(found)
    }

    /// Every committed circuit of the space. The subject's own settings come first, so that of equals they are kept.
    pub fn committed(
        &self,
        subject: &Subject,
        reference: &Reference,
        fork: Fork,
        calibration: Option<&Calibration>,
    ) -> Found {
        let jobs: Vec<Start> = self.plans.iter().flat_map(|&plan| starts(plan)).collect();
        let search = Search {
            space: self,
            subject,
            reference,
            fork,
            calibration,
        };
        let found = parallel::map(parallel::processors(), jobs.len(), || {
            |index: usize| Ok::<_, std::convert::Infallible>(search.from(jobs[index]))
        });
        let Ok(found) = found;
        found.into_iter().fold(Found::default(), |mut all, found| {
            all.extend(found);
            all
        })
    }
}

/// A plan with digits of so many bits.
#[derive(Debug, Clone, Copy)]
struct Start {
    plan: CircuitPlan,
    bits: u32,
    /// Whether the plan leaves it open which range the circuit checks, and this is one that may be too wide.
    may_be_loose: bool,
}

/// A plan in every number of bits and with every range that a circuit may check, as far as it does not ask for them. What is the default
/// comes first.
fn starts(plan: CircuitPlan) -> Vec<Start> {
    let bits = match plan.digit_bits() {
        Some(bits) => vec![bits],
        None => {
            let others = DIGIT_BITS.filter(|&bits| bits != DEFAULT_DIGIT_BITS);
            std::iter::once(DEFAULT_DIGIT_BITS).chain(others).collect()
        }
    };
    let in_ranges = || {
        let ranges = [CheckedRange::Table, CheckedRange::Exact];
        let open: Vec<(CircuitPlan, bool)> = ranges
            .into_iter()
            .filter(|_| plan.input_range().is_none())
            .filter_map(|range| Some((plan.with_input_range(range).ok()?, range == CheckedRange::Table)))
            .collect();
        if open.is_empty() {
            vec![(plan, false)]
        } else {
            open
        }
    };
    let start = |bits: u32| {
        in_ranges().into_iter().map(move |(plan, may_be_loose)| Start {
            plan,
            bits,
            may_be_loose,
        })
    };
    bits.into_iter().flat_map(start).collect()
}

struct Search<'a> {
    space: &'a Space,
    subject: &'a Subject,
    reference: &'a Reference,
    fork: Fork,
    calibration: Option<&'a Calibration>,
}

impl Search<'_> {
    /// Circuits with as few roundings as will do, then with more of them.
    fn from(&self, start: Start) -> Found {
        let mut found = Found::default();
        let Some(least) = self.with_roundings(start, None, &mut found) else {
            return found;
        };
        let layers = self.subject.graph.iter().flat_map(|graph| &graph.nodes);
        let places = layers.filter(|node| !node.op.parameters().is_empty()).count();
        for roundings in least + 1..=places {
            match self.with_roundings(start, Some(roundings), &mut found) {
                Some(made) if made < roundings => break,
                _ => {}
            }
        }
        found
    }

    /// Circuits with at most so many roundings, or with as few as will do; how many there are. Nothing new is found where there
    /// are fewer than were asked for.
    fn with_roundings(&self, start: Start, roundings: Option<usize>, found: &mut Found) -> Option<usize> {
        let Start { plan, bits, .. } = start;
        let lowered = plan
            .with_digits(bits, roundings)
            .map_err(|error| Some((plan, error.to_string())))
            .and_then(|plan| {
                let request = Request {
                    plan,
                    chosen: None,
                    ..self.subject.request.clone()
                };
                let subject = self.subject.asked_for(request).map_err(|error| match error {
                    // The other range is searched as well.
                    CommittedError::LooseRange(_) | CommittedError::WideTable { .. }
                        if start.may_be_loose =>
                    {
                        None
                    }
                    error => Some((plan, error.to_string())),
                })?;
                let committed = subject
                    .committed
                    .ok_or(Some((plan, PlanError::NotCommitted.to_string())))?;
                Ok((plan, committed))
            });
        let (plan, committed) = match lowered {
            Ok(lowered) => lowered,
            Err(refused) => {
                let refused = refused.map(|(plan, reason)| Refused { plan, reason });
                found.refused.extend(refused);
                return None;
            }
        };
        let made = committed.circuit.roundings();
        if roundings.is_some_and(|asked| made < asked) {
            return Some(made);
        }
        // Computed once for all columns.
        committed.witness();
        for &columns in &self.space.columns {
            let asked = plan
                .with_digits(bits, Some(made))
                .and_then(|plan| plan.with_columns(columns));
            let (plan, candidate) = match asked {
                Ok(plan) => {
                    let committed = committed.in_columns(columns);
                    let made = Candidate::of_committed(
                        plan,
                        &committed,
                        self.reference,
                        self.fork,
                        self.calibration,
                    );
                    (plan, made.map_err(|error| error.to_string()))
                }
                Err(error) => (plan, Err(error.to_string())),
            };
            match candidate {
                Ok(candidate) => found.candidates.push(candidate),
                Err(reason) => found.refused.push(Refused { plan, reason }),
            }
        }
        Some(made)
    }
}
