#!/usr/bin/env bash
# Puts the Socket.IO clients, which the build embeds, where CMake looks for them, exactly as the
# lock file says: with npm, or without it with curl. Nothing of the packages is run.
set -euo pipefail
cd "$(dirname "$0")/../src/dialects/socketio/scripts"

# npm leaves a copy of what it installed; nothing to do while it is newer than what was asked for.
installed=node_modules/.package-lock.json
if [[ $installed -nt package-lock.json && $installed -nt package.json ]]; then exit 0; fi

# The retries of npm's own settings take minutes where there is no network.
with_npm() {
  npm ci --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund --loglevel=error \
    --prefer-offline --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000
}

# "FOLDER PACKAGE VERSION INTEGRITY" of the clients: of all packages in the lock file only they have
# a name, as their folders are called otherwise. The packages that they depend on are already inside
# the files that are embedded.
clients() {
  awk -F'"' '
    /^    "node_modules\// { folder = $2; package = "" }
    $2 == "name" { package = $4 }
    $2 == "version" { version = $4 }
    $2 == "integrity" && package { print folder, package, version, $4 }' package-lock.json
}

with_curl() {
  local folder package version integrity sum
  local registry=${npm_config_registry:-https://registry.npmjs.org/}
  while read -r folder package version integrity; do
    curl -fsSL --retry 2 --connect-timeout 10 --max-time 60 -o "$archive" \
      "${registry%/}/$package/-/$package-$version.tgz" || return 1
    sum=$(base64 -d <<<"${integrity#sha512-}" | od -An -v -tx1 | tr -d ' \n')
    sha512sum --check --status <<<"$sum  $archive" || {
      echo "$package $version is not what the lock file says" >&2
      return 1
    }
    rm -rf "$folder"
    mkdir -p "$folder"
    tar -xzf "$archive" -C "$folder" --strip-components=1 --no-same-owner || return 1
  done <<<"$(clients)"
}

if command -v npm >/dev/null; then
  tool=npm
elif command -v curl >/dev/null; then
  tool=curl
  archive=$(mktemp --tmpdir sigway-client.XXXXXX)
  trap 'rm -f "$archive"' EXIT
else
  echo "The Socket.IO client scripts cannot be installed: there is neither npm nor curl" >&2
  exit 1
fi
echo "Installing the Socket.IO client scripts"
"with_$tool" || {
  echo "The Socket.IO client scripts could not be installed: $tool has failed" >&2
  exit 1
}
touch "$installed"
