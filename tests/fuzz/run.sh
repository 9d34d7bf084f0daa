#!/usr/bin/env bash
# run.sh -- builds the fuzz targets, with the compiler and the runtime under libFuzzer and the
# address and undefined-behaviour sanitizers, runs them side by side, and prints a table of what
# they did. Exits 1 where something was found: the input is then under BUILD/fuzz/found/TARGET.
#
#     run.sh SECONDS [TARGET...]      in all, divided between the targets
#
# BUILD: the folder of the build. JOBS: how many run at once. SEED: what is drawn, 0 for something
# new each time. SLOW: the seconds after which an input is a finding. What they learn is kept in
# BUILD/fuzz/corpus for the next time.
set -uo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
shift $(($# > 0))
here=tests/fuzz fuzz=$(realpath -m "${BUILD:-build}")/fuzz jobs=${JOBS:-$(nproc)} cc=${CC:-clang}
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(basename -s .c "$here"/targets/*.c)
sanitize="-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all"

export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0
export UBSAN_OPTIONS=print_stacktrace=1

count() { [ -z "${TOTALS:-}" ] || echo "$*" >>"$TOTALS"; }

mkdir -p "$fuzz/tmp"
if ! echo 'int LLVMFuzzerTestOneInput(const char *b, long n) { return b && n < 0; }' |
    "$cc" -fsanitize=fuzzer,address,undefined -x c -o "$fuzz/tmp/probe" - 2>/dev/null; then
    echo "skipped: $cc has no libFuzzer"
    count 0 0 "${#targets[@]}"
    exit 0
fi

# ---- build ---------------------------------------------------------------------------------------

build() {
    MAKEFLAGS= make -s --no-print-directory -j"$jobs" BUILD="$fuzz" CC="$cc" CFLAGS="-O1 -g1" "$@"
}

# the .net file of a target: the first that its text names
model_of() { grep -o 'models/[a-z]*\.net' "$here/targets/$1.c" | head -1; }

wrapped=(malloc calloc realloc aligned_alloc strdup realpath free mmap munmap open openat close
    fopen fdopen fclose gzopen gzclose_r opendir fdopendir closedir net_map_begins net_map_ends)

link() {
    local target=$1 model objects=("$fuzz/$here/targets/$1.o")
    model=$(model_of "$target")
    if [ "$target" = model ]; then
        mapfile -t -O 1 objects < <(find "$fuzz/compiler" -name '*.o' ! -name main.o)
        objects+=("$fuzz/lexer.o" "$fuzz/parser.o" "$fuzz/$here/mutate_model.o")
    else
        objects+=("$fuzz/$here/fuzz.o" "$fuzz/$here/data.o"
            "$fuzz/$here/${model:-models/tiny.net}.o")
    fi
    "$cc" -fsanitize=fuzzer,address,undefined -o "$fuzz/$target" "${objects[@]}" \
        $([ "$target" = model ] || printf -- '-Wl,--wrap=%s ' "${wrapped[@]}") \
        -Wl,--start-group "$fuzz/libnetrt.a" "$fuzz/libnetrt-generic.a" -Wl,--end-group \
        -pthread -lz -lm
}

build_all() {
    local model objects=("${targets[@]/%/.o}")
    build SANITIZE="$sanitize" "$fuzz/netc" "$fuzz/libnetrt.a" "$fuzz/libnetrt-generic.a" \
        "$fuzz/$here/"{fuzz,data,mutate_model}.o "${objects[@]/#/$fuzz/$here/targets/}" || return
    mkdir -p "$fuzz/$here/models"
    for model in "$here"/models/*.net; do
        "$fuzz/netc" --target generic --emit-c "$model" -o "$fuzz/$model.c" &&
            "$cc" -std=c11 -O1 -g1 -Iruntime -Dmain=run_trainer -c -o "$fuzz/$model.o" \
                "$fuzz/$model.c" || return
    done
    for target in "${targets[@]}"; do
        link "$target" || return
    done
}

# ---- run -----------------------------------------------------------------------------------------

# The words of the language for a dictionary, from the tables that say what they are.
words() {
    grep -ohE '^ *[A-Z_]+\([a-z0-9_]+|"[a-z0-9_]+"' runtime/language.def compiler/*/*.def |
        sed -E 's/.*\(//; s/"//g' | sort -u | sed 's/.*/"&"/'
}

# Of the compiler every .net file of the tree is an input to begin with.
gather_models() {
    local file
    rm -rf "$fuzz/models" && mkdir -p "$fuzz/models"
    for file in models/*.net tests/*/*.net tests/golden/*/*.net $here/models/*.net; do
        cp "$file" "$fuzz/models/${file//\//_}"
    done
}

# run TARGET TIME
run() {
    local target=$1 found=$fuzz/found/$1 dictionary=$here/dictionaries/$1.dict
    local folders=("$fuzz/corpus/$1") options=()
    rm -rf "$found"
    mkdir -p "$found" "${folders[0]}"
    [ ! -d "$here/corpus/$target" ] || folders+=("$here/corpus/$target")
    if [ "$target" = model ]; then
        words | cat "$dictionary" - >"$fuzz/model.dict"
        dictionary=$fuzz/model.dict
        folders+=("$fuzz/models")
    fi
    [ ! -e "$dictionary" ] || options=("-dict=$dictionary")
    TMPDIR=$fuzz/tmp nice "$fuzz/$target" "${options[@]}" -max_total_time="$2" \
        -seed="${SEED:-0}" -timeout="${SLOW:-5}" -rss_limit_mb=1024 -detect_leaks=0 \
        -close_fd_mask=3 -print_final_stats=1 -artifact_prefix="$found/" "${folders[@]}" \
        >"$fuzz/$target.log" 2>&1
}

row() {
    local found
    found=$(find "$fuzz/found/$1" -type f | wc -l)
    awk -v target="$1" -v found="$found" '
        { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1)
                                   else if ($i == "corp:") corpus = $(i + 1) }
        /stat::number_of_executed_units/ { executions = $2 }
        /stat::average_exec_per_sec/ { speed = $2 }
        /stat::peak_rss_mb/ { memory = $2 }
        END { sub(/\/.*/, "", corpus)
              printf "%-14s %10d %8d %7d %8d %6d %9d\n", target, executions, speed, edges, corpus,
                     memory, found }' "$fuzz/$1.log"
}

if ! build_all >"$fuzz/build.log" 2>&1; then
    grep -E 'error|undefined' "$fuzz/build.log" | head
    echo "fuzzing: the targets cannot be built: $fuzz/build.log"
    count 0 1 0
    exit 1
fi
each=$((seconds * jobs / ${#targets[@]}))
export -f run words
export here fuzz
rm -rf "${fuzz:?}/tmp" && mkdir -p "$fuzz/tmp"
gather_models
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -c "run {} $((each ? each : 1))"

passed=0 failed=0
echo "target         executions  a second   edges   corpus     MB  findings"
for target in "${targets[@]}"; do
    row "$target"
    if grep -q 'stat::number_of_executed_units' "$fuzz/$target.log" &&
        [ -z "$(ls "$fuzz/found/$target")" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $target: $fuzz/$target.log, $(find "$fuzz/found/$target" -type f)"
        grep -E 'ERROR|SUMMARY|runtime error' "$fuzz/$target.log" | head -3
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
count "$passed" "$failed" 0
[ "$failed" = 0 ]
