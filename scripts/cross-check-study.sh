#!/usr/bin/env bash
# Runs EZKL's calibration as the study did, for each of the 13 models that it proved, and compares rows to the unit.
# Minutes for the pools, batch norm and the CNNs. Restrict it with ONLY=relu,tanh; renew the fixtures that the fast test
# reads with UPDATE_FIXTURES=1.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo test --release --test suite study:: -- --ignored --nocapture
