#!/usr/bin/env python3
"""`make bench-run`: a whole run by the clock, from start to finished report, in turns with PyTorch.

Five epochs of models/mnist_conv.net on MNIST. netc's time is the compiler's, the trainer's, and
that of `eval`, which prints the report; PyTorch's that of torch_mnist_conv.py, imports included.
All take turns, --rounds times; the numbers are medians."""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

from turns import compile_trainer, run_bench

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(os.path.dirname(os.path.dirname(HERE)), "models", "mnist_conv.net")


def run(command):
    """Its output; one that fails ends this program."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def run_netc(options, threads, folder):
    trainer, out = os.path.join(folder, "mnist_conv"), os.path.join(folder, "run")
    began = time.perf_counter()
    compiling = compile_trainer(options.netc, MODEL, trainer)
    run([trainer, "train", "--data", options.data, "--threads", threads, "--out", out, "--force"])
    run([trainer, "eval", "--data", options.data, "--threads", threads, "--weights", out])
    total = time.perf_counter() - began
    with open(os.path.join(out, "run.json")) as file:
        accuracy = json.load(file)["final"]["test"]["accuracy"]
    # data are read and a step is done as `train` does it, in a process of its own
    first = run_bench(trainer, "--data", options.data, "--threads", threads, "--steps", 1)
    return {"compile": compiling, "first": compiling + first["first_step_s"], "total": total,
            "accuracy": accuracy}


def run_torch(options, threads, flags):
    began, clock = time.perf_counter(), time.time()
    output = run([sys.executable, os.path.join(HERE, "torch_mnist_conv.py"), "--data",
                  options.data, "--threads", threads, "--began", clock, *flags])
    total = time.perf_counter() - began
    return {"compile": None, "first": float(re.search(r"first step after (\S+)", output)[1]),
            "total": total, "accuracy": float(re.search(r"test accuracy (\S+)", output)[1])}


def print_row(name, threads, row, best):
    compiling = f"{row['compile']:.2f}" if row["compile"] is not None else "-"
    ratio = f"{row['total'] / best:.2f}x" if best else ""
    print(f"{name:24} {threads:3} {compiling:>9} {row['first']:12.2f} {row['total']:9.2f} "
          f"{row['accuracy']:9.4f} {ratio:>9}", flush=True)


def compare(options, threads, folder):
    flags = {"eager": [], "channels_last": ["--channels-last"]}
    rows = {name: [] for name in ["netc", *options.variants]}
    for _ in range(options.rounds):
        for name, done in rows.items():
            done.append(run_netc(options, threads, folder) if name == "netc"
                        else run_torch(options, threads, flags[name]))
    best = statistics.median(row["total"] for row in rows["netc"])
    for name, done in rows.items():
        median = {key: statistics.median(row[key] for row in done) if done[0][key] is not None
                  else None for key in done[0]}
        print_row(name if name == "netc" else f"PyTorch {name}", threads, median,
                  None if name == "netc" else best)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--threads", default="2,1")
    parser.add_argument("--variants", default="eager,channels_last", help="of PyTorch; \"\": none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default=os.path.join(os.environ.get("NETC_DATA", "data"),
                                                       "mnist"), help="the four files of MNIST")
    options = parser.parse_args()
    options.netc = os.path.abspath(options.netc)
    options.variants = [v for v in options.variants.split(",") if v]
    if not os.path.isdir(options.data):
        parser.error(f"{options.data} is no folder; `make data-mnist` fetches MNIST, --data or "
                     "NETC_DATA say where it is")
    print(f"{'mnist_conv, 5 epochs':24} {'thr':>3} {'compile s':>9} {'first step s':>12} "
          f"{'total s':>9} {'accuracy':>9} {'to netc':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for threads in options.threads.split(","):
            compare(options, int(threads), folder)


if __name__ == "__main__":
    main()
