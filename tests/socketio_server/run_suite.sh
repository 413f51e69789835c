#!/usr/bin/env bash
# run_suite.sh SERVER FOLDER: runs a public suite of Engine.IO or Socket.IO, which asks for a server on
# port 3000. The folder is its test-suite/, with its packages installed.
set -euo pipefail
server=$(realpath "$1")
preload=$(realpath "$(dirname "$0")/browser_websocket.mjs")
cd "$2"
if [[ ! -x node_modules/.bin/mocha ]]; then
  echo "run_suite.sh: the packages of $2 are missing: run \`npm ci\` there" >&2
  exit 1
fi
coproc "$server"
id=$COPROC_PID
trap 'kill "$id" 2>/dev/null || true' EXIT
# Its line says that it listens; without one it has failed, and has said why.
read -r <&"${COPROC[0]}"
# Some of its tests give 200 ms to both sides: on a busy machine one of them may fail.
node_modules/.bin/mocha --require "$preload" --retries 2 --exit test-suite.js
