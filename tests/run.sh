#!/usr/bin/env bash
# run.sh -- every test, in the plain build and in the sanitized one, and a line of totals.
# Called by `make test`, which builds both first. BUILD: the plain build's folder.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
export TOTALS=$PWD/$build/totals
export CK_DEFAULT_TIMEOUT=300 CK_VERBOSITY=${CK_VERBOSITY:-normal}
export ASAN_OPTIONS=detect_leaks=0      # the compiler's arena is never freed
: >"$TOTALS"

# A part that dies before it has counted its tests is one failure.
part() {
    local before
    before=$(wc -l <"$TOTALS")
    echo "== $1"
    shift
    "$@" || [ "$(wc -l <"$TOTALS")" -gt "$before" ] || echo "0 1 0" >>"$TOTALS"
}

part "Check suites" "$build/check_all"
part "wrong programs, dumps, generated C" env NETC="$build/netc" tests/golden.sh
part "trainers" env NETC="$build/netc" tests/trainer.sh
part "Check suites, sanitized" "$build/asan/check_all"
part "wrong programs, dumps, generated C, sanitized" env NETC="$build/asan/netc" tests/golden.sh
part "trainers, sanitized" env NETC="$build/asan/netc" tests/trainer.sh quick

awk '{ passed += $1; failed += $2; skipped += $3 }
     END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
           exit failed > 0 || passed == 0 }' "$TOTALS"
