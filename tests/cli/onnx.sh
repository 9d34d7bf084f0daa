#!/usr/bin/env bash
# onnx.sh -- exported networks as ONNX Runtime runs them, beside `predict`: convolutions, attention,
# recurrence over words. tests/pytorch/onnx_runtime.py tries every case of tests/pytorch.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
check "each model has nodes of ONNX" sh -c '! for m in "$2"/models/*.net "$2"/models/zoo/*.net; do
    "$1" "$m" --dump=onnx | grep -q "^prediction = " || echo "$m"
done | grep .' - "$netc" "$root"
. "$root/tests/trackers/packages.sh" "ONNX"
cp "$root"/tests/pytorch/{images,labels}.npy "$root"/tests/pytorch/texts.csv .

cat >runs.py <<'END'
import csv
import sys

import numpy as np
import onnx
import onnxruntime

path, said, kind = sys.argv[1:]
onnx.checker.check_model(onnx.load(path), full_check=True)
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
(taken,) = session.get_inputs()
if kind == "images":
    assert taken.shape == ["n", 3, 9, 9], taken.shape
    rows = (np.load("images.npy") / 255).astype(np.float32).reshape(-1, *taken.shape[1:])
else:           # words by how often they occur, the most frequent first; 0 is padding, 1 unknown
    texts = [row["text"].split() for row in csv.DictReader(open("texts.csv"))]
    words = [word for text in texts for word in text]
    known = sorted(set(words), key=lambda word: (-words.count(word), word))[:30]
    rows = np.zeros((len(texts), taken.shape[1]), np.int32)
    for row, text in enumerate(texts):
        ids = [known.index(word) + 2 if word in known else 1 for word in text][:rows.shape[1]]
        rows[row, :len(ids)] = ids
wanted = np.load(said)
for batch in (rows, rows[:1]):
    (given,) = session.run(["prediction"], {taken.name: batch})
    assert np.abs(given.reshape(len(batch), -1) - wanted[:len(batch)]).max() <= 1e-5
END

# agrees KIND NAME [LET]: the case NAME of tests/pytorch, one of its lets replaced
agrees() {
    cp "$root/tests/pytorch/$2.net" case.net
    check "netc $2 ${3:-}" "$netc" case.net -o case ${3:+--define "$3"}
    check "a run of it" ./case --max-steps 3 --out run --force --quiet
    check "is exported" ./case export --weights run --format onnx -o case.onnx
    check "predicts" ./case predict --weights run --part train --format npy -o said.npy
    check "ONNX Runtime agrees" "$python" runs.py case.onnx said.npy "$1"
}
cat >raw.py <<'END'
import csv
import sys

import numpy as np
import onnx
import onnxruntime

path, said, kind = sys.argv[1:]
onnx.checker.check_model(onnx.load(path), full_check=True)
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
if kind == "images":
    rows = {"image": np.load("images.npy").reshape(-1, 3, 9, 9)}
    assert rows["image"].dtype == np.uint8
else:
    table = list(csv.DictReader(open("cells.csv")))
    cells = lambda *names: np.array([[float(row[name] or "nan") for name in names]
                                     for row in table])
    rows = {"amount": cells("amount", "price"), "t": cells("day"), "bin": cells("price")}
    rows |= {"step": rows["amount"], "day": rows["t"], "again": rows["t"]}
    rows |= dict.fromkeys(["week", "mode", "shift"], cells("week"))
wanted = np.load(said)
for given, name in zip(session.run(None, rows), wanted.files):
    error = np.abs(given.reshape(wanted[name].shape) - wanted[name]).max()
    assert error <= 1e-5 * max(1, np.abs(wanted[name]).max()), (name, error)
if kind == "cells":             # what the trainer refuses has no number, or fails
    changed = lambda name, x: rows | {name: np.full((60, 1), x)}
    assert np.isnan(session.run(None, changed("again", 7.0))[0]).all()
    assert np.isfinite(session.run(None, changed("shift", 1.0))[0]).all()
    for x in 7.0, 2.5, np.nan:
        try:
            session.run(None, changed("day", x))
        except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument:
            continue
        raise AssertionError(x)
END

