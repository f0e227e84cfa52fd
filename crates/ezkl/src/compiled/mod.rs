//! Circuits as EZKL keeps them compiled: operators over the scalar field, the cells they take, and the file's bytes.
//!
//! Goes in: a [`Graph`] of operators, and a [`Frame`] of rows and columns. Comes out: [`Compiled`]: the
//! bytes of EZKL 23.0.5's compiled circuit and its settings, both from the same structure, and what EZKL will count when it
//! lays the circuit out ([`Counts`]), exactly. Nothing else takes part: no ONNX, no loader, no calibration, no clock and no map
//! whose order varies, so that the same circuit gives the same bytes.
//!
//! What can be said is narrower than EZKL's format, on purpose. Inputs are committed by KZG, each in columns of its own.
//! Outputs are public. A constant's elements are [`Element`]s, and it is always written with the visibility `Fixed`: under any
//! other EZKL would take it for a witness that the prover chooses. No operator here decomposes, divides, sorts or picks by an
//! index that is computed. EZKL's `Pad` is left out: whether the key fixes its zeros was not established.
//!
//! | module | what it has |
//! |---|---|
//! | [`count`] | the cells, rows and constants that EZKL's layout takes (`src/circuit/ops/layouts.rs`) |
//! | [`settings`] | what EZKL calls settings, as JSON and in the file |
//! | [`encode`] | the file: bincode 1, fixed-size and little-endian |

mod count;
mod encode;
mod settings;

pub use count::{Counts, cells_by_node};
pub use evmbench_backend::{
    Element, Frame, Function, Graph, Node, NodeId, Operator, RECTIFIER_EXACT, RECTIFIER_EXPONENT, Table,
};

use evmbench_committed::CommittedCircuit;

use settings::Settings;
pub(crate) use settings::function_name;

/// The version of EZKL whose format is written here; any other reads it as something else, or not at all.
pub const FORMAT_VERSION: &str = "23.0.5";

/// A circuit as EZKL reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    /// What it is laid out in.
    pub frame: Frame,
    /// The compiled circuit's file.
    pub bytes: Vec<u8>,
    /// The settings' file.
    pub settings: serde_json::Value,
    /// What EZKL counts when it lays the circuit out.
    pub counts: Counts,
}

impl Compiled {
    /// Writes a committed circuit down, in the rows and columns that it is laid out in.
    pub fn of_committed(circuit: &CommittedCircuit) -> Self {
        Self::of(circuit.graph(), circuit.frame())
    }

    /// Writes a circuit down.
    pub fn of(graph: &Graph, frame: Frame) -> Self {
        let counts = Counts::of(graph, frame);
        let settings = Settings::of(graph, frame, counts);
        Self {
            frame,
            bytes: encode::circuit(graph, &settings),
            settings: settings.json(),
            counts,
        }
    }
}

/// The settings alone, of the file that [`Compiled::of_committed`] writes.
pub fn settings(circuit: &CommittedCircuit) -> serde_json::Value {
    let (graph, frame) = (circuit.graph(), circuit.frame());
    Settings::of(graph, frame, Counts::of(graph, frame)).json()
}
