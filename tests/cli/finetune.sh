#!/usr/bin/env bash
# finetune.sh [all|quick] -- `start = weights(..)` and `frozen`: which tensors a run begins with and
# which stay, what goes with them, what is refused. LeNet-5 learns the digits 0 to 4, then 5 to 9
# by a new head: with NETC_DATA, the folder of the real data sets, some of MNIST's; else, and where
# quick, ten patterns in noise.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
mnist=
[ "${1:-all}" != all ] || [ ! -d "${NETC_DATA:-}/mnist" ] || mnist=$NETC_DATA/mnist
[ -n "$mnist" ] || skip "MNIST: set NETC_DATA to a folder with mnist/, for the plain build"

mkdir low high
python3 - $mnist <<'END_OF_DATA'
import gzip, random, struct, sys
patterns = [random.Random(c).choices((0, 160), k=16) for c in range(10)]
noise = random.Random(10)
def picture(label): # 4 by 4 squares of a pattern
    return bytes(patterns[label][i // 28 // 7 * 4 + i % 28 // 7] + noise.randrange(96)
                 for i in range(784))
for part, rows, most in (("train", 400, 12000), ("t10k", 100, 4000)):
    if sys.argv[1:]:
        read = lambda kind: gzip.open(f"{sys.argv[1]}/{part}-{kind}-ubyte.gz").read()
        images, labels = read("images-idx3")[16:], read("labels-idx1")[8:]
    else:
        labels = [i % 10 for i in range(rows)]
        images = b"".join(map(picture, labels))
    for folder, first in (("low", 0), ("high", 5)):
        of = [i for i, label in enumerate(labels[:most]) if first <= label < first + 5]
        with open(f"{folder}/{part}.images", "wb") as file:
            file.write(struct.pack(">4i", 0x803, len(of), 28, 28))
            file.write(b"".join(images[784 * i:784 * i + 784] for i in of))
        with open(f"{folder}/{part}.labels", "wb") as file:
            file.write(struct.pack(">2i", 0x801, len(of)) + bytes(labels[i] - first for i in of))
END_OF_DATA
cat >lenet.net <<'END'
data {
    train = idx(image="train.images", label="train.labels")
    test  = idx(image="t10k.images", label="t10k.labels")

    input  image[1, 28, 28] = image -> standardize
    target label            = label -> classes(5)
}
network body(image) {
    image -> conv2d(6, 5, padding=2) -> relu -> maxpool2d(2)
          -> conv2d(16, 5) -> relu -> maxpool2d(2) -> flatten
          -> dense(120) -> relu -> dense(84) -> relu
}
network lenet(image) {
    head = body(image) -> dense(5)
    head
}
train {
    loss      = cross_entropy(lenet(image), label)
    optimizer = adam(lr=1e-3)
    batch     = 64
    metrics   = accuracy
    start     = weights("first", except=[head])
}
END
cat >tensors.py <<'END'
# read(FILE): {name: (shape, bytes)} of a safetensors file; write(FILE, the same)
import json, struct
def read(path):
    data = open(path, "rb").read()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    entries = json.loads(data[8:end])
    return {name: (e["shape"], data[end + e["data_offsets"][0]:end + e["data_offsets"][1]])
            for name, e in entries.items() if name != "__metadata__"}
def write(path, tensors):
    header, at = {}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(d for _, d in tensors.values()))
END
run() { # NAME OPTIONS...: trains on the digits 5 to 9
    local name=$1
    shift
    ./lenet train --data high --out "$name" --force --quiet "$@"
}

# ---- the tensors ---------------------------------------------------------------------------------

build lenet lenet.net
check "init" ./lenet init -o initial.safetensors
exits "no file" 1 "start first: there is no such file or folder" run none
check "--weights in its place" ./lenet train --data low --weights initial.safetensors --out first \
    --quiet
check "config names it" bash -c './lenet config | grep -qx "start  *first  *model file"'
check "run.json names it not where it is not" bash -c '! grep -q "\"start\"" first/run.json'
check "a new head" run head
check "run.json names it" grep -q '"start": "first"' head/run.json
check "at rate 0" run rest --lr 0 --max-steps 1
check "all but the head is the file's, the head initial, inputs prepared alike" python3 - <<'END'
import json
from tensors import read
first, rest, initial = (read(f) for f in ("first/model.safetensors", "rest/model.safetensors",
                                          "initial.safetensors"))
