#!/usr/bin/env bash
# trackers.sh -- what TensorBoard's own package reads of a run. It is installed from
# requirements.txt into build/trackers, once; skipped where it cannot be.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
here=$root/tests/trackers venv=$(realpath -m "${BUILD:-$root/build}")/trackers
cd "$scratch" || exit 1

# A venv with the package by the file as it is now, or nothing.
install() {
    cmp -s "$here/requirements.txt" "$venv/installed" && return
    command -v python3 >/dev/null && rm -rf "$venv" && python3 -m venv "$venv" &&
        timeout 300 "$venv/bin/pip" install -q -r "$here/requirements.txt" &&
        cp "$here/requirements.txt" "$venv/installed"
} >"$scratch/install.log" 2>&1

if ! install; then
    skip "TensorBoard: its package cannot be installed"
    tail -n 3 "$scratch/install.log"
    finish
    exit
fi
python=$venv/bin/python

# asks NAME FILE EXPRESSION: Python's, of what was read, `o`
asks() {
    check "$1: $3" "$python" -c 'import json, sys
o = json.load(open(sys.argv[1]))
assert eval(sys.argv[2]), o' "$2" "$3"
}

# column RUN NAME: of its history.csv, as a list
column() {
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next }
        { printf "%s%s", (NR > 2 ? "," : "["), $c } END { print "]" }' "$1/history.csv"
}

sed 's/digits([^)]*)/digits(rows=400)/' "$root/models/digits.net" >digits.net
build digits digits.net

# ---- TensorBoard ---------------------------------------------------------------------------------

board() { "$python" "$here/board.py" "$1" >"$2" 2>board.log || cat board.log; }
near="lambda a, b: all(abs(x[1] - y) <= 1e-6 * abs(y) for x, y in zip(a, b, strict=True))"

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
asks "TensorBoard" whole.json "o['metrics'][2:] == ['validation/loss', 'validation/accuracy']"
asks "TensorBoard" whole.json "'conv2d_2' in o['texts']['model']"
asks "TensorBoard" whole.json "'--epochs 3' in o['texts']['command']"
asks "TensorBoard" whole.json "len(o['images']) == 8"
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

finish
