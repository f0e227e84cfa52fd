//! What tract makes of a file before EZKL sees it, where the typed graph does not cover the file.
//!
//! Goes in: ONNX bytes. Comes out: shapes, means that become factors, constants that became NaN, and the convolutions whose batch
//! axis is dropped. Before tract computes anything for a node, what the node says is held against what it reads, and the number
//! of elements of its results against a bound.
//!
//! tract drops an axis of size 1 from a region of the graph where every operator can do without it (its pass `ChangeAxes`).
//! Matrix products, which 1×1 convolutions become, end a region; the graph's inputs and outputs and all pools forbid it. A
//! convolution in such a region has no batch (data format CHW), and EZKL 23.0.5 then takes the position of the window from the
//! wrong coordinates (`layouts::conv`: its offset without a batch is one too small): the circuit is satisfiable and proves the
//! wrong function.
//!
//! EZKL's tract is older (revision 37132e0) than the one here. The rules of each operator (`TypedOp::change_axes`) are the
//! same in both; the pass itself differs, so that its search is written out here as the older one has it: equal constants are
//! one wire, which ties regions together. The order in which the pass tries is not followed, so that now and then a file is
//! refused that EZKL reads well.

use std::cell::Cell;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, tensor_proto::DataType};
use tract_onnx::prelude::{DatumType, Framework, InferenceModel, InferenceModelExt, TractError, TractResult};
use tract_onnx::tract_core::internal::{
    AxisChangeConsequence, AxisOp, DimLike, InOut, OutletId, TVec, TypedModel, TypedOp,
};
use tract_onnx::tract_core::ops::cnn::Conv;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::optim::Optimizer;
use tract_onnx::tract_hir::internal::{Factoid, InferenceFact};

use super::check::operator_set;
use super::declared::{self, Known};
use super::direct::Misreading;
use super::fit::{Read, misfit};
use super::{CHECK, Mean};
use crate::float::{FloatModel, guarded, reasons};
use crate::graph::{MOST_ELEMENTS, elements};
use crate::wire::constant::MOST_AXES;
use crate::wire::node::{Attributes, axis, label};

/// The most elements of a constant that is looked at.
const MOST_READ: usize = 1 << 20;

/// What is there to say of a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Loaded {
    /// Sums that are multiplied by a reciprocal.
    pub(super) means: Vec<Mean>,
    /// What is computed of constants, and is NaN or infinite.
    pub(super) not_finite: Vec<String>,
    /// Convolutions that EZKL would get wrong.
    pub(super) misread: Vec<String>,
    /// Shapes of the outputs, in order.
    pub(super) output_shapes: Vec<Vec<usize>>,
}

/// Why a file cannot be loaded.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refusal {
    /// The number of the node at fault, where it is known.
    pub(super) node: Option<usize>,
    /// What is wrong.
    pub(super) reason: String,
    /// What the user can do about it.
    pub(super) remedy: String,
}

