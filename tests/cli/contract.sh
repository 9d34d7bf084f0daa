#!/usr/bin/env bash
# contract.sh -- what a run has learnt of its data belongs to it: columns, numbers that were fitted,
# words, rows of splits. Nothing of it is found out again by eval, predict, --resume or --weights.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

# ---- columns by name, wherever they stand --------------------------------------------------------

# y = a + 10 b + 100 c
awk 'BEGIN {
    print "a,b,c,d,y"
    for (i = 0; i < 60; i++) {
        a = sin(i * i); b = cos(3 * i); c = sin(7 * i)
        printf "%.6f,%.6f,%.6f,%d,%.6f\n", a, b, c, i, a + 10 * b + 100 * c
    }
}' >d.csv
cat >range.net <<'END'
data {
    train = csv("d.csv")
    input  x[3] = columns("a".."c")
    target y    = column("y")
}
network n(x) { x -> dense(1) }
train {
    loss      = mse(n(x), y)
    optimizer = sgd(lr=0.02)
    batch     = 4
    epochs    = 300
}
END
printf 'y,a,d,c,b\n1,1,7,0,0\n10,0,7,0,1\n100,0,7,1,0\n' >other.csv
printf '{"y": 1, "c": 0, "a": 1, "b": 0}\n{"b": 1, "c": 0, "a": 0}\n{"a": 0, "c": 1, "b": 0}\n' \
    >other.jsonl
printf 'a,d,c\n1,7,0\n' >without.csv
awk -F, -v OFS=, '{ print $4, $3, $5, $2, $1 }' d.csv >turned.csv
# is_sum: three predictions are about 1, 10 and 100
is_sum() { awk '{ d += ($1 - 10 ^ (NR - 1)) ^ 2 } END { exit !(NR == 3 && d < 0.01) }'; }
for columns in 'columns("a".."c")' 'columns(1..3)' 'columns([1, 2, 3])' \
    'columns(["a", "b", "c"])'; do
    sed "s/columns(.*)/$columns/" range.net >m.net
    build m m.net
    check "$columns trains" ./m train --out r --force --quiet
    check "$columns: columns in another order" \
        bash -c "$(declare -f is_sum); ./m predict other.csv --weights r | is_sum"
    check "$columns: members" \
        bash -c "$(declare -f is_sum); ./m predict other.jsonl --weights r | is_sum"
    exits "$columns: a column less" 1 "without.csv: line 1: expected a column b, found a, d, c" \
        ./m predict without.csv --weights r
    sed '/train = csv/a\    test  = csv("other.csv")' m.net >t.net
    build t t.net
    check "$columns: eval of a test part in another order" bash -c \
        './t eval --weights r --json | grep -q "\"r2\": 0.9999"'
    sed -e 's/csv("d.csv")/csv("turned.csv")/' m.net >v.net
    build v v.net
    check "$columns: train --weights on columns in another order" \
        ./v train --weights r --epochs 1 --out s --force --quiet
    check "$columns: it is still the model that it was" \
        bash -c "$(declare -f is_sum); ./v predict other.csv --weights s | is_sum"
done
cp r/model.safetensors bare.safetensors
sed 's/columns(.*)/columns(1..3)/' range.net >m.net
build m m.net
exits "a range without its run" 1 "x is made of columns that the run's first file names: --wei" \
    ./m predict other.csv --weights bare.safetensors
awk -F, -v OFS=, '{ print $3, $2, $1, $4, $5 }' d.csv >back.csv
for columns in 'columns("a".."c")' 'columns(1..3)' 'columns([1, 2, 3])'; do
    sed "s/columns(.*)/$columns/" range.net >m.net
    sed -e 's/csv("d.csv")/csv("back.csv")/; s/"a".."c"/"c".."a"/' m.net >v.net
    build m m.net
    build v v.net
    check "$columns: weights alone, of the columns that they had" \
        ./m eval --weights bare.safetensors --part train
    for command in "eval --part train" "predict --part train" "train --out none"; do
        exits "$columns: $command of others" 1 "bear the checksum .* wants the run's folder" \
            ./v $command --weights bare.safetensors
    done
done
mkdir bare && tail -n +2 d.csv >bare/d.csv
exits "a row that is taken for a header" 1 "bare/d.csv: line 1, numbers, is taken for the names" \
    ./m --data bare --out none
