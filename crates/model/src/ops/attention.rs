//! `Attention` and `RotaryEmbedding`: products of values, a Softmax, and rotations by constants.

use tract_onnx::pb::tensor_proto::DataType;

use super::broadcast::{broadcast, positions};
use super::movement::{Cut, whole};
use super::operator::{Composition, Import, Meaning, Part, ensure};
use super::softmax::Softmax;
use super::{Concat, Movement, Op};
use crate::tensor::Tensor;
use crate::wire::constant::Constant;
use crate::wire::node::size;
use crate::wire::proto::signed;
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Attention",
        read: attention,
    },
    Import {
        operator: "RotaryEmbedding",
        read: rotated,
    },
];

/// The input with the mask.
pub(crate) const MASK: usize = 3;

/// What a score has added that counts for nothing.
const MASKED: f32 = f32::MIN;

impl Composition {
    /// A value as batch × heads × places × elements, from that or from batch × places × all elements of all heads.
    fn in_heads(&mut self, value: Part, heads: Option<i64>) -> Result<Part, String> {
        match *self.shape(value)? {
            [_, _, _, _] => Ok(value),
            [batch, places, all] => {
                let heads = size(heads.ok_or("it does not say how many heads there are")?)?;
                ensure(heads > 0 && all.is_multiple_of(heads), || {
                    format!("{heads} heads of {all} elements")
                })?;
                let value = self.reshaped(value, &[batch, places, heads, all / heads])?;
                self.transposed(value, &[0, 2, 1, 3])
            }
            ref other => Err(format!("an input has the shape {other:?}")),
        }
    }

    /// The way back, to the form of the node's first input.
    fn out_of_heads(&mut self, value: Part) -> Result<Part, String> {
        if self.shape(Part::Input(0))?.len() == 4 {
            return Ok(value);
        }
        let value = self.transposed(value, &[0, 2, 1, 3])?;
        let &[batch, places, heads, elements] = self.shape(value)? else {
            return Err("it has no heads".to_owned());
        };
        self.reshaped(value, &[batch, places, heads * elements])
    }

    /// Each head as often as makes them so many.
    fn with_heads(&mut self, value: Part, heads: usize) -> Result<Part, String> {
        let &[batch, own, places, elements] = self.shape(value)? else {
            return Err("it has no heads".to_owned());
        };
        if own == heads {
            return Ok(value);
        }
        ensure(own > 0 && heads.is_multiple_of(own), || {
            format!("{own} heads for {heads}")
        })?;
        let apart = self.reshaped(value, &[batch, own, 1, places, elements])?;
        let shape = vec![batch, own, heads / own, places, elements];
        let repeated = self.apply(Op::Movement(Movement::Expand { shape }), &[apart])?;
        self.reshaped(repeated, &[batch, heads, places, elements])
    }
}

/// Softmax(Q·Kᵀ·scale + mask)·V for each head.
fn attention(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let attributes = node.attributes();
    for window in ["left_window_size", "right_window_size"] {
        attributes.expect_int(window, -1)?;
    }
    ensure(
        (MASK + 1..=MASK + 3).all(|position| node.argument(position).is_err()),
        || "it reads keys and values of the past, or how many places count".to_owned(),
    )?;
    let heads = |name: &str| attributes.int(name);
    let query = net.in_heads(Part::Input(0), heads("q_num_heads"))?;
    let key = net.in_heads(Part::Input(1), heads("kv_num_heads"))?;
    let value = net.in_heads(Part::Input(2), heads("kv_num_heads"))?;
    let &[batch, heads, rows, elements] = net.shape(query)? else {
        return Err("it has no heads".to_owned());
    };
    let key = net.with_heads(key, heads)?;
    let value = net.with_heads(value, heads)?;
    let turned = net.transposed(key, &[0, 1, 3, 2])?;
    let mut scores = net.apply(Op::MatMul, &[query, turned])?;
    let &[.., columns] = net.shape(scores)? else {
        return Err("it has no scores".to_owned());
    };
    let scale = attributes
        .float("scale")
        .unwrap_or(1.0 / (elements as f32).sqrt());
    if scale.to_bits() != 1f32.to_bits() {
        scores = net.with(Op::Mul, scores, scale)?;
    }
    let mask = mask_of(node, [batch, heads, rows, columns])?;
    let softcap = attributes.float("softcap").unwrap_or(0.0);
    if softcap != 0.0 {
        // Which of both comes first, versions of the operator say differently.
        ensure(mask.is_none() && softcap > 0.0, || {
            "it has a softcap beside a mask, or a negative one".to_owned()
        })?;
        let part = net.with(Op::Div, scores, softcap)?;
        let bent = net.apply(Op::Tanh, &[part])?;
        scores = net.with(Op::Mul, bent, softcap)?;
    }
    if let Some(mask) = mask {
        let mask = net.constant(mask)?;
        scores = net.apply(Op::Add, &[scores, mask])?;
    }
    let shares = net.apply(Op::Softmax(Softmax { is_logarithm: false }), &[scores])?;
    let result = net.apply(Op::MatMul, &[shares, value])?;
    let result = net.out_of_heads(result)?;
    Ok(net.giving(vec![result]))
}

