#!/usr/bin/env bash
# runs.sh -- the folders of runs and k-folds, and what a trainer says of a run that will not go as
# it was meant to.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

# shellcheck source=tests/support/flowers.sh
. "$root/tests/support/flowers.sh"

# build NAME CHANGE: flowers.net, changed by sed
build() {
    sed "$2" flowers.net >"$1.net"
    check "netc $1.net" "$netc" "$1.net" -o "$1"
}
check "netc flowers.net" "$netc" flowers.net

# ---- standard descriptors ------------------------------------------------------------------------

check "stdin, stdout and stderr closed" sh -c './flowers --out closed <&- >&- 2>&-'
check "the history has an epoch a line" [ "$(grep -cE '^[0-9.,e-]+$' closed/history.csv)" = 2 -a \
    "$(wc -l <closed/history.csv)" = 3 ]

# ---- the losses as a picture ---------------------------------------------------------------------

# draws PICTURE LINES POINTS: a line is a path from its first point to the others
draws() { [ "$(grep -cE "d=\"M[0-9. ]+h0(L[0-9. ]+){$(($3 - 1))}\"" "$1")" = "$2" ]; }
check "losses of both splits" draws closed/curves.svg 2 2
check "it is XML" python3 -c 'import sys, xml.dom.minidom as d; d.parse(sys.argv[1])' \
    closed/curves.svg
cp -r closed longer
check "a run that goes on" ./flowers --resume longer --epochs 4 --quiet
check "has earlier epochs in it" draws longer/curves.svg 2 4
check "a run of one epoch" ./flowers --epochs 1 --out longer --force --quiet
check "has a dot" draws longer/curves.svg 2 1
build once 's/^ *train *=.*/    train = csv("flowers.csv")/; /validation *=/d'
check "a run without validation" ./once --out once_run --quiet
check "has one line" draws once_run/curves.svg 1 2
limit=1000000 # KB
! grep -q __asan_init flowers || limit=unlimited # the sanitizer maps terabytes
check "as many epochs as can be asked for" bash -c 'ulimit -v "$1"
    ./flowers --epochs 2147483647 --max-steps 20 --out many --quiet' - "$limit"
cp flowers.csv ./-rows.csv
check "a file behind --" ./flowers predict --weights closed -- -rows.csv
exits "a flag behind --" 2 "one file of rows is wanted" ./flowers predict --weights closed -- \
    -rows.csv --help

# ---- gzip data, and what stands behind them ------------------------------------------------------

mkdir packed
{ head -n 40 flowers.csv | gzip; tail -n +41 flowers.csv | gzip; head -c 100 /dev/zero; } \
    >packed/flowers.csv.gz
check "two members and zeros" ./flowers --data packed --out unpacked --quiet
check "all rows are read" cmp closed/model.safetensors unpacked/model.safetensors
check "nothing is said" bash -c '! ./flowers --data packed --out unpacked --force --quiet 2>&1 |
    grep -q warning'
echo rubbish >>packed/flowers.csv.gz
exits "bytes behind" 0 "warning: packed/flowers.csv.gz: 10[0-9] bytes or more stand behind its" \
    ./flowers --data packed --out unpacked --force --quiet

# ---- what --force writes over is gone ------------------------------------------------------------

check "a run" ./flowers --out q --quiet --lr 0.5
touch q/notes.txt
check "a k-fold over it" ./flowers kfold 4 --out q --force --quiet
check "of the run is left what was not netc's" [ "$(cd q && echo [!f]*)" = \
    "band.csv kfold.json notes.txt report.html" ]
exits "weights of a k-fold" 1 "q is a k-fold, .*: --weights q/fold_1" ./flowers eval --weights q
check "weights of a fold" ./flowers eval --weights q/fold_1
exits "a run in a k-fold's folder" 2 "q is a run already: --resume q goes on with it" \
    ./flowers --out q --quiet
touch q/fold_3/notes.txt
check "a k-fold of fewer over it" ./flowers kfold 2 --out q --force --quiet
check "folds of the old one are gone" [ "$(cd q && echo fold_* fold_3/*)" = \
    "fold_1 fold_2 fold_3 fold_3/notes.txt" ]
check "a run over a k-fold" ./flowers --out q --force --quiet --epochs 300 --max-steps 20
check "of the k-fold is left what was not netc's" [ "$(cd q && echo *k* *old* fold_3/*)" = \
    "checkpoint.safetensors fold_3 fold_3/notes.txt" ]
check "the new run goes on" bash -c './flowers --resume q --max-steps 40 | grep Trained'
check "it is one run" grep -q '"steps": 40,' q/run.json

mkdir hand
check "a run in a folder of that name" ./flowers --out hand/fold_2 --quiet
exits "it is in the way of a k-fold" 2 "hand/fold_2 has model.safetensors already, .* --force" \
    ./flowers kfold 2 --out hand --quiet
check "but not of a run" ./flowers --out hand --quiet
check "nor of one over that" ./flowers --out hand --force --quiet
check "it is whole" ./flowers eval --weights hand/fold_2

# A process that is killed at any moment leaves no old weights beside what is another run's.
./flowers --out old --quiet --lr 0.5
for delay in 0.00{2,3,4,5,6,7,8,9}{0,3,6} 0.02; do
    rm -rf killed && cp -r old killed
    ./flowers --out killed --force --quiet --epochs 100000 &
    sleep $delay
    kill -KILL $!
    { wait $!; } 2>/dev/null
    if cmp -s old/model.safetensors killed/model.safetensors &&
        ! diff -r old killed >killed.log; then
        fail "killed after $delay s: old weights beside a new run" killed.log
    fi
done
pass

# ---- a folder that is moved while a run is in it -------------------------------------------------

# begun FILE: waits until an epoch is in a history
begun() {
    for _ in $(seq 200); do
        ! grep -qs "^1," "$1" || return 0
        sleep 0.05
    done
}
./flowers --epochs 100000 --out held >held.log 2>&1 &
begun held/history.csv
mv held moved
check "another run takes its name" ./flowers --out held --quiet --seed 5
cp -r held second
kill -TERM $!
wait $! 2>/dev/null
check "the run that moved left it alone" diff -r held second
check "its checkpoint went with it" grep -q '"status": "interrupted"' moved/run.json
check "it says where it is" grep -q "go on with: .* --resume .*/moved$" held.log
check "and goes on" ./flowers --resume moved --max-steps 1 --quiet

# files that are taken away, or written to, are there again at the end
./flowers --epochs 100000 --out emptied >/dev/null 2>emptied.log &
begun emptied/history.csv
rm emptied/*
kill -TERM $!
wait $! 2>/dev/null
check "it is told" grep -q "emptied/history.csv was taken away while" emptied.log
check "the weights are of use" ./flowers eval --weights emptied
check "its history is whole" grep -q "^1," emptied/history.csv
./flowers --resume emptied --max-steps 1 --quiet 2>resumed.log
check "it goes on without a word" [ $? = 0 -a ! -s resumed.log ]
./flowers --epochs 100000 --out edited >/dev/null 2>edited.log &
begun edited/history.csv
sed -i s/epoch/Epoch/ edited/history.csv
kill -TERM $!
wait $! 2>/dev/null
check "an edit is told" grep -q "was changed while .* is in history.csv.found" edited.log
check "and kept aside" grep -q "^Epoch" edited/history.csv.found
check "its history is the run's" grep -q "^epoch" edited/history.csv

./flowers kfold 3 --epochs 200 --out folds --quiet >folds.txt &
begun folds/fold_1/history.csv
mv folds moved_folds && mkdir folds
check "a k-fold that was moved" wait $!
check "is whole" [ "$(cd moved_folds && echo *)" = \
    "band.csv fold_1 fold_2 fold_3 folds.csv kfold.json report.html" -a -z "$(ls folds)" ]

pids=()
for _ in 1 2 3 4 5 6 7 8; do
    ./flowers --quiet --seed $_ & pids+=($!)
done
wait "${pids[@]}" 2>/dev/null
check "eight runs at once have a folder each" [ "$(ls runs | wc -l)" = 8 -a \
    "$(cat runs/*/run.json | grep -c '"status": "finished"')" = 8 ]

