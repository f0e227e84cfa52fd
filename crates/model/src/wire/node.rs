//! What a protobuf node says: its domain, its name, its inputs and its attributes.

use tract_onnx::pb::{AttributeProto, NodeProto, attribute_proto::AttributeType};

/// `epsilon` of both normalisations where it is left out (ONNX operator specifications).
pub(crate) const DEFAULT_EPSILON: f32 = 1e-5;

/// Whether a domain is that of ONNX's own operators.
pub(crate) fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// What a node is called in messages.
pub(crate) fn label(node: &NodeProto) -> String {
    let outputs = node.output.first().into_iter();
    std::iter::once(&node.name)
        .chain(outputs)
        .find(|name| !name.is_empty())
        .cloned()
        .unwrap_or_default()
}

/// A node's attributes by name and type; `None` where one is left out or of another type.
pub(crate) struct Attributes<'a>(pub(crate) &'a NodeProto);

impl<'a> Attributes<'a> {
    pub(crate) fn get(&self, name: &str, kind: AttributeType) -> Option<&'a AttributeProto> {
        self.0
            .attribute
            .iter()
            .find(|attribute| attribute.name == name && attribute.r#type() == kind)
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.get(name, AttributeType::Int).map(|attribute| attribute.i)
    }

    pub(crate) fn float(&self, name: &str) -> Option<f32> {
        self.get(name, AttributeType::Float).map(|attribute| attribute.f)
    }

    pub(crate) fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.get(name, AttributeType::Ints)
            .map(|attribute| attribute.ints.as_slice())
    }

    pub(crate) fn floats(&self, name: &str) -> Option<&'a [f32]> {
        self.get(name, AttributeType::Floats)
            .map(|attribute| attribute.floats.as_slice())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a [u8]> {
        self.get(name, AttributeType::String)
            .map(|attribute| attribute.s.as_slice())
    }

    /// Fails unless the attribute is left out or has this value.
    pub(crate) fn expect_int(&self, name: &str, value: i64) -> Result<(), String> {
        match self.int(name) {
            Some(found) if found != value => Err(format!("{name} is {found}, not {value}")),
            _ => Ok(()),
        }
    }
}

/// The name at a position among a node's inputs.
pub(crate) fn argument(node: &NodeProto, position: usize) -> Result<&str, String> {
    node.input
        .get(position)
        .map(String::as_str)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| format!("it has no input {position}"))
}

/// A size that ONNX stores as `i64`.
pub(crate) fn size(value: i64) -> Result<usize, String> {
    usize::try_from(value).map_err(|_| format!("a size is {value}"))
}

/// An attribute of exactly `N` sizes.
pub(crate) fn sizes<const N: usize>(
    attributes: &Attributes<'_>,
    name: &str,
) -> Result<Option<[usize; N]>, String> {
    let Some(values) = attributes.ints(name) else {
        return Ok(None);
    };
    let sizes: Vec<usize> = values.iter().map(|&v| size(v)).collect::<Result<_, _>>()?;
    sizes
        .try_into()
        .map(Some)
        .map_err(|_| format!("{name} is {values:?}, not {N} sizes"))
}

/// An axis of `rank`, which may be counted from the end.
pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let magnitude = usize::try_from(axis.unsigned_abs()).ok();
    let from_start = if axis < 0 {
        magnitude.and_then(|back| rank.checked_sub(back))
    } else {
        magnitude
    };
    from_start
        .filter(|&axis| axis < rank)
        .ok_or_else(|| format!("axis {axis} is out of range"))
}
