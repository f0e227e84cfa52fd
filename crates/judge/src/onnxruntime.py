"""One model in onnxruntime: request file in, answer file out.

The request is {"packages": folder, "model": path, "sets": number, "inputs": path or null, "shapes": [[int, ...], ...],
"outputs": path, "answer": path}. The file of inputs holds, for each set, every graph input's elements as little-endian
float32, one after the other. The file of outputs gets every graph output's elements as float64. The answer is
{"error": text or null, "loaded": bool, "inputs": [port, ...], "outputs": [port, ...], "sizes": [int or null, ...]}: a port is
[name, type, elements or null], where null stands for a shape that is not static, and sizes are how many elements each output has in
each set: null where the model refuses the set, as an index beyond a table. The first set must not be refused. Without inputs nothing
is run. No node is optimised away or fused.
"""

import json
import math
import os
import sys

TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint64)": "uint64",
    "tensor(uint32)": "uint32",
    "tensor(uint16)": "uint16",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}


def port(value):
    is_static = all(isinstance(size, int) for size in value.shape)
    return [value.name, value.type, math.prod(value.shape) if is_static else None]


def loaded(request):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(request["model"], options, providers=["CPUExecutionProvider"])


def work(request, session):
    import numpy

    answer = {
        "inputs": [port(value) for value in session.get_inputs()],
        "outputs": [port(value) for value in session.get_outputs()],
        "sizes": [],
    }
    if request["inputs"] is None:
        return answer
    numbers = numpy.fromfile(request["inputs"], dtype="<f4")
    position = 0
    with open(request["outputs"], "wb") as file:
        for index in range(request["sets"]):
            feeds = {}
            for value, shape in zip(session.get_inputs(), request["shapes"], strict=True):
                size = math.prod(shape)
                elements = numbers[position : position + size].reshape(shape)
                feeds[value.name] = elements.astype(TYPES[value.type])
                position += size
            try:
                outputs = session.run(None, feeds)
            except Exception:
                if index == 0:
                    raise
                answer["sizes"] += [None] * len(answer["outputs"])
                continue
            for output in outputs:
                output = numpy.asarray(output).astype("<f8")
                answer["sizes"].append(int(output.size))
                file.write(output.tobytes())
    return answer


def main():
    with open(sys.argv[1]) as file:
        request = json.load(file)
    sys.path.insert(0, request["packages"])
    session = None
    try:
        session = loaded(request)
        answer = {"error": None, **work(request, session)}
    except Exception as exception:
        answer = {"error": f"{type(exception).__name__}: {exception}", "inputs": [], "outputs": [], "sizes": []}
    answer["loaded"] = session is not None
    partial = request["answer"] + ".partial"
    with open(partial, "w") as file:
        json.dump(answer, file)
    os.replace(partial, request["answer"])


main()