# ---- data under a run's feet ---------------------------------------------------------------------

cat >mapped.net <<'END'
data {
    train = npy(x="x.npy", y="y.npy")
    input  x[64] = x
    target y     = y -> classes(4)
}
network net(x) { x -> dense(4) }
train {
    loss      = cross_entropy(net(x), y)
    optimizer = sgd(lr=0.01)
    batch     = 16
    epochs    = 100000
}
END
check "netc mapped.net" "$netc" mapped.net -o mapped
# npy FILE TYPE SHAPE BYTES: zeros
npy() {
    printf '\223NUMPY\1\0v\0%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': ($3)}" >"$1"
    head -c "$4" /dev/zero >>"$1"
}
npy y.npy '|u1' 4000, 4000
npy x.npy '<f4' '4000, 64' 1024000
check "a run" ./mapped --out whole --max-steps 1 --quiet
./mapped --out feet --quiet 2>feet.log &
begun feet/history.csv
truncate -s 100000 x.npy
wait $!
check "a mapped file that is cut short ends a run" [ $? = 1 ]
check "it is named" grep -q 'error: .*x.npy: byte [0-9]* is not there any more' feet.log
check "the run has failed" grep -q '"status": "failed"' feet/run.json

npy x.npy '<f4' '4000, 64' 1024000
mkfifo predictions
./mapped predict --weights whole --part train -o predictions 2>feet.log &
timeout 20 bash -c '{ read -r _; truncate -s 8192 x.npy; cat >/dev/null; } <predictions'
wait $!
check "it ends predict, which waits for its reader" [ $? = 1 ]
check "it is named there" grep -q 'error: .*x.npy: byte [0-9]* is not there any more' feet.log

