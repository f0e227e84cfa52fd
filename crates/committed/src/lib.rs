//! Committed circuits: large layers are claimed and checked under a challenge in place of being computed.
//!
//! Goes in: a [`Graph`], a scale, and what is to be public. Comes out: [`CommittedCircuit`]: a circuit for a backend, the
//! exact integers of any inference, and what an honest prover commits to. The protocol and why it is sound are in
//! `docs/commit-and-challenge.md`.
//!
//! The model's crate writes the graph as an integer [`Program`] with bounds for every tensor, and runs it. Here `layout` turns
//! the program into a circuit, with sums under the `challenge` over tensors and over `windows` of images. A backend writes it
//! down and proves it.

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new kind must be thought of everywhere that soundness is decided"
)]

mod cells;
mod challenge;
mod error;
mod layout;
mod packing;
#[cfg(test)]
mod tests;
mod windows;

use std::collections::BTreeMap;

use evmbench_backend::{self as backend, Arithmetisation, Frame, Function, Operator};
use evmbench_model::graph::{Graph, Tensor};

pub use cells::{CellAccount, LayerCells};
pub use error::CommittedError;
pub use evmbench_backend::Table;
pub use evmbench_model::program::{DEFAULT_DIGIT_BITS, DIGIT_BITS, Integers, LooseRange, ProgramError};
pub use evmbench_schema::committed::{CheckedRange, CommittedSizes, InputAssurance, LayerBounds, Lookups};
pub use evmbench_schema::interval::{Interval, Unbounded};
pub use evmbench_schema::reach::Reach;

use evmbench_model::program::{Domain, Form, Linear, Program, Step, Value, ValueId};
use evmbench_model::quantise::{ProgramOptions, is_of_lowered_sizes, quantise_within};
use layout::{Exposure, InputRange, Layout};

/// A k at which every circuit fits one block, so that no row stands in two.
const ROOMY_LOGROWS: u32 = 40;

/// The most inner columns that are chosen of themselves: a third adds some 90,000 gas to every verification.
const MOST_INNER_COLUMNS: usize = 2;

/// What a committed circuit is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CommittedOptions {
    /// Bits after the binary point of weights.
    pub scale: u32,
    /// The input's integers.
    pub input: Integers,
    /// Who assures it.
    pub assurance: InputAssurance,
    /// What a linked input's integers are proved to be, by the part that it comes from; `None` where that is the input's range.
    pub proved: Option<Interval>,
    /// Whether the output's elements are public; otherwise it is committed by itself.
    pub output_public: bool,
    /// Columns side by side; chosen for the least work where `None`.
    pub inner_columns: Option<usize>,
    /// The least k to be laid out in 2^k rows, where parts of a set need equal ones.
    pub logrows: Option<u32>,
    /// Bits of the base of digits, in [`DIGIT_BITS`]; [`DEFAULT_DIGIT_BITS`] where `None`.
    pub digit_bits: Option<u32>,
    /// How many values at most are rounded because a layer of weights reads them; as few as will do where `None`.
    pub roundings: Option<usize>,
}

impl CommittedOptions {
    /// A circuit of which nothing else is asked: columns, rows, digits and roundings are chosen for it.
    pub fn new(scale: u32, input: Integers, assurance: InputAssurance, output_public: bool) -> Self {
        Self {
            scale,
            input,
            assurance,
            proved: None,
            output_public,
            inner_columns: None,
            logrows: None,
            digit_bits: None,
            roundings: None,
        }
    }
}

/// What an honest prover commits to for one input, and the model's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The input's integers, row-major.
    pub input: Vec<i128>,
    /// The committed output; empty where it is public.
    pub output: Vec<i128>,
    /// Everything else that is claimed, in the circuit's order.
    pub claims: Vec<i128>,
    /// The model's result, row-major, committed or public.
    pub result: Vec<i128>,
}

