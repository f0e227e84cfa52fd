//! From the circuit to the graph that EZKL's compiled circuit is written from.

use super::circuit::{Circuit, Operator, Table};
use crate::compiled::{Element, Function, Graph, NodeId};

/// The same circuit in EZKL's operators, its inputs and outputs in the same order.
pub(super) fn compile(circuit: &Circuit) -> Graph {
    let mut graph = Graph::default();
    let mut nodes: Vec<NodeId> = Vec::with_capacity(circuit.nodes().len());
    for node in circuit.nodes() {
        let of = |at: usize| nodes[node.inputs[at].0];
        let compiled = match &node.operator {
            Operator::Input(_) => graph.input(node.shape.iter().product()),
            Operator::Constant(integers) => {
                let elements = integers.iter().copied().map(Element::from);
                graph.constant(&node.shape, elements.collect())
            }
            Operator::Reshape => graph.reshape(of(0), &node.shape),
            Operator::Gather { axis, positions } => graph.gather(of(0), *axis, positions.clone()),
            Operator::Add => graph.add(of(0), of(1)),
            Operator::Subtract => graph.subtract(of(0), of(1)),
            Operator::Multiply => graph.multiply(of(0), of(1)),
            Operator::Negate => graph.negate(of(0)),
            Operator::Sum => {
                let axes = (0..graph.shape(of(0)).len()).collect();
                let sum = graph.sum(of(0), axes);
                graph.reshape(sum, &node.shape)
            }
            Operator::Einsum { equation, .. } => graph.einsum(equation, of(0), of(1)),
            Operator::Lookup(table) => {
                let function = match table {
                    Table::Rectifier => Function::Rectifier { scale: node.scale },
                    Table::Sigmoid => Function::Sigmoid { scale: node.scale },
                    Table::Tanh => Function::Tanh { scale: node.scale },
                };
                graph.look_up(function, of(0))
            }
            // A table has its scale in its function.
            Operator::Relabel(_) => of(0),
        };
        nodes.push(compiled);
    }
    for (_, id) in circuit.outputs() {
        graph.output(nodes[id.0]);
    }
    graph
}
