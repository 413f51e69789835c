#!/usr/bin/env bash
# Puts the Socket.IO clients, which the build embeds, where CMake looks for them, exactly as the
# lock file says. Nothing of the packages is run.
set -euo pipefail
cd "$(dirname "$0")/../src/dialects/socketio/scripts"

# npm leaves a copy of what it installed; nothing to do while it is newer than what was asked for.
installed=node_modules/.package-lock.json
if [[ $installed -nt package-lock.json && $installed -nt package.json ]]; then exit 0; fi
if ! command -v npm >/dev/null; then
  echo "The Socket.IO client scripts cannot be installed: there is no npm" >&2
  exit 1
fi
echo "Installing the Socket.IO client scripts"
# The retries of npm's own settings take minutes where there is no network.
npm ci --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund --loglevel=error \
  --prefer-offline --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 || {
  echo "The Socket.IO client scripts could not be installed: npm has failed" >&2
  exit 1
}
touch "$installed"
