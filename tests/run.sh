#!/usr/bin/env bash
# run.sh [PATTERN] -- every test, in the plain build and in the sanitized one: a row a part as it
# ends, then what failed, and the totals. As many parts run at once as there are cores. Called by
# `make test`, which made both builds; with PATTERN, the parts whose names match it.
# LONG: with the sanitizers too, all that they take long for (make test-long).
# BUILD: the plain build's folder; in its subfolders, asan: the other build, log: the parts' logs.
set -uo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "${BUILD:-build}") pattern=${1:-.}
logs=$build/log
export CK_DEFAULT_TIMEOUT=300 CK_TIMEOUT_MULTIPLIER=5 CK_VERBOSITY=${CK_VERBOSITY:-normal}
export XDG_CACHE_HOME=$build/cache      # of precompiled headers
export ASAN_OPTIONS=detect_leaks=0      # the compiler's arena is never freed
export BUILD=$build NETC=$build/netc

names=() commands=()

# part NAME COMMAND...
part() {
    [[ $1 =~ $pattern ]] || return 0
    names+=("$1")
    shift
    commands+=("$(printf '%q ' "$@")")
}

# both NAME COMMAND...: in both builds; {} is the build's folder, {mode} all, or, sanitized, quick,
# unless LONG is set.
mode=${LONG:+all}
both() {
    local name=$1 words
    shift
    words=("${@//\{\}/$build}")
    part "$name" env NETC="$build/netc" "${words[@]//\{mode\}/all}"
    words=("${@//\{\}/$build/asan}")
    part "$name, sanitized" env NETC="$build/asan/netc" "${words[@]//\{mode\}/${mode:-quick}}"
}

# suite NAME...: of check_all
suite() {
    for name in "$@"; do both "suite $name" {}/check_all "$name"; done
}

# Runs part number $1; a part that fails or counts nothing is one failure at least.
run() {
    local log=$logs/$1.log began=$SECONDS status=0
    export TOTALS=$logs/$1.totals
    eval "${commands[$1]}" >"$log" 2>&1 || status=$?
    if ! awk -v status=$status '{ passed += $1; failed += $2; skipped += $3 }
            END { exit status ? !failed : !(passed + skipped) }' "$TOTALS"; then
        echo "FAILED: ${names[$1]} ended with $status" >>"$log"
        echo "0 1 0" >>"$TOTALS"
    fi
    times >"$logs/$1.times" # of this shell, and in line 2 of its children: user, system
    awk -F '[ ms]+' -v name="${names[$1]}" -v seconds=$((SECONDS - began)) '
        FILENAME ~ /times$/ { processor = 60 * ($1 + $3) + $2 + $4; next }
        { passed += $1; failed += $2; skipped += $3 }
        END { printf "%-44s %6d passed %4d failed %4d skipped %5d s %5d s of a core\n", name,
                     passed, failed, skipped, seconds, processor }' "$logs/$1.times" "$TOTALS"
    grep -h '^skipped: ' "$log"
}

# the long ones first
suite $(sed -n 's/^SUITE(\(.*\))/\1/p' tests/support/suites.def)
part "format and lint" env JOBS=1 tests/support/lint.sh
part "fuzzing" env JOBS=1 SEED=1 SLOW=60 tests/fuzz/run.sh 60
part "what editors and shells are given" tests/cli/editors.sh
part "layout of models" tests/cli/fmt.sh
part "slips of users of Keras and PyTorch" tests/cli/slips.sh
part "races" tests/cli/races.sh
part "trackers" tests/trackers/trackers.sh
part "MLflow's server" tests/trackers/server.sh
part "losses against PyTorch's" tests/pytorch/stored.sh
part "faults of the system" tests/faults/faults.py --short
part "random trainers" tests/random/trainers.sh
part "whole models on several threads" tests/cli/threads.sh
both "trainers" tests/cli/trainer.sh {mode}
both "models" tests/cli/models.sh {mode}
part "zoo" tests/cli/zoo.sh
both "what a person sees" tests/cli/terminal.sh
both "report.html" tests/cli/report.sh
both "lets and sweeps" tests/cli/sweep.sh
both "losses of several terms" tests/cli/losses.sh
both "predictions" tests/cli/predictions.sh
both "rows that arrive" tests/cli/arriving.sh
part "weights in PyTorch" tests/cli/interchange.sh
both "folders of runs" tests/cli/runs.sh
both "what folders keep" tests/cli/folders.sh
both "what a run has learnt" tests/cli/contract.sh
both "the command line" tests/cli/command_line.sh
both "words" tests/cli/words.sh {mode}
both "tables" tests/cli/tables.sh
both "wrong programs, dumps, generated C" tests/golden/check.sh
part "netc under valgrind" tests/compiler/valgrind.sh
part "netc's own memory" tests/compiler/growth.sh
part "make bench" tests/bench/check.sh
part "downloads" tests/cli/get_data.sh
part "packages that are missing" tests/cli/packages.sh

rm -rf "$logs"
mkdir -p "$logs"
for i in "${!names[@]}"; do
    : >"$logs/$i.totals"
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    run "$i" &
done
wait

for i in "${!names[@]}"; do
    if awk '{ failed += $2 } END { exit !failed }' "$logs/$i.totals"; then
        echo "==== ${names[$i]}, $logs/$i.log"
        grep -E -A 20 '^FAILED: |:[FE]:' "$logs/$i.log" | head -n 60
    fi
done
awk -F '[ ms]+' -v seconds=$SECONDS '
    FILENAME ~ /times$/ { if (FNR == 2) processor += 60 * ($1 + $3) + $2 + $4; next }
    { passed += $1; failed += $2; skipped += $3 }
    END { printf "%d passed, %d failed, %d skipped; %d s, %d s of a core\n", passed, failed,
                 skipped, seconds, processor
          exit failed > 0 || passed == 0 }' "$logs"/*.times "$logs"/*.totals
