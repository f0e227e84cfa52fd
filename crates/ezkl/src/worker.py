"""One call into EZKL, measured: request file in, answer file out.

The request is {"call": name, "arguments": {...}, "answer": path}. The answer is
{"error": text or null, "points": [[x, y], ...] or null, "layout": [cells, constants] or null, "call_seconds": float,
"cpu_seconds": float, "peak_rss_bytes": int, "ezkl_version": text}; points are what a call returned, if it returned points,
and the layout is what EZKL last reported of one. EZKL prints on stdout and may silence it, so nothing is answered there.
"""

import asyncio
import inspect
import json
import logging
import os
import re
import resource
import sys
import time


def peak_rss_bytes():
    """This process's own high-water mark; ru_maxrss only where the kernel has no VmHWM (there it is in bytes)."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Reports(logging.Handler):
    """Keeps what EZKL last reported of a layout: cells and constants. It reports after every node."""

    layout = None

    def emit(self, record):
        text = re.sub(r"\x1b\[[0-9;]*m", "", record.getMessage())
        match = re.match(r"\(rows=\d+, coord=(\d+), constants=(\d+),", text)
        if match:
            self.layout = [int(number) for number in match.groups()]


async def call(function, arguments):
    result = function(**arguments)
    if inspect.isawaitable(result):
        result = await result
    return result


def main():
    with open(sys.argv[1]) as file:
        request = json.load(file)
    reports = Reports()
    logger = logging.getLogger("ezkl.circuit.ops.region")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(reports)
    logger.propagate = False
    import ezkl

    arguments = request["arguments"]
    if "py_run_args" in arguments:
        run_args = ezkl.PyRunArgs()
        for name, value in arguments["py_run_args"].items():
            # A range is a pair to EZKL, which JSON has no word for.
            setattr(run_args, name, tuple(value) if isinstance(value, list) else value)
        arguments["py_run_args"] = run_args
    error, result = None, None
    start, cpu_start = time.perf_counter(), time.process_time()
    try:
        result = asyncio.run(call(getattr(ezkl, request["call"]), arguments))
    except BaseException as exception:  # EZKL's panics derive from BaseException
        error = f"{type(exception).__name__}: {exception}"
    answer = {
        "error": error,
        "points": [[point.x, point.y] for point in result] if isinstance(result, list) else None,
        "layout": reports.layout,
        "call_seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu_start,
        "peak_rss_bytes": peak_rss_bytes(),
        "ezkl_version": ezkl.__version__,
    }
    partial = request["answer"] + ".partial"
    try:
        with open(partial, "w") as file:
            json.dump(answer, file)
        os.replace(partial, request["answer"])
    except OSError as exception:
        # On a full disk the exit status is the only way to tell; `src/trouble.rs` reads it.
        os._exit(64 + (exception.errno or 5))


main()