/// Has tract load a file as far as EZKL does, node after node; `begun` is told the number of each node before tract looks at
/// it, and then `all`.
///
/// # Errors
/// [`Refusal`]: what a node says does not fit what it reads, a value is too large, or tract fails.
pub(super) fn load(onnx: &[u8], proto: &ModelProto, mut begun: impl FnMut(&str)) -> Result<Loaded, Refusal> {
    let Some(graph) = &proto.graph else {
        return Err(Refusal {
            node: None,
            reason: "it holds no graph".to_owned(),
            remedy: CHECK.to_owned(),
        });
    };
    let nodes = &graph.node;
    let refusal = |node, error: &TractError| Refusal {
        node,
        reason: format!("tract cannot load it: {}", reasons(error)),
        remedy: CHECK.to_owned(),
    };
    let whole = |error| refusal(None, &error);
    // What the file says of inner values is held against what they are, once that is known.
    let unaided = tract_onnx::onnx().with_ignore_value_info(true);
    let mut model = guarded(|| unaided.model_for_read(&mut &onnx[..]))
        .map_err(|error| refusal(unbuilt(proto), &error))?;
    // Inputs and constants come first.
    let first = model.nodes.len().saturating_sub(nodes.len());
    let opset = operator_set(proto).unwrap_or_default();
    let mut total = (model.nodes[..first].iter())
        .filter_map(|node| size(&node.outputs.first()?.fact))
        .fold(0, usize::saturating_add);
    for (index, node) in nodes.iter().enumerate() {
        begun(&index.to_string());
        let at = |Misreading { reason, remedy }| Refusal {
            node: Some(index),
            reason,
            remedy: remedy.to_owned(),
        };
        let fails = |error| refusal(Some(index), &error);
        let reads = guarded(|| Ok(reads(&model, first + index, node))).map_err(fails)?;
        if let Some(misfit) = misfit(node, opset, &reads) {
            return Err(at(misfit));
        }
        let results = guarded(|| results(&model, first + index)).map_err(fails)?;
        total = bounded(&results, total).map_err(at)?;
        guarded(|| infer(&mut model, first + index)).map_err(fails)?;
    }
    begun("all");
    guarded(|| model.analyse(false)).map_err(whole)?;
    for node in &model.nodes {
        let facts: TVec<InferenceFact> = node.outputs.iter().map(|output| output.fact.clone()).collect();
        bounded(&facts, 0).map_err(|Misreading { reason, remedy }| Refusal {
            node: node.id.checked_sub(first).filter(|&index| index < nodes.len()),
            reason,
            remedy: remedy.to_owned(),
        })?;
    }
    let given = given(nodes, first);
    let known = |name: &str| Some(known(model.outlet_fact(*given.get(name)?).ok()?));
    if let Some((node, reason)) = declared::contradiction(graph, known) {
        return Err(Refusal {
            node,
            reason,
            remedy: declared::REMEDY.to_owned(),
        });
    }
    // As EZKL has it.
    guarded(|| tract_onnx::onnx().model_for_read(&mut &onnx[..])?.into_typed()).map_err(whole)?;
    let loaded = || {
        let means = nodes.iter().filter_map(|node| mean(&model, node)).collect();
        let mut model = model.clone().into_typed()?;
        optimizer().optimize(&mut model)?;
        Ok(Loaded {
            means,
            not_finite: not_finite(&model),
            misread: misread(&model)?.into_iter().collect(),
            output_shapes: Vec::new(),
        })
    };
    let loaded = guarded(loaded).map_err(whole)?;
    let float = FloatModel::load(onnx).map_err(|error| Refusal {
        node: None,
        reason: error.to_string(),
        remedy: CHECK.to_owned(),
    })?;
    Ok(Loaded {
        output_shapes: float.output_shapes().to_vec(),
        ..loaded
    })
}

/// Where tract has what nodes give, by name; `first` is the number of tract's node for the first of them.
fn given(nodes: &[NodeProto], first: usize) -> HashMap<&str, OutletId> {
    let outlets = nodes.iter().enumerate().flat_map(|(index, node)| {
        let names = node.output.iter().filter(|name| !name.is_empty()).enumerate();
        names.map(move |(slot, name)| (name.as_str(), OutletId::new(first + index, slot)))
    });
    outlets.collect()
}

/// What tract knows of a value.
fn known(fact: &InferenceFact) -> Known {
    let element = fact.datum_type.concretize().and_then(|element| match element {
        // tract's own type of sizes.
        DatumType::TDim => Some(DataType::Int64),
        element => data_type(element),
    });
    Known {
        element,
        shape: shape(fact),
    }
}

/// ONNX's name of an element type; none where it has none that values are declared as.
fn data_type(element: DatumType) -> Option<DataType> {
    Some(match element {
        DatumType::Bool => DataType::Bool,
        DatumType::U8 => DataType::Uint8,
        DatumType::U16 => DataType::Uint16,
        DatumType::U32 => DataType::Uint32,
        DatumType::U64 => DataType::Uint64,
        DatumType::I8 => DataType::Int8,
        DatumType::I16 => DataType::Int16,
        DatumType::I32 => DataType::Int32,
        DatumType::I64 => DataType::Int64,
        DatumType::F16 => DataType::Float16,
        DatumType::F32 => DataType::Float,
        DatumType::F64 => DataType::Double,
        _ => return None,
    })
}

