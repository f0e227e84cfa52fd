//! EZKL's settings of a circuit that is written here (`GraphSettings` and `RunArgs`): as JSON, and as part of the file.
//!
//! Keys follow from what is in the file; verification and the Solidity generator read the JSON. Both come from one value.
//! What EZKL would use to read ONNX, to quantise, to rescale or to decompose has its smallest value here, since nothing does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::encode::Encoder;
use super::{Counts, FORMAT_VERSION, Frame, Function, Graph, Operator, Table};

/// Base and number of the digits of a range check. There is none, but EZKL refuses a base below 2.
const DECOMPOSITION: (u64, u64) = (16_384, 2);

/// What EZKL adds to a denominator, as it is where nobody asks for another. Nothing is divided.
const EPSILON: f64 = f64::EPSILON;

/// The type of every input and output (`InputType::F32`): how EZKL would read a number that is no field element.
const TYPE: (&str, u32) = ("F32", 2);

/// A visibility: its name and its number.
type Tag = (&'static str, u32);

pub(super) const INPUT_VISIBILITY: Tag = ("KZGCommit", 3);
pub(super) const PARAMETER_VISIBILITY: Tag = ("Fixed", 4);
pub(super) const OUTPUT_VISIBILITY: Tag = ("Public", 1);

/// The check mode in which a witness out of a table is no error before a proof is verified.
const CHECK_MODE: (&str, u32) = ("UNSAFE", 1);

/// An equation in Einstein's notation and the sizes of its indices.
type Product = (String, BTreeMap<char, usize>);

/// What EZKL must be told of a circuit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    frame: Frame,
    counts: Counts,
    /// Elements of each committed tensor.
    committed: Vec<usize>,
    /// Sizes of each public tensor.
    public: Vec<Vec<usize>>,
    functions: Vec<Function>,
    products: Vec<Product>,
}

impl Settings {
    pub(super) fn of(graph: &Graph, frame: Frame, counts: Counts) -> Self {
        let products = graph.nodes().iter().filter_map(|node| match &node.operator {
            Operator::Einsum { equation, .. } => {
                let (operands, _) = equation.split_once("->")?;
                let letters = operands.split(',').flat_map(str::chars);
                let sizes = node.inputs.iter().flat_map(|&id| graph.shape(id));
                Some((equation.clone(), letters.zip(sizes.copied()).collect()))
            }
            _ => None,
        });
        Self {
            frame,
            counts,
            committed: graph.inputs().map(|id| graph.len(id)).collect(),
            public: graph
                .outputs()
                .iter()
                .map(|&id| graph.shape(id).to_vec())
                .collect(),
            functions: graph.functions(),
            products: products.collect(),
        }
    }

    /// Elements of each committed tensor.
    pub(super) fn committed(&self) -> &[usize] {
        &self.committed
    }

    /// The settings' file.
    pub(super) fn json(&self) -> Value {
        let Frame {
            inner_columns,
            logrows,
            table_range,
        } = self.frame;
        let types = |tensors: usize| vec![TYPE.0; tensors];
        json!({
            "run_args": {
                "input_scale": 0,
                "param_scale": 0,
                "rebase_scale": null,
                "scale_rebase_multiplier": 1,
                "lookup_range": table_range,
                "logrows": logrows,
                "num_inner_cols": inner_columns,
                "variables": [],
                "input_visibility": INPUT_VISIBILITY.0,
                "output_visibility": OUTPUT_VISIBILITY.0,
                "param_visibility": PARAMETER_VISIBILITY.0,
                "rebase_frac_zero_constants": false,
                "check_mode": CHECK_MODE.0,
                "decomp_base": DECOMPOSITION.0,
                "decomp_legs": DECOMPOSITION.1,
                "bounded_log_lookup": false,
                "ignore_range_check_inputs_outputs": true,
                "epsilon": EPSILON,
                "disable_freivalds": true,
            },
            "num_rows": self.counts.rows(inner_columns),
            "total_assignments": self.counts.cells,
            "total_const_size": self.counts.constants,
            "total_dynamic_col_size": 0,
            "max_dynamic_input_len": 0,
            "num_dynamic_lookups": 0,
            "num_shuffles": 0,
            "total_shuffle_col_size": 0,
            "einsum_params": {"equations": self.products, "total_einsum_col_size": 0},
            "model_instance_shapes": self.public,
            "model_output_scales": vec![0; self.public.len()],
            "model_input_scales": vec![0; self.committed.len()],
            "module_sizes": {"polycommit": self.committed, "poseidon": [0, [0]]},
            "required_lookups": self.functions.iter().copied().map(function_json).collect::<Vec<_>>(),
            "required_range_checks": [],
            "check_mode": CHECK_MODE.0,
            "version": FORMAT_VERSION,
            "num_blinding_factors": null,
            "timestamp": 0,
            "input_types": types(self.committed.len()),
            "output_types": types(self.public.len()),
        })
    }

