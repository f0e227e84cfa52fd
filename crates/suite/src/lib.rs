//! What to run: the 20 models at 2 scales that the study planned, and the [networks](NETWORKS) that people know, as data.
//!
//! Goes in: an id, a suite's name or nothing. Comes out: [`Experiment`]s, each a [`ModelSpec`] (sizes in elements, batch 1;
//! images of the study's models are NCHW) and a fixed-point scale (log2 of the multiplier), and beside the study's what the
//! study got. Nothing is computed or built here.

mod networks;

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use evmbench_host::hint::Hint;

pub use networks::{Layer, NETWORKS};

/// The scales that the study asked for, in ascending order.
pub const STUDY_SCALES: [u32; 2] = [7, 10];

/// How many ids [`SuiteError::UnknownModel`] proposes at most.
const MAX_SUGGESTIONS: usize = 3;

/// Least Jaro-Winkler similarity of an id to be proposed for a misspelt one.
const SUGGESTION_SIMILARITY: f64 = 0.75;

/// Why a name is not one of the suite.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuiteError {
    /// No model has this id.
    #[error("there is no model {id:?}")]
    UnknownModel {
        /// The id that was asked for.
        id: String,
        /// The ids nearest to it, nearest first; may be empty.
        nearest: Vec<&'static str>,
    },
    /// No suite has this name.
    #[error("there is no suite {name:?}")]
    UnknownSuite {
        /// The name that was asked for.
        name: String,
    },
}

impl Hint for SuiteError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::UnknownModel { id, .. } if Path::new(id).extension().is_some_and(|end| end == "onnx") => {
                format!("a file is named by an option: --onnx {id}")
            }
            Self::UnknownModel { nearest, .. } if nearest.is_empty() => {
                "`evmbench list` shows all ids".to_owned()
            }
            Self::UnknownModel { nearest, .. } => {
                format!("did you mean {}?", nearest.join(" or "))
            }
            Self::UnknownSuite { .. } => {
                let names: Vec<_> = Suite::ALL.iter().map(Suite::name).collect();
                format!("the suites are {}", names.join(", "))
            }
        };
        Some(hint.into())
    }
}

/// The part of the study that a model belongs to, or the set of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// One of the 12 layers.
    Core,
    /// One of the 4 shapes that show how cost grows.
    Scaling,
    /// One of the 4 small CNNs.
    Composite,
    /// One of the 4 networks of MLPerf Tiny.
    Tiny,
    /// One of the classic networks.
    Classic,
}

impl Category {
    /// Whether it is a part of the study.
    #[must_use]
    pub const fn is_of_study(self) -> bool {
        matches!(self, Self::Core | Self::Scaling | Self::Composite)
    }

    /// The scale of one of its models where none is asked for. Three of MLPerf Tiny's four networks end in a
    /// Softmax, which needs more bits than the others' outputs.
    #[must_use]
    pub const fn default_scale(self) -> u32 {
        match self {
            Self::Core | Self::Scaling | Self::Composite | Self::Classic => 7,
            Self::Tiny => 10,
        }
    }

    /// Its name in ids, paths and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Scaling => "scaling",
            Self::Composite => "composite",
            Self::Tiny => "tiny",
            Self::Classic => "classic",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A non-linearity between two layers of a CNN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x².
    Square,
}

/// Pooling over 2×2 windows with stride 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The largest of each window.
    Max,
    /// The mean of each window.
    Average,
}

/// One stage of a CNN: a 3×3 convolution with padding 1, an activation and perhaps a pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CnnStage {
    /// Channels that the convolution gives.
    pub out_channels: usize,
    /// Its stride in both directions.
    pub stride: usize,
    /// What follows it.
    pub activation: Activation,
    /// What follows the activation, if anything.
    pub pooling: Option<Pooling>,
}

