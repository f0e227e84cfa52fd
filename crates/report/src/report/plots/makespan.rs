//! What a number of machines buys: makespan, idle share and machine hours of a job.

use super::Plot;
use super::axis::Axis;
use super::canvas::{self, PALETTE};
use super::panel::{self, Line, Panel};
use crate::makespan::Replay;
use crate::report::ReportError;

/// A figure of a replay.
type Figure = fn(&Replay) -> f64;

/// A job on 1 to 1,000 machines, from forecast durations.
///
/// # Errors
/// [`ReportError::Plot`] where it cannot be drawn.
pub fn makespan(replays: &[Replay]) -> Result<Plot, ReportError> {
    const FIGURES: [(&str, &str, bool, Figure); 3] = [
        ("All done after", "hours", true, |replay| {
            replay.makespan_seconds / 3600.0
        }),
        ("Idle", "per cent", false, |replay| 100.0 * replay.idle_share),
        ("Machine hours", "hours", true, |replay| replay.node_hours),
    ];
    let panels = FIGURES.map(|(title, unit, is_log, figure)| {
        let points: Vec<(f64, f64)> = replays
            .iter()
            .map(|replay| (replay.nodes as f64, figure(replay)))
            .collect();
        let values = points.iter().map(|&(_, value)| value);
        Panel {
            title: title.to_owned(),
            x: Axis::log("machines", points.iter().map(|&(nodes, _)| nodes)),
            y: if is_log {
                Axis::log(unit, values)
            } else {
                Axis::linear(unit, values)
            },
            lines: vec![Line {
                points,
                is_dashed: false,
                color: PALETTE[0],
            }],
            points: Vec::new(),
            rings: Vec::new(),
            remark: Vec::new(),
        }
    });
    canvas::plot(
        "makespan",
        "What machines buy",
        "A job's forecast durations, replayed on 1 to 1,000 machines, each task on the first that is free: when all is done, what part of \
         their time the machines have no task, and the hours of all machines until then."
            .to_owned(),
        (1060, 400),
        |area| panel::grid(area, &panels, 3),
    )
}