/// The first node that tract has no operator for as it stands.
fn unbuilt(proto: &ModelProto) -> Option<usize> {
    let graph = proto.graph.as_ref()?;
    let builds = |count: usize| {
        let begin = ModelProto {
            opset_import: proto.opset_import.clone(),
            graph: Some(GraphProto {
                node: graph.node[..count].to_vec(),
                input: graph.input.clone(),
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        };
        guarded(|| tract_onnx::onnx().model_for_proto_model(&begin)).is_ok()
    };
    let indices: Vec<usize> = (0..graph.node.len()).collect();
    let first = indices.partition_point(|&index| builds(index + 1));
    (first < graph.node.len()).then_some(first)
}

/// What tract knows of a node's inputs, in ONNX's order.
fn reads(model: &InferenceModel, id: usize, proto: &NodeProto) -> Vec<Read> {
    let place = Cell::new(0);
    let read = |name: &String| {
        if name.is_empty() {
            return Read::default();
        }
        // tract leaves out what is left out.
        let outlet = model.node(id).inputs.get(place.replace(place.get() + 1));
        let fact = outlet.and_then(|&outlet| model.outlet_fact(outlet).ok());
        fact.map_or_else(Read::default, |fact| {
            let value = fact.value.concretize().filter(|value| value.len() <= MOST_READ);
            let value = value.as_deref();
            let integers = value.filter(|value| !value.datum_type().is_float());
            Read {
                shape: shape(fact),
                integers: integers.and_then(cast::<i64>),
                numbers: value.and_then(cast::<f64>),
            }
        })
    };
    proto.input.iter().map(read).collect()
}

fn cast<T: tract_onnx::prelude::Datum + Copy>(value: &tract_onnx::prelude::Tensor) -> Option<Vec<T>> {
    let cast = value.cast_to::<T>().ok()?;
    Some(cast.to_plain_array_view::<T>().ok()?.iter().copied().collect())
}

/// A shape that is known as a whole; none where a size is no size either.
fn shape(fact: &InferenceFact) -> Option<Vec<usize>> {
    let sizes = fact.shape.concretize()?;
    sizes.iter().map(|size| size.to_usize().ok()).collect()
}

fn size(fact: &InferenceFact) -> Option<usize> {
    elements(&shape(fact)?)
}

/// What tract says of a node's results before it computes any.
fn results(model: &InferenceModel, id: usize) -> TractResult<TVec<InferenceFact>> {
    let node = model.node(id);
    let (inputs, outputs) = model.node_facts(id)?;
    let observed = node.op.observe_outlets(model, node)?;
    let observed = observed.iter().map(|&outlet| model.outlet_fact(outlet));
    let mut op = node.op.clone();
    Ok(op
        .infer_facts(inputs, outputs, observed.collect::<TractResult<_>>()?)?
        .1)
}

/// Has tract find out what follows for a node's inputs and outputs, as its own analysis does.
fn infer(model: &mut InferenceModel, id: usize) -> TractResult<()> {
    let node = model.node(id);
    let (inputs, outputs) = model.node_facts(id)?;
    let observed = node.op.observe_outlets(model, node)?;
    let observed = observed.iter().map(|&outlet| model.outlet_fact(outlet));
    let mut op = node.op.clone();
    let (inputs, outputs, _) = op.infer(inputs, outputs, observed.collect::<TractResult<_>>()?)?;
    let before = node.inputs.clone().into_iter().zip(inputs);
    let after = outputs.into_iter().enumerate();
    let after = after.map(|(slot, fact)| (OutletId::new(id, slot), fact));
    for (outlet, fact) in before.chain(after).collect::<Vec<_>>() {
        let fact = fact.unify(model.outlet_fact(outlet)?)?;
        model.set_outlet_fact(outlet, fact)?;
    }
    Ok(())
}

/// The number of elements with those of these results added.
fn bounded(results: &[InferenceFact], total: usize) -> Result<usize, Misreading> {
    const SMALLER: &str = "prove a smaller model: each element takes a row at least";
    results.iter().try_fold(total, |total, fact| {
        let Some(sizes) = fact.shape.concretize() else {
            return Ok(total);
        };
        let count = shape(fact).and_then(|shape| elements(&shape));
        let sum = count.map(|count| total.saturating_add(count));
        let refuse = |reason| {
            Err(Misreading {
                reason,
                remedy: SMALLER,
            })
        };
        match sum.filter(|&sum| sum <= MOST_ELEMENTS) {
            None => refuse(format!(
                "its result would have the sizes {sizes:?}, which together with what comes before it are more than \
                 {MOST_ELEMENTS} elements"
            )),
            Some(_) if sizes.len() > MOST_AXES => refuse(format!("its result would have {} axes", sizes.len())),
            Some(sum) => Ok(sum),
        }
    })
}

/// tract's passes without the one whose search is written out below.
fn optimizer() -> Optimizer {
    let mut optimizer = Optimizer::declutter();
    optimizer
        .passes
        .retain(|pass| format!("{pass:?}") != "ChangeAxes");
    optimizer
}

/// A node that takes means of more elements than one, by itself or on its way to something else.
fn mean(model: &InferenceModel, node: &NodeProto) -> Option<Mean> {
    let shape = |name: &String| {
        // What a node gives has a label; a graph input has a node of its name.
        let outlet = model
            .find_outlet_label(name)
            .or_else(|| model.node_by_name(name).ok().map(|node| node.id.into()));
        let fact = model.outlet_fact(outlet?).ok()?;
        let shape = fact.shape.concretize()?;
        let sizes = shape.iter().map(|size| size.to_usize().ok());
        sizes.collect::<Option<Vec<usize>>>()
    };
    let elements = |name: &String| shape(name).map(|sizes| sizes.iter().product::<usize>());
    let count = match node.op_type.as_str() {
        "GlobalAveragePool" | "ReduceMean" => {
            elements(node.input.first()?)?.checked_div(elements(node.output.first()?)?)?
        }
        "Mean" => node.input.len(),
        "LayerNormalization" => {
            let sizes = shape(node.input.first()?)?;
            let axis = Attributes(node).int("axis").unwrap_or(-1);
            sizes[self::axis(axis, sizes.len()).ok()?..].iter().product()
        }
        _ => return None,
    };
    (count > 1).then(|| Mean {
        node: label(node),
        operator: node.op_type.clone(),
        count,
    })
}

/// Constants that are NaN or infinite, though nothing in the file is: what was computed of others.
fn not_finite(model: &TypedModel) -> Vec<String> {
    let constants = model
        .nodes
        .iter()
        .filter_map(|node| Some((node, node.op_as::<Const>()?)));
    let has_other = |constant: &Const| {
        let values = constant.val().cast_to::<f32>().ok();
        values.is_some_and(|values| {
            let values = values.to_plain_array_view::<f32>().ok();
            values.is_some_and(|values| values.iter().any(|x| !x.is_finite()))
        })
    };
    constants
        .filter(|(_, constant)| constant.val().datum_type().is_float() && has_other(constant))
        .map(|(node, _)| node.name.clone())
        .collect()
}

/// The first convolution that EZKL would compute without a batch, and wrongly.
fn misread(model: &TypedModel) -> TractResult<Option<String>> {
    // The search takes time with the square of the graph.
    if !model.nodes.iter().any(|node| node.op_as::<Conv>().is_some()) {
        return Ok(None);
    }
    let search = Search::new(model)?;
    for node in &model.nodes {
        for (slot, output) in node.outputs.iter().enumerate() {
            if output.fact.shape.first().is_none_or(|size| *size != 1.into()) {
                continue;
            }
            let rewritten = search.without_first_axis(OutletId::new(node.id, slot))?;
            for id in rewritten {
                if search.is_misread(id)? {
                    return Ok(Some(model.node(id).name.clone()));
                }
            }
        }
    }
    Ok(None)
}

/// The pass's search for what must change together with an axis of one value.
struct Search<'a> {
    model: &'a TypedModel,
    /// The graph's inputs and outputs, which keep their axes.
    locked: Vec<OutletId>,
    /// For each constant, the first one that equals it.
    same: HashMap<OutletId, OutletId>,
}

impl<'a> Search<'a> {
    fn new(model: &'a TypedModel) -> TractResult<Self> {
        let mut first: Vec<(OutletId, &Const)> = Vec::new();
        let mut same = HashMap::new();
        for node in &model.nodes {
            let Some(constant) = node.op_as::<Const>() else {
                continue;
            };
            let outlet = OutletId::new(node.id, 0);
            let known = first.iter().find(|(_, other)| other.val() == constant.val());
            same.insert(outlet, known.map_or(outlet, |&(known, _)| known));
            if known.is_none() {
                first.push((outlet, constant));
            }
        }
        let mut locked = model.input_outlets()?.to_vec();
        locked.extend(model.output_outlets()?);
        Ok(Self { model, locked, same })
    }

    fn canonical(&self, outlet: OutletId) -> OutletId {
        self.same.get(&outlet).copied().unwrap_or(outlet)
    }

    /// All outlets that are one wire with this one.
    fn wire(&self, outlet: OutletId) -> Vec<OutletId> {
        let equal = self.same.iter().filter(|&(_, &first)| first == outlet);
        let equal: Vec<OutletId> = equal.map(|(&equal, _)| equal).collect();
        if equal.is_empty() { vec![outlet] } else { equal }
    }

    /// The nodes that lose their batch if the value does; none where something forbids it.
    fn without_first_axis(&self, outlet: OutletId) -> TractResult<Vec<usize>> {
        let first = self.canonical(outlet);
        let mut changed: HashMap<OutletId, AxisOp> = HashMap::from([(first, AxisOp::Rm(0))]);
        let mut rewritten: HashMap<usize, Box<dyn TypedOp>> = HashMap::new();
        let mut pending = vec![(first, AxisOp::Rm(0), None)];
        while let Some((wire, change, emitter)) = pending.pop() {
            for outlet in self.wire(wire) {
                if self.locked.contains(&outlet) {
                    return Ok(Vec::new());
                }
                let readers = self.model.outlet_successors(outlet).iter();
                let readers = readers.map(|inlet| (inlet.node, InOut::In(inlet.slot)));
                for (id, from) in std::iter::once((outlet.node, InOut::Out(outlet.slot))).chain(readers) {
                    if Some(id) == emitter {
                        continue;
                    }
                    let node = self.model.node(id);
                    let op = match rewritten.get(&id) {
                        // Only a product of matrices takes any number of changes.
                        Some(op) if !op.is::<EinSum>() => return Ok(Vec::new()),
                        Some(op) => op,
                        None => &node.op,
                    };
                    let Some(consequence) = op.change_axes(self.model, node, from, &change)? else {
                        return Ok(Vec::new());
                    };
                    let AxisChangeConsequence {
                        substitute_op,
                        wire_changes,
                    } = consequence;
                    if let Some(op) = substitute_op {
                        rewritten.insert(id, op);
                    }
                    for (side, change) in wire_changes {
                        let wire = self.canonical(side.as_outlet(node));
                        match changed.get(&wire) {
                            Some(earlier) if *earlier == change => {}
                            Some(_) => return Ok(Vec::new()),
                            None => {
                                changed.insert(wire, change.clone());
                                pending.push((wire, change, Some(id)));
                            }
                        }
                    }
                }
            }
        }
        let loses_batch = |op: &dyn TypedOp| {
            op.downcast_ref::<Conv>()
                .is_some_and(|conv| !conv.pool_spec.data_format.has_n())
        };
        let ids = rewritten.iter().filter(|(_, op)| loses_batch(op.as_ref()));
        Ok(ids.map(|(&id, _)| id).collect())
    }

    /// Without a batch only a convolution with one output for each group of channels is read as it should be.
    fn is_misread(&self, id: usize) -> TractResult<bool> {
        let node = self.model.node(id);
        let Some(conv) = node.op_as::<Conv>() else {
            return Ok(false);
        };
        let shape = &self.model.outlet_fact(OutletId::new(id, 0))?.shape;
        let expected = (0..shape.rank()).map(|axis| if axis == 1 { conv.group } else { 1 });
        Ok(!shape
            .iter()
            .zip(expected)
            .all(|(size, expected)| *size == expected.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Tensor;
    use crate::wire::proto::{File, float, floats, int, ints, port};

    /// A network of an image with 4 channels and 8×8 pixels: `p` and `s` are 1×1 convolutions (`s` with stride 2), `c` and `d`
    /// 3×3 ones (`d` depthwise), `l e r h g x k` activations, `b` a batch norm, `m a f` pools; `(` remembers a value that `+`
    /// adds, and `o` makes one an output.
    #[expect(clippy::too_many_lines, reason = "a list of operators")]
    fn network(spec: &str) -> Vec<u8> {
        let mut file = File::default();
        let mut outputs: Vec<String> = Vec::new();
        let mut remembered: Vec<(String, usize)> = Vec::new();
        let (mut current, mut size) = ("x".to_owned(), 8);
        for (index, letter) in spec.chars().enumerate() {
            // Parameters that are equal tie regions together, so that which ones are is part of the table.
            let parameter = |file: &mut File, shape: &[usize], seed: usize| {
                let count: usize = shape.iter().product();
                let data = (0..count).map(|i| (((i * 7 + seed * 3) % 11) as f32 - 5.0) / 16.0);
                let tensor = Tensor::new(shape, data.collect());
                let name = format!("w{}", file.initializers.len());
                file.initializers.push(floats(name.clone(), shape, &tensor.data));
                name
            };
            let scalar = |file: &mut File, value: f32| {
                let name = format!("w{}", file.initializers.len());
                file.initializers.push(floats(name.clone(), &[], &[value]));
                name
            };
            let output = format!("v{index}");
            let read = current.clone();
            let window = |kernel: i64, stride: i64| {
                let pad = (kernel - 1) / 2;
                vec![
                    ints("kernel_shape", &[kernel; 2]),
                    ints("strides", &[stride; 2]),
                    ints("pads", &[pad; 4]),
                ]
            };
            let (operator, inputs, attribute) = match letter {
                'p' | 's' => {
                    let stride = if letter == 's' { 2 } else { 1 };
                    size = (size - 1) / stride as usize + 1;
                    let weight = parameter(&mut file, &[4, 4, 1, 1], index);
                    let bias = parameter(&mut file, &[4], index + 1);
                    ("Conv", vec![read, weight, bias], window(1, stride))
                }
                'c' => {
                    let weight = parameter(&mut file, &[4, 4, 3, 3], index);
                    let bias = parameter(&mut file, &[4], index + 1);
                    ("Conv", vec![read, weight, bias], window(3, 1))
                }
                'd' => {
                    let weight = parameter(&mut file, &[4, 1, 3, 3], index);
                    let attribute = [window(3, 1), vec![int("group", 4)]].concat();
                    ("Conv", vec![read, weight], attribute)
                }
                'b' => {
                    let parameters = [0, 1, 2].map(|more| parameter(&mut file, &[4], index + more));
                    let variance = format!("w{}", file.initializers.len());
                    file.initializers.push(floats(variance.clone(), &[4], &[1.0; 4]));
                    let inputs = [vec![read], parameters.to_vec(), vec![variance]].concat();
                    ("BatchNormalization", inputs, Vec::new())
                }
                'k' => {
                    let bounds = [0.0, 6.0].map(|bound| scalar(&mut file, bound));
                    ("Clip", [vec![read], bounds.to_vec()].concat(), Vec::new())
                }
                'l' => ("LeakyRelu", vec![read], vec![float("alpha", 0.1)]),
                'e' => ("Elu", vec![read], Vec::new()),
                'r' => ("Relu", vec![read], Vec::new()),
                'h' => ("HardSwish", vec![read], Vec::new()),
                'g' => ("Sigmoid", vec![read], Vec::new()),
                'x' => ("Softplus", vec![read], Vec::new()),
                'm' => ("MaxPool", vec![read], window(1, 1)),
                'a' => ("AveragePool", vec![read], window(1, 1)),
                'f' => {
                    size = 1;
                    ("GlobalAveragePool", vec![read], Vec::new())
                }
                '(' => {
                    remembered.push((read, size));
                    continue;
                }
                '+' => match remembered.pop_if(|(_, of)| *of == size) {
                    Some((other, _)) => ("Add", vec![read, other], Vec::new()),
                    None => continue,
                },
                'o' => {
                    outputs.push(read);
                    continue;
                }
                other => panic!("{other} is no layer"),
            };
            file.nodes.push(NodeProto {
                name: output.clone(),
                op_type: operator.to_owned(),
                input: inputs,
                output: vec![output.clone()],
                attribute,
                ..NodeProto::default()
            });
            current = output;
        }
        if !outputs.contains(&current) {
            outputs.push(current);
        }
        file.inputs.push(port("x", &[1, 4, 8, 8]));
        file.outputs = outputs
            .into_iter()
            .map(|name| tract_onnx::pb::ValueInfoProto {
                name,
                ..tract_onnx::pb::ValueInfoProto::default()
            })
            .collect();
        file.encode(17)
    }

    /// Networks drawn at random, and whether EZKL 23.0.5 lists a convolution without a batch (`ezkl.table`: data format CHW or
    /// HWC) that has more than one output for each group of channels.
    #[test]
    fn the_search_finds_what_ezkl_misreads() {
        let network_of = |spec: &str| {
            let onnx = network(spec);
            let model = <ModelProto as prost::Message>::decode(&onnx[..]).unwrap();
            load(&onnx, &model, |_| ()).unwrap()
        };
        let table = include_str!("../../../../tests/fixtures/misread_convolutions.txt");
        let (mut missed, mut refused) = (Vec::new(), Vec::new());
        let mut count = 0;
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let (spec, expected) = line.split_once(' ').unwrap();
            let found = !network_of(spec).misread.is_empty();
            count += 1;
            match (expected == "misread", found) {
                (true, false) => missed.push(spec),
                (false, true) => refused.push(spec),
                _ => {}
            }
        }
        assert!(count > 100);
        assert_eq!(
            missed, [""; 0],
            "EZKL misreads these (refused without need: {refused:?})"
        );
        assert_eq!(refused, [""; 0], "EZKL reads these well");
    }
}
