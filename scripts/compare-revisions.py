#!/usr/bin/env python3
"""Proof times of two builds of evmbench, one after the other: scripts/compare-revisions.py OLD NEW OUT.

OLD and NEW are two programs, OUT a folder for what is made:

    git worktree add ../old 2d51dba && (cd ../old && cargo build --release)
    cargo build --release
    scripts/compare-revisions.py ../old/target/release/evmbench target/release/evmbench out

Each experiment is proved by OLD, then by NEW, in --rounds rounds. The first round makes the keys, which stay in a cache folder for each
program; times are those of EZKL's calls. The machine must have nothing else to do. OUT then has

    old/, new/          cache folders and records
    comparison.json     every experiment, run or not, with each proof's rows, seconds, memory, date, machine and revision
    comparison.md       medians and ratios of those that were run, as a table

A second call with the same OUT proves what the first has not come to, and both files are of all that is in OUT (--rounds 0 proves
nothing and writes them again). The repository has a comparison as data/older-revision.json and data/older-revision.md. Needs Python
3.11 alone.
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


SIDES = ["old", "new"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], metavar="ID")
    arguments = parser.parse_args()
    programs = {"old": arguments.old.resolve(), "new": arguments.new.resolve()}
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for model, scale, *options in EXPERIMENTS:
        if arguments.only and model not in arguments.only:
            continue
        for number in range(arguments.rounds):
            for side, more in zip(SIDES, options):
                command = [programs[side], "prove-and-verify", model, "--scale", str(scale), "--runs", "1", *more]
                prove(command, folder_of(out, side, model, scale, more) / str(number), out / side / "home")
        write(out)
    write(out)
    print((out / "comparison.md").read_text())


def folder_of(out, side, model, scale, options):
    return out / side / "runs" / "-".join([model, f"s{scale}", *options]).replace("--", "")


def records_in(folder):
    return [path for path in sorted(folder.glob("*/*.json")) if path.parent.name != "logs"]


def prove(command, folder, home):
    if not records_in(folder):
        home.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "EVMBENCH_HOME": str(home)}
        subprocess.run([*command, "--out", folder], env=environment, stdout=subprocess.DEVNULL, check=False)


def sample(path):
    """What a record says of its one proof; without seconds where there is none that is verified."""
    record = json.loads(path.read_text())
    proofs = [phase for phase in record.get("phases", []) if phase["phase"] == "prove"]
    is_verified = record["outcome"]["status"] == "verified" and proofs
    peaks = [phase["peak_rss_bytes"] for phase in record.get("phases", []) if phase["peak_rss_bytes"]]
    machine = record["environment"]["machine"]
    return {
        "finished_at": record["finished_at"],
        "revision": record["environment"].get("git_revision") or "unknown",
        "machine": machine["fingerprint"],
        "cpu": machine["cpu"],
        "outcome": record["outcome"]["status"],
        "logrows": (record.get("circuit") or {}).get("logrows"),
        "seconds": proofs[0]["call_seconds"] if is_verified else None,
        "peak_rss_bytes": max(peaks, default=None),
    }


def experiments_of(out):
    """Every experiment with the samples of each program, in the order of its rounds."""
    found = []
    for model, scale, *options in EXPERIMENTS:
        said = [f"{side}: {' '.join(more)}" for side, more in zip(SIDES, options) if more]
        samples = {}
        for side, more in zip(SIDES, options):
            rounds = sorted(folder_of(out, side, model, scale, more).glob("[0-9]*"), key=lambda folder: int(folder.name))
            samples[side] = [sample(path) for folder in rounds for path in records_in(folder)]
        name = f"{model} ({'; '.join(said)})" if said else model
        found.append({"name": name, "scale": scale, "options": dict(zip(SIDES, options)), "samples": samples})
    return found


def write(out):
    experiments = experiments_of(out)
    (out / "comparison.json").write_text(json.dumps(experiments, indent=2) + "\n")
    (out / "comparison.md").write_text(table(experiments))


def table(experiments):
    def all_of(key, *sides):
        return sorted({one[key] for experiment in experiments for side in sides for one in experiment["samples"][side]})

    revisions = [f"{side} is {' and '.join(revision[:8] for revision in all_of('revision', side))}" for side in SIDES]
    lines = [
        "Medians of the proofs by each program (of two, their mean), the programs alternating, on "
        f"{' and '.join(all_of('cpu', *SIDES))}; {', '.join(revisions)}.",
        "",
        "| model | scale | 2^k, old | 2^k, new | proofs | prove, old (s) | prove, new (s) | ratio | memory, old (GiB) | memory, new (GiB) |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for experiment in experiments:
        proved = {side: [one for one in experiment["samples"][side] if one["seconds"]] for side in SIDES}
        if not any(experiment["samples"].values()):
            continue

        def median(side, key):
            return statistics.median(one[key] for one in proved[side]) if proved[side] else None

        def cells(key, form):
            medians = [median(side, key) for side in SIDES]
            return ["-" if middle is None else form(middle) for middle in medians]

        seconds = [median(side, "seconds") for side in SIDES]
        counts = sorted({len(proved[side]) for side in SIDES})
        shown = cells("logrows", lambda logrows: f"{logrows:.0f}")
        shown += [" and ".join(str(count) for count in counts)]
        shown += cells("seconds", lambda middle: f"{middle:.1f}")
        shown += [f"{seconds[1] / seconds[0]:.2f}" if all(seconds) else "-"]
        shown += cells("peak_rss_bytes", lambda size: f"{size / GIB:.2f}")
        lines.append(f"| {experiment['name']} | {experiment['scale']} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
