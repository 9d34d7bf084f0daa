#!/usr/bin/env bash
# folders.sh -- what stands in a run's folder is lost only where it was said so, and what was said
# at its beginning is kept to its end.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1

# shellcheck source=tests/support/flowers.sh
. "$root/tests/support/flowers.sh"
check "netc flowers.net" "$netc" flowers.net

# begun FILE: waits until an epoch is in a history
begun() {
    for _ in $(seq 200); do
        ! grep -qs "^1," "$1" || return 0
        sleep 0.05
    done
}

# ---- files of a run that is not there ------------------------------------------------------------

mkdir other
rows 60 >other/flowers.csv
check "a run" ./flowers --out first --quiet
for file in model.safetensors preparation.json history.csv report.html; do
    rm -rf copied && mkdir copied && cp "first/$file" copied
    exits "$file is in the way of a run" 2 "copied has $file already, .* --force" \
        ./flowers --data other --out copied --quiet
    check "$file is as it was" cmp "first/$file" "copied/$file"
done
cp first/preparation.json first/model.safetensors copied
check "a run over them" ./flowers --data other --out copied --force --quiet
check "its contract is its own" ./flowers eval --data other --weights copied
check "it goes on" ./flowers --resume copied --epochs 3 --quiet
mkdir -p held/fold_1 && cp first/model.safetensors held/fold_1
exits "weights are in the way of a k-fold" 2 \
    "held/fold_1 has model.safetensors already, .* --force" ./flowers kfold 2 --out held --quiet
check "they are as they were" cmp first/model.safetensors held/fold_1/model.safetensors
check "no k-fold began" [ ! -e held/kfold.json ]

./flowers --epochs 100000 --out edited >/dev/null 2>&1 &
begun edited/history.csv
cp edited/preparation.json own.json
cp copied/preparation.json edited
kill -TERM $!
wait $! 2>/dev/null
check "a contract that was written over in mid-run is the run's again" \
    cmp own.json edited/preparation.json

# ---- a fold that trains is in the way of --force -------------------------------------------------

check "a k-fold" ./flowers kfold 5 --epochs 1 --out five --quiet
cp -r five before
./flowers --resume five/fold_3 --epochs 1000000 --quiet &
for _ in $(seq 200); do
    ! grep -q '"status": "running"' five/fold_3/run.json || break
    sleep 0.05
done
exits "another process trains in a fold" 2 "trains in five/fold_3" \
    ./flowers kfold 5 --epochs 1 --out five --force --quiet
kill -KILL $!
{ wait $!; } 2>/dev/null
check "no other fold has lost a file" diff -r -x fold_3 before five

# ---- a k-fold that is killed before its first checkpoint -----------------------------------------

flags="--lr 0.5 --seed 3 --batch 7 --data other"
check "a whole k-fold" ./flowers kfold 3 $flags --epochs 3 --out three --quiet
./flowers kfold 3 $flags --epochs 3 --out begun --quiet >/dev/null 2>&1 &
for _ in $(seq 200); do
    [ ! -e begun/kfold.json ] || break
    sleep 0.01
done
kill -KILL $!
{ wait $!; } 2>/dev/null
rm -rf begun/fold_*
check "it has no results yet" bash -c '! grep -q results begun/kfold.json'
exits "with another rate" 2 "[-]-lr differs: begun/kfold.json was trained with 0.5" \
    ./flowers kfold --resume begun --lr 0.1 --quiet
exits "in another folder" 2 "[-]-out and --resume exclude" ./flowers kfold --resume begun --out x
check "it goes on" ./flowers kfold --resume begun --quiet
for fold in 1 2 3; do
    check "fold $fold is trained as it was meant to be" \
        cmp {three,begun}/fold_$fold/model.safetensors
done
check "and so are the results" cmp {three,begun}/kfold.json

# ---- data that changed, and a kill before the next checkpoint ------------------------------------

mkdir grown
rows 90 >grown/flowers.csv
for count in 99 70; do
    rm -rf killed
    rows 90 >grown/flowers.csv
    check "a run stops" ./flowers --data grown --out killed --epochs 90 --max-steps 13 --quiet
    rows "$count" >grown/flowers.csv
    cp killed/checkpoint.safetensors old.safetensors
    ./flowers --resume killed --data-changed --epochs 1000000 --quiet 2>/dev/null &
    for _ in $(seq 200); do
        ! grep -q '"changed": 1' killed/preparation.json || break
        sleep 0.02
    done
    kill -KILL $!
    { wait $!; } 2>/dev/null
    check "$count rows: goes on after a kill" ./flowers --resume killed --max-steps 20 --quiet
    # as if it had been killed between the two files, one way and the other
    check "the checkpoint of before" cp old.safetensors killed/checkpoint.safetensors
    exits "$count rows: a checkpoint of others" 1 "[-]-data-changed takes them" \
        ./flowers --resume killed --max-steps 20 --quiet
    check "$count rows: is taken" ./flowers --resume killed --data-changed --max-steps 20 --quiet
    rows 90 >grown/flowers.csv
    check "$count rows: and those of before again" \
        ./flowers --resume killed --data-changed --max-steps 30 --quiet
done

# ---- the log of steps ----------------------------------------------------------------------------

exits "a log that the run would write over" 2 "history.csv is the history.csv of the run's folder" \
    ./flowers --out logged --log-steps logged/history.csv --quiet
check "no folder is left of it" [ ! -e logged ]
mkdir logged && ln -s logged/curves.svg link.csv
exits "a log behind a link" 2 "link.csv is the curves.svg" \
    ./flowers --out logged --log-steps link.csv --quiet
check "no file is left of it" [ -z "$(ls logged)" ]
check "a log" ./flowers --out logged --log-steps logged/steps.csv --epochs 20 --quiet
check "a run that stops" \
    ./flowers --out cut --log-steps cut.csv --epochs 20 --max-steps 33 --quiet
echo 34,1 >>cut.csv # of a step behind the checkpoint
check "a run that goes on" ./flowers --resume cut --log-steps cut.csv --quiet
check "it has one log" cmp cut.csv logged/steps.csv
check "a run that starts anew" ./flowers --out cut --force --log-steps cut.csv --epochs 1 --quiet
check "has a new one" [ "$(wc -l <cut.csv)" = 6 ]
check "a log to a pipe" bash -c './flowers --out cut --force --quiet --epochs 1 \
    --log-steps /dev/stdout | diff - cut.csv'
./flowers --resume first --epochs 1000000 --log-steps first.csv --checkpoint-every 1 --quiet &
begun first.csv
sleep 0.3
kill -KILL $!
{ wait $!; } 2>/dev/null
check "after a kill" ./flowers --resume first --log-steps first.csv --max-steps 1 --quiet
check "it has every step" awk -F, 'NR > 2 && $1 != last + 1 { exit 1 } { last = $1 }' first.csv

# ---- a run.json that cannot be read --------------------------------------------------------------

echo '{"status": ' >cut/run.json
exits "a damaged run.json" 0 "warning: cut/run.json: .*which data changed before is not known" \
    ./flowers --resume cut --epochs 2 --quiet
rm cut/run.json
exits "a missing run.json" 0 "warning: cut/run.json: it is missing" \
    ./flowers --resume cut --epochs 3 --quiet
./flowers --resume cut --epochs 4 --quiet 2>again.log
check "it is told once" [ ! -s again.log ]

finish