/// What the elements of a model's input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Numbers from the first to the second.
    Numbers(i16, i16),
    /// An image of CIFAR-10's, channel by channel, each normalised with its mean and standard deviation.
    NormalisedImage,
    /// An image of CIFAR-10's as its 8-bit values, 0 to 255, pixel by pixel.
    Pixels,
}

impl InputKind {
    /// Whether it is one of CIFAR-10's images.
    #[must_use]
    pub const fn is_image(self) -> bool {
        matches!(self, Self::NormalisedImage | Self::Pixels)
    }
}

/// What a model computes. All convolutions of the study's models have a bias, kernel 3 and padding 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// max(x, 0).
    Relu,
    /// x · sigmoid(x).
    Silu,
    /// tanh(x).
    Tanh,
    /// x².
    Square,
    /// 2×2 pooling, stride 2.
    Pool(Pooling),
    /// A convolution over the input's channels.
    Conv2d {
        /// Output channels.
        out_channels: usize,
        /// Stride in both directions.
        stride: usize,
        /// Groups that the channels are split into.
        groups: usize,
    },
    /// Batch normalisation at inference.
    BatchNorm2d,
    /// Layer normalisation over C, H and W.
    LayerNorm,
    /// A fully connected layer with a bias.
    Dense {
        /// Outputs.
        out_features: usize,
    },
    /// Two convolutional stages, then a fully connected layer with a bias.
    Cnn {
        /// The stages in order.
        stages: [CnnStage; 2],
        /// Outputs of the last layer.
        classes: usize,
    },
    /// Layers one after the other.
    Network(&'static [Layer]),
}

/// How far the study came with a model, at either scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StudyOutcome {
    /// It proved it; [`study_figures`] has what it measured.
    Proved,
    /// It gave up: 125 GB of memory were not enough.
    OutOfMemory,
    /// It gave up at 2^24 rows.
    TooManyRows,
}

/// One of the models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSpec {
    /// The id that users, paths and records name it by.
    pub id: &'static str,
    /// The part of the study that it belongs to.
    pub category: Category,
    /// What it computes, for people.
    pub description: &'static str,
    /// Shape of its one input, batch first; of the encoder block, tokens first.
    pub input_shape: &'static [usize],
    /// What the input's elements are.
    pub input: InputKind,
    /// What it computes.
    pub architecture: Architecture,
    /// How far the study came; none where it is none of its models.
    pub study: Option<StudyOutcome>,
}

/// Shape of most layers' input.
const MAPS: &[usize] = &[1, 32, 64, 64];
/// Shape of the activations' input.
const MAP: &[usize] = &[1, 1, 64, 64];
/// Shape of the CNNs' input: one CIFAR-10 image.
const IMAGE: &[usize] = &[1, 3, 32, 32];

const fn conv(out_channels: usize, stride: usize, groups: usize) -> Architecture {
    Architecture::Conv2d {
        out_channels,
        stride,
        groups,
    }
}

const fn stage(
    out_channels: usize,
    stride: usize,
    activation: Activation,
    pooling: Option<Pooling>,
) -> CnnStage {
    CnnStage {
        out_channels,
        stride,
        activation,
        pooling,
    }
}

const fn cnn(first: CnnStage, second: CnnStage) -> Architecture {
    Architecture::Cnn {
        stages: [first, second],
        classes: 10,
    }
}

const fn model(
    id: &'static str,
    category: Category,
    description: &'static str,
    input_shape: &'static [usize],
    architecture: Architecture,
    study: StudyOutcome,
) -> ModelSpec {
    ModelSpec {
        id,
        category,
        description,
        input_shape,
        input: match category {
            Category::Composite => InputKind::NormalisedImage,
            _ => InputKind::Numbers(-1, 1),
        },
        architecture,
        study: Some(study),
    }
}

