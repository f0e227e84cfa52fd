//! What EZKL 23.0.5 would load as another function than the file's, or not at all.
//!
//! Goes in: a node that depends on the model's input, and what is known of the values that it reads. Comes out: what of it a
//! direct circuit would get wrong, each with what the user can do. EZKL's loader (`src/graph/utilities.rs`,
//! `new_op_from_onnx`) works on what tract (revision 37132e0) makes of the file: some attributes are lost in the one, some in
//! the other. A committed circuit is laid out by evmbench itself and has none of these limits.

use std::collections::HashMap;
use std::sync::Arc;

use tract_onnx::pb::{NodeProto, attribute_proto::AttributeType, tensor_proto::DataType};

use super::fit::Read;
use crate::wire::constant::{Constant, Integers, constant, constant_node};
use crate::wire::node::{Attributes, is_standard};

/// What of a node cannot be followed, and what the user can do about it.
pub(super) struct Misreading {
    /// The attribute or input with its value: "`ceil_mode` is 1".
    pub(super) reason: String,
    /// What the user can do about it.
    pub(super) remedy: &'static str,
}

/// What kind of numbers a value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Float,
    Integer,
    Truth,
}

/// At which scale EZKL holds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// Floats at the circuit's or a finer one; integers and truth values at 0.
    Usual,
    /// Floats at a coarser one than the circuit's: whole numbers, and what is computed of them exactly.
    Coarse,
    /// Truth values at that of the floats that were compared, so that 1 stands for a float's least unit.
    Misplaced,
}

/// What is known of a value before the model runs.
#[derive(Clone)]
struct Known {
    kind: Kind,
    scale: Scale,
    /// No element is below 0, whatever the input.
    is_nonnegative: bool,
    /// It does not depend on the input.
    is_constant: bool,
    /// Its elements, where the file has them.
    constant: Option<Arc<Constant>>,
}

/// The most sizes and positions that are looked at together.
const MOST_JOINED: usize = 1 << 16;

impl Known {
    /// A value that depends on the input.
    const fn variable(kind: Kind, scale: Scale, is_nonnegative: bool) -> Self {
        Self {
            kind,
            scale,
            is_nonnegative,
            is_constant: false,
            constant: None,
        }
    }

    fn constant(constant: Option<Arc<Constant>>) -> Self {
        let (kind, is_nonnegative) = match constant.as_deref() {
            Some(Constant::Floats(tensor)) => (Kind::Float, tensor.data.iter().all(|&x| x >= 0.0)),
            Some(Constant::Ints(integers)) => (Kind::Integer, integers.data.iter().all(|&x| x >= 0)),
            None => (Kind::Float, false),
        };
        Self {
            kind,
            scale: Scale::Usual,
            is_nonnegative,
            is_constant: true,
            constant,
        }
    }
}

/// What is known of every value so far, by name.
#[derive(Default)]
pub(super) struct Values<'a>(HashMap<&'a str, Known>);

impl<'a> Values<'a> {
    /// A graph input of floats.
    pub(super) fn input(&mut self, name: &'a str) {
        self.0
            .insert(name, Known::variable(Kind::Float, Scale::Usual, false));
    }

    /// An initialiser.
    pub(super) fn initializer(&mut self, tensor: &'a tract_onnx::pb::TensorProto) {
        let known = Known::constant(constant(tensor).ok().map(Arc::new));
        self.0.insert(&tensor.name, known);
    }

    /// Whether a value is the same for every input.
    pub(super) fn is_constant(&self, name: &str) -> bool {
        name.is_empty() || self.0.get(name).is_some_and(|known| known.is_constant)
    }

    /// Whether a value is known at all: something before it gives it.
    pub(super) fn is_given(&self, name: &str) -> bool {
        name.is_empty() || self.0.contains_key(name)
    }

