//! What EZKL's settings ask of halo2: columns, selectors, arguments and degree of the circuit, without making a key.
//!
//! Goes in: [`CircuitSettings`] as `gen_settings` wrote them, or a committed circuit, whose settings follow from it. Comes out:
//! [`CircuitShape`], which says how large keys and proofs become. It follows EZKL 23.0.5's configuration step by step
//! (`configure_with_params` in src/graph/mod.rs, `chip.rs`, `table.rs`, `var.rs`) and what halo2's fork then does with it (`chunk_lookups` and `compress_selectors`).
//!
//! One thing is not in the settings: at which rows selectors are on. halo2 puts selectors that never meet into one column,
//! as far as the degree allows. For circuits of one block and up to four inner columns the number of columns that come out
//! is the same whichever selectors meet; for others [`CircuitShape::fixed_columns`] is a range.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use evmbench_committed::CommittedCircuit;

use super::CircuitSettings;
use crate::rows::{table_rows, usable_rows};
use crate::settings::Columns;

/// State width of EZKL's Poseidon chip (`POSEIDON_WIDTH` in spec.rs).
const POSEIDON_WIDTH: u64 = 2;

/// The degree that halo2's permutation argument needs at least.
const PERMUTATION_DEGREE: usize = 3;

/// Settings that cannot be taken to a shape.
#[derive(Debug, thiserror::Error)]
pub enum ShapeError {
    /// A field is missing or of another type.
    #[error("the settings lack what the circuit's columns follow from: {0}")]
    Settings(#[from] serde_json::Error),
    /// A field has a value that EZKL itself refuses.
    #[error("the settings have {field} = {value}, which lays out no circuit")]
    Value {
        /// Its name.
        field: &'static str,
        /// What it is.
        value: u64,
    },
}

/// What the columns follow from.
struct ColumnBasis {
    logrows: u32,
    inner_columns: u64,
    lookup_range: (i128, i128),
    cells: u64,
    columns: Columns,
}

/// One lookup argument: columns or expressions that are looked up in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupArgument {
    /// Columns of the table.
    pub table_columns: usize,
    /// Degree of the table's expressions.
    table_degree: usize,
    /// Degree of each input's expressions.
    input_degrees: Vec<usize>,
}

impl LookupArgument {
    /// Inputs that share the argument.
    pub fn inputs(&self) -> usize {
        self.input_degrees.len()
    }

    /// About how many modular operations evaluate it: of each input's expressions, and of the products over all others.
    fn operations(&self) -> u64 {
        let inputs = self.input_degrees.len() as u64;
        let width = self.table_columns as u64;
        // In a fixed table's columns a product of one factor less than there are columns chooses one, once for all entries of a
        // row; each entry is then its product with the choice, or else the table's first.
        let expression = |degree: &usize| match self.table_degree {
            1 => 2 * (*degree as u64 - 2) + 1 + 4 * width,
            _ => 3 * width,
        };
        let expressions: u64 = self.input_degrees.iter().map(expression).sum();
        expressions + inputs * inputs
    }

    /// `required_degree` of halo2's mv_lookup.
    fn degree(&self) -> usize {
        let inputs: usize = self.input_degrees.iter().sum();
        (3 + self.input_degrees.len()).max(self.table_degree + inputs + 2)
    }
}

