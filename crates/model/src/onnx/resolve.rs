//! What a file leaves open: sizes of its inputs, and weights that are stored beside it.
//!
//! Goes in: a file's bytes, its folder, and the sizes that its reader gives. Comes out: bytes that leave nothing open, the same
//! ones where nothing was, and a sentence about what was filled in. A batch that is the only size without a number is 1, as
//! EZKL's own command line has it.

use std::collections::{BTreeSet, HashSet};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

use prost::Message;
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto,
    tensor_proto::{DataLocation, DataType},
    tensor_shape_proto::{Dimension, dimension::Value},
    type_proto::Value as Type,
};

use super::branches::is_read_within;
use super::{Dimensions, OnnxError};
use crate::ops::ATTENTION_MASK;
use crate::tensor::Tensor;
use crate::wire::{constant::floats, proto};
use evmbench_host::files::{self, MOST_MODEL_BYTES};
use evmbench_host::format;

/// The bytes with what was left open filled in, if anything was, and a sentence about each size.
///
/// # Errors
/// [`OnnxError::Dimension`], and [`OnnxError::Read`] and [`OnnxError::Beside`] about a file of weights.
pub(super) fn resolve(
    bytes: &[u8],
    path: &Path,
    dimensions: &Dimensions,
) -> Result<(Option<Vec<u8>>, Vec<String>), OnnxError> {
    // What is no model is refused where it is parsed.
    let Ok(mut model) = ModelProto::decode(bytes) else {
        return Ok((None, Vec::new()));
    };
    bind(&mut model, dimensions).map_err(|(name, open)| OnnxError::Dimension {
        path: path.to_owned(),
        name,
        open,
    })?;
    let bound = bind_batch(&mut model);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let fetched = fetch_weights(&mut model, folder)?;
    let masks = bound_masks(&mut model);
    if dimensions.is_empty() && bound.is_empty() && masks.is_empty() && !fetched {
        return Ok((None, Vec::new()));
    }
    let given = dimensions
        .iter()
        .map(|(name, size)| format!("the size {name:?}, which the file leaves open, is {size} here"));
    let of_batch = bound
        .into_iter()
        .map(|name| format!("input {name}: its batch has no size in the file, and is 1 here"));
    let of_masks = masks
        .into_iter()
        .map(|name| format!("constant {name}: its elements of -inf are {:e} here", f32::MIN));
    let notes = given.chain(of_batch).chain(of_masks);
    Ok((Some(model.encode_to_vec()), notes.collect()))
}

/// Puts the least number of `f32` in the place of −∞, which masks what attention must not see; the constants that had it. Only a Softmax may
/// read what becomes of them, to which both give 0. A constant with another element that is not finite stays as it is.
fn bound_masks(model: &mut ModelProto) -> Vec<String> {
    let Some(graph) = &mut model.graph else {
        return Vec::new();
    };
    let is_mask = |tensor: &TensorProto| bounded_mask(tensor).is_some();
    let stored = graph.initializer.iter().filter(|tensor| is_mask(tensor));
    let made = graph.node.iter().filter(|node| {
        let mut attributes = node.attribute.iter();
        makes_constant(node) && attributes.any(|one| is_least(one.f) || one.t.as_ref().is_some_and(is_mask))
    });
    let names = stored.map(|tensor| &tensor.name);
    let names = names.chain(made.filter_map(|node| node.output.first()));
    let names: Vec<String> = names
        .filter(|name| is_read_by_softmax(graph, name))
        .cloned()
        .collect();
    for tensor in graph
        .initializer
        .iter_mut()
        .filter(|tensor| names.contains(&tensor.name))
    {
        if let Some(bounded) = bounded_mask(tensor) {
            *tensor = bounded;
        }
    }
    for node in graph.node.iter_mut().filter(|node| makes_constant(node)) {
        if !node.output.first().is_some_and(|name| names.contains(name)) {
            continue;
        }
        for attribute in &mut node.attribute {
            if is_least(attribute.f) {
                attribute.f = f32::MIN;
            }
            if let Some(bounded) = attribute.t.as_ref().and_then(bounded_mask) {
                attribute.t = Some(bounded);
            }
        }
    }
    names
}

fn is_least(x: f32) -> bool {
    x.is_infinite() && x < 0.0
}

/// A tensor with the least number of `f32` in the place of −∞; none where it has no such element, or another that is not finite.
fn bounded_mask(tensor: &TensorProto) -> Option<TensorProto> {
    let Tensor { shape, data } = floats(tensor).ok()?;
    let is_mask = data.iter().any(|&x| is_least(x)) && data.iter().all(|&x| x.is_finite() || is_least(x));
    let data: Vec<f32> = data.into_iter().map(|x| x.max(f32::MIN)).collect();
    is_mask.then(|| proto::floats(tensor.name.clone(), &shape, &data))
}