/// A model as a committed circuit.
#[derive(Debug, Clone)]
pub struct CommittedCircuit {
    program: Program,
    layout: Layout,
    assurance: InputAssurance,
    output_public: bool,
    inner_columns: usize,
    logrows: u32,
    rules: &'static dyn Arithmetisation,
}

/// Writes `graph` as a committed circuit, laid out by a backend's rules.
///
/// # Errors
/// [`CommittedError`] where an operator is not covered or an integer could grow too large.
///
/// # Panics
/// Never: there is a power of two above every size.
pub fn lower(
    graph: &Graph,
    options: &CommittedOptions,
    rules: &'static dyn Arithmetisation,
) -> Result<CommittedCircuit, CommittedError> {
    lower_within(graph, options, &Reach::NOTHING, rules)
}

/// Whether bounds that follow from the input's range leave too little room in the tables, so that values are rounded, or none at
/// all: an operator may be refused for them alone. A quotient by what may be near 0 has bounds far beyond what it is, too.
pub fn rounds(graph: &Graph, options: &CommittedOptions) -> bool {
    let is_rounded = |step: &Step| {
        matches!(
            step,
            Step::Claimed {
                form: Form::Rounded { .. },
                ..
            }
        )
    };
    // What is too large has no circuit, whatever the scale factors are.
    if !is_of_lowered_sizes(graph) {
        return false;
    }
    let program = quantise_within(graph, &asked(options), &Reach::NOTHING);
    program.is_err()
        || program.is_ok_and(|program| program.is_partial() || program.steps.iter().any(is_rounded))
}

/// What is asked of the integer program.
fn asked(options: &CommittedOptions) -> ProgramOptions {
    ProgramOptions {
        scale: options.scale,
        input: options.input,
        digit_bits: options.digit_bits,
        roundings: options.roundings,
    }
}

/// The same with scale factors for how far values reach.
///
/// # Errors
/// As [`lower`].
///
/// # Panics
/// Never: there is a power of two above every size.
pub fn lower_within(
    graph: &Graph,
    options: &CommittedOptions,
    reach: &Reach,
    rules: &'static dyn Arithmetisation,
) -> Result<CommittedCircuit, CommittedError> {
    let mut program = quantise_within(graph, &asked(options), reach)?;
    let claims = |step: &Step| {
        matches!(
            step,
            Step::Claimed { .. } | Step::LayerNorm { .. } | Step::Divide { .. }
        )
    };
    if !options.output_public || !program.steps.iter().any(claims) {
        claim_output(&mut program);
    }
    let range = match options.assurance {
        InputAssurance::Ranged => InputRange::Checked,
        InputAssurance::Table => InputRange::InTable,
        InputAssurance::Public | InputAssurance::Registered | InputAssurance::Linked => InputRange::Assumed,
    };
    let exposure = Exposure {
        input: options.assurance == InputAssurance::Public,
        output: options.output_public,
    };
    let layout = layout::lay_out(&program, range, exposure, options.proved)?;
    let (inner_columns, logrows) = size(&layout, rules, options.inner_columns, options.logrows);
    Ok(CommittedCircuit {
        program,
        layout,
        assurance: options.assurance,
        output_public: options.output_public,
        inner_columns,
        logrows,
        rules,
    })
}

/// Makes the output a claim of its own, unless its step claims exactly it.
fn claim_output(program: &mut Program) {
    let last = ValueId(program.values.len() - 1);
    let claimed = matches!(
        program.steps.last(),
        Some(
            Step::Claimed {
                form: Form::Exact,
                ..
            } | Step::LayerNorm { .. }
        )
    );
    if program.output == last && claimed {
        return;
    }
    let value = program.value(program.output).clone();
    program.steps.push(Step::Claimed {
        input: program.output,
        linear: Linear::Same,
        form: Form::Exact,
    });
    program.values.push(Value {
        name: format!("{} (output)", value.name),
        ..value
    });
    program.output = ValueId(program.values.len() - 1);
}

