#!/usr/bin/env bash
# texts.sh -- a character model from a text to a text: what it learns, and how it goes on; and one
# whose targets are words.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

# What stands behind an a depends on the letter before it.
awk 'BEGIN { for (i = 0; i < 500; i++) printf "abaé%s", i % 10 ? "" : "\n" }' >text.txt
cat >cycle.net <<'END'
let temperature = 0.1
data {
    train      = text("text.txt", stride=5)
    validation = holdout(0.2)
    input  past[12] = text -> characters(6)
    target next[12] = text -> characters(6, ahead=1)
}
network cycle(past) { past -> one_hot -> lstm(16) -> dropout(temperature) -> conv1d(6, 1) }
train {
    loss      = cross_entropy(cycle(past), next)
    optimizer = adam(lr=0.02)
    batch     = 16
    epochs    = 12
    metrics   = [accuracy]
}
END
build cycle cycle.net
check "a let called as a flag of generate is one" \
    ./cycle --temperature 0.2 --threads 1 --out run --quiet
generate() { ./cycle generate --weights run "$@"; }
expect() { # expect NAME TEXT FLAGS ...
    local name=$1 text=$2
    shift 2
    generate "$@" >out 2>&1
    check "$name" test "$(cat out)" = "$text"
}
expect "the likeliest goes on with the text" abaéabaéabaéabaéa --prompt aba --length 14 \
    --temperature 0
expect "so does the only one to be drawn from" éabaéabaéabaéa --prompt é --length 13 --top 1
expect "a line break of Windows is one" $'é\naba' --prompt $'é\r\na' --length 2 --temperature 0
generate --prompt abaéabaéabaéabaé --length 60 --temperature 3 --seed 7 --threads 1 >one
check "the same on two threads" bash -c \
    './cycle generate --weights run --prompt abaéabaéabaéabaé --length 60 --temperature 3 \
    --seed 7 --threads 2 -o two && cmp one two'
generate --prompt abaéabaéabaéabaé --length 60 --temperature 3 --seed 8 >other
check "another for another seed" bash -c '! cmp -s one other'
check "no character but those of the text" bash -c '! grep -q "[^abé]" one'
check "without a prompt behind a line break" test "$(generate --length 3 --temperature 0)" = aba
rejects() { # rejects WORDS FLAGS ...
    local words=$1 status=0
    shift
    "$@" >out 2>&1 || status=$?
    check "$words" test $status = 2
    check "it says: $words" grep -qF -- "$words" out
}
rejects '"x" is none of the characters' ./cycle generate --weights run --prompt abx
tr -d '\n' <text.txt >line.txt
sed -e 's/lstm(16)/conv1d(16, 3, padding=same)/' -e 's/epochs .*/epochs = 1/' \
    -e 's/text.txt/line.txt/' cycle.net >seeing.net
build seeing seeing.net
./seeing --threads 1 --out seen --quiet
rejects "sees the characters behind the one" ./seeing generate --weights seen --prompt ab
rejects "no line break to begin behind: give --prompt" ./seeing generate --weights seen

# The rows of a prediction are windows.
printf 'abaéabaéabaéabaéabaé' >rows.txt
check "predict" bash -c './cycle predict --weights run rows.txt >rows'
check "a class at each position" test "$(cut -d " " -f 4- rows)" = "a b a é a b a é a
b a é a b a é a b"

# ---- words as targets: tags, and another text ---------------------------------------------------

# Sentences with a tag a word, as lists too, and their translations; of some it is not said how long
# they are.
awk 'BEGIN {
    split("Anna Emma Chile Delhi", name); split("B-PER B-PER B-LOC B-LOC", tag)
    split("sees likes leaves", verb); split("voit aime quitte", other)
    for (row = 0; row < 160; row++) {
        a = 1 + row % 4; b = 1 + row % 3; c = 1 + int(row / 7) % 4
        more = row % 5 ? "" : " et moi"
        words = name[a] " " verb[b] " " name[c] (row % 5 ? "" : " and me")
        tags = tag[a] " O " tag[c] (row % 5 ? "" : " O O")
        list = words; gsub(/ /, "\", \"", list); list = "[\"" list "\"]"
        printf "{\"english\": %s, \"tags\": \"%s\", \"french\": \"%s %s %s%s\"%s}\n", \
            row % 2 ? list : "\"" words "\"", tags, name[a], other[b], name[c], more, \
            row % 3 == 2 ? "" : ", \"size\": \"" (row % 5 ? "short" : "long") "\""
    }
}' >talk.jsonl
cat >talk.net <<'EOF'
data {
    train      = jsonl("talk.jsonl")
    validation = holdout(0.2)

    input  words  = column("english") -> tokens(30, 6, lower=false)
    input  late   = column("french") -> tokens(20, 5, begin=true)
    target tags   = column("tags") -> labels(3, 6)
    target french = column("french") -> tokens(20, 5, end=true, shared=late)
    target size   = column("size") -> classes(2, missing=ignore)
}

network seen(words) { words -> embedding(12, padding_row=0) -> lstm(16) }
network tagger(words) { seen(words) -> conv1d(3, 1) }
network decoder(late, words) {
    x = late -> embedding(16, padding_row=0) -> positions
    x = x + attention(x, seen(words), heads=2, skip_padding=true)
    x -> layernorm -> conv1d(23, 1)
}
network sizer(words) { seen(words) -> last -> dense(2) }