/// Columns, arguments and degree of a circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitShape {
    /// k, where the circuit has 2^k rows.
    pub logrows: u32,
    /// Advice columns of the layers, hashes and lookups in computed tables.
    pub working_columns: u64,
    /// Advice columns of each committed tensor, in the order of the graph's inputs, parameters and outputs.
    pub committed_columns: Vec<u64>,
    /// Pairs of an advice column and a row offset at which a constraint reads it.
    pub advice_queries: u64,
    /// Fixed columns after halo2 has compressed selectors: constants, tables, selectors.
    pub fixed_columns: RangeInclusive<u64>,
    /// The number in the range that the operations of a common network lead to.
    pub likely_fixed_columns: u64,
    /// Of these, columns of selectors that no committed circuit switches on: their commitments are the point at infinity.
    pub unused_columns: u64,
    /// Columns in the permutation argument.
    pub permutation_columns: u64,
    /// Selectors before compression; the verifying key keeps a bit for each of their rows.
    pub selectors: u64,
    /// Degree of each gate's polynomials, selector included, before compression.
    pub gate_degrees: Vec<usize>,
    /// Lookup arguments.
    pub lookups: Vec<LookupArgument>,
    /// The largest degree of a constraint.
    pub degree: usize,
    /// About how many modular operations evaluate the layers' gates once, with selectors shared as is likely.
    pub gate_operations: u64,
    /// The same of the lookups.
    pub lookup_operations: u64,
    /// Whether Poseidon's gates are there, too.
    pub hashes: bool,
    /// Cells that are assigned in the layers.
    pub cells: u64,
    /// Public values.
    pub instances: u64,
}

impl CircuitShape {
    /// The shape of the circuit that these settings lay out.
    ///
    /// # Errors
    /// [`ShapeError`].
    pub fn of(settings: &CircuitSettings) -> Result<Self, ShapeError> {
        Self::laid_out(&ColumnBasis {
            logrows: settings.logrows(),
            inner_columns: settings.inner_columns(),
            lookup_range: settings.lookup_range(),
            cells: settings.cells(),
            columns: settings.columns()?,
        })
    }

    /// The shape that a committed circuit will have, without EZKL: its settings follow from it.
    ///
    /// # Errors
    /// [`ShapeError::Value`] where it needs more rows than there are.
    pub fn of_committed(circuit: &CommittedCircuit) -> Result<Self, ShapeError> {
        Self::of(&CircuitSettings::of_committed(circuit))
    }

    fn laid_out(fields: &ColumnBasis) -> Result<Self, ShapeError> {
        let inner = fields.inner_columns;
        let logrows = fields.logrows;
        if inner == 0 {
            return Err(ShapeError::Value {
                field: "num_inner_cols",
                value: inner,
            });
        }
        // Below 2^4 rows a table has none; BN254's field has 2^28 roots of unity.
        if !(4..=28).contains(&logrows) {
            return Err(ShapeError::Value {
                field: "logrows",
                value: logrows.into(),
            });
        }
        Ok(Layout::configure(fields).into_shape(fields))
    }

    /// All advice columns.
    pub fn advice_columns(&self) -> u64 {
        self.working_columns + self.committed_columns.iter().sum::<u64>()
    }

    /// Rows, used or not.
    pub fn rows(&self) -> u64 {
        1 << self.logrows
    }

    /// How much larger the domain is on which halo2 evaluates the quotient.
    pub fn extension_factor(&self) -> u64 {
        (self.degree as u64 - 1).next_power_of_two()
    }

    /// Pieces of the quotient polynomial.
    pub fn quotient_pieces(&self) -> u64 {
        self.degree as u64 - 1
    }

    /// Product polynomials of the permutation argument.
    pub fn permutation_products(&self) -> u64 {
        self.permutation_columns.div_ceil(self.degree as u64 - 2)
    }
}

/// A selector that halo2 may share a column of: which operation it switches on, where, and its gate's degree.
#[derive(Debug, Clone, Copy)]
struct SimpleSelector {
    operation: Operation,
    block: u64,
    inner: u64,
    degree: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Operation {
    HashFull,
    HashPartial,
    HashPad,
    Add,
    Sub,
    Mult,
    DotInit,
    Dot,
    CumProd,
    CumProdInit,
    Sum,
    SumInit,
}

impl Operation {
    /// One value for one cell: these may stand beside each other in a row.
    const CELLWISE: [Self; 3] = [Self::Add, Self::Sub, Self::Mult];

