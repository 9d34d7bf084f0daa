#!/usr/bin/env bash
# check.sh -- text that must stay as it is: the messages for wrong programs (tests/golden/errors)
# and odd ones (tests/golden/warnings), what the stages print (tests/golden/passes), generated C
# (generated/). UPDATE=1 rewrites what is expected.
set -uo pipefail
shopt -s nullglob
. "$(dirname "$0")/../support/shell.sh"

# same NAME GOT EXPECTED: compares two files, or puts the first in the place of the second.
same() {
    if [ -n "${UPDATE:-}" ]; then
        cp "$2" "$3"
        pass
    elif diff -u "$3" "$2" >"$scratch/diff" 2>&1; then
        pass
    else
        fail "$1" "$scratch/diff"
    fi
}

# Wrong programs: the whole of stderr, and exit status 1; with warnings alone it is 0.
for folder in errors warnings; do
    cd "$root/tests/golden/$folder"
    wanted=$([ $folder = errors ]; echo $((1 - $?)))
    for model in *.net; do
        status=0
        "$netc" --check "$model" >"$scratch/out" 2>"$scratch/err" || status=$?
        [ "$status" = "$wanted" ] ||
            fail "$folder/$model: exit status $status, wanted $wanted" "$scratch/err"
        [ ! -s "$scratch/out" ] || fail "$folder/$model: wrote to stdout" "$scratch/out"
        same "$folder/$model" "$scratch/err" "${model%.net}.expected"
    done
done

# Every model parses, and a file that is only grammar.
cd "$root"
for model in models/*.net tests/golden/parse/*.net; do
    check "$model parses" "$netc" --dump=ast "$model"
done

# passes/MODEL.STAGE is `netc --dump=STAGE` of the MODEL.net beside it, or else of models/MODEL.net.
for expected in tests/golden/passes/*; do
    name=${expected##*/}
    [ "${name##*.}" != net ] || continue
    model=tests/golden/passes/${name%.*}.net
    [ -f "$model" ] || model=models/${name%.*}.net
    if "$netc" --target avx512 --dump="${name##*.}" "$model" >"$scratch/out" 2>"$scratch/err"; then
        same "passes/$name" "$scratch/out" "$expected"
    else
        fail "passes/$name" "$scratch/err"
    fi
done

# Generated C: the same to the byte, twice, and without a warning.
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion -Werror"
cc=
for c in clang clang-14 clang-15 clang-16 clang-17 clang-18 clang-19; do
    if command -v $c >/dev/null; then cc=$c && break; fi
done
for expected in generated/*.c; do
    name=$(basename "$expected" .c)
    for run in 1 2; do
        (cd models && "$netc" --target avx512 --emit-c "$name.net" -o "$scratch/$name.$run.c") \
            2>"$scratch/err" || fail "generated/$name.c" "$scratch/err"
    done
    check "generated/$name.c: two runs" cmp "$scratch/$name.1.c" "$scratch/$name.2.c"
    same "generated/$name.c" "$scratch/$name.1.c" "$expected"
    check "generated/$name.c: no factor of 1, no term of 0" \
        sh -c '! grep -nE "[^/][*/%] 1[ ;),]|[+-] 0[ ;),]|\(void\)" "$1"' sh "$scratch/$name.1.c"
    # shellcheck disable=SC2086
    check "generated/$name.c: warnings" $cc -std=c11 $warnings -march=x86-64-v4 -O1 -c \
        -Iruntime "$scratch/$name.1.c" -o "$scratch/$name.o"
done

finish
