#!/usr/bin/env python3
"""How far are a build's losses and statistics from those in double, where rows or sums are hard?

    distances.py [--netc build/netc] [--before OTHER/netc] [--target avx2]

Prints a table: the value in double, computed here by its definition, and the relative distance of
what a trainer shows after one step that moves nothing, before and now. The rows are those of the
kernels whose order of sums, or formula, is not the one they began with (docs/numerics.md).
"""

import argparse
import array
import csv
import json
import math
import os
import random
import struct
import subprocess
import tempfile

HEAD = "data {{\n    train = npy(x=\"x.npy\", y=\"y.npy\")\n{fields}}}\n"
TRAIN = """train {{
    loss      = {loss}(net(x), y)
    optimizer = sgd(lr=1e-30)
    batch     = {batch}
    epochs    = 1
}}
"""


def write_npy(path, kind, shape, numbers):
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
        file.write(array.array("B" if kind == "|u1" else "f", numbers).tobytes())


def write_weights(path, tensors):
    header, data = {}, b""
    for name, (shape, numbers) in tensors.items():
        own = array.array("f", numbers).tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data),
                                                                        len(data) + len(own)]}
        data += own
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def as_floats(numbers):
    return array.array("f", numbers)


def trained(netc, target, folder, model, weights):
    """The loss of the step, and the tensors behind it, by name."""
    trainer, run = os.path.join(folder, "trainer"), os.path.join(folder, "run")
    with open(trainer + ".net", "w") as file:
        file.write(model)
    write_weights(os.path.join(folder, "w.safetensors"), weights)
    for words in [netc, trainer + ".net", "-o", trainer, "--target", target], \
            [trainer, "train", "--weights", "w.safetensors", "--max-steps", "1", "--log-steps",
             "s.csv", "--out", run, "--force", "--quiet", "--no-shuffle"]:
        subprocess.run(words, cwd=folder, check=True, capture_output=True)
    with open(os.path.join(folder, "s.csv")) as file:
        loss = float(next(csv.DictReader(file))["loss"])
    with open(os.path.join(run, "model.safetensors"), "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    return loss, {name: array.array("f", data[slice(*entry["data_offsets"])])
                  for name, entry in header.items() if name != "__metadata__"}