    /// A row at a time: these begin at a row's first cell (`region.flush` in layouts.rs).
    const ACCUMULATING: [Self; 6] = [
        Self::DotInit,
        Self::Dot,
        Self::CumProd,
        Self::CumProdInit,
        Self::Sum,
        Self::SumInit,
    ];

    /// Whether committed circuits do without it: they add along an axis by products, and multiply along none.
    fn is_in_no_committed_circuit(self) -> bool {
        matches!(
            self,
            Self::CumProd | Self::CumProdInit | Self::Sum | Self::SumInit
        )
    }

    fn is_hash(self) -> bool {
        matches!(self, Self::HashFull | Self::HashPartial | Self::HashPad)
    }

    /// Additions and products of the gate without its selector.
    fn body_operations(self, inner: u64) -> u64 {
        match self {
            // Not a layer's: they are always the same, and are counted as one thing.
            Self::HashFull | Self::HashPartial | Self::HashPad => 0,
            Self::Add | Self::Sub | Self::Mult => 2,
            Self::DotInit => 2 * inner + 1,
            Self::Dot => 2 * inner + 2,
            Self::CumProd | Self::Sum => inner + 2,
            Self::CumProdInit | Self::SumInit => inner + 1,
        }
    }

    /// Degree of the gate, selector included, with so many inner columns.
    fn degree(self, inner: u64) -> usize {
        match self {
            // s · (state + constant)^5.
            Self::HashFull | Self::HashPartial => 6,
            Self::HashPad | Self::Add | Self::Sub | Self::Sum | Self::SumInit => 2,
            Self::Mult | Self::DotInit | Self::Dot => 3,
            Self::CumProdInit => 1 + inner as usize,
            Self::CumProd => 2 + inner as usize,
        }
    }
}

/// A circuit's parts as they are configured, before lookups share arguments and selectors share columns.
#[derive(Default)]
struct Layout {
    working_columns: u64,
    committed_columns: Vec<u64>,
    advice_queries: u64,
    fixed_columns: u64,
    permutation_columns: u64,
    simple_selectors: Vec<SimpleSelector>,
    complex_selectors: u64,
    gate_degrees: Vec<usize>,
    /// Lookups of each table, each table by itself.
    tables: Vec<LookupArgument>,
    blocks: u64,
}

impl Layout {
    fn configure(fields: &ColumnBasis) -> Self {
        let usable_rows = usable_rows(fields.logrows);
        let inner = fields.inner_columns;
        let mut layout = Self::default();

        for &elements in &fields.columns.module_sizes.polycommit {
            let columns = blocks(elements, usable_rows);
            layout.committed_columns.push(columns);
            layout.advice_queries += columns;
            layout.permutation_columns += columns;
        }

        layout.blocks = blocks(fields.cells, usable_rows * inner);
        let layers = 3 * layout.blocks * inner;
        let computed_tables = fields.columns.num_dynamic_lookups + fields.columns.num_shuffles > 0;
        let table_blocks = if computed_tables {
            blocks(
                fields.columns.total_dynamic_col_size + fields.columns.total_shuffle_col_size,
                usable_rows,
            )
        } else {
            0
        };
        layout.working_columns = layers + 3 * table_blocks;
        layout.advice_queries += layout.working_columns;
        layout.permutation_columns += layout.working_columns;

        let hashes = hashes(fields);
        let constants = match fields.columns.total_const_size {
            0 => u64::from(hashes),
            constants => blocks(constants, usable_rows),
        };
        layout.fixed_columns = constants;
        layout.permutation_columns += constants;
        if hashes {
            layout.configure_hash();
        }
        // The instance column, which is there even where it stays empty.
        layout.permutation_columns += 1;

        layout.configure_operations(inner);
        let table_rows = table_rows(fields.logrows);
        layout.configure_tables(fields, table_rows, layout.blocks * inner);
        for _ in [fields.columns.num_dynamic_lookups, fields.columns.num_shuffles]
            .into_iter()
            .filter(|&number| number > 0)
        {
            layout.configure_computed_tables(table_blocks, layout.blocks * inner);
        }
        layout
    }

