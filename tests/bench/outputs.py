#!/usr/bin/env python3
"""What the outputs of a run cost: five epochs of models/mnist_conv.net on MNIST with every one of
them (report page, TensorBoard, MLflow's files, steps, curves in the terminal) beside as few as
there can be, in turns. Whole processes by the clock and by processor time; the medians of pairs."""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from turns import compile_trainer

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(os.path.dirname(os.path.dirname(HERE)), "models", "mnist_conv.net")


def run(trainer, folder, options, every):
    out = os.path.join(folder, "run")
    command = [trainer, "--data", options.data, "--epochs", str(options.epochs), "--out", out]
    if every:
        command += ["--tensorboard", out + ".board", "--mlflow", out + ".mlflow", "--track-every",
                    "10", "--log-steps", out + ".csv", "--plot"]
    else:
        command += ["--quiet"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    clock = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    for name in os.listdir(folder):
        if name.startswith("run"):
            path = os.path.join(folder, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--data",
                        default=os.path.join(os.environ.get("NETC_DATA", "data"), "mnist"))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        trainer = os.path.join(folder, "trainer")
        compile_trainer(options.netc, MODEL, trainer)
        run(trainer, folder, options, False)        # the data are in the system's cache then
        for i in range(options.rounds):
            order = (True, False) if i % 2 else (False, True)
            pair = {every: run(trainer, folder, options, every) for every in order}
            pairs.append((pair[False], pair[True]))
    print(f"{'':10} {'few, s':>8} {'every, s':>8} {'ratio of pairs':>14} {'of the fastest':>14}")
    for k, name in enumerate(("clock", "processor")):
        few, every = ([pair[side][k] for pair in pairs] for side in (0, 1))
        print(f"{name:10} {statistics.median(few):8.2f} {statistics.median(every):8.2f} "
              f"{statistics.median(b / a for a, b in zip(few, every)):14.3f} "
              f"{min(every) / min(few):14.3f}")


if __name__ == "__main__":
    main()