/// The study's 20 models in its order.
pub static MODELS: [ModelSpec; 20] = {
    use Activation::{Relu, Square};
    use Category::{Composite, Core, Scaling};
    use Pooling::{Average, Max};
    use StudyOutcome::{OutOfMemory, Proved, TooManyRows};
    [
        model("relu", Core, "ReLU", MAP, Architecture::Relu, Proved),
        model("silu", Core, "x · sigmoid(x)", MAP, Architecture::Silu, Proved),
        model("tanh", Core, "tanh", MAP, Architecture::Tanh, Proved),
        model("poly", Core, "x²", MAP, Architecture::Square, Proved),
        model(
            "maxpool2d_k2",
            Core,
            "2×2 max pooling, stride 2",
            MAPS,
            Architecture::Pool(Max),
            Proved,
        ),
        model(
            "avgpool2d_k2",
            Core,
            "2×2 average pooling, stride 2",
            MAPS,
            Architecture::Pool(Average),
            Proved,
        ),
        model(
            "conv2d_k3_s1",
            Core,
            "3×3 convolution, 32→64, stride 1",
            MAPS,
            conv(64, 1, 1),
            OutOfMemory,
        ),
        model(
            "conv2d_k3_s2",
            Core,
            "3×3 convolution, 32→64, stride 2",
            MAPS,
            conv(64, 2, 1),
            OutOfMemory,
        ),
        model(
            "depthwise_conv2d",
            Core,
            "3×3 convolution, 32→32 in 32 groups",
            MAPS,
            conv(32, 1, 32),
            OutOfMemory,
        ),
        model(
            "batchnorm2d",
            Core,
            "batch norm at inference, 32 channels",
            MAPS,
            Architecture::BatchNorm2d,
            Proved,
        ),
        model(
            "layernorm",
            Core,
            "layer norm over C, H and W",
            MAPS,
            Architecture::LayerNorm,
            TooManyRows,
        ),
        model(
            "dense",
            Core,
            "dense 256→128",
            &[1, 256],
            Architecture::Dense { out_features: 128 },
            Proved,
        ),
        model(
            "dense_small",
            Scaling,
            "dense 128→64",
            &[1, 128],
            Architecture::Dense { out_features: 64 },
            Proved,
        ),
        model(
            "dense_large",
            Scaling,
            "dense 1024→512",
            &[1, 1024],
            Architecture::Dense { out_features: 512 },
            Proved,
        ),
        model(
            "conv2d_small",
            Scaling,
            "3×3 convolution, 16→32, stride 1",
            &[1, 16, 32, 32],
            conv(32, 1, 1),
            OutOfMemory,
        ),
        model(
            "conv2d_large",
            Scaling,
            "3×3 convolution, 64→128, stride 1",
            &[1, 64, 128, 128],
            conv(128, 1, 1),
            OutOfMemory,
        ),
        model(
            "cnn_relu",
            Composite,
            "conv 3→32, ReLU, max, conv 32→64, ReLU, max, dense 4096→10",
            IMAGE,
            cnn(stage(32, 1, Relu, Some(Max)), stage(64, 1, Relu, Some(Max))),
            OutOfMemory,
        ),
        model(
            "cnn_poly",
            Composite,
            "conv 3→32, x², avg, conv 32→64, x², avg, dense 4096→10",
            IMAGE,
            cnn(
                stage(32, 1, Square, Some(Average)),
                stage(64, 1, Square, Some(Average)),
            ),
            Proved,
        ),
        model(
            "cnn_mixed",
            Composite,
            "conv 3→32, x², avg, conv 32→64, ReLU, avg, dense 4096→10",
            IMAGE,
            cnn(
                stage(32, 1, Square, Some(Average)),
                stage(64, 1, Relu, Some(Average)),
            ),
            Proved,
        ),
        model(
            "cnn_strided",
            Composite,
            "conv 3→32 stride 2, ReLU, conv 32→64 stride 2, ReLU, dense 4096→10",
            IMAGE,
            cnn(stage(32, 2, Relu, None), stage(64, 2, Relu, None)),
            Proved,
        ),
    ]
};

