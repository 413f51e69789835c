#!/usr/bin/env bash
# Builds and runs all benchmarks, and prints the table: scripts/bench.sh [--rounds 3] [--smoke]
# Further arguments are those of bench/run.mjs; docs/performance.md says what is measured.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-deps.sh bench
installed=bench/peers/node_modules/.package-lock.json
if [[ ! $installed -nt bench/peers/package-lock.json ]]; then
  # Without them the npm servers are left out, and the run says so.
  (cd bench/peers && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json) || true
fi
cmake --preset release >/dev/null
cmake --build --preset release --target sigway bench_load bench_floor
# From here on one process is in charge: whatever kills it ends all others.
exec node bench/run.mjs "$@"
