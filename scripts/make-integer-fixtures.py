#!/usr/bin/env python3
"""Records what EZKL computes for the cases of tests/suite/integer_reference.rs.

Reads CASES, a folder with one folder for each case:
  model.onnx  the graph;
  case.json   name, graph and inputs (passed on as they are), run_args (attributes of PyRunArgs) and calibrate:
              "never", "scale" (with the input scale asked for) or "defaults".
Writes OUT/<name>.json for each: graph, inputs, the resolved run_args, and the witness: inputs and outputs as field
elements (64 hexadecimal digits, lowest byte first) with their scales, or null where EZKL refuses to make one.

Needs the ezkl wheel 23.0.5 and nothing else. Makes no keys and no proofs.
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

# What the reference reads of the settings, and what explains a fixture.
KEPT_RUN_ARGS = [
    "input_scale",
    "param_scale",
    "rebase_scale",
    "scale_rebase_multiplier",
    "rebase_frac_zero_constants",
    "epsilon",
    "lookup_range",
    "logrows",
    "decomp_base",
    "decomp_legs",
    "ignore_range_check_inputs_outputs",
    "output_visibility",
    "param_visibility",
    "disable_freivalds",
]


async def call(function, *arguments, **named):
    result = function(*arguments, **named)
    return await result if inspect.isawaitable(result) else result


async def record(ezkl, case_folder, work):
    case = json.loads((case_folder / "case.json").read_text())
    model = str(case_folder / "model.onnx")
    data, settings, circuit, witness = (str(work / name) for name in ("input", "settings", "circuit", "witness"))
    pathlib.Path(data).write_text(json.dumps({"input_data": [tensor["data"] for tensor in case["inputs"]]}))

    run_args = ezkl.PyRunArgs()
    # The built-in Freivalds argument is unsound in 23.0.5; the integers are the same with it.
    for name, value in {"disable_freivalds": True, **case["run_args"]}.items():
        setattr(run_args, name, value)
    await call(ezkl.gen_settings, model, settings, py_run_args=run_args)
    if case["calibrate"] != "never":
        scales = {"scales": [case["run_args"]["input_scale"]]} if case["calibrate"] == "scale" else {}
        await call(ezkl.calibrate_settings, data, model, settings, target="resources", **scales)
    await call(ezkl.compile_circuit, model, circuit, settings)

    resolved = json.loads(pathlib.Path(settings).read_text())
    try:
        await call(ezkl.gen_witness, data, circuit, witness, vk_path=None, srs_path=None)
        made = json.loads(pathlib.Path(witness).read_text())
        made = {
            "inputs": made["inputs"],
            "input_scales": resolved["model_input_scales"],
            "outputs": made["outputs"],
            "output_scales": resolved["model_output_scales"],
        }
    except RuntimeError as error:
        print(f"{case['name']}: no witness: {error}", file=sys.stderr)
        made = None
    return {
        "graph": case["graph"],
        "inputs": case["inputs"],
        "run_args": {name: resolved["run_args"][name] for name in KEPT_RUN_ARGS},
        "witness": made,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as cache:
        # EZKL caches lookup tables in its own folder; it reads this when it is loaded.
        os.environ["EZKL_REPO_PATH"] = cache
        import ezkl

        if ezkl.__version__ != EZKL_VERSION:
            sys.exit(f"the fixtures are EZKL {EZKL_VERSION}'s, and this is {ezkl.__version__}")
        arguments.out.mkdir(parents=True, exist_ok=True)
        for case_folder in sorted(folder for folder in arguments.cases.iterdir() if folder.is_dir()):
            with tempfile.TemporaryDirectory() as work:
                fixture = asyncio.run(record(ezkl, case_folder, pathlib.Path(work)))
            path = arguments.out / f"{case_folder.name}.json"
            path.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
            print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
