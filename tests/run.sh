#!/usr/bin/env bash
# run.sh -- format and lint, then every test, in the plain build and in the sanitized one, and a
# line of totals. The two builds are tested side by side. Called by `make test`, which made both.
# BUILD: the plain one's folder; the other is in its subfolder asan.
set -uo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "${BUILD:-build}")
export CK_DEFAULT_TIMEOUT=300 CK_TIMEOUT_MULTIPLIER=5 CK_VERBOSITY=${CK_VERBOSITY:-normal}
export XDG_CACHE_HOME=$build/cache      # of precompiled headers
export ASAN_OPTIONS=detect_leaks=0      # the compiler's arena is never freed

# part NAME COMMAND...: a part that dies before it has counted its tests is one failure.
part() {
    local name=$1 before
    shift
    before=$(wc -l <"$TOTALS")
    echo "== $name"
    "$@" || [ "$(wc -l <"$TOTALS")" -gt "$before" ] || echo "0 1 0" >>"$TOTALS"
}

# parts BUILD MODE TOTALS
parts() {
    export TOTALS=$3 NETC=$1/netc
    : >"$TOTALS"
    part "Check suites" "$1/check_all"
    part "wrong programs, dumps, generated C" tests/golden/check.sh
    part "the command line" tests/cli/command_line.sh
    part "trainers" tests/cli/trainer.sh "$2"
    part "tables" tests/cli/tables.sh
    part "words" tests/cli/words.sh "$2"
    part "folders of runs" tests/cli/runs.sh
    part "what a run has learnt" tests/cli/contract.sh
    part "models" tests/cli/models.sh "$2"
}

export TOTALS=$build/totals.lint
: >"$TOTALS"
part "format and lint" tests/support/lint.sh

# two lanes of about the same length
(
    parts "$build/asan" quick "$build/totals.asan"
    export TOTALS=$build/totals.torch NETC=$build/netc
    : >"$TOTALS"
    part "losses against PyTorch's" tests/pytorch/stored.sh
) >"$build/asan.log" 2>&1 &
(
    parts "$build" all "$build/totals.plain"
    part "random trainers" env BUILD="$build" tests/random/trainers.sh
    part "netc's own memory" tests/compiler/growth.sh
    part "whole models on several threads" tests/cli/threads.sh
    part "races" env BUILD="$build" tests/cli/races.sh
    part "downloads" tests/cli/get_data.sh
    part "make bench" tests/bench/check.sh
    part "faults of the system" tests/faults/faults.py --short
    part "fuzzing" env JOBS=1 tests/fuzz/run.sh 60
)
wait
echo "==== with address and undefined-behaviour sanitizers; then PyTorch's losses"
cat "$build/asan.log"

awk '{ passed += $1; failed += $2; skipped += $3 }
     END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
           exit failed > 0 || passed == 0 }' "$build/totals.lint" "$build/totals.plain" \
    "$build/totals.asan" "$build/totals.torch"
