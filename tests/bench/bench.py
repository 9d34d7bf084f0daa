#!/usr/bin/env python3
"""`make bench`: a training step here and in PyTorch, in turns, with the same threads.

Prints a table and writes an array of objects to --out (keys and units as below).
A time is the median of the rounds' medians; `ratio` is PyTorch's best time by netc's; `peak_share`
is netc's share of the multiply-add rate that the trainer measures in the same process. Each variant
is a process of its own, so that its memory and its time to the first step are its own; all wait
while one works. What cannot be had is null, and `note` says why.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
VARIANTS = ["eager", "channels_last", "compile"]

# name, the .net file, the function in torch_models.py, batch sizes, steps a round
CASES = [
    ("cnet", os.path.join(HERE, "dense.net"), "cnet", [64, 128], 400),
    ("mnist_conv", "models/mnist_conv.net", "mnist_conv", [64], 60),
    ("lenet5", "models/cifar10_lenet5.net", "lenet5", [64], 60),
    ("autoencoder", "models/mnist_denoise.net", "autoencoder", [64], 20),
    ("imdb_embedding_conv", "models/imdb_embedding_conv.net", "imdb_embedding_conv", [64], 20),
    ("imdb_bow", "models/imdb_bow_l2.net", "imdb_bow", [64], 40),
    ("meli_cnn", "models/meli_cnn.net", "meli_cnn", [128], 8),
    ("cifar100_alexnet", "models/cifar100_alexnet.net", "cifar100_alexnet", [64], 8),
    ("cifar10_vgg16", "models/cifar10_vgg16.net", "cifar10_vgg16", [64], 4),
    ("cifar10_resnet18", "models/cifar10_resnet18.net", "cifar10_resnet18", [64], 4),
]
IMAGES = {"mnist_conv", "lenet5", "autoencoder", "cifar100_alexnet", "cifar10_vgg16",
          "cifar10_resnet18"}      # channels_last has a meaning


# ---- a PyTorch variant, in a process of its own -----------------------------------------------------

def worker(model_name, variant, batch, threads, began):
    """Answers each line of standard input, a number of steps, with their median times in ms."""
    import torch
    import torch_models
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model, optimizer, loss_of, make_batch = getattr(torch_models, model_name)()
    x, y = make_batch(batch)
    if variant == "channels_last":
        model, x = model.to(memory_format=torch.channels_last), x.to(
            memory_format=torch.channels_last)

    def forward(x, y):
        return loss_of(model(x), y)
    if variant == "compile":
        forward = torch.compile(forward)

    def step():
        times = [time.perf_counter()]
        optimizer.zero_grad()
        loss = forward(x, y)
        times.append(time.perf_counter())
        loss.backward()
        times.append(time.perf_counter())
        optimizer.step()
        times.append(time.perf_counter())
        return [1e3 * (b - a) for a, b in zip(times, times[1:])] + [1e3 * (times[-1] - times[0])]

    step()
    first = time.time() - began
    for _ in range(3):
        step()
    print(json.dumps({"first_step_s": first}), flush=True)
    for line in sys.stdin:
        times = [step() for _ in range(int(line))]
        names = ["forward_ms", "backward_ms", "update_ms", "step_ms"]
        answer = {n: statistics.median(t) for n, t in zip(names, zip(*times))}
        answer["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(answer), flush=True)


class Worker:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--worker", *map(str, arguments),
             str(time.time())], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.first = json.loads(line)["first_step_s"] if line else None
        self.answers, self.fault = [], None
        if not line:
            lines = [x for x in self.process.stderr.read().splitlines() if x.strip()]
            self.fault = lines[-1][:120] if lines else "it ended"

    def run(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        self.answers.append(json.loads(self.process.stdout.readline()))

    def median(self, key):
        return statistics.median(a[key] for a in self.answers)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# ---- one row ----------------------------------------------------------------------------------------

def bench_trainer(trainer, batch, threads, steps):
    command = [trainer, "bench", "--json", "--steps", str(steps), "--batch", str(batch),
               "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def measure(name, model_name, trainer, batch, threads, steps, rounds, variants):
    row = {"model": name, "batch": batch, "threads": threads}
    notes, workers = [], {}
    for variant in variants:
        if variant == "channels_last" and model_name not in IMAGES:
            notes.append("channels_last: no images")
            continue
        made = Worker(model_name, variant, batch, threads)
        if made.fault:
            notes.append(f"{variant}: {made.fault}")
        else:
            workers[variant] = made
    ours = []
    for _ in range(rounds):
        ours.append(bench_trainer(trainer, batch, threads, steps))
        for made in workers.values():
            made.run(max(steps // 2, 2))
    for made in workers.values():
        made.close()

    def median(key):
        return statistics.median(o[key] for o in ours)
    row["netc_ms"] = median("step_ms")
    for variant in VARIANTS:
        row[f"torch_{variant}_ms"] = workers[variant].median("step_ms") if variant in workers \
            else None
    best = min(workers.values(), key=lambda w: w.median("step_ms")) if workers else None
    row["ratio"] = best.median("step_ms") / row["netc_ms"] if best else None
    row["peak_share"] = median("peak_share")
    row["netc_peak_mb"] = median("peak_mb")
    row["torch_peak_mb"] = best.median("peak_mb") if best else None
    row["samples_per_second"] = 1e3 * batch / row["netc_ms"]
    row["gflops"] = median("gflops")
    row["netc_first_step_s"] = median("first_step_s")
    row["torch_first_step_s"] = best.first if best else None
    for part in ("forward_ms", "backward_ms", "update_ms"):
        row[f"netc_{part}"] = median(part)
        row[f"torch_{part}"] = best.median(part) if best else None
    row["note"] = "; ".join(notes) or None
    return row


# ---- the table --------------------------------------------------------------------------------------

def cell(value, text, width):
    return f"{'-' if value is None else text.format(value):>{width}}"


HEADS = [("model", 20), ("batch", 5), ("thr", 3), ("netc ms", 9), ("rows/s", 8), ("GF/s", 6),
         ("peak", 5), ("eager", 9), ("ch. last", 9), ("compile", 9), ("ratio", 6), ("MB", 6),
         ("torch", 6), ("first s", 7), ("torch", 6)]


def print_row(row):
    cells = [cell(row["netc_ms"], "{:.3f}", 9), cell(row["samples_per_second"], "{:.0f}", 8),
             cell(row["gflops"], "{:.1f}", 6), cell(100 * row["peak_share"], "{:.0f}%", 5),
             *(cell(row[f"torch_{v}_ms"], "{:.3f}", 9) for v in VARIANTS),
             cell(row["ratio"], "{:.2f}", 6), cell(row["netc_peak_mb"], "{:.0f}", 6),
             cell(row["torch_peak_mb"], "{:.0f}", 6), cell(row["netc_first_step_s"], "{:.3f}", 7),
             cell(row["torch_first_step_s"], "{:.1f}", 6)]
    print(f"{row['model']:20} {row['batch']:5} {row['threads']:3} {' '.join(cells)}", flush=True)


def compile_trainer(netc, path, batch, output):
    path = os.path.join(ROOT, path)
    done = subprocess.run([netc, path, "--batch", str(batch), "-o", output], capture_output=True,
                          text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--out", default="bench.json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", default="", help="some of: " + " ".join(c[0] for c in CASES))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    arguments = parser.parse_args()
    wanted = arguments.models.replace(",", " ").split()
    unknown = set(wanted) - {c[0] for c in CASES}
    if unknown:
        parser.error(f"no model {' '.join(sorted(unknown))}; there are "
                     + " ".join(c[0] for c in CASES))
    netc = os.path.abspath(arguments.netc)
    try:
        import torch
        version, variants = f"PyTorch {torch.__version__}", arguments.variants.split(",")
    except ImportError:
        version, variants = "python3 has no torch (pip install torch): netc alone", []
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        print(version)
        print(" ".join(f"{h:>{w}}" if i else f"{h:{w}}" for i, (h, w) in enumerate(HEADS)))
        for name, path, model_name, batches, steps in CASES:
            if wanted and name not in wanted:
                continue
            for batch in batches:
                trainer = os.path.join(folder, f"{name}_{batch}")
                compile_trainer(netc, path, batch, trainer)
                for threads in map(int, arguments.threads.split(",")):
                    rows.append(measure(name, model_name, trainer, batch, threads, steps,
                                        arguments.rounds, variants))
                    print_row(rows[-1])
                os.remove(trainer)
        for row in rows:
            if row["note"]:
                print(f"{row['model']} {row['batch']}, {row['threads']} threads: {row['note']}")
        if not wanted:
            trainer = os.path.join(folder, "conv")
            compile_trainer(netc, os.path.join(HERE, "conv.net"), 64, trainer)
            print("\n3x3 convolutions, one thread, each kernel against the peak:", flush=True)
            subprocess.run([trainer, "bench", "--per-kernel", "--steps", "5", "--threads", "1"],
                           check=True)
    with open(arguments.out, "w") as file:
        json.dump(rows, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]))
    else:
        main()
