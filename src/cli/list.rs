//! `evmbench list`: the models, their sizes, and what the study got.

use crate::metric::Metric;
use crate::model::cost::cost;
use crate::model::layers;
use crate::record::DEFAULT_SEED;
use crate::report::table::{Column, Table};
use crate::suite::{self, ModelSpec, StudyOutcome, Suite};

use super::error::CliError;
use super::output::{fitted, say};
use super::{Finding, format};

/// Show the models: the study's 20 at 2 scales, and networks that people know; shapes, parameters, multiply-adds, what the study got
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only this suite [default: every model]
    #[arg(long)]
    suite: Option<Suite>,
    /// The command that makes each set of the published records, in place of the models
    #[arg(long, conflicts_with = "suite")]
    published: bool,
}

/// What each set of the published records is, and its command. Every option but the model and its scale is the default, or stands there.
const PUBLISHED: [(&str, &str); 21] = [
    (
        "small layers, both scales",
        "prove-and-verify relu silu tanh poly dense dense_small dense_large conv2d_small --scale 7,10 --out results",
    ),
    (
        "large layers, both scales, one proof of each",
        "prove-and-verify maxpool2d_k2 avgpool2d_k2 conv2d_k3_s1 conv2d_k3_s2 depthwise_conv2d batchnorm2d layernorm --scale 7,10 --runs 1 --out results",
    ),
    (
        "layers whose power of two hangs on who assures the input's range",
        "prove-and-verify avgpool2d_k2 conv2d_k3_s1 conv2d_k3_s2 layernorm conv2d_large --scale 7,10 --input-range registered --runs 1 --out results",
    ),
    (
        "the CNNs on CIFAR-10's first test image, both scales",
        "prove-and-verify --suite composite --data DIR --out results",
    ),
    (
        "MLPerf Tiny with the public weights",
        "prove-and-verify --suite tiny --weights-dir DIR --data DIR --runs 1 --out results",
    ),
    (
        "three of them without their Softmax",
        "prove-and-verify resnet8 ds_cnn mobilenet_v1_025 --output logits --weights-dir DIR --data DIR --runs 1 --out results",
    ),
    (
        "classic networks",
        "prove-and-verify --suite classic --data DIR --runs 1 --out results",
    ),
    (
        "ResNet-20 in parts",
        "prove-and-verify resnet20 --cut conv8,conv15 --data DIR --runs 1 --out results",
    ),
    (
        "one layer in tiles",
        "prove-and-verify conv2d_small --tiles 2 --out results/parts",
    ),
    (
        "every layer computed in the circuit",
        "prove-and-verify relu silu tanh poly maxpool2d_k2 conv2d_k3_s1 conv2d_k3_s2 depthwise_conv2d batchnorm2d layernorm dense dense_small --scale 7 --circuit direct --out results",
    ),
    (
        "the same for the largest that fits",
        "prove-and-verify avgpool2d_k2 --scale 7 --circuit direct --runs 1 --out results",
    ),
    (
        "the study's circuits",
        "prove-and-verify relu silu tanh poly dense dense_small dense_large cnn_strided --scale 10 --circuit study --runs 1 --out results",
    ),
    (
        "the largest layer in two tiles, as 24 GB of memory have it by default",
        "prove-and-verify conv2d_large --tiles 2 --scale 7,10 --runs 1 --out results/parts",
    ),
    (
        "one choice changed at a time",
        "ablate dense_small --runs 5 --out results/ablation",
    ),
    (
        "tuned for gas",
        "tune dense_small --for gas --prove 3 --runs 1 --out results/tuned",
    ),
    (
        "the same for a CNN in two circuits",
        "tune cnn_strided --for gas --prove 2 --runs 1 --data DIR --out results/tuned",
    ),
    (
        "the same for cnn_poly, cnn_mixed and cnn_relu in one circuit each",
        "tune ID --for gas --prove 1 --runs 1 --data DIR --out results/tuned",
    ),
    (
        "three of MLPerf Tiny's models at the least gas: one column, for many calls",
        "prove-and-verify ds_cnn resnet8 mobilenet_v1_025 --columns 1 --optimizer-runs 1000000 --output logits --weights-dir DIR --data DIR --runs 1 --out results/tuned",
    ),
    (
        "the fourth, which has no Softmax",
        "prove-and-verify fc_autoencoder --columns 1 --optimizer-runs 1000000 --weights-dir DIR --runs 1 --out results/tuned",
    ),
    (
        "batches of a CNN's proofs, of N = 8 and then of N = 32",
        "prove-and-verify cnn_strided --batch N --scale 7 --runs 1 --data DIR --resume --out results/batches",
    ),
    (
        "the same in one column, for many calls",
        "prove-and-verify cnn_strided --batch N --columns 1 --optimizer-runs 1000000 --scale 7 --runs 1 --data DIR --resume --out results/batches",
    ),
];

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    if arguments.published {
        for (what, command) in PUBLISHED {
            say!("{what}:\n  evmbench {command}")?;
        }
        return Ok(Finding::Good);
    }
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
    let is_asked = |model: &&ModelSpec| arguments.suite.is_none_or(|suite| suite.contains(model));
    for model in suite::all().filter(is_asked) {
        let graph = layers::build(model, DEFAULT_SEED);
        let cost = cost(&graph);
        let output = &graph.values[graph.outputs[0].0].shape;
        let study = match model.study {
            // Both scales asked for gave one circuit, so one figure stands for both.
            None => "-".to_owned(),
            Some(StudyOutcome::Proved) => suite::study_figures(model.id, suite::STUDY_SCALES[0]).map_or_else(
                || "proved".to_owned(),
                |figures| {
                    let seconds = format::seconds(figures.prove_mean_seconds);
                    format!("proved: {} rows, {seconds}", format::count(figures.circuit_rows))
                },
            ),
            Some(StudyOutcome::OutOfMemory) => "gave up: out of memory".to_owned(),
            Some(StudyOutcome::TooManyRows) => "gave up at 2^24 rows".to_owned(),
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
    let suites = match arguments.suite {
        Some(suite) => vec![suite],
        None => vec![Suite::All, Suite::Tiny, Suite::Classic],
    };
    for suite in suites {
        let scales: Vec<String> = suite.default_scales().iter().map(u32::to_string).collect();
        say!(
            "--suite {suite}: {} models at scale {}",
            suite.models().count(),
            scales.join(" and ")
        )?;
    }
    Ok(Finding::Good)
}

fn shape(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}
