#!/usr/bin/env bash
# vectors.sh FILE.vec.gz [WIDTH] [TITLES.csv.gz] -- word vectors for trying the models of product
# titles where the real ones (gigabytes) are not at hand: numbers from a small generator for the
# words of TITLES' first column, or for a few words.
set -euo pipefail
out=${1:?usage: vectors.sh FILE.vec.gz [WIDTH] [TITLES.csv.gz]}
width=${2:-300}
words() {
    if [ $# -gt 0 ]; then gzip -dc "$1" | tail -n +2; else echo "funda celular notebook cable"; fi |
        sed 's/,[^,]*$//' | LC_ALL=C tr 'A-Z' 'a-z' | LC_ALL=C tr -cs 'a-z' '\n' |
        awk 'length >= 3' | LC_ALL=C sort -u
}
words "${@:3}" | awk -v width="$width" '
    { word[NR] = $0 }
    END {
        print NR, width
        for (i = 1; i <= NR; i++) {
            printf "%s", word[i]
            for (j = 0; j < width; j++) {
                state = (state * 16807 + 11) % 2147483647
                printf " %.4f", state / 1073741823.5 - 1
            }
            print ""
        }
    }' | gzip -n >"$out"
