//! Concat: values one after the other along an axis.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::AttributeProto;

use super::Op;
use super::lowering::{Lowering, Place, hull};
use super::operator::{Elements, Import, Meaning, Operator, ensure};
use crate::program::{Order, ProgramError, Step, Value, ValueId};
use crate::wire::node::axis;
use crate::wire::proto::{int, signed};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[Import {
    operator: "Concat",
    read,
}];

/// Values of equal shape, but for the axis along which they follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concat {
    /// The axis, counted from the first.
    pub axis: usize,
}

impl Operator for Concat {
    fn onnx_name(&self) -> &'static str {
        "Concat"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let [first, others @ ..] = inputs else {
            return Err("takes at least one input".to_owned());
        };
        let axis = self.axis;
        ensure(axis < first.len(), || {
            format!("axis {axis} of an input of shape {first:?}")
        })?;
        let mut shape = first.to_vec();
        for other in others {
            let alike =
                other.len() == first.len() && (0..first.len()).all(|at| at == axis || other[at] == first[at]);
            ensure(alike, || {
                format!("inputs of shapes {first:?} and {other:?} along axis {axis}")
            })?;
            shape[axis] = shape[axis].saturating_add(other[axis]);
        }
        Ok(shape)
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        vec![int("axis", signed(self.axis))]
    }

    fn elements(&self, given: &[Elements]) -> (Vec<Elements>, Elements) {
        Elements::side_by_side(given)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    /// The elements of all inputs, brought to one unit as those of a sum are, in another order: no element is computed.
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let values = 0..place.inputs.len();
        let values: Vec<ValueId> = values
            .map(|position| place.value(lowering, position))
            .collect::<Result<_, _>>()?;
        let (operands, unit) = lowering.aligned(place, &values)?;
        let interval = hull(operands.iter().map(|&operand| lowering.interval(operand)));
        let value = Value {
            name: place.name.to_owned(),
            shape: place.shape.clone(),
            interval: interval.map_err(|source| place.too_large(source))?,
            unit,
            is_whole: operands
                .iter()
                .all(|operand| lowering.value(operand.value).is_whole),
        };
        let shapes = place.inputs.iter().map(|input| input.shape);
        let order = self.order(&shapes.collect::<Vec<_>>());
        Ok(lowering.push(Step::Rearrange { operands, order }, value))
    }
}

impl Concat {
    /// Where the elements of the result stand in a list of all elements of inputs of these shapes, each row-major.
    fn order(self, shapes: &[&[usize]]) -> Order {
        let rows: usize = shapes[0][..self.axis].iter().product();
        if rows == 1 {
            return Order::Kept;
        }
        let mut start = 0;
        let mut parts = Vec::with_capacity(shapes.len());
        for shape in shapes {
            let row: usize = shape[self.axis..].iter().product();
            parts.push((start, row));
            start += rows * row;
        }
        let part = |index: usize| {
            let parts = parts.iter();
            parts.flat_map(move |&(start, row)| start + index * row..start + (index + 1) * row)
        };
        Order::Picked((0..rows).flat_map(part).collect())
    }
}

