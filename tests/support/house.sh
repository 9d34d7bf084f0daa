#!/usr/bin/env bash
# house.sh -- are files and functions short, do files refer to each other in one direction, does a
# stage include only what is before it (docs/architecture.md), and is no register tile passed a
# struct by value? Prints the longest, and each fault.
# BUILD: where `make tests` built: its objects say who refers to whom.
#
#     house.sh [N]        with the N longest files and functions
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
most_of_file=500 most_of_function=60

# What may be longer: the pipeline; what may refer to each other: an interpreter's eval and apply.
long_functions="compiler/main.c:compile"
circle="compiler/semantics/call compiler/semantics/expression compiler/semantics/network"

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

# CALLER CALLED of every pair of object files, by the names they define and want
references() {
    local objects=()
    mapfile -t objects < <(git ls-files '*.c' ':!generated' | sed 's/c$/o/' | while read -r o; do
        if [ "${o%o}c" -nt "$build/$o" ] && [ -e "$build/$o" ]; then
            echo "house.sh: $build/$o is older than its source: make tests" >&2
        fi
        if [ -e "$build/$o" ]; then echo "$build/$o"
        elif [ -e "$build/generic/$o" ]; then echo "$build/generic/$o"; fi
    done)
    nm -A -P "${objects[@]}" | sed "s,^$build/\(generic/\)\?,,; s,\.o: , ," | awk '
        $3 ~ /[TDRBC]/ { if (owner[$2] == "") owner[$2] = $1 }
        $3 == "U" { from[n] = $1; wanted[n++] = $2 }
        END { for (i = 0; i < n; i++)
                  if (wanted[i] in owner && owner[wanted[i]] != from[i])
                      print from[i], owner[wanted[i]] }' | sort -u
}

# FILE INCLUDED of every header of the tree
includes() {
    git grep -nE '^# *include "' -- 'compiler/*.[chyl]' 'runtime/*.[ch]' |
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

# What a folder may include, besides its own: the headers of other folders, by folder.
wrong_includes() {
    includes | awk '
        function allow(folder, list,   i, n, words) {
            n = split(list, words)
            for (i = 1; i <= n; i++) allowed[folder, words[i]]
            known[folder]
        }
        BEGIN {
            allow("compiler", "compiler base syntax semantics lower passes emit core")
            allow("compiler/base", "core")          # attempt.h, nearest.h, standard_files.h
            allow("compiler/syntax", "base")
            allow("compiler/semantics", "base syntax")
            allow("compiler/graph", "base")
            allow("compiler/lower", "semantics graph report")       # the summary table
            allow("compiler/passes", "graph core")  # kernel_sizes.h, random.h
            allow("compiler/emit", "lower passes core")
            allow("runtime", "")
            allow("runtime/core", "kernels")        # what is compiled for each instruction set
            allow("runtime/data", "core data/sources data/transforms")
            allow("runtime/data/sources", "core data")
            allow("runtime/data/transforms", "core data data/sources")
            allow("runtime/training", "core data data/sources")
            allow("runtime/training/optimizers", "training kernels")
            allow("runtime/report", "core data training")
            allow("runtime/commands", "core data training report")
            allow("runtime/kernels", "core")
        }
        $2 == "language.def" || $2 == "netrt.h" || $2 == "parser.h" || $2 == "lexer.h" { next }
        {
            folder = $1; sub(/\/[^\/]*$/, "", folder)
            target = $2; if (!sub(/\/[^\/]*$/, "", target)) target = "compiler"
            own = folder; sub(/^(compiler|runtime)\//, "", own)
            if (!(folder in known)) print $1 ": a folder without a row in " "tests/support/house.sh"
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

faults=0
fault() {
    while read -r line; do
        [ -n "$line" ] || continue
        echo "  $1: $line"
        faults=$((faults + 1))
    done
}

files_by_length=$(sources | grep -v '^tests/golden/' | xargs wc -l |
    awk '$2 != "total" { print $1, $2 }' | sort -rn)
functions_by_length=$(functions | sort -rn)
if [ $# -gt 0 ]; then
    echo "the longest files:" && head -n "$1" <<<"$files_by_length"
    echo "the longest functions:" && head -n "$1" <<<"$functions_by_length"
fi
fault "more than $most_of_file lines" < <(awk -v most=$most_of_file \
    '$1 > most' <<<"$files_by_length")
fault "more than $most_of_function lines" < <(awk -v most=$most_of_function \
    -v but="$long_functions" '$1 > most && index(but, $2) == 0' \
    <<<"$functions_by_length")
fault "more than 100 columns" < <(sources | grep -E '\.([chyl]|sh)$' |
    xargs grep -nE '^.{101,}' | cut -d: -f1,2)
fault "files that refer to each other" < <(references | circles "$circle")
fault "headers that include each other" < <(includes | sed -E 's,^(compiler|runtime)/,,' | circles)
fault "a stage that sees too much" < <(wrong_includes)
fault "a tile that is passed a struct by value" < <(tiles_of_structs)
[ "$faults" = 0 ]
