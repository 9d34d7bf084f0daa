#!/usr/bin/env bash
# titles.sh [ROWS] [FOLDER] -- how fast a large table of texts is read, and in how much memory:
# writes ROWS product titles with one of 632 categories (6 million, as in the MeLi challenge),
# compiles a model that reads words, and opens the data without training. The trainer says what it
# took.
set -euo pipefail
cd "$(dirname "$0")/../.."
rows=${1:-6000000}
folder=${2:-$(mktemp -d)}
netc=${NETC:-build/netc}

# words by a power law, as in a language: few are frequent, most are rare
awk -v rows="$rows" 'BEGIN {
    split("ba co di fe gu la me ni po ra su to ve xi yo za", syllable, " ")
    state = 1
    print "title,category"
    for (row = 0; row < rows; row++) {
        title = ""
        state = (state * 16807) % 2147483647
        words = 5 + state % 7
        for (w = 0; w < words; w++) {
            state = (state * 16807) % 2147483647
            u = state / 2147483647
            number = int(200000 ^ u)
            word = ""
            do { word = word syllable[number % 16 + 1]; number = int(number / 16) } while (number)
            title = title (w ? " " : "") word
        }
        state = (state * 16807) % 2147483647
        quote = state % 10 == 0 ? "\"" : ""
        print quote title quote ",CATEGORY_" state % 632
    }
}' >"$folder/titles.csv"

cat >"$folder/titles.net" <<'EOF'
data {
    train      = csv("titles.csv")
    validation = holdout(0.1)

    input  title    = column("title") -> tokens(vocabulary=50000, min_count=2, length=32)
    target category = column("category") -> classes(632)
}

network titles(title) {
    title -> embedding(16, padding_row=0) -> mean(skip_padding=true) -> dense(632)
}

train {
    loss      = cross_entropy(titles(title), category)
    optimizer = sgd(lr=0.1)
    batch     = 128
}
EOF
"$netc" "$folder/titles.net" -o "$folder/titles"
ls -l "$folder/titles.csv"
"$folder/titles" train --data "$folder" --epochs 0 --out "$folder/run" --force
