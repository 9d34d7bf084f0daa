#!/usr/bin/env bash
# texts.sh -- a character model from a text to a text: what it learns, and how it goes on.
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

finish