train {
    loss      = cross_entropy(tagger(words), tags) + cross_entropy(decoder(late, words), french) +
                cross_entropy(sizer(words), size)
    optimizer = adam(lr=0.02)
    batch     = 16
    epochs    = 8
    metrics   = [accuracy, accuracy(french)]
}
EOF
build talk talk.net
for threads in 1 2; do
    ./talk --threads $threads --out run.talk.$threads --quiet
done
check "words: the same on two threads" cmp run.talk.1/model.safetensors run.talk.2/model.safetensors
./talk --out run.talk --epochs 3 --threads 1 --quiet
check "resumed" ./talk --resume run.talk --epochs 8 --threads 1 --quiet
check "the same in two runs" cmp run.talk.1/model.safetensors run.talk/model.safetensors
echo "Emma sees Chile" >talk.txt
printf '%s\n' '{"english": "Emma sees Chile", "french": "Emma"}' \
    '{"english": ["Delhi"], "french": []}' >new.jsonl
./talk predict --weights run.talk --format csv new.jsonl >predicted
check "as many tags as words, and words up to the end" \
    grep -q '^"B-PER O B-LOC","emma voit",short,' predicted
check "of a row without words" grep -q '^B-LOC,delhi,short,' predicted
printf '%s\n' english,french '"Emma sees Chile",Emma' Delhi, >new.csv
./talk predict --weights run.talk --format csv - <new.csv >piped
check "two columns of standard input" cmp piped predicted
exits "two columns of one text a line" 1 "reads the columns english and french" \
    ./talk predict --weights run.talk talk.txt
./talk predict --weights run.talk --format json --with-truth --part train >predicted
check "as they are in the data" grep -q \
    '{"tags": {"classes": \["B-PER", "O", "B-PER", "O", "O"\], "truth": \["B-PER", "O", "B-PER"' \
    predicted
check "no truth where the cell is missing" grep -q '"size": {"class": "short",.*"truth": null}' \
    predicted
./talk eval --weights run.talk talk.jsonl >predicted
check "rows without a class are not counted" grep -qE "accuracy +1.00 +107$" predicted
check "talk: gradcheck" ./talk gradcheck
wrong_row() { # wrong_row PATTERN ROW
    printf '%s\n' "$2" >wrong.jsonl
    exits "$1" 1 "$1" ./talk eval --weights run.talk wrong.jsonl
}
wrong_row "row 0 (from 0): expected 2 labels in tags, one for each word of english, found 1" \
    '{"english": "Emma sees", "tags": "O", "french": "Emma"}'
wrong_row "row 0 (from 0): expected 8 labels in tags, one for each word of english, found 7" \
    '{"english": "a b c d e f g h", "tags": "O O O O O O O", "french": "Emma"}'
mkdir short
sed 's/"long"/"short"/' talk.jsonl >short/talk.jsonl
exits "classes without rows, of another target than the first" 0 \
    "warning: class 1 of size has no rows in the training part (1 of 2 classes have some)" \
    ./talk --data short --out run.short --max-steps 1 --quiet
printf '%s\n' '{"english": "Emma", "tags": "O", "french": "Emma"}' \
    '{"english": "a b c d e f g", "tags": "O O O O O O O", "french": "Emma"}' >long.jsonl
exits "labels behind the positions" 0 \
    "1 row of tags has more than 6 labels.*labels(3, 7) takes all" \
    ./talk eval --weights run.talk long.jsonl
exits "a target without a class in any row" 0 \
    "long.jsonl: no row has a class of size: the loss is without its own" \
    ./talk eval --weights run.talk --json long.jsonl
./talk eval --weights run.talk --json long.jsonl >predicted 2>/dev/null
check "the loss is that of the others" awk '{
    gsub(/[{}",]/, " "); for (i = 1; i < NF - 1; i++) if ($(i + 1) == ":") x[$i] = $(i + 2)
    d = x["loss"] / (x["loss_tags"] + x["loss_french"]) - 1
    exit !(d < 1e-6 && d > -1e-6 && x["loss_size"] == "null" && x["labelled"] == 0) }' predicted
sed -n '/^data/,/english/p; /target size/,/^}/p; /network s[ei]/p' talk.net >size.net
cat >>size.net <<'EOF'
train {
    loss      = cross_entropy(sizer(words), size)
    optimizer = adam(lr=0.02)
}
EOF
build size size.net
check "a run of some rows" ./size --out run.size --quiet
./size eval --weights run.size >predicted
check "how many have a class" grep -qx "rows with a class: [12][0-9]" predicted
exits "eval of rows without a class" 1 "long.jsonl: no row has a class of size, so that" \
    ./size eval --weights run.size long.jsonl
sed 's/holdout(0.2)/jsonl("long.jsonl")/' size.net >none.net
build none none.net
exits "validation without one" 1 "no row of validation has a class of size" ./none --out run.none
wrong_row "expected tags to be labels of the training data, found B-ORG" \
    '{"english": "Emma", "tags": "B-ORG", "french": "Emma"}'
wrong_row "character 14: expected one word, without a blank" \
    '{"english": ["Emma sees"], "tags": "O", "french": "Emma"}'
wrong_row "character 14: expected one word, without a blank" \
    '{"english": ["Emma\u00a0sees"], "tags": "O", "french": "Emma"}'
wrong_row "expected a word, a string or a number" \
    '{"english": "Emma", "tags": [null], "french": "Emma"}'

finish
