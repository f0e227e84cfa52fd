//! The networks that people know: MLPerf Tiny's four, and the classic ones.
//!
//! MLPerf Tiny's are layer by layer what MLCommons' trained float models are (<https://github.com/mlcommons/tiny>, Apache 2.0)
//! after their conversion from TFLite to ONNX by tf2onnx: images as height × width × channels, TensorFlow's padding, batch norms
//! folded into the layers before them, a fully connected layer as a product and a sum. A public file of one of them has the
//! same operators in the same order.

use super::{Architecture, Category, InputKind, ModelSpec};

/// A layer of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// A convolution.
    Conv {
        /// Output channels; none for one filter to each input channel (depthwise).
        out_channels: Option<usize>,
        /// Height and width of the kernel.
        kernel: [usize; 2],
        /// Stride in both directions.
        stride: usize,
        /// Zeros above, left of, below and right of the image.
        padding: [usize; 4],
        /// Whether there is an addend for each output channel.
        bias: bool,
    },
    /// Batch normalisation at inference.
    BatchNorm,
    /// Layer normalisation over the last axis.
    LayerNorm,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x · Φ(x), with the error function.
    Gelu,
    /// Along the last axis.
    Softmax,
    /// The greatest of each window of this height and width, which is the stride, too.
    MaxPool(usize),
    /// The mean of each window of this height and width, which are the strides, too.
    AveragePool([usize; 2]),
    /// The mean of each channel.
    GlobalAveragePool,
    /// All axes but the first become one.
    Flatten,
    /// The same elements in another shape.
    Reshape(&'static [usize]),
    /// The axes in another order.
    Transpose(&'static [usize]),
    /// A fully connected layer of each row, with a bias: one operator.
    Dense(usize),
    /// The same as a product and a sum: two operators.
    Product(usize),
    /// Attention of the rows to one another: queries, keys and values by a [`Self::Dense`] each, Softmax of the queries'
    /// products with the keys over √(width of a head), and a [`Self::Dense`] at the end.
    Attention {
        /// How many heads share the width.
        heads: usize,
    },
    /// Layers one after the other.
    Sequence(&'static [Layer]),
    /// The sum of what two chains of layers make of one value.
    Residual {
        /// The chain that comes first, often of no layers.
        shortcut: &'static [Layer],
        /// The other one.
        body: &'static [Layer],
    },
}

/// A square convolution.
const fn square(out_channels: usize, kernel: usize, stride: usize, padding: [usize; 4], bias: bool) -> Layer {
    Layer::Conv {
        out_channels: Some(out_channels),
        kernel: [kernel; 2],
        stride,
        padding,
        bias,
    }
}

/// TensorFlow's padding of a 3×3 window of this stride, where the stride divides height and width.
const fn same(stride: usize) -> [usize; 4] {
    if stride == 1 { [1; 4] } else { [0, 0, 1, 1] }
}

/// A 3×3 convolution with a bias and TensorFlow's padding.
const fn conv3(out_channels: usize, stride: usize) -> Layer {
    square(out_channels, 3, stride, same(stride), true)
}

/// A 1×1 convolution with a bias.
const fn conv1(out_channels: usize, stride: usize) -> Layer {
    square(out_channels, 1, stride, [0; 4], true)
}

/// A 3×3 convolution of each channel.
const fn depthwise(stride: usize, padding: [usize; 4], bias: bool) -> Layer {
    Layer::Conv {
        out_channels: None,
        kernel: [3; 2],
        stride,
        padding,
        bias,
    }
}

/// A depthwise and a 1×1 convolution, each with a bias and a ReLU.
macro_rules! separable {
    ($out_channels:literal, $stride:literal) => {
        Layer::Sequence(&[
            depthwise($stride, same($stride), true),
            Layer::Relu,
            conv1($out_channels, 1),
            Layer::Relu,
        ])
    };
}

/// A convolution without a bias, a batch norm and a ReLU.
macro_rules! normed {
    ($out_channels:literal, $stride:literal) => {
        Layer::Sequence(&[
            square($out_channels, 3, $stride, [1; 4], false),
            Layer::BatchNorm,
            Layer::Relu,
        ])
    };
}

/// Two 3×3 convolutions with batch norms beside a shortcut, and a ReLU.
macro_rules! basic_block {
    ($channels:literal) => {
        basic_block!($channels, 1, &[])
    };
    ($channels:literal, $stride:literal) => {
        basic_block!(
            $channels,
            $stride,
            &[square($channels, 1, $stride, [0; 4], false), Layer::BatchNorm]
        )
    };
    ($channels:literal, $stride:literal, $shortcut:expr) => {
        Layer::Sequence(&[
            Layer::Residual {
                shortcut: $shortcut,
                body: &[
                    normed!($channels, $stride),
                    square($channels, 3, 1, [1; 4], false),
                    Layer::BatchNorm,
                ],
            },
            Layer::Relu,
        ])
    };
}

/// MobileNetV2's: to more channels, depthwise, and to fewer, with a batch norm each and a ReLU6 after the first two.
macro_rules! bottleneck {
    ($wide:literal, $narrow:literal, $stride:literal) => {
        [
            square($wide, 1, 1, [0; 4], false),
            Layer::BatchNorm,
            Layer::Relu6,
            depthwise($stride, [1; 4], false),
            Layer::BatchNorm,
            Layer::Relu6,
            square($narrow, 1, 1, [0; 4], false),
            Layer::BatchNorm,
        ]
    };
}

/// Elements of a token in the encoder block.
const WIDTH: usize = 32;

const RESNET8: &[Layer] = &[
    Layer::Transpose(&[0, 3, 1, 2]),
    conv3(16, 1),
    Layer::Relu,
    Layer::Residual {
        shortcut: &[],
        body: &[conv3(16, 1), Layer::Relu, conv3(16, 1)],
    },
    Layer::Relu,
    Layer::Residual {
        shortcut: &[conv1(32, 2)],
        body: &[conv3(32, 2), Layer::Relu, conv3(32, 1)],
    },
    Layer::Relu,
    Layer::Residual {
        shortcut: &[conv1(64, 2)],
        body: &[conv3(64, 2), Layer::Relu, conv3(64, 1)],
    },
    Layer::Relu,
    Layer::AveragePool([8, 8]),
    Layer::Reshape(&[1, 64]),
    Layer::Product(10),
    Layer::Softmax,
];

const DS_CNN: &[Layer] = &[
    Layer::Reshape(&[1, 1, 49, 10]),
    Layer::Conv {
        out_channels: Some(64),
        kernel: [10, 4],
        stride: 2,
        padding: [4, 1, 5, 1],
        bias: true,
    },
    Layer::Relu,
    separable!(64, 1),
    separable!(64, 1),
    separable!(64, 1),
    separable!(64, 1),
    Layer::AveragePool([25, 5]),
    Layer::Reshape(&[1, 64]),
    Layer::Product(12),
    Layer::Softmax,
];

const MOBILENET_V1_025: &[Layer] = &[
    Layer::Transpose(&[0, 3, 1, 2]),
    conv3(8, 2),
    Layer::Relu,
    separable!(16, 1),
    separable!(32, 2),
    separable!(32, 1),
    separable!(64, 2),
    separable!(64, 1),
    separable!(128, 2),
    separable!(128, 1),
    separable!(128, 1),
    separable!(128, 1),
    separable!(128, 1),
    separable!(128, 1),
    separable!(256, 2),
    separable!(256, 1),
    Layer::AveragePool([3, 3]),
    Layer::Reshape(&[1, 256]),
    Layer::Product(2),
    Layer::Softmax,
];

const FC_AUTOENCODER: &[Layer] = &[
    Layer::Product(128),
    Layer::Relu,
    Layer::Product(128),
    Layer::Relu,
    Layer::Product(128),
    Layer::Relu,
    Layer::Product(128),
    Layer::Relu,
    Layer::Product(8),
    Layer::Relu,
    Layer::Product(128),
    Layer::Relu,
    Layer::Product(128),
    Layer::Relu,
    Layer::Product(128),
    Layer::Relu,
    Layer::Product(128),
    Layer::Relu,
    Layer::Product(640),
];

const LENET5: &[Layer] = &[
    square(6, 5, 1, [2; 4], true),
    Layer::Relu,
    Layer::MaxPool(2),
    square(16, 5, 1, [0; 4], true),
    Layer::Relu,
    Layer::MaxPool(2),
    Layer::Flatten,
    Layer::Dense(120),
    Layer::Relu,
    Layer::Dense(84),
    Layer::Relu,
    Layer::Dense(10),
];

const RESNET20: &[Layer] = &[
    normed!(16, 1),
    basic_block!(16),
    basic_block!(16),
    basic_block!(16),
    basic_block!(32, 2),
    basic_block!(32),
    basic_block!(32),
    basic_block!(64, 2),
    basic_block!(64),
    basic_block!(64),
    Layer::GlobalAveragePool,
    Layer::Flatten,
    Layer::Dense(10),
];

const MOBILENET_V2: &[Layer] = &[
    square(16, 3, 2, [1; 4], false),
    Layer::BatchNorm,
    Layer::Relu6,
    depthwise(1, [1; 4], false),
    Layer::BatchNorm,
    Layer::Relu6,
    square(8, 1, 1, [0; 4], false),
    Layer::BatchNorm,
    Layer::Sequence(&bottleneck!(48, 16, 2)),
    Layer::Residual {
        shortcut: &[],
        body: &bottleneck!(96, 16, 1),
    },
    Layer::Sequence(&bottleneck!(96, 32, 2)),
    Layer::Residual {
        shortcut: &[],
        body: &bottleneck!(192, 32, 1),
    },
    square(128, 1, 1, [0; 4], false),
    Layer::BatchNorm,
    Layer::Relu6,
    Layer::GlobalAveragePool,
    Layer::Flatten,
    Layer::Dense(10),
];

const VGG: &[Layer] = &[
    normed!(16, 1),
    normed!(16, 1),
    Layer::MaxPool(2),
    normed!(32, 1),
    normed!(32, 1),
    Layer::MaxPool(2),
    normed!(64, 1),
    normed!(64, 1),
    Layer::MaxPool(2),
    Layer::Flatten,
    Layer::Dense(64),
    Layer::Relu,
    Layer::Dense(10),
];

const TRANSFORMER: &[Layer] = &[
    Layer::Residual {
        shortcut: &[],
        body: &[Layer::Attention { heads: 2 }],
    },
    Layer::LayerNorm,
    Layer::Residual {
        shortcut: &[],
        body: &[Layer::Dense(4 * WIDTH), Layer::Gelu, Layer::Dense(WIDTH)],
    },
    Layer::LayerNorm,
];

const fn network(
    id: &'static str,
    category: Category,
    description: &'static str,
    input_shape: &'static [usize],
    input: InputKind,
    layers: &'static [Layer],
) -> ModelSpec {
    ModelSpec {
        id,
        category,
        description,
        input_shape,
        input,
        architecture: Architecture::Network(layers),
        study: None,
    }
}

/// MLPerf Tiny's networks, then the classic ones.
///
/// The ranges of MLPerf Tiny's inputs are those of the benchmark: 8-bit values of an image for `resnet8` and the same over 255
/// for `mobilenet_v1_025`; for the other two, features of sound of which the benchmark's 8-bit models take −123.4 … 25.7
/// (`ds_cnn`, scale 0.5847, zero point 83) and −84.9 … 14.9 (`fc_autoencoder`, scale 0.3910, zero point 89).
pub static NETWORKS: [ModelSpec; 9] = {
    use Category::{Classic, Tiny};
    use InputKind::{NormalisedImage, Numbers, Pixels};
    [
        network(
            "resnet8",
            Tiny,
            "MLPerf Tiny, image classification: ResNet-8 on CIFAR-10's pixels, Softmax",
            &[1, 32, 32, 3],
            Pixels,
            RESNET8,
        ),
        network(
            "ds_cnn",
            Tiny,
            "MLPerf Tiny, keyword spotting: DS-CNN on 49×10 cepstral coefficients, Softmax",
            &[1, 49, 10, 1],
            Numbers(-128, 32),
            DS_CNN,
        ),
        network(
            "mobilenet_v1_025",
            Tiny,
            "MLPerf Tiny, visual wake words: MobileNetV1 0.25 on 96×96 pixels from 0 to 1, Softmax",
            &[1, 96, 96, 3],
            Numbers(0, 1),
            MOBILENET_V1_025,
        ),
        network(
            "fc_autoencoder",
            Tiny,
            "MLPerf Tiny, anomaly detection: autoencoder of 5 frames of 128 mel bands in dB",
            &[1, 640],
            Numbers(-128, 32),
            FC_AUTOENCODER,
        ),
        network(
            "lenet5",
            Classic,
            "LeNet-5 on 28×28 pixels, with ReLU and max pooling",
            &[1, 1, 28, 28],
            Numbers(0, 1),
            LENET5,
        ),
        network(
            "resnet20",
            Classic,
            "ResNet-20 for CIFAR-10, with batch norm and 1×1 shortcuts",
            &[1, 3, 32, 32],
            NormalisedImage,
            RESNET20,
        ),
        network(
            "mobilenet_v2",
            Classic,
            "a small MobileNetV2 for CIFAR-10: 5 bottlenecks with ReLU6 and batch norm",
            &[1, 3, 32, 32],
            NormalisedImage,
            MOBILENET_V2,
        ),
        network(
            "vgg",
            Classic,
            "a small VGG for CIFAR-10: 6 convolutions with batch norm, 2 dense layers",
            &[1, 3, 32, 32],
            NormalisedImage,
            VGG,
        ),
        network(
            "transformer",
            Classic,
            "an encoder block on 32 tokens of width 32: 2 heads, GELU to 128, layer norm after each sum",
            &[32, WIDTH],
            Numbers(-1, 1),
            TRANSFORMER,
        ),
    ]
};
