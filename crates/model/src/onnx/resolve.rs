//! What a file leaves open: the size of its batch, and weights that are stored beside it.
//!
//! Goes in: a file's bytes and its folder. Comes out: bytes that leave nothing open, the same ones where nothing was, and a
//! sentence about what was filled in. A batch without a size is 1, as EZKL's own command line has it.

use std::collections::HashSet;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

use prost::Message;
use tract_onnx::pb::{
    ModelProto, TensorProto, ValueInfoProto,
    tensor_proto::DataLocation,
    tensor_shape_proto::{Dimension, dimension::Value},
    type_proto::Value as Type,
};

use super::OnnxError;
use evmbench_host::files::{self, MOST_MODEL_BYTES};
use evmbench_host::format;

/// The bytes with what was left open filled in, and a sentence about each input whose batch was.
///
/// # Errors
/// [`OnnxError::Read`] and [`OnnxError::Beside`] about a file of weights.
pub(super) fn resolve(bytes: Vec<u8>, path: &Path) -> Result<(Vec<u8>, Vec<String>), OnnxError> {
    // What is no model is refused where it is parsed.
    let Ok(mut model) = ModelProto::decode(&bytes[..]) else {
        return Ok((bytes, Vec::new()));
    };
    let bound = bind_batch(&mut model);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let fetched = fetch_weights(&mut model, folder)?;
    if bound.is_empty() && !fetched {
        return Ok((bytes, Vec::new()));
    }
    let notes = bound
        .into_iter()
        .map(|name| format!("input {name}: its batch has no size in the file, and is 1 here"));
    Ok((model.encode_to_vec(), notes.collect()))
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
    // The same symbol stands for the same size everywhere.
    for value in graph.output.iter_mut().chain(&mut graph.value_info) {
        for size in sizes(value).into_iter().flatten() {
            if matches!(&size.value, Some(Value::DimParam(symbol)) if symbols.contains(symbol)) {
                size.value = Some(Value::DimValue(1));
            }
        }
    }
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
    let attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    let tensors = graph
        .initializer
        .iter_mut()
        .chain(attributes.flat_map(|attribute| &mut attribute.t));
    let (mut fetched, mut is_any) = (0, false);
    for tensor in tensors.filter(|tensor| tensor.data_location() == DataLocation::External) {
        tensor.raw_data = stored_bytes(tensor, folder, MOST_MODEL_BYTES - fetched)?;
        tensor.data_location = Some(DataLocation::Default as i32);
        tensor.external_data.clear();
        fetched += tensor.raw_data.len() as u64;
        is_any = true;
    }
    Ok(is_any)
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
