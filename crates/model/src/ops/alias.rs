//! Nodes that leave nothing behind in the graph: other names for values, and constants.

use super::operator::{Import, Meaning};
use crate::wire::constant::{Constant, constant_node};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Identity",
        read: |node| node.argument(0).map(Meaning::Alias),
    },
    Import {
        operator: "Dropout",
        read: |node| {
            expect_inference(node)?;
            node.argument(0).map(Meaning::Alias)
        },
    },
    Import {
        operator: "Constant",
        read: |node| constant_node(node.node()).map(Meaning::Constant),
    },
];

/// Fails when a dropout drops: its third input, if any, must not be true.
fn expect_inference(node: &Reading<'_>) -> Result<(), String> {
    match node.argument(2) {
        Err(_) => Ok(()),
        Ok(_) => match node.constant(2)? {
            Constant::Ints(integers) if integers.data == [0] => Ok(()),
            _ => Err("training_mode is not false".to_owned()),
        },
    }
}
