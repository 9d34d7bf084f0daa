#!/usr/bin/env bash
# run.sh [PATTERN] -- every test, in the plain build and in the sanitized one: a row a part as it
# ends, then what failed, and the totals. As many parts run at once as there are cores. Called by
# `make test`, which made both builds; with PATTERN, the parts whose names match it.
# LONG: all of it (make test-long); without, what CONTRIBUTING.md lists waits for that.
# BUILD: the plain build's folder; in its subfolders, asan: the other build, log: the parts' logs.
set -uo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "${BUILD:-build}") pattern=${1:-.}
logs=$build/log
export CK_DEFAULT_TIMEOUT=300 CK_TIMEOUT_MULTIPLIER=5 CK_VERBOSITY=${CK_VERBOSITY:-normal}
export XDG_CACHE_HOME=$build/cache      # of precompiled headers
export ASAN_OPTIONS=detect_leaks=0      # the compiler's arena is never freed
export BUILD=$build NETC=$build/netc
mode=${LONG:+all} mode=${mode:-quick}
[ -n "${LONG:-}" ] || export QUICK=1    # of the damages that readers are given, sanitized

names=() commands=() first=() second=() # of those two, the numbers of the parts by turn
limit=1800                              # seconds for a part, which has failed when it is ended

# part NAME COMMAND...
part() {
    [[ $1 =~ $pattern ]] || return 0
    declare -n turn=${turn:-first}
    turn+=(${#names[@]})
    names+=("$1")
    shift
    commands+=("$(printf '%q ' timeout -k 10 $limit "$@")")
}

# both NAME COMMAND...: in both builds, in the sanitized one after all of the plain one, whose
# objects are there then; {} is the build's folder, {mode} all, or, sanitized, quick, unless LONG is
# set.
both() {
    local name=$1 words
    shift
    words=("${@//\{\}/$build}")
    part "$name" env NETC="$build/netc" "${words[@]//\{mode\}/all}"
    words=("${@//\{\}/$build/asan}")
    turn=second part "$name, sanitized" env NETC="$build/asan/netc" $light \
        "${words[@]//\{mode\}/$mode}"
}

# What the sanitizers look at in scripts: the runtime and netc, and, where the scripts say so or
# LONG is set, the generated C, which then takes clang five times as long. tests/support/bin/clang
# stands before clang for this, and compiles no unit twice.
CLANG=$(for c in clang clang-{14..19}; do command -v "$c" && break; done)
export CLANG OBJECTS=$logs/objects PATH=$PWD/tests/support/bin:$PATH
light= lighter=
[ -n "${LONG:-}" ] || lighter="LIGHT=1 XDG_CACHE_HOME=$build/cache/light"

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
        [ $status != 124 ] || echo "FAILED: ${names[$1]} was not done in $limit s" >>"$log"
        [ $status = 124 ] || echo "FAILED: ${names[$1]} ended with $status" >>"$log"
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
both "words" tests/cli/words.sh {mode}
light=$lighter
both "trainers" tests/cli/trainer.sh {mode}
part "losses against PyTorch's" tests/pytorch/stored.sh "$mode"
part "fuzzing" env JOBS=1 SEED=1 SLOW=60 tests/fuzz/run.sh 45
part "models" tests/cli/models.sh "$mode"
part "models, sanitized" env NETC="$build/asan/netc" tests/cli/models.sh totals
suite kernels pool random
part "races" tests/cli/races.sh
suite readers
both "report.html" tests/cli/report.sh
both "folders of runs" tests/cli/runs.sh
both "the command line" tests/cli/command_line.sh
both "what a run has learnt" tests/cli/contract.sh
both "fine-tuning" tests/cli/finetune.sh {mode}
both "lets and sweeps" tests/cli/sweep.sh
both "shards" tests/cli/ranks.sh
both "losses of several terms" tests/cli/losses.sh
both "adversarial networks" tests/cli/gan.sh
part "faults of the system" tests/faults/faults.py --short
part "trackers" tests/trackers/trackers.sh
part "netc under valgrind" tests/compiler/valgrind.sh
both "tables" tests/cli/tables.sh
both "series" tests/cli/series.sh
both "texts" tests/cli/texts.sh
both "pictures from files" tests/cli/images.sh
part "whole models on several threads" tests/cli/threads.sh
both "what a person sees" tests/cli/terminal.sh
suite $(sed -n 's/^SUITE(\(.*\))/\1/p' tests/support/suites.def |
    grep -vxE 'kernels|pool|random|readers')
part "format and lint" env JOBS=1 tests/support/lint.sh "$mode"
part "what editors and shells are given" tests/cli/editors.sh
part "layout of models" tests/cli/fmt.sh
part "slips of users of Keras and PyTorch" tests/cli/slips.sh
part "MLflow's server" tests/trackers/server.sh
part "random trainers" tests/random/trainers.sh
part "zoo" tests/cli/zoo.sh
both "predictions" tests/cli/predictions.sh
both "rows that arrive" tests/cli/arriving.sh
part "weights in PyTorch" tests/cli/interchange.sh
part "ONNX" tests/cli/onnx.sh
part "C libraries" tests/cli/library.sh
part "C libraries of raw rows" tests/cli/library_raw.sh
both "what folders keep" tests/cli/folders.sh
both "wrong programs, dumps, generated C" tests/golden/check.sh
part "netc's own memory" tests/compiler/growth.sh
part "make bench" tests/bench/check.sh
part "the page" tests/cli/demo.sh
part "downloads" tests/cli/get_data.sh
part "packages that are missing" tests/cli/packages.sh

rm -rf "$logs"
mkdir -p "$OBJECTS" "$build/cache/light"
for i in "${first[@]}" "${second[@]}"; do
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
rm -rf "$OBJECTS"
awk -F '[ ms]+' -v seconds=$SECONDS '
    FILENAME ~ /times$/ { if (FNR == 2) processor += 60 * ($1 + $3) + $2 + $4; next }
    { passed += $1; failed += $2; skipped += $3 }
    END { printf "%d passed, %d failed, %d skipped; %d s, %d s of a core\n", passed, failed,
                 skipped, seconds, processor
          exit failed > 0 || passed == 0 }' "$logs"/*.times "$logs"/*.totals
