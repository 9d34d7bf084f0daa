#!/usr/bin/env bash
# races.sh -- trainers under ThreadSanitizer, the pool and the loader with them: a few steps on two
# and three threads, without a race; and one that lacks a barrier, which has one. Builds netc and
# the runtime for it in BUILD/tsan. Skipped where clang has no ThreadSanitizer.
set -uo pipefail
tests=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${BUILD:-$tests/../build}")
cc=${CC:-clang}
probe=$(mktemp)
if ! echo 'int main(void) { return 0; }' | "$cc" -fsanitize=thread -x c -o "$probe" - || ! "$probe"
then
    echo "skipped: $cc has no ThreadSanitizer that runs here"
    [ -z "${TOTALS:-}" ] || echo "0 0 1" >>"$TOTALS"
    rm -f "$probe"
    exit 0
fi
rm -f "$probe"
make -C "$tests/.." --no-print-directory -j2 BUILD="$build/tsan" SANITIZE=-fsanitize=thread \
    CFLAGS="-O1 -g1" all >"$build/tsan.log" 2>&1 || { tail "$build/tsan.log"; exit 1; }
NETC=$build/tsan/netc
# shellcheck source=tests/support/shell.sh
. "$tests/support/shell.sh"
cd "$scratch" || exit 1
# The older access of a race is named from a history: with the default one, a thread that other work
# kept from its core for long has none left, and the race is not told.
export TSAN_OPTIONS=halt_on_error=1:exitcode=66:history_size=7

# trains TRAINER THREADS: a few steps, validation and an evaluation
trains() {
    "./$1" train --max-steps 4 --threads "$2" --quiet --force --out "$1.run" &&
        "./$1" eval --weights "$1.run" --threads "$2"
}

for model in digits residual_digits branches_digits; do # of which the second meets in its layers
    sed -E 's/(digits\()[^)]*\)/\1rows=200)/' "$root/models/$model.net" >"$model.net"
    [ $model != residual_digits ] || sed -i 's/^train {/&\n    shards = 4/' "$model.net"
    build "$model" "$model.net"
    for threads in 2 3; do
        check "$model on $threads threads" trains "$model" "$threads"
    done
done

# lacks NUMBER: the trainer of digits without that barrier of its train step
lacks() {
    awk -v number="$1" '!/^ *barrier\(run, thread\);/ || ++count != number' digits.c >lacks.c &&
        # shellcheck disable=SC2086
        "$cc" -std=c11 -O1 -g -ffp-contract=off -pthread $march -fsanitize=thread \
            -I"$build/tsan/include" -o lacks lacks.c -Wl,--start-group "$build/tsan/libnetrt.a" \
            "$build/tsan/libnetrt-$isa.a" -Wl,--end-group -lz -lm
}

check "digits in C" "$netc" digits.net --emit-c -o digits.c
isa=$(sed -n 's/.*\.isa = "\([a-z0-9]*\)".*/\1/p' digits.c)
march=$(case $isa in avx512) echo -march=x86-64-v4 ;; avx2) echo -march=x86-64-v3 ;; esac)
for number in 1 2; do
    check "digits without barrier $number" lacks "$number"
    exits "barrier $number is missed" 66 "data race" ./lacks train --max-steps 3 --threads 3 \
        --quiet --force --out lacks.run
done
finish