/// Columns side by side, those that were asked for or those that make the least work, and the least k that holds the circuit
/// in them and is at least what was asked for.
fn size(
    layout: &Layout,
    rules: &dyn Arithmetisation,
    inner_columns: Option<usize>,
    logrows: Option<u32>,
) -> (usize, u32) {
    let columns = inner_columns.map_or(1..=MOST_INNER_COLUMNS, |columns| columns..=columns);
    columns
        .map(|columns| {
            let least = least_logrows_of(layout, rules, columns);
            (columns, least.max(logrows.unwrap_or(least)))
        })
        .min_by_key(|&(columns, logrows)| work(layout, columns, logrows))
        .expect("a range of columns")
}

/// The least k whose rows hold the circuit's cells, in one column each, and its table.
fn least_logrows_of(layout: &Layout, rules: &dyn Arithmetisation, inner_columns: usize) -> u32 {
    let cells = rules.cells(&layout.graph, inner_columns, ROOMY_LOGROWS);
    least_logrows(cells, layout.table, rules, inner_columns)
}

/// The least k whose rows hold so many cells, in columns without a second block, and a table from one number to another.
fn least_logrows(
    cells: usize,
    table: Option<(i128, i128)>,
    rules: &dyn Arithmetisation,
    inner_columns: usize,
) -> u32 {
    let entries = table.map_or(0, |(least, greatest)| greatest - least + 1);
    (rules.least_logrows()..usize::BITS)
        .find(|&logrows| {
            let rows = rules.usable_rows(logrows) as usize;
            // Another column is taken where the cells, and one more, fill all rows.
            cells + 1 < rows * inner_columns && entries <= i128::from(rules.table_rows(logrows))
        })
        .expect("some power of two is large enough")
}

/// Something that grows as proving does: rows times columns, those that are there in any case included.
fn work(layout: &Layout, inner_columns: usize, logrows: u32) -> usize {
    const FIXED_COLUMNS: usize = 6;
    let layout::Sizes {
        input,
        output,
        claims,
    } = layout.sizes;
    let committed: usize = [input, output, claims]
        .iter()
        .map(|len| len.div_ceil(1 << logrows))
        .sum();
    (3 * inner_columns + committed + FIXED_COLUMNS) << logrows
}

impl CommittedCircuit {
    /// The circuit's operators over the field.
    pub fn graph(&self) -> &backend::Graph {
        &self.layout.graph
    }

    /// The rows and columns that it is laid out in.
    pub fn frame(&self) -> Frame {
        Frame {
            inner_columns: self.inner_columns,
            logrows: self.logrows,
            table_range: self.table_range().unwrap_or((0, 0)),
        }
    }

    /// Elements of each committed tensor.
    pub fn sizes(&self) -> CommittedSizes {
        let layout::Sizes {
            input,
            output,
            claims,
        } = self.layout.sizes;
        CommittedSizes {
            input,
            output,
            claims,
        }
    }

    /// Cells that the circuit is laid out in, committed tensors apart.
    pub fn cells(&self) -> usize {
        self.rules
            .cells(&self.layout.graph, self.inner_columns, self.logrows)
    }

    /// Columns side by side.
    pub fn inner_columns(&self) -> usize {
        self.inner_columns
    }

    /// k, where the circuit has 2^k rows.
    pub fn logrows(&self) -> u32 {
        self.logrows
    }

    /// The same circuit with so many columns side by side, in the fewest rows that hold it.
    ///
    /// # Panics
    /// Where there is no column.
    #[must_use]
    pub fn in_columns(&self, inner_columns: usize) -> Self {
        assert!(inner_columns > 0, "a circuit has columns");
        Self {
            inner_columns,
            logrows: least_logrows_of(&self.layout, self.rules, inner_columns),
            ..self.clone()
        }
    }

