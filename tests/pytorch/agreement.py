#!/usr/bin/env python3
"""A thousand rows of each data set through one run's weights: `predict`, the C library on prepared
rows and on raw ones, ONNX Runtime and PyTorch, on each target. A line a model and target: the
largest difference of a prediction from that of `predict` on the first target. Libraries of neon and
riscv64 run under QEMU, those of wasm32 in Node.js, and are compared alone.

    agreement.py [--netc build/netc] [--data DIR] [--targets avx512,neon,wasm32] [MODEL...]

DIR has the folders of models/get-data.sh. Rows are prepared here by numpy and by Python's own
words, from the run's preparation.json. Exit 1 where two are further apart than 1e-5 of the largest
prediction, or of 1.
"""

import argparse
import csv
import ctypes
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F

import losses
import models
import published

ROWS, STEPS, TOLERANCE = 1000, 30, 1e-5
ROOT = os.path.join(losses.HERE, "..", "..")


# ---- rows ----------------------------------------------------------------------------------------


def idx_rows(data, folder):
    for name in os.listdir(data):
        os.symlink(os.path.join(data, name), os.path.join(folder, name))
    for name, head, size in (("t10k-images-idx3-ubyte", 16, 784), ("t10k-labels-idx1-ubyte", 8, 1)):
        with gzip.open(os.path.join(data, name + ".gz")) as file:
            read = file.read(head + ROWS * size)
        os.remove(os.path.join(folder, name + ".gz"))
        with gzip.open(os.path.join(folder, name + ".gz"), "wb") as file:
            file.write(read[:4] + ROWS.to_bytes(4, "big") + read[8:])
        if size > 1:
            rows = np.frombuffer(read[head:], np.uint8).reshape(ROWS, size)
    return rows, ["--part", "test"]


def cifar_rows(data, folder):
    for name in os.listdir(data):
        if name.startswith("data_batch"):
            os.symlink(os.path.join(data, name), os.path.join(folder, name))
    with open(os.path.join(data, "test_batch.bin"), "rb") as file:
        read = file.read(ROWS * 3073)
    with open(os.path.join(folder, "test_batch.bin"), "wb") as file:
        file.write(read)
    return np.frombuffer(read, np.uint8).reshape(ROWS, 3073)[:, 1:], ["--part", "test"]


