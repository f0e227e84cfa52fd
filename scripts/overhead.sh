#!/usr/bin/env bash
# What evmbench adds to EZKL's own calls on dense_large, both from one run: the log of the run has the seconds of the
# whole experiment and those inside EZKL. Aim: at most 1.03.
set -euo pipefail
cd "$(dirname "$0")/.."
# A first run: no key is reused. Tools and reference strings are shared.
source scripts/own-home.sh ezkl- solc- srs
"$evmbench" prove-and-verify dense_large --scale 7 --out "$out/runs"
python3 - "$out"/runs/logs/*.json <<'PYTHON'
import json
import sys

for path in sys.argv[1:]:
    for run in json.load(open(path))["runs"]:
        whole, ezkl = run["seconds"], run["ezkl_seconds"]
        print(f"{run['name']}: {whole:.1f} s in all, {ezkl:.1f} s inside EZKL, ratio {whole / ezkl:.4f}")
        sys.exit(0 if whole <= 1.03 * ezkl else 1)
PYTHON