    /// The same circuit in at least 2^logrows rows, with so many columns side by side or those that make the least work there.
    #[must_use]
    pub fn in_rows(self, logrows: u32, inner_columns: Option<usize>) -> Self {
        let (inner_columns, logrows) = size(&self.layout, self.rules, inner_columns, Some(logrows));
        Self {
            inner_columns,
            logrows,
            ..self
        }
    }

    /// Bits of the base of digits.
    pub fn digit_bits(&self) -> u32 {
        self.program.base_bits
    }

    /// Whether scale factors rest on how far values reach, so that an input in range may have no witness.
    pub fn is_calibrated(&self) -> bool {
        self.program.is_calibrated()
    }

    /// Whether an input in range may have no witness, for that or because a function has no result of a value.
    pub fn is_partial(&self) -> bool {
        self.program.is_partial()
    }

    /// The values that the circuit holds to where functions have results, in a sentence each.
    pub fn domains(&self) -> Vec<String> {
        Domain::sentences(&self.program.domains().collect::<Vec<_>>())
    }

    /// Values that are rounded because a layer of weights reads them.
    pub fn roundings(&self) -> usize {
        self.program.roundings
    }

    /// Least and greatest number that is looked up; none where nothing is.
    pub fn looked_up(&self) -> Option<Interval> {
        let (least, greatest) = self.layout.table?;
        Some(Interval { least, greatest })
    }

    /// What is looked up, by table; each table has an output column of its own.
    pub fn lookups(&self) -> Vec<Lookups> {
        let mut elements: BTreeMap<Function, u64> = BTreeMap::new();
        for node in self.layout.graph.nodes() {
            if let Operator::LookUp(function) = node.operator {
                *elements.entry(function).or_default() += node.elements() as u64;
            }
        }
        let lookups = elements.into_iter();
        lookups
            .map(|(Function { table, scale }, elements)| Lookups {
                table,
                scale,
                elements,
            })
            .collect()
    }

    /// Elements of each public output: the check, the challenge, then the statement.
    pub fn shown_sizes(&self) -> impl Iterator<Item = usize> {
        let graph = &self.layout.graph;
        graph.outputs().iter().map(|&id| graph.len(id))
    }

    /// Least and greatest entry of the tables, which fill their column: EZKL adds entries at the upper end until it is
    /// full, so that the upper end is what holds only if nothing is left to add.
    ///
    /// # Panics
    /// Never: the rows were chosen for the table.
    pub fn table_range(&self) -> Option<(i128, i128)> {
        let (least, greatest) = self.layout.table?;
        let entries = i128::from(self.rules.table_rows(self.logrows));
        let filled = greatest - entries + 1;
        assert!(filled <= least, "the table holds what is looked up");
        Some((filled, greatest))
    }

    /// How many numbers are public after the check and the challenge.
    pub fn statement_len(&self) -> usize {
        self.shown_sizes().skip(2).sum()
    }

    /// Who assures that the input is in range.
    pub fn input_assurance(&self) -> InputAssurance {
        self.assurance
    }

    /// Whether the output's elements are public.
    pub fn output_public(&self) -> bool {
        self.output_public
    }

    /// Integers that make 1 of the model's output.
    pub fn output_unit(&self) -> f64 {
        self.output().unit
    }

    /// What is known of the input's integers.
    pub fn input(&self) -> Integers {
        self.program.value(ValueId(0)).integers()
    }

    /// What a proof shows of the input's integers, however many rows the circuit has: with what is proved elsewhere of a linked one.
    pub fn proved_input(&self) -> Interval {
        self.layout.bounds.of(ValueId(0))
    }

    /// What a proof shows of the output's integers.
    pub fn proved_output(&self) -> Interval {
        self.layout.bounds.of(self.program.output)
    }

    /// What is known of the output's integers.
    pub fn output(&self) -> Integers {
        self.program.value(self.program.output).integers()
    }

