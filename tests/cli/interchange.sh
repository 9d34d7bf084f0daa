#!/usr/bin/env bash
# interchange.sh -- weights of a trainer in PyTorch and numpy, and PyTorch's in a trainer: of dense
# layers, of convolutions with batchnorm and of an embedding the outputs agree to 1e-5.
set -uo pipefail
. "$(dirname "$0")/../support/shell.sh"
cd "$scratch" || exit 1
if ! python3 -c 'import numpy, torch, safetensors.torch' 2>/dev/null; then
    skip "weights in PyTorch: python3 has no torch, safetensors or numpy"
    finish
    exit
fi

python3 - <<'END'
import numpy as np
random = np.random.default_rng(0)
y = np.arange(64) % 3
np.save("rows.npy", (random.normal(size=(64, 5)) + y[:, None]).astype("f4"))
np.save("pictures.npy", (random.normal(size=(64, 2, 8, 8)) + y[:, None, None, None]).astype("f4"))
np.save("y.npy", y.astype("i4"))
with open("texts.csv", "w") as file:
    print("text,y", file=file)
    for row in range(64):
        words = " ".join("abcdefghij"[i] for i in random.integers(0, 10, 4 + row % 3))
        print(f"{words},{y[row]}", file=file)
END

# model NAME SOURCE FILE INPUT TARGET LAYERS
model() {
    cat >$1.net <<END
data {
    train  = $2
    input  $4
    target y = $5 -> classes(3)
}
network net(x) { x -> $6 }
train {
    loss      = cross_entropy(net(x), y)
    optimizer = adam(lr=0.01)
    batch     = 16
    epochs    = 3
}
END
    build $1 $1.net
    check "train $1" ./$1 --out $1.run --quiet
    check "$1 as npz" ./$1 export --weights $1.run -o $1.npz
    check "$1 as safetensors" ./$1 export --weights $1.run --format safetensors -o $1.w
    check "$1 predicts" ./$1 predict --weights $1.run $3 --format npy -o $1.out
}
model rows 'npy(x="rows.npy", y="y.npy")' rows.npy 'x[5] = x' y 'dense(16) -> relu -> dense(3)'
model pictures 'npy(x="pictures.npy", y="y.npy")' pictures.npy 'x[2, 8, 8] = x' y \
    'conv2d(8, 3, padding=same) -> batchnorm -> relu -> maxpool2d(2) -> flatten -> dense(3)'
model texts 'csv("texts.csv")' texts.csv \
    'x = column("text") -> tokens(vocabulary=30, length=6, lower=false)' 'column("y")' \
    'embedding(8) -> flatten -> dense(3)'

cat >modules.py <<'END'
import csv
import json
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn


def wrap(**layers):
    module = nn.Module()
    module.net = nn.ModuleDict(layers)
    return module.eval()


def ids():
    fields = json.load(open("texts.run/preparation.json"))["fields"]
    words = next(v for v in walk(fields) if isinstance(v, list) and "a" in v)
    rows = [[words.index(word) + 2 for word in row["text"].split()]
            for row in csv.DictReader(open("texts.csv"))]
    return torch.tensor([row[:6] + [0] * (6 - len(row)) for row in rows])


def walk(node):
    yield node
    nodes = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in nodes:
        yield from walk(child)


def array(name):
    return torch.tensor(np.load(name))


def rows(net):
    return net.dense_2(torch.relu(net.dense_1(array("rows.npy"))))


def pictures(net):
    x = torch.relu(net.batchnorm(net.conv2d(array("pictures.npy"))))
    return net.dense(torch.max_pool2d(x, 2).flatten(1))


def texts(net):
    return net.dense(net.embedding(ids()).transpose(1, 2).flatten(1))


networks = [
    (rows, lambda: wrap(dense_1=nn.Linear(5, 16), dense_2=nn.Linear(16, 3))),
    (pictures, lambda: wrap(conv2d=nn.Conv2d(2, 8, 3, padding=1), batchnorm=nn.BatchNorm2d(8),
                            dense=nn.Linear(128, 3))),
    (texts, lambda: wrap(embedding=nn.Embedding(32, 8), dense=nn.Linear(48, 3))),
]


def agree(run, module, file):
    with torch.no_grad():
        wanted = torch.softmax(run(module.net), 1).numpy()
    found = np.load(file)
    assert found.shape == wanted.shape == (64, 3)
    assert np.abs(found - wanted).max() < 1e-5, np.abs(found - wanted).max()
    assert wanted.std() > .01
END
check "a trainer's weights in PyTorch" python3 - <<'END'
from modules import *
for run, make in networks:
    name, module = run.__name__, make()
    module.load_state_dict(load_file(f"{name}.run/model.safetensors"))
    agree(run, module, f"{name}.out")
    tensors, arrays = load_file(f"{name}.w"), np.load(f"{name}.npz")
    assert set(arrays.files) == set(tensors) == set(load_file(f"{name}.run/model.safetensors"))
    assert all((arrays[key] == tensors[key].numpy()).all() for key in arrays.files)
END
check "PyTorch makes weights" python3 - <<'END'
from modules import *
torch.manual_seed(1)
for run, make in networks:
    module = make()
    for name, tensor in module.state_dict().items():
        if "running" in name or "batchnorm" in name and tensor.dim():
            tensor.uniform_(.5, 1.5)
    state = module.state_dict()
    torch.save(state, f"{run.__name__}.torch")
    save_file(state, f"{run.__name__}.run/theirs.safetensors")
state = networks[0][1]().state_dict()
save_file({k: v for k, v in state.items() if k != "net.dense_2.bias"}, "missing.safetensors")
save_file(state | {"net.more": torch.zeros(1)}, "more.safetensors")
save_file(state | {"net.dense_1.weight": torch.zeros(5, 16)}, "turned.safetensors")
save_file({k: v.double() for k, v in state.items()}, "double.safetensors")
END
for name in rows pictures texts; do
    file=$name.npy
    [ $name = texts ] && file=texts.csv
    check "$name predicts with them" ./$name predict --weights $name.run/theirs.safetensors $file \
        --format npy -o $name.theirs
done
check "as PyTorch does" python3 - <<'END'
from modules import *
for run, make in networks:
    module = make()
    module.load_state_dict(torch.load(f"{run.__name__}.torch"))
    agree(run, module, f"{run.__name__}.theirs")
END
predict="./rows predict rows.npy --weights"
exits "a tensor that is missing" 1 "tensor net.dense_2.bias is missing" $predict missing.safetensors
exits "one too many" 1 "tensor net.more is not of this model" $predict more.safetensors
exits "one of another shape" 1 "net.dense_1.weight has shape \[5, 16\]; this model's is \[16, 5\]" \
    $predict turned.safetensors
exits "one of another type" 1 "has dtype F64; this trainer reads F32" $predict double.safetensors
exits "another format" 2 "export writes --format npz, safetensors or onnx, not csv" ./rows export \
    --weights rows.run --format csv -o x
exits "a name of another format" 2 "export writes safetensors, npz or onnx" ./rows export \
    --weights rows.run -o rows.pt
exits "a format of weights" 2 "predict writes --format text, csv, json or npy, not npz" $predict \
    rows.run --format npz
finish