    /// What follows for a node's outputs.
    pub(super) fn node(&mut self, node: &'a NodeProto) {
        let known = if !is_standard(&node.domain) {
            // Whatever its name is, it is none of the operators below.
            Known::variable(Kind::Float, Scale::Usual, false)
        } else if node.input.iter().all(|name| self.is_constant(name)) {
            Known::constant(self.folded(node))
        } else {
            Known::variable(self.kind(node), self.scale(node), self.is_nonnegative(node))
        };
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            self.0.insert(name, known.clone());
        }
    }

    fn read(&self, node: &NodeProto, position: usize) -> Option<&Known> {
        let name = node.input.get(position).filter(|name| !name.is_empty())?;
        self.0.get(name.as_str())
    }

    /// The elements of a constant that the file has, perhaps in another shape; `None` where they are computed.
    fn folded(&self, node: &NodeProto) -> Option<Arc<Constant>> {
        let first = || self.read(node, 0)?.constant.clone();
        match node.op_type.as_str() {
            "Constant" => constant_node(node).ok().map(Arc::new),
            "Identity" | "Reshape" | "Unsqueeze" | "Squeeze" | "Flatten" => first(),
            // Only their order differs, which nobody here asks for.
            "Cast" => first().filter(|constant| matches!(**constant, Constant::Ints(_))),
            "Concat" => {
                let mut all = Vec::new();
                for position in 0..node.input.len() {
                    match self.elements(node, position)? {
                        // Joined with itself again and again, a list doubles each time.
                        Constant::Ints(integers) if all.len() + integers.data.len() <= MOST_JOINED => {
                            all.extend(&integers.data);
                        }
                        Constant::Ints(_) | Constant::Floats(_) => return None,
                    }
                }
                // The elements' order is that of the first axis alone, which sizes and positions have no other than.
                Some(Arc::new(Constant::Ints(Integers::flat(all))))
            }
            _ => None,
        }
    }

    /// A node's inputs as far as the file tells, without their shapes.
    pub(super) fn reads(&self, node: &NodeProto) -> Vec<Read> {
        let read = |position| {
            let constant = self.elements(node, position);
            if constant.is_none_or(|constant| constant.len() > MOST_JOINED) {
                return Read::default();
            }
            Read {
                shape: None,
                integers: self.integers(node, position).map(<[i64]>::to_vec),
                numbers: self.numbers(node, position),
            }
        };
        (0..node.input.len()).map(read).collect()
    }

    /// The elements of a constant input.
    fn elements(&self, node: &NodeProto, position: usize) -> Option<&Constant> {
        self.read(node, position)?.constant.as_deref()
    }

    fn integers(&self, node: &NodeProto, position: usize) -> Option<&[i64]> {
        match self.elements(node, position)? {
            Constant::Ints(integers) => Some(&integers.data),
            Constant::Floats(_) => None,
        }
    }

    fn numbers(&self, node: &NodeProto, position: usize) -> Option<Vec<f64>> {
        Some(match self.elements(node, position)? {
            Constant::Ints(integers) => integers.data.iter().map(|&x| x as f64).collect(),
            Constant::Floats(tensor) => tensor.data.iter().copied().map(f64::from).collect(),
        })
    }

    fn kind(&self, node: &NodeProto) -> Kind {
        let of = |position| self.read(node, position).map_or(Kind::Float, |known| known.kind);
        match node.op_type.as_str() {
            "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Xor"
            | "Not" => Kind::Truth,
            "ArgMax" | "ArgMin" | "Shape" | "Size" => Kind::Integer,
            "Cast" => match Attributes(node).int("to").map(data_type) {
                Some(DataType::Bool) => Kind::Truth,
                Some(to) if is_float(to) => Kind::Float,
                _ => Kind::Integer,
            },
            "OneHot" => of(2),
            "Where" => of(1),
            // Their inputs are of one type, which a computed constant does not tell.
            "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min" | "Sum" => {
                let kinds = self.variables(node).map(|known| known.kind);
                kinds.fold(of(0), |all, kind| if kind == Kind::Integer { kind } else { all })
            }
            _ => of(0),
        }
    }

    /// What of a node's inputs depends on the model's.
    fn variables(&self, node: &NodeProto) -> impl Iterator<Item = &Known> {
        let inputs = (0..node.input.len()).filter_map(|position| self.read(node, position));
        inputs.filter(|known| !known.is_constant)
    }

    /// The scale of a node's result (EZKL: `out_scale` of each operator, and which inputs it brings to one scale).
    fn scale(&self, node: &NodeProto) -> Scale {
        let of = |position| {
            self.read(node, position)
                .map_or(Scale::Usual, |known| known.scale)
        };
        let coarse_if = |is_coarse| if is_coarse { Scale::Coarse } else { Scale::Usual };
        match node.op_type.as_str() {
            // All other comparisons are at scale 0.
            "Equal"
                if (self.variables(node))
                    .any(|known| known.kind == Kind::Float || known.scale != Scale::Usual) =>
            {
                Scale::Misplaced
            }
            "Where" if [of(1), of(2)].contains(&Scale::Misplaced) => Scale::Misplaced,
            operator if moves(operator) && of(0) == Scale::Misplaced => Scale::Misplaced,
            _ if self.kind(node) != Kind::Float => Scale::Usual,
            "OneHot" | "Hardmax" | "Sign" => Scale::Coarse,
            "Cast" => {
                let from = self.read(node, 0);
                coarse_if(from.is_some_and(|from| from.kind != Kind::Float || from.scale == Scale::Coarse))
            }
            // These have a scale of their own.
            "InstanceNormalization" | "LayerNormalization" | "Reciprocal" | "Softsign" => Scale::Usual,
            _ => {
                let floats = self.variables(node).filter(|known| known.kind == Kind::Float);
                let scales: Vec<Scale> = floats.map(|known| known.scale).collect();
                let are_coarse = !scales.is_empty() && scales.iter().all(|&scale| scale == Scale::Coarse);
                coarse_if(are_coarse && !self.is_lifted(node))
            }
        }
    }

    /// Whether a constant of floats, which is at the circuit's scale, gives the result of coarser values that scale. tract drops
    /// one that changes nothing, and EZKL takes one number that is a power of two for a change of scale.
    fn is_lifted(&self, node: &NodeProto) -> bool {
        let is_constant = |position: &usize| self.is_constant(&node.input[*position]);
        let mut constants = (0..node.input.len())
            .filter(is_constant)
            .filter(|&position| self.has(node, position));
        let mut any = |counts: fn(f64) -> bool| {
            constants.any(|position| {
                let numbers = self.numbers(node, position);
                numbers.is_some_and(|numbers| numbers.into_iter().any(counts))
            })
        };
        match node.op_type.as_str() {
            "Add" | "Sub" | "Sum" | "Max" | "Min" | "Concat" | "Clip" => any(|number| number != 0.0),
            "Where" => !is_constant(&0) && any(|number| number != 0.0),
            "Mul" | "Div" | "Mean" => any(|number| number != 0.0 && number.abs().log2().fract() != 0.0),
            "MatMul" | "Gemm" | "Conv" | "ConvTranspose" | "Einsum" => constants.next().is_some(),
            _ => false,
        }
    }

    fn has(&self, node: &NodeProto, position: usize) -> bool {
        self.read(node, position).is_some()
    }

    /// Whether a value's 1 is another number to EZKL.
    pub(super) fn is_misplaced(&self, name: &str) -> bool {
        self.0
            .get(name)
            .is_some_and(|known| known.scale == Scale::Misplaced)
    }

    /// Whether an operator's result cannot be below 0.
    fn is_nonnegative(&self, node: &NodeProto) -> bool {
        let of = |position| {
            self.read(node, position)
                .is_some_and(|known| known.is_nonnegative)
        };
        let of_all = || (0..node.input.len()).all(of);
        match node.op_type.as_str() {
            "Relu" | "Sigmoid" | "HardSigmoid" | "Abs" | "Exp" | "Sqrt" | "Softmax" | "Softplus"
            | "ReduceL1" | "ReduceL2" | "ReduceSumSquare" => true,
            "MaxPool" | "AveragePool" | "GlobalMaxPool" | "GlobalAveragePool" | "Reshape" | "Flatten"
            | "Squeeze" | "Unsqueeze" | "Transpose" | "Identity" | "Dropout" | "Slice" | "Gather" => of(0),
            "Add" | "Sum" | "Min" | "Mean" | "Concat" => of_all(),
            "Mul" => of_all() || node.input.first() == node.input.get(1),
            "Max" => (0..node.input.len()).any(of),
            // The least of both bounds, which ONNX applies in this order.
            "Clip" => {
                let attributes = Attributes(node);
                let bound = |position, name| match self.numbers(node, position).as_deref() {
                    Some(&[bound]) => Some(bound),
                    _ => attributes.float(name).map(f64::from),
                };
                (of(0) || bound(1, "min").is_some_and(|least| least >= 0.0))
                    && (node.input.get(2).is_none_or(String::is_empty) || bound(2, "max").is_some())
                    && bound(2, "max").is_none_or(|greatest| greatest >= 0.0)
            }
            _ => false,
        }
    }

    /// Everything about a node that depends on the input and that EZKL would not take as it is.
    pub(super) fn misreadings(&self, node: &NodeProto, opset: i64) -> Vec<Misreading> {
        let mut check = self.check(node, opset);
        check.scales();
        check.run();
        check.found
    }

    /// Everything about a node that depends on constants alone and that tract would not compute as it is.
    pub(super) fn misfoldings(&self, node: &NodeProto, opset: i64) -> Vec<Misreading> {
        let mut check = self.check(node, opset);
        match node.op_type.as_str() {
            "BatchNormalization" => check.batch_normalization(),
            "Dropout" if check.trains() => check.refuse("training_mode is not false", EVAL),
            "LSTM" | "GRU" | "RNN" => check.recurrent(),
            _ => {}
        }
        check.found
    }

    fn check<'b>(&'b self, node: &'b NodeProto, opset: i64) -> Check<'b> {
        Check {
            values: self,
            node,
            attributes: Attributes(node),
            opset,
            found: Vec::new(),
        }
    }
}

