#!/usr/bin/env python3
"""Writes the circuits that the forecast is fitted on and tested on: scripts/make-forecast-models.py FOLDER.

Each is a folder with model.onnx and specimen.json: EZKL's run arguments, an input, and whether a fit sees it or a test.
`evmbench corpus measure FOLDER` then proves them. Needs the packages onnx and numpy. The shapes are not the suite's: they vary
columns, tables, visibilities and 2^k one by one, and are small, so that all of them take some minutes.
"""

import json
import pathlib
import sys

import numpy
from onnx import TensorProto, helper, save

OUT = pathlib.Path(sys.argv[1])
RANDOM = numpy.random.default_rng(7)
CHECKED = {"input_scale": 7, "param_scale": 7, "param_visibility": "fixed", "disable_freivalds": True}
COMMITTED = {
    "input_scale": 0,
    "param_scale": 0,
    "input_visibility": "polycommit",
    "output_visibility": "public",
    "param_visibility": "fixed",
    "ignore_range_check_inputs_outputs": True,
    "disable_freivalds": True,
}


def constant(name, array):
    array = numpy.asarray(array)
    return helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.astype("f4").tobytes(), raw=True)


def model(nodes, inputs, outputs, constants=()):
    info = lambda pairs: [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in pairs]
    graph = helper.make_graph(nodes, "graph", info(inputs), info(outputs), list(constants))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def specimen(name, role, made, run_args):
    """`role` is fit or test; `made` a model and its input."""
    onnx, inputs = made
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    save(onnx, folder / "model.onnx")
    text = {"role": role, "run_args": run_args, "input_data": [numpy.asarray(one, "f8").ravel().tolist() for one in inputs]}
    (folder / "specimen.json").write_text(json.dumps(text))


def node(operator, inputs, output, **attributes):
    return helper.make_node(operator, inputs, [output], **attributes)


def claimed(x_size, y_sizes, outputs, power=None):
    """Claimed results y of x, checked under a scalar: z = sum(c·(x·W − y)) for each y, then the last y's linear image.

    `power` is looked up in a table on the way."""
    x = RANDOM.integers(0, 4, (1, x_size))
    nodes, constants, results = [], [helper.make_tensor("axes", TensorProto.INT64, [1], [1])], []
    inputs, values = [("x", [1, x_size])], [x]
    last = None
    for index, size in enumerate(y_sizes):
        weight = RANDOM.integers(-2, 3, (x_size, size))
        y = x @ weight if power is None else RANDOM.integers(0, 200, (1, size))
        names = {key: f"{key}{index}" for key in ("y", "w", "xw", "difference", "product", "z")}
        constants.append(constant(names["w"], weight))
        nodes += [
            node("MatMul", ["x", names["w"]], names["xw"]),
            node("Sub", [names["xw"], names["y"]], names["difference"]),
            node("Mul", [names["difference"], "c"], names["product"]),
            node("ReduceSum", [names["product"], "axes"], names["z"], keepdims=0),
        ]
        inputs.append((names["y"], [1, size]))
        values.append(y)
        results.append((names["z"], [1]))
        last, size_last = names["y"], size
    inputs.append(("c", [1, 1]))
    values.append([5])
    nodes.append(node("Identity", ["c"], "challenge"))
    results.append(("challenge", [1, 1]))
    if power is not None:
        constants.append(constant("exponent", [power]))
        nodes.append(node("Pow", [last, "exponent"], "powered"))
        last = "powered"
    constants.append(constant("last", RANDOM.integers(-2, 3, (size_last, outputs))))
    nodes.append(node("MatMul", [last, "last"], "logits"))
    results.append(("logits", [1, outputs]))
    return model(nodes, inputs, results, constants), values


def dense(inputs, outputs, activation=None):
    weight = constant("weight", RANDOM.normal(size=(inputs, outputs)) / inputs**0.5)
    last = "y" if activation is None else "product"
    nodes = [node("MatMul", ["x", "weight"], last)]
    if activation is not None:
        nodes.append(node(activation, ["product"], "y"))
    return model(nodes, [("x", [1, inputs])], [("y", [1, outputs])], [weight]), [RANDOM.uniform(-1, 1, inputs)]


def elementwise(operator, size, twice=False, **attributes):
    names = ["x", "x"] if twice else ["x"]
    made = model([node(operator, names, "y", **attributes)], [("x", [1, size])], [("y", [1, size])])
    return made, [RANDOM.uniform(-1, 1, size)]


def network(channels, filters, side, activation, outputs):
    """A convolution, an activation and a dense layer."""
    flat = filters * side * side
    nodes = [
        node("Conv", ["x", "kernel", "bias"], "h", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]),
        node(activation, ["h"], "a") if activation != "Mul" else node("Mul", ["h", "h"], "a"),
        node("Flatten", ["a"], "f"),
        node("MatMul", ["f", "weight"], "y"),
    ]
    constants = [
        constant("kernel", RANDOM.normal(size=(filters, channels, 3, 3)) / 5),
        constant("bias", RANDOM.normal(size=filters)),
        constant("weight", RANDOM.normal(size=(flat, outputs)) / flat**0.5),
    ]
    made = model(nodes, [("x", [1, channels, side, side])], [("y", [1, outputs])], constants)
    return made, [RANDOM.uniform(-1, 1, channels * side * side)]