sed 's/columns(.*)/columns(["a", "b", "c"])/' range.net >m.net
build m m.net
check "names without their run" ./m predict other.csv --weights bare.safetensors
sed 's/columns(.*)/columns(["c", "b", "a"])/' range.net >m.net
build m m.net
exits "other names without their run" 1 "bear the checksum .* wants the run's folder" \
    ./m predict other.csv --weights bare.safetensors
sed '/train = csv/a\    test  = holdout(0.2)' range.net >t.net
build t t.net
for part in train test; do
    exits "rows that were drawn: $part" 1 "which tells the rows of $part from those that the run" \
        ./t eval --weights bare.safetensors --part $part
done
exits "other columns" 1 "its x is made of a to c, this model's of c, b, a: .* another model" \
    ./m eval --weights r

# without a header columns keep their numbers
tail -n +2 d.csv >n.csv
sed -e 's/csv("d.csv")/csv("n.csv", header=false)/' -e 's/columns(.*)/columns(1..3)/' \
    -e 's/column("y")/column(5)/' range.net >m.net
build m m.net
check "no header: trains" ./m train --out n --quiet
printf '1,0,0\n0,1,0\n0,0,1\n' >three.csv
check "no header: predict" \
    bash -c "$(declare -f is_sum); ./m predict three.csv --weights n | is_sum"
printf '1,0\n' >two.csv
exits "no header: a column less" 1 "there is no column 3, only 2" ./m predict two.csv --weights n
exits "no header: members" 1 "expected a csv file: the model takes x by the place" \
    ./m predict other.jsonl --weights n
check "no header: the contract has numbers" grep -q '"x": \[1, 2, 3\],' n/preparation.json

# ---- what was fitted is not fitted again ---------------------------------------------------------

mkdir a b
awk 'BEGIN {
    split("apple pear plum fig", word, " ")
    print "text,size,kind" >"a/w.csv"
    print "text,size,kind" >"b/w.csv"
    for (i = 0; i < 60; i++) {                  # the words are as frequent as their numbers say
        k = i % 10 < 4 ? 1 : i % 10 < 7 ? 2 : i % 10 < 9 ? 3 : 4
        printf "%s,%g,%s\n", word[k], k + i / 60, word[k] >"a/w.csv"
        k = 5 - k
        printf "%s,%g,%s\n", word[k], 10 * k + i / 60, word[k] >"b/w.csv"
    }
}'
cat >words.net <<'END'
data {
    train = csv("w.csv")
    validation = holdout(0.2)
    input  text  = column("text") -> tokens(vocabulary=20, length=2)
    target kind  = column("kind") -> classes(4)
}
network n(text) { text -> embedding(4, padding_row=0) -> mean(skip_padding=true) -> dense(4) }
train {
    loss      = cross_entropy(n(text), kind)
    optimizer = adam(lr=0.1)
    batch     = 16
    epochs    = 30
    metrics   = [accuracy]
}
END
build words words.net
check "words: trains" ./words --data a --out run --quiet
holds "words: accuracy" "$(final run validation accuracy)" "==" 1
check "words: --weights on other data" ./words --data b --weights run --epochs 0 --out on_b --quiet
holds "words: they keep their numbers" "$(final on_b validation accuracy)" "==" 1
check "words: --weights FILE on other data" \
    ./words --data b --weights run/checkpoint.safetensors --epochs 0 --out on_b --force --quiet
holds "words: they keep their numbers" "$(final on_b validation accuracy)" "==" 1
check "words: the contract goes on" bash -c \
    'diff <(sed -n "/fields/,/classes/p" run/preparation.json) \
          <(sed -n "/fields/,/classes/p" on_b/preparation.json)'

# weights without what was learnt
mkdir alone && cp run/model.safetensors alone
for path in alone alone/model.safetensors; do
    for command in "eval" "predict a/w.csv" "predict --part train" "train --out none"; do
        exits "$command of $path" 1 \
            "$path has no preparation.json beside it: what its run has learnt .*of text; --wei" \
            ./words $command --data a --weights $path
    done
done
check "no run is left of it" [ ! -e none ]

