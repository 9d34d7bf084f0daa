#!/usr/bin/env python3
"""What a trainer's own choice of threads costs beside one thread and all: training runs of so many
steps, started anew each time, in turns, with the machine as it is and with one core kept busy by
another process. Medians over the starts, of the clock; `worst` is the median of the default over
the smaller of the two others."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from turns import compile_trainer

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "models")
CASES = [  # model, folder of data, batch, steps
    ("cnet_mnist", "mnist", 1, 20000),
    ("cnet_mnist", "mnist", 64, 4000),
    ("pima", "pima", 32, 4000),
    ("mnist_conv", "mnist", 64, 800),
    ("imdb_embedding_conv", "imdb", 64, 200),
]


def run(trainer, out, data, batch, steps, threads):
    command = [trainer, "--data", data, "--batch", str(batch), "--max-steps", str(steps), "--out",
               out, "--force", "--quiet"]
    if threads:
        command += ["--threads", str(threads)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return time.perf_counter() - began


def compare(trainer, folder, case, options):
    _, data, batch, steps = case
    times = {1: [], options.threads: [], None: []}
    for _ in range(options.starts):
        for threads, seconds in times.items():
            seconds.append(run(trainer, os.path.join(folder, "run"),
                               os.path.join(options.data, data), batch, steps, threads))
    one, most, own = (statistics.median(seconds) for seconds in times.values())
    return one, most, own, own / min(one, most)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--data", default=os.environ.get("NETC_DATA", "data"))
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("models", nargs="*")
    options = parser.parse_args()
    print(f"| model | batch | machine | 1 thread, s | {options.threads} | default | worst |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if options.models and case[0] not in options.models:
                continue
            trainer = os.path.join(folder, case[0])
            if not os.path.exists(trainer):
                compile_trainer(options.netc, os.path.join(MODELS, case[0] + ".net"), trainer)
            for busy in (False, True):
                other = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
                         for _ in range(busy)]
                try:
                    row = compare(trainer, folder, case, options)
                finally:
                    for process in other:
                        process.kill()
                        process.wait()
                print(f"| `{case[0]}` | {case[2]} | {'one core busy' if busy else 'idle'} | "
                      + " | ".join(f"{seconds:.2f}" for seconds in row) + " |", flush=True)


if __name__ == "__main__":
    main()