    /// Poseidon's columns and gates (`pow5.rs` of halo2's gadgets).
    fn configure_hash(&mut self) {
        // The state, and one column for the partial rounds' S-box.
        self.working_columns += POSEIDON_WIDTH + 1;
        // The state is read in the row, the next and, to pad, the one before.
        self.advice_queries += 3 * POSEIDON_WIDTH + 1;
        // Two sets of round constants; the second takes part in the permutation, as the state does.
        self.fixed_columns += 2 * POSEIDON_WIDTH;
        self.permutation_columns += 2 * POSEIDON_WIDTH;
        for (operation, polynomials) in [
            (Operation::HashFull, POSEIDON_WIDTH),
            (Operation::HashPartial, POSEIDON_WIDTH + 1),
            (Operation::HashPad, POSEIDON_WIDTH),
        ] {
            let degree = operation.degree(1);
            self.simple_selectors.push(SimpleSelector {
                operation,
                block: 0,
                inner: 0,
                degree,
            });
            self.gate_degrees.extend((0..polynomials).map(|_| degree));
        }
    }

    /// The gates of arithmetic, in the order in which EZKL makes their selectors.
    fn configure_operations(&mut self, inner: u64) {
        let mut selector = |operation: Operation, block, column| {
            let degree = operation.degree(inner);
            self.simple_selectors.push(SimpleSelector {
                operation,
                block,
                inner: column,
                degree,
            });
            self.gate_degrees.push(degree);
        };
        for block in 0..self.blocks {
            for column in 0..inner {
                for operation in Operation::CELLWISE {
                    selector(operation, block, column);
                }
            }
        }
        for block in 0..self.blocks {
            for operation in Operation::ACCUMULATING {
                selector(operation, block, 0);
            }
        }
        // An accumulating gate reads its output's first column in the row before.
        self.advice_queries += self.blocks;
    }

    /// Static lookups and range checks: a selector for each cell of a row, and a lookup for each column of the table.
    fn configure_tables(&mut self, fields: &ColumnBasis, table_rows: u64, cells: u64) {
        let columns = |(low, high): (i128, i128)| {
            let values = u64::try_from(low.abs_diff(high)).unwrap_or(u64::MAX);
            values / table_rows + 1
        };
        // Every lookup's table has the same inputs, which share columns, and outputs of its own.
        let mut inputs_there = 0;
        for _ in &fields.columns.required_lookups {
            let table = columns(fields.lookup_range);
            self.fixed_columns += table.saturating_sub(inputs_there) + table;
            inputs_there = inputs_there.max(table);
            self.look_up(table, 2, cells);
        }
        let mut ranges = BTreeSet::new();
        for &range in &fields.columns.required_range_checks {
            if ranges.insert(range) {
                let table = columns(range);
                self.fixed_columns += table;
                self.look_up(table, 1, cells);
            }
        }
    }

    /// `cells` inputs that are each looked up in a table of `columns` columns with `width` entries in each row.
    fn look_up(&mut self, columns: u64, width: usize, cells: u64) {
        self.complex_selectors += cells;
        // Which column an input belongs to is chosen by a polynomial that vanishes at all others.
        let input_degree = columns as usize + 1;
        for _ in 0..columns {
            self.tables.push(LookupArgument {
                table_columns: width,
                table_degree: 1,
                input_degrees: (0..cells).map(|_| input_degree).collect(),
            });
        }
        // The choice itself is checked by a gate; with one column that is nothing, and has the selector's degree.
        let gate = if columns == 1 { 1 } else { columns as usize + 1 };
        self.gate_degrees.extend((0..cells).map(|_| gate));
    }

