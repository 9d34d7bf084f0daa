#!/usr/bin/env bash
# words.sh -- text from a table to a prediction, and tables of vectors: what a reader, a kernel and
# the trainer do together. `words.sh quick` is for a slow (sanitized) build.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
quick=
[ "${1:-}" != quick ] || quick=1
cd "$scratch" || exit 1

if python3 -c 'import sys, unicodedata; sys.exit(unicodedata.unidata_version != "14.0.0")'; then
    for table in core/lower_case data/transforms/nfc; do
        check "$table.def is made by its generator" bash -c \
            'python3 "$1.py" | diff - "$1.def"' - "$root/runtime/$table"
    done
else
    skip "the tables of small letters and of marks: another Unicode, or no Python"
fi

# 300 titles of up to 12 words out of 90; every class has words of its own.
awk 'BEGIN {
    print "title,kind"
    for (row = 0; row < 300; row++) {
        line = ""
        for (k = 0; k < 1 + row * 7 % 12; k++) {
            seed = (seed * 1103515245 + 12345) % 2147483648
            word = int(seed / 65536) % 30 + (k % 2 ? 0 : 30 * (row % 3))
            line = line (k ? " " : "") "word" substr("abcdefghij", word % 10 + 1, 1) \
                substr("klmnopqrst", int(word / 10) + 1, 1)
        }
        print line "," row % 3
    }
}' >titles.csv

# vectors DIM: for 60 of the words, and for 40 that no title has
vectors() {
    awk -v dim="$1" 'BEGIN {
        print 100, dim
        for (w = 0; w < 100; w++) {
            line = w < 60 ? "word" substr("abcdefghij", w % 10 + 1, 1) \
                substr("klmnopqrst", int(w / 10) + 1, 1) : "other" w
            for (i = 0; i < dim; i++) line = line " " (w * 7 + i * 3) % 11 / 5 - 1
            print line
        }
    }'
}
vectors 20 >good.vec
gzip -c good.vec >good.vec.gz
vectors 19 >narrow.vec
sed '7s/ [^ ]*$/ nothing/' good.vec >broken.vec
sed '7s/ [^ ]*$//' good.vec >short.vec
head -n 50 good.vec >cut.vec
head -c 300 good.vec.gz >cut.vec.gz
sed 1d good.vec >headless.vec

# a table of 102 rows whose last number is none
{
    printf '\x93NUMPY\1\0\x76\0%-117s\n' \
        "{'descr': '<f4', 'fortran_order': False, 'shape': (102, 20), }"
    head -c $((102 * 20 * 4 - 4)) /dev/zero
    printf '\0\0\xc0\x7f'
} >nan.npy

cat >mlp.net <<'EOF'
let file   = "good.vec.gz"
let frozen = false

data {
    train      = csv("titles.csv")
    validation = holdout(0.2)

    input  title = column("title") -> tokens(vocabulary=100, length=8)
    target kind  = column("kind") -> classes(3)
}

network mlp(title) {
    title -> embedding(20, padding_row=0, pretrained=file, frozen=frozen)
          -> mean(skip_padding=true) -> dense(16) -> relu -> dropout(0.1) -> dense(3)
}

train {
    loss      = cross_entropy(mlp(title), kind)
    optimizer = sgd(lr=0.1)
    batch     = 32
    epochs    = 3
    metrics   = [accuracy]
}
EOF
cat >bag.net <<'EOF'
data {
    train      = csv("titles.csv")
    validation = holdout(0.2)

    input  title = column("title") -> bag_of_words(vocabulary=100)
    target kind  = column("kind") -> classes(3)
}

network bag(title) {
    h = title -> dense(17) -> relu -> dropout(0.1)
    concat(title, h) -> dense(3)
}

train {
    loss      = cross_entropy(bag(title), kind)
    optimizer = adam(lr=0.01)
    batch     = 32
    epochs    = 3
    metrics   = [accuracy]
}
EOF

# trained NAME: the losses of all steps do not depend on threads
trained() {
    for threads in 1 2 3; do
        check "$1, $threads threads" ./"$1" --threads $threads --log-steps "$1.$threads" \
            --out "run.$1.$threads" --quiet
    done
    check "$1: 1 and 2 threads" cmp "$1.1" "$1.2"
    check "$1: 1 and 3 threads" cmp "$1.1" "$1.3"
    check "$1: weights" cmp "run.$1.1/model.safetensors" "run.$1.3/model.safetensors"
    check "$1: predict" ./"$1" predict --part validation --weights "run.$1.1"
}

check "netc mlp.net" "$netc" mlp.net -o mlp
check "netc bag.net" "$netc" bag.net -o bag
trained mlp
trained bag

# a text a line, from standard input too; objects; a name that says neither
printf 'red one\ntwo\n' >new.txt
printf '{"title": "red one"}\n{"title": "two"}\n' >new.jsonl
./mlp predict --weights run.mlp.1 new.txt >lines.predicted
check "predict of lines" [ "$(wc -l <lines.predicted)" = 2 ]
for input in new.txt new.jsonl; do
    # shellcheck disable=SC2002
    cat $input | ./mlp predict --weights run.mlp.1 - >piped.predicted
    check "predict - of $input" cmp lines.predicted piped.predicted