assert list(first) == list(rest) == list(initial) and len(first) == 10
for name in first:
    same = initial if name.startswith("lenet.head.") else first
    assert rest[name] == same[name] and first[name] != initial[name], name
fields = [json.load(open(f"{run}/preparation.json"))["fields"] for run in ("first", "rest")]
assert fields[0] == fields[1] and "mean" in str(fields[0])
END
check "on one thread" run one --max-steps 3 --threads 1
check "on two" run two --max-steps 3 --threads 2
check "the same bits" cmp one/model.safetensors two/model.safetensors
mv first away
check "goes on without the file" ./lenet train --resume one --max-steps 6 --quiet
mv away first
check "as if it had not stopped" run whole --max-steps 6
check "the same bits then" cmp one/model.safetensors whole/model.safetensors
if [ -n "$mnist" ]; then
    holds "digits 5 to 9 after an epoch" "$(final head test accuracy)" ">" 0.88
fi

# ---- what is frozen ------------------------------------------------------------------------------

sed 's/^    start .*/&\n    frozen    = [body]/' lenet.net >frozen.net
build frozen frozen.net
still() { # NAME OPTIONS...
    local name=$1
    shift
    ./frozen train --data high --out "$name" --force --quiet "$@"
}
check "summary" ./frozen summary
check "tells it" bash -c './frozen summary | grep -q "body.conv2d_2 (conv2d(16, 5), frozen)" &&
    ./frozen summary | grep -q " Trainable params: 425 " &&
    ./frozen summary | grep -q "Non-trainable params: 60,856 "'
check "a head alone" still alone
check "the body stays, its head learns" python3 - <<'END'
from tensors import read
first, alone = read("first/model.safetensors"), read("alone/model.safetensors")
assert list(first) == list(alone)
for name in first:
    assert (first[name] == alone[name]) != name.startswith("lenet.head."), name
END
check "gradcheck" bash -c './frozen gradcheck --synthetic >gradients; cat gradients'
check "gradcheck looks at the head alone" bash -c 'grep -q lenet.head gradients &&
    ! grep -q body. gradients'
check "on one thread, 3 steps" still one --max-steps 3 --threads 1
check "goes on, on two" ./frozen train --resume one --max-steps 6 --quiet --threads 2
check "as if at once" still whole --max-steps 6
check "the same bits of the head" cmp one/model.safetensors whole/model.safetensors
if [ -n "$mnist" ]; then
    holds "digits 5 to 9 by a head alone" "$(final alone test accuracy)" ">" 0.5
fi
# gradients through a frozen batchnorm, whose statistics stay
sed -e 's/conv2d(16, 5)/& -> batchnorm/' -e 's/^    start .*/    frozen    = batchnorm/' \
    lenet.net >norm.net
build norm norm.net
check "gradcheck through batchnorm" ./norm gradcheck --synthetic
check "init of it" ./norm init -o initial.safetensors
check "train around it" ./norm train --data high --out norm.run --quiet --max-steps 3
check "it stays" python3 - <<'END'
from tensors import read
first, then = read("initial.safetensors"), read("norm.run/model.safetensors")
for name in first:
    assert (first[name] == then[name]) == (".batchnorm." in name), name
END

# ---- rates ---------------------------------------------------------------------------------------

sed -e '1i let slow = 0.25' -e 's/adam(lr=1e-3)/sgd(lr=0.5)/' \
    -e 's/^    start .*/    rates      = slow * body\n    accumulate = 1/' lenet.net >rates.net
build rates rates.net
rated() { # NAME OPTIONS...
    local name=$1
    shift
    ./rates train --data high --out "$name" --force --quiet --max-steps 1 "$@"
}
check "initial values" ./rates init -o initial.safetensors
check "summary tells rates" bash -c \
    './rates summary | grep -q "body.conv2d_2 (conv2d(16, 5), rate 0.25)"'
check "a slow body" rated slow --threads 1
check "on two threads" rated slow2 --threads 2
check "the same bits on both" cmp slow/model.safetensors slow2/model.safetensors
check "all alike, by a flag" rated alike --slow 1
check "the model without rates" ./lenet train --data high --weights initial.safetensors \
    --optimizer sgd --lr 0.5 --out plain --quiet --max-steps 1