# as other programs write them, without a checksum
strip() {
    python3 - "$1" "$2" <<'END'
import json, struct, sys
bytes = open(sys.argv[1], "rb").read()
length, = struct.unpack("<Q", bytes[:8])
header = json.loads(bytes[8:8 + length])
del header["__metadata__"]
text = json.dumps(header).encode()
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + bytes[8 + length:])
END
}
mkdir others
strip run/model.safetensors others/words.safetensors
exits "eval of others' weights" 1 "text is prepared with what was learnt in training" \
    ./words eval --data a --weights others/words.safetensors
exits "training of others' words" 1 "text is prepared with what was learnt in training" \
    ./words train --data a --weights others/words.safetensors --out none
sed -e '/input/s/.*/    input  x[1] = column("size") -> standardize/' \
    -e 's/^network.*/network n(x) { x -> dense(8) -> relu -> dense(4) }/; s/n(text)/n(x)/' \
    words.net >sizes.net
build sizes sizes.net
check "sizes: trains" ./sizes --data a --out sizes_run --quiet
strip sizes_run/model.safetensors others/sizes.safetensors
exits "training of others' weights" 0 "warning: .* x is fitted to the rows of this run" \
    ./sizes train --data b --weights others/sizes.safetensors --out others_run --quiet
check "init" ./words init -o initial.safetensors
./words --data a --weights initial.safetensors --out from_initial --quiet 2>initial.log
check "initial weights have learnt nothing" [ ! -s initial.log ]
check "they are those of a run" cmp run/model.safetensors from_initial/model.safetensors

# initial vectors are of the words of some data
printf '4 2\napple 1 0\npear 0 1\nplum 1 1\nfig 2 1\n' | tee a/v.vec >b/v.vec
sed 's/embedding(4, padding_row=0)/embedding(2, padding_row=0, pretrained="v.vec")/' words.net \
    >vectors.net
build vectors vectors.net
check "init with vectors" ./vectors init --data a -o vectors.safetensors
check "training from them" \
    ./vectors --data a --weights vectors.safetensors --out vectors_run --quiet
exits "training from them on other words" 1 "made for the words and classes of other" \
    ./vectors --data b --weights vectors.safetensors --out none

# what was learnt is the run's own, whole
spoil() {
    for command in "eval --weights bad" "predict a/w.csv --weights bad" "train --resume bad" \
        "train --weights bad --out none"; do
        exits "$1: $command" 1 "bad/preparation.json$2" ./words $command --data a
    done
    rm -r bad
}
cp -r run bad && echo rubbish >bad/preparation.json
spoil "rubbish" ": a wrong number at byte 0"
cp -r run bad && : >bad/preparation.json
spoil "nothing" ": the end came too early"
cp -r run bad && cp sizes_run/preparation.json bad
spoil "another model's" ": expected \"columns\" of text"
cp -r run bad && sed -i '/words/s/pear/peas/' bad/preparation.json
spoil "another word" " is not that of these weights"
cp -r run bad && sed -i '/"version"/d' bad/preparation.json
spoil "an older netc's" ": expected a \"version\": the run is of an older netc"
cp -r run bad && rm bad/preparation.json
exits "a run that goes on without it" 1 "bad/preparation.json is missing" ./words --resume bad

# the arguments of a transform are the run's too: numbers, lists, words, those of augmentation
cat >given.net <<'END'
data {
    train = npz("given.npz")
    input  x[2, 1, 3] = x -> scale(0.5) -> normalize(mean=[0.5, 0.1], std=2) -> permute_pixels
    target y          = y -> classes(2)
    augment x         = normalize(mean=[0.1, 0.2], std=[1, 2])
}
network n(x) { x -> flatten -> dense(2) }
train {
    loss      = cross_entropy(n(x), y)
    optimizer = sgd(lr=0.1)
}
END
python3 - <<'END'
import struct, zipfile
def npy(kind, shape, numbers, code):
    head = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (kind, shape)
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode()
            + struct.pack("<%d%s" % (len(numbers), code), *numbers))
with zipfile.ZipFile("given.npz", "w") as archive:
    archive.writestr("x.npy", npy("<f4", (8, 2, 1, 3), [i % 7 for i in range(48)], "f"))
    archive.writestr("y.npy", npy("<i4", (8,), [i % 2 for i in range(8)], "i"))