def table_rows(data, folder, name, column):
    """The first rows of a file as one of their own; their texts, or all numbers but the last."""
    for other in os.listdir(data):
        os.symlink(os.path.join(data, other), os.path.join(folder, other))
    opened = gzip.open if name.endswith(".gz") else open
    with opened(os.path.join(data, name), "rt", newline="", encoding="utf-8") as file:
        rows = [row for row, _ in zip(csv.DictReader(file), range(ROWS))]
    path = os.path.join(folder, "rows.csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    if column:
        return [row[column] for row in rows], [path]
    return np.array([[float(x) for x in row.values()][:-1] for row in rows]), [path]


# ---- preparations --------------------------------------------------------------------------------


def is_punctuation(c):
    code = ord(c)
    if code < 0x80:
        return 0x20 < code < 0x7F and not c.isalnum()
    return (0xA1 <= code <= 0xBF and c not in "ªµ²³¹º¼½¾") or c in "×÷™" or any(
        first <= code <= last for first, last in
        ((0x2010, 0x206F), (0x20A0, 0x20BF), (0x3001, 0x303F), (0xFF01, 0xFF0F)))


def words_of(text, step):
    strip = (step["strip"] or "").split() if step["strip"] else []
    if "tags" in strip:
        text = re.sub(r"<[a-zA-Z/!][^>]*>", " ", text)
    if "punctuation" in strip:
        text = "".join(" " if is_punctuation(c) else c for c in text)
    if "digits" in strip:
        text = re.sub("[0-9]", "", text)
    stop = set(step["stopwords"])
    words = [word.lower() if step["lower"] else word for word in text.split()]
    return [word for word in words if len(word) >= step["min_letters"] and word not in stop]


def prepare(rows, steps, shape):
    if "tokens" in steps[0]:
        step = steps[0]["tokens"]
        ids = {word: number for number, word in enumerate(step["words"], 2)}
        table = np.zeros((len(rows), *shape), np.int32)
        for row, text in zip(table, rows):
            numbers = [ids.get(word, 1) for word in words_of(text, step)][:shape[0]]
            row[:len(numbers)] = numbers
        return table
    if "bag_of_words" in steps[0]:
        step = steps[0]["bag_of_words"]
        columns = {word: column for column, word in enumerate(step["words"])}
        table = np.zeros((len(rows), *shape), np.float32)
        for row, text in zip(table, rows):
            for word in words_of(text, step):
                if word in columns:
                    row[columns[word]] += 1
        return table
    x = rows.astype(np.float64).reshape(len(rows), *shape)
    for step in steps:
        (name, said), = step.items()
        said = {key: np.array(value) for key, value in said.items() if isinstance(value, list)} | {
            key: value for key, value in said.items() if not isinstance(value, list)}
        if name == "scale":
            x = x * said["k"]
        elif name == "normalize":
            channels = (-1, *[1] * (len(shape) - 1))
            x = (x - said["mean"].reshape(channels)) / said["std"].reshape(channels)
        elif name == "standardize":
            x = (x - said["mean"].reshape(shape)) / said["std"].reshape(shape)
        elif name == "impute":          # of zeros, but in columns whose value is 0
            x = np.where((x == 0) & (said["value"] != 0), said["value"], x)
        else:
            raise ValueError(name)
    return x.astype(np.float32)


# ---- programs ------------------------------------------------------------------------------------


def build_library(netc, path, run, target, folder):
    made = os.path.join(folder, "library-" + target)
    name = os.path.basename(path)[:-4]
    losses.run_program(netc, path, "--library", "--weights", run, "--target", target, "-o", made,
                       *DEFINES.get(name, []))
    return name, made


def row_bytes(row):
    """As the library takes it: numbers, or a text with a NUL behind it."""
    if isinstance(row, str):
        return row.encode() + b"\0"
    return np.ascontiguousarray(row if row.dtype != np.int64 else row.astype(float)).tobytes()


class Library:
    """Of this processor, called in this process."""

    def __init__(self, netc, path, run, target, folder):
        self.name, made = build_library(netc, path, run, target, folder)
        self.library = ctypes.CDLL(os.path.join(made, f"lib{self.name}.so"))
        size = self.library[self.name + "_size"]
        size.restype = ctypes.c_size_t
        self.memory = np.empty(size() + 64, np.uint8)
        self.arena = self.memory[-self.memory.ctypes.data % 64:]

    def run(self, function, rows, outputs):
        call = self.library[self.name + function]
        given = np.empty((len(rows), outputs), np.float32)
        for row, to in zip(rows, given):
            error = call(None, ctypes.c_char_p(row_bytes(row)), ctypes.c_void_p(to.ctypes.data),
                         ctypes.c_void_p(self.arena.ctypes.data))
            if error:
                raise RuntimeError(f"{function}: error {error}")
        return given


# Rows of ROW bytes in, predictions out: the whole program, without libc's start.
HOST = """
#include HEADER
#include <unistd.h>
static _Alignas(64) char arena[1 << 24], row[ROW];
int start(void)
{
    static float given[OUTPUTS];
    size_t size = 0;
    for (ssize_t count; (count = read(0, row + size, ROW - size)) > 0;)
        if ((size += (size_t)count) == ROW) {
            if (SIZE() > sizeof arena || RUN(0, (const void *)row, given, arena) ||
                write(1, given, sizeof given) < 0)
                _exit(1);
            size = 0;
        }
    _exit(size != 0);
}
"""
PAGE = """
const [fs, file, name, run, width, outputs] = [require("fs"), ...process.argv.slice(1)];
WebAssembly.instantiate(fs.readFileSync(file), {}).then(({ instance: { exports } }) => {
    const row = +width, up64 = (at) => (at + 63) & -64, rows = fs.readFileSync(0);
    const arena = up64(exports.__heap_base.value), input = arena + up64(exports[name + "_size"]());
    const output = input + up64(row), end = output + 4 * outputs;
    exports.memory.grow(Math.max(0, Math.ceil((end - exports.memory.buffer.byteLength) / 65536)));
    for (let at = 0; at < rows.length; at += row) {
        new Uint8Array(exports.memory.buffer, input, row).set(rows.subarray(at, at + row));
        if (exports[name + run](0, input, output, arena)) process.exit(1);
        fs.writeSync(1, new Uint8Array(exports.memory.buffer, output, 4 * outputs));
    }
});
"""
ELSEWHERE = {"neon": ("aarch64-linux-gnu", "qemu-aarch64", []),
             "riscv64": ("riscv64-linux-gnu", "qemu-riscv64", ["-mno-relax"]),
             "wasm32": (None, "node", [])}


class Elsewhere:
    """Of another processor, in a program under QEMU or Node.js."""

    def __init__(self, netc, path, run, target, folder):
        self.name, self.made = build_library(netc, path, run, target, folder)
        self.triple, self.runner, self.flags = ELSEWHERE[target]

    def command(self, function, width, outputs):
        if not self.triple:
            return [self.runner, "-e", PAGE, os.path.join(self.made, self.name + ".wasm"),
                    self.name, function, str(width), str(outputs)]
        source, host = (os.path.join(self.made, "host" + end) for end in (".c", function))
        with open(source, "w") as file:
            file.write(HOST)
        libc = f"/usr/{self.triple}"
        losses.run_program(
            "clang", "-O1", f"--target={self.triple}", *self.flags, "-isystem", libc + "/include",
            "-fuse-ld=lld", "-nostdlib", "-Wl,-e,start", f"-DHEADER=\"{self.name}.h\"",
            f"-DROW={width}", f"-DOUTPUTS={outputs}", f"-DSIZE={self.name}_size",
            f"-DRUN={self.name}{function}", source, "-I" + self.made,
            os.path.join(self.made, f"lib{self.name}.a"), f"-L{libc}/lib", "-lc", "-o", host)
        return [self.runner, "-L", libc, host]

    def run(self, function, rows, outputs):
        rows = [row_bytes(row) for row in rows]
        width = max(map(len, rows))
        told = subprocess.run(self.command(function, width, outputs), check=True,
                              input=b"".join(row.ljust(width, b"\0") for row in rows),
                              stdout=subprocess.PIPE).stdout
        return np.frombuffer(told, np.float32).reshape(len(rows), outputs)


def run_onnx(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    return session.run(None, {taken.name: x})[0]


def run_torch(name, run, x):
    """In evaluation: batch norms by their running statistics."""
    case = published.case_of("models/" + name, losses.TORCH, OPTIONS.get(name, {}))
    layer = F.batch_norm
    F.batch_norm = lambda *args, training, **options: layer(*args, training=False, **options)
    try:
        with torch.no_grad():
            weights = losses.read_safetensors(os.path.join(run, "model.safetensors"))
            given = case.network(models.Run(weights, losses.TORCH),
                                 torch.tensor(x).long() if x.dtype == np.int32 else torch.tensor(x))
    finally:
        F.batch_norm = layer
    if case.loss is F.binary_cross_entropy_with_logits:
        return given.sigmoid().numpy()
    return (given if case.loss is F.mse_loss else given.softmax(1)).numpy()


# ---- models --------------------------------------------------------------------------------------

MODELS = {
    "cnet_mnist": ("mnist", idx_rows, (1, 28, 28)),
    "mnist_conv": ("mnist", idx_rows, (1, 28, 28)),
    "cifar10_lenet5": ("cifar-10-batches-bin", cifar_rows, (3, 32, 32)),
    "cifar10_resnet18": ("cifar-10-batches-bin", cifar_rows, (3, 32, 32)),
    "imdb_embedding_conv": ("imdb", lambda *at: table_rows(*at, "test.csv.gz", "text"), (500,)),
    "imdb_bow_l2": ("imdb", lambda *at: table_rows(*at, "test.csv.gz", "text"), (10000,)),
    "meli_cnn": ("meli2019", lambda *at: table_rows(*at, "train_sample.csv.gz", "title"), (32,)),
    "boston": ("boston", lambda *at: table_rows(*at, "housing.csv", None), (13,)),
    "pima_imputed": ("pima", lambda *at: table_rows(*at, "diabetes.csv", None), (8,)),
}
DEFINES = {"meli_cnn": ["--define", "categories=1000"]}     # get-data.sh's sample has more of them
OPTIONS = {"meli_cnn": {"categories": 632}}
SAME = {"pima_imputed": "pima"}         # the network of another file


def compare(name, options, folder):
    data, read, shape = MODELS[name]
    path, own = os.path.join(ROOT, "models", name + ".net"), os.path.join(folder, "data")
    os.mkdir(own)
    os.symlink(os.path.join(os.path.abspath(ROOT), "models", "stopwords_es.txt"),
               os.path.join(own, "stopwords_es.txt"))
    rows, chosen = read(os.path.join(options.data, data), own)
    run, wanted, x = os.path.join(folder, "run"), None, None
    for target in options.targets.split(","):
        if target in ELSEWHERE:
            library = Elsewhere(options.netc, path, run, target, folder)
            yield target, len(rows), np.abs(wanted).max(), {
                key: np.abs(library.run(function, given, wanted.shape[1]) - wanted).max()
                for key, function, given in (("prepared", "_run", x), ("raw", "_run_raw", rows))}
            continue
        trainer, said = os.path.join(folder, "trainer"), os.path.join(folder, "said.npy")
        losses.run_program(options.netc, path, "--target", target, "-o", trainer,
                           *DEFINES.get(name, []))
        if x is None:
            losses.run_program(trainer, "--data", own, "--out", run, "--max-steps", str(STEPS),
                               "--quiet", "--threads", "1", "--seed", "1")
            if os.path.exists(os.path.join(run, "kfold.json")):
                run = os.path.join(run, "fold_1")
            with open(os.path.join(run, "preparation.json")) as file:
                steps = next(iter(json.load(file)["fields"].values()))
            x = prepare(rows, steps, shape)
        losses.run_program(trainer, "predict", "--data", own, "--weights", run, *chosen,
                           "--format", "npy", "-o", said)
        given = {"predict": np.load(said).reshape(len(rows), -1)}
        if wanted is None:
            wanted = given["predict"]
            graph = os.path.join(folder, "network.onnx")
            losses.run_program(trainer, "export", "--weights", run, "-o", graph)
            others = {"ONNX Runtime": run_onnx(graph, x),
                      "PyTorch": run_torch(SAME.get(name, name), run, x)}
        library = Library(options.netc, path, run, target, folder)
        given["prepared"] = library.run("_run", x, wanted.shape[1])
        given["raw"] = library.run("_run_raw", rows, wanted.shape[1])
        yield target, len(rows), np.abs(wanted).max(), {
            key: np.abs(value.reshape(wanted.shape) - wanted).max()
            for key, value in (given | others).items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc", type=os.path.abspath)
    parser.add_argument("--data", default=os.environ.get("NETC_DATA", "data"),
                        type=os.path.abspath)
    parser.add_argument("--targets", default="avx512,avx2,generic")
    parser.add_argument("models", nargs="*", metavar="MODEL", help=" ".join(MODELS))
    options = parser.parse_args()
    onnxruntime.set_default_logger_severity(3)
    torch.manual_seed(0)
    heads = ["predict", "prepared", "raw", "ONNX Runtime", "PyTorch"]
    print("| model | rows | target | largest | " + " | ".join(heads) + " |")
    print("| --- | ---: | --- |" + " ---: |" * (1 + len(heads)))
    apart = False
    for name in options.models or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            for target, rows, largest, found in compare(name, options, folder):
                cells = ["" if head not in found else f"{found[head]:.1e}" if found[head] else "0"
                         for head in heads]
                print(f"| `{name}` | {rows} | {target} | {largest:.3g} | {' | '.join(cells)} |",
                      flush=True)
                apart |= not all(error <= TOLERANCE * max(1, largest) for error in found.values())
    sys.exit(apart)


if __name__ == "__main__":
    main()
