#!/usr/bin/env bash
# Builds the server, without the commands join, send, tail and doctor, and serves on
# http://localhost:8080. Arguments go to the server:
#   scripts/run.sh --port 9000 --bind 0.0.0.0 --tls-self-signed
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-deps.sh build
scripts/install-client-scripts.sh ||
  echo "Building without them: /socket.io/socket.io.js will answer 404" >&2
echo "Building the release in build/release"
cmake --preset release -DBUILD_TESTING=OFF >/dev/null
cmake --build --preset release --target sigway-server
exec build/release/bin/sigway-server "$@"