END
build given given.net
check "given: trains" ./given --out given_run --quiet
check "given: eval" ./given eval --weights given_run
# other MODEL RUN EDIT PATTERN: the model, changed, says which argument the run did not have
other() {
    sed "$3" "$1.net" >other.net
    build other other.net
    for command in eval "predict --part train" "train --out none"; do
        exits "$3: $command" 1 "$2/preparation.json: expected $4: the run is of another model" \
            ./other $command --data "${5:-.}" --weights "$2"
    done
}
other given given_run 's/0\.5)/0.25)/' "scale of x to have k 0.25"
other given given_run 's/\[0.5, 0.1\]/[0.5, 0.2]/' "normalize of x to have mean \[0.5, 0.2\]"
other given given_run 's/std=2/std=[2, 2]/' "normalize of x to have std \[2, 2\]"
other given given_run 's/permute_pixels/&(seed=1)/' "permute_pixels of x to have seed 1"
other given given_run 's/\[1, 2\]/[1, 3]/' "normalize of x to have std \[1, 3\]"
other given given_run '/augment/d' "the 3 preparations of x"
other words run 's/length=2/&, lower=false/' "tokens of text to have lower 0" a
other words run 's/length=2/&, strip=[digits]/' 'tokens of text to have strip "digits"' a
sed 's/length=2/&, min_count=2/' words.net >other.net
build other other.net
check "what only fitting asks for may be another" ./other eval --data a --weights run

# ---- the data of a run are those that it began with ----------------------------------------------

awk 'BEGIN {
    print "a,b,y"
    for (i = 0; i < 203; i++) {
        a = sin(i * i); b = 3 + 2 * cos(7 * i)
        printf "%.5f,%.5f,%s\n", a, b, (a + b > 3) ? "v" : "u"
    }
}' >u.csv
cp u.csv u.kept
cat >unit.net <<'END'
data {
    train = csv("u.csv")
    test  = holdout(0.2)
    input  x[1] = column("b") -> standardize
    input  z[1] = column("a")
    target y    = column("y") -> classes(2)
}
network n(x, z) { concat(x, z) -> dense(8) -> relu -> dense(2) }
train {
    loss      = cross_entropy(n(x, z), y)
    optimizer = adam(lr=0.02)
    batch     = 10
    epochs    = 12
    metrics   = [accuracy]
}
END
build unit unit.net
check "unit: whole" ./unit --out u_whole --quiet
check "unit: stops" ./unit --out u_run --quiet --max-steps 55
# changed NAME PATTERN: u.csv is another; a run that goes on says what differs, and is left as it is
changed() {
    local command
    for command in "train --resume u_run" "eval --weights u_run" \
        "eval --part train --weights u_run" "predict --part test --weights u_run"; do
        exits "$1: $command" 1 \
            "not those of the run, by u_run/prep.*: train, u.csv, $2.*--data-ch" ./unit $command
    done
    cp u.kept u.csv
}
awk -F, -v OFS=, 'NR > 1 { $2 = $2 * 10 + 7 } 1' u.kept >u.csv
changed "another unit" "has other cells, .* in x ("
sed '$d' u.kept >u.csv
changed "a row fewer" "has 202 rows, the run's had 203"
{ head -n 1 u.kept && tail -n +2 u.kept | tac; } >u.csv
changed "rows in another order" "has other cells, or the same in another order, in x, z, y ("
sed '100s/^[^,]*/0.5/' u.kept >u.csv
changed "another cell" "has other cells, .* in z ("
sed '100s/[uv]$/w/' u.kept >u.csv
changed "another class" "has other cells, .* in y ("
sed 's/a,b,y/a,c,y/' u.kept >u.csv
exits "a column less" 1 "expected a column b" ./unit --resume u_run
# columns in another order, quoted cells, another beside them, gzip: the data are what they were
awk -F, -v OFS=, '{ print "\"" $3 "\"", NR, $2, $1 }' u.kept >u.csv && gzip u.csv
check "the same cells: eval" ./unit eval --weights u_run
check "the same cells: resume" ./unit --resume u_run --quiet
check "the same cells: it is uninterrupted" cmp u_whole/model.safetensors u_run/model.safetensors
rm u.csv.gz