    /// Whether the output is fractions at scale factor 1, which a circuit that reads them would take for whole numbers.
    pub fn output_seems_whole(&self) -> bool {
        self.output().are_the_numbers() && !self.program.value(self.program.output).is_whole
    }

    /// What a value's integers can be; the input's, where it is looked up in a table, all that the table holds.
    fn bounds_of(&self, value: ValueId) -> Interval {
        match self.table_range() {
            Some((least, greatest)) if self.assurance == InputAssurance::Table && value == ValueId(0) => {
                Interval { least, greatest }
            }
            _ => self.layout.bounds.of(value),
        }
    }

    /// What each layer's integers can be, the input's first.
    pub fn bounds(&self) -> Vec<LayerBounds> {
        let bounds = |index: usize, value: &Value| {
            let step = index.checked_sub(1).map(|index| &self.program.steps[index]);
            LayerBounds {
                layer: value.name.clone(),
                bounds: self.bounds_of(ValueId(index)),
                unit: value.unit,
                claimed: matches!(
                    step,
                    None | Some(Step::Claimed { .. } | Step::LayerNorm { .. } | Step::Divide { .. })
                ),
                rounded: matches!(
                    step,
                    Some(
                        Step::Claimed {
                            form: Form::Rounded { .. },
                            ..
                        } | Step::Divide { .. }
                    )
                ),
                in_digits: matches!(
                    step,
                    Some(Step::Claimed {
                        form: Form::Digits { .. },
                        ..
                    })
                ),
            }
        };
        let values = self.program.values.iter().enumerate();
        values.map(|(index, value)| bounds(index, value)).collect()
    }

    /// The model's outputs that a result's integers stand for, in the model's numbers.
    pub fn outputs(&self, result: &[i128]) -> Vec<Vec<f64>> {
        let unit = self.output_unit();
        let mut numbers = result.iter().map(|&integer| integer as f64 / unit);
        let sizes = self.program.output_sizes.iter();
        sizes.map(|&size| numbers.by_ref().take(size).collect()).collect()
    }

    /// An honest prover's integers for this input. Several inputs are one, one after the other.
    ///
    /// # Errors
    /// [`ProgramError::InputRange`] where an element is outside the range that the circuit was made for, and
    /// [`ProgramError::Reach`] where a value is beyond what its look-up takes.
    pub fn witness(&self, input: &Tensor) -> Result<Witness, CommittedError> {
        self.witness_of(self.integers(input))
    }

    /// An input's integers, row-major, in range or not.
    pub fn integers(&self, input: &Tensor) -> Vec<i128> {
        let unit = self.input().unit;
        let integers = input.data.iter().map(|&x| (f64::from(x) * unit).round() as i128);
        integers.collect()
    }

    /// Whether an input's integers are in range, so that they have a witness.
    ///
    /// # Errors
    /// [`ProgramError::InputRange`].
    pub fn check_input(&self, input: &[i128]) -> Result<(), CommittedError> {
        Ok(self.program.check_input(input)?)
    }

    /// The same for an input in integers, row-major.
    ///
    /// # Errors
    /// As [`Self::witness`].
    pub fn witness_of(&self, input: Vec<i128>) -> Result<Witness, CommittedError> {
        self.check_input(&input)?;
        let mut trace = self.program.run(&input);
        self.program.check_reach(&trace)?;
        let result = trace.values.swap_remove(self.program.output.0);
        let mut claims = Vec::new();
        let mut output = Vec::new();
        for (index, tensors) in trace.claims.into_iter().enumerate() {
            let is_output = !self.output_public && ValueId(index + 1) == self.program.output;
            for (position, tensor) in tensors.into_iter().enumerate() {
                if is_output && position == 0 {
                    output = tensor;
                } else {
                    claims.extend(tensor);
                }
            }
        }
        Ok(Witness {
            input,
            output,
            claims,
            result,
        })
    }
}
