#!/usr/bin/env python3
"""Writes the networks that the forecast is tested on and no fit has seen: scripts/make-held-out-networks.py FOLDER.

Each is NAME.onnx, small, and of operators that the circuits of make-forecast-models.py do not have. Their records are tests:

    for network in networks/*.onnx; do evmbench prove-and-verify --onnx $network --runs 1 --out held-out; done
    evmbench corpus --records held-out

Needs the packages onnx and numpy.
"""

import pathlib
import sys

import numpy
from onnx import TensorProto, helper, numpy_helper, save

OUT = pathlib.Path(sys.argv[1])
RANDOM = numpy.random.default_rng(11)


class Network:
    """A graph under way: each call adds an operator and gives the name of its output."""

    def __init__(self, name, shape):
        self.name, self.shape = name, shape
        self.nodes, self.constants = [], []

    def __call__(self, operator, *inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{index}" for index in range(outputs)]
        read = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        self.nodes.append(helper.make_node(operator, read, names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value):
        array = numpy.asarray(value)
        array = array.astype("i8" if array.dtype.kind == "i" else "f4")
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def dense(self, x, inputs, outputs):
        return self("Gemm", x, weights(outputs, inputs), weights(outputs), transB=1)

    def conv(self, x, outputs, inputs, *kernel, **attributes):
        return self("Conv", x, weights(outputs, inputs, *kernel), weights(outputs), **attributes)

    def save(self, *outputs):
        info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        untyped = [helper.make_empty_tensor_value_info(name) for name in outputs]
        graph = helper.make_graph(self.nodes, self.name, [info("x", self.shape)], untyped, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        save(model, OUT / f"{self.name}.onnx")


def weights(*shape):
    """Drawn for outputs as large as inputs: uniform within 1/sqrt(inputs of each output)."""
    bound = numpy.prod(shape[1:] or shape) ** -0.5
    return RANDOM.uniform(-bound, bound, shape)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    image, row = [1, 3, 8, 8], [1, 24]

    net = Network("dilated_1d", [1, 2, 32])
    y = net("LeakyRelu", net.conv("x", 4, 2, 3, dilations=[2]), alpha=0.125)
    y = net("Flatten", net("GlobalAveragePool", y))
    net.save(net.dense(y, 4, 3))

    net = Network("residual", image)
    x = net.conv("x", 6, 3, 3, 3, pads=[1, 1, 1, 1])
    y = net.conv(net("Relu", x), 6, 6, 3, 3, pads=[1, 1, 1, 1])
    y = net("Relu", net("Add", x, y))
    net.save(net.dense(net("Flatten", net("GlobalAveragePool", y)), 6, 4))

    net = Network("branches", image)
    wide = net.conv("x", 4, 3, 3, 3, pads=[1, 1, 1, 1])
    y = net("Clip", net("Concat", wide, net.conv("x", 3, 3, 1, 1), axis=1), 0.0, 6.0)
    y = net("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    net.save(net.dense(net("Flatten", y), 112, 5))

    net = Network("separable", image)
    y = net.conv("x", 3, 1, 3, 3, group=3, pads=[1, 1, 1, 1])
    y = net("HardSwish", net.conv(y, 8, 3, 1, 1))
    y = net("ReduceMean", y, axes=[2, 3], keepdims=0)
    net.save(net("Softmax", net.dense(y, 8, 4), axis=-1))

    net = Network("attention", [1, 6, 8])
    query, key, value = (net("MatMul", "x", weights(8, 8)) for _ in range(3))
    scores = net("MatMul", query, net("Transpose", key, perm=[0, 2, 1]))
    shares = net("Softmax", net("Mul", scores, 8**-0.5), axis=-1)
    net.save(net("Add", "x", net("MatMul", shares, value)))

    net = Network("gelu_norm", row)
    y = net("LayerNormalization", net.dense("x", 24, 16), weights(16) + 1, weights(16), axis=-1, epsilon=0.01)
    half = net("Mul", y, net("Add", net("Erf", net("Mul", y, 2**-0.5)), 1.0))
    net.save(net.dense(net("Mul", half, 0.5), 16, 6))

    net = Network("style", image)
    y = net("InstanceNormalization", net.conv("x", 4, 3, 3, 3), weights(4) + 1, weights(4), epsilon=0.01)
    net.save(net.conv(net("Relu", y), 2, 4, 3, 3))

    net = Network("decoder", row)
    y = net("Reshape", net("Relu", net.dense("x", 24, 36)), [1, 4, 3, 3])
    y = net("ConvTranspose", y, weights(4, 2, 3, 3), weights(2), strides=[2, 2])
    net.save(net("Sigmoid", y))

    net = Network("gated", row)
    gate = net("Sigmoid", net.dense("x", 24, 16))
    net.save(net.dense(net("Mul", gate, net("Tanh", net.dense("x", 24, 16))), 16, 5))

    net = Network("classes", row)
    y = net.dense(net("Relu", net.dense("x", 24, 20)), 20, 6)
    net.save(net("ArgMax", y, axis=1, keepdims=0))

    net = Network("window", image)
    y = net.conv(net("Pad", "x", [0, 0, 1, 1, 0, 0, 2, 2], 0.0), 4, 3, 3, 3, strides=[2, 2])
    y = net("Slice", y, [0, 1], [4, 4], [2, 3])
    y = net("Reshape", net("Transpose", y, perm=[0, 2, 3, 1]), [1, -1])
    net.save(net.dense(y, 48, 5))

    net = Network("averaged", image)
    y = net("Elu", net.conv("x", 5, 3, 3, 3), alpha=1.0)
    y = net("AveragePool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    net.save(net.dense(net("Flatten", y), 45, 4))

    net = Network("chosen", row)
    left, right = net.dense("x", 24, 12), net.dense("x", 24, 12)
    larger = net("Where", net("Greater", left, 0.25), net("Max", left, right), net("Min", left, right))
    net.save(net.dense(larger, 12, 4))

    net = Network("normalised", image)
    y = net.conv("x", 5, 3, 3, 3)
    y = net("BatchNormalization", y, weights(5) + 1, weights(5), weights(5), weights(5) ** 2 + 1, epsilon=0.001)
    y = net("PRelu", y, weights(5, 1, 1) ** 2)
    net.save(net("Flatten", net("GlobalMaxPool", net.conv(y, 4, 5, 3, 3))))

    net = Network("soft", row)
    y = net.dense("x", 24, 16)
    y = net("Mul", y, net("Tanh", net("Softplus", y)))
    net.save(net.dense(y, 16, 4))

    net = Network("kernel", row)
    y = net("Sub", net.dense("x", 24, 10), weights(10))
    net.save(net("Exp", net("Neg", net("Pow", y, 2.0))))

    net = Network("pieces", [1, 4, 12])
    left, right = net("Split", net("MatMul", "x", weights(12, 12)), outputs=2, axis=2)
    y = net("Squeeze", net("ReduceMax", net("Concat", right, left, axis=1), axes=[1]), [1])
    net.save(net("HardSigmoid", net.dense(y, 6, 4)), net("Flatten", left))


main()