# knowingly
awk -F, -v OFS=, 'NR > 1 { $2 = $2 * 10 + 7 } 1' u.kept | sed '$d' >u.csv
for how in "--max-steps 55" "--max-steps 51"; do      # within an epoch, and behind it
    cp u.csv changed.csv && cp u.kept u.csv
    check "unit: stops $how" ./unit --out u_cut --force --quiet $how
    cp changed.csv u.csv
    exits "data that changed, knowingly" 0 "warning: the data are not those of the run.* 202 rows" \
        ./unit --resume u_cut --data-changed --quiet
    check "it is told" grep -q '"changed": 1' u_cut/preparation.json
    check "nothing is fitted again" bash -c 'diff <(grep mean u_whole/preparation.json) \
        <(grep mean u_cut/preparation.json)'
    ./unit eval --weights u_cut --json >eval.json
    holds "run.json says what eval says" "$(sed 's/.*"accuracy": \([^,}]*\).*/\1/' eval.json)" \
        "==" "$(final u_cut test accuracy)"
    check "they are the run's data now" ./unit --resume u_cut --epochs 13 --quiet
done
exits "eval on them, knowingly" 0 "warning: the data are not those of the run" \
    ./unit eval --weights u_whole --data-changed
cp u.kept u.csv
exits "a new run" 2 "does not apply: it goes with --resume" ./unit --data-changed
exits "a file" 2 "does not apply: it goes with --part" \
    ./unit predict u.csv --weights u_run --data-changed

# layers without weights show in no tensor
for edit in "s/relu/tanh/|layer 5 of its network is relu, of this model tanh" \
    "s/relu/elu(0.5)/|layer 5 of its network is relu, of this model elu(alpha=0.5)" \
    "s/relu/relu -> dropout(0.5)/|layer 6 of its network is dense(units=2), .* model dropout"; do
    sed "${edit%|*}" unit.net >other.net
    build other other.net
    for weights in u_whole u_whole/checkpoint.safetensors; do
        exits "${edit%|*}: $weights" 0 "warning: u_whole/.*: ${edit#*|}: the weights were trained" \
            ./other eval --weights $weights
    done
done
for edit in 's/dense(8)/dense(8, bias=true, init=glorot_uniform, l2=0.1)/' \
    's/dense(2)/dense(2, l1=penalty)/; 1i let penalty = 0.001'; do # of training, or the default
    sed "$edit" unit.net >other.net
    build other other.net
    check "the same in evaluation: $edit" bash -c '
        ! ./other eval --weights u_whole 2>&1 | grep warning'
done
sed 's/relu/relu -> gaussian_noise(0.1) -> dropout(0.5)/' unit.net >other.net
build other other.net
check "dropout" ./other --epochs 1 --out u_dropout --quiet
sed 's/relu/relu -> gaussian_noise(0.2) -> dropout(0.1)/' unit.net >other.net
build other other.net
check "other noise" bash -c '! ./other eval --weights u_dropout 2>&1 | grep warning'
check "the same layers" bash -c '! ./unit eval --weights u_whole 2>&1 | grep warning'

# rows that are divided in another way
sed 's/holdout(0.2)/holdout(0.2, seed=1)/' unit.net >divided.net
build divided divided.net
exits "another split" 1 "test is 41 rows of the training data, the run's was 41 others" \
    ./divided eval --weights u_run
check "new weights begin another" ./divided --weights u_run --epochs 1 --out divided_run --quiet

# a test part of its own may be of new data; a run that goes on has those that it had
head -n 50 u.kept >v.csv
sed 's/holdout(0.2)/csv("v.csv")/' unit.net >own.net
build own own.net
check "own: stops" ./own --out own_run --quiet --max-steps 50
head -n 20 u.kept >v.csv
check "own: eval of new rows" ./own eval --weights own_run
exits "own: resume" 1 "test, v.csv, has 19 rows, the run's had 49" ./own --resume own_run

# the folds of a k-fold have one data
check "k-fold" ./unit kfold 3 --epochs 1 --out folds --quiet
rm -r folds/fold_3
sed '$d' u.kept >u.csv
exits "k-fold that goes on" 1 "by folds/fold_1/prep.*: train, u.csv, has 202 rows" \
    ./unit kfold --resume folds --quiet
cp u.kept u.csv
check "k-fold that goes on" ./unit kfold --resume folds --quiet
check "a fold is evaluated" ./unit eval --weights folds/fold_3 --part validation

finish
