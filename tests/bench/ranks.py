#!/usr/bin/env python3
"""Shards and ranks, measured. Tables, each by its name or all:

shards   a step of `shards = 8` beside one of the whole batch, in one process on one thread: the
         processor time of the thread, in turns (A B B A), median; at the batch of the model, of
         which a shard may have 16 rows or none, and at eight times 64 rows
clock    two ranks of one thread each beside one process of two threads: training rows a second by
         the clock, in turns, best of the turns; on an idle machine
bytes    what a rank sends a step, counted before MPI, beside the least that a sum of the gradient
         wants, 2 (n - 1) / n of its bytes; the rest are padding of
         small layers, 32 bytes a level with loss, weight and signals, and batchnorms' statistics
scaling  a model on paper of up to 64 ranks, of step times that are measured here (scaling.py)

Models that `shards` refuses are told with the reason. Data are the first rows of --data.
"""

import argparse
import csv
import gzip
import math
import os
import re
import statistics
import struct
import subprocess
import sys
import tempfile

import scaling
from turns import Others, run_bench

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MODELS = {      # name: the .net file, the folder of its data
    "cnet": (os.path.join(HERE, "dense.net"), None),
    "mnist_conv": ("models/mnist_conv.net", "mnist"),
    "lenet5": ("models/cifar10_lenet5.net", "cifar-10-batches-bin"),
    "autoencoder": ("models/mnist_denoise.net", "mnist"),
    "imdb_embedding_conv": ("models/imdb_embedding_conv.net", "imdb"),
    "imdb_bow": ("models/imdb_bow_l2.net", "imdb"),
    "meli_cnn": ("models/meli_cnn.net", "meli2019"),
    "cifar100_alexnet": ("models/cifar100_alexnet.net", "cifar-100-binary"),
    "cifar10_vgg16": ("models/cifar10_vgg16.net", "cifar-10-batches-bin"),
    "cifar10_resnet18": ("models/cifar10_resnet18.net", "cifar-10-batches-bin"),
}
RECORDS = {"cifar-10-batches-bin": 3073, "cifar-100-binary": 3074}      # bytes of a row
ROWS = {"meli_cnn": 600}        # more have more classes than the model
LARGE = {"cifar100_alexnet", "cifar10_vgg16", "cifar10_resnet18"}       # few steps
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                   OMPI_MCA_rmaps_base_oversubscribe="1")


# ---- Models and data -----------------------------------------------------------------------------

def cut_file(source, to, rows):
    """The first rows of a file."""
    packed = source.endswith(".gz")
    with (gzip.open if packed else open)(source, "rb") as file, \
            (gzip.open(to, "wb", 1) if packed else open(to, "wb")) as out:
        if source.endswith(".bin"):
            out.write(file.read(rows * RECORDS[os.path.basename(os.path.dirname(source))]))
        elif "idx" in source:
            head = file.read(8)
            sizes = file.read(4 * (head[3] - 1))
            out.write(head[:4] + struct.pack(">I", rows) + sizes)
            out.write(file.read(rows * math.prod(struct.unpack(f">{len(sizes) // 4}I", sizes))))
        else:
            for _ in range(rows + 1):
                out.write(file.readline())


def cut_data(data, name, folder, rows):
    """--data of these rows, or None where there is none."""
    source, to = os.path.join(data, name), os.path.join(folder, f"{name}-{rows}")
    if not os.path.isdir(source):
        return None
    if not os.path.isdir(to):
        os.mkdir(to)
        for file in os.listdir(source):
            whole = os.path.join(source, file)
            if re.search(r"(\.bin|\.csv\.gz|ubyte\.gz)$", file) and "unlabelled" not in file:
                cut_file(os.path.realpath(source) + "/" + file, os.path.join(to, file), rows)
            else:
                os.symlink(os.path.realpath(whole), os.path.join(to, file))
    return to


def build(options, name, folder, words="", batch=None, mpi=False):
    """A trainer with these words in its train section; or why there is none."""
    with open(os.path.join(ROOT, MODELS[name][0])) as file:
        text = file.read()
    if batch:
        text = re.sub(r"\n    batch( *)= \d+", f"\n    batch\\1= {batch}", text)
    text = text.replace('stopwords="', f'stopwords="{ROOT}/models/')
    text = text.replace("rows=1024", "rows=8192")       # of dense.net
    text = text.replace("\ntrain {\n", f"\ntrain {{\n    {words}\n", 1)
    trainer = os.path.join(folder, name + re.sub(r"\W", "", words) + str(batch or ""))
    with open(trainer + ".net", "w") as file:
        file.write(text)
    done = subprocess.run([options.netc, trainer + ".net", "-o", trainer, *["--mpi"] * mpi],
                          capture_output=True, text=True)
    if done.returncode:
        return None, re.sub(r".*?error: ", "", done.stderr.splitlines()[0])
    return trainer, None


def batch_of(name):
    with open(os.path.join(ROOT, MODELS[name][0])) as file:
        return int(re.search(r"\n    batch *= (\d+)", file.read())[1])


