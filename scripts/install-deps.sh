#!/usr/bin/env bash
# Installs the Debian packages that are missing: scripts/install-deps.sh build|test|ci
#   build  what run.sh needs    test  the same and what test.sh needs    ci  the same and clang
# Takes a moment and touches nothing when all is there. Elsewhere than on Debian it says what is
# missing; CMake fetches absent libraries itself.
set -euo pipefail

kind=${1:-build}

# A tool counts as present when the command is there, wherever it came from: "command package".
tools=("g++ g++" "cmake cmake" "ninja ninja-build" "pkg-config pkg-config")
libraries=(libasio-dev libwebsocketpp-dev libcpp-httplib-dev nlohmann-json3-dev libcli11-dev
  libspdlog-dev libssl-dev libsodium-dev)
case $kind in
  build) ;;
  test | ci)
    tools+=("node nodejs" "npm npm" "chromium chromium" "firefox-esr firefox-esr" "curl curl" "openssl openssl"
      "turnserver coturn")
    # The proxies that tests/conformance/ goes through. By package: their commands are in sbin.
    libraries+=(doctest-dev nginx haproxy squid tinyproxy caddy)
    ;;
  *)
    echo "usage: $0 build|test|ci" >&2
    exit 2
    ;;
esac
if [[ $kind == ci ]]; then
  tools+=("clang++ clang" "clang-tidy clang-tidy" "clang-format clang-format" "ccache ccache"
    "git git")
  libraries+=(libclang-rt-dev)
fi

has_package() {
  [[ $(dpkg-query -W -f='${Status}' "$1" 2>/dev/null) == "install ok installed" ]]
}

missing=()
for tool in "${tools[@]}"; do
  read -r command package <<<"$tool"
  command -v "$command" >/dev/null || missing+=("$package")
done
if command -v apt-get >/dev/null; then
  for library in "${libraries[@]}"; do
    has_package "$library" || missing+=("$library")
  done
  # llhttp's C sources are in node-llhttp in Debian 12; later releases have a library package.
  has_package libllhttp-dev || has_package node-llhttp || missing+=(llhttp)
fi
((${#missing[@]} > 0)) || exit 0

if ! command -v apt-get >/dev/null; then
  echo "These are missing, and there is no apt-get to install them: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "These packages are missing; install them as root: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "Installing with apt: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Quiet unless it fails: the list above is what a reader wants to know.
apt() {
  ${as_root[@]+"${as_root[@]}"} apt-get -o Acquire::Retries=3 "$@" >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
  }
}
apt update
for index in "${!missing[@]}"; do
  [[ ${missing[index]} == llhttp ]] || continue
  missing[index]=node-llhttp
  if apt-cache show libllhttp-dev >/dev/null 2>&1; then missing[index]=libllhttp-dev; fi
done
apt install -y --no-install-recommends "${missing[@]}"