fn makes_constant(node: &NodeProto) -> bool {
    ["Constant", "ConstantOfShape"].contains(&node.op_type.as_str())
}

/// Whether all that reads a value is a Softmax, or leads to one by sums, choices and movements alone.
fn is_read_by_softmax(graph: &GraphProto, name: &str) -> bool {
    /// What −∞ goes through as it is, or added to a finite number.
    const PASSED: [&str; 13] = [
        "Add",
        "Concat",
        "Expand",
        "Gather",
        "Identity",
        "Reshape",
        "Slice",
        "Squeeze",
        "Tile",
        "Transpose",
        "Trilu",
        "Unsqueeze",
        "Where",
    ];
    let mut seen: HashSet<&str> = HashSet::new();
    let mut left = vec![name];
    let mut is_read = false;
    while let Some(name) = left.pop() {
        if !seen.insert(name) {
            continue;
        }
        if graph.output.iter().any(|output| output.name == name) {
            return false;
        }
        // What the graphs within nodes make of it is not looked at.
        if graph.node.iter().any(|node| is_read_within(node, name)) {
            return false;
        }
        let readers = graph.node.iter();
        for node in readers.filter(|node| node.input.iter().any(|input| input == name)) {
            let is_mask = node.input.get(ATTENTION_MASK).is_some_and(|mask| mask == name);
            if node.op_type == "Softmax" || (node.op_type == "Attention" && is_mask) {
                is_read = true;
                continue;
            }
            if !PASSED.contains(&node.op_type.as_str()) && !is_cast_to_floats(node) {
                return false;
            }
            left.extend(node.output.iter().map(String::as_str));
        }
    }
    is_read
}

fn is_cast_to_floats(node: &NodeProto) -> bool {
    let to = node.attribute.iter().find(|attribute| attribute.name == "to");
    node.op_type == "Cast" && to.is_some_and(|to| to.i == i64::from(DataType::Float as i32))
}

/// Gives sizes of inputs the numbers that were asked for. The error is a name that stands for no size of an input, and those
/// that do.
fn bind(model: &mut ModelProto, dimensions: &Dimensions) -> Result<(), (String, Vec<String>)> {
    let mut open = BTreeSet::new();
    if let Some(graph) = &mut model.graph {
        let initialized: HashSet<&String> = graph.initializer.iter().map(|tensor| &tensor.name).collect();
        let inputs = graph.input.iter_mut();
        for input in inputs.filter(|input| !initialized.contains(&input.name)) {
            let name = input.name.clone();
            let sizes = sizes(input).unwrap_or_default();
            for (axis, size) in sizes.iter_mut().enumerate().filter(|(_, size)| !has_size(size)) {
                let symbol = match &size.value {
                    Some(Value::DimParam(symbol)) if !symbol.is_empty() => symbol.clone(),
                    _ => format!("{name}.{axis}"),
                };
                give(size, dimensions.get(&symbol));
                open.insert(symbol);
            }
        }
        give_everywhere(graph, |symbol| dimensions.get(symbol));
    }
    match dimensions.keys().find(|name| !open.contains(*name)) {
        Some(name) => Err((name.clone(), open.into_iter().collect())),
        None => Ok(()),
    }
}

/// Gives a size its number, if there is one.
fn give(size: &mut Dimension, number: Option<&usize>) {
    if let Some(number) = number.and_then(|&number| i64::try_from(number).ok()) {
        size.value = Some(Value::DimValue(number));
    }
}

/// The same symbol stands for the same size everywhere: in what the file says of inner values, too. Of an output it is left open,
/// since exporters are told a symbol for its first axis, whatever that is.
fn give_everywhere<'a>(graph: &mut GraphProto, number: impl Fn(&str) -> Option<&'a usize>) {
    for value in &mut graph.value_info {
        for size in sizes(value).into_iter().flatten() {
            if let Some(Value::DimParam(symbol)) = &size.value {
                let number = number(symbol);
                give(size, number);
            }
        }
    }
    for output in &mut graph.output {
        for size in sizes(output).into_iter().flatten() {
            if matches!(&size.value, Some(Value::DimParam(symbol)) if number(symbol).is_some()) {
                size.value = None;
            }
        }
    }
}