/// Whether an operator gives elements of its first input as they are, in another order or shape.
fn moves(operator: &str) -> bool {
    matches!(
        operator,
        "Flatten" | "Gather" | "Identity" | "Reshape" | "Slice" | "Squeeze" | "Transpose" | "Unsqueeze"
    )
}

/// Operators whose result EZKL rounds at the scale of their input, whatever the circuit's is.
const ROUNDS: [&str; 28] = [
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "AveragePool",
    "Celu",
    "Cos",
    "Cosh",
    "Elu",
    "Erf",
    "Exp",
    "HardSwish",
    "Log",
    "LogSoftmax",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "Selu",
    "Sigmoid",
    "Sin",
    "Sinh",
    "Softmax",
    "Softplus",
    "Sqrt",
    "Tan",
    "Tanh",
];

/// ONNX's number of an element type.
fn data_type(number: i64) -> DataType {
    i32::try_from(number)
        .ok()
        .and_then(|number| DataType::try_from(number).ok())
        .unwrap_or(DataType::Undefined)
}

fn is_float(kind: DataType) -> bool {
    matches!(kind, DataType::Float | DataType::Double | DataType::Float16)
}

/// The remedy for what a training framework exports differently in training.
const EVAL: &str = "call model.eval() before export";
const FOLD: &str =
    "fold constants before the export: torch.onnx.export(…, do_constant_folding=True), or onnxsim";

