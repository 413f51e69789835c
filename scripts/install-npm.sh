#!/usr/bin/env bash
# Puts the npm packages of the tests into tests/node_modules, exactly as the lock file says.
set -euo pipefail
cd "$(dirname "$0")/../tests"

# npm leaves a copy of what it installed; nothing to do while it is newer than what was asked for.
installed=node_modules/.package-lock.json
if [[ $installed -nt package-lock.json && $installed -nt package.json ]]; then exit 0; fi
echo "Installing the npm packages of the tests"
npm ci --no-audit --no-fund --loglevel=error
touch "$installed"
