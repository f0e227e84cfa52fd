#!/usr/bin/env python3
"""Proof times of two builds of evmbench, one after the other: scripts/compare-revisions.py OLD NEW OUT.

OLD and NEW are two programs, OUT a folder for what is made:

    git worktree add ../old 2d51dba && (cd ../old && cargo build --release)
    cargo build --release
    scripts/compare-revisions.py ../old/target/release/evmbench target/release/evmbench out

Each experiment is proved by OLD, then by NEW, in --rounds rounds. The first round makes the keys, which stay in a cache folder for each
program; times are those of EZKL's calls. The machine must have nothing else to do. OUT then has

    old/, new/          cache folders and records
    comparison.md       medians and ratios as a table

A second call with the same OUT proves what the first has not come to. Needs Python 3.11 alone.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

GIB = 2**30

# What each program is asked for. Where the older default fits no machine of 24 GiB, the older published record has a registered input.
REGISTERED = ["--input-range", "registered"]
EXPERIMENTS = [
    ("cnn_strided", 7, [], []),
    ("cnn_relu", 10, [], []),
    ("cnn_mixed", 10, [], []),
    ("cnn_poly", 10, [], []),
    ("relu", 7, [], []),
    ("poly", 7, [], []),
    ("dense", 7, [], []),
    ("silu", 7, [], []),
    ("tanh", 7, [], []),
    ("dense_large", 7, REGISTERED, []),
    ("conv2d_k3_s1", 7, [], []),
    ("conv2d_k3_s1", 7, [], ["--columns", "3"]),
    ("conv2d_k3_s2", 7, [], []),
    ("depthwise_conv2d", 7, [], []),
    ("maxpool2d_k2", 7, [], []),
    ("avgpool2d_k2", 7, [], []),
    ("batchnorm2d", 7, [], []),
    ("layernorm", 7, [], []),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], metavar="ID")
    arguments = parser.parse_args()
    programs = {"old": arguments.old.resolve(), "new": arguments.new.resolve()}
    rows = []
    for model, scale, *options in EXPERIMENTS:
        if arguments.only and model not in arguments.only:
            continue
        runs = {side: [] for side in programs}
        for number in range(arguments.rounds):
            for (side, program), more in zip(programs.items(), options):
                name = "-".join([model, f"s{scale}", *more]).replace("--", "")
                folder = arguments.out / side / "runs" / name / str(number)
                home = arguments.out / side / "home"
                command = [program, "prove-and-verify", model, "--scale", str(scale), "--runs", "1", *more]
                runs[side].append(measured(command, folder.resolve(), home.resolve()))
        rows.append((model, scale, options, runs))
        write(arguments.out / "comparison.md", rows, arguments.rounds)
    print((arguments.out / "comparison.md").read_text())


def measured(command, folder, home):
    """Rows, seconds and peak memory of one proof, from its record."""
    if not list(folder.glob("*/*.json")):
        home.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "EVMBENCH_HOME": str(home)}
        subprocess.run([*command, "--out", folder], env=environment, stdout=subprocess.DEVNULL, check=False)
    paths = [path for path in folder.glob("*/*.json") if path.parent.name != "logs"]
    if not paths:
        return None
    record = json.loads(paths[0].read_text())
    proofs = [phase for phase in record.get("phases", []) if phase["phase"] == "prove"]
    if record["outcome"]["status"] != "verified" or not proofs:
        return None
    return {
        "logrows": record["circuit"]["logrows"],
        "seconds": proofs[0]["call_seconds"],
        "bytes": max(phase["peak_rss_bytes"] for phase in record["phases"] if phase["peak_rss_bytes"]),
        "cpu": record["environment"]["machine"]["cpu"],
        "revision": record["environment"].get("git_revision") or "unknown",
    }


def write(path, rows, rounds):
    first = {side: next((run for *_, runs in rows for run in runs[side] if run), None) for side in ["old", "new"]}
    revisions = [f"{side} is {run['revision'][:8]}" for side, run in first.items() if run]
    machines = sorted({run["cpu"] for run in first.values() if run})
    lines = [
        f"{'One proof' if rounds == 1 else f'Medians of {rounds} proofs'} by each program, alternating, on {' and '.join(machines)}; {', '.join(revisions)}.",
        "",
        "| model | scale | 2^k, old | 2^k, new | prove, old (s) | prove, new (s) | ratio | memory, old (GiB) | memory, new (GiB) |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for model, scale, options, runs in rows:
        said = [f"{side}: {' '.join(more)}" for side, more in zip(runs, options) if more]
        name = f"{model} ({'; '.join(said)})" if said else model
        cells = {side: [run for run in found if run] for side, found in runs.items()}
        median = {
            side: {key: statistics.median(run[key] for run in found) for key in ["logrows", "seconds", "bytes"]}
            for side, found in cells.items()
            if found
        }

        def text(side, key, form):
            return form(median[side][key]) if side in median else "-"

        ratio = "-"
        if len(median) == 2:
            ratio = f"{median['new']['seconds'] / median['old']['seconds']:.2f}"
        sides = list(runs)
        shown = [text(side, "logrows", lambda k: f"{k:.0f}") for side in sides]
        shown += [text(side, "seconds", lambda seconds: f"{seconds:.1f}") for side in sides]
        shown += [ratio]
        shown += [text(side, "bytes", lambda size: f"{size / GIB:.2f}") for side in sides]
        lines.append(f"| {name} | {scale} | {' | '.join(shown)} |")
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