    /// The settings as part of the file.
    pub(super) fn encode(&self, file: &mut Encoder) {
        self.encode_run_args(file);
        file.size(self.counts.rows(self.frame.inner_columns));
        file.size(self.counts.cells);
        file.size(self.counts.constants);
        // Look-ups in computed tables, in columns, in the longest, and in number; then sorts and their columns.
        for _ in 0..5 {
            file.size(0);
        }
        file.list(&self.products, |file, (equation, sizes)| {
            file.text(equation);
            file.list(sizes, |file, (&letter, &size)| {
                file.character(letter);
                file.size(size);
            });
        });
        // Cells of built-in Freivalds checks.
        file.size(0);
        file.list(&self.public, |file, shape| file.sizes(shape));
        file.list(&self.public, |file, _| file.scale(0));
        file.list(&self.committed, |file, _| file.scale(0));
        file.sizes(&self.committed);
        // Hashes: rows, then their number.
        file.size(0);
        file.sizes(&[0]);
        file.list(&self.functions, |file, &function| file.function(function));
        // Range checks.
        file.sizes(&[]);
        file.tag(CHECK_MODE.1);
        file.text(FORMAT_VERSION);
        // Blinding factors, then the time of writing, which EZKL's JSON must have.
        file.none();
        file.some();
        file.integer(0);
        for tensors in [self.committed.len(), self.public.len()] {
            file.some();
            file.types(tensors);
        }
    }

    fn encode_run_args(&self, file: &mut Encoder) {
        file.scale(0);
        file.scale(0);
        file.none();
        file.tag(1);
        file.integer(self.frame.table_range.0);
        file.integer(self.frame.table_range.1);
        file.tag(self.frame.logrows);
        file.size(self.frame.inner_columns);
        file.sizes(&[]);
        for visibility in [INPUT_VISIBILITY, OUTPUT_VISIBILITY, PARAMETER_VISIBILITY] {
            file.tag(visibility.1);
        }
        // rebase_frac_zero_constants.
        file.flag(false);
        file.tag(CHECK_MODE.1);
        file.size(DECOMPOSITION.0 as usize);
        file.size(DECOMPOSITION.1 as usize);
        // bounded_log_lookup, ignore_range_check_inputs_outputs, epsilon, disable_freivalds.
        file.flag(false);
        file.flag(true);
        file.some();
        file.double(EPSILON);
        file.flag(true);
    }
}

/// A function's unit as EZKL has it: how many of the table's integers make 1.
pub(super) fn unit(scale: u32) -> f32 {
    f64::from(scale).exp2() as f32
}

/// The name that EZKL has for a table's function, and for its parameter where it has one.
pub(crate) fn function_name(table: Table) -> (&'static str, Option<&'static str>) {
    match table {
        Table::Rectifier | Table::Root => ("Pow", Some("a")),
        Table::Sigmoid => ("Sigmoid", None),
        Table::Tanh => ("Tanh", None),
        Table::Exponential => ("Exp", Some("base")),
        Table::Logarithm => ("Ln", None),
        Table::ErrorFunction => ("Erf", None),
        Table::Cosine => ("Cos", None),
        Table::Sine => ("Sin", None),
        Table::Tangent => ("Tan", None),
        Table::ArcCosine => ("ACos", None),
        Table::ArcSine => ("ASin", None),
        Table::ArcTangent => ("ATan", None),
        Table::HyperbolicCosine => ("Cosh", None),
        Table::HyperbolicSine => ("Sinh", None),
        Table::AreaCosine => ("ACosh", None),
        Table::AreaSine => ("ASinh", None),
        Table::AreaTangent => ("ATanh", None),
    }
}

fn function_json(function: Function) -> Value {
    let (name, parameter) = function_name(function.table);
    let mut arguments = json!({"scale": shortest(unit(function.scale))});
    if let (Some(parameter), Some(value)) = (parameter, function.table.parameter()) {
        arguments[parameter] = shortest(value).into();
    }
    json!({ name: arguments })
}

/// The double that is written with as few digits as this float, which are what EZKL writes.
fn shortest(float: f32) -> f64 {
    float.to_string().parse().expect("a number's text is a number")
}
