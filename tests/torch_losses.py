#!/usr/bin/env python3
"""Ten training steps of four models (tests/torch/*.net), here and in PyTorch.

    torch_losses.py make --netc build/netc       write tests/torch/: data, weights, PyTorch's losses
    torch_losses.py compare --netc build/netc    both now, from weights drawn with another seed

`make` leaves what tests/trainer.sh compares with where there is no PyTorch; `compare` is
`make test-torch`. Both sides start from the weights of `trainer init` and read the same arrays.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch")
STEPS, BATCH, CLASSES = 10, 12, 5
TOLERANCE = 2e-5        # relative; fp32 sums in another order


def write_data():
    """Pictures and classes from a linear congruential generator; a class brightens its own rows."""
    state, draws = 1, []
    rows = STEPS * BATCH
    for _ in range(rows * 3 * 9 * 9):
        state = (state * 1103515245 + 12345) % 2**31
        draws.append(state >> 23)
    images = np.array(draws, dtype=np.int64).reshape(rows, 3, 9, 9) // 2
    labels = np.arange(rows) * 7 % CLASSES
    for row, label in enumerate(labels):
        images[row, label % 3, label : label + 5, :] += 100
    np.save(os.path.join(HERE, "images.npy"), images.astype(np.uint8))
    np.save(os.path.join(HERE, "labels.npy"), labels.astype(np.int32))


def read_safetensors(path):
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "F32", (name, entry["dtype"])
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[begin:end], np.float32).reshape(entry["shape"])
        tensors[name] = torch.tensor(values)
    return tensors


def dense(w, name, x):
    return F.linear(x, w[name + ".weight"], w[name + ".bias"])


def conv(w, name, x, **options):
    return F.conv2d(x, w[name + ".weight"], w.get(name + ".bias"), **options)


def norm(w, name, x):
    return F.batch_norm(x, w[name + ".running_mean"], w[name + ".running_var"],
                        w[name + ".weight"], w[name + ".bias"], training=True)


def dense_model(w, x):
    x = F.relu(dense(w, "mlp.dense_1", x.flatten(1)))
    return dense(w, "mlp.dense_3", torch.tanh(dense(w, "mlp.dense_2", x)))


def conv_model(w, x):
    x = F.max_pool2d(F.relu(conv(w, "cnn.conv2d_1", x, padding=1)), 2)
    x = F.leaky_relu(conv(w, "cnn.conv2d_2", x, stride=2, padding=1), 0.1)
    return dense(w, "cnn.dense", x.flatten(1))


def residual_model(w, x):
    p = "residual."
    x = F.relu(norm(w, p + "batchnorm_1", conv(w, p + "conv2d_1", x, padding=1)))
    body = norm(w, p + "batchnorm_2", conv(w, p + "conv2d_2", x, padding=1, stride=2))
    body = norm(w, p + "batchnorm_3", conv(w, p + "conv2d_3", F.relu(body), padding=1))
    skip = norm(w, p + "batchnorm_4", conv(w, p + "conv2d_4", x, stride=2))
    return dense(w, p + "dense", F.silu(body + skip).mean((2, 3)))


def concat_model(w, x):
    a = F.relu6(conv(w, "branches.a", x))
    b = torch.sigmoid(conv(w, "branches.b", x))
    c = torch.tanh(dense(w, "branches.c", x.flatten(1)))
    d = F.max_pool2d(torch.cat([a, b], 1), 3, stride=2).flatten(1)
    d = F.silu(dense(w, "branches.d", d))
    return dense(w, "branches.dense", torch.cat([c, d], 1))


MODELS = {
    "dense": (dense_model, None,
              lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=1e-3)),
    "conv": (conv_model, None, lambda p: torch.optim.Adam(p, 3e-3)),
    "residual": (residual_model, None,
                 lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True)),
    "concat": (concat_model, 0.5, lambda p: torch.optim.Adam(p, 3e-3)),
}


def torch_losses(name, weights):
    model, clip, make_optimizer = MODELS[name]
    images = torch.tensor(np.load(os.path.join(HERE, "images.npy")).astype(np.float32) / 255)
    labels = torch.tensor(np.load(os.path.join(HERE, "labels.npy")).astype(np.int64))
    w = read_safetensors(weights)
    trained = [t.requires_grad_() for key, t in w.items() if ".running_" not in key]
    optimizer = make_optimizer(trained)
    losses = []
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(w, images[rows]), labels[rows])
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(trained, clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")


def trainer_losses(trainer, weights, folder):
    steps = os.path.join(folder, "steps.csv")
    run(trainer, "train", "--data", HERE, "--weights", weights, "--no-shuffle", "--max-steps",
        str(STEPS), "--log-steps", steps, "--out", os.path.join(folder, "run"), "--force",
        "--quiet")
    with open(steps) as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def make(netc, folder):
    write_data()
    for name in MODELS:
        trainer = os.path.join(folder, name)
        weights = os.path.join(HERE, name + ".safetensors")
        run(netc, os.path.join(HERE, name + ".net"), "-o", trainer)
        run(trainer, "init", "--seed", "1", "-o", weights)
        with open(os.path.join(HERE, name + ".losses"), "w") as file:
            file.write("step,loss\n")
            for step, loss in enumerate(torch_losses(name, weights), 1):
                file.write(f"{step},{loss:.9g}\n")


def compare(netc, folder):
    failed = 0
    for name in MODELS:
        trainer, weights = os.path.join(folder, name), os.path.join(folder, name + ".safetensors")
        run(netc, os.path.join(HERE, name + ".net"), "-o", trainer)
        run(trainer, "init", "--seed", "7", "-o", weights)
        theirs, ours = torch_losses(name, weights), trainer_losses(trainer, weights, folder)
        worst = max(abs(a - b) / abs(a) for a, b in zip(theirs, ours))
        good = len(ours) == STEPS and worst <= TOLERANCE
        failed += not good
        print(f"{name:10} loss {ours[0]:.6f} to {ours[-1]:.6f}, "
              f"largest relative difference {worst:.1e}  {'ok' if good else 'FAILED'}")
    print(f"{len(MODELS) - failed} passed, {failed} failed, 0 skipped "
          f"(PyTorch {torch.__version__})")
    return failed != 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["make", "compare"])
    parser.add_argument("--netc", default="build/netc")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        action = make if arguments.command == "make" else compare
        sys.exit(action(arguments.netc, folder))


if __name__ == "__main__":
    main()
