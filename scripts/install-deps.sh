#!/usr/bin/env bash
# Installs the Debian packages that are missing: scripts/install-deps.sh build|test|ci|bench
#   build  what run.sh needs    test  the same and what test.sh needs    ci  the same and clang
#   bench  what bench.sh needs
# Takes a moment and touches nothing when all is there. Elsewhere than on Debian it says what is
# missing; CMake fetches absent libraries itself.
set -euo pipefail

kind=${1:-build}

# A tool counts as present when the command is there, wherever it came from: "command package".
# curl fetches the Socket.IO client scripts that are embedded, over TLS. npm would do so too, but
# Debian's is more than 300 packages.
tools=("g++ g++" "cmake cmake" "ninja ninja-build" "pkg-config pkg-config" "curl curl")
libraries=(ca-certificates libwebsocketpp-dev nlohmann-json3-dev libcli11-dev libspdlog-dev
  libcurl4-openssl-dev libssl-dev libsodium-dev)
case $kind in
  build) ;;
  test | ci)
    tools+=("node nodejs" "npm npm" "chromium chromium" "firefox-esr firefox-esr" "openssl openssl"
      "turnserver coturn" "python3 python3" "valgrind valgrind")
    # The proxies that tests/conformance/ goes through. By package: their commands are in sbin.
    libraries+=(doctest-dev libcpp-httplib-dev nginx haproxy squid tinyproxy caddy
      libbenchmark-dev)
    ;;
  bench)
    tools+=("node nodejs" "npm npm")
    libraries+=(libbenchmark-dev nginx libnginx-mod-nchan)
    ;;
  *)
    echo "usage: $0 build|test|ci|bench" >&2
    exit 2
    ;;
esac
if [[ $kind == ci ]]; then
  tools+=("clang++ clang" "clang-tidy clang-tidy" "clang-format clang-format" "ccache ccache"
    "git git")
  libraries+=(libclang-rt-dev)
fi
# Packages with a systemd service of the same name, which Debian starts at once and at every boot.
# The tests start these programs themselves, on ports of their own.
services=(nginx haproxy squid tinyproxy caddy coturn)

has_package() {
  [[ $(dpkg-query -W -f='${Status}' "$1" 2>/dev/null) == "install ok installed" ]]
}

missing=()
for tool in "${tools[@]}"; do
  read -r command package <<<"$tool"
  command -v "$command" >/dev/null || missing+=("$package")
done
needs_llhttp=
if command -v apt-get >/dev/null; then
  for library in "${libraries[@]}"; do
    has_package "$library" || missing+=("$library")
  done
  has_package libllhttp-dev || has_package node-llhttp || needs_llhttp=1
fi
[[ ${#missing[@]} -gt 0 || $needs_llhttp ]] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "These are missing, and there is no apt-get to install them: ${missing[*]}" >&2
  exit 1
fi
as_root=(env)
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "These packages are missing, and there is no sudo to install them: ${missing[*]}${needs_llhttp:+ (llhttp)}" >&2
    printf 'Run this as root, then try again:\n  %q %s\n' "$(realpath "$0")" "$kind" >&2
    exit 1
  fi
  as_root=(sudo env)
fi
# sudo drops the environment. su keeps a PATH without sbin, where dpkg looks for its tools.
as_root+=(DEBIAN_FRONTEND=noninteractive "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin")

log=$(mktemp --tmpdir sigway-apt.XXXXXX)
trap 'rm -f "$log"' EXIT
quietly() {
  "$@" >"$log" 2>&1 || {
    cat "$log" >&2
    return 1
  }
}
apt_get() { quietly "${as_root[@]}" apt-get -o Acquire::Retries=3 "$@"; }

echo "Reading the lists of packages (apt-get update)"
apt_get update
if [[ $needs_llhttp ]]; then
  # Its C sources are in node-llhttp in Debian 12; later releases have a library package.
  if apt-cache show libllhttp-dev >/dev/null 2>&1; then missing+=(libllhttp-dev); else missing+=(node-llhttp); fi
fi

# A service that was there before belongs to somebody: it stays as it is.
new_services=()
if systemctl list-units --quiet >/dev/null 2>&1; then
  for service in "${services[@]}"; do
    [[ " ${missing[*]} " == *" $service "* ]] || continue
    systemctl cat "$service.service" >/dev/null 2>&1 || new_services+=("$service")
  done
fi
stop_new_services() {
  for service in ${new_services[@]+"${new_services[@]}"}; do
    # An installation that failed may have come to some of them only.
    systemctl cat "$service.service" >/dev/null 2>&1 || continue
    quietly "${as_root[@]}" systemctl disable --now "$service.service" ||
      echo "Could not stop the service $service, which Debian has started" >&2
  done
}

apt_get --simulate install --no-install-recommends "${missing[@]}"
echo "Installing with apt-get: ${missing[*]}"
echo "Packages with their dependencies: $(grep -c '^Inst ' "$log"). This may take some minutes; the log is $log"
trap 'stop_new_services; rm -f "$log"' EXIT
apt_get install -y --no-install-recommends "${missing[@]}"
