#!/usr/bin/env python3
"""Plans and proves the examples of EZKL, one after another: scripts/ezkl-examples.py EZKL EVMBENCH OUT.

EZKL is a checked-out copy of zkonduit/ezkl, EVMBENCH the program, OUT a folder for what is made:

    git clone https://github.com/zkonduit/ezkl && git -C ezkl checkout 5da444e
    scripts/ezkl-examples.py ezkl target/release/evmbench out && cp out/ezkl-examples.md docs/

Each folder of examples/onnx with a network.onnx is planned at scale 7, with its own input.json where that fits the network. A
batch without a size is 1. What the forecast puts within --max-logrows and --memory is proved, and once more at scale 10 where that was
imprecise. A network that does not fit this machine is planned in parts. OUT then has

    examples.jsonl      one line for each example
    ezkl-examples.md    the same as a table
    runs/NAME/          the records

A second call with the same OUT makes what the first has not come to; records that are there are read. Needs Python 3.11 alone.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys

# What a network is proved at, and then, where its outputs are imprecise.
SCALES = (7, 10)
GIB = 2**30

# The first bytes of what Git stores in place of a file that Git LFS keeps.
LFS_POINTER = b"version https://git-lfs"

# Seconds that evmbench has to end its workers after an interrupt.
GRACE_SECONDS = 60

# What a node is called in a message.
NODE = re.compile(r' (?:at )?node "[^"]*"| \("[^"]*"\)')


def main():
    arguments = parsed()
    arguments.out.mkdir(parents=True, exist_ok=True)
    folders = sorted(path for path in (arguments.ezkl / "examples" / "onnx").iterdir() if path.is_dir())
    folders = [path for path in folders if not arguments.only or path.name in arguments.only]
    commit = arguments.commit or head(arguments.ezkl)
    lines = []
    with open(arguments.out / "examples.jsonl", "w") as file:
        for index, folder in enumerate(folders):
            line = {"example": folder.name} | outcome(folder, arguments)
            lines.append(line)
            print(json.dumps(line), file=file, flush=True)
            print(f"[{index + 1}/{len(folders)}] {folder.name}: {line['outcome']}", file=sys.stderr, flush=True)
    (arguments.out / "ezkl-examples.md").write_text(document(lines, commit, arguments))


def parsed():
    parser = argparse.ArgumentParser(description="Plans and proves the examples of EZKL, one after another.")
    parser.add_argument("ezkl", type=pathlib.Path, metavar="EZKL", help="a checked-out copy of zkonduit/ezkl")
    parser.add_argument("evmbench", type=pathlib.Path, metavar="EVMBENCH", help="the program")
    parser.add_argument("out", type=pathlib.Path, metavar="OUT", help="folder of what is made")
    parser.add_argument("--max-logrows", type=int, default=17, metavar="K", help="prove up to 2^K rows [default: 17]")
    parser.add_argument("--memory", type=float, default=24, metavar="GIB", help="prove up to this peak, in GiB [default: 24]")
    parser.add_argument("--time-limit", type=float, default=3600, metavar="SECONDS", help="for each example [default: 3600]")
    parser.add_argument("--only", action="append", metavar="NAME", help="this example; again for more [default: all]")
    parser.add_argument("--plan-only", action="store_true", help="prove nothing")
    parser.add_argument("--commit", metavar="ID", help="the copy's commit [default: what git says]")
    arguments = parser.parse_args()
    if not (arguments.ezkl / "examples" / "onnx").is_dir():
        parser.error(f"{arguments.ezkl} has no folder examples/onnx")
    arguments.evmbench = arguments.evmbench.resolve()
    return arguments


def head(folder):
    command = ["git", "-C", folder, "rev-parse", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode != 0:
        sys.exit(f"{folder} is no git checkout: give --commit")
    return found.stdout.strip()


def outcome(folder, arguments):
    """What becomes of one example, as a line of examples.jsonl without its name."""
    network = folder / "network.onnx"
    if not network.is_file():
        return {"outcome": "no network", "reason": "the copy has no network.onnx"}
    with open(network, "rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            return {"outcome": "no network", "reason": "network.onnx is kept by Git LFS, and not in the copy"}
    line = {}
    for scale in SCALES:
        line = {"scale": scale} | at_scale(folder, network, scale, arguments)
        if line["outcome"] != "imprecise":
            break
    return line


def at_scale(folder, network, scale, arguments):
    """What becomes of one example's network at a scale."""
    own = folder / "input.json"
    subject = ["--onnx", network, "--scale", str(scale)]
    remarks = []
    plans, error = planned(subject, own, arguments) if own.is_file() else ([], None)
    if plans:
        subject += ["--input", own]
        line = {"input": "its own"}
    else:
        if error is None:
            remarks.append("the copy has no input.json")
        elif str(own) in error:
            remarks.append("input.json does not fit: " + told(error, own))
        else:
            return {"outcome": "refused", "reason": told(error, network)}
        plans, error = planned(subject, None, arguments)
        if not plans:
            return {"outcome": "refused", "reason": told(error, network)}
        line = {"input": "drawn"}
    plan = plans[0]
    line["circuit"] = plan["circuit"]
    if len(plans) > 1:
        line["parts"] = len(plans)
    remarks += uncovered(plan) + warnings(plan)
    forecasts = [plan["forecast"] for plan in plans]
    if None in forecasts:
        return line | {"outcome": "refused", "reason": "; ".join([plan["failure"] or "a part has no circuit", *remarks])}
    phases = ("setup_peak_bytes", "prove_peak_bytes")
    peak = max(forecast[phase]["likely"] for forecast in forecasts for phase in phases)
    line |= {"rows": max(forecast["rows"] for forecast in forecasts), "peak_bytes": peak}
    logrows = line["logrows"] = max(forecast["logrows"] for forecast in forecasts)
    under_osaka = [fork for forecast in forecasts for fork in forecast["forks"] if fork["fork"] == "osaka"]
    line["forecast_gas"] = sum(fork["verification_gas"]["likely"] for fork in under_osaka)
    broken = [rule for fork in under_osaka for rule in fork["rules"] if rule["verdict"] != "fits"]
    remarks += [f"{rule['rule']} of {rule['value']['likely']:,}, where Osaka allows {rule['limit']:,}" for rule in broken]
    above = []
    if logrows > arguments.max_logrows:
        above.append(f"2^{logrows} rows, of at most 2^{arguments.max_logrows}")
    if peak > arguments.memory * GIB:
        above.append(f"{peak / GIB:.1f} GiB, of at most {arguments.memory:g}")
    if above or arguments.plan_only:
        return line | {"outcome": "planned", "reason": "; ".join(above + remarks)}
    return line | proved(subject, folder.name, remarks, arguments)


