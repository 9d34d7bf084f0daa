#!/usr/bin/env bash
# house.sh -- are files and functions short, do files refer to each other in one direction, does a
# stage include only what is before it (docs/architecture.md), is what a header offers used, and is
# no register tile passed a struct by value? Prints the longest, and each fault.
# BUILD: where `make tests` built: its objects say who refers to whom.
#
#     house.sh [N]        with the N longest files and functions
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
most_of_file=500 most_of_function=60 most_of_emitters=1600

# What may be longer: the pipeline; what may refer to each other: an interpreter's eval and apply.
long_functions="compiler/main.c:compile"
circle="compiler/semantics/call compiler/semantics/expression compiler/semantics/network"
# tables of a line a row, whose columns are compared
wide_tables="compiler/graph/ops.def compiler/passes/kernels.def compiler/passes/algorithms.def"

symbols=$(mktemp)
trap 'rm -f "$symbols" "$symbols.once"' EXIT

sources() { git ls-files '*.[chyl]' '*.sh' '*.py' '*.def' ':!generated'; }

# LINES FILE:FUNCTION of every function: from the line of its name to its last brace
functions() {
    git ls-files '*.[ch]' ':!generated' | xargs awk '
        FNR == 1 { head = start = 0 }
        /^[A-Za-z_]/ && !head { head = FNR; name = $0 }
        /^\{$/ && head { start = head }
        /^}$/ && start { sub(/^START_TEST\(/, "", name); sub(/[()].*/, "", name)
                         sub(/.*[ *]/, "", name)
                         print FNR - start + 1, FILENAME ":" name }
        /^}/ { start = 0 }
        !start && (/^$|^#|;$|\*\/$|^}/) { head = 0 }'
}

# OBJECT SYMBOL KIND of all object files, into $symbols; a line for each that is not its source's.
# Those of tests/fuzz and tests/faults are built elsewhere.
read_symbols() {
    local source object objects=("$build/lexer.o" "$build/parser.o")
    while read -r source; do
        object=$build/${source%c}o
        [ -e "$object" ] || object=$build/generic/${source%c}o
        [ -e "$object" ] || { echo "$source has none" && continue; }
        [ ! "$source" -nt "$object" ] || echo "$object is older than its source"
        objects+=("$object")
    done < <(git ls-files '*.c' ':!generated' ':!tests/fuzz' ':!tests/faults')
    nm -A -P "${objects[@]}" | sed "s,^$build/\(generic/\)\?,,; s,\.o: , ," >"$symbols"
}

# CALLER CALLED of every pair of object files, by the names they define and want
references() {
    awk '$3 ~ /[TDRBC]/ { if (owner[$2] == "") owner[$2] = $1 }
         $3 == "U" { from[n] = $1; wanted[n++] = $2 }
         END { for (i = 0; i < n; i++)
                   if (wanted[i] in owner && owner[wanted[i]] != from[i])
                       print from[i], owner[wanted[i]] }' "$symbols" | sort -u
}

# What one file alone uses and does not keep to itself. libc calls main, __dcgettext and what
# unwinds, rows of language.def name metrics, and fuzzing and generated code use what no object
# wants.
needless_names() {
    awk -v called='^(main|__dcgettext|__gcc_personality_v0|_Unwind_.*|net_metric_.*)$' '
         $3 ~ /[TDRBC]/ && $1 ~ /^(compiler|runtime)\// { owner[$2] = $1 }
         $3 == "U" { wanted[$2] }
         END { for (name in owner)
                   if (!(name in wanted) && name !~ called)
                       print owner[name] ".c", name }' "$symbols" | sort |
        while read -r file name; do
            git grep -qw "$name" -- tests/fuzz tests/faults runtime/kernels generated \
                compiler/emit ||
                echo "$file: $name"
        done
}

# Functions of the kernels' headers that stand once in the whole tree.
unused_templates() {
    git ls-files '*.[chyl]' '*.def' | xargs cat | grep -oE '[A-Za-z_][A-Za-z_0-9]*' | sort |
        uniq -u >"$symbols.once"
    sed -nE 's/^(NET_INLINE|NET_TILE|static inline) .*[ *]([a-z_0-9]+)\(.*/\2/p' \
        runtime/kernels/*.h | sort -u | comm -12 - "$symbols.once"
}

# What generated code instantiates, and no test calls with literals of its own.
untested_templates() {
    sed -nE 's/^NET_TEMPLATE .*[ *]([a-z_0-9]+)\(.*/\1/p' runtime/kernels/*.h | sort -u |
        comm -23 - <(git ls-files 'tests/kernels/*.c' | xargs cat | grep -oE 'net_[a-z_0-9]+' |
            sort -u)
}

# FILE INCLUDED of every header and table of the tree
includes() {
    git grep -nE '^# *include "' -- 'compiler/*.[chyl]' 'compiler/*.def' 'runtime/*.[ch]' \
        'runtime/*.def' |
        sed -E 's,^([^:]*):[0-9]*:.*"([^"]*)".*,\1 \2,'
}

# Each circle of the pairs of stdin on a line, but the circle $1. First goes what nobody refers to,
# and what refers to nobody; of the few that are left each looks how far it gets.
circles() {
    awk -v but="${1:-}" '
        function walk(start, at,   i) {
            reached[start, at]
            for (i in from)
                if (from[i] == at && !((start, to[i]) in reached)) walk(start, to[i])
        }
        { from[NR] = $1; to[NR] = $2 }
        END {
            do {
                changed = 0
                split("", calls); split("", called)
                for (i in from) { calls[from[i]]; called[to[i]] }
                for (i in from)
                    if (!(from[i] in called) || !(to[i] in calls)) {
                        delete from[i]; delete to[i]; changed = 1
                    }
            } while (changed)
            for (name in calls) walk(name, name)
            for (a in calls) {
                if (a in told) continue
                line = ""
                for (b in calls)
                    if ((a, b) in reached && (b, a) in reached) { told[b]; line = line " " b }
                if (split(line, names) > 1) {
                    new = 0
                    for (i in names) new += index(but, names[i]) == 0
                    if (new) print substr(line, 2)
                }
            }
        }' | sort
}

# FOLDER INCLUDED ... of each row of the tables of folders in docs/architecture.md, whose last
# column says what a folder may include, besides its own headers; what is in brackets is no name.
allowed_includes() {
    awk -F'|' '
        /^##/ { top = /^### (compiler|runtime)\/$/ ? substr($0, 5) : "" }
        top && (/^\| `/ || /^\| \(the folder itself\)/) {
            folder = $2; list = $(NF - 1)
            gsub(/[ `]|\/ *$|\(.*/, "", folder); sub(/\/$/, "", folder)
            gsub(/\([^)]*\)|,/, " ", list)
            folder = top folder; sub(/\/$/, "", folder)
            print folder, list
        }' docs/architecture.md
}