/// Gives the first axis of each input the size 1 where it has none and all others have one; the inputs' names.
fn bind_batch(model: &mut ModelProto) -> Vec<String> {
    let Some(graph) = &mut model.graph else {
        return Vec::new();
    };
    let initialized: HashSet<&String> = graph.initializer.iter().map(|tensor| &tensor.name).collect();
    let (mut names, mut symbols) = (Vec::new(), HashSet::new());
    for input in graph
        .input
        .iter_mut()
        .filter(|input| !initialized.contains(&input.name))
    {
        let name = input.name.clone();
        let Some([batch, rest @ ..]) = sizes(input) else {
            continue;
        };
        if has_size(batch) || !rest.iter().all(has_size) {
            continue;
        }
        if let Some(Value::DimParam(symbol)) = &batch.value {
            symbols.insert(symbol.clone());
        }
        batch.value = Some(Value::DimValue(1));
        names.push(name);
    }
    give_everywhere(graph, |symbol| symbols.contains(symbol).then_some(&1));
    names
}

fn sizes(value: &mut ValueInfoProto) -> Option<&mut [Dimension]> {
    match value.r#type.as_mut()?.value.as_mut()? {
        Type::TensorType(tensor) => Some(&mut tensor.shape.as_mut()?.dim),
        #[allow(unreachable_patterns)] // tract's protobuf knows tensors alone
        _ => None,
    }
}

fn has_size(size: &Dimension) -> bool {
    matches!(size.value, Some(Value::DimValue(size)) if size > 0)
}

/// Reads every tensor that is stored in another file; whether there was one.
fn fetch_weights(model: &mut ModelProto, folder: &Path) -> Result<bool, OnnxError> {
    let Some(graph) = &mut model.graph else {
        return Ok(false);
    };
    let (mut fetched, mut is_any) = (0, false);
    for tensor in tensors(graph)
        .into_iter()
        .filter(|tensor| tensor.data_location() == DataLocation::External)
    {
        tensor.raw_data = stored_bytes(tensor, folder, MOST_MODEL_BYTES - fetched)?;
        tensor.data_location = Some(DataLocation::Default as i32);
        tensor.external_data.clear();
        fetched += tensor.raw_data.len() as u64;
        is_any = true;
    }
    Ok(is_any)
}

/// Every tensor that a graph stores, those of the graphs within its nodes included.
fn tensors(graph: &mut GraphProto) -> Vec<&mut TensorProto> {
    let mut all: Vec<&mut TensorProto> = graph.initializer.iter_mut().collect();
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        all.extend(&mut attribute.t);
        for graph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            all.extend(tensors(graph));
        }
    }
    all
}