for change in "written to:1" "renamed:0"; do # a file in its place was not read
    npy x.npy '<f4' '4000, 64' 1024000
    ./mapped predict --weights whole --part train -o predictions 2>feet.log &
    timeout 20 bash -c '{ read -r _; [ "$0" = renamed:0 ] && cp x.npy new.npy && mv new.npy x.npy ||
        printf 1234 | dd of=x.npy bs=1 seek=5000 conv=notrunc 2>/dev/null
        cat >/dev/null; } <predictions' "$change"
    wait $!
    check "predict of a file that is $change" [ $? = "${change#*:}" ]
done
check "init" ./mapped init -o initial.safetensors
npy y.npy '|u1' 400000, 400000
npy x.npy '<f4' '400000, 64' 102400000
./mapped eval --weights initial.safetensors --part train >feet.out 2>feet.log &
while kill -0 $! 2>/dev/null; do touch x.npy; done
wait $!
check "eval of a file that is written to" [ $? = 1 ]
check "it is named in its place" grep -q "error: .*x.npy was written to while its rows" feet.log
check "no numbers are told" [ ! -s feet.out ]
npy y.npy '|u1' 4000, 4000
npy x.npy '<f4' '4000, 64' 1024000
rm -rf feet # its history would be taken for that of the run to come
./mapped --out feet 2>feet.log &
begun feet/history.csv
printf 1234 | dd of=x.npy bs=1 seek=5000 conv=notrunc 2>/dev/null
for _ in $(seq 100); do
    ! grep -q "written to" feet.log || break
    sleep 0.05
done
check "a file that is written to is told of" grep -q "warning: .*x.npy was written to:" feet.log
cp y.npy z.npy && mv z.npy y.npy
kill -TERM $!
wait $! 2>/dev/null
check "a file whose name is another's is told of" grep -q \
    "warning: .*y.npy is another file now: the run goes on with the rows that it had" feet.log