/// Every model: the study's in its order, then the networks.
pub fn all() -> impl Iterator<Item = &'static ModelSpec> {
    MODELS.iter().chain(&NETWORKS)
}

/// The model of that id.
///
/// # Errors
/// [`SuiteError::UnknownModel`] with the ids nearest to it.
pub fn find(id: &str) -> Result<&'static ModelSpec, SuiteError> {
    all()
        .find(|model| model.id == id)
        .ok_or_else(|| SuiteError::UnknownModel {
            id: id.to_owned(),
            nearest: nearest(id),
        })
}

/// The models of those ids, or all CNNs where the one id is `all`.
///
/// # Errors
/// As [`find`].
pub fn composites_or(ids: &[String]) -> Result<Vec<&'static ModelSpec>, SuiteError> {
    if ids == ["all"] {
        let composites = MODELS
            .iter()
            .filter(|model| model.category == Category::Composite);
        return Ok(composites.collect());
    }
    ids.iter().map(|id| find(id)).collect()
}

/// The ids that look most like `id`, nearest first.
fn nearest(id: &str) -> Vec<&'static str> {
    let asked = id.to_lowercase();
    let mut near: Vec<(f64, &'static str)> = all()
        .map(|model| (strsim::jaro_winkler(&asked, model.id), model.id))
        .filter(|(similarity, _)| *similarity >= SUGGESTION_SIMILARITY)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().map(|(_, id)| id).take(MAX_SUGGESTIONS).collect()
}

/// What the study published of a CNN's float model: the test accuracy of its tables, and the last of its training history,
/// both in percent. It never measured the circuit's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StudyAccuracy {
    /// Beside its proofs.
    pub published: f64,
    /// At the end of its 50 epochs.
    pub last_epoch: f64,
}

/// The study's test accuracy of a model; none but for the CNNs.
pub fn study_accuracy(id: &str) -> Option<StudyAccuracy> {
    let (published, last_epoch) = match id {
        "cnn_relu" => (69.11, 77.97),
        "cnn_poly" => (63.49, 72.71),
        "cnn_mixed" => (64.92, 76.75),
        "cnn_strided" => (63.32, 73.79),
        _ => return None,
    };
    Some(StudyAccuracy {
        published,
        last_epoch,
    })
}

/// A model at a fixed-point scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Experiment {
    /// What is computed.
    pub model: &'static ModelSpec,
    /// log2 of the fixed-point multiplier of inputs and parameters.
    pub scale: u32,
}

impl fmt::Display for Experiment {
    /// `relu-s7`: the start of the name of its record.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-s{}", self.model.id, self.scale)
    }
}

/// A named set of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Suite {
    /// Two cheap members of the others, at scale 7: a first run in under three minutes.
    Smoke,
    /// The 12 layers.
    Core,
    /// The 4 scaling shapes.
    Scaling,
    /// The 4 small CNNs.
    Composite,
    /// All 20 models of the study.
    All,
    /// The 4 networks of MLPerf Tiny.
    Tiny,
    /// The classic networks.
    Classic,
}

