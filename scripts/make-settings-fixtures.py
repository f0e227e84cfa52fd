#!/usr/bin/env python3
"""Writes tests/fixtures/settings/: what EZKL's gen_settings says of small models under each visibility.

Needs the packages ezkl 23.0.5, onnx and numpy. Run it from the repository's root; it replaces the folder's JSON files,
which differ between runs in their timestamps and in the order of maps alone.
"""

import pathlib
import tempfile

import ezkl
import numpy
from onnx import TensorProto, helper, save

OUT = pathlib.Path("tests/fixtures/settings")
RANDOM = numpy.random.default_rng(0)


def tensor(name, array):
    return helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.astype("f4").tobytes(), raw=True)


def model(nodes, shape, result, constants=(), element=TensorProto.FLOAT, result_element=TensorProto.FLOAT):
    """A model from x to y."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", element, shape)],
        [helper.make_tensor_value_info("y", result_element, result)],
        list(constants),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def uniform(*shape):
    return RANDOM.uniform(-1, 1, shape)


def unary(operator, **attributes):
    return model([helper.make_node(operator, ["x"], ["y"], **attributes)], [1, 4], [1, 4])


DENSE = model(
    [helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)],
    [1, 4],
    [1, 2],
    [tensor("w", uniform(2, 4)), tensor("b", uniform(2))],
)
RELU = unary("Relu")
MATMUL = model([helper.make_node("MatMul", ["x", "w"], ["y"])], [4, 4], [4, 4], [tensor("w", uniform(4, 4))])
MAX_POOL = model(
    [helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2])], [1, 1, 4, 4], [1, 1, 2, 2]
)
ARG_MAX = model(
    [helper.make_node("ArgMax", ["x"], ["y"], axis=1, keepdims=1)], [1, 4], [1, 1], result_element=TensorProto.INT64
)
WHERE = model(
    [helper.make_node("Where", ["x", "a", "b"], ["y"])],
    [1, 4],
    [1, 4],
    [tensor("a", uniform(1, 4)), tensor("b", uniform(1, 4))],
    element=TensorProto.BOOL,
)

CASES = {
    "dense_hashed": (DENSE, dict(input_visibility="hashed", output_visibility="hashed", param_visibility="hashed")),
    "dense_polycommit": (
        DENSE,
        dict(input_visibility="polycommit", output_visibility="polycommit", param_visibility="polycommit"),
    ),
    "dense_private": (DENSE, dict(input_visibility="private", param_visibility="private")),
    "dense_unchecked": (DENSE, dict(ignore_range_check_inputs_outputs=True)),
    "relu_private_output": (RELU, dict(output_visibility="private")),
    "relu_hashed_inside": (RELU, dict(input_visibility="hashed/private/0")),
    "relu_fixed": (RELU, dict(input_visibility="fixed", output_visibility="fixed")),
    "relu_hashed_weights": (RELU, dict(param_visibility="hashed")),
    "relu_polycommit_weights": (RELU, dict(param_visibility="polycommit")),
    "matmul_freivalds": (MATMUL, dict(disable_freivalds=False)),
    "tanh": (unary("Tanh"), dict(lookup_range=(-256, 256))),
    "sqrt": (unary("Sqrt"), {}),
    "max_pool": (MAX_POOL, {}),
    "arg_max": (ARG_MAX, {}),
    "where_private": (WHERE, dict(input_visibility="private")),
}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.onnx")
        for name, (onnx, changes) in CASES.items():
            save(onnx, path)
            arguments = ezkl.PyRunArgs()
            settings = dict(
                input_scale=7,
                param_scale=7,
                num_inner_cols=1,
                decomp_base=128,
                decomp_legs=2,
                logrows=10,
                disable_freivalds=True,
                input_visibility="public",
                output_visibility="public",
                param_visibility="fixed",
            )
            for key, value in {**settings, **changes}.items():
                setattr(arguments, key, value)
            ezkl.gen_settings(str(path), str(OUT / f"{name}.json"), py_run_args=arguments)


if __name__ == "__main__":
    main()
