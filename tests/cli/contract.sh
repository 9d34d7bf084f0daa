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
for columns in 'columns("a".."c")' 'columns(1..3)' 'columns([1, 2, 3])' 'columns(["a", "b", "c"])'; do
    sed "s/columns(.*)/$columns/" range.net >m.net
    build m m.net
    check "$columns trains" ./m train --out r --force --quiet
    check "$columns: columns in another order" \
        bash -c "$(declare -f is_sum); ./m predict other.csv --weights r | is_sum"
    check "$columns: members" \
        bash -c "$(declare -f is_sum); ./m predict other.jsonl --weights r | is_sum"
    exits "$columns: a column less" 1 "without.csv: line 1: expected a column b, found a, ..." \
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
sed 's/columns(.*)/columns(["c", "b", "a"])/' range.net >m.net
build m m.net
exits "other columns" 1 "its x is made of a to c, this model's of c, b, a: .* another model" \
    ./m eval --weights r

# without a header columns keep their numbers
tail -n +2 d.csv >n.csv
sed -e 's/csv("d.csv")/csv("n.csv", header=false)/' -e 's/columns(.*)/columns(1..3)/' \
    -e 's/column("y")/column(5)/' range.net >m.net
build m m.net
check "no header: trains" ./m train --out n --quiet
printf '1,0,0\n0,1,0\n0,0,1\n' >three.csv
check "no header: predict" bash -c "$(declare -f is_sum); ./m predict three.csv --weights n | is_sum"
printf '1,0\n' >two.csv
exits "no header: a column less" 1 "there is no column 3, only 2" ./m predict two.csv --weights n
exits "no header: members" 1 "expected a csv file: the model takes x by the place" \
    ./m predict other.jsonl --weights n
check "no header: the contract has numbers" grep -q '"x": \[1, 2, 3\],' n/preparation.json

finish
