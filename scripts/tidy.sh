#!/usr/bin/env bash
# clang-tidy. Without arguments: the central files (what reads bytes from strangers) and those that
# the last commit changed. With --all: all of src/ and transports/. Else: the named files.
set -euo pipefail
cd "$(dirname "$0")/.."

# The other dialects' files are looked at when they change.
central=('src/http/*.cpp' 'src/dialects/*.cpp' 'src/dialects/native/*.cpp')
if [[ ${1:-} == --all ]]; then
  files=$(git ls-files 'src/*.cpp' 'transports/*.cpp')
elif (($# > 0)); then
  files=$(printf '%s\n' "$@")
else
  changed=$(git diff --name-only --diff-filter=d HEAD~1 2>/dev/null -- 'src/*.cpp' \
    'transports/*.cpp' || true)
  files=$({
    git ls-files "${central[@]/#/:(glob)}"
    printf '%s\n' "$changed"
  } | sed '/^$/d' | sort -u)
fi

# Its own configuration: clang-tidy must see clang's flags, and nothing needs to be built.
cmake --preset tidy >/dev/null
count=$(wc -l <<<"$files")
echo "clang-tidy on $count files"
# The summary lines that count suppressed warnings of system headers say nothing; drop them.
if ! xargs -r -P "$(nproc)" -n 1 clang-tidy -p build/tidy --quiet <<<"$files" 2>&1 |
  sed -E '/^[0-9]+ warnings? (and [0-9]+ errors? )?generated\.?$/d'; then
  echo "clang-tidy found something" >&2
  exit 1
fi
