#!/usr/bin/env bash
# command_line.sh -- netc itself: wrong usage, faults, signals while clang runs, and what stays
# whole then.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
models=$root/models

check "netc --version" "$netc" --version
check "netc --help" "$netc" --help
check "netc --language" bash -c '"$1" --language | grep -q "^  nadam(lr=2e-3, "' - "$netc"
exits "no model" 2 "usage" "$netc"
echo 1,2 >rows.csv
exits "a trainer over data" 2 "rows.csv is there and no program, which would be lost" \
    "$netc" "$models/digits.net" -o rows.csv
check "the data are whole" grep -qx 1,2 rows.csv
exits "a summary to a stdout that is closed" 1 "cannot write" \
    sh -c '"$1" "$2" --summary >&-' - "$netc" "$models/digits.net"
exits "unknown option" 2 "did you mean \`--summary\`" "$netc" "$models/digits.net" --sumary
exits "unknown target" 2 "--target" "$netc" "$models/digits.net" --target=avx1024
exits "batch out of range" 2 "--batch" "$netc" "$models/digits.net" --batch 0
exits "unknown precision" 2 "there are float32, bfloat16" \
    "$netc" "$models/digits.net" --precision fp16
exits "a library of bfloat16" 2 "a library computes in float32" \
    "$netc" "$models/digits.net" --library -o lib --precision bfloat16
check "a trainer of bfloat16" "$netc" "$models/xor_split.net" --precision bfloat16 -o half
check "config says so" bash -c './half config | grep -Eq "^precision +bfloat16 "'
exits "its gradcheck" 2 "compile with netc --precision float32" ./half gradcheck
rm half
exits "define without a value" 2 "NAME=VALUE" "$netc" "$models/digits.net" --define width
exits "define of an unknown let" 1 "error" "$netc" "$models/digits.net" --define width=3
exits "a define twice" 2 "given twice" "$netc" "$models/digits.net" --define a=4 --define a=5
exits "no such model" 1 "error" "$netc" nowhere.net
exits "no such clang" 2 "no program" "$netc" "$models/xor_split.net" --cc /nowhere/clang
exits "output in no folder" 1 "cannot write" "$netc" "$models/xor_split.net" -o nowhere/x
exits "output is a folder" 2 "folder" "$netc" "$models/xor_split.net" -o "$scratch"
check "no temporary folder is needed" env TMPDIR=/nowhere "$netc" "$models/xor_split.net" -o here
exits "a trainer over the limit" 1 "clang cannot write in .*: File too large" \
    bash -c "ulimit -f 200; '$netc' '$models/xor_split.net' -o unwritten 2>&1 | cat >&2
        exit \${PIPESTATUS[0]}"
printf '#!/bin/sh\nexit 1\n' >failing_cc && chmod +x failing_cc
exits "--cc fails" 3 "./failing_cc. of --cc made no trainer .* clang 14 to 19" \
    "$netc" "$models/xor_split.net" --cc ./failing_cc --target generic -o unwritten
if (ulimit -v 1000000 && "$netc" --version) >/dev/null 2>&1; then # not with a sanitizer's memory
    exits "--cc has little memory" 3 "failing_cc failed with 976 MB of memory, all" \
        bash -c "ulimit -v 1000000; '$netc' '$models/xor_split.net' --cc ./failing_cc -o unwritten"
fi
printf '#!/bin/sh\nkill -KILL $$\n' >killed_cc && chmod +x killed_cc
exits "--cc is killed" 3 "./killed_cc was ended by signal 9 .*; is memory short" \
    "$netc" "$models/xor_split.net" --cc ./killed_cc --target generic -o unwritten
for cc in true "" .; do
    exits "--cc '$cc'" "$([ "$cc" = true ] && echo 3 || echo 2)" "--cc" \
        "$netc" "$models/xor_split.net" --cc "$cc" --target generic -o unwritten
done
mkdir path && ln -s ../failing_cc path/clang
exits "clang fails" 3 "clang failed on the generated C .* please report it" \
    env PATH="$PWD/path:$PATH" "$netc" "$models/xor_split.net" --target generic -o unwritten
check "nothing is left of these" [ "$(echo unwritten*)" = "unwritten*" ]
if [ -c /dev/full ]; then
    exits "help on a full disk" 1 "No space" bash -c "'$netc' --help >/dev/full"
fi
printf 'network n(x) { x -> dense(2 }\n' >broken.net
exits "fault in a model" 1 "error" "$netc" broken.net -o broken
if [ -e broken ] || ls -- *.netc-part >/dev/null 2>&1; then
    fail "an output after an error"
else
    pass
fi
check "--define" "$netc" "$models/residual_digits.net" --define activation=silu --check