def pool(operator, channels, side):
    nodes = [node(operator, ["x"], "y", kernel_shape=[2, 2], strides=[2, 2])]
    made = model(nodes, [("x", [1, channels, side, side])], [("y", [1, channels, side // 2, side // 2])])
    return made, [RANDOM.uniform(-1, 1, channels * side * side)]


def committed(name, role, logrows, inner, made, lookup_range=None, **more):
    arguments = COMMITTED | {"logrows": logrows, "num_inner_cols": inner} | more
    if lookup_range is not None:
        arguments["lookup_range"] = lookup_range
    specimen(name, role, made, arguments)


def checked(name, role, logrows, inner, made, input_visibility="public", output_visibility="public", **more):
    arguments = CHECKED | {
        "logrows": logrows,
        "num_inner_cols": inner,
        "input_visibility": input_visibility,
        "output_visibility": output_visibility,
    }
    specimen(name, role, made, arguments | more)


# Committed tensors, public outputs, no range check; without a table and with one that a power is looked up in.
committed("committed_1", "fit", 13, 1, claimed(60, [50], 4))
committed("committed_2", "fit", 14, 2, claimed(120, [90], 10))
committed("committed_3", "fit", 15, 3, claimed(220, [150], 12))
committed("committed_4", "fit", 13, 4, claimed(120, [80], 2))
committed("committed_1_power", "fit", 14, 1, claimed(90, [70], 10, power=1.3), [0, 15000])
committed("committed_2_power", "fit", 15, 2, claimed(200, [100], 6, power=0.7), [0, 30000])
committed("committed_3_power", "fit", 14, 3, claimed(150, [90], 20, power=1.3), [0, 400])
committed("committed_4_power", "fit", 16, 4, claimed(400, [200], 10, power=1.3), [0, 60000])
committed("committed_2_long", "fit", 13, 2, claimed(9000, [1], 24))
committed("committed_4_long", "test", 13, 4, claimed(20000, [1], 12))
committed("committed_4_many", "fit", 15, 4, claimed(300, [100, 90, 60], 36))
committed("committed_1_large", "fit", 16, 1, claimed(250, [100], 10))
committed("committed_2_many_power", "test", 16, 2, claimed(300, [110, 100], 10, power=0.7), [0, 60000])
committed("committed_3_small", "test", 13, 3, claimed(100, [80], 10))
committed("committed_1_other", "test", 15, 1, claimed(200, [90], 30))
committed("committed_4_other_power", "test", 14, 4, claimed(120, [100], 10, power=1.3), [0, 16000])
committed("committed_2_large_power", "test", 17, 2, claimed(600, [200], 10, power=1.3), [0, 131000])
committed("committed_3_many", "test", 16, 3, claimed(1000, [50, 60, 30], 10))
committed("committed_1_two_blocks", "test", 13, 1, claimed(6000, [1], 5))
committed("committed_2_wide_table", "test", 13, 2, claimed(60, [50], 5, power=1.3), [0, 20000])

# Range-checked inputs and outputs, as the direct circuits have them.
checked("dense_1", "fit", 14, 1, dense(100, 60), decomp_base=1024)
checked("dense_1_small_base", "test", 13, 1, dense(80, 40), "private", decomp_base=128, decomp_legs=3)
checked("dense_2", "fit", 15, 2, dense(150, 100))
checked("dense_3", "fit", 14, 3, dense(100, 80), decomp_base=4096)
checked("dense_4", "test", 15, 4, dense(200, 100))
checked("dense_4_relu", "fit", 15, 4, dense(120, 100, "Relu"))
checked("dense_2_relu_private", "test", 15, 2, dense(100, 60, "Relu"), "private")
checked("relu_3", "test", 15, 3, elementwise("Relu", 1500))
checked("square_two_blocks", "fit", 15, 2, elementwise("Mul", 1500, twice=True))
checked("tanh_2", "fit", 15, 2, elementwise("Tanh", 900), lookup_range=[-1000, 1000])
checked("tanh_3", "test", 15, 3, elementwise("Tanh", 1200), lookup_range=[-300, 300])
checked("sigmoid_1", "fit", 14, 1, elementwise("Sigmoid", 300), lookup_range=[-300, 300], decomp_base=1024)
checked("sigmoid_wide_table", "fit", 14, 2, elementwise("Sigmoid", 300), lookup_range=[-20000, 20000], decomp_base=8192)
checked("tanh_wide_table", "test", 13, 1, elementwise("Tanh", 200), lookup_range=[-9000, 9000], decomp_base=1024)
checked("relu_wide_base", "fit", 13, 2, elementwise("Relu", 200), decomp_base=16384)
checked("network_relu", "fit", 16, 2, network(2, 4, 12, "Relu", 10))
checked("network_square", "test", 16, 3, network(2, 4, 14, "Mul", 10), "private")
checked("maxpool", "fit", 15, 2, pool("MaxPool", 1, 20))
checked("maxpool_1", "test", 15, 1, pool("MaxPool", 2, 12))
checked("avgpool", "test", 15, 2, pool("AveragePool", 2, 24))
checked("dense_committed_input", "fit", 15, 2, dense(150, 80), "polycommit")
checked("dense_committed_output", "test", 15, 2, dense(150, 80), "public", "polycommit")
checked("dense_hashed_input", "fit", 15, 2, dense(40, 30), "hashed")
checked("dense_hashed_output", "fit", 15, 1, dense(40, 30), "public", "hashed", decomp_base=4096)
checked("square_three_blocks", "test", 15, 2, elementwise("Mul", 2200, twice=True))
checked("square_hashed", "test", 15, 2, elementwise("Mul", 60, twice=True), "hashed", "hashed")

# Taller ones, towards the sizes of the suite's committed circuits.
committed("committed_1_mid", "fit", 15, 1, claimed(150, [80], 20))
committed("committed_1_tall", "test", 17, 1, claimed(500, [200], 10))
committed("committed_2_tall", "fit", 18, 2, claimed(1800, [200], 10))
committed("committed_3_tall", "test", 18, 3, claimed(2500, [200], 12))
committed("committed_2_tall_power", "test", 18, 2, claimed(1700, [200], 10, power=0.7), [0, 262000])