agrees images image "part=conv2d(10,3,stride=2,padding=1,groups=2)"
check "with preparations" ./case export --weights run --with-preparations -o raw.onnx
check "predicts" ./case predict --weights run --part train --format npz -o said.npz
check "ONNX Runtime agrees" "$python" raw.py raw.onnx said.npz images
agrees images image "part=conv2d_transpose(7,3,stride=2,output_padding=1)"
agrees images attention
agrees images sequence "part=gru(7,reverse=true)"
agrees texts text "after=lstm(7,keep=last,reverse=true,layers=2)"
agrees texts text "after=lstm(16,keep=last)"
exits "words" 1 "tokens of words is not said in ONNX" ./case export --weights run \
    --with-preparations -o none.onnx
check "leaves no file" [ ! -e none.onnx ]

# ---- With the run's preparations: rows of a table as they are, values in their units -------------
cat >cells.net <<'END'
data {
    train           = csv("cells.csv")
    input amount[2] = columns(["amount", "price"])
                      -> impute(missing, median, except="price") -> clip(least=0.5, most=3000)
                      -> log1p -> standardize -> robust
    input t         = column("day") -> impute(zeros, mean) -> scale(0.25) -> minmax
    input step[2]   = columns(["amount", "price"]) -> impute(missing, mean) -> quantiles(5)
    input bin       = column("price") -> quantiles(4) -> one_hot(4)
    input week      = column("week") -> classes(5, unknown=row, missing=row, min_count=2)
    input mode      = column("week") -> classes(12, missing=mode)
    input shift     = column("week") -> one_hot(9, unknown=zeros, missing=zeros, min_count=7)
    input day       = column("day") -> classes(7)
    input again     = column("day") -> one_hot(7)
    target cost     = column("cost") -> log1p -> standardize
    target size     = column("price") -> minmax
}
network one(amount, t, step, bin, week, mode, shift, day, again) {
    concat(amount, t, step, bin, shift, again, week -> embedding(2) -> flatten,
           mode -> embedding(2) -> flatten, day -> embedding(2) -> flatten)
        -> dense(4) -> tanh -> dense(1)
}
network two(amount, t) { concat(amount, t) -> dense(1) }
train {
    loss      = mse(one(amount, t, step, bin, week, mode, shift, day, again), cost) +
                mse(two(amount, t), size)
    optimizer = adam(lr=0.1)
    batch     = 16
    epochs    = 2
}
END
awk 'BEGIN { print "amount,price,day,cost,week"
    for (i = 0; i < 60; i++)
        printf "%s,%g,%d,%g,%s\n", i % 6 == 1 ? "" : i * i * 1.25, i * .37, i % 7, i % 13 * 101.5,
            i % 9 == 4 ? "" : i == 5 ? 77 : 2000 + i % 4 * i % 3 }' >cells.csv
build cells cells.net
check "cells" ./cells --out cells-run --force --quiet
check "with preparations" ./cells export --weights cells-run --with-preparations -o cells.onnx
check "predicts" ./cells predict --weights cells-run --part train --format npz -o cells.npz
check "ONNX Runtime agrees" "$python" raw.py cells.onnx cells.npz cells
exits "without the run's folder" 2 "wants --weights of a run's folder" sh -c '
    cp cells-run/model.safetensors alone.safetensors
    ./cells export --weights alone.safetensors --with-preparations -o none.onnx'
exits "of weights" 2 "goes with --format onnx" ./cells export --weights cells-run \
    --with-preparations -o none.npz
check "factors that are whole are floats" sh -c 'for part in elu "leaky_relu(2)"; do
    "$1" "$2" --define "part=$part" --dump=onnx
done | grep -cE "lu\\(.*\\) alpha=[12]\.0" | grep -qx 2' - "$netc" "$root/tests/pytorch/image.net"
for name in t1 prediction; do
    sed "s/image/$name/; s/(image)/($name)/g; s/    image ->/    $name ->/" \
        "$root/models/digits.net" >$name.net
    sed -i "s/= $name -> scale/= image -> scale/; s/input  image/input  $name/" $name.net
done
check "an input called as a result might be" sh -c '"$1" t1.net --dump=onnx | grep -q "Conv(t1 "' \
    sh "$netc"
check "one called as the output" sh -c '"$1" prediction.net --dump=onnx |
    grep -q "no input of the output.s name"' sh "$netc"
finish