check "once" [ "$(grep -c x.npy feet.log)" = 1 ]
check "it is on record" grep -q '"data_changed": \["./x.npy", "./y.npy"\]' feet/run.json
check "a run that goes on" ./mapped --resume feet --max-steps 1 --quiet --data-changed
check "keeps its beginning" grep -q '^  "command": "train --out feet"' feet/run.json
for times in 1 2; do
    check "and lists what went on" \
        [ "$(grep -c '"command": "train --resume feet' feet/run.json)" = $times ]
    ./mapped --resume feet --max-steps 1 --quiet --data-changed
done
check "keeps the record" grep -q '"data_changed": \["./x.npy", "./y.npy"\]' feet/run.json

# ---- a history that is not the checkpoint's ------------------------------------------------------

# history NAME PATTERN CHANGE...: of a run whose history was changed
history() {
    local name=$1 pattern=$2
    shift 2
    rm -rf told && cp -r closed told
    (cd told && cp history.csv before.csv && "$@")
    exits "history: $name" 0 "history.csv is not as the checkpoint .* 2 epochs: it $pattern" \
        ./flowers --resume told --epochs 3 --quiet
}
history gone "is missing; the lines of 0 epochs are kept" rm history.csv
history emptied "is empty; the lines of 0 " truncate -s 0 history.csv
history foreign "has another header; .* 0 .*kept, what was found is in history.csv.found" \
    sed -i 1s/epoch/day/ history.csv
check "it is kept beside" [ "$(head -c 3 told/history.csv.found)" = day ]
history fewer "has others, or fewer; the lines of 1 epochs" sed -i 3d history.csv
check "they are kept" [ "$(cut -d, -f1 told/history.csv | tr '\n' ' ')" = "epoch 1 3 " ]
history edited "was edited; the lines of 2 epochs" sed -i '2s/,/,1/' history.csv
rm -rf told && cp -r closed told && echo 3,4 >>told/history.csv
./flowers --resume told --epochs 3 --quiet 2>told.log
check "lines behind the checkpoint's are usual" [ ! -s told.log ]

# ---- the line that goes on with a run ------------------------------------------------------------

./flowers --epochs 100000 --out stopped >stopped.log 2>&1 &
begun stopped/history.csv
kill -TERM $!
wait $! 2>/dev/null
line=$(sed -n 's/.*go on with:  //p' stopped.log)
check "it says how to go on" [ "$line" = "./flowers train --resume stopped" ]
check "that works" $line --max-steps 1 --quiet

# ---- a folder whose name is not UTF-8 ------------------------------------------------------------

latin=$(printf 'caf\xe9')
mkdir "$latin" && mv flowers.csv "$latin"
check "data in a folder that is not UTF-8" \
    ./flowers --data "$latin" --out latin --quiet --epochs 9 --max-steps 3
length=$(od -An -tu8 -N8 latin/checkpoint.safetensors)
head -c $((length + 8)) latin/checkpoint.safetensors | tail -c +9 >latin/header.json
for json in run header; do
    check "$json.json is UTF-8" iconv -f utf-8 -t utf-16 latin/$json.json
done
check "it goes on, in the same folder" ./flowers --resume latin --quiet
mv "$latin/flowers.csv" .

# ---- a checkpoint of another model ---------------------------------------------------------------

other() {
    exits "$1" 1 "$2.* is of flowers.net, [0-9a-f]*; this trainer is of $1.net, [0-9a-f]*" \
        "./$1" --resume stopped
}
build wider 's/dense(8)/dense(9)/'
other wider "its net.dense_1.weight is \[8, 2\], this trainer's \[9, 2\]"
build deeper 's/relu ->/relu -> dense(8) -> relu ->/'
other deeper "its net.dense_2.weight is \[3, 8\], this trainer's \[8, 8\]"
build alike 's/relu/tanh/'
other alike "all weights are alike, .*--weights"
check "weights that are alike" ./alike --weights stopped --out alike_run --quiet
build shallow 's/dense(8) -> relu -> //'
other shallow "it has no net.dense.weight"
build short 's/ -> relu -> dense(3)//; s/dense(8)/dense(8, bias=false) -> dense(3)/'
sed 's/, bias=false//' short.net >long.net
check "netc long.net" "$netc" long.net
check "a run with a bias" ./long --out long_run --quiet
exits "a tensor too many" 1 "it has net.dense_1.bias, this trainer none" ./short --resume long_run

# ---- a loss that is not finite -------------------------------------------------------------------

exits "diverged" 3 "smaller --lr, or --clip 1, from .*diverged/check" \
    ./flowers --optimizer sgd --lr 1e30 --out diverged
exits "diverged, clipped" 3 "smaller --lr, or a smaller --clip than 1, from .*diverged/check" \
    ./flowers --optimizer sgd --lr 1e30 --clip 1 --epochs 100 --out diverged --force
build large 's/-> standardize/-> scale(1e38) -> scale(1e38)/'
exits "transforms that give too much" 1 \
    "flowers.csv: row 0, element 1 .*transforms of x give inf there, beyond single" \
    ./large --out none
build large_bytes 's/train *=.*/train = digits(rows=64)/
    s/input.*/input image = image -> scale(1e38) -> scale(1e38)/
    s/target.*/target kind = label -> classes(10)/
    s/(x)/(image)/g; s/x -> dense(8)/image -> flatten/; s/dense(3)/dense(10)/'
exits "transforms of bytes" 1 "bytes of 255, channel 0 .*transforms of image give inf" \
    ./large_bytes --out none
build first 's/-> standardize/-> scale(1e30)/; s/x -> dense(8)/x * x -> dense(8)/'
exits "the first loss" 3 "step 1 .*began in the result of .* No update came before it, so the" \
    ./first --out first_run

# ---- what is told before the first step ----------------------------------------------------------

# 72 training rows; of four folds 67, 67, 68 and 68
build normed 's/dense(8)/dense(8) -> batchnorm/; s/batch  .*/batch = 80/'
exits "a last batch of one row" 2 "71: of 72 training rows the last batch has one.* --batch 70" \
    ./normed --batch 71 --out none
exits "a k-fold's last batch of one row" 2 "67: of 68 training rows the last batch has one" \
    ./normed kfold 4 --batch 67 --out none
check "no folder is left of them" [ ! -e none ]
check "a last batch of two rows" ./normed --batch 70 --out normed_run --quiet
check "a k-fold's last batch of two rows" ./normed kfold 4 --batch 65 --out normed_folds --quiet
mkdir one three
head -n 2 flowers.csv >one/flowers.csv
head -n 4 flowers.csv >three/flowers.csv
build pair 's/dense(8)/dense(8) -> batchnorm/; s/batch  .*/batch = 2/; /validation/d'
exits "one row" 1 "1 training row: one is alone .*; more rows are needed$" \
    ./pair --data one --out none
exits "three rows in twos" 1 "3 training rows: one is alone .*larger batch: netc --batch" \
    ./pair --data three --out none
build image 's/x\[2\]/x[1, 1, 2]/; s/dense(8)/conv2d(8, 1) -> batchnorm -> flatten/
    s/batch  .*/batch = 71/'
check "one row of two pixels" ./image --out image_run --quiet

build late 's/epochs .*/epochs = 10\n    schedule = [warmup(50), cosine]/'
exits "netc: a schedule that never comes" 0 "late.net:16:29: warning: cosine never comes" \
    "$netc" late.net --check
exits "a schedule that never comes" 0 "warning: .*cosine never comes: .* 10 epochs.*--warmup-ep" \
    ./late --max-steps 1 --out late_run --quiet
./late --max-steps 1 --out late_run --force --quiet --warmup-epochs 9 2>late.log
check "one that comes" [ ! -s late.log ]
./late --epochs 4 --out late_run --force --quiet --warmup-epochs 1
exits "a schedule to an end that comes later" 0 "warning: the schedule ends after 8 epochs now, \
and 4 were .* after 4: the rate was .* from here on.* begin with --epochs 8" \
    ./late --resume late_run --epochs 8 --quiet
./late --resume late_run --epochs 8 --quiet 2>late.log
check "is told of once" [ ! -s late.log ]
./late --epochs 4 --max-steps 1 --out late_run --force --quiet --warmup-epochs 1
./late --resume late_run --epochs 8 --quiet 2>late.log
check "not before it has begun" [ ! -s late.log ]

build five 's/classes(3)/classes(5)/; s/dense(3)/dense(5)/'
exits "classes without rows" 0 "warning: classes 3, 4 of kind have no rows .*(3 of 5 classes" \
    ./five --out five_run --quiet
grep -v ',b$' flowers.csv >three/flowers.csv
exits "a class without rows" 0 "warning: class 2 of kind has no rows" \
    ./flowers --data three --out two --quiet
./flowers kfold 3 --data three --out two_folds --quiet 2>two.log >two.txt
check "it is said once" [ "$(grep -c warning two.log)" = 1 ]
sed 's/a$/1/; s/b$/2/; s/c$/3/' flowers.csv >three/flowers.csv
build ten 's/classes(3)/classes(10)/; s/dense(3)/dense(10)/'
exits "many classes without rows" 0 "classes 0, 4, 5, 6, 7, ... of kind have" \
    ./ten --data three --out ten_run --quiet

# ---- data that cannot be read twice --------------------------------------------------------------

mkdir pipe
mkfifo pipe/flowers.csv
exits "a pipe as training data" 1 "pipe/flowers.csv is a pipe .*copy them to a file" \
    timeout 20 ./flowers --data pipe --out none
./flowers --out predicts --quiet
./flowers predict flowers.csv --weights predicts >file.txt
check "predict takes a pipe without a name" \
    cmp file.txt <(./flowers predict <(cat flowers.csv) --weights predicts)
cat flowers.csv >pipe/flowers.csv &
check "predict takes a pipe" \
    cmp file.txt <(timeout 20 ./flowers predict pipe/flowers.csv --weights predicts)
kill $! 2>/dev/null
check "predict takes stdin" \
    cmp file.txt <(./flowers predict /dev/stdin --weights predicts <flowers.csv)

finish