def data_of(options, name, folder, rows):
    if MODELS[name][1] is None:
        return folder
    return cut_data(options.data, MODELS[name][1], folder, rows)


# ---- Tables --------------------------------------------------------------------------------------

def shards(options, folder):
    print("\n| model | batch | whole, ms of a core | 8 shards | |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in options.models:
        for batch in (batch_of(name), 512):
            if batch == 512 and name in LARGE:
                continue
            pair = [build(options, name, folder, words, batch) for words in ("", "shards = 8")]
            faults = [fault for trainer, fault in pair if fault]
            if faults:
                print(f"| `{name}` | {batch} | refused: {faults[0]} | | |", flush=True)
                break
            data = data_of(options, name, folder, ROWS.get(name, 8192))
            if data is None:
                print(f"| `{name}` | {batch} | no data | | |")
                break
            steps, times = 4 if name in LARGE else max(8, 3000 // batch), ([], [])
            for turn in (0, 1, 1, 0) * options.turns:
                times[turn].append(run_bench(pair[turn][0], "--data", data, "--threads", 1,
                                             "--steps", steps)["loaded_cpu_ms"])
            one, eight = (statistics.median(t) for t in times)
            print(f"| `{name}` | {batch} | {one:.3f} | {eight:.3f} | {eight / one:.2f}x |",
                  flush=True)


def train(trainer, folder, ranks, threads, *flags, **environment):
    """The rows a second of the last epoch."""
    run = os.path.join(folder, "run")
    command = ["mpirun", "--bind-to", "none", "-n", str(ranks), trainer, "train", "--out", run,
               "--force", "--quiet", "--threads", str(threads), *map(str, flags)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder,
                          env=dict(ENVIRONMENT, **environment))
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    with open(os.path.join(run, "history.csv")) as file:
        rows = list(csv.DictReader(file))
    return float(rows[-1]["samples_per_second"]) if rows else 0.0


def clock(options, folder):
    others = Others()
    print(f"\n{others.before()}")
    print("| model | batch | 1 process, 2 threads, rows/s | 2 ranks, 1 thread | |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in options.models:
        batch = batch_of(name)
        trainer, fault = build(options, name, folder, "shards = 2", mpi=True)
        data = data_of(options, name, folder, 1024 if name in LARGE else ROWS.get(name, 8192))
        if fault or data is None:
            print(f"| `{name}` | {batch} | {f'refused: {fault}' if fault else 'no data'} | | |")
            continue
        rates = ([], [])
        for turn in (0, 1, 1, 0) * options.turns:
            rates[turn].append(train(trainer, folder, turn + 1, 2 - turn, "--epochs", 2, "--data",
                                     data))
        one, two = max(rates[0]), max(rates[1])
        print(f"| `{name}` | {batch} | {one:.0f} | {two:.0f} | {two / one:.2f}x |", flush=True)
    print(others.after())


def count_bytes(folder, rank=0):
    with open(os.path.join(folder, f"sent.{rank}")) as file:
        return sum(int(size) * int(count) for size, count in map(str.split, file))


def bytes_sent(options, folder):
    library = os.path.join(folder, "messages.so")
    subprocess.run(["mpicc", "-shared", "-fPIC", "-o", library,
                    os.path.join(ROOT, "tests/faults/messages.c")], check=True)
    print("\n| model | parameters, bytes | ranks | a rank sends a step | least | |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in options.models:
        trainer, fault = build(options, name, folder, "shards = 8", mpi=True)
        data = data_of(options, name, folder, 512)
        if fault or data is None or name in LARGE - {"cifar100_alexnet"}:
            continue
        size, _ = scaling.count(trainer)
        for ranks in (2, 4, 8):
            sent = []
            for steps in (1, 3):        # what is evaluated is the same
                train(trainer, folder, ranks, 1, "--max-steps", steps, "--data", data,
                      LD_PRELOAD=library, SENT="sent")
                sent.append(count_bytes(folder))
            each, least = (sent[1] - sent[0]) / 2, 2 * (ranks - 1) / ranks * size
            print(f"| `{name}` | {size} | {ranks} | {each:.0f} | {least:.0f} | "
                  f"{each / least:.3f}x |", flush=True)


def main():
    tables = {"shards": shards, "clock": clock, "bytes": bytes_sent, "scaling": scaling.show}
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default=os.path.join(ROOT, "build/netc"))
    parser.add_argument("--data", default=os.environ.get("NETC_DATA", "data"))
    parser.add_argument("--turns", type=int, default=2, help="of A B B A")
    parser.add_argument("--models", default=" ".join(MODELS))
    parser.add_argument("tables", nargs="*", help=", ".join(tables))
    options = parser.parse_args()
    options.models = options.models.split()
    options.netc = os.path.abspath(options.netc)
    options.build = build
    for word in options.tables + options.models:
        if word not in tables and word not in MODELS:
            parser.error(f"there is no {word}")
    with tempfile.TemporaryDirectory() as folder:
        for name, table in tables.items():
            if not options.tables or name in options.tables:
                table(options, folder)


if __name__ == "__main__":
    main()