/// The bytes of a tensor that is stored in a file of its own, of which there may be `most`.
fn stored_bytes(tensor: &TensorProto, folder: &Path, most: u64) -> Result<Vec<u8>, OnnxError> {
    let entry = |key: &str| {
        let mut entries = tensor.external_data.iter();
        entries
            .find(|entry| entry.key == key)
            .map(|entry| entry.value.as_str())
    };
    let location = PathBuf::from(entry("location").unwrap_or_default());
    let path = folder.join(&location);
    let beside = |reason: String| OnnxError::Beside {
        tensor: tensor.name.clone(),
        path: path.clone(),
        reason,
    };
    // Of two entries, some readers take the first and others the last.
    let mut keys = HashSet::new();
    if let Some(entry) = tensor.external_data.iter().find(|entry| !keys.insert(&entry.key)) {
        return Err(beside(format!("its {} is given twice", entry.key)));
    }
    // A model must not make the program read what lies elsewhere.
    if location.as_os_str().is_empty()
        || !location
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
    {
        return Err(beside("its location is not below the model's folder".to_owned()));
    }
    let number = |key: &str| {
        entry(key).map(|text| {
            text.parse::<u64>()
                .map_err(|_| beside(format!("its {key} is {text}")))
        })
    };
    let offset = number("offset").transpose()?.unwrap_or(0);
    let length = number("length").transpose()?;
    let read = |source| OnnxError::Read {
        path: path.clone(),
        source,
    };
    // A link may lead elsewhere, and a pipe may never end; neither is opened.
    let folder = folder.canonicalize().map_err(read)?;
    let target = path.canonicalize().map_err(read)?;
    if !target.starts_with(&folder) {
        return Err(beside(
            "it is a link to a file that is not below the model's folder".to_owned(),
        ));
    }
    // Of a large file, a part may be read.
    let mut file = files::open(&target, u64::MAX).map_err(|error| beside(error.to_string()))?;
    let rest = file.metadata().map_err(read)?.len().checked_sub(offset);
    let length = rest.and_then(|rest| match length {
        Some(length) => (length <= rest).then_some(length),
        None => Some(rest),
    });
    let length = length.ok_or_else(|| beside("the file is shorter than the model says".to_owned()))?;
    if length > most {
        return Err(beside(format!(
            "all weights together have more than {}",
            format::bytes(MOST_MODEL_BYTES)
        )));
    }
    file.seek(SeekFrom::Start(offset)).map_err(read)?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(read)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use evmbench_host::hint::Hint as _;
    use tract_onnx::pb::TensorShapeProto;

    use super::*;
    use crate::onnx::models::{operator, small};

    /// A model whose input has these sizes; a text is a symbol, and an empty one no size at all.
    fn open(sizes: &[&str]) -> Vec<u8> {
        let mut model = small(&[1, 2, 3], vec![operator("Relu", &["x"], "y")], Vec::new());
        let graph = model.graph.as_mut().expect("has a graph");
        let dim = sizes.iter().map(|size| Dimension {
            value: match size.parse() {
                Ok(number) => Some(Value::DimValue(number)),
                Err(_) if size.is_empty() => None,
                Err(_) => Some(Value::DimParam((*size).to_owned())),
            },
            ..Dimension::default()
        });
        let shape = TensorShapeProto { dim: dim.collect() };
        for port in graph.input.iter_mut().chain(&mut graph.output) {
            let Some(Type::TensorType(tensor)) = port.r#type.as_mut().and_then(|kind| kind.value.as_mut())
            else {
                panic!("a tensor");
            };
            tensor.shape = Some(shape.clone());
        }
        model.encode_to_vec()
    }

    fn resolved(sizes: &[&str], given: &[(&str, usize)]) -> Result<(Vec<usize>, Vec<String>), OnnxError> {
        let given = given
            .iter()
            .map(|&(name, size)| (name.to_owned(), size))
            .collect();
        let path = Path::new("model.onnx");
        let (bytes, notes) = resolve(&open(sizes), path, &given)?;
        let bytes = bytes.unwrap_or_else(|| open(sizes));
        Ok((crate::onnx::parse(&bytes, path)?.inputs[0].shape.clone(), notes))
    }

    #[test]
    fn a_lone_batch_is_1_and_every_other_size_is_asked_for() {
        let (shape, notes) = resolved(&["batch", "2", "3"], &[]).expect("a batch");
        assert_eq!(shape, [1, 2, 3]);
        assert!(notes[0].contains("is 1 here"), "{notes:?}");
        let error = resolved(&["batch", "length", "3"], &[]).expect_err("two symbols");
        assert!(error.to_string().contains("[batch, length, 3]"), "{error}");
        assert!(error.hints()[0].contains("--dim"), "{:?}", error.hints());
        let (shape, notes) = resolved(&["batch", "length", "3"], &[("length", 7)]).expect("a batch is left");
        assert_eq!((shape, notes.len()), (vec![1, 7, 3], 2));
        let (shape, _) = resolved(&["batch", "length", "3"], &[("length", 7), ("batch", 4)]).expect("both");
        assert_eq!(shape, [4, 7, 3]);
    }

    #[test]
    fn a_size_without_a_name_is_called_by_its_input_and_axis() {
        let (shape, _) = resolved(&["2", "", "3"], &[("x.1", 5)]).expect("given");
        assert_eq!(shape, [2, 5, 3]);
    }

    /// −∞ becomes the least number where it masks scores, and stays where anything else reads it.
    #[test]
    fn a_mask_is_bounded_where_a_softmax_alone_reads_it() {
        use crate::onnx::models::floats as constant;

        let scores = || operator("Add", &["x", "mask"], "masked");
        let cases = [
            (vec![scores(), operator("Softmax", &["masked"], "y")], 1),
            (vec![scores(), operator("Sigmoid", &["masked"], "y")], 0),
            (vec![operator("Equal", &["x", "mask"], "y")], 0),
            (
                vec![
                    scores(),
                    operator("Softmax", &["masked"], "share"),
                    operator("Add", &["share", "masked"], "y"),
                ],
                0,
            ),
        ];
        for (nodes, expected) in cases {
            let mask = constant("mask", &[3], &[0.0, f32::NEG_INFINITY, -1.0]);
            let mut model = small(&[1, 2, 3], nodes, vec![mask]);
            assert_eq!(bound_masks(&mut model).len(), expected);
            let graph = model.graph.expect("has a graph");
            let data = floats(&graph.initializer[0]).expect("floats").data;
            assert_eq!(data[1].is_finite(), expected == 1, "{data:?}");
        }
    }

    #[test]
    fn a_name_that_no_size_has_is_refused() {
        let error = resolved(&["batch", "2", "3"], &[("length", 7)]).expect_err("no such size");
        assert_eq!(
            error.to_string(),
            "model.onnx: no input has an open size \"length\", but batch"
        );
        let error = resolved(&["1", "2", "3"], &[("batch", 1)]).expect_err("no open size");
        assert!(
            error.to_string().ends_with("all sizes are in the file"),
            "{error}"
        );
    }
}
