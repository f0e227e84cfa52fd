"""Calls into EZKL, one after the other: request file in, answer file out.

The request is {"calls": [[function, arguments], ...], "answer": path}; the answer is a list of
{"error": text or null, "result": the call's result where it is a flag, "layout": the last report of a layout or null}.
"""

import asyncio
import inspect
import json
import logging
import re
import sys


class Reports(logging.Handler):
    """Keeps the last report that EZKL's layout makes of its rows, cells and constants."""

    last = None

    def emit(self, record):
        text = re.sub(r"\x1b\[[0-9;]*m", "", record.getMessage())
        match = re.match(r"\(rows=(\d+), coord=(\d+), constants=(\d+),", text)
        if match:
            self.last = [int(number) for number in match.groups()]


reports = Reports()
logger = logging.getLogger("ezkl.circuit.ops.region")
logger.setLevel(logging.DEBUG)
logger.addHandler(reports)
logger.propagate = False

import ezkl  # noqa: E402  (it reads the levels of loggers as it is loaded)


async def call(function, arguments):
    result = function(**arguments)
    return await result if inspect.isawaitable(result) else result


def answer(name, arguments):
    if "py_run_args" in arguments:
        run_args = ezkl.PyRunArgs()
        for key, value in arguments["py_run_args"].items():
            setattr(run_args, key, tuple(value) if key == "lookup_range" else value)
        arguments["py_run_args"] = run_args
    reports.last = None
    error, result = None, None
    try:
        result = asyncio.run(call(getattr(ezkl, name), arguments))
    except BaseException as exception:  # EZKL's panics derive from BaseException
        error = f"{type(exception).__name__}: {exception}"
    return {"error": error, "result": result if isinstance(result, bool) else None, "layout": reports.last}


with open(sys.argv[1]) as file:
    request = json.load(file)
answers = [answer(name, arguments) for name, arguments in request["calls"]]
with open(request["answer"], "w") as file:
    json.dump(answers, file)