def planned(subject, own, arguments):
    """The forecasts that `plan --json` prints, one for each part; or none, and what it said."""
    given = ["--input", own] if own else []
    run = called(["plan", "--json", *subject, *given], arguments)
    plans = [json.loads(line) for line in run.stdout.splitlines()]
    return (plans, None) if plans else ([], run.stderr or "no answer within the time limit")


def proved(subject, name, remarks, arguments):
    """What `prove-and-verify` makes of an example: part of a line."""
    runs = ["--runs", "1", "--resume", "--timeout", str(int(arguments.time_limit)), "--out", arguments.out / "runs" / name]
    run = called(["prove-and-verify", "--json", *subject, *runs], arguments)
    records = [json.loads(line) for line in run.stdout.splitlines()]
    if not records:
        reason = told(run.stderr, subject[1]) if run.stderr else f"no record within {arguments.time_limit:g} s"
        return {"outcome": "failed", "reason": "; ".join([reason, *remarks])}
    # Of a model in parts, the first that was not verified; the last one's record has what the set came to.
    record = next((record for record in records if record["outcome"]["status"] != "verified"), records[-1])
    details = {key: value for key, value in record["outcome"].items() if value is not None}
    status = details.pop("status")
    guard = record.get("committed_guard" if record["request"]["plan"]["kind"] == "committed" else "guard")
    if len(records) > 1:
        guard = (record.get("set") or {}).get("measurement")
    numerics = record.get("numerics") or {}
    said = [", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in details.items())]
    line = {
        # Nothing was tried where evmbench found too little memory.
        "outcome": "planned" if status == "not_attempted" else status,
        "gas": guard and guard["verification"]["tx_gas"],
        "error": numerics.get("max_absolute_error"),
        "greatest": numerics.get("max_magnitude"),
        "seconds": sum(phase.get("call_seconds") or 0 for record in records for phase in record["phases"]),
        "revision": record["environment"].get("git_revision"),
        "machine": record["environment"]["machine"],
        "reason": "; ".join(part for part in said + remarks if part),
    }
    return {key: value for key, value in line.items() if value is not None}


def called(command, arguments):
    """evmbench with a command, ended at the time limit: by an interrupt first, so that its workers end too."""
    started = subprocess.Popen(
        [arguments.evmbench, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        stdout, stderr = started.communicate(timeout=arguments.time_limit)
    except subprocess.TimeoutExpired:
        stdout, stderr = "", ""
        os.killpg(started.pid, signal.SIGINT)
        try:
            started.communicate(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.communicate()
    except KeyboardInterrupt:
        os.killpg(started.pid, signal.SIGINT)
        started.communicate()
        raise
    return subprocess.CompletedProcess(command, started.returncode, stdout, stderr)


def told(error, path):
    """An error of evmbench in one line, without hints and paths: each problem once, whatever nodes have it."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    first = next((index for index, line in enumerate(lines) if line.startswith("error:")), 0)
    lines = [line for line in lines[first:] if not line.startswith("hint:")]
    head, *problems = lines or ["no message"]
    head = head.removeprefix("error:").replace(str(path), path.name).strip()
    if not problems:
        return head
    return "; ".join(counted(problem.removeprefix("- ") for problem in problems))


def uncovered(plan):
    """Why a network has no committed circuit."""
    nodes = counted(f"{node['operator']}: {node['reason']}" for node in plan["uncovered"])
    notes = [NODE.sub("", note) for note in plan["notes"] if note.startswith("no committed circuit:")]
    return [f"no committed circuit: {'; '.join(nodes)}"] if nodes else notes


def warnings(plan):
    """What the plan notes on precision; the rest says what was filled in or chosen."""
    usual = ("input ", "scale factors are chosen", "the output has", "no committed circuit:")
    notes = [note for note in plan["notes"] if not note.startswith(usual)]
    return counted(re.sub(r"^(\w+) \S+: ", r"\1: ", note) for note in notes)


def counted(problems):
    """Each problem without the name of its node, and how many nodes have it."""
    kinds = collections.Counter(NODE.sub("", problem) for problem in problems)
    return [kind if number == 1 else f"{kind} ({number} times)" for kind, number in kinds.items()]


def document(lines, commit, arguments):
    """The table, and what it is of."""
    options = [f"--max-logrows {arguments.max_logrows}", f"--memory {arguments.memory:g}"]
    options += ["--plan-only"] * arguments.plan_only + [f"--only {shlex.quote(name)}" for name in arguments.only or []]
    present = [line for line in lines if line["outcome"] != "no network"]
    absent = [line for line in lines if line["outcome"] == "no network"]
    counts = collections.Counter(line["outcome"] for line in present)
    committed = sum(line.get("circuit") == "committed" for line in present)
    verified = sum(line.get("circuit") == "committed" and line["outcome"] == "verified" for line in present)
    text = [
        "# EZKL's examples",
        "",
        f"<!-- Written by `scripts/ezkl-examples.py EZKL EVMBENCH OUT {' '.join(options)}`; do not edit. -->",
        "",
        f"The networks of `examples/onnx` in [zkonduit/ezkl](https://github.com/zkonduit/ezkl) at `{commit}`. None of its files is in this",
        f"repository. Each network is planned at scale {SCALES[0]}, with its own input where that fits; a batch without a size is 1. What is forecast",
        f"to need at most 2^{arguments.max_logrows} rows and {arguments.memory:g} GiB is proved (`prove-and-verify --runs 1`), and again at scale {SCALES[1]}",
        "where its outputs are imprecise; the rest is planned. A network that does not fit the machine is in parts.",
        "",
        *made_on(present),
        f"Of {len(present)} networks: {', '.join(f'{number} {kind}' for kind, number in counts.most_common())}; "
        f"{committed} in a committed circuit, {verified} of them verified.",
        "",
    ]
    if absent:
        named = "; ".join(f"{line['example']} ({line['reason']})" for line in absent)
        text += [f"Without a network: {named}.", ""]
    text += [
        "Gas is that of the whole transaction through the guard, under Osaka; in brackets what is forecast without the guard. The error is the",
        "greatest distance of an output from onnxruntime's, beside the greatest output.",
        "",
        "| example | outcome | circuit | scale | parts | rows | 2^k | peak (forecast) | gas | error | reason |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    text += ["| " + " | ".join(cells(line)) + " |" for line in present]
    return "\n".join(text) + "\n"


def made_on(lines):
    """Which revision made the records, and on which machines."""
    revisions = sorted({line["revision"] for line in lines if "revision" in line})
    machines = {json.dumps(line["machine"], sort_keys=True): line["machine"] for line in lines if "machine" in line}
    if not revisions:
        return []
    named = (
        f"{one['cpu']}, {one['cores']} cores, {one['memory_bytes'] / GIB:.1f} GiB" for _, one in sorted(machines.items())
    )
    return [f"Records of revision {', '.join(revisions)}, on {'; '.join(named)}.", ""]


def cells(line):
    """A row of the table."""
    number = lambda key: f"{line[key]:,}" if key in line else "-"
    gas = f"({line['forecast_gas']:,})" if "forecast_gas" in line else "-"
    error = "-"
    if "error" in line:
        error = f"{line['error']:.2g} of {line.get('greatest', 0):.2g}"
    return [
        line["example"],
        line["outcome"].replace("_", " "),
        line.get("circuit", "-"),
        number("scale"),
        number("parts"),
        number("rows"),
        number("logrows"),
        f"{line['peak_bytes'] / GIB:.2f} GiB" if "peak_bytes" in line else "-",
        number("gas") if "gas" in line else gas,
        error,
        line.get("reason", "").replace("|", "\\|").replace("\n", " "),
    ]


if __name__ == "__main__":
    main()
