# shell.sh -- what the test scripts share: counting, and a scratch folder that goes away.
# Sourced with NETC set to the netc under test.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
netc=$(realpath "${NETC:-$root/build/netc}")
if [ ! -x "$netc" ]; then
    echo "there is no netc at $netc: run make first" >&2
    exit 1
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)); }
skip() { skipped=$((skipped + 1)); echo "skipped: $1"; }
fail() {
    failed=$((failed + 1))
    echo "FAILED: $1"
    [ $# -lt 2 ] || head -n 20 "$2"
}

# check NAME COMMAND...: the command succeeds; what it printed is shown only if it does not.
check() {
    local name=$1
    shift
    if "$@" >"$scratch/check.log" 2>&1; then pass; else fail "$name" "$scratch/check.log"; fi
}

# exits NAME CODE PATTERN COMMAND...: the command exits with CODE and says PATTERN on stderr.
exits() {
    local name=$1 code=$2 pattern=$3 got=0
    shift 3
    "$@" >"$scratch/check.out" 2>"$scratch/check.log" || got=$?
    if [ "$got" = "$code" ] && grep -qe "$pattern" "$scratch/check.log"; then
        pass
    else
        echo "(exit $got, wanted $code and \"$pattern\")" >>"$scratch/check.log"
        fail "$name" "$scratch/check.log"
    fi
}

# build NAME PATH [OPTIONS]: compiles a model to the program NAME.
build() {
    local name=$1 path=$2
    shift 2
    check "netc $path $*" "$netc" "$path" -o "$name" "$@"
}

# final RUN PART METRIC: a number of a run's run.json.
final() {
    tr -d ' \n' <"$1/run.json" |
        sed -n 's/.*"final":{.*"'"$2"'":{[^}]*"'"$3"'":\([^,}]*\)[,}].*/\1/p'
}

# holds NAME NUMBER OPERATOR LIMIT: compares two numbers.
holds() {
    if awk -v x="$2" -v limit="$4" "BEGIN { exit !(x != \"\" && x + 0 $3 limit + 0) }"; then
        pass
    else
        fail "$1: $2, wanted $3 $4"
    fi
}

# Prints the totals, hands them to run.sh, and is the script's exit status.
finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ -z "${TOTALS:-}" ] || echo "$passed $failed $skipped" >>"$TOTALS"
    [ "$failed" = 0 ]
}
