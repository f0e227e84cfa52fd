#!/usr/bin/env bash
# How long a reference string for tests takes: evmbench's own, and EZKL's gen_srs, one after the other. The machine must have nothing else
# to do. Aim: at most a sixth. Strings of 2^17 and 2^21 points take gen_srs up to ten minutes; arguments name other sizes:
#
#     scripts/compare-srs.sh [17|21]...
set -euo pipefail
cd "$(dirname "$0")/.."
sizes=("$@")
[ $# -gt 0 ] || sizes=(17 21)
# Tools are shared, and no string is.
source scripts/own-home.sh ezkl- solc-
python=$(echo "$EVMBENCH_HOME"/ezkl-*/bin/python)
status=0
for k in "${sizes[@]}"; do
    # Models whose circuits have so many rows.
    case $k in
    17) model=(cnn_poly --scale 10) ;;
    21) model=(conv2d_large --tiles 2 --scale 7) ;;
    *) echo "no model of 2^$k rows is named here" >&2 && exit 2 ;;
    esac
    job="$out/job-$k"
    "$evmbench" plan "${model[@]}" --export commands --job "$job" --out "$out/runs" >/dev/null
    started=$(date +%s.%N)
    "$evmbench" prove-and-verify "${model[@]}" --job "$job" --prepare --out "$out/runs" >/dev/null
    own=$(echo "$(date +%s.%N) $started" | awk '{ print $1 - $2 }')
    started=$(date +%s.%N)
    "$python" -I -c "import ezkl; ezkl.gen_srs('$out/gen_srs-$k', $k)"
    theirs=$(echo "$(date +%s.%N) $started" | awk '{ print $1 - $2 }')
    rm "$out/gen_srs-$k"
    echo "$own $theirs $k" | awk '{ printf "2^%d: evmbench %.1f s, gen_srs %.1f s, ratio %.3f\n", $3, $1, $2, $1 / $2; exit $1 > $2 / 6 }' || status=1
done
exit $status
