#!/usr/bin/env bash
# lint.sh -- is every C file formatted, and does clang-tidy find nothing? BUILD: where `make` built.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
passed=0 failed=0

verdict() {
    if [ "$2" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED: $1"; fi
}

git ls-files '*.[ch]' ':!generated' | xargs clang-format --dry-run -Werror
verdict "clang-format: run make format" $?
find compiler runtime -name '*.c' -print0 |
    xargs -0 -P "$(nproc)" -n 6 clang-tidy --quiet --extra-arg=-std=c11 --extra-arg=-Icompiler \
        --extra-arg=-Iruntime --extra-arg="-I$build" >"$build/lint.log" 2>/dev/null
verdict "clang-tidy" $?
grep -E 'error:|warning:' "$build/lint.log" | sort -u | head -40
echo "$passed passed, $failed failed, 0 skipped"
[ -z "${TOTALS:-}" ] || echo "$passed $failed 0" >>"$TOTALS"
[ "$failed" = 0 ]
