"""scaling.py -- a model on paper of training by ranks, of step times that are measured here.

A batch has 64 shards, each of the rows that the model has in a batch. A rank has two cores of this
machine, taken for twice as fast as one, of which the processor time is measured. It computes 64 / n
shards one behind another, and every rank makes the whole update:

    T(n) = 64 / n * (forward + backward + add) + update
           + what is waited for the gradient, behind the last backward
           + log2 n * message                                  the record: loss, weight, a signal
           + 2 * batchnorms * log2 n * message                 where rows meet, forward and back

`add` is the sum of a shard's gradient to those before, 3 bytes / memory. A message is latency
+ 2 * overhead. The gradient leaves in buckets of 1 MB, the last layers' first (ranks/buckets.c).
One is ready where the step of the last shard returns behind the kernel that makes it whole, by the
generated C and the measured times of the kernels that follow; of shards that run together (a
batchnorm) where all have come there. Buckets go one behind another, each taking

    2 log2 n * message + 2 (n - 1) / n * bytes / bandwidth + (n - 1) / n * 3 * bytes / memory

(recursive halving and doubling, and the sums: two read, one written). What is still on its way
when backward ends is waited for. Not in it: waiting for the slowest rank, reading data, evaluation
and checkpoints, others on the network, cores that sums and MPI take from backward. A batchnorm of
more than 1,024 channels would take as many messages again for each 1,024 more.
"""

import json
import re
import struct
import subprocess

from turns import run_bench

MODELS = ["cifar10_resnet18", "meli_cnn"]
SHARDS = 64
BANDWIDTH = 100e9 / 8   # bytes a second, each way
LATENCY = 1e-6          # seconds, of the network
OVERHEAD = 0.5e-6       # seconds of a processor, of MPI, at each end
UPDATE = 9              # times the gradient is read or written in it: adam, and before it a factor
MESSAGE = LATENCY + 2 * OVERHEAD
BUCKETS = [64, 256, 1024, 4096, 16384, None]    # KB; None: the whole gradient


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


def places(options, trainer):
    """Where a step returns: how many kernels are before it, from which byte on all is whole."""
    code = subprocess.run([options.netc, "--mpi", trainer + ".net", "--emit-c"], check=True,
                          capture_output=True, text=True).stdout
    rows = re.search(r"net_meeting meetings\[\] = \{\n(.*?)\n\};", code, re.S)
    wholes = re.findall(r"\{ (?:\.whole = (\d+))?", rows[1]) if rows else []
    found, kernels = [], 0
    step = code[code.index("void train_step("):]
    step = step[:step.index("\n}")]
    for number, place in re.findall(r"RUN\((\d+),|^    case (\d+):", step, re.M):
        if number:
            kernels = int(number) + 1
        elif int(place) and wholes[int(place) - 1]:
            found.append((kernels, int(wholes[int(place) - 1])))
    return found


class Step:
    """A trainer's: half of the processor's seconds that one thread takes."""

    def __init__(self, options, trainer):
        self.size, self.norms = count(trainer)
        answers = [run_bench(trainer, "--threads", 1, "--steps", 12, "--per-kernel")
                   for _ in range(3)]
        best = min(answers, key=lambda a: a["step_cpu_ms"])
        self.rows, self.memory = best["batch"], 1e9 * best["bandwidth_gbs"]
        self.update = UPDATE * self.size / self.memory
        self.shard = 0.5e-3 * best["step_cpu_ms"] - self.update
        times = [k["us"] for k in best["kernels"]]      # by the clock: for their shares
        part = self.shard / sum(times)
        self.places = [(part * sum(times[kernels:]), whole)
                       for kernels, whole in places(options, trainer)]

    def computing(self, ranks):
        return SHARDS / ranks * (self.shard + 3 * self.size / self.memory) + self.update

    def waited(self, ranks, bucket):
        """Seconds behind backward until the gradient of all ranks is there; all that it takes."""
        levels, part = ranks.bit_length() - 1, (ranks - 1) / ranks
        together = SHARDS / ranks if self.norms else 1
        free, end, spent = float("-inf"), self.size, 0.0    # 0: backward ends
        while end > 0 and levels:
            begin = max(0, end - (bucket or self.size))
            ready = min([-together * left for left, whole in self.places if whole <= begin] + [0])
            took = 2 * levels * MESSAGE + (end - begin) * part * (2 / BANDWIDTH + 3 / self.memory)
            free, end, spent = max(free, ready) + took, begin, spent + took
        return max(free, 0), spent

    def messages(self, ranks):
        return (1 + 2 * self.norms) * (ranks.bit_length() - 1) * MESSAGE


def show(options, folder):
    print(f"\nModel: {SHARDS} shards, {BANDWIDTH * 8e-9:.0f} Gbit/s, {1e6 * LATENCY:g} us")
    print("| model | rows | gradient | ranks | computing, ms | sent, ms | waited for, ms | speed "
          "| efficiency |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    steps = {}
    for name in MODELS:
        trainer, fault = options.build(options, name, folder, mpi=True)
        if fault:
            print(f"| `{name}` | refused: {fault} |")
            continue
        step = steps[name] = Step(options, trainer)
        for ranks in (1, 2, 4, 8, 16, 32, 64):
            waited, sent = step.waited(ranks, 1 << 20)
            whole = step.computing(ranks) + waited + step.messages(ranks)
            print(f"| `{name}` | {SHARDS * step.rows} | {1e-6 * step.size:.1f} MB | {ranks} | "
                  f"{1e3 * step.computing(ranks):.1f} | {1e3 * (sent + step.messages(ranks)):.2f} "
                  f"| {1e3 * (waited + step.messages(ranks)):.2f} | "
                  f"{step.computing(1) / whole:.1f}x | "
                  f"{100 * step.computing(1) / whole / ranks:.0f}% |", flush=True)
    print("\nWaited for behind backward, ms, by the size of a bucket")
    print("| model | ranks |" + "".join(f" {size or 'all'} KB |".replace("all KB", "all of it")
                                        for size in BUCKETS))
    print("| --- | ---: |" + " ---: |" * len(BUCKETS))
    for name, step in steps.items():
        for ranks in (2, 8, 64):
            print(f"| `{name}` | {ranks} |" + "".join(
                f" {1e3 * step.waited(ranks, size and size << 10)[0]:.2f} |" for size in BUCKETS))
