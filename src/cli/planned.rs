//! What `evmbench plan` says of one subject.

use serde::Serialize;

use crate::committed::CellAccount;
use crate::forecast::{Forecast, Verdict};
use crate::model::onnx::Uncovered;
use crate::prover::CircuitKind;
use crate::record::Request;

/// One subject's forecast, as `--json` prints it.
#[derive(Serialize)]
pub(super) struct Planned {
    pub(super) name: String,
    #[serde(skip)]
    pub(super) request: Request,
    pub(super) circuit: CircuitKind,
    /// Nodes that a committed circuit does not cover.
    pub(super) uncovered: Vec<Uncovered>,
    /// What was noticed on the way.
    pub(super) notes: Vec<String>,
    /// Absent where EZKL gave no settings.
    pub(super) forecast: Option<Forecast>,
    /// What EZKL said then.
    pub(super) failure: Option<String>,
    pub(super) budget_bytes: Option<u64>,
    /// Where the budget comes from.
    pub(super) budget_source: Option<String>,
    /// How the larger of both phases' peaks stands to the budget.
    pub(super) memory: Option<Verdict>,
    /// With `--explain`: where the cells of a committed circuit go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cells: Option<CellAccount>,
}
