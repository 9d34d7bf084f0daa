#!/usr/bin/env bash
# trackers.sh -- what the packages of TensorBoard and MLflow read of a run.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
. "$root/tests/trackers/packages.sh" "TensorBoard and MLflow"

sed 's/digits([^)]*)/digits(rows=400)/' "$root/models/digits.net" >digits.net
build digits digits.net

# ---- TensorBoard ---------------------------------------------------------------------------------

board() { "$python" "$here/board.py" "$1" >"$2" 2>board.log || cat board.log; }

check "a run with TensorBoard" ./digits --epochs 3 --out whole --tensorboard tb --track-every 2 \
    --log-steps steps.csv --quiet
check "another without" ./digits --epochs 3 --out none --quiet
check "has the same weights" cmp <(tail -c 20000 whole/model.safetensors) \
    <(tail -c 20000 none/model.safetensors)
board tb/whole whole.json
for part in train validation; do
    for metric in loss accuracy; do
        asks "TensorBoard" whole.json \
            "($near)(o['scalars']['$part']['$metric'], $(column whole ${part}_$metric))"
    done
done
asks "TensorBoard" whole.json "[x[0] for x in o['scalars']['train']['loss']] == [1, 2, 3]"
asks "TensorBoard" whole.json "($near)(o['scalars']['steps']['loss by step'], \
    $(awk -F, 'NR > 1 && $1 % 2 == 0 { printf "%s%s", (c++ ? "," : "["), $2 } END { print "]" }' \
        steps.csv))"
asks "TensorBoard" whole.json \
    "abs(o['scalars']['']['final/test loss'][0][1] - $(final whole test loss)) < 1e-6"
asks "TensorBoard" whole.json "o['hparams']['lr'] == 0.001 and o['hparams']['shuffle'] is True"
asks "TensorBoard" whole.json "o['hparams']['optimizer'] == 'adam' and o['status'] == 1"
asks "TensorBoard" whole.json "o['differs'] == ['epochs']" # those of flags come first
asks "TensorBoard" whole.json "o['metrics'][2:] == ['validation/loss', 'validation/accuracy']"
asks "TensorBoard" whole.json "'conv2d_2' in o['texts']['model']"
asks "TensorBoard" whole.json "'--epochs 3' in o['texts']['command']"
asks "TensorBoard" whole.json "len(o['images']) == 8"
row=$(./digits predict --weights whole --part validation --with-truth --format csv |
    sed -n '2s/.*,//p') # of the first one, in the source
asks "TensorBoard" whole.json "any('validation row $row: ' in name for name in o['images'])"
asks "TensorBoard" whole.json \
    "all(i[:4] == [28] * 4 and i[4] > 10000 for i in o['images'].values())"

./digits --epochs 3 --out parts --tensorboard tb --track-every 2 --max-steps 8 --quiet
check "a run that goes on" ./digits --resume parts --tensorboard tb --track-every 2 --quiet
board tb/parts parts.json
for tag in "train']['loss" "validation']['accuracy" "steps']['loss by step"; do
    check "each step once: $tag" "$python" -c 'import json, sys
a, b = (json.load(open(f"{n}.json"))["scalars"] for n in ("whole", "parts"))
assert eval(sys.argv[1]) and eval(sys.argv[1].replace("a[", "b[")) == eval(sys.argv[1])' \
        "a['$tag']"
done
asks "of both sessions" parts.json "o['status'] == 1 and o['hparams']['epochs'] == 3"
check "its name stays" [ "$(cat parts/tensorboard.run)" = parts ]
./digits --epochs 1 --out whole --force --tensorboard tb --quiet
check "a run of the same name is another" [ "$(cat whole/tensorboard.run)" = whole_2 ]
for file in tb/whole/train/*; do truncate -s -5 "$file"; done
board tb/whole cut.json
asks "a file that is cut" cut.json "[x[0] for x in o['scalars']['train']['loss']] == [1, 2, 3]"
exits "a file in its place" 1 "tensorboard steps.csv: the folder cannot be made" \
    ./digits --out refused --tensorboard steps.csv
check "leaves no folder" [ ! -e refused ]
check "a sweep" ./digits sweep lr=0.001,0.01 --epochs 1 --out swept --tensorboard tb --quiet
check "has each point" [ "$(find tb/swept -name train | wc -l)" = 2 ]

# ---- MLflow --------------------------------------------------------------------------------------

check "a run with MLflow" ./digits --epochs 3 --out "the whole" --mlflow "ml runs" --track-every 2 \
    --lr 0.002 --quiet
./digits --epochs 3 --out stopped --mlflow "ml runs" --track-every 2 --max-steps 8 --lr 0.002 \
    --quiet
check "a run that goes on with MLflow" ./digits --resume stopped --mlflow "ml runs" \
    --track-every 2 --quiet
./digits --epochs 1000000 --out killed --mlflow "ml runs" --quiet 2>/dev/null &
pid=$!
for ((i = 0; i < 100; i++)); do
    [ "$(wc -l 2>/dev/null <killed/history.csv || echo 0)" -lt 3 ] || break
    sleep 0.1
done
kill -TERM $pid
wait $pid
./digits --epochs 3 --out far --mlflow "ml runs" --lr 1e30 --quiet 2>/dev/null
store "ml runs" runs.json
for part in train validation; do
    for metric in loss accuracy; do
        asks "MLflow" runs.json "($near)(o['the whole']['metrics']['${part}_$metric'], \
            $(column "the whole" ${part}_$metric))"
    done
done
asks "MLflow" runs.json "[x[0] for x in o['the whole']['metrics']['lr']] == [1, 2, 3]"
asks "MLflow" runs.json "abs(o['the whole']['metrics']['final_test_accuracy'][0][1] - \
    $(final "the whole" test accuracy)) < 1e-6"
asks "MLflow" runs.json "o['the whole']['params']['lr'] == '0.002'"
asks "MLflow" runs.json "o['the whole']['params']['optimizer'] == 'adam'"
asks "MLflow" runs.json "{o[r]['experiment'] for r in o} == {'cnn'}"
asks "MLflow" runs.json "'--epochs 3' in o['the whole']['tags']['netc.command']"
asks "MLflow" runs.json "0 < o['the whole']['seconds'] < 60"
for file in model.safetensors report.html history.csv run.json preparation.json; do
    asks "MLflow" runs.json "'$file' in o['the whole']['artifacts']"
done
asks "as the run has it" runs.json "o['stopped']['metrics']['step_loss'] == \
    o['the whole']['metrics']['step_loss']"
asks "each epoch once" runs.json "o['stopped']['metrics']['train_loss'] == \
    o['the whole']['metrics']['train_loss']"
asks "the status" runs.json "[o[r]['status'] for r in ('the whole', 'stopped', 'killed', 'far')] \
    == ['FINISHED', 'FINISHED', 'KILLED', 'FAILED']"
check "the artifact is the file" cmp "the whole/model.safetensors" \
    "$(find "ml runs/$(cat "the whole/mlflow.run")" -name model.safetensors)"

finish