/// One node under examination.
struct Check<'a> {
    values: &'a Values<'a>,
    node: &'a NodeProto,
    attributes: Attributes<'a>,
    opset: i64,
    found: Vec<Misreading>,
}

impl Check<'_> {
    fn refuse(&mut self, reason: impl Into<String>, remedy: &'static str) {
        self.found.push(Misreading {
            reason: reason.into(),
            remedy,
        });
    }

    /// Refuses an integer attribute unless it is left out or has this value.
    fn only_int(&mut self, name: &str, value: i64, remedy: &'static str) {
        if let Err(reason) = self.attributes.expect_int(name, value) {
            self.refuse(reason, remedy);
        }
    }

    /// Refuses a text attribute unless it is left out or has this value.
    fn only_text(&mut self, name: &str, value: &str, remedy: &'static str) {
        if let Some(found) = self
            .attributes
            .text(name)
            .filter(|&found| found != value.as_bytes())
        {
            self.refuse(
                format!("{name} is {}, not {value}", String::from_utf8_lossy(found)),
                remedy,
            );
        }
    }

    fn absent(&mut self, name: &str, remedy: &'static str) {
        if self.node.attribute.iter().any(|attribute| attribute.name == name) {
            self.refuse(format!("{name} is set"), remedy);
        }
    }

    fn has_input(&self, position: usize) -> bool {
        self.node.input.get(position).is_some_and(|name| !name.is_empty())
    }

    fn run(&mut self) {
        match self.node.op_type.as_str() {
            "ArgMax" | "ArgMin" => {
                self.only_int(
                    "select_last_index",
                    0,
                    "let the first of equal elements be selected",
                );
            }
            "AveragePool" => self.average_pool(),
            "BatchNormalization" => self.batch_normalization(),
            "Cast" => self.cast(),
            "Conv" => self.padding(),
            "ConvTranspose" => {
                self.only_text("auto_pad", "NOTSET", "write the padding out as pads");
                self.absent("output_shape", "write the padding out as pads and output_padding");
                self.padding();
                self.transposed();
            }
            "Div" if self.values.kind(self.node) == Kind::Integer => {
                self.refuse(
                    "EZKL keeps the fraction that a quotient of integers leaves out",
                    "cast to floats before, divide, and take Floor",
                );
            }
            "ReduceMean" if self.values.kind(self.node) == Kind::Integer => {
                self.refuse(
                    "EZKL rounds the mean of integers otherwise",
                    "cast to floats before",
                );
            }
            "Dropout" => self.dropout(),
            "Expand" => self.expand(),
            "Gather" => self.positions(1, -1),
            "GatherElements" | "GatherND" => self.positions(1, 0),
            "ScatterElements" | "ScatterND" => {
                self.positions(1, 0);
                self.only_text("reduction", "none", "scatter without a reduction");
            }
            "LSTM" | "GRU" | "RNN" => self.recurrent(),
            "LayerNormalization" => {
                self.only_int("stash_type", 1, "normalise in float32, which is ONNX's default");
            }
            "MaxPool" => self.max_pool(),
            "OneHot" => self.one_hot(),
            "Pad" => self.pad(),
            "Pow" => self.pow(),
            "Reshape" => {
                let sizes = self.values.integers(self.node, 1);
                if sizes.is_none_or(|sizes| sizes.contains(&0)) {
                    self.only_int("allowzero", 0, "write all sizes out");
                }
            }
            "Resize" => self.resize(),
            "Slice"
                if self
                    .values
                    .integers(self.node, 4)
                    .is_some_and(|steps| steps.iter().any(|&s| s < 1)) =>
            {
                self.refuse("a step is negative", "slice forwards");
            }
            "SpaceToDepth" => self.only_text("mode", "DCR", "use the mode DCR"),
            "Split" => {
                let outputs = i64::try_from(self.node.output.len()).unwrap_or(i64::MAX);
                self.only_int("num_outputs", outputs, "name as many outputs as there are parts");
            }
            "TopK" => self.only_int("sorted", 1, "let the elements be sorted"),
            name if name.starts_with("Reduce") => {
                self.only_int(
                    "noop_with_empty_axes",
                    0,
                    "name the axes, or leave the operator out",
                );
                if self.has_input(1)
                    && !self
                        .values
                        .read(self.node, 1)
                        .is_some_and(|axes| axes.is_constant)
                {
                    self.refuse("its axes are not constant", "name the axes in the file");
                }
            }
            _ => {}
        }
    }

    /// Inputs that EZKL holds at a scale with which it computes something else.
    fn scales(&mut self) {
        let operator = self.node.op_type.as_str();
        let reads_truth = matches!(operator, "And" | "Not" | "Or" | "Xor");
        let reads = |position| match operator {
            "Where" => position == 0,
            _ => reads_truth || (position == 0 && moves(operator)),
        };
        let is_misread =
            |position: usize| self.values.is_misplaced(&self.node.input[position]) && !reads(position);
        if (0..self.node.input.len()).any(is_misread) {
            self.refuse(
                "it reads what Equal gives of floats, whose 1 EZKL takes for a float's least unit",
                "select with Where(equal, 1, 0) in place of a Cast, or compare with And(GreaterOrEqual, LessOrEqual)",
            );
        }
        let whole = |exponent: &[f64]| matches!(exponent, [exponent] if exponent.fract() == 0.0);
        let rounds = match operator {
            "Pow" => !self.values.numbers(self.node, 1).as_deref().is_some_and(whole),
            _ => ROUNDS.contains(&operator),
        };
        let is_coarse = self
            .values
            .read(self.node, 0)
            .is_some_and(|known| known.scale == Scale::Coarse);
        if rounds && is_coarse {
            self.refuse(
                "it reads whole numbers (of Cast, OneHot, Hardmax or Sign), which EZKL holds without digits after the point, and \
                 rounds the result in the same way",
                "select constants with Where in place of the Cast, or add a constant to what it reads",
            );
        }
    }

    fn batch_normalization(&mut self) {
        self.only_int("training_mode", 0, EVAL);
        self.only_int("spatial", 1, "use operator set 9 or later");
        if self.node.output.iter().skip(1).any(|name| !name.is_empty()) {
            self.refuse("it has more than one output, as in training", EVAL);
        }
    }

    /// Windows: what ONNX allows to be said in two ways.
    fn padding(&mut self) {
        let pads = self.attributes.ints("pads").unwrap_or(&[]);
        if pads.iter().any(|&pad| pad < 0) {
            self.refuse(format!("pads is {pads:?}"), "crop with Slice before it");
        }
        let sets_mode = self
            .attributes
            .text("auto_pad")
            .is_some_and(|mode| mode != b"NOTSET");
        if sets_mode
            && self
                .node
                .attribute
                .iter()
                .any(|attribute| attribute.name == "pads")
        {
            self.refuse("auto_pad and pads are both set", "leave auto_pad out");
        }
    }

    /// What EZKL's transposed convolution fails on.
    fn transposed(&mut self) {
        let strides = self.attributes.ints("strides").unwrap_or(&[]);
        if strides.iter().any(|&stride| stride > 2) {
            self.refuse(
                format!("strides is {strides:?}, and EZKL lays out strides of 1 and 2 alone"),
                "use several layers of stride 2, or Resize and Conv",
            );
        }
        let added = self.attributes.ints("output_padding").unwrap_or(&[]);
        let pads = self.attributes.ints("pads").unwrap_or(&[]);
        let after = |axis: usize| pads.get(axis + added.len()).copied().unwrap_or(0);
        if (added.iter().enumerate()).any(|(axis, &more)| more > after(axis)) {
            self.refuse(
                format!("output_padding is {added:?}, and EZKL needs pads of as much at the end"),
                "use another output_padding, or pad the result",
            );
        }
    }

    /// Whether a window may reach over the edge of what it reads.
    fn is_padded(&self) -> bool {
        let pads = self.attributes.ints("pads").unwrap_or(&[]);
        let mode = self.attributes.text("auto_pad");
        pads.iter().any(|&pad| pad != 0) || mode.is_some_and(|mode| mode.starts_with(b"SAME"))
    }

    fn pool(&mut self) {
        self.padding();
        self.only_int(
            "ceil_mode",
            0,
            "export with ceil_mode=False, on an input whose size the windows divide",
        );
    }

    fn average_pool(&mut self) {
        self.pool();
        let mode = self.attributes.text("auto_pad").unwrap_or_default();
        if mode.starts_with(b"SAME") {
            self.refuse(
                format!("auto_pad is {}", String::from_utf8_lossy(mode)),
                "write the padding out as pads with count_include_pad=1, or pool without padding",
            );
        } else if self.is_padded() && self.attributes.int("count_include_pad") != Some(1) {
            self.refuse(
                "count_include_pad is 0 and pads are not, and EZKL divides by the whole window",
                "export with count_include_pad=True, or pool without padding",
            );
        }
    }

    fn max_pool(&mut self) {
        self.pool();
        self.only_int("storage_order", 0, "use the default storage_order");
        let (pads, kernel) = (self.attributes.ints("pads"), self.attributes.ints("kernel_shape"));
        let (pads, kernel) = (pads.unwrap_or(&[]), kernel.unwrap_or(&[]));
        if pads
            .iter()
            .zip(kernel.iter().chain(kernel))
            .any(|(pad, kernel)| pad >= kernel)
        {
            self.refuse(
                format!("pads is {pads:?}, and must be below kernel_shape {kernel:?}"),
                "pad less, or use a larger window",
            );
        }
        let is_nonnegative = self
            .values
            .read(self.node, 0)
            .is_some_and(|known| known.is_nonnegative);
        if self.is_padded() && !is_nonnegative {
            let how = match self.attributes.text("auto_pad") {
                Some(mode) if mode.starts_with(b"SAME") => {
                    format!("auto_pad is {}", String::from_utf8_lossy(mode))
                }
                _ => format!("pads is {pads:?}"),
            };
            self.refuse(
                format!("{how}, and EZKL pads with 0 where a maximum of negative values needs -infinity"),
                "put a Relu before the pool, or pool without padding; a committed circuit needs neither",
            );
        }
    }

    fn expand(&mut self) {
        let sizes = self.values.integers(self.node, 1);
        if sizes.is_none_or(|sizes| sizes.iter().any(|&size| size != 1)) {
            self.refuse(
                "EZKL puts the elements of an expanded tensor in the wrong order",
                "leave the repetition to the operator that reads it (Add and Mul broadcast), or use Concat",
            );
        }
    }

    fn one_hot(&mut self) {
        if self.values.numbers(self.node, 2).as_deref() != Some(&[0.0, 1.0]) {
            self.refuse(
                "its values are not the constants 0 and 1",
                "scale the result afterwards",
            );
        }
    }

    fn cast(&mut self) {
        let to = self.attributes.int("to").map_or(DataType::Undefined, data_type);
        let from = self
            .values
            .read(self.node, 0)
            .map_or(Kind::Float, |known| known.kind);
        let is_read = match (from, to) {
            (_, to) if is_float(to) => true,
            (Kind::Truth, DataType::Bool)
            | (Kind::Truth | Kind::Integer, DataType::Int32 | DataType::Int64) => true,
            _ => false,
        };
        if !is_read {
            let from = match from {
                Kind::Float => "floats",
                Kind::Integer => "integers",
                Kind::Truth => "truth values",
            };
            self.refuse(
                format!(
                    "it casts {from} to {}, which EZKL rounds otherwise",
                    to.as_str_name()
                ),
                "leave the cast out, or write it with Floor, Ceil, Sign and comparisons",
            );
        }
    }

    /// Whether a dropout may drop.
    fn trains(&self) -> bool {
        self.has_input(2)
            && !matches!(self.values.elements(self.node, 2), Some(Constant::Ints(integers)) if integers.data == [0])
    }

    fn dropout(&mut self) {
        if self.trains() {
            self.refuse("training_mode is not false", EVAL);
        } else if self.node.input.len() > 1 {
            self.refuse(
                "EZKL does not load a Dropout with a ratio",
                "call model.eval() before export, which leaves Dropout out",
            );
        }
    }

    /// Constant positions, none below `least`.
    fn positions(&mut self, input: usize, least: i64) {
        if !self
            .values
            .read(self.node, input)
            .is_some_and(|known| known.is_constant)
        {
            return;
        }
        match self.values.integers(self.node, input) {
            None => self.refuse("its positions are computed from constants", FOLD),
            Some(positions) => {
                if let Some(position) = positions.iter().find(|&&position| position < least) {
                    self.refuse(
                        format!("position {position} counts from the end, which EZKL takes for another"),
                        "count positions from 0",
                    );
                }
            }
        }
    }

    fn recurrent(&mut self) {
        const PLAIN: &str = "use the operator's defaults";
        self.only_text("direction", "forward", "use one layer for each direction");
        self.only_int("layout", 0, "let the sequence come first");
        self.only_int("input_forget", 0, PLAIN);
        for name in ["activations", "activation_alpha", "activation_beta", "clip"] {
            self.absent(name, PLAIN);
        }
        if self.has_input(4) {
            self.refuse("it takes sequence lengths", "let all sequences be of full length");
        }
        if self.node.op_type == "LSTM" && self.has_input(7) {
            self.refuse("it has peepholes", PLAIN);
        }
    }

    fn pad(&mut self) {
        const ZEROS: &str = "pad with zeros by constant pads that are not negative";
        self.only_text("mode", "constant", ZEROS);
        let value = match self.attributes.float("value") {
            Some(value) => Some(f64::from(value)),
            None if !self.has_input(2) => Some(0.0),
            None => match self.values.numbers(self.node, 2).as_deref() {
                Some(&[value]) => Some(value),
                _ => None,
            },
        };
        if value != Some(0.0) {
            self.refuse("it pads with a number that is not the constant 0", ZEROS);
        }
        if self.has_input(3) {
            self.refuse("its axes are an input", "write pads for all axes");
        }
        let pads = match self.opset {
            ..11 => self.attributes.ints("pads"),
            _ => self.values.integers(self.node, 1),
        };
        match pads {
            None => self.refuse("its pads are computed", FOLD),
            Some(pads) if pads.iter().any(|&pad| pad < 0) => {
                self.refuse(format!("pads is {pads:?}"), "crop with Slice");
            }
            Some(_) => {}
        }
    }

    fn pow(&mut self) {
        let scalar = |position| match self.values.numbers(self.node, position).as_deref() {
            Some(&[number]) => Some(number),
            _ => None,
        };
        match (scalar(0), scalar(1)) {
            (_, Some(exponent)) if exponent < 0.0 && exponent.fract() == 0.0 => self.refuse(
                format!("EZKL takes the exponent {exponent} for 0"),
                "use Reciprocal, and a positive exponent",
            ),
            (None, None) => self.refuse(
                "neither base nor exponent is one constant number",
                "use a constant exponent, or Mul",
            ),
            _ => {}
        }
    }

    fn resize(&mut self) {
        const NEAREST: &str = "use torch.nn.Upsample(scale_factor=N, mode=\"nearest\"), exported with dynamo=False, or ConvTranspose";
        let defaults = if self.opset < 11 {
            ["asymmetric", "floor"]
        } else {
            ["half_pixel", "round_prefer_floor"]
        };
        let text = |name, default: &str| match self.attributes.text(name) {
            Some(text) => String::from_utf8_lossy(text).into_owned(),
            None => default.to_owned(),
        };
        let found = [
            ("mode", text("mode", "nearest"), "nearest"),
            (
                "coordinate_transformation_mode",
                text("coordinate_transformation_mode", defaults[0]),
                "asymmetric",
            ),
            ("nearest_mode", text("nearest_mode", defaults[1]), "floor"),
        ];
        for (name, found, computed) in found {
            if found != computed {
                self.refuse(
                    format!("{name} is {found}, and EZKL computes {computed}"),
                    NEAREST,
                );
            }
        }
        for name in ["antialias", "exclude_outside"] {
            self.only_int(name, 0, NEAREST);
        }
        self.absent("axes", NEAREST);
        let scales = if self.opset < 11 { 1 } else { 2 };
        let are_whole = self.values.numbers(self.node, scales).is_some_and(|scales| {
            !scales.is_empty() && scales.iter().all(|&scale| scale >= 1.0 && scale.fract() == 0.0)
        });
        if self.has_input(3) {
            self.refuse("sizes are given, and EZKL reads scales alone", NEAREST);
        } else if !are_whole {
            self.refuse("its scales are not constant whole numbers", NEAREST);
        }
    }
}

/// Operators whose further outputs EZKL computes, too.
pub(super) fn has_outputs(operator: &str) -> bool {
    matches!(operator, "Split" | "LSTM" | "GRU" | "RNN")
}

/// Whether the node contains graphs of its own.
pub(super) fn has_subgraph(node: &NodeProto) -> bool {
    let is_graph = |kind| matches!(kind, AttributeType::Graph | AttributeType::Graphs);
    let mut attributes = node.attribute.iter();
    attributes.any(|attribute| {
        is_graph(attribute.r#type()) || attribute.g.is_some() || !attribute.graphs.is_empty()
    })
}
