#!/usr/bin/env python3
"""`make bench`: a training step here and in PyTorch, in turns, with the same threads.

Prints a table and writes an array of objects to --out (keys and units as below). A time is the
median of the rounds' medians; `ratio` is the time of PyTorch's best variant by netc's; `peak_share`
is netc's share of the multiply-add rate that the trainer measures in the same process. Each variant
is a process of its own, so that its memory and its time to the first step are its own (netc's with
compiling, PyTorch's with its imports); all stand still while one works. What cannot be had is null,
and `note` says why. Of all models, convolutions (convolutions.py) and waiting for data (loading.py)
follow.
"""

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile

import convolutions
import loading
from turns import Torch, Trainer, compile_trainer

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
VARIANTS = ["eager", "channels_last", "compile"]

# name, the .net file, the function in torch_models.py, batch sizes, other kinds of convolution that
# have a row of their own
CASES = [
    ("cnet", os.path.join(HERE, "dense.net"), "cnet", [64, 128], []),
    ("mnist_conv", "models/mnist_conv.net", "mnist_conv", [64], []),
    ("lenet5", "models/cifar10_lenet5.net", "lenet5", [64], []),
    ("autoencoder", "models/mnist_denoise.net", "autoencoder", [64], []),
    ("imdb_embedding_conv", "models/imdb_embedding_conv.net", "imdb_embedding_conv", [64], []),
    ("imdb_bow", "models/imdb_bow_l2.net", "imdb_bow", [64], []),
    ("meli_cnn", "models/meli_cnn.net", "meli_cnn", [128], []),
    ("cifar100_alexnet", "models/cifar100_alexnet.net", "cifar100_alexnet", [64], []),
    ("cifar10_vgg16", "models/cifar10_vgg16.net", "cifar10_vgg16", [64], []),
    ("cifar10_resnet18", "models/cifar10_resnet18.net", "cifar10_resnet18", [64], ["direct"]),
]
IMAGES = {"mnist_conv", "lenet5", "autoencoder", "cifar100_alexnet", "cifar10_vgg16",
          "cifar10_resnet18"}      # channels_last has a meaning


# ---- the rows of one model -----------------------------------------------------------------------

def start_torch(model_name, batch, threads, variants):
    """Gives those that run, and why the others do not."""
    running, notes = {}, []
    for variant in variants:
        if variant == "channels_last" and model_name not in IMAGES:
            notes.append("channels_last: no images")
            continue
        made = Torch(model_name, variant, batch, threads)
        if made.fault:
            notes.append(f"{variant}: {made.fault}")
        else:
            running[variant] = made
    return running, notes


def make_row(name, ours, torch, notes):
    row = {"model": name, "batch": ours.batch, "threads": ours.threads}
    row["netc_ms"] = ours.median("step_ms")
    for variant in VARIANTS:
        row[f"torch_{variant}_ms"] = torch[variant].median("step_ms") if variant in torch else None
    best = min(torch.values(), key=lambda t: t.median("step_ms")) if torch else None
    row["ratio"] = best.median("step_ms") / row["netc_ms"] if best else None
    row["peak_share"] = ours.median("peak_share")
    row["netc_peak_mb"] = ours.median("peak_mb")
    row["torch_peak_mb"] = best.median("peak_mb") if best else None
    row["samples_per_second"] = 1e3 * ours.batch / row["netc_ms"]
    row["gflops"] = ours.median("gflops")
    row["netc_compile_s"] = ours.compiling
    row["netc_first_step_s"] = ours.compiling + ours.median("first_step_s")
    row["torch_first_step_s"] = best.first if best else None
    for part in ("forward_ms", "backward_ms", "update_ms"):
        row[f"netc_{part}"] = ours.median(part)
        row[f"torch_{part}"] = best.median(part) if best else None
    row["peak_gflops"], row["bandwidth_gbs"] = ours.median("peak_gflops"), ours.median(
        "bandwidth_gbs")
    row["note"] = "; ".join(notes) or None
    return row


def measure(trainers, model_name, batch, threads, variants, options):
    """trainers: {name: (path, seconds to compile)}; a row for each, beside the same PyTorch."""
    ours = {name: Trainer(*made, batch, threads) for name, made in trainers.items()}
    torch, notes = start_torch(model_name, batch, threads, variants)
    for _ in range(options.rounds):
        for one in [*ours.values(), *torch.values()]:
            one.turn(options.turn)
    for one in torch.values():
        one.close()
    return [make_row(name, one, torch, notes) for name, one in ours.items()]


# ---- the table -----------------------------------------------------------------------------------