fn read(node: &Reading<'_>) -> Result<Meaning, String> {
    let inputs = 0..node.node().input.len();
    let inputs = inputs.map(|position| node.argument(position));
    let inputs: Vec<usize> = inputs.collect::<Result<_, _>>()?;
    let rank = |&position: &usize| Some(node.shape(position).ok()??.len());
    let Some(rank) = inputs.iter().find_map(rank) else {
        return Ok(Meaning::Unknown);
    };
    let along = node.attributes().int("axis").ok_or("it has no axis")?;
    let op = Concat {
        axis: axis(along, rank)?,
    };
    Ok(Meaning::Apply(Op::Concat(op), inputs))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use tract_onnx::pb::NodeProto;

    use super::*;
    use crate::float::FloatModel;
    use crate::graph::{Graph, ValueId as GraphValue};
    use crate::input::seeded_uniform;
    use crate::integer::{self, IntegerError};
    use crate::onnx::{self, Coverage};
    use crate::program::{Integers, Program};
    use crate::quantise::{ProgramOptions, quantise};
    use crate::tensor::Tensor;
    use crate::wire::proto::{File, floats, port};

    const SCALE: u32 = 4;

    fn program(graph: &Graph) -> Result<Program, ProgramError> {
        let options = ProgramOptions {
            scale: SCALE,
            input: Integers::of_input(SCALE, 1.0),
            digit_bits: None,
            roundings: None,
        };
        quantise(graph, &options)
    }

    fn concat(graph: &mut Graph, axis: usize, inputs: &[GraphValue]) -> Result<GraphValue, String> {
        let number = graph.nodes.len();
        let (name, output) = (format!("n{number}"), format!("v{number}"));
        let op = Op::Concat(Concat { axis });
        graph
            .apply(&name, &output, op, inputs)
            .map_err(|error| error.to_string())
    }

    /// A file with a concatenation of `a` (1×2×3) and `b` (1×4×3), which may be a constant, along an axis.
    fn coverage(axis: i64, is_constant: bool) -> Coverage {
        let constant = floats("b".to_owned(), &[1, 4, 3], &[0.5; 12]);
        let (a, b) = (port("a", &[1, 2, 3]), port("b", &[1, 4, 3]));
        let file = File {
            nodes: vec![NodeProto {
                name: "joined".to_owned(),
                op_type: "Concat".to_owned(),
                input: vec!["a".to_owned(), "b".to_owned()],
                output: vec!["y".to_owned()],
                attribute: vec![int("axis", axis)],
                ..NodeProto::default()
            }],
            initializers: if is_constant { vec![constant] } else { Vec::new() },
            inputs: if is_constant { vec![a] } else { vec![a, b] },
            outputs: vec![port("y", &[1, 6, 3])],
        };
        onnx::parse(&file.encode(14), Path::new("model.onnx"))
            .expect("valid")
            .coverage
    }

    #[test]
    fn an_axis_may_be_counted_from_the_last() {
        for axis in [1, -2] {
            let Coverage::Full(graph) = coverage(axis, false) else {
                panic!("axis {axis}");
            };
            assert_eq!(graph.nodes[0].op, Op::Concat(Concat { axis: 1 }));
            assert_eq!(graph.shape(graph.outputs[0]), [1, 6, 3]);
        }
    }

    #[test]
    fn a_constant_may_stand_among_the_values() {
        let Coverage::Full(graph) = coverage(1, true) else {
            panic!("not covered");
        };
        let constant = Tensor::new([1, 4, 3], vec![0.5; 12]);
        assert_eq!(graph.nodes[0].op, Op::Constant(constant));
        assert_eq!(graph.nodes[1].op, Op::Concat(Concat { axis: 1 }));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 2, 3]).unwrap();
        let y = graph.input("y", &[1, 2, 4]).unwrap();
        let z = graph.input("z", &[1, 6]).unwrap();
        for (axis, inputs) in [(1, &[x, y][..]), (2, &[x, z]), (3, &[x]), (0, &[])] {
            concat(&mut graph, axis, inputs).unwrap_err();
        }
        let joined = concat(&mut graph, 2, &[x, y]).unwrap();
        assert_eq!(graph.shape(joined), [1, 2, 7]);
    }

    #[test]
    fn what_stands_along_the_batch_has_integers_and_no_reference_of_a_direct_circuit() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 3]).unwrap();
        let y = concat(&mut graph, 0, &[x, x]).unwrap();
        graph.outputs.push(y);
        let program = program(&graph).unwrap();
        assert_eq!(
            program.run(&[1, 2, 3]).values[program.output.0],
            [1, 2, 3, 1, 2, 3]
        );
        let refused = integer::check(&graph).unwrap_err();
        assert!(
            matches!(
                refused,
                IntegerError::NotFollowed {
                    operator: "Concat",
                    ..
                }
            ),
            "{refused}"
        );
    }

    /// x, its square, and what is joined of them and of earlier results: one after the other, along some axes.
    fn joined(shape: &[usize], joins: &[(prop::sample::Index, prop::sample::Index, usize)]) -> Graph {
        let mut graph = Graph::default();
        let x = graph.input("x", shape).unwrap();
        let square = graph.apply("square", "xx", Op::Mul, &[x, x]).unwrap();
        let mut values = vec![x, square];
        for (first, second, axis) in joins {
            let (first, second) = (*first.get(&values), *second.get(&values));
            let axis = 1 + axis % (shape.len() - 1);
            let both = concat(&mut graph, axis, &[first, second, first]);
            let value = both.or_else(|_| concat(&mut graph, axis, &[first, first]));
            values.push(value.unwrap());
        }
        graph.outputs.push(values[values.len() - 1]);
        graph
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The integers are ONNX's numbers at their unit, exactly, and within their bounds; the file is read as it was written.
        #[test]
        fn integers_are_those_of_onnx(
            sizes in prop::collection::vec(1_usize..4, 1..4),
            joins in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_usize..3), 1..4),
            seed in 0_u64..1000,
        ) {
            let shape = [&[1], &sizes[..]].concat();
            let graph = joined(&shape, &joins);
            let unit = f64::from(SCALE).exp2();
            let drawn = seeded_uniform(&shape, seed).data.into_iter();
            let integers: Vec<i128> = drawn.map(|x| (f64::from(x) * unit).round() as i128).collect();
            let floats = integers.iter().map(|&integer| (integer as f64 / unit) as f32);

            let program = program(&graph).unwrap();
            let result = program.value(program.output);
            let found = program.run(&integers).values.swap_remove(program.output.0);
            prop_assert!(found.iter().all(|integer| (result.interval.least..=result.interval.greatest).contains(integer)));
            let found: Vec<f64> = found.into_iter().map(|integer| integer as f64 / result.unit).collect();

            let file = onnx::write(&graph);
            let model = FloatModel::load(&file).unwrap();
            let expected = model.run(&[Tensor::new(shape, floats.collect())]).unwrap().swap_remove(0);
            let expected: Vec<f64> = expected.data.into_iter().map(f64::from).collect();
            prop_assert_eq!(found, expected);

            let read = onnx::parse(&file, Path::new("model.onnx")).unwrap().coverage;
            prop_assert_eq!(read, Coverage::Full(graph));
        }
    }
}
