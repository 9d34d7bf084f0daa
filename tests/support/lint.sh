#!/usr/bin/env bash
# lint.sh -- is every C file formatted, does clang-tidy find nothing, and does house.sh? BUILD:
# where `make tests` built. JOBS: how many clang-tidies at once. `lint.sh quick` goes without
# clang's analyzer, which takes twenty times as long as all that clang-tidy checks besides.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
checks=
[ "${1:-}" != quick ] || checks=--checks=-clang-analyzer-*
passed=0 failed=0

verdict() {
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1"
    fi
}

git ls-files '*.[ch]' ':!generated' | xargs clang-format --dry-run -Werror
verdict "clang-format: run make format" $?
# the analyzer looks at so many states of a function, a few seconds of the longest ones
paths=$(printf ' --extra-arg=%s' -Xclang -analyzer-config -Xclang max-nodes=60000)
# shellcheck disable=SC2086
find compiler runtime -name '*.c' -print0 |
    xargs -0 -P "${JOBS:-$(nproc)}" -n 4 clang-tidy --quiet $checks --extra-arg=-std=c11 \
        --extra-arg=-Icompiler --extra-arg=-Iruntime --extra-arg="-I$build" $paths \
        >"$build/lint.log" 2>/dev/null
verdict "clang-tidy" $?
grep -E 'error:|warning:' "$build/lint.log" | sort -u | head -40
BUILD=$build tests/support/house.sh
verdict "house.sh: lengths, circles, includes" $?
echo "$passed passed, $failed failed, 0 skipped"
[ -z "${TOTALS:-}" ] || echo "$passed $failed 0" >>"$TOTALS"
[ "$failed" = 0 ]
