#!/usr/bin/env python3
"""A prediction of the C library, of the trainer (bench --evaluate), of ONNX Runtime and of PyTorch,
in turns, of prepared rows: microseconds by the clock, medians of the rounds' medians. The library
runs on one thread. `KB` is its code, without weights; `MB`, `disk MB` and `first ms` are the
process's most memory, what has to be there besides Python (the weights, and the library, the
trainer or the package alone, without those that it wants), and the time from its start, imports and
all, to the first answer."""

import argparse
import contextlib
import importlib.util
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import bench
from turns import Others, Torch, compile_trainer, run_bench

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = {name: (os.path.join(bench.ROOT, path), network)
          for name, path, network, _, _ in bench.CASES
          if name in ("cnet", "lenet5", "mnist_conv", "imdb_embedding_conv", "cifar10_resnet18",
                      "meli_cnn")}
HOST = r"""
#include "NAME.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void *memory(size_t size)
{
    void *at = aligned_alloc(64, (size + 63) / 64 * 64);

    return at ? at : (exit(1), NULL);
}

int main(int count, char **words)
{
    enum { ROWS = BATCH, SIZE = ROWS * NAME_INPUT_size, MOST = 1 << 20 };
    static INPUT_TYPE x[SIZE];
    static float y[ROWS * NAME_OUTPUT_size];
    static double seconds[MOST];
    FILE *file = fopen(words[1], "rb");
    void *bytes = memory(FILE_SIZE), *weights = memory(NAME_weights_size());
    void *arena = memory(NAME_size());
    struct rusage used;
    char line[80];

    for (int i = 0; i < SIZE; i++)
        x[i] = (INPUT_TYPE)(i * 7 % 1000) / SCALE;
    if (count != 3 || !file || fread(bytes, 1, FILE_SIZE, file) != FILE_SIZE ||
        NAME_open(bytes, FILE_SIZE, weights, NULL) || CALL)
        return 1;
    free(bytes);
    printf("{\"first_step_s\": %.9f}\n", now() - atof(words[2]));
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        const double end = now() + atof(line);
        int steps = 0;

        CALL;
        while (steps < 3 || (steps < MOST && now() < end)) {
            const double before = now();

            CALL;
            seconds[steps++] = now() - before;
        }
        qsort(seconds, (size_t)steps, sizeof *seconds, compare);
        getrusage(RUSAGE_SELF, &used);
        printf("{\"us\": %.3f, \"peak_mb\": %.2f}\n", 1e6 * seconds[steps / 2],
               (double)used.ru_maxrss / 1024);
        fflush(stdout);
    }
    return 0;
}
"""


class Library(Torch):
    """The host, which works in turns as PyTorch's processes do."""

    def command(self, host, weights, batch, threads):
        return [host, weights, str(time.time())]


class Inference(Torch):
    worker = os.path.join(HERE, "inference_step.py")


