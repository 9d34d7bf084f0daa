#!/usr/bin/env bash
# random.sh -- COUNT random networks from SEED on (random.c), shared out among the processors, each
# 20th of them as a whole trainer too (trainers.sh), and a table. What fails is kept in
# BUILD/random: the network, and what was said. Called by `make random`.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "${BUILD:-build}")
export build COUNT=${COUNT:-1000} SEED=${SEED:-1} NETC=$build/netc CK_TIMEOUT_MULTIPLIER=5
export kept=$build/random
rm -rf "$kept"
mkdir -p "$kept"
began=$SECONDS

# 20 networks from seed $1 on, or those that are left: a line of the table
part() {
    local seed=$1 left=$((SEED + COUNT - $1)) count=20 log=$kept/$1.log
    [ "$left" -ge 20 ] || count=$left
    SEED=$seed COUNT=$count CK_RUN_SUITE=random "$build/check_all" >"$log" 2>&1
    TOTALS=/dev/null tests/random/trainers.sh "$seed" 1 >>"$log" 2>&1 ||
        echo "trainer $seed" >>"$log"
    awk -v seed="$seed" -v last=$((seed + count - 1)) '
        /Checks: / { gsub(/[^0-9 ]/, ""); networks = $2; failed = $3 + $4 }
        /^trainer / { trainers = 1 }
        END { printf "%6d to %6d %9d %7d %9d\n", seed, last, networks, failed, trainers }' "$log"
    if grep -qE ' 0, Errors: 0$' "$log" && ! grep -q '^trainer ' "$log"; then rm "$log"; fi
}
export -f part

echo "         seeds  networks  failed  trainers failed"
seq "$SEED" 20 $((SEED + COUNT - 1)) | nice xargs -P "$(nproc)" -I{} bash -c 'part {}' |
    tee "$kept/table" | sort -n
awk -v seconds=$((SECONDS - began)) '{ networks += $4; failed += $5; trainers += $6; parts++ }
    END { printf "%d networks, %d failed; %d trainers, %d failed; %d s\n", networks, failed, parts,
                 trainers, seconds
          exit failed + trainers > 0 || networks == 0 }' "$kept/table"