impl Suite {
    /// Every suite.
    pub const ALL: [Self; 7] = [
        Self::Smoke,
        Self::Core,
        Self::Scaling,
        Self::Composite,
        Self::All,
        Self::Tiny,
        Self::Classic,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Core => "core",
            Self::Scaling => "scaling",
            Self::Composite => "composite",
            Self::All => "all",
            Self::Tiny => "tiny",
            Self::Classic => "classic",
        }
    }

    /// Whether the model is a member.
    #[must_use]
    pub fn contains(self, model: &ModelSpec) -> bool {
        match self {
            Self::Smoke => matches!(model.id, "relu" | "dense_small" | "cnn_strided"),
            Self::Core => model.category == Category::Core,
            Self::Scaling => model.category == Category::Scaling,
            Self::Composite => model.category == Category::Composite,
            Self::All => model.category.is_of_study(),
            Self::Tiny => model.category == Category::Tiny,
            Self::Classic => model.category == Category::Classic,
        }
    }

    /// Its members in order.
    pub fn models(self) -> impl Iterator<Item = &'static ModelSpec> {
        all().filter(move |model| self.contains(model))
    }

    /// The scales that it runs at when none are asked for.
    #[must_use]
    pub const fn default_scales(self) -> &'static [u32] {
        match self {
            Self::Smoke => const { &[Category::Core.default_scale()] },
            Self::Tiny => const { &[Category::Tiny.default_scale()] },
            Self::Classic => const { &[Category::Classic.default_scale()] },
            Self::Core | Self::Scaling | Self::Composite | Self::All => &STUDY_SCALES,
        }
    }

    /// Every member at every scale: at `scales`, or at [`Self::default_scales`] where that is empty.
    pub fn experiments(self, scales: &[u32]) -> impl Iterator<Item = Experiment> {
        let scales = if scales.is_empty() {
            self.default_scales()
        } else {
            scales
        };
        self.models()
            .flat_map(move |model| scales.iter().map(move |&scale| Experiment { model, scale }))
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Suite {
    type Err = SuiteError;

    fn from_str(name: &str) -> Result<Self, SuiteError> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.name() == name)
            .ok_or_else(|| SuiteError::UnknownSuite {
                name: name.to_owned(),
            })
    }
}

/// What the study published for one experiment, as it was published; `data/study.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyFigures {
    /// The id that evmbench has for the study's model.
    pub id: String,
    /// The scale that it asked for. Its calibration ended at another one, the same for both requests.
    pub requested_scale: u32,
    /// Rows that its circuit used.
    pub circuit_rows: u64,
    /// Seconds to make the keys.
    pub setup_seconds: f64,
    /// Mean seconds of a proof.
    pub prove_mean_seconds: f64,
    /// Standard deviation of the seconds of a proof.
    pub prove_std_seconds: f64,
    /// Seconds to verify off the chain.
    pub verify_seconds: f64,
    /// Bytes of the proving key.
    pub pk_bytes: u64,
    /// Bytes of the verifying key.
    pub vk_bytes: u64,
    /// Bytes of the proof's JSON file, public values included.
    pub proof_file_bytes: u64,
    /// Resident memory after the call minus before it, in GB. Not a peak; may be negative.
    pub rss_delta_gb: f64,
}

/// A line of `data/study.csv`, with the study's own names.
#[derive(Deserialize)]
struct StudyLine {
    model: String,
    requested_scale: u32,
    circuit_rows: u64,
    setup_s: f64,
    prove_mean_s: f64,
    prove_std_s: f64,
    verify_s: f64,
    pk_bytes: u64,
    vk_bytes: u64,
    proof_file_bytes: u64,
    rss_delta_gb: f64,
}

/// The study's names of its models, and ours.
const STUDY_NAMES: [(&str, &str); 13] = [
    ("ReLU", "relu"),
    ("SiLU", "silu"),
    ("Tanh", "tanh"),
    ("Poly", "poly"),
    ("MaxPool2d_k2", "maxpool2d_k2"),
    ("AvgPool2d_k2", "avgpool2d_k2"),
    ("BatchNorm2d", "batchnorm2d"),
    ("Dense", "dense"),
    ("Dense_Scaling_Small", "dense_small"),
    ("Dense_Scaling_Large", "dense_large"),
    ("CNN_Poly", "cnn_poly"),
    ("CNN_Mixed", "cnn_mixed"),
    ("CNN_Strided", "cnn_strided"),
];

