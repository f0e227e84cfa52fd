//! `evmbench list`: the models, their sizes, and what the study got.

use crate::metric::Metric;
use crate::model::cost::cost;
use crate::model::layers;
use crate::record::DEFAULT_SEED;
use crate::report::table::{Column, Table};
use crate::suite::{self, StudyOutcome, Suite};

use super::error::CliError;
use super::output::{fitted, say};
use super::{Finding, format};

/// Show the 20 models at 2 scales: shapes, parameters, multiply-adds, and what the study got
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only this suite
    #[arg(long, default_value = "all")]
    suite: Suite,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let mut table = Table::new([
        Column::text("model"),
        Column::text("suite"),
        Column::text("computes"),
        Column::text("input"),
        Column::text("output"),
        Column::written_of(Metric::Parameters),
        Column::written_of(Metric::MultiplyAdds),
        Column::text("in the study"),
    ]);
    for model in arguments.suite.models() {
        let graph = layers::build(model, DEFAULT_SEED);
        let cost = cost(&graph);
        let output = &graph.values[graph.outputs[0].0].shape;
        let study = match model.study {
            // Both scales asked for gave one circuit, so one figure stands for both.
            StudyOutcome::Proved => suite::study_figures(model.id, suite::STUDY_SCALES[0]).map_or_else(
                || "proved".to_owned(),
                |figures| {
                    let seconds = format::seconds(figures.prove_mean_seconds);
                    format!("proved: {} rows, {seconds}", format::count(figures.circuit_rows))
                },
            ),
            StudyOutcome::OutOfMemory => "gave up: out of memory".to_owned(),
            StudyOutcome::TooManyRows => "gave up at 2^24 rows".to_owned(),
        };
        table.row([
            model.id.to_owned(),
            model.category.to_string(),
            model.description.to_owned(),
            shape(model.input_shape),
            shape(output),
            format::count(cost.parameters),
            format::count(cost.multiply_adds),
            study,
        ]);
    }
    say!("{}", fitted(&table))?;
    let scales = arguments.suite.experiments(&[]).count();
    say!(
        "{scales} experiments: {} models, each at scale 7 and 10 unless the suite says otherwise (smoke: 7).",
        arguments.suite.models().count()
    )?;
    Ok(Finding::Good)
}

fn shape(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}