wrong_includes() {
    { allowed_includes && echo && includes; } | awk '
        !NF { rows = NR; next }
        !rows {
            for (i = 2; i <= NF; i++) allowed[$1, $i]
            known[$1]
            next
        }
        # of ops.def layers are the names of the activations
        $1 == "compiler/semantics/layers.def" && $2 == "graph/ops.def" { next }
        $2 == "language.def" || $2 == "netrt.h" || $2 == "parser.h" || $2 == "lexer.h" { next }
        {
            folder = $1; sub(/\/[^\/]*$/, "", folder)
            target = $2; if (!sub(/\/[^\/]*$/, "", target)) target = "compiler"
            own = folder; sub(/^(compiler|runtime)\//, "", own)
            if (!(folder in known)) print $1 ": a folder without a row in docs/architecture.md"
            else if (target != own && !((folder, target) in allowed)) print $1 " includes " $2
        }
        # by another folder only headers that are for others
        $2 ~ /^core\/core.h$/ && $1 ~ /^(compiler|runtime\/kernels)\// { print $1 " includes " $2 }'
}

# A register tile is called: a struct by value would be stored at each call, and read back before
# its stores are done.
tiles_of_structs() {
    awk '
        /NET_TILE (void|vec) / { head = FILENAME ":" FNR; text = "" }
        head { text = text $0 }
        head && /\)/ { if (text ~ /struct [a-z_]+ [a-z_]+[,)]/) print head; head = "" }' \
        runtime/kernels/*.h
}

# FILE:LINE
wide_lines() {
    sources | grep -vxF "${wide_tables// /$'\n'}" | xargs awk '
        length > 100 { print FILENAME ":" FNR }'
}

# FILE, its lines and how many it may have: what a visitor reads of generated C
long_generated() {
    (cd generated && wc -l mnist_dense.c xor_concat.c digits.c) | awk '
        BEGIN { most["mnist_dense.c"] = 650; most["xor_concat.c"] = 300; most["digits.c"] = 800 }
        $2 in most && $1 > most[$2] { print $2, $1 ", at most", most[$2] }'
}

# The lines of the files that write kernels, together, where there are more than $1
long_emitters() {
    { echo compiler/emit/apply.c && git grep -lE '^void emit_.*\(KernelCode' -- compiler/emit; } |
        xargs cat | wc -l | awk -v most="$1" '$1 > most'
}

# LENGTH NAME of stdin: what is longer than $1, but for what $2 names
longer() {
    awk -v most="$1" -v but="${2:-}" '$1 > most && index(but, $2) == 0'
}

faults=0
# check NAME COMMAND ...: a fault for each line that it prints, and one where it fails itself
check() {
    local name=$1 lines
    shift
    lines=$("$@") || lines+=$'\n'"this check failed itself"
    while read -r line; do
        [ -n "$line" ] || continue
        echo "  $name: $line"
        faults=$((faults + 1))
    done <<<"$lines"
}

file_circles() { references | circles "$circle"; }
header_circles() { includes | sed -E 's,^(compiler|runtime)/,,' | circles; }

files_by_length=$(sources | grep -v '^tests/golden/' | xargs wc -l |
    awk '$2 != "total" { print $1, $2 }' | sort -rn)
functions_by_length=$(functions | sort -rn)
if [ $# -gt 0 ]; then
    echo "the longest files:" && head -n "$1" <<<"$files_by_length"
    echo "the longest functions:" && head -n "$1" <<<"$functions_by_length"
fi
check "objects: make tests" read_symbols
check "more than $most_of_file lines" longer "$most_of_file" <<<"$files_by_length"
check "more than $most_of_function lines" longer "$most_of_function" "$long_functions" \
    <<<"$functions_by_length"
check "more than 100 columns" wide_lines
check "generated C of so many lines" long_generated
check "more than $most_of_emitters lines of emitters" long_emitters "$most_of_emitters"
check "files that refer to each other" file_circles
check "used in its own file alone, where it is to be static" needless_names
check "used nowhere" unused_templates
check "a template that no test calls" untested_templates
check "headers that include each other" header_circles
check "a stage that sees too much" wrong_includes
check "a tile that is passed a struct by value" tiles_of_structs
[ "$faults" = 0 ]