def make_host(netc, path, weights, batch, folder):
    """(program, bytes of the library's code)"""
    name = os.path.basename(path)[:-4]
    made = os.path.join(folder, f"{name}-{batch}")
    done = subprocess.run([netc, path, "--library", "-o", made,
                           *(["--batch", str(batch)] if batch > 1 else [])],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    with open(os.path.join(made, name + ".h")) as file:
        header = file.read()
    kind, given = re.search(r"_run\(const void \*weights, const (\w+) \*(\w+)", header).groups()
    output = re.search(rf"{name}_(\w+)_size = \d+,\n}}", header).group(1)
    call = (f"{name}_run_batch(weights, {batch}, x, y, arena)" if batch > 1
            else f"{name}_run(weights, x, y, arena)")
    text = HOST.replace("CALL", call).replace("NAME", name).replace("INPUT_TYPE", kind)
    text = text.replace("INPUT", given).replace("OUTPUT", output).replace("BATCH", str(batch))
    text = text.replace("FILE_SIZE", str(os.path.getsize(weights)))
    text = text.replace("SCALE", "1000" if kind == "float" else "1")
    with open(made + ".c", "w") as file:
        file.write(text)
    subprocess.run(["clang", "-O2", made + ".c", "-I" + made,
                    os.path.join(made, f"lib{name}.a"), "-o", made + ".host"], check=True)
    return made + ".host", os.path.getsize(os.path.join(made, f"lib{name}.so"))


def package_size(name):
    """Bytes of an installed package's folder, or 0."""
    found = importlib.util.find_spec(name)
    return sum(os.lstat(os.path.join(at, file)).st_size
               for at, _, files in os.walk(os.path.dirname(found.origin) if found else "")
               for file in files)


def disk_sizes(code, trainer, weights, graph):
    """Bytes, in the order of the table's columns."""
    network, torch = os.path.getsize(weights), package_size("torch")
    return [code + network, os.path.getsize(trainer) + network,
            package_size("onnxruntime") + os.path.getsize(graph), torch + network, torch + network]


def compare(name, batch, threads, options, folder):
    path, network = MODELS[name]
    trainer, weights = os.path.join(folder, name), os.path.join(folder, name + ".safetensors")
    graph = os.path.join(folder, name + ".onnx")
    if not os.path.exists(trainer):
        compile_trainer(options.netc, path, trainer)
        run = [[trainer, "init", "--seed", "1", "-o", weights],
               [trainer, "export", "--weights", weights, "-o", graph]]
        for command in run:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    host, size = make_host(options.netc, path, weights, batch, folder)
    found = importlib.util.find_spec
    wanted = [("onnx", Inference, (graph, "onnx"))] if found("onnxruntime") else []
    wanted += [(v, Inference, (network, v)) for v in options.variants if found("torch")]
    others, own = {}, []
    with contextlib.ExitStack() as stack:
        for key, kind, words in [("library", Library, (host, weights)), *wanted]:
            others[key] = stack.enter_context(contextlib.closing(kind(*words, batch, threads)))
        for _ in range(options.rounds):
            own.append(run_bench(trainer, "--evaluate", "--batch", batch, "--threads", threads,
                                 "--steps", 200 if batch == 1 else 20))
            for worker in others.values():
                worker.turn(options.turn)
    return size, disk_sizes(size, trainer, weights, graph), own, others


def row(name, batch, threads, size, disk, own, others):
    times, memory, first = [], [], []
    for key in ("library", "trainer", "onnx", "eager", "compile"):
        one = others.get(key)
        if key == "trainer":
            times.append(1e3 * statistics.median(a["step_ms"] for a in own))
            memory.append(own[0]["peak_mb"])
            first.append(own[0]["first_step_s"])
        elif one and one.answers and not one.fault:
            times.append(one.median("us"))
            memory.append(one.median("peak_mb"))
            first.append(one.first)
        else:
            times.append(None)
            memory.append(None)
            first.append(None)
    shown = [bench.three_digits(t) if t else "-" for t in times]
    ahead = [t for t in times[2:] if t]
    return [f"`{name}`", batch, threads, *shown,
            f"{min(ahead) / times[0]:.1f}" if ahead else "-", f"{size / 1024:.0f}",
            " / ".join(f"{m:.0f}" if m else "-" for m in memory),
            " / ".join(f"{s / 1e6:.1f}" if t else "-" for s, t in zip(disk, times)),
            " / ".join(f"{1e3 * s:.0f}" if s else "-" for s in first)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--netc", default="build/netc")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turn", type=float, default=0.6, help="seconds of a turn, at least")
    parser.add_argument("--batches", default="1,64")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--variants", default="eager,compile", help="of PyTorch")
    parser.add_argument("models", nargs="*", metavar="MODEL", help=" ".join(MODELS))
    options = parser.parse_args()
    options.netc = os.path.abspath(options.netc)
    options.variants = [v for v in options.variants.split(",") if v]
    others = Others()
    print(bench.machine_text() + ";", others.before() + "\n")
    heads = ["model", "rows", "threads", "library us", "trainer", "ONNX Runtime", "PyTorch",
             "compiled", "times", "KB", "MB of each", "disk MB of each", "first ms of each"]
    print("| " + " | ".join(heads) + " |\n" + "| --- " + "| ---: " * (len(heads) - 1) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.models or MODELS:
            for batch in map(int, options.batches.split(",")):
                for threads in map(int, options.threads.split(",")):
                    cells = row(name, batch, threads,
                                *compare(name, batch, threads, options, folder))
                    print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    print("\n" + others.after())


if __name__ == "__main__":
    bench.end_on_signal()
    main()
