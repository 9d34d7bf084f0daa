"""scaling.py -- a model on paper of training by ranks, of step times that are measured here.

A batch has 64 shards, each of the rows that the model has in a batch. A rank has two cores of this
machine and computes 64 / n shards one behind another; then the gradient is summed (recursive
halving and doubling, as ranks/ranks.c does, no part of it while shards are still computed), and
every rank makes the whole update:

    T(n) = 64 / n * (forward + backward + add) + update
           + 2 log2 n * (latency + 2 * overhead) + log2 n * (latency + 2 * overhead)    messages
           + 2 (n - 1) / n * bytes / bandwidth                                       the gradient
           + (n - 1) / n * 3 * bytes / memory                       the sums: two read, one written

`add` is the sum of a shard's gradient to those before, 3 bytes / memory. Not in it: waiting for
the slowest rank, reading data, evaluation and checkpoints, others on the network. A batchnorm over
all shards sends its two numbers a channel in one exchange a level of the tree, forward and back
(training/meetings.c), 2 log2 n messages, counted as latency; of more than 1,024 channels it would
take as many again for each 1,024 more.
"""

import json
import struct
import subprocess

from turns import run_bench

MODELS = ["cifar10_resnet18", "meli_cnn"]
SHARDS = 64
BANDWIDTH = 100e9 / 8   # bytes a second, each way
LATENCY = 1e-6          # seconds, of the network
OVERHEAD = 0.5e-6       # seconds of a processor, of MPI, at each end


def count(trainer):
    """The bytes of its weights, as `init` writes them, and how many batchnorms there are."""
    path = trainer + ".safetensors"
    subprocess.run([trainer, "init", "-o", path], check=True, capture_output=True)
    with open(path, "rb") as file:
        head = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    del head["__metadata__"]
    sizes = {name: tensor["data_offsets"][1] - tensor["data_offsets"][0]
             for name, tensor in head.items()}
    return (sum(size for name, size in sizes.items() if "running_" not in name),
            sum("running_mean" in name for name in sizes))


def step_time(ranks, shard, update, size, norms, memory):
    """Seconds: computing, and what is said."""
    levels = ranks.bit_length() - 1
    part = (ranks - 1) / ranks
    message = LATENCY + 2 * OVERHEAD
    return (SHARDS / ranks * (shard + 3 * size / memory) + update,
            (3 * levels + 2 * norms * levels) * message + 2 * part * size / BANDWIDTH
            + part * 3 * size / memory)


def show(options, folder):
    print(f"\nModel: {SHARDS} shards, {BANDWIDTH * 8e-9:.0f} Gbit/s, {1e6 * LATENCY:g} us")
    print("| model | rows | gradient | ranks | computing, ms | messages, ms | speed | efficiency |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in MODELS:
        trainer, fault = options.build(options, name, folder)
        if fault:
            print(f"| `{name}` | refused: {fault} |")
            continue
        size, norms = count(trainer)
        answers = [run_bench(trainer, "--threads", 2) for _ in range(3)]
        best = min(answers, key=lambda a: a["step_least_ms"])
        # kernels' shares are of the median; all of the least
        part = best["step_least_ms"] / (best["forward_ms"] + best["backward_ms"]
                                        + best["update_ms"])
        shard = 1e-3 * part * (best["forward_ms"] + best["backward_ms"])
        update = 1e-3 * part * best["update_ms"]
        one = sum(step_time(1, shard, update, size, norms, 1e9 * best["bandwidth_gbs"]))
        for ranks in (1, 2, 4, 8, 16, 32, 64):
            computing, messages = step_time(ranks, shard, update, size, norms,
                                            1e9 * best["bandwidth_gbs"])
            all_of_it = computing + messages
            print(f"| `{name}` | {SHARDS * best['batch']} | {1e-6 * size:.1f} MB | {ranks} | "
                  f"{1e3 * computing:.1f} | {1e3 * messages:.2f} | {one / all_of_it:.1f}x | "
                  f"{100 * one / all_of_it / ranks:.0f}% |", flush=True)
