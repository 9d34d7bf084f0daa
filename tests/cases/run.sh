#!/usr/bin/env bash
# run.sh [FOLDER] -- cases that were wrong once, which lie in FOLDER (or NETC_CASES): a table of
# what each is now. A case is a folder with a run.sh, which ends with 0 where it is right. What is
# right of a folder without one, a network and its rows, NAME.py beside this script says; of the
# scripts of faults/, which only print what happened, a function here. NETC, PYTHON (with numpy):
# what to run.
# ONLY: a pattern of names. Exits 1 where one is wrong.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cases=$(realpath "${1:-${NETC_CASES:?run.sh FOLDER}}")
export PYTHON=${PYTHON:-python3} NETC
NETC=$(realpath "${NETC:-$here/../../build/netc}")
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
wrong=0 count=0

# Each is given what was printed.
fault_2_closed_stderr() {
    [ "$(head -n 1 "$1")" = "exit 0" ] && [ "$(sed -n '2,$p' "$1" | wc -l)" = 7 ] &&
        ! sed -n '2,$p' "$1" | grep -qvE '^(epoch,[a-z_,]*|[0-9][-0-9.e,]*)$'
}
fault_3_sigbus() { grep -q 'exit 1 message: .*x\.npy' "$1" && grep -q '"failed"' "$1"; }
fault_5_moved_folder() {
    grep -q 'first: exit 0' "$1" && ! grep -q differ "$1" && grep -q '"seed": 5' "$1" &&
        grep -qE '^ *3 r/' "$1" && grep -qE '^ *8001 moved/' "$1"
}
fault_8_json_slow() { grep -qE '^user\s+0m[01]\.' "$1"; }
fault_10_gzip_rubbish() { grep -qE '(error|warning): .*x\.npy\.gz' "$1"; }
fault_12_class_place() {
    grep -q 'exit 1' "$1" && grep -q 'error: .*p"q' "$1" && grep -qE '(row|line) [0-9]+' "$1"
}

# row NAME STATUS SECONDS
row() {
    local verdict=RIGHT
    [ "$2" = 0 ] || verdict=WRONG
    count=$((count + 1)) wrong=$((wrong + ($2 != 0)))
    printf '%-32s %-6s exit %3d %5d s\n' "$1" "$verdict" "$2" "$3"
    [ "$2" = 0 ] || sed 's/^/    /' "$logs/$count" | tail -n 12
}

# try NAME COMMAND...: with what it prints in the log of the next row
try() {
    local name=$1 began=$SECONDS status=0
    shift
    "$@" >"$logs/$((count + 1))" 2>&1 || status=$?
    if [[ $name == faults/* ]]; then
        name=${name%.sh} status=0
        "fault_${name#faults/}" "$logs/$((count + 1))" || status=1
    fi
    row "$name" "$status" $((SECONDS - began))
}

for case in "$cases"/*/; do
    name=$(basename "$case")
    [[ $name =~ ${ONLY:-.} ]] || continue
    if [ -e "$case/run.sh" ]; then
        try "$name" "$case/run.sh"
    elif [ -e "$here/$name.py" ]; then
        try "$name" "$PYTHON" "$here/$name.py" "$case"
    else
        for script in "$case"/[0-9]*.sh; do
            try "$name/$(basename "$script")" "$script"
        done
    fi
done
echo "$count cases, $((count - wrong)) right, $wrong wrong"
[ "$wrong" = 0 ] && [ "$count" != 0 ]
