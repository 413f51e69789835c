#!/usr/bin/env bash
# Builds everything and runs every test but the soak. Arguments go to ctest:
#   scripts/test.sh -L unit      scripts/test.sh -R fault --verbose
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-deps.sh test
scripts/install-npm.sh
scripts/install-client-scripts.sh
echo "Building the release and its tests in build/release"
cmake --preset release -DBUILD_TESTING=ON >/dev/null
cmake --build --preset release
# The tests wait more than they work.
ctest --preset release -j "${SIGWAY_TEST_JOBS:-$((4 * $(nproc)))}" "$@"
