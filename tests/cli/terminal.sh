#!/usr/bin/env bash
# terminal.sh -- what a person sees of a run: lines on stdout, whole on terminals of any width; what
# is drawn again, on terminals alone; curves; objects for machines.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
esc=$'\033'

sed 's/digits([^)]*)/digits(rows=400)/
    s/metrics *= .*/metrics = [accuracy, f1, log_loss, balanced_accuracy]/' \
    "$root/models/digits.net" >digits.net
build digits digits.net

# ---- files and pipes -----------------------------------------------------------------------------

check "a run" bash -c './digits --epochs 3 --out plain >plain.txt 2>plain.err'
holds "an epoch a line" \
    "$(grep -c '^epoch [123]/3  loss .*  balanced_accuracy .*rows/s$' plain.txt)" "==" 3
check "the parts in a table" grep -qE '^validation( +[0-9.]+){5}$' plain.txt
check "where it is" grep -q '^The run is in plain: report.html, model.safetensors' plain.txt
check "nothing else" test ! -s plain.err
check "no escapes" bash -c "! grep -q $'\033' plain.txt"
check "quiet is quiet" bash -c '[ -z "$(./digits --epochs 1 --out quiet --quiet 2>&1)" ]'
check "a reader that goes away stops nothing" bash -c \
    './digits --epochs 30 --out gone | head -n 1; [ "${PIPESTATUS[0]}" = 0 ]'
check "it is trained to its end" grep -q '"status": "finished"' gone/run.json
for command in "kfold 2" "sweep lr=0.1,0.01"; do
    for more in --quiet --threads=1; do
        folder=gone-${command%% *}$more
        check "a reader that is gone stops no $command $more" bash -c \
            "{ sleep 0.1; ./digits $command --epochs 1 --out '$folder' $more; echo \$? >code; } |
            true; [ \$(cat code) = 0 ]"
        check "$command $more: what it makes is there" test -s "$folder/report.html"
    done
    exits "$command: a full disk behind stdout is told" 1 "written to stdout" \
        bash -c "./digits $command --epochs 1 --out full-${command%% *} >/dev/full"
done
check "nor a stdout that is closed" ./digits --epochs 3 --out closed >&-
exits "a full disk behind stdout is told" 1 "written to stdout" \
    bash -c './digits --epochs 3 --out full >/dev/full'
check "and the run is whole" grep -q '"status": "finished"' full/run.json

# metrics of training rows are of a sample, which is said where it is one
awk 'BEGIN { print "x,y"; for (i = 0; i < 11000; i++) print i % 7 "," i % 2 }' >many.csv
cat >many.net <<'END_OF_MODEL'
data {
    train = csv("many.csv")
    input  x[1] = column("x")
    target y    = column("y") -> classes(2)
}
network net(x) { x -> dense(2) }
train {
    loss      = cross_entropy(net(x), y)
    optimizer = sgd(lr=0.01)
    batch     = 500
    epochs    = 1
    metrics   = [accuracy, f1]
}
END_OF_MODEL
build many many.net
check "a sample of the rows" sh -c './many --out many.run | tee many.txt'
check "the line says so" grep -qE '^epoch 1/1 .*  f1 [0-9.]+ of 10,000 rows  ' many.txt
check "and history.csv" sh -c 'sed -n "1s/.*,measured_rows$/&/p; 2s/.*,10000$/&/p" \
    many.run/history.csv | [ "$(wc -l)" = 2 ]'
check "all of them" sh -c '! grep -q " rows  " plain.txt &&
    tail -n 1 plain/history.csv | grep -q ",360$"'

ln -s nowhere link
exits "--out is a link to nowhere" 1 "link is a link to a folder that is not there: make it" \
    ./digits --epochs 1 --out link
check "nothing is made" test ! -e nowhere
exits "a flag where a value is wanted" 2 "--out wants a value" ./digits --out --epochs
check "a page that cannot be written" bash -c \
    'mkdir -p page/report.html && ./digits --epochs 2 --out page --force >page.txt 2>page.err'
check "is told" grep -q "warning: cannot write page/report.html: .*; the run goes on" page.err
check "and the run ends well" grep -q '"status": "finished"' page/run.json

# ---- terminals -----------------------------------------------------------------------------------

# on COLUMNS NAME ARGUMENT...: the run in a terminal that wide; what it shows
on() {
    local columns=$1
    shift
    TERM=xterm LC_ALL=C.UTF-8 script -qec "stty cols $columns; ./digits $*" /dev/null 2>&1 |
        tr -d '\r'
}

