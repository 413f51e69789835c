#!/usr/bin/env bash
# What is too long for CI. Without arguments everything, else the named stages:
#   scripts/soak.sh faults idle      SIGWAY_SEEDS=1000 scripts/soak.sh faults
#
#   faults  the random-fault tests over SIGWAY_SEEDS seeds (100), fake carriers and real sockets
#   networks  two members through every misbehaving network, in every shape of traffic, with the times that they keep
#   versions  clients and servers of the first sigway.v1 (commit 4292eb5, built from the history) with those of today
#   idle    10,000 idle clients on each transport; reports the memory that each one takes
#   pages   the demo pages and the peer link in Chromium: every state, 50 glares, 20 reloads, six in a mesh
#   doctor  the doctor through every network of the bed, and its page in Chromium
#   chaos   half-right clients on every transport for SIGWAY_CHAOS_SECONDS (3600), plain and TLS, against the build with the
#           address and undefined-behaviour sanitizers, while pairs talk; SIGWAY_SEED repeats the cases
#   sanitizers  all units, models, scenarios and attacks, and the dialects by their clients, under each of the sanitizers; CI runs a choice
#   allocation  fails every single allocation of an exchange, one after the other, on every transport
#   suites  the public test suites of Engine.IO and Socket.IO: in SIGWAY_ENGINE_IO_SUITE and SIGWAY_SOCKET_IO_SUITE, the folders
#           test-suite/ of github.com/socketio/engine.io-protocol and socket.io-protocol, after `npm ci`; on port 3000
#   fuzz    every fuzz target for SIGWAY_FUZZ_SECONDS (600)
#   tidy    clang-tidy on all files
set -euo pipefail
cd "$(dirname "$0")/.."

build_release() {
  scripts/install-deps.sh test
  scripts/install-npm.sh
  scripts/install-client-scripts.sh
  cmake --preset release -DBUILD_TESTING=ON >/dev/null
  cmake --build --preset release
}

# The tests with the label soak, by name; one at a time, because they measure or fill the machine.
run_soak_tests() {
  ctest --test-dir build/release -L soak -R "$1" --no-tests=error --output-on-failure --verbose
}

stage_faults() {
  build_release
  export SIGWAY_SEEDS=${SIGWAY_SEEDS:-100}
  echo "Seeds: $SIGWAY_SEEDS, from ${SIGWAY_FIRST_SEED:-1}"
  run_soak_tests fault
}

stage_networks() {
  build_release
  run_soak_tests networks
}

# The commit at which the first `sigway.v1` was frozen (docs/protocol.md, "Versions").
first_version=4292eb5

stage_versions() {
  if ! git cat-file -e "$first_version^{commit}" 2>/dev/null; then
    echo "Skipped: this clone has no commit $first_version (git fetch --unshallow brings it)."
    return
  fi
  build_release
  local source=build/first-version
  rm -rf "$source"
  mkdir -p "$source"
  git archive "$first_version" | tar -x -C "$source"
  (
    cd "$source"
    cmake --preset release >/dev/null
    cmake --build --preset release --target sigway
  )
  SIGWAY_OLD_BINARY=$PWD/$source/build/release/bin/sigway run_soak_tests versions
}

stage_idle() {
  build_release
  # Both ends of 10,000 connections: the server in one process, the load in another.
  ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -H -n)"
  run_soak_tests idle
}

stage_pages() {
  build_release
  run_soak_tests pages
}

stage_doctor() {
  build_release
  run_soak_tests doctor
}

stage_chaos() {
  scripts/install-deps.sh ci
  scripts/install-npm.sh
  scripts/install-client-scripts.sh
  cmake --preset asan >/dev/null
  cmake --build --preset asan --target sigway
  UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1} SIGWAY_BINARY=$PWD/build/asan/bin/sigway node tests/soak/chaos.mjs
}

stage_sanitizers() {
  scripts/install-deps.sh ci
  scripts/install-npm.sh
  scripts/install-client-scripts.sh
  local preset
  for preset in asan tsan; do
    cmake --preset "$preset" >/dev/null
    cmake --build --preset "$preset"
    ctest --test-dir "build/$preset" -L '^(unit|model|scenario|denial|dialects)$' -LE '^(browser|soak)$' -j "$(nproc)" \
      --no-tests=error --output-on-failure
  done
}

stage_allocation() {
  build_release
  run_soak_tests allocation
}

stage_suites() {
  local engine_io=${SIGWAY_ENGINE_IO_SUITE:-} socket_io=${SIGWAY_SOCKET_IO_SUITE:-}
  if [[ -z $engine_io && -z $socket_io ]]; then
    echo "Skipped: neither SIGWAY_ENGINE_IO_SUITE nor SIGWAY_SOCKET_IO_SUITE names the folder of a public suite."
    return
  fi
  scripts/install-deps.sh test
  cmake --preset release -DBUILD_TESTING=ON >/dev/null
  cmake --build --preset release --target socketio_test_server
  local suite
  for suite in "$engine_io" "$socket_io"; do
    if [[ -n $suite ]]; then tests/socketio_server/run_suite.sh build/release/bin/socketio_test_server "$suite"; fi
  done
}

stage_fuzz() {
  scripts/install-deps.sh ci
  cmake --preset asan "-DSIGWAY_FUZZ_SECONDS=${SIGWAY_FUZZ_SECONDS:-600}" >/dev/null
  cmake --build --preset fuzz
  ctest --preset fuzz -j "$(nproc)"
}

stage_tidy() {
  scripts/install-deps.sh ci
  scripts/tidy.sh --all
}

all=(faults networks versions doctor idle pages allocation chaos suites sanitizers fuzz tidy)
stages=("$@")
if (($# == 0)); then stages=("${all[@]}"); fi
for stage in "${stages[@]}"; do
  if ! declare -F "stage_$stage" >/dev/null; then
    echo "soak.sh: no stage '$stage'; there are: ${all[*]}" >&2
    exit 2
  fi
done
for stage in "${stages[@]}"; do
  echo "=== soak: $stage"
  "stage_$stage"
done
echo "=== soak: done: ${stages[*]}"
