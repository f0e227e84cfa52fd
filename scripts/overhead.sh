#!/usr/bin/env bash
# What evmbench adds to EZKL's own calls on dense_large, both from one run: the log of the run has the seconds of the
# whole experiment and those inside EZKL. Aim: at most 1.03.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# A cache folder of its own makes the run a first one: no key is reused. Tools and reference strings are shared.
cargo build --release --quiet
evmbench="$PWD/target/release/evmbench"
shared=$("$evmbench" doctor | awk '$1 == "folder" { print $2 }')
"$evmbench" setup >/dev/null
mkdir "$out/home"
for kept in "$shared"/ezkl-* "$shared"/solc-* "$shared"/srs; do
    [ -e "$kept" ] && ln -s "$kept" "$out/home/"
done
EVMBENCH_HOME="$out/home" "$evmbench" prove-and-verify dense_large --scale 7 --out "$out/runs"
python3 - "$out"/runs/logs/*.json <<'PYTHON'
import json
import sys

for path in sys.argv[1:]:
    for run in json.load(open(path))["runs"]:
        whole, ezkl = run["seconds"], run["ezkl_seconds"]
        print(f"{run['name']}: {whole:.1f} s in all, {ezkl:.1f} s inside EZKL, ratio {whole / ezkl:.4f}")
        sys.exit(0 if whole <= 1.03 * ezkl else 1)
PYTHON
