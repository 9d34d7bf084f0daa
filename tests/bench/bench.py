#!/usr/bin/env python3
"""`make bench`: a training step here and in PyTorch, in turns, with the same threads.

Prints a table and writes an array of objects to --out: model batch threads netc_ms torch_eager_ms
torch_compile_ms ratio peak_share. A time is the median of the rounds' medians; ratio is PyTorch's
better time by netc's; peak_share is netc's share of the multiply-add rate that the trainer
measures in the same process. What cannot be had is null: without torch, netc is measured alone.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

try:
    import torch
except ImportError:
    torch = None

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def make_dense():
    nn = torch.nn
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128),
                          nn.ReLU(), nn.Linear(128, 10))
    return model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


def make_conv():
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.BatchNorm2d(32, momentum=0.01, eps=1e-3),
        nn.Conv2d(32, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.BatchNorm2d(16, momentum=0.01, eps=1e-3),
        nn.Flatten(), nn.Linear(784, 10))
    return model, torch.optim.Adam(model.parameters(), lr=1e-3)


# model, its file, PyTorch's form of it, batch sizes, steps a round
CASES = [
    ("784-256-128-10", os.path.join(HERE, "dense.net"), make_dense, [64, 128], 400),
    ("mnist_conv", os.path.join(ROOT, "models", "mnist_conv.net"), make_conv, [64], 60),
]


class TorchStep:
    """One training step of a model, eager or compiled."""

    def __init__(self, make, batch, compiled):
        torch.manual_seed(0)
        self.model, self.optimizer = make()
        self.x, self.y = torch.rand(batch, 1, 28, 28), torch.randint(0, 10, (batch,))
        self.loss = torch.nn.functional.cross_entropy
        self.forward = torch.compile(self.loss_of) if compiled else self.loss_of
        for _ in range(10):
            self.step()

    def loss_of(self, x, y):
        return self.loss(self.model(x), y)

    def step(self):
        self.optimizer.zero_grad()
        self.forward(self.x, self.y).backward()
        self.optimizer.step()

    def median(self, steps):
        times = []
        for _ in range(steps):
            begin = time.perf_counter()
            self.step()
            times.append(time.perf_counter() - begin)
        return statistics.median(times) * 1e3


def make_torch(make, batch, compiled):
    """A step, or None where this PyTorch cannot make it."""
    if torch is None:
        return None
    try:
        if compiled:
            torch._dynamo.reset()
        return TorchStep(make, batch, compiled)
    except Exception as error:  # torch.compile fails in many ways: without a C++ compiler, ...
        print(f"torch.compile does not run here: {type(error).__name__}", file=sys.stderr)
        return None


def bench_trainer(trainer, batch, threads, steps):
    command = [trainer, "bench", "--json", "--steps", str(steps), "--batch",
               str(batch), "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def measure(name, make, trainer, batch, threads, steps, rounds):
    if torch is not None:
        torch.set_num_threads(threads)
    eager = make_torch(make, batch, False)
    compiled = make_torch(make, batch, True)
    ours, shares, eager_ms, compiled_ms = [], [], [], []
    for _ in range(rounds):
        result = bench_trainer(trainer, batch, threads, steps)
        ours.append(result["step_ms"])
        shares.append(result["peak_share"])
        if eager:
            eager_ms.append(eager.median(steps // 4))
        if compiled:
            compiled_ms.append(compiled.median(steps // 4))
    netc_ms = statistics.median(ours)
    theirs = [statistics.median(ms) for ms in (eager_ms, compiled_ms) if ms]
    return {
        "model": name, "batch": batch, "threads": threads, "netc_ms": netc_ms,
        "torch_eager_ms": statistics.median(eager_ms) if eager_ms else None,
        "torch_compile_ms": statistics.median(compiled_ms) if compiled_ms else None,
        "ratio": min(theirs) / netc_ms if theirs else None,
        "peak_share": statistics.median(shares),
    }


def cell(value, text):
    return "-" if value is None else text.format(value)


def print_row(row):
    print(f"{row['model']:16} {row['batch']:5} {row['threads']:7} {row['netc_ms'] * 1e3:10.1f} "
          f"{row['batch'] / row['netc_ms'] * 1e3:10.0f} {row['peak_share'] * 100:6.0f} % "
          f"{cell(row['torch_eager_ms'], '{:11.3f}'):>11} "
          f"{cell(row['torch_compile_ms'], '{:13.3f}'):>13} {cell(row['ratio'], '{:6.2f}'):>6}",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--out", default="bench.json")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    netc = os.path.abspath(arguments.netc)
    rows = []

    print(f"PyTorch {torch.__version__}" if torch else
          "python3 has no torch (pip install torch): netc is measured alone")
    print(f"{'model':16} {'batch':>5} {'threads':>7} {'netc us':>10} {'samples/s':>10} "
          f"{'of peak':>8} {'eager ms':>11} {'compile ms':>13} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for name, path, make, batches, steps in CASES:
            for batch in batches:
                trainer = os.path.join(folder, f"trainer_{batch}")
                subprocess.run([netc, path, "--batch", str(batch), "-o", trainer], check=True)
                for threads in (1, 2):
                    rows.append(measure(name, make, trainer, batch, threads, steps,
                                        arguments.rounds))
                    print_row(rows[-1])
        trainer = os.path.join(folder, "conv")
        subprocess.run([netc, os.path.join(HERE, "conv.net"), "-o", trainer], check=True)
        print("\n3x3 convolutions, one thread, each kernel against the peak:", flush=True)
        subprocess.run([trainer, "bench", "--per-kernel", "--steps", "5",
                        "--threads", "1"], check=True)
    with open(arguments.out, "w") as file:
        json.dump(rows, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
