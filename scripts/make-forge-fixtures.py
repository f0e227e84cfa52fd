#!/usr/bin/env python3
"""Makes the verifiers and proofs of contracts/test/fixtures that no record holds.

Writes, below OUT (contracts/test/fixtures):
  dense_4x2_three  the plain verifier of a small dense layer, with two proofs of one statement and one of another;
  reusable_4x2     the reusable verifier, with a proof of that layer and one of the same layer with other weights, each
                   with its key artifact.
Each folder gets Verifier.sol and fixture.json; the latter lacks what evmbench measures, which
`UPDATE_FIXTURES=1 cargo test --test suite foundry::` fills in. Another run makes other proofs: the reference string is made anew.

Needs the ezkl wheel 23.0.5, numpy and onnx.
"""

import argparse
import asyncio
import inspect
import json
import os
import pathlib
import sys
import tempfile

EZKL_VERSION = "23.0.5"
LOGROWS = 8


async def call(function, *arguments, **named):
    result = function(*arguments, **named)
    return await result if inspect.isawaitable(result) else result


def write_model(path, weights, bias):
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)],
        "dense_4x2",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [
            numpy_helper.from_array(weights.astype(numpy.float32), "w"),
            numpy_helper.from_array(bias.astype(numpy.float32), "b"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = 8
    onnx.save(model, path)


def words(little_endian_hex):
    return ["0x" + bytes.fromhex(text)[::-1].hex() for text in little_endian_hex]


async def prove(ezkl, work, srs, model, inputs):
    """The circuit's plain and reusable source, its key artifact, and a proof for each input."""
    at = {name: str(work / name) for name in ("settings", "circuit", "vk", "pk", "input", "witness", "proof", "sol", "abi", "vka")}
    run_args = ezkl.PyRunArgs()
    settings = {
        "input_scale": 7, "param_scale": 7, "num_inner_cols": 1, "logrows": LOGROWS, "decomp_base": 128,
        "decomp_legs": 2, "lookup_range": (0, 0), "disable_freivalds": True,
        "input_visibility": "public", "output_visibility": "public", "param_visibility": "fixed",
    }  # fmt: skip
    for name, value in settings.items():
        setattr(run_args, name, value)
    await call(ezkl.gen_settings, model, at["settings"], py_run_args=run_args)
    await call(ezkl.compile_circuit, model, at["circuit"], at["settings"])
    await call(ezkl.setup, at["circuit"], at["vk"], at["pk"], srs)
    sources = []
    for reusable in (False, True):
        try:
            await call(ezkl.create_evm_verifier, at["vk"], at["settings"], at["sol"], at["abi"], srs, reusable)
        except RuntimeError:
            pass  # It looks for a compiler after the source is written.
        sources.append(pathlib.Path(at["sol"]).read_text())
    await call(ezkl.create_evm_vka, at["vk"], at["settings"], at["vka"], srs)
    artifact = pathlib.Path(at["vka"]).read_bytes()[8:]
    key = ["0x" + artifact[start : start + 32].hex() for start in range(0, len(artifact), 32)]
    proofs = []
    for values in inputs:
        pathlib.Path(at["input"]).write_text(json.dumps({"input_data": [list(values)]}))
        await call(ezkl.gen_witness, at["input"], at["circuit"], at["witness"], at["vk"], srs)
        await call(ezkl.prove, at["witness"], at["circuit"], at["pk"], at["proof"], srs)
        proof = json.loads(pathlib.Path(at["proof"]).read_text())
        instances = [word for column in proof["instances"] for word in words(column)]
        proofs.append({"proof": "0x" + bytes(proof["proof"]).hex(), "instances": instances})
    return sources, key, proofs


def write(folder, source, contract, proofs):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Verifier.sol").write_text(source)
    (folder / "fixture.json").write_text(json.dumps({"contract": contract, "fork": "osaka", "proofs": proofs}, indent=2))


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        # Before the import, which reads it.
        os.environ["EZKL_REPO_PATH"] = str(work / "ezkl")
        import ezkl
        import numpy

        if ezkl.__version__ != EZKL_VERSION:
            sys.exit(f"ezkl {ezkl.__version__} is installed; this needs {EZKL_VERSION}")
        random = numpy.random.default_rng(1)
        uniform = lambda *shape: random.uniform(-1, 1, shape)
        srs = str(work / "srs")
        await call(ezkl.gen_srs, srs, LOGROWS)
        first, second = uniform(4), uniform(4)
        circuits = []
        for name, inputs in (("one", [first, first, second]), ("two", [first])):
            model = str(work / f"{name}.onnx")
            write_model(model, uniform(2, 4), uniform(2))
            circuits.append(await prove(ezkl, work, srs, model, inputs))
        ((plain, reusable), key, proofs), ((_, other_reusable), other_key, other_proofs) = circuits
        assert reusable == other_reusable, "one reusable contract serves both"
        without_key = [{**proof, "key": []} for proof in proofs]
        write(out / "dense_4x2_three", plain, "Halo2Verifier", without_key)
        with_key = [{**proofs[0], "key": key}, {**other_proofs[0], "key": other_key}]
        write(out / "reusable_4x2", reusable, "Halo2VerifierReusable", with_key)


asyncio.run(main())