check "a quarter of the step where it is slow, and the same bits by rate 1" python3 - <<'END'
import struct
from tensors import read
initial = read("initial.safetensors")
slow, alike, plain = (read(run + "/model.safetensors") for run in ("slow", "alike", "plain"))
assert alike == plain != initial
for name in initial:
    a, b, c = (struct.unpack(f"<{len(t[name][1]) // 4}f", t[name][1])
               for t in (initial, slow, alike))
    factor = 1 if name.startswith("lenet.head.") else 0.25
    for x, y, z in zip(a, b, c):
        assert abs(y - x - factor * (z - x)) <= 2e-7 * (1 + abs(x)), name
END

# four batches of a step are one of their rows, of more steps than an epoch has
for batch in 16 64; do
    check "steps of 64 rows, in batches of $batch" ./rates train --data high --batch $batch \
        --accumulate $((64 / batch)) --epochs 3 --max-steps 12 --out mean --force --quiet \
        --log-steps $batch.csv
done
check "have the same losses" python3 - <<'END'
a, b = ([float(line.split(",")[1]) for line in list(open(f"{n}.csv"))[1:]] for n in (16, 64))
assert len(a) == 12 and all(abs(x - y) <= 1e-5 * y for x, y in zip(a, b)), (a, b)
END

exits "diverged in one of its batches" 3 "in step 2 .* it began in the result of body.conv2d_2" \
    ./rates train --data high --batch 16 --accumulate 4 --lr 1e30 --out batches
exits "accumulate that is not said" 2 "the train section of lenet.net has no .accumulate" \
    ./lenet train --accumulate 2

# ---- the file ------------------------------------------------------------------------------------

cp first/model.safetensors good
change() { # PYTHON: `first`, a file of no run, with its tensors t changed
    rm -rf first
    python3 -c "from tensors import *; t = read('good'); $1; write('first', t)"
}
change "del t['lenet.head.weight']; t['lenet.head.more'] = t['lenet.head.bias']"
exits "a file alone, without its head" 0 "first has no preparation.json beside it: image is" \
    run alone --max-steps 1
change "t['body.more'] = t['lenet.head.bias']"
exits "a tensor too many" 1 "tensor body.more is not of this model" run none
change "del t['body.dense_1.bias']"
exits "one that is missing" 1 "tensor body.dense_1.bias is missing" run none
change "t['body.dense_1.bias'] = ([60, 2], t['body.dense_1.bias'][1])"
exits "another shape" 1 "body.dense_1.bias has shape \[60, 2\]; this model's is \[120\]" run none
change "t['body.dense_1.bias'] = ([120], b'\0\0\xc0\x7f' * 120)"
exits "no number" 1 "start first: body.dense_1.bias is not finite" run none

# ---- words ---------------------------------------------------------------------------------------

rm first
python3 - <<'END'
import os
for folder, words in (("old", "cat dog cow hen"), ("new", "hen eel cow bee")):
    os.mkdir(folder)
    with open(folder + "/rows.csv", "w") as file:
        print("text,y", file=file)
        for i in range(40):
            print(" ".join(words.split()[(i + k) % 4] for k in range(i % 3 + 1)), i % 2, sep=",",
                  file=file)
END
cat >texts.net <<'END'
data {
    train    = csv("rows.csv")
    input  x = column("text") -> tokens(10, 4)
    target y = column("y") -> classes(2)
}
network net(x) { x -> embedding(4) -> mean -> dense(2) }
train {
    loss      = cross_entropy(net(x), y)
    optimizer = sgd(lr=0.1)
    start     = weights("first", except=dense)
}
END
build texts texts.net
check "its words" ./texts init --data old -o words.safetensors
check "the old words" ./texts train --data old --weights words.safetensors --out first --quiet
check "new rows" ./texts train --data new --out second --quiet
words() { grep -o '"words": \[[^]]*\]' "$1/preparation.json"; }
check "keep the old words" [ "$(words first)" = "$(words second)" -a -n "$(words first)" ]
mv first/model.safetensors good && rm -r first && mv good first
exits "without them" 1 "first has no preparation.json beside it, and x is prepared with" \
    ./texts train --data new --out third --quiet

finish
