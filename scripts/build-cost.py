#!/usr/bin/env python3
"""What two revisions cost to build, one after the other: scripts/build-cost.py OLD OLD_FILE NEW NEW_FILE OUT.

OLD and NEW are two checkouts, OLD_FILE and NEW_FILE a source file of each with an operator, OUT a folder for what is built:

    git worktree add ../old 2d51dba
    scripts/build-cost.py ../old src/model/committed/quantise.rs . crates/model/src/ops/pool.rs out

Of each it measures the user processor seconds of a release build without a cache, of `cargo build` without one, and of `cargo build` after
a line is added to that file, which is taken out again; and it counts the names with version of `cargo tree -e normal,build`. Dependencies
are fetched before. OUT then has build-cost.md, which the repository has as data/build-cost.md, and what was measured of each checkout as
REVISION.json: a second call measures what is not there. The machine must have nothing else to do. Needs Rust and
Python 3.11 alone.
"""

import argparse
import datetime
import json
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys

INCREMENTAL = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["old", "old_file", "new", "new_file", "out"]:
        parser.add_argument(name, type=pathlib.Path)
    arguments = parser.parse_args()
    sides = {"old": (arguments.old, arguments.old_file), "new": (arguments.new, arguments.new_file)}
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = {}
    for side, (checkout, file) in sides.items():
        revision = revision_of(checkout)
        kept = arguments.out / f"{revision}.json"
        if not kept.exists():
            target = (arguments.out / side).resolve()
            kept.write_text(json.dumps(measured(checkout, file, target) | {"revision": revision}, indent=2) + "\n")
        found[side] = json.loads(kept.read_text())
    write(arguments.out / "build-cost.md", found)


def revision_of(checkout):
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, check=True, capture_output=True, text=True)
    return found.stdout.strip()[:8]


def measured(checkout, file, target):
    """What a checkout costs to build."""
    subprocess.run(["cargo", "fetch", "--locked"], cwd=checkout, check=True)
    shutil.rmtree(target, ignore_errors=True)
    return {
        "day": datetime.date.today().isoformat(),
        "release build, user seconds": seconds(checkout, target, "--release"),
        "debug build, user seconds": seconds(checkout, target),
        "debug build after an edit in one operator, user seconds": after_edits(checkout, file, target),
        "names with version in cargo tree": names(checkout),
    }


def seconds(checkout, target, *options):
    """User processor seconds of a build."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    command = ["cargo", "build", "--locked", "--target-dir", target, *options]
    subprocess.run(command, cwd=checkout, check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def after_edits(checkout, file, target):
    """The median over some edits."""
    path = checkout / file
    text = path.read_text()
    found = []
    try:
        for number in range(INCREMENTAL):
            path.write_text(f"{text}\n#[allow(dead_code)]\nconst EDIT: usize = {number};\n")
            found.append(seconds(checkout, target))
    finally:
        path.write_text(text)
    return statistics.median(found)


def names(checkout):
    """How many crates in how many versions the default features need."""
    command = ["cargo", "tree", "--locked", "-e", "normal,build", "--prefix", "none", "--format", "{p}"]
    tree = subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True).stdout
    return len({" ".join(line.split()[:2]) for line in tree.splitlines() if line.strip()})


def cpu():
    """The processor's name and how many of them there are."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)} cores of {models[0]}" if models else "one machine"


def write(path, found):
    old, new = found["old"], found["new"]
    lines = [
        f"Old is {old.pop('revision')}, built on {old.pop('day')}, new is {new.pop('revision')}, built on {new.pop('day')}, on {cpu()}.",
        "",
        "| | old | new | new / old |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, before in old.items():
        lines.append(f"| {name} | {before:.0f} | {new[name]:.0f} | {new[name] / before:.2f} |")
    path.write_text("\n".join(lines) + "\n")
    print(path.read_text())


if __name__ == "__main__":
    sys.exit(main())