HEADS = [("model", 24), ("batch", 5), ("thr", 3), ("netc ms", 9), ("rows/s", 8), ("GF/s", 6),
         ("peak", 5), ("eager", 9), ("ch. last", 9), ("compile", 9), ("ratio", 6), ("MB", 6),
         ("torch", 6), ("first s", 7), ("torch", 6)]


def cell(value, text, width):
    return f"{'-' if value is None else text.format(value):>{width}}"


def print_row(row):
    cells = [cell(row["netc_ms"], "{:.3f}", 9), cell(row["samples_per_second"], "{:.0f}", 8),
             cell(row["gflops"], "{:.1f}", 6), cell(100 * row["peak_share"], "{:.0f}%", 5),
             *(cell(row[f"torch_{v}_ms"], "{:.3f}", 9) for v in VARIANTS),
             cell(row["ratio"], "{:.2f}", 6), cell(row["netc_peak_mb"], "{:.0f}", 6),
             cell(row["torch_peak_mb"], "{:.0f}", 6), cell(row["netc_first_step_s"], "{:.3f}", 7),
             cell(row["torch_first_step_s"], "{:.1f}", 6)]
    print(f"{row['model']:24} {row['batch']:5} {row['threads']:3} {' '.join(cells)}", flush=True)


def print_ends(rows):
    """What was measured of the machine, and what is missing in the rows."""
    for threads in sorted({row["threads"] for row in rows}):
        best = {key: max(row[key] for row in rows if row["threads"] == threads)
                for key in ("peak_gflops", "bandwidth_gbs")}
        print(f"{threads} threads of this machine: {best['peak_gflops']:.0f} GFLOP/s, "
              f"{best['bandwidth_gbs']:.1f} GB/s")
    for note in dict.fromkeys(row["note"] for row in rows if row["note"]):
        print(note + ":", ", ".join(dict.fromkeys(r["model"] for r in rows if r["note"] == note)))


def machine_text():
    """The processor, how many cores may be used, and PyTorch's version."""
    name = platform.processor() or platform.machine()
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


def torch_text():
    if not importlib.util.find_spec("torch"):
        return None
    return subprocess.run([sys.executable, "-c", "import torch; print(torch.__version__)"],
                          capture_output=True, text=True).stdout.strip()


# ---- the command ---------------------------------------------------------------------------------

def read_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--out", default="bench.json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turn", type=float, default=0.6, help="seconds of a turn, at least")
    parser.add_argument("--models", default="", help="some of: " + " ".join(
        [c[0] for c in CASES] + ["convolutions", "loading"]))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--variants", default=",".join(VARIANTS), help="of PyTorch; \"\": none")
    parser.add_argument("--data", default=os.environ.get("NETC_DATA", "data"),
                        help="the folder of the data sets, for loading")
    options = parser.parse_args()
    options.netc = os.path.abspath(options.netc)
    options.threads = [int(t) for t in options.threads.split(",")]
    options.models = options.models.replace(",", " ").split()
    known = [c[0] for c in CASES] + ["convolutions", "loading"]
    unknown = set(options.models) - set(known)
    if unknown:
        parser.error(f"no model {' '.join(sorted(unknown))}; there are {' '.join(known)}")
    return options


def bench_models(options, variants, folder):
    rows = []
    for name, path, model_name, batches, kinds in CASES:
        for batch in batches if name in options.models else []:
            trainers = {}
            for kind in [None, *kinds]:
                output = os.path.join(folder, f"{name}_{batch}_{kind or ''}")
                seconds = compile_trainer(options.netc, os.path.join(ROOT, path), output,
                                          "--batch", batch, conv=kind)
                trainers[f"{name}_{kind}" if kind else name] = output, seconds
            for threads in options.threads:
                made = measure(trainers, model_name, batch, threads, variants, options)
                for row in made:
                    print_row(row)
                rows += made
            for output, _ in trainers.values():
                os.remove(output)
    return rows


def main():
    options = read_options()
    version = torch_text()
    if not options.models:
        options.models = [c[0] for c in CASES] + ["convolutions", "loading"]
    print(machine_text() + ";", f"PyTorch {version}" if version
          else "python3 has no torch (pip install torch): netc alone")
    variants = [v for v in options.variants.split(",") if v and version]
    with tempfile.TemporaryDirectory() as folder:
        if set(options.models) & {c[0] for c in CASES}:
            print(" ".join(f"{h:>{w}}" if i else f"{h:{w}}" for i, (h, w) in enumerate(HEADS)))
            rows = bench_models(options, variants, folder)
            print_ends(rows)
            with open(options.out, "w") as file:
                json.dump(rows, file, indent=1)
                file.write("\n")
        if "convolutions" in options.models:
            convolutions.show(options, folder)
        if "loading" in options.models:
            loading.show(options, folder)


if __name__ == "__main__":
    main()