class Case:
    """A model on a batch of rows, and of one step the number that is looked at."""

    def __init__(self, name, fields, network, loss, shape, x, y, wanted, weights, tensor=None):
        self.name, self.shape, self.x, self.y = name, shape, x, y
        self.wanted, self.weights, self.tensor = wanted, weights, tensor
        self.model = HEAD.format(fields=fields) + f"network net(x) {{ {network} }}\n" + \
            TRAIN.format(loss=loss, batch=len(x) // math.prod(shape))

    def measure(self, netc, target, folder):
        rows = len(self.x) // math.prod(self.shape)
        whole = f"({', '.join(map(str, (rows, *self.shape)))},)"
        kind = "|u1" if isinstance(self.y[0], int) else "<f4"
        write_npy(os.path.join(folder, "x.npy"), "<f4", whole, self.x)
        write_npy(os.path.join(folder, "y.npy"), kind,
                  f"({rows},)" if len(self.y) == rows else whole, self.y)
        loss, tensors = trained(netc, target, folder, self.model, self.weights)
        found = tensors[self.tensor][0] if self.tensor else loss
        return abs(found - self.wanted) / abs(self.wanted)


def cross_entropy_case(name, row, label):
    top = max(row)
    wanted = math.log1p(sum(math.exp(z - top) for i, z in enumerate(row)
                            if i != row.index(top))) + top - row[label]
    classes, rows = len(row), 16
    identity = [float(i == j) for i in range(classes) for j in range(classes)]
    return Case(name, f"    input x[{classes}] = x\n    target y = y -> classes({classes})\n",
                f"x -> dense({classes}, bias=false)", "cross_entropy", (classes,),
                as_floats(row * rows), [label] * rows, wanted,
                {"net.dense.weight": ([classes, classes], identity)})


def binary_case(name, logit):
    return Case(name, "    input x[1] = x\n    target y = y\n", "x -> dense(1, bias=false)",
                "binary_cross_entropy", (1,), as_floats([logit] * 16), as_floats([1.0] * 16),
                math.log1p(math.exp(-logit)), {"net.dense.weight": ([1, 1], [1.0])})


def drawn(count, low, high):
    draw = random.Random(1)
    return as_floats(draw.uniform(low, high) for _ in range(count))


def picture_case(name, loss, side):
    """Of pictures that are passed on as they are, and their targets."""
    rows = 16
    x, y = drawn(rows * side * side, 0.9, 1.1), as_floats([0.0] * (rows * side * side))
    part = (v * v for v in x) if loss == "mse" else (abs(v) for v in x)
    return Case(name, f"    input x[1, {side}, {side}] = x\n    target y[1, {side}, {side}] = y\n",
                "x -> conv2d(1, 1, bias=false)", loss, (1, side, side), x, y,
                math.fsum(part) / len(x), {"net.conv2d.weight": ([1, 1, 1, 1], [1.0])})


def mean_case(name, side):
    """The mean of a picture beside a target of 0, squared."""
    rows = 16
    x = drawn(rows * side * side, 0.9, 1.1)
    means = [math.fsum(x[r * side * side:(r + 1) * side * side]) / side ** 2 for r in range(rows)]
    return Case(name, f"    input x[1, {side}, {side}] = x\n    target y = y\n",
                "x -> global_avgpool2d -> dense(1, bias=false)", "mse", (1, side, side), x,
                as_floats([0.0] * rows), math.fsum(m * m for m in means) / rows,
                {"net.dense.weight": ([1, 1], [1.0])})


def batchnorm_case(name, mean, spread):
    """The running variance behind a batch: 0.9 of the one before, 0.1 of this one's, unbiased."""
    rows = 1024
    x = drawn(rows, mean - spread, mean + spread)
    middle = math.fsum(x) / rows
    variance = math.fsum((v - middle) ** 2 for v in x) / (rows - 1)
    one, zero = ([1], [1.0]), ([1], [0.0])
    return Case(name, "    input x[1] = x\n    target y = y\n",
                "x -> batchnorm -> dense(1, bias=false)", "mse", (1,), x,
                as_floats([0.0] * rows), 0.1 * variance,
                {"net.batchnorm.weight": one, "net.batchnorm.bias": zero,
                 "net.batchnorm.running_mean": zero, "net.batchnorm.running_var": zero,
                 "net.dense.weight": ([1, 1], [1.0])}, "net.batchnorm.running_var")


def all_cases():
    yield cross_entropy_case("cross_entropy of 1000, 992, 0", [1000.0, 992.0, 0.0], 0)
    yield cross_entropy_case("cross_entropy of 2, 1, -1", [2.0, 1.0, -1.0], 0)
    yield binary_case("binary_cross_entropy of 17", 17.0)
    yield binary_case("binary_cross_entropy of 2", 2.0)
    for side in 28, 128, 512:
        yield picture_case(f"mse of {side} x {side}", "mse", side)
        yield picture_case(f"mae of {side} x {side}", "mae", side)
        yield mean_case(f"global_avgpool2d of {side} x {side}", side)
    yield batchnorm_case("running_var of 1000 +- 0.1", 1000.0, 0.1)
    yield batchnorm_case("running_var of 0 +- 1", 0.0, 1.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--before", metavar="NETC")
    parser.add_argument("--target", default="avx2")
    given = parser.parse_args()
    builds = [os.path.abspath(netc) for netc in (given.before, given.netc) if netc]
    print(f"{'':32}{'in double':>14}" + "".join(f"{word:>10}" for word in
                                                 ("before", "now")[-len(builds):]))
    for case in all_cases():
        with tempfile.TemporaryDirectory(prefix="distances-") as folder:
            found = [case.measure(netc, given.target, folder) for netc in builds]
        print(f"{case.name:32}{case.wanted:14.9g}" + "".join(f"{d:10.1e}" for d in found),
              flush=True)


if __name__ == "__main__":
    main()
