#!/usr/bin/env bash
# Checks the layout of all C++ files; with --fix, repairs it.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=(--dry-run -Werror)
if [[ ${1:-} == --fix ]]; then mode=(-i); fi
git ls-files -z --cached --others --exclude-standard '*.h' '*.cpp' |
  xargs -0 -r -P "$(nproc)" -n 20 clang-format "${mode[@]}"