    /// Lookups in columns that the circuit itself computes: gathers, sorts.
    fn configure_computed_tables(&mut self, blocks: u64, cells: u64) {
        for _ in 0..blocks {
            self.complex_selectors += 1 + cells;
            self.tables.push(LookupArgument {
                // A 1 and three columns, all times the selector.
                table_columns: 4,
                table_degree: 2,
                input_degrees: (0..cells).map(|_| 2).collect(),
            });
        }
    }

    fn into_shape(self, fields: &ColumnBasis) -> CircuitShape {
        let gate_degree = self.gate_degrees.iter().copied().max().unwrap_or(0);
        let lookups = share_arguments(&self.tables, gate_degree);
        let degree = lookups
            .iter()
            .map(LookupArgument::degree)
            .max()
            .unwrap_or(1)
            .max(gate_degree)
            .max(PERMUTATION_DEGREE);
        let before = self.fixed_columns + self.complex_selectors;
        let shared = shared_columns(&self.simple_selectors, degree);
        let gate_operations = gate_operations(fields.inner_columns, &shared.likely);
        let likely = shared.likely.len() as u64;
        let is_unused = |selector: &SimpleSelector| selector.operation.is_in_no_committed_circuit();
        let unused = shared.likely.iter().filter(|group| group.iter().all(is_unused));
        let unused_columns = unused.count() as u64;
        let mut instances = fields.columns.module_sizes.poseidon.1.iter().sum::<u64>();
        for shape in &fields.columns.model_instance_shapes {
            instances += shape.iter().product::<u64>();
        }
        CircuitShape {
            logrows: fields.logrows,
            working_columns: self.working_columns,
            committed_columns: self.committed_columns,
            advice_queries: self.advice_queries,
            fixed_columns: before + shared.least..=before + shared.most,
            likely_fixed_columns: before + likely,
            unused_columns,
            permutation_columns: self.permutation_columns,
            selectors: self.simple_selectors.len() as u64 + self.complex_selectors,
            gate_degrees: self.gate_degrees,
            degree,
            gate_operations,
            lookup_operations: lookups.iter().map(LookupArgument::operations).sum(),
            hashes: hashes(fields),
            cells: fields.cells,
            instances,
            lookups,
        }
    }
}

/// Operations of the layers' gates: the body of each, and its selector, which is a polynomial that vanishes where the shared
/// column means another one.
fn gate_operations(inner: u64, groups: &[Vec<SimpleSelector>]) -> u64 {
    groups
        .iter()
        .flat_map(|group| {
            group
                .iter()
                .map(|selector| (selector.operation, group.len() as u64))
        })
        .filter(|(operation, _)| !operation.is_hash())
        .map(|(operation, sharing)| operation.body_operations(inner) + 2 * (sharing - 1) + 1)
        .sum()
}

/// Whether the Poseidon chip is configured.
fn hashes(fields: &ColumnBasis) -> bool {
    fields
        .columns
        .module_sizes
        .poseidon
        .1
        .iter()
        .any(|&number| number > 0)
}

/// Blocks of columns that EZKL gives so many cells, where one holds `capacity` (`VarTensor::new_advice`): at least one,
/// with room for the cell that each block repeats of the one before.
fn blocks(cells: u64, capacity: u64) -> u64 {
    let without_repeats = cells / capacity + 1;
    (cells + without_repeats) / capacity + 1
}

/// halo2's `chunk_lookups`: inputs of one table share an argument as far as that does not raise the circuit's degree.
fn share_arguments(tables: &[LookupArgument], gate_degree: usize) -> Vec<LookupArgument> {
    let single = |table: &LookupArgument| {
        let widest = table.input_degrees.iter().max().copied().unwrap_or(0);
        (table.table_degree + 2).max(3) + widest
    };
    let limit = tables.iter().map(single).max().unwrap_or(0).max(gate_degree);
    let mut all = Vec::new();
    for table in tables {
        let mut arguments: Vec<LookupArgument> = Vec::new();
        for &input in &table.input_degrees {
            let room = arguments
                .iter_mut()
                .find(|argument| argument.degree() + input <= limit);
            match room {
                Some(argument) => argument.input_degrees.push(input),
                None => arguments.push(LookupArgument {
                    input_degrees: vec![input],
                    ..table.clone()
                }),
            }
        }
        all.extend(arguments);
    }
    all
}

/// What halo2's `compress_selectors` makes of the simple selectors.
struct SharedColumns {
    /// The selectors of each column, for a circuit that uses what most networks do.
    likely: Vec<Vec<SimpleSelector>>,
    /// The fewest columns over all sets of operations that a circuit may use.
    least: u64,
    /// The most.
    most: u64,
}

/// Operations that a circuit may use or not. Sums and products come in pairs, first and continued, which share no row: one
/// bit for each pair is enough.
const OPTIONAL: [&[Operation]; 6] = [
    &[Operation::Add],
    &[Operation::Sub],
    &[Operation::Mult],
    &[Operation::DotInit, Operation::Dot],
    &[Operation::CumProd, Operation::CumProdInit],
    &[Operation::Sum, Operation::SumInit],
];

fn shared_columns(selectors: &[SimpleSelector], degree: usize) -> SharedColumns {
    // Only rare operators multiply along an axis.
    let likely = share_columns(selectors, degree, |operation| {
        !matches!(operation, Operation::CumProd | Operation::CumProdInit)
    });
    let (mut least, mut most) = (likely.len() as u64, likely.len() as u64);
    for set in 0_u32..1 << OPTIONAL.len() {
        let groups = share_columns(selectors, degree, |operation| {
            operation.is_hash()
                || (0..OPTIONAL.len()).any(|bit| set >> bit & 1 == 1 && OPTIONAL[bit].contains(&operation))
        });
        least = least.min(groups.len() as u64);
        most = most.max(groups.len() as u64);
    }
    SharedColumns { likely, least, most }
}

/// The greedy grouping of `compress_selectors::process`, for a circuit that uses some operations.
fn share_columns(
    selectors: &[SimpleSelector],
    degree: usize,
    is_used: impl Fn(Operation) -> bool,
) -> Vec<Vec<SimpleSelector>> {
    let meet = |a: &SimpleSelector, b: &SimpleSelector| {
        if !is_used(a.operation) || !is_used(b.operation) {
            return false;
        }
        // Hashes and blocks are laid out beside each other, in rows of their own columns.
        if a.operation.is_hash() != b.operation.is_hash() || a.block != b.block {
            return true;
        }
        let cellwise = |selector: &SimpleSelector| Operation::CELLWISE.contains(&selector.operation);
        cellwise(a) && cellwise(b) && a.inner != b.inner
    };
    let mut left = selectors.to_vec();
    let mut groups = Vec::new();
    while !left.is_empty() {
        let mut group: Vec<SimpleSelector> = Vec::new();
        let mut group_degree = 0;
        left.retain(|selector| {
            let joined = group_degree.max(selector.degree - 1);
            let joins = group.is_empty()
                || (joined + group.len() < degree && !group.iter().any(|member| meet(member, selector)));
            if joins {
                group_degree = joined;
                group.push(*selector);
            }
            !joins
        });
        groups.push(group);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(change: impl FnOnce(&mut serde_json::Value)) -> CircuitSettings {
        let mut json = serde_json::json!({
            "run_args": {
                "input_scale": 0, "param_scale": 0, "scale_rebase_multiplier": 1, "lookup_range": [0, 100],
                "logrows": 10, "num_inner_cols": 2, "rebase_frac_zero_constants": false, "decomp_base": 16384,
                "decomp_legs": 2, "epsilon": null, "disable_freivalds": true
            },
            "num_rows": 500, "total_assignments": 1000, "total_const_size": 3, "total_dynamic_col_size": 0,
            "num_dynamic_lookups": 0, "num_shuffles": 0, "total_shuffle_col_size": 0,
            "model_instance_shapes": [[2, 3], [4]], "model_input_scales": [0], "model_output_scales": [0],
            "module_sizes": {"polycommit": [], "poseidon": [0, [0]]}, "required_lookups": [],
            "required_range_checks": [], "einsum_params": {"equations": [], "total_einsum_col_size": 0},
            "version": "23.0.5"
        });
        change(&mut json);
        CircuitSettings::parse(&json.to_string()).unwrap()
    }

    fn shape(change: impl FnOnce(&mut serde_json::Value)) -> CircuitShape {
        CircuitShape::of(&settings(change)).unwrap()
    }

    #[test]
    fn inner_columns_raise_the_degree() {
        let degrees = [1, 2, 3, 4, 5].map(|inner| {
            let shape = shape(|json| json["run_args"]["num_inner_cols"] = inner.into());
            (shape.degree, shape.extension_factor(), shape.working_columns)
        });
        assert_eq!(degrees, [(3, 2, 3), (4, 4, 6), (5, 4, 9), (6, 8, 12), (7, 8, 15)]);
    }

    #[test]
    fn a_table_raises_it_by_its_columns() {
        let shape_of = |high: i64| {
            shape(|json| {
                json["required_lookups"] = serde_json::json!([{"Tanh": {"scale": 1.0}}]);
                json["run_args"]["lookup_range"] = serde_json::json!([0, high]);
            })
        };
        // 2^10 rows less 8.
        let one = shape_of(1015);
        assert_eq!((one.degree, one.lookups.len()), (5, 2));
        let two = shape_of(1016);
        assert_eq!((two.degree, two.lookups.len()), (6, 4));
        assert_eq!(two.likely_fixed_columns - one.likely_fixed_columns, 2 - 1);
    }

    /// Rows that can be used are 2^10 less 6; EZKL adds a column where the tensor and its repeated cells reach them.
    #[test]
    fn a_committed_tensor_has_columns_of_its_own() {
        let columns = |elements: u64| {
            shape(|json| json["module_sizes"]["polycommit"] = serde_json::json!([elements, 1]))
                .committed_columns
        };
        assert_eq!(columns(1), [1, 1]);
        assert_eq!(columns(1016), [1, 1]);
        assert_eq!(columns(1017), [2, 1]);
        assert_eq!(columns(1018), [2, 1]);
        assert_eq!(columns(2033), [2, 1]);
        assert_eq!(columns(2034), [3, 1]);
    }

    #[test]
    fn instances_are_counted() {
        assert_eq!(shape(|_| ()).instances, 10);
        let hashed = shape(|json| json["module_sizes"]["poseidon"] = serde_json::json!([100, [2]]));
        assert_eq!((hashed.instances, hashed.degree), (12, 6));
    }

    /// What halo2 makes of these is known from real keys.
    #[test]
    fn one_block_of_few_columns_leaves_no_doubt() {
        for inner in 1..=4 {
            let shape = shape(|json| json["run_args"]["num_inner_cols"] = inner.into());
            assert_eq!(shape.fixed_columns.start(), shape.fixed_columns.end());
        }
        let blocks = shape(|json| json["total_assignments"] = 4000.into());
        assert!(blocks.fixed_columns.start() < blocks.fixed_columns.end());
        assert!(blocks.fixed_columns.contains(&blocks.likely_fixed_columns));
    }

    #[test]
    fn settings_that_lay_out_nothing_are_refused() {
        let none = settings(|json| json["run_args"]["num_inner_cols"] = 0.into());
        assert!(
            CircuitShape::of(&none)
                .unwrap_err()
                .to_string()
                .contains("num_inner_cols = 0")
        );
        let small = settings(|json| json["run_args"]["logrows"] = 3.into());
        assert!(CircuitShape::of(&small).is_err());
        let older = settings(|json| json["module_sizes"] = serde_json::Value::Null);
        assert!(CircuitShape::of(&older).is_err());
    }
}