static STUDY: LazyLock<Vec<StudyFigures>> = LazyLock::new(|| {
    csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_reader(include_str!("../data/study.csv").as_bytes())
        .deserialize()
        .map(|line| {
            let line: StudyLine = line.expect("data/study.csv is well formed");
            let (_, id) = STUDY_NAMES
                .iter()
                .find(|(theirs, _)| *theirs == line.model)
                .expect("each model of data/study.csv has a name of ours");
            StudyFigures {
                id: (*id).to_owned(),
                requested_scale: line.requested_scale,
                circuit_rows: line.circuit_rows,
                setup_seconds: line.setup_s,
                prove_mean_seconds: line.prove_mean_s,
                prove_std_seconds: line.prove_std_s,
                verify_seconds: line.verify_s,
                pk_bytes: line.pk_bytes,
                vk_bytes: line.vk_bytes,
                proof_file_bytes: line.proof_file_bytes,
                rss_delta_gb: line.rss_delta_gb,
            }
        })
        .collect()
});

/// What the study published for that model and requested scale; `None` where it gave up.
#[must_use]
pub fn study_figures(id: &str, requested_scale: u32) -> Option<&'static StudyFigures> {
    STUDY
        .iter()
        .find(|figures| figures.id == id && figures.requested_scale == requested_scale)
}

/// Where a folder has a model of that id.
pub fn onnx_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.onnx"))
}

/// Where a folder has the history of a model's training.
pub fn history_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_have_the_planned_sizes_and_unique_ids() {
        let count = |suite: Suite| suite.experiments(&[]).count();
        assert_eq!(count(Suite::Core), 24);
        assert_eq!(count(Suite::Scaling), 8);
        assert_eq!(count(Suite::Composite), 8);
        assert_eq!(count(Suite::All), 40);
        assert_eq!(Suite::Core.experiments(&[7]).count(), 12);
        assert_eq!((count(Suite::Tiny), count(Suite::Classic)), (4, 5));
        let smoke: Vec<String> = Suite::Smoke
            .experiments(&[])
            .map(|experiment| experiment.to_string())
            .collect();
        assert_eq!(smoke, ["relu-s7", "dense_small-s7", "cnn_strided-s7"]);
        let ids: std::collections::HashSet<_> = all().map(|model| model.id).collect();
        assert_eq!(ids.len(), all().count());
        for model in all() {
            assert_eq!(
                model.study.is_some(),
                model.category.is_of_study(),
                "{}",
                model.id
            );
        }
    }

    #[test]
    fn study_figures_are_there_exactly_where_the_study_proved() {
        for experiment in Suite::All.experiments(&[]) {
            let figures = study_figures(experiment.model.id, experiment.scale);
            assert_eq!(
                figures.is_some(),
                experiment.model.study == Some(StudyOutcome::Proved),
                "{experiment}"
            );
        }
        assert_eq!(STUDY.len(), 26);
        // Spot checks against the published table, one at each scale.
        let strided = study_figures("cnn_strided", 10).expect("proved");
        assert_eq!(
            (strided.circuit_rows, strided.pk_bytes),
            (1_144_660, 8_862_566_155)
        );
        let relu = study_figures("relu", 7).expect("proved");
        assert!((relu.prove_mean_seconds - 5.199).abs() < 1e-12);
        assert_eq!(relu.proof_file_bytes, 1_245_806);
    }

    #[test]
    fn unknown_ids_get_the_nearest_ones() {
        let nearest_of = |id: &str| match find(id) {
            Err(SuiteError::UnknownModel { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest_of("rleu")[0], "relu");
        assert_eq!(nearest_of("ReLU")[0], "relu");
        assert_eq!(nearest_of("cnn_stride")[0], "cnn_strided");
        assert_eq!(nearest_of("maxpool2d")[0], "maxpool2d_k2");
        assert!(nearest_of("zzzz").is_empty());
        assert_eq!(find("dense").map(|model| model.id), Ok("dense"));
        assert!(
            "cores"
                .parse::<Suite>()
                .is_err_and(|error| error.hint().is_some_and(|hint| hint.contains("core")))
        );
    }
}