/// What is added to scores of this shape, if anything: a constant mask, and the least number beyond each row's own place.
fn mask_of(node: &Reading<'_>, shape: [usize; 4]) -> Result<Option<Tensor>, String> {
    let [_, _, rows, columns] = shape;
    let mut mask: Option<Tensor> = None;
    if node.argument(MASK).is_ok() {
        let given = match node.constant(MASK)? {
            Constant::Floats(tensor) => tensor.clone(),
            Constant::Ints(integers) if integers.element != DataType::Bool => {
                return Err(format!("its mask is of {}", integers.element.as_str_name()));
            }
            Constant::Ints(truth) => {
                let added = |&truth: &i64| if truth == 0 { MASKED } else { 0.0 };
                Tensor::new(truth.shape.clone(), truth.data.iter().map(added).collect())
            }
        };
        let fits = given.shape.last() == Some(&columns)
            && broadcast(&given.shape, &shape).as_deref() == Some(&shape[..]);
        ensure(fits, || {
            format!("a mask of shape {:?} for scores of shape {shape:?}", given.shape)
        })?;
        mask = Some(given);
    }
    if node.attributes().int("is_causal").unwrap_or(0) != 0 {
        let places = (0..rows).flat_map(|row| (0..columns).map(move |column| column <= row));
        let causal: Vec<f32> = places.map(|is_seen| if is_seen { 0.0 } else { MASKED }).collect();
        mask = Some(match mask {
            None => Tensor::new([rows, columns], causal),
            Some(mask) => {
                let own = broadcast(&mask.shape, &[rows, columns]).ok_or("its mask has another shape")?;
                let data = positions(&mask.shape, &own).into_iter().enumerate();
                let data = data.map(|(at, place)| (mask.data[place] + causal[at % causal.len()]).max(MASKED));
                let data = data.collect();
                Tensor::new(own, data)
            }
        });
    }
    if let Some(mask) = &mask {
        let sees = |row: &[f32]| row.iter().any(|&x| x > MASKED / 2.0);
        ensure(mask.data.chunks(columns).all(sees), || {
            "a row of its mask keeps nothing".to_owned()
        })?;
    }
    Ok(mask)
}

/// Pairs of elements turned by angles whose cosine and sine are constants.
fn rotated(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let attributes = node.attributes();
    let heads = attributes.int("num_heads").filter(|&heads| heads != 0);
    let value = net.in_heads(Part::Input(0), heads)?;
    let &[batch, heads, places, elements] = net.shape(value)? else {
        return Err("it has no heads".to_owned());
    };
    let turned = match attributes.int("rotary_embedding_dim").unwrap_or(0) {
        0 => elements,
        turned => size(turned)?,
    };
    ensure(
        turned <= elements && turned > 0 && turned.is_multiple_of(2),
        || format!("{turned} of {elements} elements are turned"),
    )?;
    let half = turned / 2;
    let mut angles = Vec::new();
    for position in [1, 2] {
        let tensor = angles_of(node, position, [batch, places, half])?;
        angles.push(net.constant(tensor)?);
    }
    let (cosine, sine) = (angles[0], angles[1]);
    let is_interleaved = attributes.int("interleaved").unwrap_or(0) != 0;
    let mut halves = Vec::new();
    for index in [0, 1] {
        let (start, end, step) = if is_interleaved {
            (index, turned, 2)
        } else {
            (index * half, (index + 1) * half, 1)
        };
        let cut = Cut {
            axis: 3,
            start: signed(start),
            end: signed(end),
            step,
        };
        halves.push(net.apply(Op::Movement(Movement::Slice(vec![cut])), &[value])?);
    }
    let product =
        |net: &mut Composition, half: usize, angle: Part| net.apply(Op::Mul, &[halves[half], angle]);
    let (a, b) = (product(&mut net, 0, cosine)?, product(&mut net, 1, sine)?);
    let (c, d) = (product(&mut net, 0, sine)?, product(&mut net, 1, cosine)?);
    let first = net.apply(Op::Sub, &[a, b])?;
    let second = net.apply(Op::Add, &[c, d])?;
    let mut result = if is_interleaved {
        let apart = [batch, heads, places, half, 1];
        let first = net.reshaped(first, &apart)?;
        let second = net.reshaped(second, &apart)?;
        let pairs = net.apply(Op::Concat(Concat { axis: 4 }), &[first, second])?;
        net.reshaped(pairs, &[batch, heads, places, turned])?
    } else {
        net.apply(Op::Concat(Concat { axis: 3 }), &[first, second])?
    };
    if turned < elements {
        let rest = net.cut(value, 3, turned..elements)?;
        result = net.apply(Op::Concat(Concat { axis: 3 }), &[result, rest])?;
    }
    let result = net.out_of_heads(result)?;
    Ok(net.giving(vec![result]))
}

/// Cosines or sines as batch × 1 × places × half: rows of a table at constant positions, or as they stand.
fn angles_of(
    node: &Reading<'_>,
    position: usize,
    [batch, places, half]: [usize; 3],
) -> Result<Tensor, String> {
    let table = node.floats(position)?;
    let unfit = || format!("its angles have the shape {:?}", table.shape);
    let data = if node.argument(3).is_ok() {
        let &[rows, columns] = &table.shape[..] else {
            return Err(unfit());
        };
        let at = whole(node, 3)?;
        ensure(columns == half && at.len() == batch * places, unfit)?;
        let row = |&at: &i64| {
            let row = usize::try_from(at).ok().filter(|&row| row < rows);
            row.map(|row| &table.data[row * half..(row + 1) * half])
                .ok_or_else(|| format!("position {at} of {rows}"))
        };
        at.iter().map(row).collect::<Result<Vec<_>, _>>()?.concat()
    } else {
        ensure(table.shape == [batch, places, half], unfit)?;
        table.data.clone()
    };
    Ok(Tensor::new([batch, 1, places, half], data))
}