# a signal while clang runs: nothing half-written is left
cat >slow_cc <<'END'
#!/bin/sh
while [ "$1" != -o ]; do shift; done
: >"$2"
echo $$ >started
exec sleep 60
END
chmod +x slow_cc
for signal in INT TERM HUP; do
    rm -f started
    env --default-signal="$signal" "$netc" "$models/xor_split.net" --cc ./slow_cc \
        --target generic -o slow >slow.log 2>&1 &
    for _ in $(seq 200); do
        [ ! -e started ] || break
        sleep 0.05
    done
    kill -s "$signal" $!
    status=0
    { wait $! || status=$?; } 2>"$scratch/check.log"
    [ $status = $((128 + $(kill -l "$signal"))) ] || fail "SIG$signal behind clang: exit $status"
    if ls slow slow.* 2>/dev/null | grep -qv '^slow.log$' || [ -s slow.log ]; then
        fail "SIG$signal behind clang: $(ls slow*)" slow.log
    else
        pass
    fi
done

# names that begin with a dash are no options of clang's; "--" ends netc's own
cp "$models/xor_split.net" ./-m.net
check "a model ./-m.net" "$netc" ./-m.net
check "its trainer" ./-m summary
check "-o -x --keep" "$netc" ./-m.net -o -x --keep
check "-x and -x.c" [ -x ./-x -a -s ./-x.c ]
check "-- -m.net" "$netc" -o dashed -- -m.net
exits "an option after --" 2 "one model at a time" "$netc" -- -m.net --check

# a descriptor that is closed is not given to a file, which would get what is printed
check "the generated C" "$netc" "$models/xor_split.net" --emit-c -o open.c
cp "$models/xor_split.net" plain.txt
check "a model by another name" bash -c '"$1" plain.txt --emit-c -o plain.c &&
    grep -q "source = \"plain.txt\"" plain.c' - "$netc"
check "without stdout and stderr" sh -c '"$1" "$2" --emit-c -v -o closed.c >&- 2>&-' - "$netc" \
    "$models/xor_split.net"
check "the same C" cmp open.c closed.c

# netc is killed while clang runs: clang dies, and nothing is left, now or after the next build
for way in alone group; do
    rm -f started
    setsid "$netc" "$models/xor_split.net" --cc ./slow_cc --target generic -o slow >slow.log 2>&1 &
    for _ in $(seq 200); do
        [ ! -s started ] || break
        sleep 0.05
    done
    compiler=$(cat started)
    if [ $way = alone ]; then kill -KILL $!; else kill -KILL -$!; fi
    { wait $!; } 2>/dev/null
    for _ in $(seq 100); do
        [ -e /proc/"$compiler" ] || ls -d slow.*.netc-part >/dev/null 2>&1 || break
        sleep 0.05
    done
    check "killed ($way): clang dies" [ ! -e /proc/"$compiler" ]
    check "killed ($way): nothing is left" [ "$(echo slow*)" = "slow.log slow_cc" ]
done
mkdir slow.1.netc-part && : >slow.1.netc-part/0.c
check "a build behind one that left a folder" "$netc" "$models/xor_split.net" -o slow
check "it is gone" [ ! -e slow.1.netc-part ]
rm slow

# the precompiled header: made once, renewed when clang does not take it, done without; no object is
# at hand that was made before
build() { # build CACHE FILE
    OBJECTS=$(mktemp -d -p "$scratch") XDG_CACHE_HOME=$1 \
        "$netc" -v "$models/xor_split.net" -o "$2" 2>"$2.log"
}
check "a first build" build "$scratch/cache" first
header=$(echo cache/netc/*)
check "one precompiled header" [ -s "$header" ]
check "a second build" build "$scratch/cache" second
check "it is used" grep -q include-pch second.log
check "it is not made again" bash -c '! grep -q c-header second.log'
touch -d @1 "$header"
check "an older build" build "$scratch/cache" older
check "one that is older than a header is made again" grep -q c-header older.log
echo rubbish >"$header"
check "a header that does not fit" build "$scratch/cache" third
check "it goes away" [ ! -e "$header" ]
check "a fourth build" build "$scratch/cache" fourth
check "it is made again" [ -s "$header" -a "$(grep -c c-header fourth.log)" = 1 ]
: >no_folder
check "no cache" build "$scratch/no_folder" fifth
check "no precompiled header" bash -c '! grep -q include-pch fifth.log'
for other in second third fourth fifth; do
    if grep -q __asan_init first; then # it holds the names of its units, each of its own process
        check "a trainer, $other" "./$other" summary
    else
        check "the same trainer, $other" cmp first "$other"
    fi
done

# a model without .net behind its name is not written over
cp "$models/xor_split.net" model.txt
exits "output is the model" 2 "give -o" "$netc" model.txt
exits "-o is the model" 2 "model itself" "$netc" model.txt -o ./model.txt
cp model.txt kept.c
exits "the kept C is the model" 2 "give -o" "$netc" kept.c --keep -o kept
check "the models are whole" cmp model.txt kept.c
check "the model is whole" cmp model.txt "$models/xor_split.net"
: >linked.c && ln -s linked.c link.c
check "output is a link" "$netc" "$models/xor_split.net" --emit-c -o link.c
check "a link stays one" [ -L link.c -a -s linked.c ]

finish