# what stays of it: without what was drawn again in its place, and colors
stays() { sed -E "s/.*$esc\\[K//; s/$esc\\[[0-9;]*m//g"; }

if script -qec true /dev/null >/dev/null 2>&1; then
    for columns in 40 60 80 140 200; do
        on $columns --epochs 2 --out "wide_$columns" | stays >"$columns.txt"
        holds "$columns columns: every metric of every epoch" "$(tr -d '\n' <"$columns.txt" |
            grep -oE '(balanced_)?accuracy 0' | wc -l)" "==" 8
        holds "$columns columns: no line is wider" "$(awk '{ print length }' "$columns.txt" |
            sort -n | tail -n 1)" "<=" "$columns"
    done
    check "an epoch is broken before validation" grep -qE \
        '^    validation loss .*  balanced_accuracy [0-9.]+  [0-9.]+ s  [0-9,]+ rows/s$' 140.txt
    check "a row a metric" grep -qE '^balanced_accuracy( +[01][0-9.]+){3}$' 60.txt
    on 40 kfold 2 --epochs 1 --out folded | stays >folded.txt
    holds "folds: no line is wider" "$(sed -n '/^fold /,/^sd:/p' folded.txt |
        awk '{ print length }' | sort -n | tail -n 1)" "<=" 50
    holds "folds: columns without room stand below" "$(grep -cE '^mean  ' folded.txt)" ">=" 3
    on 40 sweep lr=0.1,0.01 --epochs 1 --out swept | stays >swept.txt
    check "points: a line is broken between metrics" grep -qE \
        '^    (accuracy|balanced_accuracy) [0-9.]+' swept.txt
    holds "points: columns without room stand behind what is varied" \
        "$(grep -cE '^ +lr  ' swept.txt)" ">=" 3
    on 40 report swept/point_1 wide_40 | stays >told.txt
    holds "runs: behind their names" "$(grep -cE '^run  ' told.txt)" ">=" 4
    on 40 summary | stays >summary.txt
    holds "layers: no line is wider" "$(awk '{ print length }' summary.txt | sort -n |
        tail -n 1)" "<=" 60
    check "layers: two lines each" grep -qE '^    cnn.relu_1 +\[8, 14, 14\] +0$' summary.txt
    on 80 --epochs 2 --out drawn --force >drawn.txt
    check "something is drawn" grep -q "$esc\\[K" drawn.txt
    NO_COLOR=1 on 80 --epochs 2 --out drawn --force >plain.txt
    check "NO_COLOR: no color" bash -c "! grep -q $'\033\\[3' plain.txt"
    on 80 gradcheck cnn.dense_2 --synthetic >gradcheck.txt
    check "gradcheck: the tensor at hand" grep -qE \
        "tensor 1 of 2, cnn.dense_2.weight, after [0-9]+ losses$esc\\[K" gradcheck.txt
    stays <gradcheck.txt >stays.txt
    check "gradcheck: it is taken away" grep -q '^ok     cnn.dense_2.weight' stays.txt
    on 80 --epochs 3 --out plot --plot | stays >plot.txt
    check "curves" grep -q '⠉' plot.txt
else
    skip "terminals: script is missing"
fi
check "curves in a file" bash -c './digits --epochs 3 --out plot --force --plot >plot.txt &&
    grep -q "loss (v: validation) by epoch, 1 to 3" plot.txt && grep -q "vvv" plot.txt'

# ---- machines ------------------------------------------------------------------------------------

if command -v python3 >/dev/null; then
    ./digits --epochs 2 --out json --json >json.txt 2>json.err
    check "an object an epoch, and one at the end" python3 - <<'END'
import csv, json
lines = [json.loads(line) for line in open("json.txt")]
rows = list(csv.DictReader(open("json/history.csv")))
assert [line["epoch"] for line in lines[:-1]] == [1, 2]
for line, row in zip(lines, rows):
    assert abs(line["validation"]["loss"] - float(row["validation_loss"])) < 1e-6
    assert abs(line["train"]["accuracy"] - float(row["train_accuracy"])) < 1e-6
end, run = lines[-1], json.load(open("json/run.json"))
assert end["status"] == "finished" and end["folder"] == "json"
assert end["test"] == run["final"]["test"] and end["best_epoch"] == run["best_epoch"]
END
    check "nothing on stderr" test ! -s json.err
else
    skip "train --json: python3 is missing"
fi
finish