done
cp new.txt new.log
exits "lines of another name" 1 "a text a line is called .txt" \
    ./mlp predict --weights run.mlp.1 new.log

# Rows without a word in the batch are left out, or updated by 0: with whole gradients, the same
# bits.
for model in mlp bag; do
    check "$model: whole gradients" ./$model --clip 1e30 --log-steps $model.whole \
        --out run.$model.whole --quiet
    check "$model: the same by whole gradients" cmp $model.1 $model.whole
done

check "mlp: gradcheck" ./mlp gradcheck
check "bag: gradcheck" ./bag gradcheck
check "bag: gradcheck of random rows" ./bag gradcheck --synthetic
check "mlp: bench" ./mlp bench --steps 3
check "bag: bench" ./bag bench --steps 3

# ---- vectors of words --------------------------------------------------------------------------

./mlp --epochs 0 --out run.said >said 2>&1
if grep -q "60 of [0-9]* words have a vector" said && ! grep -q warning said; then
    pass
else
    fail "how many words have a vector" said
fi
sed '2,$s/^[^ ]*/\U&/' good.vec >loud.vec
check "netc, loud.vec" "$netc" mlp.net --define 'file="loud.vec"' -o other
exits "no word has a vector" 0 "warning: no word" ./other --epochs 0 --out run.loud --quiet
for file in good.vec good.vec.gz; do
    check "netc, $file" "$netc" mlp.net --define "file=\"$file\"" -o other
    check "init, $file" ./other init -o "$file.safetensors"
done
check "the same from gzip" cmp good.vec.safetensors good.vec.gz.safetensors

# wrong FILE PATTERN: a trainer refuses the file
wrong() {
    check "netc, $1" "$netc" mlp.net --define "file=\"$1\"" -o other
    exits "$1" 1 "$2" ./other --out run.wrong --force
}
wrong narrow.vec "line 1: .*embedding(19)"
wrong nan.npy "row 101, number 19: expected a finite number, found nan"
if [ -z "$quick" ]; then
    wrong broken.vec "line 7: expected 20 numbers .*\"nothing\""
    wrong short.vec "line 7: expected 20 numbers .*missing"
    wrong cut.vec "promises 100 words, here are 49"
    wrong cut.vec.gz "cut off"
    wrong headless.vec "line 1: expected \`COUNT DIM\`.*put a line in front: .* and 20"
    wrong nowhere.vec "cannot open"
    wrong "*.vec" "one is wanted"
fi

# ---- frozen tables stay, others learn ----------------------------------------------------------

# tensor FILE NAME: its bytes, found by the header: 8 bytes of length, then that much JSON
tensor() {
    local length offsets
    length=$(od -An -t u8 -N 8 "$1" | tr -d ' ')
    offsets=$(head -c $((8 + length)) "$1" | tail -c "$length" | tr -d ' \n' |
        sed -n 's/.*"'"$2"'":{[^}]*"data_offsets":\[\([0-9]*,[0-9]*\)\].*/\1/p')
    [ -n "$offsets" ] || { echo "no $2 in $1" >&2; return 1; }
    head -c $((8 + length + ${offsets#*,})) "$1" | tail -c $((${offsets#*,} - ${offsets%,*}))
}

# tensors WHAT FILE NAME: the tensor of both files, as WHAT.before and WHAT.after
tensors() {
    check "$1: before" tensor "$2" "$3"
    cp "$scratch/check.log" "$1.before"
    check "$1: after" tensor "run.$1/model.safetensors" "$3"
    cp "$scratch/check.log" "$1.after"
}

differ() { ! cmp -s "$1" "$2"; }
lacks() { ! grep -q "$1" "$2"; }

for frozen in true false; do
    check "netc, frozen=$frozen" "$netc" mlp.net --define frozen=$frozen -o table
    check "frozen=$frozen: init" ./table init -o table.safetensors
    check "frozen=$frozen: train" ./table --out run.table --force --quiet
    tensors table table.safetensors mlp.embedding.weight
    check "frozen=$frozen: the whole table" [ "$(wc -c <table.after)" = $((102 * 20 * 4)) ]
    if [ $frozen = true ]; then
        check "a frozen table stays" cmp table.before table.after
    else
        check "a table learns" differ table.before table.after
    fi
    tensors table table.safetensors mlp.dense_2.weight
    check "frozen=$frozen: the last layer learns" differ table.before table.after
    check "frozen=$frozen: gradcheck" ./table gradcheck
    cp "$scratch/check.log" gradients
    check "frozen=$frozen: gradcheck of the last layer" grep -q mlp.dense_2.weight gradients
    if [ $frozen = true ]; then
        check "gradcheck leaves a frozen table out" lacks mlp.embedding gradients
    else
        check "gradcheck of a table" grep -q mlp.embedding gradients
    fi
done

finish
