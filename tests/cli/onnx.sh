#!/usr/bin/env bash
# onnx.sh -- exported networks as ONNX Runtime runs them, beside `predict`: convolutions, attention,
# recurrence over words. tests/pytorch/onnx_runtime.py tries every case of tests/pytorch.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
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
    check "is exported" ./case export --weights run -o case.onnx
    check "predicts" ./case predict --weights run --part train --format npy -o said.npy
    check "ONNX Runtime agrees" "$python" runs.py case.onnx said.npy "$1"
}
agrees images image "part=conv2d(10,3,stride=2,padding=1,groups=2)"
agrees images image "part=conv2d_transpose(7,3,stride=2,output_padding=1)"
agrees images attention
agrees images sequence "part=gru(7,reverse=true)"
agrees texts text "after=lstm(7,keep=last,reverse=true,layers=2)"
agrees texts text "after=lstm(16,keep=last)"
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
